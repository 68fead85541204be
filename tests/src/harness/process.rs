//! One server process: started on a free port in a directory of its own,
//! waited for, and ended by its pid whatever becomes of the test.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::client::Client;
use super::http::free_address;
use super::reply::Reply;

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Lines of the log that a failed test shows.
const TOLD_LINES: usize = 15;
const POLL: Duration = Duration::from_millis(5);
/// Another process may take the chosen port before the server does.
const START_ATTEMPTS: usize = 3;

/// What a process is started with.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// Arguments, after the port and the address.
    pub args: Vec<String>,
    /// Environment variables, beside those of the test.
    pub environment: Vec<(String, String)>,
    /// Content of a configuration file, which becomes the first argument.
    pub file: Option<String>,
    /// Arguments of `ulimit` that hold for the process.
    pub limits: Vec<String>,
    /// It counts as started when it tells that it is loading.
    pub while_loading: bool,
}

/// A running server.
pub struct Process {
    child: Child,
    directory: TempDir,
    address: SocketAddr,
    tells_when_failing: bool,
}

impl Process {
    /// Starts `program` on a free port and waits until it answers PING.
    pub fn start(program: &Path, launch: &Launch) -> Process {
        let mut last = String::new();
        for _ in 0..START_ATTEMPTS {
            match Self::attempt(program, launch) {
                Ok(process) => return process,
                Err(problem) => last = problem,
            }
            if !last.to_lowercase().contains("in use") {
                break;
            }
        }
        panic!("{} {launch:?} did not start: {last}", program.display());
    }

    /// Starts `program` with `args` and waits until it ends; its status and all that it said.
    /// For starts that must fail.
    pub fn run_to_end(program: &Path, args: &[String]) -> (ExitStatus, String) {
        let directory = tempfile::tempdir().unwrap();
        let mut child = spawn(program, args, &[], directory.path());
        let status = wait(&mut child, STOP_LIMIT);
        let log = log_of(directory.path());
        if status.is_none() {
            end(&mut child);
        }
        (status.unwrap_or_else(|| panic!("the start did not end: {log}")), log)
    }

    fn attempt(program: &Path, launch: &Launch) -> Result<Process, String> {
        let directory = tempfile::tempdir().unwrap();
        let address = free_address();
        let mut args = Vec::new();
        if let Some(text) = &launch.file {
            let path = config_path(directory.path());
            fs::write(&path, text).unwrap();
            args.push(path.display().to_string());
        }
        let port = address.port().to_string();
        args.extend(["--port", &port, "--bind", "127.0.0.1"].map(String::from));
        args.extend_from_slice(&launch.args);
        let environment = &launch.environment;
        let child = if launch.limits.is_empty() {
            spawn(program, &args, environment, directory.path())
        } else {
            let limits: String =
                launch.limits.iter().map(|limit| format!("ulimit {limit} || exit; ")).collect();
            let script = limits + "exec \"$@\"";
            let shell = ["-c", &script, "sh", &program.display().to_string()].map(String::from);
            let all = [&shell[..], &args].concat();
            spawn(Path::new("/bin/sh"), &all, environment, directory.path())
        };
        let mut process = Process { child, directory, address, tells_when_failing: true };
        process
            .wait_until_ready(launch.while_loading)
            .map_err(|problem| format!("{problem}\n{}", process.log()))?;
        Ok(process)
    }

    fn wait_until_ready(&mut self, while_loading: bool) -> Result<(), String> {
        let started = Instant::now();
        while started.elapsed() < START_LIMIT {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Err(format!("it ended at once ({status})"));
            }
            if let Ok(mut client) = Client::connect(self.address) {
                client.send(&["PING"]);
                match client.read_raw().map(|raw| Reply::parse(&raw)) {
                    Ok(Reply::Simple(_)) => return Ok(()),
                    Ok(Reply::Error(text)) if text.starts_with(b"NOAUTH") => return Ok(()),
                    Ok(Reply::Error(text)) if while_loading && text.starts_with(b"LOADING") => {
                        return Ok(());
                    }
                    _ => {}
                }
            }
            std::thread::sleep(POLL);
        }
        Err("it did not answer PING in time".into())
    }

    /// Keeps its log to itself when the test fails.
    #[must_use]
    pub fn quiet(mut self) -> Process {
        self.tells_when_failing = false;
        self
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its own directory, removed with it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Writes its configuration file anew.
    pub fn rewrite_file(&self, text: &str) {
        fs::write(config_path(self.directory()), text).unwrap();
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that it wrote to its output and error streams.
    pub fn log(&self) -> String {
        log_of(self.directory.path())
    }

    /// True until the process ends.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Resident memory in bytes, from /proc.
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(&mut self) -> Option<ExitStatus> {
        signal(&self.child, Signal::TERM);
        wait(&mut self.child, STOP_LIMIT)
    }

    /// Waits for an end that something else has asked for.
    pub fn wait(&mut self) -> Option<ExitStatus> {
        wait(&mut self.child, STOP_LIMIT)
    }

    /// Sends any signal.
    pub fn signal(&self, which: Signal) {
        signal(&self.child, which);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.tells_when_failing && std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(TOLD_LINES).collect();
            eprintln!("--- the end of the server's log ---");
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
        end(&mut self.child);
    }
}

fn spawn(
    program: &Path,
    args: &[String],
    environment: &[(String, String)],
    directory: &Path,
) -> Child {
    let output = File::create(log_path(directory)).unwrap();
    let errors = output.try_clone().unwrap();
    Command::new(program)
        .args(args)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .unwrap_or_else(|error| panic!("{} cannot be started: {error}", program.display()))
}

fn config_path(directory: &Path) -> PathBuf {
    directory.join("server.conf")
}

fn log_path(directory: &Path) -> PathBuf {
    directory.join("output.log")
}

fn log_of(directory: &Path) -> String {
    String::from_utf8_lossy(&fs::read(log_path(directory)).unwrap_or_default()).into_owned()
}

fn signal(child: &Child, which: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // The process may have ended by itself: then there is nothing to tell it.
        let _ = kill_process(pid, which);
    }
}

fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if started.elapsed() > limit {
            return None;
        }
        std::thread::sleep(POLL);
    }
}

/// Test servers keep nothing, so the end may be a hard one.
fn end(child: &mut Child) {
    if matches!(child.try_wait(), Ok(None)) {
        let _ = child.kill();
        let _ = child.wait();
    }
}
