//! What a file consists of, as the decoder gives it.

use std::fmt;

use super::Value;

/// One thing that a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A fact about the file. Names that are not known are to be passed over.
    Aux {
        /// Its name; `redis-ver`, for one.
        name: &'a [u8],
        /// Its value as a text.
        value: &'a [u8],
    },
    /// The keys that follow are of this database. They are of database 0 before it is said.
    Database(u64),
    /// How much the database is going to hold. Only a hint: it may be wrong.
    Resize {
        /// Keys.
        keys: u64,
        /// Those of them that expire.
        expiring: u64,
    },
    /// A key with its value.
    Key(Entry<'a>),
    /// The source of a library of functions, as FUNCTION LOAD takes it.
    Function(&'a [u8]),
    /// A module's data beside the keys. It was passed over.
    ModuleAux(ModuleId),
    /// The end. Nothing follows.
    End {
        /// Whether the file has a checksum, which then was right. Versions before 5 have none, and
        /// others may leave it out.
        verified: bool,
    },
}

/// A key with its value, and what was said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a [u8],
    /// When it expires, in milliseconds since the Unix epoch. This may be long ago.
    pub deadline_ms: Option<i64>,
    /// For how many seconds it was not used.
    pub idle_s: Option<u64>,
    /// How often it is used, as OBJECT FREQ says it.
    pub frequency: Option<u8>,
    /// Its value.
    pub value: Value<'a>,
}

/// A module's type: nine letters and a version, in 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModuleId(pub u64);

impl fmt::Display for ModuleId {
    /// The nine letters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..9).try_for_each(|at| {
            let letter = match (self.0 >> (58 - 6 * at) & 63) as u8 {
                code @ 0..26 => b'A' + code,
                code @ 26..52 => b'a' + code - 26,
                code @ 52..62 => b'0' + code - 52,
                62 => b'-',
                _ => b'_',
            };
            fmt::Write::write_char(f, char::from(letter))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_has_a_name_of_nine_letters() {
        assert_eq!(ModuleId(0).to_string(), "AAAAAAAAA");
        assert_eq!(ModuleId(u64::MAX).to_string(), "_________");
        let codes = [26, 51, 0, 25, 52, 61, 62, 63, 1];
        let id = codes.iter().fold(0u64, |id, code| id << 6 | code) << 10 | 5;
        assert_eq!(ModuleId(id).to_string(), "azAZ09-_B");
    }
}
