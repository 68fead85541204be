//! Planning: the next commands of the input become a flight. Checks come in Redis's order and with
//! its texts; a command that must wait for all before it ends the plan.

use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::{Flags, Handler, Patience};
use shardwright_store::error::CommandError;
use shardwright_store::executor::{Batch, BatchView, Planned, Request};
use shardwright_store::types::{ShardId, UnixMillis};

use super::admission::{LOADING, Refusal, admit};
use super::flight::{BlockFlight, Flight};
use super::route::Route;
use super::transaction::Start;
use super::wait::{is_synced, write_state};
use super::{Client, Env, Later, ReplyMode, Session, SessionCx};
use crate::commands::connection::switched_protocol;
use crate::messages::{BlockKind, Post};
use crate::registry::{Entry, Run, SessionHandler, registry};
use crate::server::Server;
use crate::shards::ShardSet;
use crate::stats::ThreadStats;

/// What became of a command.
enum Placed {
    /// It is in the flight, in the queue of MULTI, or answered.
    Taken,
    /// It must wait for all before it.
    Wait,
}

/// Commands over several shards that follow one another: they share a round of lending.
struct Wide {
    batch: Batch,
    shards: ShardSet,
    lead: ShardId,
}

impl Wide {
    /// Adds a command over several shards, unless there are as many as may share a round.
    #[inline(never)]
    fn place(
        wide: &mut Option<Self>,
        lead: ShardId,
        shards: ShardSet,
        batch: BatchView<'_>,
        planned: &Planned,
    ) -> Placed {
        let wide = wide.get_or_insert_with(|| Self { batch: Batch::default(), shards, lead });
        if wide.batch.requests.len() >= MAX_WIDE_RUN || wide.batch.keys.len() >= MAX_WIDE_KEYS {
            return Placed::Wait;
        }
        wide.shards.extend(&shards);
        wide.batch.push_copy(batch, planned);
        Placed::Taken
    }
}

/// Most commands over several shards that share a round of lending: bounds the time that shards are
/// away.
const MAX_WIDE_RUN: usize = 64;

/// Keys above which such a round takes no further command.
const MAX_WIDE_KEYS: usize = 1024;

impl Session {
    /// Plans commands of the input until one has to wait, and sends them.
    #[inline(never)]
    pub(super) fn plan<P: Post>(&mut self, env: &mut Env<'_, P>) {
        self.hold_if_gated(env.server);
        let mut wide = None;
        let mut taken = 0;
        while self.input.peek().is_some() {
            if self.client.reply_mode == ReplyMode::SkipNext {
                self.client.reply_mode = ReplyMode::Skip;
            }
            let muted = self.client.reply_mode != ReplyMode::On;
            if muted {
                self.output.mute();
            }
            if let Placed::Wait = self.place(env, &mut wide) {
                break;
            }
            taken += 1;
            if self.waiting.is_some() || self.migrating.is_some() {
                break;
            }
            if muted && self.flight.is_empty() && wide.is_none() {
                self.end_mute();
            }
            if muted || self.client.close {
                break;
            }
        }
        self.allowance.spend(taken);
        self.publish(taken, env.now);
        if let Some(Wide { batch, shards, lead }) = wide {
            self.flight.set_block(BlockFlight::new(batch, shards, lead));
        }
        if self.flight.block.is_some() {
            self.send_block(env);
        } else if !self.flight.local.requests.is_empty() {
            self.flight.started();
            env.post.run_local(self.id, self.input.len());
        }
    }

    /// A command that began while replies were off or skipped has ended: its reply is dropped,
    /// unless it turned them on.
    #[inline]
    pub(super) fn end_mute(&mut self) {
        if self.client.reply_mode != ReplyMode::On {
            self.output.drop_muted();
        }
        self.output.unmute();
        if self.client.reply_mode == ReplyMode::Skip {
            self.client.reply_mode = ReplyMode::On;
        }
    }

    /// Tells others what they may know of the connection, of which `taken` commands were planned.
    /// While all of them are for the shard of the own thread, they changed nothing here, and what
    /// the connection holds is told when they are answered.
    #[inline]
    fn publish(&self, taken: usize, now: UnixMillis) {
        if self.flight.local.requests.len() == taken {
            self.client.info.publish_activity(now);
        } else {
            self.client.info.publish_state(&self.client, now);
            self.publish_buffers();
        }
    }

    /// Checks the next command and finds its place.
    fn place<P: Post>(&mut self, env: &mut Env<'_, P>, wide: &mut Option<Wide>) -> Placed {
        let Some(args) = self.input.peek() else { return Placed::Wait };
        let entry = match admit(&self.client, args, env.server) {
            Ok(entry) => entry,
            Err(refusal) => return self.refuse(refusal, env, wide.is_some()),
        };
        if self.read_late && self.is_too_late(entry, env.server) {
            self.postponed = true;
            return Placed::Wait;
        }
        self.client.info.runs(entry.id);
        if self.client.transaction.active && !entry.acts_in_multi() {
            return if wide.is_some() { Placed::Wait } else { self.queue(entry, env) };
        }
        if let Some(handler) = entry.data_handler(args) {
            return self.place_data(entry, handler, env, wide);
        }
        if matches!(entry.run, Run::Exec) {
            return if self.flight.is_empty() && wide.is_none() {
                self.exec(entry, env)
            } else {
                Placed::Wait
            };
        }
        let barrier = entry.spec.flags.has(Flags::BARRIER) && !self.flight.is_empty();
        match entry.session_handler(args) {
            Some(handler) if !barrier && wide.is_none() => self.run_session(entry, handler, env),
            _ => Placed::Wait,
        }
    }

    /// Whether the command writes and the process is about to end.
    #[cold]
    fn is_too_late(&self, entry: &Entry, server: &Server) -> bool {
        let is_exec = matches!(entry.run, Run::Exec);
        let writes = entry.spec.flags.has(Flags::WRITE) && !self.client.transaction.active;
        server.ending.is_under_way() && (writes || is_exec && self.client.transaction.writes())
    }

    /// Answers a command that must not run with the reason.
    #[cold]
    fn refuse<P: Post>(
        &mut self,
        Refusal { error, command }: Refusal,
        env: &Env<'_, P>,
        behind_wide: bool,
    ) -> Placed {
        if behind_wide {
            return Placed::Wait;
        }
        if self.input.peek().is_some_and(|args| is_of_http(args.at(0))) {
            return self.turn_away(env);
        }
        self.client.transaction.failed |= self.client.transaction.active;
        let error = match self.input.peek() {
            Some(args) if is_exec(args) => self.abort_exec(&error),
            _ => error,
        };
        let text = error.text();
        match command {
            Some(id) => env.stats.rejected(id, &text),
            None => env.stats.errors.count(&text),
        }
        self.answer(|reply| reply.error(&text));
        self.input.advance();
        Placed::Taken
    }

    /// Ends a connection whose client seems not to know whom it talks to, before the rest of its
    /// request is taken for commands. Nothing is answered.
    fn turn_away<P: Post>(&mut self, env: &Env<'_, P>) -> Placed {
        if env.server.may_warn_of_http(env.now) {
            tracing::warn!(
                client = self.client.info.id,
                "a client sent an HTTP request, perhaps tricked into it by a web page: its \
                 connection is closed"
            );
        }
        self.client.close = true;
        self.input.advance();
        Placed::Taken
    }

    /// EXEC was refused before it ran: the transaction is dropped, whatever the reason.
    fn abort_exec(&mut self, error: &CommandError) -> CommandError {
        self.client.discard();
        error.aborting()
    }

    /// Answers in the connection itself, behind what is in flight.
    fn answer(&mut self, write: impl FnOnce(&mut ReplyWriter<'_>)) {
        let protocol = self.client.protocol;
        if self.flight.is_empty() {
            write(&mut ReplyWriter::new(self.output.buffer(), protocol));
        } else {
            write(&mut ReplyWriter::new(self.flight.own_buffer(), protocol));
            self.flight.own_ended();
        }
    }

    /// Adds a command to the queue of MULTI.
    #[inline(never)]
    fn queue<P: Post>(&mut self, entry: &'static Entry, env: &Env<'_, P>) -> Placed {
        let Some(args) = self.input.peek() else { return Placed::Wait };
        let refused = if entry.begins_watch {
            // A call, as in Redis, and one that does not spoil the transaction; but nothing has run.
            env.stats.command(entry.id, 0, Some(WATCH_IN_MULTI.as_bytes()));
            Some(WATCH_IN_MULTI)
        } else {
            let transaction = &mut self.client.transaction;
            let flags = entry.spec.flags;
            let refused = if flags.has(Flags::NO_MULTI) || flags.has(Flags::ALONE) {
                Some("ERR Command not allowed inside a transaction")
            } else if transaction.push(entry, args) {
                None
            } else {
                Some("ERR the transaction's queue is full")
            };
            if let Some(text) = refused {
                transaction.failed = true;
                env.stats.rejected(entry.id, text.as_bytes());
            }
            refused
        };
        self.answer(|reply| match refused {
            Some(text) => reply.error(text),
            None => reply.simple("QUEUED"),
        });
        self.input.advance();
        Placed::Taken
    }

    #[inline(never)]
    fn run_session<P: Post>(
        &mut self,
        entry: &'static Entry,
        handler: SessionHandler,
        env: &mut Env<'_, P>,
    ) -> Placed {
        let Self { client, input, output, flight, .. } = self;
        let Some(args) = input.peek() else { return Placed::Wait };
        let direct = flight.is_empty();
        let out = if direct { output.buffer() } else { flight.own_buffer() };
        let ran = run_handler(client, handler, args, out, env, false);
        if ran.later.is_some() && !direct {
            // It shares its flight with nothing: asked again when all before it is over.
            return Placed::Wait;
        }
        ran.count(entry, env.stats);
        // DEBUG SLEEP takes its time.
        env.now = env.clock.now();
        input.advance();
        match ran.later {
            None if direct => {}
            None => flight.own_ended(),
            Some(Later::Block(kind))
                if env.server.loading.is_running() && !matches!(kind, BlockKind::End(_)) =>
            {
                let text = LOADING.text();
                env.stats.failed(entry.id, &text);
                ReplyWriter::new(output.buffer(), client.protocol).error(&text);
            }
            Some(Later::Block(kind)) => {
                let shards = ShardSet::all(env.server.router().map.shards());
                flight.set_block(BlockFlight::special(kind, entry.id, shards, env.home));
                return Placed::Wait;
            }
            Some(Later::Log(wait)) => self.begin_wait(wait),
            Some(Later::Migration(migration)) => {
                self.begin_migration(entry.id, *migration, env.now);
            }
        }
        Placed::Taken
    }

    fn place_data<P: Post>(
        &mut self,
        entry: &'static Entry,
        handler: Handler,
        env: &mut Env<'_, P>,
        wide: &mut Option<Wide>,
    ) -> Placed {
        let Self { id, client, input, flight, .. } = self;
        let Some(args) = input.peek() else { return Placed::Wait };
        let patience = patience(&handler, args);
        if patience.is_some() && (wide.is_some() || !flight.is_empty()) {
            return Placed::Wait;
        }
        let first_arg = input.first_arg();
        let first_key = flight.local.keys.len();
        let router = env.server.router();
        let route = router.route(entry, args, first_arg, &mut flight.local.keys);
        let key_count = flight.local.keys.len() - first_key;
        let mut planned =
            client.planned(entry, handler, (first_arg, args.len()), (first_key, key_count));
        if entry.begins_watch {
            planned.watch = Some(begin_watch(client, &route, env));
        }
        let batch =
            |keys| BatchView { data: input.data(), args: input.args(), keys, requests: &[] };
        if let Some(patience) = patience {
            let mut own = Batch::default();
            own.push_copy(batch(&flight.local.keys), &planned);
            flight.local.keys.truncate(first_key);
            input.advance();
            self.begin_key_wait(entry.id, own, patience, route.shards(env.home), env);
            return Placed::Wait;
        }
        let placed = match route {
            Route::Many(lead, shards) if flight.is_empty() => {
                Wide::place(wide, lead, shards, batch(&flight.local.keys), &planned)
            }
            Route::Many(..) => Placed::Wait,
            _ if wide.is_some() => Placed::Wait,
            Route::Any | Route::One(_) => {
                let shard = route.first().unwrap_or(env.home);
                if env.server.strict_order() && changes_shard(flight, env.home, shard) {
                    Placed::Wait
                } else if shard == env.home {
                    flight.push_local(Request::Command(planned));
                    input.advance();
                    return Placed::Taken;
                } else {
                    env.post.run_remote(*id, shard, batch(&flight.local.keys), &planned);
                    flight.push_remote(shard);
                    Placed::Taken
                }
            }
        };
        // Only the local part refers to keys in the flight; everyone else has a copy.
        flight.local.keys.truncate(first_key);
        if let Placed::Taken = placed {
            input.advance();
        }
        placed
    }

    /// EXEC: sends the queued block to its shards.
    #[inline(never)]
    fn exec<P: Post>(&mut self, entry: &'static Entry, env: &mut Env<'_, P>) -> Placed {
        self.input.advance();
        let begin = env.clock.ticks();
        let client = &mut self.client;
        let refused = if !client.transaction.active {
            Some("ERR EXEC without MULTI")
        } else if client.transaction.failed {
            client.discard();
            Some("EXECABORT Transaction discarded because of previous errors.")
        } else {
            None
        };
        if let Some(text) = refused {
            let ticks = env.clock.ticks().since(begin);
            env.stats.command(entry.id, ticks, Some(text.as_bytes()));
            self.answer(|reply| reply.error(text));
            return Placed::Taken;
        }
        let router = env.server.router();
        let start = Start { db: client.db, protocol: client.protocol, no_touch: client.no_touch };
        let exec =
            client.transaction.plan(router, start, &|args| switched_protocol(args, env.server));
        let mut shards = exec.shards;
        let lead = exec.first_shard.or_else(|| shards.iter().next()).unwrap_or(env.home);
        shards.insert(lead);
        let mut block = BlockFlight::exec(exec, shards, lead);
        block.local = shards.only() == Some(env.home);
        // What is in it counts for itself.
        block.call = Some((entry.id, env.clock.ticks().since(begin)));
        self.flight.set_block(block);
        Placed::Wait
    }

    /// Writes what the connection itself has to say in a block that came back.
    #[inline(never)]
    pub(super) fn finish_block<P: Post>(&mut self, env: &mut Env<'_, P>) {
        let Self { client, output, flight, gate, migrating, .. } = self;
        let Some(block) = flight.block.as_deref_mut() else { return };
        if let Some(migrating) = migrating {
            return migrating.came_back(block);
        }
        let Some(exec) = block.exec.take().filter(|exec| !exec.session_items.is_empty()) else {
            return;
        };
        let header = block.take_reply().unwrap_or_default();
        let aborted = [&b"*-1"[..], b"_", b"-"].iter().any(|none| header.starts_with(none));
        // The block's commands may turn replies on and off, each from its own on.
        output.unmute();
        if client.wants_replies() {
            output.buffer().extend_from_slice(header);
        }
        if aborted {
            return;
        }
        let mut own = exec.session_items.iter().peekable();
        for position in 0..exec.size {
            let before = output.buffer().len();
            if let Some(item) = own.next_if(|item| item.position == position) {
                let args = exec.arguments(item);
                if let Some(handler) = item.entry.session_handler(args) {
                    let out = output.buffer();
                    let ran = run_handler(client, handler, args, out, env, true);
                    ran.count(item.entry, env.stats);
                    let mut reply = ReplyWriter::new(out, client.protocol);
                    match ran.later {
                        None => {}
                        Some(Later::Block(_) | Later::Migration(_)) => {
                            env.stats.failed(item.entry.id, NO_BLOCK.as_bytes());
                            reply.error(NO_BLOCK);
                        }
                        Some(Later::Log(_)) => {
                            write_state(is_synced(gate, &env.server.durability), &mut reply);
                        }
                    }
                }
            } else {
                output.buffer().extend_from_slice(block.take_reply().unwrap_or_default());
            }
            if !client.wants_replies() {
                output.buffer().truncate(before);
            }
        }
    }
}

/// What one of the connection's own commands came to.
struct Ran {
    /// What it is answered by, if not by a reply now.
    later: Option<Later>,
    ticks: u64,
    error: Option<Vec<u8>>,
}

impl Ran {
    fn count(&self, entry: &Entry, stats: &ThreadStats) {
        stats.command(entry.id, self.ticks, self.error.as_deref());
    }
}

/// Runs one of the connection's own commands.
fn run_handler<P: Post>(
    client: &mut Client,
    handler: SessionHandler,
    args: Args<'_>,
    out: &mut Vec<u8>,
    env: &mut Env<'_, P>,
    in_transaction: bool,
) -> Ran {
    let begin = env.clock.ticks();
    let mut reply = ReplyWriter::new(out, client.protocol);
    let mut cx =
        SessionCx { client, server: env.server, now: env.now, in_transaction, later: None };
    let outcome = handler(&mut cx, args, &mut reply);
    let later = cx.later;
    let error = outcome.err().map(|error| error.text().into_owned());
    if let Some(text) = &error {
        // HELLO may have changed the protocol that the reply has to be in.
        ReplyWriter::new(out, client.protocol).error(text);
    }
    Ran { later, ticks: env.clock.ticks().since(begin), error }
}

/// How long the command waits, if it may.
#[inline]
fn patience(handler: &Handler, args: Args<'_>) -> Option<Patience> {
    let Handler::Block(blocking) = handler else { return None };
    // What is wrong with its arguments is told when it is run.
    match (blocking.patience)(args) {
        Ok(Patience::None) | Err(_) => None,
        Ok(patience) => Some(patience),
    }
}

/// Whether a line begins as one of an HTTP request does whose body could hold commands.
fn is_of_http(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"POST") || name.eq_ignore_ascii_case(b"host:")
}

fn is_exec(args: Args<'_>) -> bool {
    registry().find(args.at(0)).is_some_and(|entry| matches!(entry.run, Run::Exec))
}

/// Whether a command for `shard` would be the first of another shard in this flight.
fn changes_shard(flight: &Flight, home: ShardId, shard: ShardId) -> bool {
    !flight.is_empty() && flight.only_shard(home) != Some(shard)
}

#[cold]
fn begin_watch<P: Post>(
    client: &mut Client,
    route: &Route,
    env: &Env<'_, P>,
) -> shardwright_store::watch::WatchToken {
    let shards = match route {
        Route::Any => [env.home].into_iter().collect(),
        Route::One(shard) => [*shard].into_iter().collect(),
        Route::Many(_, shards) => *shards,
    };
    client.transaction.watch(shards, || env.server.next_watch())
}

const WATCH_IN_MULTI: &str = "ERR WATCH inside MULTI is not allowed";

const NO_BLOCK: &str = "ERR this command cannot run inside MULTI";
