//! Many lives of a simulated directory, each of which ends at one step and meets faults at a few: what
//! `crashes` and `recycling` do at every step of some histories, at one step of very many.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sim;

use sim::history::{History, read};
use sim::seeds::each;
use sim::{Chance, Sim};

/// Steps that a record takes, at most and about.
const STEPS_A_RECORD: usize = 7;

/// What becomes of a life: where it ends, what fails before, and how much room there is.
fn arm(sim: &Sim, chance: &mut Chance, records: usize) {
    let steps = 10 + records * STEPS_A_RECORD;
    if !chance.one_in(5) {
        sim.crash_at(chance.below(steps));
    }
    for _ in 0..chance.below(4) {
        // Failures come together, as those of a disk do.
        let first = chance.below(steps);
        (0..1 + chance.below(3)).for_each(|more| sim.fail_at(first + more * (1 + chance.below(4))));
    }
    if chance.one_in(4) {
        let used = sim.all().values().map(Vec::len).sum::<usize>();
        sim.bound(Some(used + 200 + chance.below(5_000)));
    }
}

fn end(sim: &Sim, chance: &mut Chance) -> Sim {
    if chance.one_in(3) { sim.after_kill() } else { sim.after_power_loss() }
}

fn scenario(seed: u64) {
    let mut chance = Chance::new(seed);
    let checkpoint_one_in = 2 + chance.below(6);
    let mut history = History { checkpoint_one_in, ..History::default() };
    let mut sim = Sim::new(seed);
    for life in 0..1 + chance.below(3) {
        let records = 2 + chance.below(12);
        // What is found at a start is read under the same faults.
        arm(&sim, &mut chance, records);
        match read(&sim) {
            Ok((recovered, seen)) => {
                let (begun, before) = (history.begun, (history.records.clone(), history.durable));
                history.check(&seen, &format!("life {life}"));
                history.live(&sim, recovered, &mut chance, records);
                if history.begun == begun {
                    // Nobody was told of what it found, and nothing need be durable of it.
                    (history.records, history.durable) = before;
                }
            }
            Err(error) => assert!(sim.has_struck(), "life {life}: {error}"),
        }
        sim = end(&sim, &mut chance);
    }
    // Faults have ended: it must go on.
    let (recovered, seen) = read(&sim).unwrap_or_else(|error| panic!("the last life: {error}"));
    history.check(&seen, "the last life");
    assert!(history.live(&sim, recovered, &mut chance, 3), "the last life");
    let (_, seen) = read(&end(&sim, &mut chance)).unwrap_or_else(|error| panic!("behind: {error}"));
    history.check(&seen, "behind the last life");
    assert_eq!(seen.count(), history.records.len(), "all of it was durable");
}

#[test]
fn a_life_with_any_end_and_any_faults_loses_nothing_that_was_durable() {
    each(5_000, "cargo test -p shardwright-journal --test many", scenario);
}
