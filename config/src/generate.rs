//! What people read of the table: the settings page, the commented default file, `--help`.

use std::fmt::Write;

use crate::parameter::Parameter;
use crate::table::TOPICS;

/// How to bring the generated files up to date.
pub const COMMAND: &str = "cargo run -p shardwright-config --example generate";

/// The settings page, in Markdown.
#[must_use]
pub fn settings_page() -> String {
    let mut page = format!(
        "# Settings\n\n\
         Made from the table of parameters by `{COMMAND}`; do not edit it here.\n\n\
         Sources, each over the ones before: defaults; a file (`--config settings.yaml`, or a \
         `redis.conf` as first argument); the environment (`SHARDWRIGHT__PORT=7000`, with `_` for \
         `-`; `SHARDWRIGHT__REQUIREPASS_FILE` names a file that holds the secret); the command \
         line (`--port 7000`). An unknown name or a bad value ends the start. SIGHUP reads the \
         same sources again and takes over what changed in them.\n\n\
         Sizes are bytes, or a number with `b`, `k` (1000), `kb` (1024), `m`, `mb`, `g`, `gb`. \
         Times are seconds, or a number with `ms`, `s`, `m`, `h`, `d`.\n\n\
         \"While running\" says whether CONFIG SET and SIGHUP can change a parameter; *guarded* \
         ones need `enable-protected-configs`.\n"
    );
    for (topic, rows) in &TOPICS {
        let _ = write!(
            page,
            "\n## {topic}\n\n| Name | Value | Default | While running | What it is for |\n\
             |---|---|---|---|---|\n"
        );
        for parameter in *rows {
            let _ = writeln!(page, "{}", settings_row(parameter));
        }
    }
    page
}

fn settings_row(parameter: &Parameter) -> String {
    let names: Vec<String> = parameter.names().map(|name| format!("`{name}`")).collect();
    let value = match parameter.only {
        Some(reason) => format!("only the default: {reason}"),
        None => parameter.kind.describe(),
    };
    let default = match parameter.default {
        "" => "empty".to_owned(),
        default => format!("`{default}`"),
    };
    let change = match (parameter.only, parameter.mutable, parameter.protected) {
        (Some(_), _, _) => "",
        (None, true, true) => "yes, guarded",
        (None, true, false) => "yes",
        (None, false, _) => "no",
    };
    format!("| {} | {value} | {default} | {change} | {} |", names.join(", "), parameter.help)
}

/// The default file: every parameter, commented out, with its default.
#[must_use]
pub fn default_file() -> String {
    let mut file = format!(
        "# Shardwright's settings with their defaults, for `shardwright --config <this file>`.\n\
         # Remove the '#' before a name to change its value.\n\
         # Made by `{COMMAND}`; do not edit it here.\n"
    );
    for (topic, rows) in &TOPICS {
        let _ = write!(file, "\n# ---- {topic} ----\n");
        for parameter in *rows {
            let value = match parameter.only {
                Some(reason) => format!("Only the default: {reason}."),
                None => format!("Value: {}.", parameter.kind.describe()),
            };
            let _ = write!(
                file,
                "\n# {}.\n# {value}\n#{}: {}\n",
                sentence(parameter.help),
                parameter.name,
                scalar(parameter),
            );
        }
    }
    file
}

/// The text that `--help` prints. `tools` are the subcommands that the program has besides the server:
/// their names, and what each does.
#[must_use]
pub fn help(tools: &[(String, String)]) -> String {
    let mut text = "Usage: shardwright [redis.conf | settings.yaml] [--name value ...]\n\
         \x20      shardwright <tool> [...]\n\n\
         \x20 --config <file>   settings file: YAML if it ends in .yaml or .yml, else like redis.conf\n\
         \x20 -v, --version     print the version\n\
         \x20 -h, --help        print this\n\n\
         tools for data directories (`shardwright <tool> --help` says more):\n"
        .to_owned();
    for (name, about) in tools {
        let _ = writeln!(text, "  {name:<17} {about}");
    }
    for (topic, rows) in &TOPICS {
        let _ = write!(text, "\n{topic}:\n");
        for parameter in rows.iter().filter(|parameter| parameter.only.is_none()) {
            let _ = writeln!(text, "  --{:<28} {}", parameter.name, parameter.help);
            let default = if parameter.default.is_empty() { "empty" } else { parameter.default };
            let _ = writeln!(text, "    {:<28} [{default}]", "");
        }
    }
    text
}

/// The text with its first letter as a capital.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The default as a YAML scalar: plain where that is safe, else in single quotes (no default holds
/// one itself).
fn scalar(parameter: &Parameter) -> String {
    let text = parameter.default;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let safe = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    if safe && text.bytes().all(plain) && !parameter.kind.is_text() {
        text.to_owned()
    } else {
        format!("'{text}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_parameter_that_does_something() {
        let text = help(&[("check".into(), "looks".into())]);
        assert!(text.contains("\n  check             looks\n"), "{text}");
        for parameter in crate::parameters() {
            let line = format!("  --{} ", parameter.name);
            assert_eq!(text.contains(&line), parameter.only.is_none(), "{}", parameter.name);
        }
    }
}
