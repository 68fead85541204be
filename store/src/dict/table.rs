//! A small open-addressing table: the keys of one slot, or of one hash prefix within a slot.
//!
//! A key's fingerprint (tag) is the 16 bits of its hash that follow the table's prefix. Its home
//! bucket is `tag * buckets / 2^16`, so buckets are in the order of hashes whatever their number.
//! When the home is full, the key goes to the next bucket that is not, around the end if need be.
//!
//! Invariant: from a key's home up to before the bucket that has it, all buckets are full. So a
//! search may end at the first bucket that is not. A removal keeps this by moving keys back; it
//! finds homes by the tags alone, and so does growing. Nothing here reads an entry but to compare
//! keys and to split.

use super::buckets::{BUCKET_WORDS, Bucket, Buckets};
use super::entry::{EntryRef, Word};
use super::prefetch::prefetch;
use super::size;
use crate::hash::KeyHasher;

/// Bits of a tag.
pub(super) const TAG_BITS: u32 = 16;

/// An owned table with its entries.
pub(super) struct Table {
    buckets: Buckets,
}

impl Table {
    /// A table without keys and without memory.
    pub(super) const EMPTY: Self = Self { buckets: Buckets::EMPTY };

    /// An empty table with room for `len` keys.
    pub(super) fn with_room_for(len: usize) -> Self {
        Self { buckets: Buckets::new(buckets_for(len)) }
    }

    /// Number of keys.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.buckets.used as usize
    }

    /// Bytes of memory, without the entries.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        size_of_val(self.buckets.as_slice())
    }

    /// Number of words, taken or not: one more than the largest index of a word.
    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.buckets.count() * BUCKET_WORDS
    }

    #[inline(always)]
    fn home(&self, tag: u16) -> usize {
        (usize::from(tag) * self.buckets.count()) >> TAG_BITS
    }

    /// The smallest tag whose home is `bucket` or behind it; 2^16 if there is none.
    #[inline]
    fn first_tag(&self, bucket: usize) -> u32 {
        (bucket << TAG_BITS).div_ceil(self.buckets.count()) as u32
    }

    #[inline(always)]
    fn next(&self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets.count() { 0 } else { bucket + 1 }
    }

    /// The buckets that can have a key whose home is `home`, in order.
    #[inline(always)]
    fn run(&self, home: usize) -> impl Iterator<Item = (usize, &Bucket)> {
        let mut next = (self.buckets.count() > 0).then_some(home);
        std::iter::from_fn(move || {
            let at = next?;
            let bucket = &self.buckets.as_slice()[at];
            let after = self.next(at);
            next = (bucket.is_full() && after != home).then_some(after);
            Some((at, bucket))
        })
    }

    /// Fetches the home bucket of a tag into the cache.
    #[inline]
    pub(super) fn prefetch_bucket(&self, tag: u16) {
        prefetch(self.buckets.as_slice().as_ptr().wrapping_add(self.home(tag)));
    }

    /// Fetches into the cache an entry with this tag in its home bucket.
    #[inline]
    pub(super) fn prefetch_entry(&self, tag: u16) {
        let Some(bucket) = self.buckets.as_slice().get(self.home(tag)) else { return };
        let first = bucket.matches(tag).next();
        if let Some(Some(word)) = first.and_then(|at| bucket.words().get(at)) {
            word.prefetch();
        }
    }

    /// Index of the word of a key, and its entry.
    #[inline]
    pub(super) fn find(&self, tag: u16, key: &[u8]) -> Option<(u32, EntryRef<'_>)> {
        self.find_where(tag, |entry| entry.key() == key)
    }

    /// The first word with this tag whose entry fulfills a condition: its index, and the entry.
    #[inline]
    pub(super) fn find_where(
        &self,
        tag: u16,
        mut fulfills: impl FnMut(EntryRef<'_>) -> bool,
    ) -> Option<(u32, EntryRef<'_>)> {
        let home = self.home(tag);
        let mut bucket_at = home;
        loop {
            // There is none at all in an empty table.
            let bucket = self.buckets.as_slice().get(bucket_at)?;
            for at in bucket.matches(tag) {
                if let Some(Some(word)) = bucket.words().get(at)
                    && fulfills(word.entry())
                {
                    return Some(((bucket_at * BUCKET_WORDS + at) as u32, word.entry()));
                }
            }
            bucket_at = self.next(bucket_at);
            if !bucket.is_full() || bucket_at == home {
                return None;
            }
        }
    }

    /// The word with this index.
    #[inline]
    pub(super) fn word(&self, index: u32) -> Option<&Word> {
        let index = index as usize;
        let bucket = self.buckets.as_slice().get(index / BUCKET_WORDS)?;
        bucket.words()[index % BUCKET_WORDS].as_ref()
    }

    /// The word with this index, to be changed. Its tag must stay.
    #[inline]
    pub(super) fn word_mut(&mut self, index: u32) -> Option<&mut Word> {
        let index = index as usize;
        let bucket = self.buckets.as_mut_slice().get_mut(index / BUCKET_WORDS)?;
        bucket.words_mut().nth(index % BUCKET_WORDS)
    }

    /// All entries.
    pub(super) fn entries(&self) -> impl Iterator<Item = EntryRef<'_>> {
        let words = self.buckets.as_slice().iter().flat_map(|bucket| bucket.words());
        words.flatten().map(Word::entry)
    }

    /// Adds a key that is not there, growing if need be. Returns the index of its word.
    #[inline]
    pub(super) fn insert(&mut self, word: Word) -> u32 {
        if self.len() >= most_keys(self.buckets.count()) {
            self.resize(buckets_for(self.len() + 1));
        }
        self.place(word)
    }

    /// Puts a word into the first bucket from its home on that has room. There must be room.
    #[inline]
    fn place(&mut self, mut word: Word) -> u32 {
        let mut bucket = self.home(word.tag());
        loop {
            match self.buckets.as_mut_slice()[bucket].push(word) {
                Ok(at) => {
                    self.buckets.used += 1;
                    return (bucket * BUCKET_WORDS + at) as u32;
                }
                Err(back) => word = back,
            }
            bucket = self.next(bucket);
        }
    }

    /// Takes out the word with this index, shrinking if few are left.
    #[inline]
    pub(super) fn remove(&mut self, index: u32) -> Option<Word> {
        let at = index as usize / BUCKET_WORDS;
        let bucket = self.buckets.as_mut_slice().get_mut(at)?;
        let was_full = bucket.is_full();
        let word = bucket.take(index as usize % BUCKET_WORDS)?;
        self.buckets.used -= 1;
        if was_full && self.buckets.count() > 1 {
            self.close_gap(at);
        }
        self.shrink_if_sparse();
        Some(word)
    }

    /// Restores the invariant after a word of a bucket that was full has been taken out.
    fn close_gap(&mut self, mut gap: usize) {
        let count = self.buckets.count();
        let distance =
            |from: usize, to: usize| if to >= from { to - from } else { to + count - from };
        let mut at = gap;
        loop {
            at = self.next(at);
            let bucket = &self.buckets.as_slice()[at];
            let was_full = bucket.is_full();
            let to_gap = distance(gap, at);
            let may_move = |word: &Option<Word>| {
                let home = word.as_ref().map(|word| self.home(word.tag()));
                home.is_some_and(|home| distance(home, at) >= to_gap)
            };
            if let Some(mover) = bucket.words().iter().position(may_move) {
                let buckets = self.buckets.as_mut_slice();
                if let Some(word) = buckets[at].take(mover) {
                    // There is room: a word was just taken out of that bucket.
                    let pushed = buckets[gap].push(word);
                    debug_assert!(pushed.is_ok());
                }
                gap = at;
            }
            // At most 7/8 of all words are taken, so some bucket is not full.
            if !was_full {
                return;
            }
        }
    }

    /// Lets memory follow removals: below 3/10, the table is made to be 6/10 full.
    #[inline]
    fn shrink_if_sparse(&mut self) {
        let (len, count) = (self.len(), self.buckets.count());
        if len * 10 < count * BUCKET_WORDS * 3 && (count > 1 || len == 0) {
            let target = buckets_for(len * 7 / 5);
            if (target as usize) < count {
                self.resize(target);
            }
        }
    }

    #[cold]
    fn resize(&mut self, count: u32) {
        let mut old = std::mem::replace(&mut self.buckets, Buckets::new(count));
        for word in old.as_mut_slice().iter_mut().flat_map(Bucket::drain) {
            self.place(word);
        }
    }

    /// Divides the table, whose prefix has `depth` bits, by the next bit of the hash. Reads every
    /// entry, a bucket ahead of time.
    pub(super) fn split(mut self, depth: u32, hasher: KeyHasher) -> [Self; 2] {
        let room = self.len() / 2 + self.len() / 16;
        let mut halves = [Self::with_room_for(room), Self::with_room_for(room)];
        for at in 0..self.buckets.count() {
            if let Some(ahead) = self.buckets.as_slice().get(at + 1) {
                ahead.words().iter().flatten().for_each(Word::prefetch);
            }
            for mut word in self.buckets.as_mut_slice()[at].drain() {
                let hash = word.entry().hash(hasher);
                word.set_tag(tag_at(hash, depth + 1));
                let half = (hash >> (63 - depth)) & 1;
                halves[half as usize].insert(word);
            }
        }
        halves.iter_mut().for_each(Self::shrink_if_sparse);
        halves
    }

    /// The reverse of [`Table::split`]. Reads no entry.
    pub(super) fn merge(halves: [Self; 2]) -> Self {
        let len = halves.iter().map(Self::len).sum::<usize>();
        let mut merged = Self::with_room_for(len + len / 4);
        for (mut half, bit) in halves.into_iter().zip([0, 1 << (TAG_BITS - 1)]) {
            for mut word in half.buckets.as_mut_slice().iter_mut().flat_map(Bucket::drain) {
                word.set_tag(bit | (word.tag() >> 1));
                merged.place(word);
            }
        }
        merged
    }

    /// Visits the keys with the home of `tag`, from `tag` on, in any order. Returns the first tag
    /// of the next home, 2^16 if there is none.
    pub(super) fn visit_home(&self, tag: u16, visit: &mut dyn FnMut(u16, EntryRef<'_>)) -> u32 {
        if self.len() == 0 {
            return 1 << TAG_BITS;
        }
        let home = self.home(tag);
        let next = self.first_tag(home + 1);
        for (_, bucket) in self.run(home) {
            for word in bucket.words().iter().flatten() {
                if word.tag() >= tag && u32::from(word.tag()) < next {
                    visit(word.tag(), word.entry());
                }
            }
        }
        next
    }
}

/// The 16 bits of a hash behind a prefix of `depth` bits.
#[inline(always)]
pub(super) const fn tag_at(hash: u64, depth: u32) -> u16 {
    ((hash << depth) >> (u64::BITS - TAG_BITS)) as u16
}

/// How many keys so many buckets hold before there must be more: 7/8 of their words. A single one
/// can be filled, as no search leaves it.
#[inline]
const fn most_keys(buckets: usize) -> usize {
    if buckets == 1 { BUCKET_WORDS } else { buckets * (BUCKET_WORDS - 1) }
}

/// The number of buckets for so many keys.
#[inline]
const fn buckets_for(len: usize) -> u32 {
    let buckets = if len <= BUCKET_WORDS {
        len.div_ceil(BUCKET_WORDS)
    } else {
        len.div_ceil(BUCKET_WORDS - 1)
    };
    size::class(buckets) as u32
}

#[cfg(test)]
#[path = "table_tests.rs"]
pub(super) mod tests;
