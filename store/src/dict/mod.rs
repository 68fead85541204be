//! The dictionary of one database of one partition: keys with their values, deadlines and marks.
//!
//! It is made for a server whose keys are many, small and hostile:
//!
//! * A key and its small value are one allocation ([`entry`](EntryRef)); a table has 8 bytes for
//!   it, 16 bits of them a fingerprint. So a lookup touches three cache lines besides the key's own
//!   comparison: the slot's handle, a bucket and the entry; [`Dict::prefetch_bucket`] and
//!   [`Dict::prefetch_entry`] fetch the last two for a whole batch at a time.
//! * Keys are placed by slot, then by hash. Each slot has a table of its own, which is divided when
//!   it has more than about a thousand keys. So growing never touches more than a thousand keys,
//!   with ten million keys in one slot too, and a slot can be counted and listed.
//! * Within a slot keys stand in the order of their hashes, so a scan's cursor is a position in that
//!   order and needs no memory of what grew meanwhile ([`scan`](Cursor)).
//! * Hashes are keyed ([`crate::hash`]). No operation depends on how long other keys are.
//! * Memory follows removals: tables shrink, are joined, and end.
//!
//! The dictionary owns its entries. It knows no time: it keeps deadlines but does not act on them.

mod buckets;
mod directory;
mod entry;
mod fields;
mod layout;
mod prefetch;
mod scan;
pub(crate) mod size;
mod slot;
mod table;

pub use directory::TableLimits;
pub use entry::EntryRef;
pub use fields::Fields;
pub(crate) use layout::COSTLY_BYTES;
pub use layout::INLINE_MAX;
pub use scan::Cursor;

use entry::Word;
use scan::SlotSet;
use slot::SlotTable;

use crate::hash::{KeyHash, KeyHasher};
use crate::types::{Slot, SlotRange};
use crate::value::{Expiry, NewValue, Object, Value};

/// Slots that are counted together, so that a key can be chosen by its rank in few steps.
const GROUP_SLOTS: usize = 128;

/// Where an entry is. Valid until the dictionary changes the next time; used later, it leads to
/// some other entry or ends in a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Counted from the first slot of the dictionary.
    slot: u16,
    table: u32,
    word: u32,
}

/// Keys with their values. See the [module](self).
pub struct Dict {
    hasher: KeyHasher,
    range: SlotRange,
    limits: TableLimits,
    /// One for each slot of the range; none before the first key.
    slots: Vec<SlotTable>,
    /// The slots that have keys.
    occupied: SlotSet,
    /// Number of keys of each [`GROUP_SLOTS`] slots.
    group_lens: Vec<usize>,
    len: usize,
    /// Bytes of all slots' tables.
    table_memory: usize,
    /// Bytes of all entries but the one that is lent.
    entry_memory: usize,
    /// The epoch mark of entries that are made.
    epoch: bool,
    /// The entry whose value was last lent to be changed: how much memory it takes is counted when
    /// the loan is known to be over.
    lent: Option<Place>,
}

impl Dict {
    /// An empty dictionary for keys of `slots` that are hashed by `hasher`.
    pub fn new(hasher: KeyHasher, slots: SlotRange) -> Self {
        Self::with_limits(hasher, slots, TableLimits::default())
    }

    /// An empty dictionary that divides its tables at other sizes, for tests: with few keys, small
    /// tables meet what large ones meet with many.
    pub fn with_limits(hasher: KeyHasher, slots: SlotRange, limits: TableLimits) -> Self {
        Self {
            hasher,
            range: slots,
            limits: TableLimits {
                split_len: limits.split_len.max(1),
                max_depth: limits.max_depth.clamp(1, TableLimits::MAX_DEPTH),
            },
            slots: Vec::new(),
            occupied: SlotSet::default(),
            group_lens: Vec::new(),
            len: 0,
            table_memory: 0,
            entry_memory: 0,
            epoch: false,
            lent: None,
        }
    }

    /// Number of keys.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no keys.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The slots whose keys can be here.
    #[inline]
    pub fn slots(&self) -> SlotRange {
        self.range
    }

    /// Bytes of all tables.
    pub fn table_memory(&self) -> usize {
        self.table_memory
            + self.slots.capacity() * size_of::<SlotTable>()
            + self.group_lens.capacity() * size_of::<usize>()
            + self.occupied.memory()
    }

    /// Bytes of all entries, with what their values have on the heap.
    pub fn entry_memory(&self) -> usize {
        self.entry_memory + self.lent.map_or(0, |place| self.entry(place).memory())
    }

    #[inline]
    fn slot(&self, slot: Slot) -> Option<&SlotTable> {
        self.slots.get(usize::from(slot.get().wrapping_sub(self.range.first)))
    }

    /// Fetches into the cache where the table has the key. To be called for all keys of a batch,
    /// then [`Dict::prefetch_entry`] for all, then what looks them up.
    #[inline]
    pub fn prefetch_bucket(&self, key: KeyHash) {
        if let Some(slot) = self.slot(key.slot) {
            let (_, table, tag) = slot.locate(key.hash);
            table.prefetch_bucket(tag);
        }
    }

    /// Fetches into the cache the entry that has the key's fingerprint, from the bucket that
    /// [`Dict::prefetch_bucket`] fetched.
    #[inline]
    pub fn prefetch_entry(&self, key: KeyHash) {
        if let Some(slot) = self.slot(key.slot) {
            let (_, table, tag) = slot.locate(key.hash);
            table.prefetch_entry(tag);
        }
    }

    /// Where the key is, if it is there. `hash` is the key's, by this dictionary's hasher.
    #[inline]
    pub fn find(&self, hash: KeyHash, key: &[u8]) -> Option<Place> {
        self.find_entry(hash, key).map(|(place, _)| place)
    }

    /// The key's entry and where it is, if it is there.
    #[inline]
    pub fn find_entry(&self, hash: KeyHash, key: &[u8]) -> Option<(Place, EntryRef<'_>)> {
        let slot = hash.slot.get().wrapping_sub(self.range.first);
        let (table_number, table, tag) = self.slots.get(usize::from(slot))?.locate(hash.hash);
        let (word, entry) = table.find(tag, key)?;
        Some((Place { slot, table: table_number, word }, entry))
    }

    /// The entry at a place.
    #[inline]
    pub fn entry(&self, place: Place) -> EntryRef<'_> {
        let slot = self.slots.get(usize::from(place.slot));
        match slot.and_then(|slot| slot.word(place.table, place.word)) {
            Some(word) => word.entry(),
            None => stale(),
        }
    }

    /// The key's entry, if it is there.
    #[inline]
    pub fn get(&self, hash: KeyHash, key: &[u8]) -> Option<EntryRef<'_>> {
        self.find_entry(hash, key).map(|(_, entry)| entry)
    }

    /// Adds a key that is not there, which the caller must know. Its slot must be one of
    /// [`Dict::slots`]. Of `lru` 24 bits are kept.
    pub fn insert_new(
        &mut self,
        hash: KeyHash,
        key: &[u8],
        value: NewValue<'_>,
        expiry: Option<Expiry>,
        lru: u32,
    ) -> Place {
        debug_assert!(self.find(hash, key).is_none(), "the key is there");
        self.settle();
        if self.slots.is_empty() {
            self.allocate_slots();
        }
        let word = Word::new(key, hash.hash, value, expiry, lru);
        if self.epoch {
            word.entry().set_epoch(true);
        }
        self.entry_memory += word.entry().memory();
        let at = hash.slot.get().wrapping_sub(self.range.first);
        let slot = &mut self.slots[usize::from(at)];
        let before = slot.memory();
        let (table, word) = slot.insert(hash.hash, word, self.hasher, self.limits);
        self.table_memory = self.table_memory + slot.memory() - before;
        if slot.len() == 1 {
            self.occupied.set(usize::from(at), true);
        }
        self.group_lens[usize::from(at) / GROUP_SLOTS] += 1;
        self.len += 1;
        Place { slot: at, table, word }
    }

    #[cold]
    fn allocate_slots(&mut self) {
        let len = self.range.len();
        self.slots = std::iter::repeat_with(|| SlotTable::EMPTY).take(len).collect();
        self.occupied = SlotSet::new(len);
        self.group_lens = vec![0; len.div_ceil(GROUP_SLOTS)];
    }

    /// Replaces value, expiry and recency of the entry at `place`; the epoch mark stays. The new
    /// expiry is made from the old one. Returns the old value if it takes long to free.
    #[inline(always)]
    pub fn replace(
        &mut self,
        place: Place,
        value: NewValue<'_>,
        expiry: impl FnOnce(Option<Expiry>) -> Option<Expiry>,
        lru: u32,
    ) -> Option<Box<Object>> {
        self.settle();
        let word = self.word_mut(place);
        let expiry = expiry(word.entry().expiry());
        let costly = word.take_costly();
        let growth = word.replace(value, expiry, lru);
        let lost = costly.as_ref().map_or(0, |object| object.memory());
        self.entry_memory = self.entry_memory.wrapping_add_signed(growth) - lost;
        costly
    }

    /// Takes the value at `place` out if it takes long to free, leaving 0.
    pub fn take_costly(&mut self, place: Place) -> Option<Box<Object>> {
        self.settle();
        let costly = self.word_mut(place).take_costly();
        self.entry_memory -= costly.as_ref().map_or(0, |object| object.memory());
        costly
    }

    /// Sets or removes the expiry of the entry at `place`: the new one is made from the old one.
    #[inline]
    pub fn set_expiry(
        &mut self,
        place: Place,
        expiry: impl FnOnce(Option<Expiry>) -> Option<Expiry>,
    ) {
        self.settle();
        let word = self.word_mut(place);
        let before = word.entry().memory();
        word.set_expiry(expiry(word.entry().expiry()));
        let after = word.entry().memory();
        self.entry_memory = self.entry_memory + after - before;
    }

    /// The string at `place`, to be changed; nothing if the value is not a string. It becomes a
    /// `raw` one with an allocation of its own, if it was not.
    pub fn string_mut(&mut self, place: Place) -> Option<&mut Vec<u8>> {
        self.lend(place).string_mut()
    }

    /// The value at `place`, to be changed; nothing if it is a string.
    pub fn object_mut(&mut self, place: Place) -> Option<&mut Object> {
        self.lend(place).object_mut()
    }

    /// Entries that are made from now on get this epoch mark. Others keep theirs, whatever becomes
    /// of tables and values, until [`EntryRef::set_epoch`] changes it.
    pub fn begin_epoch(&mut self, epoch: bool) {
        self.epoch = epoch;
    }

    /// Takes the entry at `place` out.
    pub fn remove(&mut self, place: Place) -> Removed {
        self.settle();
        let at = usize::from(place.slot);
        let Some(slot) = self.slots.get_mut(at) else { stale() };
        let before = slot.memory();
        let Some(word) = slot.remove(place.table, place.word, self.limits) else { stale() };
        self.table_memory = self.table_memory + slot.memory() - before;
        if slot.len() == 0 {
            self.occupied.set(at, false);
        }
        self.group_lens[at / GROUP_SLOTS] -= 1;
        self.len -= 1;
        self.entry_memory -= word.entry().memory();
        Removed(word)
    }

    #[inline]
    fn word_mut(&mut self, place: Place) -> &mut Word {
        let slot = self.slots.get_mut(usize::from(place.slot));
        match slot.and_then(|slot| slot.word_mut(place.table, place.word)) {
            Some(word) => word,
            None => stale(),
        }
    }

    /// The word at `place`, whose entry is no longer counted.
    fn lend(&mut self, place: Place) -> &mut Word {
        self.settle();
        self.entry_memory -= self.entry(place).memory();
        self.lent = Some(place);
        self.word_mut(place)
    }

    /// Counts the entry that was lent. Comes before anything that may move it.
    #[inline]
    fn settle(&mut self) {
        if let Some(place) = self.lent.take() {
            self.entry_memory += self.entry(place).memory();
        }
    }
}

/// A place was used after its dictionary had changed. What was to be done can no longer be known,
/// and a shard that goes on would serve wrong data.
#[cold]
#[inline(never)]
fn stale() -> ! {
    unreachable!("a place was used after its dictionary had changed")
}

/// An entry that was taken out. Dropping it frees it.
pub struct Removed(Word);

impl Removed {
    /// Reads it.
    #[inline]
    pub fn entry(&self) -> EntryRef<'_> {
        self.0.entry()
    }

    /// Takes the value out as what can be stored elsewhere, without copying it if it is long. What
    /// is left in its place is not specified.
    pub fn take_value(&mut self) -> NewValue<'_> {
        self.0.take_value()
    }

    /// Takes the value out if it takes long to free.
    #[inline]
    pub fn take_costly(&mut self) -> Option<Box<Object>> {
        self.0.take_costly()
    }

    /// The value.
    pub fn into_value(mut self) -> Value {
        match self.take_value() {
            NewValue::Int(n) => Value::Int(n),
            NewValue::Bytes { bytes, raw } => Value::Bytes { bytes: bytes.to_vec(), raw },
            NewValue::Packed(packed) => Value::Object(Box::new(Object::from_packed(packed))),
            NewValue::Object(object) => match *object {
                Object::String(bytes) => Value::Bytes { bytes, raw: true },
                other => Value::Object(Box::new(other)),
            },
        }
    }
}

const _: () = {
    const fn may_change_threads<T: Send>() {}
    may_change_threads::<Dict>();
    may_change_threads::<Removed>();
};
