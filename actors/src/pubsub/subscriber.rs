//! A connection as those see it who have something for it: whoever publishes, on any thread, puts
//! it here, and the connection takes it on its own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, Mutex};

use super::push::Push;
use crate::clients::ClientInfo;
use crate::messages::ConnId;
use crate::mutex::lock;

/// Where pushes for one connection wait until it takes them.
#[derive(Debug)]
pub struct Subscriber {
    info: Arc<ClientInfo>,
    waiting: Mutex<Waiting>,
    /// Something waits.
    any: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    pushes: VecDeque<Push>,
    bytes: usize,
    /// More came than the client may leave untaken: it gets nothing any more.
    overflowed: bool,
}

impl Subscriber {
    /// The way to a connection that has nothing yet.
    pub fn new(info: Arc<ClientInfo>) -> Arc<Self> {
        Arc::new(Self { info, waiting: Mutex::default(), any: AtomicBool::new(false) })
    }

    /// The connection.
    pub fn conn(&self) -> ConnId {
        self.info.conn
    }

    /// Adds a push. Together with what the client has not taken there may be `limit` bytes, or any
    /// number if that is 0; otherwise everything is dropped, and the connection has to end. Returns
    /// whether it has to be called, since nothing waited before.
    pub fn push(&self, push: Push, limit: u64) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiting.overflowed {
            return false;
        }
        waiting.bytes += push.size();
        if limit > 0 && waiting.bytes as u64 + self.info.output.load(Relaxed) > limit {
            *waiting = Waiting { overflowed: true, ..Waiting::default() };
        } else {
            waiting.pushes.push_back(push);
        }
        !self.any.swap(true, Release)
    }

    /// Whether something waits, or too much came.
    #[inline]
    pub fn has_any(&self) -> bool {
        self.any.load(Acquire)
    }

    /// Whether more came than the client may leave untaken.
    pub fn has_overflowed(&self) -> bool {
        lock(&self.waiting).overflowed
    }

    /// Takes what waits, and leaves `pushes`, which is empty, for what comes: so the same two are used
    /// again and again. Whatever comes later calls the connection again.
    pub fn take(&self, pushes: &mut VecDeque<Push>) {
        let mut waiting = lock(&self.waiting);
        self.any.store(false, Relaxed);
        waiting.bytes = 0;
        std::mem::swap(&mut waiting.pushes, pushes);
    }
}

#[cfg(test)]
mod tests {
    use shardwright_store::types::UnixMillis;

    use super::*;
    use crate::clients::Peer;
    use crate::pubsub::push::Message;

    fn subscriber() -> Arc<Subscriber> {
        let info = ClientInfo::new(1, ConnId::NOBODY, Peer::default(), UnixMillis(0));
        Subscriber::new(Arc::new(info))
    }

    fn taken(subscriber: &Subscriber) -> VecDeque<Push> {
        let mut pushes = VecDeque::new();
        subscriber.take(&mut pushes);
        pushes
    }

    fn message(bytes: usize) -> Push {
        Push::Message(Message::new(b"c", &vec![b'x'; bytes]))
    }

    #[test]
    fn the_first_push_calls_and_the_connection_takes_all_in_order() {
        let subscriber = subscriber();
        assert!(!subscriber.has_any());
        assert!(subscriber.push(message(1), 0));
        assert!(!subscriber.push(message(2), 0));
        let sizes: Vec<usize> = taken(&subscriber).iter().map(Push::size).collect();
        assert_eq!(sizes, [message(1).size(), message(2).size()]);
        assert!(!subscriber.has_any() && taken(&subscriber).is_empty());
        assert!(subscriber.push(message(1), 0));
    }

    #[test]
    fn who_takes_too_little_loses_everything() {
        let subscriber = subscriber();
        let room = 2 * message(100).size() as u64 + 10;
        subscriber.info.output.store(10, Relaxed);
        assert!(subscriber.push(message(100), room));
        assert!(!subscriber.push(message(100), room));
        assert!(!subscriber.has_overflowed());
        assert!(!subscriber.push(message(1), room), "it was called already");
        assert!(subscriber.has_overflowed() && taken(&subscriber).is_empty());
        assert!(!subscriber.push(message(1), room));
        assert!(taken(&subscriber).is_empty());
    }
}
