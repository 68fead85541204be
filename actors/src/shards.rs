//! A set of shards: which partitions a command, a block or a round of WATCH concerns.

use shardwright_store::types::{MAX_SHARDS, ShardId};

const WORDS: usize = MAX_SHARDS as usize / 64;

/// A set of shards, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShardSet([u64; WORDS]);

impl ShardSet {
    /// All of the first `count` shards.
    pub fn all(count: u16) -> Self {
        (0..count).map(ShardId).collect()
    }

    /// Adds a shard.
    #[inline]
    pub fn insert(&mut self, shard: ShardId) {
        if let Some(word) = self.0.get_mut(shard.0 as usize / 64) {
            *word |= 1 << (shard.0 % 64);
        }
    }

    /// Takes a shard out.
    #[inline]
    pub fn remove(&mut self, shard: ShardId) {
        if let Some(word) = self.0.get_mut(shard.0 as usize / 64) {
            *word &= !(1 << (shard.0 % 64));
        }
    }

    /// Whether the shard is in the set.
    pub fn contains(&self, shard: ShardId) -> bool {
        self.0.get(shard.0 as usize / 64).is_some_and(|word| word >> (shard.0 % 64) & 1 == 1)
    }

    /// Adds all of another set.
    pub fn extend(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, more)| *word |= more);
    }

    /// Whether some shard is in both sets.
    pub fn intersects(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).any(|(word, more)| word & more != 0)
    }

    /// Number of shards in the set.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no shard is in the set.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; WORDS]
    }

    /// The only shard of the set, if it has just one.
    pub fn only(&self) -> Option<ShardId> {
        let mut shards = self.iter();
        let first = shards.next();
        if shards.next().is_none() { first } else { None }
    }

    /// The shards in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = ShardId> + '_ {
        self.0.iter().enumerate().flat_map(|(at, &word)| {
            (0..64u16)
                .filter(move |bit| word >> bit & 1 == 1)
                .map(move |bit| ShardId(at as u16 * 64 + bit))
        })
    }
}

impl FromIterator<ShardId> for ShardSet {
    fn from_iter<I: IntoIterator<Item = ShardId>>(shards: I) -> Self {
        let mut set = Self::default();
        shards.into_iter().for_each(|shard| set.insert(shard));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_put_in() {
        let set: ShardSet = [ShardId(200), ShardId(3), ShardId(64)].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [ShardId(3), ShardId(64), ShardId(200)]);
        assert_eq!((set.len(), set.only()), (3, None));
        assert_eq!([ShardId(9)].into_iter().collect::<ShardSet>().only(), Some(ShardId(9)));
        assert_eq!(ShardSet::all(7).len(), 7);
        assert!(set.intersects(&ShardSet::all(4)) && !set.intersects(&ShardSet::all(3)));
        let mut rest = set;
        [ShardId(64), ShardId(65)].into_iter().for_each(|shard| rest.remove(shard));
        assert_eq!(rest.iter().collect::<Vec<_>>(), [ShardId(3), ShardId(200)]);
    }
}
