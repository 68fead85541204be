//! `check` and `repair` on simulated directories that are damaged at every byte: what can be repaired
//! then has everything up to some record and nothing else, what cannot is left alone; and a repair
//! that ends at any step leaves the directory as it was, or repaired.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sim;

use shardwright_journal::{
    CheckpointWriter, Diagnosis, Log, MANIFEST, Part, Repair, RepairError, Report, Storage, check,
    diagnose,
};
use sim::history::{History, OPTIONS, PARTITIONS, Seen, ended, is_recycled, read};
use sim::seeds::some_seeds;
use sim::{Chance, Sim};

const SECONDS: u64 = 1_790_000_000;

fn diagnosed(sim: &Sim) -> Result<Diagnosis, RepairError> {
    diagnose(sim, &mut Seen::default(), &mut ())
}

fn checked(sim: &Sim) -> Report {
    check(sim, &mut Seen::default(), &mut ()).unwrap()
}

/// The repair that a directory needs, if there is one.
fn repair_of(sim: &Sim) -> Option<Box<Repair>> {
    match diagnosed(sim) {
        Ok(Diagnosis::Repairable(repair)) => Some(repair),
        Ok(Diagnosis::Sound) => panic!("it is sound"),
        Err(_) => None,
    }
}

/// A directory with a checkpoint and several segments that ended well, of which some were written over
/// others, with what was written.
fn directory() -> (Sim, History) {
    for seed in 1.. {
        let (sim, history) = ended(seed);
        let names = sim.names().unwrap();
        let has_checkpoint = names.iter().any(|name| name.starts_with("checkpoint"));
        let segments = names.iter().filter(|name| name.starts_with("log-")).count();
        let is_recycled = names.iter().any(|name| is_recycled(&sim, name));
        if has_checkpoint && segments >= 3 && is_recycled {
            println!("the directory of seed {seed}");
            return (sim, history);
        }
    }
    unreachable!("some seed has a checkpoint and segments");
}

/// Every way in which a byte of a file can be damaged.
fn damages(sim: &Sim, name: &str) -> impl Iterator<Item = (String, Sim)> {
    let bytes = sim.read(name).unwrap();
    (0..bytes.len()).flat_map(move |at| {
        let flipped = sim.copy();
        flipped.damage(name, |bytes| bytes[at] ^= 1 << (at % 8));
        let cut = sim.copy();
        cut.damage(name, |bytes| bytes.truncate(at));
        let what = format!("byte {at} of {name}");
        [(format!("{what} flipped"), flipped), (format!("{what} cut"), cut)]
    })
}

/// Whether all that was in `before` is in `after`, by its name or set aside.
fn has_all(before: &Sim, after: &Sim) -> bool {
    let after = after.all();
    before.all().into_iter().all(|(name, bytes)| {
        let file = name.rsplit('/').next().unwrap();
        after.iter().any(|(other, found)| other.rsplit('/').next() == Some(file) && *found == bytes)
    })
}

#[test]
fn a_sound_directory_needs_nothing_and_is_not_touched() {
    for seed in some_seeds(50) {
        let sim = Sim::new(seed);
        let mut chance = Chance::new(seed);
        let (recovered, _) = read(&sim).unwrap();
        sim.crash_at(chance.below(80));
        History::default().live(&sim, recovered, &mut chance, 15);
        let left = sim.after_power_loss();
        if left.names().unwrap().iter().all(|name| !name.contains('-') && name != MANIFEST) {
            continue;
        }
        let (files, steps) = (left.all(), left.steps());
        assert!(matches!(diagnosed(&left), Ok(Diagnosis::Sound)), "seed {seed}");
        let report = checked(&left);
        assert!(report.damage.is_none(), "seed {seed}");
        assert_eq!((left.all(), left.steps()), (files, steps), "seed {seed}: it was changed");
        let (recovered, _) = read(&left).unwrap();
        let contents = report.contents.unwrap();
        assert_eq!(contents.newest, recovered.newest, "seed {seed}");
        assert_eq!(contents.torn, recovered.torn, "seed {seed}");
    }
}

#[test]
fn damage_of_a_segment_is_cut_off_and_what_was_cut_is_kept() {
    let (sim, history) = directory();
    let names = sim.names().unwrap();
    let segments = names.iter().filter(|name| name.starts_with("log-"));
    let (mut repaired, mut refused) = (0, 0);
    for (what, damaged) in segments.flat_map(|name| damages(&sim, name)) {
        let Err(expected) = read(&damaged.copy()) else {
            assert!(matches!(diagnosed(&damaged), Ok(Diagnosis::Sound)), "{what}");
            continue;
        };
        assert_eq!(checked(&damaged).damage.unwrap().to_string(), expected.to_string(), "{what}");
        let Some(repair) = repair_of(&damaged) else {
            // Two bytes of each header say the version.
            assert!(expected.to_string().contains("version"), "{what}: {expected}");
            refused += 1;
            continue;
        };
        assert_eq!(repair.damage.to_string(), expected.to_string());
        let before = damaged.copy();
        repair.carry_out(&damaged, SECONDS).unwrap();
        assert!(has_all(&before, &damaged), "{what}: something is lost");
        let after = damaged.after_power_loss();
        assert!(matches!(diagnosed(&after), Ok(Diagnosis::Sound)), "{what}");
        let (recovered, seen) = read(&after).unwrap();
        assert!(seen.is_begin_of(&history.records), "{what}: other records");
        assert_eq!(recovered.newest, repair.contents.newest, "{what}");
        if let Some(lost) = &repair.lost {
            assert_eq!(*lost.start(), recovered.newest.0 + 1, "{what}");
            assert!(*lost.end() <= history.records.len() as u64, "{what}: {lost:?}");
        }
        if what.ends_with("flipped") {
            let end = repair.lost.as_ref().map_or(0, |lost| *lost.end() as usize);
            assert!(end + 1 >= history.records.len(), "{what}: {end} is the newest that is lost");
        }
        // What comes then is kept as ever.
        let records = history.records.clone();
        let mut next = History { records, ..History::default() };
        next.check(&seen, &what);
        assert!(next.live(&after, recovered, &mut Chance::new(3), 3), "{what}");
        let (_, seen) = read(&after.after_power_loss()).unwrap();
        next.check(&seen, &what);
        repaired += 1;
    }
    assert!(repaired > 100 && refused < 20, "{repaired} repaired, {refused} refused");
}

#[test]
fn everything_that_is_whole_before_the_damage_is_kept() {
    let (sim, history) = directory();
    let segments = sim.names().unwrap().into_iter().filter(|name| name.starts_with("log-"));
    let segments: Vec<String> = segments.collect();
    let [first, second, ..] = segments.as_slice() else { panic!("too few: {segments:?}") };
    // A missing segment: all of the one before.
    let copy = sim.copy();
    copy.remove(second).unwrap();
    let repair = repair_of(&copy).unwrap();
    assert_eq!((repair.cut, repair.manifest.segments.len()), (None, 1));
    assert_eq!(*repair.lost.clone().unwrap().end(), history.records.len() as u64);
    // The last byte of a segment: all of its records but one.
    let (_, len) = checked(&sim).contents.unwrap().lens[0];
    let copy = sim.copy();
    copy.damage(first, |bytes| bytes[len as usize - 1] ^= 1);
    let cut = repair_of(&copy).unwrap();
    assert_eq!(cut.contents.newest.next(), repair.contents.newest);
}

#[test]
fn a_manifest_is_made_anew_when_there_is_one_answer() {
    let (sim, history) = directory();
    let manifest = sim.read(MANIFEST).unwrap();
    let missing = sim.copy();
    missing.remove(MANIFEST).unwrap();
    for (what, damaged) in damages(&sim, MANIFEST).chain([("missing".to_owned(), missing)]) {
        let repair = repair_of(&damaged).unwrap_or_else(|| panic!("{what}: not repaired"));
        let before = damaged.copy();
        repair.carry_out(&damaged, SECONDS).unwrap();
        assert!(has_all(&before, &damaged), "{what}: something is lost");
        assert_eq!(damaged.read(MANIFEST).unwrap(), manifest, "{what}");
        let (_, seen) = read(&damaged.after_power_loss()).unwrap();
        assert!(seen.is_begin_of(&history.records), "{what}");
        assert_eq!(seen.count(), history.records.len(), "{what}");
    }
}

#[test]
fn without_a_manifest_a_gap_or_two_answers_are_refused() {
    let (sim, history) = directory();
    let names = sim.names().unwrap();
    let counts = |name: &&String| *name != MANIFEST && !name.starts_with("spare-");
    for name in names.iter().filter(counts) {
        let copy = sim.copy();
        copy.remove(MANIFEST).unwrap();
        copy.remove(name).unwrap();
        match diagnosed(&copy) {
            // Nobody can know of segments at the end.
            Ok(Diagnosis::Repairable(repair)) => {
                repair.carry_out(&copy, SECONDS).unwrap();
                let (_, seen) = read(&copy).unwrap();
                assert!(seen.is_begin_of(&history.records), "without {name}");
                assert_eq!(Some(name), names.iter().rfind(|name| name.starts_with("log-")));
            }
            Ok(Diagnosis::Sound) => panic!("sound without {name}"),
            Err(error) => assert!(matches!(error, RepairError::NoAnswer { .. }), "{error}"),
        }
    }
}

#[test]
fn a_checkpoint_that_did_not_count_yet_leaves_two_answers() {
    let sim = Sim::new(1);
    let (recovered, _) = read(&sim).unwrap();
    let mut log = Log::begin(sim.clone(), OPTIONS, recovered, PARTITIONS).unwrap();
    let part = Part { partition: 0, first: 1, count: 1, payload: b"x" };
    log.append(1, &[part]).unwrap();
    let mark = log.cut(1).unwrap();
    let mut writer = CheckpointWriter::begin(sim.clone(), mark).unwrap();
    writer.append(0, 1, b"x").unwrap();
    writer.finish().unwrap();
    sim.remove(MANIFEST).unwrap();
    let files = sim.all();
    match diagnosed(&sim) {
        Err(RepairError::ManyAnswers { answers, .. }) => assert_eq!(answers.len(), 2),
        other => panic!("{other:?}"),
    }
    assert_eq!(sim.all(), files);
}

#[test]
fn a_log_that_is_damaged_from_its_begin_leaves_nothing_but_a_server_can_start() {
    let sim = Sim::new(1);
    let (recovered, _) = read(&sim).unwrap();
    let mut log = Log::begin(sim.clone(), OPTIONS, recovered, PARTITIONS).unwrap();
    log.append(1, &[Part { partition: 0, first: 1, count: 1, payload: b"x" }]).unwrap();
    log.close(1).unwrap();
    let segment = sim.names().unwrap().into_iter().find(|name| name.starts_with("log-")).unwrap();
    sim.damage(&segment, |bytes| bytes[20] ^= 1);
    sim.create("checkpoint-00000000000000000009.swc").unwrap();
    let before = sim.copy();
    let repair = repair_of(&sim).unwrap();
    assert_eq!((repair.manifest.files().count(), repair.lost.clone()), (0, Some(1..=2)));
    repair.carry_out(&sim, SECONDS).unwrap();
    assert!(has_all(&before, &sim), "what did not count before is kept as well");
    let (recovered, seen) = read(&sim).unwrap();
    assert_eq!(seen, Seen::default());
    assert!(History::default().live(&sim, recovered, &mut Chance::new(1), 3));
    assert!(read(&sim.after_power_loss()).is_ok());
}

#[test]
fn a_checkpoint_is_not_repaired() {
    let (sim, _) = directory();
    let names = sim.names().unwrap();
    let checkpoint = names.iter().find(|name| name.starts_with("checkpoint")).unwrap();
    let missing = sim.copy();
    missing.remove(checkpoint).unwrap();
    for (what, damaged) in damages(&sim, checkpoint).chain([("missing".to_owned(), missing)]) {
        assert!(read(&damaged).is_err(), "{what}");
        let files = damaged.all();
        assert!(repair_of(&damaged).is_none(), "{what}");
        assert_eq!(damaged.all(), files);
    }
}

/// Repairs and ends, or meets a failure, at a step. Returns whether there was no such step.
fn repair_once(damaged: &Sim, step: usize, fail: bool, what: &str) -> bool {
    let what = format!("{what}, step {step}, fail {fail}");
    let sim = damaged.copy();
    let repair = repair_of(&sim).unwrap();
    if fail {
        sim.fail_at(step)
    } else {
        sim.crash_at(step)
    }
    let outcome = repair.carry_out(&sim, SECONDS);
    let is_over = sim.steps() <= step;
    for left in [sim.after_kill(), sim.after_power_loss()] {
        assert!(has_all(damaged, &left), "{what}: something is lost");
        if let Err(error) = read(&left.copy()) {
            assert!(outcome.is_err(), "{what}: {error}");
            assert_eq!(error.to_string(), repair.damage.to_string(), "{what}");
            repair_of(&left).unwrap().carry_out(&left, SECONDS + 1).unwrap();
            assert!(has_all(damaged, &left), "{what}: something is lost by the second try");
        }
        let (recovered, _) = read(&left).unwrap();
        assert_eq!(recovered.newest, repair.contents.newest, "{what}");
    }
    is_over
}

#[test]
fn a_repair_that_ends_at_any_step_leaves_the_directory_as_it_was_or_repaired() {
    let (sim, _) = directory();
    let names = sim.names().unwrap();
    for name in names.iter().filter(|name| !name.starts_with("checkpoint")) {
        let all = damages(&sim, name)
            .filter(|(_, damaged)| read(&damaged.copy()).is_err() && diagnosed(damaged).is_ok());
        for (what, damaged) in all.step_by(29) {
            for fail in [false, true] {
                let mut step = 0;
                while !repair_once(&damaged, step, fail, &what) {
                    step += 1;
                }
                assert!(step > 4, "{what}: only {step} steps");
            }
        }
    }
}
