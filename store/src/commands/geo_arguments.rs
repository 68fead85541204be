//! What follows the names of geo commands, and what became of them.

use crate::command::argument::{Argument, block, double, integer, key, one_of, string, word};
use crate::command::history::{History, changed};

/// Where a search begins.
const FROM: Argument = one_of(
    "from",
    &[
        string("member").token("FROMMEMBER"),
        block("longitude_latitude", &[double("longitude"), double("latitude")]).token("FROMLONLAT"),
    ],
);

/// What a search covers.
const BY: Argument = one_of(
    "by",
    &[
        block(
            "circle",
            &[
                double("radius").token("BYRADIUS"),
                one_of("unit", &[word("M"), word("KM"), word("FT"), word("MI")]),
            ],
        ),
        block(
            "box",
            &[
                double("width").token("BYBOX"),
                double("height"),
                one_of("unit", &[word("M"), word("KM"), word("FT"), word("MI")]),
            ],
        ),
    ],
);

pub(super) const GEOADD: &[Argument] = &[
    key("key"),
    one_of("condition", &[word("NX"), word("XX")]).since("6.2.0").optional(),
    word("CH").named("change").since("6.2.0").optional(),
    block(
        "longitude_latitude_member",
        &[double("longitude"), double("latitude"), string("member")],
    )
    .multiple(),
];

pub(super) const GEOADD_HISTORY: &[History] =
    &[changed("6.2.0", "Added the `CH`, `NX` and `XX` options.")];

pub(super) const GEODIST: &[Argument] = &[
    key("key"),
    string("member1"),
    string("member2"),
    one_of("unit", &[word("M"), word("KM"), word("FT"), word("MI")]).optional(),
];

pub(super) const GEOHASH: &[Argument] = &[key("key"), string("member").multiple()];

pub(super) const GEOPOS: &[Argument] = &[key("key"), string("member").multiple()];

pub(super) const GEOSEARCH: &[Argument] = &[
    key("key"),
    FROM,
    BY,
    one_of("order", &[word("ASC"), word("DESC")]).optional(),
    block("count", &[integer("count").token("COUNT"), word("ANY").optional()]).optional(),
    word("WITHCOORD").optional(),
    word("WITHDIST").optional(),
    word("WITHHASH").optional(),
];

pub(super) const GEOSEARCH_HISTORY: &[History] =
    &[changed("7.0.0", "Added support for uppercase unit names.")];

pub(super) const GEOSEARCHSTORE: &[Argument] = &[
    key("destination"),
    key("source").key_spec(1),
    FROM,
    BY,
    one_of("order", &[word("ASC"), word("DESC")]).optional(),
    block("count", &[integer("count").token("COUNT"), word("ANY").optional()]).optional(),
    word("STOREDIST").optional(),
];

pub(super) const GEOSEARCHSTORE_HISTORY: &[History] =
    &[changed("7.0.0", "Added support for uppercase unit names.")];

pub(super) const GEORADIUS: &[Argument] = &[
    key("key"),
    double("longitude"),
    double("latitude"),
    double("radius"),
    one_of("unit", &[word("M"), word("KM"), word("FT"), word("MI")]),
    word("WITHCOORD").optional(),
    word("WITHDIST").optional(),
    word("WITHHASH").optional(),
    block("count", &[integer("count").token("COUNT"), word("ANY").since("6.2.0").optional()])
        .optional(),
    one_of("order", &[word("ASC"), word("DESC")]).optional(),
    key("key").key_spec(1).token("STORE").optional(),
    key("key").key_spec(2).token("STOREDIST").optional(),
];

pub(super) const GEORADIUS_HISTORY: &[History] = &[
    changed("6.2.0", "Added the `ANY` option for `COUNT`."),
    changed("7.0.0", "Added support for uppercase unit names."),
];

pub(super) const GEORADIUS_RO: &[Argument] = &[
    key("key"),
    double("longitude"),
    double("latitude"),
    double("radius"),
    one_of("unit", &[word("M"), word("KM"), word("FT"), word("MI")]),
    word("WITHCOORD").optional(),
    word("WITHDIST").optional(),
    word("WITHHASH").optional(),
    block("count", &[integer("count").token("COUNT"), word("ANY").since("6.2.0").optional()])
        .optional(),
    one_of("order", &[word("ASC"), word("DESC")]).optional(),
];

pub(super) const GEORADIUS_RO_HISTORY: &[History] =
    &[changed("6.2.0", "Added the `ANY` option for `COUNT`.")];

pub(super) const GEORADIUSBYMEMBER: &[Argument] = &[
    key("key"),
    string("member"),
    double("radius"),
    one_of("unit", &[word("M"), word("KM"), word("FT"), word("MI")]),
    word("WITHCOORD").optional(),
    word("WITHDIST").optional(),
    word("WITHHASH").optional(),
    block("count", &[integer("count").token("COUNT"), word("ANY").optional()]).optional(),
    one_of("order", &[word("ASC"), word("DESC")]).optional(),
    key("key").key_spec(1).token("STORE").optional(),
    key("key").key_spec(2).token("STOREDIST").optional(),
];

pub(super) const GEORADIUSBYMEMBER_HISTORY: &[History] =
    &[changed("7.0.0", "Added support for uppercase unit names.")];

pub(super) const GEORADIUSBYMEMBER_RO: &[Argument] = &[
    key("key"),
    string("member"),
    double("radius"),
    one_of("unit", &[word("M"), word("KM"), word("FT"), word("MI")]),
    word("WITHCOORD").optional(),
    word("WITHDIST").optional(),
    word("WITHHASH").optional(),
    block("count", &[integer("count").token("COUNT"), word("ANY").optional()]).optional(),
    one_of("order", &[word("ASC"), word("DESC")]).optional(),
];
