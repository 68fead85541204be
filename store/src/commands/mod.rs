//! The commands that act on data, one module a family: descriptors and handlers side by side.
//! Adding a command is one descriptor and one handler in its family's slice.

pub mod debug;
pub mod expire_option;
pub mod expiry;
mod expiry_arguments;
pub mod hashes;
mod hashes_arguments;
mod index_range;
pub mod keys;
mod keys_arguments;
mod list_ends;
mod list_inside;
pub mod lists;
mod lists_arguments;
pub mod object;
pub mod scan;
pub mod sort;
mod sort_arguments;
mod sort_number;
mod sort_pattern;
pub mod string_lcs;
pub mod string_numbers;
pub mod string_ranges;
pub mod string_value;
pub mod string_whole;
pub mod strings;
mod strings_arguments;
pub mod transactions;

use shardwright_codec::listpack::Element;
use shardwright_codec::resp::ReplyWriter;

use crate::command::DataCommand;

/// Every family's commands.
pub const FAMILIES: &[&[DataCommand]] = &[
    strings::COMMANDS,
    lists::COMMANDS,
    sort::COMMANDS,
    hashes::COMMANDS,
    keys::COMMANDS,
    keys::DATABASE_COMMANDS,
    expiry::COMMANDS,
    transactions::COMMANDS,
    debug::COMMANDS,
];

/// Writes a short string of a collection as a bulk reply.
#[inline]
fn write_element(element: Element<'_>, reply: &mut ReplyWriter<'_>) {
    match element {
        Element::Int(number) => reply.bulk_int(number),
        Element::Bytes(bytes) => reply.bulk(bytes),
    }
}
