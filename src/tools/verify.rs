//! `shardwright verify`: whether a backup can be restored and started with.

use std::path::PathBuf;

use clap::Args;
use shardwright_actors::recovery::rehearse;
use shardwright_journal::Disk;

use super::failure::Failure;
use super::progress::Shown;
use super::text::{bytes, count, written_at};

/// Verifies a backup: reads all of it and loads it, as a start would
///
/// Nothing is written. It takes as much memory as a server with this data.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The backup's directory
    backup: PathBuf,
}

/// Verifies the backup.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let path = &arguments.backup;
    let backup = Disk::look(path)?;
    let mut shown = Shown::new("verify");
    let (outcome, loaded) =
        rehearse(|loader| shardwright_journal::verify(&backup, loader, &mut shown));
    drop(shown);
    let (inventory, contents) = outcome?;
    loaded.map_err(Failure::Damaged)?;
    say!(
        "{} is sound: all up to record {}{}; {} behind the checkpoint, {}, {}",
        path.display(),
        inventory.newest,
        written_at(inventory.newest_ms),
        count(contents.records, "record"),
        count(inventory.files.len() as u64, "file"),
        bytes(inventory.bytes()),
    );
    Ok(())
}
