//! The rate limit of a connection: a token bucket that delays and never errs.

use shardwright_store::types::UnixMillis;

/// Commands that a connection may still run.
#[derive(Debug, Default)]
pub struct Allowance {
    /// Thousandths of commands; negative after a batch that was let through whole.
    milli: i64,
    since: UnixMillis,
}

impl Allowance {
    /// How many commands may run now, at `rate` commands a second (0: no limit) with bursts of a
    /// tenth of a second, or for how many milliseconds none may.
    pub fn available(&mut self, rate: u64, now: UnixMillis) -> Result<usize, u64> {
        let Some(rate) = i64::try_from(rate).ok().filter(|rate| *rate > 0) else {
            return Ok(usize::MAX);
        };
        let burst = (rate * 100).max(1000);
        let passed = (now.0 - self.since.0).clamp(0, 1000);
        self.since = now;
        self.milli = (self.milli + passed * rate).min(burst);
        match usize::try_from(self.milli / 1000) {
            Ok(allowed) if allowed > 0 => Ok(allowed),
            _ => Err(((1000 - self.milli).max(1) as u64).div_ceil(rate as u64)),
        }
    }

    /// So many commands ran.
    pub fn spend(&mut self, commands: usize) {
        self.milli -= i64::try_from(commands).unwrap_or(i64::MAX / 2000) * 1000;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_through_the_rate_over_time() {
        let mut allowance = Allowance::default();
        let mut ran = 0;
        for ms in 0..10_000 {
            if let Ok(allowed) = allowance.available(500, UnixMillis(1_000_000 + ms)) {
                allowance.spend(allowed);
                ran += allowed;
            }
        }
        assert!((4990..=5060).contains(&ran), "{ran} commands in ten seconds at 500 a second");
    }

    #[test]
    fn no_limit_lets_everything_through() {
        assert_eq!(Allowance::default().available(0, UnixMillis(5)), Ok(usize::MAX));
    }
}
