//! Connections of one thread that have work for its own shard. They are run together, by one
//! message a loop turn: a message costs as much as a small command, and the keys of many
//! connections can be fetched into the cache at once.
//!
//! A connection that becomes ready while the message is in the mailbox is run with it, earlier than
//! a message of its own would be. It has not been answered, so nobody can tell.

use crate::messages::ConnId;

/// Connections with work for the shard of their thread, in the order in which they became ready.
#[derive(Debug, Default)]
pub struct Ready {
    waiting: Vec<ConnId>,
    asked: bool,
    spare: Vec<ConnId>,
}

impl Ready {
    /// Adds a connection. Returns whether the shard has to be asked to run the ready ones, since
    /// no message that does is on its way.
    #[inline]
    pub fn push(&mut self, conn: ConnId) -> bool {
        self.waiting.push(conn);
        !std::mem::replace(&mut self.asked, true)
    }

    /// Takes all: the message came. Who becomes ready meanwhile waits for the next one, which
    /// [`Ready::give_back`] asks for.
    #[inline]
    pub fn take(&mut self) -> Vec<ConnId> {
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
        assert!(ready.push(conn(1)));
        assert!(!ready.push(conn(2)));
        let taken = ready.take();
        assert_eq!(taken, [conn(1), conn(2)]);
        assert!(!ready.give_back(taken, 2));
        assert!(ready.push(conn(3)));
        assert_eq!(ready.take(), [conn(3)]);
    }

    #[test]
    fn who_was_not_run_stays_in_front() {
        let mut ready = Ready::default();
        (1..=3).for_each(|index| _ = ready.push(conn(index)));
        let taken = ready.take();
        assert!(!ready.push(conn(1)), "what is taken is given back first");
        assert!(ready.give_back(taken, 1));
        assert!(!ready.push(conn(4)), "a message is on its way");
        let taken = ready.take();
        assert_eq!(taken, [conn(2), conn(3), conn(1), conn(4)]);
        assert!(!ready.give_back(taken, 4));
        assert!(ready.is_empty());
    }
}
