//! What follows the names of CLUSTER's subcommands, and what became of them.

use shardwright_store::command::argument::{Argument, block, integer, one_of, string, word};
use shardwright_store::command::history::{History, changed};

/// `CLUSTER COUNTKEYSINSLOT slot`
pub(super) const SLOT: &[Argument] = &[integer("slot")];

/// `CLUSTER ADDSLOTS slot [slot ...]`
pub(super) const SLOTS: &[Argument] = &[integer("slot").multiple()];

/// `CLUSTER ADDSLOTSRANGE start-slot end-slot [start-slot end-slot ...]`
pub(super) const RANGES: &[Argument] =
    &[block("start-slot_end-slot", &[integer("start-slot"), integer("end-slot")]).multiple()];

/// `CLUSTER FORGET node-id`
pub(super) const NODE: &[Argument] = &[string("node-id")];

/// `CLUSTER FAILOVER [FORCE | TAKEOVER]`
pub(super) const FAILOVER: &[Argument] =
    &[one_of("options", &[word("FORCE"), word("TAKEOVER")]).optional()];

/// `CLUSTER GETKEYSINSLOT slot count`
pub(super) const GETKEYSINSLOT: &[Argument] = &[integer("slot"), integer("count")];

/// `CLUSTER KEYSLOT key`: Redis does not count it as a key, since nothing is done with it.
pub(super) const KEYSLOT: &[Argument] = &[string("key")];

/// `CLUSTER MEET ip port [cluster_bus_port]`
pub(super) const MEET: &[Argument] =
    &[string("ip"), integer("port"), integer("cluster_bus_port").since("4.0.0").optional()];

pub(super) const MEET_HISTORY: &[History] =
    &[changed("4.0.0", "Added the optional `cluster_bus_port` argument.")];

/// `CLUSTER RESET [HARD | SOFT]`
pub(super) const RESET: &[Argument] =
    &[one_of("hard_soft", &[word("HARD"), word("SOFT")]).optional()];

/// `CLUSTER SET-CONFIG-EPOCH config-epoch`
pub(super) const SET_CONFIG_EPOCH: &[Argument] = &[integer("config-epoch")];

/// `CLUSTER SETSLOT slot IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE`
pub(super) const SETSLOT: &[Argument] = &[
    integer("slot"),
    one_of(
        "subcommand",
        &[
            string("node-id").token("IMPORTING"),
            string("node-id").token("MIGRATING"),
            string("node-id").token("NODE"),
            word("STABLE"),
        ],
    ),
];

/// Of CLUSTER SLOTS.
pub(super) const SLOTS_HISTORY: &[History] = &[
    changed("4.0.0", "Added node IDs."),
    changed("7.0.0", "Added additional networking metadata field."),
];
