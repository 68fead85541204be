//! Any bytes as a value that RESTORE takes: no panic, and what could be read into a data type is
//! written and read again as the same, also where its effect arrives.
//!
//! The first byte of an input chooses the bounds of small forms; the rest is the value, from its type
//! on. The checksum is added here: whoever means ill can do that too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shardwright_codec::rdb::{Value, dump};
use shardwright_store::commands::dump::dump_of;
use shardwright_store::commands::object::encoding_of;
use shardwright_store::data::Encodings;
use shardwright_store::digest::partition_digest;
use shardwright_store::effect::{Effect, Event};
use shardwright_store::hash::KeyHasher;
use shardwright_store::partition::editing::Target;
use shardwright_store::partition::{Partition, PartitionOptions};
use shardwright_store::types::{DbIndex, ShardId, SlotRange, UnixMillis};

const MAX_STRING: usize = 1 << 16;
const DB: DbIndex = DbIndex(0);
const KEY: &[u8] = b"key";

fuzz_target!(|data: &[u8]| {
    let Some((&bounds, value)) = data.split_first() else { return };
    let mut first = partition(bounds);
    first.encode_effects(true);
    let mut sealed = value.to_vec();
    dump::seal(&mut sealed);
    assert_eq!(dump::open(&sealed), Some(value));
    let Some(written) = restored(&mut first, value) else { return };
    let mut second = partition(bounds);
    let again = dump::open(&written).expect("a dump is sealed");
    restored(&mut second, again).expect("what was written is read");
    assert_eq!(partition_digest(&first), partition_digest(&second));
    assert_eq!(encoding(&first), encoding(&second));
    let mut shadow = partition(bounds);
    let records = first.take_effects().expect("an effect").records;
    let (effect, len) = Effect::decode(&records).expect("an effect");
    assert_eq!(len, records.len());
    shadow.apply(&effect).expect("an effect that fits");
    assert_eq!(partition_digest(&first), partition_digest(&shadow));
});

fn partition(bounds: u8) -> Partition {
    let mut partition = Partition::new(PartitionOptions {
        id: ShardId(0),
        slots: SlotRange::ALL,
        databases: 1,
        hasher: KeyHasher::new([1, 2]),
        seed: 3,
        now: UnixMillis(0),
    });
    if bounds & 1 == 1 {
        let few = usize::from(bounds >> 1);
        partition.encodings = Encodings {
            hash_max_listpack_entries: few,
            list_max_listpack_size: few as i64 + 1,
            set_max_intset_entries: few,
            zset_max_listpack_entries: few,
            ..Encodings::default()
        };
    }
    partition
}

/// Reads a collection into a key. Gives what DUMP gives for it, if it is one.
fn restored(partition: &mut Partition, value: &[u8]) -> Option<Vec<u8>> {
    let mut scratch = Vec::new();
    let Ok(Value::Collection(collection)) = Value::decode(value, MAX_STRING, &mut scratch) else {
        return None;
    };
    let hash = partition.hasher().hash(KEY);
    let target = Target { db: DB, hash, key: KEY, place: None, lru: 0 };
    partition.restore(target, collection, None, Event::generic("restore")).ok()?;
    let entry = partition.get(DB, hash, KEY).expect("the key is there");
    Some(dump_of(entry.value()))
}

fn encoding(partition: &Partition) -> &'static str {
    let hash = partition.hasher().hash(KEY);
    partition.get(DB, hash, KEY).map_or("", |entry| encoding_of(entry.value()))
}
