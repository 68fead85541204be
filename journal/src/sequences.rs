//! What tells a missing record: each partition counts its effects.

use shardwright_codec::log::Part;
use thiserror::Error;

/// Effects of a partition that are missing or came twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("partition {partition} was expected to go on with effect {expected}, found {found}")]
pub struct Gap {
    /// The partition.
    pub partition: u16,
    /// The effect that would have been next; 0 if there is no such partition.
    pub expected: u64,
    /// The effect that came.
    pub found: u64,
}

/// The newest effect of every partition; checks that they come without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequences(Vec<u64>);

impl Sequences {
    /// No effects yet of so many partitions.
    pub fn new(partitions: u16) -> Self {
        Self(vec![0; partitions.into()])
    }

    /// The newest effects, by partition.
    pub fn newest(&self) -> &[u64] {
        &self.0
    }

    /// Takes a part's effects as the newest.
    ///
    /// # Errors
    /// It does not go on where its partition's last one ended; the state is unchanged.
    pub fn take(&mut self, part: &Part<'_>) -> Result<(), Gap> {
        let gap = |expected| Gap { partition: part.partition, expected, found: part.first };
        let newest = self.0.get_mut(usize::from(part.partition)).ok_or(gap(0))?;
        if newest.checked_add(1) != Some(part.first) {
            return Err(gap(newest.saturating_add(1)));
        }
        *newest = newest.saturating_add(part.count);
        Ok(())
    }
}

impl From<Vec<u64>> for Sequences {
    fn from(newest: Vec<u64>) -> Self {
        Self(newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(partition: u16, first: u64, count: u64) -> Part<'static> {
        Part { partition, first, count, payload: b"" }
    }

    #[test]
    fn a_gap_a_repetition_and_an_unknown_partition_are_found() {
        let mut sequences = Sequences::new(2);
        assert_eq!(sequences.take(&part(0, 1, 3)), Ok(()));
        assert_eq!(sequences.take(&part(1, 1, 1)), Ok(()));
        for first in [1, 3, 5] {
            let gap = Gap { partition: 0, expected: 4, found: first };
            assert_eq!(sequences.take(&part(0, first, 1)), Err(gap));
        }
        assert_eq!(sequences.take(&part(0, 4, 1)), Ok(()));
        assert!(sequences.take(&part(2, 1, 1)).is_err());
        assert_eq!(sequences.newest(), [4, 1]);
    }
}
