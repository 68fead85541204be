//! Clients whose calls are recorded, to be checked for an order that explains all replies.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use shardwright_tests::history::{Call, KEYS, Op, Value};
use shardwright_tests::{Reply, Rng};

use super::super::fault::{Check, Failure};
use super::super::program::{Pipeline, Program, Span};

/// Calls of all clients, each client's in order.
pub type Record = Rc<RefCell<Vec<Vec<Call>>>>;

/// A client that is recorded.
pub struct Recorded {
    record: Record,
    client: usize,
    names: Rc<Vec<String>>,
    /// Calls that are sent together: more than one only where their order is promised.
    together: usize,
    left: usize,
    fresh: i64,
    sent: VecDeque<Vec<Vec<Op>>>,
}

impl Recorded {
    /// A client that makes so many calls, up to `together` of them in one pipeline.
    pub fn new(record: &Record, names: &Rc<Vec<String>>, calls: usize, together: usize) -> Self {
        let client = record.borrow().len();
        record.borrow_mut().push(Vec::new());
        Self {
            record: Rc::clone(record),
            client,
            names: Rc::clone(names),
            together,
            left: calls,
            fresh: (client as i64 + 1) * 1000,
            sent: VecDeque::new(),
        }
    }

    /// Names of the keys of a history, chosen by chance.
    pub fn names(rng: &mut Rng) -> Rc<Vec<String>> {
        let base = rng.below(10_000);
        Rc::new((0..KEYS).map(|key| format!("h:{}", base + key)).collect())
    }

    fn choose(&mut self, rng: &mut Rng) -> Op {
        self.fresh += 10;
        let value = self.fresh;
        let mut keys: Vec<usize> = (0..KEYS).collect();
        (0..KEYS).for_each(|at| keys.swap(at, at + rng.below(KEYS - at)));
        keys.truncate(2 + rng.below(2));
        match rng.below(9) {
            0 | 1 => Op::Get(keys[0]),
            2 => Op::Set(keys[0], value),
            3 => Op::Add(keys[0], 1),
            4 => Op::Del(keys),
            5 => Op::GetAll(keys),
            6 => Op::SetAll(keys.into_iter().zip(value..).collect()),
            7 => Op::RenameIfNone(keys[0], keys[1]),
            _ => Op::Copy(keys[0], keys[1]),
        }
    }

    fn line(&self, op: &Op) -> String {
        let name = |key: &usize| self.names[*key].as_str();
        let names = |keys: &[usize]| keys.iter().map(name).collect::<Vec<_>>().join(" ");
        match op {
            Op::Get(key) => format!("GET {}", name(key)),
            Op::Set(key, value) => format!("SET {} {value}", name(key)),
            Op::Add(key, by) => format!("INCRBY {} {by}", name(key)),
            Op::Del(keys) => format!("DEL {}", names(keys)),
            Op::GetAll(keys) => format!("MGET {}", names(keys)),
            Op::SetAll(pairs) => {
                let pairs: Vec<_> = pairs.iter().map(|(k, v)| format!("{} {v}", name(k))).collect();
                format!("MSET {}", pairs.join(" "))
            }
            Op::RenameIfNone(from, to) => format!("RENAMENX {} {}", name(from), name(to)),
            Op::Copy(from, to) => format!("COPY {} {} REPLACE", name(from), name(to)),
            Op::SetAllIfNone(_) | Op::Exist(_) => unreachable!("not chosen"),
        }
    }
}

impl Program for Recorded {
    fn next(&mut self, rng: &mut Rng) -> Option<Pipeline> {
        let count = (1 + rng.below(self.together)).min(self.left);
        self.left -= count;
        let mut calls = Vec::new();
        let mut pipeline = Pipeline::default();
        for _ in 0..count {
            let size = if rng.percent(30) { 2 + rng.below(2) } else { 1 };
            let ops: Vec<Op> = (0..size).map(|_| self.choose(rng)).collect();
            if size > 1 {
                pipeline.line("MULTI");
            }
            ops.iter().for_each(|op| pipeline.line(&self.line(op)));
            if size > 1 {
                pipeline.line("EXEC");
            }
            calls.push(ops);
        }
        if count == 0 {
            return None;
        }
        self.sent.push_back(calls);
        Some(pipeline)
    }

    fn answered(&mut self, replies: Vec<Reply>, span: Span) -> Result<(), Failure> {
        let mut replies = replies.into_iter();
        for ops in self.sent.pop_front().unwrap_or_default() {
            let replies: Vec<Reply> = match ops.len() {
                1 => replies.next().into_iter().collect(),
                size => replies.nth(size + 1).unwrap().items().to_vec(),
            };
            let values: Result<Vec<_>, _> =
                ops.iter().zip(&replies).map(|(op, reply)| value_of(op, reply)).collect();
            let call = Call { start: span.start, end: span.end, ops, replies: values? };
            self.record.borrow_mut()[self.client].push(call);
        }
        Ok(())
    }
}

fn value_of(op: &Op, reply: &Reply) -> Result<Value, Failure> {
    let number = |reply: &Reply| match reply {
        Reply::Null => None,
        other => Some(other.text().parse().unwrap()),
    };
    Ok(match (op, reply) {
        (Op::Get(_), Reply::Null | Reply::Bulk(_)) => Value::One(number(reply)),
        (Op::GetAll(_), Reply::Array(items)) => Value::Many(items.iter().map(number).collect()),
        (Op::RenameIfNone(..), Reply::Error(text)) if text == b"ERR no such key" => Value::Refused,
        (_, Reply::Int(count)) => Value::Count(*count),
        (_, reply) if reply.is_ok() => Value::Ok,
        (op, reply) => {
            return Err(Failure::new(Check::Reply, format!("{op:?} got {reply:?}")));
        }
    })
}
