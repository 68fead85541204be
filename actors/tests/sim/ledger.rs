//! Watches effects: each partition's are without a gap, tell all that changed, and leave before
//! anything that depends on them.

use shardwright_actors::messages::{Delivery, Effects};
use shardwright_actors::shards::ShardSet;
use shardwright_journal::{Part, Sequences};
use shardwright_store::cut::CutBatch;
use shardwright_store::digest::partition_digest;
use shardwright_store::partition::{EffectBatch, Partition, PartitionOptions};
use shardwright_store::types::{Sequence, ShardId};

use super::fault::{Check, Failure};

/// Copies of all partitions, fed by effects alone.
pub struct Shadows {
    partitions: Vec<Partition>,
    sequences: Sequences,
}

impl Shadows {
    /// Empty copies.
    pub fn new(options: &[PartitionOptions]) -> Self {
        Self {
            partitions: options.iter().map(|options| Partition::new(*options)).collect(),
            sequences: Sequences::new(options.len() as u16),
        }
    }

    /// Takes effects.
    pub fn take(&mut self, batch: &EffectBatch) -> Result<(), Failure> {
        let failed = |text: String| Failure::new(Check::Effects, text);
        let part = Part {
            partition: batch.shard.0,
            first: batch.first.0,
            count: batch.count,
            payload: &batch.records,
        };
        self.sequences.take(&part).map_err(|gap| failed(gap.to_string()))?;
        let partition = &mut self.partitions[batch.shard.0 as usize];
        let applied = partition.apply_all(&batch.records, batch.count);
        drop(partition.take_garbage());
        applied.map_err(|error| failed(error.to_string()))
    }

    /// The newest effects, by partition.
    pub fn newest(&self) -> &[u64] {
        self.sequences.newest()
    }

    /// Sum over all data.
    pub fn digest(&self) -> u128 {
        self.partitions.iter().map(partition_digest).fold(0, |all, one| all ^ one)
    }
}

/// What is known of one partition's effects.
#[derive(Debug, Clone, Copy, Default)]
struct Page {
    /// Sequence of the newest effect that was handed out.
    sent: Sequence,
    /// Sequence at which data and copy were last compared.
    compared: Sequence,
    /// The running turn released the partition.
    released: bool,
    /// Keys on watch when it was last released.
    watched: usize,
    /// Keys that somebody waits for, then.
    awaited: usize,
}

/// What is known of a checkpoint.
struct Cut {
    /// What its keys make.
    partitions: Vec<Partition>,
    /// Shards of which keys are still to come.
    left: usize,
    /// Sum over the data at its mark.
    wanted: Option<u128>,
}

/// The watch over effects.
pub struct Ledger {
    options: Vec<PartitionOptions>,
    cut: Option<Cut>,
    shadows: Shadows,
    pages: Vec<Page>,
    /// What was found first.
    failure: Option<Failure>,
}

impl Ledger {
    /// A ledger of empty partitions.
    pub fn new(options: &[PartitionOptions]) -> Self {
        Self {
            options: options.to_vec(),
            cut: None,
            shadows: Shadows::new(options),
            pages: vec![Page::default(); options.len()],
            failure: None,
        }
    }

    /// What was found, if anything was.
    pub fn take_failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    /// Notes a failure; the first counts.
    pub fn fail(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
    }

    fn fail_effects(&mut self, text: String) {
        self.fail(Failure::new(Check::Effects, text));
    }

    /// A checkpoint is to begin. Returns false if one is being written.
    pub fn claim_checkpoint(&mut self) -> bool {
        if self.cut.is_some() {
            return false;
        }
        let partitions = self.options.iter().map(|options| Partition::new(*options)).collect();
        self.cut = Some(Cut { partitions, left: self.options.len(), wanted: None });
        true
    }

    /// The checkpoint's mark came to the writer when this was the sum over all data.
    pub fn checkpoint_mark(&mut self, wanted: u128) {
        if let Some(cut) = &mut self.cut {
            cut.wanted = Some(wanted);
        }
        self.compare_checkpoint();
    }

    /// Keys of the checkpoint.
    pub fn checkpoint_keys(&mut self, batch: &CutBatch) {
        let Some(cut) = &mut self.cut else {
            return self.fail_checkpoint("keys of no checkpoint".into());
        };
        let partition = &mut cut.partitions[batch.shard.0 as usize];
        let applied = partition.apply_all(&batch.records, batch.count);
        cut.left -= usize::from(batch.last);
        if let Err(error) = applied {
            self.fail_checkpoint(error.to_string());
        }
        self.compare_checkpoint();
    }

    fn fail_checkpoint(&mut self, text: String) {
        self.fail(Failure::new(Check::Checkpoint, text));
    }

    fn compare_checkpoint(&mut self) {
        let over = |cut: &mut Cut| cut.left == 0 && cut.wanted.is_some();
        let Some(cut) = self.cut.take_if(over) else { return };
        let found = cut.partitions.iter().map(partition_digest).fold(0, |all, one| all ^ one);
        if cut.wanted != Some(found) {
            self.fail_checkpoint("a checkpoint is not the state at its mark".into());
        }
    }

    /// A shard's turn begins.
    pub fn begin_turn(&mut self) {
        self.pages.iter_mut().for_each(|page| page.released = false);
    }

    /// Effects were handed out.
    pub fn effects(&mut self, effects: &Effects) {
        for batch in effects.batches() {
            let page = &mut self.pages[batch.shard.0 as usize];
            page.sent = Sequence(batch.first.0 + batch.count - 1);
            if let Err(failure) = self.shadows.take(batch) {
                self.fail(failure);
            }
        }
    }

    /// A partition was released: all its effects must have been handed out.
    pub fn released(&mut self, partition: &Partition) {
        self.has_left(partition, "is released");
        if partition.waiters.has_ready() {
            let text = format!("{} is released before those are served who wait", partition.id());
            self.fail(Failure::new(Check::Delivery, text));
        }
        let at = partition.id().0 as usize;
        let page = &mut self.pages[at];
        page.released = true;
        page.watched = partition.watch.len();
        page.awaited = partition.waiters.len();
        if page.compared != partition.sequence() {
            page.compared = partition.sequence();
            if partition_digest(&self.shadows.partitions[at]) != partition_digest(partition) {
                let sequence = partition.sequence();
                self.fail_effects(format!(
                    "partition {at} at {sequence:?} is not what its effects make"
                ));
            }
        }
    }

    /// A partition changes threads.
    pub fn delivered(&mut self, delivery: &Delivery) {
        let (Delivery::Lent(_, partition) | Delivery::Home(partition)) = delivery;
        self.has_left(partition, "changes threads");
    }

    fn has_left(&mut self, partition: &Partition, what: &str) {
        let (id, sequence) = (partition.id(), partition.sequence());
        let sent = self.pages[id.0 as usize].sent;
        if sent != sequence {
            self.fail_effects(format!("partition {id} {what} at {sequence:?}, told only {sent:?}"));
        }
    }

    /// Replies leave that depend on these partitions.
    pub fn replies(&mut self, shards: &ShardSet, what: &str) {
        for shard in shards.iter() {
            if !self.pages[shard.0 as usize].released {
                self.fail_effects(format!("{what} leaves before the effects of partition {shard}"));
            }
        }
    }

    /// A reply leaves that tells of these effects, from the middle of a turn.
    pub fn told(&mut self, sequences: &[(ShardId, Sequence)]) {
        for (shard, sequence) in sequences {
            let sent = self.pages[shard.0 as usize].sent;
            if sent < *sequence {
                self.fail_effects(format!("who waits is told {sequence:?} of {shard} at {sent:?}"));
            }
        }
    }

    /// Keys on watch, and keys that somebody waits for, when each partition was last released.
    pub fn left(&self) -> impl Iterator<Item = (ShardId, usize, usize)> {
        (0..).zip(&self.pages).map(|(at, page)| (ShardId(at), page.watched, page.awaited))
    }
}
