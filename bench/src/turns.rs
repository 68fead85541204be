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
    raise(turns, info.lines().filter_map(longest_turn));
    Ok(())
}

/// Raises `turns` to others.
pub fn raise(turns: &mut Turns, others: impl IntoIterator<Item = (String, u64)>) {
    for (cause, micros) in others {
        let longest = turns.entry(cause).or_default();
        *longest = micros.max(*longest);
    }
}

/// Longest turns up to the points at which they were read.
#[derive(Debug, Clone, Default)]
pub struct Phases {
    /// When all keys were loaded and nothing special had happened.
    pub loaded: Turns,
    /// After CONFIG RESETSTAT, which may or may not have forgotten the former.
    pub reset: Turns,
    /// When what is looked at was over.
    pub after: Turns,
}

impl Phases {
    /// What is known of a cause's longest turn since the reset: if it did not rise, then only that it was no longer than
    /// what came before.
    pub fn since(&self, cause: &str) -> String {
        let after = self.after.get(cause).copied().unwrap_or_default();
        let risen = after > self.reset.get(cause).copied().unwrap_or_default();
        if risen || after == 0 { after.to_string() } else { format!("≤ {after}") }
    }
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

    #[test]
    fn a_turn_that_did_not_rise_is_only_bounded() {
        let turns = |batch, expiry| {
            Turns::from([("batch".to_owned(), batch), ("expiry".to_owned(), expiry)])
        };
        let phases = Phases { loaded: turns(90, 3), reset: turns(90, 3), after: turns(90, 40) };
        assert_eq!(phases.since("batch"), "≤ 90");
        assert_eq!(phases.since("expiry"), "40");
        let forgetful = Phases { reset: turns(0, 0), after: turns(7, 0), ..phases };
        assert_eq!(forgetful.since("batch"), "7");
        assert_eq!(forgetful.since("expiry"), "0");
    }
}
