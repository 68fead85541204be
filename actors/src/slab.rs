//! The connections of one thread, each at a place with a generation, so that a message for a
//! connection that has ended cannot meet the next one at its place.

use std::io::{self, IoSlice};
use std::task::Waker;

use shardwright_store::types::{ShardId, UnixMillis};

use crate::messages::ConnId;
use crate::session::{Session, Want};
use crate::socket::WriteHalf;
use crate::stats::ThreadStats;

/// Runs of bytes that one write takes at most.
const MOST_SLICES: usize = 32;

/// A connection on its thread: the session that decides, and the socket's writing half.
pub struct Connection {
    /// The deciding half.
    pub session: Session,
    socket: WriteHalf,
    want: Want,
    /// Wakes the connection's task.
    waker: Option<Waker>,
    /// The task did not ask the socket to wake it, or found it readable, while nothing may be read: it
    /// has to be woken for that.
    parked: bool,
    /// It waits with reading until the shard has run what was read.
    held_back: bool,
    broken: bool,
    /// Since when the client has taken nothing of what waits for it.
    pub stuck_since: Option<UnixMillis>,
    /// Since when half a command waits for the rest.
    pub half_since: Option<UnixMillis>,
    /// Since when more output waits than the soft limit allows.
    pub over_soft_since: Option<UnixMillis>,
}

impl Connection {
    /// A connection that begins.
    pub fn new(session: Session, socket: WriteHalf) -> Self {
        Self {
            session,
            socket,
            want: Want::Input,
            waker: None,
            parked: false,
            held_back: false,
            broken: false,
            stuck_since: None,
            half_since: None,
            over_soft_since: None,
        }
    }

    /// What the session waits for.
    #[inline]
    pub fn want(&self) -> Want {
        self.want
    }

    /// The socket's writing half.
    pub fn socket(&self) -> &WriteHalf {
        &self.socket
    }

    /// Whether nothing can be written or read any more.
    #[inline]
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether all is said and done.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.broken || (self.want == Want::Close && self.session.pending().is_empty())
    }

    /// The connection ends now, whatever waits.
    pub fn break_off(&mut self) {
        self.broken = true;
        self.wake();
    }

    /// Writes what waits, as far as the socket takes it.
    #[inline]
    pub fn write(&mut self, stats: &ThreadStats) {
        while !self.session.pending().is_empty() {
            match self.try_write() {
                Ok(0) => return self.break_off(),
                Ok(count) => {
                    self.session.wrote(count);
                    self.stuck_since = None;
                    stats.writes.add(1);
                    stats.output_bytes.add(count as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.break_off(),
            }
        }
    }

    #[inline]
    fn try_write(&self) -> io::Result<usize> {
        if !self.session.is_scattered() {
            return self.socket.try_write(self.session.pending());
        }
        self.try_write_scattered()
    }

    fn try_write_scattered(&self) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); MOST_SLICES];
        let count = self.session.pending_slices(&mut slices);
        self.socket.try_write_slices(&slices[..count])
    }

    /// Notes what the session waits for, and wakes the task if it has to see to it.
    #[inline]
    pub fn settle(&mut self, want: Want) {
        self.want = want;
        let unwritten = !self.session.pending().is_empty();
        let unseen = match want {
            // Who waits for a key or the log reads on.
            Want::Answers => self.parked && self.session.is_waiting(),
            // Usually the task waits for the socket already.
            Want::Input => self.parked,
            Want::Drain | Want::Pause(_) | Want::Close => true,
        };
        if unwritten || unseen || self.broken {
            self.wake();
        }
    }

    /// The task is at work, and is to be woken by this when something else changes.
    #[inline]
    pub fn attend(&mut self, waker: &Waker) {
        self.parked = false;
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
    }

    /// The socket will not wake the task, and nothing may be read.
    pub fn park(&mut self) {
        self.parked = true;
    }

    /// Whether it waits with reading from here on.
    #[inline]
    pub fn hold_back(&mut self, holds: bool) {
        self.held_back = holds;
    }

    /// Whether it waits with reading.
    #[inline]
    pub fn is_held_back(&self) -> bool {
        self.held_back
    }

    /// Whether it waited with reading; no longer.
    #[inline]
    pub fn was_held_back(&mut self) -> bool {
        std::mem::take(&mut self.held_back)
    }

    /// Wakes the task.
    pub fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

#[derive(Default)]
struct Place {
    generation: u32,
    connection: Option<Box<Connection>>,
}

/// The connections of one thread.
pub struct Slab {
    thread: ShardId,
    places: Vec<Place>,
    free: Vec<u32>,
}

impl Slab {
    /// No connections yet.
    pub fn new(thread: ShardId) -> Self {
        Self { thread, places: Vec::new(), free: Vec::new() }
    }

    /// Adds a connection, which is made once its id is known.
    pub fn insert(&mut self, make: impl FnOnce(ConnId) -> Connection) -> ConnId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            (self.places.len() - 1) as u32
        });
        let place = &mut self.places[index as usize];
        let id = ConnId { thread: self.thread, index, generation: place.generation };
        place.connection = Some(Box::new(make(id)));
        id
    }

    /// The connection, unless it has ended.
    #[inline]
    pub fn get(&self, id: ConnId) -> Option<&Connection> {
        let place = self.places.get(id.index as usize)?;
        if place.generation != id.generation {
            return None;
        }
        place.connection.as_deref()
    }

    /// The connection, unless it has ended, to change it.
    #[inline]
    pub fn get_mut(&mut self, id: ConnId) -> Option<&mut Connection> {
        let place = self.places.get_mut(id.index as usize)?;
        if place.generation != id.generation {
            return None;
        }
        place.connection.as_deref_mut()
    }

    /// Takes a connection out.
    pub fn remove(&mut self, id: ConnId) -> Option<Box<Connection>> {
        let place = self.places.get_mut(id.index as usize)?;
        if place.generation != id.generation {
            return None;
        }
        let connection = place.connection.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(id.index);
        Some(connection)
    }

    /// All connections.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.places.iter_mut().filter_map(|place| place.connection.as_deref_mut())
    }

    /// Number of connections.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
