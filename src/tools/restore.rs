//! `shardwright restore`: a data directory from a backup.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use shardwright_journal::{Disk, take_to_found};

use super::failure::Failure;
use super::progress::Shown;
use super::text::copied;

/// Restores a backup into an empty data directory
///
/// Checksums are verified while it is copied. A server starts with the directory when this has ended
/// with status 0, and not before.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The backup's directory
    backup: PathBuf,
    /// The data directory to make: absent or empty
    #[arg(long, value_name = "DATA")]
    dir: PathBuf,
}

/// Restores the backup.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { backup, dir } = arguments;
    let begin = Instant::now();
    let source = Disk::look(backup)?;
    let target = take_to_found(dir)?;
    let inventory = shardwright_journal::restore(&source, &target, &mut Shown::new("restore"))
        .map_err(|error| Failure::from(error).with(&again(dir)))?;
    say!(
        "restored {} to {}: {}",
        backup.display(),
        dir.display(),
        copied(&inventory, begin.elapsed()),
    );
    Ok(())
}

/// What to do about a restore that failed.
fn again(dir: &Path) -> String {
    format!(
        "; what was copied to {} is of no use: restore into it again, or remove it",
        dir.display()
    )
}
