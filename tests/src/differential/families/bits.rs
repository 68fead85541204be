//! Bitmap commands.

use crate::differential::compare::Compare;
use crate::differential::generator::{Args, Generator, Step, block, exact};
use crate::differential::maker::Maker;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    exact("setbit", 24, |m| {
        let bit = m.word_of(&["0", "1", "1", "2", "-1", "abc", "01"]);
        Args::new("SETBIT").with(m.key()).with(place(m)).words(bit)
    }),
    block("setbit", 4, of_no_effect),
    exact("getbit", 16, |m| Args::new("GETBIT").with(m.key()).with(place(m))),
    exact("bitcount", 20, bitcount),
    exact("bitpos", 20, bitpos),
    exact("bitop", 20, bitop),
    exact("bitfield", 30, |m| fields(m, "BITFIELD")),
    exact("bitfield_ro", 12, |m| fields(m, "BITFIELD_RO")),
];

/// The place of a bit, mostly in the first bytes.
fn place(m: &mut Maker) -> Vec<u8> {
    const EDGES: [&str; 7] = [
        "4294967296",
        "34359738368",
        "-1",
        "9223372036854775807",
        "9223372036854775808",
        "abc",
        "007",
    ];
    match m.rng.below(10) {
        0..=5 => m.rng.between(0, 70).to_string().into_bytes(),
        6 | 7 => m.rng.between(0, 2000).to_string().into_bytes(),
        8 => m.rng.between(0, 20_000).to_string().into_bytes(),
        _ => m.rng.pick(&EDGES).as_bytes().to_vec(),
    }
}

fn with_unit(m: &mut Maker, args: Args) -> Args {
    match m.rng.below(10) {
        0..=4 => args,
        5..=8 => args.words(m.word_of(&["BYTE", "BIT", "bit", "Byte"])),
        _ => args.words(m.word_of(&["BITS", "5", "BIT BIT"])),
    }
}

fn bitcount(m: &mut Maker) -> Args {
    let args = Args::new("BITCOUNT").with(m.key());
    match m.rng.below(10) {
        0..=2 => args,
        3 => args.with(m.index()),
        _ => {
            let args = args.with(m.index()).with(m.index());
            with_unit(m, args)
        }
    }
}

fn bitpos(m: &mut Maker) -> Args {
    let bit = m.word_of(&["0", "1", "0", "1", "0", "1", "2", "abc"]);
    let args = Args::new("BITPOS").with(m.key()).words(bit);
    match m.rng.below(10) {
        0..=2 => args,
        3 | 4 => args.with(m.index()),
        _ => {
            let args = args.with(m.index()).with(m.index());
            with_unit(m, args)
        }
    }
}

fn bitop(m: &mut Maker) -> Args {
    let operation = m.word_of(&["AND", "OR", "XOR", "NOT", "not", "xor", "NAND"]);
    let mut count = 2 + m.rng.below(3);
    if operation.eq_ignore_ascii_case("not") && m.rng.percent(80) {
        count = 2;
    }
    Args::new("BITOP").words(operation).extend(m.keys(count))
}

fn fields(m: &mut Maker, name: &str) -> Args {
    let mut args = Args::new(name).with(m.key());
    let only_reads = name == "BITFIELD_RO" && m.rng.percent(80);
    for _ in 0..m.rng.below(5) {
        let choice = if only_reads { 0 } else { m.rng.below(8) };
        args = match choice {
            0 | 1 => args.words("GET").with(kind(m)).with(field_place(m)),
            2 | 3 => args.words("SET").with(kind(m)).with(field_place(m)).with(amount(m)),
            4 | 5 => args.words("INCRBY").with(kind(m)).with(field_place(m)).with(amount(m)),
            6 => args.words("OVERFLOW").words(m.word_of(&["WRAP", "SAT", "FAIL", "sat", "fail"])),
            _ => args.words(m.word_of(&["OVERFLOW SATURATE", "GET u8", "SET u8 0", "NOSUCH"])),
        };
        if choice == 7 && m.rng.percent(50) {
            break;
        }
    }
    args
}

fn kind(m: &mut Maker) -> Vec<u8> {
    const ODD: [&str; 10] = ["u64", "i65", "u0", "i0", "u", "", "8", "U8", "i08", "i-5"];
    match m.rng.below(12) {
        0 => m.rng.pick(&ODD).as_bytes().to_vec(),
        1 => b"i64".to_vec(),
        2 => b"u63".to_vec(),
        3..=6 => format!("i{}", 1 + m.rng.below(64)).into_bytes(),
        _ => format!("u{}", 1 + m.rng.below(63)).into_bytes(),
    }
}

fn field_place(m: &mut Maker) -> Vec<u8> {
    match m.rng.below(10) {
        0..=2 => format!("#{}", m.rng.below(12)).into_bytes(),
        3 => [b"#".to_vec(), place(m)].concat(),
        _ => place(m),
    }
}

fn amount(m: &mut Maker) -> Vec<u8> {
    match m.rng.below(4) {
        0 => m.integer(),
        1 => (m.rng.next_u64() as i64).to_string().into_bytes(),
        _ => m.rng.between(-300, 300).to_string().into_bytes(),
    }
}

/// Bits that are set to what they are: a string may get another encoding, but who watches it does
/// not see that.
fn of_no_effect(m: &mut Maker) -> Vec<Step> {
    let key = m.key();
    let value = m.rng.choose(b"@A1").to_owned();
    let set = Args::new("SET").with(key.clone()).with(vec![value]);
    let watch = Args::new("WATCH").with(key.clone());
    let change = match m.rng.below(3) {
        0 => Args::new("SETBIT").with(key.clone()).words("0 0"),
        1 => Args::new("BITFIELD").with(key.clone()).words("SET u2 0 0"),
        _ => Args::new("BITFIELD").with(key.clone()).words("OVERFLOW FAIL INCRBY u8 0 255"),
    };
    let encoding = Args::new("OBJECT ENCODING").with(key);
    let steps =
        [Args::new("DISCARD"), set, watch, change, Args::new("MULTI"), encoding, Args::new("EXEC")];
    steps.map(|args| Step::new(args, Compare::Exact)).to_vec()
}
