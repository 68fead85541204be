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

/// A type whose elements can be scanned: the commands, and what stands around an element where it
/// is added.
struct Scanned {
    scan: &'static str,
    add: &'static str,
    before: Option<&'static str>,
    behind: Option<&'static str>,
    remove: &'static str,
    /// Whether elements are whole numbers.
    numbers: bool,
    small: &'static str,
    large: &'static str,
}

const SCANNED: [Scanned; 4] = [
    Scanned {
        scan: "HSCAN",
        add: "HSET",
        before: None,
        behind: Some("value"),
        remove: "HDEL",
        numbers: false,
        small: "listpack",
        large: "hashtable",
    },
    Scanned {
        scan: "SSCAN",
        add: "SADD",
        before: None,
        behind: None,
        remove: "SREM",
        numbers: true,
        small: "intset",
        large: "hashtable",
    },
    Scanned {
        scan: "SSCAN",
        add: "SADD",
        before: None,
        behind: None,
        remove: "SREM",
        numbers: false,
        small: "hashtable",
        large: "hashtable",
    },
    Scanned {
        scan: "ZSCAN",
        add: "ZADD",
        before: Some("1"),
        behind: None,
        remove: "ZREM",
        numbers: false,
        small: "listpack",
        large: "skiplist",
    },
];

/// A collection with elements that stay and others that come and go.
struct Collection<'a> {
    kind: &'a Scanned,
    key: String,
    client: Client,
    rng: Rng,
    /// The numbers of those that come and go and are there now.
    passing: std::ops::Range<usize>,
}

impl Collection<'_> {
    fn element(&self, name: &str, number: usize) -> String {
        match (self.kind.numbers, name) {
            (true, "stable") => number.to_string(),
            (true, _) => (1_000_000 + number).to_string(),
            (false, _) => format!("{name}:{number}"),
        }
    }

    fn add(&mut self, name: &str, numbers: std::ops::Range<usize>) {
        let Scanned { add, before, behind, .. } = self.kind;
        self.send(add, name, numbers, *before, *behind);
    }

    fn send(
        &mut self,
        command: &str,
        name: &str,
        numbers: std::ops::Range<usize>,
        before: Option<&str>,
        behind: Option<&str>,
    ) {
        let numbers: Vec<usize> = numbers.collect();
        for part in numbers.chunks(500) {
            let mut words = vec![command.to_string(), self.key.clone()];
            for &number in part {
                words.extend(before.map(str::to_string));
                words.push(self.element(name, number));
                words.extend(behind.map(str::to_string));
            }
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            assert!(self.client.cmd(&words).error().is_none());
        }
    }

    /// Some come, or the oldest go.
    fn change(&mut self) {
        let size = self.rng.below(1000);
        let std::ops::Range { start, end } = self.passing;
        if self.passing.len() < 6000 && self.rng.percent(50) {
            self.passing.end += size;
            self.add("passing", end..end + size);
        } else {
            self.passing.start = end.min(start + size);
            self.send(self.kind.remove, "passing", start..self.passing.start, None, None);
        }
    }

    fn encoding(&mut self) -> String {
        self.client.cmd(&["OBJECT", "ENCODING", &self.key]).text()
    }

    /// What a whole scan finds while elements come and go between its calls.
    fn scan(&mut self, options: &str) -> BTreeSet<String> {
        let (mut found, mut cursor) = (BTreeSet::new(), "0".to_string());
        for _ in 0..100_000 {
            if self.rng.percent(5) {
                self.change();
            }
            let line = format!("{} {} {cursor} {options}", self.kind.scan, self.key);
            let reply = self.client.run(&line);
            let [next, elements] = reply.items() else { panic!("{reply:?}") };
            found.extend(elements.items().iter().map(Reply::text));
            cursor = next.text();
            if cursor == "0" {
                return found;
            }
        }
        panic!("{} {options} never ends", self.kind.scan);
    }
}

/// Each scan begins with a key that was just made, so that it outgrows its small form on the way.
fn elements_are_found(kind: &Scanned, stable: usize) {
    let seed = seed_or(9);
    let server = Server::start(Options::shards(2));
    for (round, options) in
        ["", "COUNT 1", "COUNT 7", "COUNT 100", "MATCH *[0-9]"].iter().enumerate()
    {
        let mut all = Collection {
            kind,
            key: format!("scanned:{round}"),
            client: server.client(),
            rng: Rng::new(seed + round as u64),
            passing: 0..0,
        };
        all.add("stable", 0..stable);
        if stable < 128 {
            assert_eq!(all.encoding(), kind.small);
        }
        for _ in 0..3 {
            let found = all.scan(options);
            let missing = (0..stable).find(|&n| !found.contains(&all.element("stable", n)));
            assert_eq!(missing, None, "{} {options} seed {seed}", kind.scan);
            let end = all.passing.end;
            all.passing.end += 600;
            all.add("passing", end..end + 600);
            assert_eq!(all.encoding(), kind.large);
        }
    }
    server.finish();
}

#[test]
fn every_stable_element_of_a_collection_is_found() {
    SCANNED.iter().for_each(|kind| elements_are_found(kind, STABLE));
}

#[test]
fn every_stable_element_is_found_while_a_small_collection_becomes_a_large_one() {
    SCANNED.iter().for_each(|kind| elements_are_found(kind, 100));
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
