//! Files that are cut off, changed or made by somebody who means ill.

use shardwright_codec::rdb::{Decoder, Encoder, Fault, Item, LzfError, ObjectType, Options, Value};

use super::{each, fault, told};

fn small_file() -> Vec<u8> {
    let mut encoder = Encoder::new(Options::default());
    encoder.aux(b"redis-ver", b"7.0.15");
    encoder.aux(b"redis-bits", b"64");
    encoder.resize(2, 4, 1);
    encoder.key(2, b"short", Some(1_700_000_000_000), &Value::Bytes(b"value"));
    encoder.key(2, b"12345", None, &Value::Int(-70_000));
    encoder.key(0, b"long", None, &Value::Bytes(&b"words and words and ".repeat(20)));
    encoder.key(11, &b"key".repeat(30), None, &Value::Int(i64::MIN));
    encoder.finish()
}

#[test]
fn every_cut_is_found() {
    let bytes = small_file();
    let (all, end) = told(&bytes, 50);
    assert_eq!(end, Ok(()));
    for cut in 0..bytes.len() {
        let (items, end) = told(&bytes[..cut], 50);
        assert!(all.starts_with(&items), "cut at {cut}");
        let error = end.expect_err("it is cut");
        assert_eq!(error.offset, cut as u64);
        let most = (bytes.len() - cut) as u64;
        assert!(matches!(error.fault, Fault::Truncated(missing) if (1..=most).contains(&missing)));
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let bytes = small_file();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            let end = told(&damaged, 1000).1;
            assert!(end.is_err(), "bit {bit} of byte {at}");
            assert_eq!(told(&damaged, 1).1, end, "bit {bit} of byte {at}, byte by byte");
        }
    }
}

/// Without a checksum damage may go unnoticed, but it does no more than change a value.
#[test]
fn flipped_bits_do_no_harm_without_a_checksum() {
    let mut bytes = small_file();
    let checksum = bytes.len() - 8;
    bytes[checksum..].fill(0);
    for at in 0..checksum {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert_eq!(told(&damaged, 1), told(&damaged, 1000), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn an_error_stays() {
    let mut bytes = small_file();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let mut decoder = Decoder::default();
    decoder.feed(&bytes);
    let error = loop {
        match decoder.next_item() {
            Ok(item) => assert!(item.is_some()),
            Err(error) => break error,
        }
    };
    assert!(matches!(error.fault, Fault::Checksum { .. }));
    assert_eq!(error.offset, bytes.len() as u64 - 8);
    decoder.feed(b"more");
    assert_eq!(decoder.next_item(), Err(error));
    assert!(decoder.finish().is_err());
}

/// The fault of a file that has nothing but `bytes` behind its header, and where in them.
#[track_caller]
fn check(bytes: &[u8], offset: u64, expected: Fault) {
    assert_eq!(fault(&[b"REDIS0010", bytes].concat()), (offset + 9, expected));
}

#[test]
fn what_does_not_belong_is_named() {
    check(b"\x08\x01k", 0, Fault::Opcode(8));
    check(b"\x14\x01k", 0, Fault::Opcode(20));
    check(b"\xf4\x01\x01\x01", 0, Fault::Opcode(244));
    check(b"\xf6\x01x", 0, Fault::OldFunctions);
    check(b"\xfe\xc1", 1, Fault::NoLength(1));
    check(b"\xfb\x01\x82\0\0\0\x01", 2, Fault::Length(0x82));
    check(b"\x00\xbf", 1, Fault::Length(0xbf));
    check(b"\x00\xc4", 1, Fault::StringEncoding(4));
    check(b"\x00\x01k\xff", 3, Fault::StringEncoding(63));
    check(b"\xf8\x07\xff\0\0\0\0\0\0\0\0", 2, Fault::KeyMissing(255));
    check(b"\xfc12345678\xfe\x01", 9, Fault::KeyMissing(254));
}

#[test]
fn values_of_other_types_are_refused_by_name() {
    let unsupported = |key: &str, kind| Fault::Unsupported { key: Some(key.into()), kind };
    check(b"\xfe\x03\x06\x04some", 2, unsupported("some", ObjectType::ModulePreview));
    check(b"\x07\xc1\x00\x01", 0, unsupported("256", ObjectType::Module2));
    check(b"\x07\x05a\nb\xff\x1b", 0, unsupported("a\\nb\u{fffd}\\u{1b}", ObjectType::Module2));
    check(b"\x07\xc3\x04\x05\x00k\x40\x00", 0, unsupported("kkkkk", ObjectType::Module2));
    let long = [&b"\x07\x41\x00"[..], &[b'k'; 256]].concat();
    let key = format!("{}...", "k".repeat(120));
    check(&long, 0, unsupported(&key, ObjectType::Module2));
}

#[test]
fn lengths_are_not_believed() {
    let max = 512 << 20;
    let length = u64::MAX;
    check(b"\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff", 1, Fault::TooLong { length, max });
    let length = max + 1;
    check(b"\xfa\x01n\x80\x20\x00\x00\x01", 3, Fault::TooLong { length, max });
    // Long, but possible: more bytes are waited for.
    let (offset, fault) = fault(b"REDIS0010\x00\x01k\x80\x20\x00\x00\x00abc");
    assert_eq!((offset, fault), (20, Fault::Truncated(max - 3)));
}

#[test]
fn compressed_strings_do_not_become_longer_than_they_can() {
    let (packed, max) = (1 << 30, 512 << 20);
    check(b"\x00\xc3\x03\x41\x09", 1, Fault::Expansion { packed: 3, claimed: 265 });
    let claimed = u64::MAX;
    let both = [0x81u8, 255, 255, 255, 255, 255, 255, 255, 255];
    check(&[b"\x00\xc3\x03", &both[..]].concat(), 1, Fault::Expansion { packed: 3, claimed });
    check(&[b"\x00\xc3", &both[..], &both].concat(), 1, Fault::TooLong { length: claimed, max });
    check(b"\x00\xc3\x80\x40\0\0\0\x05", 1, Fault::TooLong { length: packed, max });
    let before = LzfError::Distance { distance: 1, there: 0 };
    check(b"\x00\x01k\xc3\x02\x03\x20\x00", 6, before.into());
    let short = LzfError::Length { found: 1, claimed: 3 };
    check(b"\x00\x01k\xc3\x02\x03\x00a", 6, short.into());
    check(b"\x00\x01k\xc3\x02\x03\x05a", 6, LzfError::Cut.into());
}

/// None of these ends within a test's time when the work grows with the square of what came.
#[test]
fn small_pieces_cost_no_more_than_large_ones() {
    const LENGTH: usize = 24 << 20;
    let plain: Vec<u8> = (0..LENGTH as u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
    for (compress, value) in [(false, plain), (true, vec![b'a'; 40 * LENGTH / 4])] {
        let mut encoder = Encoder::new(Options { compress, checksum: true });
        encoder.key(0, b"before", None, &Value::Int(1));
        encoder.key(0, b"large", None, &Value::Bytes(&value));
        encoder.key(0, b"after", None, &Value::Int(1));
        let mut keys = 0;
        each(&encoder.finish(), 64, |item| {
            if let Item::Key(entry) = item {
                keys += 1;
                assert!(entry.key != b"large" || entry.value == Value::Bytes(&value));
            }
        })
        .unwrap();
        assert_eq!(keys, 3);
    }
    let idle = b"\xf8\x00".repeat(1 << 20);
    let module = [b"\xf7\x01\x02\x01".as_slice(), &b"\x05\x01a".repeat(1 << 20), b"\x00"].concat();
    for many in [[&idle[..], b"\x00\x01k\x01v"].concat(), module] {
        let bytes = [b"REDIS0010", &many[..], b"\xff\0\0\0\0\0\0\0\0"].concat();
        assert_eq!(told(&bytes, 3).1, Ok(()));
    }
}
