//! How far something has come that takes time, and the reader that tells it: it also adds up a
//! checksum of what passes and hands it on to be copied.

use std::io::{self, Read};

use crc32fast::Hasher;

use crate::error::JournalError;

/// Is told how far something has come.
pub trait Progress {
    /// It is about so much: bytes of files, which may grow or shrink meanwhile, or keys.
    fn begin(&mut self, amount: u64);

    /// So much more was done.
    fn advance(&mut self, amount: u64);
}

/// For those who do not want to know.
impl Progress for () {
    fn begin(&mut self, _amount: u64) {}

    fn advance(&mut self, _amount: u64) {}
}

/// Bytes that were read: how many, and their checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sum {
    pub len: u64,
    pub crc: u32,
}

impl Sum {
    pub fn of(bytes: &[u8]) -> Self {
        Self { len: bytes.len() as u64, crc: crc32fast::hash(bytes) }
    }
}

/// A reader that adds up what passes and gives it to `take`.
pub(crate) struct Passing<'p, R, T> {
    reader: R,
    take: T,
    progress: &'p mut dyn Progress,
    hasher: Hasher,
    len: u64,
    failed: Option<JournalError>,
}

impl<'p, R: Read, T: FnMut(&[u8]) -> Result<(), JournalError>> Passing<'p, R, T> {
    pub fn new(reader: R, progress: &'p mut dyn Progress, take: T) -> Self {
        Self { reader, take, progress, hasher: Hasher::new(), len: 0, failed: None }
    }

    /// Lets pass what is left.
    ///
    /// # Errors
    /// The reader's.
    pub fn drain(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; PIECE];
        loop {
            match self.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
    }

    /// What passed.
    ///
    /// # Errors
    /// What `take` failed with. Reading ended there.
    pub fn end(self) -> Result<Sum, JournalError> {
        let sum = Sum { len: self.len, crc: self.hasher.finalize() };
        self.failed.map_or(Ok(sum), Err)
    }
}

/// Bytes that are read at once.
pub(crate) const PIECE: usize = 1 << 20;

impl<R: Read, T: FnMut(&[u8]) -> Result<(), JournalError>> Read for Passing<'_, R, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        let bytes = &buffer[..count];
        if let Err(error) = (self.take)(bytes) {
            self.failed = Some(error);
            return Err(io::Error::other("it could not be passed on"));
        }
        self.hasher.update(bytes);
        self.len += count as u64;
        self.progress.advance(count as u64);
        Ok(count)
    }
}
