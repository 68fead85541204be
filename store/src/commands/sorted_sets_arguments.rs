//! What follows the names of sorted set commands, and what became of them.

use crate::command::argument::{
    Argument, block, double, integer, key, one_of, pattern, string, word,
};
use crate::command::history::{History, changed};

pub(super) const ZADD: &[Argument] = &[
    key("key"),
    one_of("condition", &[word("NX"), word("XX")]).since("3.0.2").optional(),
    one_of("comparison", &[word("GT"), word("LT")]).since("6.2.0").optional(),
    word("CH").named("change").since("3.0.2").optional(),
    word("INCR").named("increment").since("3.0.2").optional(),
    block("score_member", &[double("score"), string("member")]).multiple(),
];

pub(super) const ZADD_HISTORY: &[History] = &[
    changed("2.4.0", "Accepts multiple elements."),
    changed("3.0.2", "Added the `XX`, `NX`, `CH` and `INCR` options."),
    changed("6.2.0", "Added the `GT` and `LT` options."),
];

pub(super) const ZREM: &[Argument] = &[key("key"), string("member").multiple()];

pub(super) const ZREM_HISTORY: &[History] = &[changed("2.4.0", "Accepts multiple elements.")];

pub(super) const ZSCORE: &[Argument] = &[key("key"), string("member")];

pub(super) const ZMSCORE: &[Argument] = &[key("key"), string("member").multiple()];

pub(super) const ZINCRBY: &[Argument] = &[key("key"), integer("increment"), string("member")];

pub(super) const ZCARD: &[Argument] = &[key("key")];

pub(super) const ZCOUNT: &[Argument] = &[key("key"), double("min"), double("max")];

pub(super) const ZLEXCOUNT: &[Argument] = &[key("key"), string("min"), string("max")];

/// `ZRANK key member [WITHSCORE]`
pub(super) const ZRANK: &[Argument] = RANK;

/// `ZREVRANK key member [WITHSCORE]`
pub(super) const ZREVRANK: &[Argument] = RANK;

const RANK: &[Argument] = &[key("key"), string("member"), word("WITHSCORE").optional()];

/// As later versions have it.
pub(super) const RANK_HISTORY: &[History] =
    &[changed("7.2.0", "Added the optional `WITHSCORE` argument.")];

pub(super) const ZRANGE: &[Argument] = &[
    key("key"),
    string("start"),
    string("stop"),
    one_of("sortby", &[word("BYSCORE"), word("BYLEX")]).since("6.2.0").optional(),
    word("REV").since("6.2.0").optional(),
    block("offset_count", &[integer("offset"), integer("count")])
        .token("LIMIT")
        .since("6.2.0")
        .optional(),
    word("WITHSCORES").optional(),
];

pub(super) const ZRANGE_HISTORY: &[History] =
    &[changed("6.2.0", "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.")];

pub(super) const ZRANGESTORE: &[Argument] = &[
    key("dst"),
    key("src").key_spec(1),
    string("min"),
    string("max"),
    one_of("sortby", &[word("BYSCORE"), word("BYLEX")]).optional(),
    word("REV").optional(),
    block("offset_count", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
];

pub(super) const ZRANGEBYSCORE: &[Argument] = &[
    key("key"),
    double("min"),
    double("max"),
    word("WITHSCORES").since("2.0.0").optional(),
    block("offset_count", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
];

pub(super) const ZRANGEBYSCORE_HISTORY: &[History] =
    &[changed("2.0.0", "Added the `WITHSCORES` modifier.")];

pub(super) const ZREVRANGE: &[Argument] =
    &[key("key"), integer("start"), integer("stop"), word("WITHSCORES").optional()];

pub(super) const ZREVRANGEBYSCORE: &[Argument] = &[
    key("key"),
    double("max"),
    double("min"),
    word("WITHSCORES").optional(),
    block("offset_count", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
];

pub(super) const ZREVRANGEBYSCORE_HISTORY: &[History] =
    &[changed("2.1.6", "`min` and `max` can be exclusive.")];

pub(super) const ZRANGEBYLEX: &[Argument] = &[
    key("key"),
    string("min"),
    string("max"),
    block("offset_count", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
];

pub(super) const ZREVRANGEBYLEX: &[Argument] = &[
    key("key"),
    string("max"),
    string("min"),
    block("offset_count", &[integer("offset"), integer("count")]).token("LIMIT").optional(),
];

pub(super) const ZREMRANGEBYRANK: &[Argument] = &[key("key"), integer("start"), integer("stop")];

pub(super) const ZREMRANGEBYSCORE: &[Argument] = &[key("key"), double("min"), double("max")];

pub(super) const ZREMRANGEBYLEX: &[Argument] = &[key("key"), string("min"), string("max")];

pub(super) const ZPOPMIN: &[Argument] = &[key("key"), integer("count").optional()];

pub(super) const ZPOPMAX: &[Argument] = &[key("key"), integer("count").optional()];

pub(super) const ZMPOP: &[Argument] = &[
    integer("numkeys"),
    key("key").multiple(),
    one_of("where", &[word("MIN"), word("MAX")]),
    integer("count").token("COUNT").optional(),
];

pub(super) const ZUNION: &[Argument] = &[
    integer("numkeys"),
    key("key").multiple(),
    integer("weight").token("WEIGHTS").optional().multiple(),
    one_of("aggregate", &[word("SUM"), word("MIN"), word("MAX")]).token("AGGREGATE").optional(),
    word("WITHSCORES").optional(),
];

pub(super) const ZINTER: &[Argument] = &[
    integer("numkeys"),
    key("key").multiple(),
    integer("weight").token("WEIGHTS").optional().multiple(),
    one_of("aggregate", &[word("SUM"), word("MIN"), word("MAX")]).token("AGGREGATE").optional(),
    word("WITHSCORES").optional(),
];

pub(super) const ZDIFF: &[Argument] =
    &[integer("numkeys"), key("key").multiple(), word("WITHSCORES").optional()];

pub(super) const ZINTERCARD: &[Argument] =
    &[integer("numkeys"), key("key").multiple(), integer("limit").token("LIMIT").optional()];

pub(super) const ZUNIONSTORE: &[Argument] = &[
    key("destination"),
    integer("numkeys"),
    key("key").key_spec(1).multiple(),
    integer("weight").token("WEIGHTS").optional().multiple(),
    one_of("aggregate", &[word("SUM"), word("MIN"), word("MAX")]).token("AGGREGATE").optional(),
];

pub(super) const ZINTERSTORE: &[Argument] = &[
    key("destination"),
    integer("numkeys"),
    key("key").key_spec(1).multiple(),
    integer("weight").token("WEIGHTS").optional().multiple(),
    one_of("aggregate", &[word("SUM"), word("MIN"), word("MAX")]).token("AGGREGATE").optional(),
];

pub(super) const ZDIFFSTORE: &[Argument] =
    &[key("destination"), integer("numkeys"), key("key").key_spec(1).multiple()];

pub(super) const ZRANDMEMBER: &[Argument] =
    &[key("key"), block("options", &[integer("count"), word("WITHSCORES").optional()]).optional()];

pub(super) const ZSCAN: &[Argument] = &[
    key("key"),
    integer("cursor"),
    pattern("pattern").token("MATCH").optional(),
    integer("count").token("COUNT").optional(),
];
