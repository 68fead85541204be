//! The commands that act on data, one module a family: descriptors and handlers side by side.
//! Adding a command is one descriptor and one handler in its family's slice.

pub mod bits;
mod bits_arguments;
pub mod bits_fields;
pub mod bits_ranges;
pub mod debug;
pub mod dump;
mod dump_arguments;
pub mod expire_option;
pub mod expiry;
mod expiry_arguments;
pub mod geo;
mod geo_arguments;
mod geo_points;
mod geo_search;
pub mod hash_numbers;
pub mod hash_random;
pub mod hashes;
mod hashes_arguments;
pub mod hyperloglog;
mod hyperloglog_arguments;
pub mod hyperloglog_debug;
mod index_range;
pub mod keys;
mod keys_arguments;
mod list_ends;
mod list_inside;
pub mod lists;
mod lists_arguments;
pub mod memory;
pub mod object;
pub mod scan;
pub mod set_algebra;
pub mod set_random;
pub mod sets;
mod sets_arguments;
pub mod sort;
mod sort_arguments;
mod sort_number;
mod sort_part;
mod sort_pattern;
mod sorted_set_algebra;
mod sorted_set_change;
mod sorted_set_options;
mod sorted_set_range;
mod sorted_set_read;
pub mod sorted_sets;
mod sorted_sets_arguments;
mod stream_entries;
mod stream_groups;
mod stream_ids;
mod stream_info;
mod stream_pending;
pub mod stream_reads;
mod stream_trim;
pub mod streams;
mod streams_arguments;
pub mod string_lcs;
pub mod string_numbers;
pub mod string_ranges;
pub mod string_value;
pub mod string_whole;
pub mod strings;
mod strings_arguments;
pub mod transactions;
mod waiting;
mod waiting_arguments;
pub mod waiting_lists;
pub mod waiting_sorted_sets;

use shardwright_codec::listpack::Element;
use shardwright_codec::resp::ReplyWriter;

use crate::command::DataCommand;

/// Every family's commands.
pub const FAMILIES: &[&[DataCommand]] = &[
    strings::COMMANDS,
    lists::COMMANDS,
    waiting_lists::COMMANDS,
    sort::COMMANDS,
    hashes::COMMANDS,
    bits::COMMANDS,
    sets::COMMANDS,
    hyperloglog::COMMANDS,
    streams::COMMANDS,
    sorted_sets::COMMANDS,
    waiting_sorted_sets::COMMANDS,
    geo::COMMANDS,
    keys::COMMANDS,
    keys::DATABASE_COMMANDS,
    expiry::COMMANDS,
    dump::COMMANDS,
    memory::COMMANDS,
    transactions::COMMANDS,
    debug::COMMANDS,
];

/// Most elements that one command chooses at random with repetition: a reply is built as a whole,
/// and a small collection has any number of them. Redis goes on until its memory is full.
const MOST_REPEATED: u64 = 1 << 24;

/// Writes a short string of a collection as a bulk reply.
#[inline]
fn write_element(element: Element<'_>, reply: &mut ReplyWriter<'_>) {
    match element {
        Element::Int(number) => reply.bulk_int(number),
        Element::Bytes(bytes) => reply.bulk(bytes),
    }
}
