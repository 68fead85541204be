//! The end of a server: what was acknowledged is saved, a save that fails stops it, and it can be
//! called off.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use shardwright_tests::{Client, Options, Reply, Server, eventually};
use tempfile::TempDir;

const NOT_ENDED: &str = "ERR Errors trying to SHUTDOWN. Check logs.";

/// A server without a log that saves when it ends.
fn saving(dir: &TempDir, shards: usize) -> Options {
    Options::shards(shards).with("dir", dir.path().to_str().unwrap()).with("save", "3600 1")
}

/// Asks for the end; the error if there is an answer.
fn shut_down(client: &mut Client, line: &str) -> Option<String> {
    client.send(&line.split(' ').collect::<Vec<_>>());
    client.read_raw().ok().map(|raw| Reply::parse(&raw).error().unwrap())
}

#[test]
fn a_save_that_fails_stops_the_end_unless_it_is_forced() {
    for shards in [1, 4] {
        let dir = tempfile::tempdir().unwrap();
        // The checkpoint has more than any file may.
        let mut server = Server::start(saving(&dir, shards).file_limit(256));
        let mut client = server.client();
        for key in 0..40 {
            assert!(client.cmd(&["SET", &format!("key:{key}"), &"x".repeat(20_000)]).is_ok());
        }
        for line in ["SHUTDOWN", "SHUTDOWN SAVE", "SHUTDOWN NOW"] {
            assert_eq!(shut_down(&mut client, line).as_deref(), Some(NOT_ENDED), "{line}");
            assert!(client.run("SET still here").is_ok(), "it goes on after {line}");
        }
        let left = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let partial: Vec<_> =
            left.filter(|path| path.extension().is_some_and(|e| e == "swc")).collect();
        assert!(partial.is_empty(), "what failed takes no room: {partial:?}");
        server.process().signal(Signal::TERM);
        eventually("the log tells", || {
            server.process().log().matches("does not end, and goes on").count() == 4
        });
        let aborted = client.run("SHUTDOWN ABORT").error();
        assert_eq!(aborted.as_deref(), Some("ERR No shutdown in progress."));
        assert_eq!(client.run("DBSIZE").int(), 41);
        server.check_shadow();
        let line = if shards == 1 { "SHUTDOWN FORCE" } else { "SHUTDOWN NOSAVE" };
        assert_eq!(shut_down(&mut client, line), None);
        assert!(server.process().wait().unwrap().success());
    }
}

#[test]
fn without_a_place_to_save_the_end_is_refused_if_saving_was_asked_for() {
    let mut server = Server::start(Options::shards(1));
    // Where the directory would be made.
    std::fs::write(server.process().directory().join("data"), "").unwrap();
    let mut client = server.client();
    assert_eq!(shut_down(&mut client, "SHUTDOWN SAVE").as_deref(), Some(NOT_ENDED));
    assert!(client.run("SET a 1").is_ok());
    assert_eq!(shut_down(&mut client, "SHUTDOWN SAVE FORCE"), None);
    assert!(server.process().wait().unwrap().success());
}

/// A client that does not take its replies: an end waits for it.
fn takes_no_replies(server: &Server) -> Client {
    let mut stuck = server.client();
    assert!(stuck.cmd(&["SET", "large", &"x".repeat(8 << 20)]).is_ok());
    let id = stuck.run("CLIENT ID").int();
    stuck.send_raw(&b"GET large\r\n".repeat(8)).unwrap();
    // Unless they were read, an end has nothing to wait for.
    let mut other = server.client();
    eventually("its replies wait", || {
        let line = other.run(&format!("CLIENT LIST ID {id}")).text();
        let waiting = line.split(" omem=").nth(1).and_then(|rest| rest.split(' ').next());
        waiting.is_some_and(|bytes| bytes.parse::<usize>().unwrap() > 1 << 20)
    });
    stuck
}

#[test]
fn only_an_end_that_is_not_wanted_now_waits_for_clients_that_take_no_replies() {
    for (line, timeout, waits) in [("SHUTDOWN NOSAVE", "1", true), ("SHUTDOWN NOW", "3600", false)]
    {
        for shards in [1, 4] {
            let mut server =
                Server::start(Options::shards(shards).with("shutdown-timeout", timeout));
            let _stuck = takes_no_replies(&server);
            let mut client = server.client();
            assert_eq!(client.run("EXISTS large").int(), 1);
            let begun = Instant::now();
            assert_eq!(shut_down(&mut client, line), None);
            // Far sooner than the time-out of the one that does not wait.
            assert!(server.process().wait().expect("it ends").success(), "{line}");
            let log = server.process().log();
            assert_eq!(log.contains("replies that clients did not take"), waits, "{line}: {log}");
            assert!(!waits || begun.elapsed() >= Duration::from_secs(1), "{line}");
        }
    }
}

#[test]
fn an_end_that_waits_can_be_called_off() {
    let server = Server::start(Options::shards(2));
    let stuck = takes_no_replies(&server);
    let (mut asks, mut writes, mut other) = (server.client(), server.client(), server.client());
    assert_eq!(other.run("EXISTS large").int(), 1);
    asks.send(&["SHUTDOWN", "NOSAVE"]);
    eventually("the end is under way", || {
        writes.send(&["INCR", "counter"]);
        writes.set_timeout(Duration::from_millis(100));
        match writes.read_raw() {
            Ok(_) => false,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
                true
            }
        }
    });
    let before: i64 = match other.run("GET counter") {
        Reply::Null => 0,
        reply => reply.text().parse().unwrap(),
    };
    assert_eq!(other.pipeline(&["MULTI", "GET counter", "EXEC"]).len(), 3, "reads go on");
    assert!(other.run("SHUTDOWN ABORT").is_ok());
    assert_eq!(asks.read().error().as_deref(), Some(NOT_ENDED));
    writes.set_timeout(Duration::from_secs(10));
    assert_eq!(writes.read().int(), before + 1, "what waited is done now");
    let again = other.run("SHUTDOWN ABORT").error();
    assert_eq!(again.as_deref(), Some("ERR No shutdown in progress."));
    assert!(asks.run("PING").error().is_none());
    drop(stuck);
    server.finish();
}

#[test]
fn the_last_save_has_everything_that_was_acknowledged() {
    for (shards, log) in [(1, "no"), (3, "no"), (3, "yes")] {
        let dir = tempfile::tempdir().unwrap();
        let options = || saving(&dir, shards).with("appendonly", log);
        let mut server = Server::start(options());
        let address = server.address();
        let writers: Vec<_> = (0..4)
            .map(|number| {
                std::thread::spawn(move || {
                    let mut client = Client::connect(address).unwrap();
                    let (mut acknowledged, name) = (0, format!("counter:{number}"));
                    loop {
                        client.send(&["INCR", &name]);
                        match client.read_raw() {
                            Ok(_) => acknowledged += 1,
                            Err(_) => return acknowledged,
                        }
                    }
                })
            })
            .collect();
        let mut client = server.client();
        eventually(
            "there are writes",
            || matches!(client.run("GET counter:3"), Reply::Bulk(digits) if digits.len() >= 3),
        );
        assert_eq!(shut_down(&mut client, "SHUTDOWN"), None);
        assert!(server.process().wait().unwrap().success());
        let acknowledged: Vec<i64> = writers.into_iter().map(|w| w.join().unwrap()).collect();
        let server = Server::start(options());
        let mut client = server.client();
        for (number, acknowledged) in acknowledged.iter().enumerate() {
            let found: i64 = client.run(&format!("GET counter:{number}")).text().parse().unwrap();
            assert!(
                found == *acknowledged || found == acknowledged + 1,
                "{found} found, {acknowledged} acknowledged on {shards} shards, appendonly {log}"
            );
        }
        server.finish();
    }
}
