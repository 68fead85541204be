//! A directory of the file system, held by one process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::storage::{Storage, StorageFile};

/// The file whose lock says that a process has the directory.
const LOCK: &str = "LOCK";

/// A data directory on disk.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
    /// Held as long as this lives; the system lets go of it when the process ends, however it does.
    _lock: File,
}

/// Why a directory could not be taken.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{0} is in use by another process (it holds the lock of the file {LOCK} there)")]
    Taken(PathBuf),
    /// The system refused something.
    #[error("{path}: {source}")]
    System {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Disk {
    /// Takes a directory, which is made if it is absent (its parent must be there).
    ///
    /// # Errors
    /// Another process has it, or the system refused something.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let system = |source| LockError::System { path: path.to_owned(), source };
        if !path.is_dir() {
            fs::create_dir(path).map_err(system)?;
            // The new name is in the parent, which is the working directory where there is none.
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            sync_directory(parent.unwrap_or(Path::new("."))).map_err(system)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let lock = options.open(path.join(LOCK)).map_err(system)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(LockError::Taken(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(system(source)),
        }
    }

    /// The directory's path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Storage for Disk {
    type File = DiskFile;
    type Reader = File;

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            // The journal's own names are plain ASCII: others are not its files.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path.join(name))
    }

    fn open(&self, name: &str) -> io::Result<File> {
        File::open(self.path.join(name))
    }

    fn create(&self, name: &str) -> io::Result<DiskFile> {
        File::create(self.path.join(name)).map(DiskFile)
    }

    fn settle(&self, name: &str, len: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.path.join(name))?;
        file.set_len(len)?;
        file.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        sync_directory(&self.path)
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// A file on disk.
#[derive(Debug)]
pub struct DiskFile(File);

impl StorageFile for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// By `fdatasync`, which also makes the file's new length durable.
    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
