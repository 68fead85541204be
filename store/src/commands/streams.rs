//! Stream commands: the table of the family. The handlers are in files of their own by theme.

use super::{
    stream_entries, stream_groups, stream_info, stream_pending, stream_reads,
    streams_arguments as args,
};
use crate::command::{Begin, Categories, DataCommand, Find, Flags, Group, KeySpec, KeyUse, Spec};

/// The family's commands.
pub const COMMANDS: &[DataCommand] = &[
DataCommand::write(
    Spec::new("xadd", Group::Stream, -5)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::UPDATE)).notes("UPDATE instead of INSERT because of the optional trimming feature")])
        .doc("5.0.0", "O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted.", "Add an entry to a stream")
        .tips(&["nondeterministic_output"])
        .arguments(args::XADD)
        .history(args::XADD_HISTORY)
        .example("> XADD xadd:key 1-1 name Ada age 36\n\"1-1\"\n> XADD xadd:key 1-* name Bob\n\"1-2\"\n> XLEN xadd:key\n(integer) 2"),
    stream_entries::xadd,
),
DataCommand::read(
    Spec::new("xlen", Group::Stream, 2)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyUse::RO)])
        .doc("5.0.0", "O(1)", "Get the number of entries of a stream")
        .arguments(args::XLEN)
        .example("> XADD xlen:key 1-1 a 1\n\"1-1\"\n> XLEN xlen:key\n(integer) 1\n> XLEN xlen:none\n(integer) 0"),
    stream_entries::xlen,
),
DataCommand::read(
    Spec::new("xrange", Group::Stream, -4)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("5.0.0", "O(N) with N being the number of elements being returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).", "Get entries of an interval of IDs")
        .arguments(args::XRANGE)
        .history(args::XRANGE_HISTORY)
        .example("> XADD xrange:key 1-1 a 1\n\"1-1\"\n> XADD xrange:key 2-1 b 2\n\"2-1\"\n> XRANGE xrange:key - + COUNT 1\n1) 1) \"1-1\"\n   2) 1) \"a\"\n      2) \"1\"\n> XRANGE xrange:key (1-1 +\n1) 1) \"2-1\"\n   2) 1) \"b\"\n      2) \"2\""),
    stream_entries::xrange,
),
DataCommand::read(
    Spec::new("xrevrange", Group::Stream, -4)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("5.0.0", "O(N) with N being the number of elements returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).", "Get entries of an interval of IDs, the newest first")
        .arguments(args::XREVRANGE)
        .history(args::XREVRANGE_HISTORY)
        .example("> XADD xrevrange:key 1-1 a 1\n\"1-1\"\n> XADD xrevrange:key 2-1 b 2\n\"2-1\"\n> XREVRANGE xrevrange:key + - COUNT 1\n1) 1) \"2-1\"\n   2) 1) \"b\"\n      2) \"2\""),
    stream_entries::xrevrange,
),
DataCommand::write(
    Spec::new("xdel", Group::Stream, -3)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::DELETE))])
        .doc("5.0.0", "O(1) for each single item to delete in the stream, regardless of the stream size.", "Delete entries of a stream")
        .arguments(args::XDEL)
        .example("> XADD xdel:key 1-1 a 1\n\"1-1\"\n> XDEL xdel:key 1-1 1-2\n(integer) 1\n> XLEN xdel:key\n(integer) 0"),
    stream_entries::xdel,
),
DataCommand::write(
    Spec::new("xtrim", Group::Stream, -4)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::DELETE))])
        .doc("5.0.0", "O(N), with N being the number of evicted entries. Constant times are very small however, since entries are organized in macro nodes containing multiple entries that can be released with a single deallocation.", "Remove the oldest entries of a stream")
        .tips(&["nondeterministic_output"])
        .arguments(args::XTRIM)
        .history(args::XTRIM_HISTORY)
        .example("> XADD xtrim:key 1-1 a 1\n\"1-1\"\n> XADD xtrim:key 1-2 a 2\n\"1-2\"\n> XTRIM xtrim:key MAXLEN 1\n(integer) 1\n> XTRIM xtrim:key MINID 1-2\n(integer) 0"),
    stream_entries::xtrim,
),
DataCommand::write(
    Spec::new("xsetid", Group::Stream, -3)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::UPDATE))])
        .doc("5.0.0", "O(1)", "Set the last ID of a stream")
        .arguments(args::XSETID)
        .history(args::XSETID_HISTORY)
        .example("> XADD xsetid:key 1-1 a 1\n\"1-1\"\n> XSETID xsetid:key 7-0\nOK\n> XADD xsetid:key 7-* a 2\n\"7-1\""),
    stream_entries::xsetid,
),
DataCommand::container(
    Spec::new("xgroup", Group::Stream, -2)
        .doc("5.0.0", "Depends on subcommand.", "Commands about groups of consumers")
        .example("> XGROUP CREATE xgroup:key readers $ MKSTREAM\nOK\n> XGROUP DESTROY xgroup:key readers\n(integer) 1"),
    &[
        DataCommand::write(
            Spec::new("create", Group::Stream, -5)
                .flags(&[Flags::WRITE, Flags::DENYOOM])
                .categories(&[Categories::STREAM])
                .keys(&[KeySpec::one(2, KeyUse::RW.with(KeyUse::INSERT))])
                .doc("5.0.0", "O(1)", "Make a group of consumers")
                .arguments(args::XGROUP_CREATE)
                .history(args::XGROUP_CREATE_HISTORY)
                .example("> XGROUP CREATE xgroup:create readers $ MKSTREAM\nOK\n> XGROUP CREATE xgroup:create readers $\n(error) BUSYGROUP Consumer Group name already exists"),
            stream_groups::create,
        ),
        DataCommand::write(
            Spec::new("delconsumer", Group::Stream, 5)
                .flags(&[Flags::WRITE])
                .categories(&[Categories::STREAM])
                .keys(&[KeySpec::one(2, KeyUse::RW.with(KeyUse::DELETE))])
                .doc("5.0.0", "O(1)", "Remove a consumer from a group")
                .arguments(args::XGROUP_DELCONSUMER)
                .example("> XGROUP CREATE xgroup:delconsumer readers 0 MKSTREAM\nOK\n> XADD xgroup:delconsumer 1-1 a 1\n\"1-1\"\n> XREADGROUP GROUP readers ada STREAMS xgroup:delconsumer >\n1) 1) \"xgroup:delconsumer\"\n   2) 1) 1) \"1-1\"\n         2) 1) \"a\"\n            2) \"1\"\n> XGROUP DELCONSUMER xgroup:delconsumer readers ada\n(integer) 1"),
            stream_groups::delconsumer,
        ),
        DataCommand::write(
            Spec::new("createconsumer", Group::Stream, 5)
                .flags(&[Flags::WRITE, Flags::DENYOOM])
                .categories(&[Categories::STREAM])
                .keys(&[KeySpec::one(2, KeyUse::RW.with(KeyUse::INSERT))])
                .doc("6.2.0", "O(1)", "Make a consumer in a group")
                .arguments(args::XGROUP_CREATECONSUMER)
                .example("> XGROUP CREATE xgroup:createconsumer readers $ MKSTREAM\nOK\n> XGROUP CREATECONSUMER xgroup:createconsumer readers ada\n(integer) 1\n> XGROUP CREATECONSUMER xgroup:createconsumer readers ada\n(integer) 0"),
            stream_groups::createconsumer,
        ),
        DataCommand::write(
            Spec::new("destroy", Group::Stream, 4)
                .flags(&[Flags::WRITE])
                .categories(&[Categories::STREAM])
                .keys(&[KeySpec::one(2, KeyUse::RW.with(KeyUse::DELETE))])
                .doc("5.0.0", "O(N) where N is the number of entries in the group's pending entries list (PEL).", "Remove a group of consumers")
                .arguments(args::XGROUP_DESTROY)
                .example("> XGROUP CREATE xgroup:destroy readers $ MKSTREAM\nOK\n> XGROUP DESTROY xgroup:destroy readers\n(integer) 1\n> XGROUP DESTROY xgroup:destroy readers\n(integer) 0"),
            stream_groups::destroy,
        ),
        DataCommand::read(
            Spec::new("help", Group::Stream, 2)
                .flags(&[Flags::LOADING, Flags::STALE])
                .categories(&[Categories::STREAM])
                .doc("5.0.0", "O(1)", "Show a text about the subcommands")
                .example("> XGROUP HELP\n 1) XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\n 2) CREATE <key> <groupname> <id|$> [option]\n 3)     Make a group that has read up to an ID. Options are:\n 4)     * MKSTREAM\n 5)       Make an empty stream if the key does not exist.\n 6)     * ENTRIESREAD entries_read\n 7)       Say how many entries the group has read.\n 8) CREATECONSUMER <key> <groupname> <consumer>\n 9)     Make a consumer in a group.\n10) DELCONSUMER <key> <groupname> <consumer>\n11)     Remove a consumer from a group.\n12) DESTROY <key> <groupname>\n13)     Remove a group.\n14) SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]\n15)     Say up to which ID a group has read, and how many entries that were.\n16) HELP\n17)     Show these lines."),
            stream_groups::help,
        ),
        DataCommand::write(
            Spec::new("setid", Group::Stream, -5)
                .flags(&[Flags::WRITE])
                .categories(&[Categories::STREAM])
                .keys(&[KeySpec::one(2, KeyUse::RW.with(KeyUse::UPDATE))])
                .doc("5.0.0", "O(1)", "Set how far a group has read")
                .arguments(args::XGROUP_SETID)
                .history(args::XGROUP_SETID_HISTORY)
                .example("> XGROUP CREATE xgroup:setid readers $ MKSTREAM\nOK\n> XGROUP SETID xgroup:setid readers 0\nOK"),
            stream_groups::setid,
        ),
    ],
),
DataCommand::block(
    Spec::new("xread", Group::Stream, -4)
        .flags(&[Flags::READONLY, Flags::BLOCKING, Flags::MOVABLE_KEYS])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec { begin: Begin::Keyword("STREAMS", 1), find: Find::Range { last: -1, step: 1, limit: 2 }, uses: KeyUse::RO.with(KeyUse::ACCESS), notes: "" }])
        .doc("5.0.0", "For each stream mentioned: O(N) with N being the number of elements being returned, it means that XREAD-ing with a fixed COUNT is O(1). Note that when the BLOCK option is used, XADD will pay O(M) time in order to serve the M clients blocked on the stream getting new data.", "Get entries of streams behind given IDs")
        .arguments(args::XREAD)
        .example("> XADD xread:key 1-1 a 1\n\"1-1\"\n> XREAD COUNT 1 STREAMS xread:key 0\n1) 1) \"xread:key\"\n   2) 1) 1) \"1-1\"\n         2) 1) \"a\"\n            2) \"1\"\n> XREAD STREAMS xread:key $\n(nil)"),
    &stream_reads::XREAD,
),
DataCommand::block(
    Spec::new("xreadgroup", Group::Stream, -7)
        .flags(&[Flags::WRITE, Flags::BLOCKING, Flags::MOVABLE_KEYS])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec { begin: Begin::Keyword("STREAMS", 4), find: Find::Range { last: -1, step: 1, limit: 2 }, uses: KeyUse::RO.with(KeyUse::ACCESS), notes: "" }])
        .doc("5.0.0", "For each stream mentioned: O(M) with M being the number of elements returned. If M is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) time in order to serve the N clients blocked on the stream getting new data.", "Get entries for a consumer of a group, new ones or those pending")
        .arguments(args::XREADGROUP)
        .example("> XADD xreadgroup:key 1-1 a 1\n\"1-1\"\n> XGROUP CREATE xreadgroup:key readers 0\nOK\n> XREADGROUP GROUP readers ada STREAMS xreadgroup:key >\n1) 1) \"xreadgroup:key\"\n   2) 1) 1) \"1-1\"\n         2) 1) \"a\"\n            2) \"1\"\n> XREADGROUP GROUP readers ada STREAMS xreadgroup:key >\n(nil)"),
    &stream_reads::XREADGROUP,
),
DataCommand::write(
    Spec::new("xack", Group::Stream, -4)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::UPDATE))])
        .doc("5.0.0", "O(1) for each message ID processed.", "Acknowledge entries, so that they are no longer pending")
        .arguments(args::XACK)
        .example("> XADD xack:key 1-1 a 1\n\"1-1\"\n> XGROUP CREATE xack:key readers 0\nOK\n> XREADGROUP GROUP readers ada STREAMS xack:key >\n1) 1) \"xack:key\"\n   2) 1) 1) \"1-1\"\n         2) 1) \"a\"\n            2) \"1\"\n> XACK xack:key readers 1-1 1-2\n(integer) 1"),
    stream_groups::xack,
),
DataCommand::read(
    Spec::new("xpending", Group::Stream, -3)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("5.0.0", "O(N) with N being the number of elements returned, so asking for a small fixed number of entries per call is O(1). O(M), where M is the total number of entries scanned when used with the IDLE filter. When the command returns just the summary and the list of consumers is small, it runs in O(1) time; otherwise, an additional O(N) time for iterating every consumer.", "Get what is pending in a group")
        .tips(&["nondeterministic_output"])
        .arguments(args::XPENDING)
        .history(args::XPENDING_HISTORY)
        .example("> XADD xpending:key 1-1 a 1\n\"1-1\"\n> XGROUP CREATE xpending:key readers 0\nOK\n> XREADGROUP GROUP readers ada STREAMS xpending:key >\n1) 1) \"xpending:key\"\n   2) 1) 1) \"1-1\"\n         2) 1) \"a\"\n            2) \"1\"\n> XPENDING xpending:key readers\n1) (integer) 1\n2) \"1-1\"\n3) \"1-1\"\n4) 1) 1) \"ada\"\n      2) \"1\""),
    stream_pending::xpending,
),
DataCommand::write(
    Spec::new("xclaim", Group::Stream, -6)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::UPDATE))])
        .doc("5.0.0", "O(log N) with N being the number of messages in the PEL of the consumer group.", "Give pending entries to a consumer")
        .tips(&["nondeterministic_output"])
        .arguments(args::XCLAIM)
        .example("> XADD xclaim:key 1-1 a 1\n\"1-1\"\n> XGROUP CREATE xclaim:key readers 0\nOK\n> XREADGROUP GROUP readers ada STREAMS xclaim:key >\n1) 1) \"xclaim:key\"\n   2) 1) 1) \"1-1\"\n         2) 1) \"a\"\n            2) \"1\"\n> XCLAIM xclaim:key readers bob 0 1-1\n1) 1) \"1-1\"\n   2) 1) \"a\"\n      2) \"1\""),
    stream_pending::xclaim,
),
DataCommand::write(
    Spec::new("xautoclaim", Group::Stream, -6)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::STREAM])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::DELETE))])
        .doc("6.2.0", "O(1) if COUNT is small.", "Give entries that are pending for long to a consumer")
        .tips(&["nondeterministic_output"])
        .arguments(args::XAUTOCLAIM)
        .history(args::XAUTOCLAIM_HISTORY)
        .example("> XADD xautoclaim:key 1-1 a 1\n\"1-1\"\n> XGROUP CREATE xautoclaim:key readers 0\nOK\n> XREADGROUP GROUP readers ada STREAMS xautoclaim:key >\n1) 1) \"xautoclaim:key\"\n   2) 1) 1) \"1-1\"\n         2) 1) \"a\"\n            2) \"1\"\n> XAUTOCLAIM xautoclaim:key readers bob 0 0 JUSTID\n1) \"0-0\"\n2) 1) \"1-1\"\n3) (empty array)"),
    stream_pending::xautoclaim,
),
DataCommand::container(
    Spec::new("xinfo", Group::Stream, -2)
        .doc("5.0.0", "Depends on subcommand.", "Commands that tell about streams")
        .example("> XGROUP CREATE xinfo:key readers $ MKSTREAM\nOK\n> XINFO CONSUMERS xinfo:key readers\n(empty array)"),
    &[
        DataCommand::read(
            Spec::new("help", Group::Stream, 2)
                .flags(&[Flags::LOADING, Flags::STALE])
                .categories(&[Categories::STREAM])
                .doc("5.0.0", "O(1)", "Show a text about the subcommands")
                .example("> XINFO HELP\n1) XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\n2) CONSUMERS <key> <groupname>\n3)     Show the consumers of a group.\n4) GROUPS <key>\n5)     Show the groups of a stream.\n6) STREAM <key> [FULL [COUNT <count>]\n7)     Show what is known of a stream.\n8) HELP\n9)     Show these lines."),
            stream_info::help,
        ),
        DataCommand::read(
            Spec::new("groups", Group::Stream, 3)
                .flags(&[Flags::READONLY])
                .categories(&[Categories::STREAM])
                .keys(&[KeySpec::one(2, KeyUse::RO.with(KeyUse::ACCESS))])
                .doc("5.0.0", "O(1)", "Get what is known of the groups of a stream")
                .arguments(args::XINFO_GROUPS)
                .history(args::XINFO_GROUPS_HISTORY)
                .example("> XGROUP CREATE xinfo:groups readers $ MKSTREAM\nOK\n> XINFO GROUPS xinfo:groups\n1)  1) \"name\"\n    2) \"readers\"\n    3) \"consumers\"\n    4) (integer) 0\n    5) \"pending\"\n    6) (integer) 0\n    7) \"last-delivered-id\"\n    8) \"0-0\"\n    9) \"entries-read\"\n   10) (nil)\n   11) \"lag\"\n   12) (integer) 0"),
            stream_info::groups,
        ),
        DataCommand::read(
            Spec::new("stream", Group::Stream, -3)
                .flags(&[Flags::READONLY])
                .categories(&[Categories::STREAM])
                .keys(&[KeySpec::one(2, KeyUse::RO.with(KeyUse::ACCESS))])
                .doc("5.0.0", "O(1)", "Get what is known of a stream")
                .arguments(args::XINFO_STREAM)
                .history(args::XINFO_STREAM_HISTORY)
                .example("> XADD xinfo:stream 1-1 a 1\n\"1-1\"\n> XINFO STREAM xinfo:stream\n 1) \"length\"\n 2) (integer) 1\n 3) \"radix-tree-keys\"\n 4) (integer) 1\n 5) \"radix-tree-nodes\"\n 6) (integer) 2\n 7) \"last-generated-id\"\n 8) \"1-1\"\n 9) \"max-deleted-entry-id\"\n10) \"0-0\"\n11) \"entries-added\"\n12) (integer) 1\n13) \"recorded-first-entry-id\"\n14) \"1-1\"\n15) \"groups\"\n16) (integer) 0\n17) \"first-entry\"\n18) 1) \"1-1\"\n    2) 1) \"a\"\n       2) \"1\"\n19) \"last-entry\"\n20) 1) \"1-1\"\n    2) 1) \"a\"\n       2) \"1\""),
            stream_info::stream,
        ),
        DataCommand::read(
            Spec::new("consumers", Group::Stream, 4)
                .flags(&[Flags::READONLY])
                .categories(&[Categories::STREAM])
                .keys(&[KeySpec::one(2, KeyUse::RO.with(KeyUse::ACCESS))])
                .doc("5.0.0", "O(1)", "Get what is known of the consumers of a group")
                .tips(&["nondeterministic_output"])
                .arguments(args::XINFO_CONSUMERS)
                .example("> XGROUP CREATE xinfo:consumers readers $ MKSTREAM\nOK\n> XINFO CONSUMERS xinfo:consumers readers\n(empty array)\n> XINFO CONSUMERS xinfo:consumers none\n(error) NOGROUP No such consumer group 'none' for key name 'xinfo:consumers'"),
            stream_info::consumers,
        ),
    ],
),
];
