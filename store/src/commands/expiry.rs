//! Commands about deadlines: setting, removing and reading them.
//!
//! How a time argument is read is the business of [`super::expire_option`].

use shardwright_codec::resp::{Args, ReplyWriter};

use super::expire_option::ExpireTime;
use super::expiry_arguments as args;
use crate::command::argument::ONE_KEY;
use crate::command::{Categories, DataCommand, Flags, Group, KeySpec, KeyUse, Outcome, Spec};
use crate::context::{ReadCx, Touch, WriteCx};
use crate::effect::Event;
use crate::error::CommandError;
use crate::types::UnixMillis;

const READ_FAST: Flags = Flags::READONLY.with(Flags::FAST);
const WRITE_FAST: Flags = Flags::WRITE.with(Flags::FAST);

const ONE_READ: &[KeySpec] = &[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))];
const ONE_CHANGED: &[KeySpec] = &[KeySpec::one(1, KeyUse::RW.with(KeyUse::UPDATE))];

const RELATIVE: &[&str] = &["nondeterministic_output"];

/// The commands about deadlines.
pub const COMMANDS: &[DataCommand] = &[
    DataCommand::write(
        setting("expire")
            .doc("1.0.0", "O(1)", "Set the time to live of a key in seconds")
            .arguments(args::EXPIRE)
            .example(
                "> SET expire:a Hello\nOK\n\
                 > EXPIRE expire:a 100\n(integer) 1\n\
                 > TTL expire:a\n(integer) 100\n\
                 > EXPIRE expire:a 10 GT\n(integer) 0",
            ),
        expire,
    ),
    DataCommand::write(
        setting("pexpire")
            .doc("2.6.0", "O(1)", "Set the time to live of a key in milliseconds")
            .arguments(args::PEXPIRE)
            .example(
                "> SET pexpire:a Hello\nOK\n\
                 > PEXPIRE pexpire:a 99900\n(integer) 1\n\
                 > TTL pexpire:a\n(integer) 100",
            ),
        pexpire,
    ),
    DataCommand::write(
        setting("expireat")
            .doc("1.2.0", "O(1)", "Set the time at which a key expires, in Unix seconds")
            .arguments(args::EXPIREAT)
            .example(
                "> SET expireat:a Hello\nOK\n\
                 > EXPIREAT expireat:a 33177117420\n(integer) 1\n\
                 > EXPIRETIME expireat:a\n(integer) 33177117420\n\
                 > EXPIREAT expireat:a 1\n(integer) 1\n\
                 > EXISTS expireat:a\n(integer) 0",
            ),
        expireat,
    ),
    DataCommand::write(
        setting("pexpireat")
            .doc("2.6.0", "O(1)", "Set the time at which a key expires, in Unix milliseconds")
            .arguments(args::PEXPIREAT)
            .example(
                "> SET pexpireat:a Hello\nOK\n\
                 > PEXPIREAT pexpireat:a 33177117420000\n(integer) 1\n\
                 > PEXPIRETIME pexpireat:a\n(integer) 33177117420000",
            ),
        pexpireat,
    ),
    DataCommand::read(
        reading("ttl")
            .doc("1.0.0", "O(1)", "Get the time to live of a key in seconds")
            .tips(RELATIVE)
            .history(args::LEFT_HISTORY)
            .example("> SET ttl:a Hello EX 100\nOK\n> TTL ttl:a\n(integer) 100\n> TTL ttl:none\n(integer) -2"),
        ttl,
    ),
    DataCommand::read(
        reading("pttl")
            .doc("2.6.0", "O(1)", "Get the time to live of a key in milliseconds")
            .tips(RELATIVE)
            .history(args::LEFT_HISTORY)
            .example("> SET pttl:a Hello\nOK\n> PTTL pttl:a\n(integer) -1"),
        pttl,
    ),
    DataCommand::read(
        reading("expiretime")
            .doc("7.0.0", "O(1)", "Get the time at which a key expires, in Unix seconds")
            .example(
                "> SET expiretime:a Hello EXAT 33177117420\nOK\n\
                 > EXPIRETIME expiretime:a\n(integer) 33177117420",
            ),
        expiretime,
    ),
    DataCommand::read(
        reading("pexpiretime")
            .doc("7.0.0", "O(1)", "Get the time at which a key expires, in Unix milliseconds")
            .example(
                "> SET pexpiretime:a Hello EXAT 33177117420\nOK\n\
                 > PEXPIRETIME pexpiretime:a\n(integer) 33177117420000",
            ),
        pexpiretime,
    ),
    DataCommand::write(
        Spec::new("persist", Group::Generic, 2)
            .flags(&[WRITE_FAST])
            .categories(&[Categories::KEYSPACE])
            .keys(ONE_CHANGED)
            .doc("2.2.0", "O(1)", "Let a key no longer expire")
            .arguments(ONE_KEY)
            .example(
                "> SET persist:a Hello EX 100\nOK\n\
                 > PERSIST persist:a\n(integer) 1\n\
                 > TTL persist:a\n(integer) -1",
            ),
        persist,
    ),
];

const fn setting(name: &'static str) -> Spec {
    Spec::new(name, Group::Generic, -3)
        .flags(&[WRITE_FAST])
        .categories(&[Categories::KEYSPACE])
        .keys(ONE_CHANGED)
        .history(args::SETTING_HISTORY)
}

const fn reading(name: &'static str) -> Spec {
    Spec::new(name, Group::Generic, 2)
        .flags(&[READ_FAST])
        .categories(&[Categories::KEYSPACE])
        .keys(ONE_READ)
        .arguments(ONE_KEY)
}

fn expire(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set_deadline(cx, args, reply, ExpireTime::EX, "expire")
}

fn pexpire(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set_deadline(cx, args, reply, ExpireTime::PX, "pexpire")
}

fn expireat(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set_deadline(cx, args, reply, ExpireTime::EXAT, "expireat")
}

fn pexpireat(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set_deadline(cx, args, reply, ExpireTime::PXAT, "pexpireat")
}

fn set_deadline(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    time: ExpireTime,
    command: &'static str,
) -> Outcome {
    let condition = Condition::parse(args.skip(3))?;
    let now = cx.frame.now;
    let deadline = time.any(args.at(2), now, command)?;
    let key = cx.key(args.at(1));
    let wanted = key.exists() && condition.allows(key.deadline(), deadline);
    if wanted && deadline <= now {
        key.delete(Event::generic("del"));
    } else if wanted {
        key.set_deadline(Some(deadline), Event::generic("expire"));
    }
    reply.int(i64::from(wanted));
    Ok(())
}

/// What the key's present deadline must be like for a new one to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Condition {
    /// NX: there is none.
    absent: bool,
    /// XX: there is one.
    present: bool,
    /// GT: the new one is later.
    later: bool,
    /// LT: the new one is earlier.
    earlier: bool,
}

impl Condition {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut condition = Self::default();
        for option in args {
            let flag = match option.to_ascii_uppercase().as_slice() {
                b"NX" => &mut condition.absent,
                b"XX" => &mut condition.present,
                b"GT" => &mut condition.later,
                b"LT" => &mut condition.earlier,
                _ => return Err(CommandError::quoting("ERR Unsupported option ", option, "")),
            };
            *flag = true;
        }
        let Self { absent, present, later, earlier } = condition;
        if absent && (present || later || earlier) {
            return Err(CommandError::Text(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if later && earlier {
            return Err(CommandError::Text(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(condition)
    }

    /// Whether `new` may be set. A key that does not expire counts as one that does so after any
    /// time.
    fn allows(self, present: Option<UnixMillis>, new: UnixMillis) -> bool {
        !(self.absent && present.is_some()
            || self.present && present.is_none()
            || self.later && present.is_none_or(|present| new <= present)
            || self.earlier && present.is_some_and(|present| new >= present))
    }
}

fn persist(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = cx.key(args.at(1));
    let expires = key.deadline().is_some();
    if expires {
        key.set_deadline(None, Event::generic("persist"));
    }
    reply.int(i64::from(expires));
    Ok(())
}

fn ttl(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let left = |deadline: UnixMillis| seconds(deadline.0.saturating_sub(cx.frame.now.0));
    reply.int(deadline_or_code(cx, args, left));
    Ok(())
}

fn pttl(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let left = |deadline: UnixMillis| deadline.0.saturating_sub(cx.frame.now.0);
    reply.int(deadline_or_code(cx, args, left));
    Ok(())
}

fn expiretime(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.int(deadline_or_code(cx, args, |deadline| seconds(deadline.0)));
    Ok(())
}

fn pexpiretime(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.int(deadline_or_code(cx, args, |deadline| deadline.0));
    Ok(())
}

/// The key's deadline in the given form; -2 if there is no such key, -1 if it does not expire.
fn deadline_or_code(cx: &ReadCx<'_>, args: Args<'_>, form: impl Fn(UnixMillis) -> i64) -> i64 {
    match cx.lookup(cx.frame.db, args.at(1), Touch::No) {
        Some(entry) => entry.deadline().map_or(-1, form),
        None => -2,
    }
}

/// Seconds, rounded to the nearest, of milliseconds that are not negative.
fn seconds(millis: i64) -> i64 {
    millis / 1000 + i64::from(millis % 1000 >= 500)
}
