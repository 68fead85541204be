//! MULTI, EXEC, DISCARD and WATCH: what aborts a transaction and what does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use shardwright_tests::{Client, Options, Reply, Server};

const SHARDS: [usize; 3] = [1, 2, 7];

fn with_server(test: impl Fn(&Server, &mut Client)) {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        test(&server, &mut client);
        server.finish();
    }
}

#[test]
fn exec_gives_the_replies_in_order() {
    with_server(|_, client| {
        let replies = client.pipeline(&[
            "MULTI",
            "SET a 1",
            "INCR b",
            "MGET a b c",
            "SELECT 1",
            "DBSIZE",
            "EXEC",
        ]);
        assert!(replies[0].is_ok());
        assert!(replies[1..6].iter().all(|reply| reply.text() == "QUEUED"));
        let expected = "*[+OK, :1, *[\"1\", \"1\", nil], +OK, :0]";
        assert_eq!(format!("{:?}", replies[6]), expected);
        assert_eq!(client.run("DBSIZE"), Reply::Int(0), "SELECT within a transaction lasts");
    });
}

#[test]
fn a_command_that_fails_while_running_does_not_undo_the_others() {
    with_server(|_, client| {
        let replies = client.pipeline(&["MULTI", "SET a text", "INCR a", "SET b 2", "EXEC"]);
        let results = replies[4].items();
        assert!(results[1].error().unwrap().contains("not an integer"));
        assert_eq!(client.run("GET b").text(), "2");
    });
}

#[test]
fn a_command_that_cannot_be_queued_aborts_all() {
    with_server(|_, client| {
        for bad in ["NOSUCH", "GET", "SET a", "CONFIG NOSUCH"] {
            client.run("MULTI");
            client.run("SET a 1");
            assert!(client.run(bad).error().is_some());
            let text = client.run("EXEC").error().unwrap();
            assert_eq!(
                text, "EXECABORT Transaction discarded because of previous errors.",
                "{bad}"
            );
            assert_eq!(client.run("GET a"), Reply::Null);
        }
    });
}

#[test]
fn discard_forgets_the_queue_and_the_watches() {
    with_server(|server, client| {
        client.pipeline(&["WATCH a", "MULTI", "SET a 1", "DISCARD"]);
        assert_eq!(client.run("GET a"), Reply::Null);
        server.client().run("SET a 2");
        client.pipeline(&["MULTI", "SET a 3"]);
        assert_eq!(client.run("EXEC").items().len(), 1, "the watch is over");
    });
}

#[test]
fn commands_out_of_place_are_refused() {
    with_server(|_, client| {
        let error = |client: &mut Client, line: &str| client.run(line).error().unwrap();
        assert_eq!(error(client, "EXEC"), "ERR EXEC without MULTI");
        assert_eq!(error(client, "DISCARD"), "ERR DISCARD without MULTI");
        client.run("MULTI");
        assert_eq!(error(client, "MULTI"), "ERR MULTI calls can not be nested");
        assert_eq!(error(client, "WATCH a"), "ERR WATCH inside MULTI is not allowed");
        client.run("SET a 1");
        assert_eq!(client.run("EXEC").items().len(), 1, "neither aborts the transaction");
    });
}

/// Watches `watched`, lets another client send `change`, and tells whether EXEC went through.
fn survives(server: &Server, setup: &[&str], watched: &str, change: &[&str]) -> bool {
    let (mut client, mut other) = (server.client(), server.client());
    other.run("FLUSHALL");
    setup.iter().for_each(|line| drop(other.run(line)));
    client.run(&format!("WATCH {watched}"));
    change.iter().for_each(|line| drop(other.run(line)));
    client.pipeline(&["MULTI", "PING"]);
    client.run("EXEC") != Reply::Null
}

#[test]
fn a_change_of_a_watched_key_aborts() {
    with_server(|server, _| {
        let changes: [&[&str]; 18] = [
            &["SET k 1"],
            &["DEL k"],
            &["APPEND k x"],
            &["EXPIRE k 100"],
            &["RENAME k other"],
            &["SET other 1", "RENAME other k"],
            &["GETDEL k"],
            &["GETEX k EX 100"],
            &["MOVE k 1"],
            &["SET other 1", "COPY other k REPLACE"],
            &["MSET x 1 k 2"],
            &["FLUSHDB"],
            &["FLUSHALL"],
            &["SWAPDB 0 1"],
            &["SETRANGE k 0 x"],
            &["UNLINK k"],
            &["EXPIREAT k 1"],
            &["MULTI", "SET k 1", "EXEC"],
        ];
        for change in changes {
            assert!(!survives(server, &["SET k v"], "x k y", change), "{change:?}");
        }
        assert!(!survives(server, &["SET k v EX 100"], "k", &["PERSIST k"]));
        assert!(!survives(server, &[], "k", &["SET k 1"]), "a key that comes");
        assert!(!survives(server, &["SET k v"], "k", &["DEL k", "SET k v"]), "gone and back");
    });
}

#[test]
fn what_changes_nothing_does_not_abort() {
    with_server(|server, _| {
        let changes: [&[&str]; 13] = [
            &["GET k"],
            &["SET other 1"],
            &["SELECT 1", "SET k 1"],
            &["TOUCH k"],
            &["SETNX k 1"],
            &["SET k 1 NX"],
            &["DEL nosuch"],
            &["EXISTS k"],
            &["PERSIST k"],
            &["EXPIRE nosuch 5"],
            &["MSETNX k 1 x 2"],
            &["RENAMENX k k"],
            &["SWAPDB 1 2"],
        ];
        for change in changes {
            assert!(survives(server, &["SET k v"], "k", change), "{change:?}");
        }
        assert!(survives(server, &[], "k", &["FLUSHALL"]), "a key that was not there");
    });
}

#[test]
fn own_changes_abort_as_well_and_unwatch_forgets() {
    with_server(|_, client| {
        client.pipeline(&["WATCH k", "SET k 1", "MULTI", "PING"]);
        assert_eq!(client.run("EXEC"), Reply::Null);
        client.pipeline(&["WATCH k", "SET k 2", "UNWATCH", "MULTI", "PING"]);
        assert_eq!(client.run("EXEC").items().len(), 1);
        client.pipeline(&["WATCH k", "SET k 3", "MULTI", "PING", "EXEC", "MULTI", "PING"]);
        assert_eq!(client.run("EXEC").items().len(), 1, "EXEC ends the watch, aborted or not");
    });
}

#[test]
fn a_watched_key_that_expires_aborts_and_one_that_had_expired_does_not() {
    for active in ["0", "1"] {
        with_server(|server, client| {
            let mut other = server.client();
            other.run(&format!("DEBUG SET-ACTIVE-EXPIRE {active}"));
            other.run("SET k v PX 20");
            client.run("WATCH k");
            std::thread::sleep(Duration::from_millis(60));
            client.pipeline(&["MULTI", "PING"]);
            assert_eq!(client.run("EXEC"), Reply::Null, "it expired while watched");

            other.run("DEBUG SET-ACTIVE-EXPIRE 0");
            other.run("SET k v PX 1");
            std::thread::sleep(Duration::from_millis(5));
            client.run("WATCH k");
            assert_eq!(other.run("GET k"), Reply::Null);
            client.pipeline(&["MULTI", "PING"]);
            assert_eq!(client.run("EXEC").items().len(), 1, "it had expired before");
        });
    }
}

#[test]
fn watches_are_of_the_database_selected_then() {
    with_server(|server, client| {
        let mut other = server.client();
        client.pipeline(&["SELECT 1", "WATCH k", "SELECT 0"]);
        other.run("SET k 1");
        client.pipeline(&["MULTI", "PING"]);
        assert_eq!(client.run("EXEC").items().len(), 1);
        client.pipeline(&["SELECT 1", "WATCH k", "SELECT 0"]);
        other.pipeline(&["SELECT 1", "SET k 2"]);
        client.pipeline(&["MULTI", "PING"]);
        assert_eq!(client.run("EXEC"), Reply::Null);
    });
}

#[test]
fn a_lost_connection_takes_its_transaction_with_it() {
    with_server(|server, client| {
        let mut lost = server.client();
        lost.pipeline(&["WATCH a", "MULTI", "SET a 1", "SET b 1"]);
        drop(lost);
        assert_eq!(client.run("MGET a b"), Reply::Array(vec![Reply::Null, Reply::Null]));
        client.run("SET a 2");
    });
}

#[test]
fn a_transaction_may_be_large() {
    with_server(|_, client| {
        let mut lines = vec!["MULTI".to_string()];
        lines.extend((0..5000).map(|i| format!("SET key:{i} {i}")));
        lines.push("EXEC".into());
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let replies = client.pipeline(&lines);
        assert!(replies[5001].items().iter().all(Reply::is_ok));
        assert_eq!(client.run("DBSIZE"), Reply::Int(5000));
    });
}
