//! The process: starts the threads and their actors, listens, and ends in good order. This is the
//! control thread: it serves no data, so that a busy shard never stops it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use actix::prelude::*;
use rand::RngExt;
use shardwright_config::{Loaded, Supervised};
use shardwright_journal::{IMPORT, LogOptions, MANIFEST};
use shardwright_store::hash::KeyHasher;
use shardwright_store::partition::{Garbage, Partition, PartitionOptions};
use shardwright_store::types::{ShardId, ShardMap};
use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;

use crate::checkpoint::{Checkpointer, Purpose};
use crate::clock::Clock;
use crate::directory::{Directory, ThreadAddresses};
use crate::gateway::{Gateway, Quiesce};
use crate::listener::{ListenError, Listeners};
use crate::rdb::reading::Rules;
use crate::rdb::start;
use crate::recovery::{self, DataError, Opened};
use crate::server::{ControlRequest, Identity, Server, SettingsListener};
use crate::shadow::Shadow;
use crate::shard::Shard;
use crate::shard::core::ShardCore;
use crate::thread::Thread;
use crate::writer::{CloseLog, Writer};

/// Whether a directory holds data of an earlier run, or the begin of an import.
pub fn holds_data(dir: &Path) -> bool {
    [MANIFEST, IMPORT].iter().any(|name| dir.join(name).exists())
}

/// Why the server did not start or run on.
#[derive(Debug, Error)]
pub enum RunError {
    /// It cannot listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// It cannot load its data, or go on logging.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The operating system refused something.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A thread ended while it started.
    #[error("a thread of the server ended while it started")]
    ThreadEnded,
}

/// Runs the server until it is told to end; `listener` is told of settings. Relative paths of the settings are looked up from the
/// working directory.
///
/// # Errors
/// It cannot start.
pub fn run(
    loaded: Loaded,
    version: &'static str,
    listener: Box<dyn SettingsListener>,
) -> Result<(), RunError> {
    System::new().block_on(serve(loaded, version, listener))
}

async fn serve(
    loaded: Loaded,
    version: &'static str,
    listener: Box<dyn SettingsListener>,
) -> Result<(), RunError> {
    let clock = Clock::new();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let shards = loaded.settings.shard_count(cores);
    let (control, requests) = unbounded_channel();
    let mut rng = rand::rng();
    let identity = Identity {
        version,
        run_id: (0..5).map(|_| format!("{:08x}", rng.random::<u32>())).collect(),
        started: clock.now(),
        executable: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("shardwright")),
        config_file: loaded.config_file.clone(),
    };
    let hasher = KeyHasher::new([rng.random(), rng.random()]);
    let server = Arc::new(Server::new(identity, loaded, shards, hasher, control, listener));
    let listeners = Listeners::bind(&server.settings())?;
    let unix_socket = SocketFile(listeners.unix_path.clone());
    let threads = start_threads(&server, &clock, cores).await?;
    let admin = crate::admin::start(&server)?;
    crate::banner::print(&server, &listeners.addresses);
    crate::sampler::start(&server);
    let accepting = listeners.accept(&server);
    watch_signals(&server)?;
    tell_supervisor(&server);
    let (now, save) = control_loop(&server, requests).await;
    accepting.iter().for_each(|task| task.abort());
    if !now {
        quiesce(&server).await;
    }
    drop(unix_socket);
    if let Some(admin) = admin {
        admin.stop().await;
    }
    save_last(&server, save).await;
    close_log(&server).await;
    threads.iter().for_each(|thread| {
        thread.stop();
    });
    tracing::info!("bye");
    Ok(())
}

/// The file of the Unix socket; it goes when the server ends.
struct SocketFile(Option<PathBuf>);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Some(path) = &self.0
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::warn!(path = %path.display(), %error, "the Unix socket's file stays");
        }
    }
}

/// Writes a last checkpoint, if that was said, or if there is no log and the settings want
/// checkpoints.
async fn save_last(server: &Arc<Server>, save: Option<bool>) {
    let by_default = || !server.durability.is_enabled() && !server.settings().save.is_empty();
    if !server.checkpoints.are_possible() || !save.unwrap_or_else(by_default) {
        return;
    }
    // One that is being written may be of an earlier state.
    while !server.begin_checkpoint(Purpose::Save) {
        actix_rt::time::sleep(QUIESCE_STEP).await;
    }
    while server.checkpoints.is_running() {
        actix_rt::time::sleep(QUIESCE_STEP).await;
    }
}

/// Makes everything in the log durable.
async fn close_log(server: &Server) {
    let Some(directory) = server.directory() else { return };
    if !directory.writer.send(CloseLog).await.unwrap_or(false) {
        tracing::error!("the log was not closed: what was written last may be lost");
    }
}

/// Loads the data, starts all shard threads and the writer, and tells everyone their addresses.
async fn start_threads(
    server: &Arc<Server>,
    clock: &Clock,
    cores: usize,
) -> Result<Vec<Arbiter>, RunError> {
    let settings = server.settings();
    let (hasher, databases, now) = (server.router().hasher, server.router().databases, clock.now());
    let make = move |map: ShardMap, id: ShardId| {
        let (slots, seed) = (map.slots_of(id), rand::random());
        Partition::new(PartitionOptions { id, slots, databases, hasher, seed, now })
    };
    let map = server.router().map;
    let empty =
        || -> recovery::Partitions { map.all().map(|id| Box::new(make(map, id))).collect() };
    // Without a log, what was saved is loaded all the same.
    let keeps = settings.keeps() || holds_data(Path::new("."));
    let rdb = settings.dbfilename.as_str();
    let layout = (map, Rules { databases, now });
    let (partitions, log, disk) = if keeps {
        let options = LogOptions { segment_bytes: settings.log_segment_size };
        // The process has changed into `dir`.
        let disk = recovery::take(Path::new(".")).map_err(DataError::from)?;
        let imported = start::import(&disk, rdb, layout).map_err(DataError::from)?;
        imported.iter().for_each(|counts| server.rdb.loaded(counts));
        let Opened { partitions, log, disk, checkpoint_len } =
            recovery::open(disk, options, map, &make, cores)?;
        server.checkpoints.opened(checkpoint_len);
        (partitions, Some(log), Some(disk))
    } else {
        let loaded = start::load(rdb, layout, &make, cores).map_err(DataError::from)?;
        loaded.iter().for_each(|(_, counts)| server.rdb.loaded(counts));
        (loaded.map_or_else(empty, |(partitions, _)| partitions), None, None)
    };
    let newest: Vec<u64> = partitions.iter().map(|partition| partition.sequence().0).collect();
    let shadow = if settings.shadow {
        let mut copies = empty();
        for partition in &partitions {
            let copied = partition.copy_to(&mut copies);
            copied.map_err(|error| DataError::Load(error.to_string()))?;
        }
        Some(Shadow::new(copies))
    } else {
        None
    };
    let mut arbiters = Vec::new();
    let mut threads = Vec::new();
    for mut partition in partitions {
        partition.encode_effects(settings.shadow || settings.appendonly);
        let arbiter = Arbiter::new();
        threads.push(start_shard(server, &arbiter, partition).await?);
        arbiters.push(arbiter);
    }
    let arbiter = Arbiter::new();
    server.durability.publish(&newest);
    let for_writer = Arc::clone(server);
    let writer = Writer::start_in_arbiter(&arbiter.handle(), |_| {
        Writer::new(for_writer, log, shadow, newest)
    });
    arbiters.push(arbiter);
    let arbiter = Arbiter::new();
    let for_checkpointer = Arc::clone(server);
    let checkpointer = Checkpointer::start_in_arbiter(&arbiter.handle(), |_| {
        Checkpointer::new(for_checkpointer, disk)
    });
    arbiters.push(arbiter);
    let directory = Directory { threads, writer, checkpointer, reaper: start_reaper()? };
    server.directory.set(directory).map_err(|_| RunError::ThreadEnded)?;
    Ok(arbiters)
}

/// Starts the actors of a shard's thread.
async fn start_shard(
    server: &Arc<Server>,
    arbiter: &Arbiter,
    partition: Box<Partition>,
) -> Result<ThreadAddresses, RunError> {
    let (tell, told) = oneshot::channel();
    let server = Arc::clone(server);
    arbiter.spawn(async move {
        let thread = Thread::new(partition.id(), server);
        // Figures of what was loaded are there before somebody asks.
        thread.stats().publish(&partition);
        let (dock, deliveries) = unbounded_channel();
        let core = ShardCore::new(partition);
        let shard = Shard::new(core, std::rc::Rc::clone(&thread), deliveries).start();
        let gateway = Gateway::new(thread).start();
        // Nobody waits for it only if the start was given up.
        drop(tell.send(ThreadAddresses { shard, dock, gateway }));
    });
    told.await.map_err(|_| RunError::ThreadEnded)
}

/// Flushed databases that wait to be freed. Who finds the queue full frees its own.
const REAPER_QUEUE: usize = 64;

/// Starts the thread that frees what is too much for a shard's turn.
fn start_reaper() -> Result<std::sync::mpsc::SyncSender<Vec<Garbage>>, RunError> {
    let (sender, garbage) = std::sync::mpsc::sync_channel::<Vec<Garbage>>(REAPER_QUEUE);
    std::thread::Builder::new()
        .name("reaper".to_owned())
        .spawn(move || garbage.into_iter().for_each(drop))
        .map_err(|source| RunError::System { what: "could not start a thread", source })?;
    Ok(sender)
}

/// Tells systemd that the server is ready, if it started it and the settings want it.
fn tell_supervisor(server: &Server) {
    if server.settings().supervised == Supervised::No {
        return;
    }
    if let Err(error) = sd_notify::notify(false, &[sd_notify::NotifyState::Ready]) {
        tracing::warn!(%error, "systemd could not be told that the server is ready");
    }
}

/// Turns signals into requests.
fn watch_signals(server: &Arc<Server>) -> Result<(), RunError> {
    use tokio::signal::unix::{SignalKind, signal};
    let requests = [
        (SignalKind::terminate(), ControlRequest::Shutdown { now: false, save: None }),
        (SignalKind::interrupt(), ControlRequest::Shutdown { now: false, save: None }),
        (SignalKind::hangup(), ControlRequest::Reload),
    ];
    for (kind, request) in requests {
        let mut signals = signal(kind)
            .map_err(|source| RunError::System { what: "could not watch signals", source })?;
        let server = Arc::clone(server);
        actix_rt::spawn(async move {
            while signals.recv().await.is_some() {
                tracing::info!(?kind, "signal received");
                server.ask_control(request);
            }
        });
    }
    Ok(())
}

/// Carries out requests until the process is to end; tells whether that is to be at once, and what
/// was said about saving before.
async fn control_loop(
    server: &Arc<Server>,
    mut requests: UnboundedReceiver<ControlRequest>,
) -> (bool, Option<bool>) {
    while let Some(request) = requests.recv().await {
        match request {
            ControlRequest::Shutdown { now, save } => return (now, save),
            ControlRequest::Reload => reload(server),
        }
    }
    (true, None)
}

/// Reads the settings' sources again and puts in force what may change.
pub fn reload(server: &Arc<Server>) {
    let mut loaded = server.loaded.lock().unwrap_or_else(PoisonError::into_inner);
    match shardwright_config::reload(&loaded, &server.settings(), &shardwright_config::Disk) {
        Ok(reloaded) => {
            for warning in &reloaded.warnings {
                tracing::warn!("{warning}");
            }
            if !reloaded.settings.save.is_empty() && !server.checkpoints.are_possible() {
                tracing::warn!("'save' does nothing before a restart: there is no data directory");
            }
            tracing::info!(changed = reloaded.changed.join(", "), "settings read again");
            *loaded = reloaded.loaded;
            server.set_settings(reloaded.settings);
        }
        Err(error) => tracing::error!(%error, "settings could not be read again; nothing changed"),
    }
}

/// How often the end asks whether something is still in flight.
const QUIESCE_STEP: Duration = Duration::from_millis(10);

/// Waits until nothing is in flight, for as long as the settings allow.
async fn quiesce(server: &Arc<Server>) {
    server.ending.store(true, std::sync::atomic::Ordering::Relaxed);
    let until = Instant::now() + server.settings().shutdown_timeout;
    let Some(directory) = server.directory() else { return };
    while Instant::now() < until {
        let mut busy = 0;
        for thread in &directory.threads {
            let wait = until.saturating_duration_since(Instant::now());
            let asked = actix_rt::time::timeout(wait, thread.gateway.send(Quiesce)).await;
            busy += asked.map_or(1, |answer| answer.unwrap_or(0));
        }
        if busy == 0 {
            return;
        }
        actix_rt::time::sleep(QUIESCE_STEP).await;
    }
    tracing::warn!("ending with replies that clients did not take");
}
