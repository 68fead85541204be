//! Sets of named bits that describe commands: flags, ACL categories, uses of keys. The order of the
//! bits is the order in which Redis prints their names.

/// Properties of a command, by Redis's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u32);

impl Flags {
    /// No bit.
    pub const NONE: Self = Self(0);
    /// May change data.
    pub const WRITE: Self = Self(1 << 0);
    /// Only reads data.
    pub const READONLY: Self = Self(1 << 1);
    /// Refused when memory is full.
    pub const DENYOOM: Self = Self(1 << 2);
    /// For administrators.
    pub const ADMIN: Self = Self(1 << 3);
    /// Belongs to publish and subscribe.
    pub const PUBSUB: Self = Self(1 << 4);
    /// Not from scripts.
    pub const NOSCRIPT: Self = Self(1 << 5);
    /// May wait for data.
    pub const BLOCKING: Self = Self(1 << 6);
    /// Allowed while the data set is loaded.
    pub const LOADING: Self = Self(1 << 7);
    /// Allowed on a stale replica.
    pub const STALE: Self = Self(1 << 8);
    /// Not shown by MONITOR.
    pub const SKIP_MONITOR: Self = Self(1 << 9);
    /// Not shown in the slow log.
    pub const SKIP_SLOWLOG: Self = Self(1 << 10);
    /// Accepts the asking flag of a cluster client.
    pub const ASKING: Self = Self(1 << 11);
    /// Constant or logarithmic time.
    pub const FAST: Self = Self(1 << 12);
    /// Allowed before authentication.
    pub const NO_AUTH: Self = Self(1 << 13);
    /// May produce effects though it does not write.
    pub const MAY_REPLICATE: Self = Self(1 << 14);
    /// Its keys may be absent.
    pub const NO_MANDATORY_KEYS: Self = Self(1 << 15);
    /// Refused during asynchronous loading.
    pub const NO_ASYNC_LOADING: Self = Self(1 << 16);
    /// Not inside MULTI.
    pub const NO_MULTI: Self = Self(1 << 17);
    /// Its keys are not all at fixed positions.
    pub const MOVABLE_KEYS: Self = Self(1 << 18);
    /// Allowed while a script is busy.
    pub const ALLOW_BUSY: Self = Self(1 << 19);
    /// Sees or changes every shard at one moment (not a flag of Redis's).
    pub const ALL_SHARDS: Self = Self(1 << 20);
    /// Runs only when all that precedes it on its connection was executed (not a flag of Redis's).
    pub const BARRIER: Self = Self(1 << 21);
    /// Needs `enable-debug-command` or the like (not shown by COMMAND).
    pub const PROTECTED: Self = Self(1 << 22);
    /// Its first argument is a SCAN cursor, which names the shard (not a flag of Redis's).
    pub const CURSOR: Self = Self(1 << 23);

    const NAMES: &'static [&'static str] = &[
        "write",
        "readonly",
        "denyoom",
        "admin",
        "pubsub",
        "noscript",
        "blocking",
        "loading",
        "stale",
        "skip_monitor",
        "skip_slowlog",
        "asking",
        "fast",
        "no_auth",
        "may_replicate",
        "no_mandatory_keys",
        "no_async_loading",
        "no_multi",
        "movablekeys",
        "allow_busy",
        "",
        "",
        "",
        "",
    ];

    /// The bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Names of the bits that are set, in Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .iter()
            .enumerate()
            .filter(move |(i, n)| self.0 >> i & 1 == 1 && !n.is_empty())
            .map(|(_, n)| *n)
    }

    /// The set with the one bit of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let position =
            Self::NAMES.iter().position(|n| !n.is_empty() && n.eq_ignore_ascii_case(name))?;
        Some(Self(1 << position))
    }
}

/// ACL categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Categories(u32);

impl Categories {
    /// No bit.
    pub const NONE: Self = Self(0);
    /// ACL category @keyspace.
    pub const KEYSPACE: Self = Self(1 << 0);
    /// ACL category @read.
    pub const READ: Self = Self(1 << 1);
    /// ACL category @write.
    pub const WRITE: Self = Self(1 << 2);
    /// ACL category @set.
    pub const SET: Self = Self(1 << 3);
    /// ACL category @sortedset.
    pub const SORTEDSET: Self = Self(1 << 4);
    /// ACL category @list.
    pub const LIST: Self = Self(1 << 5);
    /// ACL category @hash.
    pub const HASH: Self = Self(1 << 6);
    /// ACL category @string.
    pub const STRING: Self = Self(1 << 7);
    /// ACL category @bitmap.
    pub const BITMAP: Self = Self(1 << 8);
    /// ACL category @hyperloglog.
    pub const HYPERLOGLOG: Self = Self(1 << 9);
    /// ACL category @geo.
    pub const GEO: Self = Self(1 << 10);
    /// ACL category @stream.
    pub const STREAM: Self = Self(1 << 11);
    /// ACL category @pubsub.
    pub const PUBSUB: Self = Self(1 << 12);
    /// ACL category @admin.
    pub const ADMIN: Self = Self(1 << 13);
    /// ACL category @fast.
    pub const FAST: Self = Self(1 << 14);
    /// ACL category @slow.
    pub const SLOW: Self = Self(1 << 15);
    /// ACL category @blocking.
    pub const BLOCKING: Self = Self(1 << 16);
    /// ACL category @dangerous.
    pub const DANGEROUS: Self = Self(1 << 17);
    /// ACL category @connection.
    pub const CONNECTION: Self = Self(1 << 18);
    /// ACL category @transaction.
    pub const TRANSACTION: Self = Self(1 << 19);
    /// ACL category @scripting.
    pub const SCRIPTING: Self = Self(1 << 20);

    const NAMES: &'static [&'static str] = &[
        "keyspace",
        "read",
        "write",
        "set",
        "sortedset",
        "list",
        "hash",
        "string",
        "bitmap",
        "hyperloglog",
        "geo",
        "stream",
        "pubsub",
        "admin",
        "fast",
        "slow",
        "blocking",
        "dangerous",
        "connection",
        "transaction",
        "scripting",
    ];

    /// The bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Names of the bits that are set, in Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .iter()
            .enumerate()
            .filter(move |(i, n)| self.0 >> i & 1 == 1 && !n.is_empty())
            .map(|(_, n)| *n)
    }

    /// The set with the one bit of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let position =
            Self::NAMES.iter().position(|n| !n.is_empty() && n.eq_ignore_ascii_case(name))?;
        Some(Self(1 << position))
    }
}

/// What a command does with a key: the flags of a key specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyUse(u16);

impl KeyUse {
    /// No bit.
    pub const NONE: Self = Self(0);
    /// Reads the value.
    pub const RO: Self = Self(1 << 0);
    /// Reads and changes the value.
    pub const RW: Self = Self(1 << 1);
    /// Overwrites the value.
    pub const OW: Self = Self(1 << 2);
    /// Removes the key.
    pub const RM: Self = Self(1 << 3);
    /// Returns or copies data of the value.
    pub const ACCESS: Self = Self(1 << 4);
    /// Changes data from data.
    pub const UPDATE: Self = Self(1 << 5);
    /// Adds data.
    pub const INSERT: Self = Self(1 << 6);
    /// Removes data.
    pub const DELETE: Self = Self(1 << 7);
    /// Routed like a key, but none.
    pub const NOT_KEY: Self = Self(1 << 8);
    /// Not all keys are found.
    pub const INCOMPLETE: Self = Self(1 << 9);
    /// The use depends on arguments.
    pub const VARIABLE_FLAGS: Self = Self(1 << 10);

    const NAMES: &'static [&'static str] = &[
        "RO",
        "RW",
        "OW",
        "RM",
        "access",
        "update",
        "insert",
        "delete",
        "not_key",
        "incomplete",
        "variable_flags",
    ];

    /// The bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Names of the bits that are set, in Redis's order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .iter()
            .enumerate()
            .filter(move |(i, n)| self.0 >> i & 1 == 1 && !n.is_empty())
            .map(|(_, n)| *n)
    }

    /// The set with the one bit of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let position =
            Self::NAMES.iter().position(|n| !n.is_empty() && n.eq_ignore_ascii_case(name))?;
        Some(Self(1 << position))
    }
}
