//! Which loads run on servers that keep what is written: with a log, through a restart, and while a checkpoint is
//! written.

use crate::checkpoint::{self, CheckpointRow};
use crate::client::Shape;
use crate::error::Error;
use crate::load::{Dataset, Load};
use crate::measure::{Case, Row, Servers, Setup};
use crate::plan::{CHECKPOINT, LOG_ALWAYS, LOG_EVERYSEC, MANY, Mode, RESTART, shapes};
use crate::restart::{self, RestartRow};
use crate::server::Keep;
use crate::suites::{Bench, both};
use crate::syncs;
use crate::turns;

impl Bench {
    /// All of it.
    pub(crate) fn durability(&mut self) -> Result<(), Error> {
        self.log(LOG_EVERYSEC, Keep::Everysec)?;
        self.log(LOG_ALWAYS, Keep::Always)?;
        self.restart()?;
        self.checkpoints()
    }

    /// SET with a log that both keep in the same way on the same file system.
    fn log(&mut self, suite: &'static str, keep: Keep) -> Result<(), Error> {
        let set = Load::set(self.plan.keys);
        let mut cases: Vec<Case> =
            shapes(&set, self.plan.pipelines()).into_iter().map(|(l, s)| both(&l, s)).collect();
        if self.plan.mode != Mode::Smoke {
            let many = [1, 16, 64].map(|pipeline| Shape { connections: MANY, pipeline });
            cases.extend(many.map(|shape| both(&set, shape)));
        }
        let mut setups = self.pair(self.cores.one(), Some(1), &self.fill(&[Dataset::Small]));
        setups.iter_mut().for_each(|setup| setup.keep = keep);
        self.measure(suite, &setups, cases, Servers::Fresh)?;
        self.watch_syncs(suite, &setups)
    }

    /// Adds what servers did not tell of their syncs to the rows of a suite.
    fn watch_syncs(&mut self, suite: &str, setups: &[Setup]) -> Result<(), Error> {
        let set = Load::set(self.plan.keys);
        for (side, setup) in setups.iter().enumerate() {
            let silent = |row: &&mut Row| row.suite == suite && row.syncs[side].is_empty();
            let mut rows: Vec<_> = self.results.rows.iter_mut().filter(silent).collect();
            if rows.is_empty() {
                continue;
            }
            let shapes: Vec<Shape> = rows.iter().map(|row| row.shape).collect();
            let Some(watched) = syncs::watch(setup, &set, &shapes, self.plan.effort)? else {
                continue;
            };
            for (row, syncs) in rows.iter_mut().zip(watched) {
                row.syncs[side].push(syncs);
            }
        }
        Ok(())
    }

    /// One server after the other, on all cores.
    fn restart(&mut self) -> Result<(), Error> {
        for &keys in &self.plan.restarts {
            if !self.plan.wants(&format!("{RESTART} {keys}")) {
                continue;
            }
            let mut seconds = Vec::new();
            for program in [&self.redis, &self.ours] {
                seconds.push(restart::measure(program, self.cores.all(), keys)?);
            }
            eprintln!("restart {keys}: {seconds:?} s");
            self.results.restarts.push(RestartRow { keys, seconds });
        }
        Ok(())
    }

    /// Checkpoints of all sizes.
    fn checkpoints(&mut self) -> Result<(), Error> {
        for (keys, rounds) in self.plan.checkpoints.clone() {
            if self.plan.wants(&format!("{CHECKPOINT} {keys}")) {
                self.checkpoint(keys, rounds)?;
            }
        }
        Ok(())
    }

    /// Redis without a log; Shardwright so, too, and with the log that its checkpoints shorten.
    fn checkpoint(&mut self, keys: u32, rounds: usize) -> Result<(), Error> {
        let sides = [
            ("Redis", &self.redis, Keep::Asked),
            ("Shardwright", &self.ours, Keep::Asked),
            ("Shardwright with a log", &self.ours, Keep::EverysecAsked),
        ];
        let row = |(server, _, _)| CheckpointRow { server, keys, rounds: Vec::new() };
        let mut rows = sides.map(row);
        for round in 0..rounds {
            for (row, (server, program, keep)) in rows.iter_mut().zip(sides) {
                let start = || program.start(self.cores.one(), Some(1), keep);
                let found = checkpoint::measure(start, keys, self.plan.effort.measure * 2)?;
                let took = found.took.as_secs_f64();
                eprintln!(
                    "round {}, checkpoint {keys} {server}: {took:.2} s, {:.1} % more memory",
                    round + 1,
                    found.extra_share() * 100.0
                );
                turns::raise(&mut self.results.turns, found.turns.after.clone());
                row.rounds.push(found);
            }
        }
        self.results.checkpoints.extend(rows);
        Ok(())
    }
}
