//! A data directory that is opened late: by the first save of a server that was to keep nothing. So a
//! server that never saves leaves no files, and runs where it may not write.
//!
//! Taking the directory is quick and done for whoever wants to save, who is told why it cannot be. The
//! writer begins the log in it, which names the checkpoint that counts, before that is written.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use shardwright_config::Settings;
use shardwright_journal::{
    Disk, Ground, JournalError, LockError, Log, LogOptions, Unapplied, ground, recover,
};
use thiserror::Error;

use crate::clock::Clock;
use crate::rdb::reading::Rules;
use crate::rdb::start;
use crate::recovery::{self, DataError};
use crate::server::Server;
use crate::writer::TakeDirectory;

/// Why the data directory cannot be opened late.
#[derive(Debug, Error)]
pub enum OpenError {
    /// It is not known yet what there is to be saved.
    #[error("the data is being loaded")]
    Loading,
    /// Another process has it, or the system refused something.
    #[error("the data directory {0}")]
    Lock(#[from] LockError),
    /// It cannot be looked through.
    #[error("the data directory: {0}")]
    Journal(#[from] JournalError),
    /// It cannot be entered.
    #[error("the data directory {path}: {source}")]
    Enter {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What is in it would be lost.
    #[error("the data directory {0} holds data that this server did not load")]
    Foreign(PathBuf),
}

/// Where the data directory is, as long as it is not open.
#[derive(Debug, Default)]
pub struct Opening(Mutex<Option<PathBuf>>);

impl Opening {
    /// The directory is `home`; without one it is the working directory. Returns what was said before.
    pub fn set_home(&self, home: Option<PathBuf>) -> Option<PathBuf> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut known, home)
    }
}

impl Server {
    /// Sees to it that there is a directory to save to: takes it, if that has not been done.
    ///
    /// # Errors
    /// It cannot be taken, or has what must not be overwritten.
    pub fn open_directory(&self) -> Result<(), OpenError> {
        if self.checkpoints.are_possible() {
            return Ok(());
        }
        let actors = self.directory().ok_or(OpenError::Loading)?;
        let mut home = self.opening.0.lock().unwrap_or_else(PoisonError::into_inner);
        if self.checkpoints.are_possible() {
            return Ok(());
        }
        // A start that loads nothing from a data directory hands out none.
        if self.loading.is_running() {
            return Err(OpenError::Loading);
        }
        let disk = recovery::take(home.as_deref().unwrap_or(Path::new(".")))?;
        // The start would have loaded it: it came later, or the working directory is another one.
        if ground(&disk)? != Ground::Empty {
            return Err(OpenError::Foreign(disk.path().to_owned()));
        }
        if home.is_some() {
            let path = disk.path().to_owned();
            std::env::set_current_dir(&path).map_err(|source| OpenError::Enter { path, source })?;
            *home = None;
        }
        tracing::info!(path = %disk.path().display(), "the data directory was opened to save");
        self.checkpoints.opened(0);
        actors.writer.do_send(TakeDirectory(disk));
        Ok(())
    }
}

/// How these settings say that a log is kept.
pub fn log_options(settings: &Settings) -> LogOptions {
    LogOptions {
        segment_bytes: settings.log_segment_size,
        spares: settings.log_spare_segments as usize,
    }
}

/// Begins the log in a directory that was taken late, or where that failed half way.
///
/// # Errors
/// Storage failed, or there is an RDB file that cannot be loaded.
pub fn begin_log(server: &Server, disk: &Arc<Disk>) -> Result<Log<Arc<Disk>>, DataError> {
    let settings = server.settings();
    let map = server.router().map;
    let rules = Rules { databases: server.router().databases, now: Clock::new().now() };
    // Until a checkpoint counts, a start must find what it would have found: from now on it looks at
    // no RDB file.
    let imported = start::import(disk, settings.dbfilename.as_str(), (map, rules), &mut ())?;
    if imported.is_some() {
        tracing::warn!("the RDB file stays, but starts load the data directory from now on");
    }
    // What is loaded goes nowhere: the server has its data already.
    let recovered = recover(disk, rand::random(), &mut Unapplied, &mut ())
        .map_err(|source| DataError::Recovery { source, path: disk.path().to_owned() })?;
    Ok(Log::begin(Arc::clone(disk), log_options(&settings), recovered, map.shards())?)
}
