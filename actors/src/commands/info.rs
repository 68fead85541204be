//! INFO: sections of lines `name:value`. Which sections exist is one table; what they say is in
//! [`super::info_system`] (the process) and [`super::info_figures`] (what it did and holds).
//!
//! Every figure is measured or follows from what this version is: what nobody measures is absent.

use std::fmt::Display;
use std::sync::Arc;

use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_config::Settings;
use shardwright_store::command::{Categories, Command, Flags, Group, Outcome, Spec};
use shardwright_store::types::UnixMillis;

use super::server_arguments as args;
use super::{info_figures, info_persistence, info_system};
use crate::registry::{SessionCommand, SessionRun};
use crate::server::Server;
use crate::session::SessionCx;
use crate::totals::Totals;

/// The family's commands.
pub const COMMANDS: &[SessionCommand] = &[Command::new(
    Spec::new("info", Group::Server, -1)
        .flags(&[Flags::LOADING, Flags::STALE, Flags::BARRIER])
        .categories(&[Categories::DANGEROUS])
        .doc("1.0.0", "O(1)", "Get figures about the server")
        .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
        .arguments(args::INFO)
        .history(args::INFO_HISTORY)
        .example("> INFO cluster\n\"# Cluster\\r\\ncluster_enabled:0\\r\\n\""),
    SessionRun::Handler(info),
)];

/// What sections are written from.
pub(super) struct InfoCx<'a> {
    pub(super) server: &'a Server,
    pub(super) settings: Arc<Settings>,
    /// Counters since the last CONFIG RESETSTAT.
    pub(super) totals: Totals,
    pub(super) now: UnixMillis,
}

/// Lines of a section.
#[derive(Debug, Default)]
pub(super) struct Lines(String);

impl Lines {
    /// Adds a line.
    pub(super) fn put(&mut self, name: impl Display, value: impl Display) {
        self.0.push_str(&format!("{name}:{value}\r\n"));
    }

    /// Adds lines.
    pub(super) fn put_all<V: Display>(&mut self, lines: &[(&str, V)]) {
        lines.iter().for_each(|(name, value)| self.put(name, value));
    }

    /// Adds a line if its value is known.
    pub(super) fn put_known(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }
}

/// When a section is shown without being named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    /// When nothing is named.
    ByDefault,
    /// When all is asked for.
    WithAll,
    /// When everything is asked for: it is not one of Redis's.
    WithEverything,
}

struct Section {
    title: &'static str,
    shown: Shown,
    write: fn(&InfoCx<'_>, &mut Lines),
}

/// The sections in the order in which they are shown.
#[rustfmt::skip]
const SECTIONS: &[Section] = &[
    Section { title: "Server", shown: Shown::ByDefault, write: info_system::server },
    Section { title: "Clients", shown: Shown::ByDefault, write: info_figures::clients },
    Section { title: "Memory", shown: Shown::ByDefault, write: info_system::memory },
    Section { title: "Persistence", shown: Shown::ByDefault, write: info_persistence::persistence },
    Section { title: "Stats", shown: Shown::ByDefault, write: info_figures::stats },
    Section { title: "Replication", shown: Shown::ByDefault, write: info_figures::replication },
    Section { title: "CPU", shown: Shown::ByDefault, write: info_system::cpu },
    Section { title: "Modules", shown: Shown::ByDefault, write: |_, _| {} },
    Section { title: "Commandstats", shown: Shown::WithAll, write: info_figures::command_stats },
    Section { title: "Errorstats", shown: Shown::ByDefault, write: info_figures::error_stats },
    // Redis, too, shows an empty one while 'latency-tracking' is 'no', as it is here.
    Section { title: "Latencystats", shown: Shown::WithAll, write: |_, _| {} },
    Section { title: "Cluster", shown: Shown::ByDefault, write: info_figures::cluster },
    Section { title: "Keyspace", shown: Shown::ByDefault, write: info_figures::keyspace },
    Section { title: "Shardwright", shown: Shown::WithEverything, write: info_figures::shards },
];

/// Whether a section is shown when these words follow INFO.
fn is_chosen(section: &Section, words: Args<'_>) -> bool {
    if words.is_empty() {
        return section.shown == Shown::ByDefault;
    }
    words.iter().any(|word| {
        let most = match word.to_ascii_lowercase().as_slice() {
            b"default" => Shown::ByDefault,
            b"all" => Shown::WithAll,
            b"everything" => Shown::WithEverything,
            name => return name.eq_ignore_ascii_case(section.title.as_bytes()),
        };
        section.shown <= most
    })
}

fn info(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let info = InfoCx {
        server: cx.server,
        settings: cx.server.settings(),
        totals: Totals::since_reset(cx.server),
        now: cx.now,
    };
    let mut text = Lines::default();
    for section in SECTIONS.iter().filter(|section| is_chosen(section, args.skip(1))) {
        if !text.0.is_empty() {
            text.0.push_str("\r\n");
        }
        text.0.push_str(&format!("# {}\r\n", section.title));
        (section.write)(&info, &mut text);
    }
    reply.verbatim("txt", text.0.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::with_args;
    use super::*;

    fn chosen(words: &str) -> Vec<&'static str> {
        with_args(words, |args| {
            let shown = SECTIONS.iter().filter(|section| is_chosen(section, args));
            shown.map(|section| section.title).collect()
        })
    }

    #[test]
    fn sections_come_in_one_order_and_once() {
        assert_eq!(chosen("keyspace CLIENTS Keyspace"), ["Clients", "Keyspace"]);
        assert_eq!(chosen("server nosuch"), ["Server"]);
        assert_eq!(chosen("nosuch"), [""; 0]);
    }

    #[test]
    fn default_all_and_everything_are_as_in_redis() {
        let usual = chosen("");
        assert!(!usual.contains(&"Commandstats") && !usual.contains(&"Shardwright"));
        assert_eq!(chosen("default"), usual);
        assert_eq!(chosen("default commandstats").len(), usual.len() + 1);
        assert!(chosen("ALL").contains(&"Commandstats"));
        assert!(!chosen("all").contains(&"Shardwright"));
        assert_eq!(chosen("everything").len(), SECTIONS.len());
        assert_eq!(chosen("server everything").len(), SECTIONS.len());
    }
}
