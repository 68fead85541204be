//! What the whole process shares: settings, the shards' addresses, counters, the table of
//! connections, and the ordering lock. Nothing in here is on the way of a single-shard command
//! except atomics that are read.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use shardwright_codec::resp::Limits as DecoderLimits;
use shardwright_config::{DebugAccess, Loaded, PipelineOrder, Settings};
use shardwright_store::context::Limits;
use shardwright_store::data::Encodings;
use shardwright_store::hash::KeyHasher;
use shardwright_store::types::{ShardMap, UnixMillis};
use shardwright_store::watch::WatchToken;
use tokio::sync::mpsc::UnboundedSender;

use crate::checkpoint::Checkpoints;
use crate::clients::{ClientInfo, Clients};
use crate::directory::Directory;
use crate::durability::Durability;
use crate::ending::{Ending, How};
use crate::loading::Loading;
use crate::messages::Block;
use crate::migration::Shipment;
use crate::migration::peer::Peers;
use crate::opening::Opening;
use crate::pubsub::PubSub;
use crate::rdb::RdbState;
use crate::reaper::Reaped;
use crate::seldom::Seldom;
use crate::session::Router;
use crate::stats::ThreadStats;

/// Redis's version that clients check features by: the version that Shardwright matches.
pub const REDIS_VERSION: &str = "7.0.15";

/// What the rest of the process asks of the control thread.
#[derive(Debug)]
pub enum ControlRequest {
    /// End the process.
    Shutdown {
        /// How.
        how: How,
        /// Whom to answer if it cannot end: SHUTDOWN's, a signal has none.
        block: Option<Block>,
    },
    /// The end was called off (SHUTDOWN ABORT).
    Resume,
    /// Read the settings' sources again.
    Reload,
    /// Send keys to another server (MIGRATE).
    Ship(Shipment),
}

/// Told of settings whenever others are put in force: for what lives outside of the actors.
pub trait SettingsListener: Send + Sync {
    /// These settings are in force now.
    fn in_force(&self, settings: &Settings);
}

/// Settings that are read once a batch, without following a pointer.
#[derive(Debug, Default)]
struct Hot {
    reply_limit: AtomicUsize,
    pipeline_depth: AtomicUsize,
    rate_limit: AtomicU64,
    max_string: AtomicUsize,
    encodings: ArcSwapOption<Encodings>,
    /// Elements of lists that are longer have nodes of their own; 0 for the usual bound.
    list_packed_threshold: AtomicUsize,
    strict_order: AtomicBool,
    push_limit: AtomicU64,
    query_limit: AtomicUsize,
    /// The allocator was told to have threads of its own.
    allocator_threads: AtomicBool,
}

/// Figures that do not change while the process runs.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Shardwright's version.
    pub version: &'static str,
    /// Forty hexadecimal digits at random, as Redis's run_id.
    pub run_id: String,
    /// When the process began.
    pub started: UnixMillis,
    /// The program.
    pub executable: PathBuf,
    /// The settings' file, if one was given.
    pub config_file: Option<PathBuf>,
}

/// The bounds of the small forms that these settings say.
fn encodings(settings: &Settings) -> Encodings {
    let bound = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    Encodings {
        hash_max_listpack_entries: bound(settings.hash_max_listpack_entries),
        hash_max_listpack_value: bound(settings.hash_max_listpack_value),
        list_max_listpack_size: settings.list_max_listpack_size.into(),
        set_max_intset_entries: bound(settings.set_max_intset_entries),
        zset_max_listpack_entries: bound(settings.zset_max_listpack_entries),
        zset_max_listpack_value: bound(settings.zset_max_listpack_value),
        stream_node_max_bytes: bound(settings.stream_node_max_bytes),
        stream_node_max_entries: bound(settings.stream_node_max_entries),
        hll_sparse_max_bytes: bound(settings.hll_sparse_max_bytes),
        ..Encodings::default()
    }
}

/// What the whole process shares.
pub struct Server {
    /// Who this process is.
    pub identity: Identity,
    /// How settings came to be; for reloading.
    pub loaded: Mutex<Loaded>,
    settings: ArcSwap<Settings>,
    hot: Hot,
    router: Router,
    stats: Vec<ThreadStats>,
    /// What is known of the log.
    pub durability: Durability,
    /// What is known of checkpoints.
    pub checkpoints: Checkpoints,
    /// Where checkpoints go once one is written.
    pub opening: Opening,
    /// What is known of the loading of data.
    pub loading: Loading,
    /// What is known of RDB files.
    pub rdb: RdbState,
    /// What was freed outside of shards' turns.
    pub reaped: Arc<Reaped>,
    /// The connections.
    pub clients: Clients,
    /// Who is subscribed to what.
    pub pubsub: PubSub,
    /// Connections to other servers.
    pub peers: Peers,
    /// Addresses of all actors; known once all threads run.
    pub directory: OnceLock<Directory>,
    /// Held while the mailboxes of a block's shards are filled.
    pub ordering: Mutex<u64>,
    watches: AtomicU64,
    waits: AtomicU64,
    control: UnboundedSender<ControlRequest>,
    listener: Box<dyn SettingsListener>,
    settings_version: AtomicU64,
    /// Rates and the peak of memory.
    pub sampler: crate::sampler::Sampler,
    /// Figures at the last CONFIG RESETSTAT, to subtract.
    pub baseline: Mutex<crate::totals::Totals>,
    /// Whether keys expire before somebody asks for them (DEBUG SET-ACTIVE-EXPIRE).
    pub active_expire: AtomicBool,
    /// Whether the process is about to end.
    pub ending: Ending,
    /// When a warning of a client that speaks HTTP was last logged.
    warned_of_http: Seldom,
}

impl Server {
    /// The shared state of a process that begins.
    pub fn new(
        identity: Identity,
        loaded: Loaded,
        shards: u16,
        hasher: KeyHasher,
        control: UnboundedSender<ControlRequest>,
        listener: Box<dyn SettingsListener>,
    ) -> Self {
        let settings = loaded.settings.clone();
        let databases = u16::try_from(settings.databases).unwrap_or(u16::MAX);
        let durability = Durability::new(settings.appendonly, settings.appendfsync, shards);
        let checkpoints = Checkpoints::new(identity.started.seconds());
        let server = Self {
            identity,
            loaded: Mutex::new(loaded),
            settings: ArcSwap::from_pointee(settings),
            hot: Hot::default(),
            router: Router { hasher, map: ShardMap::new(shards), databases },
            stats: (0..shards).map(|_| ThreadStats::new(databases)).collect(),
            durability,
            checkpoints,
            opening: Opening::default(),
            loading: Loading::default(),
            rdb: RdbState::default(),
            reaped: Arc::default(),
            clients: Clients::default(),
            pubsub: PubSub::new(shards),
            peers: Peers::default(),
            directory: OnceLock::new(),
            ordering: Mutex::new(0),
            watches: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            control,
            listener,
            settings_version: AtomicU64::new(0),
            sampler: crate::sampler::Sampler::default(),
            baseline: Mutex::default(),
            active_expire: AtomicBool::new(true),
            warned_of_http: Seldom::default(),
            ending: Ending::default(),
        };
        server.refresh();
        server
    }

    /// A number for a wait that none had before.
    pub fn next_wait(&self) -> u64 {
        self.waits.fetch_add(1, Relaxed)
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Puts other settings in force.
    pub fn set_settings(&self, settings: Settings) {
        self.settings.store(Arc::new(settings));
        self.refresh();
    }

    /// Changes with every change of settings.
    #[inline]
    pub fn settings_version(&self) -> u64 {
        self.settings_version.load(Relaxed)
    }

    fn refresh(&self) {
        let settings = self.settings.load();
        let bytes = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        self.hot.reply_limit.store(bytes(settings.reply_buffer_limit), Relaxed);
        self.hot.pipeline_depth.store(settings.pipeline_depth as usize, Relaxed);
        self.hot.rate_limit.store(settings.rate_limit.into(), Relaxed);
        self.hot.max_string.store(bytes(settings.proto_max_bulk_len), Relaxed);
        self.hot.query_limit.store(bytes(settings.client_query_buffer_limit), Relaxed);
        self.hot.push_limit.store(settings.client_output_buffer_limit.pubsub.hard, Relaxed);
        self.hot.strict_order.store(settings.pipeline_order == PipelineOrder::Strict, Relaxed);
        self.hot.encodings.store(Some(Arc::new(encodings(&settings))));
        self.durability.set_policy(settings.appendfsync);
        let threads = settings.jemalloc_bg_thread;
        if self.hot.allocator_threads.swap(threads, Relaxed) != threads {
            crate::memory::give_back_in_background(threads);
        }
        self.settings_version.fetch_add(1, Relaxed);
        self.listener.in_force(&settings);
    }

    /// How keys find their shards.
    #[inline]
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// How many shards there are.
    pub fn shard_count(&self) -> u16 {
        u16::try_from(self.stats.len()).unwrap_or(u16::MAX)
    }

    /// Counters of all threads, in order of their shards.
    pub fn stats(&self) -> &[ThreadStats] {
        &self.stats
    }

    /// Bytes of replies above which a connection stops until its client reads.
    #[inline]
    pub fn reply_limit(&self) -> usize {
        self.hot.reply_limit.load(Relaxed)
    }

    /// Whether the next warning of a client that speaks HTTP is due: strangers must not fill the
    /// log, so there is one a minute.
    #[cold]
    pub fn may_warn_of_http(&self, now: UnixMillis) -> bool {
        self.warned_of_http.is_due(now)
    }

    /// Most commands of one connection in flight.
    #[inline]
    pub fn pipeline_depth(&self) -> usize {
        self.hot.pipeline_depth.load(Relaxed)
    }

    /// Bytes that a client may send before a command ends.
    #[inline]
    pub fn query_limit(&self) -> usize {
        self.hot.query_limit.load(Relaxed)
    }

    /// Bytes that a subscriber may leave untaken; 0 for no limit.
    #[inline]
    pub fn push_limit(&self) -> u64 {
        self.hot.push_limit.load(Relaxed)
    }

    /// Commands a second that one connection may run; 0 for no limit.
    #[inline]
    pub fn rate_limit(&self) -> u64 {
        self.hot.rate_limit.load(Relaxed)
    }

    /// Whether commands of one pipeline never overtake each other, on any shards.
    #[inline]
    pub fn strict_order(&self) -> bool {
        self.hot.strict_order.load(Relaxed)
    }

    /// Bounds up to which collections keep their small forms.
    pub fn encodings(&self) -> Encodings {
        let mut encodings = self.hot.encodings.load().as_deref().copied().unwrap_or_default();
        let threshold = self.hot.list_packed_threshold.load(Relaxed);
        if threshold > 0 {
            encodings.list_packed_threshold = threshold;
        }
        encodings
    }

    /// Sets the length beyond which elements of lists have nodes of their own; 0 for the usual one.
    pub fn set_list_packed_threshold(&self, bytes: usize) {
        self.hot.list_packed_threshold.store(bytes, Relaxed);
    }

    /// Bounds that command handlers keep to.
    #[inline]
    pub fn limits(&self) -> Limits {
        Limits {
            max_string: self.hot.max_string.load(Relaxed),
            encodings: self.encodings(),
            refuse_writes: self.durability.has_failed(),
            refuse_reads: self.durability.refuses_reads(),
        }
    }

    /// Bounds of the decoder.
    pub fn decoder_limits(&self, authenticated: bool) -> DecoderLimits {
        DecoderLimits {
            max_bulk_len: self.settings.load().proto_max_bulk_len,
            unauthenticated: !authenticated,
            ..DecoderLimits::default()
        }
    }

    /// A round of WATCH that nobody had before.
    pub fn next_watch(&self) -> WatchToken {
        WatchToken(self.watches.fetch_add(1, Relaxed))
    }

    /// Whether this client may use DEBUG.
    pub fn allows_debug(&self, client: &ClientInfo) -> bool {
        match self.settings.load().enable_debug_command {
            DebugAccess::No => false,
            DebugAccess::Yes => true,
            DebugAccess::Local => client.local,
        }
    }

    /// Whether connections begin authenticated.
    pub fn is_open(&self) -> bool {
        self.settings.load().requirepass.expose().is_empty()
    }

    /// Asks the control thread. After its end nobody is left to ask.
    pub fn ask_control(&self, request: ControlRequest) {
        if self.control.send(request).is_err() {
            tracing::debug!("control has ended already");
        }
    }

    /// Lets control send keys to another server.
    pub fn ship(&self, shipment: Shipment) {
        self.ask_control(ControlRequest::Ship(shipment));
    }

    /// Fills mailboxes in an order that is the same everywhere: `fill` gets the number of the block.
    pub fn in_order(&self, fill: impl FnOnce(u64)) {
        let mut last = self.ordering.lock().unwrap_or_else(PoisonError::into_inner);
        *last += 1;
        fill(*last);
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("identity", &self.identity).finish_non_exhaustive()
    }
}
