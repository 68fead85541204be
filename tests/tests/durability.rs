//! What was acknowledged is there after the server was killed, as its policy promises: with real
//! processes, real files and kill -9.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use shardwright_tests::harness::client::encode;
use shardwright_tests::harness::data::WRITES;
use shardwright_tests::harness::saver::save_again_and_again;
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Data, Options, Reply, Rng, Server, eventually};

fn digest(server: &Server) -> String {
    server.client().run("DEBUG DIGEST").text()
}

fn info(server: &Server, name: &str) -> String {
    info_field(&server.client().run("INFO persistence"), name)
        .unwrap_or_else(|| panic!("INFO has no {name}"))
}

#[test]
fn a_server_without_a_log_keeps_nothing_and_touches_no_file() {
    let data = Data::new();
    let directory = data.path().to_str().unwrap().to_owned();
    let server = Server::start(Options::shards(2).with("dir", &directory));
    server.client().run("SET a 1");
    assert_eq!(info(&server, "aof_enabled"), "0");
    server.finish();
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
}

#[test]
fn data_is_kept_beside_the_server_unless_something_else_is_said() {
    let mut server = Server::start(Options::shards(2).with("appendonly", "yes"));
    server.client().run("SET a 1");
    let files = |server: &mut Server| server.process().directory().join("data/MANIFEST").exists();
    assert!(files(&mut server));
    let told = server.client().run("CONFIG GET dir").items()[1].text();
    let data = server.process().directory().join("data").canonicalize().unwrap();
    assert_eq!(told, data.to_str().unwrap());
    server.finish();
    let mut server = Server::start(Options::shards(2));
    assert!(!files(&mut server), "nothing is kept, so nothing is made");
    server.finish();
}

#[test]
fn counters_that_were_acknowledged_under_always_survive_kill_9_under_load() {
    let mut rng = Rng::new(11);
    let data = Data::new();
    let mut told: BTreeMap<String, i64> = BTreeMap::new();
    for round in 0..4 {
        let shards = [1, 4][round % 2];
        let server = data.start(shards, "always");
        let mut reader = server.client();
        for (key, least) in &told {
            let found: i64 = reader.cmd(&["GET", key]).text().parse().unwrap();
            // Commands that were under way when it was killed may have been done or not.
            assert!((*least..=*least + 16).contains(&found), "{key}: {found}, told {least}");
        }
        let address = server.address();
        let saving =
            std::thread::spawn(move || save_again_and_again(address, &AtomicBool::new(false)));
        let running: Vec<_> = (0..6)
            .map(|worker| {
                std::thread::spawn(move || {
                    let mut told = BTreeMap::new();
                    let Ok(mut client) = Client::connect(address) else { return told };
                    while let Some((key, value)) = increment(&mut client, worker) {
                        told.insert(key, value);
                    }
                    told
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(100 + rng.below(200) as u64));
        server.kill();
        saving.join().unwrap();
        for worker in running {
            for (key, value) in worker.join().unwrap() {
                let told = told.entry(key).or_default();
                *told = value.max(*told);
            }
        }
    }
    assert!(told.values().sum::<i64>() > 100, "{told:?}");
}

/// Adds 1 to a counter of this worker's, in a pipeline of some; the last value told, until the
/// connection ends.
fn increment(client: &mut Client, worker: usize) -> Option<(String, i64)> {
    let key = format!("counter:{worker}");
    client.send_raw(&encode(&["INCR", &key]).repeat(8)).ok()?;
    let mut last = None;
    for _ in 0..8 {
        match client.read_raw().map(|raw| Reply::parse(&raw)) {
            Ok(Reply::Int(value)) => last = Some((key.clone(), value)),
            _ => return None,
        }
    }
    last
}

#[test]
fn pairs_that_are_written_together_are_there_together() {
    let data = Data::new();
    for round in 0..4 {
        let server = data.start([4, 1, 2, 4][round], "everysec");
        check_pairs(&server);
        let address = server.address();
        let saving =
            std::thread::spawn(move || save_again_and_again(address, &AtomicBool::new(false)));
        let running: Vec<_> = (0..3)
            .map(|worker| {
                std::thread::spawn(move || {
                    let Ok(mut client) = Client::connect(address) else { return };
                    for number in 0.. {
                        if !write_pairs(&mut client, worker, number) {
                            return;
                        }
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(300));
        server.kill();
        running.into_iter().for_each(|worker| worker.join().unwrap());
        saving.join().unwrap();
    }
    check_pairs(&data.start(3, "everysec"));
}

fn write_pairs(client: &mut Client, worker: usize, number: usize) -> bool {
    let value = number.to_string();
    let [left, right] = ["left", "right"].map(|side| format!("{side}:{worker}"));
    let [low, high] = ["low", "high"].map(|side| format!("{side}:{worker}"));
    let commands = [
        encode(&["MSET", &left, &value, &right, &value]),
        encode(&["MULTI"]),
        encode(&["SET", &low, &value]),
        encode(&["SET", &high, &value]),
        encode(&["EXEC"]),
    ];
    client.send_raw(&commands.concat()).is_ok() && (0..5).all(|_| client.read_raw().is_ok())
}

fn check_pairs(server: &Server) {
    let mut client = server.client();
    for worker in 0..3 {
        for [one, other] in [["left", "right"], ["low", "high"]] {
            let pair = [one, other].map(|side| client.cmd(&["GET", &format!("{side}:{worker}")]));
            assert_eq!(pair[0], pair[1], "{one} and {other} of {worker}");
        }
    }
}

#[test]
fn an_orderly_end_loses_nothing_whatever_the_policy() {
    for policy in ["always", "everysec", "no"] {
        let data = Data::new();
        let server = data.start(2, policy);
        server.client().pipeline(WRITES);
        let before = digest(&server);
        server.finish();
        let server = data.start(2, policy);
        assert_eq!(digest(&server), before, "{policy}");
        server.finish();
    }
}

#[test]
fn everysec_makes_durable_within_a_second_or_so_and_says_so() {
    let data = Data::new();
    let server = data.start(2, "everysec");
    server.client().run("SET a 1");
    let newest: u64 = info(&server, "log_newest_lsn").parse().unwrap();
    eventually("it is durable", || {
        info(&server, "log_durable_lsn").parse::<u64>().unwrap() >= newest.max(1)
    });
    server.finish();
}

#[test]
fn a_key_that_expired_while_nobody_ran_is_gone_after_the_start() {
    let data = Data::new();
    let server = data.start(2, "always");
    server.client().pipeline(&["SET short 1 PX 50", "SET long 1 PX 50000000"]);
    server.kill();
    std::thread::sleep(Duration::from_millis(60));
    let server = data.start(2, "always");
    assert_eq!(server.client().run("GET short"), Reply::Null);
    assert_eq!(server.client().run("GET long").text(), "1");
    eventually("it is removed", || server.client().run("DBSIZE").int() == 1);
    server.finish();
}

#[test]
fn segments_follow_one_another() {
    let data = Data::new();
    let options = || data.options(2, "no").own("log-segment-size", "64kb");
    let server = Server::start(options());
    let mut client = server.client();
    let value = "x".repeat(1000);
    (0..300).for_each(|number| _ = client.cmd(&["SET", &format!("key:{}", number % 50), &value]));
    let before = digest(&server);
    server.finish();
    assert!(data.segments().len() >= 2, "{:?}", data.segments());
    let server = Server::start(options());
    assert_eq!(digest(&server), before);
    assert_eq!(info(&server, "log_segments"), data.segments().len().to_string());
    server.finish();
}

#[test]
fn saving_shortens_the_log_and_is_what_is_loaded() {
    let data = Data::new();
    for shards in [1, 4, 2] {
        let server = data.start(shards, "everysec");
        let mut client = server.client();
        client.pipeline(WRITES);
        let values = (0..2_000).map(|number| format!("SET filler:{shards}:{number} {number}"));
        let values: Vec<String> = values.collect();
        client.pipeline(&values.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(client.run("SAVE").is_ok());
        assert_eq!(data.segments().len(), 1, "what came before the checkpoint is gone");
        assert_eq!(info(&server, "rdb_changes_since_last_save"), "0");
        assert_eq!(info(&server, "rdb_last_bgsave_status"), "ok");
        client.run("APPEND text !");
        let before = digest(&server);
        server.check_shadow();
        server.kill();
        let server = data.start(shards, "everysec");
        assert_eq!(digest(&server), before, "{shards} shards");
        server.kill();
    }
}

#[test]
fn a_save_with_nothing_in_between_leaves_the_checkpoint_that_counts_alone() {
    let data = Data::new();
    let checkpoint = || data.checkpoints().pop();
    for shards in [1, 4, 1] {
        let server = data.start(shards, "everysec");
        server.client().pipeline(WRITES);
        let before = digest(&server);
        assert!(server.client().run("SAVE").is_ok());
        let first = checkpoint();
        assert!(server.client().run("SAVE").is_ok());
        assert!(first.is_some() && checkpoint() != first, "{first:?} was written over");
        server.kill();
        let server = data.start(shards, "everysec");
        assert_eq!(digest(&server), before);
        server.kill();
    }
}

#[test]
fn without_a_log_what_was_saved_is_there_and_an_orderly_end_saves() {
    let data = Data::new();
    let directory = data.path().to_str().unwrap().to_owned();
    let options =
        |shards, save: &str| Options::shards(shards).with("dir", &directory).with("save", save);
    let server = Server::start(options(2, "3600 100000"));
    let mut client = server.client();
    client.pipeline(WRITES);
    assert!(client.run("SAVE").is_ok());
    let saved = digest(&server);
    client.run("SET later 1");
    server.kill();
    let server = Server::start(options(4, "3600 100000"));
    assert_eq!(digest(&server), saved);
    server.client().run("SET later 2");
    let ended = digest(&server);
    server.finish();
    // Who saves nothing any more still loads what was saved.
    let server = Server::start(options(1, ""));
    assert_eq!(digest(&server), ended);
    server.client().run("SET later 3");
    server.finish();
    // A log begins behind what was saved.
    for _ in 0..2 {
        let server = data.start(1, "always");
        assert_eq!(server.client().run("GET later").text(), "2");
        server.client().run("INCRBY logged 1");
        server.kill();
    }
    let server = data.start(3, "always");
    assert_eq!(server.client().run("GET logged").text(), "2");
    let mut client = server.client();
    client.send(&["SHUTDOWN", "SAVE"]);
    drop(client);
    let mut server = server;
    assert!(server.process().wait().is_some_and(|status| status.success()));
    assert_eq!(data.segments().len(), 1);
    let server = data.start(2, "always");
    assert_eq!(server.client().run("GET logged").text(), "2");
    server.finish();
}

#[test]
fn a_save_and_a_rewrite_follow_one_another_when_they_were_scheduled() {
    let data = Data::new();
    let server = data.start(2, "everysec");
    let mut client = server.client();
    client.run("DEBUG POPULATE 300000");
    let texts = |replies: Vec<Reply>| -> Vec<String> {
        replies.iter().map(|reply| reply.error().unwrap_or_else(|| reply.text())).collect()
    };
    let over = |count: &str| {
        let all = ["rdb_saves", "aof_rewrites"];
        eventually("all are over", || all.iter().all(|name| info(&server, name) == count));
        for name in ["rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled"] {
            assert_eq!(info(&server, name), "0", "{name}");
        }
    };
    let replies = client.pipeline(&["BGREWRITEAOF", "BGREWRITEAOF", "BGSAVE", "BGSAVE SCHEDULE"]);
    let expected = [
        "Background append only file rewriting started",
        "ERR Background append only file rewriting already in progress",
        "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in \
         order to schedule a BGSAVE whenever possible.",
        "Background saving scheduled",
    ];
    assert_eq!(texts(replies), expected);
    over("1");
    let replies = client.pipeline(&["BGSAVE SCHEDULE", "BGSAVE SCHEDULE", "BGREWRITEAOF"]);
    let expected = [
        "Background saving started",
        "ERR Background save already in progress",
        "Background append only file rewriting scheduled",
    ];
    assert_eq!(texts(replies), expected);
    over("2");
    server.finish();
}

#[test]
fn the_log_is_shortened_by_itself() {
    for (setting, value, counter) in
        [("auto-aof-rewrite-min-size", "50kb", "aof_rewrites"), ("save", "1 100", "rdb_saves")]
    {
        let data = Data::new();
        let options = || data.options(2, "no").with(setting, value);
        let server = Server::start(options());
        let mut client = server.client();
        let value = "x".repeat(1000);
        let mut number = 0;
        eventually("a checkpoint was written", || {
            number += 1;
            client.cmd(&["SET", &format!("key:{}", number % 50), &value]);
            info(&server, counter) != "0"
        });
        let before = digest(&server);
        server.finish();
        let server = Server::start(options());
        assert_eq!(digest(&server), before, "{setting}");
        server.finish();
    }
}

#[test]
fn a_checkpoint_begins_by_itself_if_anything_has_changed_for_the_interval() {
    let data = Data::new();
    let server = Server::start(data.options(2, "no").own("checkpoint-interval", "200ms"));
    let mut client = server.client();
    let has_still = |count: &str, why: &str| {
        std::thread::sleep(Duration::from_millis(700));
        assert_eq!(info(&server, "aof_rewrites"), count, "{why}");
    };
    has_still("0", "nothing has changed");
    client.run("SET a 1");
    eventually("one was written", || info(&server, "aof_rewrites") == "1");
    has_still("1", "nothing has changed since");
    assert!(client.run("CONFIG SET checkpoint-interval 0").is_ok());
    client.run("SET b 2");
    has_still("1", "none is wanted");
    assert!(client.run("CONFIG SET checkpoint-interval 300ms").is_ok());
    eventually("another was written", || info(&server, "aof_rewrites") == "2");
    let before = digest(&server);
    server.kill();
    let server = data.start(2, "no");
    assert_eq!(digest(&server), before);
    server.finish();
}

#[test]
fn a_second_save_while_one_is_under_way_is_refused_and_a_damaged_checkpoint_is_not_loaded() {
    let data = Data::new();
    let server = data.start(2, "everysec");
    let mut client = server.client();
    client.run("DEBUG POPULATE 300000");
    let replies = client.pipeline(&["BGSAVE", "BGSAVE", "SAVE"]);
    assert_eq!(replies[0].text(), "Background saving started");
    let refused = "ERR Background save already in progress";
    assert!(replies[1..].iter().all(|reply| reply.error().is_some_and(|text| text == refused)));
    eventually("it is over", || info(&server, "rdb_bgsave_in_progress") == "0");
    server.finish();
    let checkpoint = data.checkpoints().pop().expect("there is a checkpoint");
    let mut bytes = fs::read(&checkpoint).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&checkpoint, &bytes).unwrap();
    let text = data.fail_to_start();
    assert!(text.contains("checkpoint-") && text.contains("checksum"), "{text}");
}

#[test]
fn a_torn_end_is_cut_off_and_reported() {
    let data = Data::new();
    let server = data.start(2, "always");
    server.client().run("SET a 1");
    server.client().run("SET b 2");
    server.kill();
    let last = data.segments().pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() - 3]).unwrap();
    let mut server = data.start(2, "always");
    assert_eq!(server.client().run("GET a").text(), "1");
    let log = server.process().log();
    assert!(log.contains("half written") && log.contains("log-0000000001.swl"), "{log}");
    server.finish();
}

#[test]
fn damage_ends_the_start_and_is_named() {
    let data = Data::new();
    let server = data.start(2, "always");
    let mut client = server.client();
    (0..20).for_each(|number| _ = client.cmd(&["SET", &format!("key:{number}"), "value"]));
    server.finish();
    let segment = data.segments().remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 0x10;
    fs::write(&segment, &bytes).unwrap();
    let text = data.fail_to_start();
    let told = ["log is damaged", "log-0000000001.swl at byte", "record"];
    assert!(told.iter().all(|part| text.contains(part)), "{text}");
    assert_eq!(fs::read(&segment).unwrap(), bytes, "nothing was changed");
}

/// Writes values until the server says that it cannot, or ends the connection. What was acknowledged,
/// and the value under way.
fn write_until_it_fails(server: &Server) -> (BTreeMap<String, String>, Option<String>, String) {
    let mut client = server.client();
    let mut told = BTreeMap::new();
    for number in 0..5_000 {
        let (key, value) = (format!("key:{}", number % 20), format!("{number:0>1000}"));
        let sent = client.send_raw(&encode(&["SET", &key, &value]));
        match sent.and_then(|()| client.read_raw()).map(|raw| Reply::parse(&raw)) {
            Ok(Reply::Simple(_)) => _ = told.insert(key, value),
            Ok(reply) => return (told, reply.error(), value),
            Err(_) => return (told, None, value),
        }
    }
    panic!("5 MB were written into files of 256 KiB");
}

#[test]
fn a_log_that_cannot_grow_refuses_writes_and_heals_by_a_checkpoint() {
    for (shards, policy) in [(1, "everysec"), (4, "everysec"), (1, "always"), (4, "always")] {
        let what = format!("{shards} shards, {policy}");
        let data = Data::new();
        let mut server = Server::start(data.options(shards, policy).file_limit(256));
        let (told, error, under_way) = write_until_it_fails(&server);
        match policy {
            "always" => assert!(error.is_none_or(|text| text.starts_with("MISCONF")), "{what}"),
            _ => assert!(error.is_some_and(|text| text.starts_with("MISCONF")), "{what}"),
        }
        eventually("writes are taken again", || server.client().run("SET probe 1").is_ok());
        assert_eq!(info(&server, "aof_last_write_status"), "ok");
        let log = server.process().log();
        assert!(log.contains("writes are refused") && log.contains("the log goes on"), "{log}");
        let check = |server: &Server| {
            let mut client = server.client();
            for (key, value) in &told {
                let found = client.cmd(&["GET", key]).text();
                assert!(found == *value || found == under_way, "{what}: {key}");
            }
            assert_eq!(client.run("GET probe").text(), "1", "{what}");
        };
        check(&server);
        server.check_shadow();
        server.client().run("SET last 1");
        server.wait_until_durable();
        server.kill();
        let server = data.start(shards, policy);
        check(&server);
        server.finish();
    }
}

#[test]
fn a_directory_belongs_to_one_process() {
    let data = Data::new();
    let server = data.start(1, "everysec");
    let text = data.fail_to_start();
    let directory = data.path().to_str().unwrap();
    assert!(text.contains("in use by another process") && text.contains(directory), "{text}");
    server.finish();
}
