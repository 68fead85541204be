//! The arguments of one command, as ranges in the buffer they were decoded from.
//!
//! Nothing is copied: [`Args`] is two borrowed slices and can be passed by value. It does not know
//! which argument is a key; that is the command table's business.

use std::iter::FusedIterator;

/// Where one argument lies in the buffer it was decoded from; both numbers in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ArgRange {
    /// Offset of the first byte.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
}

impl ArgRange {
    /// The bytes of `buf` that this range names; empty when it reaches beyond `buf`.
    #[inline]
    #[must_use]
    pub fn of(self, buf: &[u8]) -> &[u8] {
        let start = self.start as usize;
        buf.get(start..start.saturating_add(self.len as usize)).unwrap_or_default()
    }
}

/// One command's arguments: ranges into a buffer. Argument 0 is the command's name.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    buf: &'a [u8],
    ranges: &'a [ArgRange],
}

impl<'a> Args<'a> {
    /// The arguments that `ranges` name in `buf`. A range beyond `buf` reads as an empty argument.
    #[inline]
    #[must_use]
    pub fn new(buf: &'a [u8], ranges: &'a [ArgRange]) -> Self {
        Self { buf, ranges }
    }

    /// Number of arguments, the name included.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there is not even a name.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Argument `i`, if there is one.
    #[inline]
    #[must_use]
    pub fn get(&self, i: usize) -> Option<&'a [u8]> {
        self.ranges.get(i).map(|range| range.of(self.buf))
    }

    /// Argument `i`, or the empty slice when there is none: for handlers whose arity was checked.
    #[inline]
    #[must_use]
    pub fn at(&self, i: usize) -> &'a [u8] {
        self.get(i).unwrap_or_default()
    }

    /// The arguments in order, the name first.
    #[inline]
    #[must_use]
    pub fn iter(&self) -> ArgsIter<'a> {
        ArgsIter { buf: self.buf, ranges: self.ranges.iter() }
    }

    /// The arguments without the first `n`; empty when there are no more than `n`.
    #[inline]
    #[must_use]
    pub fn skip(self, n: usize) -> Args<'a> {
        Self { buf: self.buf, ranges: self.ranges.get(n..).unwrap_or_default() }
    }
}

impl std::fmt::Debug for Args<'_> {
    /// Numbers only: arguments are the client's data and do not belong in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<'a> IntoIterator for Args<'a> {
    type Item = &'a [u8];
    type IntoIter = ArgsIter<'a>;

    fn into_iter(self) -> ArgsIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Args<'a> {
    type Item = &'a [u8];
    type IntoIter = ArgsIter<'a>;

    fn into_iter(self) -> ArgsIter<'a> {
        self.iter()
    }
}

/// Iterator over the arguments of an [`Args`].
#[derive(Clone)]
pub struct ArgsIter<'a> {
    buf: &'a [u8],
    ranges: std::slice::Iter<'a, ArgRange>,
}

impl<'a> Iterator for ArgsIter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.ranges.next().map(|range| range.of(self.buf))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranges.size_hint()
    }
}

impl DoubleEndedIterator for ArgsIter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.ranges.next_back().map(|range| range.of(self.buf))
    }
}

impl ExactSizeIterator for ArgsIter<'_> {}
impl FusedIterator for ArgsIter<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    const BUF: &[u8] = b"SET key value";
    const RANGES: [ArgRange; 3] = [
        ArgRange { start: 0, len: 3 },
        ArgRange { start: 4, len: 3 },
        ArgRange { start: 8, len: 5 },
    ];

    #[test]
    fn arguments_are_read_by_index_and_in_order() {
        let args = Args::new(BUF, &RANGES);
        assert_eq!(args.len(), 3);
        assert_eq!(args.get(1), Some(&b"key"[..]));
        assert_eq!(args.at(2), b"value");
        assert_eq!(args.iter().collect::<Vec<_>>(), [&b"SET"[..], b"key", b"value"]);
        assert_eq!(args.iter().next_back(), Some(&b"value"[..]));
        assert_eq!(args.iter().len(), 3);
    }

    #[test]
    fn what_is_not_there_reads_as_nothing() {
        let args = Args::new(BUF, &RANGES);
        assert_eq!(args.get(3), None);
        assert_eq!(args.at(usize::MAX), b"");
        assert!(args.skip(4).is_empty());
        assert_eq!(args.skip(1).at(0), b"key");
        assert_eq!(Args::new(b"", &RANGES).at(1), b"");
        let far = [ArgRange { start: u32::MAX, len: u32::MAX }];
        assert_eq!(Args::new(BUF, &far).at(0), b"");
    }

    #[test]
    fn debug_output_holds_no_data() {
        assert!(!format!("{:?}", Args::new(BUF, &RANGES)).contains("value"));
    }
}
