//! A server that was to keep nothing leaves no files until something is to be saved, and opens its
//! data directory then: as if it had been open from the start, without a loss of what is in it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use shardwright_tests::harness::failing_sync::FailingSync;
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Data, Options, Oracle, Reply, Server, eventually};

/// A server that keeps nothing, in this directory.
fn idle(data: &Data, shards: usize) -> Options {
    let options = Options::shards(shards).with("dir", data.path().to_str().unwrap());
    options.with("enable-protected-configs", "yes")
}

fn is_saved(client: &mut Client) -> bool {
    let info = client.run("INFO persistence");
    info_field(&info, "rdb_bgsave_in_progress").unwrap() == "0"
        && info_field(&info, "rdb_saves").unwrap() != "0"
}

fn names(directory: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let names = fs::read_dir(directory).unwrap().map(name);
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

/// What the next server on the directory has of a key.
fn kept(data: &Data, key: &str) -> String {
    let server = Server::start(idle(data, 3));
    let found = server.client().cmd(&["GET", key]).text();
    server.finish();
    found
}

#[test]
fn whatever_saves_first_opens_the_directory() {
    for (line, told) in [
        ("SAVE", Some("OK")),
        ("BGSAVE", Some("Background saving started")),
        ("BGSAVE SCHEDULE", Some("Background saving started")),
        ("CONFIG SET save '0 1'", None),
        ("SHUTDOWN SAVE", None),
    ] {
        let data = Data::new();
        let mut server = Server::start(idle(&data, 2));
        let mut client = server.client();
        client.run("SET a 1");
        assert_eq!(names(data.path()), [""; 0], "nothing is there before {line}");
        let words: Vec<&str> = match line {
            "CONFIG SET save '0 1'" => vec!["CONFIG", "SET", "save", "1 1"],
            _ => line.split(' ').collect(),
        };
        client.send(&words);
        match (line, told) {
            ("SHUTDOWN SAVE", _) => assert!(server.process().wait().is_some_and(|s| s.success())),
            _ => {
                assert_eq!(client.read().text(), told.unwrap_or("OK"), "{line}");
                client.run("SET a 1");
                eventually("it is saved", || is_saved(&mut client));
                server.check_shadow();
                server.kill();
            }
        }
        assert_eq!(kept(&data, "a"), "1", "{line}");
    }
}

#[test]
fn a_directory_that_nobody_named_is_made_and_found_again() {
    let mut server = Server::start(Options::shards(2));
    let mut client = server.client();
    client.run("SET a 1");
    let home = server.process().directory().join("data");
    assert!(!home.exists());
    assert!(client.run("SAVE").is_ok());
    assert!(home.join("MANIFEST").exists() && home.join("LOCK").exists());
    let told = client.run("CONFIG GET dir").items()[1].text();
    assert_eq!(Path::new(&told), home.canonicalize().unwrap());
    client.run("SET a 2");
    assert!(client.run("SAVE").is_ok());
    server.finish();
    let mut server = Server::start(Options::shards(2));
    // A file in its place, and nothing can be saved; everything else works.
    let home = server.process().directory().join("data");
    fs::write(&home, "").unwrap();
    let mut client = server.client();
    client.run("SET a 1");
    for words in [&["SAVE"][..], &["BGSAVE"], &["CONFIG", "SET", "save", "1 1"]] {
        let error = client.cmd(words).error().unwrap_or_default();
        let told = error.contains("the data directory") && error.contains("File exists");
        assert!(told, "{words:?}: {error}");
    }
    assert_eq!(client.run("CONFIG GET save").items()[1].text(), "");
    let error = client.run("SHUTDOWN SAVE").error().unwrap();
    assert_eq!(error, "ERR Errors trying to SHUTDOWN. Check logs.");
    assert!(server.process().log().contains("File exists"));
    assert_eq!(client.run("GET a").text(), "1");
    fs::remove_file(&home).unwrap();
    assert!(client.run("SAVE").is_ok());
    server.finish();
}

#[test]
fn a_directory_of_another_process_or_with_other_data_is_left_alone() {
    let data = Data::new();
    let idle_one = Server::start(idle(&data, 2));
    let mut client = idle_one.client();
    client.run("SET mine 1");
    let owner = data.start(2, "always");
    owner.client().run("SET theirs 1");
    let error = client.run("SAVE").error().unwrap();
    assert!(error.starts_with("ERR ") && error.contains("in use by another process"), "{error}");
    owner.finish();
    let before = names(data.path());
    for words in [&["SAVE"][..], &["BGSAVE"], &["CONFIG", "SET", "save", "1 1"]] {
        let error = client.cmd(words).error().unwrap();
        assert!(error.contains("holds data that this server did not load"), "{error}");
    }
    assert_eq!(names(data.path()), before);
    // Elsewhere it can save.
    let other = Data::new();
    let place = data.path().to_str().unwrap().to_owned();
    let error = client.cmd(&["CONFIG", "SET", "dir", &place, "save", "1 1"]).error().unwrap();
    assert!(error.contains("did not load"), "{error}");
    let there = other.path().to_str().unwrap();
    assert!(client.cmd(&["CONFIG", "SET", "dir", there, "save", "3600 1000000"]).is_ok());
    assert!(client.run("SAVE").is_ok());
    idle_one.finish();
    assert_eq!((kept(&data, "theirs"), kept(&other, "mine")), ("1".into(), "1".into()));
}

/// Makes a `dump.rdb` with this value of `a` in a directory.
fn put_file(data: &Data, value: &str) {
    let server = Server::start(idle(data, 2).own("save-rdb", "yes"));
    server.client().cmd(&["SET", "a", value]);
    assert!(server.client().run("SAVE").is_ok());
    server.finish();
    for name in names(data.path()).iter().filter(|name| *name != "dump.rdb") {
        fs::remove_file(data.path().join(name)).unwrap();
    }
}

#[test]
fn the_file_that_a_start_loads_is_not_lost_to_a_save_that_does_not_end() {
    let data = Data::new();
    put_file(&data, "old");
    let failing = FailingSync::new();
    let server = Server::start(failing.apply(idle(&data, 2)));
    let mut client = server.client();
    assert_eq!(client.run("GET a").text(), "old");
    client.run("SET a new");
    failing.begin();
    for _ in 0..2 {
        let error = client.run("SAVE").error().unwrap();
        assert!(error.contains("Input/output error"), "{error}");
        assert!(client.run("SET b 1").is_ok(), "there is no log that could lose it");
    }
    server.kill();
    failing.end();
    let server = Server::start(failing.apply(idle(&data, 2)));
    let mut client = server.client();
    assert_eq!(client.run("GET a").text(), "old");
    client.run("SET a new");
    assert!(client.run("SAVE").is_ok());
    failing.begin();
    for _ in 0..2 {
        client.run("SET a newer");
        assert!(client.run("SAVE").error().unwrap().contains("Input/output error"));
        assert!(client.run("SET b 1").is_ok(), "there is no log that could lose it");
    }
    failing.end();
    assert!(client.run("SAVE").is_ok());
    server.kill();
    assert_eq!(kept(&data, "a"), "newer");
    assert!(data.path().join("dump.rdb").exists(), "it stays");
}

#[test]
fn a_file_that_cannot_be_loaded_is_not_passed_over_by_a_save() {
    let data = Data::new();
    let server = Server::start(idle(&data, 2));
    fs::write(data.path().join("dump.rdb"), "no such file").unwrap();
    let mut client = server.client();
    client.run("SET a 1");
    let error = client.run("SAVE").error().unwrap();
    assert!(error.contains("dump.rdb cannot be loaded"), "{error}");
    fs::remove_file(data.path().join("dump.rdb")).unwrap();
    assert!(client.run("SAVE").is_ok());
    server.finish();
    assert_eq!(kept(&data, "a"), "1");
}

#[test]
fn the_rdb_file_is_written_where_the_settings_want_it() {
    let data = Data::new();
    let server = Server::start(idle(&data, 2).own("save-rdb", "yes"));
    let mut client = server.client();
    client.run("SET a 1");
    assert!(client.run("SAVE").is_ok());
    assert!(data.path().join("dump.rdb").exists());
    assert_eq!(client.run("BGREWRITEAOF").text(), "Background append only file rewriting started");
    server.finish();
}

#[test]
fn in_a_transaction_a_save_is_scheduled() {
    let oracle = Oracle::start();
    let server = Server::start(Options::shards(2));
    let scheduled = ["BGSAVE", "BGSAVE", "BGREWRITEAOF", "BGSAVE SCHEDULE"];
    let lines = [&["MULTI"][..], &scheduled, &["EXEC"]].concat();
    let mut client = server.client();
    let replies = client.pipeline(&lines);
    let texts: Vec<String> = replies[5].items().iter().map(Reply::text).collect();
    assert_eq!(texts[0], "Background saving scheduled");
    assert_eq!(texts[2], "Background append only file rewriting scheduled");
    assert_eq!(replies, oracle.client().pipeline(&lines));
    eventually("both were made", || {
        let info = client.run("INFO persistence");
        ["rdb_saves", "aof_rewrites"].iter().all(|name| info_field(&info, name).unwrap() != "0")
    });
    server.finish();
}
