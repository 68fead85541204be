//! What follows the names of SORT and SORT_RO.

use crate::command::argument::{Argument, block, integer, key, one_of, pattern, word};

pub(super) const SORT: &[Argument] = &[
    key("key"),
    pattern("pattern").key_spec(1).token("BY").optional(),
    block("offset_count", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
    pattern("pattern").key_spec(1).token("GET").optional().multiple_with_token(),
    one_of("order", &[word("ASC"), word("DESC")]).optional(),
    word("ALPHA").named("sorting").optional(),
    key("destination").key_spec(2).token("STORE").optional(),
];

pub(super) const SORT_RO: &[Argument] = &[
    key("key"),
    pattern("pattern").key_spec(1).token("BY").optional(),
    block("offset_count", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
    pattern("pattern").key_spec(1).token("GET").optional().multiple_with_token(),
    one_of("order", &[word("ASC"), word("DESC")]).optional(),
    word("ALPHA").named("sorting").optional(),
];
