//! Measures loads on several servers in interleaved rounds (A B, B A, …), and the medians of what came out.

use std::time::Duration;

use crate::client::{Client, Done, Picker, Shape, Until, load_keys};
use crate::error::Error;
use crate::load::Load;
use crate::server::{Keep, Program, Server, own_cpu_nanos};
use crate::syncs;

/// How long and how often everything is measured.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Interleaved rounds.
    pub rounds: usize,
    /// Length of one measurement.
    pub measure: Duration,
    /// Unmeasured running before it.
    pub warm_up: Duration,
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Requests a second.
    pub rate: f64,
    /// Server CPU microseconds a request, all threads.
    pub cpu_us: f64,
    /// Share of the elapsed time in which the client's thread ran.
    pub client_busy: f64,
    /// From the sending of a batch to its last reply, for 99 of 100 batches at most so many microseconds.
    pub p99_us: f64,
}

/// A median with the extremes around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The median; of an even number of values the mean of the middle two.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of some values; of none, NaN, which the report shows as missing.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let count = values.len();
        let (Some(&min), Some(&max)) = (values.first(), values.last()) else {
            return Self { median: f64::NAN, min: f64::NAN, max: f64::NAN };
        };
        let median = f64::midpoint(values[(count - 1) / 2], values[count / 2]);
        Self { median, min, max }
    }
}

/// One load's results on all sides that were compared.
#[derive(Debug, Clone)]
pub struct Row {
    /// Which part of the run.
    pub suite: &'static str,
    /// The load's name.
    pub load: String,
    /// Connections and pipeline.
    pub shape: Shape,
    /// For each side, its samples, one a round.
    pub sides: Vec<Vec<Sample>>,
    /// For each side with a log, syncs a request: one figure a round where the server tells.
    pub syncs: Vec<Vec<f64>>,
}

impl Row {
    fn empty(suite: &'static str, case: &Case) -> Self {
        let load = case.sides.first().map(|(_, load)| load.name.clone()).unwrap_or_default();
        let sides = case.sides.len();
        let (sides, syncs) = (vec![Vec::new(); sides], vec![Vec::new(); sides]);
        Self { suite, load, shape: case.shape, sides, syncs }
    }

    /// The name by which `--only` finds a row.
    pub fn id(suite: &str, load: &str, shape: Shape) -> String {
        format!("{suite} {load} c{} p{}", shape.connections, shape.pipeline)
    }

    /// A figure of one side.
    pub fn spread(&self, side: usize, figure: impl Fn(&Sample) -> f64) -> Spread {
        Spread::of(self.sides[side].iter().map(figure))
    }

    /// A figure of side `above` divided by that of side `below`, round by round.
    pub fn ratio(&self, above: usize, below: usize, figure: impl Fn(&Sample) -> f64) -> Spread {
        let pairs = self.sides[above].iter().zip(&self.sides[below]);
        Spread::of(pairs.map(|(above, below)| figure(above) / figure(below)))
    }
}

/// A server that a comparison needs, and the keys in it.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What runs.
    pub program: Program,
    /// On which cores.
    pub cores: Vec<usize>,
    /// With how many shards, unless by default.
    pub shards: Option<usize>,
    /// What it keeps.
    pub keep: Keep,
    /// What is loaded before anything is measured.
    pub fill: Vec<Load>,
}

impl Setup {
    /// Starts the server and loads its keys.
    pub fn start(&self) -> Result<Server, Error> {
        let server = self.program.start(&self.cores, self.shards, self.keep)?;
        for load in &self.fill {
            load_keys(server.addr(), load, 0, load.keys)?;
        }
        Ok(server)
    }
}

/// One load in one shape on several sides: on each a server, by its place among the setups, with the load as it must
/// be asked there (with other keys, for one).
#[derive(Debug, Clone)]
pub struct Case {
    /// Server and load of each side.
    pub sides: Vec<(usize, Load)>,
    /// Connections and pipeline.
    pub shape: Shape,
}

/// Which servers the rounds run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Servers {
    /// New ones each round, started in the other order every second time: where a process happens to lie in memory
    /// makes a difference of up to a fifth, which must not count for one side.
    Fresh,
    /// The same in all rounds, where loading takes long.
    Kept,
}

/// Runs all cases in every round, the sides of a case one right after the other, in the other order every second
/// round. `done` sees each server before it ends.
pub fn interleave(
    suite: &'static str,
    setups: &[Setup],
    cases: &[Case],
    effort: Effort,
    servers: Servers,
    mut done: impl FnMut(&Server) -> Result<(), Error>,
) -> Result<Vec<Row>, Error> {
    let mut rows: Vec<Row> = cases.iter().map(|case| Row::empty(suite, case)).collect();
    let mut running: Vec<Server> = Vec::new();
    for round in 0..effort.rounds {
        let reversed = round % 2 == 1;
        if running.is_empty() {
            running = start_all(setups, reversed)?;
        }
        for (case, row) in cases.iter().zip(&mut rows) {
            for place in in_order(case.sides.len(), reversed) {
                let (server, load) = &case.sides[place];
                let (server, keep) = (&running[*server], setups[*server].keep);
                let (sample, syncs) = sample(server, keep, load, case.shape, effort, round as u64)?;
                row.sides[place].push(sample);
                row.syncs[place].extend(syncs);
            }
            progress(row, round);
        }
        if servers == Servers::Fresh || round + 1 == effort.rounds {
            running.iter().try_for_each(&mut done)?;
            running.clear();
        }
    }
    Ok(rows)
}

/// The servers of all setups, in the setups' order whichever was started first.
fn start_all(setups: &[Setup], reversed: bool) -> Result<Vec<Server>, Error> {
    let mut servers = in_order(setups.len(), reversed)
        .map(|place| setups[place].start())
        .collect::<Result<Vec<_>, _>>()?;
    if reversed {
        servers.reverse();
    }
    Ok(servers)
}

/// The numbers below `count`, up or down.
fn in_order(count: usize, reversed: bool) -> impl Iterator<Item = usize> {
    (0..count).map(move |place| if reversed { count - 1 - place } else { place })
}

/// One measurement, and syncs a request of a server that tells them; between the two looks at the server's CPU clock
/// the server begins and ends idle.
fn sample(
    server: &Server,
    keep: Keep,
    load: &Load,
    shape: Shape,
    effort: Effort,
    seed: u64,
) -> Result<(Sample, Option<f64>), Error> {
    let picker = Picker::uniform(seed + 1, load.keys);
    let mut client = Client::connect(server.addr(), load, shape, picker)?;
    client.run(Until::Elapsed(effort.warm_up))?;
    let syncs = || if keep.is_log() { syncs::told(server) } else { Ok(None) };
    let syncs_before = syncs()?;
    let (server_before, own_before) = (server.cpu_nanos()?, own_cpu_nanos()?);
    let Done { requests, elapsed, latencies } = client.run(Until::Elapsed(effort.measure))?;
    let (server_after, own_after) = (server.cpu_nanos()?, own_cpu_nanos()?);
    let synced = syncs()?.zip(syncs_before).map(|(after, before)| after - before);
    let requests = requests as f64;
    let elapsed = elapsed.as_secs_f64();
    let sample = Sample {
        rate: requests / elapsed,
        cpu_us: server_after.saturating_sub(server_before) as f64 / 1e3 / requests,
        client_busy: own_after.saturating_sub(own_before) as f64 / 1e9 / elapsed,
        p99_us: latencies.percentiles().p99,
    };
    Ok((sample, synced.map(|syncs| syncs as f64 / requests)))
}

/// A line on standard error for whoever waits.
fn progress(row: &Row, round: usize) {
    let cpu = row.sides.iter().filter_map(|side| side.last());
    let cpu: Vec<String> = cpu.map(|sample| format!("{:.3}", sample.cpu_us)).collect();
    let id = Row::id(row.suite, &row.load, row.shape);
    eprintln!("round {}, {id}: {} us", round + 1, cpu.join(" / "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_of_the_middle() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).median, 2.5);
        assert!(Spread::of([]).median.is_nan());
    }

    #[test]
    fn every_second_round_goes_the_other_way() {
        assert_eq!(in_order(3, false).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(in_order(3, true).collect::<Vec<_>>(), [2, 1, 0]);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let sample = |cpu_us| Sample { rate: 1.0, cpu_us, client_busy: 0.0, p99_us: 1.0 };
        let row = Row {
            suite: "s",
            load: "l".into(),
            shape: Shape { connections: 1, pipeline: 1 },
            sides: vec![vec![sample(2.0), sample(8.0)], vec![sample(1.0), sample(4.0)]],
            syncs: Vec::new(),
        };
        assert_eq!(row.ratio(0, 1, |sample| sample.cpu_us).min, 2.0);
        assert_eq!(row.ratio(0, 1, |sample| sample.cpu_us).max, 2.0);
    }
}
