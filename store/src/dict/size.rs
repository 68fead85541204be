//! The sizes that things are allocated in: the size classes of common allocators, so that what is
//! asked for is what is used.

/// The smallest size class that is at least `units`: every number up to 8, then four sizes to each
/// doubling (10, 12, 14, 16, 20, 24, 28, 32, 40, …).
#[inline]
pub(super) const fn class(units: usize) -> usize {
    if units <= 8 {
        return units;
    }
    let step = 1 << ((units - 1).ilog2() - 2);
    (units + step - 1) & !(step - 1)
}

/// The size class for so many bytes: jemalloc's, of which the smallest are multiples of 16.
#[inline]
pub(crate) const fn class_bytes(bytes: usize) -> usize {
    class(bytes.div_ceil(16)) * 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_classes_to_each_doubling() {
        let mut classes: Vec<_> = (1..=130).map(class).collect();
        classes.dedup();
        let expected = [
            1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112,
            128, 160,
        ];
        assert_eq!(classes, expected);
    }

    #[test]
    fn byte_classes_are_jemallocs() {
        for (bytes, class) in
            [(1, 16), (17, 32), (128, 128), (129, 160), (161, 192), (257, 320), (4097, 5120)]
        {
            assert_eq!(class_bytes(bytes), class, "{bytes} bytes");
        }
    }
}
