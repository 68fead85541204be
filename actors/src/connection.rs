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

    /// Whether the client went, while the connection waits for something else; otherwise the socket
    /// wakes the task when it goes.
    fn has_ended(&self, connection: &Connection, task: &mut TaskContext<'_>) -> bool {
        self.socket.poll_ready(task).is_ready() && connection.socket().has_no_more()
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
                    self.thread.equip(connection);
                    match self.socket.poll_read(task, connection.session.room()) {
                        Poll::Ready(Ok(count)) if count > 0 => {
                            let late = self.thread.server.ending.is_under_way();
                            connection.session.was_read(late);
                            self.thread.stats().input_bytes.add(count as u64);
                            self.thread.proceed(connection);
                        }
                        Poll::Ready(_) => return Poll::Ready(()),
                        Poll::Pending => {
                            self.thread.rest(connection);
                            return Poll::Pending;
                        }
                    }
                }
                Want::Pause(until) => {
                    if connection.session.is_waiting() && self.has_ended(connection, task) {
                        return Poll::Ready(());
                    }
                    // Something else may end the pause; then the socket has to be looked at.
                    connection.park();
                    drop(connections);
                    self.wake_at(until, ctx);
                    return Poll::Pending;
                }
                Want::Answers => {
                    // Usually the client is silent while it waits; then the socket wakes this task
                    // with the next command, and nobody else has to.
                    if self.socket.poll_ready(task).is_ready() {
                        if connection.session.is_waiting() && connection.socket().has_no_more() {
                            return Poll::Ready(());
                        }
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
