//! What the process knows of its log: the policy, how far the log is durable, and whether it failed.
//! The writer tells; sessions and shards ask, by atomics alone.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};

use arc_swap::ArcSwapOption;
use shardwright_config::AppendFsync;
use shardwright_store::types::{Sequence, ShardId};

/// Bytes of effects on their way to the log above which shards wait for the disk.
const MOST_BACKLOG: usize = 64 << 20;

/// What is known of the log.
#[derive(Debug)]
pub struct Durability {
    /// There is a log.
    enabled: bool,
    /// Replies wait until what they tell is durable.
    gated: AtomicBool,
    shards: Vec<ShardDurability>,
    backlog: AtomicUsize,
    failed: AtomicBool,
    failure: ArcSwapOption<String>,
    /// Figures of the log.
    pub figures: LogFigures,
}

/// What the writer publishes.
#[derive(Debug, Default)]
pub struct LogFigures {
    /// The newest record.
    pub taken: AtomicU64,
    /// The newest record that is durable.
    pub durable: AtomicU64,
    /// Bytes written since the start.
    pub bytes: AtomicU64,
    /// Syncs since the start.
    pub syncs: AtomicU64,
    /// How long syncs took since the start, with what was written just before.
    pub sync_times: SyncTimes,
    /// Nanoseconds of the longest one.
    pub longest_sync_nanos: AtomicU64,
    /// A sync is under way.
    pub syncing: AtomicBool,
    /// Times that a shard had to wait since the log lagged.
    pub delays: AtomicU64,
    /// Segments that count.
    pub segments: AtomicU64,
    /// Bytes of all segments.
    pub size: AtomicU64,
}

/// Times of syncs, by how long they were. One thread writes them.
#[derive(Debug, Default)]
pub struct SyncTimes {
    nanos: AtomicU64,
    /// How many were as long as each bound, and longer than the one before; at the end the longer ones.
    counts: [AtomicU64; SyncTimes::BOUNDS_MICROS.len() + 1],
}

impl SyncTimes {
    /// From what a fast disk takes to what makes clients give up, each about twice the one before.
    const BOUNDS_MICROS: [u64; 15] = [
        50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
        1_000_000, 2_000_000,
    ];

    /// Takes one.
    pub fn add(&self, nanos: u64) {
        let at = Self::BOUNDS_MICROS.partition_point(|bound| bound * 1000 < nanos);
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Relaxed);
        }
        self.nanos.fetch_add(nanos, Relaxed);
    }

    /// All of them, in seconds.
    pub fn seconds(&self) -> f64 {
        self.nanos.load(Relaxed) as f64 / 1e9
    }

    /// For each bound, in seconds, how many were as long and longer than the one before; infinity is
    /// the last bound.
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = Self::BOUNDS_MICROS.iter().map(|micros| *micros as f64 / 1e6);
        let bounds = bounds.chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().map(|count| count.load(Relaxed))).collect()
    }
}

#[derive(Debug, Default)]
struct ShardDurability {
    /// The newest effect of the shard's partition that is durable.
    sequence: AtomicU64,
    /// Somebody on the shard's thread waits for the log.
    waiting: AtomicBool,
}

impl Durability {
    /// Of a log that is kept, or not, for so many shards.
    pub fn new(enabled: bool, policy: AppendFsync, shards: u16) -> Self {
        Self {
            enabled,
            gated: AtomicBool::new(enabled && policy == AppendFsync::Always),
            shards: (0..shards).map(|_| ShardDurability::default()).collect(),
            backlog: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            failure: ArcSwapOption::empty(),
            figures: LogFigures::default(),
        }
    }

    /// Whether there is a log.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Puts another policy in force.
    pub fn set_policy(&self, policy: AppendFsync) {
        self.gated.store(self.enabled && policy == AppendFsync::Always, Relaxed);
    }

    /// Whether replies wait until what they tell is durable.
    #[inline]
    pub fn is_gated(&self) -> bool {
        self.gated.load(Relaxed)
    }

    /// The newest effect of a shard's partition that is durable.
    pub fn sequence(&self, shard: ShardId) -> Sequence {
        let shard = self.shards.get(usize::from(shard.0));
        Sequence(shard.map_or(0, |shard| shard.sequence.load(SeqCst)))
    }

    /// Somebody on this shard's thread waits for the log: to be said before looking at
    /// [`Durability::sequence`] for the last time.
    pub fn wait(&self, shard: ShardId) {
        if let Some(shard) = self.shards.get(usize::from(shard.0)) {
            shard.waiting.store(true, SeqCst);
        }
    }

    /// The log is durable up to these effects, by shard. Returns the shards on whose threads
    /// somebody waited.
    pub fn publish(&self, sequences: &[u64]) -> Vec<ShardId> {
        for (shard, sequence) in self.shards.iter().zip(sequences) {
            shard.sequence.store(*sequence, SeqCst);
        }
        self.take_waiting()
    }

    /// The log failed: writes are refused from now on. Returns the shards on whose threads somebody
    /// waited for it.
    pub fn fail(&self, reason: String) -> Vec<ShardId> {
        // The first failure is the one that explains the others.
        if !self.failed.swap(true, SeqCst) {
            self.failure.store(Some(Arc::new(reason)));
        }
        self.take_waiting()
    }

    /// All is durable again, up to these effects by shard. Returns the shards on whose threads
    /// somebody waited.
    pub fn heal(&self, sequences: &[u64]) -> Vec<ShardId> {
        self.failed.store(false, SeqCst);
        self.failure.store(None);
        self.publish(sequences)
    }

    /// The shards on whose threads somebody waited until now.
    pub fn take_waiting(&self) -> Vec<ShardId> {
        let waited = |at: &usize| self.shards[*at].waiting.swap(false, SeqCst);
        (0..self.shards.len()).filter(waited).map(|at| ShardId(at as u16)).collect()
    }

    /// Whether the log failed.
    #[inline]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Relaxed)
    }

    /// Why the log failed, if it did.
    pub fn failure(&self) -> Option<Arc<String>> {
        self.failure.load_full()
    }

    /// Whether reads are refused: what they would tell may not be durable, and nobody knows when it
    /// will be.
    #[inline]
    pub fn refuses_reads(&self) -> bool {
        self.has_failed() && self.is_gated()
    }

    /// So many bytes are on their way to the log.
    pub fn add_backlog(&self, bytes: usize) {
        self.backlog.fetch_add(bytes, Relaxed);
    }

    /// So many bytes are no longer on their way.
    pub fn remove_backlog(&self, bytes: usize) {
        self.backlog.fetch_sub(bytes, Relaxed);
    }

    /// Bytes on their way to the log.
    pub fn backlog(&self) -> usize {
        self.backlog.load(Relaxed)
    }

    /// Whether so much is on its way to the log that shards have to wait for the disk.
    #[inline]
    pub fn is_congested(&self) -> bool {
        self.backlog() > MOST_BACKLOG
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gated(shards: u16) -> Durability {
        Durability::new(true, AppendFsync::Always, shards)
    }

    #[test]
    fn who_waits_is_told_once() {
        let log = gated(3);
        assert_eq!(log.publish(&[1, 1, 1]), []);
        log.wait(ShardId(1));
        assert_eq!(log.publish(&[5, 6, 7]), [ShardId(1)]);
        assert_eq!(log.sequence(ShardId(2)), Sequence(7));
        assert_eq!(log.publish(&[5, 6, 8]), []);
    }

    #[test]
    fn the_first_failure_is_told() {
        let log = gated(1);
        log.wait(ShardId(0));
        assert_eq!(log.fail("no space".into()), [ShardId(0)]);
        assert_eq!(log.fail("later".into()), []);
        assert!(log.has_failed() && log.refuses_reads());
        assert_eq!(log.failure().as_deref().map(String::as_str), Some("no space"));
        log.wait(ShardId(0));
        assert_eq!(log.heal(&[3]), [ShardId(0)]);
        assert!(!log.has_failed() && log.failure().is_none());
    }

    #[test]
    fn only_a_log_that_is_always_synced_holds_replies_back() {
        assert!(!Durability::new(false, AppendFsync::Always, 1).is_gated());
        let log = Durability::new(true, AppendFsync::Everysec, 1);
        assert!(!log.is_gated());
        log.set_policy(AppendFsync::Always);
        assert!(log.is_gated());
    }
}
