//! Reading a data directory back: every record that counts, in order.
//!
//! A crash may leave the end of the log half written, in any way: cut off, with holes, with zeros.
//! That end was never acknowledged, and is cut off. Damage looks the same at first sight. The two are
//! told apart by what records say about durability: a record that is behind the bad place and says
//! that what stood there was durable is a witness that it was no crash.

use shardwright_codec::log::{Assembled, Assembler, Frame, Lsn, Record};

use crate::checkpoint::replay_checkpoint;
use crate::error::{JournalError, RecoveryError, Spot, Trouble};
use crate::files::{FileHeader, FileKind, is_checkpoint_name, segment_number};
use crate::manifest::{MANIFEST, Manifest, SegmentEntry};
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

/// Replays a data directory, its checkpoint and all records behind that, and cuts off what a crash left half written at the end.
/// A directory without a log is given the number `directory` and has none.
///
/// # Errors
/// Storage failed, or something is damaged that no crash explains. Nothing was changed then.
pub fn recover(
    storage: &impl Storage,
    directory: u64,
    replay: &mut impl Replay,
) -> Result<Recovered, RecoveryError> {
    let names = storage.names().map_err(JournalError::io("list", "the directory"))?;
    let newest_number = names.iter().filter_map(|name| segment_number(name)).max();
    let mut reading = Reading {
        next: Lsn(1),
        sequences: Sequences::new(0),
        records: 0,
        assembler: Assembler::default(),
    };
    let manifest = if names.iter().any(|name| name == MANIFEST) {
        let bytes = storage.read(MANIFEST).map_err(JournalError::io("read", MANIFEST))?;
        Manifest::decode(&bytes)?
    } else if let Some(name) =
        names.iter().find(|name| segment_number(name).is_some() || is_checkpoint_name(name))
    {
        return Err(RecoveryError::NoManifest(name.clone()));
    } else {
        Manifest { directory, checkpoint: None, segments: Vec::new() }
    };
    if let Some(entry) = manifest.checkpoint {
        let sequences = replay_checkpoint(storage, &manifest, entry, replay)?;
        (reading.next, reading.sequences) = (entry.lsn.next(), sequences.into());
    }
    let mut torn = None;
    let mut lens = Vec::new();
    for (at, entry) in manifest.segments.iter().enumerate() {
        let is_last = at + 1 == manifest.segments.len();
        let (end, tail) = reading.segment(storage, &manifest, *entry, is_last, replay)?;
        torn = tail;
        lens.push((entry.number, end));
        if is_last {
            // What was read counts from now on, whether its writer had synced it or not.
            let file = entry.name();
            storage.settle(&file, end).map_err(JournalError::io("sync", &file))?;
        }
    }
    let Reading { next, sequences, records, .. } = reading;
    let next_segment = newest_number.map_or(1, |number| number + 1);
    let newest = Lsn(next.0 - 1);
    Ok(Recovered { manifest, newest, sequences, next_segment, records, lens, torn })
}

struct Reading {
    /// The record that comes next.
    next: Lsn,
    sequences: Sequences,
    records: u64,
    assembler: Assembler,
}

impl Reading {
    /// Replays a segment. Returns the end of its last whole record, and what a crash left half
    /// written behind that.
    fn segment(
        &mut self,
        storage: &impl Storage,
        manifest: &Manifest,
        entry: SegmentEntry,
        is_last: bool,
        replay: &mut impl Replay,
    ) -> Result<(u64, Option<TornTail>), RecoveryError> {
        let file = entry.name();
        let bytes = storage.read(&file).map_err(JournalError::io("read", &file))?;
        let begin = self.header(&file, &bytes, manifest, entry, replay)?;
        let mut at = begin;
        // Where the record that has not ended begins.
        let mut record_at = begin;
        let spot = |at: usize, lsn| Spot { file: file.clone(), offset: at as u64, lsn };
        loop {
            let outcome = match Frame::decode(&bytes[at..]) {
                Ok(Some(frame)) => {
                    at += frame.len();
                    self.frame(frame, replay)
                }
                Ok(None) if !self.assembler.is_open() => return Ok((at as u64, None)),
                Ok(None) => Err(Trouble::CutOff),
                Err(error) => Err(error.into()),
            };
            let why = match outcome {
                Ok(ended) => {
                    record_at = if ended { at } else { record_at };
                    continue;
                }
                Err(why) => why,
            };
            let spot = spot(record_at, self.next);
            // A crash cuts off or spoils frames, but does not make whole ones.
            let crash = matches!(why, Trouble::Frame(_) | Trouble::CutOff) && is_last;
            if !crash || was_durable(&bytes[record_at..], self.next) {
                return Err(RecoveryError::Damaged { spot, why });
            }
            let bytes = (bytes.len() - record_at) as u64;
            return Ok((record_at as u64, Some(TornTail { spot, bytes })));
        }
    }

    /// Checks a segment's header; returns its length.
    fn header(
        &mut self,
        file: &str,
        bytes: &[u8],
        manifest: &Manifest,
        entry: SegmentEntry,
        replay: &mut impl Replay,
    ) -> Result<usize, RecoveryError> {
        let (header, len) = FileHeader::decode(bytes, FileKind::Segment)
            .map_err(|why| RecoveryError::Header { file: file.to_owned(), why })?;
        for (what, wanted, found) in [
            ("directory", manifest.directory, header.directory),
            ("segment", entry.number, header.number),
            ("first record", entry.first.0, header.lsn.0),
            ("first record", self.next.0, header.lsn.0),
        ] {
            if wanted != found {
                let file = file.to_owned();
                return Err(RecoveryError::Foreign { file, what, wanted, found });
            }
        }
        let shards = header.sequences.len();
        if shards != self.sequences.newest().len() {
            self.sequences = Sequences::new(shards as u16);
            replay
                .layout(shards as u16)
                .map_err(|why| RecoveryError::Layout { file: file.to_owned(), why })?;
        }
        for (wanted, found) in self.sequences.newest().iter().zip(&header.sequences) {
            if wanted != found {
                let (file, what) = (file.to_owned(), "effect");
                let (wanted, found) = (*wanted, *found);
                return Err(RecoveryError::Foreign { file, what, wanted, found });
            }
        }
        Ok(len)
    }

    /// Takes a frame. Returns whether its record has ended.
    fn frame(&mut self, frame: Frame<'_>, replay: &mut impl Replay) -> Result<bool, Trouble> {
        if frame.lsn != self.next {
            return Err(Trouble::Order { found: frame.lsn });
        }
        match self.assembler.take(frame)? {
            Assembled::Piece => Ok(false),
            Assembled::Record(record) => {
                for part in &record.parts {
                    self.sequences.take(part)?;
                }
                replay.record(&record).map_err(Trouble::Refused)?;
                self.next = self.next.next();
                self.records += 1;
                Ok(true)
            }
        }
    }
}

/// Whether any record in `bytes`, at whatever place, says that record `lsn` was durable when it was
/// written.
fn was_durable(bytes: &[u8], lsn: Lsn) -> bool {
    // No later record can have a number that is larger by more than its distance in bytes.
    let most = Lsn(lsn.0.saturating_add(bytes.len() as u64));
    (0..bytes.len()).any(|at| {
        let claimed = bytes[at..].get(8..16).and_then(<[u8]>::first_chunk);
        let plausible = claimed.is_some_and(|claimed| {
            let claimed = Lsn(u64::from_le_bytes(*claimed));
            claimed > lsn && claimed <= most
        });
        if !plausible {
            return false;
        }
        let Ok(Some(frame)) = Frame::decode(&bytes[at..]) else { return false };
        let witness = Record::durable_of_first_piece(&frame);
        witness.is_some_and(|durable| durable >= lsn)
    })
}
