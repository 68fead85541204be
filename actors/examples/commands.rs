//! Writes `docs/commands.md` from the command table: a table for each group, and below it what each
//! command does, with its example. Its tests hold the page and the table together.

use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use shardwright_actors::registry::{Entry, registry};
use shardwright_store::command::Group;

/// How to bring the page up to date.
const COMMAND: &str = "cargo run -p shardwright-actors --example commands";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    Ok(std::fs::write(path(), page()?)?)
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/commands.md")
}

/// The page, in Markdown.
fn page() -> Result<String, fmt::Error> {
    let mut page = format!(
        "# Commands\n\n\
         Made from the command table by `{COMMAND}`; do not edit it here.\n\n\
         Arity counts the name; a negative one is the least number. \"Since\" is the version of \
         Redis that brought the command. Each example runs as a test: lines with `> ` are typed, \
         the others are the replies as redis-cli shows them.\n"
    );
    for (group, entries) in groups() {
        write!(
            page,
            "\n## {}\n\n| Name | Arity | Flags | Since | Complexity |\n|---|---|---|---|---|\n",
            capitalized(group.name())
        )?;
        for entry in &entries {
            writeln!(page, "{}", row(entry))?;
        }
        for entry in &entries {
            write!(page, "\n### {}\n\n{}.\n", title(entry), entry.spec.summary)?;
            if !entry.spec.example.is_empty() {
                write!(page, "\n```\n{}\n```\n", entry.spec.example)?;
            }
        }
    }
    Ok(page)
}

/// Groups in the order of the table, each with its commands by name.
fn groups() -> Vec<(Group, Vec<&'static Entry>)> {
    let mut groups: Vec<(Group, Vec<&Entry>)> = Vec::new();
    for entry in registry().entries() {
        let group = entry.spec.group;
        match groups.iter_mut().find(|(known, _)| *known == group) {
            Some((_, entries)) => entries.push(entry),
            None => groups.push((group, vec![entry])),
        }
    }
    for (_, entries) in &mut groups {
        entries.sort_by(|a, b| a.full_name.cmp(&b.full_name));
    }
    groups
}

fn row(entry: &Entry) -> String {
    let (title, spec) = (title(entry), entry.spec);
    let flags: Vec<&str> = spec.flags.names().collect();
    format!(
        "| [{title}](#{}) | {} | {} | {} | {} |",
        title.to_lowercase().replace(' ', "-"),
        spec.arity,
        flags.join(", "),
        spec.since,
        spec.complexity.replace('|', "\\|"),
    )
}

/// As one types it: `CONFIG GET`.
fn title(entry: &Entry) -> String {
    entry.full_name.to_uppercase().replace('|', " ")
}

fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_up_to_date() {
        let found = std::fs::read_to_string(path()).unwrap_or_default();
        assert!(found == page().unwrap(), "docs/commands.md is stale: run `{COMMAND}`");
    }

    #[test]
    fn every_command_says_what_it_does() {
        for entry in registry().entries() {
            let (name, spec) = (&entry.full_name, entry.spec);
            assert!(!spec.summary.is_empty(), "{name} has no summary");
            assert!(!spec.summary.ends_with('.'), "{name}: the page ends the sentence itself");
            // Redis's documentation gives none for LOLWUT either.
            let known = !spec.complexity.is_empty() || name == "lolwut";
            assert!(known, "{name} has no complexity");
        }
    }
}
