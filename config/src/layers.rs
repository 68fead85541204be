//! The sources of settings: each turns its own syntax into assignments, and all assignments are
//! checked and layered in one way.

pub(crate) mod command_line;
pub(crate) mod environment;
pub(crate) mod include;
pub(crate) mod redis_conf;
pub(crate) mod yaml;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use config::{Map, Source, Value, ValueKind};

use crate::error::{LoadError, Origin};
use crate::foreign::{self, Foreign};
use crate::kind::Kind;
use crate::parameter::Parameter;
use crate::settings::Settings;
use crate::table;
use crate::value::ValueError;

/// How settings reach files, so that tests need none.
pub trait FileReader {
    /// The whole content of a file.
    ///
    /// # Errors
    /// As the system gives them.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The paths in a directory, in any order.
    ///
    /// # Errors
    /// As the system gives them.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;

    /// The directory that relative paths start from.
    ///
    /// # Errors
    /// As the system gives them.
    fn current_dir(&self) -> io::Result<PathBuf>;
}

/// The files of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl FileReader for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        std::fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect()
    }

    fn current_dir(&self) -> io::Result<PathBuf> {
        std::env::current_dir()
    }
}

/// One name with its values, as a source has it.
pub(crate) struct Assignment {
    /// The name as it was written.
    pub name: String,
    /// The words after it.
    pub values: Vec<String>,
    /// Where it was written.
    pub origin: Origin,
}

/// One source's checked values, ready to be put over others.
#[derive(Clone, Default)]
pub(crate) struct Layer {
    /// By parameter name; those with classes by `name.class`.
    values: BTreeMap<String, (String, Origin)>,
}

impl Layer {
    /// The layer below all others: every parameter's default.
    pub(crate) fn defaults() -> Self {
        let mut layer = Self::default();
        for parameter in table::parameters() {
            layer.insert(parameter, parameter.default, &Origin::Default);
        }
        layer
    }

    /// Checks each assignment by itself and collects the values; later ones replace earlier ones.
    /// Names without a meaning here go to `warnings`.
    pub(crate) fn check(
        assignments: Vec<Assignment>,
        warnings: &mut Vec<String>,
    ) -> Result<Self, LoadError> {
        let mut layer = Self::default();
        for assignment in assignments {
            let Assignment { name, values, origin } = assignment;
            match (table::find(&name), foreign::find(&name)) {
                (Some(parameter), _) => match checked_text(parameter, &values, &origin) {
                    Err(LoadError::NotYet { reason, .. }) if parameter.tolerant => {
                        let warning = format!("'{name}' {origin} has no meaning here: {reason}");
                        warnings.push(warning);
                    }
                    text => layer.insert(parameter, &text?, &origin),
                },
                (None, Some(Foreign::Ignored(reason))) => {
                    warnings.push(format!("'{name}' {origin} has no meaning here: {reason}"));
                }
                (None, Some(Foreign::Missing(feature))) => {
                    return Err(LoadError::Missing { name, feature, origin: origin.to_string() });
                }
                (None, None) => return Err(unknown(name, &values, &origin)),
            }
        }
        Ok(layer)
    }

    /// The parameters that this layer sets, each with the place.
    pub(crate) fn origins(&self) -> impl Iterator<Item = (&'static str, &Origin)> {
        self.values.iter().filter_map(|(key, (_, origin))| {
            let name = key.split('.').next().unwrap_or(key);
            table::find(name).map(|parameter| (parameter.name, origin))
        })
    }

    /// Puts a checked value in. Client classes are kept apart, so that a layer replaces only the
    /// classes that it names.
    fn insert(&mut self, parameter: &Parameter, text: &str, origin: &Origin) {
        if parameter.kind == Kind::SaveRules
            && !text.is_empty()
            && let Some((before, _)) = self.values.get_mut(parameter.name)
        {
            // Each line of a redis.conf adds a rule; an empty one takes back all before it.
            *before = format!("{before} {text}").trim_start().to_owned();
            return;
        }
        if parameter.kind != Kind::OutputLimits {
            self.values.insert(parameter.name.to_owned(), (text.to_owned(), origin.clone()));
            return;
        }
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        for [class, limits @ ..] in words.as_chunks::<4>().0 {
            let class = match class.to_ascii_lowercase().as_str() {
                "slave" => "replica".to_owned(),
                class => class.to_owned(),
            };
            let key = format!("{}.{class}", parameter.name);
            self.values.insert(key, (limits.join(" "), origin.clone()));
        }
    }
}

impl fmt::Debug for Layer {
    /// The names alone: values may be secrets.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.values.keys()).finish()
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        let value = |(text, origin): &(String, Origin)| {
            Value::new(Some(&origin.to_string()), ValueKind::String(text.clone()))
        };
        Ok(self.values.iter().map(|(key, entry)| (key.clone(), value(entry))).collect())
    }
}

/// The text of a value that the parameter takes.
fn checked_text(
    parameter: &'static Parameter,
    values: &[String],
    origin: &Origin,
) -> Result<String, LoadError> {
    let text = values.join(" ");
    if values.len() != 1 && !parameter.kind.takes_many() {
        let expected = format!("one value, not {}", values.len());
        return Err(bad_value(parameter, text, expected, &origin.to_string()));
    }
    apply(parameter, &mut Settings::default(), &text, &origin.to_string())?;
    Ok(text)
}

/// Sets a parameter, or says why not in the words of a failed start.
pub(crate) fn apply(
    parameter: &'static Parameter,
    settings: &mut Settings,
    text: &str,
    origin: &str,
) -> Result<(), LoadError> {
    parameter.set(settings, text).map_err(|error| match error {
        ValueError::Only { .. } => LoadError::NotYet {
            name: parameter.name,
            value: shown(parameter, text.to_owned()),
            reason: error.to_string(),
            origin: origin.to_owned(),
        },
        _ => bad_value(parameter, text.to_owned(), parameter.kind.describe(), origin),
    })
}

/// The error for a value of the wrong kind; hides secrets.
pub(crate) fn bad_value(
    parameter: &'static Parameter,
    value: String,
    expected: String,
    origin: &str,
) -> LoadError {
    let value = shown(parameter, value);
    LoadError::BadValue { name: parameter.name, value, expected, origin: origin.to_owned() }
}

/// A value as errors may show it.
pub(crate) fn shown(parameter: &Parameter, value: String) -> String {
    if parameter.secret() { "***".to_owned() } else { value }
}

/// The error for a name that nobody has.
pub(crate) fn unknown(name: String, values: &[String], origin: &Origin) -> LoadError {
    /// Changes of one letter up to which a name counts as similar.
    const SIMILAR: usize = 2;
    let lower = name.to_ascii_lowercase();
    let near = table::parameters()
        .map(|parameter| (distance(&lower, parameter.name), parameter.name))
        .filter(|(distance, name)| *distance <= SIMILAR && *distance < name.len())
        .min()
        .map(|(_, name)| name);
    let value = match values {
        [] => None,
        _ if may_be_secret(&lower) => Some("***".to_owned()),
        values => Some(values.join(" ")),
    };
    LoadError::Unknown { name, value, near, origin: origin.to_string() }
}

/// Whether somebody may have meant a secret by an unknown name: it speaks of one, or is somewhat like
/// the name of one. Better one harmless value too many is hidden than a password in a log.
fn may_be_secret(lower: &str) -> bool {
    const WORDS: [&str; 8] = ["auth", "cred", "key", "pass", "priv", "pwd", "secret", "token"];
    /// Changes of one letter up to which a name is somewhat like another.
    const LIKE: usize = 4;
    let is_like = |parameter: &Parameter| distance(lower, parameter.name) <= LIKE;
    let mut secrets = table::parameters().filter(|parameter| parameter.secret());
    WORDS.iter().any(|word| lower.contains(word)) || secrets.any(is_like)
}

/// How many letters must be added, left out or changed to make one name of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, byte) in one.bytes().enumerate() {
        let mut diagonal = place;
        let mut left = place + 1;
        for (cell, second) in row.iter_mut().skip(1).zip(other.bytes()) {
            let best = (diagonal + usize::from(byte != second)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = place + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_letters() {
        for (one, other, expected) in
            [("port", "port", 0), ("prot", "port", 2), ("por", "port", 1), ("", "abc", 3)]
        {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn similar_names_are_suggested_and_values_shown_that_cannot_be_secrets() {
        let text = |name: &str, values: &[&str]| {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            unknown(name.to_owned(), &values, &Origin::CommandLine).to_string()
        };
        let hint = "unknown setting 'RequirePas' with the value '***' on the command line; did you \
                    mean 'requirepass'?";
        assert_eq!(text("RequirePas", &["hunter2"]), hint);
        assert_eq!(text("abc", &[]), "unknown setting 'abc' on the command line");
        let shown = "unknown setting 'abc' with the value '1 2' on the command line";
        assert_eq!(text("abc", &["1", "2"]), shown);
        let misspelt = ["mastreauth", "masterath", "requriepas", "reqirepss", "db-password"];
        for name in misspelt.into_iter().chain(["tls-key", "api-token", "CLIENT-SECRET", "pwd"]) {
            assert!(!text(name, &["hunter2", "x"]).contains("hunter2"), "{name}");
        }
    }
}
