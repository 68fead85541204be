//! The only way to files: a data directory as the journal sees it.

use std::io::{self, Read, Seek};
use std::sync::Arc;

/// A data directory. Names are those of files directly in it.
///
/// What was written or renamed is *live* at once and *durable* only after the sync that says so: a
/// crash may lose any of the rest, in any order.
pub trait Storage {
    /// A file that is written from its begin on.
    type File: StorageFile;
    /// A file that is read from its begin on, and again if need be. As long as it is open, it is not
    /// written over by [`Storage::reopen`].
    type Reader: Read + Seek;

    /// Names of all files.
    ///
    /// # Errors
    /// The system's.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Length of a file, in bytes.
    ///
    /// # Errors
    /// The system's; there may be no such file.
    fn len(&self, name: &str) -> io::Result<u64>;

    /// All bytes of a file.
    ///
    /// # Errors
    /// The system's; there may be no such file.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// A file, to be read piece by piece.
    ///
    /// # Errors
    /// The system's; there may be no such file.
    fn open(&self, name: &str) -> io::Result<Self::Reader>;

    /// An empty file of this name, whatever had it before. The name is durable after
    /// [`Storage::sync_directory`].
    ///
    /// # Errors
    /// The system's.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// A file that is there, to be written over from its begin on; nothing if somebody reads it, or if
    /// it has another name as well, under which it must stay what it is.
    ///
    /// # Errors
    /// The system's; there may be no such file.
    fn reopen(&self, name: &str) -> io::Result<Option<Self::File>>;

    /// Cuts a file off, at its end or before, and makes all of it durable: it may have been written
    /// by a process that ended before it could.
    ///
    /// # Errors
    /// The system's.
    fn settle(&self, name: &str, len: u64) -> io::Result<()>;

    /// Gives a file another name, which another file may have had until now. Never half done; durable
    /// after [`Storage::sync_directory`].
    ///
    /// # Errors
    /// The system's.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file; durable after [`Storage::sync_directory`].
    ///
    /// # Errors
    /// The system's.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Gives a file a second name in a subdirectory, which is made if it is absent: the same name, by
    /// which it can be found when the first one is gone. Durable when it returns.
    ///
    /// # Errors
    /// The system's; the subdirectory may have a file of this name.
    fn set_aside(&self, name: &str, subdirectory: &str) -> io::Result<()>;

    /// Makes names durable: what was created, renamed and removed.
    ///
    /// # Errors
    /// The system's. What is durable is unknown then.
    fn sync_directory(&self) -> io::Result<()>;
}

impl<S: Storage> Storage for Arc<S> {
    type File = S::File;
    type Reader = S::Reader;

    fn names(&self) -> io::Result<Vec<String>> {
        S::names(self)
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        S::len(self, name)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        S::read(self, name)
    }

    fn open(&self, name: &str) -> io::Result<Self::Reader> {
        S::open(self, name)
    }

    fn create(&self, name: &str) -> io::Result<Self::File> {
        S::create(self, name)
    }

    fn reopen(&self, name: &str) -> io::Result<Option<S::File>> {
        S::reopen(self, name)
    }

    fn settle(&self, name: &str, len: u64) -> io::Result<()> {
        S::settle(self, name, len)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        S::rename(self, from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        S::remove(self, name)
    }

    fn set_aside(&self, name: &str, subdirectory: &str) -> io::Result<()> {
        S::set_aside(self, name, subdirectory)
    }

    fn sync_directory(&self) -> io::Result<()> {
        S::sync_directory(self)
    }
}

/// A file that is being written.
pub trait StorageFile {
    /// Writes behind what was written before.
    ///
    /// # Errors
    /// The system's. Some of the bytes may have been written.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes all that was written durable.
    ///
    /// # Errors
    /// The system's. What is durable is unknown then, and another sync that succeeds says nothing
    /// about it: the system may have dropped what it could not write.
    fn sync(&mut self) -> io::Result<()>;
}
