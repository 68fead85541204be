//! Waiting for what another process does in its own time.

use std::time::{Duration, Instant};

/// How long something may take on a busy machine that is done in milliseconds on an idle one.
const LIMIT: Duration = Duration::from_secs(20);

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(2);

/// Waits until something holds; panics if it does not in time.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < LIMIT, "not in time: {what}");
        std::thread::sleep(LOOK);
    }
}
