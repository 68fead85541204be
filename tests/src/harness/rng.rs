//! SplitMix64: small, and ours, so that a seed printed by a failed test years
//! ago still makes the same sequence.

/// A seeded source of chance.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The source that `seed` names.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { (self.next_u64() % bound as u64) as usize }
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.wrapping_sub(low) as u64;
        if span == u64::MAX {
            return self.next_u64() as i64;
        }
        low.wrapping_add((self.next_u64() % (span + 1)) as i64)
    }

    /// True in `percent` of a hundred cases.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `items`.
    pub fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }

    /// A reference to one of `items`.
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A source of its own, for a thread or a sequence.
    pub fn fork(&mut self) -> Rng {
        Rng(self.next_u64())
    }
}

/// The seed of a test: `SHARDWRIGHT_SEED` when it is set, else `default`.
pub fn seed_or(default: u64) -> u64 {
    match std::env::var("SHARDWRIGHT_SEED") {
        Ok(text) => text.parse().expect("SHARDWRIGHT_SEED is a whole number"),
        Err(_) => default,
    }
}

/// A count from the environment, for runs longer than CI's; else `default`.
pub fn count_or(variable: &str, default: usize) -> usize {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is a whole number")),
        Err(_) => default,
    }
}
