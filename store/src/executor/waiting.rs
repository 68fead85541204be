//! Commands that may wait: the first attempt, which ends in an answer or in a wait, and serving those
//! who wait when keys have changed. See [`crate::blocking`].

use std::sync::Arc;

use shardwright_codec::resp::{ArgRange, Args, ReplyWriter};

use super::{Batch, BatchView, End, Meter, Planned, Replies, Request, Run, slice, write_error};
use crate::blocking::{WaitOutcome, Waiter, WaiterTable};
use crate::command::{Blocking, Handler, Patience};
use crate::context::{Frame, KeyRef, Limits, ReadCx, Served, Tally, WriteCx, lru_clock};
use crate::error::CommandError;
use crate::hash::slot_of;
use crate::keyspace::Keyspace;
use crate::types::{DbIndex, UnixMillis};

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The reply was written.
    Answered,
    /// It waits. Its answer comes as a [`WaitOutcome`].
    Waits,
    /// Somebody had ended it before.
    Ended,
}

/// Runs a command that may wait, whose partitions are all here. If it finds nothing, it is registered
/// to wait.
pub fn attempt<M: Meter>(
    keyspace: &mut Keyspace<'_>,
    waiter: &Waiter,
    now: UnixMillis,
    limits: Limits,
    replies: &mut Replies<'_>,
    meter: &mut M,
) -> Attempt {
    let batch = Arc::clone(&waiter.batch);
    let mut run = Run::new(keyspace, batch.view(), now, limits);
    let attempt = match batch.requests.first() {
        Some(Request::Command(planned)) => run.attempt(planned, waiter, replies, meter),
        _ => Attempt::Ended,
    };
    run.serve_ready(meter);
    run.settle();
    attempt
}

/// Serves those who wait for keys that are ready: to be called when that is so though no command was
/// run.
pub fn serve_waiting<M: Meter>(
    keyspace: &mut Keyspace<'_>,
    now: UnixMillis,
    limits: Limits,
    meter: &mut M,
) {
    if !keyspace.has_ready() {
        return;
    }
    let nothing = Batch::default();
    let mut run = Run::new(keyspace, nothing.view(), now, limits);
    run.serve_ready(meter);
    run.settle();
}

/// The first of its keys that has what a command asks for.
type Ready<'a> = Result<Option<&'a [u8]>, CommandError>;

impl<'a> Run<'_, 'a, '_> {
    fn attempt<M: Meter>(
        &mut self,
        planned: &Planned,
        waiter: &Waiter,
        replies: &mut Replies<'_>,
        meter: &mut M,
    ) -> Attempt {
        let (Handler::Block(blocking), claim) = (planned.handler, &waiter.claim) else {
            return Attempt::Ended;
        };
        let begun = self.keyspace.all().any(|partition| partition.waiters.knows(claim.number));
        let ready = match self.find_ready(planned, blocking, claim.number) {
            Err(CommandError::WrongType) if begun => Ok(None),
            ready => ready,
        };
        if matches!(ready, Ok(None)) {
            let attempt = self.wait(planned, blocking, waiter, begun);
            if attempt == Attempt::Waits && !begun {
                meter.ended(planned.id, End::Waits, None);
            }
            return attempt;
        }
        let served = claim.serve();
        if served {
            if begun {
                // Its line goes on before anybody is served of what it makes ready.
                self.go_on_behind(claim.number);
            }
            let key = ready.map(|key| key.map(|key| Served { key, waited: begun }));
            let end = if begun { End::Waited } else { End::Ran };
            self.answer(planned, blocking, key, replies, (meter, end));
        }
        self.forget(claim.number);
        if served { Attempt::Answered } else { Attempt::Ended }
    }

    /// Runs a command that may wait where it must not: in a transaction, or without patience.
    pub(super) fn run_at_once<M: Meter>(
        &mut self,
        planned: &Planned,
        blocking: &Blocking,
        replies: &mut Replies<'_>,
        meter: &mut M,
    ) -> bool {
        let ready = self.find_ready(planned, blocking, u64::MAX);
        let key = ready.map(|key| key.map(|key| Served { key, waited: false }));
        self.answer(planned, blocking, key, replies, (meter, End::Ran))
    }

    /// Looks for a key that has what the command asks for and for which nobody stands in line before
    /// it.
    fn find_ready(&mut self, planned: &Planned, blocking: &Blocking, number: u64) -> Ready<'a> {
        let args = self.batch.arguments(planned);
        (blocking.patience)(args)?;
        if blocking.reads && self.limits.refuse_reads {
            return Err(CommandError::LogInDoubt);
        }
        if !blocking.reads && self.limits.refuse_writes {
            return Err(CommandError::LogFailed);
        }
        for (name, key) in awaited(self.batch, planned, blocking) {
            let partition = self.keyspace.partition(key.slot);
            if partition.waiters.stands_behind(planned.db, name, number) {
                continue;
            }
            let cx = ReadCx::new(self.keyspace, &self.tally, self.frame(planned, None));
            if (blocking.ready)(&cx, args, name)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Answers: by an error, by what the command does, or that there is nothing.
    fn answer<M: Meter>(
        &mut self,
        planned: &Planned,
        blocking: &Blocking,
        key: Result<Option<Served<'_>>, CommandError>,
        replies: &mut Replies<'_>,
        (meter, end): (&mut M, End),
    ) -> bool {
        let args = self.batch.arguments(planned);
        let mut reply = ReplyWriter::new(replies.out, planned.protocol);
        let outcome = key.and_then(|served| match served {
            None if !has_no_patience(blocking, args) => {
                (blocking.nothing)(&mut reply);
                Ok(())
            }
            served => {
                let frame = self.frame(planned, served);
                (blocking.run)(
                    &mut WriteCx::new(self.keyspace, &self.tally, frame),
                    args,
                    &mut reply,
                )
            }
        });
        let error = outcome.err().map(|error| write_error(&error, &mut reply));
        replies.end();
        meter.ended(planned.id, end, error.as_deref())
    }

    /// Registers a command with its keys, or lets it wait on.
    fn wait(
        &mut self,
        planned: &Planned,
        blocking: &Blocking,
        waiter: &Waiter,
        begun: bool,
    ) -> Attempt {
        let claim = &waiter.claim;
        if !claim.begin() {
            self.forget(claim.number);
            return Attempt::Ended;
        }
        if begun {
            self.go_on_behind(claim.number);
            return Attempt::Waits;
        }
        let batch = match blocking.fix {
            Some(fix) => {
                let cx = ReadCx::new(self.keyspace, &self.tally, self.frame(planned, None));
                let fixed = fix(&cx, self.batch.arguments(planned));
                Arc::new(with_arguments(planned, self.batch, &fixed))
            }
            None => Arc::clone(&waiter.batch),
        };
        let (claim, minds_going) = (Arc::clone(claim), blocking.gone.is_some());
        let waiter = Waiter { claim, batch, minds_going, retrying: false };
        for (name, key) in awaited(self.batch, planned, blocking) {
            let table = &mut self.keyspace.partition_mut(key.slot).waiters;
            table.add(planned.db, name, waiter.clone());
        }
        Attempt::Waits
    }

    /// Serves those who wait for keys that have changed, until none is ready.
    #[inline]
    pub(super) fn serve_ready<M: Meter>(&mut self, meter: &mut M) {
        while self.keyspace.has_ready() {
            self.serve_next(meter);
        }
    }

    #[cold]
    #[inline(never)]
    fn serve_next<M: Meter>(&mut self, meter: &mut M) {
        let tables = self.keyspace.all_mut().map(|partition| &mut partition.waiters);
        let first =
            tables.filter(|table| table.has_ready()).min_by_key(|table| table.first_ready());
        let Some((db, key)) = first.and_then(WaiterTable::take_ready) else { return };
        let slot = slot_of(&key);
        let mut passed = 0;
        while let Some(waiter) = self.keyspace.partition_mut(slot).waiters.waiter(db, &key, passed)
            && !waiter.retrying
        {
            if !self.exists(db, &key) && !waiter.minds_going {
                if !self.keyspace.partition(slot).waiters.is_minding() {
                    return;
                }
                passed += 1;
                continue;
            }
            match self.serve(&waiter, &key, meter) {
                Some(true) => {}
                Some(false) => passed += 1,
                None => return,
            }
        }
    }

    fn exists(&self, db: DbIndex, key: &[u8]) -> bool {
        let hash = self.keyspace.hasher().hash(key);
        self.keyspace.partition(hash.slot).find(db, hash, key).is_some()
    }

    /// Serves one who waits, if this key has what it asks for: tells whether it had. Nothing if a
    /// block has to serve it; nobody behind it may be served before.
    fn serve<M: Meter>(&mut self, waiter: &Waiter, key: &[u8], meter: &mut M) -> Option<bool> {
        let batch = Arc::clone(&waiter.batch);
        let view = batch.view();
        let Some(Request::Command(planned)) = batch.requests.first() else { return Some(false) };
        let Handler::Block(blocking) = planned.handler else { return Some(false) };
        let mut run = Run::new(self.keyspace, view, self.now, self.limits);
        let args = view.arguments(planned);
        let served = Some(Served { key, waited: true });
        let cx = ReadCx::new(run.keyspace, &run.tally, run.frame(planned, served));
        let ready = (blocking.ready)(&cx, args, key);
        let has_gone =
            matches!(ready, Err(CommandError::WrongType)) || cx.peek(planned.db, key).is_none();
        let ready = match (has_gone, ready) {
            (true, _) => match blocking.gone {
                Some(told) => Err(CommandError::Text(told)),
                None => return Some(false),
            },
            (false, Ok(false)) => return Some(false),
            (false, Ok(true)) => Ok(served),
            (false, Err(error)) => Err(error),
        };
        let elsewhere = |key: &KeyRef| !run.keyspace.has(key.slot);
        if blocking.moves && view.keys_of(planned).iter().any(elsewhere) {
            let number = waiter.claim.number;
            let home = run.keyspace.partition_mut(slot_of(key));
            home.waiters.set_retrying(number, true);
            home.outcomes.push(WaitOutcome::Retry(Waiter { retrying: true, ..waiter.clone() }));
            return None;
        }
        if waiter.claim.serve() {
            let mut out = Vec::new();
            let mut replies = Replies { out: &mut out, ends: None, limit: usize::MAX };
            run.answer(planned, blocking, ready, &mut replies, (meter, End::Waited));
            let outcome = WaitOutcome::Served(waiter.claim.owner, out);
            run.keyspace.home().outcomes.push(outcome);
        }
        run.settle();
        self.forget(waiter.claim.number);
        Some(true)
    }

    /// A line that stood still for a wait goes on.
    fn go_on_behind(&mut self, number: u64) {
        let tables = self.keyspace.all_mut().map(|partition| &mut partition.waiters);
        tables.for_each(|table| table.set_retrying(number, false));
    }

    /// Nobody here has to know of a wait any more.
    fn forget(&mut self, number: u64) {
        self.keyspace.all_mut().for_each(|partition| partition.waiters.forget(number));
    }
}

fn has_no_patience(blocking: &Blocking, args: Args<'_>) -> bool {
    matches!((blocking.patience)(args), Ok(Patience::None))
}

/// The keys that a command waits for.
fn awaited<'a>(
    batch: BatchView<'a>,
    planned: &Planned,
    blocking: &Blocking,
) -> impl Iterator<Item = (&'a [u8], KeyRef)> {
    let keys = batch.keys_of(planned);
    let count = if blocking.moves { 1 } else { keys.len() };
    keys.iter().take(count).map(move |key| {
        let range = batch.args.get(key.arg as usize);
        (range.map_or(&[][..], |range| slice(batch.data, range.start, range.len)), *key)
    })
}

/// A command with other arguments; keys keep their places among them.
fn with_arguments(planned: &Planned, from: BatchView<'_>, args: &[Vec<u8>]) -> Batch {
    let mut batch = Batch::default();
    for arg in args {
        let start = batch.data.len() as u32;
        batch.data.extend_from_slice(arg);
        batch.args.push(ArgRange { start, len: arg.len() as u32 });
    }
    let keys = from.keys_of(planned).iter();
    batch.keys.extend(keys.map(|key| KeyRef { arg: key.arg - planned.first_arg, ..*key }));
    let arg_count = args.len() as u32;
    let planned = Planned { first_arg: 0, first_key: 0, arg_count, ..*planned };
    batch.requests.push(Request::Command(planned));
    batch
}

impl<'r, 'a, 'p> Run<'r, 'a, 'p> {
    /// A run of a batch on the partitions at hand.
    pub(super) fn new(
        keyspace: &'r mut Keyspace<'p>,
        batch: BatchView<'a>,
        now: UnixMillis,
        limits: Limits,
    ) -> Self {
        keyspace.all_mut().for_each(|partition| partition.encodings = limits.encodings);
        Run { keyspace, batch, now, lru: lru_clock(now), limits, tally: Tally::default() }
    }

    /// What surrounds a command of the batch.
    #[inline]
    pub(super) fn frame<'f>(&self, planned: &Planned, served: Option<Served<'f>>) -> Frame<'f>
    where
        'a: 'f,
    {
        Frame {
            now: self.now,
            lru: self.lru,
            db: planned.db,
            watch: planned.watch,
            no_touch: planned.no_touch,
            served,
            limits: self.limits,
            data: self.batch.data,
            args: self.batch.args,
            keys: self.batch.keys_of(planned),
        }
    }
}
