//! Consumer groups: how far each has read, who reads for it, and what was delivered and is not
//! acknowledged.
//!
//! What is pending stands in two places: in the group, by ID, with the consumer that has it, and with
//! that consumer, by ID alone. Only [`Group::deliver`] and [`Group::forget`] change them, both at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::id::StreamId;
use super::tree_memory;

/// [`Group::read`] when the number is not known.
pub const UNKNOWN_READ: i64 = -1;

/// The consumer of a pending entry while a group is being read.
const NOBODY: u32 = u32::MAX;

/// An entry that was delivered and is not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// When it was last delivered, in milliseconds since the Unix epoch.
    pub time: i64,
    /// How often it was delivered.
    pub count: u64,
    /// Who has it.
    slot: u32,
}

/// One that reads for a group.
pub struct Consumer {
    name: Arc<[u8]>,
    /// When a command last named it. Like recency of keys it is changed while only reading, and no
    /// effect tells of it alone.
    seen: AtomicI64,
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// When a command last named it, in milliseconds since the Unix epoch.
    pub fn seen(&self) -> i64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// A command names it now.
    pub fn see(&self, now: i64) {
        self.seen.store(now, Ordering::Relaxed);
    }

    /// Number of entries that are pending for it.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// IDs that are pending for it, in order.
    pub fn pending(&self, ids: RangeInclusive<StreamId>) -> impl Iterator<Item = StreamId> {
        let ids = (ids.start() <= ids.end()).then_some(ids);
        ids.into_iter().flat_map(|ids| self.pending.range(ids).copied())
    }
}

impl Clone for Consumer {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            seen: AtomicI64::new(self.seen()),
            pending: self.pending.clone(),
        }
    }
}

/// A group of consumers.
#[derive(Clone, Default)]
pub struct Group {
    /// The last ID that was delivered to any of them.
    pub last: StreamId,
    /// Number of entries up to that one; [`UNKNOWN_READ`] if it is not known.
    pub read: i64,
    pending: BTreeMap<StreamId, Pending>,
    /// Consumers by number; free numbers are used again.
    consumers: Vec<Option<Consumer>>,
    free: Vec<u32>,
    names: BTreeMap<Arc<[u8]>, u32>,
    /// Bytes of all names.
    name_bytes: usize,
}

impl Group {
    /// A group that has read up to this ID.
    pub(super) fn new(last: StreamId, read: i64) -> Self {
        Self { last, read, ..Self::default() }
    }

    fn slot(&self, slot: u32) -> Option<&Consumer> {
        self.consumers.get(slot as usize)?.as_ref()
    }

    fn slot_mut(&mut self, slot: u32) -> Option<&mut Consumer> {
        self.consumers.get_mut(slot as usize)?.as_mut()
    }

    /// The consumer with this name.
    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.slot(*self.names.get(name)?)
    }

    /// All consumers, ordered by their names.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.names.values().filter_map(|slot| self.slot(*slot))
    }

    /// Number of consumers.
    pub fn consumers_len(&self) -> usize {
        self.names.len()
    }

    /// Number of pending entries.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The pending entry with this ID.
    pub fn pending_at(&self, id: StreamId) -> Option<Pending> {
        self.pending.get(&id).copied()
    }

    /// Pending entries by ID, in order, from both ends.
    pub fn pending(
        &self,
        ids: RangeInclusive<StreamId>,
    ) -> impl DoubleEndedIterator<Item = (StreamId, Pending)> {
        let ids = (ids.start() <= ids.end()).then_some(ids);
        let found = ids.into_iter().flat_map(|ids| self.pending.range(ids));
        found.map(|(id, pending)| (*id, *pending))
    }

    /// Name of the consumer that has a pending entry.
    pub fn owner(&self, pending: Pending) -> &[u8] {
        self.slot(pending.slot).map_or(&[], Consumer::name)
    }

    /// Adds a consumer. Returns whether it is new.
    pub(super) fn create_consumer(&mut self, name: &[u8], time: i64) -> bool {
        if self.names.contains_key(name) {
            return false;
        }
        let name: Arc<[u8]> = name.into();
        self.name_bytes += name.len();
        let slot = self.free.pop().unwrap_or(self.consumers.len() as u32);
        self.names.insert(Arc::clone(&name), slot);
        let consumer = Consumer { name, seen: AtomicI64::new(time), pending: BTreeSet::new() };
        match self.consumers.get_mut(slot as usize) {
            Some(place) => *place = Some(consumer),
            None => self.consumers.push(Some(consumer)),
        }
        true
    }

    /// Removes a consumer and what is pending for it. Returns how much that was.
    pub(super) fn delete_consumer(&mut self, name: &[u8]) -> Option<u64> {
        let slot = self.names.remove(name)?;
        let consumer = self.consumers.get_mut(slot as usize)?.take()?;
        self.name_bytes -= name.len();
        self.free.push(slot);
        consumer.pending.iter().for_each(|id| _ = self.pending.remove(id));
        Some(consumer.pending.len() as u64)
    }

    /// Makes an entry pending for a consumer, and for no other. Returns whether there is the consumer.
    pub(super) fn deliver(&mut self, name: &[u8], id: StreamId, time: i64, count: u64) -> bool {
        let Some(&slot) = self.names.get(name) else { return false };
        let before = self.pending.insert(id, Pending { time, count, slot });
        match before {
            Some(before) if before.slot == slot => return true,
            Some(before) => {
                let owner = self.slot_mut(before.slot);
                owner.into_iter().for_each(|owner| _ = owner.pending.remove(&id));
            }
            None => {}
        }
        self.slot_mut(slot).is_some_and(|consumer| consumer.pending.insert(id))
    }

    /// An entry is no longer pending. Returns whether it was.
    pub(super) fn forget(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        if let Some(owner) = self.slot_mut(pending.slot) {
            owner.pending.remove(&id);
        }
        true
    }

    /// Adds a pending entry whose consumer is still to be read. Returns whether it is new.
    pub(super) fn read_pending(&mut self, id: StreamId, time: i64, count: u64) -> bool {
        self.pending.insert(id, Pending { time, count, slot: NOBODY }).is_none()
    }

    /// Says who has such a pending entry. Returns whether there is one that nobody has.
    pub(super) fn read_owner(&mut self, name: &[u8], id: StreamId) -> bool {
        let pending = self.pending.get(&id).copied();
        let unowned = pending.filter(|pending| pending.slot == NOBODY);
        unowned.is_some_and(|pending| self.deliver(name, id, pending.time, pending.count))
    }

    /// Whether every pending entry has a consumer.
    pub(super) fn is_whole(&self) -> bool {
        self.pending.values().all(|pending| pending.slot != NOBODY)
    }

    /// Bytes on the heap, about. Takes constant time.
    fn memory(&self) -> usize {
        type InGroup = (StreamId, Pending);
        // A name is one allocation, which both places share; two counts stand before it.
        let name = self.name_bytes + self.names.len() * 2 * size_of::<usize>();
        name + self.consumers.capacity() * size_of::<Option<Consumer>>()
            + tree_memory(self.names.len(), size_of::<(Arc<[u8]>, u32)>())
            + tree_memory(self.pending.len(), size_of::<InGroup>())
            + tree_memory(self.pending.len(), size_of::<StreamId>())
            + self.free.capacity() * size_of::<u32>()
    }
}

impl fmt::Debug for Group {
    /// What clients can see, recency of consumers aside: it is the same for equal groups.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = self.pending(StreamId::MIN..=StreamId::MAX).map(|(id, pending)| {
            (id, self.owner(pending).escape_ascii().to_string(), pending.time, pending.count)
        });
        let consumers = self.consumers().map(|consumer| consumer.name().escape_ascii().to_string());
        f.debug_struct("Group")
            .field("last", &self.last)
            .field("read", &self.read)
            .field("pending", &pending.collect::<Vec<_>>())
            .field("consumers", &consumers.collect::<Vec<_>>())
            .finish()
    }
}

/// The groups of a stream.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    groups: BTreeMap<Box<[u8]>, Group>,
    memory: usize,
}

impl Groups {
    /// Number of groups.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The group with this name.
    pub fn get(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    /// All groups, ordered by their names.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, group)| (&name[..], group))
    }

    /// Adds a group. Returns whether it is new.
    pub(super) fn insert(&mut self, name: &[u8], group: Group) -> bool {
        if self.groups.contains_key(name) {
            return false;
        }
        self.memory += name.len() + group.memory();
        self.groups.insert(name.into(), group);
        true
    }

    /// Removes a group. Returns how much was pending there.
    pub(super) fn remove(&mut self, name: &[u8]) -> Option<u64> {
        let group = self.groups.remove(name)?;
        self.memory -= name.len() + group.memory();
        Some(group.pending_len() as u64)
    }

    /// Lets `work` change a group. Returns nothing if there is none.
    pub(super) fn change<R>(
        &mut self,
        name: &[u8],
        work: impl FnOnce(&mut Group) -> R,
    ) -> Option<R> {
        let group = self.groups.get_mut(name)?;
        let before = group.memory();
        let result = work(group);
        self.memory = self.memory - before + group.memory();
        Some(result)
    }

    /// Bytes on the heap, about. Takes constant time.
    pub(super) fn memory(&self) -> usize {
        self.memory + tree_memory(self.groups.len(), size_of::<(Box<[u8]>, Group)>())
    }
}
