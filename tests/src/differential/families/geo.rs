//! Geo commands.

use crate::differential::compare::Compare;
use crate::differential::generator::{Args, Generator, Step, block, exact};
use crate::differential::maker::Maker;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    exact("geoadd", 30, geoadd),
    block("geoadd", 3, many),
    exact("zadd", 6, no_geohash),
    exact("geodist", 10, |m| {
        let args = Args::new("GEODIST").with(key(m)).with(member(m)).with(member(m));
        if m.rng.percent(50) { args } else { args.words(unit(m)) }
    }),
    exact("geohash", 8, |m| Args::new("GEOHASH").with(key(m)).with(member(m)).with(member(m))),
    exact("geopos", 8, |m| Args::new("GEOPOS").with(key(m)).with(member(m)).with(member(m))),
    exact("geosearch", 30, |m| search(m, Args::new("GEOSEARCH"), &SHOWN)),
    exact("geosearchstore", 14, |m| {
        let args = Args::new("GEOSEARCHSTORE").with(key(m));
        search(m, args, &["STOREDIST", "", "ASC", "WITHDIST"])
    }),
    exact("georadius", 14, |m| radius(m, "GEORADIUS", true)),
    exact("georadius_ro", 8, |m| radius(m, "GEORADIUS_RO", false)),
    exact("georadiusbymember", 14, |m| radius(m, "GEORADIUSBYMEMBER", true)),
    exact("georadiusbymember_ro", 8, |m| radius(m, "GEORADIUSBYMEMBER_RO", false)),
];

const SHOWN: [&str; 6] = ["WITHDIST", "WITHCOORD", "WITHHASH", "withdist", "", "STOREDIST"];

fn key(m: &mut Maker) -> Vec<u8> {
    match m.rng.below(20) {
        0 => m.key(),
        1 => b"{geo}none".to_vec(),
        2 => b"{z}a".to_vec(),
        _ => m.word_of(&["{geo}a", "{geo}b"]).into(),
    }
}

fn member(m: &mut Maker) -> Vec<u8> {
    if m.rng.percent(5) { m.value() } else { format!("p{}", m.rng.below(40)).into_bytes() }
}

fn unit(m: &mut Maker) -> &'static str {
    m.word_of(&["m", "km", "ft", "mi", "KM", "yd"])
}

/// Degrees up to this, with more decimals or fewer; no two places are equally far away from a third.
fn degrees(m: &mut Maker, end: i64) -> String {
    match m.rng.below(20) {
        0 => m.word_of(&["x", "181", "-181", "85.06", "nan", "0", "-180", "85.05112878"]).into(),
        1 | 2 => format!("{}.{:09}", m.rng.between(-end, end), m.rng.below(1_000_000_000)),
        _ => format!("{}.{:06}", m.rng.between(-9, 9), m.rng.below(1_000_000)),
    }
}

fn place(m: &mut Maker, args: Args) -> Args {
    let (lon, lat) = (degrees(m, 179), degrees(m, 84));
    args.with(lon).with(lat)
}

fn geoadd(m: &mut Maker) -> Args {
    let args = Args::new("GEOADD").with(key(m));
    let args = match m.rng.below(6) {
        0 => args.words(m.word_of(&["NX", "XX", "CH", "NX XX", "XX CH", "INCR"])),
        _ => args,
    };
    let count = 1 + m.rng.below(4);
    (0..count).fold(args, |args, _| {
        let args = place(m, args);
        args.with(member(m))
    })
}

/// A member whose score is no geohash, or one of a place beyond the map.
fn no_geohash(m: &mut Maker) -> Args {
    const SCORES: [&str; 16] = [
        "-1",
        "-0.5",
        "-1.5",
        "inf",
        "-inf",
        "1e308",
        "1e19",
        "-1e19",
        "1e17",
        "1e16",
        "18446744073709551615",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854777856",
        "4503599627370496",
        "4503599627370497",
    ];
    Args::new("ZADD").with(key(m)).words(m.word_of(&SCORES)).with(member(m))
}

/// More points than a small sorted set has.
fn many(m: &mut Maker) -> Vec<Step> {
    let mut args = Args::new("GEOADD").with(key(m));
    for n in 0..200 {
        let (lon, lat) = (m.rng.between(-179, 179), m.rng.between(-84, 84));
        let (more, less) = (m.rng.below(1_000_000), m.rng.below(1_000_000));
        args = args.with(format!("{lon}.{more:06}")).with(format!("{lat}.{less:06}"));
        args = args.with(format!("p{n}"));
    }
    vec![Step::new(args, Compare::Exact)]
}

fn size(m: &mut Maker) -> String {
    match m.rng.below(12) {
        0 => m.word_of(&["0", "-1", "x", "1e9", "inf", "0.5"]).into(),
        1 => m.rng.between(5_000_000, 30_000_000).to_string(),
        2..=5 => m.rng.between(1, 2000).to_string(),
        _ => m.rng.between(1000, 2_000_000).to_string(),
    }
}

fn options(m: &mut Maker, args: Args, shown: &[&'static str]) -> Args {
    let mut args = args;
    for _ in 0..m.rng.below(3) {
        args = args.words(m.word_of(shown));
    }
    match m.rng.below(8) {
        0 | 1 => args.words("ASC"),
        2 | 3 => args.words("DESC"),
        4 => args.words("COUNT").number(m.rng.between(-1, 9)),
        5 => args.words("COUNT").number(m.rng.between(1, 9)).words("ANY"),
        6 => args.words(m.word_of(&["ANY", "COUNT x", "COUNT", "DESC COUNT 3", "COUNT 2 ANY ASC"])),
        _ => args,
    }
}

fn search(m: &mut Maker, args: Args, shown: &[&'static str]) -> Args {
    let args = args.with(key(m));
    let args = match m.rng.below(20) {
        0 => args,
        1..=8 => args.words("FROMMEMBER").with(member(m)),
        _ => place(m, args.words("FROMLONLAT")),
    };
    let args = match m.rng.below(20) {
        0 => args,
        1..=9 => args.words("BYRADIUS").with(size(m)).words(unit(m)),
        _ => args.words("BYBOX").with(size(m)).with(size(m)).words(unit(m)),
    };
    options(m, args, shown)
}

fn radius(m: &mut Maker, name: &str, stores: bool) -> Args {
    let args = Args::new(name).with(key(m));
    let args = if name.contains("MEMBER") { args.with(member(m)) } else { place(m, args) };
    let args = args.with(size(m)).words(unit(m));
    let args = options(m, args, &SHOWN[..5]);
    if !m.rng.percent(if stores { 40 } else { 5 }) {
        return args;
    }
    // Of several the last one counts, wherever its key is.
    let count = if m.rng.percent(30) { 2 + m.rng.below(2) } else { 1 };
    (0..count).fold(args, |args, _| {
        let args = args.words(m.word_of(&["STORE", "STOREDIST", "store"]));
        let args = args.with(if m.rng.percent(5) { b"store".to_vec() } else { key(m) });
        if m.rng.percent(10) {
            args.words(m.word_of(&["WITHDIST", "COUNT 3", "DESC"]))
        } else {
            args
        }
    })
}
