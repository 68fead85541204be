//! `# Persistence` of INFO: the log and checkpoints by Redis's names for its own, and by ours.

use std::sync::atomic::Ordering::Relaxed;

use super::info::{InfoCx, Lines};
use crate::checkpoint::Purpose;

/// `# Persistence`
pub(super) fn persistence(cx: &InfoCx<'_>, lines: &mut Lines) {
    let log = &cx.server.durability;
    let saves = &cx.server.checkpoints;
    let seconds = saves.seconds(cx.now.seconds()).unwrap_or(-1);
    let running = |purpose| i64::from(saves.is_running_for(purpose));
    let seconds_of = |purpose| if saves.is_running_for(purpose) { seconds } else { -1 };
    let status = |failed| if failed { "err" } else { "ok" };
    let (loaded, expired) = cx.server.rdb.last_load();
    let loading = &cx.server.loading;
    lines.put_all(&[("loading", i64::from(loading.is_running())), ("async_loading", 0)]);
    lines.put("rdb_changes_since_last_save", cx.server.unsaved_changes());
    lines.put("rdb_bgsave_in_progress", running(Purpose::Save));
    // Redis, too, counts from the start when nothing was saved.
    lines.put("rdb_last_save_time", saves.last_saved());
    lines.put("rdb_last_bgsave_status", status(saves.last_save_failed()));
    lines.put_all(&[
        ("rdb_last_bgsave_time_sec", saves.last_took()),
        ("rdb_current_bgsave_time_sec", seconds_of(Purpose::Save)),
        ("rdb_saves", saves.succeeded() as i64),
        ("rdb_last_cow_size", 0),
        ("rdb_last_load_keys_expired", expired as i64),
        ("rdb_last_load_keys_loaded", loaded as i64),
        ("aof_enabled", i64::from(log.is_enabled())),
        // Saving is what shortens the log here.
        ("aof_rewrite_in_progress", running(Purpose::Log)),
        ("aof_rewrite_scheduled", i64::from(saves.is_scheduled(Purpose::Log))),
        ("aof_last_rewrite_time_sec", saves.last_took()),
        ("aof_current_rewrite_time_sec", seconds_of(Purpose::Log)),
    ]);
    lines.put("aof_last_bgrewrite_status", status(saves.last_failed()));
    lines.put("aof_rewrites", saves.succeeded());
    lines.put("aof_last_write_status", if log.has_failed() { "err" } else { "ok" });
    lines.put_all(&[
        ("aof_last_cow_size", 0),
        ("module_fork_in_progress", 0),
        ("module_fork_last_cow_size", 0),
    ]);
    if log.is_enabled() {
        own(cx, lines);
    }
    if saves.is_running() {
        let bytes = saves.running_bytes();
        lines.put("checkpoint_keys_written", saves.keys());
        lines.put("checkpoint_bytes_written", bytes);
        lines.put("checkpoint_bytes_per_second", bytes / seconds.max(1).unsigned_abs());
        lines.put("checkpoint_buffer_length", saves.backlog());
    }
    if loading.is_running() {
        let (loaded, total) = loading.bytes();
        let percentage = loaded as f64 * 100.0 / total.max(1) as f64;
        lines.put("loading_start_time", loading.began());
        lines.put("loading_total_bytes", total);
        lines.put("loading_loaded_bytes", loaded);
        lines.put("loading_loaded_perc", format!("{percentage:.2}"));
        // Redis's guess of before there is anything to guess from.
        lines.put("loading_eta_seconds", loading.seconds_left(cx.now.seconds()).unwrap_or(1));
    }
}

/// Lines that Redis does not have, but for the first three.
fn own(cx: &InfoCx<'_>, lines: &mut Lines) {
    let log = &cx.server.durability;
    let figures = &log.figures;
    let base = cx.server.checkpoints.last_len();
    lines.put("aof_current_size", base + figures.size.load(Relaxed));
    lines.put("aof_base_size", base);
    lines.put("aof_buffer_length", log.backlog());
    lines.put("log_newest_lsn", figures.taken.load(Relaxed));
    lines.put("log_durable_lsn", figures.durable.load(Relaxed));
    lines.put("log_written_bytes", figures.bytes.load(Relaxed));
    lines.put("log_segments", figures.segments.load(Relaxed));
    lines.put("log_syncs", figures.syncs.load(Relaxed));
    lines.put("log_longest_sync_usec", figures.longest_sync_nanos.load(Relaxed) / 1000);
    lines.put_known("log_failure", log.failure());
}
