//! The one table of parameters, split by topic.

mod clients;
mod keyspace;
mod limits;
mod logging;
mod network;
mod persistence;
mod process;
mod replication;
mod values;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::parameter::Parameter;

/// The topics in the order in which people meet them, each with its rows.
pub(crate) static TOPICS: [(&str, &[Parameter]); 9] = [
    ("Network", network::ROWS),
    ("Clients", clients::ROWS),
    ("Limits", limits::ROWS),
    ("Shards and keyspace", keyspace::ROWS),
    ("Forms of values", values::ROWS),
    ("Process", process::ROWS),
    ("Logs and metrics", logging::ROWS),
    ("Durability", persistence::ROWS),
    ("Replication, cluster and the rest", replication::ROWS),
];

/// Every parameter, in the table's order.
pub fn parameters() -> impl Iterator<Item = &'static Parameter> {
    TOPICS.iter().flat_map(|(_, rows)| rows.iter())
}

/// Finds a parameter by its name or another of its names, in any case.
#[must_use]
pub fn find(name: &str) -> Option<&'static Parameter> {
    static BY_NAME: LazyLock<HashMap<&str, &Parameter>> = LazyLock::new(|| {
        parameters().flat_map(|row| row.names().map(move |name| (name, row))).collect()
    });
    BY_NAME.get(name.to_ascii_lowercase().as_str()).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{Kind, Settings};

    #[test]
    fn names_are_unique_lower_case_and_fit_every_source() {
        let mut seen = HashSet::new();
        for name in parameters().flat_map(Parameter::names) {
            assert!(seen.insert(name), "{name} twice");
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            assert!(name.bytes().all(fits), "{name}");
        }
    }

    #[test]
    fn found_by_every_name_in_any_case() {
        assert_eq!(find("MaxClients").unwrap().name, "maxclients");
        assert_eq!(find("slaveof").unwrap().name, "replicaof");
        assert!(find("no-such-thing").is_none());
    }

    #[test]
    fn what_get_prints_set_takes() {
        let settings = Settings::default();
        for parameter in parameters() {
            let text = parameter.get(&settings);
            let mut other = settings.clone();
            parameter.set(&mut other, &text).unwrap();
            assert_eq!(parameter.get(&other), text, "{}", parameter.name);
        }
    }

    #[test]
    fn every_field_takes_another_value_than_its_default() {
        for parameter in parameters().filter(|parameter| parameter.only.is_none()) {
            let other = match parameter.kind {
                Kind::YesNo if parameter.default == "yes" => "no",
                Kind::YesNo => "yes",
                Kind::Integer { .. } | Kind::Clamped { .. } => "7",
                Kind::Memory { .. } => "3mb",
                Kind::Seconds | Kind::Time => "17s",
                Kind::Mode => "700",
                Kind::Choice(names) => {
                    names.iter().find(|name| **name != parameter.default).unwrap()
                }
                Kind::Text | Kind::Secret | Kind::Path | Kind::FileName => "other",
                Kind::Address | Kind::Addresses => "127.0.0.2",
                Kind::OutputLimits => "normal 1 2 3",
                Kind::SaveRules => "900 1 300 10",
                Kind::Words | Kind::MemoryOrPercent => panic!("no field has this kind"),
            };
            let mut settings = Settings::default();
            let before = parameter.get(&settings);
            parameter.set(&mut settings, other).unwrap();
            assert_ne!(parameter.get(&settings), before, "{}", parameter.name);
            let changed = parameters()
                .filter(|row| row.get(&settings) != row.get(&Settings::default()))
                .count();
            assert_eq!(changed, 1, "{} changes its own field alone", parameter.name);
        }
    }

    #[test]
    fn missing_features_have_a_reason_and_a_help_line() {
        for parameter in parameters() {
            assert!(!parameter.help.is_empty() && !parameter.help.ends_with('.'));
            assert!(parameter.only.is_none_or(|reason| !reason.is_empty()), "{}", parameter.name);
        }
    }
}
