//! The tools of the server's program, run to their end.

use std::process::Command;

use super::server::Server;

/// A tool that ran: its status, and all that it said.
pub struct Ran {
    /// Its exit status.
    pub status: i32,
    /// What it wrote to its output and error streams.
    pub text: String,
}

impl Ran {
    /// Checks how it ended and that it told these things; all that it said.
    #[track_caller]
    pub fn ends_with(self, status: i32, parts: &[&str]) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        for part in parts {
            assert!(self.text.contains(part), "{part} is not told: {}", self.text);
        }
        self.text
    }
}

/// Runs `shardwright` with these arguments until it ends by itself.
pub fn tool(arguments: &[&str]) -> Ran {
    let output = Command::new(Server::program()).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let status = output.status.code().expect("it ends by itself");
    Ran { status, text: String::from_utf8(text).unwrap() }
}
