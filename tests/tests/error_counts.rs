//! Errors by kind, and calls, refusals and failures of commands: what INFO counts is what redis-server
//! counts of the same commands. The differential test compares it after every sequence as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use shardwright_tests::differential::counts::compare_counts;
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Options, Oracle, Reply, Server, eventually};

/// Pipelines, each sent in one piece, of commands parted by `;`.
const PIPELINES: &[&str] = &[
    "SET s x; LPUSH s 1; GET; NOSUCH a b; CONFIG NOSUCH; CONFIG",
    "MULTI; MULTI; WATCH a; EXEC",
    "MULTI; SET k; SET k v; EXEC",
    "MULTI; SHUTDOWN; EXEC",
    "MULTI; LPUSH s 1; INCR s; CONFIG SET nosuch bar; AUTH x; SELECT 99; EXEC",
    "MULTI; SET k v; LPUSH s 1; CONFIG RESETSTAT; EXEC",
    "EXEC; DISCARD; MULTI; DISCARD; MULTI; NOSUCH; DISCARD; MULTI; EXEC x",
    "WATCH s; SET s x; MULTI; GET s; EXEC",
    "MULTI; BLPOP none 0; LPUSH s 1; EXEC",
    "HELLO 9; HELLO 2 AUTH a; AUTH a b; AUTH a; RESET; ECHO a b",
    "BLPOP s 0; XREADGROUP GROUP g c STREAMS none >; RESTORE q 0 bad",
    "CLIENT KILL a; OBJECT ENCODING s x y z; SAVE x; CLUSTER INFO; READONLY",
    "SELECT 99; SWAPDB 0 99; EXPIRE s x; SET s x EX -1; GETEX; SCAN x; SCAN 0 COUNT",
    "MSET a 1 b; MSET a 1 b 2 c 3 d 4; MGET a b c d; MSETNX a; RENAME none x; COPY a",
    "MIGRATE 127.0.0.1 1 s 0 100; MIGRATE 127.0.0.1 1 none 0 100",
    "BITCOUNT s 0; SORT s BY x GET; DEBUG NOSUCH; SHUTDOWN BAD; FLUSHALL BAD",
];

/// The replies to a pipeline of commands parted by `;`.
fn pipeline(client: &mut Client, line: &str) -> Vec<Reply> {
    let commands: Vec<&str> = line.split(';').collect();
    client.pipeline(&commands)
}

/// A client of each server, and one of each to look with.
struct Both {
    clients: [Client; 2],
    lookers: [Client; 2],
}

impl Both {
    fn of(server: &Server, oracle: &Oracle) -> Both {
        let clients = || [server.client(), oracle.client()];
        Both { clients: clients(), lookers: clients() }
    }

    /// Sends both the same and compares what they have counted.
    fn check(&mut self, line: &str, protocol: u8) {
        for client in &mut self.clients {
            assert!(!pipeline(client, line).is_empty());
            client.run("RESET");
            client.run(&format!("HELLO {protocol}"));
        }
        self.compare(line);
    }

    fn compare(&mut self, what: &str) {
        let [subject, oracle] = &mut self.lookers;
        compare_counts(subject, oracle).unwrap_or_else(|problem| panic!("{what}: {problem}"));
    }
}

#[test]
fn counts_are_those_of_redis() {
    for shards in [1, 2, 7] {
        let (server, oracle) = (Server::start(Options::shards(shards)), Oracle::start());
        let mut both = Both::of(&server, &oracle);
        for protocol in [2, 3] {
            PIPELINES.iter().for_each(|line| both.check(line, protocol));
        }
        server.finish();
    }
}

#[test]
fn replies_that_are_not_sent_are_errors_all_the_same() {
    let (server, oracle) = (Server::start(Options::shards(2)), Oracle::start());
    let mut both = Both::of(&server, &oracle);
    for client in &mut both.clients {
        assert!(client.run("SET s x").is_ok());
        for line in ["CLIENT REPLY SKIP", "LPUSH s 1", "CLIENT REPLY OFF", "LPUSH s 1", "NOSUCH"] {
            client.send(&line.split(' ').collect::<Vec<_>>());
        }
        assert!(client.run("CLIENT REPLY ON").is_ok());
    }
    both.compare("replies off");
    server.finish();
}

#[test]
fn what_is_no_command_is_an_error_of_no_command() {
    let (server, oracle) = (Server::start(Options::shards(2)), Oracle::start());
    for bytes in ["*1\r\n$-7\r\n", "*1\r\n:7\r\n", "SET \"a\r\n", "*99999999999\r\n"] {
        let mut both = Both::of(&server, &oracle);
        for client in &mut both.clients {
            client.send_raw(bytes.as_bytes()).unwrap();
            assert!(client.read_to_end().unwrap().starts_with(b"-ERR Protocol error"), "{bytes}");
        }
        both.compare(bytes);
    }
    server.finish();
}

#[test]
fn a_password_that_was_not_given_is_a_kind_of_its_own() {
    let options = Options::shards(2).with("requirepass", "secret");
    let (server, oracle) = (Server::start(options.clone()), Oracle::start_with(&options));
    let mut clients = [server.address(), oracle.address()].map(|at| Client::connect(at).unwrap());
    for client in &mut clients {
        for line in ["GET a", "MULTI", "AUTH wrong", "NOSUCH", "GET", "AUTH secret"] {
            client.run(line);
        }
    }
    let [subject, oracle_client] = &mut clients;
    compare_counts(subject, oracle_client).unwrap();
    let errors = subject.run("INFO errorstats");
    assert!(info_field(&errors, "errorstat_NOAUTH").is_some(), "{errors:?}");
    assert_eq!(info_field(&errors, "errorstat_WRONGPASS").as_deref(), Some("count=1"));
    server.finish();
}

#[test]
fn who_waits_has_called_and_what_ends_it_counts_once() {
    let (server, oracle) = (Server::start(Options::shards(2)), Oracle::start());
    let mut both = Both::of(&server, &oracle);
    for (waits, ends) in [
        ("BLPOP list 0", "RPUSH list 1"),
        ("BLPOP list 0.05", "PING"),
        ("BLMOVE list s LEFT LEFT 0", "RPUSH list 1"),
        ("XREADGROUP GROUP g a BLOCK 0 STREAMS stream >", "DEL stream"),
    ] {
        for (client, looker) in both.clients.iter_mut().zip(&mut both.lookers) {
            looker.run("DEL list");
            looker.run("SET s x");
            looker.run("XGROUP CREATE stream g $ MKSTREAM");
            client.send(&waits.split(' ').collect::<Vec<_>>());
            eventually("it waits", || {
                let info = looker.run("INFO clients");
                info_field(&info, "blocked_clients").as_deref() == Some("1")
            });
            looker.run(ends);
            client.read();
            // Not asked equally often.
            looker.run("CONFIG RESETSTAT");
        }
        for (client, looker) in both.clients.iter_mut().zip(&mut both.lookers) {
            client.send(&waits.split(' ').collect::<Vec<_>>());
            std::thread::sleep(std::time::Duration::from_millis(20));
            looker.run("XGROUP CREATE stream g $ MKSTREAM");
            looker.run(ends);
            client.read();
        }
        both.compare(waits);
    }
    server.finish();
}

#[test]
fn a_wait_that_is_ended_with_an_error_has_failed() {
    let server = Server::start(Options::shards(2));
    let (mut client, mut looker) = (server.client(), server.client());
    let id = client.run("CLIENT ID").int();
    client.send(&["BLPOP", "list", "0"]);
    eventually("it is ended", || {
        looker.run(&format!("CLIENT UNBLOCK {id} ERROR")) == Reply::Int(1)
    });
    assert!(client.read().error().is_some_and(|error| error.starts_with("UNBLOCKED")));
    let errors = looker.run("INFO errorstats");
    assert_eq!(info_field(&errors, "errorstat_UNBLOCKED").as_deref(), Some("count=1"));
    let commands = looker.run("INFO commandstats");
    let blpop = info_field(&commands, "cmdstat_blpop").unwrap();
    assert!(blpop.starts_with("calls=1,"), "{blpop}");
    assert!(blpop.ends_with("rejected_calls=0,failed_calls=1"), "{blpop}");
    server.finish();
}

/// A command that has to wait for those before it is looked at again: it counts once all the same.
#[test]
fn what_is_looked_at_twice_counts_once() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    let (one, other) = ("{a}k", "{b}k");
    for _ in 0..20 {
        let several = format!("MSET {one} 1 {other} 2");
        client.pipeline(&[&several, "GET", "SET a 1", "SET b 2", "BGSAVE"]);
    }
    let commands = client.run("INFO commandstats");
    let field = |name: &str| info_field(&commands, name).unwrap();
    assert!(field("cmdstat_get").ends_with("rejected_calls=20,failed_calls=0"), "{commands:?}");
    assert!(field("cmdstat_bgsave").starts_with("calls=20,"), "{commands:?}");
    server.finish();
}

#[test]
fn errors_of_what_others_answer_count_where_they_are_told() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    let reply = client.run("DEBUG RELOAD NOSAVE NOFLUSH");
    assert!(reply.error().is_some(), "there is no file: {reply:?}");
    let errors = client.run("INFO errorstats").text();
    assert!(errors.contains("errorstat_ERR:count=1"), "{errors}");
    let debug = info_field(&client.run("INFO commandstats"), "cmdstat_debug").unwrap();
    assert!(debug.starts_with("calls=1,") && debug.ends_with("failed_calls=1"), "{debug}");
    server.finish();
}

#[test]
fn the_counts_begin_anew_and_add_up() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    client.pipeline(&["GET", "SET s x", "INCR s", "LPUSH s 1", "NOSUCH"]);
    let text = client.run("INFO errorstats").text();
    assert_eq!(text, "# Errorstats\r\nerrorstat_ERR:count=3\r\nerrorstat_WRONGTYPE:count=1\r\n");
    let stats = client.run("INFO stats");
    assert_eq!(info_field(&stats, "total_error_replies").as_deref(), Some("4"));
    assert!(client.run("CONFIG RESETSTAT").is_ok());
    assert_eq!(client.run("INFO errorstats").text(), "# Errorstats\r\n");
    client.run("GET");
    let text = client.run("INFO errorstats").text();
    assert_eq!(text, "# Errorstats\r\nerrorstat_ERR:count=1\r\n");
    server.finish();
}
