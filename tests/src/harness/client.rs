//! A blocking client that shows every byte: it sends what it is given, well
//! formed or not, and reads one raw reply at a time.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::reply::{Reply, ReplyReader};

/// How long a reply may take before the test fails.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(20);

/// One connection.
pub struct Client {
    stream: TcpStream,
    reader: ReplyReader<TcpStream>,
}

impl Client {
    /// Connects to `address`.
    ///
    /// # Errors
    /// What the system says.
    pub fn connect(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
        stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
        let reader = ReplyReader::new(stream.try_clone()?);
        Ok(Client { stream, reader })
    }

    /// The socket, for tests that close, stall or half-close it.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Waits for replies no longer than `timeout`.
    pub fn set_timeout(&self, timeout: Duration) {
        self.stream.set_read_timeout(Some(timeout)).unwrap();
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// What the system says.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends one command and waits for nothing.
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) {
        self.send_raw(&encode(args)).expect("the server takes the command");
    }

    /// The bytes of the next reply.
    ///
    /// # Errors
    /// What the system says, a time-out included.
    pub fn read_raw(&mut self) -> io::Result<Vec<u8>> {
        self.reader.raw()
    }

    /// The next reply.
    pub fn read(&mut self) -> Reply {
        Reply::parse(&self.read_raw().expect("the server replies"))
    }

    /// Everything that the server still sends before it closes the connection.
    ///
    /// # Errors
    /// What the system says; a time-out when the server keeps the connection.
    pub fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        self.reader.until_end()
    }

    /// Sends one command, whose words are separated by spaces, and reads its reply.
    pub fn run(&mut self, line: &str) -> Reply {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        self.cmd(&words)
    }

    /// Sends one command and reads its reply.
    pub fn cmd<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Reply {
        self.send(args);
        self.read()
    }

    /// Sends `lines` in one write and reads a reply for each.
    pub fn pipeline(&mut self, lines: &[&str]) -> Vec<Reply> {
        let mut bytes = Vec::new();
        for line in lines {
            let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
            bytes.extend_from_slice(&encode(&words));
        }
        self.send_raw(&bytes).expect("the server takes the pipeline");
        lines.iter().map(|_| self.read()).collect()
    }

    /// True when the server still answers on this connection.
    pub fn is_alive(&mut self) -> bool {
        self.send_raw(&encode(&["PING"])).is_ok() && self.read_raw().is_ok()
    }
}

/// A command as an array of bulk strings.
pub fn encode<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        let arg = arg.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
