//! Connections of one thread that have work for its own shard. They are run together, by one
//! message a loop turn: a message costs as much as a small command, and the keys of many
//! connections can be fetched into the cache at once.
//!
//! What waits is bounded in bytes, so that it is still in the nearest cache when it is run: once there
//! is enough, further connections are told to wait with reading until the shard had its turn. They
//! go on one behind the other, each calling the next.
//!
//! A connection that becomes ready while the message is in the mailbox is run with it, earlier than
//! a message of its own would be. It has not been answered, so nobody can tell.

use std::collections::VecDeque;

use crate::messages::ConnId;

/// Connections that may always read, however much that is: calling others later costs more than it
/// saves while there are few.
const FEW: usize = 64;

/// Bytes of commands that wait, from which on further connections do not read.
const ENOUGH_BYTES: usize = 32 * 1024;

/// Connections with work for the shard of their thread, in the order in which they became ready.
#[derive(Debug, Default)]
pub struct Ready {
    waiting: Vec<ConnId>,
    asked: bool,
    spare: Vec<ConnId>,
    /// Bytes of what was added since the last run.
    bytes: usize,
    /// Connections that wait with reading.
    held_back: VecDeque<ConnId>,
}

impl Ready {
    /// Adds a connection with so many bytes of commands. Returns whether the shard has to be asked
    /// to run the ready ones, since no message that does is on its way.
    #[inline]
    pub fn push(&mut self, conn: ConnId, bytes: usize) -> bool {
        self.waiting.push(conn);
        self.bytes += bytes;
        !std::mem::replace(&mut self.asked, true)
    }

    /// Whether so much waits that it is better run before more is read. If so, the connection is
    /// called when it was ([`Ready::next_held_back`]).
    #[inline]
    pub fn holds_back(&mut self, conn: ConnId) -> bool {
        let enough = self.has_enough();
        if enough {
            self.held_back.push_back(conn);
        }
        enough
    }

    /// The connection that waited longest with reading, if there is room for what it reads. Who is
    /// called calls the next one.
    #[inline]
    pub fn next_held_back(&mut self) -> Option<ConnId> {
        if self.has_enough() { None } else { self.held_back.pop_front() }
    }

    #[inline]
    fn has_enough(&self) -> bool {
        self.waiting.len() >= FEW && self.bytes >= ENOUGH_BYTES
    }

    /// Takes all: the message came. Who becomes ready meanwhile waits for the next one, which
    /// [`Ready::give_back`] asks for.
    #[inline]
    pub fn take(&mut self) -> Vec<ConnId> {
        self.bytes = 0;
        std::mem::replace(&mut self.waiting, std::mem::take(&mut self.spare))
    }

    /// Gives back what [`Ready::take`] gave, of which those from `ran` on were not run: they come
    /// before all that became ready since. Returns whether the shard has to be asked again, once
    /// others had their turn.
    #[inline]
    pub fn give_back(&mut self, mut taken: Vec<ConnId>, ran: usize) -> bool {
        taken.drain(..ran.min(taken.len()));
        if !taken.is_empty() {
            taken.append(&mut self.waiting);
            std::mem::swap(&mut self.waiting, &mut taken);
        }
        self.spare = taken;
        self.asked = !self.waiting.is_empty();
        self.asked
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use shardwright_store::types::ShardId;

    use super::*;

    fn conn(index: u32) -> ConnId {
        ConnId { thread: ShardId(0), index, generation: 0 }
    }

    #[test]
    fn one_message_is_asked_for_at_a_time() {
        let mut ready = Ready::default();
        assert!(ready.push(conn(1), 1));
        assert!(!ready.push(conn(2), 1));
        let taken = ready.take();
        assert_eq!(taken, [conn(1), conn(2)]);
        assert!(!ready.give_back(taken, 2));
        assert!(ready.push(conn(3), 1));
        assert_eq!(ready.take(), [conn(3)]);
    }

    #[test]
    fn who_was_not_run_stays_in_front() {
        let mut ready = Ready::default();
        (1..=3).for_each(|index| _ = ready.push(conn(index), 1));
        let taken = ready.take();
        assert!(!ready.push(conn(1), 1), "what is taken is given back first");
        assert!(ready.give_back(taken, 1));
        assert!(!ready.push(conn(4), 1), "a message is on its way");
        let taken = ready.take();
        assert_eq!(taken, [conn(2), conn(3), conn(1), conn(4)]);
        assert!(!ready.give_back(taken, 4));
        assert!(ready.is_empty());
    }

    #[test]
    fn who_comes_when_enough_waits_is_called_after_the_run_in_order() {
        let mut ready = Ready::default();
        let fill = |ready: &mut Ready| {
            for index in 0..FEW as u32 {
                assert!(!ready.holds_back(conn(100 + index)));
                ready.push(conn(100 + index), ENOUGH_BYTES);
            }
        };
        fill(&mut ready);
        assert!(ready.holds_back(conn(2)) && ready.holds_back(conn(3)));
        assert_eq!(ready.next_held_back(), None);
        let taken = ready.take();
        assert!(!ready.give_back(taken, FEW));
        assert_eq!(ready.next_held_back(), Some(conn(2)));
        fill(&mut ready);
        assert_eq!(ready.next_held_back(), None, "what was read meanwhile is run first");
        let taken = ready.take();
        ready.give_back(taken, FEW);
        assert_eq!(ready.next_held_back(), Some(conn(3)));
        assert_eq!(ready.next_held_back(), None);
    }
}
