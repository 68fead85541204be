//! How far a tool has come: a bar where somebody looks at a terminal, now and then a line elsewhere.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use shardwright_journal::Progress;

use super::text::bytes;

/// Time between two lines.
const LINES_EVERY: Duration = Duration::from_secs(10);

/// Tells on standard error how far something has come.
pub struct Shown {
    what: &'static str,
    bar: Option<ProgressBar>,
    all: u64,
    done: u64,
    told: Instant,
}

impl Shown {
    /// Begins with something.
    pub fn new(what: &'static str) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = "{msg} [{bar:40}] {binary_bytes}/{binary_total_bytes}, {eta} left";
            let bar = ProgressBar::new(0).with_message(what);
            match ProgressStyle::with_template(style) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self { what, bar, all: 0, done: 0, told: Instant::now() }
    }
}

impl Progress for Shown {
    fn begin(&mut self, bytes: u64) {
        (self.all, self.done) = (bytes, 0);
        if let Some(bar) = &self.bar {
            bar.set_length(bytes);
            bar.set_position(0);
        }
    }

    fn advance(&mut self, count: u64) {
        self.done += count;
        match &self.bar {
            Some(bar) => bar.inc(count),
            None if self.told.elapsed() >= LINES_EVERY => {
                self.told = Instant::now();
                eprintln!("{}: {} of {}", self.what, bytes(self.done), bytes(self.all));
            }
            None => {}
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
