//! CLUSTER, READONLY and READWRITE on a server without cluster: all of them are known, with their
//! numbers of arguments, and answer that it is off.

use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::{Categories, Command, Flags, Group, Outcome, Spec};
use shardwright_store::error::CommandError;

use crate::registry::{SessionCommand, SessionRun};
use crate::session::SessionCx;

const CHANGING_ROUTES: &[Flags] = &[Flags::LOADING, Flags::STALE, Flags::FAST];

/// The family's commands.
pub const COMMANDS: &[SessionCommand] = &[
    Command::container(
        Spec::new("cluster", Group::Cluster, -2)
            .doc("3.0.0", "Depends on subcommand.", "Commands about the cluster")
            .example("> CLUSTER INFO\n(error) ERR This instance has cluster support disabled"),
        SUBCOMMANDS,
    ),
    Command::new(
        Spec::new("readonly", Group::Cluster, 1)
            .flags(CHANGING_ROUTES)
            .categories(&[Categories::CONNECTION])
            .doc("3.0.0", "O(1)", "Allow reads on this connection to a cluster's replica")
            .example("> READONLY\n(error) ERR This instance has cluster support disabled"),
        SessionRun::Handler(disabled),
    ),
    Command::new(
        Spec::new("readwrite", Group::Cluster, 1)
            .flags(CHANGING_ROUTES)
            .categories(&[Categories::CONNECTION])
            .doc("3.0.0", "O(1)", "Take READONLY back")
            .example("> READWRITE\n(error) ERR This instance has cluster support disabled"),
        SessionRun::Handler(disabled),
    ),
];

const BY_NODES: &str = "O(N) where N is the total number of Cluster nodes";
const BY_SLOTS: &str = "O(N) where N is the total number of hash slot arguments";
const BY_RANGES: &str = "O(N) where N is the total number of the slots between the start slot and \
    end slot arguments.";
const VARIES: &[&str] = &["nondeterministic_output"];

const SUBCOMMANDS: &[SessionCommand] = &[
    change("addslots", -3, "3.0.0", BY_SLOTS, "Give slots to this node"),
    change("addslotsrange", -4, "7.0.0", BY_RANGES, "Give ranges of slots to this node"),
    sub(changing("bumpepoch", 2)
        .doc("3.0.0", "O(1)", "Advance the epoch of the configuration")
        .tips(VARIES)),
    sub(Spec::new("count-failure-reports", Group::Cluster, 3)
        .flags(&[Flags::ADMIN, Flags::STALE])
        .doc(
            "3.0.0",
            "O(N) where N is the number of failure reports",
            "Get the number of failure reports about a node",
        )
        .tips(VARIES)),
    ask("countkeysinslot", 3, "3.0.0", "O(1)", "Get the number of keys in a slot", &[]),
    change("delslots", -3, "3.0.0", BY_SLOTS, "Take slots from this node"),
    change("delslotsrange", -4, "7.0.0", BY_RANGES, "Take ranges of slots from this node"),
    change("failover", -2, "3.0.0", "O(1)", "Let this replica take over from its master"),
    change("flushslots", 2, "3.0.0", "O(1)", "Take all slots from this node"),
    change("forget", 3, "3.0.0", "O(1)", "Remove a node from the table of nodes"),
    ask(
        "getkeysinslot",
        4,
        "3.0.0",
        "O(log(N)) where N is the number of requested keys",
        "Get names of keys in a slot",
        VARIES,
    ),
    sub(Spec::new("help", Group::Cluster, 2).flags(&[Flags::LOADING, Flags::STALE]).doc(
        "5.0.0",
        "O(1)",
        "Show a text about the subcommands",
    )),
    ask("info", 2, "3.0.0", "O(1)", "Get the state of the cluster as this node sees it", VARIES),
    ask(
        "keyslot",
        3,
        "3.0.0",
        "O(N) where N is the number of bytes in the key",
        "Get the slot of a key",
        &[],
    ),
    ask("links", 2, "7.0.0", BY_NODES, "Get the connections to other nodes", VARIES),
    change("meet", -4, "3.0.0", "O(1)", "Let this node meet another"),
    ask("myid", 2, "3.0.0", "O(1)", "Get the id of this node", &[]),
    ask("nodes", 2, "3.0.0", BY_NODES, "Get the nodes of the cluster", VARIES),
    replicas("replicas", "5.0.0"),
    change("replicate", 3, "3.0.0", "O(1)", "Make this node a replica of another"),
    sub(Spec::new("reset", Group::Cluster, -2)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::STALE])
        .doc(
            "3.0.0",
            "O(N) where N is the number of known nodes. The command may execute a FLUSHALL as \
                 a side effect.",
            "Let this node forget the cluster",
        )),
    change("saveconfig", 2, "3.0.0", "O(1)", "Write the state of the cluster to disk"),
    change("set-config-epoch", 3, "3.0.0", "O(1)", "Set the epoch of a new node"),
    change("setslot", -4, "3.0.0", "O(1)", "Tell which node has a slot"),
    ask(
        "shards",
        2,
        "7.0.0",
        "O(N) where N is the total number of cluster nodes",
        "Get which nodes have which slots, by shard",
        VARIES,
    ),
    replicas("slaves", "3.0.0"),
    ask("slots", 2, "3.0.0", BY_NODES, "Get which nodes have which slots", VARIES),
];

const fn sub(spec: Spec) -> SessionCommand {
    Command::new(spec, SessionRun::Handler(disabled))
}

const fn changing(name: &'static str, arity: i16) -> Spec {
    Spec::new(name, Group::Cluster, arity).flags(&[
        Flags::ADMIN,
        Flags::STALE,
        Flags::NO_ASYNC_LOADING,
    ])
}

/// A subcommand that changes the cluster.
const fn change(
    name: &'static str,
    arity: i16,
    since: &'static str,
    complexity: &'static str,
    summary: &'static str,
) -> SessionCommand {
    sub(changing(name, arity).doc(since, complexity, summary))
}

/// A subcommand that only asks.
const fn ask(
    name: &'static str,
    arity: i16,
    since: &'static str,
    complexity: &'static str,
    summary: &'static str,
    tips: &'static [&'static str],
) -> SessionCommand {
    let spec = Spec::new(name, Group::Cluster, arity).flags(&[Flags::STALE]);
    sub(spec.doc(since, complexity, summary).tips(tips))
}

/// CLUSTER REPLICAS under each of its two names.
const fn replicas(name: &'static str, since: &'static str) -> SessionCommand {
    let spec = Spec::new(name, Group::Cluster, 3).flags(&[Flags::ADMIN, Flags::STALE]);
    sub(spec.doc(since, "O(1)", "Get the replicas of a node").tips(VARIES))
}

fn disabled(_: &mut SessionCx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> Outcome {
    Err(CommandError::Text("ERR This instance has cluster support disabled"))
}
