//! Which loads run on which servers, but for those that keep what is written (`durability`).

use crate::checkpoint::CheckpointRow;
use crate::client::Shape;
use crate::collections::{self, Prepared};
use crate::deliveries::{self, DeliveryRow};
use crate::error::Error;
use crate::expiry::{self, Storm};
use crate::latency::{self, LatencyRow};
use crate::load::{Dataset, Load};
use crate::machine::{Cores, cache_miss_nanos};
use crate::measure::{Case, Row, Servers, Setup, interleave};
use crate::memory::{self, Kind, MemoryRow};
use crate::plan::{
    ALL_CORES, COLLECTIONS, EXPIRY, FEW, FLOOR, ITEMS, LATENCY, MANY, MANY_KEYS, MEMORY, Mode,
    ONE_CORE, PUBSUB, Plan, SWEEP, TWO_SHARDS, shapes,
};
use crate::restart::RestartRow;
use crate::server::{Keep, Program, Server};
use crate::turns::{self, Turns};

/// Everything that a run found out.
#[derive(Debug, Default)]
pub struct Results {
    /// Throughput and CPU.
    pub rows: Vec<Row>,
    /// Latencies.
    pub latency: Vec<LatencyRow>,
    /// Bytes per key.
    pub memory: Vec<MemoryRow>,
    /// Bytes per item of collections.
    pub items: Vec<MemoryRow>,
    /// How long restarts took.
    pub restarts: Vec<RestartRow>,
    /// Checkpoints under load, server by server.
    pub checkpoints: Vec<CheckpointRow>,
    /// What messages to subscribers cost.
    pub deliveries: Vec<DeliveryRow>,
    /// What happened when many keys expired at once, for each server.
    pub storms: Vec<Storm>,
    /// The longest turn of any shard by cause, in microseconds.
    pub turns: Turns,
    /// What a read that misses all caches costs here, in nanoseconds.
    pub cache_miss_nanos: Option<f64>,
}

/// A run: the programs, the plan, and what has been found so far.
pub struct Bench {
    pub(crate) plan: Plan,
    pub(crate) cores: Cores,
    pub(crate) redis: Program,
    pub(crate) ours: Program,
    pub(crate) results: Results,
}

impl Bench {
    /// Nothing measured yet.
    pub fn new(plan: Plan, cores: Cores, redis: Program, ours: Program) -> Self {
        Self { plan, cores, redis, ours, results: Results::default() }
    }

    /// What has been measured, also when a run ended early.
    pub fn results(&self) -> &Results {
        &self.results
    }

    /// Measures everything that the plan wants.
    pub fn run(&mut self) -> Result<(), Error> {
        Cores::pin_client(self.cores.client())?;
        self.one_core()?;
        self.latency()?;
        self.sweep()?;
        self.two_shards()?;
        self.floor()?;
        self.memory()?;
        self.collections()?;
        self.deliveries()?;
        self.expiry()?;
        self.durability()?;
        Cores::pin_client(self.cores.all())?;
        self.all_cores()
    }

    fn one_core(&mut self) -> Result<(), Error> {
        let plan = &self.plan;
        let mut cases = plan.plain_cases(ONE_CORE);
        for load in [Load::mset(plan.keys), Load::mget(plan.keys), Load::multi(plan.keys)] {
            cases.extend(shapes(&load, plan.batch_pipelines()));
        }
        let cores = self.cores.one().to_vec();
        self.compare(ONE_CORE, &cores, Some(1), &cases)
    }

    fn all_cores(&mut self) -> Result<(), Error> {
        let cases = self.plan.plain_cases(ALL_CORES);
        let cores = self.cores.all().to_vec();
        self.compare(ALL_CORES, &cores, None, &cases)
    }

    /// Both servers, dataset by dataset on their own, so that no load runs over more keys than its own.
    fn compare(
        &mut self,
        suite: &'static str,
        cores: &[usize],
        shards: Option<usize>,
        loads: &[(Load, Shape)],
    ) -> Result<(), Error> {
        for dataset in [Dataset::Small, Dataset::Integers, Dataset::Big] {
            let of_dataset =
                loads.iter().filter(|(load, _)| load.dataset.unwrap_or(Dataset::Small) == dataset);
            let cases = of_dataset.map(|(load, shape)| both(load, *shape)).collect();
            let setups = self.pair(cores, shards, &self.fill(&[dataset]));
            self.measure(suite, &setups, cases, Servers::Fresh)?;
        }
        Ok(())
    }

    /// Measures those of the cases that the plan wants.
    pub(crate) fn measure(
        &mut self,
        suite: &'static str,
        setups: &[Setup],
        mut cases: Vec<Case>,
        servers: Servers,
    ) -> Result<(), Error> {
        cases.retain(|case| {
            let name = case.sides.first().map_or("", |(_, load)| &load.name);
            self.plan.wants(&Row::id(suite, name, case.shape))
        });
        if cases.is_empty() {
            return Ok(());
        }
        let longest = &mut self.results.turns;
        // The floor has no turns to tell.
        let note = |server: &Server| match suite {
            FLOOR => Ok(()),
            _ => turns::note(longest, server),
        };
        let rows = interleave(suite, setups, &cases, self.plan.effort, servers, note)?;
        self.results.rows.extend(rows);
        Ok(())
    }

    /// Redis and the server under test, in this order on every row of both.
    pub(crate) fn pair(&self, cores: &[usize], shards: Option<usize>, fill: &[Load]) -> [Setup; 2] {
        [&self.redis, &self.ours].map(|program| Setup {
            program: program.clone(),
            cores: cores.to_vec(),
            shards,
            keep: Keep::Nothing,
            fill: fill.to_vec(),
        })
    }

    /// The loads that bring these datasets in.
    pub(crate) fn fill(&self, datasets: &[Dataset]) -> Vec<Load> {
        let plan = &self.plan;
        let keys = |dataset| if dataset == Dataset::Big { plan.big_keys } else { plan.keys };
        datasets.iter().flat_map(|&dataset| Load::fill(dataset, keys(dataset))).collect()
    }

    fn latency(&mut self) -> Result<(), Error> {
        let keys = self.plan.keys;
        let mut loads = vec![Load::get(keys)];
        if self.plan.mode != Mode::Smoke {
            loads.extend([Load::set(keys), Load::incr(keys)]);
        }
        if self.plan.mode == Mode::Full {
            loads.insert(0, Load::ping());
        }
        for load in loads {
            if !self.plan.wants(&format!("{LATENCY} {}", load.name)) {
                continue;
            }
            let datasets: Vec<Dataset> = load.dataset.into_iter().collect();
            let setups = self.pair(self.cores.one(), Some(1), &self.fill(&datasets));
            let rate = match self.redis_maximum(&load) {
                Some(rate) => rate,
                None => self.measure_redis_maximum(&setups[0], &load)?,
            };
            let [redis, ours] = [setups[0].start()?, setups[1].start()?];
            let row = latency::interleave(&[&redis, &ours], &load, rate / 2.0, self.plan.effort)?;
            self.results.latency.push(row);
            turns::note(&mut self.results.turns, &ours)?;
        }
        Ok(())
    }

    fn measure_redis_maximum(&self, redis: &Setup, load: &Load) -> Result<f64, Error> {
        let shape = Shape { connections: FEW, pipeline: 1 };
        let case = Case { sides: vec![(0, load.clone())], shape };
        let setups = std::slice::from_ref(redis);
        let effort = self.plan.effort;
        let rows = interleave(ONE_CORE, setups, &[case], effort, Servers::Kept, |_| Ok(()))?;
        Ok(rows[0].spread(0, |sample| sample.rate).median)
    }

    /// Redis's rate for a load one by one, if it has been measured.
    fn redis_maximum(&self, load: &Load) -> Option<f64> {
        let shape = Shape { connections: FEW, pipeline: 1 };
        let mut rows = self.results.rows.iter();
        rows.find(|row| row.suite == ONE_CORE && row.load == load.name && row.shape == shape)
            .map(|row| row.spread(0, |sample| sample.rate).median)
    }

    fn sweep(&mut self) -> Result<(), Error> {
        for keys in self.plan.sweep.clone() {
            let load = Load { name: sweep_name(keys), ..Load::get(keys) };
            let pipelines: &[usize] = if self.plan.mode == Mode::Full { &[16, 64] } else { &[16] };
            let cases = shapes(&load, pipelines);
            let cases = cases.iter().map(|(load, shape)| both(load, *shape)).collect();
            let fill = Load::fill(Dataset::Small, keys);
            let setups = self.pair(self.cores.one(), Some(1), &fill);
            let servers = if keys > MANY_KEYS { Servers::Kept } else { Servers::Fresh };
            let before = self.results.rows.len();
            self.measure(SWEEP, &setups, cases, servers)?;
            if self.results.rows.len() == before {
                continue;
            }
            if self.plan.mode != Mode::Smoke && self.results.cache_miss_nanos.is_none() {
                self.results.cache_miss_nanos = Some(cache_miss_nanos());
            }
        }
        Ok(())
    }

    fn two_shards(&mut self) -> Result<(), Error> {
        let keys = self.plan.keys;
        let setup = |cores: &[usize], shards, fill| Setup {
            program: self.ours.clone(),
            cores: cores.to_vec(),
            shards: Some(shards),
            keep: Keep::Nothing,
            fill,
        };
        let setups = |datasets: &[Dataset]| {
            let fill = self.fill(datasets);
            [setup(self.cores.one(), 1, fill.clone()), setup(self.cores.two(), 2, fill)]
        };
        let strings = setups(&[Dataset::Small, Dataset::Tagged]);
        let integers = setups(&[Dataset::Integers]);
        let plain = |loads: &[Load]| -> Vec<Case> {
            let shapes = loads.iter().flat_map(|load| shapes(load, self.plan.pipelines()));
            shapes.map(|(load, shape)| both(&load, shape)).collect()
        };
        let mut cases = plain(&[Load::get(keys), Load::set(keys)]);
        let counting = plain(&[Load::incr(keys)]);
        for (crossing, tagged) in [
            (Load::mset(keys), Load::mset_tagged(keys)),
            (Load::mget(keys), Load::mget_tagged(keys)),
        ] {
            for (crossing, shape) in shapes(&crossing, self.plan.batch_pipelines()) {
                let sides = vec![(0, crossing.clone()), (1, crossing), (1, tagged.clone())];
                cases.push(Case { sides, shape });
            }
        }
        self.measure(TWO_SHARDS, &strings, cases, Servers::Fresh)?;
        self.measure(TWO_SHARDS, &integers, counting, Servers::Fresh)
    }

    /// What a server costs that only reads and writes: on one thread, and on two.
    fn floor(&mut self) -> Result<(), Error> {
        let setup = |cores: &[usize], threads| -> Result<Setup, Error> {
            Ok(Setup {
                program: Program::floor()?,
                cores: cores.to_vec(),
                shards: Some(threads),
                keep: Keep::Nothing,
                fill: Vec::new(),
            })
        };
        let setups = [setup(self.cores.one(), 1)?, setup(self.cores.two(), 2)?];
        let mut cases = Vec::new();
        for load in [Load::get(self.plan.keys), Load::incr(self.plan.keys)] {
            for &pipeline in self.plan.pipelines() {
                cases.push(both(&load, Shape { connections: FEW, pipeline }));
                if self.plan.many(pipeline) {
                    cases.push(both(&load, Shape { connections: MANY, pipeline }));
                }
            }
        }
        self.measure(FLOOR, &setups, cases, Servers::Fresh)
    }

    fn memory(&mut self) -> Result<(), Error> {
        self.results.memory = self.bytes(MEMORY, memory::kinds(), &self.plan.memory)?;
        Ok(())
    }

    /// Bytes of each of these kinds, at these numbers of them.
    fn bytes(
        &self,
        suite: &str,
        mut kinds: Vec<Kind>,
        sizes: &[u32],
    ) -> Result<Vec<MemoryRow>, Error> {
        if self.plan.mode == Mode::Smoke {
            kinds.truncate(1);
        }
        let mut rows = Vec::new();
        for kind in kinds {
            if !self.plan.wants(&format!("{suite} {}", kind.name)) {
                continue;
            }
            let mut sides = Vec::new();
            for program in [&self.redis, &self.ours] {
                let server = program.start(self.cores.one(), Some(1), Keep::Nothing)?;
                sides.push(memory::bytes_per_key(&server, &kind, sizes)?);
            }
            let row = MemoryRow { kind: kind.name, sides };
            eprintln!("{suite} {}: {:.1} / {:.1} bytes", kind.name, row.mean(0), row.mean(1));
            rows.push(row);
        }
        Ok(rows)
    }

    /// Data types that have elements, each load with keys of its own.
    fn collections(&mut self) -> Result<(), Error> {
        for Prepared { load, fill } in collections::loads(self.plan.keys) {
            let setups = self.pair(self.cores.one(), Some(1), &fill);
            let case = both(&load, Shape { connections: FEW, pipeline: 16 });
            self.measure(COLLECTIONS, &setups, vec![case], Servers::Fresh)?;
        }
        let small = self.bytes(ITEMS, collections::small(), &[self.plan.items / 10])?;
        let large = self.bytes(ITEMS, collections::large(), &[self.plan.items])?;
        self.results.items = small.into_iter().chain(large).collect();
        Ok(())
    }

    /// Messages to all who listen to a channel.
    fn deliveries(&mut self) -> Result<(), Error> {
        let shapes: &[(usize, usize)] = match self.plan.mode {
            Mode::Smoke => &[(10, 64)],
            Mode::Quick => &[(1, 64), (100, 64)],
            Mode::Full => &[(1, 64), (100, 64), (1000, 64), (1, 4096), (100, 4096), (1000, 4096)],
        };
        for &(subscribers, payload) in shapes {
            if !self.plan.wants(&format!("{PUBSUB} c{subscribers} {payload}")) {
                continue;
            }
            let programs = [&self.redis, &self.ours];
            let (cores, shape) = (self.cores.one(), (subscribers, payload));
            let row = deliveries::measure(&programs, cores, shape, self.plan.effort)?;
            self.results.deliveries.push(row);
        }
        Ok(())
    }

    /// One server after the other: together they would need several GB, and expiring in one would slow the other.
    fn expiry(&mut self) -> Result<(), Error> {
        if !self.plan.wants(EXPIRY) {
            return Ok(());
        }
        for (name, program) in [("Redis", &self.redis), ("Shardwright", &self.ours)] {
            let start = || program.start(self.cores.one(), Some(1), Keep::Nothing);
            let storm = expiry::measure(name, start, self.plan.expiring)?;
            turns::raise(&mut self.results.turns, storm.turns.after.clone());
            self.results.storms.push(storm);
        }
        Ok(())
    }
}

/// The same load on the first two servers.
pub(crate) fn both(load: &Load, shape: Shape) -> Case {
    Case { sides: vec![(0, load.clone()), (1, load.clone())], shape }
}

/// A sweep row's load.
fn sweep_name(keys: u32) -> String {
    format!("GET, {keys} keys")
}
