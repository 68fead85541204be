//! A large sorted set: an order of members with their scores, and an index from a member's hash to
//! the leaf of the order that has it. So each member is stored once.

use std::ops::Range;

use super::index::{Index, Slot};
use super::leaf::Leaf;
use super::node::Goal;
use super::tree::Tree;
use crate::hash::KeyHasher;

/// Members with scores, in order.
pub struct Large {
    hasher: KeyHasher,
    tree: Tree,
    index: Index,
    len: usize,
}

/// Where a member's leaf is looked up: 32 bits of its hash.
fn hash_of(hasher: KeyHasher, member: &[u8]) -> u32 {
    (hasher.hash_bytes(member) >> 32) as u32
}

const fn tag_of(hash: u32) -> u8 {
    hash as u8
}

/// Tells the index that members are in another leaf now.
fn relocate(index: &mut Index, hasher: KeyHasher) -> impl FnMut(&Leaf, Range<usize>, u32, u32) {
    move |leaf, range, from, to| {
        for at in range {
            index.relocate(Slot { hash: hash_of(hasher, leaf.member(at)), leaf: from }, to);
        }
    }
}

impl Large {
    /// An empty one whose members are hashed by `hasher`.
    pub fn new(hasher: KeyHasher) -> Self {
        Self { hasher, tree: Tree::new(), index: Index::with_room_for(0), len: 0 }
    }

    /// One of so many members, which come in their order and are there once. Takes linear time.
    pub fn build<'m>(
        hasher: KeyHasher,
        len: usize,
        sorted: impl Iterator<Item = (f64, &'m [u8])>,
    ) -> Self {
        let mut index = Index::with_room_for(len);
        // The hashes of the leaf that is being filled.
        let hashes = std::cell::RefCell::new(Vec::new());
        let sorted = sorted.map(|(score, member)| {
            let hash = hash_of(hasher, member);
            hashes.borrow_mut().push(hash);
            (score, member, tag_of(hash))
        });
        let tree = Tree::build(sorted, &mut |_, range, _, leaf| {
            let filled = hashes.borrow_mut().drain(range).collect::<Vec<_>>();
            filled.into_iter().for_each(|hash| index.insert(Slot { hash, leaf }));
        });
        Self { hasher, tree, index, len }
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes on the heap. Takes constant time.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.tree.memory() + self.index.memory()
    }

    #[inline]
    fn find(&self, hash: u32, member: &[u8]) -> Option<(u32, usize)> {
        self.index.find(hash).find_map(|number| {
            let at = self.tree.leaves.get(number)?.find(tag_of(hash), member)?;
            Some((number, at))
        })
    }

    /// The score of a member. Takes constant time.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        let (number, at) = self.find(hash_of(self.hasher, member), member)?;
        self.tree.leaves.get(number).map(|leaf| leaf.score(at))
    }

    /// Number of members before this place. Takes logarithmic time.
    pub fn rank(&self, score: f64, member: &[u8]) -> usize {
        self.tree.seek(Goal::Place(score, member)).map_or(0, |(_, _, rank)| rank)
    }

    /// Number of members with lower scores; with `or_equal`, of those with this score too. Takes
    /// logarithmic time.
    pub fn count_below(&self, score: f64, or_equal: bool) -> usize {
        let goal = if !or_equal {
            score
        } else if score == f64::INFINITY {
            return self.len;
        } else {
            // Of equal scores, one zero may be negative, and the next number is above both.
            if score == 0.0 { 0.0_f64.next_up() } else { score.next_up() }
        };
        self.tree.seek(Goal::Score(goal)).map_or(0, |(_, _, rank)| rank)
    }

    /// Visits members from the one at `rank` on, upwards or downwards, until `visit` says that it is
    /// enough. Finding the first takes logarithmic time.
    pub fn visit(&self, rank: usize, down: bool, visit: &mut dyn FnMut(&[u8], f64) -> bool) {
        let mut next = (rank < self.len).then_some(rank);
        while let Some(rank) = next {
            let Some((leaf, at, _)) = self.tree.seek(Goal::Rank(rank)) else { return };
            let enough = |at: usize, visit: &mut dyn FnMut(&[u8], f64) -> bool| {
                !visit(leaf.member(at), leaf.score(at))
            };
            if down {
                if (0..=at.min(leaf.len() - 1)).rev().any(|at| enough(at, visit)) {
                    return;
                }
                next = rank.checked_sub(at + 1);
            } else {
                if (at..leaf.len()).any(|at| enough(at, visit)) {
                    return;
                }
                let behind = rank + leaf.len() - at;
                next = (behind < self.len).then_some(behind);
            }
        }
    }

    /// The members from the one at `rank` on, with their scores. Each leaf takes logarithmic time.
    fn from(&self, rank: usize) -> impl Iterator<Item = (f64, &[u8])> {
        let leaves = (0..).scan(rank, |rank, _| {
            let (leaf, at, _) = self.tree.seek(Goal::Rank(*rank)).filter(|_| *rank < self.len)?;
            *rank += leaf.len() - at;
            Some((at..leaf.len()).map(|at| (leaf.score(at), leaf.member(at))))
        });
        leaves.flatten()
    }

    /// One without the members with these ranks. Takes linear time in the number of those that stay.
    pub fn without(&self, ranks: Range<usize>) -> Self {
        let stay = self.from(0).take(ranks.start).chain(self.from(ranks.end));
        Self::build(self.hasher, self.len.saturating_sub(ranks.len()), stay)
    }

    /// Visits members from `cursor` on, at least `count` of them if there are so many. Returns where
    /// to go on; 0 at the end, as at the beginning. A member that is there from the first step to the
    /// last is visited, whatever else comes and goes.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], f64)) -> u64 {
        let mut next = u32::try_from(cursor).ok();
        let mut visited = 0;
        while let Some(from) = next {
            let (slots, end) = self.index.page_from(from);
            let mut last = None;
            for Slot { hash, leaf } in slots {
                if visited >= count && last != Some(hash) {
                    return hash.into();
                }
                last = Some(hash);
                let Some(leaf) = self.tree.leaves.get(leaf) else { continue };
                for at in leaf.tagged(tag_of(hash)) {
                    if hash_of(self.hasher, leaf.member(at)) == hash {
                        visit(leaf.member(at), leaf.score(at));
                        visited += 1;
                    }
                }
            }
            next = end;
            if let (Some(end), true) = (end, visited >= count) {
                return end.into();
            }
        }
        0
    }

    /// Gives a member this score, which is a number. Returns whether it is new; nothing if it has
    /// that score. Takes logarithmic time.
    pub fn put(&mut self, member: &[u8], score: f64) -> Option<bool> {
        let hash = hash_of(self.hasher, member);
        let Some((number, at)) = self.find(hash, member) else {
            self.insert(hash, member, score);
            return Some(true);
        };
        let leaf = self.tree.leaves.get(number)?;
        let old = leaf.score(at);
        if old == score {
            return None;
        }
        // Strictly between its neighbours it stays where it is.
        let above = at > 0 && leaf.score(at - 1) < score;
        let below = at + 1 < leaf.len() && leaf.score(at + 1) > score;
        if above && below {
            self.tree.leaves.change(number, |leaf| leaf.set_score(at, score));
        } else {
            self.take_out(Goal::Place(old, member), 1);
            self.insert(hash, member, score);
        }
        Some(false)
    }

    fn insert(&mut self, hash: u32, member: &[u8], score: f64) {
        let mut moved = relocate(&mut self.index, self.hasher);
        let leaf = self.tree.insert(score, member, tag_of(hash), &mut moved);
        drop(moved);
        self.index.insert(Slot { hash, leaf });
        self.len += 1;
    }

    /// Takes a member out. Returns whether it was there. Takes logarithmic time.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let score = self.score(member);
        score.is_some_and(|score| self.take_out(Goal::Place(score, member), 1) == 1)
    }

    /// Takes out the members with these ranks. Takes logarithmic time, and linear time in their
    /// number. Returns how many there were.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) -> usize {
        let most = ranks.end.min(self.len).saturating_sub(ranks.start);
        let mut left = most;
        while left > 0 {
            match self.take_out(Goal::Rank(ranks.start), left) {
                0 => break,
                count => left -= count,
            }
        }
        most - left
    }

    fn take_out(&mut self, goal: Goal<'_>, most: usize) -> usize {
        let hasher = self.hasher;
        let index = std::cell::RefCell::new(&mut self.index);
        let count = self.tree.remove(
            goal,
            most,
            &mut |leaf, gone, number| {
                for at in gone {
                    let hash = hash_of(hasher, leaf.member(at));
                    index.borrow_mut().remove(Slot { hash, leaf: number });
                }
            },
            &mut |leaf, range, from, to| {
                relocate(&mut index.borrow_mut(), hasher)(leaf, range, from, to);
            },
        );
        self.len -= count;
        count
    }
}

impl Clone for Large {
    fn clone(&self) -> Self {
        Self::build(self.hasher, self.len, self.from(0))
    }
}

impl std::fmt::Debug for Large {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Large({})", self.len)
    }
}

#[cfg(test)]
impl Large {
    /// What [`Large::memory`] keeps count of, counted anew.
    pub(super) fn counted_memory(&self) -> usize {
        size_of::<Self>() + self.tree.counted_memory() + self.index.memory()
    }
}
