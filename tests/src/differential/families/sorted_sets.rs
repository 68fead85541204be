//! Sorted set commands.

use crate::differential::compare::{Compare, same_kind};
use crate::differential::generator::{Args, Expect, Generator, Step, block, exact};
use crate::differential::maker::Maker;
use crate::harness::reply::Reply;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    exact("zadd", 60, zadd),
    block("zadd", 6, grown),
    block("zadd", 3, around_thresholds),
    exact("sadd", 8, |m| {
        let count = 1 + m.rng.below(4);
        (0..count).fold(Args::new("SADD {z}set"), |args, _| args.with(member(m)))
    }),
    exact("zrem", 10, |m| {
        let count = 1 + m.rng.below(3);
        let args = Args::new("ZREM").with(key(m));
        (0..count).fold(args, |args, _| args.with(member(m)))
    }),
    exact("zscore", 10, |m| Args::new("ZSCORE").with(key(m)).with(member(m))),
    exact("zmscore", 8, |m| Args::new("ZMSCORE").with(key(m)).with(member(m)).with(member(m))),
    exact("zincrby", 20, |m| Args::new("ZINCRBY").with(key(m)).with(score(m)).with(member(m))),
    exact("zcard", 6, |m| Args::new("ZCARD").with(key(m))),
    exact("zcount", 10, |m| scores(m, Args::new("ZCOUNT"))),
    exact("zlexcount", 8, |m| names(m, Args::new("ZLEXCOUNT"))),
    block("zrank", 8, |m| rank(m, "ZRANK")),
    block("zrevrank", 8, |m| rank(m, "ZREVRANK")),
    exact("zrange", 30, zrange),
    exact("zrangestore", 16, |m| {
        let source = zrange(m);
        let args = Args::new("ZRANGESTORE").with(key(m)).extend(source.0.into_iter().skip(1));
        Args(args.0.into_iter().filter(|word| word != b"WITHSCORES").collect())
    }),
    exact("zrangebyscore", 14, |m| limited(m, "ZRANGEBYSCORE", scores)),
    exact("zrevrange", 10, |m| limited(m, "ZREVRANGE", ranks)),
    exact("zrevrangebyscore", 14, |m| limited(m, "ZREVRANGEBYSCORE", scores)),
    exact("zrangebylex", 10, |m| limited(m, "ZRANGEBYLEX", names)),
    exact("zrevrangebylex", 10, |m| limited(m, "ZREVRANGEBYLEX", names)),
    exact("zremrangebyrank", 5, |m| ranks(m, Args::new("ZREMRANGEBYRANK"))),
    exact("zremrangebyscore", 5, |m| scores(m, Args::new("ZREMRANGEBYSCORE"))),
    exact("zremrangebylex", 4, |m| names(m, Args::new("ZREMRANGEBYLEX"))),
    exact("zpopmin", 8, |m| pop(m, "ZPOPMIN")),
    exact("zpopmax", 8, |m| pop(m, "ZPOPMAX")),
    exact("zmpop", 10, zmpop),
    exact("zunion", 14, |m| combined(m, Args::new("ZUNION"), true)),
    exact("zinter", 14, |m| combined(m, Args::new("ZINTER"), true)),
    exact("zdiff", 10, |m| combined(m, Args::new("ZDIFF"), true)),
    exact("zintercard", 10, zintercard),
    exact("zunionstore", 12, |m| stored(m, "ZUNIONSTORE")),
    exact("zinterstore", 12, |m| stored(m, "ZINTERSTORE")),
    exact("zdiffstore", 10, |m| stored(m, "ZDIFFSTORE")),
    // A block, which loses no word: Redis would begin to serve the most negative number.
    block("zrandmember", 8, |m| vec![Step::new(some_at_random(m), Compare::Check(same_length))]),
    block("zrandmember", 4, all_at_random),
    block("zscan", 10, scan),
];

/// With just the arguments that Redis 7.0.15 takes: what one more means there is an error.
fn rank(m: &mut Maker, name: &str) -> Vec<Step> {
    vec![Step::new(Args::new(name).with(key(m)).with(member(m)), Compare::Exact)]
}

/// Mostly a key of a few that share a slot, so that they meet.
fn key(m: &mut Maker) -> Vec<u8> {
    match m.rng.below(10) {
        0 => m.key(),
        1 => b"{z}none".to_vec(),
        _ => m.word_of(&["{z}a", "{z}b", "{z}c", "{z}d"]).into(),
    }
}

/// A key whose members all have the same score, or one that is no sorted set.
fn named_key(m: &mut Maker) -> Vec<u8> {
    match m.rng.below(12) {
        0 => b"{z}none".to_vec(),
        1 => m.key(),
        _ => b"{z}lex".to_vec(),
    }
}

fn member(m: &mut Maker) -> Vec<u8> {
    match m.rng.below(10) {
        0 => m.value(),
        1 => m.rng.between(-3, 300).to_string().into_bytes(),
        2 | 3 => m.rng.below(12).to_string().into_bytes(),
        4 => vec![b'l'; 60 + m.rng.below(8)],
        _ => m.word_of(&["a", "b", "c", "d", "e", "f", "g", "ab", "abc", "B", ""]).into(),
    }
}

fn score(m: &mut Maker) -> Vec<u8> {
    match m.rng.below(10) {
        0 => m.float(),
        1 => m.integer(),
        2 => format!("{}.{}", m.rng.between(-20, 20), m.rng.below(1000)).into_bytes(),
        3 => m.word_of(&["1e18", "5e18", "-4611686018427387905", "1e-7", "3.3e300"]).into(),
        _ => m.rng.between(-10, 30).to_string().into_bytes(),
    }
}

fn zadd(m: &mut Maker) -> Args {
    if m.rng.percent(25) {
        let args = Args::new("ZADD {z}lex");
        let count = 1 + m.rng.below(5);
        return (0..count).fold(args, |args, _| args.words("0").with(member(m)));
    }
    let mut args = Args::new("ZADD").with(key(m));
    if m.rng.percent(40) {
        for _ in 0..=m.rng.below(2) {
            args = args.words(m.word_of(&["NX", "XX", "GT", "LT", "CH", "INCR", "xx", "ch"]));
        }
    }
    let count = 1 + m.rng.below(4);
    (0..count).fold(args, |args, _| args.with(score(m)).with(member(m)))
}

/// A sorted set that grows over the bound of the small form, and what is left of it is shown.
fn grown(m: &mut Maker) -> Vec<Step> {
    let key = key(m);
    let members = 100 + m.rng.below(60);
    let steps = 1 + m.rng.below(4) as i64;
    let args = Args::new("ZADD").with(key.clone());
    let args = (0..members as i64).fold(args, |args, n| {
        args.number(n * 7_919 % 101 / steps).with(format!("m{}", n * 31 % 997))
    });
    let show = |line: &str| Step::new(Args::new(line).with(key.clone()), Compare::Exact);
    vec![
        Step::new(args, Compare::Exact),
        show("OBJECT ENCODING"),
        show("DEBUG DIGEST-VALUE"),
        Step::new(Args::new("ZRANGE").with(key.clone()).words("0 -1 WITHSCORES"), Compare::Exact),
    ]
}

/// Small bounds of the small form, so that it is left early and made of results.
fn around_thresholds(m: &mut Maker) -> Vec<Step> {
    let (key, other) = (key(m), key(m));
    let (entries, value) = (m.rng.below(6), m.rng.below(5));
    let mut steps = vec![
        Step::exact(&format!("CONFIG SET zset-max-listpack-entries {entries}")),
        Step::exact(&format!("CONFIG SET zset-max-listpack-value {value}")),
        Step::new(Args::new("DEL").with(key.clone()), Compare::Exact),
    ];
    let encoding =
        |key: &Vec<u8>| Step::new(Args::new("OBJECT ENCODING").with(key.clone()), Compare::Exact);
    for _ in 0..3 {
        let args = Args::new("ZADD").with(key.clone());
        let count = 1 + m.rng.below(3);
        let args = (0..count).fold(args, |args, _| args.with(score(m)).with(member(m)));
        steps.extend([Step::new(args, Compare::Exact), encoding(&key)]);
    }
    let union = Args::new("ZUNIONSTORE {z}d 2").with(key.clone()).with(other);
    let range = Args::new("ZRANGESTORE {z}c").with(key).words("0 2");
    steps.extend([
        Step::new(union, Compare::Exact),
        encoding(&b"{z}d".to_vec()),
        Step::new(range, Compare::Exact),
        encoding(&b"{z}c".to_vec()),
        Step::exact("CONFIG SET zset-max-listpack-entries 128 zset-max-listpack-value 64"),
    ]);
    steps
}

fn bound(m: &mut Maker) -> Vec<u8> {
    let open = m.word_of(&["", "", "("]);
    let number = match m.rng.below(12) {
        0 => m.word_of(&["", " 3", "1e400", "nan", "x", "3 ", "(1"]).into(),
        1 | 2 => m.word_of(&["-inf", "+inf", "inf"]).into(),
        _ => score(m),
    };
    [open.as_bytes(), &number].concat()
}

fn name(m: &mut Maker) -> Vec<u8> {
    match m.rng.below(10) {
        0 => m.word_of(&["-", "+", "+x", "", "a", "-1", "[", "("]).into(),
        1 | 2 => b"-".to_vec(),
        3 | 4 => b"+".to_vec(),
        _ => [m.word_of(&["[", "("]).as_bytes(), &member(m)].concat(),
    }
}

fn scores(m: &mut Maker, args: Args) -> Args {
    let args = args.with(key(m));
    if m.rng.percent(40) { args.words("-inf +inf") } else { args.with(bound(m)).with(bound(m)) }
}

fn names(m: &mut Maker, args: Args) -> Args {
    let args = args.with(named_key(m));
    args.with(name(m)).with(name(m))
}

fn ranks(m: &mut Maker, args: Args) -> Args {
    let args = args.with(key(m));
    if m.rng.percent(30) {
        return args.words("0 -1");
    }
    args.with(m.index()).with(m.index())
}

fn options(m: &mut Maker, args: Args) -> Args {
    let args = if m.rng.percent(40) { args.words("WITHSCORES") } else { args };
    if m.rng.percent(70) {
        return args;
    }
    let (offset, count) = (m.rng.between(-1, 6), m.rng.between(-1, 6));
    args.words("LIMIT").number(offset).number(count)
}

fn limited(m: &mut Maker, name: &str, range: fn(&mut Maker, Args) -> Args) -> Args {
    let args = range(m, Args::new(name));
    options(m, args)
}

fn zrange(m: &mut Maker) -> Args {
    let args = Args::new("ZRANGE");
    let args = match m.rng.below(5) {
        0 | 1 => ranks(m, args),
        2 | 3 => scores(m, args).words("BYSCORE"),
        _ => names(m, args).words("BYLEX"),
    };
    let args = if m.rng.percent(40) { args.words("REV") } else { args };
    options(m, args)
}

fn count(m: &mut Maker) -> Vec<u8> {
    match m.rng.below(6) {
        0 => m.integer(),
        1 => b"0".to_vec(),
        _ => m.rng.below(5).to_string().into_bytes(),
    }
}

fn pop(m: &mut Maker, name: &str) -> Args {
    let args = Args::new(name).with(key(m));
    if m.rng.percent(50) { args } else { args.with(count(m)) }
}

/// A number of keys and the keys, mostly as many.
fn numbered(m: &mut Maker, args: Args) -> (Args, usize) {
    let number = 1 + m.rng.below(3);
    let told = match m.rng.below(20) {
        0 => m.integer(),
        1 => (number + 1).to_string().into_bytes(),
        2 => b"0".to_vec(),
        _ => number.to_string().into_bytes(),
    };
    let args = args.with(told);
    // Plain sets may take part where sets are put together.
    let set = args.0[0] != b"ZMPOP" && m.rng.percent(25);
    let args = if set { args.words("{z}set") } else { args.with(key(m)) };
    let args = (1..number).fold(args, |args, _| args.with(key(m)));
    (args, number)
}

fn zmpop(m: &mut Maker) -> Args {
    let (args, _) = numbered(m, Args::new("ZMPOP"));
    let args = args.words(m.word_of(&["MIN", "MAX", "max", "FOO"]));
    if m.rng.percent(50) { args } else { args.words("COUNT").with(count(m)) }
}

fn combined(m: &mut Maker, args: Args, given: bool) -> Args {
    let combines = args.0[0] != b"ZDIFF" && args.0[0] != b"ZDIFFSTORE";
    let (mut args, number) = numbered(m, args);
    if (combines || m.rng.percent(5)) && m.rng.percent(40) {
        args = args.words("WEIGHTS");
        args = (0..number).fold(args, |args, _| args.with(score(m)));
    }
    if (combines || m.rng.percent(5)) && m.rng.percent(40) {
        args = args.words("AGGREGATE").words(m.word_of(&["SUM", "MIN", "MAX", "sum", "AVG"]));
    }
    if m.rng.percent(if given { 50 } else { 3 }) { args.words("WITHSCORES") } else { args }
}

fn stored(m: &mut Maker, name: &str) -> Args {
    let args = Args::new(name).with(key(m));
    combined(m, args, false)
}

fn zintercard(m: &mut Maker) -> Args {
    let (args, _) = numbered(m, Args::new("ZINTERCARD"));
    if m.rng.percent(50) { args } else { args.words("LIMIT").with(count(m)) }
}

/// As many members, whichever.
fn same_length(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    same_kind(ours, theirs)?;
    let length =
        |reply: &Reply| if matches!(reply.kind(), '$' | '_') { 1 } else { reply.items().len() };
    let (left, right) = (length(ours), length(theirs));
    if left == right { Ok(()) } else { Err(format!("{left} elements instead of {right}")) }
}

fn some_at_random(m: &mut Maker) -> Args {
    let args = Args::new("ZRANDMEMBER").with(key(m));
    match m.rng.below(6) {
        0 => args,
        1 => args.words(m.word_of(&["x", "-9223372036854775808", "1 FOO", "1 WITHSCORES x"])),
        2 => args.words("-9223372036854775807 WITHSCORES"),
        3 => args.number(m.rng.between(0, 9)).words("WITHSCORES"),
        4 => args.number(m.rng.between(-9, -1)).words("WITHSCORES"),
        _ => args.number(m.rng.between(-9, 9)),
    }
}

/// What chance cannot change: all members are asked for, or there is one.
fn all_at_random(m: &mut Maker) -> Vec<Step> {
    let mut steps = vec![
        Step::exact("DEL {z}a"),
        Step::exact("ZADD {z}a 1.5 only"),
        Step::exact("ZRANDMEMBER {z}a -3 WITHSCORES"),
        Step::exact("ZRANDMEMBER {z}a 1"),
        Step::exact("ZRANDMEMBER {z}a"),
    ];
    for words in ["1000", "1000 WITHSCORES"] {
        let all = Args::new("ZRANDMEMBER").with(key(m)).words(words);
        steps.push(Step::new(all, Compare::Exact));
    }
    steps
}

fn scan(m: &mut Maker) -> Vec<Step> {
    let scan = Args::new("ZSCAN").with(key(m));
    if m.rng.percent(20) {
        let refused = ["x", "0 COUNT 0", "0 COUNT", "0 MATCH", "0 TYPE zset", "0 NOVALUES"];
        return vec![Step::new(scan.words(m.word_of(&refused)), Compare::Exact)];
    }
    let scan = scan.words("0");
    let scan = match m.rng.below(4) {
        0 => scan.words("COUNT").number(m.rng.between(1, 40)),
        1 => scan.words("MATCH").with(m.pattern()),
        _ => scan,
    };
    // Within a transaction the cursor could not be followed.
    let scan = Step::new(scan, Compare::Unordered).expecting(Expect::WholeScan);
    vec![Step::exact("DISCARD"), scan]
}
