//! Reading the files that count, in order, with everything about them checked: the one reader of a
//! start, of `check` and `repair`, of a backup and of its verification.
//!
//! A crash may leave the end of the log half written, in any way: cut off, with holes, with zeros.
//! That end was never acknowledged, and does not count. Damage looks the same at first sight. The two
//! are told apart by what records say about durability: a record that is behind the bad place and
//! says that what stood there was durable is a witness that it was no crash.
//!
//! Behind its end a segment may have what an earlier one left in its file. That is no frame of this
//! one, whole or not, and so neither record nor witness: frames are tied to their segment. A segment
//! that is followed by another ends where the records begin that the next one has.

use std::io::{ErrorKind, Read};

use shardwright_codec::log::{Assembled, Assembler, Frame, Lsn, Record, Tie};

use crate::checkpoint::replay_checkpoint;
use crate::error::{JournalError, RecoveryError, Spot, Trouble};
use crate::files::{FileHeader, FileKind, tie_of_segment};
use crate::manifest::{CheckpointEntry, Manifest, SegmentEntry};
use crate::progress::{Passing, Progress};
use crate::recovery::{Replay, TornTail};
use crate::sequences::Sequences;
use crate::storage::Storage;

/// What the files of a manifest contain, as far as they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The newest record; 0 if there is none.
    pub newest: Lsn,
    /// When that was written, in milliseconds since the Unix epoch. Only records of the log say it:
    /// 0 if there is none behind the checkpoint.
    pub newest_ms: i64,
    /// The newest effects of each partition of the last layout.
    pub sequences: Sequences,
    /// Records of the log.
    pub records: u64,
    /// Numbers of the segments, and how many bytes of each count.
    pub lens: Vec<(u64, u64)>,
    /// What a crash left half written at the end.
    pub torn: Option<TornTail>,
}

/// Reads everything that counts in a directory, and changes nothing. What was read before an error is
/// told as well.
pub(crate) fn examine(
    storage: &impl Storage,
    manifest: &Manifest,
    replay: &mut impl Replay,
    progress: &mut dyn Progress,
) -> (Contents, Result<(), RecoveryError>) {
    progress.begin(manifest.files().map(|file| storage.len(&file).unwrap_or(0)).sum());
    let mut reading = Reading::new(manifest, replay);
    let outcome = read_all(storage, &mut reading, progress);
    (reading.contents, outcome)
}

fn read_all(
    storage: &impl Storage,
    reading: &mut Reading<'_, impl Replay>,
    progress: &mut dyn Progress,
) -> Result<(), RecoveryError> {
    if let Some(entry) = reading.manifest.checkpoint {
        let reader = open(storage, &entry.name())?;
        reading.checkpoint(entry, Passing::new(reader, progress, |_| Ok(())))?;
    }
    for entry in &reading.manifest.segments {
        let file = entry.name();
        let mut bytes = Vec::new();
        let read = open(storage, &file)?.read_to_end(&mut bytes);
        read.map_err(JournalError::io("read", &file))?;
        let mut applied = 0;
        reading.segment(*entry, &bytes, |frame| {
            applied += frame;
            progress.advance(frame);
        })?;
        progress.advance((bytes.len() as u64).saturating_sub(applied));
    }
    Ok(())
}

/// Opens a file that counts.
pub(crate) fn open<S: Storage>(storage: &S, file: &str) -> Result<S::Reader, RecoveryError> {
    storage.open(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => RecoveryError::Missing(file.to_owned()),
        _ => JournalError::io("open", file)(error).into(),
    })
}

/// Checks frames and records alone, not what is in them, and applies nothing.
#[derive(Debug)]
pub struct Unapplied;

impl Replay for Unapplied {
    fn layout(&mut self, _shards: u16) -> Result<(), String> {
        Ok(())
    }

    fn behind(&mut self, _sequences: &[u64]) -> Result<(), String> {
        Ok(())
    }

    fn record(&mut self, _record: &Record<'_>) -> Result<(), String> {
        Ok(())
    }
}

/// What a segment's header says of what is behind it.
struct Header {
    /// Bytes of the header.
    len: usize,
    /// Bytes that the file had before.
    former_len: u64,
    tie: Tie,
}

/// Where the reading of a manifest's files stands. They are to be given to it in order.
pub(crate) struct Reading<'r, R> {
    manifest: &'r Manifest,
    replay: &'r mut R,
    assembler: Assembler,
    /// What was read so far.
    pub contents: Contents,
}

impl<'r, R: Replay> Reading<'r, R> {
    /// Nothing was read yet.
    pub fn new(manifest: &'r Manifest, replay: &'r mut R) -> Self {
        let contents = Contents {
            newest: Lsn(0),
            newest_ms: 0,
            sequences: Sequences::new(0),
            records: 0,
            lens: Vec::new(),
            torn: None,
        };
        Self { manifest, replay, assembler: Assembler::default(), contents }
    }

    /// Replays the checkpoint.
    pub fn checkpoint(
        &mut self,
        entry: CheckpointEntry,
        reader: impl Read,
    ) -> Result<(), RecoveryError> {
        let sequences = replay_checkpoint(reader, self.manifest, entry, self.replay)?;
        (self.contents.newest, self.contents.sequences) = (entry.lsn, sequences.into());
        Ok(())
    }

    /// Replays a segment; `advance` is told the length of each frame. Returns the end of its last whole
    /// record.
    pub fn segment(
        &mut self,
        entry: SegmentEntry,
        bytes: &[u8],
        mut advance: impl FnMut(u64),
    ) -> Result<u64, RecoveryError> {
        let Header { len: begin, former_len, tie } = self.header(entry, bytes)?;
        let next = self.after(entry);
        let may_be_former = bytes.len() as u64 <= former_len;
        let mut at = begin;
        // Where the record that has not ended begins.
        let mut record_at = begin;
        let why = loop {
            let frame = Frame::decode(&bytes[at..], tie);
            let is_end = match &frame {
                Ok(None) => true,
                Ok(Some(_)) => false,
                // All that the next segment does not have was there.
                Err(_) => may_be_former && next == Some(self.contents.newest.next()),
            };
            if is_end && !self.assembler.is_open() {
                return Ok(self.ends(entry, at));
            }
            match frame {
                Ok(Some(frame)) => {
                    let len = frame.len();
                    at += len;
                    match self.frame(frame) {
                        Ok(ended) => record_at = if ended { at } else { record_at },
                        Err(why) => break why,
                    }
                    advance(len as u64);
                }
                Ok(None) => break Trouble::CutOff,
                Err(error) => break error.into(),
            }
        };
        let lsn = self.contents.newest.next();
        let spot = Spot { file: entry.name(), offset: record_at as u64, lsn };
        // A crash cuts off or spoils frames, but does not make whole ones.
        let crash = matches!(why, Trouble::Frame(_) | Trouble::CutOff) && next.is_none();
        let rest = &bytes[record_at..];
        if !crash || was_durable(rest, lsn, tie) {
            return Err(RecoveryError::Damaged { spot, why });
        }
        if !may_be_former || has_begun(rest, lsn, tie) {
            self.contents.torn = Some(TornTail { spot, bytes: rest.len() as u64 });
        }
        Ok(self.ends(entry, record_at))
    }

    /// A segment ends here.
    fn ends(&mut self, entry: SegmentEntry, at: usize) -> u64 {
        self.contents.lens.push((entry.number, at as u64));
        at as u64
    }

    /// The first record of the segment after this one, if there is one.
    fn after(&self, entry: SegmentEntry) -> Option<Lsn> {
        let mut segments = self.manifest.segments.iter();
        segments.find(|other| **other == entry)?;
        segments.next().map(|next| next.first)
    }

    /// Checks a segment's header.
    fn header(&mut self, entry: SegmentEntry, bytes: &[u8]) -> Result<Header, RecoveryError> {
        let file = entry.name();
        let (header, len) = FileHeader::decode(bytes, FileKind::Segment)
            .map_err(|why| RecoveryError::Header { file: file.clone(), why })?;
        let next = self.contents.newest.next();
        for (what, wanted, found) in [
            ("directory", self.manifest.directory, header.directory),
            ("segment", entry.number, header.number),
            ("first record", entry.first.0, header.lsn.0),
            ("first record", next.0, header.lsn.0),
        ] {
            if wanted != found {
                return Err(RecoveryError::Foreign { file, what, wanted, found });
            }
        }
        let shards = header.sequences.len();
        let sequences = &mut self.contents.sequences;
        if shards != sequences.newest().len() {
            *sequences = Sequences::new(shards as u16);
            self.replay
                .layout(shards as u16)
                .map_err(|why| RecoveryError::Layout { file: file.clone(), why })?;
        } else if header.sequences.iter().all(|newest| *newest == 0) {
            // A start with another number of partitions came between and wrote no record, so its
            // segment is no longer named. Records that are missing are told by their numbers.
            *sequences = Sequences::new(shards as u16);
        }
        for (wanted, found) in sequences.newest().iter().zip(&header.sequences) {
            if wanted != found {
                let (what, wanted, found) = ("effect", *wanted, *found);
                return Err(RecoveryError::Foreign { file, what, wanted, found });
            }
        }
        let (former_len, tie) = (header.former_len.unwrap_or_default(), header.tie());
        Ok(Header { len, former_len, tie })
    }

    /// Takes a frame. Returns whether its record has ended.
    fn frame(&mut self, frame: Frame<'_>) -> Result<bool, Trouble> {
        let contents = &mut self.contents;
        if frame.lsn != contents.newest.next() {
            return Err(Trouble::Order { found: frame.lsn });
        }
        match self.assembler.take(frame)? {
            Assembled::Piece => Ok(false),
            Assembled::Record(record) => {
                for part in &record.parts {
                    contents.sequences.take(part)?;
                }
                self.replay.record(&record).map_err(Trouble::Refused)?;
                contents.newest = contents.newest.next();
                contents.newest_ms = record.head.time_ms;
                contents.records += 1;
                Ok(true)
            }
        }
    }
}

/// Whether any record in `bytes`, at whatever place, says that record `lsn` was durable when it was
/// written.
fn was_durable(bytes: &[u8], lsn: Lsn, tie: Tie) -> bool {
    let mut frames = first_pieces_anywhere(bytes, lsn, tie);
    frames.any(|(_, frame)| {
        Record::durable_of_first_piece(&frame).is_some_and(|durable| durable >= lsn)
    })
}

/// Whether record `lsn` or a later one was begun in `bytes`, as far as it can be told from what an
/// earlier segment left there.
fn has_begun(bytes: &[u8], lsn: Lsn, tie: Tie) -> bool {
    let claimed = bytes.get(8..16).and_then(<[u8]>::first_chunk);
    claimed.is_some_and(|claimed| u64::from_le_bytes(*claimed) == lsn.0)
        || first_pieces_anywhere(bytes, lsn, tie).next().is_some()
}

/// Whole frames of this tie in `bytes`, at whatever place, of records after `after`, with where they
/// begin.
pub(crate) fn frames_anywhere(
    bytes: &[u8],
    after: Lsn,
    tie: Tie,
) -> impl Iterator<Item = (usize, Frame<'_>)> {
    scan(bytes, after, tie, |_| true)
}

/// Those of them with which records begin. Hardly a checksum is computed in vain, whatever bytes an
/// earlier segment left.
fn first_pieces_anywhere(
    bytes: &[u8],
    after: Lsn,
    tie: Tie,
) -> impl Iterator<Item = (usize, Frame<'_>)> {
    scan(bytes, after, tie, Record::may_begin)
}

fn scan(
    bytes: &[u8],
    after: Lsn,
    tie: Tie,
    is_wanted: impl Fn(&[u8]) -> bool,
) -> impl Iterator<Item = (usize, Frame<'_>)> {
    // No later record can have a number that is larger by more than its distance in bytes.
    let most = Lsn(after.0.saturating_add(bytes.len() as u64));
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let rest = &bytes[at..];
            let claimed = Frame::claimed_lsn(rest);
            if claimed.is_some_and(|lsn| lsn > after && lsn <= most)
                && is_wanted(rest)
                && let Ok(Some(frame)) = Frame::decode(rest, tie)
            {
                let begin = at;
                at += frame.len();
                return Some((begin, frame));
            }
            at += 1;
        }
        None
    })
}

/// Where the last record that was begun in a segment ends, or as much of it as is there, whatever is
/// before and behind it.
pub(crate) fn written_end(bytes: &[u8], directory: u64, entry: SegmentEntry) -> usize {
    let tie = tie_of_segment(bytes, directory, entry.number);
    let records = first_pieces_anywhere(bytes, Lsn(entry.first.0.saturating_sub(1)), tie);
    let Some((begin, _)) = records.last() else { return 0 };
    let mut end = begin;
    while let Some(Ok(Some(frame))) = bytes.get(end..).map(|rest| Frame::decode(rest, tie)) {
        end += frame.len();
    }
    end
}
