//! A partition with everything around it that a command needs: commands go in as words, replies
//! come out as bytes, time stands still until a test moves it.
//!
//! A second partition is fed by the effects of the first alone. [`Fixture::check`] and its like
//! compare the two after every command, so a handler that forgets an effect fails any test.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may end in a panic")]

use std::collections::{BTreeMap, BTreeSet};

use shardwright_codec::resp::{ArgRange, Protocol};
use shardwright_store::command::{CommandId, DataCommand};
use shardwright_store::commands::FAMILIES;
use shardwright_store::context::{KeyRef, Limits};
use shardwright_store::data;
use shardwright_store::digest::Digest;
use shardwright_store::effect::Effect;
use shardwright_store::executor::{self, Batch, End, Meter, Planned, Replies, Request};
use shardwright_store::hash::KeyHasher;
use shardwright_store::keyspace::Keyspace;
use shardwright_store::partition::{Partition, PartitionOptions};
use shardwright_store::types::{DbIndex, ShardId, SlotRange, UnixMillis};
use shardwright_store::value::ValueRef;

/// Seed of every choice at random in these tests.
pub const SEED: u64 = 0x5eed;

/// The time at which every test begins.
pub const START: UnixMillis = UnixMillis(1_700_000_000_000);

/// Number of databases.
pub const DATABASES: u16 = 4;

/// One shard with a clock of its own, and the shadow that its effects build.
pub struct Fixture {
    /// The partition that commands run on.
    pub partition: Partition,
    /// The partition that sees effects only.
    pub shadow: Partition,
    /// The time that commands see.
    pub now: UnixMillis,
    /// The connection's database.
    pub db: DbIndex,
    /// The connection's protocol version.
    pub protocol: Protocol,
    /// Bounds that handlers keep to.
    pub limits: Limits,
    /// Whether the shadow must have every collection in the same encoding. What COPY makes
    /// of a large one that shrank keeps its encoding, while what is logged whole is read into the one
    /// for its size, as Redis reads an RDB file.
    pub encodings_agree: bool,
    /// Every key that a command named.
    named: BTreeSet<Vec<u8>>,
    /// Effects recorded by the last command, decoded and printed.
    effects: Vec<String>,
}

/// Value as text, whether it is `raw`, and deadline.
type Content = (String, bool, Option<UnixMillis>);

impl Default for Fixture {
    fn default() -> Self {
        Self::new()
    }
}

impl Fixture {
    /// An empty partition at time [`START`], database 0, RESP2.
    pub fn new() -> Self {
        let mut partition = Partition::new(options());
        partition.encode_effects(true);
        Self {
            partition,
            shadow: Partition::new(options()),
            now: START,
            db: DbIndex(0),
            protocol: Protocol::Resp2,
            limits: Limits::default(),
            encodings_agree: true,
            named: BTreeSet::new(),
            effects: Vec::new(),
        }
    }

    /// Lets time pass.
    pub fn advance_ms(&mut self, ms: i64) {
        self.now = UnixMillis(self.now.0 + ms);
    }

    /// Runs a command and returns its reply. The shadow must agree afterwards.
    pub fn run<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Vec<u8> {
        let batch = self.plan(words);
        self.execute(&batch)
    }

    /// Runs lines as a transaction and returns the reply of EXEC. The shadow must agree afterwards.
    pub fn transaction(&mut self, lines: &[&str]) -> String {
        let (count, protocol) = (lines.len() as u32, self.protocol);
        let mut batch = Batch::default();
        batch.requests.push(Request::Exec { count, replies: count, watch: None, protocol });
        for line in lines {
            let words: Vec<_> = line.split_whitespace().collect();
            let single = self.plan(&words);
            for request in &single.requests {
                if let Request::Command(planned) = request {
                    batch.push_copy(single.view(), planned);
                }
            }
        }
        String::from_utf8(self.execute(&batch)).unwrap()
    }

    fn execute(&mut self, batch: &Batch) -> Vec<u8> {
        let mut out = Vec::new();
        let mut replies = Replies { out: &mut out, ends: None, limit: usize::MAX };
        let mut keyspace = Keyspace::of(&mut self.partition);
        let done = executor::run(
            &mut keyspace,
            batch.view(),
            0,
            self.now,
            self.limits,
            &mut replies,
            &mut GoOn,
        );
        assert_eq!(done, batch.requests.len());
        self.follow();
        out
    }

    /// Runs a command whose reply must be `expected`, byte for byte.
    #[track_caller]
    pub fn check<W: AsRef<[u8]>>(&mut self, words: &[W], expected: impl AsRef<[u8]>) {
        let reply = self.run(words);
        let line: Vec<_> = words.iter().map(|w| w.as_ref().escape_ascii().to_string()).collect();
        assert_eq!(
            reply.escape_ascii().to_string(),
            expected.as_ref().escape_ascii().to_string(),
            "{} (seed {SEED})",
            line.join(" ")
        );
    }

    /// Runs commands, each given as a line of words without quotes, with the reply behind it.
    #[track_caller]
    pub fn check_lines(&mut self, lines: &[(&str, &str)]) {
        for (line, expected) in lines {
            let words: Vec<_> = line.split_whitespace().collect();
            self.check(&words, expected);
        }
    }

    /// The effects of the last command, as `Debug` prints them.
    pub fn effects(&self) -> &[String] {
        &self.effects
    }

    /// What `key` holds in the connection's database, expired or not.
    pub fn content(&self, key: &str) -> Option<Content> {
        self.content_in(&self.partition, self.db, key.as_bytes())
    }

    /// A batch of one command. A wrong number of arguments or an unknown name is a fault of the
    /// test: connections answer those before they plan.
    #[track_caller]
    fn plan<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Batch {
        let (id, command) = command_of(words);
        let mut batch = Batch::default();
        for word in words {
            let (start, word) = (batch.data.len(), word.as_ref());
            batch.data.extend_from_slice(word);
            batch.args.push(ArgRange { start: start as u32, len: word.len() as u32 });
        }
        assert!(command.spec.accepts(words.len()), "arity of {}", command.spec.name);
        let args = shardwright_codec::resp::Args::new(&batch.data, &batch.args);
        let hasher = self.partition.hasher();
        for spec in command.spec.keys {
            for arg in spec.positions(args).unwrap() {
                let key = args.at(arg);
                let hash = hasher.hash(key);
                self.named.insert(key.to_vec());
                batch.keys.push(KeyRef { hash: hash.hash, arg: arg as u32, slot: hash.slot });
            }
        }
        batch.requests.push(Request::Command(Planned {
            handler: command.run.unwrap(),
            id,
            db: self.db,
            protocol: self.protocol,
            first_arg: 0,
            arg_count: words.len() as u32,
            first_key: 0,
            key_count: batch.keys.len() as u32,
            watch: None,
            no_touch: false,
        }));
        batch
    }

    /// Feeds the shadow and compares.
    #[track_caller]
    fn follow(&mut self) {
        self.effects.clear();
        if let Some(effects) = self.partition.take_effects() {
            let mut rest = &effects.records[..];
            while !rest.is_empty() {
                let (effect, len) = Effect::decode(rest).unwrap();
                self.effects.push(format!("{effect:?}"));
                self.shadow.apply(&effect).unwrap();
                rest = &rest[len..];
            }
            assert_eq!(effects.count, self.effects.len() as u64);
        }
        assert_eq!(self.snapshot(&self.partition), self.snapshot(&self.shadow));
        for db in (0..DATABASES).map(DbIndex) {
            assert_eq!(self.partition.figures(db), self.shadow.figures(db), "database {}", db.0);
        }
    }

    /// All that a partition has under the keys that were ever named.
    fn snapshot(&self, partition: &Partition) -> BTreeMap<(DbIndex, Vec<u8>), Content> {
        let databases = (0..DATABASES).map(DbIndex);
        databases
            .flat_map(|db| self.named.iter().map(move |key| (db, key)))
            .filter_map(|(db, key)| Some(((db, key.clone()), self.content_in(partition, db, key)?)))
            .collect()
    }

    fn content_in(&self, partition: &Partition, db: DbIndex, key: &[u8]) -> Option<Content> {
        let entry = partition.get(db, partition.hasher().hash(key), key)?;
        let (text, raw) = match entry.value() {
            ValueRef::Int(n) => (format!("int {n}"), false),
            ValueRef::Bytes { bytes, raw } => (bytes.escape_ascii().to_string(), raw),
            value @ (ValueRef::Packed(_) | ValueRef::Object(_)) => (self.collection(value), false),
        };
        Some((text, raw, entry.deadline()))
    }

    /// All that clients see of a collection. How much memory it has reserved may depend on its past.
    fn collection(&self, value: ValueRef<'_>) -> String {
        let mut digest = Digest::default();
        data::exact_digest(value, &mut digest);
        let encoding = if self.encodings_agree { data::encoding(value) } else { "any" };
        format!("{} as {encoding}: {digest}", value.kind())
    }
}

fn options() -> PartitionOptions {
    PartitionOptions {
        id: ShardId(0),
        slots: SlotRange::ALL,
        databases: DATABASES,
        hasher: KeyHasher::new([SEED, !SEED]),
        seed: SEED,
        now: START,
    }
}

/// The command that the words name, of all families, subcommands included.
#[track_caller]
fn command_of<W: AsRef<[u8]>>(words: &[W]) -> (CommandId, &'static DataCommand) {
    let is = |command: &&DataCommand, at: usize| {
        words.get(at).is_some_and(|w| w.as_ref().eq_ignore_ascii_case(command.spec.name.as_bytes()))
    };
    let mut commands = FAMILIES.iter().flat_map(|family| family.iter()).enumerate();
    let found = commands.find(|(_, command)| is(command, 0));
    let (number, command) =
        found.unwrap_or_else(|| panic!("no command {}", words[0].as_ref().escape_ascii()));
    let command = command.subcommands.iter().find(|sub| is(sub, 1)).unwrap_or(command);
    (CommandId(number as u16), command)
}

struct GoOn;

impl Meter for GoOn {
    fn ended(&mut self, _: CommandId, _: End, _: Option<&[u8]>) -> bool {
        true
    }
}
