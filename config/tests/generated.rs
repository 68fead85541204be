//! The generated files are those that the table gives, and the default file means what it says.

use std::path::{Path, PathBuf};
use std::{fs, io};

use shardwright_config::{FileReader, Settings, generate, load, parameters};

fn check(path: &str, expected: &str) {
    let found = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path));
    assert!(
        found.is_ok_and(|found| found == expected),
        "{path} is stale: run `{}`",
        generate::COMMAND
    );
}

#[test]
fn the_settings_page_is_up_to_date() {
    check("docs/settings.md", &generate::settings_page());
}

#[test]
fn the_default_file_is_up_to_date() {
    check("shardwright.default.yaml", &generate::default_file());
}

/// One file that has every path.
struct OneFile(String);

impl FileReader for OneFile {
    fn read(&self, _path: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }

    fn list(&self, _directory: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    fn current_dir(&self) -> io::Result<PathBuf> {
        Ok(PathBuf::from("/start"))
    }
}

#[test]
fn the_default_file_sets_nothing_and_uncommented_sets_every_default() {
    let no_environment = [("", ""); 0];
    let file = generate::default_file();
    let loaded = load(["s.yaml"], no_environment, &OneFile(file.clone())).unwrap();
    assert!(loaded.sources.is_empty());

    let uncommented: String = file
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    let loaded = load(["s.yaml"], no_environment, &OneFile(uncommented)).unwrap();
    for parameter in parameters() {
        assert!(loaded.is_explicit(parameter.name), "{}", parameter.name);
        let default = parameter.get(&Settings::default());
        assert_eq!(parameter.get(&loaded.settings), default, "{}", parameter.name);
    }
}
