//! Collections in the views that handlers work with: to read them, and to change them in place.

use super::{Found, KeyMut, ReadCx, Ttl, WriteCx, collection_of};
use crate::data::{self, Collection, Editor};
use crate::effect::Event;
use crate::error::CommandError;
use crate::partition::editing::Target;

impl<'a> ReadCx<'a> {
    /// The collection at `key`, or nothing if there is none.
    ///
    /// # Errors
    /// The key holds another data type.
    #[inline]
    pub fn collection<T: Collection>(
        &self,
        key: &[u8],
    ) -> Result<Option<T::View<'a>>, CommandError> {
        self.get(key).map(collection_of::<T>).transpose()
    }

    /// Like [`ReadCx::collection`], without counting or recency.
    ///
    /// # Errors
    /// The key holds another data type.
    pub fn peek_collection<T: Collection>(
        &self,
        key: &[u8],
    ) -> Result<Option<T::View<'a>>, CommandError> {
        self.peek(self.frame.db, key).map(collection_of::<T>).transpose()
    }
}

impl WriteCx<'_, '_> {
    /// The collection at `key`, or nothing if there is none.
    ///
    /// # Errors
    /// The key holds another data type.
    #[inline]
    pub fn collection<T: Collection>(
        &mut self,
        key: &[u8],
    ) -> Result<Option<T::View<'_>>, CommandError> {
        self.get(key).map(collection_of::<T>).transpose()
    }

    /// Lets `work` change the collection at `key`; an absent key gets one if anything is changed, and
    /// a key whose collection is empty afterwards goes.
    ///
    /// # Errors
    /// The key holds another data type.
    #[inline]
    pub fn edit<T: Collection, R>(
        &mut self,
        key: &[u8],
        event: Event,
        work: impl FnOnce(&mut Editor<'_, T>) -> R,
    ) -> Result<R, CommandError> {
        self.key(key).edit(event, work)
    }
}

impl KeyMut<'_, '_, '_> {
    /// The collection at the key, or nothing if there is none.
    ///
    /// # Errors
    /// The key holds another data type.
    #[inline]
    pub fn collection<T: Collection>(&self) -> Result<Option<T::View<'_>>, CommandError> {
        self.entry().map(collection_of::<T>).transpose()
    }

    /// Lets `work` change the collection; an absent key gets one if anything is changed, and a key
    /// whose collection is empty afterwards goes.
    ///
    /// # Errors
    /// The key holds another data type.
    #[inline]
    pub fn edit<T: Collection, R>(
        self,
        event: Event,
        work: impl FnOnce(&mut Editor<'_, T>) -> R,
    ) -> Result<R, CommandError> {
        let Self { cx, key, found: Found { hash, place, .. } } = self;
        let target = Target { db: cx.frame.db, hash, key, place, lru: cx.frame.lru };
        let partition = cx.keyspace.partition_mut(hash.slot);
        partition.edit(target, event, work).ok_or(CommandError::WrongType)
    }

    /// Sets the key to a collection that was built apart. An empty one is not stored: the key goes
    /// then, if it was there.
    pub fn put_collection<T: Collection>(self, collection: T, ttl: Ttl, event: Event) {
        if T::STAYS_EMPTY || !collection.is_empty() {
            data::with_stored(collection, |value| self.put(value, ttl, event));
        } else if self.exists() {
            self.delete(Event::generic("del"));
        }
    }
}
