//! What the process uses of the machine: memory as the allocator and the kernel count it, and
//! processor time. What cannot be read is absent, never guessed.

use std::fs;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use tikv_jemalloc_ctl::{background_thread, epoch, stats, version};

/// The allocator's figures, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocator {
    /// Handed out and not given back.
    pub allocated: u64,
    /// Pages that hold something handed out.
    pub active: u64,
    /// Pages that the allocator holds in memory.
    pub resident: u64,
}

impl Allocator {
    /// The figures as they stand now. Takes some microseconds.
    pub fn read() -> Option<Self> {
        let bytes = |count: usize| count as u64;
        // The figures are a snapshot that is renewed when its number grows.
        epoch::advance().ok()?;
        Some(Self {
            allocated: bytes(stats::allocated::read().ok()?),
            active: bytes(stats::active::read().ok()?),
            resident: bytes(stats::resident::read().ok()?),
        })
    }

    /// Name and version, as Redis's `mem_allocator`.
    pub fn name() -> Option<String> {
        let text = version::read().ok()?;
        Some(format!("jemalloc-{}", text.split('-').next().unwrap_or_default()))
    }
}

/// Lets the allocator give memory back to the system on threads of its own, or where it happens to
/// be asked for some. Measured while ten million keys expired, that took up to 14 ms of a turn.
pub fn give_back_in_background(on: bool) {
    if let Err(error) = background_thread::write(on) {
        tracing::warn!(%error, on, "the allocator's threads could not be started or ended");
    }
}

/// Bytes of the process in memory, as the kernel counts them.
pub fn resident() -> Option<u64> {
    figure("/proc/self/status", "VmRSS:")
}

/// Bytes of memory that the machine has.
pub fn machine_total() -> Option<u64> {
    figure("/proc/meminfo", "MemTotal:")
}

/// A line of one of the kernel's files that gives kibibytes, in bytes.
fn figure(file: &str, name: &str) -> Option<u64> {
    figure_of(&fs::read_to_string(file).ok()?, name)
}

fn figure_of(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Processor time in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessorTime {
    /// In the kernel.
    pub system: f64,
    /// In the program.
    pub user: f64,
}

impl ProcessorTime {
    /// What all threads of the process have used.
    pub fn of_process() -> Option<Self> {
        Self::read(UsageWho::RUSAGE_SELF)
    }

    /// What ended processes that this one had begun have used.
    pub fn of_children() -> Option<Self> {
        Self::read(UsageWho::RUSAGE_CHILDREN)
    }

    /// What the thread that calls has used.
    pub fn of_thread() -> Option<Self> {
        Self::read(UsageWho::RUSAGE_THREAD)
    }

    fn read(who: UsageWho) -> Option<Self> {
        let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        let usage = getrusage(who).ok()?;
        Some(Self { system: seconds(usage.system_time()), user: seconds(usage.user_time()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_figures_are_read_in_bytes() {
        let text = "Name:\tx\nVmRSSx:\t1 kB\nVmRSS:\t    2048 kB\nVmSize: 7 pages\n";
        assert_eq!(figure_of(text, "VmRSS:"), Some(2 << 20));
        assert_eq!(figure_of(text, "VmSize:"), None);
        assert_eq!(figure_of(text, "VmSwap:"), None);
    }

    #[test]
    fn this_process_uses_memory_and_time() {
        assert!(resident().unwrap() > 0);
        assert!(machine_total().unwrap() > resident().unwrap());
        assert!(ProcessorTime::of_process().unwrap().user >= 0.0);
    }
}
