//! What follows the names of bitmap commands, and what became of them.

use crate::command::argument::{Argument, block, integer, key, one_of, string, word};
use crate::command::history::{History, changed};

pub(super) const SETBIT: &[Argument] = &[key("key"), integer("offset"), integer("value")];

pub(super) const GETBIT: &[Argument] = &[key("key"), integer("offset")];

pub(super) const BITCOUNT: &[Argument] = &[
    key("key"),
    block(
        "index",
        &[
            integer("start"),
            integer("end"),
            one_of("index_unit", &[word("BYTE"), word("BIT")]).since("7.0.0").optional(),
        ],
    )
    .optional(),
];

pub(super) const BITCOUNT_HISTORY: &[History] = &[changed("7.0.0", "Added the `BYTE|BIT` option.")];

pub(super) const BITPOS: &[Argument] = &[
    key("key"),
    integer("bit"),
    block(
        "index",
        &[
            integer("start"),
            block(
                "end_index",
                &[
                    integer("end"),
                    one_of("index_unit", &[word("BYTE"), word("BIT")]).since("7.0.0").optional(),
                ],
            )
            .optional(),
        ],
    )
    .optional(),
];

pub(super) const BITPOS_HISTORY: &[History] = &[changed("7.0.0", "Added the `BYTE|BIT` option.")];

pub(super) const BITOP: &[Argument] =
    &[string("operation"), key("destkey"), key("key").key_spec(1).multiple()];

pub(super) const BITFIELD: &[Argument] = &[
    key("key"),
    one_of(
        "operation",
        &[
            block("encoding_offset", &[string("encoding"), integer("offset")]).token("GET"),
            block(
                "write",
                &[
                    one_of("wrap_sat_fail", &[word("WRAP"), word("SAT"), word("FAIL")])
                        .token("OVERFLOW")
                        .optional(),
                    one_of(
                        "write_operation",
                        &[
                            block(
                                "encoding_offset_value",
                                &[string("encoding"), integer("offset"), integer("value")],
                            )
                            .token("SET"),
                            block(
                                "encoding_offset_increment",
                                &[string("encoding"), integer("offset"), integer("increment")],
                            )
                            .token("INCRBY"),
                        ],
                    ),
                ],
            ),
        ],
    )
    .optional()
    .multiple(),
];

pub(super) const BITFIELD_RO: &[Argument] = &[
    key("key"),
    block("encoding_offset", &[string("encoding"), integer("offset")])
        .token("GET")
        .optional()
        .multiple_with_token(),
];
