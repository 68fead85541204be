//! RDB files in and out: with the real redis-server on the other side, real files and kill -9.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use shardwright_codec::rdb::{Decoder, Encoder, Item, Value};
use shardwright_tests::harness::client::encode;
use shardwright_tests::harness::rng::seed_or;
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Options, Oracle, Reply, Rng, Server, eventually};
use tempfile::TempDir;

/// A directory of a test, with places in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn at(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A directory in it, which is there.
    fn directory(&self, name: &str) -> String {
        fs::create_dir_all(self.path(name)).unwrap();
        self.at(name)
    }
}

/// Runs the program with these arguments: its status, and all that it said.
fn run(program: &Path, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().expect("it ends by itself"), text)
}

#[track_caller]
fn tool(arguments: &[&str], status: i32, parts: &[&str]) {
    let (ended, text) = run(Server::program(), arguments);
    assert_eq!(ended, status, "{text}");
    parts.iter().for_each(|part| assert!(text.contains(part), "{part} is not told: {text}"));
}

/// Has Redis's own tool look at a file.
#[track_caller]
fn check_file(path: &Path) {
    let (status, text) = run(Path::new("/usr/bin/redis-check-rdb"), &[path.to_str().unwrap()]);
    assert!(status == 0 && text.contains("RDB looks OK"), "{text}");
}

fn data(directory: &str, shards: usize) -> Options {
    Options::shards(shards).with("dir", directory).with("appendonly", "yes")
}

/// What a server says that must not start.
fn refused(directory: &str, more: &[&str]) -> String {
    let listen = ["--port", "0", "--unixsocket", "refused.sock", "--admin-port", "0"];
    let (status, text) =
        Server::fail_to_start(&[&["--dir", directory][..], &listen, more].concat());
    assert!(!status.success(), "{text}");
    text
}

fn info(client: &mut Client, name: &str) -> String {
    info_field(&client.run("INFO persistence"), name).unwrap_or_else(|| panic!("no {name}"))
}

fn digest(client: &mut Client) -> String {
    client.run("DEBUG DIGEST").text()
}

/// Deadlines far enough away to be the same on both sides.
const FAR_MS: i64 = 4_000_000_000_000;

/// Fills a server with keys of every form: in several databases, binary, integers of every length,
/// long, compressible, with and without deadline.
fn fill(client: &mut Client, seed: u64) {
    let mut rng = Rng::new(seed);
    for db in [0, 1, 7, 15] {
        client.run(&format!("SELECT {db}"));
        for number in [0_i64, -1, 63, 64, 127, -128, 32_768, 1 << 31, i64::MAX, i64::MIN] {
            client.run(&format!("SET int:{number} {number}"));
        }
        for at in 0..300 {
            let letters = [2, 256][rng.below(2)];
            let value: Vec<u8> = (0..rng.below(3_000)).map(|_| rng.below(letters) as u8).collect();
            let key: Vec<u8> = (0..rng.below(40)).map(|_| rng.below(256) as u8).collect();
            let deadline = (FAR_MS + at).to_string();
            let more: &[&[u8]] = if at % 3 == 0 { &[b"PXAT", deadline.as_bytes()] } else { &[] };
            client.send_raw(&encode_bytes(&[&[b"SET", &key[..], &value], more].concat())).unwrap();
            client.read_raw().unwrap();
        }
        client.cmd(&["SET", "text", &"it repeats, ".repeat(100_000)]);
        client.cmd(&["SET", "", "empty key"]);
        client.cmd(&["SET", "empty value", ""]);
    }
    client.run("SELECT 0");
}

fn encode_bytes(words: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// A file that redis-server saved, and the digest of what it has.
fn redis_file(place: &Place, seed: u64) -> (String, String) {
    let directory = place.directory("redis");
    let oracle = Oracle::start_with(&Options::default().with("dir", &directory));
    let mut client = oracle.client();
    fill(&mut client, seed);
    assert!(client.run("SAVE").is_ok());
    (place.at("redis/dump.rdb"), digest(&mut client))
}

/// A file with keys 0 to `keys`.
fn file_of(path: &str, keys: usize) {
    let mut encoder = Encoder::new(Default::default());
    for number in 0..keys {
        let key = format!("key:{number}");
        encoder.key(0, key.as_bytes(), None, &Value::Bytes(&[b'v'; 200]));
    }
    fs::write(path, encoder.finish()).unwrap();
}

#[test]
fn what_redis_saved_is_imported_and_what_is_exported_redis_loads() {
    let seed = seed_or(1);
    println!("seed {seed}");
    let place = Place::new();
    let (file, expected) = redis_file(&place, seed);
    for (name, shards) in [("one", 1), ("four", 4)] {
        let directory = place.at(name);
        tool(&["import", &file, "--dir", &directory, "--shards", "4"], 0, &["imported"]);
        let server = Server::start(data(&directory, shards));
        let mut client = server.client();
        assert_eq!(digest(&mut client), expected, "{shards} shards");
        assert_eq!(client.run("PEXPIRETIME int:0"), Reply::Int(-1));
        assert!(client.run("INFO keyspace").text().contains("db15:keys="));
        client.run("SET more 1");
        let after = digest(&mut client);
        server.kill();
        let exported = place.at("exported.rdb");
        let files =
            || -> Vec<_> { fs::read_dir(&directory).unwrap().map(|e| e.unwrap().path()).collect() };
        let before: Vec<_> = files().iter().map(|path| fs::read(path).unwrap()).collect();
        tool(&["export", "--dir", &directory, "--to", &exported], 0, &["exported"]);
        let behind: Vec<_> = files().iter().map(|path| fs::read(path).unwrap()).collect();
        assert!(before == behind, "the directory was changed");
        check_file(Path::new(&exported));
        let home = place.directory("back");
        fs::copy(&exported, place.path("back/dump.rdb")).unwrap();
        let oracle = Oracle::start_with(&Options::default().with("dir", &home));
        assert_eq!(digest(&mut oracle.client()), after, "{shards} shards");
    }
}

#[test]
fn a_backup_is_exported_and_redis_settings_say_how() {
    let place = Place::new();
    let directory = place.directory("data");
    let server = Server::start(data(&directory, 2).with("appendfsync", "always"));
    server.client().cmd(&["SET", "text", &"again ".repeat(1_000)]);
    tool(&["backup", "--dir", &directory, "--to", &place.at("backup")], 0, &[]);
    let in_use = ["export", "--dir", &directory, "--to", &place.at("no.rdb")];
    tool(&in_use, 2, &["in use by another process"]);
    server.finish();
    let export = |more: &[&str]| {
        let path = place.path("out.rdb");
        let (from, to) = (place.at("backup"), place.at("out.rdb"));
        tool(&[&["export", "--dir", &from, "--to", &to], more].concat(), 0, &["1 key"]);
        check_file(&path);
        fs::read(&path).unwrap()
    };
    let small = export(&[]);
    let plain = export(&["--rdbcompression", "no", "--rdbchecksum", "no"]);
    assert!(small.len() < 1_000 && plain.len() > 6_000 && plain.ends_with(&[0; 8]));
    assert!(!place.path("out.rdb.new").exists());
    tool(&["export", "--dir", &place.at("none"), "--to", &place.at("x.rdb")], 2, &["no directory"]);
}

#[test]
fn a_start_imports_the_file_that_it_finds_and_leaves_it_as_it_is() {
    let place = Place::new();
    let (file, expected) = redis_file(&place, 3);
    for shards in [1, 4] {
        let directory = place.directory(&format!("start-{shards}"));
        let copy = Path::new(&directory).join("mine.rdb");
        fs::copy(&file, &copy).unwrap();
        let options = || data(&directory, shards).with("dbfilename", "mine.rdb");
        let mut server = Server::start(options());
        let mut client = server.client();
        assert_eq!(digest(&mut client), expected);
        assert_ne!(info(&mut client, "rdb_last_load_keys_loaded"), "0");
        assert!(server.process().log().contains("an RDB file was loaded"));
        client.run("SET later 1");
        server.finish();
        assert!(fs::read(&copy).unwrap() == fs::read(&file).unwrap());
        // From now on the directory has data of its own.
        let server = Server::start(options());
        assert_eq!(server.client().run("GET later").text(), "1");
        assert_eq!(info(&mut server.client(), "rdb_last_load_keys_loaded"), "0");
        server.finish();
    }
    let kept_nowhere = place.directory("memory");
    fs::copy(&file, place.path("memory/dump.rdb")).unwrap();
    let server = Server::start(Options::shards(3).with("dir", &kept_nowhere));
    assert_eq!(digest(&mut server.client()), expected);
    assert!(server.client().run("INFO keyspace").text().contains("db7:keys="));
    server.client().run("SET more 1");
    server.finish();
    assert_eq!(fs::read_dir(&kept_nowhere).unwrap().count(), 1, "nothing is kept");
}

#[test]
fn keys_whose_time_had_come_are_left_out_as_redis_does() {
    let place = Place::new();
    let directory = place.directory("data");
    let mut encoder = Encoder::new(Default::default());
    encoder.key(0, b"past", Some(1_000), &Value::Int(1));
    encoder.key(0, b"future", Some(FAR_MS), &Value::Int(2));
    fs::write(place.path("data/dump.rdb"), encoder.finish()).unwrap();
    let options = Options::default().with("dir", &directory);
    let oracle = Oracle::start_with(&options);
    let server = Server::start(options);
    for mut client in [oracle.client(), server.client()] {
        assert_eq!(client.run("DBSIZE"), Reply::Int(1));
        assert_eq!(info(&mut client, "rdb_last_load_keys_expired"), "1");
        assert_eq!(info(&mut client, "rdb_last_load_keys_loaded"), "1");
        assert_eq!(client.run("PEXPIRETIME future"), Reply::Int(FAR_MS));
    }
    server.finish();
}

/// Files that are refused, each with what is said about it.
fn bad_files() -> Vec<(Vec<u8>, &'static str)> {
    let mut encoder = Encoder::new(Default::default());
    (0..50).for_each(|at| encoder.key(0, format!("key:{at}").as_bytes(), None, &Value::Int(at)));
    let good = encoder.finish();
    let changed = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        bytes
    };
    let mut beyond = Encoder::new(Default::default());
    beyond.key(16, b"far", None, &Value::Int(1));
    let module = [&good[..9], b"\x07\x04item\x01\x01a", &good[9..]].concat();
    let functions = [&good[..9], b"\xf5\x03lib", &good[9..]].concat();
    vec![
        (good[..good.len() - 9].to_vec(), "the end"),
        (changed(good.len() - 20, b'x'), "byte"),
        (changed(8, b'9'), "RDB version 19"),
        (changed(9, 200), "byte 9: 200 is no opcode"),
        (b"REDOS0010".to_vec(), "REDIS and four digits"),
        (beyond.finish(), "database 16, of which there are 16"),
        (module, "key 'item' has a value of type 7"),
        (functions, "functions"),
    ]
}

#[test]
fn files_that_are_damaged_or_have_what_is_missing_are_refused_as_a_whole() {
    let place = Place::new();
    for (at, (bytes, why)) in bad_files().into_iter().enumerate() {
        let file = place.at(&format!("{at}.rdb"));
        fs::write(&file, &bytes).unwrap();
        let directory = place.at(&format!("import-{at}"));
        tool(&["import", &file, "--dir", &directory], 1, &[why, "nothing was kept"]);
        let left: Vec<_> =
            fs::read_dir(&directory).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["LOCK"], "{why}");
        let home = place.directory(&format!("start-{at}"));
        fs::write(Path::new(&home).join("dump.rdb"), &bytes).unwrap();
        for keeps in ["yes", "no"] {
            let text = refused(&home, &["--appendonly", keeps]);
            assert!(text.contains(why) && text.contains("dump.rdb"), "{why}: {text}");
            assert!(fs::read(Path::new(&home).join("dump.rdb")).unwrap() == bytes);
        }
        // Without the file it starts with nothing.
        fs::remove_file(Path::new(&home).join("dump.rdb")).unwrap();
        let server = Server::start(data(&home, 2));
        assert_eq!(server.client().run("DBSIZE"), Reply::Int(0));
        server.finish();
    }
}

#[test]
fn data_of_modules_beside_the_keys_is_passed_over_with_a_warning() {
    let place = Place::new();
    let mut encoder = Encoder::new(Default::default());
    encoder.key(0, b"key", None, &Value::Int(1));
    let good = encoder.finish();
    // Module AAAAAAAAA: when (UINT), a string, the end. Without a checksum.
    let aux = b"\xf7\x00\x02\x02\x05\x03abc\x00";
    let bytes = [&good[..9], aux, &good[9..good.len() - 8], &[0; 8]].concat();
    fs::write(place.path("module.rdb"), bytes).unwrap();
    let import = ["import", &place.at("module.rdb"), "--dir", &place.at("data")];
    tool(&import, 0, &["1 key", "module AAAAAAAAA was passed over"]);
}

#[test]
fn an_import_that_is_killed_leaves_all_or_nothing_and_can_be_done_again() {
    let seed = seed_or(7);
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let place = Place::new();
    const KEYS: usize = 200_000;
    let file = place.at("many.rdb");
    file_of(&file, KEYS);
    let (mut whole, mut interrupted) = (0, 0);
    for attempt in 0..12 {
        let directory = place.at(&format!("data-{attempt}"));
        let import = ["import", &file, "--dir", &directory];
        kill_within(
            Command::new(Server::program()).args(import),
            rng.below(40_000 * (attempt + 1)),
        );
        let path = Path::new(&directory);
        if path.join("MANIFEST").exists() {
            whole += 1;
        } else if path.join("IMPORT").exists() {
            interrupted += 1;
            let text = refused(&directory, &["--appendonly", "yes"]);
            assert!(text.contains("was not finished"), "{text}");
            let text = refused(&directory, &["--appendonly", "no"]);
            assert!(text.contains("was not finished"), "{text}");
            let export = ["export", "--dir", &directory, "--to", &place.at("half.rdb")];
            tool(&export, 1, &["was not finished"]);
            if attempt % 2 == 0 {
                // A start with the file in it does it again as well.
                fs::copy(&file, path.join("dump.rdb")).unwrap();
            } else {
                tool(&import, 0, &["200000 keys"]);
            }
        } else {
            tool(&import, 0, &["200000 keys"]);
        }
        let server = Server::start(data(&directory, 2).own("shadow", "no"));
        assert_eq!(server.client().run("DBSIZE"), Reply::Int(KEYS as i64), "attempt {attempt}");
        server.kill();
        fs::remove_dir_all(&directory).unwrap();
    }
    println!("{whole} whole, {interrupted} interrupted");
    assert!(interrupted > 0, "none was killed in time");
}

#[test]
fn a_start_that_is_killed_while_it_imports_is_done_again() {
    let seed = seed_or(8);
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let place = Place::new();
    const KEYS: usize = 200_000;
    let mut interrupted = 0;
    for attempt in 0..8 {
        let directory = place.directory(&format!("data-{attempt}"));
        let path = Path::new(&directory);
        file_of(path.join("dump.rdb").to_str().unwrap(), KEYS);
        let listen = ["--port", "0", "--unixsocket", "x.sock", "--admin-port", "0"];
        let mut command = Command::new(Server::program());
        command.args(["--dir", &directory, "--appendonly", "yes"]).args(listen);
        kill_within(&mut command, rng.below(40_000 * (attempt + 1)));
        interrupted += usize::from(path.join("IMPORT").exists());
        let server = Server::start(data(&directory, 3).own("shadow", "no"));
        assert_eq!(server.client().run("DBSIZE"), Reply::Int(KEYS as i64), "attempt {attempt}");
        assert!(!path.join("IMPORT").exists());
        server.kill();
        fs::remove_dir_all(&directory).unwrap();
    }
    assert!(interrupted > 0, "none was killed in time");
}

/// Starts a program and kills it after so many microseconds.
fn kill_within(command: &mut Command, micros: usize) {
    let mut child: Child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_micros(micros as u64));
    let _ = child.kill();
    child.wait().unwrap();
}

/// Keys of a file with their values.
fn read_file(path: &Path) -> Vec<(String, String)> {
    let mut decoder = Decoder::default();
    decoder.feed(&fs::read(path).unwrap());
    let mut keys = Vec::new();
    while let Some(item) = decoder.next_item().unwrap() {
        if let Item::Key(entry) = item {
            let value = match entry.value {
                Value::Int(number) => number.to_string(),
                Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                Value::Collection(collection) => format!("{collection:?}"),
            };
            keys.push((String::from_utf8_lossy(entry.key).into_owned(), value));
        }
    }
    decoder.finish().unwrap();
    keys
}

/// Writes pairs in transactions until it is told to end.
fn write_pairs(address: SocketAddr, worker: usize, ended: &AtomicBool) {
    let mut client = Client::connect(address).unwrap();
    for number in 0_u64.. {
        let value = number.to_string();
        let [left, right] = ["left", "right"].map(|side| format!("{side}:{worker}"));
        let commands = [
            encode(&["MULTI"]),
            encode(&["SET", &left, &value]),
            encode(&["SET", &right, &value]),
            encode(&["EXEC"]),
        ];
        client.send_raw(&commands.concat()).unwrap();
        (0..4).for_each(|_| _ = client.read_raw().unwrap());
        if ended.load(Relaxed) {
            return;
        }
    }
}

fn with_writers(address: SocketAddr, work: impl FnOnce()) {
    let ended = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|worker| {
            let ended = Arc::clone(&ended);
            std::thread::spawn(move || write_pairs(address, worker, &ended))
        })
        .collect();
    work();
    ended.store(true, Relaxed);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}

fn check_pairs(path: &Path) {
    let keys = read_file(path);
    for (key, value) in keys.iter().filter(|(key, _)| key.starts_with("left:")) {
        let other = key.replace("left", "right");
        let found = keys.iter().find(|(key, _)| *key == other).map(|(_, value)| value);
        assert_eq!(found, Some(value), "{key} and {other}");
    }
}

#[test]
fn saving_under_load_gives_files_that_have_transactions_whole() {
    for keep in [["appendonly", "yes"], ["save", "3600 1000000"]] {
        let place = Place::new();
        let directory = place.directory("data");
        let options = Options::shards(4)
            .with("dir", &directory)
            .with(keep[0], keep[1])
            .own("save-rdb", "yes");
        let server = Server::start(options);
        let mut client = server.client();
        client.run("DEBUG POPULATE 20000");
        let path = place.path("data/dump.rdb");
        with_writers(server.address(), || {
            for _ in 0..5 {
                assert!(client.run("SAVE").is_ok());
                check_pairs(&path);
                check_file(&path);
            }
        });
        assert!(read_file(&path).len() >= 20_000);
        assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "ok");
        server.finish();
    }
}

#[test]
fn only_saving_writes_the_file_and_the_setting_changes_while_it_runs() {
    let place = Place::new();
    let server = Server::start(data(&place.directory("data"), 2));
    let mut client = server.client();
    let path = place.path("data/dump.rdb");
    client.run("SET a 1");
    assert!(client.run("SAVE").is_ok());
    assert!(!path.exists(), "'save-rdb' is off");
    assert!(client.run("CONFIG SET save-rdb yes").is_ok());
    assert_eq!(client.run("BGREWRITEAOF").text(), "Background append only file rewriting started");
    eventually("it is over", || info(&mut client, "aof_rewrite_in_progress") == "0");
    assert!(!path.exists(), "BGREWRITEAOF is about the log");
    assert_eq!(client.run("BGSAVE").text(), "Background saving started");
    eventually("it is over", || info(&mut client, "rdb_bgsave_in_progress") == "0");
    assert_eq!(read_file(&path), [("a".to_owned(), "1".to_owned())]);
    client.run("SET b 2");
    let mut server = server;
    client.send(&["SHUTDOWN", "SAVE"]);
    assert!(server.process().wait().is_some_and(|status| status.success()));
    assert_eq!(read_file(&path).len(), 2);
}

#[test]
fn a_file_that_cannot_be_written_is_told_and_the_checkpoint_counts() {
    let place = Place::new();
    let directory = place.directory("data");
    let server = Server::start(data(&directory, 2).own("save-rdb", "yes"));
    let mut client = server.client();
    client.run("SET a 1");
    // A directory stands where the file is written first.
    fs::create_dir(place.path("data/dump.rdb.new")).unwrap();
    let error = client.run("SAVE").error().unwrap_or_default();
    assert!(error.contains("the RDB file was not: could not create dump.rdb.new"), "{error}");
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "err");
    assert_eq!(info(&mut client, "aof_last_bgrewrite_status"), "ok");
    assert_eq!(info(&mut client, "rdb_changes_since_last_save"), "0");
    assert_eq!(info(&mut client, "rdb_saves"), "1");
    fs::remove_dir(place.path("data/dump.rdb.new")).unwrap();
    assert!(client.run("SAVE").is_ok());
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "ok");
    assert_eq!(read_file(&place.path("data/dump.rdb")).len(), 1);
    server.finish();
}

#[test]
fn an_export_replaces_no_file_of_a_data_directory_and_nothing_that_is_no_file() {
    let place = Place::new();
    let directory = place.directory("data");
    let server = Server::start(data(&directory, 1));
    server.client().run("SET a 1");
    server.finish();
    let export = |to: &str, part: &str| {
        tool(&["export", "--dir", &directory, "--to", to], 2, &[part]);
    };
    for name in ["MANIFEST", "LOCK", "BACKUP", "log-0000000001.swl"] {
        export(&place.at(&format!("data/{name}")), "own files");
    }
    std::os::unix::fs::symlink(place.path("elsewhere"), place.path("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.path("socket")).unwrap();
    for name in ["link", "socket"] {
        export(&place.at(name), "no ordinary file");
        assert!(!place.path(name).symlink_metadata().unwrap().is_file(), "{name} is what it was");
    }
    let server = Server::start(data(&directory, 1));
    assert_eq!(server.client().run("GET a").text(), "1");
    server.finish();
}
