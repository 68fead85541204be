//! Set commands.

use crate::differential::compare::Compare;
use crate::differential::generator::{Args, Expect, Generator, Step, block, exact, one};
use crate::differential::maker::Maker;
use crate::harness::reply::Reply;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    exact("sadd", 50, |m| with_members(m, "SADD")),
    block("sadd", 6, around_intset),
    block("sadd", 2, many),
    exact("srem", 24, |m| with_members(m, "SREM")),
    exact("sismember", 12, |m| Args::new("SISMEMBER").with(m.key()).with(member(m))),
    exact("smismember", 10, |m| with_members(m, "SMISMEMBER")),
    one("smembers", 16, |m| Args::new("SMEMBERS").with(m.key()), Compare::Unordered),
    exact("scard", 10, |m| Args::new("SCARD").with(m.key())),
    exact("smove", 16, |m| Args::new("SMOVE").extend(m.keys(2)).with(member(m))),
    block("spop", 6, spop_all),
    block("spop", 6, spop_some),
    block("srandmember", 10, srandmember_all),
    one("srandmember", 8, srandmember, Compare::Check(as_many)),
    one("sinter", 14, |m| several(m, "SINTER"), Compare::Unordered),
    one("sunion", 14, |m| several(m, "SUNION"), Compare::Unordered),
    one("sdiff", 14, |m| several(m, "SDIFF"), Compare::Unordered),
    exact("sintercard", 14, sintercard),
    block("sinterstore", 10, |m| stored(m, "SINTERSTORE")),
    block("sunionstore", 10, |m| stored(m, "SUNIONSTORE")),
    block("sdiffstore", 10, |m| stored(m, "SDIFFSTORE")),
    block("sscan", 8, whole_scan),
];

/// A member, of few, so that sets meet; often an integer, and sometimes what only looks like one.
fn member(m: &mut Maker) -> Vec<u8> {
    match m.rng.below(10) {
        0..=4 => m.rng.between(-4, 12).to_string().into_bytes(),
        5 | 6 => m.rng.pick(&[&b"a"[..], b"b", b"c", b"d", b"e", b""]).to_vec(),
        7 => m.integer(),
        _ => m.value(),
    }
}

fn with_members(m: &mut Maker, name: &str) -> Args {
    let mut args = Args::new(name).with(m.key());
    let integers = m.rng.percent(50);
    for _ in 0..=m.rng.below(6) {
        let member = if integers { m.rng.between(-4, 12).to_string().into() } else { member(m) };
        args = args.with(member);
    }
    args
}

fn encoding(key: &[u8]) -> Step {
    Step::new(Args::new("OBJECT ENCODING").with(key), Compare::Exact)
}

/// A new set of `count` numbers from `from` on.
fn numbers(key: &[u8], from: i64, count: i64) -> [Step; 2] {
    let add = Args::new("SADD").with(key);
    let add = add.extend((from..from + count).map(|number| number.to_string().into_bytes()));
    [Step::new(Args::new("DEL").with(key), Compare::Exact), Step::new(add, Compare::Exact)]
}

/// Integers about as many as an intset may have, then one that is none or is wider.
fn around_intset(m: &mut Maker) -> Vec<Step> {
    let key = m.key();
    let most = m.rng.between(0, 6);
    let config = |most: i64| {
        Step::new(Args::new("CONFIG SET set-max-intset-entries").number(most), Compare::Exact)
    };
    let mut steps = vec![Step::exact("DISCARD"), config(most)];
    steps.extend(numbers(&key, m.rng.between(-3, 3), most + m.rng.between(0, 2)));
    steps.push(encoding(&key));
    let dump = Step::new(Args::new("DEBUG DIGEST-VALUE").with(key.clone()), Compare::Exact);
    steps.push(dump);
    for _ in 0..3 {
        let name = m.word_of(&["SADD", "SADD", "SREM"]);
        let step = Args::new(name).with(key.clone()).with(member(m));
        steps.extend([Step::new(step, Compare::Exact), encoding(&key)]);
    }
    steps.push(config(512));
    steps
}

/// A set that is a table, or an intset of its own.
fn many(m: &mut Maker) -> Vec<Step> {
    let key = m.key();
    let [del, add] = numbers(&key, m.rng.between(-40, 40), m.rng.between(28, 600));
    let one = Args::new("SADD").with(key.clone()).with(member(m));
    vec![del, add, encoding(&key), Step::new(one, Compare::Exact), encoding(&key)]
}

fn count_of(m: &mut Maker, least: i64) -> Vec<u8> {
    const ODD: [&str; 6] = ["0", "abc", "1.5", "-9223372036854775808", "9223372036854775807", ""];
    match m.rng.below(4) {
        0 => m.rng.pick(&ODD).as_bytes().to_vec(),
        _ => m.rng.between(least, 3000).to_string().into_bytes(),
    }
}

/// So many that all go, or none.
fn spop_all(m: &mut Maker) -> Vec<Step> {
    let args = Args::new("SPOP").with(m.key());
    let args = match m.rng.below(6) {
        0 => args.words(m.word_of(&["-1", "-9223372036854775808", "5 5"])),
        _ => args.with(count_of(m, 1300)),
    };
    vec![Step::new(args, Compare::Unordered)]
}

/// Random members are taken out of a set made for it: how many are left tells whether it went well,
/// and then all go.
fn spop_some(m: &mut Maker) -> Vec<Step> {
    let key = m.key();
    let mut steps = Vec::from(numbers(&key, 0, m.rng.between(1, 60)));
    if m.rng.percent(50) {
        steps.push(Step::new(Args::new("SADD").with(key.clone()).with("x"), Compare::Exact));
    }
    let pop = Args::new("SPOP").with(key.clone());
    let pop = if m.rng.percent(30) { pop } else { pop.number(m.rng.between(0, 61)) };
    steps.push(Step::new(pop, Compare::Check(as_many)));
    steps.push(Step::new(Args::new("SCARD").with(key.clone()), Compare::Exact));
    steps.push(Step::new(Args::new("DEL").with(key), Compare::Exact));
    steps
}

/// So many that all are told, or none.
fn srandmember_all(m: &mut Maker) -> Vec<Step> {
    let args = Args::new("SRANDMEMBER").with(m.key()).with(count_of(m, 1300));
    vec![Step::new(args, Compare::Unordered)]
}

fn srandmember(m: &mut Maker) -> Args {
    let args = Args::new("SRANDMEMBER").with(m.key());
    match m.rng.below(3) {
        0 => args,
        1 => args.number(m.rng.between(0, 5)),
        _ => args.number(m.rng.between(-30, 0)),
    }
}

/// Replies of members that are chosen at random: of one type, and as many.
fn as_many(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    let len = |reply: &Reply| match reply {
        Reply::Array(members) | Reply::Set(members) => members.len(),
        _ => 1,
    };
    let (kinds, lens) = ([ours, theirs].map(Reply::kind), [ours, theirs].map(len));
    if kinds[0] == kinds[1] && lens[0] == lens[1] {
        Ok(())
    } else {
        Err(format!("{kinds:?} of {lens:?} members"))
    }
}

fn several(m: &mut Maker, name: &str) -> Args {
    let count = 1 + m.rng.below(4);
    Args::new(name).extend(m.keys(count))
}

fn sintercard(m: &mut Maker) -> Args {
    const ODD: [&str; 6] = ["0", "-1", "abc", "9", "9223372036854775807", ""];
    let count = 1 + m.rng.below(3);
    let number = match m.rng.below(8) {
        0 => m.rng.pick(&ODD).as_bytes().to_vec(),
        _ => count.to_string().into_bytes(),
    };
    let args = Args::new("SINTERCARD").with(number).extend(m.keys(count));
    match m.rng.below(10) {
        0..=4 => args,
        5..=7 => args.words("LIMIT").number(m.rng.between(0, 4)),
        8 => args.words(m.word_of(&["LIMIT -1", "LIMIT abc", "LIMIT", "NOSUCH 1"])),
        _ => args.words(m.word_of(&["limit 1 LIMIT 2", "LIMIT 9223372036854775807"])),
    }
}

/// A result, often at one of its sources, and how it is stored.
fn stored(m: &mut Maker, name: &str) -> Vec<Step> {
    let count = 2 + m.rng.below(3);
    let keys = m.keys(count);
    let look = encoding(&keys[0]);
    vec![Step::new(Args::new(name).extend(keys), Compare::Exact), look]
}

/// SSCAN from 0 to 0, compared as a set.
fn whole_scan(m: &mut Maker) -> Vec<Step> {
    let mut args = Args::new("SSCAN").with(m.key()).words("0");
    if m.rng.percent(40) {
        args = args.words("MATCH").with(m.pattern());
    }
    if m.rng.percent(40) {
        args = args.words(m.word_of(&["COUNT 1", "COUNT 3", "count 1000"]));
    }
    if m.rng.percent(10) {
        args = args.words(m.word_of(&["COUNT 0", "COUNT abc", "TYPE set", "MATCH", "NOSUCH 1"]));
    }
    // Within a transaction the cursor could not be followed.
    let step = Step::new(args, Compare::Unordered).expecting(Expect::WholeScan);
    vec![Step::exact("DISCARD"), step]
}
