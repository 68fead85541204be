//! BITCOUNT and BITPOS: bits within a range of a string, which is given in bytes or in bits, from
//! either end.

use std::ops::Range;

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::string_value::Text;
use crate::command::Outcome;
use crate::context::ReadCx;
use crate::error::CommandError;

const NO_BIT: CommandError = CommandError::Text("ERR The bit argument must be 1 or 0.");

/// Bytes that are looked at together.
const WORD: usize = size_of::<u64>();

/// What the numbers of a range count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Byte,
    Bit,
}

impl Unit {
    fn named(name: Option<&[u8]>) -> Result<Self, CommandError> {
        match name {
            None => Ok(Self::Byte),
            Some(name) if name.eq_ignore_ascii_case(b"BYTE") => Ok(Self::Byte),
            Some(name) if name.eq_ignore_ascii_case(b"BIT") => Ok(Self::Bit),
            Some(_) => Err(CommandError::Syntax),
        }
    }

    /// The bits from `start` to `end`, both included and negative ones counted from the end, of a
    /// string of `len` bytes; none if there are no such bits.
    fn bits(self, start: i64, end: Option<i64>, len: usize) -> Range<u64> {
        let each = if self == Self::Bit { 1 } else { 8 };
        let total = len as i64 * (8 / each);
        let from_start = |at: i64| if at < 0 { (total + at).max(0) } else { at };
        let (start, end) = (from_start(start), end.map_or(total - 1, from_start).min(total - 1));
        if start > end { 0..0 } else { (start * each) as u64..((end + 1) * each) as u64 }
    }
}

fn number(text: &[u8]) -> Result<i64, CommandError> {
    parse_i64_strict(text).ok_or(CommandError::NotInteger)
}

pub(super) fn bitcount(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some(value) = cx.string(args.at(1))? else {
        reply.int(0);
        return Ok(());
    };
    let text = Text::of(Some(value));
    let bits = match args.len() {
        2 => 0..text.len() as u64 * 8,
        4 | 5 => {
            let (start, end) = (number(args.at(2))?, number(args.at(3))?);
            if start < 0 && end < 0 && start > end {
                0..0
            } else {
                Unit::named(args.get(4))?.bits(start, Some(end), text.len())
            }
        }
        _ => return Err(CommandError::Syntax),
    };
    reply.int(ones(&text, &bits) as i64);
    Ok(())
}

pub(super) fn bitpos(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let bit = match number(args.at(2))? {
        0 => false,
        1 => true,
        _ => return Err(NO_BIT),
    };
    // What is absent is an endless row of zeros.
    let Some(value) = cx.string(args.at(1))? else {
        reply.int(if bit { -1 } else { 0 });
        return Ok(());
    };
    if args.len() > 6 {
        return Err(CommandError::Syntax);
    }
    let text = Text::of(Some(value));
    let start = args.get(3).map_or(Ok(0), number)?;
    let unit = Unit::named(args.get(5))?;
    let end = args.get(4).map(number).transpose()?;
    let bits = unit.bits(start, end, text.len());
    let found = match first(&text, &bits, bit) {
        // Zeros follow a string whose end was not asked for.
        None if !bit && end.is_none() && !bits.is_empty() => Some(bits.end),
        found => found,
    };
    reply.int(found.map_or(-1, |at| at as i64));
    Ok(())
}

/// Number of bits that are set.
fn ones(text: &[u8], bits: &Range<u64>) -> u64 {
    let Some((text, head, tail)) = cut(text, bits) else { return 0 };
    let edges = text.first().map_or(0, |byte| (byte & !head).count_ones())
        + text.last().map_or(0, |byte| (byte & !tail).count_ones());
    let mut words = text.chunks_exact(WORD);
    let whole: u64 = words.by_ref().map(|word| u64::from(as_word(word).count_ones())).sum();
    let rest: u32 = words.remainder().iter().map(|byte| byte.count_ones()).sum();
    whole + u64::from(rest) - u64::from(edges)
}

/// Where the first bit is that is set, or clear.
fn first(text: &[u8], bits: &Range<u64>, bit: bool) -> Option<u64> {
    let (text, head, _) = cut(text, bits)?;
    let skipped = if bit { 0 } else { 0xff };
    let (&front, rest) = text.split_first()?;
    let (byte, found) = match (front ^ skipped) & head {
        0 => {
            let pass = u64::from_ne_bytes([skipped; WORD]);
            let words = rest.chunks_exact(WORD).take_while(|word| as_word(word) == pass).count();
            let behind = rest.get(words * WORD..)?;
            let at = behind.iter().position(|&byte| byte != skipped)?;
            (1 + words * WORD + at, behind.get(at)? ^ skipped)
        }
        found => (0, found),
    };
    let at = (bits.start / 8 + byte as u64) * 8 + u64::from(found.leading_zeros());
    (at < bits.end).then_some(at)
}

/// The bytes that hold these bits, with masks of those in the first byte and in the last.
fn cut<'a>(text: &'a [u8], bits: &Range<u64>) -> Option<(&'a [u8], u8, u8)> {
    let last = bits.end.checked_sub(1).filter(|_| !bits.is_empty())?;
    let text = text.get((bits.start / 8) as usize..=(last / 8) as usize)?;
    Some((text, 0xff >> (bits.start % 8), 0xff << (7 - last % 8)))
}

fn as_word(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(0, u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn bit(text: &[u8], at: u64) -> bool {
        text[(at / 8) as usize] & (0x80 >> (at % 8)) != 0
    }

    proptest! {
        #[test]
        fn bits_are_counted_and_found_as_one_by_one(
            text in prop_oneof![
                vec(any::<u8>(), 1..40),
                vec(Just(0xff), 1..40),
                (vec(Just(0), 0..40), any::<u8>()).prop_map(|(zeros, last)| [zeros, vec![last]].concat()),
            ],
            start in 0_u64..330,
            len in 0_u64..330,
        ) {
            let total = text.len() as u64 * 8;
            let bits = start.min(total)..(start + len).min(total);
            let expected = bits.clone().filter(|&at| bit(&text, at)).count() as u64;
            prop_assert_eq!(ones(&text, &bits), expected);
            for wanted in [false, true] {
                let expected = bits.clone().find(|&at| bit(&text, at) == wanted);
                prop_assert_eq!(first(&text, &bits, wanted), expected);
            }
        }
    }

    #[test]
    fn ranges_count_from_either_end() {
        for (unit, start, end, expected) in [
            (Unit::Byte, 0, Some(-1), 0..24),
            (Unit::Byte, 1, None, 8..24),
            (Unit::Byte, -2, Some(1), 8..16),
            (Unit::Byte, 2, Some(1), 0..0),
            (Unit::Byte, 3, None, 0..0),
            (Unit::Byte, i64::MIN, Some(i64::MAX), 0..24),
            (Unit::Byte, i64::MAX, Some(i64::MIN), 0..0),
            (Unit::Byte, 0, Some(-100), 0..8),
            (Unit::Bit, 5, Some(-3), 5..22),
            (Unit::Bit, -1, Some(100), 23..24),
        ] {
            assert_eq!(unit.bits(start, end, 3), expected, "{start} to {end:?}");
        }
        assert_eq!(Unit::Byte.bits(0, Some(-1), 0), 0..0);
    }
}
