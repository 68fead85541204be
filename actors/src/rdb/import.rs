//! A file becomes a data directory, or is loaded straight into memory.

use std::io::Read;
use std::sync::Arc;

use shardwright_codec::log::{Lsn, Part, Record, RecordHead};
use shardwright_journal::{Disk, Founding, JournalError, Progress, Replay};
use shardwright_store::types::ShardMap;
use thiserror::Error;

use super::reading::{Counts, RdbError, Rules};
use super::spread::spread;
use crate::recovery::{Loader, MakePartition, Partitions};

/// Why a file was not imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file is wrong.
    #[error(transparent)]
    File(#[from] RdbError),
    /// The directory cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What became of an import.
#[derive(Debug)]
pub struct Imported {
    /// What the file had.
    pub counts: Counts,
    /// Bytes of the checkpoint that has it now.
    pub len: u64,
}

/// Makes a data directory of the keys of a file, spread as over the shards of `map`: a server with as
/// many loads them fastest. `origin` says where the file is, for people.
///
/// # Errors
/// The file is wrong or the directory cannot be written: nothing is kept.
pub fn import(
    disk: &Arc<Disk>,
    file: impl Read,
    origin: &str,
    (map, rules): (ShardMap, Rules),
    progress: &mut dyn Progress,
) -> Result<Imported, ImportError> {
    let directory = rand::random();
    let mut founding = Founding::begin(Arc::clone(disk), directory, map.shards(), origin)?;
    let spread = spread(file, map, rules, progress, |shard, count, effects| {
        founding.append(shard, count, effects).map_err(ImportError::from)
    });
    match spread {
        Ok(counts) => Ok(Imported { counts, len: founding.finish()? }),
        Err(error) => {
            // If that fails the mark stays, by which the next start knows that nothing counts.
            if let Err(error) = founding.give_up() {
                tracing::warn!(%error, "what an import left could not be removed");
            }
            Err(error)
        }
    }
}

/// Loads the keys of a file into partitions of `map`, by so many cores.
///
/// # Errors
/// The file is wrong.
pub fn load(
    file: impl Read,
    (map, rules): (ShardMap, Rules),
    make: &MakePartition,
    cores: usize,
    progress: &mut dyn Progress,
) -> Result<(Partitions, Counts), RdbError> {
    let mut loader = Loader::new(make, cores);
    loader.layout(map.shards()).map_err(RdbError::Refused)?;
    let mut lsn = Lsn(0);
    let counts = spread(file, map, rules, progress, |partition, count, payload| {
        lsn = lsn.next();
        let head = RecordHead { lsn, time_ms: 0, durable: Lsn(0) };
        let parts = vec![Part { partition, first: 0, count, payload }];
        loader.record(&Record { head, parts }).map_err(RdbError::Refused)
    })?;
    Ok((loader.finish(map).map_err(RdbError::Refused)?, counts))
}
