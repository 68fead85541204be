//! The program. As a server it reads the settings, starts the log, becomes a daemon if it is told to,
//! and hands over to the actors; a first argument that names a tool runs that instead.

mod daemon;
mod logging;
mod tools;

use std::process::ExitCode;

use shardwright_config::{Action, Disk, Loaded};

/// Chosen by measuring: see `docs/perf`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The version, which `workspace.package` holds.
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn main() -> ExitCode {
    if let Err(error) = errors_instead_of_signals() {
        return fail(&error);
    }
    if let Some(ended) = tools::run(std::env::args_os()) {
        return ended;
    }
    let loaded =
        match shardwright_config::load(std::env::args_os().skip(1), std::env::vars_os(), &Disk) {
            Ok(loaded) => loaded,
            Err(error) => return fail(&error),
        };
    match loaded.action {
        Action::PrintVersion => println!("shardwright {VERSION}"),
        Action::PrintHelp => println!("{}", shardwright_config::generate::help(&tools::list())),
        Action::Run => return run(loaded),
    }
    ExitCode::SUCCESS
}

/// A file that may not grow further gives an error, which is dealt with, and not a signal, which would
/// end the process.
fn errors_instead_of_signals() -> std::io::Result<()> {
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, seen).map(drop)
}

fn run(loaded: Loaded) -> ExitCode {
    let place = match daemon::Place::take(&loaded) {
        Ok(place) => place,
        Err(error) => return fail(&error),
    };
    let log = match logging::start(&loaded) {
        Ok(log) => log,
        Err(error) => return fail(&error),
    };
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let outcome = shardwright_actors::process::run(loaded, VERSION, Box::new(log), place.home());
    drop(place);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the server ends");
            fail(&error)
        }
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("shardwright: {error}");
    ExitCode::FAILURE
}
