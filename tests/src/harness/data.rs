//! A data directory that outlives its servers, and what a server has of data.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::server::{Options, Server};

/// A data directory of a test's own.
pub struct Data(TempDir);

impl Default for Data {
    fn default() -> Self {
        Self::new()
    }
}

impl Data {
    /// An empty one.
    pub fn new() -> Data {
        Data(tempfile::tempdir().unwrap())
    }

    /// A copy of the files of another directory.
    pub fn copy_of(directory: &Path) -> Data {
        let data = Data::new();
        for entry in fs::read_dir(directory).unwrap() {
            let from = entry.unwrap().path();
            fs::copy(&from, data.path().join(from.file_name().unwrap())).unwrap();
        }
        data
    }

    /// What starts a server on it that logs.
    pub fn options(&self, shards: usize, policy: &str) -> Options {
        Options::shards(shards)
            .with("dir", self.path().to_str().unwrap())
            .with("appendonly", "yes")
            .with("appendfsync", policy)
    }

    /// Starts a server on it that logs.
    pub fn start(&self, shards: usize, policy: &str) -> Server {
        Server::start(self.options(shards, policy))
    }

    /// Arguments of a server on it that will not get as far as to listen.
    pub fn arguments(&self) -> Vec<&str> {
        let directory = self.path().to_str().unwrap();
        let listen = ["--port", "0", "--unixsocket", "refused.sock", "--admin-port", "0"];
        [&["--dir", directory, "--appendonly", "yes"][..], &listen].concat()
    }

    /// Starts a server on it that must refuse it; what it says.
    pub fn fail_to_start(&self) -> String {
        let (status, text) = Server::fail_to_start(&self.arguments());
        assert!(!status.success(), "{text}");
        text
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The log's files, in order.
    pub fn segments(&self) -> Vec<PathBuf> {
        self.files("log-")
    }

    /// Files that the log will write over, in order.
    pub fn spares(&self) -> Vec<PathBuf> {
        self.files("spare-")
    }

    /// The checkpoints.
    pub fn checkpoints(&self) -> Vec<PathBuf> {
        self.files("checkpoint-")
    }

    /// Files whose names begin so, in order.
    fn files(&self, begin: &str) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(self.path()).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(begin)) {
                files.push(entry.path());
            }
        }
        files.sort();
        files
    }
}

/// A key as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its value; of a collection what stands for it.
    pub value: Vec<u8>,
    /// What OBJECT ENCODING calls its form.
    pub encoding: String,
    /// When it expires, in milliseconds since the Unix epoch; -1 if it does not.
    pub deadline_ms: i64,
}

/// All that is in all databases, by database and key.
pub fn contents(server: &Server) -> BTreeMap<(usize, Vec<u8>), Entry> {
    let mut client = server.client();
    let mut contents = BTreeMap::new();
    for database in 0..16 {
        assert!(client.run(&format!("SELECT {database}")).is_ok());
        for key in client.run("KEYS *").items() {
            let key = key.bytes().to_vec();
            let mut ask = |words: &[&str]| {
                let words = words.iter().map(|word| word.as_bytes());
                client.cmd(&words.chain([key.as_slice()]).collect::<Vec<_>>())
            };
            let entry = Entry {
                encoding: ask(&["OBJECT", "ENCODING"]).text(),
                deadline_ms: ask(&["PEXPIRETIME"]).int(),
                value: match &ask(&["TYPE"]).text()[..] {
                    "string" => ask(&["GET"]).bytes().to_vec(),
                    "stream" => {
                        let words: [&[u8]; 6] =
                            [b"XINFO", b"STREAM", &key, b"FULL", b"COUNT", b"0"];
                        format!("{:?}", client.cmd(&words)).into_bytes()
                    }
                    _ => ask(&["DEBUG", "DIGEST-VALUE"]).items()[0].bytes().to_vec(),
                },
            };
            contents.insert((database, key), entry);
        }
    }
    contents
}

/// Some of everything that can be written today.
pub const WRITES: &[&str] = &[
    "SET a 1",
    "SET text hello",
    "SET long 0123456789012345678901234567890123456789012345678901234567890123456789",
    "APPEND text -world",
    "SETRANGE text 20 far",
    "SETRANGE new 3 x",
    "INCRBY a 41",
    "INCRBYFLOAT f 1.5",
    "MSET m1 1 m2 2 m3 3 m4 4",
    "MSETNX n1 1 n2 2",
    "SET e 1 EX 10000",
    "PEXPIREAT m1 99999999999999",
    "PERSIST m1",
    "EXPIRE m2 5000",
    "GETEX m3 PX 7000000",
    "GETDEL m4",
    "RENAME n1 {n}1",
    "COPY a b",
    "COPY a c DB 3",
    "MOVE n2 5",
    "SELECT 7",
    "SET seven 7",
    "SWAPDB 7 8",
    "SELECT 9",
    "SET gone 1",
    "FLUSHDB",
    "SET stays 1",
    "SELECT 0",
    "DEL new",
    "MULTI",
    "INCR a",
    "SET t1 1",
    "SET t2 2",
    "UNLINK f",
    "EXEC",
];
