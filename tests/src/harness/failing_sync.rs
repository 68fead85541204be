//! Syncs that fail or wait when a test says so, and a disk that is slow, in a real process: by a small
//! library that is preloaded into it and takes the place of the system's. It is written in C, and
//! built for each test.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::process::Process;
use super::server::{Options, Server};
use super::wait::eventually;

const SOURCE: &str = include_str!("failing_sync.c");

/// The library, and its switches.
pub struct FailingSync(TempDir);

impl Default for FailingSync {
    fn default() -> Self {
        Self::new()
    }
}

impl FailingSync {
    /// Builds the library. Syncs do not fail yet.
    pub fn new() -> FailingSync {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("failing_sync.c");
        fs::write(&source, SOURCE).unwrap();
        let failing = FailingSync(directory);
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-pthread", "-o"])
            .args([&failing.library(), &source])
            .output()
            .expect("a C compiler is missing: `cc`, which Shardwright is built with as well");
        let says = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{says}");
        failing
    }

    fn library(&self) -> PathBuf {
        self.0.path().join("failing_sync.so")
    }

    fn switch(&self) -> PathBuf {
        self.0.path().join("fail")
    }

    fn switch_to(&self, ending: &str) -> PathBuf {
        self.switch().with_extension(ending)
    }

    fn environment(&self) -> [(&'static str, String); 2] {
        [
            ("LD_PRELOAD", self.library().display().to_string()),
            ("FAILING_SYNC", self.switch().display().to_string()),
        ]
    }

    /// What a server is started with so that its syncs can fail.
    pub fn apply(&self, options: Options) -> Options {
        let set =
            |options: Options, (name, value): (&str, String)| options.environment(name, &value);
        self.environment().into_iter().fold(options, set)
    }

    /// From now on every sync fails, and what was written since the last one is lost.
    pub fn begin(&self) {
        fs::write(self.switch(), "").unwrap();
    }

    /// Syncs succeed again.
    pub fn end(&self) {
        fs::remove_file(self.switch()).unwrap();
    }

    /// From now on every sync waits before it begins.
    pub fn hold(&self) {
        fs::write(self.switch_to("hold"), "").unwrap();
    }

    /// Waits until a sync waits.
    pub fn wait_until_held(&self) {
        eventually("a sync waits", || self.switch_to("held").exists());
    }

    /// Lets the sync that waits go on, and the next one wait.
    pub fn let_one_pass(&self) {
        fs::write(self.switch_to("pass"), "").unwrap();
        eventually("one went on", || !self.switch_to("pass").exists());
    }

    /// No sync waits any more.
    pub fn release(&self) {
        fs::remove_file(self.switch_to("hold")).unwrap();
    }

    /// From now on a sync takes so long, and each mebibyte that is written.
    pub fn slow_down(&self, sync: Duration, mebibyte: Duration) {
        let text = format!("{} {}", sync.as_millis(), mebibyte.as_millis());
        // What reads it finds it whole.
        let whole = self.switch_to("slow.new");
        fs::write(&whole, text).unwrap();
        fs::rename(whole, self.switch_to("slow")).unwrap();
    }

    /// Starts a server with arguments that must end the start; what it says.
    pub fn fail_to_start(&self, args: &[&str]) -> String {
        // The library is for the server alone, not for what starts it.
        let mut all: Vec<String> =
            self.environment().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        all.push(Server::program().display().to_string());
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        let (status, text) = Process::run_to_end("/usr/bin/env".as_ref(), &all);
        assert!(!status.success(), "{text}");
        text
    }
}
