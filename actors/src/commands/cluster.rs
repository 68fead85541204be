//! CLUSTER, ASKING, READONLY and READWRITE on a server without cluster: all of them are known, with their
//! numbers of arguments, and answer that it is off.

use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::{Categories, Command, Flags, Group, Outcome, Spec};
use shardwright_store::error::CommandError;

use super::cluster_arguments as args;
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
        Spec::new("asking", Group::Cluster, 1)
            .flags(&[Flags::FAST])
            .categories(&[Categories::CONNECTION])
            .doc("3.0.0", "O(1)", "Follow a redirection of a cluster whose slot is on its way")
            .example("> ASKING\n(error) ERR This instance has cluster support disabled"),
        SessionRun::Handler(disabled),
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
const BY_REPORTS: &str = "O(N) where N is the number of failure reports";
const BY_REQUESTED: &str = "O(log(N)) where N is the number of requested keys";
const BY_BYTES: &str = "O(N) where N is the number of bytes in the key";
const BY_CLUSTER_NODES: &str = "O(N) where N is the total number of cluster nodes";
const BY_KNOWN_NODES: &str = "O(N) where N is the number of known nodes. The command may execute a \
    FLUSHALL as a side effect.";
const VARIES: &[&str] = &["nondeterministic_output"];

const SUBCOMMANDS: &[SessionCommand] = &[
    sub(changing("addslots", -3)
        .doc("3.0.0", BY_SLOTS, "Give slots to this node")
        .arguments(args::SLOTS)),
    sub(changing("addslotsrange", -4)
        .doc("7.0.0", BY_RANGES, "Give ranges of slots to this node")
        .arguments(args::RANGES)),
    sub(changing("bumpepoch", 2)
        .doc("3.0.0", "O(1)", "Advance the epoch of the configuration")
        .tips(VARIES)),
    sub(about_nodes("count-failure-reports", 3)
        .doc("3.0.0", BY_REPORTS, "Get the number of failure reports about a node")
        .tips(VARIES)
        .arguments(args::NODE)),
    sub(asking("countkeysinslot", 3)
        .doc("3.0.0", "O(1)", "Get the number of keys in a slot")
        .arguments(args::SLOT)),
    sub(changing("delslots", -3)
        .doc("3.0.0", BY_SLOTS, "Take slots from this node")
        .arguments(args::SLOTS)),
    sub(changing("delslotsrange", -4)
        .doc("7.0.0", BY_RANGES, "Take ranges of slots from this node")
        .arguments(args::RANGES)),
    sub(changing("failover", -2)
        .doc("3.0.0", "O(1)", "Let this replica take over from its master")
        .arguments(args::FAILOVER)),
    sub(changing("flushslots", 2).doc("3.0.0", "O(1)", "Take all slots from this node")),
    sub(changing("forget", 3)
        .doc("3.0.0", "O(1)", "Remove a node from the table of nodes")
        .arguments(args::NODE)),
    sub(asking("getkeysinslot", 4)
        .doc("3.0.0", BY_REQUESTED, "Get names of keys in a slot")
        .tips(VARIES)
        .arguments(args::GETKEYSINSLOT)),
    sub(Spec::new("help", Group::Cluster, 2).flags(&[Flags::LOADING, Flags::STALE]).doc(
        "5.0.0",
        "O(1)",
        "Show a text about the subcommands",
    )),
    sub(asking("info", 2)
        .doc("3.0.0", "O(1)", "Get the state of the cluster as this node sees it")
        .tips(VARIES)),
    sub(asking("keyslot", 3)
        .doc("3.0.0", BY_BYTES, "Get the slot of a key")
        .arguments(args::KEYSLOT)),
    sub(asking("links", 2)
        .doc("7.0.0", BY_NODES, "Get the connections to other nodes")
        .tips(VARIES)),
    sub(changing("meet", -4)
        .doc("3.0.0", "O(1)", "Let this node meet another")
        .arguments(args::MEET)
        .history(args::MEET_HISTORY)),
    sub(asking("myid", 2).doc("3.0.0", "O(1)", "Get the id of this node")),
    sub(asking("nodes", 2).doc("3.0.0", BY_NODES, "Get the nodes of the cluster").tips(VARIES)),
    sub(replicas("replicas", "5.0.0")),
    sub(changing("replicate", 3)
        .doc("3.0.0", "O(1)", "Make this node a replica of another")
        .arguments(args::NODE)),
    sub(Spec::new("reset", Group::Cluster, -2)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::STALE])
        .doc("3.0.0", BY_KNOWN_NODES, "Let this node forget the cluster")
        .arguments(args::RESET)),
    sub(changing("saveconfig", 2).doc("3.0.0", "O(1)", "Write the state of the cluster to disk")),
    sub(changing("set-config-epoch", 3)
        .doc("3.0.0", "O(1)", "Set the epoch of a new node")
        .arguments(args::SET_CONFIG_EPOCH)),
    sub(changing("setslot", -4)
        .doc("3.0.0", "O(1)", "Tell which node has a slot")
        .arguments(args::SETSLOT)),
    sub(asking("shards", 2)
        .doc("7.0.0", BY_CLUSTER_NODES, "Get which nodes have which slots, by shard")
        .tips(VARIES)),
    sub(replicas("slaves", "3.0.0").deprecated("5.0.0", "`CLUSTER REPLICAS`")),
    sub(asking("slots", 2)
        .doc("3.0.0", BY_NODES, "Get which nodes have which slots")
        .tips(VARIES)
        .history(args::SLOTS_HISTORY)
        .deprecated("7.0.0", "`CLUSTER SHARDS`")),
];

const fn sub(spec: Spec) -> SessionCommand {
    Command::new(spec, SessionRun::Handler(disabled))
}

/// A subcommand that changes the cluster.
const fn changing(name: &'static str, arity: i16) -> Spec {
    about_nodes(name, arity).flags(&[Flags::NO_ASYNC_LOADING])
}

/// A subcommand that only asks.
const fn asking(name: &'static str, arity: i16) -> Spec {
    Spec::new(name, Group::Cluster, arity).flags(&[Flags::STALE])
}

/// A subcommand that asks what only administrators may know.
const fn about_nodes(name: &'static str, arity: i16) -> Spec {
    asking(name, arity).flags(&[Flags::ADMIN])
}

/// CLUSTER REPLICAS under each of its two names.
const fn replicas(name: &'static str, since: &'static str) -> Spec {
    about_nodes(name, 3)
        .doc(since, "O(1)", "Get the replicas of a node")
        .tips(VARIES)
        .arguments(args::NODE)
}

fn disabled(_: &mut SessionCx<'_>, _: Args<'_>, _: &mut ReplyWriter<'_>) -> Outcome {
    Err(CommandError::Text("ERR This instance has cluster support disabled"))
}
