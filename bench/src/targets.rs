//! The project's performance targets, each held against what a run measured.

use crate::checkpoint::CheckpointRow;
use crate::client::Shape;
use crate::deliveries::DeliveryRow;
use crate::measure::{Row, Spread};
use crate::plan::{COLLECTIONS, LOG_ALWAYS, LOG_EVERYSEC, ONE_CORE, SWEEP, TWO_SHARDS};
use crate::restart::RestartRow;
use crate::suites::Results;
use crate::turns::{self, BUSY, TURN_LIMIT_US, Turns};

/// Misses that depend on one another in a GET that finds a cold key: the table's group, then the entry.
const DEPENDENT_MISSES: f64 = 2.0;
/// The most memory that a checkpoint may need beyond that of the keys, as a share of it.
const MOST_EXTRA_PERCENT: f64 = 10.0;

/// One target and how it stands.
#[derive(Debug, Clone)]
pub struct Target {
    /// What is measured.
    pub what: String,
    /// The bound, in words.
    pub wanted: String,
    /// What was measured, in words.
    pub measured: String,
    /// Whether the bound holds; none if it was not measured.
    pub met: Option<bool>,
}

/// Which side of the bound is good.
#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    Above(f64),
    AtMost(f64),
    Below(f64),
}

impl Target {
    fn of(what: String, bound: Bound, measured: Option<Spread>) -> Self {
        let wanted = match bound {
            Bound::AtLeast(value) => format!("≥ {value}"),
            Bound::Above(value) => format!("> {value}"),
            Bound::AtMost(value) => format!("≤ {value}"),
            Bound::Below(value) => format!("< {value}"),
        };
        let met = measured.map(|spread| match bound {
            Bound::AtLeast(value) => spread.median >= value,
            Bound::Above(value) => spread.median > value,
            Bound::AtMost(value) => spread.median <= value,
            Bound::Below(value) => spread.median < value,
        });
        let measured = measured.map_or_else(
            || "not measured".into(),
            |s| format!("{:.2} ({:.2}–{:.2})", s.median, s.min, s.max),
        );
        Self { what, wanted, measured, met }
    }
}

/// All targets, in the order in which the project states them.
pub fn check(results: &Results) -> Vec<Target> {
    let mut targets = efficiency(results);
    targets.extend(two_shards(results));
    targets.extend(connections(results));
    targets.extend(crossing(results));
    targets.push(memory(results));
    targets.extend(collections(results));
    targets.extend(sweep(results));
    targets.extend(deliveries(results));
    targets.extend(storms(results));
    targets.extend(logs(results));
    targets.extend(restarts(results));
    targets.extend(checkpoints(results));
    targets.push(turns(results));
    targets
}

fn find<'a>(results: &'a Results, suite: &str, load: &str, shape: Shape) -> Option<&'a Row> {
    results.rows.iter().find(|row| row.suite == suite && row.load == load && row.shape == shape)
}

const fn shape(connections: usize, pipeline: usize) -> Shape {
    Shape { connections, pipeline }
}

/// Collections: no row worse than Redis, and better on average, in CPU and in memory.
fn collections(results: &Results) -> Vec<Target> {
    let rows = || results.rows.iter().filter(|row| row.suite == COLLECTIONS);
    let ratios: Vec<(String, f64)> = rows()
        .map(|row| (row.load.clone(), row.ratio(0, 1, |sample| sample.cpu_us).median))
        .collect();
    let sizes: Vec<(String, f64)> =
        results.items.iter().map(|row| (row.kind.to_owned(), row.mean(1) / row.mean(0))).collect();
    let mean =
        |of: &[(String, f64)]| of.iter().map(|(_, ratio)| ratio).sum::<f64>() / of.len() as f64;
    let figure = |name: &str, bound, value: Option<&(String, f64)>| {
        let mut target =
            Target::of(name.into(), bound, value.map(|(_, value)| Spread::of([*value])));
        if let Some((row, _)) = value.filter(|(row, _)| !row.is_empty()) {
            target.measured.push_str(&format!(", {row}"));
        }
        target
    };
    let average = |of: &[(String, f64)]| (!of.is_empty()).then(|| (String::new(), mean(of)));
    let by = |a: &&(String, f64), b: &&(String, f64)| a.1.total_cmp(&b.1);
    vec![
        figure(
            "CPU efficiency of collections, mean",
            Bound::AtLeast(1.5),
            average(&ratios).as_ref(),
        ),
        figure(
            "CPU efficiency of collections, least",
            Bound::AtLeast(1.0),
            ratios.iter().min_by(by),
        ),
        figure(
            "memory of collections / Redis's, mean",
            Bound::AtMost(0.75),
            average(&sizes).as_ref(),
        ),
        figure(
            "memory of collections / Redis's, most",
            Bound::AtMost(1.0),
            sizes.iter().max_by(by),
        ),
    ]
}

/// Redis's CPU per command divided by ours.
fn efficiency(results: &Results) -> Vec<Target> {
    let small = [(1, 1.2), (16, 2.5), (64, 3.5)];
    let small = small.map(|(pipeline, least)| (["GET", "SET", "INCR"].as_slice(), pipeline, least));
    let big = [1, 16, 64].map(|pipeline| (["GET 4 KiB", "SET 4 KiB"].as_slice(), pipeline, 1.1));
    let mut targets = Vec::new();
    for (loads, pipeline, least) in small.into_iter().chain(big) {
        for load in loads {
            let ratio = find(results, ONE_CORE, load, shape(50, pipeline))
                .map(|row| row.ratio(0, 1, |sample| sample.cpu_us));
            let what = format!("CPU efficiency, {load}, pipeline {pipeline}");
            targets.push(Target::of(what, Bound::AtLeast(least), ratio));
        }
    }
    targets
}

fn two_shards(results: &Results) -> Vec<Target> {
    let mut targets = Vec::new();
    for load in ["GET", "SET", "INCR"] {
        for pipeline in [1, 16, 64] {
            let ratio = find(results, TWO_SHARDS, load, shape(50, pipeline))
                .map(|row| row.ratio(1, 0, |sample| sample.cpu_us));
            let what = format!("CPU of two shards / one, {load}, pipeline {pipeline}");
            targets.push(Target::of(what, Bound::AtMost(1.25), ratio));
        }
    }
    targets
}

fn connections(results: &Results) -> Vec<Target> {
    let mut targets = Vec::new();
    for load in ["PING", "GET", "SET", "INCR"] {
        for pipeline in [1, 16, 64] {
            let cpu = |connections, side| {
                find(results, ONE_CORE, load, shape(connections, pipeline))
                    .map(|row| row.spread(side, |sample| sample.cpu_us))
            };
            let ratio = |side| {
                let (many, few) = (cpu(500, side)?, cpu(50, side)?);
                // Different loads have no common rounds: the extremes are those of the quotient.
                Some(Spread {
                    median: many.median / few.median,
                    min: many.min / few.max,
                    max: many.max / few.min,
                })
            };
            let what = format!("CPU at 500 connections / 50, {load}, pipeline {pipeline}");
            let mut target = Target::of(what, Bound::AtMost(1.15), ratio(1));
            if let Some(redis) = ratio(0) {
                target.measured.push_str(&format!(", Redis {:.2}", redis.median));
            }
            targets.push(target);
        }
    }
    targets
}

fn crossing(results: &Results) -> Vec<Target> {
    let target = |load: &&str| {
        let ratio = find(results, TWO_SHARDS, load, shape(50, 16))
            .map(|row| row.ratio(1, 0, |sample| sample.cpu_us));
        let what = format!("CPU of {load} across two shards / on one, pipeline 16");
        Target::of(what, Bound::AtMost(2.0), ratio)
    };
    ["MSET of 10", "MGET of 10"].iter().map(target).collect()
}

fn memory(results: &Results) -> Target {
    let ratios = results.memory.iter().map(|row| row.mean(1) / row.mean(0));
    let mean = ratios.clone().sum::<f64>() / results.memory.len() as f64;
    let spread = Spread::of(ratios);
    let measured = (!results.memory.is_empty()).then_some(Spread { median: mean, ..spread });
    Target::of("memory per small key / Redis's, mean".into(), Bound::AtMost(0.65), measured)
}

/// What a GET costs more over the largest keyspace than over the smallest, beside the misses that explain it.
fn sweep(results: &Results) -> Vec<Target> {
    let mut targets = Vec::new();
    for pipeline in [16, 64] {
        let mut rows =
            results.rows.iter().filter(|row| row.suite == SWEEP && row.shape.pipeline == pipeline);
        let (Some(first), Some(last)) = (rows.next(), rows.next_back()) else { continue };
        let cpu = |row: &Row, side| row.spread(side, |sample| sample.cpu_us).median;
        let growth = |side| (cpu(last, side) - cpu(first, side)) * 1e3;
        let (redis, ours) = (growth(0), growth(1));
        let allowed = results.cache_miss_nanos.map(|nanos| nanos * DEPENDENT_MISSES);
        targets.push(Target {
            what: format!(
                "{} against {}, pipeline {pipeline}: added ns a command",
                last.load, first.load
            ),
            wanted: allowed.map_or_else(
                || "what cache misses explain".into(),
                |allowed| format!("≤ {allowed:.0} ({DEPENDENT_MISSES} dependent misses)"),
            ),
            measured: format!("{ours:.0}, Redis {redis:.0}"),
            met: allowed.map(|allowed| ours <= allowed),
        });
    }
    targets
}

/// With a log on both sides.
fn logs(results: &Results) -> Vec<Target> {
    let mut targets = Vec::new();
    for (pipeline, least) in [(1, 1.1), (16, 2.0)] {
        let ratio = find(results, LOG_EVERYSEC, "SET", shape(50, pipeline))
            .map(|row| row.ratio(0, 1, |sample| sample.cpu_us));
        let what = format!("CPU efficiency, SET with everysec, pipeline {pipeline}");
        targets.push(Target::of(what, Bound::AtLeast(least), ratio));
    }
    for (connections, bound) in [(50, Bound::AtLeast(1.0)), (500, Bound::Above(1.0))] {
        let ratio = find(results, LOG_ALWAYS, "SET", shape(connections, 1))
            .map(|row| row.ratio(1, 0, |sample| sample.rate));
        let what = format!("rate of SET with always / Redis's, {connections} connections");
        targets.push(Target::of(what, bound, ratio));
    }
    targets
}

/// Of each server that tells its turns, which Redis does not: it writes a snapshot in another process.
fn checkpoints(results: &Results) -> Vec<Target> {
    let mut targets = Vec::new();
    for CheckpointRow { server, keys, rounds } in &results.checkpoints {
        let mut longest = Turns::new();
        rounds.iter().for_each(|round| turns::raise(&mut longest, round.turns.after.clone()));
        if longest.is_empty() {
            continue;
        }
        let extra = Spread::of(rounds.iter().map(|round| round.extra_share() * 100.0));
        let what = format!("extra memory for a checkpoint of {keys} keys, {server}, %");
        targets.push(Target::of(what, Bound::Below(MOST_EXTRA_PERCENT), Some(extra)));
        let what = format!(
            "longest shard turn with a checkpoint of {keys} keys, {server}, processor time"
        );
        let mut target = turn(what, &longest);
        let clock = longest.iter().filter(|(cause, _)| !cause.ends_with(BUSY));
        if let Some((cause, micros)) = clock.max_by_key(|(_, micros)| **micros) {
            target.measured.push_str(&format!("; by the clock {micros} µs, {cause}"));
        }
        targets.push(target);
    }
    targets
}

/// A message costs no more than in Redis.
fn deliveries(results: &Results) -> Vec<Target> {
    let target = |row: &DeliveryRow| {
        let what = format!(
            "CPU efficiency, delivery of {} bytes to {} subscribers",
            row.payload, row.subscribers
        );
        Target::of(what, Bound::AtLeast(1.0), Some(row.efficiency()))
    };
    results.deliveries.iter().map(target).collect()
}

fn restarts(results: &Results) -> Vec<Target> {
    let target = |row: &RestartRow| {
        let ratio = Spread::of([row.seconds[0] / row.seconds[1]]);
        let what = format!("Redis's restart with {} keys / ours", row.keys);
        Target::of(what, Bound::AtLeast(2.0), Some(ratio))
    };
    results.restarts.iter().map(target).collect()
}

fn turns(results: &Results) -> Target {
    turn("longest shard turn, processor time".into(), &results.turns)
}

/// The longest turn of the storm. The server does not forget the turns of the loading before it, so these count too.
fn storms(results: &Results) -> Vec<Target> {
    let ours = results.storms.iter().filter(|storm| !storm.turns.after.is_empty());
    ours.map(|storm| {
        let what = format!(
            "longest shard turn, {} keys expiring in one second, processor time",
            storm.keys
        );
        turn(what, &storm.turns.after)
    })
    .collect()
}

fn turn(what: String, turns: &Turns) -> Target {
    let busy = turns.iter().filter(|(cause, _)| cause.ends_with(BUSY));
    let longest = busy.max_by_key(|(_, micros)| **micros);
    Target {
        what,
        wanted: format!("< {TURN_LIMIT_US} µs"),
        measured: longest.map_or_else(
            || "not reported".into(),
            |(cause, micros)| format!("{micros} µs, {cause}"),
        ),
        met: longest.map(|(_, micros)| *micros < TURN_LIMIT_US),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::measure::Sample;
    use crate::percentiles::Percentiles;
    use crate::turns::Phases;

    fn row(suite: &'static str, load: &str, shape: Shape, cpu: [f64; 2]) -> Row {
        let side = |cpu_us| vec![Sample { rate: 1.0, cpu_us, client_busy: 0.5, p99_us: 1.0 }];
        let sides = cpu.into_iter().map(side).collect();
        Row { suite, load: load.into(), shape, sides, syncs: Vec::new() }
    }

    fn standing(results: &Results, what: &str) -> Option<bool> {
        let targets = check(results);
        targets.iter().find(|target| target.what == what).unwrap().met
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        assert!(check(&Results::default()).iter().all(|target| target.met.is_none()));
    }

    #[test]
    fn bounds_are_held_in_the_right_direction() {
        let rows = vec![
            row(ONE_CORE, "GET", shape(50, 16), [1.0, 0.4]),
            row(ONE_CORE, "SET", shape(50, 16), [1.0, 0.5]),
            row(ONE_CORE, "GET", shape(500, 16), [1.0, 0.5]),
            row(TWO_SHARDS, "GET", shape(50, 16), [1.0, 1.2]),
            row(TWO_SHARDS, "MSET of 10", shape(50, 16), [1.0, 2.1]),
        ];
        let turns = [("batch".to_owned(), 9_000), (format!("batch{BUSY}"), 5_000)].into();
        let results = Results { rows, turns, ..Results::default() };
        assert_eq!(standing(&results, "CPU efficiency, GET, pipeline 16"), Some(true));
        assert_eq!(standing(&results, "CPU efficiency, SET, pipeline 16"), Some(false));
        let many = "CPU at 500 connections / 50, GET, pipeline 16";
        assert_eq!(standing(&results, many), Some(false));
        assert_eq!(standing(&results, "CPU of two shards / one, GET, pipeline 16"), Some(true));
        let crossing = "CPU of MSET of 10 across two shards / on one, pipeline 16";
        assert_eq!(standing(&results, crossing), Some(false));
        assert_eq!(standing(&results, "longest shard turn, processor time"), Some(false));
    }

    #[test]
    fn a_larger_keyspace_may_cost_two_misses() {
        let rows = vec![
            row(SWEEP, "GET, 10 keys", shape(50, 16), [1.0, 0.30]),
            row(SWEEP, "GET, 1000 keys", shape(50, 16), [1.4, 0.49]),
        ];
        let results = Results { rows, cache_miss_nanos: Some(100.0), ..Results::default() };
        let what = "GET, 1000 keys against GET, 10 keys, pipeline 16: added ns a command";
        assert_eq!(standing(&results, what), Some(true));
    }

    #[test]
    fn as_fast_as_redis_is_enough_at_50_connections_and_not_at_500() {
        let rows =
            [50, 500].map(|connections| row(LOG_ALWAYS, "SET", shape(connections, 1), [1.0; 2]));
        let results = Results { rows: rows.into(), ..Results::default() };
        let what =
            |connections| format!("rate of SET with always / Redis's, {connections} connections");
        assert_eq!(standing(&results, &what(50)), Some(true));
        assert_eq!(standing(&results, &what(500)), Some(false));
    }

    #[test]
    fn checkpoints_of_servers_with_turns_are_held_against_memory_and_processor_time() {
        let percentiles = Percentiles { p50: 1.0, p99: 1.0, p999: 1.0, max: 1.0 };
        let round = |extra, after: Turns| Checkpoint {
            took: Duration::from_secs(1),
            sets_before: 1.0,
            sets_during: 1.0,
            before: percentiles,
            during: percentiles,
            turns: Phases { after, ..Phases::default() },
            data: 100.0,
            extra,
        };
        let turns = |micros| [("batch".to_owned(), 9_000), (format!("batch{BUSY}"), micros)].into();
        let row = |server, rounds| CheckpointRow { server, keys: 7, rounds };
        let checkpoints = vec![
            row("Redis", vec![round(50.0, Turns::new())]),
            row("A", vec![round(9.0, turns(10)), round(8.0, turns(20)), round(30.0, turns(30))]),
            row("B", vec![round(10.0, turns(10)), round(10.0, turns(5_000))]),
        ];
        let results = Results { checkpoints, ..Results::default() };
        let extra = |server| format!("extra memory for a checkpoint of 7 keys, {server}, %");
        let turn = |server| {
            format!("longest shard turn with a checkpoint of 7 keys, {server}, processor time")
        };
        assert!(check(&results).iter().all(|target| target.what != extra("Redis")));
        assert_eq!(standing(&results, &extra("A")), Some(true));
        assert_eq!(standing(&results, &extra("B")), Some(false));
        assert_eq!(standing(&results, &turn("A")), Some(true));
        assert_eq!(standing(&results, &turn("B")), Some(false));
    }
}
