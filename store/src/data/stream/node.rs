//! Nodes: runs of entries in one listpack each, in the format that Redis has in memory and in RDB
//! files.
//!
//! A node begins with what its first entry brought: the number of entries that are there, the number
//! of those that are marked as deleted, the number of fields, their names, and a 0. Entries follow:
//! flags; how both numbers of the ID differ from those of the node's own ID; then, if the flags do not
//! say that the fields are those at the beginning, the number of fields; then values, or fields and
//! values in turn; and the number of these elements, by which the node is walked backwards. A deleted
//! entry keeps its place: it is only marked.
//!
//! IDs in a node usually rise, but nothing here relies on it: after XSETID they need not.

use std::ops::Range;

use shardwright_codec::listpack::{Element, Listpack, ListpackBuf, Placed};

use super::edit::Texts;
use super::id::StreamId;

/// The entry is marked as deleted.
const DELETED: i64 = 1;
/// The entry has the fields that the node begins with.
const SAME_FIELDS: i64 = 2;
/// Elements of an entry besides fields and values: flags and ID.
const FIXED: usize = 3;

/// Most bytes that a node is given when it begins.
const MOST_ROOM: usize = 8192;

/// A run of entries.
#[derive(Debug, Clone)]
pub struct Node(ListpackBuf);

/// A node to read, with its ID.
#[derive(Debug, Clone, Copy)]
pub(super) struct NodeView<'a> {
    pub(super) id: StreamId,
    listpack: Listpack<'a>,
}

/// What a node begins with.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// Entries that are there.
    pub(super) live: i64,
    /// Entries that are marked as deleted.
    pub(super) deleted: i64,
    /// Where the two numbers are.
    places: [Range<usize>; 2],
    /// Number of fields.
    fields: usize,
    /// Where the first field is.
    fields_at: usize,
    /// Where the first entry is.
    entries_at: usize,
}

/// An entry as it lies in a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw<'a> {
    pub(super) id: StreamId,
    flags: i64,
    pub(super) pairs: Pairs<'a>,
    at: usize,
    end: usize,
}

impl Raw<'_> {
    pub(super) fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }
}

/// The fields and values of an entry.
#[derive(Debug, Clone, Copy)]
pub struct Pairs<'a> {
    listpack: Listpack<'a>,
    /// Where the fields are, if they are not beside their values.
    fields_at: Option<usize>,
    at: usize,
    count: usize,
}

impl<'a> Pairs<'a> {
    /// Number of fields.
    pub fn len(self) -> usize {
        self.count
    }

    /// Whether there are no fields, which no entry is added with.
    pub fn is_empty(self) -> bool {
        self.count == 0
    }

    /// All fields with their values.
    pub fn iter(self) -> impl Iterator<Item = (Element<'a>, Element<'a>)> {
        let mut fields = self.fields_at.map(|at| self.listpack.iter_from(at));
        let mut rest = self.listpack.iter_from(self.at);
        (0..self.count).map_while(move |_| {
            let field = match &mut fields {
                Some(fields) => fields.next()?,
                None => rest.next()?,
            };
            Some((field.element, rest.next()?.element))
        })
    }
}

/// Reads a node's elements in order.
struct Cursor<'a> {
    listpack: Listpack<'a>,
    at: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
    fn next(&mut self) -> Option<Placed<'a>> {
        let placed = self.listpack.at(self.at)?;
        self.at = placed.end;
        Some(placed)
    }

    #[inline]
    fn int(&mut self) -> Option<i64> {
        match self.next()?.element {
            Element::Int(number) => Some(number),
            Element::Bytes(_) => None,
        }
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.int()?).ok()
    }

    #[inline]
    fn skip(&mut self, count: usize) -> Option<()> {
        for _ in 0..count {
            self.next()?;
        }
        Some(())
    }
}

impl<'a> NodeView<'a> {
    fn cursor(self, at: usize) -> Cursor<'a> {
        Cursor { listpack: self.listpack, at }
    }

    /// Bytes that are known to be a node.
    #[inline]
    pub(super) fn trusted(id: StreamId, bytes: &'a [u8]) -> Self {
        Self { id, listpack: Listpack::trusted(bytes) }
    }

    /// Its listpack.
    pub(super) fn bytes(self) -> &'a [u8] {
        self.listpack.bytes()
    }

    /// Entries that are there, and those that are marked as deleted.
    pub(super) fn counts(self) -> (i64, i64) {
        let mut cursor = self.cursor(self.start());
        let counts = cursor.int().and_then(|live| Some((live, cursor.int()?)));
        counts.unwrap_or_default()
    }

    fn start(self) -> usize {
        self.listpack.iter().next().map_or(0, |first| first.at)
    }

    /// What it begins with.
    pub(super) fn head(self) -> Option<Head> {
        let mut cursor = self.cursor(self.start());
        let (start, live) = (cursor.at, cursor.int()?);
        let (middle, deleted) = (cursor.at, cursor.int()?);
        let places = [start..middle, middle..cursor.at];
        let fields = cursor.count()?;
        let fields_at = cursor.at;
        cursor.skip(fields)?;
        // Behind the fields stands a 0, so that walking backwards ends.
        let end = cursor.int()?;
        let head = Head { live, deleted, places, fields, fields_at, entries_at: cursor.at };
        (end == 0).then_some(head)
    }

    /// The entry that begins at `at`.
    fn entry_at(self, head: &Head, at: usize) -> Option<Raw<'a>> {
        let mut cursor = self.cursor(at);
        let (flags, ms, seq) = (cursor.int()?, cursor.int()?, cursor.int()?);
        let same = flags & SAME_FIELDS != 0;
        let count = if same { head.fields } else { cursor.count()? };
        let fields_at = same.then_some(head.fields_at);
        let pairs = Pairs { listpack: self.listpack, fields_at, at: cursor.at, count };
        let texts = if same { count } else { count.checked_mul(2)? };
        cursor.skip(texts)?;
        let elements = texts + FIXED + usize::from(!same);
        let is_whole = cursor.count()? == elements;
        let id = self.id.plus(ms, seq);
        is_whole.then_some(Raw { id, flags, pairs, at, end: cursor.at })
    }

    /// The entry that ends before `end`.
    fn entry_before(self, head: &Head, end: usize) -> Option<Raw<'a>> {
        if end <= head.entries_at {
            return None;
        }
        let last = self.listpack.before(end)?;
        let Element::Int(elements) = last.element else { return None };
        let mut at = last.at;
        for _ in 0..elements {
            at = self.listpack.before(at)?.at;
        }
        self.entry_at(head, at).filter(|entry| entry.end == end)
    }

    /// All entries, also those that are deleted.
    pub(super) fn entries(self) -> Entries<'a> {
        let head = self.head();
        let begin = head.as_ref().map_or(0, |head| head.entries_at);
        let end = self.listpack.bytes().len().saturating_sub(1);
        Entries { node: self, head, begin, end }
    }

    /// The last entry, also if it is deleted.
    pub(super) fn last(self) -> Option<Raw<'a>> {
        self.entries().next_back()
    }

    /// Whether these fields are those that the node begins with.
    fn has_fields(self, head: &Head, pairs: Texts<'_>) -> bool {
        let mut cursor = self.cursor(head.fields_at);
        head.fields == pairs.len() / 2
            && pairs
                .fields()
                .all(|field| cursor.next().is_some_and(|known| known.element == Element::of(field)))
    }
}

/// The entries of a node, from both ends.
pub(super) struct Entries<'a> {
    node: NodeView<'a>,
    head: Option<Head>,
    begin: usize,
    end: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Raw<'a>;

    fn next(&mut self) -> Option<Raw<'a>> {
        let head = self.head.as_ref().filter(|_| self.begin < self.end)?;
        let entry = self.node.entry_at(head, self.begin)?;
        self.begin = entry.end;
        Some(entry)
    }
}

impl DoubleEndedIterator for Entries<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let head = self.head.as_ref().filter(|_| self.begin < self.end)?;
        let entry = self.node.entry_before(head, self.end)?;
        self.end = entry.at;
        Some(entry)
    }
}

impl Node {
    /// A node with one entry.
    pub(super) fn open(id: StreamId, pairs: Texts<'_>, room: usize) -> Self {
        let mut node = Self(ListpackBuf::from_empty(Vec::with_capacity(room.min(MOST_ROOM))));
        let fields = (pairs.len() / 2) as i64;
        [1, 0, fields].into_iter().for_each(|number| node.0.push(Element::Int(number)));
        pairs.fields().for_each(|field| node.0.push(Element::of(field)));
        node.0.push(Element::Int(0));
        node.push_entry((0, 0), pairs, true);
        debug_assert!(node.view(id).last().is_some_and(|entry| entry.id == id));
        node
    }

    /// Adds an entry. `own` is the node's ID.
    pub(super) fn append(&mut self, own: StreamId, id: StreamId, pairs: Texts<'_>) -> Option<()> {
        let view = self.view(own);
        let head = view.head()?;
        let same = view.has_fields(&head, pairs);
        let [live, _] = head.places;
        self.0.set_int(live, head.live + 1);
        self.push_entry(id.minus(own), pairs, same);
        Some(())
    }

    fn push_entry(&mut self, (ms, seq): (i64, i64), pairs: Texts<'_>, same: bool) {
        let flags = if same { SAME_FIELDS } else { 0 };
        [flags, ms, seq].into_iter().for_each(|number| self.0.push(Element::Int(number)));
        let mut elements = FIXED;
        if same {
            pairs.values().for_each(|value| self.0.push(Element::of(value)));
            elements += pairs.len() / 2;
        } else {
            self.0.push(Element::Int((pairs.len() / 2) as i64));
            pairs.iter().for_each(|text| self.0.push(Element::of(text)));
            elements += 1 + pairs.len();
        }
        self.0.push(Element::Int(elements as i64));
    }

    /// Marks the first `count` entries that are there and that `chosen` takes. Returns how many.
    pub(super) fn mark(
        &mut self,
        own: StreamId,
        count: u64,
        chosen: impl Fn(StreamId) -> bool,
    ) -> u64 {
        let Some(head) = self.view(own).head() else { return 0 };
        let (mut at, mut marked) = (head.entries_at, 0);
        while marked < count {
            let Some(entry) = self.view(own).entry_at(&head, at) else { break };
            let (flags, mut end) = (entry.flags, entry.end);
            if !entry.is_deleted() && chosen(entry.id) {
                let before = self.len();
                let place = self.0.view().at(at).map_or(at, |flags| flags.end);
                self.0.set_int(at..place, flags | DELETED);
                // Flags that Redis wrote take as much room as ours.
                end = end + self.len() - before;
                marked += 1;
            }
            at = end;
        }
        let [live, deleted] = head.places;
        // From the back, so that the first place stays right.
        self.0.set_int(deleted, head.deleted + marked as i64);
        self.0.set_int(live, head.live - marked as i64);
        marked
    }

    /// The node to read.
    #[inline]
    pub(super) fn view(&self, id: StreamId) -> NodeView<'_> {
        NodeView { id, listpack: self.0.view() }
    }

    fn len(&self) -> usize {
        self.0.view().bytes().len()
    }

    /// Bytes of memory that it has reserved.
    pub(super) fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Bytes that are known to be a node.
    pub(super) fn trusted(bytes: Vec<u8>) -> Self {
        Self(ListpackBuf::trusted(bytes))
    }

    /// All its bytes, without memory to spare.
    pub(super) fn into_bytes(self) -> Box<[u8]> {
        self.0.into_bytes().into_boxed_slice()
    }

    /// The node that these bytes are.
    pub(super) fn check(bytes: &[u8]) -> Result<Self, &'static str> {
        const DAMAGED: &str = "a node that is damaged";
        let listpack = Listpack::check(bytes).map_err(|_| DAMAGED)?;
        let view = NodeView { id: StreamId::MIN, listpack };
        let head = view.head().ok_or(DAMAGED)?;
        let (mut live, mut deleted, mut at) = (0, 0, head.entries_at);
        let end = bytes.len() - 1;
        while at < end {
            let entry = view.entry_at(&head, at).ok_or(DAMAGED)?;
            if entry.flags & !(DELETED | SAME_FIELDS) != 0 {
                return Err(DAMAGED);
            }
            *(if entry.is_deleted() { &mut deleted } else { &mut live }) += 1;
            at = entry.end;
        }
        match (live, deleted) {
            (0, 0) => Err("a node without entries"),
            counts if counts != (head.live, head.deleted) => Err("a node with a wrong count"),
            _ => Ok(Self(ListpackBuf::trusted(bytes.to_vec()))),
        }
    }
}
