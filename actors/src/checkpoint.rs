//! Checkpoints: when they begin and what became of them, and the actor that writes them, on a thread
//! of its own, so that no sync of theirs holds up the log.
//!
//! A checkpoint begins as a block that is lent all partitions: each notes that it is cut, and the
//! writer gets a mark between the effects of before and after. Shards then write their parts in
//! slices between messages. When the file is durable the writer lets it count, and the log before it
//! goes.

use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use actix::prelude::*;
use shardwright_config::SaveRules;
use shardwright_journal::{CheckpointEntry, CheckpointMark, CheckpointWriter, Disk, JournalError};
use shardwright_store::cut::CutBatch;
use shardwright_store::types::ShardId;

use crate::clock::Clock;
use crate::messages::{Block, BlockKind, ConnId, Round};
use crate::rdb::writing::{
    RdbFile, WriteError, Written, options, working_directory, write_checkpoint,
};
use crate::server::Server;
use crate::shards::ShardSet;
use crate::writer::InstallCheckpoint;

/// Bytes of keys on their way to the checkpoint above which shards write no further slices.
const MOST_BACKLOG: usize = 16 << 20;

/// Bytes of keys on their way to the checkpoint above which shards wait for the disk: what changes
/// is written before its turn, whether the disk keeps up or not.
const FLOOD: usize = 64 << 20;

/// What a checkpoint is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To save the data, which the setting `save-rdb` extends to an RDB file.
    Save,
    /// To shorten the log, or to make good what it lost.
    Log,
}

/// A checkpoint that counts, and what became of the RDB file behind it.
#[derive(Debug)]
pub struct Saved {
    /// Bytes of the checkpoint.
    pub len: u64,
    /// Whether the RDB file was written, if that was wanted.
    pub rdb: Result<(), String>,
}

/// Time after which a checkpoint that failed is tried again by itself.
const RETRY_SECONDS: i64 = 2;

/// What is known of checkpoints.
#[derive(Debug, Default)]
pub struct Checkpoints {
    /// There is a directory to write to.
    possible: AtomicBool,
    running: AtomicBool,
    /// When the last one began, whatever became of it, or the process; in milliseconds since 1970.
    began: AtomicI64,
    /// When the last one that succeeded ended, or the process began; in seconds since 1970.
    last_saved: AtomicI64,
    /// When the last one ended, however it did.
    last_ended: AtomicI64,
    last_failed: AtomicBool,
    /// The running one, or the last one, is or was made to save.
    saves: AtomicBool,
    /// Another one is to follow the running one, by purpose.
    scheduled: [AtomicBool; 2],
    /// What became of those that ended, by purpose.
    ended: [Ended; 2],
    last_len: AtomicU64,
    /// Changes of keys when the last one that succeeded began, and when the running one did.
    changes: [AtomicU64; 2],
    /// Bytes on their way to the running one, and the most that there were.
    backlog: AtomicUsize,
    most_backlog: AtomicUsize,
    /// Keys of the running one: those that were written, and all of them.
    keys: [AtomicU64; 2],
    /// Bytes of keys that went to files since the start, and how many had when the running one began.
    bytes: [AtomicU64; 2],
}

/// What became of the checkpoints of one purpose since the start.
#[derive(Debug)]
pub struct Ended {
    succeeded: AtomicU64,
    failures: AtomicU64,
    took: AtomicI64,
    most_backlog: AtomicUsize,
}

impl Default for Ended {
    fn default() -> Self {
        Self {
            succeeded: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            took: AtomicI64::new(-1),
            most_backlog: AtomicUsize::new(0),
        }
    }
}

impl Ended {
    /// How many succeeded.
    pub fn succeeded(&self) -> u64 {
        self.succeeded.load(Relaxed)
    }

    /// How many failed, or their RDB files did, since the last one that did not.
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// Whether the last one failed, or its RDB file did.
    pub fn last_failed(&self) -> bool {
        self.failures() > 0
    }

    /// Seconds that the last one took; -1 before the first.
    pub fn last_took(&self) -> i64 {
        self.took.load(Relaxed)
    }

    /// The most bytes that were on their way to the last one.
    pub fn most_backlog(&self) -> usize {
        self.most_backlog.load(Relaxed)
    }

    /// One ended, after so many seconds.
    fn add(&self, took: i64, counts: bool, failed: bool, most_backlog: usize) {
        self.succeeded.fetch_add(u64::from(counts), Relaxed);
        let failures = if failed { self.failures() + 1 } else { 0 };
        self.failures.store(failures, Relaxed);
        self.took.store(took, Relaxed);
        self.most_backlog.store(most_backlog, Relaxed);
    }
}

impl Checkpoints {
    /// None yet in a process that begins `now`, in seconds since 1970.
    pub fn new(now: i64) -> Self {
        let began = AtomicI64::new(now.saturating_mul(1000));
        Self { began, last_saved: AtomicI64::new(now), ..Self::default() }
    }

    /// Whether there is a directory to write to.
    pub fn are_possible(&self) -> bool {
        self.possible.load(Relaxed)
    }

    /// Whether one is being written.
    pub fn is_running(&self) -> bool {
        self.running.load(SeqCst)
    }

    /// Seconds for which one has been written, if one is.
    pub fn seconds(&self, now: i64) -> Option<i64> {
        self.is_running().then(|| now - self.began.load(Relaxed) / 1000)
    }

    /// When the last one that succeeded ended, or the process began; in seconds since 1970.
    pub fn last_saved(&self) -> i64 {
        self.last_saved.load(Relaxed)
    }

    /// Whether the last one failed.
    pub fn last_failed(&self) -> bool {
        self.last_failed.load(Relaxed)
    }

    /// What became of those with this purpose.
    pub fn ended(&self, purpose: Purpose) -> &Ended {
        let [saves, of_log] = &self.ended;
        match purpose {
            Purpose::Save => saves,
            Purpose::Log => of_log,
        }
    }

    /// What the running one, or the last one, is or was made for.
    fn purpose(&self) -> Purpose {
        if self.is_save() { Purpose::Save } else { Purpose::Log }
    }

    /// Whether the running one is made to save.
    pub fn is_save(&self) -> bool {
        self.saves.load(Relaxed)
    }

    /// Whether one with this purpose is being written.
    pub fn is_running_for(&self, purpose: Purpose) -> bool {
        self.is_running() && self.is_save() == (purpose == Purpose::Save)
    }

    /// Another one is to follow the running one.
    pub fn schedule(&self, purpose: Purpose) {
        self.scheduled[purpose as usize].store(true, SeqCst);
    }

    /// Whether one is to follow the running one.
    pub fn is_scheduled(&self, purpose: Purpose) -> bool {
        self.scheduled[purpose as usize].load(SeqCst)
    }

    /// Bytes of the checkpoint that counts.
    pub fn last_len(&self) -> u64 {
        self.last_len.load(Relaxed)
    }

    /// There is a directory to write to, of which a checkpoint of so many bytes was loaded.
    pub fn opened(&self, len: u64) {
        self.possible.store(true, Relaxed);
        self.last_len.store(len, Relaxed);
    }

    /// How many succeeded since the start.
    pub fn succeeded(&self) -> u64 {
        self.ended.iter().map(Ended::succeeded).sum()
    }

    /// Keys of the running one: those that were written, and all of them; none if none is running.
    /// All are known when the partitions are cut, and zero until then.
    pub fn keys(&self) -> (u64, u64) {
        let [written, all] = &self.keys;
        if self.is_running() { (written.load(Relaxed), all.load(Relaxed)) } else { (0, 0) }
    }

    /// The running one is cut: it is going to have so many keys.
    pub fn cut(&self, keys: u64) {
        self.keys[1].store(keys, Relaxed);
    }

    /// Bytes of keys that all of them wrote since the start.
    pub fn bytes(&self) -> u64 {
        self.bytes[0].load(Relaxed)
    }

    /// Bytes of keys that the running one wrote.
    pub fn running_bytes(&self) -> u64 {
        self.bytes() - self.bytes[1].load(Relaxed)
    }

    /// So many bytes are on their way to the checkpoint.
    pub fn add_backlog(&self, bytes: usize) {
        let before = self.backlog.fetch_add(bytes, Relaxed);
        self.most_backlog.fetch_max(before.saturating_add(bytes), Relaxed);
    }

    /// Bytes on their way to the checkpoint.
    pub fn backlog(&self) -> usize {
        self.backlog.load(Relaxed)
    }

    /// The most bytes that were on their way to the running one; none if none is running.
    pub fn most_backlog(&self) -> usize {
        if self.is_running() { self.most_backlog.load(Relaxed) } else { 0 }
    }

    /// Whether so much is on its way that slices have to wait for the disk.
    pub fn is_congested(&self) -> bool {
        self.backlog() > MOST_BACKLOG
    }
}

impl Server {
    /// Whether so much is on its way to files that shards have to wait for the disk.
    #[inline]
    pub fn disk_lags(&self) -> bool {
        self.durability.is_congested() || self.checkpoints.backlog() > FLOOD
    }

    /// Changes of keys since the start.
    fn changes(&self) -> u64 {
        self.stats().iter().map(|thread| thread.changes.get()).sum()
    }

    /// Changes of keys since the last checkpoint.
    pub fn unsaved_changes(&self) -> u64 {
        self.changes().saturating_sub(self.checkpoints.changes[0].load(Relaxed))
    }

    /// Whether a rule wants a checkpoint: so many changes, so long after the last one.
    pub fn is_save_due(&self, rules: &SaveRules) -> bool {
        if rules.is_empty() {
            return false;
        }
        let now = Clock::unix_micros() / 1_000_000;
        let checkpoints = &self.checkpoints;
        let since = now - checkpoints.last_saved();
        let changes = self.unsaved_changes();
        self.may_retry()
            && rules.iter().any(|rule| changes >= rule.changes && since >= rule.seconds as i64)
    }

    /// Whether anything has changed since the last checkpoint that counts, and the last one that was
    /// tried, or the start, is at least so long ago; never by an interval of zero.
    pub fn is_interval_over(&self, interval: Duration) -> bool {
        if interval.is_zero() {
            return false;
        }
        let since = Clock::unix_micros() / 1000 - self.checkpoints.began.load(Relaxed);
        let is_over = u128::try_from(since).is_ok_and(|since| since >= interval.as_millis());
        is_over && self.may_retry() && self.unsaved_changes() > 0
    }

    /// Whether the last checkpoint is long enough ago for another one that nobody asked for.
    pub fn may_retry(&self) -> bool {
        let now = Clock::unix_micros() / 1_000_000;
        let checkpoints = &self.checkpoints;
        !checkpoints.last_failed() || now - checkpoints.last_ended.load(Relaxed) >= RETRY_SECONDS
    }

    /// Claims the one checkpoint that can be written at a time. Whoever does has to order its block.
    pub fn claim_checkpoint(&self, purpose: Purpose) -> bool {
        let checkpoints = &self.checkpoints;
        if checkpoints.running.swap(true, SeqCst) {
            return false;
        }
        checkpoints.began.store(Clock::unix_micros() / 1000, Relaxed);
        checkpoints.changes[1].store(self.changes(), Relaxed);
        checkpoints.keys.iter().for_each(|keys| keys.store(0, Relaxed));
        checkpoints.most_backlog.store(0, Relaxed);
        checkpoints.bytes[1].store(checkpoints.bytes(), Relaxed);
        checkpoints.saves.store(purpose == Purpose::Save, Relaxed);
        true
    }

    /// Begins a checkpoint whose end nobody waits for. Returns whether it did: there can be only one
    /// at a time.
    pub fn begin_checkpoint(&self, purpose: Purpose) -> bool {
        if !self.claim_checkpoint(purpose) {
            return false;
        }
        // It does what was scheduled.
        self.checkpoints.scheduled[purpose as usize].store(false, SeqCst);
        let shards = ShardSet::all(self.router().map.shards());
        let block = Block::special(ConnId::NOBODY, BlockKind::Checkpoint, shards, ShardId(0));
        self.order_round(Round::of(block));
        true
    }

    /// Begins what was scheduled, if nothing else is under way.
    pub fn begin_scheduled(&self) {
        for purpose in [Purpose::Save, Purpose::Log] {
            if self.checkpoints.is_scheduled(purpose) {
                self.begin_checkpoint(purpose);
            }
        }
    }

    /// A checkpoint ended: with a file that counts, or not. Answers who waits.
    pub fn checkpoint_ended(&self, outcome: Result<Saved, String>, block: Block) {
        let checkpoints = &self.checkpoints;
        let now = Clock::unix_micros() / 1_000_000;
        let took = now - checkpoints.began.load(Relaxed) / 1000;
        let counts = outcome.is_ok();
        checkpoints.last_ended.store(now, Relaxed);
        checkpoints.last_failed.store(!counts, Relaxed);
        let error = match outcome {
            Ok(Saved { len, rdb }) => {
                checkpoints.last_saved.store(now, Relaxed);
                checkpoints.last_len.store(len, Relaxed);
                let changes = checkpoints.changes[1].load(Relaxed);
                checkpoints.changes[0].store(changes, Relaxed);
                tracing::info!(bytes = len, seconds = took, "a checkpoint was written");
                rdb.err().map(|error| {
                    tracing::error!(%error, "the RDB file was not written; the checkpoint counts");
                    format!("ERR the checkpoint was written, the RDB file was not: {error}")
                })
            }
            Err(error) => {
                tracing::error!(%error, "a checkpoint failed");
                Some(format!("ERR the checkpoint failed: {error}"))
            }
        };
        let most_backlog = checkpoints.most_backlog.load(Relaxed);
        let ended = checkpoints.ended(checkpoints.purpose());
        ended.add(took, counts, error.is_some(), most_backlog);
        checkpoints.running.store(false, SeqCst);
        self.begin_scheduled();
        self.answer_block(block, |reply| match error {
            None => reply.ok(),
            Some(error) => reply.error(error),
        });
    }
}

/// Checkpoints go to this directory, if there is one.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TakeDisk(pub Option<Arc<Disk>>);

/// A checkpoint was marked in the log, or could not be: its keys are to come, or come already.
#[derive(Message)]
#[rtype(result = "()")]
pub struct BeginCheckpoint {
    /// Where it belongs, or why it cannot be written.
    pub mark: Result<CheckpointMark, String>,
    /// The block to answer.
    pub block: Block,
}

/// A checkpoint counts, and is to be written as an RDB file before its block is answered.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WriteRdb {
    /// The checkpoint.
    pub entry: CheckpointEntry,
    /// The block to answer.
    pub block: Block,
}

/// Keys of a checkpoint.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TakeKeys(pub CutBatch);

/// A checkpoint under way.
struct Running {
    /// What writes it, unless it failed.
    writer: Result<CheckpointWriter<Arc<Disk>>, String>,
    /// Shards of which keys are still to come.
    left: usize,
    block: Block,
    began: Instant,
}

/// Writes checkpoints.
pub struct Checkpointer {
    server: Arc<Server>,
    disk: Option<Arc<Disk>>,
    running: Option<Running>,
    /// The number of the data directory, once a checkpoint was begun.
    directory: u64,
    /// Keys that came before it was known where they belong.
    early: Vec<CutBatch>,
}

impl Checkpointer {
    /// Writes nothing before it has a directory ([`TakeDisk`]).
    pub fn new(server: Arc<Server>) -> Self {
        Self { server, disk: None, running: None, directory: 0, early: Vec::new() }
    }

    fn take(&mut self, batch: &CutBatch) {
        let Some(running) = &mut self.running else { return };
        self.server.checkpoints.keys[0].fetch_add(batch.keys, Relaxed);
        self.server.checkpoints.bytes[0].fetch_add(batch.records.len() as u64, Relaxed);
        self.server.checkpoints.backlog.fetch_sub(batch.records.len(), Relaxed);
        if let Ok(writer) = &mut running.writer
            && batch.count > 0
            && let Err(error) = writer.append(batch.shard.0, batch.count, &batch.records)
        {
            running.writer = Err(error.to_string());
        }
        running.left -= usize::from(batch.last);
        if running.left == 0 {
            self.end();
        }
    }

    /// All keys are here.
    fn end(&mut self) {
        let Some(Running { writer, block, began, .. }) = self.running.take() else { return };
        let finished = writer
            .and_then(|writer| writer.finish().map_err(|error: JournalError| error.to_string()));
        let millis = began.elapsed().as_millis() as u64;
        tracing::debug!(millis, "all keys of a checkpoint were written");
        match (finished, self.server.directory()) {
            (Ok(entry), Some(directory)) => {
                directory.writer.do_send(InstallCheckpoint { entry, block });
            }
            (Err(error), _) => self.server.checkpoint_ended(Err(error), block),
            // The process ends.
            (Ok(_), None) => {}
        }
    }

    /// Writes the RDB file of a checkpoint, which no other can replace meanwhile: there is one at a
    /// time, and this one has not ended.
    fn write_rdb(&self, entry: CheckpointEntry) -> Result<Written, WriteError> {
        let data = self.disk.as_ref().ok_or(WriteError::NoDirectory)?;
        let settings = self.server.settings();
        let _file = self.server.rdb.file.lock().unwrap_or_else(PoisonError::into_inner);
        let target = working_directory()?;
        let name = settings.dbfilename.as_str();
        let file = RdbFile::begin(&target, name, options(&settings), Clock::new().now())?;
        write_checkpoint(file, data, self.directory, entry)
    }
}

impl Actor for Checkpointer {
    type Context = Context<Self>;
}

impl Handler<TakeDisk> for Checkpointer {
    type Result = ();

    fn handle(&mut self, TakeDisk(disk): TakeDisk, _: &mut Self::Context) {
        self.disk = disk;
    }
}

impl Handler<BeginCheckpoint> for Checkpointer {
    type Result = ();

    fn handle(&mut self, begin: BeginCheckpoint, _: &mut Self::Context) {
        let BeginCheckpoint { mark, block } = begin;
        let disk = self.disk.clone().ok_or_else(|| "there is no data directory".to_owned());
        let writer = mark.and_then(|mark| {
            self.directory = mark.directory;
            CheckpointWriter::begin(disk?, mark).map_err(|error| error.to_string())
        });
        let left = self.server.router().map.shards().into();
        self.running = Some(Running { writer, left, block, began: Instant::now() });
        for batch in std::mem::take(&mut self.early) {
            self.take(&batch);
        }
    }
}

impl Handler<WriteRdb> for Checkpointer {
    type Result = ();

    fn handle(&mut self, WriteRdb { entry, block }: WriteRdb, _: &mut Self::Context) {
        let rdb = self.write_rdb(entry).map_err(|error| error.to_string());
        if let Ok(Written { keys, len }) = rdb {
            tracing::info!(keys, bytes = len, "the RDB file was written");
        }
        let saved = Saved { len: entry.len, rdb: rdb.map(drop) };
        self.server.checkpoint_ended(Ok(saved), block);
    }
}

impl Handler<TakeKeys> for Checkpointer {
    type Result = ();

    fn handle(&mut self, TakeKeys(batch): TakeKeys, _: &mut Self::Context) {
        if self.running.is_some() {
            self.take(&batch);
        } else {
            self.early.push(batch);
        }
    }
}
