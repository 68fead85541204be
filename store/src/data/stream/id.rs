//! IDs of entries: a time in milliseconds and a number among the entries of that time.

use shardwright_codec::number::write_u64_at;

/// Longest text of an ID in bytes: two numbers of 20 digits, and what is between them.
pub const MAX_ID_LEN: usize = 41;

/// The ID of an entry. IDs are ordered by time, then by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId {
    /// Milliseconds since the Unix epoch, or what a client made up.
    pub ms: u64,
    /// Number among the entries of that millisecond.
    pub seq: u64,
}

impl StreamId {
    /// The smallest ID, which no entry has.
    pub const MIN: Self = Self::new(0, 0);
    /// The greatest ID.
    pub const MAX: Self = Self::new(u64::MAX, u64::MAX);

    /// The ID of these two numbers.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// Whether it is 0-0.
    pub fn is_zero(self) -> bool {
        self == Self::MIN
    }

    /// The ID that follows; none follows the greatest.
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self::new(self.ms, seq)),
            None => self.ms.checked_add(1).map(|ms| Self::new(ms, 0)),
        }
    }

    /// The ID before; none is before the smallest.
    pub fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self::new(self.ms, seq)),
            None => self.ms.checked_sub(1).map(|ms| Self::new(ms, u64::MAX)),
        }
    }

    /// Both numbers, the greater digits first, so that bytes are ordered like IDs.
    pub fn to_bytes(self) -> [u8; 16] {
        ((u128::from(self.ms) << 64) | u128::from(self.seq)).to_be_bytes()
    }

    /// The ID that these bytes are.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self::new((both >> 64) as u64, both as u64)
    }

    /// Both numbers in decimal with `between` between them, made in `text`.
    pub fn text(self, between: u8, text: &mut [u8; MAX_ID_LEN]) -> &[u8] {
        let middle = write_u64_at(self.seq, text, MAX_ID_LEN) - 1;
        if let Some(byte) = text.get_mut(middle) {
            *byte = between;
        }
        let start = write_u64_at(self.ms, text, middle);
        text.get(start..).unwrap_or_default()
    }

    /// How both numbers differ from another ID's, as nodes store them.
    pub(super) fn minus(self, other: Self) -> (i64, i64) {
        let minus = |a: u64, b: u64| a.wrapping_sub(b).cast_signed();
        (minus(self.ms, other.ms), minus(self.seq, other.seq))
    }

    /// The ID whose numbers differ so from this one's.
    pub(super) fn plus(self, ms: i64, seq: i64) -> Self {
        Self::new(self.ms.wrapping_add_signed(ms), self.seq.wrapping_add_signed(seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_carry_over() {
        let max = u64::MAX;
        assert_eq!(StreamId::new(5, 1).next(), Some(StreamId::new(5, 2)));
        assert_eq!(StreamId::new(5, max).next(), Some(StreamId::new(6, 0)));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(StreamId::new(6, 0).previous(), Some(StreamId::new(5, max)));
        assert_eq!(StreamId::MIN.previous(), None);
    }

    #[test]
    fn an_id_has_a_text_and_bytes() {
        for (id, text) in [
            (StreamId::MIN, "0-0"),
            (StreamId::new(1526, 42), "1526-42"),
            (StreamId::MAX, "18446744073709551615-18446744073709551615"),
        ] {
            assert_eq!(id.text(b'-', &mut [0; MAX_ID_LEN]), text.as_bytes());
            assert_eq!(StreamId::from_bytes(id.to_bytes()), id);
            let (ms, seq) = id.minus(StreamId::new(9, 9));
            assert_eq!(StreamId::new(9, 9).plus(ms, seq), id);
        }
        assert!(StreamId::new(1, 300).to_bytes() < StreamId::new(256, 0).to_bytes());
    }
}
