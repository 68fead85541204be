//! What survives the process.

use crate::kind::Kind;
use crate::parameter::{Parameter, field};
use crate::types::{AppendFsync, Choice};

/// Whose payloads and files Redis can check in depth.
const CHECKED: &[&str] = &["no", "yes", "clients"];

/// The rows.
pub(super) const ROWS: &[Parameter] = &[
    Parameter::new(
        "appendonly",
        Kind::YesNo,
        "yes",
        field!(appendonly),
        "log every change into files of 'dir', to be there again after a restart",
    )
    .settled(),
    Parameter::new(
        "appendfsync",
        Kind::Choice(AppendFsync::NAMES),
        "everysec",
        field!(appendfsync),
        "when the log is made durable: 'always' before anybody is told of a change",
    )
    .changeable(),
    Parameter::fixed(
        "no-appendfsync-on-rewrite",
        Kind::YesNo,
        "no",
        "the log is synced while a checkpoint is written, too",
        "leave the log unsynced while a checkpoint is written",
    )
    .tolerant()
    .changeable(),
    Parameter::fixed(
        "aof-load-truncated",
        Kind::YesNo,
        "yes",
        "what a crash left half written at the log's end is always cut off",
        "start although the log's end is half written",
    )
    .changeable(),
    Parameter::new(
        "log-segment-size",
        Kind::Memory { min: 64 << 10 },
        "64mb",
        field!(log_segment_size),
        "bytes of a file of the log after which another one begins",
    ),
    Parameter::new(
        "log-spare-segments",
        Kind::Integer { min: 0, max: 1000 },
        "8",
        field!(log_spare_segments),
        "files of the log that a checkpoint made superfluous and that are kept to be written over; 0 where \
         the file system never writes in place",
    ),
    Parameter::new(
        "auto-aof-rewrite-percentage",
        Kind::Integer { min: 0, max: i32::MAX as i64 },
        "100",
        field!(auto_aof_rewrite_percentage),
        "growth of the log in percent of the last checkpoint after which another is written; 0 never",
    )
    .changeable(),
    Parameter::new(
        "auto-aof-rewrite-min-size",
        Kind::Memory { min: 0 },
        "64mb",
        field!(auto_aof_rewrite_min_size),
        "bytes of log below which its growth asks for no checkpoint",
    )
    .changeable(),
    Parameter::new(
        "save",
        Kind::SaveRules,
        "",
        field!(save),
        "pairs of seconds and changes after which a checkpoint is written; empty is none",
    )
    .changeable(),
    Parameter::new(
        "checkpoint-interval",
        Kind::Time,
        "1h",
        field!(checkpoint_interval),
        "time after the beginning of a checkpoint at which another is written if anything has changed; 0 \
         never",
    )
    .changeable(),
    Parameter::new(
        "dbfilename",
        Kind::FileName,
        "dump.rdb",
        field!(dbfilename),
        "RDB file in 'dir': loaded by a start that finds no other data, written by DEBUG RELOAD and \
         for 'save-rdb'",
    )
    .changeable()
    .protected(),
    Parameter::new(
        "save-rdb",
        Kind::YesNo,
        "no",
        field!(save_rdb),
        "write 'dbfilename' after every checkpoint of SAVE, BGSAVE, 'save' or SHUTDOWN SAVE, and \
         without a log of 'checkpoint-interval'",
    )
    .changeable(),
    Parameter::new(
        "rdbcompression",
        Kind::YesNo,
        "yes",
        field!(rdbcompression),
        "compress long strings in RDB files",
    )
    .changeable(),
    Parameter::new(
        "rdbchecksum",
        Kind::YesNo,
        "yes",
        field!(rdbchecksum),
        "end RDB files with a checksum",
    ),
    Parameter::fixed(
        "sanitize-dump-payload",
        Kind::Choice(CHECKED),
        "yes",
        "what is damaged is never taken in",
        "check values of RESTORE and of RDB files in depth",
    )
    .tolerant()
    .changeable(),
    Parameter::fixed(
        "stop-writes-on-bgsave-error",
        Kind::YesNo,
        "no",
        "a log that fails refuses writes, a checkpoint that fails does not",
        "refuse writes after a save that failed",
    )
    .tolerant()
    .changeable(),
];
