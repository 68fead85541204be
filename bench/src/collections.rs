//! The loads and memory measurements of the data types that have elements. Every row has keys of its own.

use std::ops::Range;

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

/// All loads, with about `keys` members in the largest collections.
pub fn loads(keys: u32) -> Vec<Prepared> {
    [lists(), sets(keys), hashes(), sorted_sets(keys), streams(), others(keys)].concat()
}

/// A row: what is sent in turn with numbers below `numbers`, and what must be there before.
fn row(name: &str, words: &[&str], numbers: u32, expect: Expect, fill: Vec<Load>) -> Prepared {
    let templates = words.iter().map(|words| command(words)).collect();
    Prepared { load: Load::plain(name, templates, numbers, expect), fill }
}

fn members(prefix: &'static str, range: Range<u32>) -> impl Iterator<Item = String> {
    range.map(move |number| format!("{prefix}{number:06}"))
}

fn lists() -> Vec<Prepared> {
    let list = || vec![with_members("RPUSH list", members("element:", 0..600))];
    let pair = ["RPUSH list:# ~10", "LPOP list:="];
    let some = vec![each("RPUSH list:# ~10 ~10", MANY)];
    vec![
        row("LPUSH", &["LPUSH list:# ~10"], MANY, INTEGER, Vec::new()),
        row("RPUSH, LPOP in turn", &pair, MANY, ANY, some),
        row("LRANGE of 100", &["LRANGE list 0 99"], 1, ARRAY, list()),
        row("LRANGE of 600", &["LRANGE list 0 599"], 1, ARRAY, list()),
    ]
}

fn sets(keys: u32) -> Vec<Prepared> {
    let pair = ["SADD set member:#", "SPOP set"];
    let overlap = LARGE / 10;
    let two = vec![
        with_members("SADD {s}a", members("member:", 0..LARGE)),
        with_members("SADD {s}b", members("member:", LARGE - overlap..LARGE * 2 - overlap)),
    ];
    vec![
        row("SADD", &["SADD set member:#"], keys, INTEGER, Vec::new()),
        row("SADD, SPOP in turn", &pair, keys, ANY, vec![each("SADD set member:#", keys)]),
        row("SINTER of two of 10000", &["SINTER {s}a {s}b"], 1, ARRAY, two),
    ]
}

fn hashes() -> Vec<Prepared> {
    let [ten, twenty] = [10, 20].map(|fields| vec![each(&hash_of(fields), LARGE)]);
    vec![
        row("HSET", &["HSET hash:# field:5 ~16"], LARGE, INTEGER, ten),
        row("HGETALL of 20", &["HGETALL hash:#"], LARGE, ARRAY, twenty),
    ]
}

fn sorted_sets(keys: u32) -> Vec<Prepared> {
    const ADD: &str = "ZADD sorted # member:=";
    let scored = |range: Range<u32>| {
        range.map(|number| format!("{} member:{number:06}", number * 7 % LARGE))
    };
    let two = vec![
        with_members("ZADD {z}a", scored(0..LARGE)),
        with_members("ZADD {z}b", scored(LARGE / 2..LARGE + LARGE / 2)),
    ];
    let range = ["ZRANGE sorted 0 99 WITHSCORES"];
    let union = ["ZUNIONSTORE {z}c 2 {z}a {z}b"];
    vec![
        row("ZADD", &[ADD], keys, INTEGER, Vec::new()),
        row("ZRANGE of 100 WITHSCORES", &range, 1, ARRAY, vec![each(ADD, LARGE)]),
        row("ZADD, ZPOPMIN in turn", &[ADD, "ZPOPMIN sorted"], keys, ANY, vec![each(ADD, keys)]),
        row("ZUNIONSTORE of two of 10000", &union, 1, INTEGER, two),
    ]
}

fn streams() -> Vec<Prepared> {
    const READ: &str = "XREADGROUP GROUP group consumer COUNT 1 NOACK STREAMS stream >";
    let group = vec![once("XGROUP CREATE stream group $ MKSTREAM")];
    vec![
        row("XADD", &["XADD stream:# * field ~16"], MANY, BULK, Vec::new()),
        row("XADD, XREADGROUP in turn", &["XADD stream * field ~16", READ], 1, ANY, group),
    ]
}

fn others(keys: u32) -> Vec<Prepared> {
    let numbers = (0..LARGE).map(|number| (number * 7919 % LARGE).to_string());
    let places = (0..LARGE).map(|number| {
        let (longitude, latitude) = (f64::from(number % 100), f64::from(number / 100));
        format!("{:.4} {:.4} place:{number}", longitude / 50.0, latitude / 50.0)
    });
    let search = ["GEOSEARCH places FROMLONLAT 1 1 BYRADIUS 10 km ASC COUNT 50"];
    vec![
        row("SORT of 10000", &["SORT list"], 1, ARRAY, vec![with_members("RPUSH list", numbers)]),
        row("PFADD", &["PFADD counter:# member:="], keys, INTEGER, Vec::new()),
        row("GEOSEARCH", &search, 1, ARRAY, vec![with_members("GEOADD places", places)]),
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
