//! The tools that people have: redis-cli, redis-benchmark and a client library,
//! none of which may notice that this is not Redis.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::process::{Command, Stdio};

use redis::{Commands, Connection};
use shardwright_tests::harness::client::encode;
use shardwright_tests::{Options, Server};

/// Runs one of Redis's programs against the server; what it printed.
fn tool(server: &Server, program: &str, args: &[&str], input: &[u8]) -> String {
    let mut child = Command::new(program)
        .args(["-p", &server.address().port().to_string()])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; run `make deps`"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {text}{errors}");
    text
}

fn cli(server: &Server, args: &[&str]) -> String {
    tool(server, "redis-cli", args, b"").trim_end().to_string()
}

fn library(server: &Server, parameters: &str) -> Connection {
    let url = format!("redis://{}/{parameters}", server.address());
    redis::Client::open(url).unwrap().get_connection().unwrap()
}

#[test]
fn redis_cli_sets_and_gets() {
    let server = Server::start(Options::shards(2));
    assert_eq!(cli(&server, &["PING"]), "PONG");
    assert_eq!(cli(&server, &["SET", "greeting", "hello world"]), "OK");
    assert_eq!(cli(&server, &["GET", "greeting"]), "hello world");
    assert_eq!(cli(&server, &["-3", "GET", "absent"]), "");
    assert_eq!(cli(&server, &["-n", "3", "SET", "k", "v"]), "OK");
    assert_eq!(cli(&server, &["-n", "3", "DBSIZE"]), "1");
    assert!(cli(&server, &["INFO", "server"]).contains("redis_version:7.0.15"));
    assert!(cli(&server, &["NOSUCH"]).starts_with("ERR unknown command"));
    server.finish();
}

#[test]
fn redis_cli_reads_commands_from_its_input() {
    let server = Server::start(Options::shards(2));
    let lines = b"MULTI\nSET a 1\nINCR a\nEXEC\nGET a\n";
    let output = tool(&server, "redis-cli", &[], lines);
    assert_eq!(output, "OK\nQUEUED\nQUEUED\nOK\n2\n2\n");
    server.finish();
}

#[test]
fn redis_cli_loads_a_mass_of_commands() {
    let server = Server::start(Options::shards(2));
    let commands: Vec<u8> =
        (0..20_000).flat_map(|i| encode(&["SET", &format!("key:{i}"), &i.to_string()])).collect();
    let output = tool(&server, "redis-cli", &["--pipe"], &commands);
    assert!(output.contains("errors: 0, replies: 20000"), "{output}");
    assert_eq!(cli(&server, &["DBSIZE"]), "20000");
    assert_eq!(cli(&server, &["--scan", "--pattern", "key:1999*"]).lines().count(), 11);
    assert!(cli(&server, &["--bigkeys"]).contains("Sampled 20000 keys"));
    server.finish();
}

#[test]
fn redis_benchmark_runs() {
    let server = Server::start(Options::shards(2));
    let args =
        ["-q", "-n", "2000", "-c", "10", "-P", "8", "-r", "1000", "-t", "ping,set,get,incr,mset"];
    let output = tool(&server, "redis-benchmark", &args, b"");
    for name in ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"] {
        assert!(output.contains(&format!("{name}: ")), "{name} is missing in {output}");
    }
    server.finish();
}

#[test]
fn a_client_library_works_in_both_protocols() {
    let server = Server::start(Options::shards(2));
    for parameters in ["?protocol=resp2", "?protocol=resp3", "5"] {
        let mut connection = library(&server, parameters);
        let () = connection.set("key", "value").unwrap();
        let value: String = connection.get("key").unwrap();
        assert_eq!(value, "value");
        let absent: Option<String> = connection.get("absent").unwrap();
        assert_eq!(absent, None);
        let () = connection.mset(&[("a", 1), ("b", 2), ("c", 3)]).unwrap();
        let numbers: Vec<i64> = connection.mget(&["a", "b", "c"]).unwrap();
        assert_eq!(numbers, [1, 2, 3]);
        let sum: i64 = connection.incr("a", 41).unwrap();
        assert_eq!(sum, 42);
        let error = connection.incr::<_, _, i64>("key", 1).unwrap_err();
        assert!(error.to_string().contains("not an integer"), "{error}");
        let deleted: i64 = connection.del(&["a", "b", "c", "key", "d"]).unwrap();
        assert_eq!(deleted, 4);
    }
    server.finish();
}

#[test]
fn a_client_library_runs_transactions_and_scans() {
    let server = Server::start(Options::shards(2));
    let mut connection = library(&server, "");
    let (a, b): (i64, i64) =
        redis::pipe().atomic().incr("a", 1).incr("b", 2).query(&mut connection).unwrap();
    assert_eq!((a, b), (1, 2));
    let moved: (i64, i64) = redis::transaction(&mut connection, &["a", "b"], |connection, pipe| {
        let a: i64 = connection.get("a")?;
        pipe.decr("a", a).incr("b", a).query(connection)
    })
    .unwrap();
    assert_eq!(moved, (0, 3));
    for i in 0..500 {
        let () = connection.set(format!("scanned:{i}"), i).unwrap();
    }
    let found = connection.scan_match::<_, String>("scanned:*").unwrap().count();
    assert!(found >= 500);
    server.finish();
}
