//! What DUMP gives and RESTORE takes: a value from its type on, as [`Value::encode`](super::Value)
//! writes it, and behind it the RDB version that it is of in two bytes and the checksum of all before
//! in eight, both little-endian.

use super::VERSION;
use super::checksum::Checksum;

/// Bytes of the version.
const VERSION_LEN: usize = 2;
/// Bytes of the checksum.
const CHECKSUM_LEN: usize = 8;

/// Appends version and checksum to the bytes of a value, which then are what DUMP gives.
pub fn seal(value: &mut Vec<u8>) {
    value.extend_from_slice(&(VERSION as u16).to_le_bytes());
    let checksum = checksum(value);
    value.extend_from_slice(&checksum.to_le_bytes());
}

/// The bytes of the value in what DUMP gave; nothing if the version is newer than those known, or if
/// the checksum does not fit. The value may still be none: whoever made the bytes may have meant ill.
#[must_use]
pub fn open(dump: &[u8]) -> Option<&[u8]> {
    let (sealed, found) = dump.split_last_chunk::<CHECKSUM_LEN>()?;
    let (value, version) = sealed.split_last_chunk::<VERSION_LEN>()?;
    let known = u32::from(u16::from_le_bytes(*version)) <= VERSION;
    (known && checksum(sealed) == u64::from_le_bytes(*found)).then_some(value)
}

fn checksum(bytes: &[u8]) -> u64 {
    let mut checksum = Checksum::new();
    checksum.update(bytes);
    checksum.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What redis-server 7.0.15 gives for the string `hello`.
    const HELLO: &[u8] = b"\x00\x05hello\x0a\x00cr\xdfve4 \x0a";

    #[test]
    fn a_dump_is_as_redis_makes_it() {
        let mut value = b"\x00\x05hello".to_vec();
        seal(&mut value);
        assert_eq!(value, HELLO);
        assert_eq!(open(HELLO), Some(&b"\x00\x05hello"[..]));
    }

    #[test]
    fn what_is_damaged_stays_shut() {
        for at in 0..HELLO.len() {
            assert_eq!(open(&HELLO[..at]), None, "cut at {at}");
            for bit in 0..8 {
                let mut damaged = HELLO.to_vec();
                damaged[at] ^= 1 << bit;
                assert_eq!(open(&damaged), None, "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn older_versions_are_opened_and_newer_ones_are_not() {
        for (version, known) in [(0, true), (1, true), (10, true), (11, false), (u16::MAX, false)] {
            let mut value = b"\x00\x01x".to_vec();
            value.extend_from_slice(&u16::to_le_bytes(version));
            let checksum = checksum(&value);
            value.extend_from_slice(&checksum.to_le_bytes());
            assert_eq!(open(&value).is_some(), known, "version {version}");
        }
    }
}
