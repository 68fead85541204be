//! What a run measures: the parts it has, and how much of each a mode takes.

use std::time::Duration;

use crate::client::Shape;
use crate::load::Load;
use crate::measure::Effort;

/// One shard on one core, the client on another.
pub const ONE_CORE: &str = "one-core";
/// Default shards on all cores, shared with the client.
pub const ALL_CORES: &str = "all-cores";
/// One shard on one core beside two shards on two.
pub const TWO_SHARDS: &str = "two-shards";
/// A server that only reads and writes, on one thread and on two.
pub const FLOOR: &str = "floor";
/// GET over keyspaces of growing size.
pub const SWEEP: &str = "sweep";
/// Open-loop latency.
pub const LATENCY: &str = "latency";
/// Data types that have elements.
pub const COLLECTIONS: &str = "collections";
/// Memory per item of such data types.
pub const ITEMS: &str = "items";
/// Memory per key.
pub const MEMORY: &str = "memory";
/// One shard on one core that keeps a log, synced once a second.
pub const LOG_EVERYSEC: &str = "log-everysec";
/// The same, synced before anybody is answered.
pub const LOG_ALWAYS: &str = "log-always";
/// Until all keys are there again.
pub const RESTART: &str = "restart";
/// What is written in one go while others write.
pub const CHECKPOINT: &str = "checkpoint";
/// Many keys with one deadline.
pub const EXPIRY: &str = "expiry";
/// Publish and subscribe.
pub const PUBSUB: &str = "pubsub";

/// Connections of a case unless it asks what many cost.
pub const FEW: usize = 50;
/// Connections of a case that does.
pub const MANY: usize = 500;
/// More keys than this are loaded once for all rounds.
pub const MANY_KEYS: u32 = 1_000_000;

/// How thorough a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Seconds: does everything work.
    Smoke,
    /// Minutes: a look at a change.
    Quick,
    /// The figures that are published.
    Full,
}

/// What a run measures, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How thorough.
    pub mode: Mode,
    /// Rounds and times.
    pub effort: Effort,
    /// Only rows whose name contains this.
    pub only: Option<String>,
    /// Small keys (and as many integers).
    pub keys: u32,
    /// Keys with 4-KiB values.
    pub big_keys: u32,
    /// Keyspace sizes of the sweep, ascending.
    pub sweep: Vec<u32>,
    /// Keyspace sizes of the memory measurement, ascending.
    pub memory: Vec<u32>,
    /// Items of the memory measurement of collections.
    pub items: u32,
    /// Keys that expire at the same time.
    pub expiring: u32,
    /// Keyspace sizes of the restarts, ascending.
    pub restarts: Vec<u32>,
    /// Keyspace sizes of the checkpoints, ascending, and the rounds of each, with freshly loaded servers.
    pub checkpoints: Vec<(u32, usize)>,
}

impl Plan {
    /// The plan of a mode; `rounds` overrides the mode's number of rounds.
    pub fn new(mode: Mode, rounds: Option<usize>, only: Option<String>) -> Self {
        let millis = Duration::from_millis;
        let (default_rounds, measure, warm_up, keys, big_keys) = match mode {
            Mode::Smoke => (1, millis(150), millis(20), 10_000, 1_000),
            Mode::Quick => (3, millis(300), millis(30), 1_000_000, 100_000),
            Mode::Full => (5, millis(1000), millis(100), 1_000_000, 100_000),
        };
        let (sweep, memory): (&[u32], &[u32]) = match mode {
            Mode::Smoke => (&[10_000], &[20_000]),
            Mode::Quick => (&[10_000, 1_000_000], &[1_000_000]),
            Mode::Full => {
                (&[10_000, 100_000, 1_000_000, 10_000_000], &[600_000, 1_000_000, 1_600_000])
            }
        };
        let expiring = match mode {
            Mode::Smoke => 20_000,
            Mode::Quick => 1_000_000,
            Mode::Full => 10_000_000,
        };
        let restarts: &[u32] = match mode {
            Mode::Smoke => &[20_000],
            Mode::Quick => &[1_000_000],
            Mode::Full => &[1_000_000, 10_000_000],
        };
        let default_checkpoints = if mode == Mode::Full { 3 } else { 1 };
        let mut checkpoints = vec![(keys, rounds.unwrap_or(default_checkpoints))];
        if mode == Mode::Full {
            // Six servers are loaded for it.
            checkpoints.push((10 * MANY_KEYS, 1));
        }
        Self {
            restarts: restarts.to_vec(),
            checkpoints,
            mode,
            effort: Effort { rounds: rounds.unwrap_or(default_rounds), measure, warm_up },
            only,
            keys,
            big_keys,
            sweep: sweep.to_vec(),
            memory: memory.to_vec(),
            items: if mode == Mode::Smoke { 10_000 } else { 1_000_000 },
            expiring,
        }
    }

    /// Whether something with this name is measured.
    pub fn wants(&self, id: &str) -> bool {
        self.only.as_ref().is_none_or(|part| id.contains(part.as_str()))
    }

    /// Pipelines of single commands.
    pub fn pipelines(&self) -> &'static [usize] {
        if self.mode == Mode::Smoke { &[16] } else { &[1, 16, 64] }
    }

    /// Pipelines of commands over ten keys.
    pub fn batch_pipelines(&self) -> &'static [usize] {
        if self.mode == Mode::Full { &[1, 16] } else { &[16] }
    }

    /// Whether a case with many connections is measured.
    pub fn many(&self, pipeline: usize) -> bool {
        match self.mode {
            Mode::Smoke => false,
            Mode::Quick => pipeline == 16,
            Mode::Full => true,
        }
    }

    /// The four plain commands and the 4-KiB values.
    pub fn plain_cases(&self, suite: &str) -> Vec<(Load, Shape)> {
        let few_of_all_cores = suite == ALL_CORES && self.mode != Mode::Full;
        let mut cases = Vec::new();
        let keys = self.keys;
        for load in [Load::ping(), Load::get(keys), Load::set(keys), Load::incr(keys)] {
            for &pipeline in self.pipelines() {
                if few_of_all_cores && pipeline != 16 {
                    continue;
                }
                cases.push((load.clone(), Shape { connections: FEW, pipeline }));
                if self.many(pipeline) && !few_of_all_cores {
                    cases.push((load.clone(), Shape { connections: MANY, pipeline }));
                }
            }
        }
        if !few_of_all_cores {
            for load in [Load::get_big(self.big_keys), Load::set_big(self.big_keys)] {
                cases.extend(shapes(&load, self.pipelines()));
            }
        }
        cases
    }
}

/// A load at several pipelines on the usual number of connections.
pub fn shapes(load: &Load, pipelines: &[usize]) -> Vec<(Load, Shape)> {
    let with = |&pipeline| (load.clone(), Shape { connections: FEW, pipeline });
    pipelines.iter().map(with).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_plan_has_every_load_the_targets_ask_for() {
        let plan = Plan::new(Mode::Full, None, None);
        let cases = plan.plain_cases(ONE_CORE);
        for name in ["PING", "GET", "SET", "INCR"] {
            for connections in [FEW, MANY] {
                for pipeline in [1, 16, 64] {
                    let shape = Shape { connections, pipeline };
                    assert!(cases.iter().any(|(load, s)| load.name == name && *s == shape));
                }
            }
        }
    }

    #[test]
    fn a_full_run_has_checkpoints_of_ten_million_keys_too() {
        let of = |mode, rounds| Plan::new(mode, rounds, None).checkpoints;
        assert_eq!(of(Mode::Full, None), [(1_000_000, 3), (10_000_000, 1)]);
        assert_eq!(of(Mode::Full, Some(5)), [(1_000_000, 5), (10_000_000, 1)]);
        assert_eq!(of(Mode::Quick, None), [(1_000_000, 1)]);
    }

    #[test]
    fn only_filters_by_a_part_of_the_name() {
        let plan = Plan::new(Mode::Quick, None, Some("GET c50".into()));
        assert!(plan.wants("one-core GET c50 p16"));
        assert!(!plan.wants("one-core SET c50 p16"));
    }
}
