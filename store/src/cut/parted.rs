//! Large collections in a cut: written some elements at a time, as the keys of a database are, with
//! the element as the unit. So neither their slices nor their changes take longer than others.
//!
//! Elements have no bit of their own. What changes before it is passed is written first, and its name
//! is kept, so that the slices leave it out; what is passed afterwards and unchanged is as it was at
//! the moment of the cut. An element may so be written twice, the same each time.

use std::collections::HashSet;

use shardwright_codec::rdb::{Collection as Dumped, ObjectType};

use super::Written;
use crate::data::{self, Collection, Elements};
use crate::dict::EntryRef;
use crate::effect::Effect;
use crate::types::{DbIndex, UnixMillis};
use crate::value::{Object, ValueRef};

/// Collections that take more memory in bytes than this are written some elements at a time: about
/// as much as a slice writes.
const PARTED_BYTES: usize = 256 << 10;

/// Elements that are visited between looks at the bounds.
const STEP_ELEMENTS: usize = 32;

/// Bytes of elements that are gathered for a record.
const RECORD_BYTES: usize = 16 << 10;

/// A collection of which some elements are written.
pub(crate) struct Parted {
    /// Its database's number at the moment of the cut.
    pub(super) db: DbIndex,
    pub(super) key: Box<[u8]>,
    kind: ObjectType,
    deadline: Option<UnixMillis>,
    /// Where slices go on.
    cursor: u64,
    /// Names of elements that have changed, which are all written as they were.
    changed: HashSet<Box<[u8]>>,
    elements: Elements,
}

impl Parted {
    /// Nothing of the entry is written yet. Nothing if it is to be written whole.
    pub(super) fn begin(db: DbIndex, entry: &EntryRef<'_>) -> Option<Self> {
        let value = entry.value();
        let is_large = matches!(value, ValueRef::Object(object) if object.memory() > PARTED_BYTES);
        if !is_large || !data::is_named(value) {
            return None;
        }
        Some(Self {
            db,
            key: entry.key().into(),
            kind: data::object_type(value)?,
            deadline: entry.deadline(),
            cursor: 0,
            changed: HashSet::new(),
            elements: Elements::default(),
        })
    }

    /// An element, or several, are about to change.
    #[cold]
    pub(crate) fn write_before_edit<T: Collection>(
        &mut self,
        view: T::View<'_>,
        edit: T::Edit<'_>,
    ) {
        let Self { changed, elements, .. } = self;
        T::names(view, edit, &mut |name| {
            if !changed.contains(name) {
                changed.insert(name.into());
                T::write_named(view, name, elements);
            }
        });
    }

    /// Passes some elements of the collection, which is `value`, and returns how many it has written;
    /// nothing after the last.
    pub(super) fn step(&mut self, value: ValueRef<'_>, out: &mut Written) -> Option<u64> {
        let Self { cursor, changed, elements, .. } = self;
        let before = elements.count();
        let skip = |name: &[u8]| changed.contains(name);
        *cursor = data::write_some(value, *cursor, STEP_ELEMENTS, &skip, elements);
        let (written, more) = (elements.count() - before, *cursor != 0);
        if elements.len() >= RECORD_BYTES {
            self.hand_out(out);
        }
        more.then_some(written)
    }

    /// Writes what was gathered.
    pub(super) fn hand_out(&mut self, out: &mut Written) {
        if self.elements.is_empty() {
            return;
        }
        let mut body = Vec::new();
        self.elements.write(&mut body);
        self.elements.clear();
        let collection = Dumped::new(self.kind, &body);
        out.put(&Effect::Extend { db: self.db, key: &self.key, collection });
    }

    /// Writes what was gathered, and that this is all.
    pub(super) fn finish(mut self, out: &mut Written) {
        self.hand_out(out);
        out.put(&Effect::Expire { db: self.db, key: &self.key, deadline: self.deadline });
        out.keys += 1;
    }

    /// Writes all that is left of the collection, which is `value`.
    pub(super) fn finish_at_once(mut self, value: ValueRef<'_>, out: &mut Written) {
        while self.step(value, out).is_some() {}
        self.finish(out);
    }
}

/// A collection that its key has lost before it was written, or that was made anew.
pub(super) struct Lost {
    pub(super) parted: Parted,
    pub(super) value: Box<Object>,
}
