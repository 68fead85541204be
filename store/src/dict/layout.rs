//! How an entry is laid out: what its first eight bytes say, and where its parts follow from that.
//! Numbers only; memory is touched in [`super::entry`].
//!
//! An allocation, aligned to 8 bytes, of a size class of [`super::size`]:
//!
//! | bytes | when | what |
//! |---|---|---|
//! | 8 | always | [`Head`] |
//! | 8 + 4 | the key has a deadline | deadline in ms since the epoch, timer |
//! | 8 + 4 | the key is longer than 255 bytes | hash of the key, its length |
//! | | always | the key |
//! | 8 or its length | always | an integer, the address of an [`Object`], the string itself, or a packed collection |
//!
//! Long keys have their hash beside them so that dividing a table never hashes long keys again:
//! its time must not depend on what clients sent. Nothing but the head is aligned.

use super::size::class_bytes;
use crate::value::{Kind, NewValue, Object, Packed, Packing};

/// Longest string in bytes that lives in its entry. A read of such a string misses the cache twice
/// less than one of an [`Object`], and writing it allocates once, not three times; beyond this,
/// copying is what costs.
pub const INLINE_MAX: usize = 8 << 10;

/// Memory of an object that is too much to be freed in a shard's turn: the system takes about 50 µs
/// to take back a MiB.
pub(crate) const COSTLY_BYTES: usize = 1 << 20;

/// Bytes of a [`Head`].
pub(super) const HEAD_BYTES: usize = 8;
/// Where the timer is, behind the deadline.
pub(super) const EXPIRY_TIMER_AT: usize = HEAD_BYTES + 8;
const EXPIRY_BYTES: usize = 12;
/// Bytes of hash and length before a long key.
pub(super) const LONG_KEY_BYTES: usize = 12;

/// First eight bytes of an entry: recency and epoch, which change alone, and what the rest is.
#[derive(Clone, Copy)]
pub(super) struct Head(pub(super) u64);

const _: () = assert!(INLINE_MAX as u64 <= Head::VALUE_LEN >> Head::VALUE_LEN_AT);

impl Head {
    /// Recency or frequency.
    pub(super) const LRU: u64 = (1 << 24) - 1;
    const KIND_AT: u32 = 24;
    const KIND: u64 = 0xf << Self::KIND_AT;
    /// The value is the string itself, or a packed collection. If neither this nor `HEAP`, it is an
    /// integer.
    pub(super) const INLINE: u64 = 1 << 28;
    /// The value is the address of an [`Object`].
    pub(super) const HEAP: u64 = 1 << 29;
    /// OBJECT ENCODING calls the string `raw`; a packed collection is an intset.
    pub(super) const RAW: u64 = 1 << 30;
    /// There is a deadline.
    pub(super) const EXPIRY: u64 = 1 << 31;
    /// The epoch mark.
    pub(super) const EPOCH: u64 = 1 << 32;
    /// Hash and length are before the key; otherwise its length is here.
    pub(super) const LONG_KEY: u64 = 1 << 33;
    pub(super) const KEY_LEN_AT: u32 = 34;
    const VALUE_LEN_AT: u32 = 42;
    const VALUE_LEN: u64 = 0xffff << Self::VALUE_LEN_AT;
    /// All that describes the value.
    const VALUE: u64 = Self::KIND | Self::INLINE | Self::HEAP | Self::RAW | Self::VALUE_LEN;

    pub(super) fn for_key(key: &[u8], lru: u32) -> Self {
        let key = match u8::try_from(key.len()) {
            Ok(len) => u64::from(len) << Self::KEY_LEN_AT,
            Err(_) => Self::LONG_KEY,
        };
        Self(key | (u64::from(lru) & Self::LRU))
    }

    #[inline]
    pub(super) fn with_value(self, value: &Stored<'_>) -> Self {
        let value = match value {
            Stored::Int(_) => 0,
            Stored::Inline { bytes, raw } => {
                Self::INLINE
                    | if *raw { Self::RAW } else { 0 }
                    | ((bytes.len() as u64) << Self::VALUE_LEN_AT)
            }
            Stored::Packed(packed) => {
                Self::INLINE
                    | ((packed.kind as u64) << Self::KIND_AT)
                    | if packed.packing == Packing::Intset { Self::RAW } else { 0 }
                    | ((packed.bytes.len() as u64) << Self::VALUE_LEN_AT)
            }
            Stored::Heap(object) => {
                Self::HEAP | Self::RAW | ((object.kind() as u64) << Self::KIND_AT)
            }
        };
        Self((self.0 & !Self::VALUE) | value)
    }

    #[inline]
    pub(super) fn with_expiry(self, expiry: bool) -> Self {
        self.with(Self::EXPIRY, expiry)
    }

    #[inline]
    pub(super) fn with(self, flag: u64, on: bool) -> Self {
        Self(if on { self.0 | flag } else { self.0 & !flag })
    }

    #[inline]
    pub(super) fn with_lru(self, lru: u32) -> Self {
        Self((self.0 & !Self::LRU) | (u64::from(lru) & Self::LRU))
    }

    /// Whether all parts have the kind and the length that they have by another head.
    #[inline]
    pub(super) fn has_form_of(self, other: Self) -> bool {
        (self.0 ^ other.0) & !(Self::LRU | Self::EPOCH) == 0
    }

    #[inline]
    pub(super) fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }

    #[inline]
    pub(super) fn kind(self) -> Kind {
        let at = ((self.0 & Self::KIND) >> Self::KIND_AT) as usize;
        Kind::ALL.get(at).copied().unwrap_or(Kind::String)
    }

    /// Whether the value is a string.
    #[inline]
    pub(super) fn is_string(self) -> bool {
        self.0 & Self::KIND == 0
    }

    /// What the bytes of a collection are that is in its entry.
    #[inline]
    pub(super) fn packing(self) -> Packing {
        if self.has(Self::RAW) { Packing::Intset } else { Packing::Listpack }
    }

    #[inline]
    pub(super) fn value_len(self) -> usize {
        if self.has(Self::INLINE) {
            ((self.0 & Self::VALUE_LEN) >> Self::VALUE_LEN_AT) as usize
        } else {
            8
        }
    }

    /// Where the key begins, or the hash and length before a long one.
    #[inline]
    pub(super) fn name_at(self) -> usize {
        if self.has(Self::EXPIRY) { HEAD_BYTES + EXPIRY_BYTES } else { HEAD_BYTES }
    }
}

/// A value in the form in which an entry has it.
pub(super) enum Stored<'a> {
    Int(i64),
    Inline { bytes: &'a [u8], raw: bool },
    Packed(Packed<'a>),
    Heap(Box<Object>),
}

impl<'a> From<NewValue<'a>> for Stored<'a> {
    #[inline]
    fn from(value: NewValue<'a>) -> Self {
        match value {
            NewValue::Int(n) => Self::Int(n),
            NewValue::Bytes { bytes, raw } if bytes.len() <= INLINE_MAX => {
                Self::Inline { bytes, raw }
            }
            NewValue::Bytes { bytes, .. } => Self::Heap(Box::new(Object::String(bytes.to_vec()))),
            NewValue::Packed(packed) if packed.bytes.len() <= INLINE_MAX => Self::Packed(packed),
            NewValue::Packed(packed) => Self::Heap(Box::new(Object::from_packed(packed))),
            NewValue::Object(object) => Self::Heap(object),
        }
    }
}

/// Where the parts of an entry are, in bytes from its start.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    /// Of hash and length before a long key, or of a short key.
    pub(super) name_at: usize,
    pub(super) key_at: usize,
    pub(super) value_at: usize,
    pub(super) end: usize,
}

impl Parts {
    #[inline]
    pub(super) fn of(head: Head, key_len: usize) -> Self {
        let name_at = head.name_at();
        let key_at = name_at + if head.has(Head::LONG_KEY) { LONG_KEY_BYTES } else { 0 };
        let value_at = key_at + key_len;
        Self { name_at, key_at, value_at, end: value_at + head.value_len() }
    }

    #[inline]
    pub(super) fn capacity(self) -> usize {
        class_bytes(self.end)
    }
}
