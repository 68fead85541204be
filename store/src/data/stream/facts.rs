//! What is known of a stream as a whole, and what it says about how far a group has read.

use super::groups::{Group, UNKNOWN_READ};
use super::id::StreamId;

/// What is known of a stream as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// Number of entries.
    pub len: u64,
    /// The greatest ID that an entry ever had.
    pub last: StreamId,
    /// The smallest ID that an entry has; 0-0 if there are no entries.
    pub first: StreamId,
    /// The greatest ID of an entry that was deleted, other than by trimming.
    pub max_deleted: StreamId,
    /// Number of entries ever added.
    pub added: u64,
}

impl Facts {
    /// Whether an entry may have been deleted from among those with this ID or a greater one, as Redis
    /// sees it: not if the last that was deleted came before all that are there.
    fn has_gap_from(&self, id: StreamId) -> bool {
        let is_within = self.first <= self.max_deleted && id <= self.max_deleted;
        self.len > 0 && !self.max_deleted.is_zero() && is_within
    }

    /// How many entries there have been up to this ID, if that follows from what is known.
    pub(super) fn distance(&self, id: StreamId) -> i64 {
        let added = self.added.cast_signed();
        let len = self.len.cast_signed();
        if self.added == 0 || (self.len == 0 && id <= self.last) || id == self.last {
            return added;
        }
        let no_gaps = self.max_deleted.is_zero() || self.max_deleted < self.first;
        match id.cmp(&self.first) {
            _ if id > self.last || !no_gaps => UNKNOWN_READ,
            std::cmp::Ordering::Less => added.wrapping_sub(len),
            std::cmp::Ordering::Equal => added.wrapping_sub(len).wrapping_add(1),
            std::cmp::Ordering::Greater => UNKNOWN_READ,
        }
    }

    /// How many entries a group has read when it has read so many and now reads the one with this ID.
    pub fn read_next(&self, read: i64, id: StreamId) -> i64 {
        if read != UNKNOWN_READ && !self.has_gap_from(id) {
            read.wrapping_add(1)
        } else if self.added > 0 {
            self.distance(id)
        } else {
            read
        }
    }

    /// How many entries a group has not read, if that is known.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.added == 0 {
            return Some(0);
        }
        let read = match group.read {
            UNKNOWN_READ => self.distance(group.last),
            _ if self.has_gap_from(group.last) => self.distance(group.last),
            read => read,
        };
        (read != UNKNOWN_READ).then(|| self.added.cast_signed().wrapping_sub(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures are redis-server 7.0.15's.
    #[test]
    fn what_was_deleted_before_all_that_are_there_is_no_gap() {
        let id = |ms| StreamId::new(ms, 1);
        let group = Group::new(id(4), 4);
        let facts = |first| Facts { len: 1, last: id(50), first, max_deleted: id(13), added: 13 };
        assert_eq!(facts(id(50)).lag(&group), Some(9));
        assert_eq!(facts(id(13)).lag(&group), None);
    }
}
