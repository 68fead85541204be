//! The shard actor: a thin shell around [`core::ShardCore`]. Its mailbox is the order in which the
//! shard's data is read and changed; it is closed while the partition is away or a block gathers
//! others, and partitions come by a channel beside it.

pub mod core;

use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use actix::prelude::*;
use shardwright_store::watch::WatchToken;
use tokio::sync::mpsc::UnboundedReceiver;

use self::core::{ParcelWork, ShardCore};
use crate::messages::{Delivery, Parcel, Round, RoundId};
use crate::stats::TurnCause;
use crate::thread::{ShardTurn, Thread};
use shardwright_store::types::ShardId;

/// How often the expiry wheel is looked at.
const TICK: Duration = Duration::from_millis(10);

/// How often it is looked whether a disk that lags has caught up.
const DISK_INTERVAL: Duration = Duration::from_millis(1);

/// Steps of the expiry wheel in one turn: well under a millisecond of work.
const TICK_BUDGET: usize = 512;

/// The connections of this thread that are ready are to be run.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RunReady;

/// A parcel of another thread.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RunParcel(pub ParcelWork);

impl RunParcel {
    /// A parcel from this thread.
    pub fn new(from: ShardId, parcel: Parcel) -> Self {
        Self(ParcelWork::new(from, parcel))
    }
}

/// Lend the partition to this round, led by this shard.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Lend(pub RoundId, pub ShardId);

/// Lead this round.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RunRound(pub RoundId, pub Round);

/// A round of WATCH ended without EXEC.
#[derive(Message)]
#[rtype(result = "()")]
pub struct EndWatch(pub WatchToken);

/// A wait for keys ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct EndWait(pub u64);

/// Nothing is to be done: the answer says that the shard's partition is at home.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Settled;

#[derive(Message)]
#[rtype(result = "()")]
struct Tick;

#[derive(Message)]
#[rtype(result = "()")]
struct CutSlice;

/// One shard: the only one that touches its partition.
pub struct Shard {
    core: ShardCore,
    thread: Rc<Thread>,
    dock: Option<UnboundedReceiver<Delivery>>,
    ticking: bool,
    /// A slice of a checkpoint is to come.
    slicing: bool,
    /// The mailbox is closed until the disk has caught up.
    waits_for_disk: bool,
}

impl Shard {
    /// A shard on its thread; partitions come to it through `dock`.
    pub fn new(core: ShardCore, thread: Rc<Thread>, dock: UnboundedReceiver<Delivery>) -> Self {
        Self {
            core,
            thread,
            dock: Some(dock),
            ticking: false,
            slicing: false,
            waits_for_disk: false,
        }
    }

    /// Runs one turn of the shard. A panic in it ends the process: the data can not be trusted.
    fn turn<R>(
        &mut self,
        cause: TurnCause,
        ctx: &mut Context<Self>,
        work: impl FnOnce(&mut ShardCore, &mut ShardTurn<'_>) -> R,
    ) -> R {
        let _guard = EndProcessOnPanic;
        let thread = Rc::clone(&self.thread);
        let result = thread.shard_turn(cause, |turn| work(&mut self.core, turn));
        if !self.core.is_open() {
            self.close_mailbox(ctx);
        }
        if self.core.is_cutting() && !self.slicing {
            self.slicing = true;
            self.slice_later(ctx);
        }
        if self.thread.server.disk_lags() && !self.waits_for_disk {
            self.wait_for_disk(ctx);
        }
        result
    }

    /// Sends a message to this shard once the thread's other tasks had their turn and its sockets
    /// were looked at. Actix empties a mailbox without a pause: what a turn sends to its own shard
    /// at once holds up every connection of the thread until there is nothing left to do.
    fn send_later<M>(&self, message: M, ctx: &mut Context<Self>)
    where
        M: Message + Send + 'static,
        M::Result: Send,
        Self: Handler<M>,
    {
        let others = tokio::task::yield_now().into_actor(self);
        ctx.spawn(others.map(|(), shard, ctx| {
            shard.thread.count_sent();
            ctx.address().do_send(message);
        }));
    }

    /// Asks for the next slice of a checkpoint: once others had their turn, or when the disk has
    /// caught up.
    #[cold]
    fn slice_later(&self, ctx: &mut Context<Self>) {
        if self.thread.server.checkpoints.is_congested() {
            ctx.run_later(DISK_INTERVAL, |shard, ctx| shard.slice_later(ctx));
        } else {
            self.send_later(CutSlice, ctx);
        }
    }

    /// Takes nothing from the mailbox while too much is on its way to the log or to a checkpoint: a
    /// disk that lags slows clients, and nothing is dropped.
    #[cold]
    fn wait_for_disk(&mut self, ctx: &mut Context<Self>) {
        self.waits_for_disk = true;
        let log = &self.thread.server.durability;
        if log.is_congested() {
            log.figures.delays.fetch_add(1, Relaxed);
        }
        let thread = Rc::clone(&self.thread);
        let caught_up = async move {
            while thread.server.disk_lags() {
                actix_rt::time::sleep(DISK_INTERVAL).await;
            }
        };
        ctx.wait(caught_up.into_actor(self).map(|(), shard, _| shard.waits_for_disk = false));
    }

    /// Takes nothing from the mailbox until partitions are where they belong.
    fn close_mailbox(&mut self, ctx: &mut Context<Self>) {
        let Some(mut dock) = self.dock.take() else { return };
        let reception = async move {
            let delivery = dock.recv().await;
            (dock, delivery)
        };
        ctx.wait(reception.into_actor(self).map(|(dock, delivery), shard, ctx| {
            shard.dock = Some(dock);
            match delivery {
                Some(delivery) => shard.turn(TurnCause::Block, ctx, |core, turn| {
                    core.delivered(delivery, &mut turn.core_turn());
                }),
                None => ctx.stop(),
            }
        }));
    }
}

impl Actor for Shard {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        if !self.core.is_open() {
            self.close_mailbox(ctx);
        }
        ctx.run_interval(TICK, |shard, ctx| {
            if !shard.ticking {
                shard.ticking = true;
                shard.thread.count_sent();
                ctx.address().do_send(Tick);
            }
        });
    }
}

/// Ordered messages go by `do_send`, which ignores the capacity; their number is bounded by what
/// connections may have in flight.
const MAILBOX: usize = 1024;

impl Handler<RunReady> for Shard {
    type Result = ();

    fn handle(&mut self, _: RunReady, ctx: &mut Self::Context) {
        let more = self.turn(TurnCause::Batch, ctx, |core, turn| turn.run_ready(core));
        if more {
            self.send_later(RunReady, ctx);
        }
    }
}

impl Handler<RunParcel> for Shard {
    type Result = ();

    fn handle(&mut self, RunParcel(work): RunParcel, ctx: &mut Self::Context) {
        let rest = self.turn(TurnCause::Parcel, ctx, |core, turn| {
            core.run_parcel(work, &mut turn.core_turn())
        });
        if let Some(rest) = rest {
            self.send_later(RunParcel(rest), ctx);
        }
    }
}

impl Handler<Lend> for Shard {
    type Result = ();

    fn handle(&mut self, Lend(round, lead): Lend, ctx: &mut Self::Context) {
        self.turn(TurnCause::Block, ctx, |core, turn| {
            core.lend(round, lead, turn.core_turn().post);
        });
    }
}

impl Handler<RunRound> for Shard {
    type Result = ();

    fn handle(&mut self, RunRound(id, round): RunRound, ctx: &mut Self::Context) {
        self.turn(TurnCause::Block, ctx, |core, turn| {
            core.begin_round(id, round, &mut turn.core_turn());
        });
    }
}

impl Handler<EndWatch> for Shard {
    type Result = ();

    fn handle(&mut self, EndWatch(token): EndWatch, ctx: &mut Self::Context) {
        self.turn(TurnCause::Block, ctx, |core, _| core.end_watch(token));
    }
}

impl Handler<EndWait> for Shard {
    type Result = ();

    fn handle(&mut self, EndWait(number): EndWait, ctx: &mut Self::Context) {
        self.turn(TurnCause::Block, ctx, |core, turn| {
            core.end_wait(number, &mut turn.core_turn());
        });
    }
}

impl Handler<Settled> for Shard {
    type Result = ();

    fn handle(&mut self, _: Settled, _: &mut Self::Context) {}
}

impl Handler<Tick> for Shard {
    type Result = ();

    fn handle(&mut self, _: Tick, ctx: &mut Self::Context) {
        let more = self.turn(TurnCause::Expiry, ctx, |core, turn| turn.tick(core, TICK_BUDGET));
        self.ticking = more;
        if more {
            self.send_later(Tick, ctx);
        }
    }
}

impl Handler<CutSlice> for Shard {
    type Result = ();

    fn handle(&mut self, _: CutSlice, ctx: &mut Self::Context) {
        self.slicing = false;
        self.turn(TurnCause::Checkpoint, ctx, |core, turn| {
            core.cut_slice(turn.core_turn().post);
        });
    }
}

/// Ends the process when it is dropped by a panic: a shard whose memory cannot be trusted must not
/// answer, and recovery takes over.
struct EndProcessOnPanic;

impl Drop for EndProcessOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("a shard panicked; its data cannot be trusted, the process ends");
            eprintln!("shardwright: a shard panicked; the process ends");
            std::process::abort();
        }
    }
}
