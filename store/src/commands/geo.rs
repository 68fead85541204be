//! Geo commands: the table of the family. Handlers are beside it, by what they do.

use super::geo_arguments as args;
use super::geo_points::{geoadd, geodist, geohash, geopos};
use super::geo_search::{
    georadius, georadius_ro, georadiusbymember, georadiusbymember_ro, geosearch, geosearchstore,
};
use crate::command::{Begin, Categories, DataCommand, Find, Flags, Group, KeySpec, KeyUse, Spec};

/// The key behind a word, looked for from argument `from` on.
const fn behind(word: &'static str, from: i32) -> KeySpec {
    let find = Find::Range { last: 0, step: 1, limit: 0 };
    let uses = KeyUse::OW.with(KeyUse::UPDATE);
    KeySpec { begin: Begin::Keyword(word, from), find, uses, notes: "" }
}

/// The key that is stored at, where there are several: the last one is not what [`behind`] finds.
const fn stored(first_option: usize) -> KeySpec {
    let find = Find::Range { last: 0, step: 1, limit: 0 };
    let uses = KeyUse::OW.with(KeyUse::UPDATE);
    KeySpec { begin: Begin::RadiusStore(first_option), find, uses, notes: "" }
}

/// The family's commands.
pub const COMMANDS: &[DataCommand] = &[
DataCommand::write(
    Spec::new("geoadd", Group::Geo, -5)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::GEO])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::UPDATE))])
        .doc("3.2.0", "O(log(N)) for each item added, where N is the number of elements in the sorted set.", "Put points with names into a sorted set")
        .arguments(args::GEOADD)
        .history(args::GEOADD_HISTORY)
        .example("> GEOADD geoadd:key 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEODIST geoadd:key Palermo Catania km\n\"166.2742\""),
    geoadd,
),
DataCommand::read(
    Spec::new("geodist", Group::Geo, -4)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::GEO])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("3.2.0", "O(log(N))", "Get the distance between two points")
        .arguments(args::GEODIST)
        .example("> GEOADD geodist:key 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEODIST geodist:key Palermo Catania\n\"166274.1516\"\n> GEODIST geodist:key Palermo none\n(nil)"),
    geodist,
),
DataCommand::read(
    Spec::new("geohash", Group::Geo, -2)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::GEO])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("3.2.0", "O(log(N)) for each member requested, where N is the number of elements in the sorted set.", "Get the geohash texts of points")
        .arguments(args::GEOHASH)
        .example("> GEOADD geohash:key 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEOHASH geohash:key Palermo Catania\n1) \"sqc8b49rny0\"\n2) \"sqdtr74hyu0\""),
    geohash,
),
DataCommand::read(
    Spec::new("geopos", Group::Geo, -2)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::GEO])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("3.2.0", "O(N) where N is the number of members requested.", "Get longitude and latitude of points")
        .arguments(args::GEOPOS)
        .example("> GEOADD geopos:key 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEOPOS geopos:key Palermo none\n1) 1) \"13.36138933897018433\"\n   2) \"38.11555639549629859\"\n2) (nil)"),
    geopos,
),
DataCommand::read(
    Spec::new("geosearch", Group::Geo, -7)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::GEO])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("6.2.0", "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape", "Find points within a circle or a box")
        .arguments(args::GEOSEARCH)
        .history(args::GEOSEARCH_HISTORY)
        .example("> GEOADD geosearch:key 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEOSEARCH geosearch:key FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHDIST\n1) 1) \"Catania\"\n   2) \"56.4413\"\n2) 1) \"Palermo\"\n   2) \"190.4424\""),
    geosearch,
),
DataCommand::write(
    Spec::new("geosearchstore", Group::Geo, -8)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::GEO])
        .keys(&[KeySpec::one(1, KeyUse::OW.with(KeyUse::UPDATE)), KeySpec::one(2, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("6.2.0", "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the shape provided as the filter and M is the number of items inside the shape", "Store the points within a circle or a box in a key")
        .arguments(args::GEOSEARCHSTORE)
        .history(args::GEOSEARCHSTORE_HISTORY)
        .example("> GEOADD {geosearchstore}:key 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEOSEARCHSTORE {geosearchstore}:to {geosearchstore}:key FROMMEMBER Catania BYBOX 100 100 km\n(integer) 1\n> ZRANGE {geosearchstore}:to 0 -1\n1) \"Catania\""),
    geosearchstore,
),
DataCommand::write(
    Spec::new("georadius", Group::Geo, -6)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::MOVABLE_KEYS])
        .categories(&[Categories::GEO])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS)), behind("STORE", 6), behind("STOREDIST", 6)])
        .hidden_keys(&[stored(6)])
        .doc("3.2.0", "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.", "Find points within a circle around a place, or store them")
        .arguments(args::GEORADIUS)
        .history(args::GEORADIUS_HISTORY)
        .deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument")
        .example("> GEOADD georadius:key 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEORADIUS georadius:key 15 37 200 km ASC\n1) \"Catania\"\n2) \"Palermo\""),
    georadius,
),
DataCommand::read(
    Spec::new("georadius_ro", Group::Geo, -6)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::GEO])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("3.2.10", "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.", "Find points within a circle around a place")
        .arguments(args::GEORADIUS_RO)
        .history(args::GEORADIUS_RO_HISTORY)
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument")
        .example("> GEOADD georadius_ro:key 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEORADIUS_RO georadius_ro:key 15 37 100 km WITHDIST\n1) 1) \"Catania\"\n   2) \"56.4413\""),
    georadius_ro,
),
DataCommand::write(
    Spec::new("georadiusbymember", Group::Geo, -5)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::MOVABLE_KEYS])
        .categories(&[Categories::GEO])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS)), behind("STORE", 5), behind("STOREDIST", 5)])
        .hidden_keys(&[stored(5)])
        .doc("3.2.0", "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.", "Find points within a circle around one of them, or store them")
        .arguments(args::GEORADIUSBYMEMBER)
        .history(args::GEORADIUSBYMEMBER_HISTORY)
        .deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments")
        .example("> GEOADD georadiusbymember:key 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEORADIUSBYMEMBER georadiusbymember:key Palermo 200 km DESC\n1) \"Catania\"\n2) \"Palermo\""),
    georadiusbymember,
),
DataCommand::read(
    Spec::new("georadiusbymember_ro", Group::Geo, -5)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::GEO])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("3.2.10", "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area delimited by center and radius and M is the number of items inside the index.", "Find points within a circle around one of them")
        .arguments(args::GEORADIUSBYMEMBER_RO)
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments")
        .example("> GEOADD georadiusbymember_ro:key 13.361389 38.115556 Palermo 15.087269 37.502669 Catania\n(integer) 2\n> GEORADIUSBYMEMBER_RO georadiusbymember_ro:key Palermo 100 km\n1) \"Palermo\""),
    georadiusbymember_ro,
),
];
