//! `shardwright backup`: a copy of a data directory, also of one that a server is using.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use shardwright_journal::{Disk, open_to_back_up};

use super::failure::Failure;
use super::progress::Shown;
use super::text::{copied, now_ms};

/// Makes a backup of a data directory, also while a server is using it
///
/// The backup has everything up to one record of the log, and is checked while it is copied. It is
/// complete when this has ended with status 0, and not before.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The data directory
    #[arg(long, value_name = "DATA")]
    dir: PathBuf,
    /// Where the backup goes: a directory that is absent or empty
    #[arg(long, value_name = "TARGET")]
    to: PathBuf,
}

/// Makes the backup.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { dir, to } = arguments;
    let begin = Instant::now();
    let source = Disk::look(dir)?;
    let opened = open_to_back_up(&source).map_err(Failure::from)?;
    let target = Disk::take_empty(to)?;
    let made_ms = now_ms().cast_signed();
    let inventory = opened
        .back_up(&target, made_ms, &mut Shown::new("backup"))
        .map_err(|error| Failure::from(error).with(&leftover(to)))?;
    say!(
        "backed up {} to {}: {}",
        dir.display(),
        to.display(),
        copied(&inventory, begin.elapsed()),
    );
    Ok(())
}

/// What to do with a copy that was not finished.
pub fn leftover(target: &std::path::Path) -> String {
    format!("; what was copied to {} is of no use, remove it", target.display())
}
