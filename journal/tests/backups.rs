//! Backups and what is restored from them, on simulated directories: whatever step it ends at, a
//! backup is one that can be verified or none, and what was backed up is untouched; whatever byte is
//! damaged, nothing else than what was written is restored.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sim;

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use shardwright_journal::{
    BACKUP, BackupError, BackupFailed, CheckpointWriter, CopyError, Inventory, Log, MANIFEST, Part,
    Recovered, RecoveryError, Storage, open_to_back_up, restore, verify,
};
use sim::history::{History, OPTIONS, PARTITIONS, Seen, ended, is_recycled, read};
use sim::seeds::some_seeds;
use sim::{Chance, Sim, SimReader};

const MADE_MS: i64 = 77;

fn back_up<S: Storage>(source: &S, target: &Sim) -> Result<Inventory, BackupFailed> {
    let opened = open_to_back_up(source).map_err(CopyError::Source)?;
    opened.back_up(target, MADE_MS, &mut ())
}

/// What a backup has, if it is one.
fn verified(backup: &Sim) -> Result<(Inventory, Seen), BackupError> {
    let mut seen = Seen::default();
    let (inventory, contents) = verify(backup, &mut seen, &mut ())?;
    assert_eq!(contents.newest, inventory.newest);
    Ok((inventory, seen))
}

/// A directory as a server left it that was killed at any moment, and what a start would find there.
fn killed(seed: u64) -> (Sim, Seen) {
    let sim = Sim::new(seed);
    let mut chance = Chance::new(seed);
    let (recovered, _) = read(&sim).unwrap();
    sim.crash_at(20 + chance.below(60));
    History::default().live(&sim, recovered, &mut chance, 15);
    let left = sim.after_kill();
    let (_, seen) = read(&left.copy()).unwrap();
    (left, seen)
}

/// Makes a backup that ends or meets a failure at a step. Returns whether there was no such step.
fn backup_once(seed: u64, step: usize, fail: bool) -> bool {
    let what = format!("seed {seed}, step {step}, fail {fail}");
    let (source, expected) = killed(seed);
    let (files, steps) = (source.all(), source.steps());
    let target = Sim::new(seed);
    if fail {
        target.fail_at(step)
    } else {
        target.crash_at(step)
    }
    let outcome = back_up(&source, &target);
    assert_eq!((source.all(), source.steps()), (files, steps), "{what}: the source was changed");
    for left in [target.after_kill(), target.after_power_loss()] {
        match verified(&left) {
            Ok((_, seen)) => assert_eq!(seen, expected, "{what}"),
            Err(error) => {
                assert!(outcome.is_err(), "{what}: {error}");
                assert!(restore(&left, &Sim::new(1), &mut ()).is_err(), "{what}: {error}");
            }
        }
    }
    target.steps() <= step
}

#[test]
fn a_backup_that_ends_at_any_step_is_whole_or_none() {
    for seed in some_seeds(60) {
        for fail in [false, true] {
            let mut step = 0;
            while !backup_once(seed, step, fail) {
                step += 1;
            }
            assert!(step >= 10, "seed {seed}: only {step} steps");
        }
    }
}

/// A server at work: it goes on whenever somebody looks at its directory.
struct World {
    sim: Sim,
    log: Log<Sim>,
    history: History,
    chance: Chance,
    /// It goes on only when this much of this file was read, and then by three records.
    only_behind: Option<(String, usize)>,
}

impl World {
    fn was_read(&mut self, name: &str, bytes: usize) {
        let Some((_, end)) = self.only_behind.take_if(|(file, _)| file == name) else { return };
        if bytes <= end {
            self.only_behind = Some((name.to_owned(), end));
            return;
        }
        for _ in 0..3 {
            append(&mut self.log, 0, &[6; 100]);
            self.log.sync().unwrap();
        }
        self.only_behind = Some((String::new(), 0));
    }

    fn go_on(&mut self) {
        if self.only_behind.is_some() {
            return;
        }
        let Self { sim, log, history, chance, .. } = self;
        for _ in 0..chance.below(4) {
            let record = sim::history::record(chance, log.sequences());
            log.append(1, &record.parts()).unwrap();
            history.records.push(record);
            match chance.below(4) {
                0 => {}
                1 => log.write().unwrap(),
                _ => log.sync().unwrap(),
            }
        }
        if chance.one_in(4) {
            assert!(history.checkpoint(sim, log, chance));
        }
    }
}

/// A directory that changes whenever it is looked at.
struct Busy {
    sim: Sim,
    world: Rc<RefCell<World>>,
    /// How often its manifest was read.
    manifests: Cell<usize>,
    /// How often a file was opened.
    opens: Cell<usize>,
}

/// Reads little at a time, and the directory changes in between: seldom enough that reading can pass
/// the log's end before that moves.
struct BusyReader {
    reader: SimReader,
    name: String,
    reads: usize,
    bytes: usize,
    world: Rc<RefCell<World>>,
}

impl Read for BusyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        if self.reads.is_multiple_of(4) {
            self.world.borrow_mut().go_on();
        }
        let most = buffer.len().min(200);
        let count = self.reader.read(&mut buffer[..most])?;
        self.bytes += count;
        self.world.borrow_mut().was_read(&self.name, self.bytes);
        Ok(count)
    }
}

impl Seek for BusyReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.reader.seek(to)
    }
}

impl Storage for Busy {
    type File = <Sim as Storage>::File;
    type Reader = BusyReader;

    fn names(&self) -> io::Result<Vec<String>> {
        self.world.borrow_mut().go_on();
        self.sim.names()
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        self.sim.len(name)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.manifests.set(self.manifests.get() + usize::from(name == MANIFEST));
        self.world.borrow_mut().go_on();
        self.sim.read(name)
    }

    fn open(&self, name: &str) -> io::Result<Self::Reader> {
        self.world.borrow_mut().go_on();
        let (mut reader, world) = (self.sim.open_without_lock(name)?, Rc::clone(&self.world));
        // Sometimes it is no longer what it was when it is locked at last.
        self.opens.set(self.opens.get() + 1);
        if self.opens.get().is_multiple_of(7) {
            (0..6).for_each(|_| world.borrow_mut().go_on());
        }
        reader.lock();
        Ok(BusyReader { reader, name: name.to_owned(), reads: 0, bytes: 0, world })
    }

    fn create(&self, name: &str) -> io::Result<Self::File> {
        panic!("{name} is created")
    }

    fn reopen(&self, name: &str) -> io::Result<Option<Self::File>> {
        panic!("{name} is written over")
    }

    fn settle(&self, name: &str, _len: u64) -> io::Result<()> {
        panic!("{name} is cut off")
    }

    fn rename(&self, from: &str, _to: &str) -> io::Result<()> {
        panic!("{from} is renamed")
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        panic!("{name} is removed")
    }

    fn set_aside(&self, name: &str, _subdirectory: &str) -> io::Result<()> {
        panic!("{name} is set aside")
    }

    fn sync_directory(&self) -> io::Result<()> {
        panic!("the directory is synced")
    }
}

#[test]
fn a_backup_beside_a_server_has_all_that_was_written_before_it_and_no_half_record() {
    let (mut grew, mut again, mut recycled) = (0, 0, 0);
    for seed in some_seeds(300) {
        let sim = Sim::new(seed);
        let (recovered, _) = read(&sim).unwrap();
        let log = Log::begin(sim.clone(), OPTIONS, recovered, PARTITIONS).unwrap();
        let chance = Chance::new(seed);
        let history = History::default();
        let mut world = World { sim: sim.clone(), log, history, chance, only_behind: None };
        (0..8).for_each(|_| world.go_on());
        world.log.sync().unwrap();
        let before = world.history.records.len();
        let world = Rc::new(RefCell::new(world));
        let target = Sim::new(seed);
        let (manifests, opens) = (Cell::new(0), Cell::new(0));
        let busy = Busy { sim, world: Rc::clone(&world), manifests, opens };
        let reused = busy.sim.reused();
        let inventory =
            back_up(&busy, &target).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let (found, seen) =
            verified(&target).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(found, inventory);
        assert_eq!(inventory.newest.0, seen.count() as u64);
        assert!(seen.count() >= before, "seed {seed}: {} of {before} records", seen.count());
        assert!(seen.is_begin_of(&world.borrow().history.records), "seed {seed}: other records");
        grew += usize::from(seen.count() > before);
        again += usize::from(busy.manifests.get() > 2);
        recycled += busy.sim.reused() - reused;
    }
    assert!(grew > 0, "no backup met a record that was written meanwhile");
    assert!(again > 0, "no backup met a checkpoint that took a file away");
    assert!(recycled > 100, "few backups met a segment that was written over: {recycled}");
}

/// A record of one part.
fn append(log: &mut Log<Sim>, partition: u16, payload: &[u8]) {
    let first = log.sequences()[usize::from(partition)] + 1;
    log.append(1, &[Part { partition, first, count: 1, payload }]).unwrap();
}

/// Reading has passed what an earlier segment left behind the log's end when records are written there:
/// it then sees the end of what was written and not its begin.
#[test]
fn what_is_written_behind_the_reader_is_no_damage() {
    let sim = Sim::new(1);
    let (recovered, _) = read(&sim).unwrap();
    let mut log = Log::begin(sim.clone(), OPTIONS, recovered, PARTITIONS).unwrap();
    let fill = |log: &mut Log<Sim>| {
        append(log, 0, &[5; 950]);
        log.sync().unwrap();
    };
    fill(&mut log);
    let mark = log.cut(1).unwrap();
    let mut checkpoint = CheckpointWriter::begin(sim.clone(), mark).unwrap();
    checkpoint.append(0, 1, &[0; 16]).unwrap();
    log.install(checkpoint.finish().unwrap()).unwrap();
    fill(&mut log);
    append(&mut log, 0, &[6; 10]);
    log.sync().unwrap();
    let last = "log-0000000003.swl".to_owned();
    assert!(is_recycled(&sim, &last));
    let newest = log.durable();
    let (history, chance, only_behind) = (History::default(), Chance::new(1), Some((last, 160)));
    let world = World { sim: sim.clone(), log, history, chance, only_behind };
    let world = Rc::new(RefCell::new(world));
    let (manifests, opens) = (Cell::new(0), Cell::new(0));
    let busy = Busy { sim, world: Rc::clone(&world), manifests, opens };
    let inventory = back_up(&busy, &Sim::new(1)).unwrap();
    assert_eq!(world.borrow().log.durable().0, newest.0 + 3, "they were written meanwhile");
    assert_eq!(inventory.newest.0, newest.0 + 3, "they are in the backup");
}

#[test]
fn a_damaged_directory_is_not_backed_up() {
    let (sim, history) = ended(7);
    for name in sim.names().unwrap() {
        let len = sim.read(&name).unwrap().len();
        for at in (0..len).step_by(3) {
            let damaged = sim.copy();
            damaged.damage(&name, |bytes| bytes[at] ^= 1 << (at % 8));
            let target = Sim::new(1);
            match (read(&damaged.copy()), back_up(&damaged, &target)) {
                (Ok((_, expected)), Ok(_)) => {
                    assert_eq!(verified(&target).unwrap().1, expected);
                    assert!(expected.is_begin_of(&history.records));
                }
                (Err(expected), Err(error)) => {
                    assert_eq!(expected.to_string(), error.to_string(), "byte {at} of {name}");
                    assert!(verified(&target).is_err());
                }
                (start, backup) => panic!("byte {at} of {name}: {start:?}, {backup:?}"),
            }
        }
    }
}

#[test]
fn there_is_nothing_to_back_up_in_an_empty_directory_and_a_missing_file_is_told() {
    assert!(matches!(open_to_back_up(&Sim::new(1)).err(), Some(RecoveryError::NoData)));
    let (sim, _) = ended(3);
    let segment = sim.names().unwrap().into_iter().find(|name| name.starts_with("log-")).unwrap();
    sim.remove(&segment).unwrap();
    let error = open_to_back_up(&sim).err().unwrap();
    assert_eq!(error.to_string(), format!("there is no {segment}, which MANIFEST names"));
}

/// A small backup with a checkpoint and several segments, and what it has.
fn backup() -> (Sim, Seen) {
    for seed in 1.. {
        let (source, _) = ended(seed);
        let target = Sim::new(seed);
        let inventory = back_up(&source, &target).unwrap();
        if inventory.files.len() >= 4 && inventory.files[0].name.starts_with("checkpoint") {
            println!("the backup of seed {seed}");
            return (target.clone(), verified(&target).unwrap().1);
        }
    }
    unreachable!("some seed has a checkpoint and segments");
}

/// What a start finds in what was restored, if anything was.
fn restored(backup: &Sim) -> Option<(Recovered, Seen)> {
    let target = Sim::new(5);
    restore(backup, &target, &mut ()).ok()?;
    Some(read(&target.after_power_loss()).expect("what was restored can be started with"))
}

#[test]
fn what_is_restored_is_what_was_backed_up() {
    let (backup, expected) = backup();
    let files = backup.all();
    let (recovered, seen) = restored(&backup).unwrap();
    assert_eq!((seen, recovered.torn), (expected, None));
    assert_eq!(backup.all(), files);
}

#[test]
fn damage_at_any_byte_of_a_backup_is_found_and_nothing_wrong_is_restored() {
    let (backup, _) = backup();
    for name in backup.names().unwrap() {
        for at in 0..backup.read(&name).unwrap().len() {
            let flipped = backup.copy();
            flipped.damage(&name, |bytes| bytes[at] ^= 1 << (at % 8));
            let cut = backup.copy();
            cut.damage(&name, |bytes| bytes.truncate(at));
            let longer = backup.copy();
            longer.damage(&name, |bytes| bytes.insert(at, 0));
            for (kind, damaged) in [("flipped", flipped), ("cut", cut), ("longer", longer)] {
                assert!(verified(&damaged).is_err(), "byte {at} of {name} {kind}");
                assert!(restored(&damaged).is_none(), "byte {at} of {name} {kind}");
            }
        }
    }
}

#[test]
fn a_file_that_is_missing_or_too_many_is_found() {
    let (backup, expected) = backup();
    for name in backup.names().unwrap() {
        let copy = backup.copy();
        copy.remove(&name).unwrap();
        let is_told = match verified(&copy) {
            Err(BackupError::NoBackup) => name == BACKUP,
            Err(BackupError::Missing(missing)) => missing == name,
            other => panic!("{name}: {other:?}"),
        };
        assert!(is_told && restored(&copy).is_none(), "{name}");
    }
    let copy = backup.copy();
    copy.create("log-0000000099.swl").unwrap();
    assert!(matches!(verified(&copy), Err(BackupError::Surplus(_))));
    let copy = backup.copy();
    copy.create("notes.txt").unwrap();
    assert_eq!(verified(&copy).unwrap().1, expected);
}

/// Restores and ends, or meets a failure, at a step. Returns whether there was no such step.
fn restore_once(backup: &Sim, expected: &Seen, step: usize, fail: bool) -> bool {
    let what = format!("step {step}, fail {fail}");
    let target = Sim::new(step as u64 + 1);
    if fail {
        target.fail_at(step)
    } else {
        target.crash_at(step)
    }
    let outcome = restore(backup, &target, &mut ());
    for left in [target.after_kill(), target.after_power_loss()] {
        match read(&left) {
            Err(RecoveryError::Unfinished) => assert!(outcome.is_err(), "{what}"),
            Ok((_, seen)) if seen == *expected => {}
            // Before the mark's name is durable there is an empty directory.
            Ok((_, seen)) => assert!(seen == Seen::default() && step < 4, "{what}: {seen:?}"),
            Err(error) => panic!("{what}: {error}"),
        }
    }
    target.steps() <= step
}

#[test]
fn a_restore_that_ends_at_any_step_leaves_all_or_what_no_server_starts_with() {
    let (backup, expected) = backup();
    for fail in [false, true] {
        let mut step = 0;
        while !restore_once(&backup, &expected, step, fail) {
            step += 1;
        }
        assert!(step > 10, "only {step} steps");
    }
}
