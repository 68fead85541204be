//! A session: the deciding half of a connection. Bytes and answers go in; work for shards and bytes
//! for the client come out. It alone orders and writes what its client sees. It knows no socket and
//! no runtime, so a test can deliver to it in any order.
//!
//! Commands are decoded from the input, planned one behind the other into a [`flight::Flight`]
//! until one has to wait for all before it, and sent. When all answers are back and in order, the
//! rest follows.

mod admission;
mod block;
mod client;
mod flight;
mod gate;
mod input;
mod migrating;
mod output;
mod plan;
mod pushes;
mod route;
mod stock;
mod transaction;
mod wait;

pub use client::{Client, Later, ReplyMode, SessionCx};
pub use route::{Route, Router};
pub use stock::Stock;
pub use wait::LogWait;

use std::io::IoSlice;
use std::sync::Arc;

use shardwright_codec::resp::{ProtocolError, ReplyWriter};
use shardwright_store::executor::{BatchView, Replies, Request};
use shardwright_store::hash::KeyHash;
use shardwright_store::types::{DbIndex, Sequence, ShardId, UnixMillis};

use crate::clock::Clock;
use crate::messages::{Block, BlockDone, BlockKind, ConnId, Post};
use crate::server::{ControlRequest, Server};
use crate::stats::ThreadStats;
use block::KeyWait;
use flight::{Flight, Sink};
use gate::Gate;
use input::Input;
use migrating::Migrating;
use output::Output;
use stock::Workspace;

/// What surrounds a session on its thread.
pub struct Env<'a, P> {
    /// The process.
    pub server: &'a Arc<Server>,
    /// The shard of this thread.
    pub home: ShardId,
    /// The thread's clock.
    pub clock: &'a Clock,
    /// The thread's counters.
    pub stats: &'a ThreadStats,
    /// The time.
    pub now: UnixMillis,
    /// Where work goes.
    pub post: &'a mut P,
}

/// What a session waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Bytes from the client.
    Input,
    /// Answers of shards.
    Answers,
    /// That the client takes its replies.
    Drain,
    /// This time: the rate limit has nothing left before it, or WAITAOF waits no longer.
    Pause(UnixMillis),
    /// Nothing more: when the output is out, the connection ends.
    Close,
}

/// The deciding half of a connection.
#[derive(Debug)]
pub struct Session {
    id: ConnId,
    /// What commands see of the connection.
    pub client: Client,
    input: Input,
    output: Output,
    flight: Flight,
    /// What replies told of and may not be durable yet: what is held in the output waits for it, and
    /// so does WAITAOF.
    gate: Gate,
    /// WAITAOF is to be answered before anything else happens.
    waiting: Option<LogWait>,
    /// The block in flight waits for a key.
    key_wait: Option<KeyWait>,
    /// MIGRATE is to be answered before anything else happens.
    migrating: Option<Box<Migrating>>,
    /// What the rate limit still allows.
    allowance: rate::Allowance,
    /// What was read last came when the process was about to end.
    read_late: bool,
    /// The next command has to wait, since it would write then.
    postponed: bool,
    /// What the decoder's limits were made from: authentication, and the settings' version.
    limits_for: (bool, u64),
}

mod rate;

/// How often a command that has to wait for the end of the process looks whether that was called off.
const POSTPONED_MS: u64 = 10;

impl Session {
    /// A session of a connection that has just begun.
    pub fn new(id: ConnId, client: Client) -> Self {
        Self {
            id,
            client,
            input: Input::default(),
            output: Output::default(),
            flight: Flight::default(),
            gate: Gate::default(),
            waiting: None,
            key_wait: None,
            migrating: None,
            allowance: rate::Allowance::default(),
            read_late: false,
            postponed: false,
            limits_for: (false, u64::MAX),
        }
    }

    /// The connection's id.
    pub fn id(&self) -> ConnId {
        self.id
    }

    /// Takes buffers for what is about to be read, if it has none.
    #[inline]
    pub fn equip(&mut self, stock: &mut Stock) {
        if !self.input.has_buffers() {
            let workspace = stock.workspace();
            self.input.take_buffers(workspace.input, workspace.frames);
            self.flight.local.take_buffers(workspace.keys, workspace.requests);
        }
        if self.output.capacity() == 0 {
            *self.output.buffer() = stock.output();
        }
    }

    /// Gives back the buffers that it does not need until it reads again.
    #[inline]
    pub fn rest(&mut self, stock: &mut Stock) {
        if self.flight.is_empty()
            && let Some((input, frames)) = self.input.give_buffers()
        {
            let (keys, requests) = self.flight.local.give_buffers();
            stock.give_workspace(Workspace { input, frames, keys, requests });
        }
        if let Some(output) = self.output.give_buffer() {
            stock.give_output(output);
        }
    }

    /// Where to read to. Only when the session wants input, or reads on while it waits.
    pub fn room(&mut self) -> &mut Vec<u8> {
        self.input.room()
    }

    /// Bytes were read, when the process was about to end or not.
    #[inline]
    pub fn was_read(&mut self, late: bool) {
        self.read_late = late;
    }

    /// Bytes for the client: the next that lie together.
    #[inline]
    pub fn pending(&self) -> &[u8] {
        self.output.pending()
    }

    /// Whether bytes for the client do not all lie together.
    #[inline]
    pub fn is_scattered(&self) -> bool {
        self.output.is_scattered()
    }

    /// Bytes for the client in runs that lie together, as far as there is room for slices. Returns how
    /// many there are.
    pub fn pending_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.output.pending_slices(slices)
    }

    /// Whether more was read, and not run, than this.
    pub fn has_read_beyond(&self, limit: usize) -> bool {
        self.input.len() > limit
    }

    /// Number of bytes that the client is to get and has not taken.
    pub fn unwritten(&self) -> usize {
        self.output.len()
    }

    /// The client took bytes.
    pub fn wrote(&mut self, count: usize) {
        self.output.wrote(count);
    }

    /// The session has waited for input for long.
    pub fn calm_down(&mut self) {
        self.input.calm_down();
    }

    /// Whether half a command waits for the rest.
    pub fn in_frame(&self) -> bool {
        let idle = self.flight.is_empty() && self.waiting.is_none() && self.migrating.is_none();
        idle && self.input.in_frame()
    }

    /// The connection ends without regard to what is in flight. The session is dropped after this.
    pub fn abandon(&mut self) {
        self.client.close = true;
        self.client.unwatch();
        self.client.ended_watches.extend(self.flight.watch_unrun());
        self.client.ended_watches.extend(self.migrating.take().and_then(|it| it.watch()));
    }

    /// Rounds of WATCH whose end was not told yet.
    #[inline]
    pub fn tell_ended_watches<P: Post>(&mut self, post: &mut P) {
        if !self.client.ended_watches.is_empty() {
            self.end_watches(post);
        }
    }

    #[cold]
    fn end_watches<P: Post>(&mut self, post: &mut P) {
        for ended in self.client.ended_watches.drain(..) {
            post.end_watch(ended.token, ended.shards);
        }
    }

    /// Bytes held for input and output, as CLIENT LIST shows them.
    pub fn buffers(&self) -> Buffers {
        Buffers {
            query: self.input.len(),
            query_free: self.input.capacity() - self.input.len(),
            output: self.output.len() + self.flight.waiting_bytes(),
            memory: self.input.capacity()
                + self.output.capacity()
                + self.flight.waiting_bytes()
                + self.client.transaction.memory(),
        }
    }

    /// Tells others what the connection holds now that replies have left.
    pub fn publish_buffers(&self) {
        self.client.info.publish_buffers(&self.buffers());
    }

    /// Goes on as far as possible: plans and sends what was read, puts answers in order. Tells what
    /// the session waits for then.
    pub fn advance<P: Post>(&mut self, env: &mut Env<'_, P>) -> Want {
        let limit = env.server.reply_limit();
        loop {
            self.take_pushes();
            if !self.flight.is_quiet()
                && let Some(want) = self.wait_for_key(env)
            {
                return want;
            }
            self.end_key_wait(env.post);
            // First, since WAITAOF in a transaction tells how far the log is.
            if self.output.is_held() && !self.may_leave(env) {
                return Want::Answers;
            }
            if !self.flight.is_empty() && !self.settle(env) {
                if self.output.len() >= limit {
                    return Want::Drain;
                }
                self.resume(env);
                return Want::Answers;
            }
            self.tell_ended_watches(env.post);
            if self.client.close {
                self.input.discard();
                return Want::Close;
            }
            if let Some(migrating) = self.migrating.take()
                && let Some(want) = self.migrate(migrating, env)
            {
                return want;
            }
            if let Some(wait) = self.waiting
                && let Some(want) = self.wait(wait, env)
            {
                return want;
            }
            if self.output.len() >= limit {
                return Want::Drain;
            }
            self.refresh_limits(env.server);
            let most = match self.allowance.available(env.server.rate_limit(), env.now) {
                Ok(_) if !self.client.authenticated => 1,
                Ok(allowed) => allowed.min(env.server.pipeline_depth()),
                Err(pause_ms) => return Want::Pause(after(env.now, pause_ms)),
            };
            if !self.input.decode(most) {
                match self.input.take_error() {
                    Some(error) => self.end_with(&error, env.stats),
                    None => return Want::Input,
                }
                continue;
            }
            self.plan(env);
            if std::mem::take(&mut self.postponed) && self.flight.is_empty() {
                return Want::Pause(after(env.now, POSTPONED_MS));
            }
        }
    }

    /// Whether it waits for nothing but the end of the process.
    pub fn waits_for_the_end(&self) -> bool {
        self.flight.block.as_ref().is_some_and(|block| matches!(block.kind, BlockKind::End(_)))
    }

    /// Whether what is held in the output may leave, since all that it tells is durable; lets it.
    /// Otherwise the session is called when the log is durable further.
    #[inline(never)]
    fn may_leave<P: Post>(&mut self, env: &mut Env<'_, P>) -> bool {
        let log = &env.server.durability;
        // The policy may have been changed meanwhile.
        if log.is_gated() && !self.gate.opens(log) {
            env.post.wait_for_log(self.id);
            // It may have become durable just before somebody knew that this session waits.
            if !self.gate.opens(log) {
                return false;
            }
        }
        self.output.release();
        true
    }

    /// Answers a violation of the protocol, which ends the connection.
    #[cold]
    fn end_with(&mut self, error: &ProtocolError, stats: &ThreadStats) {
        stats.errors.count(error.reply().as_bytes());
        if self.client.reply_mode == ReplyMode::On {
            error.write_to(&mut ReplyWriter::new(self.output.buffer(), self.client.protocol));
        }
        self.client.close = true;
    }

    /// Gives the decoder the limits that hold now. Before authentication commands are decoded one
    /// by one, since the next limits depend on them.
    #[inline]
    fn refresh_limits(&mut self, server: &Server) {
        let wanted = (self.client.authenticated, server.settings_version());
        if self.limits_for != wanted {
            self.limits_for = wanted;
            self.input.set_limits(server.decoder_limits(wanted.0));
        }
    }

    /// Takes answered replies into the output. Returns whether the flight is over.
    fn settle<P: Post>(&mut self, env: &mut Env<'_, P>) -> bool {
        let over = match &self.flight.block {
            Some(block) if block.is_finished() => {
                let call = block.call;
                self.finish_block(env);
                if let Some((id, ticks)) = call {
                    env.stats.command(id, ticks, None);
                }
                true
            }
            Some(_) => false,
            None => self.flight.put_in_order(self.output.buffer()),
        };
        self.output.drop_muted();
        if over {
            self.flight.clear();
            if self.migrating.is_none() {
                self.end_mute();
            }
        }
        over
    }

    /// Sends on what had to stop.
    #[inline(never)]
    fn resume<P: Post>(&mut self, env: &mut Env<'_, P>) {
        self.hold_if_gated(env.server);
        for (shard, batch) in self.flight.take_unrun() {
            for request in &batch.requests {
                if let Request::Command(planned) = request {
                    env.post.run_remote(self.id, shard, batch.view(), planned);
                }
            }
        }
        if self.flight.block.is_some() {
            self.send_block(env);
        } else if self.flight.local_unfinished() {
            self.flight.started();
            env.post.run_local(self.id, self.input.len());
        }
    }

    /// Lets replies wait for the log from here on, if the policy says so.
    #[inline]
    fn hold_if_gated(&mut self, server: &Server) {
        if server.durability.is_gated() {
            self.output.hold();
        }
    }

    /// Sends the block that is in flight to its lead shard.
    #[inline(never)]
    fn send_block<P: Post>(&mut self, env: &mut Env<'_, P>) {
        self.flight.started();
        let Some(block) = self.flight.block.as_deref_mut() else { return };
        if block.local {
            env.post.run_local(self.id, self.input.len());
            return;
        }
        let kind = block.kind;
        let block = Block {
            conn: self.id,
            batch: std::mem::take(&mut block.batch),
            from: block.next,
            shards: block.shards,
            lead: block.lead,
            kind,
            waiter: block.waiter.take(),
        };
        match kind {
            BlockKind::End(how) => {
                env.server.ask_control(ControlRequest::Shutdown { how, block: Some(block) });
            }
            _ => env.post.run_block(block),
        }
    }

    /// The work that the shard of the own thread was asked for: what to run, from which request on,
    /// and where replies go. To be followed by [`Session::local_ran`].
    pub fn local_work(&mut self, limit: usize) -> (BatchView<'_>, usize, Replies<'_>) {
        let Self { input, output, flight, .. } = self;
        let output = output.buffer();
        let block_next = flight.block.as_ref().map_or(0, |block| block.next);
        let (local, out, ends) = match flight.sink(output) {
            Sink::Block(block, out, ends) => {
                let limit = out.len() + limit;
                return (block.view(), block_next, Replies { limit, out, ends });
            }
            Sink::Local(local, out, ends) => (local, out, ends),
        };
        let view = BatchView {
            data: input.data(),
            args: input.args(),
            keys: &local.keys,
            requests: &local.requests,
        };
        (view, local.next, Replies { limit: out.len() + limit, out, ends })
    }

    /// The key of the local part, if that is one command with one key.
    #[inline]
    pub fn single_local_key(&self) -> Option<(DbIndex, KeyHash)> {
        match (self.flight.local.requests.as_slice(), self.flight.local.keys.as_slice()) {
            ([Request::Command(planned)], [key]) => Some((planned.db, key.key_hash())),
            _ => None,
        }
    }

    /// The own thread's shard stopped before this request, and this effect of its partition is the
    /// newest.
    pub fn local_ran(&mut self, next: usize, sequence: Sequence) {
        self.gate.needs(self.id.thread, sequence);
        match self.flight.block.as_deref_mut() {
            Some(block) => {
                block.next = next;
                self.flight.local_stopped(0);
            }
            None => self.flight.local_stopped(next),
        }
    }

    /// Replies of another thread's shard to this connection's part of a parcel.
    pub fn remote_done(
        &mut self,
        shard: ShardId,
        out: &[u8],
        ends: impl Iterator<Item = usize>,
        answered: u32,
        unrun: shardwright_store::executor::Batch,
        sequence: Sequence,
    ) {
        self.gate.needs(shard, sequence);
        self.flight.remote_done(shard, out, ends, answered, unrun);
    }

    /// A block came back.
    pub fn block_done(&mut self, done: BlockDone, stats: &ThreadStats) {
        let BlockDone { batch, out, ends, next, sequences, .. } = done;
        let command = self.flight.block.as_ref().and_then(|block| block.command);
        if let (Some(command), Some(error)) = (command, out.strip_prefix(b"-")) {
            stats.failed(command, error);
        }
        self.key_wait_served(&sequences);
        sequences.iter().for_each(|(shard, sequence)| self.gate.needs(*shard, *sequence));
        self.flight.block_done(batch, &out, &ends, next, self.output.buffer());
    }
}

/// The time so many milliseconds after another.
fn after(now: UnixMillis, ms: u64) -> UnixMillis {
    UnixMillis(now.0.saturating_add_unsigned(ms))
}

/// Bytes that a connection holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Buffers {
    /// Read and not run.
    pub query: usize,
    /// Room for reading.
    pub query_free: usize,
    /// Replies not taken.
    pub output: usize,
    /// All together.
    pub memory: usize,
}
