//! Hash commands.

use crate::differential::compare::{Compare, same_kind, same_pairs};
use crate::differential::generator::{Args, Expect, Generator, Step, block, exact, one};
use crate::differential::maker::Maker;
use crate::harness::reply::Reply;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    exact("hset", 40, |m| pairs(m, "HSET")),
    exact("hmset", 14, |m| pairs(m, "HMSET")),
    exact("hsetnx", 12, |m| Args::new("HSETNX").with(m.key()).with(field(m)).with(m.value())),
    exact("hget", 20, |m| Args::new("HGET").with(m.key()).with(field(m))),
    exact("hmget", 14, |m| several(m, "HMGET")),
    exact("hdel", 20, |m| several(m, "HDEL")),
    exact("hexists", 10, |m| Args::new("HEXISTS").with(m.key()).with(field(m))),
    exact("hstrlen", 10, |m| Args::new("HSTRLEN").with(m.key()).with(field(m))),
    exact("hlen", 10, |m| Args::new("HLEN").with(m.key())),
    exact("hincrby", 20, |m| Args::new("HINCRBY").with(m.key()).with(field(m)).with(m.integer())),
    exact("hincrbyfloat", 20, |m| {
        Args::new("HINCRBYFLOAT").with(m.key()).with(field(m)).with(m.float())
    }),
    one("hgetall", 20, |m| Args::new("HGETALL").with(m.key()), Compare::Check(same_pairs)),
    one("hkeys", 10, |m| Args::new("HKEYS").with(m.key()), Compare::Unordered),
    one("hvals", 10, |m| Args::new("HVALS").with(m.key()), Compare::Unordered),
    one("hrandfield", 6, |m| Args::new("HRANDFIELD").with(m.key()), Compare::Check(same_kind)),
    // Blocks, which lose no word: Redis would begin to serve the most negative numbers.
    block("hrandfield", 12, |m| vec![Step::new(random_fields(m), Compare::Check(same_length))]),
    block("hrandfield", 8, |m| {
        let args = Args::new("HRANDFIELD").with(m.key()).words("1000 WITHVALUES");
        vec![Step::new(args, Compare::Check(same_fields))]
    }),
    block("hscan", 8, whole_scan),
    block("hset", 6, around_the_bounds),
];

/// One of few names most of the time, so that fields meet.
fn field(m: &mut Maker) -> Vec<u8> {
    match m.rng.below(8) {
        0..=4 => vec![*m.rng.choose(b"abcdefg12")],
        5 => m.integer(),
        6 => m.word(),
        _ => m.value(),
    }
}

fn pairs(m: &mut Maker, name: &str) -> Args {
    let mut args = Args::new(name).with(m.key());
    for _ in 0..=m.rng.below(5) {
        args = args.with(field(m)).with(m.value());
    }
    args
}

fn several(m: &mut Maker, name: &str) -> Args {
    let mut args = Args::new(name).with(m.key());
    for _ in 0..=m.rng.below(4) {
        args = args.with(field(m));
    }
    args
}

fn random_fields(m: &mut Maker) -> Args {
    const COUNTS: [&str; 12] = [
        "0",
        "1",
        "-1",
        "2",
        "-7",
        "-40",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "4611686018427387903",
        "-4611686018427387905",
        "abc",
    ];
    let count = m.rng.pick(&COUNTS).as_bytes().to_vec();
    let mut args = Args::new("HRANDFIELD").with(m.key()).with(count);
    // Without values it is a number that Redis would begin to serve.
    let endless = args.0[2].starts_with(b"-46");
    if endless || m.rng.percent(40) {
        args = args.words(m.word_of(&["WITHVALUES", "withvalues", "WITHVALUES"]));
    } else if m.rng.percent(10) {
        args = args.words(m.word_of(&["WITHSCORES", "WITHVALUES WITHVALUES", "2"]));
    }
    args
}

/// As many, in the same shape; which ones is left to chance.
fn same_length(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    same_kind(ours, theirs)?;
    let shape = |reply: &Reply| reply.items().iter().map(|item| item.kind()).collect::<Vec<_>>();
    if shape(ours) == shape(theirs) { Ok(()) } else { Err("another number of fields".into()) }
}

/// All fields with their values: pairs in RESP3, flat in RESP2.
fn same_fields(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    if !matches!(theirs.items().first(), Some(Reply::Array(_))) {
        return same_pairs(ours, theirs);
    }
    let sorted = |reply: &Reply| {
        let mut items = reply.items().to_vec();
        items.sort();
        items
    };
    if sorted(ours) == sorted(theirs) { Ok(()) } else { Err("the fields differ".into()) }
}

/// HSCAN from 0 to 0, compared as a set of pairs.
fn whole_scan(m: &mut Maker) -> Vec<Step> {
    let mut args = Args::new("HSCAN").with(m.key()).words("0");
    if m.rng.percent(40) {
        args = args.words("MATCH").with(m.pattern());
    }
    if m.rng.percent(40) {
        args = args.words(m.word_of(&["COUNT 1", "COUNT 3", "count 1000"]));
    }
    if m.rng.percent(10) {
        args = args.words(m.word_of(&["COUNT 0", "COUNT abc", "TYPE hash", "MATCH", "NOSUCH 1"]));
    }
    // Within a transaction the cursor could not be followed.
    let step = Step::new(args, Compare::Unordered).expecting(Expect::WholeScan);
    vec![Step::exact("DISCARD"), step]
}

/// A hash that is about to become a table, or has just become one: by fields or by a value.
fn around_the_bounds(m: &mut Maker) -> Vec<Step> {
    let key = m.key();
    let mut args = Args::new("HSET").with(key.clone());
    let by_value = m.rng.percent(50);
    let fields = if by_value { 3 } else { 510 + m.rng.below(5) };
    for n in 0..fields {
        args = args.with(format!("f{n}")).number(n as i64);
    }
    if by_value {
        let long = 63 + m.rng.below(3);
        args = args.with("long").with(vec![b'v'; long]);
    }
    let about = |line: &str| Args::new(line).with(key.clone());
    vec![
        Step::new(args, Compare::Exact),
        Step::new(about("OBJECT ENCODING"), Compare::Exact),
        Step::new(about("HSETNX").with(field(m)).with("new"), Compare::Exact),
        Step::new(about("OBJECT ENCODING"), Compare::Exact),
        Step::new(about("HDEL").words("f0 f1 long"), Compare::Exact),
        Step::new(about("OBJECT ENCODING"), Compare::Exact),
        Step::new(about("HGETALL"), Compare::Check(same_pairs)),
        Step::new(about("DEBUG DIGEST-VALUE"), Compare::Exact),
    ]
}
