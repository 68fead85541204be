//! Commands that wait for a key: who waits for which keys of one partition, in the order in which
//! they came, and the claim by which a wait ends once.
//!
//! A command that finds nothing is registered with all its keys, under the hands of whoever holds
//! their partitions. Every change of a key that somebody waits for makes the key *ready*; when the
//! command (or the whole transaction) that changed it is over, ready keys are served before anything
//! else happens on their partitions: in the order in which they got what somebody waits for, as in
//! Redis, and behind these the ones that changed in any other way. Several may want to end a wait:
//! shards of different keys, its time-out, CLIENT UNBLOCK, the end of its connection. Whoever takes the
//! claim does, and nobody else.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::command::Handler;
use crate::executor::{Batch, Request};
use crate::types::DbIndex;
use crate::value::Kind;

/// Whose wait it is, in terms of who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner(pub u64, pub u64);

/// How a wait stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum State {
    /// Its command was not run yet.
    New,
    /// It is registered with its keys.
    Waiting,
    /// A shard serves it, or has.
    Served,
    /// Its time is over, or its connection has ended.
    Ended,
    /// It was ended by CLIENT UNBLOCK, as if its time were over.
    Unblocked,
    /// It was ended by CLIENT UNBLOCK with an error.
    UnblockedWithError,
}

/// How CLIENT UNBLOCK ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unblocked {
    /// As its time-out does.
    LikeTimeout,
    /// With an error.
    WithError,
}

/// The claim on one wait. It is shared by all who may end it.
#[derive(Debug)]
pub struct Claim {
    /// Unique in the process.
    pub number: u64,
    /// Whose wait it is.
    pub owner: Owner,
    state: AtomicU8,
}

impl Claim {
    /// A claim that nobody has taken.
    pub fn new(number: u64, owner: Owner) -> Self {
        Self { number, owner, state: AtomicU8::new(State::New as u8) }
    }

    fn change(&self, to: State) -> bool {
        let change = |state| (state <= State::Waiting as u8).then_some(to as u8);
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, change).is_ok()
    }

    /// Takes it to serve the wait. Returns whether it could be taken.
    pub fn serve(&self) -> bool {
        self.change(State::Served)
    }

    /// Takes it since the time is over or the connection has ended.
    pub fn end(&self) -> bool {
        self.change(State::Ended)
    }

    /// Takes it for CLIENT UNBLOCK, if the wait has really begun.
    pub fn unblock(&self, with_error: bool) -> bool {
        self.is_waiting()
            && self.change(if with_error { State::UnblockedWithError } else { State::Unblocked })
    }

    /// How CLIENT UNBLOCK ended the wait, if it did.
    pub fn unblocked(&self) -> Option<Unblocked> {
        match self.state.load(Ordering::Acquire) {
            state if state == State::Unblocked as u8 => Some(Unblocked::LikeTimeout),
            state if state == State::UnblockedWithError as u8 => Some(Unblocked::WithError),
            _ => None,
        }
    }

    /// Whether the command was not run yet.
    pub fn is_new(&self) -> bool {
        self.state.load(Ordering::Acquire) == State::New as u8
    }

    /// Whether the wait has begun and not ended.
    pub fn is_waiting(&self) -> bool {
        self.state.load(Ordering::Acquire) == State::Waiting as u8
    }

    /// Whether nobody has ended it.
    pub fn is_open(&self) -> bool {
        self.state.load(Ordering::Acquire) <= State::Waiting as u8
    }

    /// The wait begins, unless somebody ended it before: to be registered with its keys now.
    pub fn begin(&self) -> bool {
        self.change(State::Waiting)
    }
}

/// A wait as its keys' partitions know it.
#[derive(Debug, Clone)]
pub struct Waiter {
    /// Its claim.
    pub claim: Arc<Claim>,
    /// Its command.
    pub batch: Arc<Batch>,
    /// It has something to be told when a key goes.
    pub minds_going: bool,
    /// It is about to be served by a block that holds all its partitions: whoever waits behind it
    /// waits for that.
    pub retrying: bool,
}

/// What became of a wait while somebody else's command ran.
#[derive(Debug)]
pub enum WaitOutcome {
    /// It was served: this is the reply.
    Served(Owner, Vec<u8>),
    /// A block that holds all its partitions has to serve it.
    Retry(Waiter),
}

impl Waiter {
    /// The type of what it waits for.
    fn awaits(&self) -> Option<Kind> {
        match self.batch.requests.first() {
            Some(Request::Command(planned)) => match planned.handler {
                Handler::Block(blocking) => Some(blocking.awaits),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a change is one that it waits for.
    fn is_for(&self, touch: Touch) -> bool {
        match touch {
            Touch::Brings(kind) => self.awaits() == Some(kind),
            Touch::Takes => self.minds_going,
            Touch::Other => false,
        }
    }
}

/// What a change of a key may mean to those who wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// A collection of this type came to be there, or got what its readers have not seen.
    Brings(Kind),
    /// What was there has gone.
    Takes,
    /// Neither, as far as Redis is concerned. If somebody can be served all the same, he is.
    Other,
}

type Key = (DbIndex, Box<[u8]>);

/// Numbers from here on are those of keys that are served behind all others.
const LATE: u64 = 1 << 63;

/// Numbers keys as they become ready, over all partitions: those of a block are served in this order.
/// Counts only while somebody waits.
static READY: AtomicU64 = AtomicU64::new(0);

/// Who waits for keys of one partition. Costs one branch a change while nobody waits.
#[derive(Debug, Default)]
pub struct WaiterTable {
    queues: HashMap<Key, VecDeque<Waiter>>,
    keys: HashMap<u64, Vec<Key>>,
    /// Keys that changed and that somebody waits for, each once, by the numbers that they got then.
    ready: VecDeque<(u64, Key)>,
    /// Registrations of those who have something to be told when a key goes.
    minding: usize,
}

impl WaiterTable {
    /// Whether nobody waits for anything here.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Number of keys that somebody waits for.
    pub fn len(&self) -> usize {
        self.queues.len()
    }

    /// Registers a wait for a key, behind all others.
    pub fn add(&mut self, db: DbIndex, key: &[u8], waiter: Waiter) {
        let id: Key = (db, key.into());
        let keys = self.keys.entry(waiter.claim.number).or_default();
        if keys.contains(&id) {
            return;
        }
        keys.push(id.clone());
        self.minding += usize::from(waiter.minds_going);
        self.queues.entry(id).or_default().push_back(waiter);
    }

    /// Forgets a wait, of which nothing is known here any more.
    pub fn forget(&mut self, number: u64) {
        for key in self.keys.remove(&number).unwrap_or_default() {
            if let Some(queue) = self.queues.get_mut(&key) {
                queue.retain(|waiter| {
                    let goes = waiter.claim.number == number;
                    self.minding -= usize::from(goes && waiter.minds_going);
                    !goes
                });
                if queue.is_empty() {
                    self.queues.remove(&key);
                } else {
                    // Who waited behind it may have waited for it alone.
                    self.make_ready(key);
                }
            }
        }
    }

    /// Notes that a key changed; how, is asked for only if somebody waits.
    #[inline]
    pub fn touch(&mut self, db: DbIndex, key: &[u8], how: impl FnOnce() -> Touch) {
        if !self.is_empty() {
            self.touch_awaited(db, key, how());
        }
    }

    #[cold]
    fn touch_awaited(&mut self, db: DbIndex, key: &[u8], touch: Touch) {
        let id: Key = (db, key.into());
        let Some(queue) = self.queues.get(&id) else { return };
        if queue.iter().any(|waiter| waiter.is_for(touch)) {
            self.make_ready(id);
        } else {
            self.make_ready_late(id);
        }
    }

    #[cold]
    fn make_ready(&mut self, key: Key) {
        match self.ready.iter().position(|(_, ready)| *ready == key) {
            Some(at) if self.ready.get(at).is_some_and(|(number, _)| *number < LATE) => return,
            Some(at) => _ = self.ready.remove(at),
            None => {}
        }
        let at = self.ready.partition_point(|(number, _)| *number < LATE);
        self.ready.insert(at, (READY.fetch_add(1, Ordering::Relaxed), key));
    }

    #[cold]
    fn make_ready_late(&mut self, key: Key) {
        if !self.ready.iter().any(|(_, ready)| *ready == key) {
            self.ready.push_back((LATE | READY.fetch_add(1, Ordering::Relaxed), key));
        }
    }

    /// Notes that any key of these databases may have changed.
    pub fn touch_databases(&mut self, dbs: [DbIndex; 2]) {
        let is_touched = |key: &&Key| dbs.contains(&key.0);
        let mut keys: Vec<Key> = self.queues.keys().filter(is_touched).cloned().collect();
        // The table has its own order in every process.
        keys.sort_unstable();
        keys.into_iter().for_each(|key| self.make_ready(key));
    }

    /// Whether a key is ready.
    #[inline]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The number of the key that became ready first: less than of any that did so later, here or in
    /// another partition.
    pub fn first_ready(&self) -> Option<u64> {
        self.ready.front().map(|(number, _)| *number)
    }

    /// Takes the key that became ready first.
    pub fn take_ready(&mut self) -> Option<(DbIndex, Box<[u8]>)> {
        self.ready.pop_front().map(|(_, key)| key)
    }

    /// Who waits longest for a key, behind the first `passed`, of those whose wait nobody ended.
    pub fn waiter(&mut self, db: DbIndex, key: &[u8], passed: usize) -> Option<Waiter> {
        let id: Key = (db, key.into());
        loop {
            let waiter = self.queues.get(&id)?.get(passed)?.clone();
            if waiter.claim.is_open() {
                return Some(waiter);
            }
            self.forget(waiter.claim.number);
        }
    }

    /// Whether the line for a key stands still for another wait than this one, which a block is about
    /// to serve. Whoever else waits found nothing for it at the key, and stands in nobody's way; but
    /// if that wait has ended and is not forgotten yet, others may be served who came behind it.
    pub fn stands_behind(&self, db: DbIndex, key: &[u8], number: u64) -> bool {
        let queue = || self.queues.get(&(db, key.into()));
        !self.is_empty()
            && queue().is_some_and(|queue| {
                let mut others = queue.iter().filter(|waiter| waiter.claim.number != number);
                others.clone().any(|waiter| waiter.retrying)
                    && others.any(|waiter| waiter.claim.is_open())
            })
    }

    /// A wait is about to be served by a block, or that came to nothing: then others may be served of
    /// what came meanwhile.
    pub fn set_retrying(&mut self, number: u64, retrying: bool) {
        for key in self.keys.get(&number).cloned().unwrap_or_default() {
            let queue = self.queues.get_mut(&key).into_iter().flatten();
            for waiter in queue.filter(|waiter| waiter.claim.number == number) {
                waiter.retrying = retrying;
            }
            if !retrying {
                self.make_ready(key);
            }
        }
    }

    /// Whether somebody has something to be told when a key goes.
    pub fn is_minding(&self) -> bool {
        self.minding > 0
    }

    /// Whether a wait is registered here.
    pub fn knows(&self, number: u64) -> bool {
        self.keys.contains_key(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DB: DbIndex = DbIndex(0);

    fn waiter(number: u64) -> Waiter {
        let claim = Arc::new(Claim::new(number, Owner(number, 0)));
        Waiter { claim, batch: Arc::default(), minds_going: false, retrying: false }
    }

    fn wait(table: &mut WaiterTable, waiter: &Waiter, keys: &[&[u8]]) {
        assert!(waiter.claim.begin());
        keys.iter().for_each(|key| table.add(DB, key, waiter.clone()));
    }

    #[test]
    fn who_came_first_is_first_and_an_ended_wait_is_passed_over() {
        let mut table = WaiterTable::default();
        let [a, b] = [waiter(1), waiter(2)];
        wait(&mut table, &a, &[b"x", b"y"]);
        wait(&mut table, &b, &[b"x"]);
        assert_eq!(table.waiter(DB, b"x", 0).map(|w| w.claim.number), Some(1));
        assert!(!table.stands_behind(DB, b"x", 2), "who waits is in nobody's way");
        table.set_retrying(1, true);
        assert!(table.stands_behind(DB, b"x", 2) && !table.stands_behind(DB, b"x", 1));
        assert!(a.claim.end() && !a.claim.serve(), "a wait ends once");
        assert!(table.stands_behind(DB, b"x", 3), "who is behind an ended wait is still first");
        assert!(!table.stands_behind(DB, b"x", 2), "nobody else waits");
        assert_eq!(table.waiter(DB, b"x", 0).map(|w| w.claim.number), Some(2));
        assert_eq!(table.len(), 1, "of an ended wait nothing is left");
        table.forget(2);
        assert!(table.is_empty());
    }

    #[test]
    fn a_key_is_ready_once_and_only_if_somebody_waits_for_it() {
        let mut table = WaiterTable::default();
        table.touch(DB, b"x", || Touch::Other);
        wait(&mut table, &waiter(1), &[b"x"]);
        table.touch(DB, b"x", || Touch::Other);
        table.touch(DB, b"x", || Touch::Other);
        table.touch(DB, b"y", || Touch::Other);
        assert_eq!(table.take_ready().map(|(_, key)| key), Some(b"x".as_slice().into()));
        assert_eq!(table.take_ready(), None);
    }

    #[test]
    fn keys_of_all_partitions_are_ready_in_the_order_in_which_they_were_touched() {
        let mut tables = [WaiterTable::default(), WaiterTable::default()];
        let touched = [(0, b"c"), (1, b"b"), (0, b"a"), (1, b"d")];
        let waiters = [waiter(1), waiter(2)];
        touched.iter().for_each(|(at, key)| tables[*at].add(DB, *key, waiters[*at].clone()));
        touched
            .iter()
            .chain(&touched)
            .for_each(|(at, key)| tables[*at].touch(DB, *key, || Touch::Other));
        for (at, key) in touched {
            let first = |at: usize| tables[at].first_ready();
            assert!(first(1 - at).is_none_or(|other| first(at) < Some(other)));
            assert_eq!(tables[at].take_ready().map(|(_, key)| key), Some(key.as_slice().into()));
        }
        assert!(!tables.iter().any(WaiterTable::has_ready));
    }

    #[test]
    fn keys_without_what_is_waited_for_are_served_behind_all_others() {
        let mut table = WaiterTable::default();
        let minding = Waiter { minds_going: true, ..waiter(1) };
        wait(&mut table, &minding, &[b"x", b"y", b"z"]);
        let taken = |table: &mut WaiterTable| table.take_ready().map(|(_, key)| key);
        for (key, touch) in [
            (b"x", Touch::Other),
            (b"y", Touch::Brings(Kind::List)),
            (b"z", Touch::Takes),
            (b"y", Touch::Takes),
            (b"z", Touch::Other),
        ] {
            table.touch(DB, key, || touch);
        }
        for key in [b"z", b"y", b"x"] {
            assert_eq!(taken(&mut table), Some(key.as_slice().into()));
        }
        assert_eq!(taken(&mut table), None);
    }

    #[test]
    fn a_key_is_ready_again_when_a_block_came_to_nothing() {
        let mut table = WaiterTable::default();
        wait(&mut table, &waiter(1), &[b"x"]);
        table.set_retrying(1, true);
        assert!(!table.has_ready());
        table.set_retrying(1, false);
        assert_eq!(table.take_ready().map(|(_, key)| key), Some(b"x".as_slice().into()));
    }

    #[test]
    fn unblocking_needs_a_wait_that_has_begun() {
        let claim = Claim::new(1, Owner(0, 0));
        assert!(!claim.unblock(false));
        assert!(claim.begin() && claim.unblock(true));
        assert_eq!(claim.unblocked(), Some(Unblocked::WithError));
        assert!(!claim.end() && !claim.is_open());
    }
}
