//! Going over the entries of a stream, forwards and backwards.

use std::collections::btree_map;

use super::Nodes;
use super::id::StreamId;
use super::node::{Entries, Node, Pairs};

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
    nodes: Option<btree_map::Range<'a, StreamId, Node>>,
    open: Option<Entries<'a>>,
    start: StreamId,
    end: StreamId,
}

impl<'a> Forward<'a> {
    pub(super) fn new(nodes: Option<&'a Nodes>, start: StreamId, end: StreamId) -> Self {
        let nodes = nodes.filter(|_| start <= end).map(|nodes| {
            let before = nodes.range(..=start).next_back();
            nodes.range(before.map_or(start, |(id, _)| *id)..)
        });
        Self { nodes, open: None, start, end }
    }
}

impl<'a> Iterator for Forward<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let Some(open) = &mut self.open else {
                let (id, node) = self.nodes.as_mut()?.next()?;
                self.open = Some(node.view(*id).entries());
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
    nodes: Option<btree_map::Range<'a, StreamId, Node>>,
    open: Option<Entries<'a>>,
    start: StreamId,
    end: StreamId,
}

impl<'a> Backward<'a> {
    pub(super) fn new(nodes: Option<&'a Nodes>, start: StreamId, end: StreamId) -> Self {
        let nodes = nodes.filter(|_| start <= end).map(|nodes| nodes.range(..=end));
        Self { nodes, open: None, start, end }
    }
}

impl<'a> Iterator for Backward<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let Some(open) = &mut self.open else {
                let (id, node) = self.nodes.as_mut()?.next_back()?;
                self.open = Some(node.view(*id).entries());
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
