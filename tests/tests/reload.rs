//! DEBUG RELOAD: the data goes into an RDB file and comes back, beside the real redis-server, under
//! load, and with a log that has to know of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use shardwright_tests::harness::client::encode;
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Options, Oracle, Reply, Server, eventually};

/// A server with a log in a directory of its own.
fn logged(directory: &tempfile::TempDir, shards: usize) -> Server {
    let path = directory.path().to_str().unwrap();
    let options = Options::shards(shards).with("dir", path).with("appendonly", "yes");
    Server::start(options.with("appendfsync", "always"))
}

fn digest(client: &mut Client) -> String {
    client.run("DEBUG DIGEST").text()
}

/// Commands with RELOAD between them; every reply and all data must be as Redis has them.
const SESSION: &[&str] = &[
    "SET a 1",
    "SET text hello",
    "SET deadline 1 PXAT 4000000000000",
    "APPEND digits 12",
    "APPEND digits 3",
    "SELECT 3",
    "SET three 3",
    "SELECT 0",
    "DEBUG RELOAD",
    "DBSIZE",
    "OBJECT ENCODING digits",
    "PEXPIRETIME deadline",
    "SET a 2",
    "SET new 1",
    "DEBUG RELOAD NOSAVE",
    "GET a",
    "GET new",
    "SET a 3",
    "SET new 2",
    "debug reload nosave noflush merge",
    "GET a",
    "GET new",
    "DEBUG RELOAD NOSAVE MERGE",
    "GET new",
    "DEBUG RELOAD NOFLUSH MERGE",
    "DEBUG RELOAD MERGE",
    "DEBUG RELOAD NOSUCH",
    "DEBUG RELOAD NOSAVE MERGE 1",
    "FLUSHALL",
    "DEBUG RELOAD NOSAVE NOFLUSH",
    "GET a",
    "SELECT 3",
    "GET three",
    "DEBUG RELOAD",
    "DBSIZE",
];

#[test]
fn replies_and_data_are_those_of_redis() {
    for shards in [1, 4] {
        let (server, oracle) = (Server::start(Options::shards(shards)), Oracle::start());
        let (mut ours, mut theirs) = (server.client(), oracle.client());
        for command in SESSION {
            assert_eq!(ours.run(command), theirs.run(command), "{command}, {shards} shards");
        }
        assert_eq!(digest(&mut ours), digest(&mut theirs), "{shards} shards");
        server.finish();
    }
}

#[test]
fn settings_of_the_file_are_those_of_redis() {
    let options = || Options::shards(1).with("enable-protected-configs", "yes");
    let (server, oracle) = (Server::start(options()), Oracle::start_with(&options()));
    let (mut ours, mut theirs) = (server.client(), oracle.client());
    let commands = [
        "CONFIG GET dbfilename",
        "CONFIG GET rdbc*compression",
        "CONFIG GET rdbchecksum",
        "CONFIG SET dbfilename a/b",
        "CONFIG SET dbfilename /dump.rdb",
        "CONFIG SET dbfilename other.rdb",
        "CONFIG GET dbfilename",
        "CONFIG SET rdbcompression no",
        "CONFIG SET rdbcompression maybe",
        "CONFIG SET rdbchecksum no",
        "SET a 1",
        "DEBUG RELOAD",
        "GET a",
    ];
    for command in commands {
        assert_eq!(ours.run(command), theirs.run(command), "{command}");
    }
    let own = ours.run("CONFIG SET dbfilename MANIFEST").error().unwrap_or_default();
    assert!(own.contains("the data directory's own files"), "{own}");
    // An empty name is allowed, and no file has it.
    for client in [&mut ours, &mut theirs] {
        assert!(client.cmd(&["CONFIG", "SET", "dbfilename", ""]).is_ok());
        assert!(client.run("DEBUG RELOAD").error().is_some_and(|text| text.starts_with("ERR")));
        assert_eq!(client.run("GET a").text(), "1");
    }
    server.finish();
}

#[test]
fn a_watched_key_that_is_flushed_or_loaded_fails_the_transaction() {
    let (server, oracle) = (Server::start(Options::shards(2)), Oracle::start());
    for mut client in [server.client(), oracle.client()] {
        client.run("SET a 1");
        client.run("WATCH a");
        client.run("DEBUG RELOAD");
        client.run("MULTI");
        client.run("SET a 2");
        assert_eq!(client.run("EXEC"), Reply::Null);
    }
    server.finish();
}

#[test]
fn the_log_and_the_shadow_know_what_was_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let server = logged(&directory, 3);
    let mut client = server.client();
    client.run("DEBUG POPULATE 5000");
    client.run("SET deadline 1 EX 50000");
    let saved = digest(&mut client);
    assert!(client.run("DEBUG RELOAD").is_ok());
    assert_eq!(digest(&mut client), saved);
    server.check_shadow();
    client.run("FLUSHALL");
    client.run("SET other 1");
    assert!(client.run("DEBUG RELOAD NOSAVE").is_ok());
    let loaded = info_field(&client.run("INFO persistence"), "rdb_last_load_keys_loaded");
    assert_eq!(loaded.as_deref(), Some("5001"));
    server.check_shadow();
    server.kill();
    let server = logged(&directory, 2);
    assert_eq!(digest(&mut server.client()), saved, "after kill -9");
    server.finish();
}

#[test]
fn nothing_changes_when_the_file_cannot_be_loaded_or_written() {
    let directory = tempfile::tempdir().unwrap();
    let server = logged(&directory, 2);
    let mut client = server.client();
    let file = directory.path().join("dump.rdb");
    let check = |client: &mut Client, words: &str, why: &str| {
        let before = digest(client);
        let error = client.run(words).error().unwrap_or_default();
        assert!(error.starts_with("ERR ") && error.contains(why), "{words}: {error}");
        assert_eq!(digest(client), before, "{words}");
    };
    client.run("MSET a 1 b 2 c 3");
    check(
        &mut client,
        "DEBUG RELOAD NOSAVE",
        "ERR Error trying to load the RDB dump: it could not",
    );
    assert!(client.run("DEBUG RELOAD").is_ok());
    check(&mut client, "DEBUG RELOAD NOFLUSH", "of database 0 is there already");
    let whole = fs::read(&file).unwrap();
    client.run("SET later 1");
    for (at, why) in [(whole.len() - 1, "the end"), (whole.len() / 2, "byte")] {
        fs::write(&file, &whole[..at]).unwrap();
        check(&mut client, "DEBUG RELOAD NOSAVE", why);
    }
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&file, &damaged).unwrap();
    check(&mut client, "DEBUG RELOAD NOSAVE", "the checksum is");
    check(&mut client, "DEBUG RELOAD NOSAVE NOFLUSH MERGE", "the checksum is");
    fs::create_dir(directory.path().join("dump.rdb.new")).unwrap();
    check(&mut client, "DEBUG RELOAD", "the RDB file was not written: could not create");
    assert!(fs::read(&file).unwrap() == damaged, "the file before is as it was");
    fs::remove_dir(directory.path().join("dump.rdb.new")).unwrap();
    client.run("CONFIG SET enable-protected-configs yes");
    assert!(client.run("DEBUG RELOAD").is_ok());
    server.finish();
}

#[test]
fn a_file_that_grows_too_large_leaves_the_one_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let server = Server::start(Options::shards(2).with("dir", path).file_limit(256));
    let mut client = server.client();
    client.run("SET a 1");
    assert!(client.run("DEBUG RELOAD").is_ok());
    let file = directory.path().join("dump.rdb");
    let before = fs::read(&file).unwrap();
    client.run("DEBUG POPULATE 3000 key 200");
    client.run("CONFIG SET rdbcompression no");
    let all = digest(&mut client);
    let error = client.run("DEBUG RELOAD").error().unwrap_or_default();
    assert!(error.contains("could not write dump.rdb.new"), "{error}");
    assert_eq!(digest(&mut client), all);
    assert!(fs::read(&file).unwrap() == before);
    assert!(!directory.path().join("dump.rdb.new").exists());
    server.finish();
}

#[test]
fn counters_of_other_clients_lose_nothing_while_data_is_reloaded_and_saved() {
    let directory = tempfile::tempdir().unwrap();
    let server = logged(&directory, 4);
    let mut client = server.client();
    assert!(client.run("CONFIG SET save-rdb yes").is_ok());
    client.run("DEBUG POPULATE 20000");
    let ended = Arc::new(AtomicBool::new(false));
    let address = server.address();
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let ended = Arc::clone(&ended);
            std::thread::spawn(move || {
                let mut client = Client::connect(address).unwrap();
                let key = format!("counter:{worker}");
                let mut last = 0;
                while !ended.load(Relaxed) {
                    client.send_raw(&encode(&["INCR", &key]).repeat(8)).unwrap();
                    for _ in 0..8 {
                        last += 1;
                        let reply = Reply::parse(&client.read_raw().unwrap());
                        assert_eq!(reply, Reply::Int(last), "{key}");
                    }
                }
            })
        })
        .collect();
    for round in 0..6 {
        let saving = client.run("BGSAVE");
        assert!(saving.error().is_none(), "{saving:?}");
        assert!(client.run("DEBUG RELOAD").is_ok(), "round {round}");
        eventually("the save is over", || {
            let info = client.run("INFO persistence");
            info_field(&info, "rdb_bgsave_in_progress").as_deref() == Some("0")
        });
    }
    ended.store(true, Relaxed);
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    server.check_shadow();
    let all = digest(&mut client);
    server.kill();
    let server = logged(&directory, 4);
    assert_eq!(digest(&mut server.client()), all, "after kill -9");
    server.finish();
}

#[test]
fn the_log_gives_the_data_back() {
    for shards in [1, 4] {
        let dir = tempfile::tempdir().unwrap();
        let options = || {
            let dir = dir.path().to_str().unwrap();
            Options::shards(shards).with("dir", dir).with("appendonly", "yes")
        };
        let server = Server::start(options());
        let mut client = server.client();
        let fill = |client: &mut Client, from: usize| {
            for key in from..from + 200 {
                let line = format!("SET key:{key} {key} PX {}", 3_600_000 + key);
                assert!(client.run(&line).is_ok());
            }
            assert!(client.run("MSET a 1 b two c 3.5").is_ok());
            client.pipeline(&["SELECT 3", "SETRANGE long 100000 end", "SELECT 0", "DEL key:7"]);
        };
        fill(&mut client, 0);
        let mut watching = server.client();
        assert!(watching.pipeline(&["WATCH a", "MULTI", "GET a"])[0].is_ok());
        // From the log alone, from a checkpoint alone, and from both; the last ones are behind what
        // the first ones wrote.
        for step in 0..4 {
            let before = digest(&mut client);
            assert!(client.run("DEBUG LOADAOF").is_ok(), "step {step}");
            assert!(client.run("DEBUG LOADAOF x y").is_ok(), "what follows is not looked at");
            assert_eq!(digest(&mut client), before, "step {step}");
            match step {
                0 => assert_eq!(watching.run("EXEC"), Reply::Null, "all was removed meanwhile"),
                1 => assert!(client.run("SAVE").is_ok()),
                _ => fill(&mut client, 1000 * step),
            }
        }
        let before = digest(&mut client);
        server.finish();
        let server = Server::start(options());
        assert_eq!(digest(&mut server.client()), before);
        server.finish();
    }
}

#[test]
fn without_a_log_there_is_none_to_load() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    assert!(client.run("SET a 1").is_ok());
    let error = client.run("DEBUG LOADAOF").error().unwrap();
    assert!(error.starts_with("ERR there is no log"), "{error}");
    assert_eq!(client.run("GET a").text(), "1");
    server.finish();
}
