//! What a start does with an RDB file: it is imported where the data directory has nothing yet, and
//! loaded into memory where nothing is kept.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shardwright_journal::{Disk, Ground, Progress, ground};
use shardwright_store::types::ShardMap;
use thiserror::Error;

use super::import::{self, ImportError};
use super::reading::{Counts, RdbError, Rules};
use crate::recovery::{MakePartition, Partitions};

/// A file that a start cannot do without and cannot load.
#[derive(Debug, Error)]
#[error("the RDB file {path} cannot be loaded: {source}")]
pub struct StartError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: ImportError,
}

/// Imports the file `name` of a data directory, if there is one and nothing else. Tells what it had.
///
/// # Errors
/// It cannot be imported: nothing is kept.
pub fn import(
    disk: &Arc<Disk>,
    name: &str,
    layout: (ShardMap, Rules),
    progress: &mut dyn Progress,
) -> Result<Option<Counts>, StartError> {
    let path = disk.path().join(name);
    let failed = |source| StartError { path: path.clone(), source };
    if ground(disk).map_err(|error| failed(error.into()))? == Ground::Built {
        return Ok(None);
    }
    let Some(file) = open(&path, name).map_err(|error| failed(error.into()))? else {
        return Ok(None);
    };
    progress.begin(file.metadata().map_or(0, |found| found.len()));
    let origin = path.display().to_string();
    let imported = import::import(disk, file, &origin, layout, progress);
    let counts = imported.map_err(failed)?.counts;
    tell(&path, &counts);
    Ok(Some(counts))
}

/// Loads the file `name` of the working directory, if there is one, into partitions.
///
/// # Errors
/// It cannot be loaded.
pub fn load(
    name: &str,
    layout: (ShardMap, Rules),
    make: &MakePartition,
    cores: usize,
    progress: &mut dyn Progress,
) -> Result<Option<(Partitions, Counts)>, StartError> {
    let path = std::path::absolute(name).unwrap_or_else(|_| PathBuf::from(name));
    let failed = |source: RdbError| StartError { path: path.clone(), source: source.into() };
    let Some(file) = open(Path::new(name), name).map_err(failed)? else { return Ok(None) };
    progress.begin(file.metadata().map_or(0, |found| found.len()));
    let loaded = import::load(file, layout, make, cores, progress);
    let (partitions, counts) = loaded.map_err(failed)?;
    tell(&path, &counts);
    Ok(Some((partitions, counts)))
}

/// Opens a file if it is there. No file has an empty name.
fn open(path: &Path, name: &str) -> Result<Option<File>, RdbError> {
    if name.is_empty() {
        return Ok(None);
    }
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(RdbError::Read(error)),
    }
}

fn tell(path: &Path, counts: &Counts) {
    let (keys, expired) = (counts.loaded, counts.expired);
    tracing::info!(path = %path.display(), keys, expired, "an RDB file was loaded");
    warn_of_modules(counts);
}

/// Says in the log which modules' data was passed over.
pub fn warn_of_modules(counts: &Counts) {
    for module in &counts.modules {
        tracing::warn!(module, "data of a module was passed over");
    }
}
