//! Processes, clients and chance: everything a test needs before its first
//! assertion.

pub mod client;
pub mod data;
pub mod failing_sync;
pub mod http;
pub mod process;
pub mod reply;
pub mod rng;
pub mod saver;
pub mod server;
pub mod tool;
pub mod wait;
