//! What leaves a thread together, once a loop turn. Parcels, on their way out and back: what the
//! connections of one thread want from another thread's shard travels in one, and is taken apart
//! when it is answered. Rounds: blocks that need some of the same shards are lent those once. Plain
//! structs: no mailbox, no runtime.

use shardwright_store::executor::{Batch, BatchView, Planned, Request};
use shardwright_store::types::{Sequence, ShardId};
use shardwright_store::watch::WatchToken;

use crate::messages::{
    Block, BlockKind, ConnId, Parcel, ParcelDone, PartHeader, Round, begun_watches,
};
use crate::shard::core::TURN_BYTES;

/// Emptied parcels that a thread keeps for later.
const SPARE_PARCELS: usize = 8;

/// Most requests and keys that share a round of lending, unless one block has more: bounds the time
/// for which shards are away to about half a millisecond.
const ROUND_WEIGHT: usize = 4096;

/// One thread's outboxes: one for each shard, and one for blocks.
#[derive(Debug)]
pub struct Outboxes {
    parcels: Vec<Parcel>,
    rounds: Vec<Round>,
    flush_asked: bool,
    spare: Vec<Parcel>,
}

impl Outboxes {
    /// Empty outboxes for so many shards.
    pub fn new(shards: usize) -> Self {
        Self {
            parcels: std::iter::repeat_with(Parcel::default).take(shards).collect(),
            rounds: Vec::new(),
            flush_asked: false,
            spare: Vec::new(),
        }
    }

    /// Adds a command of a connection. Returns whether the gateway has to be asked to send the
    /// outboxes, since nobody has asked it in this loop turn.
    pub fn push(
        &mut self,
        conn: ConnId,
        shard: ShardId,
        batch: BatchView<'_>,
        request: &Planned,
    ) -> bool {
        let Some(parcel) = self.parcels.get_mut(shard.0 as usize) else { return false };
        parcel.batch.push_copy(batch, request);
        let end = parcel.batch.requests.len();
        match parcel.parts.last_mut() {
            Some(part) if part.conn == conn => part.end = end,
            _ => parcel.parts.push(PartHeader { conn, end }),
        }
        !std::mem::replace(&mut self.flush_asked, true)
    }

    /// Adds a block. Returns whether the gateway has to be asked, as [`Outboxes::push`].
    pub fn push_block(&mut self, block: Block) -> bool {
        let weight = block.weight();
        let open = self.rounds.iter_mut().find(|round| {
            // What is answered by somebody else and later stays alone.
            let alone = |block: &Block| block.kind != BlockKind::Requests;
            !alone(&block)
                && !round.blocks.first().is_some_and(alone)
                && round.weight + weight <= ROUND_WEIGHT
                && round.shards.intersects(&block.shards)
        });
        match open {
            Some(round) => round.push(block),
            None => self.rounds.push(Round::of(block)),
        }
        !std::mem::replace(&mut self.flush_asked, true)
    }

    /// Takes the rounds. To be followed by [`Outboxes::take_full`].
    pub fn take_rounds(&mut self) -> Vec<Round> {
        std::mem::take(&mut self.rounds)
    }

    /// Takes every outbox for a shard that has something.
    pub fn take_full(&mut self) -> impl Iterator<Item = (ShardId, Parcel)> {
        let Self { parcels, flush_asked, spare, .. } = self;
        *flush_asked = false;
        parcels.iter_mut().enumerate().filter(|(_, parcel)| !parcel.parts.is_empty()).map(
            |(peer, parcel)| {
                let full = std::mem::replace(parcel, spare.pop().unwrap_or_default());
                (ShardId(peer as u16), full)
            },
        )
    }

    /// Keeps an answered parcel's memory for another one.
    pub fn give_back(&mut self, mut parcel: Parcel) {
        parcel.parts.clear();
        parcel.batch.clear();
        if self.spare.len() < SPARE_PARCELS && parcel.batch.data.capacity() <= TURN_BYTES {
            self.spare.push(parcel);
        }
    }

    /// Whether nothing waits to be sent.
    pub fn is_empty(&self) -> bool {
        self.rounds.is_empty() && self.parcels.iter().all(|parcel| parcel.parts.is_empty())
    }
}

/// What came back for one connection.
#[derive(Debug)]
pub struct Answered<'a> {
    /// Whose it is.
    pub conn: ConnId,
    /// The shard that answers.
    pub shard: ShardId,
    /// Replies, one behind the other.
    pub out: &'a [u8],
    /// Where each ends, counted from where `base` is in the parcel's replies.
    ends: &'a [usize],
    base: usize,
    /// The requests that were run.
    ran: &'a [Request],
    /// Requests that were not, to be sent again.
    pub unrun: Batch,
    /// The newest effect of the shard's partition behind the parcel.
    pub sequence: Sequence,
}

impl Answered<'_> {
    /// Where each reply ends in [`Answered::out`].
    pub fn ends(&self) -> impl Iterator<Item = usize> {
        let base = self.base;
        self.ends.iter().map(move |end| end - base)
    }

    /// Number of requests that were run.
    pub fn count(&self) -> u32 {
        self.ran.len() as u32
    }

    /// Rounds of WATCH that began. Whoever finds the connection gone has to end them: when it went,
    /// they had not begun.
    pub fn begun_watches(&self) -> impl Iterator<Item = WatchToken> {
        begun_watches(self.ran)
    }
}

impl ParcelDone {
    /// The answers, one for each part of the parcel, in order.
    pub fn answers(&self) -> impl Iterator<Item = Answered<'_>> {
        let mut begin = 0;
        let mut answered = 0;
        self.parcel.parts.iter().zip(&self.done).map(move |(header, &count)| {
            let count = count as usize;
            let ends = self.ends.get(answered..answered + count).unwrap_or_default();
            let base = answered.checked_sub(1).map_or(0, |last| self.ends[last]);
            let end = ends.last().copied().unwrap_or(base);
            let (ran, rest) = self.parcel.batch.requests[begin..header.end].split_at(count);
            let mut unrun = Batch::default();
            for request in rest {
                if let Request::Command(planned) = request {
                    unrun.push_copy(self.parcel.batch.view(), planned);
                }
            }
            begin = header.end;
            answered += count;
            let out = &self.out[base..end];
            let (conn, shard, sequence) = (header.conn, self.shard, self.sequence);
            Answered { conn, shard, out, ends, base, ran, unrun, sequence }
        })
    }
}
