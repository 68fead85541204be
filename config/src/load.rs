//! Loading all sources in their order, and loading them again.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use config::{Config, Source, Value, ValueKind};

use crate::error::{LoadError, Origin};
use crate::layers::command_line::{self, CommandLine};
use crate::layers::{self, FileReader, Layer, environment, include, yaml};
use crate::parameter::Parameter;
use crate::settings::Settings;
use crate::table;

/// What the program is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Run the server.
    Run,
    /// Print the version and end. The settings are the defaults.
    PrintVersion,
    /// Print [`crate::generate::help`] and end. The settings are the defaults.
    PrintHelp,
}

/// Settings with where they came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// What the operator should know; for the log.
    pub warnings: Vec<String>,
    /// Every parameter that a source sets, with the place that won. See [`Loaded::is_explicit`].
    pub sources: BTreeMap<&'static str, Origin>,
    /// The settings file, as an absolute path.
    pub config_file: Option<PathBuf>,
    /// What the program is asked to do.
    pub action: Action,
    inputs: Inputs,
}

impl Loaded {
    /// Whether somebody set this parameter, rather than leaving it at its default.
    #[must_use]
    pub fn is_explicit(&self, name: &str) -> bool {
        table::find(name).is_some_and(|parameter| self.sources.contains_key(parameter.name))
    }

    /// A parameter with its value and the place that set it, for the error of whoever cannot do what
    /// it asks for. Secrets are not shown.
    #[must_use]
    pub fn tell(&self, name: &str) -> String {
        let Some(parameter) = table::find(name) else { return format!("'{name}'") };
        let origin = self.sources.get(parameter.name).unwrap_or(&Origin::Default);
        let value = layers::shown(parameter, parameter.get(&self.settings));
        format!("'{}' is '{value}' {origin}", parameter.name)
    }
}

/// What [`reload`] found.
#[derive(Debug, Clone)]
pub struct Reloaded {
    /// The settings to use from now on.
    pub settings: Settings,
    /// The parameters that changed.
    pub changed: Vec<&'static str>,
    /// What the operator should know; for the log.
    pub warnings: Vec<String>,
    /// What to hand to the next reload.
    pub loaded: Loaded,
}

/// The raw sources, kept to read them again.
#[derive(Clone)]
struct Inputs {
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    /// The directory of the start: the process may have gone elsewhere since.
    base: PathBuf,
}

impl fmt::Debug for Inputs {
    /// Nothing of the content: it may hold secrets.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Inputs").field("base", &self.base).finish_non_exhaustive()
    }
}

/// Loads defaults, file, environment and command line, each over the ones before.
///
/// `arguments` are those behind the program's name. A file whose name ends in `.yaml` or `.yml` is
/// YAML, any other has Redis's syntax. Relative paths start at the current directory.
///
/// # Errors
/// The first unknown name, bad value or unreadable file; each value is checked in its own source,
/// also when a later source replaces it.
pub fn load(
    arguments: impl IntoIterator<Item = impl Into<OsString>>,
    environment: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    files: &dyn FileReader,
) -> Result<Loaded, LoadError> {
    let variables = environment.into_iter().map(|(name, value)| (name.into(), value.into()));
    let base = files.current_dir().map_err(LoadError::CurrentDirectory)?;
    load_inputs(
        Inputs {
            arguments: command_line::texts(arguments.into_iter().map(Into::into))?,
            environment: environment::pick(variables)?,
            base,
        },
        files,
    )
}

fn load_inputs(inputs: Inputs, files: &dyn FileReader) -> Result<Loaded, LoadError> {
    let CommandLine { file, assignments, version, help } = command_line::parse(&inputs.arguments)?;
    let mut loaded = Loaded {
        settings: Settings::default(),
        warnings: Vec::new(),
        sources: BTreeMap::new(),
        config_file: file.as_ref().map(|file| inputs.base.join(file)),
        action: Action::Run,
        inputs,
    };
    if version || help {
        loaded.action = if version { Action::PrintVersion } else { Action::PrintHelp };
        return Ok(loaded);
    }
    let Inputs { environment, base, .. } = &loaded.inputs;
    let sources = [
        match &file {
            Some(file) => read_file(Path::new(file), base, files)?,
            None => Vec::new(),
        },
        environment::parse(environment, base, files)?,
        assignments,
    ];
    let mut builder = Config::builder().add_source(Layer::defaults());
    for assignments in sources {
        let layer = Layer::check(assignments, &mut loaded.warnings)?;
        loaded.sources.extend(layer.origins().map(|(name, origin)| (name, origin.clone())));
        builder = builder.add_source(layer);
    }
    loaded.settings = settings(&builder.build()?)?;
    if !loaded.settings.listens() {
        return Err(LoadError::NoListener);
    }
    Ok(loaded)
}

/// Reads a file in the syntax that its name says.
fn read_file(
    path: &Path,
    base: &Path,
    files: &dyn FileReader,
) -> Result<Vec<layers::Assignment>, LoadError> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if ending.eq_ignore_ascii_case("yaml") || ending.eq_ignore_ascii_case("yml") {
        let text = include::read_file(path, base, files, include::FILE, &Origin::CommandLine)?;
        yaml::parse(&text, path)
    } else {
        include::read(path, base, files)
    }
}

/// Turns the layered values into settings.
fn settings(layered: &Config) -> Result<Settings, LoadError> {
    let mut settings = Settings::default();
    let values = layered.collect()?;
    for parameter in table::parameters() {
        match values.get(parameter.name) {
            Some(Value { kind: ValueKind::Table(classes), .. }) => {
                for (class, limits) in classes {
                    take(parameter, &mut settings, &format!("{class} {limits}"), limits)?;
                }
            }
            Some(value) => take(parameter, &mut settings, &value.to_string(), value)?,
            None => {}
        }
    }
    Ok(settings)
}

fn take(
    parameter: &'static Parameter,
    settings: &mut Settings,
    text: &str,
    value: &Value,
) -> Result<(), LoadError> {
    layers::apply(parameter, settings, text, value.origin().unwrap_or_default())
}

/// Reads the same sources again, as SIGHUP asks for.
///
/// A parameter changes when its sources say something else than they said the last time; what
/// CONFIG SET changed stays unless its source changed too. So a file without `requirepass` does not
/// take away a password that was set while running. A parameter that cannot change while the server
/// runs keeps its value, with a warning. `loaded` must be as [`load`] or the last reload gave it;
/// `current` is what the program runs with.
///
/// # Errors
/// As for [`load`]; then nothing changes.
pub fn reload(
    loaded: &Loaded,
    current: &Settings,
    files: &dyn FileReader,
) -> Result<Reloaded, LoadError> {
    let mut fresh = load_inputs(loaded.inputs.clone(), files)?;
    let mut settings = current.clone();
    let mut changed = Vec::new();
    let mut warnings = std::mem::take(&mut fresh.warnings);
    for parameter in table::parameters() {
        let text = parameter.get(&fresh.settings);
        if text == parameter.get(&loaded.settings) || text == parameter.get(current) {
            continue;
        }
        let origin = fresh.sources.get(parameter.name).unwrap_or(&Origin::Default).to_string();
        if parameter.mutable {
            layers::apply(parameter, &mut settings, &text, &origin)?;
            changed.push(parameter.name);
        } else {
            let name = parameter.name;
            warnings.push(format!("'{name}' {origin} changes only with a restart"));
        }
    }
    Ok(Reloaded { settings, changed, warnings, loaded: fresh })
}
