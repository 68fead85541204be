//! The log as it is written: records are encoded into a buffer, written to the newest segment, and
//! made durable by a sync, each when the owner says so.

use std::io::ErrorKind;

use shardwright_codec::log::{Lsn, Part, RecordHead, Tie};

use crate::checkpoint::CheckpointMark;
use crate::error::JournalError;
use crate::files::{FileHeader, FileKind, segment_name};
use crate::manifest::{CheckpointEntry, MANIFEST, Manifest, SegmentEntry};
use crate::recovery::Recovered;
use crate::sequences::Sequences;
use crate::spares::{self, Spare};
use crate::storage::{Storage, StorageFile};

/// How a log is kept.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions {
    /// Bytes after which a segment is followed by another one.
    pub segment_bytes: u64,
    /// Segments that are no longer needed and kept at most, to become the next ones.
    pub spares: usize,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, spares: 8 }
    }
}

/// The log of a data directory.
pub struct Log<S: Storage> {
    storage: S,
    options: LogOptions,
    manifest: Manifest,
    segment: Segment<S::File>,
    /// The greatest number that a segment has or was to have: none is used twice, since a manifest
    /// that could not be stored for certain may name it.
    number: u64,
    /// Numbers and lengths of the segments before.
    ended: Vec<(u64, u64)>,
    sequences: Sequences,
    /// Encoded and not written.
    buffer: Vec<u8>,
    /// The newest record that was taken.
    taken: Lsn,
    /// The newest record that was written.
    written: Lsn,
    /// The newest record that is durable.
    durable: Lsn,
    failed: bool,
    /// The log failed, and a checkpoint behind this record makes good what it lost.
    given_up: Option<Lsn>,
    syncs: u64,
}

/// The segment that is being written.
struct Segment<F> {
    file: F,
    name: String,
    len: u64,
    /// Bytes that the file had before.
    former_len: u64,
    tie: Tie,
}

/// Bytes of an emptied buffer that are kept for the next records.
const KEPT_BUFFER: usize = 4 << 20;

impl<S: Storage> Log<S> {
    /// Goes on with what was recovered, in a new segment, for so many partitions. If there are as
    /// many as there were, their effects go on being counted where they stopped, otherwise from 1.
    ///
    /// # Errors
    /// Storage failed.
    pub fn begin(
        storage: S,
        options: LogOptions,
        recovered: Recovered,
        partitions: u16,
    ) -> Result<Self, JournalError> {
        let Recovered { mut manifest, sequences, newest, next_segment, mut lens, .. } = recovered;
        let same_layout = sequences.newest().len() == usize::from(partitions);
        let sequences = if same_layout { sequences } else { Sequences::new(partitions) };
        if manifest.segments.is_empty() && manifest.checkpoint.is_none() {
            // There is a manifest before there is anything that it could have to name.
            manifest.store(&storage)?;
        }
        // A segment without records says nothing.
        manifest.segments.retain(|segment| segment.first <= newest);
        lens.retain(|(number, _)| manifest.segments.iter().any(|other| other.number == *number));
        let segment = next(&storage, options, &mut manifest, next_segment, newest, &sequences)?;
        spares::tidy(&storage, options, &manifest, &[])?;
        Ok(Self {
            storage,
            options,
            manifest,
            segment,
            number: next_segment,
            ended: lens,
            sequences,
            buffer: Vec::new(),
            taken: newest,
            written: newest,
            durable: newest,
            failed: false,
            given_up: None,
            syncs: 0,
        })
    }

    /// Takes a record into the buffer and gives it its number. `time_ms` is the time.
    ///
    /// # Errors
    /// A partition's effects do not go on where they stopped, or the log failed before. Nothing
    /// more is taken then.
    pub fn append(&mut self, time_ms: i64, parts: &[Part<'_>]) -> Result<Lsn, JournalError> {
        self.check()?;
        for part in parts {
            if let Err(gap) = self.sequences.take(part) {
                self.failed = true;
                return Err(gap.into());
            }
        }
        self.taken = self.taken.next();
        let head = RecordHead { lsn: self.taken, time_ms, durable: self.durable };
        head.encode(self.segment.tie, parts, &mut self.buffer);
        Ok(self.taken)
    }

    /// Writes what was taken. Goes on to another segment if this one is full.
    ///
    /// # Errors
    /// Storage failed, now or before.
    pub fn write(&mut self) -> Result<(), JournalError> {
        self.check()?;
        self.guarded(|log| {
            if log.buffer.is_empty() {
                return Ok(());
            }
            let failed = JournalError::io("write", &log.segment.name);
            log.segment.file.write(&log.buffer).map_err(failed)?;
            log.segment.len += log.buffer.len() as u64;
            log.written = log.taken;
            log.buffer.clear();
            if log.buffer.capacity() > KEPT_BUFFER {
                log.buffer = Vec::new();
            }
            if log.segment.len < log.options.segment_bytes { Ok(()) } else { log.rotate() }
        })
    }

    /// Writes what was taken and makes it durable.
    ///
    /// # Errors
    /// Storage failed, now or before.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.write()?;
        self.guarded(Self::sync_segment)
    }

    /// Ends the segment: a checkpoint of the state behind all that was taken can begin, and the next
    /// record begins a segment. What was taken is durable then. Where nothing was taken since the
    /// checkpoint that counts, a record without parts of `time_ms` gives the next one a number, and
    /// so a file, of its own: the one that counts is never written over.
    ///
    /// # Errors
    /// Storage failed, now or before.
    pub fn cut(&mut self, time_ms: i64) -> Result<CheckpointMark, JournalError> {
        if self.manifest.checkpoint.is_some_and(|checkpoint| checkpoint.lsn == self.taken) {
            self.append(time_ms, &[])?;
        }
        self.write()?;
        let is_new = self.manifest.segments.last().is_some_and(|last| last.first > self.written);
        if !is_new {
            self.guarded(Self::rotate)?;
        }
        Ok(CheckpointMark {
            lsn: self.written,
            directory: self.manifest.directory,
            sequences: self.sequences.newest().to_vec(),
        })
    }

    /// Takes it that all partitions have come to these effects without a record of it: for a server
    /// that keeps checkpoints alone. Only between checkpoints.
    ///
    /// # Errors
    /// The log failed before.
    pub fn skip_to(&mut self, newest: Vec<u64>) -> Result<(), JournalError> {
        self.check()?;
        self.sequences = newest.into();
        self.taken = self.taken.next();
        (self.written, self.durable) = (self.taken, self.taken);
        Ok(())
    }

    /// After a failure: a checkpoint of what partitions have behind these effects can make good what
    /// the log lost. Nothing is taken until [`Log::begin_anew`] lets it count.
    pub fn give_up(&mut self, newest: Vec<u64>) -> CheckpointMark {
        self.buffer = Vec::new();
        self.taken = self.taken.next();
        self.sequences = newest.into();
        (self.failed, self.given_up) = (true, Some(self.taken));
        // There may have been no room, and the checkpoint needs it.
        spares::give_up(&self.storage);
        CheckpointMark {
            lsn: self.taken,
            directory: self.manifest.directory,
            sequences: self.sequences.newest().to_vec(),
        }
    }

    /// Whether a checkpoint behind this record is the one for which the log was given up last.
    pub fn was_given_up_at(&self, lsn: Lsn) -> bool {
        self.given_up == Some(lsn)
    }

    /// The checkpoint after [`Log::give_up`] is durable: it counts instead of all before, and the log
    /// goes on behind it in a new segment.
    ///
    /// # Errors
    /// Storage failed: the log takes nothing, as before, and the checkpoint is gone unless it is
    /// unknown whether it counts.
    pub fn begin_anew(&mut self, checkpoint: CheckpointEntry) -> Result<(), JournalError> {
        self.number += 1;
        let mut manifest = Manifest {
            directory: self.manifest.directory,
            checkpoint: Some(checkpoint),
            segments: Vec::new(),
        };
        let lsn = checkpoint.lsn;
        let Self { storage, options, number, sequences, .. } = self;
        self.segment = next(storage, *options, &mut manifest, *number, lsn, sequences)
            .inspect_err(|_| take_back(storage, checkpoint, *number))?;
        self.manifest = manifest;
        (self.taken, self.written, self.durable) = (lsn, lsn, lsn);
        self.ended.clear();
        (self.failed, self.given_up) = (false, None);
        // What is left over costs room and nothing else: the next checkpoint tries again. Nothing of it
        // becomes a spare: what a failure left of a file is not known.
        let _ = spares::tidy(&self.storage, self.options, &self.manifest, &[]);
        Ok(())
    }

    /// A checkpoint is durable: it counts from now on, and what came before it goes.
    ///
    /// # Errors
    /// Storage failed. The log goes on if it could go on before, unless it is unknown which files
    /// count now.
    pub fn install(&mut self, checkpoint: CheckpointEntry) -> Result<(), JournalError> {
        self.check()?;
        let counted = self.manifest.segments.clone();
        self.guarded(|log| {
            log.manifest.checkpoint = Some(checkpoint);
            log.manifest.segments.retain(|segment| segment.first > checkpoint.lsn);
            log.manifest.store(&log.storage)
        })?;
        spares::tidy(&self.storage, self.options, &self.manifest, &counted)?;
        let Self { ended, manifest, .. } = self;
        ended.retain(|(number, _)| manifest.segments.iter().any(|other| other.number == *number));
        Ok(())
    }

    /// Makes everything durable, and leaves a last record without effects that says so. `time_ms` is
    /// the time.
    ///
    /// # Errors
    /// Storage failed, now or before.
    pub fn close(&mut self, time_ms: i64) -> Result<(), JournalError> {
        self.sync()?;
        self.append(time_ms, &[])?;
        self.sync()?;
        self.guarded(|log| {
            let Segment { name, len, former_len, .. } = &log.segment;
            if len >= former_len {
                return Ok(());
            }
            // The next start need not look for the end, nor does the rest take room until then.
            log.storage.settle(name, *len).map_err(JournalError::io("cut off", name))
        })
    }

    /// Whether something failed, so that the log takes nothing more.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// The newest record that was taken.
    pub fn taken(&self) -> Lsn {
        self.taken
    }

    /// The newest record that is durable.
    pub fn durable(&self) -> Lsn {
        self.durable
    }

    /// Where it is kept.
    pub fn storage(&self) -> &S {
        &self.storage
    }

    /// Bytes that were taken and not written.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// How often the log was synced.
    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    /// The newest effects, by partition.
    pub fn sequences(&self) -> &[u64] {
        self.sequences.newest()
    }

    /// Number of segments.
    pub fn segments(&self) -> usize {
        self.manifest.segments.len()
    }

    /// Bytes of all segments.
    pub fn size(&self) -> u64 {
        self.ended.iter().map(|(_, len)| len).sum::<u64>() + self.segment.len
    }

    fn check(&self) -> Result<(), JournalError> {
        if self.failed { Err(JournalError::Failed) } else { Ok(()) }
    }

    /// Does something after whose failure nothing may follow.
    fn guarded(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let outcome = act(self);
        self.failed |= outcome.is_err();
        outcome
    }

    fn sync_segment(&mut self) -> Result<(), JournalError> {
        if self.durable < self.written {
            self.segment.file.sync().map_err(JournalError::io("sync", &self.segment.name))?;
            self.syncs += 1;
            self.durable = self.written;
        }
        Ok(())
    }

    /// Ends the segment and begins the next one. The buffer is empty.
    fn rotate(&mut self) -> Result<(), JournalError> {
        self.sync_segment()?;
        let last = self.manifest.segments.last().map_or(0, |segment| segment.number);
        self.ended.push((last, self.segment.len));
        self.number += 1;
        let Self { storage, options, manifest, number, written, sequences, .. } = self;
        self.segment = next(storage, *options, manifest, *number, *written, sequences)?;
        Ok(())
    }
}

/// Begins a segment behind record `newest`, durably: over a spare if there is one.
fn next<S: Storage>(
    storage: &S,
    options: LogOptions,
    manifest: &mut Manifest,
    number: u64,
    newest: Lsn,
    sequences: &Sequences,
) -> Result<Segment<S::File>, JournalError> {
    let entry = SegmentEntry { number, first: newest.next() };
    let header = FileHeader {
        directory: manifest.directory,
        number,
        lsn: entry.first,
        former_len: Some(0),
        sequences: sequences.newest().to_vec(),
    };
    let name = entry.name();
    let reused = if options.spares > 0 { reuse(storage, &name, &header)? } else { None };
    let segment = match reused {
        Some(segment) => segment,
        None => {
            let mut file = storage.create(&name).map_err(JournalError::io("create", &name))?;
            let len = begin(&mut file, &name, &header)?;
            Segment { file, name, len, former_len: 0, tie: header.tie() }
        }
    };
    let failed = JournalError::io("sync the directory of", &segment.name);
    storage.sync_directory().map_err(failed)?;
    manifest.segments.push(entry);
    manifest.store(storage)?;
    Ok(segment)
}

/// Gives back the room of a checkpoint and a segment that could not be made to count: the next try
/// writes others, and there may be room for one checkpoint only. They stay if the manifest names them
/// all the same, or cannot be read.
fn take_back(storage: &impl Storage, checkpoint: CheckpointEntry, number: u64) {
    let manifest = storage.read(MANIFEST).ok().and_then(|bytes| Manifest::decode(&bytes).ok());
    if manifest.is_some_and(|manifest| manifest.checkpoint != Some(checkpoint)) {
        for name in [checkpoint.name(), segment_name(number)] {
            // What stays takes room until the next checkpoint counts, and nothing else.
            let _ = storage.remove(&name);
        }
        let _ = storage.sync_directory();
    }
}

/// Begins a segment over a spare. That has its header before it has its name, so that a file with
/// the name of a segment never has another one's header.
fn reuse<S: Storage>(
    storage: &S,
    name: &str,
    header: &FileHeader,
) -> Result<Option<Segment<S::File>>, JournalError> {
    let Some(Spare { name: spare, mut file, len: former_len }) = spares::take(storage)? else {
        return Ok(None);
    };
    let header = FileHeader { former_len: Some(former_len), ..header.clone() };
    let len = begin(&mut file, &spare, &header)?;
    match storage.rename(&spare, name) {
        Ok(()) => {
            let (name, tie) = (name.to_owned(), header.tie());
            Ok(Some(Segment { file, name, len, former_len, tie }))
        }
        // A checkpoint for which there was no room has removed it.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(JournalError::io("rename", &spare)(error)),
    }
}

/// Writes a segment's header, durably; returns its length.
fn begin(
    file: &mut impl StorageFile,
    name: &str,
    header: &FileHeader,
) -> Result<u64, JournalError> {
    let bytes = header.encode(FileKind::Segment);
    file.write(&bytes).map_err(JournalError::io("write", name))?;
    file.sync().map_err(JournalError::io("sync", name))?;
    Ok(bytes.len() as u64)
}
