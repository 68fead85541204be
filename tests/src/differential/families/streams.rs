//! Stream commands. IDs are given nearly always, from a small range, so that they meet; those that the
//! servers make up, and times, are looked at by their form.

use crate::differential::admitted;
use crate::differential::compare::Compare;
use crate::differential::generator::{Args, Generator, Step, block, exact, one};
use crate::differential::maker::Maker;
use crate::harness::reply::Reply;

/// The two servers read their clocks apart.
const APART_MS: u64 = 10_000;
/// All but times.
pub const TIMES: Compare = Compare::Check(same_but_times);

/// Pending entries, but for how long ago they were delivered.
pub const PENDING: Compare = Compare::Check(same_but_idle);

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    block("xadd", 10, filled),
    block("xadd", 4, by_the_clock),
    exact("xadd", 70, xadd),
    exact("xlen", 8, |m| Args::new("XLEN").with(key(m))),
    exact("xrange", 24, |m| range(m, "XRANGE")),
    exact("xrevrange", 16, |m| range(m, "XREVRANGE")),
    exact("xdel", 24, |m| ids(m, Args::new("XDEL"))),
    exact("xtrim", 24, xtrim),
    exact("xsetid", 10, xsetid),
    exact("xgroup", 36, xgroup),
    one("xgroup", 1, |_| Args::new("XGROUP HELP"), Compare::Kind(admitted::HELP)),
    exact("xread", 20, xread),
    exact("xreadgroup", 50, xreadgroup),
    exact("xack", 20, |m| {
        let args = Args::new("XACK");
        let key = key(m);
        let group = group(m);
        some_ids(m, args.with(key).with(group))
    }),
    one("xpending", 24, xpending, PENDING),
    exact("xclaim", 30, xclaim),
    exact("xautoclaim", 20, xautoclaim),
    exact("xinfo", 8, |m| Args::new("XINFO STREAM").with(key(m))),
    exact("xinfo", 12, |m| Args::new("XINFO GROUPS").with(key(m))),
    one("xinfo", 14, xinfo_full, TIMES),
    one("xinfo", 8, xinfo_consumers, TIMES),
    one("xinfo", 1, |_| Args::new("XINFO HELP"), Compare::Kind(admitted::HELP)),
    exact("xinfo", 2, |m| {
        Args::new("XINFO").words(m.word_of(&["", "NOSUCH", "STREAM", "GROUPS a b"]))
    }),
];

/// Mostly one of a few keys of streams.
fn key(m: &mut Maker) -> Vec<u8> {
    const STREAMS: [&str; 4] = ["s:1", "s:2", "{t1}a", "{t1}b"];
    if m.rng.percent(92) { m.rng.pick(&STREAMS).as_bytes().to_vec() } else { m.key() }
}

fn group(m: &mut Maker) -> Vec<u8> {
    m.word_of(&["g", "g", "g", "g", "h", "h", "nogroup"]).into()
}

fn consumer(m: &mut Maker) -> Vec<u8> {
    m.word_of(&["ada", "ada", "bob", "bob", "cyd", ""]).into()
}

/// An ID: mostly one that may be there, sometimes none that can be read.
fn id(m: &mut Maker) -> Vec<u8> {
    const ODD: [&str; 21] = [
        "0",
        "0-0",
        "0-1",
        "5",
        "7-*",
        "-",
        "+",
        "$",
        ">",
        "abc",
        "1-",
        "-1",
        "1-1-1",
        "",
        " 3-+2",
        "1--1",
        "03",
        "18446744073709551615",
        "18446744073709551615-18446744073709551615",
        "18446744073709551616-0",
        "9223372036854775808-1",
    ];
    match m.rng.below(25) {
        0 => m.rng.pick(&ODD).as_bytes().to_vec(),
        1 => m.rng.between(0, 60).to_string().into_bytes(),
        _ => {
            let (ms, seq) = (m.rng.between(1, 50), m.rng.between(0, 3));
            format!("{ms}-{seq}").into_bytes()
        }
    }
}

fn ids(m: &mut Maker, args: Args) -> Args {
    let key = key(m);
    some_ids(m, args.with(key))
}

fn some_ids(m: &mut Maker, mut args: Args) -> Args {
    for _ in 0..=m.rng.below(4) {
        args = args.with(id(m));
    }
    args
}

/// Fields and values: mostly the same fields, so that nodes have them once.
fn pairs(m: &mut Maker, mut args: Args) -> Args {
    if m.rng.percent(60) {
        return args.words("name").with(m.value()).words("age").with(m.integer());
    }
    for _ in 0..=m.rng.below(3) {
        args = args.with(m.word()).with(m.value());
    }
    args
}

fn xadd(m: &mut Maker) -> Args {
    let mut args = Args::new("XADD").with(key(m));
    if m.rng.percent(10) {
        args = args.words(m.word_of(&["NOMKSTREAM", "nomkstream", "LIMIT 5", "NOSUCH"]));
    }
    if m.rng.percent(20) {
        args = bound(m, args);
    }
    let args = match m.rng.below(10) {
        0 => args.with(format!("{}-*", m.rng.between(1, 50))),
        // Always greater than others, and so accepted; from time to time beyond all of them.
        1..=5 => args.with(format!("{}-{}", m.rng.between(20, 50), m.rng.below(90))),
        _ => args.with(id(m)),
    };
    pairs(m, args)
}

/// What stays when a stream is trimmed.
fn bound(m: &mut Maker, args: Args) -> Args {
    let sign = m.word_of(&["", "=", "~", "~"]);
    let args = match m.rng.below(10) {
        0..=4 => args.words("MAXLEN").words(sign).number(m.rng.between(0, 30)),
        5..=8 => args.words("MINID").words(sign).with(id(m)),
        _ => args.words(m.word_of(&["MAXLEN -1", "maxlen x", "MAXLEN", "MAXLEN 5 MINID 3"])),
    };
    let limited = m.rng.percent(if sign == "~" { 40 } else { 5 });
    if !limited {
        return args;
    }
    args.words(m.word_of(&["LIMIT 3", "LIMIT 0", "LIMIT 10", "limit 100", "LIMIT -1", "LIMIT x"]))
}

fn xtrim(m: &mut Maker) -> Args {
    let key = key(m);
    bound(m, Args::new("XTRIM").with(key))
}

/// A stream of several small nodes, and a group that has read some of it.
fn filled(m: &mut Maker) -> Vec<Step> {
    let key = key(m);
    let entries = m.word_of(&["1", "3", "4", "100", "0", "100"]);
    let bytes = m.word_of(&["4096", "4096", "120", "0"]);
    let settings = Args::new("CONFIG SET stream-node-max-entries")
        .words(entries)
        .words("stream-node-max-bytes");
    let mut steps = vec![Step::exact("DISCARD")];
    let mut push = |args: Args| steps.push(Step::new(args, Compare::Exact));
    push(settings.words(bytes));
    if m.rng.percent(50) {
        push(Args::new("DEL").with(key.clone()));
    }
    let group = group(m);
    push(Args::new("XGROUP CREATE").with(key.clone()).with(group.clone()).words("0 MKSTREAM"));
    for ms in 1..=m.rng.between(3, 16) {
        let args = Args::new("XADD").with(key.clone()).with(format!("{ms}-{}", m.rng.below(3)));
        push(pairs(m, args));
    }
    let read = Args::new("XREADGROUP GROUP").with(group).with(consumer(m)).words("COUNT");
    push(read.number(m.rng.between(1, 9)).words("STREAMS").with(key.clone()).words(">"));
    push(Args::new("XINFO STREAM").with(key));
    steps
}

/// An ID of the server's own making, in a stream that goes again.
fn by_the_clock(m: &mut Maker) -> Vec<Step> {
    let key = key(m);
    let id = m.word_of(&["*", "*", "MAXLEN 2 *", "MINID 5 *"]);
    let add = || pairs(&mut Maker::new(7, 2), Args::new("XADD").with(key.clone()).words(id));
    let del = Args::new("DEL").with(key.clone());
    vec![
        Step::exact("DISCARD"),
        Step::new(del.clone(), Compare::Exact),
        Step::new(add(), Compare::Check(both_now)),
        Step::new(add(), Compare::Check(both_now)),
        Step::new(Args::new("XLEN").with(key.clone()), Compare::Exact),
        Step::new(del, Compare::Exact),
    ]
}

/// Both are IDs by clocks that are not far apart.
fn both_now(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    let ms = |reply: &Reply| {
        let text = reply.text();
        text.split_once('-').and_then(|(ms, _)| ms.parse::<u64>().ok())
    };
    match (ms(ours), ms(theirs)) {
        (Some(ours), Some(theirs)) if ours.abs_diff(theirs) < APART_MS => Ok(()),
        _ => Err("no IDs of the same time".into()),
    }
}

fn range(m: &mut Maker, name: &str) -> Args {
    let end = |m: &mut Maker, open: &'static str| -> Vec<u8> {
        let exclusive = if m.rng.percent(15) { "(" } else { "" };
        match m.rng.below(4) {
            0 => open.into(),
            _ => [exclusive.as_bytes(), &id(m)].concat(),
        }
    };
    let (first, last) = if name == "XRANGE" { ("-", "+") } else { ("+", "-") };
    let args = Args::new(name).with(key(m)).with(end(m, first)).with(end(m, last));
    let count = m.word_of(&[
        "",
        "",
        "",
        "COUNT 1",
        "COUNT 3",
        "count 0",
        "COUNT -1",
        "COUNT x",
        "COUNT",
        "NOSUCH 1",
        "COUNT 1 COUNT 2",
    ]);
    args.words(count)
}

fn xsetid(m: &mut Maker) -> Args {
    let mut args = Args::new("XSETID").with(key(m)).with(id(m));
    if m.rng.percent(30) {
        let added = m.word_of(&["0", "3", "50", "-1", "x", "9223372036854775807"]);
        args = args.words("ENTRIESADDED").words(added);
    }
    if m.rng.percent(30) {
        args = args.words("MAXDELETEDID").with(id(m));
    }
    args
}

fn xgroup(m: &mut Maker) -> Args {
    let (key, group) = (key(m), group(m));
    let of = |name: &str| Args::new(name).with(key.clone()).with(group.clone());
    let until = |m: &mut Maker| if m.rng.percent(30) { b"$".to_vec() } else { id(m) };
    let read = ["", "", "", "ENTRIESREAD 3", "entriesread -1", "ENTRIESREAD -2", "ENTRIESREAD x"];
    match m.rng.below(20) {
        0..=7 => {
            let make = m.word_of(&["", "MKSTREAM", "mkstream", "MKSTREAM MKSTREAM", "NOSUCH"]);
            of("XGROUP CREATE").with(until(m)).words(make).words(m.word_of(&read))
        }
        8..=10 => of("XGROUP SETID").with(until(m)).words(m.word_of(&read)),
        11..=13 => of("XGROUP CREATECONSUMER").with(consumer(m)),
        14..=15 => of("XGROUP DELCONSUMER").with(consumer(m)),
        16..=17 => of("XGROUP DESTROY"),
        18 => of("XGROUP SETID").with(until(m)).words("ENTRIESREAD 1 ENTRIESREAD 2"),
        _ => of("XGROUP").words(m.word_of(&["", "NOSUCH", "CREATE"])),
    }
}

/// Keys, and then as many IDs.
fn streams(m: &mut Maker, args: Args, new: &str) -> Args {
    let count = if m.rng.percent(70) { 1 } else { 2 };
    let keys: Vec<_> = match count {
        1 => vec![key(m)],
        // Of one shard.
        _ => (0..2).map(|_| m.word_of(&["{t1}a", "{t1}b", "{t1}a", "{t1}c"]).into()).collect(),
    };
    let mut args = args.words(m.word_of(&["STREAMS", "streams"])).extend(keys);
    for _ in 0..count {
        args = if m.rng.percent(50) { args.words(new) } else { args.with(id(m)) };
    }
    args
}

fn xread(m: &mut Maker) -> Args {
    let options =
        ["", "", "COUNT 2", "COUNT 0", "COUNT -1", "count x", "NOACK", "GROUP g ada", "X"];
    let args = Args::new("XREAD").words(m.word_of(&options));
    streams(m, args, "0")
}

fn xreadgroup(m: &mut Maker) -> Args {
    let args = Args::new("XREADGROUP").words("GROUP").with(group(m)).with(consumer(m));
    let args = args.words(m.word_of(&["", "", "", "COUNT 1", "COUNT 3", "NOACK", "NOACK COUNT 2"]));
    if m.rng.percent(3) {
        return Args::new("XREADGROUP COUNT 1 NOACK COUNT 1 STREAMS").with(key(m)).words(">");
    }
    streams(m, args, ">")
}

fn xpending(m: &mut Maker) -> Args {
    let args = Args::new("XPENDING").with(key(m)).with(group(m));
    if m.rng.percent(30) {
        return args;
    }
    let idle = m.word_of(&["", "", "", "IDLE 0", "IDLE 9999999", "idle x", "IDLE -5"]);
    let args = args.words(idle);
    let args = if m.rng.percent(60) { args.words("- +") } else { args.with(id(m)).with(id(m)) };
    let args = args.words(m.word_of(&["10", "2", "0", "-1", "x", "1000"]));
    if m.rng.percent(40) { args.with(consumer(m)) } else { args }
}

/// The same pending entries but for the times since they were delivered, which are close.
fn same_but_idle(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    let (Reply::Array(ours), Reply::Array(theirs)) = (ours, theirs) else {
        return Err("replies differ".into());
    };
    let same = |ours: &Reply, theirs: &Reply| match (ours, theirs) {
        (Reply::Array(ours), Reply::Array(theirs)) => match (&ours[..], &theirs[..]) {
            ([a, b, Reply::Int(idle), c], [d, e, Reply::Int(other), f]) => {
                [a, b, c] == [d, e, f] && idle.abs_diff(*other) < APART_MS
            }
            (ours, theirs) => ours == theirs,
        },
        _ => ours == theirs,
    };
    let all = ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b));
    if all { Ok(()) } else { Err("pending entries differ".into()) }
}

fn xclaim(m: &mut Maker) -> Args {
    let args = Args::new("XCLAIM").with(key(m)).with(group(m)).with(consumer(m));
    let idle = m.word_of(&["0", "0", "0", "-1", "9999999", "x"]);
    let mut args = some_ids(m, args.words(idle));
    for _ in 0..m.rng.below(3) {
        args = args.words(m.word_of(&[
            "FORCE",
            "force",
            "JUSTID",
            "IDLE 5",
            "IDLE -5",
            "TIME 5",
            "TIME 99999999999999",
            "RETRYCOUNT 7",
            "RETRYCOUNT -1",
            "LASTID 20-1",
            "LASTID x",
            "NOSUCH",
            "IDLE",
        ]));
    }
    args
}

fn xautoclaim(m: &mut Maker) -> Args {
    let args = Args::new("XAUTOCLAIM").with(key(m)).with(group(m)).with(consumer(m));
    let args = args.words(m.word_of(&["0", "0", "0", "-1", "9999999", "x"]));
    let args = match m.rng.below(4) {
        0 => args.with(id(m)),
        1 => args.with([b"(", &id(m)[..]].concat()),
        _ => args.words("0"),
    };
    args.words(m.word_of(&[
        "",
        "",
        "COUNT 1",
        "COUNT 2",
        "COUNT 0",
        "COUNT x",
        "JUSTID",
        "COUNT 1 JUSTID",
        "NOSUCH",
    ]))
}

fn xinfo_full(m: &mut Maker) -> Args {
    let args = Args::new("XINFO STREAM").with(key(m)).words("FULL");
    args.words(m.word_of(&["", "COUNT 3", "COUNT 0", "count -1", "COUNT x", "COUNT", "NOSUCH 1"]))
}

fn xinfo_consumers(m: &mut Maker) -> Args {
    Args::new("XINFO CONSUMERS").with(key(m)).with(group(m))
}

/// The same shape and the same content but for times, which are close: those since the epoch, and
/// those that have passed since a moment.
fn same_but_times(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    /// No count is as great, all times since the epoch are.
    const EPOCH: i64 = 1_000_000_000_000;
    match (ours, theirs) {
        (Reply::Int(left), Reply::Int(right)) => {
            let is_time = *left > EPOCH && *right > EPOCH;
            let close = is_time && left.abs_diff(*right) < APART_MS;
            if left == right || close { Ok(()) } else { Err("numbers differ".into()) }
        }
        (Reply::Array(left), Reply::Array(right)) if left.len() == right.len() => {
            same_fields(left, right)
        }
        (Reply::Map(left), Reply::Map(right)) if left.len() == right.len() => {
            same_fields(left, right)
        }
        _ if ours == theirs => Ok(()),
        _ => Err("replies differ".into()),
    }
}

/// The same one by one; what stands behind "idle" may be apart.
fn same_fields(left: &[Reply], right: &[Reply]) -> Result<(), String> {
    for (at, (ours, theirs)) in left.iter().zip(right).enumerate() {
        let name = at.checked_sub(1).map(|at| left[at].clone());
        let is_idle = matches!(name, Some(Reply::Bulk(name)) if name == b"idle");
        match (ours, theirs) {
            (Reply::Int(left), Reply::Int(right))
                if is_idle && left.abs_diff(*right) < APART_MS => {}
            _ => same_but_times(ours, theirs)?,
        }
    }
    Ok(())
}
