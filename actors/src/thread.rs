//! What the actors of one thread share: the slab of its connections, the outboxes to other threads,
//! the clock and the counters. Everything here stays on its thread.

mod deliveries;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::blocking::Waiter;
use shardwright_store::command::{CommandId, Outcome};
use shardwright_store::cut::CutBatch;
use shardwright_store::error::CommandError;
use shardwright_store::executor::{BatchView, End, Meter, Planned};
use shardwright_store::keyspace::Keyspace;
use shardwright_store::partition::{Garbage, Partition};
use shardwright_store::types::{ShardId, UnixMillis};
use shardwright_store::watch::WatchToken;

use crate::checkpoint::TakeKeys;
use crate::clock::{BusyClock, Clock, Ticks};
use crate::gateway::FlushOutboxes;
use crate::messages::{Block, BlockDone, ConnId, Delivery, Effects, ParcelDone, Post};
use crate::parcel::Outboxes;
use crate::ready::Ready;
use crate::registry::registry;
use crate::reload::Reload;
use crate::server::Server;
use crate::session::{Env, Stock, Want};
use crate::shard::core::{ShardCore, ShardPost, TURN_BYTES, Turn};
use crate::shard::{EndWait, EndWatch, RunParcel, RunReady};
use crate::shards::ShardSet;
use crate::slab::{Connection, Slab};
use crate::stats::{ThreadStats, TurnCause};
use crate::writer::{Audit, MarkCheckpoint, TakeEffects};

/// Time that a batch may hold its shard before others have their turn.
const TURN_NANOS: u64 = 1_000_000;

/// What the actors of one thread share.
pub struct Thread {
    /// The thread, which has the number of its shard.
    pub id: ShardId,
    /// The process.
    pub server: Arc<Server>,
    /// The thread's clock.
    pub clock: Clock,
    busy: BusyClock,
    /// Ticks that a batch may hold its shard.
    turn_ticks: u64,
    /// Its connections.
    pub connections: RefCell<Slab>,
    outboxes: RefCell<Outboxes>,
    ready: RefCell<Ready>,
    stock: RefCell<Stock>,
    /// Effects of this turn, on their way to the writer.
    effects: RefCell<Vec<Effects>>,
    /// Connections that wait for the log.
    waiting: RefCell<Vec<ConnId>>,
    /// Connections that have pushes to take.
    called: RefCell<VecDeque<ConnId>>,
}

impl Thread {
    /// The shared part of a thread.
    pub fn new(id: ShardId, server: Arc<Server>) -> Rc<Self> {
        let peers = server.router().map.shards().into();
        let clock = Clock::new();
        Rc::new(Self {
            id,
            turn_ticks: clock.ticks_in(TURN_NANOS),
            busy: BusyClock::new(&clock),
            clock,
            connections: RefCell::new(Slab::new(id)),
            outboxes: RefCell::new(Outboxes::new(peers)),
            ready: RefCell::default(),
            stock: RefCell::default(),
            effects: RefCell::default(),
            waiting: RefCell::default(),
            called: RefCell::default(),
            server,
        })
    }

    /// The thread's counters.
    #[inline]
    pub fn stats(&self) -> &ThreadStats {
        &self.server.stats()[self.id.0 as usize]
    }

    /// A message is on its way to this thread's shard.
    pub fn count_sent(&self) {
        self.server.count_sent(self.id);
    }

    /// Lets a connection go on as far as it can, and writes what it has to say.
    pub fn proceed(&self, connection: &mut Connection) {
        let mut post = ThreadPost { thread: self };
        let limit = self.server.reply_limit();
        loop {
            let mut env = Env {
                server: &self.server,
                home: self.id,
                clock: &self.clock,
                stats: self.stats(),
                now: self.clock.now(),
                post: &mut post,
            };
            let want = connection.session.advance(&mut env);
            connection.write(self.stats());
            let drained = connection.session.unwritten() < limit;
            if want != Want::Drain || !drained || connection.is_broken() {
                if want != Want::Answers || connection.session.is_waiting() {
                    self.rest(connection);
                    connection.session.publish_buffers();
                }
                connection.settle(want);
                return;
            }
        }
    }

    /// Gives a connection what it needs to read.
    #[inline]
    pub fn equip(&self, connection: &mut Connection) {
        connection.session.equip(&mut self.stock.borrow_mut());
    }

    /// Takes back what a connection has no use for while nothing was read.
    #[inline]
    pub fn rest(&self, connection: &mut Connection) {
        connection.session.rest(&mut self.stock.borrow_mut());
    }

    /// Whether a connection that waits for a key or the log reads on, up to the bound for input.
    #[cold]
    pub fn reads_on(&self, connection: &Connection) -> bool {
        let limit = self.server.settings().client_query_buffer_limit;
        connection.session.reads_on(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// Whether a connection may go on with as much input as it has: otherwise it has to end.
    #[inline]
    pub fn admits(&self, connection: &Connection) -> bool {
        let admits = !connection.session.has_read_beyond(self.server.query_limit());
        if !admits {
            let client = connection.session.client.info.id;
            tracing::warn!(
                client,
                "a client sent more than client-query-buffer-limit before the end of a command"
            );
        }
        admits
    }

    /// Whether a connection has to wait with reading, until the shard has run what was read. It is
    /// woken then.
    #[inline]
    pub fn holds_back(&self, connection: &mut Connection) -> bool {
        let holds = self.ready.borrow_mut().holds_back(connection.session.id());
        connection.hold_back(holds);
        holds
    }

    /// Wakes the next of those that wait with reading, if it may go on. Each of them calls this
    /// when it was woken, or when it ends before.
    #[inline]
    pub fn wake_held_back(&self, connections: &Slab) {
        let mut ready = self.ready.borrow_mut();
        while let Some(id) = ready.next_held_back() {
            // It may have ended, or something else may have woken it before.
            if let Some(connection) = connections.get(id)
                && connection.is_held_back()
            {
                return connection.wake();
            }
        }
    }

    /// Lets a connection take what came for it; a panic there ends that connection alone.
    pub fn with_connection(&self, id: ConnId, act: impl FnOnce(&mut Connection)) {
        let mut connections = self.connections.borrow_mut();
        let Some(connection) = connections.get_mut(id) else { return };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            act(connection);
            self.proceed(connection);
        }));
        if outcome.is_err() {
            tracing::error!(client = connection.session.client.info.id, "a connection panicked");
            connection.break_off();
        }
    }

    /// Gives a connection's place free. Its watches end.
    pub fn remove(&self, id: ConnId) {
        let removed = self.connections.borrow_mut().remove(id);
        if let Some(mut connection) = removed {
            if connection.was_held_back() {
                self.wake_held_back(&self.connections.borrow());
            }
            connection.session.abandon();
            connection.session.client.end_subscriptions(&self.server.pubsub);
            connection.session.end_key_wait(&mut ThreadPost { thread: self });
            connection.session.tell_ended_watches(&mut ThreadPost { thread: self });
            self.server.clients.remove(connection.session.client.info.id);
        }
    }

    /// Sends every outbox that has something, as one message each.
    pub fn flush_outboxes(&self) {
        let mut outboxes = self.outboxes.borrow_mut();
        for round in outboxes.take_rounds() {
            self.server.order_round(round);
        }
        for (peer, parcel) in outboxes.take_full() {
            self.server.to_shard(peer, RunParcel::new(self.id, parcel));
        }
    }

    /// Hands the answers of a parcel to their connections.
    pub fn parcel_done(&self, done: ParcelDone) {
        for mut answer in done.answers() {
            if self.connections.borrow_mut().get_mut(answer.conn).is_none() {
                for token in answer.begun_watches() {
                    self.server.to_shard(answer.shard, EndWatch(token));
                }
                continue;
            }
            let unrun = std::mem::take(&mut answer.unrun);
            self.with_connection(answer.conn, |connection| {
                connection.session.remote_done(
                    answer.shard,
                    answer.out,
                    answer.ends(),
                    answer.count(),
                    unrun,
                    answer.sequence,
                );
            });
        }
        self.outboxes.borrow_mut().give_back(done.parcel);
    }

    /// Hands a block that came back to its connection.
    pub fn block_done(&self, done: BlockDone) {
        if self.connections.borrow_mut().get_mut(done.conn).is_none() {
            for token in done.begun_watches() {
                ThreadPost { thread: self }.end_watch(token, done.shards);
            }
            return;
        }
        let stats = self.stats();
        self.with_connection(done.conn, |connection| connection.session.block_done(done, stats));
    }

    /// The log is durable further than before, or failed: lets those go on who waited for it. If it
    /// failed, what became of their writes is unknown, and those who would wait for ever end without an
    /// answer.
    pub fn log_moved(&self) {
        let failed = self.server.durability.has_failed();
        for id in self.waiting.take() {
            if failed
                && let Some(connection) = self.connections.borrow_mut().get_mut(id)
                && connection.session.waits_in_vain()
            {
                connection.break_off();
                continue;
            }
            self.with_connection(id, |_| {});
        }
    }

    /// Sends the effects of this turn to the writer, as one message.
    #[inline]
    fn send_effects(&self) {
        if !self.effects.borrow().is_empty() {
            self.hand_over(self.effects.take());
        }
    }

    #[inline(never)]
    fn hand_over(&self, effects: Vec<Effects>) {
        let Some(directory) = self.server.directory() else { return };
        self.server.durability.add_backlog(effects.iter().map(Effects::bytes).sum());
        directory.writer.do_send(TakeEffects(effects));
    }

    /// One turn of this thread's shard, timed.
    pub fn shard_turn<R>(&self, cause: TurnCause, work: impl FnOnce(&mut ShardTurn<'_>) -> R) -> R {
        let begin = self.clock.ticks();
        self.busy.begin(begin);
        let mut turn = ShardTurn {
            thread: self,
            now: self.clock.now(),
            post: ThreadPost { thread: self },
            meter: TurnMeter { thread: self, begin, last: begin },
        };
        let result = work(&mut turn);
        self.send_effects();
        let stats = self.stats();
        stats.received.add(1);
        stats.turn(cause, self.clock.nanos(begin, self.clock.ticks()), || self.busy.spent());
        result
    }
}

/// One turn of a shard.
pub struct ShardTurn<'a> {
    thread: &'a Thread,
    now: UnixMillis,
    post: ThreadPost<'a>,
    meter: TurnMeter<'a>,
}

impl<'a> ShardTurn<'a> {
    /// What the deciding half needs of the turn.
    pub fn core_turn(&mut self) -> Turn<'_, ThreadPost<'a>, TurnMeter<'a>> {
        Turn {
            now: self.now,
            limits: self.thread.server.limits(),
            post: &mut self.post,
            meter: &mut self.meter,
        }
    }

    /// Runs what connections of this thread have for its shard, and lets them go on: all that are
    /// ready, or as many as the turn has time for. Returns whether some are ready still.
    pub fn run_ready(&mut self, core: &mut ShardCore) -> bool {
        let thread = self.thread;
        let ready = thread.ready.borrow_mut().take();
        let mut ran = 0;
        while let Some(id) = ready.get(ran)
            && self.meter.go_on()
        {
            if ran % FETCH_AHEAD == 0 {
                let window = &ready[ran..ready.len().min(ran + FETCH_AHEAD)];
                self.fetch_ahead(core, window);
            }
            self.run_local(core, *id);
            ran += 1;
        }
        let more = thread.ready.borrow_mut().give_back(ready, ran);
        thread.wake_held_back(&thread.connections.borrow());
        more
    }

    /// Fetches the keys of connections with one command each into the cache, those of the first
    /// one's database. Connections with more gain nothing: the executor fetches theirs.
    fn fetch_ahead(&self, core: &ShardCore, window: &[ConnId]) {
        if window.len() < 2 {
            return;
        }
        let connections = self.thread.connections.borrow();
        let keys = || {
            let sessions = window.iter().filter_map(|id| connections.get(*id));
            sessions.filter_map(|connection| connection.session.single_local_key())
        };
        if let Some((db, _)) = keys().next() {
            core.fetch_ahead(db, || keys().filter(|key| key.0 == db).map(|key| key.1));
        }
    }

    fn run_local(&mut self, core: &mut ShardCore, id: ConnId) {
        let thread = self.thread;
        let mut connections = thread.connections.borrow_mut();
        let Some(connection) = connections.get_mut(id) else { return };
        let work = connection.session.local_work(TURN_BYTES);
        let mut turn = self.core_turn();
        let next = core.run_batch(work, &mut turn);
        let told = turn.told(core.sequence());
        connection.session.local_ran(next, told);
        let outcome = catch_unwind(AssertUnwindSafe(|| thread.proceed(connection)));
        if outcome.is_err() {
            tracing::error!(client = connection.session.client.info.id, "a connection panicked");
            connection.break_off();
        }
    }

    /// Lets the expiry wheel turn, if it may. Returns whether more is due already.
    pub fn tick(&mut self, core: &mut ShardCore, budget: usize) -> bool {
        let server = &self.thread.server;
        if !server.active_expire.load(Relaxed) || server.durability.has_failed() {
            return false;
        }
        let more = core.tick(budget, &mut self.core_turn());
        if more {
            self.thread.stats().expiry_cut_short.add(1);
        }
        more
    }
}

/// Connections whose keys are fetched into the cache at once.
const FETCH_AHEAD: usize = 16;

/// Times commands by one reading of the counter each.
pub struct TurnMeter<'a> {
    thread: &'a Thread,
    begin: Ticks,
    last: Ticks,
}

impl TurnMeter<'_> {
    /// Whether there is time for more in this turn. What comes next is timed from now on.
    #[inline]
    fn go_on(&mut self) -> bool {
        self.last = self.thread.clock.ticks();
        self.last.since(self.begin) < self.thread.turn_ticks
    }
}

impl Meter for TurnMeter<'_> {
    #[inline]
    fn ended(&mut self, id: CommandId, end: End, error: Option<&[u8]>) -> bool {
        let before = self.last;
        let go_on = self.go_on();
        let ticks = self.last.since(before);
        match end {
            End::Ran | End::Waits => self.thread.stats().command(id, ticks, error),
            End::Waited => self.thread.stats().waited(id, ticks, error),
        }
        go_on
    }

    fn outside(&mut self, id: CommandId, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
        registry().run_outside(id, &self.thread.server, args, reply)
    }
}

/// Where sessions and the shard of a thread send.
pub struct ThreadPost<'a> {
    thread: &'a Thread,
}

impl ThreadPost<'_> {
    fn ask_to_flush(&self) {
        if let Some(directory) = self.thread.server.directory() {
            directory.thread(self.thread.id).gateway.do_send(FlushOutboxes);
        }
    }
}

impl Post for ThreadPost<'_> {
    #[inline]
    fn run_local(&mut self, conn: ConnId, bytes: usize) {
        if self.thread.ready.borrow_mut().push(conn, bytes) {
            self.thread.server.to_shard(self.thread.id, RunReady);
        }
    }

    fn run_remote(
        &mut self,
        conn: ConnId,
        shard: ShardId,
        batch: BatchView<'_>,
        request: &Planned,
    ) {
        if self.thread.outboxes.borrow_mut().push(conn, shard, batch, request) {
            self.ask_to_flush();
        }
    }

    fn run_block(&mut self, block: Block) {
        if self.thread.outboxes.borrow_mut().push_block(block) {
            self.ask_to_flush();
        }
    }

    fn end_watch(&mut self, token: WatchToken, shards: ShardSet) {
        for shard in shards.iter() {
            self.thread.server.to_shard(shard, EndWatch(token));
        }
    }

    fn end_wait(&mut self, number: u64, shards: ShardSet) {
        for shard in shards.iter() {
            self.thread.server.to_shard(shard, EndWait(number));
        }
    }

    fn wait_for_log(&mut self, conn: ConnId) {
        self.thread.waiting.borrow_mut().push(conn);
        self.thread.server.durability.wait(self.thread.id);
    }
}

impl ShardPost for ThreadPost<'_> {
    fn deliver(&mut self, shard: ShardId, delivery: Delivery) {
        // Who has the partition next sends effects that follow on these.
        self.thread.send_effects();
        let Some(directory) = self.thread.server.directory() else { return };
        if matches!(delivery, Delivery::Lent(..)) {
            self.thread.stats().lent.add(1);
        }
        self.thread.server.count_sent(shard);
        if directory.thread(shard).dock.send(delivery).is_err() {
            // Its shard has ended, which only happens when the process ends.
            tracing::debug!(%shard, "a partition found no dock");
        }
    }

    fn effects(&mut self, effects: Effects) {
        let mut turn = self.thread.effects.borrow_mut();
        let more = match turn.last_mut() {
            Some(last) => last.merge(effects),
            None => Some(effects),
        };
        turn.extend(more);
    }

    fn garbage(&mut self, garbage: Vec<Garbage>) {
        let Some(directory) = self.thread.server.directory() else { return };
        directory.reaper.take(garbage);
    }

    fn parcel_done(&mut self, to: ShardId, done: ParcelDone) {
        if let Some(directory) = self.thread.server.directory() {
            directory.thread(to).gateway.do_send(done);
        }
    }

    fn block_done(&mut self, done: BlockDone) {
        self.thread.stats().blocks.add(1);
        if let Some(directory) = self.thread.server.directory() {
            directory.thread(done.conn.thread).gateway.do_send(done);
        }
    }

    fn retry(&mut self, waiter: Waiter) {
        let router = self.thread.server.router();
        let shards: ShardSet =
            waiter.batch.keys.iter().map(|key| router.map.shard_of(key.slot)).collect();
        let lead = shards.iter().next().unwrap_or(self.thread.id);
        Post::run_block(self, Block::waiting(waiter, shards, lead));
    }

    #[inline]
    fn publish(&mut self, partition: &Partition) {
        if let Some(stats) = self.thread.server.stats().get(partition.id().0 as usize) {
            stats.publish(partition);
        }
    }

    fn checkpoint_began(&mut self, block: Block, newest: Vec<u64>, keys: u64) {
        self.thread.server.checkpoints.cut(keys);
        self.thread.send_effects();
        if let Some(directory) = self.thread.server.directory() {
            directory.writer.do_send(MarkCheckpoint { block, newest });
        }
    }

    fn checkpoint_keys(&mut self, batch: CutBatch) {
        let server = &self.thread.server;
        if let Some(directory) = server.directory() {
            server.checkpoints.add_backlog(batch.records.len());
            directory.checkpointer.do_send(TakeKeys(batch));
        }
    }

    fn reload(
        &mut self,
        what: Reload,
        keyspace: &mut Keyspace<'_>,
        now: UnixMillis,
    ) -> Result<(), CommandError> {
        self.thread.send_effects();
        self.thread.server.reload(what, keyspace, now)
    }

    fn audit(&mut self, block: Block, live: u128) {
        self.thread.send_effects();
        if let Some(directory) = self.thread.server.directory() {
            directory.writer.do_send(Audit { block, live });
        }
    }
}
