//! The longest turns of shards, by cause, as Shardwright's INFO tells them.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::server::Server;

/// The bound of one shard turn, in microseconds.
pub const TURN_LIMIT_US: u64 = 5_000;

/// For each cause the longest turn of any shard, in microseconds; empty for a server that reports none, which is then
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
        let longest = turns.entry(cause.to_owned()).or_default();
        *longest = micros.max(*longest);
    }
    Ok(())
}

/// Cause and microseconds of a line `shard<N>_longest_turn_<cause>_usec:<n>`.
fn longest_turn(line: &str) -> Option<(&str, u64)> {
    let (name, value) = line.trim().split_once(':')?;
    let (shard, cause) = name.split_once("_longest_turn_")?;
    shard.strip_prefix("shard")?.parse::<u32>().ok()?;
    Some((cause.strip_suffix("_usec")?, value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_turns_are_found_in_info() {
        assert_eq!(longest_turn("shard1_longest_turn_batch_usec:812\r"), Some(("batch", 812)));
        assert_eq!(longest_turn("shard1_keys:812"), None);
        assert_eq!(longest_turn("# Shardwright"), None);
    }
}
