//! A start with another number of shards than the files were written by, after kill -9: real processes
//! and real files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use shardwright_tests::harness::data::WRITES;
use shardwright_tests::{Data, Server};

fn digest(server: &Server) -> String {
    server.client().run("DEBUG DIGEST").text()
}

#[test]
fn everything_is_there_after_kill_9_and_with_another_number_of_shards() {
    let data = Data::new();
    let server = data.start(2, "always");
    server.client().pipeline(WRITES);
    let before = digest(&server);
    server.check_shadow();
    server.kill();
    for shards in [2, 1, 7, 4] {
        let server = data.start(shards, "always");
        assert_eq!(digest(&server), before, "with {shards} shards");
        let mut client = server.client();
        assert_eq!(client.run("GET text").text(), "hello-world\0\0\0\0\0\0\0\0\0far");
        assert_eq!(client.run("GET a").text(), "43");
        let ttl = client.run("TTL e").int();
        assert!((9_000..=10_000).contains(&ttl), "{ttl}");
        // What is written by this layout is there in the next one.
        client.run(&format!("SET by:{shards} 1"));
        client.run(&format!("DEL by:{shards}"));
        server.check_shadow();
        server.kill();
    }
}

/// A server with another number of shards that writes nothing and is killed leaves no trace, and what
/// comes behind it counts all the same.
#[test]
fn another_number_of_shards_may_come_and_go_without_a_write() {
    for numbers in [[2, 1, 2], [1, 4, 1], [4, 2, 4]] {
        for checkpoint in [false, true] {
            let data = Data::new();
            let [first, between, again] = numbers;
            let server = data.start(first, "always");
            server.client().pipeline(WRITES);
            if checkpoint {
                assert!(server.client().run("SAVE").is_ok());
            }
            server.client().run("SET a 1");
            server.kill();
            let server = data.start(between, "always");
            assert_eq!(server.client().run("GET a").text(), "1");
            server.kill();
            let server = data.start(again, "always");
            assert!(server.client().run("SET a 2").is_ok());
            let before = digest(&server);
            server.kill();
            let server = data.start(again, "always");
            assert_eq!(digest(&server), before, "{numbers:?}, with a checkpoint: {checkpoint}");
            server.finish();
        }
    }
}
