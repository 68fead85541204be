//! The tools for data directories: subcommands of the program, one file each. They read arguments,
//! show how far something has come and what came of it; the journal does the work.
//!
//! A tool ends with status 0 if all is well, with 1 if what it was given is damaged, and with 2 if it
//! could not do its work.

mod backup;
mod check;
mod failure;
mod progress;
mod repair;
mod restore;
mod text;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "shardwright", version = crate::VERSION, disable_help_subcommand = true)]
struct Program {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(Debug, Subcommand)]
enum Tool {
    Backup(backup::Arguments),
    Verify(verify::Arguments),
    Restore(restore::Arguments),
    Check(check::Arguments),
    Repair(repair::Arguments),
}

/// Runs the tool that the first of these arguments, behind the program's name, names exactly; nothing
/// if it names none.
pub fn run(arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let arguments: Vec<OsString> = arguments.collect();
    let first = arguments.get(1)?;
    if !list().iter().any(|(name, _)| first == name.as_str()) {
        return None;
    }
    let outcome = match Program::parse_from(arguments).tool {
        Tool::Backup(arguments) => backup::run(&arguments),
        Tool::Verify(arguments) => verify::run(&arguments),
        Tool::Restore(arguments) => restore::run(&arguments),
        Tool::Check(arguments) => check::run(&arguments),
        Tool::Repair(arguments) => repair::run(&arguments),
    };
    Some(outcome.map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS))
}

/// Names of all tools, and what each does.
pub fn list() -> Vec<(String, String)> {
    let about =
        |tool: &clap::Command| tool.get_about().map(ToString::to_string).unwrap_or_default();
    let program = Program::command();
    program.get_subcommands().map(|tool| (tool.get_name().to_owned(), about(tool))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_says_what_it_does() {
        Program::command().debug_assert();
        let tools = list();
        assert!(tools.iter().any(|(name, _)| name == "backup"));
        for (name, about) in tools {
            assert!(about.len() > 10 && !about.ends_with('.'), "{name}: {about}");
        }
    }

    #[test]
    fn what_names_no_tool_exactly_is_for_the_server() {
        for arguments in [&["shardwright"][..], &["shardwright", "backup.conf"], &["x", "--backup"]]
        {
            assert!(run(arguments.iter().map(OsString::from)).is_none(), "{arguments:?}");
        }
    }
}
