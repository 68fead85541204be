//! The two servers of a test: Shardwright, and the real redis-server that it is
//! compared with.
//!
//! `SHARDWRIGHT_BIN` names another subject. When that is a redis-server, the
//! flags that only Shardwright knows are left out: so the tests themselves can
//! be proved against the real thing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;

use rustix::process::Signal;

use super::client::Client;
use super::process::{Launch, Process};
use super::reply::Reply;

/// The version of Redis that Shardwright matches, and that the oracle must have.
pub const REDIS_VERSION: &str = "7.0.15";

/// How a server under test is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    shards: Option<usize>,
    common: Vec<(String, String)>,
    own: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    file: Option<String>,
    limits: Vec<String>,
    while_loading: bool,
}

impl Options {
    /// `count` shards.
    pub fn shards(count: usize) -> Options {
        Options { shards: Some(count), ..Options::default() }
    }

    /// A setting that Redis has too.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Options {
        self.common.push((name.into(), value.into()));
        self
    }

    /// A setting that only Shardwright has.
    #[must_use]
    pub fn own(mut self, name: &str, value: &str) -> Options {
        self.own.push((name.into(), value.into()));
        self
    }

    /// An environment variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Options {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// A configuration file with this content.
    #[must_use]
    pub fn file(mut self, text: &str) -> Options {
        self.file = Some(text.into());
        self
    }

    /// No file of the process may exceed so many kibibytes: writing beyond fails.
    #[must_use]
    pub fn file_limit(mut self, kib: u64) -> Options {
        self.limits.push(format!("-f {}", kib * 2));
        self
    }

    /// The process may have `soft` files open, and may raise that to `hard` by itself.
    #[must_use]
    pub fn open_files(mut self, soft: u64, hard: u64) -> Options {
        self.limits.extend([format!("-Sn {soft}"), format!("-Hn {hard}")]);
        self
    }

    /// The server counts as started when it tells that it is loading.
    #[must_use]
    pub fn while_loading(mut self) -> Options {
        self.while_loading = true;
        self
    }

    fn password(&self) -> Option<&str> {
        let found = self.common.iter().rev().find(|(name, _)| name == "requirepass");
        found.map(|(_, value)| value.as_str())
    }

    fn launch(&self, subject: &Subject) -> Launch {
        let shards = self.shards.map(|count| count.to_string());
        let mut settings: Vec<(&str, &str)> =
            vec![("enable-debug-command", "yes"), ("save", ""), ("appendonly", "no")];
        if subject.is_shardwright {
            settings.extend([("shadow", "yes"), ("admin-port", "0")]);
            settings.extend(shards.as_deref().map(|count| ("shards", count)));
            settings.extend(self.own.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        }
        settings.extend(self.common.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        // What a test asks for comes later and takes the place of the harness's own setting.
        let is_last = |at: usize| settings[at + 1..].iter().all(|later| later.0 != settings[at].0);
        let kept = (0..settings.len()).filter(|&at| is_last(at)).map(|at| settings[at]);
        let args = kept.flat_map(|(name, value)| [format!("--{name}"), value.into()]).collect();
        let (environment, file) = (self.environment.clone(), self.file.clone());
        Launch {
            args,
            environment,
            file,
            limits: self.limits.clone(),
            while_loading: self.while_loading,
        }
    }
}

/// The program under test.
struct Subject {
    path: PathBuf,
    is_shardwright: bool,
}

fn subject() -> &'static Subject {
    static SUBJECT: OnceLock<Subject> = OnceLock::new();
    SUBJECT.get_or_init(|| {
        let path = match std::env::var_os("SHARDWRIGHT_BIN") {
            Some(path) => PathBuf::from(path),
            None => built_beside_this_test(),
        };
        let is_shardwright = !version_of(&path).starts_with("Redis server");
        Subject { path, is_shardwright }
    })
}

/// `target/<profile>/deps/<test>` has `target/<profile>/shardwright` for a neighbour.
fn built_beside_this_test() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let path = profile.join("shardwright");
    assert!(
        path.exists(),
        "{} is missing: run `cargo build -p shardwright` first (`make test` does), or name \
         another binary by SHARDWRIGHT_BIN",
        path.display()
    );
    path
}

fn version_of(path: &Path) -> String {
    let output = Command::new(path).arg("--version").output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A server under test. A test ends with [`Server::finish`].
pub struct Server {
    process: Process,
    options: Options,
    is_shardwright: bool,
}

impl Server {
    /// Starts the subject and waits until it answers.
    pub fn start(options: Options) -> Server {
        let subject = subject();
        let process = Process::start(&subject.path, &options.launch(subject));
        Server { process, options, is_shardwright: subject.is_shardwright }
    }

    /// Starts the subject with arguments that must end the start: its status and what it said.
    pub fn fail_to_start(args: &[&str]) -> (ExitStatus, String) {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_string()).collect();
        Process::run_to_end(&subject().path, &args)
    }

    /// The subject's program, for tests that start it in ways of their own.
    pub fn program() -> &'static Path {
        &subject().path
    }

    /// False when redis-server stands in for Shardwright.
    pub fn is_shardwright(&self) -> bool {
        self.is_shardwright
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// The process, for signals, memory and log.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// A new connection, authenticated when the server wants that.
    pub fn client(&self) -> Client {
        let mut client = Client::connect(self.address()).expect("the server accepts");
        if let Some(password) = self.options.password() {
            assert!(client.cmd(&["AUTH", password]).is_ok());
        }
        client
    }

    /// Ends it as a power switch would end the process.
    pub fn kill(mut self) {
        self.process.signal(Signal::KILL);
        self.process.wait().expect("it is gone");
    }

    /// Waits until the log is durable up to everything that was acknowledged so far, to whomever.
    pub fn wait_until_durable(&self) {
        let mut client = self.client();
        // It sees all partitions, so that all that they have is waited for.
        client.run("DBSIZE");
        assert_eq!(client.run("WAITAOF 1 0 0").items()[0].int(), 1);
    }

    /// Compares the live data with the copy that is fed by effects alone.
    pub fn check_shadow(&self) {
        if self.is_shardwright {
            let reply = self.client().run("DEBUG SHADOW");
            assert!(reply.is_ok(), "live data and the copy made from effects differ: {reply:?}");
        }
    }

    /// The end of every test: the data agrees with its effects, nothing panicked,
    /// and the server goes when it is asked to.
    pub fn finish(mut self) {
        self.check_shadow();
        let status = self.process.terminate();
        let log = self.process.log();
        assert!(!log.contains("panicked"), "a panic is in the log:\n{log}");
        let status = status.unwrap_or_else(|| panic!("SIGTERM did not end the server:\n{log}"));
        assert!(status.success(), "SIGTERM ended the server with {status}:\n{log}");
    }
}

/// The real redis-server.
pub struct Oracle {
    process: Process,
}

impl Oracle {
    /// Starts redis-server of the version matched.
    pub fn start() -> Oracle {
        Oracle::start_with(&Options::default())
    }

    /// The same with the settings that Redis has too.
    pub fn start_with(options: &Options) -> Oracle {
        let path = Path::new("/usr/bin/redis-server");
        assert!(path.exists(), "redis-server is missing: run `make deps`, which installs it");
        let version = version_of(path);
        assert!(
            version.contains(&format!("v={REDIS_VERSION} ")),
            "the oracle is redis-server {REDIS_VERSION}, not {version}"
        );
        let oracle = Subject { path: path.into(), is_shardwright: false };
        let process = Process::start(path, &options.launch(&oracle));
        Oracle { process: process.quiet() }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        Client::connect(self.address()).expect("redis-server accepts")
    }
}

/// The value of one `name:value` line of an INFO text.
pub fn info_field(info: &Reply, name: &str) -> Option<String> {
    let text = info.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.map(|value| value.trim_end().to_string())
}
