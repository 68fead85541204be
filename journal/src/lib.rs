//! Durability: the log of effects, in segments of a data directory, and what becomes of it at the
//! next start. `docs/format.md` describes the files byte by byte.
//!
//! * [`Log`] takes records, writes and syncs them. It decides nothing about when: that is its
//!   owner's, and so is the thread. After an error it takes nothing more and claims nothing.
//! * [`CheckpointWriter`] writes the state behind one record into a file, so that the log before it
//!   can go.
//! * [`recover`] reads a directory back: the checkpoint and all records behind it in order, up to
//!   where a crash cut the log off. What is damaged otherwise ends it with an error that says where.
//! * [`open_to_back_up`], [`verify`] and [`restore`] make copies that are whole or none; [`check`] and
//!   [`diagnose`] tell what a directory has and what would help it. All of them read as a start does.
//! * [`Founding`] makes a directory out of keys that come from elsewhere.
//! * `spares` keeps segments that are no longer needed, to be written over by the next ones.
//! * [`Storage`] is the only way to files, so that tests can lose, tear and refuse what they like.
//!
//! It stores records and knows nothing of commands or data types: a record has effects of
//! partitions as bytes.

mod backup;
mod backup_error;
mod check;
mod checkpoint;
mod disk;
mod error;
mod files;
mod founding;
mod inventory;
mod lines;
mod log;
mod manifest;
mod progress;
mod reading;
mod rebuild;
mod recovery;
mod repair;
mod restore;
mod sequences;
mod spares;
mod storage;
mod verify;

pub use backup::{BackupFailed, Opened, open_to_back_up};
pub use backup_error::{BackupError, CopyError};
pub use check::{Report, check};
pub use checkpoint::{CheckpointMark, CheckpointWriter, read_checkpoint};
pub use disk::{Disk, LockError};
pub use error::{JournalError, RecoveryError, Remedy, Spot, Trouble};
pub use files::{FileHeader, FileKind, HeaderError, checkpoint_name, segment_name};
pub use founding::{Founding, Ground, IMPORT, ground, take_to_found};
pub use inventory::{BACKUP, BackupFile, Inventory};
pub use lines::TextError;
pub use log::{Log, LogOptions};
pub use manifest::{CheckpointEntry, MANIFEST, Manifest, SegmentEntry};
pub use progress::Progress;
pub use reading::{Contents, Unapplied};
pub use recovery::{Recovered, Replay, TornTail, recover};
pub use repair::{CutSegment, Diagnosis, Repair, RepairError, diagnose};
pub use restore::{RestoreFailed, restore};
pub use sequences::{Gap, Sequences};
pub use shardwright_codec::log::{Lsn, Part, Record, RecordHead, Tie};
pub use storage::{Storage, StorageFile};
pub use verify::verify;
