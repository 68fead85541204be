//! Keys that move within a partition: the effect that says so, whatever they hold, and that value,
//! deadline, watches and memory are right on both sides.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Fixture, START};
use shardwright_store::digest::partition_digest;
use shardwright_store::effect::{Effect, EffectError};
use shardwright_store::partition::{Partition, PartitionOptions};
use shardwright_store::rng::Rng;
use shardwright_store::types::{DbIndex, SlotRange, UnixMillis};
use shardwright_store::watch::WatchToken;

/// Makes a key `k` that has so many elements.
fn fill(f: &mut Fixture, kind: &str, elements: usize) {
    let of = |element: fn(usize) -> Vec<String>| (0..elements).flat_map(element);
    let named = |number| vec![format!("element:{number}")];
    let with_value = |number| vec![format!("element:{number}"), format!("{number}")];
    let with_score = |number| vec![format!("{number}.5"), format!("element:{number}")];
    let words: Vec<String> = match kind {
        "string" => vec!["APPEND".into(), "k".into(), of(named).collect()],
        "list" => ["RPUSH", "k"].map(String::from).into_iter().chain(of(named)).collect(),
        "set" => ["SADD", "k"].map(String::from).into_iter().chain(of(named)).collect(),
        "zset" => ["ZADD", "k"].map(String::from).into_iter().chain(of(with_score)).collect(),
        "hash" => ["HSET", "k"].map(String::from).into_iter().chain(of(with_value)).collect(),
        _ => {
            for number in 1..=elements {
                let (id, value) = (format!("{number}-1"), format!("element:{number}"));
                f.run(&["XADD", "k", &id, "field", &value]);
            }
            return;
        }
    };
    assert!(!f.run(&words).starts_with(b"-"), "{kind}");
}

const KINDS: [&str; 6] = ["string", "list", "set", "zset", "hash", "stream"];

fn apply(f: &mut Fixture, effect: &Effect<'_>) -> Result<(), EffectError> {
    f.partition.apply(effect)
}

#[test]
fn the_record_is_as_short_whatever_the_key_holds() {
    for kind in KINDS {
        for elements in [1, 2000] {
            let mut f = Fixture::new();
            fill(&mut f, kind, elements);
            f.check(&["PEXPIREAT", "k", "1800000000000"], ":1\r\n");
            let told = f.run(&["DEBUG", "DIGEST-VALUE", "k"]);
            for (words, reply) in [
                (["RENAME", "k", "other"], "+OK\r\n"),
                (["RENAMENX", "other", "third"], ":1\r\n"),
                (["MOVE", "third", "2"], ":1\r\n"),
            ] {
                f.check(&words, reply);
                assert_eq!(f.effects().len(), 1, "{kind}: {words:?}: {:?}", f.effects());
                let what = &f.effects()[0];
                assert!(what.starts_with("Move") && what.len() < 200, "{kind}: {what}");
            }
            f.db = DbIndex(2);
            assert_eq!(f.run(&["DEBUG", "DIGEST-VALUE", "third"]), told, "{kind}");
            f.check(&["PEXPIRETIME", "third"], ":1800000000000\r\n");
        }
    }
}

/// Every key goes anywhere at random, onto others, past deadlines and changed in between; the fixture
/// compares with what the effects make after each command.
#[test]
fn what_moves_about_is_what_its_effects_say() {
    const KEYS: [&str; 5] = ["a", "b", "c", "{a}1", "{a}2"];
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let mut below = |end: usize| (rng.next_u64() % end as u64) as usize;
        let mut f = Fixture::new();
        for step in 0..500 {
            f.db = DbIndex(below(3) as u16);
            let (key, other) = (KEYS[below(5)], KEYS[below(5)]);
            let (number, db) = (format!("{step}"), format!("{}", below(3)));
            let long = "x".repeat(below(2) * 2000);
            let element = format!("{number}{long}");
            let words: &[&str] = match below(16) {
                0 => &["SET", key, &element],
                1 => &["RPUSH", key, &element, "1"],
                2 => &["SADD", key, &element],
                3 => &["ZADD", key, &number, &element],
                4 => &["HSET", key, &element, &number],
                5 => &["XADD", key, "*", "field", &element],
                6 => &["PEXPIRE", key, &number],
                7 => &["DEL", key],
                8 => &["PERSIST", key],
                9..=11 => &["RENAME", key, other],
                12 => &["RENAMENX", key, other],
                _ => &["MOVE", key, &db],
            };
            f.run(words);
            f.advance_ms(below(20) as i64);
            if below(10) == 0 {
                while f.partition.expire_due(f.now, 10) {}
            }
        }
        // What the last expiry recorded reaches the shadow with a command.
        f.run(&["EXISTS", "a"]);
        assert_eq!(partition_digest(&f.partition), partition_digest(&f.shadow), "seed {seed}");
        for db in (0..3).map(DbIndex) {
            f.db = db;
            f.run(&["FLUSHDB"]);
        }
        assert_eq!(f.partition.memory(), 0, "seed {seed}");
    }
}

#[test]
fn a_deadline_goes_along_and_the_replaced_one_ends() {
    let mut f = Fixture::new();
    f.check_lines(&[
        ("SET a 1 PX 100", "+OK\r\n"),
        ("SET b 2 PX 50", "+OK\r\n"),
        ("SET c 3", "+OK\r\n"),
        ("SET d 4 PX 60", "+OK\r\n"),
        ("RENAME a b", "+OK\r\n"),
        ("RENAME c d", "+OK\r\n"),
    ]);
    f.advance_ms(99);
    while f.partition.expire_due(f.now, 10) {}
    f.check_lines(&[("MGET b d", "*2\r\n$1\r\n1\r\n$1\r\n3\r\n"), ("PTTL b", ":1\r\n")]);
    f.advance_ms(2);
    while f.partition.expire_due(f.now, 10) {}
    assert_eq!(f.partition.figures(DbIndex(0)).keys, 1);
    assert_eq!(f.partition.figures(DbIndex(0)).expires, 0);
    f.check_lines(&[("MGET b d", "*2\r\n$-1\r\n$1\r\n3\r\n")]);
}

#[test]
fn both_keys_count_as_changed() {
    const DB: DbIndex = DbIndex(0);
    for (command, at) in [("RENAME a b", DB), ("RENAMENX a b", DB), ("MOVE a 1", DbIndex(1))] {
        let mut f = Fixture::new();
        f.check(&["SET", "a", "1"], "+OK\r\n");
        let target = if command.starts_with("MOVE") { "a" } else { "b" };
        f.partition.watch.add(WatchToken(1), DB, b"a");
        f.partition.watch.add(WatchToken(2), at, target.as_bytes());
        f.partition.watch.add(WatchToken(3), DbIndex(2), b"a");
        let changes = f.partition.counters.changes;
        f.run(&command.split(' ').collect::<Vec<_>>());
        assert!(f.partition.watch.end(WatchToken(1)), "{command}: what left");
        assert!(f.partition.watch.end(WatchToken(2)), "{command}: what came");
        assert!(!f.partition.watch.end(WatchToken(3)), "{command}");
        assert_eq!(f.partition.counters.changes, changes + 1, "{command}: as in Redis");
    }
}

#[test]
fn an_effect_that_does_not_fit_is_refused_and_changes_nothing() {
    let mut f = Fixture::new();
    f.check(&["SET", "a", "1"], "+OK\r\n");
    let (before, sequence) = (partition_digest(&f.partition), f.partition.sequence());
    let of = |db, key, to_db, to_key| Effect::Move {
        db: DbIndex(db),
        key,
        to_db: DbIndex(to_db),
        to_key,
    };
    for (effect, why) in [
        (of(0, &b"none"[..], 0, &b"a"[..]), "the key is absent"),
        (of(1, b"a", 0, b"a"), "the key is absent"),
        (of(0, b"a", 4, b"a"), "there are not so many databases"),
        (of(4, b"a", 0, b"a"), "there are not so many databases"),
    ] {
        assert_eq!(apply(&mut f, &effect), Err(EffectError::Mismatch(why)));
    }
    assert_eq!((partition_digest(&f.partition), f.partition.sequence()), (before, sequence));
}

#[test]
fn a_key_of_another_partition_is_refused_in_every_effect() {
    let hasher = Fixture::new().partition.hasher();
    let of = |slots| {
        let (id, seed) = (shardwright_store::types::ShardId(0), 1);
        Partition::new(PartitionOptions { id, slots, databases: 1, hasher, seed, now: START })
    };
    let slot = hasher.hash(b"here").slot.get();
    let mut partition = of(SlotRange { first: slot, end: slot + 1 });
    let (db, value) = (DbIndex(0), shardwright_store::value::ValueRef::Int(1));
    let deadline = Some(UnixMillis(START.0 + 1));
    partition.apply(&Effect::Put { db, key: b"here", value, deadline }).unwrap();
    let elsewhere = &b"elsewhere"[..];
    for effect in [
        Effect::Move { db, key: b"here", to_db: db, to_key: elsewhere },
        Effect::Move { db, key: elsewhere, to_db: db, to_key: b"here" },
        Effect::Put { db, key: elsewhere, value, deadline },
        Effect::Splice { db, key: elsewhere, offset: 0, bytes: b"x" },
        Effect::Delete { db, key: elsewhere },
    ] {
        let wanted = EffectError::Mismatch("the key belongs to another partition");
        assert_eq!(partition.apply(&effect), Err(wanted), "{effect:?}");
    }
    let to_key = b"{here}2";
    partition.apply(&Effect::Move { db, key: b"here", to_db: db, to_key }).unwrap();
    assert_eq!(partition.get(db, hasher.hash(to_key), to_key).unwrap().deadline(), deadline);
}

#[test]
fn a_record_is_read_as_it_was_written_and_not_if_it_is_cut() {
    let (to_db, to_key) = (DbIndex(9), &b"\0binary\xff"[..]);
    let effect = Effect::Move { db: DbIndex(300), key: b"", to_db, to_key };
    let mut record = Vec::new();
    effect.encode(&mut record);
    // As docs/format.md has it.
    assert_eq!(record, b"\x09\x2c\x01\0\0\0\0\x09\0\x08\0\0\0\0binary\xff");
    let (read, len) = Effect::decode(&record).unwrap();
    assert_eq!((format!("{read:?}"), len), (format!("{effect:?}"), record.len()));
    for cut in 0..record.len() {
        let error = Effect::decode(&record[..cut]).unwrap_err();
        assert!(matches!(error, EffectError::Truncated { .. }), "{error}");
    }
}
