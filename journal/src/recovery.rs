//! Reading a data directory back at a start: every record that counts, in order. What a crash left
//! half written at the end is cut off.

use std::io::ErrorKind;

use shardwright_codec::log::{Lsn, Record};

use crate::error::{JournalError, RecoveryError, Spot};
use crate::files::{is_checkpoint_name, segment_number, spare_number};
use crate::founding::IMPORT;
use crate::manifest::{MANIFEST, Manifest};
use crate::progress::Progress;
use crate::reading::{Contents, examine};
use crate::sequences::Sequences;
use crate::storage::Storage;

/// Takes what is recovered.
pub trait Replay {
    /// What follows was written by a server with so many shards. What came before stays, and is to
    /// be divided anew if their number was another one.
    ///
    /// # Errors
    /// What came before does not fit; the text says why.
    fn layout(&mut self, shards: u16) -> Result<(), String>;

    /// What was replayed so far, a checkpoint, is the state behind these effects, by shard.
    ///
    /// # Errors
    /// It does not fit; the text says why.
    fn behind(&mut self, sequences: &[u64]) -> Result<(), String>;

    /// A record, in order.
    ///
    /// # Errors
    /// It does not fit what came before; the text says why.
    fn record(&mut self, record: &Record<'_>) -> Result<(), String>;
}

/// The end of the log that a crash left half written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// Where it began.
    pub spot: Spot,
    /// Bytes that were cut off.
    pub bytes: u64,
}

/// A data directory after its records were replayed: where the log goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// What counts in the directory.
    pub manifest: Manifest,
    /// The newest record; 0 if there is none.
    pub newest: Lsn,
    /// The newest effects of each partition of the last layout.
    pub sequences: Sequences,
    /// A number that no segment has or had.
    pub next_segment: u64,
    /// Records that were replayed.
    pub records: u64,
    /// Numbers and lengths of the segments.
    pub lens: Vec<(u64, u64)>,
    /// What was cut off at the end.
    pub torn: Option<TornTail>,
}

/// Replays a data directory, its checkpoint and all records behind that, and cuts off what a crash
/// left half written at the end. A directory without a log is given the number `directory` and has
/// none.
///
/// # Errors
/// Storage failed, or something is damaged that no crash explains. Nothing was changed then.
pub fn recover(
    storage: &impl Storage,
    directory: u64,
    replay: &mut impl Replay,
    progress: &mut dyn Progress,
) -> Result<Recovered, RecoveryError> {
    let names = names(storage)?;
    let manifest = match read_manifest(storage, &names)? {
        Some(manifest) => manifest,
        None => Manifest { directory, checkpoint: None, segments: Vec::new() },
    };
    let (contents, outcome) = examine(storage, &manifest, replay, progress);
    outcome?;
    if let (Some(last), Some((_, end))) = (manifest.segments.last(), contents.lens.last()) {
        // What was read counts from now on, whether its writer had synced it or not.
        let file = last.name();
        storage.settle(&file, *end).map_err(JournalError::io("sync", &file))?;
    }
    let Contents { newest, sequences, records, lens, torn, .. } = contents;
    let next_segment = next_segment(&names);
    Ok(Recovered { manifest, newest, sequences, next_segment, records, lens, torn })
}

/// Names of all files of a directory.
pub(crate) fn names(storage: &impl Storage) -> Result<Vec<String>, JournalError> {
    storage.names().map_err(JournalError::io("list", "the directory"))
}

/// The manifest among these files; nothing if there is no file that it would have to name.
pub(crate) fn read_manifest(
    storage: &impl Storage,
    names: &[String],
) -> Result<Option<Manifest>, RecoveryError> {
    match storage.read(MANIFEST) {
        Ok(bytes) => return Ok(Some(Manifest::decode(&bytes)?)),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(JournalError::io("read", MANIFEST)(error).into()),
    }
    if names.iter().any(|name| name == IMPORT) {
        return Err(RecoveryError::Unfinished);
    }
    match names.iter().find(|name| is_journal_name(name)) {
        Some(name) => Err(RecoveryError::NoManifest(name.clone())),
        None => Ok(None),
    }
}

/// Whether a file of this name is a segment, a spare or a checkpoint.
pub(crate) fn is_journal_name(name: &str) -> bool {
    segment_number(name).or(spare_number(name)).is_some() || is_checkpoint_name(name)
}

/// A number that none of these segments has, nor had any that is a spare now: what it still has must
/// not be taken for that of a new one.
pub(crate) fn next_segment(names: &[String]) -> u64 {
    let newest = names.iter().filter_map(|name| segment_number(name).or(spare_number(name))).max();
    newest.map_or(1, |number| number + 1)
}
