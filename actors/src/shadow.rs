//! The shadow: copies of all partitions that effects alone feed, to prove that effects tell the
//! whole truth. Tests keep one beside every server; DEBUG SHADOW compares.

use shardwright_codec::resp::ReplyWriter;
use shardwright_store::digest::partition_digest;
use shardwright_store::partition::EffectBatch;

use crate::recovery::Partitions;

/// Copies of all partitions, fed by effects alone.
pub struct Shadow {
    partitions: Partitions,
    failure: Option<String>,
}

impl Shadow {
    /// Copies that begin as these partitions, one for each shard.
    pub fn new(partitions: Partitions) -> Self {
        Self { partitions, failure: None }
    }

    /// Something went wrong before effects came here: no comparison can succeed any more.
    pub fn fail(&mut self, why: String) {
        self.failure.get_or_insert(why);
    }

    /// Does what effects say.
    pub fn take(&mut self, batch: &EffectBatch) {
        let partition = self.partitions.get_mut(usize::from(batch.shard.0));
        let outcome = match partition {
            None => Err("no such partition".to_owned()),
            Some(partition) => {
                let outcome = partition.apply_all(&batch.records, batch.count);
                drop(partition.take_garbage());
                outcome.map_err(|error| error.to_string())
            }
        };
        if let Err(error) = outcome {
            tracing::error!(%error, shard = batch.shard.0, "effects could not be applied");
            self.fail(error);
        }
    }

    /// Answers whether the copies have the digest `live`.
    pub fn compare(&self, live: u128, reply: &mut ReplyWriter<'_>) {
        let copy =
            self.partitions.iter().map(|copy| partition_digest(copy)).fold(0, |all, one| all ^ one);
        match &self.failure {
            Some(failure) => reply.error(format!("ERR the shadow failed: {failure}")),
            None if copy == live => reply.ok(),
            None => reply.error(format!("ERR live data {live:032x} and shadow {copy:032x} differ")),
        }
    }
}
