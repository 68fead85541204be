//! Reading a file key by key.

use std::collections::BTreeSet;
use std::io::{self, Read};

use shardwright_codec::rdb::{self, Decoder, Entry, Item};
use shardwright_journal::Progress;
use shardwright_store::commands::string_value::plain_string;
use shardwright_store::data;
use shardwright_store::effect::Effect;
use shardwright_store::types::{DbIndex, UnixMillis};
use shardwright_store::value::{NewValue, ValueRef};
use thiserror::Error;

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;

/// The longest string that an effect can hold. `proto-max-bulk-len` bounds what clients send, and
/// says nothing about files, as in Redis.
const MAX_STRING: usize = u32::MAX as usize;

/// Why a file cannot be loaded.
#[derive(Debug, Error)]
pub enum RdbError {
    /// It cannot be read.
    #[error("it could not be read: {0}")]
    Read(#[from] io::Error),
    /// It is damaged, or of a version or with a type that is not known.
    #[error(transparent)]
    File(#[from] rdb::Error),
    /// It has a database that there is none of here.
    #[error("byte {offset}: database {found}, of which there are {databases} (setting: databases)")]
    Database {
        /// Where it is named.
        offset: u64,
        /// Its number.
        found: u64,
        /// How many there are.
        databases: u16,
    },
    /// It has functions.
    #[error("byte {offset}: a library of functions (FUNCTION2), which are not supported")]
    Functions {
        /// Where.
        offset: u64,
    },
    /// A key of it cannot be taken.
    #[error("{0}")]
    Refused(String),
}

/// What decides about the keys of a file.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Number of databases.
    pub databases: u16,
    /// Keys whose time had come before are left out.
    pub now: UnixMillis,
}

/// What a file had.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Keys that were taken.
    pub loaded: u64,
    /// Keys that were left out, since their time had come.
    pub expired: u64,
    /// Modules whose data beside the keys was passed over.
    pub modules: BTreeSet<String>,
}

/// What a key of a file holds.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// A string, or a value that is there already.
    Value(ValueRef<'a>),
    /// A collection as the file has it, which was found to be whole.
    Collection(rdb::Collection<'a>),
}

/// A key of a file.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// Its database.
    pub db: DbIndex,
    /// The key.
    pub key: &'a [u8],
    /// Its value.
    pub value: Content<'a>,
    /// When it expires, if it does.
    pub deadline: Option<UnixMillis>,
}

impl<'a> Key<'a> {
    fn new(db: DbIndex, entry: Entry<'a>) -> Self {
        let Entry { key, deadline_ms, value, .. } = entry;
        let value = match value {
            rdb::Value::Int(n) => Content::Value(ValueRef::Int(n)),
            rdb::Value::Bytes(bytes) => {
                let raw = matches!(plain_string(bytes), NewValue::Bytes { raw: true, .. });
                Content::Value(ValueRef::Bytes { bytes, raw })
            }
            rdb::Value::Collection(collection) => Content::Collection(collection),
        };
        Self { db, key, value, deadline: deadline_ms.map(UnixMillis) }
    }

    /// The effect that makes it.
    pub fn effect(self) -> Effect<'a> {
        let Self { db, key, value, deadline } = self;
        match value {
            Content::Value(value) => Effect::Put { db, key, value, deadline },
            Content::Collection(collection) => Effect::Restore { db, key, collection, deadline },
        }
    }
}

/// Gives all keys of a file to `take`, but for those whose time had come. They count only if this
/// succeeds: that the file is whole is known at its end.
///
/// # Errors
/// The file is wrong, and where, or `take` failed.
pub fn read<E: From<RdbError>>(
    mut file: impl Read,
    rules: Rules,
    progress: &mut dyn Progress,
    mut take: impl FnMut(Key<'_>) -> Result<(), E>,
) -> Result<Counts, E> {
    let mut decoder = Decoder::new(MAX_STRING);
    let mut buffer = vec![0; PIECE];
    let mut passage = Passage { rules, db: DbIndex(0), counts: Counts::default(), ended: false };
    let mut before = 0;
    while !passage.ended {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(RdbError::Read(error).into()),
        };
        before += count as u64;
        decoder.feed(buffer.get(..count).unwrap_or_default());
        progress.advance(count as u64);
        loop {
            let offset = before - decoder.unread().len() as u64;
            match decoder.next_item().map_err(RdbError::File)? {
                Some(item) => passage.item(offset, item, &mut take)?,
                None => break,
            }
        }
    }
    decoder.finish().map_err(RdbError::File)?;
    Ok(passage.counts)
}

/// Where the reading of a file stands.
struct Passage {
    rules: Rules,
    db: DbIndex,
    counts: Counts,
    ended: bool,
}

impl Passage {
    fn item<E: From<RdbError>>(
        &mut self,
        offset: u64,
        item: Item<'_>,
        take: &mut impl FnMut(Key<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match item {
            // What the file says about itself changes nothing here.
            Item::Aux { .. } | Item::Resize { .. } => {}
            Item::Database(found) => self.db = self.database(offset, found)?,
            Item::Key(Entry { deadline_ms: Some(deadline), .. })
                if UnixMillis(deadline).has_passed(self.rules.now) =>
            {
                self.counts.expired += 1;
            }
            Item::Key(entry) => {
                if let rdb::Value::Collection(collection) = entry.value {
                    let whole = data::check(collection);
                    whole.map_err(|fault| RdbError::File(rdb::Error { offset, fault }))?;
                }
                take(Key::new(self.db, entry))?;
                self.counts.loaded += 1;
            }
            Item::Function(_) => return Err(RdbError::Functions { offset }.into()),
            Item::ModuleAux(id) => _ = self.counts.modules.insert(id.to_string()),
            Item::End { .. } => self.ended = true,
        }
        Ok(())
    }

    fn database(&self, offset: u64, found: u64) -> Result<DbIndex, RdbError> {
        let databases = self.rules.databases;
        let known = u16::try_from(found).ok().filter(|number| *number < databases);
        known.map(DbIndex).ok_or(RdbError::Database { offset, found, databases })
    }
}

#[cfg(test)]
mod tests {
    use shardwright_codec::rdb::{Encoder, Options, Value};

    use super::*;

    const RULES: Rules = Rules { databases: 4, now: UnixMillis(1000) };

    fn keys(file: &[u8]) -> Result<(Vec<String>, Counts), RdbError> {
        let mut keys = Vec::new();
        let counts = read(file, RULES, &mut (), |key| {
            keys.push(format!("{:?}", key.effect()));
            Ok::<(), RdbError>(())
        })?;
        Ok((keys, counts))
    }

    fn file(fill: impl FnOnce(&mut Encoder)) -> Vec<u8> {
        let mut encoder = Encoder::new(Options::default());
        fill(&mut encoder);
        encoder.finish()
    }

    #[test]
    fn keys_become_effects_and_those_whose_time_had_come_are_left_out() {
        let file = file(|encoder| {
            encoder.aux(b"redis-ver", b"7.0.15");
            encoder.resize(3, 3, 3);
            encoder.key(3, b"early", Some(999), &Value::Int(1));
            encoder.key(3, b"now", Some(1000), &Value::Int(7));
            encoder.key(0, b"text", None, &Value::Bytes(&[b'x'; 45]));
        });
        let (keys, counts) = keys(&file).unwrap();
        assert_eq!((counts.loaded, counts.expired), (2, 1));
        assert!(keys[0].contains("DbIndex(3)") && keys[0].contains("Some(UnixMillis(1000))"));
        assert!(keys[0].contains("Int(7)") && keys[1].contains("raw: true"), "{keys:?}");
    }

    #[test]
    fn what_cannot_be_taken_is_named_with_its_place() {
        let refused = |file: &[u8]| keys(file).unwrap_err().to_string();
        let beyond = file(|encoder| encoder.key(4, b"k", None, &Value::Int(1)));
        assert!(
            refused(&beyond).contains("database 4, of which there are 4"),
            "{}",
            refused(&beyond)
        );
        let mut functions = file(|encoder| encoder.aux(b"a", b"b"));
        functions.splice(14..14, *b"\xf5\x03lib");
        assert_eq!(
            refused(&functions),
            "byte 14: a library of functions (FUNCTION2), which are not supported"
        );
        let whole = file(|encoder| encoder.key(1, b"k", None, &Value::Int(1)));
        assert!(refused(&whole[..whole.len() - 1]).contains("the end"));
    }
}
