//! Environment variables `SHARDWRIGHT__NAME`, with `_` for `-` and `__` before a client class.
//!
//! Two underscores, because orchestrators put variables such as `SHARDWRIGHT_PORT` into every
//! process of a service of that name; those are not ours and are left alone. A secret may be in a
//! file: `SHARDWRIGHT__REQUIREPASS_FILE` names it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use crate::error::{LoadError, Origin};
use crate::layers::{Assignment, FileReader, include, unknown};
use crate::table;

/// What the names of our variables begin with.
pub(crate) const PREFIX: &str = "SHARDWRIGHT__";

/// Picks our variables, in the order of their names.
pub(crate) fn pick(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, String>, LoadError> {
    let mut own = BTreeMap::new();
    for (variable, value) in variables {
        let Some(variable) = variable.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        let value = value.into_string().map_err(|_| {
            let origin = Origin::Environment(variable.to_owned());
            LoadError::syntax("text that is not UTF-8", &origin)
        })?;
        own.insert(variable.to_owned(), value);
    }
    Ok(own)
}

/// Reads the assignments of our variables; secrets in files are read from `base` on.
pub(crate) fn parse(
    variables: &BTreeMap<String, String>,
    base: &Path,
    files: &dyn FileReader,
) -> Result<Vec<Assignment>, LoadError> {
    let assignment = |(variable, value): (&String, &String)| {
        let origin = Origin::Environment(variable.clone());
        let path = variable.strip_prefix(PREFIX).unwrap_or(variable).to_ascii_lowercase();
        let (name, class) = match path.split_once("__") {
            Some((name, class)) => (name, Some(class)),
            None => (path.as_str(), None),
        };
        let name = name.replace('_', "-");
        if let Some(secret) = secret_in_file(&name) {
            if variables.contains_key(variable.trim_end_matches("_FILE")) {
                let reason = format!("'{secret}' and a file for it, both set");
                return Err(LoadError::syntax(reason, &origin));
            }
            let values = vec![read_secret(secret, Path::new(value), base, files, &origin)?];
            return Ok(Assignment { name: secret.to_owned(), values, origin });
        }
        let name =
            known_name(&name).ok_or_else(|| unknown(name, std::slice::from_ref(value), &origin))?;
        let values = class.map(str::to_owned).into_iter().chain([value.clone()]).collect();
        Ok(Assignment { name, values, origin })
    };
    variables.iter().map(assignment).collect()
}

/// The secret that `name-file` stands for.
fn secret_in_file(name: &str) -> Option<&'static str> {
    let parameter = table::find(name.strip_suffix("-file")?)?;
    parameter.secret().then_some(parameter.name)
}

/// A file's text without the line end that editors put behind it.
fn read_secret(
    secret: &str,
    path: &Path,
    base: &Path,
    files: &dyn FileReader,
    origin: &Origin,
) -> Result<String, LoadError> {
    let text = include::read_file(path, base, files, secret, origin)?;
    let text = String::from_utf8(text).map_err(|_| {
        let reason = format!("'{secret}' names a file whose text is not UTF-8");
        LoadError::syntax(reason, origin)
    })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// The name as a parameter or directive has it: some of Redis's have underscores themselves.
fn known_name(dashed: &str) -> Option<String> {
    let last_part = dashed.rsplit_once('-').map(|(first, last)| format!("{first}_{last}"));
    let names = [Some(dashed.to_owned()), last_part, Some(dashed.replace('-', "_"))];
    let known = |name: &String| table::find(name).is_some() || crate::foreign::find(name).is_some();
    names.into_iter().flatten().find(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_underscores_make_a_variable_ours() {
        let variables =
            [("SHARDWRIGHT_PORT", "tcp://1.2.3.4"), ("SHARDWRIGHT__PORT", "7000"), ("PATH", "")];
        let own = pick(variables.map(|(name, value)| (name.into(), value.into()))).unwrap();
        assert_eq!(
            own.into_iter().collect::<Vec<_>>(),
            [("SHARDWRIGHT__PORT".into(), "7000".into())]
        );
    }
}
