//! The settings as the rest of the program reads them: plain fields with checked values.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::types::{
    AppendFsync, BindAddress, DebugAccess, FileMode, FileName, LogFormat, LogLevel,
    OutputBufferLimit, OutputBufferLimits, PipelineOrder, SaveRules, Secret, Supervised,
};

/// Every setting that something reads. Each field is the parameter of the same name (with `-`).
///
/// `Debug` is safe to log: secrets print as `***`. Times of zero mean "off" unless said otherwise.
#[derive(Debug, Clone)]
pub struct Settings {
    /// TCP port, 0 for no TCP listener.
    pub port: u16,
    /// Addresses that the TCP port is opened on; none means no TCP listener.
    pub bind: Vec<BindAddress>,
    /// Path of the Unix socket, if there is one.
    pub unixsocket: Option<PathBuf>,
    /// Permission bits of the Unix socket; 0 leaves what the process gives by itself.
    pub unixsocketperm: FileMode,
    /// Refuse clients from other machines while there is no password.
    pub protected_mode: bool,
    /// Connections that wait to be accepted, per listener.
    pub tcp_backlog: u32,
    /// Time between the system's probes of a silent TCP connection.
    pub tcp_keepalive: Duration,

    /// Time after which an idle client is disconnected.
    pub timeout: Duration,
    /// Clients at the same time, at least 1.
    pub maxclients: u32,
    /// Password that clients need; empty for none.
    pub requirepass: Secret,
    /// Who may use DEBUG.
    pub enable_debug_command: DebugAccess,
    /// Who may change protected parameters by CONFIG SET.
    pub enable_protected_configs: DebugAccess,
    /// Time in which a frame that has begun must be complete.
    pub read_timeout: Duration,
    /// Time in which a client must take some of the replies that wait for it.
    pub write_timeout: Duration,
    /// Commands per second of one connection before it is slowed down; 0 is no limit.
    pub rate_limit: u32,

    /// Bytes of one argument, at least 1 MiB.
    pub proto_max_bulk_len: u64,
    /// Bytes of one connection's unfinished input, at least 1 MiB.
    pub client_query_buffer_limit: u64,
    /// Unsent output at which clients are disconnected, per class.
    pub client_output_buffer_limit: OutputBufferLimits,
    /// Bytes of unsent replies above which reading and executing for a client stop.
    pub reply_buffer_limit: u64,
    /// Commands of one connection that may be in flight, at least 1.
    pub pipeline_depth: u32,
    /// Whether commands for different shards may overtake each other in a pipeline.
    pub pipeline_order: PipelineOrder,

    /// Shards, 0 for one a core. See [`Settings::shard_count`].
    pub shards: u16,
    /// Databases that SELECT knows, at least 1.
    pub databases: u32,
    /// How often in a second connections' time limits are looked at, 1 to 500.
    pub hz: u32,
    /// The allocator gives memory back to the system on threads of its own.
    pub jemalloc_bg_thread: bool,
    /// Keep a second copy of the data that effects alone feed, and compare (for tests).
    pub shadow: bool,
    /// Microseconds that loading waits for each key or change.
    pub key_load_delay: u32,

    /// Fields that a hash may have as a listpack.
    pub hash_max_listpack_entries: u64,
    /// Bytes that fields and values of a listpack may have.
    pub hash_max_listpack_value: u64,
    /// Elements that a node of a list may have; -1 to -5 stand for 4 to 64 KiB.
    pub list_max_listpack_size: i32,
    /// Members that a set of integers may have as an intset.
    pub set_max_intset_entries: u64,
    /// Members that a sorted set may have as a listpack.
    pub zset_max_listpack_entries: u64,
    /// Bytes that members of a listpack may have.
    pub zset_max_listpack_value: u64,
    /// Bytes that a node of a stream may have; 0 is no bound.
    pub stream_node_max_bytes: u64,
    /// Entries that a node of a stream may have; 0 is no bound.
    pub stream_node_max_entries: u64,
    /// Bytes that a sparse HyperLogLog may have.
    pub hll_sparse_max_bytes: u64,

    /// Log every change, to be there again after a restart.
    pub appendonly: bool,
    /// When the log is made durable.
    pub appendfsync: AppendFsync,
    /// When a checkpoint is written, by changes and time.
    pub save: SaveRules,
    /// Time after which one is written if anything has changed since the last one; zero for never.
    pub checkpoint_interval: Duration,
    /// The RDB file of `dir`; an empty name for none.
    pub dbfilename: FileName,
    /// Write it after every checkpoint that saves.
    pub save_rdb: bool,
    /// Compress long strings in RDB files.
    pub rdbcompression: bool,
    /// End RDB files with a checksum.
    pub rdbchecksum: bool,
    /// By how much the log must have grown, in percent of the last checkpoint, for another one; 0
    /// for never.
    pub auto_aof_rewrite_percentage: u32,
    /// Bytes of log below which it is not shortened for its size.
    pub auto_aof_rewrite_min_size: u64,
    /// Bytes of a segment of the log after which another one begins, at least 64 KiB.
    pub log_segment_size: u64,
    /// Segments that are no longer needed and are kept to be written over.
    pub log_spare_segments: u32,

    /// Directory that the process changes into, and that holds the data; relative paths start there.
    pub dir: PathBuf,
    /// Run in the background.
    pub daemonize: bool,
    /// File that holds the process id while the server runs.
    pub pidfile: Option<PathBuf>,
    /// Which supervisor is told that the server is ready.
    pub supervised: Supervised,
    /// Time that a shutdown waits for what is in flight; zero does not wait.
    pub shutdown_timeout: Duration,

    /// File that the log goes to; none is standard output.
    pub logfile: Option<PathBuf>,
    /// How much is logged.
    pub loglevel: LogLevel,
    /// How log lines look.
    pub log_format: LogFormat,
    /// One in this many debug and verbose lines is written; at least 1, which is all.
    pub log_sample: u32,
    /// Port of the admin listener (metrics, readiness), 0 for none.
    pub admin_port: u16,
    /// Address of the admin listener.
    pub admin_bind: IpAddr,
}

impl Settings {
    /// The number of shards on a machine with `cores` cores: at least 1, at most 256.
    #[must_use]
    pub fn shard_count(&self, cores: usize) -> u16 {
        /// The upper end of the parameter's range.
        const MOST: u16 = 256;
        match self.shards {
            0 => u16::try_from(cores).unwrap_or(MOST).clamp(1, MOST),
            shards => shards,
        }
    }

    /// Whether anything is to be kept: a log, or checkpoints alone.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.appendonly || !self.save.is_empty()
    }

    /// Whether any client listener is asked for: a TCP port with an address, or a Unix socket.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.unixsocket.is_some() || (self.port != 0 && !self.bind.is_empty())
    }
}

impl Default for Settings {
    /// The table's defaults, typed. A test holds the two together.
    fn default() -> Self {
        let mib = |count: u64| count << 20;
        let limit = |hard, soft, soft_seconds| OutputBufferLimit { hard, soft, soft_seconds };
        let address = |name: &str, optional| BindAddress { name: name.to_owned(), optional };
        Self {
            port: 6379,
            bind: vec![address("127.0.0.1", false), address("::1", true)],
            unixsocket: None,
            unixsocketperm: FileMode(0),
            protected_mode: true,
            tcp_backlog: 511,
            tcp_keepalive: Duration::from_secs(300),
            timeout: Duration::ZERO,
            maxclients: 10_000,
            requirepass: Secret::default(),
            enable_debug_command: DebugAccess::No,
            enable_protected_configs: DebugAccess::No,
            read_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            rate_limit: 0,
            proto_max_bulk_len: mib(512),
            client_query_buffer_limit: mib(1024),
            client_output_buffer_limit: OutputBufferLimits {
                normal: limit(0, 0, 0),
                replica: limit(mib(256), mib(64), 60),
                pubsub: limit(mib(32), mib(8), 60),
            },
            reply_buffer_limit: mib(64),
            pipeline_depth: 1024,
            pipeline_order: PipelineOrder::Relaxed,
            shards: 0,
            databases: 16,
            hz: 10,
            jemalloc_bg_thread: true,
            shadow: false,
            key_load_delay: 0,
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            list_max_listpack_size: -2,
            set_max_intset_entries: 512,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            stream_node_max_bytes: 4096,
            stream_node_max_entries: 100,
            hll_sparse_max_bytes: 3000,
            appendonly: true,
            appendfsync: AppendFsync::Everysec,
            save: SaveRules::default(),
            checkpoint_interval: Duration::from_secs(3600),
            dbfilename: FileName::default_rdb(),
            save_rdb: false,
            rdbcompression: true,
            rdbchecksum: true,
            auto_aof_rewrite_percentage: 100,
            auto_aof_rewrite_min_size: mib(64),
            log_segment_size: mib(64),
            log_spare_segments: 8,
            dir: PathBuf::from("data"),
            daemonize: false,
            pidfile: None,
            supervised: Supervised::No,
            shutdown_timeout: Duration::from_secs(10),
            logfile: None,
            loglevel: LogLevel::Notice,
            log_format: LogFormat::Auto,
            log_sample: 1,
            admin_port: 9121,
            admin_bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_defaults_are_those_of_the_table() {
        let settings = Settings::default();
        for parameter in crate::parameters() {
            let mut from_text = settings.clone();
            parameter.set(&mut from_text, parameter.default).unwrap();
            assert_eq!(parameter.get(&settings), parameter.get(&from_text), "{}", parameter.name);
        }
    }

    #[test]
    fn shards_default_to_one_a_core() {
        let mut settings = Settings::default();
        assert_eq!(settings.shard_count(0), 1);
        assert_eq!(settings.shard_count(8), 8);
        assert_eq!(settings.shard_count(100_000), 256);
        settings.shards = 3;
        assert_eq!(settings.shard_count(8), 3);
    }

    #[test]
    fn debug_output_hides_the_password() {
        let settings = Settings { requirepass: Secret::new("hunter2"), ..Settings::default() };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
