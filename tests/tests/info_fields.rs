//! What INFO tells beside what redis-server tells: the same sections and fields, but for a few that are
//! named here, and figures that were measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::Shutdown;

use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Options, Oracle, Reply, Server, eventually};

/// Fields of Redis that are not here: they have no true value. `docs/differences.md` says why.
const ABSENT: &[&str] = &[
    "atomicvar_api",
    "dump_payload_sanitizations",
    "expired_stale_perc",
    "gcc_version",
    "redis_build_id",
    "redis_git_dirty",
    "redis_git_sha1",
    "reply_buffer_expands",
    "reply_buffer_shrinks",
];

/// Fields of commands and errors depend on what was called.
fn is_of_chance(name: &str) -> bool {
    ["cmdstat_", "errorstat_", "latency_percentiles_"].iter().any(|start| name.starts_with(start))
}

fn names(info: &Reply) -> BTreeSet<String> {
    let text = info.text();
    let names = text.lines().filter_map(|line| Some(line.split_once(':')?.0.to_owned()));
    names.filter(|name| !is_of_chance(name)).collect()
}

fn titles(info: &Reply) -> Vec<String> {
    let text = info.text();
    text.lines().filter_map(|line| Some(line.strip_prefix("# ")?.to_owned())).collect()
}

fn number(client: &mut Client, section: &str, name: &str) -> f64 {
    let info = client.run(&format!("INFO {section}"));
    let value = info_field(&info, name).unwrap_or_else(|| panic!("INFO {section} has no {name}"));
    value.trim_end_matches('%').parse().unwrap_or_else(|_| panic!("{name} is {value}"))
}

#[test]
fn every_field_of_redis_is_there_but_those_without_a_true_value() {
    let (server, oracle) = (Server::start(Options::shards(2)), Oracle::start());
    let (mut client, mut other) = (server.client(), oracle.client());
    // So that both have a database to tell of.
    for client in [&mut client, &mut other] {
        assert!(client.run("SET a 1").is_ok());
    }
    let ask = |client: &mut Client| names(&client.run("INFO everything"));
    let (ours, theirs) = (ask(&mut client), ask(&mut other));
    assert!(theirs.len() > 150, "{theirs:?}");
    let missing: Vec<&str> = theirs.difference(&ours).map(String::as_str).collect();
    let expected = if server.is_shardwright() { ABSENT } else { &[] };
    assert_eq!(missing, expected);
    server.finish();
}

#[test]
fn what_is_absent_is_told_in_the_documentation() {
    let page = include_str!("../../docs/differences.md");
    let untold: Vec<_> =
        ABSENT.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(untold.is_empty(), "docs/differences.md does not name {untold:?}");
}

#[test]
fn sections_are_those_of_redis_in_its_order() {
    let (server, oracle) = (Server::start(Options::shards(1)), Oracle::start());
    let (mut client, mut other) = (server.client(), oracle.client());
    for command in ["INFO", "INFO all", "INFO everything", "INFO default", "INFO errorstats"] {
        let mut ours = titles(&client.run(command));
        ours.retain(|title| title != "Shardwright");
        assert_eq!(ours, titles(&other.run(command)), "{command}");
    }
    // Histograms come with a later version: until then 'latency-tracking' is 'no', and Redis tells
    // nothing then.
    other.run("CONFIG SET latency-tracking no");
    assert!(client.run("GET a") == other.run("GET a"));
    let empty = "# Latencystats\r\n";
    assert_eq!(client.run("INFO latencystats").text(), empty);
    assert_eq!(other.run("INFO latencystats").text(), empty);
    server.finish();
}

#[test]
fn memory_tells_what_the_start_took_and_what_was_freed_later() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    let startup = number(&mut client, "memory", "used_memory_startup");
    assert!(startup > 100_000.0, "{startup}");
    assert!(startup < number(&mut client, "memory", "used_memory"));
    for name in ["lazyfree_pending_objects", "lazyfreed_objects"] {
        assert!(number(&mut client, "memory", name) == 0.0, "{name}");
    }
    assert!(client.run("DEBUG POPULATE 5000").is_ok());
    let share = number(&mut client, "memory", "used_memory_dataset_perc");
    assert!((1.0..=100.0).contains(&share), "{share}");
    assert!(client.run("FLUSHALL").is_ok());
    eventually("all keys are freed", || {
        number(&mut client, "memory", "lazyfree_pending_objects") == 0.0
            && number(&mut client, "memory", "lazyfreed_objects") == 5000.0
    });
    assert!(client.run("CONFIG RESETSTAT").is_ok());
    assert!(number(&mut client, "memory", "lazyfreed_objects") == 0.0);
    assert!(number(&mut client, "memory", "used_memory_startup") == startup, "it stays");
    server.finish();
}

#[test]
fn reads_and_writes_are_counted_as_the_sockets_have_them() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    let mut counts = || {
        ["reads", "writes"]
            .map(|what| number(&mut client, "stats", &format!("total_{what}_processed")))
    };
    let before = counts();
    let mut other = server.client();
    for _ in 0..50 {
        other.run("PING");
    }
    let after = counts();
    for (before, after) in before.iter().zip(after) {
        // Those, and the questions themselves.
        assert!((50.0..=60.0).contains(&(after - before)), "{before} {after}");
    }
    server.finish();
}

#[test]
fn the_largest_buffers_of_late_are_told_and_forgotten() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    let mut large = server.client();
    let half = [b"*2\r\n$4\r\nECHO\r\n$4000000\r\n".as_slice(), &vec![b'x'; 3_000_000]].concat();
    large.send_raw(&half).unwrap();
    let mut largest = || number(&mut client, "clients", "client_recent_max_input_buffer");
    eventually("the half command is seen", || largest() >= 3_000_000.0);
    large.stream().shutdown(Shutdown::Both).unwrap();
    drop(large);
    let begin = std::time::Instant::now();
    while largest() >= 3_000_000.0 {
        assert!(begin.elapsed().as_secs() < 20, "it is never forgotten");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert!(begin.elapsed().as_secs() >= 4, "it was forgotten after {:?}", begin.elapsed());
    server.finish();
}

#[test]
fn expiry_tells_its_time_and_how_often_it_was_cut_short() {
    let server = Server::start(Options::shards(1));
    let mut client = server.client();
    for i in 0..20_000 {
        client.send(&["SET", &format!("key:{i}"), "v", "PX", "700"]);
    }
    (0..20_000).for_each(|_| assert!(client.read().is_ok()));
    eventually("all have expired", || client.run("DBSIZE") == Reply::Int(0));
    let cut_short = number(&mut client, "stats", "expired_time_cap_reached_count");
    assert!(cut_short >= 1.0, "twenty thousand keys are more than a turn removes");
    // The wheel turns a hundred times a second.
    eventually("it takes milliseconds in all", || {
        number(&mut client, "stats", "expire_cycle_cpu_milliseconds") >= 1.0
    });
    server.finish();
}

#[test]
fn the_first_thread_tells_its_own_time() {
    let server = Server::start(Options::shards(1));
    let mut client = server.client();
    eventually("it was read", || {
        ["sys", "user"]
            .iter()
            .any(|kind| number(&mut client, "cpu", &format!("used_cpu_{kind}_main_thread")) > 0.0)
    });
    for kind in ["sys", "user"] {
        let main = number(&mut client, "cpu", &format!("used_cpu_{kind}_main_thread"));
        assert!(main <= number(&mut client, "cpu", &format!("used_cpu_{kind}")), "{kind}");
    }
    server.finish();
}
