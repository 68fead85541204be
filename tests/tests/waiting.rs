//! Who waits for keys and is served when, beside redis-server: one step after the other, each a command
//! or a transaction of one of several clients, and behind each step the same clients must have been
//! answered with the same bytes, and the same must wait on. `SHARDWRIGHT_SEQUENCES` and
//! `SHARDWRIGHT_SEED` make the runs longer and others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use shardwright_tests::harness::client::encode;
use shardwright_tests::harness::rng::{count_or, seed_or};
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Options, Oracle, Reply, Rng, Server};

/// Clients of a sequence.
const CLIENTS: usize = 7;
/// Steps of a sequence.
const STEPS: usize = 60;
const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];
const GROUPS: [&str; 2] = ["g", "h"];

/// Until both servers must have come to rest behind a step.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes the commands of a sequence.
struct Maker {
    rng: Rng,
    /// Numbers IDs and elements.
    number: usize,
    /// Clients move elements from list to list while others wait. Over several shards that takes a
    /// block of its own, and others may be served of other keys before it.
    moves: bool,
}

impl Maker {
    fn key(&mut self) -> &'static str {
        self.rng.pick(&KEYS)
    }

    fn keys(&mut self) -> Vec<&'static str> {
        let mut keys = Vec::new();
        for _ in 0..1 + self.rng.below(4) {
            let key = self.key();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    fn next(&mut self) -> usize {
        self.number += 1;
        self.number
    }

    fn side(&mut self) -> &'static str {
        self.rng.pick(&["LEFT", "RIGHT"])
    }

    /// A command that waits until it is served.
    fn wait(&mut self, client: usize) -> String {
        let (keys, most) = (self.keys(), 1 + self.rng.below(3));
        let (count, names) = (keys.len(), keys.join(" "));
        let limit = if self.rng.percent(50) { format!("COUNT {most} ") } else { String::new() };
        match self.rng.below(9) {
            0 | 1 => {
                // All of them are for ever, or longer than that.
                let times = ["0", "0", "-0.001", "-1e-400", "9223372036854775.807"];
                let time = self.rng.pick(&times);
                format!("{} {names} {time}", self.rng.pick(&["BLPOP", "BRPOP"]))
            }
            2 => format!("BLMPOP 0 {count} {names} {} COUNT {most}", self.side()),
            3 => format!("{} {names} 0", self.rng.pick(&["BZPOPMIN", "BZPOPMAX"])),
            4 => format!("BZMPOP 0 {count} {names} MIN COUNT {most}"),
            5 if self.moves => {
                let (to, take, put) = (self.key(), self.side(), self.side());
                format!("BLMOVE {} {to} {take} {put} 0", keys[0])
            }
            5 | 6 => {
                let mut id = || if self.rng.percent(70) { "$" } else { "0" };
                let ids: Vec<_> = keys.iter().map(|_| id()).collect();
                format!("XREAD {limit}BLOCK 0 STREAMS {names} {}", ids.join(" "))
            }
            _ => {
                let noack = if self.rng.percent(30) { "NOACK " } else { "" };
                let (group, news) = (self.rng.pick(&GROUPS), vec![">"; count].join(" "));
                let by = format!("GROUP {group} c{client}");
                format!("XREADGROUP {by} {limit}BLOCK 0 {noack}STREAMS {names} {news}")
            }
        }
    }

    /// A command that is answered at once. `families` tells of which type keys are in a transaction:
    /// Redis serves a key that is several first by where it first had what anybody waited for, be it
    /// for another key.
    fn act(&mut self, families: Option<usize>) -> String {
        let (key, n) = (self.key(), self.next());
        let group = self.rng.pick(&GROUPS);
        let family = families.map_or_else(
            || self.rng.below(3),
            |f| (f + KEYS.iter().position(|k| *k == key).unwrap()) % 3,
        );
        let push = self.rng.pick(&["LPUSH", "RPUSH"]);
        match (self.rng.below(12), family) {
            (0, _) => format!("{} {key}", self.rng.pick(&["DEL", "UNLINK"])),
            (1, _) => format!("PEXPIREAT {key} 1"),
            (2, _) if families.is_none() => self.move_on(key, n),
            (2..5, 0) => format!("{push} {key} e{n}"),
            (5..9, 0) => format!("{push} {key} e{n} f{n} g{n}"),
            (9, 0) => format!("LPOP {key}"),
            (10, 0) => format!("LTRIM {key} 1 -1"),
            (_, 0) => format!("LMOVE {key} {key} LEFT RIGHT"),
            (2..6, 1) => format!("ZADD {key} {n} e{n}"),
            (6..9, 1) => format!("ZADD {key} {n} e{n} {n} f{n}"),
            (9, 1) => format!("ZPOPMIN {key}"),
            (10, 1) => format!("ZREMRANGEBYRANK {key} 0 0"),
            (_, 1) => format!("ZINCRBY {key} 1 e{n}"),
            (2..5, _) => format!("XADD {key} {n}-1 f e{n}"),
            (5, _) => format!("XADD {key} MAXLEN 1 {n}-1 f e{n}"),
            (6 | 7, _) => {
                format!("XGROUP CREATE {key} {group} {} MKSTREAM", self.rng.pick(&["$", "0"]))
            }
            (8, _) => format!("XGROUP DESTROY {key} {group}"),
            (9, _) => format!("XGROUP DELCONSUMER {key} {group} c{}", n % CLIENTS),
            (10, _) => format!("XTRIM {key} MAXLEN {}", n % 2),
            _ => format!("XACK {key} {group} {}-1", n.saturating_sub(3)),
        }
    }

    /// A command that gives a key what was somewhere else, or another type.
    fn move_on(&mut self, key: &str, n: usize) -> String {
        let other = self.key();
        match self.rng.below(6) {
            0 => format!("SET {key} text"),
            1 | 2 => format!("RENAME {key} {other}"),
            3 => format!("COPY {key} {other} REPLACE"),
            4 => format!("LMOVE {key} {other} LEFT RIGHT"),
            _ => format!("XGROUP CREATECONSUMER {key} g c{}", n % CLIENTS),
        }
    }

    /// A step of a client that does not wait.
    fn step(&mut self, client: usize, free: usize) -> Vec<String> {
        match self.rng.below(100) {
            // Somebody has to be there who acts.
            0..50 if free > 1 => vec![self.wait(client)],
            50..52 => vec!["FLUSHALL".into()],
            52..75 => vec![self.act(None)],
            _ => {
                let count = 2 + self.rng.below(5);
                let families = Some(self.rng.below(3));
                let inner = (0..count).map(|_| self.act(families)).collect::<Vec<_>>();
                [vec!["MULTI".into()], inner, vec!["EXEC".into()]].concat()
            }
        }
    }
}

/// One of the servers, and its clients.
struct Side {
    clients: Vec<Client>,
    control: Client,
}

impl Side {
    fn new(address: SocketAddr) -> Self {
        let connect = || Client::connect(address).expect("the server accepts");
        let mut control = connect();
        assert!(control.run("FLUSHALL").is_ok());
        let mut side = Self { clients: (0..CLIENTS).map(|_| connect()).collect(), control };
        side.settle_at(0).expect("nobody is left of the sequence before");
        side
    }

    /// Whether a client has a reply to read.
    fn has_reply(&self, client: usize) -> bool {
        let stream = self.clients[client].stream();
        stream.set_nonblocking(true).unwrap();
        let found = match stream.peek(&mut [0]) {
            Ok(bytes) => bytes > 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => panic!("client {client}: {error}"),
        };
        stream.set_nonblocking(false).unwrap();
        found
    }

    fn blocked(&mut self) -> usize {
        let text = self.control.run("INFO clients");
        info_field(&text, "blocked_clients")
            .and_then(|count| count.parse().ok())
            .expect("the field")
    }

    fn say(&mut self, client: usize, lines: &[String]) {
        let bytes = |line: &String| encode(&line.split(' ').collect::<Vec<_>>());
        let bytes = lines.iter().flat_map(bytes).collect::<Vec<_>>();
        self.clients[client].send_raw(&bytes).expect("the server takes them");
    }

    /// Waits until a client that said something is answered, or one more waits than before. Tells
    /// whether it is answered.
    fn settle(&mut self, client: usize, before: usize) -> Result<bool, String> {
        let began = Instant::now();
        loop {
            if self.has_reply(client) {
                return Ok(true);
            }
            if self.blocked() > before {
                // It may just have been answered.
                return Ok(self.has_reply(client));
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("client {client} is neither answered nor waits"));
            }
        }
    }

    /// Waits until so many wait.
    fn settle_at(&mut self, count: usize) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let found = self.blocked();
            if found == count {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("{found} wait, not {count}"));
            }
            sleep(Duration::from_micros(100));
        }
    }
}

/// Whether Redis woke a client for nothing: its stream had got entries, and lost them before its turn.
fn is_for_nothing(reply: &Reply) -> bool {
    let Reply::Array(streams) = reply else { return false };
    let is_empty = |stream: &Reply| match stream {
        Reply::Array(pair) => matches!(pair.get(1), Some(Reply::Array(all)) if all.is_empty()),
        _ => false,
    };
    streams.iter().any(is_empty)
}

/// Runs one sequence on both. An error says what differed.
fn compare(subject: &mut Side, oracle: &mut Side, mut maker: Maker) -> Result<(), String> {
    let mut waiting = [false; CLIENTS];
    let mut history = Vec::new();
    for _ in 0..STEPS {
        let free: Vec<usize> = (0..CLIENTS).filter(|client| !waiting[*client]).collect();
        let client = *maker.rng.choose(&free);
        let lines = maker.step(client, free.len());
        history.push(format!("  {client}: {}", lines.join("; ")));
        let told = |what: String| format!("{what}, behind\n{}", history.join("\n"));
        let before = CLIENTS - free.len();
        oracle.say(client, &lines);
        subject.say(client, &lines);
        waiting[client] = !oracle.settle(client, before)?;
        if waiting[client] == (subject.settle(client, before).map_err(told)?) {
            return Err(told("only one of them waits".into()));
        }
        let mut wanted = Vec::new();
        if !waiting[client] {
            wanted.extend(lines.iter().map(|_| (client, oracle.clients[client].read())));
        }
        // All is written when this is.
        oracle.control.run("PING");
        for other in (0..CLIENTS).filter(|other| *other != client) {
            if waiting[other] && oracle.has_reply(other) {
                wanted.push((other, oracle.clients[other].read()));
                waiting[other] = false;
            }
        }
        if wanted.iter().any(|(_, reply)| is_for_nothing(reply)) {
            return Ok(());
        }
        for (client, wanted) in wanted {
            subject.clients[client].set_timeout(PATIENCE);
            let found = subject.clients[client].read_raw().map(|raw| Reply::parse(&raw));
            if found.as_ref().ok() != Some(&wanted) {
                return Err(told(format!("client {client} got {found:?}, not {wanted:?}")));
            }
        }
        let count = waiting.iter().filter(|waits| **waits).count();
        subject.settle_at(count).map_err(told)?;
    }
    Ok(())
}

#[test]
fn who_is_served_when_as_redis_does_it() {
    let seed = seed_or(20_261_130);
    for shards in [1, 2, 7] {
        let (server, oracle) = (Server::start(Options::shards(shards)), Oracle::start());
        let mut seeds = Rng::new(seed ^ ((shards as u64) << 32));
        for _ in 0..count_or("SHARDWRIGHT_SEQUENCES", 60) {
            let one = seeds.next_u64();
            let maker = Maker { rng: Rng::new(one), number: 0, moves: shards == 1 };
            let mut sides = [server.address(), oracle.address()].map(Side::new);
            let [subject, oracle] = &mut sides;
            if let Err(what) = compare(subject, oracle, maker) {
                panic!("{shards} shards, sequence {one}: {what}");
            }
            drop(sides);
        }
        server.finish();
    }
}
