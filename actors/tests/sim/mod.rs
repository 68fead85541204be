//! A simulation of the whole server without a runtime: real sessions and shards, and between them
//! queues that a seeded scheduler empties in any order that the real mailboxes, docks and sockets
//! allow. A run is told by its seed alone.
//!
//! What is modelled, and how far:
//! - A thread does one turn at a time. What a turn decides happens at once, since it touches what
//!   its thread owns alone; what it sends goes out one message after the other, and other threads
//!   do what they like between two of them. So messages interleave as they do between real threads,
//!   and what one thread sent before it caused another to send also arrives before.
//! - A mailbox is one queue whoever sends; a shard's is closed while its partition is away or it
//!   gathers others, and only then is its dock looked at.
//! - The ordering lock is a lock: while one thread fills the mailboxes of a block, others may send
//!   anything but blocks.
//! - A client's bytes come in pieces, its socket takes so much and no more, and it reads when it
//!   likes.
//!
//! What [`ledger`] watches in every run: effects of every partition leave before anything that
//! depends on them, without gaps, and give the same data elsewhere. [`waits`] watches who waits for
//! keys: in every run who came first is served first, and nobody who has gone. Programs judge the
//! replies that their own client gets. [`fault`] has what can be broken on purpose, to see that it is
//! found.

pub mod client;
pub mod fault;
pub mod forecast;
pub mod ledger;
pub mod network;
pub mod post;
pub mod program;
pub mod programs;
pub mod seeds;
pub mod turn;
pub mod waits;
pub mod world;
