//! Going through a dictionary: all at once, slot by slot, or in steps with a cursor.
//!
//! A cursor is a position in the order of slots and hashes, and a step visits everything from there
//! up to the position that it returns. A key's position never changes, so whatever is inserted,
//! removed, grown, divided or joined between two steps, a key that is there throughout is visited.
//! It is visited once: steps meet at positions, not at table indices.

use std::ops::ControlFlow;

use super::slot::SlotTable;
use super::{Dict, EntryRef, Place};
use crate::hash::{POSITION_BITS, Position};
use crate::types::{Slot, SlotRange};

/// Where a scan goes on: a [`Position`]; any number is a valid one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Cursor(pub u64);

impl Cursor {
    /// Where a scan of these slots begins.
    pub const fn first_of(slots: SlotRange) -> Self {
        Self((slots.first as u64) << POSITION_BITS)
    }

    /// Where a scan of these slots ends.
    pub const fn end_of(slots: SlotRange) -> Self {
        Self((slots.end as u64) << POSITION_BITS)
    }
}

/// A set of slots that tells the next member in a few steps, however few there are.
#[derive(Default)]
pub(super) struct SlotSet {
    words: Vec<u64>,
}

impl SlotSet {
    /// An empty set for numbers below `len`.
    pub(super) fn new(len: usize) -> Self {
        Self { words: vec![0; len.div_ceil(64)] }
    }

    pub(super) fn memory(&self) -> usize {
        size_of_val(self.words.as_slice())
    }

    #[inline]
    pub(super) fn set(&mut self, at: usize, member: bool) {
        let word = &mut self.words[at / 64];
        let bit = 1 << (at % 64);
        *word = if member { *word | bit } else { *word & !bit };
    }

    /// The first member from `at` on.
    pub(super) fn next_from(&self, at: usize) -> Option<usize> {
        let mut word_at = at / 64;
        let mut word = self.words.get(word_at)? & (u64::MAX << (at % 64));
        while word == 0 {
            word_at += 1;
            word = *self.words.get(word_at)?;
        }
        Some(word_at * 64 + word.trailing_zeros() as usize)
    }
}

impl Dict {
    /// Visits all keys from `cursor` on, in the order of their positions (those within one home
    /// bucket in any order), until at least `budget` keys or empty buckets have been passed.
    /// Returns where to go on, [`Cursor::end_of`] this dictionary's slots when nothing is left.
    ///
    /// Every key that is in the dictionary from the first step to the last is visited, whatever
    /// else changes in between; a key that comes or goes meanwhile may be.
    pub fn scan(
        &self,
        cursor: Cursor,
        budget: usize,
        visit: &mut dyn FnMut(EntryRef<'_>),
    ) -> Cursor {
        let end = Cursor::end_of(self.range);
        let mut at = cursor.max(Cursor::first_of(self.range));
        let mut spent = 0;
        while spent < budget.max(1) && at < end {
            let wanted = (at.0 >> POSITION_BITS) as usize - usize::from(self.range.first);
            let Some(index) = self.occupied.next_from(wanted) else { return end };
            let slot_begin = (index as u64 + u64::from(self.range.first)) << POSITION_BITS;
            let from = at.0.saturating_sub(slot_begin);
            let mut visited = 0;
            let next = self.slots[index].visit_from(from, self.hasher, &mut |entry| {
                visited += 1;
                visit(entry);
            });
            spent += visited.max(1);
            at = Cursor(slot_begin + next.unwrap_or(1 << POSITION_BITS));
        }
        at
    }

    /// A key chosen uniformly. `next_random` gives 64 random bits.
    pub fn random(&self, next_random: &mut dyn FnMut() -> u64) -> Option<Place> {
        // The bias of multiplying instead of rejecting is below len / 2^64.
        let mut below = |end: usize| ((u128::from(next_random()) * end as u128) >> 64) as usize;
        // A key by its rank decides about the slot; within the slot all keys are as likely.
        let mut rank = below(self.len);
        let group = skip_ranks(&mut rank, self.group_lens.iter().copied())?;
        let first = group * super::GROUP_SLOTS;
        let of_group = self.slots.get(first..)?;
        let index = first + skip_ranks(&mut rank, of_group.iter().map(SlotTable::len))?;
        let (table, word) = self.slots[index].random(&mut below)?;
        Some(Place { slot: index as u16, table, word })
    }

    /// Number of keys in a slot.
    pub fn count_in_slot(&self, slot: Slot) -> usize {
        self.slot(slot).map_or(0, SlotTable::len)
    }

    /// Visits the keys of a slot, in any order, until `visit` breaks off.
    pub fn for_each_in_slot(
        &self,
        slot: Slot,
        visit: &mut dyn FnMut(EntryRef<'_>) -> ControlFlow<()>,
    ) {
        // Whether it broke off is what `visit` knows.
        let _ = self.slot(slot).into_iter().flat_map(SlotTable::entries).try_for_each(visit);
    }

    /// All keys, slot by slot.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> {
        let mut next = self.occupied.next_from(0);
        let occupied = std::iter::from_fn(move || {
            let index = next?;
            next = self.occupied.next_from(index + 1);
            Some(&self.slots[index])
        });
        occupied.flat_map(SlotTable::entries)
    }

    /// Finds the key with this position for which `matches` holds. It is asked about keys that have
    /// the position, and may be asked about neighbours, so it must know the key by more than that.
    pub fn find_by_position(
        &self,
        position: Position,
        matches: &mut dyn FnMut(EntryRef<'_>) -> bool,
    ) -> Option<Place> {
        let slot = u16::try_from(position >> POSITION_BITS).ok()?;
        let index = slot.wrapping_sub(self.range.first);
        let (number, table, tag) =
            self.slots.get(usize::from(index))?.locate(position << (u64::BITS - POSITION_BITS));
        let (word, _) = table.find_where(tag, matches)?;
        Some(Place { slot: index, table: number, word })
    }
}

/// The index of the group that has the key of this rank, which becomes its rank within the group.
fn skip_ranks(rank: &mut usize, lens: impl Iterator<Item = usize>) -> Option<usize> {
    for (at, len) in lens.enumerate() {
        if *rank < len {
            return Some(at);
        }
        *rank -= len;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_set_finds_the_next_member() {
        let mut set = SlotSet::new(200);
        assert_eq!(set.next_from(0), None);
        for member in [0, 63, 64, 199] {
            set.set(member, true);
        }
        let found: Vec<_> = (0..=200).map(|at| set.next_from(at)).collect();
        for (at, found) in found.into_iter().enumerate() {
            let expected = [0, 63, 64, 199].into_iter().find(|&member| member >= at);
            assert_eq!(found, expected, "from {at}");
        }
        set.set(64, false);
        assert_eq!(set.next_from(64), Some(199));
    }
}
