//! A directory of the file system. Who writes to it holds it, one process at a time; who only reads
//! can do without.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
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
    _lock: Option<File>,
}

/// Why a directory could not be taken.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{0} is in use by another process (it holds the lock of the file {LOCK} there)")]
    Taken(PathBuf),
    /// There is no such directory.
    #[error("{0} is no directory")]
    Absent(PathBuf),
    /// It should have been empty.
    #[error("{path} is not empty: there is {name}")]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// A file in it.
        name: String,
    },
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
        if !path.is_dir() {
            fs::create_dir(path).map_err(system(path))?;
            // The new name is in the parent, which is the working directory where there is none.
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            sync_directory(parent.unwrap_or(Path::new("."))).map_err(system(path))?;
        }
        Self::lock(path)
    }

    /// Takes a directory that is there.
    ///
    /// # Errors
    /// It is not there, another process has it, or the system refused something.
    pub fn take_existing(path: &Path) -> Result<Self, LockError> {
        if path.is_dir() { Self::lock(path) } else { Err(LockError::Absent(path.to_owned())) }
    }

    /// Takes a directory that is absent (its parent must be there) or empty.
    ///
    /// # Errors
    /// It is not empty, another process has it, or the system refused something.
    pub fn take_empty(path: &Path) -> Result<Self, LockError> {
        let is_empty = |path: &Path| {
            for entry in fs::read_dir(path).map_err(system(path))? {
                let name = entry.map_err(system(path))?.file_name();
                if name != LOCK {
                    let name = name.to_string_lossy().into_owned();
                    return Err(LockError::NotEmpty { path: path.to_owned(), name });
                }
            }
            Ok(())
        };
        // Nothing is made in a directory that somebody else uses.
        if path.is_dir() {
            is_empty(path)?;
        }
        let taken = Self::take(path)?;
        is_empty(path)?;
        Ok(taken)
    }

    /// A directory that is there, to be read beside whoever has it.
    ///
    /// # Errors
    /// It is not there.
    pub fn look(path: &Path) -> Result<Self, LockError> {
        if !path.is_dir() {
            return Err(LockError::Absent(path.to_owned()));
        }
        Ok(Self { path: path.to_owned(), _lock: None })
    }

    /// A directory that is there and that no process has, to be read. Nothing is made in it, not even
    /// its lock's file.
    ///
    /// # Errors
    /// It is not there, another process has it, or the system refused something.
    pub fn look_alone(path: &Path) -> Result<Self, LockError> {
        let disk = Self::look(path)?;
        match File::open(path.join(LOCK)) {
            Ok(file) => Ok(Self { _lock: Some(locked(path, file)?), ..disk }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(disk),
            Err(source) => Err(LockError::System { path: path.join(LOCK), source }),
        }
    }

    fn lock(path: &Path) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let file = options.open(path.join(LOCK)).map_err(system(path))?;
        Ok(Self { path: path.to_owned(), _lock: Some(locked(path, file)?) })
    }

    /// The directory's path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes the error of something that the system refused.
fn system(path: &Path) -> impl Fn(io::Error) -> LockError {
    move |source| LockError::System { path: path.to_owned(), source }
}

/// The lock's file of a directory, locked.
fn locked(path: &Path, file: File) -> Result<File, LockError> {
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LockError::Taken(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(system(path)(source)),
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

    fn len(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.path.join(name))?.len())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path.join(name))
    }

    fn open(&self, name: &str) -> io::Result<File> {
        let file = File::open(self.path.join(name))?;
        // Where there are no locks, `reopen` gets none either.
        let _ = file.lock_shared();
        Ok(file)
    }

    fn create(&self, name: &str) -> io::Result<DiskFile> {
        File::create(self.path.join(name)).map(DiskFile)
    }

    /// Readers hold a shared lock. Where the file system has none, nothing is written over.
    fn reopen(&self, name: &str) -> io::Result<Option<DiskFile>> {
        let file = OpenOptions::new().write(true).open(self.path.join(name))?;
        if file.metadata()?.nlink() != 1 || file.try_lock().is_err() {
            return Ok(None);
        }
        // Whoever opens it from now on looks whether it is still what it was.
        file.unlock()?;
        Ok(Some(DiskFile(file)))
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

    /// By a hard link; by a copy where the file system has none.
    fn set_aside(&self, name: &str, subdirectory: &str) -> io::Result<()> {
        let directory = self.path.join(subdirectory);
        if !directory.is_dir() {
            fs::create_dir(&directory)?;
            sync_directory(&self.path)?;
        }
        let (from, to) = (self.path.join(name), directory.join(name));
        match fs::hard_link(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                let (mut file, mut copy) = (File::open(&from)?, File::create_new(&to)?);
                io::copy(&mut file, &mut copy)?;
                copy.sync_all()?;
            }
            linked => linked?,
        }
        sync_directory(&directory)
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
