//! The dictionary against a plain map, in any interleaving of changes with scans, and SCAN's
//! guarantee: a key that is there from the first step of a scan to the last is returned.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use shardwright_store::dict::{Cursor, Dict, EntryRef, INLINE_MAX, Place, TableLimits};
use shardwright_store::hash::KeyHasher;
use shardwright_store::types::{Slot, SlotRange, UnixMillis};
use shardwright_store::value::{Expiry, Kind, NewValue, Object, TimerId, Value, ValueRef};

const HASHER: KeyHasher = KeyHasher::new([0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]);

/// A value as a test stores it.
#[derive(Debug, Clone, PartialEq)]
enum Content {
    Int(i64),
    Bytes(Vec<u8>, bool),
    Boxed(Vec<u8>),
}

impl Content {
    fn as_new(&self) -> NewValue<'_> {
        match self {
            Self::Int(n) => NewValue::Int(*n),
            Self::Bytes(bytes, raw) => NewValue::Bytes { bytes, raw: *raw },
            Self::Boxed(bytes) => NewValue::Object(Box::new(Object::String(bytes.clone()))),
        }
    }

    /// As it must be read: long and boxed strings are `raw`.
    fn read(&self) -> Self {
        match self {
            Self::Int(n) => Self::Int(*n),
            Self::Bytes(bytes, raw) => Self::Bytes(bytes.clone(), *raw || bytes.len() > INLINE_MAX),
            Self::Boxed(bytes) => Self::Bytes(bytes.clone(), true),
        }
    }
}

impl From<ValueRef<'_>> for Content {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Int(n) => Self::Int(n),
            ValueRef::Bytes { bytes, raw } => Self::Bytes(bytes.to_vec(), raw),
            ValueRef::Packed(packed) => panic!("a string is read as {packed:?}"),
            ValueRef::Object(object) => panic!("a string is read as {object:?}"),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Held {
    content: Content,
    expiry: Option<Expiry>,
    lru: u32,
    epoch: bool,
}

#[derive(Debug, Clone)]
enum Step {
    /// Inserts the key, or replaces its value and expiry.
    Put(u16, Content, Option<Expiry>),
    Remove(u16),
    SetExpiry(u16, Option<Expiry>),
    Append(u16, Vec<u8>),
    Mark(u16, u32, bool),
    /// Inserts keys from one on, as far as they are absent.
    InsertMany(u16, u16),
    /// Removes keys from one on, as far as they are there.
    RemoveMany(u16, u16),
    /// One step of the scan that is going on, or the first of a new one.
    Scan(usize),
}

fn content() -> impl Strategy<Value = Content> {
    let len = prop_oneof![
        8 => 0..100_usize,
        1 => INLINE_MAX - 40..INLINE_MAX + 40,
    ];
    let bytes = (len, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]);
    prop_oneof![
        any::<i64>().prop_map(Content::Int),
        (bytes.clone(), any::<bool>()).prop_map(|(bytes, raw)| Content::Bytes(bytes, raw)),
        bytes.prop_map(Content::Boxed),
    ]
}

fn expiry() -> impl Strategy<Value = Option<Expiry>> {
    let some = (any::<i64>(), any::<u32>())
        .prop_map(|(at, timer)| Expiry { deadline: UnixMillis(at), timer: TimerId(timer) });
    proptest::option::of(some)
}

fn step(keys: u16) -> impl Strategy<Value = Step> {
    let key = move || 0..keys;
    prop_oneof![
        4 => (key(), content(), expiry()).prop_map(|(k, c, e)| Step::Put(k, c, e)),
        4 => key().prop_map(Step::Remove),
        2 => (key(), expiry()).prop_map(|(k, e)| Step::SetExpiry(k, e)),
        2 => (key(), proptest::collection::vec(any::<u8>(), 0..50))
            .prop_map(|(k, b)| Step::Append(k, b)),
        1 => (key(), 0..1_u32 << 24, any::<bool>()).prop_map(|(k, l, e)| Step::Mark(k, l, e)),
        3 => (key(), 0..keys / 2).prop_map(|(k, n)| Step::InsertMany(k, n)),
        3 => (key(), 0..keys / 2).prop_map(|(k, n)| Step::RemoveMany(k, n)),
        4 => (1..60_usize).prop_map(Step::Scan),
    ]
}

/// How the keys of a run lie in their dictionary.
#[derive(Debug, Clone, Copy)]
enum Layout {
    /// Over all slots.
    Spread,
    /// In one slot, by a hash tag.
    OneSlot,
}

struct Run {
    layout: Layout,
    dict: Dict,
    model: HashMap<Vec<u8>, Held>,
    /// The scan that is going on.
    cursor: Cursor,
    /// Keys that were there in every moment since the scan began.
    throughout: HashSet<Vec<u8>>,
    /// Keys that the scan returned.
    returned: HashSet<Vec<u8>>,
}

impl Run {
    fn new(layout: Layout, limits: TableLimits) -> Self {
        Self {
            layout,
            dict: Dict::with_limits(HASHER, SlotRange::ALL, limits),
            model: HashMap::new(),
            cursor: Cursor::first_of(SlotRange::ALL),
            throughout: HashSet::new(),
            returned: HashSet::new(),
        }
    }

    /// Some keys are long: they have their hash stored.
    fn key(&self, number: u16) -> Vec<u8> {
        let padding = if number % 16 == 7 { 300 } else { usize::from(number % 9) };
        match self.layout {
            Layout::Spread => format!("key:{number}:{:padding$}", ""),
            Layout::OneSlot => format!("{{tag}}:{number}:{:padding$}", ""),
        }
        .into_bytes()
    }

    fn find(&self, key: &[u8]) -> Option<Place> {
        self.dict.find(HASHER.hash(key), key)
    }

    fn put(&mut self, key: Vec<u8>, content: Content, expiry: Option<Expiry>) {
        let hash = HASHER.hash(&key);
        let (mut lru, mut epoch) = (7, false);
        match self.dict.find(hash, &key) {
            Some(place) => {
                let held = &self.model[&key];
                (lru, epoch) = (held.lru ^ 0x00ff_ffff, held.epoch);
                let retime = |old| {
                    assert_eq!(old, held.expiry);
                    expiry
                };
                assert!(self.dict.replace(place, content.as_new(), retime, lru).is_none());
                assert_eq!(self.dict.find(hash, &key), Some(place));
            }
            None => {
                let place = self.dict.insert_new(hash, &key, content.as_new(), expiry, lru);
                assert_eq!(self.dict.find(hash, &key), Some(place));
            }
        }
        self.model.insert(key, Held { content: content.read(), expiry, lru, epoch });
    }

    fn remove(&mut self, key: &[u8]) {
        self.throughout.remove(key);
        let (found, held) = (self.find(key), self.model.remove(key));
        assert_eq!(found.is_some(), held.is_some());
        let (Some(place), Some(held)) = (found, held) else { return };
        let removed = self.dict.remove(place);
        assert_eq!(removed.entry().key(), key);
        assert_eq!(removed.entry().expiry(), held.expiry);
        let value = match removed.into_value() {
            Value::Int(n) => Content::Int(n),
            Value::Bytes { bytes, raw } => Content::Bytes(bytes, raw),
            Value::Object(object) => panic!("a string comes out as {object:?}"),
        };
        assert_eq!(value, held.content);
        assert_eq!(self.find(key), None);
    }

    fn scan(&mut self, budget: usize) {
        let slots = SlotRange::ALL;
        if self.cursor == Cursor::first_of(slots) {
            self.throughout = self.model.keys().cloned().collect();
            self.returned.clear();
        }
        let (from, mut positions) = (self.cursor, Vec::new());
        let returned = &mut self.returned;
        let to = self.dict.scan(from, budget, &mut |entry| {
            positions.push(HASHER.hash(entry.key()).position());
            assert!(returned.insert(entry.key().to_vec()), "returned twice");
        });
        assert!(to > from);
        assert!(positions.len() < budget.saturating_add(400), "a step is far over its budget");
        assert!(positions.iter().all(|&at| from.0 <= at && at < to.0), "outside of the step");
        let there = self.model.keys().map(|key| HASHER.hash(key).position());
        assert_eq!(there.filter(|&at| from.0 <= at && at < to.0).count(), positions.len());
        if to == Cursor::end_of(slots) {
            let missed: Vec<_> = self.throughout.difference(&self.returned).collect();
            assert!(missed.is_empty(), "there throughout but not returned: {missed:?}");
            self.cursor = Cursor::first_of(slots);
        } else {
            self.cursor = to;
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Put(key, content, expiry) => self.put(self.key(key), content, expiry),
            Step::Remove(key) => self.remove(&self.key(key)),
            Step::SetExpiry(key, expiry) => {
                let key = self.key(key);
                let Some(place) = self.find(&key) else { return };
                self.dict.set_expiry(place, |_| expiry);
                assert_eq!(Some(place), self.find(&key));
                self.model.get_mut(&key).unwrap().expiry = expiry;
            }
            Step::Append(key, bytes) => {
                let key = self.key(key);
                let Some(place) = self.find(&key) else { return };
                self.dict.string_mut(place).unwrap().extend(&bytes);
                let held = self.model.get_mut(&key).unwrap();
                let mut all = match &held.content {
                    Content::Int(n) => n.to_string().into_bytes(),
                    Content::Bytes(bytes, _) | Content::Boxed(bytes) => bytes.clone(),
                };
                all.extend(&bytes);
                held.content = Content::Bytes(all, true);
            }
            Step::Mark(key, lru, epoch) => {
                let key = self.key(key);
                let Some(place) = self.find(&key) else { return };
                self.dict.entry(place).set_lru(lru);
                self.dict.entry(place).set_epoch(epoch);
                let held = self.model.get_mut(&key).unwrap();
                (held.lru, held.epoch) = (lru, epoch);
            }
            Step::InsertMany(first, count) => {
                for key in first..first + count {
                    let key = self.key(key);
                    if !self.model.contains_key(&key) {
                        self.put(key, Content::Int(1), None);
                    }
                }
            }
            Step::RemoveMany(first, count) => {
                (first..first + count).for_each(|key| self.remove(&self.key(key)));
            }
            Step::Scan(budget) => self.scan(budget),
        }
    }

    /// Everything that can be read agrees with the model.
    fn check(&self) {
        assert_eq!(self.dict.len(), self.model.len());
        assert_eq!(self.dict.is_empty(), self.model.is_empty());
        let mut memory = 0;
        let mut slots = HashMap::<Slot, usize>::new();
        for (key, held) in &self.model {
            let hash = HASHER.hash(key);
            let entry = self.dict.get(hash, key).expect("a key is lost");
            assert_eq!(entry.key(), key);
            assert_eq!(Content::from(entry.value()), held.content);
            assert_eq!(entry.kind(), Kind::String);
            assert_eq!((entry.expiry(), entry.lru()), (held.expiry, held.lru));
            assert_eq!(entry.epoch(), held.epoch);
            memory += entry.memory();
            *slots.entry(hash.slot).or_default() += 1;
            let is_key = &mut |entry: EntryRef<'_>| entry.key() == key;
            let place = self.dict.find_by_position(hash.position(), is_key);
            assert_eq!(place, self.dict.find(hash, key));
        }
        assert_eq!(self.dict.entry_memory(), memory);
        for (slot, count) in slots {
            assert_eq!(self.dict.count_in_slot(slot), count);
            let mut listed = HashSet::new();
            self.dict.for_each_in_slot(slot, &mut |entry| {
                assert!(listed.insert(entry.key().to_vec()));
                ControlFlow::Continue(())
            });
            assert_eq!(listed.len(), count);
        }
        let all: HashSet<_> = self.dict.iter().map(|entry| entry.key().to_vec()).collect();
        assert_eq!(all.len(), self.model.len());
        assert_eq!(self.dict.iter().count(), self.model.len());
    }
}

fn check(layout: Layout, limits: TableLimits, steps: Vec<Step>) {
    let mut run = Run::new(layout, limits);
    for step in steps {
        run.step(step);
    }
    run.check();
    run.step(Step::Scan(usize::MAX));
    run.step(Step::RemoveMany(0, 4000));
    assert!(run.dict.is_empty());
    assert_eq!(run.dict.entry_memory(), 0);
    let empty = Dict::new(HASHER, SlotRange::ALL);
    let handles = 16_384 * 16 + 16_384 / 8 + 16_384 / 128 * 8;
    assert!(run.dict.table_memory() <= empty.table_memory() + handles, "tables outlive their keys");
}

fn config() -> Config {
    Config {
        cases: 200,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0x5eed),
        ..Config::default()
    }
}

/// Tables of a few keys, so that some hundred keys split and merge as millions do.
const SMALL: TableLimits = TableLimits { split_len: 10, max_depth: TableLimits::MAX_DEPTH };
/// The same, but soon at the greatest depth.
const SHALLOW: TableLimits = TableLimits { split_len: 10, max_depth: 2 };

proptest! {
    #![proptest_config(config())]

    #[test]
    fn keys_over_all_slots(steps in proptest::collection::vec(step(600), 1..150)) {
        check(Layout::Spread, TableLimits::default(), steps);
    }

    #[test]
    fn keys_in_one_slot(steps in proptest::collection::vec(step(600), 1..150)) {
        check(Layout::OneSlot, SMALL, steps);
    }

    #[test]
    fn keys_in_one_slot_of_large_tables(steps in proptest::collection::vec(step(600), 1..150)) {
        check(Layout::OneSlot, SHALLOW, steps);
    }

    #[test]
    fn keys_in_one_slot_as_in_production(steps in proptest::collection::vec(step(2000), 1..100)) {
        check(Layout::OneSlot, TableLimits { split_len: 300, ..TableLimits::default() }, steps);
    }

    #[test]
    fn any_number_is_a_cursor(cursor in any::<u64>(), low in 0..64_u32) {
        let mut run = Run::new(Layout::OneSlot, SMALL);
        (0..100).for_each(|key| run.put(run.key(key), Content::Int(0), None));
        let from = Cursor(cursor >> low);
        let mut seen = 0;
        let end = run.dict.scan(from, usize::MAX, &mut |entry| {
            assert!(HASHER.hash(entry.key()).position() >= from.0);
            seen += 1;
        });
        let there = run.model.keys().filter(|key| HASHER.hash(key).position() >= from.0);
        prop_assert_eq!(seen, there.count());
        prop_assert!(end >= Cursor::end_of(SlotRange::ALL));
    }
}

#[test]
fn a_dictionary_of_some_slots_begins_and_ends_there() {
    let range = SlotRange { first: 5000, end: 12_183 };
    let mut dict = Dict::new(HASHER, range);
    let keys: Vec<_> = (0..2000).map(|n| format!("key:{n}").into_bytes()).collect();
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        keys.iter().partition(|key| range.contains(HASHER.hash(key).slot));
    let mut cursor = Cursor::first_of(range);
    assert_eq!(
        dict.scan(Cursor(0), 10, &mut |_| panic!("nothing is there")),
        Cursor::end_of(range)
    );
    for key in &here {
        dict.insert_new(HASHER.hash(key), key, NewValue::Int(1), None, 0);
    }
    for key in elsewhere {
        let hash = HASHER.hash(key);
        dict.prefetch_bucket(hash);
        dict.prefetch_entry(hash);
        assert_eq!(dict.find(hash, key), None);
        assert_eq!(dict.find_by_position(hash.position(), &mut |_| true), None);
        assert_eq!(dict.count_in_slot(hash.slot), 0);
    }
    let mut seen = HashSet::new();
    while cursor < Cursor::end_of(range) {
        cursor = dict.scan(cursor, 10, &mut |entry| assert!(seen.insert(entry.key().to_vec())));
    }
    assert_eq!(cursor, Cursor::end_of(range));
    assert_eq!(seen.len(), here.len());
    assert!(here.into_iter().all(|key| seen.contains(key)));
}

#[test]
fn a_scan_from_a_key_has_it_and_one_from_right_behind_it_has_not() {
    for limits in [TableLimits::default(), SMALL, SHALLOW] {
        let mut run = Run::new(Layout::OneSlot, limits);
        (0..100).for_each(|key| run.put(run.key(key), Content::Int(0), None));
        for key in run.model.keys() {
            let position = HASHER.hash(key).position();
            for (from, expected) in [(position, true), (position + 1, false)] {
                let mut found = false;
                run.dict.scan(Cursor(from), 1, &mut |entry| found |= entry.key() == key);
                assert_eq!(found, expected, "{limits:?}");
            }
        }
    }
}

#[test]
fn listing_a_slot_ends_when_told_to() {
    let mut run = Run::new(Layout::OneSlot, SMALL);
    (0..100).for_each(|key| run.put(run.key(key), Content::Int(0), None));
    let mut seen = 0;
    run.dict.for_each_in_slot(HASHER.hash(&run.key(0)).slot, &mut |_| {
        seen += 1;
        if seen == 30 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(seen, 30);
}

/// Draws keys and compares how often each came with what chance would give: the sum of squared
/// deviations stays within six standard deviations of its mean.
fn check_uniform(mut run: Run, keys: u16, keep: impl Fn(u16) -> bool) {
    let mut state = 0x853c_49e6_748f_ea9b_u64;
    let mut random = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    assert_eq!(run.dict.random(&mut random), None);
    (0..keys).for_each(|key| run.put(run.key(key), Content::Int(0), None));
    (0..keys).filter(|&key| !keep(key)).for_each(|key| run.remove(&run.key(key)));
    let draws = run.model.len() * 100;
    let mut counts = HashMap::<Vec<u8>, usize>::new();
    for _ in 0..draws {
        let place = run.dict.random(&mut random).unwrap();
        *counts.entry(run.dict.entry(place).key().to_vec()).or_default() += 1;
    }
    let deviation = |count: usize| (count as f64 - 100.0).powi(2) / 100.0;
    let chi2: f64 = run.model.keys().map(|k| deviation(counts.get(k).copied().unwrap_or(0))).sum();
    let freedom = (run.model.len() - 1) as f64;
    let limit = 6.0 * (2.0 * freedom).sqrt();
    assert!((chi2 - freedom).abs() < limit, "chi2 {chi2} of {freedom} degrees");
}

#[test]
fn random_keys_over_all_slots_are_uniform() {
    check_uniform(Run::new(Layout::Spread, TableLimits::default()), 1000, |_| true);
}

#[test]
fn random_keys_in_one_slot_are_uniform() {
    check_uniform(Run::new(Layout::OneSlot, SMALL), 1000, |_| true);
}

#[test]
fn random_keys_that_are_left_of_many_are_uniform() {
    check_uniform(Run::new(Layout::OneSlot, SMALL), 2000, |key| key % 10 == 0);
    check_uniform(Run::new(Layout::Spread, TableLimits::default()), 2000, |key| key < 300);
}

#[test]
#[should_panic(expected = "a place was used after its dictionary had changed")]
fn a_place_that_is_gone_ends_in_a_panic() {
    let mut dict = Dict::new(HASHER, SlotRange::ALL);
    let place = dict.insert_new(HASHER.hash(b"key"), b"key", NewValue::Int(1), None, 0);
    drop(dict.remove(place));
    dict.entry(place);
}
