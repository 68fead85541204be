//! What INFO and metrics tell of checkpoints: Redis's fields, with values that are true here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::SocketAddr;

use shardwright_tests::harness::http::{free_address, http_get};
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Data, Oracle, Reply, Server, eventually};

fn persistence(client: &mut Client) -> Reply {
    client.run("INFO persistence")
}

fn field(info: &Reply, name: &str) -> String {
    info_field(info, name).unwrap_or_else(|| panic!("INFO has no {name}"))
}

fn number(info: &Reply, name: &str) -> u64 {
    field(info, name).parse().unwrap()
}

/// Names of all fields.
fn names(info: &Reply) -> BTreeSet<String> {
    let text = info.text();
    text.lines().filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect()
}

#[test]
fn info_has_every_field_that_redis_has() {
    let (data, others) = (Data::new(), Data::new());
    let server = data.start(2, "everysec");
    let oracle = Oracle::start_with(&others.options(1, "everysec"));
    let theirs = names(&persistence(&mut oracle.client()));
    assert!(theirs.len() > 25, "{theirs:?}");
    let ours = names(&persistence(&mut server.client()));
    let missing: Vec<_> = theirs.difference(&ours).collect();
    assert!(missing.is_empty(), "{missing:?}");
    server.finish();
}

#[test]
fn saves_and_rewrites_are_counted_apart() {
    let data = Data::new();
    let server = data.start(2, "everysec");
    let mut client = server.client();
    client.run("DEBUG POPULATE 1000");
    let info = persistence(&mut client);
    for name in ["rdb_last_bgsave_time_sec", "aof_last_rewrite_time_sec"] {
        assert_eq!(field(&info, name), "-1", "{name}");
    }
    assert!(client.run("SAVE").is_ok());
    let info = persistence(&mut client);
    assert_eq!((number(&info, "rdb_saves"), number(&info, "aof_rewrites")), (1, 0));
    assert_eq!(field(&info, "aof_last_rewrite_time_sec"), "-1");
    assert_ne!(field(&info, "rdb_last_bgsave_time_sec"), "-1");
    assert!(number(&info, "rdb_last_cow_size") > 0, "keys were on their way");
    assert_eq!(number(&info, "aof_last_cow_size"), 0);
    client.run("BGREWRITEAOF");
    eventually("it is over", || number(&persistence(&mut client), "aof_rewrites") == 1);
    let info = persistence(&mut client);
    assert_eq!(number(&info, "rdb_saves"), 1);
    assert_ne!(field(&info, "aof_last_rewrite_time_sec"), "-1");
    server.finish();
}

/// The value of a metric without labels.
fn metric(admin: SocketAddr, name: &str) -> u64 {
    let (_, body) = http_get(admin, "/metrics");
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
    body.lines().find_map(value).unwrap_or_else(|| panic!("no {name}"))
}

const KEYS: u64 = 300_000;

/// Asks `read` for keys done and all keys while a checkpoint is written, until it was seen half way.
fn is_seen_under_way(client: &mut Client, mut read: impl FnMut() -> (u64, u64)) {
    for _ in 0..20 {
        client.run("BGSAVE");
        loop {
            let (done, all) = read();
            if all == 0 {
                break;
            }
            assert!(all == KEYS && done <= all, "{done} of {all}");
            if (1..KEYS).contains(&done) {
                return;
            }
        }
        let is_running =
            |client: &mut Client| number(&persistence(client), "rdb_bgsave_in_progress") == 1;
        eventually("it is over", || !is_running(client));
    }
    panic!("no checkpoint was seen half way");
}

#[test]
fn progress_of_a_checkpoint_is_told_while_it_is_written() {
    let data = Data::new();
    let admin = free_address();
    let options = data.options(2, "everysec").own("admin-port", &admin.port().to_string());
    let server = Server::start(options);
    let mut client = server.client();
    let mut asking = server.client();
    client.run(&format!("DEBUG POPULATE {KEYS}"));
    is_seen_under_way(&mut client, || {
        let info = persistence(&mut asking);
        let done = number(&info, "current_save_keys_processed");
        let all = number(&info, "current_save_keys_total");
        let percentage: f64 = field(&info, "current_fork_perc").parse().unwrap();
        assert!((percentage - done as f64 * 100.0 / all.max(1) as f64).abs() < 0.01);
        assert!(number(&info, "current_cow_peak") >= number(&info, "current_cow_size"));
        (done, all)
    });
    let keys = "shardwright_checkpoint_keys";
    is_seen_under_way(&mut client, || {
        // Whatever was done when that was asked, all is asked for later.
        (metric(admin, "shardwright_checkpoint_keys_written"), metric(admin, keys))
    });
    let is_over =
        |client: &mut Client| field(&persistence(client), "rdb_bgsave_in_progress") == "0";
    eventually("it is over", || is_over(&mut client));
    let info = persistence(&mut client);
    for name in ["current_cow_peak", "current_cow_size", "current_save_keys_processed"] {
        assert_eq!(number(&info, name), 0, "{name}");
    }
    assert_eq!(field(&info, "current_fork_perc"), "0.00");
    assert_eq!(metric(admin, keys), 0);
    server.finish();
}
