//! Publish and subscribe with real clients: one step after the other beside redis-server, where
//! every client must see the same bytes behind each step; and what one server promises alone, with
//! many clients on several threads. `SHARDWRIGHT_SEQUENCES` and `SHARDWRIGHT_SEED` make the runs
//! longer and others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use shardwright_tests::harness::client::{REPLY_TIMEOUT, encode};
use shardwright_tests::harness::failing_sync::FailingSync;
use shardwright_tests::harness::rng::{count_or, seed_or};
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Data, Options, Oracle, Reply, Rng, Server};

/// Clients of a sequence. Those with odd numbers speak RESP3.
const CLIENTS: usize = 6;
/// Steps of a sequence.
const STEPS: usize = 80;

const CHANNELS: [&str; 5] = ["news", "nets", "a.b", "", "[x]"];
const PATTERNS: [&str; 6] = ["n*", "n[e]?s", "*", "a.?", "\\[x\\]", "none*"];

/// A client's connections to both servers.
struct Party {
    shardwright: Client,
    redis: Client,
}

/// What a client was sent up to the answer of a PING with a word of this step. Where Redis's order
/// is that of a hash table, both servers' pushes are sorted.
fn read_up_to(client: &mut Client, word: &str) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let raw = client.read_raw().expect("an answer comes").escape_ascii().to_string();
        if raw.contains(word) {
            sort_runs(&mut seen);
            return seen;
        }
        seen.push(raw);
    }
}

/// Sorts neighbours of which the order is free: messages of one PUBLISH by different patterns. The
/// answers of an UNSUBSCRIBE of everything differ in their counts as well, so sequences do without.
fn sort_runs(seen: &mut [String]) {
    let is_free = |text: &String| text.contains("pmessage");
    for run in seen.chunk_by_mut(|one, other| is_free(one) && is_free(other)) {
        run.sort();
    }
}

/// Makes the steps of a sequence.
struct Maker {
    rng: Rng,
    number: usize,
}

impl Maker {
    fn channel(&mut self) -> String {
        self.rng.pick(&CHANNELS).to_owned()
    }

    fn command(&mut self) -> Vec<String> {
        self.number += 1;
        let payload = match self.rng.below(8) {
            // Long enough to be shared instead of copied.
            0 => "x".repeat(1000 + self.number * 37 % 3000),
            _ => format!("m{}", self.number),
        };
        let words: Vec<String> = match self.rng.below(20) {
            0..2 => vec!["SUBSCRIBE".into(), self.channel()],
            2 => vec!["SUBSCRIBE".into(), self.channel(), self.channel()],
            3 => vec!["PSUBSCRIBE".into(), self.rng.pick(&PATTERNS).to_owned()],
            4 => vec!["SSUBSCRIBE".into(), self.channel(), self.channel()],
            5 => vec!["UNSUBSCRIBE".into(), self.channel()],
            6 => vec!["PUNSUBSCRIBE".into(), self.rng.pick(&PATTERNS).to_owned()],
            7 => vec!["SUNSUBSCRIBE".into(), self.channel()],
            8..13 => vec!["PUBLISH".into(), self.channel(), payload],
            13 => vec!["SPUBLISH".into(), self.channel(), payload],
            14 => vec!["PUBSUB".into(), "NUMSUB".into(), self.channel(), self.channel()],
            15 => vec!["PUBSUB".into(), "SHARDNUMSUB".into(), self.channel()],
            16 => vec!["PUBSUB".into(), "NUMPAT".into()],
            17 => vec!["PING".into(), payload],
            18 => vec!["SET".into(), "k".into(), payload],
            _ => vec!["GET".into(), "k".into()],
        };
        words
    }

    /// What one client sends at once.
    fn step(&mut self) -> Vec<Vec<String>> {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect();
        match self.rng.below(20) {
            0 => vec![words("RESET")],
            1 => vec![words("CLIENT REPLY SKIP"), self.command()],
            2 => vec![words("CLIENT REPLY OFF"), self.command(), words("CLIENT REPLY ON")],
            3..6 => {
                let inner = (0..1 + self.rng.below(4)).map(|_| self.command());
                let inner: Vec<_> = inner.collect();
                [vec![words("MULTI")], inner, vec![words("EXEC")]].concat()
            }
            _ => (0..1 + self.rng.below(4)).map(|_| self.command()).collect(),
        }
    }
}

fn bytes_of(step: &[Vec<String>]) -> Vec<u8> {
    step.iter().flat_map(|words| encode(words)).collect()
}

fn play(seed: u64, shards: usize) {
    let mut maker = Maker { rng: Rng::new(seed), number: 0 };
    let server = Server::start(Options::shards(shards));
    let oracle = Oracle::start();
    let connect = |address: SocketAddr| Client::connect(address).unwrap();
    let mut parties: Vec<Party> = (0..CLIENTS)
        .map(|_| Party { shardwright: connect(server.address()), redis: connect(oracle.address()) })
        .collect();
    let mut history = Vec::new();
    for step in 0..STEPS {
        let at = maker.rng.below(CLIENTS);
        let mut commands = maker.step();
        if at % 2 == 1 && (step < 2 * CLIENTS || commands == [["RESET"]]) {
            commands.push(vec!["HELLO".into(), "3".into(), "SETNAME".into(), format!("c{at}")]);
        }
        history.push(format!("{at}: {commands:?}"));
        let told = |problem: &str| {
            format!("{problem}; seed {seed}, {shards} shards, steps:\n{}", history.join("\n"))
        };
        let bytes = bytes_of(&commands);
        let ping = format!("end-of-{step}");
        let party = &mut parties[at];
        let [ours, theirs] = [&mut party.shardwright, &mut party.redis].map(|client| {
            client.send_raw(&bytes).unwrap();
            client.send(&["PING", &ping]);
            let mut replies = read_up_to(client, &ping);
            // HELLO tells the connection's number.
            replies.retain(|reply| !reply.contains("7.0.15"));
            replies
        });
        assert_eq!(ours, theirs, "{}", told("the client itself"));
        for (other, party) in parties.iter_mut().enumerate() {
            if other == at {
                continue;
            }
            party.shardwright.send(&["PING", &ping]);
            party.redis.send(&["PING", &ping]);
            let ours = read_up_to(&mut party.shardwright, &ping);
            let theirs = read_up_to(&mut party.redis, &ping);
            assert_eq!(ours, theirs, "{}", told(&format!("client {other}")));
        }
    }
    drop(parties);
    server.finish();
}

#[test]
fn clients_see_what_they_see_of_redis() {
    let seed = seed_or(5000);
    for (turn, shards) in
        (0..count_or("SHARDWRIGHT_SEQUENCES", 6) as u64).zip([1, 2, 7].into_iter().cycle())
    {
        play(seed + turn, shards);
    }
}

/// Reads a message and checks its channel. The payload.
fn message(client: &mut Client, channel: &str) -> String {
    let reply = client.read();
    let Reply::Array(parts) = &reply else { panic!("{reply:?} is no message") };
    let parts: Vec<String> = parts.iter().map(Reply::text).collect();
    assert_eq!((parts[0].as_str(), parts[1].as_str()), ("message", channel));
    parts[2].clone()
}

fn subscribe(client: &mut Client, channel: &str) {
    client.cmd(&["SUBSCRIBE", channel]);
}

#[test]
fn each_subscriber_gets_all_messages_of_a_publisher_in_order_behind_its_writes() {
    const PUBLISHERS: usize = 6;
    const SUBSCRIBERS: usize = 12;
    const MESSAGES: usize = 400;
    let server = Server::start(Options::shards(4));
    let address = server.address();
    let mut listening: Vec<Client> = (0..SUBSCRIBERS).map(|_| server.client()).collect();
    listening.iter_mut().for_each(|client| subscribe(client, "all"));
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            thread::spawn(move || {
                let mut client = Client::connect(address).unwrap();
                for n in 1..=MESSAGES {
                    // In one read, and the keys are on all shards.
                    let set = format!("SET written:{publisher}:{n} {n}");
                    let publish = format!("PUBLISH all {publisher}:{n}");
                    let replies = client.pipeline(&[&set, &publish]);
                    assert_eq!(replies[1], Reply::Int(SUBSCRIBERS as i64));
                }
            })
        })
        .collect();
    let subscribers: Vec<_> = listening
        .into_iter()
        .map(|mut client| {
            thread::spawn(move || {
                let mut reader = Client::connect(address).unwrap();
                let mut seen = [0; PUBLISHERS];
                let mut order = Vec::new();
                for _ in 0..PUBLISHERS * MESSAGES {
                    let payload = message(&mut client, "all");
                    let (publisher, n) = payload.split_once(':').unwrap();
                    let (at, n): (usize, usize) = (publisher.parse().unwrap(), n.parse().unwrap());
                    assert_eq!(n, seen[at] + 1, "of publisher {at}");
                    seen[at] = n;
                    let written = reader.run(&format!("GET written:{payload}"));
                    assert_eq!(written.text(), n.to_string(), "what was written before");
                    order.push(payload);
                }
                order
            })
        })
        .collect();
    publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
    let orders: Vec<_> = subscribers.into_iter().map(|it| it.join().unwrap()).collect();
    // A channel has one order for all.
    assert!(orders.iter().all(|order| *order == orders[0]));
    server.finish();
}

#[test]
fn who_comes_and_goes_gets_exactly_what_was_counted() {
    const ROUNDS: usize = 300;
    let server = Server::start(Options::shards(4));
    let address = server.address();
    let publisher = thread::spawn(move || {
        let mut client = Client::connect(address).unwrap();
        let mut received = 0;
        for n in 0.. {
            let Reply::Int(count) = client.run(&format!("PUBLISH c {n}")) else { panic!() };
            received += count;
            if n % 100 == 0 && client.run("GET over") != Reply::Null {
                return received;
            }
        }
        unreachable!()
    });
    let comers: Vec<_> = (0..5)
        .map(|_| {
            thread::spawn(move || {
                let mut client = Client::connect(address).unwrap();
                let mut got = 0;
                let mut last: i64 = -1;
                for _ in 0..ROUNDS {
                    client.send(&["SUBSCRIBE", "c"]);
                    client.send(&["UNSUBSCRIBE", "c"]);
                    // All that comes between the two answers, and nothing else.
                    assert_eq!(first_word(&client.read()), "subscribe");
                    loop {
                        let reply = client.read();
                        if first_word(&reply) == "unsubscribe" {
                            break;
                        }
                        let Reply::Array(parts) = &reply else { panic!("{reply:?}") };
                        let n: i64 = parts[2].text().parse().unwrap();
                        assert!(n > last, "{n} came behind {last}");
                        last = n;
                        got += 1;
                    }
                    assert_eq!(client.run("PING").text(), "PONG");
                }
                got
            })
        })
        .collect();
    let got: i64 = comers.into_iter().map(|comer| comer.join().unwrap()).sum();
    server.client().run("SET over 1");
    assert_eq!(publisher.join().unwrap(), got);
    server.finish();
}

fn first_word(reply: &Reply) -> String {
    match reply {
        Reply::Array(parts) | Reply::Push(parts) => parts[0].text(),
        _ => reply.text(),
    }
}

#[test]
fn a_subscriber_that_does_not_read_is_cut_off_and_slows_nobody() {
    let options = Options::shards(2).with("client-output-buffer-limit", "pubsub 4mb 0 0");
    let mut server = Server::start(options);
    let mut lazy: Vec<Client> = (0..4).map(|_| server.client()).collect();
    lazy.iter_mut().for_each(|client| subscribe(client, "c"));
    let mut eager = server.client();
    subscribe(&mut eager, "c");
    let mut publisher = server.client();
    let payload = "x".repeat(100_000);
    let mut receivers = 0;
    // What the sockets' own buffers take is not the server's.
    for _ in 0..2000 {
        let Reply::Int(count) = publisher.cmd(&["PUBLISH", "c", &payload]) else { panic!() };
        receivers = count;
        assert_eq!(message(&mut eager, "c").len(), payload.len());
        if receivers == 1 {
            break;
        }
    }
    assert_eq!(receivers, 1, "those who do not read are still subscribed");
    let log = server.process().log();
    assert_eq!(log.matches("takes its messages too slowly").count(), 4);
    let peak = info_field(&publisher.run("INFO memory"), "used_memory_peak").unwrap();
    let used: u64 = peak.parse().unwrap();
    assert!(used < 64 << 20, "{used} bytes were held for those who do not read");
    server.finish();
}

#[test]
fn large_messages_come_whole_also_to_those_who_read_late() {
    let server = Server::start(Options::shards(2));
    let mut readers: Vec<Client> = (0..3).map(|_| server.client()).collect();
    readers.iter_mut().for_each(|client| subscribe(client, "c"));
    let mut publisher = server.client();
    let payload = |n: usize| format!("{n}:").repeat(1 + n * 997 % 40_000);
    for n in 0..60 {
        assert_eq!(publisher.cmd(&["PUBLISH", "c", &payload(n)]), Reply::Int(3));
    }
    for client in &mut readers {
        for n in 0..60 {
            assert_eq!(message(client, "c"), payload(n));
        }
    }
    server.finish();
}

#[test]
fn under_always_a_message_waits_for_what_its_publisher_wrote() {
    for shards in [1, 4] {
        let (disk, data) = (FailingSync::new(), Data::new());
        let server = Server::start(disk.apply(data.options(shards, "always")));
        let [mut listener, mut another, mut publisher] = [(); 3].map(|()| server.client());
        subscribe(&mut listener, "c");
        subscribe(&mut another, "d");
        disk.hold();
        for line in ["MULTI", "SET written 1", "PUBLISH c told", "EXEC"] {
            publisher.send(&line.split(' ').collect::<Vec<_>>());
        }
        disk.wait_until_held();
        // Who has written nothing is heard at once.
        assert_eq!(server.client().run("PUBLISH d free"), Reply::Int(1));
        assert_eq!(message(&mut another, "d"), "free");
        listener.set_timeout(Duration::from_millis(300));
        assert!(listener.read_raw().is_err(), "told of what may be lost, {shards} shards");
        disk.release();
        listener.set_timeout(REPLY_TIMEOUT);
        assert_eq!(message(&mut listener, "c"), "told");
        let answers: Vec<Reply> = (0..4).map(|_| publisher.read()).collect();
        assert_eq!(answers[3].items()[1], Reply::Int(1));
        server.finish();
    }
}
