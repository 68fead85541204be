//! What tests of cuts share: a partition, and the check that a cut is the state of its moment.

use shardwright_store::digest::partition_digest;
use shardwright_store::hash::KeyHasher;
use shardwright_store::partition::{Partition, PartitionOptions};
use shardwright_store::rng::Rng;
use shardwright_store::types::{DbIndex, ShardId, SlotRange, UnixMillis};

pub const BEGIN: UnixMillis = UnixMillis(1_700_000_000_000);

pub fn partition() -> Partition {
    Partition::new(PartitionOptions {
        id: ShardId(0),
        slots: SlotRange::ALL,
        databases: 4,
        hasher: KeyHasher::new([1, 2]),
        seed: 3,
        now: BEGIN,
    })
}

pub fn below(rng: &mut Rng, end: u64) -> u64 {
    rng.next_u64() % end
}

/// What the batches of a cut make of an empty partition.
pub fn restored(batches: &[(Vec<u8>, u64)]) -> Partition {
    let mut restored = partition();
    for (records, count) in batches {
        restored.apply_all(records, *count).unwrap();
    }
    restored
}

/// Cuts a partition while `meanwhile` changes it, and writes slices when that says so. The cut has to
/// be the state of its moment, each key once.
pub fn check_cut(
    partition: &mut Partition,
    what: &str,
    mut meanwhile: impl FnMut(&mut Partition) -> bool,
) {
    let wanted = partition_digest(partition);
    let total: u64 = (0..4).map(|db| partition.figures(DbIndex(db)).keys).sum();
    assert!(partition.begin_cut());
    assert!(!partition.begin_cut(), "one at a time");
    let (mut batches, mut written) = (Vec::new(), 0);
    loop {
        if meanwhile(partition) {
            partition.cut_slice();
        }
        let Some(batch) = partition.take_cut() else { continue };
        written += batch.keys;
        batches.push((batch.records, batch.count));
        if batch.last {
            break;
        }
    }
    assert!(!partition.is_cutting());
    assert_eq!(written, total, "{what}: each key once");
    assert_eq!(partition_digest(&restored(&batches)), wanted, "{what}: another state");
}
