//! Shardwright beside the real redis-server: the same sequences, the same replies,
//! the same data. `SHARDWRIGHT_SEQUENCES` and `SHARDWRIGHT_SEED` make the runs
//! longer and others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use shardwright_tests::differential::runner::{Mode, Servers, check};
use shardwright_tests::differential::sequence::sequence;
use shardwright_tests::harness::rng::{count_or, seed_or};
use shardwright_tests::{Options, Oracle, Rng, Server};

/// Steps of one sequence.
const LENGTH: usize = 400;

/// Different commands whose failures are shown; then the run ends.
const FAILURES: usize = 10;

fn compare_sequences(shards: usize, protocol: u8) {
    let seed = seed_or(20_261_120) ^ ((shards as u64) << 32) ^ (u64::from(protocol) << 48);
    let mut seeds = Rng::new(seed);
    let data = tempfile::tempdir().unwrap();
    // Checkpoints are written now and then.
    let options = Options::shards(shards)
        .with("appendonly", "yes")
        .own("dir", data.path().to_str().unwrap())
        .own("auto-aof-rewrite-min-size", "100kb");
    let (server, oracle) = (Server::start(options.clone()), Oracle::start_with(&options));
    let servers = Servers { subject: server.address(), oracle: oracle.address() };
    let mut failures: BTreeMap<String, String> = BTreeMap::new();
    for _ in 0..count_or("SHARDWRIGHT_SEQUENCES", 100) {
        let seed = seeds.next_u64();
        let steps = sequence(seed, protocol, LENGTH);
        let title = format!("{shards} shards, RESP{protocol}, sequence seed {seed}");
        for mode in [Mode::Single, Mode::Pipelined(seed)] {
            let known = |command: &str| failures.contains_key(command);
            let failure = check(servers, &title, &steps, protocol, mode, &known);
            match failure {
                None => server.check_shadow(),
                Some(failure) => {
                    failures.entry(failure.command).or_insert(failure.report);
                }
            }
        }
        if failures.len() >= FAILURES {
            break;
        }
    }
    let reports: Vec<String> = failures.into_values().collect();
    assert!(reports.is_empty(), "{}", reports.join("\n"));
    let digest = |server: &Server| server.client().run("DEBUG DIGEST").text();
    server.client().run("DEBUG SET-ACTIVE-EXPIRE 0");
    let before = digest(&server);
    server.finish();
    let server = Server::start(options);
    server.client().run("DEBUG SET-ACTIVE-EXPIRE 0");
    assert_eq!(digest(&server), before, "seed {seed}: other data after a restart");
    server.finish();
}

#[test]
fn one_shard_resp2() {
    compare_sequences(1, 2);
}

#[test]
fn one_shard_resp3() {
    compare_sequences(1, 3);
}

#[test]
fn two_shards_resp2() {
    compare_sequences(2, 2);
}

#[test]
fn two_shards_resp3() {
    compare_sequences(2, 3);
}

#[test]
fn seven_shards_resp2() {
    compare_sequences(7, 2);
}

#[test]
fn seven_shards_resp3() {
    compare_sequences(7, 3);
}
