//! String commands.

use crate::differential::compare::Compare;
use crate::differential::generator::{Args, Generator, Step, block, exact};
use crate::differential::maker::Maker;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    exact("set", 60, set),
    block("set", 4, set_expired),
    exact("get", 40, |m| Args::new("GET").with(m.key())),
    exact("getex", 14, getex),
    exact("getdel", 8, |m| Args::new("GETDEL").with(m.key())),
    exact("getset", 10, |m| Args::new("GETSET").with(m.key()).with(m.value())),
    exact("setnx", 10, |m| Args::new("SETNX").with(m.key()).with(m.value())),
    exact("setex", 8, |m| set_with_time(m, "SETEX")),
    exact("psetex", 8, |m| set_with_time(m, "PSETEX")),
    exact("mget", 20, |m| Args::new("MGET").extend(m.some_keys())),
    exact("mset", 20, |m| Args::new("MSET").extend(m.pairs())),
    exact("msetnx", 12, |m| Args::new("MSETNX").extend(m.pairs())),
    exact("incr", 14, |m| Args::new("INCR").with(m.key())),
    exact("decr", 14, |m| Args::new("DECR").with(m.key())),
    exact("incrby", 14, |m| Args::new("INCRBY").with(m.key()).with(m.integer())),
    exact("decrby", 14, |m| Args::new("DECRBY").with(m.key()).with(m.integer())),
    exact("incrbyfloat", 20, |m| Args::new("INCRBYFLOAT").with(m.key()).with(m.float())),
    exact("append", 16, |m| Args::new("APPEND").with(m.key()).with(m.value())),
    exact("strlen", 14, |m| Args::new("STRLEN").with(m.key())),
    exact("getrange", 20, |m| range(m, "GETRANGE")),
    exact("substr", 8, |m| range(m, "SUBSTR")),
    exact("setrange", 16, setrange),
    exact("lcs", 20, lcs),
];

fn set(m: &mut Maker) -> Args {
    let mut args = Args::new("SET").with(m.key()).with(m.value());
    if m.rng.percent(50) {
        return args;
    }
    let options = 1 + m.rng.below(3);
    for _ in 0..options {
        args = match m.rng.below(9) {
            0 => args.words("NX"),
            1 => args.words("XX"),
            2 | 3 => args.words("GET"),
            4 => args.words("KEEPTTL"),
            5 => args.words("EX").number(m.far_seconds()),
            6 => args.words("PXAT").number(m.future_millis()),
            7 => args.words(m.word_of(&["EX", "PX", "EXAT", "PXAT"])).with(set_time(m)),
            _ => args.words(m.word_of(&["nx", "xx", "get", "keepttl", "PERSIST", "px"])),
        };
    }
    args
}

/// A time for any unit that is far away or refused, but never just over: a key set with a time
/// that is over lives until it is looked at, see `set_expired`.
fn set_time(m: &mut Maker) -> Vec<u8> {
    const REFUSED: [&str; 6] = ["0", "-1", "9223372036854775807", "abc", "1.5", ""];
    if m.rng.percent(60) {
        m.future_millis().to_string().into_bytes()
    } else {
        m.rng.pick(&REFUSED).as_bytes().to_vec()
    }
}

/// A key set with a time that is over, looked at once, so that it is gone on both servers.
fn set_expired(m: &mut Maker) -> Vec<Step> {
    let key = m.key();
    let unit = m.word_of(&["EXAT", "PXAT"]);
    let set = Args::new("SET").with(key.clone()).with(m.value()).words(unit).words("1");
    let look = Args::new(m.word_of(&["GET", "STRLEN", "TTL", "TYPE", "EXISTS"])).with(key);
    vec![Step::new(set, Compare::Exact), Step::new(look, Compare::Exact)]
}

fn getex(m: &mut Maker) -> Args {
    let args = Args::new("GETEX").with(m.key());
    match m.rng.below(9) {
        0 => args,
        1 | 2 => args.words("PERSIST"),
        3 => args.words("EX").number(m.far_seconds()),
        4 => args.words("PX").number(m.far_millis()),
        5 => args.words("EXAT").number(m.future_millis() / 1000),
        6 => args.words("PXAT").number(m.future_millis()),
        7 => args.words(m.word_of(&["EXAT", "PXAT"])).words("1"),
        _ => args.words(m.word_of(&["EX", "PX", "EXAT", "PXAT", "KEEPTTL"])).with(m.odd_time()),
    }
}

fn set_with_time(m: &mut Maker, name: &str) -> Args {
    let args = Args::new(name).with(m.key());
    let args =
        if m.rng.percent(80) { args.number(m.far_millis()) } else { args.with(m.odd_time()) };
    args.with(m.value())
}

fn range(m: &mut Maker, name: &str) -> Args {
    Args::new(name).with(m.key()).with(m.index()).with(m.index())
}

fn setrange(m: &mut Maker) -> Args {
    const REFUSED: [&str; 5] =
        ["-1", "536870912", "9223372036854775807", "-9223372036854775808", "abc"];
    let args = Args::new("SETRANGE").with(m.key());
    let args = match m.rng.below(10) {
        0..=6 => args.number(m.rng.between(0, 60)),
        7 => args.number(m.rng.between(0, 2000)),
        _ => args.with(m.rng.pick(&REFUSED).as_bytes().to_vec()),
    };
    args.with(m.value())
}

fn lcs(m: &mut Maker) -> Args {
    let mut args = Args::new("LCS").extend(m.keys(2));
    let options = m.rng.below(4);
    for _ in 0..options {
        args = match m.rng.below(5) {
            0 => args.words("LEN"),
            1 => args.words("MINMATCHLEN").with(m.index()),
            2 => args.words("WITHMATCHLEN"),
            _ => args.words("IDX"),
        };
    }
    args
}
