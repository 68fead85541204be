//! MIGRATE: keys of every type go to the real redis-server and come from it, nothing is lost on the
//! way whatever others do meanwhile, and what goes wrong leaves the keys where they were.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use shardwright_tests::{Client, Data, Options, Oracle, Reply, Server};

const SHARDS: [usize; 2] = [1, 4];

/// One key of each type, some of them with a deadline, and how to read it.
const KEYS: [(&str, &str, &str); 9] = [
    ("text", "SET text hello", "GET text"),
    ("number", "SET number -17", "GET number"),
    ("list", "RPUSH list a b 3", "LRANGE list 0 -1"),
    ("hash", "HSET hash f v g 2", "HGETALL hash"),
    ("set", "SADD set x", "SMEMBERS set"),
    ("intset", "SADD intset 3 1 2", "SMEMBERS intset"),
    ("zset", "ZADD zset 1.5 a 2 b", "ZRANGE zset 0 -1 WITHSCORES"),
    ("stream", "XADD stream 5-1 f v", "XRANGE stream - +"),
    ("hll", "PFADD hll a b c", "PFCOUNT hll"),
];

fn fill(client: &mut Client) {
    for (_, make, _) in KEYS {
        assert!(client.run(make).error().is_none(), "{make}");
    }
    assert_eq!(client.run("PEXPIRE text 1000000").int(), 1);
    let many: Vec<String> = (0..3000).map(|n| format!("element-{n}")).collect();
    let words = ["RPUSH", "large"].into_iter().chain(many.iter().map(String::as_str));
    assert_eq!(client.cmd(&words.collect::<Vec<_>>()).int(), 3000);
}

fn contents(client: &mut Client) -> Vec<Reply> {
    let mut all: Vec<Reply> = KEYS.iter().map(|(_, _, read)| client.run(read)).collect();
    all.push(client.run("LRANGE large 0 -1"));
    all
}

fn migrate(client: &mut Client, to: SocketAddr, rest: &str) -> Reply {
    let port = to.port().to_string();
    let words = ["MIGRATE", "127.0.0.1", &port].into_iter();
    let words = words.chain(rest.split(' ').map(|word| if word == "''" { "" } else { word }));
    client.cmd(&words.collect::<Vec<_>>())
}

fn all_there_and_back(from: &mut Client, to: &mut Client, address: SocketAddr) {
    fill(from);
    let before = contents(from);
    for (key, ..) in KEYS {
        assert!(migrate(from, address, &format!("{key} 3 5000")).is_ok(), "{key}");
        assert_eq!(from.run(&format!("EXISTS {key}")).int(), 0, "{key}");
    }
    assert!(migrate(from, address, "'' 3 5000 KEYS none large nobody").is_ok());
    assert_eq!(from.run("DBSIZE").int(), 0);
    to.run("SELECT 3");
    assert_eq!(contents(to), before);
    assert!((900_000..=1_000_000).contains(&to.run("PTTL text").int()));
    assert_eq!(to.run("PTTL number").int(), -1);
    assert_eq!(migrate(from, address, "text 3 5000").text(), "NOKEY");
}

#[test]
fn every_type_goes_to_redis_and_comes_from_there() {
    for shards in SHARDS {
        let (server, oracle) = (Server::start(Options::shards(shards)), Oracle::start());
        let (mut ours, mut theirs) = (server.client(), oracle.client());
        all_there_and_back(&mut ours, &mut theirs, oracle.address());
        theirs.run("FLUSHALL");
        theirs.run("SELECT 0");
        all_there_and_back(&mut theirs, &mut ours, server.address());
        server.finish();
    }
}

#[test]
fn options_do_what_they_do_in_redis() {
    for shards in SHARDS {
        let (server, oracle) = (Server::start(Options::shards(shards)), Oracle::start());
        let target = Oracle::start_with(&Options::default().with("requirepass", "open sesame"));
        let mut there = target.client();
        assert!(there.cmd(&["AUTH", "open sesame"]).is_ok());
        let mut clients = [server.client(), oracle.client()];
        for client in &mut clients {
            client.pipeline(&["MSET a 1 b 2 c 3 d 4", "SELECT 1", "SET a other", "SELECT 0"]);
        }
        let with_password = |rest: &str| {
            let mut words: Vec<String> = rest.split(' ').map(str::to_owned).collect();
            words.iter_mut().filter(|word| *word == "''").for_each(String::clear);
            let keys = words.iter().position(|word| word == "KEYS").unwrap_or(words.len());
            words.splice(keys..keys, ["AUTH".to_owned(), "open sesame".to_owned()]);
            words
        };
        let mut step = |rest: &str| {
            let mut seen = clients.each_mut().map(|client| {
                there.run("FLUSHALL");
                there.pipeline(&["SET b busy", "SELECT 2", "SET a there", "SELECT 0"]);
                let port = target.address().port().to_string();
                let mut words = vec!["MIGRATE".to_owned(), "127.0.0.1".to_owned(), port];
                words.extend(with_password(rest));
                let reply = client.cmd(&words);
                let left = client.run("MGET a b c d");
                (reply, left, there.run("DBSIZE"), there.run("MGET a b c d"))
            });
            let [ours, theirs] = &mut seen;
            assert_eq!(ours, theirs, "{rest}");
            ours.0.clone()
        };
        assert!(step("a 0 5000 COPY").is_ok());
        assert!(step("b 0 5000").error().unwrap().contains("BUSYKEY"));
        assert!(step("b 0 5000 COPY REPLACE").is_ok());
        // What was taken there is gone here, and what was refused is not.
        assert!(step("'' 0 5000 KEYS c b a x").error().unwrap().contains("BUSYKEY"));
        assert!(step("'' 0 5000 REPLACE KEYS b d").is_ok());
        assert_eq!(step("'' 0 5000 KEYS x y").text(), "NOKEY");
        server.finish();
    }
}

#[test]
fn who_is_refused_keeps_the_keys() {
    let server = Server::start(Options::shards(2));
    let target = Oracle::start_with(&Options::default().with("requirepass", "secret"));
    let mut client = server.client();
    client.run("SET k v");
    for (rest, expected) in [
        ("k 0 5000", "ERR Target instance replied with error: NOAUTH Authentication required."),
        (
            "k 0 5000 AUTH wrong",
            "ERR Target instance replied with error: WRONGPASS invalid username-password pair or \
             user is disabled.",
        ),
        (
            "k 99 5000 AUTH2 default secret",
            "ERR Target instance replied with error: ERR DB index is out of range",
        ),
    ] {
        let reply = migrate(&mut client, target.address(), rest);
        assert_eq!(reply.error().as_deref(), Some(expected), "{rest}");
        assert_eq!(client.run("GET k").text(), "v");
    }
    // A connection on which somebody logged in is not there for those who do not.
    assert!(migrate(&mut client, target.address(), "k 0 5000 COPY AUTH secret").is_ok());
    let reply = migrate(&mut client, target.address(), "k 0 5000 COPY REPLACE");
    assert!(reply.error().unwrap().contains("NOAUTH"), "{reply:?}");
    server.finish();
}

#[test]
fn in_a_transaction_it_is_refused() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    let replies =
        client.pipeline(&["SET k v", "MULTI", "MIGRATE 127.0.0.1 1 k 0 100", "EXEC", "GET k"]);
    assert_eq!(replies[2].error().as_deref(), Some("ERR Command not allowed inside a transaction"));
    assert!(replies[3].error().unwrap().starts_with("EXECABORT"));
    assert_eq!(replies[4].text(), "v");
    server.finish();
}

#[test]
fn a_silent_target_holds_up_nobody_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        client.run("SET k v");
        let port = listener.local_addr().unwrap().port().to_string();
        client.send(&["MIGRATE", "127.0.0.1", &port, "k", "0", "700"]);
        client.send(&["GET", "k"]);
        let begin = Instant::now();
        let mut other = server.client();
        while begin.elapsed() < Duration::from_millis(300) {
            assert_eq!(other.run("GET k").text(), "v");
            assert!(other.run("SET j w").is_ok());
        }
        let reply = client.read();
        let expected = "IOERR error or timeout reading to target instance";
        assert_eq!(reply.error().as_deref(), Some(expected));
        assert_eq!(client.read().text(), "v", "what follows waits, and the key is here");
        server.finish();
    }
}

#[test]
fn who_goes_meanwhile_leaves_nothing_behind() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::start(Options::shards(4));
    server.client().run("MSET k v l w");
    let port = listener.local_addr().unwrap().port().to_string();
    let mut client = server.client();
    let id = client.run("CLIENT ID").int().to_string();
    client.send(&["MIGRATE", "127.0.0.1", &port, "", "0", "500", "KEYS", "k", "l"]);
    let _accepted = listener.accept().unwrap();
    assert_eq!(server.client().cmd(&["CLIENT", "KILL", "ID", &id]).int(), 1);
    assert_eq!(server.client().run("MGET k l").items().len(), 2);
    thread::sleep(Duration::from_millis(700));
    let text = server.client().run("INFO clients").text();
    assert!(!text.contains("watching_clients:") || text.contains("watching_clients:0"), "{text}");
    server.finish();
}

#[test]
fn what_has_moved_stays_away_after_kill_9() {
    for shards in SHARDS {
        let (data, target) = (Data::new(), Oracle::start());
        let server = data.start(shards, "always");
        let mut client = server.client();
        client.run("MSET a 1 b 2 c 3 d 4");
        assert!(migrate(&mut client, target.address(), "'' 0 5000 KEYS a b none").is_ok());
        assert!(migrate(&mut client, target.address(), "c 0 5000 COPY").is_ok());
        server.kill();
        let server = data.start(shards, "always");
        let left = server.client().run("MGET a b c d");
        let there = target.client().run("MGET a b c d");
        let texts = |items: &[Reply]| items.iter().map(Reply::text).collect::<Vec<_>>();
        assert_eq!(texts(&left.items()[2..]), ["3", "4"]);
        assert_eq!(texts(&there.items()[..3]), ["1", "2", "3"]);
        assert_eq!(server.client().run("EXISTS a b c d").int(), 2);
        server.finish();
    }
}

/// A counter that is counted up on all the time, while it moves away again and again: no increment
/// is lost, whether it was made before, while or after its key was sent.
#[test]
fn nothing_that_is_written_meanwhile_is_lost() {
    for shards in SHARDS {
        let (server, target) = (Server::start(Options::shards(shards)), Oracle::start());
        let stop = Arc::new(AtomicBool::new(false));
        let counting = {
            let (mut client, stop) = (server.client(), Arc::clone(&stop));
            thread::spawn(move || {
                // Sums what each life of the key came to.
                let (mut sum, mut last) = (0, 0);
                while !stop.load(Ordering::Relaxed) {
                    let count = client.run("INCR k").int();
                    assert!(count == last + 1 || count == 1, "{count} behind {last}");
                    sum += 1;
                    last = count;
                    thread::sleep(Duration::from_micros(300));
                }
                sum
            })
        };
        let (mut client, mut there) = (server.client(), target.client());
        let (mut moved, mut moves) = (0, 0);
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(2) {
            let reply = migrate(&mut client, target.address(), "'' 0 2000 REPLACE KEYS k other");
            if reply.is_ok() {
                moves += 1;
                moved += there.run("GETDEL k").text().parse::<i64>().unwrap();
            }
        }
        stop.store(true, Ordering::Relaxed);
        let counted: i64 = counting.join().unwrap();
        let left = client.run("GET k");
        let left = if left == Reply::Null { 0 } else { left.text().parse().unwrap() };
        assert_eq!(moved + left, counted);
        assert!(moves > 10, "it moved {moves} times");
        server.finish();
    }
}
