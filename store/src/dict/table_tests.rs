//! Tests of [`Table`]: the invariant after every step, and that nothing is lost.

use std::collections::BTreeMap;

use super::*;
use crate::value::NewValue;

impl Table {
    /// Panics where the table's invariants do not hold.
    pub(in crate::dict) fn check(&self) {
        let buckets = self.buckets.as_slice();
        let mut used = 0;
        for (at, bucket) in buckets.iter().enumerate() {
            let taken = bucket.words().iter().flatten().count();
            assert!(bucket.words().iter().take(taken).all(Option::is_some), "gap in bucket {at}");
            used += taken;
            for word in bucket.words().iter().flatten() {
                let mut before = self.home(word.tag());
                while before != at {
                    assert!(buckets[before].is_full(), "bucket {before} ends a search for {at}");
                    before = self.next(before);
                }
            }
        }
        assert_eq!(used, self.len());
        assert!(used <= most_keys(buckets.len()));
        assert!(buckets.len() < 2 || used * 10 >= buckets.len() * BUCKET_WORDS * 3);
        assert!(used > 0 || buckets.is_empty(), "an empty table has memory");
    }
}

/// Numbers that look random: splitmix64.
pub(in crate::dict) struct Numbers(pub u64);

impl Numbers {
    pub(in crate::dict) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn word(key: u32, tag: u16) -> Word {
    let mut word = Word::new(&key.to_le_bytes(), 0, NewValue::Int(key.into()), None, 0);
    word.set_tag(tag);
    word
}

/// Inserts and removes at random, mostly growing and mostly shrinking by turns.
fn churn(seed: u64, steps: u32, tag_of: impl Fn(u64) -> u16) {
    let mut numbers = Numbers(seed);
    let mut table = Table::EMPTY;
    let mut model = BTreeMap::new();
    for key in 0..steps {
        let growing = (key / 500) % 2 == 0;
        if numbers.next() % 100 < if growing { 70 } else { 30 } {
            let tag = tag_of(numbers.next());
            let index = table.insert(word(key, tag));
            assert_eq!(table.word(index).unwrap().entry().key(), key.to_le_bytes());
            model.insert(key, tag);
        } else if !model.is_empty() {
            let (&key, &tag) = model.iter().nth(numbers.next() as usize % model.len()).unwrap();
            let (index, _) = table.find(tag, &key.to_le_bytes()).unwrap();
            let word = table.remove(index).unwrap();
            assert_eq!(word.entry().key(), key.to_le_bytes());
            model.remove(&key);
            assert!(table.find(tag, &key.to_le_bytes()).is_none());
        }
        table.check();
    }
    for (key, tag) in &model {
        assert!(table.find(*tag, &key.to_le_bytes()).is_some(), "key {key}, seed {seed}");
    }
    assert_eq!(table.entries().count(), model.len());
}

#[test]
fn keys_with_spread_tags_come_and_go() {
    churn(1, 5000, |random| random as u16);
}

#[test]
fn keys_whose_tags_are_all_at_the_end_wrap_around() {
    churn(2, 2000, |random| 0xff00 | (random as u16 & 0xff));
}

#[test]
fn keys_with_one_tag_are_told_apart_by_themselves() {
    churn(3, 2000, |_| 0);
    churn(4, 2000, |_| 0xffff);
}

#[test]
fn a_table_that_is_emptied_gives_its_memory_back() {
    let mut table = Table::EMPTY;
    let tag_of = |key: u32| (key * 13) as u16;
    for key in 0..1000 {
        table.insert(word(key, tag_of(key)));
    }
    assert!(table.memory() < 1000 * 13, "{} bytes", table.memory());
    for key in 0..1000 {
        let (index, _) = table.find(tag_of(key), &key.to_le_bytes()).unwrap();
        table.remove(index).unwrap();
        table.check();
    }
    assert_eq!(table.memory(), 0);
}

#[test]
fn an_index_that_is_not_taken_removes_nothing() {
    let mut table = Table::EMPTY;
    assert!(table.remove(0).is_none());
    let index = table.insert(word(1, 1));
    assert_eq!(index, 0);
    for other in [1, 7, 8, u32::MAX] {
        assert!(table.remove(other).is_none());
        assert!(table.word(other).is_none());
        assert!(table.word_mut(other).is_none());
    }
    assert_eq!(table.len(), 1);
}

#[test]
fn homes_divide_the_tags_whatever_the_number_of_buckets() {
    for len in [1, 8, 9, 60, 100, 1024, 5000, 500_000] {
        let table = Table::with_room_for(len);
        for bucket in 0..table.buckets.count() {
            let (first, next) = (table.first_tag(bucket), table.first_tag(bucket + 1));
            for tag in [first, next - 1] {
                if first < next {
                    assert_eq!(table.home(tag as u16), bucket, "{len} keys, tag {tag}");
                }
            }
        }
        assert_eq!(table.first_tag(table.buckets.count()), 1 << TAG_BITS);
    }
}

#[test]
fn visiting_home_by_home_passes_every_key_once() {
    let mut numbers = Numbers(7);
    for len in [0, 1, 8, 9, 100, 900] {
        let mut table = Table::EMPTY;
        for key in 0..len {
            table.insert(word(key, numbers.next() as u16));
        }
        for from in [0, 1, 40_000, 65_535] {
            let mut seen = Vec::new();
            let mut at = u32::from(from);
            while at < 1 << TAG_BITS {
                let next = table.visit_home(at as u16, &mut |tag, entry| {
                    assert!(u32::from(tag) >= at);
                    seen.push(entry.key().to_vec());
                });
                assert!(next > at);
                at = next;
            }
            let expected = table
                .buckets
                .as_slice()
                .iter()
                .flat_map(|bucket| bucket.words().iter().flatten())
                .filter(|word| word.tag() >= from)
                .count();
            assert_eq!(seen.len(), expected);
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), expected);
        }
    }
}

#[test]
fn splitting_and_merging_keep_every_key() {
    let hasher = KeyHasher::new([1, 2]);
    for depth in [0, 1, 5, 22] {
        // Keys whose hashes all begin alike cannot be had for long prefixes: the prefix is only
        // what the table says, the bits behind it are what counts.
        let mut table = Table::EMPTY;
        for key in 0..500_u32 {
            let hash = hasher.hash_bytes(&key.to_le_bytes());
            table.insert(word(key, tag_at(hash, depth)));
        }
        let halves = table.split(depth, hasher);
        for key in 0..500_u32 {
            let hash = hasher.hash_bytes(&key.to_le_bytes());
            let half = &halves[(hash >> (63 - depth)) as usize & 1];
            assert!(half.find(tag_at(hash, depth + 1), &key.to_le_bytes()).is_some());
        }
        halves.iter().for_each(Table::check);
        let merged = Table::merge(halves);
        merged.check();
        for key in 0..500_u32 {
            let hash = hasher.hash_bytes(&key.to_le_bytes());
            assert!(merged.find(tag_at(hash, depth), &key.to_le_bytes()).is_some());
        }
    }
}
