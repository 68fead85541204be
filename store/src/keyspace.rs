//! The keyspace as a handler sees it: the partition of the shard that runs it and those lent to it.
//! A handler asks for a key; it does not know how many partitions are behind it.

use crate::hash::KeyHasher;
use crate::partition::Partition;
use crate::types::{ShardId, Slot};

/// The partitions that a command or a block runs on.
pub struct Keyspace<'a> {
    home: &'a mut Partition,
    /// In order of their shards.
    lent: &'a mut [Box<Partition>],
}

impl<'a> Keyspace<'a> {
    /// A keyspace of the home shard's partition alone.
    pub fn of(home: &'a mut Partition) -> Self {
        Self { home, lent: &mut [] }
    }

    /// A keyspace of the home shard's partition and those lent to it.
    pub fn with_lent(home: &'a mut Partition, lent: &'a mut [Box<Partition>]) -> Self {
        lent.sort_by_key(|p| p.id());
        Self { home, lent }
    }

    /// The home shard's partition, if it is alone.
    #[inline]
    pub fn only(&self) -> Option<&Partition> {
        if self.lent.is_empty() { Some(self.home) } else { None }
    }

    /// The partition that is responsible for `slot`.
    ///
    /// Planning lends every partition that a block's keys need; where one is missing nothing may be
    /// answered, so the process ends.
    #[inline]
    pub fn partition(&self, slot: Slot) -> &Partition {
        if self.home.slots().contains(slot) {
            return self.home;
        }
        match self.lent_at(slot) {
            Some(at) => &self.lent[at],
            None => not_lent(slot),
        }
    }

    /// The partition that is responsible for `slot`, to change it.
    #[inline]
    pub fn partition_mut(&mut self, slot: Slot) -> &mut Partition {
        if self.home.slots().contains(slot) {
            return self.home;
        }
        match self.lent_at(slot) {
            Some(at) => &mut self.lent[at],
            None => not_lent(slot),
        }
    }

    /// Whether the partition that is responsible for `slot` is here.
    pub fn has(&self, slot: Slot) -> bool {
        self.home.slots().contains(slot) || self.lent_at(slot).is_some()
    }

    /// Whether a key that somebody waits for has changed.
    #[inline]
    pub fn has_ready(&self) -> bool {
        self.home.waiters.has_ready() || self.lent.iter().any(|p| p.waiters.has_ready())
    }

    /// The partition of the shard that runs the command.
    #[inline]
    pub fn home(&mut self) -> &mut Partition {
        self.home
    }

    /// Hashes keys.
    #[inline]
    pub fn hasher(&self) -> KeyHasher {
        self.home.hasher()
    }

    /// All partitions that are here, in order of their shards.
    pub fn all(&self) -> impl Iterator<Item = &Partition> {
        let home = self.home.id();
        let (before, behind) = self.split(home);
        let lent = |range: std::ops::Range<usize>| self.lent[range].iter().map(|p| &**p);
        lent(before).chain(std::iter::once(&*self.home)).chain(lent(behind))
    }

    /// All partitions that are here, in order of their shards, to change them.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        let (before, _) = self.split(self.home.id());
        let (before, behind) = self.lent.split_at_mut(before.end);
        before
            .iter_mut()
            .map(|p| &mut **p)
            .chain(std::iter::once(&mut *self.home))
            .chain(behind.iter_mut().map(|p| &mut **p))
    }

    fn split(&self, home: ShardId) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let at = self.lent.partition_point(|p| p.id() < home);
        (0..at, at..self.lent.len())
    }

    fn lent_at(&self, slot: Slot) -> Option<usize> {
        let at = self.lent.partition_point(|p| p.slots().end <= slot.get());
        self.lent.get(at).filter(|p| p.slots().contains(slot)).map(|_| at)
    }
}

#[cold]
fn not_lent(slot: Slot) -> ! {
    eprintln!("shardwright: slot {} was not lent to the block that needs it; ending", slot.get());
    std::process::abort()
}
