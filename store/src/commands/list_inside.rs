//! Lists from within: LLEN, LRANGE, LINDEX, LSET, LINSERT, LREM, LTRIM and LPOS.

use shardwright_codec::listpack::Element;
use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::index_range::{index_of, indexes, range_of};
use super::write_element;
use crate::command::Outcome;
use crate::context::{ReadCx, WriteCx};
use crate::data::List;
use crate::data::list::{Edit, Side, View};
use crate::effect::Event;
use crate::error::CommandError;

const INDEX_OUT_OF_RANGE: CommandError = CommandError::Text("ERR index out of range");

fn integer(text: &[u8]) -> Result<i64, CommandError> {
    parse_i64_strict(text).ok_or(CommandError::NotInteger)
}

pub(super) fn llen(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let len = cx.collection::<List>(args.at(1))?.map_or(0, View::len);
    reply.int(len as i64);
    Ok(())
}

pub(super) fn lrange(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let indexes = indexes(args.at(2), args.at(3))?;
    let Some(list) = cx.collection::<List>(args.at(1))? else {
        reply.array(0);
        return Ok(());
    };
    let range = range_of(indexes, list.len());
    reply.array(range.len());
    let elements = list.from(Side::Front, range.start);
    elements.take(range.len()).for_each(|element| write_element(element, reply));
    Ok(())
}

pub(super) fn lindex(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some(list) = cx.collection::<List>(args.at(1))? else {
        reply.null();
        return Ok(());
    };
    let index = index_of(integer(args.at(2))?, list.len());
    match index.and_then(|index| list.get(index)) {
        Some(element) => write_element(element, reply),
        None => reply.null(),
    }
    Ok(())
}

pub(super) fn lset(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let key = cx.key(args.at(1));
    let len = key.collection::<List>()?.ok_or(CommandError::NoSuchKey)?.len();
    let index = index_of(integer(args.at(2))?, len).ok_or(INDEX_OUT_OF_RANGE)?;
    let set = key.edit::<List, _>(Event::list("lset"), |list| {
        list.apply(Edit::Set(index as u64, args.at(3)))
    })?;
    set.ok_or(INDEX_OUT_OF_RANGE)?;
    reply.ok();
    Ok(())
}

/// Finds the pivot in linear time.
pub(super) fn linsert(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let is_after = args.at(2).eq_ignore_ascii_case(b"AFTER");
    if !is_after && !args.at(2).eq_ignore_ascii_case(b"BEFORE") {
        return Err(CommandError::Syntax);
    }
    let key = cx.key(args.at(1));
    let Some(list) = key.collection::<List>()? else {
        reply.int(0);
        return Ok(());
    };
    let (len, pivot) = (list.len(), Element::of(args.at(3)));
    let Some(found) = list.iter().position(|element| element == pivot) else {
        reply.int(-1);
        return Ok(());
    };
    let index = found + usize::from(is_after);
    key.edit::<List, _>(Event::list("linsert"), |list| {
        list.apply(Edit::Insert(index as u64, args.at(4)))
    })?;
    reply.int(len as i64 + 1);
    Ok(())
}

/// Goes over the list once, whatever is removed.
pub(super) fn lrem(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let count = integer(args.at(2))?;
    let side = if count < 0 { Side::Back } else { Side::Front };
    // 0 stands for all; what cannot be negated does so in Redis too.
    let most = if count == 0 { u64::MAX } else { count.unsigned_abs() };
    let removed = cx.edit::<List, _>(args.at(1), Event::list("lrem"), |list| {
        list.apply(Edit::Remove(side, most, args.at(3)))
    })?;
    reply.int(removed.unwrap_or(0) as i64);
    Ok(())
}

pub(super) fn ltrim(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let indexes = indexes(args.at(2), args.at(3))?;
    cx.edit::<List, _>(args.at(1), Event::list("ltrim"), |list| {
        let len = list.view().len();
        let kept = range_of(indexes, len);
        list.apply(Edit::Pop(Side::Back, (len - kept.end) as u64));
        list.apply(Edit::Pop(Side::Front, kept.start as u64));
    })?;
    reply.ok();
    Ok(())
}

/// What LPOS is asked for.
struct Search {
    side: Side,
    /// Number of the first match that counts, from 1 on.
    rank: u64,
    /// Most matches that are replied, if several are wanted; 0 for all.
    count: Option<usize>,
    /// Most elements that are compared; 0 for all.
    most: usize,
}

const RANK_ZERO: CommandError = CommandError::Text(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
     negative to start from the end of the list",
);

impl Search {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut search = Self { side: Side::Front, rank: 1, count: None, most: 0 };
        for at in (3..args.len()).step_by(2) {
            let (word, value) = (args.at(at), args.get(at + 1).ok_or(CommandError::Syntax)?);
            let amount = |refused| {
                let number = parse_i64_strict(value).and_then(|n| usize::try_from(n).ok());
                number.ok_or(CommandError::Text(refused))
            };
            match word.to_ascii_uppercase().as_slice() {
                b"RANK" => search.set_rank(integer(value)?)?,
                b"COUNT" => search.count = Some(amount("ERR COUNT can't be negative")?),
                b"MAXLEN" => search.most = amount("ERR MAXLEN can't be negative")?,
                _ => return Err(CommandError::Syntax),
            }
        }
        Ok(search)
    }

    fn set_rank(&mut self, rank: i64) -> Outcome {
        self.side = if rank < 0 { Side::Back } else { Side::Front };
        self.rank = match rank {
            0 => return Err(RANK_ZERO),
            // It cannot be negated, and every match counts then, as in Redis.
            i64::MIN => 1,
            rank => rank.unsigned_abs(),
        };
        Ok(())
    }

    /// The indexes of what is looked for, in the order in which they are found. Takes linear time.
    fn matches<'a>(&self, list: View<'a>, wanted: Element<'a>) -> impl Iterator<Item = i64> + 'a {
        let (len, side) = (list.len(), self.side);
        let most = if self.most == 0 { usize::MAX } else { self.most };
        let skipped = usize::try_from(self.rank - 1).unwrap_or(usize::MAX);
        let elements = list.from(side, 0).take(most).enumerate();
        let found = elements.filter(move |(_, element)| *element == wanted).skip(skipped);
        found.map(move |(at, _)| if side == Side::Front { at } else { len - 1 - at } as i64)
    }
}

pub(super) fn lpos(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let search = Search::parse(args)?;
    let list = cx.collection::<List>(args.at(1))?;
    let mut matches =
        list.into_iter().flat_map(|list| search.matches(list, Element::of(args.at(2))));
    match search.count {
        None => match matches.next() {
            Some(index) => reply.int(index),
            None => reply.null(),
        },
        Some(count) => {
            let count = if count == 0 { usize::MAX } else { count };
            let found: Vec<i64> = matches.take(count).collect();
            reply.array(found.len());
            found.into_iter().for_each(|index| reply.int(index));
        }
    }
    Ok(())
}
