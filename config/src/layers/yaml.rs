//! YAML files: one mapping of parameter names to values.
//!
//! Numbers and truth values are taken as the text they stand for, except where the parameter is a
//! text: a password `0123` would lose its zero on the way, so it must be quoted.

use std::path::Path;

use config::{File, FileFormat, Map, Source, Value, ValueKind};

use crate::error::{LoadError, Origin};
use crate::layers::{Assignment, bad_value};
use crate::parameter::Parameter;
use crate::table;

/// Reads every assignment of a file's text, in the order of the lines.
pub(crate) fn parse(text: &[u8], path: &Path) -> Result<Vec<Assignment>, LoadError> {
    let whole = Origin::File { path: path.to_path_buf(), line: None };
    let text = std::str::from_utf8(text)
        .map_err(|_| LoadError::syntax("text that is not UTF-8", &whole))?;
    let root: Map<String, Value> = File::from_str(text, FileFormat::Yaml)
        .collect()
        .map_err(|error| unreadable(&error.to_string(), text, path))?;
    let mut assignments = Vec::new();
    for (name, value) in root {
        let line = line_of(text, &name, 0);
        match (value.kind, table::find(&name)) {
            (ValueKind::Table(classes), Some(parameter)) => {
                for (class, value) in classes {
                    let line = line_of(text, &class, line.unwrap_or(0)).or(line);
                    let origin = Origin::File { path: path.to_path_buf(), line };
                    let mut values = scalars(parameter, value.kind, &origin)?;
                    values.insert(0, class);
                    assignments.push((line, Assignment { name: name.clone(), values, origin }));
                }
            }
            (kind, parameter) => {
                let origin = Origin::File { path: path.to_path_buf(), line };
                let values = match parameter {
                    Some(parameter) => scalars(parameter, kind, &origin)?,
                    None => told(kind),
                };
                assignments.push((line, Assignment { name, values, origin }));
            }
        }
    }
    assignments.sort_by(|(line, one), (other_line, other)| {
        (line, &one.name).cmp(&(other_line, &other.name))
    });
    Ok(assignments.into_iter().map(|(_, assignment)| assignment).collect())
}

/// What is wrong with a file that does not parse. The parser tells the place behind its reason, and a
/// key that is there twice as it holds it itself.
fn unreadable(error: &str, text: &str, path: &Path) -> LoadError {
    let (reason, place) = error.rsplit_once(" at byte ").unwrap_or((error, ""));
    let line = place.split(' ').skip_while(|word| *word != "line").nth(1);
    let line = line.and_then(|line| line.parse().ok());
    let key = reason
        .strip_suffix(": duplicated key in mapping")
        .and_then(|key| key.split_once('('))
        .and_then(|(_, key)| key.strip_suffix(')'))
        .map(|key| key.trim_matches('"'));
    let (reason, line) = match key {
        // The place is that of the value, which may end far below.
        Some(key) => {
            (format!("'{key}' is there twice, the second time"), last_line_of(text, key, line))
        }
        None => (format!("YAML that does not parse ({reason})"), line),
    };
    LoadError::syntax(reason, &Origin::File { path: path.to_path_buf(), line })
}

/// The words of a value that has no parameter, for the error that says so.
fn told(kind: ValueKind) -> Vec<String> {
    match kind {
        ValueKind::Nil | ValueKind::Table(_) | ValueKind::Array(_) => Vec::new(),
        scalar => vec![scalar.to_string()],
    }
}

/// The words of a scalar or of a list of scalars.
fn scalars(
    parameter: &'static Parameter,
    kind: ValueKind,
    origin: &Origin,
) -> Result<Vec<String>, LoadError> {
    let origin_text = origin.to_string();
    let refuse = |shown: &str, expected: String| {
        Err(bad_value(parameter, shown.to_owned(), expected, &origin_text))
    };
    let unquoted = matches!(
        kind,
        ValueKind::Boolean(_) | ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::Float(_)
    );
    if unquoted && parameter.kind.is_text() {
        return refuse(&kind.to_string(), "a text in quotes".to_owned());
    }
    match kind {
        ValueKind::Array(list) if parameter.kind.takes_many() => {
            let words = list.into_iter().map(|value| scalars(parameter, value.kind, origin));
            Ok(words.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
        }
        ValueKind::Array(_) => refuse("a list", parameter.kind.describe()),
        ValueKind::Table(_) => refuse("a mapping", parameter.kind.describe()),
        ValueKind::Nil => refuse("", parameter.kind.describe()),
        ValueKind::Boolean(on) => Ok(vec![if on { "yes" } else { "no" }.to_owned()]),
        ValueKind::String(text) => Ok(vec![text]),
        number => Ok(vec![number.to_string()]),
    }
}

/// The first line (from 1) after line `after` that begins with a key; the parser keeps no places.
fn line_of(text: &str, key: &str, after: usize) -> Option<usize> {
    let place = text.lines().skip(after).position(|line| begins(line, key))?;
    Some(after + place + 1)
}

/// The last line up to line `end` that begins with a key, or else that line.
fn last_line_of(text: &str, key: &str, end: Option<usize>) -> Option<usize> {
    let lines = text.lines().take(end?).enumerate();
    let places = lines.filter(|(_, line)| begins(line, key)).map(|(place, _)| place + 1);
    places.last().or(end)
}

/// Whether a line begins with a key, in quotes or not.
fn begins(line: &str, key: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix(['"', '\'']).unwrap_or(line);
    let rest = line.strip_prefix(key).map(|rest| rest.strip_prefix(['"', '\'']).unwrap_or(rest));
    rest.is_some_and(|rest| rest.trim_start().starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let assignments = parse(text.as_bytes(), Path::new("s.yaml")).unwrap();
        let show = |a: Assignment| format!("{} = {} {}", a.name, a.values.join("|"), a.origin);
        assignments.into_iter().map(show).collect()
    }

    #[test]
    fn scalars_lists_and_classes_become_words_with_their_lines() {
        let text = "# settings\nport: 7000\nbind: [127.0.0.1, '-::1']\n\"appendonly\": no\n\
                    protected-mode: false\nsave: ''\nclient-output-buffer-limit:\n  \
                    normal: 0 0 0\n  pubsub: 1mb 2mb 3\n";
        let expected = [
            "port = 7000 at s.yaml:2",
            "bind = 127.0.0.1|-::1 at s.yaml:3",
            "appendonly = no at s.yaml:4",
            "protected-mode = no at s.yaml:5",
            "save =  at s.yaml:6",
            "client-output-buffer-limit = normal|0 0 0 at s.yaml:8",
            "client-output-buffer-limit = pubsub|1mb 2mb 3 at s.yaml:9",
        ];
        assert_eq!(found(text), expected);
        assert_eq!(found(""), [""; 0]);
    }

    #[test]
    fn what_cannot_be_a_value_is_refused_with_its_line() {
        for (text, error) in [
            (
                "requirepass: 0123",
                "'requirepass' is '***' at s.yaml:1, but should be a text in quotes",
            ),
            (
                "pidfile: yes\nlogfile: true",
                "'logfile' is 'true' at s.yaml:2, but should be a text in quotes",
            ),
            (
                "port: [1]",
                "'port' is 'a list' at s.yaml:1, but should be a whole number from 0 to 65535",
            ),
            ("hz: 5\nport: 1\n\nport: 2", "'port' is there twice, the second time at s.yaml:4"),
            (
                "client-output-buffer-limit:\n  normal: 0 0 0\n  normal: 0 0 0\nport: 1",
                "'normal' is there twice, the second time at s.yaml:3",
            ),
            (
                "client-output-buffer-limit:\n  normal: 0 0 0\n\
                 client-output-buffer-limit:\n  pubsub: 0 0 0\nport: 1",
                "'client-output-buffer-limit' is there twice, the second time at s.yaml:3",
            ),
            ("7: a\n7: b", "'7' is there twice, the second time at s.yaml:2"),
            (
                "port: 1\nhz: [1\nsave: ''",
                "YAML that does not parse (illegal placement of ':' indicator) at s.yaml:3",
            ),
            ("port:", "'port' is '' at s.yaml:1, but should be a whole number from 0 to 65535"),
        ] {
            let found = parse(text.as_bytes(), Path::new("s.yaml")).err().unwrap();
            assert_eq!(found.to_string(), error);
        }
        for text in ["- port", "a: [", "port: 1\n---\nport: 2", "port: 1\nport: 2"] {
            assert!(parse(text.as_bytes(), Path::new("s.yaml")).is_err(), "{text:?}");
        }
    }
}
