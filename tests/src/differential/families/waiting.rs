//! Commands that may wait for keys: with times that are over soon, or in transactions. That others
//! serve them is tested apart.

use crate::differential::generator::{Args, Generator, exact};
use crate::differential::maker::Maker;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    exact("blpop", 4, |m| last_is_timeout(m, "BLPOP")),
    exact("brpop", 4, |m| last_is_timeout(m, "BRPOP")),
    exact("bzpopmin", 4, |m| last_is_timeout(m, "BZPOPMIN")),
    exact("bzpopmax", 4, |m| last_is_timeout(m, "BZPOPMAX")),
    exact("blmpop", 5, |m| counted(m, "BLMPOP", &["LEFT", "RIGHT", "right", "MIN"])),
    exact("bzmpop", 5, |m| counted(m, "BZMPOP", &["MIN", "MAX", "max", "LEFT"])),
    exact("blmove", 5, |m| {
        let args = Args::new("BLMOVE").extend(m.keys(2));
        let args = args.words(side(m)).words(side(m));
        args.with(timeout(m))
    }),
    exact("brpoplpush", 4, |m| {
        let args = Args::new("BRPOPLPUSH").extend(m.keys(2));
        args.with(timeout(m))
    }),
];

fn side(m: &mut Maker) -> &'static str {
    m.word_of(&["LEFT", "RIGHT", "LEFT", "RIGHT", "left", "UP"])
}

/// A time that is over soon, or none.
fn timeout(m: &mut Maker) -> Vec<u8> {
    const TIMES: [&str; 18] = [
        "0.001",
        "0.002",
        "0.0001",
        "0.001",
        "1e-400",
        "1e-4950",
        "1e-4951",
        "0x1p-20",
        "-1",
        "-0.0011",
        "-0.0010000000000000000001",
        "-1e300",
        "abc",
        "inf",
        "nan",
        "9223372036854776",
        "9223372036854775.808",
        "9223372036854775.80749",
    ];
    m.rng.pick(&TIMES).as_bytes().to_vec()
}

fn last_is_timeout(m: &mut Maker, name: &str) -> Args {
    let args = Args::new(name).extend(m.some_keys());
    args.with(timeout(m))
}

fn counted(m: &mut Maker, name: &str, ways: &[&'static str]) -> Args {
    let keys = m.some_keys();
    let count = if m.rng.percent(90) { keys.len() as i64 } else { m.rng.between(-1, 7) };
    let args = Args::new(name).with(timeout(m)).number(count).extend(keys);
    let args = args.words(m.word_of(ways));
    match m.rng.below(4) {
        0 => args.words("COUNT").number(m.rng.between(-1, 5)),
        1 => args.words("count").with(m.integer()),
        _ => args,
    }
}
