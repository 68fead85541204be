//! Publish and subscribe, as far as one connection can do it alone and each command has one reply:
//! what several clients see of each other is compared in `tests/pubsub.rs`.

use crate::differential::admitted;
use crate::differential::compare::Compare;
use crate::differential::generator::{Args, Generator, Step, block, exact, one};
use crate::differential::maker::Maker;

/// The family's table.
pub const GENERATORS: &[Generator] = &[
    exact("publish", 4, |m| publish(m, "PUBLISH")),
    exact("spublish", 3, |m| publish(m, "SPUBLISH")),
    block("subscribe", 2, |m| while_subscribed(m, "SUBSCRIBE", "UNSUBSCRIBE")),
    block("psubscribe", 2, |m| while_subscribed(m, "PSUBSCRIBE", "PUNSUBSCRIBE")),
    block("ssubscribe", 2, |m| while_subscribed(m, "SSUBSCRIBE", "SUNSUBSCRIBE")),
    exact("unsubscribe", 2, |m| Args::new(m.word_of(&["UNSUBSCRIBE", "UNSUBSCRIBE none"]))),
    exact("punsubscribe", 2, |m| Args::new(m.word_of(&["PUNSUBSCRIBE", "PUNSUBSCRIBE n*"]))),
    exact("sunsubscribe", 2, |m| Args::new(m.word_of(&["SUNSUBSCRIBE", "SUNSUBSCRIBE none"]))),
    exact("subscribe", 1, |m| {
        Args::new(m.word_of(&[
            "SUBSCRIBE",
            "PSUBSCRIBE",
            "SSUBSCRIBE",
            "PUBLISH a",
            "SPUBLISH a b c",
        ]))
    }),
    exact("pubsub", 5, pubsub),
    one("pubsub", 1, |_| Args::new("PUBSUB HELP"), Compare::Kind(admitted::HELP)),
];

/// To a channel that nobody listens to: a message of one's own would be another reply.
fn publish(m: &mut Maker, name: &str) -> Args {
    Args::new(name).with(m.word_of(&["news", "other", ""])).with(m.value())
}

/// What a client can do while it listens to something, in a transaction or not.
fn while_subscribed(m: &mut Maker, begin: &str, end: &str) -> Vec<Step> {
    let name = m.word_of(&["sub:a", "sub:b", "sub:*", "sub:[ab]"]);
    let (begin, all, end) = (format!("{begin} {name}"), end.to_owned(), format!("{end} {name}"));
    let between = [
        "PING",
        "PING x",
        "GET a",
        "PUBSUB NUMSUB sub:a sub:b",
        "PUBSUB CHANNELS sub:*",
        "PUBSUB SHARDCHANNELS",
        "PUBSUB NUMPAT",
        "PUBLISH news x",
        "SELECT 0",
        "MULTI",
        "EXEC",
        "CONFIG GET maxclients",
    ];
    let mut lines = vec!["DISCARD".to_owned(), begin];
    for _ in 0..m.rng.below(4) {
        lines.push(m.word_of(&between).to_owned());
    }
    // What is queued by now is run or dropped, whichever protocol it was.
    lines.push("DISCARD".to_owned());
    lines.push(if m.rng.percent(50) { end } else { all });
    lines.iter().map(|line| Step::exact(line)).collect()
}

fn pubsub(m: &mut Maker) -> Args {
    Args::new(m.word_of(&[
        "PUBSUB CHANNELS",
        "PUBSUB CHANNELS n*",
        "PUBSUB CHANNELS a b",
        "PUBSUB SHARDCHANNELS x y",
        "PUBSUB SHARDCHANNELS *",
        "PUBSUB NUMSUB",
        "PUBSUB NUMSUB a b",
        "PUBSUB SHARDNUMSUB",
        "PUBSUB SHARDNUMSUB a",
        "PUBSUB NUMPAT",
        "PUBSUB NUMPAT x",
        "PUBSUB NOSUCH",
        "PUBSUB",
    ]))
}
