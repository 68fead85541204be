//! Following `include` lines of Redis's configuration syntax.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::{LoadError, Origin};
use crate::layers::{Assignment, FileReader, redis_conf};

/// How deep files may include files; a file that includes itself reaches it at once.
const DEEPEST: usize = 16;

/// Reads a file and what it includes, each where its `include` line stands.
///
/// Relative paths start at `base`. A file name may hold `*` and `?`; then every file that it
/// matches is read, in the order of their names, and none is no error.
pub(crate) fn read(
    path: &Path,
    base: &Path,
    files: &dyn FileReader,
) -> Result<Vec<Assignment>, LoadError> {
    let mut assignments = Vec::new();
    let text = read_file(path, base, files, FILE, &Origin::CommandLine)?;
    follow(path, &text, base, files, 0, &mut assignments)?;
    Ok(assignments)
}

fn follow(
    path: &Path,
    text: &[u8],
    base: &Path,
    files: &dyn FileReader,
    depth: usize,
    assignments: &mut Vec<Assignment>,
) -> Result<(), LoadError> {
    for directive in redis_conf::parse(text, path)? {
        if !directive.name.eq_ignore_ascii_case("include") {
            assignments.push(directive);
            continue;
        }
        let [pattern] = directive.values.as_slice() else {
            return Err(LoadError::syntax("'include' takes one path", &directive.origin));
        };
        if depth == DEEPEST {
            let reason = format!("files that include each other more than {DEEPEST} deep");
            return Err(LoadError::syntax(reason, &directive.origin));
        }
        for included in matching(pattern, base, files, &directive.origin)? {
            let text = read_file(&included, base, files, "include", &directive.origin)?;
            follow(&included, &text, base, files, depth + 1, assignments)?;
        }
    }
    Ok(())
}

/// The option that names the settings' file, which may stand there without it.
pub(crate) const FILE: &str = "config";

/// The content of a file, and who names it where; relative paths start at `base`.
pub(crate) fn read_file(
    path: &Path,
    base: &Path,
    files: &dyn FileReader,
    named_by: &str,
    origin: &Origin,
) -> Result<Vec<u8>, LoadError> {
    let read = if path.as_os_str().is_empty() {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "its name is empty"))
    } else {
        files.read(&base.join(path))
    };
    read.map_err(|error| LoadError::File {
        named_by: named_by.to_owned(),
        path: path.to_path_buf(),
        origin: origin.to_string(),
        error,
    })
}

/// The files that an include names.
fn matching(
    pattern: &str,
    base: &Path,
    files: &dyn FileReader,
    origin: &Origin,
) -> Result<Vec<PathBuf>, LoadError> {
    let has_wildcard = |text: &str| text.contains(['*', '?']);
    let path = Path::new(pattern);
    let (Some(name), Some(parent)) =
        (path.file_name().and_then(|name| name.to_str()), path.parent())
    else {
        return Ok(vec![path.to_path_buf()]);
    };
    if parent.to_str().is_some_and(has_wildcard) {
        return Err(LoadError::syntax("a wildcard in a directory's name", origin));
    }
    if !has_wildcard(name) {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found: Vec<PathBuf> = files
        .list(&base.join(parent))
        .unwrap_or_default()
        .into_iter()
        .filter(|path| {
            let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
            // As in a shell, a wildcard does not find hidden files.
            !file.starts_with('.') && wildcard(name.as_bytes(), file.as_bytes())
        })
        .collect();
    found.sort();
    Ok(found)
}

/// Whether a name fits a pattern with `*` (any bytes) and `?` (one byte), in linear steps back.
fn wildcard(pattern: &[u8], name: &[u8]) -> bool {
    let (mut in_pattern, mut in_name) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                last_star = Some((in_pattern, in_name));
                in_pattern += 1;
            }
            Some(&byte) if byte == b'?' || name.get(in_name) == Some(&byte) => {
                in_pattern += 1;
                in_name += 1;
            }
            _ => {
                // The last star takes one byte more.
                let Some((star, taken)) = last_star else { return false };
                last_star = Some((star, taken + 1));
                in_pattern = star + 1;
                in_name = taken + 1;
            }
        }
    }
    pattern.iter().skip(in_pattern).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_like_a_shell() {
        for (pattern, name, fits) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf.bak", false),
            ("?.conf", "ab.conf", false),
            ("a*b*c", "a--b-b--c", true),
            ("a*b*c", "a--c--b", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(wildcard(pattern.as_bytes(), name.as_bytes()), fits, "{pattern} {name}");
        }
    }
}
