//! A start that takes long: what clients are told meanwhile, and that ending it loses nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rustix::process::Signal;
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Options, Reply, Server, eventually};
use tempfile::TempDir;

/// Keys of a directory.
const KEYS: i64 = 2000;

/// A data directory with keys in its log.
fn directory(shards: usize) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(options(&dir, shards));
    let mut client = server.client();
    for part in 0..KEYS / 100 {
        // A reply each: so the log has many records.
        for key in part * 100..(part + 1) * 100 {
            assert!(client.cmd(&["SET", &format!("key:{key}"), &key.to_string()]).is_ok());
        }
    }
    server.finish();
    dir
}

fn options(dir: &TempDir, shards: usize) -> Options {
    let dir = dir.path().to_str().unwrap();
    Options::shards(shards).with("dir", dir).with("appendonly", "yes")
}

/// A server that takes two seconds and more to load.
fn slow(dir: &TempDir, shards: usize) -> Server {
    Server::start(options(dir, shards).own("key-load-delay", "1000").while_loading())
}

fn wait_until_loaded(server: &Server) {
    eventually("the data is loaded", || server.client().run("PING").error().is_none());
}

fn check(server: &Server) {
    let mut client = server.client();
    assert_eq!(client.run("DBSIZE").int(), KEYS);
    for key in (0..KEYS).step_by(97) {
        assert_eq!(client.run(&format!("GET key:{key}")).text(), key.to_string());
    }
}

#[track_caller]
fn is_told(client: &mut Client, line: &str) {
    let text = client.run(line).error();
    assert_eq!(text.as_deref(), Some("LOADING Redis is loading the dataset in memory"), "{line}");
}

#[test]
fn clients_are_told_until_everything_is_there() {
    for shards in [1, 4] {
        let dir = directory(shards);
        let server = slow(&dir, shards);
        let mut client = server.client();
        for line in ["PING", "GET key:1", "SET key:1 x", "DBSIZE", "KEYS *", "BGSAVE", "FLUSHALL"] {
            is_told(&mut client, line);
        }
        for line in ["SELECT 1", "CLIENT SETNAME early", "CONFIG SET timeout 0", "SELECT 0"] {
            assert!(client.run(line).is_ok(), "{line}");
        }
        assert!(client.cmd(&["CONFIG", "SET", "save", "3600 100000"]).is_ok());
        assert_eq!(client.run("CLIENT GETNAME").text(), "early");
        assert!(client.run("MULTI").is_ok());
        is_told(&mut client, "INCR key:1");
        let aborted = client.run("EXEC").error().unwrap();
        assert_eq!(aborted, "EXECABORT Transaction discarded because of previous errors.");
        let info = client.run("INFO persistence");
        let field = |name: &str| info_field(&info, name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(field("loading"), "1");
        let total: u64 = field("loading_total_bytes").parse().unwrap();
        assert!(total > 0 && field("loading_loaded_bytes").parse::<u64>().unwrap() <= total);
        for name in ["loading_start_time", "loading_loaded_perc", "loading_eta_seconds"] {
            assert!(field(name).parse::<f64>().unwrap() >= 0.0);
        }
        // What Redis would run on what is there already is told too.
        for line in
            ["WATCH key:1", "OBJECT HELP", "DEBUG OBJECT key:1", "DEBUG RELOAD", "DEBUG SHADOW"]
        {
            is_told(&mut client, line);
        }
        wait_until_loaded(&server);
        assert!(client.run("WATCH key:1").is_ok());
        check(&server);
        let info = client.run("INFO persistence");
        assert_eq!(info_field(&info, "loading").as_deref(), Some("0"));
        assert!(info_field(&info, "loading_total_bytes").is_none());
        assert!(server.client().run("SET key:1 1").is_ok());
        assert!(client.run("MULTI").is_ok());
        assert_eq!(client.run("GET key:1").text(), "QUEUED");
        assert_eq!(client.run("EXEC"), Reply::Null, "the watched key was changed");
        server.finish();
    }
}

#[test]
fn a_start_that_is_ended_while_loading_loses_nothing() {
    let dir = directory(2);
    for how in ["SHUTDOWN", "SHUTDOWN NOW", "SHUTDOWN SAVE FORCE", "TERM", "KILL"] {
        let mut server = slow(&dir, 2);
        let mut client = server.client();
        is_told(&mut client, "PING");
        match how {
            "TERM" => server.process().signal(Signal::TERM),
            "KILL" => server.process().signal(Signal::KILL),
            command => client.send(&command.split(' ').collect::<Vec<_>>()),
        }
        let status = server.process().wait().expect("it ends");
        assert_eq!(status.success(), how != "KILL", "{how}");
    }
    let server = Server::start(options(&dir, 3));
    check(&server);
    server.finish();
}

#[test]
fn damage_that_is_found_while_clients_wait_ends_the_process_with_the_reason() {
    let dir = directory(1);
    let entries = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let segment =
        entries.filter(|path| path.extension().is_some_and(|e| e == "swl")).max().unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    // Far enough in that clients are let in before it is found.
    let at = bytes.len() * 3 / 4;
    bytes[at] ^= 1;
    std::fs::write(&segment, &bytes).unwrap();
    let mut server = slow(&dir, 1);
    let mut client = server.client();
    is_told(&mut client, "PING");
    let status = server.process().wait().expect("it ends");
    let log = server.process().log();
    assert!(!status.success() && log.contains("is damaged"), "{log}");
}

#[test]
fn the_log_tells_how_far_a_long_load_is() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(options(&dir, 2));
    // So many records that most have not been read yet when the first are applied.
    let mut client = server.client();
    for part in 0..200 {
        assert!(client.run(&format!("DEBUG POPULATE 10 part:{part} 10000")).is_ok());
    }
    server.finish();
    // Longer than the five seconds between two lines.
    let delayed = options(&dir, 1).own("key-load-delay", "4000").while_loading();
    let mut server = Server::start(delayed);
    let mut line = None;
    eventually("the log tells", || {
        let log = server.process().log();
        line = log.lines().find(|line| line.contains("\"message\":\"loading\"")).map(str::to_owned);
        line.is_some()
    });
    let line = line.unwrap();
    let field = |name: &str| -> u64 {
        let (_, rest) = line.split_once(&format!("\"{name}\":")).expect("the field");
        rest.split([',', '}']).next().unwrap().parse().unwrap()
    };
    let (loaded, total, percent) = (field("loaded"), field("total"), field("percent"));
    assert!(total > 20_000_000 && loaded < total, "{line}");
    assert!((1..100).contains(&percent) && percent == loaded * 100 / total, "{line}");
    server.kill();
}
