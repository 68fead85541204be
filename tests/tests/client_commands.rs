//! CLIENT: who is connected, and what one client can do about another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use shardwright_tests::{Client, Options, Reply, Server};

/// The fields of a line of CLIENT LIST.
fn fields(line: &str) -> BTreeMap<&str, &str> {
    line.split(' ').filter_map(|field| field.split_once('=')).collect()
}

fn line_of(list: &str, id: i64) -> Option<String> {
    list.lines()
        .find(|line| fields(line).get("id") == Some(&id.to_string().as_str()))
        .map(String::from)
}

#[test]
fn ids_grow_and_never_repeat() {
    let server = Server::start(Options::shards(2));
    let ids: Vec<i64> = (0..20).map(|_| server.client().run("CLIENT ID").int()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    server.finish();
}

#[test]
fn list_and_info_tell_the_fields_that_tools_read() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    assert!(client.run("CLIENT SETNAME watcher").is_ok());
    client.run("SELECT 3");
    let id = client.run("CLIENT ID").int();
    let address = client.stream().local_addr().unwrap().to_string();
    let list = client.run("CLIENT LIST").text();
    let info = client.run("CLIENT INFO").text();
    for line in [line_of(&list, id).unwrap(), info.trim_end().to_string()] {
        let fields = fields(&line);
        for name in
            ["fd", "age", "idle", "flags", "sub", "psub", "multi", "qbuf", "obl", "omem", "events"]
        {
            assert!(fields.contains_key(name), "{name} is missing: {line}");
        }
        assert_eq!(fields["addr"], address);
        assert_eq!(fields["laddr"], server.address().to_string());
        assert_eq!((fields["name"], fields["db"], fields["multi"]), ("watcher", "3", "-1"));
        assert_eq!((fields["user"], fields["resp"]), ("default", "2"));
        assert!(fields["cmd"].starts_with("client|"), "{line}");
    }
    server.finish();
}

#[test]
fn list_shows_clients_of_all_threads() {
    let server = Server::start(Options::shards(7));
    let mut clients: Vec<Client> = (0..20).map(|_| server.client()).collect();
    let ids: Vec<i64> = clients.iter_mut().map(|client| client.run("CLIENT ID").int()).collect();
    let list = clients[0].run("CLIENT LIST").text();
    assert!(ids.iter().all(|&id| line_of(&list, id).is_some()), "{list}");
    let two =
        clients[0].cmd(&["CLIENT", "LIST", "ID", &ids[3].to_string(), &ids[4].to_string()]).text();
    assert_eq!(two.lines().count(), 2);
    server.finish();
}

fn is_closed(client: &mut Client) -> bool {
    client.read_to_end().is_ok()
}

#[test]
fn kill_ends_the_clients_that_it_names() {
    let server = Server::start(Options::shards(2));
    let mut killer = server.client();
    let mut by_id = server.client();
    let id = by_id.run("CLIENT ID").int().to_string();
    assert_eq!(killer.cmd(&["CLIENT", "KILL", "ID", &id]), Reply::Int(1));
    assert!(is_closed(&mut by_id));
    assert_eq!(killer.cmd(&["CLIENT", "KILL", "ID", &id]), Reply::Int(0));

    for old_form in [true, false] {
        let mut by_address = server.client();
        by_address.run("PING");
        let address = by_address.stream().local_addr().unwrap().to_string();
        if old_form {
            assert!(killer.cmd(&["CLIENT", "KILL", &address]).is_ok());
        } else {
            assert_eq!(killer.cmd(&["CLIENT", "KILL", "ADDR", &address]), Reply::Int(1));
        }
        assert!(is_closed(&mut by_address));
    }
    server.finish();
}

#[test]
fn kill_spares_the_caller_unless_told_otherwise() {
    let server = Server::start(Options::shards(2));
    let mut killer = server.client();
    let mut others: Vec<Client> = (0..5).map(|_| server.client()).collect();
    others.iter_mut().for_each(|client| drop(client.run("PING")));
    assert_eq!(killer.run("CLIENT KILL TYPE normal"), Reply::Int(5));
    assert!(others.iter_mut().all(is_closed));
    assert_eq!(killer.run("CLIENT KILL TYPE normal SKIPME no"), Reply::Int(1));
    assert!(is_closed(&mut killer));
    server.finish();
}

#[test]
fn reply_off_silences_until_on() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    for line in ["CLIENT REPLY OFF", "SET a 1", "NOSUCH", "MGET a b c"] {
        client.send(&line.split(' ').collect::<Vec<_>>());
    }
    assert!(client.run("CLIENT REPLY ON").is_ok());
    for line in ["CLIENT REPLY SKIP", "INCR a"] {
        client.send(&line.split(' ').collect::<Vec<_>>());
    }
    assert_eq!(client.run("GET a").text(), "2");
    server.finish();
}

#[test]
fn commands_of_later_versions_answer_as_they_do_there() {
    let server = Server::start(Options::shards(2));
    if server.is_shardwright() {
        let mut client = server.client();
        for line in [
            "CLIENT SETINFO lib-name mylib",
            "CLIENT SETINFO LIB-VER 1.2.3",
            "CLIENT NO-TOUCH on",
            "CLIENT NO-TOUCH off",
        ] {
            assert!(client.run(line).is_ok(), "{line}");
        }
        let info = client.run("CLIENT INFO").text();
        assert_eq!(
            (fields(info.trim())["lib-name"], fields(info.trim())["lib-ver"]),
            ("mylib", "1.2.3")
        );
        let refused = [
            ("CLIENT SETINFO nosuch x", "ERR Unrecognized option 'nosuch'"),
            ("CLIENT NO-TOUCH maybe", "ERR syntax error"),
        ];
        for (line, text) in refused {
            assert_eq!(client.run(line).error().unwrap(), text, "{line}");
        }
        let spaced = client.cmd(&["CLIENT", "SETINFO", "lib-name", "a b"]).error().unwrap();
        assert_eq!(spaced, "ERR lib-name cannot contain spaces, newlines or special characters.");
    }
    server.finish();
}
