//! Expiry in real time: keys go when their time has come, looked at or not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Options, Reply, Server, eventually};

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// Every way of looking says that the key is not there.
fn assert_gone(client: &mut Client, key: &str) {
    assert_eq!(client.cmd(&["GET", key]), Reply::Null);
    for (command, absent) in
        [("EXISTS", 0), ("TTL", -2), ("PTTL", -2), ("STRLEN", 0), ("PEXPIRETIME", -2)]
    {
        assert_eq!(client.cmd(&[command, key]), Reply::Int(absent), "{command}");
    }
    assert_eq!(client.cmd(&["TYPE", key]).text(), "none");
}

#[test]
fn a_key_is_there_until_its_time_and_not_after() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    for active in ["0", "1"] {
        client.cmd(&["DEBUG", "SET-ACTIVE-EXPIRE", active]);
        let end = now_ms() + 120;
        client.cmd(&["SET", "k", "v", "PXAT", &end.to_string()]);
        loop {
            let before = now_ms();
            let there = client.run("EXISTS k").int() == 1;
            let after = now_ms();
            assert!(there || after >= end, "gone {} ms too early", end - after);
            assert!(!there || before <= end, "still there {} ms too late", before - end);
            if !there {
                break;
            }
        }
        assert_gone(&mut client, "k");
    }
    server.finish();
}

#[test]
fn expired_keys_are_invisible_to_every_command() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    client.run("DEBUG SET-ACTIVE-EXPIRE 0");
    for command in [
        "GET k",
        "GETDEL k",
        "GETEX k PERSIST",
        "STRLEN k",
        "TYPE k",
        "EXISTS k",
        "TTL k",
        "TOUCH k",
        "OBJECT ENCODING k",
        "DEL k",
        "PERSIST k",
        "EXPIRE k 100",
        "RENAMENX k k2",
        "COPY k k3",
        "MOVE k 1",
        "GETRANGE k 0 -1",
        "KEYS *",
        "SCAN 0 COUNT 100",
        "RANDOMKEY",
        "SETNX k w",
        "INCR k",
        "APPEND k x",
        "SETRANGE k 1 x",
        "SET k v XX",
        "SET k w NX",
        "SET k w GET",
        "MSETNX k w other w",
        "UNLINK k",
        "MGET k k",
        "LCS k k",
    ] {
        client.run("FLUSHALL");
        let fresh = client.run(command);
        client.run("FLUSHALL");
        client.run("SET k v PX 1");
        std::thread::sleep(Duration::from_millis(3));
        let after = client.run(command);
        assert_eq!(after, fresh, "{command}: an expired key is like none");
    }
    server.finish();
}

#[test]
fn active_expiry_removes_keys_that_nobody_looks_at() {
    let server = Server::start(Options::shards(7));
    let mut client = server.client();
    const KEYS: usize = 20_000;
    for i in 0..KEYS {
        client.send(&["SET", &format!("key:{i}"), "v", "PX", &(50 + i % 400).to_string()]);
    }
    (0..KEYS).for_each(|_| assert!(client.read().is_ok()));
    client.run("SET stays v");
    eventually("all keys expire by themselves", || client.run("DBSIZE").int() == 1);
    let expired = info_field(&client.run("INFO stats"), "expired_keys").unwrap();
    assert_eq!(expired.parse::<usize>().unwrap(), KEYS);
    server.finish();
}

#[test]
fn times_are_exact_to_the_millisecond() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    client.run("SET k v");
    client.run("PEXPIREAT k 4102444800123");
    assert_eq!(client.run("PEXPIRETIME k"), Reply::Int(4_102_444_800_123));
    assert_eq!(client.run("EXPIRETIME k"), Reply::Int(4_102_444_800));
    let before = now_ms();
    client.run("SET k v PX 100000");
    let (time, after) = (client.run("PEXPIRETIME k").int(), now_ms());
    assert!((before + 100_000..=after + 100_000).contains(&time));
    let (before, left, after) = (now_ms(), client.run("PTTL k").int(), now_ms());
    assert!((time - after..=time - before).contains(&left), "{left}");
    server.finish();
}

#[test]
fn the_last_time_given_counts() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    client.run("SET kept v PX 1000");
    client.run("SET ended v EX 1000");
    for i in 0..20_000 {
        client.send(&["PEXPIRE", "kept", &(1000 + i).to_string()]);
        client.send(&["PEXPIRE", "ended", &(100_000 - i).to_string()]);
    }
    (0..40_000).for_each(|_| assert_eq!(client.read(), Reply::Int(1)));
    client.run("PERSIST kept");
    client.run("PEXPIRE ended 30");
    eventually("the shortened key goes", || client.run("DBSIZE").int() == 1);
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(client.run("GET kept").text(), "v");
    server.finish();
}

/// Many keys that are due at once are removed a few at a time, and connections have their turns
/// between: on one shard, where nobody else could answer.
#[test]
fn others_are_served_while_many_keys_expire() {
    const KEYS: u64 = 100_000;
    let server = Server::start(Options::shards(1));
    let mut client = server.client();
    client.run("DEBUG SET-ACTIVE-EXPIRE 0");
    for ahead_ms in [1_500, 6_000, 24_000] {
        client.cmd(&["DEBUG", "POPULATE", &KEYS.to_string()]);
        let end = now_ms() + ahead_ms;
        for key in 0..KEYS {
            client.send(&["PEXPIREAT", &format!("key:{key}"), &end.to_string()]);
        }
        (0..KEYS).for_each(|_| assert_eq!(client.read(), Reply::Int(1)));
        if now_ms() < end {
            eventually("the keys are due", || now_ms() > end);
            break;
        }
        client.run("FLUSHALL");
    }
    client.run("DEBUG SET-ACTIVE-EXPIRE 1");
    let mut answers = 0;
    let started = Instant::now();
    loop {
        // One question after the other: a client that sleeps between them may sleep through it all.
        let left = client.run("DBSIZE").int();
        answers += usize::from(0 < left && left < KEYS as i64);
        if left == 0 {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{left} keys are left");
    }
    assert!(answers > 0, "nobody was answered while {KEYS} keys expired");
    server.finish();
}

#[test]
fn times_follow_renames_copies_and_moves() {
    let server = Server::start(Options::shards(7));
    let mut client = server.client();
    for i in 0..50 {
        let name = |kind: &str| format!("{kind}:{i}");
        client.cmd(&["SET", &name("a"), "v", "PX", "150"]);
        client.cmd(&["COPY", &name("a"), &name("copy")]);
        client.cmd(&["RENAME", &name("a"), &name("renamed")]);
        client.cmd(&["SET", &name("b"), "v", "PX", "150"]);
        client.cmd(&["MOVE", &name("b"), "1"]);
        client.cmd(&["SET", &name("c"), "v", "PX", "150"]);
        client.cmd(&["SET", &name("c"), "w"]);
        client.cmd(&["SET", &name("d"), "v", "PX", "150"]);
        client.cmd(&["SET", &name("d"), "w", "KEEPTTL"]);
    }
    client.run("SWAPDB 1 2");
    eventually("all but the overwritten go", || client.run("DBSIZE").int() == 50);
    client.run("SELECT 2");
    eventually("moved and swapped keys go", || client.run("DBSIZE").int() == 0);
    server.finish();
}
