//! A checkpoint under full write load: how long it takes, how much memory it needs beyond the data, how long shards are
//! busy at a time, and how long somebody waits who asks for other keys meanwhile.
//!
//! Memory and waiting are looked at on two servers, one after the other, because looking at memory takes the client's
//! core, and because a server that has saved once may keep the memory for the next time.

use std::time::{Duration, Instant};

use crate::client::{Client, Picker, Run, Shape, Until, load_keys};
use crate::error::Error;
use crate::footprint;
use crate::latency::OpenLoop;
use crate::load::{Dataset, Load};
use crate::measure::Spread;
use crate::percentiles::Percentiles;
use crate::probe::Probe;
use crate::server::Server;
use crate::turns::{self, Phases};

/// Who writes all the time.
pub const WRITERS: Shape = Shape { connections: 50, pipeline: 16 };
/// How often keys are asked for meanwhile, in requests a second: enough for a 99.9th percentile of a second, and a
/// small part of what a server can do.
pub const GET_RATE: f64 = 5_000.0;
/// Connections over which these are dealt out.
const READERS: usize = 10;
/// Writing connections that are handled before it is looked whether a GET is due, which takes some ten microseconds.
const WRITERS_A_STEP: usize = 4;
/// How often INFO is asked whether it is over, and how often memory is read.
const LOOK: Duration = Duration::from_millis(10);
const SAMPLE: Duration = Duration::from_millis(20);
/// Memory is read at most for one part in so many of the time: reading takes longer the more there is.
const READING_SHARE: u32 = 10;
/// A checkpoint that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(600);

/// One checkpoint of a server while GETs were measured, and one of another while its memory was.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// From asking for it until INFO said that it was over, without reading of memory.
    pub took: Duration,
    /// SETs a second before it.
    pub sets_before: f64,
    /// And while it was written.
    pub sets_during: f64,
    /// Latencies of GET before it.
    pub before: Percentiles,
    /// And while it was written.
    pub during: Percentiles,
    /// The longest turns before and while it was written.
    pub turns: Phases,
    /// Memory of the keys, in bytes.
    pub data: f64,
    /// The most memory while it was written beyond the usual before, in bytes.
    pub extra: f64,
}

impl Checkpoint {
    /// The extra memory as a share of the keys'.
    pub fn extra_share(&self) -> f64 {
        self.extra / self.data
    }
}

/// All checkpoints of one server.
#[derive(Debug, Clone)]
pub struct CheckpointRow {
    /// The server's name.
    pub server: &'static str,
    /// Keys.
    pub keys: u32,
    /// One a round.
    pub rounds: Vec<Checkpoint>,
}

/// One checkpoint while GETs are measured and one while memory is, of `keys` keys each, after both were watched for
/// `calm` without one.
pub fn measure(
    start: impl Fn() -> Result<Server, Error>,
    keys: u32,
    calm: Duration,
) -> Result<Checkpoint, Error> {
    let (data, extra) = watch_memory(&start()?, keys, calm)?;
    let server = start()?;
    fill(&server, keys)?;
    let sets = Load::set(keys);
    let mut writers = Writers::start(&server, &sets)?;
    let gets = Load::get(keys);
    let mut gets = OpenLoop::connect(server.addr(), &gets, Picker::uniform(2, keys), READERS)?;
    let mut saving = Saving::new(&server)?;
    gets.run_while(GET_RATE, calm / 2, || writers.step(Duration::ZERO))?;
    writers.rate();
    let before = gets.run_while(GET_RATE, calm, || writers.step(Duration::ZERO))?;
    let sets_before = writers.rate();
    let loaded = turns::longest(&server)?;
    server.ask(&["CONFIG", "RESETSTAT"])?;
    let reset = turns::longest(&server)?;
    writers.rate();
    let during = gets.run_while(GET_RATE, LIMIT, || {
        writers.step(Duration::ZERO)?;
        saving.goes_on()
    })?;
    let sets_during = writers.rate();
    let took = saving.took()?;
    writers.stop()?;
    Ok(Checkpoint {
        took,
        sets_before,
        sets_during,
        before: before.percentiles(),
        during: during.percentiles(),
        turns: Phases { loaded, reset, after: turns::longest(&server)? },
        data,
        extra,
    })
}

/// The memory of the keys, and how much more there was while a checkpoint was written, in bytes.
fn watch_memory(server: &Server, keys: u32, calm: Duration) -> Result<(f64, f64), Error> {
    let empty = footprint::bytes(server)? as f64;
    fill(server, keys)?;
    let sets = Load::set(keys);
    let mut writers = Writers::start(server, &sets)?;
    let mut saving = Saving::new(server)?;
    let begin = Instant::now();
    let before = watch(server, &mut writers, || Ok(begin.elapsed() < calm))?.median;
    let most = watch(server, &mut writers, || saving.goes_on())?.max;
    saving.took()?;
    writers.stop()?;
    Ok(((before - empty).max(0.0), (most - before).max(0.0)))
}

/// The memory of a server until `more` says no, in bytes, while `writers` go on.
fn watch(
    server: &Server,
    writers: &mut Writers<'_>,
    mut more: impl FnMut() -> Result<bool, Error>,
) -> Result<Spread, Error> {
    let mut found = Vec::new();
    let mut next = Instant::now();
    while more()? {
        writers.step(Duration::from_millis(1))?;
        let begin = Instant::now();
        if begin >= next {
            found.push(footprint::bytes(server)? as f64);
            next = begin + SAMPLE.max(begin.elapsed() * READING_SHARE);
        }
    }
    Ok(Spread::of(found))
}

fn fill(server: &Server, keys: u32) -> Result<(), Error> {
    for load in Load::fill(Dataset::Small, keys) {
        load_keys(server.addr(), &load, 0, load.keys)?;
    }
    Ok(())
}

/// Connections that write as fast as they are answered, step by step.
struct Writers<'a> {
    client: Client<'a>,
    run: Run,
    /// When the SETs were last counted, and how many there had been by then.
    counted: (Instant, u64),
}

impl<'a> Writers<'a> {
    fn start(server: &Server, load: &'a Load) -> Result<Self, Error> {
        let picker = Picker::uniform(1, load.keys);
        let client = Client::connect(server.addr(), load, WRITERS, picker)?;
        let mut client = client.in_small_steps(WRITERS_A_STEP);
        let run = client.start()?;
        Ok(Self { client, run, counted: (Instant::now(), 0) })
    }

    /// Waits up to `timeout` for replies and goes on; never done.
    fn step(&mut self, timeout: Duration) -> Result<bool, Error> {
        self.client.step(&mut self.run, Until::Elapsed(Duration::MAX), timeout)
    }

    /// SETs a second since the last time that this was asked.
    fn rate(&mut self) -> f64 {
        let (since, before) = self.counted;
        self.counted = (Instant::now(), self.run.requests());
        let (now, sent) = self.counted;
        (sent - before) as f64 / (now - since).as_secs_f64()
    }

    /// Waits for the replies that are still to come, so that errors among them are seen.
    fn stop(mut self) -> Result<(), Error> {
        let at_once = Until::Elapsed(Duration::ZERO);
        while self.client.step(&mut self.run, at_once, Duration::from_millis(1))? {}
        Ok(())
    }
}

/// A checkpoint that is asked for, and how it stands.
struct Saving {
    probe: Probe,
    asked: Option<Instant>,
    over: Option<Instant>,
}

impl Saving {
    fn new(server: &Server) -> Result<Self, Error> {
        Ok(Self { probe: Probe::connect(server.addr())?, asked: None, over: None })
    }

    /// Asks for the checkpoint the first time, then whether it still goes on, without waiting for replies.
    fn goes_on(&mut self) -> Result<bool, Error> {
        if self.asked.is_none() {
            self.probe.ask(&["BGSAVE"])?;
            self.asked = Some(Instant::now());
        } else if self.probe.is_due(LOOK) {
            self.probe.ask(&["INFO", "persistence"])?;
        }
        if let Some(text) = self.probe.poll()?
            && is_over(&text).map_err(|reason| self.probe.unexpected(reason))?
        {
            self.over = Some(Instant::now());
        }
        let late = self.asked.is_some_and(|asked| asked.elapsed() > LIMIT);
        Ok(self.over.is_none() && !late)
    }

    /// How long it took.
    fn took(&self) -> Result<Duration, Error> {
        match (self.asked, self.over) {
            (Some(asked), Some(over)) => Ok(over - asked),
            _ => Err(self.probe.unexpected(format!("not over after {} s", LIMIT.as_secs()))),
        }
    }
}

/// Whether a reply says that no checkpoint is being written any more: INFO's does, BGSAVE's does not.
///
/// # Errors
/// That the checkpoint failed.
fn is_over(reply: &str) -> Result<bool, String> {
    let has = |wanted| reply.lines().any(|line| line.trim() == wanted);
    match has("rdb_bgsave_in_progress:0") {
        true if has("rdb_last_bgsave_status:ok") => Ok(true),
        true => Err("the checkpoint failed".into()),
        false => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_over_when_info_says_so_and_that_it_went_well() {
        let info = |running, status| {
            format!(
                "# Persistence\r\nrdb_bgsave_in_progress:{running}\r\nrdb_last_bgsave_status:{status}\r\n"
            )
        };
        assert_eq!(is_over("Background saving started"), Ok(false));
        assert_eq!(is_over(&info(1, "ok")), Ok(false));
        assert_eq!(is_over(&info(0, "ok")), Ok(true));
        assert!(is_over(&info(0, "err")).is_err());
    }
}
