//! Sets of integers as one run of bytes, in the form that Redis gives them in memory, in dumps and
//! in RDB files: the bytes of each integer (u32: 2, 4 or 8), their number (u32), then the integers
//! in ascending order, all little-endian.
//!
//! All integers are as wide as the widest that ever was there: removing does not narrow them.

use crate::dict::size::class_bytes;

const HEAD: usize = 8;

/// An intset by reference. Bytes that are none read as fewer integers, never beyond their end.
#[derive(Debug, Clone, Copy)]
pub struct Intset<'a> {
    width: usize,
    integers: &'a [u8],
    bytes: &'a [u8],
}

/// Gives the integers as arrays of their width, with what reads one.
macro_rules! of_width {
    ($set:expr, |$integers:ident, $read:ident| $body:expr) => {
        match $set.width {
            2 => {
                let ($integers, $read) =
                    ($set.integers.as_chunks().0, |n| i16::from_le_bytes(n).into());
                $body
            }
            4 => {
                let ($integers, $read) =
                    ($set.integers.as_chunks().0, |n| i32::from_le_bytes(n).into());
                $body
            }
            _ => {
                let ($integers, $read) = ($set.integers.as_chunks().0, i64::from_le_bytes);
                $body
            }
        }
    };
}

impl<'a> Intset<'a> {
    /// Bytes that are known to be an intset.
    #[inline]
    pub fn trusted(bytes: &'a [u8]) -> Self {
        let (width, integers) = bytes.split_at_checked(HEAD).unwrap_or_default();
        Self { width: usize::from(width.first().copied().unwrap_or(8)), integers, bytes }
    }

    /// All its bytes.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Number of integers.
    #[inline]
    pub fn len(self) -> usize {
        self.integers.len() / self.width.max(1)
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.integers.is_empty()
    }

    /// The integer with this index in ascending order.
    #[inline]
    pub fn get(self, index: usize) -> Option<i64> {
        of_width!(self, |integers, read| integers.get(index).map(|&integer| read(integer)))
    }

    /// Where an integer is, or where it would be. Takes logarithmic time.
    #[inline]
    fn position(self, number: i64) -> Result<usize, usize> {
        of_width!(self, |integers, read| {
            // Integers often come in order: then they go to the end.
            match integers.last() {
                Some(&last) if number > read(last) => Err(integers.len()),
                _ => integers.binary_search_by(|&integer| read(integer).cmp(&number)),
            }
        })
    }

    /// Whether the integer is there. Takes logarithmic time.
    #[inline]
    pub fn contains(self, number: i64) -> bool {
        self.position(number).is_ok()
    }

    /// All integers in ascending order.
    pub fn iter(self) -> impl Iterator<Item = i64> + use<'a> {
        (0..self.len()).filter_map(move |index| self.get(index))
    }
}

/// An intset that can be changed. Every change moves what is behind it.
#[derive(Debug, Clone)]
pub struct IntsetBuf(Vec<u8>);

/// Bytes that an integer takes.
const fn width_of(number: i64) -> usize {
    match number {
        -0x8000..=0x7fff => 2,
        -0x8000_0000..=0x7fff_ffff => 4,
        _ => 8,
    }
}

impl IntsetBuf {
    /// An empty intset in the memory of `buffer`, whose content goes.
    pub fn from_empty(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.extend_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0]);
        Self(buffer)
    }

    /// Bytes that are known to be an intset.
    pub fn trusted(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The intset to read.
    #[inline]
    pub fn view(&self) -> Intset<'_> {
        Intset::trusted(&self.0)
    }

    /// All its bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Bytes of memory that it has reserved.
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }

    /// Gives back memory that is reserved and not used.
    pub fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Adds an integer. Returns whether it is new.
    pub fn insert(&mut self, number: i64) -> bool {
        let width = width_of(number);
        if width > self.view().width {
            self.widen(width);
        }
        let view = self.view();
        let Err(index) = view.position(number) else { return false };
        let width = view.width;
        if self.0.capacity() - self.0.len() < width {
            // To the end of what the allocator gives anyway, an eighth more at least: not twice as
            // much, as most sets do not grow on.
            self.0.reserve_exact(class_bytes(self.0.len() + width) - self.0.len());
        }
        self.0.extend_from_slice(number.to_le_bytes().get(..width).unwrap_or_default());
        if let Some(behind) = self.0.get_mut(HEAD + index * width..) {
            behind.rotate_right(width);
        }
        self.count();
        true
    }

    /// Takes an integer out. Returns whether it was there.
    pub fn remove(&mut self, number: i64) -> bool {
        let view = self.view();
        let Ok(index) = view.position(number) else { return false };
        let at = HEAD + index * view.width;
        self.0.drain(at..at + view.width);
        if self.0.capacity() / 2 > self.0.len() + HEAD {
            self.0.shrink_to(self.0.len() / 8 * 9);
        }
        self.count();
        true
    }

    /// Writes all integers anew, each in `width` bytes.
    fn widen(&mut self, width: usize) {
        let old = self.view();
        let mut bytes = Vec::with_capacity(HEAD + (old.len() + 1) * width);
        bytes.extend_from_slice(&[width as u8, 0, 0, 0, 0, 0, 0, 0]);
        for number in old.iter() {
            bytes.extend_from_slice(number.to_le_bytes().get(..width).unwrap_or_default());
        }
        self.0 = bytes;
        self.count();
    }

    /// Brings the head up to date.
    fn count(&mut self) {
        let count = self.view().len() as u32;
        if let Some(head) = self.0.get_mut(4..HEAD) {
            head.copy_from_slice(&count.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bytes_are_those_of_redis() {
        let mut set = IntsetBuf::from_empty(Vec::new());
        for number in [3, 1, -1] {
            assert!(set.insert(number));
        }
        assert!(!set.insert(1));
        assert_eq!(set.view().bytes(), [2, 0, 0, 0, 3, 0, 0, 0, 0xff, 0xff, 1, 0, 3, 0]);
        set.insert(0x1_0000);
        let wide = [-1i32, 1, 3, 0x1_0000].map(i32::to_le_bytes).concat();
        assert_eq!(set.view().bytes(), [&[4, 0, 0, 0, 4, 0, 0, 0][..], &wide].concat());
        assert!(set.remove(0x1_0000));
        assert_eq!(set.view().bytes().first(), Some(&4), "it stays as wide");
    }

    #[test]
    fn damaged_bytes_read_without_harm() {
        for bytes in [&b""[..], &[0; 20], &[3; 20], &[8, 0, 0, 0, 9, 0, 0, 0, 1, 2]] {
            let set = Intset::trusted(bytes);
            assert!(set.iter().count() <= 20 && !set.contains(7));
        }
    }

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![
            -50i64..50,
            any::<i16>().prop_map(i64::from),
            any::<i32>().prop_map(i64::from),
            any::<i64>()
        ]
    }

    proptest! {
        #[test]
        fn an_intset_is_a_sorted_set(steps in prop::collection::vec((any::<bool>(), number()), 0..200)) {
            let mut set = IntsetBuf::from_empty(Vec::new());
            let mut model = BTreeSet::new();
            for (adds, number) in steps {
                if adds {
                    prop_assert_eq!(set.insert(number), model.insert(number));
                } else {
                    prop_assert_eq!(set.remove(number), model.remove(&number));
                }
                prop_assert_eq!(set.view().contains(number), adds);
            }
            prop_assert_eq!(set.view().iter().collect::<Vec<_>>(), Vec::from_iter(model));
        }
    }
}
