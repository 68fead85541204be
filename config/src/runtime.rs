//! CONFIG GET and CONFIG SET.

use std::collections::HashSet;

use crate::foreign::{self, Foreign};
use crate::parameter::Parameter;
use crate::settings::Settings;
use crate::table;
use crate::value::ValueError;

/// Why CONFIG SET failed: the text is the error reply, code included. Control bytes that a client
/// put into a name are its writer's concern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigSetError {
    /// No parameter has this name.
    #[error("ERR Unknown option or number of arguments for CONFIG SET - '{0}'")]
    Unknown(String),
    /// A parameter refused, or applying it failed.
    #[error("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")]
    Failed {
        /// The name as the client wrote it.
        name: String,
        /// Why.
        reason: String,
    },
}

impl ConfigSetError {
    /// The failure of a parameter, for whoever could not apply its value.
    #[must_use]
    pub fn failed(name: &str, reason: impl ToString) -> Self {
        Self::Failed { name: name.to_owned(), reason: reason.to_string() }
    }
}

impl Settings {
    /// What CONFIG GET answers: every parameter that a pattern names, once, with its value.
    ///
    /// A pattern without `*`, `?` or `[` is a name and is answered as it was written; others are
    /// compared by `matches(pattern, name)`, which ignores case. Other names of a parameter count
    /// as parameters of their own, as in Redis.
    pub fn get_matching<P: AsRef<[u8]>>(
        &self,
        patterns: &[P],
        matches: impl Fn(&[u8], &[u8]) -> bool,
    ) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut seen: HashSet<String> = HashSet::new();
        let mut add = |name: &str, parameter: &Parameter| {
            if seen.insert(name.to_ascii_lowercase()) {
                found.push((name.to_owned(), parameter.get(self)));
            }
        };
        for pattern in patterns {
            let pattern = pattern.as_ref();
            if !pattern.iter().any(|byte| b"*?[".contains(byte)) {
                if let Some((name, parameter)) = std::str::from_utf8(pattern)
                    .ok()
                    .and_then(|name| table::find(name).map(|parameter| (name, parameter)))
                {
                    add(name, parameter);
                }
                continue;
            }
            for parameter in table::parameters() {
                for name in parameter.names().filter(|name| matches(pattern, name.as_bytes())) {
                    add(name, parameter);
                }
            }
        }
        found
    }

    /// What CONFIG SET does: takes all pairs of name and value, or none.
    ///
    /// `local` says that the client came by a loopback address or the Unix socket, which
    /// `enable-protected-configs local` asks. Gives the parameters that were named and may change, for whoever
    /// must act on them (`dir` is changed into by the process); if that fails, the settings from
    /// before are still the caller's to keep, and [`ConfigSetError::failed`] is the answer.
    ///
    /// # Errors
    /// With Redis's texts: an unknown name, one that cannot change now or is named twice, a bad
    /// value.
    pub fn config_set<T: AsRef<[u8]>>(
        &mut self,
        pairs: &[(T, T)],
        local: bool,
    ) -> Result<Vec<&'static str>, ConfigSetError> {
        // Names are all checked before any value is, in the order in which they came.
        let mut named: Vec<(String, &'static Parameter)> = Vec::new();
        for (name, _) in pairs {
            let name = String::from_utf8_lossy(name.as_ref()).into_owned();
            let parameter = table::find(&name).ok_or_else(|| no_parameter(&name))?;
            let allowed = self.enable_protected_configs.allows(local);
            if parameter.protected && !allowed {
                return Err(ConfigSetError::failed(&name, "can't set protected config"));
            }
            if !parameter.mutable && !parameter.settled {
                return Err(ConfigSetError::failed(&name, IMMUTABLE));
            }
            if named.iter().any(|(other, _)| other.eq_ignore_ascii_case(&name)) {
                return Err(ConfigSetError::failed(&name, "duplicate parameter"));
            }
            named.push((name, parameter));
        }
        let mut changed = self.clone();
        for ((name, parameter), (_, value)) in named.iter().zip(pairs) {
            std::str::from_utf8(value.as_ref())
                .map_err(|_| ValueError::Utf8)
                .and_then(|text| parameter.set(&mut changed, text))
                .map_err(|error| ConfigSetError::failed(name, error))?;
            if !parameter.mutable && parameter.get(&changed) != parameter.get(self) {
                return Err(ConfigSetError::failed(name, IMMUTABLE));
            }
        }
        *self = changed;
        let mutable = named.into_iter().filter(|(_, parameter)| parameter.mutable);
        Ok(mutable.map(|(_, parameter)| parameter.name).collect())
    }
}

/// Why a parameter that cannot change while the server runs is not changed.
const IMMUTABLE: &str = "can't set immutable config";

/// What is said of a name that no parameter has: of one of Redis's why it has no meaning here.
fn no_parameter(name: &str) -> ConfigSetError {
    match foreign::find(name) {
        Some(Foreign::Ignored(reason)) => {
            ConfigSetError::failed(name, format!("it has no meaning here: {reason}"))
        }
        Some(Foreign::Missing(_)) | None => ConfigSetError::Unknown(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DebugAccess;

    fn set(settings: &mut Settings, pairs: &[(&str, &str)]) -> Result<Vec<&'static str>, String> {
        settings.config_set(pairs, false).map_err(|error| error.to_string())
    }

    /// A stand-in for the glob matcher: a prefix before `*`.
    fn prefix(pattern: &[u8], name: &[u8]) -> bool {
        let pattern = pattern.strip_suffix(b"*").unwrap_or(pattern).to_ascii_lowercase();
        name.starts_with(&pattern)
    }

    #[test]
    fn failures_have_the_texts_of_redis() {
        let range =
            |min: &str, max: &str| format!("argument must be between {min} and {max} inclusive");
        let int = "argument couldn't be parsed into an integer";
        let bytes = ("1048576", "9223372036854775807");
        for (name, value, reason) in [
            ("port", "1", "can't set immutable config"),
            ("databases", "4", "can't set immutable config"),
            ("unixsocketperm", "700", "can't set immutable config"),
            ("replicaof", "", "can't set immutable config"),
            ("dir", "/tmp", "can't set protected config"),
            ("maxclients", "abc", int),
            ("maxclients", "0", &range("1", "4294967295")),
            ("maxclients", "4294967296", &range("1", "4294967295")),
            ("hz", "-3", &range("0", "2147483647")),
            ("hz", "99999999999999999999", int),
            ("timeout", "-1", &range("0", "2147483647")),
            ("timeout", "99999999999", &range("0", "2147483647")),
            ("timeout", "", int),
            ("timeout", "+5", int),
            ("tcp-keepalive", " 5", int),
            ("shutdown-timeout", "-1", &range("0", "2147483647")),
            ("protected-mode", "1", "argument must be 'yes' or 'no'"),
            ("maxmemory", "-1", "argument must be a memory value"),
            ("maxmemory", "5%", "argument must be a memory value"),
            ("hash-max-listpack-value", "-1", "argument must be a memory value"),
            ("maxmemory-clients", "-5%", "argument must be a memory or percent value"),
            ("proto-max-bulk-len", "1", &range(bytes.0, bytes.1)),
            ("proto-max-bulk-len", "1gbb", "argument must be a memory value"),
            ("client-query-buffer-limit", "0", &range(bytes.0, bytes.1)),
            (
                "loglevel",
                "foo",
                "argument(s) must be one of the following: debug, verbose, notice, warning",
            ),
            (
                "maxmemory-policy",
                "foo",
                "argument(s) must be one of the following: volatile-lru, volatile-lfu, \
                 volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction",
            ),
            (
                "client-output-buffer-limit",
                "normal 0 0",
                "Wrong number of arguments in buffer limit configuration.",
            ),
            (
                "client-output-buffer-limit",
                "foo 0 0 0",
                "Invalid client class specified in buffer limit configuration.",
            ),
            (
                "client-output-buffer-limit",
                "normal a 0 0",
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
            ),
            ("appendonly", "no", "can't set immutable config"),
            ("save", "1", "Invalid save parameters"),
            ("save", "0 1", "Invalid save parameters"),
            ("replicaof", "h 1", "can't set immutable config"),
        ] {
            check_refused(name, value, reason);
        }
    }

    #[track_caller]
    fn check_refused(name: &str, value: &str, reason: &str) {
        let text =
            format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}");
        assert_eq!(set(&mut Settings::default(), &[(name, value)]), Err(text), "{name} {value}");
    }

    #[test]
    fn failures_at_the_edges_have_the_texts_of_redis() {
        let int = "argument couldn't be parsed into an integer";
        let bytes = "argument must be between 1048576 and 9223372036854775807 inclusive";
        for (name, value, reason) in [
            ("timeout", "007", int),
            ("timeout", "99999999999999999999", int),
            ("tcp-keepalive", "-99999999999999999999", int),
            ("shutdown-timeout", "9223372036854775808", int),
            (
                "shutdown-timeout",
                "9223372036854775807",
                "argument must be between 0 and 2147483647 inclusive",
            ),
            ("proto-max-bulk-len", "", bytes),
            ("client-query-buffer-limit", "", bytes),
            (
                "appendfsync",
                "foo",
                "argument(s) must be one of the following: everysec, always, no",
            ),
            ("appendonly", "foo", "argument must be 'yes' or 'no'"),
            ("appendonly", "", "argument must be 'yes' or 'no'"),
        ] {
            check_refused(name, value, reason);
        }
    }

    #[test]
    fn what_asks_for_a_missing_feature_is_told_which() {
        for (name, value, reason) in [
            ("io-threads", "1", "can't set immutable config"),
            (
                "slowlog-log-slower-than",
                "10000",
                "this version only has '-1' (the slow log comes with a later version)",
            ),
            (
                "latency-tracking",
                "yes",
                "this version only has 'no' (latency histograms come with a later version)",
            ),
            (
                "masterauth",
                "x",
                "this version only has '' (replication comes with a later version)",
            ),
            ("Maxmemory-Samples", "5", "it has no meaning here: there is no eviction yet"),
        ] {
            check_refused(name, value, reason);
        }
    }

    #[test]
    fn names_are_checked_before_values_and_nothing_changes_on_failure() {
        let failed = |name: &str, reason: &str| {
            Err(format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}"))
        };
        let unknown =
            Err("ERR Unknown option or number of arguments for CONFIG SET - 'foo'".into());
        let mut settings = Settings::default();
        for (pairs, expected) in [
            (&[("foo", "1"), ("timeout", "2"), ("timeout", "3")][..], unknown),
            (
                &[("timeout", "1"), ("TIMEOUT", "2"), ("foo", "3")],
                failed("TIMEOUT", "duplicate parameter"),
            ),
            (
                &[("timeout", "x"), ("databases", "4")],
                failed("databases", "can't set immutable config"),
            ),
            (
                &[("timeout", "7"), ("hz", "abc")],
                failed("hz", "argument couldn't be parsed into an integer"),
            ),
        ] {
            assert_eq!(set(&mut settings, pairs), expected, "{pairs:?}");
            assert_eq!(settings.timeout, Settings::default().timeout);
        }
    }

    #[test]
    fn what_can_change_changes_and_is_named() {
        let mut settings = Settings::default();
        let pairs =
            [("Timeout", "7"), ("hz", "9999"), ("requirepass", "a b"), ("appendfsync", "NO")];
        let named = set(&mut settings, &pairs).unwrap();
        assert_eq!(named, ["timeout", "hz", "requirepass", "appendfsync"]);
        assert_eq!((settings.timeout.as_secs(), settings.hz), (7, 500));
        assert!(settings.requirepass.matches(b"a b"));
    }

    #[test]
    fn an_empty_size_is_none() {
        let mut settings = Settings::default();
        for name in [
            "hash-max-listpack-value",
            "hash-max-ziplist-value",
            "zset-max-listpack-value",
            "zset-max-ziplist-value",
            "hll-sparse-max-bytes",
            "stream-node-max-bytes",
            "auto-aof-rewrite-min-size",
            "maxmemory",
            "maxmemory-clients",
        ] {
            assert!(set(&mut settings, &[(name, "")]).is_ok(), "{name}");
            assert_eq!(settings.get_matching(&[name], prefix).remove(0).1, "0", "{name}");
        }
    }

    #[test]
    fn what_cannot_change_but_is_so_already_may_be_set() {
        let mut settings = Settings::default();
        let pairs = [("appendonly", "YES"), ("timeout", "7")];
        assert_eq!(set(&mut settings, &pairs), Ok(vec!["timeout"]));
        let pairs = [("timeout", "8"), ("appendonly", "no")];
        assert!(set(&mut settings, &pairs).is_err());
        assert_eq!(settings.timeout.as_secs(), 7);
    }

    #[test]
    fn protected_parameters_ask_who_may() {
        for (access, local, allowed) in [
            (DebugAccess::No, true, false),
            (DebugAccess::Local, false, false),
            (DebugAccess::Local, true, true),
            (DebugAccess::Yes, false, true),
        ] {
            let mut settings = Settings { enable_protected_configs: access, ..Settings::default() };
            assert_eq!(
                settings.config_set(&[("dir", "/d")], local).is_ok(),
                allowed,
                "{access} {local}"
            );
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_refused() {
        let mut settings = Settings::default();
        assert!(settings.config_set(&[(&b"requirepass"[..], &b"\xff"[..])], false).is_err());
        assert!(settings.config_set(&[(&b"\xff"[..], &b""[..])], false).is_err());
    }

    #[test]
    fn get_names_each_parameter_once_and_names_as_they_were_written() {
        let settings = Settings::default();
        let get = |patterns: &[&str]| settings.get_matching(patterns, prefix);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(get(&["SAVE", "Port"]), [pair("SAVE", ""), pair("Port", "6379")]);
        assert_eq!(get(&["databases", "dataBases"]), [pair("databases", "16")]);
        assert_eq!(get(&["DATAB*", "databases"]), [pair("databases", "16")]);
        assert_eq!(get(&["slaveof", "replicaof"]), [pair("slaveof", ""), pair("replicaof", "")]);
        assert_eq!(get(&["nothing"]), []);
        let names: usize = table::parameters().map(|parameter| parameter.names().count()).sum();
        assert_eq!(get(&["*"]).len(), names);
    }

    #[test]
    fn get_prints_what_is_true_today() {
        let settings = Settings::default();
        let get = |name: &str| settings.get_matching(&[name], prefix).remove(0).1;
        for (name, value) in [
            ("appendonly", "yes"),
            ("save", ""),
            ("maxmemory", "0"),
            ("maxmemory-policy", "noeviction"),
            ("proto-max-bulk-len", "536870912"),
            ("timeout", "0"),
            ("bind", "127.0.0.1 -::1"),
            ("unixsocketperm", "0"),
            (
                "client-output-buffer-limit",
                "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
            ),
        ] {
            assert_eq!(get(name), value, "{name}");
        }
    }
}
