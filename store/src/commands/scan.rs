//! SCAN: going through a database in steps, shard by shard.
//!
//! A cursor is a place in the order of slots (see [`crate::dict::Cursor`]), so it names the shard
//! that the next step is for; [`slot_of_cursor`] is what routing asks. A step works on one partition
//! and ends with it at the latest: the next one then begins with the next shard's first slot.

use shardwright_codec::listpack::Element;
use shardwright_codec::number::{MAX_I64_LEN, parse_i64_strict};
use shardwright_codec::resp::{Args, ReplyWriter};

use super::{keys_arguments, write_element};
use crate::command::{Categories, DataCommand, Flags, Group, Outcome, Spec};
use crate::context::ReadCx;
use crate::dict::{Cursor, EntryRef};
use crate::error::CommandError;
use crate::glob::glob_match;
use crate::hash::POSITION_BITS;
use crate::partition::Partition;
use crate::types::{SLOT_COUNT, Slot, SlotRange};
use crate::value::Kind;

/// Keys that a step returns without COUNT, about.
const DEFAULT_COUNT: usize = 10;

/// How many times COUNT a step may pass in keys and empty buckets, as in Redis, so that a sparse
/// table bounds it too.
const EFFORT: usize = 10;

const INVALID_CURSOR: CommandError = CommandError::Text("ERR invalid cursor");

/// SCAN.
pub const COMMAND: DataCommand = DataCommand::read(
    Spec::new("scan", Group::Generic, -2)
        .flags(&[Flags::READONLY, Flags::CURSOR])
        .categories(&[Categories::KEYSPACE])
        .doc(
            "2.8.0",
            "O(1) for every call. O(N) for a complete iteration, including enough command calls \
             for the cursor to return back to 0. N is the number of elements inside the \
             collection.",
            "Go through the keys of the selected database in steps",
        )
        .tips(&["nondeterministic_output", "request_policy:special"])
        .arguments(keys_arguments::SCAN)
        .history(keys_arguments::SCAN_HISTORY)
        .example(
            // The key's slot is the last one and the cursor its beginning, so that the example is
            // true on any number of shards.
            "> SET scan:acgk Hello\nOK\n\
             > SCAN 9006649498927104 MATCH scan:* COUNT 100\n\
             1) \"0\"\n\
             2) 1) \"scan:acgk\"",
        ),
    scan,
);

/// The slot that a step of SCAN with this cursor begins with: its shard has to run it. Slot 0 if the
/// cursor is none or lies behind all slots, where any shard gives the answer.
pub fn slot_of_cursor(text: &[u8]) -> Slot {
    parse_cursor(text).and_then(slot_of).unwrap_or_default()
}

fn slot_of(cursor: Cursor) -> Option<Slot> {
    let number = u16::try_from(cursor.0 >> POSITION_BITS).ok()?;
    (number < SLOT_COUNT).then(|| Slot::new(number))
}

/// Reads a cursor as Redis does, by the rules of C's `strtoul`: up to a zero byte, with a sign if
/// there is one (a negative number counts from the top), and no digits mean 0 if nothing else is
/// there either.
fn parse_cursor(text: &[u8]) -> Option<Cursor> {
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    let (negative, digits) = match text {
        [] => return Some(Cursor(0)),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.is_ascii_digit().then_some(u64::from(byte.wrapping_sub(b'0')))?;
        number.checked_mul(10)?.checked_add(digit)
    })?;
    Some(Cursor(if negative { number.wrapping_neg() } else { number }))
}

fn scan(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let cursor = parse_cursor(args.at(1)).ok_or(INVALID_CURSOR)?;
    let options = Options::parse(args.skip(2))?;
    let Some(slot) = slot_of(cursor) else {
        step_reply(reply, Cursor(0), 0, &[]);
        return Ok(());
    };
    let mut partitions = cx.partitions();
    let owner = partitions.find(|partition| partition.slots().contains(slot));
    // Routing sends a cursor to its shard; elsewhere it cannot be followed.
    let partition = owner.ok_or(INVALID_CURSOR)?;
    let (mut keys, mut found) = (Vec::new(), 0);
    let mut body = ReplyWriter::new(&mut keys, reply.protocol());
    let next = step(partition, cx, cursor, options.count, &mut |entry| {
        if !cx.is_due(&entry) && options.select(&entry) {
            body.bulk(entry.key());
            found += 1;
        }
    });
    let next = if next == Cursor::end_of(SlotRange::ALL) { Cursor(0) } else { next };
    step_reply(reply, next, found, &keys);
    Ok(())
}

/// HSCAN, SSCAN and ZSCAN: `step` goes through a collection from a cursor on, about so many members,
/// and tells each, with what belongs to it, if anything; it returns where to go on.
///
/// # Errors
/// The cursor is none; then what is wrong with the key; the options are wrong and there is a
/// collection.
pub(super) fn scan_members(
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    step: Result<Option<impl FnOnce(u64, usize, &mut Member<'_>) -> u64>, CommandError>,
) -> Outcome {
    let cursor = parse_cursor(args.at(2)).ok_or(INVALID_CURSOR)?;
    let Some(step) = step? else {
        step_reply(reply, Cursor(0), 0, &[]);
        return Ok(());
    };
    let options = Options::parse(args.skip(3))?;
    if options.kind.is_some() {
        return Err(CommandError::Syntax);
    }
    let (mut members, mut found) = (Vec::new(), 0);
    let mut body = ReplyWriter::new(&mut members, reply.protocol());
    let next = step(cursor.0, options.count, &mut |member, more| {
        let text = member.text(&mut [0; MAX_I64_LEN]).to_vec();
        if options.pattern.is_none_or(|pattern| glob_match(pattern, &text, false)) {
            body.bulk(&text);
            more.into_iter().for_each(|more| write_element(more, &mut body));
            found += 1 + usize::from(more.is_some());
        }
    });
    step_reply(reply, Cursor(next), found, &members);
    Ok(())
}

/// Takes a member of a collection that is scanned, and what belongs to it.
pub(super) type Member<'m> = dyn FnMut(Element<'_>, Option<Element<'_>>) + 'm;

fn step_reply(reply: &mut ReplyWriter<'_>, next: Cursor, found: usize, keys: &[u8]) {
    reply.array(2);
    reply.bulk(next.0.to_string().as_bytes());
    reply.array(found);
    reply.raw(keys);
}

/// Visits at least `count` entries, if the partition has so many from the cursor on and they do not
/// lie too thin.
fn step(
    partition: &Partition,
    cx: &ReadCx<'_>,
    cursor: Cursor,
    count: usize,
    visit: &mut dyn FnMut(EntryRef<'_>),
) -> Cursor {
    let end = Cursor::end_of(partition.slots());
    let Some(db) = partition.db(cx.frame.db) else { return end };
    let mut effort = count.saturating_mul(EFFORT);
    let (mut at, mut visited) = (cursor, 0);
    while at < end && visited < count && effort > 0 {
        let budget = (count - visited).min(effort);
        effort -= budget;
        at = db.dict().scan(at, budget, &mut |entry| {
            visited += 1;
            visit(entry);
        });
    }
    at
}

/// What SCAN's options ask for.
struct Options<'a> {
    count: usize,
    /// MATCH, if it is not `*`.
    pattern: Option<&'a [u8]>,
    /// TYPE; a name that no data type has selects nothing.
    kind: Option<Option<Kind>>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Self, CommandError> {
        let mut options = Self { count: DEFAULT_COUNT, pattern: None, kind: None };
        let mut words = args.iter();
        while let Some(option) = words.next() {
            let value = words.next().ok_or(CommandError::Syntax)?;
            match option.to_ascii_uppercase().as_slice() {
                b"COUNT" => {
                    let count = parse_i64_strict(value).ok_or(CommandError::NotInteger)?;
                    options.count = usize::try_from(count)
                        .ok()
                        .filter(|&n| n > 0)
                        .ok_or(CommandError::Syntax)?;
                }
                b"MATCH" => options.pattern = (value != b"*").then_some(value),
                b"TYPE" => options.kind = Some(Kind::from_name(value)),
                _ => return Err(CommandError::Syntax),
            }
        }
        Ok(options)
    }

    fn select(&self, entry: &EntryRef<'_>) -> bool {
        self.kind.is_none_or(|kind| kind == Some(entry.kind()))
            && self.pattern.is_none_or(|pattern| glob_match(pattern, entry.key(), false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_strtoul_does() {
        let read = |text: &[u8]| parse_cursor(text).map(|cursor| cursor.0);
        for (text, cursor) in [
            (&b"0"[..], 0),
            (b"", 0),
            (b"+5", 5),
            (b"007", 7),
            (b"-1", u64::MAX),
            (b"-18446744073709551615", 1),
            (b"18446744073709551615", u64::MAX),
            (b"5\0abc", 5),
        ] {
            assert_eq!(read(text), Some(cursor), "{}", text.escape_ascii());
        }
        for text in ["18446744073709551616", " 5", "5 ", "-", "+", "0x10", "a", "+-5"] {
            assert_eq!(read(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_cursor_names_its_slot() {
        let cursor = (5_u64 << POSITION_BITS) + 7;
        assert_eq!(slot_of_cursor(cursor.to_string().as_bytes()).get(), 5);
        assert_eq!(slot_of_cursor(b"0").get(), 0);
        assert_eq!(slot_of_cursor(b"18446744073709551615").get(), 0, "behind all slots");
        assert_eq!(slot_of_cursor(b"no cursor").get(), 0);
    }
}
