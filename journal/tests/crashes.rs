//! The log's promises, on a simulated directory that crashes at every step, fails at every step and
//! is damaged at every byte: what was durable stays, what comes back is a prefix of what was written,
//! and never anything else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sim;

use shardwright_journal::{Log, Lsn, Part, RecordHead, RecoveryError, Tie, Trouble, segment_name};
use sim::Sim;
use sim::history::{Ending, OPTIONS, PARTITIONS, ended, read};
use sim::seeds::some_seeds;

/// See [`Ending::live`]. Returns whether there was no such step.
fn crash_once(seed: u64, step: usize, kill: bool, fail: bool) -> bool {
    Ending { seed, step, kill, fail, records: 12, checkpoint_one_in: 6 }.live().0
}

#[test]
fn a_crash_at_any_step_loses_nothing_that_was_durable() {
    for seed in some_seeds(1_000) {
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
    for seed in some_seeds(1_000) {
        let mut step = 0;
        while !crash_once(seed, step, false, true) {
            step += 1;
        }
        assert!(step > 20, "seed {seed}: only {step} steps");
    }
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
    for name in sim.names().unwrap().iter().filter(|name| !name.starts_with("spare-")) {
        let copy = sim.copy();
        copy.remove(name).unwrap();
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

/// A process that is killed before it writes anything leaves a segment without records, which the
/// next one drops.
#[test]
fn another_number_of_partitions_may_come_and_go_without_a_record() {
    let (sim, history) = ended(5);
    let records = history.records.len() + 1;
    drop(Log::begin(sim.clone(), OPTIONS, read(&sim).unwrap().0, 2).unwrap());
    let mut log = Log::begin(sim.clone(), OPTIONS, read(&sim).unwrap().0, PARTITIONS).unwrap();
    let part = Part { partition: 1, first: 1, count: 1, payload: b"x" };
    log.append(9, &[part]).unwrap();
    log.close(9).unwrap();
    let (recovered, seen) = read(&sim).unwrap();
    assert_eq!(seen.layouts, [PARTITIONS], "the data is as it was divided");
    assert_eq!(recovered.newest, Lsn(records as u64 + 1));
    assert_eq!(recovered.sequences.newest(), [0, 1, 0]);
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

/// What becomes of a log of whole records with these numbers, each with one effect: of which
/// partition, and where that goes on.
fn read_log_of(records: &[(u64, u16, u64)]) -> Result<usize, Trouble> {
    let sim = Sim::new(1);
    let (recovered, _) = read(&sim).unwrap();
    let tie = Tie::to(&[recovered.manifest.directory, 1]);
    Log::begin(sim.clone(), OPTIONS, recovered, PARTITIONS).unwrap();
    sim.damage(&segment_name(1), |bytes| {
        for (lsn, partition, first) in records.iter().copied() {
            let part = Part { partition, first, count: 1, payload: b"x" };
            RecordHead { lsn: Lsn(lsn), time_ms: 1, durable: Lsn(0) }.encode(tie, &[part], bytes);
        }
    });
    match read(&sim) {
        Ok((_, seen)) => Ok(seen.count()),
        Err(RecoveryError::Damaged { why, .. }) => Err(why),
        Err(error) => panic!("{records:?}: {error}"),
    }
}

#[test]
fn records_that_are_whole_and_out_of_order_are_refused() {
    assert_eq!(read_log_of(&[(1, 0, 1), (2, 1, 1), (3, 0, 2)]).unwrap(), 3);
    // No partition misses an effect in any of these.
    let wrong = [
        vec![(2, 1, 1), (1, 0, 1), (3, 0, 2)],
        vec![(1, 0, 1), (3, 0, 2)],
        vec![(1, 0, 1), (1, 1, 1), (2, 0, 2)],
        vec![(2, 0, 1)],
    ];
    for records in wrong {
        let outcome = read_log_of(&records);
        assert!(matches!(outcome, Err(Trouble::Order { .. })), "{records:?}: {outcome:?}");
    }
}

#[test]
fn a_partition_whose_effects_are_missing_or_come_twice_is_refused() {
    // No record is missing in any of these.
    let wrong = [
        vec![(1, 0, 1), (2, 0, 3)],
        vec![(1, 0, 1), (2, 1, 1), (3, 0, 1)],
        vec![(1, 0, 2)],
        vec![(1, PARTITIONS, 1)],
    ];
    for records in wrong {
        let outcome = read_log_of(&records);
        assert!(matches!(outcome, Err(Trouble::Gap(_))), "{records:?}: {outcome:?}");
    }
}
