//! RDB files in and out: what stands between the codec, which knows their bytes, and the effects that
//! make keys.
//!
//! * [`reading`] gives the keys of a file one by one, [`spread`] gathers them as effects by partition.
//! * [`import`] makes a data directory of a file, or loads one straight into memory; [`start`] says
//!   which of the two a start does, if any.
//! * [`writing`] writes a file, from a checkpoint or from partitions.
//! * [`reload`] is DEBUG RELOAD.
//!
//! Files pass in pieces: none is ever in memory as a whole.

pub mod import;
pub mod reading;
pub mod reload;
pub mod spread;
pub mod start;
pub mod writing;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use reading::Counts;

/// What the process knows of RDB files.
#[derive(Debug, Default)]
pub struct RdbState {
    /// Held by whoever writes the file of `dbfilename`, until it has read back what it wants of it.
    pub file: Mutex<()>,
    loaded: AtomicU64,
    expired: AtomicU64,
}

impl RdbState {
    /// A file was loaded.
    pub fn loaded(&self, counts: &Counts) {
        self.loaded.store(counts.loaded, Relaxed);
        self.expired.store(counts.expired, Relaxed);
    }

    /// Keys of the file that was loaded last; those that were left out, since their time had come.
    pub fn last_load(&self) -> (u64, u64) {
        (self.loaded.load(Relaxed), self.expired.load(Relaxed))
    }
}
