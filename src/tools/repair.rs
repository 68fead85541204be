//! `shardwright repair`: cuts the log off before what is damaged, or makes the manifest anew.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use shardwright_actors::recovery::{advice, rehearse};
use shardwright_journal::{Diagnosis, Disk, Remedy, Repair, RepairError, diagnose};

use super::check::taken;
use super::failure::Failure;
use super::progress::Shown;
use super::text::{bytes, count, now_ms, written_at};

/// Repairs a data directory that no server is using: cuts the log off before what is damaged
///
/// What it would do is shown first, and done only after a yes. Everything that is cut off or replaced
/// is kept in a subdirectory `repaired-<seconds since 1970>`. A damaged or missing MANIFEST is made
/// anew if the other files leave no doubt. A damaged checkpoint cannot be repaired: restore a backup.
/// Status 0: repaired, or nothing to repair; 1: damaged still; 2: cannot be examined.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The data directory
    #[arg(long, value_name = "DATA")]
    dir: PathBuf,
    /// Repair without asking
    #[arg(long)]
    yes: bool,
}

/// Repairs the directory.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { dir, yes } = arguments;
    let disk = Disk::take_existing(dir).map_err(taken)?;
    let mut shown = Shown::new("repair");
    let (diagnosis, loaded) = rehearse(|loader| diagnose(&disk, loader, &mut shown));
    drop(shown);
    let diagnosis = diagnosis.map_err(|error| refused(error, dir))?;
    loaded.map_err(|error| {
        Failure::Damaged(format!("{error}: the records are whole, no repair makes others of them"))
    })?;
    let Diagnosis::Repairable(repair) = diagnosis else {
        say!("{} is sound: there is nothing to repair", dir.display());
        return Ok(());
    };
    print(dir, &repair);
    if !yes && !is_confirmed() {
        return Err(Failure::Damaged("nothing was changed; --yes repairs without asking".into()));
    }
    let subdirectory = repair.carry_out(&disk, now_ms() / 1000)?;
    say!("repaired; what was there before is kept in {}", dir.join(subdirectory).display());
    Ok(())
}

/// Why there is no repair, and what helps instead.
fn refused(error: RepairError, dir: &Path) -> Failure {
    let path = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let more = match &error {
        RepairError::Beyond(damage) => advice(damage, &path),
        _ => "; restore a backup".to_owned(),
    };
    Failure::from(error).with(&more)
}

/// Asks on the terminal, if there is one.
fn is_confirmed() -> bool {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return false;
    }
    let mut line = String::new();
    let asked = write!(io::stdout(), "Repair it in this way? [y/N] ");
    let asked = asked.and_then(|()| io::stdout().flush());
    let answered = asked.and_then(|()| io::stdin().read_line(&mut line));
    answered.is_ok() && ["y", "yes"].contains(&line.trim().to_lowercase().as_str())
}

fn print(dir: &Path, repair: &Repair) {
    let Repair { damage, manifest, contents, cut, aside, lost } = repair;
    say!("directory   {}", dir.display());
    say!("damage      {damage}");
    match cut {
        Some(cut) => say!(
            "cut         {} behind its first {}; it becomes {}",
            cut.old.name(),
            bytes(cut.len),
            cut.new.name(),
        ),
        None if damage.remedy() == Remedy::Rebuild => say!("manifest    made anew"),
        None => say!("cut         whole segments alone"),
    }
    let files: Vec<String> = manifest.files().collect();
    let files =
        if files.is_empty() { "no file: all data is lost".to_owned() } else { files.join(", ") };
    say!("counts      {files}");
    say!("kept        all up to record {}{}", contents.newest, written_at(contents.newest_ms));
    match lost {
        Some(lost) => say!(
            "lost        {} to {}, {}, as far as can be known; a backup may have them",
            lost.start(),
            lost.end(),
            count(lost.end() - lost.start() + 1, "record"),
        ),
        None if damage.remedy() == Remedy::Cut => say!(
            "lost        all from record {} on, and nothing tells how many there were; a backup may have \
             them",
            contents.newest.next(),
        ),
        None => say!("lost        nothing that can be seen; a backup may have more"),
    }
    say!("set aside   {}", aside.join(", "));
}
