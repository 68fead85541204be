//! The log as it is written: records are encoded into a buffer, written to the newest segment, and
//! made durable by a sync, each when the owner says so.

use shardwright_codec::log::{Lsn, Part, RecordHead};

use crate::error::JournalError;
use crate::manifest::{Manifest, SegmentEntry};
use crate::recovery::Recovered;
use crate::segment::{SegmentHeader, segment_number};
use crate::sequences::Sequences;
use crate::storage::{Storage, StorageFile};

/// How a log is kept.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions {
    /// Bytes after which a segment is followed by another one.
    pub segment_bytes: u64,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20 }
    }
}

/// The log of a data directory.
pub struct Log<S: Storage> {
    storage: S,
    options: LogOptions,
    manifest: Manifest,
    segment: S::File,
    segment_name: String,
    segment_len: u64,
    /// Bytes of the segments before.
    before: u64,
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
    syncs: u64,
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
        let Recovered { mut manifest, sequences, newest, next_segment, bytes, .. } = recovered;
        let same_layout = sequences.newest().len() == usize::from(partitions);
        let sequences = if same_layout { sequences } else { Sequences::new(partitions) };
        if manifest.segments.is_empty() {
            // There is a manifest before there is anything that it could have to name.
            manifest.store(&storage)?;
        }
        // A segment without records says nothing.
        manifest.segments.retain(|segment| segment.first <= newest);
        let (segment, segment_name, segment_len) =
            next(&storage, &mut manifest, next_segment, newest, &sequences)?;
        remove_strays(&storage, &manifest)?;
        Ok(Self {
            storage,
            options,
            manifest,
            segment,
            segment_name,
            segment_len,
            before: bytes,
            sequences,
            buffer: Vec::new(),
            taken: newest,
            written: newest,
            durable: newest,
            failed: false,
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
        head.encode(parts, &mut self.buffer);
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
            let failed = JournalError::io("write", &log.segment_name);
            log.segment.write(&log.buffer).map_err(failed)?;
            log.segment_len += log.buffer.len() as u64;
            log.written = log.taken;
            log.buffer.clear();
            if log.buffer.capacity() > KEPT_BUFFER {
                log.buffer = Vec::new();
            }
            if log.segment_len < log.options.segment_bytes { Ok(()) } else { log.rotate() }
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

    /// Makes everything durable, and leaves a last record without effects that says so. `time_ms` is
    /// the time.
    ///
    /// # Errors
    /// Storage failed, now or before.
    pub fn close(&mut self, time_ms: i64) -> Result<(), JournalError> {
        self.sync()?;
        self.append(time_ms, &[])?;
        self.sync()
    }

    /// The newest record that was taken.
    pub fn taken(&self) -> Lsn {
        self.taken
    }

    /// The newest record that is durable.
    pub fn durable(&self) -> Lsn {
        self.durable
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
        self.before + self.segment_len
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
            self.segment.sync().map_err(JournalError::io("sync", &self.segment_name))?;
            self.syncs += 1;
            self.durable = self.written;
        }
        Ok(())
    }

    /// Ends the segment and begins the next one. The buffer is empty.
    fn rotate(&mut self) -> Result<(), JournalError> {
        self.sync_segment()?;
        let last = self.manifest.segments.last().map_or(0, |segment| segment.number);
        self.before += self.segment_len;
        let Self { storage, manifest, sequences, .. } = self;
        (self.segment, self.segment_name, self.segment_len) =
            next(storage, manifest, last + 1, self.written, sequences)?;
        Ok(())
    }
}

/// Begins a segment behind record `newest`, durably. Returns the file, its name and its length.
fn next<S: Storage>(
    storage: &S,
    manifest: &mut Manifest,
    number: u64,
    newest: Lsn,
    sequences: &Sequences,
) -> Result<(S::File, String, u64), JournalError> {
    let entry = SegmentEntry { number, first: newest.next() };
    let name = entry.name();
    let header = SegmentHeader {
        directory: manifest.directory,
        number,
        first: entry.first,
        sequences: sequences.newest().to_vec(),
    };
    let bytes = header.encode();
    let mut file = storage.create(&name).map_err(JournalError::io("create", &name))?;
    file.write(&bytes).map_err(JournalError::io("write", &name))?;
    file.sync().map_err(JournalError::io("sync", &name))?;
    storage.sync_directory().map_err(JournalError::io("sync the directory of", &name))?;
    manifest.segments.push(entry);
    manifest.store(storage)?;
    Ok((file, name, bytes.len() as u64))
}

/// Removes segments that the manifest does not name: their records, if any, count elsewhere or
/// never did.
fn remove_strays(storage: &impl Storage, manifest: &Manifest) -> Result<(), JournalError> {
    let names = storage.names().map_err(JournalError::io("list", "the directory"))?;
    let mut removed = false;
    for name in names {
        let Some(number) = segment_number(&name) else { continue };
        if manifest.segments.iter().all(|segment| segment.number != number) {
            storage.remove(&name).map_err(JournalError::io("remove", &name))?;
            removed = true;
        }
    }
    if removed {
        let failed = JournalError::io("sync", "the directory");
        storage.sync_directory().map_err(failed)?;
    }
    Ok(())
}
