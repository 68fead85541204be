//! Hashes against a plain map, in both forms and across the bounds between them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use shardwright_codec::rdb::{Body, Collection as Dumped, StringWriter};

use super::*;
use crate::data::Encodings;
use crate::effect::Effect;
use crate::hash::KeyHasher;
use crate::rng::Rng;
use crate::types::DbIndex;

/// Bounds so small that a few changes cross them.
fn shaping(entries: usize, value: usize) -> Shaping {
    let encodings = Encodings {
        hash_max_listpack_entries: entries,
        hash_max_listpack_value: value,
        ..Encodings::default()
    };
    Shaping { hasher: KeyHasher::new([3, 5]), encodings }
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn content(hash: &Hash) -> Model {
    let all = hash.view().all();
    let model: Model = all.iter().map(|(f, v)| (f.to_vec(), v.to_vec())).collect();
    assert_eq!(model.len(), all.len(), "each field once");
    model
}

fn filled(count: usize, shaping: &Shaping) -> Hash {
    let mut hash = Hash::empty(Vec::new());
    for n in 0..count {
        let (field, value) = (format!("field:{n}"), n.to_string());
        hash.set(field.as_bytes(), value.as_bytes(), shaping);
    }
    hash
}

fn dump(hash: &Hash) -> Vec<u8> {
    let mut out = Vec::new();
    Hash::write(hash.view(), &mut Body::new(&mut StringWriter::new(true), &mut out));
    out
}

#[track_caller]
fn check_round_trip(hash: &Hash, shaping: &Shaping) {
    let body = dump(hash);
    let dumped = Dumped::new(Hash::object_type(hash.view()), &body);
    let again = Hash::read(dumped, shaping).expect("what was written is read");
    assert_eq!(content(&again), content(hash));
    let digest = |hash: &Hash| {
        let mut digest = Digest::default();
        Hash::digest(hash.view(), &mut digest);
        digest.to_string()
    };
    assert_eq!(digest(&again), digest(hash));
}

/// Short words, some of them numbers, and now and then a long one.
fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-d]{1,2}".prop_map(String::into_bytes),
        2 => (-300_i64..300).prop_map(|n| n.to_string().into_bytes()),
        1 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        1 => Just(Vec::new()),
        1 => proptest::collection::vec(any::<u8>(), 0..80),
    ]
}

#[derive(Debug, Clone)]
enum Step {
    Set(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (word(), word()).prop_map(|(field, value)| Step::Set(field, value)),
        2 => word().prop_map(Step::Remove),
    ]
}

impl Step {
    fn edit(&self) -> Edit<'_> {
        match self {
            Self::Set(field, value) => Edit::Set { field, value },
            Self::Remove(field) => Edit::Remove { field },
        }
    }
}

proptest! {
    #[test]
    fn a_hash_is_a_map(
        steps in proptest::collection::vec(step(), 0..120),
        entries in 0_usize..40,
        longest in 0_usize..70,
    ) {
        let shaping = shaping(entries, longest);
        let mut hash = Hash::empty(Vec::new());
        let mut replayed = Hash::empty(Vec::new());
        let mut model = Model::new();
        for step in &steps {
            let done = hash.apply(step.edit(), &shaping);
            let expected = match step {
                Step::Set(field, value) => match model.insert(field.clone(), value.clone()) {
                    Some(_) => Some(Done::Changed),
                    None => Some(Done::Added),
                },
                Step::Remove(field) => model.remove(field).map(|_| Done::Removed),
            };
            prop_assert_eq!(done, expected);
            let mut record = Vec::new();
            let effect = Effect::Edit { db: DbIndex(0), key: b"k", edit: step.edit().into() };
            effect.encode(&mut record);
            match Effect::decode(&record) {
                Ok((Effect::Edit { edit: crate::data::Edit::Hash(edit), .. }, _)) => {
                    prop_assert_eq!(replayed.apply(edit, &shaping), done);
                }
                other => prop_assert!(false, "another effect came back: {:?}", other),
            }
            for field in model.keys().chain([&b"none".to_vec()]) {
                let found = hash.view().get(field).map(Element::to_vec);
                prop_assert_eq!(found.as_ref(), model.get(field));
            }
            prop_assert_eq!(hash.view().len(), model.len());
        }
        prop_assert_eq!(content(&hash), model.clone());
        prop_assert_eq!(content(&replayed), model.clone());
        let fits = |text: &Vec<u8>| text.len() <= longest;
        let small = model.len() <= entries && model.iter().all(|(f, v)| fits(f) && fits(v));
        let packed = matches!(hash, Hash::Packed(_));
        prop_assert!(small || !packed, "what is too large is a table");
        if !model.is_empty() {
            check_round_trip(&hash, &shaping);
        }
    }

    #[test]
    fn damaged_bytes_never_give_a_damaged_hash(
        kind in prop_oneof![
            Just(ObjectType::Hash),
            Just(ObjectType::HashListpack),
            Just(ObjectType::HashZiplist),
            Just(ObjectType::HashZipmap),
        ],
        count in 0_usize..12,
        at in 0_usize..200,
        byte in any::<u8>(),
    ) {
        let shaping = shaping(if kind == ObjectType::Hash { 2 } else { 512 }, 64);
        let mut body = dump(&filled(count, &shaping));
        let at = at % body.len();
        body[at] = byte;
        if let Ok(hash) = Hash::read(Dumped::new(kind, &body), &shaping) {
            prop_assert!(!hash.is_empty());
            check_round_trip(&hash, &shaping);
        }
    }
}

#[test]
fn the_bounds_are_those_of_the_settings() {
    let limits = shaping(3, 5);
    let encoding = |hash: &Hash| Hash::encoding(hash.view());
    let mut hash = filled(0, &limits);
    for n in [b"1", b"2", b"3", b"1"] {
        hash.set(n, b"12345", &limits);
        assert_eq!(encoding(&hash), "listpack");
    }
    let mut many = hash.clone();
    many.set(b"4", b"", &limits);
    assert_eq!(encoding(&many), "hashtable", "one field more");
    many.remove(b"4");
    assert_eq!(encoding(&many), "hashtable", "it stays a table");
    let mut long = hash.clone();
    long.set(b"1", b"123456", &limits);
    assert_eq!(encoding(&long), "hashtable", "one byte more");
    let mut lowered = hash.clone();
    lowered.set(b"1", b"x", &shaping(2, 5));
    assert_eq!(encoding(&lowered), "hashtable", "a bound that fell is seen at the next change");
}

#[test]
fn large_hashes_round_trip_and_count_their_memory() {
    let limits = shaping(512, 64);
    for count in [1, 512, 513, 5000] {
        let hash = filled(count, &limits);
        check_round_trip(&hash, &limits);
        assert_eq!(hash.view().len(), count);
        assert!(hash.memory() > count);
        // At home in a table of another size, memory depends on the content alone.
        assert_eq!(content(&hash.clone()), content(&hash));
    }
}

#[test]
fn long_listpacks_have_little_memory_to_spare() {
    let limits = shaping(512, 64);
    for count in [150, 300, 512] {
        let hash = filled(count, &limits);
        let Hash::Packed(listpack) = &hash else { panic!("{count} fields are few") };
        let size = listpack.view().bytes().len();
        assert!(hash.memory() <= size * 9 / 8 + 32, "{count}: {} of {size}", hash.memory());
    }
}

#[test]
fn a_scan_finds_all_fields() {
    for count in [0, 7, 2000] {
        let hash = filled(count, &shaping(512, 64));
        let (mut cursor, mut seen) = (0, BTreeSet::new());
        loop {
            let visit = &mut |field: Element<'_>, _: Element<'_>| _ = seen.insert(field.to_vec());
            cursor = hash.view().scan(cursor, 10, visit);
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen.len(), count);
    }
}

#[test]
fn samples_are_of_different_fields_and_reach_every_field() {
    for entries in [512, 0] {
        let hash = filled(100, &shaping(entries, 64));
        let mut rng = Rng::new(17);
        let mut random = || rng.next_u64();
        for count in [0, 1, 5, 32, 33, 99, 100, 101, 1000] {
            let sample = hash.view().sample(count, &mut random);
            let names: BTreeSet<_> = sample.iter().map(|(field, _)| field.to_vec()).collect();
            assert_eq!((sample.len(), names.len()), (count.min(100), count.min(100)));
            for (field, value) in sample {
                assert_eq!(hash.view().get(&field.to_vec()), Some(value));
            }
        }
        let mut counts = BTreeMap::new();
        for _ in 0..10_000 {
            let (field, _) = hash.view().random(&mut random).expect("there are fields");
            *counts.entry(field.to_vec()).or_insert(0) += 1;
            for (field, _) in hash.view().sample(3, &mut random) {
                *counts.entry(field.to_vec()).or_insert(0) += 1;
            }
        }
        // 400 times each is expected; the bounds are ten deviations away.
        assert_eq!(counts.len(), 100);
        assert!(counts.values().all(|count| (200..600).contains(count)), "{counts:?}");
    }
    let empty = filled(0, &shaping(512, 64));
    assert_eq!(empty.view().random(&mut || 1), None);
    assert!(empty.view().sample(5, &mut || 1).is_empty());
}
