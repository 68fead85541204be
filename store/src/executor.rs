//! Runs a batch of planned commands on the partitions at hand, writing replies into one buffer.
//!
//! Around every handler it does what handlers need not know: keys are fetched into the cache in two
//! passes ahead of use, keys that a reader found expired are removed with their effect, hits and
//! misses are counted, EXEC's watches are checked, and the caller's meter is told of each command.

mod waiting;

pub use waiting::{Attempt, attempt, serve_waiting};

use shardwright_codec::resp::{ArgRange, Args, Protocol, ReplyWriter};

use crate::command::{CommandId, Handler, Outcome};
use crate::context::{KeyRef, Limits, ReadCx, Tally, WriteCx};
use crate::error::CommandError;
use crate::keyspace::Keyspace;
use crate::types::{DbIndex, UnixMillis};
use crate::watch::WatchToken;

/// A command that was looked up, checked and hashed.
#[derive(Debug, Clone, Copy)]
pub struct Planned {
    /// What runs it.
    pub handler: Handler,
    /// Its number, for the meter.
    pub id: CommandId,
    /// The connection's database.
    pub db: DbIndex,
    /// The connection's protocol version.
    pub protocol: Protocol,
    /// First of its arguments (its name) in the batch.
    pub first_arg: u32,
    /// Number of its arguments.
    pub arg_count: u32,
    /// First of its keys in the batch.
    pub first_key: u32,
    /// Number of its keys.
    pub key_count: u32,
    /// The connection's round of WATCH, for WATCH itself.
    pub watch: Option<WatchToken>,
    /// Whether the command leaves recency alone (CLIENT NO-TOUCH).
    pub no_touch: bool,
}

/// One request of a batch.
#[derive(Debug, Clone, Copy)]
pub enum Request {
    /// A command.
    Command(Planned),
    /// EXEC: the next `count` requests are its block, run as one.
    Exec {
        /// Requests of the block that run here.
        count: u32,
        /// Length of the reply's array, which also has what the connection runs itself.
        replies: u32,
        /// The round of WATCH that it ends.
        watch: Option<WatchToken>,
        /// The connection's protocol version.
        protocol: Protocol,
    },
}

/// A batch: the bytes, the arguments as ranges in them, the keys among the arguments, and the
/// requests made of those.
#[derive(Debug, Default)]
pub struct Batch {
    /// Bytes of all arguments.
    pub data: Vec<u8>,
    /// Arguments.
    pub args: Vec<ArgRange>,
    /// Keys, hashed.
    pub keys: Vec<KeyRef>,
    /// Requests in order.
    pub requests: Vec<Request>,
}

impl Batch {
    /// Forgets all, keeping the allocations.
    pub fn clear(&mut self) {
        self.data.clear();
        self.args.clear();
        self.keys.clear();
        self.requests.clear();
    }

    /// The batch, to run.
    pub fn view(&self) -> BatchView<'_> {
        BatchView { data: &self.data, args: &self.args, keys: &self.keys, requests: &self.requests }
    }

    /// Copies a command of another batch (its arguments, keys and request) behind this one's.
    pub fn push_copy(&mut self, from: BatchView<'_>, request: &Planned) {
        let first_arg = self.args.len() as u32;
        let first_key = self.keys.len() as u32;
        for range in from.args_of(request) {
            let start = self.data.len() as u32;
            self.data.extend_from_slice(from.bytes(*range));
            self.args.push(ArgRange { start, len: range.len });
        }
        for key in from.keys_of(request) {
            let arg = first_arg + (key.arg - request.first_arg);
            self.keys.push(KeyRef { arg, ..*key });
        }
        self.requests.push(Request::Command(Planned { first_arg, first_key, ..*request }));
    }
}

/// A batch by reference.
#[derive(Debug, Clone, Copy)]
pub struct BatchView<'a> {
    /// Bytes that the arguments lie in.
    pub data: &'a [u8],
    /// Arguments.
    pub args: &'a [ArgRange],
    /// Keys, hashed.
    pub keys: &'a [KeyRef],
    /// Requests in order.
    pub requests: &'a [Request],
}

impl<'a> BatchView<'a> {
    fn args_of(&self, request: &Planned) -> &'a [ArgRange] {
        slice(self.args, request.first_arg, request.arg_count)
    }

    fn keys_of(&self, request: &Planned) -> &'a [KeyRef] {
        slice(self.keys, request.first_key, request.key_count)
    }

    fn bytes(&self, range: ArgRange) -> &'a [u8] {
        slice(self.data, range.start, range.len)
    }

    /// The arguments of one command.
    pub fn arguments(&self, request: &Planned) -> Args<'a> {
        Args::new(self.data, self.args_of(request))
    }
}

#[inline]
fn slice<T>(of: &[T], first: u32, count: u32) -> &[T] {
    of.get(first as usize..first as usize + count as usize).unwrap_or_default()
}

/// How a command that a meter is told of has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It ran, and was answered.
    Ran,
    /// It waits from now on, and is not answered yet.
    Waits,
    /// It ran and was answered, after it had waited: the meter has heard of it before.
    Waited,
}

/// What surrounds a batch: told of every command that ended, it decides whether the batch goes on.
pub trait Meter {
    /// A command ended, with this text as its error reply if it failed. Returns whether the next may
    /// run now.
    fn ended(&mut self, id: CommandId, end: End, error: Option<&[u8]>) -> bool;

    /// Runs a command that has nothing to do with partitions ([`Handler::Outside`]). Who puts none
    /// into batches need not say how.
    ///
    /// # Errors
    /// The command's own.
    fn outside(&mut self, _: CommandId, _: Args<'_>, _: &mut ReplyWriter<'_>) -> Outcome {
        Err(CommandError::Text("ERR this command cannot run here"))
    }
}

/// Answers with an error. Gives its text, for the meter.
#[cold]
fn write_error(error: &CommandError, reply: &mut ReplyWriter<'_>) -> Vec<u8> {
    let text = error.text().into_owned();
    reply.error(&text);
    text
}

/// Where replies go.
#[derive(Debug)]
pub struct Replies<'a> {
    /// The replies, one behind the other.
    pub out: &'a mut Vec<u8>,
    /// Where each reply ends in `out`, if somebody has to tell them apart.
    pub ends: Option<&'a mut Vec<usize>>,
    /// The batch stops for now when `out` is at least this long.
    pub limit: usize,
}

impl Replies<'_> {
    #[inline]
    fn end(&mut self) {
        if let Some(ends) = &mut self.ends {
            ends.push(self.out.len());
        }
    }
}

/// Commands whose keys are fetched into the cache ahead of them.
const PREFETCH_WINDOW: usize = 16;

/// Most keys that one window fetches ahead.
const PREFETCH_KEYS: u32 = 256;

/// Runs `batch` from request `from` on until it ends, the meter says stop, or replies are over
/// their limit. Returns the request to go on with; it is behind the last when all are done.
pub fn run<M: Meter>(
    keyspace: &mut Keyspace<'_>,
    batch: BatchView<'_>,
    from: usize,
    now: UnixMillis,
    limits: Limits,
    replies: &mut Replies<'_>,
    meter: &mut M,
) -> usize {
    let mut run = Run::new(keyspace, batch, now, limits);
    let mut at = from;
    let mut fetched = from + 1;
    while let Some(request) = batch.requests.get(at) {
        if at >= fetched || (at == from && batch.requests.len() > from + 1) {
            fetched = run.prefetch(at);
        }
        let go_on = match request {
            Request::Command(planned) => {
                at += 1;
                run.command(planned, replies, meter)
            }
            Request::Exec { count, replies: size, watch, protocol } => {
                let block = at + 1..at + 1 + *count as usize;
                at = block.end;
                run.exec(block, *size, *watch, *protocol, replies, meter)
            }
        };
        run.serve_ready(meter);
        if !go_on || replies.out.len() >= replies.limit {
            break;
        }
    }
    run.settle();
    at.min(batch.requests.len())
}

struct Run<'r, 'a, 'p> {
    keyspace: &'r mut Keyspace<'p>,
    batch: BatchView<'a>,
    now: UnixMillis,
    lru: u32,
    limits: Limits,
    tally: Tally,
}

impl Run<'_, '_, '_> {
    /// Fetches the keys of a window of requests, which lie one behind the other in the batch;
    /// returns the first request behind it. It is only a hint: the window's first database serves
    /// for all of it.
    fn prefetch(&self, at: usize) -> usize {
        let end = (at + PREFETCH_WINDOW).min(self.batch.requests.len());
        let mut planned = self.batch.requests[at..end].iter().filter_map(|request| match request {
            Request::Command(planned) => Some(planned),
            Request::Exec { .. } => None,
        });
        let Some(first) = planned.next() else { return end };
        let last = planned.next_back().unwrap_or(first);
        let count = (last.first_key + last.key_count).saturating_sub(first.first_key);
        let keys = slice(self.batch.keys, first.first_key, count.min(PREFETCH_KEYS));
        match self.keyspace.only() {
            Some(home) => home.prefetch(first.db, || keys.iter().map(KeyRef::key_hash)),
            None => self.keyspace.all().for_each(|partition| {
                let here = |key: &&KeyRef| partition.slots().contains(key.slot);
                partition.prefetch(first.db, || keys.iter().filter(here).map(KeyRef::key_hash));
            }),
        }
        end
    }

    #[inline]
    fn command<M: Meter>(
        &mut self,
        planned: &Planned,
        replies: &mut Replies<'_>,
        meter: &mut M,
    ) -> bool {
        let args = self.batch.arguments(planned);
        let frame = self.frame(planned, None);
        let mut reply = ReplyWriter::new(replies.out, planned.protocol);
        let outcome = match planned.handler {
            Handler::Read(_) if self.limits.refuse_reads => Err(CommandError::LogInDoubt),
            Handler::Read(handler) => {
                let outcome =
                    handler(&ReadCx::new(self.keyspace, &self.tally, frame), args, &mut reply);
                if self.tally.expired.take() && !self.limits.refuse_writes {
                    self.remove_expired(planned, args);
                }
                outcome
            }
            Handler::Write(_) if self.limits.refuse_writes => Err(CommandError::LogFailed),
            Handler::Block(blocking) => {
                return self.run_at_once(planned, blocking, replies, meter);
            }
            Handler::Outside => meter.outside(planned.id, args, &mut reply),
            Handler::Write(handler) => {
                handler(&mut WriteCx::new(self.keyspace, &self.tally, frame), args, &mut reply)
            }
        };
        let error = outcome.err().map(|error| write_error(&error, &mut reply));
        replies.end();
        meter.ended(planned.id, End::Ran, error.as_deref())
    }

    fn exec<M: Meter>(
        &mut self,
        block: std::ops::Range<usize>,
        size: u32,
        watch: Option<WatchToken>,
        protocol: Protocol,
        replies: &mut Replies<'_>,
        meter: &mut M,
    ) -> bool {
        let mut reply = ReplyWriter::new(replies.out, protocol);
        let is_dirty = watch.is_some_and(|token| self.end_watch(token));
        let requests = self.batch.requests.get(block).unwrap_or_default();
        // The log failed after EXEC was let in. All of it is refused or nothing.
        if let Some(error) = self.refusal(requests) {
            write_error(&error.aborting(), &mut reply);
            replies.end();
            return true;
        }
        if is_dirty {
            reply.null_array();
            replies.end();
            return true;
        }
        reply.array(size as usize);
        replies.end();
        let mut go_on = true;
        for request in requests {
            if let Request::Command(planned) = request {
                go_on = self.command(planned, replies, meter);
            }
        }
        go_on
    }

    /// Why none of a transaction's requests can run, if one of them must not.
    fn refusal(&self, requests: &[Request]) -> Option<CommandError> {
        let Limits { refuse_writes, refuse_reads, .. } = self.limits;
        if !refuse_writes && !refuse_reads {
            return None;
        }
        // Whether it reads, or writes, if it is for partitions at all.
        let reads = |request: &Request| {
            let Request::Command(planned) = request else { return None };
            match planned.handler {
                Handler::Read(_) => Some(true),
                Handler::Write(_) => Some(false),
                Handler::Block(blocking) => Some(blocking.reads),
                Handler::Outside => None,
            }
        };
        let mut kinds = requests.iter().filter_map(reads);
        if refuse_writes && kinds.clone().any(|reads| !reads) {
            return Some(CommandError::LogFailed);
        }
        (refuse_reads && kinds.any(|reads| reads)).then_some(CommandError::LogInDoubt)
    }

    /// Ends a round of WATCH on all partitions at hand; tells whether a watched key changed or
    /// expired since.
    fn end_watch(&mut self, token: WatchToken) -> bool {
        let (now, may_change) = (self.now, !self.limits.refuse_writes);
        let mut dirty = false;
        for partition in self.keyspace.all_mut() {
            for (db, key) in partition.watch.keys_of(token) {
                let hash = partition.hasher().hash(&key);
                if may_change {
                    partition.expire_if_due(db, hash, &key, now);
                }
            }
            dirty |= partition.watch.end(token);
        }
        dirty
    }

    #[cold]
    fn remove_expired(&mut self, planned: &Planned, args: Args<'_>) {
        for key in self.batch.keys_of(planned) {
            let name = args.at((key.arg - planned.first_arg) as usize);
            let hash = key.key_hash();
            let partition = self.keyspace.partition_mut(hash.slot);
            partition.expire_if_due(planned.db, hash, name, self.now);
        }
    }

    /// Hands hits and misses over to the home partition's counters.
    fn settle(&mut self) {
        let counters = &mut self.keyspace.home().counters;
        counters.hits += self.tally.hits.take();
        counters.misses += self.tally.misses.take();
    }
}
