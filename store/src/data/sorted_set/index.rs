//! From a member's hash to the leaf that has it: linear hashing (W. Litwin, 1980) in pages of a few
//! places, so that growing and shrinking touch one page at a time.
//!
//! A page is chosen by the top bits of a hash, so each has a range of hashes, whatever the number of
//! pages: a scan goes over hashes in ascending order and its cursor survives every change.

/// Places of a page on average.
const PAGE: usize = 20;

/// Bits of a hash.
const HASH_BITS: u32 = u32::BITS;

/// A member's place: its hash, and the number of its leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub(super) hash: u32,
    pub(super) leaf: u32,
}

/// The places of all members.
pub(super) struct Index {
    /// Page `n` has the hashes whose top bits, reversed, are `n`. There is always one.
    pages: Vec<Vec<Slot>>,
    len: usize,
    /// Places for which pages have reserved memory.
    reserved: usize,
}

impl Index {
    /// An empty one with pages for so many places.
    pub(super) fn with_room_for(len: usize) -> Self {
        let mut pages = Vec::new();
        pages.resize_with(len.div_ceil(PAGE).max(1), Vec::new);
        Self { pages, len: 0, reserved: 0 }
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        self.pages.capacity() * size_of::<Vec<Slot>>() + self.reserved * size_of::<Slot>()
    }

    /// Bits that number as many pages as there are, or more.
    fn bits(&self) -> u32 {
        usize::BITS - (self.pages.len() - 1).leading_zeros()
    }

    #[inline]
    fn page_of(&self, hash: u32) -> usize {
        let mask = (1_usize << self.bits()) - 1;
        let number = hash.reverse_bits() as usize & mask;
        if number < self.pages.len() { number } else { number & (mask >> 1) }
    }

    /// The leaves that may have a member with this hash.
    #[inline]
    pub(super) fn find(&self, hash: u32) -> impl Iterator<Item = u32> {
        let page = &self.pages[self.page_of(hash)];
        page.iter().filter(move |slot| slot.hash == hash).map(|slot| slot.leaf)
    }

    /// Adds a place.
    pub(super) fn insert(&mut self, slot: Slot) {
        self.len += 1;
        if self.len > self.pages.len() * PAGE {
            self.split();
        }
        let page = self.page_of(slot.hash);
        self.push(page, slot);
    }

    fn push(&mut self, page: usize, slot: Slot) {
        let page = &mut self.pages[page];
        if page.len() == page.capacity() {
            let before = page.capacity();
            page.reserve_exact(4);
            self.reserved += page.capacity() - before;
        }
        page.push(slot);
    }

    /// Takes a place out.
    pub(super) fn remove(&mut self, slot: Slot) {
        let number = self.page_of(slot.hash);
        let page = &mut self.pages[number];
        let Some(at) = page.iter().position(|other| *other == slot) else { return };
        page.swap_remove(at);
        self.len -= 1;
        self.shrink(number);
        if self.pages.len() > 1 && self.len < self.pages.len() * PAGE / 2 {
            self.merge();
        }
    }

    /// Tells that a member has moved to another leaf.
    pub(super) fn relocate(&mut self, slot: Slot, leaf: u32) {
        let number = self.page_of(slot.hash);
        if let Some(place) = self.pages[number].iter_mut().find(|other| **other == slot) {
            place.leaf = leaf;
        }
    }

    fn shrink(&mut self, number: usize) {
        let page = &mut self.pages[number];
        let before = page.capacity();
        if before > page.len() + 8 {
            page.shrink_to(page.len() + 2);
            self.reserved -= before - page.capacity();
        }
    }

    /// The page that the last one, of so many, was split from.
    fn buddy(pages: usize) -> usize {
        match pages - 1 {
            0 => 0,
            last => last & !(1 << last.ilog2()),
        }
    }

    /// Adds a page, and moves to it what belongs there.
    fn split(&mut self) {
        self.pages.push(Vec::new());
        let (last, buddy) = (self.pages.len() - 1, Self::buddy(self.pages.len()));
        let both = std::mem::take(&mut self.pages[buddy]);
        self.reserved -= both.capacity();
        for slot in both {
            let page = self.page_of(slot.hash);
            debug_assert!(page == last || page == buddy);
            self.push(page, slot);
        }
    }

    /// Takes the last page out.
    fn merge(&mut self) {
        let buddy = Self::buddy(self.pages.len());
        let Some(last) = self.pages.pop() else { return };
        self.reserved -= last.capacity();
        last.into_iter().for_each(|slot| self.push(buddy, slot));
        if self.pages.capacity() > 4 * self.pages.len() {
            self.pages.shrink_to(2 * self.pages.len());
        }
    }

    /// The places whose hashes are the lowest from `from` on, in their order, and the first hash
    /// that is behind their page; none at the end.
    pub(super) fn page_from(&self, from: u32) -> (Vec<Slot>, Option<u32>) {
        let number = self.page_of(from);
        let mut slots: Vec<Slot> =
            self.pages[number].iter().filter(|slot| slot.hash >= from).copied().collect();
        slots.sort_unstable();
        slots.dedup();
        // Pages that have no buddy yet are told apart by a bit less.
        let bits = self.bits();
        let half = 1_usize << bits.saturating_sub(1);
        let has_buddy = number >= half || number + half < self.pages.len();
        let bits = if has_buddy { bits } else { bits.saturating_sub(1) };
        let width = 1_u64 << (HASH_BITS - bits);
        let end = (u64::from(from) / width + 1) * width;
        (slots, u32::try_from(end).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn an_index_is_a_multiset_and_its_pages_are_in_the_order_of_hashes() {
        let mut index = Index::with_room_for(0);
        let mut model: Vec<Slot> = Vec::new();
        let mut rng = Rng::new(3);
        for step in 0..40_000_u32 {
            let grows = (step / 10_000).is_multiple_of(2);
            if grows || model.is_empty() {
                let slot = Slot { hash: (rng.next_u64() >> 32) as u32, leaf: step % 50 };
                index.insert(slot);
                model.push(slot);
            } else {
                let slot = model.swap_remove(rng.below(model.len() as u64) as usize);
                if step.is_multiple_of(3) {
                    index.relocate(slot, 77);
                    index.remove(Slot { leaf: 77, ..slot });
                } else {
                    index.remove(slot);
                }
            }
            assert_eq!(index.len, model.len());
        }
        model.extend((0..3).map(|leaf| Slot { hash: u32::MAX, leaf }));
        model[model.len() - 3..].iter().for_each(|slot| index.insert(*slot));
        assert_eq!(index.reserved, index.pages.iter().map(Vec::capacity).sum::<usize>());
        assert!(index.memory() < 1 << 16, "memory follows removals");
        for slot in &model {
            assert!(index.find(slot.hash).any(|leaf| leaf == slot.leaf));
        }
        let (mut seen, mut at) = (Vec::new(), Some(0));
        while let Some(from) = at {
            let (slots, next) = index.page_from(from);
            seen.extend(slots);
            at = next;
        }
        model.sort_unstable();
        assert_eq!(seen, model);
    }
}
