//! The log's promises, on a simulated directory that crashes at every step, fails at every step and
//! is damaged at every byte: what was durable stays, what comes back is a prefix of what was written,
//! and never anything else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sim;

use shardwright_journal::{
    CheckpointWriter, Log, LogOptions, Lsn, Part, Record, Recovered, RecoveryError, Replay, recover,
};
use sim::{Chance, Sim};

const PARTITIONS: u16 = 3;

/// A record as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Written(Vec<(u16, u64, u64, Vec<u8>)>);

impl Written {
    fn of(parts: &[Part<'_>]) -> Self {
        let own = |part: &Part<'_>| (part.partition, part.first, part.count, part.payload.to_vec());
        Self(parts.iter().map(own).collect())
    }

    fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        for (partition, first, count, payload) in &self.0 {
            let (partition, first, count) = (*partition, *first, *count);
            parts.push(Part { partition, first, count, payload });
        }
        parts
    }
}

#[derive(Default)]
struct Seen {
    layouts: Vec<u16>,
    /// What a checkpoint said: so many records, with this sum.
    base: Option<(usize, u64)>,
    /// Records behind it.
    records: Vec<Written>,
}

impl Seen {
    fn base(&self) -> usize {
        self.base.map_or(0, |(count, _)| count)
    }

    /// Number of records that came back.
    fn count(&self) -> usize {
        self.base() + self.records.len()
    }

    /// Whether it is just the begin of these records.
    fn is_begin_of(&self, records: &[Written]) -> bool {
        let of_base = self.base.is_none_or(|(count, sum)| {
            records.get(..count).is_some_and(|before| sum_of(before) == sum)
        });
        of_base && records.get(self.base()..self.count()) == Some(&self.records)
    }
}

/// What stands for the state that records make.
fn sum_of(records: &[Written]) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    records.iter().for_each(|record| record.0.hash(&mut hasher));
    hasher.finish()
}

impl Replay for Seen {
    fn layout(&mut self, shards: u16) -> Result<(), String> {
        self.layouts.push(shards);
        Ok(())
    }

    fn behind(&mut self, sequences: &[u64]) -> Result<(), String> {
        assert_eq!(sequences.len(), usize::from(PARTITIONS));
        let [Written(parts), others @ ..] = self.records.as_slice() else {
            return Err("an empty checkpoint".into());
        };
        let of = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).map_err(|_| "odd");
        let payload = &parts[0].3;
        self.base = Some((of(&payload[..8])? as usize, of(&payload[8..16])?));
        assert!(others.iter().all(|other| other.0[0].3.iter().all(|byte| *byte == 7)));
        self.records.clear();
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>) -> Result<(), String> {
        self.records.push(Written::of(&record.parts));
        Ok(())
    }
}

fn read(sim: &Sim) -> Result<(Recovered, Seen), RecoveryError> {
    let mut seen = Seen::default();
    recover(sim, 0xd1, &mut seen).map(|recovered| (recovered, seen))
}

/// Small segments, so that there are many.
const OPTIONS: LogOptions = LogOptions { segment_bytes: 900 };

/// A record at random that goes on where `sequences` stand.
fn record(chance: &mut Chance, sequences: &[u64]) -> Written {
    let mut parts = Vec::new();
    for (partition, newest) in sequences.iter().enumerate() {
        if chance.one_in(2) {
            let payload = (0..chance.below(300)).map(|_| chance.next() as u8).collect();
            parts.push((partition as u16, newest + 1, 1 + chance.below(4) as u64, payload));
        }
    }
    Written(parts)
}

/// What the world knows of a log: what was written, and how much of it was acknowledged.
#[derive(Default)]
struct History {
    records: Vec<Written>,
    durable: usize,
}

impl History {
    /// Checks what came back, and goes on from there.
    fn check(&mut self, seen: &Seen, what: &str) {
        let count = seen.count();
        assert!(count >= self.durable, "{what}: {count} of {} durable records", self.durable);
        assert!(count <= self.records.len(), "{what}: {count} records of {}", self.records.len());
        assert!(seen.is_begin_of(&self.records), "{what}: other records");
        self.records.truncate(count);
        self.durable = count;
    }

    /// Writes a checkpoint, while the log goes on. What becomes of it concerns nobody but the log.
    fn checkpoint(&mut self, sim: &Sim, log: &mut Log<Sim>, chance: &mut Chance) -> bool {
        let outcome = log.cut(1);
        if log.taken().0 as usize > self.records.len() {
            self.records.push(Written(Vec::new()));
        }
        let Ok(mark) = outcome else { return false };
        let state = &self.records[..mark.lsn.0 as usize];
        self.durable = self.durable.max(state.len());
        let parts = [(state.len() as u64).to_le_bytes(), sum_of(state).to_le_bytes()].concat();
        let Ok(mut writer) = CheckpointWriter::begin(sim.clone(), mark) else { return true };
        let mut written = writer.append(0, 1, &parts);
        for _ in 0..chance.below(4) {
            let record = record(chance, log.sequences());
            if log.append(1, &record.parts()).is_ok() {
                self.records.push(record);
            }
            let others = vec![7; chance.below(2000)];
            written = written.and_then(|()| writer.append(1, 1, &others));
        }
        match written.and_then(|()| writer.finish()) {
            Ok(entry) => log.install(entry).is_ok(),
            Err(_) => true,
        }
    }

    /// Makes good by a checkpoint what a log lost that failed. Returns whether it goes on.
    fn heal(&mut self, sim: &Sim, log: &mut Log<Sim>) -> bool {
        let mark = log.give_up(log.sequences().to_vec());
        // The checkpoint has a number of its own.
        self.records.push(Written(Vec::new()));
        assert_eq!(mark.lsn.0, self.records.len() as u64);
        let (count, sum) = (self.records.len() as u64, sum_of(&self.records));
        let state = [count.to_le_bytes(), sum.to_le_bytes()].concat();
        let finished = CheckpointWriter::begin(sim.clone(), mark).and_then(|mut writer| {
            writer.append(0, 1, &state)?;
            writer.finish()
        });
        let healed = finished.and_then(|entry| log.begin_anew(entry)).is_ok();
        if healed {
            self.durable = self.records.len();
        }
        healed
    }

    /// Lets a server live on `sim` until it ends by itself or storage fails. Returns whether it did.
    fn live(
        &mut self,
        sim: &Sim,
        recovered: Recovered,
        chance: &mut Chance,
        records: usize,
    ) -> bool {
        let Ok(mut log) = Log::begin(sim.clone(), OPTIONS, recovered, PARTITIONS) else {
            return false;
        };
        for _ in 0..records {
            let record = record(chance, log.sequences());
            if log.append(1, &record.parts()).is_err() {
                break;
            }
            self.records.push(record);
            // Sometimes another one with nothing in between.
            let checkpoints = if chance.one_in(6) { 1 + chance.below(2) } else { 0 };
            if !(0..checkpoints).all(|_| self.checkpoint(sim, &mut log, chance)) {
                return false;
            }
            let outcome = match chance.below(4) {
                0 => Ok(()),
                1 => log.write(),
                _ => log.sync(),
            };
            if outcome.is_err() {
                // Nothing is taken and nothing claimed after an error.
                assert!(log.append(1, &[]).is_err() && log.write().is_err() && log.sync().is_err());
                if !self.heal(sim, &mut log) && !self.heal(sim, &mut log) {
                    return false;
                }
            }
            self.durable = self.durable.max(log.durable().0 as usize);
        }
        self.records.push(Written(Vec::new()));
        let closed = log.close(2).is_ok();
        if closed {
            self.durable = self.records.len();
        }
        closed
    }
}

fn seeds() -> std::ops::Range<u64> {
    let text = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = text("SHARDWRIGHT_SEED").unwrap_or(1);
    first..first + text("SHARDWRIGHT_SEEDS").unwrap_or(1_000)
}

/// One life that ends or meets a failure at step `step`, and what the next start finds; then another
/// life. Returns whether there was no such step.
fn crash_once(seed: u64, step: usize, kill: bool, fail: bool) -> bool {
    let what = format!("seed {seed}, step {step}, kill {kill}, fail {fail}");
    let mut chance = Chance::new(seed);
    let mut history = History::default();
    let first = Sim::new(seed);
    let (recovered, _) = read(&first).expect(&what);
    if fail {
        first.fail_at(step);
        // Healing fails as well, or is cut off.
        let mut whims = Chance::new(seed ^ (step as u64) << 32);
        if whims.one_in(2) {
            first.fail_at(step + 1 + whims.below(16));
        }
        if whims.one_in(2) {
            first.crash_at(step + 2 + whims.below(30));
        }
    } else {
        first.crash_at(step)
    }
    history.live(&first, recovered, &mut chance, 12);
    let is_over = first.steps() <= step;
    let second = if kill { first.after_kill() } else { first.after_power_loss() };
    let (recovered, seen) = read(&second).unwrap_or_else(|error| panic!("{what}: {error}"));
    history.check(&seen, &what);
    // What was recovered once stays: also when the next life is short.
    assert!(history.live(&second, recovered, &mut chance, 3), "{what}: the second life");
    let third = second.after_power_loss();
    let (_, seen) = read(&third).unwrap_or_else(|error| panic!("{what}: the third life: {error}"));
    history.check(&seen, &what);
    is_over
}

#[test]
fn a_crash_at_any_step_loses_nothing_that_was_durable() {
    for seed in seeds() {
        for kill in [false, true] {
            let mut step = 0;
            while !crash_once(seed, step, kill, false) {
                step += 1;
            }
            assert!(step > 20, "seed {seed}: only {step} steps");
        }
    }
}

#[test]
fn a_failure_at_any_step_ends_the_log_and_loses_nothing_that_was_durable() {
    for seed in seeds() {
        let mut step = 0;
        while !crash_once(seed, step, false, true) {
            step += 1;
        }
        assert!(step > 20, "seed {seed}: only {step} steps");
    }
}

/// A directory whose log has ended well.
fn ended(seed: u64) -> (Sim, History) {
    let sim = Sim::new(seed);
    let mut history = History::default();
    let (recovered, _) = read(&sim).unwrap();
    assert!(history.live(&sim, recovered, &mut Chance::new(seed), 20));
    (sim.after_power_loss(), history)
}

#[test]
fn damage_at_any_byte_gives_a_prefix_or_is_refused() {
    use shardwright_journal::Storage;
    let (sim, history) = ended(7);
    assert!(sim.names().unwrap().len() > 3, "several segments and a manifest");
    for name in sim.names().unwrap() {
        let bytes = sim.read(&name).unwrap();
        for at in 0..bytes.len() {
            let flipped = sim.copy();
            flipped.damage(&name, |bytes| bytes[at] ^= 1 << (at % 8));
            let cut = sim.copy();
            cut.damage(&name, |bytes| bytes.truncate(at));
            for (kind, damaged) in [("flipped", flipped), ("cut", cut)] {
                if let Ok((_, seen)) = read(&damaged) {
                    let count = seen.count();
                    let is_begin = seen.is_begin_of(&history.records);
                    assert!(is_begin, "byte {at} of {name} {kind} is not noticed");
                    // Only the last record has no witness, and only its frame may look torn.
                    let least = if kind == "flipped" { history.records.len() - 1 } else { 0 };
                    assert!(count >= least, "byte {at} of {name} {kind}: {count} records");
                }
            }
        }
    }
}

#[test]
fn a_missing_segment_is_refused() {
    use shardwright_journal::Storage;
    let (sim, _) = ended(3);
    for name in sim.names().unwrap() {
        let copy = sim.copy();
        copy.remove(&name).unwrap();
        assert!(read(&copy).is_err(), "{name} is not missed");
    }
}

#[test]
fn segments_that_changed_places_are_refused() {
    use shardwright_journal::Storage;
    let (sim, _) = ended(3);
    let names: Vec<String> =
        sim.names().unwrap().into_iter().filter(|name| name.starts_with("log-")).collect();
    let copy = sim.copy();
    copy.rename(&names[0], "aside").unwrap();
    copy.rename(&names[1], &names[0]).unwrap();
    copy.rename("aside", &names[1]).unwrap();
    assert!(matches!(read(&copy), Err(RecoveryError::Foreign { .. })));
}

#[test]
fn another_number_of_partitions_is_told_and_counted_anew() {
    let (sim, history) = ended(5);
    let (recovered, _) = read(&sim).unwrap();
    let newest = recovered.newest;
    let mut log = Log::begin(sim.clone(), OPTIONS, recovered, 2).unwrap();
    assert_eq!(log.sequences(), [0, 0]);
    let part = Part { partition: 1, first: 1, count: 1, payload: b"x" };
    assert_eq!(log.append(9, &[part]).unwrap(), newest.next());
    log.close(9).unwrap();
    let (recovered, seen) = read(&sim).unwrap();
    assert_eq!(seen.layouts, [PARTITIONS, 2]);
    assert_eq!(recovered.newest, Lsn(history.records.len() as u64 + 2));
    assert_eq!(recovered.sequences.newest(), [0, 1]);
}

#[test]
fn effects_with_a_gap_are_not_taken() {
    let sim = Sim::new(1);
    let (recovered, _) = read(&sim).unwrap();
    let mut log = Log::begin(sim, OPTIONS, recovered, PARTITIONS).unwrap();
    let part = |first| Part { partition: 0, first, count: 1, payload: b"x" };
    log.append(1, &[part(1)]).unwrap();
    assert!(log.append(1, &[part(3)]).is_err());
    assert!(log.append(1, &[part(2)]).is_err(), "nothing may follow");
    assert!(log.sync().is_err());
}
