//! What is measured: one table of metrics, each with the function that reads it. Everything is read
//! when somebody asks, from counters that threads publish; nothing is counted here.
//!
//! `docs/metrics.md` explains the same table to those who use it, and a test holds the two together.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;
use shardwright_store::db::DbFigures;
use shardwright_store::types::{DbIndex, UnixMillis};

use super::exposition::{Distribution, Head, Kind, Samples, write};
use crate::clock::Clock;
use crate::durability::LogFigures;
use crate::memory::{self, Allocator, ProcessorTime};
use crate::pubsub::Kind as Subscription;
use crate::registry::registry;
use crate::server::{REDIS_VERSION, Server};
use crate::stats::{ThreadStats, TurnCause};
use crate::totals::{CommandTotal, Totals};

/// The process's metrics, as they stand whenever they are asked for.
#[derive(Debug)]
pub(super) struct Metrics {
    server: Arc<Server>,
}

impl Metrics {
    /// Metrics of this process.
    pub fn new(server: Arc<Server>) -> Self {
        Self { server }
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let scrape = Scrape::take(&self.server);
        for metric in TABLE.iter().copied().flatten() {
            let mut samples = Samples::default();
            (metric.read)(&scrape, &mut samples);
            write(&mut encoder, &metric.head, &samples)?;
        }
        Ok(())
    }
}

/// What all metrics of one answer are read from.
struct Scrape<'a> {
    server: &'a Server,
    now: UnixMillis,
    totals: Totals,
    allocator: Option<Allocator>,
    /// Databases to tell of: the first, and all others that hold keys.
    dbs: Vec<DbIndex>,
}

impl<'a> Scrape<'a> {
    fn take(server: &'a Server) -> Self {
        let has_keys = |db| server.stats().iter().any(|thread| thread.db(db).keys > 0);
        let dbs = (0..server.router().databases).map(DbIndex);
        Self {
            server,
            now: UnixMillis(Clock::unix_micros() / 1000),
            totals: Totals::now(server),
            allocator: Allocator::read(),
            dbs: dbs.filter(|db| db.0 == 0 || has_keys(*db)).collect(),
        }
    }

    /// Each shard's number, for the label, with its thread's counters.
    fn shards(&self) -> impl Iterator<Item = (String, &ThreadStats)> {
        self.server.stats().iter().enumerate().map(|(shard, thread)| (shard.to_string(), thread))
    }

    fn of_shards(&self, samples: &mut Samples, read: fn(&ThreadStats) -> u64) {
        for (shard, thread) in self.shards() {
            samples.add(vec![("shard", shard)], read(thread));
        }
    }

    fn log(&self, figure: fn(&LogFigures) -> &AtomicU64) -> u64 {
        figure(&self.server.durability.figures).load(Relaxed)
    }

    fn of_turns(&self, samples: &mut Samples, nanos: fn(&ThreadStats, TurnCause) -> u64) {
        for (shard, thread) in self.shards() {
            for cause in TurnCause::ALL {
                let labels = vec![("shard", shard.clone()), ("cause", cause.name().to_owned())];
                samples.add(labels, nanos(thread, cause) as f64 / 1e9);
            }
        }
    }

    fn of_dbs(&self, samples: &mut Samples, read: fn(DbFigures) -> u64) {
        for db in &self.dbs {
            for (shard, thread) in self.shards() {
                let labels = vec![("db", db.0.to_string()), ("shard", shard)];
                samples.add(labels, read(thread.db(*db)));
            }
        }
    }

    /// Commands that ran or were refused; the others are left out.
    fn of_commands(&self, samples: &mut Samples, add: fn(&mut Samples, String, CommandTotal)) {
        for (entry, total) in registry().entries().iter().zip(&self.totals.commands) {
            if *total != CommandTotal::default() {
                add(samples, entry.full_name.clone(), *total);
            }
        }
    }

    fn of_allocator(&self, samples: &mut Samples, read: fn(Allocator) -> u64) {
        samples.put_known(self.allocator.map(read));
    }
}

/// A metric.
struct Metric {
    head: Head,
    read: fn(&Scrape<'_>, &mut Samples),
}

/// A metric that only grows.
const fn counter(
    name: &'static str,
    unit: Option<Unit>,
    help: &'static str,
    read: fn(&Scrape<'_>, &mut Samples),
) -> Metric {
    Metric { head: Head { name, unit, kind: Kind::Counter, help }, read }
}

/// A metric that goes up and down.
const fn gauge(
    name: &'static str,
    unit: Option<Unit>,
    help: &'static str,
    read: fn(&Scrape<'_>, &mut Samples),
) -> Metric {
    Metric { head: Head { name, unit, kind: Kind::Gauge, help }, read }
}

/// A metric that tells how often something was how large.
const fn histogram(
    name: &'static str,
    unit: Option<Unit>,
    help: &'static str,
    read: fn(&Scrape<'_>, &mut Samples),
) -> Metric {
    Metric { head: Head { name, unit, kind: Kind::Histogram, help }, read }
}

/// All metrics, in the order in which they are told.
const TABLE: &[&[Metric]] =
    &[PROCESS, CONNECTIONS, PUBSUB, COMMANDS, KEYSPACE, SHARDS, LOG, MEMORY];

const PROCESS: &[Metric] = &[
    gauge(
        "shardwright_build_info",
        None,
        "Always 1; the labels tell the version, and the version of Redis that it matches.",
        |scrape, samples| {
            let version = scrape.server.identity.version.to_owned();
            let labels = vec![("version", version), ("redis_version", REDIS_VERSION.to_owned())];
            samples.add(labels, 1);
        },
    ),
    gauge(
        "shardwright_uptime",
        Some(Unit::Seconds),
        "Time since the process began.",
        |scrape, samples| {
            let UnixMillis(started) = scrape.server.identity.started;
            samples.put((scrape.now.0 - started).max(0) as f64 / 1e3);
        },
    ),
    gauge(
        "process_start_time",
        Some(Unit::Seconds),
        "When the process began, since 1970.",
        |scrape, samples| samples.put(scrape.server.identity.started.0 as f64 / 1e3),
    ),
    counter(
        "process_cpu",
        Some(Unit::Seconds),
        "Processor time that all threads used, in the program and in the kernel.",
        |_, samples| {
            samples.put_known(ProcessorTime::of_process().map(|time| time.user + time.system));
        },
    ),
];

const PUBSUB: &[Metric] = &[
    gauge(
        "shardwright_pubsub_channels",
        None,
        "Channels that somebody is subscribed to; shard channels are told apart.",
        |scrape, samples| {
            for (kind, name) in [(Subscription::Channel, "channel"), (Subscription::Shard, "shard")]
            {
                let count = scrape.server.pubsub.count(kind) as u64;
                samples.add(vec![("kind", name.to_owned())], count);
            }
        },
    ),
    gauge(
        "shardwright_pubsub_patterns",
        None,
        "Patterns that somebody is subscribed to.",
        |scrape, samples| samples.put(scrape.server.pubsub.count(Subscription::Pattern) as u64),
    ),
    counter(
        "shardwright_pubsub_overflows",
        None,
        "Subscribers that were disconnected since they took their messages too slowly.",
        |scrape, samples| samples.put(scrape.server.pubsub.overflows()),
    ),
];

const CONNECTIONS: &[Metric] = &[
    gauge("shardwright_connections", None, "Clients that are connected.", |scrape, samples| {
        samples.put(scrape.server.clients.len() as u64)
    }),
    gauge(
        "shardwright_connections_limit",
        None,
        "Clients that may be connected at the same time (maxclients).",
        |scrape, samples| samples.put(u64::from(scrape.server.settings().maxclients)),
    ),
    counter(
        "shardwright_connections_accepted",
        None,
        "Connections that were accepted.",
        |scrape, samples| samples.put(scrape.totals.accepted),
    ),
    counter(
        "shardwright_connections_refused",
        None,
        "Connections that were refused since there were too many.",
        |scrape, samples| samples.put(scrape.totals.refused),
    ),
    counter(
        "shardwright_network_received",
        Some(Unit::Bytes),
        "Bytes read from clients.",
        |scrape, samples| samples.put(scrape.totals.input_bytes),
    ),
    counter(
        "shardwright_network_sent",
        Some(Unit::Bytes),
        "Bytes written to clients.",
        |scrape, samples| samples.put(scrape.totals.output_bytes),
    ),
];

const COMMANDS: &[Metric] = &[
    counter("shardwright_commands", None, "Times that a command ran.", |scrape, samples| {
        scrape.of_commands(samples, |samples, name, total| {
            samples.add(vec![("command", name)], total.calls);
        });
    }),
    counter(
        "shardwright_command_duration",
        Some(Unit::Seconds),
        "Time that a command took in all, without waiting.",
        |scrape, samples| {
            scrape.of_commands(samples, |samples, name, total| {
                samples.add(vec![("command", name)], total.nanos as f64 / 1e9);
            });
        },
    ),
    counter(
        "shardwright_command_errors",
        None,
        "Times that a command ran and ended with an error.",
        |scrape, samples| {
            scrape.of_commands(samples, |samples, name, total| {
                samples.add(vec![("command", name)], total.failed);
            });
        },
    ),
    counter(
        "shardwright_commands_rejected",
        None,
        "Times that a command was refused before it ran.",
        |scrape, samples| {
            scrape.of_commands(samples, |samples, name, total| {
                samples.add(vec![("command", name)], total.rejected);
            });
        },
    ),
    counter(
        "shardwright_error_replies",
        None,
        "Replies that were errors, those to unknown commands and bad frames included.",
        |scrape, samples| samples.put(scrape.totals.error_replies()),
    ),
];

const KEYSPACE: &[Metric] = &[
    gauge(
        "shardwright_keys",
        None,
        "Keys, expired ones that are not deleted yet included.",
        |scrape, samples| scrape.of_dbs(samples, |db| db.keys),
    ),
    gauge(
        "shardwright_expiring_keys",
        None,
        "Keys that have a time to live.",
        |scrape, samples| scrape.of_dbs(samples, |db| db.expires),
    ),
    counter("shardwright_keyspace_hits", None, "Lookups that found a key.", |scrape, samples| {
        scrape.of_shards(samples, |thread| thread.hits.get())
    }),
    counter(
        "shardwright_keyspace_misses",
        None,
        "Lookups that found no key.",
        |scrape, samples| scrape.of_shards(samples, |thread| thread.misses.get()),
    ),
    counter(
        "shardwright_expired_keys",
        None,
        "Keys that were deleted since their time had come.",
        |scrape, samples| scrape.of_shards(samples, |thread| thread.expired.get()),
    ),
    counter("shardwright_changes", None, "Changes of keys.", |scrape, samples| {
        scrape.of_shards(samples, |thread| thread.changes.get())
    }),
    counter("shardwright_effects", None, "Effect records that changes left.", |scrape, samples| {
        scrape.of_shards(samples, |thread| thread.sequence.get())
    }),
    gauge("shardwright_watched_keys", None, "Keys on WATCH.", |scrape, samples| {
        scrape.of_shards(samples, |thread| thread.watched.get())
    }),
];

const SHARDS: &[Metric] = &[
    gauge(
        "shardwright_mailbox_depth",
        None,
        "Messages that wait in a shard's mailbox, and partitions on their way to it.",
        |scrape, samples| scrape.of_shards(samples, ThreadStats::mailbox_depth),
    ),
    counter(
        "shardwright_mailbox_messages",
        None,
        "Messages and partitions that a shard took, ticks of its timer included.",
        |scrape, samples| scrape.of_shards(samples, |thread| thread.received.get()),
    ),
    gauge(
        "shardwright_longest_turn",
        Some(Unit::Seconds),
        "The longest turn of a shard since the start, by what it was for.",
        |scrape, samples| scrape.of_turns(samples, ThreadStats::longest_turn),
    ),
    gauge(
        "shardwright_longest_turn_cpu",
        Some(Unit::Seconds),
        "The most processor time of a shard's turn since the start, by what it was for; up to a \
            millisecond too high.",
        |scrape, samples| scrape.of_turns(samples, ThreadStats::longest_busy),
    ),
    counter(
        "shardwright_blocks",
        None,
        "Blocks that a shard ran: transactions, and commands over several shards.",
        |scrape, samples| scrape.of_shards(samples, |thread| thread.blocks.get()),
    ),
    counter(
        "shardwright_lendings",
        None,
        "Times that a shard lent its data to another one for a block.",
        |scrape, samples| scrape.of_shards(samples, |thread| thread.lent.get()),
    ),
];

const LOG: &[Metric] = &[
    gauge(
        "shardwright_log_newest_record",
        None,
        "Number of the newest record that the log took; 0 without a log.",
        |scrape, samples| samples.put(scrape.log(|log| &log.taken)),
    ),
    gauge(
        "shardwright_log_durable_record",
        None,
        "Number of the newest record that is durable; 0 without a log.",
        |scrape, samples| samples.put(scrape.log(|log| &log.durable)),
    ),
    counter(
        "shardwright_log_written",
        Some(Unit::Bytes),
        "Bytes written to the log.",
        |scrape, samples| samples.put(scrape.log(|log| &log.bytes)),
    ),
    gauge(
        "shardwright_log_size",
        Some(Unit::Bytes),
        "Bytes of all segments of the log.",
        |scrape, samples| samples.put(scrape.log(|log| &log.size)),
    ),
    gauge(
        "shardwright_log_segments",
        None,
        "Segments of the log that count.",
        |scrape, samples| samples.put(scrape.log(|log| &log.segments)),
    ),
    gauge(
        "shardwright_log_backlog",
        Some(Unit::Bytes),
        "Bytes of effects on their way from the shards to the log.",
        |scrape, samples| samples.put(scrape.server.durability.backlog() as u64),
    ),
    counter("shardwright_log_syncs", None, "Syncs of the log.", |scrape, samples| {
        samples.put(scrape.log(|log| &log.syncs))
    }),
    histogram(
        "shardwright_log_sync_duration",
        Some(Unit::Seconds),
        "How long syncs took, with what was written just before.",
        |scrape, samples| {
            let times = &scrape.server.durability.figures.sync_times;
            let (sum, buckets) = (times.seconds(), times.buckets());
            samples.put_distribution(Distribution { sum, buckets });
        },
    ),
    gauge(
        "shardwright_log_longest_sync",
        Some(Unit::Seconds),
        "The longest sync since the start, with what was written just before.",
        |scrape, samples| samples.put(scrape.log(|log| &log.longest_sync_nanos) as f64 / 1e9),
    ),
    counter(
        "shardwright_log_delays",
        None,
        "Times that a shard waited since too much was on its way to the log.",
        |scrape, samples| samples.put(scrape.log(|log| &log.delays)),
    ),
    gauge(
        "shardwright_loading",
        None,
        "1 while the data is loaded at a start, otherwise 0.",
        |scrape, samples| samples.put(u64::from(scrape.server.loading.is_running())),
    ),
    gauge(
        "shardwright_log_failed",
        None,
        "1 once the log has failed and writes are refused, otherwise 0.",
        |scrape, samples| samples.put(u64::from(scrape.server.durability.has_failed())),
    ),
    counter("shardwright_checkpoints", None, "Checkpoints written.", |scrape, samples| {
        samples.put(scrape.server.checkpoints.succeeded())
    }),
    counter(
        "shardwright_checkpoint_written",
        Some(Unit::Bytes),
        "Bytes of keys that checkpoints wrote.",
        |scrape, samples| samples.put(scrape.server.checkpoints.bytes()),
    ),
    gauge(
        "shardwright_checkpoint_running",
        None,
        "1 while a checkpoint is written, otherwise 0.",
        |scrape, samples| samples.put(u64::from(scrape.server.checkpoints.is_running())),
    ),
    gauge(
        "shardwright_checkpoint_keys",
        None,
        "Keys that the running checkpoint is going to have; 0 while none runs.",
        |scrape, samples| samples.put(scrape.server.checkpoints.keys().1),
    ),
    gauge(
        "shardwright_checkpoint_keys_written",
        None,
        "Keys that the running checkpoint has; 0 while none runs.",
        |scrape, samples| samples.put(scrape.server.checkpoints.keys().0),
    ),
    gauge(
        "shardwright_checkpoint_failed",
        None,
        "1 if the last checkpoint failed, otherwise 0.",
        |scrape, samples| samples.put(u64::from(scrape.server.checkpoints.last_failed())),
    ),
    gauge(
        "shardwright_checkpoint_backlog",
        Some(Unit::Bytes),
        "Bytes of keys on their way from the shards to the checkpoint.",
        |scrape, samples| samples.put(scrape.server.checkpoints.backlog() as u64),
    ),
    gauge(
        "shardwright_checkpoint_size",
        Some(Unit::Bytes),
        "Bytes of the checkpoint that counts; 0 without one.",
        |scrape, samples| samples.put(scrape.server.checkpoints.last_len()),
    ),
    gauge(
        "shardwright_unsaved_changes",
        None,
        "Changes of keys since the last checkpoint, or the start.",
        |scrape, samples| samples.put(scrape.server.unsaved_changes()),
    ),
];

const MEMORY: &[Metric] = &[
    gauge(
        "shardwright_memory_used",
        Some(Unit::Bytes),
        "Memory handed out by the allocator and not given back (used_memory).",
        |scrape, samples| scrape.of_allocator(samples, |memory| memory.allocated),
    ),
    gauge(
        "shardwright_memory_peak",
        Some(Unit::Bytes),
        "The most memory ever used.",
        |scrape, samples| {
            let used = scrape.allocator.map(|memory| memory.allocated);
            samples.put_known(used.map(|used| scrape.server.sampler.peak(used)));
        },
    ),
    gauge(
        "shardwright_memory_active",
        Some(Unit::Bytes),
        "Memory in pages of the allocator that hold something.",
        |scrape, samples| scrape.of_allocator(samples, |memory| memory.active),
    ),
    gauge(
        "shardwright_memory_resident",
        Some(Unit::Bytes),
        "Memory that the allocator holds.",
        |scrape, samples| scrape.of_allocator(samples, |memory| memory.resident),
    ),
    gauge(
        "shardwright_data",
        Some(Unit::Bytes),
        "Memory of a shard's tables, entries and timers.",
        |scrape, samples| scrape.of_shards(samples, |thread| thread.data_bytes.get()),
    ),
    gauge(
        "process_resident_memory",
        Some(Unit::Bytes),
        "Memory of the process, as the kernel counts it.",
        |_, samples| samples.put_known(memory::resident()),
    ),
];
