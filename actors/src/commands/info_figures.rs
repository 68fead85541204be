//! The sections of INFO about what the server did and what it holds. All figures are read from
//! counters that threads publish: no shard is asked.

use shardwright_store::db::DbFigures;
use shardwright_store::types::{DbIndex, UnixMillis};

use super::info::{InfoCx, Lines};
use crate::pubsub::Kind;
use crate::registry::registry;
use crate::sampler::Reading;
use crate::stats::{ThreadStats, TurnCause};
use crate::totals::CommandTotal;

const NANOS_PER_MILLISECOND: u64 = 1_000_000;

/// `# Clients`
pub(super) fn clients(cx: &InfoCx<'_>, lines: &mut Lines) {
    lines.put("connected_clients", cx.server.clients.len());
    lines.put("cluster_connections", 0);
    lines.put("maxclients", cx.settings.maxclients);
    let largest = cx.server.sampler.largest_buffers();
    lines.put("client_recent_max_input_buffer", largest.input);
    lines.put("client_recent_max_output_buffer", largest.output);
    lines.put("blocked_clients", cx.server.clients.waiting());
    lines.put_all(&[("tracking_clients", 0), ("clients_in_timeout_table", 0)]);
}

/// `# Stats`
pub(super) fn stats(cx: &InfoCx<'_>, lines: &mut Lines) {
    let totals = &cx.totals;
    let rate = |counter: fn(&Reading) -> u64| cx.server.sampler.rate(counter);
    let kibibytes = |rate: Option<f64>| rate.map(|bytes| format!("{:.2}", bytes / 1024.0));
    lines.put("total_connections_received", totals.accepted);
    lines.put("total_commands_processed", totals.commands_processed());
    let commands = rate(|reading| reading.commands);
    lines.put_known("instantaneous_ops_per_sec", commands.map(|rate| format!("{rate:.0}")));
    lines.put("total_net_input_bytes", totals.input_bytes);
    lines.put("total_net_output_bytes", totals.output_bytes);
    lines.put_all(&[("total_net_repl_input_bytes", 0), ("total_net_repl_output_bytes", 0)]);
    lines.put_known("instantaneous_input_kbps", kibibytes(rate(|reading| reading.input_bytes)));
    lines.put_known("instantaneous_output_kbps", kibibytes(rate(|reading| reading.output_bytes)));
    lines.put("instantaneous_input_repl_kbps", "0.00");
    lines.put("instantaneous_output_repl_kbps", "0.00");
    lines.put("rejected_connections", totals.refused);
    lines.put_all(&[("sync_full", 0), ("sync_partial_ok", 0), ("sync_partial_err", 0)]);
    lines.put("expired_keys", totals.expired);
    lines.put("expired_time_cap_reached_count", totals.expiry_cut_short);
    lines.put("expire_cycle_cpu_milliseconds", totals.expiry_nanos / NANOS_PER_MILLISECOND);
    lines.put_all(&[
        ("evicted_keys", 0),
        ("evicted_clients", 0),
        ("total_eviction_exceeded_time", 0),
        ("current_eviction_exceeded_time", 0),
    ]);
    lines.put("keyspace_hits", totals.hits);
    lines.put("keyspace_misses", totals.misses);
    lines.put("pubsub_channels", cx.server.pubsub.count(Kind::Channel));
    lines.put("pubsub_patterns", cx.server.pubsub.count(Kind::Pattern));
    lines.put("pubsubshard_channels", cx.server.pubsub.count(Kind::Shard));
    lines.put_all(&[
        ("latest_fork_usec", 0),
        ("total_forks", 0),
        ("migrate_cached_sockets", 0),
        ("slave_expires_tracked_keys", 0),
        ("active_defrag_hits", 0),
        ("active_defrag_misses", 0),
        ("active_defrag_key_hits", 0),
        ("active_defrag_key_misses", 0),
        ("total_active_defrag_time", 0),
        ("current_active_defrag_time", 0),
        ("tracking_total_keys", 0),
        ("tracking_total_items", 0),
        ("tracking_total_prefixes", 0),
        // Errors that a master or a log's reader answered: neither gets replies here.
        ("unexpected_error_replies", 0),
    ]);
    lines.put("total_error_replies", totals.error_replies());
    lines.put("total_reads_processed", totals.reads);
    lines.put("total_writes_processed", totals.writes);
    // No thread reads or writes for another one.
    lines.put_all(&[("io_threaded_reads_processed", 0), ("io_threaded_writes_processed", 0)]);
}

/// `# Replication`: a master without replicas.
pub(super) fn replication(cx: &InfoCx<'_>, lines: &mut Lines) {
    lines.put("role", "master");
    lines.put("connected_slaves", 0);
    lines.put("master_failover_state", "no-failover");
    // Nobody else has the history that this process has written.
    lines.put("master_replid", &cx.server.identity.run_id);
    lines.put("master_replid2", "0".repeat(40));
    lines.put_all(&[
        ("master_repl_offset", 0),
        ("second_repl_offset", -1),
        ("repl_backlog_active", 0),
        ("repl_backlog_size", 0),
        ("repl_backlog_first_byte_offset", 0),
        ("repl_backlog_histlen", 0),
    ]);
}

/// `# Commandstats`: commands that were called or refused.
pub(super) fn command_stats(cx: &InfoCx<'_>, lines: &mut Lines) {
    for (entry, total) in registry().entries().iter().zip(&cx.totals.commands) {
        let CommandTotal { calls, nanos, rejected, failed } = *total;
        if calls == 0 && rejected == 0 && failed == 0 {
            continue;
        }
        let usec = nanos as f64 / 1000.0;
        let per_call = if calls == 0 { 0.0 } else { usec / calls as f64 };
        lines.put(
            format_args!("cmdstat_{}", entry.full_name),
            format_args!(
                "calls={calls},usec={usec:.0},usec_per_call={per_call:.2},\
                 rejected_calls={rejected},failed_calls={failed}"
            ),
        );
    }
}

/// `# Errorstats`: error replies by their kind.
pub(super) fn error_stats(cx: &InfoCx<'_>, lines: &mut Lines) {
    for (kind, count) in &cx.totals.errors {
        lines.put(format_args!("errorstat_{kind}"), format_args!("count={count}"));
    }
}

/// `# Cluster`
pub(super) fn cluster(_: &InfoCx<'_>, lines: &mut Lines) {
    lines.put("cluster_enabled", 0);
}

/// `# Keyspace`: databases that have keys.
pub(super) fn keyspace(cx: &InfoCx<'_>, lines: &mut Lines) {
    for db in (0..cx.server.router().databases).map(DbIndex) {
        let figures = sum(cx.server.stats().iter().map(|thread| thread.db(db)));
        if figures.keys > 0 {
            let DbFigures { keys, expires, .. } = figures;
            let ttl = mean_ttl(&figures, cx.now);
            lines.put(
                format_args!("db{}", db.0),
                format_args!("keys={keys},expires={expires},avg_ttl={ttl}"),
            );
        }
    }
}

fn sum(figures: impl Iterator<Item = DbFigures>) -> DbFigures {
    figures.fold(DbFigures::default(), |total, figures| DbFigures {
        keys: total.keys + figures.keys,
        expires: total.expires + figures.expires,
        deadline_sum: total.deadline_sum + figures.deadline_sum,
    })
}

/// Milliseconds that keys with a deadline have left on average; 0 without such keys.
fn mean_ttl(figures: &DbFigures, now: UnixMillis) -> i128 {
    let count = i128::from(figures.expires);
    if count == 0 { 0 } else { (figures.deadline_sum / count - i128::from(now.0)).max(0) }
}

/// `# Shardwright`: what each shard holds and how busy it is.
pub(super) fn shards(cx: &InfoCx<'_>, lines: &mut Lines) {
    lines.put("shardwright_version", cx.server.identity.version);
    lines.put("shards", cx.server.router().map.shards());
    lines.put("databases", cx.server.router().databases);
    lines.put("pipeline_order", cx.settings.pipeline_order);
    for (shard, thread) in cx.server.stats().iter().enumerate() {
        for (name, figure) in shard_figures(thread, cx.server.router().databases) {
            lines.put(format_args!("shard{shard}_{name}"), figure);
        }
        for cause in TurnCause::ALL {
            let name = cause.name();
            let (wall, busy) = (thread.longest_turn(cause), thread.longest_busy(cause));
            lines.put(format_args!("shard{shard}_longest_turn_{name}_usec"), wall / 1000);
            lines.put(format_args!("shard{shard}_longest_turn_{name}_cpu_usec"), busy / 1000);
        }
    }
}

fn shard_figures(thread: &ThreadStats, databases: u16) -> [(&'static str, u64); 8] {
    let keys = (0..databases).map(|db| thread.db(DbIndex(db)).keys).sum();
    [
        ("keys", keys),
        ("data_bytes", thread.data_bytes.get()),
        ("mailbox_depth", thread.mailbox_depth()),
        ("messages", thread.received.get()),
        ("lent", thread.lent.get()),
        ("blocks", thread.blocks.get()),
        ("watched_keys", thread.watched.get()),
        ("sequence", thread.sequence.get()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_ttl_is_over_all_shards() {
        let shard = |expires, deadline_sum| DbFigures { keys: 10, expires, deadline_sum };
        let figures = sum([shard(1, 5_000), shard(0, 0), shard(3, 9_000)].into_iter());
        assert_eq!((figures.keys, figures.expires), (30, 4));
        assert_eq!(mean_ttl(&figures, UnixMillis(1_000)), 2_500);
        assert_eq!(mean_ttl(&figures, UnixMillis(9_000)), 0);
        assert_eq!(mean_ttl(&DbFigures::default(), UnixMillis(9_000)), 0);
    }
}
