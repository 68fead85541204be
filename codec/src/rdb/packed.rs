//! The packed strings in which small collections are written: listpacks and intsets, and the
//! ziplists and zipmaps of before Redis 7. Each is gone over once, and refused where it is damaged.

use super::collection::{Part, Visit, visit_int};
use crate::listpack::{Element, Listpack};

type Visited = Result<(), &'static str>;

const DAMAGED: &str = "packed elements that are damaged";

/// A score as a text.
pub(super) fn score(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

pub(super) fn listpack(bytes: &[u8], visit: &mut Visit<'_>) -> Visited {
    let listpack = Listpack::check(bytes).map_err(|_| DAMAGED)?;
    for placed in listpack.iter() {
        match placed.element {
            Element::Int(number) => visit_int(number, visit)?,
            Element::Bytes(bytes) => visit(Part::Text(bytes))?,
        }
    }
    Ok(())
}

/// Bytes of each integer, their number, then the integers in ascending order; all little-endian.
pub(super) fn intset(bytes: &[u8], visit: &mut Visit<'_>) -> Visited {
    let (width, rest) = bytes.split_first_chunk::<4>().ok_or(DAMAGED)?;
    let (count, rest) = rest.split_first_chunk::<4>().ok_or(DAMAGED)?;
    let width = u32::from_le_bytes(*width) as usize;
    let count = u32::from_le_bytes(*count) as usize;
    if !matches!(width, 2 | 4 | 8) || Some(rest.len()) != count.checked_mul(width) {
        return Err(DAMAGED);
    }
    let mut before = None;
    for bytes in rest.chunks_exact(width) {
        let number = signed(bytes, false);
        if before.is_some_and(|before| before >= number) {
            return Err("integers that are not in ascending order");
        }
        before = Some(number);
        visit_int(number, visit)?;
    }
    Ok(())
}

/// The signed integer that these bytes are, of which there are at most eight.
fn signed(bytes: &[u8], big_endian: bool) -> i64 {
    let step = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
    let number =
        if big_endian { bytes.iter().fold(0, step) } else { bytes.iter().rev().fold(0, step) };
    let unused = 64 - 8 * bytes.len().min(8) as u32;
    number.checked_shl(unused).unwrap_or(0).cast_signed() >> unused.min(63)
}

/// Length, place of the last element, number of elements; then each element behind the length of
/// the one before it; 0xff.
pub(super) fn ziplist(bytes: &[u8], visit: &mut Visit<'_>) -> Visited {
    const HEAD: usize = 10;
    let claimed = bytes.first_chunk::<4>().map(|len| u32::from_le_bytes(*len) as usize);
    if claimed != Some(bytes.len()) || bytes.len() <= HEAD {
        return Err(DAMAGED);
    }
    let mut rest = bytes.get(HEAD..).ok_or(DAMAGED)?;
    let mut before = 0;
    loop {
        let (&first, behind) = rest.split_first().ok_or(DAMAGED)?;
        let (back, entry) = match first {
            0xff => return if behind.is_empty() { Ok(()) } else { Err(DAMAGED) },
            0xfe => {
                let (back, behind) = behind.split_first_chunk::<4>().ok_or(DAMAGED)?;
                (u32::from_le_bytes(*back) as usize, behind)
            }
            back => (usize::from(back), behind),
        };
        if back != before {
            return Err(DAMAGED);
        }
        let behind = ziplist_entry(entry, visit)?;
        before = rest.len() - behind.len();
        rest = behind;
    }
}

/// Visits an element of a ziplist; returns what is behind it.
fn ziplist_entry<'a>(entry: &'a [u8], visit: &mut Visit<'_>) -> Result<&'a [u8], &'static str> {
    let (&first, behind) = entry.split_first().ok_or(DAMAGED)?;
    let int_of = |width: usize| behind.split_at_checked(width).ok_or(DAMAGED);
    let (len, behind) = match first >> 6 {
        0 => (usize::from(first & 0x3f), behind),
        1 => {
            let (&low, behind) = behind.split_first().ok_or(DAMAGED)?;
            ((usize::from(first & 0x3f) << 8) | usize::from(low), behind)
        }
        2 => {
            let (len, behind) = behind.split_first_chunk::<4>().ok_or(DAMAGED)?;
            (u32::from_be_bytes(*len) as usize, behind)
        }
        _ => {
            let width = match first {
                0xc0 => 2,
                0xd0 => 4,
                0xe0 => 8,
                0xf0 => 3,
                0xfe => 1,
                0xf1..=0xfd => {
                    visit_int(i64::from(first & 0xf) - 1, visit)?;
                    return Ok(behind);
                }
                _ => return Err(DAMAGED),
            };
            let (number, behind) = int_of(width)?;
            visit_int(signed(number, false), visit)?;
            return Ok(behind);
        }
    };
    let (text, behind) = behind.split_at_checked(len).ok_or(DAMAGED)?;
    visit(Part::Text(text))?;
    Ok(behind)
}

/// A byte for the number of pairs; then a field, and a value with unused bytes behind it; 0xff.
pub(super) fn zipmap(bytes: &[u8], visit: &mut Visit<'_>) -> Visited {
    let (_, mut rest) = bytes.split_first().ok_or(DAMAGED)?;
    while rest != [0xff] {
        let (len, behind) = zipmap_length(rest)?;
        let (field, behind) = behind.split_at_checked(len).ok_or(DAMAGED)?;
        let (len, behind) = zipmap_length(behind)?;
        let (&unused, behind) = behind.split_first().ok_or(DAMAGED)?;
        let (value, behind) = behind.split_at_checked(len).ok_or(DAMAGED)?;
        rest = behind.get(usize::from(unused)..).ok_or(DAMAGED)?;
        visit(Part::Text(field))?;
        visit(Part::Text(value))?;
    }
    Ok(())
}

fn zipmap_length(bytes: &[u8]) -> Result<(usize, &[u8]), &'static str> {
    match bytes.split_first().ok_or(DAMAGED)? {
        (254, behind) => {
            let (len, behind) = behind.split_first_chunk::<4>().ok_or(DAMAGED)?;
            Ok((u32::from_le_bytes(*len) as usize, behind))
        }
        (255, _) => Err(DAMAGED),
        (len, behind) => Ok((usize::from(*len), behind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unpack: fn(&[u8], &mut Visit<'_>) -> Visited, bytes: &[u8], expected: &[&str]) {
        let mut found = Vec::new();
        let mut visit = |part: Part<'_>| {
            let Part::Text(text) = part else { return Err("a score") };
            found.push(String::from_utf8_lossy(text).into_owned());
            Ok(())
        };
        assert_eq!(unpack(bytes, &mut visit), Ok(()));
        assert_eq!(found, expected);
        for cut in 0..bytes.len() {
            assert!(unpack(&bytes[..cut], &mut |_| Ok(())).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn integers_of_every_width() {
        check(intset, b"\x02\0\0\0\x02\0\0\0\xff\xff\x05\0", &["-1", "5"]);
        check(intset, b"\x08\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\x80", &["-9223372036854775808"]);
        let falling = b"\x02\0\0\0\x02\0\0\0\x05\0\xff\xff";
        assert!(intset(falling, &mut |_| Ok(())).is_err());
    }

    #[test]
    fn ziplists_of_before_redis_7() {
        let elements = b"\0\x02ab\x04\xf3\x02\xfe\xff\x03\xc0\0\x01\x04\xf0\xff\xff\x7f\xff";
        let mut bytes = vec![0; 10];
        bytes.extend_from_slice(elements);
        bytes[0] = bytes.len() as u8;
        check(ziplist, &bytes, &["ab", "2", "-1", "256", "8388607"]);
    }

    #[test]
    fn zipmaps_of_before_redis_2_6() {
        check(zipmap, b"\x02\x01a\x02\x00xy\x01b\x01\x02z..\xff", &["a", "xy", "b", "z"]);
    }
}
