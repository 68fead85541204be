//! What is on its way: the queues of every thread, what a turn has yet to send, and the ordering
//! lock.

use std::collections::VecDeque;
use std::sync::Arc;

use shardwright_actors::messages::{
    Block, BlockDone, ConnId, Delivery, Effects, Ordered, Parcel, ParcelDone, Round, RoundId,
};
use shardwright_actors::parcel::Outboxes;
use shardwright_actors::ready::Ready;
use shardwright_actors::server::Server;
use shardwright_actors::shard::core::ParcelWork;
use shardwright_store::executor::Request;
use shardwright_store::types::ShardId;
use shardwright_store::watch::WatchToken;
use shardwright_tests::Rng;

use super::fault::Fault;
use super::ledger::Ledger;
use super::waits::{Waits, claim_of_each_key};

/// What comes to a shard's mailbox.
pub enum Mail {
    /// Connections of the own thread have work.
    RunReady,
    /// Another thread's parcel.
    RunParcel(ParcelWork),
    /// Lend the partition to this round, led by this shard.
    Lend(RoundId, ShardId),
    /// Lead this round.
    RunRound(RoundId, Round),
    /// A round of WATCH ended.
    EndWatch(WatchToken),
    /// A wait for keys ended.
    EndWait(u64),
    /// Look at the expiry wheel.
    Tick,
    /// Write the next slice of a checkpoint.
    CutSlice,
}

/// What comes to a gateway.
pub enum Answer {
    /// The thread's outboxes have something.
    FlushOutboxes,
    /// A parcel came back.
    Parcel(ParcelDone),
    /// A block came back.
    Block(BlockDone),
    /// The log is durable further.
    LogMoved,
    /// A connection is to look at how it stands.
    Wake(ConnId),
}

/// What comes to the writer.
pub enum Record {
    /// Effects of one turn.
    Effects(Effects),
    /// Compare with this sum over the live data, and answer the block.
    Audit(Block, u128),
    /// A checkpoint began here.
    Mark,
}

/// One thing that a turn sends.
pub enum Sending {
    /// To a shard's mailbox.
    Mail(ShardId, Mail),
    /// To a shard's dock.
    Dock(ShardId, Delivery),
    /// To a gateway.
    Answer(ShardId, Answer),
    /// To the writer.
    Record(Record),
    /// A round, once the ordering lock is free.
    Round(Round),
    /// The mailboxes of a round are filled.
    Unlock,
}

/// The queues of one thread.
pub struct Lines {
    /// Its shard's mailbox.
    pub mailbox: VecDeque<Mail>,
    /// Its shard's dock.
    pub dock: VecDeque<Delivery>,
    /// Its gateway's mailbox.
    pub gateway: VecDeque<Answer>,
    /// What its last turn has yet to send; until it has, the thread does nothing else.
    pub outgoing: VecDeque<Sending>,
    /// One outbox a peer.
    pub outboxes: Outboxes,
    /// Parcels that a fault holds back until the outboxes are sent the next time.
    pub late: Vec<(ShardId, Parcel)>,
    /// Connections with work for the thread's shard.
    pub ready: Ready,
    /// Connections that wait for the log.
    pub waiting: Vec<ConnId>,
    /// A tick is on its way.
    pub ticking: bool,
    /// A slice of a checkpoint is to come.
    pub slicing: bool,
}

impl Lines {
    fn new(shards: u16) -> Self {
        Self {
            mailbox: VecDeque::new(),
            dock: VecDeque::new(),
            gateway: VecDeque::new(),
            outgoing: VecDeque::new(),
            outboxes: Outboxes::new(shards.into()),
            late: Vec::new(),
            ready: Ready::default(),
            waiting: Vec::new(),
            ticking: false,
            slicing: false,
        }
    }

    /// Whether nothing waits in any queue.
    pub fn is_empty(&self) -> bool {
        self.mailbox.is_empty()
            && self.dock.is_empty()
            && self.gateway.is_empty()
            && self.outgoing.is_empty()
            && self.outboxes.is_empty()
            && self.late.is_empty()
            && self.ready.is_empty()
    }
}

/// All queues of the process.
pub struct Network {
    /// By thread.
    pub lines: Vec<Lines>,
    /// The writer's mailbox.
    pub writer: VecDeque<Record>,
    /// What is watched.
    pub ledger: Ledger,
    /// Who waits for keys.
    pub waits: Waits,
    /// What is broken.
    pub fault: Fault,
    /// Chance for what is broken.
    pub rng: Rng,
    /// The process.
    pub server: Arc<Server>,
    locked: bool,
    rounds: u64,
    blocks: u64,
}

impl Network {
    /// Empty queues.
    pub fn new(server: &Arc<Server>, ledger: Ledger, fault: Fault, rng: Rng) -> Self {
        let shards = server.router().map.shards();
        Self {
            server: Arc::clone(server),
            lines: (0..shards).map(|_| Lines::new(shards)).collect(),
            writer: VecDeque::new(),
            ledger,
            waits: Waits::default(),
            fault,
            rng,
            locked: false,
            rounds: 0,
            blocks: 0,
        }
    }

    /// Number of blocks so far.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Notes something that the turn of `thread` sends.
    pub fn send(&mut self, thread: ShardId, sending: Sending) {
        self.lines[thread.0 as usize].outgoing.push_back(sending);
    }

    /// Whether the thread can send the next thing of its turn now.
    pub fn can_transmit(&self, thread: usize) -> bool {
        match self.lines[thread].outgoing.front() {
            Some(Sending::Round(_)) => !self.locked,
            other => other.is_some(),
        }
    }

    /// The thread sends the next thing of its turn.
    pub fn transmit(&mut self, thread: usize) {
        match self.lines[thread].outgoing.pop_front() {
            None => {}
            Some(Sending::Mail(to, mail)) => self.lines[to.0 as usize].mailbox.push_back(mail),
            Some(Sending::Dock(to, delivery)) => self.lines[to.0 as usize].dock.push_back(delivery),
            Some(Sending::Answer(to, answer)) => {
                self.lines[to.0 as usize].gateway.push_back(answer)
            }
            Some(Sending::Record(record)) => self.writer.push_back(record),
            Some(Sending::Unlock) => self.locked = false,
            Some(Sending::Round(round)) => self.order_round(thread, round),
        }
    }

    /// Goes on with the messages of a round, under the lock.
    fn order_round(&mut self, thread: usize, mut round: Round) {
        self.rounds += 1;
        self.blocks += round.blocks.len() as u64;
        let id = RoundId(self.rounds);
        for block in &mut round.blocks {
            if self.fault == Fault::WatchForgotten
                && let Some(Request::Exec { watch, .. }) = block.batch.requests.first_mut()
            {
                *watch = None;
            }
        }
        if self.fault == Fault::ClaimOfEachKey {
            let blocks = std::mem::take(&mut round.blocks).into_iter();
            round.blocks = blocks.flat_map(|b| claim_of_each_key(b, &mut self.waits)).collect();
        }
        let mut messages = Vec::new();
        round.ordered_as(id, |shard, message| {
            let mail = match message {
                Ordered::Lend(id, lead) => Mail::Lend(id, lead),
                Ordered::Run(id, round) => Mail::RunRound(id, round),
            };
            messages.push(Sending::Mail(shard, mail));
        });
        if self.fault != Fault::NoOrderingLock {
            self.locked = true;
            messages.push(Sending::Unlock);
        }
        let outgoing = &mut self.lines[thread].outgoing;
        messages.into_iter().rev().for_each(|message| outgoing.push_front(message));
    }

    /// Whether nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.writer.is_empty() && self.lines.iter().all(Lines::is_empty)
    }
}
