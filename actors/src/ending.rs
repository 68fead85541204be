//! The end of the process, which can be called off until it is certain. Meanwhile writes wait, so that
//! what is saved last has everything that was acknowledged.

use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

/// How the process is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct How {
    /// At once, without waiting for what is in flight.
    pub now: bool,
    /// Whether to write a checkpoint before; if nothing was said, the settings tell.
    pub save: Option<bool>,
    /// Even if that fails.
    pub force: bool,
}

/// Whether the process is about to end.
#[derive(Debug, Default)]
pub struct Ending(AtomicU8);

const RUNNING: u8 = 0;
const ENDING: u8 = 1;
const CERTAIN: u8 = 2;

impl Ending {
    /// Whether it is, certainly or not.
    #[inline]
    pub fn is_under_way(&self) -> bool {
        self.0.load(SeqCst) != RUNNING
    }

    /// It is about to end.
    pub fn begin(&self) {
        self.0.store(ENDING, SeqCst);
    }

    /// It goes on, if it was about to end and that was not certain. Tells whether it does.
    pub fn call_off(&self) -> bool {
        self.0.compare_exchange(ENDING, RUNNING, SeqCst, SeqCst).is_ok()
    }

    /// It ends, if that was not called off. Tells whether it does.
    pub fn make_certain(&self) -> bool {
        self.0.compare_exchange(ENDING, CERTAIN, SeqCst, SeqCst).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_called_off_or_certain_but_not_both() {
        let ending = Ending::default();
        assert!(!ending.is_under_way() && !ending.call_off() && !ending.make_certain());
        ending.begin();
        assert!(ending.is_under_way() && ending.call_off());
        assert!(!ending.is_under_way() && !ending.make_certain());
        ending.begin();
        assert!(ending.make_certain() && !ending.call_off() && ending.is_under_way());
    }
}
