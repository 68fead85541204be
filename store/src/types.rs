//! The small checked types that the whole store speaks in. Each is a newtype so that a slot cannot
//! be taken for a shard, nor a count of milliseconds for a point in time.

use std::fmt;

/// Number of hash slots, as Redis Cluster defines them.
pub const SLOT_COUNT: u16 = 16_384;

/// Hash slot of a key: CRC16 of the key (or of its hash tag) modulo [`SLOT_COUNT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Slot(u16);

impl Slot {
    /// The slot with this number, taken modulo [`SLOT_COUNT`].
    pub const fn new(number: u16) -> Self {
        Self(number % SLOT_COUNT)
    }

    /// The slot's number, `0..SLOT_COUNT`.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// A contiguous range of slots: what one partition is responsible for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotRange {
    /// First slot of the range.
    pub first: u16,
    /// One past the last slot of the range.
    pub end: u16,
}

impl SlotRange {
    /// Every slot there is.
    pub const ALL: Self = Self { first: 0, end: SLOT_COUNT };

    /// Whether `slot` lies in the range.
    pub const fn contains(self, slot: Slot) -> bool {
        slot.0 >= self.first && slot.0 < self.end
    }

    /// How many slots the range has.
    pub const fn len(self) -> usize {
        (self.end - self.first) as usize
    }

    /// Whether the range has no slots.
    pub const fn is_empty(self) -> bool {
        self.end == self.first
    }
}

/// Number of a shard within this process, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ShardId(pub u16);

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How slots are spread over the shards of this process: contiguous ranges of nearly equal length,
/// so that SCAN's cursor, which is ordered by slot, names its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardMap {
    shards: u16,
}

/// Most shards that one process can have.
pub const MAX_SHARDS: u16 = 256;

impl ShardMap {
    /// A map over `shards` shards, clamped to `1..=MAX_SHARDS`.
    pub fn new(shards: u16) -> Self {
        Self { shards: shards.clamp(1, MAX_SHARDS) }
    }

    /// Number of shards.
    pub const fn shards(self) -> u16 {
        self.shards
    }

    /// The shard that owns `slot`.
    #[inline]
    pub const fn shard_of(self, slot: Slot) -> ShardId {
        ShardId(((slot.0 as u32 * self.shards as u32) / SLOT_COUNT as u32) as u16)
    }

    /// The slots that `shard` owns.
    pub const fn slots_of(self, shard: ShardId) -> SlotRange {
        let first = (shard.0 as u32 * SLOT_COUNT as u32).div_ceil(self.shards as u32);
        let end = ((shard.0 as u32 + 1) * SLOT_COUNT as u32).div_ceil(self.shards as u32);
        SlotRange { first: first as u16, end: end as u16 }
    }

    /// All shards in order.
    pub fn all(self) -> impl Iterator<Item = ShardId> {
        (0..self.shards).map(ShardId)
    }
}

/// Most databases that SELECT can choose from.
pub const MAX_DATABASES: u16 = 1024;

/// Number of a database as SELECT names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DbIndex(pub u16);

impl DbIndex {
    /// The number as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A point in time: milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// Whether a deadline at this time has passed at `now`: strictly, as Redis has it.
    #[inline]
    pub const fn has_passed(self, now: Self) -> bool {
        self.0 < now.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

/// Position of an effect record in the history of one partition: one more for every record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The sequence after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What becomes of a key's deadline when its value is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// The deadline stays.
    Keep,
    /// The key no longer expires.
    Clear,
    /// The key expires then.
    At(UnixMillis),
}

impl Ttl {
    /// The new deadline of a key that has this one.
    #[inline]
    pub(crate) fn deadline(self, old: Option<UnixMillis>) -> Option<UnixMillis> {
        match self {
            Self::Keep => old,
            Self::Clear => None,
            Self::At(deadline) => Some(deadline),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_belongs_to_the_one_shard_whose_range_has_it() {
        for shards in [1, 2, 3, 4, 7, 16, 100, 256] {
            let map = ShardMap::new(shards);
            assert_eq!(map.all().map(|s| map.slots_of(s).len()).sum::<usize>(), 16_384);
            for slot in (0..SLOT_COUNT).map(Slot::new) {
                let owners: Vec<_> =
                    map.all().filter(|&s| map.slots_of(s).contains(slot)).collect();
                assert_eq!(owners, [map.shard_of(slot)], "slot {slot:?} of {shards} shards");
            }
        }
    }
}
