//! requirepass: who may do what before AUTH.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use shardwright_tests::{Client, Options, Reply, Server};

const NOAUTH: &str = "NOAUTH Authentication required.";
const WRONGPASS: &str = "WRONGPASS invalid username-password pair or user is disabled.";

fn guarded() -> (Server, Client) {
    let server = Server::start(Options::shards(2).with("requirepass", "secret"));
    let client = Client::connect(server.address()).unwrap();
    (server, client)
}

fn error(reply: &Reply) -> String {
    reply.error().unwrap_or_else(|| panic!("an error was expected, not {reply:?}"))
}

#[test]
fn nothing_but_authentication_is_allowed_before_it() {
    let (server, mut client) = guarded();
    for line in
        ["PING", "GET a", "SET a b", "INFO", "COMMAND", "MULTI", "SELECT 1", "CLIENT ID", "NOSUCH"]
    {
        assert!(error(&client.run(line)).starts_with("NOAUTH") || line == "NOSUCH", "{line}");
    }
    assert_eq!(error(&client.run("GET a")), NOAUTH);
    let hello = error(&client.run("HELLO 3"));
    assert!(
        hello.starts_with("NOAUTH HELLO must be called with the client already authenticated"),
        "{hello}"
    );
    assert!(client.run("AUTH secret").is_ok());
    assert_eq!(client.run("GET a"), Reply::Null);
    server.finish();
}

#[test]
fn a_wrong_password_is_refused_and_changes_nothing() {
    let (server, mut client) = guarded();
    for line in
        ["AUTH wrong", "AUTH default wrong", "AUTH nosuch secret", "HELLO 3 AUTH default wrong"]
    {
        assert_eq!(error(&client.run(line)), WRONGPASS, "{line}");
    }
    assert_eq!(error(&client.run("GET a")), NOAUTH);
    assert!(client.run("AUTH default secret").is_ok());
    assert_eq!(error(&client.run("AUTH wrong")), WRONGPASS);
    assert_eq!(client.run("GET a"), Reply::Null, "who was in stays in");
    server.finish();
}

#[test]
fn hello_authenticates_and_reset_takes_it_back() {
    let (server, mut client) = guarded();
    assert_eq!(client.run("HELLO 3 AUTH default secret SETNAME bob").kind(), '%');
    assert_eq!(client.run("CLIENT GETNAME").text(), "bob");
    assert_eq!(client.run("RESET").text(), "RESET");
    assert_eq!(error(&client.run("GET a")), NOAUTH);
    server.finish();
}

#[test]
fn quit_and_reset_need_no_password() {
    let (server, mut client) = guarded();
    assert_eq!(client.run("RESET").text(), "RESET");
    assert!(client.run("QUIT").is_ok());
    assert_eq!(client.read_to_end().unwrap(), b"");
    server.finish();
}

#[test]
fn strangers_may_send_only_small_commands() {
    let (server, _) = guarded();
    let cases: [(&[u8], &str); 2] = [
        (b"*11\r\n", "ERR Protocol error: unauthenticated multibulk length"),
        (b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", "ERR Protocol error: unauthenticated bulk length"),
    ];
    for (bytes, expected) in cases {
        let mut client = Client::connect(server.address()).unwrap();
        client.send_raw(bytes).unwrap();
        assert_eq!(error(&client.read()), expected);
        assert_eq!(client.read_to_end().unwrap(), b"");
    }
    server.finish();
}

#[test]
fn the_password_can_change_while_running() {
    let (server, mut client) = guarded();
    let mut inside = server.client();
    assert!(inside.run("CONFIG SET requirepass other").is_ok());
    assert_eq!(error(&client.run("AUTH secret")), WRONGPASS);
    assert!(client.run("AUTH other").is_ok());
    assert!(inside.run("PING").text() == "PONG", "connections that are in stay in");
    let mut none = Client::connect(server.address()).unwrap();
    assert!(inside.run("CONFIG SET requirepass secret").is_ok());
    assert_eq!(error(&none.run("GET a")), NOAUTH);
    server.finish();
}
