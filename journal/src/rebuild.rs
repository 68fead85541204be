//! Making a manifest anew from the files that it named.
//!
//! Files say where they belong: their directory's number, a segment its own and its first record, a
//! checkpoint its newest record. A manifest is believed only if all of it can be read without a gap,
//! and only if there is no other one of which that is true as well.

use std::io::{self, Read};

use shardwright_codec::log::Lsn;

use crate::error::{JournalError, RecoveryError};
use crate::files::{FileHeader, FileKind, HeaderError, read_header, segment_number};
use crate::manifest::{CheckpointEntry, Manifest, SegmentEntry};
use crate::reading::{Unapplied, examine};
use crate::repair::RepairError;
use crate::storage::Storage;

/// The one manifest that these files can have had, instead of the one with this damage.
///
/// # Errors
/// There is none, or more than one, or storage failed.
pub(crate) fn rebuild(
    storage: &impl Storage,
    damage: RecoveryError,
    names: &[String],
) -> Result<(Manifest, RecoveryError), RepairError> {
    let (mut good, mut answers) = (Vec::new(), Vec::new());
    match candidates(storage, names)? {
        Ok(candidates) => {
            for manifest in candidates {
                let (_, outcome) = examine(storage, &manifest, &mut Unapplied, &mut ());
                match outcome {
                    Ok(()) => good.push(manifest),
                    Err(error @ RecoveryError::Journal(_)) => return Err(error.into()),
                    Err(error) => answers.push(format!("{}: {error}", describe(&manifest))),
                }
            }
        }
        Err(unplaced) => answers.push(unplaced),
    }
    match (good.pop(), good.as_slice()) {
        (Some(manifest), []) => Ok((manifest, damage)),
        (Some(last), others) => {
            let answers = others.iter().chain([&last]).map(describe).collect();
            Err(RepairError::ManyAnswers { damage, answers })
        }
        (None, _) => {
            if answers.is_empty() {
                answers.push("no log begins with record 1, and there is no checkpoint".to_owned());
            }
            Err(RepairError::NoAnswer { damage, answers })
        }
    }
}

fn describe(manifest: &Manifest) -> String {
    let files: Vec<String> = manifest.files().collect();
    files.join(", ")
}

/// A segment and the directory that it belongs to.
struct Placed {
    directory: u64,
    entry: SegmentEntry,
}

/// Every manifest that there could be: one for each checkpoint, and one without. If a file cannot be
/// placed, that is told instead: nobody knows what it had.
fn candidates(
    storage: &impl Storage,
    names: &[String],
) -> Result<Result<Vec<Manifest>, String>, JournalError> {
    let mut segments = Vec::new();
    let mut checkpoints = Vec::new();
    for name in names {
        let is_segment = segment_number(name).is_some();
        let kind = if is_segment { FileKind::Segment } else { FileKind::Checkpoint };
        if !is_segment && !crate::files::is_checkpoint_name(name) {
            continue;
        }
        match header(storage, name, kind)? {
            Ok(FileHeader { directory, number, lsn, .. }) if is_segment => {
                segments.push(Placed { directory, entry: SegmentEntry { number, first: lsn } });
            }
            Ok(FileHeader { directory, lsn, .. }) => {
                let len = storage.len(name).map_err(JournalError::io("look at", name))?;
                checkpoints.push((directory, CheckpointEntry { lsn, len }));
            }
            Err(why) if is_segment && !is_blank(storage, name, &why)? => {
                return Ok(Err(format!("{name} cannot be placed: {why}")));
            }
            // One that was just begun, or a checkpoint that was not finished.
            Err(_) => {}
        }
    }
    segments.sort_by_key(|segment| segment.entry.number);
    let mut all = Vec::new();
    for (directory, checkpoint) in checkpoints {
        all.push(behind(Some(checkpoint), directory, &segments));
    }
    if let Some(first) = segments.first()
        && first.entry.first == Lsn(1)
    {
        all.push(behind(None, first.directory, &segments));
    }
    Ok(Ok(all))
}

/// The manifest of this checkpoint and all segments behind it.
fn behind(checkpoint: Option<CheckpointEntry>, directory: u64, segments: &[Placed]) -> Manifest {
    let newest = checkpoint.map_or(Lsn(0), |checkpoint| checkpoint.lsn);
    let segments = segments.iter().map(|segment| segment.entry);
    let segments = segments.filter(|entry| entry.first > newest).collect();
    Manifest { directory, checkpoint, segments }
}

fn header(
    storage: &impl Storage,
    name: &str,
    kind: FileKind,
) -> Result<Result<FileHeader, HeaderError>, JournalError> {
    let mut reader = storage.open(name).map_err(JournalError::io("open", name))?;
    let read = read_header(&mut reader, kind).map_err(JournalError::io("read", name))?;
    Ok(read.map(|(header, _)| header))
}

/// Whether a segment has nothing behind its header, of which this is wrong: it was created before a
/// crash, and no manifest named it.
fn is_blank(storage: &impl Storage, name: &str, why: &HeaderError) -> Result<bool, JournalError> {
    if matches!(why, HeaderError::Truncated(_)) {
        return Ok(true);
    }
    let reader = storage.open(name).map_err(JournalError::io("open", name))?;
    let zeros =
        io::BufReader::new(reader).bytes().try_fold(true, |zeros, byte| Ok(zeros && byte? == 0));
    zeros.map_err(JournalError::io("read", name))
}
