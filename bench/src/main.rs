//! Measures Shardwright beside redis-server: throughput and server CPU per command in interleaved rounds, latency at a
//! fixed rate, memory per key, what happens when many keys expire at once, and how the project's targets stand.
//!
//! `plan` says how much is measured, `load` and `collections` what is sent, `suites` and `durability` to which servers,
//! `measure`, `latency`, `memory`, `expiry`, `syncs`, `restart`, `checkpoint` and `deliveries` how, `floor` is the least that any server costs, `client` makes the load, `server`
//! runs the programs, `probe`, `turns` and `footprint` look at them, `targets` and `report` tell the outcome. It knows the
//! servers only from outside: sockets, /proc, and strace where they do not tell their syncs.

mod checkpoint;
mod client;
mod collections;
mod deliveries;
mod durability;
mod error;
mod expiry;
mod floor;
mod footprint;
mod interrupt;
mod latency;
mod load;
mod machine;
mod measure;
mod memory;
mod percentiles;
mod plan;
mod probe;
mod reply;
mod report;
mod restart;
mod server;
mod suites;
mod syncs;
mod targets;
mod turns;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Context, Error};
use crate::floor::FloorOptions;
use crate::machine::{Cores, Machine};
use crate::plan::{Mode, Plan};
use crate::report::Head;
use crate::server::Program;
use crate::suites::Bench;

/// Where a full run leaves its report.
const REPORTS: &str = "docs/perf";

/// Measures Shardwright beside redis-server.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The server under test; a redis-server here compares Redis with itself.
    #[arg(long, default_value = "target/release/shardwright")]
    server: PathBuf,
    /// A few seconds: one short round of a few loads over few keys; writes no file.
    #[arg(long, conflicts_with = "quick")]
    smoke: bool,
    /// A few minutes: fewer loads, shorter and fewer rounds; writes a file only with --out.
    #[arg(long)]
    quick: bool,
    /// Only what has this in its name, such as `one-core GET`, `p16`, `memory`; writes a file only with --out.
    #[arg(long, value_name = "PART")]
    only: Option<String>,
    /// Interleaved rounds.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// The report's file; by default a full run writes docs/perf/<date>.md.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What the program is started as.
#[derive(Debug, Subcommand)]
enum Part {
    /// The server that only reads and writes, which the bench starts as one of those that it measures.
    #[command(hide = true)]
    Floor(FloorOptions),
}

impl Options {
    fn mode(&self) -> Mode {
        match (self.smoke, self.quick) {
            (true, _) => Mode::Smoke,
            (_, true) => Mode::Quick,
            _ => Mode::Full,
        }
    }

    /// The file to write, if any.
    fn file(&self, date: &str) -> Option<PathBuf> {
        let whole = self.mode() == Mode::Full && self.only.is_none();
        let default = || whole.then(|| Path::new(REPORTS).join(format!("{date}.md")));
        self.out.clone().or_else(default)
    }
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Error> {
    if let Some(Part::Floor(options)) = &options.part {
        return floor::serve(options);
    }
    interrupt::install()?;
    let ours = Program::under_test(&options.server)?;
    let redis = Program::redis()?;
    let cores = Cores::available()?;
    let head = Head {
        date: time::OffsetDateTime::now_utc().date().to_string(),
        machine: Machine::describe(&cores),
        redis: redis.version()?,
        ours: ours.version()?,
    };
    let plan = Plan::new(options.mode(), options.rounds.map(usize::from), options.only.clone());
    let mut bench = Bench::new(plan.clone(), cores, redis, ours);
    let outcome = bench.run();
    // What was measured before an error is shown too, but no file is written of half a run.
    let report = report::markdown(&head, &plan, bench.results());
    println!("{report}");
    outcome?;
    if let Some(file) = options.file(&head.date) {
        let what = || format!("writing {}", file.display());
        if let Some(dir) = file.parent() {
            fs::create_dir_all(dir).context(what)?;
        }
        fs::write(&file, report).context(what)?;
        eprintln!("written to {}", file.display());
    }
    Ok(())
}
