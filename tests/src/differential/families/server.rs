//! Commands on the server: its data as a whole, settings, and what it tells
//! about itself and its commands.

use std::collections::BTreeMap;

use crate::differential::admitted;
use crate::differential::compare::{Compare, same_kind};
use crate::differential::documentation::same_docs;
use crate::differential::generator::{Args, Generator, Step, block, exact, one};
use crate::differential::maker::Maker;
use crate::harness::reply::Reply;

/// Settings that sequences change, with the defaults that every sequence starts from.
pub const CHANGED_SETTINGS: &[(&str, &str)] = &[
    ("timeout", "0"),
    ("tcp-keepalive", "300"),
    ("proto-max-bulk-len", "536870912"),
    ("requirepass", ""),
    ("hash-max-listpack-value", "64"),
    ("zset-max-listpack-value", "64"),
    ("set-max-intset-entries", "512"),
    ("hll-sparse-max-bytes", "3000"),
    ("stream-node-max-entries", "100"),
    ("stream-node-max-bytes", "4096"),
    ("list-max-listpack-size", "-2"),
];

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    exact("dbsize", 10, |_| Args::new("DBSIZE")),
    exact("flushdb", 2, |m| {
        Args::new(m.word_of(&["FLUSHDB", "FLUSHDB SYNC", "FLUSHDB ASYNC", "FLUSHDB NOW"]))
    }),
    exact("flushall", 1, |m| {
        Args::new(m.word_of(&["FLUSHALL", "FLUSHALL SYNC", "FLUSHALL async", "FLUSHALL NOW"]))
    }),
    exact("swapdb", 5, |m| Args::new("SWAPDB").with(m.db()).with(m.db())),
    one("time", 2, |_| Args::new("TIME"), Compare::Check(same_time)),
    one("lolwut", 1, lolwut, Compare::Kind(admitted::LOLWUT_ART)),
    block("shutdown", 1, refused_shutdown),
    one("save", 1, |m| Args::new(m.word_of(&["SAVE", "SAVE x"])), Compare::Timing(same_saving)),
    one(
        "bgsave",
        1,
        |m| Args::new(m.word_of(&["BGSAVE", "BGSAVE x", "BGSAVE SCHEDULE x"])),
        Compare::Timing(same_saving),
    ),
    one(
        "bgrewriteaof",
        1,
        |m| Args::new(m.word_of(&["BGREWRITEAOF", "BGREWRITEAOF x"])),
        Compare::Timing(same_saving),
    ),
    one("lastsave", 1, |_| Args::new("LASTSAVE"), Compare::Check(same_second)),
    one("info", 3, info, Compare::Kind(admitted::INFO_TEXT)),
    exact("config", 6, config_get),
    one("config", 3, config_get_several, Compare::Check(same_pairs)),
    one("config", 2, config_get_pattern, Compare::Kind(admitted::CONFIG_SET_OF)),
    exact("config", 6, config_set),
    block("config", 1, |_| ["DISCARD", "CONFIG RESETSTAT"].map(Step::exact).to_vec()),
    exact("config", 1, |m| {
        Args::new(m.word_of(&["CONFIG", "CONFIG NOSUCH", "CONFIG GET", "CONFIG SET timeout"]))
    }),
    one("config", 1, |_| Args::new("CONFIG HELP"), Compare::Kind(admitted::HELP)),
    exact("debug", 1, |_| Args::new("DEBUG SLEEP 0")),
    one(
        "debug",
        4,
        |m| Args::new("DEBUG OBJECT").with(m.key()),
        Compare::Kind(admitted::DEBUG_OBJECT),
    ),
    exact("debug", 1, |m| {
        Args::new(m.word_of(&["DEBUG SET-ACTIVE-EXPIRE 0", "DEBUG SET-ACTIVE-EXPIRE 1"]))
    }),
    exact("debug", 4, |_| Args::new("DEBUG DIGEST")),
    exact("debug", 6, |m| Args::new("DEBUG DIGEST-VALUE").extend(m.some_keys())),
    exact("debug", 3, debug_populate),
    exact("debug", 6, debug_protocol),
    one("debug", 1, |_| Args::new("DEBUG HELP"), Compare::Kind(admitted::HELP)),
    exact("debug", 1, |m| {
        Args::new(m.word_of(&["DEBUG", "DEBUG NOSUCH", "DEBUG OBJECT", "DEBUG SLEEP"]))
    }),
    exact("cluster", 8, cluster),
    exact("readonly", 1, |_| Args::new("READONLY")),
    exact("asking", 1, |_| Args::new("ASKING")),
    exact("readwrite", 1, |_| Args::new("READWRITE")),
    one("command", 1, |_| Args::new("COMMAND COUNT"), Compare::Kind(admitted::COMMAND_SET)),
    one(
        "command",
        1,
        |_| Args::new("COMMAND"),
        Compare::Admitted(admitted::COMMAND_SET, same_listed_commands),
    ),
    one("command", 2, command_list, Compare::Admitted(admitted::COMMAND_SET, subset)),
    one("command", 8, command_info, Compare::Check(same_command_info)),
    one("command", 2, command_docs, Compare::Admitted(admitted::COMMAND_DOCS, same_docs)),
    exact("command", 8, |m| getkeys(m, "COMMAND GETKEYS")),
    one(
        "command",
        8,
        |m| getkeys(m, "COMMAND GETKEYSANDFLAGS"),
        Compare::Check(same_keys_and_flags),
    ),
    exact("command", 2, |m| {
        Args::new(m.word_of(&[
            "COMMAND INFO nosuch",
            "COMMAND DOCS nosuch",
            "COMMAND NOSUCH",
            "COMMAND INFO get nosuch|sub",
            "COMMAND LIST FILTERBY NOSUCH x",
            "COMMAND LIST FILTERBY MODULE nosuch",
            "COMMAND COUNT x",
            "COMMAND LIST x",
        ]))
    }),
    one("command", 1, |_| Args::new("COMMAND HELP"), Compare::Kind(admitted::HELP)),
];

/// Names whose table entries are compared with the oracle's.
const DESCRIBED: [&str; 40] = [
    "get",
    "set",
    "mset",
    "mget",
    "msetnx",
    "del",
    "unlink",
    "rename",
    "renamenx",
    "copy",
    "move",
    "expire",
    "object",
    "object|encoding",
    "scan",
    "keys",
    "randomkey",
    "lcs",
    "getex",
    "getdel",
    "incrbyfloat",
    "append",
    "setrange",
    "substr",
    "multi",
    "exec",
    "watch",
    "discard",
    "select",
    "swapdb",
    "flushall",
    "dbsize",
    "ping",
    "hello",
    "quit",
    "reset",
    "config|get",
    "client|id",
    "shutdown",
    "touch",
];

/// All of them answer that there is no cluster, if the number of arguments is right.
fn cluster(m: &mut Maker) -> Args {
    const SUBCOMMANDS: [&str; 30] = [
        "ADDSLOTS",
        "ADDSLOTSRANGE",
        "BUMPEPOCH",
        "COUNT-FAILURE-REPORTS",
        "COUNTKEYSINSLOT",
        "DELSLOTS",
        "DELSLOTSRANGE",
        "FAILOVER",
        "FLUSHSLOTS",
        "FORGET",
        "GETKEYSINSLOT",
        "HELP",
        "INFO",
        "KEYSLOT",
        "LINKS",
        "MEET",
        "MYID",
        "NODES",
        "REPLICAS",
        "REPLICATE",
        "RESET",
        "SAVECONFIG",
        "SET-CONFIG-EPOCH",
        "SETSLOT",
        "SHARDS",
        "SLAVES",
        "SLOTS",
        "NOSUCH",
        "info",
        "KeySlot",
    ];
    let args = Args::new("CLUSTER").with(m.word_of(&SUBCOMMANDS));
    let count = m.rng.below(4);
    (0..count).fold(args, |args, _| args.with(m.integer()))
}

fn lolwut(m: &mut Maker) -> Args {
    Args::new(m.word_of(&[
        "LOLWUT",
        "LOLWUT VERSION 5",
        "LOLWUT VERSION 6 10 5",
        "LOLWUT VERSION 99",
    ]))
}

fn refused_shutdown(m: &mut Maker) -> Vec<Step> {
    let line = m.word_of(&[
        "SHUTDOWN ABORT",
        "SHUTDOWN NOSUCH",
        "SHUTDOWN SAVE NOSAVE",
        "SHUTDOWN ABORT NOW",
    ]);
    vec![Step::exact("DISCARD"), Step::exact(line)]
}

fn info(m: &mut Maker) -> Args {
    Args::new(m.word_of(&[
        "INFO",
        "INFO server",
        "INFO KEYSPACE clients",
        "INFO everything",
        "INFO all",
        "INFO nosuch",
    ]))
}

fn config_get(m: &mut Maker) -> Args {
    Args::new("CONFIG GET").with(m.word_of(&[
        "databases",
        "timeout",
        "TCP-Keepalive",
        "proto-max-bulk-len",
        "appendonly",
        "save",
        "maxmemory",
        "maxmemory-policy",
        "bind",
        "requirepass",
        "maxclients",
        "hash-max-ziplist-value",
        "zset-max-listpack-value",
        "list-compress-depth",
        "activerehashing",
        "nosuch",
        "",
    ]))
}

fn config_get_several(m: &mut Maker) -> Args {
    Args::new(m.word_of(&[
        "CONFIG GET timeout databases",
        "CONFIG GET timeout nosuch save timeout",
        "CONFIG GET tcp-k* timeout",
    ]))
}

fn config_get_pattern(m: &mut Maker) -> Args {
    Args::new(m.word_of(&["CONFIG GET *", "CONFIG GET *max*", "CONFIG GET t*"]))
}

fn config_set(m: &mut Maker) -> Args {
    Args::new(m.word_of(&[
        "CONFIG SET timeout 3600",
        "CONFIG SET timeout 0",
        "CONFIG SET tcp-keepalive 60 timeout 7200",
        "CONFIG SET proto-max-bulk-len 100mb",
        "CONFIG SET proto-max-bulk-len 512mb",
        "CONFIG SET timeout abc",
        "CONFIG SET timeout -1",
        "CONFIG SET timeout 99999999999",
        "CONFIG SET nosuch 1",
        "CONFIG SET databases 3",
        "CONFIG SET timeout 10 timeout 20",
        "CONFIG SET timeout 10 nosuch 20",
        "CONFIG SET timeout 10 tcp-keepalive abc",
        "CONFIG SET proto-max-bulk-len 1xb",
        "CONFIG SET hash-max-listpack-value 1kb",
        "CONFIG SET zset-max-ziplist-value 1kb",
        "CONFIG SET hash-max-ziplist-value -1",
        "CONFIG SET zset-max-listpack-value -1",
        "CONFIG SET zset-max-listpack-value x hash-max-listpack-value 1",
        "CONFIG SET list-compress-depth 0 activerehashing yes",
    ]))
}

fn debug_populate(m: &mut Maker) -> Args {
    let args = Args::new("DEBUG POPULATE").number(m.rng.between(0, 12));
    match m.rng.below(4) {
        0 => args,
        1 => args.with("pre"),
        2 => args.with("key").number(m.rng.between(0, 20)),
        _ => args.with("{t1}").number(m.rng.between(0, 300)),
    }
}

fn debug_protocol(m: &mut Maker) -> Args {
    Args::new("DEBUG PROTOCOL").with(m.word_of(&[
        "string", "integer", "double", "null", "array", "set", "map", "attrib", "verbatim", "true",
        "false", "bignum", "nosuch",
    ]))
}

fn command_list(m: &mut Maker) -> Args {
    Args::new(m.word_of(&[
        "COMMAND LIST",
        "COMMAND LIST FILTERBY ACLCAT string",
        "COMMAND LIST FILTERBY ACLCAT nosuch",
        "COMMAND LIST FILTERBY PATTERN *get*",
        "COMMAND LIST FILTERBY PATTERN nosuch",
    ]))
}

fn command_info(m: &mut Maker) -> Args {
    let count = 1 + m.rng.below(3);
    (0..count).fold(Args::new("COMMAND INFO"), |args, _| args.with(m.word_of(&DESCRIBED)))
}

fn command_docs(m: &mut Maker) -> Args {
    Args::new("COMMAND DOCS").with(m.word_of(&DESCRIBED))
}

fn getkeys(m: &mut Maker, start: &str) -> Args {
    let args = Args::new(start);
    match m.rng.below(11) {
        7 => args.words("GEORADIUS g 1 2 3 m").words(m.word_of(&[
            "STORE a",
            "STORE a STORE b",
            "STOREDIST a store b STORE c",
            "STOREDIST store STORE b",
            "COUNT 1 STOREDIST",
        ])),
        8 => args.words("BITFIELD").with(m.key()).words(m.word_of(&[
            "",
            "GET u8 0",
            "SET u8 0 1",
            "overflow SAT get u8 0",
            "GET u8 0 INCRBY u8 0 1",
            "GET u8",
            "NOSUCH",
        ])),
        9 => {
            let key = if m.rng.percent(50) { m.key() } else { Vec::new() };
            args.words("MIGRATE h 1").with(key).words("0 1").words(m.word_of(&[
                "",
                "COPY",
                "NOSUCH",
                "KEYS",
                "KEYS a b",
                "COPY REPLACE keys a",
                "NOSUCH KEYS a b",
                "AUTH KEYS",
                "AUTH2 u KEYS KEYS a",
                "AUTH2 KEYS KEYS a",
            ]))
        }
        0 => args.words("MSET").extend(m.pairs()),
        1 => args.words("MGET").extend(m.some_keys()),
        2 => args.words(m.word_of(&["RENAME", "COPY", "LCS", "renamenx"])).extend(m.keys(2)),
        3 => args
            .words("SET")
            .with(m.key())
            .with(m.value())
            .words(m.word_of(&["", "GET", "NX", "EX 5"])),
        4 => args
            .words(m.word_of(&[
                "GET",
                "INCR",
                "STRLEN",
                "TTL",
                "OBJECT ENCODING",
                "GETDEL",
                "APPEND x",
            ]))
            .with(m.key()),
        5 => args.words(
            m.word_of(&["PING", "NOSUCH", "GET", "MULTI", "GET a b", "OBJECT", "KEYS *", "DEL"]),
        ),
        6 => args
            .words(m.word_of(&["DEL", "UNLINK", "EXISTS", "TOUCH", "WATCH", "MSETNX a"]))
            .extend(m.some_keys()),
        _ => args
            .words(m.word_of(&["GETEX", "EXPIRE", "MOVE", "GETRANGE a 0"]))
            .with(m.key())
            .words("1"),
    }
}

fn same_time(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    let read = |reply: &Reply| -> Vec<i64> {
        reply.items().iter().map(|item| item.text().parse().unwrap_or(-1)).collect()
    };
    let (left, right) = (read(ours), read(theirs));
    let well_formed = left.len() == 2 && (0..1_000_000).contains(&left[1]);
    if well_formed && left[0].abs_diff(right[0]) <= 10 {
        Ok(())
    } else {
        Err("another time".into())
    }
}

/// One may still be saving when the other is not.
fn same_saving(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    let saves = |reply: &Reply| match reply {
        Reply::Simple(text) => text == b"OK" || text.starts_with(b"Background "),
        Reply::Error(text) => {
            text.starts_with(b"ERR Background ") || text.starts_with(b"ERR Another child process")
        }
        _ => false,
    };
    if ours == theirs || (saves(ours) && saves(theirs)) {
        Ok(())
    } else {
        Err("they do not agree on saving".into())
    }
}

/// Saving takes them differently long.
fn same_second(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    match (ours, theirs) {
        (Reply::Int(ours), Reply::Int(theirs)) if ours.abs_diff(*theirs) <= 60 => Ok(()),
        _ => Err("another time".into()),
    }
}

fn pairs_of(reply: &Reply) -> BTreeMap<Reply, Reply> {
    reply.items().chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

fn same_pairs(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    same_kind(ours, theirs)?;
    if pairs_of(ours) == pairs_of(theirs) { Ok(()) } else { Err("the pairs differ".into()) }
}

/// Nothing that Redis does not list, but for what later versions have.
fn subset(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    same_kind(ours, theirs)?;
    let is_extra = |item: &&Reply| {
        !theirs.items().contains(item) && !admitted::LATER_NAMES.contains(&item.text().as_str())
    };
    match ours.items().iter().find(is_extra) {
        Some(extra) => Err(format!("{extra:?} is not Redis's")),
        None => Ok(()),
    }
}

fn same_keys_and_flags(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    if sorted_within(ours) == sorted_within(theirs) {
        Ok(())
    } else {
        Err("keys or flags differ".into())
    }
}

/// Sets sorted, at every depth, since their order means nothing; a list of names (flags come as
/// one in RESP2) likewise.
fn sorted_within(reply: &Reply) -> Reply {
    let all = |items: &[Reply]| items.iter().map(sorted_within).collect::<Vec<_>>();
    match reply {
        Reply::Set(items) => Reply::Set(sort(all(items))),
        Reply::Array(items) if items.iter().all(|item| matches!(item, Reply::Simple(_))) => {
            Reply::Array(sort(all(items)))
        }
        Reply::Array(items) => Reply::Array(all(items)),
        Reply::Map(items) => Reply::Map(all(items)),
        other => other.clone(),
    }
}

fn sort(mut items: Vec<Reply>) -> Vec<Reply> {
    items.sort();
    items
}

/// Each command's entry: name, arity, flags, key positions, categories, tips, key specifications;
/// of the subcommands, those that are here. Without names it lists all commands.
fn same_command_info(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    if ours.items().len() > DESCRIBED.len() {
        return same_listed_commands(ours, theirs);
    }
    if ours.items().len() != theirs.items().len() {
        return Err("another number of entries".into());
    }
    ours.items().iter().zip(theirs.items()).try_for_each(|(left, right)| same_entry(left, right))
}

/// The same for each of our commands that 7.0.15 has, in any order.
fn same_listed_commands(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    same_kind(ours, theirs)?;
    let Reply::Array(entries) = ours else { return Err("replies differ".into()) };
    let theirs: BTreeMap<&Reply, &Reply> =
        theirs.items().iter().map(|entry| (&entry.items()[0], entry)).collect();
    entries.iter().try_for_each(|entry| match theirs.get(&entry.items()[0]) {
        Some(other) => same_entry(entry, other),
        None => Ok(()),
    })
}

fn same_entry(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    const ARITY: usize = 1;
    const SUBCOMMANDS: usize = 9;
    if ours == theirs {
        return Ok(());
    }
    let (Reply::Array(left), Reply::Array(right)) = (ours, theirs) else {
        return Err(format!("{ours:?} instead of {theirs:?}"));
    };
    if left.len() != right.len() {
        return Err(format!("{} fields instead of {}", left.len(), right.len()));
    }
    for (field, (a, b)) in left.iter().zip(right).enumerate() {
        let name = &right[0];
        if field == ARITY && admitted::LATER_FORMS.contains(&name.text().as_str()) {
            continue;
        }
        if field == SUBCOMMANDS {
            same_listed_commands(&list_of(a), &list_of(b))?;
        } else if sorted_within(a) != sorted_within(b) {
            return Err(format!("field {field} of {name:?}: {a:?} instead of {b:?}"));
        }
    }
    Ok(())
}

/// Subcommands come as a set in RESP3.
fn list_of(reply: &Reply) -> Reply {
    match reply {
        Reply::Set(items) => Reply::Array(items.clone()),
        other => other.clone(),
    }
}
