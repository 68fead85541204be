//! Stream commands about entries: adding, reading, deleting and trimming them.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::stream_ids::{
    Wanted, at_most, exact, interval_end, interval_start, write_entries, write_id,
};
use super::stream_trim::options;
use crate::command::Outcome;
use crate::context::{ReadCx, WriteCx};
use crate::data::stream::{ENTRY_MAX, Edit, Facts, Stream, StreamId, Texts};
use crate::effect::Event;
use crate::error::CommandError;
use crate::types::UnixMillis;

/// So many fields and values are listed without an allocation.
const FEW: usize = 32;

pub(super) fn xadd(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let encodings = cx.frame.limits.encodings;
    let options = options(args, true, &encodings)?;
    let pairs = args.skip(options.rest);
    if pairs.len() < 2 || !pairs.len().is_multiple_of(2) {
        return Err(CommandError::Arity("xadd".to_owned()));
    }
    if options.id == Wanted::Exact(StreamId::MIN) {
        return Err(CommandError::Text("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let now = cx.frame.now;
    let key = cx.key(args.at(1));
    let Some(stream) =
        key.collection::<Stream>()?.or((!options.no_mkstream).then(Default::default))
    else {
        reply.null();
        return Ok(());
    };
    let id = next_id(&stream.facts, options.id, now)?;
    let bytes = pairs.iter().map(<[u8]>::len).sum();
    if bytes > ENTRY_MAX {
        return Err(CommandError::Text("ERR Elements are too large to be stored"));
    }
    let opens = stream.opens_node(bytes, &encodings);
    let (mut few, many);
    let listed = if pairs.len() <= FEW {
        few = [&b""[..]; FEW];
        few.iter_mut().zip(pairs).for_each(|(place, text)| *place = text);
        few.get(..pairs.len()).unwrap_or_default()
    } else {
        many = pairs.iter().collect::<Vec<_>>();
        &many
    };
    let trim = key.edit::<Stream, _>(Event::stream("xadd").waking(), |stream| {
        stream.apply(Edit::Append { id, opens, pairs: Texts::Listed(listed) });
        options.trim.and_then(|trim| stream.view().trim(trim))
    })?;
    if let Some(trim) = trim {
        let event = Event::stream("xtrim");
        cx.edit::<Stream, _>(args.at(1), event, |stream| _ = stream.apply(trim))?;
    }
    write_id(id, reply);
    Ok(())
}

/// The ID for an entry to be added.
fn next_id(facts: &Facts, wanted: Wanted, now: UnixMillis) -> Result<StreamId, CommandError> {
    let last = facts.last;
    if last == StreamId::MAX {
        return Err(CommandError::Text(
            "ERR The stream has exhausted the last possible ID, unable to add more items",
        ));
    }
    let now = now.0.max(0).cast_unsigned();
    let id = match wanted {
        Wanted::Auto if now > last.ms => Some(StreamId::new(now, 0)),
        Wanted::Auto => last.next(),
        Wanted::Within(ms) if ms == last.ms => {
            last.seq.checked_add(1).map(|seq| StreamId::new(ms, seq))
        }
        Wanted::Within(ms) => Some(StreamId::new(ms, 0)),
        Wanted::Exact(id) => Some(id),
    };
    id.filter(|id| *id > last).ok_or(CommandError::Text(
        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
    ))
}

pub(super) fn xlen(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let stream = cx.collection::<Stream>(args.at(1))?;
    reply.int(stream.map_or(0, |stream| stream.facts.len.cast_signed()));
    Ok(())
}

pub(super) fn xrange(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    range(cx, args, false, reply)
}

pub(super) fn xrevrange(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    range(cx, args, true, reply)
}

fn range(cx: &ReadCx<'_>, args: Args<'_>, backwards: bool, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (first, last) = if backwards { (3, 2) } else { (2, 3) };
    let start = interval_start(args.at(first))?;
    let end = interval_end(args.at(last))?;
    let count = range_count(args)?;
    let Some(stream) = cx.collection::<Stream>(args.at(1))? else {
        reply.array(0);
        return Ok(());
    };
    match count {
        Some(0) => reply.null_array(),
        count if backwards => {
            write_entries(stream.range_back(start, end).take(at_most(count.unwrap_or(0))), reply);
        }
        count => write_entries(stream.range(start, end).take(at_most(count.unwrap_or(0))), reply),
    }
    Ok(())
}

/// Most entries that are asked for, if that is said.
fn range_count(args: Args<'_>) -> Result<Option<u64>, CommandError> {
    let (mut count, mut at) = (None, 4);
    while let Some(option) = args.get(at) {
        let value = args.get(at + 1).filter(|_| option.eq_ignore_ascii_case(b"count"));
        let value = parse_i64_strict(value.ok_or(CommandError::Syntax)?);
        let value = value.ok_or(CommandError::NotInteger)?;
        count = Some(value.max(0).cast_unsigned());
        at += 2;
    }
    Ok(count)
}

pub(super) fn xdel(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let key = cx.key(args.at(1));
    if key.collection::<Stream>()?.is_none() {
        reply.int(0);
        return Ok(());
    }
    let ids = args.skip(2).iter().map(|id| exact(id, 0)).collect::<Result<Vec<_>, _>>()?;
    let deleted = key.edit::<Stream, _>(Event::stream("xdel"), |stream| {
        ids.iter().filter(|id| stream.apply(Edit::Delete { id: **id }).is_some()).count()
    })?;
    reply.int(deleted as i64);
    Ok(())
}

pub(super) fn xtrim(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let options = options(args, false, &cx.frame.limits.encodings)?;
    let key = cx.key(args.at(1));
    let stream = key.collection::<Stream>()?;
    let trim = stream.zip(options.trim).and_then(|(stream, trim)| stream.trim(trim));
    let gone = match trim {
        Some(trim) => {
            let event = Event::stream("xtrim");
            key.edit::<Stream, _>(event, |stream| stream.apply(trim).unwrap_or(0))?
        }
        None => 0,
    };
    reply.int(gone.cast_signed());
    Ok(())
}

/// What XSETID sets.
struct SetId {
    last: StreamId,
    added: Option<u64>,
    max_deleted: StreamId,
}

fn set_id_options(args: Args<'_>) -> Result<SetId, CommandError> {
    let last = exact(args.at(2), 0)?;
    let mut set = SetId { last, added: None, max_deleted: StreamId::MIN };
    let mut at = 3;
    while let Some(option) = args.get(at) {
        let value = args.get(at + 1).ok_or(CommandError::Syntax)?;
        if option.eq_ignore_ascii_case(b"entriesadded") {
            let added = parse_i64_strict(value).ok_or(CommandError::NotInteger)?;
            let added = u64::try_from(added)
                .map_err(|_| CommandError::Text("ERR entries_added must be positive"))?;
            set.added = Some(added);
        } else if option.eq_ignore_ascii_case(b"maxdeletedid") {
            set.max_deleted = exact(value, 0)?;
            if last < set.max_deleted {
                return Err(CommandError::Text(
                    "ERR The ID specified in XSETID is smaller than the provided \
                     max_deleted_entry_id",
                ));
            }
        } else {
            return Err(CommandError::Syntax);
        }
        at += 2;
    }
    Ok(set)
}

pub(super) fn xsetid(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let set = set_id_options(args)?;
    let key = cx.key(args.at(1));
    let Some(stream) = key.collection::<Stream>()? else { return Err(CommandError::NoSuchKey) };
    let facts = stream.facts;
    let error = if stream.last_there().is_some_and(|last| set.last < last) {
        "ERR The ID specified in XSETID is smaller than the target stream top item"
    } else if set.added.is_some_and(|added| facts.len > added) {
        "ERR The entries_added specified in XSETID is smaller than the target stream length"
    } else {
        ""
    };
    if !error.is_empty() {
        return Err(CommandError::Text(error));
    }
    let max_deleted = if set.max_deleted.is_zero() { facts.max_deleted } else { set.max_deleted };
    let added = set.added.unwrap_or(facts.added);
    key.edit::<Stream, _>(Event::group("xsetid"), |stream| {
        stream.apply(Edit::SetId { last: set.last, max_deleted, added });
    })?;
    reply.ok();
    Ok(())
}
