//! Memory per key: how much the resident size of a fresh server grows, as the mean over three sizes of the keyspace,
//! since every hash table is at its best just before it grows and at its worst just after.

use crate::client::{Client, Picker, Shape, Until, load_keys};
use crate::error::Error;
use crate::load::{Arg, Load, Template};
use crate::reply::Expect;
use crate::server::Server;

/// A kind of key, or of a collection's element, that is measured.
#[derive(Debug, Clone)]
pub struct Kind {
    /// As the report names it.
    pub name: &'static str,
    /// What makes it.
    fill: Load,
    /// What looks it up.
    read: Load,
}

impl Kind {
    /// What one command makes and another one looks up.
    pub fn new(name: &'static str, fill: Template, read: Template) -> Self {
        let load = |template| Load::plain("memory", vec![template], 1, ANYTHING);
        Self { name, fill: load(fill), read: load(read) }
    }
}

const ANYTHING: Expect = Expect { kinds: b"+:$*", bulk: None };

/// The kinds of keys: 16-byte keys with three values, without and with a TTL.
pub fn kinds() -> Vec<Kind> {
    let values = [
        ("16-byte value", "16-byte value, TTL", Arg::Letters(16)),
        ("64-byte value", "64-byte value, TTL", Arg::Letters(64)),
        ("integer value", "integer value, TTL", Arg::Again("1")),
    ];
    let kind = |name, value, ttl| {
        let read = Template::default().command(&[Arg::Text("GET"), Arg::Key("key:")]);
        Kind { fill: Load::memory(value, ttl), ..Kind::new(name, Template::default(), read) }
    };
    let forever = values.map(|(name, _, value)| kind(name, value, false));
    forever.into_iter().chain(values.map(|(_, name, value)| kind(name, value, true))).collect()
}

/// One kind's bytes per key.
#[derive(Debug, Clone)]
pub struct MemoryRow {
    /// The kind's name.
    pub kind: &'static str,
    /// For each server, the bytes per key at each size.
    pub sides: Vec<Vec<f64>>,
}

impl MemoryRow {
    /// The mean over the sizes.
    pub fn mean(&self, side: usize) -> f64 {
        self.sides[side].iter().sum::<f64>() / self.sides[side].len() as f64
    }
}

/// A thousandth of the keys are made and removed again before anything is measured: what a server takes for its first
/// commands, such as pages of its program and of the allocator that nobody had touched, is not the keys'.
const WARM_UP: u32 = 1000;

/// Fills a server that is empty up to each of the ascending `sizes` and returns its bytes per key there.
///
/// After each filling as many keys are read, because Redis finishes the growth of its table with the commands that
/// follow, and only then gives the old table back.
pub fn bytes_per_key(server: &Server, kind: &Kind, sizes: &[u32]) -> Result<Vec<f64>, Error> {
    let few = sizes.last().map_or(0, |most| most / WARM_UP);
    load_keys(server.addr(), &kind.fill, 0, few)?;
    settle(server, kind, few)?;
    server.ask(&["FLUSHALL"])?;
    let empty = server.resident_bytes()?;
    let mut first = 0;
    let mut results = Vec::with_capacity(sizes.len());
    for &keys in sizes {
        load_keys(server.addr(), &kind.fill, first, keys)?;
        first = keys;
        settle(server, kind, keys)?;
        let grown = server.resident_bytes()?.saturating_sub(empty);
        results.push(grown as f64 / f64::from(keys));
    }
    Ok(results)
}

fn settle(server: &Server, kind: &Kind, keys: u32) -> Result<(), Error> {
    let load = Load { keys, ..kind.read.clone() };
    let shape = Shape { connections: 4, pipeline: 64 };
    let picker = Picker::uniform(1, keys);
    Client::connect(server.addr(), &load, shape, picker)?
        .run(Until::Requests(u64::from(keys)))
        .map(drop)
}
