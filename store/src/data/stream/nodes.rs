//! The nodes of a stream in the order of their IDs. Entries are added to the last, which has room to
//! spare; all others have none.

use super::super::blocks::Blocks;
use super::edit::Texts;
use super::id::StreamId;
use super::node::{Node, NodeView};

/// Nodes in order.
#[derive(Debug, Default)]
pub struct Nodes {
    /// Those before the last.
    sealed: Blocks<(StreamId, Box<[u8]>)>,
    last: Option<(StreamId, Node)>,
    /// Bytes that all of them have reserved.
    bytes: usize,
}

impl Clone for Nodes {
    /// Copies have no memory to spare.
    fn clone(&self) -> Self {
        let (sealed, last) = (self.sealed.clone(), self.last.clone());
        let mut new = Self { sealed, last, bytes: 0 };
        new.bytes = new.reserved();
        new
    }
}

fn entries(node: NodeView<'_>) -> u64 {
    node.counts().0.cast_unsigned()
}

impl Nodes {
    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.sealed.len() + usize::from(self.last.is_some())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Bytes on the heap. Takes constant time.
    pub fn memory(&self) -> usize {
        self.sealed.memory() + self.bytes
    }

    /// What the nodes have reserved, counted.
    fn reserved(&self) -> usize {
        let last = self.last.as_ref().map_or(0, |(_, node)| node.capacity());
        self.sealed.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() + last
    }

    /// Fails unless memory is counted rightly.
    #[cfg(test)]
    pub fn check_count(&self) {
        assert_eq!(self.bytes, self.reserved());
    }

    /// A node by its number.
    pub fn get(&self, number: usize) -> Option<NodeView<'_>> {
        match self.sealed.get(number) {
            Some((id, bytes)) => Some(NodeView::trusted(*id, bytes)),
            None => self.last().filter(|_| number == self.sealed.len()),
        }
    }

    /// The last node.
    pub fn last(&self) -> Option<NodeView<'_>> {
        self.last.as_ref().map(|(id, node)| node.view(*id))
    }

    /// All nodes.
    pub fn iter(&self) -> impl Iterator<Item = NodeView<'_>> {
        let sealed = self.sealed.iter().map(|(id, bytes)| NodeView::trusted(*id, bytes));
        sealed.chain(self.last())
    }

    /// How many nodes have this ID or a smaller one. Takes logarithmic time.
    pub fn count_to(&self, id: StreamId) -> usize {
        match &self.last {
            Some((last, _)) if *last <= id => self.len(),
            _ => self.sealed.partition_point(|(own, _)| *own <= id),
        }
    }

    /// Adds an entry to the last node.
    pub fn append(&mut self, id: StreamId, pairs: Texts<'_>) -> Option<()> {
        let (own, node) = self.last.as_mut()?;
        let before = node.capacity();
        node.append(*own, id, pairs)?;
        self.bytes = self.bytes - before + node.capacity();
        Some(())
    }

    /// Begins a node with an entry. Returns how many entries went with one that had the same ID.
    pub fn open(&mut self, id: StreamId, pairs: Texts<'_>) -> u64 {
        // It will probably become as large as the one before.
        let room = self.last.as_ref().map_or(0, |(_, last)| last.capacity());
        self.put(id, Node::open(id, pairs, room)).unwrap_or(0)
    }

    /// Adds a node. Returns how many entries one had that it takes the place of.
    pub fn put(&mut self, id: StreamId, node: Node) -> Option<u64> {
        self.bytes += node.capacity();
        match self.last.take() {
            Some((last, old)) if last == id => {
                self.last = Some((id, node));
                self.bytes -= old.capacity();
                Some(entries(old.view(last)))
            }
            Some((last, old)) if last > id => {
                self.last = Some((last, old));
                self.put_before(id, node)
            }
            before => {
                if let Some((last, old)) = before {
                    self.bytes -= old.capacity();
                    let bytes = old.into_bytes();
                    self.bytes += bytes.len();
                    self.sealed.push_back((last, bytes));
                }
                self.last = Some((id, node));
                None
            }
        }
    }

    /// Adds a node that is not the last.
    fn put_before(&mut self, id: StreamId, node: Node) -> Option<u64> {
        self.bytes -= node.capacity();
        let bytes = node.into_bytes();
        self.bytes += bytes.len();
        let behind = self.sealed.partition_point(|(own, _)| *own <= id);
        match behind.checked_sub(1).and_then(|at| self.sealed.get_mut(at)) {
            Some((own, old)) if *own == id => {
                self.bytes -= old.len();
                let old = std::mem::replace(old, bytes);
                Some(entries(NodeView::trusted(id, &old)))
            }
            _ => {
                self.sealed.insert(behind, (id, bytes));
                None
            }
        }
    }

    /// Marks entries of a node as deleted: the first `count` that are there and that `chosen` takes.
    /// Returns how many.
    pub fn mark(&mut self, number: usize, count: u64, chosen: impl Fn(StreamId) -> bool) -> u64 {
        if let Some((own, bytes)) = self.sealed.get_mut(number) {
            let before = bytes.len();
            let mut node = Node::trusted(std::mem::take(bytes).into_vec());
            let marked = node.mark(*own, count, chosen);
            *bytes = node.into_bytes();
            self.bytes = self.bytes - before + bytes.len();
            return marked;
        }
        let last = self.last.as_mut().filter(|_| number == self.sealed.len());
        let Some((own, node)) = last else { return 0 };
        let before = node.capacity();
        let marked = node.mark(*own, count, chosen);
        self.bytes = self.bytes - before + node.capacity();
        marked
    }

    /// Takes a node out. Returns how many entries it had.
    pub fn remove(&mut self, number: usize) -> Option<u64> {
        if number < self.sealed.len() {
            let (id, bytes) = self.sealed.remove(number)?;
            self.bytes -= bytes.len();
            return Some(entries(NodeView::trusted(id, &bytes)));
        }
        let (id, node) = self.last.take_if(|_| number == self.sealed.len())?;
        self.bytes -= node.capacity();
        if let Some((before, bytes)) = number.checked_sub(1).and_then(|at| self.sealed.remove(at)) {
            self.last = Some((before, Node::trusted(bytes.into_vec())));
        }
        Some(entries(node.view(id)))
    }
}
