//! XPENDING, XCLAIM and XAUTOCLAIM: looking at what was delivered and not acknowledged, and giving it
//! to another consumer.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::stream_ids::{
    exact, integer, interval_end, interval_start, move_to_front, no_group, write_counted,
    write_entry, write_id,
};
use crate::command::Outcome;
use crate::context::{ReadCx, WriteCx};
use crate::data::Editor;
use crate::data::stream::{Edit, Group, Stream, StreamId, View};
use crate::effect::Event;
use crate::error::CommandError;

/// Which pending entries XPENDING lists.
struct Listing<'a> {
    start: StreamId,
    end: StreamId,
    count: usize,
    min_idle_ms: i64,
    consumer: Option<&'a [u8]>,
}

/// Numbers of arguments of XPENDING that lists entries.
const LISTING_ARGUMENTS: std::ops::RangeInclusive<usize> = 6..=9;

fn listing(args: Args<'_>) -> Result<Option<Listing<'_>>, CommandError> {
    if args.len() == 3 {
        return Ok(None);
    }
    if !LISTING_ARGUMENTS.contains(&args.len()) {
        return Err(CommandError::Syntax);
    }
    let (mut at, mut min_idle_ms) = (3, 0);
    if args.at(at).eq_ignore_ascii_case(b"idle") {
        min_idle_ms = parse_i64_strict(args.at(at + 1)).ok_or(CommandError::NotInteger)?;
        if args.len() < 8 {
            return Err(CommandError::Syntax);
        }
        at += 2;
    }
    let count = parse_i64_strict(args.at(at + 2)).ok_or(CommandError::NotInteger)?;
    Ok(Some(Listing {
        start: interval_start(args.at(at))?,
        end: interval_end(args.at(at + 1))?,
        count: usize::try_from(count).unwrap_or(0),
        min_idle_ms,
        consumer: args.get(at + 3),
    }))
}

pub(super) fn xpending(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let listing = listing(args)?;
    let (key, name) = (args.at(1), args.at(2));
    let stream = cx.collection::<Stream>(key)?;
    let group = stream.and_then(|stream| stream.group(name)).ok_or_else(|| no_group(key, name))?;
    match listing {
        None => write_summary(group, reply),
        Some(listing) => list(group, &listing, cx.frame.now.0, reply),
    }
    Ok(())
}

fn write_summary(group: &Group, reply: &mut ReplyWriter<'_>) {
    reply.array(4);
    reply.int(group.pending_len() as i64);
    let mut all = group.pending(StreamId::MIN..=StreamId::MAX).map(|(id, _)| id);
    let Some(first) = all.next() else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    write_id(first, reply);
    write_id(all.next_back().unwrap_or(first), reply);
    let busy = group.consumers().filter(|consumer| consumer.pending_len() > 0);
    reply.array(busy.count());
    for consumer in group.consumers().filter(|consumer| consumer.pending_len() > 0) {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_int(consumer.pending_len() as i64);
    }
}

fn list(group: &Group, listing: &Listing<'_>, now: i64, reply: &mut ReplyWriter<'_>) {
    let ids = listing.start..=listing.end;
    let mut listed = 0;
    let write = |id: StreamId, reply: &mut ReplyWriter<'_>| {
        let Some(pending) = group.pending_at(id) else { return false };
        let idle = now.saturating_sub(pending.time);
        if listing.min_idle_ms != 0 && idle < listing.min_idle_ms {
            return false;
        }
        reply.array(4);
        write_id(id, reply);
        reply.bulk(group.owner(pending));
        reply.int(idle.max(0));
        reply.int(pending.count.cast_signed());
        true
    };
    write_counted(reply, |reply| {
        let mut ids: Box<dyn Iterator<Item = StreamId>> = match listing.consumer {
            None => Box::new(group.pending(ids).map(|(id, _)| id)),
            Some(name) => match group.consumer(name) {
                Some(consumer) => Box::new(consumer.pending(ids)),
                None => return 0,
            },
        };
        while listed < listing.count {
            let Some(id) = ids.next() else { break };
            listed += usize::from(write(id, reply));
        }
        listed
    });
}

/// What XCLAIM and XAUTOCLAIM do with entries that they take.
struct Claim<'a> {
    key: &'a [u8],
    group: &'a [u8],
    consumer: &'a [u8],
    min_idle_ms: i64,
    now: i64,
    /// When they shall have been delivered.
    time: i64,
    /// How often they shall have been delivered.
    count: Option<u64>,
    just_id: bool,
    /// Entries that are not pending are taken as well.
    force: bool,
    last_id: StreamId,
}

impl<'a> Claim<'a> {
    fn new(args: Args<'a>, min_idle_ms: i64, now: i64) -> Self {
        Self {
            key: args.at(1),
            group: args.at(2),
            consumer: args.at(3),
            min_idle_ms: min_idle_ms.max(0),
            now,
            time: now,
            count: None,
            just_id: false,
            force: false,
            last_id: StreamId::MIN,
        }
    }

    fn check_group(&self, stream: Option<View<'_>>) -> Result<(), CommandError> {
        let group = stream.and_then(|stream| stream.group(self.group));
        group.map(|_| ()).ok_or_else(|| no_group(self.key, self.group))
    }

    /// Takes an entry if it is there and idle for long enough, and writes it. Returns whether it did.
    fn take(
        &self,
        stream: &mut Editor<'_, Stream>,
        id: StreamId,
        reply: &mut ReplyWriter<'_>,
    ) -> Taken {
        let view = stream.view();
        let Some(group) = view.group(self.group) else { return Taken::Not };
        let pending = group.pending_at(id);
        let Some(entry) = view.entry(id) else {
            let gone = stream.apply(Edit::Ack { group: self.group, id });
            return if gone.is_some() { Taken::Gone } else { Taken::Not };
        };
        let before = match pending {
            Some(pending) => {
                let idle = self.now.saturating_sub(pending.time);
                if self.min_idle_ms > 0 && idle < self.min_idle_ms {
                    return Taken::Not;
                }
                pending.count
            }
            // As one that was delivered once.
            None if self.force => 1,
            None => return Taken::Not,
        };
        if self.just_id {
            write_id(id, reply);
        } else {
            write_entry(entry, reply);
        }
        let count = match self.count {
            Some(count) => count,
            None if self.just_id => before,
            None => before.wrapping_add(1),
        };
        see(stream, self.group, self.consumer, self.now);
        let (group, consumer, time) = (self.group, self.consumer, self.time);
        stream.apply(Edit::Deliver { group, consumer, id, time, count });
        Taken::Yes
    }
}

/// What became of an entry that was to be taken.
#[derive(PartialEq, Eq)]
enum Taken {
    Yes,
    Not,
    /// It was pending, but is no longer there.
    Gone,
}

/// A command names a consumer, which is made if it is not there.
pub(super) fn see(stream: &mut Editor<'_, Stream>, group: &[u8], consumer: &[u8], now: i64) {
    match stream.view().group(group).and_then(|group| group.consumer(consumer)) {
        Some(consumer) => consumer.see(now),
        None => _ = stream.apply(Edit::CreateConsumer { group, consumer, time: now }),
    }
}

pub(super) fn xclaim(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let now = cx.frame.now.0;
    let key = cx.key(args.at(1));
    Claim::new(args, 0, now).check_group(key.collection::<Stream>()?)?;
    let (claim, ids) = claim_options(args, now)?;
    key.edit::<Stream, _>(Event::group("xclaim"), |stream| {
        let group = claim.group;
        let known = stream.view().group(group).map(|group| (group.last, group.read));
        if let Some((_, read)) = known.filter(|(last, _)| claim.last_id > *last) {
            stream.apply(Edit::SetGroup { group, last: claim.last_id, read });
        }
        write_counted(reply, |reply| {
            ids.iter().filter(|id| claim.take(stream, **id, reply) == Taken::Yes).count()
        });
    })
}

fn claim_options(args: Args<'_>, now: i64) -> Result<(Claim<'_>, Vec<StreamId>), CommandError> {
    let idle = integer(args.at(4), "ERR Invalid min-idle-time argument for XCLAIM")?;
    let mut claim = Claim::new(args, idle, now);
    let ids: Vec<_> = args.skip(5).iter().map_while(|id| exact(id, 0).ok()).collect();
    // What cannot be read as an ID is the first option.
    let mut at = 5 + ids.len();
    let mut time = None;
    while let Some(option) = args.get(at) {
        let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
        let value = args.get(at + 1);
        at += 1;
        match value {
            _ if is("force") => {
                claim.force = true;
                continue;
            }
            _ if is("justid") => {
                claim.just_id = true;
                continue;
            }
            Some(value) if is("idle") => {
                let idle = integer(value, "ERR Invalid IDLE option argument for XCLAIM")?;
                time = Some(now.wrapping_sub(idle));
            }
            Some(value) if is("time") => {
                time = Some(integer(value, "ERR Invalid TIME option argument for XCLAIM")?);
            }
            Some(value) if is("retrycount") => {
                let count = integer(value, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                claim.count = u64::try_from(count).ok();
            }
            Some(value) if is("lastid") => claim.last_id = exact(value, 0)?,
            _ => {
                return Err(CommandError::quoting("ERR Unrecognized XCLAIM option '", option, "'"));
            }
        }
        at += 1;
    }
    claim.time = time.filter(|time| (0..=now).contains(time)).unwrap_or(now);
    Ok((claim, ids))
}

/// How many pending entries XAUTOCLAIM looks at for each that it may take.
const ATTEMPTS_EACH: u64 = 10;

pub(super) fn xautoclaim(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let idle = integer(args.at(4), "ERR Invalid min-idle-time argument for XAUTOCLAIM")?;
    let mut claim = Claim::new(args, idle, cx.frame.now.0);
    let start = interval_start(args.at(5))?;
    let (mut count, mut at) = (100, 6);
    while let Some(option) = args.get(at) {
        if let Some(value) = args.get(at + 1).filter(|_| option.eq_ignore_ascii_case(b"count")) {
            let most = i64::MAX / 16;
            count = parse_i64_strict(value)
                .filter(|count| (1..=most).contains(count))
                .ok_or(CommandError::Text("ERR COUNT must be > 0"))?;
            at += 1;
        } else if option.eq_ignore_ascii_case(b"justid") {
            claim.just_id = true;
        } else {
            return Err(CommandError::Syntax);
        }
        at += 1;
    }
    let key = cx.key(args.at(1));
    claim.check_group(key.collection::<Stream>()?)?;
    key.edit::<Stream, _>(Event::group("xautoclaim"), |stream| {
        take_from(stream, &claim, start, count.cast_unsigned(), reply);
    })
}

/// Takes up to `count` entries that are pending from `start` on, and writes where to go on, what was
/// taken, and what was no longer there.
fn take_from(
    stream: &mut Editor<'_, Stream>,
    claim: &Claim<'_>,
    start: StreamId,
    mut count: u64,
    reply: &mut ReplyWriter<'_>,
) {
    let mut gone = Vec::new();
    let mut attempts = count.saturating_mul(ATTEMPTS_EACH);
    let pending_from = |stream: &Editor<'_, Stream>, from: StreamId| {
        let group = stream.view().group(claim.group)?;
        group.pending(from..=StreamId::MAX).next().map(|(id, _)| id)
    };
    let mut next = pending_from(stream, start);
    reply.array(3);
    let begin = reply.out.len();
    write_counted(reply, |reply| {
        let mut taken = 0;
        while let Some(id) = next.filter(|_| attempts > 0 && count > 0) {
            attempts -= 1;
            match claim.take(stream, id, reply) {
                Taken::Yes => {
                    taken += 1;
                    count -= 1;
                }
                Taken::Gone => {
                    gone.push(id);
                    count -= 1;
                }
                Taken::Not => {}
            }
            next = id.next().and_then(|from| pending_from(stream, from));
        }
        taken
    });
    move_to_front(reply, begin, |reply| write_id(next.unwrap_or(StreamId::MIN), reply));
    reply.array(gone.len());
    gone.iter().for_each(|id| write_id(*id, reply));
}
