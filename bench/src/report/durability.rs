//! The report's part about servers that keep what is written.

use super::{Table, comparison, full, of_suite};
use crate::checkpoint::{Checkpoint, CheckpointRow, GET_RATE, WRITERS};
use crate::measure::Spread;
use crate::percentiles::Percentiles;
use crate::plan::{LOG_ALWAYS, LOG_EVERYSEC};
use crate::suites::Results;
use crate::turns::{self, Phases};

/// How the suites with a log are measured.
const LOG_REMARK: &str = "Both keep a log with the same policy on the same file system; one core and one shard, the \
    log's thread included. Redis rewrites its log, and Shardwright writes checkpoints, when they want to. Latency is \
    that of a batch in the closed loop, from its sending to its last reply; syncs are calls of fsync and fdatasync: \
    Shardwright's by INFO in the same rounds, Redis's by strace in one run of its own, without its child's.";

const RESTART_REMARK: &str = "After a kill, from starting the program until it tells the right number of keys; 64-byte \
    values, all cores, whatever was on disk: what was rewritten and the log since then.";

/// Titles, remarks and, where something was measured, tables.
pub(super) fn sections(results: &Results) -> [(&'static str, String, Option<String>); 4] {
    let log = |suite| log(results, suite);
    [
        ("Log, synced once a second", LOG_REMARK.to_owned(), log(LOG_EVERYSEC)),
        ("Log, synced before anybody is answered", LOG_REMARK.to_owned(), log(LOG_ALWAYS)),
        ("Restart", RESTART_REMARK.to_owned(), restarts(results)),
        ("A checkpoint under load", checkpoint_remark(), checkpoints(results)),
    ]
}

/// A suite with a log: what it costs, and what those who wait for it see.
fn log(results: &Results, suite: &str) -> Option<String> {
    let costs = comparison(results, suite)?;
    let mut table = Table::new(&[
        "load",
        "connections",
        "pipeline",
        "Redis p99 µs",
        "Shardwright p99 µs",
        "ratio",
        "Redis syncs / 1000 commands",
        "Shardwright syncs / 1000 commands",
    ]);
    for row in of_suite(results, suite) {
        let p99 = |side| whole(row.spread(side, |sample| sample.p99_us));
        let syncs = |side: usize| match row.syncs[side].as_slice() {
            [] => String::new(),
            syncs => per_thousand(Spread::of(syncs.iter().copied())),
        };
        table.row(&[
            &row.load,
            &row.shape.connections,
            &row.shape.pipeline,
            &p99(0),
            &p99(1),
            &full(row.ratio(1, 0, |sample| sample.p99_us)),
            &syncs(0),
            &syncs(1),
        ]);
    }
    Some([costs, table.0].join("\n"))
}

/// Median with extremes, without decimals.
fn whole(spread: Spread) -> String {
    format!("{:.0} ({:.0}–{:.0})", spread.median, spread.min, spread.max)
}

/// The same of a share, as so many of a thousand: a log that is synced once a second has few.
fn per_thousand(spread: Spread) -> String {
    let Spread { median, min, max } = spread;
    if min == max {
        return format!("{:.3}", median * 1e3);
    }
    format!("{:.3} ({:.3}–{:.3})", median * 1e3, min * 1e3, max * 1e3)
}

/// How long restarts took.
fn restarts(results: &Results) -> Option<String> {
    results.restarts.first()?;
    let mut table = Table::new(&["keys", "Redis s", "Shardwright s", "ratio"]);
    for row in &results.restarts {
        let [redis, ours] = [row.seconds[0], row.seconds[1]];
        let cell = |seconds: f64| format!("{seconds:.2}");
        table.row(&[&row.keys, &cell(redis), &cell(ours), &cell(redis / ours)]);
    }
    Some(table.0)
}

/// How checkpoints are measured.
fn checkpoint_remark() -> String {
    let (connections, pipeline) = (WRITERS.connections, WRITERS.pipeline);
    format!(
        "BGSAVE while {connections} connections write at pipeline {pipeline} (SET of 64 bytes over all keys, as fast as \
         they are answered), on one core with one shard, children and helping threads included; each round on fresh \
         servers. Redis and the first Shardwright keep no log, the second one that is synced once a second. Meanwhile \
         {GET_RATE:.0} GETs a second, open loop over connections of their own, in microseconds from the intended time \
         of sending. It lasts until INFO says that it is over. Extra memory is the most while it is written beyond the \
         median before, as a share of the keys' memory: proportional sizes (Pss) of the server and its child together, \
         in a run of its own. Turns are the longest in all rounds, by the clock and in processor time (CPU), against which \
         the target is held; Shardwright does not forget those before: `≤` says that there \
         was no longer one while it was written."
    )
}

/// What checkpoints cost, what others saw meanwhile, and the turns.
fn checkpoints(results: &Results) -> Option<String> {
    results.checkpoints.first()?;
    let mut figures = Table::new(&[
        "server",
        "keys",
        "took ms",
        "SETs k/s before",
        "SETs k/s during",
        "keys' MiB",
        "extra MiB",
        "extra %",
    ]);
    let mut gets = Table::new(&["server", "keys", "GETs", "p50", "p99", "p99.9", "max"]);
    let mut turns = Table::new(&[
        "longest turn by cause",
        "server",
        "keys",
        "before µs",
        "with the checkpoint µs",
    ]);
    for row in &results.checkpoints {
        let spread = |figure: fn(&Checkpoint) -> f64| Spread::of(row.rounds.iter().map(figure));
        let mib = |bytes: f64| bytes / f64::from(1 << 20);
        figures.row(&[
            &row.server,
            &row.keys,
            &whole(spread(|round| round.took.as_secs_f64() * 1e3)),
            &whole(spread(|round| round.sets_before / 1e3)),
            &whole(spread(|round| round.sets_during / 1e3)),
            &whole(Spread::of(row.rounds.iter().map(|round| mib(round.data)))),
            &full(Spread::of(row.rounds.iter().map(|round| mib(round.extra)))),
            &full(spread(|round| round.extra_share() * 100.0)),
        ]);
        let before = row.rounds.iter().map(|round| round.before).collect::<Vec<_>>();
        let during = row.rounds.iter().map(|round| round.during).collect::<Vec<_>>();
        latency_row(&mut gets, row, "before", &before);
        latency_row(&mut gets, row, "during", &during);
        turn_rows(&mut turns, row);
    }
    Some([figures.0, gets.0, turns.0].join("\n"))
}

/// Latencies of GET, one of `rounds` a round.
fn latency_row(table: &mut Table, row: &CheckpointRow, when: &str, rounds: &[Percentiles]) {
    let cell = |figure: fn(&Percentiles) -> f64| whole(Spread::of(rounds.iter().map(figure)));
    let [p50, p99] = [cell(|found| found.p50), cell(|found| found.p99)];
    let [p999, max] = [cell(|found| found.p999), cell(|found| found.max)];
    table.row(&[&row.server, &row.keys, &when, &p50, &p99, &p999, &max]);
}

/// The longest turns over all rounds of a server that tells them.
fn turn_rows(table: &mut Table, row: &CheckpointRow) {
    let mut phases = Phases::default();
    for Checkpoint { turns: Phases { loaded, reset, after }, .. } in &row.rounds {
        turns::raise(&mut phases.loaded, loaded.clone());
        turns::raise(&mut phases.reset, reset.clone());
        turns::raise(&mut phases.after, after.clone());
    }
    for (cause, before) in &phases.loaded {
        table.row(&[cause, &row.server, &row.keys, before, &phases.since(cause)]);
    }
}
