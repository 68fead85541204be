//! Sync before reply, seen from outside: the system calls of a real server, by strace; and what clients
//! are told while a sync does not return.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use shardwright_tests::harness::failing_sync::FailingSync;
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Data, Options, Reply, Server, eventually};
use tempfile::TempDir;

/// Something that a server did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    /// A sync ended well.
    Synced,
    /// A reply began to leave.
    Replied,
}

/// Watches a server's system calls.
struct Trace {
    strace: Child,
    directory: TempDir,
}

impl Trace {
    fn of(pid: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let strace = Command::new("strace")
            .args(["-f", "-e", "trace=fdatasync,sendto", "-e", "signal=none", "-o"])
            .arg(directory.path().join("calls"))
            .args(["-p", &pid.to_string()])
            .stderr(fs::File::create(directory.path().join("says")).unwrap())
            .stdin(Stdio::null())
            .spawn()
            .expect("strace is missing: run `make deps`, which installs it");
        let trace = Self { strace, directory };
        let started = Instant::now();
        while !trace.read("says").contains("attached") {
            assert!(started.elapsed() < Duration::from_secs(10), "{}", trace.read("says"));
            std::thread::sleep(Duration::from_millis(10));
        }
        trace
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap_or_default()
    }

    /// What was done, in order, once the server has ended.
    fn calls(mut self) -> Vec<Call> {
        self.strace.wait().unwrap();
        let call = |line: &str| {
            // A call of one thread during which another did something has two lines.
            if line.contains("fdatasync") && line.ends_with("= 0") {
                Some(Call::Synced)
            } else if line.contains("sendto(") {
                Some(Call::Replied)
            } else {
                None
            }
        };
        self.read("calls").lines().filter_map(call).collect()
    }
}

/// Writes one by one over several shards, each in another way; the number of replies.
fn write(server: &Server) -> usize {
    let mut client = server.client();
    let mut replies = 0;
    for number in 0..20 {
        assert!(client.run(&format!("SET key:{number} 1")).is_ok());
        assert!(client.run(&format!("MSET a:{number} 1 b:{number} 2 c:{number} 3")).is_ok());
        client.run(&format!("APPEND key:{number} x"));
        let block = ["MULTI", "INCR counter", "SET other 1", "EXEC"].join("\r\n") + "\r\n";
        client.send_raw(block.as_bytes()).unwrap();
        (0..4).for_each(|_| _ = client.read());
        replies += 4;
    }
    replies
}

fn traced(shards: usize, policy: &str) -> (Vec<Call>, usize) {
    let options = Options::shards(shards).with("appendonly", "yes").with("appendfsync", policy);
    let mut server = Server::start(options);
    let trace = Trace::of(server.process().pid());
    let replies = write(&server);
    server.finish();
    (trace.calls(), replies)
}

/// Replies to writes before which nothing was synced since the reply before.
fn unsynced(calls: &[Call], replies: usize) -> usize {
    let mut synced = false;
    let mut count = 0;
    let mut seen = 0;
    for call in calls {
        match call {
            Call::Synced => synced = true,
            Call::Replied if seen < replies => {
                seen += 1;
                count += usize::from(!std::mem::take(&mut synced));
            }
            // The harness asks other things behind the writes.
            Call::Replied => {}
        }
    }
    assert_eq!(seen, replies, "every write was answered by itself");
    count
}

#[test]
fn no_reply_leaves_before_the_sync_of_what_it_tells() {
    for shards in [1, 4] {
        let (calls, replies) = traced(shards, "always");
        assert_eq!(unsynced(&calls, replies), 0, "{shards} shards: {calls:?}");
    }
}

/// That the test above can fail.
#[test]
fn with_everysec_replies_do_not_wait() {
    let (calls, replies) = traced(2, "everysec");
    assert!(unsynced(&calls, replies) > replies / 2);
}

#[test]
fn waitaof_is_answered_behind_a_sync_of_what_came_before() {
    const ROUNDS: usize = 3;
    for shards in [1, 4] {
        let options = Options::shards(shards).with("appendonly", "yes");
        let mut server = Server::start(options.with("appendfsync", "everysec"));
        let trace = Trace::of(server.process().pid());
        let mut client = server.client();
        for number in 0..ROUNDS {
            assert!(client.run(&format!("SET key:{number} 1")).is_ok());
            assert_eq!(client.run("WAITAOF 1 0 0").items()[0].int(), 1);
        }
        server.finish();
        let calls = trace.calls();
        // Two replies a round.
        let replies: Vec<&[Call]> = calls.split_inclusive(|call| *call == Call::Replied).collect();
        let is_synced = |round: &[&[Call]]| round.concat().contains(&Call::Synced);
        assert!(replies.chunks(2).take(ROUNDS).all(is_synced), "{shards} shards: {calls:?}");
    }
}

/// Sends a write and waits until it was done, which is not yet told.
fn begin_write(server: &Server, line: &str) -> Client {
    let under_way = || -> u64 {
        let info = server.client().run("INFO persistence");
        info_field(&info, "aof_buffer_length").unwrap().parse().unwrap()
    };
    let before = under_way();
    let client = begin(server, line);
    eventually(&format!("{line} is done"), || under_way() > before);
    client
}

/// Sends a command.
fn begin(server: &Server, line: &str) -> Client {
    let mut client = server.client();
    client.send(&line.split(' ').collect::<Vec<_>>());
    client
}

/// Nobody of these is answered.
#[track_caller]
fn all_wait(clients: &mut [Client], what: &str) {
    std::thread::sleep(Duration::from_millis(100));
    for (number, client) in clients.iter_mut().enumerate() {
        client.set_timeout(Duration::from_millis(1));
        let answer = client.read_raw();
        assert!(answer.is_err(), "{what}: number {number} was told {answer:?}");
        client.set_timeout(Duration::from_secs(20));
    }
}

/// Those who read `key` and `queue` when both were written, and what they must be told. There are more
/// of a kind than threads, so that some are on the shard's own thread and some are not.
fn readers(server: &Server) -> Vec<(Client, Reply)> {
    let bulk = |text: &str| Reply::Bulk(text.into());
    let asks = [
        ("GET key", bulk("new")),
        ("EXISTS key", Reply::Int(1)),
        ("EXISTS key other:1 other:2 other:3", Reply::Int(1)),
        ("MGET other:1 key other:2", Reply::Array(vec![Reply::Null, bulk("new"), Reply::Null])),
        ("STRLEN key", Reply::Int(3)),
    ];
    let all = asks.into_iter().flat_map(|(line, told)| {
        (0..5).map(move |_| (line, told.clone())).map(|(line, told)| (begin(server, line), told))
    });
    let mut all: Vec<_> = all.collect();
    let mut block = server.client();
    block.pipeline(&["MULTI", "GET key"]);
    block.send(&["EXEC"]);
    all.push((block, Reply::Array(vec![bulk("new")])));
    all
}

#[test]
fn reads_are_not_answered_before_the_sync_that_covers_what_they_saw() {
    for shards in [1, 4] {
        let (disk, data) = (FailingSync::new(), Data::new());
        let server = Server::start(disk.apply(data.options(shards, "always")));
        let popper = begin(&server, "BLPOP queue 0");
        eventually("it waits", || {
            info_field(&server.client().run("INFO clients"), "blocked_clients").unwrap() == "1"
        });
        disk.hold();
        let mut first = begin_write(&server, "SET first new");
        disk.wait_until_held();
        let pushed = begin_write(&server, "RPUSH queue x");
        let written = begin_write(&server, "SET key new");
        let (readers, told): (Vec<Client>, Vec<Reply>) = readers(&server).into_iter().unzip();
        let pair = Reply::Array(vec![Reply::Bulk("queue".into()), Reply::Bulk("x".into())]);
        let told = [told, vec![Reply::Simple("OK".into()), Reply::Int(1), pair]].concat();
        let mut all: Vec<Client> = readers.into_iter().chain([written, pushed, popper]).collect();
        all_wait(&mut all, "while an earlier sync is under way");
        assert!(server.client().run("PING").error().is_none());
        disk.let_one_pass();
        assert!(first.read().is_ok(), "the first sync covers the first write");
        disk.wait_until_held();
        all_wait(&mut all, "while their own sync is under way");
        disk.release();
        let answers: Vec<Reply> = all.iter_mut().map(Client::read).collect();
        assert_eq!(answers, told, "{shards} shards");
        server.finish();
    }
}

/// That the test above can fail.
#[test]
fn with_everysec_reads_do_not_wait_for_a_sync() {
    for shards in [1, 4] {
        let (disk, data) = (FailingSync::new(), Data::new());
        let server = Server::start(disk.apply(data.options(shards, "everysec")));
        let mut client = server.client();
        disk.hold();
        assert!(client.run("SET first new").is_ok());
        disk.wait_until_held();
        assert!(client.run("SET key new").is_ok());
        for (mut client, told) in readers(&server) {
            assert_eq!(client.read(), told);
        }
        disk.release();
        server.finish();
    }
}
