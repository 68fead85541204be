//! Directories of the real file system: who may have them, and what is made in them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use shardwright_journal::{Disk, LockError, Storage, StorageFile};

fn entries(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn who_only_reads_makes_nothing_and_needs_no_lock() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path();
    drop(Disk::look_alone(path).unwrap());
    drop(Disk::look(path).unwrap());
    assert!(entries(path).is_empty());
    let taken = Disk::take(path).unwrap();
    assert!(Disk::look(path).is_ok());
    assert!(matches!(Disk::look_alone(path), Err(LockError::Taken(_))));
    assert!(matches!(Disk::take_existing(path), Err(LockError::Taken(_))));
    drop(taken);
    let alone = Disk::look_alone(path).unwrap();
    assert!(matches!(Disk::take(path), Err(LockError::Taken(_))), "nobody writes meanwhile");
    drop(alone);
    let absent = path.join("absent");
    for outcome in [Disk::look(&absent), Disk::look_alone(&absent), Disk::take_existing(&absent)] {
        assert!(matches!(outcome, Err(LockError::Absent(_))));
    }
    assert!(!absent.exists());
}

#[test]
fn a_directory_with_anything_in_it_is_not_empty() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("new");
    // A lock's file alone is what an attempt before left.
    (0..2).for_each(|_| drop(Disk::take_empty(&path).unwrap()));
    fs::write(path.join("notes.txt"), "keep").unwrap();
    fs::remove_file(path.join("LOCK")).unwrap();
    assert!(matches!(Disk::take_empty(&path), Err(LockError::NotEmpty { .. })));
    assert_eq!(entries(&path), ["notes.txt"]);
}

#[test]
fn what_is_set_aside_is_there_under_both_names_until_one_goes() {
    let place = tempfile::tempdir().unwrap();
    let disk = Disk::take(place.path()).unwrap();
    let mut file = disk.create("file").unwrap();
    file.write(b"bytes").unwrap();
    file.sync().unwrap();
    assert_eq!(disk.len("file").unwrap(), 5);
    disk.set_aside("file", "aside").unwrap();
    let second = place.path().join("aside/file");
    assert_eq!(fs::metadata(&second).unwrap().nlink(), 2);
    assert!(disk.set_aside("file", "aside").is_err(), "nothing is written over");
    assert!(disk.set_aside("missing", "aside").is_err());
    disk.remove("file").unwrap();
    assert_eq!(fs::read(&second).unwrap(), b"bytes");
    assert_eq!(entries(&place.path().join("aside")), ["file"]);
}

#[test]
fn a_file_is_written_over_unless_somebody_reads_it_or_has_it_under_another_name() {
    let place = tempfile::tempdir().unwrap();
    let disk = Disk::take(place.path()).unwrap();
    let mut file = disk.create("file").unwrap();
    file.write(b"earlier").unwrap();
    let over = |bytes: &[u8]| {
        let file = disk.reopen("file").unwrap();
        file.map(|mut file| file.write(bytes).unwrap()).is_some()
    };
    assert!(over(b"new"));
    assert_eq!(
        disk.read("file").unwrap(),
        b"newlier",
        "it begins at the begin and empties nothing"
    );
    let readers = [disk.open("file").unwrap(), disk.open("file").unwrap()];
    for reader in readers {
        assert!(!over(b"bad"), "it is read");
        drop(reader);
    }
    assert!(over(b"now"));
    fs::hard_link(place.path().join("file"), place.path().join("kept")).unwrap();
    assert!(!over(b"bad"), "it has another name");
    fs::remove_file(place.path().join("kept")).unwrap();
    assert!(over(b"end"));
    assert_eq!(disk.read("file").unwrap(), b"endlier");
    assert!(disk.reopen("missing").is_err());
}
