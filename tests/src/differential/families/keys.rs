//! Generic commands on keys: existence, names, expiry, looking around.

use crate::differential::admitted;
use crate::differential::compare::{Compare, same_encoding};
use crate::differential::generator::{Args, Expect, Generator, Step, block, exact, one};
use crate::differential::maker::Maker;
use crate::harness::reply::Reply;

/// The two servers read their clocks apart.
const SECONDS: Compare = Compare::Near(10);
const MILLIS: Compare = Compare::Near(10_000);

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    exact("del", 10, |m| Args::new("DEL").extend(m.some_keys())),
    exact("unlink", 6, |m| Args::new("UNLINK").extend(m.some_keys())),
    exact("exists", 12, |m| Args::new("EXISTS").extend(m.some_keys())),
    exact("touch", 8, |m| Args::new("TOUCH").extend(m.some_keys())),
    exact("type", 8, |m| Args::new("TYPE").with(m.key())),
    one("keys", 10, |m| Args::new("KEYS").with(m.pattern()), Compare::Unordered),
    block("scan", 8, whole_scan),
    // Errors are compared byte for byte under every rule; spoilt, it may be one SCAN that works.
    one("scan", 4, refused_scan, Compare::Kind(admitted::SCAN_CURSOR)),
    one(
        "randomkey",
        6,
        |_| Args::new("RANDOMKEY"),
        Compare::Admitted(admitted::RANDOM_KEY, random_key),
    ),
    exact("rename", 14, |m| Args::new("RENAME").extend(m.keys(2))),
    exact("renamenx", 14, |m| Args::new("RENAMENX").extend(m.keys(2))),
    exact("copy", 20, copy),
    exact("move", 12, |m| Args::new("MOVE").with(m.key()).with(m.db())),
    exact("expire", 14, |m| expire(m, "EXPIRE", Maker::far_seconds)),
    exact("pexpire", 14, |m| expire(m, "PEXPIRE", Maker::far_millis)),
    exact("expireat", 14, |m| expire(m, "EXPIREAT", |m| m.future_millis() / 1000)),
    exact("pexpireat", 14, |m| expire(m, "PEXPIREAT", Maker::future_millis)),
    one("ttl", 12, |m| Args::new("TTL").with(m.key()), SECONDS),
    one("pttl", 12, |m| Args::new("PTTL").with(m.key()), MILLIS),
    one("expiretime", 10, |m| Args::new("EXPIRETIME").with(m.key()), SECONDS),
    one("pexpiretime", 10, |m| Args::new("PEXPIRETIME").with(m.key()), MILLIS),
    exact("persist", 12, |m| Args::new("PERSIST").with(m.key())),
    one(
        "object",
        16,
        |m| Args::new("OBJECT ENCODING").with(m.key()),
        Compare::Admitted(admitted::SORTED, same_encoding),
    ),
    exact("object", 2, |m| Args::new("OBJECT FREQ").with(m.key())),
    one("object", 4, |m| Args::new("OBJECT IDLETIME").with(m.key()), Compare::Near(60)),
    one(
        "object",
        3,
        |m| Args::new("OBJECT REFCOUNT").with(m.key()),
        Compare::Kind(admitted::REFCOUNT),
    ),
    one("object", 1, |_| Args::new("OBJECT HELP"), Compare::Kind(admitted::HELP)),
    exact("object", 1, |m| Args::new("OBJECT NOSUCH").with(m.key())),
    one("memory", 6, memory, Compare::Check(same_presence)),
    one("memory", 1, |_| Args::new("MEMORY HELP"), Compare::Kind(admitted::HELP)),
];

fn memory(m: &mut Maker) -> Args {
    let args = Args::new("MEMORY USAGE").with(m.key());
    args.words(m.word_of(&["", "", "SAMPLES 0", "samples 5", "SAMPLES -1", "SAMPLES x", "X 1"]))
}

/// Both take memory, each as much as it does, or there is no such key on either.
fn same_presence(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    match (ours, theirs) {
        (Reply::Int(1..), Reply::Int(1..)) | (Reply::Null, Reply::Null) => Ok(()),
        _ => Err("one server found a key and the other none".into()),
    }
}

fn copy(m: &mut Maker) -> Args {
    let mut args = Args::new("COPY").extend(m.keys(2));
    let options = m.rng.below(3);
    for _ in 0..options {
        args = match m.rng.below(7) {
            0..=2 => args.words("REPLACE"),
            3..=5 => args.words("DB").with(m.db()),
            _ => args.words("NOSUCH"),
        };
    }
    args
}

fn expire(m: &mut Maker, name: &str, time: fn(&mut Maker) -> i64) -> Args {
    let args = Args::new(name).with(m.key());
    let args = match m.rng.below(10) {
        0..=6 => args.number(time(m)),
        7 => args.number(-1),
        _ => args.with(m.odd_time()),
    };
    let options = m.word_of(&[
        "", "", "", "NX", "XX", "GT", "LT", "nx", "XX GT", "xx lt", "NX XX", "GT LT", "NX GT",
        "ABC", "GT 5",
    ]);
    args.words(options)
}

/// SCAN from 0 to 0, compared as a set.
fn whole_scan(m: &mut Maker) -> Vec<Step> {
    let mut args = Args::new("SCAN 0");
    if m.rng.percent(50) {
        args = args.words("MATCH").with(m.pattern());
    }
    if m.rng.percent(50) {
        args = args.words(m.word_of(&[
            "COUNT 1",
            "COUNT 3",
            "count 1000",
            "COUNT 9223372036854775807",
        ]));
    }
    if m.rng.percent(30) {
        args = args.words(m.word_of(&["TYPE string", "TYPE STRING", "TYPE list", "type nosuch"]));
    }
    // Within a transaction the cursor could not be followed.
    let step = Step::new(args, Compare::Unordered).expecting(Expect::WholeScan);
    vec![Step::exact("DISCARD"), step]
}

fn refused_scan(m: &mut Maker) -> Args {
    Args::new(m.word_of(&[
        "SCAN abc",
        "SCAN 18446744073709551616",
        "SCAN 0 COUNT 0",
        "SCAN 0 COUNT -5",
        "SCAN 0 COUNT abc",
        "SCAN 0 MATCH",
        "SCAN 0 NOSUCH 1",
        "SCAN 0 COUNT 9223372036854775808",
        "SCAN",
        "SCAN 0 TYPE",
    ]))
}

/// Both name a key or both none; that it exists is what `random_key.rs` asks.
fn random_key(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    match (ours, theirs) {
        (Reply::Bulk(_), Reply::Bulk(_)) | (Reply::Null, Reply::Null) => Ok(()),
        _ => Err("one server found a key and the other none".into()),
    }
}
