//! A disk that lags behind: clients are slowed to its pace, nothing is dropped or refused, and what is
//! on its way to the log stays within its bound.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::time::Duration;

use shardwright_tests::harness::client::encode;
use shardwright_tests::harness::failing_sync::FailingSync;
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Data, Server};

const MIB: u64 = 1 << 20;

/// What may be on its way to the log, as ARCHITECTURE.md says.
const BOUND: u64 = 64 * MIB;

/// What a turn of each shard may add at the bound.
const TURNS: u64 = 16 * MIB;

/// What the process may take beside it: the data and its copy, and buffers of connections.
const OTHER_MEMORY: u64 = 48 * MIB;

const CLIENTS: u64 = 4;
const KEYS: u64 = 16;
const VALUE: usize = 64 << 10;

/// Writes of each client, in all three times the bound.
const WRITES: u64 = 3 * BOUND / CLIENTS / VALUE as u64;

fn value(client: u64, number: u64) -> String {
    let mut value = format!("{client}:{number}");
    value.push_str(&"-".repeat(VALUE - value.len()));
    value
}

/// Writes a client's values, a pipeline of one for each key at a time; all must be acknowledged.
fn write(address: SocketAddr, client: u64) {
    let mut connection = Client::connect(address).unwrap();
    for first in (0..WRITES).step_by(KEYS as usize) {
        let set = |key: u64| {
            encode(&["SET", &format!("key:{client}:{key}"), &value(client, first + key)])
        };
        let bytes: Vec<u8> = (0..KEYS).flat_map(set).collect();
        connection.send_raw(&bytes).unwrap();
        (0..KEYS).for_each(|_| assert!(connection.read().is_ok()));
    }
}

fn number(client: &mut Client, name: &str) -> u64 {
    info_field(&client.run("INFO persistence"), name).unwrap().parse().unwrap()
}

fn a_slow_disk_slows_clients(shards: usize) {
    let (disk, data) = (FailingSync::new(), Data::new());
    let options = data.options(shards, "everysec").with("auto-aof-rewrite-percentage", "0");
    let mut server = Server::start(disk.apply(options));
    let (address, mut asks) = (server.address(), server.client());
    disk.slow_down(Duration::from_millis(100), Duration::from_millis(30));
    let before = server.process().resident_bytes();
    let (mut backlog, mut memory) = (0, 0);
    std::thread::scope(|scope| {
        let writers: Vec<_> =
            (0..CLIENTS).map(|client| scope.spawn(move || write(address, client))).collect();
        while !writers.iter().all(|writer| writer.is_finished()) {
            backlog = backlog.max(number(&mut asks, "aof_buffer_length"));
            memory = memory.max(server.process().resident_bytes().saturating_sub(before));
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    println!("{shards} shards: at most {} MiB waited, {} MiB taken", backlog / MIB, memory / MIB);
    assert!(backlog > BOUND - TURNS, "the disk did not lag: {backlog} bytes");
    assert!(backlog < BOUND + TURNS, "{backlog} bytes waited");
    assert!(memory < BOUND + TURNS + OTHER_MEMORY, "{memory} bytes were taken");
    server.wait_until_durable();
    server.kill();
    let server = data.start(shards, "everysec");
    let mut client = server.client();
    for writer in 0..CLIENTS {
        for key in 0..KEYS {
            let found = client.run(&format!("GET key:{writer}:{key}")).text();
            assert!(found == value(writer, WRITES - KEYS + key), "key {key} of client {writer}");
        }
    }
    server.finish();
}

#[test]
fn a_slow_disk_slows_the_clients_of_one_shard_and_loses_nothing() {
    a_slow_disk_slows_clients(1);
}

#[test]
fn a_slow_disk_slows_the_clients_of_four_shards_and_loses_nothing() {
    a_slow_disk_slows_clients(4);
}
