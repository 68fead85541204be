//! Large collections in checkpoints, which are written some elements at a time while clients change
//! them: what is loaded is one moment's state, here and by the real redis-server, and nothing is lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};

use shardwright_tests::harness::client::encode;
use shardwright_tests::harness::data::contents;
use shardwright_tests::{Client, Data, Options, Oracle, Reply, Server};

/// Fields of the hash, and members of set and sorted set.
const ELEMENTS: u64 = 20_000;

/// Keys of one shard. In one transaction, a field of the hash gets a number and the member of its name
/// that number as its score.
const KEYS: [&str; 3] = ["{large}hash", "{large}zset", "{large}set"];

fn fill(client: &mut Client) {
    let [hash, zset, set] = KEYS;
    for first in (0..ELEMENTS).step_by(1000) {
        let mut bytes = Vec::new();
        for number in first..first + 1000 {
            let name = format!("element:{number}");
            bytes.extend(encode(&["HSET", hash, &name, "0"]));
            bytes.extend(encode(&["ZADD", zset, "0", &name]));
            bytes.extend(encode(&["SADD", set, &name]));
        }
        client.send_raw(&bytes).unwrap();
        (0..3000).for_each(|_| assert_eq!(client.read(), Reply::Int(1)));
    }
    assert_eq!(client.cmd(&["PEXPIREAT", zset, "4102444800000"]), Reply::Int(1));
}

/// Changes collections until `stop` says so; counts the changes.
fn change(client: &mut Client, stop: &AtomicBool, changes: &AtomicU64) {
    let [hash, zset, set] = KEYS;
    let mut number: u64 = 1;
    while !stop.load(SeqCst) {
        number += 1;
        let value = number.to_string();
        // Steps that have no factor in common with the number of elements: all of them, far apart.
        let name = format!("element:{}", number * 7919 % ELEMENTS);
        let other = format!("element:{}", number * 6007 % (2 * ELEMENTS));
        let mut bytes = encode(&["MULTI"]);
        bytes.extend(encode(&["HSET", hash, &name, &value]));
        bytes.extend(encode(&["ZADD", zset, &value, &name]));
        match number % 500 {
            // It goes as a whole, and comes back as another.
            0 => bytes.extend(encode(&["DEL", set])),
            1..50 => bytes.extend(encode(&["SREM", set, &other])),
            _ => bytes.extend(encode(&["SADD", set, &other])),
        }
        bytes.extend(encode(&["EXEC"]));
        client.send_raw(&bytes).unwrap();
        let block = (0..5).map(|_| client.read()).last().unwrap();
        assert!(block.items().iter().all(|reply| reply.error().is_none()), "{block:?}");
        changes.fetch_add(1, Relaxed);
    }
}

/// What the real server makes of a file: the hash, and the sorted set as if it were one.
fn loaded_there(file: &Path) -> [BTreeMap<String, String>; 2] {
    let directory = tempfile::tempdir().unwrap();
    fs::copy(file, directory.path().join("dump.rdb")).unwrap();
    let path = directory.path().to_str().unwrap();
    let oracle = Oracle::start_with(&Options::default().with("dir", path));
    let mut client = oracle.client();
    assert_eq!(client.run(&format!("PEXPIRETIME {}", KEYS[1])), Reply::Int(4_102_444_800_000));
    [format!("HGETALL {}", KEYS[0]), format!("ZRANGE {} 0 -1 WITHSCORES", KEYS[1])].map(|line| {
        let reply = client.run(&line);
        let pairs = reply.items().chunks(2);
        pairs.map(|pair| (pair[0].text(), pair[1].text())).collect()
    })
}

fn checkpoints_of_what_changes(shards: usize) {
    let data = Data::new();
    let server = Server::start(data.options(shards, "always").own("save-rdb", "yes"));
    fill(&mut server.client());
    let (stop, changes) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let mut client = server.client();
        let (stop, changes) = (&stop, &changes);
        scope.spawn(move || change(&mut client, stop, changes));
        let mut meanwhile = 0;
        for round in 0..3 {
            let before = changes.load(Relaxed);
            assert!(server.client().run("SAVE").is_ok());
            meanwhile += changes.load(Relaxed) - before;
            let [hash, zset] = loaded_there(&data.path().join("dump.rdb"));
            assert_eq!((hash.len(), zset.len()), (ELEMENTS as usize, ELEMENTS as usize));
            assert!(hash == zset, "{shards} shards, round {round}: of two moments");
        }
        stop.store(true, SeqCst);
        assert!(meanwhile > 0, "nothing changed while checkpoints were written");
    });
    server.check_shadow();
    let wanted = contents(&server);
    server.kill();
    for shards in [shards, shards + 1] {
        let server = data.start(shards, "always");
        assert_eq!(contents(&server), wanted, "{shards} shards");
        server.kill();
    }
}

#[test]
fn checkpoints_of_one_shard_are_of_one_moment() {
    checkpoints_of_what_changes(1);
}

#[test]
fn checkpoints_of_four_shards_are_of_one_moment() {
    checkpoints_of_what_changes(4);
}
