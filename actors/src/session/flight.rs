//! A flight: the commands of one connection that are being executed, and how their replies get
//! back into the client's order.
//!
//! There is one flight at a time. Its commands go to the shard of the own thread (the local part),
//! to shards of other threads (remote parts), or as one block to a lead shard. While all of it is
//! local, replies are written straight into the connection's output; otherwise each part keeps its
//! replies until they can be put in order.

use shardwright_store::blocking::Waiter;
use shardwright_store::command::CommandId;
use shardwright_store::context::KeyRef;
use shardwright_store::executor::{Batch, Request};
use shardwright_store::types::ShardId;

use super::client::EndedWatch;
use super::transaction::PlannedBlock;
use crate::messages::BlockKind;
use crate::shards::ShardSet;

/// Where a reply comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The connection itself.
    Own,
    /// The local part.
    Local,
    /// A remote part.
    Remote(u16),
}

/// Replies that wait to be put in order.
#[derive(Debug, Default)]
struct Waiting {
    out: Vec<u8>,
    ends: Vec<usize>,
    taken: usize,
}

impl Waiting {
    fn take(&mut self) -> Option<&[u8]> {
        let end = *self.ends.get(self.taken)?;
        let begin = self.taken.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.taken += 1;
        Some(&self.out[begin..end])
    }

    fn add(&mut self, out: &[u8], ends: impl Iterator<Item = usize>) {
        let base = self.out.len();
        self.out.extend_from_slice(out);
        self.ends.extend(ends.map(|end| base + end));
    }

    fn clear(&mut self) {
        self.out.clear();
        self.ends.clear();
        self.taken = 0;
    }
}

#[derive(Debug)]
struct RemotePart {
    shard: ShardId,
    /// Requests that were sent and not answered.
    pending: u32,
    waiting: Waiting,
    /// Requests that came back unrun, since their replies would have grown too large.
    unrun: Batch,
}

/// Commands for the shard of the own thread.
#[derive(Debug, Default)]
pub struct LocalPart {
    /// Their keys.
    pub keys: Vec<KeyRef>,
    /// The requests; their arguments lie in the connection's input.
    pub requests: Vec<Request>,
    /// The request to go on with.
    pub next: usize,
}

impl LocalPart {
    /// Works with these buffers, which are empty, from now on.
    pub fn take_buffers(&mut self, keys: Vec<KeyRef>, requests: Vec<Request>) {
        (self.keys, self.requests) = (keys, requests);
    }

    /// Gives its buffers away. Only when there is nothing in flight.
    pub fn give_buffers(&mut self) -> (Vec<KeyRef>, Vec<Request>) {
        (std::mem::take(&mut self.keys), std::mem::take(&mut self.requests))
    }
}

/// A block in flight.
#[derive(Debug)]
pub struct BlockFlight {
    /// The requests, while they are not with a shard.
    pub batch: Batch,
    /// The request to go on with.
    pub next: usize,
    /// Number of requests.
    pub total: usize,
    /// It is run by the shard of the own thread, without others.
    pub local: bool,
    /// What it does.
    pub kind: BlockKind,
    /// What the connection runs itself of an EXEC, once its requests are back.
    pub exec: Option<PlannedBlock>,
    /// The connection mixes own replies into the block's.
    mixed: bool,
    /// The command that it is, if its errors are known only when it comes back.
    pub command: Option<CommandId>,
    /// EXEC, and the ticks that it took by itself: a call that counts when all of it is over.
    pub call: Option<(CommandId, u64)>,
    /// Shards that it needs.
    pub shards: ShardSet,
    /// Shard that runs it.
    pub lead: ShardId,
    /// Its command may wait.
    pub waiter: Option<Waiter>,
    /// Replies so far, if the connection has to mix its own into them.
    waiting: Waiting,
}

/// What the shard of the own thread is to run, where replies go, and where their ends are noted.
pub enum Sink<'a> {
    /// The local part.
    Local(&'a mut LocalPart, &'a mut Vec<u8>, Option<&'a mut Vec<usize>>),
    /// A block.
    Block(&'a Batch, &'a mut Vec<u8>, Option<&'a mut Vec<usize>>),
}

/// What the connection has in flight.
#[derive(Debug, Default)]
pub struct Flight {
    /// The local part.
    pub local: LocalPart,
    /// The block, if it is one.
    pub block: Option<Box<BlockFlight>>,
    remote: Vec<RemotePart>,
    own: Waiting,
    local_waiting: Waiting,
    /// Where each reply comes from, if they come from several places.
    order: Vec<Source>,
    ordered: usize,
    /// Replies cannot go straight into the output.
    mixed: bool,
    /// The local part or the block is with a shard.
    running: bool,
}

impl Flight {
    /// Whether nothing is in flight.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.local.requests.is_empty() && self.order.is_empty() && self.block.is_none()
    }

    /// Whether everything in flight has been executed as far as it may be for now.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        !self.running && self.remote.iter().all(|part| part.pending == 0)
    }

    /// The shards that single-shard commands in flight are for, if it is only one.
    pub fn only_shard(&self, home: ShardId) -> Option<ShardId> {
        match (self.local.requests.is_empty(), self.remote.as_slice()) {
            (false, []) => Some(home),
            (true, [one]) => Some(one.shard),
            _ => None,
        }
    }

    /// Notes a request of the local part.
    #[inline]
    pub fn push_local(&mut self, request: Request) {
        self.local.requests.push(request);
        if self.mixed {
            self.order.push(Source::Local);
        }
    }

    /// Not all of the flight is local from here on.
    fn mix(&mut self) {
        if !std::mem::replace(&mut self.mixed, true) {
            let local = self.local.requests.len();
            self.order.extend(std::iter::repeat_n(Source::Local, local));
        }
    }

    /// Notes a request that goes to another thread's shard.
    #[inline]
    pub fn push_remote(&mut self, shard: ShardId) {
        self.mix();
        let known = self.remote.iter().position(|part| part.shard == shard);
        let at = known.unwrap_or_else(|| {
            let waiting = Waiting::default();
            self.remote.push(RemotePart { shard, pending: 0, waiting, unrun: Batch::default() });
            self.remote.len() - 1
        });
        self.remote[at].pending += 1;
        self.order.push(Source::Remote(at as u16));
    }

    /// The buffer for a reply that the connection gives itself, behind what is in flight. To be
    /// followed by [`Flight::own_ended`].
    pub fn own_buffer(&mut self) -> &mut Vec<u8> {
        self.mix();
        &mut self.own.out
    }

    /// The connection's own reply is whole.
    pub fn own_ended(&mut self) {
        self.own.ends.push(self.own.out.len());
        self.order.push(Source::Own);
    }

    /// Begins a block.
    pub fn set_block(&mut self, block: BlockFlight) {
        self.block = Some(Box::new(block));
    }

    /// The local part or the block goes to a shard.
    #[inline]
    pub fn started(&mut self) {
        self.running = true;
    }

    /// Whether the local part still has requests to run.
    #[inline]
    pub fn local_unfinished(&self) -> bool {
        self.local.next < self.local.requests.len()
    }

    /// What the shard of the own thread is to run, where its replies go, and where their ends are
    /// noted: straight into `output` unless they have to wait for others.
    #[inline]
    pub fn sink<'a>(&'a mut self, output: &'a mut Vec<u8>) -> Sink<'a> {
        let Self { local, local_waiting, mixed, block, .. } = self;
        match block.as_deref_mut() {
            Some(BlockFlight { batch, waiting, mixed: true, .. }) => {
                Sink::Block(batch, &mut waiting.out, Some(&mut waiting.ends))
            }
            Some(block) => Sink::Block(&block.batch, output, None),
            None if *mixed => {
                Sink::Local(local, &mut local_waiting.out, Some(&mut local_waiting.ends))
            }
            None => Sink::Local(local, output, None),
        }
    }

    /// The local part stopped before this request.
    #[inline]
    pub fn local_stopped(&mut self, next: usize) {
        self.local.next = next;
        self.running = false;
    }

    /// Replies of another thread's shard: `ends` are relative to `out`; the requests in `unrun`
    /// (possibly none) have to be sent again later.
    pub fn remote_done(
        &mut self,
        shard: ShardId,
        out: &[u8],
        ends: impl Iterator<Item = usize>,
        answered: u32,
        unrun: Batch,
    ) {
        if let Some(part) = self.remote.iter_mut().find(|part| part.shard == shard) {
            part.waiting.add(out, ends);
            part.pending = part.pending.saturating_sub(answered + unrun.requests.len() as u32);
            part.unrun = unrun;
        }
    }

    /// A block came back from its shard.
    pub fn block_done(
        &mut self,
        batch: Batch,
        out: &[u8],
        ends: &[usize],
        next: usize,
        output: &mut Vec<u8>,
    ) {
        self.running = false;
        if let Some(block) = &mut self.block {
            block.batch = batch;
            block.next = next;
            if block.mixed {
                block.waiting.add(out, ends.iter().copied());
            } else {
                output.extend_from_slice(out);
            }
        }
    }

    /// The round of WATCH that a transaction would end which is not with another thread's shard.
    pub fn watch_unrun(&self) -> Option<EndedWatch> {
        let block = self.block.as_deref()?;
        match block.batch.requests.first() {
            Some(&Request::Exec { watch: Some(token), .. }) => {
                Some(EndedWatch { token, shards: block.shards })
            }
            _ => None,
        }
    }

    /// Requests of remote parts that came back unrun and may be sent again now.
    pub fn take_unrun(&mut self) -> Vec<(ShardId, Batch)> {
        let mut all = Vec::new();
        for part in &mut self.remote {
            if !part.unrun.requests.is_empty() {
                part.pending += part.unrun.requests.len() as u32;
                all.push((part.shard, std::mem::take(&mut part.unrun)));
            }
        }
        all
    }

    /// Puts replies in the client's order as far as they are there. Returns whether all are.
    #[inline]
    pub fn put_in_order(&mut self, output: &mut Vec<u8>) -> bool {
        if self.mixed { self.mix_in_order(output) } else { !self.local_unfinished() }
    }

    #[inline(never)]
    fn mix_in_order(&mut self, output: &mut Vec<u8>) -> bool {
        while let Some(source) = self.order.get(self.ordered) {
            let waiting = match source {
                Source::Own => &mut self.own,
                Source::Local => &mut self.local_waiting,
                Source::Remote(at) => &mut self.remote[*at as usize].waiting,
            };
            let Some(reply) = waiting.take() else { return false };
            output.extend_from_slice(reply);
            self.ordered += 1;
        }
        true
    }

    /// Bytes of replies that wait to be put in order.
    pub fn waiting_bytes(&self) -> usize {
        let remote: usize = self.remote.iter().map(|part| part.waiting.out.len()).sum();
        let block = self.block.as_ref().map_or(0, |block| block.waiting.out.len());
        self.own.out.len() + self.local_waiting.out.len() + remote + block
    }

    /// All is answered: ready for the next flight.
    #[inline]
    pub fn clear(&mut self) {
        self.local.keys.clear();
        self.local.requests.clear();
        self.local.next = 0;
        if self.mixed {
            self.mixed = false;
            self.order.clear();
            self.ordered = 0;
            self.remote.clear();
            self.own.clear();
            self.local_waiting.clear();
        }
        self.block = None;
    }
}

impl BlockFlight {
    /// A block of these requests, to run on `lead` with the partitions of `shards`.
    pub fn new(batch: Batch, shards: ShardSet, lead: ShardId) -> Self {
        Self {
            total: batch.requests.len(),
            batch,
            next: 0,
            local: false,
            kind: BlockKind::Requests,
            exec: None,
            mixed: false,
            command: None,
            call: None,
            shards,
            lead,
            waiter: None,
            waiting: Waiting::default(),
        }
    }

    /// A block without requests that is answered once.
    pub fn special(kind: BlockKind, command: CommandId, shards: ShardSet, lead: ShardId) -> Self {
        let alone = Self::new(Batch::default(), shards, lead);
        Self { total: 1, kind, command: Some(command), ..alone }
    }

    /// A command that may wait.
    pub fn waiting(waiter: Waiter, shards: ShardSet, lead: ShardId) -> Self {
        let alone = Self::new(Batch::default(), shards, lead);
        Self { total: 1, waiter: Some(waiter), ..alone }
    }

    /// A transaction.
    pub fn exec(mut exec: PlannedBlock, shards: ShardSet, lead: ShardId) -> Self {
        let batch = std::mem::take(&mut exec.batch);
        let mixed = !exec.session_items.is_empty();
        Self { mixed, exec: Some(exec), ..Self::new(batch, shards, lead) }
    }

    /// Requests of the server's own, whose replies nobody but the connection sees.
    pub fn own(batch: Batch, shards: ShardSet, lead: ShardId, local: bool) -> Self {
        Self { local, mixed: true, ..Self::new(batch, shards, lead) }
    }

    /// Whether all requests were run.
    pub fn is_finished(&self) -> bool {
        self.next >= self.total
    }

    /// The next reply of the block's shards, for a block with replies of the connection between.
    pub fn take_reply(&mut self) -> Option<&[u8]> {
        self.waiting.take()
    }
}
