//! The one place that reads the clock: wall time for deadlines, a cheap monotonic counter for
//! measuring commands and turns, and the processor time of a thread.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};
use quanta::Clock as Counter;
use shardwright_store::types::UnixMillis;

/// Reads time. Each thread has its own.
#[derive(Debug, Clone)]
pub struct Clock {
    counter: Counter,
    /// Ticks in [`FRESH_NANOS`].
    fresh: u64,
    /// The counter when wall time was last read, and wall time then in microseconds.
    read: Cell<(u64, i64)>,
}

/// How long the counter tells how far wall time has gone on since it was read. Asking the system
/// costs several times as much, and within a tenth of a millisecond the two do not part.
const FRESH_NANOS: u64 = 100_000;

/// A reading of the monotonic counter (the time-stamp counter where the processor keeps it steady).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Ticks(u64);

impl Ticks {
    /// Ticks since an earlier reading; [`Clock::nanos_in`] tells how long they took.
    #[inline]
    pub fn since(self, earlier: Self) -> u64 {
        // Counters of different cores may differ by a little.
        self.0.saturating_sub(earlier.0)
    }
}

impl Clock {
    /// A clock; the first in a process calibrates the counter, which takes some milliseconds.
    pub fn new() -> Self {
        let counter = Counter::new();
        let read = Cell::new((counter.raw(), Self::unix_micros()));
        let mut clock = Self { counter, fresh: 0, read };
        clock.fresh = clock.ticks_in(FRESH_NANOS);
        clock
    }

    /// Ticks in so many nanoseconds, of which there are at most 2^44 (five hours).
    pub fn ticks_in(&self, nanos: u64) -> u64 {
        (nanos << 20) / self.nanos_in(1 << 20).max(1)
    }

    /// Nanoseconds that so many ticks take.
    pub fn nanos_in(&self, ticks: u64) -> u64 {
        self.counter.delta_as_nanos(0, ticks)
    }

    /// Wall time.
    #[inline]
    pub fn now(&self) -> UnixMillis {
        let ticks = self.counter.raw();
        let (at, micros) = self.read.get();
        if ticks.wrapping_sub(at) < self.fresh {
            let since = self.counter.delta_as_nanos(at, ticks) / 1000;
            return UnixMillis((micros + since as i64) / 1000);
        }
        let micros = Self::unix_micros();
        self.read.set((ticks, micros));
        UnixMillis(micros / 1000)
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
        self.nanos_in(to.since(from))
    }

    /// The duration since a reading.
    pub fn since(&self, from: Ticks) -> Duration {
        Duration::from_nanos(self.nanos(from, self.ticks()))
    }
}

/// Tells how much processor time a thread spent on a stretch of wall time, without the time in which
/// others had the core. The system's clock for that costs as much as a small command, so it is read
/// only once a millisecond, and behind stretches that matter.
#[derive(Debug)]
pub struct BusyClock {
    /// Ticks between readings.
    interval: u64,
    /// When it was last read, and what it told, in nanoseconds.
    read: Cell<(Ticks, u64)>,
}

/// Between readings of a thread's processor time: by so much it may be told too high.
const BUSY_NANOS: u64 = 1_000_000;

impl BusyClock {
    /// Of the thread that calls its methods, which has to be the same each time.
    pub fn new(clock: &Clock) -> Self {
        let read = Cell::new((Ticks::default(), 0));
        Self { interval: clock.ticks_in(BUSY_NANOS), read }
    }

    /// A stretch begins.
    #[inline]
    pub fn begin(&self, now: Ticks) {
        if now.since(self.read.get().0) >= self.interval {
            self.read.set((now, thread_nanos()));
        }
    }

    /// Nanoseconds of processor time since the stretch began, or up to [`BUSY_NANOS`] more.
    #[cold]
    pub fn spent(&self) -> u64 {
        thread_nanos().saturating_sub(self.read.get().1)
    }
}

/// Processor time of this thread in nanoseconds.
fn thread_nanos() -> u64 {
    let spent = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from);
    spent.map_or(0, |spent| spent.as_nanos() as u64)
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sleeps_spends_no_processor_time() {
        let clock = Clock::new();
        let busy = BusyClock::new(&clock);
        busy.begin(clock.ticks());
        std::thread::sleep(Duration::from_millis(50));
        let asleep = busy.spent();
        assert!(asleep < 20_000_000, "{asleep} ns for sleeping 50 ms");
        let until = thread_nanos() + 10_000_000;
        while thread_nanos() < until {}
        assert!(busy.spent() >= 10_000_000);
    }

    #[test]
    fn wall_time_goes_on_though_it_is_not_always_read() {
        let clock = Clock::new();
        let begin = clock.now();
        let later = clock.ticks();
        while clock.nanos(later, clock.ticks()) < 5_000_000 {}
        let passed = clock.now().0 - begin.0;
        assert!((3..5_000).contains(&passed), "{passed} ms passed by the wall, 5 by the counter");
    }
}
