//! One database of one partition: the dictionary of its keys and the wheel of their deadlines, kept
//! in step. It knows no effects: [`crate::partition`] records what is done here.

use crate::cut::DbCut;
use crate::dict::{Dict, EntryRef, Place, Removed};
use crate::hash::{KeyHash, KeyHasher};
use crate::types::{SlotRange, UnixMillis};
use crate::value::{Expiry, NewValue, Object, TimerId};
use crate::wheel::Wheel;

/// A dictionary with the deadlines of its keys.
pub struct Db {
    dict: Dict,
    timers: Timers,
    /// Where it is with a cut, until all of it is written.
    pub(crate) cut: Option<DbCut>,
}

/// The deadlines of all keys.
struct Timers {
    wheel: Wheel,
    /// Sum of all deadlines, for the mean time to live in INFO.
    deadline_sum: i128,
}

/// What was published of a database: for INFO's keyspace section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DbFigures {
    /// Number of keys.
    pub keys: u64,
    /// Number of keys with a deadline.
    pub expires: u64,
    /// Sum of their deadlines in milliseconds since the epoch.
    pub deadline_sum: i128,
}

impl Db {
    /// An empty database for keys of `slots`, whose entries get this epoch mark.
    pub fn new(hasher: KeyHasher, slots: SlotRange, now: UnixMillis, epoch: bool) -> Self {
        let timers = Timers { wheel: Wheel::new(now), deadline_sum: 0 };
        let mut dict = Dict::new(hasher, slots);
        dict.begin_epoch(epoch);
        Self { dict, timers, cut: None }
    }

    /// A cut begins: entries made from now on get this epoch mark.
    pub(crate) fn begin_cut(&mut self, cut: DbCut, epoch: bool) {
        self.cut = Some(cut);
        self.dict.begin_epoch(epoch);
    }

    /// The dictionary, to read.
    #[inline]
    pub fn dict(&self) -> &Dict {
        &self.dict
    }

    /// Number of keys, keys with deadline, and the sum of deadlines.
    pub fn figures(&self) -> DbFigures {
        DbFigures {
            keys: self.dict.len() as u64,
            expires: self.timers.wheel.len() as u64,
            deadline_sum: self.timers.deadline_sum,
        }
    }

    /// Bytes of tables, entries and timers.
    pub fn memory(&self) -> usize {
        self.dict.table_memory() + self.dict.entry_memory() + self.timers.wheel.memory()
    }

    /// The entry at a place.
    #[inline]
    pub fn entry(&self, place: Place) -> EntryRef<'_> {
        self.dict.entry(place)
    }

    /// Sets value and deadline of a key, at its place if it has one. Returns its place, and the old
    /// value if that takes long to free.
    #[inline(always)]
    pub fn put(
        &mut self,
        hash: KeyHash,
        key: &[u8],
        place: Option<Place>,
        value: NewValue<'_>,
        deadline: Option<UnixMillis>,
        lru: u32,
    ) -> (Place, Option<Box<Object>>) {
        match place {
            Some(place) => {
                let timers = &mut self.timers;
                let retime = |old| timers.change(hash, old, deadline);
                (place, self.dict.replace(place, value, retime, lru))
            }
            None => {
                let expiry = self.timers.change(hash, None, deadline);
                (self.dict.insert_new(hash, key, value, expiry, lru), None)
            }
        }
    }

    /// Sets the value of the key at `place`; its deadline stays. Returns the old value if that takes
    /// long to free.
    pub fn set_value(
        &mut self,
        place: Place,
        value: NewValue<'_>,
        lru: u32,
    ) -> Option<Box<Object>> {
        self.dict.replace(place, value, |expiry| expiry, lru)
    }

    /// The collection at `place`, to be changed, if it has an allocation of its own.
    pub fn object_mut(&mut self, place: Place) -> Option<&mut Object> {
        self.dict.object_mut(place)
    }

    /// Takes the value at `place` out if it takes long to free, leaving 0.
    pub fn take_costly(&mut self, place: Place) -> Option<Box<Object>> {
        self.dict.take_costly(place)
    }

    /// Changes the deadline of the key at `place`.
    pub fn set_deadline(&mut self, hash: KeyHash, place: Place, deadline: Option<UnixMillis>) {
        let timers = &mut self.timers;
        self.dict.set_expiry(place, |old| timers.change(hash, old, deadline));
    }

    /// Overwrites bytes of the string at `place` from `offset` on, filling a gap with zeros.
    /// Returns the string's length, or nothing if the value is no string.
    pub fn splice(&mut self, place: Place, offset: usize, bytes: &[u8]) -> Option<usize> {
        let string = self.dict.string_mut(place)?;
        let end = offset.checked_add(bytes.len())?;
        if string.len() < end {
            string.resize(end, 0);
        }
        string.get_mut(offset..end)?.copy_from_slice(bytes);
        Some(string.len())
    }

    /// Takes the entry at `place` out.
    pub fn remove(&mut self, place: Place) -> Removed {
        let removed = self.dict.remove(place);
        if let Some(old) = removed.entry().expiry() {
            self.timers.end(old);
        }
        removed
    }

    /// Moves the wheel on to `now` and collects timers of keys that are due, spending at most
    /// `budget` steps. Returns whether more is due already.
    ///
    /// Each key of `due` must then be removed by [`Db::remove_due`], before anything else happens.
    pub fn advance(
        &mut self,
        now: UnixMillis,
        budget: usize,
        due: &mut Vec<(TimerId, u64)>,
    ) -> bool {
        let Self { dict, timers, .. } = self;
        let mut deadline_of = |id: TimerId, position: u64| {
            let place = dict.find_by_position(position, &mut |entry| {
                entry.expiry().is_some_and(|expiry| expiry.timer == id)
            });
            place.and_then(|place| dict.entry(place).deadline()).unwrap_or(now)
        };
        timers.wheel.advance(now, budget, &mut deadline_of, due).more_due_now
    }

    /// Takes out the key whose timer fired.
    pub fn remove_due(&mut self, (timer, position): (TimerId, u64)) -> Option<Removed> {
        let place = self.dict.find_by_position(position, &mut |entry| {
            entry.expiry().is_some_and(|expiry| expiry.timer == timer)
        })?;
        let removed = self.dict.remove(place);
        if let Some(old) = removed.entry().expiry() {
            self.timers.deadline_sum -= i128::from(old.deadline.0);
        }
        Some(removed)
    }
}

impl Timers {
    /// Gives a key's old timer the new deadline, making or removing it as needed.
    #[inline]
    fn change(
        &mut self,
        hash: KeyHash,
        old: Option<Expiry>,
        deadline: Option<UnixMillis>,
    ) -> Option<Expiry> {
        if old.is_none() && deadline.is_none() { None } else { self.set(hash, old, deadline) }
    }

    fn set(
        &mut self,
        hash: KeyHash,
        old: Option<Expiry>,
        deadline: Option<UnixMillis>,
    ) -> Option<Expiry> {
        let Some(deadline) = deadline else {
            old.into_iter().for_each(|old| self.end(old));
            return None;
        };
        self.deadline_sum += i128::from(deadline.0);
        let timer = match old {
            Some(old) => {
                self.deadline_sum -= i128::from(old.deadline.0);
                self.wheel.reschedule(old.timer, deadline);
                old.timer
            }
            None => self.wheel.insert(deadline, hash.position()),
        };
        Some(Expiry { deadline, timer })
    }

    /// Forgets a deadline.
    fn end(&mut self, old: Expiry) {
        self.wheel.remove(old.timer);
        self.deadline_sum -= i128::from(old.deadline.0);
    }
}
