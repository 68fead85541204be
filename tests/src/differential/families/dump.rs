//! DUMP and RESTORE.

use std::collections::BTreeSet;

use shardwright_codec::rdb::{Body, Collection, ObjectType, Part, StringWriter, Value, dump};

use crate::differential::compare::Compare;
use crate::differential::generator::{Args, Generator, Step, block, exact, one};
use crate::differential::maker::Maker;
use crate::harness::reply::Reply;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    one("dump", 30, |m| Args::new("DUMP").with(m.key()), Compare::Check(same_dump)),
    exact("restore", 40, restore),
    block("restore", 10, restored_and_used),
];

fn restore(m: &mut Maker) -> Args {
    let args = Args::new("RESTORE").with(m.key());
    let args = match m.rng.below(12) {
        0..=6 => args.words("0"),
        7 | 8 => args.number(m.far_millis()),
        9 => args.number(m.future_millis()).words("ABSTTL"),
        _ => args.with(m.odd_time()),
    };
    // The payload comes third, wherever options were put.
    let mut args = args;
    let payload = payload(m);
    args.0.insert(3, payload);
    if m.rng.percent(60) {
        args = args.words("REPLACE");
    }
    match m.rng.below(12) {
        0 => args.words("ABSTTL"),
        1 => args.words("IDLETIME 1000"),
        2 => args.words("FREQ 7"),
        3 => args.words(m.word_of(&[
            "IDLETIME -1",
            "IDLETIME abc",
            "IDLETIME",
            "FREQ 256",
            "FREQ -1",
            "FREQ",
            "IDLETIME 5 FREQ 5",
            "FREQ 5 IDLETIME 5",
            "NOSUCH",
            "replace replace",
        ])),
        _ => args,
    }
}

/// A value as DUMP gives it, now and then one that is refused.
fn payload(m: &mut Maker) -> Vec<u8> {
    let mut bytes = match m.rng.below(10) {
        0..=5 => string(m),
        _ => hash(m),
    };
    match m.rng.below(12) {
        // A type that there is none of.
        0 => bytes[0] = 0x63,
        1 => bytes[0] = ObjectType::Module2.code(),
        _ => {}
    }
    dump::seal(&mut bytes);
    match m.rng.below(12) {
        0 => {
            let at = m.rng.below(bytes.len());
            bytes[at] ^= 1;
        }
        1 => bytes.truncate(m.rng.below(bytes.len())),
        _ => {}
    }
    bytes
}

fn string(m: &mut Maker) -> Vec<u8> {
    let mut out = Vec::new();
    let compress = m.rng.percent(50);
    Value::Bytes(&m.value()).encode(&mut StringWriter::new(compress), &mut out);
    out
}

/// A hash in the form of a table, which Redis may turn into a listpack.
fn hash(m: &mut Maker) -> Vec<u8> {
    let count = if m.rng.percent(90) { 1 + m.rng.below(8) } else { 509 + m.rng.below(6) };
    let mut out = vec![ObjectType::Hash.code()];
    let mut strings = StringWriter::new(m.rng.percent(50));
    let mut body = Body::new(&mut strings, &mut out);
    // Now and then a field is there twice.
    let twice = m.rng.percent(5);
    body.length(count as u64 + u64::from(twice));
    for n in 0..count {
        body.text(format!("f{n}").as_bytes());
        body.text(&m.value());
    }
    if twice {
        body.text(b"f0");
        body.text(b"again");
    }
    out
}

/// What was restored is used by commands of its type, and of others.
fn restored_and_used(m: &mut Maker) -> Vec<Step> {
    let key = m.key();
    let mut bytes = if m.rng.percent(50) { string(m) } else { hash(m) };
    dump::seal(&mut bytes);
    let restore = Args::new("RESTORE").with(key.clone()).words("0").with(bytes).words("REPLACE");
    let mut steps = vec![Step::new(restore, Compare::Exact)];
    for line in ["TYPE", "OBJECT ENCODING", "STRLEN", "HLEN", "DEBUG DIGEST-VALUE"] {
        steps.push(Step::new(Args::new(line).with(key.clone()), Compare::Exact));
    }
    for line in ["HSET f0 new", "HDEL f1 f2", "APPEND tail", "HINCRBY f3 1"] {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        let args = Args::new(name).with(key.clone()).words(rest);
        steps.push(Step::new(args, Compare::Exact));
    }
    steps.push(Step::new(Args::new("DUMP").with(key), Compare::Check(same_dump)));
    steps
}

/// The same value in the same form; the elements of some forms have no order.
fn same_dump(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    let (Reply::Bulk(_), Reply::Bulk(_)) = (ours, theirs) else {
        return Err("one is no dump".into());
    };
    let ours = elements(ours.bytes()).ok_or("our dump is none")?;
    let theirs = elements(theirs.bytes()).ok_or("their dump cannot be read")?;
    if ours == theirs { Ok(()) } else { Err("the values differ".into()) }
}

/// The type of a collection that has no order, and its elements with what belongs to each.
fn elements(dump: &[u8]) -> Option<(u8, BTreeSet<Vec<String>>)> {
    let value = dump::open(dump)?;
    let (&code, body) = value.split_first()?;
    let kind = ObjectType::from_code(code)?;
    let width = match kind {
        ObjectType::Set => 1,
        ObjectType::Hash => 2,
        _ => return None,
    };
    let mut pieces: Vec<String> = Vec::new();
    let visited = Collection::new(kind, body).visit(&mut |part| {
        pieces.push(match part {
            Part::Text(text) => text.escape_ascii().to_string(),
            Part::Score(score) => score.to_string(),
        });
        Ok(())
    });
    visited.ok()?;
    Some((code, pieces.chunks(width).map(<[String]>::to_vec).collect()))
}
