//! The deciding half of a shard: it owns the partition, runs what its mailbox gives it one message
//! at a time, and lends the partition to blocks of other shards. No runtime, no mailbox: those are
//! the shell's, so a test can deliver in any order that mailboxes allow.
//!
//! The shard is *open* while its partition is at home and no block waits here for others. While it
//! is not, the shell gives it nothing from the mailbox, only deliveries of partitions.

use shardwright_codec::resp::{Args, Protocol, ReplyWriter};
use shardwright_store::blocking::{WaitOutcome, Waiter};
use shardwright_store::command::{CommandId, Outcome};
use shardwright_store::context::Limits;
use shardwright_store::cut::CutBatch;
use shardwright_store::digest::partition_digest;
use shardwright_store::error::CommandError;
use shardwright_store::executor::{
    Attempt, Batch, BatchView, End, Meter, Replies, attempt, run, serve_waiting,
};
use shardwright_store::hash::KeyHash;
use shardwright_store::keyspace::Keyspace;
use shardwright_store::partition::{Garbage, Partition};
use shardwright_store::types::{DbIndex, Sequence, ShardId, UnixMillis};
use shardwright_store::watch::WatchToken;

use crate::messages::{
    Block, BlockDone, BlockKind, Delivery, Effects, Parcel, ParcelDone, Round, RoundId,
};

use crate::reload::Reload;
use crate::shards::ShardSet;

/// What a shard sends.
pub trait ShardPost {
    /// A partition goes to another shard.
    fn deliver(&mut self, shard: ShardId, delivery: Delivery);

    /// Effects, before anything that came of them leaves.
    fn effects(&mut self, effects: Effects);

    /// Data that shall be freed where it holds up nobody.
    fn garbage(&mut self, garbage: Vec<Garbage>);

    /// A parcel goes back.
    fn parcel_done(&mut self, to: ShardId, done: ParcelDone);

    /// A block goes back.
    fn block_done(&mut self, done: BlockDone);

    /// A checkpoint of all partitions, with so many keys, has begun behind these effects by shard; the
    /// block is to be answered when it is over.
    fn checkpoint_began(&mut self, block: Block, newest: Vec<u64>, keys: u64);

    /// Keys of a checkpoint.
    fn checkpoint_keys(&mut self, batch: CutBatch);

    /// The partition's figures may have changed.
    fn publish(&mut self, partition: &Partition);

    /// All data is to be loaded anew.
    ///
    /// # Errors
    /// That failed; nothing has changed then.
    fn reload(
        &mut self,
        what: Reload,
        keyspace: &mut Keyspace<'_>,
        now: UnixMillis,
    ) -> Result<(), CommandError>;

    /// A command that waits has to be run by a block that holds all its partitions.
    fn retry(&mut self, waiter: Waiter);

    /// The writer shall compare its copy with this sum over the live data, and answer the block.
    fn audit(&mut self, block: Block, live: u128);
}

/// What surrounds a turn.
pub struct Turn<'a, P, M> {
    /// The time.
    pub now: UnixMillis,
    /// Bounds.
    pub limits: Limits,
    /// Where the shard sends.
    pub post: &'a mut P,
    /// Told of every command.
    pub meter: &'a mut M,
}

impl<P, M> Turn<'_, P, M> {
    /// The effect that has to be durable before the turn's replies may leave: the newest, or none
    /// if nothing was told.
    #[inline]
    pub fn told(&self, newest: Sequence) -> Sequence {
        if self.limits.refuse_reads { Sequence(0) } else { newest }
    }
}

/// A parcel that is being worked off.
#[derive(Debug)]
struct Unpacking {
    from: ShardId,
    parcel: Parcel,
    out: Vec<u8>,
    ends: Vec<usize>,
    done: Vec<u32>,
    part: usize,
    next: usize,
}

/// A round whose partitions are being gathered.
struct Gathering {
    id: RoundId,
    round: Round,
    #[allow(clippy::vec_box, reason = "partitions change threads as they are, boxed")]
    lent: Vec<Box<Partition>>,
}

/// The deciding half of a shard.
pub struct ShardCore {
    id: ShardId,
    partition: Option<Box<Partition>>,
    gathering: Option<Gathering>,
    /// Partitions that came for rounds which this shard has not reached yet.
    early: Vec<(RoundId, Box<Partition>)>,
}

/// Reply bytes of one part of a parcel, or of one turn of a local batch, after which it stops until
/// others had their turn.
pub const TURN_BYTES: usize = 1024 * 1024;

impl ShardCore {
    /// A shard with its partition.
    pub fn new(partition: Box<Partition>) -> Self {
        Self { id: partition.id(), partition: Some(partition), gathering: None, early: Vec::new() }
    }

    /// A shard whose partition is to come.
    pub fn away(id: ShardId) -> Self {
        Self { id, partition: None, gathering: None, early: Vec::new() }
    }

    /// Whether the mailbox may give the next message.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.partition.is_some() && self.gathering.is_none()
    }

    /// The shard.
    pub fn id(&self) -> ShardId {
        self.id
    }

    /// The newest effect of the partition, if it is at home.
    #[inline]
    pub fn sequence(&self) -> Sequence {
        self.partition.as_deref().map_or(Sequence(0), Partition::sequence)
    }

    /// Runs a batch of a connection of the own thread from request `from` on; returns the request
    /// to go on with.
    #[inline]
    pub fn run_batch<P: ShardPost, M: Meter>(
        &mut self,
        (batch, from, mut replies): (BatchView<'_>, usize, Replies<'_>),
        turn: &mut Turn<'_, P, M>,
    ) -> usize {
        let Some(partition) = self.partition.as_deref_mut() else { return from };
        let mut keyspace = Keyspace::of(partition);
        let next = run(&mut keyspace, batch, from, turn.now, turn.limits, &mut replies, turn.meter);
        release(partition, turn.post);
        next
    }

    /// Fetches keys of a database into the cache that are about to be used. Only a hint.
    #[inline]
    pub fn fetch_ahead<K: Iterator<Item = KeyHash>>(&self, db: DbIndex, keys: impl Fn() -> K) {
        if let Some(partition) = self.partition.as_deref() {
            partition.prefetch(db, keys);
        }
    }

    /// Runs a parcel of another thread. One that takes too long is given back to be put behind what
    /// waits: the shell hands it in again.
    pub fn run_parcel<P: ShardPost, M: Meter>(
        &mut self,
        mut work: ParcelWork,
        turn: &mut Turn<'_, P, M>,
    ) -> Option<ParcelWork> {
        let partition = self.partition.as_deref_mut()?;
        let unpacking = &mut work.0;
        let finished = unpacking.go_on(partition, turn);
        release(partition, turn.post);
        if !finished {
            return Some(work);
        }
        let sequence = turn.told(partition.sequence());
        let Unpacking { from, parcel, out, ends, done, .. } = work.0;
        let shard = self.id;
        turn.post.parcel_done(from, ParcelDone { shard, parcel, out, ends, done, sequence });
        None
    }

    /// Lends the partition to a round that another shard leads.
    pub fn lend<P: ShardPost>(&mut self, round: RoundId, lead: ShardId, post: &mut P) {
        if let Some(mut partition) = self.partition.take() {
            release(&mut partition, post);
            post.deliver(lead, Delivery::Lent(round, partition));
        }
    }

    /// Begins a round that this shard leads: runs it if all partitions are here.
    pub fn begin_round<P: ShardPost, M: Meter>(
        &mut self,
        id: RoundId,
        round: Round,
        turn: &mut Turn<'_, P, M>,
    ) {
        let mut gathering = Gathering { id, round, lent: Vec::new() };
        let (mine, others) = self.early.drain(..).partition(|(for_round, _)| *for_round == id);
        self.early = others;
        let mine: Vec<(RoundId, Box<Partition>)> = mine;
        gathering.lent.extend(mine.into_iter().map(|(_, partition)| partition));
        self.gathering = Some(gathering);
        self.run_if_gathered(turn);
    }

    /// A partition came: one lent for a round, or the own one back from a round.
    pub fn delivered<P: ShardPost, M: Meter>(
        &mut self,
        delivery: Delivery,
        turn: &mut Turn<'_, P, M>,
    ) {
        match delivery {
            Delivery::Home(partition) => {
                // Another thread, or the loading, may have changed it.
                turn.post.publish(&partition);
                self.partition = Some(partition);
            }
            Delivery::Lent(round, partition) => match &mut self.gathering {
                Some(gathering) if gathering.id == round => {
                    gathering.lent.push(partition);
                    self.run_if_gathered(turn);
                }
                _ => self.early.push((round, partition)),
            },
        }
    }

    /// Removes keys whose time has come, with at most about `budget` steps. Returns whether more
    /// are due already.
    pub fn tick<P: ShardPost, M: Meter>(
        &mut self,
        budget: usize,
        turn: &mut Turn<'_, P, M>,
    ) -> bool {
        let Some(partition) = self.partition.as_deref_mut() else { return false };
        let more = partition.expire_due(turn.now, budget);
        // Some who wait are told when a key goes.
        serve_waiting(&mut Keyspace::of(partition), turn.now, turn.limits, turn.meter);
        release(partition, turn.post);
        more
    }

    /// Whether a checkpoint of the partition is being written, and it is at home.
    #[inline]
    pub fn is_cutting(&self) -> bool {
        self.partition.as_deref().is_some_and(Partition::is_cutting)
    }

    /// Writes the next slice of the checkpoint.
    pub fn cut_slice<P: ShardPost>(&mut self, post: &mut P) {
        if let Some(partition) = self.partition.as_deref_mut() {
            partition.cut_slice();
            release(partition, post);
        }
    }

    /// Ends a round of WATCH without EXEC.
    pub fn end_watch(&mut self, token: WatchToken) {
        if let Some(partition) = self.partition.as_deref_mut() {
            partition.watch.end(token);
        }
    }

    /// A wait ended: nobody serves it any more. Who waited behind it may be served now.
    pub fn end_wait<P: ShardPost, M: Meter>(&mut self, number: u64, turn: &mut Turn<'_, P, M>) {
        if let Some(partition) = self.partition.as_deref_mut() {
            partition.waiters.forget(number);
            serve_waiting(&mut Keyspace::of(partition), turn.now, turn.limits, turn.meter);
            release(partition, turn.post);
        }
    }

    fn run_if_gathered<P: ShardPost, M: Meter>(&mut self, turn: &mut Turn<'_, P, M>) {
        let wanted =
            |round: &Round| round.shards.len() - usize::from(round.shards.contains(round.lead));
        let complete = |gathering: &mut Gathering| gathering.lent.len() >= wanted(&gathering.round);
        let Some(Gathering { round, mut lent, .. }) = self.gathering.take_if(complete) else {
            return;
        };
        if let Some(home) = self.partition.as_deref_mut() {
            for block in round.blocks {
                run_block(home, &mut lent, block, turn);
            }
        }
        for mut partition in lent {
            release(&mut partition, turn.post);
            turn.post.deliver(partition.id(), Delivery::Home(partition));
        }
    }
}

/// A parcel on its way through a shard.
#[derive(Debug)]
pub struct ParcelWork(Unpacking);

impl ParcelWork {
    /// A parcel from this thread, not begun.
    pub fn new(from: ShardId, parcel: Parcel) -> Self {
        Self(Unpacking {
            from,
            parcel,
            out: Vec::new(),
            ends: Vec::new(),
            done: Vec::new(),
            part: 0,
            next: 0,
        })
    }
}

impl Unpacking {
    /// Works off parts until all are done or the meter says stop. Returns whether all are done.
    fn go_on<P, M: Meter>(&mut self, home: &mut Partition, turn: &mut Turn<'_, P, M>) -> bool {
        let mut keyspace = Keyspace::of(home);
        let view = self.parcel.batch.view();
        while let Some(header) = self.parcel.parts.get(self.part) {
            let begin = self.part.checked_sub(1).map_or(0, |p| self.parcel.parts[p].end);
            let part = BatchView { requests: &view.requests[..header.end], ..view };
            let from = self.next.max(begin);
            let out_before = self.out.len();
            let mut replies = Replies {
                limit: out_before + TURN_BYTES,
                out: &mut self.out,
                ends: Some(&mut self.ends),
            };
            let next =
                run(&mut keyspace, part, from, turn.now, turn.limits, &mut replies, turn.meter);
            self.next = next;
            let cut = self.out.len() - out_before >= TURN_BYTES;
            if next < header.end && !cut {
                return false;
            }
            self.done.push((next - begin) as u32);
            self.part += 1;
            self.next = header.end;
        }
        true
    }
}

/// Keys of all databases of a partition.
fn keys_of(partition: &Partition) -> u64 {
    (0..partition.databases()).map(|db| partition.figures(DbIndex(db)).keys).sum()
}

/// Runs a block of a round whose partitions are here, and answers it.
fn run_block<P: ShardPost, M: Meter>(
    home: &mut Partition,
    lent: &mut [Box<Partition>],
    mut block: Block,
    turn: &mut Turn<'_, P, M>,
) {
    if block.kind == BlockKind::Checkpoint {
        home.begin_cut();
        lent.iter_mut().for_each(|partition| _ = partition.begin_cut());
        let keys = std::iter::once(&*home).chain(lent.iter().map(|p| &**p)).map(keys_of).sum();
        // Effects of before leave before the mark does.
        let mut newest = release_all(home, lent, turn.post);
        newest.sort_by_key(|(shard, _)| *shard);
        let newest = newest.into_iter().map(|(_, sequence)| sequence.0).collect();
        turn.post.checkpoint_began(block, newest, keys);
        return;
    }
    if block.kind == BlockKind::Audit {
        let partitions = std::iter::once(&*home).chain(lent.iter().map(|p| &**p));
        let live = partitions.map(partition_digest).fold(0, |all, one| all ^ one);
        release_all(home, lent, turn.post);
        turn.post.audit(block, live);
        return;
    }
    if let BlockKind::Reload(what) = block.kind {
        return reload(home, lent, (block, what), turn);
    }
    if let Some(waiter) = block.waiter.take() {
        return run_waiting(home, lent, (block, waiter), turn);
    }
    let batch = std::mem::take(&mut block.batch);
    let mut out = Vec::new();
    let mut ends = Vec::new();
    let mut next = block.from;
    let mut keyspace = Keyspace::with_lent(home, lent);
    let mut unbound = Unbound(turn.meter);
    let mut replies = Replies { out: &mut out, ends: Some(&mut ends), limit: TURN_BYTES };
    next =
        run(&mut keyspace, batch.view(), next, turn.now, turn.limits, &mut replies, &mut unbound);
    let mut sequences = release_all(home, lent, turn.post);
    sequences.iter_mut().for_each(|(_, sequence)| *sequence = turn.told(*sequence));
    turn.post.block_done(BlockDone {
        conn: block.conn,
        batch,
        out,
        ends,
        next,
        shards: block.shards,
        sequences,
    });
}

/// Runs a command that may wait, and answers it unless it does.
fn run_waiting<P: ShardPost, M: Meter>(
    home: &mut Partition,
    lent: &mut [Box<Partition>],
    (block, waiter): (Block, Waiter),
    turn: &mut Turn<'_, P, M>,
) {
    let (mut out, mut ends) = (Vec::new(), Vec::new());
    let mut replies = Replies { out: &mut out, ends: Some(&mut ends), limit: usize::MAX };
    let mut keyspace = Keyspace::with_lent(home, lent);
    let attempt = attempt(&mut keyspace, &waiter, turn.now, turn.limits, &mut replies, turn.meter);
    let mut sequences = release_all(home, lent, turn.post);
    if attempt == Attempt::Answered {
        sequences.iter_mut().for_each(|(_, sequence)| *sequence = turn.told(*sequence));
        let Block { conn, batch, shards, .. } = block;
        turn.post.block_done(BlockDone { conn, batch, out, ends, next: 1, shards, sequences });
    }
}

/// Runs DEBUG RELOAD or LOADAOF, and answers it.
fn reload<P: ShardPost, M: Meter>(
    home: &mut Partition,
    lent: &mut [Box<Partition>],
    (block, what): (Block, Reload),
    turn: &mut Turn<'_, P, M>,
) {
    let outcome = if turn.limits.refuse_writes {
        Err(CommandError::LogFailed)
    } else {
        release_all(home, lent, turn.post);
        let mut keyspace = Keyspace::with_lent(home, lent);
        turn.post.reload(what, &mut keyspace, turn.now)
    };
    let mut out = Vec::new();
    let mut reply = ReplyWriter::new(&mut out, Protocol::Resp2);
    match outcome {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error.text()),
    }
    let mut sequences = release_all(home, lent, turn.post);
    sequences.iter_mut().for_each(|(_, sequence)| *sequence = turn.told(*sequence));
    let ends = vec![out.len()];
    let Block { conn, batch, shards, .. } = block;
    turn.post.block_done(BlockDone { conn, batch, out, ends, next: 1, shards, sequences });
}

/// A meter that never stops a batch: a block is not interrupted while it holds partitions.
struct Unbound<'a, M>(&'a mut M);

impl<M: Meter> Meter for Unbound<'_, M> {
    fn ended(&mut self, id: CommandId, end: End, error: Option<&[u8]>) -> bool {
        self.0.ended(id, end, error);
        true
    }

    fn outside(&mut self, id: CommandId, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
        self.0.outside(id, args, reply)
    }
}

/// Sends what a partition's turn left behind: effects first, since replies may not overtake them.
#[inline]
fn release<P: ShardPost>(partition: &mut Partition, post: &mut P) {
    if let Some(batch) = partition.take_effects() {
        post.effects(Effects::of(batch));
    }
    if !partition.outcomes.is_empty() {
        let newest = [(partition.id(), partition.sequence())];
        tell_outcomes(partition, &newest, post);
    }
    clear_up(partition, post);
}

/// Sends what became of waits. The replies tell of these effects.
#[cold]
fn tell_outcomes<P: ShardPost>(
    partition: &mut Partition,
    newest: &[(ShardId, Sequence)],
    post: &mut P,
) {
    for outcome in partition.outcomes.drain(..) {
        match outcome {
            WaitOutcome::Served(owner, out) => post.block_done(BlockDone {
                conn: owner.into(),
                batch: Batch::default(),
                ends: vec![out.len()],
                out,
                next: 1,
                shards: ShardSet::default(),
                sequences: newest.to_vec(),
            }),
            WaitOutcome::Retry(waiter) => post.retry(waiter),
        }
    }
}

/// Sends what a block left behind: the effects on all partitions as one. Returns the newest effect
/// of each.
fn release_all<P: ShardPost>(
    home: &mut Partition,
    lent: &mut [Box<Partition>],
    post: &mut P,
) -> Vec<(ShardId, Sequence)> {
    let mut together: Option<Effects> = None;
    let mut newest = Vec::new();
    let mut partitions: Vec<&mut Partition> = vec![home];
    partitions.extend(lent.iter_mut().map(|lent| &mut **lent));
    for partition in &mut partitions {
        newest.push((partition.id(), partition.sequence()));
        match (partition.take_effects(), &mut together) {
            (Some(batch), None) => together = Some(Effects::of(batch)),
            (Some(batch), Some(effects)) => effects.push(batch),
            (None, _) => {}
        }
    }
    if let Some(effects) = together {
        post.effects(effects);
    }
    for partition in partitions {
        tell_outcomes(partition, &newest, post);
        clear_up(partition, post);
    }
    newest
}

/// Sends what is to be freed, and tells what the partition has.
#[inline]
fn clear_up<P: ShardPost>(partition: &mut Partition, post: &mut P) {
    if let Some(batch) = partition.take_cut() {
        post.checkpoint_keys(batch);
    }
    let garbage = partition.take_garbage();
    if !garbage.is_empty() {
        post.garbage(garbage);
    }
    post.publish(partition);
}
