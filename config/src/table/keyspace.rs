//! Shards, databases, memory and the keyspace's own work.

use crate::kind::Kind;
use crate::parameter::{Parameter, field};

/// Why memory has no bound.
const EVICTION: &str = "eviction comes with a later version";
/// The ways to evict, in Redis's order.
const POLICIES: &[&str] = &[
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "noeviction",
];

/// Why no thread works for another one's clients.
const THREADS: &str = "'shards' says how many threads serve clients, each its own";

/// Why values are never freed in one pause.
const FREED: &str = "values are always freed in small steps, never in one pause";

/// A row for one of the ways in which keys go.
const fn lazy(name: &'static str, help: &'static str) -> Parameter {
    Parameter::fixed(name, Kind::YesNo, "yes", FREED, help).tolerant().changeable()
}

/// The rows.
pub(super) const ROWS: &[Parameter] = &[
    Parameter::new(
        "shards",
        Kind::Integer { min: 0, max: 256 },
        "0",
        field!(shards),
        "shards of the keyspace, each on a thread of its own; 0 is one a core",
    ),
    Parameter::new(
        "databases",
        Kind::Integer { min: 1, max: 1024 },
        "16",
        field!(databases),
        "databases that SELECT knows",
    ),
    Parameter::new(
        "hz",
        Kind::Clamped { low: 1, high: 500 },
        "10",
        field!(hz),
        "how often in a second connections' time limits are looked at",
    )
    .changeable(),
    Parameter::fixed(
        "dynamic-hz",
        Kind::YesNo,
        "no",
        "'hz' stays as it is set",
        "raise 'hz' while there are many clients",
    )
    .tolerant()
    .changeable(),
    Parameter::fixed(
        "io-threads",
        Kind::Integer { min: 1, max: 128 },
        "1",
        THREADS,
        "threads that write to clients for the one that runs their commands",
    )
    .tolerant(),
    Parameter::fixed(
        "io-threads-do-reads",
        Kind::YesNo,
        "no",
        THREADS,
        "let these threads read from clients too",
    )
    .tolerant(),
    Parameter::new(
        "jemalloc-bg-thread",
        Kind::YesNo,
        "yes",
        field!(jemalloc_bg_thread),
        "the allocator gives memory back on threads of its own, not in a shard's turn",
    )
    .changeable(),
    Parameter::new(
        "shadow",
        Kind::YesNo,
        "no",
        field!(shadow),
        "keep a second copy of all data, fed by effects alone, to check them; for tests",
    ),
    Parameter::new(
        "key-load-delay",
        Kind::Integer { min: 0, max: 1_000_000 },
        "0",
        field!(key_load_delay),
        "microseconds that loading waits for each key or change at a start; for tests",
    ),
    Parameter::fixed(
        "maxmemory",
        Kind::Memory { min: 0 },
        "0",
        EVICTION,
        "bytes that the data may take; 0 is no bound",
    )
    .changeable(),
    Parameter::fixed(
        "maxmemory-policy",
        Kind::Choice(POLICIES),
        "noeviction",
        EVICTION,
        "what leaves when the data reaches its bound",
    )
    .changeable(),
    Parameter::fixed(
        "maxmemory-clients",
        Kind::MemoryOrPercent,
        "0",
        "evicting clients comes with a later version",
        "bytes that all clients together may take; 0 is no bound",
    )
    .changeable(),
    Parameter::fixed(
        "activedefrag",
        Kind::YesNo,
        "no",
        "the allocator is not defragmented",
        "move values to where memory is less fragmented",
    )
    .changeable(),
    Parameter::fixed(
        "activerehashing",
        Kind::YesNo,
        "yes",
        "the dictionary always grows and shrinks in small steps",
        "move keys to a larger or smaller table in small steps",
    )
    .changeable(),
    lazy("lazyfree-lazy-eviction", "free evicted values without a pause"),
    lazy("lazyfree-lazy-expire", "free expired values without a pause"),
    lazy("lazyfree-lazy-server-del", "free overwritten values without a pause"),
    lazy("lazyfree-lazy-user-del", "free values of DEL without a pause, as UNLINK does"),
    lazy("lazyfree-lazy-user-flush", "free values of FLUSHALL and FLUSHDB without a pause"),
    Parameter::fixed(
        "notify-keyspace-events",
        Kind::Text,
        "",
        "keyspace notifications come with a later version",
        "classes of events that are published; empty is none",
    )
    .changeable(),
];
