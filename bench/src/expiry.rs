//! An expiry storm: many keys with one and the same deadline, and what becomes of the server when it comes. How long
//! until they are gone, at what cost, and how long somebody waits who asks for other keys meanwhile.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::client::{Picker, load_keys};
use crate::error::Error;
use crate::interrupt;
use crate::latency::OpenLoop;
use crate::load::{Dataset, Load};
use crate::percentiles::Percentiles;
use crate::probe::Probe;
use crate::server::Server;
use crate::turns::{self, Phases};

/// Keys that stay, which are asked for.
pub const STAYING: u32 = 10_000;
/// How often they are asked for, in requests a second: so seldom that the server has the time to expire keys.
pub const GET_RATE: f64 = 1_000.0;
/// How long they are asked for beforehand, to compare with.
const CALM: Duration = Duration::from_secs(1);
/// How long before the deadline the storm begins: a server may prepare for it, and who asks then may have to wait.
const LEAD: Duration = Duration::from_millis(500);
/// Keys are loaded in so many pieces. The first one tells how long the others take, and the clock is looked at after
/// each.
const PIECES: u32 = 20;
/// How many times as long as the first piece promises all of them are given, attempt by attempt: tables grow and
/// neighbours come and go.
const STRETCHES: [f64; 3] = [1.5, 3.0, 6.0];
/// What loading is given beyond that, so that few keys have time too.
const LOAD_LEAST: Duration = Duration::from_secs(1);
/// The most time that loading is given, whatever the first piece promises.
const LOAD_MOST: Duration = Duration::from_secs(120);
/// The deadline of the first piece until the real one is known, far enough away never to come.
const FAR: Duration = Duration::from_secs(3600);
/// A server that has not expired everything after this time is left as it is.
const STORM_LIMIT: Duration = Duration::from_secs(45);
/// How often the keys are counted. Counting costs a server microseconds.
const COUNTING: Duration = Duration::from_millis(50);
/// The longest sleep before signals are looked at.
const NAP: Duration = Duration::from_millis(50);

/// What a storm did to one server.
#[derive(Debug, Clone)]
pub struct Storm {
    /// The server's name.
    pub server: &'static str,
    /// How many keys had the deadline.
    pub keys: u32,
    /// How many of them were still there when the measurement ended: 0, unless it was given up.
    pub left: u64,
    /// How long loading them took.
    pub loading: Duration,
    /// From the deadline until they were gone.
    pub gone: Duration,
    /// Server CPU microseconds an expired key, GETs included, from [`LEAD`] before the deadline.
    pub cpu_us: f64,
    /// How long the server's threads waited for the core while others had it, in the same time.
    pub waited: Duration,
    /// Latencies of GET while nothing expires.
    pub before: Percentiles,
    /// And from [`LEAD`] before the deadline until all keys were gone.
    pub during: Percentiles,
    /// The longest turns.
    pub turns: Phases,
}

/// Loads `keys` keys into a server made by `start`, waits for their deadline and looks on.
///
/// When the deadline comes before all keys are there, nothing is measured: another server is started and its keys are
/// given more time.
pub fn measure(
    name: &'static str,
    start: impl Fn() -> Result<Server, Error>,
    keys: u32,
) -> Result<Storm, Error> {
    for stretch in STRETCHES {
        let server = start()?;
        for load in Load::fill(Dataset::Small, STAYING) {
            load_keys(server.addr(), &load, 0, load.keys)?;
        }
        if let Some(loaded) = load(&server, keys, stretch)? {
            eprintln!("expiry {name}: {keys} keys loaded in {:.1} s", loaded.took.as_secs_f64());
            let storm = watch(name, &server, keys, loaded)?;
            eprintln!("expiry {name}: gone after {:.2} s", storm.gone.as_secs_f64());
            return Ok(storm);
        }
        eprintln!(
            "expiry {name}: the deadline came before all keys were there, again with more time"
        );
    }
    Err(Error::LoadedTooLate { server: name, keys })
}

/// Keys that are all there before their deadline.
struct Loaded {
    /// Unix milliseconds.
    deadline: u64,
    /// How long loading took.
    took: Duration,
}

/// Loads all keys; none if their deadline is too near, or has passed, when they are there.
fn load(server: &Server, keys: u32, stretch: f64) -> Result<Option<Loaded>, Error> {
    let edge = |piece| (u64::from(keys) * u64::from(piece) / u64::from(PIECES)) as u32;
    let begin = Instant::now();
    let trial = Load::expiring(unix_millis() + millis(FAR));
    load_keys(server.addr(), &trial, 0, edge(1))?;
    let deadline = unix_millis() + millis(time_needed(begin.elapsed(), stretch) + CALM + LEAD);
    let load = Load::expiring(deadline);
    let begin = Instant::now();
    for piece in 0..PIECES {
        load_keys(server.addr(), &load, edge(piece), edge(piece + 1))?;
        if unix_millis() + millis(CALM + LEAD) > deadline {
            return Ok(None);
        }
    }
    Ok(Some(Loaded { deadline, took: begin.elapsed() }))
}

/// How much time to give to the loading of all pieces, when one has taken `first`.
fn time_needed(first: Duration, stretch: f64) -> Duration {
    let promised = first * PIECES;
    (promised.mul_f64(stretch) + LOAD_LEAST).min(LOAD_MOST)
}

/// Asks for the keys that stay until all others are gone.
fn watch(name: &'static str, server: &Server, keys: u32, loaded: Loaded) -> Result<Storm, Error> {
    let loaded_turns = turns::longest(server)?;
    server.ask(&["CONFIG", "RESETSTAT"])?;
    let reset = turns::longest(server)?;
    let load = Load::get(STAYING);
    let mut gets = OpenLoop::connect(server.addr(), &load, Picker::uniform(1, STAYING), 1)?;
    let mut census = Census::connect(server.addr())?;
    census.expect(u64::from(STAYING) + u64::from(keys))?;

    let storm_begin = loaded.deadline.saturating_sub(millis(LEAD));
    sleep_until(storm_begin.saturating_sub(millis(CALM)))?;
    let before = gets.run(GET_RATE, CALM.saturating_sub(NAP))?;
    sleep_until(storm_begin)?;
    let before_storm = server.schedule()?;
    let deadline = Instant::now() + until(loaded.deadline);
    let during = gets.run_while(GET_RATE, LEAD + STORM_LIMIT, || {
        Ok(census.count()?.is_none_or(|keys| keys > u64::from(STAYING)))
    })?;
    let gone = census.last_at.unwrap_or(deadline).saturating_duration_since(deadline);
    let schedule = server.schedule()?.since(before_storm);

    let left = census.last.saturating_sub(u64::from(STAYING));
    let expired = u64::from(keys).saturating_sub(left);
    Ok(Storm {
        server: name,
        keys,
        left,
        loading: loaded.took,
        gone,
        cpu_us: schedule.ran_nanos as f64 / 1e3 / expired as f64,
        waited: Duration::from_nanos(schedule.waited_nanos),
        before: before.percentiles(),
        during: during.percentiles(),
        turns: Phases { loaded: loaded_turns, reset, after: turns::longest(server)? },
    })
}

/// Counts a server's keys now and then by DBSIZE without ever waiting for the reply.
struct Census {
    probe: Probe,
    /// The last count.
    last: u64,
    /// When it came.
    last_at: Option<Instant>,
}

impl Census {
    fn connect(addr: SocketAddr) -> Result<Self, Error> {
        Ok(Self { probe: Probe::connect(addr)?, last: 0, last_at: None })
    }

    /// Asks when it is time; returns a count that has just come.
    fn count(&mut self) -> Result<Option<u64>, Error> {
        if self.probe.is_due(COUNTING) {
            self.probe.ask(&["DBSIZE"])?;
        }
        let Some(text) = self.probe.poll()? else { return Ok(None) };
        let keys = text.parse().map_err(|_| self.probe.unexpected(text))?;
        self.last = keys;
        self.last_at = Some(Instant::now());
        Ok(Some(keys))
    }

    /// Waits for one count and wants so many keys: fewer would mean that some were lost or have expired already.
    fn expect(&mut self, wanted: u64) -> Result<(), Error> {
        let begin = Instant::now();
        let keys = loop {
            interrupt::check()?;
            match self.count()? {
                Some(keys) => break keys,
                None if begin.elapsed() > STORM_LIMIT => {
                    return Err(self.probe.unexpected("no reply".into()));
                }
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        if keys == wanted {
            Ok(())
        } else {
            let reason = format!("{keys} keys before the deadline instead of {wanted}");
            Err(self.probe.unexpected(reason))
        }
    }
}

/// The clock that deadlines are told by.
fn unix_millis() -> u64 {
    let nanos = time::OffsetDateTime::now_utc().unix_timestamp_nanos();
    u64::try_from(nanos / 1_000_000).unwrap_or_default()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How long it is until then; zero when it has passed.
fn until(unix: u64) -> Duration {
    Duration::from_millis(unix.saturating_sub(unix_millis()))
}

fn sleep_until(unix: u64) -> Result<(), Error> {
    loop {
        interrupt::check()?;
        let left = until(unix);
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(NAP));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loading_is_given_more_than_its_first_piece_promises_but_not_for_ever() {
        let seconds = Duration::from_secs;
        assert_eq!(time_needed(seconds(1), 1.5), seconds(30) + LOAD_LEAST);
        assert_eq!(time_needed(Duration::ZERO, 1.5), LOAD_LEAST);
        assert_eq!(time_needed(seconds(10), 6.0), LOAD_MOST);
    }
}
