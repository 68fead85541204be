//! How far a tool has come: a bar where somebody looks at a terminal, now and then a line elsewhere.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use shardwright_journal::Progress;

use super::text::{bytes, count};

/// Time between two lines.
const LINES_EVERY: Duration = Duration::from_secs(10);

/// What is counted.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Bytes,
    Keys,
}

impl Unit {
    /// What a bar shows.
    fn style(self) -> &'static str {
        match self {
            Self::Bytes => "{msg} [{bar:40}] {binary_bytes}/{binary_total_bytes}, {eta} left",
            Self::Keys => "{msg} [{bar:40}] {human_pos}/{human_len} keys, {eta} left",
        }
    }

    fn tell(self, done: u64, all: u64) -> String {
        match self {
            Self::Bytes => format!("{} of {}", bytes(done), bytes(all)),
            Self::Keys => format!("{done} of {}", count(all, "key")),
        }
    }
}

/// What is told where there is no terminal.
struct Lines {
    what: &'static str,
    unit: Unit,
    all: u64,
    done: u64,
    told: Instant,
}

impl Lines {
    /// So many more were done by `now`: the line to tell, if there has been none for long enough.
    fn advance(&mut self, count: u64, now: Instant) -> Option<String> {
        self.done = self.done.saturating_add(count);
        if now.saturating_duration_since(self.told) < LINES_EVERY {
            return None;
        }
        self.told = now;
        Some(format!("{}: {}", self.what, self.unit.tell(self.done, self.all)))
    }
}

/// Tells on standard error how far something has come.
pub struct Shown {
    bar: Option<ProgressBar>,
    lines: Lines,
}

impl Shown {
    /// Begins with something that is told in bytes.
    pub fn new(what: &'static str) -> Self {
        Self::with(what, Unit::Bytes)
    }

    /// Begins with something that is told in keys.
    pub fn of_keys(what: &'static str) -> Self {
        Self::with(what, Unit::Keys)
    }

    fn with(what: &'static str, unit: Unit) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0).with_message(what);
            match ProgressStyle::with_template(unit.style()) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self { bar, lines: Lines { what, unit, all: 0, done: 0, told: Instant::now() } }
    }
}

impl Progress for Shown {
    fn begin(&mut self, amount: u64) {
        (self.lines.all, self.lines.done) = (amount, 0);
        if let Some(bar) = &self.bar {
            bar.set_length(amount);
            bar.set_position(0);
        }
    }

    fn advance(&mut self, count: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(count);
        } else if let Some(line) = self.lines.advance(count, Instant::now()) {
            eprintln!("{line}");
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_told_now_and_then_with_what_was_done_by_then() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let (what, all, done, told) = ("writing", 300, 0, begin);
        let mut lines = Lines { what, unit: Unit::Keys, all, done, told };
        assert_eq!(lines.advance(20, at(3)), None);
        assert_eq!(lines.advance(30, at(10)).as_deref(), Some("writing: 50 of 300 keys"));
        assert_eq!(lines.advance(50, at(19)), None);
        assert_eq!(lines.advance(5, at(20)).as_deref(), Some("writing: 105 of 300 keys"));
        lines.unit = Unit::Bytes;
        assert_eq!(lines.advance(0, at(31)).as_deref(), Some("writing: 105 bytes of 300 bytes"));
    }

    #[test]
    fn bars_have_styles_that_can_be_drawn() {
        for unit in [Unit::Bytes, Unit::Keys] {
            assert!(ProgressStyle::with_template(unit.style()).is_ok(), "{unit:?}");
        }
    }
}
