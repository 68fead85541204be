//! What can happen in a world, and what the shells around sessions and shards do then.

use std::sync::Arc;

use shardwright_actors::messages::{
    Block, BlockDone, BlockKind, ConnId, Delivery, Parcel, ParcelDone, Round,
};
use shardwright_actors::session::{Env, Want};
use shardwright_actors::shard::core::{ParcelWork, ShardCore, TURN_BYTES, Turn};
use shardwright_actors::shards::ShardSet;
use shardwright_codec::resp::{Protocol, ReplyWriter};
use shardwright_store::executor::Request;
use shardwright_store::types::{Sequence, ShardId, UnixMillis};

use super::client::SimClient;
use super::fault::{Check, Failure, Fault};
use super::network::{Answer, Mail, Record, Sending};
use super::post::{ThreadPost, Whim};
use super::world::World;

/// Something that can happen next.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    /// A thread sends the next thing of its turn.
    Send(usize),
    /// A shard takes the next message.
    Mail(usize),
    /// A closed shard takes a partition.
    Dock(usize),
    /// A gateway takes the next message.
    Gateway(usize),
    /// The writer takes the next message.
    Writer,
    /// The writer makes what it took durable.
    Sync,
    /// A session reads.
    Read(usize),
    /// A session writes, since its socket is ready.
    Write(usize),
    /// A client reads its socket.
    Take(usize),
    /// A session's pause is over.
    Wake(usize),
    /// A client that was served, or is cut off, goes.
    Leave(usize),
}

impl Event {
    /// Where the bias for this event stands.
    pub fn place(self, threads: usize) -> usize {
        match self {
            Self::Writer | Self::Sync => 0,
            Self::Send(thread) => 1 + thread,
            Self::Mail(thread) => 1 + threads + thread,
            Self::Dock(thread) => 1 + 2 * threads + thread,
            Self::Gateway(thread) => 1 + 3 * threads + thread,
            Self::Read(client) | Self::Wake(client) => 1 + 4 * threads + 2 * client,
            Self::Write(client) | Self::Take(client) | Self::Leave(client) => {
                2 + 4 * threads + 2 * client
            }
        }
    }

    /// Number of places.
    pub fn places(threads: usize, clients: usize) -> usize {
        1 + 4 * threads + 2 * clients
    }
}

/// Milliseconds by which a clock that jumps is ahead.
const JUMP_MS: i64 = 5;

/// Steps of the expiry wheel in a tick.
const TICK_BUDGET: usize = 2;

impl World {
    /// All that can happen now and is not only time passing.
    pub(super) fn events(&self, events: &mut Vec<Event>) {
        let jump = if self.setup.fault == Fault::ClockJumps { JUMP_MS } else { 0 };
        let clock = UnixMillis(self.now.0 + jump);
        for (at, lines) in self.network.lines.iter().enumerate() {
            if !lines.outgoing.is_empty() {
                if self.network.can_transmit(at) {
                    events.push(Event::Send(at));
                }
                continue;
            }
            let is_open = self.shards[at].is_open();
            let takes_mail = is_open || self.setup.fault == Fault::MailboxStaysOpen;
            if takes_mail && !lines.mailbox.is_empty() {
                events.push(Event::Mail(at));
            }
            if !is_open && !lines.dock.is_empty() {
                events.push(Event::Dock(at));
            }
            if !lines.gateway.is_empty() {
                events.push(Event::Gateway(at));
            }
        }
        if !self.network.writer.is_empty() {
            events.push(Event::Writer);
        }
        let mut synced = self.shards.iter().map(|shard| shard.id());
        if self.logged
            && synced.any(|id| {
                self.server.durability.sequence(id).0 < self.shadows.newest()[id.0 as usize]
            })
        {
            events.push(Event::Sync);
        }
        for (at, client) in self.clients.iter().enumerate() {
            if client.can_take() {
                events.push(Event::Take(at));
            }
            let thread = client.id.thread.0 as usize;
            if client.session.is_none() || !self.network.lines[thread].outgoing.is_empty() {
                continue;
            }
            if client.can_read() {
                events.push(Event::Read(at));
            }
            if client.can_write() {
                events.push(Event::Write(at));
            }
            if client.paused_until.is_some_and(|until| until <= clock) {
                events.push(Event::Wake(at));
            }
            if client.is_done() {
                events.push(Event::Leave(at));
            }
        }
    }

    /// Lets time pass, wheels turn, and cuts a client off now and then.
    pub(super) fn idle(&mut self) {
        self.now = UnixMillis(self.now.0 + self.rng.below(4) as i64);
        let thread = self.rng.below(self.shards.len());
        let lines = &mut self.network.lines[thread];
        if lines.outgoing.is_empty() && !lines.ticking {
            lines.ticking = true;
            lines.mailbox.push_back(Mail::Tick);
        }
        if self.network.lines[thread].outgoing.is_empty()
            && self.rng.percent(10)
            && self.network.ledger.claim_checkpoint()
        {
            self.seen.checkpoints += 1;
            let (shards, lead) = (ShardSet::all(self.setup.shards), ShardId(thread as u16));
            let block = Block::special(ConnId::NOBODY, BlockKind::Checkpoint, shards, lead);
            self.network.send(lead, Sending::Round(Round::of(block)));
        }
        if !self.clients.is_empty() && self.rng.percent(10) {
            let at = self.rng.below(self.clients.len());
            let client = &self.clients[at];
            let is_free = self.network.lines[client.id.thread.0 as usize].outgoing.is_empty();
            if client.killable && client.session.is_some() && is_free {
                if self.is_traced {
                    eprintln!("{:6} cut off {at}", self.step);
                }
                self.cut.insert(self.clients[at].id);
                self.leave(at);
            }
        }
    }

    /// When all wait and some of them for time: lets it pass.
    pub(super) fn sleep_until_somebody_wakes(&mut self) -> bool {
        let pauses = self.clients.iter().filter(|client| client.session.is_some());
        match pauses.filter_map(|client| client.paused_until).min() {
            Some(until) => {
                self.now = self.now.max(until);
                true
            }
            None => false,
        }
    }

    pub(super) fn perform(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Send(thread) => self.network.transmit(thread),
            Event::Mail(thread) => {
                if let Some(mail) = self.network.lines[thread].mailbox.pop_front() {
                    self.mail(thread, mail);
                }
            }
            Event::Dock(thread) => {
                if let Some(delivery) = self.network.lines[thread].dock.pop_front() {
                    if let Delivery::Lent(round, _) = &delivery {
                        self.seen.early += usize::from(*round != self.leading[thread].0);
                    }
                    self.turn(thread, |core, turn| core.delivered(delivery, turn));
                }
            }
            Event::Gateway(thread) => match self.network.lines[thread].gateway.pop_front() {
                Some(Answer::FlushOutboxes) => self.flush_outboxes(thread),
                Some(Answer::Parcel(done)) => self.parcel_done(done),
                Some(Answer::Block(done)) => self.block_done(done),
                Some(Answer::LogMoved) => {
                    for conn in std::mem::take(&mut self.network.lines[thread].waiting) {
                        if let Some(at) = self.client_at(conn) {
                            self.proceed(at);
                        }
                    }
                }
                Some(Answer::Wake(conn)) => {
                    if let Some(at) = self.client_at(conn) {
                        self.proceed(at);
                    }
                }
                None => {}
            },
            Event::Writer => self.write_record()?,
            Event::Sync => {
                for shard in self.server.durability.publish(self.shadows.newest()) {
                    self.network.lines[shard.0 as usize].gateway.push_back(Answer::LogMoved);
                }
            }
            Event::Read(at) => {
                let most = 1 + self.rng.below(self.setup.largest_read);
                self.clients[at].read(most);
                if self.clients[at].want == Want::Input {
                    self.proceed(at);
                } else {
                    self.seen.read_on += 1;
                }
            }
            Event::Write(at) | Event::Wake(at) => self.proceed(at),
            Event::Take(at) => {
                let Self { clients, rng, step, .. } = self;
                clients[at].take(*step)?;
                clients[at].talk(rng, *step);
            }
            Event::Leave(at) => self.leave(at),
        }
        Ok(())
    }

    fn mail(&mut self, thread: usize, mail: Mail) {
        let shard = ShardId(thread as u16);
        match mail {
            Mail::RunReady => self.run_ready(thread),
            Mail::RunParcel(work) => {
                let rest = self.turn(thread, |core, turn| core.run_parcel(work, turn));
                if let Some(rest) = rest {
                    self.seen.rests += 1;
                    self.network.send(shard, Sending::Mail(shard, Mail::RunParcel(rest)));
                }
            }
            Mail::Lend(block, lead) => {
                self.turn(thread, |core, turn| core.lend(block, lead, turn.post));
            }
            Mail::RunRound(id, round) => {
                self.leading[thread] = (id, round.shards);
                self.turn(thread, |core, turn| core.begin_round(id, round, turn));
            }
            Mail::EndWait(number) => {
                self.turn(thread, |core, turn| core.end_wait(number, turn));
            }
            Mail::EndWatch(token) => self.turn(thread, |core, _| core.end_watch(token)),
            Mail::CutSlice => {
                self.network.lines[thread].slicing = false;
                self.turn(thread, |core, turn| core.cut_slice(turn.post));
            }
            Mail::Tick => {
                let more = self.turn(thread, |core, turn| core.tick(TICK_BUDGET, turn));
                self.network.lines[thread].ticking = more;
                if more {
                    self.network.send(shard, Sending::Mail(shard, Mail::Tick));
                }
            }
        }
    }

    /// One turn of a shard.
    fn turn<R>(
        &mut self,
        thread: usize,
        work: impl FnOnce(&mut ShardCore, &mut Turn<'_, ThreadPost<'_>, Whim>) -> R,
    ) -> R {
        let Self { network, whim, shards, server, now, leading, seen, clients, .. } = self;
        if whim.meddles > 0 {
            let sessions = clients.iter().filter_map(|client| client.session.as_ref());
            let waiting = sessions.filter(|session| session.waits_for_key());
            whim.waiting.clear();
            whim.waiting.extend(waiting.map(|session| Arc::clone(&session.client.info)));
        }
        network.ledger.begin_turn();
        network.waits.begin_turn();
        network.waits.now = *now;
        let mut post = ThreadPost::new(network, ShardId(thread as u16), leading[thread].1);
        let mut turn = Turn { now: *now, limits: server.limits(), post: &mut post, meter: whim };
        let result = work(&mut shards[thread], &mut turn);
        drop(post);
        match network.waits.end_turn() {
            Ok(more) => seen.add(more),
            Err(failure) => network.ledger.fail(failure),
        }
        for conn in whim.unblocked.drain(..) {
            seen.meddled += 1;
            network.lines[conn.thread.0 as usize].gateway.push_back(Answer::Wake(conn));
        }
        if shards[thread].is_cutting() && !network.lines[thread].slicing {
            network.lines[thread].slicing = true;
            let shard = ShardId(thread as u16);
            network.send(shard, Sending::Mail(shard, Mail::CutSlice));
        }
        result
    }

    /// What sessions are told of how far a partition had come.
    fn told(&self) -> impl Fn(Sequence) -> Sequence + use<> {
        let fault = self.setup.fault;
        move |sequence| if fault == Fault::NotTold { Sequence(0) } else { sequence }
    }

    pub(super) fn client_at(&self, conn: ConnId) -> Option<usize> {
        let at = conn.index as usize;
        let client = self.clients.get(at).filter(|client| client.id == conn)?;
        client.session.is_some().then_some(at)
    }

    /// Runs ready connections, as many as the turn is said to have time for.
    fn run_ready(&mut self, thread: usize) {
        let ready = self.network.lines[thread].ready.take();
        let most = if self.rng.percent(20) { 1 + self.rng.below(ready.len()) } else { ready.len() };
        ready.iter().take(most).for_each(|conn| self.run_local(*conn));
        if self.network.lines[thread].ready.give_back(ready, most) {
            let shard = ShardId(thread as u16);
            self.network.send(shard, Sending::Mail(shard, Mail::RunReady));
        }
    }

    /// Runs what a connection has for the shard of its thread, and lets it go on.
    fn run_local(&mut self, conn: ConnId) {
        let Some(at) = self.client_at(conn) else { return };
        let Some(mut session) = self.clients[at].session.take() else { return };
        let thread = conn.thread.0 as usize;
        let (next, count, sequence) = self.turn(thread, |core, turn| {
            let work = session.local_work(TURN_BYTES);
            let count = work.0.requests.len();
            let next = core.run_batch(work, turn);
            let one: ShardSet = [conn.thread].into_iter().collect();
            turn.post.network().ledger.replies(&one, "a local batch");
            (next, count, core.sequence())
        });
        self.seen.stops += usize::from(next < count);
        session.local_ran(next, self.told()(sequence));
        self.clients[at].saw(conn.thread, sequence);
        self.clients[at].session = Some(session);
        self.proceed(at);
    }

    /// Lets a session go on as far as it can. Whoever's wait for a key it ended is told.
    fn proceed(&mut self, at: usize) {
        let waits = |client: &SimClient| {
            let session = client.session.as_ref().filter(|session| session.waits_for_key());
            session.is_some_and(|session| session.client.info.is_waiting())
        };
        let others = self.clients.iter().enumerate().filter(|(other, _)| *other != at);
        let waiting: Vec<usize> =
            others.filter(|(_, client)| waits(client)).map(|(other, _)| other).collect();
        self.network.waits.now = self.now;
        self.advance(at);
        self.end_waits();
        for other in waiting {
            let (from, to) = (self.clients[at].id.thread, self.clients[other].id);
            if !waits(&self.clients[other]) && self.setup.fault != Fault::WakeLost {
                self.network.send(from, Sending::Answer(to.thread, Answer::Wake(to)));
            }
        }
    }

    fn end_waits(&mut self) {
        if let Err(failure) = self.network.waits.end() {
            self.network.ledger.fail(failure);
        }
    }

    /// Lets a session go on as far as it can, and writes what it has to say.
    fn advance(&mut self, at: usize) {
        let Self { clients, network, server, clock, now, seen, gated, logged, .. } = self;
        let client = &mut clients[at];
        let jumps = network.fault == Fault::ClockJumps && network.rng.percent(50);
        let now = UnixMillis(now.0 + if jumps { JUMP_MS } else { 0 });
        let home = client.id.thread;
        let mut post = ThreadPost::new(network, home, ShardSet::default());
        let limit = server.reply_limit();
        loop {
            let mut env = Env {
                server,
                home,
                clock,
                stats: &server.stats()[home.0 as usize],
                now,
                post: &mut post,
            };
            let Some(session) = &mut client.session else { return };
            client.want = session.advance(&mut env);
            if *logged && !client.claims_what_is_durable(|shard| server.durability.sequence(shard))
            {
                let text = format!("client {at} is told that all is synced");
                post.network().ledger.fail(Failure::new(Check::Durability, text));
            }
            client.write();
            let drained = client.session.as_ref().is_some_and(|s| s.pending().len() < limit);
            if client.want != Want::Drain || !drained {
                break;
            }
        }
        client.paused_until = None;
        if *gated && !client.is_told_what_is_durable(|shard| server.durability.sequence(shard)) {
            let text = format!("client {at} is told what is not durable");
            post.network().ledger.fail(Failure::new(Check::Durability, text));
        }
        match client.want {
            Want::Pause(_) if self.setup.fault == Fault::TimerLost => {}
            Want::Pause(until) => {
                client.paused_until = Some(until);
                seen.pauses += 1;
            }
            Want::Drain => seen.drains += 1,
            _ => {}
        }
    }

    fn leave(&mut self, at: usize) {
        let Self { clients, network, server, setup, .. } = self;
        let client = &mut clients[at];
        if let Some(mut session) = client.session.take() {
            network.waits.gone(client.id);
            let mut post = ThreadPost::new(network, client.id.thread, ShardSet::default());
            session.abandon();
            if setup.fault != Fault::WaitOutlives {
                session.end_key_wait(&mut post);
            }
            session.tell_ended_watches(&mut post);
            server.clients.remove(session.client.info.id);
        }
        self.end_waits();
    }

    fn flush_outboxes(&mut self, thread: usize) {
        let from = ShardId(thread as u16);
        for round in self.network.lines[thread].outboxes.take_rounds() {
            self.seen.shared += round.blocks.len() - 1;
            self.network.send(from, Sending::Round(round));
        }
        let lines = &mut self.network.lines[thread];
        let mut full: Vec<_> = lines.outboxes.take_full().collect();
        full.append(&mut lines.late);
        for (to, parcel) in full {
            if self.setup.fault == Fault::AnsweredEarly
                && let Some((early, silent)) = answer_early(to, &parcel)
            {
                self.network.lines[thread].late.push((to, silent));
                self.network.send(from, Sending::Answer(from, Answer::Parcel(early)));
                self.network.send(from, Sending::Answer(from, Answer::FlushOutboxes));
                continue;
            }
            let work = ParcelWork::new(from, parcel);
            self.network.send(from, Sending::Mail(to, Mail::RunParcel(work)));
        }
    }

    /// Hands the answers of a parcel to their connections.
    fn parcel_done(&mut self, mut done: ParcelDone) {
        if self.setup.fault == Fault::RepliesSwapped {
            swap_replies(&mut done);
        }
        let told = self.told();
        for mut answer in done.answers() {
            let unrun = std::mem::take(&mut answer.unrun);
            self.seen.unrun += unrun.requests.len();
            if let Some(at) = self.client_at(answer.conn)
                && let Some(session) = &mut self.clients[at].session
            {
                let (ends, count) = (answer.ends(), answer.count());
                let (shard, sequence) = (answer.shard, answer.sequence);
                session.remote_done(shard, answer.out, ends, count, unrun, told(sequence));
                self.clients[at].saw(shard, sequence);
                self.proceed(at);
            } else {
                self.seen.orphans += 1;
                for token in answer.begun_watches() {
                    let ended = Sending::Mail(answer.shard, Mail::EndWatch(token));
                    self.network.send(answer.conn.thread, ended);
                }
            }
        }
    }

    fn block_done(&mut self, mut done: BlockDone) {
        let told = self.told();
        if let Some(at) = self.client_at(done.conn)
            && let Some(session) = &mut self.clients[at].session
        {
            let stats = &self.server.stats()[done.conn.thread.0 as usize];
            let sequences = done.sequences.clone();
            done.sequences.iter_mut().for_each(|(_, sequence)| *sequence = told(*sequence));
            session.block_done(done, stats);
            let client = &mut self.clients[at];
            sequences.iter().for_each(|(shard, sequence)| client.saw(*shard, *sequence));
            self.proceed(at);
        } else {
            self.seen.orphans += 1;
            for token in done.begun_watches() {
                for shard in done.shards.iter() {
                    let ended = Sending::Mail(shard, Mail::EndWatch(token));
                    self.network.send(done.conn.thread, ended);
                }
            }
        }
    }

    fn write_record(&mut self) -> Result<(), Failure> {
        match self.network.writer.pop_front() {
            Some(Record::Effects(effects)) => {
                effects.batches().try_for_each(|batch| self.shadows.take(batch))
            }
            Some(Record::Audit(block, live)) => {
                let shadow = self.shadows.digest();
                if shadow != live {
                    let text = format!("live data {live:x} and their copy {shadow:x} differ");
                    return Err(Failure::new(Check::Effects, text));
                }
                let mut out = Vec::new();
                ReplyWriter::new(&mut out, Protocol::Resp2).ok();
                let ends = vec![out.len()];
                let Block { conn, batch, shards, .. } = block;
                let sequences = Vec::new();
                let done = BlockDone { conn, batch, out, ends, next: 1, shards, sequences };
                let thread = done.conn.thread.0 as usize;
                self.network.lines[thread].gateway.push_back(Answer::Block(done));
                Ok(())
            }
            Some(Record::Mark) => {
                let wanted = self.shadows.digest();
                self.network.ledger.checkpoint_mark(wanted);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// Lets the first two replies to a connection change places.
fn swap_replies(done: &mut ParcelDone) {
    if done.done.first().is_some_and(|&count| count >= 2) {
        let (first, second) = (done.ends[0], done.ends[1]);
        let swapped = [&done.out[first..second], &done.out[..first]].concat();
        done.out[..second].copy_from_slice(&swapped);
        done.ends[0] = second - first;
    }
}

/// No connection has so many before it.
const NOBODY: u32 = u32::MAX;

/// For a parcel of nothing but plain SETs: its answer, before it has run, and a parcel that does the
/// same for nobody.
fn answer_early(shard: ShardId, parcel: &Parcel) -> Option<(ParcelDone, Parcel)> {
    const OK: &[u8] = b"+OK\r\n";
    if parcel.parts.iter().any(|part| part.conn.generation == NOBODY) {
        return None;
    }
    let mut copies = [Parcel::default(), Parcel::default()];
    for request in &parcel.batch.requests {
        let Request::Command(planned) = request else { return None };
        let args = parcel.batch.view().arguments(planned);
        if args.len() != 3 || !args.at(0).eq_ignore_ascii_case(b"SET") {
            return None;
        }
        copies.iter_mut().for_each(|copy| copy.batch.push_copy(parcel.batch.view(), planned));
    }
    let [mut answered, mut silent] = copies;
    let mut begin = 0;
    let counts = parcel.parts.iter().map(|part| {
        let count = (part.end - begin) as u32;
        begin = part.end;
        count
    });
    let done: Vec<u32> = counts.collect();
    answered.parts.clone_from(&parcel.parts);
    silent.parts.clone_from(&parcel.parts);
    silent.parts.iter_mut().for_each(|part| part.conn.generation = NOBODY);
    let count = parcel.batch.requests.len();
    let ends = (1..=count).map(|at| at * OK.len()).collect();
    let (out, sequence) = (OK.repeat(count), Sequence(0));
    Some((ParcelDone { shard, parcel: answered, out, ends, done, sequence }, silent))
}
