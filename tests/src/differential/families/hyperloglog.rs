//! HyperLogLog commands. The values are compared byte for byte too.

use crate::differential::compare::Compare;
use crate::differential::generator::{Args, Generator, Step, block, exact};
use crate::differential::maker::Maker;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    block("pfadd", 24, pfadd),
    block("pfadd", 6, around_sparse),
    block("pfadd", 2, to_dense),
    block("pfadd", 4, damaged),
    block("pfadd", 4, cut_off),
    exact("pfcount", 16, pfcount),
    block("pfmerge", 14, pfmerge),
    block("pfdebug", 10, pfdebug),
    exact("pfselftest", 1, |_| Args::new("PFSELFTEST")),
];

/// Keys of their own, so that they are HyperLogLogs more often than not.
fn key(m: &mut Maker) -> Vec<u8> {
    match m.rng.below(10) {
        0 => m.key(),
        _ => m.rng.pick(&[&b"{t1}h1"[..], b"{t1}h2", b"{t1}h3", b"{t2}h4", b"h5"]).to_vec(),
    }
}

fn get(key: Vec<u8>) -> Step {
    Step::new(Args::new("GET").with(key), Compare::Exact)
}

fn elements(m: &mut Maker, key: &[u8], count: usize) -> Step {
    let args = Args::new("PFADD").with(key);
    let made = (0..count).map(|_| match m.rng.below(3) {
        0 => m.value(),
        _ => m.rng.below(100_000).to_string().into_bytes(),
    });
    let made: Vec<_> = made.collect();
    Step::new(args.extend(made), Compare::Exact)
}

fn pfadd(m: &mut Maker) -> Vec<Step> {
    let key = key(m);
    let count = match m.rng.below(8) {
        0 => 0,
        1 => m.rng.below(120),
        _ => m.rng.below(6),
    };
    vec![elements(m, &key, count), get(key)]
}

/// Around the bytes at which sparse registers become dense.
fn around_sparse(m: &mut Maker) -> Vec<Step> {
    let key = key(m);
    let config = |max: i64| {
        Step::new(Args::new("CONFIG SET hll-sparse-max-bytes").number(max), Compare::Exact)
    };
    let mut steps = vec![Step::exact("DISCARD"), config(m.rng.between(0, 140))];
    steps.push(Step::new(Args::new("DEL").with(key.clone()), Compare::Exact));
    for _ in 0..6 {
        let count = m.rng.below(12);
        steps.extend([elements(m, &key, count), get(key.clone())]);
        if m.rng.percent(30) {
            steps.push(Step::new(Args::new("PFCOUNT").with(key.clone()), Compare::Exact));
        }
    }
    steps.push(config(3000));
    steps
}

/// So many that registers become dense, or an element whose value is over 32.
fn to_dense(m: &mut Maker) -> Vec<Step> {
    let key = key(m);
    let count = m.rng.below(3000);
    let many = elements(m, &key, count);
    let more = elements(m, &key, 40);
    let count = Step::new(Args::new("PFCOUNT").with(key.clone()), Compare::Exact);
    vec![many, get(key.clone()), more, count, get(key)]
}

/// Bytes that are none, or nearly one.
fn damaged(m: &mut Maker) -> Vec<Step> {
    const BODIES: [&[u8]; 11] = [
        b"\x7f\xff",
        b"\x7f\xfe\x00",
        b"\x7f\xfe\x80",
        b"\x7f\xfe",
        b"\x7f\xff\x80",
        b"",
        // 64 times 64 zeros and four times three of their kind would be whole; this is less.
        b"\x3f\x3f\x3f\x3f",
        b"\x80\x80\x81\x7f\xfb",
        b"\xff\xfe\xfd\xfc\x7f\xf5",
        b"\x84\x84\x84\x84\x7f\xfb",
        b"\x40\x00\x7f\xfe",
    ];
    let key = key(m);
    let mut value = m.rng.pick(&[&b"HYLL"[..], b"HYLL", b"HYLX"]).to_vec();
    value.push(*m.rng.choose(&[1, 1, 1, 0, 2]));
    value.extend([0; 3]);
    value.extend([*m.rng.choose(&[0, 7]), 0, 0, 0, 0, 0, 0, *m.rng.choose(&[0, 0x80])]);
    value.extend(m.rng.pick(&BODIES).to_vec());
    if m.rng.percent(20) {
        value.truncate(m.rng.below(17));
    }
    let set = Step::new(Args::new("SET").with(key.clone()).with(value), Compare::Exact);
    let names = ["PFCOUNT", "PFDEBUG DECODE", "PFDEBUG ENCODING", "PFDEBUG TODENSE"];
    let look = Step::new(Args::new(m.word_of(&names)).with(key.clone()), Compare::Exact);
    // One element alone, as Redis leaves what it had changed when it finds the damage; and the key
    // goes, as Redis calls any short string `raw` once it was looked at as a HyperLogLog.
    let del = Step::new(Args::new("DEL").with(key.clone()), Compare::Exact);
    vec![set, elements(m, &key, 1), look, get(key), del]
}

/// Runs at random that end in the first half of one of two bytes, now and then with just as many
/// registers as there must be; and whole ones with such an end behind.
fn cut_off(m: &mut Maker) -> Vec<Step> {
    let key = key(m);
    let half = 0x40 | m.rng.below(0x40) as u8;
    let fill = if m.rng.percent(30) {
        let appended = Args::new("APPEND").with(key.clone()).with([half]);
        vec![elements(m, &key, 3), Step::new(appended, Compare::Exact)]
    } else {
        let mut value = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80".to_vec();
        // The last run has a length of 256 times what the half says, and one.
        let mut left = 0x4000 - (usize::from(half & 0x3f) * 256 + 1);
        while left > 0 && m.rng.percent(80) {
            let len = 1 + m.rng.below(left.min(4));
            value.push(0x80 | (m.rng.below(32) as u8) << 2 | (len - 1) as u8);
            left -= len;
        }
        if left > 0 && m.rng.percent(80) {
            value.extend([0x40 | ((left - 1) >> 8) as u8, (left - 1) as u8]);
        }
        value.push(half);
        vec![Step::new(Args::new("SET").with(key.clone()).with(value), Compare::Exact)]
    };
    let mut steps = fill;
    for name in ["PFDEBUG DECODE", "PFCOUNT", "PFMERGE", "PFDEBUG GETREG"] {
        steps.push(Step::new(Args::new(name).with(key.clone()), Compare::Exact));
    }
    steps.push(get(key.clone()));
    steps.extend([elements(m, &key, 1), get(key.clone())]);
    steps.push(Step::new(Args::new("PFDEBUG TODENSE").with(key.clone()), Compare::Exact));
    // As above.
    steps.push(Step::new(Args::new("DEL").with(key), Compare::Exact));
    steps
}

fn pfcount(m: &mut Maker) -> Args {
    let mut args = Args::new("PFCOUNT").with(key(m));
    for _ in 0..m.rng.below(4).saturating_sub(1) {
        args = args.with(key(m));
    }
    args
}

fn pfmerge(m: &mut Maker) -> Vec<Step> {
    let key = key(m);
    let mut args = Args::new("PFMERGE").with(key.clone());
    for _ in 0..m.rng.below(4) {
        args = args.with(self::key(m));
    }
    vec![Step::new(args, Compare::Exact), get(key)]
}

fn pfdebug(m: &mut Maker) -> Vec<Step> {
    let key = key(m);
    let names = ["GETREG", "DECODE", "DECODE", "encoding", "ENCODING", "TODENSE", "NOSUCH"];
    let args = Args::new("PFDEBUG").words(m.word_of(&names)).with(key.clone());
    vec![Step::new(args, Compare::Exact), get(key)]
}
