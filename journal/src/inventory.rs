//! What a backup is known by: the text file `BACKUP` beside the files of a data directory, which says
//! of each how long it is and what its checksum is. It is written last, so a backup that was
//! interrupted has none.

use std::fmt::Write;
use std::io::ErrorKind;

use shardwright_codec::log::Lsn;

use crate::backup_error::BackupError;
use crate::error::JournalError;
use crate::lines::{self, TextError};
use crate::manifest::{MANIFEST, Manifest};
use crate::progress::Sum;
use crate::recovery::is_journal_name;
use crate::storage::Storage;

/// The inventory's name.
pub const BACKUP: &str = "BACKUP";

const TITLE: &str = "shardwright backup 1";

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFile {
    /// Its name.
    pub name: String,
    /// Its length, in bytes.
    pub len: u64,
    /// CRC-32 of all of it.
    pub crc: u32,
}

impl BackupFile {
    pub(crate) fn new(name: String, Sum { len, crc }: Sum) -> Self {
        Self { name, len, crc }
    }

    /// Fails if the file turned out to be another one.
    pub(crate) fn check(&self, found: Sum) -> Result<(), BackupError> {
        let wanted = Sum { len: self.len, crc: self.crc };
        let file = || self.name.clone();
        if wanted.len != found.len {
            return Err(BackupError::Length { file: file(), wanted: wanted.len, found: found.len });
        }
        if wanted.crc != found.crc {
            let (wanted, found) = (wanted.crc, found.crc);
            return Err(BackupError::Checksum { file: file(), wanted, found });
        }
        Ok(())
    }
}

/// What a backup has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// The number of the directory that was backed up.
    pub directory: u64,
    /// The newest record in it; 0 if there is none.
    pub newest: Lsn,
    /// When that was written, in milliseconds since the Unix epoch; 0 if it is not known, since the
    /// checkpoint has it.
    pub newest_ms: i64,
    /// When the backup was made, in milliseconds since the Unix epoch.
    pub made_ms: i64,
    /// Its files, the manifest last.
    pub files: Vec<BackupFile>,
}

impl Inventory {
    /// The inventory's text.
    pub fn encode(&self) -> String {
        let Self { directory, newest, newest_ms, made_ms, files } = self;
        let mut text = format!(
            "{TITLE}\ndirectory {directory:016x}\nnewest {newest} {newest_ms}\nmade {made_ms}\n"
        );
        for BackupFile { name, len, crc } in files {
            // Writing to a string does not fail.
            let _ = writeln!(text, "file {name} {len} {crc:08x}");
        }
        lines::seal(text)
    }

    /// Reads an inventory.
    ///
    /// # Errors
    /// It is none, or another version's, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, TextError> {
        let mut lines = lines::open(bytes, TITLE)?;
        let mut fact = |at, name: &str| {
            let fact =
                lines.next().and_then(|(_, line)| line.strip_prefix(name)?.strip_prefix(' '));
            fact.ok_or(TextError::Line(at))
        };
        let directory = fact(2, "directory")?;
        let newest = fact(3, "newest")?;
        let made = fact(4, "made")?;
        let (newest, newest_ms) = newest.split_once(' ').ok_or(TextError::Line(3))?;
        let mut files = Vec::new();
        for (at, line) in lines {
            files.push(file(line).ok_or(TextError::Line(at))?);
        }
        Ok(Self {
            directory: u64::from_str_radix(directory, 16).map_err(|_| TextError::Line(2))?,
            newest: Lsn(newest.parse().map_err(|_| TextError::Line(3))?),
            newest_ms: newest_ms.parse().map_err(|_| TextError::Line(3))?,
            made_ms: made.parse().map_err(|_| TextError::Line(4))?,
            files,
        })
    }

    /// Reads the inventory and the manifest of a backup. They name the same files.
    ///
    /// # Errors
    /// It is no backup, or they are damaged.
    pub(crate) fn read(storage: &impl Storage) -> Result<(Self, Manifest), BackupError> {
        let bytes = storage.read(BACKUP).map_err(|error| match error.kind() {
            ErrorKind::NotFound => BackupError::NoBackup,
            _ => JournalError::io("read", BACKUP)(error).into(),
        })?;
        let inventory = Self::decode(&bytes).map_err(BackupError::Inventory)?;
        let (last, others) = inventory.files.split_last().ok_or(BackupError::Disagree)?;
        if last.name != MANIFEST {
            return Err(BackupError::Disagree);
        }
        let bytes = storage.read(MANIFEST).map_err(|error| match error.kind() {
            ErrorKind::NotFound => BackupError::Missing(MANIFEST.to_owned()),
            _ => JournalError::io("read", MANIFEST)(error).into(),
        })?;
        last.check(Sum::of(&bytes))?;
        let manifest = Manifest::decode(&bytes).map_err(|_| BackupError::Disagree)?;
        let names = others.iter().map(|file| &file.name);
        if manifest.directory != inventory.directory || !names.cloned().eq(manifest.files()) {
            return Err(BackupError::Disagree);
        }
        Ok((inventory, manifest))
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.len).sum()
    }
}

/// What a line says of a file.
fn file(line: &str) -> Option<BackupFile> {
    let mut words = line.strip_prefix("file ")?.split(' ');
    let mut word = || words.next();
    let (name, len, crc) = (word()?, word()?.parse().ok()?, word()?);
    let crc = u32::from_str_radix(crc, 16).ok()?;
    // Nobody is led to files elsewhere.
    let is_ours = is_journal_name(name) || name == MANIFEST;
    (word().is_none() && is_ours).then(|| BackupFile { name: name.to_owned(), len, crc })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory() -> Inventory {
        let file = |name: &str, len| BackupFile { name: name.to_owned(), len, crc: 0xab };
        let files = vec![file("log-0000000003.swl", 99), file(MANIFEST, 7)];
        Inventory { directory: 0xabc, newest: Lsn(12), newest_ms: -5, made_ms: 77, files }
    }

    #[test]
    fn an_inventory_is_read_as_it_was_written() {
        let text = inventory().encode();
        let lines: Vec<&str> = text.lines().collect();
        let expected = [
            "shardwright backup 1",
            "directory 0000000000000abc",
            "newest 12 -5",
            "made 77",
            "file log-0000000003.swl 99 000000ab",
            "file MANIFEST 7 000000ab",
        ];
        assert_eq!(lines[..6], expected);
        assert_eq!(Inventory::decode(text.as_bytes()), Ok(inventory()));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let bytes = inventory().encode().into_bytes();
        for at in 0..bytes.len() {
            assert!(Inventory::decode(&bytes[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert!(Inventory::decode(&damaged).is_err(), "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn files_elsewhere_are_refused() {
        for name in ["../log-0000000003.swl", "/etc/passwd", "notes.txt", "log-3.swl"] {
            let mut inventory = inventory();
            inventory.files[0].name = name.to_owned();
            let decoded = Inventory::decode(inventory.encode().as_bytes());
            assert_eq!(decoded, Err(TextError::Line(5)), "{name}");
        }
    }
}
