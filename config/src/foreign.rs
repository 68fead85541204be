//! Redis directives that are no parameters here: those without a meaning, which cost a warning,
//! and those that ask for what is missing, which end the start.

/// What becomes of a directive that is no parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// It has no meaning here, for the reason given.
    Ignored(&'static str),
    /// It asks for what this version does not have.
    Missing(&'static str),
}

/// Finds what becomes of a directive; `None` when Redis has none of that name either.
pub(crate) fn find(name: &str) -> Option<Foreign> {
    let names =
        |group: &&(_, &[&str])| group.1.iter().any(|other| other.eq_ignore_ascii_case(name));
    let ignored = IGNORED.iter().find(names).map(|(reason, _)| Foreign::Ignored(reason));
    ignored.or_else(|| MISSING.iter().find(names).map(|(what, _)| Foreign::Missing(what)))
}

/// Directives that ask for a feature, by the feature.
const MISSING: &[(&str, &[&str])] = &[
    ("modules", &["loadmodule"]),
    ("access control lists", &["user"]),
    ("renamed commands", &["rename-command"]),
    ("Sentinel", &["sentinel"]),
];

/// Directives without a meaning, by the reason.
const IGNORED: &[(&str, &[&str])] = &[
    (
        "the log is kept in segments of its own format",
        &[
            "appendfilename",
            "appenddirname",
            "aof-use-rdb-preamble",
            "aof-timestamp-enabled",
            "aof-disable-auto-gc",
            "aof-rewrite-incremental-fsync",
            "aof_rewrite_cpulist",
        ],
    ),
    (
        "checkpoints have their own format",
        &["rdb-del-sync-files", "rdb-save-incremental-fsync", "bgsave_cpulist"],
    ),
    (
        "there is no replication yet",
        &[
            "replica-serve-stale-data",
            "slave-serve-stale-data",
            "replica-read-only",
            "slave-read-only",
            "replica-priority",
            "slave-priority",
            "replica-announced",
            "replica-announce-ip",
            "slave-announce-ip",
            "replica-announce-port",
            "slave-announce-port",
            "replica-lazy-flush",
            "slave-lazy-flush",
            "replica-ignore-maxmemory",
            "slave-ignore-maxmemory",
            "replica-ignore-disk-write-errors",
            "repl-diskless-sync",
            "repl-diskless-sync-delay",
            "repl-diskless-sync-max-replicas",
            "repl-diskless-load",
            "repl-disable-tcp-nodelay",
            "repl-ping-replica-period",
            "repl-ping-slave-period",
            "repl-timeout",
            "repl-backlog-size",
            "repl-backlog-ttl",
            "min-replicas-max-lag",
            "min-slaves-max-lag",
            "propagation-error-behavior",
            "bind-source-addr",
        ],
    ),
    (
        "there is no cluster mode yet",
        &[
            "cluster-config-file",
            "cluster-node-timeout",
            "cluster-port",
            "cluster-announce-ip",
            "cluster-announce-port",
            "cluster-announce-tls-port",
            "cluster-announce-bus-port",
            "cluster-announce-hostname",
            "cluster-preferred-endpoint-type",
            "cluster-migration-barrier",
            "cluster-allow-replica-migration",
            "cluster-require-full-coverage",
            "cluster-replica-no-failover",
            "cluster-slave-no-failover",
            "cluster-replica-validity-factor",
            "cluster-slave-validity-factor",
            "cluster-allow-reads-when-down",
            "cluster-allow-pubsubshard-when-down",
            "cluster-link-sendbuf-limit",
        ],
    ),
    (
        "there is no TLS yet",
        &[
            "tls-cert-file",
            "tls-key-file",
            "tls-key-file-pass",
            "tls-client-cert-file",
            "tls-client-key-file",
            "tls-client-key-file-pass",
            "tls-dh-params-file",
            "tls-ca-cert-file",
            "tls-ca-cert-dir",
            "tls-auth-clients",
            "tls-protocols",
            "tls-ciphers",
            "tls-ciphersuites",
            "tls-prefer-server-ciphers",
            "tls-session-caching",
            "tls-session-cache-size",
            "tls-session-cache-timeout",
        ],
    ),
    (
        "nodes of lists are bounded by list-max-listpack-size",
        &["list-max-ziplist-entries", "list-max-ziplist-value"],
    ),
    (
        "there is no eviction yet",
        &["maxmemory-samples", "maxmemory-eviction-tenacity", "lfu-log-factor", "lfu-decay-time"],
    ),
    ("keys expire by a timing wheel with bounded work", &["active-expire-effort"]),
    (
        "the allocator looks after its own memory",
        &[
            "active-defrag-ignore-bytes",
            "active-defrag-threshold-lower",
            "active-defrag-threshold-upper",
            "active-defrag-cycle-min",
            "active-defrag-cycle-max",
            "active-defrag-max-scan-fields",
        ],
    ),
    ("threads are not bound to cores", &["server_cpulist", "bio_cpulist"]),
    (
        "there are no scripts yet",
        &["lua-time-limit", "busy-reply-threshold", "lua-replicate-commands"],
    ),
    ("there is no client-side caching yet", &["tracking-table-max-keys"]),
    ("there are no access control lists yet", &["acllog-max-len", "acl-pubsub-default"]),
    ("the log does not go to the system's log", &["syslog-ident", "syslog-facility"]),
    ("the process leaves its own score alone", &["oom-score-adj-values"]),
    ("the process keeps its title", &["proc-title-template"]),
    ("the start shows a banner of its own", &["always-show-logo"]),
    ("no warning of the system's state ends the start", &["ignore-warnings"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// What CONFIG GET * of Redis 7.0.15 gives, which is every directive with a value.
    const REDIS: &str = include_str!("../tests/data/redis-7.0.15.conf");

    #[test]
    fn every_directive_of_redis_has_exactly_one_place() {
        let names = REDIS.lines().filter_map(|line| line.split_ascii_whitespace().next());
        for name in names.filter(|name| *name != "#") {
            let places = [crate::find(name).is_some(), find(name).is_some()];
            assert_eq!(places.iter().filter(|known| **known).count(), 1, "{name}");
        }
    }

    #[test]
    fn no_directive_is_listed_twice() {
        let mut seen = std::collections::HashSet::new();
        for name in IGNORED.iter().chain(MISSING).flat_map(|(_, names)| names.iter()) {
            assert!(seen.insert(name), "{name} twice");
            assert!(crate::find(name).is_none(), "{name} is a parameter");
        }
    }

    #[test]
    fn found_in_any_case() {
        assert_eq!(find("LoadModule"), Some(Foreign::Missing("modules")));
        assert!(matches!(find("AppendFilename"), Some(Foreign::Ignored(_))));
        assert_eq!(find("port"), None);
    }
}
