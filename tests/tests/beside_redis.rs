//! Exchanges on one connection that the differential test's sequences do not make, since they end the
//! connection, need another setting or hold replies back: all bytes that come must be those that come
//! from redis-server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use shardwright_tests::harness::client::encode;
use shardwright_tests::{Client, Options, Oracle, Server};

/// Everything that comes of these bytes and a QUIT behind them, up to the end of the connection or
/// until nothing comes for so long.
fn answered(client: &Client, bytes: &[u8], patience: Duration) -> (String, bool) {
    let mut stream = client.stream();
    stream.set_read_timeout(Some(patience)).unwrap();
    // It may be closed before it has taken all.
    stream.write_all(&[bytes, b"QUIT\r\n"].concat()).unwrap_or_default();
    let (mut seen, mut room) = (Vec::new(), [0; 65536]);
    loop {
        let (count, closed) = match stream.read(&mut room) {
            Ok(count) => (count, count == 0),
            Err(error) => (0, error.kind() == ErrorKind::ConnectionReset),
        };
        if count == 0 {
            return (seen.escape_ascii().to_string(), closed);
        }
        seen.extend_from_slice(&room[..count]);
    }
}

/// Sends each of these to both servers, with settings as given, on 1 and 4 shards.
fn compare(settings: &[&str], exchanges: &[&[u8]]) {
    let oracle = Oracle::start();
    let set = |mut client: Client| {
        settings.iter().for_each(|line| assert!(client.run(&format!("CONFIG SET {line}")).is_ok()));
    };
    set(oracle.client());
    for shards in [1, 4] {
        let server = Server::start(Options::shards(shards));
        set(server.client());
        for bytes in exchanges {
            let shown: String = bytes.escape_ascii().take(200).map(char::from).collect();
            let (ours, closed) = answered(&server.client(), bytes, Duration::from_secs(10));
            assert!(closed, "{shown} leaves the connection open");
            // Redis forgets to close when the last reply was not to be sent.
            let (theirs, _) = answered(&oracle.client(), bytes, Duration::from_millis(500));
            assert_eq!(ours, theirs, "{shown}, {shards} shards");
        }
        server.kill();
    }
}

#[test]
fn replies_that_are_off_stay_off_whatever_ends_the_connection() {
    let exchanges: &[&[u8]] = &[
        b"CLIENT REPLY OFF\r\nPING\r\n",
        b"CLIENT REPLY SKIP\r\n",
        b"CLIENT REPLY SKIP\r\nPING\r\nPING\r\n",
        b"CLIENT REPLY OFF\r\n*1\r\n+x\r\n",
        b"CLIENT REPLY SKIP\r\n*1\r\n+x\r\n",
        b"CLIENT REPLY OFF\r\nSET q 1\r\nMGET q r s t\r\nRESET\r\nPING\r\n",
    ];
    compare(&[], exchanges);
}

#[test]
fn commands_of_a_transaction_turn_replies_off_and_on_from_their_own_on() {
    let exchanges: &[&[u8]] = &[
        b"MULTI\r\nCLIENT REPLY OFF\r\nSET a b\r\nEXEC\r\nPING\r\n",
        b"MULTI\r\nSET a b\r\nCLIENT REPLY OFF\r\nSET b b\r\nCLIENT REPLY ON\r\nGET b\r\nEXEC\r\nPING\r\n",
        b"CLIENT REPLY OFF\r\nMULTI\r\nCLIENT REPLY ON\r\nSET a b\r\nEXEC\r\nPING\r\n",
        b"MULTI\r\nCLIENT REPLY SKIP\r\nSET a b\r\nEXEC\r\nPING\r\nPING\r\n",
        b"CLIENT REPLY OFF\r\nMULTI\r\nSET a b\r\nEXEC\r\nCLIENT REPLY ON\r\nPING\r\n",
        b"MULTI\r\nMSET a 1 b 2 c 3 d 4\r\nPING\r\nCLIENT REPLY OFF\r\nMGET a b c d\r\nEXEC\r\n",
    ];
    compare(&[], exchanges);
}

#[test]
fn before_authentication_errors_are_the_same() {
    let exchanges: &[&[u8]] = &[
        b"HELLO\r\nHELLO 3\r\nHELLO 2 SETNAME q\r\nHELLO 4\r\nHELLO x\r\n",
        b"HELLO 3 AUTH default x\r\nHELLO 3 AUTH default\r\nGET a\r\nNOSUCH\r\n",
        b"AUTH x\r\nAUTH default x\r\nAUTH a b c\r\nPING\r\nRESET\r\n",
        b"SUBSCRIBE a\r\nPUBLISH a b\r\nPUBSUB CHANNELS\r\n",
        b"*11\r\n",
        b"*1\r\n$16385\r\n",
    ];
    compare(&["requirepass secret"], exchanges);
}

#[test]
fn input_beyond_its_limit_ends_the_connection_however_it_comes() {
    let large = encode(&["SET", "a", &"x".repeat(2_000_000)]);
    let fitting = encode(&["SET", "a", &"x".repeat(900_000)]);
    let many: Vec<u8> = (0..2000).flat_map(|_| encode(&["SET", "a", &"x".repeat(1000)])).collect();
    compare(&["client-query-buffer-limit 1mb"], &[&large, &fitting, &many]);
}

#[test]
fn time_passes_between_the_commands_of_a_pipeline() {
    let exchanges: &[&[u8]] = &[
        b"SET a 1 PX 10\r\nDEBUG SLEEP 0.05\r\nGET a\r\nPTTL a\r\nEXISTS a\r\n",
        b"SET a 1 PX 30\r\nWATCH a\r\nDEBUG SLEEP 0.06\r\nMULTI\r\nGET a\r\nEXEC\r\n",
        b"SET a 1 PX 10\r\nDEBUG SLEEP 0.05\r\nKEYS *\r\nMGET a b c\r\n",
        b"ASKING\r\nREADONLY\r\nREADWRITE\r\n",
    ];
    compare(&[], exchanges);
}
