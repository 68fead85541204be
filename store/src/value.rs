//! What a key can hold, apart from how an entry stores it: the data types, the borrowed form in
//! which values are read and the form in which they are handed in.
//!
//! Nothing here knows keys, tables or memory layout (that is [`crate::dict`]).

use std::fmt;

use crate::data::{Collection, Hash, List, Set, SortedSet, Stream};
use crate::types::UnixMillis;

/// Number of a key's timer in the expiry wheel of its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId(pub u32);

/// When a key expires, and the timer that watches over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// The key is gone from this moment on.
    pub deadline: UnixMillis,
    /// Its timer.
    pub timer: TimerId,
}

/// Data type of a key, as TYPE names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Bytes, or an integer.
    String,
    /// A list of strings.
    List,
    /// A set of strings.
    Set,
    /// A set of strings ordered by score.
    SortedSet,
    /// Fields with values.
    Hash,
    /// A log of entries.
    Stream,
}

impl Kind {
    /// All data types.
    pub const ALL: [Self; 6] =
        [Self::String, Self::List, Self::Set, Self::SortedSet, Self::Hash, Self::Stream];

    /// The name that TYPE replies and SCAN's TYPE option takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "zset",
            Self::Hash => "hash",
            Self::Stream => "stream",
        }
    }

    /// The data type with this name, in any case.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().as_bytes().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value that lives in an allocation of its own because it is long or has structure.
#[derive(Debug, Clone)]
pub enum Object {
    /// A string too long for its entry, or one that was changed in place.
    String(Vec<u8>),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A sorted set.
    SortedSet(SortedSet),
    /// A hash.
    Hash(Hash),
    /// A stream.
    Stream(Stream),
}

/// What the bytes of a small collection are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// A [listpack](shardwright_codec::listpack).
    Listpack,
    /// Integers in ascending order, as [`crate::data::intset`] has them.
    Intset,
}

/// A small collection as the bytes that its entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed<'a> {
    /// Its data type; never a string.
    pub kind: Kind,
    /// What the bytes are.
    pub packing: Packing,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl Object {
    /// The data type.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::String(_) => Kind::String,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::SortedSet(_) => Kind::SortedSet,
            Self::Hash(_) => Kind::Hash,
            Self::Stream(_) => Kind::Stream,
        }
    }

    /// The collection whose bytes these are.
    pub fn from_packed(packed: Packed<'_>) -> Self {
        let Packed { kind, packing, bytes } = packed;
        let bytes = bytes.to_vec();
        match kind {
            Kind::String => Self::String(bytes),
            Kind::List => Self::List(List::unpack(packing, bytes)),
            Kind::Set => Self::Set(Set::unpack(packing, bytes)),
            Kind::SortedSet => Self::SortedSet(SortedSet::unpack(packing, bytes)),
            Kind::Hash => Self::Hash(Hash::unpack(packing, bytes)),
            Kind::Stream => Self::Stream(Stream::unpack(packing, bytes)),
        }
    }

    /// Bytes on the heap, its own box included, before the allocator rounds. Takes constant time.
    pub fn memory(&self) -> usize {
        let content = match self {
            Self::String(bytes) => bytes.capacity(),
            Self::List(list) => list.memory(),
            Self::Set(set) => set.memory(),
            Self::SortedSet(sorted) => sorted.memory(),
            Self::Hash(hash) => hash.memory(),
            Self::Stream(stream) => stream.memory(),
        };
        size_of::<Self>() + content
    }
}

/// A value as it is read.
#[derive(Debug, Clone, Copy)]
pub enum ValueRef<'a> {
    /// A string that is the decimal form of this integer.
    Int(i64),
    /// Any other string.
    Bytes {
        /// Its content.
        bytes: &'a [u8],
        /// Whether OBJECT ENCODING calls it `raw` rather than `embstr`.
        raw: bool,
    },
    /// A small collection.
    Packed(Packed<'a>),
    /// Any other collection; never [`Object::String`].
    Object(&'a Object),
}

impl<'a> ValueRef<'a> {
    /// A value like this one to be stored elsewhere; what has an allocation of its own is copied.
    pub fn to_new(self) -> NewValue<'a> {
        match self {
            Self::Int(n) => NewValue::Int(n),
            Self::Bytes { bytes, raw } => NewValue::Bytes { bytes, raw },
            Self::Packed(packed) => NewValue::Packed(packed),
            Self::Object(object) => NewValue::Object(Box::new(object.clone())),
        }
    }

    /// The data type.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Int(_) | Self::Bytes { .. } => Kind::String,
            Self::Packed(packed) => packed.kind,
            Self::Object(object) => object.kind(),
        }
    }
}

/// A value to be stored.
#[derive(Debug)]
pub enum NewValue<'a> {
    /// A string that is the decimal form of this integer.
    Int(i64),
    /// Any other string; it is copied.
    Bytes {
        /// Its content.
        bytes: &'a [u8],
        /// Whether OBJECT ENCODING shall call it `raw` rather than `embstr`.
        raw: bool,
    },
    /// A small collection; it is copied.
    Packed(Packed<'a>),
    /// A value that is built already. A string handed in like this is `raw`.
    Object(Box<Object>),
}

/// A value taken out of its entry.
#[derive(Debug, Clone)]
pub enum Value {
    /// A string that is the decimal form of this integer.
    Int(i64),
    /// Any other string.
    Bytes {
        /// Its content.
        bytes: Vec<u8>,
        /// Whether OBJECT ENCODING calls it `raw` rather than `embstr`.
        raw: bool,
    },
    /// A collection; never [`Object::String`].
    Object(Box<Object>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_by_their_names_in_any_case() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name().to_uppercase().as_bytes()), Some(kind));
        }
        assert_eq!(Kind::from_name(b"none"), None);
    }

    #[test]
    fn an_object_counts_its_box_and_what_it_has_reserved() {
        let object = Object::String(Vec::with_capacity(100));
        assert_eq!(object.memory(), size_of::<Object>() + 100);
    }
}
