//! A cut: writing a partition out as it was at one moment, while it goes on changing.
//!
//! Every entry has one epoch bit. A cut begins by turning the partition's own bit over: entries that
//! still have the other one are of the cut and not yet written. They are written in slices, in the
//! order of their positions, and turned over; what is about to be changed or removed before its turn
//! is written first, by the one point that every mutation passes. A flushed database is set aside
//! and finished from there. So each key of the cut is written once, as it was, and extra memory is
//! what waits to be taken.
//!
//! It is what databases call copy-on-update (T. Cao et al., "Fast checkpoint recovery algorithms for
//! frequently consistent applications", SIGMOD 2011, compare it with others), with the key as the
//! unit that is copied where a fork has the page.

use crate::db::Db;
use crate::dict::{Cursor, EntryRef, Place};
use crate::effect::Effect;
use crate::partition::{Garbage, Partition};
use crate::types::{DbIndex, ShardId};

/// Keys that a slice writes at most.
const SLICE_KEYS: usize = 1024;

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
    records: Vec<u8>,
    count: u64,
    finished: bool,
}

/// Where a database is with a cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DbCut {
    /// Its number at the moment of the cut.
    index: DbIndex,
    cursor: Cursor,
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
    /// Nothing more of the cut is to come from this partition.
    pub last: bool,
}

impl DbCut {
    /// Nothing of a database is written yet.
    pub(crate) fn begin(index: DbIndex) -> Self {
        Self { index, cursor: Cursor::default() }
    }
}

impl Cut {
    fn write(&mut self, db: DbIndex, entry: &EntryRef<'_>) {
        let (key, value, deadline) = (entry.key(), entry.value(), entry.deadline());
        Effect::Put { db, key, value, deadline }.encode(&mut self.records);
        self.count += 1;
    }

    /// Writes some keys of a database; `epoch` is the bit of entries that are not of the cut any
    /// more.
    fn step(&mut self, db: &mut Db, epoch: bool) {
        let Some(DbCut { index, cursor }) = db.cut else { return };
        // Entries lie anywhere: fetched all at once, they are not waited for one by one.
        db.dict().scan(cursor, STEP_KEYS, &mut |entry| entry.prefetch());
        let next = db.dict().scan(cursor, STEP_KEYS, &mut |entry| {
            if entry.epoch() != epoch {
                self.write(index, &entry);
                entry.set_epoch(epoch);
            }
        });
        let end = Cursor::end_of(db.dict().slots());
        db.cut = (next < end).then_some(DbCut { index, cursor: next });
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

    /// Writes the next slice of the cut: under a millisecond of work, unless there are long values.
    /// To be called until [`Partition::take_cut`] gives the last batch.
    pub fn cut_slice(&mut self) {
        let Some(cut) = self.cut.as_deref_mut() else { return };
        let before = (cut.count, cut.records.len());
        while cut.count - before.0 < SLICE_KEYS as u64 && cut.records.len() - before.1 < SLICE_BYTES
        {
            if let Some(db) = self.dbs.iter_mut().flatten().find(|db| db.cut.is_some()) {
                cut.step(db, self.epoch);
                continue;
            }
            let Some(mut db) = cut.aside.pop() else {
                cut.finished = true;
                return;
            };
            cut.step(&mut db, self.epoch);
            if db.cut.is_some() {
                cut.aside.push(db);
            } else {
                self.garbage.push(Garbage::Db(db));
            }
        }
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
        if !cut.finished && cut.records.len() < BATCH_BYTES {
            return None;
        }
        let last = cut.finished;
        let (count, records) = (std::mem::take(&mut cut.count), std::mem::take(&mut cut.records));
        if last {
            self.cut = None;
        }
        Some(CutBatch { shard: self.id(), count, records, last })
    }

    /// The entry at `place` is about to change or to go: it is written first if it is of the cut.
    #[cold]
    #[inline(never)]
    pub(crate) fn write_before_change(&mut self, db: DbIndex, place: Option<Place>) {
        let data = self.dbs.get(db.index()).and_then(Option::as_deref);
        let (Some(cut), Some(data), Some(place)) = (self.cut.as_deref_mut(), data, place) else {
            return;
        };
        let entry = data.entry(place);
        if let Some(DbCut { index, .. }) = data.cut
            && entry.epoch() != self.epoch
        {
            cut.write(index, &entry);
            entry.set_epoch(self.epoch);
        }
    }

    /// The same of an entry that was just taken out of a database.
    pub(crate) fn write_removed(&mut self, of: Option<DbCut>, entry: &EntryRef<'_>) {
        if let (Some(cut), Some(DbCut { index, .. })) = (self.cut.as_deref_mut(), of)
            && entry.epoch() != self.epoch
        {
            cut.write(index, entry);
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
