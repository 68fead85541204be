//! Memory per key: how much the resident size of a fresh server grows, as the mean over three sizes of the keyspace,
//! since every hash table is at its best just before it grows and at its worst just after.

use crate::client::{Client, Picker, Shape, Until, load_keys};
use crate::error::Error;
use crate::load::{Arg, Load};
use crate::server::Server;

/// A kind of key that is measured.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// As the report names it.
    pub name: &'static str,
    value: Arg<'static>,
    ttl: bool,
}

/// All kinds: 16-byte keys with three values, without and with a TTL.
pub const KINDS: [Kind; 6] = [
    Kind { name: "16-byte value", value: Arg::Letters(16), ttl: false },
    Kind { name: "64-byte value", value: Arg::Letters(64), ttl: false },
    Kind { name: "integer value", value: Arg::Again("1"), ttl: false },
    Kind { name: "16-byte value, TTL", value: Arg::Letters(16), ttl: true },
    Kind { name: "64-byte value, TTL", value: Arg::Letters(64), ttl: true },
    Kind { name: "integer value, TTL", value: Arg::Again("1"), ttl: true },
];

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

/// Fills a server that is empty up to each of the ascending `sizes` and returns its bytes per key there.
///
/// After each filling as many keys are read, because Redis finishes the growth of its table with the commands that
/// follow, and only then gives the old table back.
pub fn bytes_per_key(server: &Server, kind: Kind, sizes: &[u32]) -> Result<Vec<f64>, Error> {
    let empty = server.resident_bytes()?;
    let fill = Load::memory(kind.value, kind.ttl);
    let mut first = 0;
    let mut results = Vec::with_capacity(sizes.len());
    for &keys in sizes {
        load_keys(server.addr(), &fill, first, keys)?;
        first = keys;
        settle(server, keys)?;
        let grown = server.resident_bytes()?.saturating_sub(empty);
        results.push(grown as f64 / f64::from(keys));
    }
    Ok(results)
}

fn settle(server: &Server, keys: u32) -> Result<(), Error> {
    let load = Load::memory_read(keys);
    let shape = Shape { connections: 4, pipeline: 64 };
    let picker = Picker::uniform(1, keys);
    Client::connect(server.addr(), &load, shape, picker)?
        .run(Until::Requests(u64::from(keys)))
        .map(drop)
}
