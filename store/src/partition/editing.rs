//! Changing collections: the way through the one point of mutation for values that are not replaced
//! as a whole. What it adds to [`Partition::change`]: a small collection is taken out of its entry and
//! put back, and a collection that has become empty goes.

use shardwright_codec::rdb::{self, Fault};

use super::{Change, Garbage, Log, Partition, REPLAYED, log};
use crate::blocking::Touch;
use crate::data::{
    self, Collection, Edit, Editor, Hash, INLINE_COLLECTION_MAX, List, Set, Shaping, SortedSet,
    Stream,
};
use crate::db::Db;
use crate::dict::{COSTLY_BYTES, Place};
use crate::effect::{Effect, EffectError, Event};
use crate::hash::KeyHash;
use crate::types::{DbIndex, UnixMillis};
use crate::value::{Kind, Packed, ValueRef};

/// A key has become empty, and goes.
const DELETED: Event = Event::generic("del");

/// A key that is to be changed.
#[derive(Clone, Copy)]
pub struct Target<'k> {
    /// Its database.
    pub db: DbIndex,
    /// Its hash.
    pub hash: KeyHash,
    /// The key.
    pub key: &'k [u8],
    /// Where it is, if it is there.
    pub place: Option<Place>,
    /// The recency that it gets.
    pub lru: u32,
}

/// Where the changes of one collection are recorded.
pub struct Recorder<'l> {
    log: Log<'l>,
    event: Event,
    db: DbIndex,
    key: &'l [u8],
    changes: u64,
}

impl Recorder<'_> {
    /// Counts a change, and encodes it if somebody wants it.
    #[inline]
    pub(crate) fn record(&mut self, edit: Edit<'_>) {
        let Self { db, key, .. } = *self;
        self.changes += 1;
        self.log.record(self.event, || Effect::Edit { db, key, edit });
    }

    /// Number of changes so far.
    #[inline]
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }
}

/// What becomes of a collection that has no elements left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    /// Its key goes, with an effect.
    Goes,
    /// It stays: the effect that removes it is to come.
    Stays,
}

impl Partition {
    /// Lets `work` change a collection; a key that is absent gets one. A key whose collection is
    /// empty afterwards goes. Returns nothing, and does nothing, if the key holds another type.
    #[inline]
    pub fn edit<T: Collection, R>(
        &mut self,
        target: Target<'_>,
        event: Event,
        work: impl FnOnce(&mut Editor<'_, T>) -> R,
    ) -> Option<R> {
        self.edit_as(target, event, Empty::Goes, |_, buffer| T::empty(buffer), work)
    }

    fn edit_as<T: Collection, R>(
        &mut self,
        target: Target<'_>,
        event: Event,
        empty: Empty,
        make: impl FnOnce(&Shaping, Vec<u8>) -> T,
        work: impl FnOnce(&mut Editor<'_, T>) -> R,
    ) -> Option<R> {
        let Target { db, hash, key, place, lru } = target;
        let mut parted = match self.cut {
            Some(_) => self.write_before_edit::<T>(db, place),
            None => None,
        };
        let shaping = self.shaping();
        let (slots, hasher, began, epoch) = (self.slots, self.hasher, self.began, self.epoch);
        let data = self.dbs.get_mut(db.index())?;
        let data = data.get_or_insert_with(|| Box::new(Db::new(hasher, slots, began, epoch)));
        let recorder = Recorder { log: log!(self), event, db, key, changes: 0 };
        let value = place.map(|place| data.entry(place).value());
        let mut loose = match value {
            None => Some(make(&shaping, std::mem::take(&mut self.scratch))),
            Some(value) => unpacked(value, &mut self.scratch),
        };
        let collection = match (&mut loose, place) {
            (Some(loose), _) => loose,
            (None, Some(place)) => data.object_mut(place).and_then(T::of_mut)?,
            (None, None) => return None,
        };
        let mut editor = Editor::new(collection, recorder, shaping, parted.as_mut());
        let result = work(&mut editor);
        let (changes, aside) = editor.finish();
        if changes > 0 {
            if !event.is_aside || place.is_none() {
                self.watch.touch(db, key);
            }
            let brings = place.is_none() || event.wakes;
            let touch = || if brings { Touch::Brings(T::KIND) } else { Touch::Other };
            self.waiters.touch(db, key, touch);
        }
        let goes = changes > 0 && !T::STAYS_EMPTY && empty == Empty::Goes && collection.is_empty();
        if goes {
            let removed = place.map(|place| data.remove(place).take_costly());
            self.garbage.extend(removed.flatten().map(Garbage::Value));
            log!(self).record(DELETED, || Effect::Delete { db, key });
        }
        match (loose, place) {
            (Some(loose), _) if goes || changes == 0 => {
                self.scratch = loose.pack().map(|(_, bytes)| bytes).unwrap_or_default();
            }
            (Some(loose), place) => {
                self.scratch = data::with_stored(loose, |value| match place {
                    Some(place) => _ = data.set_value(place, value, lru),
                    None => _ = data.put(hash, key, None, value, None, lru),
                });
            }
            (None, Some(place)) if changes > 0 && !goes => {
                move_into_entry::<T>(data, place, lru);
            }
            (None, _) => {}
        }
        match (parted, aside) {
            (Some(parted), Some(old)) => self.remade(parted, old),
            (Some(parted), None) => self.edited(parted, goes),
            (None, Some(old)) if old.memory() >= COSTLY_BYTES => {
                self.garbage.push(Garbage::Value(old));
            }
            (None, _) => {}
        }
        Some(result)
    }

    /// Sets a key to a collection as DUMP gives it.
    ///
    /// # Errors
    /// It is damaged; the key is as before then.
    pub fn restore(
        &mut self,
        target: Target<'_>,
        collection: rdb::Collection<'_>,
        deadline: Option<UnixMillis>,
        event: Event,
    ) -> Result<(), Fault> {
        let Target { db, hash, key, place, lru } = target;
        data::read(collection, &self.shaping(), &mut |value| {
            self.change(db, hash, key, place, Change::Put(value, deadline), event, lru);
        })
    }

    /// The key as one that the replay of an effect changes.
    ///
    /// # Errors
    /// Its slot is another partition's.
    pub(super) fn replayed<'k>(
        &self,
        db: DbIndex,
        key: &'k [u8],
    ) -> Result<Target<'k>, EffectError> {
        let hash = self.hasher.hash(key);
        if !self.slots.contains(hash.slot) {
            return Err(EffectError::Mismatch("the key belongs to another partition"));
        }
        let place = self.find(db, hash, key).map(|(place, _)| place);
        Ok(Target { db, hash, key, place, lru: 0 })
    }

    /// Sets a key to the collection that an effect has.
    pub(super) fn replay_restore(
        &mut self,
        db: DbIndex,
        key: &[u8],
        collection: rdb::Collection<'_>,
        deadline: Option<UnixMillis>,
    ) -> Result<(), EffectError> {
        let target = self.replayed(db, key)?;
        self.restore(target, collection, deadline, REPLAYED)
            .map_err(|_| EffectError::Mismatch("the collection is damaged"))
    }

    /// Gives a key's collection the elements that an effect has.
    pub(super) fn replay_extend(
        &mut self,
        db: DbIndex,
        key: &[u8],
        collection: rdb::Collection<'_>,
    ) -> Result<(), EffectError> {
        match data::kind_of(collection.kind()) {
            Some(Kind::Set) => self.extend::<Set>(db, key, collection),
            Some(Kind::SortedSet) => self.extend::<SortedSet>(db, key, collection),
            Some(Kind::Hash) => self.extend::<Hash>(db, key, collection),
            _ => Err(EffectError::Mismatch("the collection has no names for its elements")),
        }
    }

    fn extend<T: Collection>(
        &mut self,
        db: DbIndex,
        key: &[u8],
        collection: rdb::Collection<'_>,
    ) -> Result<(), EffectError> {
        let target = self.replayed(db, key)?;
        let extended = self.edit_as(target, REPLAYED, Empty::Stays, T::empty_named, |editor| {
            T::edits(collection, &mut |edit| {
                editor.apply(edit);
                Ok(())
            })
        });
        match extended {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(EffectError::Mismatch("the collection is damaged")),
            None => Err(EffectError::Mismatch("the value has another type")),
        }
    }

    /// Makes a change of a collection that an effect tells of.
    pub(super) fn replay_edit(
        &mut self,
        db: DbIndex,
        key: &[u8],
        edit: Edit<'_>,
    ) -> Result<(), EffectError> {
        let target = self.replayed(db, key)?;
        match edit {
            Edit::List(edit) => self.replay::<List>(target, edit),
            Edit::Set(edit) => self.replay::<Set>(target, edit),
            Edit::SortedSet(edit) => self.replay::<SortedSet>(target, edit),
            Edit::Hash(edit) => self.replay::<Hash>(target, edit),
            Edit::Stream(edit) => self.replay::<Stream>(target, edit),
        }
    }

    fn replay<T: Collection>(
        &mut self,
        target: Target<'_>,
        edit: T::Edit<'_>,
    ) -> Result<(), EffectError> {
        let make = |_: &Shaping, buffer| T::empty(buffer);
        let done = self.edit_as(target, REPLAYED, Empty::Stays, make, |collection| {
            collection.apply(edit).is_some()
        });
        match done {
            Some(true) => Ok(()),
            Some(false) => Err(EffectError::Mismatch("the collection has nothing to change")),
            None => Err(EffectError::Mismatch("the value has another type")),
        }
    }
}

/// A collection of this type that is packed in its entry, in the memory of `scratch`.
#[inline]
fn unpacked<T: Collection>(value: ValueRef<'_>, scratch: &mut Vec<u8>) -> Option<T> {
    let ValueRef::Packed(Packed { kind, packing, bytes }) = value else { return None };
    if kind != T::KIND {
        return None;
    }
    let mut scratch = std::mem::take(scratch);
    scratch.clear();
    scratch.extend_from_slice(bytes);
    Some(T::unpack(packing, scratch))
}

/// Moves a collection that has become short into its entry.
fn move_into_entry<T: Collection>(data: &mut Db, place: Place, lru: u32) {
    let object = data.object_mut(place).and_then(T::of_mut);
    let is_short = |collection: &&mut T| {
        // Half of what fits, so that one that grows and shrinks does not move each time.
        collection.packed_len().is_some_and(|len| len <= INLINE_COLLECTION_MAX / 2)
    };
    if let Some(collection) = object.filter(is_short) {
        let collection = std::mem::replace(collection, T::empty(Vec::new()));
        data::with_stored(collection, |value| _ = data.set_value(place, value, lru));
    }
}
