//! Any bytes as records of effects: no panic, whatever they say and whatever data they meet; a
//! record that can be read is written the same again; and what was applied leaves effects that give
//! the same data.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shardwright_store::digest::partition_digest;
use shardwright_store::effect::Effect;
use shardwright_store::hash::KeyHasher;
use shardwright_store::partition::{Partition, PartitionOptions};
use shardwright_store::types::{DbIndex, ShardId, SlotRange, UnixMillis};

const DATABASES: u16 = 3;

/// A gap before a splice is filled with zeros: larger ones only cost memory.
const MAX_OFFSET: u64 = 1 << 16;

fuzz_target!(|data: &[u8]| {
    let (mut live, mut shadow) = (partition(), partition());
    live.encode_effects(true);
    let mut rest = data;
    while let Ok((effect, len)) = Effect::decode(rest) {
        let mut record = Vec::new();
        effect.encode(&mut record);
        assert_eq!(record, &rest[..len]);
        rest = &rest[len..];
        if !matches!(effect, Effect::Splice { offset, .. } if offset > MAX_OFFSET) {
            // It may not fit the data; then it must leave them alone, which the end shows.
            let _ = live.apply(&effect);
        }
    }
    for now in [0, 1 << 20, 1 << 40, i64::MAX].map(UnixMillis) {
        while live.expire_due(now, 100) {}
    }
    follow(&mut live, &mut shadow);
});

fn partition() -> Partition {
    Partition::new(PartitionOptions {
        id: ShardId(0),
        slots: SlotRange::ALL,
        databases: DATABASES,
        hasher: KeyHasher::new([1, 2]),
        seed: 3,
        now: UnixMillis(1 << 19),
    })
}

/// Feeds the shadow and compares.
fn follow(live: &mut Partition, shadow: &mut Partition) {
    let records = live.take_effects().map(|batch| batch.records).unwrap_or_default();
    let mut rest = &records[..];
    while !rest.is_empty() {
        let (effect, len) = Effect::decode(rest).expect("an effect");
        shadow.apply(&effect).expect("an effect that fits");
        rest = &rest[len..];
    }
    assert_eq!(partition_digest(live), partition_digest(shadow));
    for db in (0..DATABASES).map(DbIndex) {
        assert_eq!(live.figures(db), shadow.figures(db), "database {}", db.0);
    }
}
