//! The log of the process: pretty on a terminal, JSON otherwise or as the settings say, to standard
//! output or a file. Its level follows the settings while the server runs.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use shardwright_actors::server::SettingsListener;
use shardwright_config::{Loaded, LogFormat, LogLevel, Settings};
use thiserror::Error;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{DynFilterFn, LevelFilter};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt};

/// Why there is no log.
#[derive(Debug, Error)]
pub enum LogError {
    /// The log file cannot be opened.
    #[error("{logfile}, but cannot be opened: {source}")]
    File {
        /// The file and who set it.
        logfile: String,
        /// Why not.
        source: io::Error,
    },
    /// Something else has taken the log already.
    #[error("the log could not be started: {0}")]
    Start(#[from] TryInitError),
}

/// Keeps the level and the sampling of the log as the settings have them.
pub struct LogControl {
    level: Handle<LevelFilter, Registry>,
    sampling: Arc<Sampling>,
}

impl SettingsListener for LogControl {
    fn in_force(&self, settings: &Settings) {
        self.sampling.one_in.store(settings.log_sample.max(1).into(), Relaxed);
        if let Err(error) = self.level.reload(level(settings.loglevel)) {
            eprintln!("shardwright: the log's level could not be changed: {error}");
        }
    }
}

/// Lets one in so many debug lines through.
struct Sampling {
    one_in: AtomicU64,
    seen: AtomicU64,
}

impl Sampling {
    fn lets_through(&self, line: &Metadata<'_>) -> bool {
        *line.level() < Level::DEBUG
            || self.seen.fetch_add(1, Relaxed).is_multiple_of(self.one_in.load(Relaxed))
    }
}

/// Starts the log.
///
/// # Errors
/// The log file cannot be opened, or there is a log already.
pub fn start(loaded: &Loaded) -> Result<LogControl, LogError> {
    let settings = &loaded.settings;
    let target = match &settings.logfile {
        Some(path) => Target::File(
            open(path)
                .map_err(|source| LogError::File { logfile: loaded.tell("logfile"), source })?,
        ),
        None => Target::Stdout,
    };
    let terminal = matches!(target, Target::Stdout) && io::stdout().is_terminal();
    let pretty = match settings.log_format {
        LogFormat::Auto => terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let lines = fmt::layer().with_writer(target).with_target(false);
    let lines = if pretty {
        lines.with_ansi(terminal).boxed()
    } else {
        lines.json().flatten_event(true).boxed()
    };
    let sampling = Arc::new(Sampling {
        one_in: AtomicU64::new(settings.log_sample.max(1).into()),
        seen: AtomicU64::new(0),
    });
    let sampler = Arc::clone(&sampling);
    let (level, handle) = reload::Layer::new(level(settings.loglevel));
    tracing_subscriber::registry()
        .with(level)
        .with(lines.with_filter(DynFilterFn::new(move |line, _| {
            is_ours_or_urgent(line) && sampler.lets_through(line)
        })))
        .try_init()?;
    Ok(LogControl { level: handle, sampling })
}

/// What libraries tell of their own doing is for those who debug.
fn is_ours_or_urgent(line: &Metadata<'_>) -> bool {
    line.target().starts_with("shardwright") || *line.level() != Level::INFO
}

fn open(path: &Path) -> io::Result<Arc<File>> {
    OpenOptions::new().create(true).append(true).open(path).map(Arc::new)
}

fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
    }
}

#[derive(Clone)]
enum Target {
    Stdout,
    File(Arc<File>),
}

impl<'a> MakeWriter<'a> for Target {
    type Writer = Box<dyn io::Write + 'a>;

    fn make_writer(&'a self) -> Self::Writer {
        match self {
            Self::Stdout => Box::new(io::stdout()),
            Self::File(file) => Box::new(&**file),
        }
    }
}
