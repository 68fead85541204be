//! The commands for keys of any type, through the executor: on one shard and on three, with a shadow
//! of each shard that sees effects only. Replies are those of redis-server 7.0.15.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "commands_keys/debug.rs"]
mod debug;
#[path = "commands_keys/shards.rs"]
mod shards;

use std::collections::{BTreeMap, BTreeSet};

use shards::{Shards, on_one_and_three};
use shardwright_codec::resp::Protocol;
use shardwright_store::digest::partition_digest;
use shardwright_store::types::DbIndex;
use shardwright_store::watch::WatchToken;

// On three shards the keys `a`, `b` and `c` are on different ones.

/// The bulk strings of a reply, in order.
fn bulks(reply: &[u8]) -> Vec<String> {
    let text = String::from_utf8(reply.to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with('$') {
            found.extend(lines.next().map(str::to_owned));
        }
    }
    found
}

fn names(reply: &[u8]) -> BTreeSet<String> {
    bulks(reply).into_iter().collect()
}

fn set(shards: &mut Shards, keys: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let keys: BTreeSet<_> = keys.into_iter().collect();
    keys.iter().for_each(|key| shards.check(&format!("SET {key} v"), "+OK\r\n"));
    keys
}

#[test]
fn keys_are_removed_counted_and_named_by_type() {
    on_one_and_three(|s| {
        s.check_lines(&[
            ("MSET a 1 b 2 c 3", "+OK\r\n"),
            ("EXISTS a b c a none", ":4\r\n"),
            ("TOUCH a a none", ":2\r\n"),
            ("TYPE a", "+string\r\n"),
            ("TYPE none", "+none\r\n"),
            ("DEL a none a", ":1\r\n"),
            ("UNLINK b c c", ":2\r\n"),
            ("EXISTS a b c", ":0\r\n"),
        ]);
    });
}

#[test]
fn rename_moves_value_and_deadline_and_replaces_the_target() {
    on_one_and_three(|s| {
        s.check_lines(&[
            ("SET a Hello PXAT 1800000000000", "+OK\r\n"),
            ("SET b World PXAT 1900000000000", "+OK\r\n"),
            ("RENAME a b", "+OK\r\n"),
            ("GET b", "$5\r\nHello\r\n"),
            ("PEXPIRETIME b", ":1800000000000\r\n"),
            ("EXISTS a", ":0\r\n"),
            ("SET c 7", "+OK\r\n"),
            ("RENAME c b", "+OK\r\n"),
            ("PTTL b", ":-1\r\n"),
            ("OBJECT ENCODING b", "$3\r\nint\r\n"),
            ("DBSIZE", ":1\r\n"),
        ]);
    });
}

#[test]
fn rename_to_another_shard_records_a_deletion_and_the_new_key() {
    let mut s = Shards::new(3);
    s.check_lines(&[("SET b Hello", "+OK\r\n"), ("RENAME b c", "+OK\r\n")]);
    assert_eq!(s.effects.len(), 2, "{:?}", s.effects);
    assert!(s.effects[0].starts_with("0 Delete"), "{:?}", s.effects);
    assert!(s.effects[1].starts_with("1 Put"), "{:?}", s.effects);
}

#[test]
fn rename_and_move_within_a_shard_record_that_alone() {
    on_one_and_three(|s| {
        s.check("RPUSH {b}1 an element", ":2\r\n");
        for (command, reply) in [
            ("RENAME {b}1 {b}2", "+OK\r\n"),
            ("RENAMENX {b}2 {b}3", ":1\r\n"),
            ("MOVE {b}3 2", ":1\r\n"),
        ] {
            s.check(command, reply);
            assert_eq!(s.effects.len(), 1, "{command}: {:?}", s.effects);
            assert!(s.effects[0].starts_with("0 Move"), "{command}: {:?}", s.effects);
        }
    });
}

#[test]
fn rename_to_itself_only_needs_the_key() {
    on_one_and_three(|s| {
        s.check_lines(&[
            ("RENAME a a", "-ERR no such key\r\n"),
            ("RENAMENX a b", "-ERR no such key\r\n"),
            ("SET a 1", "+OK\r\n"),
            ("RENAME a a", "+OK\r\n"),
            ("RENAMENX a a", ":0\r\n"),
            ("SET b 2", "+OK\r\n"),
            ("RENAMENX a b", ":0\r\n"),
            ("RENAMENX a c", ":1\r\n"),
            ("MGET a b c", "*3\r\n$-1\r\n$1\r\n2\r\n$1\r\n1\r\n"),
        ]);
    });
}

#[test]
fn copy_leaves_the_source_and_respects_the_target() {
    on_one_and_three(|s| {
        s.check_lines(&[
            ("SET a Hello PXAT 1800000000000", "+OK\r\n"),
            ("COPY a b", ":1\r\n"),
            ("PEXPIRETIME b", ":1800000000000\r\n"),
            ("SET c 5", "+OK\r\n"),
            ("COPY a c", ":0\r\n"),
            ("COPY a c REPLACE", ":1\r\n"),
            ("GET c", "$5\r\nHello\r\n"),
            ("COPY none c REPLACE", ":0\r\n"),
            ("COPY a a", "-ERR source and destination objects are the same\r\n"),
            ("COPY none none", "-ERR source and destination objects are the same\r\n"),
            ("COPY a a DB 3", ":1\r\n"),
            ("COPY a a DB 3", ":0\r\n"),
            ("COPY a b DB 3 REPLACE DB 4", ":1\r\n"),
            ("GET a", "$5\r\nHello\r\n"),
        ]);
        s.db = DbIndex(4);
        s.check("PEXPIRETIME b", ":1800000000000\r\n");
        s.db = DbIndex(3);
        s.check("KEYS *", "*1\r\n$1\r\na\r\n");
    });
}

#[test]
fn copy_and_move_refuse_databases_that_are_not_there() {
    const BELOW: &str =
        "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n";
    on_one_and_three(|s| {
        s.check_lines(&[
            ("COPY a b DB 16", "-ERR DB index is out of range\r\n"),
            ("COPY a b DB -1", "-ERR DB index is out of range\r\n"),
            ("COPY a b DB x", "-ERR value is not an integer or out of range\r\n"),
            ("COPY a b DB 99999999999", BELOW),
            ("COPY a b DB", "-ERR syntax error\r\n"),
            ("COPY a b FOO", "-ERR syntax error\r\n"),
            ("MOVE a 16", "-ERR DB index is out of range\r\n"),
            ("MOVE a x", "-ERR value is not an integer or out of range\r\n"),
            ("MOVE a -99999999999", BELOW),
            ("MOVE none 0", "-ERR source and destination objects are the same\r\n"),
        ]);
    });
}

#[test]
fn move_takes_value_and_deadline_along_unless_the_name_is_taken() {
    on_one_and_three(|s| {
        s.check_lines(&[
            ("SET b 12 PXAT 1800000000000", "+OK\r\n"),
            ("MOVE none 1", ":0\r\n"),
            ("MOVE b 1", ":1\r\n"),
            ("EXISTS b", ":0\r\n"),
            ("SET b other", "+OK\r\n"),
            ("MOVE b 1", ":0\r\n"),
        ]);
        s.db = DbIndex(1);
        s.check_lines(&[("GET b", "$2\r\n12\r\n"), ("PEXPIRETIME b", ":1800000000000\r\n")]);
    });
}

#[test]
fn an_expired_key_is_no_source_and_no_obstacle() {
    on_one_and_three(|s| {
        s.check("MSET a 1 b 2 c 3", "+OK\r\n");
        s.check_lines(&[("PEXPIRE a 10", ":1\r\n"), ("PEXPIRE b 10", ":1\r\n")]);
        s.advance_ms(11);
        s.check_lines(&[
            ("RENAME a c", "-ERR no such key\r\n"),
            ("COPY c b", ":1\r\n"),
            ("TTL b", ":-1\r\n"),
            ("EXISTS a b c", ":2\r\n"),
        ]);
    });
}

#[test]
fn whole_databases_are_flushed_on_every_shard() {
    on_one_and_three(|s| {
        s.check("MSET a 1 b 2 c 3", "+OK\r\n");
        s.db = DbIndex(5);
        s.check("MSET a 1 b 2 c 3", "+OK\r\n");
        s.check_lines(&[
            ("DBSIZE", ":3\r\n"),
            ("FLUSHDB FOO", "-ERR syntax error\r\n"),
            ("FLUSHDB ASYNC SYNC", "-ERR syntax error\r\n"),
            ("FLUSHDB async", "+OK\r\n"),
            ("DBSIZE", ":0\r\n"),
        ]);
        s.db = DbIndex(0);
        s.check_lines(&[
            ("DBSIZE", ":3\r\n"),
            ("FLUSHALL SYNC x", "-ERR syntax error\r\n"),
            ("FLUSHALL", "+OK\r\n"),
            ("KEYS *", "*0\r\n"),
        ]);
    });
}

#[test]
fn swapdb_exchanges_two_databases_on_every_shard() {
    on_one_and_three(|s| {
        s.check("MSET a 1 b 2 c 3", "+OK\r\n");
        s.check_lines(&[
            ("SWAPDB x 0", "-ERR invalid first DB index\r\n"),
            ("SWAPDB 0 99999999999", "-ERR invalid second DB index\r\n"),
            ("SWAPDB 0 16", "-ERR DB index is out of range\r\n"),
            ("SWAPDB -1 0", "-ERR DB index is out of range\r\n"),
            ("SWAPDB 7 7", "+OK\r\n"),
            ("SWAPDB 0 7", "+OK\r\n"),
            ("DBSIZE", ":0\r\n"),
        ]);
        s.db = DbIndex(7);
        s.check("DBSIZE", ":3\r\n");
    });
}

#[test]
fn keys_finds_living_keys_by_pattern_on_every_shard() {
    on_one_and_three(|s| {
        let all = set(s, (0..50).map(|i| format!("key:{i}")).chain(["*".into(), "a?".into()]));
        assert_eq!(names(&s.run(&["KEYS", "*"])), all);
        assert_eq!(names(&s.run(&["KEYS", "**"])), all);
        assert_eq!(names(&s.run(&["KEYS", "key:1?"])).len(), 10);
        s.check("KEYS key:7", "*1\r\n$5\r\nkey:7\r\n");
        s.check(r"KEYS \*", "*1\r\n$1\r\n*\r\n");
        s.check("KEYS none", "*0\r\n");
        s.run(&["SET", "", "v"]);
        assert_eq!(s.run(&["KEYS", ""]), b"*1\r\n$0\r\n\r\n");
        assert_eq!(names(&s.run(&["KEYS", "*"])).len(), all.len() + 1);
        assert_eq!(names(&s.run(&["KEYS", "**"])), all, "the empty key matches `*` alone");
        s.check("PEXPIRE key:7 5", ":1\r\n");
        s.advance_ms(6);
        s.check_lines(&[("KEYS key:7", "*0\r\n"), ("KEYS key:[7]", "*0\r\n")]);
    });
}

#[test]
fn randomkey_finds_every_key_about_as_often() {
    on_one_and_three(|s| {
        s.check("RANDOMKEY", "$-1\r\n");
        // Twelve keys share a slot, so one shard has more than the others.
        let all = set(s, (0..8).map(|i| i.to_string()).chain((0..12).map(|i| format!("{{t}}{i}"))));
        let mut seen = BTreeMap::<_, u32>::new();
        for _ in 0..10_000 {
            *seen.entry(bulks(&s.run(&["RANDOMKEY"])).remove(0)).or_default() += 1;
        }
        assert_eq!(seen.keys().cloned().collect::<BTreeSet<_>>(), all);
        assert!(seen.values().all(|times| (400..600).contains(times)), "{seen:?}");
    });
}

#[test]
fn randomkey_ends_when_nearly_all_keys_are_expired() {
    on_one_and_three(|s| {
        for i in 0..500 {
            s.run(&["SET", &format!("k{i}"), "v", "PX", "1"]);
        }
        s.check("SET living v", "+OK\r\n");
        s.advance_ms(2);
        s.check_lines(&[("RANDOMKEY", "$6\r\nliving\r\n"), ("DEL living", ":1\r\n")]);
        s.check("RANDOMKEY", "$-1\r\n");
        s.protocol = Protocol::Resp3;
        s.check("RANDOMKEY", "_\r\n");
    });
}

/// All keys that a whole scan returns, and the number of its steps.
fn scan_all(s: &mut Shards, options: &[&str]) -> (Vec<String>, usize) {
    let (mut cursor, mut found, mut steps) = ("0".to_owned(), Vec::new(), 0);
    loop {
        let mut parts = bulks(&s.run(&[&["SCAN", &cursor], options].concat()));
        cursor = parts.remove(0);
        found.extend(parts);
        steps += 1;
        assert!(steps < 10_000, "the scan ends");
        if cursor == "0" {
            return (found, steps);
        }
    }
}

#[test]
fn scan_returns_every_key_once_from_shard_to_shard() {
    on_one_and_three(|s| {
        assert_eq!(scan_all(s, &[]), (vec![], s.partitions().len()));
        let all = set(
            s,
            (0..500).map(|i| format!("key:{i}")).chain((0..300).map(|i| format!("{{t}}{i}"))),
        );
        for options in [&[][..], &["COUNT", "1"], &["COUNT", "100"], &["COUNT", "100000"]] {
            let (found, _) = scan_all(s, options);
            assert_eq!(found.len(), all.len(), "each key once with {options:?}");
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), all);
        }
        let (_, steps) = scan_all(s, &["COUNT", "100000"]);
        assert_eq!(steps, s.partitions().len());
        s.check("SCAN 9223372036854775807", "*2\r\n$1\r\n0\r\n*0\r\n");
    });
}

#[test]
fn scan_selects_by_pattern_type_and_life() {
    on_one_and_three(|s| {
        set(s, (0..100).map(|i| format!("key:{i}")));
        s.check("PEXPIRE key:11 3", ":1\r\n");
        s.advance_ms(4);
        let scan = |s: &mut Shards, options: &[&str]| {
            let (mut found, _) = scan_all(s, options);
            found.sort();
            found
        };
        let tens: Vec<_> = [10, 12, 13, 14, 15, 16, 17, 18, 19].map(|i| format!("key:{i}")).into();
        assert_eq!(scan(s, &["MATCH", "key:1?"]), tens);
        assert_eq!(scan(s, &["match", "key:1?", "type", "STRING", "count", "3"]), tens);
        assert_eq!(scan(s, &["MATCH", "x", "MATCH", "key:1?"]), tens, "the last MATCH counts");
        assert_eq!(scan(s, &["TYPE", "list"]).len(), 0);
        assert_eq!(scan(s, &["TYPE", "nonsense"]).len(), 0);
        assert_eq!(scan(s, &["MATCH", "*"]).len(), 99);
    });
}

#[test]
fn a_step_of_scan_is_bounded_by_count() {
    let mut s = Shards::new(1);
    s.check("DEBUG POPULATE 3000", "+OK\r\n");
    let found = bulks(&s.run(&["SCAN", "0", "COUNT", "50"])).len() - 1;
    assert!((50..100).contains(&found), "{found}");
    let (found, steps) = scan_all(&mut s, &["MATCH", "none", "COUNT", "10"]);
    assert!(found.is_empty() && steps > 200, "a step passes few keys though none matches: {steps}");
}

#[test]
fn scan_refuses_what_it_does_not_understand() {
    on_one_and_three(|s| {
        s.check_lines(&[
            ("SCAN abc", "-ERR invalid cursor\r\n"),
            ("SCAN 18446744073709551616", "-ERR invalid cursor\r\n"),
            ("SCAN 0x10", "-ERR invalid cursor\r\n"),
            ("SCAN x COUNT", "-ERR invalid cursor\r\n"),
            ("SCAN 0 COUNT", "-ERR syntax error\r\n"),
            ("SCAN 0 COUNT 0", "-ERR syntax error\r\n"),
            ("SCAN 0 COUNT x", "-ERR value is not an integer or out of range\r\n"),
            ("SCAN 0 FOO bar", "-ERR syntax error\r\n"),
            ("SCAN -1", "*2\r\n$1\r\n0\r\n*0\r\n"),
            ("SCAN 0 COUNT 9223372036854775807 MATCH", "-ERR syntax error\r\n"),
        ]);
    });
}

#[test]
fn deadlines_are_set_read_and_removed() {
    on_one_and_three(|s| {
        s.check_lines(&[
            ("EXPIRE none 10", ":0\r\n"),
            ("TTL none", ":-2\r\n"),
            ("PEXPIRETIME none", ":-2\r\n"),
            ("SET a 1", "+OK\r\n"),
            ("TTL a", ":-1\r\n"),
            ("EXPIRETIME a", ":-1\r\n"),
            ("PERSIST a", ":0\r\n"),
            ("EXPIRE a 10", ":1\r\n"),
            ("PTTL a", ":10000\r\n"),
            ("PEXPIRE a 1499", ":1\r\n"),
            ("TTL a", ":1\r\n"),
            ("PEXPIRE a 1500", ":1\r\n"),
            ("TTL a", ":2\r\n"),
            ("EXPIREAT a 1800000000", ":1\r\n"),
            ("EXPIRETIME a", ":1800000000\r\n"),
            ("PEXPIREAT a 1800000000500", ":1\r\n"),
            ("PEXPIRETIME a", ":1800000000500\r\n"),
            ("EXPIRETIME a", ":1800000001\r\n"),
            ("PEXPIREAT a 9223372036854775807", ":1\r\n"),
            ("EXPIRETIME a", ":9223372036854776\r\n"),
            ("PERSIST a", ":1\r\n"),
            ("TTL a", ":-1\r\n"),
        ]);
    });
}

#[test]
fn a_deadline_in_the_past_deletes_the_key() {
    on_one_and_three(|s| {
        for line in ["EXPIRE a 0", "EXPIRE a -1", "PEXPIREAT a -5", "EXPIREAT a 1", "PEXPIRE a 0"] {
            s.check("SET a 1", "+OK\r\n");
            s.check(line, ":1\r\n");
            assert_eq!(s.effects.len(), 1, "{line}");
            assert!(s.effects[0].contains("Delete"), "{line}: {:?}", s.effects);
            s.check("EXISTS a", ":0\r\n");
        }
    });
}

#[test]
fn a_key_is_gone_in_the_millisecond_after_its_deadline() {
    on_one_and_three(|s| {
        s.check_lines(&[("SET a 1", "+OK\r\n"), ("PEXPIRE a 100", ":1\r\n")]);
        s.advance_ms(99);
        s.check("PTTL a", ":1\r\n");
        s.advance_ms(1);
        s.check("PTTL a", ":0\r\n");
        s.advance_ms(1);
        s.check("PTTL a", ":-2\r\n");
        assert_eq!(s.effects.len(), 1, "the reader's find is removed: {:?}", s.effects);
        s.check("PERSIST a", ":0\r\n");
    });
}

#[test]
fn conditions_decide_about_a_new_deadline() {
    on_one_and_three(|s| {
        s.check("SET a 1", "+OK\r\n");
        s.check_lines(&[
            ("EXPIRE a 100 XX", ":0\r\n"),
            ("EXPIRE a 100 GT", ":0\r\n"),
            ("EXPIRE a 100 LT", ":1\r\n"),
            ("EXPIRE a 100 LT", ":0\r\n"),
            ("EXPIRE a 100 GT", ":0\r\n"),
            ("EXPIRE a 200 gt", ":1\r\n"),
            ("EXPIRE a 300 NX", ":0\r\n"),
            ("EXPIRE a 300 XX GT", ":1\r\n"),
            ("EXPIRE a 300 XX XX", ":1\r\n"),
            ("TTL a", ":300\r\n"),
            ("EXPIRE a -1 NX", ":0\r\n"),
            ("EXPIRE a -1 GT", ":0\r\n"),
            ("EXPIRE a -1 LT", ":1\r\n"),
            ("EXISTS a", ":0\r\n"),
        ]);
    });
}

#[test]
fn wrong_conditions_and_times_are_named() {
    const NX: &str = "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n";
    const GT: &str = "-ERR GT and LT options at the same time are not compatible\r\n";
    const INTEGER: &str = "-ERR value is not an integer or out of range\r\n";
    on_one_and_three(|s| {
        s.check_lines(&[
            ("EXPIRE a 10 NX XX", NX),
            ("EXPIRE a 10 GT NX LT", NX),
            ("EXPIRE a 10 XX GT LT", GT),
            ("EXPIRE a x", INTEGER),
            ("EXPIREAT a 1.5", INTEGER),
            ("EXPIRE a x FOO", "-ERR Unsupported option FOO\r\n"),
            ("EXPIRE a 9223372036854775", "-ERR invalid expire time in 'expire' command\r\n"),
            ("EXPIRE a -9223372036854776", "-ERR invalid expire time in 'expire' command\r\n"),
            ("PEXPIRE a 9223372036854775807", "-ERR invalid expire time in 'pexpire' command\r\n"),
            ("EXPIREAT a 9223372036854776", "-ERR invalid expire time in 'expireat' command\r\n"),
            ("PEXPIREAT a -9223372036854775808", ":0\r\n"),
        ]);
        let reply = s.run(&[&b"EXPIRE"[..], b"a", b"10", b"F\n\xffO\0O"]);
        assert_eq!(reply, b"-ERR Unsupported option F \xffO\r\n");
    });
}

#[test]
fn object_tells_encodings_references_and_idle_time() {
    const NO_LFU: &str = "-ERR An LFU maxmemory policy is not selected, access frequency not \
        tracked. Please note that when switching between policies at runtime LRU and LFU data will \
        take some time to adjust.\r\n";
    on_one_and_three(|s| {
        let long = "x".repeat(45);
        s.check_lines(&[
            ("SET a 9999", "+OK\r\n"),
            ("SET b Hello", "+OK\r\n"),
            (&format!("SET c {long}"), "+OK\r\n"),
            ("OBJECT ENCODING a", "$3\r\nint\r\n"),
            ("OBJECT ENCODING b", "$6\r\nembstr\r\n"),
            ("OBJECT ENCODING c", "$3\r\nraw\r\n"),
            ("OBJECT REFCOUNT a", ":2147483647\r\n"),
            ("OBJECT REFCOUNT b", ":1\r\n"),
            ("OBJECT FREQ b", NO_LFU),
        ]);
        for command in ["ENCODING", "REFCOUNT", "IDLETIME", "FREQ"] {
            s.check(&format!("OBJECT {command} none"), "$-1\r\n");
        }
        s.advance_ms(90_000);
        s.check_lines(&[
            ("TYPE b", "+string\r\n"),
            ("TTL b", ":-1\r\n"),
            ("OBJECT IDLETIME b", ":90\r\n"),
            ("TOUCH b", ":1\r\n"),
            ("OBJECT IDLETIME b", ":0\r\n"),
            ("OBJECT IDLETIME c", ":90\r\n"),
        ]);
        s.protocol = Protocol::Resp3;
        s.check("OBJECT ENCODING none", "_\r\n");
    });
}

#[test]
fn exec_does_nothing_when_a_watched_key_changed_or_expired() {
    on_one_and_three(|s| {
        let mut round = 0;
        let mut exec_after = |s: &mut Shards, change: &str, ms: i64| {
            s.check_lines(&[("FLUSHALL", "+OK\r\n"), ("SET b 1 PX 50", "+OK\r\n")]);
            round += 1;
            s.watch = Some(WatchToken(round));
            s.check("WATCH a b c", "+OK\r\n");
            s.run(&change.split(' ').collect::<Vec<_>>());
            s.advance_ms(ms);
            s.exec(&[&["SET", "x", "1"], &["GET", "x"]])
        };
        let done = b"*2\r\n+OK\r\n$1\r\n1\r\n";
        let refused = b"*-1\r\n";
        assert_eq!(exec_after(s, "GET a", 0), done);
        assert_eq!(exec_after(s, "SET d 1", 0), done);
        assert_eq!(exec_after(s, "SET c 1", 0), refused);
        assert_eq!(exec_after(s, "RENAME b z", 0), refused);
        assert_eq!(exec_after(s, "PEXPIRE b 100", 0), refused);
        assert_eq!(exec_after(s, "FLUSHDB", 0), refused);
        assert_eq!(exec_after(s, "SWAPDB 0 1", 0), refused);
        assert_eq!(exec_after(s, "GET b", 51), refused);
    });
}

#[test]
fn a_partitions_digest_sees_encodings_and_deadlines_but_no_history() {
    let digest = |lines: &[&str]| {
        let mut s = Shards::new(1);
        lines.iter().for_each(|line| {
            s.run(&line.split(' ').collect::<Vec<_>>());
        });
        partition_digest(s.partitions()[0])
    };
    let plain = digest(&["SET a 12", "SET b x"]);
    assert_eq!(digest(&["SET b y", "SET a 12", "SET c 1", "SET b x", "DEL c"]), plain);
    assert_ne!(digest(&["SET a 12", "SET b y"]), plain);
    assert_ne!(digest(&["SET a 1", "APPEND a 2", "SET b x"]), plain, "raw is not int");
    assert_ne!(digest(&["SET a 12", "SET b x", "MOVE b 1"]), plain);
    let expiring = digest(&["SET a 12", "SET b x PX 5"]);
    assert_ne!(expiring, plain);
    assert_ne!(digest(&["SET a 12", "SET b x PX 6"]), expiring);
    assert_eq!(digest(&[]), 0);
}
