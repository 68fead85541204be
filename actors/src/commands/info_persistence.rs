//! `# Persistence` of INFO: the log and checkpoints by Redis's names for its own, and by ours.

use std::sync::atomic::Ordering::Relaxed;

use super::info::{InfoCx, Lines};
use crate::checkpoint::Purpose;

/// `# Persistence`
pub(super) fn persistence(cx: &InfoCx<'_>, lines: &mut Lines) {
    let log = &cx.server.durability;
    let loading = i64::from(cx.server.loading.is_running());
    lines.put_all(&[("loading", loading), ("async_loading", 0)]);
    progress(cx, lines);
    saves(cx, lines);
    rewrites(cx, lines);
    lines.put("aof_last_write_status", status(log.has_failed()));
    let most_backlog = cx.server.checkpoints.ended(Purpose::Log).most_backlog();
    lines.put("aof_last_cow_size", most_backlog);
    lines.put_all(&[("module_fork_in_progress", 0), ("module_fork_last_cow_size", 0)]);
    if log.is_enabled() {
        own(cx, lines);
    }
    if cx.server.checkpoints.is_running() {
        running(cx, lines);
    }
    if cx.server.loading.is_running() {
        loaded(cx, lines);
    }
}

fn status(failed: bool) -> &'static str {
    if failed { "err" } else { "ok" }
}

/// How far the running checkpoint is. There is no fork: what is held for a checkpoint beside the data
/// are keys on their way to its file, as they are at this moment.
fn progress(cx: &InfoCx<'_>, lines: &mut Lines) {
    let checkpoints = &cx.server.checkpoints;
    let held = if checkpoints.is_running() { checkpoints.backlog() } else { 0 };
    let (written, all) = checkpoints.keys();
    let percentage = written as f64 * 100.0 / all.max(1) as f64;
    lines.put("current_cow_peak", checkpoints.most_backlog());
    lines.put("current_cow_size", held);
    lines.put("current_cow_size_age", 0);
    lines.put("current_fork_perc", format_args!("{percentage:.2}"));
    lines.put("current_save_keys_processed", written);
    lines.put("current_save_keys_total", all);
}

/// Seconds for which a checkpoint with this purpose has been written; -1 if none is.
fn seconds_of(purpose: Purpose, cx: &InfoCx<'_>) -> i64 {
    let checkpoints = &cx.server.checkpoints;
    let seconds = checkpoints.seconds(cx.now.seconds());
    seconds.filter(|_| checkpoints.is_running_for(purpose)).unwrap_or(-1)
}

/// Checkpoints that save.
fn saves(cx: &InfoCx<'_>, lines: &mut Lines) {
    let checkpoints = &cx.server.checkpoints;
    let ended = checkpoints.ended(Purpose::Save);
    let (loaded, expired) = cx.server.rdb.last_load();
    lines.put("rdb_changes_since_last_save", cx.server.unsaved_changes());
    let running = checkpoints.is_running_for(Purpose::Save);
    lines.put("rdb_bgsave_in_progress", i64::from(running));
    // Redis, too, counts from the start when nothing was saved.
    lines.put("rdb_last_save_time", checkpoints.last_saved());
    lines.put("rdb_last_bgsave_status", status(ended.last_failed()));
    lines.put("rdb_last_bgsave_time_sec", ended.last_took());
    lines.put("rdb_current_bgsave_time_sec", seconds_of(Purpose::Save, cx));
    lines.put("rdb_saves", ended.succeeded());
    lines.put("rdb_last_cow_size", ended.most_backlog());
    lines.put("rdb_last_load_keys_expired", expired);
    lines.put("rdb_last_load_keys_loaded", loaded);
}

/// Checkpoints that shorten the log, which is what Redis rewrites its file for.
fn rewrites(cx: &InfoCx<'_>, lines: &mut Lines) {
    let checkpoints = &cx.server.checkpoints;
    let ended = checkpoints.ended(Purpose::Log);
    let running = checkpoints.is_running_for(Purpose::Log);
    lines.put("aof_enabled", i64::from(cx.server.durability.is_enabled()));
    lines.put("aof_rewrite_in_progress", i64::from(running));
    lines.put("aof_rewrite_scheduled", i64::from(checkpoints.is_scheduled(Purpose::Log)));
    lines.put("aof_last_rewrite_time_sec", ended.last_took());
    lines.put("aof_current_rewrite_time_sec", seconds_of(Purpose::Log, cx));
    lines.put("aof_last_bgrewrite_status", status(ended.last_failed()));
    lines.put("aof_rewrites", ended.succeeded());
    lines.put("aof_rewrites_consecutive_failures", ended.failures());
}

/// The running checkpoint, in lines that Redis does not have.
fn running(cx: &InfoCx<'_>, lines: &mut Lines) {
    let checkpoints = &cx.server.checkpoints;
    let bytes = checkpoints.running_bytes();
    let seconds = checkpoints.seconds(cx.now.seconds()).unwrap_or_default();
    lines.put("checkpoint_keys_written", checkpoints.keys().0);
    lines.put("checkpoint_bytes_written", bytes);
    lines.put("checkpoint_bytes_per_second", bytes / seconds.max(1).unsigned_abs());
    lines.put("checkpoint_buffer_length", checkpoints.backlog());
}

/// How far loading is.
fn loaded(cx: &InfoCx<'_>, lines: &mut Lines) {
    let loading = &cx.server.loading;
    let (loaded, total) = loading.bytes();
    let percentage = loaded as f64 * 100.0 / total.max(1) as f64;
    lines.put("loading_start_time", loading.began());
    lines.put("loading_total_bytes", total);
    lines.put("loading_loaded_bytes", loaded);
    lines.put("loading_loaded_perc", format_args!("{percentage:.2}"));
    // Redis's guess of before there is anything to guess from.
    lines.put("loading_eta_seconds", loading.seconds_left(cx.now.seconds()).unwrap_or(1));
}

/// The log: some lines that Redis has too while its file is on, and ours.
fn own(cx: &InfoCx<'_>, lines: &mut Lines) {
    let log = &cx.server.durability;
    let figures = &log.figures;
    let base = cx.server.checkpoints.last_len();
    lines.put("aof_current_size", base + figures.size.load(Relaxed));
    lines.put("aof_base_size", base);
    let is_scheduled = cx.server.checkpoints.is_scheduled(Purpose::Log);
    lines.put("aof_pending_rewrite", i64::from(is_scheduled));
    lines.put("aof_buffer_length", log.backlog());
    lines.put("aof_pending_bio_fsync", i64::from(figures.syncing.load(Relaxed)));
    lines.put("aof_delayed_fsync", figures.delays.load(Relaxed));
    lines.put("log_newest_lsn", figures.taken.load(Relaxed));
    lines.put("log_durable_lsn", figures.durable.load(Relaxed));
    lines.put("log_written_bytes", figures.bytes.load(Relaxed));
    lines.put("log_segments", figures.segments.load(Relaxed));
    lines.put("log_syncs", figures.syncs.load(Relaxed));
    lines.put("log_longest_sync_usec", figures.longest_sync_nanos.load(Relaxed) / 1000);
    lines.put_known("log_failure", log.failure());
}
