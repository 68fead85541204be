//! What decides about the form of a collection.

use crate::hash::KeyHasher;

/// Bounds up to which collections keep their small forms, from the settings of the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encodings {
    /// Most fields of a listpack.
    pub hash_max_listpack_entries: usize,
    /// Longest field or value of a listpack in bytes.
    pub hash_max_listpack_value: usize,
    /// Most elements of a list's listpack, or, if negative, its size: -1 to -5 for 4 to 64 KiB.
    pub list_max_listpack_size: i64,
    /// Most members of a set of integers.
    pub set_max_intset_entries: usize,
    /// Most members of a listpack.
    pub zset_max_listpack_entries: usize,
    /// Longest member of a listpack in bytes.
    pub zset_max_listpack_value: usize,
    /// Most bytes of a stream's node; 0 for no bound.
    pub stream_node_max_bytes: usize,
    /// Most entries of a stream's node; 0 for no bound.
    pub stream_node_max_entries: usize,
    /// Most bytes of a sparse HyperLogLog.
    pub hll_sparse_max_bytes: usize,
    /// Elements of a list that are longer have a node of their own (DEBUG
    /// QUICKLIST-PACKED-THRESHOLD).
    pub list_packed_threshold: usize,
}

impl Default for Encodings {
    /// Redis's own.
    fn default() -> Self {
        Self {
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            list_max_listpack_size: -2,
            set_max_intset_entries: 512,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            stream_node_max_bytes: 4096,
            stream_node_max_entries: 100,
            hll_sparse_max_bytes: 3000,
            list_packed_threshold: 1 << 30,
        }
    }
}

/// What a collection is given when it may have to change its form.
#[derive(Debug, Clone, Copy)]
pub struct Shaping {
    /// Hashes the members of large collections; the same in the whole process.
    pub hasher: KeyHasher,
    /// Bounds of the small forms.
    pub encodings: Encodings,
}
