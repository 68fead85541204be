//! Questions to a server that never make the asker wait, so that the thread which measures latencies can ask them.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::error::{Context, Error};
use crate::reply::whole_reply;
use crate::server::request;

/// A connection for one question at a time.
pub struct Probe {
    stream: TcpStream,
    /// The last question.
    question: String,
    /// When it was asked; none before the first one.
    asked: Option<Instant>,
    /// What has come of its reply; none when nothing is awaited.
    reply: Option<Vec<u8>>,
}

impl Probe {
    /// Connects.
    pub fn connect(addr: SocketAddr) -> Result<Self, Error> {
        let open = || -> std::io::Result<TcpStream> {
            let stream = TcpStream::connect(addr)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            Ok(stream)
        };
        let stream = open().context(|| format!("connecting to {addr}"))?;
        Ok(Self { stream, question: String::new(), asked: None, reply: None })
    }

    /// Whether the last question has been answered and is so old.
    pub fn is_due(&self, every: Duration) -> bool {
        self.reply.is_none() && self.asked.is_none_or(|asked| asked.elapsed() >= every)
    }

    /// Asks; the last question must have been answered, so the socket takes this one whole.
    pub fn ask(&mut self, args: &[&str]) -> Result<(), Error> {
        self.question = args.join(" ");
        self.stream.write_all(request(args).as_bytes()).context(|| self.doing())?;
        self.asked = Some(Instant::now());
        self.reply = Some(Vec::new());
        Ok(())
    }

    /// The text of a reply that has just come.
    pub fn poll(&mut self) -> Result<Option<String>, Error> {
        let Some(reply) = &mut self.reply else { return Ok(None) };
        let mut piece = [0; 4096];
        match self.stream.read(&mut piece) {
            Ok(0) => return Err(self.unexpected("the server closed the connection".into())),
            Ok(length) => reply.extend_from_slice(&piece[..length]),
            Err(error)
                if [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&error.kind()) => {}
            Err(error) => return Err(error).context(|| self.doing()),
        }
        let Some(answer) = whole_reply(reply) else { return Ok(None) };
        self.reply = None;
        answer.map(Some).map_err(|reason| self.unexpected(reason))
    }

    fn doing(&self) -> String {
        format!("asking {}", self.question)
    }

    /// An answer to the last question that cannot be used.
    pub fn unexpected(&self, reason: String) -> Error {
        Error::Reply { load: self.question.clone(), reason }
    }
}
