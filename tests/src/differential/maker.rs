//! Where calls get their arguments from: a small universe of keys, so that
//! commands meet, and values that have made servers stumble before.

use crate::harness::rng::Rng;

/// Unix times, in milliseconds, far enough away never to come true during a test.
const FAR_FUTURE_MS: [i64; 4] =
    [4_000_000_000_000, 4_000_000_000_001, 4_102_444_800_000, 7_258_118_400_500];

/// Keys that share slots by their hash tags.
const TAGGED: [&[&[u8]]; 2] =
    [&[b"{t1}a", b"{t1}b", b"{t1}c", b"t1", b"x{t1}y"], &[b"{t2}a", b"{t2}b", b"t2{t2}"]];

/// Keys of all slots, with the awkward ones.
const PLAIN: [&[u8]; 24] = [
    b"a",
    b"b",
    b"c",
    b"d",
    b"foo",
    b"bar",
    b"hello",
    b"hallo",
    b"h*llo",
    b"h[ae]llo",
    b"123",
    b"key:0",
    b"key:1",
    b"key:2",
    b"",
    b"{}",
    b"{}tail",
    b"{open",
    b"two{}{x}",
    b"x{{y}}z",
    b"with space",
    b"\x00\xff\r\n\x80",
    b"\r\n",
    b"Foo",
];

/// Source of arguments for one sequence.
pub struct Maker {
    /// Its chance.
    pub rng: Rng,
    /// The RESP version that the sequence mostly speaks.
    pub protocol: u8,
    long_key: Vec<u8>,
}

impl Maker {
    /// The source that `seed` names.
    pub fn new(seed: u64, protocol: u8) -> Maker {
        Maker { rng: Rng::new(seed), protocol, long_key: b"long".repeat(100) }
    }

    /// Any key.
    pub fn key(&mut self) -> Vec<u8> {
        match self.rng.below(100) {
            0..=29 => self.tagged_key(),
            30 => self.long_key.clone(),
            _ => self.rng.pick(&PLAIN).to_vec(),
        }
    }

    fn tagged_key(&mut self) -> Vec<u8> {
        let group = self.rng.below(TAGGED.len());
        self.rng.pick(TAGGED[group]).to_vec()
    }

    /// `count` keys, repeats possible: half of the time of one slot, else over many.
    pub fn keys(&mut self, count: usize) -> Vec<Vec<u8>> {
        if self.rng.percent(50) {
            let group = TAGGED[self.rng.below(TAGGED.len())];
            (0..count).map(|_| self.rng.pick(group).to_vec()).collect()
        } else {
            (0..count).map(|_| self.key()).collect()
        }
    }

    /// One to six keys.
    pub fn some_keys(&mut self) -> Vec<Vec<u8>> {
        let count = 1 + self.rng.below(6);
        self.keys(count)
    }

    /// Keys and values in turn.
    pub fn pairs(&mut self) -> Vec<Vec<u8>> {
        let keys = self.some_keys();
        keys.into_iter().flat_map(|key| [key, self.value()]).collect()
    }

    /// Any value.
    pub fn value(&mut self) -> Vec<u8> {
        match self.rng.below(100) {
            0..=34 => self.integer(),
            35..=49 => self.float(),
            50..=54 => Vec::new(),
            55..=79 => self.word(),
            80..=89 => self.around_embstr(),
            90..=97 => self.binary(),
            _ => self.large(),
        }
    }

    /// A short text of few letters, so that LCS finds something.
    pub fn word(&mut self) -> Vec<u8> {
        let length = 1 + self.rng.below(16);
        (0..length).map(|_| *self.rng.choose(b"abcde01")).collect()
    }

    /// A length around 44, where Redis's encoding changes from embstr to raw.
    fn around_embstr(&mut self) -> Vec<u8> {
        let length = 42 + self.rng.below(5);
        vec![b'e'; length]
    }

    fn binary(&mut self) -> Vec<u8> {
        let length = self.rng.below(40);
        (0..length).map(|_| self.rng.next_u64() as u8).collect()
    }

    fn large(&mut self) -> Vec<u8> {
        let length = 500 + self.rng.below(1500);
        (0..length).map(|_| *self.rng.choose(b"xyz")).collect()
    }

    /// A number as Redis wants it, or one that it must refuse.
    pub fn integer(&mut self) -> Vec<u8> {
        const EDGES: [&str; 26] = [
            "0",
            "1",
            "-1",
            "10",
            "9999",
            "10000",
            "2147483647",
            "-2147483648",
            "4294967296",
            "9223372036854775807",
            "9223372036854775806",
            "-9223372036854775808",
            "-9223372036854775807",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551615",
            "99999999999999999999999",
            "-0",
            "+1",
            "01",
            " 1",
            "1 ",
            "1.0",
            "0x10",
            "1e3",
            "abc",
        ];
        match self.rng.below(10) {
            0..=4 => self.rng.between(-100, 12_000).to_string().into_bytes(),
            5 => (self.rng.next_u64() as i64).to_string().into_bytes(),
            _ => self.rng.pick(&EDGES).as_bytes().to_vec(),
        }
    }

    /// A floating-point number, or what is none.
    pub fn float(&mut self) -> Vec<u8> {
        const EDGES: [&str; 24] = [
            "0", "0.1", "0.2", "-0.3", "3.0e3", "5.0e-3", "1.5", "-1.5", "10.50", "1e17", "1e-17",
            "-0.0", "inf", "-inf", "+inf", "nan", "infinity", "1e400", "0x1p3", " 1.5", "1.5 ",
            "1.5abc", ".5", "5.",
        ];
        match self.rng.below(10) {
            0..=3 => {
                let (whole, cents) = (self.rng.between(-1000, 1000), self.rng.below(1000));
                format!("{whole}.{cents:03}").into_bytes()
            }
            _ => self.rng.pick(&EDGES).as_bytes().to_vec(),
        }
    }

    /// An index into a string.
    pub fn index(&mut self) -> Vec<u8> {
        match self.rng.below(10) {
            0..=7 => self.rng.between(-20, 20).to_string().into_bytes(),
            8 => self.rng.between(-3000, 3000).to_string().into_bytes(),
            _ => self.integer(),
        }
    }

    /// A database's number: mostly of the first ones, sometimes none that exists.
    pub fn db(&mut self) -> Vec<u8> {
        match self.rng.below(20) {
            0 => self.integer(),
            1 => self.rng.between(-1, 17).to_string().into_bytes(),
            _ => self.rng.below(3).to_string().into_bytes(),
        }
    }

    /// A time to live that ends long after the test, in seconds; no two are equal, so that GT
    /// and LT decide alike on both servers though their clocks are read apart.
    pub fn far_seconds(&mut self) -> i64 {
        self.rng.between(10_000, 3_000_000_000)
    }

    /// Like [`Maker::far_seconds`], in milliseconds.
    pub fn far_millis(&mut self) -> i64 {
        self.rng.between(10_000_000, 3_000_000_000_000)
    }

    /// A time that never comes, in Unix milliseconds; from few, so that equal ones meet.
    pub fn future_millis(&mut self) -> i64 {
        *self.rng.choose(&FAR_FUTURE_MS)
    }

    /// A time to live that is refused, or one that is over.
    pub fn odd_time(&mut self) -> Vec<u8> {
        const ODD: [&str; 9] = [
            "0",
            "-1",
            "-9223372036854775808",
            "9223372036854775807",
            "-9223372036854775",
            "abc",
            "1.5",
            "",
            "9223372036854775808",
        ];
        // In milliseconds the longest that is taken, in seconds too long; never twice the same.
        if self.rng.percent(10) {
            return self
                .rng
                .between(9_223_372_036_000_000, 9_223_372_036_854_775)
                .to_string()
                .into();
        }
        self.rng.pick(&ODD).as_bytes().to_vec()
    }

    /// A glob pattern, whole or broken.
    pub fn pattern(&mut self) -> Vec<u8> {
        const PATTERNS: [&[u8]; 26] = [
            b"*",
            b"a",
            b"a*",
            b"*a",
            b"?",
            b"h?llo",
            b"h[ae]llo",
            b"h[^a]llo",
            b"h\\*llo",
            b"[a-d]",
            b"[d-a]",
            b"{t1}*",
            b"*{t1}*",
            b"*1*",
            b"key:*",
            b"",
            b"\\",
            b"[",
            b"[a-",
            b"[^",
            b"[]",
            b"h[ae",
            b"**a**",
            b"\x00*",
            b"*\r\n*",
            b"[\\]]",
        ];
        self.rng.pick(&PATTERNS).to_vec()
    }

    /// One of `words`, which may be the empty text for none.
    pub fn word_of(&mut self, words: &[&'static str]) -> &'static str {
        words[self.rng.below(words.len())]
    }
}
