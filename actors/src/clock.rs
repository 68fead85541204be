//! The one place that reads the clock: wall time for deadlines, and a cheap monotonic counter for
//! measuring commands and turns.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quanta::Clock as Counter;
use shardwright_store::types::UnixMillis;

/// Reads time. Cheap to clone; each thread has its own.
#[derive(Debug, Clone)]
pub struct Clock {
    counter: Counter,
}

/// A reading of the monotonic counter (the time-stamp counter where the processor keeps it steady).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Ticks(u64);

impl Clock {
    /// A clock; the first in a process calibrates the counter, which takes some milliseconds.
    pub fn new() -> Self {
        Self { counter: Counter::new() }
    }

    /// Wall time.
    pub fn now(&self) -> UnixMillis {
        UnixMillis(Self::unix_micros() / 1000)
    }

    /// Wall time in microseconds since 1970, for those who tell it.
    pub fn unix_micros() -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }

    /// The counter, to subtract later.
    #[inline]
    pub fn ticks(&self) -> Ticks {
        Ticks(self.counter.raw())
    }

    /// Nanoseconds between two readings.
    #[inline]
    pub fn nanos(&self, from: Ticks, to: Ticks) -> u64 {
        self.counter.delta_as_nanos(from.0, to.0)
    }

    /// The duration since a reading.
    pub fn since(&self, from: Ticks) -> Duration {
        Duration::from_nanos(self.nanos(from, self.ticks()))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
