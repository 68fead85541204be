//! Values of all types between the two servers: what redis-server saved or dumped is the same here,
//! and what is saved or dumped here is the same there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use shardwright_tests::harness::rng::seed_or;
use shardwright_tests::{Client, Options, Oracle, Reply, Rng, Server};

/// Keys of each family.
const KEYS: usize = 24;
/// Every so many keys one is large.
const LARGE_EACH: usize = 6;
/// The year 2100: no key expires meanwhile.
const FAR_MS: i64 = 4_102_444_800_000;
const DATABASES: [usize; 2] = [0, 9];

type Words = Vec<Vec<u8>>;

/// Adds the commands that fill the key with so many elements, about.
type Fill = fn(&mut Rng, &str, usize, &mut Vec<Words>);

/// Every family that makes values of its own. A new one adds its line here.
const FAMILIES: &[(&str, Fill)] = &[
    ("string", strings),
    ("bitmap", bitmaps),
    ("hash", hashes),
    ("list", lists),
    ("set", sets),
    ("sorted set", sorted_sets),
    ("stream", streams),
    ("hyperloglog", hyperloglogs),
];

fn command(line: &str, key: &str, rest: impl IntoIterator<Item = Vec<u8>>) -> Words {
    let mut words: Words = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
    words.push(key.as_bytes().to_vec());
    words.extend(rest);
    words
}

fn text(text: impl ToString) -> Vec<u8> {
    text.to_string().into_bytes()
}

/// A string of the kinds that are stored in ways of their own.
fn any(rng: &mut Rng) -> Vec<u8> {
    match rng.below(12) {
        0 => Vec::new(),
        1 => text(rng.between(i64::MIN, i64::MAX)),
        2 | 3 => text(rng.between(-200, 40_000)),
        4 => text(format!("{}.5", rng.below(100))),
        5 => vec![b'x'; 62 + rng.below(5)],
        6 => b"words that repeat, ".repeat(rng.below(40)),
        7 => (0..rng.below(70)).map(|_| rng.below(256) as u8).collect(),
        8 if rng.percent(10) => vec![b'l'; 9_000],
        _ => (0..1 + rng.below(12)).map(|_| *rng.choose(b"abcdef")).collect(),
    }
}

fn several(rng: &mut Rng, count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|_| any(rng)).collect()
}

fn strings(rng: &mut Rng, key: &str, count: usize, out: &mut Vec<Words>) {
    out.push(command("SET", key, [any(rng)]));
    match rng.below(4) {
        0 => out.push(command("APPEND", key, [any(rng)])),
        1 => out.push(command("SETRANGE", key, [text(rng.below(100)), any(rng)])),
        2 => out.push(command("SET", key, [vec![b'y'; count * 50]])),
        _ => {}
    }
}

fn bitmaps(rng: &mut Rng, key: &str, count: usize, out: &mut Vec<Words>) {
    out.push(command("SETBIT", key, [text(rng.below(count * 100)), text(1)]));
    let words = [text("SET"), text("i17"), text("#3"), text(rng.between(-70_000, 70_000))];
    out.push(command("BITFIELD", key, words));
}

fn hashes(rng: &mut Rng, key: &str, count: usize, out: &mut Vec<Words>) {
    let pairs = (0..count).flat_map(|n| [text(format!("f{n}")), text(n)]).collect::<Vec<_>>();
    out.push(command("HSET", key, pairs));
    for _ in 0..rng.below(6) {
        out.push(command("HSET", key, several(rng, 2)));
    }
    out.push(command("HINCRBY", key, [text("f0"), text(rng.between(-300, 300))]));
    out.push(command("HDEL", key, [text("f2"), text("f3"), any(rng)]));
}

fn lists(rng: &mut Rng, key: &str, count: usize, out: &mut Vec<Words>) {
    out.push(command("RPUSH", key, several(rng, count)));
    out.push(command("LPUSH", key, several(rng, 3)));
    out.push(command("LSET", key, [text(1), any(rng)]));
    out.push(command("LREM", key, [text(0), any(rng)]));
    if rng.percent(30) {
        out.push(command("LPUSH", key, [vec![b'n'; 10_000]]));
        out.push(command("LINSERT", key, [text("AFTER"), vec![b'n'; 10_000], any(rng)]));
    }
}

fn sets(rng: &mut Rng, key: &str, count: usize, out: &mut Vec<Words>) {
    let widest = *rng.choose(&[100, 30_000, 3_000_000_000, i64::MAX]);
    let numbers: Vec<_> = (0..count).map(|_| text(rng.between(-widest, widest))).collect();
    out.push(command("SADD", key, numbers));
    if rng.percent(60) {
        out.push(command("SADD", key, several(rng, 4)));
    }
    out.push(command("SREM", key, several(rng, 4)));
}

fn sorted_sets(rng: &mut Rng, key: &str, count: usize, out: &mut Vec<Words>) {
    let scores =
        ["0", "-0", "1.5", "-3", "1e300", "inf", "-inf", "0.1", "3.0000000000000004", "17"];
    let mut words = Vec::new();
    for n in 0..count {
        let member = if rng.percent(20) { any(rng) } else { text(format!("m{n}")) };
        words.extend([text(*rng.choose(&scores)), member]);
    }
    out.push(command("ZADD", key, words));
    out.push(command("ZINCRBY", key, [text("0.25"), text("m0")]));
    out.push(command("ZREM", key, [text("m1"), any(rng)]));
}

fn streams(rng: &mut Rng, key: &str, count: usize, out: &mut Vec<Words>) {
    for n in 0..count {
        let fields = 1 + rng.below(3);
        let mut words = vec![text(format!("{}-{}", 5 + n / 3, 1 + n % 3))];
        words.extend((0..fields).flat_map(|at| [text(format!("f{at}")), any(rng)]));
        out.push(command("XADD", key, words));
    }
    out.push(command("XDEL", key, [text("5-2"), text("6-1")]));
    out.push(command("XGROUP CREATE", key, [text("g"), text("0")]));
    let read = format!("XREADGROUP GROUP g c COUNT {} STREAMS", 1 + rng.below(4));
    out.push(command(&read, key, [text(">")]));
    out.push(command("XACK", key, [text("g"), text("5-1")]));
}

fn hyperloglogs(rng: &mut Rng, key: &str, count: usize, out: &mut Vec<Words>) {
    let words = (0..count * 10).map(|_| text(rng.below(100_000))).collect::<Vec<_>>();
    out.push(command("PFADD", key, words));
}

/// Everything that fills a server.
fn commands(seed: u64) -> Vec<Words> {
    let mut rng = Rng::new(seed);
    let mut out = Vec::new();
    for database in DATABASES {
        out.push(vec![text("SELECT"), text(database)]);
        for (family, fill) in FAMILIES {
            for number in 0..KEYS {
                let key = format!("{family}:{number}");
                let large = number % LARGE_EACH == 0;
                let count = if large { 500 + rng.below(400) } else { 1 + rng.below(12) };
                fill(&mut rng, &key, count, &mut out);
                if number % 3 == 0 {
                    let deadline = text(FAR_MS + number as i64);
                    out.push(command("PEXPIREAT", &key, [deadline]));
                }
            }
        }
    }
    out
}

/// Sends all commands. They may be refused, but must be so everywhere: the digests tell.
fn fill(client: &mut Client, seed: u64) {
    for words in commands(seed) {
        client.cmd(&words);
    }
}

/// What is told of a key: type, encoding, deadline, digest of the value.
type Facts = Vec<Reply>;

/// The facts of all keys, and the digest of everything.
fn facts(client: &mut Client) -> (BTreeMap<(usize, String), Facts>, String) {
    let mut all = BTreeMap::new();
    for database in DATABASES {
        client.run(&format!("SELECT {database}"));
        for key in client.run("KEYS *").items().iter().map(Reply::text) {
            let about = ["TYPE", "OBJECT ENCODING", "PEXPIRETIME", "DEBUG DIGEST-VALUE"];
            let facts = about.map(|line| client.cmd(&command(line, &key, [])));
            all.insert((database, key), facts.to_vec());
        }
    }
    (all, client.run("DEBUG DIGEST").text())
}

/// The same keys with the same facts, and first of all some.
#[track_caller]
fn check(
    ours: &(BTreeMap<(usize, String), Facts>, String),
    theirs: &(BTreeMap<(usize, String), Facts>, String),
    what: &str,
) {
    assert!(theirs.0.len() > FAMILIES.len() * KEYS, "{what}: few keys");
    for (key, facts) in &theirs.0 {
        assert_eq!(ours.0.get(key), Some(facts), "{what}: {key:?}");
    }
    assert_eq!(ours.0.len(), theirs.0.len(), "{what}: more keys");
    assert_eq!(ours.1, theirs.1, "{what}: the digest of everything");
}

/// Starts a server of either kind on a copy of the file, and tells what it has.
fn loaded_here(file: &Path, shards: usize) -> (BTreeMap<(usize, String), Facts>, String) {
    let directory = tempfile::tempdir().unwrap();
    fs::copy(file, directory.path().join("dump.rdb")).unwrap();
    let path = directory.path().to_str().unwrap();
    let server = Server::start(Options::shards(shards).with("dir", path));
    let facts = facts(&mut server.client());
    server.finish();
    facts
}

fn loaded_there(file: &Path) -> (BTreeMap<(usize, String), Facts>, String) {
    let checked = Command::new("/usr/bin/redis-check-rdb").arg(file).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let directory = tempfile::tempdir().unwrap();
    fs::copy(file, directory.path().join("dump.rdb")).unwrap();
    let path = directory.path().to_str().unwrap();
    let oracle = Oracle::start_with(&Options::default().with("dir", path));
    facts(&mut oracle.client())
}

#[test]
fn saved_files_of_each_server_are_the_same_data_on_the_other() {
    let seed = seed_or(20_261_124);
    println!("seed {seed}");
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kept = Options::shards(3).with("appendonly", "yes").own("save-rdb", "yes");
    let server = Server::start(kept.with("dir", here.path().to_str().unwrap()));
    let options = Options::default().with("dir", there.path().to_str().unwrap());
    let oracle = Oracle::start_with(&options);
    let (mut subject, mut original) = (server.client(), oracle.client());
    fill(&mut subject, seed);
    fill(&mut original, seed);
    let expected = facts(&mut original);
    check(&facts(&mut subject), &expected, "filled alike");
    assert!(subject.run("SAVE").is_ok());
    assert!(original.run("SAVE").is_ok());
    for (whose, directory) in [("redis's file", &there), ("our file", &here)] {
        let file = directory.path().join("dump.rdb");
        // Redis may store more closely what it loads, so it is asked what it makes of the file.
        let there = loaded_there(&file);
        assert_eq!(there.1, expected.1, "{whose} in Redis");
        for shards in [1, 4] {
            check(&loaded_here(&file, shards), &there, &format!("{whose}, {shards} shards"));
        }
    }
    server.finish();
}

/// Restores every key of one server on another, with its deadline.
fn carry(from: &mut Client, to: &mut Client) {
    for database in DATABASES {
        for client in [&mut *from, &mut *to] {
            assert!(client.run(&format!("SELECT {database}")).is_ok());
        }
        for key in from.run("KEYS *").items().iter().map(Reply::text) {
            let dump = from.cmd(&command("DUMP", &key, []));
            let deadline = from.cmd(&command("PEXPIRETIME", &key, [])).int().max(0);
            let rest = [text(deadline), dump.bytes().to_vec(), text("ABSTTL")];
            let restored = to.cmd(&command("RESTORE", &key, rest));
            assert!(restored.is_ok(), "{key}: {restored:?}");
        }
    }
}

#[test]
fn dumps_of_each_server_are_restored_on_the_other() {
    let seed = seed_or(20_261_125);
    println!("seed {seed}");
    let (oracle, other) = (Oracle::start(), Oracle::start());
    let server = Server::start(Options::shards(3));
    let (mut original, mut subject, mut back) = (oracle.client(), server.client(), other.client());
    fill(&mut original, seed);
    let expected = facts(&mut original);
    carry(&mut original, &mut subject);
    carry(&mut subject, &mut back);
    let (ours, theirs) = (facts(&mut subject), facts(&mut back));
    assert_eq!(theirs.1, expected.1, "there and back");
    check(&ours, &theirs, "restored alike");
    server.finish();
}
