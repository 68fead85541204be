//! Hash commands.

use crate::differential::compare::{Compare, same_pairs};
use crate::differential::generator::{Args, Expect, Generator, Step, block, exact, one};
use crate::differential::maker::Maker;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    exact("hset", 40, hset),
    exact("hget", 20, |m| Args::new("HGET").with(m.key()).with(m.word())),
    exact("hdel", 20, |m| Args::new("HDEL").with(m.key()).with(m.word())),
    one("hgetall", 20, |m| Args::new("HGETALL").with(m.key()), Compare::Check(same_pairs)),
    exact("hlen", 10, |m| Args::new("HLEN").with(m.key())),
    block("hscan", 8, whole_scan),
];

fn hset(m: &mut Maker) -> Args {
    let mut args = Args::new("HSET").with(m.key());
    for _ in 0..=m.rng.below(4) {
        args = args.with(m.word()).with(m.value());
    }
    args
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
