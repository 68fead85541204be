//! Examining a data directory without changing anything in it.

use crate::error::{JournalError, RecoveryError};
use crate::files::spare_number;
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
    /// Files that a start may write over, with their lengths.
    pub spares: Vec<(String, u64)>,
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
            let (strays, spares) = (Vec::new(), Vec::new());
            return Ok(Report {
                manifest: None,
                contents: None,
                strays,
                spares,
                damage: Some(error),
            });
        }
    };
    let (contents, outcome) = examine(storage, &manifest, replay, progress);
    let damage = match outcome {
        Err(error @ RecoveryError::Journal(_)) => return Err(error),
        outcome => outcome.err(),
    };
    let with_lens = |is_wanted: &dyn Fn(&str) -> bool| {
        let mut files = Vec::new();
        for name in names.iter().filter(|name| is_wanted(name)) {
            let len = storage.len(name).map_err(JournalError::io("look at", name))?;
            files.push((name.clone(), len));
        }
        Ok::<_, JournalError>(files)
    };
    let strays = with_lens(&|name| manifest.is_stray(name))?;
    let spares = with_lens(&|name| spare_number(name).is_some())?;
    Ok(Report { manifest: Some(manifest), contents: Some(contents), strays, spares, damage })
}
