//! The tools for data directories, as one uses them: the real program on the files of real servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shardwright_tests::harness::client::encode;
use shardwright_tests::harness::rng::seed_or;
use shardwright_tests::harness::saver::save_again_and_again;
use shardwright_tests::harness::tool::tool;
use shardwright_tests::{Client, Options, Reply, Rng, Server};
use tempfile::TempDir;

/// A directory of a test, with places in it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// A data directory.
    fn data(&self) -> String {
        let data = self.at("data");
        fs::create_dir_all(&data).unwrap();
        data
    }
}

fn options(directory: &str, shards: usize) -> Options {
    Options::shards(shards)
        .with("dir", directory)
        .with("appendonly", "yes")
        .with("appendfsync", "always")
}

fn start(directory: &str, shards: usize) -> Server {
    Server::start(options(directory, shards))
}

fn digest(server: &Server) -> String {
    server.client().run("DEBUG DIGEST").text()
}

/// What a server says that must not start on this directory.
fn fail_to_start(directory: &str) -> String {
    let listen = ["--port", "0", "--unixsocket", "refused.sock", "--admin-port", "0"];
    let args = [&["--dir", directory, "--appendonly", "yes"][..], &listen].concat();
    let (status, text) = Server::fail_to_start(&args);
    assert!(!status.success(), "{text}");
    text
}

/// All files of a directory with their bytes.
fn files(directory: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

/// The first file of a directory whose name begins so.
fn file(directory: &str, begin: &str) -> PathBuf {
    let is_it = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(begin);
    files(directory).into_keys().find(is_it).unwrap_or_else(|| panic!("no {begin} in {directory}"))
}

fn flip(path: &Path, at: impl FnOnce(usize) -> usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = at(bytes.len());
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

/// What the workers of a test were told: each counter's newest value.
type Told = Arc<Mutex<BTreeMap<String, i64>>>;

/// Adds to a counter and writes a pair in a transaction, again and again, until the connection ends.
fn work(address: SocketAddr, worker: usize, told: &Told) {
    let Ok(mut client) = Client::connect(address) else { return };
    let key = format!("counter:{worker}");
    for number in 0.. {
        let value = number.to_string();
        let commands = [
            encode(&["INCR", &key]),
            encode(&["MULTI"]),
            encode(&["SET", &format!("low:{worker}"), &value]),
            encode(&["SET", &format!("high:{worker}"), &value]),
            encode(&["EXEC"]),
        ];
        if client.send_raw(&commands.concat()).is_err() {
            return;
        }
        let Ok(reply) = client.read_raw() else { return };
        if let Reply::Int(value) = Reply::parse(&reply) {
            told.lock().unwrap().insert(key.clone(), value);
        }
        if !(0..4).all(|_| client.read_raw().is_ok()) {
            return;
        }
    }
}

/// Starts a server with what was restored: all counters are there as far as they were told, and pairs
/// are whole.
fn check_restored(directory: &str, shards: usize, told: &BTreeMap<String, i64>, what: &str) {
    let server = start(directory, shards);
    let mut client = server.client();
    for (key, least) in told {
        let found: i64 = client.cmd(&["GET", key]).text().parse().unwrap();
        assert!(found >= *least, "{what}: {key} is {found}, told was {least}");
    }
    for worker in 0..WORKERS {
        let pair = ["low", "high"].map(|side| client.cmd(&["GET", &format!("{side}:{worker}")]));
        assert_eq!(pair[0], pair[1], "{what}: worker {worker}");
    }
    server.finish();
}

const WORKERS: usize = 4;

#[test]
fn a_backup_under_load_has_all_that_was_acknowledged_before_it() {
    let seed = seed_or(21);
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    for shards in [1, 4] {
        let place = Place::new();
        let data = place.data();
        let server = Server::start(options(&data, shards).own("log-segment-size", "64kb"));
        server.client().run("DEBUG POPULATE 20000");
        let (told, address) = (Told::default(), server.address());
        let ended = Arc::new(AtomicBool::new(false));
        let saver = {
            let ended = Arc::clone(&ended);
            std::thread::spawn(move || save_again_and_again(address, &ended))
        };
        let running: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let told = Arc::clone(&told);
                std::thread::spawn(move || work(address, worker, &told))
            })
            .collect();
        let mut backups = Vec::new();
        for number in 0..4 {
            std::thread::sleep(Duration::from_millis(rng.between(20, 200) as u64));
            let before = told.lock().unwrap().clone();
            let target = place.at(&format!("backup-{number}"));
            let text = tool(&["backup", "--dir", &data, "--to", &target])
                .ends_with(0, &["all up to record", "files", "seconds"]);
            backups.push((target, before, format!("seed {seed}, {shards} shards: {text}")));
        }
        ended.store(true, Relaxed);
        server.kill();
        running.into_iter().for_each(|worker| worker.join().unwrap());
        saver.join().unwrap();
        for (number, (backup, before, what)) in backups.into_iter().enumerate() {
            assert_eq!(before.len(), WORKERS, "{what}");
            let untouched = files(&backup);
            tool(&["verify", &backup]).ends_with(0, &["is sound", "all up to record"]);
            let restored = place.at(&format!("restored-{number}"));
            tool(&["restore", &backup, "--dir", &restored]).ends_with(0, &["all up to record"]);
            tool(&["check", "--dir", &restored]).ends_with(0, &["sound"]);
            check_restored(&restored, [1, 3, 4][number % 3], &before, &what);
            assert_eq!(files(&backup), untouched, "{what}: the backup was changed");
        }
    }
}

#[test]
fn a_backup_that_is_killed_is_whole_or_refused() {
    let seed = seed_or(5);
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let place = Place::new();
    let data = place.data();
    let server = start(&data, 2);
    let mut client = server.client();
    client.run("DEBUG POPULATE 300000");
    assert!(client.run("SAVE").is_ok());
    client.run("SET last 1");
    let before = digest(&server);
    let (mut whole, mut refused) = (0, 0);
    for attempt in 0..25 {
        let target = place.at(&format!("backup-{attempt}"));
        let mut child = Command::new(Server::program())
            .args(["backup", "--dir", &data, "--to", &target])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(rng.below(2_000 * (attempt + 1)) as u64));
        let _ = child.kill();
        child.wait().unwrap();
        let restored = place.at(&format!("restored-{attempt}"));
        let verified = tool(&["verify", &target]);
        let restoring = tool(&["restore", &target, "--dir", &restored]);
        assert_eq!(verified.status == 0, restoring.status == 0, "{}", restoring.text);
        if verified.status == 0 {
            whole += 1;
        } else {
            refused += 1;
            let told =
                ["no BACKUP", "is no directory"].iter().any(|why| verified.text.contains(why));
            assert!(told, "{}", verified.text);
        }
    }
    assert!(refused > 0, "none was killed in time");
    println!("{whole} whole, {refused} refused");
    let target = place.at("backup");
    tool(&["backup", "--dir", &data, "--to", &target]).ends_with(0, &[]);
    assert_eq!(digest(&server), before, "the server noticed");
    server.finish();
    let restored = place.at("restored");
    tool(&["restore", &target, "--dir", &restored]).ends_with(0, &[]);
    let server = start(&restored, 3);
    assert_eq!(digest(&server), before);
    server.finish();
}

/// A data directory whose log has forty keys, one after the other.
fn numbered(place: &Place) -> String {
    let data = place.data();
    let server = start(&data, 2);
    let mut client = server.client();
    (0..40).for_each(|number| _ = client.cmd(&["SET", &format!("key:{number}"), "value"]));
    server.finish();
    data
}

/// The command of this tool that an error names.
fn named(text: &str, name: &str) -> Vec<String> {
    let begin = format!("`shardwright {name} ");
    let (_, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no {name} in: {text}"));
    let (arguments, _) = rest.split_once('`').unwrap();
    [name].into_iter().chain(arguments.split(' ')).map(str::to_owned).collect()
}

#[test]
fn damage_of_the_log_names_the_command_that_repairs_it() {
    let place = Place::new();
    let data = numbered(&place);
    flip(&file(&data, "log-"), |len| len / 2);
    let text = fail_to_start(&data);
    let check = named(&text, "check");
    let check: Vec<&str> = check.iter().map(String::as_str).collect();
    let before = files(&data);
    let found = tool(&check)
        .ends_with(1, &["log is damaged", "as far as it could be read", "repair --dir"]);
    // The record that is damaged begins behind what could be read.
    let (_, spot) = found.split_once("log-0000000001.swl at byte ").unwrap();
    let (offset, _) = spot.split_once(|c: char| !c.is_ascii_digit()).unwrap();
    assert!(found.contains(&format!("log         1 segment, {offset} bytes, as far")), "{found}");
    let repair = named(&text, "repair");
    let mut repair: Vec<&str> = repair.iter().map(String::as_str).collect();
    let text = tool(&repair).ends_with(1, &["cut ", "lost ", "nothing was changed"]);
    assert_eq!(files(&data), before, "{text}");
    repair.push("--yes");
    tool(&repair).ends_with(0, &["repaired", "kept in"]);
    tool(&check).ends_with(0, &["sound"]);
    tool(&repair).ends_with(0, &["nothing to repair"]);
    let is_aside = |path: &PathBuf| path.is_dir();
    let mut aside = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path());
    let aside = aside.find(is_aside).expect("a subdirectory");
    for (path, bytes) in files(aside.to_str().unwrap()) {
        let name = path.file_name().unwrap();
        assert_eq!(before[&Path::new(&data).join(name)], bytes, "{name:?} is kept as it was");
    }
    let server = start(&data, 2);
    let mut client = server.client();
    let found: Vec<bool> =
        (0..40).map(|number| client.run(&format!("EXISTS key:{number}")).int() == 1).collect();
    let count = found.iter().filter(|found| **found).count();
    assert!((5..35).contains(&count), "{count} of 40 keys");
    assert!(found[..count].iter().all(|found| *found), "a key is missing before others: {found:?}");
    client.run("SET after 1");
    server.finish();
    let server = start(&data, 4);
    assert_eq!(server.client().run("GET after").text(), "1");
    server.finish();
}

#[test]
fn a_missing_segment_is_said_to_take_all_behind_it() {
    let place = Place::new();
    let data = numbered(&place);
    // The next start begins another segment.
    let server = start(&data, 2);
    server.client().run("SET more 1");
    server.finish();
    let last = Path::new(&data).join("log-0000000002.swl");
    let repair = ["repair", "--dir", &data];
    fs::remove_file(&last).unwrap();
    let text = tool(&repair).ends_with(1, &["there is no log-0000000002.swl", "lost "]);
    let kept = text.split_once("kept        all up to record ").unwrap().1;
    let kept: u64 = kept.split_once(',').unwrap().0.parse().unwrap();
    assert!(
        text.contains(&format!("all from record {} on, and nothing tells", kept + 1)),
        "{text}"
    );
}

#[test]
fn a_lost_manifest_is_made_anew() {
    let place = Place::new();
    let data = numbered(&place);
    for round in 0..2 {
        let path = Path::new(&data).join("MANIFEST");
        if round == 0 {
            fs::remove_file(path).unwrap();
        } else {
            flip(&path, |len| len / 2);
        }
        let text = fail_to_start(&data);
        let mut repair = named(&text, "repair");
        repair.push("--yes".to_owned());
        let repair: Vec<&str> = repair.iter().map(String::as_str).collect();
        tool(&repair).ends_with(0, &["made anew", "repaired"]);
        let server = start(&data, 2);
        assert_eq!(server.client().run("DBSIZE").int(), 40);
        server.finish();
        // Another name for what is kept aside the next time.
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn damage_of_a_checkpoint_is_not_repaired_but_restored() {
    let place = Place::new();
    let data = place.data();
    let server = start(&data, 2);
    server.client().run("DEBUG POPULATE 1000");
    assert!(server.client().run("SAVE").is_ok());
    let before = digest(&server);
    server.finish();
    let backup = place.at("backup");
    tool(&["backup", "--dir", &data, "--to", &backup]).ends_with(0, &[]);
    flip(&file(&data, "checkpoint-"), |len| len / 2);
    let text = fail_to_start(&data);
    let untouched = files(&data);
    tool(&["repair", "--dir", &data, "--yes"])
        .ends_with(1, &["cannot be repaired", "restore BACKUP"]);
    tool(&["backup", "--dir", &data, "--to", &place.at("no")]).ends_with(1, &["checkpoint-"]);
    assert_eq!(files(&data), untouched);
    let restore = named(&text, "restore");
    let restore: Vec<&str> =
        restore.iter().map(|word| if word == "BACKUP" { &backup } else { word.as_str() }).collect();
    tool(&restore).ends_with(2, &["is not empty"]);
    fs::rename(&data, place.at("aside")).unwrap();
    tool(&restore).ends_with(0, &[]);
    let server = start(&data, 1);
    assert_eq!(digest(&server), before);
    server.finish();
}

#[test]
fn a_damaged_backup_is_not_restored() {
    let place = Place::new();
    let data = numbered(&place);
    for begin in ["log-", "BACKUP", "MANIFEST"] {
        let backup = place.at(&format!("backup of {begin}"));
        tool(&["backup", "--dir", &data, "--to", &backup]).ends_with(0, &[]);
        flip(&file(&backup, begin), |len| len - 3);
        let restored = place.at(&format!("restored from {begin}"));
        tool(&["verify", &backup]).ends_with(1, &[begin]);
        tool(&["restore", &backup, "--dir", &restored]).ends_with(1, &[begin, "of no use"]);
        if begin == "log-" {
            let text = fail_to_start(&restored);
            assert!(text.contains("a restore into it was not finished"), "{text}");
            // What an attempt left does not stop the next one.
            let whole = place.at("whole backup");
            tool(&["backup", "--dir", &data, "--to", &whole]).ends_with(0, &[]);
            tool(&["restore", &whole, "--dir", &restored]).ends_with(0, &["all up to record"]);
            tool(&["check", "--dir", &restored]).ends_with(0, &["sound"]);
        }
    }
}

#[test]
fn check_changes_nothing_and_tells_a_torn_end() {
    let place = Place::new();
    let data = numbered(&place);
    let segment = file(&data, "log-");
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..bytes.len() - 3]).unwrap();
    fs::write(Path::new(&data).join("log-0000000099.swl"), "stray").unwrap();
    fs::remove_file(Path::new(&data).join("LOCK")).unwrap();
    let before = files(&data);
    let told =
        ["end ", "half written", "cuts off", "stray ", "log-0000000099.swl, 5 bytes", "sound"];
    tool(&["check", "--dir", &data]).ends_with(0, &told);
    assert_eq!(files(&data), before);
    tool(&["repair", "--dir", &data, "--yes"]).ends_with(0, &["nothing to repair"]);
}

#[test]
fn a_running_server_keeps_check_and_repair_away() {
    let place = Place::new();
    let data = place.data();
    let server = start(&data, 1);
    for tool_name in ["check", "repair"] {
        let told = ["in use by another process", "`shardwright backup`"];
        tool(&[tool_name, "--dir", &data]).ends_with(2, &told);
    }
    server.finish();
}

#[test]
fn what_cannot_be_done_has_a_status_of_its_own() {
    let place = Place::new();
    let (absent, empty) = (place.at("absent"), place.data());
    for name in ["check", "repair"] {
        tool(&[name, "--dir", &absent]).ends_with(2, &["is no directory"]);
        tool(&[name, "--dir", &empty]).ends_with(2, &["there is no data"]);
    }
    let target = place.at("target");
    tool(&["backup", "--dir", &absent, "--to", &target]).ends_with(2, &["is no directory"]);
    tool(&["backup", "--dir", &empty, "--to", &target]).ends_with(2, &["there is no data"]);
    assert!(!Path::new(&target).exists(), "nothing is made before there is something to copy");
    tool(&["verify", &empty]).ends_with(1, &["no BACKUP"]);
    tool(&["backup", "--dir", &empty]).ends_with(2, &["--to"]);
    tool(&["check"]).ends_with(2, &["--dir"]);
    fs::remove_dir_all(&empty).unwrap();
    let data = numbered(&place);
    fs::create_dir(&target).unwrap();
    fs::write(Path::new(&target).join("notes.txt"), "keep").unwrap();
    tool(&["backup", "--dir", &data, "--to", &target]).ends_with(2, &["not empty", "notes.txt"]);
    assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
}

/// What a tool writes to a terminal.
fn on_a_terminal(arguments: &[&str]) -> String {
    let program = Server::program().to_str().unwrap();
    let words: Vec<_> = [program].iter().chain(arguments).map(|word| format!("'{word}'")).collect();
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"])
        .env("TERM", "xterm")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn tools_show_on_a_terminal_how_far_they_are_and_are_quiet_elsewhere_unless_it_takes_long() {
    let place = Place::new();
    let data = place.data();
    let server = start(&data, 2);
    server.client().run("DEBUG POPULATE 100000");
    server.finish();
    let (backup, file, founded) = (place.at("backup"), place.at("dump.rdb"), place.at("founded"));
    let export = ["export", "--dir", &data, "--to", &file];
    for (arguments, shown) in [
        (&["backup", "--dir", &data, "--to", &backup][..], &["backup ["][..]),
        (&["verify", &backup], &["verify ["]),
        (&["check", "--dir", &data], &["check ["]),
        (&export, &["loading [", "writing [", "100,000 keys"]),
        (&["import", &file, "--dir", &founded], &["import ["]),
    ] {
        let text = on_a_terminal(arguments);
        for part in shown {
            assert!(text.contains(part), "{arguments:?} does not show {part}: {text:?}");
        }
    }
    let text = tool(&export).ends_with(0, &["exported"]);
    assert!(!text.contains("writing"), "{text}");
}

#[test]
fn the_program_tells_of_its_tools() {
    for name in ["backup", "verify", "restore", "check", "repair"] {
        tool(&["--help"]).ends_with(0, &[&format!("\n  {name}  ")]);
        tool(&[name, "--help"]).ends_with(0, &["Usage: shardwright"]);
    }
    // What is not exactly a tool's name is a settings file.
    tool(&["backup.conf"]).ends_with(1, &["backup.conf"]);
}
