//! MIGRATE between the connection that runs it and the other server: what is sent, and what became
//! of it. The connection's session decides ([`crate::session`]); [`peer`] talks to the server.

pub mod peer;

use std::time::Duration;

use shardwright_store::error::CommandError;

use crate::messages::ConnId;

/// The other server, and how to talk to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// Name or address.
    pub host: String,
    /// TCP port, if what was said may be one.
    pub port: Option<u16>,
    /// The database there, as it was asked for: whether it exists is the other server's business.
    pub db: i64,
    /// Longest that one step may take: to connect, to send some bytes, to get one reply.
    pub patience: Duration,
    /// Who it is to take us for.
    pub login: Option<PeerLogin>,
}

/// User and password for the other server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerLogin {
    /// The user; without one the default user.
    pub user: Option<Vec<u8>>,
    /// The password.
    pub password: PeerPassword,
}

/// A password of any bytes, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerPassword(Vec<u8>);

impl PeerPassword {
    /// Wraps a password.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The password itself. Never log it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for PeerPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// MIGRATE as it was asked for.
#[derive(Debug, Clone)]
pub struct Migration {
    /// Where to.
    pub target: Target,
    /// The keys stay here.
    pub copy: bool,
    /// Keys that are there already are overwritten.
    pub replace: bool,
    /// The keys.
    pub keys: Vec<Vec<u8>>,
}

/// One key for the other server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name.
    pub key: Vec<u8>,
    /// Its value. Without one the key, which an earlier attempt sent, is to be removed.
    pub value: Option<ItemValue>,
}

/// A key's value for the other server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemValue {
    /// What DUMP gives.
    pub payload: Vec<u8>,
    /// Milliseconds that it has to live; 0 for ever.
    pub ttl: i64,
    /// It overwrites what is there.
    pub replace: bool,
}

/// What a connection wants to be sent.
#[derive(Debug)]
pub struct Shipment {
    /// Whom to tell.
    pub conn: ConnId,
    /// Where to.
    pub target: Target,
    /// What.
    pub items: Vec<Item>,
}

/// What became of a shipment.
#[derive(Debug)]
pub struct Delivered {
    /// For each item, whether the other server has acknowledged it.
    pub accepted: Vec<bool>,
    /// What went wrong first.
    pub error: Option<CommandError>,
}
