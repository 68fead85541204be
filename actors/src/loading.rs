//! What is known of the loading of data at a start: clients are accepted meanwhile, and most of
//! their commands are answered by LOADING until it is over.

use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::{Duration, Instant};

use shardwright_journal::Progress;

/// How often progress is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(5);

/// Where the loading stands.
#[derive(Debug, Default)]
pub struct Loading {
    running: AtomicBool,
    /// When it began, in seconds since 1970.
    began: AtomicI64,
    /// Bytes of the files.
    total: AtomicU64,
    /// Bytes of them that were loaded.
    loaded: AtomicU64,
}

impl Loading {
    /// Whether the data is not there yet.
    #[inline]
    pub fn is_running(&self) -> bool {
        self.running.load(Acquire)
    }

    /// Loading begins at this time, in seconds since 1970.
    pub fn begin(&self, now: i64) {
        self.began.store(now, Relaxed);
        self.running.store(true, Release);
    }

    /// All data is where it belongs.
    pub fn end(&self) {
        self.running.store(false, Release);
    }

    /// When it began, in seconds since 1970.
    pub fn began(&self) -> i64 {
        self.began.load(Relaxed)
    }

    /// Bytes that were loaded, and how many there are in all.
    pub fn bytes(&self) -> (u64, u64) {
        let total = self.total.load(Relaxed);
        (self.loaded.load(Relaxed).min(total), total)
    }

    /// Seconds that are left, if it goes on as it did until `now`.
    pub fn seconds_left(&self, now: i64) -> Option<u64> {
        let (loaded, total) = self.bytes();
        let spent = u64::try_from(now - self.began()).unwrap_or(0);
        let left = u128::from(total - loaded) * u128::from(spent);
        left.checked_div(loaded.into()).map(|left| u64::try_from(left).unwrap_or(u64::MAX))
    }
}

/// Tells of a loading that goes on: to others, and in the log.
pub struct Telling<'l> {
    loading: &'l Loading,
    last: Instant,
}

impl<'l> Telling<'l> {
    /// Of this loading.
    pub fn of(loading: &'l Loading) -> Self {
        Self { loading, last: Instant::now() }
    }
}

impl Progress for Telling<'_> {
    fn begin(&mut self, bytes: u64) {
        self.loading.total.store(bytes, Relaxed);
        self.loading.loaded.store(0, Relaxed);
    }

    fn advance(&mut self, bytes: u64) {
        self.loading.loaded.fetch_add(bytes, Relaxed);
        if self.last.elapsed() >= LOG_INTERVAL {
            self.last = Instant::now();
            let (loaded, total) = self.loading.bytes();
            let percent = loaded * 100 / total.max(1);
            tracing::info!(loaded, total, percent, "loading");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_from_what_was_done() {
        let loading = Loading::default();
        assert!(!loading.is_running());
        loading.begin(100);
        assert!(loading.is_running());
        assert_eq!((loading.bytes(), loading.seconds_left(105)), ((0, 0), None));
        let mut telling = Telling::of(&loading);
        telling.begin(1000);
        assert_eq!(loading.seconds_left(105), None);
        telling.advance(250);
        assert_eq!((loading.bytes(), loading.seconds_left(110)), ((250, 1000), Some(30)));
        telling.advance(900);
        assert_eq!(loading.bytes(), (1000, 1000), "files may have grown");
        loading.end();
        assert!(!loading.is_running());
    }
}
