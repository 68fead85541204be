//! `shardwright import`: a data directory from an RDB file.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use shardwright_actors::clock::Clock;
use shardwright_actors::rdb::import::{ImportError, import};
use shardwright_actors::rdb::reading::{RdbError, Rules};
use shardwright_journal::{Progress, take_to_found};
use shardwright_store::types::{MAX_DATABASES, ShardMap};

use super::failure::Failure;
use super::progress::Shown;
use super::text::{bytes, count};

/// Makes a data directory of an RDB file, such as Redis writes it
///
/// A server starts with the directory when this has ended with status 0, with any number of shards. A
/// file that is damaged, or has what is not supported, is refused as a whole. An import that was
/// interrupted is done by importing again. Keys whose time has come are left out.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The RDB file
    file: PathBuf,
    /// The data directory to make: absent or empty
    #[arg(long, value_name = "DATA")]
    dir: PathBuf,
    /// Databases that the server is going to have (setting: databases)
    #[arg(long, value_name = "NUMBER", default_value_t = 16,
          value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_DATABASES)))]
    databases: u16,
    /// Shards that the server is going to have; any other number works, and starts more slowly
    /// [default: one a core]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256))]
    shards: Option<u16>,
}

/// Imports the file.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { file: path, dir, databases, shards } = arguments;
    let begin = Instant::now();
    let unreadable = |error| Failure::Failed(format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    let len = file.metadata().map_err(unreadable)?.len();
    let disk = Arc::new(take_to_found(dir)?);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let map = ShardMap::new(shards.unwrap_or_else(|| u16::try_from(cores).unwrap_or(u16::MAX)));
    let rules = Rules { databases: *databases, now: Clock::new().now() };
    let origin = std::path::absolute(path).unwrap_or_else(|_| path.clone()).display().to_string();
    let mut shown = Shown::new("import");
    shown.begin(len);
    let outcome = import(&disk, file, &origin, (map, rules), &mut shown);
    drop(shown);
    let imported = outcome.map_err(|error| failure(path.display(), error))?;
    for module in &imported.counts.modules {
        eprintln!("shardwright: data of module {module} was passed over");
    }
    println!(
        "imported {} into {}: {}{}; {}, {:.1} seconds",
        path.display(),
        dir.display(),
        count(imported.counts.loaded, "key"),
        left_out(imported.counts.expired),
        bytes(imported.len),
        begin.elapsed().as_secs_f64(),
    );
    Ok(())
}

fn left_out(expired: u64) -> String {
    match expired {
        0 => String::new(),
        expired => format!(", and {expired} left out whose time had come"),
    }
}

/// Nothing was kept: because of the file, or of the directory.
fn failure(path: std::path::Display<'_>, error: ImportError) -> Failure {
    match error {
        ImportError::File(RdbError::Read(error)) => Failure::Failed(format!("{path}: {error}")),
        ImportError::File(error) => {
            Failure::Damaged(format!("{path} cannot be imported, nothing was kept: {error}"))
        }
        ImportError::Journal(error) => error.into(),
    }
}
