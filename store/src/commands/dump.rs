//! DUMP and RESTORE: values of any type as bytes that also other servers read.

use std::cell::RefCell;

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::rdb::{Body, StringWriter, Value, dump as sealed};
use shardwright_codec::resp::{Args, ReplyWriter};

use super::dump_arguments as args;
use super::object::CLOCK_MASK;
use super::string_value::plain_string;
use crate::command::argument::ONE_KEY;
use crate::command::{Categories, DataCommand, Flags, Group, KeySpec, KeyUse, Outcome, Spec};
use crate::context::{KeyMut, ReadCx, Ttl, WriteCx};
use crate::data;
use crate::effect::Event;
use crate::error::CommandError;
use crate::types::UnixMillis;
use crate::value::{NewValue, ValueRef};

/// The commands.
pub const COMMANDS: &[DataCommand] = &[
    DataCommand::read(
        Spec::new("dump", Group::Generic, 2)
            .flags(&[Flags::READONLY])
            .categories(&[Categories::KEYSPACE])
            .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
            .doc(
                "2.6.0",
                "O(1) to access the key and additional O(N*M) to serialize it, where N is the \
                 number of Redis objects composing the value and M their average size. For small \
                 string values the time complexity is thus O(1)+O(1*M) where M is small, so \
                 simply O(1).",
                "Get the value of a key as bytes for RESTORE",
            )
            .tips(&["nondeterministic_output"])
            .arguments(ONE_KEY)
            .example(
                "> SET dump:key 10\nOK\n\
                 > DUMP dump:key\n\"\\x00\\xc0\\n\\n\\x00n\\x9fWE\\x0e\\xaec\\xbb\"\n\
                 > DUMP dump:none\n(nil)",
            ),
        dump,
    ),
    DataCommand::write(
        Spec::new("restore", Group::Generic, -4)
            .flags(&[Flags::WRITE, Flags::DENYOOM])
            .categories(&[Categories::KEYSPACE, Categories::DANGEROUS])
            .keys(&[KeySpec::one(1, KeyUse::OW.with(KeyUse::UPDATE))])
            .doc(
                "2.6.0",
                "O(1) to create the new key and additional O(N*M) to reconstruct the serialized \
                 value, where N is the number of Redis objects composing the value and M their \
                 average size. For small string values the time complexity is thus O(1)+O(1*M) \
                 where M is small, so simply O(1). However for sorted set values the complexity \
                 is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).",
                "Make a key from the bytes that DUMP gave",
            )
            .arguments(args::RESTORE)
            .history(args::RESTORE_HISTORY)
            .example(
                "> RESTORE restore:key 0 \"\\x00\\xc0\\n\\n\\x00n\\x9fWE\\x0e\\xaec\\xbb\"\nOK\n\
                 > GET restore:key\n\"10\"",
            ),
        restore,
    ),
];

const BUSY_KEY: CommandError = CommandError::Text("BUSYKEY Target key name already exists.");
const INVALID_TTL: CommandError = CommandError::Text("ERR Invalid TTL value, must be >= 0");
const INVALID_IDLE_TIME: CommandError =
    CommandError::Text("ERR Invalid IDLETIME value, must be >= 0");
const INVALID_FREQUENCY: CommandError =
    CommandError::Text("ERR Invalid FREQ value, must be >= 0 and <= 255");
const NOT_SEALED: CommandError =
    CommandError::Text("ERR DUMP payload version or checksum are wrong");
const BAD_DATA: CommandError = CommandError::Text("ERR Bad data format");

thread_local! {
    /// Compressing needs a table that costs more to make than most values to write.
    static STRINGS: RefCell<StringWriter> = RefCell::new(StringWriter::new(true));
}

fn dump(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    match cx.get(args.at(1)) {
        Some(entry) => reply.bulk(&dump_of(entry.value())),
        None => reply.null(),
    }
    Ok(())
}

/// A value as DUMP gives it.
pub fn dump_of(value: ValueRef<'_>) -> Vec<u8> {
    let mut out = serialized(value);
    sealed::seal(&mut out);
    out
}

/// Bytes of a value in an RDB file, without its type.
pub fn serialized_length(value: ValueRef<'_>) -> usize {
    serialized(value).len() - 1
}

/// A value in an RDB file, its type first.
fn serialized(value: ValueRef<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    STRINGS.with_borrow_mut(|strings| {
        match value {
            ValueRef::Int(number) => Value::Int(number).encode(strings, &mut out),
            ValueRef::Bytes { bytes, .. } => Value::Bytes(bytes).encode(strings, &mut out),
            ValueRef::Packed(_) | ValueRef::Object(_) => {
                out.extend(data::object_type(value).map(|kind| kind.code()));
                data::write(value, &mut Body::new(strings, &mut out));
            }
        }
        strings.trim();
    });
    out
}

/// What RESTORE's options ask for.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    /// Seconds since the last use.
    idle: Option<i64>,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut has_frequency = false;
        let mut words = args.iter();
        while let Some(word) = words.next() {
            match word.to_ascii_uppercase().as_slice() {
                b"REPLACE" => options.replace = true,
                b"ABSTTL" => options.absolute = true,
                b"IDLETIME" if !has_frequency => {
                    let idle = integer(words.next().ok_or(CommandError::Syntax)?)?;
                    options.idle = Some(idle);
                    if idle < 0 {
                        return Err(INVALID_IDLE_TIME);
                    }
                }
                // Nothing is made of it: frequency is not kept.
                b"FREQ" if options.idle.is_none() => {
                    let frequency = integer(words.next().ok_or(CommandError::Syntax)?)?;
                    has_frequency = true;
                    if !(0..=255).contains(&frequency) {
                        return Err(INVALID_FREQUENCY);
                    }
                }
                _ => return Err(CommandError::Syntax),
            }
        }
        Ok(options)
    }

    /// When the key expires. As in Redis, a time to live that reaches beyond the last moment there
    /// is comes round to the past.
    fn deadline(&self, ttl: i64, now: UnixMillis) -> Option<UnixMillis> {
        match ttl {
            0 => None,
            ttl if self.absolute => Some(UnixMillis(ttl)),
            ttl => Some(UnixMillis(ttl.wrapping_add(now.0))),
        }
    }
}

fn integer(text: &[u8]) -> Result<i64, CommandError> {
    parse_i64_strict(text).ok_or(CommandError::NotInteger)
}

fn restore(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let options = Options::parse(args.skip(4))?;
    let (name, frame) = (args.at(1), cx.frame);
    let key = cx.key(name);
    if key.exists() && !options.replace {
        return Err(BUSY_KEY);
    }
    let ttl = integer(args.at(2))?;
    if ttl < 0 {
        return Err(INVALID_TTL);
    }
    let bytes = sealed::open(args.at(3)).ok_or(NOT_SEALED)?;
    let mut scratch = Vec::new();
    // Bytes behind the value are ignored, as in Redis.
    let value = Value::decode_first(bytes, frame.limits.max_string, &mut scratch);
    let (value, _) = value.map_err(|_| BAD_DATA)?;
    let deadline = options.deadline(ttl, frame.now);
    if deadline.is_some_and(|deadline| deadline <= frame.now) {
        // It would be gone at once. That it is a value is to be known nevertheless.
        if let Value::Collection(collection) = value {
            data::check(collection).map_err(|_| BAD_DATA)?;
        }
        if key.exists() {
            key.delete(Event::generic("del"));
        }
    } else {
        put(key, value, deadline)?;
        if let Some(idle) = options.idle
            && let Some(entry) = cx.get(name)
        {
            let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(CLOCK_MASK);
            entry.set_lru(frame.lru.wrapping_sub(idle) & CLOCK_MASK);
        }
    }
    reply.ok();
    Ok(())
}

/// Sets the key to a value that was read.
fn put(key: KeyMut<'_, '_, '_>, value: Value<'_>, deadline: Option<UnixMillis>) -> Outcome {
    const RESTORE: Event = Event::generic("restore");
    let ttl = deadline.map_or(Ttl::Clear, Ttl::At);
    match value {
        Value::Int(number) => key.put(NewValue::Int(number), ttl, RESTORE),
        Value::Bytes(bytes) => key.put(plain_string(bytes), ttl, RESTORE),
        Value::Collection(collection) => {
            key.restore(collection, deadline, RESTORE).map_err(|_| BAD_DATA)?;
        }
    }
    Ok(())
}
