//! A cut: writing a partition out as it was at one moment, while it goes on changing.
//!
//! Every entry has one epoch bit. A cut begins by turning the partition's own bit over: entries that
//! still have the other one are of the cut and not yet written. They are written in slices, in the
//! order of their positions, and turned over; what is about to be changed or removed before its turn
//! is written first, by the one point that every mutation passes. A flushed database is set aside
//! and finished from there. So each key of the cut is written once, as it was, and extra memory is
//! what waits to be taken.
//!
//! The same again for the elements of a large collection ([`parted`]).
//!
//! It is what databases call copy-on-update (T. Cao et al., "Fast checkpoint recovery algorithms for
//! frequently consistent applications", SIGMOD 2011, compare it with others), with the key as the
//! unit that is copied where a fork has the page.

mod parted;

use std::collections::BTreeMap;

use self::parted::Lost;
pub(crate) use self::parted::Parted;
use crate::data::{self, Collection};
use crate::db::Db;
use crate::dict::{Cursor, EntryRef, Place, Removed};
use crate::effect::Effect;
use crate::partition::{Garbage, Partition};
use crate::types::{DbIndex, ShardId};
use crate::value::{Object, ValueRef};

/// Keys and elements that a slice writes at most.
const SLICE_KEYS: u64 = 1024;

/// Bytes after which a slice ends: one that meets a long value may exceed them by that.
const SLICE_BYTES: usize = 256 << 10;

/// Keys that are visited between looks at the bounds.
const STEP_KEYS: usize = 32;

/// Bytes that are gathered before they are handed out, unless they are the last.
const BATCH_BYTES: usize = 64 << 10;

/// A cut that is being written.
#[derive(Default)]
pub(crate) struct Cut {
    /// Databases that were flushed before they were written.
    #[allow(clippy::vec_box, reason = "they are set aside as they are, boxed")]
    aside: Vec<Box<Db>>,
    /// Collections of which some elements are written, by database (its number at the moment of the
    /// cut) and key.
    parted: BTreeMap<(DbIndex, Box<[u8]>), Parted>,
    /// The same of those that their keys have lost.
    lost: Vec<Lost>,
    written: Written,
    finished: bool,
}

/// What was written of a cut and not handed out.
#[derive(Default)]
struct Written {
    records: Vec<u8>,
    effects: u64,
    keys: u64,
}

/// Where a database is with a cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DbCut {
    /// Its number at the moment of the cut.
    index: DbIndex,
    cursor: Cursor,
}

/// What is about to happen to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CutChange {
    /// Nothing: its key's deadline alone changes.
    Deadline,
    /// It is changed as a whole, or taken to be kept elsewhere.
    Value,
    /// It is dropped.
    Drop,
}

/// Keys of a cut, as effects that make them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutBatch {
    /// The partition that was cut.
    pub shard: ShardId,
    /// Number of effects.
    pub count: u64,
    /// The effects, one behind the other.
    pub records: Vec<u8>,
    /// Number of keys of which nothing more is to come.
    pub keys: u64,
    /// Nothing more of the cut is to come from this partition.
    pub last: bool,
}

impl DbCut {
    /// Nothing of a database is written yet.
    pub(crate) fn begin(index: DbIndex) -> Self {
        Self { index, cursor: Cursor::default() }
    }
}

impl Written {
    fn put(&mut self, effect: &Effect<'_>) {
        effect.encode(&mut self.records);
        self.effects += 1;
    }

    fn put_key(&mut self, db: DbIndex, entry: &EntryRef<'_>) {
        let (key, value, deadline) = (entry.key(), entry.value(), entry.deadline());
        self.put(&Effect::Put { db, key, value, deadline });
        self.keys += 1;
    }
}

impl Cut {
    /// Writes an entry if it is of the cut and not yet written, or begins to write it some elements at
    /// a time; `epoch` is the bit of entries that are not of the cut any more. Returns whether it did.
    fn write(&mut self, db: DbIndex, entry: &EntryRef<'_>, epoch: bool) -> bool {
        if entry.epoch() == epoch {
            return false;
        }
        entry.set_epoch(epoch);
        match Parted::begin(db, entry) {
            Some(parted) => _ = self.parted.insert((db, entry.key().into()), parted),
            None => self.written.put_key(db, entry),
        }
        true
    }

    /// Hands out what is known of the entry's collection, if that is being written some elements at a
    /// time.
    fn take_parted(&mut self, db: DbIndex, entry: &EntryRef<'_>) -> Option<Parted> {
        if self.parted.is_empty() || !data::is_named(entry.value()) {
            return None;
        }
        self.parted.remove(&(db, entry.key().into()))
    }

    /// Writes some keys of a database, while no collection is being written some elements at a time.
    /// Returns how many it has passed.
    fn step(&mut self, db: &mut Db, epoch: bool) -> u64 {
        let Some(DbCut { index, cursor }) = db.cut else { return 0 };
        let mut passed = 0;
        // Entries lie anywhere: fetched all at once, they are not waited for one by one.
        db.dict().scan(cursor, STEP_KEYS, &mut |entry| entry.prefetch());
        let next = db.dict().scan(cursor, STEP_KEYS, &mut |entry| {
            passed += u64::from(self.write(index, &entry, epoch));
        });
        let end = Cursor::end_of(db.dict().slots());
        // Its large collections, if it had any just now, are still to be looked for in it.
        let more = next < end || !self.parted.is_empty();
        db.cut = more.then_some(DbCut { index, cursor: next });
        passed
    }
}

impl Partition {
    /// Whether a cut is being written.
    #[inline]
    pub fn is_cutting(&self) -> bool {
        self.cut.is_some()
    }

    /// The state of this moment is to be written out. Returns false, and does nothing, while an
    /// earlier cut is being written.
    pub fn begin_cut(&mut self) -> bool {
        if self.cut.is_some() {
            return false;
        }
        self.epoch = !self.epoch;
        let epoch = self.epoch;
        for (index, db) in self.dbs.iter_mut().enumerate() {
            if let Some(db) = db {
                db.begin_cut(DbCut::begin(DbIndex(index as u16)), epoch);
            }
        }
        self.cut = Some(Box::default());
        true
    }

    /// Writes the next slice of the cut: under a millisecond of work, unless there are long strings,
    /// or lists or streams. To be called until [`Partition::take_cut`] gives the last batch.
    pub fn cut_slice(&mut self) {
        let Some(mut cut) = self.cut.take() else { return };
        let (mut count, before) = (0, cut.written.records.len());
        while count < SLICE_KEYS && cut.written.records.len() - before < SLICE_BYTES {
            let Some(written) = self.cut_step(&mut cut) else {
                cut.finished = true;
                break;
            };
            count += written;
        }
        self.cut = Some(cut);
    }

    /// Writes a few keys or elements, and returns how many; nothing if there are no more.
    fn cut_step(&mut self, cut: &mut Cut) -> Option<u64> {
        if let Some(Lost { parted, value }) = cut.lost.last_mut() {
            let step = parted.step(ValueRef::Object(value), &mut cut.written);
            if step.is_none()
                && let Some(Lost { parted, value }) = cut.lost.pop()
            {
                parted.finish(&mut cut.written);
                self.garbage.push(Garbage::Value(value));
            }
            return Some(step.unwrap_or(1));
        }
        if let Some(((index, key), mut parted)) = cut.parted.pop_first() {
            let dbs = self.dbs.iter().flatten().chain(&cut.aside);
            let value = dbs
                .filter(|db| db.cut.is_some_and(|cut| cut.index == index))
                .find_map(|db| db.dict().get(self.hasher().hash(&key), &key));
            match value.and_then(|entry| parted.step(entry.value(), &mut cut.written)) {
                Some(count) => {
                    cut.parted.insert((index, key), parted);
                    return Some(count);
                }
                None => parted.finish(&mut cut.written),
            }
            return Some(1);
        }
        if let Some(db) = self.dbs.iter_mut().flatten().find(|db| db.cut.is_some()) {
            return Some(cut.step(db, self.epoch));
        }
        let mut db = cut.aside.pop()?;
        let count = cut.step(&mut db, self.epoch);
        if db.cut.is_some() {
            cut.aside.push(db);
        } else {
            self.garbage.push(Garbage::Db(db));
        }
        Some(count)
    }

    /// What was written of the cut since the last call, if it is enough to be handed out or the
    /// last.
    #[inline]
    pub fn take_cut(&mut self) -> Option<CutBatch> {
        if self.cut.is_none() { None } else { self.take_written() }
    }

    #[inline(never)]
    fn take_written(&mut self) -> Option<CutBatch> {
        let cut = self.cut.as_deref_mut()?;
        if !cut.finished && cut.written.records.len() < BATCH_BYTES {
            return None;
        }
        let last = cut.finished;
        let Written { records, effects, keys } = std::mem::take(&mut cut.written);
        if last {
            self.cut = None;
        }
        Some(CutBatch { shard: self.id(), count: effects, records, keys, last })
    }

    /// The entry at `place` is about to change or to go: it is written first if it is of the cut.
    /// A large collection is written some elements at a time all the same, if its deadline alone
    /// changes or if nobody else wants it any more.
    #[cold]
    #[inline(never)]
    pub(crate) fn write_before_change(
        &mut self,
        db: DbIndex,
        place: Option<Place>,
        change: CutChange,
    ) {
        let data = self.dbs.get_mut(db.index()).and_then(Option::as_deref_mut);
        let (Some(cut), Some(data), Some(place)) = (self.cut.as_deref_mut(), data, place) else {
            return;
        };
        let Some(DbCut { index, .. }) = data.cut else { return };
        let entry = data.entry(place);
        cut.write(index, &entry, self.epoch);
        if change == CutChange::Deadline {
            return;
        }
        let Some(parted) = cut.take_parted(index, &entry) else { return };
        let value = if change == CutChange::Drop { data.take_costly(place) } else { None };
        match value {
            Some(value) => cut.lost.push(Lost { parted, value }),
            None => parted.finish_at_once(data.entry(place).value(), &mut cut.written),
        }
    }

    /// The collection at `place` is about to be edited: it is written first if it is of the cut. If
    /// that is done some elements at a time, the editor needs what is returned, which is to be handed
    /// to [`Partition::edited`] afterwards.
    #[cold]
    #[inline(never)]
    pub(crate) fn write_before_edit<T: Collection>(
        &mut self,
        db: DbIndex,
        place: Option<Place>,
    ) -> Option<Parted> {
        let data = self.dbs.get(db.index())?.as_deref()?;
        let (cut, index) = (self.cut.as_deref_mut()?, data.cut?.index);
        let entry = data.entry(place?);
        T::view_of(entry.value())?;
        cut.write(index, &entry, self.epoch);
        cut.take_parted(index, &entry)
    }

    /// A collection of which some elements are written was edited; or it has become empty, and `goes`.
    #[cold]
    pub(crate) fn edited(&mut self, mut parted: Parted, goes: bool) {
        let Some(cut) = self.cut.as_deref_mut() else { return };
        if goes {
            parted.finish(&mut cut.written);
        } else {
            parted.hand_out(&mut cut.written);
            cut.parted.insert((parted.db, parted.key.clone()), parted);
        }
    }

    /// A collection of which some elements are written was made anew: the rest is written of the old.
    #[cold]
    pub(crate) fn remade(&mut self, parted: Parted, value: Box<Object>) {
        if let Some(cut) = self.cut.as_deref_mut() {
            cut.lost.push(Lost { parted, value });
        }
    }

    /// An entry was just taken out of a database: it is written if it is of the cut.
    pub(crate) fn write_removed(&mut self, of: Option<DbCut>, removed: &mut Removed) {
        let (Some(cut), Some(DbCut { index, .. })) = (self.cut.as_deref_mut(), of) else { return };
        let entry = removed.entry();
        cut.write(index, &entry, self.epoch);
        let Some(parted) = cut.take_parted(index, &entry) else { return };
        match removed.take_costly() {
            Some(value) => cut.lost.push(Lost { parted, value }),
            None => parted.finish_at_once(removed.entry().value(), &mut cut.written),
        }
    }

    /// A database was flushed: what is of the cut and not written is kept until it is.
    pub(crate) fn set_aside(&mut self, db: Box<Db>) {
        match self.cut.as_deref_mut() {
            Some(cut) if db.cut.is_some() => cut.aside.push(db),
            _ => self.garbage.push(Garbage::Db(db)),
        }
    }
}
