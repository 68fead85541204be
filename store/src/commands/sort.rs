//! SORT and SORT_RO: the elements of a key in another order, by weights and with values from other
//! keys if wanted.
//!
//! All of it happens in one turn of the shards, which see nothing else meanwhile: O(n) to collect,
//! O(n log n) to sort, O(1) for each key looked at. Only patterns with a `*` need all shards.

use std::cmp::Ordering;
use std::ops::Range;

use shardwright_codec::listpack::Element;
use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::sort_arguments as args;
use super::sort_number::strtod;
use super::sort_part::sort_part;
use super::sort_pattern::{Keys, Pattern, before_zero};
use crate::command::sort::{SortOption, SortOptions};
use crate::command::{
    Begin, Categories, DataCommand, Find, Flags, Group, KeySpec, KeyUse, Outcome, Spec,
};
use crate::context::{ReadCx, Ttl, WriteCx};
use crate::data::list::{Edit, Side, View};
use crate::data::{Collection, List, Set, Shaping, SortedSet};
use crate::effect::Event;
use crate::error::CommandError;
use crate::value::{Kind, ValueRef};

const SORTED: &str = "O(N+M*log(M)) where N is the number of elements in the list or set to sort, \
    and M the number of returned elements. When the elements are not sorted, complexity is O(N).";

/// Keys that BY and GET name.
const BY_PATTERN: KeySpec = KeySpec {
    begin: Begin::Unknown,
    find: Find::Unknown,
    uses: KeyUse::RO.with(KeyUse::ACCESS),
    notes: "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive \
            from the content of the key we sort",
};

const DESTINATION: KeySpec = KeySpec {
    begin: Begin::SortStore,
    find: Find::Unknown,
    uses: KeyUse::OW.with(KeyUse::UPDATE),
    notes: "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear \
            anywhere in the argument array",
};

const SOURCE: KeySpec = KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS));

/// The family's commands.
pub const COMMANDS: &[DataCommand] = &[
DataCommand::write(
    Spec::new("sort", Group::Generic, -2)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::MOVABLE_KEYS])
        .categories(&[Categories::SET, Categories::SORTEDSET, Categories::LIST, Categories::DANGEROUS])
        .keys(&[SOURCE, BY_PATTERN, DESTINATION])
        .doc("1.0.0", SORTED, "Sort the elements of a list, a set or a sorted set")
        .arguments(args::SORT)
        .example("> RPUSH sort:key 10 9 2 33\n(integer) 4\n> SORT sort:key\n1) \"2\"\n2) \"9\"\n3) \"10\"\n4) \"33\"\n> SORT sort:key ALPHA DESC LIMIT 0 2\n1) \"9\"\n2) \"33\"\n> MSET sort:weight:2 3 sort:weight:9 2 sort:weight:10 1 sort:weight:33 0\nOK\n> SORT sort:key BY sort:weight:* GET # GET sort:weight:*\n1) \"33\"\n2) \"0\"\n3) \"10\"\n4) \"1\"\n5) \"9\"\n6) \"2\"\n7) \"2\"\n8) \"3\"\n> SORT sort:key BY nosort STORE sort:out\n(integer) 4"),
    sort,
),
DataCommand::read(
    Spec::new("sort_ro", Group::Generic, -2)
        .flags(&[Flags::READONLY, Flags::MOVABLE_KEYS])
        .categories(&[Categories::SET, Categories::SORTEDSET, Categories::LIST, Categories::DANGEROUS])
        .keys(&[SOURCE, BY_PATTERN])
        .doc("7.0.0", SORTED, "Sort the elements of a list, a set or a sorted set without storing them")
        .arguments(args::SORT_RO)
        .example("> RPUSH sort_ro:key 10 9 2 33\n(integer) 4\n> SORT_RO sort_ro:key DESC\n1) \"33\"\n2) \"10\"\n3) \"9\"\n4) \"2\""),
    sort_ro,
),
];

const NO_NUMBER: CommandError =
    CommandError::Text("ERR One or more scores can't be converted into double");

/// What is asked for.
#[derive(Default)]
struct Request<'a> {
    descending: bool,
    alpha: bool,
    /// The elements stay in their own order.
    unsorted: bool,
    limit: Option<(i64, i64)>,
    by: Option<Pattern<'a>>,
    get: Vec<Pattern<'a>>,
    /// The argument that is the destination.
    store: Option<usize>,
}

impl<'a> Request<'a> {
    /// Reads the options; STORE is one only where `stores` says so.
    fn parse(args: Args<'a>, stores: bool) -> Result<Self, CommandError> {
        let integer = |text| parse_i64_strict(text).ok_or(CommandError::NotInteger);
        let mut request = Self::default();
        for option in SortOptions::of(args) {
            match option? {
                SortOption::Descending(descending) => request.descending = descending,
                SortOption::Alpha => request.alpha = true,
                SortOption::Limit(offset, count) => {
                    request.limit = Some((integer(offset)?, integer(count)?));
                }
                SortOption::By(pattern) => {
                    request.unsorted |= !before_zero(pattern).contains(&b'*');
                    request.by = Some(Pattern::of(pattern));
                }
                SortOption::Get(pattern) => request.get.push(Pattern::of(pattern)),
                SortOption::Store(at) if stores => request.store = Some(at),
                SortOption::Store(_) => return Err(CommandError::Syntax),
            }
        }
        Ok(request)
    }

    /// Which of `len` elements in their order are wanted.
    fn range(&self, len: usize) -> Range<usize> {
        let (offset, count) = self.limit.unwrap_or((0, -1));
        let start = usize::try_from(offset.max(0)).unwrap_or(len).min(len);
        let count = usize::try_from(count).unwrap_or(len);
        start..start.saturating_add(count).min(len)
    }

    /// Sets have no order of their own that could be stored.
    fn give_order(&mut self, kind: Kind) {
        if kind == Kind::Set && self.unsorted && self.store.is_some() {
            (self.unsorted, self.alpha, self.by) = (false, true, None);
        }
    }
}

/// Number of elements of a value that can be sorted.
fn len_of(value: ValueRef<'_>) -> Result<usize, CommandError> {
    match value.kind() {
        Kind::List => Ok(List::view_of(value).map_or(0, View::len)),
        Kind::Set => Ok(Set::view_of(value).map_or(0, |set| set.len())),
        Kind::SortedSet => Ok(SortedSet::view_of(value).map_or(0, |sorted| sorted.len())),
        _ => Err(CommandError::WrongType),
    }
}

/// Visits elements of a value that can be sorted, in its own order or, where it has one, backwards.
fn visit_elements(
    value: ValueRef<'_>,
    backwards: bool,
    range: Range<usize>,
    visit: &mut dyn FnMut(Element<'_>),
) {
    if let Some(list) = List::view_of(value) {
        let side = if backwards { Side::Back } else { Side::Front };
        list.from(side, range.start).take(range.len()).for_each(visit);
    } else if let Some(sorted) = SortedSet::view_of(value) {
        let len = sorted.len();
        let ranks = if backwards { len - range.end..len - range.start } else { range };
        sorted.visit(ranks, backwards, &mut |member, _| {
            visit(member);
            true
        });
    } else if let Some(set) = Set::view_of(value) {
        let mut at = 0;
        set.all(&mut |member| {
            if at >= range.start && at < range.end {
                visit(member);
            }
            at += 1;
            at < range.end
        });
    }
}

/// An element with what it is sorted by.
struct Item {
    text: Range<usize>,
    score: f64,
    weight: Option<Range<usize>>,
}

/// Elements that were collected, with the texts that they refer to.
#[derive(Default)]
struct Collected {
    items: Vec<Item>,
    texts: Vec<u8>,
    /// The elements that are wanted, once they are in order.
    wanted: Range<usize>,
}

impl Collected {
    /// Copies the elements of a key, in the order that is asked for. None if there is no key.
    fn of(
        keys: &mut impl Keys,
        key: &[u8],
        request: &mut Request<'_>,
    ) -> Result<Self, CommandError> {
        let mut collected = Self::default();
        let Some(entry) = keys.entry(key) else { return Ok(collected) };
        let value = entry.value();
        let len = len_of(value)?;
        request.give_order(value.kind());
        let wanted = request.range(len);
        let (visited, backwards) =
            if request.unsorted { (wanted.clone(), request.descending) } else { (0..len, false) };
        collected.items.reserve_exact(visited.len());
        visit_elements(value, backwards, visited, &mut |element| collected.add(element));
        if request.unsorted {
            collected.wanted = 0..collected.items.len();
        } else {
            collected.weigh(keys, request)?;
            let Self { items, texts, .. } = &mut collected;
            let order = |one: &Item, other: &Item| order(request, texts, one, other);
            // Which of the two it is shows in elements that are equal.
            if request.by.is_some() && wanted != (0..len) {
                sort_part(items, &wanted, &order);
            } else {
                items.sort_by(order);
            }
            collected.wanted = wanted;
        }
        Ok(collected)
    }

    fn add(&mut self, element: Element<'_>) {
        let start = self.texts.len();
        element.append_to(&mut self.texts);
        self.items.push(Item { text: start..self.texts.len(), score: 0.0, weight: None });
    }

    /// Finds what the elements are sorted by.
    fn weigh(&mut self, keys: &mut impl Keys, request: &Request<'_>) -> Outcome {
        let Self { items, texts, .. } = self;
        if request.alpha && request.by.is_none() {
            return Ok(());
        }
        for item in items {
            let before = texts.len();
            let weight = match &request.by {
                Some(by) => by.fetch(keys, &item.text, texts),
                None => Some(item.text.clone()),
            };
            if request.alpha {
                item.weight = weight;
                continue;
            }
            item.score = match weight {
                Some(weight) => strtod(text(texts, &weight)).ok_or(NO_NUMBER)?,
                None => 0.0,
            };
            texts.truncate(before);
        }
        Ok(())
    }

    /// Hands the result over, text by text; nothing where a key that GET names is not there.
    fn for_each(
        &mut self,
        keys: &mut impl Keys,
        request: &Request<'_>,
        hand: &mut dyn FnMut(Option<&[u8]>),
    ) {
        let Self { items, texts, wanted } = self;
        for item in items.get(wanted.clone()).unwrap_or_default() {
            if request.get.is_empty() {
                hand(Some(text(texts, &item.text)));
            }
            for pattern in &request.get {
                let before = texts.len();
                let found = pattern.fetch(keys, &item.text, texts);
                hand(found.map(|found| text(texts, &found)));
                texts.truncate(before);
            }
        }
    }

    /// Number of texts of the result.
    fn len(&self, request: &Request<'_>) -> usize {
        self.wanted.len() * request.get.len().max(1)
    }
}

fn text<'t>(texts: &'t [u8], range: &Range<usize>) -> &'t [u8] {
    texts.get(range.clone()).unwrap_or_default()
}

/// The order of two elements. What has no weight comes first; texts that are only replied are
/// compared as C's strings are, up to a zero byte.
fn order(request: &Request<'_>, texts: &[u8], one: &Item, other: &Item) -> Ordering {
    let bytes = |one: &Range<usize>, other: &Range<usize>| {
        let (one, other) = (text(texts, one), text(texts, other));
        match request.store {
            Some(_) => one.cmp(other),
            None => before_zero(one).cmp(before_zero(other)),
        }
    };
    let ascending = if !request.alpha {
        let scores = one.score.partial_cmp(&other.score).unwrap_or(Ordering::Equal);
        scores.then_with(|| text(texts, &one.text).cmp(text(texts, &other.text)))
    } else if request.by.is_some() {
        match (&one.weight, &other.weight) {
            (Some(one), Some(other)) => bytes(one, other),
            (one, other) => one.is_some().cmp(&other.is_some()),
        }
    } else {
        bytes(&one.text, &other.text)
    };
    if request.descending { ascending.reverse() } else { ascending }
}

fn reply_sorted(
    keys: &mut impl Keys,
    args: Args<'_>,
    mut request: Request<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let mut collected = Collected::of(keys, args.at(1), &mut request)?;
    reply.array(collected.len(&request));
    collected.for_each(keys, &request, &mut |text| match text {
        Some(text) => reply.bulk(text),
        None => reply.null(),
    });
    Ok(())
}

fn sort_ro(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let request = Request::parse(args, false)?;
    reply_sorted(&mut &*cx, args, request, reply)
}

fn sort(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let mut request = Request::parse(args, true)?;
    let Some(destination) = request.store else { return reply_sorted(cx, args, request, reply) };
    let mut collected = Collected::of(cx, args.at(1), &mut request)?;
    let shaping: Shaping = cx.shaping();
    let mut list = List::empty(Vec::new());
    collected.for_each(cx, &request, &mut |text| {
        list.apply(Edit::Push(Side::Back, text.unwrap_or_default()), &shaping);
    });
    let key = cx.key(args.at(destination));
    key.put_collection(list, Ttl::Clear, Event::list("sortstore"));
    reply.int(collected.len(&request) as i64);
    Ok(())
}
