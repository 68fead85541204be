//! A data directory in memory that loses, tears and refuses, by a seed: what was not synced may be
//! gone after a crash, all of it or any sectors, with what was there before in their place; what was
//! renamed may not be; an operation can fail, and after a sync that failed another one makes nothing
//! durable; and there can be room for so many bytes only.

#![allow(dead_code, reason = "each test uses a part of it")]

pub mod history;
pub mod seeds;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use shardwright_journal::{Storage, StorageFile};

/// What is written together or not at all.
const SECTOR: usize = 512;

/// A small generator of numbers that look random (Marsaglia's xorshift, 64 bits).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        let mut chance = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..4).for_each(|_| _ = chance.next());
        chance
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

#[derive(Debug, Clone, Default)]
struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// A sync failed: nothing more of it becomes durable.
    lost: bool,
    /// Those that have it open to read.
    readers: usize,
}

#[derive(Debug, Clone)]
enum NameChange {
    Link(String, usize),
    Rename(String, String),
    Remove(String),
}

type Names = BTreeMap<String, usize>;

fn apply(names: &mut Names, change: &NameChange) {
    match change {
        NameChange::Link(name, inode) => _ = names.insert(name.clone(), *inode),
        NameChange::Rename(from, to) => {
            if let Some(inode) = names.remove(from) {
                names.insert(to.clone(), inode);
            }
        }
        NameChange::Remove(name) => _ = names.remove(name),
    }
}

#[derive(Debug)]
struct State {
    chance: Chance,
    inodes: Vec<Inode>,
    names: Names,
    durable_names: Names,
    changes: Vec<NameChange>,
    /// Operations that could fail or be cut off, so far.
    steps: usize,
    crash_at: Option<usize>,
    fail_at: Vec<usize>,
    crashed: bool,
    /// Bytes that all files may have together.
    room: Option<usize>,
    /// Operations that failed, and those for which there was no room.
    failures: usize,
    /// Files that were taken to be written over.
    reused: usize,
}

impl State {
    /// How many more bytes there is room for.
    fn free(&self) -> usize {
        let Some(room) = self.room else { return usize::MAX };
        let mut inodes: Vec<usize> = self.names.values().copied().collect();
        inodes.sort_unstable();
        inodes.dedup();
        let used: usize = inodes.iter().map(|inode| self.inodes[*inode].live.len()).sum();
        room.saturating_sub(used)
    }

    fn no_room(&mut self) -> io::Error {
        self.failures += 1;
        io::Error::from_raw_os_error(NO_SPACE)
    }
}

/// Linux's ENOSPC.
pub const NO_SPACE: i32 = 28;

/// A simulated data directory.
#[derive(Debug, Clone)]
pub struct Sim(Rc<RefCell<State>>);

impl Sim {
    pub fn new(seed: u64) -> Self {
        Self::of(Chance::new(seed), Vec::new(), Names::new(), 0)
    }

    fn of(chance: Chance, inodes: Vec<Inode>, names: Names, reused: usize) -> Self {
        Self(Rc::new(RefCell::new(State {
            chance,
            inodes,
            durable_names: names.clone(),
            names,
            changes: Vec::new(),
            steps: 0,
            crash_at: None,
            fail_at: Vec::new(),
            crashed: false,
            room: None,
            failures: 0,
            reused,
        })))
    }

    /// The process ends in the middle of operation number `step` from now on.
    pub fn crash_at(&self, step: usize) {
        let mut state = self.0.borrow_mut();
        state.crash_at = Some(state.steps + step);
    }

    /// Operation number `step` from now on fails.
    pub fn fail_at(&self, step: usize) {
        let mut state = self.0.borrow_mut();
        let step = state.steps + step;
        state.fail_at.push(step);
    }

    /// All files have room for so many bytes together, or for any number.
    pub fn bound(&self, room: Option<usize>) {
        self.0.borrow_mut().room = room;
    }

    /// How many more bytes there is room for.
    pub fn free(&self) -> usize {
        self.0.borrow().free()
    }

    /// Whether something failed, or the process ended where it should.
    pub fn has_struck(&self) -> bool {
        let state = self.0.borrow();
        state.crashed || state.failures > 0
    }

    /// A file that is open to read, and not yet kept from being written over.
    pub fn open_without_lock(&self, name: &str) -> io::Result<SimReader> {
        let inode = *self.0.borrow().names.get(name).ok_or_else(Self::missing)?;
        Ok(SimReader { sim: self.clone(), inode, at: 0, is_locked: false })
    }

    /// How many files were taken to be written over, in earlier lives as well.
    pub fn reused(&self) -> usize {
        self.0.borrow().reused
    }

    /// Operations so far.
    pub fn steps(&self) -> usize {
        self.0.borrow().steps
    }

    /// The directory as the next start finds it after the machine lost power.
    pub fn after_power_loss(&self) -> Self {
        let mut state = self.0.borrow_mut();
        let mut names = state.durable_names.clone();
        for change in std::mem::take(&mut state.changes) {
            if !state.chance.one_in(3) {
                apply(&mut names, &change);
            }
        }
        let mut chance = state.chance.clone();
        chance.next();
        let inodes = state.inodes.iter().map(|inode| survivor(inode, &mut chance)).collect();
        Self::of(chance, inodes, names, state.reused)
    }

    /// The directory as the next start finds it after the process alone was killed.
    pub fn after_kill(&self) -> Self {
        let state = self.0.borrow();
        let (inodes, names) = (state.inodes.clone(), state.names.clone());
        let mut next = Self::of(state.chance.clone(), inodes, names, state.reused);
        let inner = Rc::get_mut(&mut next.0).unwrap().get_mut();
        inner.durable_names = state.durable_names.clone();
        inner.changes = state.changes.clone();
        next
    }

    /// Changes a file's bytes behind everybody's back, durably.
    pub fn damage(&self, name: &str, act: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.borrow_mut();
        let inode = state.names[name];
        let inode = &mut state.inodes[inode];
        act(&mut inode.live);
        inode.durable = inode.live.clone();
    }

    /// All files with their bytes, those in subdirectories as well.
    pub fn all(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.0.borrow();
        let bytes = |inode: &usize| state.inodes[*inode].live.clone();
        state.names.iter().map(|(name, inode)| (name.clone(), bytes(inode))).collect()
    }

    /// A copy of it all, to damage.
    pub fn copy(&self) -> Self {
        let state = self.0.borrow();
        let (inodes, names) = (state.inodes.clone(), state.names.clone());
        Self::of(state.chance.clone(), inodes, names, state.reused)
    }

    /// One more operation: whether it is to be done at all, in part, or fails.
    fn step(&self) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        if state.crashed {
            return Err(io::Error::other("the process has ended"));
        }
        let step = state.steps;
        state.steps += 1;
        if state.crash_at == Some(step) {
            state.crashed = true;
            return Err(io::Error::other("the process ends here"));
        }
        if state.fail_at.contains(&step) {
            state.failures += 1;
            return Err(io::Error::from_raw_os_error(if state.chance.one_in(2) {
                5
            } else {
                NO_SPACE
            }));
        }
        Ok(())
    }

    fn change(&self, change: NameChange) -> io::Result<()> {
        let outcome = self.step();
        let mut state = self.0.borrow_mut();
        // What fails or is cut off may have been done all the same.
        if outcome.is_ok() || state.chance.one_in(2) {
            apply(&mut state.names, &change);
            state.changes.push(change);
        }
        outcome
    }

    fn missing() -> io::Error {
        io::Error::from(io::ErrorKind::NotFound)
    }
}

/// What a file's unsynced bytes are after a power loss: any sectors of them, and in place of others
/// what was there before, or zeros.
fn survivor(inode: &Inode, chance: &mut Chance) -> Inode {
    let Inode { live, durable, .. } = inode;
    let mut bytes = durable.clone();
    let both = live.len().min(durable.len());
    let begin = (0..both).find(|at| live[*at] != durable[*at]).unwrap_or(both);
    let fate = chance.below(4);
    if fate > 0 && live.len() > begin && live.len() >= durable.len() {
        let cut = begin + chance.below(live.len() - begin + 1);
        let len = if fate == 1 { live.len() } else { cut };
        bytes.resize(len.max(durable.len()), 0);
        // Of what was written over any sectors may be new.
        let len = if fate == 3 { bytes.len() } else { len };
        let mut at = begin;
        while at < len {
            let end = ((at / SECTOR + 1) * SECTOR).min(len);
            if fate < 3 || chance.one_in(2) {
                bytes[at..end].copy_from_slice(&live[at..end]);
            }
            at = end;
        }
    }
    Inode { live: bytes.clone(), durable: bytes, ..Inode::default() }
}

impl Storage for Sim {
    type File = SimFile;
    type Reader = SimReader;

    fn names(&self) -> io::Result<Vec<String>> {
        let state = self.0.borrow();
        Ok(state.names.keys().filter(|name| !name.contains('/')).cloned().collect())
    }

    fn len(&self, name: &str) -> io::Result<u64> {
        self.read(name).map(|bytes| bytes.len() as u64)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let state = self.0.borrow();
        let inode = state.names.get(name).ok_or_else(Self::missing)?;
        Ok(state.inodes[*inode].live.clone())
    }

    fn open(&self, name: &str) -> io::Result<Self::Reader> {
        let mut reader = self.open_without_lock(name)?;
        reader.lock();
        Ok(reader)
    }

    fn reopen(&self, name: &str) -> io::Result<Option<SimFile>> {
        self.step()?;
        let mut state = self.0.borrow_mut();
        let inode = *state.names.get(name).ok_or_else(Self::missing)?;
        let links = state.names.values().filter(|other| **other == inode).count();
        if links > 1 || state.inodes[inode].readers > 0 {
            return Ok(None);
        }
        state.reused += 1;
        // What a sync that failed lost may be lost; what is written over it is written anew.
        state.inodes[inode].lost = false;
        Ok(Some(SimFile { sim: self.clone(), inode, at: 0 }))
    }

    fn create(&self, name: &str) -> io::Result<SimFile> {
        let known = self.0.borrow().names.get(name).copied();
        if let Some(inode) = known {
            // The name stays; what was in the file is gone once that is synced.
            self.step()?;
            let file = &mut self.0.borrow_mut().inodes[inode];
            file.live.clear();
            file.lost = false;
            return Ok(SimFile { sim: self.clone(), inode, at: 0 });
        }
        let inode = {
            let mut state = self.0.borrow_mut();
            if state.free() == 0 {
                return Err(state.no_room());
            }
            state.inodes.push(Inode::default());
            state.inodes.len() - 1
        };
        self.change(NameChange::Link(name.to_owned(), inode))?;
        Ok(SimFile { sim: self.clone(), inode, at: 0 })
    }

    fn settle(&self, name: &str, len: u64) -> io::Result<()> {
        self.step()?;
        let mut state = self.0.borrow_mut();
        let inode = *state.names.get(name).ok_or_else(Self::missing)?;
        let inode = &mut state.inodes[inode];
        inode.live.truncate(len as usize);
        inode.durable = inode.live.clone();
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(NameChange::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.change(NameChange::Remove(name.to_owned()))
    }

    fn set_aside(&self, name: &str, subdirectory: &str) -> io::Result<()> {
        let outcome = self.step();
        let mut state = self.0.borrow_mut();
        let second = format!("{subdirectory}/{name}");
        if state.names.contains_key(&second) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = *state.names.get(name).ok_or_else(Self::missing)?;
        // What fails or is cut off may have been done all the same.
        if outcome.is_ok() || state.chance.one_in(2) {
            state.names.insert(second.clone(), inode);
        }
        if outcome.is_ok() {
            state.durable_names.insert(second, inode);
        }
        outcome
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.step()?;
        let mut state = self.0.borrow_mut();
        state.changes.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }
}

/// A file of a simulated directory.
#[derive(Debug)]
pub struct SimFile {
    sim: Sim,
    inode: usize,
    at: usize,
}

impl StorageFile for SimFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut outcome = self.sim.step();
        let mut state = self.sim.0.borrow_mut();
        let mut done = match outcome {
            Ok(()) => bytes.len(),
            Err(_) => state.chance.below(bytes.len() + 1),
        };
        // What is written over takes no more room than it did.
        let len = state.inodes[self.inode].live.len();
        let most = (len - self.at.min(len)).saturating_add(state.free());
        if done > most {
            done = most;
            outcome = Err(state.no_room());
        }
        let live = &mut state.inodes[self.inode].live;
        let end = self.at + done;
        live.resize(live.len().max(end), 0);
        live[self.at..end].copy_from_slice(&bytes[..done]);
        self.at = end;
        outcome
    }

    fn sync(&mut self) -> io::Result<()> {
        let outcome = self.sim.step();
        let mut state = self.sim.0.borrow_mut();
        let State { inodes, chance, .. } = &mut *state;
        let inode = &mut inodes[self.inode];
        match outcome {
            Ok(()) if inode.lost => {}
            Ok(()) => inode.durable = inode.live.clone(),
            Err(_) => {
                inode.durable = survivor(inode, chance).durable;
                inode.lost = true;
            }
        }
        outcome
    }
}

/// Reads what a file has at that time.
#[derive(Debug)]
pub struct SimReader {
    sim: Sim,
    inode: usize,
    at: usize,
    is_locked: bool,
}

impl SimReader {
    /// Keeps the file from being written over.
    pub fn lock(&mut self) {
        self.is_locked = true;
        self.sim.0.borrow_mut().inodes[self.inode].readers += 1;
    }
}

impl Read for SimReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self.sim.0.borrow();
        let rest = state.inodes[self.inode].live.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        Ok(count)
    }
}

impl Seek for SimReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Start(at) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        self.at = at as usize;
        Ok(at)
    }
}

impl Drop for SimReader {
    fn drop(&mut self) {
        self.sim.0.borrow_mut().inodes[self.inode].readers -= usize::from(self.is_locked);
    }
}
