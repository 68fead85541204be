//! No text of a file, a variable or the command line makes loading panic.

use std::io;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use shardwright_config::{FileReader, Settings, load, parameters};

/// The same bytes under every path.
struct Anything(Vec<u8>);

impl FileReader for Anything {
    fn read(&self, _path: &Path) -> io::Result<Vec<u8>> {
        Ok(self.0.clone())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(vec![directory.join("a"), directory.join("b")])
    }

    fn current_dir(&self) -> io::Result<PathBuf> {
        Ok(PathBuf::from("/"))
    }
}

/// Names that mean something, and ones that do not.
fn name() -> impl Strategy<Value = String> {
    let known: Vec<String> = parameters()
        .flat_map(|parameter| parameter.names())
        .chain(["config", "loadmodule", "rdb-del-sync-files", "SAVE", "version"])
        .map(str::to_owned)
        .collect();
    prop_oneof![4 => prop::sample::select(known), 1 => "\\PC{0,12}"]
}

/// Values that are nearly right, and ones that are not.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,25}(b|k|kb|mb|gb|ms|s|m|h|d|%|é)?",
        "-?[0-9]{1,20}",
        "(yes|no|''|\"\"|\\*|-::1|debug|local|normal 0 0 0|slave 1mb)",
        "\\PC{0,30}",
        any::<String>(),
    ]
}

/// Files of lines that look like settings, with bytes changed here and there.
fn file() -> impl Strategy<Value = Vec<u8>> {
    let line = (name(), prop::sample::select(vec![" ", ": ", "\t", " \"", " '"]), value())
        .prop_map(|(name, gap, value)| format!("{name}{gap}{value}\n").into_bytes());
    prop_oneof![
        prop::collection::vec(line, 0..8).prop_map(|lines| lines.concat()),
        prop::collection::vec(any::<u8>(), 0..200),
    ]
}

/// Only files that include nothing: one that includes itself at every level takes for ever.
fn includes(text: &[u8]) -> bool {
    text.to_ascii_lowercase().windows(7).any(|window| window == b"include")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_file_loads_or_is_refused(text in file(), yaml in any::<bool>()) {
        prop_assume!(!includes(&text));
        let path = if yaml { "s.yaml" } else { "r.conf" };
        if let Err(error) = load([path], [("", ""); 0], &Anything(text)) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn any_command_line_and_environment_load_or_are_refused(
        options in prop::collection::vec((name(), prop::collection::vec(value(), 0..3)), 0..5),
        loose in prop::collection::vec(value(), 0..2),
        variables in prop::collection::vec((name(), value()), 0..3),
    ) {
        let options = options.into_iter().flat_map(|(name, values)| {
            std::iter::once(format!("--{name}")).chain(values)
        });
        let variables = variables.into_iter().map(|(name, value)| {
            (format!("SHARDWRIGHT__{}", name.to_uppercase().replace('-', "_")), value)
        });
        let _ = load(loose.into_iter().chain(options), variables, &Anything(b"port 1".to_vec()));
    }

    #[test]
    fn what_config_set_takes_config_get_gives_back_and_takes_again(
        name in name(),
        value in value(),
    ) {
        let mut settings = Settings::default();
        if settings.config_set(&[(&name, &value)], true).is_ok() {
            let shown = settings.get_matching(&[&name], |_, _| false);
            if let [(_, shown)] = shown.as_slice() {
                let mut again = Settings::default();
                prop_assert_eq!(again.config_set(&[(&name, shown)], true).map(|_| ()), Ok(()));
                prop_assert_eq!(format!("{again:?}"), format!("{settings:?}"));
            }
        }
    }
}
