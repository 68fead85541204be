//! Every example on the page of commands is true: typed into a server without data, it gives the
//! replies that the page shows, as redis-cli shows them. Redis itself gives the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::net::SocketAddr;

use shardwright_tests::{Client, Options, Oracle, Reply, Server};

/// Examples that redis-server 7.0.15 does not give, and why.
const NOT_IN_REDIS: &[(&str, &str)] = &[
    ("CLIENT NO-TOUCH", "came with Redis 7.2"),
    ("CLIENT SETINFO", "came with Redis 7.2"),
    ("DEBUG", "STRINGMATCH-LEN is STRINGMATCH-TEST there, and something else"),
    ("MEMORY HELP", "help texts are our own"),
    ("OBJECT HELP", "help texts are our own"),
    ("WAITAOF", "came with Redis 7.2"),
    ("XGROUP HELP", "help texts are our own"),
    ("XINFO HELP", "help texts are our own"),
];

/// What is typed and what is shown for it.
struct Exchange {
    typed: String,
    shown: String,
}

/// Commands with their examples, from the page, which another test keeps like the command table.
fn examples() -> Vec<(String, Vec<Exchange>)> {
    let page = include_str!("../../docs/commands.md");
    let sections = page.split("\n### ").skip(1);
    let examples = sections.filter_map(|section| {
        let (title, rest) = section.split_once('\n')?;
        let text = rest.split("\n```\n").nth(1)?;
        Some((title.to_owned(), exchanges(text)))
    });
    examples.collect()
}

fn exchanges(text: &str) -> Vec<Exchange> {
    let mut found: Vec<Exchange> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("> "), found.last_mut()) {
            (Some(typed), _) => {
                found.push(Exchange { typed: typed.to_owned(), shown: String::new() });
            }
            (None, Some(exchange)) => exchange.shown.extend([line, "\n"]),
            (None, None) => panic!("an example begins with what is typed, not {line:?}"),
        }
    }
    found
}

/// The words of a line, with redis-cli's quotes.
fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start().as_bytes();
    while let Some(&first) = rest.first() {
        let (word, after) = match first {
            b'"' => quoted(&rest[1..]),
            b'\'' => {
                let end =
                    rest[1..].iter().position(|&byte| byte == b'\'').expect("a closing quote");
                (rest[1..=end].to_vec(), &rest[end + 2..])
            }
            _ => {
                let end = rest.iter().position(|&byte| byte == b' ').unwrap_or(rest.len());
                (rest[..end].to_vec(), &rest[end..])
            }
        };
        words.push(word);
        rest = after.trim_ascii_start();
    }
    words
}

/// What stands before the closing quote, unescaped, and what follows it.
fn quoted(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let (mut word, mut at) = (Vec::new(), 0);
    loop {
        match text[at..] {
            [b'"', ..] => return (word, &text[at + 1..]),
            [b'\\', b'x', high, low, ..] => {
                let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hex digit") as u8;
                word.push(digit(high) * 16 + digit(low));
                at += 4;
            }
            [b'\\', escaped, ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'a' => 7,
                    b'b' => 8,
                    other => other,
                });
                at += 2;
            }
            [byte, ..] => {
                word.push(byte);
                at += 1;
            }
            [] => panic!("a closing quote is missing"),
        }
    }
}

/// The reply as redis-cli shows it on a terminal, each line ended.
fn shown(reply: &Reply, indent: &str) -> String {
    match reply {
        Reply::Simple(text) => format!("{}\n", text.escape_ascii()),
        Reply::Error(text) => format!("(error) {}\n", String::from_utf8_lossy(text)),
        Reply::Int(number) => format!("(integer) {number}\n"),
        Reply::Bulk(text) => format!("{}\n", in_quotes(text)),
        Reply::Null => "(nil)\n".into(),
        Reply::Array(items) if items.is_empty() => "(empty array)\n".into(),
        Reply::Array(items) => {
            let width = items.len().to_string().len();
            let deeper = format!("{indent}{}", " ".repeat(width + 2));
            let mut text = String::new();
            for (at, item) in items.iter().enumerate() {
                let indent = if at == 0 { "" } else { indent };
                text.push_str(&format!("{indent}{:>width$}) {}", at + 1, shown(item, &deeper)));
            }
            text
        }
        other => panic!("examples speak RESP2, which has no {other:?}"),
    }
}

fn in_quotes(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => text.extend(['\\', char::from(byte)]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            7 => text.push_str("\\a"),
            8 => text.push_str("\\b"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text + "\""
}

/// Types the example on a connection of its own into a server without data; what came otherwise.
fn differences(address: SocketAddr, example: &[Exchange]) -> Vec<String> {
    let mut client = Client::connect(address).unwrap();
    assert!(client.run("FLUSHALL").is_ok());
    let mut found = Vec::new();
    for Exchange { typed, shown: expected } in example {
        let got = shown(&client.cmd(&words(typed)), "");
        if got != *expected {
            found.push(format!("> {typed}\n{got}instead of\n{expected}"));
        }
    }
    found
}

/// What came otherwise, by the command whose example it is.
fn all_differences(address: SocketAddr) -> BTreeMap<String, String> {
    let all = examples().into_iter().map(|(title, example)| {
        let found = differences(address, &example).join("\n");
        (title, found)
    });
    all.filter(|(_, found)| !found.is_empty()).collect()
}

#[track_caller]
fn assert_none(differences: &BTreeMap<String, String>) {
    let reports: Vec<String> =
        differences.iter().map(|(title, found)| format!("### {title}\n{found}")).collect();
    assert!(reports.is_empty(), "{}", reports.join("\n"));
}

#[test]
fn every_example_is_true() {
    for shards in [1, 3] {
        let server = Server::start(Options::shards(shards));
        assert_none(&all_differences(server.address()));
        server.finish();
    }
}

#[test]
fn redis_gives_what_the_examples_show() {
    let oracle = Oracle::start();
    let mut found = all_differences(oracle.address());
    for (title, why) in NOT_IN_REDIS {
        assert!(found.remove(*title).is_some(), "{title} is excused without need: {why}");
    }
    assert_none(&found);
}

#[test]
fn lines_are_split_and_replies_shown_as_redis_cli_does() {
    let split = words(r#"SET  k "a \"b\x41\n" 'c d' e"#);
    assert_eq!(split, [b"SET".as_slice(), b"k", b"a \"bA\n", b"c d", b"e"]);
    let reply = Reply::parse(b"*3\r\n*2\r\n:1\r\n$-1\r\n*0\r\n$2\r\n\"\x01\r\n");
    let text = "1) 1) (integer) 1\n   2) (nil)\n2) (empty array)\n3) \"\\\"\\x01\"\n";
    assert_eq!(shown(&reply, ""), text);
}

/// Names of all commands that may change data, as the server's own table has them.
fn write_commands(server: &Server) -> Vec<String> {
    let table = server.client().run("COMMAND");
    let writes = |entry: &&Reply| {
        let flags = entry.items()[2].items();
        flags.iter().any(|flag| *flag == Reply::Simple(b"write".to_vec()))
    };
    table
        .items()
        .iter()
        .filter(writes)
        .map(|entry| entry.items()[0].text().to_uppercase())
        .collect()
}

#[test]
fn what_every_write_command_does_survives_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let options = |shards| {
        let directory = data.path().to_str().unwrap();
        let options = Options::shards(shards).with("dir", directory);
        options.with("appendonly", "yes").with("appendfsync", "always")
    };
    let mut server = Server::start(options(2));
    let commands = write_commands(&server);
    assert!(commands.len() > 25, "{commands:?}");
    let examples: BTreeMap<String, Vec<Exchange>> = examples().into_iter().collect();
    for (at, command) in commands.iter().enumerate() {
        let example = examples.get(command);
        let example = example.unwrap_or_else(|| panic!("{command} has no example to try"));
        assert_eq!(differences(server.address(), example), [""; 0]);
        // Every second one is in a checkpoint.
        if at % 2 == 1 {
            assert!(server.client().run("SAVE").is_ok());
        }
        server.client().run("DEBUG SET-ACTIVE-EXPIRE 0");
        let before = server.client().run("DEBUG DIGEST");
        server.check_shadow();
        server.process().signal(rustix::process::Signal::KILL);
        server.process().wait().expect("it is gone");
        server = Server::start(options([2, 1, 3][at % 3]));
        server.client().run("DEBUG SET-ACTIVE-EXPIRE 0");
        assert_eq!(server.client().run("DEBUG DIGEST"), before, "{command} did not survive");
    }
    server.finish();
}
