//! The gateway actor, one a thread: it sends the thread's outboxes once a loop turn, hands answers
//! of other threads to their connections, takes in new connections, and looks after those that
//! sleep too long.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use shardwright_codec::resp::Protocol;
use shardwright_codec::resp::ReplyWriter;
use shardwright_store::types::UnixMillis;

use crate::clients::{ClientInfo, Peer};
use crate::connection::ConnectionActor;
use crate::messages::{BlockDone, ConnId, ParcelDone};
use crate::migration::Delivered;
use crate::session::{Client, Session, Want};
use crate::slab::Connection;
use crate::socket::Accepted;
use crate::thread::Thread;

/// Idle time after which a connection that had much to read begins with little room again.
const CALM_AFTER: Duration = Duration::from_secs(2);

/// Messages that a gateway may have waiting: answers are bounded by what was asked.
const MAILBOX: usize = 4096;

/// The outboxes of this thread have something.
#[derive(Message)]
#[rtype(result = "()")]
pub struct FlushOutboxes;

/// A connection that control accepted and gave to this thread.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Adopt {
    /// The socket.
    pub socket: Accepted,
    /// Who is at its other end.
    pub peer: Peer,
}

/// End a connection (CLIENT KILL): at once, or when its replies are out.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Kill(pub ConnId);

/// A connection is to look at how it stands.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Wake(pub ConnId);

/// Connections of this thread have messages to take.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Deliver;

/// What MIGRATE sent to another server was taken there, or not.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Shipped {
    /// Whose it was.
    pub conn: ConnId,
    /// What became of it.
    pub delivered: Delivered,
}

/// Stop taking input and tell when nothing is in flight any more: the process is about to end.
#[derive(Message)]
#[rtype(result = "usize")]
pub struct Quiesce;

/// The log is durable further than before, or failed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LogMoved;

impl Message for ParcelDone {
    type Result = ();
}

impl Message for BlockDone {
    type Result = ();
}

/// One thread's gateway.
pub struct Gateway {
    thread: Rc<Thread>,
}

impl Gateway {
    /// The gateway of a thread.
    pub fn new(thread: Rc<Thread>) -> Self {
        Self { thread }
    }

    /// Looks after connections `hz` times a second.
    fn sweep_later(&self, ctx: &mut Context<Self>) {
        let hz = self.thread.server.settings().hz.max(1);
        ctx.run_later(Duration::from_secs(1) / hz, |gateway, ctx| {
            gateway.sweep();
            gateway.sweep_later(ctx);
        });
    }

    /// Ends connections that were idle, half through a command, or not taking replies, for too long,
    /// and those whose client went while they waited, which nobody else would notice.
    fn sweep(&self) {
        let settings = self.thread.server.settings();
        let now = self.thread.clock.now();
        let over = |since: Option<UnixMillis>, limit: Duration| {
            let limit_ms = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
            limit_ms > 0 && since.is_some_and(|since| now.0.saturating_sub(since.0) > limit_ms)
        };
        let note = |since: &mut Option<UnixMillis>, holds: bool| {
            *since = holds.then(|| since.unwrap_or(now));
        };
        for connection in self.thread.connections.borrow_mut().iter_mut() {
            let buffers = connection.session.buffers();
            let limits = &settings.client_output_buffer_limit;
            let subscribed = connection.session.client.is_subscribed();
            let limit = if subscribed { limits.pubsub } else { limits.normal };
            let output = buffers.output as u64;
            note(&mut connection.stuck_since, !connection.session.pending().is_empty());
            // Who waits for the rate limit may have sent whole commands.
            let half = connection.want() == Want::Input && connection.session.in_frame();
            note(&mut connection.half_since, half);
            note(&mut connection.over_soft_since, limit.soft > 0 && output >= limit.soft);
            let soft = Duration::from_secs(limit.soft_seconds);
            let active =
                connection.session.client.info.active.load(std::sync::atomic::Ordering::Relaxed);
            let idle = (connection.want() == Want::Input).then_some(UnixMillis(active));
            if over(idle, CALM_AFTER) {
                connection.session.calm_down();
            }
            let reason = if over(idle, settings.timeout) {
                "idle for too long"
            } else if over(connection.half_since, settings.read_timeout) {
                "half a command for too long"
            } else if over(connection.stuck_since, settings.write_timeout) {
                "replies not taken for too long"
            } else if limit.hard > 0 && output >= limit.hard
                || soft > Duration::ZERO && over(connection.over_soft_since, soft)
            {
                "output buffer limit reached"
            } else if buffers.query as u64 > settings.client_query_buffer_limit {
                "query buffer limit reached"
            } else if connection.session.is_waiting() && connection.socket().has_no_more() {
                "the client went while it waited"
            } else {
                continue;
            };
            tracing::info!(client = connection.session.client.info.id, reason, "connection ended");
            connection.break_off();
        }
    }
}

impl Actor for Gateway {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.sweep_later(ctx);
    }
}

impl Handler<FlushOutboxes> for Gateway {
    type Result = ();

    fn handle(&mut self, _: FlushOutboxes, _: &mut Self::Context) {
        self.thread.flush_outboxes();
    }
}

impl Handler<ParcelDone> for Gateway {
    type Result = ();

    fn handle(&mut self, done: ParcelDone, _: &mut Self::Context) {
        self.thread.parcel_done(done);
    }
}

impl Handler<BlockDone> for Gateway {
    type Result = ();

    fn handle(&mut self, done: BlockDone, _: &mut Self::Context) {
        self.thread.block_done(done);
    }
}

impl Handler<LogMoved> for Gateway {
    type Result = ();

    fn handle(&mut self, _: LogMoved, _: &mut Self::Context) {
        self.thread.log_moved();
    }
}

impl Handler<Adopt> for Gateway {
    type Result = ();

    fn handle(&mut self, Adopt { socket, peer }: Adopt, _: &mut Self::Context) {
        let (read, write) = match socket.register() {
            Ok(halves) => halves,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken in");
                self.thread.server.clients.give_back();
                return;
            }
        };
        let thread = &self.thread;
        let server = &thread.server;
        let open = server.is_open();
        let now = thread.clock.now();
        let mut connections = thread.connections.borrow_mut();
        let id = connections.insert(|id| {
            let info = Arc::new(ClientInfo::new(server.clients.next_id(), id, peer, now));
            server.clients.add(Arc::clone(&info));
            let client = Client::new(info, open);
            Connection::new(Session::new(id, client), write)
        });
        drop(connections);
        ConnectionActor::new(id, Rc::clone(thread), read).start();
    }
}

impl Handler<Kill> for Gateway {
    type Result = ();

    fn handle(&mut self, Kill(id): Kill, _: &mut Self::Context) {
        if let Some(connection) = self.thread.connections.borrow_mut().get_mut(id) {
            connection.break_off();
        }
    }
}

impl Handler<Wake> for Gateway {
    type Result = ();

    fn handle(&mut self, Wake(id): Wake, _: &mut Self::Context) {
        self.thread.with_connection(id, |_| {});
    }
}

impl Handler<Deliver> for Gateway {
    type Result = ();

    fn handle(&mut self, _: Deliver, ctx: &mut Self::Context) {
        if self.thread.deliver() {
            // The shard and the sockets have their turn before.
            let others = tokio::task::yield_now().into_actor(self);
            ctx.spawn(others.map(|(), _, ctx| ctx.address().do_send(Deliver)));
        }
    }
}

impl Handler<Shipped> for Gateway {
    type Result = ();

    fn handle(&mut self, Shipped { conn, delivered }: Shipped, _: &mut Self::Context) {
        self.thread.with_connection(conn, |connection| connection.session.shipped(delivered));
    }
}

impl Handler<Quiesce> for Gateway {
    type Result = usize;

    fn handle(&mut self, _: Quiesce, _: &mut Self::Context) -> usize {
        let mut connections = self.thread.connections.borrow_mut();
        let busy = connections.iter_mut().filter(|connection| {
            // Who waits for the log may do so for ever, and this end syncs it.
            let session = &connection.session;
            let waits = connection.want() == Want::Answers
                && !session.is_waiting()
                && !session.waits_for_the_end();
            waits || !connection.session.pending().is_empty()
        });
        busy.count()
    }
}

/// Writes an error to a socket that no thread has taken, and closes it. Nobody waits for it: what
/// the socket's buffer does not take is lost.
pub fn refuse(socket: Accepted, error: &str) {
    use std::io::Write;
    let mut text = Vec::new();
    ReplyWriter::new(&mut text, Protocol::Resp2).error(error);
    let sent = match &socket {
        Accepted::Tcp(socket) => (&*socket).write_all(&text),
        Accepted::Unix(socket) => (&*socket).write_all(&text),
    };
    if let Err(error) = sent {
        tracing::debug!(%error, "a refused connection did not take its error");
    }
}
