//! DEBUG RELOAD and DEBUG LOADAOF: the data is replaced by what was written of it, while all
//! partitions are held. What is loaded passes the point that every change passes, so log, shadow and
//! watches know of it.

use std::sync::mpsc::{SyncSender, sync_channel};

use actix::prelude::*;
use shardwright_codec::rdb::Fault;
use shardwright_store::context::lru_clock;
use shardwright_store::effect::Event;
use shardwright_store::error::CommandError;
use shardwright_store::keyspace::Keyspace;
use shardwright_store::partition::Change;
use shardwright_store::partition::editing::Target;
use shardwright_store::types::{DbIndex, UnixMillis};

use crate::rdb::reading::{Content, Key};
use crate::rdb::reload::ReloadOptions;
use crate::recovery::Partitions;
use crate::server::Server;

/// Where data is loaded from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// The RDB file.
    File(ReloadOptions),
    /// The log, with the checkpoint before it.
    Log,
}

/// Write everything that was taken, make it durable, and read it back as a start would. The writer
/// takes nothing meanwhile, so that no checkpoint replaces what is read.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ReadBack(pub SyncSender<Result<Partitions, String>>);

impl Server {
    /// Replaces the data by what was written of it.
    ///
    /// # Errors
    /// It cannot be written or loaded; nothing has changed then.
    pub fn reload(
        &self,
        what: Reload,
        keyspace: &mut Keyspace<'_>,
        now: UnixMillis,
    ) -> Result<(), CommandError> {
        match what {
            Reload::File(options) => self.reload_file(options, keyspace, now),
            Reload::Log => self.reload_log(keyspace, now),
        }
    }

    fn reload_log(&self, keyspace: &mut Keyspace<'_>, now: UnixMillis) -> Result<(), CommandError> {
        let ended = || CommandError::Text("ERR the server ends");
        let directory = self.directory().ok_or_else(ended)?;
        let (tell, told) = sync_channel(1);
        directory.writer.do_send(ReadBack(tell));
        let loaded = told.recv().map_err(|_| ended())?;
        let loaded = loaded.map_err(|error| {
            tracing::warn!(%error, "DEBUG LOADAOF changed nothing");
            CommandError::Message(format!("ERR Error trying to load the log: {error}"))
        })?;
        flush(keyspace);
        let lru = lru_clock(now);
        for partition in &loaded {
            for db in (0..partition.databases()).map(DbIndex) {
                let entries = partition.db(db).into_iter().flat_map(|data| data.dict().iter());
                for entry in entries {
                    let (key, value, deadline) = (entry.key(), entry.value(), entry.deadline());
                    let value = Content::Value(value);
                    put(keyspace, Key { db, key, value, deadline }, lru).map_err(damaged)?;
                }
            }
        }
        Ok(())
    }
}

/// Removes everything.
pub fn flush(keyspace: &mut Keyspace<'_>) {
    for partition in keyspace.all_mut() {
        (0..partition.databases()).for_each(|db| partition.flush(DbIndex(db)));
    }
}

fn damaged(fault: Fault) -> CommandError {
    CommandError::Message(format!("ERR Error trying to load the log: {fault}"))
}

/// Sets a key, whether it is there or not.
///
/// # Errors
/// It is a collection that is damaged.
pub fn put(keyspace: &mut Keyspace<'_>, key: Key<'_>, lru: u32) -> Result<(), Fault> {
    let Key { db, key, value, deadline } = key;
    let hash = keyspace.hasher().hash(key);
    let partition = keyspace.partition_mut(hash.slot);
    let place = partition.find(db, hash, key).map(|(place, _)| place);
    let event = Event::generic("loaded");
    match value {
        Content::Value(value) => {
            let change = Change::Put(value.to_new(), deadline);
            partition.change(db, hash, key, place, change, event, lru);
            Ok(())
        }
        Content::Collection(collection) => {
            let target = Target { db, hash, key, place, lru };
            partition.restore(target, collection, deadline, event)
        }
    }
}
