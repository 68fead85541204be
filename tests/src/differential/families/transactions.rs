//! Transactions: whole ones made of the other families' commands, and their
//! commands out of place.

use crate::differential::compare::Compare;
use crate::differential::families;
use crate::differential::generator::{Args, Generator, Make, Step, block, exact};
use crate::differential::maker::Maker;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    block("multi", 50, transaction),
    block("watch", 30, watched),
    exact("exec", 2, |_| Args::new("EXEC")),
    exact("discard", 2, |_| Args::new("DISCARD")),
    exact("watch", 3, |m| Args::new("WATCH").extend(m.some_keys())),
    exact("unwatch", 3, |_| Args::new("UNWATCH")),
    exact("multi", 1, |_| Args::new("MULTI")),
];

fn transaction(m: &mut Maker) -> Vec<Step> {
    let mut steps = vec![Step::exact("MULTI")];
    steps.extend(body(m));
    steps.push(end(m));
    steps
}

fn body(m: &mut Maker) -> Vec<Step> {
    let length = m.rng.below(7);
    let mut steps: Vec<Step> = (0..length).map(|_| any_command(m)).collect();
    if m.rng.percent(12) {
        let line = m.word_of(&["NOSUCH x", "GET", "MULTI", "WATCH a", "SET a b c d", "UNWATCH"]);
        let at = m.rng.below(steps.len() + 1);
        steps.insert(at, Step::exact(line));
    }
    steps
}

fn end(m: &mut Maker) -> Step {
    Step::exact(m.word_of(&["EXEC", "EXEC", "EXEC", "EXEC", "EXEC", "exec", "DISCARD"]))
}

/// WATCH, then sometimes a change by this or another client, then a transaction.
fn watched(m: &mut Maker) -> Vec<Step> {
    let keys = m.some_keys();
    let mut steps = vec![Step::exact("DISCARD")];
    steps.push(Step::new(Args::new("WATCH").extend(keys.clone()), Compare::Exact));
    let touched = m.rng.choose(&keys).clone();
    for _ in 0..m.rng.below(3) {
        steps.push(match m.rng.below(4) {
            0 => touch(m, touched.clone()),
            1 | 2 => touch(m, touched.clone()).by_second(),
            _ => any_command(m),
        });
    }
    if m.rng.percent(10) {
        steps.push(Step::exact("UNWATCH"));
    }
    steps.extend(transaction(m));
    steps
}

/// What may or may not change a key.
fn touch(m: &mut Maker, key: Vec<u8>) -> Step {
    let start = m.word_of(&[
        "GET", "SET", "DEL", "EXPIRE", "PERSIST", "TOUCH", "GETEX", "RENAME", "FLUSHDB",
        "FLUSHALL", "SWAPDB", "MOVE", "APPEND", "GETDEL", "STRLEN", "COPY", "SETRANGE",
    ]);
    let args = match start {
        "FLUSHDB" | "FLUSHALL" => Args::new(start),
        "SWAPDB" => Args::new(m.word_of(&["SWAPDB 0 1", "SWAPDB 1 2", "SWAPDB 0 0"])),
        _ => {
            let args = Args::new(start).with(key);
            match start {
                "SET" | "APPEND" => args.with(m.value()),
                "EXPIRE" => args.number(m.far_seconds()),
                "GETEX" => args.words(m.word_of(&["", "PERSIST", "EX 20000"])),
                "RENAME" => args.with(m.key()),
                "COPY" => args.with(m.key()).words("REPLACE"),
                "MOVE" => args.with(m.db()),
                "SETRANGE" => args.words(m.word_of(&["0 ", "3 abc"])),
                _ => args,
            }
        }
    };
    Step::new(args, Compare::Exact)
}

/// A single command of any family.
fn any_command(m: &mut Maker) -> Step {
    loop {
        let generator = families::pick(m);
        if let Make::One(make) = generator.make {
            return Step::new(make(m), generator.compare);
        }
    }
}
