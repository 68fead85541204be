//! What commands know and change of their connection.

use std::sync::Arc;

use shardwright_codec::resp::Protocol;
use shardwright_store::command::Handler;
use shardwright_store::executor::Planned;
use shardwright_store::types::{DbIndex, UnixMillis};
use shardwright_store::watch::WatchToken;

use super::transaction::Transaction;
use super::wait::LogWait;
use crate::clients::ClientInfo;
use crate::messages::BlockKind;
use crate::migration::Migration;
use crate::pubsub::{PubSub, Subscriptions};
use crate::registry::Entry;
use crate::server::Server;
use crate::shards::ShardSet;

/// Whether replies are sent (CLIENT REPLY).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyMode {
    /// They are.
    On,
    /// They are not.
    Off,
    /// This command's is not.
    Skip,
    /// The next command's is not.
    SkipNext,
}

/// A round of WATCH that ended otherwise than by EXEC: its shards have to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedWatch {
    /// The round.
    pub token: WatchToken,
    /// The shards that have watched keys.
    pub shards: ShardSet,
}

/// State of one connection that commands see.
#[derive(Debug)]
pub struct Client {
    /// What others may know of this connection.
    pub info: Arc<ClientInfo>,
    /// Version of the protocol.
    pub protocol: Protocol,
    /// Database that SELECT chose.
    pub db: DbIndex,
    /// Whether the connection may run commands.
    pub authenticated: bool,
    /// Whether replies are sent.
    pub reply_mode: ReplyMode,
    /// Commands leave recency alone (CLIENT NO-TOUCH).
    pub no_touch: bool,
    /// The transaction that is being queued.
    pub transaction: Transaction,
    /// Rounds of WATCH whose end has to be told.
    pub ended_watches: Vec<EndedWatch>,
    /// What it is, or was, subscribed to.
    pub(super) subscribed: Option<Box<Subscriptions>>,
    /// The connection ends when its replies are out.
    pub close: bool,
}

impl Client {
    /// A connection as it begins.
    pub fn new(info: Arc<ClientInfo>, authenticated: bool) -> Self {
        Self {
            info,
            protocol: Protocol::Resp2,
            db: DbIndex(0),
            authenticated,
            reply_mode: ReplyMode::On,
            no_touch: false,
            transaction: Transaction::default(),
            ended_watches: Vec::new(),
            subscribed: None,
            close: false,
        }
    }

    /// A command of this connection as shards run it; of its arguments and keys the first in the batch
    /// and their number.
    #[inline]
    pub fn planned(
        &self,
        entry: &Entry,
        handler: Handler,
        (first_arg, arg_count): (u32, usize),
        (first_key, key_count): (usize, usize),
    ) -> Planned {
        Planned {
            handler,
            id: entry.id,
            db: self.db,
            protocol: self.protocol,
            first_arg,
            arg_count: arg_count as u32,
            first_key: first_key as u32,
            key_count: key_count as u32,
            watch: None,
            no_touch: self.no_touch,
        }
    }

    /// Whether what it is answered now is sent.
    pub fn wants_replies(&self) -> bool {
        !matches!(self.reply_mode, ReplyMode::Off | ReplyMode::Skip)
    }

    /// Ends the round of WATCH, if there is one.
    pub fn unwatch(&mut self) {
        if let Some(ended) = self.transaction.end_watch() {
            self.ended_watches.push(ended);
        }
    }

    /// Drops the queued transaction and its watches.
    pub fn discard(&mut self) {
        self.unwatch();
        self.transaction = Transaction::default();
    }

    /// Goes back to how the connection began (RESET).
    pub fn reset(&mut self, authenticated: bool, pubsub: &PubSub) {
        self.discard();
        self.end_subscriptions(pubsub);
        self.protocol = Protocol::Resp2;
        self.db = DbIndex(0);
        self.authenticated = authenticated;
        if self.reply_mode != ReplyMode::Skip {
            self.reply_mode = ReplyMode::On;
        }
        self.no_touch = false;
        self.info.set_name(Vec::new());
    }
}

/// What a connection's own commands work with.
pub struct SessionCx<'a> {
    /// The connection.
    pub client: &'a mut Client,
    /// The process.
    pub server: &'a Arc<Server>,
    /// The time.
    pub now: UnixMillis,
    /// Whether the command is one of a transaction.
    pub in_transaction: bool,
    /// Set by a handler that leaves the reply to what comes.
    pub later: Option<Later>,
}

/// What a command is answered by, if not by its handler.
#[derive(Debug)]
pub enum Later {
    /// A block of this kind.
    Block(BlockKind),
    /// That the log is durable, or what else is waited for. In a transaction nothing is waited for:
    /// the reply tells how it stands.
    Log(LogWait),
    /// That keys were moved to another server. Not in a transaction.
    Migration(Box<Migration>),
}
