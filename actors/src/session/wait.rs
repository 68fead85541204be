//! WAITAOF: what a connection waits for before it goes on. Everything before it on the connection
//! was executed, so the gate knows all that has to be durable.

use shardwright_codec::resp::ReplyWriter;
use shardwright_store::types::UnixMillis;

use super::gate::Gate;
use super::{Env, Session, Want};
use crate::durability::Durability;
use crate::messages::Post;

/// What WAITAOF asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogWait {
    /// The log here must be synced.
    pub local: bool,
    /// So many replicas must have synced theirs.
    pub replicas: u64,
    /// When it is answered all the same; without it never.
    pub until: Option<UnixMillis>,
}

impl LogWait {
    /// Whether nothing is left to wait for. There are no replicas, so none has synced anything.
    fn is_met(&self, synced: bool) -> bool {
        (synced || !self.local) && self.replicas == 0
    }

    fn is_late(&self, now: UnixMillis) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// Whether all that replies told of is synced in the log.
pub(super) fn is_synced(gate: &mut Gate, log: &Durability) -> bool {
    log.is_enabled() && gate.opens(log)
}

/// Tells how it stands, here and with replicas.
pub(super) fn write_state(synced: bool, reply: &mut ReplyWriter<'_>) {
    reply.array(2);
    reply.int(synced.into());
    reply.int(0);
}

impl Session {
    /// Whether the connection waits for a key, the log or for replicas, and may do so for ever.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some() || self.waits_for_key()
    }

    /// Whether the connection waits for the log or for replicas, and nothing is in flight.
    pub(super) fn waits_behind_flights(&self) -> bool {
        self.waiting.is_some() && self.flight.is_empty()
    }

    /// Whether an answer waits for the log, and does so in vain if that fails. Who waits by WAITAOF
    /// for some time is told that nothing is synced when that is over.
    pub fn waits_in_vain(&self) -> bool {
        let migrating = self.migrating.as_ref().is_some_and(|migrating| migrating.waits_for_log());
        let waiting = self.waiting.is_some_and(|wait| wait.local && wait.until.is_none());
        self.output.is_held() || waiting || migrating
    }

    /// Begins to wait: what follows on the connection waits too.
    pub(super) fn begin_wait(&mut self, wait: LogWait) {
        self.waiting = Some(wait);
        self.client.info.publish_wait(true);
    }

    /// Answers if all that was asked for is there or the time is over. Otherwise tells what the
    /// session waits for; it is called when the log is durable further.
    #[inline(never)]
    pub(super) fn wait<P: Post>(&mut self, wait: LogWait, env: &mut Env<'_, P>) -> Option<Want> {
        let log = &env.server.durability;
        let is_late = wait.is_late(env.now);
        let mut synced = is_synced(&mut self.gate, log);
        if wait.local && !synced && !is_late {
            env.post.wait_for_log(self.id);
            // It may have become durable just before somebody knew that this session waits.
            synced = is_synced(&mut self.gate, log);
        }
        if !wait.is_met(synced) && !is_late {
            return Some(wait.until.map_or(Want::Answers, Want::Pause));
        }
        self.waiting = None;
        self.client.info.publish_wait(false);
        write_state(synced, &mut ReplyWriter::new(self.output.buffer(), self.client.protocol));
        self.end_mute();
        None
    }
}

#[cfg(test)]
mod tests {
    use shardwright_config::AppendFsync;
    use shardwright_store::types::{Sequence, ShardId};

    use super::*;

    #[test]
    fn it_is_met_by_what_was_asked_for() {
        let asks = |local, replicas| LogWait { local, replicas, until: None };
        for (wait, synced, expected) in [
            (asks(false, 0), false, true),
            (asks(true, 0), false, false),
            (asks(true, 0), true, true),
            (asks(false, 1), true, false),
            (asks(true, 1), true, false),
        ] {
            assert_eq!(wait.is_met(synced), expected, "{wait:?} synced: {synced}");
        }
    }

    #[test]
    fn without_a_time_it_is_never_late() {
        let wait = |until| LogWait { local: true, replicas: 0, until };
        assert!(!wait(None).is_late(UnixMillis(i64::MAX)));
        assert!(!wait(Some(UnixMillis(5))).is_late(UnixMillis(4)));
        assert!(wait(Some(UnixMillis(5))).is_late(UnixMillis(5)));
    }

    #[test]
    fn nothing_is_synced_without_a_log() {
        let seen = || {
            let mut gate = Gate::default();
            gate.needs(ShardId(1), Sequence(7));
            gate
        };
        for (enabled, durable, expected) in
            [(true, 6, false), (true, 7, true), (false, 6, false), (false, 7, false)]
        {
            let log = Durability::new(enabled, AppendFsync::Everysec, 2);
            log.publish(&[0, durable]);
            assert_eq!(is_synced(&mut seen(), &log), expected, "{enabled} {durable}");
        }
    }
}
