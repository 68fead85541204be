//! DEBUG RELOAD: the data goes into the file of `dbfilename` and comes back from there.
//!
//! It runs while all partitions are held. The file is read twice: the first time only to see that all
//! of it can be loaded, before anything is changed. What is loaded passes the point that every change
//! passes, so log, shadow and watches know of it.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::sync::PoisonError;

use shardwright_store::context::lru_clock;
use shardwright_store::error::CommandError;
use shardwright_store::keyspace::Keyspace;
use shardwright_store::partition::Partition;
use shardwright_store::types::UnixMillis;

use super::reading::{Key, RdbError, Rules, read};
use super::start::warn_of_modules;
use super::writing::{RdbFile, WriteError, options, working_directory, write_partitions};
use crate::reload::{flush, put};
use crate::server::Server;

/// What DEBUG RELOAD was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReloadOptions {
    /// A key that is there gets the value that the file has for it.
    pub merge: bool,
    /// What is there stays.
    pub no_flush: bool,
    /// The file is not written before.
    pub no_save: bool,
}

impl Server {
    /// Writes the data into the file, unless it is to be loaded as it is, and loads it back.
    ///
    /// # Errors
    /// The file cannot be written or loaded; nothing has changed then.
    pub fn reload_file(
        &self,
        options: ReloadOptions,
        keyspace: &mut Keyspace<'_>,
        now: UnixMillis,
    ) -> Result<(), CommandError> {
        // A save must not put its file, which may be older, in the place of this one.
        let _file = self.rdb.file.lock().unwrap_or_else(PoisonError::into_inner);
        if !options.no_save {
            self.save_all(keyspace, now).map_err(|error| {
                CommandError::Message(format!("ERR the RDB file was not written: {error}"))
            })?;
        }
        self.load_all(options, keyspace, now).map_err(|error| {
            tracing::warn!(%error, "DEBUG RELOAD changed nothing");
            CommandError::Message(format!("ERR Error trying to load the RDB dump: {error}"))
        })
    }

    fn save_all(&self, keyspace: &Keyspace<'_>, now: UnixMillis) -> Result<(), WriteError> {
        let settings = self.settings();
        let disk = working_directory()?;
        let file = RdbFile::begin(&disk, settings.dbfilename.as_str(), options(&settings), now)?;
        let partitions: Vec<&Partition> = keyspace.all().collect();
        write_partitions(file, &partitions, &mut ()).map(drop)
    }

    fn load_all(
        &self,
        options: ReloadOptions,
        keyspace: &mut Keyspace<'_>,
        now: UnixMillis,
    ) -> Result<(), RdbError> {
        let rules = Rules { databases: self.router().databases, now };
        let mut file = File::open(self.settings().dbfilename.as_str())?;
        let keeps = options.no_flush && !options.merge;
        read(
            &file,
            rules,
            &mut (),
            |key| if keeps { check_absent(keyspace, key) } else { Ok(()) },
        )?;
        file.seek(SeekFrom::Start(0))?;
        if !options.no_flush {
            flush(keyspace);
        }
        let lru = lru_clock(now);
        let loaded = read(&file, rules, &mut (), |key| {
            put(keyspace, key, lru).map_err(|fault| RdbError::Refused(fault.to_string()))
        });
        match loaded {
            Ok(counts) => {
                self.rdb.loaded(&counts);
                warn_of_modules(&counts);
                tracing::info!(keys = counts.loaded, expired = counts.expired, "data was reloaded");
                Ok(())
            }
            Err(error) => half_loaded(&error),
        }
    }
}

fn check_absent(keyspace: &Keyspace<'_>, key: Key<'_>) -> Result<(), RdbError> {
    let hash = keyspace.hasher().hash(key.key);
    match keyspace.partition(hash.slot).find(key.db, hash, key.key) {
        None => Ok(()),
        Some(_) => {
            let (name, db) = (key.key.escape_ascii(), key.db.0);
            Err(RdbError::Refused(format!("key '{name}' of database {db} is there already")))
        }
    }
}

/// A file that could be read a moment ago cannot be read any more, and what it should replace is gone
/// from memory, but not from the log: no effect of this has left. As Redis does, the process ends, and
/// the next start has the data.
fn half_loaded(error: &RdbError) -> ! {
    tracing::error!(%error, "the RDB file changed while it was loaded; the process ends");
    eprintln!("shardwright: the RDB file changed while it was loaded ({error}); the process ends");
    std::process::abort()
}
