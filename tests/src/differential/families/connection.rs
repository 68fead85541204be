//! Commands on the connection, and what is no command at all.

use crate::differential::admitted;
use crate::differential::compare::{Compare, same_kind};
use crate::differential::generator::{Args, Expect, Generator, Step, block, exact, one};
use crate::differential::maker::Maker;
use crate::harness::reply::Reply;

const HELLO: Compare = Compare::Admitted(admitted::CLIENT_ID, same_hello);
const LINE: Compare = Compare::Kind(admitted::CLIENT_LINE);

/// The password that sequences set for a moment.
pub const PASSWORD: &str = "secret";

/// The family's table. Generators without a command's name make what is no command.
pub const GENERATORS: &[Generator] = &[
    exact("ping", 6, ping),
    exact("echo", 6, |m| Args::new("ECHO").with(m.value())),
    one("hello", 4, hello, HELLO),
    exact("auth", 3, auth),
    block("auth", 1, with_password),
    exact("select", 10, |m| Args::new("SELECT").with(m.db())),
    block("quit", 1, |_| vec![Step::exact("QUIT").expecting(Expect::ReplyThenClose)]),
    block("reset", 2, reset),
    one("client", 2, |_| Args::new("CLIENT ID"), Compare::Kind(admitted::CLIENT_ID)),
    one("client", 2, |_| Args::new("CLIENT INFO"), LINE),
    one("client", 2, client_list, LINE),
    exact("client", 4, |_| Args::new("CLIENT GETNAME")),
    exact("client", 6, client_setname),
    exact("client", 5, client_kill),
    exact("client", 3, |m| {
        Args::new(m.word_of(&[
            "CLIENT UNBLOCK 999999999",
            "CLIENT UNBLOCK 999999999 TIMEOUT",
            "CLIENT UNBLOCK 999999999 error",
            "CLIENT UNBLOCK 999999999 NEVER",
            "CLIENT UNBLOCK abc",
            "CLIENT UNBLOCK",
        ]))
    }),
    block("client", 4, client_reply),
    one("client", 1, |_| Args::new("CLIENT HELP"), Compare::Kind(admitted::HELP)),
    exact("client", 2, |m| {
        Args::new(m.word_of(&["CLIENT NOSUCH", "CLIENT REPLY MAYBE", "CLIENT ID 1 2", "CLIENT"]))
    }),
    block("", 10, inline),
    exact("", 4, unknown),
    block("", 2, protocol_error),
];

fn ping(m: &mut Maker) -> Args {
    match m.rng.below(3) {
        0 => Args::new("PING"),
        1 => Args::new("PING").with(m.value()),
        _ => Args::new("PING").with(m.value()).with(m.value()),
    }
}

fn hello(m: &mut Maker) -> Args {
    let usual = if m.protocol == 3 { "HELLO 3" } else { "HELLO 2" };
    if m.rng.percent(60) {
        return Args::new(usual);
    }
    Args::new(m.word_of(&[
        "HELLO",
        "HELLO 2",
        "HELLO 3",
        "HELLO 4",
        "HELLO 1",
        "HELLO abc",
        "HELLO 3 SETNAME",
        "HELLO 2 NOSUCH",
        "HELLO 3 SETNAME bob",
        "hello 2 setname ann",
        "HELLO 3 AUTH nosuch x",
        "HELLO 2 AUTH default any",
        "HELLO 3 AUTH default",
    ]))
}

fn auth(m: &mut Maker) -> Args {
    Args::new(m.word_of(&[
        "AUTH secret",
        "AUTH default any",
        "AUTH nosuch secret",
        "AUTH a b c",
        "AUTH",
    ]))
}

fn with_password(m: &mut Maker) -> Vec<Step> {
    let wrong = m.word_of(&["AUTH wrong", "AUTH default wrong", "AUTH nosuch secret"]);
    let right = m.word_of(&["AUTH secret", "AUTH default secret"]);
    ["DISCARD", "CONFIG SET requirepass secret", wrong, "GET a", right, "CONFIG GET requirepass"]
        .into_iter()
        .chain(["CONFIG SET requirepass "])
        .map(Step::exact)
        .collect()
}

fn reset(m: &mut Maker) -> Vec<Step> {
    let hello = if m.protocol == 3 { "HELLO 3" } else { "HELLO 2" };
    vec![Step::exact("RESET"), Step::new(Args::new(hello), HELLO)]
}

fn client_list(m: &mut Maker) -> Args {
    Args::new(m.word_of(&[
        "CLIENT LIST",
        "CLIENT LIST TYPE normal",
        "CLIENT LIST TYPE pubsub",
        "CLIENT LIST TYPE nosuch",
        "CLIENT LIST ID 1 2 3",
        "CLIENT LIST ID abc",
        "CLIENT LIST NOSUCH",
        "CLIENT LIST ID",
    ]))
}

fn client_setname(m: &mut Maker) -> Args {
    let args = Args::new("CLIENT SETNAME");
    match m.rng.below(4) {
        0 => args.with(""),
        1 => args.with("with space"),
        2 => args.with(m.value()),
        _ => args.with(m.word()),
    }
}

/// Kills nobody: what a killed client sees is for `client.rs`.
fn client_kill(m: &mut Maker) -> Args {
    Args::new(m.word_of(&[
        "CLIENT KILL 1.2.3.4:5",
        "CLIENT KILL ID 999999999",
        "CLIENT KILL ID abc",
        "CLIENT KILL ID 0",
        "CLIENT KILL ID -1",
        "CLIENT KILL TYPE pubsub",
        "CLIENT KILL TYPE nosuch",
        "CLIENT KILL TYPE replica",
        "CLIENT KILL USER nosuch",
        "CLIENT KILL ADDR 1.2.3.4:5",
        "CLIENT KILL LADDR 1.2.3.4:5",
        "CLIENT KILL ID 999999999 SKIPME yes",
        "CLIENT KILL ID 999999999 SKIPME no",
        "CLIENT KILL ID 999999999 SKIPME maybe",
        "CLIENT KILL NOSUCH 1",
        "CLIENT KILL ID",
        "CLIENT KILL",
        "CLIENT KILL ID 999999999 ADDR",
    ]))
}

fn client_reply(m: &mut Maker) -> Vec<Step> {
    let silent = |line: &str| Step::exact(line).expecting(Expect::Silence);
    let set = |m: &mut Maker| {
        let args = Args::new("SET").with(m.key()).with(m.value());
        Step::new(args, Compare::Exact).expecting(Expect::Silence)
    };
    let mut steps = vec![Step::exact("DISCARD")];
    if m.rng.percent(50) {
        let lines =
            ["CLIENT REPLY OFF", "GET a", "NOSUCH", "CLIENT REPLY SKIP", "CLIENT REPLY MAYBE"];
        let quiet = 1 + m.rng.below(lines.len());
        steps.extend(lines[..quiet].iter().copied().map(silent));
        steps.push(set(m));
        steps.push(Step::exact("CLIENT REPLY ON"));
    } else {
        steps.extend([silent("CLIENT REPLY SKIP"), set(m), Step::exact("CLIENT REPLY ON")]);
    }
    steps.push(Step::exact("PING after"));
    steps
}

fn inline(m: &mut Maker) -> Vec<Step> {
    const LINES: [&[u8]; 16] = [
        b"PING\r\n",
        b"PING\n",
        b"  ping   hello  \r\n",
        b"SET foo bar\r\n",
        b"set foo \"two words\"\r\n",
        b"SET foo \"\\x00\\xff\\n\\r\\t\\a\\b\\\\\\\"\"\r\n",
        b"SET 'foo' 'it\\'s \\x00'\r\n",
        b"GET foo\r\n",
        b"GET \"foo\"\n",
        b"\r\n\r\n\nECHO x\r\n",
        b"NOSUCH a b\r\n",
        b"GET\r\n",
        b"*0\r\nPING\r\n",
        b"*-1\r\nPING\r\n",
        b"*-10\r\nPING two\r\n",
        b"MGET foo bar {t1}a\r\n",
    ];
    let line = m.rng.pick(&LINES);
    let mut step = Step::exact("(inline)");
    step.inline = Some(line.to_vec());
    vec![step]
}

fn unknown(m: &mut Maker) -> Args {
    let name = m.word_of(&["NOSUCH", "get2", "", "SET ", "nosuch\r\nname", "ZZZ"]);
    let count = m.rng.below(5);
    (0..count).fold(Args::default().with(name), |args, _| args.with(m.value()))
}

fn protocol_error(m: &mut Maker) -> Vec<Step> {
    const ERRORS: [&[u8]; 14] = [
        b"*abc\r\n",
        b"*99999999999999999999\r\n",
        b"*2147483648\r\n",
        b"*1 \r\n",
        b"*2\r\n+PING\r\n",
        b"*1\r\n:5\r\n",
        b"*1\r\n$abc\r\n",
        b"*1\r\n$-1\r\n",
        b"*1\r\n$-5\r\n",
        b"*1\r\n$536870913\r\n",
        b"*1\r\n$99999999999999999999\r\n",
        b"GET \"foo\r\n",
        b"GET 'foo\r\n",
        b"GET \"foo\"bar\r\n",
    ];
    let bytes = m.rng.pick(&ERRORS);
    let mut step = Step::exact("(protocol error)").expecting(Expect::ReplyThenClose);
    step.inline = Some(bytes.to_vec());
    vec![step]
}

/// The same fields in the same order, but for the value of `id`.
fn same_hello(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    same_kind(ours, theirs)?;
    if !matches!(theirs, Reply::Map(_) | Reply::Array(_)) {
        return Err("replies differ".into());
    }
    let without_id = |reply: &Reply| {
        let mut items = reply.items().to_vec();
        if let Some(at) = items.iter().position(|item| *item == Reply::Bulk(b"id".to_vec())) {
            items[at + 1] = Reply::Int(items[at + 1].int().signum());
        }
        items
    };
    if without_id(ours) == without_id(theirs) { Ok(()) } else { Err("fields differ".into()) }
}
