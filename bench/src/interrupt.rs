//! Ctrl-c and SIGTERM as a flag: loops ask it, return an error, and every started server is ended on the way out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::error::{Context, Error};

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Takes SIGINT, SIGTERM and SIGHUP from now on.
pub fn install() -> Result<(), Error> {
    let flag = FLAG.get_or_init(Arc::default);
    for signal in
        [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP]
    {
        signal_hook::flag::register(signal, Arc::clone(flag))
            .context(|| "registering a signal handler".into())?;
    }
    Ok(())
}

/// Fails with [`Error::Interrupted`] once a signal has come.
pub fn check() -> Result<(), Error> {
    match FLAG.get() {
        Some(flag) if flag.load(Ordering::Relaxed) => Err(Error::Interrupted),
        _ => Ok(()),
    }
}
