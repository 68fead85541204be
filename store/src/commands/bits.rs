//! Bitmap commands, for which a string is a row of bits, the highest of each byte first: the table of
//! the family; SETBIT, GETBIT and BITOP; and what a bit's place may be.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::string_ranges::overwrite;
use super::string_value::Text;
use super::{bits_arguments as args, bits_fields, bits_ranges};
use crate::command::{Categories, DataCommand, Flags, Group, KeySpec, KeyUse, Outcome, Spec};
use crate::context::{KeyMut, ReadCx, Ttl, WriteCx};
use crate::effect::Event;
use crate::error::CommandError;
use crate::value::{NewValue, ValueRef};

/// The family's commands.
pub const COMMANDS: &[DataCommand] = &[
DataCommand::write(
    Spec::new("setbit", Group::Bitmap, 4)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::BITMAP])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::UPDATE))])
        .doc("2.2.0", "O(1)", "Set or clear one bit of a string")
        .arguments(args::SETBIT)
        .example("> SETBIT setbit:key 7 1\n(integer) 0\n> SETBIT setbit:key 7 0\n(integer) 1\n> GET setbit:key\n\"\\x00\""),
    setbit,
),
DataCommand::read(
    Spec::new("getbit", Group::Bitmap, 3)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::BITMAP])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.2.0", "O(1)", "Get one bit of a string")
        .arguments(args::GETBIT)
        .example("> SETBIT getbit:key 7 1\n(integer) 0\n> GETBIT getbit:key 7\n(integer) 1\n> GETBIT getbit:key 100\n(integer) 0"),
    getbit,
),
DataCommand::read(
    Spec::new("bitcount", Group::Bitmap, -2)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::BITMAP])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.6.0", "O(N)", "Count the bits of a string that are set")
        .arguments(args::BITCOUNT)
        .history(args::BITCOUNT_HISTORY)
        .example("> SET bitcount:key foobar\nOK\n> BITCOUNT bitcount:key\n(integer) 26\n> BITCOUNT bitcount:key 1 1\n(integer) 6\n> BITCOUNT bitcount:key 5 30 BIT\n(integer) 17"),
    bits_ranges::bitcount,
),
DataCommand::read(
    Spec::new("bitpos", Group::Bitmap, -3)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::BITMAP])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.8.7", "O(N)", "Find the first bit of a string that is set, or clear")
        .arguments(args::BITPOS)
        .history(args::BITPOS_HISTORY)
        .example("> SET bitpos:key \"\\xff\\xf0\\x00\"\nOK\n> BITPOS bitpos:key 0\n(integer) 12\n> BITPOS bitpos:key 1 2\n(integer) -1\n> BITPOS bitpos:key 0 8 -1 BIT\n(integer) 12"),
    bits_ranges::bitpos,
),
DataCommand::write(
    Spec::new("bitop", Group::Bitmap, -4)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::BITMAP])
        .keys(&[KeySpec::one(2, KeyUse::OW.with(KeyUse::UPDATE)), KeySpec::rest(3, 1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("2.6.0", "O(N)", "Combine strings bit by bit into another")
        .arguments(args::BITOP)
        .example("> SET {bitop}:a foobar\nOK\n> SET {bitop}:b abcdef\nOK\n> BITOP AND {bitop}:c {bitop}:a {bitop}:b\n(integer) 6\n> GET {bitop}:c\n\"`bc`ab\""),
    bitop,
),
DataCommand::write(
    Spec::new("bitfield", Group::Bitmap, -2)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::BITMAP])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::UPDATE).with(KeyUse::VARIABLE_FLAGS)).notes("This command allows both access and modification of the key")])
        .doc("3.2.0", "O(1) for each subcommand specified", "Read and change integers of any width within a string")
        .arguments(args::BITFIELD)
        .example("> BITFIELD bitfield:key INCRBY i5 100 1 GET u4 0\n1) (integer) 1\n2) (integer) 0\n> BITFIELD bitfield:key OVERFLOW SAT SET u2 102 7\n1) (integer) 0"),
    bits_fields::bitfield,
),
DataCommand::read(
    Spec::new("bitfield_ro", Group::Bitmap, -2)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::BITMAP])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("6.0.0", "O(1) for each subcommand specified", "Read integers of any width within a string")
        .arguments(args::BITFIELD_RO)
        .example("> SET bitfield_ro:key A\nOK\n> BITFIELD_RO bitfield_ro:key GET u8 0 GET i4 #1\n1) (integer) 65\n2) (integer) 1"),
    bits_fields::bitfield_ro,
),
];

/// Bits were changed.
pub(super) const SETBIT: Event = Event::string("setbit");

const NO_OFFSET: CommandError =
    CommandError::Text("ERR bit offset is not an integer or out of range");
const NO_BIT: CommandError = CommandError::Text("ERR bit is not an integer or out of range");
const ONE_SOURCE: CommandError =
    CommandError::Text("ERR BITOP NOT must be called with a single source key.");

/// The place of a bit: a number that is not negative, in a byte that a string may have.
pub(super) fn offset(text: &[u8], max_string: usize) -> Result<u64, CommandError> {
    let offset = parse_i64_strict(text).ok_or(NO_OFFSET)?;
    checked_offset(offset, max_string)
}

/// The same from a number that may not be one.
pub(super) fn checked_offset(offset: i64, max_string: usize) -> Result<u64, CommandError> {
    let offset = u64::try_from(offset).map_err(|_| NO_OFFSET)?;
    if offset / 8 < max_string as u64 { Ok(offset) } else { Err(NO_OFFSET) }
}

fn setbit(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let offset = offset(args.at(2), cx.frame.limits.max_string)?;
    let on = match parse_i64_strict(args.at(3)) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(NO_BIT),
    };
    let key = cx.key(args.at(1));
    let (at, mask) = ((offset / 8) as usize, 0x80 >> (offset % 8));
    let byte = Text::of(key.string()?).get(at).copied();
    let old = byte.unwrap_or(0);
    let new = if on { old | mask } else { old & !mask };
    if byte == Some(new) {
        make_raw(key);
    } else {
        overwrite(key, at, &[new], SETBIT);
    }
    reply.int((old & mask != 0).into());
    Ok(())
}

/// Makes a string `raw`, as Redis does with one that is to be changed, even if nothing is. It is no
/// change that a client could watch for.
pub(super) fn make_raw(key: KeyMut<'_, '_, '_>) {
    let raw = matches!(key.string(), Ok(None | Some(ValueRef::Bytes { raw: true, .. })));
    if !raw {
        key.splice(0, b"", SETBIT);
    }
}

fn getbit(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let offset = offset(args.at(2), cx.frame.limits.max_string)?;
    let text = Text::of(cx.string(args.at(1))?);
    let byte = text.get((offset / 8) as usize).copied().unwrap_or(0);
    reply.int((byte & (0x80 >> (offset % 8)) != 0).into());
    Ok(())
}

/// What BITOP makes of its sources. A string that ends early goes on with zeros.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
}

impl Operation {
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_slice() {
            b"AND" => Self::And,
            b"OR" => Self::Or,
            b"XOR" => Self::Xor,
            b"NOT" => Self::Not,
            _ => return None,
        })
    }

    /// What comes out of the first source alone.
    fn begin(self, source: &[u8]) -> Vec<u8> {
        match self {
            Self::Not => source.iter().map(|byte| !byte).collect(),
            Self::And | Self::Or | Self::Xor => source.to_vec(),
        }
    }

    /// Works one more source into what came out of those before; NOT has only one.
    fn fold(self, out: &mut Vec<u8>, source: &[u8]) {
        if out.len() < source.len() {
            out.resize(source.len(), 0);
        }
        let pairs = out.iter_mut().zip(source);
        match self {
            Self::And => {
                pairs.for_each(|(out, source)| *out &= source);
                out.iter_mut().skip(source.len()).for_each(|out| *out = 0);
            }
            Self::Or => pairs.for_each(|(out, source)| *out |= source),
            Self::Xor | Self::Not => pairs.for_each(|(out, source)| *out ^= source),
        }
    }
}

fn bitop(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let operation = Operation::named(args.at(1)).ok_or(CommandError::Syntax)?;
    if operation == Operation::Not && args.len() != 4 {
        return Err(ONE_SOURCE);
    }
    let mut out = operation.begin(&Text::of(cx.string(args.at(3))?));
    for source in args.skip(4).iter() {
        operation.fold(&mut out, &Text::of(cx.string(source)?));
    }
    let destination = args.at(2);
    if out.is_empty() {
        cx.delete(destination, Event::generic("del"));
    } else {
        let value = NewValue::Bytes { bytes: &out, raw: true };
        cx.put(destination, value, Ttl::Clear, Event::string("set"));
    }
    reply.int(out.len() as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(operation: &str, sources: &[&[u8]], expected: &[u8]) {
        let operation = Operation::named(operation.as_bytes()).expect("an operation");
        let mut out = operation.begin(sources[0]);
        sources[1..].iter().for_each(|source| operation.fold(&mut out, source));
        assert_eq!(out, expected);
    }

    #[test]
    fn shorter_sources_go_on_with_zeros() {
        check("and", &[b"\xff\xff\xff", b"\x0f"], b"\x0f\0\0");
        check("AND", &[b"\x0f", b"\xff\xff\xff"], b"\x0f\0\0");
        check("or", &[b"\x0f", b"\xf0\x01", b""], b"\xff\x01");
        check("Xor", &[b"\x0f\x01", b"\xff"], b"\xf0\x01");
        check("not", &[b"\x0f\x01"], b"\xf0\xfe");
        assert!(Operation::named(b"nand").is_none());
    }

    #[test]
    fn a_place_is_in_a_byte_that_a_string_may_have() {
        assert_eq!(offset(b"0", 1), Ok(0));
        assert_eq!(offset(b"7", 1), Ok(7));
        for text in [&b"8"[..], b"-1", b"", b"x", b"01", b"9223372036854775808"] {
            assert_eq!(offset(text, 1), Err(NO_OFFSET));
        }
        assert_eq!(offset(b"4294967295", 512 << 20), Ok(4_294_967_295));
        assert_eq!(offset(b"4294967296", 512 << 20), Err(NO_OFFSET));
    }
}
