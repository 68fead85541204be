//! Numbers as people read them, and where they are written.

use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use shardwright_journal::Inventory;

/// Writes a line to standard output. That nobody reads it changes nothing about what was done.
pub fn line(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// An amount of bytes.
pub fn bytes(count: u64) -> String {
    if count < 1 << 20 {
        return format!("{count} bytes");
    }
    format!("{:.1} MiB", count as f64 / f64::from(1 << 20))
}

/// "1 record", "2 records".
pub fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Greatest time that has four digits for its year, in milliseconds since the Unix epoch.
const YEAR_9999_MS: u64 = 253_402_300_799_999;

/// ", written at ..." for a time in milliseconds since the Unix epoch; nothing if it is not known.
pub fn written_at(ms: i64) -> String {
    match u64::try_from(ms) {
        Ok(ms @ 1..=YEAR_9999_MS) => {
            let time = UNIX_EPOCH + Duration::from_millis(ms);
            format!(", written at {}", humantime::format_rfc3339_millis(time))
        }
        _ => String::new(),
    }
}

/// What was copied, and how long that took.
pub fn copied(inventory: &Inventory, took: Duration) -> String {
    format!(
        "all up to record {}{}; {}, {}, {:.1} seconds",
        inventory.newest,
        written_at(inventory.newest_ms),
        count(inventory.files.len() as u64, "file"),
        bytes(inventory.bytes()),
        took.as_secs_f64(),
    )
}

/// The time, in milliseconds since the Unix epoch.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_people_read_them() {
        assert_eq!(bytes(1), "1 bytes");
        assert_eq!(bytes(3 << 19), "1.5 MiB");
        assert_eq!((count(1, "file"), count(2, "file")), ("1 file".into(), "2 files".into()));
        assert_eq!(written_at(1_700_000_000_123), ", written at 2023-11-14T22:13:20.123Z");
        for unknown in [0, -1, i64::MIN, i64::MAX] {
            assert_eq!(written_at(unknown), "");
        }
    }
}
