//! The memory of a server together with what it forked: the sum of their proportional sizes (Pss), in which pages that
//! parent and child still share count once.

use std::fs;
use std::io::ErrorKind;

use crate::error::{Context, Error};
use crate::server::Server;

/// Bytes of a server and its children.
///
/// The kernel walks through all page tables for it, which takes it about a millisecond for every 100 MiB.
pub fn bytes(server: &Server) -> Result<u64, Error> {
    let pid = server.pid();
    let own = proportional(pid)?.ok_or_else(|| Error::Proc(rollup(pid)))?;
    let mut total = own;
    for child in children(pid)? {
        total += proportional(child)?.unwrap_or_default();
    }
    Ok(total)
}

fn rollup(pid: u32) -> String {
    format!("/proc/{pid}/smaps_rollup")
}

/// Bytes of one process; none if it has ended.
fn proportional(pid: u32) -> Result<Option<u64>, Error> {
    let path = rollup(pid);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(pss(&text)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error).context(|| format!("reading {path}")),
    }
}

/// The processes that a process has begun and that are still known.
fn children(parent: u32) -> Result<Vec<u32>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context(|| "reading /proc".into())? {
        let name = entry.context(|| "reading /proc".into())?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        let path = format!("/proc/{pid}/stat");
        match fs::read_to_string(&path) {
            Ok(stat) if parent_in(&stat) == Some(parent) => found.push(pid),
            Ok(_) => {}
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error).context(|| format!("reading {path}")),
        }
    }
    Ok(found)
}

/// Whether a process ended between its being found and its being read.
fn is_gone(error: &std::io::Error) -> bool {
    const ESRCH: i32 = 3;
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH)
}

/// The proportional size in bytes that the text of `smaps_rollup` tells.
fn pss(rollup: &str) -> Option<u64> {
    let rest = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = rest.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// The parent's pid in the text of a file `stat`; the name before it may contain blanks and brackets.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proportional_size_is_that_of_the_whole_process() {
        let rollup = "557b0000-7fff0000 ---p 00000000 00:00 0      [rollup]\n\
                      Rss:                1804 kB\n\
                      Pss:                 210 kB\n\
                      Pss_Anon:            116 kB\n";
        assert_eq!(pss(rollup), Some(210 * 1024));
        assert_eq!(pss(""), None);
        assert_eq!(pss("Pss: many kB"), None);
    }

    #[test]
    fn a_parent_is_found_behind_any_name() {
        assert_eq!(parent_in("12 (redis-server) S 7 12 12 0"), Some(7));
        assert_eq!(parent_in("12 (a) b (c)) R 8 12"), Some(8));
        assert_eq!(parent_in("12 (cut"), None);
    }

    #[test]
    fn this_process_has_a_size_and_a_parent() {
        let own = std::process::id();
        assert!(proportional(own).unwrap().unwrap() > 0);
        let parent = std::os::unix::process::parent_id();
        assert!(children(parent).unwrap().contains(&own));
    }
}
