//! The data types but strings: one module each, which owns its structure, its changes and its form
//! in dumps. They know nothing of RESP, of keys, nor of who asks.
//!
//! A small collection is a run of bytes in its entry ([`Packed`]), a large one an [`Object`] with
//! structure. Handlers see neither: they read through a type's [`View`](Collection::View), and change
//! through an [`Editor`], which records every change as its [`Edit`]. To apply an edit is the only way
//! to change a collection, for commands and for the replay of a log alike, so that both come to the
//! same.

mod blocks;
pub mod edit;
pub(crate) mod elements;
pub mod hash;
pub mod intset;
pub mod list;
pub mod set;
pub mod shape;
pub mod sorted_set;
pub mod stream;

pub use edit::Edit;
pub use elements::Elements;
pub use hash::Hash;
pub use list::List;
pub use set::Set;
pub use shape::{Encodings, Shaping};
pub use sorted_set::SortedSet;
pub use stream::Stream;

use shardwright_codec::listpack::Element;
use shardwright_codec::number::MAX_I64_LEN;
use shardwright_codec::rdb::{self, Body, Fault, ObjectType};

use crate::cut::Parted;
use crate::digest::Digest;
use crate::hash::KeyHasher;
use crate::partition::editing::Recorder;
use crate::value::{Kind, NewValue, Object, Packed, Packing, ValueRef};

/// Longest packed collection in bytes that lives in its entry. Changing it copies it twice, which
/// costs more than an allocation of its own beyond this.
pub const INLINE_COLLECTION_MAX: usize = 1024;

/// What a data type says of itself as an [`Object`].
macro_rules! in_object {
    ($kind:ident) => {
        const KIND: crate::value::Kind = crate::value::Kind::$kind;

        fn of(object: &crate::value::Object) -> Option<&Self> {
            if let crate::value::Object::$kind(own) = object { Some(own) } else { None }
        }

        fn of_mut(object: &mut crate::value::Object) -> Option<&mut Self> {
            if let crate::value::Object::$kind(own) = object { Some(own) } else { None }
        }

        fn into_object(self) -> crate::value::Object {
            crate::value::Object::$kind(self)
        }
    };
}
use in_object;

/// A data type that has elements.
pub trait Collection: Sized + Clone + 'static {
    /// Its data type.
    const KIND: Kind;
    /// Whether its key stays when it has no elements left.
    const STAYS_EMPTY: bool = false;
    /// The collection to read, whatever its form.
    type View<'a>: Copy;
    /// One change.
    type Edit<'a>: Copy + Into<Edit<'a>>;
    /// What a change did.
    type Done;

    /// An empty one, in the memory of `buffer`, whose content goes.
    fn empty(buffer: Vec<u8>) -> Self;

    /// The collection whose packed form these bytes are.
    fn unpack(packing: Packing, bytes: Vec<u8>) -> Self;

    /// Its packed form, if it has that now.
    ///
    /// # Errors
    /// It has structure: it is handed back.
    fn pack(self) -> Result<(Packing, Vec<u8>), Self>;

    /// Length of its packed form in bytes, if it has that now.
    fn packed_len(&self) -> Option<usize>;

    /// The collection to read.
    fn view(&self) -> Self::View<'_>;

    /// A packed collection to read.
    fn view_packed(packing: Packing, bytes: &[u8]) -> Self::View<'_>;

    /// Whether it has no elements, and so must not stay unless [`Collection::STAYS_EMPTY`] says it.
    fn is_empty(&self) -> bool;

    /// Bytes on the heap. Takes constant time.
    fn memory(&self) -> usize;

    /// Makes one change. Returns what it did; nothing if there was nothing to change or if the change
    /// does not fit, and then all is as before.
    fn apply(&mut self, edit: Self::Edit<'_>, shaping: &Shaping) -> Option<Self::Done>;

    /// The collection as a change leaves it, and what the change did, where it takes less to make it
    /// anew than to change it: the old one is set aside then, since it may take long to free.
    fn remade(&self, _: Self::Edit<'_>) -> Option<(Self, Self::Done)> {
        None
    }

    /// The collection in an object, if it is one of this type.
    fn of(object: &Object) -> Option<&Self>;

    /// The same, to be changed.
    fn of_mut(object: &mut Object) -> Option<&mut Self>;

    /// The collection as an object.
    fn into_object(self) -> Object;

    /// Redis's name of its encoding.
    fn encoding(view: Self::View<'_>) -> &'static str;

    /// Mixes the elements into a digest exactly as Redis's DEBUG DIGEST-VALUE does.
    fn digest(view: Self::View<'_>, digest: &mut Digest);

    /// Mixes everything in that a client could ever see.
    fn exact_digest(view: Self::View<'_>, digest: &mut Digest) {
        Self::digest(view, digest);
    }

    /// The type as which it is written in dumps and files.
    fn object_type(view: Self::View<'_>) -> ObjectType;

    /// Writes what follows the type.
    fn write(view: Self::View<'_>, body: &mut Body<'_>);

    /// Reads one that Redis or this server has written, in any form that Redis has for it.
    ///
    /// # Errors
    /// It is damaged or of another type.
    fn read(collection: rdb::Collection<'_>, shaping: &Shaping) -> Result<Self, Fault>;

    /// Whether its elements have names by which it finds them, in any order: then it can be written
    /// some elements at a time while it changes.
    fn is_named(_: Self::View<'_>) -> bool {
        false
    }

    /// Writes elements from `cursor` on, about `count` of them, but those whose name `skip` tells.
    /// Returns where to go on; 0 at the end, as at the beginning. An element that is there from the
    /// first step to the last is passed, whatever else comes and goes.
    fn write_some(
        _: Self::View<'_>,
        _cursor: u64,
        _count: usize,
        _skip: &dyn Fn(&[u8]) -> bool,
        _out: &mut Elements,
    ) -> u64 {
        0
    }

    /// Writes the element of this name, if there is one.
    fn write_named(_: Self::View<'_>, _name: &[u8], _out: &mut Elements) {}

    /// Tells the names of the elements that a change makes, changes or removes.
    fn names(_: Self::View<'_>, _: Self::Edit<'_>, _visit: &mut dyn FnMut(&[u8])) {}

    /// An empty one in the form that those have which are written some elements at a time, so that
    /// it has that from the beginning; maybe in the memory of `buffer`, whose content goes.
    fn empty_named(_: &Shaping, buffer: Vec<u8>) -> Self {
        Self::empty(buffer)
    }

    /// Hands out the changes that give a collection elements which were written like this.
    ///
    /// # Errors
    /// They are damaged or of another type, or a change was refused, with a reason.
    fn edits(collection: rdb::Collection<'_>, _make: &mut Make<'_, Self>) -> Result<(), Fault> {
        Err(Fault::Unsupported { key: None, kind: collection.kind() })
    }

    /// The collection that a value is, if it is one of this type.
    #[inline]
    fn view_of(value: ValueRef<'_>) -> Option<Self::View<'_>> {
        match value {
            ValueRef::Packed(Packed { kind, packing, bytes }) if kind == Self::KIND => {
                Some(Self::view_packed(packing, bytes))
            }
            ValueRef::Object(object) => Self::of(object).map(Self::view),
            _ => None,
        }
    }
}

/// Makes a change of a collection, or tells why not.
pub type Make<'m, T> = dyn FnMut(<T as Collection>::Edit<'_>) -> Result<(), &'static str> + 'm;

/// Calls a generic function for the collection that a value is.
macro_rules! for_collection {
    ($value:expr, $call:ident ( $($argument:expr),* ), $otherwise:expr) => {
        match $value.kind() {
            Kind::String => $otherwise,
            Kind::List => $call::<List>($($argument),*),
            Kind::Set => $call::<Set>($($argument),*),
            Kind::SortedSet => $call::<SortedSet>($($argument),*),
            Kind::Hash => $call::<Hash>($($argument),*),
            Kind::Stream => $call::<Stream>($($argument),*),
        }
    };
}

/// Redis's name of a collection's encoding.
pub fn encoding(value: ValueRef<'_>) -> &'static str {
    fn of<T: Collection>(value: ValueRef<'_>) -> &'static str {
        T::view_of(value).map_or("", T::encoding)
    }
    for_collection!(value, of(value), "raw")
}

/// Mixes a collection's elements into a digest, as Redis does.
pub fn digest(value: ValueRef<'_>, digest: &mut Digest) {
    fn of<T: Collection>(value: ValueRef<'_>, digest: &mut Digest) {
        T::view_of(value).into_iter().for_each(|view| T::digest(view, digest));
    }
    for_collection!(value, of(value, digest), ());
}

/// Mixes everything of a collection in that a client could ever see.
pub fn exact_digest(value: ValueRef<'_>, digest: &mut Digest) {
    fn of<T: Collection>(value: ValueRef<'_>, digest: &mut Digest) {
        T::view_of(value).into_iter().for_each(|view| T::exact_digest(view, digest));
    }
    for_collection!(value, of(value, digest), ());
}

/// The type as which a collection is written; none for a string.
pub fn object_type(value: ValueRef<'_>) -> Option<ObjectType> {
    fn of<T: Collection>(value: ValueRef<'_>) -> Option<ObjectType> {
        T::view_of(value).map(T::object_type)
    }
    for_collection!(value, of(value), None)
}

/// Writes what follows the type of a collection.
pub fn write(value: ValueRef<'_>, body: &mut Body<'_>) {
    fn of<T: Collection>(value: ValueRef<'_>, body: &mut Body<'_>) {
        T::view_of(value).into_iter().for_each(|view| T::write(view, body));
    }
    for_collection!(value, of(value, body), ());
}

/// Whether a value's elements have names: see [`Collection::is_named`].
pub fn is_named(value: ValueRef<'_>) -> bool {
    fn of<T: Collection>(value: ValueRef<'_>) -> bool {
        T::view_of(value).is_some_and(T::is_named)
    }
    for_collection!(value, of(value), false)
}

/// Writes some elements of a value that has names for them: see [`Collection::write_some`].
pub fn write_some(
    value: ValueRef<'_>,
    cursor: u64,
    count: usize,
    skip: &dyn Fn(&[u8]) -> bool,
    out: &mut Elements,
) -> u64 {
    fn of<T: Collection>(
        value: ValueRef<'_>,
        cursor: u64,
        count: usize,
        skip: &dyn Fn(&[u8]) -> bool,
        out: &mut Elements,
    ) -> u64 {
        T::view_of(value).map_or(0, |view| T::write_some(view, cursor, count, skip, out))
    }
    for_collection!(value, of(value, cursor, count, skip, out), 0)
}

/// Reads a collection of any type and hands it to `put` in the form in which it is stored.
///
/// # Errors
/// It is damaged, empty, or of a type that there is none of here; then nothing was put.
pub fn read(
    collection: rdb::Collection<'_>,
    shaping: &Shaping,
    put: &mut dyn FnMut(NewValue<'_>),
) -> Result<(), Fault> {
    fn of<T: Collection>(
        collection: rdb::Collection<'_>,
        shaping: &Shaping,
        put: &mut dyn FnMut(NewValue<'_>),
    ) -> Result<(), Fault> {
        with_stored(T::read(collection, shaping)?, put);
        Ok(())
    }
    let read = match kind_of(collection.kind()) {
        Some(Kind::List) => of::<List>,
        Some(Kind::Set) => of::<Set>,
        Some(Kind::SortedSet) => of::<SortedSet>,
        Some(Kind::Hash) => of::<Hash>,
        Some(Kind::Stream) => of::<Stream>,
        Some(Kind::String) | None => {
            return Err(Fault::Unsupported { key: None, kind: collection.kind() });
        }
    };
    read(collection, shaping, put)
}

/// Finds out whether a collection of any type could be read.
///
/// # Errors
/// It could not: see [`read`].
pub fn check(collection: rdb::Collection<'_>) -> Result<(), Fault> {
    let shaping = Shaping { hasher: KeyHasher::new([0; 2]), encodings: Encodings::default() };
    read(collection, &shaping, &mut |_| ())
}

/// Hands a collection to `put` in the form in which it is stored. Returns memory that can be used
/// again.
pub fn with_stored<T: Collection>(collection: T, put: impl FnOnce(NewValue<'_>)) -> Vec<u8> {
    let object = match collection.pack() {
        Ok((packing, bytes)) if bytes.len() <= INLINE_COLLECTION_MAX => {
            put(NewValue::Packed(Packed { kind: T::KIND, packing, bytes: &bytes }));
            return bytes;
        }
        Ok((packing, mut bytes)) => {
            // It may have grown where small collections are changed, in the memory of there.
            bytes.shrink_to_fit();
            T::unpack(packing, bytes)
        }
        Err(collection) => collection,
    };
    put(NewValue::Object(Box::new(object.into_object())));
    Vec::new()
}

/// The data type that a type of RDB files stands for.
pub(crate) const fn kind_of(kind: ObjectType) -> Option<Kind> {
    Some(match kind {
        ObjectType::String => Kind::String,
        ObjectType::List
        | ObjectType::ListZiplist
        | ObjectType::ListQuicklist
        | ObjectType::ListQuicklist2 => Kind::List,
        ObjectType::Set | ObjectType::SetIntset => Kind::Set,
        ObjectType::SortedSet
        | ObjectType::SortedSet2
        | ObjectType::SortedSetZiplist
        | ObjectType::SortedSetListpack => Kind::SortedSet,
        ObjectType::Hash
        | ObjectType::HashZipmap
        | ObjectType::HashZiplist
        | ObjectType::HashListpack => Kind::Hash,
        ObjectType::StreamListpacks | ObjectType::StreamListpacks2 => Kind::Stream,
        ObjectType::ModulePreview | ObjectType::Module2 => return None,
    })
}

/// A collection that is being changed, and where its changes are recorded.
pub struct Editor<'e, T: Collection> {
    target: &'e mut T,
    recorder: Recorder<'e>,
    shaping: Shaping,
    /// What a cut has of it, if it is being written some elements at a time.
    parted: Option<&'e mut Parted>,
    /// The collection as it was before it was [made anew](Collection::remade).
    aside: Option<Box<Object>>,
}

impl<'e, T: Collection> Editor<'e, T> {
    pub(crate) fn new(
        target: &'e mut T,
        recorder: Recorder<'e>,
        shaping: Shaping,
        parted: Option<&'e mut Parted>,
    ) -> Self {
        Self { target, recorder, shaping, parted, aside: None }
    }

    /// The collection to read.
    #[inline]
    pub fn view(&self) -> T::View<'_> {
        self.target.view()
    }

    /// Makes one change. Returns what it did, or nothing if nothing was changed.
    #[inline]
    pub fn apply(&mut self, edit: T::Edit<'_>) -> Option<T::Done> {
        if self.aside.is_none()
            && let Some((new, done)) = self.target.remade(edit)
        {
            let old = std::mem::replace(self.target, new);
            self.aside = Some(Box::new(old.into_object()));
            // The cut goes on with the old one.
            self.parted = None;
            self.recorder.record(edit.into());
            return Some(done);
        }
        if let Some(parted) = &mut self.parted {
            parted.write_before_edit::<T>(self.target.view(), edit);
        }
        let done = self.target.apply(edit, &self.shaping)?;
        self.recorder.record(edit.into());
        Some(done)
    }

    /// Number of changes so far.
    #[inline]
    pub fn changes(&self) -> u64 {
        self.recorder.changes()
    }

    /// Number of changes, and what was set aside.
    pub(crate) fn finish(self) -> (u64, Option<Box<Object>>) {
        (self.recorder.changes(), self.aside)
    }
}

/// A short string of a collection: an integer that it is the decimal form of, or its bytes.
#[inline]
pub fn element_of(value: ValueRef<'_>) -> Element<'_> {
    match value {
        ValueRef::Int(number) => Element::Int(number),
        ValueRef::Bytes { bytes, .. } => Element::Bytes(bytes),
        ValueRef::Packed(_) | ValueRef::Object(_) => Element::Bytes(b""),
    }
}

/// A short string to be stored as the value of a field.
#[inline]
pub fn stored(text: &[u8]) -> NewValue<'_> {
    match Element::of(text) {
        Element::Int(number) => NewValue::Int(number),
        Element::Bytes(bytes) => NewValue::Bytes { bytes, raw: false },
    }
}

/// Mixes a short string into a digest.
pub(crate) fn mix_element(digest: &mut Digest, element: Element<'_>) {
    digest.mix(element.text(&mut [0; MAX_I64_LEN]));
}
