//! Order within a connection: replies come in the order of the commands, and
//! effects in the order that `pipeline-order` promises.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicBool, Ordering};

use shardwright_tests::harness::client::encode;
use shardwright_tests::harness::rng::seed_or;
use shardwright_tests::{Client, Options, Reply, Rng, Server};

const ORDERS: [&str; 2] = ["relaxed", "strict"];

fn for_each_order(test: impl Fn(&Server, &str)) {
    for shards in [1, 2, 7] {
        for order in ORDERS {
            let server = Server::start(Options::shards(shards).own("pipeline-order", order));
            test(&server, order);
            server.finish();
        }
    }
}

/// Sends all in one write and reads all replies.
fn pipeline(client: &mut Client, lines: &[String]) -> Vec<Reply> {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    client.pipeline(&lines)
}

#[test]
fn replies_come_in_the_order_of_the_commands() {
    for_each_order(|server, _| {
        let mut client = server.client();
        for round in 0..20 {
            let lines: Vec<String> = (0..1000)
                .map(|i| match i % 4 {
                    0 => format!("ECHO {i}"),
                    1 => format!("GETSET key:{i} {i}"),
                    2 => format!("STRLEN {}", "x".repeat(i % 50 + 1)),
                    _ => format!("ECHO {}", i * 2),
                })
                .collect();
            for (i, reply) in pipeline(&mut client, &lines).iter().enumerate() {
                match i % 4 {
                    0 => assert_eq!(reply.text(), i.to_string()),
                    1 if round > 0 => assert_eq!(reply.text(), i.to_string()),
                    3 => assert_eq!(reply.text(), (i * 2).to_string()),
                    _ => {}
                }
            }
        }
    });
}

#[test]
fn commands_on_one_key_act_in_their_order() {
    for_each_order(|server, _| {
        let mut client = server.client();
        let lines: Vec<String> =
            (0..3000).map(|i| format!("APPEND key:{} {},", i % 5, i / 5)).collect();
        let lengths = pipeline(&mut client, &lines);
        for key in 0..5 {
            let own: Vec<i64> = lengths.iter().skip(key).step_by(5).map(Reply::int).collect();
            assert!(own.windows(2).all(|pair| pair[0] < pair[1]));
            let expected: String = (0..600).map(|i| format!("{i},")).collect();
            assert_eq!(client.run(&format!("GET key:{key}")).text(), expected);
        }
    });
}

#[test]
fn a_command_over_several_shards_sees_all_that_came_before_and_nothing_after() {
    for_each_order(|server, _| {
        let mut client = server.client();
        for round in 0..200 {
            let mut lines: Vec<String> =
                (0..8).map(|key| format!("SET key:{key} {round}")).collect();
            lines.push("MGET key:0 key:1 key:2 key:3 key:4 key:5 key:6 key:7".into());
            lines.extend((0..8).map(|key| format!("SET key:{key} later")));
            lines.push("DBSIZE".into());
            lines.push("DEL key:0 key:1 key:2 key:3 key:4 key:5 key:6 key:7".into());
            lines.push("EXISTS key:0 key:1 key:2 key:3 key:4 key:5 key:6 key:7".into());
            lines.extend((0..8).map(|key| format!("GET key:{key}")));
            let replies = pipeline(&mut client, &lines);
            let seen: Vec<String> = replies[8].items().iter().map(Reply::text).collect();
            assert_eq!(seen, vec![round.to_string(); 8]);
            assert_eq!((replies[17].int(), replies[18].int(), replies[19].int()), (8, 8, 0));
            assert!(replies[20..].iter().all(|reply| *reply == Reply::Null));
        }
    });
}

#[test]
fn commands_on_the_connection_act_at_their_place() {
    for_each_order(|server, _| {
        let mut client = server.client();
        let lines = [
            "SET k 0",
            "SELECT 1",
            "SET k 1",
            "GET k",
            "SELECT 0",
            "GET k",
            "MULTI",
            "SET m 1",
            "EXEC",
            "HELLO 3",
            "GET absent",
            "CLIENT SETNAME me",
            "CLIENT GETNAME",
            "HELLO 2",
            "GET absent",
            "RESET",
            "CLIENT GETNAME",
        ];
        let bytes: Vec<u8> =
            lines.iter().flat_map(|line| encode(&line.split(' ').collect::<Vec<_>>())).collect();
        client.send_raw(&bytes).unwrap();
        let raw: Vec<Vec<u8>> = lines.iter().map(|_| client.read_raw().unwrap()).collect();
        let at = |line: usize| String::from_utf8_lossy(&raw[line]).into_owned();
        assert_eq!((at(3), at(5)), ("$1\r\n1\r\n".into(), "$1\r\n0\r\n".into()));
        assert_eq!((at(9).chars().next(), at(13).chars().next()), (Some('%'), Some('*')));
        assert_eq!((at(10), at(14)), ("_\r\n".into(), "$-1\r\n".into()));
        assert_eq!((at(12), at(16)), ("$2\r\nme\r\n".into(), "$-1\r\n".into()));
    });
}

#[test]
fn a_random_pipeline_gives_what_the_same_commands_give_one_by_one() {
    let seed = seed_or(21);
    for_each_order(|server, order| {
        let mut rng = Rng::new(seed);
        for _ in 0..30 {
            let lines: Vec<String> = (0..400).map(|_| any_line(&mut rng)).collect();
            let mut client = server.client();
            client.run("FLUSHALL");
            let together = pipeline(&mut client, &lines);
            client.pipeline(&["RESET", "FLUSHALL"]);
            let single: Vec<Reply> = lines.iter().map(|line| client.run(line)).collect();
            for (at, line) in lines.iter().enumerate() {
                assert_eq!(together[at], single[at], "{order}, seed {seed}, line {at}: {line}");
            }
        }
    });
}

fn any_line(rng: &mut Rng) -> String {
    let (a, b, n) = (rng.below(12), rng.below(12), rng.below(1000));
    match rng.below(16) {
        0..=3 => format!("SET k:{a} {n}"),
        4..=6 => format!("GET k:{a}"),
        7 => format!("INCR k:{a}"),
        8 => format!("MSET k:{a} {n} k:{b} {n}"),
        9 => format!("MGET k:{a} k:{b}"),
        10 => format!("RENAME k:{a} k:{b}"),
        11 => format!("DEL k:{a} k:{b}"),
        12 => "DBSIZE".into(),
        13 => format!("SELECT {}", n % 2),
        14 => (*rng.choose(&["MULTI", "EXEC", "DISCARD"])).to_string(),
        _ => format!("COPY k:{a} k:{b} REPLACE"),
    }
}

/// One client writes 1, 2, 3 … to two keys, in this order and in one pipeline, while another reads
/// both at one moment. `write` makes the two commands; the second key may never be ahead.
fn second_is_never_ahead(server: &Server, write: impl Fn(usize) -> [String; 2] + Sync) {
    for names in [("order:a", "order:b"), ("order:c", "order:d"), ("order:e", "order:x")] {
        let done = AtomicBool::new(false);
        assert!(server.client().run("FLUSHALL").is_ok());
        std::thread::scope(|scope| {
            let (done, write) = (&done, &write);
            scope.spawn(move || {
                let mut client = server.client();
                for start in (0..5_000).step_by(500) {
                    let lines: Vec<String> = (start..start + 500)
                        .flat_map(write)
                        .map(|line| line.replace("FIRST", names.0).replace("SECOND", names.1))
                        .collect();
                    pipeline(&mut client, &lines);
                }
                done.store(true, Ordering::Relaxed);
            });
            let mut reader = server.client();
            while !done.load(Ordering::Relaxed) {
                let reply = reader.cmd(&["MGET", names.0, names.1]);
                let values: Vec<i64> = reply
                    .items()
                    .iter()
                    .map(
                        |item| if *item == Reply::Null { -1 } else { item.text().parse().unwrap() },
                    )
                    .collect();
                if values[1] > values[0] {
                    done.store(true, Ordering::Relaxed);
                    panic!("the second write was seen without the first: {values:?}");
                }
            }
        });
    }
}

#[test]
fn strict_order_lets_nobody_see_the_second_write_without_the_first() {
    for shards in [2, 7] {
        let server = Server::start(Options::shards(shards).own("pipeline-order", "strict"));
        second_is_never_ahead(&server, |i| [format!("SET FIRST {i}"), format!("SET SECOND {i}")]);
        server.finish();
    }
}

/// `MSET` of `key` and of so many others that no shard has them all: what is on one shard is
/// ordered like a command with one key.
fn mset_over_shards(key: &str, value: usize) -> String {
    let others = (0..16).map(|other| format!(" order:other:{other} {value}"));
    format!("MSET {key} {value}{}", others.collect::<String>())
}

#[test]
fn what_follows_or_precedes_a_multi_shard_command_never_overtakes_it() {
    for_each_order(|server, _| {
        second_is_never_ahead(server, |i| {
            [mset_over_shards("FIRST", i), format!("SET SECOND {i}")]
        });
        second_is_never_ahead(server, |i| {
            [format!("SET FIRST {i}"), mset_over_shards("SECOND", i)]
        });
    });
}
