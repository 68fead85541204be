//! Settings: one table of parameters and the layers that fill it.
//!
//! The table ([`parameters`]) says for every parameter its name, type, range, default, whether it
//! can change while the server runs, and one line of help. Everything else comes from it: reading
//! a file, the environment and the command line ([`load`]), reading them again ([`reload`]),
//! CONFIG GET and CONFIG SET ([`Settings::get_matching`], [`Settings::config_set`]), `--help`,
//! the settings page and the commented default file ([`generate`]).
//!
//! Where the meaning is Redis's, the name, the syntax and the error texts are Redis's too (7.0).
//! A parameter whose feature does not exist yet accepts only the value that is true today, so
//! that nobody believes in a promise that nothing keeps.
//!
//! The crate knows nothing of sockets, clocks, threads or commands: it turns text into a
//! [`Settings`] and back. Files are reached through [`FileReader`] alone.

pub mod generate;

mod error;
mod foreign;
mod kind;
mod layers;
mod load;
mod parameter;
mod runtime;
mod settings;
mod table;
mod types;
mod value;

pub use error::{LoadError, Origin};
pub use kind::Kind;
pub use layers::{Disk, FileReader};
pub use load::{Action, Loaded, Reloaded, load, reload};
pub use parameter::Parameter;
pub use runtime::ConfigSetError;
pub use settings::Settings;
pub use table::{find, parameters};
pub use types::{
    AppendFsync, BindAddress, DebugAccess, FileMode, FileName, LogFormat, LogLevel,
    OutputBufferLimit, OutputBufferLimits, PipelineOrder, SaveRule, SaveRules, Secret, Supervised,
};
pub use value::{ValueError, memory as parse_size};
