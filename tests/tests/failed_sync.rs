//! A sync that fails, in a real process: what it may have lost is told to nobody, writes are refused
//! until a checkpoint has made good for it, and what was acknowledged is there all the same. A sync
//! that succeeds afterwards is no consolation: the library that makes syncs fail also loses what they
//! should have made durable, as a system may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;

use rustix::process::Signal;
use shardwright_tests::harness::data::contents;
use shardwright_tests::harness::failing_sync::FailingSync;
use shardwright_tests::harness::http::{free_address, http_get};
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Data, Reply, Server, eventually};

/// Numbers of shards with the policies.
const CASES: [(usize, &str); 4] = [(1, "always"), (4, "always"), (1, "everysec"), (4, "everysec")];

/// A server whose syncs can fail, and what the world knows of it.
struct World {
    failing: FailingSync,
    data: Data,
    server: Server,
    admin: SocketAddr,
    shards: usize,
    policy: &'static str,
    /// Keys that were acknowledged.
    told: BTreeMap<String, String>,
    /// Keys whose writes were refused.
    refused: Vec<String>,
}

/// What became of a write.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Acknowledged,
    Refused,
    /// The connection was closed without an answer.
    Unanswered,
}

impl World {
    fn new(shards: usize, policy: &'static str) -> World {
        let (failing, data) = (FailingSync::new(), Data::new());
        let admin = free_address();
        let options = data.options(shards, policy).own("admin-port", &admin.port().to_string());
        let server = Server::start(failing.apply(options));
        let (told, refused) = (BTreeMap::new(), Vec::new());
        World { failing, data, server, admin, shards, policy, told, refused }
    }

    fn info(&self, name: &str) -> Option<String> {
        info_field(&self.server.client().run("INFO persistence"), name)
    }

    fn number(&self, name: &str) -> u64 {
        self.info(name).unwrap().parse().unwrap()
    }

    /// Writes keys one by one, each of which must be acknowledged, and waits until they are durable.
    fn write_durably(&mut self, prefix: &str) {
        let mut client = self.server.client();
        for number in 0..40 {
            let (key, value) = (format!("{prefix}:{number}"), format!("value {number}"));
            assert!(client.cmd(&["SET", &key, &value]).is_ok());
            self.told.insert(key, value);
        }
        if self.policy == "everysec" {
            self.server.wait_until_durable();
        }
    }

    /// Takes note of what became of a write that was sent.
    fn note(&mut self, key: String, client: &mut Client) -> Outcome {
        match client.read_raw().map(|raw| Reply::parse(&raw)) {
            Ok(Reply::Simple(_)) => {
                self.told.insert(key, "1".into());
                Outcome::Acknowledged
            }
            Ok(reply) => {
                let error = reply.error().unwrap();
                assert!(error.starts_with("MISCONF Errors writing to the log"), "{error}");
                self.refused.push(key);
                Outcome::Refused
            }
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::WouldBlock, "{key} waits on");
                Outcome::Unanswered
            }
        }
    }

    /// Makes syncs fail, with writes of several connections in flight under `always`.
    fn break_syncs(&mut self) {
        self.failing.begin();
        if self.policy == "always" {
            let mut clients: Vec<Client> = (0..6).map(|_| self.server.client()).collect();
            for (number, client) in clients.iter_mut().enumerate() {
                client.send(&["SET", &format!("doubt:{number}"), "1"]);
            }
            let all = clients.iter_mut().enumerate();
            let outcomes: Vec<Outcome> =
                all.map(|(number, client)| self.note(format!("doubt:{number}"), client)).collect();
            assert!(!outcomes.contains(&Outcome::Acknowledged), "{outcomes:?}");
            assert!(outcomes.contains(&Outcome::Unanswered), "some were in flight: {outcomes:?}");
            return;
        }
        let mut client = self.server.client();
        let mut number = 0;
        eventually("writes are refused", || {
            number += 1;
            client.send(&["SET", &format!("between:{number}"), "1"]);
            self.note(format!("between:{number}"), &mut client) == Outcome::Refused
        });
    }

    /// Checks that nothing is written, and that everyone who asks is told so. Returns the file whose
    /// sync failed.
    fn check_broken(&mut self) -> String {
        let failure = self.info("log_failure").expect("INFO tells of it");
        let file = failure.strip_prefix("could not sync ").and_then(|rest| rest.split(':').next());
        let file = file.unwrap_or_else(|| panic!("{failure}")).to_owned();
        assert!(file.ends_with(".swl") && failure.contains("Input/output error"), "{failure}");
        assert_eq!(self.info("aof_last_write_status").unwrap(), "err");
        let (status, body) = http_get(self.admin, "/readyz");
        assert!(status.contains(" 503 "), "{status}");
        assert_eq!(body, format!("writes are refused: {failure}\n"));
        let mut client = self.server.client();
        client.send(&["SET", "refused:1", "1"]);
        assert_eq!(self.note("refused:1".into(), &mut client), Outcome::Refused);
        check_transactions(&mut client, self.policy);
        self.refused.push("refused:2".into());
        let read = client.run("GET before:1");
        match self.policy {
            "always" => assert!(read.error().is_some_and(|text| text.starts_with("MISCONF"))),
            _ => assert_eq!(read.text(), "value 1"),
        }
        file
    }

    /// Checks that everything told is there and what was refused is not.
    fn check_contents(&self) {
        let what = format!("{} shards, {}", self.shards, self.policy);
        let contents = contents(&self.server);
        let found = |key: &String| contents.get(&(0, key.clone().into_bytes()));
        for (key, value) in &self.told {
            let found = found(key).map(|entry| String::from_utf8_lossy(&entry.value));
            assert_eq!(found.as_deref(), Some(value.as_str()), "{what}: {key}");
        }
        for key in &self.refused {
            assert_eq!(found(key), None, "{what}: {key} was refused");
        }
    }

    /// Kills the server and starts another one, whose syncs succeed.
    fn restart(&mut self) {
        let process = self.server.process();
        process.signal(Signal::KILL);
        process.wait().expect("it is gone");
        self.server = self.data.start(self.shards, self.policy);
    }
}

/// Checks that a transaction takes nothing that would be refused, and PING tells of it as in Redis.
fn check_transactions(client: &mut Client, policy: &str) {
    let says = |reply: Reply, told: &str| {
        assert!(reply.error().is_some_and(|text| text.starts_with(told)), "{reply:?}");
    };
    says(client.run("PING"), "MISCONF ");
    assert!(client.run("MULTI").is_ok());
    match policy {
        "always" => says(client.run("GET before:1"), "MISCONF "),
        _ => assert_eq!(client.run("GET before:1").text(), "QUEUED"),
    }
    says(client.run("SET refused:2 1"), "MISCONF ");
    says(client.run("EXEC"), "EXECABORT Transaction discarded because of previous errors.");
    assert!(client.run("MULTI").is_ok());
    says(client.run("PING"), "MISCONF ");
    assert!(client.run("DISCARD").is_ok());
}

/// Begins a transaction of a look and perhaps a change.
fn queued(server: &Server, change: &str) -> Client {
    let mut client = server.client();
    client.run("MULTI");
    assert_eq!(client.run("GET before:1").text(), "QUEUED");
    assert_eq!(client.run(change).text(), "QUEUED");
    client
}

fn writes_are_refused_while_syncs_fail(shards: usize, policy: &'static str) {
    let mut world = World::new(shards, policy);
    world.write_durably("before");
    let mut changes = queued(&world.server, "SET refused:3 1");
    let mut looks = queued(&world.server, "ECHO x");
    world.break_syncs();
    let durable = world.number("log_durable_lsn");
    let file = world.check_broken();
    let aborted = "EXECABORT Transaction discarded because of: MISCONF Errors writing to the log";
    assert!(changes.run("EXEC").error().is_some_and(|text| text.starts_with(aborted)));
    world.refused.push("refused:3".into());
    let looked = looks.run("EXEC");
    match policy {
        "always" => assert!(looked.error().is_some_and(|text| text.starts_with(aborted))),
        _ => assert_eq!(looked.items()[0].text(), "value 1"),
    }
    eventually("it tried to heal", || world.server.process().log().contains("a checkpoint failed"));
    assert_eq!(world.check_broken(), file);
    assert_eq!(world.number("log_durable_lsn"), durable, "nothing became durable");

    world.failing.end();
    eventually("writes are taken again", || world.server.client().run("SET probe 1").is_ok());
    assert_eq!(world.info("aof_last_write_status").unwrap(), "ok");
    assert_eq!(world.info("log_failure"), None);
    assert_eq!(http_get(world.admin, "/readyz").1, "ready\n");
    let counts = world.data.segments().iter().any(|path| path.ends_with(&file));
    assert!(!counts, "{file} is given up");
    world.write_durably("after");
    world.check_contents();
    world.server.check_shadow();
    let before = contents(&world.server);
    world.restart();
    assert_eq!(contents(&world.server), before, "{shards} shards, {policy}");
    world.check_contents();
    world.server.finish();
}

/// Does something for all cases at once: most of the time is waiting.
fn for_all_cases(act: impl Fn(usize, &'static str) + Sync) {
    std::thread::scope(|scope| {
        for (shards, policy) in CASES {
            let act = &act;
            scope.spawn(move || act(shards, policy));
        }
    });
}

#[test]
fn writes_are_refused_until_syncs_succeed_and_nothing_that_was_told_is_lost() {
    for_all_cases(writes_are_refused_while_syncs_fail);
}

#[test]
fn what_was_durable_before_a_sync_failed_survives_kill_9() {
    for_all_cases(|shards, policy| {
        let mut world = World::new(shards, policy);
        world.write_durably("before");
        world.break_syncs();
        // Whoever only tried again would succeed from now on.
        world.failing.end();
        world.restart();
        // Under `everysec` the last second may be gone.
        world.told.retain(|key, _| policy == "always" || key.starts_with("before"));
        world.check_contents();
        world.server.finish();
    });
}

#[test]
fn a_directory_whose_syncs_fail_ends_the_start_and_is_left_as_it_was() {
    let (failing, data) = (FailingSync::new(), Data::new());
    failing.begin();
    let text = failing.fail_to_start(&data.arguments());
    let told = ["could not sync MANIFEST.new", "Input/output error"];
    assert!(told.iter().all(|part| text.contains(part)), "{text}");
    let server = data.start(2, "always");
    assert!(server.client().run("SET a 1").is_ok());
    server.kill();
    let text = failing.fail_to_start(&data.arguments());
    let told = ["could not sync log-0000000001.swl", "Input/output error"];
    assert!(told.iter().all(|part| text.contains(part)), "{text}");
    let server = data.start(2, "always");
    assert_eq!(server.client().run("GET a").text(), "1");
    server.finish();
}
