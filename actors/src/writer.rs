//! The writer actor, on a thread of its own: it takes the effects of all shards in the order in
//! which they come, checks that no partition's sequence has a gap, and gives them to its sinks.
//!
//! A log is one such sink; it comes with durability. The one that exists keeps a shadow of every
//! partition, fed by effects alone, to prove that effects tell the whole truth.

use std::sync::Arc;

use actix::prelude::*;
use shardwright_codec::resp::{Protocol, ReplyWriter};
use shardwright_journal::{Record, Sequences, Sink};
use shardwright_store::digest::partition_digest;
use shardwright_store::effect::Effect;
use shardwright_store::partition::{EffectBatch, Partition};

use crate::messages::{Block, BlockDone};
use crate::server::Server;

/// Effects of one turn of a shard.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Effects(pub EffectBatch);

/// Compare the shadow with this sum over the live data, and answer the block.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Audit {
    /// The block to answer.
    pub block: Block,
    /// The sum over the live data.
    pub live: u128,
}

/// The writer.
pub struct Writer {
    server: Arc<Server>,
    sequences: Sequences,
    shadow: Option<Shadow>,
}

impl Writer {
    /// A writer; `shadow` has an empty partition for every shard, if a shadow is to be kept.
    pub fn new(server: Arc<Server>, shadow: Option<Vec<Partition>>) -> Self {
        let shards = server.router().map.shards().into();
        let shadow = shadow.map(|partitions| Shadow { partitions, failure: None });
        Self { server, sequences: Sequences::new(shards), shadow }
    }
}

impl Actor for Writer {
    type Context = Context<Self>;
}

impl Handler<Effects> for Writer {
    type Result = ();

    fn handle(&mut self, Effects(batch): Effects, _: &mut Self::Context) {
        let record = Record {
            partition: batch.shard.0,
            first: batch.first.0,
            count: batch.count,
            payload: &batch.records,
        };
        let taken =
            self.sequences.check(&record).map_err(|gap| gap.to_string()).and_then(|()| {
                self.shadow.as_mut().map_or(Ok(()), |shadow| shadow.append(&record))
            });
        if let Err(error) = taken {
            tracing::error!(%error, shard = record.partition, "effects could not be taken");
            if let Some(shadow) = &mut self.shadow {
                shadow.failure.get_or_insert(error);
            }
        }
    }
}

impl Handler<Audit> for Writer {
    type Result = ();

    fn handle(&mut self, Audit { block, live }: Audit, _: &mut Self::Context) {
        let mut out = Vec::new();
        let mut reply = ReplyWriter::new(&mut out, Protocol::Resp2);
        match self.shadow.as_ref().map(|shadow| (shadow.failure.as_ref(), shadow.digest())) {
            None => reply.error("ERR no shadow is kept: start with --shadow yes"),
            Some((Some(failure), _)) => reply.error(format!("ERR the shadow failed: {failure}")),
            Some((None, shadow)) if shadow == live => reply.ok(),
            Some((None, shadow)) => {
                reply.error(format!("ERR live data {live:032x} and shadow {shadow:032x} differ"));
            }
        }
        let ends = vec![out.len()];
        let Block { conn, batch, shards, .. } = block;
        let done = BlockDone { conn, batch, out, ends, next: 1, shards };
        if let Some(directory) = self.server.directory() {
            directory.thread(done.conn.thread).gateway.do_send(done);
        }
    }
}

/// Copies of all partitions, fed by effects alone.
struct Shadow {
    partitions: Vec<Partition>,
    failure: Option<String>,
}

impl Shadow {
    fn digest(&self) -> u128 {
        self.partitions.iter().map(partition_digest).fold(0, |all, one| all ^ one)
    }
}

impl Sink for Shadow {
    type Error = String;

    fn append(&mut self, record: &Record<'_>) -> Result<(), String> {
        let partition = self.partitions.get_mut(usize::from(record.partition));
        let partition = partition.ok_or("no such partition")?;
        let mut rest = record.payload;
        for _ in 0..record.count {
            let (effect, length) = Effect::decode(rest).map_err(|error| error.to_string())?;
            partition.apply(&effect).map_err(|error| format!("{error}: {effect:?}"))?;
            rest = &rest[length..];
        }
        drop(partition.take_garbage());
        if rest.is_empty() { Ok(()) } else { Err(format!("{} bytes too many", rest.len())) }
    }
}
