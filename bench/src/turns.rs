//! The longest turns of shards, by cause, as Shardwright's INFO tells them: by the wall clock, and in processor time,
//! which leaves out what the system gave to others meanwhile.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::server::Server;

/// The bound of one shard turn, in microseconds.
pub const TURN_LIMIT_US: u64 = 5_000;

/// What a cause's name ends with where its turns are told in processor time.
pub const BUSY: &str = " (CPU)";

/// For each cause, once by the wall clock and once with [`BUSY`], the longest turn of any shard in microseconds; empty for a server that reports none, which is then
/// not Shardwright.
pub type Turns = BTreeMap<String, u64>;

/// The longest turns of a server so far.
pub fn longest(server: &Server) -> Result<Turns, Error> {
    let mut turns = Turns::new();
    note(&mut turns, server)?;
    Ok(turns)
}

/// Raises `turns` to what a server reports.
pub fn note(turns: &mut Turns, server: &Server) -> Result<(), Error> {
    let info = server.ask(&["INFO", "shardwright"])?;
    for (cause, micros) in info.lines().filter_map(longest_turn) {
        let longest = turns.entry(cause).or_default();
        *longest = micros.max(*longest);
    }
    Ok(())
}

/// Cause and microseconds of a line `shard<N>_longest_turn_<cause>_usec:<n>` or `…_<cause>_cpu_usec:<n>`.
fn longest_turn(line: &str) -> Option<(String, u64)> {
    let (name, value) = line.trim().split_once(':')?;
    let (shard, cause) = name.split_once("_longest_turn_")?;
    shard.strip_prefix("shard")?.parse::<u32>().ok()?;
    let cause = cause.strip_suffix("_usec")?;
    let cause = match cause.strip_suffix("_cpu") {
        Some(cause) => format!("{cause}{BUSY}"),
        None => cause.to_owned(),
    };
    Some((cause, value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_turns_are_found_in_info() {
        let wall = longest_turn("shard1_longest_turn_batch_usec:812\r");
        assert_eq!(wall, Some(("batch".to_owned(), 812)));
        let busy = longest_turn("shard1_longest_turn_batch_cpu_usec:81\r");
        assert_eq!(busy, Some((format!("batch{BUSY}"), 81)));
        assert_eq!(longest_turn("shard1_keys:812"), None);
        assert_eq!(longest_turn("# Shardwright"), None);
    }
}
