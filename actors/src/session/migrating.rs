//! MIGRATE: keys are read in one block, sent by control to the other server, and removed in another
//! block, unless one of them has changed in between: then they are read and sent again. So no shard
//! waits for the network, and nobody sees a key that is neither here nor there.

use shardwright_codec::resp::{ArgRange, Args, Protocol, ReplyWriter, Value, parse_reply};
use shardwright_store::command::CommandId;
use shardwright_store::error::CommandError;
use shardwright_store::executor::Request;
use shardwright_store::types::UnixMillis;

use super::client::EndedWatch;
use super::flight::BlockFlight;
use super::transaction::{BlockRequests, Start};
use super::{Client, Env, Session, Want, after};
use crate::messages::Post;
use crate::migration::{Delivered, Item, ItemValue, Migration, Shipment};
use crate::registry::registry;

/// A migration under way.
#[derive(Debug)]
pub(super) struct Migrating {
    asked: Migration,
    /// MIGRATE, as it was called.
    command: CommandId,
    step: Step,
    /// Keys that have to be sent again are sent again until then, but at least [`ATTEMPTS`] times.
    until: UnixMillis,
    attempts: u32,
    /// Tells whether a key has changed since it was read.
    watch: Option<EndedWatch>,
    /// The reply, if something was refused.
    error: Option<CommandError>,
}

/// What comes next.
#[derive(Debug)]
enum Step {
    /// The keys are read.
    Read,
    /// Their values come back.
    Reading,
    /// They are sent, once they are durable.
    Send(Vec<Item>),
    /// The other server answers, for these keys.
    Sending(Vec<Vec<u8>>),
    /// What it has acknowledged is removed.
    Remove,
    /// Whether it was removed comes back.
    Removing,
    /// One of the keys had changed.
    Changed,
    /// The reply, if there is no error.
    Over(&'static str),
}

/// How often keys that change are sent at least.
const ATTEMPTS: u32 = 3;

const CHANGING: CommandError =
    CommandError::Text("IOERR error or timeout: a key changed whenever it had been sent");

impl Migrating {
    /// The round of WATCH that it would end.
    pub fn watch(self) -> Option<EndedWatch> {
        self.watch
    }

    /// Whether the keys are sent when they are durable.
    pub fn waits_for_log(&self) -> bool {
        matches!(self.step, Step::Send(_))
    }

    /// Takes what its block in flight has brought.
    pub fn came_back(&mut self, block: &mut BlockFlight) {
        let replies = std::iter::from_fn(|| block.take_reply().map(parse));
        let taken = match self.step {
            Step::Reading => self.take_values(replies),
            _ => self.take_removal(replies),
        };
        self.step = taken.unwrap_or_else(|error| {
            self.error = Some(error);
            Step::Over("")
        });
    }

    /// The values that were read: WATCH's reply, the length of the block, and two for each key.
    fn take_values(
        &mut self,
        mut replies: impl Iterator<Item = Result<Value, CommandError>>,
    ) -> Result<Step, CommandError> {
        let heads = if self.asked.copy { 1 } else { 2 };
        replies.by_ref().take(heads).try_for_each(|head| head.map(drop))?;
        let mut items = Vec::new();
        for key in &self.asked.keys {
            let value = match (replies.next().transpose()?, replies.next().transpose()?) {
                (Some(Value::Bulk(payload)), Some(Value::Int(ttl))) => {
                    let ttl = if ttl == -1 { 0 } else { ttl.max(1) };
                    Some(ItemValue { payload, ttl, replace: self.asked.replace })
                }
                // It has gone since it was sent.
                _ if self.attempts > 1 => None,
                _ => continue,
            };
            items.push(Item { key: key.clone(), value });
        }
        Ok(if items.is_empty() { Step::Over("NOKEY") } else { Step::Send(items) })
    }

    /// Whether the keys were removed: EXEC's reply, and DEL's.
    fn take_removal(
        &mut self,
        mut replies: impl Iterator<Item = Result<Value, CommandError>>,
    ) -> Result<Step, CommandError> {
        self.watch = None;
        match replies.next().transpose()? {
            Some(Value::NullArray) => Ok(Step::Changed),
            _ => replies.next().transpose().map(|_| Step::Over("OK")),
        }
    }
}

/// A reply of the own server.
fn parse(reply: &[u8]) -> Result<Value, CommandError> {
    // EXEC's is only the length of an array, whose elements come for themselves.
    if reply.starts_with(b"*") && !reply.starts_with(b"*-1") {
        return Ok(Value::Array(Vec::new()));
    }
    match parse_reply(reply) {
        Ok(Some((Value::Error(text), _))) => Err(CommandError::Quoting(text)),
        Ok(Some((value, _))) => Ok(value),
        Ok(None) | Err(_) => Err(CommandError::Text("ERR a key could not be read")),
    }
}

impl Session {
    /// Begins to migrate: what follows on the connection waits.
    pub(super) fn begin_migration(
        &mut self,
        command: CommandId,
        asked: Migration,
        now: UnixMillis,
    ) {
        let patience = u64::try_from(asked.target.patience.as_millis()).unwrap_or(u64::MAX);
        self.migrating = Some(Box::new(Migrating {
            until: after(now, patience),
            asked,
            command,
            step: Step::Read,
            attempts: 0,
            watch: None,
            error: None,
        }));
    }

    /// The other server has answered.
    pub fn shipped(&mut self, delivered: Delivered) {
        let Some(migrating) = &mut self.migrating else { return };
        let Step::Sending(keys) = std::mem::replace(&mut migrating.step, Step::Over("OK")) else {
            return;
        };
        if migrating.error.is_none() {
            migrating.error = delivered.error;
        }
        let accepted = keys.into_iter().zip(delivered.accepted);
        let accepted: Vec<_> = accepted.filter(|(_, accepted)| *accepted).collect();
        if !migrating.asked.copy && !accepted.is_empty() {
            migrating.asked.keys = accepted.into_iter().map(|(key, _)| key).collect();
            migrating.step = Step::Remove;
        }
    }

    /// Goes on with a migration while nothing else is in flight. Tells what the session waits for,
    /// if it is not over.
    #[inline(never)]
    pub(super) fn migrate<P: Post>(
        &mut self,
        mut migrating: Box<Migrating>,
        env: &mut Env<'_, P>,
    ) -> Option<Want> {
        let block = match &mut migrating.step {
            Step::Read => {
                migrating.attempts += 1;
                migrating.step = Step::Reading;
                reading(&mut migrating, &self.client, env)
            }
            Step::Remove => {
                migrating.step = Step::Removing;
                removing(&migrating, &self.client, env)
            }
            Step::Send(items) => {
                if self.is_durable(env) {
                    let items = std::mem::take(items);
                    let keys = items.iter().map(|item| item.key.clone()).collect();
                    let target = migrating.asked.target.clone();
                    migrating.step = Step::Sending(keys);
                    env.server.ship(Shipment { conn: self.id, target, items });
                }
                self.migrating = Some(migrating);
                return Some(Want::Answers);
            }
            Step::Changed if migrating.attempts < ATTEMPTS || env.now < migrating.until => {
                migrating.asked.replace = true;
                migrating.step = Step::Read;
                return self.migrate(migrating, env);
            }
            Step::Changed => {
                migrating.error = Some(CHANGING);
                return self.end_migration(*migrating, "", env);
            }
            Step::Over(reply) => {
                let reply = *reply;
                return self.end_migration(*migrating, reply, env);
            }
            Step::Reading | Step::Sending(_) | Step::Removing => {
                self.migrating = Some(migrating);
                return Some(Want::Answers);
            }
        };
        self.migrating = Some(migrating);
        self.flight.set_block(block);
        self.send_block(env);
        Some(Want::Answers)
    }

    /// Whether all that the connection has seen is durable, or need not be. Otherwise it is called
    /// when the log is durable further.
    fn is_durable<P: Post>(&mut self, env: &mut Env<'_, P>) -> bool {
        let log = &env.server.durability;
        if !log.is_gated() || self.gate.opens(log) {
            return true;
        }
        env.post.wait_for_log(self.id);
        // It may have become durable just before somebody knew that this session waits.
        self.gate.opens(log)
    }

    /// Answers, with the error if there was one.
    fn end_migration<P: Post>(
        &mut self,
        migrating: Migrating,
        reply: &str,
        env: &mut Env<'_, P>,
    ) -> Option<Want> {
        let Migrating { command, watch, error, .. } = migrating;
        self.client.ended_watches.extend(watch);
        self.tell_ended_watches(env.post);
        let mut out = ReplyWriter::new(self.output.buffer(), self.client.protocol);
        match error {
            Some(error) => {
                let text = error.text();
                env.stats.failed(command, &text);
                out.error(&text);
            }
            None => out.simple(reply),
        }
        self.end_mute();
        None
    }
}

/// Reads the keys, all at one moment, and watches them if they are to be removed.
fn reading<P: Post>(migrating: &mut Migrating, client: &Client, env: &Env<'_, P>) -> BlockFlight {
    let mut block = BlockRequests::new(env.server.router());
    let keys: Vec<&[u8]> = migrating.asked.keys.iter().map(Vec::as_slice).collect();
    let watch = (!migrating.asked.copy).then(|| env.server.next_watch());
    if watch.is_some() {
        push(&mut block, client, "watch", &keys, watch);
    }
    let protocol = Protocol::Resp2;
    let count = (keys.len() * 2) as u32;
    block.batch.requests.push(Request::Exec { count, replies: count, watch: None, protocol });
    for key in &keys {
        push(&mut block, client, "dump", &[*key], None);
        push(&mut block, client, "pttl", &[*key], None);
    }
    migrating.watch = watch.map(|token| EndedWatch { token, shards: block.shards });
    own_block(block, env)
}

/// Removes the keys, unless one of them has changed.
fn removing<P: Post>(migrating: &Migrating, client: &Client, env: &Env<'_, P>) -> BlockFlight {
    let mut block = BlockRequests::new(env.server.router());
    let watch = migrating.watch.as_ref().map(|watch| watch.token);
    let protocol = Protocol::Resp2;
    block.batch.requests.push(Request::Exec { count: 1, replies: 1, watch, protocol });
    let keys: Vec<&[u8]> = migrating.asked.keys.iter().map(Vec::as_slice).collect();
    push(&mut block, client, "del", &keys, None);
    if let Some(watch) = &migrating.watch {
        block.shards.extend(&watch.shards);
    }
    own_block(block, env)
}

fn own_block<P: Post>(block: BlockRequests<'_>, env: &Env<'_, P>) -> BlockFlight {
    let BlockRequests { batch, mut shards, first_shard, .. } = block;
    let lead = first_shard.unwrap_or(env.home);
    shards.insert(lead);
    BlockFlight::own(batch, shards, lead, shards.only() == Some(env.home))
}

/// Adds a command on keys that the server gives itself.
fn push(
    block: &mut BlockRequests<'_>,
    client: &Client,
    name: &'static str,
    keys: &[&[u8]],
    watch: Option<shardwright_store::watch::WatchToken>,
) {
    let Some(entry) = registry().find(name.as_bytes()) else { return };
    let words = std::iter::once(name.as_bytes()).chain(keys.iter().copied());
    let mut start = 0;
    let range = |word: &[u8]| {
        let range = ArgRange { start, len: word.len() as u32 };
        start += range.len;
        range
    };
    let ranges: Vec<ArgRange> = words.clone().map(range).collect();
    let data: Vec<u8> = words.flatten().copied().collect();
    let args = Args::new(&data, &ranges);
    let start = Start { db: client.db, protocol: Protocol::Resp2, no_touch: true };
    if let Some(handler) = entry.data_handler(args) {
        block.push(entry, handler, args, start, watch);
        if let Some(Request::Command(planned)) = block.batch.requests.last_mut() {
            planned.id = CommandId::OWN;
        }
    }
}
