//! TEMPLATE

use shardwright_codec::listpack::{Element, Listpack, ListpackBuf};
use shardwright_codec::rdb::{self, Body, Fault, ObjectType};

use super::{Collection, Shaping};
use crate::digest::Digest;
use crate::effect::{EffectError, Reader, put_bytes};
use crate::value::{Kind, Object, Packing};

/// TEMPLATE.
#[derive(Debug, Clone)]
pub struct Stream(ListpackBuf);

/// TEMPLATE.
#[derive(Debug, Clone, Copy)]
pub enum Edit<'a> {
    /// TEMPLATE.
    Push(&'a [u8]),
}

impl<'a> Edit<'a> {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let Self::Push(element) = self;
        put_bytes(out, element);
    }

    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, EffectError> {
        Ok(Self::Push(reader.bytes()?))
    }
}

impl Collection for Stream {
    const KIND: Kind = Kind::Stream;
    type View<'a> = Listpack<'a>;
    type Edit<'a> = Edit<'a>;
    type Done = ();

    fn empty(buffer: Vec<u8>) -> Self {
        Self(ListpackBuf::from_empty(buffer))
    }

    fn unpack(_: Packing, bytes: Vec<u8>) -> Self {
        Self(ListpackBuf::trusted(bytes))
    }

    fn pack(self) -> Result<(Packing, Vec<u8>), Self> {
        Ok((Packing::Listpack, self.0.into_bytes()))
    }

    fn packed_len(&self) -> Option<usize> {
        Some(self.0.view().bytes().len())
    }

    fn view(&self) -> Listpack<'_> {
        self.0.view()
    }

    fn view_packed(_: Packing, bytes: &[u8]) -> Listpack<'_> {
        Listpack::trusted(bytes)
    }

    fn is_empty(&self) -> bool {
        self.0.view().is_empty()
    }

    fn memory(&self) -> usize {
        self.0.capacity()
    }

    fn apply(&mut self, edit: Edit<'_>, _: &Shaping) -> Option<()> {
        let Edit::Push(element) = edit;
        self.0.push(Element::of(element));
        Some(())
    }

    fn of(object: &Object) -> Option<&Self> {
        if let Object::Stream(own) = object { Some(own) } else { None }
    }

    fn of_mut(object: &mut Object) -> Option<&mut Self> {
        if let Object::Stream(own) = object { Some(own) } else { None }
    }

    fn into_object(self) -> Object {
        Object::Stream(self)
    }

    fn encoding(_: Listpack<'_>) -> &'static str {
        "listpack"
    }

    fn digest(view: Listpack<'_>, digest: &mut Digest) {
        view.iter().for_each(|placed| super::mix_element(digest, placed.element));
    }

    fn object_type(_: Listpack<'_>) -> ObjectType {
        ObjectType::List
    }

    fn write(view: Listpack<'_>, body: &mut Body<'_>) {
        body.length(view.len() as u64);
        view.iter().for_each(|placed| body.element(placed.element));
    }

    fn read(collection: rdb::Collection<'_>, _: &Shaping) -> Result<Self, Fault> {
        Err(collection.fault("TEMPLATE"))
    }
}
