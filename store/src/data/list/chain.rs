//! Lists of many nodes. Only the nodes at the ends have memory to spare; a node that others come
//! before or behind gives back what it does not use.

use shardwright_codec::listpack::{Element, GapListpack};
use shardwright_codec::rdb::Body;

use super::super::blocks::Blocks;
use super::Side;
use super::node::{self, Bounds, Node};

/// Nodes in order. No node is empty.
#[derive(Debug)]
pub struct Chain {
    nodes: Blocks<Node>,
    /// Number of elements.
    len: usize,
    /// Bytes of all nodes on the heap.
    bytes: usize,
}

impl Clone for Chain {
    /// Copies have no memory to spare.
    fn clone(&self) -> Self {
        let nodes = self.nodes.clone();
        let bytes = nodes.iter().map(Node::memory).sum();
        Self { nodes, len: self.len, bytes }
    }
}

impl Chain {
    /// A chain of one node, or of none if it is empty.
    pub(super) fn new(node: GapListpack) -> Self {
        let len = node.len();
        let mut chain = Self { nodes: Blocks::default(), len, bytes: 0 };
        if len > 0 {
            chain.put_node(0, Node::Packed(node));
        }
        chain
    }

    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes on the heap. Takes constant time.
    pub(super) fn memory(&self) -> usize {
        self.nodes.memory() + self.bytes
    }

    /// Bytes that nodes have on the heap, as they are counted.
    #[cfg(test)]
    pub(super) fn node_memory(&self) -> usize {
        self.bytes
    }

    /// A node by its number.
    #[inline]
    pub(super) fn node(&self, number: usize) -> Option<&Node> {
        self.nodes.get(number)
    }

    /// The node that has the element with this index, and where in it, walking over nodes from the
    /// nearer end. The index must be one of an element.
    pub(super) fn find(&self, index: usize) -> (usize, usize) {
        let mut left = index;
        if index <= self.len / 2 {
            for (number, node) in self.nodes.iter().enumerate() {
                match left.checked_sub(node.len()) {
                    Some(rest) => left = rest,
                    None => return (number, left),
                }
            }
            return (self.nodes.len(), 0);
        }
        let mut before = self.len;
        for (number, node) in (0..self.nodes.len()).rev().zip(self.nodes.iter().rev()) {
            before -= node.len();
            if before <= index {
                return (number, index - before);
            }
        }
        (0, left)
    }

    /// Changes a node, keeping count of memory.
    #[inline]
    fn with_node<R>(&mut self, number: usize, work: impl FnOnce(&mut Node) -> R) -> Option<R> {
        let node = self.nodes.get_mut(number)?;
        let before = node.memory();
        let result = work(node);
        self.bytes = self.bytes + node.memory() - before;
        Some(result)
    }

    fn put_node(&mut self, number: usize, node: Node) {
        self.bytes += node.memory();
        self.nodes.insert(number, node);
    }

    fn take_node(&mut self, number: usize) -> Option<Node> {
        let node = self.nodes.remove(number)?;
        self.bytes -= node.memory();
        Some(node)
    }

    /// The number of the node at an end.
    fn end(&self, side: Side) -> usize {
        match side {
            Side::Front => 0,
            Side::Back => self.nodes.len().saturating_sub(1),
        }
    }

    /// Adds an element at an end. Takes constant time on average.
    #[inline]
    pub(super) fn push(&mut self, side: Side, text: &[u8], bounds: &Bounds) {
        self.len += 1;
        let end = self.end(side);
        let pushed = self.with_node(end, |node| match node.with_room(text, bounds) {
            Some(listpack) => {
                node::push(listpack, side, Element::of(text), bounds);
                true
            }
            None => {
                node.shrink();
                false
            }
        });
        if pushed != Some(true) {
            let number = if side == Side::Front { 0 } else { self.nodes.len() };
            self.put_node(number, Node::at_end(side, text, bounds));
        }
    }

    /// Takes elements away at an end; there must be as many. Takes constant time for each node.
    #[inline]
    pub(super) fn pop(&mut self, side: Side, count: usize) {
        self.len -= count;
        let mut left = count;
        while left > 0 {
            let end = self.end(side);
            let Some(node) = self.nodes.get(end) else { return };
            if node.len() <= left {
                left -= node.len();
                self.take_node(end);
            } else {
                self.with_node(end, |node| {
                    if let Node::Packed(listpack) = node {
                        node::pop(listpack, side, left);
                    }
                });
                return;
            }
        }
    }

    /// Takes the only node out if it is a listpack of at most `most` bytes, or an empty one if there
    /// is no node left.
    pub(super) fn take_only(&mut self, most: usize) -> Option<GapListpack> {
        let only = self.nodes.len() == 1;
        match self.nodes.get_mut(0) {
            None => Some(GapListpack::default()),
            Some(Node::Packed(listpack)) if only && listpack.size() <= most => {
                Some(std::mem::take(listpack))
            }
            Some(_) => None,
        }
    }

    /// Adds an element that has this index then.
    pub(super) fn insert(&mut self, index: usize, text: &[u8], bounds: &Bounds) {
        if index >= self.len {
            return self.push(Side::Back, text, bounds);
        }
        let (number, offset) = self.find(index);
        self.insert_at(number, offset, text, bounds);
    }

    /// Adds an element before the one at `offset` of a node, or behind its last: in this node, in
    /// the one that meets it there, or between the parts of this one.
    fn insert_at(&mut self, number: usize, offset: usize, text: &[u8], bounds: &Bounds) {
        self.len += 1;
        if self.try_insert(number, offset, text, bounds) {
            return;
        }
        let len = self.nodes.get(number).map_or(0, Node::len);
        let between = number + usize::from(offset > 0);
        if offset > 0 && offset < len {
            self.split(number, offset);
        }
        let before = between.checked_sub(1);
        if before.is_some_and(|before| self.try_insert(before, usize::MAX, text, bounds))
            || self.try_insert(between, 0, text, bounds)
        {
            self.join_around(between, bounds);
            return;
        }
        self.put_node(between, Node::new(text, bounds));
        self.join_around(between + 1, bounds);
        self.join_around(between, bounds);
    }

    /// Adds an element to a node if there is room. Beyond its last element is at its end.
    fn try_insert(&mut self, number: usize, offset: usize, text: &[u8], bounds: &Bounds) -> bool {
        let inserted = self.with_node(number, |node| {
            let Some(listpack) = node.with_room(text, bounds) else { return false };
            let place = listpack.view().get(offset).map(|placed| placed.at);
            let at = place.unwrap_or(listpack.size() - 1);
            listpack.splice(at..at, &[Element::of(text)], 0);
            true
        });
        inserted == Some(true)
    }

    /// Divides a node before its element at `offset`.
    fn split(&mut self, number: usize, offset: usize) {
        let behind = self.with_node(number, |node| match node {
            Node::Packed(listpack) => {
                let behind = listpack.split_off(offset);
                listpack.shrink();
                Some(behind)
            }
            Node::Plain(_) => None,
        });
        if let Some(behind) = behind.flatten() {
            self.put_node(number + 1, Node::Packed(behind));
        }
    }

    /// Joins the nodes before and behind this boundary with each other and with what follows them
    /// where there is room.
    fn join_around(&mut self, boundary: usize, bounds: &Bounds) {
        for second in [boundary + 1, boundary, boundary.wrapping_sub(1)] {
            let first = second.wrapping_sub(1);
            let (Some(node), Some(next)) = (self.nodes.get(first), self.nodes.get(second)) else {
                continue;
            };
            if node.may_absorb(next, bounds)
                && let Some(next) = self.take_node(second)
            {
                self.with_node(first, |node| node.absorb(&next));
            }
        }
    }

    /// Puts another element in the place of the one with this index, which must be there.
    pub(super) fn set(&mut self, index: usize, text: &[u8], bounds: &Bounds) {
        let (number, offset) = self.find(index);
        let replaced = self.with_node(number, |node| {
            if node.len() == 1 {
                *node = Node::new(text, bounds);
                return true;
            }
            let has_room = node.with_room(text, bounds).is_some();
            let Node::Packed(listpack) = node else { return false };
            let Some(old) = listpack.view().get(offset) else { return false };
            let element = Element::of(text);
            let fits = old.element.stored_len() >= element.stored_len();
            let place = old.at..old.end;
            if has_room || (fits && text.len() <= bounds.long) {
                listpack.splice(place, &[element], 1);
                return true;
            }
            listpack.splice(place, &[], 1);
            false
        });
        if replaced == Some(false) {
            self.len -= 1;
            self.insert_at(number, offset, text, bounds);
        }
    }

    /// Takes up to `most` elements away that are `wanted`, looked for from an end, and joins nodes
    /// that have become short. Returns how many were taken away. Takes linear time.
    pub(super) fn remove(
        &mut self,
        side: Side,
        most: usize,
        wanted: Element<'_>,
        bounds: &Bounds,
    ) -> usize {
        let mut left = most;
        let mut remove_from = |node: &mut Node| {
            left -= match node {
                _ if left == 0 => 0,
                Node::Packed(listpack) => node::remove(listpack, side, left, wanted),
                Node::Plain(text) if wanted == Element::Bytes(text) => {
                    *node = Node::Packed(GapListpack::default());
                    1
                }
                Node::Plain(_) => 0,
            };
        };
        match side {
            Side::Front => self.nodes.iter_mut().for_each(&mut remove_from),
            Side::Back => self.nodes.iter_mut().rev().for_each(&mut remove_from),
        }
        let removed = most - left;
        if removed > 0 {
            self.len -= removed;
            self.join_all(bounds);
        }
        removed
    }

    /// Drops empty nodes and joins those that have room for the next.
    fn join_all(&mut self, bounds: &Bounds) {
        let mut joined: Blocks<Node> = Blocks::default();
        for node in std::mem::take(&mut self.nodes) {
            match joined.back_mut() {
                _ if node.len() == 0 => {}
                Some(last) if last.may_absorb(&node, bounds) => last.absorb(&node),
                _ => joined.push_back(node),
            }
        }
        self.bytes = joined.iter().map(Node::memory).sum();
        self.nodes = joined;
    }

    /// Writes what follows the type in dumps.
    pub(super) fn write(&self, body: &mut Body<'_>) {
        body.length(self.nodes.len() as u64);
        for node in self.nodes.iter() {
            match node {
                Node::Packed(listpack) => body.packed_node(listpack.view().bytes()),
                Node::Plain(text) => body.plain_node(text),
            }
        }
    }
}
