//! Waiting for a key: a command that found nothing is a block in flight whose answer takes its time.
//! The session can end the wait itself, when the time is over or CLIENT UNBLOCK was said, if it gets
//! the wait's claim before a shard does.

use std::sync::Arc;

use shardwright_codec::resp::ReplyWriter;
use shardwright_store::blocking::{Claim, Owner, Unblocked, Waiter};
use shardwright_store::command::{CommandId, Patience};
use shardwright_store::executor::Batch;
use shardwright_store::types::{Sequence, ShardId, UnixMillis};

use super::flight::BlockFlight;
use super::{Env, Session, Want, after};
use crate::messages::{ConnId, Post};
use crate::shards::ShardSet;

/// A wait of this connection.
#[derive(Debug)]
pub(super) struct KeyWait {
    claim: Arc<Claim>,
    command: CommandId,
    /// When it is over; never if not said.
    until: Option<UnixMillis>,
    /// Shards that know of it.
    shards: ShardSet,
}

/// The reply to a command that CLIENT UNBLOCK ends with an error.
const UNBLOCKED: &str = "UNBLOCKED client unblocked via CLIENT UNBLOCK";

/// Input up to which is read on before it is known whether the command waits at all, so that who sends
/// faster than is answered is slowed down. More than one read brings.
const AHEAD_OF_WAIT: usize = 256 * 1024;

/// Input up to which is read on at all: arguments lie within 32 bits.
const MOST_INPUT: usize = 1 << 31;

impl From<ConnId> for Owner {
    fn from(conn: ConnId) -> Self {
        Self((u64::from(conn.thread.0) << 32) | u64::from(conn.index), conn.generation.into())
    }
}

impl From<Owner> for ConnId {
    fn from(Owner(place, generation): Owner) -> Self {
        Self {
            thread: ShardId((place >> 32) as u16),
            index: place as u32,
            generation: generation as u32,
        }
    }
}

impl Session {
    /// Whether the connection waits for a key, and may do so for ever.
    pub fn waits_for_key(&self) -> bool {
        self.key_wait.is_some()
    }

    /// Whether what the client sends is read while the session waits for a key or the log, without
    /// being run, so that its end is seen. Nothing in flight lies in the input then. Stops beyond
    /// `limit` bytes.
    pub fn reads_on(&self, limit: usize) -> bool {
        let waits = match &self.key_wait {
            Some(wait) if wait.claim.is_new() => return self.input.len() < AHEAD_OF_WAIT,
            Some(_) => true,
            None => self.waits_behind_flights(),
        };
        waits && self.input.len() <= limit.min(MOST_INPUT)
    }

    /// Makes a block of a command that may wait, whose only request is in `batch`.
    pub(super) fn begin_key_wait<P: Post>(
        &mut self,
        command: CommandId,
        batch: Batch,
        patience: Patience,
        (lead, shards): (ShardId, ShardSet),
        env: &Env<'_, P>,
    ) {
        let claim = Arc::new(Claim::new(env.server.next_wait(), self.id.into()));
        let until = match patience {
            Patience::Millis(ms) => Some(after(env.now, ms)),
            Patience::None | Patience::Forever => None,
        };
        self.key_wait = Some(KeyWait { claim: Arc::clone(&claim), command, until, shards });
        self.client.info.set_key_wait(Some(Arc::clone(&claim)));
        let waiter = Waiter { claim, batch: Arc::new(batch), minds_going: false, retrying: false };
        self.flight.set_block(BlockFlight::waiting(waiter, shards, lead));
    }

    /// What the session waits for while its block is with the shards: nothing if the wait for a key
    /// is over and was answered here.
    pub(super) fn wait_for_key<P: Post>(&mut self, env: &mut Env<'_, P>) -> Option<Want> {
        let Some(wait) = &self.key_wait else { return Some(Want::Answers) };
        let unblocked = wait.claim.unblocked();
        let late = wait.until.is_some_and(|until| until <= env.now);
        if wait.claim.is_new() && (late || self.input.len() >= AHEAD_OF_WAIT) {
            // However short the time is, there is one attempt. If it waits then, it reads on.
            return Some(Want::Pause(after(env.now, 1)));
        }
        if unblocked.is_none() && !(late && wait.claim.end()) {
            // If it is late and a shard has the claim, the answer is on its way.
            let until = wait.until.filter(|_| !late);
            return Some(until.map_or(Want::Answers, Want::Pause));
        }
        let mut out = Vec::new();
        let mut reply = ReplyWriter::new(&mut out, self.client.protocol);
        match unblocked {
            Some(Unblocked::WithError) => {
                env.stats.failed(wait.command, UNBLOCKED.as_bytes());
                reply.error(UNBLOCKED);
            }
            // As Redis answers every command whose time is over.
            Some(Unblocked::LikeTimeout) | None => reply.null_array(),
        }
        self.end_key_wait(env.post);
        let ends = [out.len()];
        self.flight.block_done(Batch::default(), &out, &ends, 1, self.output.buffer());
        None
    }

    /// A shard answered, with these partitions at hand. What others know of the wait is yet to end.
    pub(super) fn key_wait_served(&mut self, at_hand: &[(ShardId, Sequence)]) {
        if let Some(wait) = &mut self.key_wait {
            at_hand.iter().for_each(|(shard, _)| wait.shards.remove(*shard));
        }
    }

    /// Ends the wait, if there is one, and lets its shards forget it.
    pub fn end_key_wait<P: Post>(&mut self, post: &mut P) {
        if let Some(wait) = self.key_wait.take() {
            wait.claim.end();
            self.client.info.set_key_wait(None);
            post.end_wait(wait.claim.number, wait.shards);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_a_connection() {
        let conn = ConnId { thread: ShardId(255), index: u32::MAX - 7, generation: 77 };
        assert_eq!(ConnId::from(Owner::from(conn)), conn);
    }
}
