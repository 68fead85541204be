//! Segments that are written over earlier ones by a real server, which is killed: what was acknowledged
//! is there, and nothing of what was in the files before.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::process::Command;

use shardwright_tests::{Data, Server};

fn start(data: &Data, shards: usize, spares: &str) -> Server {
    let options = data.options(shards, "always").own("log-segment-size", "64kb");
    Server::start(options.own("log-spare-segments", spares))
}

/// Fills more than two segments.
fn fill(server: &Server, round: usize) {
    let mut client = server.client();
    for number in 0..200 {
        let value = format!("{round}:{number}:{}", "x".repeat(700 + number));
        client.cmd(&["SET", &format!("key:{}", number % 60), &value]);
    }
}

fn digest(server: &Server) -> String {
    server.client().run("DEBUG DIGEST").text()
}

/// What the file had before it became this segment, as its header says.
fn former_len(segment: &std::path::Path) -> u64 {
    let bytes = fs::read(segment).unwrap();
    u64::from_le_bytes(bytes[36..44].try_into().unwrap())
}

#[test]
fn a_killed_server_leaves_what_was_acknowledged_over_what_was_there_before() {
    for shards in [1, 3] {
        let data = Data::new();
        for round in 0..4 {
            let mut server = start(&data, shards, "3");
            let log = server.process().log();
            assert!(!log.contains("half written"), "{log}");
            for _ in 0..3 {
                fill(&server, round);
                assert!(server.client().run("SAVE").is_ok());
                assert!((1..=3).contains(&data.spares().len()), "{:?}", data.spares());
            }
            fill(&server, round + 1);
            server.client().run(&format!("SET round {round}"));
            let over = data.segments().iter().filter(|segment| former_len(segment) > 0).count();
            assert!(over > 0, "no segment is written over an earlier one");
            let before = digest(&server);
            server.kill();
            let check = Command::new(Server::program())
                .args(["check", "--dir", data.path().to_str().unwrap()])
                .output()
                .unwrap();
            let text = String::from_utf8(check.stdout).unwrap();
            assert!(check.status.success() && !text.contains("half written"), "{text}");
            assert_eq!(text.matches("spare ").count(), data.spares().len(), "{text}");
            let server = start(&data, shards, "3");
            assert_eq!(digest(&server), before, "round {round}");
            assert_eq!(server.client().run("GET round").text(), round.to_string());
            server.finish();
        }
    }
}

#[test]
fn no_spares_are_kept_where_none_are_wanted() {
    let data = Data::new();
    let server = start(&data, 2, "2");
    fill(&server, 1);
    assert!(server.client().run("SAVE").is_ok());
    assert!(!data.spares().is_empty());
    server.finish();
    let server = start(&data, 2, "0");
    assert!(data.spares().is_empty());
    fill(&server, 2);
    assert!(server.client().run("SAVE").is_ok());
    assert!(data.spares().is_empty());
    server.finish();
}

#[test]
fn a_hard_link_keeps_what_it_had() {
    let data = Data::new();
    let server = start(&data, 1, "8");
    fill(&server, 1);
    let first = data.segments().remove(0);
    let bytes = fs::read(&first).unwrap();
    let kept = data.path().join("kept");
    fs::hard_link(&first, &kept).unwrap();
    for round in 0..3 {
        assert!(server.client().run("SAVE").is_ok());
        fill(&server, round);
    }
    assert_eq!(fs::read(&kept).unwrap(), bytes);
    server.finish();
}
