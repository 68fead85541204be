//! Durability: records of effects, and where they go.
//!
//! It stores records and knows nothing of commands or data types: a record is a number of effects
//! of one partition, as bytes. Today it says what a record is, what takes records, and checks that
//! none is missing; files and their format come with the log.

use thiserror::Error;

/// Consecutive effects of one partition, encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The partition.
    pub partition: u16,
    /// Sequence of the first effect.
    pub first: u64,
    /// Number of effects.
    pub count: u64,
    /// The effects, one behind the other.
    pub payload: &'a [u8],
}

/// Takes records in order.
pub trait Sink {
    /// Why a record was not taken.
    type Error;

    /// Takes a record.
    ///
    /// # Errors
    /// The record was not taken; nothing after it may be.
    fn append(&mut self, record: &Record<'_>) -> Result<(), Self::Error>;
}

/// Records of a partition that are missing or came twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("partition {partition} was expected to go on with effect {expected}, found {found}")]
pub struct Gap {
    /// The partition.
    pub partition: u16,
    /// The effect that would have been next.
    pub expected: u64,
    /// The effect that came.
    pub found: u64,
}

/// Checks that the effects of every partition come without a gap, from 1 on.
#[derive(Debug, Clone)]
pub struct Sequences {
    next: Vec<u64>,
}

impl Sequences {
    /// No effects yet of so many partitions.
    pub fn new(partitions: usize) -> Self {
        Self { next: vec![1; partitions] }
    }

    /// Checks a record and goes on behind it.
    ///
    /// # Errors
    /// The record does not go on where its partition's last one ended; the state is unchanged.
    pub fn check(&mut self, record: &Record<'_>) -> Result<(), Gap> {
        let next = self.next.get_mut(usize::from(record.partition));
        match next {
            Some(next) if *next == record.first => {
                *next += record.count;
                Ok(())
            }
            other => Err(Gap {
                partition: record.partition,
                expected: other.map_or(0, |next| *next),
                found: record.first,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(partition: u16, first: u64, count: u64) -> Record<'static> {
        Record { partition, first, count, payload: b"" }
    }

    #[test]
    fn a_gap_a_repetition_and_an_unknown_partition_are_found() {
        let mut sequences = Sequences::new(2);
        assert_eq!(sequences.check(&record(0, 1, 3)), Ok(()));
        assert_eq!(sequences.check(&record(1, 1, 1)), Ok(()));
        for first in [1, 3, 5] {
            let gap = Gap { partition: 0, expected: 4, found: first };
            assert_eq!(sequences.check(&record(0, first, 1)), Err(gap));
        }
        assert_eq!(sequences.check(&record(0, 4, 1)), Ok(()));
        assert!(sequences.check(&record(2, 1, 1)).is_err());
    }
}
