//! The closed-loop client: every connection sends a batch, waits for all its replies and sends the next.
//!
//! One thread, one poll, one write and one read a batch in the usual case, so that the client does not become what
//! is measured. It owns sockets and their buffers; what is sent and how replies look, it takes from a [`Load`].

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::error::{Context, Error};
use crate::interrupt;
use crate::load::{Field, Load, patch};
use crate::percentiles::Latencies;
use crate::reply::Scanner;

/// Read buffer shared by all connections, in bytes.
pub const READ_BUFFER: usize = 256 * 1024;
/// A server that answers nothing for so long has failed.
pub const STALL: Duration = Duration::from_secs(20);
/// How long one poll waits before signals are looked at.
const TICK: Duration = Duration::from_millis(100);

/// How key numbers are chosen.
#[derive(Debug, Clone)]
pub enum Picker {
    /// Uniformly below the load's number of keys; the state of an xorshift generator, never 0.
    Uniform {
        /// Generator state.
        state: u64,
        /// Upper bound, exclusive.
        keys: u32,
    },
    /// One after the other, beginning again at `keys`.
    InOrder {
        /// The next number.
        next: u32,
        /// Upper bound, exclusive.
        keys: u32,
    },
}

impl Picker {
    /// Uniform below `keys`, repeatable by `seed`.
    pub fn uniform(seed: u64, keys: u32) -> Self {
        Self::Uniform { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, keys }
    }

    /// The next number.
    #[inline]
    pub fn pick(&mut self) -> u32 {
        match self {
            Self::Uniform { state, keys } => {
                *state ^= *state << 13;
                *state ^= *state >> 7;
                *state ^= *state << 17;
                // The high half of the product of the state's better bits with the bound: uniform without a division.
                let bits = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
                ((bits * u64::from(*keys)) >> 32) as u32
            }
            Self::InOrder { next, keys } => {
                let number = *next;
                *next = if number + 1 == *keys { 0 } else { number + 1 };
                number
            }
        }
    }

    /// Writes new numbers into all `fields`.
    #[inline]
    pub fn fill(&mut self, bytes: &mut [u8], fields: &[Field]) {
        let mut number = 0;
        for field in fields {
            if field.fresh {
                number = self.pick();
            }
            patch(bytes, field.at, number);
        }
    }
}

/// How many connections and how many requests each has outstanding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Connections.
    pub connections: usize,
    /// Requests in one batch of a connection.
    pub pipeline: usize,
}

/// When a run ends; batches that were sent are waited for in any case.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// So long after it began.
    Elapsed(Duration),
    /// When at least so many requests were sent.
    Requests(u64),
}

/// What a run did.
#[derive(Debug, Clone)]
pub struct Done {
    /// Requests answered.
    pub requests: u64,
    /// From the first byte sent to the last one read.
    pub elapsed: Duration,
    /// From the making of each batch to its last reply.
    pub latencies: Latencies,
}

/// A run that is under way.
#[derive(Debug)]
pub struct Run {
    begin: Instant,
    last_event: Instant,
    /// Requests that were sent.
    begun: u64,
    /// Connections that wait for replies.
    running: usize,
    latencies: Latencies,
}

impl Run {
    /// Requests that were sent so far.
    pub fn requests(&self) -> u64 {
        self.begun
    }
}

struct Connection {
    stream: TcpStream,
    batch: Vec<u8>,
    fields: Vec<Field>,
    sent: usize,
    replies: Scanner,
    awaited: u32,
    /// When the batch was begun.
    begun: Instant,
}

impl Connection {
    fn new(stream: TcpStream, load: &Load, pipeline: usize, turn: usize) -> Self {
        let (mut batch, mut fields) = (Vec::new(), Vec::new());
        for template in load.templates.iter().cycle().skip(turn).take(pipeline) {
            let base = batch.len();
            batch.extend_from_slice(&template.bytes);
            fields.extend(template.fields.iter().map(|f| Field { at: base + f.at, ..*f }));
        }
        let sent = batch.len();
        let replies = Scanner::new(load.expect);
        Self { stream, batch, fields, sent, replies, awaited: 0, begun: Instant::now() }
    }

    /// Makes the next batch and sends what the socket takes of it.
    fn begin(&mut self, picker: &mut Picker, replies: u32, now: Instant) -> std::io::Result<()> {
        self.begun = now;
        picker.fill(&mut self.batch, &self.fields);
        self.sent = 0;
        self.awaited = replies;
        self.flush()
    }

    fn flush(&mut self) -> std::io::Result<()> {
        while self.sent < self.batch.len() {
            match self.stream.write(&self.batch[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Reads what a socket has into `buffer`, piece by piece, and counts the replies in it.
///
/// A read that does not fill the buffer has emptied the socket, so no second one is made to be told so.
pub fn receive(
    stream: &mut TcpStream,
    replies: &mut Scanner,
    buffer: &mut [u8],
    load: &str,
) -> Result<u32, Error> {
    let mut complete = 0;
    loop {
        match stream.read(buffer) {
            Ok(0) => {
                let reason = "the server closed the connection".into();
                return Err(Error::Reply { load: load.into(), reason });
            }
            Ok(length) => {
                complete += replies
                    .feed(&buffer[..length])
                    .map_err(|reason| Error::Reply { load: load.into(), reason })?;
                if length < buffer.len() {
                    return Ok(complete);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(complete),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context(|| format!("reading replies of {load}")),
        }
    }
}

/// Connects one non-blocking stream and registers it for both directions, edge-triggered.
pub fn connect(addr: SocketAddr, poll: &Poll, token: usize) -> Result<TcpStream, Error> {
    let open = || -> std::io::Result<TcpStream> {
        let stream = std::net::TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(token), both)?;
        Ok(stream)
    };
    open().context(|| format!("connecting to {addr}"))
}

/// Waits for events; a signal that cuts the wait short is no error.
pub fn wait(poll: &mut Poll, events: &mut Events, timeout: Duration) -> Result<(), Error> {
    match poll.poll(events, Some(timeout)) {
        Err(error) if error.kind() == ErrorKind::Interrupted => interrupt::check(),
        other => other.context(|| "waiting for events".into()),
    }
}

/// Connections that repeat one load.
pub struct Client<'a> {
    load: &'a Load,
    pipeline: usize,
    picker: Picker,
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
}

impl<'a> Client<'a> {
    /// Opens all connections.
    pub fn connect(
        addr: SocketAddr,
        load: &'a Load,
        shape: Shape,
        picker: Picker,
    ) -> Result<Self, Error> {
        let poll = Poll::new().context(|| "making a poll".into())?;
        let mut connections = Vec::with_capacity(shape.connections);
        for token in 0..shape.connections {
            let turn = token * shape.pipeline % load.templates.len();
            let stream = connect(addr, &poll, token)?;
            connections.push(Connection::new(stream, load, shape.pipeline, turn));
        }
        Ok(Self {
            load,
            pipeline: shape.pipeline,
            picker,
            poll,
            events: Events::with_capacity(shape.connections.max(1)),
            connections,
            buffer: vec![0; READ_BUFFER],
        })
    }

    /// Handles no more than so many connections a step, for whoever has other things to do in between.
    pub fn in_small_steps(self, most: usize) -> Self {
        Self { events: Events::with_capacity(most), ..self }
    }

    /// Runs the load; returns when every reply is there.
    pub fn run(&mut self, until: Until) -> Result<Done, Error> {
        let mut run = self.start()?;
        while self.step(&mut run, until, TICK)? {}
        let Run { begin, begun, latencies, .. } = run;
        Ok(Done { requests: begun, elapsed: begin.elapsed(), latencies })
    }

    /// Sends the first batch of every connection.
    pub fn start(&mut self) -> Result<Run, Error> {
        let latencies = Latencies::new()?;
        let begin = Instant::now();
        for connection in &mut self.connections {
            connection
                .begin(&mut self.picker, self.pipeline as u32 * self.load.replies, Instant::now())
                .context(|| format!("sending {}", self.load.name))?;
        }
        let running = self.connections.len();
        let begun = running as u64 * self.pipeline as u64;
        Ok(Run { begin, last_event: begin, begun, running, latencies })
    }

    /// Waits up to `timeout` for replies, takes them and sends what comes next. Whether replies are awaited still.
    pub fn step(&mut self, run: &mut Run, until: Until, timeout: Duration) -> Result<bool, Error> {
        interrupt::check()?;
        wait(&mut self.poll, &mut self.events, timeout)?;
        let now = Instant::now();
        if !self.events.is_empty() {
            run.last_event = now;
        } else if now - run.last_event > STALL {
            return Err(Error::Stalled(self.load.name.clone()));
        }
        let timed_out = matches!(until, Until::Elapsed(duration) if now - run.begin >= duration);
        for event in &self.events {
            let Some(connection) = self.connections.get_mut(event.token().0) else { continue };
            if connection.awaited == 0 {
                continue;
            }
            connection.flush().context(|| format!("sending {}", self.load.name))?;
            let Connection { stream, replies: scanner, .. } = connection;
            let arrived = receive(stream, scanner, &mut self.buffer, &self.load.name)?;
            connection.awaited = connection.awaited.checked_sub(arrived).ok_or_else(|| {
                let reason = "more replies than requests".into();
                Error::Reply { load: self.load.name.clone(), reason }
            })?;
            if connection.awaited > 0 {
                continue;
            }
            let now = Instant::now();
            run.latencies.record(now - connection.begun);
            if timed_out || matches!(until, Until::Requests(total) if run.begun >= total) {
                run.running -= 1;
            } else {
                let replies = self.pipeline as u32 * self.load.replies;
                connection
                    .begin(&mut self.picker, replies, now)
                    .context(|| format!("sending {}", self.load.name))?;
                run.begun += self.pipeline as u64;
            }
        }
        Ok(run.running > 0)
    }
}

/// Puts `keys` keys into a server by sending `load` with numbers in order from `first`; few connections, so that
/// their buffers do not weigh on a memory measurement.
pub fn load_keys(addr: SocketAddr, load: &Load, first: u32, keys: u32) -> Result<(), Error> {
    // What is sent once is not sent by each place of each batch.
    let once = Shape { connections: 1, pipeline: 1 };
    let shape = if keys - first == 1 { once } else { Shape { connections: 4, pipeline: 64 } };
    let picker = Picker::InOrder { next: first, keys };
    let needed = u64::from(keys - first);
    Client::connect(addr, load, shape, picker)?.run(Until::Requests(needed)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_numbers_cover_the_range_evenly() {
        let mut picker = Picker::uniform(7, 10);
        let mut counts = [0_u32; 10];
        for _ in 0..100_000 {
            counts[picker.pick() as usize] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }

    #[test]
    fn numbers_in_order_begin_again() {
        let mut picker = Picker::InOrder { next: 1, keys: 3 };
        assert_eq!([1, 2, 0, 1], std::array::from_fn(|_| picker.pick()));
    }
}
