//! Commands that wait for keys: first come first served, every element to one client that lives, every
//! wait ended once. Each test is true of redis-server as well (`SHARDWRIGHT_BIN`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::Shutdown;
use std::time::{Duration, Instant};

use shardwright_tests::harness::client::encode;
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Options, Reply, Server, eventually};

const SHARDS: [usize; 3] = [1, 2, 7];

/// Clients that wait now.
fn blocked(server: &Server) -> usize {
    let text = server.client().run("INFO clients");
    info_field(&text, "blocked_clients").and_then(|value| value.parse().ok()).expect("the field")
}

fn wait_until_blocked(server: &Server, count: usize) {
    eventually(&format!("{count} clients wait"), || blocked(server) == count);
}

/// A client that has sent a command and waits for its reply, behind those that did so before.
fn waiting(server: &Server, line: &str) -> Client {
    let before = blocked(server);
    let mut client = server.client();
    client.send(&line.split(' ').collect::<Vec<_>>());
    wait_until_blocked(server, before + 1);
    client
}

fn texts(reply: &Reply) -> Vec<String> {
    reply.items().iter().map(Reply::text).collect()
}

#[test]
fn who_came_first_is_served_first_one_element_each() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut waiters: Vec<Client> =
            (0..5).map(|n| waiting(&server, ["BLPOP k 0", "BRPOP k 0"][n % 2])).collect();
        let mut client = server.client();
        assert_eq!(client.run("RPUSH k 1 2 3").int(), 3, "the length before anybody is served");
        for (waiter, element) in waiters.iter_mut().zip(["1", "3", "2"]) {
            assert_eq!(texts(&waiter.read()), ["k", element]);
        }
        assert_eq!(client.run("EXISTS k").int(), 0);
        assert_eq!(client.run("LPUSH k 4").int(), 1);
        assert_eq!(texts(&waiters[3].read()), ["k", "4"]);
        assert_eq!(blocked(&server), 1);
        client.run("RPUSH k 5 6");
        assert_eq!(texts(&waiters[4].read()), ["k", "5"]);
        assert_eq!(client.run("LRANGE k 0 -1").items().len(), 1);
        server.finish();
    }
}

#[test]
fn a_wait_for_many_keys_ends_with_the_first_and_leaves_the_others_alone() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        for round in 0..20 {
            let mut waiter = waiting(&server, "BLPOP a b c d e f 0");
            let key = ["a", "b", "c", "d", "e", "f"][round % 6];
            client.run(&format!("RPUSH {key} {round}"));
            assert_eq!(texts(&waiter.read()), [key, &round.to_string()]);
            for key in ["a", "b", "c", "d", "e", "f"] {
                client.run(&format!("RPUSH {key} x"));
                assert_eq!(client.run(&format!("LPOP {key}")).text(), "x", "nobody takes it");
            }
        }
        // What is there is taken at once, in the order of the arguments.
        client.run("RPUSH b 1");
        client.run("RPUSH a 2");
        assert_eq!(texts(&client.run("BRPOP c b a 0")), ["b", "1"]);
        let reply = client.run("BLMPOP 0 3 c b a LEFT");
        assert_eq!(
            (reply.items()[0].text(), texts(&reply.items()[1])),
            ("a".into(), vec!["2".into()])
        );
        server.finish();
    }
}

#[test]
fn a_wait_that_is_over_is_answered_and_takes_nothing_afterwards() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        for (line, least_ms) in [
            ("BLPOP a b c 0.12", 120),
            ("BRPOP a 0.05", 50),
            ("BLMPOP 0.05 2 a b LEFT", 50),
            ("BLMOVE a b LEFT RIGHT 0.05", 50),
            ("BZPOPMIN a b 0.05", 50),
        ] {
            let begin = Instant::now();
            assert_eq!(client.run(line), Reply::Null, "{line}");
            // The server tells times to the millisecond, rounded down.
            assert!(begin.elapsed() >= Duration::from_millis(least_ms - 1), "{line}");
        }
        assert_eq!(blocked(&server), 0);
        assert_eq!(client.run("RPUSH a 1").int(), 1);
        assert_eq!(client.run("LLEN a").int(), 1);
        server.finish();
    }
}

#[test]
fn in_a_transaction_nothing_is_waited_for_and_waiters_see_only_its_end() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        let replies = client.pipeline(&["MULTI", "BLPOP a 0", "BLMOVE a b LEFT LEFT 0", "EXEC"]);
        assert_eq!(replies[3].items(), [Reply::Null, Reply::Null]);
        let mut waiter = waiting(&server, "BLPOP a b 0");
        // What is gone again at the end was never there.
        client.pipeline(&["MULTI", "RPUSH a 1", "LPOP a", "RPUSH b 2", "RPUSH b 3", "EXEC"]);
        assert_eq!(texts(&waiter.read()), ["b", "2"]);
        assert_eq!(client.run("LRANGE b 0 -1").items().len(), 1);
        server.finish();
    }
}

#[test]
fn other_types_and_other_ways_to_make_a_list() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        client.run("SET s x");
        let error = client.run("BLPOP none s 0").error().unwrap();
        assert!(error.starts_with("WRONGTYPE"), "{error}");
        let mut waiter = waiting(&server, "BLPOP k 0");
        client.run("SET k x");
        client.run("DEL k");
        client.run("ZADD k 1 m");
        client.run("DEL k");
        assert_eq!(blocked(&server), 1);
        client.run("RPUSH other a b");
        client.run("RENAME other k");
        assert_eq!(texts(&waiter.read()), ["k", "a"]);
        let mut waiter = waiting(&server, "BRPOP l 0");
        client.run("COPY k l");
        assert_eq!(texts(&waiter.read()), ["l", "b"]);
        let mut waiter = waiting(&server, "BLPOP m 0");
        client.pipeline(&["SELECT 1", "RPUSH m z", "SELECT 0"]);
        assert_eq!(blocked(&server), 1, "that was another database");
        client.run("SWAPDB 0 1");
        assert_eq!(texts(&waiter.read()), ["m", "z"]);
        let mut waiter = waiting(&server, "BLPOP n 0");
        client.pipeline(&["SELECT 1", "RPUSH n y"]);
        assert_eq!(blocked(&server), 1, "that was another database");
        assert_eq!(client.run("MOVE n 0").int(), 1);
        assert_eq!(texts(&waiter.read()), ["n", "y"]);
        server.finish();
    }
}

#[test]
fn moving_goes_on_from_list_to_list() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        let mut first = waiting(&server, "BLMOVE a b LEFT RIGHT 0");
        let mut second = waiting(&server, "BRPOPLPUSH b c 0");
        let mut third = waiting(&server, "BLPOP c 0");
        client.run("RPUSH a 1");
        assert_eq!(first.read().text(), "1");
        assert_eq!(second.read().text(), "1");
        assert_eq!(texts(&third.read()), ["c", "1"]);
        eventually("all lists are empty", || client.run("EXISTS a b c").int() == 0);
        // The target is of another type: the client is told, and the element stays.
        client.run("SET t x");
        let mut waiter = waiting(&server, "BLMOVE a t LEFT LEFT 0");
        client.run("RPUSH a 2");
        assert!(waiter.read().error().unwrap().starts_with("WRONGTYPE"));
        assert_eq!(client.run("LRANGE a 0 -1").items()[0].text(), "2");
        // Who waits behind is served with what the first leaves.
        client.run("DEL a t");
        let mut mover = waiting(&server, "BLMOVE a z LEFT LEFT 0");
        let mut popper = waiting(&server, "BLPOP a 0");
        client.run("RPUSH a 3 4");
        assert_eq!(mover.read().text(), "3");
        assert_eq!(texts(&popper.read()), ["a", "4"]);
        assert_eq!(client.run("LRANGE z 0 -1").items()[0].text(), "3");
        server.finish();
    }
}

#[test]
fn sorted_sets_and_streams_are_waited_for() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        let mut low = waiting(&server, "BZPOPMIN x z 0");
        let mut high = waiting(&server, "BZMPOP 0 1 z MAX COUNT 2");
        client.run("ZADD z 1 a 2 b 3 c 4 d");
        assert_eq!(texts(&low.read()), ["z", "a", "1"]);
        let reply = high.read();
        assert_eq!(texts(&reply.items()[1].items()[0]), ["d", "4"]);
        assert_eq!(client.run("ZCARD z").int(), 1);

        client.run("XADD s 1-1 f old");
        let mut readers: Vec<Client> =
            (0..3).map(|_| waiting(&server, "XREAD BLOCK 0 STREAMS none s $ $")).collect();
        let mut later = waiting(&server, "XREAD BLOCK 0 STREAMS s 5-0");
        client.run("XADD s 2-2 f new");
        for reader in &mut readers {
            let streams = reader.read();
            let stream = &streams.items()[0];
            assert_eq!((streams.items().len(), stream.items()[0].text()), (1, "s".into()));
            assert_eq!(stream.items()[1].items()[0].items()[0].text(), "2-2");
        }
        assert_eq!(blocked(&server), 1);
        client.run("XADD s 6-0 f last");
        assert_eq!(later.read().items().len(), 1);

        client.run("XGROUP CREATE s g $");
        let read = "XREADGROUP GROUP g ada BLOCK 0 STREAMS s >";
        let mut first = waiting(&server, read);
        let mut second = waiting(&server, read);
        client.run("XADD s 7-0 f one");
        assert_eq!(first.read().items().len(), 1);
        assert_eq!(blocked(&server), 1, "an entry goes to one consumer of a group");
        client.run("XGROUP DESTROY s g");
        let error = second.read().error().unwrap();
        assert_eq!(error, "NOGROUP the consumer group this client was blocked on no longer exists");
        client.run("XGROUP CREATE s g $");
        for line in ["DEL s", "SET s text", "PEXPIRE s 20", "FLUSHALL"] {
            client.run("DEL s");
            client.run("XGROUP CREATE s g $ MKSTREAM");
            let mut waiter = waiting(&server, read);
            client.run(line);
            let error = waiter.read().error().unwrap();
            assert_eq!(error, "UNBLOCKED the stream key no longer exists", "{line}");
        }
        server.finish();
    }
}

#[test]
fn who_waits_for_something_else_holds_nobody_up() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        let mut other = waiting(&server, "BZPOPMIN k 0");
        client.run("RPUSH k 1 2");
        client.set_timeout(Duration::from_secs(5));
        assert_eq!(texts(&client.run("BLPOP k 0")), ["k", "1"]);
        client.pipeline(&["MULTI", "BRPOP k 0"]);
        assert_eq!(texts(&client.run("EXEC").items()[0]), ["k", "2"]);
        client.run("ZADD k 1 m");
        assert_eq!(texts(&other.read()), ["k", "m", "1"]);

        client.run("XADD s 1-1 f v");
        let mut news = waiting(&server, "XREAD BLOCK 0 STREAMS s $");
        assert_eq!(client.run("XREAD BLOCK 0 STREAMS s 0").items().len(), 1);
        client.run("XADD s 2-2 f v");
        assert_eq!(news.read().items().len(), 1);
        server.finish();
    }
}

#[test]
fn clients_are_unblocked_by_number_once() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        let mut waiter = server.client();
        let id = waiter.run("CLIENT ID").int();
        assert_eq!(client.run(&format!("CLIENT UNBLOCK {id}")).int(), 0, "it does not wait");
        for (reason, error) in [("", false), ("TIMEOUT", false), ("ERROR", true)] {
            waiter.send(&["BLPOP", "a", "b", "0"]);
            wait_until_blocked(&server, 1);
            assert_eq!(client.run(&format!("CLIENT UNBLOCK {id} {reason}")).int(), 1);
            let reply = waiter.read();
            let expected = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
            assert_eq!(reply.error().as_deref(), error.then_some(expected), "{reply:?}");
            assert_eq!(client.run(&format!("CLIENT UNBLOCK {id}")).int(), 0);
        }
        assert!(client.run("CLIENT UNBLOCK 1 NEVER").error().is_some());
        client.run("RPUSH a 1");
        assert_eq!(client.run("LLEN a").int(), 1);
        server.finish();
    }
}

#[test]
fn what_follows_on_the_connection_waits_and_a_client_that_went_takes_nothing() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        let mut waiter = server.client();
        for line in ["SET before 1", "BLPOP k 0", "SET after 1"] {
            waiter.send(&line.split(' ').collect::<Vec<_>>());
        }
        wait_until_blocked(&server, 1);
        assert_eq!(client.run("MGET before after").items()[1], Reply::Null);
        client.run("RPUSH k 1");
        assert!(waiter.read().is_ok());
        assert_eq!(texts(&waiter.read()), ["k", "1"]);
        assert!(waiter.read().is_ok());

        let dead = waiting(&server, "BLPOP k 0");
        let mut alive = waiting(&server, "BLPOP k 0");
        dead.stream().shutdown(Shutdown::Both).unwrap();
        drop(dead);
        wait_until_blocked(&server, 1);
        client.run("RPUSH k 2");
        assert_eq!(texts(&alive.read()), ["k", "2"]);
        server.finish();
    }
}

/// Commands that are far more than a socket's buffers hold.
fn much() -> Vec<u8> {
    encode(&["SET", "z", "1"]).repeat(20_000)
}

#[test]
fn who_went_with_much_behind_a_wait_takes_nothing() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        for (line, close) in [
            ("BLPOP k 0", Some(Shutdown::Both)),
            ("BLPOP a b c k 1000", Some(Shutdown::Write)),
            ("BLMOVE k to LEFT RIGHT 0", None),
        ] {
            let mut dead = server.client();
            dead.send(&["PING"]);
            dead.send(&line.split(' ').collect::<Vec<_>>());
            dead.send_raw(&much()).unwrap();
            wait_until_blocked(&server, 1);
            let mut alive = waiting(&server, "BLPOP k 0");
            // Dropped with a reply unread, the connection is reset.
            close.map(|how| dead.stream().shutdown(how)).transpose().unwrap();
            if close != Some(Shutdown::Write) {
                drop(dead);
            }
            wait_until_blocked(&server, 1);
            client.run("RPUSH k 1");
            assert_eq!(texts(&alive.read()), ["k", "1"], "{line}");
            assert_eq!(client.run("EXISTS z to").int(), 0, "what followed is not run");
        }
        server.finish();
    }
}

#[test]
fn what_comes_during_a_wait_is_run_behind_it() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        let mut waiter = server.client();
        let value = "v".repeat(100_000);
        let set = encode(&["SET", "big", &value]);
        let (half, rest) = set.split_at(50_000);
        waiter.send_raw(&[encode(&["BLPOP", "k", "l", "0"]), half.to_vec()].concat()).unwrap();
        wait_until_blocked(&server, 1);
        waiter.send_raw(rest).unwrap();
        waiter.send_raw(&encode(&["INCR", "n"]).repeat(50_000)).unwrap();
        assert_eq!(client.run("EXISTS big n").int(), 0);
        client.run("RPUSH l 1");
        assert_eq!(texts(&waiter.read()), ["l", "1"]);
        assert!(waiter.read().is_ok());
        for n in 1..=50_000 {
            assert_eq!(waiter.read().int(), n);
        }
        assert_eq!(client.run("STRLEN big").int(), 100_000);
        server.finish();
    }
}

#[test]
fn what_comes_during_a_wait_is_bounded() {
    let options = Options::shards(2).with("client-query-buffer-limit", "1mb");
    let server = Server::start(options);
    let mut waiter = waiting(&server, "BLPOP k 0");
    // The server may end the connection before all is sent.
    drop(waiter.send_raw(&much().repeat(8)));
    wait_until_blocked(&server, 0);
    assert!(waiter.read_raw().is_err());
    let mut client = server.client();
    assert_eq!(client.run("RPUSH k 1").int(), 1);
    assert_eq!(client.run("LLEN k").int(), 1);
    server.finish();
}

#[test]
fn of_a_stream_that_is_named_twice_the_first_mention_is_waited_for() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        let ids = |reply: &Reply| -> Vec<String> {
            let [stream] = reply.items() else { panic!("one stream: {reply:?}") };
            assert_eq!(stream.items()[0].text(), "s");
            stream.items()[1].items().iter().map(|entry| entry.items()[0].text()).collect()
        };
        let mut twice = waiting(&server, "XREAD BLOCK 0 STREAMS s other s $ $ $");
        let mut later = waiting(&server, "XREAD BLOCK 0 STREAMS s s 5-0 $");
        client.run("XADD s 1-1 f v");
        assert_eq!(ids(&twice.read()), ["1-1"]);
        assert_eq!(blocked(&server), 1, "the second mention does not count");
        client.run("XADD s 6-1 f v");
        assert_eq!(ids(&later.read()), ["6-1"]);
        // What is there is told of every mention.
        let reply = client.run("XREAD BLOCK 0 STREAMS s s 5-0 0");
        assert_eq!(reply.items().len(), 2);

        client.run("XGROUP CREATE s g $");
        let mut reader = waiting(&server, "XREADGROUP GROUP g ada BLOCK 0 STREAMS s s > >");
        client.run("XADD s 7-1 f v");
        assert_eq!(ids(&reader.read()), ["7-1"]);
        server.finish();
    }
}

#[test]
fn the_key_that_became_ready_first_is_served_first() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        let keys = ["a", "b", "c", "d", "e"];
        for first in 0..keys.len() {
            let mut waiter = waiting(&server, "BLPOP a b c d e 0");
            let mut other = waiting(&server, "BZPOPMIN z b a c e d 0");
            let order: Vec<&str> =
                (0..keys.len()).map(|n| keys[(first + n) % keys.len()]).collect();
            client.run("MULTI");
            order.iter().for_each(|key| _ = client.run(&format!("RPUSH {key} {key}")));
            client.run("EXEC");
            assert_eq!(texts(&waiter.read()), [order[0], order[0]], "{shards} shards");
            client.run("FLUSHALL");
            client.run("MULTI");
            order.iter().for_each(|key| _ = client.run(&format!("ZADD {key} 1 {key}")));
            client.run("EXEC");
            assert_eq!(texts(&other.read()), [order[0], order[0], "1"], "{shards} shards");
            client.run("FLUSHALL");
        }
        server.finish();
    }
}

#[test]
fn a_key_is_ready_from_where_it_has_what_is_waited_for() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        let mut check = |wait: &str, before: &str, transaction: &[&str], key: &str| {
            before.split("; ").for_each(|line| _ = client.run(line));
            let mut waiter = waiting(&server, wait);
            client.run("MULTI");
            transaction.iter().for_each(|line| _ = client.run(line));
            client.run("EXEC");
            let reply = waiter.read();
            let found = match &reply.items()[0] {
                Reply::Array(stream) => stream[0].text(),
                name => name.text(),
            };
            assert_eq!(found, key, "{shards} shards: {wait} behind {transaction:?}");
            client.run("FLUSHALL");
        };
        let lists = ["SET a text", "RPUSH b 1", "DEL a", "RPUSH a 1"];
        check("BLPOP a b 0", "DEL a", &lists, "b");
        check("BLPOP a b 0", "DEL a", &["RPUSH a 1", "RPUSH b 1", "DEL a", "RPUSH a 1"], "a");
        let streams = ["XGROUP CREATE a g $", "XADD b 2-1 f v", "XADD a 2-1 f v"];
        check("XREAD BLOCK 0 STREAMS a b $ $", "XADD a 1-1 f v", &streams, "b");
        let gone = ["XADD b 2-1 f v", "DEL a", "XADD a 3-1 f v"];
        let groups = "XGROUP CREATE a g $ MKSTREAM; XGROUP CREATE b g $ MKSTREAM";
        check("XREADGROUP GROUP g c BLOCK 0 STREAMS a b > >", groups, &gone, "b");
        server.finish();
    }
}

#[test]
fn a_move_lets_the_line_go_on_before_its_target_is_served() {
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        for (from, to) in [("a", "b"), ("b", "a"), ("b", "c"), ("d", "a")] {
            let mut mover = waiting(&server, &format!("BLMOVE {from} {to} LEFT RIGHT 0"));
            let mut popper = waiting(&server, &format!("BLPOP {to} {from} 0"));
            client.run(&format!("RPUSH {from} 1 2"));
            assert_eq!(mover.read().text(), "1");
            assert_eq!(texts(&popper.read()), [from, "2"], "{shards} shards");
            assert_eq!(texts(&client.run(&format!("LRANGE {to} 0 -1"))), ["1"]);
            client.run("FLUSHALL");
        }
        server.finish();
    }
}

#[test]
fn who_was_killed_is_given_nothing_that_comes_behind() {
    for shards in [1, 4] {
        let server = Server::start(Options::shards(shards));
        for turn in 0..20 {
            let key = format!("k{turn}");
            let mut killed = server.client();
            let id = killed.run("CLIENT ID").int();
            killed.send(&["BLPOP", &key, "0"]);
            wait_until_blocked(&server, 1);
            let mut alive = waiting(&server, &format!("BLPOP {key} 0"));
            wait_until_blocked(&server, 2);
            let kill = format!("CLIENT KILL ID {id}");
            let replies = server.client().pipeline(&[&kill, &format!("RPUSH {key} x")]);
            assert_eq!(replies, [Reply::Int(1), Reply::Int(1)]);
            assert_eq!(texts(&alive.read()), [key.as_str(), "x"], "{shards} shards");
            assert_eq!(killed.read_to_end().unwrap_or_default(), b"");
        }
        server.finish();
    }
}

#[test]
fn a_transaction_unblocks_at_the_place_of_its_command() {
    for shards in [1, 4] {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        for (before, after) in [("", "RPUSH k x"), ("RPUSH k x", "")] {
            let mut waiter = server.client();
            let id = waiter.run("CLIENT ID").int();
            waiter.send(&["BLPOP", "k", "0"]);
            wait_until_blocked(&server, 1);
            let unblock = format!("CLIENT UNBLOCK {id} ERROR");
            let lines = ["MULTI", before, &unblock, after, "LLEN k", "EXEC"];
            let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
            let replies = client.pipeline(&lines);
            assert_eq!(replies.last().unwrap().items(), [1, 1, 1].map(Reply::Int), "{lines:?}");
            let answer = waiter.read();
            assert!(answer.error().is_some(), "{lines:?}: {answer:?}");
            assert_eq!(client.run("LPOP k").text(), "x");
        }
        server.finish();
    }
}
