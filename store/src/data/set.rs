//! Sets: integers in ascending order while there are only such and few, a listpack of few and short
//! members, a table beyond that.
//!
//! Redis knows two encodings: `intset`, which a set leaves for good with its first member that is no
//! integer or the one that is too many, and `hashtable`. The listpack is ours alone and goes by that
//! second name. Integers beyond [`INTSET_MEMBERS`] are in a table even where the settings let them
//! be an intset, so that no change has to move or convert more; the set keeps the name.

mod view;

use shardwright_codec::listpack::{Element, Listpack, ListpackBuf};
use shardwright_codec::number::MAX_I64_LEN;
use shardwright_codec::rdb::{self, Body, Fault, ObjectType, Part};

pub use view::View;

use super::intset::{Intset, IntsetBuf};
use super::{Collection, Elements, Make, Shaping};
use crate::dict::Fields;
use crate::digest::Digest;
use crate::effect::{EffectError, Reader, put_bytes};
use crate::value::{Kind, NewValue, Object, Packing};

/// Most members of a listpack: it is searched from its beginning.
const PACKED_MEMBERS: usize = 32;

/// Longest member of a listpack in bytes.
const PACKED_MEMBER_BYTES: usize = 64;

/// Most bytes of a listpack.
const PACKED_BYTES: usize = 512;

/// Most integers in ascending order: so many move in some 5 µs and become a table in 2 ms.
const INTSET_MEMBERS: usize = 1 << 14;

/// Strings, each once.
#[derive(Debug, Clone)]
pub enum Set {
    /// Integers only.
    Intset(IntsetBuf),
    /// Few and short members.
    Packed(ListpackBuf),
    /// Any others.
    Table(Fields),
    /// Integers only, and many. To clients it is an intset.
    Integers(Fields),
}

/// One change of a set.
#[derive(Debug, Clone, Copy)]
pub enum Edit<'a> {
    /// The member is there now.
    Add(&'a [u8]),
    /// The member is gone.
    Remove(&'a [u8]),
}

mod tag {
    pub const ADD: u8 = 1;
    pub const REMOVE: u8 = 2;
}

impl<'a> Edit<'a> {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let (tag, member) = match self {
            Self::Add(member) => (tag::ADD, member),
            Self::Remove(member) => (tag::REMOVE, member),
        };
        out.push(tag);
        put_bytes(out, member);
    }

    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, EffectError> {
        match reader.u8()? {
            tag::ADD => Ok(Self::Add(reader.bytes()?)),
            tag::REMOVE => Ok(Self::Remove(reader.bytes()?)),
            tag => Err(EffectError::UnknownTag { what: "change of a set", tag }),
        }
    }
}

/// Adds a member to a table. Returns whether it is new.
fn put(fields: &mut Fields, member: &[u8]) -> bool {
    fields.insert(member, NewValue::Bytes { bytes: b"", raw: false })
}

/// The integer that a member is.
fn integer(member: &[u8]) -> Option<i64> {
    match Element::of(member) {
        Element::Int(number) => Some(number),
        Element::Bytes(_) => None,
    }
}

impl Set {
    /// An empty set that is a table from the beginning, to look many members up in it.
    pub fn new_table(shaping: &Shaping) -> Self {
        Self::Table(Fields::new(shaping.hasher))
    }

    /// Adds a member. Returns whether it is new. At most [`INTSET_MEMBERS`] others are moved or
    /// converted.
    pub fn add(&mut self, member: &[u8], shaping: &Shaping) -> bool {
        let most = shaping.encodings.set_max_intset_entries;
        match self {
            Self::Intset(integers) => match integer(member) {
                Some(number) if !integers.insert(number) => return false,
                Some(_) => {
                    let len = integers.view().len();
                    if len > most {
                        self.leave_integers(shaping);
                    } else if len > INTSET_MEMBERS {
                        *self = Self::Integers(self.to_table(shaping));
                    }
                    return true;
                }
                None => self.leave_integers(shaping),
            },
            Self::Integers(fields) => {
                let is_integer = integer(member).is_some();
                if is_integer && !put(fields, member) {
                    return false;
                }
                if !is_integer || fields.len() > most {
                    self.leave_integers(shaping);
                }
                if is_integer {
                    return true;
                }
            }
            Self::Packed(_) | Self::Table(_) => {}
        }
        if let Self::Packed(listpack) = self {
            let view = listpack.view();
            if view.find(member, 1).is_some() {
                return false;
            }
            let element = Element::of(member);
            if member.len() <= PACKED_MEMBER_BYTES
                && view.len() < PACKED_MEMBERS
                && view.bytes().len() + element.stored_len() <= PACKED_BYTES
            {
                listpack.push(element);
                return true;
            }
            *self = Self::Table(self.to_table(shaping));
        }
        if let Self::Table(fields) = self { put(fields, member) } else { false }
    }

    fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Intset(integers) => integer(member).is_some_and(|number| integers.remove(number)),
            Self::Packed(listpack) => {
                let Some(found) = listpack.view().find(member, 1) else { return false };
                listpack.remove(found.at..found.end, 1);
                true
            }
            Self::Table(fields) | Self::Integers(fields) => fields.remove(member),
        }
    }

    /// Becomes what Redis calls a hashtable.
    fn leave_integers(&mut self, shaping: &Shaping) {
        *self = match std::mem::replace(self, Self::Packed(ListpackBuf::default())) {
            Self::Intset(integers) if integers.view().is_empty() => {
                Self::Packed(ListpackBuf::from_empty(integers.into_bytes()))
            }
            Self::Intset(integers) if integers.view().len() <= PACKED_MEMBERS => {
                let mut listpack = ListpackBuf::default();
                integers.view().iter().for_each(|number| listpack.push(Element::Int(number)));
                Self::Packed(listpack)
            }
            set @ Self::Intset(_) => Self::Table(set.to_table(shaping)),
            Self::Integers(fields) => Self::Table(fields),
            set => set,
        };
    }

    fn to_table(&self, shaping: &Shaping) -> Fields {
        let mut fields = Fields::new(shaping.hasher);
        self.view().for_each(&mut |member| {
            put(&mut fields, member.text(&mut [0; MAX_I64_LEN]));
        });
        fields
    }
}

impl Collection for Set {
    const KIND: Kind = Kind::Set;
    type View<'a> = View<'a>;
    type Edit<'a> = Edit<'a>;
    type Done = ();

    fn empty(buffer: Vec<u8>) -> Self {
        Self::Intset(IntsetBuf::from_empty(buffer))
    }

    fn unpack(packing: Packing, bytes: Vec<u8>) -> Self {
        match packing {
            Packing::Intset => Self::Intset(IntsetBuf::trusted(bytes)),
            Packing::Listpack => Self::Packed(ListpackBuf::trusted(bytes)),
        }
    }

    fn pack(self) -> Result<(Packing, Vec<u8>), Self> {
        match self {
            Self::Intset(integers) => Ok((Packing::Intset, integers.into_bytes())),
            Self::Packed(listpack) => Ok((Packing::Listpack, listpack.into_bytes())),
            Self::Table(_) | Self::Integers(_) => Err(self),
        }
    }

    fn packed_len(&self) -> Option<usize> {
        match self {
            Self::Intset(integers) => Some(integers.view().bytes().len()),
            Self::Packed(listpack) => Some(listpack.view().bytes().len()),
            Self::Table(_) | Self::Integers(_) => None,
        }
    }

    fn view(&self) -> View<'_> {
        match self {
            Self::Intset(integers) => View::Intset(integers.view()),
            Self::Packed(listpack) => View::Packed(listpack.view()),
            Self::Table(fields) => View::Table(fields),
            Self::Integers(fields) => View::Integers(fields),
        }
    }

    fn view_packed(packing: Packing, bytes: &[u8]) -> View<'_> {
        match packing {
            Packing::Intset => View::Intset(Intset::trusted(bytes)),
            Packing::Listpack => View::Packed(Listpack::trusted(bytes)),
        }
    }

    fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    fn memory(&self) -> usize {
        match self {
            Self::Intset(integers) => integers.capacity(),
            Self::Packed(listpack) => listpack.capacity(),
            Self::Table(fields) | Self::Integers(fields) => fields.memory(),
        }
    }

    fn apply(&mut self, edit: Edit<'_>, shaping: &Shaping) -> Option<()> {
        match edit {
            Edit::Add(member) => self.add(member, shaping).then_some(()),
            Edit::Remove(member) => self.remove(member).then_some(()),
        }
    }

    fn of(object: &Object) -> Option<&Self> {
        if let Object::Set(set) = object { Some(set) } else { None }
    }

    fn of_mut(object: &mut Object) -> Option<&mut Self> {
        if let Object::Set(set) = object { Some(set) } else { None }
    }

    fn into_object(mut self) -> Object {
        if let Self::Intset(integers) = &mut self {
            // What it was built in may be much longer.
            integers.shrink();
        }
        Object::Set(self)
    }

    fn encoding(view: View<'_>) -> &'static str {
        match view {
            View::Intset(_) | View::Integers(_) => "intset",
            View::Packed(_) | View::Table(_) => "hashtable",
        }
    }

    fn digest(view: View<'_>, digest: &mut Digest) {
        view.for_each(&mut |member| digest.add(member.text(&mut [0; MAX_I64_LEN])));
    }

    fn object_type(view: View<'_>) -> ObjectType {
        match view {
            View::Intset(_) => ObjectType::SetIntset,
            View::Packed(_) | View::Table(_) | View::Integers(_) => ObjectType::Set,
        }
    }

    fn write(view: View<'_>, body: &mut Body<'_>) {
        if let View::Intset(integers) = view {
            body.text(integers.bytes());
            return;
        }
        body.length(view.len() as u64);
        view.for_each(&mut |member| body.element(member));
    }

    fn read(collection: rdb::Collection<'_>, shaping: &Shaping) -> Result<Self, Fault> {
        let mut set = Self::empty(Vec::new());
        Self::edits(collection, &mut |edit| {
            set.apply(edit, shaping).ok_or("a member that is there twice")
        })?;
        if set.is_empty() { Err(collection.fault("no elements")) } else { Ok(set) }
    }

    fn is_named(view: View<'_>) -> bool {
        matches!(view, View::Table(_) | View::Integers(_))
    }

    fn write_some(
        view: View<'_>,
        cursor: u64,
        count: usize,
        skip: &dyn Fn(&[u8]) -> bool,
        out: &mut Elements,
    ) -> u64 {
        let (View::Table(fields) | View::Integers(fields)) = view else { return 0 };
        fields.scan_fetched(cursor, count, &mut |entry| {
            if !skip(entry.key()) {
                out.add(|body| body.text(entry.key()));
            }
        })
    }

    fn write_named(view: View<'_>, name: &[u8], out: &mut Elements) {
        if view.contains(name) {
            out.add(|body| body.text(name));
        }
    }

    fn names(_: View<'_>, edit: Edit<'_>, visit: &mut dyn FnMut(&[u8])) {
        let (Edit::Add(member) | Edit::Remove(member)) = edit;
        visit(member);
    }

    fn edits(collection: rdb::Collection<'_>, make: &mut Make<'_, Self>) -> Result<(), Fault> {
        collection.visit(&mut |part| match part {
            Part::Text(member) => make(Edit::Add(member)),
            Part::Score(_) => Err("a score in a set"),
        })
    }
}

#[cfg(test)]
mod tests;
