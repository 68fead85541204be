//! One database of one partition: the dictionary of its keys and the wheel of their deadlines, kept
//! in step. It knows no effects: [`crate::partition`] records what is done here.

use crate::dict::{Dict, EntryRef, Place, Removed};
use crate::hash::{KeyHash, KeyHasher};
use crate::types::{SlotRange, UnixMillis};
use crate::value::{Expiry, NewValue, TimerId};
use crate::wheel::Wheel;

/// A dictionary with the deadlines of its keys.
pub struct Db {
    dict: Dict,
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
    /// An empty database for keys of `slots`.
    pub fn new(hasher: KeyHasher, slots: SlotRange, now: UnixMillis) -> Self {
        Self { dict: Dict::new(hasher, slots), wheel: Wheel::new(now), deadline_sum: 0 }
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
            expires: self.wheel.len() as u64,
            deadline_sum: self.deadline_sum,
        }
    }

    /// Bytes of tables, entries and timers.
    pub fn memory(&self) -> usize {
        self.dict.table_memory() + self.dict.entry_memory() + self.wheel.memory()
    }

    /// Where the key is.
    #[inline]
    pub fn find(&self, hash: KeyHash, key: &[u8]) -> Option<Place> {
        self.dict.find(hash, key)
    }

    /// The entry at a place.
    #[inline]
    pub fn entry(&self, place: Place) -> EntryRef<'_> {
        self.dict.entry(place)
    }

    /// Sets value and deadline of a key, at its place if it has one.
    #[inline]
    pub fn put(
        &mut self,
        hash: KeyHash,
        key: &[u8],
        place: Option<Place>,
        value: NewValue<'_>,
        deadline: Option<UnixMillis>,
        lru: u32,
    ) -> Place {
        match place {
            Some(place) => {
                let old = self.dict.entry(place).expiry();
                let expiry = self.retime(hash, old, deadline);
                let place = self.dict.replace(place, value, expiry);
                self.dict.entry(place).set_lru(lru);
                place
            }
            None => {
                let expiry = self.retime(hash, None, deadline);
                self.dict.insert_new(hash, key, value, expiry, lru)
            }
        }
    }

    /// Changes the deadline of the key at `place`.
    pub fn set_deadline(
        &mut self,
        hash: KeyHash,
        place: Place,
        deadline: Option<UnixMillis>,
    ) -> Place {
        let old = self.dict.entry(place).expiry();
        let expiry = self.retime(hash, old, deadline);
        self.dict.set_expiry(place, expiry)
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
        if let Some(old) = self.dict.entry(place).expiry() {
            self.wheel.remove(old.timer);
            self.deadline_sum -= i128::from(old.deadline.0);
        }
        self.dict.remove(place)
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
        let Self { dict, wheel, .. } = self;
        let mut deadline_of = |id: TimerId, position: u64| {
            let place = dict.find_by_position(position, &mut |entry| {
                entry.expiry().is_some_and(|expiry| expiry.timer == id)
            });
            place.and_then(|place| dict.entry(place).deadline()).unwrap_or(now)
        };
        wheel.advance(now, budget, &mut deadline_of, due).more_due_now
    }

    /// Takes out the key whose timer fired.
    pub fn remove_due(&mut self, (timer, position): (TimerId, u64)) -> Option<Removed> {
        let place = self.dict.find_by_position(position, &mut |entry| {
            entry.expiry().is_some_and(|expiry| expiry.timer == timer)
        })?;
        if let Some(old) = self.dict.entry(place).expiry() {
            self.deadline_sum -= i128::from(old.deadline.0);
        }
        Some(self.dict.remove(place))
    }

    /// Gives a key's old timer the new deadline, making or removing it as needed.
    #[inline]
    fn retime(
        &mut self,
        hash: KeyHash,
        old: Option<Expiry>,
        deadline: Option<UnixMillis>,
    ) -> Option<Expiry> {
        if let Some(old) = old {
            self.deadline_sum -= i128::from(old.deadline.0);
        }
        let Some(deadline) = deadline else {
            if let Some(old) = old {
                self.wheel.remove(old.timer);
            }
            return None;
        };
        self.deadline_sum += i128::from(deadline.0);
        let timer = match old {
            Some(old) => {
                self.wheel.reschedule(old.timer, deadline);
                old.timer
            }
            None => self.wheel.insert(deadline, hash.position()),
        };
        Some(Expiry { deadline, timer })
    }
}
