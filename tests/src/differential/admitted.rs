//! The admitted differences: the one table that the differential test reads.
//! `docs/differences.md` tells each of them to users, and a test holds the two
//! together.

/// Why a difference may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It follows from several shards.
    Sharding,
    /// Chance or a process's own numbers decide.
    Chance,
    /// Redis 7.0.15 does not have it, or has it otherwise than later versions.
    Version,
    /// The feature does not exist here yet.
    Missing,
    /// A figure about memory.
    Memory,
    /// A help or documentation text.
    HelpText,
}

impl Reason {
    /// The word that the page uses.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Sharding => "sharding",
            Reason::Chance => "chance",
            Reason::Version => "version",
            Reason::Missing => "missing feature",
            Reason::Memory => "memory figure",
            Reason::HelpText => "help text",
        }
    }
}

/// One admitted difference.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    /// Its name: the heading in the page, and what a comparison refers to.
    pub name: &'static str,
    /// Why it may be.
    pub reason: Reason,
}

const fn difference(name: &'static str, reason: Reason) -> Difference {
    Difference { name, reason }
}

/// Every admitted difference.
pub const ADMITTED: &[Difference] = &[
    difference(SCAN_CURSOR, Reason::Sharding),
    difference(RANDOM_KEY, Reason::Chance),
    difference(CLIENT_ID, Reason::Chance),
    difference(CLIENT_LINE, Reason::Missing),
    difference(INFO_TEXT, Reason::Missing),
    difference(LOLWUT_ART, Reason::Chance),
    difference(COMMAND_SET, Reason::Missing),
    difference(COMMAND_DOCS, Reason::HelpText),
    difference(HELP, Reason::HelpText),
    difference(DUMPED, Reason::Memory),
    difference(REPEATED, Reason::Memory),
    difference(DEBUG_OBJECT, Reason::Memory),
    difference(REFCOUNT, Reason::Memory),
    difference(SORTED, Reason::Memory),
    difference(CONFIG_SET_OF, Reason::Missing),
    difference(LATER, Reason::Version),
    difference(STRINGMATCH, Reason::Version),
    difference(WITHSCORE, Reason::Version),
    difference(MIGRATE, Reason::Sharding),
];

/// SCAN's cursor and how a scan is cut.
pub const SCAN_CURSOR: &str = "SCAN cursors";
/// Which key RANDOMKEY gives.
pub const RANDOM_KEY: &str = "RANDOMKEY";
/// Connection numbers.
pub const CLIENT_ID: &str = "Connection ids";
/// The fields of CLIENT LIST and CLIENT INFO.
pub const CLIENT_LINE: &str = "CLIENT LIST and CLIENT INFO";
/// The text of INFO.
pub const INFO_TEXT: &str = "INFO";
/// LOLWUT's picture.
pub const LOLWUT_ART: &str = "LOLWUT";
/// Which commands there are.
pub const COMMAND_SET: &str = "COMMAND, COMMAND COUNT and COMMAND LIST";
/// The summaries in COMMAND DOCS.
pub const COMMAND_DOCS: &str = "COMMAND DOCS";
/// The texts of HELP subcommands.
pub const HELP: &str = "HELP subcommands";
/// How strings are compressed in what DUMP gives.
pub const DUMPED: &str = "DUMP of compressed strings";
/// How many elements SRANDMEMBER, HRANDFIELD and ZRANDMEMBER repeat.
pub const REPEATED: &str = "Many random elements";
/// DEBUG OBJECT's line.
pub const DEBUG_OBJECT: &str = "DEBUG OBJECT";
/// OBJECT REFCOUNT's number.
pub const REFCOUNT: &str = "OBJECT REFCOUNT";
/// OBJECT ENCODING of a small sorted set that SORT has read.
pub const SORTED: &str = "OBJECT ENCODING after SORT";
/// Which parameters CONFIG knows.
pub const CONFIG_SET_OF: &str = "CONFIG parameters";
/// CLIENT SETINFO, CLIENT NO-TOUCH and WAITAOF.
pub const LATER: &str = "CLIENT SETINFO, CLIENT NO-TOUCH and WAITAOF";
/// The names of these three in COMMAND LIST.
pub const LATER_NAMES: [&str; 3] = ["client|setinfo", "client|no-touch", "waitaof"];
/// DEBUG STRINGMATCH-LEN.
pub const STRINGMATCH: &str = "DEBUG STRINGMATCH-LEN";

/// WITHSCORE of ZRANK and ZREVRANK.
pub const WITHSCORE: &str = "ZRANK and ZREVRANK with WITHSCORE";
/// The commands that have an option more than in Redis 7.0.15.
pub const LATER_FORMS: [&str; 2] = ["zrank", "zrevrank"];
/// MIGRATE in a transaction, and of keys that change.
pub const MIGRATE: &str = "MIGRATE";

/// True when `name` is in the table.
pub fn is_admitted(name: &str) -> bool {
    ADMITTED.iter().any(|difference| difference.name == name)
}
