//! What writing handlers ask of no single key: several collections at once, and what is needed to
//! build or choose something apart.

use super::{WriteCx, collection_of};
use crate::data::{Collection, Shaping};
use crate::dict::EntryRef;
use crate::error::CommandError;
use crate::partition::Partition;

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

    /// The key's entry in the connection's database, expired or not.
    fn peek(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        let hash = self.hash(key);
        self.keyspace.partition(hash.slot).get(self.frame.db, hash, key)
    }
}
