//! What both servers have counted at the end of a sequence: errors by their kind, and how often each
//! command ran, failed and was refused.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::harness::client::Client;

/// Commands that are not compared, and why.
const OTHERWISE: &[(&str, &str)] = &[
    ("cmdstat_info", "what counts is asked by it"),
    ("cmdstat_scan", "how many calls a whole scan takes is up to the server"),
    ("cmdstat_hscan", "the same"),
    ("cmdstat_sscan", "the same"),
    ("cmdstat_zscan", "the same"),
];

/// Errors of the general kind.
const GENERAL: &str = "errorstat_ERR";

/// Commands whose success is a matter of time, and whose errors are of the general kind.
const BY_TIMING: [&str; 3] = ["cmdstat_save", "cmdstat_bgsave", "cmdstat_bgrewriteaof"];

/// Looks until both have counted what is still under way: commands without a reply.
const LOOKS: usize = 200;

/// Error replies by kind, and each command's calls, refusals and failures; not its times.
fn counted(client: &mut Client) -> BTreeMap<String, String> {
    let texts = ["INFO errorstats", "INFO commandstats"].map(|command| client.run(command).text());
    let lines = texts.iter().flat_map(|text| text.lines());
    let fields = lines.filter_map(|line| line.split_once(':'));
    let without_times = |value: &str| -> String {
        let kept = value.split(',').filter(|part| !part.starts_with("usec"));
        kept.collect::<Vec<_>>().join(",")
    };
    let is_compared = |name: &str| OTHERWISE.iter().all(|(other, _)| *other != name);
    let compared = fields.filter(|(name, _)| is_compared(name));
    let mut counts: BTreeMap<String, String> =
        compared.map(|(name, value)| (name.to_owned(), without_times(value))).collect();
    let uncertain: u64 = BY_TIMING
        .iter()
        .filter_map(|name| Some(number(&counts.remove(*name)?, "failed_calls=")))
        .sum();
    if let Some(errors) = counts.remove(GENERAL) {
        let certain = number(&errors, "count=") - uncertain;
        counts.extend((certain > 0).then(|| (GENERAL.to_owned(), format!("count={certain}"))));
    }
    counts
}

/// The number behind a name in a line.
fn number(line: &str, name: &str) -> u64 {
    let found = line.split(',').find_map(|part| part.strip_prefix(name));
    found.and_then(|digits| digits.parse().ok()).expect("INFO counts in numbers")
}

/// Compares the counts of both servers.
///
/// # Errors
/// What differs.
pub fn compare_counts(subject: &mut Client, oracle: &mut Client) -> Result<(), String> {
    let mut differing = String::new();
    for _ in 0..LOOKS {
        let (ours, theirs) = (counted(subject), counted(oracle));
        if ours == theirs {
            return Ok(());
        }
        let of = |counts: &BTreeMap<String, String>, name: &str| {
            counts.get(name).cloned().unwrap_or_else(|| "nothing".to_owned())
        };
        let names = ours.keys().chain(theirs.keys().filter(|name| !ours.contains_key(*name)));
        differing = names
            .filter(|name| ours.get(*name) != theirs.get(*name))
            .map(|name| {
                let (ours, theirs) = (of(&ours, name), of(&theirs, name));
                format!("\n  {name}\n    shardwright: {ours}\n    redis:       {theirs}")
            })
            .collect();
        std::thread::sleep(Duration::from_millis(5));
    }
    Err(format!("INFO counts otherwise:{differing}"))
}
