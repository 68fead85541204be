//! The differential test covers what the server has: a command or subcommand in the
//! table without a generator fails here, and so does a generator of nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use shardwright_tests::differential::admitted;
use shardwright_tests::differential::compare::Compare;
use shardwright_tests::differential::families;
use shardwright_tests::differential::sequence::sequence;
use shardwright_tests::{Client, Options, Oracle, Reply, Server};

/// Commands that no sequence holds, and why.
const EXCUSED: &[(&str, &str)] = &[
    ("client|setinfo", "Redis 7.0.15 lacks it: golden replies in client_commands.rs"),
    ("client|no-touch", "Redis 7.0.15 lacks it: golden replies in client_commands.rs"),
    ("waitaof", "Redis 7.0.15 lacks it: golden replies in waitaof.rs"),
];

/// Names of all commands, subcommands as "container|name".
fn names(client: &mut Client) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in client.run("COMMAND").items() {
        names.insert(entry.items()[0].text());
        let subcommands = entry.items()[9].items();
        names.extend(subcommands.iter().map(|sub| sub.items()[0].text()));
    }
    names
}

/// What long sequences hold.
fn generated() -> BTreeSet<String> {
    let steps = (0..200).flat_map(|seed| sequence(seed, 2, 1000));
    let mut seen = BTreeSet::new();
    for step in steps {
        let word =
            |at: usize| step.args.0.get(at).map(|arg| String::from_utf8_lossy(arg).to_lowercase());
        seen.extend(word(0));
        seen.extend(word(0).zip(word(1)).map(|(name, sub)| format!("{name}|{sub}")));
    }
    seen
}

#[test]
fn every_command_has_a_generator() {
    let server = Server::start(Options::shards(2));
    if server.is_shardwright() {
        let (all, generated) = (names(&mut server.client()), generated());
        let excused: BTreeSet<&str> = EXCUSED.iter().map(|(name, _)| *name).collect();
        let missing: Vec<_> = all
            .iter()
            .filter(|name| !generated.contains(*name) && !excused.contains(name.as_str()))
            .collect();
        assert!(
            missing.is_empty(),
            "no generator makes {missing:?}: add them to their family in             tests/src/differential/families"
        );
        let stale: Vec<_> = excused.iter().filter(|name| !all.contains(**name)).collect();
        assert!(stale.is_empty(), "excused, but not in the server: {stale:?}");
    }
    server.finish();
}

#[test]
fn every_generator_is_of_a_command() {
    let (server, oracle) = (Server::start(Options::shards(1)), Oracle::start());
    let (ours, theirs) = (names(&mut server.client()), names(&mut oracle.client()));
    // CLUSTER and its like only answer that there is no cluster, but they are commands too.
    for generator in families::all().filter(|generator| !generator.command.is_empty()) {
        assert!(ours.contains(generator.command), "the server lacks {}", generator.command);
        assert!(theirs.contains(generator.command), "Redis lacks {}", generator.command);
    }
    server.finish();
}

#[test]
fn every_leniency_is_an_admitted_difference() {
    for generator in families::all() {
        if let Compare::Kind(name) | Compare::Admitted(name, _) = generator.compare {
            assert!(admitted::is_admitted(name), "{} refers to {name:?}", generator.command);
        }
    }
}

#[test]
fn the_page_names_each_admitted_difference() {
    let page = include_str!("../../docs/differences.md");
    let told: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let known: BTreeSet<&str> = admitted::ADMITTED.iter().map(|known| known.name).collect();
    assert_eq!(
        told, known,
        "docs/differences.md and the table in admitted.rs name other differences"
    );
    for difference in admitted::ADMITTED {
        let start = page.find(&format!("### {}\n", difference.name)).unwrap();
        let section = page[start..].split("\n### ").next().unwrap();
        let reason = format!("*Reason: {}.*", difference.reason.word());
        assert!(section.contains(&reason), "{:?} does not say {reason:?}", difference.name);
    }
}

#[test]
fn commands_are_listed_once_and_subcommands_too() {
    let server = Server::start(Options::shards(2));
    let mut client = server.client();
    let listed: Vec<String> = client.run("COMMAND LIST").items().iter().map(Reply::text).collect();
    let set: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(set.len(), listed.len());
    assert_eq!(set, names(&mut client));
    let top = set.iter().filter(|name| !name.contains('|')).count();
    assert_eq!(client.run("COMMAND COUNT"), Reply::Int(top as i64));
    server.finish();
}
