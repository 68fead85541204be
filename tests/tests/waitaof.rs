//! WAITAOF: it answers when the log is synced, or when its time is over, and nobody else notices.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::Shutdown;
use std::time::{Duration, Instant};

use shardwright_tests::harness::client::encode;
use shardwright_tests::harness::failing_sync::FailingSync;
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Options, Reply, Server, eventually};

/// A wait that ends by itself ends far sooner, however busy the machine is.
const SOON: Duration = Duration::from_secs(8);

fn start(shards: usize, policy: &str) -> Server {
    let options = Options::shards(shards).with("appendonly", "yes").with("appendfsync", policy);
    Server::start(options)
}

fn state(local: i64, replicas: i64) -> Reply {
    Reply::Array([local, replicas].map(Reply::Int).into())
}

/// Runs a line; its reply and how long that took.
fn timed(client: &mut Client, line: &str) -> (Reply, Duration) {
    let begin = Instant::now();
    (client.run(line), begin.elapsed())
}

fn info(server: &Server, section: &str, name: &str) -> i64 {
    let text = server.client().run(&format!("INFO {section}"));
    info_field(&text, name).and_then(|value| value.parse().ok()).expect("the field")
}

fn blocked(server: &Server) -> i64 {
    info(server, "clients", "blocked_clients")
}

#[test]
fn under_everysec_it_answers_once_all_that_came_before_is_synced() {
    for shards in [1, 4] {
        let directory = tempfile::tempdir().unwrap();
        let options = || {
            let path = directory.path().to_str().unwrap();
            Options::shards(shards).with("appendonly", "yes").with("dir", path)
        };
        let server = Server::start(options());
        let mut client = server.client();
        for round in 0..3 {
            for key in 0..10 {
                client.run(&format!("SET key:{key} {round}"));
            }
            client.run(&format!("MSET a {round} b {round} c {round} d {round}"));
            client.pipeline(&["MULTI", &format!("SET e {round}"), "INCR f", "EXEC"]);
            let (reply, took) = timed(&mut client, "WAITAOF 1 0 0");
            assert_eq!(reply, state(1, 0));
            assert!(took < SOON, "{took:?}");
            let lsn = |name| info(&server, "persistence", name);
            assert_eq!(lsn("log_durable_lsn"), lsn("log_newest_lsn"));
        }
        server.kill();
        let server = Server::start(options());
        let mut client = server.client();
        for key in ["key:0", "key:5", "key:9", "a", "b", "c", "d", "e"] {
            assert_eq!(client.cmd(&["GET", key]).text(), "2", "{key} with {shards} shards");
        }
        assert_eq!(client.run("GET f").text(), "3");
        server.finish();
    }
}

#[test]
fn under_always_it_answers_at_once_also_in_a_transaction() {
    let server = start(4, "always");
    let mut client = server.client();
    let lines = ["SET a 1", "MSET b 1 c 1 d 1", "WAITAOF 1 0 0", "INCR a", "WAITAOF 1 0 60000"];
    let replies = client.pipeline(&lines);
    assert_eq!([&replies[2], &replies[4]], [&state(1, 0), &state(1, 0)]);
    let lines = ["MULTI", "INCR a", "SET e 1", "WAITAOF 1 0 0", "GET a", "EXEC"];
    let block = client.pipeline(&lines).pop().unwrap();
    assert_eq!(block.items()[2], state(1, 0));
    assert_eq!(block.items()[3].text(), "3");
    server.finish();
}

#[test]
fn in_a_transaction_it_tells_how_it_stands_and_does_not_wait() {
    let server = start(4, "no");
    let mut client = server.client();
    let lines = ["MULTI", "MSET a 1 b 1 c 1", "WAITAOF 1 0 0", "WAITAOF 0 5 0", "GET a", "EXEC"];
    let block = client.pipeline(&lines).pop().unwrap();
    assert_eq!(block.items()[1..3], [state(0, 0), state(0, 0)]);
    assert_eq!(block.items()[3].text(), "1");
    let block = client.pipeline(&["MULTI", "WAITAOF 2 0 0", "EXEC"]).pop().unwrap();
    let error = block.items()[0].error().unwrap();
    assert_eq!(error, "ERR value is out of range, value must between 0 and 1");
    server.finish();
}

#[test]
fn what_never_comes_is_waited_for_until_the_time_is_over() {
    let server = start(2, "no");
    let mut client = server.client();
    assert_eq!(client.run("WAITAOF 1 0 0"), state(1, 0), "nothing was written");
    client.run("SET a 1");
    for (line, least_ms) in
        [("WAITAOF 1 0 150", 150), ("WAITAOF 1 0 50", 50), ("WAITAOF 0 1 80", 80)]
    {
        let (reply, took) = timed(&mut client, line);
        assert_eq!(reply, state(0, 0), "{line}");
        assert!(took >= Duration::from_millis(least_ms - 1) && took < SOON, "{line}: {took:?}");
    }
    assert_eq!(client.run("WAITAOF 0 0 0"), state(0, 0));
    // A save syncs the log.
    assert!(client.run("SAVE").is_ok());
    assert_eq!(client.run("WAITAOF 1 0 0"), state(1, 0));
    assert_eq!(client.run("WAITAOF 1 1 50"), state(1, 0));
    server.finish();
}

#[test]
fn a_short_time_behind_a_long_one_that_was_not_needed_is_kept() {
    let server = start(2, "everysec");
    let mut client = server.client();
    for number in 0..2 {
        client.run(&format!("SET a {number}"));
        assert_eq!(client.run("WAITAOF 1 0 600000"), state(1, 0));
    }
    let (reply, took) = timed(&mut client, "WAITAOF 0 1 100");
    assert_eq!(reply, state(1, 0));
    assert!(took >= Duration::from_millis(99) && took < SOON, "{took:?}");
    server.finish();
}

#[test]
fn what_follows_in_the_pipeline_waits_and_others_do_not() {
    let server = start(4, "no");
    let (mut client, mut other) = (server.client(), server.client());
    let mut lines = vec!["SET a 1", "WAITAOF 1 0 0"];
    lines.extend(["SET a 2", "MSET b 1 c 1", "GET a", "WAITAOF 0 0 0", "CLIENT REPLY SKIP"]);
    let bytes: Vec<u8> = lines
        .iter()
        .chain(&["WAITAOF 1 0 50", "PING"])
        .flat_map(|line| encode(&line.split(' ').collect::<Vec<_>>()))
        .collect();
    client.send_raw(&bytes).unwrap();
    assert!(client.read().is_ok());
    eventually("it waits", || blocked(&server) == 1);
    assert!(other.run("CLIENT LIST").text().contains(" flags=b "));
    assert_eq!(other.run("GET a").text(), "1");
    assert!(other.run("SAVE").is_ok(), "which syncs the log");
    assert_eq!(client.read(), state(1, 0));
    assert!(client.read().is_ok() && client.read().is_ok());
    assert_eq!(client.read().text(), "2");
    assert_eq!(client.read(), state(0, 0));
    assert_eq!(client.read(), Reply::Simple(b"PONG".to_vec()));
    assert_eq!(blocked(&server), 0);
    server.finish();
}

#[test]
fn replies_are_the_same_in_resp3() {
    let server = start(2, "always");
    let mut client = server.client();
    client.run("HELLO 3");
    client.send(&["WAITAOF", "1", "0", "0"]);
    assert_eq!(client.read_raw().unwrap(), b"*2\r\n:1\r\n:0\r\n");
    server.finish();
}

#[test]
fn without_a_log_nothing_is_synced_and_arguments_come_first() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    assert_eq!(client.run("WAITAOF 0 0 0"), state(0, 0));
    assert_eq!(client.run("WAITAOF 0 1 20"), state(0, 0));
    let off = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
    for (line, error) in [
        ("WAITAOF 1 0 0", off),
        ("WAITAOF 1 0", "ERR wrong number of arguments for 'waitaof' command"),
        ("WAITAOF -1 0 0", "ERR value is out of range, value must between 0 and 1"),
        ("WAITAOF x 0 0", "ERR value is not an integer or out of range"),
        ("WAITAOF 1 -1 0", "ERR value is out of range, must be positive"),
        ("WAITAOF 1 0 x", "ERR timeout is not an integer or out of range"),
        ("WAITAOF 1 0 -1", "ERR timeout is negative"),
        ("WAITAOF 1 0 9223372036854775807", "ERR timeout is out of range"),
    ] {
        assert_eq!(client.run(line).error().as_deref(), Some(error), "{line}");
    }
    let told = client.run("COMMAND INFO waitaof").items()[0].clone();
    assert_eq!(told.items()[1], Reply::Int(4));
    assert_eq!(told.items()[2].items(), [Reply::Simple(b"noscript".to_vec())]);
    server.finish();
}

#[test]
fn a_client_that_goes_while_it_waits_leaves_nothing_behind() {
    let server = start(2, "no");
    for half in [true, false] {
        let mut client = server.client();
        // What it sent behind the wait is not run.
        let lines = [&["SET", "a", "1"][..], &["WAITAOF", "1", "1", "0"], &["SET", "a", "2"]];
        client.send_raw(&lines.map(encode).concat()).unwrap();
        assert!(client.read().is_ok());
        eventually("it waits", || blocked(&server) == 1);
        if half {
            client.stream().shutdown(std::net::Shutdown::Write).unwrap();
            assert_eq!(client.read_to_end().unwrap(), b"");
        }
        drop(client);
        // The one that asks is there.
        eventually("it is gone", || info(&server, "clients", "connected_clients") == 1);
        assert_eq!(blocked(&server), 0);
        assert_eq!(server.client().run("GET a").text(), "1");
    }
    let mut killed = server.client();
    killed.send(&["WAITAOF", "0", "1", "0"]);
    eventually("it waits", || blocked(&server) == 1);
    server.client().run("CLIENT KILL TYPE normal");
    assert_eq!(killed.read_to_end().unwrap(), b"");
    server.finish();
}

#[test]
fn who_went_with_much_behind_it_waits_no_longer() {
    let server = start(2, "everysec");
    let much = encode(&["SET", "z", "1"]).repeat(20_000);
    for line in ["WAITAOF 0 1 0", "WAITAOF 0 1 600000"] {
        let mut gone = server.client();
        gone.send(&line.split(' ').collect::<Vec<_>>());
        gone.send_raw(&much).unwrap();
        eventually("it waits", || blocked(&server) == 1);
        gone.stream().shutdown(Shutdown::Write).unwrap();
        eventually("it waits no longer", || blocked(&server) == 0);
        assert_eq!(server.client().run("EXISTS z").int(), 0);
    }
    // What comes meanwhile is run behind it.
    let mut client = server.client();
    client.send(&["WAITAOF", "0", "1", "300"]);
    client.send_raw(&encode(&["INCR", "n"]).repeat(40_000)).unwrap();
    client.read();
    assert!((1..=40_000).all(|n| client.read().int() == n));
    server.finish();
}

#[test]
fn the_end_of_the_server_does_not_wait_for_who_waits() {
    let server = start(2, "no");
    let mut clients = [server.client(), server.client()];
    clients[0].run("SET a 1");
    clients[0].send(&["WAITAOF", "1", "0", "0"]);
    clients[1].send(&["WAITAOF", "0", "1", "600000"]);
    eventually("they wait", || blocked(&server) == 2);
    let begin = Instant::now();
    server.finish();
    // The time for what is in flight is ten seconds.
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    assert!(
        clients.iter_mut().all(|client| client.read_to_end().is_ok_and(|rest| rest.is_empty()))
    );
}

#[test]
fn when_the_log_fails_who_waits_is_cut_off() {
    for policy in ["everysec", "always"] {
        let options = Options::shards(2).with("appendonly", "yes").with("appendfsync", policy);
        let server = Server::start(options.file_limit(256));
        let mut client = server.client();
        let set = encode(&["SET", "large", &"x".repeat(300_000)]);
        client.send_raw(&[set, encode(&["WAITAOF", "1", "0", "0"])].concat()).unwrap();
        let told: &[u8] = if policy == "always" { b"" } else { b"+OK\r\n" };
        assert_eq!(client.read_to_end().unwrap(), told, "{policy}");
        server.kill();
    }
}

#[test]
fn while_the_log_has_failed_who_waits_for_a_time_is_told_that_nothing_is_synced() {
    for shards in [1, 4] {
        let failing = FailingSync::new();
        let options = Options::shards(shards).with("appendonly", "yes");
        let server = Server::start(failing.apply(options.with("appendfsync", "everysec")));
        let mut before = server.client();
        before.run("SET a 1");
        server.wait_until_durable();
        failing.begin();
        before.run("SET a 2");
        before.send(&["WAITAOF", "1", "0", "4000"]);
        let mut refused = server.client();
        eventually("writes are refused", || refused.run("SET zz 1").error().is_some());
        let mut reader = server.client();
        assert_eq!(reader.run("GET a").text(), "2");
        for client in [&mut refused, &mut reader] {
            for _ in 0..2 {
                let (reply, took) = timed(client, "WAITAOF 1 0 300");
                assert_eq!(reply, state(0, 0));
                assert!(took >= Duration::from_millis(300), "{took:?}");
            }
        }
        assert_eq!(before.read(), state(0, 0), "it waited when the log failed");
        reader.send(&["WAITAOF", "1", "0", "60000"]);
        failing.end();
        assert_eq!(reader.read(), state(1, 0), "the log has healed");
        assert_eq!(before.run("WAITAOF 1 0 60000"), state(1, 0));
        server.finish();
    }
}
