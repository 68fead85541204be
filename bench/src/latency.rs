//! Latency at a fixed rate, open loop: every request has an intended time, and its latency counts from there, also
//! when the client or the server is behind, so that a pause shows in all requests it delays.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Poll};

use crate::client::{Picker, READ_BUFFER, STALL, connect, receive, wait};
use crate::error::{Context, Error};
use crate::interrupt;
use crate::load::Load;
use crate::measure::{Effort, Spread};
use crate::percentiles::{Latencies, Percentiles};
use crate::reply::Scanner;
use crate::server::Server;

/// Connections over which the requests of a comparison are dealt out in turn.
const CONNECTIONS: usize = 50;

/// One load's latencies.
#[derive(Debug, Clone)]
pub struct LatencyRow {
    /// The load's name.
    pub load: String,
    /// Requests a second.
    pub rate: f64,
    /// For each server, its percentiles, one a round.
    pub sides: Vec<Vec<Percentiles>>,
}

impl LatencyRow {
    /// A percentile of one side.
    pub fn spread(&self, side: usize, figure: impl Fn(&Percentiles) -> f64) -> Spread {
        Spread::of(self.sides[side].iter().map(figure))
    }
}

/// Measures `load` at `rate` requests a second on each server in turn, round by round.
pub fn interleave(
    servers: &[&Server],
    load: &Load,
    rate: f64,
    effort: Effort,
) -> Result<LatencyRow, Error> {
    let mut sides = vec![Vec::new(); servers.len()];
    for round in 0..effort.rounds {
        for (server, samples) in servers.iter().zip(&mut sides) {
            let picker = Picker::uniform(round as u64 + 1, load.keys);
            let mut run = OpenLoop::connect(server.addr(), load, picker, CONNECTIONS)?;
            run.run(rate, effort.warm_up)?;
            samples.push(run.run(rate, effort.measure)?.percentiles());
        }
    }
    eprintln!("latency {} at {rate:.0}/s: done", load.name);
    Ok(LatencyRow { load: load.name.clone(), rate, sides })
}

struct Connection {
    stream: TcpStream,
    out: Vec<u8>,
    sent: usize,
    replies: Scanner,
    /// Intended times of the requests that are not answered, in nanoseconds since the run began.
    intended: VecDeque<u64>,
}

impl Connection {
    fn flush(&mut self) -> std::io::Result<()> {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.sent = 0;
        Ok(())
    }
}

/// Connections that send one load at a fixed rate.
pub struct OpenLoop<'a> {
    load: &'a Load,
    picker: Picker,
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
}

impl<'a> OpenLoop<'a> {
    /// Opens all connections.
    pub fn connect(
        addr: SocketAddr,
        load: &'a Load,
        picker: Picker,
        connections: usize,
    ) -> Result<Self, Error> {
        let poll = Poll::new().context(|| "making a poll".into())?;
        let events = Events::with_capacity(connections.max(1));
        let connections = (0..connections)
            .map(|token| {
                Ok(Connection {
                    stream: connect(addr, &poll, token)?,
                    out: Vec::new(),
                    sent: 0,
                    replies: Scanner::new(load.expect),
                    intended: VecDeque::new(),
                })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self { load, picker, poll, events, connections, buffer: vec![0; READ_BUFFER] })
    }

    /// Sends for `length` and returns the latencies.
    pub fn run(&mut self, rate: f64, length: Duration) -> Result<Latencies, Error> {
        self.run_while(rate, length, || Ok(true))
    }

    /// Sends until `more` says no, which it is asked all the time, but no longer than `length`. It polls without
    /// waiting: a client that sleeps would measure its own waking up.
    pub fn run_while(
        &mut self,
        rate: f64,
        length: Duration,
        mut more: impl FnMut() -> Result<bool, Error>,
    ) -> Result<Latencies, Error> {
        let mut latencies = Latencies::new()?;
        let interval = 1e9 / rate;
        let mut total = (rate * length.as_secs_f64()) as u64;
        let (mut sent, mut answered) = (0_u64, 0_u64);
        let begin = Instant::now();
        while answered < total {
            interrupt::check()?;
            if sent < total && !more()? {
                total = sent;
            }
            let now = begin.elapsed().as_nanos() as u64;
            while sent < total && (sent as f64 * interval) as u64 <= now {
                self.send(sent, (sent as f64 * interval) as u64)?;
                sent += 1;
            }
            if now > (length + STALL).as_nanos() as u64 {
                return Err(Error::Stalled(self.load.name.clone()));
            }
            wait(&mut self.poll, &mut self.events, Duration::ZERO)?;
            answered += self.collect(begin, &mut latencies)?;
        }
        Ok(latencies)
    }

    fn send(&mut self, number: u64, intended: u64) -> Result<(), Error> {
        let count = self.load.templates.len() as u64;
        let template = &self.load.templates[(number % count) as usize];
        let dealt = self.connections.len() as u64;
        let connection = &mut self.connections[(number % dealt) as usize];
        let base = connection.out.len();
        connection.out.extend_from_slice(&template.bytes);
        self.picker.fill(&mut connection.out[base..], &template.fields);
        connection.intended.push_back(intended);
        connection.flush().context(|| format!("sending {}", self.load.name))
    }

    /// Reads where there is something to read; returns how many requests were answered.
    fn collect(&mut self, begin: Instant, latencies: &mut Latencies) -> Result<u64, Error> {
        let mut answered = 0;
        for event in &self.events {
            let Some(connection) = self.connections.get_mut(event.token().0) else { continue };
            connection.flush().context(|| format!("sending {}", self.load.name))?;
            let Connection { stream, replies, intended, .. } = connection;
            let arrived = receive(stream, replies, &mut self.buffer, &self.load.name)?;
            let now = begin.elapsed().as_nanos() as u64;
            for _ in 0..arrived {
                let Some(intended) = intended.pop_front() else {
                    let reason = "more replies than requests".into();
                    return Err(Error::Reply { load: self.load.name.clone(), reason });
                };
                latencies.record(Duration::from_nanos(now.saturating_sub(intended)));
                answered += 1;
            }
        }
        Ok(answered)
    }
}
