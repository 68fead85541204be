//! HyperLogLogs: estimates of how many different elements there were, in the bytes that Redis gives
//! them, so that a value can be carried from one server to the other.
//!
//! P. Flajolet, É. Fusy, O. Gandouet and F. Meunier, "HyperLogLog: the analysis of a near-optimal
//! cardinality estimation algorithm", 2007. An element's hash of 64 bits chooses one of 16,384
//! registers by its lower 14 bits; the register keeps the greatest number of zeros, plus one, that
//! the other 50 bits ever ended with.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `HYLL` |
//! | 1 | [`Encoding`]: 0 dense, 1 sparse |
//! | 3 | zero |
//! | 8 | the last estimate, little-endian; the top bit says that it no longer holds |
//! | | the registers: see [`dense`] and [`sparse`] |
//!
//! Nothing here knows of keys, nor of who asks.

pub mod dense;
mod estimate;
mod hash;
pub mod sparse;

use thiserror::Error;

use sparse::Place;

/// Number of registers.
pub const REGISTERS: usize = 1 << INDEX_BITS;

const INDEX_BITS: u32 = 14;

/// Bits of a hash that are counted.
const COUNTED_BITS: u32 = u64::BITS - INDEX_BITS;

/// Bytes before the registers.
pub const HEAD: usize = 16;

/// Where the last estimate is.
pub const CACHE_AT: usize = 8;

/// The byte with the bit that says that the estimate no longer holds.
pub const STALE_AT: usize = HEAD - 1;
/// That bit.
pub const STALE: u8 = 0x80;

const MAGIC: &[u8] = b"HYLL";

/// All registers, one byte each.
pub type Registers = [u8; REGISTERS];

/// Form of the registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Six bits each.
    Dense,
    /// Runs of equal ones.
    Sparse,
}

/// The registers are not what the head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a HyperLogLog whose registers are damaged")]
pub struct Damaged;

/// What an element does: a register is at least so much then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update {
    /// Number of the register, below [`REGISTERS`].
    pub register: usize,
    /// Its least value: 1 to 51.
    pub value: u8,
}

impl Update {
    /// What this element does.
    #[inline]
    pub fn of(element: &[u8]) -> Self {
        let hash = hash::murmur64(element);
        let counted = (hash >> INDEX_BITS) | (1 << COUNTED_BITS);
        let value = counted.trailing_zeros() as u8 + 1;
        Self { register: (hash % REGISTERS as u64) as usize, value }
    }
}

/// An empty one.
pub fn empty() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + 16);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[1, 0, 0, 0]);
    bytes.extend_from_slice(&[0; 8]);
    sparse::push_zeros(REGISTERS, &mut bytes);
    bytes
}

/// The form of these bytes, if by their head and length they can be a HyperLogLog.
#[inline]
pub fn encoding(bytes: &[u8]) -> Option<Encoding> {
    if bytes.len() < HEAD || !bytes.starts_with(MAGIC) {
        return None;
    }
    match bytes.get(MAGIC.len())? {
        0 if bytes.len() == HEAD + dense::BYTES => Some(Encoding::Dense),
        1 => Some(Encoding::Sparse),
        _ => None,
    }
}

/// The last estimate, if it still holds.
pub fn cached(bytes: &[u8]) -> Option<u64> {
    let cache: &[u8; 8] = bytes.get(CACHE_AT..)?.first_chunk()?;
    Some(u64::from_le_bytes(*cache)).filter(|_| !is_stale(bytes))
}

/// The bytes of the registers.
#[inline]
pub fn registers(bytes: &[u8]) -> &[u8] {
    bytes.get(HEAD..).unwrap_or_default()
}

/// Whether the last estimate no longer holds.
#[inline]
pub fn is_stale(bytes: &[u8]) -> bool {
    bytes.get(STALE_AT).is_some_and(|byte| byte & STALE != 0)
}

/// Notes that the last estimate no longer holds.
pub fn set_stale(bytes: &mut [u8]) {
    if let Some(byte) = bytes.get_mut(STALE_AT) {
        *byte |= STALE;
    }
}

/// Does what an element does. Sparse registers become dense when they would take more than
/// `sparse_max` bytes with the head, or when the value does not fit. Returns whether anything
/// changed. `place` is where the one before it was, if registers come in ascending order.
///
/// # Errors
/// The registers are damaged.
pub fn update(
    bytes: &mut Vec<u8>,
    update: Update,
    sparse_max: usize,
    place: &mut Place,
) -> Result<bool, Damaged> {
    if encoding(bytes) == Some(Encoding::Sparse) {
        match sparse::raise(bytes, update, sparse_max, place)? {
            sparse::Raised::Changed => return Ok(true),
            sparse::Raised::Enough => return Ok(false),
            sparse::Raised::NoRoom => to_dense(bytes)?,
        }
    }
    Ok(dense::raise(bytes.get_mut(HEAD..).ok_or(Damaged)?, update))
}

/// Makes the registers dense. The last estimate stays.
///
/// # Errors
/// The registers are damaged; nothing was changed.
pub fn to_dense(bytes: &mut Vec<u8>) -> Result<(), Damaged> {
    if encoding(bytes) == Some(Encoding::Dense) {
        return Ok(());
    }
    let mut registers = [0; REGISTERS];
    merge(bytes, &mut registers)?;
    bytes.truncate(HEAD);
    if let Some(encoding) = bytes.get_mut(MAGIC.len()) {
        *encoding = 0;
    }
    dense::push(&registers, bytes);
    Ok(())
}

/// Raises each of `registers` to the one in `bytes`.
///
/// # Errors
/// The registers in `bytes` are damaged; some may have been raised.
pub fn merge(bytes: &[u8], registers: &mut Registers) -> Result<(), Damaged> {
    let body = bytes.get(HEAD..).ok_or(Damaged)?;
    match encoding(bytes).ok_or(Damaged)? {
        Encoding::Dense => dense::merge(body, registers),
        Encoding::Sparse => sparse::merge(body, registers)?,
    }
    Ok(())
}

/// Estimates the number of elements.
///
/// # Errors
/// The registers are damaged.
pub fn estimate(bytes: &[u8]) -> Result<u64, Damaged> {
    let body = bytes.get(HEAD..).ok_or(Damaged)?;
    let histogram = match encoding(bytes).ok_or(Damaged)? {
        Encoding::Dense => dense::histogram(body),
        Encoding::Sparse => sparse::histogram(body)?,
    };
    Ok(estimate::estimate(&histogram))
}

/// Estimates the number of elements that gave these registers.
pub fn estimate_of(registers: &Registers) -> u64 {
    let mut histogram = [0; 64];
    for register in registers {
        histogram[usize::from(register % 64)] += 1;
    }
    estimate::estimate(&histogram)
}

#[cfg(test)]
mod tests;
