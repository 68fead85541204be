//! Nodes of lists: a listpack of bounded size, or one element that is too long for any.

use shardwright_codec::listpack::{Element, GapListpack};

use super::super::{Encodings, INLINE_COLLECTION_MAX};
use super::Side;

/// Bytes that a node may have where its elements are counted, and that one at an end begins with.
const COUNTED_NODE_BYTES: usize = 8192;

/// How much a node takes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of a listpack that has more than one element.
    pub bytes: usize,
    /// Elements of a listpack.
    pub entries: usize,
    /// An element that is longer is no part of a listpack.
    pub long: usize,
}

impl Bounds {
    /// The bounds that the settings say.
    pub fn of(encodings: &Encodings) -> Self {
        let (bytes, entries) = match encodings.list_max_listpack_size {
            size @ ..0 => (2048 << size.unsigned_abs().min(5), usize::MAX),
            count => (COUNTED_NODE_BYTES, usize::try_from(count).unwrap_or(usize::MAX).max(1)),
        };
        Self { bytes, entries, long: encodings.list_packed_threshold }
    }

    /// Whether a list may stay one node when this element comes. Where it lives in its entry, it is
    /// not divided, whatever the settings say.
    pub fn fit_one(&self, node: &GapListpack, text: &[u8]) -> bool {
        let size = node.size() + Element::of(text).stored_len();
        text.len() <= self.long
            && (size <= INLINE_COLLECTION_MAX || self.allow(size, node.len() + 1))
    }

    fn allow(&self, size: usize, entries: usize) -> bool {
        size <= self.bytes && entries <= self.entries
    }
}

/// A node.
#[derive(Debug, Clone)]
pub enum Node {
    /// Elements.
    Packed(GapListpack),
    /// One long element.
    Plain(Box<[u8]>),
}

impl Node {
    /// A node of one element.
    pub fn new(text: &[u8], bounds: &Bounds) -> Self {
        if text.len() > bounds.long {
            Self::Plain(text.into())
        } else {
            Self::Packed(GapListpack::of(Element::of(text)))
        }
    }

    /// A node of one element at an end of a chain, where more will come.
    pub fn at_end(side: Side, text: &[u8], bounds: &Bounds) -> Self {
        if text.len() > bounds.long {
            return Self::Plain(text.into());
        }
        let element = Element::of(text);
        let expected = bounds.entries.saturating_mul(element.stored_len());
        let buffer = bounds.bytes.min(COUNTED_NODE_BYTES).min(expected);
        Self::Packed(GapListpack::with_room(element, buffer, side == Side::Front))
    }

    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Self::Packed(listpack) => listpack.len(),
            Self::Plain(_) => 1,
        }
    }

    /// Bytes on the heap.
    #[inline]
    pub fn memory(&self) -> usize {
        match self {
            Self::Packed(listpack) => listpack.capacity(),
            Self::Plain(text) => text.len(),
        }
    }

    /// The listpack to change, if there is room in it for this element.
    #[inline]
    pub fn with_room(&mut self, text: &[u8], bounds: &Bounds) -> Option<&mut GapListpack> {
        match self {
            Self::Packed(listpack) if text.len() <= bounds.long => {
                let size = listpack.size() + Element::of(text).stored_len();
                bounds.allow(size, listpack.len() + 1).then_some(listpack)
            }
            _ => None,
        }
    }

    /// Gives back memory that is not used.
    pub fn shrink(&mut self) {
        if let Self::Packed(listpack) = self {
            listpack.shrink();
        }
    }

    /// Whether there is room for all that the node behind this one has.
    pub fn may_absorb(&self, next: &Self, bounds: &Bounds) -> bool {
        let (Self::Packed(own), Self::Packed(next)) = (self, next) else { return false };
        bounds.allow(own.size() + next.size(), own.len() + next.len())
    }

    /// Takes the elements of the node behind this one in, both being listpacks.
    pub fn absorb(&mut self, next: &Self) {
        if let (Self::Packed(own), Self::Packed(next)) = (self, next) {
            own.append(next);
        }
    }
}

/// Adds an element at an end.
#[inline]
pub fn push(listpack: &mut GapListpack, side: Side, element: Element<'_>, bounds: &Bounds) {
    match side {
        Side::Front => listpack.push_front(element, bounds.bytes),
        Side::Back => listpack.push_back(element),
    }
}

/// Takes elements away at an end, and memory with them if little of it is used now.
#[inline]
pub fn pop(listpack: &mut GapListpack, side: Side, count: usize) {
    match side {
        Side::Front => listpack.pop_front(count),
        Side::Back => listpack.pop_back(count),
    }
    if listpack.capacity() > INLINE_COLLECTION_MAX.max(4 * listpack.size()) {
        listpack.shrink();
    }
}

/// Takes up to `most` elements away that are `wanted`, looked for from an end. Returns how many.
pub fn remove(listpack: &mut GapListpack, side: Side, most: usize, wanted: Element<'_>) -> usize {
    let found = listpack.view().iter().filter(|placed| placed.element == wanted).count();
    let removed = found.min(most);
    if removed > 0 {
        let spared = if side == Side::Back { found - removed } else { 0 };
        let mut seen = 0;
        listpack.retain(|element| {
            let is_one = element == wanted;
            seen += usize::from(is_one);
            !(is_one && (spared + 1..=spared + removed).contains(&seen))
        });
        listpack.shrink();
    }
    removed
}
