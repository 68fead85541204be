//! What is written to a simulated directory and what comes back: records at random with checkpoints
//! in between, and what the world was told of them.

use shardwright_journal::{
    CheckpointWriter, FileHeader, FileKind, Log, LogOptions, Part, Record, Recovered,
    RecoveryError, Replay, Storage, recover,
};

use super::{Chance, Sim};

pub const PARTITIONS: u16 = 3;

/// A record as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written(pub Vec<(u16, u64, u64, Vec<u8>)>);

impl Written {
    pub fn of(parts: &[Part<'_>]) -> Self {
        let own = |part: &Part<'_>| (part.partition, part.first, part.count, part.payload.to_vec());
        Self(parts.iter().map(own).collect())
    }

    pub fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        for (partition, first, count, payload) in &self.0 {
            let (partition, first, count) = (*partition, *first, *count);
            parts.push(Part { partition, first, count, payload });
        }
        parts
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub layouts: Vec<u16>,
    /// What a checkpoint said: so many records, with this sum.
    pub base: Option<(usize, u64)>,
    /// Records behind it.
    pub records: Vec<Written>,
}

impl Seen {
    pub fn base(&self) -> usize {
        self.base.map_or(0, |(count, _)| count)
    }

    /// Number of records that came back.
    pub fn count(&self) -> usize {
        self.base() + self.records.len()
    }

    /// Whether it is just the begin of these records.
    pub fn is_begin_of(&self, records: &[Written]) -> bool {
        let of_base = self.base.is_none_or(|(count, sum)| {
            records.get(..count).is_some_and(|before| sum_of(before) == sum)
        });
        of_base && records.get(self.base()..self.count()) == Some(&self.records)
    }
}

/// What stands for the state that records make.
pub fn sum_of(records: &[Written]) -> u64 {
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

pub fn read(sim: &Sim) -> Result<(Recovered, Seen), RecoveryError> {
    let mut seen = Seen::default();
    recover(sim, 0xd1, &mut seen, &mut ()).map(|recovered| (recovered, seen))
}

/// Small segments, so that there are many, and few spares, so that there are soon too many.
pub const OPTIONS: LogOptions = LogOptions { segment_bytes: 900, spares: 3 };

/// A record at random that goes on where `sequences` stand.
pub fn record(chance: &mut Chance, sequences: &[u64]) -> Written {
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
pub struct History {
    pub records: Vec<Written>,
    pub durable: usize,
    /// Behind one in so many records is a checkpoint.
    pub checkpoint_one_in: usize,
    /// Logs that went on behind what a start had found.
    pub begun: usize,
}

impl Default for History {
    fn default() -> Self {
        Self { records: Vec::new(), durable: 0, checkpoint_one_in: 6, begun: 0 }
    }
}

impl History {
    /// Checks what came back, and goes on from there.
    pub fn check(&mut self, seen: &Seen, what: &str) {
        let count = seen.count();
        assert!(count >= self.durable, "{what}: {count} of {} durable records", self.durable);
        assert!(count <= self.records.len(), "{what}: {count} records of {}", self.records.len());
        assert!(seen.is_begin_of(&self.records), "{what}: other records");
        self.records.truncate(count);
        self.durable = count;
    }

    /// Writes a checkpoint, while the log goes on. What becomes of it concerns nobody but the log.
    pub fn checkpoint(&mut self, sim: &Sim, log: &mut Log<Sim>, chance: &mut Chance) -> bool {
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
    pub fn heal(&mut self, sim: &Sim, log: &mut Log<Sim>) -> bool {
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
    pub fn live(
        &mut self,
        sim: &Sim,
        recovered: Recovered,
        chance: &mut Chance,
        records: usize,
    ) -> bool {
        let Ok(mut log) = Log::begin(sim.clone(), OPTIONS, recovered, PARTITIONS) else {
            return false;
        };
        self.begun += 1;
        for _ in 0..records {
            let record = record(chance, log.sequences());
            if log.append(1, &record.parts()).is_err() {
                break;
            }
            self.records.push(record);
            // Sometimes another one with nothing in between.
            let checkpoints =
                if chance.one_in(self.checkpoint_one_in) { 1 + chance.below(2) } else { 0 };
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

/// Lives whose first one ends, or meets a failure, at a step.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    pub seed: u64,
    pub step: usize,
    /// The process alone is killed: nothing that was written is lost.
    pub kill: bool,
    /// Something fails instead.
    pub fail: bool,
    /// Records of the first life.
    pub records: usize,
    /// Behind one in so many of them is a checkpoint.
    pub checkpoint_one_in: usize,
}

impl Ending {
    /// Lives the first life, and looks what the next start finds; then lives another one. Tells
    /// whether there was no such step, and how many files were written over.
    pub fn live(self) -> (bool, usize) {
        let Self { seed, step, kill, fail, records, checkpoint_one_in } = self;
        let mut chance = Chance::new(seed);
        let mut history = History { checkpoint_one_in, ..History::default() };
        let first = Sim::new(seed);
        let (recovered, _) = read(&first).unwrap();
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
        history.live(&first, recovered, &mut chance, records);
        let is_over = first.steps() <= step;
        let second = if kill { first.after_kill() } else { first.after_power_loss() };
        let (recovered, seen) = read(&second).unwrap_or_else(|error| panic!("{self:?}: {error}"));
        history.check(&seen, &format!("{self:?}"));
        let (second, recovered) = visited(second, recovered, &mut chance);
        // What was recovered once stays: also when the next life is short.
        let lived = history.live(&second, recovered, &mut chance, 3);
        assert!(lived, "{self:?}: the second life");
        let third = second.after_power_loss();
        let (_, seen) =
            read(&third).unwrap_or_else(|error| panic!("{self:?}: the third life: {error}"));
        history.check(&seen, &format!("{self:?}"));
        (is_over, third.reused())
    }
}

/// Sometimes servers with other numbers of partitions come and go before the next one without a record.
fn visited(mut sim: Sim, mut recovered: Recovered, chance: &mut Chance) -> (Sim, Recovered) {
    while chance.one_in(3) {
        let partitions = 1 + chance.below(5) as u16;
        drop(Log::begin(sim.clone(), OPTIONS, recovered, partitions).unwrap());
        sim = if chance.one_in(2) { sim.after_kill() } else { sim.after_power_loss() };
        recovered = read(&sim).unwrap_or_else(|error| panic!("{partitions} came: {error}")).0;
    }
    (sim, recovered)
}

/// Whether a file is a segment that was written over another one.
pub fn is_recycled(sim: &Sim, name: &str) -> bool {
    let bytes = sim.read(name).unwrap();
    let header = FileHeader::decode(&bytes, FileKind::Segment);
    name.starts_with("log-") && header.is_ok_and(|(header, _)| header.former_len > Some(0))
}

/// A directory whose log has ended well.
pub fn ended(seed: u64) -> (Sim, History) {
    let sim = Sim::new(seed);
    let mut history = History::default();
    let (recovered, _) = read(&sim).unwrap();
    assert!(history.live(&sim, recovered, &mut Chance::new(seed), 20));
    (sim.after_power_loss(), history)
}
