//! HyperLogLog commands: the table of the family, and its handlers. A HyperLogLog is a string whose
//! bytes [`crate::hyperloglog`] knows; what is written of one is, where that is less, only what has
//! changed.

use std::ops::Range;

use shardwright_codec::resp::{Args, ReplyWriter};

use super::hyperloglog_arguments as args;
use super::hyperloglog_debug::{pfdebug, pfselftest};
use super::string_value::Text;
use crate::command::{
    Categories, DataCommand, DocFlags, Flags, Group, KeySpec, KeyUse, Outcome, Spec,
};
use crate::context::{Ttl, WriteCx};
use crate::dict::EntryRef;
use crate::effect::Event;
use crate::error::CommandError;
use crate::hyperloglog::sparse::Place;
use crate::hyperloglog::{self as hll, Damaged, Encoding, Registers, Update, dense};
use crate::value::{Kind, NewValue};

/// Elements were counted.
const COUNTED: Event = Event::string("pfadd");

const NOT_ONE: CommandError =
    CommandError::Text("WRONGTYPE Key is not a valid HyperLogLog string value.");

impl From<Damaged> for CommandError {
    fn from(_: Damaged) -> Self {
        Self::Text("INVALIDOBJ Corrupted HLL object detected")
    }
}

/// The family's commands.
pub const COMMANDS: &[DataCommand] = &[
DataCommand::write(
    Spec::new("pfadd", Group::HyperLogLog, -2)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::HYPERLOGLOG])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::INSERT))])
        .doc("2.8.9", "O(1) to add every element.", "Count elements in a HyperLogLog, which is made if need be")
        .arguments(args::PFADD)
        .example("> PFADD pfadd:key a b c\n(integer) 1\n> PFADD pfadd:key a\n(integer) 0\n> PFCOUNT pfadd:key\n(integer) 3"),
    pfadd,
),
// It writes what it has counted into the value, as in Redis, which calls it a reader all the same.
DataCommand::write(
    Spec::new("pfcount", Group::HyperLogLog, -2)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::HYPERLOGLOG])
        .keys(&[KeySpec::rest(1, 1, KeyUse::RW.with(KeyUse::ACCESS)).notes("RW because it may change the internal representation of the key, and propagate to replicas")])
        .doc("2.8.9", "O(1) with a very small average constant time when called with a single key. O(N) with N being the number of keys, and much bigger constant times, when called with multiple keys.", "Estimate how many different elements HyperLogLogs were given together")
        .arguments(args::PFCOUNT)
        .example("> PFADD {pfcount}:1 a b c\n(integer) 1\n> PFADD {pfcount}:2 c d\n(integer) 1\n> PFCOUNT {pfcount}:1\n(integer) 3\n> PFCOUNT {pfcount}:1 {pfcount}:2\n(integer) 4"),
    pfcount,
),
DataCommand::write(
    Spec::new("pfmerge", Group::HyperLogLog, -2)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::HYPERLOGLOG])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::INSERT)), KeySpec::rest(2, 1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.8.9", "O(N) to merge N HyperLogLogs, but with high constant times.", "Merge HyperLogLogs into one")
        .arguments(args::PFMERGE)
        .example("> PFADD {pfmerge}:1 a b\n(integer) 1\n> PFADD {pfmerge}:2 b c\n(integer) 1\n> PFMERGE {pfmerge}:all {pfmerge}:1 {pfmerge}:2\nOK\n> PFCOUNT {pfmerge}:all\n(integer) 3"),
    pfmerge,
),
DataCommand::write(
    Spec::new("pfdebug", Group::HyperLogLog, 3)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::ADMIN])
        .categories(&[Categories::HYPERLOGLOG])
        .keys(&[KeySpec::one(2, KeyUse::RW.with(KeyUse::ACCESS))])
        .doc("2.8.9", "N/A", "Look into a HyperLogLog")
        .arguments(args::PFDEBUG)
        .doc_flags(DocFlags::SYSCMD)
        .example("> PFADD pfdebug:key a\n(integer) 1\n> PFDEBUG ENCODING pfdebug:key\nsparse\n> PFDEBUG TODENSE pfdebug:key\n(integer) 1\n> PFDEBUG ENCODING pfdebug:key\ndense"),
    pfdebug,
),
DataCommand::read(
    Spec::new("pfselftest", Group::HyperLogLog, 1)
        .flags(&[Flags::ADMIN])
        .categories(&[Categories::HYPERLOGLOG])
        .doc("2.8.9", "N/A", "Try the HyperLogLog on made-up elements")
        .doc_flags(DocFlags::SYSCMD)
        .example("> PFSELFTEST\nOK"),
    pfselftest,
),
];

/// The bytes of a HyperLogLog, and their form.
pub(super) fn bytes_of(entry: EntryRef<'_>) -> Result<(Text<'_>, Encoding), CommandError> {
    if entry.kind() != Kind::String {
        return Err(CommandError::WrongType);
    }
    let text = Text::of(Some(entry.value()));
    let encoding = hll::encoding(&text).ok_or(NOT_ONE)?;
    Ok((text, encoding))
}

fn pfadd(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let max = cx.frame.limits.encodings.hll_sparse_max_bytes;
    let (name, elements) = (args.at(1), args.skip(2));
    let key = cx.key(name);
    let (mut new, mut changed) = match key.entry().map(bytes_of).transpose()? {
        None => (hll::empty(), true),
        Some((old, Encoding::Dense)) => {
            let rises =
                |element| dense::raised(hll::registers(&old), Update::of(element)).is_some();
            let changed = elements.iter().any(rises);
            if changed {
                add_to_dense(cx, name, elements);
            }
            reply.int(changed.into());
            return Ok(());
        }
        Some((old, Encoding::Sparse)) => {
            let mut copy = Vec::with_capacity(old.len() + 8);
            copy.extend_from_slice(&old);
            (copy, false)
        }
    };
    for element in elements {
        changed |= hll::update(&mut new, Update::of(element), max, &mut Place::default())?;
    }
    if changed {
        hll::set_stale(&mut new);
        store(cx, name, &new, COUNTED);
    }
    reply.int(changed.into());
    Ok(())
}

/// Raises registers where they are.
fn add_to_dense(cx: &mut WriteCx<'_, '_>, name: &[u8], elements: Args<'_>) {
    let mut stale = None;
    for update in elements.iter().map(Update::of) {
        let key = cx.key(name);
        let Some(entry) = key.entry() else { return };
        let bytes = Text::of(Some(entry.value()));
        stale = bytes.get(hll::STALE_AT).copied().filter(|_| !hll::is_stale(&bytes));
        if let Some((at, group)) = dense::raised(hll::registers(&bytes), update) {
            key.splice(hll::HEAD + at, &group, COUNTED);
        }
    }
    if let Some(byte) = stale {
        cx.key(name).splice(hll::STALE_AT, &[byte | hll::STALE], Event::UNTOLD);
    }
}

/// Stores what a HyperLogLog has become; of a longer one only the registers from the first byte that
/// differs to the last, and whether the last estimate holds.
pub(super) fn store(cx: &mut WriteCx<'_, '_>, name: &[u8], new: &[u8], event: Event) {
    /// Longest value in bytes that is always written as a whole.
    const REWRITE_MAX: usize = 128;
    let key = cx.key(name);
    let old = key.entry().filter(|_| new.len() > REWRITE_MAX);
    let old = old.map(|entry| Text::of(Some(entry.value())));
    // One that becomes shorter or has another form is another one.
    let old = old.filter(|old| old.len() <= new.len() && hll::encoding(old) == hll::encoding(new));
    let Some(old) = old else {
        key.put(NewValue::Bytes { bytes: new, raw: true }, Ttl::Keep, event);
        return;
    };
    let head_differs = old.get(..hll::HEAD) != new.get(..hll::HEAD);
    let range = difference(hll::registers(&old), hll::registers(new));
    if let Some(bytes) = hll::registers(new).get(range.clone()).filter(|bytes| !bytes.is_empty()) {
        key.splice(hll::HEAD + range.start, bytes, event);
    }
    if let Some(head) = new.get(hll::CACHE_AT..hll::HEAD).filter(|_| head_differs) {
        cx.key(name).splice(hll::CACHE_AT, head, Event::UNTOLD);
    }
}

/// Where `new`, which is at least as long, differs from `old`: from the first such byte to behind the
/// last.
fn difference(old: &[u8], new: &[u8]) -> Range<usize> {
    const AT_ONCE: usize = 32;
    let equal = |(a, b): &(&[u8; AT_ONCE], &[u8; AT_ONCE])| a == b;
    let chunks = old.as_chunks().0.iter().zip(new.as_chunks().0).take_while(equal).count();
    let begin = chunks * AT_ONCE;
    let rest = old.iter().zip(new).skip(begin).take_while(|(a, b)| a == b).count();
    if new.len() > old.len() {
        return begin + rest..new.len();
    }
    let behind = old.iter().zip(new).rev().take_while(|(a, b)| a == b).count();
    begin + rest..(new.len() - behind).max(begin + rest)
}

fn pfcount(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if args.len() > 2 {
        let mut all: Box<Registers> = Box::new([0; hll::REGISTERS]);
        for key in args.skip(1) {
            if let Some(entry) = cx.get_counted(key) {
                hll::merge(&bytes_of(entry)?.0, &mut all)?;
            }
        }
        reply.int(hll::estimate_of(&all).cast_signed());
        return Ok(());
    }
    let key = cx.key(args.at(1));
    key.count();
    let Some((old, _)) = key.entry().map(bytes_of).transpose()? else {
        reply.int(0);
        return Ok(());
    };
    if let Some(count) = hll::cached(&old) {
        reply.int(count.cast_signed());
        return Ok(());
    }
    let count = hll::estimate(&old)?;
    key.splice(hll::CACHE_AT, &count.to_le_bytes(), Event::UNTOLD);
    reply.int(count.cast_signed());
    Ok(())
}

fn pfmerge(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let max = cx.frame.limits.encodings.hll_sparse_max_bytes;
    let mut all: Box<Registers> = Box::new([0; hll::REGISTERS]);
    let mut is_dense = false;
    for key in args.skip(1) {
        if let Some(entry) = cx.get_counted(key) {
            let (bytes, encoding) = bytes_of(entry)?;
            is_dense |= encoding == Encoding::Dense;
            hll::merge(&bytes, &mut all)?;
        }
    }
    let mut new = match cx.get(args.at(1)) {
        None => hll::empty(),
        Some(entry) => Text::of(Some(entry.value())).to_vec(),
    };
    if is_dense {
        hll::to_dense(&mut new)?;
    }
    let mut place = Place::default();
    for (register, &value) in all.iter().enumerate().filter(|(_, value)| **value > 0) {
        hll::update(&mut new, Update { register, value }, max, &mut place)?;
    }
    hll::set_stale(&mut new);
    store(cx, args.at(1), &new, COUNTED);
    reply.ok();
    Ok(())
}
