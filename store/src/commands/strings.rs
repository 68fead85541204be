//! String commands: the table of the family.
//!
//! Handlers of whole values (GET, SET and their kin) are in [`super::string_whole`], arithmetic in
//! [`super::string_numbers`], parts of strings in [`super::string_ranges`], LCS in
//! [`super::string_lcs`].

use super::{string_lcs, string_numbers, string_ranges, string_whole, strings_arguments as args};
use crate::command::argument::{KEYS, ONE_KEY};
use crate::command::{Begin, Categories, DataCommand, Find, Flags, Group, KeySpec, KeyUse, Spec};

const READ_FAST: Flags = Flags::READONLY.with(Flags::FAST);
const WRITE_FAST: Flags = Flags::WRITE.with(Flags::FAST);
const GROW: Flags = Flags::WRITE.with(Flags::DENYOOM);
const GROW_FAST: Flags = GROW.with(Flags::FAST);

const READ_UPDATE: KeyUse = KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::UPDATE);

const LENGTH_ONLY: &[KeySpec] = &[KeySpec::one(1, KeyUse::RO)];
const READ_ONE: &[KeySpec] = &[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))];
const READ_REST: &[KeySpec] = &[KeySpec::rest(1, 1, KeyUse::RO.with(KeyUse::ACCESS))];
const READ_TWO: &[KeySpec] = &[KeySpec {
    begin: Begin::Index(1),
    find: Find::Range { last: 1, step: 1, limit: 0 },
    uses: KeyUse::RO.with(KeyUse::ACCESS),
    notes: "",
}];
const UPDATE_ONE: &[KeySpec] = &[KeySpec::one(1, READ_UPDATE)];
const UPDATE_PART: &[KeySpec] = &[KeySpec::one(1, KeyUse::RW.with(KeyUse::UPDATE))];
const INSERT_PART: &[KeySpec] = &[KeySpec::one(1, KeyUse::RW.with(KeyUse::INSERT))];
const SET_ONE: &[KeySpec] = &[KeySpec::one(1, READ_UPDATE.with(KeyUse::VARIABLE_FLAGS))
    .notes("RW and ACCESS due to the optional `GET` argument")];
const UPDATE_TTL: &[KeySpec] =
    &[KeySpec::one(1, READ_UPDATE).notes("RW and UPDATE because it changes the TTL")];
const TAKE_ONE: &[KeySpec] =
    &[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE))];
const OVERWRITE_ONE: &[KeySpec] = &[KeySpec::one(1, KeyUse::OW.with(KeyUse::UPDATE))];
const INSERT_ONE: &[KeySpec] = &[KeySpec::one(1, KeyUse::OW.with(KeyUse::INSERT))];
const OVERWRITE_PAIRS: &[KeySpec] = &[KeySpec::rest(1, 2, KeyUse::OW.with(KeyUse::UPDATE))];
const INSERT_PAIRS: &[KeySpec] = &[KeySpec::rest(1, 2, KeyUse::OW.with(KeyUse::INSERT))];

const SUBSTRING_COST: &str = "O(N) where N is the length of the returned string. The complexity is \
                 ultimately determined by the returned length, but because creating a \
                 substring from an existing string is very cheap, it can be considered O(1) \
                 for small strings.";

/// A descriptor of this family.
const fn spec(name: &'static str, arity: i16) -> Spec {
    Spec::new(name, Group::String, arity).categories(&[Categories::STRING])
}

/// The family's commands.
pub const COMMANDS: &[DataCommand] = &[
    DataCommand::read(
        spec("get", 2)
            .flags(&[READ_FAST])
            .keys(READ_ONE)
            .doc("1.0.0", "O(1)", "Get the value of a key")
            .arguments(ONE_KEY)
            .example(
                "> SET get:key Hello\n\
                 OK\n\
                 > GET get:key\n\
                 \"Hello\"\n\
                 > GET get:none\n\
                 (nil)",
            ),
        string_whole::get,
    ),
    DataCommand::write(
        spec("set", -3)
            .flags(&[GROW])
            .keys(SET_ONE)
            .doc("1.0.0", "O(1)", "Set the string value of a key")
            .arguments(args::SET)
            .history(args::SET_HISTORY)
            .example(
                "> SET set:key Hello\n\
                 OK\n\
                 > SET set:key World XX GET EX 60\n\
                 \"Hello\"\n\
                 > SET set:key again NX\n\
                 (nil)",
            ),
        string_whole::set,
    ),
    DataCommand::write(
        spec("getex", -2)
            .flags(&[WRITE_FAST])
            .keys(UPDATE_TTL)
            .doc("6.2.0", "O(1)", "Get the value of a key and optionally set its expiration")
            .arguments(args::GETEX)
            .example(
                "> SET getex:key Hello\n\
                 OK\n\
                 > GETEX getex:key EX 60\n\
                 \"Hello\"\n\
                 > GETEX getex:none PERSIST\n\
                 (nil)",
            ),
        string_whole::getex,
    ),
    DataCommand::write(
        spec("getdel", 2)
            .flags(&[WRITE_FAST])
            .keys(TAKE_ONE)
            .doc("6.2.0", "O(1)", "Get the value of a key and delete the key")
            .arguments(ONE_KEY)
            .example(
                "> SET getdel:key Hello\n\
                 OK\n\
                 > GETDEL getdel:key\n\
                 \"Hello\"\n\
                 > GET getdel:key\n\
                 (nil)",
            ),
        string_whole::getdel,
    ),
    DataCommand::write(
        spec("getset", 3)
            .flags(&[GROW_FAST])
            .keys(UPDATE_ONE)
            .doc("1.0.0", "O(1)", "Set the string value of a key and return its old value")
            .arguments(args::KEY_VALUE)
            .deprecated("6.2.0", "`SET` with the `!GET` argument")
            .example(
                "> GETSET getset:key Hello\n\
                 (nil)\n\
                 > GETSET getset:key World\n\
                 \"Hello\"",
            ),
        string_whole::getset,
    ),
    DataCommand::write(
        spec("setnx", 3)
            .flags(&[GROW_FAST])
            .keys(INSERT_ONE)
            .doc("1.0.0", "O(1)", "Set the value of a key, only if the key does not exist")
            .arguments(args::KEY_VALUE)
            .example(
                "> SETNX setnx:key Hello\n\
                 (integer) 1\n\
                 > SETNX setnx:key World\n\
                 (integer) 0\n\
                 > GET setnx:key\n\
                 \"Hello\"",
            ),
        string_whole::setnx,
    ),
    DataCommand::write(
        spec("setex", 4)
            .flags(&[GROW])
            .keys(OVERWRITE_ONE)
            .doc("2.0.0", "O(1)", "Set the value and expiration of a key")
            .arguments(args::SETEX)
            .example(
                "> SETEX setex:key 60 Hello\n\
                 OK\n\
                 > GET setex:key\n\
                 \"Hello\"",
            ),
        string_whole::setex,
    ),
    DataCommand::write(
        spec("psetex", 4)
            .flags(&[GROW])
            .keys(OVERWRITE_ONE)
            .doc("2.6.0", "O(1)", "Set the value and expiration in milliseconds of a key")
            .arguments(args::PSETEX)
            .example(
                "> PSETEX psetex:key 60000 Hello\n\
                 OK\n\
                 > GET psetex:key\n\
                 \"Hello\"",
            ),
        string_whole::psetex,
    ),
    DataCommand::read(
        spec("mget", -2)
            .flags(&[READ_FAST])
            .keys(READ_REST)
            .doc(
                "1.0.0",
                "O(N) where N is the number of keys to retrieve.",
                "Get the values of all the given keys",
            )
            .tips(&["request_policy:multi_shard"])
            .arguments(KEYS)
            .example(
                "> SET mget:key Hello\n\
                 OK\n\
                 > MGET mget:key mget:none\n\
                 1) \"Hello\"\n\
                 2) (nil)",
            ),
        string_whole::mget,
    ),
    DataCommand::write(
        spec("mset", -3)
            .flags(&[GROW])
            .keys(OVERWRITE_PAIRS)
            .doc(
                "1.0.1",
                "O(N) where N is the number of keys to set.",
                "Set multiple keys to multiple values",
            )
            .tips(&["request_policy:multi_shard", "response_policy:all_succeeded"])
            .arguments(args::PAIRS)
            .example(
                "> MSET mset:a Hello mset:b World\n\
                 OK\n\
                 > MGET mset:a mset:b\n\
                 1) \"Hello\"\n\
                 2) \"World\"",
            ),
        string_whole::mset,
    ),
    DataCommand::write(
        spec("msetnx", -3)
            .flags(&[GROW])
            .keys(INSERT_PAIRS)
            .doc(
                "1.0.1",
                "O(N) where N is the number of keys to set.",
                "Set multiple keys to multiple values, only if none of the keys exist",
            )
            .tips(&["request_policy:multi_shard", "response_policy:agg_min"])
            .arguments(args::PAIRS)
            .example(
                "> MSETNX msetnx:a Hello msetnx:b there\n\
                 (integer) 1\n\
                 > MSETNX msetnx:b new msetnx:c World\n\
                 (integer) 0\n\
                 > GET msetnx:c\n\
                 (nil)",
            ),
        string_whole::msetnx,
    ),
    DataCommand::write(
        spec("incr", 2)
            .flags(&[GROW_FAST])
            .keys(UPDATE_ONE)
            .doc("1.0.0", "O(1)", "Increment the integer value of a key by one")
            .arguments(ONE_KEY)
            .example(
                "> SET incr:key 10\n\
                 OK\n\
                 > INCR incr:key\n\
                 (integer) 11\n\
                 > GET incr:key\n\
                 \"11\"",
            ),
        string_numbers::incr,
    ),
    DataCommand::write(
        spec("decr", 2)
            .flags(&[GROW_FAST])
            .keys(UPDATE_ONE)
            .doc("1.0.0", "O(1)", "Decrement the integer value of a key by one")
            .arguments(ONE_KEY)
            .example(
                "> SET decr:key 10\n\
                 OK\n\
                 > DECR decr:key\n\
                 (integer) 9",
            ),
        string_numbers::decr,
    ),
    DataCommand::write(
        spec("incrby", 3)
            .flags(&[GROW_FAST])
            .keys(UPDATE_ONE)
            .doc("1.0.0", "O(1)", "Increment the integer value of a key by the given amount")
            .arguments(args::INCRBY)
            .example(
                "> SET incrby:key 10\n\
                 OK\n\
                 > INCRBY incrby:key 5\n\
                 (integer) 15",
            ),
        string_numbers::incrby,
    ),
    DataCommand::write(
        spec("decrby", 3)
            .flags(&[GROW_FAST])
            .keys(UPDATE_ONE)
            .doc("1.0.0", "O(1)", "Decrement the integer value of a key by the given number")
            .arguments(args::DECRBY)
            .example(
                "> SET decrby:key 10\n\
                 OK\n\
                 > DECRBY decrby:key 3\n\
                 (integer) 7",
            ),
        string_numbers::decrby,
    ),
    DataCommand::write(
        spec("incrbyfloat", 3)
            .flags(&[GROW_FAST])
            .keys(UPDATE_ONE)
            .doc("2.6.0", "O(1)", "Increment the float value of a key by the given amount")
            .arguments(args::INCRBYFLOAT)
            .example(
                "> SET incrbyfloat:key 10.50\n\
                 OK\n\
                 > INCRBYFLOAT incrbyfloat:key 0.1\n\
                 \"10.6\"\n\
                 > INCRBYFLOAT incrbyfloat:key -5e-1\n\
                 \"10.1\"",
            ),
        string_numbers::incrbyfloat,
    ),
    DataCommand::write(
        spec("append", 3)
            .flags(&[GROW_FAST])
            .keys(INSERT_PART)
            .doc(
                "2.0.0",
                "O(1). The amortized time complexity is O(1) assuming the appended value is \
                 small and the already present value is of any size, since the dynamic string \
                 library used by Redis will double the free space available on every \
                 reallocation.",
                "Append a value to a key",
            )
            .arguments(args::KEY_VALUE)
            .example(
                "> APPEND append:key Hello\n\
                 (integer) 5\n\
                 > APPEND append:key \" World\"\n\
                 (integer) 11\n\
                 > GET append:key\n\
                 \"Hello World\"",
            ),
        string_ranges::append,
    ),
    DataCommand::read(
        spec("strlen", 2)
            .flags(&[READ_FAST])
            .keys(LENGTH_ONLY)
            .doc("2.2.0", "O(1)", "Get the length of the value stored in a key")
            .arguments(ONE_KEY)
            .example(
                "> SET strlen:key \"Hello world\"\n\
                 OK\n\
                 > STRLEN strlen:key\n\
                 (integer) 11\n\
                 > STRLEN strlen:none\n\
                 (integer) 0",
            ),
        string_ranges::strlen,
    ),
    DataCommand::read(
        spec("getrange", 4)
            .flags(&[Flags::READONLY])
            .keys(READ_ONE)
            .doc("2.4.0", SUBSTRING_COST, "Get a substring of the string stored at a key")
            .arguments(args::GETRANGE)
            .example(
                "> SET getrange:key \"This is a string\"\n\
                 OK\n\
                 > GETRANGE getrange:key 0 3\n\
                 \"This\"\n\
                 > GETRANGE getrange:key -3 -1\n\
                 \"ing\"",
            ),
        string_ranges::getrange,
    ),
    DataCommand::write(
        spec("setrange", 4)
            .flags(&[GROW])
            .keys(UPDATE_PART)
            .doc(
                "2.2.0",
                "O(1), not counting the time taken to copy the new string in place. Usually, \
                 this string is very small so the amortized complexity is O(1). Otherwise, \
                 complexity is O(M) with M being the length of the value argument.",
                "Overwrite part of a string at key starting at the specified offset",
            )
            .arguments(args::SETRANGE)
            .example(
                "> SET setrange:key \"Hello World\"\n\
                 OK\n\
                 > SETRANGE setrange:key 6 Redis\n\
                 (integer) 11\n\
                 > GET setrange:key\n\
                 \"Hello Redis\"",
            ),
        string_ranges::setrange,
    ),
    DataCommand::read(
        spec("substr", 4)
            .flags(&[Flags::READONLY])
            .keys(READ_ONE)
            .doc("1.0.0", SUBSTRING_COST, "Get a substring of the string stored at a key")
            .arguments(args::GETRANGE)
            .deprecated("2.0.0", "`GETRANGE`")
            .example(
                "> SET substr:key \"This is a string\"\n\
                 OK\n\
                 > SUBSTR substr:key 0 3\n\
                 \"This\"",
            ),
        string_ranges::getrange,
    ),
    DataCommand::read(
        spec("lcs", -3)
            .flags(&[Flags::READONLY])
            .keys(READ_TWO)
            .doc(
                "7.0.0",
                "O(N*M) where N and M are the lengths of s1 and s2, respectively",
                "Find longest common substring",
            )
            .arguments(args::LCS)
            .example(
                "> MSET lcs:{1}a ohmytext lcs:{1}b mynewtext\n\
                 OK\n\
                 > LCS lcs:{1}a lcs:{1}b\n\
                 \"mytext\"\n\
                 > LCS lcs:{1}a lcs:{1}b LEN\n\
                 (integer) 6",
            ),
        string_lcs::lcs,
    ),
];
