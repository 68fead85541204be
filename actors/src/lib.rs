//! Who owns what, and who tells whom: the actors of Shardwright.
//!
//! Each shard of the keyspace is an actor with one mailbox and the only writer of its data. On every
//! shard's thread live a gateway actor and the connection actors that were dealt to it. A writer
//! actor takes what shards changed; control accepts connections and sees to the process. Every actor
//! has two halves: a plain struct that decides ([`session::Session`], [`shard::core::ShardCore`]),
//! and a thin shell that receives, calls it, and carries out what it decided.
//!
//! Parsing, data structures and file formats are the business of the floors below.

pub mod admin;
pub mod banner;
pub mod checkpoint;
pub mod clients;
pub mod clock;
pub mod commands;
pub mod connection;
pub mod control;
pub mod descriptors;
pub mod directory;
pub mod durability;
pub mod ending;
pub mod error_kinds;
pub mod gateway;
pub mod listener;
pub mod loading;
pub mod memory;
pub mod messages;
pub mod migration;
pub mod mutex;
pub mod opening;
pub mod parcel;
pub mod process;
pub mod pubsub;
pub mod rdb;
pub mod ready;
pub mod reaper;
pub mod recovery;
pub mod registry;
pub mod reload;
pub mod sampler;
pub mod seldom;
pub mod server;
pub mod session;
pub mod shadow;
pub mod shard;
pub mod shards;
pub mod slab;
pub mod socket;
pub mod stats;
pub mod thread;
pub mod totals;
pub mod writer;
