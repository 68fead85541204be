//! Where sessions and shards of one thread send: into the thread's list of what its turn has yet to
//! send.

use std::sync::Arc;

use shardwright_actors::clients::ClientInfo;
use shardwright_actors::messages::{Block, BlockDone, ConnId, Delivery, Effects, ParcelDone, Post};
use shardwright_actors::reload::Reload;
use shardwright_actors::shard::core::ShardPost;
use shardwright_actors::shards::ShardSet;
use shardwright_store::blocking::Waiter;
use shardwright_store::command::CommandId;
use shardwright_store::cut::CutBatch;
use shardwright_store::error::CommandError;
use shardwright_store::executor::{BatchView, End, Meter, Planned};
use shardwright_store::keyspace::Keyspace;
use shardwright_store::partition::{Garbage, Partition};
use shardwright_store::types::{ShardId, UnixMillis};
use shardwright_store::watch::WatchToken;
use shardwright_tests::Rng;

use super::fault::Fault;
use super::network::{Answer, Mail, Network, Record, Sending};

/// Sends for one thread.
pub struct ThreadPost<'a> {
    network: &'a mut Network,
    thread: ShardId,
    /// The shards of the block that this turn runs.
    block: ShardSet,
    /// Effects that a fault holds back until the turn is over.
    late: Vec<Effects>,
}

impl<'a> ThreadPost<'a> {
    /// Sends for `thread`; if its turn runs a block, that needs the partitions of `block`.
    pub fn new(network: &'a mut Network, thread: ShardId, block: ShardSet) -> Self {
        Self { network, thread, block, late: Vec::new() }
    }

    /// All queues.
    pub fn network(&mut self) -> &mut Network {
        self.network
    }

    fn send(&mut self, sending: Sending) {
        self.network.send(self.thread, sending);
    }
}

impl Drop for ThreadPost<'_> {
    fn drop(&mut self) {
        for effects in std::mem::take(&mut self.late) {
            self.network.ledger.effects(&effects);
            self.send(Sending::Record(Record::Effects(effects)));
        }
    }
}

impl Post for ThreadPost<'_> {
    fn run_local(&mut self, conn: ConnId, bytes: usize) {
        if self.network.lines[self.thread.0 as usize].ready.push(conn, bytes) {
            self.send(Sending::Mail(self.thread, Mail::RunReady));
        }
    }

    fn run_remote(
        &mut self,
        conn: ConnId,
        shard: ShardId,
        batch: BatchView<'_>,
        request: &Planned,
    ) {
        let lines = &mut self.network.lines[self.thread.0 as usize];
        if lines.outboxes.push(conn, shard, batch, request) {
            self.send(Sending::Answer(self.thread, Answer::FlushOutboxes));
        }
    }

    fn run_block(&mut self, block: Block) {
        self.network.waits.block(&block);
        if self.network.lines[self.thread.0 as usize].outboxes.push_block(block) {
            self.send(Sending::Answer(self.thread, Answer::FlushOutboxes));
        }
    }

    fn end_watch(&mut self, token: WatchToken, shards: ShardSet) {
        for shard in shards.iter() {
            self.send(Sending::Mail(shard, Mail::EndWatch(token)));
        }
    }

    fn end_wait(&mut self, number: u64, shards: ShardSet) {
        for shard in shards.iter() {
            let is_lost = self.network.fault == Fault::EndWaitLost && self.network.rng.percent(10);
            if !is_lost {
                self.send(Sending::Mail(shard, Mail::EndWait(number)));
            }
        }
    }

    fn wait_for_log(&mut self, conn: ConnId) {
        self.network.lines[self.thread.0 as usize].waiting.push(conn);
        self.network.server.durability.wait(self.thread);
    }
}

impl ShardPost for ThreadPost<'_> {
    fn deliver(&mut self, shard: ShardId, delivery: Delivery) {
        self.network.ledger.delivered(&delivery);
        let is_kept = self.network.fault == Fault::PartitionKept
            && matches!(delivery, Delivery::Home(_))
            && self.network.rng.percent(10);
        if !is_kept {
            self.send(Sending::Dock(shard, delivery));
        }
    }

    fn effects(&mut self, effects: Effects) {
        match self.network.fault {
            Fault::EffectsLate if self.network.rng.percent(10) => {
                self.late.push(effects);
                return;
            }
            Fault::EffectsLost if self.network.rng.percent(5) => {
                self.network.ledger.effects(&effects);
                return;
            }
            _ => {}
        }
        self.network.ledger.effects(&effects);
        self.send(Sending::Record(Record::Effects(effects)));
    }

    fn retry(&mut self, waiter: Waiter) {
        let map = self.network.server.router().map;
        match self.network.fault {
            Fault::RetryLost => return,
            Fault::PlaceLost => {
                if let Some(key) = waiter.batch.keys.first() {
                    let mail = Mail::EndWait(waiter.claim.number);
                    self.send(Sending::Mail(map.shard_of(key.slot), mail));
                }
            }
            _ => {}
        }
        let shards: ShardSet = waiter.batch.keys.iter().map(|key| map.shard_of(key.slot)).collect();
        let lead = shards.iter().next().unwrap_or(self.thread);
        Post::run_block(self, Block::waiting(waiter, shards, lead));
    }

    fn garbage(&mut self, garbage: Vec<Garbage>) {
        drop(garbage);
    }

    fn parcel_done(&mut self, to: ShardId, done: ParcelDone) {
        let one = [done.shard].into_iter().collect();
        self.network.ledger.replies(&one, "a parcel");
        self.send(Sending::Answer(to, Answer::Parcel(done)));
    }

    fn block_done(&mut self, done: BlockDone) {
        if done.shards.is_empty() {
            self.network.ledger.told(&done.sequences);
        } else {
            self.network.ledger.replies(&self.block, "a block");
        }
        // The command of one that may wait does not come back.
        if done.batch.requests.is_empty()
            && let Err(failure) = self.network.waits.answered(&done)
        {
            self.network.ledger.fail(failure);
        }
        self.send(Sending::Answer(done.conn.thread, Answer::Block(done)));
    }

    /// Nobody in the simulation asks for it: there are no files.
    fn reload(
        &mut self,
        _: Reload,
        _: &mut Keyspace<'_>,
        _: UnixMillis,
    ) -> Result<(), CommandError> {
        Err(CommandError::Syntax)
    }

    fn checkpoint_began(&mut self, _: Block, _: Vec<u64>, _: u64) {
        match self.network.fault {
            // Effects of before are on their way, from this thread and from others.
            Fault::MarkEarly => self.network.writer.push_front(Record::Mark),
            _ => self.send(Sending::Record(Record::Mark)),
        }
    }

    fn checkpoint_keys(&mut self, batch: CutBatch) {
        self.network.ledger.checkpoint_keys(&batch);
    }

    fn publish(&mut self, partition: &Partition) {
        self.network.ledger.released(partition);
    }

    fn audit(&mut self, block: Block, live: u128) {
        self.network.ledger.replies(&self.block, "an audit");
        self.send(Sending::Record(Record::Audit(block, live)));
    }
}

/// Stops a batch now and then, as one that takes too long. Within a turn it does what another thread
/// may do meanwhile, since claims are shared: it ends waits.
pub struct Whim {
    /// Chance of it.
    pub rng: Rng,
    /// Of a hundred commands, how many end their batch.
    pub stops: usize,
    /// Of a hundred commands behind which somebody waits, at how many a wait is ended.
    pub meddles: usize,
    /// Clients that wait.
    pub waiting: Vec<Arc<ClientInfo>>,
    /// Those of them whose wait was ended.
    pub unblocked: Vec<ConnId>,
}

impl Meter for Whim {
    fn ended(&mut self, _: CommandId, _: End, _: Option<&[u8]>) -> bool {
        if !self.waiting.is_empty() && self.rng.percent(self.meddles) {
            let info = self.rng.choose(&self.waiting);
            self.unblocked.extend(info.unblock(false).then_some(info.conn));
        }
        !self.rng.percent(self.stops)
    }
}
