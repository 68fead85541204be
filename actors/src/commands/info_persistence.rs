//! `# Persistence` of INFO: the log by Redis's names for its own, and by ours. Snapshots there are
//! none, which is what their lines say.

use std::sync::atomic::Ordering::Relaxed;

use super::info::{InfoCx, Lines};

/// `# Persistence`
pub(super) fn persistence(cx: &InfoCx<'_>, lines: &mut Lines) {
    let log = &cx.server.durability;
    let changes: u64 = cx.server.stats().iter().map(|thread| thread.changes.get()).sum();
    lines.put_all(&[("loading", 0), ("async_loading", 0)]);
    lines.put("rdb_changes_since_last_save", changes);
    lines.put("rdb_bgsave_in_progress", 0);
    // Redis, too, counts from the start when nothing was saved.
    lines.put("rdb_last_save_time", cx.server.identity.started.0 / 1000);
    lines.put("rdb_last_bgsave_status", "ok");
    lines.put_all(&[
        ("rdb_last_bgsave_time_sec", -1),
        ("rdb_current_bgsave_time_sec", -1),
        ("rdb_saves", 0),
        ("rdb_last_cow_size", 0),
        ("rdb_last_load_keys_expired", 0),
        ("rdb_last_load_keys_loaded", 0),
        ("aof_enabled", i32::from(log.is_enabled())),
        ("aof_rewrite_in_progress", 0),
        ("aof_rewrite_scheduled", 0),
        ("aof_last_rewrite_time_sec", -1),
        ("aof_current_rewrite_time_sec", -1),
    ]);
    lines.put("aof_last_bgrewrite_status", "ok");
    lines.put_all(&[("aof_rewrites", 0), ("aof_rewrites_consecutive_failures", 0)]);
    lines.put("aof_last_write_status", if log.has_failed() { "err" } else { "ok" });
    lines.put_all(&[
        ("aof_last_cow_size", 0),
        ("module_fork_in_progress", 0),
        ("module_fork_last_cow_size", 0),
    ]);
    if log.is_enabled() {
        own(cx, lines);
    }
}

/// Lines that Redis does not have, but for the first two.
fn own(cx: &InfoCx<'_>, lines: &mut Lines) {
    let log = &cx.server.durability;
    let figures = &log.figures;
    lines.put("aof_current_size", figures.size.load(Relaxed));
    lines.put("aof_buffer_length", log.backlog());
    lines.put("log_newest_lsn", figures.taken.load(Relaxed));
    lines.put("log_durable_lsn", figures.durable.load(Relaxed));
    lines.put("log_written_bytes", figures.bytes.load(Relaxed));
    lines.put("log_segments", figures.segments.load(Relaxed));
    lines.put("log_syncs", figures.syncs.load(Relaxed));
    lines.put("log_longest_sync_usec", figures.longest_sync_nanos.load(Relaxed) / 1000);
    lines.put_known("log_failure", log.failure());
}
