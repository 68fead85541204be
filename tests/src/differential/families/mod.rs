//! The generators, one file a family of commands.

pub mod bits;
pub mod connection;
pub mod dump;
pub mod geo;
pub mod hashes;
pub mod hyperloglog;
pub mod keys;
pub mod lists;
pub mod pubsub;
pub mod server;
pub mod sets;
pub mod sort;
pub mod sorted_sets;
pub mod streams;
pub mod strings;
pub mod transactions;
pub mod waiting;

use super::generator::Generator;
use super::maker::Maker;

/// Every family's table. A new family adds its line here.
pub const FAMILIES: &[&[Generator]] = &[
    strings::GENERATORS,
    hashes::GENERATORS,
    bits::GENERATORS,
    sets::GENERATORS,
    hyperloglog::GENERATORS,
    streams::GENERATORS,
    sorted_sets::GENERATORS,
    geo::GENERATORS,
    keys::GENERATORS,
    dump::GENERATORS,
    lists::GENERATORS,
    sort::GENERATORS,
    connection::GENERATORS,
    server::GENERATORS,
    transactions::GENERATORS,
    waiting::GENERATORS,
    pubsub::GENERATORS,
];

/// Every generator.
pub fn all() -> impl Iterator<Item = &'static Generator> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// A generator, chosen by weight.
pub fn pick(m: &mut Maker) -> &'static Generator {
    let mut left = m.rng.below(all().map(|generator| generator.weight).sum());
    for generator in all() {
        if left < generator.weight {
            return generator;
        }
        left -= generator.weight;
    }
    &strings::GENERATORS[0]
}
