//! A small seeded source of random numbers for choices that the data itself makes (RANDOMKEY,
//! sampling): xoshiro256** by D. Blackman and S. Vigna, seeded through SplitMix64. The seed is
//! handed in, so that a run can be repeated. It is not for secrets.

/// A generator with a period of 2^256 - 1. Equal seeds give equal numbers.
#[derive(Debug, Clone)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// A generator for this seed; any seed is as good as another.
    pub fn new(seed: u64) -> Self {
        let mut split = seed;
        Self { state: std::array::from_fn(|_| split_mix(&mut split)) }
    }

    /// The next 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A number of `0..end`, each equally likely; 0 if `end` is 0. (D. Lemire, "Fast Random Integer
    /// Generation in an Interval", 2019.)
    #[inline]
    pub fn below(&mut self, end: u64) -> u64 {
        let mut product = widening_mul(self.next_u64(), end);
        if product.low < end {
            // The values of `low` below 2^64 mod `end` would make some results more likely.
            let unfair = end.wrapping_neg() % end;
            while product.low < unfair {
                product = widening_mul(self.next_u64(), end);
            }
        }
        product.high
    }
}

/// The halves of a product of 128 bits.
struct Product {
    high: u64,
    low: u64,
}

#[inline]
const fn widening_mul(a: u64, b: u64) -> Product {
    let product = a as u128 * b as u128;
    Product { high: (product >> 64) as u64, low: product as u64 }
}

/// One step of SplitMix64.
const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_numbers_of_the_published_generators() {
        let mut split = 1_234_567;
        let published = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];
        assert_eq!([split_mix(&mut split), split_mix(&mut split)], published);

        let mut rng = Rng { state: [1, 2, 3, 4] };
        let numbers: Vec<_> = (0..4).map(|_| rng.next_u64()).collect();
        assert_eq!(numbers, [11_520, 0, 1_509_978_240, 1_215_971_899_390_074_240]);
    }

    #[test]
    fn equal_seeds_give_equal_numbers_and_others_do_not() {
        let numbers = |seed| {
            let mut rng = Rng::new(seed);
            std::array::from_fn::<_, 8, _>(|_| rng.next_u64())
        };
        assert_eq!(numbers(0), numbers(0));
        assert_ne!(numbers(0), numbers(1));
    }

    #[test]
    fn below_stays_in_range_and_spreads_evenly() {
        let mut rng = Rng::new(1);
        assert_eq!([rng.below(0), rng.below(1)], [0, 0]);
        for end in [2, 3, 7, 100] {
            let mut counts = vec![0_u32; end];
            for _ in 0..end * 10_000 {
                counts[rng.below(end as u64) as usize] += 1;
            }
            assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        }
        // Without rejection a third of these would come up twice as often.
        let end = (1 << 63) + (1 << 62);
        let low = (0..30_000).filter(|_| rng.below(end) < 1 << 62).count();
        assert!((9_500..10_500).contains(&low), "{low} of 30,000 in the first third");
    }
}
