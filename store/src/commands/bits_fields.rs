//! BITFIELD and BITFIELD_RO: integers of any width at any place of a string.
//!
//! All operations of a command are read first, then done one after the other on the string and the
//! bytes that the ones before have changed; the changed bytes are written at the end, each run of
//! them once.

use std::collections::BTreeMap;

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::bits::{SETBIT, checked_offset, make_raw, offset};
use super::string_ranges::overwrite;
use super::string_value::Text;
use crate::command::Outcome;
use crate::context::{ReadCx, WriteCx};
use crate::error::CommandError;

const NO_TYPE: CommandError = CommandError::Text(
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 \
     is.",
);
const NO_OVERFLOW: CommandError = CommandError::Text("ERR Invalid OVERFLOW type specified");
const ONLY_GET: CommandError =
    CommandError::Text("ERR BITFIELD_RO only supports the GET subcommand");

/// Bytes that a field of 64 bits can reach into.
const REACH: usize = 9;
/// Bits of these bytes.
const REACH_BITS: u32 = 8 * REACH as u32;

/// Where an integer is, and how wide.
#[derive(Debug, Clone, Copy)]
struct Field {
    signed: bool,
    /// 1 to 64, or to 63 without sign.
    bits: u32,
    offset: u64,
}

/// What becomes of a number that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overflow {
    /// Its upper bits are lost.
    Wrap,
    /// The nearest number that fits is taken.
    Saturate,
    /// Nothing is changed.
    Fail,
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Get,
    Set(i64),
    Add(i64),
}

#[derive(Debug, Clone, Copy)]
struct Operation {
    field: Field,
    action: Action,
    overflow: Overflow,
}

impl Field {
    fn parse(kind: &[u8], place: &[u8], max_string: usize) -> Result<Self, CommandError> {
        let (signed, digits) = match kind {
            [b'i', digits @ ..] => (true, digits),
            [b'u', digits @ ..] => (false, digits),
            _ => return Err(NO_TYPE),
        };
        let digits = digits.split(|&byte| byte == 0).next().unwrap_or_default();
        let bits = parse_i64_strict(digits).and_then(|bits| u32::try_from(bits).ok());
        let most = if signed { 64 } else { 63 };
        let bits = bits.filter(|bits| (1..=most).contains(bits)).ok_or(NO_TYPE)?;
        let offset = match place {
            // Counted in fields of this width. As in Redis, the product may wrap.
            [b'#', digits @ ..] => {
                let number = parse_i64_strict(digits);
                let place = number.map_or(-1, |number| number.wrapping_mul(bits.into()));
                checked_offset(place, max_string)?
            }
            digits => offset(digits, max_string)?,
        };
        Ok(Self { signed, bits, offset })
    }

    fn first_byte(self) -> usize {
        (self.offset / 8) as usize
    }

    fn last_byte(self) -> usize {
        ((self.offset + u64::from(self.bits) - 1) / 8) as usize
    }

    /// Bits behind the field in the bytes that it can reach into.
    fn behind(self) -> u32 {
        REACH_BITS - self.bits - (self.offset % 8) as u32
    }

    fn mask(self) -> u128 {
        (1 << self.bits) - 1
    }

    /// The number that these bits of the field are.
    fn number(self, bits: u128) -> i128 {
        let bits = (bits & self.mask()).cast_signed();
        let negative = self.signed && bits >> (self.bits - 1) != 0;
        if negative { bits - (1 << self.bits) } else { bits }
    }

    /// What is stored of a number; nothing if it does not fit and must not be changed.
    fn fit(self, number: i128, overflow: Overflow) -> Option<i128> {
        let values = 1_i128 << self.bits;
        let (least, most) =
            if self.signed { (-values / 2, values / 2 - 1) } else { (0, values - 1) };
        match overflow {
            _ if (least..=most).contains(&number) => Some(number),
            Overflow::Wrap => Some(self.number(number.cast_unsigned())),
            Overflow::Saturate => Some(number.clamp(least, most)),
            Overflow::Fail => None,
        }
    }
}

fn parse(args: Args<'_>, max_string: usize) -> Result<Vec<Operation>, CommandError> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut words = args.skip(2);
    while !words.is_empty() {
        let name = words.at(0).to_ascii_uppercase();
        let takes = match (name.as_slice(), words.len()) {
            (b"GET", 3..) => 3,
            (b"SET" | b"INCRBY", 4..) => 4,
            (b"OVERFLOW", 2..) => 2,
            _ => return Err(CommandError::Syntax),
        };
        if name == b"OVERFLOW" {
            overflow = parse_overflow(words.at(1))?;
        } else {
            let field = Field::parse(words.at(1), words.at(2), max_string)?;
            let number = || parse_i64_strict(words.at(3)).ok_or(CommandError::NotInteger);
            let action = match name.as_slice() {
                b"SET" => Action::Set(number()?),
                b"INCRBY" => Action::Add(number()?),
                _ => Action::Get,
            };
            operations.push(Operation { field, action, overflow });
        }
        words = words.skip(takes);
    }
    Ok(operations)
}

fn parse_overflow(name: &[u8]) -> Result<Overflow, CommandError> {
    Ok(match name.to_ascii_uppercase().as_slice() {
        b"WRAP" => Overflow::Wrap,
        b"SAT" => Overflow::Saturate,
        b"FAIL" => Overflow::Fail,
        _ => return Err(NO_OVERFLOW),
    })
}

pub(super) fn bitfield(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let operations = parse(args, cx.frame.limits.max_string)?;
    let name = args.at(1);
    let key = cx.key(name);
    let text = Text::of(key.string()?);
    let mut draft = Draft { text: &text, changed: BTreeMap::new() };
    draft.run(&operations, reply);
    let writes = operations.iter().filter(|op| !matches!(op.action, Action::Get));
    let Some(last) = writes.map(|op| op.field.last_byte()).max() else { return Ok(()) };
    // The string reaches as far as anything was to be written, even if nothing was.
    if last >= text.len() {
        draft.changed.entry(last).or_insert(0);
    }
    let runs = draft.runs();
    if runs.is_empty() {
        make_raw(key);
    }
    for (at, bytes) in runs {
        overwrite(cx.key(name), at, &bytes, SETBIT);
    }
    Ok(())
}

pub(super) fn bitfield_ro(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let operations = parse(args, cx.frame.limits.max_string)?;
    if operations.iter().any(|op| !matches!(op.action, Action::Get)) {
        return Err(ONLY_GET);
    }
    let text = Text::of(cx.string(args.at(1))?);
    Draft { text: &text, changed: BTreeMap::new() }.run(&operations, reply);
    Ok(())
}

/// A string with the bytes of it that have been changed and are not written yet.
struct Draft<'a> {
    text: &'a [u8],
    changed: BTreeMap<usize, u8>,
}

impl Draft<'_> {
    fn byte(&self, at: usize) -> u8 {
        let changed = self.changed.get(&at).copied();
        changed.or_else(|| self.text.get(at).copied()).unwrap_or(0)
    }

    /// The bytes that the field can reach into, as one number.
    fn load(&self, field: Field) -> u128 {
        let first = field.first_byte();
        (first..first + REACH).fold(0, |word, at| (word << 8) | u128::from(self.byte(at)))
    }

    fn get(&self, field: Field) -> i128 {
        field.number(self.load(field) >> field.behind())
    }

    fn set(&mut self, field: Field, number: i128) {
        let kept = self.load(field) & !(field.mask() << field.behind());
        let word = kept | ((number.cast_unsigned() & field.mask()) << field.behind());
        for (number, at) in (field.first_byte()..=field.last_byte()).enumerate() {
            let byte = (word >> (8 * (REACH - 1 - number))) as u8;
            if byte != self.byte(at) || at >= self.text.len() {
                self.changed.insert(at, byte);
            }
        }
    }

    /// Does the operations in order, and tells what came out of each.
    fn run(&mut self, operations: &[Operation], reply: &mut ReplyWriter<'_>) {
        reply.array(operations.len());
        for operation in operations {
            match self.step(operation) {
                // Every number of at most 64 bits with sign or 63 without fits.
                Some(number) => reply.int(number as i64),
                None => reply.null(),
            }
        }
    }

    fn step(&mut self, operation: &Operation) -> Option<i128> {
        let Operation { field, action, overflow } = *operation;
        let old = self.get(field);
        let (number, tells_old) = match action {
            Action::Get => return Some(old),
            // A negative number is one too great where there is no sign.
            Action::Set(number) if !field.signed => (number.cast_unsigned().into(), true),
            Action::Set(number) => (number.into(), true),
            Action::Add(by) => (old + i128::from(by), false),
        };
        let new = field.fit(number, overflow)?;
        self.set(field, new);
        Some(if tells_old { old } else { new })
    }

    /// The changed bytes, each run of neighbours together.
    fn runs(self) -> Vec<(usize, Vec<u8>)> {
        let mut runs: Vec<(usize, Vec<u8>)> = Vec::new();
        for (at, byte) in self.changed {
            match runs.last_mut() {
                Some((begin, bytes)) if *begin + bytes.len() == at => bytes.push(byte),
                _ => runs.push((at, vec![byte])),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: &str, place: &str) -> Result<Field, CommandError> {
        Field::parse(kind.as_bytes(), place.as_bytes(), 512 << 20)
    }

    #[track_caller]
    fn check(kind: &str, old: i64, by: i64, expected: [Option<i128>; 3]) {
        let field = field(kind, "3").expect("a field");
        let modes = [Overflow::Wrap, Overflow::Saturate, Overflow::Fail];
        for (overflow, expected) in modes.into_iter().zip(expected) {
            let mut draft = Draft { text: &[0xff; 3], changed: BTreeMap::new() };
            draft.set(field, old.into());
            assert_eq!(draft.get(field), old.into());
            let done = draft.step(&Operation { field, action: Action::Add(by), overflow });
            assert_eq!(done, expected, "{kind} {old} + {by}, {overflow:?}");
            assert_eq!(draft.get(field), done.unwrap_or(old.into()));
            assert_eq!(draft.byte(0) >> 5, 7, "the bits before stay");
        }
    }

    #[test]
    fn numbers_wrap_saturate_or_stay() {
        let max = i128::from(i64::MAX);
        check("i8", 100, 27, [Some(127); 3]);
        check("i8", 100, 28, [Some(-128), Some(127), None]);
        check("i8", -100, -100, [Some(56), Some(-128), None]);
        check("u8", 250, 10, [Some(4), Some(255), None]);
        check("u8", 5, -6, [Some(255), Some(0), None]);
        check("u1", 1, 1, [Some(0), Some(1), None]);
        check("i64", i64::MAX, 1, [Some(-max - 1), Some(max), None]);
        check("i64", i64::MIN, i64::MIN, [Some(0), Some(-max - 1), None]);
        check("u63", i64::MAX, i64::MAX, [Some(max - 1), Some(max), None]);
    }

    #[test]
    fn fields_have_a_type_and_a_place() {
        for kind in ["", "8", "i", "i0", "i65", "u64", "u0", "u08", "I8", "u-1", "u 8"] {
            assert_eq!(field(kind, "0").err(), Some(NO_TYPE), "{kind}");
        }
        assert_eq!(field("u8\0x", "0").map(|field| field.bits), Ok(8));
        assert_eq!(field("i64", "#3").map(|field| field.offset), Ok(192));
        for place in ["-1", "#-1", "#", "x", "4294967296", "#536870912"] {
            assert!(field("u8", place).is_err(), "{place}");
        }
    }

    #[test]
    fn runs_are_written_together() {
        let mut draft = Draft { text: b"aaaaaa", changed: BTreeMap::new() };
        draft.set(field("u16", "8").expect("a field"), 0x6262);
        draft.set(field("u8", "40").expect("a field"), 0x61);
        draft.set(field("u8", "56").expect("a field"), 0);
        assert_eq!(draft.runs(), [(1, b"bb".to_vec()), (7, b"\0".to_vec())]);
    }
}
