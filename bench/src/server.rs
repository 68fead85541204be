//! Server processes: found or installed, started pinned on a free loopback port in a temporary directory, asked, and
//! ended with their guard, whatever way the program ends.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::error::{Context, Error};
use crate::interrupt;
use crate::reply::whole_reply;

/// How long a server may take until it answers PING.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long one question to a server may take.
const ASK_LIMIT: Duration = Duration::from_secs(20);
/// The file in a server's directory to which strace writes.
const TRACE: &str = "trace";

/// Which flags a program understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Redis,
    Shardwright,
    Floor,
}

/// What a server keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// A log that is synced once a second.
    Everysec,
    /// A log that is synced before anybody is answered.
    Always,
    /// No log, and snapshots when they are asked for.
    Asked,
    /// A log that is synced once a second and shortened when that is asked for.
    EverysecAsked,
}

impl Keep {
    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Nothing => &["--save", "", "--appendonly", "no"],
            Self::Everysec => &["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"],
            Self::Always => &["--save", "", "--appendonly", "yes", "--appendfsync", "always"],
            // Without a rule Shardwright has no directory to save to; this one never comes true.
            Self::Asked => &["--save", "86400 2000000000", "--appendonly", "no"],
            Self::EverysecAsked => &[
                "--save",
                "",
                "--appendonly",
                "yes",
                "--appendfsync",
                "everysec",
                "--auto-aof-rewrite-percentage",
                "0",
            ],
        }
    }

    /// Whether there is a log to sync.
    pub fn is_log(self) -> bool {
        !matches!(self, Self::Nothing | Self::Asked)
    }
}

/// A server program that can be started.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    flavour: Flavour,
    /// What writes down its syncs, if anything does.
    strace: Option<PathBuf>,
}

impl Program {
    /// The program under test. A name that begins with `redis-server` gets Redis's flags.
    pub fn under_test(path: &Path) -> Result<Self, Error> {
        if !path.is_file() {
            return Err(Error::NoServer(path.to_owned()));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let flavour = if name.starts_with("redis-server") || name.starts_with("valkey-server") {
            Flavour::Redis
        } else {
            Flavour::Shardwright
        };
        Ok(Self { path: path.to_owned(), flavour, strace: None })
    }

    /// Debian's redis-server, installed by apt-get when it is missing.
    pub fn redis() -> Result<Self, Error> {
        if let Some(path) = find_in_path("redis-server") {
            return Ok(Self { path, flavour: Flavour::Redis, strace: None });
        }
        eprintln!("redis-server is missing: installing it by apt-get");
        for args in [&["update"][..], &["install", "-y", "--no-install-recommends", "redis-server"]]
        {
            let status = Command::new("apt-get")
                .args(args)
                .env("DEBIAN_FRONTEND", "noninteractive")
                .stdout(Stdio::null())
                .status()
                .map_err(|error| Error::NoRedis(format!("apt-get: {error}")))?;
            if !status.success() {
                return Err(Error::NoRedis(format!("apt-get {} ended with {status}", args[0])));
            }
        }
        find_in_path("redis-server")
            .map(|path| Self { path, flavour: Flavour::Redis, strace: None })
            .ok_or_else(|| Error::NoRedis("not in PATH after installing".into()))
    }

    /// The server that only reads and writes.
    pub fn floor() -> Result<Self, Error> {
        let path = std::env::current_exe().context(|| "finding this program".into())?;
        Ok(Self { path, flavour: Flavour::Floor, strace: None })
    }

    /// The same program under strace, which writes down its syncs; none if there is no strace.
    pub fn traced(&self) -> Option<Self> {
        Some(Self { strace: Some(find_in_path("strace")?), ..self.clone() })
    }

    /// The first line of `--version`.
    pub fn version(&self) -> Result<String, Error> {
        let output = Command::new(&self.path)
            .arg("--version")
            .output()
            .context(|| format!("running {} --version", self.path.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().next().unwrap_or("unknown").trim().to_owned())
    }

    /// Starts the program on `cpus` without snapshots in a directory of its own and waits until it answers.
    ///
    /// `shards` is passed to Shardwright; without it the server takes its default.
    pub fn start(
        &self,
        cpus: &[usize],
        shards: Option<usize>,
        keep: Keep,
    ) -> Result<Server, Error> {
        let dir = TempDir::new().context(|| "making a temporary directory".into())?;
        let mut server = self.spawn(cpus, shards, keep, Rc::new(dir))?;
        server.await_ready().map_err(|error| match error {
            Error::Interrupted => error,
            other => Error::Start {
                program: self.path.display().to_string(),
                reason: other.to_string(),
                log: tail(&server.dir.path().join("output")),
            },
        })?;
        Ok(server)
    }

    /// Starts the program in a directory and waits for nothing.
    pub fn spawn(
        &self,
        cpus: &[usize],
        shards: Option<usize>,
        keep: Keep,
        dir: Rc<TempDir>,
    ) -> Result<Server, Error> {
        let log = dir.path().join("output");
        let output = File::create(&log).context(|| format!("creating {}", log.display()))?;
        let errors = output.try_clone().context(|| format!("sharing {}", log.display()))?;
        let addr = free_port()?;
        let list: Vec<String> = cpus.iter().map(ToString::to_string).collect();
        // setpriv, strace and taskset replace themselves by the server, so the child's pid is the server's; the first
        // makes the server end with this process even if that is killed.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some(strace) = &self.strace {
            // Only calls that are wanted stop the server (by seccomp), and strace is a child instead of the parent.
            command.arg(strace).args(["-D", "-f", "-qq", "--seccomp-bpf"]);
            command.args(["-e", "trace=fsync,fdatasync", "-o"]).arg(dir.path().join(TRACE));
        }
        command.args(["taskset", "-c", &list.join(",")]).arg(&self.path);
        let port = addr.port().to_string();
        match self.flavour {
            Flavour::Floor => {
                command.args(["floor", "--port", &port]);
                command.args(["--threads", &shards.unwrap_or(1).to_string()]);
            }
            Flavour::Shardwright => {
                command.args(["--port", &port, "--admin-port", "0"]);
                command.args(keep.flags()).arg("--dir").arg(dir.path());
                if let Some(shards) = shards {
                    command.args(["--shards", &shards.to_string()]);
                }
            }
            Flavour::Redis => {
                command.args(["--port", &port, "--bind", "127.0.0.1"]);
                command.args(keep.flags()).arg("--dir").arg(dir.path());
            }
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .context(|| "running setpriv (of util-linux)".into())?;
        Ok(Server { child, addr, dir })
    }
}

/// A running server; ended when dropped.
pub struct Server {
    child: Child,
    addr: SocketAddr,
    /// Removed with whoever has it last.
    dir: Rc<TempDir>,
}

impl Server {
    /// Its directory.
    pub fn dir(&self) -> Rc<TempDir> {
        Rc::clone(&self.dir)
    }

    /// The file that holds its syncs, if it is traced.
    pub fn trace(&self) -> PathBuf {
        self.dir.path().join(TRACE)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its threads, by their numbers.
    pub fn threads(&self) -> Result<Vec<u32>, Error> {
        let tasks = format!("/proc/{}/task", self.pid());
        let mut threads = Vec::new();
        for entry in fs::read_dir(&tasks).context(|| format!("reading {tasks}"))? {
            let name = entry.context(|| format!("reading {tasks}"))?.file_name();
            threads.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()));
        }
        Ok(threads)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// CPU time of all its threads so far, in nanoseconds.
    pub fn cpu_nanos(&self) -> Result<u64, Error> {
        Ok(self.schedule()?.ran_nanos)
    }

    /// How long all its threads together have run and waited so far.
    pub fn schedule(&self) -> Result<Schedule, Error> {
        let mut total = Schedule::default();
        for thread in self.threads()? {
            let path = format!("/proc/{}/task/{thread}/schedstat", self.pid());
            match schedstat(Path::new(&path)) {
                // The thread ended between the listing and the reading.
                Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
                one => total = total.plus(one?),
            }
        }
        Ok(total)
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> Result<u64, Error> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(&path).context(|| format!("reading {path}"))?;
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
            .map(|kib| kib * 1024)
            .ok_or(Error::Proc(path))
    }

    /// The payload of a command's bulk, integer or status reply, as text.
    ///
    /// # Errors
    /// [`Error::Reply`] with the text of an error reply, such as that of a server which is still loading.
    pub fn ask(&self, args: &[&str]) -> Result<String, Error> {
        let what = || format!("asking {}", args.join(" "));
        let mut stream =
            TcpStream::connect_timeout(&self.addr, Duration::from_secs(1)).context(what)?;
        stream.set_read_timeout(Some(ASK_LIMIT)).context(what)?;
        stream.write_all(request(args).as_bytes()).context(what)?;
        let mut reply = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let length = stream.read(&mut piece).context(what)?;
            reply.extend_from_slice(&piece[..length]);
            let wrong = |reason| Error::Reply { load: args.join(" "), reason };
            if let Some(answer) = whole_reply(&reply) {
                return answer.map_err(wrong);
            }
            if length == 0 {
                return Err(wrong("the server closed the connection".into()));
            }
        }
    }

    fn await_ready(&mut self) -> Result<(), Error> {
        let begin = Instant::now();
        loop {
            interrupt::check()?;
            let status = self.child.try_wait().context(|| "waiting for the server".into())?;
            if let Some(status) = status {
                let reason = format!("it ended with {status}");
                return Err(Error::Reply { load: "PING".into(), reason });
            }
            match self.ask(&["PING"]) {
                Ok(_) => return Ok(()),
                // It may not listen yet, or still be loading.
                Err(error) if begin.elapsed() > START_LIMIT => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing it holds is wanted any more; an error means that it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the kernel's scheduler gave to threads, and what not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Schedule {
    /// CPU time, in nanoseconds.
    pub ran_nanos: u64,
    /// Time in which they could have run but others had the core, in nanoseconds.
    pub waited_nanos: u64,
}

impl Schedule {
    fn plus(self, other: Self) -> Self {
        Self {
            ran_nanos: self.ran_nanos + other.ran_nanos,
            waited_nanos: self.waited_nanos + other.waited_nanos,
        }
    }

    /// What came after `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            ran_nanos: self.ran_nanos.saturating_sub(before.ran_nanos),
            waited_nanos: self.waited_nanos.saturating_sub(before.waited_nanos),
        }
    }

    /// From the text of a file `schedstat`.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace().map(str::parse);
        let ran_nanos = words.next()?.ok()?;
        Some(Self { ran_nanos, waited_nanos: words.next()?.ok()? })
    }
}

/// CPU time that the calling thread has used, in nanoseconds.
pub fn own_cpu_nanos() -> Result<u64, Error> {
    Ok(schedstat(Path::new("/proc/thread-self/schedstat"))?.ran_nanos)
}

fn schedstat(path: &Path) -> Result<Schedule, Error> {
    let text = fs::read_to_string(path).context(|| format!("reading {}", path.display()))?;
    Schedule::parse(&text).ok_or_else(|| Error::Proc(path.display().to_string()))
}

/// A command in RESP.
pub fn request(args: &[&str]) -> String {
    let mut text = format!("*{}\r\n", args.len());
    for arg in args {
        // Writing to a String cannot fail.
        let _ = write!(text, "${}\r\n{arg}\r\n", arg.len());
    }
    text
}

fn free_port() -> Result<SocketAddr, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .context(|| "looking for a free port".into())
}

fn find_in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// The last lines of a log file.
fn tail(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_has_its_first_two_numbers() {
        let schedule = Schedule::parse("700 20 3\n");
        assert_eq!(schedule, Some(Schedule { ran_nanos: 700, waited_nanos: 20 }));
        assert_eq!(Schedule::parse("700"), None);
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Program::under_test(Path::new("no/such/server")).unwrap_err().to_string();
        assert!(error.contains("no/such/server"), "{error}");
    }

    #[test]
    fn a_server_that_is_still_loading_is_not_ready() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let answers = std::thread::spawn(move || {
            let loading = "-LOADING Redis is loading the dataset in memory\r\n";
            for answer in [loading, loading, "+PONG\r\n"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = [0; 64];
                let length = stream.read(&mut asked).unwrap();
                assert_eq!(&asked[..length], b"*1\r\n$4\r\nPING\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        let mut server = Server { child, addr, dir: Rc::new(TempDir::new().unwrap()) };
        server.await_ready().unwrap();
        answers.join().unwrap();
    }
}
