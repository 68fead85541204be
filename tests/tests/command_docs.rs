//! COMMAND DOCS beside the real redis-server: every command that both have, in both protocols.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use shardwright_tests::differential::admitted;
use shardwright_tests::differential::documentation::same_docs;
use shardwright_tests::{Options, Oracle, Reply, Server};

fn compare_docs(protocol: u8) {
    let (server, oracle) = (Server::start(Options::shards(2)), Oracle::start());
    let mut clients = [server.client(), oracle.client()];
    let hello = format!("HELLO {protocol}");
    clients.iter_mut().for_each(|client| assert!(client.run(&hello).error().is_none()));
    let names: Vec<String> =
        clients[0].run("COMMAND LIST").items().iter().map(Reply::text).collect();
    let mut faults = Vec::new();
    for name in names.iter().map(String::as_str).chain([""]) {
        let [ours, theirs] =
            clients.each_mut().map(|client| client.run(&format!("COMMAND DOCS {name}")));
        assert!(!ours.items().is_empty(), "{name} is listed, but not documented");
        if admitted::LATER_NAMES.contains(&name) {
            assert!(theirs.items().is_empty(), "{name} is Redis's: compare it");
        } else {
            faults.extend(same_docs(&ours, &theirs).err());
        }
    }
    assert!(faults.is_empty(), "RESP{protocol}:\n{}", faults.join("\n"));
    server.finish();
}

#[test]
fn commands_are_documented_as_redis_does_in_resp2() {
    compare_docs(2);
}

#[test]
fn commands_are_documented_as_redis_does_in_resp3() {
    compare_docs(3);
}
