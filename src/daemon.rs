//! Where the process stands among the others: working directory, background, pid file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use shardwright_actors::process::holds_data;
use shardwright_config::{Loaded, Settings};
use thiserror::Error;

/// What could not be had.
#[derive(Debug, Error)]
pub enum PlaceError {
    /// `dir` cannot be entered.
    #[error("{dir}, but cannot be entered: {source}")]
    Directory {
        /// The directory and who set it.
        dir: String,
        /// Why not.
        source: io::Error,
    },
    /// The process could not go into the background.
    #[error("{daemonize}, but that cannot be: {source}")]
    Daemon {
        /// Who wants it.
        daemonize: String,
        /// Why not.
        source: nix::Error,
    },
    /// The pid file cannot be written.
    #[error("{pidfile}, but cannot be written: {source}")]
    PidFile {
        /// The file and who set it.
        pidfile: String,
        /// Why not.
        source: io::Error,
    },
}

/// The place that was taken; the pid file goes with it.
pub struct Place {
    pid_file: Option<PathBuf>,
    home: Option<PathBuf>,
}

/// Where a daemon keeps its pid if nobody says: Redis's place for it.
const DAEMON_PID_FILE: &str = "/var/run/redis.pid";

impl Place {
    /// Enters `dir`, goes into the background if told to, and writes the pid file. To be called
    /// before there are threads.
    ///
    /// # Errors
    /// One of these cannot be done.
    pub fn take(loaded: &Loaded) -> Result<Self, PlaceError> {
        let settings = &loaded.settings;
        let entered = enter(settings, loaded.is_explicit("dir"))
            .map_err(|source| PlaceError::Directory { dir: loaded.tell("dir"), source })?;
        let home = (!entered).then(|| absolute(&settings.dir));
        if settings.daemonize {
            nix::unistd::daemon(true, false).map_err(|source| PlaceError::Daemon {
                daemonize: loaded.tell("daemonize"),
                source,
            })?;
        }
        let default = settings.daemonize.then(|| PathBuf::from(DAEMON_PID_FILE));
        let chosen = settings.pidfile.clone();
        let by_default = chosen.is_none();
        let Some(path) = chosen.or(default) else { return Ok(Self { pid_file: None, home }) };
        match write_pid(&path) {
            Ok(()) => Ok(Self { pid_file: Some(absolute(&path)), home }),
            // A place that nobody asked for may be closed to this user.
            Err(_) if by_default => Ok(Self { pid_file: None, home }),
            Err(source) => Err(PlaceError::PidFile { pidfile: loaded.tell("pidfile"), source }),
        }
    }

    /// The directory for data that was not entered since there is none yet.
    pub fn home(&self) -> Option<PathBuf> {
        self.home.clone()
    }
}

/// Enters the settings' directory. The one that nobody named is made if something is to be kept,
/// and left alone if nothing is and was. Tells whether it was entered.
fn enter(settings: &Settings, is_named: bool) -> io::Result<bool> {
    let dir = &settings.dir;
    if !is_named {
        let name = settings.dbfilename.as_str();
        let has_rdb = !name.is_empty() && dir.join(name).exists();
        if !settings.keeps() && !has_rdb && !holds_data(dir) {
            return Ok(false);
        }
        if !dir.is_dir() {
            fs::create_dir(dir)?;
        }
    }
    std::env::set_current_dir(dir).map(|()| true)
}

fn write_pid(path: &Path) -> io::Result<()> {
    fs::write(path, format!("{}\n", std::process::id()))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(path) = &self.pid_file
            && let Err(error) = fs::remove_file(path)
        {
            tracing::warn!(path = %path.display(), %error, "the pid file stays");
        }
    }
}
