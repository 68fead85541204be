//! The writer actor, on a thread of its own: it takes the effects of all shards in the order in
//! which they come, and gives them to the log and to the shadow, where there is one.
//!
//! Effects are encoded as they come and written when the mailbox has been gone through once: while
//! one sync is under way, what comes waits and shares the next. Nothing is told to be durable before
//! the sync that made it so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use actix::prelude::*;
use shardwright_config::{AppendFsync, Settings};
use shardwright_journal::{CheckpointEntry, Disk, JournalError, Log, Part, Sequences};
use shardwright_store::partition::EffectBatch;
use shardwright_store::types::ShardId;

use crate::checkpoint::{BeginCheckpoint, Purpose, Saved, TakeDisk, WriteRdb};
use crate::clock::Clock;
use crate::durability::LogFigures;
use crate::gateway::LogMoved;
use crate::messages::{Block, Effects};
use crate::opening::begin_log;
use crate::recovery::read_back;
use crate::reload::ReadBack;
use crate::server::Server;
use crate::shadow::Shadow;

/// What was loaded goes on in this log and this shadow, behind these effects, by shard.
#[derive(Message)]
#[rtype(result = "()")]
pub struct BeginLog {
    /// The log; without one to keep, what names the checkpoint that counts.
    pub log: Option<Log<Arc<Disk>>>,
    /// The copy that effects make, in tests.
    pub shadow: Option<Shadow>,
    /// The newest effects, by shard.
    pub newest: Vec<u64>,
}

/// A directory to save to, in which no log has begun: there is something to be saved now.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TakeDirectory(pub Arc<Disk>);

/// Effects of one turn of a shard.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TakeEffects(pub Vec<Effects>);

/// Write what has been taken, by the policy.
#[derive(Message)]
#[rtype(result = "()")]
struct WriteOut;

/// Make everything durable: the process is about to end. Tells whether that succeeded.
#[derive(Message)]
#[rtype(result = "bool")]
pub struct CloseLog;

/// All partitions were cut at this place among the effects: a checkpoint begins, after which the
/// block is to be answered.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MarkCheckpoint {
    /// The block to answer.
    pub block: Block,
    /// The newest effects, by shard.
    pub newest: Vec<u64>,
}

/// A checkpoint is durable: it counts from now on, and what came before it goes.
#[derive(Message)]
#[rtype(result = "()")]
pub struct InstallCheckpoint {
    /// The checkpoint.
    pub entry: CheckpointEntry,
    /// The block to answer.
    pub block: Block,
}

/// Compare the shadow with this sum over the live data, and answer the block.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Audit {
    /// The block to answer.
    pub block: Block,
    /// The sum over the live data.
    pub live: u128,
}

/// Time between syncs where they are not asked for by every write.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// How often it is looked whether a sync is due while nothing comes.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Bytes taken above which they are written before more is.
const MOST_BUFFERED: usize = 1 << 20;

/// The writer.
pub struct Writer {
    server: Arc<Server>,
    clock: Clock,
    /// The log; without one to keep, what names the checkpoint that counts.
    log: Option<Log<Arc<Disk>>>,
    /// The directory in which the next checkpoint begins the log.
    unbegun: Option<Arc<Disk>>,
    /// Checks what the log would, where there is none.
    sequences: Sequences,
    shadow: Option<Shadow>,
    /// A message to write is in the mailbox.
    asked: bool,
    /// The log was closed: nothing is taken any more.
    closed: bool,
    last_sync: Instant,
    /// Bytes that count as being on their way until they are written.
    backlog: usize,
}

impl Writer {
    /// A writer that takes nothing before [`BeginLog`].
    pub fn new(server: Arc<Server>) -> Self {
        Self {
            server,
            clock: Clock::new(),
            log: None,
            unbegun: None,
            sequences: Vec::new().into(),
            shadow: None,
            asked: false,
            closed: false,
            last_sync: Instant::now(),
            backlog: 0,
        }
    }

    /// Whether there is a log besides checkpoints.
    fn logs(&self) -> bool {
        self.server.durability.is_enabled()
    }

    /// Takes one record.
    fn take(&mut self, effects: &Effects) {
        let parts: Vec<Part<'_>> = effects.batches().map(part).collect();
        let logs = self.logs();
        let taken = match &mut self.log {
            Some(log) if logs => log.append(self.clock.now().0, &parts).map(|_| ()),
            _ => {
                let check = parts.iter().try_for_each(|part| self.sequences.take(part));
                check.map_err(JournalError::from)
            }
        };
        if let Some(shadow) = &mut self.shadow {
            effects.batches().for_each(|batch| shadow.take(batch));
            if let Err(JournalError::Gap(gap)) = &taken {
                shadow.fail(gap.to_string());
            }
        }
        if let Err(error) = taken {
            self.failed(&error);
        }
    }

    /// Nothing can be made durable any more: who waits for that has to know.
    fn failed(&mut self, error: &JournalError) {
        if !self.logs() {
            // Nobody was told that anything is durable. The next checkpoint makes good what failed.
            tracing::error!(%error, "the data directory cannot be written");
            return;
        }
        if !self.server.durability.has_failed() {
            tracing::error!(%error, "the log failed: writes are refused from now on");
        }
        let waited = self.server.durability.fail(error.to_string());
        self.tell(&waited);
    }

    /// A checkpoint made good what the log lost, and that goes on.
    fn healed(&mut self) {
        tracing::info!("the log goes on behind a checkpoint: writes are taken again");
        let Some(log) = &self.log else { return };
        let waited = self.server.durability.heal(log.sequences());
        self.tell(&waited);
    }

    fn tell(&self, shards: &[ShardId]) {
        let Some(directory) = self.server.directory() else { return };
        shards.iter().for_each(|shard| directory.thread(*shard).gateway.do_send(LogMoved));
    }

    /// Writes what was taken and, if `sync`, makes it durable.
    fn write_out(&mut self, sync: bool) {
        let backlog = std::mem::take(&mut self.backlog);
        if !self.logs() {
            return;
        }
        let Some(log) = &mut self.log else { return };
        let bytes = log.buffered() as u64;
        let (syncs, before) = (log.syncs(), log.durable());
        let begin = Instant::now();
        let figures = &self.server.durability.figures;
        figures.syncing.store(sync && before < log.taken(), Relaxed);
        let outcome = if sync { log.sync() } else { log.write() };
        figures.syncing.store(false, Relaxed);
        if log.syncs() > syncs {
            let nanos = begin.elapsed().as_nanos() as u64;
            figures.syncs.fetch_add(log.syncs() - syncs, Relaxed);
            figures.sync_times.add(nanos);
            raise(&figures.longest_sync_nanos, nanos);
            self.last_sync = Instant::now();
        }
        figures.bytes.fetch_add(bytes, Relaxed);
        publish(log, figures);
        self.server.durability.remove_backlog(backlog);
        match outcome {
            Ok(()) if log.durable() > before && log.durable() == log.taken() => {
                let waited = self.server.durability.publish(log.sequences());
                self.tell(&waited);
            }
            Ok(()) => {}
            Err(error) => self.failed(&error),
        }
    }

    /// Begins a checkpoint if the log has grown so much, enough has changed for so long, or anything
    /// for the interval.
    fn begin_checkpoint_if_due(&self) {
        if self.log.is_none() && self.unbegun.is_none() {
            return;
        }
        self.server.begin_scheduled();
        let settings = self.server.settings();
        let purpose = if self.server.durability.has_failed() {
            self.server.may_retry().then_some(Purpose::Log)
        } else if self.server.is_save_due(&settings.save) {
            Some(Purpose::Save)
        } else if self.has_grown(&settings) {
            Some(Purpose::Log)
        } else if settings.keeps() && self.server.is_interval_over(settings.checkpoint_interval) {
            // What has no log to shorten is saved.
            Some(if self.logs() { Purpose::Log } else { Purpose::Save })
        } else {
            None
        };
        if let Some(purpose) = purpose {
            self.server.begin_checkpoint(purpose);
        }
    }

    /// Begins the log in the directory that was taken for it, if there is one.
    fn begin_log(&mut self) -> Result<(), String> {
        let Some(disk) = &self.unbegun else { return Ok(()) };
        let log = begin_log(&self.server, disk).map_err(|error| error.to_string())?;
        publish(&log, &self.server.durability.figures);
        if let Some(directory) = self.server.directory() {
            directory.checkpointer.do_send(TakeDisk(self.unbegun.take()));
        }
        self.log = Some(log);
        Ok(())
    }

    /// Whether the log has grown enough, against the last checkpoint, to be shortened.
    fn has_grown(&self, settings: &Settings) -> bool {
        let size = self.log.as_ref().filter(|_| self.logs()).map_or(0, Log::size);
        let base = self.server.checkpoints.last_len().max(1);
        let percentage = u64::from(settings.auto_aof_rewrite_percentage);
        self.logs()
            && percentage > 0
            && size >= settings.auto_aof_rewrite_min_size
            && size.saturating_mul(100) >= base.saturating_mul(percentage)
    }

    /// Whether a sync is due, by the policy.
    fn must_sync(&self) -> bool {
        match self.server.settings().appendfsync {
            AppendFsync::Always => true,
            AppendFsync::Everysec => self.last_sync.elapsed() >= SYNC_INTERVAL,
            AppendFsync::No => false,
        }
    }
}

fn publish(log: &Log<Arc<Disk>>, figures: &LogFigures) {
    figures.taken.store(log.taken().0, Relaxed);
    figures.durable.store(log.durable().0, Relaxed);
    figures.segments.store(log.segments() as u64, Relaxed);
    figures.size.store(log.size(), Relaxed);
}

fn part(batch: &EffectBatch) -> Part<'_> {
    let EffectBatch { shard, first, count, records } = batch;
    Part { partition: shard.0, first: first.0, count: *count, payload: records }
}

/// Raises a figure that only one thread writes.
fn raise(figure: &AtomicU64, value: u64) {
    if figure.load(Relaxed) < value {
        figure.store(value, Relaxed);
    }
}

impl Actor for Writer {
    type Context = Context<Self>;
}

impl Handler<BeginLog> for Writer {
    type Result = ();

    fn handle(&mut self, begin: BeginLog, ctx: &mut Self::Context) {
        let BeginLog { log, shadow, newest } = begin;
        (self.log, self.shadow, self.sequences) = (log, shadow, newest.into());
        if let Some(log) = &self.log {
            publish(log, &self.server.durability.figures);
        }
        ctx.run_interval(LOOK_INTERVAL, |writer, _| {
            if writer.must_sync() {
                writer.write_out(true);
            }
            writer.begin_checkpoint_if_due();
            let log = &writer.server.durability;
            if !log.is_gated() || log.has_failed() {
                // Who waited for another policy need not any more, or waits in vain. Who waits by
                // WAITAOF says so again; those that are gone are forgotten.
                writer.tell(&writer.server.durability.take_waiting());
            }
        });
    }
}

impl Handler<TakeDirectory> for Writer {
    type Result = ();

    fn handle(&mut self, TakeDirectory(disk): TakeDirectory, _: &mut Self::Context) {
        self.unbegun = Some(disk);
    }
}

impl Handler<TakeEffects> for Writer {
    type Result = ();

    fn handle(&mut self, TakeEffects(all): TakeEffects, ctx: &mut Self::Context) {
        self.backlog += all.iter().map(Effects::bytes).sum::<usize>();
        if !self.closed {
            all.iter().for_each(|effects| self.take(effects));
        }
        let Some(log) = self.log.as_ref().filter(|_| self.logs()) else {
            let backlog = std::mem::take(&mut self.backlog);
            return self.server.durability.remove_backlog(backlog);
        };
        if log.buffered() > MOST_BUFFERED {
            self.write_out(false);
        }
        if !std::mem::replace(&mut self.asked, true) {
            ctx.address().do_send(WriteOut);
        }
    }
}

impl Handler<WriteOut> for Writer {
    type Result = ();

    fn handle(&mut self, _: WriteOut, _: &mut Self::Context) {
        self.asked = false;
        self.write_out(self.must_sync());
    }
}

impl Handler<MarkCheckpoint> for Writer {
    type Result = ();

    fn handle(&mut self, mark: MarkCheckpoint, _: &mut Self::Context) {
        let MarkCheckpoint { block, newest } = mark;
        self.write_out(true);
        let logs = self.logs();
        let begun = self.begin_log();
        let mark = match &mut self.log {
            None => Err(begun.err().unwrap_or_else(|| "there is no data directory".to_owned())),
            Some(log) => {
                // What was not written, or not durably, is in this checkpoint.
                if log.has_failed() {
                    Ok(log.give_up(newest))
                } else {
                    let skipped = if logs { Ok(()) } else { log.skip_to(newest) };
                    let mark = skipped.and_then(|()| log.cut(self.clock.now().0));
                    if let Err(error) = &mark {
                        self.failed(error);
                    }
                    mark.map_err(|error| error.to_string())
                }
            }
        };
        if let Some(directory) = self.server.directory() {
            directory.checkpointer.do_send(BeginCheckpoint { mark, block });
        }
    }
}

impl Handler<InstallCheckpoint> for Writer {
    type Result = ();

    fn handle(&mut self, install: InstallCheckpoint, _: &mut Self::Context) {
        let InstallCheckpoint { entry, block } = install;
        let Some(log) = &mut self.log else {
            return self.server.checkpoint_ended(Err("the server ends".to_owned()), block);
        };
        let heals = log.was_given_up_at(entry.lsn);
        let installed = if heals { log.begin_anew(entry) } else { log.install(entry) };
        let healed = heals && installed.is_ok();
        publish(log, &self.server.durability.figures);
        let has_failed = log.has_failed();
        let wants_rdb = self.server.checkpoints.is_save() && self.server.settings().save_rdb;
        match (&installed, self.server.directory()) {
            (Ok(()), Some(directory)) if wants_rdb => {
                directory.checkpointer.do_send(WriteRdb { entry, block });
            }
            (Ok(()), _) => {
                let saved = Saved { len: entry.len, rdb: Ok(()) };
                self.server.checkpoint_ended(Ok(saved), block);
            }
            (Err(error), _) => self.server.checkpoint_ended(Err(error.to_string()), block),
        }
        if healed {
            self.healed();
        } else if let (Err(error), true) = (installed, has_failed) {
            self.failed(&error);
        }
    }
}

impl Handler<CloseLog> for Writer {
    type Result = bool;

    fn handle(&mut self, _: CloseLog, _: &mut Self::Context) -> bool {
        self.closed = true;
        let logs = self.logs();
        let Some(mut log) = self.log.take().filter(|_| logs) else { return true };
        let closed = log.close(self.clock.now().0);
        if let Err(error) = &closed {
            self.failed(error);
        }
        closed.is_ok()
    }
}

impl Handler<ReadBack> for Writer {
    type Result = ();

    fn handle(&mut self, ReadBack(tell): ReadBack, _: &mut Self::Context) {
        self.write_out(true);
        let read = match (self.server.durability.failure(), &self.log) {
            (Some(failure), _) => Err(failure.to_string()),
            (None, None) => Err("there is no log".to_owned()),
            (None, Some(log)) => read_back(&self.server, log.storage()),
        };
        // Who asked waits for it.
        drop(tell.send(read));
    }
}

impl Handler<Audit> for Writer {
    type Result = ();

    fn handle(&mut self, Audit { block, live }: Audit, _: &mut Self::Context) {
        self.server.answer_block(block, |reply| match &self.shadow {
            None => reply.error("ERR no shadow is kept: start with --shadow yes"),
            Some(shadow) => shadow.compare(live, reply),
        });
    }
}
