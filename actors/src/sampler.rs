//! What is only true if somebody looks regularly: rates of the last moments, the most memory ever
//! used, the largest buffers of the last seconds, and what only the control thread can read of itself.
//! The control thread takes a reading every 100 ms; whoever asks, asks the readings.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use shardwright_store::types::UnixMillis;

use crate::clients::LargestBuffers;
use crate::clock::Clock;
use crate::memory::{Allocator, ProcessorTime};
use crate::mutex::lock;
use crate::server::Server;
use crate::totals::Totals;

/// Time between readings.
const STEP: Duration = Duration::from_millis(100);

/// Readings that rates are taken over, as many as Redis averages.
const KEPT: usize = 16;

/// Readings between two looks at the connections' buffers: there may be many connections.
const BUFFERS_EVERY: usize = 10;

/// Looks at the connections' buffers of which the largest is told: those of eight seconds, as in
/// Redis.
const BUFFERS_KEPT: usize = 8;

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

/// The last readings, the peak of memory, and what memory began with.
#[derive(Debug, Default)]
pub struct Sampler {
    readings: Mutex<VecDeque<Reading>>,
    buffers: Mutex<VecDeque<LargestBuffers>>,
    control: Mutex<Option<ProcessorTime>>,
    peak: AtomicU64,
    startup: OnceLock<u64>,
}

impl Sampler {
    /// Takes a reading.
    pub fn take(&self, reading: Reading) {
        push(&mut lock(&self.readings), reading, KEPT + 1);
    }

    /// Takes a look at the connections' buffers.
    pub fn take_buffers(&self, largest: LargestBuffers) {
        push(&mut lock(&self.buffers), largest, BUFFERS_KEPT);
    }

    /// The largest buffers that a connection had when somebody looked, in the last seconds.
    pub fn largest_buffers(&self) -> LargestBuffers {
        let buffers = lock(&self.buffers);
        buffers.iter().fold(LargestBuffers::default(), |largest, look| largest.max(*look))
    }

    /// What the control thread, the first of the process, has used of the processor.
    pub fn control_thread(&self) -> Option<ProcessorTime> {
        *lock(&self.control)
    }

    /// Bytes that were allocated before there was any data.
    pub fn startup(&self) -> Option<u64> {
        self.startup.get().copied()
    }

    /// Growth of a counter per second, over the last readings; absent before there are two.
    pub fn rate(&self, counter: fn(&Reading) -> u64) -> Option<f64> {
        let readings = lock(&self.readings);
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

/// Adds a value behind the others, of which the oldest goes if there are `most`.
fn push<T>(kept: &mut VecDeque<T>, value: T, most: usize) {
    if kept.len() >= most {
        kept.pop_front();
    }
    kept.push_back(value);
}

/// Begins to take readings, on the thread that calls: the control thread, before there is any data.
pub fn start(server: &Arc<Server>) {
    // The process began with nothing counted: so there is a rate from the first moment on.
    let at = server.identity.started;
    let nothing = Reading { at, commands: 0, input_bytes: 0, output_bytes: 0 };
    server.sampler.take(nothing);
    let clock = Clock::new();
    server.sampler.take(Reading { at: UnixMillis(clock.now().0.max(at.0 + 1)), ..nothing });
    if let Some(memory) = Allocator::read() {
        server.sampler.startup.get_or_init(|| memory.allocated);
    }
    let server = Arc::clone(server);
    actix_rt::spawn(async move {
        let mut steps = actix_rt::time::interval(STEP);
        for step in 0_usize.. {
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
            *lock(&server.sampler.control) = ProcessorTime::of_thread();
            if step % BUFFERS_EVERY == 0 {
                server.sampler.take_buffers(server.clients.largest_buffers());
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
    fn the_largest_buffers_are_those_of_the_last_looks() {
        let sampler = Sampler::default();
        assert_eq!(sampler.largest_buffers(), LargestBuffers::default());
        sampler.take_buffers(LargestBuffers { input: 5, output: 70 });
        sampler.take_buffers(LargestBuffers { input: 60, output: 7 });
        assert_eq!(sampler.largest_buffers(), LargestBuffers { input: 60, output: 70 });
        for _ in 0..BUFFERS_KEPT - 1 {
            sampler.take_buffers(LargestBuffers { input: 1, output: 1 });
        }
        assert_eq!(sampler.largest_buffers(), LargestBuffers { input: 60, output: 7 });
        sampler.take_buffers(LargestBuffers { input: 1, output: 1 });
        assert_eq!(sampler.largest_buffers(), LargestBuffers { input: 1, output: 1 });
    }

    #[test]
    fn the_peak_stays() {
        let sampler = Sampler::default();
        assert_eq!([sampler.peak(5), sampler.peak(9), sampler.peak(3)], [5, 9, 9]);
    }
}
