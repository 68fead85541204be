//! Publish and subscribe.
//!
//! Who is subscribed to what is known to the whole process, in tables whose parts have locks of
//! their own: nothing else is on the way of a message, and nobody else uses them. Whoever publishes
//! holds the lock of the channel's part while it gives the message to all subscribers of the
//! channel, on whatever threads they live. So a channel's messages come to all its subscribers in
//! one order, a subscription begins and ends between two of them, and the number of receivers that
//! PUBLISH answers is exact. A message is made once, and each subscriber gets a reference to it.
//!
//! Locks are taken in this order: patterns, a part of a table, what waits for one connection.

pub mod push;
pub mod subscriber;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use shardwright_store::glob::glob_match;
use shardwright_store::types::ShardId;

use crate::messages::ConnId;
use crate::mutex::lock;
use push::{Message, Push};
use subscriber::Subscriber;

/// The name of a channel, or a pattern.
pub type Name = Arc<[u8]>;

/// What a client is subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A channel (SUBSCRIBE).
    Channel,
    /// All channels whose names match a pattern (PSUBSCRIBE).
    Pattern,
    /// A shard channel (SSUBSCRIBE): another space of names.
    Shard,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Channel, Self::Pattern, Self::Shard];
}

/// A subscription's number, which grows: subscribers of a channel are served in the order in which
/// they came.
type Ticket = u64;

/// The subscribers of a channel or pattern.
type Subscribers = BTreeMap<Ticket, Arc<Subscriber>>;

/// Parts of a table of channels. Who publishes holds one of them.
const PARTS: usize = 64;

/// Channels with their subscribers. A channel without one is not in it.
#[derive(Debug)]
struct Channels {
    parts: Box<[Mutex<HashMap<Name, Subscribers>>]>,
    hasher: RandomState,
}

impl Default for Channels {
    fn default() -> Self {
        let parts = (0..PARTS).map(|_| Mutex::default()).collect();
        Self { parts, hasher: RandomState::new() }
    }
}

impl Channels {
    fn part(&self, name: &[u8]) -> MutexGuard<'_, HashMap<Name, Subscribers>> {
        let part = self.hasher.hash_one(name) as usize % self.parts.len();
        lock(&self.parts[part])
    }

    fn each_part(&self) -> impl Iterator<Item = MutexGuard<'_, HashMap<Name, Subscribers>>> {
        self.parts.iter().map(lock)
    }
}

/// Who is subscribed to what, and who was called to take its messages.
#[derive(Debug)]
pub struct PubSub {
    channels: Channels,
    shard_channels: Channels,
    patterns: RwLock<BTreeMap<Name, Subscribers>>,
    tickets: AtomicU64,
    /// Connections of each thread that were called and have not come.
    called: Vec<Mutex<Vec<ConnId>>>,
    /// Connections that were ended since they took too little.
    overflowed: AtomicU64,
}

/// What became of a message.
#[derive(Debug, Default)]
pub struct Published {
    /// Subscriptions that got it.
    pub receivers: usize,
    /// Connections that have to be called ([`PubSub::call`]).
    pub calls: Vec<ConnId>,
}

impl Published {
    fn give(&mut self, subscribers: &Subscribers, limit: u64, push: impl Fn() -> Push) {
        self.receivers += subscribers.len();
        for subscriber in subscribers.values() {
            if subscriber.push(push(), limit) {
                self.calls.push(subscriber.conn());
            }
        }
    }
}

impl PubSub {
    /// Nobody is subscribed to anything, in a process with so many threads.
    pub fn new(threads: u16) -> Self {
        Self {
            channels: Channels::default(),
            shard_channels: Channels::default(),
            patterns: RwLock::default(),
            tickets: AtomicU64::new(0),
            called: (0..threads).map(|_| Mutex::default()).collect(),
            overflowed: AtomicU64::new(0),
        }
    }

    /// Gives a message to all subscribers of a channel, and of patterns that its name matches.
    /// Whoever would have more than `limit` bytes waiting then (0 for no limit) is cut off instead.
    /// Under `always` a session runs PUBLISH when all that it wrote or saw before is durable, so nobody is
    /// told by a message of what a crash could take back.
    ///
    /// Complexity: linear in receivers and in patterns.
    pub fn publish(&self, channel: &[u8], payload: &[u8], limit: u64) -> Published {
        let patterns = self.patterns.read().unwrap_or_else(PoisonError::into_inner);
        let part = self.channels.part(channel);
        let mut matching = patterns.iter().filter(|(name, _)| glob_match(name, channel, false));
        let (subscribers, mut pattern) = (part.get(channel), matching.next());
        let mut published = Published::default();
        if subscribers.is_none() && pattern.is_none() {
            return published;
        }
        let message = Message::new(channel, payload);
        if let Some(subscribers) = subscribers {
            published.give(subscribers, limit, || Push::Message(Arc::clone(&message)));
        }
        while let Some((name, subscribers)) = pattern {
            let push = || Push::PatternMessage(Arc::clone(name), Arc::clone(&message));
            published.give(subscribers, limit, push);
            pattern = matching.next();
        }
        published
    }

    /// As [`PubSub::publish`], for a shard channel, which no pattern matches.
    pub fn publish_to_shard_channel(
        &self,
        channel: &[u8],
        payload: &[u8],
        limit: u64,
    ) -> Published {
        let part = self.shard_channels.part(channel);
        let mut published = Published::default();
        if let Some(subscribers) = part.get(channel) {
            let message = Message::of_shard(channel, payload);
            published.give(subscribers, limit, || Push::Message(Arc::clone(&message)));
        }
        published
    }

    /// Notes connections that have something to take. Returns the threads that have to be told of
    /// it: they do not know yet that any of theirs was called.
    pub fn call(&self, mut calls: Vec<ConnId>) -> Vec<ShardId> {
        calls.sort_by_key(|conn| conn.thread);
        let mut tell = Vec::new();
        for group in calls.chunk_by(|one, other| one.thread == other.thread) {
            let Some(thread) = group.first().map(|conn| conn.thread) else { continue };
            let Some(called) = self.called.get(usize::from(thread.0)) else { continue };
            let mut called = lock(called);
            if called.is_empty() {
                tell.push(thread);
            }
            called.extend_from_slice(group);
        }
        tell
    }

    /// Connections of a thread that have something to take.
    pub fn called(&self, thread: ShardId) -> Vec<ConnId> {
        self.called
            .get(usize::from(thread.0))
            .map(|called| std::mem::take(&mut *lock(called)))
            .unwrap_or_default()
    }

    /// Begins a subscription. Its number ends it.
    fn subscribe(&self, kind: Kind, name: &Name, subscriber: &Arc<Subscriber>) -> Ticket {
        let ticket = self.tickets.fetch_add(1, Relaxed);
        self.change(kind, name, |subscribers| {
            subscribers.insert(ticket, Arc::clone(subscriber));
        });
        ticket
    }

    /// Ends a subscription.
    fn unsubscribe(&self, kind: Kind, name: &Name, ticket: Ticket) {
        self.change(kind, name, |subscribers| {
            subscribers.remove(&ticket);
        });
    }

    /// Changes the subscribers of a channel or pattern, which is forgotten if there are none.
    fn change(&self, kind: Kind, name: &Name, change: impl FnOnce(&mut Subscribers)) {
        let Some(channels) = self.channels_of(kind) else {
            let mut patterns = self.patterns.write().unwrap_or_else(PoisonError::into_inner);
            let subscribers = patterns.entry(Arc::clone(name)).or_default();
            change(subscribers);
            if subscribers.is_empty() {
                patterns.remove(name);
            }
            return;
        };
        let mut part = channels.part(name);
        let subscribers = part.entry(Arc::clone(name)).or_default();
        change(subscribers);
        if subscribers.is_empty() {
            part.remove(name);
        }
    }

    fn channels_of(&self, kind: Kind) -> Option<&Channels> {
        match kind {
            Kind::Channel => Some(&self.channels),
            Kind::Shard => Some(&self.shard_channels),
            Kind::Pattern => None,
        }
    }

    /// Number of different channels or patterns that somebody is subscribed to.
    pub fn count(&self, kind: Kind) -> usize {
        match self.channels_of(kind) {
            Some(channels) => channels.each_part().map(|part| part.len()).sum(),
            None => self.patterns.read().unwrap_or_else(PoisonError::into_inner).len(),
        }
    }

    /// Number of subscribers of a channel; those of patterns do not count.
    pub fn subscribers(&self, kind: Kind, name: &[u8]) -> usize {
        let channels = self.channels_of(kind);
        channels.map_or(0, |all| all.part(name).get(name).map_or(0, Subscribers::len))
    }

    /// Channels that somebody is subscribed to, those that match a pattern if one is given.
    pub fn names(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Name> {
        let matches = |name: &&Name| pattern.is_none_or(|pattern| glob_match(pattern, name, false));
        let mut names = Vec::new();
        for part in self.channels_of(kind).iter().flat_map(|channels| channels.each_part()) {
            names.extend(part.keys().filter(matches).cloned());
        }
        names
    }

    /// A connection was ended since it took too little.
    pub fn count_overflow(&self) {
        self.overflowed.fetch_add(1, Relaxed);
    }

    /// Connections that were ended since they took too little.
    pub fn overflows(&self) -> u64 {
        self.overflowed.load(Relaxed)
    }
}

/// What one client is subscribed to.
#[derive(Debug)]
pub struct Subscriptions {
    /// Where its pushes wait.
    pub subscriber: Arc<Subscriber>,
    /// Room for what is taken from there.
    taken: VecDeque<Push>,
    /// By kind.
    names: [BTreeMap<Name, Ticket>; Kind::ALL.len()],
}

impl Subscriptions {
    /// A client that is subscribed to nothing yet.
    pub fn new(subscriber: Arc<Subscriber>) -> Self {
        Self { subscriber, taken: VecDeque::new(), names: Default::default() }
    }

    /// Subscribes the client, unless it is already. Returns the name as others have it.
    pub fn add(&mut self, kind: Kind, name: &[u8], pubsub: &PubSub) -> Name {
        let names = &mut self.names[kind as usize];
        if let Some((name, _)) = names.get_key_value(name) {
            return Arc::clone(name);
        }
        let name = Name::from(name);
        let ticket = pubsub.subscribe(kind, &name, &self.subscriber);
        names.insert(Arc::clone(&name), ticket);
        name
    }

    /// Ends a subscription, if there is one.
    pub fn remove(&mut self, kind: Kind, name: &[u8], pubsub: &PubSub) {
        if let Some((name, ticket)) = self.names[kind as usize].remove_entry(name) {
            pubsub.unsubscribe(kind, &name, ticket);
        }
    }

    /// Takes what waits for the client, one after the other.
    pub fn take_pushes(&mut self) -> impl Iterator<Item = Push> {
        /// Room for so many pushes is kept for the next ones.
        const KEPT: usize = 1024;
        if self.taken.capacity() > KEPT {
            self.taken = VecDeque::new();
        }
        self.subscriber.take(&mut self.taken);
        self.taken.drain(..)
    }

    /// Ends all subscriptions.
    pub fn clear(&mut self, pubsub: &PubSub) {
        for kind in Kind::ALL {
            for (name, ticket) in std::mem::take(&mut self.names[kind as usize]) {
                pubsub.unsubscribe(kind, &name, ticket);
            }
        }
    }

    /// What it is subscribed to.
    pub fn names(&self, kind: Kind) -> Vec<Name> {
        self.names[kind as usize].keys().cloned().collect()
    }

    /// Number of subscriptions.
    pub fn count(&self, kind: Kind) -> usize {
        self.names[kind as usize].len()
    }
}

#[cfg(test)]
mod tests {
    use shardwright_store::types::UnixMillis;

    use super::*;
    use crate::clients::{ClientInfo, Peer};

    fn client(thread: u16, index: u32) -> Subscriptions {
        let conn = ConnId { thread: ShardId(thread), index, generation: 0 };
        let info = ClientInfo::new(u64::from(index), conn, Peer::default(), UnixMillis(0));
        Subscriptions::new(Subscriber::new(Arc::new(info)))
    }

    /// How many pushes waited.
    fn taken(client: &Subscriptions) -> usize {
        let mut pushes = VecDeque::new();
        client.subscriber.take(&mut pushes);
        pushes.len()
    }

    fn publish(pubsub: &PubSub, channel: &str) -> (usize, Vec<u32>) {
        let published = pubsub.publish(channel.as_bytes(), b"x", 0);
        (published.receivers, published.calls.iter().map(|conn| conn.index).collect())
    }

    #[test]
    fn a_message_comes_once_for_each_subscription_in_the_order_of_subscribing() {
        let pubsub = PubSub::new(2);
        let (mut one, mut two) = (client(0, 1), client(1, 2));
        assert_eq!(publish(&pubsub, "news"), (0, vec![]));
        two.add(Kind::Channel, b"news", &pubsub);
        one.add(Kind::Channel, b"news", &pubsub);
        one.add(Kind::Channel, b"news", &pubsub);
        one.add(Kind::Pattern, b"n*", &pubsub);
        one.add(Kind::Pattern, b"m*", &pubsub);
        one.add(Kind::Shard, b"news", &pubsub);
        assert_eq!(publish(&pubsub, "news"), (3, vec![2, 1]));
        assert_eq!(publish(&pubsub, "news"), (3, vec![]), "they were called");
        assert_eq!((taken(&one), taken(&two)), (4, 2));
        assert_eq!(pubsub.publish_to_shard_channel(b"news", b"x", 0).receivers, 1);
        assert_eq!(taken(&one), 1);
        one.remove(Kind::Channel, b"news", &pubsub);
        one.remove(Kind::Channel, b"news", &pubsub);
        assert_eq!(publish(&pubsub, "news").0, 2);
        two.clear(&pubsub);
        assert_eq!(publish(&pubsub, "news").0, 1);
    }

    #[test]
    fn what_nobody_is_subscribed_to_is_forgotten() {
        let pubsub = PubSub::new(1);
        let (mut one, mut two) = (client(0, 1), client(0, 2));
        for kind in Kind::ALL {
            one.add(kind, b"a", &pubsub);
            two.add(kind, b"a", &pubsub);
            two.add(kind, b"b", &pubsub);
            assert_eq!(pubsub.count(kind), 2);
        }
        assert_eq!(pubsub.subscribers(Kind::Channel, b"a"), 2);
        assert_eq!(pubsub.subscribers(Kind::Shard, b"c"), 0);
        assert_eq!(pubsub.names(Kind::Shard, Some(b"[b-z]")), [Name::from(*b"b")]);
        two.clear(&pubsub);
        for kind in Kind::ALL {
            assert_eq!((pubsub.count(kind), two.count(kind), one.count(kind)), (1, 0, 1));
        }
        assert_eq!(pubsub.names(Kind::Channel, None), [Name::from(*b"a")]);
        one.clear(&pubsub);
        assert!(Kind::ALL.iter().all(|kind| pubsub.count(*kind) == 0));
    }

    #[test]
    fn a_thread_is_told_once_of_those_who_were_called() {
        let pubsub = PubSub::new(2);
        let conn = |thread, index| ConnId { thread: ShardId(thread), index, generation: 0 };
        assert_eq!(pubsub.call(vec![conn(1, 1), conn(0, 2), conn(1, 3)]), [ShardId(0), ShardId(1)]);
        assert_eq!(pubsub.call(vec![conn(1, 4)]), []);
        assert_eq!(pubsub.called(ShardId(1)), [conn(1, 1), conn(1, 3), conn(1, 4)]);
        assert_eq!(pubsub.called(ShardId(1)), []);
        assert_eq!(pubsub.call(vec![conn(1, 5)]), [ShardId(1)]);
    }
}
