//! List commands: short lists, lists of several nodes, and elements with nodes of their own.

use crate::differential::compare::Compare;
use crate::differential::generator::{Args, Generator, Step, block, exact};
use crate::differential::maker::Maker;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    exact("lpush", 30, |m| pushed(m, "LPUSH")),
    exact("rpush", 30, |m| pushed(m, "RPUSH")),
    exact("lpushx", 8, |m| pushed(m, "LPUSHX")),
    exact("rpushx", 8, |m| pushed(m, "RPUSHX")),
    exact("lpop", 14, |m| popped(m, "LPOP")),
    exact("rpop", 14, |m| popped(m, "RPOP")),
    exact("llen", 10, |m| Args::new("LLEN").with(m.key())),
    exact("lrange", 20, |m| ranged(m, "LRANGE")),
    exact("lindex", 14, |m| Args::new("LINDEX").with(m.key()).with(place(m))),
    exact("lset", 12, |m| Args::new("LSET").with(m.key()).with(place(m)).with(element(m))),
    exact("linsert", 14, linsert),
    exact("lrem", 12, |m| Args::new("LREM").with(m.key()).with(place(m)).with(element(m))),
    exact("ltrim", 8, |m| ranged(m, "LTRIM")),
    exact("lpos", 16, lpos),
    exact("lmove", 14, |m| Args::new("LMOVE").extend(m.keys(2)).words(side(m)).words(side(m))),
    exact("rpoplpush", 8, |m| Args::new("RPOPLPUSH").extend(m.keys(2))),
    exact("lmpop", 12, lmpop),
    block("rpush", 4, long_list),
    block("rpush", 3, small_nodes),
    block("rpush", 2, plain_nodes),
];

/// Mostly one of few, so that commands that look for elements find some.
fn element(m: &mut Maker) -> Vec<u8> {
    match m.rng.below(10) {
        0..=3 => m.word_of(&["a", "b", "c", "0", "1", "-1", "12", "007"]).into(),
        4..=5 => m.integer(),
        6 => vec![b'x'; 1 + m.rng.below(300)],
        _ => m.value(),
    }
}

/// An index or a count.
fn place(m: &mut Maker) -> Vec<u8> {
    match m.rng.below(10) {
        0..=7 => (m.rng.below(12) as i64 - 6).to_string().into_bytes(),
        8 => m.index(),
        _ => m
            .word_of(&[
                "9223372036854775807",
                "-9223372036854775808",
                "-9223372036854775807",
                "1.5",
            ])
            .into(),
    }
}

fn side(m: &mut Maker) -> &'static str {
    m.word_of(&["LEFT", "RIGHT", "LEFT", "RIGHT", "left", "Right", "LEFT", "RIGHT", "UP"])
}

fn sent(args: Args) -> Step {
    Step::new(args, Compare::Exact)
}

fn pushed(m: &mut Maker, name: &str) -> Args {
    let mut args = Args::new(name).with(m.key());
    for _ in 0..=m.rng.below(5) {
        args = args.with(element(m));
    }
    args
}

fn popped(m: &mut Maker, name: &str) -> Args {
    let args = Args::new(name).with(m.key());
    match m.rng.below(10) {
        0..=4 => args,
        5..=8 => args.number(m.rng.below(5) as i64),
        _ => args.with(place(m)),
    }
}

fn ranged(m: &mut Maker, name: &str) -> Args {
    Args::new(name).with(m.key()).with(place(m)).with(place(m))
}

fn linsert(m: &mut Maker) -> Args {
    let side = m.word_of(&["BEFORE", "AFTER", "before", "After", "BEFORE", "AFTER", "AROUND"]);
    Args::new("LINSERT").with(m.key()).words(side).with(element(m)).with(element(m))
}

fn lpos(m: &mut Maker) -> Args {
    let mut args = Args::new("LPOS").with(m.key()).with(element(m));
    for _ in 0..m.rng.below(4) {
        let word = m.word_of(&["RANK", "COUNT", "MAXLEN", "rank", "count", "maxlen", "RANKS"]);
        args = args.words(word).with(place(m));
    }
    args
}

fn lmpop(m: &mut Maker) -> Args {
    let keys = m.some_keys();
    let count = match m.rng.below(8) {
        0 => place(m),
        _ => keys.len().to_string().into_bytes(),
    };
    let args = Args::new("LMPOP").with(count).extend(keys).words(side(m));
    match m.rng.below(4) {
        0 | 1 => args,
        2 => args.words("COUNT").with(place(m)),
        _ => {
            args.words(m.word_of(&["COUNT 2", "count 100", "COUNT", "COUNT 1 COUNT 1", "LIMIT 1"]))
        }
    }
}

/// Elements enough for some nodes, pushed at both ends.
fn fill(m: &mut Maker, key: &[u8], elements: usize, longest: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut left = elements;
    while left > 0 {
        let some = left.min(1 + m.rng.below(120));
        let mut args = Args::new(m.word_of(&["RPUSH", "LPUSH"])).with(key);
        for number in 0..some {
            let mut element = format!("{}:", left - number).into_bytes();
            element.resize(element.len() + m.rng.below(longest), b'a' + m.rng.below(3) as u8);
            args = args.with(element);
        }
        steps.push(sent(args));
        left -= some;
    }
    steps
}

/// Commands that meet all parts of a list of some length.
fn edits(m: &mut Maker, key: &[u8], len: usize, count: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..count {
        let index =
            m.rng.below(len + 2) as i64 - if m.rng.percent(50) { len as i64 + 1 } else { 0 };
        let long = vec![b'y'; m.rng.below(9000)];
        let args = match m.rng.below(10) {
            0 => Args::new("LSET").with(key).number(index).with(element(m)),
            1 => Args::new("LSET").with(key).number(index).with(long),
            2 => {
                Args::new("LINSERT").with(key).words("BEFORE").with(format!("{index}:")).with(long)
            }
            3 => Args::new("LINSERT").with(key).words("AFTER").with("x").with(element(m)),
            4 => Args::new("LINDEX").with(key).number(index),
            5 => Args::new("LRANGE").with(key).number(index).number(index + 20),
            6 => Args::new("LREM").with(key).number(index % 3).with(element(m)),
            7 => Args::new(m.word_of(&["LPOP", "RPOP"])).with(key).number(index.abs() % 30),
            8 => Args::new("LPOS").with(key).with(element(m)).words("COUNT 0 RANK -1"),
            _ => Args::new(m.word_of(&["LPUSH", "RPUSH"])).with(key).with(long),
        };
        steps.push(sent(args));
    }
    steps
}

fn long_list(m: &mut Maker) -> Vec<Step> {
    let key = m.key();
    let len = 100 + m.rng.below(400);
    let mut steps = fill(m, &key, len, 80);
    steps.extend(edits(m, &key, len, 20));
    let args = Args::new("LTRIM").with(key.clone()).number(m.rng.below(len) as i64).number(-20);
    steps.push(sent(args));
    let args = Args::new("LRANGE").with(key).words("0 -1");
    steps.push(sent(args));
    steps
}

/// Nodes of few elements: the setting is reset at the beginning of each run, and here.
fn small_nodes(m: &mut Maker) -> Vec<Step> {
    let key = m.key();
    let size = m.word_of(&["1", "2", "3", "-1", "-5", "7"]);
    let mut steps = vec![Step::exact("DISCARD")];
    steps.push(Step::exact(&format!("CONFIG SET list-max-listpack-size {size}")));
    steps.extend(fill(m, &key, 60, 40));
    steps.extend(edits(m, &key, 60, 30));
    let args = Args::new("LRANGE").with(key).words("0 -1");
    steps.push(sent(args));
    steps.push(Step::exact("CONFIG SET list-max-listpack-size -2"));
    steps
}

/// Elements that are longer than what nodes may hold.
fn plain_nodes(m: &mut Maker) -> Vec<Step> {
    let key = m.key();
    let size = m.word_of(&["20", "100b", "1kb"]);
    let mut steps = vec![Step::exact("DISCARD")];
    steps.push(Step::exact(&format!("DEBUG QUICKLIST-PACKED-THRESHOLD {size}")));
    steps.extend(fill(m, &key, 30, 60));
    steps.extend(edits(m, &key, 30, 20));
    let args = Args::new("LRANGE").with(key).words("0 -1");
    steps.push(sent(args));
    let wrong = m.word_of(&["x", "-1", "5gb", "4294967295", "1.5k", "1 2"]);
    steps.push(Step::exact(&format!("DEBUG QUICKLIST-PACKED-THRESHOLD {wrong}")));
    steps.push(Step::exact("DEBUG QUICKLIST-PACKED-THRESHOLD 0"));
    steps
}
