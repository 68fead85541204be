//! A keyspace of one or several shards for tests of commands: each command runs on the shard that
//! routing would choose, with just the partitions lent that routing would lend. Time stands still
//! until a test moves it.
//!
//! Every shard has a shadow that sees its effects alone, and their digests are compared after every
//! command: a handler that forgets an effect fails any test.

use shardwright_codec::resp::{ArgRange, Args, Protocol};
use shardwright_store::command::{CommandId, DataCommand, Flags};
use shardwright_store::commands::{FAMILIES, scan};
use shardwright_store::context::{KeyRef, Limits};
use shardwright_store::digest::partition_digest;
use shardwright_store::effect::Effect;
use shardwright_store::executor::{self, Batch, End, Meter, Planned, Replies, Request};
use shardwright_store::hash::KeyHasher;
use shardwright_store::keyspace::Keyspace;
use shardwright_store::partition::{Partition, PartitionOptions};
use shardwright_store::types::{DbIndex, ShardMap, UnixMillis};
use shardwright_store::watch::WatchToken;

/// Seed of every choice at random in these tests.
pub const SEED: u64 = 0x5eed;

/// The time at which every test begins.
pub const START: UnixMillis = UnixMillis(1_700_000_000_000);

/// Number of databases.
pub const DATABASES: u16 = 16;

/// Shards with their shadows, and the state of the one connection that uses them.
pub struct Shards {
    map: ShardMap,
    #[allow(clippy::vec_box, reason = "partitions are lent in their boxes")]
    partitions: Vec<Box<Partition>>,
    shadows: Vec<Partition>,
    /// The time that commands see.
    pub now: UnixMillis,
    /// The connection's database.
    pub db: DbIndex,
    /// The connection's protocol version.
    pub protocol: Protocol,
    /// Bounds that handlers keep to.
    pub limits: Limits,
    /// The connection's round of WATCH.
    pub watch: Option<WatchToken>,
    /// Effects of the last command as `Debug` prints them, with the shard in front.
    pub effects: Vec<String>,
}

impl Shards {
    /// Empty shards at time [`START`], database 0, RESP2.
    pub fn new(shards: u16) -> Self {
        let map = ShardMap::new(shards);
        let partition = |id| {
            Partition::new(PartitionOptions {
                id,
                slots: map.slots_of(id),
                databases: DATABASES,
                hasher: KeyHasher::new([SEED, !SEED]),
                seed: SEED,
                now: START,
            })
        };
        let mut partitions: Vec<_> = map.all().map(|id| Box::new(partition(id))).collect();
        partitions.iter_mut().for_each(|partition| partition.encode_effects(true));
        Self {
            map,
            partitions,
            shadows: map.all().map(partition).collect(),
            now: START,
            db: DbIndex(0),
            protocol: Protocol::Resp2,
            limits: Limits::default(),
            watch: None,
            effects: Vec::new(),
        }
    }

    /// Lets time pass; what becomes due stays until somebody looks.
    pub fn advance_ms(&mut self, ms: i64) {
        self.now = UnixMillis(self.now.0 + ms);
    }

    /// The partitions in order.
    pub fn partitions(&self) -> Vec<&Partition> {
        self.partitions.iter().map(|partition| &**partition).collect()
    }

    /// Runs a command and returns its reply.
    #[track_caller]
    pub fn run<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Vec<u8> {
        self.run_batch(&[words], None)
    }

    /// Runs a block as EXEC does, ending the connection's round of WATCH.
    #[track_caller]
    pub fn exec(&mut self, block: &[&[&str]]) -> Vec<u8> {
        let watch = self.watch.take();
        self.run_batch(block, Some(watch))
    }

    #[track_caller]
    fn run_batch<W: AsRef<[u8]>>(
        &mut self,
        commands: &[&[W]],
        exec: Option<Option<WatchToken>>,
    ) -> Vec<u8> {
        let mut batch = Batch::default();
        if let Some(watch) = exec {
            let count = commands.len() as u32;
            let protocol = self.protocol;
            batch.requests.push(Request::Exec { count, replies: count, watch, protocol });
        }
        let routes: Vec<_> = commands.iter().map(|words| self.plan(words, &mut batch)).collect();
        // Watched keys may be anywhere.
        let all = exec.is_some() || routes.iter().any(|route| route.all);
        let home = routes.first().map_or(0, |route| route.home);
        let mut homes = Vec::new();
        let mut lent = Vec::new();
        let mut away = Vec::new();
        for (at, partition) in self.partitions.drain(..).enumerate() {
            if at == home {
                homes.push(partition);
            } else if all || routes.iter().any(|route| route.shards.contains(&at)) {
                lent.push(partition);
            } else {
                away.push(partition);
            }
        }
        let mut out = Vec::new();
        let mut replies = Replies { out: &mut out, ends: None, limit: usize::MAX };
        let mut keyspace = Keyspace::with_lent(&mut homes[0], &mut lent);
        let (now, limits) = (self.now, self.limits);
        executor::run(&mut keyspace, batch.view(), 0, now, limits, &mut replies, &mut GoOn);
        self.partitions = homes.into_iter().chain(lent).chain(away).collect();
        self.partitions.sort_by_key(|partition| partition.id());
        self.follow();
        out
    }

    /// Adds a command to a batch. A wrong number of arguments or an unknown name is a fault of the
    /// test: connections answer those before they plan.
    #[track_caller]
    fn plan<W: AsRef<[u8]>>(&self, words: &[W], batch: &mut Batch) -> Route {
        let (id, command) = command_of(words).expect("the command exists");
        assert!(command.spec.accepts(words.len()), "arity of {}", command.spec.name);
        let (first_arg, first_key) = (batch.args.len() as u32, batch.keys.len() as u32);
        for word in words {
            let (start, word) = (batch.data.len(), word.as_ref());
            batch.data.extend_from_slice(word);
            batch.args.push(ArgRange { start: start as u32, len: word.len() as u32 });
        }
        let args = Args::new(&batch.data, &batch.args[first_arg as usize..]);
        let mut shards = Vec::new();
        for arg in command.spec.keys.iter().flat_map(|spec| spec.positions(args).unwrap()) {
            let hash = self.partitions[0].hasher().hash(args.at(arg));
            let arg = first_arg + arg as u32;
            shards.push(usize::from(self.map.shard_of(hash.slot).0));
            batch.keys.push(KeyRef { hash: hash.hash, arg, slot: hash.slot });
        }
        if command.spec.flags.has(Flags::CURSOR) {
            shards.push(usize::from(self.map.shard_of(scan::slot_of_cursor(args.at(1))).0));
        }
        batch.requests.push(Request::Command(Planned {
            handler: command.run.unwrap(),
            id,
            db: self.db,
            protocol: self.protocol,
            first_arg,
            arg_count: words.len() as u32,
            first_key,
            key_count: batch.keys.len() as u32 - first_key,
            watch: self.watch,
            no_touch: false,
        }));
        let home = shards.first().copied().unwrap_or(0);
        Route { home, shards, all: command.spec.flags.has(Flags::ALL_SHARDS) }
    }

    /// Feeds the shadows and compares.
    #[track_caller]
    fn follow(&mut self) {
        self.effects.clear();
        for (partition, shadow) in self.partitions.iter_mut().zip(&mut self.shadows) {
            let records = partition.take_effects().map(|batch| batch.records).unwrap_or_default();
            let mut rest = &records[..];
            while !rest.is_empty() {
                let (effect, len) = Effect::decode(rest).unwrap();
                self.effects.push(format!("{} {effect:?}", partition.id()));
                shadow.apply(&effect).unwrap();
                rest = &rest[len..];
            }
            assert_eq!(partition_digest(partition), partition_digest(shadow), "seed {SEED:#x}");
            for db in (0..DATABASES).map(DbIndex) {
                assert_eq!(partition.figures(db), shadow.figures(db), "database {}", db.0);
            }
        }
    }

    /// Runs a command, given as a line of words without quotes, whose reply must be `expected`.
    #[track_caller]
    pub fn check(&mut self, line: &str, expected: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        let reply = self.run(&words);
        let (shards, seed) = (self.map.shards(), SEED);
        assert_eq!(
            reply.escape_ascii().to_string(),
            expected.as_bytes().escape_ascii().to_string(),
            "{line} on {shards} shards (seed {seed:#x})"
        );
    }

    /// Runs commands with their replies behind them.
    #[track_caller]
    pub fn check_lines(&mut self, lines: &[(&str, &str)]) {
        lines.iter().for_each(|(line, expected)| self.check(line, expected));
    }
}

/// Where a command runs.
struct Route {
    home: usize,
    shards: Vec<usize>,
    all: bool,
}

/// The command that the words name, of all families, subcommands included.
pub fn command_of<W: AsRef<[u8]>>(words: &[W]) -> Option<(CommandId, &'static DataCommand)> {
    let is = |command: &&DataCommand, at: usize| {
        words.get(at).is_some_and(|w| w.as_ref().eq_ignore_ascii_case(command.spec.name.as_bytes()))
    };
    let mut commands = FAMILIES.iter().flat_map(|family| family.iter()).enumerate();
    let (number, command) = commands.find(|(_, command)| is(command, 0))?;
    let command = command.subcommands.iter().find(|sub| is(sub, 1)).unwrap_or(command);
    Some((CommandId(number as u16), command))
}

/// Runs a test on one shard and on three.
pub fn on_one_and_three(test: impl Fn(&mut Shards)) {
    for shards in [1, 3] {
        test(&mut Shards::new(shards));
    }
}

struct GoOn;

impl Meter for GoOn {
    fn ended(&mut self, _: CommandId, _: End, _: Option<&[u8]>) -> bool {
        true
    }
}
