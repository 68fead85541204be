//! A disk that is full: the log refuses, claims nothing and loses nothing; what it can give up makes
//! room, and it goes on by itself when there is some.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sim;

use shardwright_journal::{JournalError, Log, Storage, StorageFile};
use sim::history::{History, OPTIONS, PARTITIONS, read, record};
use sim::seeds::some_seeds;
use sim::{Chance, NO_SPACE, Sim};

/// A file of somebody else's, which takes room.
const FOREIGN: &str = "notes.txt";

/// Fills the disk until the log fails. What was acknowledged is in the history.
fn fill(sim: &Sim, history: &mut History, log: &mut Log<Sim>, chance: &mut Chance) -> JournalError {
    loop {
        // With checkpoints for ever the disk would never be full.
        let checkpoint = history.records.len() < 100 && chance.one_in(history.checkpoint_one_in);
        if checkpoint && !history.checkpoint(sim, log, chance) {
            return log.sync().unwrap_err();
        }
        let next = record(chance, log.sequences());
        log.append(1, &next.parts()).unwrap();
        history.records.push(next);
        let outcome = if chance.one_in(3) { log.write() } else { log.sync() };
        history.durable = history.durable.max(log.durable().0 as usize);
        if let Err(error) = outcome {
            return error;
        }
    }
}

fn files(sim: &Sim, begin: &str) -> usize {
    sim.names().unwrap().iter().filter(|name| name.starts_with(begin)).count()
}

fn refuses(log: &mut Log<Sim>) -> bool {
    log.append(1, &[]).is_err() && log.write().is_err() && log.sync().is_err()
}

/// Somebody makes room, little by little, until the log goes on. What was tried in vain leaves nothing
/// behind.
fn make_room(sim: &Sim, history: &mut History, log: &mut Log<Sim>) {
    let counts = || [files(sim, "log-"), files(sim, "checkpoint-")];
    let before = counts();
    loop {
        assert!(sim.len(FOREIGN).unwrap() > 0, "{} bytes are not enough", sim.free());
        sim.damage(FOREIGN, |bytes| bytes.truncate(bytes.len().saturating_sub(40)));
        if history.heal(sim, log) {
            return;
        }
        assert_eq!(counts(), before);
        assert!(refuses(log), "it takes what it cannot keep");
    }
}

#[test]
fn a_log_that_has_filled_the_disk_refuses_loses_nothing_and_heals() {
    let (mut by_spares, mut by_others) = (0, 0);
    for seed in some_seeds(500) {
        let (sim, mut chance) = (Sim::new(seed), Chance::new(seed));
        let (recovered, _) = read(&sim).unwrap();
        let mut log = Log::begin(sim.clone(), OPTIONS, recovered, PARTITIONS).unwrap();
        sim.create(FOREIGN).unwrap().write(&[1; 2_000]).unwrap();
        sim.bound(Some(6_000 + chance.below(12_000)));
        let checkpoint_one_in = 4 + chance.below(30);
        let mut history = History { checkpoint_one_in, ..History::default() };
        let error = fill(&sim, &mut history, &mut log, &mut chance);
        let is_full = |error: &JournalError| match error {
            JournalError::Io { source, .. } => source.raw_os_error() == Some(NO_SPACE),
            error => matches!(error, JournalError::Failed),
        };
        assert!(is_full(&error) && log.has_failed(), "seed {seed}: {error}");
        assert!(refuses(&mut log), "seed {seed}");

        // Whoever ends here finds all that was acknowledged.
        let (_, seen) = read(&sim.after_kill()).unwrap();
        let mut ended = History { records: history.records.clone(), ..History::default() };
        ended.durable = history.durable;
        ended.check(&seen, &format!("seed {seed}, ended while the disk is full"));

        let spares = files(&sim, "spare-");
        let healed = history.heal(&sim, &mut log);
        assert!(healed || refuses(&mut log), "seed {seed}: it takes what it cannot keep");
        assert_eq!(files(&sim, "spare-"), 0, "seed {seed}: spares take room that is needed");
        assert!(healed || spares == 0, "seed {seed}: {spares} spares were not room enough");
        by_spares += usize::from(healed);
        by_others += usize::from(!healed);
        if !healed {
            make_room(&sim, &mut history, &mut log);
        }
        assert!(!log.has_failed(), "seed {seed}");
        assert_eq!((files(&sim, "log-"), files(&sim, "checkpoint-")), (1, 1), "seed {seed}");
        assert!(sim.free() > 3_000, "seed {seed}: {} bytes are free", sim.free());

        let next = record(&mut chance, log.sequences());
        log.append(1, &next.parts()).unwrap();
        history.records.push(next);
        log.sync().unwrap();
        history.durable = history.records.len();
        let (_, seen) = read(&sim.after_power_loss()).unwrap();
        history.check(&seen, &format!("seed {seed}, healed"));
    }
    println!("{by_spares} healed by spares, {by_others} when others made room");
    let count = some_seeds(500).count();
    assert!(count < 100 || (by_spares > count / 100 && by_others > count / 100));
}
