//! Runs a scenario over many seeds.
//!
//! `SHARDWRIGHT_SEEDS` sets how many each scenario gets, `SHARDWRIGHT_SEED` where they begin; with
//! the second alone just that one runs, which is how a failed run is seen again. With
//! `SHARDWRIGHT_TRACE` set, every step is printed.

use std::fmt::Debug;
use std::str::FromStr;

use super::fault::{Check, Failure};

fn from_environment<T: FromStr<Err: Debug>>(name: &str) -> Option<T> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|e| panic!("{name}: {e:?}")))
}

/// Seeds of a scenario, unless the environment says otherwise.
const SEEDS: u64 = 6000;

/// The seeds that the environment asks for; of those that are only counted one in `one_in`.
fn seeds(one_in: u64) -> std::ops::Range<u64> {
    let begin: Option<u64> = from_environment("SHARDWRIGHT_SEED");
    let count = from_environment("SHARDWRIGHT_SEEDS");
    let count = match begin {
        Some(_) => count.unwrap_or(1),
        None => count.unwrap_or(SEEDS),
    };
    let begin = begin.unwrap_or(0);
    begin..begin + count.div_ceil(one_in)
}

/// Names the seed when a run panics.
struct Naming(u64);

impl Drop for Naming {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {0}; to see it again: SHARDWRIGHT_SEED={0}", self.0);
        }
    }
}

/// Runs `scenario` with all seeds and gives all results; the first failure ends the test. A scenario
/// that takes long gets only one in `one_in` of the seeds.
///
/// # Panics
/// A run failed.
#[track_caller]
pub fn check<R>(one_in: u64, mut scenario: impl FnMut(u64) -> Result<R, Failure>) -> Vec<R> {
    seeds(one_in)
        .map(|seed| {
            let _naming = Naming(seed);
            scenario(seed).unwrap_or_else(|failure| panic!("{failure}"))
        })
        .collect()
}

/// Runs `scenario`, which has something broken, until that is found.
///
/// # Panics
/// It is not found with `count` seeds, or what is found first is none of `checks`.
#[track_caller]
pub fn finds(checks: &[Check], count: u64, mut scenario: impl FnMut(u64) -> Result<(), Failure>) {
    for seed in 0..count {
        if let Err(failure) = scenario(seed) {
            assert!(checks.contains(&failure.check), "seed {seed} found something else: {failure}");
            println!("found with seed {seed}: {failure}");
            return;
        }
    }
    panic!("{count} seeds did not find what was broken");
}
