//! A founding on simulated directories: whatever step it ends at, the directory has all keys or is
//! refused, and it can be founded again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sim;

use shardwright_journal::{
    Founding, Ground, IMPORT, JournalError, Record, RecoveryError, Replay, Storage, ground, recover,
};
use sim::Sim;

/// What a start finds: keys by partition, each batch as it was given.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    partitions: u16,
    batches: Vec<(u16, u64, Vec<u8>)>,
}

impl Replay for Seen {
    fn layout(&mut self, shards: u16) -> Result<(), String> {
        self.partitions = shards;
        Ok(())
    }

    fn behind(&mut self, sequences: &[u64]) -> Result<(), String> {
        assert!(sequences.iter().all(|newest| *newest == 0));
        Ok(())
    }

    fn record(&mut self, record: &Record<'_>) -> Result<(), String> {
        let batches = record.parts.iter();
        self.batches
            .extend(batches.map(|part| (part.partition, part.count, part.payload.to_vec())));
        Ok(())
    }
}

fn batches() -> Vec<(u16, u64, Vec<u8>)> {
    (0..20).map(|at| (at % 3, u64::from(at) + 1, vec![at as u8; 300_000])).collect()
}

fn found(storage: &Sim) -> Result<u64, JournalError> {
    let mut founding = Founding::begin(storage.clone(), 77, 3, "/from/here.rdb")?;
    for (partition, count, effects) in batches() {
        founding.append(partition, count, &effects)?;
    }
    founding.finish()
}

/// What a start finds in a directory, if it takes it.
fn started(storage: &Sim) -> Result<Seen, RecoveryError> {
    let mut seen = Seen::default();
    recover(storage, 1, &mut seen, &mut ()).map(|_| seen)
}

fn whole() -> Seen {
    Seen { partitions: 3, batches: batches() }
}

/// A directory that was left at some moment of a founding is refused, empty or whole; if it is not
/// whole, it is founded by another try.
fn check(left: &Sim, what: &str) -> Ground {
    let seen = started(&left.copy());
    let is = ground(left).unwrap();
    match (is, seen) {
        (Ground::Built, Ok(seen)) => assert_eq!(seen, whole(), "{what}"),
        (Ground::Empty, Ok(seen)) => assert_eq!(seen, Seen::default(), "{what}"),
        (Ground::Unfinished, Err(RecoveryError::Unfinished)) => {}
        (is, seen) => panic!("{what}: {is:?}, {seen:?}"),
    }
    if is != Ground::Built {
        found(left).unwrap();
        assert_eq!(started(left).unwrap(), whole(), "{what}: again");
    }
    assert!(!left.names().unwrap().contains(&IMPORT.to_owned()), "{what}");
    is
}

#[test]
fn a_founding_that_ends_at_any_step_leaves_all_or_nothing() {
    let mut met = [0; 3];
    for seed in 0..20 {
        for fail in [false, true] {
            let mut step = 0;
            loop {
                let what = format!("seed {seed}, step {step}, fail {fail}");
                let sim = Sim::new(seed);
                if fail {
                    sim.fail_at(step)
                } else {
                    sim.crash_at(step)
                }
                let outcome = found(&sim);
                let over = sim.steps() <= step;
                for left in [sim.after_kill(), sim.after_power_loss()] {
                    let is = check(&left, &what);
                    assert!(outcome.is_err() || is == Ground::Built, "{what}: {is:?}");
                    met[is as usize] += 1;
                }
                if over {
                    break;
                }
                step += 1;
            }
        }
    }
    assert!(met.iter().all(|count| *count > 20), "{met:?}");
}

#[test]
fn a_founding_that_was_given_up_leaves_nothing() {
    let sim = Sim::new(1);
    let mut founding = Founding::begin(sim.clone(), 77, 3, "/from/here.rdb").unwrap();
    founding.append(1, 1, &[1; 3_000_000]).unwrap();
    founding.give_up().unwrap();
    assert_eq!(sim.names().unwrap(), Vec::<String>::new());
    assert_eq!(ground(&sim).unwrap(), Ground::Empty);
}
