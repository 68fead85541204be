//! Clients that watch the order in which commands of one pipeline take effect: a writer sets the
//! same number to many keys, an observer reads all of them at one moment, in reverse.

use std::cell::RefCell;
use std::rc::Rc;

use shardwright_store::types::ShardId;
use shardwright_tests::{Reply, Rng};

use super::super::fault::{Check, Failure};
use super::super::program::{Pipeline, Program, Span};

/// One command of the writer's pipeline.
#[derive(Debug, Clone)]
enum Write {
    /// SET of one key.
    One(usize),
    /// MSET of several keys.
    Wide(Vec<usize>),
    /// A transaction.
    Block(Vec<usize>),
}

impl Write {
    fn keys(&self) -> &[usize] {
        match self {
            Self::One(key) => std::slice::from_ref(key),
            Self::Wide(keys) | Self::Block(keys) => keys,
        }
    }
}

/// The writer's pipeline, and what may be seen of it.
#[derive(Debug)]
pub struct Plan {
    writes: Vec<Write>,
    keys: Vec<String>,
    /// For each key, the position of its write and the only shard that this needs, if it is one.
    places: Vec<(usize, Option<ShardId>)>,
    is_strict: bool,
}

/// Keys of the pipeline.
const KEYS: usize = 9;

impl Plan {
    /// A pipeline chosen by chance, all of whose commands are for one key if `is_plain`.
    pub fn new(
        rng: &mut Rng,
        is_strict: bool,
        is_plain: bool,
        shard_of: impl Fn(&str) -> ShardId,
    ) -> Self {
        let base = rng.below(10_000);
        let keys: Vec<String> = (0..KEYS).map(|key| format!("o:{}", base + key)).collect();
        let mut writes = Vec::new();
        let mut next = 0;
        while next < KEYS {
            let several: Vec<usize> = (next..KEYS.min(next + 2 + rng.below(2))).collect();
            let write = match rng.below(4) {
                0 if !is_plain => Write::Wide(several),
                1 if !is_plain => Write::Block(several),
                _ => Write::One(next),
            };
            next += write.keys().len();
            writes.push(write);
        }
        let mut places = Vec::new();
        for (position, write) in writes.iter().enumerate() {
            let mut shards = write.keys().iter().map(|&key| shard_of(&keys[key]));
            let first = shards.next();
            let only = first.filter(|&first| shards.all(|shard| shard == first));
            places.extend(write.keys().iter().map(|_| (position, only)));
        }
        Self { writes, keys, places, is_strict }
    }

    fn pipeline(&self, round: i64) -> Pipeline {
        let mut pipeline = Pipeline::default();
        let pairs = |keys: &[usize]| -> Vec<String> {
            keys.iter().map(|&key| format!("{} {round}", self.keys[key])).collect()
        };
        for write in &self.writes {
            match write {
                Write::One(key) => pipeline.line(&format!("SET {} {round}", self.keys[*key])),
                Write::Wide(keys) => pipeline.line(&format!("MSET {}", pairs(keys).join(" "))),
                Write::Block(keys) => {
                    pipeline.line("MULTI");
                    pairs(keys).iter().for_each(|pair| pipeline.line(&format!("SET {pair}")));
                    pipeline.line("EXEC");
                }
            }
        }
        pipeline
    }

    /// Whether the write of one key may never be seen without that of an earlier one.
    fn is_ordered(&self, earlier: usize, later: usize) -> bool {
        let (from, first) = self.places[earlier];
        let (to, second) = self.places[later];
        let is_wide = |position: usize| self.shard_at(position).is_none();
        self.is_strict || first == second || (from..=to).any(is_wide)
    }

    /// The only shard that the command at this position needs.
    fn shard_at(&self, position: usize) -> Option<ShardId> {
        self.places.iter().find(|(at, _)| *at == position).and_then(|(_, shard)| *shard)
    }

    /// Checks values of all keys at one moment; tells whether a write has overtaken another that it
    /// may overtake.
    fn judge(&self, values: &[i64]) -> Result<bool, Failure> {
        let mut overtook = false;
        for later in 0..KEYS {
            for earlier in 0..later {
                let is_one = self.places[earlier].0 == self.places[later].0;
                let is_torn = is_one && values[earlier] != values[later];
                if values[earlier] >= values[later] && !is_torn {
                    continue;
                }
                if is_torn || self.is_ordered(earlier, later) {
                    let text = format!("{values:?} at one moment, written by {:?}", self.writes);
                    return Err(Failure::new(Check::Order, text));
                }
                overtook = true;
            }
        }
        Ok(overtook)
    }
}

/// Writes.
pub struct Writer {
    plan: Rc<Plan>,
    round: i64,
    rounds: i64,
}

impl Writer {
    /// Writes the plan so many times.
    pub fn new(plan: Rc<Plan>, rounds: i64) -> Self {
        Self { plan, round: 0, rounds }
    }
}

impl Program for Writer {
    fn next(&mut self, _: &mut Rng) -> Option<Pipeline> {
        self.round += 1;
        (self.round <= self.rounds).then(|| self.plan.pipeline(self.round))
    }

    fn answered(&mut self, replies: Vec<Reply>, _: Span) -> Result<(), Failure> {
        match replies.iter().find_map(Reply::error) {
            Some(error) => Err(Failure::new(Check::Reply, error)),
            None => Ok(()),
        }
    }

    fn window(&self) -> usize {
        2
    }
}

/// Reads and judges.
pub struct Observer {
    plan: Rc<Plan>,
    left: usize,
    overtaken: Rc<RefCell<usize>>,
}

impl Observer {
    /// Reads so many times; counts in `overtaken` how often a write had overtaken another.
    pub fn new(plan: Rc<Plan>, reads: usize, overtaken: Rc<RefCell<usize>>) -> Self {
        Self { plan, left: reads, overtaken }
    }
}

impl Program for Observer {
    fn next(&mut self, _: &mut Rng) -> Option<Pipeline> {
        self.left = self.left.checked_sub(1)?;
        let mut pipeline = Pipeline::default();
        let keys: Vec<&str> = self.plan.keys.iter().rev().map(String::as_str).collect();
        pipeline.line(&format!("MGET {}", keys.join(" ")));
        Some(pipeline)
    }

    fn answered(&mut self, replies: Vec<Reply>, _: Span) -> Result<(), Failure> {
        let value = |reply: &Reply| match reply {
            Reply::Null => 0,
            other => other.text().parse().unwrap(),
        };
        let values: Vec<i64> = replies[0].items().iter().rev().map(value).collect();
        if self.plan.judge(&values)? {
            *self.overtaken.borrow_mut() += 1;
        }
        Ok(())
    }
}
