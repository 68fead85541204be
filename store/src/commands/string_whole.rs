//! Whole strings: GET, SET, GETEX, GETDEL, GETSET, SETNX, SETEX, PSETEX, MGET, MSET and MSETNX.

use shardwright_codec::resp::{Args, ReplyWriter};

use super::expire_option::{ExpireOption, ExpireTime, TimeBase};
use super::string_value::{new_string, write_string};
use crate::command::Outcome;
use crate::context::{KeyMut, ReadCx, Ttl, WriteCx};
use crate::effect::Event;
use crate::error::CommandError;
use crate::value::Kind;

/// A value was set as a whole.
const SET: Event = Event::string("set");

pub(super) fn get(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    match cx.string(args.at(1))? {
        Some(value) => write_string(value, reply),
        None => reply.null(),
    }
    Ok(())
}

pub(super) fn set(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    if args.len() > 3 {
        return set_with_options(cx, args, reply);
    }
    cx.put(args.at(1), new_string(args.at(2)), Ttl::Clear, SET);
    reply.ok();
    Ok(())
}

/// What may follow key and value in SET.
#[derive(Default)]
struct SetOptions<'a> {
    /// NX (`false`) or XX (`true`): whether the key must be there.
    must_exist: Option<bool>,
    /// GET: the old value is the reply.
    get: bool,
    expire: ExpireOption<'a>,
}

impl<'a> SetOptions<'a> {
    fn parse(args: Args<'a>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut at = 3;
        while at < args.len() {
            at += options.take(args, at)?;
        }
        Ok(options)
    }

    /// Takes the option at argument `at` and returns how many arguments it has.
    fn take(&mut self, args: Args<'a>, at: usize) -> Result<usize, CommandError> {
        let is = |name: &str| args.at(at).eq_ignore_ascii_case(name.as_bytes());
        if is("NX") && self.must_exist != Some(true) {
            self.must_exist = Some(false);
        } else if is("XX") && self.must_exist != Some(false) {
            self.must_exist = Some(true);
        } else if is("GET") {
            self.get = true;
        } else if is("KEEPTTL") {
            return self.expire.take_word(ExpireOption::Keep);
        } else {
            return self.expire.take_time(args, at);
        }
        Ok(1)
    }
}

fn set_with_options(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let options = SetOptions::parse(args)?;
    let ttl = match options.expire {
        ExpireOption::At(time, text) => Ttl::At(time.positive(text, cx.frame.now, "set")?),
        ExpireOption::Keep => Ttl::Keep,
        ExpireOption::None | ExpireOption::Persist => Ttl::Clear,
    };
    let key = cx.key(args.at(1));
    if options.get {
        reply_counted(&key, reply)?;
    }
    let sets = options.must_exist.is_none_or(|must| must == key.exists());
    if sets {
        key.put(new_string(args.at(2)), ttl, SET);
    }
    match (options.get, sets) {
        (true, _) => {}
        (false, true) => reply.ok(),
        (false, false) => reply.null(),
    }
    Ok(())
}

/// Replies the string at a key, or null, and counts the lookup as one of a reading command. Returns
/// whether there is one.
fn reply_counted(
    key: &KeyMut<'_, '_, '_>,
    reply: &mut ReplyWriter<'_>,
) -> Result<bool, CommandError> {
    key.count();
    match key.string()? {
        Some(value) => write_string(value, reply),
        None => reply.null(),
    }
    Ok(key.exists())
}

pub(super) fn getset(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let key = cx.key(args.at(1));
    reply_counted(&key, reply)?;
    key.put(new_string(args.at(2)), Ttl::Clear, SET);
    Ok(())
}

pub(super) fn getdel(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let key = cx.key(args.at(1));
    if reply_counted(&key, reply)? {
        key.delete(Event::generic("del"));
    }
    Ok(())
}

/// The option of GETEX.
fn getex_option(args: Args<'_>) -> Result<ExpireOption<'_>, CommandError> {
    let mut option = ExpireOption::None;
    let mut at = 2;
    while at < args.len() {
        at += if args.at(at).eq_ignore_ascii_case(b"PERSIST") {
            option.take_word(ExpireOption::Persist)?
        } else {
            option.take_time(args, at)?
        };
    }
    Ok(option)
}

pub(super) fn getex(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let option = getex_option(args)?;
    let now = cx.frame.now;
    let key = cx.key(args.at(1));
    key.count();
    let Some(value) = key.string()? else {
        reply.null();
        return Ok(());
    };
    // Only now: where there is no string, Redis does not look at the time.
    let deadline = match option {
        ExpireOption::At(time, text) => Some(time.positive(text, now, "getex")?),
        _ => None,
    };
    write_string(value, reply);
    match (option, deadline) {
        (ExpireOption::At(time, _), Some(deadline))
            if time.base == TimeBase::Epoch && deadline <= now =>
        {
            key.delete(Event::generic("del"));
        }
        (_, Some(_)) => key.set_deadline(deadline, Event::generic("expire")),
        (ExpireOption::Persist, None) if key.deadline().is_some() => {
            key.set_deadline(None, Event::generic("persist"));
        }
        _ => {}
    }
    Ok(())
}

pub(super) fn setnx(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let key = cx.key(args.at(1));
    let absent = !key.exists();
    if absent {
        key.put(new_string(args.at(2)), Ttl::Clear, SET);
    }
    reply.int(i64::from(absent));
    Ok(())
}

pub(super) fn setex(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    set_for(cx, args, reply, ExpireTime::EX, "setex")
}

pub(super) fn psetex(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    set_for(cx, args, reply, ExpireTime::PX, "psetex")
}

/// Sets a value that lives as long as the argument before it says.
fn set_for(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    time: ExpireTime,
    command: &'static str,
) -> Outcome {
    let deadline = time.positive(args.at(2), cx.frame.now, command)?;
    cx.put(args.at(1), new_string(args.at(3)), Ttl::At(deadline), SET);
    reply.ok();
    Ok(())
}

pub(super) fn mget(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let keys = args.skip(1);
    reply.array(keys.len());
    for key in keys {
        match cx.get(key).filter(|entry| entry.kind() == Kind::String) {
            Some(entry) => write_string(entry.value(), reply),
            None => reply.null(),
        }
    }
    Ok(())
}

pub(super) fn mset(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    check_pairs(args, "mset")?;
    put_pairs(cx, args);
    reply.ok();
    Ok(())
}

pub(super) fn msetnx(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    check_pairs(args, "msetnx")?;
    let exist = args.skip(1).iter().step_by(2).any(|key| cx.get(key).is_some());
    if !exist {
        put_pairs(cx, args);
    }
    reply.int(i64::from(!exist));
    Ok(())
}

/// Each key needs its value.
fn check_pairs(args: Args<'_>, command: &str) -> Outcome {
    if args.len().is_multiple_of(2) { Err(CommandError::Arity(command.to_owned())) } else { Ok(()) }
}

/// Sets each key to the value behind it; of a key that is named twice the last value stays.
fn put_pairs(cx: &mut WriteCx<'_, '_>, args: Args<'_>) {
    for at in (1..args.len()).step_by(2) {
        cx.put(args.at(at), new_string(args.at(at + 1)), Ttl::Clear, SET);
    }
}
