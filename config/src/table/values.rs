//! Up to which size collections keep their small forms.

use crate::kind::Kind;
use crate::parameter::{Access, Parameter, field};

const fn bound(
    name: &'static str,
    default: &'static str,
    access: Access,
    help: &'static str,
) -> Parameter {
    Parameter::new(name, Kind::Integer { min: 0, max: i64::MAX }, default, access, help)
        .changeable()
}

/// The rows.
pub(super) const ROWS: &[Parameter] = &[
    bound(
        "hash-max-listpack-entries",
        "512",
        field!(hash_max_listpack_entries),
        "fields that a hash may have as a listpack",
    )
    .aliases(&["hash-max-ziplist-entries"]),
    Parameter::new(
        "hash-max-listpack-value",
        Kind::Memory { min: 0 },
        "64",
        field!(hash_max_listpack_value),
        "bytes that fields and values of a listpack may have",
    )
    .aliases(&["hash-max-ziplist-value"])
    .changeable(),
    Parameter::new(
        "list-max-listpack-size",
        Kind::Integer { min: i32::MIN as i64, max: i32::MAX as i64 },
        "-2",
        field!(list_max_listpack_size),
        "elements that a node of a list may have; -1 to -5 stand for 4 to 64 KiB",
    )
    .aliases(&["list-max-ziplist-size"])
    .changeable(),
    Parameter::fixed(
        "list-compress-depth",
        Kind::Integer { min: 0, max: i32::MAX as i64 },
        "0",
        "nodes of lists are never compressed",
        "nodes at each end of a list that are not compressed; 0 compresses none",
    )
    .changeable(),
    bound(
        "set-max-intset-entries",
        "512",
        field!(set_max_intset_entries),
        "members that a set of integers may have as an intset",
    ),
    bound(
        "zset-max-listpack-entries",
        "128",
        field!(zset_max_listpack_entries),
        "members that a sorted set may have as a listpack",
    )
    .aliases(&["zset-max-ziplist-entries"]),
    Parameter::new(
        "zset-max-listpack-value",
        Kind::Memory { min: 0 },
        "64",
        field!(zset_max_listpack_value),
        "bytes that members of a listpack may have",
    )
    .aliases(&["zset-max-ziplist-value"])
    .changeable(),
    Parameter::new(
        "stream-node-max-bytes",
        Kind::Memory { min: 0 },
        "4096",
        field!(stream_node_max_bytes),
        "bytes that a node of a stream may have; 0 is no bound",
    )
    .changeable(),
    bound(
        "stream-node-max-entries",
        "100",
        field!(stream_node_max_entries),
        "entries that a node of a stream may have; 0 is no bound",
    ),
    Parameter::new(
        "hll-sparse-max-bytes",
        Kind::Memory { min: 0 },
        "3000",
        field!(hll_sparse_max_bytes),
        "bytes that a sparse HyperLogLog may have",
    )
    .changeable(),
];
