//! The wire: inline commands, RESP3, frames in any pieces, and golden replies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use shardwright_tests::harness::client::encode;
use shardwright_tests::{Client, Options, Server};

/// Sends bytes and compares what comes back, byte for byte.
fn exchange(client: &mut Client, bytes: &[u8], expected: &[&[u8]]) {
    client.send_raw(bytes).unwrap();
    for reply in expected {
        let raw = client.read_raw().unwrap();
        assert_eq!(raw.escape_ascii().to_string(), reply.escape_ascii().to_string());
    }
}

#[test]
fn inline_commands() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    exchange(&mut client, b"PING\r\n", &[b"+PONG\r\n"]);
    exchange(
        &mut client,
        b"  echo   \"a b\\x41\\n\"  \n",
        &[b"$6\r\na bA\n\r\n".as_slice()].map(|_| b"$5\r\na bA\n\r\n".as_slice()),
    );
    exchange(
        &mut client,
        b"\r\n\n\r\nset 'k' 'it\\'s'\r\nGET k\r\n",
        &[b"+OK\r\n", b"$4\r\nit's\r\n"],
    );
    exchange(
        &mut client,
        b"PING\r\n*1\r\n$4\r\nPING\r\nPING x\r\n",
        &[b"+PONG\r\n", b"+PONG\r\n", b"$1\r\nx\r\n"],
    );
    server.finish();
}

#[test]
fn a_pipeline_may_arrive_in_any_pieces() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    let commands: [&[&str]; 5] = [
        &["SET", "a", "1"],
        &["MSET", "b", "2", "c", "3"],
        &["GET", "a"],
        &["MGET", "a", "b", "c"],
        &["PING"],
    ];
    let bytes: Vec<u8> = commands.iter().flat_map(|args| encode(args)).collect();
    let expected = b"+OK\r\n+OK\r\n$1\r\n1\r\n*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n+PONG\r\n";
    for piece in [1, 2, 3, 7, bytes.len()] {
        for part in bytes.chunks(piece) {
            client.send_raw(part).unwrap();
            if piece == 3 {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        let replies: Vec<u8> = commands.iter().flat_map(|_| client.read_raw().unwrap()).collect();
        assert_eq!(replies, expected, "in pieces of {piece}");
    }
    server.finish();
}

#[test]
fn resp3_after_hello_and_resp2_again() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    exchange(&mut client, b"GET no\r\n", &[b"$-1\r\n"]);
    assert_eq!(client.run("HELLO 3").kind(), '%');
    exchange(&mut client, b"GET no\r\n", &[b"_\r\n"]);
    exchange(&mut client, b"MGET no nono\r\n", &[b"*2\r\n_\r\n_\r\n"]);
    exchange(&mut client, b"CONFIG GET databases\r\n", &[b"%1\r\n$9\r\ndatabases\r\n$2\r\n16\r\n"]);
    assert_eq!(client.run("INFO server").kind(), '=');
    assert_eq!(client.run("HELLO 2").kind(), '*');
    exchange(&mut client, b"GET no\r\n", &[b"$-1\r\n"]);
    server.finish();
}

#[test]
fn hello_tells_the_version_that_clients_check() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    let reply = client.run("HELLO 3");
    let text: Vec<String> = reply.items().iter().map(|item| format!("{item:?}")).collect();
    let field = |name: &str| {
        text[text.iter().position(|item| item == &format!("\"{name}\"")).unwrap() + 1].clone()
    };
    assert_eq!(field("server"), "\"redis\"");
    assert_eq!(field("version"), "\"7.0.15\"");
    assert_eq!(
        (field("proto"), field("mode"), field("role")),
        (":3".into(), "\"standalone\"".into(), "\"master\"".into())
    );
    server.finish();
}

#[test]
fn values_of_all_sizes_come_back_unchanged() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    for size in [0, 1, 15, 16, 63, 64, 1000, 16_383, 16_384, 65_536, 1 << 20, 20 << 20] {
        let value: Vec<u8> = (0..size).map(|i| (i * 31 + i / 251) as u8).collect();
        let set: [&[u8]; 3] = [b"SET", b"k", &value];
        assert!(client.cmd(&set).is_ok());
        assert!(client.run("GET k").bytes() == value, "a value of {size} bytes");
        assert_eq!(client.run("STRLEN k").int(), size as i64);
    }
    server.finish();
}

#[test]
fn quit_answers_what_came_before_and_nothing_after() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    client.send_raw(b"SET a 1\r\nGET a\r\nQUIT\r\nSET a 2\r\n").unwrap();
    assert_eq!(client.read_to_end().unwrap(), b"+OK\r\n$1\r\n1\r\n+OK\r\n");
    assert_eq!(server.client().run("GET a").text(), "1");
    server.finish();
}

#[test]
fn a_client_that_closes_its_sending_half_still_gets_its_replies() {
    let server = Server::start(Options::shards(2));
    if server.is_shardwright() {
        let mut client = server.client();
        client.send_raw(b"SET a 1\r\nMGET a b\r\n").unwrap();
        client.stream().shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(client.read_to_end().unwrap(), b"+OK\r\n*2\r\n$1\r\n1\r\n$-1\r\n");
    }
    server.finish();
}
