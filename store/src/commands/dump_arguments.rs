//! What follows the names of DUMP and RESTORE, and what became of them.

use crate::command::argument::{Argument, integer, key, string, word};
use crate::command::history::{History, changed};

/// `RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]`
pub(super) const RESTORE: &[Argument] = &[
    key("key"),
    integer("ttl"),
    string("serialized-value"),
    word("REPLACE").since("3.0.0").optional(),
    word("ABSTTL").since("5.0.0").optional(),
    integer("seconds").token("IDLETIME").since("5.0.0").optional(),
    integer("frequency").token("FREQ").since("5.0.0").optional(),
];

pub(super) const RESTORE_HISTORY: &[History] = &[
    changed("3.0.0", "Added the `REPLACE` modifier."),
    changed("5.0.0", "Added the `ABSTTL` modifier."),
    changed("5.0.0", "Added the `IDLETIME` and `FREQ` options."),
];
