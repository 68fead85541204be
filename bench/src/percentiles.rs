//! Latencies: the histogram that they are gathered in, and the percentiles that are told of it.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::error::{Context, Error};

/// The longest latency that is told apart.
const LONGEST: Duration = Duration::from_secs(60);
/// Digits of a latency that are kept.
const DIGITS: u8 = 3;

/// Latencies in nanoseconds.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    ///
    /// # Errors
    /// That there can be no such histogram, which its constants rule out.
    pub fn new() -> Result<Self, Error> {
        let histogram = Histogram::new_with_max(LONGEST.as_nanos() as u64, DIGITS)
            .map_err(std::io::Error::other)
            .context(|| "making a histogram".into())?;
        Ok(Self(histogram))
    }

    /// One more; what is longer than the longest counts as that.
    #[inline]
    pub fn record(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record(nanos.max(1));
    }

    /// The percentiles.
    pub fn percentiles(&self) -> Percentiles {
        let micros = |quantile| self.0.value_at_quantile(quantile) as f64 / 1e3;
        let max = self.0.max() as f64 / 1e3;
        Percentiles { p50: micros(0.5), p99: micros(0.99), p999: micros(0.999), max }
    }
}

/// Percentiles of one measurement, in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Percentiles {
    /// Half of all requests are faster.
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_in_microseconds_and_right_to_a_thousandth() {
        let mut latencies = Latencies::new().unwrap();
        for micros in 1..=1_000 {
            latencies.record(Duration::from_micros(micros));
        }
        let Percentiles { p50, p99, p999, max } = latencies.percentiles();
        for (found, wanted) in [(p50, 500.0), (p99, 990.0), (p999, 999.0), (max, 1_000.0)] {
            assert!((found / wanted - 1.0).abs() <= 0.001, "{found} instead of {wanted}");
        }
    }

    #[test]
    fn what_is_out_of_range_counts_as_its_end() {
        let mut latencies = Latencies::new().unwrap();
        latencies.record(Duration::ZERO);
        latencies.record(LONGEST * 10);
        assert!(latencies.percentiles().p50 < 1.0);
        assert!(latencies.percentiles().max >= LONGEST.as_micros() as f64);
    }
}
