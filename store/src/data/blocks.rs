//! A sequence in blocks: what large collections keep their nodes in. It grows and shrinks at both ends
//! by a block, so it is never copied as a whole, leaves nothing behind when it grows, and has little
//! room that is unused.

use std::collections::VecDeque;

/// Items of a block.
const BLOCK: usize = 64;

/// Room that is left when most of a single block's items have gone.
const FEW: usize = 8;

type Block<T> = VecDeque<T>;

/// Items in order.
#[derive(Debug)]
pub struct Blocks<T> {
    /// None is empty; where there are several, each has room for [`BLOCK`] items.
    blocks: VecDeque<Block<T>>,
    len: usize,
    /// All blocks but the first and the last are full.
    even: bool,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { blocks: VecDeque::new(), len: 0, even: true }
    }
}

impl<T: Clone> Clone for Blocks<T> {
    fn clone(&self) -> Self {
        self.iter().cloned().collect()
    }
}

impl<T> FromIterator<T> for Blocks<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut blocks = Self::default();
        items.into_iter().for_each(|item| blocks.push_back(item));
        blocks
    }
}

impl<T> Blocks<T> {
    /// Number of items.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes on the heap, without those of the items' own. Takes constant time.
    pub fn memory(&self) -> usize {
        let blocks = self.blocks.capacity() * size_of::<Block<T>>();
        let first = self.blocks.front().map_or(0, Block::capacity);
        let others = self.blocks.len().saturating_sub(1) * BLOCK;
        blocks + (first + others) * size_of::<T>()
    }

    /// The last item, to change.
    #[inline]
    pub fn back_mut(&mut self) -> Option<&mut T> {
        self.blocks.back_mut()?.back_mut()
    }

    /// The item with this number. Takes constant time unless items were put in or taken out between
    /// others, and then time linear in the number of blocks.
    #[inline]
    pub fn get(&self, number: usize) -> Option<&T> {
        let (block, offset) = self.locate(number);
        self.blocks.get(block)?.get(offset)
    }

    /// The item with this number, to change.
    #[inline]
    pub fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        let (block, offset) = self.locate(number);
        self.blocks.get_mut(block)?.get_mut(offset)
    }

    /// The block of an item, and where in it; of the number behind the last, the end of the last block.
    #[inline]
    fn locate(&self, number: usize) -> (usize, usize) {
        let first = self.blocks.front().map_or(0, Block::len);
        if number < first || self.blocks.len() == 1 {
            return (0, number);
        }
        if self.even {
            let block = (1 + (number - first) / BLOCK).min(self.blocks.len().saturating_sub(1));
            return (block, number - first - block.saturating_sub(1) * BLOCK);
        }
        self.walk(number)
    }

    #[cold]
    fn walk(&self, number: usize) -> (usize, usize) {
        let mut left = number;
        for (at, block) in self.blocks.iter().enumerate() {
            if left < block.len() || at + 1 == self.blocks.len() {
                return (at, left);
            }
            left -= block.len();
        }
        (0, left)
    }

    /// Adds an item at the end. Takes constant time.
    pub fn push_back(&mut self, item: T) {
        match self.blocks.back_mut() {
            Some(last) if last.len() < BLOCK => last.push_back(item),
            _ => self.blocks.push_back(self.block_of(item)),
        }
        self.len += 1;
    }

    /// Adds an item at the front. Takes constant time.
    pub fn push_front(&mut self, item: T) {
        match self.blocks.front_mut() {
            Some(first) if first.len() < BLOCK => first.push_front(item),
            _ => self.blocks.push_front(self.block_of(item)),
        }
        self.len += 1;
    }

    /// A new block. The only one grows by itself.
    fn block_of(&self, item: T) -> Block<T> {
        let mut block = Block::with_capacity(if self.blocks.is_empty() { 1 } else { BLOCK });
        block.push_back(item);
        block
    }

    /// Adds an item that has this number then, at most that behind the last.
    pub fn insert(&mut self, number: usize, item: T) {
        match number {
            0 => return self.push_front(item),
            number if number >= self.len => return self.push_back(item),
            _ => {}
        }
        let (mut at, mut offset) = self.locate(number);
        let Some(block) = self.blocks.get_mut(at) else { return };
        if block.len() >= BLOCK {
            let mut behind = Block::with_capacity(BLOCK);
            behind.extend(block.drain(BLOCK / 2..));
            self.blocks.insert(at + 1, behind);
            if offset > BLOCK / 2 {
                (at, offset) = (at + 1, offset - BLOCK / 2);
            }
        }
        if let Some(block) = self.blocks.get_mut(at) {
            block.insert(offset, item);
            self.len += 1;
        }
        self.changed_within(at);
    }

    /// Takes the item with this number out.
    pub fn remove(&mut self, number: usize) -> Option<T> {
        let (at, offset) = self.locate(number);
        let is_only = self.blocks.len() == 1;
        let block = self.blocks.get_mut(at)?;
        let item = block.remove(offset)?;
        self.len -= 1;
        if block.is_empty() {
            self.blocks.remove(at);
        } else if is_only && block.len() < FEW / 2 && block.capacity() > 2 * FEW {
            block.shrink_to(FEW);
        }
        self.changed_within(at);
        Some(item)
    }

    /// Items came into this block or went out of it.
    fn changed_within(&mut self, at: usize) {
        let last = self.blocks.len().saturating_sub(1);
        self.even = last <= 1 || (self.even && (at == 0 || at >= last) && self.inner_are_full());
    }

    /// Whether the blocks beside the first and the last are full: others were not touched.
    fn inner_are_full(&self) -> bool {
        let is_full = |at: usize| self.blocks.get(at).is_none_or(|block| block.len() == BLOCK);
        is_full(1) && is_full(self.blocks.len() - 2)
    }

    /// All items.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.blocks.iter().flatten()
    }

    /// All items, to change.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut T> {
        self.blocks.iter_mut().flatten()
    }

    /// How many items there are before the first for which `is_before` does not hold, if it holds for
    /// none behind that one. Takes logarithmic time, and linear time where [`Blocks::get`] does.
    pub fn partition_point(&self, mut is_before: impl FnMut(&T) -> bool) -> usize {
        let blocks = self.blocks.partition_point(|block| block.front().is_some_and(&mut is_before));
        let Some(at) = blocks.checked_sub(1) else { return 0 };
        let within = self.blocks.get(at).map_or(0, |block| block.partition_point(is_before));
        let before: usize = match (self.even, self.blocks.front()) {
            (_, Some(_)) if at == 0 => 0,
            (true, Some(first)) => first.len() + (at - 1) * BLOCK,
            _ => self.blocks.iter().take(at).map(Block::len).sum(),
        };
        before + within
    }
}

impl<T> IntoIterator for Blocks<T> {
    type Item = T;
    type IntoIter = std::iter::Flatten<std::collections::vec_deque::IntoIter<Block<T>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.blocks.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Back(usize),
        Front(usize),
        Insert(prop::sample::Index),
        Remove(prop::sample::Index),
        PopFront(usize),
        PopBack(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1..200usize).prop_map(Step::Back),
            (1..200usize).prop_map(Step::Front),
            any::<prop::sample::Index>().prop_map(Step::Insert),
            any::<prop::sample::Index>().prop_map(Step::Remove),
            (1..150usize).prop_map(Step::PopFront),
            (1..150usize).prop_map(Step::PopBack),
        ]
    }

    fn check(blocks: &Blocks<usize>, model: &VecDeque<usize>) {
        assert!(blocks.iter().eq(model) && blocks.iter().rev().eq(model.iter().rev()));
        assert_eq!((blocks.len(), blocks.get(0)), (model.len(), model.front()));
        for number in 0..=model.len() {
            assert_eq!(blocks.get(number), model.get(number), "{number}");
            assert_eq!(blocks.partition_point(|item| position(model, *item) < number), number);
        }
        let room: usize = blocks.blocks.iter().map(Block::capacity).sum();
        let outside = blocks.blocks.capacity() * size_of::<Block<usize>>();
        assert_eq!(blocks.memory(), outside + room * size_of::<usize>());
        assert!(blocks.blocks.iter().all(|block| !block.is_empty() && block.len() <= BLOCK));
    }

    /// Items are numbered, so each is there once.
    fn position(model: &VecDeque<usize>, item: usize) -> usize {
        model.iter().position(|other| *other == item).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn it_is_a_sequence(steps in prop::collection::vec(step(), 1..30)) {
            let (mut blocks, mut model, mut next) = (Blocks::default(), VecDeque::new(), 0..);
            for step in steps {
                match step {
                    Step::Back(count) => next.by_ref().take(count).for_each(|item| {
                        blocks.push_back(item);
                        model.push_back(item);
                    }),
                    Step::Front(count) => next.by_ref().take(count).for_each(|item| {
                        blocks.push_front(item);
                        model.push_front(item);
                    }),
                    Step::Insert(at) => {
                        let (at, item) = (at.index(model.len() + 1), next.next().unwrap());
                        blocks.insert(at, item);
                        model.insert(at, item);
                    }
                    Step::Remove(at) if model.is_empty() => _ = at,
                    Step::Remove(at) => {
                        let at = at.index(model.len());
                        prop_assert_eq!(blocks.remove(at), model.remove(at));
                    }
                    Step::PopFront(count) => (0..count).for_each(|_| {
                        assert_eq!(blocks.remove(0), model.pop_front());
                    }),
                    Step::PopBack(count) => (0..count).for_each(|_| {
                        let last = model.len().saturating_sub(1);
                        assert_eq!(blocks.remove(last), model.pop_back());
                    }),
                }
                check(&blocks, &model);
            }
            check(&blocks.clone(), &model);
        }
    }

    #[test]
    fn a_queue_needs_no_walk_and_a_single_block_little_room() {
        let mut queue: Blocks<usize> = (0..1000).collect();
        for item in 1000..5000 {
            queue.push_back(item);
            assert_eq!(queue.remove(0), Some(item - 1000));
            assert!(queue.even);
        }
        while queue.len() > 1 {
            queue.remove(queue.len() - 1);
        }
        assert!(queue.blocks[0].capacity() <= 2 * FEW, "{}", queue.blocks[0].capacity());
        assert!(std::mem::take(&mut queue).into_iter().eq([4000]));
        assert_eq!(queue.len(), 0);
    }
}
