//! What a command is: one descriptor, from which COMMAND, arity checks, key extraction, routing,
//! ACL categories, statistics and `docs/commands.md` are made.
//!
//! A descriptor is built by `const` functions, so that a family's commands are one `static` slice
//! beside their handlers. What runs a command differs by floor (a handler of this crate, or one of
//! a connection), hence the type parameter of [`Command`].

pub mod argument;
mod flags;
mod geo;
pub mod history;
pub mod migrate;
pub mod sort;

pub use argument::Argument;
pub use flags::{ArgumentFlags, Categories, DocFlags, Flags, KeyUse};
pub use history::{Deprecation, History};

use shardwright_codec::resp::{Args, ReplyWriter};

use crate::context::{ReadCx, WriteCx};
use crate::error::CommandError;
use crate::value::Kind;

/// Where the search for keys begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At this argument.
    Index(usize),
    /// Behind this keyword, looked for from this argument on.
    Keyword(&'static str, i32),
    /// Nowhere: what the keys are follows from the data.
    Unknown,
    /// Behind the last STORE among the options of SORT. Clients are told that it is unknown, since
    /// other options may have the same words in them.
    SortStore,
    /// At MIGRATE's argument for one key, unless it is empty and KEYS names them.
    MigrateKey,
    /// Behind KEYS of MIGRATE where that is an option. Clients are told the keyword alone.
    MigrateKeys,
    /// Behind the last STORE or STOREDIST among GEORADIUS's options, which begin at this argument.
    RadiusStore(usize),
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
    /// Only the beginning is known to be one, if anything is known.
    Unknown,
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
            Begin::Unknown => None,
            Begin::SortStore => sort::destination(args),
            Begin::MigrateKey => migrate::one_key(args),
            Begin::MigrateKeys => migrate::many_keys(args),
            Begin::RadiusStore(first) => geo::destination(args, first),
        };
        let Some(begin) = begin.filter(|&b| b < args.len()) else {
            return Ok(KeyPositions { next: 0, end: 0, step: 1 });
        };
        match self.find {
            Find::Unknown => Ok(KeyPositions { next: begin, end: begin + 1, step: 1 }),
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
    List,
    Set,
    SortedSet,
    Hash,
    Stream,
    Bitmap,
    HyperLogLog,
    Geo,
    Connection,
    Server,
    Transactions,
    Cluster,
    PubSub,
}

impl Group {
    /// Redis's name of the group.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Hash => "hash",
            Self::Stream => "stream",
            Self::Bitmap => "bitmap",
            Self::HyperLogLog => "hyperloglog",
            Self::Geo => "geo",
            Self::Connection => "connection",
            Self::Server => "server",
            Self::Transactions => "transactions",
            Self::Cluster => "cluster",
            Self::PubSub => "pubsub",
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
    /// Keys that the handler needs and that no client is told of: Redis's specifications, which
    /// clients are shown, do not find all keys of all commands.
    pub hidden_keys: &'static [KeySpec],
    /// One line of documentation.
    pub summary: &'static str,
    /// Version of Redis that brought it.
    pub since: &'static str,
    /// Complexity, as Redis's documentation words it.
    pub complexity: &'static str,
    /// Hints for clients (Redis's command tips).
    pub tips: &'static [&'static str],
    /// What follows the name.
    pub arguments: &'static [Argument],
    /// What changed with which version of Redis, in order.
    pub history: &'static [History],
    /// That something is better, if so.
    pub deprecation: Option<Deprecation>,
    /// For whom it is documented.
    pub doc_flags: DocFlags,
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
            hidden_keys: &[],
            summary: "",
            since: "1.0.0",
            complexity: "O(1)",
            tips: &[],
            arguments: &[],
            history: &[],
            deprecation: None,
            doc_flags: DocFlags::NONE,
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

    /// Sets the keys that no client is told of.
    #[must_use]
    pub const fn hidden_keys(mut self, keys: &'static [KeySpec]) -> Self {
        self.hidden_keys = keys;
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

    /// Sets what follows the name.
    #[must_use]
    pub const fn arguments(mut self, arguments: &'static [Argument]) -> Self {
        self.arguments = arguments;
        self
    }

    /// Sets what changed over the versions.
    #[must_use]
    pub const fn history(mut self, history: &'static [History]) -> Self {
        self.history = history;
        self
    }

    /// Says what is better, in Redis's words.
    #[must_use]
    pub const fn deprecated(mut self, since: &'static str, replaced_by: &'static str) -> Self {
        self.deprecation = Some(Deprecation { since, replaced_by });
        self.doc_flags(DocFlags::DEPRECATED)
    }

    /// Adds flags of the documentation.
    #[must_use]
    pub const fn doc_flags(mut self, flags: DocFlags) -> Self {
        self.doc_flags = self.doc_flags.with(flags);
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
    /// May wait for a key.
    Block(&'static Blocking),
    /// Has nothing to do with partitions, but its place among commands that do matters: whoever
    /// runs the batch runs it ([`crate::executor::Meter::outside`]).
    Outside,
}

/// A command that may wait until one of its keys has what it asks for.
#[derive(Debug)]
pub struct Blocking {
    /// How long it waits, from its arguments; whatever else is wrong with them is told as well.
    pub patience: fn(Args<'_>) -> Result<Patience, CommandError>,
    /// Whether this key of its arguments has what it asks for.
    ///
    /// # Errors
    /// What it is answered with instead. While it waits already ([`crate::context::Frame::served`]
    /// tells), a key of another type is none.
    pub ready: fn(&ReadCx<'_>, Args<'_>, &[u8]) -> Result<bool, CommandError>,
    /// Runs it, with [`crate::context::Frame::served`] naming the key that is ready. Without patience
    /// it is run in any case, and no key may be ready.
    pub run: WriteHandler,
    /// Answers that there is nothing, where it must not wait: in a transaction.
    pub nothing: fn(&mut ReplyWriter<'_>),
    /// It waits for its first key alone, and needs all of them to be served.
    pub moves: bool,
    /// It only reads.
    pub reads: bool,
    /// The type of what it waits for.
    pub awaits: Kind,
    /// What it is answered with when a key that it waits for goes or gets another type. Without it,
    /// it goes on waiting.
    pub gone: Option<&'static str>,
    /// Arguments that mean the same later on, for one that has some which mean what is there now.
    pub fix: Option<FixArguments>,
}

/// Makes arguments that mean the same later on.
pub type FixArguments = fn(&ReadCx<'_>, Args<'_>) -> Vec<Vec<u8>>;

/// How long a command waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Not at all.
    None,
    /// So many milliseconds.
    Millis(u64),
    /// For ever.
    Forever,
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

    /// A command that may wait.
    pub const fn block(spec: Spec, blocking: &'static Blocking) -> Self {
        Self::new(spec, Handler::Block(blocking))
    }
}

/// Number of a command in the process's one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u16);

impl CommandId {
    /// Of a command that the server gives itself: it counts nowhere.
    pub const OWN: Self = Self(u16::MAX);
}

/// Gives a test the words of a line as arguments; between two blanks is an empty one.
#[cfg(test)]
fn with_args<R>(line: &str, work: impl FnOnce(Args<'_>) -> R) -> R {
    use shardwright_codec::resp::ArgRange;
    let mut start = 0;
    let range = |word: &str| {
        let range = ArgRange { start, len: word.len() as u32 };
        start += range.len + 1;
        range
    };
    let ranges: Vec<ArgRange> = line.split(' ').map(range).collect();
    work(Args::new(line.as_bytes(), &ranges))
}
