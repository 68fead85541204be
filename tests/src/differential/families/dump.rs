//! DUMP, RESTORE and MIGRATE.

use shardwright_codec::rdb::{Body, ObjectType, StringWriter, Value, dump};

use crate::differential::compare::Compare;
use crate::differential::dumped::DUMP;
use crate::differential::generator::{Args, Generator, Step, block, exact, one};
use crate::differential::maker::Maker;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    one("dump", 30, |m| Args::new("DUMP").with(m.key()), DUMP),
    exact("restore", 40, restore),
    block("restore", 10, restored_and_used),
    block("migrate", 6, migrated_to_nobody),
];

/// MIGRATE to a port where nobody listens: nothing moves. Not in a transaction, where it is refused
/// here. What moves is the business of `tests/migrate.rs`.
fn migrated_to_nobody(m: &mut Maker) -> Vec<Step> {
    let port = m.word_of(&["0", "0", "0", "0", "x", "-1", "65536"]);
    let args = Args::new("MIGRATE 127.0.0.1").words(port);
    let many = m.rng.percent(40);
    let args = if many && m.rng.percent(80) { args.with("") } else { args.with(m.key()) };
    let args = args.words(m.word_of(&["0", "0", "3", "99", "-1", "x"]));
    let args = args.words(m.word_of(&["100", "100", "100", "0", "-5", "x"]));
    let options = [
        "",
        "",
        "COPY",
        "replace",
        "REPLACE COPY",
        "AUTH secret",
        "AUTH2 user secret",
        "AUTH",
        "AUTH2 user",
        "NOSUCH",
        "AUTH KEYS",
        "COPY COPY",
    ];
    let args = args.words(m.word_of(&options));
    let args = if many { args.words("KEYS").extend(m.some_keys()) } else { args };
    vec![Step::exact("DISCARD"), Step::new(args, Compare::Exact)]
}

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
    let mut bytes = value(m);
    match m.rng.below(12) {
        // A type that there is none of.
        0 => bytes[0] = 0x63,
        1 => bytes[0] = ObjectType::Module2.code(),
        // What nobody looks at.
        2 => bytes.extend(m.value()),
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

/// Writes a value of some type in the form that has no packing, of which the reader makes its own.
type MakeBody = fn(&mut Maker, usize, &mut Body<'_>);

/// Types with their bodies of so many elements.
const BODIES: &[(ObjectType, MakeBody)] = &[
    (ObjectType::Hash, hash),
    (ObjectType::List, list),
    (ObjectType::Set, set),
    (ObjectType::SortedSet2, sorted_set),
];

fn value(m: &mut Maker) -> Vec<u8> {
    let mut strings = StringWriter::new(m.rng.percent(50));
    let mut out = Vec::new();
    if m.rng.percent(40) {
        Value::Bytes(&m.value()).encode(&mut strings, &mut out);
        return out;
    }
    let (kind, make) = *m.rng.choose(BODIES);
    let count = match m.rng.below(30) {
        // No collection is empty.
        0 => 0,
        1 => 126 + m.rng.below(5),
        2 => 509 + m.rng.below(6),
        _ => 1 + m.rng.below(8),
    };
    out.push(kind.code());
    let mut body = Body::new(&mut strings, &mut out);
    body.length(count as u64);
    make(m, count, &mut body);
    out
}

fn hash(m: &mut Maker, count: usize, body: &mut Body<'_>) {
    for n in 0..count {
        body.text(format!("f{n}").as_bytes());
        body.text(&m.value());
    }
}

fn list(m: &mut Maker, count: usize, body: &mut Body<'_>) {
    (0..count).for_each(|_| body.text(&m.value()));
}

fn set(m: &mut Maker, count: usize, body: &mut Body<'_>) {
    let integers = m.rng.percent(60);
    for n in 0..count {
        if integers {
            body.int(n as i64 * 1000 - 3000);
        } else {
            body.text(format!("m{n}").as_bytes());
        }
    }
}

fn sorted_set(m: &mut Maker, count: usize, body: &mut Body<'_>) {
    const SCORES: [f64; 8] = [0.0, -0.0, 1.5, -3.0, 1e300, f64::INFINITY, f64::NEG_INFINITY, 0.1];
    // What is too long for a listpack.
    let long = m.rng.percent(10);
    for n in 0..count {
        let tail = if long && n == 0 { "m".repeat(60 + m.rng.below(8)) } else { String::new() };
        body.text(format!("m{n}{tail}").as_bytes());
        body.score(*m.rng.choose(&SCORES));
    }
}

/// What was restored is used by commands of its type, and of others.
fn restored_and_used(m: &mut Maker) -> Vec<Step> {
    let key = m.key();
    let mut bytes = value(m);
    dump::seal(&mut bytes);
    let restore = Args::new("RESTORE").with(key.clone()).words("0").with(bytes).words("REPLACE");
    let mut steps = vec![Step::new(restore, Compare::Exact)];
    let looks = [
        "TYPE",
        "OBJECT ENCODING",
        "STRLEN",
        "HLEN",
        "LLEN",
        "SCARD",
        "ZCARD",
        "DEBUG DIGEST-VALUE",
    ];
    for line in looks {
        steps.push(Step::new(Args::new(line).with(key.clone()), Compare::Exact));
    }
    let changes = [
        ("APPEND", "tail"),
        ("HSET", "f0 new"),
        ("HDEL", "f1 f2"),
        ("HINCRBY", "f3 1"),
        ("LPUSH", "new"),
        ("RPOP", ""),
        ("LREM", "0 -1"),
        ("SADD", "m0 7"),
        ("SREM", "m1 -3000"),
        ("ZADD", "7 m0"),
        ("ZREM", "m1 m2"),
        ("ZPOPMIN", ""),
    ];
    for (name, rest) in changes {
        let args = Args::new(name).with(key.clone()).words(rest);
        steps.push(Step::new(args, Compare::Exact));
    }
    steps.push(Step::new(Args::new("DUMP").with(key), DUMP));
    steps
}
