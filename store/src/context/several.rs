//! What writing handlers ask of no single key: several collections at once, and what is needed to
//! build or choose something apart.

use super::{Touch, WriteCx, collection_of};
use crate::data::{Collection, Shaping};
use crate::dict::EntryRef;
use crate::effect::Event;
use crate::error::CommandError;
use crate::partition::editing::Target;
use crate::partition::{Change, Partition};
use crate::types::DbIndex;

impl WriteCx<'_, '_> {
    /// What decides about the forms of collections that are built apart.
    pub fn shaping(&mut self) -> Shaping {
        self.keyspace.home().shaping()
    }

    /// Something at random.
    pub fn random(&self) -> u64 {
        self.keyspace.all().next().map_or(0, Partition::random)
    }

    /// The collections at several keys at once, nothing where there is none; counted as lookups of a
    /// reading command.
    ///
    /// # Errors
    /// A key holds another data type.
    pub fn collections<'k, T: Collection>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]> + Clone,
    ) -> Result<Vec<Option<T::View<'_>>>, CommandError> {
        // Expired ones go first, since nothing may change while several are looked at.
        let next_key = self.next_key.get();
        for key in keys.clone() {
            self.get_counted(key);
        }
        self.next_key.set(next_key);
        let this = &*self;
        keys.map(|key| this.peek(key).map(collection_of::<T>).transpose()).collect()
    }

    /// Moves a key with its value and deadline, in place of what the other one holds. Nothing happens
    /// if it is absent. `events` name what happens to either key.
    ///
    /// Takes constant time within a partition. From one to another the value goes as it is, but is
    /// recorded whole, since each partition's effects are replayed without the others.
    pub fn move_key(&mut self, from: (DbIndex, &[u8]), to: (DbIndex, &[u8]), events: [Event; 2]) {
        let hashes = (self.hash(from.1), self.hash(to.1));
        // The source last: to look the target up may remove it, and would change the other's place.
        let target = self.find_hashed(to.0, hashes.1, to.1, Touch::No);
        let source = self.find_hashed(from.0, hashes.0, from.1, Touch::No);
        if source.place.is_none() {
            return;
        }
        let lru = self.frame.lru;
        let partition = self.keyspace.partition_mut(hashes.0.slot);
        if partition.slots().contains(hashes.1.slot) {
            let from = Target { db: from.0, hash: hashes.0, key: from.1, place: source.place, lru };
            let to = Target { db: to.0, hash: hashes.1, key: to.1, place: target.place, lru };
            partition.move_key(from, to, events);
            return;
        }
        let removed = self.change(from.0, from.1, source, Change::Take, events[0]);
        if let Some(mut removed) = removed {
            let put = Change::Put(removed.take_value(), source.deadline);
            self.change(to.0, to.1, target, put, events[1]);
        }
    }

    /// The key's entry in the connection's database, expired or not.
    fn peek(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        let hash = self.hash(key);
        self.keyspace.partition(hash.slot).get(self.frame.db, hash, key)
    }
}
