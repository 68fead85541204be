//! List commands: the table of the family. Its handlers are in [`super::list_ends`] and
//! [`super::list_inside`].

use super::{list_ends as ends, list_inside as inside, lists_arguments as args};
use crate::command::{Begin, Categories, DataCommand, Find, Flags, Group, KeySpec, KeyUse, Spec};

/// The family's commands.
pub const COMMANDS: &[DataCommand] = &[
DataCommand::write(
    Spec::new("lpush", Group::List, -3)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::INSERT))])
        .doc("1.0.0", "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.", "Add elements at the front of a list")
        .arguments(args::LPUSH)
        .history(args::LPUSH_HISTORY)
        .example("> LPUSH lpush:key world\n(integer) 1\n> LPUSH lpush:key hello big\n(integer) 3\n> LRANGE lpush:key 0 -1\n1) \"big\"\n2) \"hello\"\n3) \"world\""),
    ends::lpush,
),
DataCommand::write(
    Spec::new("rpush", Group::List, -3)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::INSERT))])
        .doc("1.0.0", "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.", "Add elements at the end of a list")
        .arguments(args::RPUSH)
        .history(args::RPUSH_HISTORY)
        .example("> RPUSH rpush:key hello\n(integer) 1\n> RPUSH rpush:key big world\n(integer) 3\n> LRANGE rpush:key 0 -1\n1) \"hello\"\n2) \"big\"\n3) \"world\""),
    ends::rpush,
),
DataCommand::write(
    Spec::new("lpushx", Group::List, -3)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::INSERT))])
        .doc("2.2.0", "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.", "Add elements at the front of a list that exists")
        .arguments(args::LPUSHX)
        .history(args::LPUSHX_HISTORY)
        .example("> RPUSH lpushx:key world\n(integer) 1\n> LPUSHX lpushx:key hello\n(integer) 2\n> LPUSHX lpushx:none hello\n(integer) 0\n> LRANGE lpushx:key 0 -1\n1) \"hello\"\n2) \"world\""),
    ends::lpushx,
),
DataCommand::write(
    Spec::new("rpushx", Group::List, -3)
        .flags(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::INSERT))])
        .doc("2.2.0", "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.", "Add elements at the end of a list that exists")
        .arguments(args::RPUSHX)
        .history(args::RPUSHX_HISTORY)
        .example("> RPUSH rpushx:key hello\n(integer) 1\n> RPUSHX rpushx:key world\n(integer) 2\n> RPUSHX rpushx:none world\n(integer) 0\n> LRANGE rpushx:key 0 -1\n1) \"hello\"\n2) \"world\""),
    ends::rpushx,
),
DataCommand::write(
    Spec::new("lpop", Group::List, -2)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE))])
        .doc("1.0.0", "O(N) where N is the number of elements returned", "Take elements from the front of a list")
        .arguments(args::LPOP)
        .history(args::LPOP_HISTORY)
        .example("> RPUSH lpop:key a b c d\n(integer) 4\n> LPOP lpop:key\n\"a\"\n> LPOP lpop:key 2\n1) \"b\"\n2) \"c\"\n> LPOP lpop:none\n(nil)"),
    ends::lpop,
),
DataCommand::write(
    Spec::new("rpop", Group::List, -2)
        .flags(&[Flags::WRITE, Flags::FAST])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE))])
        .doc("1.0.0", "O(N) where N is the number of elements returned", "Take elements from the end of a list")
        .arguments(args::RPOP)
        .history(args::RPOP_HISTORY)
        .example("> RPUSH rpop:key a b c d\n(integer) 4\n> RPOP rpop:key\n\"d\"\n> RPOP rpop:key 2\n1) \"c\"\n2) \"b\"\n> RPOP rpop:none\n(nil)"),
    ends::rpop,
),
DataCommand::read(
    Spec::new("llen", Group::List, 2)
        .flags(&[Flags::READONLY, Flags::FAST])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RO)])
        .doc("1.0.0", "O(1)", "Get the number of elements of a list")
        .arguments(args::LLEN)
        .example("> RPUSH llen:key a b\n(integer) 2\n> LLEN llen:key\n(integer) 2\n> LLEN llen:none\n(integer) 0"),
    inside::llen,
),
DataCommand::read(
    Spec::new("lrange", Group::List, 4)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("1.0.0", "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.", "Get the elements of a list between two indexes")
        .arguments(args::LRANGE)
        .example("> RPUSH lrange:key a b c\n(integer) 3\n> LRANGE lrange:key 0 0\n1) \"a\"\n> LRANGE lrange:key -2 100\n1) \"b\"\n2) \"c\"\n> LRANGE lrange:key 5 10\n(empty array)"),
    inside::lrange,
),
DataCommand::read(
    Spec::new("lindex", Group::List, 3)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("1.0.0", "O(N) where N is the number of elements to traverse to get to the element at index. This makes asking for the first or the last element of the list O(1).", "Get an element of a list by its index")
        .arguments(args::LINDEX)
        .example("> RPUSH lindex:key a b\n(integer) 2\n> LINDEX lindex:key 0\n\"a\"\n> LINDEX lindex:key -1\n\"b\"\n> LINDEX lindex:key 2\n(nil)"),
    inside::lindex,
),
DataCommand::write(
    Spec::new("lset", Group::List, 4)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::UPDATE))])
        .doc("1.0.0", "O(N) where N is the length of the list. Setting either the first or the last element of the list is O(1).", "Replace an element of a list by its index")
        .arguments(args::LSET)
        .example("> RPUSH lset:key a b c\n(integer) 3\n> LSET lset:key 0 x\nOK\n> LSET lset:key -2 y\nOK\n> LRANGE lset:key 0 -1\n1) \"x\"\n2) \"y\"\n3) \"c\""),
    inside::lset,
),
DataCommand::write(
    Spec::new("linsert", Group::List, 5)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::INSERT))])
        .doc("2.2.0", "O(N) where N is the number of elements to traverse before seeing the value pivot. This means that inserting somewhere on the left end on the list (head) can be considered O(1) and inserting somewhere on the right end (tail) is O(N).", "Add an element before or after another one of a list")
        .arguments(args::LINSERT)
        .example("> RPUSH linsert:key hello world\n(integer) 2\n> LINSERT linsert:key BEFORE world big\n(integer) 3\n> LRANGE linsert:key 0 -1\n1) \"hello\"\n2) \"big\"\n3) \"world\""),
    inside::linsert,
),
DataCommand::write(
    Spec::new("lrem", Group::List, 4)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::DELETE))])
        .doc("1.0.0", "O(N+M) where N is the length of the list and M is the number of elements removed.", "Remove elements of a list by their value")
        .arguments(args::LREM)
        .example("> RPUSH lrem:key a b a c a\n(integer) 5\n> LREM lrem:key -2 a\n(integer) 2\n> LRANGE lrem:key 0 -1\n1) \"a\"\n2) \"b\"\n3) \"c\""),
    inside::lrem,
),
DataCommand::write(
    Spec::new("ltrim", Group::List, 4)
        .flags(&[Flags::WRITE])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::DELETE))])
        .doc("1.0.0", "O(N) where N is the number of elements to be removed by the operation.", "Keep only the elements of a list between two indexes")
        .arguments(args::LTRIM)
        .example("> RPUSH ltrim:key a b c\n(integer) 3\n> LTRIM ltrim:key 1 -1\nOK\n> LRANGE ltrim:key 0 -1\n1) \"b\"\n2) \"c\""),
    inside::ltrim,
),
DataCommand::read(
    Spec::new("lpos", Group::List, -3)
        .flags(&[Flags::READONLY])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RO.with(KeyUse::ACCESS))])
        .doc("6.0.6", "O(N) where N is the number of elements in the list, for the average case. When searching for elements near the head or the tail of the list, or when the MAXLEN option is provided, the command may run in constant time.", "Find the indexes of an element in a list")
        .arguments(args::LPOS)
        .example("> RPUSH lpos:key a b c a b\n(integer) 5\n> LPOS lpos:key b\n(integer) 1\n> LPOS lpos:key b RANK -1\n(integer) 4\n> LPOS lpos:key a COUNT 0\n1) (integer) 0\n2) (integer) 3"),
    inside::lpos,
),
DataCommand::write(
    Spec::new("lmove", Group::List, 5)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE)), KeySpec::one(2, KeyUse::RW.with(KeyUse::INSERT))])
        .doc("6.2.0", "O(1)", "Move an element from one end of a list to one of another")
        .arguments(args::LMOVE)
        .example("> RPUSH {lmove}:a 1 2 3\n(integer) 3\n> LMOVE {lmove}:a {lmove}:b RIGHT LEFT\n\"3\"\n> LMOVE {lmove}:a {lmove}:b LEFT RIGHT\n\"1\"\n> LRANGE {lmove}:b 0 -1\n1) \"3\"\n2) \"1\""),
    ends::lmove,
),
DataCommand::write(
    Spec::new("rpoplpush", Group::List, 3)
        .flags(&[Flags::WRITE, Flags::DENYOOM])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec::one(1, KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE)), KeySpec::one(2, KeyUse::RW.with(KeyUse::INSERT))])
        .doc("1.2.0", "O(1)", "Move the last element of a list to the front of another")
        .arguments(args::RPOPLPUSH)
        .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")
        .example("> RPUSH {rpoplpush}:a 1 2 3\n(integer) 3\n> RPOPLPUSH {rpoplpush}:a {rpoplpush}:b\n\"3\"\n> LRANGE {rpoplpush}:b 0 -1\n1) \"3\""),
    ends::rpoplpush,
),
DataCommand::write(
    Spec::new("lmpop", Group::List, -4)
        .flags(&[Flags::WRITE, Flags::MOVABLE_KEYS])
        .categories(&[Categories::LIST])
        .keys(&[KeySpec { begin: Begin::Index(1), find: Find::Count { at: 0, first: 1, step: 1 }, uses: KeyUse::RW.with(KeyUse::ACCESS).with(KeyUse::DELETE), notes: "" }])
        .doc("7.0.0", "O(N+M) where N is the number of provided keys and M is the number of elements returned.", "Take elements from the first of several lists that exists")
        .arguments(args::LMPOP)
        .example("> RPUSH {lmpop}:b 1 2 3\n(integer) 3\n> LMPOP 2 {lmpop}:a {lmpop}:b LEFT COUNT 2\n1) \"{lmpop}:b\"\n2) 1) \"1\"\n   2) \"2\"\n> LMPOP 1 {lmpop}:a LEFT\n(nil)"),
    ends::lmpop,
),
];
