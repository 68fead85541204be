//! The commands of connections and server, one module a family: descriptors and handlers side by
//! side.

pub mod client;
mod client_arguments;
pub mod client_kill;
pub mod client_list;
pub mod cluster;
mod cluster_arguments;
pub mod command;
pub mod command_docs;
pub mod config;
pub mod connection;
mod connection_arguments;
pub mod debug;
pub mod info;
pub mod info_figures;
mod info_persistence;
pub mod info_system;
pub mod lolwut;
pub mod migrate;
pub mod persistence;
pub mod pubsub;
mod pubsub_arguments;
pub mod server;
mod server_arguments;
pub mod transactions;

use shardwright_codec::resp::ReplyWriter;

use crate::registry::SessionCommand;

/// Every family's commands.
pub const FAMILIES: &[&[SessionCommand]] = &[
    connection::COMMANDS,
    client::COMMANDS,
    server::COMMANDS,
    persistence::COMMANDS,
    migrate::COMMANDS,
    config::COMMANDS,
    info::COMMANDS,
    command::COMMANDS,
    cluster::COMMANDS,
    pubsub::COMMANDS,
    debug::COMMANDS,
    transactions::COMMANDS,
];

/// Writes a text as HELP subcommands do: an array of statuses.
fn write_help(lines: &[&str], reply: &mut ReplyWriter<'_>) {
    reply.array(lines.len());
    lines.iter().for_each(|line| reply.simple(line));
}

/// Gives a test the words of a line as arguments; `''` is an empty one.
#[cfg(test)]
fn with_args<T>(line: &str, test: impl FnOnce(shardwright_codec::resp::Args<'_>) -> T) -> T {
    use shardwright_codec::resp::{ArgRange, Args};
    let mut start = 0;
    let ranges: Vec<ArgRange> = line
        .split(' ')
        .map(|word| {
            let range = ArgRange { start, len: word.len() as u32 };
            start += range.len + 1;
            (word, range)
        })
        .filter(|(word, _)| !word.is_empty())
        .map(|(word, range)| if word == "''" { ArgRange { len: 0, ..range } } else { range })
        .collect();
    test(Args::new(line.as_bytes(), &ranges))
}
