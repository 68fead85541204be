//! Sets of named bits that describe commands: flags, ACL categories, uses of keys, flags of
//! arguments and of documentation. The order of the bits is the order in which Redis prints their
//! names.

/// Declares a set of bits; one with an empty name is never shown.
macro_rules! bit_set {
    ($(#[$doc:meta])* $set:ident($int:ty) { $($(#[$bit_doc:meta])* $bit:ident = $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $set($int);

        const _: () = {
            #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "numbers the bits")]
            enum Bit {
                $($bit,)+
            }

            impl $set {
                const NAMES: &'static [&'static str] = &[$($name,)+];

                /// No bit.
                pub const NONE: Self = Self(0);
                $($(#[$bit_doc])* pub const $bit: Self = Self(1 << Bit::$bit as u32);)+

                /// The bits of both.
                #[must_use]
                pub const fn with(self, other: Self) -> Self {
                    Self(self.0 | other.0)
                }

                /// All of these but the others.
                #[must_use]
                pub const fn without(self, other: Self) -> Self {
                    Self(self.0 & !other.0)
                }

                /// Whether all bits of `other` are set.
                pub const fn has(self, other: Self) -> bool {
                    self.0 & other.0 == other.0
                }

                /// Names of the bits that are set, in Redis's order.
                pub fn names(self) -> impl Iterator<Item = &'static str> {
                    let named = Self::NAMES.iter().enumerate();
                    named
                        .filter(move |(at, name)| self.0 >> at & 1 == 1 && !name.is_empty())
                        .map(|(_, name)| *name)
                }

                /// The set with the one bit of this name.
                pub fn from_name(name: &str) -> Option<Self> {
                    let same = |known: &&str| !known.is_empty() && known.eq_ignore_ascii_case(name);
                    Some(Self(1 << Self::NAMES.iter().position(same)?))
                }
            }
        };
    };
}

bit_set! {
    /// Properties of a command, by Redis's names.
    Flags(u32) {
        /// May change data.
        WRITE = "write",
        /// Only reads data.
        READONLY = "readonly",
        /// Refused when memory is full.
        DENYOOM = "denyoom",
        /// For administrators.
        ADMIN = "admin",
        /// Belongs to publish and subscribe.
        PUBSUB = "pubsub",
        /// Not from scripts.
        NOSCRIPT = "noscript",
        /// May wait for data.
        BLOCKING = "blocking",
        /// Allowed while the data set is loaded.
        LOADING = "loading",
        /// Allowed on a stale replica.
        STALE = "stale",
        /// Not shown by MONITOR.
        SKIP_MONITOR = "skip_monitor",
        /// Not shown in the slow log.
        SKIP_SLOWLOG = "skip_slowlog",
        /// Accepts the asking flag of a cluster client.
        ASKING = "asking",
        /// Constant or logarithmic time.
        FAST = "fast",
        /// Allowed before authentication.
        NO_AUTH = "no_auth",
        /// May produce effects though it does not write.
        MAY_REPLICATE = "may_replicate",
        /// Its keys may be absent.
        NO_MANDATORY_KEYS = "no_mandatory_keys",
        /// Refused during asynchronous loading.
        NO_ASYNC_LOADING = "no_async_loading",
        /// Not inside MULTI.
        NO_MULTI = "no_multi",
        /// Its keys are not all at fixed positions.
        MOVABLE_KEYS = "movablekeys",
        /// Allowed while a script is busy.
        ALLOW_BUSY = "allow_busy",
        /// Sees or changes every shard at one moment (not a flag of Redis's).
        ALL_SHARDS = "",
        /// Runs only when all that precedes it on its connection was executed (not a flag of Redis's).
        BARRIER = "",
        /// Needs `enable-debug-command` or the like (not shown by COMMAND).
        PROTECTED = "",
        /// Not inside MULTI, where Redis has it (not a flag of Redis's).
        ALONE = "",
        /// Its first argument is a SCAN cursor, which names the shard (not a flag of Redis's).
        CURSOR = "",
    }
}

bit_set! {
    /// ACL categories.
    Categories(u32) {
        /// ACL category @keyspace.
        KEYSPACE = "keyspace",
        /// ACL category @read.
        READ = "read",
        /// ACL category @write.
        WRITE = "write",
        /// ACL category @set.
        SET = "set",
        /// ACL category @sortedset.
        SORTEDSET = "sortedset",
        /// ACL category @list.
        LIST = "list",
        /// ACL category @hash.
        HASH = "hash",
        /// ACL category @string.
        STRING = "string",
        /// ACL category @bitmap.
        BITMAP = "bitmap",
        /// ACL category @hyperloglog.
        HYPERLOGLOG = "hyperloglog",
        /// ACL category @geo.
        GEO = "geo",
        /// ACL category @stream.
        STREAM = "stream",
        /// ACL category @pubsub.
        PUBSUB = "pubsub",
        /// ACL category @admin.
        ADMIN = "admin",
        /// ACL category @fast.
        FAST = "fast",
        /// ACL category @slow.
        SLOW = "slow",
        /// ACL category @blocking.
        BLOCKING = "blocking",
        /// ACL category @dangerous.
        DANGEROUS = "dangerous",
        /// ACL category @connection.
        CONNECTION = "connection",
        /// ACL category @transaction.
        TRANSACTION = "transaction",
        /// ACL category @scripting.
        SCRIPTING = "scripting",
    }
}

bit_set! {
    /// What a command does with a key: the flags of a key specification.
    KeyUse(u16) {
        /// Reads the value.
        RO = "RO",
        /// Reads and changes the value.
        RW = "RW",
        /// Overwrites the value.
        OW = "OW",
        /// Removes the key.
        RM = "RM",
        /// Returns or copies data of the value.
        ACCESS = "access",
        /// Changes data from data.
        UPDATE = "update",
        /// Adds data.
        INSERT = "insert",
        /// Removes data.
        DELETE = "delete",
        /// Routed like a key, but none.
        NOT_KEY = "not_key",
        /// Not all keys are found.
        INCOMPLETE = "incomplete",
        /// The use depends on arguments.
        VARIABLE_FLAGS = "variable_flags",
    }
}

bit_set! {
    /// How often an argument may come.
    ArgumentFlags(u8) {
        /// It may be left out.
        OPTIONAL = "optional",
        /// It may be repeated.
        MULTIPLE = "multiple",
        /// Its word is repeated with it.
        MULTIPLE_TOKEN = "multiple_token",
    }
}

bit_set! {
    /// For whom a command is documented.
    DocFlags(u8) {
        /// For nobody new: there is something better.
        DEPRECATED = "deprecated",
        /// For servers and their makers.
        SYSCMD = "syscmd",
    }
}
