//! Streams: entries in the order of their IDs, and groups of consumers that read them.
//!
//! Entries are in nodes (see [`node`]) of up to `stream-node-max-bytes` and `-entries`, and nodes are
//! ordered by the ID of the entry that began them. The nodes are those that Redis would have, byte
//! for byte: inexact trimming goes by them, dumps consist of them. A stream stays when it has no
//! entries left, for what it knows of those that were.

mod dump;
mod edit;
mod entries;
mod facts;
mod groups;
mod id;
mod node;
mod nodes;
mod radix;
#[cfg(test)]
mod tests;
mod trim;

use shardwright_codec::rdb::{self, Body, Fault, ObjectType};

pub use edit::{Edit, Texts};
pub use entries::{Backward, Entry, Forward};
pub use facts::Facts;
pub use groups::{Consumer, Group, Groups, Pending, UNKNOWN_READ};
pub use id::{MAX_ID_LEN, StreamId};
pub use node::Pairs;
pub use trim::{Bound, Trim};

use super::{Collection, Encodings, Shaping, mix_element};
use crate::digest::Digest;
use crate::value::Packing;
use node::NodeView;
use nodes::Nodes;

/// Most bytes of a node, whatever the settings say: a listpack tells its length in 32 bits.
const NODE_MAX: usize = 1 << 30;

/// Most bytes of the fields and values of one entry.
pub const ENTRY_MAX: usize = NODE_MAX;

/// Bytes on the heap of a tree of so many items of a size. A node of such a tree has room for eleven,
/// of which six are taken when all come in order.
pub(super) const fn tree_memory(len: usize, item: usize) -> usize {
    const ROOM: usize = 11;
    const TAKEN: usize = 6;
    len.div_ceil(TAKEN) * (ROOM * item + 2 * size_of::<usize>())
}

/// Entries by their IDs, and who reads them.
#[derive(Debug, Clone, Default)]
pub struct Stream(Box<Inner>);

#[derive(Debug, Clone, Default)]
struct Inner {
    facts: Facts,
    nodes: Nodes,
    groups: Groups,
}

/// A stream to read. By default there is nothing in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct View<'a> {
    /// What is known of it as a whole.
    pub facts: Facts,
    nodes: Option<&'a Nodes>,
    groups: Option<&'a Groups>,
}

impl<'a> View<'a> {
    /// Entries with IDs from `start` to `end`. The first takes logarithmic time to find, and linear
    /// time within its node.
    pub fn range(self, start: StreamId, end: StreamId) -> Forward<'a> {
        Forward::new(self.nodes, start, end)
    }

    /// Entries with IDs from `end` down to `start`.
    pub fn range_back(self, start: StreamId, end: StreamId) -> Backward<'a> {
        Backward::new(self.nodes, start, end)
    }

    /// The entry with this ID.
    pub fn entry(self, id: StreamId) -> Option<Entry<'a>> {
        self.range(id, id).next()
    }

    /// The greatest ID that an entry has now.
    pub fn last_there(self) -> Option<StreamId> {
        self.range_back(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id)
    }

    /// Number of groups.
    pub fn groups_len(self) -> usize {
        self.groups.map_or(0, Groups::len)
    }

    /// All groups with their names, ordered by those.
    pub fn groups(self) -> impl Iterator<Item = (&'a [u8], &'a Group)> {
        self.groups.into_iter().flat_map(Groups::iter)
    }

    /// The group with this name.
    pub fn group(self, name: &[u8]) -> Option<&'a Group> {
        self.groups?.get(name)
    }

    /// Number of nodes.
    pub fn nodes_len(self) -> usize {
        self.nodes.map_or(0, Nodes::len)
    }

    /// Number of nodes of the radix tree in which Redis would have the nodes. Takes linear time in
    /// their number.
    pub fn radix_nodes(self) -> u64 {
        radix::radix_nodes(self.nodes().map(|node| node.id))
    }

    fn nodes(self) -> impl Iterator<Item = NodeView<'a>> {
        self.nodes.into_iter().flat_map(Nodes::iter)
    }

    /// Whether an entry whose fields and values have so many bytes begins a node.
    pub fn opens_node(self, bytes: usize, encodings: &Encodings) -> bool {
        let Some(last) = self.nodes.and_then(Nodes::last) else { return true };
        let max_bytes = match encodings.stream_node_max_bytes {
            0 => NODE_MAX,
            bytes => bytes.min(NODE_MAX),
        };
        let max_entries = encodings.stream_node_max_entries;
        let is_full = || {
            let (live, deleted) = last.counts();
            (live + deleted).cast_unsigned() >= max_entries as u64
        };
        last.bytes().len().saturating_add(bytes) >= max_bytes || (max_entries > 0 && is_full())
    }
}

impl Inner {
    fn view(&self) -> View<'_> {
        View { facts: self.facts, nodes: Some(&self.nodes), groups: Some(&self.groups) }
    }

    fn append(&mut self, id: StreamId, opens: bool, pairs: Texts<'_>) -> Option<u64> {
        let fits = id > self.facts.last && pairs.len() > 0 && pairs.len().is_multiple_of(2);
        if !fits {
            return None;
        }
        if opens {
            self.facts.len -= self.nodes.open(id, pairs);
        } else {
            self.nodes.append(id, pairs)?;
        }
        let facts = &mut self.facts;
        facts.len += 1;
        facts.added = facts.added.wrapping_add(1);
        facts.last = id;
        if facts.len == 1 {
            facts.first = id;
        }
        Some(1)
    }

    fn delete(&mut self, id: StreamId) -> Option<u64> {
        let at = self.nodes.count_to(id).saturating_sub(1);
        if self.nodes.mark(at, 1, |found| found == id) == 0 {
            return None;
        }
        if self.nodes.get(at).is_some_and(|node| node.counts().0 == 0) {
            self.nodes.remove(at);
        }
        self.facts.len -= 1;
        self.facts.max_deleted = self.facts.max_deleted.max(id);
        if id == self.facts.first || self.facts.len == 0 {
            self.find_first();
        }
        Some(1)
    }

    fn find_first(&mut self) {
        let first = self.view().range(StreamId::MIN, StreamId::MAX).next();
        self.facts.first = first.map_or(StreamId::MIN, |entry| entry.id);
    }

    fn trim(&mut self, nodes: u64, marked: u64) -> Option<u64> {
        let (mut dropped, mut gone) = (0, 0);
        while dropped < nodes {
            let Some(entries) = self.nodes.remove(0) else { break };
            gone += entries;
            dropped += 1;
        }
        if marked > 0 {
            gone += self.nodes.mark(0, marked, |_| true);
        }
        self.facts.len -= gone;
        self.find_first();
        (dropped > 0 || gone > 0).then_some(gone)
    }

    /// Entries from `first` to `last` are read by a group for the first time.
    fn read(&mut self, edit: Edit<'_>) -> Option<u64> {
        let Edit::Read { group, consumer, time, first, last, read, pending } = edit else {
            return None;
        };
        let entries = Forward::new(Some(&self.nodes), first, last);
        self.groups.change(group, |group| {
            group.consumer(consumer)?.see(time);
            let mut count = 0;
            for entry in entries {
                if pending {
                    group.deliver(consumer, entry.id, time, 1);
                }
                count += 1;
            }
            (group.last, group.read) = (group.last.max(last), read);
            Some(count)
        })?
    }

    /// What is pending for a consumer from `first` to `last` is read again.
    fn reread(&mut self, edit: Edit<'_>) -> Option<u64> {
        let Edit::Reread { group, consumer, time, first, last } = edit else { return None };
        let View { facts, nodes, .. } = self.view();
        let entries = View { facts, nodes, groups: None };
        let found = self.groups.get(group)?;
        let ids = found.consumer(consumer)?.pending(first..=last);
        let there: Vec<StreamId> = ids.filter(|id| entries.entry(*id).is_some()).collect();
        self.groups.change(group, |group| {
            for id in &there {
                let count = group.pending_at(*id).map_or(0, |pending| pending.count);
                group.deliver(consumer, *id, time, count.wrapping_add(1));
            }
            group.consumer(consumer).into_iter().for_each(|consumer| consumer.see(time));
        });
        (!there.is_empty()).then_some(there.len() as u64)
    }

    /// A change of groups that entries have no part in.
    fn change_group(&mut self, edit: Edit<'_>) -> Option<u64> {
        let done = |done: bool| done.then_some(1);
        let groups = &mut self.groups;
        match edit {
            Edit::CreateGroup { group, last, read } => {
                done(groups.insert(group, Group::new(last, read)))
            }
            Edit::SetGroup { group, last, read } => groups.change(group, |group| {
                (group.last, group.read) = (last, read);
                1
            }),
            Edit::DestroyGroup { group } => groups.remove(group),
            Edit::CreateConsumer { group, consumer, time } => {
                done(groups.change(group, |group| group.create_consumer(consumer, time))?)
            }
            Edit::DeleteConsumer { group, consumer } => {
                groups.change(group, |group| group.delete_consumer(consumer))?
            }
            Edit::Deliver { group, consumer, id, time, count } => {
                done(groups.change(group, |group| group.deliver(consumer, id, time, count))?)
            }
            Edit::Ack { group, id } => done(groups.change(group, |group| group.forget(id))?),
            _ => None,
        }
    }
}

impl Collection for Stream {
    super::in_object!(Stream);
    const STAYS_EMPTY: bool = true;
    type View<'a> = View<'a>;
    type Edit<'a> = Edit<'a>;
    type Done = u64;

    fn empty(_: Vec<u8>) -> Self {
        Self::default()
    }

    /// Streams have no packed form.
    fn unpack(_: Packing, _: Vec<u8>) -> Self {
        Self::default()
    }

    fn pack(self) -> Result<(Packing, Vec<u8>), Self> {
        Err(self)
    }

    fn packed_len(&self) -> Option<usize> {
        None
    }

    fn view(&self) -> View<'_> {
        self.0.view()
    }

    /// Streams have no packed form.
    fn view_packed(_: Packing, _: &[u8]) -> View<'_> {
        View::default()
    }

    fn is_empty(&self) -> bool {
        self.0.facts.len == 0
    }

    fn memory(&self) -> usize {
        let Inner { nodes, groups, .. } = &*self.0;
        size_of::<Inner>() + nodes.memory() + groups.memory()
    }

    fn apply(&mut self, edit: Edit<'_>, _: &Shaping) -> Option<u64> {
        let inner = &mut *self.0;
        match edit {
            Edit::Append { id, opens, pairs } => inner.append(id, opens, pairs),
            Edit::Delete { id } => inner.delete(id),
            Edit::Trim { nodes, marked } => inner.trim(nodes, marked),
            Edit::SetId { last, max_deleted, added } => {
                inner.facts = Facts { last, max_deleted, added, ..inner.facts };
                Some(1)
            }
            Edit::Read { .. } => inner.read(edit),
            Edit::Reread { .. } => inner.reread(edit),
            _ => inner.change_group(edit),
        }
    }

    fn encoding(_: View<'_>) -> &'static str {
        "stream"
    }

    fn digest(view: View<'_>, digest: &mut Digest) {
        for entry in view.range(StreamId::MIN, StreamId::MAX) {
            digest.mix(entry.id.text(b'.', &mut [0; MAX_ID_LEN]));
            for (field, value) in entry.pairs.iter() {
                mix_element(digest, field);
                mix_element(digest, value);
            }
        }
    }

    /// Nodes as they are, and all of groups but the recency of consumers.
    fn exact_digest(view: View<'_>, digest: &mut Digest) {
        let Facts { len, last, first, max_deleted, added } = view.facts;
        [last, first, max_deleted].iter().for_each(|id| digest.mix(&id.to_bytes()));
        [len, added].iter().for_each(|number| digest.mix(&number.to_le_bytes()));
        for node in view.nodes() {
            digest.mix(&node.id.to_bytes());
            digest.mix(node.bytes());
        }
        for (name, group) in view.groups() {
            digest.mix(name);
            digest.mix(&group.last.to_bytes());
            digest.mix(&group.read.to_le_bytes());
            group.consumers().for_each(|consumer| digest.mix(consumer.name()));
            for (id, pending) in group.pending(StreamId::MIN..=StreamId::MAX) {
                digest.mix(&id.to_bytes());
                digest.mix(group.owner(pending));
                digest.mix(&pending.time.to_le_bytes());
                digest.mix(&pending.count.to_le_bytes());
            }
        }
    }

    fn object_type(_: View<'_>) -> ObjectType {
        ObjectType::StreamListpacks2
    }

    fn write(view: View<'_>, body: &mut Body<'_>) {
        dump::write(view, body);
    }

    fn read(collection: rdb::Collection<'_>, _: &Shaping) -> Result<Self, Fault> {
        dump::read(collection)
    }
}
