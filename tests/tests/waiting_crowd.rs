//! Hundreds of clients wait for keys of all shards while others push, and while waits take too long,
//! are unblocked, and end with their clients: every element is delivered once, and none to who has
//! gone. Each test is true of redis-server as well (`SHARDWRIGHT_BIN`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::Shutdown;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use shardwright_tests::harness::rng::seed_or;
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Options, Reply, Rng, Server, eventually};

const SHARDS: [usize; 3] = [1, 2, 7];
const PRODUCERS: usize = 4;
/// Elements of each producer.
const EACH: usize = 600;
const CONSUMERS: usize = 300;
/// Consumers that wait for one key each, so that all keys are waited for to the end.
const STEADY: usize = 32;
const KEYS: usize = 8;

/// What is pushed and waited for.
struct Goods {
    /// Before anything is pushed.
    begin: fn(&mut Client),
    /// A command that pushes an element.
    push: fn(&mut Rng, key: &str, element: &str) -> Vec<String>,
    /// A command that waits so many milliseconds, or for ever; the name is nobody else's.
    wait: fn(&mut Rng, keys: &[String], ms: usize, name: &str) -> Vec<String>,
    /// The elements that the reply to such a command gives to its client, or to one that has gone.
    got: fn(Option<&mut Client>, words: &[String], reply: &Reply) -> Vec<String>,
    /// Whether all that was pushed was taken.
    are_taken: fn(&mut Client) -> bool,
    /// What is in the data, or pending.
    left: fn(&mut Client) -> Vec<String>,
}

/// What all threads of a run know.
#[derive(Default)]
struct Shared {
    over: AtomicBool,
    delivered: Mutex<Vec<String>>,
    /// Waits that ended with their clients, who cannot tell what was still written to them.
    silent: AtomicUsize,
    /// Numbers of clients.
    ids: Vec<AtomicI64>,
}

/// Ends all threads when it is dropped.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(Into::into).collect()
}

fn key(number: usize) -> String {
    format!("q{}", number % KEYS)
}

fn seconds(ms: usize) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

fn texts<'a>(items: impl IntoIterator<Item = &'a Reply>) -> Vec<String> {
    items.into_iter().map(Reply::text).collect()
}

impl Shared {
    /// Notes what a consumer got. The only error is that somebody unblocked it.
    fn note(&self, goods: &Goods, client: Option<&mut Client>, words: &[String], reply: &Reply) {
        match (reply, reply.error()) {
            (Reply::Null, _) => {}
            (_, Some(error)) => {
                assert_eq!(error, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
            }
            _ => {
                let got = (goods.got)(client, words, reply);
                self.delivered.lock().unwrap().extend(got);
            }
        }
    }

    /// Waits again and again, with many lives if it is mortal, each of which ends within a wait.
    fn consume(&self, goods: &Goods, server: &Server, mut rng: Rng, number: usize) {
        let is_mortal = number >= STEADY && number % 8 < 3;
        let mut life = 0;
        while !self.over.load(Relaxed) {
            let mut client = server.client();
            self.ids[number].store(client.run("CLIENT ID").int(), Relaxed);
            let name = format!("own:{number}:{life}");
            life += 1;
            let mut rounds = if is_mortal { 1 + rng.below(4) } else { usize::MAX };
            while rounds > 0 && !self.over.load(Relaxed) {
                rounds -= 1;
                let keys = keys_for(&mut rng, number);
                let ms = 5 + rng.below(100);
                let words = (goods.wait)(&mut rng, &keys, ms, &name);
                let reply = client.cmd(&words);
                self.note(goods, Some(&mut client), &words, &reply);
            }
            if is_mortal {
                let keys = keys_for(&mut rng, number);
                let words = (goods.wait)(&mut rng, &keys, 0, &name);
                self.die(goods, client, &words, rng.below(3));
            }
        }
    }

    /// Begins a wait without end, and goes in its middle.
    fn die(&self, goods: &Goods, mut client: Client, words: &[String], way: usize) {
        const PONG: usize = b"+PONG\r\n".len();
        let seen = if way == 0 { PONG } else { 0 };
        if seen > 0 {
            client.send(&["PING"]);
        }
        client.send(words);
        client.set_timeout(Duration::from_millis(20));
        // What is not taken from a socket makes its end a reset.
        let (begin, mut bytes) = (Instant::now(), [0; PONG + 1]);
        let mut is_served = false;
        while !is_served && begin.elapsed() < Duration::from_millis(20) {
            is_served = client.stream().peek(&mut bytes).is_ok_and(|count| count > seen);
            thread::sleep(Duration::from_millis(1));
        }
        client.set_timeout(Duration::from_secs(20));
        if !is_served && way < 2 {
            if way == 1 {
                client.stream().shutdown(Shutdown::Both).unwrap();
            }
            self.silent.fetch_add(1, Relaxed);
            return;
        }
        if seen > 0 {
            client.read();
        }
        if is_served {
            let reply = client.read();
            return self.note(goods, Some(&mut client), words, &reply);
        }
        client.stream().shutdown(Shutdown::Write).unwrap();
        match client.read_to_end() {
            Ok(raw) if !raw.is_empty() => {
                self.note(goods, None, words, &Reply::parse(&raw));
            }
            Ok(_) => {}
            Err(_) => _ = self.silent.fetch_add(1, Relaxed),
        }
    }

    /// Unblocks whoever waits.
    fn unblock(&self, server: &Server, mut rng: Rng) {
        let mut client = server.client();
        while !self.over.load(Relaxed) {
            let id = self.ids[rng.below(CONSUMERS)].load(Relaxed);
            client.run(&format!("CLIENT UNBLOCK {id} {}", rng.pick(&["ERROR", "TIMEOUT"])));
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Keys that a consumer waits for.
fn keys_for(rng: &mut Rng, number: usize) -> Vec<String> {
    if number < STEADY {
        return vec![key(number)];
    }
    let (first, step) = (rng.below(KEYS), 1 + 2 * rng.below(KEYS / 2));
    (0..1 + rng.below(4)).map(|n| key(first + n * step)).collect()
}

/// Pushes two elements at a time: by two commands, or in one transaction.
fn produce(goods: &Goods, server: &Server, mut rng: Rng, producer: usize) {
    let mut client = server.client();
    for n in (0..EACH).step_by(2) {
        let mut push = |n| {
            let key = key(rng.below(KEYS));
            (goods.push)(&mut rng, &key, &format!("{producer}:{n}"))
        };
        let both = [push(n), push(n + 1)];
        let in_transaction = rng.percent(40);
        if in_transaction {
            client.run("MULTI");
        }
        for words in &both {
            assert!(client.cmd(words).error().is_none());
        }
        if in_transaction {
            assert_eq!(client.run("EXEC").items().len(), 2);
        }
        thread::sleep(Duration::from_micros(500));
    }
}

fn blocked(client: &mut Client) -> i64 {
    let field = info_field(&client.run("INFO clients"), "blocked_clients");
    field.and_then(|value| value.parse().ok()).expect("the field")
}

fn are_taken(client: &mut Client) -> bool {
    let keys: Vec<String> = (0..KEYS).map(key).collect();
    client.run(&format!("EXISTS {}", keys.join(" "))).int() == 0
}

/// Everything at once; then every element is found where it may be.
fn every_element_is_delivered_once(goods: &Goods) {
    let seed = seed_or(20_261_124);
    for shards in SHARDS {
        println!("seed {seed}, {shards} shards");
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        (goods.begin)(&mut client);
        let ids = (0..CONSUMERS).map(|_| AtomicI64::default()).collect();
        let shared = Shared { ids, ..Shared::default() };
        let mut rng = Rng::new(seed);
        let all = PRODUCERS * EACH;
        thread::scope(|scope| {
            let end = End(&shared.over);
            for number in 0..CONSUMERS {
                let (rng, shared, server) = (rng.fork(), &shared, &server);
                scope.spawn(move || shared.consume(goods, server, rng, number));
            }
            let (unblocker, shared, server) = (rng.fork(), &shared, &server);
            scope.spawn(move || shared.unblock(server, unblocker));
            let producers = (0..PRODUCERS).map(|producer| {
                let rng = rng.fork();
                scope.spawn(move || produce(goods, server, rng, producer))
            });
            let producers: Vec<_> = producers.collect();
            producers.into_iter().for_each(|producer| producer.join().unwrap());
            eventually("all elements are taken", || (goods.are_taken)(&mut client));
            drop(end);
        });
        eventually("nobody waits", || blocked(&mut client) == 0);
        shared.judge(goods, &mut client, all);
        server.finish();
    }
}

impl Shared {
    /// Whether every element was delivered once or is still there, but for what was written to those
    /// who went just then.
    fn judge(&self, goods: &Goods, client: &mut Client, all: usize) {
        let delivered = self.delivered.lock().unwrap();
        let once: BTreeSet<&String> = delivered.iter().collect();
        assert_eq!(once.len(), delivered.len(), "an element was delivered twice");
        let left = (goods.left)(client);
        let found: BTreeSet<&String> = delivered.iter().chain(&left).collect();
        let (silent, missing) = (self.silent.load(Relaxed), all - found.len());
        println!("{} delivered, {} left, {missing} lost, {silent} went", once.len(), left.len());
        assert!(silent > CONSUMERS / 6, "clients go while they wait: {silent}");
        // A server that notices nobody's end gives something to nearly all who went.
        let in_vain = all - once.len();
        assert!(in_vain <= silent / 4, "{in_vain} were given to {silent} who went");
    }
}

#[test]
fn elements_of_lists() {
    every_element_is_delivered_once(&Goods {
        begin: |_| {},
        push: |rng, key, element| {
            words(&format!("{} {key} {element}", rng.pick(&["RPUSH", "LPUSH"])))
        },
        wait: |rng, keys, ms, name| {
            let (end, timeout, keys_line) =
                (rng.pick(&["LEFT", "RIGHT"]), seconds(ms), keys.join(" "));
            words(&match rng.below(4) {
                0 => format!("BLPOP {keys_line} {timeout}"),
                1 => format!("BRPOP {keys_line} {timeout}"),
                2 => format!("BLMPOP {timeout} {} {keys_line} {end} COUNT 2", keys.len()),
                _ => format!("BLMOVE {} {name} {end} RIGHT {timeout}", keys[0]),
            })
        },
        got: |client, words, reply| match words[0].as_str() {
            "BLMOVE" => client.map_or_else(Vec::new, |client| {
                assert_eq!(client.cmd(&["RPOP", &words[2]]), *reply);
                vec![reply.text()]
            }),
            "BLMPOP" => texts(reply.items()[1].items()),
            _ => vec![reply.items()[1].text()],
        },
        are_taken,
        left: |client| {
            let keys = texts(client.run("KEYS *").items());
            let lists = keys.iter().map(|key| client.cmd(&["LRANGE", key, "0", "-1"]));
            lists.flat_map(|list| texts(list.items())).collect()
        },
    });
}

#[test]
fn members_of_sorted_sets() {
    every_element_is_delivered_once(&Goods {
        begin: |_| {},
        push: |rng, key, element| words(&format!("ZADD {key} {} {element}", rng.below(100))),
        wait: |rng, keys, ms, _| {
            let (timeout, keys_line) = (seconds(ms), keys.join(" "));
            words(&match rng.below(3) {
                0 => format!("BZPOPMIN {keys_line} {timeout}"),
                1 => format!("BZPOPMAX {keys_line} {timeout}"),
                _ => format!("BZMPOP {timeout} {} {keys_line} MIN COUNT 2", keys.len()),
            })
        },
        got: |_, words, reply| match words[0].as_str() {
            "BZMPOP" => {
                let pairs = reply.items()[1].items().iter();
                pairs.map(|pair| pair.items()[0].text()).collect()
            }
            _ => vec![reply.items()[1].text()],
        },
        are_taken,
        left: |client| {
            let keys = texts(client.run("KEYS *").items());
            let sets = keys.iter().map(|key| client.cmd(&["ZRANGE", key, "0", "-1"]));
            sets.flat_map(|set| texts(set.items())).collect()
        },
    });
}

/// The value of an entry with one field.
fn value(entry: &Reply) -> String {
    entry.items()[1].items()[1].text()
}

#[test]
fn entries_of_streams() {
    every_element_is_delivered_once(&Goods {
        begin: |client| {
            for number in 0..KEYS {
                client.run(&format!("XGROUP CREATE {} g $ MKSTREAM", key(number)));
            }
        },
        push: |_, key, element| words(&format!("XADD {key} * f {element}")),
        wait: |_, keys, ms, name| {
            let (keys_line, new) = (keys.join(" "), vec![">"; keys.len()].join(" "));
            let of = format!("XREADGROUP GROUP g {name} COUNT 1 BLOCK {ms}");
            words(&format!("{of} STREAMS {keys_line} {new}"))
        },
        got: |mut client, _, reply| {
            let mut got = Vec::new();
            for stream in reply.items() {
                for entry in stream.items()[1].items() {
                    let (key, id) = (stream.items()[0].text(), entry.items()[0].text());
                    if let Some(client) = client.as_deref_mut() {
                        assert_eq!(client.cmd(&["XACK", &key, "g", &id]).int(), 1);
                    }
                    got.push(value(entry));
                }
            }
            got
        },
        are_taken: |client| {
            let lag = |number| {
                client.run(&format!("XINFO GROUPS {}", key(number))).items()[0].items()[11].int()
            };
            (0..KEYS).map(lag).sum::<i64>() == 0
        },
        left: |client| {
            let mut left = Vec::new();
            for number in 0..KEYS {
                let key = key(number);
                let pending = client.run(&format!("XPENDING {key} g - + 100000"));
                for entry in pending.items() {
                    let id = entry.items()[0].text();
                    left.extend(
                        client.run(&format!("XRANGE {key} {id} {id}")).items().iter().map(value),
                    );
                }
            }
            left
        },
    });
}
