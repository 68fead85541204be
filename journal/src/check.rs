//! Examining a data directory without changing anything in it.

use crate::error::{JournalError, RecoveryError};
use crate::manifest::Manifest;
use crate::progress::Progress;
use crate::reading::{Contents, examine};
use crate::recovery::{Replay, names, read_manifest};
use crate::storage::Storage;

/// What was found in a data directory.
#[derive(Debug)]
pub struct Report {
    /// Its manifest, if that can be read.
    pub manifest: Option<Manifest>,
    /// What the files contain, as far as they were read.
    pub contents: Option<Contents>,
    /// Files that do not count, with their lengths: a start removes them.
    pub strays: Vec<(String, u64)>,
    /// What would end a start.
    pub damage: Option<RecoveryError>,
}

/// Reads a directory as a start would, and tells what is there.
///
/// # Errors
/// There is no data, or storage failed: nothing can be said.
pub fn check(
    storage: &impl Storage,
    replay: &mut impl Replay,
    progress: &mut dyn Progress,
) -> Result<Report, RecoveryError> {
    let names = names(storage)?;
    let manifest = match read_manifest(storage, &names) {
        Ok(manifest) => manifest.ok_or(RecoveryError::NoData)?,
        Err(error @ RecoveryError::Journal(_)) => return Err(error),
        Err(error) => {
            let (manifest, contents, strays) = (None, None, Vec::new());
            return Ok(Report { manifest, contents, strays, damage: Some(error) });
        }
    };
    let (contents, outcome) = examine(storage, &manifest, replay, progress);
    let damage = match outcome {
        Err(error @ RecoveryError::Journal(_)) => return Err(error),
        outcome => outcome.err(),
    };
    let mut strays = Vec::new();
    for name in names.into_iter().filter(|name| manifest.is_stray(name)) {
        let len = storage.len(&name).map_err(JournalError::io("look at", &name))?;
        strays.push((name, len));
    }
    Ok(Report { manifest: Some(manifest), contents: Some(contents), strays, damage })
}
