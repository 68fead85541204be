//! An array of buckets behind a handle of 16 bytes. A partition has 16,384 such handles, which
//! every lookup passes through: a boxed slice and a length would be half as large again and no
//! longer fit the second cache.

#![allow(unsafe_code, reason = "a boxed slice with a length would be 24 bytes")]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::entry::Word;

/// Words to a bucket.
pub(super) const BUCKET_WORDS: usize = 8;

/// One cache line of words, of which the taken ones come first.
#[repr(C, align(64))]
pub(super) struct Bucket {
    words: [Option<Word>; BUCKET_WORDS],
}

impl Bucket {
    /// The words, the taken ones first.
    #[inline(always)]
    pub(super) fn words(&self) -> &[Option<Word>; BUCKET_WORDS] {
        &self.words
    }

    /// The words that are taken, to be changed.
    pub(super) fn words_mut(&mut self) -> impl Iterator<Item = &mut Word> {
        self.words.iter_mut().map_while(Option::as_mut)
    }

    /// Takes all words out.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Word> {
        self.words.iter_mut().map_while(Option::take)
    }

    /// Whether no word is free.
    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.words[BUCKET_WORDS - 1].is_some()
    }

    /// The words with this fingerprint. Free words may be among those with fingerprint zero.
    #[inline(always)]
    pub(super) fn matches(&self, tag: u16) -> Matches {
        Matches(matching_tags(self, tag))
    }

    /// Puts a word at the first free place. Gives it back if there is none.
    #[inline]
    pub(super) fn push(&mut self, word: Word) -> Result<usize, Word> {
        match self.words.iter_mut().enumerate().find(|(_, place)| place.is_none()) {
            Some((at, place)) => {
                *place = Some(word);
                Ok(at)
            }
            None => Err(word),
        }
    }

    /// Takes the word at `at` out; the last one moves there.
    #[inline]
    pub(super) fn take(&mut self, at: usize) -> Option<Word> {
        let last = self.words.iter().rposition(Option::is_some)?;
        if at > last {
            return None;
        }
        self.words.swap(at, last);
        self.words[last].take()
    }
}

/// Indexes of words of a bucket, in order.
pub(super) struct Matches(u32);

impl Iterator for Matches {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        let left = self.0;
        self.0 = left & left.wrapping_sub(1);
        (left != 0).then(|| (left.trailing_zeros() / MATCH_STRIDE) as usize)
    }
}

/// Distance in bits between two words in the result of [`matching_tags`].
const MATCH_STRIDE: u32 = 4;

/// One bit for each word whose top 16 bits are `tag`, at the end of that word's four.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
fn matching_tags(bucket: &Bucket, tag: u16) -> u32 {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi16, _mm_load_si128, _mm_movemask_epi8, _mm_packs_epi16,
        _mm_set1_epi16,
    };
    // SAFETY: SSE2 is part of x86_64. A bucket is four aligned blocks of 16 bytes, all initialized.
    unsafe {
        let wanted = _mm_set1_epi16(tag.cast_signed());
        let from = bucket.words.as_ptr().cast::<__m128i>();
        let same = |pair: usize| _mm_cmpeq_epi16(_mm_load_si128(from.add(pair)), wanted);
        let low = _mm_movemask_epi8(_mm_packs_epi16(same(0), same(1)));
        let high = _mm_movemask_epi8(_mm_packs_epi16(same(2), same(3)));
        (low | (high << 16)).cast_unsigned() & 0x8888_8888
    }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline(always)]
fn matching_tags(bucket: &Bucket, tag: u16) -> u32 {
    bucket.words.iter().enumerate().fold(0, |found, (at, word)| {
        let same = word.as_ref().map_or(0, Word::tag) == tag;
        found | u32::from(same) << (at as u32 * MATCH_STRIDE + MATCH_STRIDE - 1)
    })
}

/// An owned array of buckets, and how many of its words are taken (which its owner counts).
pub(super) struct Buckets {
    /// Of an allocation of `count` initialized buckets; dangling if there are none.
    start: NonNull<Bucket>,
    count: u32,
    /// How many words are taken.
    pub(super) used: u32,
}

// SAFETY: the array is owned, like a boxed slice of buckets; and words may change threads.
unsafe impl Send for Buckets {}
// SAFETY: as with a boxed slice, a shared array gives out shared buckets only.
unsafe impl Sync for Buckets {}

impl Buckets {
    /// No buckets.
    pub(super) const EMPTY: Self = Self { start: NonNull::dangling(), count: 0, used: 0 };

    /// An array of `count` empty buckets.
    pub(super) fn new(count: u32) -> Self {
        if count == 0 {
            return Self::EMPTY;
        }
        let layout = Self::layout(count);
        // SAFETY: the layout's size is not zero.
        let start = unsafe { alloc_zeroed(layout) };
        // All bits zero is a bucket of free words: `None` of a transparent wrapper of `NonZeroU64`.
        let start =
            NonNull::new(start.cast::<Bucket>()).unwrap_or_else(|| handle_alloc_error(layout));
        Self { start, count, used: 0 }
    }

    #[inline]
    fn layout(count: u32) -> Layout {
        // SAFETY: the alignment is a bucket's; 2^32 buckets of 2^6 bytes do not overflow isize.
        unsafe {
            Layout::from_size_align_unchecked(
                count as usize * size_of::<Bucket>(),
                align_of::<Bucket>(),
            )
        }
    }

    /// How many buckets there are.
    #[inline(always)]
    pub(super) const fn count(&self) -> usize {
        self.count as usize
    }

    /// The buckets.
    #[inline(always)]
    pub(super) const fn as_slice(&self) -> &[Bucket] {
        // SAFETY: `start` is that of `count` initialized buckets, which are borrowed as `self` is.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.count()) }
    }

    /// The buckets, to be changed.
    #[inline(always)]
    pub(super) const fn as_mut_slice(&mut self) -> &mut [Bucket] {
        // SAFETY: as for `as_slice`, and `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.count()) }
    }
}

impl Drop for Buckets {
    fn drop(&mut self) {
        if self.count == 0 {
            return;
        }
        self.as_mut_slice().iter_mut().flat_map(Bucket::drain).for_each(drop);
        // SAFETY: allocated with this layout, and its words are dropped.
        unsafe { dealloc(self.start.as_ptr().cast(), Self::layout(self.count)) };
    }
}
