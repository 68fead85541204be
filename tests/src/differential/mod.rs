//! The differential engine: seeded command sequences, sent to Shardwright and to
//! the real redis-server alike, whose replies and final data must agree.
//!
//! A family of commands is one file in `families/`: a table of generators, each
//! with the name of its command, how often it comes, how a call of it is made
//! and how the two replies are compared. A later family adds one file and one
//! line in `families/mod.rs`.

pub mod admitted;
pub mod compare;
pub mod counts;
pub mod documentation;
pub mod dumped;
pub mod families;
pub mod generator;
pub mod maker;
pub mod outcome;
pub mod runner;
pub mod sequence;
