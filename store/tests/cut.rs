//! A cut writes a partition as it was at its moment, whatever happens meanwhile: by a seed, with every
//! kind of change between its slices.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use shardwright_store::digest::partition_digest;
use shardwright_store::effect::Effect;
use shardwright_store::hash::KeyHasher;
use shardwright_store::partition::{Partition, PartitionOptions};
use shardwright_store::rng::Rng;
use shardwright_store::types::{DbIndex, ShardId, SlotRange, UnixMillis};
use shardwright_store::value::ValueRef;

const BEGIN: UnixMillis = UnixMillis(1_700_000_000_000);

fn partition() -> Partition {
    Partition::new(PartitionOptions {
        id: ShardId(0),
        slots: SlotRange::ALL,
        databases: 4,
        hasher: KeyHasher::new([1, 2]),
        seed: 3,
        now: BEGIN,
    })
}

fn below(rng: &mut Rng, end: u64) -> u64 {
    rng.next_u64() % end
}

/// Changes something at random; the clock may go on.
fn change(partition: &mut Partition, rng: &mut Rng, keys: u64, now: &mut i64) {
    let db = DbIndex(below(rng, 3) as u16);
    // Some keys share a slot.
    let number = below(rng, keys);
    let key =
        if number.is_multiple_of(3) { format!("{{tag}}{number}") } else { format!("key:{number}") };
    let key = key.as_bytes();
    let deadline = (below(rng, 3) == 0).then(|| UnixMillis(*now + below(rng, 300) as i64));
    let long = vec![b'x'; below(rng, 20_000) as usize];
    let value = match below(rng, 4) {
        0 => ValueRef::Int(rng.next_u64() as i64),
        1 => ValueRef::Bytes { bytes: b"short", raw: false },
        2 => ValueRef::Bytes { bytes: &long[..long.len().min(100)], raw: true },
        _ => ValueRef::Bytes { bytes: &long, raw: true },
    };
    let effect = match below(rng, 200) {
        0 => Effect::Flush { db },
        1..=3 => Effect::Swap { a: db, b: DbIndex(below(rng, 4) as u16) },
        4..=20 => {
            *now += below(rng, 40) as i64;
            while partition.expire_due(UnixMillis(*now), 50) {}
            return;
        }
        21..=70 => Effect::Delete { db, key },
        71..=90 => Effect::Expire { db, key, deadline },
        91..=110 => Effect::Splice { db, key, offset: below(rng, 50), bytes: b"spliced" },
        _ => Effect::Put { db, key, value, deadline },
    };
    // A key that is absent cannot be changed: that is no part of this test.
    let _ = partition.apply(&effect);
    drop(partition.take_garbage());
}

/// What the batches of a cut make of an empty partition.
fn restored(batches: &[(Vec<u8>, u64)]) -> Partition {
    let mut restored = partition();
    for (records, count) in batches {
        restored.apply_all(records, *count).unwrap();
    }
    restored
}

fn run(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut partition = partition();
    let mut now = BEGIN.0;
    let keys = [10, 300, 5000][below(&mut rng, 3) as usize];
    for cut in 0..4 {
        (0..keys).for_each(|_| change(&mut partition, &mut rng, keys, &mut now));
        let wanted = partition_digest(&partition);
        let total: u64 = (0..4).map(|db| partition.figures(DbIndex(db)).keys).sum();
        assert!(partition.begin_cut());
        assert!(!partition.begin_cut(), "one at a time");
        let mut batches = Vec::new();
        loop {
            (0..below(&mut rng, 200))
                .for_each(|_| change(&mut partition, &mut rng, keys, &mut now));
            if below(&mut rng, 3) == 0 {
                partition.cut_slice();
            }
            let Some(batch) = partition.take_cut() else { continue };
            batches.push((batch.records, batch.count));
            if batch.last {
                break;
            }
        }
        assert!(!partition.is_cutting());
        let written: u64 = batches.iter().map(|batch| batch.1).sum();
        assert_eq!(written, total, "seed {seed}, cut {cut}: each key once");
        let found = partition_digest(&restored(&batches));
        assert_eq!(found, wanted, "seed {seed}, cut {cut}: another state");
    }
}

#[test]
fn a_cut_is_the_state_of_its_moment() {
    (0..150).for_each(run);
}

#[test]
fn a_slice_is_bounded_in_keys() {
    let mut partition = partition();
    for number in 0..10_000 {
        let key = format!("key:{number}");
        let (db, value) = (DbIndex(0), ValueRef::Int(number));
        partition.apply(&Effect::Put { db, key: key.as_bytes(), value, deadline: None }).unwrap();
    }
    partition.begin_cut();
    let mut slices = 0;
    while partition.is_cutting() {
        partition.cut_slice();
        slices += 1;
        if let Some(batch) = partition.take_cut() {
            assert!(batch.count < 3_000, "{} keys", batch.count);
        }
    }
    assert!((9..100).contains(&slices), "{slices} slices");
}

#[test]
fn an_empty_partition_has_an_empty_cut() {
    let mut partition = partition();
    partition.begin_cut();
    partition.cut_slice();
    let batch = partition.take_cut().unwrap();
    assert!(batch.last && batch.count == 0 && batch.records.is_empty());
    assert!(partition.begin_cut());
}
