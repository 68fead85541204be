//! Counters. Each thread has its own and is the only one that writes them, so counting is an
//! ordinary addition; whoever wants a figure reads them all, without asking a shard.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use shardwright_store::command::CommandId;
use shardwright_store::db::DbFigures;
use shardwright_store::partition::Partition;
use shardwright_store::types::{DbIndex, Sequence};

use crate::error_kinds::ErrorKinds;
use crate::registry::registry;

/// A counter with one writing thread.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds; only the owning thread may.
    #[inline]
    pub fn add(&self, more: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(more), Relaxed);
    }

    /// Replaces the value; only the owning thread may.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// Raises the value to `value` if it is lower; only the owning thread may.
    #[inline]
    pub fn raise(&self, value: u64) {
        if self.get() < value {
            self.set(value);
        }
    }

    /// The value.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Counts of one command.
#[derive(Debug, Default)]
pub struct CommandStats {
    /// Times it ran.
    pub calls: Counter,
    /// Ticks of the clock's counter that it took.
    pub ticks: Counter,
    /// Times it was refused before it ran.
    pub rejected: Counter,
    /// Times it ended with an error.
    pub failed: Counter,
}

/// Why a shard's turn took its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnCause {
    /// A batch of a connection of its own thread.
    Batch,
    /// A parcel from another thread.
    Parcel,
    /// A block: a transaction, or commands over several shards.
    Block,
    /// The expiry wheel.
    Expiry,
    /// A slice of a checkpoint.
    Checkpoint,
}

impl TurnCause {
    /// All causes, in the order of [`ThreadStats::longest_turn`].
    pub const ALL: [Self; 5] =
        [Self::Batch, Self::Parcel, Self::Block, Self::Expiry, Self::Checkpoint];

    /// Name in INFO and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Parcel => "parcel",
            Self::Block => "block",
            Self::Expiry => "expiry",
            Self::Checkpoint => "checkpoint",
        }
    }
}

/// What a shard published of one database.
#[derive(Debug, Default)]
struct PublishedDb {
    keys: AtomicU64,
    expires: AtomicU64,
    /// Mean deadline: the sum does not fit in an atomic.
    mean_deadline: AtomicI64,
}

/// Counters of one thread: of its shard, and of the connections that live on it.
#[derive(Debug)]
pub struct ThreadStats {
    commands: Vec<CommandStats>,
    dbs: Vec<PublishedDb>,
    longest_turn: [Counter; TurnCause::ALL.len()],
    longest_busy: [Counter; TurnCause::ALL.len()],
    /// Replies that were errors.
    pub errors: ErrorKinds,
    /// Times that clients' sockets gave something to read.
    pub reads: Counter,
    /// Times that clients' sockets took something.
    pub writes: Counter,
    /// Bytes read from clients.
    pub input_bytes: Counter,
    /// Bytes written to clients.
    pub output_bytes: Counter,
    /// Lookups that found a key.
    pub hits: Counter,
    /// Lookups that found none.
    pub misses: Counter,
    /// Keys that expired.
    pub expired: Counter,
    /// Nanoseconds that the expiry wheel took.
    pub expiry_nanos: Counter,
    /// Turns of the expiry wheel that left keys for the next one.
    pub expiry_cut_short: Counter,
    /// Changes of keys.
    pub changes: Counter,
    /// Sequence of the newest effect.
    pub sequence: Counter,
    /// Bytes of tables, entries and timers.
    pub data_bytes: Counter,
    /// Messages taken from the shard's mailbox.
    pub received: Counter,
    /// Partitions lent out.
    pub lent: Counter,
    /// Blocks run.
    pub blocks: Counter,
    /// Keys on watch.
    pub watched: Counter,
    /// Messages and partitions sent to the shard, by anyone: with `received` it gives the depth.
    pub sent: AtomicU64,
}

impl ThreadStats {
    /// Counters for a thread of a server with so many databases.
    pub fn new(databases: u16) -> Self {
        Self {
            commands: registry().entries().iter().map(|_| CommandStats::default()).collect(),
            dbs: (0..databases).map(|_| PublishedDb::default()).collect(),
            longest_turn: Default::default(),
            longest_busy: Default::default(),
            errors: ErrorKinds::default(),
            reads: Counter::default(),
            writes: Counter::default(),
            input_bytes: Counter::default(),
            output_bytes: Counter::default(),
            hits: Counter::default(),
            misses: Counter::default(),
            expired: Counter::default(),
            expiry_nanos: Counter::default(),
            expiry_cut_short: Counter::default(),
            changes: Counter::default(),
            // None: a partition that was loaded may have none behind it.
            sequence: Counter(AtomicU64::new(u64::MAX)),
            data_bytes: Counter::default(),
            received: Counter::default(),
            lent: Counter::default(),
            blocks: Counter::default(),
            watched: Counter::default(),
            sent: AtomicU64::new(0),
        }
    }

    /// Counters of a command.
    #[inline]
    pub fn of(&self, id: CommandId) -> Option<&CommandStats> {
        self.commands.get(id.0 as usize)
    }

    /// A command ran and took so many ticks; it was answered with this error if it failed.
    #[inline]
    pub fn command(&self, id: CommandId, ticks: u64, error: Option<&[u8]>) {
        if let Some(stats) = self.of(id) {
            stats.calls.add(1);
            stats.ticks.add(ticks);
            if let Some(error) = error {
                self.failed(id, error);
            }
        }
    }

    /// A command whose call was counted when it began to wait ended, as in [`ThreadStats::command`].
    #[cold]
    pub fn waited(&self, id: CommandId, ticks: u64, error: Option<&[u8]>) {
        if let Some(stats) = self.of(id) {
            stats.ticks.add(ticks);
            if let Some(error) = error {
                self.failed(id, error);
            }
        }
    }

    /// A command whose call is counted was answered with an error.
    #[cold]
    pub fn failed(&self, id: CommandId, error: &[u8]) {
        if let Some(stats) = self.of(id) {
            stats.failed.add(1);
        }
        self.errors.count(error);
    }

    /// A command was refused with an error before it ran.
    #[cold]
    pub fn rejected(&self, id: CommandId, error: &[u8]) {
        if let Some(stats) = self.of(id) {
            stats.rejected.add(1);
        }
        self.errors.count(error);
    }

    /// A turn ended after so much wall time; `busy` tells how much processor time it took, and is
    /// asked only if that may be more than ever.
    #[inline]
    pub fn turn(&self, cause: TurnCause, nanos: u64, busy: impl FnOnce() -> u64) {
        if cause == TurnCause::Expiry {
            self.expiry_nanos.add(nanos);
        }
        if let Some(longest) = self.longest_busy.get(cause as usize)
            && nanos > longest.get()
        {
            longest.raise(busy().min(nanos));
            self.longest_turn[cause as usize].raise(nanos);
        }
    }

    /// The longest turn of this cause in nanoseconds of wall time.
    pub fn longest_turn(&self, cause: TurnCause) -> u64 {
        self.longest_turn.get(cause as usize).map_or(0, Counter::get)
    }

    /// The most processor time that a turn of this cause took, in nanoseconds: without the time in
    /// which the system gave the core to others.
    pub fn longest_busy(&self, cause: TurnCause) -> u64 {
        self.longest_busy.get(cause as usize).map_or(0, Counter::get)
    }

    /// Messages that wait in the shard's mailbox.
    pub fn mailbox_depth(&self) -> u64 {
        self.sent.load(Relaxed).saturating_sub(self.received.get())
    }

    /// Takes over what a partition counts.
    pub fn publish(&self, partition: &Partition) {
        let counters = partition.counters;
        self.hits.set(counters.hits);
        self.misses.set(counters.misses);
        self.expired.set(counters.expired);
        self.watched.set(partition.watch.len() as u64);
        let Sequence(sequence) = partition.sequence();
        if sequence == self.sequence.get() {
            return;
        }
        self.changes.set(counters.changes);
        self.sequence.set(sequence);
        self.data_bytes.set(partition.memory() as u64);
        for (at, published) in self.dbs.iter().enumerate() {
            let Some(db) = partition.db(DbIndex(at as u16)) else {
                published.keys.store(0, Relaxed);
                published.expires.store(0, Relaxed);
                continue;
            };
            let figures = db.figures();
            published.keys.store(figures.keys, Relaxed);
            published.expires.store(figures.expires, Relaxed);
            if figures.expires > 0 {
                let mean = figures.deadline_sum / i128::from(figures.expires);
                published.mean_deadline.store(mean as i64, Relaxed);
            }
        }
    }

    /// What was last published of a database.
    pub fn db(&self, db: DbIndex) -> DbFigures {
        self.dbs.get(db.index()).map_or_else(DbFigures::default, |published| {
            let expires = published.expires.load(Relaxed);
            DbFigures {
                keys: published.keys.load(Relaxed),
                expires,
                deadline_sum: i128::from(published.mean_deadline.load(Relaxed))
                    * i128::from(expires),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_turn_of_a_cause_stays() {
        let stats = ThreadStats::new(16);
        stats.turn(TurnCause::Block, 70, || 20);
        stats.turn(TurnCause::Block, 30, || 30);
        stats.turn(TurnCause::Block, 25, || unreachable!("it was not longer"));
        assert_eq!(stats.longest_turn(TurnCause::Block), 70);
        assert_eq!(stats.longest_busy(TurnCause::Block), 30);
        assert_eq!(stats.longest_turn(TurnCause::Batch), 0);
    }
}
