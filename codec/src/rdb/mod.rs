//! RDB: the file in which Redis saves a data set, and in which replicas and tools receive one.
//!
//! [`Encoder`] writes version 10, which Redis 7.0 reads and writes; [`Decoder`] reads versions 1 to
//! 10. Both are functions of bytes: the caller moves them, and says what time it is. What a value
//! looks like is known by [`object`] alone, which also works without a file: DUMP has the same
//! bytes. The format is that of Redis's `rdb.h` and `rdb.c`, as their readers describe it publicly;
//! names in capitals are theirs.
//!
//! # A file
//!
//! `REDIS`, the version in four digits, then one byte after the other that says what follows:
//!
//! | byte | name | what follows |
//! |--:|---|---|
//! | 245 | FUNCTION2 | a string: the source of a library of functions |
//! | 246 | FUNCTION_PRE_GA | functions as previews of Redis 7 wrote them; nobody reads them |
//! | 247 | MODULE_AUX | the module's id, UINT and when to load it, then annotated data |
//! | 248 | IDLE | a length: seconds for which the next key was not used |
//! | 249 | FREQ | a byte: how often the next key is used, in LFU's logarithm |
//! | 250 | AUX | two strings: name and value of a fact about the file |
//! | 251 | RESIZEDB | two lengths: keys of the database, and those of them that expire |
//! | 252 | EXPIRETIME_MS | 8 bytes, little-endian: when the next key expires, ms since 1970 |
//! | 253 | EXPIRETIME | 4 bytes, little-endian: the same in seconds |
//! | 254 | SELECTDB | a length: the database of the keys that follow; it is 0 before |
//! | 255 | EOF | 8 bytes, little-endian: CRC-64 of all before them; 0 when nobody computed it |
//! | others | a type | a string, the key, and a value of that type |
//!
//! # Lengths and strings
//!
//! A length begins with two bits that say how it goes on, and is big-endian:
//!
//! | first byte | what |
//! |---|---|
//! | `00nnnnnn` | the length |
//! | `01nnnnnn` | its upper six bits; one byte follows |
//! | `10000000` | four bytes follow |
//! | `10000001` | eight bytes follow |
//! | `11nnnnnn` | no length: a string in encoding *n* |
//!
//! A string is a length and so many bytes, or an encoded one: 0, 1 and 2 are integers of 1, 2 and 4
//! bytes, little-endian, that stand for their decimal text; 3 is LZF: the packed length, the
//! unpacked length, the packed bytes. Redis writes integers for texts of at most 11 bytes, and LZF
//! where a text has more than 20 bytes and becomes 4 shorter at least. So does [`Encoder`].
//!
//! # Versions
//!
//! | version | Redis | what it brought |
//! |--:|---|---|
//! | 1 | 1.0 | strings, lists, sets, sorted sets; LZF; EXPIRETIME |
//! | 2 | 2.2 | hashes, and small lists, sets and sorted sets in their packed form |
//! | 3 | 2.6 | EXPIRETIME_MS |
//! | 4 | 2.6 | small hashes in their packed form |
//! | 5 | 2.6 | the checksum |
//! | 6 | 2.6 | nothing that changes reading |
//! | 7 | 3.2 | AUX, RESIZEDB, quicklists |
//! | 8 | 4.0 | binary scores, lengths of eight bytes, modules |
//! | 9 | 5.0 | streams, IDLE, FREQ, MODULE_AUX; EXPIRETIME_MS is little-endian everywhere |
//! | 10 | 7.0 | listpacks, functions |
//!
//! An opcode is read in a file of any version, as Redis does. EXPIRETIME_MS of before version 9 is
//! taken to be little-endian: files from other machines cannot be told apart.

mod checksum;
pub mod collection;
mod decoder;
pub mod dump;
mod encoder;
mod error;
mod item;
mod lzf;
pub mod object;
mod opcode;
mod packed;
mod read;
mod shape;
mod write;

pub use collection::{Body, Collection, Part, Pieces};
pub use decoder::Decoder;
pub use encoder::{Encoder, Options};
pub use error::{Error, Fault};
pub use item::{Entry, Item, ModuleId};
pub use lzf::LzfError;
pub use object::{ObjectType, Value};
pub use write::StringWriter;

/// The newest version that is known, and the one that is written.
pub const VERSION: u32 = 10;

/// The longest string that Redis lets a client make, in bytes: what to give to [`Decoder::new`]
/// unless there is a setting.
pub const DEFAULT_MAX_STRING: usize = 512 << 20;
