//! CONFIG beside redis-server's: the same parameters but for those that are named here, with the same
//! values but for those that are named here, and none that takes a value which is not true.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use shardwright_tests::{Client, Options, Oracle, Reply, Server};

/// Parameters of Redis that have no meaning here, by what they belong to. In a file they cost a
/// warning.
const ABSENT: &[(&str, &[&str])] = &[
    ("access control lists", &["acl-pubsub-default", "acllog-max-len"]),
    (
        "defragmentation of the allocator",
        &[
            "active-defrag-cycle-max",
            "active-defrag-cycle-min",
            "active-defrag-ignore-bytes",
            "active-defrag-max-scan-fields",
            "active-defrag-threshold-lower",
            "active-defrag-threshold-upper",
        ],
    ),
    ("expiry by samples", &["active-expire-effort"]),
    (
        "files of Redis's own format",
        &[
            "aof-disable-auto-gc",
            "aof-rewrite-incremental-fsync",
            "aof-timestamp-enabled",
            "aof-use-rdb-preamble",
            "appenddirname",
            "appendfilename",
            "rdb-del-sync-files",
            "rdb-save-incremental-fsync",
        ],
    ),
    (
        "the process",
        &[
            "always-show-logo",
            "aof_rewrite_cpulist",
            "bgsave_cpulist",
            "bio_cpulist",
            "ignore-warnings",
            "oom-score-adj-values",
            "proc-title-template",
            "server_cpulist",
            "syslog-facility",
            "syslog-ident",
        ],
    ),
    ("scripts", &["busy-reply-threshold", "lua-time-limit"]),
    (
        "cluster",
        &[
            "cluster-allow-pubsubshard-when-down",
            "cluster-allow-reads-when-down",
            "cluster-allow-replica-migration",
            "cluster-announce-bus-port",
            "cluster-announce-hostname",
            "cluster-announce-ip",
            "cluster-announce-port",
            "cluster-announce-tls-port",
            "cluster-config-file",
            "cluster-link-sendbuf-limit",
            "cluster-migration-barrier",
            "cluster-node-timeout",
            "cluster-port",
            "cluster-preferred-endpoint-type",
            "cluster-replica-no-failover",
            "cluster-replica-validity-factor",
            "cluster-require-full-coverage",
            "cluster-slave-no-failover",
            "cluster-slave-validity-factor",
        ],
    ),
    (
        "eviction",
        &["lfu-decay-time", "lfu-log-factor", "maxmemory-eviction-tenacity", "maxmemory-samples"],
    ),
    (
        "replication",
        &[
            "bind-source-addr",
            "min-replicas-max-lag",
            "min-slaves-max-lag",
            "propagation-error-behavior",
            "repl-backlog-size",
            "repl-backlog-ttl",
            "repl-disable-tcp-nodelay",
            "repl-diskless-load",
            "repl-diskless-sync",
            "repl-diskless-sync-delay",
            "repl-diskless-sync-max-replicas",
            "repl-ping-replica-period",
            "repl-ping-slave-period",
            "repl-timeout",
            "replica-announce-ip",
            "replica-announce-port",
            "replica-announced",
            "replica-ignore-disk-write-errors",
            "replica-ignore-maxmemory",
            "replica-lazy-flush",
            "replica-priority",
            "replica-read-only",
            "replica-serve-stale-data",
            "slave-announce-ip",
            "slave-announce-port",
            "slave-ignore-maxmemory",
            "slave-lazy-flush",
            "slave-priority",
            "slave-read-only",
            "slave-serve-stale-data",
        ],
    ),
    (
        "TLS",
        &[
            "tls-auth-clients",
            "tls-ca-cert-dir",
            "tls-ca-cert-file",
            "tls-cert-file",
            "tls-ciphers",
            "tls-ciphersuites",
            "tls-client-cert-file",
            "tls-client-key-file",
            "tls-client-key-file-pass",
            "tls-dh-params-file",
            "tls-key-file",
            "tls-key-file-pass",
            "tls-prefer-server-ciphers",
            "tls-protocols",
            "tls-session-cache-size",
            "tls-session-cache-timeout",
            "tls-session-caching",
        ],
    ),
    ("client-side caching", &["tracking-table-max-keys"]),
];

/// Parameters whose only value is not Redis's default.
const ANOTHER_VALUE: &[&str] = &[
    "crash-memcheck-enabled",
    "disable-thp",
    "dynamic-hz",
    "latency-tracking",
    "latency-tracking-info-percentiles",
    "lazyfree-lazy-eviction",
    "lazyfree-lazy-expire",
    "lazyfree-lazy-server-del",
    "lazyfree-lazy-user-del",
    "lazyfree-lazy-user-flush",
    "sanitize-dump-payload",
    "set-proc-title",
    "slowlog-log-slower-than",
    "slowlog-max-len",
    "stop-writes-on-bgsave-error",
];

/// Parameters that differ from process to process.
const OF_THE_PROCESS: &[&str] = &["dir", "logfile", "pidfile", "port"];

/// Values that are asked of a feature that is missing.
const MISSING: &[(&str, &str)] = &[
    ("maxmemory", "100mb"),
    ("maxmemory-policy", "allkeys-lru"),
    ("maxmemory-clients", "5%"),
    ("notify-keyspace-events", "KEA"),
    ("slowlog-log-slower-than", "10000"),
    ("slowlog-max-len", "128"),
    ("latency-tracking", "yes"),
    ("latency-tracking-info-percentiles", "50 99"),
    ("latency-monitor-threshold", "100"),
    ("activedefrag", "yes"),
    ("min-replicas-to-write", "1"),
    ("masterauth", "secret"),
    ("masteruser", "somebody"),
    ("no-appendfsync-on-rewrite", "yes"),
    ("aof-load-truncated", "no"),
    ("tls-replication", "yes"),
];

fn parameters(client: &mut Client) -> BTreeMap<String, String> {
    let reply = client.run("CONFIG GET *");
    let words: Vec<String> = reply.items().iter().map(Reply::text).collect();
    words.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

fn servers() -> (Server, Oracle) {
    (Server::start(Options::shards(2)), Oracle::start())
}

#[test]
fn every_parameter_of_redis_is_there_but_those_without_a_meaning() {
    let (server, oracle) = servers();
    let (ours, theirs) = (parameters(&mut server.client()), parameters(&mut oracle.client()));
    assert!(theirs.len() > 180, "{theirs:?}");
    let missing: Vec<&str> =
        theirs.keys().filter(|name| !ours.contains_key(*name)).map(String::as_str).collect();
    let mut expected: Vec<&str> = if server.is_shardwright() {
        ABSENT.iter().flat_map(|(_, names)| names.iter().copied()).collect()
    } else {
        Vec::new()
    };
    expected.sort_unstable();
    assert_eq!(missing, expected);
    server.finish();
}

#[test]
fn values_are_those_of_redis_where_both_can_be_true() {
    let (server, oracle) = servers();
    let (ours, theirs) = (parameters(&mut server.client()), parameters(&mut oracle.client()));
    let differing: Vec<&str> = theirs
        .iter()
        .filter(|(name, value)| ours.get(*name).is_some_and(|own| own != *value))
        .map(|(name, _)| name.as_str())
        .filter(|name| !OF_THE_PROCESS.contains(name))
        .collect();
    assert_eq!(differing, if server.is_shardwright() { ANOTHER_VALUE } else { &[] });
    let page = include_str!("../../docs/differences.md");
    let is_told =
        |name: &&&str| page.contains(&format!("`{name}`")) || name.starts_with("lazyfree-lazy-");
    let untold: Vec<_> = ANOTHER_VALUE.iter().filter(|name| !is_told(name)).collect();
    assert!(untold.is_empty(), "docs/differences.md does not name {untold:?}");
    server.finish();
}

/// Parameters that Redis changes while it runs, and Shardwright with a restart.
const NEEDS_A_RESTART: &[&str] = &["bind"];

#[test]
fn what_is_told_can_be_set_where_redis_lets_it() {
    let (server, oracle) = servers();
    let (mut client, mut other) = (server.client(), oracle.client());
    let (ours, theirs) = (parameters(&mut client), parameters(&mut other));
    let set = |client: &mut Client, name: &str, value: &str| {
        client.cmd(&["CONFIG", "SET", name, value]).error()
    };
    let shared = theirs.keys().filter(|name| !OF_THE_PROCESS.contains(&name.as_str()));
    let differing: Vec<&str> = shared
        .filter(|name| ours.contains_key(*name))
        .filter(|name| {
            set(&mut client, name, &ours[*name]) != set(&mut other, name, &theirs[*name])
        })
        .map(String::as_str)
        .collect();
    assert_eq!(differing, if server.is_shardwright() { NEEDS_A_RESTART } else { &[] });
    server.finish();
}

/// Values at the edges of what parameters take, by the parameters.
const EDGES: &[(&[&str], &[&str])] = &[
    (
        &[
            "appendfsync",
            "loglevel",
            "maxmemory-policy",
            "sanitize-dump-payload",
            "oom-score-adj",
            "shutdown-on-sigint",
            "appendonly",
            "protected-mode",
        ],
        &["foo", ""],
    ),
    (
        &[
            "hash-max-listpack-value",
            "hash-max-ziplist-value",
            "zset-max-listpack-value",
            "zset-max-ziplist-value",
            "hll-sparse-max-bytes",
            "stream-node-max-bytes",
            "auto-aof-rewrite-min-size",
            "proto-max-bulk-len",
            "client-query-buffer-limit",
        ],
        &["", "mb", "b", "-1", "5 ", "x", "99999999999999999999", "2mb"],
    ),
    (&["maxmemory", "maxmemory-clients"], &["", "kb", "-1", "x"]),
    (
        &["timeout", "tcp-keepalive", "shutdown-timeout", "hz", "maxclients"],
        &[
            "",
            "x",
            "-1",
            "-0",
            "007",
            "+7",
            "9223372036854775807",
            "9223372036854775808",
            "-99999999999999999999",
            "99999999999999999999",
            "7",
        ],
    ),
];

#[test]
fn values_are_taken_and_refused_as_redis_does() {
    let (server, oracle) = servers();
    let (mut client, mut other) = (server.client(), oracle.client());
    for (names, values) in EDGES {
        let pairs = names.iter().flat_map(|name| values.iter().map(move |value| (name, value)));
        for (name, value) in pairs {
            let mut answers = [&mut client, &mut other].map(|client| {
                let set = client.cmd(&["CONFIG", "SET", name, value]);
                (set.error(), client.cmd(&["CONFIG", "GET", name]))
            });
            if *name == "appendonly" || *name == "sanitize-dump-payload" {
                // What it is differs; what it cannot be does not.
                answers.iter_mut().for_each(|(_, told)| *told = Reply::Null);
            }
            let [ours, theirs] = answers;
            assert_eq!(ours, theirs, "CONFIG SET {name} '{value}'");
        }
    }
    server.finish();
}

#[test]
fn a_value_that_asks_for_what_is_missing_is_refused_and_changes_nothing() {
    let server = Server::start(Options::shards(2));
    if !server.is_shardwright() {
        return server.finish();
    }
    let mut client = server.client();
    let before = parameters(&mut client);
    for (name, value) in MISSING {
        let error = client.cmd(&["CONFIG", "SET", name, value]).error().unwrap();
        let start = format!(
            "ERR CONFIG SET failed (possibly related to argument '{name}') - this version only has '{}' (",
            before[*name]
        );
        assert!(error.starts_with(&start), "{name} {value}: {error}");
        assert!(client.cmd(&["CONFIG", "SET", name, &before[*name]]).is_ok(), "{name}");
    }
    for name in ABSENT.iter().flat_map(|(_, names)| names.iter()) {
        let error = client.cmd(&["CONFIG", "SET", name, "1"]).error().unwrap();
        assert!(error.contains("it has no meaning here: "), "{name}: {error}");
    }
    assert_eq!(parameters(&mut client), before);
    server.finish();
}
