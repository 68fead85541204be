//! Dense registers: six bits each, one behind the other, the lowest bits of a byte first.

use super::estimate::Histogram;
use super::{REGISTERS, Registers, Update};

/// Bits of a register.
const BITS: usize = 6;
const MASK: u32 = (1 << BITS) - 1;

/// Bytes of all registers.
pub const BYTES: usize = REGISTERS * BITS / 8;

/// Four registers fill three bytes.
type Group = [u8; 3];

fn unpack(group: &Group) -> [u8; 4] {
    let word = u32::from_le_bytes([group[0], group[1], group[2], 0]);
    [0, 1, 2, 3].map(|at| ((word >> (at * BITS)) & MASK) as u8)
}

fn pack(registers: &[u8; 4]) -> Group {
    let word = registers.iter().rev().fold(0, |word, value| (word << BITS) | u32::from(*value));
    let [a, b, c, _] = word.to_le_bytes();
    [a, b, c]
}

/// Where the bytes begin that a register is in, and what stands there, also of its neighbours.
#[inline]
fn group_of(body: &[u8], register: usize) -> Option<(usize, &Group)> {
    let at = register / 4 * 3;
    Some((at, body.get(at..)?.first_chunk()?))
}

/// If the update changes anything: where the three bytes are that its register is in, and what shall
/// stand there.
#[inline]
pub fn raised(body: &[u8], update: Update) -> Option<(usize, [u8; 3])> {
    let (at, group) = group_of(body, update.register)?;
    let mut registers = unpack(group);
    let register = registers.get_mut(update.register % 4)?;
    if *register >= update.value {
        return None;
    }
    *register = update.value;
    Some((at, pack(&registers)))
}

/// Raises a register. Returns whether it was lower.
pub fn raise(body: &mut [u8], update: Update) -> bool {
    let Some((at, group)) = raised(body, update) else { return false };
    if let Some(place) = body.get_mut(at..at + group.len()) {
        place.copy_from_slice(&group);
    }
    true
}

/// Appends registers.
pub(super) fn push(registers: &Registers, out: &mut Vec<u8>) {
    out.reserve_exact(BYTES);
    registers.as_chunks().0.iter().for_each(|four| out.extend_from_slice(&pack(four)));
}

/// Raises each of `registers` to the one in `body`.
pub(super) fn merge(body: &[u8], registers: &mut Registers) {
    for (group, four) in body.as_chunks().0.iter().zip(registers.as_chunks_mut::<4>().0) {
        for (register, value) in four.iter_mut().zip(unpack(group)) {
            *register = (*register).max(value);
        }
    }
}

/// How many registers have which value.
pub(super) fn histogram(body: &[u8]) -> Histogram {
    // One for each register of a group, so that equal neighbours do not wait for each other.
    let mut apart = [[0; 64]; 4];
    for group in body.as_chunks().0 {
        for (counts, value) in apart.iter_mut().zip(unpack(group)) {
            counts[usize::from(value) % 64] += 1;
        }
    }
    std::array::from_fn(|value| apart.iter().map(|counts| counts[value]).sum())
}
