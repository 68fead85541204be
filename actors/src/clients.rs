//! The connections of the process, as others may see them: CLIENT LIST, CLIENT KILL and INFO read
//! here; each connection publishes its own row once a batch.

use std::collections::BTreeMap;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU16, AtomicU64, AtomicUsize, Ordering::Relaxed,
};
use std::sync::{Arc, Mutex};

use shardwright_codec::resp::Protocol;
use shardwright_store::blocking::Claim;
use shardwright_store::command::CommandId;
use shardwright_store::types::UnixMillis;

use crate::messages::ConnId;
use crate::mutex::lock;
use crate::session::{Buffers, Client, ReplyMode};

/// Texts that a client gives of itself.
#[derive(Debug, Default, Clone)]
pub struct Texts {
    /// CLIENT SETNAME.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME.
    pub lib_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER.
    pub lib_version: Vec<u8>,
}

/// One connection's row.
#[derive(Debug)]
pub struct ClientInfo {
    /// Number that CLIENT ID tells; grows with every connection.
    pub id: u64,
    /// Where it lives.
    pub conn: ConnId,
    /// Address of the peer, or the path of the socket.
    pub address: String,
    /// Address that it connected to.
    pub local_address: String,
    /// File descriptor, as CLIENT LIST shows it.
    pub fd: i32,
    /// Whether it came over the Unix socket.
    pub unix: bool,
    /// Whether it came from this machine.
    pub local: bool,
    /// When it connected.
    pub since: UnixMillis,
    texts: Mutex<Texts>,
    /// When it last said something.
    pub active: AtomicI64,
    /// Its database.
    pub db: AtomicU16,
    /// Commands queued by MULTI, or -1.
    pub multi: AtomicI64,
    /// Bytes that the queue of MULTI holds.
    pub multi_memory: AtomicU64,
    /// Version of its protocol.
    pub protocol: AtomicU16,
    /// Its last command.
    pub command: AtomicU16,
    /// Bytes read and not run.
    pub query: AtomicU64,
    /// Room for reading.
    pub query_free: AtomicU64,
    /// Replies not taken.
    pub output: AtomicU64,
    /// Bytes held in all.
    pub memory: AtomicU64,
    /// It leaves recency alone.
    pub no_touch: AtomicBool,
    /// It ends when its replies are out.
    pub closing: AtomicBool,
    /// Replies are off.
    pub mute: AtomicBool,
    /// It waits for the log or for replicas.
    pub waits: AtomicBool,
    /// Its subscriptions: channels, patterns, shard channels.
    pub subscriptions: [AtomicUsize; 3],
    /// It waits for a key.
    key_wait: Mutex<Option<Arc<Claim>>>,
}

impl ClientInfo {
    /// A row for a connection that begins now.
    pub fn new(id: u64, conn: ConnId, peer: Peer, now: UnixMillis) -> Self {
        Self {
            id,
            conn,
            address: peer.address,
            local_address: peer.local_address,
            fd: peer.fd,
            unix: peer.unix,
            local: peer.local,
            since: now,
            texts: Mutex::default(),
            active: AtomicI64::new(now.0),
            db: AtomicU16::new(0),
            multi: AtomicI64::new(-1),
            multi_memory: AtomicU64::new(0),
            protocol: AtomicU16::new(2),
            command: AtomicU16::new(u16::MAX),
            query: AtomicU64::new(0),
            query_free: AtomicU64::new(0),
            output: AtomicU64::new(0),
            memory: AtomicU64::new(0),
            no_touch: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            mute: AtomicBool::new(false),
            waits: AtomicBool::new(false),
            subscriptions: Default::default(),
            key_wait: Mutex::default(),
        }
    }

    /// The connection said something.
    #[inline]
    pub fn publish_activity(&self, now: UnixMillis) {
        self.active.store(now.0, Relaxed);
    }

    /// Publishes what the connection holds.
    #[inline]
    pub fn publish_buffers(&self, buffers: &Buffers) {
        self.query.store(buffers.query as u64, Relaxed);
        self.query_free.store(buffers.query_free as u64, Relaxed);
        self.output.store(buffers.output as u64, Relaxed);
        self.memory.store(buffers.memory as u64, Relaxed);
    }

    /// Publishes what commands changed.
    #[inline]
    pub fn publish_state(&self, client: &Client, now: UnixMillis) {
        self.publish_activity(now);
        self.db.store(client.db.0, Relaxed);
        self.multi.store(client.transaction.depth(), Relaxed);
        self.multi_memory.store(client.transaction.memory() as u64, Relaxed);
        self.protocol.store(if client.protocol == Protocol::Resp3 { 3 } else { 2 }, Relaxed);
        self.no_touch.store(client.no_touch, Relaxed);
        self.closing.store(client.close, Relaxed);
        self.mute.store(client.reply_mode != ReplyMode::On, Relaxed);
    }

    /// Publishes the numbers of channels, patterns and shard channels that it is subscribed to.
    pub fn publish_subscriptions(&self, counts: [usize; 3]) {
        for (known, count) in self.subscriptions.iter().zip(counts) {
            known.store(count, Relaxed);
        }
    }

    /// Whether it is subscribed to anything.
    pub fn is_subscribed(&self) -> bool {
        self.subscriptions.iter().any(|count| count.load(Relaxed) > 0)
    }

    /// The connection waits for the log or for replicas, or no longer.
    pub fn publish_wait(&self, waits: bool) {
        self.waits.store(waits, Relaxed);
    }

    /// The connection waits for a key, or no longer.
    pub fn set_key_wait(&self, claim: Option<Arc<Claim>>) {
        *lock(&self.key_wait) = claim;
    }

    /// Whether the connection waits: for a key, the log or replicas.
    pub fn is_waiting(&self) -> bool {
        self.waits.load(Relaxed) || lock(&self.key_wait).as_ref().is_some_and(|c| c.is_waiting())
    }

    /// Ends a wait for a key, if there is one and nobody serves it: the connection is about to end.
    pub fn end_key_wait(&self) {
        if let Some(claim) = &*lock(&self.key_wait) {
            claim.end();
        }
    }

    /// Ends a wait for a key. Returns whether there was one.
    pub fn unblock(&self, with_error: bool) -> bool {
        lock(&self.key_wait).as_ref().is_some_and(|claim| claim.unblock(with_error))
    }

    /// The connection runs this command now.
    #[inline]
    pub fn runs(&self, command: CommandId) {
        self.command.store(command.0, Relaxed);
    }

    /// Texts that the client gave.
    pub fn texts(&self) -> Texts {
        lock(&self.texts).clone()
    }

    /// Changes the client's name.
    pub fn set_name(&self, name: Vec<u8>) {
        lock(&self.texts).name = name;
    }

    /// Changes the client's texts.
    pub fn set_texts(&self, change: impl FnOnce(&mut Texts)) {
        change(&mut lock(&self.texts));
    }
}

/// Who is at the other end of a socket.
#[derive(Debug, Clone, Default)]
pub struct Peer {
    /// Address of the peer, or the path of the socket.
    pub address: String,
    /// Address that it connected to.
    pub local_address: String,
    /// File descriptor.
    pub fd: i32,
    /// Whether it came over the Unix socket.
    pub unix: bool,
    /// Whether it came from this machine.
    pub local: bool,
}

/// The largest buffers of any connection, in bytes. They may be those of different connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LargestBuffers {
    /// For what was read and not run, free room included.
    pub input: u64,
    /// Replies that the client has not taken.
    pub output: u64,
}

impl LargestBuffers {
    /// The larger ones of two.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { input: self.input.max(other.input), output: self.output.max(other.output) }
    }
}

/// All connections.
#[derive(Debug, Default)]
pub struct Clients {
    rows: Mutex<BTreeMap<u64, Arc<ClientInfo>>>,
    next: AtomicU64,
    /// Connections that were dealt to threads and have not ended.
    open: AtomicUsize,
    /// Connections accepted since the start.
    pub accepted: AtomicU64,
    /// Connections refused since there were too many.
    pub refused: AtomicU64,
}

impl Clients {
    /// A number that no connection had before; the first is 1.
    pub fn next_id(&self) -> u64 {
        self.next.fetch_add(1, Relaxed) + 1
    }

    /// Adds a connection.
    pub fn add(&self, info: Arc<ClientInfo>) {
        lock(&self.rows).insert(info.id, info);
    }

    /// A connection ended. Returns whether it was still here.
    pub fn remove(&self, id: u64) -> bool {
        let was_here = lock(&self.rows).remove(&id).is_some();
        if was_here {
            self.give_back();
        }
        was_here
    }

    /// Takes one of `most` places for a connection that is about to be dealt to a thread, or
    /// refuses it.
    pub fn admit(&self, most: usize) -> bool {
        let open =
            self.open.fetch_update(Relaxed, Relaxed, |open| (open < most).then_some(open + 1));
        let counter = if open.is_ok() { &self.accepted } else { &self.refused };
        counter.fetch_add(1, Relaxed);
        open.is_ok()
    }

    /// A connection that was admitted came to nothing.
    pub fn give_back(&self) {
        self.open.fetch_sub(1, Relaxed);
    }

    /// The connection with this number.
    pub fn get(&self, id: u64) -> Option<Arc<ClientInfo>> {
        lock(&self.rows).get(&id).cloned()
    }

    /// Number of connections.
    pub fn len(&self) -> usize {
        lock(&self.rows).len()
    }

    /// Number of connections that wait for a key, the log or replicas.
    pub fn waiting(&self) -> usize {
        lock(&self.rows).values().filter(|row| row.is_waiting()).count()
    }

    /// The largest buffers that connections have published.
    pub fn largest_buffers(&self) -> LargestBuffers {
        let rows = lock(&self.rows);
        rows.values().fold(LargestBuffers::default(), |largest, row| {
            let input = row.query.load(Relaxed) + row.query_free.load(Relaxed);
            largest.max(LargestBuffers { input, output: row.output.load(Relaxed) })
        })
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All connections in the order in which they came.
    pub fn all(&self) -> Vec<Arc<ClientInfo>> {
        lock(&self.rows).values().cloned().collect()
    }
}
