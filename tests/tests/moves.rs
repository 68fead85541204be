//! RENAME, RENAMENX and MOVE of every type, within a shard and from one to another: what moved is
//! there after kill -9, with whatever number of shards, and the log has no more of it than its names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use shardwright_tests::harness::data::contents;
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Data, Server, eventually};

const TYPES: [&str; 7] = ["string", "list", "set", "intset", "zset", "hash", "stream"];

/// Sizes in elements: one that lies in its entry, and one that has a structure of its own.
const SIZES: [usize; 2] = [2, 600];

/// Adds an element to a key of a type.
fn add(kind: &str, key: &str, number: usize) -> String {
    match kind {
        "string" => format!("APPEND {key} {number:012},"),
        "list" => format!("RPUSH {key} element:{number:012}"),
        "set" => format!("SADD {key} member:{number}"),
        "intset" => format!("SADD {key} {}", number * 7),
        "zset" => format!("ZADD {key} {number}.5 member:{number}"),
        "hash" => format!("HSET {key} field:{number} value:{number}"),
        _ => format!("XADD {key} {}-1 field value:{number}", number + 1),
    }
}

/// Makes a key anew.
fn make(client: &mut Client, kind: &str, key: &str, size: usize) {
    let mut lines = vec![format!("DEL {key}")];
    lines.extend((0..size).map(|number| add(kind, key, number)));
    if kind == "stream" {
        lines.push(format!("XGROUP CREATE {key} group 0"));
        lines.push(format!("XREADGROUP GROUP group ada COUNT 2 STREAMS {key} >"));
    }
    run(client, &lines);
}

#[track_caller]
fn run(client: &mut Client, lines: &[String]) {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    for (line, reply) in lines.iter().zip(client.pipeline(&lines)) {
        assert_eq!(reply.error(), None, "{line}");
    }
}

/// Every way to move a key of this type, and changes of what moved.
fn move_about(client: &mut Client, kind: &str, size: usize, round: usize) {
    let key = format!("{kind}:{size}");
    let mut step = |lines: &[String]| {
        make(client, kind, &key, size);
        run(client, lines);
    };
    let to = |name: &str| format!("{name}:{round}:{key}");
    // Perhaps to another shard, and on from there.
    step(&[
        format!("PEXPIREAT {key} 4102444800123"),
        format!("RENAME {key} {}", to("renamed")),
        add(kind, &to("renamed"), size),
        format!("RENAME {0} {{{0}}}:again", to("renamed")),
    ]);
    // Surely on the same one: back and forth, onto what is there, changed in between.
    let (here, there) = (format!("{{{key}}}:{round}"), format!("{{{key}}}:taken:{round}"));
    step(&[
        format!("SET {there} x EX 1000"),
        format!("RENAME {key} {there}"),
        add(kind, &there, size),
        format!("RENAME {there} {here}"),
        format!("PEXPIREAT {here} 4102444800456"),
        format!("RENAMENX {here} {there}"),
        add(kind, &there, size + 1),
    ]);
    // To another database, where it is changed.
    let moved = to("moved");
    step(&[
        "SELECT 5".to_owned(),
        format!("DEL {moved}"),
        "SELECT 0".to_owned(),
        format!("RENAME {key} {moved}"),
        format!("MOVE {moved} 5"),
        "SELECT 5".to_owned(),
        add(kind, &moved, size),
        "SELECT 0".to_owned(),
    ]);
    // As one record, with the old name used again.
    step(&[
        "MULTI".to_owned(),
        format!("RENAME {key} {}", to("block")),
        format!("RENAME {0} {{{0}}}:there", to("block")),
        add(kind, &key, 3),
        format!("MOVE {key} 6"),
        "EXEC".to_owned(),
        format!("DEL {key}"),
    ]);
}

fn move_all(client: &mut Client, round: usize) {
    for kind in TYPES {
        for size in SIZES {
            move_about(client, kind, size, round);
        }
    }
}

/// Starts with each number of shards, one after another on the same directory, moves keys about, and
/// kills; `save` says whether a checkpoint is between what was moved and what moves.
fn check(shards: &[usize], save: bool) {
    let data = Data::new();
    let mut told = None;
    for (round, count) in shards.iter().enumerate() {
        let server = data.start(*count, "always");
        if let Some(told) = &told {
            assert_eq!(&contents(&server), told, "round {round} of {shards:?}, saved {save}");
        }
        let mut client = server.client();
        // What came here under another layout moves on under this one.
        if round > 0 {
            for kind in TYPES {
                let old = format!("{{{kind}:600}}:taken:{}", round - 1);
                run(&mut client, &[format!("RENAME {old} on:{kind}:{round}")]);
            }
        }
        move_all(&mut client, round);
        if save {
            assert!(client.run("SAVE").is_ok());
            // The same names again, onto what the checkpoint has.
            move_all(&mut client, round);
        }
        told = Some(contents(&server));
        server.check_shadow();
        server.kill();
    }
}

#[test]
fn what_moved_is_there_after_kill_9_with_the_same_number_of_shards() {
    check(&[1, 1], false);
    check(&[3, 3, 3], true);
}

/// Keys that moved within one partition belong to different ones now, and the other way round.
#[test]
fn what_moved_is_there_after_kill_9_with_fewer_and_more_shards() {
    check(&[1, 4, 2, 1, 7], false);
    check(&[4, 1, 3], true);
}

fn log_bytes(server: &Server) -> u64 {
    let info = server.client().run("INFO persistence");
    info_field(&info, "log_written_bytes").unwrap().parse().unwrap()
}

#[test]
fn the_log_has_the_names_of_what_moves_within_a_shard_and_not_the_value() {
    let data = Data::new();
    let server = data.start(3, "always");
    let mut client = server.client();
    for kind in TYPES {
        make(&mut client, kind, "{k}1", 5000);
        for line in ["RENAME {k}1 {k}2", "RENAMENX {k}2 {k}3", "MOVE {k}3 4"] {
            let before = log_bytes(&server);
            assert_eq!(client.run(line).error(), None);
            let bytes = log_bytes(&server) - before;
            assert!((1..200).contains(&bytes), "{kind}: {line} took {bytes} bytes");
        }
        client.pipeline(&["SELECT 4", "DEL {k}3", "SELECT 0"]);
    }
    server.finish();
}

/// Collections move while a checkpoint is written, which must have each of them once, as it was.
#[test]
fn what_moves_during_a_checkpoint_is_there_once() {
    for shards in [1, 3] {
        let data = Data::new();
        let server = data.start(shards, "always");
        let mut client = server.client();
        client.run("DEBUG POPULATE 200000");
        for kind in TYPES {
            make(&mut client, kind, &format!("{{{kind}}}1"), 5000);
        }
        for round in 0..3 {
            assert_eq!(client.run("BGSAVE").error(), None);
            for kind in TYPES {
                let (a, b) = (format!("{{{kind}}}1"), format!("{{{kind}}}2"));
                run(
                    &mut client,
                    &[
                        format!("SET {b} {round}"),
                        format!("RENAME {a} {b}"),
                        add(kind, &b, 5000 + round),
                        format!("MOVE {b} 7"),
                        "SELECT 7".to_owned(),
                        format!("MOVE {b} 0"),
                        "SELECT 0".to_owned(),
                        format!("RENAME {b} {a}"),
                    ],
                );
            }
            eventually("the checkpoint is written", || {
                let info = server.client().run("INFO persistence");
                info_field(&info, "rdb_bgsave_in_progress").unwrap() == "0"
            });
        }
        let digest = client.run("DEBUG DIGEST").text();
        server.check_shadow();
        server.kill();
        for shards in [shards, 2] {
            let server = data.start(shards, "always");
            assert_eq!(server.client().run("DEBUG DIGEST").text(), digest);
            server.finish();
        }
    }
}
