//! Strict serializability: whatever clients do at once, some order of their calls
//! that respects real time explains every reply.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use shardwright_tests::harness::rng::{count_or, seed_or};
use shardwright_tests::history::{Mix, explain, is_strictly_serializable, record};
use shardwright_tests::{Options, Rng, Server};

const CLIENTS: usize = 5;
/// Calls of each client in one history.
const CALLS: usize = 60;

fn histories_are_serializable(mix: Mix) {
    let seed = seed_or(99);
    for shards in [1, 2, 7] {
        let server = Server::start(Options::shards(shards));
        let mut seeds = Rng::new(seed);
        for round in 0..count_or("SHARDWRIGHT_HISTORIES", 40) {
            let seed_of_round = seeds.next_u64();
            let prefix = format!("{mix:?}:{round}");
            let history = record(server.address(), &prefix, mix, CLIENTS, CALLS, seed_of_round);
            assert!(
                is_strictly_serializable(&history),
                "{shards} shards, seed {seed}, round {round} ({seed_of_round}): {}",
                explain(&history)
            );
        }
        server.finish();
    }
}

#[test]
fn single_key_commands_are_linearizable() {
    histories_are_serializable(Mix::SingleKey);
}

#[test]
fn multi_key_commands_are_strictly_serializable() {
    histories_are_serializable(Mix::MultiKey);
}

#[test]
fn transactions_are_strictly_serializable() {
    histories_are_serializable(Mix::Transactions);
}
