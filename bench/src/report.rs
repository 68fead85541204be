//! The report: everything measured as markdown, beginning with the machine and the versions.

mod durability;

use std::fmt::{Display, Write as _};

use crate::deliveries::{BATCH, DeliveryRow, DeliverySample};
use crate::expiry::{GET_RATE, STAYING};
use crate::latency::LatencyRow;
use crate::machine::Machine;
use crate::measure::{Row, Sample, Spread};
use crate::memory::MemoryRow;
use crate::plan::{ALL_CORES, COLLECTIONS, FLOOR, Mode, ONE_CORE, Plan, SWEEP, TWO_SHARDS};
use crate::suites::Results;
use crate::targets;

/// What the report's head says.
#[derive(Debug, Clone)]
pub struct Head {
    /// The day of the run, as YYYY-MM-DD.
    pub date: String,
    /// Machine and commit.
    pub machine: Machine,
    /// Redis's `--version`.
    pub redis: String,
    /// The `--version` of the program under test.
    pub ours: String,
}

/// A markdown table in the making.
struct Table(String);

impl Table {
    fn new(columns: &[&str]) -> Self {
        let rule = columns.iter().enumerate().map(|(n, _)| if n == 0 { "---|" } else { "--:|" });
        Self(format!("| {} |\n|{}\n", columns.join(" | "), rule.collect::<String>()))
    }

    fn row(&mut self, cells: &[&dyn Display]) {
        self.0.push('|');
        for cell in cells {
            // Writing to a String cannot fail.
            let _ = write!(self.0, " {cell} |");
        }
        self.0.push('\n');
    }
}

/// The whole report.
pub fn markdown(head: &Head, plan: &Plan, results: &Results) -> String {
    let mut text = introduction(head, plan);
    let mut section = |title: &str, remark: &str, table: Option<String>| {
        if let Some(table) = table {
            text.push_str(&format!("\n## {title}\n\n{remark}\n\n{table}"));
        }
    };
    section(
        "Targets",
        "Medians with least and greatest round. CPU efficiency is Redis's server CPU per command divided by \
         Shardwright's in the same round.",
        (plan.mode != Mode::Smoke).then(|| targets_table(results)),
    );
    section(
        "One core",
        "Each server on one core with one shard, the client on another. The client's share of its core tells \
         whether it, and not the server, set the rate.",
        comparison(results, ONE_CORE),
    );
    section(
        "All cores",
        "Default shards. The client is one thread and shares the cores with the servers, so the rates are those \
         of client and server together; Redis runs its commands on one thread as always.",
        comparison(results, ALL_CORES),
    );
    section(
        "Two shards",
        "Shardwright alone: one shard on one core beside two shards on two. With fewer than three cores the \
         client shares one of the two.",
        two_shards(results),
    );
    section(
        "Floor",
        "A server that only reads, counts requests and writes ready-made replies, pinned as the others are: one thread \
         on one core, and two on two, over which connections are dealt out and between which nothing travels.",
        floor(results),
    );
    section(
        "Latency",
        "Open loop over 50 connections at half of what Redis reaches one by one, one core and one shard, in \
         microseconds from the intended time of sending.",
        latency(&results.latency),
    );
    let miss = results.cache_miss_nanos.map_or_else(String::new, |nanos| {
        format!(" A dependent read that misses all caches costs {nanos:.0} ns on this machine.")
    });
    let remark = format!("GET of 64-byte values, one core and one shard.{miss}");
    section("Size of the keyspace", &remark, comparison(results, SWEEP));
    let sizes: Vec<String> = plan.memory.iter().map(ToString::to_string).collect();
    let remark = format!(
        "Growth of the resident size of a fresh server with one shard, in bytes per key, 16-byte keys, mean over \
         {} keys (each size in brackets).",
        sizes.join(", ")
    );
    section("Memory per key", &remark, memory(&results.memory));
    for (title, remark, table) in collections(plan, results) {
        section(title, &remark, table);
    }
    let remark = format!(
        "One core and one shard; one client publishes {BATCH} messages at once to a channel, and the next when all \
         subscribers have them. CPU of the server, the publishing included, for each message that came to a subscriber."
    );
    section("Publish and subscribe", &remark, deliveries(&results.deliveries));
    section("Expiry storm", &storm_remark(), storms(results));
    for (title, remark, table) in durability::sections(results) {
        section(title, &remark, table);
    }
    section("Longest shard turns", "Over all loads above, as INFO tells them.", turns(results));
    text
}

/// Data types that have elements.
fn collections(plan: &Plan, results: &Results) -> [(&'static str, String, Option<String>); 2] {
    let loads = "One core and one shard, 50 connections, pipeline 16. `in turn`: two commands, each \
                 counted as one.";
    let sizes = format!(
        "As above: collections of ten short items, in bytes each ({} of them), and one collection of \
         {} items, in bytes an item.",
        plan.items / 10,
        plan.items
    );
    [
        ("Collections", loads.into(), comparison(results, COLLECTIONS)),
        ("Memory per item", sizes, memory(&results.items)),
    ]
}

fn introduction(head: &Head, plan: &Plan) -> String {
    let Head { date, machine, redis, ours } = head;
    format!(
        "# Shardwright beside Redis, {date}\n\n\
         - processor: {}, {} cores, {:.0} GiB\n\
         - kernel: {}\n\
         - load average before the run: {} (anything else that runs makes the figures worse and wider)\n\
         - under test: {ours} (source tree {})\n\
         - beside it: {redis}\n\
         - {:?} run: {} rounds on fresh servers, alternating between them, {} ms a measurement after {} ms of warm-up\n\
         - both servers without snapshots and, where nothing else is said, without log (`--save '' --appendonly no`), TCP over loopback\n\
         - server CPU: all threads, from /proc/<pid>/task/*/schedstat, system calls included\n",
        machine.cpu,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        machine.load,
        machine.commit,
        plan.mode,
        plan.effort.rounds,
        plan.effort.measure.as_millis(),
        plan.effort.warm_up.as_millis(),
    )
}

/// Median with extremes.
fn full(spread: Spread) -> String {
    format!("{:.2} ({:.2}–{:.2})", spread.median, spread.min, spread.max)
}

fn micros(spread: Spread) -> String {
    format!("{:.3} ({:.3}–{:.3})", spread.median, spread.min, spread.max)
}

fn thousands(spread: Spread) -> String {
    format!("{:.0} ({:.0}–{:.0})", spread.median / 1e3, spread.min / 1e3, spread.max / 1e3)
}

fn targets_table(results: &Results) -> String {
    let mut table = Table::new(&["target", "wanted", "measured", ""]);
    let (mut met, mut missed, mut open) = (0, 0, 0);
    for target in targets::check(results) {
        let standing = match target.met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => {
                open += 1;
                continue;
            }
        };
        let count = if target.met == Some(true) { &mut met } else { &mut missed };
        *count += 1;
        table.row(&[&target.what, &target.wanted, &target.measured, &standing]);
    }
    format!("{met} met, {missed} missed, {open} not measured in this run.\n\n{}", table.0)
}

fn of_suite<'a>(results: &'a Results, suite: &'a str) -> impl Iterator<Item = &'a Row> {
    results.rows.iter().filter(move |row| row.suite == suite)
}

fn comparison(results: &Results, suite: &str) -> Option<String> {
    let mut table = Table::new(&[
        "load",
        "connections",
        "pipeline",
        "Redis k/s",
        "Shardwright k/s",
        "ratio",
        "Redis CPU µs",
        "Shardwright CPU µs",
        "efficiency",
        "client busy",
    ]);
    let mut rows = of_suite(results, suite).peekable();
    rows.peek()?;
    for row in rows {
        let busy = |side| row.spread(side, |sample| sample.client_busy * 100.0).median;
        table.row(&[
            &row.load,
            &row.shape.connections,
            &row.shape.pipeline,
            &thousands(row.spread(0, |sample| sample.rate)),
            &thousands(row.spread(1, |sample| sample.rate)),
            &full(row.ratio(1, 0, |sample| sample.rate)),
            &micros(row.spread(0, |sample| sample.cpu_us)),
            &micros(row.spread(1, |sample| sample.cpu_us)),
            &full(row.ratio(0, 1, |sample| sample.cpu_us)),
            &format!("{:.0} / {:.0} %", busy(0), busy(1)),
        ]);
    }
    Some(table.0)
}

fn two_shards(results: &Results) -> Option<String> {
    let mut table = Table::new(&[
        "load",
        "pipeline",
        "one shard k/s",
        "two shards k/s",
        "one shard CPU µs",
        "two shards CPU µs",
        "two / one",
        "two shards, one tag a request, CPU µs",
        "one tag / one shard",
    ]);
    let mut rows = of_suite(results, TWO_SHARDS).peekable();
    rows.peek()?;
    for row in rows {
        let (tagged, ratio) = if row.sides.len() > 2 {
            let tagged = micros(row.spread(2, |sample| sample.cpu_us));
            (tagged, full(row.ratio(2, 0, |sample| sample.cpu_us)))
        } else {
            (String::new(), String::new())
        };
        table.row(&[&row.load, &row.shape.pipeline, &one_and_two(row), &tagged, &ratio]);
    }
    Some(table.0)
}

fn floor(results: &Results) -> Option<String> {
    let mut table = Table::new(&[
        "load",
        "connections",
        "pipeline",
        "one thread k/s",
        "two threads k/s",
        "one thread CPU µs",
        "two threads CPU µs",
        "two / one",
    ]);
    let mut rows = of_suite(results, FLOOR).peekable();
    rows.peek()?;
    for row in rows {
        table.row(&[&row.load, &row.shape.connections, &row.shape.pipeline, &one_and_two(row)]);
    }
    Some(table.0)
}

/// The cells of a row that compares one thread with two: rates, CPU, and how much more the two take.
fn one_and_two(row: &Row) -> String {
    let cpu = |sample: &Sample| sample.cpu_us;
    [
        thousands(row.spread(0, |sample| sample.rate)),
        thousands(row.spread(1, |sample| sample.rate)),
        micros(row.spread(0, cpu)),
        micros(row.spread(1, cpu)),
        full(row.ratio(1, 0, cpu)),
    ]
    .join(" | ")
}

fn latency(rows: &[LatencyRow]) -> Option<String> {
    let mut table = Table::new(&["load", "rate k/s", "server", "p50", "p99", "p99.9"]);
    rows.first()?;
    for row in rows {
        for (side, server) in ["Redis", "Shardwright"].into_iter().enumerate() {
            let cell = |spread: Spread| {
                format!("{:.0} ({:.0}–{:.0})", spread.median, spread.min, spread.max)
            };
            table.row(&[
                &row.load,
                &format!("{:.1}", row.rate / 1e3),
                &server,
                &cell(row.spread(side, |percentiles| percentiles.p50)),
                &cell(row.spread(side, |percentiles| percentiles.p99)),
                &cell(row.spread(side, |percentiles| percentiles.p999)),
            ]);
        }
    }
    Some(table.0)
}

fn memory(rows: &[MemoryRow]) -> Option<String> {
    let mut table = Table::new(&["key", "Redis", "Shardwright", "ratio"]);
    rows.first()?;
    let mut sum = 0.0;
    for row in rows {
        let cell = |side: usize| {
            let sizes: Vec<String> =
                row.sides[side].iter().map(|bytes| format!("{bytes:.1}")).collect();
            format!("{:.1} ({})", row.mean(side), sizes.join(", "))
        };
        let ratio = row.mean(1) / row.mean(0);
        sum += ratio;
        table.row(&[&row.kind, &cell(0), &cell(1), &format!("{ratio:.2}")]);
    }
    let mean = sum / rows.len() as f64;
    table.row(&[&"mean", &"", &"", &format!("{mean:.2}")]);
    Some(table.0)
}

fn storm_remark() -> String {
    format!(
        "Keys with 16-byte names and values and all the same deadline, to the millisecond, one core and one shard, one \
         server after the other. Meanwhile {GET_RATE:.0} GETs a second of {STAYING} keys that stay, open loop over one \
         connection, in microseconds from the intended time of sending. The storm is counted from half a second \
         before the deadline. CPU is all of the server's during it, these GETs' included, a key that expired; waiting \
         is the time in which others had its core, which lengthens turns too. Shardwright does not forget longest turns between the phases: `≤` says that the storm had no longer \
         one than the loading."
    )
}

fn deliveries(rows: &[DeliveryRow]) -> Option<String> {
    rows.first()?;
    let mut table = Table::new(&[
        "subscribers",
        "payload",
        "Redis k/s",
        "Shardwright k/s",
        "Redis CPU µs",
        "Shardwright CPU µs",
        "efficiency",
    ]);
    for row in rows {
        let figure = |side: usize, of: fn(&DeliverySample) -> f64| {
            Spread::of(row.sides[side].iter().map(of))
        };
        let rate = |side| thousands(figure(side, |sample| sample.rate));
        let cpu = |side| micros(figure(side, |sample| sample.cpu_us));
        let ratio = full(row.efficiency());
        table.row(&[&row.subscribers, &row.payload, &rate(0), &rate(1), &cpu(0), &cpu(1), &ratio]);
    }
    Some(table.0)
}

fn storms(results: &Results) -> Option<String> {
    results.storms.first()?;
    let columns = ["server", "keys", "loaded in s", "gone after s", "CPU µs a key", "waited ms"];
    let mut figures = Table::new(&columns);
    let mut gets = Table::new(&["server", "GETs", "p50", "p99", "p99.9", "max"]);
    let mut turns = Table::new(&["longest turn by cause", "loading µs", "storm µs"]);
    for storm in &results.storms {
        let gone = storm.gone.as_secs_f64();
        let gone = match storm.left {
            0 => format!("{gone:.2}"),
            left => format!("{left} left after {gone:.0}"),
        };
        figures.row(&[
            &storm.server,
            &storm.keys,
            &format!("{:.1}", storm.loading.as_secs_f64()),
            &gone,
            &format!("{:.3}", storm.cpu_us),
            &storm.waited.as_millis(),
        ]);
        for (when, latency) in [("before", storm.before), ("during", storm.during)] {
            let cell = |micros: f64| format!("{micros:.0}");
            let [p50, p99] = [latency.p50, latency.p99].map(cell);
            let [p999, max] = [latency.p999, latency.max].map(cell);
            gets.row(&[&storm.server, &when, &p50, &p99, &p999, &max]);
        }
        for (cause, loading) in &storm.turns.loaded {
            turns.row(&[cause, loading, &storm.turns.since(cause)]);
        }
    }
    Some([figures.0, gets.0, turns.0].join("\n"))
}

fn turns(results: &Results) -> Option<String> {
    let mut table = Table::new(&["cause", "longest µs"]);
    results.turns.first_key_value()?;
    for (cause, micros) in &results.turns {
        table.row(&[cause, micros]);
    }
    Some(table.0)
}
