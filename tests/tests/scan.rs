//! Looking through all keys: SCAN's guarantee while others write, and RANDOMKEY's
//! fairness.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use shardwright_tests::harness::rng::seed_or;
use shardwright_tests::{Client, Options, Reply, Rng, Server};

/// Keys that are there from the first call of a scan to its last.
const STABLE: usize = 3000;

fn scan(client: &mut Client, options: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut cursor = "0".to_string();
    for _ in 0..200_000 {
        let reply = client.run(&format!("SCAN {cursor} {options}"));
        let [next, keys] = reply.items() else { panic!("{reply:?}") };
        found.extend(keys.items().iter().map(Reply::text));
        cursor = next.text();
        if cursor == "0" {
            return found;
        }
    }
    panic!("SCAN {options} never ends");
}

fn stable_names() -> Vec<String> {
    let spread = (0..STABLE / 2).map(|i| format!("stable:{i}"));
    spread.chain((0..STABLE / 2).map(|i| format!("stable:{{one slot}}:{i}"))).collect()
}

/// Adds and removes keys in waves, so that tables grow and shrink under the scan.
fn churn(address: SocketAddr, seed: u64, stop: &AtomicBool) {
    let mut rng = Rng::new(seed);
    let mut client = Client::connect(address).unwrap();
    while !stop.load(Ordering::Relaxed) {
        let (wave, size) = (rng.below(1000), 100 + rng.below(20_000));
        for command in ["SET", "DEL"] {
            for start in (0..size).step_by(500) {
                let count = 500.min(size - start);
                for i in start..start + count {
                    let key = if i % 2 == 0 {
                        format!("churn:{wave}:{i}")
                    } else {
                        format!("churn:{{one slot}}:{i}")
                    };
                    if command == "SET" {
                        client.send(&["SET", &key, "x"])
                    } else {
                        client.send(&["DEL", &key])
                    }
                }
                (0..count).for_each(|_| drop(client.read()));
                if stop.load(Ordering::Relaxed) {
                    return;
                }
            }
        }
    }
}

fn keeps_its_guarantee(shards: usize) {
    let seed = seed_or(7);
    let server = Server::start(Options::shards(shards));
    let mut client = server.client();
    let stable = stable_names();
    for key in &stable {
        client.send(&["SET", key, "value"]);
    }
    stable.iter().for_each(|_| assert!(client.read().is_ok()));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let (address, stop) = (server.address(), &stop);
            scope.spawn(move || churn(address, seed + writer, stop));
        }
        let options = [
            "",
            "COUNT 1",
            "COUNT 50",
            "COUNT 1000",
            "MATCH stable:*",
            "TYPE string COUNT 100",
            "MATCH stable:* COUNT 100 TYPE string",
        ];
        let missing = options.iter().find_map(|options| {
            let found: BTreeSet<String> = scan(&mut client, options).into_iter().collect();
            stable
                .iter()
                .find(|key| !found.contains(*key))
                .map(|key| format!("{options:?} misses {key}"))
        });
        stop.store(true, Ordering::Relaxed);
        assert_eq!(missing, None, "seed {seed}");
    });
    server.finish();
}

#[test]
fn every_stable_key_is_found_on_one_shard() {
    keeps_its_guarantee(1);
}

#[test]
fn every_stable_key_is_found_on_two_shards() {
    keeps_its_guarantee(2);
}

#[test]
fn every_stable_key_is_found_on_seven_shards() {
    keeps_its_guarantee(7);
}

#[test]
fn a_scan_of_quiet_data_finds_each_key_and_filters() {
    for shards in [1, 2, 7] {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        assert_eq!(scan(&mut client, ""), Vec::<String>::new());
        client.run("DEBUG POPULATE 1000");
        let all: BTreeSet<String> = (0..1000).map(|i| format!("key:{i}")).collect();
        for options in ["", "COUNT 1", "COUNT 7", "COUNT 100000", "TYPE string"] {
            let found: BTreeSet<String> = scan(&mut client, options).into_iter().collect();
            assert_eq!(found, all, "{options}");
        }
        let some: BTreeSet<String> = scan(&mut client, "MATCH key:99?").into_iter().collect();
        assert_eq!(some.len(), 10);
        assert_eq!(scan(&mut client, "MATCH nosuch*").len(), 0);
        assert_eq!(scan(&mut client, "TYPE list").len(), 0);
        server.finish();
    }
}

#[test]
fn a_call_returns_about_count_keys() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    client.run("DEBUG POPULATE 10000");
    for count in [10, 100, 1000] {
        let reply = client.run(&format!("SCAN 0 COUNT {count}"));
        let found = reply.items()[1].items().len();
        assert!((count / 2..count * 3).contains(&found), "COUNT {count} returned {found}");
    }
    server.finish();
}

#[test]
fn random_keys_are_uniform_over_all_shards() {
    const KEYS: usize = 60;
    const DRAWS: usize = 12_000;
    for shards in [1, 2, 7] {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        assert_eq!(client.run("RANDOMKEY"), Reply::Null);
        // All but ten keys share a slot, so that shards are filled unevenly.
        for i in 0..KEYS {
            let key = if i < 10 { format!("key:{i}") } else { format!("{{slot}}:{i}") };
            client.cmd(&["SET", &key, "v"]);
        }
        let mut drawn: BTreeMap<String, usize> = BTreeMap::new();
        for _ in 0..DRAWS / 100 {
            for reply in client.pipeline(&["RANDOMKEY"; 100]) {
                *drawn.entry(reply.text()).or_default() += 1;
            }
        }
        assert_eq!(drawn.len(), KEYS, "every key is drawn");
        if server.is_shardwright() {
            let expected = (DRAWS / KEYS) as f64;
            let chi: f64 = drawn.values().map(|&n| (n as f64 - expected).powi(2) / expected).sum();
            // 59 degrees of freedom: above 120 once in a million runs.
            assert!(chi < 120.0, "chi squared is {chi} on {shards} shards: {drawn:?}");
        }
        server.finish();
    }
}
