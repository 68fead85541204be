//! Collections: their elements out of every form in which Redis ever wrote them, and into those in
//! which it writes them now.
//!
//! What the elements mean (that fields and values take turns, that members are there once) is for
//! the data types to know. Streams have a structure of their own, which [`Pieces`] goes over.

use super::error::Fault;
use super::object::ObjectType;
use super::packed;
use super::read::{OldScore, Reader, Stop};
use super::write::{StringWriter, write_length};
use crate::listpack::Element;
use crate::number::{MAX_I64_LEN, write_i64};

/// A collection as bytes: its type, and what follows the type in a dump or the key in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collection<'a> {
    kind: ObjectType,
    body: &'a [u8],
}

/// A piece of a collection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part<'a> {
    /// An element, a member, a field or a value.
    Text(&'a [u8]),
    /// The score of the member before it.
    Score(f64),
}

/// Takes the pieces of a collection one by one; may say what is wrong with one.
pub type Visit<'v> = dyn FnMut(Part<'_>) -> Result<(), &'static str> + 'v;

impl<'a> Collection<'a> {
    /// A collection of this type with these bytes behind it. They must have been gone over: what is
    /// missing is found out only when elements are asked for.
    #[must_use]
    pub const fn new(kind: ObjectType, body: &'a [u8]) -> Self {
        Self { kind, body }
    }

    /// Its type.
    #[must_use]
    pub const fn kind(&self) -> ObjectType {
        self.kind
    }

    /// The bytes behind the type.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// That something is wrong with it.
    #[must_use]
    pub const fn fault(&self, found: &'static str) -> Fault {
        Fault::Collection { kind: self.kind, found }
    }

    /// Visits the pieces of any collection but a stream, in order.
    ///
    /// # Errors
    /// It is damaged, or `visit` refused a piece.
    pub fn visit(&self, visit: &mut Visit<'_>) -> Result<(), Fault> {
        let mut pieces = Pieces::new(*self);
        match self.kind {
            ObjectType::List | ObjectType::Set => pieces.texts(1, visit),
            ObjectType::Hash => pieces.texts(2, visit),
            ObjectType::SortedSet => pieces.scored(true, visit),
            ObjectType::SortedSet2 => pieces.scored(false, visit),
            ObjectType::ListQuicklist => {
                let nodes = pieces.length()?;
                (0..nodes).try_for_each(|_| pieces.packed(packed::ziplist, visit))
            }
            ObjectType::ListQuicklist2 => pieces.nodes(visit),
            ObjectType::ListZiplist | ObjectType::HashZiplist => {
                pieces.packed(packed::ziplist, visit)
            }
            ObjectType::SortedSetZiplist => pieces.packed_scored(packed::ziplist, visit),
            ObjectType::HashZipmap => pieces.packed(packed::zipmap, visit),
            ObjectType::SetIntset => pieces.packed(packed::intset, visit),
            ObjectType::HashListpack => pieces.packed(packed::listpack, visit),
            ObjectType::SortedSetListpack => pieces.packed_scored(packed::listpack, visit),
            _ => Err(pieces.fault("no plain elements")),
        }
    }
}

/// Goes over the body of a collection piece by piece.
pub struct Pieces<'a> {
    kind: ObjectType,
    bytes: &'a [u8],
    reader: Reader<'a>,
    scratch: Vec<u8>,
}

type Unpack = fn(&[u8], &mut Visit<'_>) -> Result<(), &'static str>;

/// How a node of a quicklist holds its elements.
mod container {
    pub(super) const PLAIN: u64 = 1;
    pub(super) const PACKED: u64 = 2;
}

impl<'a> Pieces<'a> {
    /// Begins at the first piece.
    #[must_use]
    pub fn new(collection: Collection<'a>) -> Self {
        let Collection { kind, body } = collection;
        // Whoever went over the bytes before has held the strings against the limit.
        Self { kind, bytes: body, reader: Reader::new(body, usize::MAX), scratch: Vec::new() }
    }

    /// That something is wrong with this collection.
    #[must_use]
    pub const fn fault(&self, found: &'static str) -> Fault {
        Fault::Collection { kind: self.kind, found }
    }

    fn stopped(&self, stop: Stop) -> Fault {
        match stop {
            Stop::Needs(_) => self.fault("an end before its last element"),
            Stop::Wrong(_, fault) => fault,
        }
    }

    /// A length, or another number that is written like one.
    ///
    /// # Errors
    /// There is none.
    pub fn length(&mut self) -> Result<u64, Fault> {
        self.reader.length().map_err(|stop| self.stopped(stop))
    }

    /// Bytes as they are.
    ///
    /// # Errors
    /// There are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.reader.array().map_err(|stop| self.stopped(stop))
    }

    /// A string.
    ///
    /// # Errors
    /// There is none, or it is damaged.
    pub fn text(&mut self) -> Result<&[u8], Fault> {
        let text = self.reader.string().map_err(|stop| self.stopped(stop))?;
        text.bytes(self.bytes, &mut self.scratch).map_err(|(_, fault)| fault)
    }

    /// Whether all pieces have been gone over.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.reader.at() == self.bytes.len()
    }

    fn texts(&mut self, each: u64, visit: &mut Visit<'_>) -> Result<(), Fault> {
        let count = self.length()?.saturating_mul(each);
        for _ in 0..count {
            let visited = visit(Part::Text(self.text()?));
            visited.map_err(|found| self.fault(found))?;
        }
        Ok(())
    }

    fn scored(&mut self, old: bool, visit: &mut Visit<'_>) -> Result<(), Fault> {
        for _ in 0..self.length()? {
            let member = visit(Part::Text(self.text()?));
            let score = if old { self.old_score()? } else { f64::from_le_bytes(self.array()?) };
            member.and_then(|()| visit(Part::Score(score))).map_err(|found| self.fault(found))?;
        }
        Ok(())
    }

    fn old_score(&mut self) -> Result<f64, Fault> {
        match self.reader.old_score().map_err(|stop| self.stopped(stop))? {
            OldScore::Value(score) => Ok(score),
            OldScore::Digits(range) => {
                let digits = self.bytes.get(range).unwrap_or_default();
                packed::score(digits).ok_or_else(|| self.fault("a score that is no number"))
            }
        }
    }

    fn packed(&mut self, unpack: Unpack, visit: &mut Visit<'_>) -> Result<(), Fault> {
        let unpacked = unpack(self.text()?, visit);
        unpacked.map_err(|found| self.fault(found))
    }

    /// Members and scores that take turns in one packed string.
    fn packed_scored(&mut self, unpack: Unpack, visit: &mut Visit<'_>) -> Result<(), Fault> {
        let mut is_score = false;
        self.packed(unpack, &mut |part| {
            let Part::Text(text) = part else { return visit(part) };
            is_score = !is_score;
            if is_score {
                return visit(part);
            }
            visit(Part::Score(packed::score(text).ok_or("a score that is no number")?))
        })?;
        if is_score { Err(self.fault("a member without a score")) } else { Ok(()) }
    }

    fn nodes(&mut self, visit: &mut Visit<'_>) -> Result<(), Fault> {
        for _ in 0..self.length()? {
            match self.length()? {
                container::PLAIN => {
                    let visited = visit(Part::Text(self.text()?));
                    visited.map_err(|found| self.fault(found))?;
                }
                container::PACKED => self.packed(packed::listpack, visit)?,
                _ => return Err(self.fault("a node that is neither plain nor packed")),
            }
        }
        Ok(())
    }
}

/// Writes the bytes of a collection behind its type.
pub struct Body<'o> {
    strings: &'o mut StringWriter,
    out: &'o mut Vec<u8>,
}

impl<'o> Body<'o> {
    /// Appends the collection to `out`.
    pub const fn new(strings: &'o mut StringWriter, out: &'o mut Vec<u8>) -> Self {
        Self { strings, out }
    }

    /// Appends a length, or another number that is written like one.
    pub fn length(&mut self, length: u64) {
        write_length(length, self.out);
    }

    /// Appends a string.
    pub fn text(&mut self, text: &[u8]) {
        self.strings.write(text, self.out);
    }

    /// Appends the string that is the decimal form of a number.
    pub fn int(&mut self, number: i64) {
        self.strings.write_int(number, self.out);
    }

    /// Appends a string that a collection has as a short one.
    pub fn element(&mut self, element: Element<'_>) {
        match element {
            Element::Int(number) => self.int(number),
            Element::Bytes(bytes) => self.text(bytes),
        }
    }

    /// Appends a score.
    pub fn score(&mut self, score: f64) {
        self.array(score.to_le_bytes());
    }

    /// Appends bytes as they are.
    pub fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        self.out.extend_from_slice(&bytes);
    }

    /// Appends a node of a quicklist whose elements are this listpack.
    pub fn packed_node(&mut self, listpack: &[u8]) {
        self.length(container::PACKED);
        self.text(listpack);
    }

    /// Appends a node of a quicklist that is one long element.
    pub fn plain_node(&mut self, element: &[u8]) {
        self.length(container::PLAIN);
        self.text(element);
    }
}

/// Gives the digits of an integer as a piece.
pub(super) fn visit_int(number: i64, visit: &mut Visit<'_>) -> Result<(), &'static str> {
    let mut digits = [0; MAX_I64_LEN];
    let start = write_i64(number, &mut digits);
    visit(Part::Text(digits.get(start..).unwrap_or_default()))
}
