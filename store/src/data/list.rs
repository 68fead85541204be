//! Lists: one listpack while the elements fit a node, a chain of nodes beyond that. Redis calls both
//! of them a quicklist.

use shardwright_codec::listpack::{Element, GapListpack};
use shardwright_codec::rdb::{self, Body, Fault, ObjectType, Part};

use self::chain::Chain;
use self::node::Bounds;
use super::{Collection, INLINE_COLLECTION_MAX, Shaping, mix_element};
use crate::digest::Digest;
use crate::effect::{EffectError, Reader, put_bytes};
use crate::value::Packing;

mod chain;
mod node;
mod view;

pub use view::{Elements, View};

/// An end of a list, or the direction from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where index 0 is.
    Front,
    /// Where index -1 is.
    Back,
}

/// Strings in order.
#[derive(Debug, Clone)]
pub enum List {
    /// One node.
    One(GapListpack),
    /// Any number of them.
    Many(Box<Chain>),
}

/// One change of a list.
#[derive(Debug, Clone, Copy)]
pub enum Edit<'a> {
    /// The list has one more element at an end.
    Push(Side, &'a [u8]),
    /// So many elements at an end are gone; there are as many.
    Pop(Side, u64),
    /// The list has one more element, which has this index now.
    Insert(u64, &'a [u8]),
    /// The element with this index is another one.
    Set(u64, &'a [u8]),
    /// So many elements that are this string, or all if there are fewer, are gone, looked for from an
    /// end.
    Remove(Side, u64, &'a [u8]),
}

mod tag {
    pub const PUSH_FRONT: u8 = 1;
    pub const PUSH_BACK: u8 = 2;
    pub const POP_FRONT: u8 = 3;
    pub const POP_BACK: u8 = 4;
    pub const INSERT: u8 = 5;
    pub const SET: u8 = 6;
    pub const REMOVE_FROM_FRONT: u8 = 7;
    pub const REMOVE_FROM_BACK: u8 = 8;
}

impl<'a> Edit<'a> {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let (tag, number, text) = match *self {
            Self::Push(Side::Front, text) => (tag::PUSH_FRONT, None, Some(text)),
            Self::Push(Side::Back, text) => (tag::PUSH_BACK, None, Some(text)),
            Self::Pop(Side::Front, count) => (tag::POP_FRONT, Some(count), None),
            Self::Pop(Side::Back, count) => (tag::POP_BACK, Some(count), None),
            Self::Insert(index, text) => (tag::INSERT, Some(index), Some(text)),
            Self::Set(index, text) => (tag::SET, Some(index), Some(text)),
            Self::Remove(Side::Front, most, text) => {
                (tag::REMOVE_FROM_FRONT, Some(most), Some(text))
            }
            Self::Remove(Side::Back, most, text) => (tag::REMOVE_FROM_BACK, Some(most), Some(text)),
        };
        out.push(tag);
        number.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        text.iter().for_each(|text| put_bytes(out, text));
    }

    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, EffectError> {
        Ok(match reader.u8()? {
            tag::PUSH_FRONT => Self::Push(Side::Front, reader.bytes()?),
            tag::PUSH_BACK => Self::Push(Side::Back, reader.bytes()?),
            tag::POP_FRONT => Self::Pop(Side::Front, reader.u64()?),
            tag::POP_BACK => Self::Pop(Side::Back, reader.u64()?),
            tag::INSERT => Self::Insert(reader.u64()?, reader.bytes()?),
            tag::SET => Self::Set(reader.u64()?, reader.bytes()?),
            tag::REMOVE_FROM_FRONT => Self::Remove(Side::Front, reader.u64()?, reader.bytes()?),
            tag::REMOVE_FROM_BACK => Self::Remove(Side::Back, reader.u64()?, reader.bytes()?),
            tag => return Err(EffectError::UnknownTag { what: "change of a list", tag }),
        })
    }
}

impl List {
    /// Lets `work` change the chain of nodes, which a list of one node becomes first.
    fn chain(&mut self, work: impl FnOnce(&mut Chain)) {
        match self {
            Self::Many(chain) => work(chain),
            Self::One(node) => {
                let mut chain = Box::new(Chain::new(std::mem::take(node)));
                work(&mut chain);
                *self = Self::Many(chain);
            }
        }
    }

    /// A chain of one short node becomes that node.
    fn settle(&mut self, bounds: &Bounds) {
        if let Self::Many(chain) = self
            && let Some(node) = chain.take_only(bounds.bytes / 2)
        {
            *self = Self::One(node);
        }
    }

    fn push(&mut self, side: Side, text: &[u8], bounds: &Bounds) {
        match self {
            Self::One(node) if bounds.fit_one(node, text) => {
                node::push(node, side, Element::of(text), bounds);
            }
            _ => self.chain(|chain| chain.push(side, text, bounds)),
        }
    }

    fn pop(&mut self, side: Side, count: usize, bounds: &Bounds) {
        match self {
            Self::One(node) => node::pop(node, side, count),
            Self::Many(chain) => chain.pop(side, count),
        }
        self.settle(bounds);
    }

    /// Where an element of the only node lies.
    fn place(node: &GapListpack, index: usize) -> std::ops::Range<usize> {
        let end = node.size() - 1;
        node.view().get(index).map_or(end..end, |placed| placed.at..placed.end)
    }

    fn insert(&mut self, index: usize, text: &[u8], bounds: &Bounds) {
        match self {
            Self::One(node) if bounds.fit_one(node, text) => {
                let at = Self::place(node, index).start;
                node.splice(at..at, &[Element::of(text)], 0);
            }
            _ => self.chain(|chain| chain.insert(index, text, bounds)),
        }
    }

    fn set(&mut self, index: usize, text: &[u8], bounds: &Bounds) {
        match self {
            Self::One(node) if bounds.fit_one(node, text) => {
                node.splice(Self::place(node, index), &[Element::of(text)], 1);
            }
            _ => self.chain(|chain| chain.set(index, text, bounds)),
        }
        self.settle(bounds);
    }

    fn remove(&mut self, side: Side, most: usize, text: &[u8], bounds: &Bounds) -> usize {
        let wanted = Element::of(text);
        let removed = match self {
            Self::One(node) => node::remove(node, side, most, wanted),
            Self::Many(chain) => chain.remove(side, most, wanted, bounds),
        };
        self.settle(bounds);
        removed
    }
}

impl Collection for List {
    super::in_object!(List);
    type View<'a> = View<'a>;
    type Edit<'a> = Edit<'a>;
    /// Number of elements that came, went or changed.
    type Done = usize;

    fn empty(buffer: Vec<u8>) -> Self {
        Self::One(GapListpack::from_empty(buffer))
    }

    fn unpack(_: Packing, bytes: Vec<u8>) -> Self {
        Self::One(GapListpack::trusted(bytes))
    }

    fn pack(self) -> Result<(Packing, Vec<u8>), Self> {
        match self {
            Self::One(node) if node.size() <= INLINE_COLLECTION_MAX => {
                Ok((Packing::Listpack, node.into_bytes()))
            }
            Self::One(mut node) => {
                // It grew where small collections are changed, and leaves with the memory of there.
                node.shrink();
                Err(Self::One(node))
            }
            Self::Many(_) => Err(self),
        }
    }

    fn packed_len(&self) -> Option<usize> {
        match self {
            Self::One(node) => Some(node.size()),
            Self::Many(_) => None,
        }
    }

    fn view(&self) -> View<'_> {
        match self {
            Self::One(node) => View::One(node.view()),
            Self::Many(chain) => View::Many(chain),
        }
    }

    fn view_packed(_: Packing, bytes: &[u8]) -> View<'_> {
        View::One(shardwright_codec::listpack::Listpack::trusted(bytes))
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::One(node) => node.is_empty(),
            Self::Many(chain) => chain.len() == 0,
        }
    }

    fn memory(&self) -> usize {
        match self {
            Self::One(node) => node.capacity(),
            Self::Many(chain) => size_of::<Chain>() + chain.memory(),
        }
    }

    fn apply(&mut self, edit: Edit<'_>, shaping: &Shaping) -> Option<usize> {
        let bounds = Bounds::of(&shaping.encodings);
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        match edit {
            Edit::Push(side, text) => self.push(side, text, &bounds),
            Edit::Pop(side, count) => {
                let count = number(count);
                if count == 0 || count > self.view().len() {
                    return None;
                }
                self.pop(side, count, &bounds);
                return Some(count);
            }
            Edit::Insert(index, text) => {
                let index = Some(number(index)).filter(|&index| index <= self.view().len())?;
                self.insert(index, text, &bounds);
            }
            Edit::Set(index, text) => {
                let index = Some(number(index)).filter(|&index| index < self.view().len())?;
                self.set(index, text, &bounds);
            }
            Edit::Remove(side, most, text) => {
                let removed = self.remove(side, number(most), text, &bounds);
                return (removed > 0).then_some(removed);
            }
        }
        Some(1)
    }

    fn encoding(_: View<'_>) -> &'static str {
        "quicklist"
    }

    fn digest(view: View<'_>, digest: &mut Digest) {
        view.iter().for_each(|element| mix_element(digest, element));
    }

    fn object_type(_: View<'_>) -> ObjectType {
        ObjectType::ListQuicklist2
    }

    fn write(view: View<'_>, body: &mut Body<'_>) {
        match view {
            View::One(listpack) => {
                body.length(1);
                body.packed_node(listpack.bytes());
            }
            View::Many(chain) => chain.write(body),
        }
    }

    fn read(collection: rdb::Collection<'_>, shaping: &Shaping) -> Result<Self, Fault> {
        let bounds = Bounds::of(&shaping.encodings);
        let mut list = Self::empty(Vec::new());
        collection.visit(&mut |part| {
            let Part::Text(text) = part else { return Err("a score in a list") };
            list.push(Side::Back, text, &bounds);
            Ok(())
        })?;
        if list.is_empty() { Err(collection.fault("no elements")) } else { Ok(list) }
    }
}

#[cfg(test)]
mod tests;
