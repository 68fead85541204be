//! The process: starts the threads and their actors, listens, and ends in good order. This is the
//! control thread: it serves no data, so that a busy shard never stops it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::PoisonError;
use std::time::Duration;

use actix::prelude::*;
use rand::RngExt;
use shardwright_config::{Loaded, Supervised};
use shardwright_journal::{Disk, IMPORT, Log, MANIFEST};
use shardwright_store::hash::KeyHasher;
use shardwright_store::types::ShardId;
use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;

use crate::checkpoint::{Checkpointer, TakeDisk};
use crate::clock::Clock;
use crate::control::{next_end, run_until_end};
use crate::descriptors::{self, NoRoom};
use crate::directory::{Directory, ThreadAddresses};
use crate::ending::How;
use crate::gateway::Gateway;
use crate::listener::{AcceptTask, ListenError, Listeners};
use crate::loading::Telling;
use crate::messages::Delivery;
use crate::opening::log_options;
use crate::rdb::reading::Rules;
use crate::rdb::start;
use crate::reaper::Reaper;
use crate::recovery::{self, DataError, Opened};
use crate::server::{ControlRequest, Identity, Server, SettingsListener};
use crate::shadow::Shadow;
use crate::shard::core::ShardCore;
use crate::shard::{Settled, Shard};
use crate::thread::Thread;
use crate::writer::{BeginLog, CloseLog, Writer};

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
    /// The system lets it have too few open files.
    #[error(transparent)]
    Descriptors(#[from] NoRoom),
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

/// Runs the server until it is told to end; `listener` is told of settings. Relative paths of the
/// settings are looked up from the working directory. Data is in `home`, or in the working directory.
///
/// # Errors
/// It cannot start.
pub fn run(
    loaded: Loaded,
    version: &'static str,
    listener: Box<dyn SettingsListener>,
    home: Option<PathBuf>,
) -> Result<(), RunError> {
    System::new().block_on(serve(loaded, version, listener, home))
}

async fn serve(
    loaded: Loaded,
    version: &'static str,
    listener: Box<dyn SettingsListener>,
    home: Option<PathBuf>,
) -> Result<(), RunError> {
    let clock = Clock::new();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let shards = loaded.settings.shard_count(cores);
    let (control, mut requests) = unbounded_channel();
    let mut rng = rand::rng();
    let identity = Identity {
        version,
        run_id: (0..5).map(|_| format!("{:08x}", rng.random::<u32>())).collect(),
        started: clock.now(),
        executable: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("shardwright")),
        config_file: loaded.config_file.clone(),
    };
    let listeners = Listeners::bind(&loaded)?;
    let hasher = KeyHasher::new([rng.random(), rng.random()]);
    let server = Arc::new(Server::new(identity, loaded, shards, hasher, control, listener));
    server.opening.set_home(home);
    // The sources keep saying what they say: a reload compares with them.
    let mut fitting = (*server.settings()).clone();
    descriptors::fit(&mut fitting, shards)?;
    server.set_settings(fitting);
    let unix_socket = SocketFile(listeners.unix_path.clone());
    let threads = start_threads(&server).await?;
    let admin = crate::admin::start(&server)?;
    crate::sampler::start(&server);
    watch_signals(&server)?;
    let addresses = listeners.addresses.clone();
    let (accepting, ended) = load(&server, listeners, &mut requests, cores).await?;
    if !ended {
        crate::banner::print(&server, &addresses);
        tell_supervisor(&server);
        run_until_end(&server, &mut requests).await;
    }
    accepting.iter().for_each(|task| task.abort());
    drop(unix_socket);
    if let Some(admin) = admin {
        admin.stop().await;
    }
    if !ended {
        close_log(&server).await;
    }
    threads.iter().for_each(|thread| {
        thread.stop();
    });
    tracing::info!("bye");
    Ok(())
}

/// A loading that is over before this is seen by nobody: clients wait in the listeners' queues.
const UNSEEN_LOADING: Duration = Duration::from_millis(200);

/// Loads the data, and accepts clients once it is there, or before if that takes long. Tells whether
/// the process is to end before it is there.
async fn load(
    server: &Arc<Server>,
    listeners: Listeners,
    requests: &mut UnboundedReceiver<ControlRequest>,
    cores: usize,
) -> Result<(Vec<AcceptTask>, bool), RunError> {
    server.loading.begin(Clock::unix_micros() / 1_000_000);
    let mut data = loader(server, cores)?;
    let early = actix_rt::time::timeout(UNSEEN_LOADING, &mut data).await;
    if let Ok(loaded) = early {
        hand_out(server, loaded.map_err(|_| RunError::ThreadEnded)??).await?;
        return Ok((listeners.accept(server), false));
    }
    let addresses = listeners.addresses.join(", ");
    tracing::info!(addresses, "loading: until it is over, clients are told so");
    let accepting = listeners.accept(server);
    tokio::select! {
        loaded = &mut data => {
            hand_out(server, loaded.map_err(|_| RunError::ThreadEnded)??).await?;
            Ok((accepting, false))
        }
        // There is nothing to save, and nothing in flight that matters.
        _ = next_end(server, requests) => Ok((accepting, true)),
    }
}

/// Loads the data on a thread of its own.
fn loader(
    server: &Arc<Server>,
    cores: usize,
) -> Result<oneshot::Receiver<Result<Data, DataError>>, RunError> {
    let (tell, told) = oneshot::channel();
    let server = Arc::clone(server);
    std::thread::Builder::new()
        .name("loading".to_owned())
        .spawn(move || {
            // Nobody waits for it only if the process ends.
            drop(tell.send(load_data(&server, cores)));
        })
        .map_err(|source| RunError::System { what: "could not start a thread", source })?;
    Ok(told)
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

/// Makes everything in the log durable.
async fn close_log(server: &Server) {
    let Some(directory) = server.directory() else { return };
    if !directory.writer.send(CloseLog).await.unwrap_or(false) {
        tracing::error!("the log was not closed: what was written last may be lost");
    }
}

/// What a server begins with.
struct Data {
    partitions: recovery::Partitions,
    /// The log and the directory that it is in, if something is kept.
    kept: Option<Kept>,
    shadow: Option<Shadow>,
}

/// A data directory that was opened.
struct Kept {
    log: Log<Arc<Disk>>,
    disk: Arc<Disk>,
    checkpoint_len: u64,
}

/// Loads what is kept, if anything is or was.
fn load_data(server: &Server, cores: usize) -> Result<Data, DataError> {
    let settings = server.settings();
    let make = recovery::maker(server);
    let map = server.router().map;
    let empty =
        || -> recovery::Partitions { map.all().map(|id| Box::new(make(map, id))).collect() };
    // Without a log, what was saved is loaded all the same.
    let keeps = settings.keeps() || holds_data(Path::new("."));
    let rdb = settings.dbfilename.as_str();
    let layout = (map, Rules { databases: server.router().databases, now: Clock::new().now() });
    let mut telling = Telling::of(&server.loading);
    let (mut partitions, kept) = if keeps {
        let options = log_options(&settings);
        let delay = Duration::from_micros(settings.key_load_delay.into());
        // The process has changed into `dir`.
        let disk = recovery::take(Path::new(".")).map_err(DataError::from)?;
        // It is there from now on, whatever is in it.
        server.checkpoints.opened(0);
        let imported = start::import(&disk, rdb, layout, &mut telling).map_err(DataError::from)?;
        imported.iter().for_each(|counts| server.rdb.loaded(counts));
        let Opened { partitions, log, disk, checkpoint_len } =
            recovery::open(disk, options, map, &make, cores, delay, &mut telling)?;
        (partitions, Some(Kept { log, disk, checkpoint_len }))
    } else {
        let loaded =
            start::load(rdb, layout, &make, cores, &mut telling).map_err(DataError::from)?;
        loaded.iter().for_each(|(_, counts)| server.rdb.loaded(counts));
        (loaded.map_or_else(empty, |(partitions, _)| partitions), None)
    };
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
    for partition in &mut partitions {
        partition.encode_effects(settings.shadow || settings.appendonly);
    }
    Ok(Data { partitions, kept, shadow })
}

/// Gives everyone what was loaded: the writer first, which takes what shards do with it.
async fn hand_out(server: &Server, data: Data) -> Result<(), RunError> {
    let Data { partitions, kept, shadow } = data;
    let directory = server.directory().ok_or(RunError::ThreadEnded)?;
    let newest: Vec<u64> = partitions.iter().map(|partition| partition.sequence().0).collect();
    server.durability.publish(&newest);
    let (log, disk) = match kept {
        Some(Kept { log, disk, checkpoint_len }) => {
            server.checkpoints.opened(checkpoint_len);
            (Some(log), Some(disk))
        }
        None => (None, None),
    };
    let begun = directory.writer.send(BeginLog { log, shadow, newest }).await;
    begun.map_err(|_| RunError::ThreadEnded)?;
    let taken = directory.checkpointer.send(TakeDisk(disk)).await;
    taken.map_err(|_| RunError::ThreadEnded)?;
    for (thread, partition) in directory.threads.iter().zip(partitions) {
        server.count_sent(partition.id());
        let home = Delivery::Home(partition);
        thread.dock.send(home).map_err(|_| RunError::ThreadEnded)?;
    }
    // Whoever asks after this finds the shards' figures.
    for thread in &directory.threads {
        thread.shard.send(Settled).await.map_err(|_| RunError::ThreadEnded)?;
    }
    server.loading.end();
    Ok(())
}

/// Starts all shard threads, which have no data yet, and the writer, and tells everyone their
/// addresses.
async fn start_threads(server: &Arc<Server>) -> Result<Vec<Arbiter>, RunError> {
    let mut arbiters = Vec::new();
    let mut threads = Vec::new();
    for id in server.router().map.all() {
        let arbiter = Arbiter::new();
        threads.push(start_shard(server, &arbiter, id).await?);
        arbiters.push(arbiter);
    }
    let arbiter = Arbiter::new();
    let for_writer = Arc::clone(server);
    let writer = Writer::start_in_arbiter(&arbiter.handle(), |_| Writer::new(for_writer));
    arbiters.push(arbiter);
    let arbiter = Arbiter::new();
    let for_checkpointer = Arc::clone(server);
    let checkpointer =
        Checkpointer::start_in_arbiter(&arbiter.handle(), |_| Checkpointer::new(for_checkpointer));
    arbiters.push(arbiter);
    let reaper = Reaper::start(&server.reaped)
        .map_err(|source| RunError::System { what: "could not start a thread", source })?;
    let directory = Directory { threads, writer, checkpointer, reaper };
    server.directory.set(directory).map_err(|_| RunError::ThreadEnded)?;
    Ok(arbiters)
}

/// Starts the actors of a shard's thread.
async fn start_shard(
    server: &Arc<Server>,
    arbiter: &Arbiter,
    id: ShardId,
) -> Result<ThreadAddresses, RunError> {
    let (tell, told) = oneshot::channel();
    let server = Arc::clone(server);
    arbiter.spawn(async move {
        let thread = Thread::new(id, server);
        let (dock, deliveries) = unbounded_channel();
        let core = ShardCore::away(id);
        let shard = Shard::new(core, std::rc::Rc::clone(&thread), deliveries).start();
        let gateway = Gateway::new(thread).start();
        // Nobody waits for it only if the start was given up.
        drop(tell.send(ThreadAddresses { shard, dock, gateway }));
    });
    told.await.map_err(|_| RunError::ThreadEnded)
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
    let end = || ControlRequest::Shutdown { how: How::default(), block: None };
    let requests: [(SignalKind, fn() -> ControlRequest); 3] = [
        (SignalKind::terminate(), end),
        (SignalKind::interrupt(), end),
        (SignalKind::hangup(), || ControlRequest::Reload),
    ];
    for (kind, request) in requests {
        let mut signals = signal(kind)
            .map_err(|source| RunError::System { what: "could not watch signals", source })?;
        let server = Arc::clone(server);
        actix_rt::spawn(async move {
            while signals.recv().await.is_some() {
                tracing::info!(?kind, "signal received");
                server.ask_control(request());
            }
        });
    }
    Ok(())
}

/// Reads the settings' sources again and puts in force what may change.
pub fn reload(server: &Arc<Server>) {
    let mut loaded = server.loaded.lock().unwrap_or_else(PoisonError::into_inner);
    match shardwright_config::reload(&loaded, &server.settings(), &shardwright_config::Disk) {
        Ok(mut reloaded) => {
            if reloaded.changed.contains(&"maxclients")
                && let Err(error) = descriptors::fit(&mut reloaded.settings, server.shard_count())
            {
                tracing::error!(%error, "settings could not be read again; nothing changed");
                return;
            }
            for warning in &reloaded.warnings {
                tracing::warn!("{warning}");
            }
            if !reloaded.settings.save.is_empty()
                && let Err(error) = server.open_directory()
            {
                tracing::warn!(%error, "'save' does nothing until a client sets it or saves");
            }
            tracing::info!(changed = reloaded.changed.join(", "), "settings read again");
            *loaded = reloaded.loaded;
            server.set_settings(reloaded.settings);
        }
        Err(error) => tracing::error!(%error, "settings could not be read again; nothing changed"),
    }
}
