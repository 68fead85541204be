//! The keys of a file as effects, gathered by the partition that they belong to.

use std::io::Read;

use shardwright_journal::Progress;
use shardwright_store::hash::slot_of;
use shardwright_store::types::ShardMap;

use super::reading::{Counts, RdbError, Rules, read};

/// Bytes of effects of a partition that are handed out together.
const BATCH_BYTES: usize = 256 << 10;

/// Gives the keys of a file to `send` as effects that make them, spread over the partitions of `map`:
/// the partition, the number of effects, and the effects one behind the other.
///
/// # Errors
/// The file is wrong, and where, or `send` failed.
pub fn spread<E: From<RdbError>>(
    file: impl Read,
    map: ShardMap,
    rules: Rules,
    progress: &mut dyn Progress,
    mut send: impl FnMut(u16, u64, &[u8]) -> Result<(), E>,
) -> Result<Counts, E> {
    let mut batches: Vec<(u64, Vec<u8>)> = map.all().map(|_| (0, Vec::new())).collect();
    let counts = read::<E>(file, rules, progress, |key| {
        let shard = map.shard_of(slot_of(key.key)).0;
        let Some((count, records)) = batches.get_mut(usize::from(shard)) else { return Ok(()) };
        key.effect().encode(records);
        *count += 1;
        if records.len() >= BATCH_BYTES {
            send(shard, *count, records)?;
            *count = 0;
            records.clear();
        }
        Ok(())
    })?;
    for (shard, (count, records)) in (0..).zip(batches) {
        if count > 0 {
            send(shard, count, &records)?;
        }
    }
    Ok(counts)
}
