//! A partition: the whole data of one shard, owned by one thread at a time and never shared.
//!
//! [`Partition::change`] is the one point that every mutation passes, whoever asks for it: a
//! command, an expiry, the replay of effects. It sees the entry as it was, changes the database,
//! and records the effect. Collections are changed in place by [`editing`] and keys moved by
//! [`Partition::move_key`], each as that point does it. Nothing else can change a key.

pub mod editing;
mod moving;
mod replay;

use std::cell::RefCell;

use crate::blocking::{Touch, WaitOutcome, WaiterTable};
use crate::cut::{Cut, CutChange};
use crate::data::{Encodings, Shaping};
use crate::db::{Db, DbFigures};
use crate::dict::{EntryRef, Place, Removed};
use crate::effect::{Effect, EffectError, Event, EventClass};
use crate::hash::{KeyHash, KeyHasher};
use crate::rng::Rng;
use crate::types::{DbIndex, Sequence, ShardId, SlotRange, UnixMillis};
use crate::value::{NewValue, Object, TimerId};
use crate::watch::WatchTable;

/// What a partition is made with.
#[derive(Debug, Clone, Copy)]
pub struct PartitionOptions {
    /// The shard whose data it is.
    pub id: ShardId,
    /// The slots that it is responsible for.
    pub slots: SlotRange,
    /// Number of databases.
    pub databases: u16,
    /// Hashes keys; the same in the whole process.
    pub hasher: KeyHasher,
    /// Seed of the choices at random.
    pub seed: u64,
    /// The time at which it begins.
    pub now: UnixMillis,
}

/// Counts since the start (or since CONFIG RESETSTAT, which subtracts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Lookups by reading commands that found a key.
    pub hits: u64,
    /// Lookups by reading commands that found none.
    pub misses: u64,
    /// Keys that left because their time had come.
    pub expired: u64,
    /// Changes, which Redis calls dirty.
    pub changes: u64,
}

/// One change of one key.
pub enum Change<'a> {
    /// Sets value and deadline.
    Put(NewValue<'a>, Option<UnixMillis>),
    /// Overwrites bytes of a string from an offset on; an absent key is made first. With no bytes it
    /// makes the string `raw` and is nothing to be watched for.
    Splice(usize, &'a [u8]),
    /// Sets or removes the deadline.
    Expire(Option<UnixMillis>),
    /// Removes the key.
    Delete,
    /// Removes the key and hands out what it held, to be put elsewhere.
    Take,
}

impl Change<'_> {
    /// What it may mean to those who wait for the key.
    fn touch(&self) -> Touch {
        match self {
            Self::Put(NewValue::Packed(packed), _) => Touch::Brings(packed.kind),
            Self::Put(NewValue::Object(object), _) => Touch::Brings(object.kind()),
            Self::Put(..) | Self::Delete | Self::Take => Touch::Takes,
            Self::Splice(..) | Self::Expire(_) => Touch::Other,
        }
    }
}

/// Where changes of a partition are recorded: of the fields concerned, so that others stay free.
macro_rules! log {
    ($partition:expr) => {
        Log {
            sequence: &mut $partition.sequence,
            counters: &mut $partition.counters,
            out: $partition.encode_effects.then_some(&mut $partition.effects),
        }
    };
}
use log;

/// A change that the replay of effects makes.
const REPLAYED: Event = Event::generic("replayed");

/// Effects of one turn, encoded, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectBatch {
    /// The partition that changed.
    pub shard: ShardId,
    /// Sequence of the first record.
    pub first: Sequence,
    /// Number of records.
    pub count: u64,
    /// The records, one behind the other.
    pub records: Vec<u8>,
}

impl EffectBatch {
    /// Adds the effects that follow on these.
    pub fn append(&mut self, next: Self) {
        debug_assert_eq!(self.first.0 + self.count, next.first.0, "the effects follow these");
        self.count += next.count;
        self.records.extend_from_slice(&next.records);
    }
}

/// Data that is no longer reachable and too much to free at once: to be dropped elsewhere.
#[allow(dead_code, reason = "held only to be dropped")]
pub enum Garbage {
    /// A flushed database.
    Db(Box<Db>),
    /// A large value.
    Value(Box<Object>),
}

impl Garbage {
    /// How many keys or values it is.
    pub fn objects(&self) -> u64 {
        match self {
            Self::Db(db) => db.figures().keys,
            Self::Value(_) => 1,
        }
    }
}

/// The whole data of one shard.
pub struct Partition {
    id: ShardId,
    slots: SlotRange,
    hasher: KeyHasher,
    pub(crate) dbs: Vec<Option<Box<Db>>>,
    sequence: Sequence,
    encode_effects: bool,
    effects: Vec<u8>,
    effects_first: Sequence,
    began: UnixMillis,
    /// Bounds up to which collections keep their small forms.
    pub encodings: Encodings,
    /// Where small collections are changed.
    scratch: Vec<u8>,
    due: Vec<(TimerId, u64)>,
    pub(crate) garbage: Vec<Garbage>,
    /// The epoch mark of entries that are not of a cut that is being written.
    pub(crate) epoch: bool,
    /// The cut that is being written.
    pub(crate) cut: Option<Box<Cut>>,
    /// Who watches which keys.
    pub watch: WatchTable,
    /// Who waits for which keys.
    pub waiters: WaiterTable,
    /// What became of waits, to be told.
    pub outcomes: Vec<WaitOutcome>,
    /// Counts of what happened here.
    pub counters: Counters,
    /// Choices at random. Reading commands make some, hence the cell.
    rng: RefCell<Rng>,
}

impl Partition {
    /// An empty partition.
    pub fn new(options: PartitionOptions) -> Self {
        Self {
            id: options.id,
            slots: options.slots,
            hasher: options.hasher,
            dbs: (0..options.databases).map(|_| None).collect(),
            sequence: Sequence(0),
            encode_effects: false,
            effects: Vec::new(),
            effects_first: Sequence(1),
            began: options.now,
            encodings: Encodings::default(),
            scratch: Vec::new(),
            due: Vec::new(),
            garbage: Vec::new(),
            epoch: false,
            cut: None,
            watch: WatchTable::default(),
            waiters: WaiterTable::default(),
            outcomes: Vec::new(),
            counters: Counters::default(),
            rng: RefCell::new(Rng::new(options.seed)),
        }
    }

    /// The shard whose data this is.
    pub fn id(&self) -> ShardId {
        self.id
    }

    /// The slots whose keys live here.
    #[inline]
    pub fn slots(&self) -> SlotRange {
        self.slots
    }

    /// Hashes keys.
    #[inline]
    pub fn hasher(&self) -> KeyHasher {
        self.hasher
    }

    /// What decides about the forms of collections here.
    pub fn shaping(&self) -> Shaping {
        Shaping { hasher: self.hasher, encodings: self.encodings }
    }

    /// Sequence of the newest effect.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// Whether effects are encoded for somebody who takes them.
    pub fn encode_effects(&mut self, on: bool) {
        self.encode_effects = on;
        self.effects_first = self.sequence.next();
    }

    /// The effects recorded since the last call, if any were and somebody wants them.
    pub fn take_effects(&mut self) -> Option<EffectBatch> {
        if self.effects.is_empty() {
            return None;
        }
        let first = self.effects_first;
        self.effects_first = self.sequence.next();
        Some(EffectBatch {
            shard: self.id,
            first,
            count: self.sequence.0 + 1 - first.0,
            records: std::mem::take(&mut self.effects),
        })
    }

    /// 64 random bits.
    #[inline]
    pub fn random(&self) -> u64 {
        self.rng.borrow_mut().next_u64()
    }

    /// What is to be dropped where it does not hold up commands.
    pub fn take_garbage(&mut self) -> Vec<Garbage> {
        std::mem::take(&mut self.garbage)
    }

    /// Number of databases.
    pub fn databases(&self) -> u16 {
        self.dbs.len() as u16
    }

    /// A database, if anything was ever in it.
    #[inline]
    pub fn db(&self, db: DbIndex) -> Option<&Db> {
        self.dbs.get(db.index())?.as_deref()
    }

    /// Whether no database has a key.
    pub fn is_empty(&self) -> bool {
        self.dbs.iter().flatten().all(|db| db.dict().is_empty())
    }

    /// Figures of a database; all zero if nothing was ever in it.
    pub fn figures(&self, db: DbIndex) -> DbFigures {
        self.db(db).map(Db::figures).unwrap_or_default()
    }

    /// Bytes of tables, entries and timers of all databases.
    pub fn memory(&self) -> usize {
        self.dbs.iter().flatten().map(|db| db.memory()).sum()
    }

    /// Fetches keys into the cache: where their tables have them, for all of them, then what the
    /// tables have there, so that the misses overlap. Only a hint.
    #[inline]
    pub fn prefetch<K: Iterator<Item = KeyHash>>(&self, db: DbIndex, keys: impl Fn() -> K) {
        let Some(db) = self.db(db) else { return };
        keys().for_each(|key| db.dict().prefetch_bucket(key));
        keys().for_each(|key| db.dict().prefetch_entry(key));
    }

    /// The key's entry, expired or not.
    #[inline]
    pub fn get(&self, db: DbIndex, hash: KeyHash, key: &[u8]) -> Option<EntryRef<'_>> {
        self.db(db)?.dict().get(hash, key)
    }

    /// The key's entry, expired or not, and where it is.
    #[inline]
    pub fn find(&self, db: DbIndex, hash: KeyHash, key: &[u8]) -> Option<(Place, EntryRef<'_>)> {
        self.db(db)?.dict().find_entry(hash, key)
    }

    /// Changes one key: the point that every mutation passes. `place` is where the key is, if it is
    /// there; `lru` the recency that a new or replaced entry gets. A change that needs the key when
    /// it is absent, or a string when it is none, does nothing.
    ///
    /// Returns what [`Change::Take`] took out.
    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "the one point has to be told everything")]
    pub fn change(
        &mut self,
        db: DbIndex,
        hash: KeyHash,
        key: &[u8],
        place: Option<Place>,
        change: Change<'_>,
        event: Event,
        lru: u32,
    ) -> Option<Removed> {
        if self.cut.is_some() {
            let kind = match &change {
                Change::Expire(_) => CutChange::Deadline,
                Change::Splice(..) | Change::Take => CutChange::Value,
                Change::Put(..) | Change::Delete => CutChange::Drop,
            };
            self.write_before_change(db, place, kind);
        }
        let (slots, hasher, began, epoch) = (self.slots, self.hasher, self.began, self.epoch);
        let data = self.dbs.get_mut(db.index())?;
        let make = || Box::new(Db::new(hasher, slots, began, epoch));
        let data = data.get_or_insert_with(make).as_mut();
        if !matches!(change, Change::Splice(_, [])) {
            self.watch.touch(db, key);
        }
        self.waiters.touch(db, key, || change.touch());
        let mut log = log!(self);
        match change {
            Change::Put(value, deadline) => {
                let (place, costly) = data.put(hash, key, place, value, deadline, lru);
                self.garbage.extend(costly.map(Garbage::Value));
                let value = || data.entry(place).value();
                log.record(event, || Effect::Put { db, key, value: value(), deadline });
                None
            }
            Change::Splice(offset, bytes) => {
                let empty = NewValue::Bytes { bytes: b"", raw: true };
                let place = match place {
                    Some(place) => place,
                    None => data.put(hash, key, None, empty, None, lru).0,
                };
                data.splice(place, offset, bytes)?;
                log.record(event, || Effect::Splice { db, key, offset: offset as u64, bytes });
                None
            }
            Change::Expire(deadline) => {
                data.set_deadline(hash, place?, deadline);
                log.record(event, || Effect::Expire { db, key, deadline });
                None
            }
            Change::Delete => {
                let costly = data.remove(place?).take_costly();
                self.garbage.extend(costly.map(Garbage::Value));
                log.record(event, || Effect::Delete { db, key });
                None
            }
            Change::Take => {
                let removed = data.remove(place?);
                log.record(event, || Effect::Delete { db, key });
                Some(removed)
            }
        }
    }

    /// Removes the key if its time has come. Returns whether it did.
    #[inline]
    pub fn expire_if_due(
        &mut self,
        db: DbIndex,
        hash: KeyHash,
        key: &[u8],
        now: UnixMillis,
    ) -> bool {
        let Some((place, entry)) = self.find(db, hash, key) else {
            return false;
        };
        if entry.deadline().is_none_or(|deadline| !deadline.has_passed(now)) {
            return false;
        }
        self.change(db, hash, key, Some(place), Change::Delete, Event::EXPIRED, 0);
        true
    }

    /// Removes keys whose time has come, spending at most about `budget` steps. Returns whether
    /// more are due already.
    pub fn expire_due(&mut self, now: UnixMillis, budget: usize) -> bool {
        let mut due = std::mem::take(&mut self.due);
        let mut more = false;
        for index in 0..self.dbs.len() {
            let Some(data) = self.dbs[index].as_deref_mut() else { continue };
            more |= data.advance(UnixMillis(now.0 - 1), budget, &mut due);
            let db = DbIndex(index as u16);
            for timer in due.drain(..) {
                self.remove_due(db, timer);
            }
        }
        self.due = due;
        more
    }

    fn remove_due(&mut self, db: DbIndex, timer: (TimerId, u64)) {
        let Some(data) = self.dbs.get_mut(db.index()).and_then(Option::as_deref_mut) else {
            return;
        };
        let cut = data.cut;
        let Some(mut removed) = data.remove_due(timer) else { return };
        self.write_removed(cut, &mut removed);
        self.garbage.extend(removed.take_costly().map(Garbage::Value));
        let key = removed.entry().key();
        self.watch.touch(db, key);
        self.waiters.touch(db, key, || Touch::Takes);
        let mut log = log!(self);
        log.record(Event::EXPIRED, || Effect::Delete { db, key });
    }

    /// Removes all keys of a database. Their memory is left as garbage to be dropped elsewhere.
    pub fn flush(&mut self, db: DbIndex) {
        let Some(data) = self.dbs.get_mut(db.index()).and_then(Option::take) else { return };
        if data.dict().is_empty() {
            return;
        }
        let hasher = self.hasher;
        self.watch.touch_where(|watched, key| {
            watched == db && data.dict().find(hasher.hash(key), key).is_some()
        });
        self.waiters.touch_databases([db, db]);
        self.set_aside(data);
        self.log().record(Event::generic("flushdb"), || Effect::Flush { db });
    }

    /// Lets two databases change places.
    pub fn swap(&mut self, a: DbIndex, b: DbIndex) {
        if a == b || a.index() >= self.dbs.len() || b.index() >= self.dbs.len() {
            return;
        }
        let hasher = self.hasher;
        let Self { watch, dbs, .. } = self;
        let has = |db: DbIndex, key: &[u8]| {
            dbs[db.index()]
                .as_deref()
                .is_some_and(|d| d.dict().find(hasher.hash(key), key).is_some())
        };
        watch.touch_where(|db, key| (db == a || db == b) && (has(a, key) || has(b, key)));
        self.waiters.touch_databases([a, b]);
        dbs.swap(a.index(), b.index());
        self.log().record(Event::generic("swapdb"), || Effect::Swap { a, b });
    }

    /// Moves all keys to partitions that divide the slots among themselves in another way.
    ///
    /// # Errors
    /// No partition is responsible for a key's slot, or it has fewer databases.
    pub fn move_to(mut self, others: &mut [Box<Self>]) -> Result<(), EffectError> {
        let hasher = self.hasher;
        for (index, data) in self.dbs.iter_mut().enumerate() {
            if let Some(data) = data.take() {
                copy_entries(&data, DbIndex(index as u16), hasher, others)?;
            }
        }
        Ok(())
    }

    /// Copies all keys to partitions as [`Partition::move_to`] moves them.
    ///
    /// # Errors
    /// No partition is responsible for a key's slot, or it has fewer databases.
    pub fn copy_to(&self, others: &mut [Box<Self>]) -> Result<(), EffectError> {
        for (index, data) in self.dbs.iter().enumerate() {
            if let Some(data) = data {
                copy_entries(data, DbIndex(index as u16), self.hasher, others)?;
            }
        }
        Ok(())
    }

    fn log(&mut self) -> Log<'_> {
        log!(self)
    }
}

/// Puts all keys of a database where their slots belong.
fn copy_entries(
    data: &Db,
    db: DbIndex,
    hasher: KeyHasher,
    others: &mut [Box<Partition>],
) -> Result<(), EffectError> {
    for entry in data.dict().iter() {
        let (key, deadline) = (entry.key(), entry.deadline());
        let slot = hasher.hash(key).slot;
        let target = others.iter_mut().find(|other| other.slots.contains(slot));
        let target = target.ok_or(EffectError::Mismatch("a slot belongs to nobody"))?;
        target.apply(&Effect::Put { db, key, value: entry.value(), deadline })?;
    }
    Ok(())
}

/// Where a change is recorded.
struct Log<'a> {
    sequence: &'a mut Sequence,
    counters: &'a mut Counters,
    out: Option<&'a mut Vec<u8>>,
}

impl Log<'_> {
    /// Counts a change, and encodes it if somebody wants it.
    #[inline]
    fn record<'e>(&mut self, event: Event, effect: impl FnOnce() -> Effect<'e>) {
        self.record_as([event], effect);
    }

    /// The same of a change that has several events.
    #[inline]
    fn record_as<'e, const EVENTS: usize>(
        &mut self,
        events: [Event; EVENTS],
        effect: impl FnOnce() -> Effect<'e>,
    ) {
        *self.sequence = self.sequence.next();
        if events.iter().any(|event| event.class == EventClass::Expired) {
            self.counters.expired += 1;
        } else {
            self.counters.changes += 1;
        }
        if let Some(out) = &mut self.out {
            effect().encode(out);
        }
    }
}
