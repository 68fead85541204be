//! Segments that are written over others, on simulated directories: what an earlier one left behind the
//! log's end, whole or torn, is never a record of the new one, and no witness of anything, whatever
//! step the process ends at and whatever byte is damaged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sim;

use shardwright_journal::{
    CheckpointWriter, Diagnosis, FileHeader, FileKind, Log, LogOptions, Lsn, Part, RecordHead,
    RecoveryError, Storage, Tie, check, diagnose,
};
use sim::history::{Ending, History, OPTIONS, PARTITIONS, Seen, is_recycled, read};
use sim::seeds::some_seeds;
use sim::{Chance, Sim};

/// Crashes or failures at every step of lives in which files are written over again and again.
fn end_at_every_step(kill: bool, fail: bool) {
    let mut reused = 0;
    for seed in some_seeds(200) {
        let mut step = 0;
        loop {
            let ending = Ending { seed, step, kill, fail, records: 16, checkpoint_one_in: 2 };
            let (is_over, count) = ending.live();
            if is_over {
                reused += count;
                break;
            }
            step += 1;
        }
        assert!(step > 20, "seed {seed}: only {step} steps");
    }
    let lives = reused as u64 / some_seeds(200).count() as u64;
    assert!(lives >= 3, "files are written over only {lives} times in a history");
}

#[test]
fn a_kill_at_any_step_loses_nothing_that_was_written_over_an_earlier_segment() {
    end_at_every_step(true, false);
}

#[test]
fn a_power_loss_at_any_step_loses_nothing_that_was_written_over_an_earlier_segment() {
    end_at_every_step(false, false);
}

#[test]
fn a_failure_at_any_step_loses_nothing_that_was_written_over_an_earlier_segment() {
    end_at_every_step(false, true);
}

/// A directory that a killed process left, whose last segment has an earlier one's frames behind its
/// end. Everything was durable.
fn killed() -> (Sim, History) {
    for seed in 1.. {
        let (sim, mut chance) = (Sim::new(seed), Chance::new(seed));
        let (recovered, _) = read(&sim).unwrap();
        let mut history = History { checkpoint_one_in: 3, ..History::default() };
        let mut log = Log::begin(sim.clone(), OPTIONS, recovered, PARTITIONS).unwrap();
        for _ in 0..20 {
            let record = sim::history::record(&mut chance, log.sequences());
            log.append(1, &record.parts()).unwrap();
            history.records.push(record);
            log.sync().unwrap();
            if chance.one_in(3) {
                assert!(history.checkpoint(&sim, &mut log, &mut chance));
            }
        }
        log.sync().unwrap();
        history.durable = history.records.len();
        let left = sim.after_kill();
        let report = check(&left, &mut Seen::default(), &mut ()).unwrap();
        let (number, len) = *report.contents.unwrap().lens.last().unwrap();
        let name = shardwright_journal::segment_name(number);
        let stale = left.len(&name).unwrap().saturating_sub(len);
        let segments = report.manifest.unwrap().segments;
        let records = history.records.len() as u64 + 1 - segments.last().unwrap().first.0;
        if segments.len() > 1 && records > 2 && stale > 300 && is_recycled(&left, &name) {
            println!("the directory of seed {seed}, {stale} bytes behind the end of {name}");
            return (left, history);
        }
    }
    unreachable!("some seed leaves such a directory");
}

/// The name of the last segment, its bytes, and where its last record ends.
fn last_segment(sim: &Sim) -> (String, Vec<u8>, usize) {
    let report = check(sim, &mut Seen::default(), &mut ()).unwrap();
    let (number, len) = *report.contents.unwrap().lens.last().unwrap();
    let name = shardwright_journal::segment_name(number);
    let bytes = sim.read(&name).unwrap();
    (name, bytes, len as usize)
}

#[test]
fn what_an_earlier_segment_left_behind_the_end_is_no_torn_record() {
    let (sim, history) = killed();
    let files = sim.all();
    let report = check(&sim, &mut Seen::default(), &mut ()).unwrap();
    assert_eq!(report.contents.unwrap().torn, None);
    assert!(!report.spares.is_empty() && report.strays.is_empty() && report.damage.is_none());
    let sound = diagnose(&sim, &mut Seen::default(), &mut ()).unwrap();
    assert!(matches!(sound, Diagnosis::Sound));
    assert_eq!(sim.all(), files, "nothing was changed");
    let (name, _, end) = last_segment(&sim);
    let (recovered, seen) = read(&sim).unwrap();
    assert!(seen.count() == history.records.len() && seen.is_begin_of(&history.records));
    assert_eq!((recovered.torn, sim.len(&name).unwrap()), (None, end as u64));
}

#[test]
fn a_record_that_has_begun_behind_the_end_is_told_to_be_torn() {
    let (sim, history) = killed();
    let (name, _, end) = last_segment(&sim);
    let next = Lsn(history.records.len() as u64 + 1);
    let mut frame = Vec::new();
    let head = RecordHead { lsn: next, time_ms: 1, durable: Lsn(0) };
    head.encode(tie(&sim, &name), &[], &mut frame);
    for len in 16..frame.len() {
        let torn = sim.copy();
        torn.damage(&name, |bytes| bytes[end..end + len].copy_from_slice(&frame[..len]));
        let (recovered, seen) = read(&torn).unwrap();
        assert_eq!(seen.count(), history.records.len(), "{len} bytes of it");
        assert_eq!(recovered.torn.unwrap().spot.offset, end as u64, "{len} bytes of it");
    }
}

fn header(sim: &Sim, name: &str) -> FileHeader {
    FileHeader::decode(&sim.read(name).unwrap(), FileKind::Segment).unwrap().0
}

/// What frames of this segment are tied to.
fn tie(sim: &Sim, name: &str) -> Tie {
    let header = header(sim, name);
    Tie::to(&[header.directory, header.number])
}

/// Whole frames that would be the next records if they were this segment's, and would say that all
/// before them was durable: of any other segment they are neither records nor witnesses.
#[test]
fn a_whole_frame_of_another_segment_is_neither_record_nor_witness() {
    let (sim, history) = killed();
    let (name, bytes, end) = last_segment(&sim);
    let FileHeader { directory, number, .. } = header(&sim, &name);
    let next = history.records.len() as u64 + 1;
    let frames = |tie| {
        let mut frames = Vec::new();
        for lsn in next..next + 3 {
            let head = RecordHead { lsn: Lsn(lsn), time_ms: 1, durable: Lsn(lsn - 1) };
            head.encode(tie, &[], &mut frames);
        }
        frames
    };
    let put = |frames: &[u8], at: usize| {
        let copy = sim.copy();
        copy.damage(&name, |bytes| bytes[at..at + frames.len()].copy_from_slice(frames));
        copy
    };
    let own = frames(Tie::to(&[directory, number]));
    assert!(end + own.len() + 1 < bytes.len(), "there is room behind the end");
    assert_eq!(read(&put(&own, end)).unwrap().1.count(), history.records.len() + 3);
    let witnessed = read(&put(&own, end + 1));
    assert!(matches!(witnessed, Err(RecoveryError::Damaged { .. })), "{witnessed:?}");
    let others = (0..number).map(|other| Tie::to(&[directory, other]));
    for other in others.chain([Tie::NONE, Tie::to(&[directory + 1, number])]) {
        for at in [end, end + 1] {
            let (recovered, seen) = read(&put(&frames(other), at)).unwrap();
            assert_eq!(seen.count(), history.records.len(), "{other:?}");
            assert_eq!(recovered.newest.next(), Lsn(next), "{other:?}");
        }
    }
}

#[test]
fn damage_at_any_byte_of_a_segment_over_another_gives_a_prefix_or_is_refused() {
    let (sim, history) = killed();
    let (last, _, end) = last_segment(&sim);
    let count = history.records.len();
    let (mut refused, mut shorter) = (0, 0);
    for name in sim.names().unwrap().iter().filter(|name| name.starts_with("log-")) {
        let bytes = sim.read(name).unwrap();
        for at in 0..bytes.len() {
            let flipped = sim.copy();
            flipped.damage(name, |bytes| bytes[at] ^= 1 << (at % 8));
            let blank = sim.copy();
            blank.damage(name, |bytes| {
                bytes.iter_mut().skip(at).take(64).for_each(|byte| *byte = 0)
            });
            let cut = sim.copy();
            cut.damage(name, |bytes| bytes.truncate(at));
            for (kind, damaged) in [("flipped", flipped), ("blank", blank), ("cut", cut)] {
                let what = format!("byte {at} of {name} {kind}");
                match read(&damaged) {
                    Ok((_, seen)) => {
                        assert!(seen.is_begin_of(&history.records), "{what}: other records");
                        assert!(kind != "flipped" || seen.count() + 1 >= count, "{what}");
                        let is_behind = *name == last && at >= end;
                        assert!(!is_behind || seen.count() == count, "{what}: {}", seen.count());
                        shorter += usize::from(seen.count() < count);
                    }
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(refused > 100 && shorter > 100, "{refused} refused, {shorter} shorter");
}

fn spares(sim: &Sim) -> usize {
    sim.names().unwrap().iter().filter(|name| name.starts_with("spare-")).count()
}

/// Fills segments of a log with one part each.
fn fill(log: &mut Log<Sim>, segments: usize) {
    for _ in 0..segments {
        let first = log.sequences()[0] + 1;
        let part = Part { partition: 0, first, count: 1, payload: &[5; 950] };
        log.append(1, &[part]).unwrap();
        log.sync().unwrap();
    }
}

/// Lets a checkpoint of all that was written count.
fn checkpoint(sim: &Sim, log: &mut Log<Sim>) {
    let mark = log.cut(1).unwrap();
    let mut writer = CheckpointWriter::begin(sim.clone(), mark).unwrap();
    writer.append(0, 1, &[0; 16]).unwrap();
    log.install(writer.finish().unwrap()).unwrap();
}

fn begun(sim: &Sim, options: LogOptions) -> Log<Sim> {
    let (recovered, _) = read(sim).unwrap();
    Log::begin(sim.clone(), options, recovered, PARTITIONS).unwrap()
}

#[test]
fn spares_are_bounded_and_become_the_next_segments() {
    let sim = Sim::new(1);
    let mut log = begun(&sim, OPTIONS);
    fill(&mut log, 6);
    assert_eq!((spares(&sim), sim.reused()), (0, 0));
    checkpoint(&sim, &mut log);
    assert_eq!((spares(&sim), log.segments()), (3, 1));
    fill(&mut log, 5);
    assert_eq!((spares(&sim), sim.reused(), log.segments()), (0, 3, 6));
    checkpoint(&sim, &mut log);
    assert_eq!(spares(&sim), 3);
    drop(log);
    // A start takes one, and keeps no more than are wanted.
    drop(begun(&sim, LogOptions { spares: 1, ..OPTIONS }));
    assert_eq!((spares(&sim), sim.reused()), (1, 4));
    drop(begun(&sim, LogOptions { spares: 0, ..OPTIONS }));
    assert_eq!((spares(&sim), sim.reused()), (0, 4));
}

#[test]
fn files_that_are_too_short_or_too_long_are_not_kept() {
    let sim = Sim::new(1);
    let mut log = begun(&sim, OPTIONS);
    fill(&mut log, 2);
    let first = log.sequences()[0] + 1;
    log.append(1, &[Part { partition: 0, first, count: 1, payload: &[5; 2000] }]).unwrap();
    log.sync().unwrap();
    let first = first + 1;
    log.append(1, &[Part { partition: 0, first, count: 1, payload: b"short" }]).unwrap();
    checkpoint(&sim, &mut log);
    assert_eq!(spares(&sim), 2);
    drop(log);
    drop(begun(&sim, LogOptions { segment_bytes: 100, ..OPTIONS }));
    assert_eq!(spares(&sim), 0, "one is a segment, the other too long");
}

#[test]
fn a_file_with_another_name_or_a_reader_is_not_written_over() {
    let sim = Sim::new(1);
    let mut log = begun(&sim, OPTIONS);
    fill(&mut log, 2);
    sim.set_aside("log-0000000001.swl", "elsewhere").unwrap();
    let aside = sim.all()["elsewhere/log-0000000001.swl"].clone();
    let reader = sim.open("log-0000000002.swl").unwrap();
    checkpoint(&sim, &mut log);
    assert_eq!(spares(&sim), 2);
    fill(&mut log, 2);
    assert_eq!((spares(&sim), sim.reused()), (0, 0));
    assert_eq!(sim.all()["elsewhere/log-0000000001.swl"], aside);
    drop(reader);
}

#[test]
fn spares_make_room_when_something_fails() {
    for step in 0..4 {
        let sim = Sim::new(1);
        let mut log = begun(&sim, OPTIONS);
        fill(&mut log, 2);
        checkpoint(&sim, &mut log);
        assert_eq!(spares(&sim), 2);
        let mark = log.cut(1).unwrap();
        let kept = spares(&sim);
        sim.fail_at(step);
        let written = CheckpointWriter::begin(sim.clone(), mark).and_then(|writer| writer.finish());
        assert!(written.is_err());
        assert_eq!(spares(&sim), if step == 0 { kept } else { 0 }, "step {step}");
    }
    let sim = Sim::new(1);
    let mut log = begun(&sim, OPTIONS);
    fill(&mut log, 2);
    checkpoint(&sim, &mut log);
    log.append(1, &[]).unwrap();
    sim.fail_at(0);
    assert!(log.sync().is_err());
    assert_eq!(spares(&sim), 2);
    log.give_up(log.sequences().to_vec());
    assert_eq!(spares(&sim), 0);
}

/// Without a manifest nobody knows whether what is there counted: that is no empty directory.
#[test]
fn a_spare_alone_is_no_empty_directory_and_its_number_is_not_used_again() {
    let sim = Sim::new(1);
    let mut log = begun(&sim, OPTIONS);
    fill(&mut log, 4);
    checkpoint(&sim, &mut log);
    assert_eq!(spares(&sim), 3);
    drop(log);
    let (recovered, _) = read(&sim).unwrap();
    let alone = sim.copy();
    for name in alone.names().unwrap().iter().filter(|name| !name.starts_with("spare-")) {
        alone.remove(name).unwrap();
    }
    assert!(matches!(read(&alone), Err(RecoveryError::NoManifest(_))));
    // As after a repair that left nothing.
    alone.create("MANIFEST").unwrap();
    let manifest = shardwright_journal::Manifest {
        directory: recovered.manifest.directory,
        checkpoint: None,
        segments: Vec::new(),
    };
    alone.damage("MANIFEST", |bytes| *bytes = manifest.encode().into_bytes());
    let (recovered, _) = read(&alone).unwrap();
    assert_eq!(recovered.next_segment, 4, "spares were segments 1 to 3");
}
