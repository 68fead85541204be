//! The limit of open files: it is raised for the clients that the settings want, bounds them where it
//! cannot be, and leaves the log and checkpoints what they need.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use shardwright_tests::harness::http::free_address;
use shardwright_tests::{Client, Options, Server, eventually};

/// Most clients that the server says it takes.
fn most(client: &mut Client) -> u64 {
    client.run("CONFIG GET maxclients").items()[1].text().parse().unwrap()
}

/// Whether this user may go beyond the limits, so that nothing bounds anything.
fn is_unbound() -> bool {
    let script = "ulimit -n 300 && ulimit -n 400";
    Command::new("/bin/sh").args(["-c", script]).output().unwrap().status.success()
}

/// Lets this process have enough files for the clients of a test.
fn have_room() {
    let now = getrlimit(Resource::Nofile);
    let limit = Rlimit { current: now.maximum, maximum: now.maximum };
    rustix::process::setrlimit(Resource::Nofile, limit).unwrap();
}

/// What the system lets the server have open.
fn limit(server: &mut Server) -> u64 {
    let path = format!("/proc/{}/limits", server.process().pid());
    let limits = std::fs::read_to_string(path).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    line.split_ascii_whitespace().nth(3).unwrap().parse().unwrap()
}

#[test]
fn clients_never_take_the_files_of_the_log_and_of_checkpoints() {
    if is_unbound() {
        return;
    }
    let options = Options::shards(2).open_files(256, 256).with("appendonly", "yes");
    let mut server = Server::start(options.own("log-segment-size", "64kb"));
    let mut client = server.client();
    let most = most(&mut client);
    assert!((20..256).contains(&most), "{most}");
    let log = server.process().log();
    assert!(log.contains(&format!("maxclients has been reduced to {most}")), "{log}");

    have_room();
    let mut idle: Vec<Client> = (1..most).map(|_| server.client()).collect();
    for other in &mut idle {
        assert_eq!(other.run("PING").text(), "PONG");
    }
    for _ in 0..20 {
        let mut late = server.client();
        assert_eq!(late.read_raw().unwrap(), b"-ERR max number of clients reached\r\n");
    }
    let value = "v".repeat(10_000);
    for i in 0..100 {
        assert!(client.cmd(&["SET", &format!("key:{i}"), &value]).is_ok(), "{i}");
    }
    assert!(client.run("SAVE").is_ok());
    let refused = client.run("CONFIG SET MaxClients 100000").error();
    let expected = format!(
        "ERR CONFIG SET failed (possibly related to argument 'MaxClients') - The operating system \
         is not able to handle the specified number of clients, try with {most}"
    );
    assert_eq!(refused, Some(expected));
    assert!(client.cmd(&["CONFIG", "SET", "maxclients", &most.to_string()]).is_ok());
    drop(idle);
    eventually("there is room again", || server.client().is_alive());
    server.finish();
}

#[test]
fn the_limit_is_raised_for_the_clients_that_are_wanted() {
    let options = Options::shards(2).open_files(256, 4096).file("maxclients 500\n");
    let mut server = Server::start(options);
    if !server.is_shardwright() {
        return server.finish();
    }
    let mut client = server.client();
    assert_eq!(most(&mut client), 500);
    let first = limit(&mut server);
    assert!((500..1000).contains(&first), "{first}");
    assert!(client.run("CONFIG SET maxclients 2000").is_ok());
    assert_eq!(limit(&mut server), first + 1500);
    if !is_unbound() {
        server.process().rewrite_file("maxclients 100000\n");
        server.process().signal(Signal::HUP);
        eventually("there are as many as can be", || most(&mut client) > 2000);
        assert!(most(&mut client) < 4096);
        assert!(server.process().log().contains("from 100000: "), "{}", server.process().log());
    }
    server.finish();
}

#[test]
fn without_room_for_a_client_there_is_no_start() {
    if is_unbound() {
        return;
    }
    let program = Server::program().display().to_string();
    let script = "ulimit -n 30 && exec \"$0\" --port \"$1\" --appendonly no --save ''";
    let port = free_address().port().to_string();
    let output = Command::new("/bin/sh").args(["-c", script, &program, &port]).output().unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(text.contains("ulimit -n"), "{text}");
}

#[test]
fn connections_that_cannot_be_accepted_are_told_once() {
    let mut server = Server::start(Options::shards(1));
    if !server.is_shardwright() {
        return server.finish();
    }
    let mut client = server.client();
    let pid = i32::try_from(server.process().pid()).ok().and_then(Pid::from_raw);
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.process().pid())).unwrap().count();
    let few = Rlimit { current: Some(open as u64 + 3), maximum: Some(4096) };
    prlimit(pid, Resource::Nofile, few).unwrap();
    let others: Vec<Client> = (0..20).map(|_| server.client()).collect();
    std::thread::sleep(Duration::from_secs(1));
    assert!(client.is_alive());
    let log = server.process().log();
    assert_eq!(log.matches("connections cannot be accepted").count(), 1, "{log}");
    drop(others);
    eventually("connections are accepted again", || server.client().is_alive());
    server.finish();
}
