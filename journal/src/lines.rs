//! Small text files that are replaced as a whole, so that each is always the old one or the new one.
//!
//! They are text so that somebody at night can read them: a line that names the format, one for each
//! fact, and a last one with the CRC-32 of all before it.

use thiserror::Error;

use crate::error::JournalError;
use crate::storage::{Storage, StorageFile};

/// Why bytes are not such a text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TextError {
    /// The checksum fits, and the first line is another one.
    #[error(
        "it is a \"{found}\", written by another version of the program; this one reads \"{wanted}\""
    )]
    Title {
        /// The first line.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// The checksum is missing or does not fit.
    #[error("its last line does not have the checksum of the others")]
    Checksum,
    /// A line that means nothing here, or is missing.
    #[error("line {0} does not say what it should")]
    Line(usize),
}

/// The text with its last line.
pub(crate) fn seal(text: String) -> String {
    let crc = crc32fast::hash(text.as_bytes());
    format!("{text}crc32 {crc:08x}\n")
}

/// The lines between the first and the last, with their numbers.
///
/// # Errors
/// The first or the last is not what it should be.
pub(crate) fn open<'t>(
    bytes: &'t [u8],
    title: &'static str,
) -> Result<impl Iterator<Item = (usize, &'t str)>, TextError> {
    let text = std::str::from_utf8(bytes).map_err(|_| TextError::Checksum)?;
    let body = text.rfind("crc32 ").map_or("", |at| &text[..at]);
    if seal(body.to_owned()) != text {
        return Err(TextError::Checksum);
    }
    let mut lines = (1..).zip(body.lines());
    match lines.next().map_or("", |(_, first)| first) {
        first if first == title => Ok(lines),
        first => Err(TextError::Title { found: first.to_owned(), wanted: title }),
    }
}

/// Puts a text in the place of the one before, durably.
///
/// # Errors
/// Storage failed. Which of the two counts is unknown then.
pub(crate) fn replace(storage: &impl Storage, name: &str, text: &[u8]) -> Result<(), JournalError> {
    let next = format!("{name}.new");
    let mut file = storage.create(&next).map_err(JournalError::io("create", &next))?;
    file.write(text).map_err(JournalError::io("write", &next))?;
    file.sync().map_err(JournalError::io("sync", &next))?;
    storage.rename(&next, name).map_err(JournalError::io("rename", &next))?;
    storage.sync_directory().map_err(JournalError::io("sync the directory of", name))
}
