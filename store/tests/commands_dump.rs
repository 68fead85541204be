//! DUMP and RESTORE on one partition: what DUMP gives is taken back, options and their errors are as
//! in Redis 7.0.15, and whatever is damaged under a right checksum is refused or harmless.

#![allow(clippy::expect_used, reason = "a test may end in a panic")]

mod common;

use common::{Fixture, START};
use proptest::prelude::*;
use shardwright_codec::rdb::dump;
use shardwright_store::context::Limits;
use shardwright_store::data::Encodings;
use shardwright_store::types::UnixMillis;

const OK: &str = "+OK\r\n";
const BAD_DATA: &str = "-ERR Bad data format\r\n";
const NOT_SEALED: &str = "-ERR DUMP payload version or checksum are wrong\r\n";

/// What makes a key of each type, in its small form and in its large one with the small bounds of
/// [`fixture`], by commands with `;` between them. `k` is its name.
const VALUES: &[&str] = &[
    "SET k 12",
    "SET k some-text-that-repeats-some-text-that-repeats",
    "HSET k a 1 b text",
    "HSET k a 1 b 2 c 3 d 4 e 5 f 6",
    "RPUSH k a 1 b 2",
    "RPUSH k a-rather-long-element another-rather-long-element 17 and-one-more-that-is-long",
    "SADD k 1 2 300",
    "SADD k 1 2 3 4 5 6 7",
    "SADD k a b c",
    "ZADD k 1 a 2.5 b -inf c",
    "ZADD k 1 a 2 b 3 c 4 d 5 e -0 f",
    "XADD k 1-1 f v",
    "XADD k 1-1 f v;XADD k 1-2 f w;XADD k 2-1 g a h b;XADD k 3-1 f x;XADD k 4-1 f y;XDEL k 1-2",
    "XADD k 1-1 f v;XADD k 2-1 f w;XGROUP CREATE k g 0;XGROUP CREATE k h $;\
     XREADGROUP GROUP g ada COUNT 1 STREAMS k >;XREADGROUP GROUP g bob STREAMS k >;XDEL k 2-1",
    "PFADD k a b c d e f g h i j k l",
];

/// What is done to a key, whatever it holds. Also for the fuzz target `restore`.
const COMMANDS: &str = include_str!("data/commands-on-a-value");

/// What logs a key as a whole, and what moves it.
const WHOLE: &[&str] = &["COPY k copy", "RENAME k other", "DEL other copy"];

/// A partition with bounds so small that short collections have their large forms.
fn fixture() -> Fixture {
    let mut f = Fixture::new();
    let encodings = Encodings {
        hash_max_listpack_entries: 4,
        list_max_listpack_size: 2,
        set_max_intset_entries: 4,
        zset_max_listpack_entries: 4,
        stream_node_max_entries: 2,
        ..Encodings::default()
    };
    f.limits = Limits { encodings, ..Limits::default() };
    f.shadow.encodings = encodings;
    f
}

fn fill(f: &mut Fixture, value: &str) {
    for line in value.split(';') {
        assert!(!f.run(&words(line)).starts_with(b"-"), "{line}");
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// The dump of `k`, without what it is sealed with.
fn dump_of(f: &mut Fixture) -> Vec<u8> {
    let reply = f.run(&["DUMP", "k"]);
    let head = reply.iter().position(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let bytes = reply.get(head..reply.len().saturating_sub(2)).unwrap_or_default();
    dump::open(bytes).unwrap_or_default().to_vec()
}

fn sealed(value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    dump::seal(&mut value);
    value
}

fn restore(f: &mut Fixture, value: &[u8], more: &[&str]) -> Vec<u8> {
    let dump = sealed(value);
    let mut line: Vec<&[u8]> = vec![b"RESTORE", b"k", b"0", &dump];
    line.extend(more.iter().map(|word| word.as_bytes()));
    f.run(&line)
}

#[test]
fn what_is_dumped_is_restored() {
    for value in VALUES {
        let mut f = fixture();
        fill(&mut f, value);
        let looks = ["TYPE k", "OBJECT ENCODING k", "DEBUG DIGEST-VALUE k"].map(words);
        let before = looks.clone().map(|look| f.run(&look));
        let dump = dump_of(&mut f);
        assert_eq!(restore(&mut f, &dump, &["REPLACE"]), OK.as_bytes(), "{value}");
        assert_eq!(looks.map(|look| f.run(&look)), before, "{value}");
        assert_eq!(dump_of(&mut f), dump, "{value}");
    }
}

#[test]
fn times_and_options_are_those_of_redis() {
    let mut f = fixture();
    let dump = sealed(b"\0\x05hello");
    let dump = dump.as_slice();
    let deadline = |f: &Fixture| f.content("k").and_then(|(_, _, deadline)| deadline);
    let full: &[&[u8]] = &[b"RESTORE", b"k", b"1000", dump];
    f.check(full, OK);
    assert_eq!(deadline(&f), Some(UnixMillis(START.0 + 1000)));
    f.check(full, "-BUSYKEY Target key name already exists.\r\n");
    let at = (START.0 + 77).to_string();
    f.check(&[&b"RESTORE"[..], b"k", at.as_bytes(), dump, b"absttl", b"replace"], OK);
    assert_eq!(deadline(&f), Some(UnixMillis(START.0 + 77)));
    f.check(&[&b"RESTORE"[..], b"k", b"0", dump, b"REPLACE", b"IDLETIME", b"1000"], OK);
    assert_eq!(deadline(&f), None);
    f.check(&["OBJECT", "IDLETIME", "k"], ":1000\r\n");
    // What would be gone at once is not made, and what was there goes.
    f.check(&[&b"RESTORE"[..], b"k", b"1", dump, b"ABSTTL", b"REPLACE"], OK);
    f.check(&["EXISTS", "k"], ":0\r\n");
    f.check(&[&b"RESTORE"[..], b"k", b"-1", dump], "-ERR Invalid TTL value, must be >= 0\r\n");
    f.check(&[&b"RESTORE"[..], b"k", b"0", &dump[2..]], NOT_SEALED);
}

#[test]
fn bytes_behind_a_value_are_ignored() {
    let mut f = fixture();
    for (value, ask, expected) in [
        (&b"\0\x01abXYZ"[..], ["GET", "k"], "$1\r\na\r\n"),
        (b"\0\xc0\x07\0", ["GET", "k"], "$1\r\n7\r\n"),
        (b"\x01\x01\x01a\x01b", ["RPOP", "k"], "$1\r\na\r\n"),
        (b"\x02\x01\x01a\x02\xff", ["SPOP", "k"], "$1\r\na\r\n"),
    ] {
        assert_eq!(restore(&mut f, value, &["REPLACE"]), OK.as_bytes());
        f.check(&ask, expected);
    }
}

#[test]
fn what_is_no_value_is_refused_and_leaves_the_key() {
    let mut f = fixture();
    f.run(&["SET", "k", "old"]);
    for value in [
        &b""[..],
        b"\0",
        b"\0\x05ab",
        b"\x63\x00",
        b"\x07\x01",
        b"\x04\x00",
        b"\x01\x00",
        b"\x02\x00",
        b"\x05\x00",
        // A field and a member that are there twice.
        b"\x04\x02\x01a\x011\x01a\x012",
        b"\x02\x02\x01a\x01a",
    ] {
        let reply = restore(&mut f, value, &["REPLACE"]);
        assert_eq!(reply, BAD_DATA.as_bytes(), "{}", value.escape_ascii());
        f.check(&["GET", "k"], "$3\r\nold\r\n");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damage_under_a_right_checksum_is_refused_or_harmless(
        value in 0..VALUES.len(),
        kind in prop_oneof![3 => Just(None), 1 => (0_u8..22).prop_map(Some)],
        changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..4),
        cut in prop_oneof![5 => Just(None), 1 => any::<u16>().prop_map(Some)],
    ) {
        let mut f = fixture();
        fill(&mut f, VALUES[value]);
        let mut bytes = dump_of(&mut f);
        for (at, byte) in changes {
            let at = usize::from(at) % bytes.len();
            bytes[at] = byte;
        }
        if let Some(kind) = kind {
            bytes[0] = kind;
        }
        if let Some(cut) = cut {
            bytes.truncate(usize::from(cut) % bytes.len());
        }
        let reply = restore(&mut f, &bytes, &["REPLACE"]);
        prop_assert!(reply == OK.as_bytes() || reply == BAD_DATA.as_bytes());
        // The fixture compares with the copy that effects make, after every command.
        for command in COMMANDS.lines() {
            f.run(&words(command));
        }
        f.encodings_agree = false;
        for command in WHOLE {
            f.run(&words(command));
        }
    }
}
