//! Clients whose work is a sequence of numbered steps, each of which leaves a trace in the data: so the
//! data tells how many steps of each client it has, and whether there is a hole. What step `n` of a
//! client does follows from `n` alone.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::harness::client::encode;
use crate::{Client, Reply};

/// When what is not to expire in this century expires, in milliseconds since 1970; each deadline is so
/// many milliseconds later as its step's number says.
const FAR_MS: i64 = 4_102_444_800_000;

/// The longest life of a key that is to expire soon.
pub const NEAR: Duration = Duration::from_millis(150);

/// Keys of a client that expire soon.
const NEAR_KEYS: u64 = 4;

/// Values that are longer than a number.
const PADDING: usize = 200;

/// What is read of a client's steps of one kind: their numbers, or what is left of them.
type Trace = Vec<u64>;

/// One kind of steps.
struct Kind {
    name: &'static str,
    /// The commands of a client's step; more than one are a transaction.
    commands: fn(client: usize, step: u64) -> Vec<Vec<String>>,
    /// What is there of them.
    read: fn(&mut Client, client: usize) -> Result<Trace, String>,
    /// What must be there after these steps.
    leaves: fn(&[u64]) -> Trace,
}

/// The kinds, in the order in which the steps go through them again and again.
const KINDS: &[Kind] = &[
    Kind {
        name: "INCR",
        commands: |client, _| vec![words(&format!("INCR counter:{client}"))],
        read: |db, client| Ok(last(&db.cmd(&["GET", &format!("counter:{client}")]))),
        leaves: |steps| if steps.is_empty() { vec![] } else { vec![steps.len() as u64] },
    },
    Kind {
        name: MSET,
        commands: |client, step| {
            let [left, right] = SHARED_BY_MSET;
            let own = format!("MSET left:{client} {step} right:{client} {step}");
            vec![words(&format!("{own} {left} {client}:{step} {right} {client}:{step}"))]
        },
        read: |db, client| pair(db, &format!("left:{client}"), &format!("right:{client}")),
        leaves: newest_alone,
    },
    Kind {
        name: MULTI,
        commands: |client, step| {
            let set = |key: &str, value: String| words(&format!("SET {key} {value}"));
            let own = |side: &str| set(&format!("{side}:{client}"), step.to_string());
            let shared = SHARED_BY_MULTI.map(|key| set(key, format!("{client}:{step}")));
            [vec![own("low"), own("high")], shared.to_vec()].concat()
        },
        read: |db, client| pair(db, &format!("low:{client}"), &format!("high:{client}")),
        leaves: newest_alone,
    },
    Kind {
        name: "RPUSH",
        commands: |client, step| vec![words(&format!("RPUSH list:{client} {step}"))],
        read: |db, client| Ok(numbers(&db.run(&format!("LRANGE list:{client} 0 -1")))),
        leaves: <[u64]>::to_vec,
    },
    Kind {
        name: "PEXPIREAT",
        commands: |client, step| {
            vec![words(&format!("PEXPIREAT list:{client} {}", FAR_MS + step as i64))]
        },
        read: |db, client| Ok(deadline(db, &format!("list:{client}"))),
        leaves: newest_alone,
    },
    Kind {
        name: "SET PXAT",
        commands: |client, step| {
            vec![words(&format!("SET far:{client} {step} PXAT {}", FAR_MS + step as i64))]
        },
        read: |db, client| {
            let key = format!("far:{client}");
            let (value, deadline) = (last(&db.cmd(&["GET", &key])), deadline(db, &key));
            same("value and deadline", value, deadline)
        },
        leaves: newest_alone,
    },
    Kind {
        name: "PEXPIREAT soon",
        commands: |client, step| {
            let key = format!("near:{client}:{}", step % NEAR_KEYS);
            let at = now_ms() + 20 + step * 37 % (NEAR.as_millis() as u64 - 20);
            let lines = [
                format!("SET {key} {step}"),
                format!("PEXPIREAT {key} {at}"),
                format!("SET nears:{client} {step}"),
            ];
            lines.iter().map(|line| words(line)).collect()
        },
        read: |db, client| Ok(last(&db.cmd(&["GET", &format!("nears:{client}")]))),
        leaves: newest_alone,
    },
    Kind {
        name: "HSET",
        commands: |client, step| {
            vec![words(&format!("HSET hash:{client} {step} {step:0>PADDING$}"))]
        },
        read: |db, client| twice("field and value", &db.run(&format!("HGETALL hash:{client}"))),
        leaves: <[u64]>::to_vec,
    },
    Kind {
        name: "SADD",
        commands: |client, step| vec![words(&format!("SADD set:{client} {step}"))],
        read: |db, client| {
            let mut found = numbers(&db.run(&format!("SMEMBERS set:{client}")));
            found.sort_unstable();
            Ok(found)
        },
        leaves: <[u64]>::to_vec,
    },
    Kind {
        name: "ZADD",
        commands: |client, step| vec![words(&format!("ZADD zset:{client} {step} {step}"))],
        read: |db, client| {
            twice("member and score", &db.run(&format!("ZRANGE zset:{client} 0 -1 WITHSCORES")))
        },
        leaves: <[u64]>::to_vec,
    },
    Kind {
        name: "XADD",
        commands: |client, step| {
            vec![words(&format!("XADD stream:{client} {step}-1 value {step:0>PADDING$}"))]
        },
        read: |db, client| {
            let all = db.run(&format!("XRANGE stream:{client} - +"));
            let id = |entry: &Reply| number(entry.items()[0].text().strip_suffix("-1").unwrap());
            let value = |entry: &Reply| number(&entry.items()[1].items()[1].text());
            let (ids, values) = all.items().iter().map(|entry| (id(entry), value(entry))).unzip();
            same("ID and value", ids, values)
        },
        leaves: <[u64]>::to_vec,
    },
    Kind {
        name: "SETBIT",
        commands: |client, step| vec![words(&format!("SETBIT bits:{client} {step} 1"))],
        read: |db, client| Ok(set_bits(&db.run(&format!("GET bits:{client}")))),
        leaves: <[u64]>::to_vec,
    },
];

/// The kinds that write pairs of keys of all clients, by name.
const MSET: &str = "MSET";
const MULTI: &str = "MULTI";

/// The pairs of keys that all clients write, by that they are on different shards.
const SHARED_BY_MSET: [&str; 2] = ["shared:left", "shared:right"];
const SHARED_BY_MULTI: [&str; 2] = ["shared:low", "shared:high"];

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} was written by no step"))
}

fn numbers(list: &Reply) -> Trace {
    list.items().iter().map(|item| number(&item.text())).collect()
}

/// The number that a string has, if there is one.
fn last(reply: &Reply) -> Trace {
    if *reply == Reply::Null { vec![] } else { vec![number(&reply.text())] }
}

fn newest_alone(steps: &[u64]) -> Trace {
    steps.last().copied().into_iter().collect()
}

fn same(what: &str, one: Trace, other: Trace) -> Result<Trace, String> {
    if one == other { Ok(one) } else { Err(format!("{what} differ: {one:?}, {other:?}")) }
}

fn pair(db: &mut Client, one: &str, other: &str) -> Result<Trace, String> {
    let [first, second] = [one, other].map(|key| last(&db.cmd(&["GET", key])));
    same(&format!("{one} and {other}"), first, second)
}

/// A list that has everything twice, in order of the numbers.
fn twice(what: &str, list: &Reply) -> Result<Trace, String> {
    let all = numbers(list);
    let half = |odd: usize| {
        let mut half: Trace = all.iter().skip(odd).step_by(2).copied().collect();
        half.sort_unstable();
        half
    };
    same(what, half(0), half(1))
}

/// The step that set a key's deadline, if it has one.
fn deadline(db: &mut Client, key: &str) -> Trace {
    let at = db.cmd(&["PEXPIRETIME", key]).int();
    if at < 0 { vec![] } else { vec![u64::try_from(at - FAR_MS).expect("a far deadline")] }
}

fn set_bits(reply: &Reply) -> Trace {
    if *reply == Reply::Null {
        return vec![];
    }
    let bits = reply.bytes().iter().enumerate();
    let bits = bits.flat_map(|(at, byte)| {
        (0..8).filter(move |bit| byte & (0x80 >> bit) != 0).map(move |bit| at as u64 * 8 + bit)
    });
    bits.collect()
}

fn kind_of(step: u64) -> &'static Kind {
    &KINDS[(step - 1) as usize % KINDS.len()]
}

/// The first `count` steps, as far as they are of this kind.
fn steps_of(kind: &str, count: u64) -> Trace {
    (1..=count).filter(|step| kind_of(*step).name == kind).collect()
}

/// A client that does its steps one by one.
pub struct Stepper {
    number: usize,
    /// Steps that are known to be in the data before it goes on.
    known: u64,
    /// When each further one was acknowledged.
    acknowledged: Vec<Instant>,
}

impl Stepper {
    /// Client number `number`, which did nothing yet.
    pub fn new(number: usize) -> Stepper {
        Stepper { number, known: 0, acknowledged: Vec::new() }
    }

    /// Goes on with its steps until the connection ends.
    pub fn run(&mut self, address: SocketAddr) {
        let Ok(mut client) = Client::connect(address) else { return };
        loop {
            let step = self.known + self.acknowledged.len() as u64 + 1;
            let mut commands = (kind_of(step).commands)(self.number, step);
            if commands.len() > 1 {
                commands.insert(0, words("MULTI"));
                commands.push(words("EXEC"));
            }
            let bytes: Vec<u8> = commands.iter().flat_map(|words| encode(words)).collect();
            if client.send_raw(&bytes).is_err() {
                return;
            }
            for words in &commands {
                let Ok(raw) = client.read_raw() else { return };
                let reply = Reply::parse(&raw);
                assert_eq!(reply.error(), None, "step {step}: {words:?}");
                assert_ne!(reply, Reply::Null, "step {step}: {words:?}");
            }
            self.acknowledged.push(Instant::now());
        }
    }

    /// How many steps were acknowledged, as far as that is longer ago than `grace` at `end`.
    pub fn acknowledged(&self, end: Instant, grace: Duration) -> u64 {
        let is_over = |at: &Instant| grace.is_zero() || *at + grace <= end;
        self.known + self.acknowledged.partition_point(is_over) as u64
    }

    /// How many steps the data can have at most: the last one may have been under way.
    pub fn most(&self) -> u64 {
        self.known + self.acknowledged.len() as u64 + 1
    }

    /// It goes on behind so many steps.
    pub fn resume_behind(&mut self, steps: u64) {
        self.known = steps;
        self.acknowledged.clear();
    }

    /// How many of its steps the data has.
    ///
    /// # Errors
    /// Where there is a hole, or a pair that is not one.
    pub fn steps_found(&self, db: &mut Client) -> Result<u64, String> {
        let mut found = Vec::new();
        for kind in KINDS {
            let trace = (kind.read)(db, self.number);
            found.push(trace.map_err(|text| format!("client {}: {text}", self.number))?);
        }
        let newest = found.iter().flatten().copied().max().unwrap_or(0);
        let misses = |count: u64| {
            let mut all = KINDS.iter().zip(&found);
            all.find(|(kind, trace)| (kind.leaves)(&steps_of(kind.name, count)) != **trace)
        };
        // A count does not tell the number of its step.
        match misses(newest) {
            None => Ok(newest),
            Some(_) if misses(newest + 1).is_none() => Ok(newest + 1),
            Some((kind, trace)) => {
                let expected = (kind.leaves)(&steps_of(kind.name, newest));
                let at = expected.iter().zip(trace).take_while(|(one, other)| one == other).count();
                let show = |all: &Trace| format!("{:?}", all.iter().skip(at).take(5));
                let (expected, trace) = (show(&expected), show(trace));
                let who = format!("client {} has step {newest}", self.number);
                Err(format!("{who}, but of {} from item {at} {trace}, not {expected}", kind.name))
            }
        }
    }
}

/// Checks the pairs that all clients write, where each client's steps are there so far as `found` says.
///
/// # Errors
/// What is wrong with them.
pub fn check_shared(db: &mut Client, found: &[u64]) -> Result<(), String> {
    for (kind, keys) in [(MSET, SHARED_BY_MSET), (MULTI, SHARED_BY_MULTI)] {
        let [one, other] = keys.map(|key| db.cmd(&["GET", key]));
        if one != other {
            return Err(format!("{keys:?} differ: {one:?}, {other:?}"));
        }
        let newest = |client: usize| steps_of(kind, found[client]).last().copied();
        let is_newest = match &one {
            Reply::Null => (0..found.len()).all(|client| newest(client).is_none()),
            value => {
                let text = value.text();
                let (client, step) = text.split_once(':').expect("a client and its step");
                newest(client.parse().unwrap()) == Some(number(step))
            }
        };
        if !is_newest {
            return Err(format!("{keys:?} have {one:?}, which is no client's newest: {found:?}"));
        }
    }
    Ok(())
}

/// Checks that what was to expire soon is gone, once it had to be.
pub fn check_expired(db: &mut Client, clients: usize) {
    for client in 0..clients {
        let keys = (0..NEAR_KEYS).map(|key| format!("near:{client}:{key}"));
        let exists: Vec<String> = std::iter::once("EXISTS".to_owned()).chain(keys).collect();
        assert_eq!(db.cmd(&exists).int(), 0, "keys of client {client} came back");
    }
}
