//! Going over the entries of a stream, forwards and backwards.

use super::id::StreamId;
use super::node::{Entries, Pairs};
use super::nodes::Nodes;

/// An entry.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its ID.
    pub id: StreamId,
    /// Its fields and values.
    pub pairs: Pairs<'a>,
}

/// Entries of a range of IDs in the order in which they were added.
pub struct Forward<'a> {
    nodes: Option<&'a Nodes>,
    /// The node to go on with.
    next: usize,
    open: Option<Entries<'a>>,
    start: StreamId,
    end: StreamId,
}

impl<'a> Forward<'a> {
    pub(super) fn new(nodes: Option<&'a Nodes>, start: StreamId, end: StreamId) -> Self {
        let nodes = nodes.filter(|_| start <= end);
        let next = nodes.map_or(0, |nodes| nodes.count_to(start).saturating_sub(1));
        Self { nodes, next, open: None, start, end }
    }
}

impl<'a> Iterator for Forward<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let Some(open) = &mut self.open else {
                let node = self.nodes?.get(self.next)?;
                self.next += 1;
                self.open = Some(node.entries());
                continue;
            };
            let start = self.start;
            match open.find(|entry| !entry.is_deleted() && entry.id >= start) {
                Some(entry) if entry.id > self.end => {
                    self.nodes = None;
                    self.open = None;
                    return None;
                }
                Some(entry) => return Some(Entry { id: entry.id, pairs: entry.pairs }),
                None => self.open = None,
            }
        }
    }
}

/// Entries of a range of IDs, the newest first.
pub struct Backward<'a> {
    nodes: Option<&'a Nodes>,
    /// How many nodes are left.
    left: usize,
    open: Option<Entries<'a>>,
    start: StreamId,
    end: StreamId,
}

impl<'a> Backward<'a> {
    pub(super) fn new(nodes: Option<&'a Nodes>, start: StreamId, end: StreamId) -> Self {
        let nodes = nodes.filter(|_| start <= end);
        let left = nodes.map_or(0, |nodes| nodes.count_to(end));
        Self { nodes, left, open: None, start, end }
    }
}

impl<'a> Iterator for Backward<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let Some(open) = &mut self.open else {
                self.left = self.left.checked_sub(1)?;
                let node = self.nodes?.get(self.left)?;
                self.open = Some(node.entries());
                continue;
            };
            let end = self.end;
            match open.rfind(|entry| !entry.is_deleted() && entry.id <= end) {
                Some(entry) if entry.id < self.start => {
                    self.nodes = None;
                    self.open = None;
                    return None;
                }
                Some(entry) => return Some(Entry { id: entry.id, pairs: entry.pairs }),
                None => self.open = None,
            }
        }
    }
}
