//! Effects: what a command changed, as values. The log, replication, notifications, client-side
//! caching and WATCH all see the same effects, so a new command cannot forget one of them.
//!
//! An effect says what came out, never what was asked: absolute deadlines, computed numbers, chosen
//! members. Applied in order to an empty partition, effects give the same data, whatever the clock
//! says then. There are few, owned by the data types, never one a command.

use thiserror::Error;

use shardwright_codec::rdb::{Body, Collection, ObjectType, StringWriter};

use crate::data::{self, Edit};
use crate::types::{DbIndex, UnixMillis};
use crate::value::{Object, ValueRef};

/// The name that keyspace notifications give to a change, with its class there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Class, as `notify-keyspace-events` selects it.
    pub class: EventClass,
    /// Redis's name of the event.
    pub name: &'static str,
    /// It does not count as a change for WATCH: what a group knows of a stream, in Redis.
    pub is_aside: bool,
    /// Whoever waits for the key may be served, or has to be told something.
    pub wakes: bool,
}

/// Classes of events, with Redis's letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventClass {
    /// `g`: commands for any type.
    Generic,
    /// `$`: string commands.
    String,
    /// `l`: list commands.
    List,
    /// `s`: set commands.
    Set,
    /// `z`: sorted set commands.
    SortedSet,
    /// `h`: hash commands.
    Hash,
    /// `t`: stream commands.
    Stream,
    /// `x`: a key expired.
    Expired,
}

impl Event {
    /// An event of the generic class.
    pub const fn generic(name: &'static str) -> Self {
        Self { class: EventClass::Generic, name, is_aside: false, wakes: false }
    }

    /// An event of the string class.
    pub const fn string(name: &'static str) -> Self {
        Self { class: EventClass::String, name, is_aside: false, wakes: false }
    }

    /// An event of the list class.
    pub const fn list(name: &'static str) -> Self {
        Self { class: EventClass::List, name, is_aside: false, wakes: false }
    }

    /// An event of the set class.
    pub const fn set(name: &'static str) -> Self {
        Self { class: EventClass::Set, name, is_aside: false, wakes: false }
    }

    /// An event of the sorted set class.
    pub const fn sorted_set(name: &'static str) -> Self {
        Self { class: EventClass::SortedSet, name, is_aside: false, wakes: false }
    }

    /// An event of the hash class.
    pub const fn hash(name: &'static str) -> Self {
        Self { class: EventClass::Hash, name, is_aside: false, wakes: false }
    }

    /// A change of what a group knows of a stream.
    pub const fn group(name: &'static str) -> Self {
        Self { class: EventClass::Stream, name, is_aside: true, wakes: false }
    }

    /// An event of the stream class.
    pub const fn stream(name: &'static str) -> Self {
        Self { class: EventClass::Stream, name, is_aside: false, wakes: false }
    }

    /// The same of a change for which others wait.
    pub const fn waking(self) -> Self {
        Self { wakes: true, ..self }
    }

    /// A change of which nobody is told: Redis has no event for it.
    pub const UNTOLD: Self = Self::generic("");

    /// A key reached its deadline.
    pub const EXPIRED: Self =
        Self { class: EventClass::Expired, name: "expired", is_aside: false, wakes: false };
}

/// One change of one partition.
#[derive(Debug, Clone, Copy)]
pub enum Effect<'a> {
    /// The key has this value and this deadline now.
    Put {
        /// Database.
        db: DbIndex,
        /// Key.
        key: &'a [u8],
        /// The whole value.
        value: ValueRef<'a>,
        /// When the key expires, if it does.
        deadline: Option<UnixMillis>,
    },
    /// Bytes of a string were overwritten from `offset` on; a gap before it is filled with zeros.
    Splice {
        /// Database.
        db: DbIndex,
        /// Key.
        key: &'a [u8],
        /// First byte that changed.
        offset: u64,
        /// What stands there now.
        bytes: &'a [u8],
    },
    /// The key has this collection and this deadline now. It is how the record of a
    /// [`Effect::Put`] with a collection reads.
    Restore {
        /// Database.
        db: DbIndex,
        /// Key.
        key: &'a [u8],
        /// The collection as DUMP gives it.
        collection: Collection<'a>,
        /// When the key expires, if it does.
        deadline: Option<UnixMillis>,
    },
    /// The key's collection has these elements too, or has them with these values. A key that is
    /// absent gets one. So checkpoints have large collections.
    Extend {
        /// Database.
        db: DbIndex,
        /// Key.
        key: &'a [u8],
        /// A collection of these elements as DUMP gives it.
        collection: Collection<'a>,
    },
    /// A collection changed. One that the key does not have yet is made first.
    Edit {
        /// Database.
        db: DbIndex,
        /// Key.
        key: &'a [u8],
        /// The change.
        edit: Edit<'a>,
    },
    /// The key's deadline changed, its value did not.
    Expire {
        /// Database.
        db: DbIndex,
        /// Key.
        key: &'a [u8],
        /// The new deadline; `None` if the key no longer expires.
        deadline: Option<UnixMillis>,
    },
    /// The key is gone.
    Delete {
        /// Database.
        db: DbIndex,
        /// Key.
        key: &'a [u8],
    },
    /// The key moved: another one has its value and its deadline now, in place of what was there.
    /// Both are of this partition.
    Move {
        /// Database that it left.
        db: DbIndex,
        /// Key that is gone.
        key: &'a [u8],
        /// Database that it came to.
        to_db: DbIndex,
        /// Key that has the value now.
        to_key: &'a [u8],
    },
    /// All keys of this partition's part of the database are gone.
    Flush {
        /// Database.
        db: DbIndex,
    },
    /// Two databases changed places.
    Swap {
        /// One database.
        a: DbIndex,
        /// The other.
        b: DbIndex,
    },
}

/// Why bytes are not an effect.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EffectError {
    /// The record ends too early.
    #[error("effect record ends at byte {at}, expected {wanted} more")]
    Truncated {
        /// Where it ends.
        at: usize,
        /// How many bytes were expected beyond.
        wanted: usize,
    },
    /// A tag that no effect or value has.
    #[error(
        "unknown {what} tag {tag} in effect record: the file may have been written by a later version"
    )]
    UnknownTag {
        /// What the tag should have named.
        what: &'static str,
        /// The tag found.
        tag: u8,
    },
    /// There is more than the effects that should be there.
    #[error("{0} bytes too many behind the effects")]
    Surplus(usize),
    /// The effect does not fit the data that it is applied to.
    #[error("effect does not fit the data: {0}")]
    Mismatch(&'static str),
}

mod tag {
    pub const PUT: u8 = 1;
    pub const SPLICE: u8 = 2;
    pub const EXPIRE: u8 = 3;
    pub const DELETE: u8 = 4;
    pub const FLUSH: u8 = 5;
    pub const SWAP: u8 = 6;
    pub const RESTORE: u8 = 7;
    pub const EDIT: u8 = 8;
    pub const MOVE: u8 = 9;
    pub const EXTEND: u8 = 10;

    pub const INT: u8 = 1;
    pub const BYTES: u8 = 2;
    pub const RAW_BYTES: u8 = 3;
}

/// Encodes and decodes effects: little-endian integers, byte strings behind a 32-bit length.
impl<'a> Effect<'a> {
    /// Appends the record of this effect.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Put { db, key, value, deadline } => match value {
                ValueRef::Packed(_) | ValueRef::Object(_) => {
                    put_head(out, tag::RESTORE, db, key);
                    put_deadline(out, deadline);
                    put_collection(out, value);
                }
                _ => {
                    put_head(out, tag::PUT, db, key);
                    put_deadline(out, deadline);
                    put_string(out, value);
                }
            },
            Self::Restore { db, key, collection, deadline } => {
                put_head(out, tag::RESTORE, db, key);
                put_deadline(out, deadline);
                put_dumped(out, collection);
            }
            Self::Extend { db, key, collection } => {
                put_head(out, tag::EXTEND, db, key);
                put_dumped(out, collection);
            }
            Self::Edit { db, key, edit } => {
                put_head(out, tag::EDIT, db, key);
                edit.encode(out);
            }
            Self::Splice { db, key, offset, bytes } => {
                put_head(out, tag::SPLICE, db, key);
                out.extend_from_slice(&offset.to_le_bytes());
                put_bytes(out, bytes);
            }
            Self::Expire { db, key, deadline } => {
                put_head(out, tag::EXPIRE, db, key);
                put_deadline(out, deadline);
            }
            Self::Delete { db, key } => put_head(out, tag::DELETE, db, key),
            Self::Move { db, key, to_db, to_key } => {
                put_head(out, tag::MOVE, db, key);
                out.extend_from_slice(&to_db.0.to_le_bytes());
                put_bytes(out, to_key);
            }
            Self::Flush { db } => put_db(out, tag::FLUSH, db),
            Self::Swap { a, b } => {
                put_db(out, tag::SWAP, a);
                out.extend_from_slice(&b.0.to_le_bytes());
            }
        }
    }

    /// Reads one effect from the front of `input` and tells how long its record was.
    ///
    /// # Errors
    /// The bytes are not the record of an effect.
    pub fn decode(input: &'a [u8]) -> Result<(Self, usize), EffectError> {
        let mut reader = Reader { input, at: 0 };
        let kind = reader.u8()?;
        let db = DbIndex(reader.u16()?);
        let effect = match kind {
            tag::PUT => {
                let key = reader.bytes()?;
                let deadline = reader.deadline()?;
                Self::Put { db, key, value: reader.value()?, deadline }
            }
            tag::SPLICE => {
                let key = reader.bytes()?;
                let offset = reader.u64()?;
                Self::Splice { db, key, offset, bytes: reader.bytes()? }
            }
            tag::RESTORE => {
                let key = reader.bytes()?;
                let deadline = reader.deadline()?;
                Self::Restore { db, key, collection: reader.collection()?, deadline }
            }
            tag::EXTEND => {
                let key = reader.bytes()?;
                Self::Extend { db, key, collection: reader.collection()? }
            }
            tag::EDIT => Self::Edit { db, key: reader.bytes()?, edit: Edit::decode(&mut reader)? },
            tag::EXPIRE => {
                let key = reader.bytes()?;
                Self::Expire { db, key, deadline: reader.deadline()? }
            }
            tag::DELETE => Self::Delete { db, key: reader.bytes()? },
            tag::MOVE => {
                let key = reader.bytes()?;
                let to_db = DbIndex(reader.u16()?);
                Self::Move { db, key, to_db, to_key: reader.bytes()? }
            }
            tag::FLUSH => Self::Flush { db },
            tag::SWAP => Self::Swap { a: db, b: DbIndex(reader.u16()?) },
            tag => return Err(EffectError::UnknownTag { what: "effect", tag }),
        };
        Ok((effect, reader.at))
    }
}

fn put_db(out: &mut Vec<u8>, tag: u8, db: DbIndex) {
    out.push(tag);
    out.extend_from_slice(&db.0.to_le_bytes());
}

fn put_head(out: &mut Vec<u8>, tag: u8, db: DbIndex, key: &[u8]) {
    put_db(out, tag, db);
    put_bytes(out, key);
}

/// Lengths fit in 32 bits: `proto-max-bulk-len` bounds strings, and its range ends below 4 GiB.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// No deadline is written as the smallest number, which no key can have.
fn put_deadline(out: &mut Vec<u8>, deadline: Option<UnixMillis>) {
    out.extend_from_slice(&deadline.map_or(i64::MIN, |d| d.0).to_le_bytes());
}

fn put_string(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Int(n) => {
            out.push(tag::INT);
            out.extend_from_slice(&n.to_le_bytes());
        }
        ValueRef::Bytes { bytes, raw } => {
            out.push(if raw { tag::RAW_BYTES } else { tag::BYTES });
            put_bytes(out, bytes);
        }
        ValueRef::Object(Object::String(bytes)) => {
            put_string(out, ValueRef::Bytes { bytes, raw: true })
        }
        ValueRef::Packed(_) | ValueRef::Object(_) => put_collection(out, value),
    }
}

/// Appends a collection as DUMP gives it. Strings are not compressed: that would hold up the shard.
fn put_collection(out: &mut Vec<u8>, value: ValueRef<'_>) {
    let Some(kind) = data::object_type(value) else { return };
    out.push(kind.code());
    put_long(out, |out| data::write(value, &mut Body::new(&mut StringWriter::new(false), out)));
}

/// Appends a collection that is as DUMP gives it.
fn put_dumped(out: &mut Vec<u8>, collection: Collection<'_>) {
    out.push(collection.kind().code());
    put_long(out, |out| out.extend_from_slice(collection.body()));
}

/// Appends bytes behind a 64-bit length: a collection may be longer than any string.
fn put_long(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 8]);
    put(out);
    let len = (out.len() - at - 8) as u64;
    if let Some(room) = out.get_mut(at..at + 8) {
        room.copy_from_slice(&len.to_le_bytes());
    }
}

/// Reads what a record consists of.
pub(crate) struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], EffectError> {
        let rest = &self.input[self.at..];
        let taken = rest.get(..count).ok_or(EffectError::Truncated {
            at: self.input.len(),
            wanted: count - rest.len().min(count),
        })?;
        self.at += count;
        Ok(taken)
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], EffectError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, EffectError> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Result<u16, EffectError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, EffectError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, EffectError> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], EffectError> {
        let len = self.array().map(u32::from_le_bytes)?;
        self.take(len as usize)
    }

    /// The type of a collection, and what follows it behind a 64-bit length.
    fn collection(&mut self) -> Result<Collection<'a>, EffectError> {
        let tag = self.u8()?;
        let kind = ObjectType::from_code(tag);
        let kind = kind.ok_or(EffectError::UnknownTag { what: "collection", tag })?;
        let len = self.u64()?;
        Ok(Collection::new(kind, self.take(usize::try_from(len).unwrap_or(usize::MAX))?))
    }

    fn deadline(&mut self) -> Result<Option<UnixMillis>, EffectError> {
        self.i64().map(|at| (at != i64::MIN).then_some(UnixMillis(at)))
    }

    fn value(&mut self) -> Result<ValueRef<'a>, EffectError> {
        match self.u8()? {
            tag::INT => self.i64().map(ValueRef::Int),
            tag::BYTES => Ok(ValueRef::Bytes { bytes: self.bytes()?, raw: false }),
            tag::RAW_BYTES => Ok(ValueRef::Bytes { bytes: self.bytes()?, raw: true }),
            tag => Err(EffectError::UnknownTag { what: "value", tag }),
        }
    }
}
