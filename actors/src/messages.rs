//! What actors tell each other. Messages carry ids of connections, never their state.

use shardwright_store::blocking::Waiter;
use shardwright_store::executor::{Batch, Request};
use shardwright_store::partition::{EffectBatch, Partition};
use shardwright_store::types::{Sequence, ShardId};
use shardwright_store::watch::WatchToken;

use crate::ending::How;
use crate::reload::Reload;
use crate::shards::ShardSet;

/// A connection: the thread that it lives on, its place in that thread's slab, and the place's
/// generation, so that a late message cannot meet the next connection of the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId {
    /// The thread, which has the number of its shard.
    pub thread: ShardId,
    /// Place in the thread's slab.
    pub index: u32,
    /// How often the place was given out before.
    pub generation: u32,
}

/// The part of a parcel that belongs to one connection: consecutive requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartHeader {
    /// Whose requests they are.
    pub conn: ConnId,
    /// One past its last request in the parcel's batch.
    pub end: usize,
}

/// All that the connections of one thread want from another thread's shard in one loop turn.
#[derive(Debug, Default)]
pub struct Parcel {
    /// The requests.
    pub batch: Batch,
    /// Whose they are, in order.
    pub parts: Vec<PartHeader>,
}

/// A parcel on its way back.
#[derive(Debug)]
pub struct ParcelDone {
    /// The shard that ran it.
    pub shard: ShardId,
    /// The parcel, for its parts and to be used again.
    pub parcel: Parcel,
    /// Replies of all requests, one behind the other.
    pub out: Vec<u8>,
    /// Where each request's replies end in `out`; fewer than requests if it stopped early.
    pub ends: Vec<usize>,
    /// For each part, how many of its requests were run.
    pub done: Vec<u32>,
    /// The newest effect of the shard's partition behind them.
    pub sequence: Sequence,
}

/// Number of a round, unique in the process and growing in the order of the ordering lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoundId(pub u64);

/// Commands that need several shards at once, or a transaction: run on the lead shard while it
/// holds all partitions concerned.
#[derive(Debug)]
pub struct Block {
    /// Whose it is.
    pub conn: ConnId,
    /// The requests.
    pub batch: Batch,
    /// The request to go on from.
    pub from: usize,
    /// The shards whose partitions it needs.
    pub shards: ShardSet,
    /// The shard that runs it.
    pub lead: ShardId,
    /// What it does.
    pub kind: BlockKind,
    /// Its command may wait, and is here instead of in the batch.
    pub waiter: Option<Waiter>,
}

/// What a block does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BlockKind {
    /// It runs its requests.
    #[default]
    Requests,
    /// It compares the data with the copy that is fed by effects.
    Audit,
    /// It begins a checkpoint of all partitions, and is answered when that is over.
    Checkpoint,
    /// It asks control to end the process, and is answered if that cannot be. No shard gets it.
    End(How),
    /// It replaces the data by what a file or the log has.
    Reload(Reload),
}

/// Blocks that run one after the other while their lead shard holds the partitions of them all: a
/// round of lending costs more than most blocks.
#[derive(Debug)]
pub struct Round {
    /// The blocks.
    pub blocks: Vec<Block>,
    /// The shards whose partitions any of them needs.
    pub shards: ShardSet,
    /// The shard that runs them.
    pub lead: ShardId,
    /// Requests and keys of all blocks, which tell about how long the round takes.
    pub weight: usize,
}

/// What a round's place in the order of rounds means for a shard.
#[derive(Debug)]
pub enum Ordered {
    /// Lend the partition to this round, led by this shard.
    Lend(RoundId, ShardId),
    /// Lead this round.
    Run(RoundId, Round),
}

impl ConnId {
    /// No connection: what is answered to it is dropped.
    pub const NOBODY: Self = Self { thread: ShardId(0), index: u32::MAX, generation: u32::MAX };
}

impl Block {
    /// A block without requests.
    pub fn special(conn: ConnId, kind: BlockKind, shards: ShardSet, lead: ShardId) -> Self {
        Self { conn, batch: Batch::default(), from: 0, shards, lead, kind, waiter: None }
    }

    /// A command that may wait.
    pub fn waiting(waiter: Waiter, shards: ShardSet, lead: ShardId) -> Self {
        let conn = waiter.claim.owner.into();
        Self { waiter: Some(waiter), ..Self::special(conn, BlockKind::Requests, shards, lead) }
    }

    /// Requests and keys, which tell about how long the block takes.
    pub fn weight(&self) -> usize {
        self.batch.requests.len() + self.batch.keys.len()
    }
}

impl Round {
    /// A round of one block.
    pub fn of(block: Block) -> Self {
        let (shards, lead, weight) = (block.shards, block.lead, block.weight());
        Self { blocks: vec![block], shards, lead, weight }
    }

    /// Adds a block.
    pub fn push(&mut self, block: Block) {
        self.shards.extend(&block.shards);
        self.weight += block.weight();
        self.blocks.push(block);
    }

    /// The messages that the round's shards get, the lead shard's last. To be sent while nobody
    /// sends those of another round.
    pub fn ordered_as(self, id: RoundId, mut send: impl FnMut(ShardId, Ordered)) {
        let lead = self.lead;
        for shard in self.shards.iter().filter(|shard| *shard != lead) {
            send(shard, Ordered::Lend(id, lead));
        }
        send(lead, Ordered::Run(id, self));
    }
}

/// A block on its way back.
#[derive(Debug)]
pub struct BlockDone {
    /// Whose it is.
    pub conn: ConnId,
    /// The requests.
    pub batch: Batch,
    /// Replies, one behind the other.
    pub out: Vec<u8>,
    /// Where each reply ends in `out`.
    pub ends: Vec<usize>,
    /// The request to go on from; behind the last when all are done.
    pub next: usize,
    /// The shards that it needed.
    pub shards: ShardSet,
    /// The newest effects of their partitions behind it.
    pub sequences: Vec<(ShardId, Sequence)>,
}

impl BlockDone {
    /// Rounds of WATCH that the block was to begin. Whoever finds the connection gone has to end
    /// them on the block's shards: when it went, they may not have begun.
    pub fn begun_watches(&self) -> impl Iterator<Item = WatchToken> {
        begun_watches(&self.batch.requests)
    }
}

/// Rounds of WATCH that requests begin.
pub fn begun_watches(requests: &[Request]) -> impl Iterator<Item = WatchToken> {
    requests.iter().filter_map(|request| match request {
        Request::Command(planned) => planned.watch,
        Request::Exec { .. } => None,
    })
}

/// What becomes durable together: effects of one partition, or those that a block had on several.
#[derive(Debug)]
pub struct Effects {
    first: EffectBatch,
    others: Vec<EffectBatch>,
}

impl Effects {
    /// Effects of one partition.
    pub fn of(batch: EffectBatch) -> Self {
        Self { first: batch, others: Vec::new() }
    }

    /// Adds those of another partition.
    pub fn push(&mut self, batch: EffectBatch) {
        self.others.push(batch);
    }

    /// The partitions' effects.
    pub fn batches(&self) -> impl Iterator<Item = &EffectBatch> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Bytes of all effects.
    pub fn bytes(&self) -> usize {
        self.batches().map(|batch| batch.records.len()).sum()
    }

    /// Adds effects that follow on these if both are of one partition alone; otherwise gives them
    /// back.
    pub fn merge(&mut self, next: Self) -> Option<Self> {
        let alone = self.others.is_empty() && next.others.is_empty();
        if !alone || self.first.shard != next.first.shard {
            return Some(next);
        }
        self.first.append(next.first);
        None
    }
}

/// What comes to a shard beside its mailbox, also while that is closed.
pub enum Delivery {
    /// A partition lent for a round.
    Lent(RoundId, Box<Partition>),
    /// The shard's own partition comes home.
    Home(Box<Partition>),
}

/// Where a session sends its work.
pub trait Post {
    /// The connection has work for the shard of its own thread, made of so many bytes.
    fn run_local(&mut self, conn: ConnId, bytes: usize);

    /// One command for another thread's shard, to travel with this loop turn's parcel.
    fn run_remote(
        &mut self,
        conn: ConnId,
        shard: ShardId,
        batch: shardwright_store::executor::BatchView<'_>,
        request: &shardwright_store::executor::Planned,
    );

    /// A block, to be ordered among all others with this loop turn's.
    fn run_block(&mut self, block: Block);

    /// A round of WATCH ended without EXEC.
    fn end_watch(&mut self, token: WatchToken, shards: ShardSet);

    /// A wait ended that these shards may know of.
    fn end_wait(&mut self, number: u64, shards: ShardSet);

    /// The connection waits for the log, and is to be called when that is durable further.
    fn wait_for_log(&mut self, conn: ConnId);
}
