//! Hash commands.

use crate::differential::compare::{Compare, same_pairs};
use crate::differential::generator::{Args, Generator, exact, one};
use crate::differential::maker::Maker;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    exact("hset", 40, hset),
    exact("hget", 20, |m| Args::new("HGET").with(m.key()).with(m.word())),
    exact("hdel", 20, |m| Args::new("HDEL").with(m.key()).with(m.word())),
    one("hgetall", 20, |m| Args::new("HGETALL").with(m.key()), Compare::Check(same_pairs)),
    exact("hlen", 10, |m| Args::new("HLEN").with(m.key())),
];

fn hset(m: &mut Maker) -> Args {
    let mut args = Args::new("HSET").with(m.key());
    for _ in 0..=m.rng.below(4) {
        args = args.with(m.word()).with(m.value());
    }
    args
}
