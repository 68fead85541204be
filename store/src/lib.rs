//! One partition's data: the dictionary, the data types, expiry, and the commands that act on
//! them.
//!
//! Nothing here knows a socket, a file, a thread, the clock or chance: time and seeds are handed
//! in, replies go into a buffer, and what changed leaves as effects. So everything in this crate
//! runs in a test a million times a second, with a seed.

pub mod blocking;
pub mod command;
pub mod commands;
pub mod context;
pub mod cut;
pub mod data;
pub mod db;
pub mod dict;
pub mod digest;
pub mod effect;
pub mod error;
pub mod executor;
pub mod float;
pub mod geo;
pub mod glob;
pub mod hash;
pub mod hyperloglog;
pub mod keyspace;
pub mod lcs;
pub mod partition;
pub mod rng;
pub mod strtod;
pub mod types;
pub mod value;
pub mod watch;
pub mod wheel;
