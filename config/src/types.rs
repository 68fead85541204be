//! The types that settings have beyond numbers and yes or no.

use std::fmt;

use crate::value::{self, ValueError};

/// A type with one word for each of its values.
pub(crate) trait Choice: Copy + 'static {
    /// The words, in the order in which errors list them: Redis's.
    const NAMES: &'static [&'static str];
    /// The value of each word, in the same order.
    const VALUES: &'static [Self];

    /// The word for this value.
    fn name(self) -> &'static str;
}

/// Declares an enum whose values have one word each.
macro_rules! choice {
    ($(#[$meta:meta])* $type:ident { $($(#[$value_meta:meta])* $value:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($(#[$value_meta])* $value,)+ }

        impl Choice for $type {
            const NAMES: &'static [&'static str] = &[$($word,)+];
            const VALUES: &'static [Self] = &[$(Self::$value,)+];

            fn name(self) -> &'static str {
                match self { $(Self::$value => $word,)+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(self.name())
            }
        }
    };
}

choice! {
    /// How much is logged: each level includes those after it.
    LogLevel {
        /// Everything, for development.
        Debug = "debug",
        /// Much that is rarely useful.
        Verbose = "verbose",
        /// What a production server should say.
        Notice = "notice",
        /// Only what somebody must look at.
        Warning = "warning",
    }
}

choice! {
    /// How log lines look.
    LogFormat {
        /// Pretty on a terminal, JSON otherwise.
        Auto = "auto",
        /// For people.
        Pretty = "pretty",
        /// One JSON object a line, for collectors.
        Json = "json",
    }
}

choice! {
    /// Whether commands for different shards in one unanswered pipeline may overtake each other.
    PipelineOrder {
        /// They may; commands for one shard keep their order, and replies always do.
        Relaxed = "relaxed",
        /// They may not: a command starts when all before it on the connection are done.
        Strict = "strict",
    }
}

choice! {
    /// When the log is made durable.
    AppendFsync {
        /// Once a second.
        Everysec = "everysec",
        /// Before anybody is told of a change.
        Always = "always",
        /// When the system does it by itself.
        No = "no",
    }
}

choice! {
    /// Who may do something dangerous.
    DebugAccess {
        /// Nobody.
        No = "no",
        /// Everybody.
        Yes = "yes",
        /// Clients on a loopback address or the Unix socket.
        Local = "local",
    }
}

impl DebugAccess {
    /// Whether a client may; `local` says that it came by a loopback address or the Unix socket.
    #[must_use]
    pub fn allows(self, local: bool) -> bool {
        match self {
            Self::No => false,
            Self::Yes => true,
            Self::Local => local,
        }
    }
}

choice! {
    /// Which supervisor is told that the server is ready.
    Supervised {
        /// systemd, by a datagram `READY=1` to the socket that `NOTIFY_SOCKET` names.
        Systemd = "systemd",
        /// systemd if `NOTIFY_SOCKET` is set, else none.
        Auto = "auto",
        /// None.
        No = "no",
    }
}

/// Finds the value for a word, in any case.
pub(crate) fn choose<T: Choice>(word: &str) -> Result<T, ValueError> {
    let place = T::NAMES.iter().position(|name| name.eq_ignore_ascii_case(word));
    place.and_then(|place| T::VALUES.get(place)).copied().ok_or(ValueError::Choice(T::NAMES))
}

/// A text that logs, errors and `Debug` never show.
#[derive(Clone, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret; an empty text means that there is none.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself. Never log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `candidate` is the secret, in a time that depends on the candidate's length alone.
    #[must_use]
    pub fn matches(&self, candidate: &[u8]) -> bool {
        let secret = self.0.as_bytes();
        let mut difference = u8::from(secret.len() != candidate.len());
        for (place, byte) in candidate.iter().enumerate() {
            // Wrapping around keeps the work the same for every secret; an empty one has no bytes.
            let own = secret.get(place % secret.len().max(1)).copied().unwrap_or(0);
            difference |= own ^ byte;
        }
        std::hint::black_box(difference) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

/// The permission bits of a file, `0` for those that the process gives by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileMode(pub u32);

impl FileMode {
    /// Reads octal digits, `0` to `777`.
    pub(crate) fn read(text: &str) -> Result<Self, ValueError> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match u32::from_str_radix(text, 8) {
            Ok(mode) if digits && mode <= 0o777 => Ok(Self(mode)),
            _ => Err(ValueError::Mode),
        }
    }
}

/// The name of a file in the directory of the data, which is not one of that directory's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    /// Files that hold a data directory's own data, whose place nothing else may take.
    const OWN: [&'static str; 6] =
        ["MANIFEST", "MANIFEST.new", "LOCK", "BACKUP", "BACKUP.new", "IMPORT"];
    /// How the names of its other files end.
    const OWN_ENDINGS: [&'static str; 2] = [".swl", ".swc"];

    /// Reads a name; an empty one is allowed, as in Redis, and no file has it.
    pub(crate) fn read(text: &str) -> Result<Self, ValueError> {
        if text.contains(['/', '\\']) {
            return Err(ValueError::FileName);
        }
        if Self::is_own(text) {
            return Err(ValueError::OwnFile(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether a data directory's own files have such a name.
    pub fn is_own(name: &str) -> bool {
        Self::OWN.contains(&name) || Self::OWN_ENDINGS.iter().any(|ending| name.ends_with(ending))
    }

    /// The name that Redis gives to RDB files.
    pub(crate) fn default_rdb() -> Self {
        Self("dump.rdb".to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A checkpoint is written when so much has changed for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaveRule {
    /// Seconds since the last checkpoint.
    pub seconds: u32,
    /// Changes since then.
    pub changes: u64,
}

/// When checkpoints are written by changes and time: if any rule says so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SaveRules(Vec<SaveRule>);

impl SaveRules {
    /// Reads pairs of seconds and changes; none at all is allowed.
    pub(crate) fn read(text: &str) -> Result<Self, ValueError> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let (pairs, rest) = words.as_chunks::<2>();
        let rule = |[seconds, changes]: &[&str; 2]| {
            let seconds: u32 = seconds.parse().ok().filter(|seconds| *seconds > 0)?;
            Some(SaveRule { seconds, changes: changes.parse().ok()? })
        };
        let rules: Option<Vec<SaveRule>> = pairs.iter().map(rule).collect();
        rules.filter(|_| rest.is_empty()).map(Self).ok_or(ValueError::SaveRules)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rules.
    pub fn iter(&self) -> impl Iterator<Item = &SaveRule> {
        self.0.iter()
    }
}

impl fmt::Display for SaveRules {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, SaveRule { seconds, changes }) in self.0.iter().enumerate() {
            write!(out, "{}{seconds} {changes}", if place == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// One address to listen on, as `bind` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindAddress {
    /// An IP address, a host name, `*` (every IPv4 address) or `::*` (every IPv6 address).
    pub name: String,
    /// Written with a leading `-`: not an error when the machine does not have it.
    pub optional: bool,
}

impl BindAddress {
    /// What to hand to the system: `*` as `0.0.0.0`, `::*` as `::`, else the name.
    #[must_use]
    pub fn host(&self) -> &str {
        match self.name.as_str() {
            "*" => "0.0.0.0",
            "::*" => "::",
            name => name,
        }
    }

    fn read(text: &str) -> Result<Self, ValueError> {
        let (name, optional) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:%_-".contains(&byte);
        if name == "*" || name == "::*" || (!name.is_empty() && name.bytes().all(plain)) {
            Ok(Self { name: name.to_owned(), optional })
        } else {
            Err(ValueError::Address)
        }
    }

    /// Reads addresses parted by blanks; none at all is allowed and means no TCP listener.
    pub(crate) fn read_list(text: &str) -> Result<Vec<Self>, ValueError> {
        /// Redis's bound on the number of addresses.
        const MOST: usize = 16;
        let list: Vec<Self> =
            text.split_ascii_whitespace().map(Self::read).collect::<Result<_, _>>()?;
        if list.len() > MOST { Err(ValueError::TooManyAddresses) } else { Ok(list) }
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", if self.optional { "-" } else { "" }, self.name)
    }
}

/// How much unsent output a client may have before it is disconnected; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputBufferLimit {
    /// Bytes at which the client is disconnected at once.
    pub hard: u64,
    /// Bytes that it may exceed for `soft_seconds` at most.
    pub soft: u64,
    /// Seconds for which it may exceed `soft`.
    pub soft_seconds: u64,
}

/// The output limits of each client class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputBufferLimits {
    /// Clients that send commands.
    pub normal: OutputBufferLimit,
    /// Replicas of this server.
    pub replica: OutputBufferLimit,
    /// Clients with subscriptions.
    pub pubsub: OutputBufferLimit,
}

impl OutputBufferLimits {
    /// Changes the classes that the text names, in groups of class, hard, soft and seconds.
    ///
    /// Nothing changes when any group is bad.
    pub(crate) fn update(&mut self, text: &str) -> Result<(), ValueError> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let (groups, rest) = words.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(ValueError::LimitArity);
        }
        let mut changed = *self;
        for [class, hard, soft, seconds] in groups {
            let limit = OutputBufferLimit {
                hard: value::memory(hard).map_err(|_| ValueError::LimitValue)?,
                soft: value::memory(soft).map_err(|_| ValueError::LimitValue)?,
                soft_seconds: value::time(seconds).map_err(|_| ValueError::LimitValue)?.as_secs(),
            };
            match class.to_ascii_lowercase().as_str() {
                "normal" => changed.normal = limit,
                "replica" | "slave" => changed.replica = limit,
                "pubsub" => changed.pubsub = limit,
                _ => return Err(ValueError::LimitClass),
            }
        }
        *self = changed;
        Ok(())
    }
}

impl fmt::Display for OutputBufferLimits {
    /// As Redis 7.0 prints them, with its old word for replicas.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let classes = [("normal", self.normal), ("slave", self.replica), ("pubsub", self.pubsub)];
        for (place, (class, limit)) in classes.into_iter().enumerate() {
            let gap = if place == 0 { "" } else { " " };
            let OutputBufferLimit { hard, soft, soft_seconds } = limit;
            write!(out, "{gap}{class} {hard} {soft} {soft_seconds}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_no_path_and_none_of_the_data_directory() {
        for name in ["dump.rdb", "", "a b", "manifest"] {
            assert_eq!(FileName::read(name).map(|name| name.0), Ok(name.to_owned()));
        }
        for path in ["a/b", "/dump.rdb", "..\\dump.rdb"] {
            assert_eq!(FileName::read(path), Err(ValueError::FileName), "{path}");
        }
        for own in ["MANIFEST", "log-0000000001.swl", "x.swc", "LOCK"] {
            assert_eq!(FileName::read(own), Err(ValueError::OwnFile(own.to_owned())));
        }
    }

    #[test]
    fn a_secret_shows_itself_only_when_exposed() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn a_secret_matches_itself_alone() {
        let secret = Secret::new("abab");
        assert!(secret.matches(b"abab"));
        for other in [&b""[..], b"ab", b"ababab", b"abac", b"abababab"] {
            assert!(!secret.matches(other), "{other:?}");
        }
        assert!(Secret::default().matches(b""));
        assert!(!Secret::default().matches(b"\0"));
    }

    #[test]
    fn bind_takes_lists_stars_and_optional_addresses() {
        let list = BindAddress::read_list("127.0.0.1  -::1 * -::* fe80::1%eth0").unwrap();
        let hosts: Vec<_> = list.iter().map(|address| (address.host(), address.optional)).collect();
        let expected = [
            ("127.0.0.1", false),
            ("::1", true),
            ("0.0.0.0", false),
            ("::", true),
            ("fe80::1%eth0", false),
        ];
        assert_eq!(hosts, expected);
        assert_eq!(BindAddress::read_list(" "), Ok(Vec::new()));
        for bad in ["-", "a/b", "a,b", "**"] {
            assert_eq!(BindAddress::read_list(bad), Err(ValueError::Address), "{bad}");
        }
        assert_eq!(BindAddress::read_list(&"a ".repeat(17)), Err(ValueError::TooManyAddresses));
    }

    #[test]
    fn output_limits_change_only_the_classes_named() {
        let mut limits = crate::Settings::default().client_output_buffer_limit;
        limits.update("normal 10mb 1kb 5 replica 1 2 3").unwrap();
        assert_eq!(
            limits.to_string(),
            "normal 10485760 1024 5 slave 1 2 3 pubsub 33554432 8388608 60"
        );
        let before = limits;
        for (text, error) in [
            ("normal 0 0", ValueError::LimitArity),
            ("normal 7 7 7 master 0 0 0", ValueError::LimitClass),
            ("normal 7 7 7 pubsub a 0 0", ValueError::LimitValue),
            ("pubsub 0 0 x", ValueError::LimitValue),
        ] {
            assert_eq!(limits.update(text), Err(error), "{text}");
            assert_eq!(limits, before, "{text}");
        }
        limits.update("").unwrap();
        assert_eq!(limits, before);
    }

    #[test]
    fn file_modes_are_octal() {
        assert_eq!(FileMode::read("700"), Ok(FileMode(0o700)));
        assert_eq!(FileMode::read("0"), Ok(FileMode(0)));
        for bad in ["", "8", "1000", "+7", "rwx"] {
            assert_eq!(FileMode::read(bad), Err(ValueError::Mode), "{bad}");
        }
    }
}
