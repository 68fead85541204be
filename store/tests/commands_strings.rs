//! The string commands on one partition: replies byte for byte as Redis 7.0.15 gives them, values,
//! deadlines and effects. Expected replies were taken from redis-server 7.0.15.

#![allow(clippy::expect_used, reason = "a test may end in a panic")]

mod common;

use common::{Fixture, START};
use shardwright_codec::resp::Protocol;
use shardwright_store::types::UnixMillis;

const OK: &str = "+OK\r\n";
const NIL: &str = "$-1\r\n";
const SYNTAX: &str = "-ERR syntax error\r\n";
const NOT_INTEGER: &str = "-ERR value is not an integer or out of range\r\n";
const INVALID_SET_EXPIRE: &str = "-ERR invalid expire time in 'set' command\r\n";
const TOO_LONG: &str = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";

/// Milliseconds from the start of the test to the key's deadline.
fn ttl_ms(fixture: &Fixture, key: &str) -> Option<i64> {
    let (_, _, deadline) = fixture.content(key).expect("the key is there");
    deadline.map(|at| at.0 - START.0)
}

/// A key's value as stored: `int n`, or the text.
fn stored(fixture: &Fixture, key: &str) -> String {
    fixture.content(key).expect("the key is there").0
}

fn is_raw(fixture: &Fixture, key: &str) -> bool {
    fixture.content(key).expect("the key is there").1
}

#[test]
fn set_stores_and_get_reads() {
    let mut f = Fixture::new();
    f.check_lines(&[
        ("GET k", NIL),
        ("SET k Hello", OK),
        ("GET k", "$5\r\nHello\r\n"),
        ("SET k -12", OK),
        ("GET k", "$3\r\n-12\r\n"),
    ]);
    assert_eq!(stored(&f, "k"), "int -12");
    f.check(&[&b"SET"[..], b"k", b"\0\r\n\xff"], OK);
    f.check(&["GET", "k"], b"$4\r\n\0\r\n\xff\r\n");
    f.check(&["SET", "", ""], OK);
    f.check(&["GET", ""], "$0\r\n\r\n");
}

#[test]
fn absent_strings_are_null_in_the_clients_protocol() {
    let mut f = Fixture::new();
    f.protocol = Protocol::Resp3;
    f.check_lines(&[
        ("GET k", "_\r\n"),
        ("MGET k", "*1\r\n_\r\n"),
        ("SET k v XX", "_\r\n"),
        ("SET k v GET", "_\r\n"),
        ("GETEX n", "_\r\n"),
        ("GETDEL n", "_\r\n"),
        ("GETSET n 1", "_\r\n"),
    ]);
}

#[test]
fn strings_are_encoded_as_in_redis() {
    let mut f = Fixture::new();
    let (short, long) = ("x".repeat(44), "x".repeat(45));
    for (value, text, raw) in [
        ("9223372036854775807", "int 9223372036854775807", false),
        ("-9223372036854775808", "int -9223372036854775808", false),
        ("9223372036854775808", "9223372036854775808", false),
        ("00", "00", false),
        ("-0", "-0", false),
        (&short, &short, false),
        (&long, &long, true),
    ] {
        for command in [&["SET", "k", value][..], &["MSET", "k", value], &["GETSET", "k", value]] {
            f.run(&["DEL", "k"]);
            f.run(command);
            assert_eq!((stored(&f, "k").as_str(), is_raw(&f, "k")), (text, raw), "{command:?}");
        }
    }
}

#[test]
fn set_obeys_nx_and_xx() {
    let mut f = Fixture::new();
    f.check_lines(&[
        ("SET k a XX", NIL),
        ("GET k", NIL),
        ("SET k a nx", OK),
        ("SET k b NX", NIL),
        ("SET k b NX GET", "$1\r\na\r\n"),
        ("SET k b xx Get", "$1\r\na\r\n"),
        ("GET k", "$1\r\nb\r\n"),
        ("SET n b XX GET", NIL),
        ("SET n b NX GET", NIL),
        ("GET n", "$1\r\nb\r\n"),
        ("SETNX n c", ":0\r\n"),
        ("SETNX m c", ":1\r\n"),
        ("SET k v NX NX GET GET", "$1\r\nb\r\n"),
    ]);
}

#[test]
fn options_that_exclude_each_other_or_lack_an_argument_are_syntax_errors() {
    let mut f = Fixture::new();
    for line in [
        "SET k v NX XX",
        "SET k v XX NX",
        "SET k v EX",
        "SET k v GET EX",
        "SET k v EX 10 PX 10",
        "SET k v EX 0 NX XX",
        "SET k v EX 1 foo",
        "SET k v KEEPTTL EX 10",
        "SET k v PX 10 KEEPTTL",
        "SET k v PERSIST",
        "SET k v \"\"",
        "GETEX k KEEPTTL",
        "GETEX k NX",
        "GETEX k GET",
        "GETEX k EX",
        "GETEX k PERSIST EX 10",
        "GETEX k EX 10 PERSIST",
        "GETEX k EXAT 10 PXAT 10",
    ] {
        f.check_lines(&[(line, SYNTAX)]);
        assert_eq!(f.content("k"), None, "{line}");
    }
}

#[test]
fn set_takes_deadlines_in_four_forms_and_clears_them_otherwise() {
    let mut f = Fixture::new();
    let exat = format!("SET k v EXAT {}", START.0 / 1000 + 60);
    let pxat = format!("SET k v PXAT {}", START.0 + 60);
    for (line, ttl) in [
        ("SET k v EX 60", Some(60_000)),
        ("SET k v ex 10 EX 60", Some(60_000)),
        ("SET k v", None),
        ("SET k v px 60", Some(60)),
        ("SET k w KEEPTTL", Some(60)),
        ("SET k w KEEPTTL KEEPTTL", Some(60)),
        (&exat, Some(60_000)),
        (&pxat, Some(60)),
        ("SETEX k 60 v", Some(60_000)),
        ("PSETEX k 60 v", Some(60)),
        ("SET k v PXAT 9223372036854775807", Some(i64::MAX - START.0)),
    ] {
        f.check_lines(&[(line, OK)]);
        assert_eq!(ttl_ms(&f, "k"), ttl, "{line}");
    }
    f.check_lines(&[("GETSET k v", "$1\r\nv\r\n")]);
    assert_eq!(ttl_ms(&f, "k"), None, "GETSET clears the deadline");
    f.check_lines(&[("SET k v EX 60", OK), ("MSET k v", OK)]);
    assert_eq!(ttl_ms(&f, "k"), None, "MSET clears the deadline");
}

#[test]
fn times_that_set_cannot_take_change_nothing() {
    let mut f = Fixture::new();
    for (line, error) in [
        ("SET k v EX 0", INVALID_SET_EXPIRE),
        ("SET k v PX -1", INVALID_SET_EXPIRE),
        ("SET k v PX 9223372036854775807", INVALID_SET_EXPIRE),
        ("SET k v EX 9223372036854775807", INVALID_SET_EXPIRE),
        ("SET k v EX 9223372036854775", INVALID_SET_EXPIRE),
        ("SET k v EXAT 9223372036854775807", INVALID_SET_EXPIRE),
        ("SET k v EX abc", NOT_INTEGER),
        ("SET k v EX 010", NOT_INTEGER),
        ("SET k v EX 9999999999999999999", NOT_INTEGER),
        ("SETEX k 0 v", "-ERR invalid expire time in 'setex' command\r\n"),
        ("PSETEX k -1 v", "-ERR invalid expire time in 'psetex' command\r\n"),
        ("SETEX k abc v", NOT_INTEGER),
    ] {
        f.check_lines(&[(line, error)]);
        assert_eq!(f.content("k"), None, "{line}");
    }
}

#[test]
fn a_deadline_in_the_past_makes_a_key_that_nobody_sees() {
    let mut f = Fixture::new();
    f.check_lines(&[("SET k v PXAT 1", OK), ("GET k", NIL)]);
    assert_eq!(f.content("k"), None, "the reader's lookup removed it");
    f.check_lines(&[("SET k v EXAT 1", OK), ("SET k w NX", OK), ("GET k", "$1\r\nw\r\n")]);
}

#[test]
fn keys_end_right_after_their_deadline() {
    let mut f = Fixture::new();
    f.check_lines(&[("SET k 5 PX 100", OK)]);
    f.advance_ms(99);
    f.check_lines(&[("GET k", "$1\r\n5\r\n"), ("INCR k", ":6\r\n")]);
    f.advance_ms(1);
    f.check_lines(&[("GET k", "$1\r\n6\r\n")]);
    f.advance_ms(1);
    f.check_lines(&[("GET k", NIL), ("SET k 5 PX 100", OK)]);
    f.advance_ms(101);
    f.check_lines(&[("INCR k", ":1\r\n")]);
    assert_eq!(ttl_ms(&f, "k"), None, "the new key does not inherit the deadline");
}

#[test]
fn getex_changes_the_deadline_only() {
    let mut f = Fixture::new();
    let past = format!("GETEX k PXAT {}", START.0);
    f.check_lines(&[("SET k v", OK), ("GETEX k", "$1\r\nv\r\n")]);
    assert!(f.effects().is_empty());
    for (line, ttl) in [
        ("GETEX k PX 60", Some(60)),
        ("GETEX k", Some(60)),
        ("GETEX k persist", None),
        ("GETEX k EX 60", Some(60_000)),
    ] {
        f.check_lines(&[(line, "$1\r\nv\r\n")]);
        assert_eq!(ttl_ms(&f, "k"), ttl, "{line}");
    }
    f.check_lines(&[
        ("GETEX k EX 0", "-ERR invalid expire time in 'getex' command\r\n"),
        ("GETEX k EX abc", NOT_INTEGER),
        ("GETEX n EX 0", NIL),
        ("GETEX n EX abc", NIL),
        (&past, "$1\r\nv\r\n"),
        ("GET k", NIL),
    ]);
}

#[test]
fn persisting_a_key_without_deadline_is_no_change() {
    let mut f = Fixture::new();
    f.check_lines(&[("SET k v", OK), ("GETEX k PERSIST", "$1\r\nv\r\n")]);
    assert!(f.effects().is_empty());
}

#[test]
fn getset_and_getdel_reply_the_old_value() {
    let mut f = Fixture::new();
    f.check_lines(&[
        ("GETSET k a", NIL),
        ("GETSET k 7", "$1\r\na\r\n"),
        ("GETDEL k", "$1\r\n7\r\n"),
        ("GETDEL k", NIL),
        ("GET k", NIL),
    ]);
}

#[test]
fn several_keys_are_read_and_set_in_order() {
    let mut f = Fixture::new();
    f.check_lines(&[
        ("MSET a 1 b two a 3", OK),
        ("MGET a none b a", "*4\r\n$1\r\n3\r\n$-1\r\n$3\r\ntwo\r\n$1\r\n3\r\n"),
        ("MSETNX c 1 b 2", ":0\r\n"),
        ("GET c", NIL),
        ("MSETNX c 1 d 2 c 3", ":1\r\n"),
        ("MGET c d", "*2\r\n$1\r\n3\r\n$1\r\n2\r\n"),
        ("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command\r\n"),
        ("MSETNX x 1 b", "-ERR wrong number of arguments for 'msetnx' command\r\n"),
        ("GET a", "$1\r\n3\r\n"),
    ]);
}

#[test]
fn integers_are_added_up_and_keep_their_deadline() {
    let mut f = Fixture::new();
    f.check_lines(&[
        ("INCR n", ":1\r\n"),
        ("INCRBY n 41", ":42\r\n"),
        ("DECR n", ":41\r\n"),
        ("DECRBY n -1", ":42\r\n"),
        ("DECRBY n 50", ":-8\r\n"),
        ("GET n", "$2\r\n-8\r\n"),
        ("SET n 10 PX 100", OK),
        ("INCR n", ":11\r\n"),
    ]);
    assert_eq!(ttl_ms(&f, "n"), Some(100));
    assert_eq!(stored(&f, "n"), "int 11");
}

#[test]
fn arithmetic_that_would_overflow_or_has_no_integer_changes_nothing() {
    let mut f = Fixture::new();
    const OVERFLOW: &str = "-ERR increment or decrement would overflow\r\n";
    f.check_lines(&[
        ("SET n 9223372036854775807", OK),
        ("INCR n", OVERFLOW),
        ("DECRBY n -9223372036854775807", OVERFLOW),
        ("DECRBY n -9223372036854775808", "-ERR decrement would overflow\r\n"),
        ("INCRBY n abc", NOT_INTEGER),
        ("INCRBY n 1.0", NOT_INTEGER),
        ("INCRBY n 9223372036854775808", NOT_INTEGER),
        ("GET n", "$19\r\n9223372036854775807\r\n"),
        ("SET n -9223372036854775808", OK),
        ("DECR n", OVERFLOW),
        ("SET n 01", OK),
        ("INCR n", NOT_INTEGER),
        ("APPEND m 1", ":1\r\n"),
        ("APPEND m 2", ":2\r\n"),
        ("INCR m", ":13\r\n"),
    ]);
    assert_eq!(stored(&f, "m"), "int 13", "a raw string of digits counts on as an integer");
}

#[test]
fn floats_are_added_up_and_stored_as_text() {
    let mut f = Fixture::new();
    const NOT_FLOAT: &str = "-ERR value is not a valid float\r\n";
    const NOT_FINITE: &str = "-ERR increment would produce NaN or Infinity\r\n";
    f.check_lines(&[
        ("INCRBYFLOAT x 3", "$1\r\n3\r\n"),
        ("INCRBYFLOAT x 0.1", "$3\r\n3.1\r\n"),
        ("INCRBYFLOAT x -3.1", "$1\r\n0\r\n"),
        ("INCRBYFLOAT x abc", NOT_FLOAT),
        ("INCRBYFLOAT x nan", NOT_FLOAT),
        ("INCRBYFLOAT x inf", NOT_FINITE),
        ("INCRBYFLOAT x 1e2", "$3\r\n100\r\n"),
        ("SET y 5 PX 100", OK),
        ("INCRBYFLOAT y 5.0e-1", "$3\r\n5.5\r\n"),
        ("SET z abc", OK),
        ("INCRBYFLOAT z 1", NOT_FLOAT),
    ]);
    assert_eq!((stored(&f, "x"), is_raw(&f, "x")), ("100".to_owned(), false));
    assert_eq!(ttl_ms(&f, "y"), Some(100));
    f.check(&["INCRBYFLOAT", "x", " 1"], NOT_FLOAT);
    f.check(&["INCRBYFLOAT", "x", ""], NOT_FLOAT);
}

#[test]
fn append_makes_a_raw_string_of_what_was_there() {
    let mut f = Fixture::new();
    f.check_lines(&[("APPEND k 12", ":2\r\n")]);
    assert_eq!(stored(&f, "k"), "int 12");
    f.check(&["APPEND", "k", ""], ":2\r\n");
    assert_eq!((stored(&f, "k"), is_raw(&f, "k")), ("12".to_owned(), true));
    f.check_lines(&[
        ("APPEND k 3", ":3\r\n"),
        ("STRLEN k", ":3\r\n"),
        ("SET k ab PX 50", OK),
        ("APPEND k c", ":3\r\n"),
        ("GET k", "$3\r\nabc\r\n"),
    ]);
    assert_eq!(ttl_ms(&f, "k"), Some(50));
}

#[test]
fn long_strings_grow_by_effects_of_what_was_added() {
    let mut f = Fixture::new();
    let long = "x".repeat(20_000);
    f.check(&["APPEND", "k", long.as_str()], ":20000\r\n");
    f.check_lines(&[("APPEND k yz", ":20002\r\n")]);
    assert_eq!(f.effects().len(), 1);
    assert!(f.effects()[0].starts_with("Splice"), "{:.80}", f.effects()[0]);
    f.check_lines(&[
        ("SETRANGE k 0 ab", ":20002\r\n"),
        ("GETRANGE k 0 2", "$3\r\nabx\r\n"),
        ("GETRANGE k -3 -1", "$3\r\nxyz\r\n"),
        ("SETRANGE k 20004 end", ":20007\r\n"),
    ]);
    assert!(f.effects()[0].starts_with("Splice"), "{:.80}", f.effects()[0]);
    f.check(&["GETRANGE", "k", "20000", "-1"], "$7\r\nyz\0\0end\r\n");
    f.check_lines(&[("SET n 7", OK)]);
    f.check(&["APPEND", "n", long.as_str()], ":20001\r\n");
    f.check_lines(&[("GETRANGE n 0 1", "$2\r\n7x\r\n")]);
}

#[test]
fn setrange_fills_gaps_with_zeros() {
    let mut f = Fixture::new();
    f.check_lines(&[("SET k Hello PX 50", OK), ("SETRANGE k 7 x", ":8\r\n")]);
    f.check(&["GET", "k"], "$8\r\nHello\0\0x\r\n");
    assert_eq!((ttl_ms(&f, "k"), is_raw(&f, "k")), (Some(50), true));
    f.check_lines(&[("SETRANGE n 2 1", ":3\r\n")]);
    f.check(&["GET", "n"], "$3\r\n\0\x001\r\n");
    f.check_lines(&[("SET i 12345", OK), ("SETRANGE i 1 00", ":5\r\n")]);
    assert_eq!((stored(&f, "i"), is_raw(&f, "i")), ("10045".to_owned(), true));
    f.check_lines(&[("SETRANGE far 100000 x", ":100001\r\n")]);
    assert!(f.effects().concat().len() < 1000, "no effect has the gap's zeros");
    f.check_lines(&[("STRLEN far", ":100001\r\n")]);
    f.check(&["GETRANGE", "far", "99999", "-1"], "$2\r\n\0x\r\n");
}

#[test]
fn setrange_refuses_what_does_not_fit_and_ignores_nothing() {
    let mut f = Fixture::new();
    f.limits.max_string = 10;
    f.check(&["SETRANGE", "n", "0", ""], ":0\r\n");
    f.check(&["SETRANGE", "n", "9000", ""], ":0\r\n");
    assert_eq!(f.content("n"), None);
    f.check_lines(&[
        ("SETRANGE n -1 x", "-ERR offset is out of range\r\n"),
        ("SETRANGE n abc x", NOT_INTEGER),
        ("SETRANGE n 10 x", TOO_LONG),
        ("SETRANGE n 9223372036854775807 x", TOO_LONG),
        ("SETRANGE n 9 x", ":10\r\n"),
        ("APPEND n x", TOO_LONG),
    ]);
    f.check(&["SETRANGE", "n", "9000", ""], ":10\r\n");
    f.check(&["APPEND", "n", ""], ":10\r\n");
}

#[test]
fn substrings_are_cut_from_integers_and_bytes() {
    let mut f = Fixture::new();
    f.check_lines(&[
        ("SET k 12345", OK),
        ("GETRANGE k 1 -2", "$3\r\n234\r\n"),
        ("SUBSTR k 0 1", "$2\r\n12\r\n"),
        ("SUBSTR none 0 1", "$0\r\n\r\n"),
        ("GETRANGE k a 1", NOT_INTEGER),
        ("GETRANGE none 1 a", NOT_INTEGER),
        ("STRLEN k", ":5\r\n"),
        ("STRLEN none", ":0\r\n"),
    ]);
}

#[test]
fn only_lookups_that_read_count_as_hits_and_misses() {
    let mut f = Fixture::new();
    f.check_lines(&[("SET k 1", OK), ("INCR k", ":2\r\n"), ("SETNX k 1", ":0\r\n")]);
    assert_eq!((f.partition.counters.hits, f.partition.counters.misses), (0, 0));
    for line in ["GET k", "GETEX k", "SET k 1 GET", "GETSET k 1", "STRLEN k", "GETDEL k"] {
        f.run(&line.split(' ').collect::<Vec<_>>());
    }
    assert_eq!((f.partition.counters.hits, f.partition.counters.misses), (6, 0));
    for line in ["GET k", "GETEX k", "GETDEL k", "MGET k k"] {
        f.run(&line.split(' ').collect::<Vec<_>>());
    }
    assert_eq!((f.partition.counters.hits, f.partition.counters.misses), (6, 5));
}

#[test]
fn a_change_has_one_effect_whose_deadline_is_absolute() {
    let mut f = Fixture::new();
    let deadline = format!("{:?}", Some(UnixMillis(START.0 + 5000)));
    for line in ["SET k 1 EX 5", "SETEX k 5 1", "PSETEX k 5000 1"] {
        f.check_lines(&[(line, OK)]);
        assert_eq!(f.effects().len(), 1, "{line}");
        assert!(f.effects()[0].contains(&deadline), "{line}: {}", f.effects()[0]);
    }
}

#[test]
fn lcs_replies_text_length_or_ranges() {
    let mut f = Fixture::new();
    let range = "*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n";
    let plain = format!("*4\r\n$7\r\nmatches\r\n*1\r\n*2\r\n{range}$3\r\nlen\r\n:6\r\n");
    let with_length =
        format!("%2\r\n$7\r\nmatches\r\n*1\r\n*3\r\n{range}:4\r\n$3\r\nlen\r\n:6\r\n");
    f.check_lines(&[
        ("MSET a ohmytext b mynewtext n 12345", OK),
        ("LCS a b", "$6\r\nmytext\r\n"),
        ("LCS a b len", ":6\r\n"),
        ("LCS a b IDX MINMATCHLEN 4", &plain),
        ("LCS a none", "$0\r\n\r\n"),
        ("LCS n n MINMATCHLEN -5", "$5\r\n12345\r\n"),
        ("LCS n n IDX MINMATCHLEN 9223372036854775807", EMPTY_RANGES),
    ]);
    f.protocol = Protocol::Resp3;
    f.check_lines(&[("LCS a b WITHMATCHLEN MINMATCHLEN 4 IDX", &with_length)]);
}

const EMPTY_RANGES: &str = "*4\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:5\r\n";

#[test]
fn lcs_refuses_wrong_options_and_tables_over_the_bound() {
    let mut f = Fixture::new();
    f.limits.max_string = 100;
    f.check_lines(&[
        ("LCS a b foo", SYNTAX),
        ("LCS a b MINMATCHLEN", SYNTAX),
        ("LCS a b MINMATCHLEN x", NOT_INTEGER),
        (
            "LCS a b IDX LEN",
            "-ERR If you want both the length and indexes, please just use IDX.\r\n",
        ),
        ("MSET a abcd b abcd", OK),
        ("LCS a b", "$4\r\nabcd\r\n"),
        ("APPEND a e", ":5\r\n"),
        (
            "LCS a b",
            "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n",
        ),
    ]);
}
