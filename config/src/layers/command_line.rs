//! The command line, as redis-server takes it: a file first, then `--name value …` for every
//! parameter, where values reach up to the next `--`.

use std::ffi::OsString;

use crate::error::{LoadError, Origin};
use crate::layers::{Assignment, redis_conf};

/// What the command line says.
#[derive(Default)]
pub(crate) struct CommandLine {
    /// The file that it names.
    pub file: Option<String>,
    /// Parameters and directives.
    pub assignments: Vec<Assignment>,
    /// It asks for the version and nothing else.
    pub version: bool,
    /// It asks for help and nothing else.
    pub help: bool,
}

/// Checks that every argument is text.
pub(crate) fn texts(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Vec<String>, LoadError> {
    let text = |argument: OsString| {
        argument
            .into_string()
            .map_err(|_| LoadError::syntax("text that is not UTF-8", &Origin::CommandLine))
    };
    arguments.into_iter().map(text).collect()
}

/// Reads the arguments behind the program's name.
pub(crate) fn parse(arguments: &[String]) -> Result<CommandLine, LoadError> {
    let mut line = CommandLine::default();
    let mut rest = arguments;
    if let Some((first, after)) = arguments.split_first()
        && !first.starts_with('-')
    {
        line.file = Some(first.clone());
        rest = after;
    }
    while let Some((option, after)) = rest.split_first() {
        match option.as_str() {
            "-v" | "--version" => line.version = true,
            "-h" | "--help" => line.help = true,
            _ => {
                let (assignment, after) = assignment(option, after)?;
                line.take(assignment)?;
                rest = after;
                continue;
            }
        }
        rest = after;
    }
    Ok(line)
}

impl CommandLine {
    /// Keeps an assignment, or the file that `--config` names.
    fn take(&mut self, assignment: Assignment) -> Result<(), LoadError> {
        if !assignment.name.eq_ignore_ascii_case("config") {
            self.assignments.push(assignment);
            return Ok(());
        }
        let refuse = |reason: &str| Err(LoadError::syntax(reason, &Origin::CommandLine));
        match <[String; 1]>::try_from(assignment.values) {
            Ok(_) if self.file.is_some() => refuse("two files with settings"),
            Ok([file]) => {
                self.file = Some(file);
                Ok(())
            }
            Err(_) => refuse("'--config' without exactly one file"),
        }
    }
}

/// Reads one option with its values; gives the arguments that follow.
fn assignment<'a>(
    option: &str,
    after: &'a [String],
) -> Result<(Assignment, &'a [String]), LoadError> {
    let origin = Origin::CommandLine;
    let Some(option) = option.strip_prefix("--").filter(|name| !name.trim().is_empty()) else {
        // Not shown: it may be what should have been a secret's value.
        return Err(LoadError::syntax("an argument that is no '--name'", &origin));
    };
    // One argument may hold the name and its values.
    let (name, mut values) = if let Some((name, value)) = option.split_once('=') {
        (name.to_owned(), vec![value.to_owned()])
    } else {
        let words = redis_conf::split_words(option.as_bytes())
            .map_err(|reason| LoadError::syntax(reason, &origin))?;
        let mut words = words.into_iter();
        (words.next().unwrap_or_default(), words.collect())
    };
    // The first value may begin with '--' itself, as a password can. Only `--save` may have none.
    let is_option = |argument: &String| argument.starts_with("--");
    let forced = usize::from(values.is_empty() && !name.eq_ignore_ascii_case("save"));
    let more = after.iter().skip(forced).take_while(|argument| !is_option(argument)).count();
    let (own, rest) = after.split_at((forced + more).min(after.len()));
    values.extend_from_slice(own);
    Ok((Assignment { name, values, origin }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(arguments: &[&str]) -> (Option<String>, Vec<String>) {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let line = parse(&arguments).unwrap();
        let show = |a: Assignment| format!("{}={}", a.name, a.values.join("|"));
        (line.file, line.assignments.into_iter().map(show).collect())
    }

    #[test]
    fn options_take_values_up_to_the_next_one() {
        let line = ["--port", "7000", "--bind", "127.0.0.1", "-::1", "--save", "", "--dir", "/d"];
        let expected = ["port=7000", "bind=127.0.0.1|-::1", "save=", "dir=/d"];
        assert_eq!(found(&line), (None, expected.map(String::from).to_vec()));
    }

    #[test]
    fn the_forms_of_redis_server_are_taken() {
        for (line, expected) in [
            (&["--port 7000"][..], "port=7000"),
            (&["--port=7000"], "port=7000"),
            (&["--requirepass", "--secret"], "requirepass=--secret"),
            (&["--save"], "save="),
            (&["--daemonize"], "daemonize="),
        ] {
            assert_eq!(found(line), (None, vec![expected.to_owned()]), "{line:?}");
        }
        assert_eq!(found(&["--save", "--port", "1"]).1, ["save=", "port=1"]);
    }

    #[test]
    fn a_file_comes_first_or_by_name_but_once() {
        assert_eq!(found(&["r.conf", "--port", "1"]).0.as_deref(), Some("r.conf"));
        assert_eq!(found(&["--port", "1", "--config", "s.yaml"]).0.as_deref(), Some("s.yaml"));
        for line in [&["r.conf", "--config", "s.yaml"][..], &["--config"], &["-"], &["-x"], &["--"]]
        {
            let line: Vec<String> = line.iter().map(ToString::to_string).collect();
            assert!(parse(&line).is_err(), "{line:?}");
        }
    }
}
