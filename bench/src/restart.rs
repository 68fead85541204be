//! Restarts: how long a server that keeps a log takes after it was killed until it serves all its keys again.

use std::time::{Duration, Instant};

use crate::client::load_keys;
use crate::error::Error;
use crate::interrupt;
use crate::load::{Dataset, Load};
use crate::server::{Keep, Program};

/// How long a rewrite that the loading caused may take.
const SETTLE_LIMIT: Duration = Duration::from_secs(120);
/// How long a restart may take.
const RESTART_LIMIT: Duration = Duration::from_secs(300);
/// How often the server is asked.
const ASK: Duration = Duration::from_millis(5);

/// How long servers took.
#[derive(Debug, Clone)]
pub struct RestartRow {
    /// Keys.
    pub keys: u32,
    /// Seconds of each server, in the order of the programs.
    pub seconds: Vec<f64>,
}

/// Loads `keys` keys into a server with a log, kills it once nothing is being rewritten, and starts it again on the
/// same directory. Seconds until it tells the right number of keys.
pub fn measure(program: &Program, cpus: &[usize], keys: u32) -> Result<f64, Error> {
    let server = program.start(cpus, None, Keep::Everysec)?;
    for load in Load::fill(Dataset::Small, keys) {
        load_keys(server.addr(), &load, 0, load.keys)?;
    }
    let begin = Instant::now();
    // At least a second passes, so that everything is synced.
    std::thread::sleep(Duration::from_millis(1500));
    while !server.ask(&["INFO", "persistence"])?.contains("aof_rewrite_in_progress:0") {
        interrupt::check()?;
        if begin.elapsed() > SETTLE_LIMIT {
            let reason = "its log was being rewritten for too long".to_owned();
            return Err(Error::Reply { load: "INFO".into(), reason });
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let wanted = server.ask(&["DBSIZE"])?;
    let dir = server.dir();
    drop(server);
    let begin = Instant::now();
    let server = program.spawn(cpus, None, Keep::Everysec, dir)?;
    loop {
        interrupt::check()?;
        // Until it has loaded everything it does not listen, or answers with an error.
        match server.ask(&["DBSIZE"]) {
            Ok(found) if found == wanted => return Ok(begin.elapsed().as_secs_f64()),
            outcome if begin.elapsed() > RESTART_LIMIT => {
                let found = outcome.unwrap_or_else(|error| error.to_string());
                let reason = format!("{wanted} keys were to be there again, found {found}");
                return Err(Error::Reply { load: "DBSIZE".into(), reason });
            }
            _ => std::thread::sleep(ASK),
        }
    }
}
