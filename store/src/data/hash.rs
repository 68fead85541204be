//! Hashes: a listpack of fields and values that take turns while they are few and short, a table of
//! fields beyond that. A hash that has become a table stays one, as in Redis.

use std::collections::HashSet;

use shardwright_codec::listpack::{Element, Listpack, ListpackBuf};
use shardwright_codec::number::MAX_I64_LEN;
use shardwright_codec::rdb::{self, Body, Fault, ObjectType, Part};

use super::{Collection, Elements, Make, Shaping, element_of, mix_element, stored};
use crate::dict::{EntryRef, Fields};
use crate::digest::Digest;
use crate::effect::{EffectError, Reader, put_bytes};
use crate::value::{NewValue, Packing};

/// Fields with values.
#[derive(Debug, Clone)]
pub enum Hash {
    /// Few and short ones: field, value, field, value …
    Packed(ListpackBuf),
    /// Any others.
    Table(Fields),
}

/// A hash to read.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    /// Few and short fields.
    Packed(Listpack<'a>),
    /// Any others.
    Table(&'a Fields),
}

/// One change of a hash.
#[derive(Debug, Clone, Copy)]
pub enum Edit<'a> {
    /// The field has this value now.
    Set {
        /// The field.
        field: &'a [u8],
        /// Its value.
        value: &'a [u8],
    },
    /// The field is gone.
    Remove {
        /// The field.
        field: &'a [u8],
    },
}

/// What a change of a hash did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The field is new.
    Added,
    /// The field got another value.
    Changed,
    /// The field is gone.
    Removed,
}

mod tag {
    pub const SET: u8 = 1;
    pub const REMOVE: u8 = 2;
}

impl<'a> Edit<'a> {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Set { field, value } => {
                out.push(tag::SET);
                put_bytes(out, field);
                put_bytes(out, value);
            }
            Self::Remove { field } => {
                out.push(tag::REMOVE);
                put_bytes(out, field);
            }
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, EffectError> {
        Ok(match reader.u8()? {
            tag::SET => Self::Set { field: reader.bytes()?, value: reader.bytes()? },
            tag::REMOVE => Self::Remove { field: reader.bytes()? },
            tag => return Err(EffectError::UnknownTag { what: "change of a hash", tag }),
        })
    }
}

impl<'a> View<'a> {
    /// Number of fields.
    pub fn len(self) -> usize {
        match self {
            Self::Packed(listpack) => listpack.len() / 2,
            Self::Table(fields) => fields.len(),
        }
    }

    /// Whether there are no fields.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The value of a field. Takes constant time in a table.
    #[inline]
    pub fn get(self, field: &[u8]) -> Option<Element<'a>> {
        match self {
            Self::Packed(listpack) => {
                let found = listpack.find(field, 2)?;
                listpack.at(found.end).map(|value| value.element)
            }
            Self::Table(fields) => fields.get(field).map(element_of),
        }
    }

    /// Visits all fields with their values: in the order in which they came while they are few, in
    /// any order otherwise.
    pub fn for_each(self, visit: &mut dyn FnMut(Element<'a>, Element<'a>)) {
        match self {
            Self::Packed(listpack) => {
                let mut elements = listpack.iter();
                while let (Some(field), Some(value)) = (elements.next(), elements.next()) {
                    visit(field.element, value.element);
                }
            }
            Self::Table(fields) => fields.iter().for_each(|entry| {
                let (field, value) = pair_of(entry);
                visit(field, value);
            }),
        }
    }

    /// The field with this number in the order in which they came, if they are few.
    fn numbered(self, number: usize) -> Option<(Element<'a>, Element<'a>)> {
        let Self::Packed(listpack) = self else { return None };
        let field = listpack.get(number.checked_mul(2)?)?;
        listpack.at(field.end).map(|value| (field.element, value.element))
    }

    /// A field, each as likely as any other, with its value. `next_random` gives 64 random bits.
    pub fn random(
        self,
        next_random: &mut dyn FnMut() -> u64,
    ) -> Option<(Element<'a>, Element<'a>)> {
        match self {
            Self::Packed(_) => self.numbered(below(next_random, self.len())),
            Self::Table(fields) => fields.random(next_random).map(pair_of),
        }
    }

    /// `count` different fields with their values, or all if there are not so many; each set of
    /// fields is as likely as any other. Takes time and memory in proportion to `count`.
    pub fn sample(
        self,
        count: usize,
        next_random: &mut dyn FnMut() -> u64,
    ) -> Vec<(Element<'a>, Element<'a>)> {
        if let Self::Table(fields) = self
            && count < self.len() / SPARSE
        {
            let (mut seen, mut chosen) = (HashSet::with_capacity(count), Vec::new());
            while chosen.len() < count {
                let Some(entry) = fields.random(next_random) else { break };
                if seen.insert(entry.key()) {
                    chosen.push(pair_of(entry));
                }
            }
            return chosen;
        }
        let mut all = self.all();
        let count = count.min(all.len());
        for at in 0..count {
            let other = at + below(next_random, all.len() - at);
            all.swap(at, other);
        }
        all.truncate(count);
        all
    }

    /// All fields with their values.
    pub fn all(self) -> Vec<(Element<'a>, Element<'a>)> {
        let mut all = Vec::with_capacity(self.len());
        self.for_each(&mut |field, value| all.push((field, value)));
        all
    }

    /// Visits fields from `cursor` on, about `count` of them; all of them while they are few.
    /// Returns where to go on; 0 at the end.
    pub fn scan(
        self,
        cursor: u64,
        count: usize,
        visit: &mut dyn FnMut(Element<'_>, Element<'_>),
    ) -> u64 {
        match self {
            Self::Packed(_) => {
                self.for_each(&mut |field, value| visit(field, value));
                0
            }
            Self::Table(fields) => fields.scan(cursor, count, &mut |entry| {
                let (field, value) = pair_of(entry);
                visit(field, value);
            }),
        }
    }
}

/// A sample that takes a smaller part than this of a table is chosen field by field; a larger one
/// out of a list of all fields, since too many fields would be chosen twice.
const SPARSE: usize = 3;

/// A number below `end`, each as likely as any other (the bias is below `end` / 2^64).
fn below(next_random: &mut dyn FnMut() -> u64, end: usize) -> usize {
    ((u128::from(next_random()) * end as u128) >> 64) as usize
}

fn pair_of(entry: EntryRef<'_>) -> (Element<'_>, Element<'_>) {
    (Element::Bytes(entry.key()), element_of(entry.value()))
}

fn put_field(body: &mut Body<'_>, entry: EntryRef<'_>) {
    body.text(entry.key());
    body.element(element_of(entry.value()));
}

impl Hash {
    fn set(&mut self, field: &[u8], value: &[u8], shaping: &Shaping) -> Done {
        let limits = &shaping.encodings;
        if let Self::Packed(listpack) = self {
            let short = field.len().max(value.len()) <= limits.hash_max_listpack_value;
            let found = listpack.view().find(field, 2);
            let room = limits.hash_max_listpack_entries.checked_sub(listpack.view().len() / 2);
            match found.and_then(|found| listpack.view().at(found.end)) {
                // There may be too many already: the setting can change.
                Some(old) if short && room.is_some() => {
                    listpack.replace(old.at..old.end, Element::of(value));
                    return Done::Changed;
                }
                None if short && room > Some(0) => {
                    listpack.push(Element::of(field));
                    listpack.push(Element::of(value));
                    return Done::Added;
                }
                _ => self.become_table(shaping),
            }
        }
        let Self::Table(fields) = self else { return Done::Changed };
        if fields.insert(field, stored(value)) { Done::Added } else { Done::Changed }
    }

    fn remove(&mut self, field: &[u8]) -> bool {
        match self {
            Self::Packed(listpack) => {
                let Some(found) = listpack.view().find(field, 2) else { return false };
                let value = listpack.view().at(found.end);
                listpack.remove(found.at..value.map_or(found.end, |value| value.end), 2);
                true
            }
            Self::Table(fields) => fields.remove(field),
        }
    }

    fn become_table(&mut self, shaping: &Shaping) {
        let mut fields = Fields::new(shaping.hasher);
        self.view().for_each(&mut |field, value| {
            let value = match value {
                Element::Int(number) => NewValue::Int(number),
                Element::Bytes(bytes) => stored(bytes),
            };
            fields.insert(field.text(&mut [0; MAX_I64_LEN]), value);
        });
        *self = Self::Table(fields);
    }
}

impl Collection for Hash {
    super::in_object!(Hash);
    type View<'a> = View<'a>;
    type Edit<'a> = Edit<'a>;
    type Done = Done;

    fn empty(buffer: Vec<u8>) -> Self {
        Self::Packed(ListpackBuf::from_empty(buffer))
    }

    fn unpack(_: Packing, bytes: Vec<u8>) -> Self {
        Self::Packed(ListpackBuf::trusted(bytes))
    }

    fn pack(self) -> Result<(Packing, Vec<u8>), Self> {
        match self {
            Self::Packed(listpack) => Ok((Packing::Listpack, listpack.into_bytes())),
            Self::Table(_) => Err(self),
        }
    }

    fn packed_len(&self) -> Option<usize> {
        match self {
            Self::Packed(listpack) => Some(listpack.view().bytes().len()),
            Self::Table(_) => None,
        }
    }

    fn view(&self) -> View<'_> {
        match self {
            Self::Packed(listpack) => View::Packed(listpack.view()),
            Self::Table(fields) => View::Table(fields),
        }
    }

    fn view_packed(_: Packing, bytes: &[u8]) -> View<'_> {
        View::Packed(Listpack::trusted(bytes))
    }

    fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    fn memory(&self) -> usize {
        match self {
            Self::Packed(listpack) => listpack.capacity(),
            Self::Table(fields) => fields.memory(),
        }
    }

    fn apply(&mut self, edit: Edit<'_>, shaping: &Shaping) -> Option<Done> {
        match edit {
            Edit::Set { field, value } => Some(self.set(field, value, shaping)),
            Edit::Remove { field } => self.remove(field).then_some(Done::Removed),
        }
    }

    fn encoding(view: View<'_>) -> &'static str {
        match view {
            View::Packed(_) => "listpack",
            View::Table(_) => "hashtable",
        }
    }

    fn digest(view: View<'_>, digest: &mut Digest) {
        view.for_each(&mut |field, value| {
            let mut pair = Digest::default();
            mix_element(&mut pair, field);
            mix_element(&mut pair, value);
            digest.add_digest(pair);
        });
    }

    fn object_type(view: View<'_>) -> ObjectType {
        match view {
            View::Packed(_) => ObjectType::HashListpack,
            View::Table(_) => ObjectType::Hash,
        }
    }

    fn write(view: View<'_>, body: &mut Body<'_>) {
        match view {
            View::Packed(listpack) => body.text(listpack.bytes()),
            View::Table(fields) => {
                body.length(fields.len() as u64);
                fields.iter().for_each(|entry| put_field(body, entry));
            }
        }
    }

    fn read(collection: rdb::Collection<'_>, shaping: &Shaping) -> Result<Self, Fault> {
        let mut hash = Self::empty(Vec::new());
        Self::edits(collection, &mut |edit| match hash.apply(edit, shaping) {
            Some(Done::Added) => Ok(()),
            _ => Err("a field that is there twice"),
        })?;
        if hash.is_empty() { Err(collection.fault("no elements")) } else { Ok(hash) }
    }

    fn is_named(view: View<'_>) -> bool {
        matches!(view, View::Table(_))
    }

    fn write_some(
        view: View<'_>,
        cursor: u64,
        count: usize,
        skip: &dyn Fn(&[u8]) -> bool,
        out: &mut Elements,
    ) -> u64 {
        let View::Table(fields) = view else { return 0 };
        fields.scan_fetched(cursor, count, &mut |entry| {
            if !skip(entry.key()) {
                out.add(|body| put_field(body, entry));
            }
        })
    }

    fn write_named(view: View<'_>, name: &[u8], out: &mut Elements) {
        if let View::Table(fields) = view
            && let Some(entry) = fields.entry(name)
        {
            out.add(|body| put_field(body, entry));
        }
    }

    fn names(_: View<'_>, edit: Edit<'_>, visit: &mut dyn FnMut(&[u8])) {
        let (Edit::Set { field, .. } | Edit::Remove { field }) = edit;
        visit(field);
    }

    fn empty_named(shaping: &Shaping, _: Vec<u8>) -> Self {
        Self::Table(Fields::new(shaping.hasher))
    }

    fn edits(collection: rdb::Collection<'_>, make: &mut Make<'_, Self>) -> Result<(), Fault> {
        let mut field: Option<Vec<u8>> = None;
        collection.visit(&mut |part| {
            let Part::Text(value) = part else { return Err("a score in a hash") };
            match field.take() {
                None => field = Some(value.to_vec()),
                Some(field) => make(Edit::Set { field: &field, value })?,
            }
            Ok(())
        })?;
        if field.is_some() { Err(collection.fault("a field without a value")) } else { Ok(()) }
    }
}

#[cfg(test)]
#[path = "hash_tests.rs"]
mod tests;
