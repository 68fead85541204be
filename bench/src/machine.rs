//! What the figures depend on: cores and pinning, the machine's description, and what a cache miss costs on it.

use std::fs;
use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::error::{Context, Error};

/// The cores that this process may use and the parts they play.
#[derive(Debug, Clone)]
pub struct Cores {
    all: Vec<usize>,
}

impl Cores {
    /// Asks the system which cores there are for this process.
    pub fn available() -> Result<Self, Error> {
        let set = sched_getaffinity(None)
            .map_err(std::io::Error::from)
            .context(|| "asking for the usable cores".into())?;
        Ok(Self { all: (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect() })
    }

    /// All of them.
    pub fn all(&self) -> &[usize] {
        &self.all
    }

    /// The client's core.
    pub fn client(&self) -> &[usize] {
        &self.all[..1]
    }

    /// The core of a server that has one: not the client's, if there are two.
    pub fn one(&self) -> &[usize] {
        &self.all[usize::from(self.all.len() > 1)..][..1]
    }

    /// The cores of a server that has two; only with three or more can the client keep its own.
    pub fn two(&self) -> &[usize] {
        match self.all.len() {
            1 => &self.all,
            2 => &self.all[..2],
            _ => &self.all[1..3],
        }
    }

    /// Binds the calling thread, which is the client, to `cpus`.
    pub fn pin_client(cpus: &[usize]) -> Result<(), Error> {
        let mut set = CpuSet::new();
        for &cpu in cpus {
            set.set(cpu);
        }
        sched_setaffinity(None, &set)
            .map_err(std::io::Error::from)
            .context(|| format!("pinning the client to {cpus:?}"))
    }
}

/// The machine in words, for the report's head.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Cores for this process.
    pub cores: usize,
    /// Memory in GiB.
    pub memory_gib: f64,
    /// Kernel release.
    pub kernel: String,
    /// Load averages over 1, 5 and 15 minutes before the run: what else was going on.
    pub load: String,
    /// The commit of the source tree around the working directory, if there is one.
    pub commit: String,
}

impl Machine {
    /// Looks it all up; what cannot be found is `unknown`.
    pub fn describe(cores: &Cores) -> Self {
        let field = |file: &str, name: &str| {
            let text = fs::read_to_string(file).ok()?;
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let kib = field("/proc/meminfo", "MemTotal")
            .and_then(|text| text.trim_end_matches(" kB").parse::<f64>().ok());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into()),
            cores: cores.all.len(),
            memory_gib: kib.unwrap_or(0.0) / (1024.0 * 1024.0),
            kernel: kernel.trim().to_owned(),
            load: load.split_ascii_whitespace().take(3).collect::<Vec<_>>().join(", "),
            commit: commit().unwrap_or_else(|| "unknown".into()),
        }
    }
}

fn commit() -> Option<String> {
    let output = Command::new("git").args(["describe", "--always", "--dirty"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

/// Nanoseconds of one dependent read that misses all caches: a walk along a random cycle through 512 MiB.
pub fn cache_miss_nanos() -> f64 {
    #[derive(Clone, Copy)]
    #[repr(align(64))]
    struct Line(u32);
    const LINES: u32 = 8 << 20;
    const STEPS: u32 = 4 << 20;
    let mut lines: Vec<Line> = (0..LINES).map(Line).collect();
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    // Sattolo's shuffle: one cycle through all lines.
    for last in (1..LINES).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = ((state >> 32) * u64::from(last)) >> 32;
        lines.swap(last as usize, other as usize);
    }
    let begin = Instant::now();
    let mut at = 0;
    for _ in 0..STEPS {
        at = lines[at as usize].0;
    }
    black_box(at);
    begin.elapsed().as_secs_f64() * 1e9 / f64::from(STEPS)
}
