//! How often a server asks the disk to keep what it wrote. Shardwright tells by INFO; Redis does not, and is watched by
//! strace, in a run of its own because that slows it down.

use std::fs;

use crate::client::{Client, Picker, Shape, Until};
use crate::error::{Context, Error};
use crate::load::Load;
use crate::measure::{Effort, Setup};
use crate::server::Server;

/// How many times a server says that it has synced its log; none if it says nothing of that.
pub fn told(server: &Server) -> Result<Option<u64>, Error> {
    Ok(log_syncs(&server.ask(&["INFO", "persistence"])?))
}

fn log_syncs(info: &str) -> Option<u64> {
    info.lines().find_map(|line| line.trim().strip_prefix("log_syncs:")?.parse().ok())
}

/// Syncs a command of a load in several shapes on a server that is started under strace. None if there is no strace.
pub fn watch(
    setup: &Setup,
    load: &Load,
    shapes: &[Shape],
    effort: Effort,
) -> Result<Option<Vec<f64>>, Error> {
    let Some(program) = setup.program.traced() else {
        eprintln!("strace is missing: the syncs of a server that does not tell them are left out");
        return Ok(None);
    };
    let server = Setup { program, ..setup.clone() }.start()?;
    let mut watched = Vec::with_capacity(shapes.len());
    for &shape in shapes {
        let picker = Picker::uniform(1, load.keys);
        let mut client = Client::connect(server.addr(), load, shape, picker)?;
        client.run(Until::Elapsed(effort.warm_up))?;
        let before = traced(&server)?;
        let requests = client.run(Until::Elapsed(effort.measure))?.requests;
        let syncs = traced(&server)?.saturating_sub(before);
        watched.push(syncs as f64 / requests as f64);
    }
    Ok(Some(watched))
}

/// How many syncs strace has written down of a server.
fn traced(server: &Server) -> Result<u64, Error> {
    let path = server.trace();
    let text = fs::read_to_string(&path).context(|| format!("reading {}", path.display()))?;
    Ok(count(&text, &server.threads()?))
}

/// Lines of strace's output in which one of `threads` begins a call. The others are the ends of calls whose beginning
/// has a line of its own, and calls of children, which rewrite a log that they did not write.
fn count(trace: &str, threads: &[u32]) -> u64 {
    let begins = |line: &&str| {
        let Some((thread, call)) = line.split_once(' ') else { return false };
        let is_own = thread.parse().is_ok_and(|thread| threads.contains(&thread));
        let call = call.trim_start();
        is_own && (call.starts_with("fsync(") || call.starts_with("fdatasync("))
    };
    trace.lines().filter(begins).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncs_are_found_in_info() {
        assert_eq!(log_syncs("# Persistence\r\naof_enabled:1\r\nlog_syncs:12\r\n"), Some(12));
        assert_eq!(log_syncs("# Persistence\r\naof_delayed_fsync:3\r\n"), None);
    }

    #[test]
    fn calls_are_counted_once_and_not_those_of_children() {
        let trace = "12  fdatasync(9)                      = 0\n\
                     13  fsync(7 <unfinished ...>\n\
                     12  fdatasync(9 <unfinished ...>\n\
                     13  <... fsync resumed>)              = 0\n\
                     99  fdatasync(4)                      = 0\n\
                     99  +++ exited with 0 +++\n";
        assert_eq!(count(trace, &[12, 13]), 3);
        assert_eq!(count("", &[12]), 0);
    }
}
