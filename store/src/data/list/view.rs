//! Lists to read: by index from the nearer end, and in either direction.

use shardwright_codec::listpack::{self, Element, Listpack};

use super::Side;
use super::chain::Chain;
use super::node::Node;

/// A list to read.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    /// One node.
    One(Listpack<'a>),
    /// Any number of them.
    Many(&'a Chain),
}

impl<'a> View<'a> {
    /// Number of elements. Takes constant time.
    #[inline]
    pub fn len(self) -> usize {
        match self {
            Self::One(listpack) => listpack.len(),
            Self::Many(chain) => chain.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The element at an end. Takes constant time.
    #[inline]
    pub fn end(self, side: Side) -> Option<Element<'a>> {
        self.from(side, 0).next()
    }

    /// The element with this index: one step a node from the nearer end, one an element in its node.
    pub fn get(self, index: usize) -> Option<Element<'a>> {
        self.from(Side::Front, index).next()
    }

    /// All elements.
    pub fn iter(self) -> Elements<'a> {
        self.from(Side::Front, 0)
    }

    /// The elements from an end to the other, without the first `skipped`, which are skipped as
    /// fast as [`View::get`] finds one.
    #[inline]
    pub fn from(self, side: Side, skipped: usize) -> Elements<'a> {
        match self {
            Self::One(listpack) => {
                let next = if skipped == 0 && side == Side::Front {
                    Items::Packed(listpack.iter())
                } else {
                    let len = listpack.len();
                    Items::packed(listpack, side, index_from(side, skipped, len))
                };
                Elements { chain: None, node: 0, next, side }
            }
            Self::Many(chain) => Elements::of_chain(chain, side, skipped),
        }
    }
}

/// The index of the element behind `skipped` others; none if there are not so many.
fn index_from(side: Side, skipped: usize, len: usize) -> Option<usize> {
    match side {
        Side::Front => Some(skipped).filter(|&index| index < len),
        Side::Back => len.checked_sub(skipped.checked_add(1)?),
    }
}

/// The elements of a list from some place on.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    chain: Option<&'a Chain>,
    /// The node that `next` is from.
    node: usize,
    next: Items<'a>,
    side: Side,
}

/// What is to come of a node.
#[derive(Debug, Clone)]
enum Items<'a> {
    Packed(listpack::Elements<'a>),
    Plain(Option<&'a [u8]>),
}

impl<'a> Items<'a> {
    /// The elements of a listpack from the one with this index on.
    fn packed(listpack: Listpack<'a>, side: Side, index: Option<usize>) -> Self {
        let first = index.and_then(|index| listpack.get(index));
        first.map_or(Self::Plain(None), |first| {
            Self::Packed(match side {
                Side::Front => listpack.iter_from(first.at),
                Side::Back => listpack.iter_to(first.end),
            })
        })
    }

    /// All elements of a node.
    fn all(node: &'a Node) -> Self {
        match node {
            Node::Packed(listpack) => Self::Packed(listpack.view().iter()),
            Node::Plain(text) => Self::Plain(Some(text)),
        }
    }
}

impl<'a> Elements<'a> {
    fn of_chain(chain: &'a Chain, side: Side, skipped: usize) -> Self {
        let found = index_from(side, skipped, chain.len()).map(|index| chain.find(index));
        let (node, next) = match found.map(|(node, offset)| (node, offset, chain.node(node))) {
            Some((number, offset, Some(Node::Packed(node)))) => {
                (number, Items::packed(node.view(), side, Some(offset)))
            }
            Some((number, _, Some(Node::Plain(text)))) => (number, Items::Plain(Some(text))),
            _ => (usize::MAX, Items::Plain(None)),
        };
        Self { chain: Some(chain), node, next, side }
    }

    /// The next node's elements.
    fn turn(&mut self) -> Option<Items<'a>> {
        self.node = match self.side {
            Side::Front => self.node.checked_add(1)?,
            Side::Back => self.node.checked_sub(1)?,
        };
        self.chain?.node(self.node).map(Items::all)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        loop {
            let next = match (&mut self.next, self.side) {
                (Items::Packed(items), Side::Front) => items.next().map(|placed| placed.element),
                (Items::Packed(items), Side::Back) => {
                    items.next_back().map(|placed| placed.element)
                }
                (Items::Plain(text), _) => text.take().map(Element::Bytes),
            };
            if next.is_some() {
                return next;
            }
            self.next = self.turn()?;
        }
    }
}
