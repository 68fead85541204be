//! Writing a file: under a temporary name, made durable, and only then by its own name. So whoever
//! opens it has a whole one, the old or the new.

use std::io;
use std::path::Path;
use std::sync::Arc;

use shardwright_codec::log::Record;
use shardwright_codec::rdb::{self, Encoder, Options};
use shardwright_config::Settings;
use shardwright_journal::{
    CheckpointEntry, Disk, LockError, Progress, RecoveryError, Replay, Storage, StorageFile,
    read_checkpoint,
};
use shardwright_store::data;
use shardwright_store::db::Db;
use shardwright_store::effect::{Effect, EffectError};
use shardwright_store::hash::KeyHasher;
use shardwright_store::partition::{Partition, PartitionOptions};
use shardwright_store::types::{DbIndex, ShardId, SlotRange, UnixMillis};
use shardwright_store::value::ValueRef;
use thiserror::Error;

use crate::server::REDIS_VERSION;

/// Bytes that are gathered before they are written.
const WRITE_BYTES: usize = 1 << 20;

/// Keys that are written before progress is told.
const KEYS_TOLD: u64 = 256;

/// Why a file was not written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The name is empty.
    #[error("it has no name: 'dbfilename' is empty")]
    NoName,
    /// There is nothing that it could be made of.
    #[error("there is no data directory")]
    NoDirectory,
    /// Its directory cannot be entered.
    #[error(transparent)]
    Directory(#[from] LockError),
    /// The system refused something.
    #[error("could not {action} {file}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// With which file.
        file: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The checkpoint that it is made of ends within a collection.
    #[error("the checkpoint ends before a large collection in it does")]
    Unfinished,
    /// The checkpoint that it is made of cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] RecoveryError),
}

/// The directory that files of `dbfilename` are in.
///
/// # Errors
/// It is not there.
pub fn working_directory() -> Result<Disk, WriteError> {
    Ok(Disk::look(Path::new("."))?)
}

/// How the settings want files to be written.
pub fn options(settings: &Settings) -> Options {
    Options { compress: settings.rdbcompression, checksum: settings.rdbchecksum }
}

/// A file that is being written.
pub struct RdbFile<'d> {
    disk: &'d Disk,
    name: &'d str,
    /// Its name until it is whole.
    temporary: String,
    is_named: bool,
    file: <Disk as Storage>::File,
    encoder: Encoder,
    buffer: Vec<u8>,
    keys: u64,
    len: u64,
}

impl<'d> RdbFile<'d> {
    /// Begins the file `name` of a directory. `now` is the time that it says it was written at.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn begin(
        disk: &'d Disk,
        name: &'d str,
        options: Options,
        now: UnixMillis,
    ) -> Result<Self, WriteError> {
        if name.is_empty() {
            return Err(WriteError::NoName);
        }
        let temporary = format!("{name}.new");
        let file = disk.create(&temporary).map_err(system("create", &temporary))?;
        let mut encoder = Encoder::new(options);
        encoder.aux(b"redis-ver", REDIS_VERSION.as_bytes());
        encoder.aux(b"redis-bits", b"64");
        encoder.aux(b"ctime", now.seconds().to_string().as_bytes());
        encoder.aux(b"aof-base", b"0");
        let (is_named, buffer, keys, len) = (false, Vec::new(), 0, 0);
        Ok(Self { disk, name, temporary, is_named, file, encoder, buffer, keys, len })
    }

    /// Says how many keys a database is going to have, and how many of them expire.
    fn resize(&mut self, db: DbIndex, keys: u64, expires: u64) {
        self.encoder.resize(db.0.into(), keys, expires);
    }

    /// Adds a key.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn key(
        &mut self,
        db: DbIndex,
        key: &[u8],
        value: ValueRef<'_>,
        deadline: Option<UnixMillis>,
    ) -> Result<(), WriteError> {
        let (db, deadline) = (db.0.into(), deadline.map(|deadline| deadline.0));
        match value {
            ValueRef::Int(n) => self.encoder.key(db, key, deadline, &rdb::Value::Int(n)),
            ValueRef::Bytes { bytes, .. } => {
                self.encoder.key(db, key, deadline, &rdb::Value::Bytes(bytes));
            }
            ValueRef::Packed(_) | ValueRef::Object(_) => {
                // A collection has a type: strings are out of the way.
                if let Some(kind) = data::object_type(value) {
                    let write = |body: &mut rdb::Body<'_>| data::write(value, body);
                    self.encoder.collection(db, key, deadline, kind, write);
                }
            }
        }
        self.count_key()
    }

    /// Adds a key with a collection as a dump gives it.
    fn collection(
        &mut self,
        db: DbIndex,
        key: &[u8],
        collection: rdb::Collection<'_>,
        deadline: Option<UnixMillis>,
    ) -> Result<(), WriteError> {
        let (value, deadline) = (rdb::Value::Collection(collection), deadline.map(|d| d.0));
        self.encoder.key(db.0.into(), key, deadline, &value);
        self.count_key()
    }

    fn count_key(&mut self) -> Result<(), WriteError> {
        self.keys += 1;
        if self.encoder.pending() < WRITE_BYTES {
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        self.encoder.swap(&mut buffer);
        let written = self.write(&buffer);
        self.buffer = buffer;
        written
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.file.write(bytes).map_err(system("write", &self.temporary))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Ends the file, makes it durable, and gives it its name.
    ///
    /// # Errors
    /// One of these cannot be done. Whoever had the name before still has it, unless it is its
    /// durability alone that failed.
    pub fn finish(mut self) -> Result<Written, WriteError> {
        let rest = std::mem::replace(&mut self.encoder, Encoder::new(Options::default())).finish();
        self.write(&rest)?;
        let temporary = &self.temporary;
        self.file.sync().map_err(system("sync", temporary))?;
        self.disk.rename(temporary, self.name).map_err(system("rename", temporary))?;
        self.is_named = true;
        self.disk.sync_directory().map_err(system("sync the directory of", self.name))?;
        Ok(Written { keys: self.keys, len: self.len })
    }
}

/// A file that was not finished goes.
impl Drop for RdbFile<'_> {
    fn drop(&mut self) {
        if self.is_named {
            return;
        }
        let removed = self.disk.remove(&self.temporary);
        if let Err(error) = removed.and_then(|()| self.disk.sync_directory()) {
            tracing::warn!(file = self.temporary, %error, "a file that is of no use may stay");
        }
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Keys.
    pub keys: u64,
    /// Bytes.
    pub len: u64,
}

/// Makes the error of something that the system refused.
fn system(action: &'static str, file: &str) -> impl FnOnce(io::Error) -> WriteError {
    let file = file.to_owned();
    move |source| WriteError::System { action, file, source }
}

/// Writes all keys of all partitions, database by database, and tells `progress` in keys.
///
/// # Errors
/// The file cannot be written.
pub fn write_partitions(
    mut file: RdbFile<'_>,
    partitions: &[&Partition],
    progress: &mut dyn Progress,
) -> Result<Written, WriteError> {
    let databases = partitions.iter().map(|partition| partition.databases()).max().unwrap_or(0);
    let figures = |db| partitions.iter().map(move |partition| partition.figures(db));
    let keys = |db| figures(db).map(|figures| figures.keys).sum::<u64>();
    progress.begin((0..databases).map(DbIndex).map(keys).sum());
    for db in (0..databases).map(DbIndex) {
        let keys = keys(db);
        if keys == 0 {
            continue;
        }
        file.resize(db, keys, figures(db).map(|figures| figures.expires).sum());
        for data in partitions.iter().filter_map(|partition| partition.db(db)) {
            write_db(&mut file, db, data, progress)?;
        }
    }
    file.finish()
}

fn write_db(
    file: &mut RdbFile<'_>,
    db: DbIndex,
    data: &Db,
    progress: &mut dyn Progress,
) -> Result<(), WriteError> {
    let mut untold = 0;
    for entry in data.dict().iter() {
        file.key(db, entry.key(), entry.value(), entry.deadline())?;
        untold += 1;
        if untold == KEYS_TOLD {
            progress.advance(std::mem::take(&mut untold));
        }
    }
    progress.advance(untold);
    Ok(())
}

/// Writes all keys of a checkpoint of the directory `data` with this number.
///
/// # Errors
/// The checkpoint cannot be read, or the file cannot be written.
pub fn write_checkpoint(
    file: RdbFile<'_>,
    data: &Arc<Disk>,
    directory: u64,
    entry: CheckpointEntry,
) -> Result<Written, WriteError> {
    let mut converter = Converter::new(file);
    let read = read_checkpoint(data, directory, entry, &mut converter);
    match (converter.failed.take(), read) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(())) => converter.finish(),
    }
}

/// Writes the keys of a checkpoint as they are read.
struct Converter<'d> {
    file: RdbFile<'d>,
    failed: Option<WriteError>,
    /// Large collections, which come in parts: those that are not whole yet.
    gathered: Box<Partition>,
}

impl<'d> Converter<'d> {
    fn new(file: RdbFile<'d>) -> Self {
        let gathered = Box::new(Partition::new(PartitionOptions {
            id: ShardId(0),
            slots: SlotRange::ALL,
            // A checkpoint does not say how many there are.
            databases: u16::MAX,
            hasher: KeyHasher::new([rand::random(), rand::random()]),
            seed: 0,
            now: UnixMillis(0),
        }));
        Self { file, failed: None, gathered }
    }

    /// Nothing more is to come.
    fn finish(self) -> Result<Written, WriteError> {
        if self.gathered.is_empty() { self.file.finish() } else { Err(WriteError::Unfinished) }
    }

    /// The key `key` has come whole.
    fn write_gathered(
        &mut self,
        db: DbIndex,
        key: &[u8],
        deadline: Option<UnixMillis>,
    ) -> Result<(), Stop> {
        let gathered = self.gathered.get(db, self.gathered.hasher().hash(key), key);
        let entry = gathered.ok_or_else(|| Stop::Damaged("the end of no collection".to_owned()))?;
        self.file.key(db, key, entry.value(), deadline)?;
        self.gathered.apply(&Effect::Delete { db, key })?;
        drop(self.gathered.take_garbage());
        Ok(())
    }

    fn write(&mut self, effect: &Effect<'_>) -> Result<(), Stop> {
        match *effect {
            Effect::Put { db, key, value, deadline } => self.file.key(db, key, value, deadline)?,
            Effect::Restore { db, key, collection, deadline } => {
                self.file.collection(db, key, collection, deadline)?;
            }
            Effect::Extend { .. } => self.gathered.apply(effect)?,
            Effect::Expire { db, key, deadline } => self.write_gathered(db, key, deadline)?,
            _ => return Err(Stop::Damaged("an effect that makes no key".to_owned())),
        }
        Ok(())
    }
}

/// Why a checkpoint is read no further.
enum Stop {
    /// It has something that no checkpoint has.
    Damaged(String),
    /// The file cannot be written.
    Failed(WriteError),
}

impl From<WriteError> for Stop {
    fn from(error: WriteError) -> Self {
        Self::Failed(error)
    }
}

impl From<EffectError> for Stop {
    fn from(error: EffectError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl Replay for Converter<'_> {
    fn layout(&mut self, _shards: u16) -> Result<(), String> {
        Ok(())
    }

    fn behind(&mut self, _sequences: &[u64]) -> Result<(), String> {
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>) -> Result<(), String> {
        for part in &record.parts {
            let mut rest = part.payload;
            while !rest.is_empty() {
                let (effect, len) = Effect::decode(rest).map_err(|error| error.to_string())?;
                self.write(&effect).map_err(|stop| match stop {
                    Stop::Damaged(why) => why,
                    Stop::Failed(error) => {
                        self.failed = Some(error);
                        "the RDB file could not be written".to_owned()
                    }
                })?;
                rest = rest.get(len..).unwrap_or_default();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use shardwright_codec::rdb::{Collection, ObjectType};

    use super::*;

    #[test]
    fn a_collection_in_parts_needs_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let disk = Disk::look(directory.path()).unwrap();
        let (db, key) = (DbIndex(3), &b"hash"[..]);
        let part = |body| {
            let collection = Collection::new(ObjectType::Hash, body);
            Effect::Extend { db, key, collection }
        };
        let end = Effect::Expire { db, key, deadline: None };
        let converted = |effects: &[Effect<'_>]| {
            let file = RdbFile::begin(&disk, "dump.rdb", Options::default(), UnixMillis(0));
            let mut converter = Converter::new(file.unwrap());
            for effect in effects {
                if let Err(stop) = converter.write(effect) {
                    let Stop::Damaged(why) = stop else { panic!("the file can be written") };
                    return Err(why);
                }
            }
            converter.finish().map(|written| written.keys).map_err(|error| error.to_string())
        };
        let parts = [part(b"\x01\x01a\x01b"), part(b"\x01\x01c\x01d")];
        let without = Err("the checkpoint ends before a large collection in it does".to_owned());
        assert_eq!(converted(&parts), without);
        assert_eq!(converted(&[end]), Err("the end of no collection".to_owned()));
        assert!(std::fs::read_dir(directory.path()).unwrap().next().is_none(), "nothing is left");
        assert_eq!(converted(&[parts[0], parts[1], end]), Ok(1));
    }
}
