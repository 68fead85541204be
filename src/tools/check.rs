//! `shardwright check`: what a data directory has, and whether a server can start with it.

use std::path::{Path, PathBuf};

use clap::Args;
use shardwright_actors::recovery::{advice, rehearse};
use shardwright_journal::{Contents, Disk, LockError, Manifest, RecoveryError, Report};

use super::failure::Failure;
use super::progress::Shown;
use super::text::{bytes, count, written_at};

/// Checks a data directory that no server is using: reads all of it and loads it, as a start would
///
/// Nothing is written. It takes as much memory as a server with this data. Status 0: sound; 1:
/// damaged; 2: cannot be examined.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The data directory
    #[arg(long, value_name = "DATA")]
    dir: PathBuf,
}

/// Checks the directory.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let dir = &arguments.dir;
    let disk = Disk::look_alone(dir).map_err(taken)?;
    let mut shown = Shown::new("check");
    let (report, loaded) = rehearse(|loader| shardwright_journal::check(&disk, loader, &mut shown));
    drop(shown);
    let report = report?;
    print(dir, &report);
    match (report.damage, loaded) {
        (None, Ok(())) => {
            say!("sound");
            Ok(())
        }
        (None, Err(error)) => Err(Failure::Damaged(error)),
        (Some(damage), _) => {
            let path = std::path::absolute(dir).unwrap_or_else(|_| dir.clone());
            let advice = advice(&damage, &path);
            Err(Failure::from(damage).with(&advice))
        }
    }
}

/// What to do where a server has the directory.
pub fn taken(error: LockError) -> Failure {
    let is_taken = matches!(error, LockError::Taken(_));
    let failure = Failure::from(error);
    if !is_taken {
        return failure;
    }
    failure.with(
        "; beside a running server, `shardwright backup` and `shardwright verify` tell as much",
    )
}

fn print(dir: &Path, report: &Report) {
    say!("directory   {}", dir.display());
    if let (Some(manifest), Some(contents)) = (&report.manifest, &report.contents) {
        match manifest.checkpoint {
            Some(entry) => {
                say!("checkpoint  all up to record {}, {}", entry.lsn, bytes(entry.len));
            }
            None => say!("checkpoint  none"),
        }
        print_log(manifest, contents, report.damage.as_ref());
    }
    for (name, len) in &report.strays {
        say!("stray       {name}, {}: does not count, the next start removes it", bytes(*len));
    }
    for (name, len) in &report.spares {
        say!("spare       {name}, {}: says nothing, the log writes over it", bytes(*len));
    }
}

fn print_log(manifest: &Manifest, contents: &Contents, damage: Option<&RecoveryError>) {
    let partly = if damage.is_some() { ", as far as it could be read" } else { "" };
    let len = contents.lens.iter().map(|(_, len)| len).sum::<u64>() + before(damage, manifest);
    let segments = count(manifest.segments.len() as u64, "segment");
    say!("log         {segments}, {}{partly}", bytes(len));
    say!("records     {} behind the checkpoint{partly}", contents.records);
    say!("newest      record {}{}{partly}", contents.newest, written_at(contents.newest_ms));
    if let Some(torn) = &contents.torn {
        let (spot, len) = (&torn.spot, bytes(torn.bytes));
        say!("end         half written from {spot} on: the next start cuts off {len}");
    }
}

/// Bytes of a segment that were read before damage in it.
fn before(damage: Option<&RecoveryError>, manifest: &Manifest) -> u64 {
    match damage {
        Some(RecoveryError::Damaged { spot, .. })
            if manifest.segments.iter().any(|segment| segment.name() == spot.file) =>
        {
            spot.offset
        }
        _ => 0,
    }
}
