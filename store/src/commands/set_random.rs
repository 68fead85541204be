//! Random members of sets: SPOP and SRANDMEMBER.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::{MOST_REPEATED, write_element};
use crate::command::Outcome;
use crate::context::{ReadCx, Ttl, WriteCx};
use crate::data::{Collection, Set, set};
use crate::effect::Event;
use crate::error::CommandError;
use crate::rng::Rng;

/// Members were taken out at random.
const POPPED: Event = Event::set("spop");

const COUNT_OUT_OF_RANGE: CommandError = CommandError::Text(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);

pub(super) fn spop(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    if args.len() > 3 {
        return Err(CommandError::Syntax);
    }
    if let Some(count) = args.get(2) {
        return pop_count(cx, args.at(1), count, reply);
    }
    let mut rng = Rng::new(cx.random());
    let popped = cx.edit::<Set, _>(args.at(1), POPPED, |set| {
        let member = set.view().random(&mut || rng.next_u64())?.to_vec();
        set.apply(set::Edit::Remove(&member)).map(|()| member)
    })?;
    match popped {
        Some(member) => reply.bulk(&member),
        None => reply.null(),
    }
    Ok(())
}

fn pop_count(
    cx: &mut WriteCx<'_, '_>,
    key: &[u8],
    count: &[u8],
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    /// If so many times what stays is not more than what goes, what stays is copied, as in Redis.
    const COPIED: usize = 5;
    let count = parse_i64_strict(count).and_then(|count| usize::try_from(count).ok());
    let count = count.ok_or(CommandError::Text("ERR value is out of range, must be positive"))?;
    let len = cx.collection::<Set>(key)?.map_or(0, |set| set.len());
    let stay = len.saturating_sub(count);
    reply.set(len - stay);
    if stay == len {
        return Ok(());
    }
    let mut rng = Rng::new(cx.random());
    if stay.saturating_mul(COPIED) > count {
        return pop_some(cx, key, count, &mut rng, reply);
    }
    let shaping = cx.shaping();
    let target = cx.key(key);
    let Some(set) = target.collection::<Set>()? else { return Ok(()) };
    let mut rest = Set::empty(Vec::new());
    let mut gone = None;
    set.split(stay, &mut || rng.next_u64(), &mut |member, stays| {
        if stays {
            rest.add(&member.to_vec(), &shaping);
        } else {
            write_element(member, reply);
            gone.get_or_insert(member);
        }
    });
    if stay > 0 {
        target.put_collection(rest, Ttl::Keep, POPPED);
    } else if let Some(gone) = gone.map(|member| member.to_vec()) {
        // One change names the event; the rest is freed with the key.
        target.edit::<Set, _>(POPPED, |set| set.apply(set::Edit::Remove(&gone)))?;
        cx.delete(key, Event::generic("del"));
    }
    Ok(())
}

/// Takes out members one by one.
fn pop_some(
    cx: &mut WriteCx<'_, '_>,
    key: &[u8],
    count: usize,
    rng: &mut Rng,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    cx.edit::<Set, _>(key, POPPED, |set| {
        let mut member = Vec::new();
        for _ in 0..count {
            member.clear();
            if let Some(chosen) = set.view().random(&mut || rng.next_u64()) {
                chosen.append_to(&mut member);
            }
            reply.bulk(&member);
            set.apply(set::Edit::Remove(&member));
        }
    })
}

pub(super) fn srandmember(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if args.len() > 3 {
        return Err(CommandError::Syntax);
    }
    let rng = || Rng::new(cx.random());
    let Some(count) = args.get(2) else {
        let mut rng = rng();
        let member = cx.collection::<Set>(args.at(1))?;
        match member.and_then(|set| set.random(&mut || rng.next_u64())) {
            Some(member) => write_element(member, reply),
            None => reply.null(),
        }
        return Ok(());
    };
    let count = parse_i64_strict(count).ok_or(CommandError::NotInteger)?;
    if count == i64::MIN {
        return Err(COUNT_OUT_OF_RANGE);
    }
    let Some(set) = cx.collection::<Set>(args.at(1))? else {
        reply.array(0);
        return Ok(());
    };
    let mut rng = rng();
    let mut random = || rng.next_u64();
    if let Ok(count) = usize::try_from(count) {
        reply.array(count.min(set.len()));
        set.sample(count.min(set.len()), &mut random, &mut |member| write_element(member, reply));
        return Ok(());
    }
    let count = count.unsigned_abs();
    if count > MOST_REPEATED {
        return Err(CommandError::OutOfRange);
    }
    reply.array(count as usize);
    for _ in 0..count {
        match set.random(&mut random) {
            Some(member) => write_element(member, reply),
            None => reply.null(),
        }
    }
    Ok(())
}
