//! What is only true if somebody looks regularly: rates of the last moments, and the most memory
//! ever used. The control thread takes a reading every 100 ms; whoever asks, asks the readings.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shardwright_store::types::UnixMillis;

use crate::clock::Clock;
use crate::memory::Allocator;
use crate::server::Server;
use crate::totals::Totals;

/// Time between readings.
const STEP: Duration = Duration::from_millis(100);

/// Readings that rates are taken over, as many as Redis averages.
const KEPT: usize = 16;

/// Counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When.
    pub at: UnixMillis,
    /// Commands that ran.
    pub commands: u64,
    /// Bytes read from clients.
    pub input_bytes: u64,
    /// Bytes written to clients.
    pub output_bytes: u64,
}

/// The last readings, and the peak of memory.
#[derive(Debug, Default)]
pub struct Sampler {
    readings: Mutex<VecDeque<Reading>>,
    peak: AtomicU64,
}

impl Sampler {
    /// Takes a reading.
    pub fn take(&self, reading: Reading) {
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        if readings.len() > KEPT {
            readings.pop_front();
        }
        readings.push_back(reading);
    }

    /// Growth of a counter per second, over the last readings; absent before there are two.
    pub fn rate(&self, counter: fn(&Reading) -> u64) -> Option<f64> {
        let readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        let (oldest, newest) = (readings.front()?, readings.back()?);
        let elapsed_ms = newest.at.0.saturating_sub(oldest.at.0);
        let growth = counter(newest).saturating_sub(counter(oldest));
        (elapsed_ms > 0).then(|| growth as f64 * 1000.0 / elapsed_ms as f64)
    }

    /// The most bytes ever allocated, now that they are so many.
    pub fn peak(&self, allocated: u64) -> u64 {
        self.peak.fetch_max(allocated, Relaxed).max(allocated)
    }
}

/// Begins to take readings, on the thread that calls.
pub fn start(server: &Arc<Server>) {
    // The process began with nothing counted: so there is a rate from the first moment on.
    let at = server.identity.started;
    let nothing = Reading { at, commands: 0, input_bytes: 0, output_bytes: 0 };
    server.sampler.take(nothing);
    let clock = Clock::new();
    server.sampler.take(Reading { at: UnixMillis(clock.now().0.max(at.0 + 1)), ..nothing });
    let server = Arc::clone(server);
    actix_rt::spawn(async move {
        let mut steps = actix_rt::time::interval(STEP);
        loop {
            steps.tick().await;
            let totals = Totals::now(&server);
            server.sampler.take(Reading {
                at: clock.now(),
                commands: totals.commands_processed(),
                input_bytes: totals.input_bytes,
                output_bytes: totals.output_bytes,
            });
            if let Some(memory) = Allocator::read() {
                server.sampler.peak(memory.allocated);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(at_ms: i64, commands: u64) -> Reading {
        Reading { at: UnixMillis(at_ms), commands, input_bytes: 0, output_bytes: 0 }
    }

    #[test]
    fn rates_are_taken_over_the_last_readings_alone() {
        let sampler = Sampler::default();
        assert_eq!(sampler.rate(|r| r.commands), None);
        sampler.take(reading(0, 0));
        assert_eq!(sampler.rate(|r| r.commands), None);
        sampler.take(reading(100, 50));
        assert_eq!(sampler.rate(|r| r.commands), Some(500.0));
        for step in 2..=40 {
            sampler.take(reading(step * 100, 50));
        }
        assert_eq!(sampler.rate(|r| r.commands), Some(0.0));
    }

    #[test]
    fn the_peak_stays() {
        let sampler = Sampler::default();
        assert_eq!([sampler.peak(5), sampler.peak(9), sampler.peak(3)], [5, 9, 9]);
    }
}
