//! The loads and memory measurements of the data types that have elements. Every row has keys of its own.

use crate::load::{Arg, Load, Template};
use crate::memory::Kind;
use crate::reply::Expect;

/// Members of the collections that are read as a whole.
const LARGE: u32 = 10_000;
/// Collections over which small ones are spread.
const MANY: u32 = 1_000;

/// A load, and what must be in the server before it runs.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What is measured.
    pub load: Load,
    /// Sent once, in order.
    pub fill: Vec<Load>,
}

fn command(words: &str) -> Template {
    Template::default().command(&words.split(' ').map(arg).collect::<Vec<_>>())
}

/// An argument as the tables below write it: `prefix#` is a prefix and a number's digits, `prefix=` the same number
/// again, `~length` so many letters.
fn arg(word: &str) -> Arg<'_> {
    if let Some(prefix) = word.strip_suffix('#') {
        Arg::Key(prefix)
    } else if let Some(prefix) = word.strip_suffix('=') {
        Arg::Again(prefix)
    } else if let Some(length) = word.strip_prefix('~').and_then(|length| length.parse().ok()) {
        Arg::Letters(length)
    } else {
        Arg::Text(word)
    }
}

/// One command with so many more arguments.
fn with_members(words: &str, members: impl Iterator<Item = String>) -> Load {
    let line = members.fold(words.to_owned(), |line, member| line + " " + &member);
    once(&line)
}

/// A command that is sent once.
fn once(words: &str) -> Load {
    Load::plain("loading a collection", vec![command(words)], 1, ANY)
}

/// A command that is sent with all numbers below `keys`.
fn each(words: &str, keys: u32) -> Load {
    Load::plain("loading collections", vec![command(words)], keys, ANY)
}

const ANY: Expect = Expect { kinds: b"+:$*", bulk: None };
const INTEGER: Expect = Expect { kinds: b":", bulk: None };
const ARRAY: Expect = Expect { kinds: b"*", bulk: None };
const BULK: Expect = Expect { kinds: b"$", bulk: None };

fn measured(name: &str, words: &[&str], keys: u32, expect: Expect) -> Load {
    Load::plain(name, words.iter().map(|words| command(words)).collect(), keys, expect)
}

/// All loads, with about `keys` members in the largest collections.
pub fn loads(keys: u32) -> Vec<Prepared> {
    let row = |name, words: &[&str], numbers, expect, fill| Prepared {
        load: measured(name, words, numbers, expect),
        fill,
    };
    let members = |prefix: &'static str, range: std::ops::Range<u32>| {
        range.map(move |number| format!("{prefix}{number:06}"))
    };
    let scored = |prefix: &'static str, range: std::ops::Range<u32>| {
        range.map(move |number| format!("{} {prefix}{number:06}", number * 7 % LARGE))
    };
    let places = (0..LARGE).map(|number| {
        let (longitude, latitude) = (number % 100, number / 100);
        format!("{:.4} {:.4} p{number}", f64::from(longitude) / 50.0, f64::from(latitude) / 50.0)
    });
    vec![
        row("LPUSH", &["LPUSH list:# ~10"], MANY, INTEGER, Vec::new()),
        row(
            "RPUSH, LPOP in turn",
            &["RPUSH list:# ~10", "LPOP list:="],
            MANY,
            ANY,
            vec![each("RPUSH list:# ~10 ~10", MANY)],
        ),
        row(
            "LRANGE of 100",
            &["LRANGE list 0 99"],
            1,
            ARRAY,
            vec![with_members("RPUSH list", members("element:", 0..600))],
        ),
        row(
            "LRANGE of 600",
            &["LRANGE list 0 599"],
            1,
            ARRAY,
            vec![with_members("RPUSH list", members("element:", 0..600))],
        ),
        row("SADD", &["SADD set member:#"], keys, INTEGER, Vec::new()),
        row(
            "SADD, SPOP in turn",
            &["SADD set member:#", "SPOP set"],
            keys,
            ANY,
            vec![each("SADD set member:#", keys)],
        ),
        row("HSET", &["HSET hash:# field:5 ~16"], LARGE, INTEGER, vec![each(&hash_of(10), LARGE)]),
        row("HGETALL of 20", &["HGETALL hash:#"], LARGE, ARRAY, vec![each(&hash_of(20), LARGE)]),
        row("ZADD", &["ZADD sorted # member:="], keys, INTEGER, Vec::new()),
        row(
            "ZRANGE of 100 WITHSCORES",
            &["ZRANGE sorted 0 99 WITHSCORES"],
            1,
            ARRAY,
            vec![each("ZADD sorted # member:=", LARGE)],
        ),
        row(
            "ZADD, ZPOPMIN in turn",
            &["ZADD sorted # member:=", "ZPOPMIN sorted"],
            keys,
            ANY,
            vec![each("ZADD sorted # member:=", keys)],
        ),
        row("XADD", &["XADD stream:# * field ~16"], MANY, BULK, Vec::new()),
        row(
            "XADD, XREADGROUP in turn",
            &[
                "XADD stream * field ~16",
                "XREADGROUP GROUP group consumer COUNT 1 NOACK STREAMS stream >",
            ],
            1,
            ANY,
            vec![once("XGROUP CREATE stream group $ MKSTREAM")],
        ),
        row(
            "SINTER of two of 10000",
            &["SINTER {s}a {s}b"],
            1,
            ARRAY,
            vec![
                with_members("SADD {s}a", members("member:", 0..LARGE)),
                with_members(
                    "SADD {s}b",
                    members("member:", LARGE - LARGE / 10..LARGE * 2 - LARGE / 10),
                ),
            ],
        ),
        row(
            "ZUNIONSTORE of two of 10000",
            &["ZUNIONSTORE {z}c 2 {z}a {z}b"],
            1,
            INTEGER,
            vec![
                with_members("ZADD {z}a", scored("member:", 0..LARGE)),
                with_members("ZADD {z}b", scored("member:", LARGE / 2..LARGE + LARGE / 2)),
            ],
        ),
        row(
            "SORT of 10000",
            &["SORT list"],
            1,
            ARRAY,
            vec![with_members("RPUSH list", (0..LARGE).map(|n| (n * 7919 % LARGE).to_string()))],
        ),
        row("PFADD", &["PFADD counter:# member:="], keys, INTEGER, Vec::new()),
        row(
            "GEOSEARCH",
            &["GEOSEARCH places FROMLONLAT 1 1 BYRADIUS 10 km ASC COUNT 50"],
            1,
            ARRAY,
            vec![with_members("GEOADD places", places)],
        ),
    ]
}

fn hash_of(fields: usize) -> String {
    (0..fields).fold("HSET hash:#".to_owned(), |line, field| format!("{line} field:{field} ~16"))
}

fn ten(name: &'static str, first: &str, rest: impl Fn(u32) -> String) -> Kind {
    let line = (0..10).fold(first.to_owned(), |line, number| line + " " + &rest(number));
    let key = first.split(' ').nth(1).unwrap_or_default();
    Kind::new(name, command(&line), command(&format!("EXISTS {key}")))
}

/// Collections of ten short items, measured in bytes each.
pub fn small() -> Vec<Kind> {
    vec![
        ten("hash of 10", "HSET hash:#", |n| format!("field:{n} value:{n}")),
        ten("list of 10", "RPUSH list:#", |n| format!("element:{n}")),
        ten("set of 10", "SADD set:#", |n| format!("member:{n}")),
        ten("set of 10 integers", "SADD set:#", |n| (n * 100).to_string()),
        ten("sorted set of 10", "ZADD sorted:#", |n| format!("{n} member:{n}")),
    ]
}

/// One collection of many items, measured in bytes an item.
pub fn large() -> Vec<Kind> {
    let kind = |name, fill, read| Kind::new(name, command(fill), command(read));
    vec![
        kind("field of a large hash", "HSET hash field:# value:=", "HGET hash field:#"),
        kind("element of a large list", "RPUSH list element:#", "EXISTS list"),
        kind("member of a large set", "SADD set member:#", "SISMEMBER set member:#"),
        kind("member of a large sorted set", "ZADD sorted # member:=", "ZSCORE sorted member:#"),
        kind("entry of a large stream", "XADD stream * field value:#", "EXISTS stream"),
    ]
}
