//! Syncs that fail when a test says so, in a real process: by a small library that is preloaded into
//! it and takes the place of the system's. It is written in C, and built for each test.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::process::Process;
use super::server::{Options, Server};

const SOURCE: &str = include_str!("failing_sync.c");

/// The library, and the switch that makes syncs fail.
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
