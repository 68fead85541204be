//! What a failed comparison tells, and the look at the final data.

use std::fmt::Write as _;

use super::admitted::SORTED;
use super::compare::{Compare, compare, same_encoding};
use super::dumped::DUMP;
use super::families::streams::{PENDING, TIMES};
use super::generator::{Expect, Step, Who};
use crate::harness::client::Client;
use crate::harness::reply::{Reply, escape};

/// Databases of both servers.
const DATABASES: usize = 16;

/// Where a sequence went wrong.
#[derive(Debug)]
pub struct Mismatch {
    /// Index of the step; the sequence's length for the final data.
    pub step: usize,
    /// What is wrong, with both replies.
    pub problem: String,
}

/// A step as one would type it into redis-cli.
pub fn describe(step: &Step) -> String {
    let mut text = String::new();
    if step.who == Who::Second {
        text.push_str("[second client] ");
    }
    match &step.inline {
        Some(bytes) => write!(text, "raw \"{}\"", escape(bytes)).unwrap(),
        None => {
            text.push_str(&step.args.0.iter().map(|arg| quoted(arg)).collect::<Vec<_>>().join(" "))
        }
    }
    if step.expect != Expect::Reply {
        write!(text, "   ({:?})", step.expect).unwrap();
    }
    text
}

fn quoted(arg: &[u8]) -> String {
    let plain = !arg.is_empty()
        && arg.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(byte));
    if plain { escape(arg) } else { format!("\"{}\"", escape(arg)) }
}

/// Compares all databases of both servers: keys, values, types, encodings, times to live, dumps,
/// digest.
///
/// # Errors
/// The first difference.
pub fn compare_data(subject: &mut Client, oracle: &mut Client) -> Result<(), String> {
    for db in 0..DATABASES {
        let select = db.to_string();
        both(subject, oracle, Compare::Exact, &[b"SELECT", select.as_bytes()])?;
        both(subject, oracle, Compare::Unordered, &[b"KEYS", b"*"])
            .map_err(|problem| format!("keys of database {db}: {problem}"))?;
        let mut keys: Vec<Reply> = oracle.run("KEYS *").items().to_vec();
        keys.sort();
        for key in &keys {
            compare_key(subject, oracle, key.bytes()).map_err(|problem| {
                format!("database {db}, key \"{}\": {problem}", escape(key.bytes()))
            })?;
        }
    }
    both(subject, oracle, Compare::Exact, &[b"DEBUG", b"DIGEST"]).map(drop)
}

fn compare_key(subject: &mut Client, oracle: &mut Client, key: &[u8]) -> Result<(), String> {
    let kind = both(subject, oracle, Compare::Exact, &[b"TYPE", key])?;
    both(subject, oracle, Compare::Exact, &[b"GET", key])?;
    let encoding = Compare::Admitted(SORTED, same_encoding);
    both(subject, oracle, encoding, &[b"OBJECT", b"ENCODING", key])?;
    both(subject, oracle, Compare::Near(10_000), &[b"PEXPIRETIME", key])?;
    both(subject, oracle, DUMP, &[b"DUMP", key])?;
    if kind.text() == "stream" { compare_stream(subject, oracle, key) } else { Ok(()) }
}

/// Entries, groups, consumers and pending entries of a stream, with all IDs and counts.
fn compare_stream(subject: &mut Client, oracle: &mut Client, key: &[u8]) -> Result<(), String> {
    both(subject, oracle, TIMES, &[b"XINFO", b"STREAM", key, b"FULL", b"COUNT", b"0"])?;
    let groups = both(subject, oracle, Compare::Exact, &[b"XINFO", b"GROUPS", key])?;
    // It may have expired just now.
    let Reply::Array(groups) = groups else { return Ok(()) };
    for group in groups {
        // The name is the first field, in either protocol.
        let Some(name) = group.items().get(1) else { return Err("a group without a name".into()) };
        let most = i64::MAX.to_string();
        let args: &[&[u8]] = &[b"XPENDING", key, name.bytes(), b"-", b"+", most.as_bytes()];
        both(subject, oracle, PENDING, args)?;
    }
    Ok(())
}

/// Asks both and compares. Gives what Redis says.
fn both(
    subject: &mut Client,
    oracle: &mut Client,
    rule: Compare,
    args: &[&[u8]],
) -> Result<Reply, String> {
    subject.send(args);
    oracle.send(args);
    let ours =
        subject.read_raw().map_err(|error| format!("shardwright gives no reply: {error}"))?;
    let theirs = oracle.read_raw().map_err(|error| format!("redis gives no reply: {error}"))?;
    compare(rule, &ours, &theirs).map(|()| Reply::parse(&theirs))
}
