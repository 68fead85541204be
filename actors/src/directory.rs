//! Addresses of all actors of the process, known to every thread.

use std::sync::atomic::Ordering::Relaxed;

use actix::prelude::*;
use shardwright_codec::resp::{Protocol, ReplyWriter};
use shardwright_store::types::ShardId;
use tokio::sync::mpsc::UnboundedSender;

use crate::checkpoint::Checkpointer;
use crate::gateway::{Deliver, Gateway};
use crate::messages::{Block, BlockDone, ConnId, Delivery, Ordered, Round, RoundId};
use crate::reaper::Reaper;
use crate::server::Server;
use crate::shard::{Lend, RunRound, Shard};
use crate::writer::Writer;

/// Addresses of one thread's actors.
#[derive(Debug, Clone)]
pub struct ThreadAddresses {
    /// Its shard.
    pub shard: Addr<Shard>,
    /// Where partitions come to its shard, beside the mailbox.
    pub dock: UnboundedSender<Delivery>,
    /// Its gateway.
    pub gateway: Addr<Gateway>,
}

/// Addresses of all actors.
#[derive(Debug)]
pub struct Directory {
    /// By shard.
    pub threads: Vec<ThreadAddresses>,
    /// The writer.
    pub writer: Addr<Writer>,
    /// What writes checkpoints.
    pub checkpointer: Addr<Checkpointer>,
    /// What frees what is too much for a shard's turn.
    pub reaper: Reaper,
}

impl Directory {
    /// The actors of a thread. Shard ids come from the router alone, which knows how many there
    /// are.
    pub fn thread(&self, shard: ShardId) -> &ThreadAddresses {
        &self.threads[shard.0 as usize]
    }
}

impl Server {
    /// The addresses, once all threads run.
    pub fn directory(&self) -> Option<&Directory> {
        self.directory.get()
    }

    /// Sends a message to a shard's mailbox.
    pub fn to_shard<M>(&self, shard: ShardId, message: M)
    where
        M: Message + Send + 'static,
        M::Result: Send,
        Shard: Handler<M>,
    {
        if let Some(directory) = self.directory() {
            self.count_sent(shard);
            directory.thread(shard).shard.do_send(message);
        }
    }

    /// Lets connections take what was published for them.
    pub fn call_subscribers(&self, calls: Vec<ConnId>) {
        if calls.is_empty() {
            return;
        }
        let tell = self.pubsub.call(calls);
        let Some(directory) = self.directory() else { return };
        for thread in tell {
            directory.thread(thread).gateway.do_send(Deliver);
        }
    }

    /// Answers a block that nobody else answers with what `write` writes.
    pub fn answer_block(&self, block: Block, write: impl FnOnce(&mut ReplyWriter<'_>)) {
        let mut out = Vec::new();
        write(&mut ReplyWriter::new(&mut out, Protocol::Resp2));
        let ends = vec![out.len()];
        let Block { conn, batch, shards, .. } = block;
        let done = BlockDone { conn, batch, out, ends, next: 1, shards, sequences: Vec::new() };
        if let Some(directory) = self.directory() {
            directory.thread(done.conn.thread).gateway.do_send(done);
        }
    }

    /// A message is on its way to a shard's mailbox.
    pub fn count_sent(&self, shard: ShardId) {
        if let Some(stats) = self.stats().get(shard.0 as usize) {
            stats.sent.fetch_add(1, Relaxed);
        }
    }

    /// Puts a round into the mailbox of its lead shard and a lending into those of all others that
    /// it needs. Any two rounds meet in the same order everywhere, so they cannot wait for each
    /// other in a circle.
    pub fn order_round(&self, round: Round) {
        self.in_order(|number| {
            round.ordered_as(RoundId(number), |shard, message| match message {
                Ordered::Lend(id, lead) => self.to_shard(shard, Lend(id, lead)),
                Ordered::Run(id, round) => self.to_shard(shard, RunRound(id, round)),
            });
        });
    }
}
