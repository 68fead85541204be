//! Watches waits for keys: who stands in line for what since when, and who is served. Of the same
//! turn all may be known at once, so what is judged here is judged exactly: nobody is served before
//! somebody who came earlier to the same key, nobody who has gone is served at all, and what is
//! given is noted in the moment in which it leaves the data. Where a transaction makes several keys
//! ready, [`super::forecast`] says who has to be served of which.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use shardwright_actors::messages::{Block, BlockDone, ConnId};
use shardwright_store::blocking::{Claim, Waiter};
use shardwright_store::command::{Handler, Patience};
use shardwright_store::executor::{Batch, Planned, Request};
use shardwright_store::types::UnixMillis;
use shardwright_tests::Reply;

use super::fault::{Check, Failure};
use super::forecast::{Forecast, Telling};
use super::world::Seen;

/// What a wait is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An element of a list.
    List,
    /// A member of a sorted set.
    SortedSet,
    /// Entries of a stream.
    Stream,
}

/// Who reads a stream for a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The group.
    pub group: String,
    /// The consumer.
    pub consumer: String,
    /// What it gets is not pending.
    pub noack: bool,
}

/// What somebody got of a stream who waited for it, or found it at once.
pub struct Read {
    /// Who.
    pub conn: ConnId,
    /// For whom, unless for itself.
    pub member: Option<Member>,
    /// The stream.
    pub key: String,
    /// The entries, by their IDs.
    pub entries: Vec<Entry>,
}

/// An entry of a stream: its ID and its element.
pub type Entry = (String, String);

/// A wait that nobody has ended, or a shard just has.
pub struct Wait {
    /// Whose it is.
    pub conn: ConnId,
    /// Keys that it is for.
    pub keys: Vec<String>,
    /// What it is for.
    pub kind: Kind,
    /// For whom it reads a stream, unless for itself.
    pub member: Option<Member>,
    /// Behind which ID it reads each stream, as it said.
    pub behind: Vec<String>,
    /// Most elements that it takes.
    pub most: usize,
    claim: Arc<Claim>,
    /// What it gets stays in the data.
    moves: bool,
    /// When it is over, if it ever is.
    until: Option<UnixMillis>,
    /// Several shards know of it.
    is_apart: bool,
    /// Its place among all who wait, once it does.
    place: Option<u64>,
    is_retried: bool,
}

/// Somebody who was served in this turn.
struct Service {
    key: String,
    kind: Kind,
    group: Option<String>,
    place: u64,
}

/// The watch over waits.
#[derive(Default)]
pub struct Waits {
    /// The time.
    pub now: UnixMillis,
    open: Vec<Wait>,
    places: u64,
    gone: HashSet<ConnId>,
    /// In this turn, in order.
    served: Vec<Service>,
    /// All elements that left the data for somebody who waited for them, or found them at once.
    pub given: Vec<(ConnId, String)>,
    /// All that was read of streams by such.
    pub reads: Vec<Read>,
    /// Who has to be served by transactions, where that is foretold.
    pub forecast: Option<Rc<Forecast>>,
    telling: Telling,
    seen: Seen,
}

/// The only command of a batch and its words.
fn command(batch: &Batch) -> Option<(&Planned, Vec<String>)> {
    let Some(Request::Command(planned)) = batch.requests.first() else { return None };
    let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    Some((planned, batch.view().arguments(planned).iter().map(text).collect()))
}

/// What stands behind this word.
fn behind<'a>(words: &'a [String], word: &str) -> Option<&'a [String]> {
    let at = words.iter().position(|other| other == word)?;
    words.get(at + 1..)
}

fn member(words: &[String]) -> Option<Member> {
    let [group, consumer, ..] = behind(words, "GROUP")? else { return None };
    let noack = behind(words, "NOACK").is_some();
    Some(Member { group: group.clone(), consumer: consumer.clone(), noack })
}

impl Wait {
    fn new(waiter: &Waiter, is_apart: bool, now: UnixMillis) -> Option<Self> {
        let (planned, words) = command(&waiter.batch)?;
        let Handler::Block(blocking) = planned.handler else { return None };
        let args = waiter.batch.view().arguments(planned);
        let count = if blocking.moves { 1 } else { planned.key_count };
        let range = planned.first_key as usize..(planned.first_key + count) as usize;
        let keys = waiter.batch.keys[range].iter();
        let (kind, behind_all) = match words[0].to_uppercase().as_str() {
            "XREAD" | "XREADGROUP" => (Kind::Stream, usize::MAX),
            name if name.starts_with("BZ") => (Kind::SortedSet, 1),
            _ => (Kind::List, 1),
        };
        let streams = behind(&words, "STREAMS").unwrap_or_default();
        Some(Self {
            conn: waiter.claim.owner.into(),
            keys: keys.map(|key| words[(key.arg - planned.first_arg) as usize].clone()).collect(),
            kind,
            member: member(&words),
            behind: streams[streams.len() / 2..].to_vec(),
            most: match behind(&words, "COUNT") {
                Some([count, ..]) => count.parse().ok()?,
                _ => behind_all,
            },
            claim: Arc::clone(&waiter.claim),
            moves: blocking.moves,
            until: match (blocking.patience)(args) {
                Ok(Patience::Millis(ms)) => Some(UnixMillis(now.0 + ms as i64)),
                _ => None,
            },
            is_apart,
            place: None,
            is_retried: false,
        })
    }

    /// Its number, which no other wait has.
    pub fn number(&self) -> u64 {
        self.claim.number
    }

    /// Its place among all who wait, once it has one.
    pub fn place(&self) -> Option<u64> {
        self.place
    }

    /// Whether it waits, without a place yet.
    pub fn is_new_here(&self) -> bool {
        self.place.is_none() && !self.claim.is_new()
    }

    /// Whether what one gets of a key is lost for the other.
    fn competes(&self, other: &Self) -> bool {
        let group = |wait: &Self| wait.member.as_ref().map(|member| member.group.clone());
        self.kind == other.kind
            && (self.kind != Kind::Stream || self.member.is_some() && group(self) == group(other))
    }

    /// When it is over, if it ever is.
    pub fn until(&self) -> Option<UnixMillis> {
        self.until
    }
}

/// The key that a reply names and the elements that it gives.
pub fn given(reply: &Reply) -> Option<(String, Vec<String>)> {
    let Reply::Array(items) = reply else { return None };
    // BZMPOP: each with its score.
    let element = |element: &Reply| match element {
        Reply::Array(pair) => pair[0].text(),
        element => element.text(),
    };
    let elements = match &items[1] {
        // BLMPOP: a list of elements.
        Reply::Array(elements) => elements.iter().map(element).collect(),
        element => vec![element.text()],
    };
    Some((items[0].text(), elements))
}

/// The streams that a reply gives, with their entries.
pub fn streams(reply: &Reply) -> Vec<(String, Vec<Entry>)> {
    let pairs: Vec<&Reply> = match reply {
        Reply::Map(pairs) => pairs.iter().collect(),
        Reply::Array(streams) => streams.iter().flat_map(|stream| stream.items()).collect(),
        _ => Vec::new(),
    };
    pairs.chunks(2).map(|pair| (pair[0].text(), entries(pair[1]))).collect()
}

/// The entries that a reply lists.
pub fn entries(reply: &Reply) -> Vec<Entry> {
    let entry = |entry: &Reply| (entry.items()[0].text(), entry.items()[1].items()[1].text());
    reply.items().iter().map(entry).collect()
}

/// What those are told who read a stream for a group, when one of these has gone.
const GONE: [&str; 2] = [
    "UNBLOCKED the stream key no longer exists",
    "NOGROUP the consumer group this client was blocked on no longer exists",
];

fn failed<T>(check: Check, text: String) -> Result<T, Failure> {
    Err(Failure::new(check, text))
}

impl Waits {
    /// A block with this command is made: for the first time, or since it has to be served by one.
    pub fn block(&mut self, block: &Block) {
        let Some(waiter) = &block.waiter else { return };
        let number = waiter.claim.number;
        if let Some(wait) = self.open.iter_mut().find(|wait| wait.claim.number == number) {
            wait.is_retried = true;
            self.seen.retries += 1;
        } else {
            self.open.extend(Wait::new(waiter, block.shards.len() > 1, self.now));
        }
    }

    /// A connection has gone.
    pub fn gone(&mut self, conn: ConnId) {
        self.gone.insert(conn);
    }

    /// A shard's turn begins: nobody is being served.
    pub fn begin_turn(&mut self) {
        self.served.clear();
    }

    /// Looks who has ended a wait, if not a shard.
    pub fn end(&mut self) -> Result<(), Failure> {
        for wait in self.open.extract_if(.., |wait| !wait.claim.is_open()) {
            if self.gone.contains(&wait.conn) {
                self.seen.cuts += 1;
            } else if wait.claim.unblocked().is_some() {
                self.seen.unblocked += 1;
            } else if wait.place.is_some() && wait.until.is_some_and(|until| until <= self.now) {
                // It was tried once, and waited as long as it said.
                self.seen.timeouts += 1;
            } else {
                let (Wait { conn, keys, until, .. }, now) = (wait, self.now);
                let text =
                    format!("a wait of {conn:?} for {keys:?} until {until:?} ended at {now:?}");
                return failed(Check::Reply, text);
            }
        }
        Ok(())
    }

    /// A shard's turn is over: who waits now and did not before has a place behind all others. Gives
    /// what happened since the last time.
    ///
    /// # Errors
    /// Somebody was not served who had to be.
    pub fn end_turn(&mut self) -> Result<Seen, Failure> {
        self.telling.end()?;
        for wait in &mut self.open {
            if wait.place.is_none() && wait.claim.is_waiting() {
                wait.place = Some(self.places);
                self.places += 1;
            }
        }
        Ok(std::mem::take(&mut self.seen))
    }

    /// A shard answers a command that may wait, out of the data as it is now.
    pub fn answered(&mut self, done: &BlockDone) -> Result<(), Failure> {
        let conn = done.conn;
        let reply = Reply::parse(&done.out);
        if self.gone.contains(&conn) {
            return failed(Check::Delivery, format!("{conn:?} has gone and gets {reply:?}"));
        }
        let is_it = |wait: &Wait| wait.conn == conn && !wait.claim.is_open();
        let Some(at) = self.open.iter().position(is_it) else {
            return failed(Check::Delivery, format!("{conn:?} does not wait and gets {reply:?}"));
        };
        if let Some(forecast) = &self.forecast {
            self.telling.answered(forecast, &self.open, &self.open[at], &reply)?;
        }
        let wait = self.open.remove(at);
        let is_error = reply.error().is_some();
        let served = match (wait.moves, wait.kind) {
            (true, _) if !is_error => vec![wait.keys[0].clone()],
            (false, Kind::Stream) => self.note_streams(&wait, &reply)?,
            (false, _) => {
                let (keys, elements): (Vec<_>, Vec<_>) = given(&reply).into_iter().unzip();
                let elements = elements.into_iter().flatten();
                self.given.extend(elements.map(|element| (conn, element)));
                keys
            }
            _ => Vec::new(),
        };
        for key in &served {
            self.judge(&wait, key)?;
            // What a command leaves to those behind it is told before its own answer.
            if done.shards.is_empty() {
                self.judge_turn(&wait, key)?;
            }
        }
        if wait.place.is_some() && !served.is_empty() {
            self.seen.served += 1;
            self.seen.served_apart += usize::from(wait.is_apart && done.sequences.len() == 1);
            self.seen.served_retried += usize::from(wait.is_retried);
        }
        Ok(())
    }

    /// Notes what is read of streams. Gives their keys.
    fn note_streams(&mut self, wait: &Wait, reply: &Reply) -> Result<Vec<String>, Failure> {
        let wrong = || failed(Check::Reply, format!("{:?} gets {reply:?}", wait.conn));
        let waited = wait.place.is_some();
        if let Some(error) = reply.error() {
            let is_told = GONE.iter().any(|text| error.starts_with(text));
            let is_right = match (waited, &wait.member) {
                (true, member) => member.is_some() && is_told,
                (false, Some(_)) => error.starts_with("NOGROUP") || error.starts_with("WRONGTYPE"),
                (false, None) => error.starts_with("WRONGTYPE"),
            };
            // Of the same turn it is not known whether it waited.
            return if is_right || is_told && wait.member.is_some() {
                Ok(Vec::new())
            } else {
                wrong()
            };
        }
        let streams = streams(reply);
        let is_empty = streams.iter().any(|(_, entries)| entries.is_empty());
        if streams.is_empty() || is_empty || waited && streams.len() > 1 {
            return wrong();
        }
        let keys = streams.iter().map(|(key, _)| key.clone()).collect();
        self.reads.extend(streams.into_iter().map(|(key, entries)| Read {
            conn: wait.conn,
            member: wait.member.clone(),
            key,
            entries,
        }));
        Ok(keys)
    }

    /// Whether somebody who is served from this key has overtaken another.
    fn judge(&self, wait: &Wait, key: &str) -> Result<(), Failure> {
        let place = wait.place.unwrap_or(u64::MAX);
        let is_before = |other: &&Wait| {
            let is_same = other.competes(wait) && other.keys.iter().any(|name| name == key);
            is_same && other.claim.is_open() && other.place.is_some_and(|other| other < place)
        };
        if let Some(other) = self.open.iter().find(is_before) {
            let (conn, before) = (wait.conn, other.conn);
            return failed(Check::Line, format!("{conn:?} got of {key} before {before:?}"));
        }
        Ok(())
    }

    /// Whether those who are served from this key in this turn are so in the order of their places.
    fn judge_turn(&mut self, wait: &Wait, key: &str) -> Result<(), Failure> {
        let Some(place) = wait.place else { return Ok(()) };
        let group = wait.member.as_ref().map(|member| member.group.clone());
        if wait.kind == Kind::Stream && group.is_none() {
            // Who reads a stream for itself takes nothing from others.
            return Ok(());
        }
        let is_behind = |service: &Service| {
            let is_same = service.kind == wait.kind && service.group == group;
            service.key == key && is_same && service.place > place
        };
        if self.served.iter().any(is_behind) {
            return failed(Check::Line, format!("{:?} got of {key} in the wrong order", wait.conn));
        }
        self.served.push(Service { key: key.into(), kind: wait.kind, group, place });
        Ok(())
    }

    /// Those who wait.
    pub fn open(&self) -> impl Iterator<Item = &Wait> + Clone {
        self.open.iter().filter(|wait| wait.claim.is_open())
    }
}

/// Makes a block for each key of a command that waits for several, with a claim of its own.
pub fn claim_of_each_key(block: Block, waits: &mut Waits) -> Vec<Block> {
    let Some(waiter) = &block.waiter else { return vec![block] };
    let Some(Request::Command(planned)) = waiter.batch.requests.first() else { return vec![block] };
    if matches!(planned.handler, Handler::Block(blocking) if blocking.moves) {
        return vec![block];
    }
    let mut of_key = |at: u32| {
        let mut batch = Batch::default();
        batch.push_copy(waiter.batch.view(), planned);
        if let Some(Request::Command(planned)) = batch.requests.first_mut() {
            (planned.first_key, planned.key_count) = (planned.first_key + at, 1);
        }
        let Claim { number, owner, .. } = *waiter.claim;
        let claim = match at {
            0 => Arc::clone(&waiter.claim),
            // No other has such a number.
            _ => Arc::new(Claim::new((u64::from(at) << 32) | number, owner)),
        };
        let waiter = Waiter { claim, batch: Arc::new(batch), ..waiter.clone() };
        let block = Block::waiting(waiter, block.shards, block.lead);
        if at > 0 {
            waits.block(&block);
        }
        block
    };
    (0..planned.key_count).map(&mut of_key).collect()
}
