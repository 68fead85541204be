//! What the black-box tests share: a real server process, raw clients, the
//! oracle, the differential engine and the checker of histories.
//!
//! Nothing here links against the server's crates: replies are read with a
//! reader of this crate's own, so that an error of the codec cannot hide in
//! the test of it.
// This crate is test code from end to end: a failed `unwrap` is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod differential;
pub mod harness;
pub mod history;
pub mod steps;

pub use harness::client::Client;
pub use harness::data::Data;
pub use harness::reply::Reply;
pub use harness::rng::Rng;
pub use harness::server::{Options, Oracle, Server};
pub use harness::wait::eventually;
