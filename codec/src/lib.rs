//! Bytes on a wire or in a file: the Redis serialization protocol (RESP) and the number texts it
//! carries, the log's records, listpacks, and RDB files.
//!
//! Everything here is a function of bytes: no sockets, no files, no clock, and no knowledge of what
//! a command means.

pub mod listpack;
pub mod log;
pub mod number;
pub mod rdb;
pub mod resp;
