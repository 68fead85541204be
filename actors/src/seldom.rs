//! Warnings that strangers can cause as often as they like, and that must not fill the log.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use shardwright_store::types::UnixMillis;

/// Lets something happen once a minute.
#[derive(Debug)]
pub struct Seldom(AtomicI64);

impl Default for Seldom {
    /// Something that has never happened.
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Seldom {
    const APART_MS: u64 = 60_000;

    /// Whether it may happen now; the next time is a minute off then.
    #[cold]
    pub fn is_due(&self, now: UnixMillis) -> bool {
        let last = self.0.load(Relaxed);
        let is_due = now.0.abs_diff(last) >= Self::APART_MS;
        is_due && self.0.compare_exchange(last, now.0, Relaxed, Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_happens_at_once_and_then_once_a_minute() {
        let seldom = Seldom::default();
        let due: Vec<bool> = [5, 6, 60_004, 60_005, 60_006, 120_005]
            .map(|now| seldom.is_due(UnixMillis(now)))
            .to_vec();
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
