//! Measures the dictionary: `cargo run --release -p shardwright-store --example dict_speed [keys]`.
//!
//! Prints nanoseconds per operation at ten thousand keys, a million and so on up to `keys` (ten
//! million if not said), memory per key, the longest single insert, and what hashing costs. Keys
//! have 16 bytes (28 with a hash tag), values 16; order is random. Rows of operations include
//! making and hashing the key, which the first row gives alone.

use std::fs;
use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

use shardwright_store::dict::{Cursor, Dict, Place};
use shardwright_store::hash::{KeyHash, KeyHasher, slot_of};
use shardwright_store::types::{SlotRange, UnixMillis};
use shardwright_store::value::{Expiry, NewValue, TimerId};

const HASHER: KeyHasher = KeyHasher::new([0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]);
const BATCH: usize = 16;
/// Runs whose same insert must be slow each time to count: what else the machine does is not ours.
const RUNS: usize = 3;

/// Where keys lie.
#[derive(Clone, Copy, PartialEq)]
enum Layout {
    Spread,
    OneSlot,
}

/// A key made in place.
struct Key {
    bytes: [u8; 28],
    from: usize,
}

impl Key {
    fn new(layout: Layout, mut number: u64) -> Self {
        let mut bytes = *b"{a hash tag}key:000000000000";
        for digit in bytes.iter_mut().rev().take(12) {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
        Self { bytes, from: if layout == Layout::OneSlot { 0 } else { 12 } }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[self.from..]
    }

    fn hash(&self) -> KeyHash {
        HASHER.hash(self.bytes())
    }
}

/// Numbers that look random: splitmix64.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678_9abc_def0);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Nanoseconds that each of `count` operations takes: the median over parts of them, so that it
/// does not count when something else had the processor.
fn ns_each(count: u64, mut operations: impl FnMut(Range<u64>)) -> f64 {
    let parts = (count / 5_000).clamp(1, 1_000);
    let times = (0..parts).map(|part| {
        let range = part * count / parts..(part + 1) * count / parts;
        let len = (range.end - range.start) as f64;
        let began = Instant::now();
        operations(range);
        began.elapsed().as_nanos() as f64 / len
    });
    let mut times: Vec<_> = times.collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Resident bytes of the process; 0 where that cannot be told.
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

const VALUE: NewValue<'static> = NewValue::Bytes { bytes: b"0123456789abcdef", raw: false };

fn insert(dict: &mut Dict, layout: Layout, number: u64) {
    let key = Key::new(layout, number);
    black_box(dict.insert_new(key.hash(), key.bytes(), VALUE, None, 0));
}

fn remove(dict: &mut Dict, layout: Layout, number: u64) {
    let key = Key::new(layout, number);
    if let Some(place) = dict.find(key.hash(), key.bytes()) {
        drop(dict.remove(place));
    }
}

fn get(dict: &Dict, key: Key) {
    black_box(dict.get(key.hash(), key.bytes()).map(|entry| entry.value()));
}

fn change(dict: &mut Dict, key: Key, change: impl Fn(&mut Dict, Place)) {
    if let Some(place) = dict.find(key.hash(), key.bytes()) {
        change(dict, place);
    }
}

fn get_in_batches(dict: &Dict, range: Range<u64>, key: impl Fn(u64) -> Key) {
    let mut hashes = [HASHER.hash(b""); BATCH];
    for batch in range.step_by(BATCH) {
        for (at, hash) in hashes.iter_mut().enumerate() {
            *hash = key(batch + at as u64).hash();
            dict.prefetch_bucket(*hash);
        }
        hashes.iter().for_each(|hash| dict.prefetch_entry(*hash));
        for (at, hash) in hashes.iter().enumerate() {
            let key = key(batch + at as u64);
            black_box(dict.get(*hash, key.bytes()).map(|entry| entry.value()));
        }
    }
}

fn row(name: &str, ns: f64) {
    println!("  {name:<34}{ns:>8.1} ns");
}

fn operations(layout: Layout, keys: u64) {
    let any = |at: u64| Key::new(layout, mix(at) % keys);
    let count = keys.max(1_000_000);
    let hash = |at| {
        black_box(any(at).hash());
    };
    row("making and hashing a key", ns_each(count, |range| range.for_each(hash)));

    let before = resident();
    let mut dict = Dict::new(HASHER, SlotRange::ALL);
    let inserts = |range: Range<u64>| range.for_each(|at| insert(&mut dict, layout, at));
    row("insert", ns_each(keys, inserts));
    let per_key = |bytes: usize| bytes as f64 / keys as f64;
    let memory = per_key(resident().saturating_sub(before));
    let tables = per_key(dict.table_memory());
    let entries = per_key(dict.entry_memory());
    println!("  bytes a key: tables {tables:.1}, entries {entries:.1}, resident {memory:.1}");

    row("get", ns_each(count, |range| range.for_each(|at| get(&dict, any(at)))));
    let absent = |at: u64| Key::new(layout, keys + mix(at) % keys);
    row("get of an absent key", ns_each(count, |r| r.for_each(|at| get(&dict, absent(at)))));
    let batches = |range| get_in_batches(&dict, range, any);
    row("get, prefetched in batches of 16", ns_each(count, batches));

    let replace = |dict: &mut Dict, place| drop(dict.replace(place, VALUE, |_| None, 0));
    let replaces = |range: Range<u64>| range.for_each(|at| change(&mut dict, any(at), replace));
    row("replace, same size", ns_each(count, replaces));
    let deadlines = |range: Range<u64>| {
        for at in range {
            let expiry = Expiry { deadline: UnixMillis(1), timer: TimerId(1) };
            let expiry = Some(expiry).filter(|_| at % 2 == 0);
            change(&mut dict, any(at), |dict, place| dict.set_expiry(place, |_| expiry));
        }
    };
    row("set or clear a deadline", ns_each(count, deadlines));

    let mut cursor = Cursor::first_of(SlotRange::ALL);
    let steps = |range: Range<u64>| {
        for _ in range {
            cursor = dict.scan(cursor, 10, &mut |entry| _ = black_box(entry.key()));
        }
    };
    row("scan step of 10 keys", ns_each(keys / 20, steps));
    let mut state = 0;
    let mut next = || {
        state += 1;
        mix(state)
    };
    let draws = |range: Range<u64>| range.for_each(|_| _ = black_box(dict.random(&mut next)));
    row("random key", ns_each(100_000, draws));
    let removes = |range: Range<u64>| range.for_each(|at| remove(&mut dict, layout, at));
    row("remove", ns_each(keys, removes));
    assert!(dict.is_empty());
}

/// Times every single insert and remove, several times over, and prints the slowest.
fn longest(layout: Layout, keys: u64) {
    let mut least = vec![[u32::MAX; 2]; keys as usize];
    for _ in 0..RUNS {
        let mut dict = Dict::new(HASHER, SlotRange::ALL);
        for (number, least) in least.iter_mut().enumerate() {
            let began = Instant::now();
            insert(&mut dict, layout, number as u64);
            least[0] = least[0].min(began.elapsed().as_nanos() as u32);
        }
        for (number, least) in least.iter_mut().enumerate() {
            let began = Instant::now();
            remove(&mut dict, layout, number as u64);
            least[1] = least[1].min(began.elapsed().as_nanos() as u32);
        }
    }
    for (at, name) in ["insert", "remove"].into_iter().enumerate() {
        let most = least.iter().map(|least| least[at]).max().unwrap_or(0);
        let slow = least.iter().filter(|least| least[at] > 100_000).count();
        println!("  longest {name}: {most} ns; {slow} took more than 100000 ns");
    }
}

/// A keyed hash by folded multiplication, as fast ones are made today: what SipHash is measured
/// against. Nobody promises that it resists chosen keys.
fn folded(seed: [u64; 2], bytes: &[u8]) -> u64 {
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let last = rest.iter().fold(bytes.len() as u64, |word, &byte| (word << 8) | u64::from(byte));
    let state = words.iter().fold(seed[0], |state, word| {
        fold(state ^ u64::from_le_bytes(*word), 0x9e37_79b9_7f4a_7c15 ^ seed[1])
    });
    fold(state ^ last, seed[1])
}

fn hashing() {
    const COUNT: u64 = 2_000_000;
    let text = [b'x'; 256];
    for len in [8, 16, 28, 64, 256] {
        let time = |hash: &dyn Fn(&[u8]) -> u64| {
            ns_each(COUNT, |range| {
                // Each key depends on the last hash, so this is latency, the worst case.
                let mut key = text;
                for _ in range {
                    let hash = hash(&key[..len]);
                    key[0] = hash as u8 | 0x80;
                }
                black_box(key);
            })
        };
        let sip = time(&|key| HASHER.hash_bytes(key));
        let fold = time(&|key| folded([1, 2], key));
        let slot = time(&|key| u64::from(slot_of(key).get()));
        println!(
            "  {len:>3} bytes: SipHash-1-3 {sip:.1} ns, folded {fold:.1} ns, slot {slot:.1} ns"
        );
    }
}

fn main() {
    let most = std::env::args().nth(1).and_then(|keys| keys.parse().ok()).unwrap_or(10_000_000);
    println!("hashing, one after the other:");
    hashing();
    for (layout, name) in [(Layout::Spread, "all slots"), (Layout::OneSlot, "one slot")] {
        for keys in [10_000, 1_000_000, 10_000_000].into_iter().filter(|&keys| keys <= most) {
            println!("{keys} keys over {name}:");
            operations(layout, keys);
        }
        println!("{most} keys over {name}, the least of {RUNS} runs for each operation:");
        longest(layout, most);
    }
}
