//! What a session's replies tell of that may not be durable yet: the newest effect of every
//! partition, whether it was written or read.

use shardwright_store::types::{Sequence, ShardId};

use crate::durability::Durability;

/// What replies, or WAITAOF, wait for: at most one entry a partition.
#[derive(Debug, Default)]
pub struct Gate(Vec<(ShardId, Sequence)>);

impl Gate {
    /// Replies tell of a partition as it was behind this effect.
    #[inline]
    pub fn needs(&mut self, shard: ShardId, sequence: Sequence) {
        match self.0.iter_mut().find(|need| need.0 == shard) {
            Some(need) => need.1 = need.1.max(sequence),
            None => self.0.push((shard, sequence)),
        }
    }

    /// Whether all that is needed is durable; forgets what is.
    pub fn opens(&mut self, log: &Durability) -> bool {
        self.0.retain(|(shard, sequence)| log.sequence(*shard) < *sequence);
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use shardwright_config::AppendFsync;

    use super::*;

    #[test]
    fn opens_when_every_partition_is_durable_up_to_what_was_seen() {
        let log = Durability::new(true, AppendFsync::Always, 2);
        let mut gate = Gate::default();
        assert!(gate.opens(&log));
        gate.needs(ShardId(0), Sequence(3));
        gate.needs(ShardId(1), Sequence(1));
        gate.needs(ShardId(0), Sequence(2));
        log.publish(&[2, 1]);
        assert!(!gate.opens(&log));
        log.publish(&[3, 1]);
        assert!(gate.opens(&log));
    }
}
