//! Isolation: money moves between accounts on different shards in every way there
//! is, and nobody ever sees a sum that is not the whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use shardwright_tests::harness::rng::{count_or, seed_or};
use shardwright_tests::{Client, Options, Reply, Rng, Server};

const ACCOUNTS: usize = 12;
const EACH: i64 = 1000;
const SHARDS: [usize; 3] = [1, 2, 7];

/// What one client does again and again.
type Act = fn(&mut Client, &mut Rng);

/// Runs all `actors` at once until the time is up; each is asked again and again.
fn all_at_once(server: &Server, seed: u64, actors: &[(&str, Act)]) {
    let time = Duration::from_millis(count_or("SHARDWRIGHT_ISOLATION_MS", 1200) as u64);
    let (address, failed) = (server.address(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for (index, (name, act)) in actors.iter().enumerate() {
            let failed = &failed;
            let mut rng = Rng::new(seed + index as u64);
            scope.spawn(move || {
                let rounds = until(address, time, failed, &mut rng, *act);
                assert!(rounds > 0, "{name} never had its turn");
            });
        }
    });
}

/// Stops the others as well when one fails.
fn until(
    address: SocketAddr,
    time: Duration,
    failed: &AtomicBool,
    rng: &mut Rng,
    act: Act,
) -> usize {
    struct Tell<'a>(&'a AtomicBool);
    impl Drop for Tell<'_> {
        fn drop(&mut self) {
            self.0.fetch_or(std::thread::panicking(), Ordering::Relaxed);
        }
    }
    let _tell = Tell(failed);
    let mut client = Client::connect(address).unwrap();
    let (started, mut rounds) = (Instant::now(), 0);
    while started.elapsed() < time && !failed.load(Ordering::Relaxed) {
        act(&mut client, rng);
        rounds += 1;
    }
    rounds
}

fn account(index: usize) -> String {
    format!("account:{index}")
}

fn accounts() -> Vec<String> {
    (0..ACCOUNTS).map(account).collect()
}

fn two_accounts(rng: &mut Rng) -> (String, String) {
    let from = rng.below(ACCOUNTS);
    let to = (from + 1 + rng.below(ACCOUNTS - 1)) % ACCOUNTS;
    (account(from), account(to))
}

fn sum(balances: &[Reply]) -> i64 {
    balances.iter().map(|balance| balance.text().parse::<i64>().unwrap()).sum()
}

/// Moves money by two commands in a transaction.
fn move_by_transaction(client: &mut Client, rng: &mut Rng) {
    let ((from, to), amount) = (two_accounts(rng), rng.between(1, 50));
    let (less, more) = (format!("DECRBY {from} {amount}"), format!("INCRBY {to} {amount}"));
    let replies = client.pipeline(&["MULTI", &less, &more, "EXEC"]);
    assert_eq!(replies[3].items().len(), 2);
}

/// Moves money by reading, checking and writing under WATCH.
fn move_by_watch(client: &mut Client, rng: &mut Rng) {
    let ((from, to), amount) = (two_accounts(rng), rng.between(1, 50));
    assert!(client.cmd(&["WATCH", &from, &to]).is_ok());
    let reply = client.cmd(&["MGET", &from, &to]);
    let balances: Vec<i64> =
        reply.items().iter().map(|item| item.text().parse().unwrap()).collect();
    let write = format!("MSET {from} {} {to} {}", balances[0] - amount, balances[1] + amount);
    let replies = client.pipeline(&["MULTI", &write, "EXEC"]);
    assert!(matches!(&replies[2], Reply::Null | Reply::Array(_)), "{:?}", replies[2]);
}

/// Moves many balances at once, several transactions in one write.
fn move_in_a_pipeline(client: &mut Client, rng: &mut Rng) {
    let mut lines = Vec::new();
    for _ in 0..8 {
        let ((from, to), amount) = (two_accounts(rng), rng.between(1, 50));
        lines.push("MULTI".to_string());
        lines.extend([format!("INCRBY {to} {amount}"), format!("DECRBY {from} {amount}")]);
        lines.push("EXEC".to_string());
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    client.pipeline(&lines);
}

fn sum_by_mget(client: &mut Client, rng: &mut Rng) {
    let mut args = vec!["MGET".to_string()];
    let first = rng.below(ACCOUNTS);
    args.extend((0..ACCOUNTS).map(|i| account((first + i) % ACCOUNTS)));
    assert_eq!(sum(client.cmd(&args).items()), ACCOUNTS as i64 * EACH);
}

fn sum_by_transaction(client: &mut Client, _: &mut Rng) {
    let gets: Vec<String> = accounts().iter().map(|name| format!("GET {name}")).collect();
    let lines: Vec<&str> =
        ["MULTI"].into_iter().chain(gets.iter().map(String::as_str)).chain(["EXEC"]).collect();
    let replies = client.pipeline(&lines);
    assert_eq!(sum(replies[ACCOUNTS + 1].items()), ACCOUNTS as i64 * EACH);
}

#[test]
fn no_money_is_made_or_lost() {
    let seed = seed_or(1);
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        for name in accounts() {
            client.cmd(&["SET", &name, &EACH.to_string()]);
        }
        all_at_once(
            &server,
            seed,
            &[
                ("transactions", move_by_transaction),
                ("watchers", move_by_watch),
                ("more watchers", move_by_watch),
                ("pipelines", move_in_a_pipeline),
                ("MGET", sum_by_mget),
                ("reading transactions", sum_by_transaction),
            ],
        );
        sum_by_mget(&mut client, &mut Rng::new(0));
        server.finish();
    }
}

const TWINS: [&str; 3] = ["twin:a", "twin:b", "twin:c"];

fn write_twins(client: &mut Client, rng: &mut Rng) {
    let value = rng.between(0, 1_000_000).to_string();
    let mut pairs: Vec<&str> = TWINS.iter().flat_map(|name| [*name, value.as_str()]).collect();
    if rng.percent(50) {
        pairs.rotate_left(2);
    }
    let args = [vec!["MSET"], pairs].concat();
    assert!(client.cmd(&args).is_ok());
}

fn drop_twins(client: &mut Client, _: &mut Rng) {
    let gone = client.cmd(&[["DEL"].as_slice(), &TWINS].concat()).int();
    assert!(gone == 0 || gone == 3, "DEL found {gone} of 3");
}

fn claim_twins(client: &mut Client, rng: &mut Rng) {
    let value = rng.between(0, 1_000_000).to_string();
    let pairs: Vec<&str> = TWINS.iter().rev().flat_map(|name| [*name, value.as_str()]).collect();
    client.cmd(&[vec!["MSETNX"], pairs].concat());
}

fn read_twins(client: &mut Client, _: &mut Rng) {
    let reply = client.cmd(&[["MGET"].as_slice(), &TWINS].concat());
    let items = reply.items();
    assert!(items[0] == items[1] && items[1] == items[2], "{items:?}");
}

fn count_twins(client: &mut Client, _: &mut Rng) {
    let there = client.cmd(&[["EXISTS"].as_slice(), &TWINS].concat()).int();
    assert!(there == 0 || there == 3, "EXISTS found {there} of 3");
}

#[test]
fn keys_written_together_are_seen_together() {
    let seed = seed_or(2);
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        all_at_once(
            &server,
            seed,
            &[
                ("MSET", write_twins),
                ("more MSET", write_twins),
                ("DEL", drop_twins),
                ("MSETNX", claim_twins),
                ("MGET", read_twins),
                ("EXISTS", count_twins),
            ],
        );
        server.finish();
    }
}

const PLACES: usize = 9;

fn place(index: usize) -> String {
    format!("place:{index}")
}

/// The token is in one place; whoever finds it moves it on.
fn move_token(client: &mut Client, rng: &mut Rng) {
    let (from, to) = (place(rng.below(PLACES)), place(rng.below(PLACES)));
    let reply = client.cmd(&[rng.pick(&["RENAME", "RENAMENX"]), &from, &to]);
    let is_elsewhere = reply.error().is_some_and(|text| text == "ERR no such key");
    assert!(is_elsewhere || reply.is_ok() || matches!(reply, Reply::Int(_)), "{reply:?}");
}

fn find_token(client: &mut Client, rng: &mut Rng) {
    let names: Vec<String> = (0..PLACES).map(place).collect();
    match rng.below(4) {
        0 => assert_eq!(client.run("DBSIZE"), Reply::Int(1)),
        1 => assert_eq!(client.run("KEYS place:*").items().len(), 1),
        2 => assert_ne!(client.run("RANDOMKEY"), Reply::Null),
        _ => assert_eq!(client.cmd(&[vec!["EXISTS".to_string()], names].concat()), Reply::Int(1)),
    }
}

#[test]
fn a_key_that_moves_between_shards_is_always_in_one_place() {
    let seed = seed_or(3);
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        server.client().cmd(&["SET", &place(0), "token", "EX", "1000"]);
        all_at_once(
            &server,
            seed,
            &[
                ("movers", move_token),
                ("more movers", move_token),
                ("even more movers", move_token),
                ("finders", find_token),
                ("more finders", find_token),
            ],
        );
        server.finish();
    }
}

/// Database 0 has ten keys and database 1 has twenty, whichever way they are swapped.
fn swap_databases(client: &mut Client, _: &mut Rng) {
    assert!(client.run("SWAPDB 0 1").is_ok());
}

fn count_databases(client: &mut Client, rng: &mut Rng) {
    if rng.percent(50) {
        let size = client.run("DBSIZE").int();
        assert!(size == 10 || size == 20, "{size} keys");
    } else {
        let replies =
            client.pipeline(&["MULTI", "DBSIZE", "SELECT 1", "DBSIZE", "SELECT 0", "EXEC"]);
        let sizes = replies[5].items();
        assert_eq!(sizes[0].int() + sizes[2].int(), 30);
    }
}

#[test]
fn swapped_databases_are_seen_whole() {
    let seed = seed_or(4);
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        let mut client = server.client();
        client.pipeline(&["DEBUG POPULATE 10 few", "SELECT 1", "DEBUG POPULATE 20 many"]);
        all_at_once(
            &server,
            seed,
            &[
                ("swappers", swap_databases),
                ("counters", count_databases),
                ("more counters", count_databases),
            ],
        );
        server.finish();
    }
}

fn fill_and_flush(client: &mut Client, rng: &mut Rng) {
    let fill: Vec<String> = (0..20).flat_map(|i| [format!("all:{i}"), "x".into()]).collect();
    assert!(client.cmd(&[vec!["MSET".to_string()], fill].concat()).is_ok());
    assert!(client.run(rng.pick(&["FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC"])).is_ok());
}

fn all_or_nothing(client: &mut Client, _: &mut Rng) {
    let size = client.run("DBSIZE").int();
    assert!(size == 0 || size == 20, "{size} keys");
}

#[test]
fn a_flush_is_seen_whole() {
    let seed = seed_or(5);
    for shards in SHARDS {
        let server = Server::start(Options::shards(shards));
        all_at_once(&server, seed, &[("fillers", fill_and_flush), ("counters", all_or_nothing)]);
        server.finish();
    }
}

static WON: AtomicUsize = AtomicUsize::new(0);

/// Adds one to a counter by WATCH alone: every success counts once.
fn count_by_watch(client: &mut Client, _: &mut Rng) {
    client.pipeline(&["WATCH counter", "WATCH other"]);
    let value: usize = match client.run("GET counter") {
        Reply::Null => 0,
        reply => reply.text().parse().unwrap(),
    };
    let write = format!("SET counter {}", value + 1);
    let replies = client.pipeline(&["MULTI", &write, "INCR other", "EXEC"]);
    if replies[3] != Reply::Null {
        WON.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn watch_lets_no_update_be_lost() {
    let seed = seed_or(6);
    for shards in SHARDS {
        WON.store(0, Ordering::Relaxed);
        let server = Server::start(Options::shards(shards));
        all_at_once(
            &server,
            seed,
            &[("one", count_by_watch), ("two", count_by_watch), ("three", count_by_watch)],
        );
        let won = WON.load(Ordering::Relaxed).to_string();
        let counted = server.client().run("MGET counter other");
        assert_eq!(counted.items().iter().map(Reply::text).collect::<Vec<_>>(), [won.clone(), won]);
        server.finish();
    }
}
