//! A leaf: up to [`MAX`] members in their order, with their scores, in one run of bytes.
//!
//! Members of any length: one that is longer than [`MAX_BYTES`] is alone in its leaf.

use std::ops::Range;

/// Most members of a leaf.
pub(super) const MAX: usize = 64;

/// Most bytes of a leaf's members together, if there is more than one: changing a leaf moves them.
pub(super) const MAX_BYTES: usize = 8192;

/// Room that a leaf's bytes get beyond what is needed, and keep after removals.
const SLACK: usize = 64;

/// Members with their scores, in order.
#[derive(Clone)]
pub(super) struct Leaf {
    len: usize,
    /// The lowest byte of each member's hash.
    tags: [u8; MAX],
    /// Where each member ends in the bytes.
    ends: [u32; MAX],
    scores: [f64; MAX],
    bytes: Vec<u8>,
}

impl Leaf {
    pub(super) const fn new() -> Self {
        Self { len: 0, tags: [0; MAX], ends: [0; MAX], scores: [0.0; MAX], bytes: Vec::new() }
    }

    /// Number of members.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Bytes on the heap, its own box included.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.bytes.capacity()
    }

    /// Bytes of all members.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether a member of this length can come in.
    pub(super) fn has_room(&self, member_len: usize) -> bool {
        self.len == 0 || (self.len < MAX && self.bytes.len() + member_len <= MAX_BYTES)
    }

    fn start(&self, at: usize) -> usize {
        match at.checked_sub(1) {
            Some(before) => self.ends[before] as usize,
            None => 0,
        }
    }

    /// The member at `at`, which must be there.
    #[inline]
    pub(super) fn member(&self, at: usize) -> &[u8] {
        &self.bytes[self.start(at)..self.ends[at] as usize]
    }

    /// The score of the member at `at`.
    #[inline]
    pub(super) const fn score(&self, at: usize) -> f64 {
        self.scores[at]
    }

    /// Gives the member at `at` another score that leaves it there.
    pub(super) fn set_score(&mut self, at: usize, score: f64) {
        self.scores[at] = score;
    }

    /// Where members with this tag are.
    #[inline]
    pub(super) fn tagged(&self, tag: u8) -> impl Iterator<Item = usize> {
        let mut matches = 0_u64;
        for (at, other) in self.tags.iter().enumerate() {
            matches |= u64::from(*other == tag) << at;
        }
        matches &= u64::MAX.checked_shr((MAX - self.len) as u32).unwrap_or(0);
        std::iter::from_fn(move || {
            let at = (matches != 0).then(|| matches.trailing_zeros() as usize)?;
            matches &= matches - 1;
            Some(at)
        })
    }

    /// Where a member is, if it is here.
    #[inline]
    pub(super) fn find(&self, tag: u8, member: &[u8]) -> Option<usize> {
        self.tagged(tag).find(|&at| self.member(at) == member)
    }

    /// Number of members with lower scores.
    #[inline]
    pub(super) fn below(&self, score: f64) -> usize {
        self.scores[..self.len].partition_point(|other| *other < score)
    }

    /// Number of members before this place in the order: where it is or would be.
    #[inline]
    pub(super) fn position(&self, score: f64, member: &[u8]) -> usize {
        let (mut low, mut high) = (self.below(score), self.len);
        high = low + self.scores[low..high].partition_point(|other| *other <= score);
        while low < high {
            let middle = (low + high) / 2;
            if self.member(middle) < member {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Puts a member in at `at`. There must be room.
    pub(super) fn insert(&mut self, at: usize, score: f64, member: &[u8], tag: u8) {
        let (len, start, end) = (self.len, self.start(at), self.bytes.len());
        if self.bytes.capacity() - end < member.len() {
            self.bytes.reserve_exact(member.len() + SLACK);
        }
        self.bytes.extend_from_slice(member);
        if start < end {
            self.bytes.copy_within(start..end, start + member.len());
            self.bytes[start..start + member.len()].copy_from_slice(member);
        }
        self.tags.copy_within(at..len, at + 1);
        self.scores.copy_within(at..len, at + 1);
        self.ends.copy_within(at..len, at + 1);
        self.tags[at] = tag;
        self.scores[at] = score;
        self.ends[at] = start as u32;
        self.len += 1;
        let longer = member.len() as u32;
        self.ends[at..=len].iter_mut().for_each(|end| *end += longer);
    }

    /// Takes members out.
    pub(super) fn remove(&mut self, gone: Range<usize>) {
        let (len, bytes) = (self.len, self.start(gone.start)..self.start(gone.end));
        self.tags.copy_within(gone.end..len, gone.start);
        self.scores.copy_within(gone.end..len, gone.start);
        self.ends.copy_within(gone.end..len, gone.start);
        self.len -= gone.len();
        let shorter = bytes.len() as u32;
        self.ends[gone.start..self.len].iter_mut().for_each(|end| *end -= shorter);
        self.bytes.drain(bytes);
        if self.bytes.capacity() > 2 * self.bytes.len() + 4 * SLACK {
            self.bytes.shrink_to(self.bytes.len() + SLACK);
        }
    }

    /// Adds members of another leaf at the end. There must be room.
    pub(super) fn append(&mut self, other: &Self, range: Range<usize>) {
        let bytes = other.start(range.start)..other.start(range.end);
        let (len, more) = (self.len, range.len());
        let (from, to) = (bytes.start as u32, self.bytes.len() as u32);
        self.bytes.reserve_exact(bytes.len());
        self.bytes.extend_from_slice(&other.bytes[bytes]);
        self.tags[len..len + more].copy_from_slice(&other.tags[range.clone()]);
        self.scores[len..len + more].copy_from_slice(&other.scores[range.clone()]);
        self.ends[len..len + more].copy_from_slice(&other.ends[range]);
        self.ends[len..len + more].iter_mut().for_each(|end| *end = *end - from + to);
        self.len += more;
    }

    /// Takes everything from `at` on out into another leaf.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let mut right = Self::new();
        right.append(self, at..self.len);
        self.remove(at..self.len);
        self.bytes.shrink_to(self.bytes.len() + SLACK);
        right
    }
}
