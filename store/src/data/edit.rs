//! One change of a collection, of any type, and its record in the log. What is in a record is for the
//! data types to know.

use super::{hash, list, set, sorted_set, stream};
use crate::effect::{EffectError, Reader};
use crate::value::Kind;

/// One change of a collection.
#[derive(Debug, Clone, Copy)]
pub enum Edit<'a> {
    /// Of a list.
    List(list::Edit<'a>),
    /// Of a set.
    Set(set::Edit<'a>),
    /// Of a sorted set.
    SortedSet(sorted_set::Edit<'a>),
    /// Of a hash.
    Hash(hash::Edit<'a>),
    /// Of a stream.
    Stream(stream::Edit<'a>),
}

impl<'a> Edit<'a> {
    /// Appends the record: the type's number in [`Kind::ALL`], and what the type writes.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::List(edit) => edit.encode(begin(Kind::List, out)),
            Self::Set(edit) => edit.encode(begin(Kind::Set, out)),
            Self::SortedSet(edit) => edit.encode(begin(Kind::SortedSet, out)),
            Self::Hash(edit) => edit.encode(begin(Kind::Hash, out)),
            Self::Stream(edit) => edit.encode(begin(Kind::Stream, out)),
        }
    }

    /// Reads a record.
    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, EffectError> {
        let tag = reader.u8()?;
        Ok(match Kind::ALL.get(usize::from(tag)) {
            Some(Kind::List) => Self::List(list::Edit::decode(reader)?),
            Some(Kind::Set) => Self::Set(set::Edit::decode(reader)?),
            Some(Kind::SortedSet) => Self::SortedSet(sorted_set::Edit::decode(reader)?),
            Some(Kind::Hash) => Self::Hash(hash::Edit::decode(reader)?),
            Some(Kind::Stream) => Self::Stream(stream::Edit::decode(reader)?),
            Some(Kind::String) | None => return Err(EffectError::UnknownTag { what: "type", tag }),
        })
    }
}

fn begin(kind: Kind, out: &mut Vec<u8>) -> &mut Vec<u8> {
    out.push(kind as u8);
    out
}

impl<'a> From<list::Edit<'a>> for Edit<'a> {
    fn from(edit: list::Edit<'a>) -> Self {
        Self::List(edit)
    }
}

impl<'a> From<set::Edit<'a>> for Edit<'a> {
    fn from(edit: set::Edit<'a>) -> Self {
        Self::Set(edit)
    }
}

impl<'a> From<sorted_set::Edit<'a>> for Edit<'a> {
    fn from(edit: sorted_set::Edit<'a>) -> Self {
        Self::SortedSet(edit)
    }
}

impl<'a> From<hash::Edit<'a>> for Edit<'a> {
    fn from(edit: hash::Edit<'a>) -> Self {
        Self::Hash(edit)
    }
}

impl<'a> From<stream::Edit<'a>> for Edit<'a> {
    fn from(edit: stream::Edit<'a>) -> Self {
        Self::Stream(edit)
    }
}
