//! Files of the versions before 10, and what no server here writes.

use shardwright_codec::rdb::{Decoder, Fault, Item, ModuleId, VERSION, Value};

use super::{entry, fault, told};

/// Checks what a file of all `pieces` says.
#[track_caller]
fn check(pieces: &[&[u8]], expected: &[Item<'_>]) {
    let bytes = pieces.concat();
    let expected: Vec<String> = expected.iter().map(|item| format!("{item:?}")).collect();
    for step in [1, bytes.len()] {
        assert_eq!(told(&bytes, step), (expected.clone(), Ok(())));
    }
}

#[test]
fn the_first_versions_have_seconds_and_no_checksum() {
    let mut expiring = entry(b"k", Value::Bytes(b"v"));
    expiring.deadline_ms = Some(i64::from(0x1234_5678) * 1000);
    for version in 1..5 {
        check(
            &[
                format!("REDIS{version:04}").as_bytes(),
                b"\xfe\x00\xfd\x78\x56\x34\x12\x00\x01k\x01v\x00\x01n\xc1\x00\x02\xff",
            ],
            &[
                Item::Database(0),
                Item::Key(expiring),
                Item::Key(entry(b"n", Value::Int(512))),
                Item::End { verified: false },
            ],
        );
    }
}

#[test]
fn later_versions_end_with_eight_bytes() {
    for version in 5..=VERSION {
        let head = format!("REDIS{version:04}");
        check(
            &[head.as_bytes(), b"\x00\x01k\x01v\xff\0\0\0\0\0\0\0\0"],
            &[Item::Key(entry(b"k", Value::Bytes(b"v"))), Item::End { verified: false }],
        );
        let cut = [head.as_bytes(), b"\xff\0\0\0\0"].concat();
        assert_eq!(fault(&cut), (14, Fault::Truncated(4)));
    }
}

#[test]
fn a_version_that_is_not_known_is_named() {
    for (text, version) in [("0000", 0), ("0011", 11), ("0012", 12), ("9999", 9999)] {
        let bytes = format!("REDIS{text}\u{7f}");
        assert_eq!(fault(bytes.as_bytes()), (5, Fault::Version(version)));
    }
    let mut decoder = Decoder::default();
    decoder.feed(b"REDIS0011");
    let error = decoder.next_item().unwrap_err().to_string();
    assert_eq!(error, "byte 5: RDB version 11, of which 1 to 10 can be read");
    for bytes in [*b"REDIS00 1", *b"REDIS-001", *b"redis0010", *b"PK\x03\x04\0\0\0\0\0"] {
        assert_eq!(fault(&bytes), (0, Fault::Header(bytes)));
    }
}

#[test]
fn a_deadline_of_minus_one_is_none_as_in_redis() {
    let mut key = entry(b"k", Value::Bytes(b"v"));
    let none = [0xff; 8];
    let head = b"REDIS0003\xfc";
    let end = Item::End { verified: false };
    check(&[head, &none, b"\x00\x01k\x01v\xff"], &[Item::Key(key), end]);
    key.deadline_ms = Some(-2);
    let long_ago = (-2i64).to_le_bytes();
    check(&[head, &long_ago, b"\x00\x01k\x01v\xff"], &[Item::Key(key), end]);
}

#[test]
fn a_module_s_data_is_passed_over() {
    let id = 0x8000_0000_0000_0001u64;
    let data = [
        b"\x01\x05".as_slice(),           // SINT
        b"\x02\x80\x00\x00\x01\x00",      // UINT
        b"\x03abcd",                      // FLOAT
        b"\x04abcdefgh",                  // DOUBLE
        b"\x05\x03abc",                   // STRING
        b"\x05\xc3\x04\x09\x00a\xc0\x00", // STRING, compressed; its content does not matter
        b"\x00",
    ];
    let head = [&b"REDIS0009\xf7\x81"[..], &id.to_be_bytes(), b"\x02\x01"].concat();
    let end = b"\x00\x01k\x01v\xff\0\0\0\0\0\0\0\0";
    check(
        &[&head, &data.concat(), end],
        &[
            Item::ModuleAux(ModuleId(id)),
            Item::Key(entry(b"k", Value::Bytes(b"v"))),
            Item::End { verified: false },
        ],
    );
    let (begun, data) = head.split_at(head.len() - 2);
    assert_eq!(data, b"\x02\x01");
    let unknown = [&head[..], b"\x06\x00"].concat();
    assert_eq!(fault(&unknown), (head.len() as u64, Fault::ModuleData(6)));
    let other = [begun, b"\x01\x01"].concat();
    assert_eq!(fault(&other), (begun.len() as u64, Fault::ModuleWhen(1)));
}

#[test]
fn what_is_behind_the_end_is_left_alone() {
    let mut decoder = Decoder::default();
    decoder.feed(b"REDIS0010\xff\0\0\0\0\0\0\0\0*1\r\n");
    assert_eq!(decoder.next_item(), Ok(Some(Item::End { verified: false })));
    decoder.feed(b"$4\r\nPING");
    assert_eq!(decoder.next_item(), Ok(None));
    assert_eq!(decoder.finish(), Ok(()));
    assert_eq!(decoder.unread(), b"*1\r\n$4\r\nPING");
}
