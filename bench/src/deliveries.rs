//! Publish and subscribe: one client publishes in batches to a channel, the others listen, and the next batch is sent
//! when everybody has all of the last. How many messages arrive a second, and what one of them costs the server.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::client::{READ_BUFFER, STALL, wait};
use crate::error::{Context, Error};
use crate::interrupt;
use crate::measure::{Effort, Spread};
use crate::server::{Keep, Program, Server};

/// Messages that are published at once.
pub const BATCH: usize = 16;
/// The channel.
const CHANNEL: &str = "news";
/// How long one poll waits before signals are looked at.
const TICK: Duration = Duration::from_millis(100);

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub struct DeliverySample {
    /// Messages that arrived a second, over all subscribers.
    pub rate: f64,
    /// Server CPU microseconds a message that arrived, the publishing included.
    pub cpu_us: f64,
}

/// What was measured with so many subscribers.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    /// Subscribers of the channel.
    pub subscribers: usize,
    /// Bytes of a message's payload.
    pub payload: usize,
    /// Of each server, one a round.
    pub sides: Vec<Vec<DeliverySample>>,
}

impl DeliveryRow {
    /// The first server's CPU for a message divided by the second's, round by round.
    pub fn efficiency(&self) -> Spread {
        let pairs = self.sides[0].iter().zip(&self.sides[1]);
        Spread::of(pairs.map(|(redis, ours)| redis.cpu_us / ours.cpu_us))
    }
}

/// Measures each program in interleaved rounds on fresh servers.
pub fn measure(
    programs: &[&Program],
    cpus: &[usize],
    (subscribers, payload): (usize, usize),
    effort: Effort,
) -> Result<DeliveryRow, Error> {
    let mut sides = vec![Vec::new(); programs.len()];
    for round in 0..effort.rounds {
        let mut order: Vec<usize> = (0..programs.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for side in order {
            let server = programs[side].start(cpus, Some(1), Keep::Nothing)?;
            let mut crowd = Crowd::connect(&server, subscribers, payload)?;
            crowd.run(effort.warm_up)?;
            let before = server.cpu_nanos()?;
            let begin = Instant::now();
            let delivered = crowd.run(effort.measure)? as f64;
            let elapsed = begin.elapsed().as_secs_f64();
            let cpu = server.cpu_nanos()?.saturating_sub(before) as f64 / 1e3;
            let sample = DeliverySample { rate: delivered / elapsed, cpu_us: cpu / delivered };
            sides[side].push(sample);
        }
    }
    let cpu = |side: &[DeliverySample]| side.last().map_or(f64::NAN, |sample| sample.cpu_us);
    let told: Vec<String> = sides.iter().map(|side| format!("{:.3}", cpu(side))).collect();
    eprintln!("pubsub {subscribers} x {payload}: {} us a delivery", told.join(" / "));
    Ok(DeliveryRow { subscribers, payload, sides })
}

/// A socket with the bytes that it is still to bring of this batch.
struct Party {
    socket: TcpStream,
    missing: usize,
}

/// The publisher, first, and the subscribers.
struct Crowd {
    poll: Poll,
    parties: Vec<Party>,
    /// A batch of PUBLISH.
    request: Vec<u8>,
    /// Bytes that each party gets of a batch.
    answers: usize,
    messages: usize,
}

fn command(args: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend_from_slice(format!("${}\r\n{arg}\r\n", arg.len()).as_bytes());
    }
    bytes
}

impl Crowd {
    fn connect(server: &Server, subscribers: usize, payload: usize) -> Result<Self, Error> {
        let poll = Poll::new().context(|| "making a poll".into())?;
        let text = "x".repeat(payload);
        let publish = command(&["PUBLISH", CHANNEL, &text]);
        let mut crowd = Self {
            poll,
            parties: Vec::new(),
            request: publish.repeat(BATCH),
            answers: format!(":{subscribers}\r\n").len() * BATCH,
            messages: command(&["message", CHANNEL, &text]).len() * BATCH,
        };
        for number in 0..=subscribers {
            let what = || format!("connecting to {}", server.addr());
            let socket = std::net::TcpStream::connect(server.addr()).context(what)?;
            socket.set_nodelay(true).context(what)?;
            if number > 0 {
                subscribe(&socket)?;
            }
            socket.set_nonblocking(true).context(what)?;
            let mut socket = TcpStream::from_std(socket);
            let registry = crowd.poll.registry();
            registry.register(&mut socket, Token(number), Interest::READABLE).context(what)?;
            crowd.parties.push(Party { socket, missing: 0 });
        }
        Ok(crowd)
    }

    /// Publishes batches for so long. The number of messages that arrived.
    fn run(&mut self, length: Duration) -> Result<usize, Error> {
        let begin = Instant::now();
        let mut delivered = 0;
        while begin.elapsed() < length {
            self.batch()?;
            delivered += BATCH * (self.parties.len() - 1);
        }
        Ok(delivered)
    }

    fn batch(&mut self) -> Result<(), Error> {
        for (number, party) in self.parties.iter_mut().enumerate() {
            party.missing = if number == 0 { self.answers } else { self.messages };
        }
        let mut waiting: BTreeSet<usize> = (0..self.parties.len()).collect();
        let mut unsent = self.request.as_slice();
        let mut events = Events::with_capacity(1024);
        let mut room = vec![0; READ_BUFFER];
        let begin = Instant::now();
        while !waiting.is_empty() {
            if let Some(publisher) = self.parties.first_mut() {
                unsent = send(&mut publisher.socket, unsent)?;
            }
            let patience = if unsent.is_empty() { TICK } else { Duration::ZERO };
            wait(&mut self.poll, &mut events, patience)?;
            interrupt::check()?;
            if begin.elapsed() > STALL {
                return Err(Error::Stalled("PUBLISH".into()));
            }
            for event in &events {
                let number = event.token().0;
                let Some(party) = self.parties.get_mut(number) else { continue };
                receive(party, &mut room)?;
                if party.missing == 0 {
                    waiting.remove(&number);
                }
            }
        }
        Ok(())
    }
}

fn subscribe(mut socket: &std::net::TcpStream) -> Result<(), Error> {
    let what = || "subscribing".to_owned();
    socket.write_all(&command(&["SUBSCRIBE", CHANNEL])).context(what)?;
    let mut answer = vec![0; command(&["subscribe", CHANNEL]).len() + ":1\r\n".len()];
    socket.read_exact(&mut answer).context(what)?;
    if answer.ends_with(b":1\r\n") {
        return Ok(());
    }
    let reason = format!("unexpected answer {}", answer.escape_ascii());
    Err(Error::Reply { load: "SUBSCRIBE".into(), reason })
}

/// Sends what the socket takes. The rest.
fn send<'a>(socket: &mut TcpStream, bytes: &'a [u8]) -> Result<&'a [u8], Error> {
    match socket.write(bytes) {
        Ok(count) => Ok(&bytes[count..]),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(bytes),
        Err(error) => Err(error).context(|| "publishing".into()),
    }
}

/// Reads all that has come.
fn receive(party: &mut Party, room: &mut [u8]) -> Result<(), Error> {
    loop {
        match party.socket.read(room) {
            Ok(0) => return Err(Error::Stalled("PUBLISH".into())),
            Ok(count) if count > party.missing => {
                let reason = format!("{} bytes too many", count - party.missing);
                return Err(Error::Reply { load: "PUBLISH".into(), reason });
            }
            Ok(count) => party.missing -= count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error).context(|| "reading messages".into()),
        }
    }
}
