//! Records what several clients do at once, each on a connection and a thread of
//! its own, with the real time of every call.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::time::Instant;

use super::model::{Call, KEYS, Op, Value};
use crate::harness::client::{Client, encode};
use crate::harness::reply::Reply;
use crate::harness::rng::Rng;

/// What the calls of a history are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Commands of one key.
    SingleKey,
    /// Commands of one key and of several.
    MultiKey,
    /// All of them, and transactions.
    Transactions,
}

/// The history of `clients` clients with `calls` calls each, over keys named after `prefix`,
/// which must be new. The calls follow from `seed`; how they interleave does not.
pub fn record(
    address: SocketAddr,
    prefix: &str,
    mix: Mix,
    clients: usize,
    calls: usize,
    seed: u64,
) -> Vec<Vec<Call>> {
    let names: Vec<String> = (0..KEYS).map(|key| format!("{prefix}:{key}")).collect();
    let (barrier, epoch) = (Barrier::new(clients), Instant::now());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|client| {
                let (names, barrier) = (&names, &barrier);
                scope.spawn(move || {
                    let mut rng = Rng::new(seed ^ ((client as u64 + 1) << 40));
                    let mut connection = Client::connect(address).unwrap();
                    // Values are never used twice, so that a reply tells which write it saw.
                    let mut fresh = (client as i64 + 1) * 1_000_000;
                    barrier.wait();
                    (0..calls)
                        .map(|_| {
                            let ops = choose(&mut rng, mix, &mut fresh);
                            one_call(&mut connection, names, ops, epoch)
                        })
                        .collect()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn choose(rng: &mut Rng, mix: Mix, fresh: &mut i64) -> Vec<Op> {
    let is_block = mix == Mix::Transactions && rng.percent(40);
    let count = if is_block { 2 + rng.below(3) } else { 1 };
    (0..count).map(|_| choose_one(rng, mix, fresh)).collect()
}

fn choose_one(rng: &mut Rng, mix: Mix, fresh: &mut i64) -> Op {
    *fresh += 1000;
    let value = *fresh;
    let kinds = if mix == Mix::SingleKey { 4 } else { 10 };
    match rng.below(kinds) {
        0 => Op::Get(rng.below(KEYS)),
        1 => Op::Set(rng.below(KEYS), value),
        2 => Op::Add(rng.below(KEYS), 1),
        3 => Op::Del(vec![rng.below(KEYS)]),
        4 => Op::GetAll(distinct(rng)),
        5 => Op::SetAll(distinct(rng).into_iter().zip(value..).collect()),
        6 => Op::SetAllIfNone(distinct(rng).into_iter().zip(value..).collect()),
        7 => {
            let keys = distinct(rng);
            Op::RenameIfNone(keys[0], keys[1])
        }
        8 => {
            let keys = distinct(rng);
            Op::Copy(keys[0], keys[1])
        }
        _ => {
            let keys = distinct(rng);
            if rng.percent(50) { Op::Exist(keys) } else { Op::Del(keys) }
        }
    }
}

/// Two or more different keys in any order.
fn distinct(rng: &mut Rng) -> Vec<usize> {
    let mut keys: Vec<usize> = (0..KEYS).collect();
    for at in 0..KEYS {
        keys.swap(at, at + rng.below(KEYS - at));
    }
    keys.truncate(2 + rng.below(KEYS - 1));
    keys
}

fn one_call(connection: &mut Client, names: &[String], ops: Vec<Op>, epoch: Instant) -> Call {
    let mut bytes = Vec::new();
    let is_block = ops.len() > 1;
    if is_block {
        bytes.extend(encode(&["MULTI"]));
    }
    ops.iter().for_each(|op| bytes.extend(encode(&words(op, names))));
    if is_block {
        bytes.extend(encode(&["EXEC"]));
    }
    let start = nanoseconds(epoch);
    connection.send_raw(&bytes).unwrap();
    if is_block {
        (0..=ops.len()).for_each(|_| drop(connection.read()));
    }
    let reply = connection.read();
    let end = nanoseconds(epoch);
    let replies = match is_block {
        true => reply.items().iter().zip(&ops).map(|(reply, op)| value_of(op, reply)).collect(),
        false => vec![value_of(&ops[0], &reply)],
    };
    Call { start, end, ops, replies }
}

fn nanoseconds(epoch: Instant) -> u64 {
    u64::try_from(epoch.elapsed().as_nanos()).unwrap()
}

fn words(op: &Op, names: &[String]) -> Vec<String> {
    let command = |name: &str, rest: Vec<String>| [vec![name.to_string()], rest].concat();
    let of = |keys: &[usize]| keys.iter().map(|&key| names[key].clone()).collect::<Vec<_>>();
    let pairs = |pairs: &[(usize, i64)]| -> Vec<String> {
        pairs.iter().flat_map(|(key, value)| [names[*key].clone(), value.to_string()]).collect()
    };
    match op {
        Op::Get(key) => command("GET", of(&[*key])),
        Op::Set(key, value) => command("SET", pairs(&[(*key, *value)])),
        Op::Add(key, by) => command("INCRBY", pairs(&[(*key, *by)])),
        Op::Del(keys) => command("DEL", of(keys)),
        Op::GetAll(keys) => command("MGET", of(keys)),
        Op::SetAll(all) => command("MSET", pairs(all)),
        Op::SetAllIfNone(all) => command("MSETNX", pairs(all)),
        Op::RenameIfNone(from, to) => command("RENAMENX", of(&[*from, *to])),
        Op::Copy(from, to) => command("COPY", [of(&[*from, *to]), vec!["REPLACE".into()]].concat()),
        Op::Exist(keys) => command("EXISTS", of(keys)),
    }
}

fn value_of(op: &Op, reply: &Reply) -> Value {
    let number = |reply: &Reply| match reply {
        Reply::Null => None,
        other => Some(other.text().parse().unwrap()),
    };
    match (op, reply) {
        (Op::Get(_), reply) => Value::One(number(reply)),
        (Op::GetAll(_), reply) => Value::Many(reply.items().iter().map(number).collect()),
        (Op::RenameIfNone(..), Reply::Error(text)) if text == b"ERR no such key" => Value::Refused,
        (_, Reply::Int(count)) => Value::Count(*count),
        (_, reply) if reply.is_ok() => Value::Ok,
        (op, reply) => panic!("{op:?} got {reply:?}"),
    }
}
