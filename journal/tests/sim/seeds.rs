//! Which seeds a scenario runs with.
//!
//! `SHARDWRIGHT_SEED` sets where they begin. Scenarios that end at every step get as many seeds as
//! `SHARDWRIGHT_SEEDS` says, those that end once as many as `SHARDWRIGHT_STORAGE_SEEDS` says; with
//! the first variable alone, just that one, which is how a failed run is seen again.

use std::ops::Range;

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// So many seeds for a scenario that ends at every step, unless the environment says otherwise.
pub fn some_seeds(count: u64) -> Range<u64> {
    let first = from_environment("SHARDWRIGHT_SEED").unwrap_or(1);
    first..first + from_environment("SHARDWRIGHT_SEEDS").unwrap_or(count)
}

/// Names the seed when a run panics, whatever panicked.
struct Naming<'t>(u64, &'t str);

impl Drop for Naming<'_> {
    fn drop(&mut self) {
        let Self(seed, test) = self;
        if std::thread::panicking() {
            eprintln!("seed {seed}; to see it again: SHARDWRIGHT_SEED={seed} {test}");
        }
    }
}

/// Runs a scenario that ends once with so many seeds, unless the environment says otherwise. `test` is
/// the command that runs it.
pub fn each(count: u64, test: &str, mut scenario: impl FnMut(u64)) {
    let first = from_environment("SHARDWRIGHT_SEED");
    let count = from_environment("SHARDWRIGHT_STORAGE_SEEDS").unwrap_or(if first.is_some() {
        1
    } else {
        count
    });
    let first = first.unwrap_or(1);
    for seed in first..first + count {
        let _naming = Naming(seed, test);
        scenario(seed);
    }
}
