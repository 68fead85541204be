//! Checkpoints: the state of all partitions behind one record of the log, as effects that make it.
//!
//! A checkpoint is a file of its own: a header, then records as the log has them, numbered from 1,
//! whose parts are the partitions' keys in any order, and a last one without parts, behind which the
//! file ends. It counts when the manifest says so, and is damaged or not as a whole.

use std::io::{BufReader, Read};

use shardwright_codec::log::{
    Assembled, Assembler, FRAME_HEADER, Frame, Lsn, Part, Record, RecordHead, Tie,
};

use crate::error::{JournalError, RecoveryError, Spot, Trouble};
use crate::files::{FileHeader, FileKind, checkpoint_name, fill, read_header};
use crate::manifest::{CheckpointEntry, Manifest};
use crate::progress::PIECE;
use crate::reading::open;
use crate::recovery::Replay;
use crate::spares;
use crate::storage::{Storage, StorageFile};

/// Bytes that are gathered before they are written.
const WRITE_BYTES: usize = 1 << 20;

/// Where a checkpoint belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointMark {
    /// The newest record that it contains.
    pub lsn: Lsn,
    /// The directory's number.
    pub directory: u64,
    /// The newest effect of each partition in it.
    pub sequences: Vec<u64>,
}

/// A checkpoint that is being written.
pub struct CheckpointWriter<S: Storage> {
    storage: S,
    lsn: Lsn,
    name: String,
    file: S::File,
    buffer: Vec<u8>,
    /// Number of the newest record in the file.
    newest: Lsn,
    len: u64,
}

impl<S: Storage> CheckpointWriter<S> {
    /// Begins a checkpoint.
    ///
    /// # Errors
    /// Storage failed.
    pub fn begin(storage: S, mark: CheckpointMark) -> Result<Self, JournalError> {
        let CheckpointMark { lsn, directory, sequences } = mark;
        let name = checkpoint_name(lsn);
        let file = storage.create(&name).map_err(JournalError::io("create", &name))?;
        let buffer = FileHeader { directory, number: 0, lsn, former_len: None, sequences }
            .encode(FileKind::Checkpoint);
        Ok(Self { storage, lsn, name, file, buffer, newest: Lsn(0), len: 0 })
    }

    /// Adds keys of a partition: `count` effects, one behind the other.
    ///
    /// # Errors
    /// Storage failed. The checkpoint is to be given up then; its file is removed.
    pub fn append(
        &mut self,
        partition: u16,
        count: u64,
        effects: &[u8],
    ) -> Result<(), JournalError> {
        self.record(&[Part { partition, first: 0, count, payload: effects }]);
        if self.buffer.len() < WRITE_BYTES {
            return Ok(());
        }
        let outcome = self.write();
        self.unless_failed(outcome)
    }

    /// Ends the checkpoint and makes it durable.
    ///
    /// # Errors
    /// Storage failed. The checkpoint is to be given up then.
    pub fn finish(mut self) -> Result<CheckpointEntry, JournalError> {
        let outcome = self.end();
        self.unless_failed(outcome)
    }

    /// What failed is of no use, and must not take room that the log needs. Nor must spares: there may
    /// have been no room, and the next checkpoint needs it.
    fn unless_failed<T>(&self, outcome: Result<T, JournalError>) -> Result<T, JournalError> {
        if outcome.is_err() {
            // If that fails too, the next start or checkpoint removes it. The directory is synced behind.
            let _ = self.storage.remove(&self.name);
            spares::give_up(&self.storage);
        }
        outcome
    }

    fn end(&mut self) -> Result<CheckpointEntry, JournalError> {
        self.record(&[]);
        self.write()?;
        self.file.sync().map_err(JournalError::io("sync", &self.name))?;
        let failed = JournalError::io("sync the directory of", &self.name);
        self.storage.sync_directory().map_err(failed)?;
        Ok(CheckpointEntry { lsn: self.lsn, len: self.len })
    }

    /// Bytes written so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn record(&mut self, parts: &[Part<'_>]) {
        self.newest = self.newest.next();
        RecordHead { lsn: self.newest, time_ms: 0, durable: self.lsn }.encode(
            Tie::NONE,
            parts,
            &mut self.buffer,
        );
    }

    fn write(&mut self) -> Result<(), JournalError> {
        self.file.write(&self.buffer).map_err(JournalError::io("write", &self.name))?;
        self.len += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// Replays a checkpoint of the directory with this number, without what came after it.
///
/// # Errors
/// Storage failed, it is damaged, or `replay` refused something.
pub fn read_checkpoint(
    storage: &impl Storage,
    directory: u64,
    entry: CheckpointEntry,
    replay: &mut impl Replay,
) -> Result<(), RecoveryError> {
    let reader = open(storage, &entry.name())?;
    let manifest = Manifest { directory, checkpoint: Some(entry), segments: Vec::new() };
    replay_checkpoint(reader, &manifest, entry, replay).map(drop)
}

/// Replays a checkpoint from its file. Returns the sequences behind it.
pub(crate) fn replay_checkpoint(
    reader: impl Read,
    manifest: &Manifest,
    entry: CheckpointEntry,
    replay: &mut impl Replay,
) -> Result<Vec<u64>, RecoveryError> {
    let file = entry.name();
    let mut pieces = Pieces {
        reader: BufReader::with_capacity(PIECE, reader),
        buffer: Vec::new(),
        at: 0,
        file: &file,
    };
    let header = pieces.header()?;
    for (what, wanted, found) in [
        ("directory", manifest.directory, header.directory),
        ("newest record", entry.lsn.0, header.lsn.0),
    ] {
        if wanted != found {
            return Err(RecoveryError::Foreign { file, what, wanted, found });
        }
    }
    let layout = |why| RecoveryError::Layout { file: file.clone(), why };
    replay.layout(header.sequences.len() as u16).map_err(layout)?;
    let mut assembler = Assembler::default();
    let mut next = Lsn(1);
    loop {
        let spot = Spot { file: file.clone(), offset: pieces.at, lsn: next };
        let damaged = |why| RecoveryError::Damaged { spot: spot.clone(), why };
        let Some(frame) = pieces.frame(&damaged)? else { return Err(damaged(Trouble::CutOff)) };
        if frame.lsn != next {
            return Err(damaged(Trouble::Order { found: frame.lsn }));
        }
        match assembler.take(frame).map_err(|error| damaged(error.into()))? {
            Assembled::Piece => {}
            Assembled::Record(Record { parts, .. }) if parts.is_empty() => break,
            Assembled::Record(record) => {
                replay.record(&record).map_err(|why| damaged(Trouble::Refused(why)))?;
                next = next.next();
            }
        }
    }
    if pieces.at != entry.len {
        let (what, wanted, found) = ("length", entry.len, pieces.at);
        return Err(RecoveryError::Foreign { file, what, wanted, found });
    }
    replay.behind(&header.sequences).map_err(layout)?;
    Ok(header.sequences)
}

/// Reads a file frame by frame.
struct Pieces<'f, R: Read> {
    reader: BufReader<R>,
    buffer: Vec<u8>,
    /// Bytes read.
    at: u64,
    file: &'f str,
}

impl<R: Read> Pieces<'_, R> {
    fn header(&mut self) -> Result<FileHeader, RecoveryError> {
        let read = read_header(&mut self.reader, FileKind::Checkpoint)
            .map_err(JournalError::io("read", self.file))?;
        let (header, len) =
            read.map_err(|why| RecoveryError::Header { file: self.file.to_owned(), why })?;
        self.at = len as u64;
        Ok(header)
    }

    /// Reads until `bytes` has `len` of them, or the file ends.
    fn fill(&mut self, bytes: &mut Vec<u8>, len: usize) -> Result<(), JournalError> {
        fill(&mut self.reader, bytes, len).map_err(JournalError::io("read", self.file))
    }

    fn frame(
        &mut self,
        damaged: &impl Fn(Trouble) -> RecoveryError,
    ) -> Result<Option<Frame<'_>>, RecoveryError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        self.fill(&mut buffer, FRAME_HEADER)?;
        let len = Frame::claimed_len(&buffer).map_err(|error| damaged(error.into()))?;
        self.fill(&mut buffer, len)?;
        self.buffer = buffer;
        let frame =
            Frame::decode(&self.buffer, Tie::NONE).map_err(|error| damaged(error.into()))?;
        self.at += frame.map_or(0, |frame| frame.len()) as u64;
        Ok(frame)
    }
}
