//! What the calls of a history do, on one thread: the specification.

/// How many keys a history plays with.
pub const KEYS: usize = 5;

/// The data: an integer, or none, a key.
pub type State = [Option<i64>; KEYS];

/// One command of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// GET.
    Get(usize),
    /// SET.
    Set(usize, i64),
    /// INCRBY.
    Add(usize, i64),
    /// DEL of several keys.
    Del(Vec<usize>),
    /// MGET.
    GetAll(Vec<usize>),
    /// MSET.
    SetAll(Vec<(usize, i64)>),
    /// MSETNX.
    SetAllIfNone(Vec<(usize, i64)>),
    /// RENAMENX.
    RenameIfNone(usize, usize),
    /// COPY with REPLACE.
    Copy(usize, usize),
    /// EXISTS.
    Exist(Vec<usize>),
}

/// The reply to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A value or none.
    One(Option<i64>),
    /// Several of them.
    Many(Vec<Option<i64>>),
    /// A count, a new value, or how it went.
    Count(i64),
    /// +OK.
    Ok,
    /// An error ("no such key" of RENAMENX).
    Refused,
}

/// One call of one client: a command, or a transaction of several.
#[derive(Clone, Debug)]
pub struct Call {
    /// Just before it was sent, in nanoseconds since the history began.
    pub start: u64,
    /// Just after its reply was there.
    pub end: u64,
    /// What it does, in order.
    pub ops: Vec<Op>,
    /// What was replied.
    pub replies: Vec<Value>,
}

impl Call {
    /// The state after this call, if a single thread would have given the same replies.
    pub fn apply(&self, before: &State) -> Option<State> {
        let mut state = *before;
        let agrees =
            self.ops.iter().zip(&self.replies).all(|(op, reply)| op.run(&mut state) == *reply);
        agrees.then_some(state)
    }
}

impl Op {
    /// Runs the command; its reply.
    pub fn run(&self, state: &mut State) -> Value {
        match self {
            Op::Get(key) => Value::One(state[*key]),
            Op::Set(key, value) => {
                state[*key] = Some(*value);
                Value::Ok
            }
            Op::Add(key, by) => {
                let sum = state[*key].unwrap_or(0) + by;
                state[*key] = Some(sum);
                Value::Count(sum)
            }
            Op::Del(keys) => {
                let gone = keys.iter().filter(|&&key| state[key].take().is_some()).count();
                Value::Count(gone as i64)
            }
            Op::GetAll(keys) => Value::Many(keys.iter().map(|&key| state[key]).collect()),
            Op::SetAll(pairs) => {
                pairs.iter().for_each(|&(key, value)| state[key] = Some(value));
                Value::Ok
            }
            Op::SetAllIfNone(pairs) => {
                let free = pairs.iter().all(|&(key, _)| state[key].is_none());
                if free {
                    pairs.iter().for_each(|&(key, value)| state[key] = Some(value));
                }
                Value::Count(i64::from(free))
            }
            Op::RenameIfNone(from, to) => rename(state, *from, *to),
            Op::Copy(from, to) => {
                let there = state[*from].is_some();
                if there {
                    state[*to] = state[*from];
                }
                Value::Count(i64::from(there))
            }
            Op::Exist(keys) => {
                Value::Count(keys.iter().filter(|&&key| state[key].is_some()).count() as i64)
            }
        }
    }
}

fn rename(state: &mut State, from: usize, to: usize) -> Value {
    if state[from].is_none() {
        return Value::Refused;
    }
    let free = state[to].is_none();
    if free {
        state[to] = state[from].take();
    }
    Value::Count(i64::from(free))
}
