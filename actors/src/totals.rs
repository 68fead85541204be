//! Sums over all threads, and CONFIG RESETSTAT's way of starting them anew: the counters go on, and
//! what they stood at is subtracted.

use std::collections::BTreeMap;

use shardwright_store::command::CommandId;

use crate::clock::Clock;
use crate::registry::registry;
use crate::server::Server;
use crate::stats::ThreadStats;

/// One command's figures, over all threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommandTotal {
    /// Times it ran.
    pub calls: u64,
    /// Nanoseconds that it took.
    pub nanos: u64,
    /// Times it was refused.
    pub rejected: u64,
    /// Times it failed.
    pub failed: u64,
}

/// Figures of the whole process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// By command id.
    pub commands: Vec<CommandTotal>,
    /// Error replies by their kind.
    pub errors: BTreeMap<String, u64>,
    /// Times that sockets gave something to read.
    pub reads: u64,
    /// Times that sockets took something.
    pub writes: u64,
    /// Bytes read.
    pub input_bytes: u64,
    /// Bytes written.
    pub output_bytes: u64,
    /// Lookups that found a key.
    pub hits: u64,
    /// Lookups that found none.
    pub misses: u64,
    /// Keys that expired.
    pub expired: u64,
    /// Nanoseconds that the expiry wheels took.
    pub expiry_nanos: u64,
    /// Turns of the expiry wheels that left keys for the next one.
    pub expiry_cut_short: u64,
    /// Values and keys of flushed databases that were freed outside of shards' turns.
    pub freed: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections refused.
    pub refused: u64,
}

impl Totals {
    /// The counters as they stand.
    pub fn now(server: &Server) -> Self {
        use std::sync::atomic::Ordering::Relaxed;
        let sum = |figure: fn(&ThreadStats) -> u64| server.stats().iter().map(figure).sum();
        let clock = Clock::new();
        let mut errors = BTreeMap::new();
        server.stats().iter().for_each(|thread| thread.errors.add_to(&mut errors));
        let command = |id: CommandId| {
            let rows = server.stats().iter().filter_map(|thread| thread.of(id));
            rows.fold(CommandTotal::default(), |total, row| CommandTotal {
                calls: total.calls + row.calls.get(),
                nanos: total.nanos + clock.nanos_in(row.ticks.get()),
                rejected: total.rejected + row.rejected.get(),
                failed: total.failed + row.failed.get(),
            })
        };
        Self {
            commands: registry().entries().iter().map(|entry| command(entry.id)).collect(),
            errors,
            reads: sum(|s| s.reads.get()),
            writes: sum(|s| s.writes.get()),
            input_bytes: sum(|s| s.input_bytes.get()),
            output_bytes: sum(|s| s.output_bytes.get()),
            hits: sum(|s| s.hits.get()),
            misses: sum(|s| s.misses.get()),
            expired: sum(|s| s.expired.get()),
            expiry_nanos: sum(|s| s.expiry_nanos.get()),
            expiry_cut_short: sum(|s| s.expiry_cut_short.get()),
            freed: server.reaped.freed(),
            accepted: server.clients.accepted.load(Relaxed),
            refused: server.clients.refused.load(Relaxed),
        }
    }

    /// The counters since the last CONFIG RESETSTAT.
    pub fn since_reset(server: &Server) -> Self {
        let baseline = server.baseline.lock().map(|b| b.clone()).unwrap_or_default();
        Self::now(server).minus(&baseline)
    }

    /// Begins to count from here (CONFIG RESETSTAT).
    pub fn reset(server: &Server) {
        if let Ok(mut baseline) = server.baseline.lock() {
            *baseline = Self::now(server);
        }
    }

    fn minus(mut self, before: &Self) -> Self {
        for (total, before) in self.commands.iter_mut().zip(&before.commands) {
            total.calls = total.calls.saturating_sub(before.calls);
            total.nanos = total.nanos.saturating_sub(before.nanos);
            total.rejected = total.rejected.saturating_sub(before.rejected);
            total.failed = total.failed.saturating_sub(before.failed);
        }
        self.errors.retain(|kind, count| {
            *count = count.saturating_sub(before.errors.get(kind).copied().unwrap_or_default());
            *count > 0
        });
        self.reads = self.reads.saturating_sub(before.reads);
        self.writes = self.writes.saturating_sub(before.writes);
        self.input_bytes = self.input_bytes.saturating_sub(before.input_bytes);
        self.output_bytes = self.output_bytes.saturating_sub(before.output_bytes);
        self.hits = self.hits.saturating_sub(before.hits);
        self.misses = self.misses.saturating_sub(before.misses);
        self.expired = self.expired.saturating_sub(before.expired);
        self.expiry_nanos = self.expiry_nanos.saturating_sub(before.expiry_nanos);
        self.expiry_cut_short = self.expiry_cut_short.saturating_sub(before.expiry_cut_short);
        self.freed = self.freed.saturating_sub(before.freed);
        self.accepted = self.accepted.saturating_sub(before.accepted);
        self.refused = self.refused.saturating_sub(before.refused);
        self
    }

    /// Error replies of all kinds.
    pub fn error_replies(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Commands that ran, of all kinds. A subcommand counts once, by itself.
    pub fn commands_processed(&self) -> u64 {
        self.commands.iter().map(|command| command.calls).sum()
    }
}
