//! Any commands on two partitions: no panic, every reply whole, and the same data where effects
//! alone arrive.
//!
//! An input is lines of words. The first word names a command, or chooses any if it names none, so
//! that what is mutated still does something. A word of one byte of 0x80 or more stands for one of
//! [`WORDS`]. Lines that begin with `@` steer: see [`Fuzzed::steer`].

#![no_main]

use libfuzzer_sys::fuzz_target;
use shardwright_codec::resp::{ArgRange, Args, Protocol, parse_reply};
use shardwright_store::command::{CommandId, DataCommand, Flags};
use shardwright_store::commands::{FAMILIES, scan};
use shardwright_store::context::{KeyRef, Limits};
use shardwright_store::digest::partition_digest;
use shardwright_store::effect::Effect;
use shardwright_store::executor::{self, Batch, End, Meter, Planned, Replies, Request};
use shardwright_store::hash::KeyHasher;
use shardwright_store::keyspace::Keyspace;
use shardwright_store::partition::{Partition, PartitionOptions};
use shardwright_store::types::{DbIndex, Sequence, ShardMap, UnixMillis};
use shardwright_store::watch::WatchToken;

/// Keys on both partitions, options and numbers that matter to some command: as many as one byte can
/// name. What is rarer is in the corpus.
const WORDS: &[&str] = &[
    "a",
    "b",
    "c",
    "{a}1",
    "{b}1",
    "key:1",
    "key:2",
    "0",
    "1",
    "2",
    "-1",
    "10",
    "100",
    "3.5",
    "-0.1",
    "1e300",
    "4095",
    "5000",
    "9223372036854775807",
    "-9223372036854775808",
    "1700000000",
    "1700000000500",
    "value",
    "NX",
    "XX",
    "GT",
    "LT",
    "GET",
    "EX",
    "PX",
    "EXAT",
    "PXAT",
    "KEEPTTL",
    "PERSIST",
    "REPLACE",
    "DB",
    "COPY",
    "MATCH",
    "COUNT",
    "TYPE",
    "string",
    "*",
    "k*[1-9]",
    "h?\\?",
    "LEN",
    "IDX",
    "MINMATCHLEN",
    "WITHMATCHLEN",
    "ENCODING",
    "IDLETIME",
    "REFCOUNT",
    "FREQ",
    "HELP",
    "ASYNC",
    "SYNC",
    "DIGEST",
    "DIGEST-VALUE",
    "OBJECT",
    "POPULATE",
    "STRINGMATCH-LEN",
    "inf",
    "nan",
    "",
    "a long value that is embedded no more, since it has over 44 bytes",
    "LEFT",
    "RIGHT",
    "RANK",
    "MAXLEN",
    "WITHSCORES",
    "BYSCORE",
    "BYLEX",
    "REV",
    "LIMIT",
    "CH",
    "INCR",
    "WEIGHTS",
    "AGGREGATE",
    "SUM",
    "MIN",
    "MAX",
    "STORE",
    "BY",
    "ALPHA",
    "DESC",
    "ASC",
    "-",
    "+",
    "[b",
    "(1",
    "+inf",
    "-inf",
    "STREAMS",
    "BLOCK",
    "GROUP",
    "CREATE",
    "DELCONSUMER",
    "MKSTREAM",
    "g",
    "h",
    "ada",
    "NOMKSTREAM",
    "MINID",
    "~",
    ">",
    "$",
    "1-1",
    "2-1",
    "NOACK",
    "IDLE",
    "TIME",
    "FORCE",
    "JUSTID",
    "STREAM",
    "FULL",
    "FROMMEMBER",
    "FROMLONLAT",
    "BYRADIUS",
    "WITHCOORD",
    "STOREDIST",
    "km",
    "13.36",
    "SET",
    "INCRBY",
    "OVERFLOW",
    "SAT",
    "u8",
];

const START: UnixMillis = UnixMillis(1_700_000_000_000);
const DATABASES: u16 = 4;

/// Short strings, so that lengths over the limit cost nothing.
fn limits() -> Limits {
    Limits { max_string: 4096, ..Limits::default() }
}

/// Most keys that DEBUG POPULATE makes here: its count is a mere loop.
const POPULATED: u64 = 100;

fuzz_target!(|data: &[u8]| {
    let mut fuzzed = Fuzzed::new();
    for line in data.split(|&byte| byte == b'\n') {
        let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').map(meaning).collect();
        match words[0].strip_prefix(b"@") {
            Some(verb) => fuzzed.steer(verb, words.get(1).map_or(0, |word| number(word))),
            None => fuzzed.add(words),
        }
    }
    fuzzed.run();
    fuzzed.compare();
});

/// A word as it is, or the one that it stands for.
fn meaning(word: &[u8]) -> &[u8] {
    match word {
        [byte @ 0x80..=0xff] => WORDS[usize::from(byte - 0x80) % WORDS.len()].as_bytes(),
        word => word,
    }
}

/// Some number for any word.
fn number(word: &[u8]) -> u64 {
    let text = std::str::from_utf8(word).ok().and_then(|text| text.parse().ok());
    text.unwrap_or_else(|| word.iter().fold(7, |sum, &byte| sum * 31 % 65_521 + u64::from(byte)))
}

/// Two partitions, what effects make of them, and the one connection that uses them.
struct Fuzzed {
    partitions: [Box<Partition>; 2],
    shadows: [Partition; 2],
    sequences: [Sequence; 2],
    now: UnixMillis,
    db: DbIndex,
    protocol: Protocol,
    round: u64,
    batch: Batch,
    /// Where the open transaction begins among the batch's requests.
    block: Option<usize>,
}

impl Fuzzed {
    fn new() -> Self {
        let map = ShardMap::new(2);
        let partition = |id| {
            Partition::new(PartitionOptions {
                id,
                slots: map.slots_of(id),
                databases: DATABASES,
                hasher: KeyHasher::new([1, 2]),
                seed: 3,
                now: START,
            })
        };
        let mut shards = map.all().map(|id| {
            let mut live = Box::new(partition(id));
            live.encode_effects(true);
            (live, partition(id))
        });
        let ((a, b), (c, d)) = shards.next().zip(shards.next()).expect("two shards");
        Self {
            partitions: [a, c],
            shadows: [b, d],
            sequences: [Sequence(0); 2],
            now: START,
            db: DbIndex(0),
            protocol: Protocol::Resp2,
            round: 1,
            batch: Batch::default(),
            block: None,
        }
    }

    /// `@db`, `@hello`, `@multi`, `@exec` and `@unwatch` do what the commands do; `@run` ends the
    /// batch, `@time` lets so many milliseconds pass, `@expire` removes what is due.
    fn steer(&mut self, verb: &[u8], number: u64) {
        match verb {
            b"db" => self.db = DbIndex((number % u64::from(DATABASES)) as u16),
            b"hello" if number == 3 => self.protocol = Protocol::Resp3,
            b"hello" => self.protocol = Protocol::Resp2,
            b"multi" if self.block.is_none() => self.block = Some(self.batch.requests.len()),
            b"exec" => self.end_block(),
            b"run" => self.run(),
            b"time" => {
                self.run();
                self.now = UnixMillis(self.now.0 + (number % 10_000_000) as i64);
            }
            b"expire" => {
                self.run();
                for partition in &mut self.partitions {
                    while partition.expire_due(self.now, 10) {}
                }
                self.follow();
            }
            b"unwatch" => {
                self.run();
                let token = self.token();
                for partition in &mut self.partitions {
                    partition.watch.end(token);
                }
                self.round += 1;
            }
            _ => {}
        }
    }

    fn token(&self) -> WatchToken {
        WatchToken(self.round)
    }

    /// Plans a command as a connection does, if its arguments are right in number.
    fn add(&mut self, words: Vec<&[u8]>) {
        let count;
        let mut words = words;
        if words[0].is_empty() {
            return;
        }
        let (id, command) = command_of(&words);
        words[0] = command.spec.name.as_bytes();
        let sub = words.get(1).and_then(|word| child(command, word));
        let (Some(handler), spec) = sub.map_or((command.run, &command.spec), |c| (c.run, &c.spec))
        else {
            return;
        };
        if words[0] == b"debug" && words.len() > 2 && words[1].eq_ignore_ascii_case(b"populate") {
            count = (number(words[2]) % POPULATED).to_string();
            words[2] = count.as_bytes();
        }
        // A block sees the whole keyspace, and so does this batch; SCAN wants to be on its shard.
        if !spec.accepts(words.len()) || (spec.flags.has(Flags::CURSOR) && !on_first(words[1])) {
            return;
        }
        let (args, keys) = (self.batch.args.len(), self.batch.keys.len());
        for word in &words {
            let start = self.batch.data.len() as u32;
            self.batch.data.extend_from_slice(word);
            self.batch.args.push(ArgRange { start, len: word.len() as u32 });
        }
        let view = Args::new(&self.batch.data, &self.batch.args[args..]);
        for spec in spec.keys {
            let Ok(positions) = spec.positions(view) else {
                self.batch.args.truncate(args);
                self.batch.keys.truncate(keys);
                return;
            };
            for arg in positions {
                let hash = self.partitions[0].hasher().hash(view.at(arg));
                let arg = (args + arg) as u32;
                self.batch.keys.push(KeyRef { hash: hash.hash, arg, slot: hash.slot });
            }
        }
        self.batch.requests.push(Request::Command(Planned {
            handler,
            id,
            db: self.db,
            protocol: self.protocol,
            first_arg: args as u32,
            arg_count: words.len() as u32,
            first_key: keys as u32,
            key_count: (self.batch.keys.len() - keys) as u32,
            watch: (spec.name == "watch").then(|| self.token()),
            no_touch: false,
        }));
    }

    /// Makes a transaction of the commands since `@multi`.
    fn end_block(&mut self) {
        let Some(start) = self.block.take() else { return };
        let count = (self.batch.requests.len() - start) as u32;
        let (watch, protocol) = (Some(self.token()), self.protocol);
        self.batch.requests.insert(start, Request::Exec { count, replies: count, watch, protocol });
        self.round += 1;
    }

    /// Runs the batch, in several turns.
    fn run(&mut self) {
        self.end_block();
        let batch = std::mem::take(&mut self.batch);
        let mut out = Vec::new();
        let mut turns = Turns(0);
        let mut next = 0;
        while next < batch.requests.len() {
            let (home, lent) = self.partitions.split_at_mut(1);
            let mut keyspace = Keyspace::with_lent(&mut home[0], lent);
            let mut replies = Replies { out: &mut out, ends: None, limit: 1 << 16 };
            let from = next;
            let view = batch.view();
            next = executor::run(
                &mut keyspace,
                view,
                from,
                self.now,
                limits(),
                &mut replies,
                &mut turns,
            );
            assert!(next > from, "a turn runs something");
        }
        let mut rest = &out[..];
        let mut skip = 0_u32;
        for request in &batch.requests {
            match request {
                Request::Command(_) if skip > 0 => skip -= 1,
                Request::Command(_) => rest = whole_reply(rest),
                Request::Exec { count, .. } => {
                    rest = whole_reply(rest);
                    skip = *count;
                }
            }
        }
        assert!(rest.is_empty(), "a reply too many: {}", rest.escape_ascii());
        self.follow();
    }

    /// Feeds the shadows.
    fn follow(&mut self) {
        let shards = self.partitions.iter_mut().zip(&mut self.shadows).zip(&mut self.sequences);
        for ((partition, shadow), sequence) in shards {
            drop(partition.take_garbage());
            let Some(effects) = partition.take_effects() else { continue };
            assert_eq!(effects.first, sequence.next());
            *sequence = Sequence(sequence.0 + effects.count);
            assert_eq!(partition.sequence(), *sequence);
            let (mut rest, mut count) = (&effects.records[..], 0);
            while !rest.is_empty() {
                let (effect, len) = Effect::decode(rest).expect("an effect");
                shadow.apply(&effect).expect("an effect that fits");
                rest = &rest[len..];
                count += 1;
            }
            assert_eq!(count, effects.count);
        }
    }

    fn compare(&self) {
        for (partition, shadow) in self.partitions.iter().zip(&self.shadows) {
            assert_eq!(partition_digest(partition), partition_digest(shadow));
            for db in (0..DATABASES).map(DbIndex) {
                assert_eq!(partition.figures(db), shadow.figures(db), "database {}", db.0);
            }
        }
    }
}

/// The command that the first word names, or any if there is none.
fn command_of(words: &[&[u8]]) -> (CommandId, &'static DataCommand) {
    let all: Vec<&DataCommand> = FAMILIES.iter().copied().flatten().collect();
    let is_named = |c: &&DataCommand| words[0].eq_ignore_ascii_case(c.spec.name.as_bytes());
    let named = all.iter().position(|command| is_named(command));
    let at = named.unwrap_or_else(|| number(words[0]) as usize % all.len());
    (CommandId(at as u16), all[at])
}

fn child(command: &'static DataCommand, name: &[u8]) -> Option<&'static DataCommand> {
    let mut children = command.subcommands.iter();
    children.find(|child| name.eq_ignore_ascii_case(child.spec.name.as_bytes()))
}

/// Whether a cursor belongs to the partition that batches run on.
fn on_first(cursor: &[u8]) -> bool {
    ShardMap::new(2).shard_of(scan::slot_of_cursor(cursor)).0 == 0
}

/// What follows the reply in front.
#[track_caller]
fn whole_reply(bytes: &[u8]) -> &[u8] {
    let (_, len) = parse_reply(bytes).expect("a reply").expect("a whole reply");
    &bytes[len..]
}

/// Ends a turn after every third command.
struct Turns(u32);

impl Meter for Turns {
    fn ended(&mut self, _: CommandId, _: End, _: Option<&[u8]>) -> bool {
        self.0 += 1;
        self.0 % 3 != 0
    }
}
