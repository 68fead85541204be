//! The connection actor: the thin shell of one client. It waits for its socket, gives what it reads
//! to the session in its thread's slab, and ends with it. What the session decides is carried out
//! by the thread ([`crate::thread::Thread::proceed`]), whoever on it calls.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use actix::prelude::*;
use shardwright_store::types::UnixMillis;

use crate::messages::ConnId;
use crate::session::Want;
use crate::slab::Connection;
use crate::socket::ReadHalf;
use crate::thread::Thread;

/// One client's connection.
pub struct ConnectionActor {
    id: ConnId,
    thread: Rc<Thread>,
    socket: ReadHalf,
    /// The timer of a pause, and when that is over.
    timer: Option<(UnixMillis, SpawnHandle)>,
}

impl ConnectionActor {
    /// The shell of a connection that is in its thread's slab.
    pub fn new(id: ConnId, thread: Rc<Thread>, socket: ReadHalf) -> Self {
        Self { id, thread, socket, timer: None }
    }

    /// Goes on at this time, and no longer at the one of an earlier pause.
    fn wake_at(&mut self, until: UnixMillis, ctx: &mut Context<Self>) {
        if let Some((set, timer)) = self.timer {
            if set == until {
                return;
            }
            ctx.cancel_future(timer);
        }
        let rest_ms = until.0.saturating_sub(self.thread.clock.now().0);
        let rest = Duration::from_millis(u64::try_from(rest_ms).unwrap_or_default());
        let timer = ctx.run_later(rest, |actor, _| {
            actor.timer = None;
            let thread = Rc::clone(&actor.thread);
            thread.with_connection(actor.id, |_| {});
        });
        self.timer = Some((until, timer));
    }

    /// Reads what the socket has, up to the room that there is. Ready with false when nothing comes
    /// any more.
    #[inline]
    fn poll_read(
        socket: &mut ReadHalf,
        thread: &Thread,
        connection: &mut Connection,
        task: &mut TaskContext<'_>,
    ) -> Poll<bool> {
        thread.equip(connection);
        match socket.poll_read(task, connection.session.room()) {
            Poll::Ready(Ok(count)) if count > 0 => {
                connection.session.was_read(thread.server.ending.is_under_way());
                thread.stats().reads.add(1);
                thread.stats().input_bytes.add(count as u64);
                Poll::Ready(thread.admits(connection))
            }
            Poll::Ready(_) => Poll::Ready(false),
            Poll::Pending => {
                thread.rest(connection);
                Poll::Pending
            }
        }
    }

    /// Whether the client of a connection that waits for a key or the log went; otherwise the socket
    /// wakes the task when it goes. To see that behind all that it sent, this is read meanwhile.
    fn has_ended(
        socket: &mut ReadHalf,
        thread: &Thread,
        connection: &mut Connection,
        task: &mut TaskContext<'_>,
    ) -> bool {
        if !connection.session.is_waiting() || socket.poll_ready(task).is_pending() {
            return false;
        }
        if connection.socket().has_no_more() {
            return true;
        }
        if !thread.reads_on(connection) {
            return false;
        }
        match Self::poll_read(socket, thread, connection, task) {
            Poll::Ready(true) => {
                connection.session.publish_buffers();
                if !thread.reads_on(connection) {
                    // It may have to look again soon.
                    thread.proceed(connection);
                }
                // Others have their turn before the rest is read.
                task.waker().wake_by_ref();
                false
            }
            Poll::Ready(false) => true,
            Poll::Pending => false,
        }
    }

    /// Does all that can be done now. Ready when the connection is over.
    fn drive(&mut self, ctx: &mut Context<Self>, task: &mut TaskContext<'_>) -> Poll<()> {
        loop {
            let mut connections = self.thread.connections.borrow_mut();
            let Some(connection) = connections.get_mut(self.id) else { return Poll::Ready(()) };
            if connection.was_held_back() {
                self.thread.wake_held_back(&connections);
                continue;
            }
            if connection.is_over() {
                return Poll::Ready(());
            }
            connection.attend(task.waker());
            if !connection.session.pending().is_empty()
                && connection.socket().poll_ready(task).is_ready()
            {
                self.thread.proceed(connection);
                if connection.session.pending().is_empty() {
                    continue;
                }
                // The socket said that it was ready and took not all: ask again to be told.
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
            match connection.want() {
                Want::Input => {
                    if self.thread.holds_back(connection) {
                        return Poll::Pending;
                    }
                    match Self::poll_read(&mut self.socket, &self.thread, connection, task) {
                        Poll::Ready(true) => self.thread.proceed(connection),
                        Poll::Ready(false) => return Poll::Ready(()),
                        Poll::Pending => return Poll::Pending,
                    }
                }
                Want::Pause(until) => {
                    if Self::has_ended(&mut self.socket, &self.thread, connection, task) {
                        return Poll::Ready(());
                    }
                    // Something else may end the pause; then the socket has to be looked at.
                    connection.park();
                    drop(connections);
                    self.wake_at(until, ctx);
                    return Poll::Pending;
                }
                Want::Answers => {
                    if Self::has_ended(&mut self.socket, &self.thread, connection, task) {
                        return Poll::Ready(());
                    }
                    // Usually the client is silent while it waits; then the socket wakes this task
                    // with the next command, and nobody else has to.
                    if self.socket.poll_ready(task).is_ready() {
                        connection.park();
                    }
                    return Poll::Pending;
                }
                Want::Drain | Want::Close => return Poll::Pending,
            }
        }
    }
}

impl Actor for ConnectionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(Drive.map(|(), _, ctx: &mut Context<Self>| ctx.stop()));
    }
}

/// A connection that panicked is dropped without having ended: its place is freed all the same.
impl Drop for ConnectionActor {
    fn drop(&mut self) {
        self.thread.remove(self.id);
    }
}

struct Drive;

impl ActorFuture<ConnectionActor> for Drive {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        actor: &mut ConnectionActor,
        ctx: &mut Context<ConnectionActor>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        actor.drive(ctx, task)
    }
}
