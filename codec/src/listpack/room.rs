//! How much memory a listpack takes when it grows.

/// Shorter listpacks double their room when they grow: they are changed in memory that is kept.
const SMALL: usize = 1024;

/// An eighth of its size is what a longer listpack grows by, so that little of it is unused.
const SPARE_PART: usize = 8;

/// Makes room for so many bytes more.
#[inline]
pub fn make_room(bytes: &mut Vec<u8>, needed: usize) {
    if bytes.capacity() - bytes.len() < needed {
        grow(bytes, needed);
    }
}

#[cold]
fn grow(bytes: &mut Vec<u8>, needed: usize) {
    if bytes.len() < SMALL {
        bytes.reserve(needed);
    } else {
        bytes.reserve_exact(needed.max(bytes.len() / SPARE_PART));
    }
}
