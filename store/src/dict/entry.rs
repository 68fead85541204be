//! A key with its value, deadline and marks in one allocation, and the word by which a table holds
//! it.
//!
//! This module owns every pointer to an entry; where its parts are, [`super::layout`] says. Outside,
//! a [`Word`] is an owned value like a `Box`, and an [`EntryRef`] a borrow of one.

#![allow(unsafe_code, reason = "an entry's parts vary in size and share one allocation")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use super::layout::{
    COSTLY_BYTES, EXPIRY_TIMER_AT, HEAD_BYTES, Head, LONG_KEY_BYTES, Parts, Stored,
};
use super::prefetch::prefetch;
use crate::hash::KeyHasher;
use crate::types::UnixMillis;
use crate::value::{Expiry, Kind, NewValue, Object, Packed, TimerId, ValueRef};

/// Bits of a word that are the address. User space ends below 2^47 on x86-64 and 2^48 on AArch64,
/// unless a process asks for more by mapping at high addresses of its choice.
const ADDRESS_BITS: u32 = 48;
const ADDRESS: u64 = (1 << ADDRESS_BITS) - 1;

/// The allocation that an entry of these parts has.
#[inline]
fn layout_of(parts: Parts) -> Layout {
    // SAFETY: 8 is a power of two. A key is at most u32::MAX bytes and a value at most INLINE_MAX,
    // so the size does not come near isize::MAX.
    unsafe { Layout::from_size_align_unchecked(parts.capacity(), 8) }
}

fn allocate(parts: Parts) -> NonNull<u8> {
    let layout = layout_of(parts);
    // SAFETY: the size is not zero, as there always is a head.
    let start = unsafe { alloc(layout) };
    NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout))
}

/// An owned entry, and the fingerprint under which a table holds it: 48 bits of address, 16 of
/// fingerprint. It is never zero, so `Option<Word>` has the same size.
///
/// Invariant: the address is that of an allocation with the layout above, which this word alone
/// owns and whose provenance is exposed; if the head says `HEAP`, the value is a pointer that came
/// from `Box::<Object>::into_raw` and is owned as well.
#[repr(transparent)]
pub(super) struct Word(NonZeroU64);

// `Word` hides what it owns behind an integer, so the compiler cannot see that an entry may change
// threads (all else in it is bytes and integers). This says that its objects may.
const _: () = {
    const fn may_change_threads<T: Send + Sync>() {}
    may_change_threads::<Object>();
};

impl Word {
    /// Makes an entry. `hash` is the key's, `lru` its recency in 24 bits.
    pub(super) fn new(
        key: &[u8],
        hash: u64,
        value: NewValue<'_>,
        expiry: Option<Expiry>,
        lru: u32,
    ) -> Self {
        // No client can send a longer key: bulk lengths end at 512 MB.
        assert!(key.len() <= u32::MAX as usize, "a key of more than 4 GiB");
        let key_len = key.len() as u32;
        let value = Stored::from(value);
        let head = Head::for_key(key, lru).with_value(&value).with_expiry(expiry.is_some());
        let parts = Parts::of(head, key.len());
        let start = allocate(parts);
        // SAFETY: the allocation is new and has room for all parts; each is written within its own.
        unsafe {
            write_head(start, head, expiry);
            if head.has(Head::LONG_KEY) {
                let name = start.add(parts.name_at);
                name.cast::<u64>().write_unaligned(hash);
                name.add(8).cast::<u32>().write_unaligned(key_len);
            }
            let at = start.add(parts.key_at).as_ptr();
            ptr::copy_nonoverlapping(key.as_ptr(), at, key.len());
            write_value(start.add(parts.value_at), value);
        }
        Self::from_start(start, 0)
    }

    #[inline]
    fn from_start(start: NonNull<u8>, tag: u16) -> Self {
        let address = start.as_ptr().expose_provenance() as u64;
        assert!(address <= ADDRESS, "the allocator gave an address of more than 48 bits");
        Self::from_bits(address | Self::tag_bits(tag))
    }

    /// The word with these bits.
    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        debug_assert!(bits & ADDRESS != 0);
        // SAFETY: the address part is never zero, as no allocation is there.
        Self(unsafe { NonZeroU64::new_unchecked(bits) })
    }

    /// The bits that a fingerprint contributes to a word.
    #[inline(always)]
    const fn tag_bits(tag: u16) -> u64 {
        (tag as u64) << ADDRESS_BITS
    }

    /// The fingerprint.
    #[inline(always)]
    pub(super) fn tag(&self) -> u16 {
        (self.0.get() >> ADDRESS_BITS) as u16
    }

    /// Changes the fingerprint.
    #[inline]
    pub(super) fn set_tag(&mut self, tag: u16) {
        let bits = (self.0.get() & ADDRESS) | Self::tag_bits(tag);
        std::mem::forget(std::mem::replace(self, Self::from_bits(bits)));
    }

    #[inline(always)]
    fn start(&self) -> NonNull<u8> {
        let at = ptr::with_exposed_provenance_mut((self.0.get() & ADDRESS) as usize);
        // SAFETY: the address part is never zero.
        unsafe { NonNull::new_unchecked(at) }
    }

    /// Reads the entry.
    #[inline(always)]
    pub(super) fn entry(&self) -> EntryRef<'_> {
        EntryRef { start: self.start(), life: PhantomData }
    }

    /// Fetches the first two cache lines of the entry, which is where small ones end.
    #[inline]
    pub(super) fn prefetch(&self) {
        self.entry().prefetch();
    }

    fn parts(&self) -> (Head, Parts) {
        let entry = self.entry();
        let head = entry.head();
        (head, Parts::of(head, entry.key().len()))
    }

    /// Replaces value, expiry and recency; the epoch stays. Reuses the allocation if the size class
    /// is the same. Returns by how many bytes the entry's memory grew.
    #[inline]
    pub(super) fn replace(
        &mut self,
        value: NewValue<'_>,
        expiry: Option<Expiry>,
        lru: u32,
    ) -> isize {
        let value = Stored::from(value);
        let (old_head, old) = self.parts();
        let head = old_head.with_value(&value).with_expiry(expiry.is_some()).with_lru(lru);
        if head.has_form_of(old_head) && !head.has(Head::HEAP) {
            // SAFETY: all parts are where they were and as long, and none owns anything; `value`
            // is borrowed from elsewhere, as `self` is borrowed mutably.
            unsafe {
                write_head(self.start(), head, expiry);
                write_value(self.start().add(old.value_at), value);
            }
            return 0;
        }
        let before = self.entry().memory();
        self.rebuild(old_head, old, head, value, expiry);
        self.entry().memory().cast_signed() - before.cast_signed()
    }

    /// Gives the entry a head of another form, with value and expiry.
    fn rebuild(
        &mut self,
        old_head: Head,
        old: Parts,
        head: Head,
        value: Stored<'_>,
        expiry: Option<Expiry>,
    ) {
        let new = Parts::of(head, old.value_at - old.key_at);
        let start = self.start();
        // SAFETY: the old object is dropped once, before its pointer is overwritten or freed.
        unsafe { drop_object(start, old_head, old) };
        let target = if new.capacity() == old.capacity() { start } else { allocate(new) };
        let name_bytes = old.value_at - old.name_at;
        // SAFETY: both allocations have room for their parts. The name is moved (within one
        // allocation perhaps onto itself, so `copy`) before anything is written over it. `value`
        // is borrowed from elsewhere, as `self` is borrowed mutably.
        unsafe {
            if target != start || new.name_at != old.name_at {
                let from = start.add(old.name_at).as_ptr();
                ptr::copy(from, target.add(new.name_at).as_ptr(), name_bytes);
            }
            write_head(target, head, expiry);
            write_value(target.add(new.value_at), value);
        }
        self.move_to(target, old);
    }

    /// Sets or removes the expiry; everything else stays.
    pub(super) fn set_expiry(&mut self, expiry: Option<Expiry>) {
        let (old_head, old) = self.parts();
        let head = old_head.with_expiry(expiry.is_some());
        let new = Parts::of(head, old.value_at - old.key_at);
        let start = self.start();
        let target = if new.capacity() == old.capacity() { start } else { allocate(new) };
        // SAFETY: as in `replace`; here the value moves with the name. If it is an object, its
        // pointer is owned at the new place only, as the old bytes are overwritten or freed.
        unsafe {
            if target != start || new.name_at != old.name_at {
                let from = start.add(old.name_at).as_ptr();
                ptr::copy(from, target.add(new.name_at).as_ptr(), old.end - old.name_at);
            }
            write_head(target, head, expiry);
        }
        self.move_to(target, old);
    }

    /// Lets the word own the allocation at `target` instead of its own, unless it is the same.
    #[inline]
    fn move_to(&mut self, target: NonNull<u8>, old: Parts) {
        let start = self.start();
        if target != start {
            let tag = self.tag();
            std::mem::forget(std::mem::replace(self, Self::from_start(target, tag)));
            // SAFETY: the allocation had the layout of its old parts, and no word has it any more.
            unsafe { dealloc(start.as_ptr(), layout_of(old)) };
        }
    }

    /// The string, to be changed: as an [`Object`] from now on, if it was none. Nothing if the
    /// value is not a string.
    pub(super) fn string_mut(&mut self) -> Option<&mut Vec<u8>> {
        let bytes = match self.entry().value() {
            ValueRef::Int(n) => Some(n.to_string().into_bytes()),
            ValueRef::Bytes { bytes, .. } if self.entry().head().has(Head::INLINE) => {
                Some(bytes.to_vec())
            }
            _ => None,
        };
        if let Some(bytes) = bytes {
            let expiry = self.entry().expiry();
            let lru = self.entry().lru();
            self.replace(NewValue::Object(Box::new(Object::String(bytes))), expiry, lru);
        }
        match self.heap_mut()? {
            Object::String(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The object that is no string, to be changed.
    pub(super) fn object_mut(&mut self) -> Option<&mut Object> {
        self.heap_mut().filter(|object| object.kind() != Kind::String)
    }

    fn heap_mut(&mut self) -> Option<&mut Object> {
        let (head, parts) = self.parts();
        // SAFETY: an object's pointer is at the value, this word owns it, and it is borrowed as
        // long and as mutably as the word.
        head.has(Head::HEAP).then(|| unsafe { &mut *read_object(self.start().add(parts.value_at)) })
    }

    /// Takes the value out if it is an object that takes long to free, leaving 0.
    #[inline]
    pub(super) fn take_costly(&mut self) -> Option<Box<Object>> {
        if !self.entry().head().has(Head::HEAP) || self.heap_mut()?.memory() < COSTLY_BYTES {
            return None;
        }
        match self.take_value() {
            NewValue::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Takes the value out, leaving 0 for an object. Strings that are in the entry are lent.
    pub(super) fn take_value(&mut self) -> NewValue<'_> {
        let (head, parts) = self.parts();
        if head.has(Head::HEAP) {
            let value = Stored::Int(0);
            let at = self.start();
            // SAFETY: the value is an object's pointer, which becomes a box once: the head says
            // right after that it is an integer, which has the same size.
            unsafe {
                let object = Box::from_raw(read_object(at.add(parts.value_at)));
                at.cast::<u64>().write(head.with_value(&value).0);
                write_value(at.add(parts.value_at), value);
                return NewValue::Object(object);
            }
        }
        match self.entry().value() {
            ValueRef::Int(n) => NewValue::Int(n),
            ValueRef::Bytes { bytes, raw } => NewValue::Bytes { bytes, raw },
            ValueRef::Packed(packed) => NewValue::Packed(packed),
            // Not reached: an object is on the heap.
            ValueRef::Object(_) => NewValue::Int(0),
        }
    }
}

impl Drop for Word {
    fn drop(&mut self) {
        let (head, parts) = self.parts();
        // SAFETY: the word owns both, and they are not used again. The layout is the one that the
        // entry was last allocated with, as its size class never changes in place.
        unsafe {
            drop_object(self.start(), head, parts);
            dealloc(self.start().as_ptr(), layout_of(parts));
        }
    }
}

/// Writes head and expiry.
///
/// # Safety
/// `start` is an entry's allocation that nobody else uses, with room for an expiry if there is one.
#[inline]
unsafe fn write_head(start: NonNull<u8>, head: Head, expiry: Option<Expiry>) {
    // SAFETY: the caller's promise; the head is aligned as the allocation is.
    unsafe {
        start.cast::<u64>().write(head.0);
        if let Some(Expiry { deadline, timer }) = expiry {
            start.add(HEAD_BYTES).cast::<i64>().write_unaligned(deadline.0);
            start.add(EXPIRY_TIMER_AT).cast::<u32>().write_unaligned(timer.0);
        }
    }
}

/// Writes a value.
///
/// # Safety
/// `at` is where an entry's value begins, with room for it, and nobody else uses it.
#[inline]
unsafe fn write_value(at: NonNull<u8>, value: Stored<'_>) {
    // SAFETY: the caller's promise.
    unsafe {
        match value {
            Stored::Int(n) => at.cast::<i64>().write_unaligned(n),
            Stored::Inline { bytes, .. } | Stored::Packed(Packed { bytes, .. }) => {
                ptr::copy_nonoverlapping(bytes.as_ptr(), at.as_ptr(), bytes.len());
            }
            Stored::Heap(object) => {
                at.cast::<*mut Object>().write_unaligned(Box::into_raw(object));
            }
        }
    }
}

/// The pointer to the object of an entry.
///
/// # Safety
/// `at` is where the value of an entry begins that says `HEAP`.
#[inline]
unsafe fn read_object(at: NonNull<u8>) -> *mut Object {
    const { assert!(size_of::<*mut Object>() == 8, "entries are made for 64-bit addresses") };
    // SAFETY: the caller's promise.
    unsafe { at.cast::<*mut Object>().read_unaligned() }
}

/// Drops the object of an entry, if it has one.
///
/// # Safety
/// `start` is an entry with this head and these parts, whose object is not used again.
#[inline]
unsafe fn drop_object(start: NonNull<u8>, head: Head, parts: Parts) {
    if head.has(Head::HEAP) {
        // SAFETY: the caller's promise; the pointer came from `Box::into_raw`.
        drop(unsafe { Box::from_raw(read_object(start.add(parts.value_at))) });
    }
}

/// A borrowed entry of a dictionary.
#[derive(Clone, Copy)]
pub struct EntryRef<'a> {
    /// The allocation of a [`Word`] that lives and is not changed for `'a`, but for recency.
    start: NonNull<u8>,
    life: PhantomData<&'a Word>,
}

impl<'a> EntryRef<'a> {
    #[inline(always)]
    fn shared_head(self) -> &'a AtomicU64 {
        // SAFETY: an entry begins with its head, which is only changed through this atomic while
        // the entry is borrowed.
        unsafe { self.start.cast::<AtomicU64>().as_ref() }
    }

    #[inline(always)]
    fn head(self) -> Head {
        Head(self.shared_head().load(Ordering::Relaxed))
    }

    /// The `len` bytes from `at` on.
    ///
    /// # Safety
    /// They are in the entry, behind its head.
    #[inline(always)]
    unsafe fn bytes(self, at: usize, len: usize) -> &'a [u8] {
        // SAFETY: the caller's promise; behind the head nothing changes during `'a`.
        unsafe { std::slice::from_raw_parts(self.start.add(at).as_ptr(), len) }
    }

    /// Fetches the entry into the cache: all of it if it is small. Only a hint.
    #[inline]
    pub fn prefetch(&self) {
        prefetch(self.start.as_ptr());
        prefetch(self.start.as_ptr().wrapping_add(64));
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &'a [u8] {
        let head = self.head();
        let at = head.name_at();
        if head.has(Head::LONG_KEY) {
            return self.long_key(at);
        }
        let len = (head.0 >> Head::KEY_LEN_AT) as u8;
        // SAFETY: the head says that the key is there.
        unsafe { self.bytes(at, usize::from(len)) }
    }

    #[cold]
    fn long_key(self, at: usize) -> &'a [u8] {
        // SAFETY: the head says that hash, length and then the key are there.
        unsafe {
            let len = self.start.add(at + 8).cast::<u32>().read_unaligned();
            self.bytes(at + LONG_KEY_BYTES, len as usize)
        }
    }

    /// Hash of the key, in a time that is bounded whatever the key's length.
    #[inline]
    pub(super) fn hash(self, hasher: KeyHasher) -> u64 {
        let head = self.head();
        if head.has(Head::LONG_KEY) {
            // SAFETY: the head says that the hash is there.
            unsafe { self.start.add(head.name_at()).cast::<u64>().read_unaligned() }
        } else {
            hasher.hash_bytes(self.key())
        }
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> ValueRef<'a> {
        let key = self.key();
        let head = self.head();
        let at = Parts::of(head, key.len()).value_at;
        if head.has(Head::INLINE) {
            // SAFETY: the head says that so many bytes are there.
            let bytes = unsafe { self.bytes(at, head.value_len()) };
            if head.is_string() {
                return ValueRef::Bytes { bytes, raw: head.has(Head::RAW) };
            }
            let (kind, packing) = (head.kind(), head.packing());
            return ValueRef::Packed(Packed { kind, packing, bytes });
        }
        if head.has(Head::HEAP) {
            // SAFETY: the head says that an object's pointer is there; it lives as long as the
            // entry and is not changed while that is borrowed.
            return match unsafe { &*read_object(self.start.add(at)) } {
                Object::String(bytes) => ValueRef::Bytes { bytes, raw: true },
                object => ValueRef::Object(object),
            };
        }
        // SAFETY: the head says that an integer is there.
        ValueRef::Int(unsafe { self.start.add(at).cast::<i64>().read_unaligned() })
    }

    /// Data type of the value.
    #[inline]
    pub fn kind(&self) -> Kind {
        self.head().kind()
    }

    /// When the key expires, and its timer.
    #[inline]
    pub fn expiry(&self) -> Option<Expiry> {
        // SAFETY: the head says whether both are there, right behind it.
        self.head().has(Head::EXPIRY).then(|| unsafe {
            let deadline = self.start.add(HEAD_BYTES).cast::<i64>().read_unaligned();
            let timer = self.start.add(EXPIRY_TIMER_AT).cast::<u32>().read_unaligned();
            Expiry { deadline: UnixMillis(deadline), timer: TimerId(timer) }
        })
    }

    /// When the key expires.
    #[inline]
    pub fn deadline(&self) -> Option<UnixMillis> {
        self.expiry().map(|expiry| expiry.deadline)
    }

    /// Recency or frequency: 24 bits that the dictionary only keeps.
    #[inline]
    pub fn lru(&self) -> u32 {
        (self.head().0 & Head::LRU) as u32
    }

    /// Sets recency or frequency, of which 24 bits are kept. Reads do this, so it needs no mutable
    /// borrow.
    #[inline]
    pub fn set_lru(&self, lru: u32) {
        let head = (self.head().0 & !Head::LRU) | (u64::from(lru) & Head::LRU);
        self.shared_head().store(head, Ordering::Relaxed);
    }

    /// The epoch mark.
    #[inline]
    pub fn epoch(&self) -> bool {
        self.head().has(Head::EPOCH)
    }

    /// Sets the epoch mark, which like recency needs no mutable borrow.
    #[inline]
    pub fn set_epoch(&self, on: bool) {
        self.shared_head().store(self.head().with(Head::EPOCH, on).0, Ordering::Relaxed);
    }

    /// Bytes that the entry takes: its allocation and what its object has on the heap.
    #[inline]
    pub fn memory(&self) -> usize {
        let head = self.head();
        let parts = Parts::of(head, self.key().len());
        let object = if head.has(Head::HEAP) {
            // SAFETY: as in `value`.
            unsafe { &*read_object(self.start.add(parts.value_at)) }.memory()
        } else {
            0
        };
        parts.capacity() + object
    }
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
