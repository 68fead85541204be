//! What can be wrong with a file or a value.

use thiserror::Error;

use super::lzf::LzfError;
use super::{ObjectType, VERSION};

/// Why bytes are no RDB file, or no value, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("byte {offset}: {fault}")]
pub struct Error {
    /// Where, counted from the beginning of the file, or of the value when that was given alone.
    pub offset: u64,
    /// Why.
    pub fault: Fault,
}

/// Why bytes are no RDB file, or no value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// The file does not begin as one.
    #[error("an RDB file begins with REDIS and four digits, this one with '{}'", .0.escape_ascii())]
    Header([u8; 9]),
    /// The version is none that is known.
    #[error("RDB version {0}, of which 1 to {VERSION} can be read")]
    Version(u32),
    /// The bytes end too early.
    #[error("the end, where {0} bytes more are needed at least")]
    Truncated(u64),
    /// A byte where an opcode or a type belongs is neither.
    #[error("{0} is no opcode and no type of RDB version {VERSION}")]
    Opcode(u8),
    /// Functions in a form that Redis itself no longer reads.
    #[error("functions as only previews of Redis 7 wrote them (opcode 246)")]
    OldFunctions,
    /// An expiry, idle time or frequency is followed by something else than its key.
    #[error(
        "opcode {0}, where the key belongs to which an expiry, idle time or frequency was said"
    )]
    KeyMissing(u8),
    /// No length begins with this byte.
    #[error("no length begins with byte {0:#04x}")]
    Length(u8),
    /// An encoded string stands where a length belongs.
    #[error("a string in encoding {0}, where a length belongs")]
    NoLength(u8),
    /// A string in an encoding that is not known.
    #[error("a string in encoding {0}, of which 0 to 3 are known")]
    StringEncoding(u8),
    /// A string is longer than the limit.
    #[error("a string of {length} bytes, of at most {max}")]
    TooLong {
        /// Bytes that it says it has.
        length: u64,
        /// Most bytes that the caller allows.
        max: u64,
    },
    /// A compressed string says that it becomes longer than any can.
    #[error("{packed} bytes of LZF cannot become the {claimed} bytes that they are said to be")]
    Expansion {
        /// Its compressed length.
        packed: u64,
        /// The length that it says it has uncompressed.
        claimed: u64,
    },
    /// A compressed string is damaged.
    #[error(transparent)]
    Lzf(#[from] LzfError),
    /// A module's data has an annotation that is not known.
    #[error("a module's data has something of kind {0}, of which 0 to 5 are known")]
    ModuleData(u64),
    /// When a module's data is to be loaded is not said in the way it must be.
    #[error("when to load a module's data is said by kind {0}, where 2 (UINT) belongs")]
    ModuleWhen(u64),
    /// A value of a type that there is none of here.
    #[error("{}a value of type {} ({kind}), which is not supported", owner(.key), .kind.code())]
    Unsupported {
        /// The key, made printable and cut off where it is long; none for a value without a file.
        key: Option<String>,
        /// The type.
        kind: ObjectType,
    },
    /// What a collection consists of is damaged or does not go together.
    #[error("a value of type {} ({kind}) with {found}", .kind.code())]
    Collection {
        /// Its type.
        kind: ObjectType,
        /// What is wrong.
        found: &'static str,
    },
    /// There is something behind a value that was given alone.
    #[error("{0} bytes more, where a value ends")]
    Trailing(u64),
    /// The checksum does not fit.
    #[error("the checksum is {found:016x}, the bytes before give {computed:016x}")]
    Checksum {
        /// What the file says.
        found: u64,
        /// What its bytes give.
        computed: u64,
    },
}

fn owner(key: &Option<String>) -> String {
    key.as_ref().map_or(String::new(), |key| format!("key '{key}' has "))
}

/// A key as an error shows it: printable, and not all of it when it is long.
pub(super) fn shown(key: &[u8]) -> String {
    const SHOWN: usize = 120;
    let (front, rest) = key.split_at(key.len().min(SHOWN));
    let mut text: String = String::from_utf8_lossy(front).escape_debug().collect();
    if !rest.is_empty() {
        text.push_str("...");
    }
    text
}
