//! What follows the names of string commands, and what became of them.

use crate::command::argument::{
    Argument, block, double, integer, key, one_of, string, unix_time, word,
};
use crate::command::history::{History, changed};

/// `GETEX key [EX seconds | PX milliseconds | ... | PERSIST]`
pub(super) const GETEX: &[Argument] = &[
    key("key"),
    one_of(
        "expiration",
        &[
            integer("seconds").token("EX"),
            integer("milliseconds").token("PX"),
            unix_time("unix-time-seconds").token("EXAT"),
            unix_time("unix-time-milliseconds").token("PXAT"),
            word("PERSIST"),
        ],
    )
    .optional(),
];

/// `SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | ... | KEEPTTL]`
pub(super) const SET: &[Argument] = &[
    key("key"),
    string("value"),
    one_of("condition", &[word("NX"), word("XX")]).since("2.6.12").optional(),
    word("GET").since("6.2.0").optional(),
    one_of(
        "expiration",
        &[
            integer("seconds").token("EX").since("2.6.12"),
            integer("milliseconds").token("PX").since("2.6.12"),
            unix_time("unix-time-seconds").token("EXAT").since("6.2.0"),
            unix_time("unix-time-milliseconds").token("PXAT").since("6.2.0"),
            word("KEEPTTL").since("6.0.0"),
        ],
    )
    .optional(),
];

pub(super) const SET_HISTORY: &[History] = &[
    changed("2.6.12", "Added the `EX`, `PX`, `NX` and `XX` options."),
    changed("6.0.0", "Added the `KEEPTTL` option."),
    changed("6.2.0", "Added the `GET`, `EXAT` and `PXAT` option."),
    changed("7.0.0", "Allowed the `NX` and `GET` options to be used together."),
];

/// `SETEX key seconds value`
pub(super) const SETEX: &[Argument] = &[key("key"), integer("seconds"), string("value")];

/// `PSETEX key milliseconds value`
pub(super) const PSETEX: &[Argument] = &[key("key"), integer("milliseconds"), string("value")];

/// `SETNX key value`, and others that take a key and what to put there.
pub(super) const KEY_VALUE: &[Argument] = &[key("key"), string("value")];

/// `MSET key value [key value ...]`
pub(super) const PAIRS: &[Argument] =
    &[block("key_value", &[key("key"), string("value")]).multiple()];

/// `INCRBY key increment`
pub(super) const INCRBY: &[Argument] = &[key("key"), integer("increment")];

/// `DECRBY key decrement`
pub(super) const DECRBY: &[Argument] = &[key("key"), integer("decrement")];

/// `INCRBYFLOAT key increment`
pub(super) const INCRBYFLOAT: &[Argument] = &[key("key"), double("increment")];

/// `GETRANGE key start end`
pub(super) const GETRANGE: &[Argument] = &[key("key"), integer("start"), integer("end")];

/// `SETRANGE key offset value`
pub(super) const SETRANGE: &[Argument] = &[key("key"), integer("offset"), string("value")];

/// `LCS key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]`
pub(super) const LCS: &[Argument] = &[
    key("key1"),
    key("key2"),
    word("LEN").optional(),
    word("IDX").optional(),
    integer("len").token("MINMATCHLEN").optional(),
    word("WITHMATCHLEN").optional(),
];
