//! What a handler works with: a shared view of the keyspace for commands that only read, a mutable
//! one for those that write. Time, database and limits are handed in.

mod collections;
mod several;

use std::cell::Cell;

use shardwright_codec::rdb::{self, Fault};
use shardwright_codec::resp::ArgRange;

use crate::data::{Collection, Encodings, Shaping};
use crate::dict::{EntryRef, Place, Removed};
use crate::effect::Event;
use crate::error::CommandError;
use crate::hash::KeyHash;
use crate::keyspace::Keyspace;
use crate::partition::editing::Target;
use crate::partition::{Change, Partition};
pub use crate::types::Ttl;
use crate::types::{DbIndex, Slot, UnixMillis};
use crate::value::{Kind, NewValue, ValueRef};
use crate::watch::WatchToken;

/// A key among a command's arguments, hashed when the command was planned.
#[derive(Debug, Clone, Copy)]
pub struct KeyRef {
    /// Its hash.
    pub hash: u64,
    /// Which of the batch's arguments it is.
    pub arg: u32,
    /// Its slot.
    pub slot: Slot,
}

impl KeyRef {
    /// Hash and slot together.
    #[inline]
    pub fn key_hash(&self) -> KeyHash {
        KeyHash { hash: self.hash, slot: self.slot }
    }
}

/// Bounds that handlers keep to, from the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest string in bytes (`proto-max-bulk-len`).
    pub max_string: usize,
    /// Nothing may be changed, since changes could not be logged.
    pub refuse_writes: bool,
    /// Nothing may be told, since it may not be durable.
    pub refuse_reads: bool,
    /// Bounds up to which collections keep their small forms.
    pub encodings: Encodings,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_string: 512 << 20,
            refuse_writes: false,
            refuse_reads: false,
            encodings: Encodings::default(),
        }
    }
}

/// The key that a command waits for, or would.
#[derive(Debug, Clone, Copy)]
pub struct Served<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The command has waited: it is about this key alone.
    pub waited: bool,
}

/// What surrounds one command: where and when it runs.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// The time, read once a batch.
    pub now: UnixMillis,
    /// Recency of an access now: seconds, 24 bits, as Redis's LRU clock.
    pub lru: u32,
    /// The connection's database.
    pub db: DbIndex,
    /// The round of WATCH that the connection is in, for WATCH itself.
    pub watch: Option<WatchToken>,
    /// Whether accesses leave recency alone.
    pub no_touch: bool,
    /// The key that is ready, for a command that may wait.
    pub served: Option<Served<'a>>,
    /// Bounds.
    pub limits: Limits,
    /// The batch's bytes, arguments, and this command's keys among them.
    pub(crate) data: &'a [u8],
    pub(crate) args: &'a [ArgRange],
    pub(crate) keys: &'a [KeyRef],
}

impl Frame<'_> {
    /// The hash that was computed when the command was planned, if `key` is such an argument.
    #[inline]
    fn planned(&self, key: &[u8], next: &Cell<usize>) -> Option<KeyHash> {
        let at = next.get();
        for at in [at, at.wrapping_sub(1)] {
            let Some(known) = self.keys.get(at) else { continue };
            let range = self.args.get(known.arg as usize)?;
            let start = self.data.as_ptr().wrapping_add(range.start as usize);
            if std::ptr::eq(start, key.as_ptr()) && range.len as usize == key.len() {
                next.set(at + 1);
                return Some(known.key_hash());
            }
        }
        None
    }
}

/// Seconds in 24 bits, as the LRU clock of Redis counts.
pub fn lru_clock(now: UnixMillis) -> u32 {
    (now.seconds() & 0xFF_FFFF) as u32
}

/// What reading handlers note on the way; the executor acts on it.
#[derive(Debug, Default)]
pub struct Tally {
    /// Lookups that found a key.
    pub hits: Cell<u64>,
    /// Lookups that found none.
    pub misses: Cell<u64>,
    /// A key was seen whose time has come.
    pub expired: Cell<bool>,
}

/// Whether a lookup counts as use of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// It does: recency is set.
    Yes,
    /// It only looks (TTL, TYPE, OBJECT …).
    No,
}

/// What a read-only handler works with.
pub struct ReadCx<'a> {
    keyspace: &'a Keyspace<'a>,
    tally: &'a Tally,
    next_key: Cell<usize>,
    /// Where and when it runs.
    pub frame: Frame<'a>,
}

impl<'a> ReadCx<'a> {
    /// A view for one command.
    pub fn new(keyspace: &'a Keyspace<'a>, tally: &'a Tally, frame: Frame<'a>) -> Self {
        Self { keyspace, tally, next_key: Cell::new(0), frame }
    }

    /// The key's entry if its time has not come; counts a hit or a miss, and sets recency.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<EntryRef<'a>> {
        self.lookup(self.frame.db, key, Touch::Yes)
    }

    /// Like [`ReadCx::get`], in any database and with or without use of the key.
    #[inline]
    pub fn lookup(&self, db: DbIndex, key: &[u8], touch: Touch) -> Option<EntryRef<'a>> {
        let entry = self.peek(db, key);
        match entry {
            Some(entry) => {
                self.tally.hits.set(self.tally.hits.get() + 1);
                if touch == Touch::Yes && !self.frame.no_touch {
                    entry.set_lru(self.frame.lru);
                }
            }
            None => self.tally.misses.set(self.tally.misses.get() + 1),
        }
        entry
    }

    /// The key's entry if its time has not come, without counting or recency.
    #[inline]
    pub fn peek(&self, db: DbIndex, key: &[u8]) -> Option<EntryRef<'a>> {
        let hash = self.hash(key);
        let entry = self.keyspace.partition(hash.slot).get(db, hash, key)?;
        if self.is_due(&entry) {
            self.tally.expired.set(true);
            return None;
        }
        Some(entry)
    }

    /// The string at `key`, or nothing if there is none.
    ///
    /// # Errors
    /// The key holds another data type.
    #[inline]
    pub fn string(&self, key: &[u8]) -> Result<Option<ValueRef<'a>>, CommandError> {
        self.get(key).map(string_of).transpose()
    }

    /// Whether the entry's time has come.
    #[inline]
    pub fn is_due(&self, entry: &EntryRef<'_>) -> bool {
        entry.deadline().is_some_and(|deadline| deadline.has_passed(self.frame.now))
    }

    /// All partitions, for commands that see every shard.
    pub fn partitions(&self) -> impl Iterator<Item = &'a Partition> {
        self.keyspace.all()
    }

    /// What decides about the forms of collections that are built apart.
    pub fn shaping(&self) -> Option<Shaping> {
        self.keyspace.all().next().map(Partition::shaping)
    }

    /// Something at random.
    pub fn random(&self) -> u64 {
        self.keyspace.all().next().map_or(0, Partition::random)
    }

    /// A random number of `0..end`, each as likely as any other (the bias is below `end` / 2^64); 0
    /// if `end` is 0.
    pub fn random_below(&self, end: u64) -> u64 {
        ((u128::from(self.random()) * u128::from(end)) >> 64) as u64
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> KeyHash {
        match self.frame.planned(key, &self.next_key) {
            Some(hash) => hash,
            None => hash_with(self.keyspace, key),
        }
    }
}

/// The value, if it is a string.
fn string_of(entry: EntryRef<'_>) -> Result<ValueRef<'_>, CommandError> {
    if entry.kind() == Kind::String { Ok(entry.value()) } else { Err(CommandError::WrongType) }
}

/// The value, if it is a collection of this type.
#[inline]
fn collection_of<T: Collection>(entry: EntryRef<'_>) -> Result<T::View<'_>, CommandError> {
    T::view_of(entry.value()).ok_or(CommandError::WrongType)
}

fn hash_with(keyspace: &Keyspace<'_>, key: &[u8]) -> KeyHash {
    keyspace.hasher().hash(key)
}

/// What a writing handler works with.
///
/// Every change goes with the event that names it; its effect is recorded with it.
pub struct WriteCx<'a, 'p> {
    keyspace: &'a mut Keyspace<'p>,
    tally: &'a Tally,
    next_key: Cell<usize>,
    /// Where and when it runs.
    pub frame: Frame<'a>,
}

/// Where a key is among the partitions; valid until the next change.
#[derive(Clone, Copy)]
struct Found {
    hash: KeyHash,
    place: Option<Place>,
    deadline: Option<UnixMillis>,
}

impl<'a, 'p> WriteCx<'a, 'p> {
    /// A view for one command.
    pub fn new(keyspace: &'a mut Keyspace<'p>, tally: &'a Tally, frame: Frame<'a>) -> Self {
        Self { keyspace, tally, next_key: Cell::new(0), frame }
    }

    /// The key's entry in the connection's database; an expired key is removed first. Sets recency.
    #[inline]
    pub fn get(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.get_in(self.frame.db, key)
    }

    /// The key's entry in `db`; an expired key is removed first. Sets recency.
    #[inline]
    pub fn get_in(&mut self, db: DbIndex, key: &[u8]) -> Option<EntryRef<'_>> {
        let found = self.find(db, key, Touch::Yes);
        self.entry(db, found)
    }

    /// Like [`WriteCx::get`], counted as the lookup of a reading command.
    #[inline]
    pub fn get_counted(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        let tally = self.tally;
        let entry = self.get(key);
        let count = if entry.is_some() { &tally.hits } else { &tally.misses };
        count.set(count.get() + 1);
        entry
    }

    /// The string at `key`, or nothing if there is none.
    ///
    /// # Errors
    /// The key holds another data type.
    #[inline]
    pub fn string(&mut self, key: &[u8]) -> Result<Option<ValueRef<'_>>, CommandError> {
        self.get(key).map(string_of).transpose()
    }

    /// Looks a key of the connection's database up, to read it and then change it without another
    /// lookup; an expired key is removed first. Sets recency.
    #[inline]
    pub fn key<'c>(&'c mut self, key: &'c [u8]) -> KeyMut<'c, 'a, 'p> {
        let found = self.find(self.frame.db, key, Touch::Yes);
        KeyMut { cx: self, key, found }
    }

    /// Sets the key's value in the connection's database.
    #[inline]
    pub fn put(&mut self, key: &[u8], value: NewValue<'_>, ttl: Ttl, event: Event) {
        self.put_in(self.frame.db, key, value, ttl, event);
    }

    /// Sets the key's value in `db`.
    #[inline]
    pub fn put_in(&mut self, db: DbIndex, key: &[u8], value: NewValue<'_>, ttl: Ttl, event: Event) {
        let found = self.find(db, key, Touch::No);
        let deadline = ttl.deadline(found.deadline);
        self.change(db, key, found, Change::Put(value, deadline), event);
    }

    /// Sets or removes the deadline of a key that is there. Returns whether it is.
    pub fn set_deadline(&mut self, key: &[u8], deadline: Option<UnixMillis>, event: Event) -> bool {
        let db = self.frame.db;
        let found = self.find(db, key, Touch::No);
        self.change(db, key, found, Change::Expire(deadline), event);
        found.place.is_some()
    }

    /// Removes a key from the connection's database. Returns whether it was there.
    #[inline]
    pub fn delete(&mut self, key: &[u8], event: Event) -> bool {
        let db = self.frame.db;
        let found = self.find(db, key, Touch::No);
        if found.place.is_some() {
            self.change(db, key, found, Change::Delete, event);
        }
        found.place.is_some()
    }

    /// Removes all keys of a database on all partitions that are here. Returns how many there were.
    pub fn flush(&mut self, db: DbIndex) -> u64 {
        let mut count = 0;
        for partition in self.keyspace.all_mut() {
            count += partition.figures(db).keys;
            partition.flush(db);
        }
        count
    }

    /// Lets two databases change places.
    pub fn swap(&mut self, a: DbIndex, b: DbIndex) {
        self.keyspace.all_mut().for_each(|partition| partition.swap(a, b));
    }

    /// Begins to watch a key in this connection's round of WATCH.
    pub fn watch(&mut self, key: &[u8]) {
        let db = self.frame.db;
        let found = self.find(db, key, Touch::No);
        if let Some(token) = self.frame.watch {
            self.keyspace.partition_mut(found.hash.slot).watch.add(token, db, key);
        }
    }

    /// Number of databases.
    pub fn databases(&mut self) -> u16 {
        self.keyspace.home().databases()
    }

    /// The same view for what only reads.
    pub fn reading(&self) -> ReadCx<'_> {
        ReadCx::new(self.keyspace, self.tally, self.frame)
    }

    /// All partitions, for commands that see every shard.
    pub fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.keyspace.all()
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> KeyHash {
        match self.frame.planned(key, &self.next_key) {
            Some(hash) => hash,
            None => hash_with(self.keyspace, key),
        }
    }

    #[inline]
    fn find(&mut self, db: DbIndex, key: &[u8], touch: Touch) -> Found {
        let hash = self.hash(key);
        self.find_hashed(db, hash, key, touch)
    }

    #[inline]
    fn find_hashed(&mut self, db: DbIndex, hash: KeyHash, key: &[u8], touch: Touch) -> Found {
        let now = self.frame.now;
        let partition = self.keyspace.partition_mut(hash.slot);
        let absent = Found { hash, place: None, deadline: None };
        let Some((place, entry)) = partition.find(db, hash, key) else { return absent };
        let deadline = entry.deadline();
        if deadline.is_some_and(|deadline| deadline.has_passed(now)) {
            partition.change(db, hash, key, Some(place), Change::Delete, Event::EXPIRED, 0);
            return absent;
        }
        if touch == Touch::Yes && !self.frame.no_touch {
            entry.set_lru(self.frame.lru);
        }
        Found { hash, place: Some(place), deadline }
    }

    #[inline]
    fn entry(&self, db: DbIndex, found: Found) -> Option<EntryRef<'_>> {
        let place = found.place?;
        Some(self.keyspace.partition(found.hash.slot).db(db)?.entry(place))
    }

    #[inline(always)]
    fn change(
        &mut self,
        db: DbIndex,
        key: &[u8],
        found: Found,
        change: Change<'_>,
        event: Event,
    ) -> Option<Removed> {
        let lru = self.frame.lru;
        let partition = self.keyspace.partition_mut(found.hash.slot);
        partition.change(db, found.hash, key, found.place, change, event, lru)
    }
}

/// One key of the connection's database, looked up once: it can be read as often as is needed and
/// then changed once, which ends it.
pub struct KeyMut<'c, 'a, 'p> {
    cx: &'c mut WriteCx<'a, 'p>,
    key: &'c [u8],
    found: Found,
}

impl KeyMut<'_, '_, '_> {
    /// Whether the key is there.
    #[inline]
    pub fn exists(&self) -> bool {
        self.found.place.is_some()
    }

    /// The key's entry.
    #[inline]
    pub fn entry(&self) -> Option<EntryRef<'_>> {
        self.cx.entry(self.cx.frame.db, self.found)
    }

    /// The string at the key, or nothing if there is none.
    ///
    /// # Errors
    /// The key holds another data type.
    #[inline]
    pub fn string(&self) -> Result<Option<ValueRef<'_>>, CommandError> {
        self.entry().map(string_of).transpose()
    }

    /// When the key expires.
    #[inline]
    pub fn deadline(&self) -> Option<UnixMillis> {
        self.found.deadline
    }

    /// Counts the lookup as one of a reading command.
    #[inline]
    pub fn count(&self) {
        let tally = self.cx.tally;
        let count = if self.exists() { &tally.hits } else { &tally.misses };
        count.set(count.get() + 1);
    }

    /// Sets the key's value.
    #[inline(always)]
    pub fn put(self, value: NewValue<'_>, ttl: Ttl, event: Event) {
        let deadline = ttl.deadline(self.found.deadline);
        self.change(Change::Put(value, deadline), event);
    }

    /// Sets the key to a collection as DUMP gives it.
    ///
    /// # Errors
    /// It is damaged; the key is as before then.
    pub fn restore(
        self,
        collection: rdb::Collection<'_>,
        deadline: Option<UnixMillis>,
        event: Event,
    ) -> Result<(), Fault> {
        let Self { cx, key, found: Found { hash, place, .. } } = self;
        let target = Target { db: cx.frame.db, hash, key, place, lru: cx.frame.lru };
        cx.keyspace.partition_mut(hash.slot).restore(target, collection, deadline, event)
    }

    /// Overwrites bytes of the string from `offset` on, filling a gap with zeros. A key that is
    /// absent is made first; one that is there must hold a string.
    pub fn splice(self, offset: usize, bytes: &[u8], event: Event) {
        self.change(Change::Splice(offset, bytes), event);
    }

    /// Sets or removes the deadline, if the key is there.
    pub fn set_deadline(self, deadline: Option<UnixMillis>, event: Event) {
        self.change(Change::Expire(deadline), event);
    }

    /// Removes the key, if it is there.
    #[inline]
    pub fn delete(self, event: Event) {
        self.change(Change::Delete, event);
    }

    #[inline(always)]
    fn change(self, change: Change<'_>, event: Event) -> Option<Removed> {
        let Self { cx, key, found } = self;
        cx.change(cx.frame.db, key, found, change, event)
    }
}
