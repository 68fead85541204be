//! Loading: the records of a data directory become partitions again, by all cores. This thread reads
//! and checks; others apply the effects, each those of its own partitions.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use shardwright_codec::log::Record;
use shardwright_journal::{
    Disk, JournalError, LockError, Log, LogOptions, Progress, RecoveryError, Remedy, Replay, check,
    recover,
};
use shardwright_store::hash::KeyHasher;
use shardwright_store::partition::{Partition, PartitionOptions};
use shardwright_store::types::{Sequence, ShardId, ShardMap};
use thiserror::Error;

use crate::clock::Clock;
use crate::rdb::start::StartError;
use crate::server::Server;

/// Why a data directory cannot be used.
#[derive(Debug, Error)]
pub enum DataError {
    /// Another process has it, or it cannot be entered.
    #[error("the data directory {0}")]
    Lock(#[from] LockError),
    /// It cannot be read back.
    #[error("the data directory cannot be loaded: {source}{}", advice(source, path))]
    Recovery {
        /// Why not.
        source: RecoveryError,
        /// The directory.
        path: PathBuf,
    },
    /// There is an RDB file in it that cannot be loaded.
    #[error(transparent)]
    Rdb(#[from] StartError),
    /// Its records do not fit each other.
    #[error("the data directory cannot be loaded: {0}")]
    Load(String),
    /// The log cannot go on.
    #[error("the log cannot be written: {0}")]
    Journal(#[from] JournalError),
}

/// What to do about damage in the directory at `path`: the commands that help, to be put behind the
/// error. Nothing where none does.
pub fn advice(damage: &RecoveryError, path: &Path) -> String {
    let path = quoted(path);
    let check = format!("; `shardwright check --dir {path}` says more");
    match damage.remedy() {
        Remedy::Cut => {
            format!("{check}, `shardwright repair --dir {path}` cuts the log there")
        }
        Remedy::Rebuild => format!(
            "{check}, `shardwright repair --dir {path}` makes a new one if the other files leave no \
             doubt"
        ),
        Remedy::Restore => format!(
            "{check}; it cannot be repaired: move the directory away and put a backup in its place by \
             `shardwright restore BACKUP --dir {path}`"
        ),
        Remedy::Elsewhere => String::new(),
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:,@".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// What a data directory held, and its log, to go on with.
pub struct Opened {
    /// The partitions, in order of their shards.
    pub partitions: Partitions,
    /// The log.
    pub log: Log<Arc<Disk>>,
    /// The directory.
    pub disk: Arc<Disk>,
    /// Bytes of the checkpoint that was loaded.
    pub checkpoint_len: u64,
}

/// Takes the data directory at `path`, to be opened.
///
/// # Errors
/// Another process has it, or the system refused something.
pub fn take(path: &Path) -> Result<Arc<Disk>, LockError> {
    // Errors name the directory as others would.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Disk::take(&path).map(Arc::new)
}

/// Loads what a data directory holds by `cores` threads, and begins to log behind it, for this layout.
/// It waits for `delay` for each effect.
///
/// # Errors
/// See [`DataError`].
pub fn open(
    disk: Arc<Disk>,
    options: LogOptions,
    map: ShardMap,
    make: &MakePartition,
    cores: usize,
    delay: Duration,
    progress: &mut dyn Progress,
) -> Result<Opened, DataError> {
    let clock = Clock::new();
    let begin = clock.ticks();
    let mut loader = Loader { delay, ..Loader::new(make, cores) };
    let recovered = recover(&disk, rand::random(), &mut loader, progress)
        .map_err(|source| DataError::Recovery { source, path: disk.path().to_owned() })?;
    let partitions = loader.finish(map).map_err(DataError::Load)?;
    if let Some(torn) = &recovered.torn {
        let (spot, bytes) = (&torn.spot, torn.bytes);
        tracing::warn!(%spot, bytes, "the end of the log was half written and is cut off");
    }
    tracing::info!(
        records = recovered.records,
        newest = recovered.newest.0,
        millis = clock.since(begin).as_millis() as u64,
        "the log was loaded"
    );
    let checkpoint_len = recovered.manifest.checkpoint.map_or(0, |checkpoint| checkpoint.len);
    let log = Log::begin(Arc::clone(&disk), options, recovered, map.shards())?;
    Ok(Opened { partitions, log, disk, checkpoint_len })
}

/// Makes partitions as this process has them.
pub fn maker(server: &Server) -> impl Fn(ShardMap, ShardId) -> Partition + use<> {
    let (hasher, databases) = (server.router().hasher, server.router().databases);
    let now = Clock::new().now();
    move |map: ShardMap, id: ShardId| {
        let (slots, seed) = (map.slots_of(id), rand::random());
        Partition::new(PartitionOptions { id, slots, databases, hasher, seed, now })
    }
}

/// Loads what the directory of a running server holds, and changes nothing. Nothing may be written
/// to it meanwhile.
///
/// # Errors
/// It cannot be loaded.
pub fn read_back(server: &Server, disk: &Arc<Disk>) -> Result<Partitions, String> {
    let (make, map) = (maker(server), server.router().map);
    let mut loader = Loader::new(&make, map.shards().into());
    let report = check(disk, &mut loader, &mut ()).map_err(|error| error.to_string())?;
    match report.damage {
        Some(damage) => Err(damage.to_string()),
        None => loader.finish(map),
    }
}

/// Most databases that the settings allow.
const MOST_DATABASES: u16 = 1024;

/// Loads what `read` reads, only to see that it can be loaded: that takes the memory that a server
/// would take. Tells what `read` returned, and whether all effects could be applied.
pub fn rehearse<T>(read: impl FnOnce(&mut Loader<'_>) -> T) -> (T, Result<(), String>) {
    let (outcome, loaded) = load_alone(read);
    (outcome, loaded.map(drop))
}

/// Loads what `read` reads where there is no server. Tells what `read` returned, and the partitions
/// that there are then.
pub fn load_alone<T>(read: impl FnOnce(&mut Loader<'_>) -> T) -> (T, Result<Partitions, String>) {
    let hasher = KeyHasher::new([rand::random(), rand::random()]);
    let now = Clock::new().now();
    let make = move |map: ShardMap, id: ShardId| {
        let (slots, seed, databases) = (map.slots_of(id), rand::random(), MOST_DATABASES);
        Partition::new(PartitionOptions { id, slots, databases, hasher, seed, now })
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut loader = Loader::new(&make, cores);
    let outcome = read(&mut loader);
    (outcome, loader.join())
}

/// Makes an empty partition of such a layout.
pub type MakePartition = dyn Fn(ShardMap, ShardId) -> Partition;

/// Bytes of effects that travel to another thread together.
const CHUNK_BYTES: usize = 256 << 10;

/// Chunks that may wait for a thread.
const CHUNKS: usize = 8;

/// Loads records into partitions.
pub struct Loader<'m> {
    make: &'m MakePartition,
    /// Threads besides this one.
    threads: usize,
    layout: Option<ShardMap>,
    workers: Vec<Worker>,
    /// Time that it waits for each effect.
    delay: Duration,
}

/// Effects on their way to the thread that applies them.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    parts: Vec<PartOf>,
}

struct PartOf {
    lsn: u64,
    /// The partition's place among those of its thread.
    at: usize,
    count: u64,
    end: usize,
}

struct Worker {
    chunk: Chunk,
    sender: SyncSender<Chunk>,
    thread: JoinHandle<Result<Partitions, String>>,
}

/// Partitions as they are handed from thread to thread.
#[allow(clippy::vec_box, reason = "they go on to their shards as they are, boxed")]
pub type Partitions = Vec<Box<Partition>>;

impl<'m> Loader<'m> {
    /// A loader that uses so many cores.
    pub fn new(make: &'m MakePartition, cores: usize) -> Self {
        // This one's work is small beside theirs.
        let threads = cores.max(1);
        Self { make, threads, layout: None, workers: Vec::new(), delay: Duration::ZERO }
    }

    /// The partitions of this layout, with everything that was loaded, in order of their shards.
    /// If the layout is that of the records, their effects go on being counted.
    ///
    /// # Errors
    /// A record did not fit what came before.
    pub fn finish(mut self, map: ShardMap) -> Result<Partitions, String> {
        let old = self.join()?;
        if self.layout == Some(map) {
            return Ok(settle(old));
        }
        let new = self.divide(old, map)?;
        Ok(settle(new))
    }

    /// Empty partitions of a layout.
    fn empty(&self, map: ShardMap) -> Partitions {
        map.all().map(|id| Box::new((self.make)(map, id))).collect()
    }

    /// Divides what partitions have among those of another layout.
    fn divide(&self, old: Partitions, map: ShardMap) -> Result<Partitions, String> {
        let mut new = self.empty(map);
        for partition in old {
            partition.move_to(&mut new).map_err(|error| error.to_string())?;
        }
        new.iter_mut().for_each(|partition| partition.loaded(Sequence(0)));
        Ok(new)
    }

    /// Waits for all threads and takes the partitions back, in order of their shards.
    fn join(&mut self) -> Result<Partitions, String> {
        let mut all = Vec::new();
        for mut worker in self.workers.drain(..) {
            // A thread that ended early says why when it is joined.
            worker.flush();
            let Worker { sender, thread, .. } = worker;
            drop(sender);
            all.extend(thread.join().map_err(|_| "a thread that loads panicked")??);
        }
        all.sort_by_key(|partition| partition.id());
        Ok(all)
    }

    /// Gives partitions to threads.
    fn start(&mut self, map: ShardMap, partitions: Partitions) -> Result<(), String> {
        let mut shares: Vec<Partitions> = (0..self.threads).map(|_| Vec::new()).collect();
        for (at, partition) in partitions.into_iter().enumerate() {
            shares[at % self.threads].push(partition);
        }
        for share in shares.into_iter().filter(|share| !share.is_empty()) {
            let (sender, chunks) = sync_channel(CHUNKS);
            let thread = std::thread::Builder::new()
                .name("loader".to_owned())
                .spawn(move || load(share, &chunks))
                .map_err(|error| format!("could not start a thread: {error}"))?;
            self.workers.push(Worker { chunk: Chunk::default(), sender, thread });
        }
        self.layout = Some(map);
        Ok(())
    }
}

/// What was loaded counts as the state that changes come to.
fn settle(mut partitions: Partitions) -> Partitions {
    for partition in &mut partitions {
        partition.loaded(partition.sequence());
    }
    partitions
}

impl Worker {
    /// Sends what was gathered. Returns whether the thread takes it.
    fn flush(&mut self) -> bool {
        self.sender.send(std::mem::take(&mut self.chunk)).is_ok()
    }
}

/// Applies chunks until there are no more.
fn load(mut partitions: Partitions, chunks: &Receiver<Chunk>) -> Result<Partitions, String> {
    for Chunk { bytes, parts } in chunks {
        let mut begin = 0;
        for PartOf { lsn, at, count, end } in parts {
            let (Some(partition), Some(records)) = (partitions.get_mut(at), bytes.get(begin..end))
            else {
                return Err(format!("record {lsn}: no such partition"));
            };
            partition
                .apply_all(records, count)
                .map_err(|error| format!("record {lsn}: {error}"))?;
            drop(partition.take_garbage());
            begin = end;
        }
    }
    Ok(partitions)
}

impl Replay for Loader<'_> {
    fn layout(&mut self, shards: u16) -> Result<(), String> {
        let map = ShardMap::new(shards);
        let old = self.join()?;
        let partitions =
            if self.layout.is_none() { self.empty(map) } else { self.divide(old, map)? };
        self.start(map, partitions)
    }

    fn behind(&mut self, sequences: &[u64]) -> Result<(), String> {
        let mut partitions = self.join()?;
        for (partition, sequence) in partitions.iter_mut().zip(sequences) {
            partition.loaded(Sequence(*sequence));
        }
        match self.layout {
            Some(map) => self.start(map, partitions),
            None => Ok(()),
        }
    }

    fn record(&mut self, record: &Record<'_>) -> Result<(), String> {
        for part in &record.parts {
            if !self.delay.is_zero() {
                let count = u32::try_from(part.count).unwrap_or(u32::MAX);
                std::thread::sleep(self.delay.saturating_mul(count));
            }
            let shard = usize::from(part.partition);
            let (thread, at) = (shard % self.threads, shard / self.threads);
            let Some(worker) = self.workers.get_mut(thread) else {
                return Err(format!("there is no partition {shard}"));
            };
            worker.chunk.bytes.extend_from_slice(part.payload);
            let end = worker.chunk.bytes.len();
            let (lsn, count) = (record.head.lsn.0, part.count);
            worker.chunk.parts.push(PartOf { lsn, at, count, end });
            if end >= CHUNK_BYTES && !worker.flush() {
                // The thread has ended: it says why.
                return Err(self.join().err().unwrap_or_else(|| "a thread ended early".into()));
            }
        }
        Ok(())
    }
}
