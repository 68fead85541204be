//! A real server under a mixed load is killed at a random moment and started again: what was
//! acknowledged is there as its policy promises, nothing has a hole, and nothing else is there. Meanwhile
//! it writes checkpoints, begins new segments, or is copied by a backup. (What is killed while it
//! imports is in `rdb.rs`.)
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use shardwright_tests::harness::rng::{count_or, seed_or};
use shardwright_tests::harness::saver::save_again_and_again;
use shardwright_tests::harness::tool::tool;
use shardwright_tests::steps::{NEAR, Stepper, check_expired, check_shared};
use shardwright_tests::{Data, Rng, Server};

/// Clients that write at the same time.
const CLIENTS: usize = 4;

/// Keys that are there before, so that checkpoints and backups take their time.
const FILLING: usize = 20_000;

/// What goes on while the server is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum During {
    Checkpoints,
    Rotation,
    Backups,
}

/// What a policy promises to who kills a process.
#[derive(Debug, Clone, Copy)]
struct Policy {
    name: &'static str,
    /// What was acknowledged so long before must be there.
    grace: Duration,
    /// Milliseconds from which on a server is killed, and up to when.
    kill_ms: (i64, i64),
}

const ALWAYS: Policy = Policy { name: "always", grace: Duration::ZERO, kill_ms: (200, 900) };

const EVERYSEC: Policy =
    Policy { name: "everysec", grace: Duration::from_secs(2), kill_ms: (2_300, 2_900) };

/// Counts the steps of all clients that the data has.
fn found(server: &Server, clients: &[Stepper]) -> Result<Vec<u64>, String> {
    let mut db = server.client();
    let found = clients.iter().map(|client| client.steps_found(&mut db));
    let found = found.collect::<Result<Vec<u64>, String>>()?;
    check_shared(&mut db, &found)?;
    Ok(found)
}

/// Checks that the data has all that was promised and nothing that was not sent; how many steps of each
/// client it has.
fn check(
    server: &Server,
    clients: &[Stepper],
    end: Instant,
    grace: Duration,
) -> Result<Vec<u64>, String> {
    let found = found(server, clients)?;
    for (number, (client, &found)) in clients.iter().zip(&found).enumerate() {
        let (least, most) = (client.acknowledged(end, grace), client.most());
        if !(least..=most).contains(&found) {
            return Err(format!("client {number} has {found} steps, not {least} to {most}"));
        }
    }
    Ok(found)
}

/// Makes one backup after another until it is told to end; the last one that was finished must be sound.
fn back_up_again_and_again(data: &Data, ended: &AtomicBool) {
    let place = tempfile::tempdir().unwrap();
    let at = |number: usize| place.path().join(number.to_string()).to_str().unwrap().to_owned();
    let from = data.path().to_str().unwrap();
    let mut whole = None;
    for number in 0.. {
        if ended.load(Relaxed) {
            break;
        }
        if tool(&["backup", "--dir", from, "--to", &at(number)]).status == 0
            && let Some(former) = whole.replace(number)
        {
            fs::remove_dir_all(at(former)).unwrap();
        }
    }
    let whole = whole.expect("a backup was finished");
    tool(&["verify", &at(whole)]).ends_with(0, &["is sound"]);
}

/// Lets all clients do their steps, and kills the server after so long; when that was.
fn work_and_kill(
    server: Server,
    clients: &mut [Stepper],
    (during, data): (During, &Data),
    after: Duration,
) -> Instant {
    let address: SocketAddr = server.address();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for client in clients {
            scope.spawn(move || client.run(address));
        }
        match during {
            During::Checkpoints => _ = scope.spawn(|| save_again_and_again(address, &ended)),
            During::Rotation => {}
            During::Backups => _ = scope.spawn(|| back_up_again_and_again(data, &ended)),
        }
        std::thread::sleep(after);
        let end = Instant::now();
        server.kill();
        ended.store(true, Relaxed);
        end
    })
}

fn start(data: &Data, shards: usize, policy: Policy, during: During) -> Server {
    let options = data.options(shards, policy.name);
    let size = if during == During::Rotation { "64kb" } else { "64mb" };
    Server::start(options.own("log-segment-size", size))
}

/// Checks that what was meant to happen meanwhile happened.
fn check_happened(data: &Data, during: During) {
    match during {
        During::Checkpoints => assert!(!data.checkpoints().is_empty(), "no checkpoint"),
        During::Rotation => assert!(data.segments().len() > 2, "{:?}", data.segments()),
        During::Backups => {}
    }
}

/// Kills servers on one directory, the first of so many shards, half of the others of another number.
fn kill_again_and_again(policy: Policy, shards: usize, during: During, seed: u64) {
    let seed = seed_or(seed);
    let what = format!("seed {seed}, {during:?}, {}, {shards} shards", policy.name);
    println!("{what}");
    let (mut rng, data) = (Rng::new(seed), Data::new());
    let mut clients: Vec<Stepper> = (0..CLIENTS).map(Stepper::new).collect();
    let mut server = start(&data, shards, policy, during);
    server.client().run(&format!("DEBUG POPULATE {FILLING}"));
    for kill in 0..count_or("SHARDWRIGHT_KILLS", 2) {
        let after = rng.between(policy.kill_ms.0, policy.kill_ms.1) as u64;
        let what = format!("{what}, kill {kill} after {after} ms");
        let end =
            work_and_kill(server, &mut clients, (during, &data), Duration::from_millis(after));
        check_happened(&data, during);
        let next = if rng.percent(50) { *rng.choose(&[1, 2, 3, 4, 7]) } else { shards };
        server = start(&data, next, policy, during);
        let found = check(&server, &clients, end, policy.grace);
        let found = found.unwrap_or_else(|problem| panic!("{what}: {problem}"));
        check_force(&clients, end, policy);
        println!("{what}: steps {found:?}, then {next} shards");
        std::thread::sleep(NEAR);
        let mut db = server.client();
        check_expired(&mut db, CLIENTS);
        for number in (0..FILLING).step_by(97) {
            assert_eq!(db.run(&format!("GET key:{number}")).text(), format!("value:{number}"));
        }
        clients.iter_mut().zip(found).for_each(|(client, steps)| client.resume_behind(steps));
    }
    server.finish();
}

/// Checks that the check can fail: a server that has lost everything does not pass it.
fn check_force(clients: &[Stepper], end: Instant, policy: Policy) {
    let empty = Server::start(shardwright_tests::Options::shards(1));
    assert!(check(&empty, clients, end, policy.grace).is_err(), "an empty server passes the check");
    empty.finish();
}

#[test]
fn killed_while_it_writes_checkpoints_under_always() {
    kill_again_and_again(ALWAYS, 1, During::Checkpoints, 31);
    kill_again_and_again(ALWAYS, 4, During::Checkpoints, 32);
}

#[test]
fn killed_while_it_begins_new_segments_under_always() {
    kill_again_and_again(ALWAYS, 1, During::Rotation, 33);
    kill_again_and_again(ALWAYS, 4, During::Rotation, 34);
}

#[test]
fn killed_while_it_is_backed_up_under_always() {
    kill_again_and_again(ALWAYS, 1, During::Backups, 35);
    kill_again_and_again(ALWAYS, 4, During::Backups, 36);
}

#[test]
fn killed_while_it_writes_checkpoints_under_everysec() {
    kill_again_and_again(EVERYSEC, 1, During::Checkpoints, 37);
    kill_again_and_again(EVERYSEC, 4, During::Checkpoints, 38);
}

#[test]
fn killed_while_it_begins_new_segments_under_everysec() {
    kill_again_and_again(EVERYSEC, 1, During::Rotation, 39);
    kill_again_and_again(EVERYSEC, 4, During::Rotation, 40);
}

#[test]
fn killed_while_it_is_backed_up_under_everysec() {
    kill_again_and_again(EVERYSEC, 1, During::Backups, 41);
    kill_again_and_again(EVERYSEC, 4, During::Backups, 42);
}

/// Lets clients work, takes something away as `loss` says, and checks that this is seen.
#[track_caller]
fn is_seen(loss: &str, problem: &str) {
    let data = Data::new();
    let mut clients: Vec<Stepper> = (0..CLIENTS).map(Stepper::new).collect();
    let server = start(&data, 4, ALWAYS, During::Rotation);
    let during = (During::Rotation, &data);
    let end = work_and_kill(server, &mut clients, during, Duration::from_millis(300));
    let server = start(&data, 4, ALWAYS, During::Rotation);
    check(&server, &clients, end, ALWAYS.grace).unwrap();
    assert_eq!(server.client().run(loss).error(), None);
    let seen = check(&server, &clients, end, ALWAYS.grace).expect_err(loss);
    assert!(seen.contains(problem), "{loss}: {seen}");
    server.finish();
}

#[test]
fn what_is_lost_is_seen() {
    is_seen("SREM set:1 9", "client 1 has step");
    is_seen("INCR counter:2", "client 2 has");
    is_seen("SET left:0 2", "left:0 and right:0 differ");
    is_seen("PERSIST list:3", "client 3 has step");
    is_seen("DEL shared:low", "differ");
}
