//! SORT and SORT_RO: of whatever a key holds, and of lists with weights and values beside them.

use crate::differential::compare::Compare;
use crate::differential::generator::{Args, Generator, Step, block};
use crate::differential::maker::Maker;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    block("sort", 14, |m| {
        let args = Args::new(m.word_of(&["SORT", "sort"])).with(m.key());
        reading_numbers(options(m, args)).into()
    }),
    block("sort_ro", 6, |m| {
        let args = Args::new("SORT_RO").with(m.key());
        reading_numbers(options(m, args)).into()
    }),
    block("sort", 8, weighted),
    block("sort", 8, tied),
];

/// Redis takes every weight that is no integer for out of range while C's `errno` says so from before:
/// a refused SCAN is what sets it back.
fn reading_numbers(args: Args) -> [Step; 2] {
    [Step::exact("SCAN abc"), Step::new(args, Compare::Exact)]
}

/// Options whose result does not depend on how equal elements are ordered, nor on the order in which a
/// set has its members.
fn options(m: &mut Maker, mut args: Args) -> Args {
    for _ in 0..m.rng.below(5) {
        args = match m.rng.below(9) {
            0 => args.words(m.word_of(&["ASC", "DESC", "desc", "ALPHA", "alpha", "DESC ALPHA"])),
            1 => args
                .words("LIMIT")
                .number(m.rng.below(8) as i64 - 2)
                .number(m.rng.below(8) as i64 - 2),
            2 => args.words("LIMIT").with(m.index()).with(m.index()),
            3 => args.words(m.word_of(&["BY", "LIMIT 1", "STORE", "STORE", "by"])),
            4 => args.words(m.word_of(&[
                "GET #",
                "get # GET key:*",
                "GET nosuch",
                "GET *",
                "GET o_*->f",
            ])),
            5 => args.words("STORE").with(m.key()),
            6 => args.words("ALPHA"),
            _ => args.words(m.word_of(&["LIMIT 0 3", "LIMIT 1 -1", "ASC", "NOSUCH", "ALPHA"])),
        };
    }
    args
}

/// A list of different elements, which all have another weight, or some have none.
fn weighted(m: &mut Maker) -> Vec<Step> {
    let (key, out) = (m.key(), m.key());
    let exact = |args| Step::new(args, Compare::Exact);
    let count = 3 + m.rng.below(8);
    let mut steps = vec![exact(Args::new("DEL").with(key.clone()))];
    let all = m.rng.percent(70);
    for number in 0..count {
        let element = (number * 7 % count.max(8)).to_string();
        steps.push(exact(Args::new("RPUSH").with(key.clone()).with(element.clone())));
        let weight = m.rng.below(1000) * 16 + number;
        let weight = m.word_of(&["", "-", "0.", " "]).to_owned() + &weight.to_string();
        if all || m.rng.percent(60) {
            steps.push(exact(Args::new("SET").with(format!("w_{element}")).with(weight.clone())));
            steps.push(exact(
                Args::new("HSET").with(format!("o_{element}")).words("f").with(weight),
            ));
        } else {
            steps.push(exact(
                Args::new("DEL").with(format!("w_{element}")).with(format!("o_{element}")),
            ));
        }
    }
    for _ in 0..4 {
        let name = m.word_of(&["SORT", "SORT_RO"]);
        let mut args = Args::new(name).with(key.clone());
        let by = m.word_of(&["BY w_*", "BY o_*->f", "BY nosort", "BY w_*->f", ""]);
        // Elements without weights are equal as texts, and then in any order.
        let all = all && by != "BY w_*->f";
        args = args.words(by);
        args =
            args.words(if all { m.word_of(&["", "ALPHA", "DESC", "ALPHA DESC"]) } else { "DESC" });
        args = args.words(m.word_of(&["", "GET #", "GET w_*", "GET o_*->f GET # GET nosuch"]));
        args = args.words(m.word_of(&["", "LIMIT 1 3", "LIMIT -5 2", "LIMIT 2 -1", "LIMIT 20 5"]));
        if name == "SORT" && m.rng.percent(40) {
            args = args.words("STORE").with(out.clone());
        }
        steps.extend(reading_numbers(args));
        steps.push(exact(Args::new("LRANGE").with(out.clone()).words("0 -1")));
    }
    steps
}

/// A list in which several elements have the same weight, of which LIMIT takes some.
fn tied(m: &mut Maker) -> Vec<Step> {
    let (key, out) = (m.key(), m.key());
    let exact = |args| Step::new(args, Compare::Exact);
    let count = if m.rng.percent(20) { 30 + m.rng.below(40) } else { 1 + m.rng.below(12) };
    let weights = [1, 2, 4, 1000][m.rng.below(4)];
    let (mut list, mut weighed) = (Args::new("RPUSH").with(key.clone()), Args::new("MSET"));
    for number in 0..count {
        list = list.number(number as i64);
        weighed = weighed.with(format!("w_{number}")).number(m.rng.below(weights) as i64);
    }
    let mut steps = vec![exact(Args::new("DEL").with(key.clone())), exact(list), exact(weighed)];
    for _ in 0..4 {
        let mut args = Args::new("SORT").with(key.clone()).words("BY w_* ALPHA");
        args = args.words(m.word_of(&["", "DESC", "GET # GET w_*"]));
        if m.rng.percent(90) {
            let (offset, wanted) = (m.rng.below(count + 2) as i64 - 1, m.rng.between(-1, 9));
            args = args.words("LIMIT").number(offset).number(wanted);
        }
        if m.rng.percent(30) {
            args = args.words("STORE").with(out.clone());
        }
        steps.push(exact(args));
        steps.push(exact(Args::new("LRANGE").with(out.clone()).words("0 -1")));
    }
    steps
}
