//! Sorted set commands that look at members: scores, ranks, counts, chance and scans.

use std::collections::BTreeSet;

use shardwright_codec::resp::{Args, Protocol, ReplyWriter};

use super::scan::scan_members;
use super::sorted_set_options::{parse_lex_range, parse_score_range, whole_number};
use super::sorted_set_range::{Order, write_pairs, write_score};
use super::{MOST_REPEATED, write_element};
use crate::command::Outcome;
use crate::context::ReadCx;
use crate::data::SortedSet;
use crate::data::sorted_set::View;
use crate::error::CommandError;

/// The numbers that ZRANDMEMBER takes are those of which there is a negative.
const OUT_OF_LONG: CommandError = CommandError::Text(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);

pub(super) fn zscore(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let score = cx.collection::<SortedSet>(args.at(1))?.and_then(|set| set.score(args.at(2)));
    write_score(score, reply);
    Ok(())
}

pub(super) fn zmscore(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let set = cx.collection::<SortedSet>(args.at(1))?;
    reply.array(args.len() - 2);
    for member in args.skip(2).iter() {
        write_score(set.and_then(|set| set.score(member)), reply);
    }
    Ok(())
}

pub(super) fn zcard(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let len = cx.collection::<SortedSet>(args.at(1))?.map_or(0, View::len);
    reply.int(len as i64);
    Ok(())
}

pub(super) fn zcount(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let range = parse_score_range(args.at(2), args.at(3))?;
    let set = cx.collection::<SortedSet>(args.at(1))?;
    reply.int(set.map_or(0, |set| set.score_range(&range).len()) as i64);
    Ok(())
}

pub(super) fn zlexcount(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let range = parse_lex_range(args.at(2), args.at(3))?;
    let set = cx.collection::<SortedSet>(args.at(1))?;
    reply.int(set.map_or(0, |set| set.lex_range(&range, false).len()) as i64);
    Ok(())
}

fn rank(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>, order: Order) -> Outcome {
    let with_score = match args.get(3) {
        None => false,
        Some(_) if args.len() > 4 => return Err(CommandError::Arity(name_of(order).to_owned())),
        Some(word) if word.eq_ignore_ascii_case(b"WITHSCORE") => true,
        Some(_) => return Err(CommandError::Syntax),
    };
    let set = cx.collection::<SortedSet>(args.at(1))?;
    let found = set.and_then(|set| set.rank(args.at(2)).map(|found| (found, set.len())));
    let Some(((rank, score), len)) = found else {
        if with_score {
            reply.null_array()
        } else {
            reply.null()
        }
        return Ok(());
    };
    if with_score {
        reply.array(2);
    }
    reply.int(if order == Order::Up { rank } else { len - 1 - rank } as i64);
    if with_score {
        reply.double(score);
    }
    Ok(())
}

fn name_of(order: Order) -> &'static str {
    if order == Order::Up { "zrank" } else { "zrevrank" }
}

pub(super) fn zrank(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    rank(cx, args, reply, Order::Up)
}

pub(super) fn zrevrank(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    rank(cx, args, reply, Order::Down)
}

pub(super) fn zscan(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let set = cx.collection::<SortedSet>(args.at(1));
    let step = set.map(|set| {
        set.map(|set| {
            move |cursor, count, tell: &mut super::scan::Member<'_>| {
                set.scan(cursor, count, &mut |member, score| tell(member, Some(score)))
            }
        })
    });
    scan_members(args, reply, step)
}

pub(super) fn zrandmember(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some(count) = args.get(2) else {
        match cx.collection::<SortedSet>(args.at(1))? {
            Some(set) => one_at(set, cx.random_below(set.len() as u64) as usize, false, reply),
            None => reply.null(),
        }
        return Ok(());
    };
    let count = whole_number(count)?;
    if count == i64::MIN {
        return Err(OUT_OF_LONG);
    }
    let with_scores = match args.get(3) {
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"WITHSCORES") && args.len() == 4 => true,
        Some(_) => return Err(CommandError::Syntax),
    };
    if with_scores && count.unsigned_abs() > (i64::MAX / 2) as u64 {
        return Err(CommandError::OutOfRange);
    }
    let Some(set) = cx.collection::<SortedSet>(args.at(1))? else {
        reply.array(0);
        return Ok(());
    };
    if count < 0 && count.unsigned_abs() > MOST_REPEATED {
        return Err(CommandError::OutOfRange);
    }
    write_random(cx, set, count, with_scores, reply);
    Ok(())
}

/// Writes `count` different members, or, if it is negative, as many that may come again.
fn write_random(
    cx: &ReadCx<'_>,
    set: View<'_>,
    count: i64,
    with_scores: bool,
    reply: &mut ReplyWriter<'_>,
) {
    let (len, wanted) = (set.len(), count.unsigned_abs() as usize);
    if count >= 0 && wanted >= len && with_scores {
        return write_pairs(set, 0..len, Order::Down, true, reply);
    }
    let number = if count < 0 { wanted } else { wanted.min(len) };
    let flat = with_scores && reply.protocol() == Protocol::Resp2;
    reply.array(if flat { 2 * number } else { number });
    if count < 0 {
        for _ in 0..number {
            one_at(set, cx.random_below(len as u64) as usize, with_scores, reply);
        }
    } else if number == len {
        set.visit(0..len, true, &mut |member, _| {
            write_element(member, reply);
            true
        });
    } else {
        for rank in some_of(cx, len, number) {
            one_at(set, rank, with_scores, reply);
        }
    }
}

/// So many different numbers below `len`, every choice as likely as any other (R. Floyd).
fn some_of(cx: &ReadCx<'_>, len: usize, number: usize) -> BTreeSet<usize> {
    let mut chosen = BTreeSet::new();
    for last in len - number..len {
        let at = cx.random_below(last as u64 + 1) as usize;
        if !chosen.insert(at) {
            chosen.insert(last);
        }
    }
    chosen
}

/// Writes the member with this rank.
fn one_at(set: View<'_>, rank: usize, with_score: bool, reply: &mut ReplyWriter<'_>) {
    set.visit(rank..rank + 1, false, &mut |member, score| {
        if with_score && reply.protocol() == Protocol::Resp3 {
            reply.array(2);
        }
        write_element(member, reply);
        if with_score {
            reply.double(score);
        }
        true
    });
}
