//! `shardwright export`: an RDB file of a data directory or a backup.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use shardwright_actors::clock::Clock;
use shardwright_actors::rdb::writing::{RdbFile, write_partitions};
use shardwright_actors::recovery::{Partitions, advice, load_alone};
use shardwright_codec::rdb::Options;
use shardwright_journal::{BACKUP, Disk, TornTail};

use super::check::taken;
use super::failure::Failure;
use super::progress::Shown;
use super::text::{bytes, count};

/// Writes what a data directory or a backup has into an RDB file, which Redis loads
///
/// No server may be using the directory; nothing in it is changed. It takes as much memory as a server
/// with this data. The file is there, and whole, when this has ended with status 0; another one of its
/// name is replaced.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The data directory, or a backup
    #[arg(long, value_name = "DATA")]
    dir: PathBuf,
    /// The RDB file to write
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Compress long strings
    #[arg(
        long,
        value_enum,
        default_value = "yes",
        value_name = "YES|NO",
        hide_possible_values = true
    )]
    rdbcompression: YesNo,
    /// End the file with a checksum
    #[arg(
        long,
        value_enum,
        default_value = "yes",
        value_name = "YES|NO",
        hide_possible_values = true
    )]
    rdbchecksum: YesNo,
}

/// The words of Redis's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum YesNo {
    Yes,
    No,
}

/// Exports the directory.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { dir, to, rdbcompression, rdbchecksum } = arguments;
    let begin = Instant::now();
    let (target, name) = target(to)?;
    let partitions = load(dir)?;
    let options =
        Options { compress: *rdbcompression == YesNo::Yes, checksum: *rdbchecksum == YesNo::Yes };
    let failed = |error| Failure::Failed(format!("{} was not written: {error}", to.display()));
    let file = RdbFile::begin(&target, name, options, Clock::new().now()).map_err(failed)?;
    let partitions: Vec<_> = partitions.iter().map(|partition| &**partition).collect();
    let mut shown = Shown::of_keys("writing");
    let outcome = write_partitions(file, &partitions, &mut shown);
    drop(shown);
    let written = outcome.map_err(failed)?;
    println!(
        "exported {} to {}: {}; {}, {:.1} seconds",
        dir.display(),
        to.display(),
        count(written.keys, "key"),
        bytes(written.len),
        begin.elapsed().as_secs_f64(),
    );
    Ok(())
}

/// The directory of the file to write, and its name there.
fn target(to: &Path) -> Result<(Disk, &str), Failure> {
    let name = to.file_name().and_then(|name| name.to_str()).filter(|_| !to.is_dir());
    let name = name.ok_or_else(|| Failure::Failed(format!("{} names no file", to.display())))?;
    if to.symlink_metadata().is_ok_and(|found| !found.is_file()) {
        return Err(Failure::Failed(format!("{} is no ordinary file", to.display())));
    }
    if shardwright_config::FileName::is_own(name) {
        return Err(Failure::Failed(format!("{name} is a name of a data directory's own files")));
    }
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok((Disk::look(parent.unwrap_or(Path::new(".")))?, name))
}

/// What the directory has, as a start would load it.
fn load(dir: &Path) -> Result<Partitions, Failure> {
    let mut shown = Shown::new("loading");
    if dir.join(BACKUP).exists() {
        let backup = Disk::look(dir)?;
        let (outcome, loaded) =
            load_alone(|loader| shardwright_journal::verify(&backup, loader, &mut shown));
        outcome?;
        return loaded.map_err(Failure::Damaged);
    }
    let disk = Disk::look_alone(dir).map_err(taken)?;
    let (report, loaded) =
        load_alone(|loader| shardwright_journal::check(&disk, loader, &mut shown));
    drop(shown);
    let report = report?;
    if let Some(damage) = report.damage {
        let path = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        let advice = advice(&damage, &path);
        return Err(Failure::from(damage).with(&advice));
    }
    if let Some(TornTail { spot, bytes: len }) = report.contents.and_then(|found| found.torn) {
        eprintln!(
            "shardwright: the log is half written from {spot} on: as a start would, this leaves out \
             {}",
            bytes(len)
        );
    }
    loaded.map_err(Failure::Damaged)
}
