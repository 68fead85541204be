//! MULTI: the queue of a transaction, and what EXEC makes of it.

use shardwright_codec::resp::{ArgRange, Args, Protocol};
use shardwright_store::command::{Flags, Handler};
use shardwright_store::executor::{Batch, Planned, Request};
use shardwright_store::types::{DbIndex, ShardId};
use shardwright_store::watch::WatchToken;

use super::client::EndedWatch;
use super::route::{Route, Router};
use crate::registry::{Entry, Run};
use crate::shards::ShardSet;

/// A command that waits for EXEC.
#[derive(Debug, Clone, Copy)]
struct Queued {
    entry: &'static Entry,
    first_arg: u32,
    arg_count: u32,
}

/// State of a connection between MULTI and EXEC, and of its watches.
#[derive(Debug, Default)]
pub struct Transaction {
    /// MULTI was said.
    pub active: bool,
    /// A command was refused while queueing: EXEC will abort.
    pub failed: bool,
    watch: Option<WatchToken>,
    watched: ShardSet,
    data: Vec<u8>,
    args: Vec<ArgRange>,
    queue: Vec<Queued>,
}

/// Most bytes that one transaction may queue: ranges in the queue are 32 bits.
const MAX_QUEUED_BYTES: usize = 1 << 31;

impl Transaction {
    /// Number of queued commands, or -1 outside of MULTI: as CLIENT LIST shows it.
    pub fn depth(&self) -> i64 {
        if self.active { self.queue.len() as i64 } else { -1 }
    }

    /// Whether a queued command may write.
    pub fn writes(&self) -> bool {
        self.queue.iter().any(|queued| queued.entry.spec.flags.has(Flags::WRITE))
    }

    /// Number of bytes held by the queue.
    pub fn memory(&self) -> usize {
        self.data.capacity() + self.queue.capacity() * size_of::<Queued>()
    }

    /// Adds a command to the queue. Returns whether there was room.
    pub fn push(&mut self, entry: &'static Entry, args: Args<'_>) -> bool {
        let size: usize = args.iter().map(<[u8]>::len).sum();
        if self.data.len() + size > MAX_QUEUED_BYTES {
            return false;
        }
        let first_arg = self.args.len() as u32;
        for arg in args.iter() {
            self.args.push(ArgRange { start: self.data.len() as u32, len: arg.len() as u32 });
            self.data.extend_from_slice(arg);
        }
        self.queue.push(Queued { entry, first_arg, arg_count: args.len() as u32 });
        true
    }

    /// The round of WATCH, begun by `begin` if there is none yet, now with these shards too.
    pub fn watch(&mut self, shards: ShardSet, begin: impl FnOnce() -> WatchToken) -> WatchToken {
        self.watched.extend(&shards);
        *self.watch.get_or_insert_with(begin)
    }

    /// Ends the round of WATCH.
    pub fn end_watch(&mut self) -> Option<EndedWatch> {
        let token = self.watch.take()?;
        Some(EndedWatch { token, shards: std::mem::take(&mut self.watched) })
    }
}

/// A command of a block that the connection runs itself when the block has come back.
#[derive(Debug, Clone, Copy)]
pub struct SessionItem {
    /// Position in the block.
    pub position: usize,
    /// The command.
    pub entry: &'static Entry,
    first_arg: u32,
    arg_count: u32,
}

/// State of the connection that commands of a block begin with.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// Its database.
    pub db: DbIndex,
    /// Its protocol version.
    pub protocol: Protocol,
    /// Whether it leaves recency alone.
    pub no_touch: bool,
}

/// A transaction as a block: what the shards run, and what the connection runs itself.
#[derive(Debug)]
pub struct PlannedBlock {
    /// EXEC with the data commands behind it.
    pub batch: Batch,
    /// Shards of keys and watches.
    pub shards: ShardSet,
    /// The shard of the first key.
    pub first_shard: Option<ShardId>,
    /// Number of commands in the block.
    pub size: usize,
    /// What the connection runs itself.
    pub session_items: Vec<SessionItem>,
    data: Vec<u8>,
    args: Vec<ArgRange>,
}

impl PlannedBlock {
    /// The arguments of what the connection runs itself.
    pub fn arguments(&self, item: &SessionItem) -> Args<'_> {
        let range = item.first_arg as usize..(item.first_arg + item.arg_count) as usize;
        Args::new(&self.data, self.args.get(range).unwrap_or_default())
    }
}

impl Transaction {
    /// Makes a block of the queue and ends the transaction. SELECT and HELLO take effect for what
    /// follows them in the block.
    ///
    /// `switched` tells the protocol version that HELLO with some arguments switches to.
    pub fn plan(
        &mut self,
        router: &Router,
        start: Start,
        switched: &dyn Fn(Args<'_>) -> Option<Protocol>,
    ) -> PlannedBlock {
        let taken = std::mem::take(self);
        let mut planner = BlockPlanner {
            requests: BlockRequests { shards: taken.watched, ..BlockRequests::new(router) },
            state: start,
            switched,
            session_items: Vec::new(),
        };
        planner.requests.batch.requests.push(Request::Exec {
            count: 0,
            replies: taken.queue.len() as u32,
            watch: taken.watch,
            protocol: start.protocol,
        });
        for (position, queued) in taken.queue.iter().enumerate() {
            let range = queued.first_arg as usize..(queued.first_arg + queued.arg_count) as usize;
            let args = Args::new(&taken.data, taken.args.get(range).unwrap_or_default());
            planner.place(position, queued, args);
        }
        let BlockPlanner { requests, session_items, .. } = planner;
        let BlockRequests { mut batch, shards, first_shard, .. } = requests;
        let inner = (batch.requests.len() - 1) as u32;
        if let Some(Request::Exec { count, .. }) = batch.requests.first_mut() {
            *count = inner;
        }
        PlannedBlock {
            batch,
            shards,
            first_shard,
            size: taken.queue.len(),
            session_items,
            data: taken.data,
            args: taken.args,
        }
    }
}

/// Requests of a block, with all that they need.
pub(super) struct BlockRequests<'a> {
    router: &'a Router,
    /// The requests.
    pub batch: Batch,
    /// Shards of their keys.
    pub shards: ShardSet,
    /// The shard of the first key.
    pub first_shard: Option<ShardId>,
}

impl<'a> BlockRequests<'a> {
    pub fn new(router: &'a Router) -> Self {
        Self { router, batch: Batch::default(), shards: ShardSet::default(), first_shard: None }
    }

    /// Adds a command that runs on partitions.
    pub fn push(
        &mut self,
        entry: &'static Entry,
        handler: Handler,
        args: Args<'_>,
        start: Start,
        watch: Option<WatchToken>,
    ) {
        let Self { router, batch, shards, first_shard } = self;
        let first_key = batch.keys.len() as u32;
        let first_arg = batch.args.len() as u32;
        let route = router.route(entry, args, first_arg, &mut batch.keys);
        match route {
            Route::Any => {}
            Route::One(shard) => shards.insert(shard),
            Route::Many(_, many) => shards.extend(&many),
        }
        *first_shard = first_shard.or(route.first());
        for arg in args.iter() {
            let start = batch.data.len() as u32;
            batch.data.extend_from_slice(arg);
            batch.args.push(ArgRange { start, len: arg.len() as u32 });
        }
        batch.requests.push(Request::Command(Planned {
            handler,
            id: entry.id,
            db: start.db,
            protocol: start.protocol,
            first_arg,
            arg_count: args.len() as u32,
            first_key,
            key_count: batch.keys.len() as u32 - first_key,
            watch,
            no_touch: start.no_touch,
        }));
    }
}

struct BlockPlanner<'a> {
    requests: BlockRequests<'a>,
    state: Start,
    switched: &'a dyn Fn(Args<'_>) -> Option<Protocol>,
    session_items: Vec<SessionItem>,
}

impl BlockPlanner<'_> {
    fn place(&mut self, position: usize, queued: &Queued, args: Args<'_>) {
        let outside = matches!(queued.entry.run, Run::Server(..)).then_some(Handler::Outside);
        if let Some(handler) = queued.entry.data_handler(args).or(outside) {
            return self.requests.push(queued.entry, handler, args, self.state, None);
        }
        match queued.entry.spec.name {
            "select" => {
                let chosen = self.requests.router.database(args.at(1));
                self.state.db = chosen.unwrap_or(self.state.db);
            }
            "hello" => {
                self.state.protocol = (self.switched)(args).unwrap_or(self.state.protocol);
            }
            _ => {}
        }
        let Queued { entry, first_arg, arg_count } = *queued;
        self.session_items.push(SessionItem { position, entry, first_arg, arg_count });
    }
}

impl Entry {
    /// The handler on partitions, if this command with these arguments has one.
    #[inline]
    pub fn data_handler(&self, args: Args<'_>) -> Option<Handler> {
        match self.run {
            Run::Data(handler) => Some(handler),
            Run::Split(split, handler) => split(args).is_none().then_some(handler),
            _ => None,
        }
    }

    /// The handler in the connection, if this command with these arguments has one.
    #[inline]
    pub fn session_handler(&self, args: Args<'_>) -> Option<crate::registry::SessionHandler> {
        match self.run {
            Run::Session(handler) | Run::Server(handler, _) => Some(handler),
            Run::Split(split, _) => split(args),
            _ => None,
        }
    }
}
