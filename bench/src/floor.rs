//! The floor under every server: a process that reads, counts requests and writes ready-made replies. It keeps no data,
//! so what it costs is what sockets and the client's way of using them cost; no server that is asked in this way can
//! take less.
//!
//! With several threads connections are dealt out over them and nothing is handed from one to another.

use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;

use clap::Args;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::error::{Context, Error};

/// What one read takes at most: as much as the server under test takes first.
const READ_BYTES: usize = 16 << 10;
/// Events that one wait brings at most.
const EVENTS: usize = 1024;

/// How the floor is run; for the bench itself.
#[derive(Debug, Clone, Args)]
pub struct FloorOptions {
    /// Where it listens, on 127.0.0.1.
    #[arg(long)]
    port: u16,
    /// Its threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

/// Serves until it is killed.
pub fn serve(options: &FloorOptions) -> Result<(), Error> {
    let what = || "running the floor".to_owned();
    let address = (Ipv4Addr::LOCALHOST, options.port).into();
    let mut listener = TcpListener::bind(address).context(what)?;
    let mut poll = Poll::new().context(what)?;
    poll.registry().register(&mut listener, Token(0), Interest::READABLE).context(what)?;
    let mut sinks = Vec::new();
    for _ in 0..options.threads.max(1) {
        let (sender, streams) = std::sync::mpsc::channel();
        let poll = Poll::new().context(what)?;
        let waker = mio::Waker::new(poll.registry(), Token(usize::MAX)).context(what)?;
        std::thread::spawn(move || Worker { poll, streams, connections: Vec::new() }.run());
        sinks.push((sender, waker));
    }
    let mut events = Events::with_capacity(EVENTS);
    let mut dealt = 0;
    loop {
        poll.poll(&mut events, None).context(what)?;
        while let Ok((stream, _)) = listener.accept() {
            stream.set_nodelay(true).context(what)?;
            let (sender, waker) = &sinks[dealt % sinks.len()];
            dealt += 1;
            // A thread ends only with the process.
            let _ = sender.send(stream);
            waker.wake().context(what)?;
        }
    }
}

/// A thread with its connections, by token.
struct Worker {
    poll: Poll,
    streams: std::sync::mpsc::Receiver<TcpStream>,
    connections: Vec<Option<TcpStream>>,
}

impl Worker {
    fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let mut buffer = vec![0; READ_BYTES];
        let mut replies = Vec::new();
        while self.poll.poll(&mut events, None).is_ok() {
            for event in &events {
                let at = event.token().0;
                let Some(slot) = self.connections.get_mut(at) else { continue };
                if slot.as_mut().is_some_and(|stream| !answer(stream, &mut buffer, &mut replies)) {
                    *slot = None;
                }
            }
            while let Ok(mut stream) = self.streams.try_recv() {
                let token = Token(self.connections.len());
                let added = self.poll.registry().register(&mut stream, token, Interest::READABLE);
                self.connections.push(added.is_ok().then_some(stream));
            }
        }
    }
}

/// Reads what is there and answers each request. Returns whether the connection goes on.
fn answer(stream: &mut TcpStream, buffer: &mut [u8], replies: &mut Vec<u8>) -> bool {
    loop {
        let length = match stream.read(buffer) {
            Ok(0) => return false,
            Ok(length) => length,
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        };
        let read = &buffer[..length];
        let reply = reply_to(read);
        replies.clear();
        // No key or value of the loads has an asterisk in it.
        for _ in read.iter().filter(|&&byte| byte == b'*') {
            replies.extend_from_slice(reply);
        }
        // The client reads as it writes, so a socket that takes no more has a client that is gone.
        if stream.write_all(replies).is_err() {
            return false;
        }
        // A read that was not full has emptied the socket, and the next readiness will be told.
        if length < buffer.len() {
            return true;
        }
    }
}

/// The reply that the loads expect to what was read.
fn reply_to(read: &[u8]) -> &'static [u8] {
    let begins = |command: &[u8]| read.windows(command.len()).take(16).any(|at| at == command);
    if begins(b"GET") {
        b"$64\r\nabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl\r\n"
    } else if begins(b"INCR") {
        b":2\r\n"
    } else if begins(b"PING") {
        b"+PONG\r\n"
    } else {
        b"+OK\r\n"
    }
}
