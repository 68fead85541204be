//! What a command is: one descriptor, from which COMMAND, arity checks, key extraction, routing,
//! ACL categories, statistics and `docs/commands.md` are made.
//!
//! A descriptor is built by `const` functions, so that a family's commands are one `static` slice
//! beside their handlers. What runs a command differs by floor (a handler of this crate, or one of
//! a connection), hence the type parameter of [`Command`].

use shardwright_codec::resp::{Args, ReplyWriter};

use crate::context::{ReadCx, WriteCx};
use crate::error::CommandError;

/// Properties of a command, by Redis's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u32);

impl Flags {
    /// No bit.
    pub const NONE: Self = Self(0);
    /// May change data.
    pub const WRITE: Self = Self(1 << 0);
    /// Only reads data.
    pub const READONLY: Self = Self(1 << 1);
    /// Refused when memory is full.
    pub const DENYOOM: Self = Self(1 << 2);
    /// For administrators.
    pub const ADMIN: Self = Self(1 << 3);
    /// Belongs to publish and subscribe.
    pub const PUBSUB: Self = Self(1 << 4);
    /// Not from scripts.
    pub const NOSCRIPT: Self = Self(1 << 5);
    /// May wait for data.
    pub const BLOCKING: Self = Self(1 << 6);
    /// Allowed while the data set is loaded.
    pub const LOADING: Self = Self(1 << 7);
    /// Allowed on a stale replica.
    pub const STALE: Self = Self(1 << 8);
    /// Not shown by MONITOR.
    pub const SKIP_MONITOR: Self = Self(1 << 9);
    /// Not shown in the slow log.
    pub const SKIP_SLOWLOG: Self = Self(1 << 10);
    /// Accepts the asking flag of a cluster client.
    pub const ASKING: Self = Self(1 << 11);
    /// Constant or logarithmic time.
    pub const FAST: Self = Self(1 << 12);
    /// Allowed before authentication.
    pub const NO_AUTH: Self = Self(1 << 13);
    /// May produce effects though it does not write.
    pub const MAY_REPLICATE: Self = Self(1 << 14);
    /// Its keys may be absent.
    pub const NO_MANDATORY_KEYS: Self = Self(1 << 15);
    /// Refused during asynchronous loading.
    pub const NO_ASYNC_LOADING: Self = Self(1 << 16);
    /// Not inside MULTI.
    pub const NO_MULTI: Self = Self(1 << 17);
    /// Its keys are not all at fixed positions.
    pub const MOVABLE_KEYS: Self = Self(1 << 18);
    /// Allowed while a script is busy.
    pub const ALLOW_BUSY: Self = Self(1 << 19);
    /// Sees or changes every shard at one moment (not a flag of Redis's).
    pub const ALL_SHARDS: Self = Self(1 << 20);
    /// Runs only when all that precedes it on its connection was executed (not a flag of Redis's).
    pub const BARRIER: Self = Self(1 << 21);
    /// Needs `enable-debug-command` or the like (not shown by COMMAND).
    pub const PROTECTED: Self = Self(1 << 22);
    /// Its first argument is a SCAN cursor, which names the shard (not a flag of Redis's).
    pub const CURSOR: Self = Self(1 << 23);

    const NAMES: &'static [&'static str] = &[
        "write",
        "readonly",
        "denyoom",
        "admin",
        "pubsub",
        "noscript",
        "blocking",
        "loading",
        "stale",
        "skip_monitor",
        "skip_slowlog",
        "asking",
        "fast",
        "no_auth",
        "may_replicate",
        "no_mandatory_keys",
        "no_async_loading",
        "no_multi",
        "movablekeys",
        "allow_busy",
        "",
        "",
        "",
        "",
    ];

    /// The bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Names of the bits that are set, in Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .iter()
            .enumerate()
            .filter(move |(i, n)| self.0 >> i & 1 == 1 && !n.is_empty())
            .map(|(_, n)| *n)
    }

    /// The set with the one bit of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let position =
            Self::NAMES.iter().position(|n| !n.is_empty() && n.eq_ignore_ascii_case(name))?;
        Some(Self(1 << position))
    }
}

/// ACL categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Categories(u32);

impl Categories {
    /// No bit.
    pub const NONE: Self = Self(0);
    /// ACL category @keyspace.
    pub const KEYSPACE: Self = Self(1 << 0);
    /// ACL category @read.
    pub const READ: Self = Self(1 << 1);
    /// ACL category @write.
    pub const WRITE: Self = Self(1 << 2);
    /// ACL category @set.
    pub const SET: Self = Self(1 << 3);
    /// ACL category @sortedset.
    pub const SORTEDSET: Self = Self(1 << 4);
    /// ACL category @list.
    pub const LIST: Self = Self(1 << 5);
    /// ACL category @hash.
    pub const HASH: Self = Self(1 << 6);
    /// ACL category @string.
    pub const STRING: Self = Self(1 << 7);
    /// ACL category @bitmap.
    pub const BITMAP: Self = Self(1 << 8);
    /// ACL category @hyperloglog.
    pub const HYPERLOGLOG: Self = Self(1 << 9);
    /// ACL category @geo.
    pub const GEO: Self = Self(1 << 10);
    /// ACL category @stream.
    pub const STREAM: Self = Self(1 << 11);
    /// ACL category @pubsub.
    pub const PUBSUB: Self = Self(1 << 12);
    /// ACL category @admin.
    pub const ADMIN: Self = Self(1 << 13);
    /// ACL category @fast.
    pub const FAST: Self = Self(1 << 14);
    /// ACL category @slow.
    pub const SLOW: Self = Self(1 << 15);
    /// ACL category @blocking.
    pub const BLOCKING: Self = Self(1 << 16);
    /// ACL category @dangerous.
    pub const DANGEROUS: Self = Self(1 << 17);
    /// ACL category @connection.
    pub const CONNECTION: Self = Self(1 << 18);
    /// ACL category @transaction.
    pub const TRANSACTION: Self = Self(1 << 19);
    /// ACL category @scripting.
    pub const SCRIPTING: Self = Self(1 << 20);

    const NAMES: &'static [&'static str] = &[
        "keyspace",
        "read",
        "write",
        "set",
        "sortedset",
        "list",
        "hash",
        "string",
        "bitmap",
        "hyperloglog",
        "geo",
        "stream",
        "pubsub",
        "admin",
        "fast",
        "slow",
        "blocking",
        "dangerous",
        "connection",
        "transaction",
        "scripting",
    ];

    /// The bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Names of the bits that are set, in Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .iter()
            .enumerate()
            .filter(move |(i, n)| self.0 >> i & 1 == 1 && !n.is_empty())
            .map(|(_, n)| *n)
    }

    /// The set with the one bit of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let position =
            Self::NAMES.iter().position(|n| !n.is_empty() && n.eq_ignore_ascii_case(name))?;
        Some(Self(1 << position))
    }
}

/// What a command does with a key: the flags of a key specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyUse(u16);

impl KeyUse {
    /// No bit.
    pub const NONE: Self = Self(0);
    /// Reads the value.
    pub const RO: Self = Self(1 << 0);
    /// Reads and changes the value.
    pub const RW: Self = Self(1 << 1);
    /// Overwrites the value.
    pub const OW: Self = Self(1 << 2);
    /// Removes the key.
    pub const RM: Self = Self(1 << 3);
    /// Returns or copies data of the value.
    pub const ACCESS: Self = Self(1 << 4);
    /// Changes data from data.
    pub const UPDATE: Self = Self(1 << 5);
    /// Adds data.
    pub const INSERT: Self = Self(1 << 6);
    /// Removes data.
    pub const DELETE: Self = Self(1 << 7);
    /// Routed like a key, but none.
    pub const NOT_KEY: Self = Self(1 << 8);
    /// Not all keys are found.
    pub const INCOMPLETE: Self = Self(1 << 9);
    /// The use depends on arguments.
    pub const VARIABLE_FLAGS: Self = Self(1 << 10);

    const NAMES: &'static [&'static str] = &[
        "RO",
        "RW",
        "OW",
        "RM",
        "access",
        "update",
        "insert",
        "delete",
        "not_key",
        "incomplete",
        "variable_flags",
    ];

    /// The bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Names of the bits that are set, in Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .iter()
            .enumerate()
            .filter(move |(i, n)| self.0 >> i & 1 == 1 && !n.is_empty())
            .map(|(_, n)| *n)
    }

    /// The set with the one bit of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let position =
            Self::NAMES.iter().position(|n| !n.is_empty() && n.eq_ignore_ascii_case(name))?;
        Some(Self(1 << position))
    }
}

/// Where the search for keys begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At this argument.
    Index(usize),
    /// Behind this keyword, looked for from this argument on.
    Keyword(&'static str, i32),
}

/// How keys are found from where the search begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    /// Every `step`th argument to `last` (relative to the beginning; negative counts from the end).
    Range {
        /// Last key, relative to the first, or from the end if negative.
        last: i32,
        /// Distance of keys.
        step: usize,
        /// Divides the rest of the arguments if over 1.
        limit: usize,
    },
    /// An argument tells how many keys follow.
    Count {
        /// The argument with the number, relative to the beginning.
        at: usize,
        /// The first key, relative to the beginning.
        first: usize,
        /// Distance of keys.
        step: usize,
    },
}

/// One of the ways in which a command names keys (Redis 7's key specifications).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpec {
    /// Where the search begins.
    pub begin: Begin,
    /// How keys are found from there.
    pub find: Find,
    /// What is done with them.
    pub uses: KeyUse,
    /// A remark for people, as Redis's; empty for none.
    pub notes: &'static str,
}

impl KeySpec {
    /// One key at argument `index`.
    pub const fn one(index: usize, uses: KeyUse) -> Self {
        Self::range(index, Find::Range { last: 0, step: 1, limit: 0 }, uses)
    }

    /// Keys from argument `index` to the end, every `step`th.
    pub const fn rest(index: usize, step: usize, uses: KeyUse) -> Self {
        Self::range(index, Find::Range { last: -1, step, limit: 0 }, uses)
    }

    const fn range(index: usize, find: Find, uses: KeyUse) -> Self {
        Self { begin: Begin::Index(index), find, uses, notes: "" }
    }

    /// Adds a remark.
    #[must_use]
    pub const fn notes(mut self, notes: &'static str) -> Self {
        self.notes = notes;
        self
    }

    /// The arguments that are keys by this specification. Complexity: linear in their number.
    ///
    /// # Errors
    /// An argument that should tell the number of keys does not.
    pub fn positions(&self, args: Args<'_>) -> Result<KeyPositions, CommandError> {
        let begin = match self.begin {
            Begin::Index(index) => Some(index),
            Begin::Keyword(word, from) => keyword(args, word, from).map(|i| i + 1),
        };
        let Some(begin) = begin.filter(|&b| b < args.len()) else {
            return Ok(KeyPositions { next: 0, end: 0, step: 1 });
        };
        match self.find {
            Find::Range { last, step, limit } => {
                let end = range_end(args.len(), begin, last, limit);
                Ok(KeyPositions { next: begin, end, step })
            }
            Find::Count { at, first, step } => {
                let count = args
                    .get(begin + at)
                    .and_then(shardwright_codec::number::parse_i64_strict)
                    .and_then(|n| usize::try_from(n).ok())
                    .ok_or(CommandError::InvalidKeys)?;
                let start = begin + first;
                let end = count.checked_mul(step).and_then(|n| n.checked_add(start));
                match end {
                    Some(end) if end <= args.len() => Ok(KeyPositions { next: start, end, step }),
                    _ => Err(CommandError::InvalidKeys),
                }
            }
        }
    }
}

fn keyword(args: Args<'_>, word: &str, from: i32) -> Option<usize> {
    let matches = |i: &usize| args.at(*i).eq_ignore_ascii_case(word.as_bytes());
    let distance = from.unsigned_abs() as usize;
    if from >= 0 {
        (distance..args.len()).find(matches)
    } else {
        (1..=args.len().checked_sub(distance)?).rev().find(matches)
    }
}

/// One past the last key of a range that begins at `begin` in `argc` arguments.
fn range_end(argc: usize, begin: usize, last: i32, limit: usize) -> usize {
    let distance = last.unsigned_abs() as usize;
    if last >= 0 {
        (begin + distance + 1).min(argc)
    } else if limit > 1 {
        (begin + (argc - begin) / limit).min(argc)
    } else {
        (argc + 1).saturating_sub(distance)
    }
}

/// Argument numbers of keys, in order.
#[derive(Debug, Clone)]
pub struct KeyPositions {
    next: usize,
    end: usize,
    step: usize,
}

impl Iterator for KeyPositions {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        (self.next < self.end).then(|| {
            let position = self.next;
            self.next += self.step.max(1);
            position
        })
    }
}

/// The family that the documentation lists a command under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Group {
    Generic,
    String,
    Connection,
    Server,
    Transactions,
    Cluster,
}

impl Group {
    /// Redis's name of the group.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::String => "string",
            Self::Connection => "connection",
            Self::Server => "server",
            Self::Transactions => "transactions",
            Self::Cluster => "cluster",
        }
    }
}

/// All that is known of a command before it runs.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Name in lower case; of a subcommand only its own.
    pub name: &'static str,
    /// Documentation group.
    pub group: Group,
    /// Number of arguments with the name; at least its absolute value if negative.
    pub arity: i16,
    /// Flags.
    pub flags: Flags,
    /// ACL categories beyond those that follow from the flags.
    pub categories: Categories,
    /// Key specifications.
    pub keys: &'static [KeySpec],
    /// One line of documentation.
    pub summary: &'static str,
    /// Version of Redis that brought it.
    pub since: &'static str,
    /// Complexity, as Redis's documentation words it.
    pub complexity: &'static str,
    /// Hints for clients (Redis's command tips).
    pub tips: &'static [&'static str],
    /// Lines as redis-cli shows them, `> ` before what is typed: runs as a test.
    pub example: &'static str,
}

impl Spec {
    /// A descriptor with nothing but name, group and arity.
    pub const fn new(name: &'static str, group: Group, arity: i16) -> Self {
        Self {
            name,
            group,
            arity,
            flags: Flags::NONE,
            categories: Categories::NONE,
            keys: &[],
            summary: "",
            since: "1.0.0",
            complexity: "O(1)",
            tips: &[],
            example: "",
        }
    }

    /// Adds flags.
    #[must_use]
    pub const fn flags(mut self, flags: &[Flags]) -> Self {
        let mut i = 0;
        while i < flags.len() {
            self.flags = self.flags.with(flags[i]);
            i += 1;
        }
        self
    }

    /// Adds ACL categories beyond those that follow from flags.
    #[must_use]
    pub const fn categories(mut self, categories: &[Categories]) -> Self {
        let mut i = 0;
        while i < categories.len() {
            self.categories = self.categories.with(categories[i]);
            i += 1;
        }
        self
    }

    /// Sets the key specifications.
    #[must_use]
    pub const fn keys(mut self, keys: &'static [KeySpec]) -> Self {
        self.keys = keys;
        self
    }

    /// Sets version, complexity and the line of documentation.
    #[must_use]
    pub const fn doc(
        mut self,
        since: &'static str,
        complexity: &'static str,
        summary: &'static str,
    ) -> Self {
        self.since = since;
        self.complexity = complexity;
        self.summary = summary;
        self
    }

    /// Sets the command tips.
    #[must_use]
    pub const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.tips = tips;
        self
    }

    /// Sets the example.
    #[must_use]
    pub const fn example(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }

    /// Whether `count` arguments (with the name) are a right number.
    #[inline]
    pub const fn accepts(&self, count: usize) -> bool {
        let wanted = self.arity.unsigned_abs() as usize;
        if self.arity >= 0 { count == wanted } else { count >= wanted }
    }

    /// All ACL categories, with those that follow from the flags.
    pub const fn all_categories(&self) -> Categories {
        let mut all = self.categories;
        if self.flags.has(Flags::WRITE) {
            all = all.with(Categories::WRITE);
        }
        if self.flags.has(Flags::READONLY) && !all.has(Categories::SCRIPTING) {
            all = all.with(Categories::READ);
        }
        if self.flags.has(Flags::ADMIN) {
            all = all.with(Categories::ADMIN).with(Categories::DANGEROUS);
        }
        if self.flags.has(Flags::PUBSUB) {
            all = all.with(Categories::PUBSUB);
        }
        if self.flags.has(Flags::BLOCKING) {
            all = all.with(Categories::BLOCKING);
        }
        all.with(if self.flags.has(Flags::FAST) { Categories::FAST } else { Categories::SLOW })
    }
}

/// A command with what runs it, and its subcommands.
#[derive(Debug)]
pub struct Command<R: 'static> {
    /// All that is known before it runs.
    pub spec: Spec,
    /// What runs it; `None` for one that only has subcommands.
    pub run: Option<R>,
    /// Commands that the second argument chooses from.
    pub subcommands: &'static [Command<R>],
}

impl<R> Command<R> {
    /// A command without subcommands.
    pub const fn new(spec: Spec, run: R) -> Self {
        Self { spec, run: Some(run), subcommands: &[] }
    }

    /// A command that is only the parent of others.
    pub const fn container(spec: Spec, subcommands: &'static [Command<R>]) -> Self {
        Self { spec, run: None, subcommands }
    }
}

/// A handler's outcome. On an error nothing was written to the reply.
pub type Outcome = Result<(), CommandError>;

/// A handler that gets a shared view of the data.
pub type ReadHandler = fn(&ReadCx<'_>, Args<'_>, &mut ReplyWriter<'_>) -> Outcome;

/// A handler that may change the data.
pub type WriteHandler = fn(&mut WriteCx<'_, '_>, Args<'_>, &mut ReplyWriter<'_>) -> Outcome;

/// What runs a command on partitions: the type says whether it can change them.
#[derive(Debug, Clone, Copy)]
pub enum Handler {
    /// Declared read-only.
    Read(ReadHandler),
    /// May write.
    Write(WriteHandler),
}

/// A command of this crate.
pub type DataCommand = Command<Handler>;

impl DataCommand {
    /// A command that only reads.
    pub const fn read(spec: Spec, handler: ReadHandler) -> Self {
        Self::new(spec, Handler::Read(handler))
    }

    /// A command that may write.
    pub const fn write(spec: Spec, handler: WriteHandler) -> Self {
        Self::new(spec, Handler::Write(handler))
    }
}

/// Number of a command in the process's one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u16);
