//! What INFO tells of checkpoints: Redis's fields, with values that are true here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Data, Oracle, Reply, eventually};

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
