//! Runs sequences on both servers at once, compares, and makes a failure small.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::compare::{Compare, compare, compare_exec};
use super::counts::compare_counts;
use super::families;
use super::families::connection::PASSWORD;
use super::families::server::CHANGED_SETTINGS;
use super::generator::{Args, Expect, Step, Who};
use super::outcome::{Mismatch, compare_data, describe};
use crate::harness::client::{Client, encode};
use crate::harness::reply::{Reply, escape};
use crate::harness::rng::Rng;

/// Runs that may be spent on making a failure small.
const SHRINK_RUNS: usize = 300;
/// Milliseconds in which the connections of the run before must be gone.
const LEAVE_POLLS: usize = 500;
/// Calls after which a scan that has not come to its end never will.
const SCAN_CALLS: usize = 100_000;

/// How the commands of a sequence are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Each command after the reply to the one before.
    Single,
    /// Pipelines of random length, cut at random bytes; the seed decides.
    Pipelined(u64),
}

/// The two servers of a run.
#[derive(Clone, Copy, Debug)]
pub struct Servers {
    /// Shardwright.
    pub subject: SocketAddr,
    /// redis-server.
    pub oracle: SocketAddr,
}

/// A connection to each server, and the transaction that both are in.
struct Pair {
    subject: Client,
    oracle: Client,
    /// Rules of the commands that were queued since MULTI.
    queued: Vec<Compare>,
}

impl Pair {
    fn connect(servers: Servers, protocol: u8) -> io::Result<Pair> {
        let open = |address: SocketAddr| -> io::Result<Client> {
            let mut client = Client::connect(address)?;
            client.cmd(&["HELLO", &protocol.to_string()]);
            Ok(client)
        };
        Ok(Pair {
            subject: open(servers.subject)?,
            oracle: open(servers.oracle)?,
            queued: Vec::new(),
        })
    }

    fn read(&mut self) -> Result<(Vec<u8>, Vec<u8>), String> {
        let ours =
            self.subject.read_raw().map_err(|error| format!("shardwright gives no reply: {error}"));
        let theirs =
            self.oracle.read_raw().map_err(|error| format!("redis gives no reply: {error}"));
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => Ok((ours, theirs)),
            (Err(problem), Ok(theirs)) => {
                Err(format!("{problem}\n  redis:       {}", escape(&theirs)))
            }
            (Ok(ours), Err(problem)) => Err(format!("{problem}\n  shardwright: {}", escape(&ours))),
            (Err(ours), Err(theirs)) => Err(format!("{ours}; {theirs}")),
        }
    }

    fn check(&mut self, step: &Step, ours: &[u8], theirs: &[u8]) -> Result<(), String> {
        let name = step.args.0.first().map(|name| name.to_ascii_lowercase()).unwrap_or_default();
        match name.as_slice() {
            b"exec" => {
                let rules = std::mem::take(&mut self.queued);
                return compare_exec(&rules, ours, theirs);
            }
            b"discard" | b"reset" | b"quit" => self.queued.clear(),
            _ if theirs == b"+QUEUED\r\n" => {
                self.queued.push(step.compare);
                return compare(Compare::Exact, ours, theirs);
            }
            _ => {}
        }
        compare(step.compare, ours, theirs)
    }
}

/// Runs one sequence on empty servers, and compares replies and final data.
///
/// # Errors
/// The first difference.
pub fn run(servers: Servers, steps: &[Step], protocol: u8, mode: Mode) -> Result<(), Mismatch> {
    prepare(servers);
    let mut run = Run::open(servers, protocol)
        .map_err(|error| Mismatch { step: 0, problem: format!("no connection: {error}") })?;
    run.steps(steps, mode)?;
    let failed = |problem| Mismatch { step: steps.len(), problem };
    let connect = |address| Client::connect(address).map_err(|error| failed(error.to_string()));
    let (mut subject, mut oracle) = (connect(servers.subject)?, connect(servers.oracle)?);
    compare_counts(&mut subject, &mut oracle)
        .and_then(|()| compare_data(&mut subject, &mut oracle))
        .map_err(failed)
}

/// Empties both servers and takes back the settings that sequences change.
fn prepare(servers: Servers) {
    for address in [servers.subject, servers.oracle] {
        let mut client = Client::connect(address).expect("both servers run");
        // A run that failed half-way may have left its password; else this is a harmless error.
        client.cmd(&["AUTH", PASSWORD]);
        wait_until_alone(&mut client);
        assert!(client.run("FLUSHALL").is_ok());
        assert!(client.run("DEBUG SET-ACTIVE-EXPIRE 1").is_ok());
        let words: Vec<&str> = ["CONFIG", "SET"]
            .into_iter()
            .chain(CHANGED_SETTINGS.iter().flat_map(|(name, value)| [*name, *value]))
            .collect();
        let reply = client.cmd(&words);
        assert!(reply.is_ok(), "{words:?}: {reply:?}");
        assert!(client.run("CONFIG RESETSTAT").is_ok());
    }
}

/// A run that failed leaves connections with commands that may still be executed.
fn wait_until_alone(client: &mut Client) {
    for _ in 0..LEAVE_POLLS {
        if client.run("CLIENT LIST").text().lines().count() == 1 {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

struct Run {
    servers: Servers,
    protocol: u8,
    first: Pair,
    second: Pair,
}

impl Run {
    fn open(servers: Servers, protocol: u8) -> io::Result<Run> {
        let first = Pair::connect(servers, protocol)?;
        let second = Pair::connect(servers, protocol)?;
        Ok(Run { servers, protocol, first, second })
    }

    fn steps(&mut self, steps: &[Step], mode: Mode) -> Result<(), Mismatch> {
        let mut rng = Rng::new(match mode {
            Mode::Single => 0,
            Mode::Pipelined(seed) => seed,
        });
        let mut at = 0;
        while at < steps.len() {
            let limit = if mode == Mode::Single { 1 } else { 1 + rng.below(60) };
            let together =
                steps[at..].iter().take(limit).take_while(|step| !step.stands_alone()).count();
            if together == 0 {
                self.alone(&steps[at]).map_err(|problem| Mismatch { step: at, problem })?;
                at += 1;
            } else {
                self.pipeline(at, &steps[at..at + together], &mut rng)?;
                at += together;
            }
        }
        Ok(())
    }

    fn pipeline(&mut self, at: usize, steps: &[Step], rng: &mut Rng) -> Result<(), Mismatch> {
        let bytes: Vec<u8> = steps.iter().flat_map(Step::wire).collect();
        let failed = |index: usize, problem: String| Mismatch { step: at + index, problem };
        let cuts = if steps.len() == 1 && rng.percent(90) { 0 } else { rng.below(6) };
        self.send_in_pieces(&bytes, cuts, rng).map_err(|error| failed(0, error.to_string()))?;
        for (index, step) in steps.iter().enumerate() {
            if step.expect == Expect::Silence {
                continue;
            }
            let (ours, theirs) = self.first.read().map_err(|problem| failed(index, problem))?;
            self.first.check(step, &ours, &theirs).map_err(|problem| failed(index, problem))?;
        }
        Ok(())
    }

    fn send_in_pieces(&mut self, bytes: &[u8], cuts: usize, rng: &mut Rng) -> io::Result<()> {
        let mut ends: Vec<usize> = (0..cuts).map(|_| rng.below(bytes.len())).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let mut start = 0;
        for end in ends {
            self.first.subject.send_raw(&bytes[start..end])?;
            self.first.oracle.send_raw(&bytes[start..end])?;
            start = end;
            if end < bytes.len() && rng.percent(30) {
                std::thread::sleep(Duration::from_micros(150));
            }
        }
        Ok(())
    }

    fn alone(&mut self, step: &Step) -> Result<(), String> {
        match step.expect {
            Expect::WholeScan => return self.whole_scan(step),
            Expect::ReplyThenClose => return self.last_words(step),
            Expect::Reply | Expect::Silence => {}
        }
        let pair = match step.who {
            Who::First => &mut self.first,
            Who::Second => &mut self.second,
        };
        pair.subject.send(&step.args.0);
        pair.oracle.send(&step.args.0);
        let (ours, theirs) = pair.read()?;
        pair.check(step, &ours, &theirs)
    }

    fn last_words(&mut self, step: &Step) -> Result<(), String> {
        let bytes = step.wire();
        let sent =
            self.first.subject.send_raw(&bytes).and_then(|()| self.first.oracle.send_raw(&bytes));
        sent.map_err(|error| error.to_string())?;
        let (ours, theirs) = self.first.read()?;
        self.first.check(step, &ours, &theirs)?;
        let rest = self.first.subject.read_to_end();
        let rest = rest.map_err(|error| format!("shardwright keeps the connection: {error}"))?;
        let their_rest = self.first.oracle.read_to_end();
        let their_rest =
            their_rest.map_err(|error| format!("redis keeps the connection: {error}"))?;
        if rest != their_rest {
            let (ours, theirs) = (escape(&rest), escape(&their_rest));
            return Err(format!("more bytes before the end: {ours:?} instead of {theirs:?}"));
        }
        self.first =
            Pair::connect(self.servers, self.protocol).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn whole_scan(&mut self, step: &Step) -> Result<(), String> {
        let ours = scan_to_end(&mut self.first.subject, &step.args)?;
        let theirs = scan_to_end(&mut self.first.oracle, &step.args)?;
        if ours == theirs {
            return Ok(());
        }
        Err(format!("the scan finds others\n  shardwright: {ours:?}\n  redis:       {theirs:?}"))
    }
}

/// What a command of scanning looks like, and what it tells.
struct Scan {
    /// Where its cursor is among the arguments.
    cursor: usize,
    /// Elements of the reply that belong to one member.
    width: usize,
}

impl Scan {
    fn of(args: &Args) -> Scan {
        let name = args.0.first().map(|name| name.to_ascii_uppercase()).unwrap_or_default();
        match name.as_slice() {
            b"HSCAN" | b"ZSCAN" => Scan { cursor: 2, width: 2 },
            b"SSCAN" => Scan { cursor: 2, width: 1 },
            _ => Scan { cursor: 1, width: 1 },
        }
    }
}

/// All that one command of scanning finds when its cursor is followed, each with what belongs to
/// it; or its error.
fn scan_to_end(
    client: &mut Client,
    args: &Args,
) -> Result<Result<BTreeSet<Vec<Reply>>, Reply>, String> {
    let scan = Scan::of(args);
    let mut found = BTreeSet::new();
    let mut args = args.0.clone();
    for _ in 0..SCAN_CALLS {
        client.send_raw(&encode(&args)).map_err(|error| error.to_string())?;
        let reply = Reply::parse(&client.read_raw().map_err(|error| error.to_string())?);
        if reply.error().is_some() {
            return Ok(Err(reply));
        }
        let [cursor, members] = reply.items() else {
            return Err(format!("not a scan's reply: {reply:?}"));
        };
        found.extend(members.items().chunks(scan.width).map(<[Reply]>::to_vec));
        if cursor.bytes() == b"0" {
            return Ok(Ok(found));
        }
        args[scan.cursor] = cursor.bytes().to_vec();
    }
    Err("the scan never ends".into())
}

/// A failure, made small.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The command whose reply was wrong; empty for the final data.
    pub command: String,
    /// All that is needed to look into it.
    pub report: String,
}

/// Runs a sequence and, when it fails, leaves out what the failure does not need. Commands in
/// `known` have failed before: theirs are not made small again.
pub fn check(
    servers: Servers,
    title: &str,
    steps: &[Step],
    protocol: u8,
    mode: Mode,
    known: &dyn Fn(&str) -> bool,
) -> Option<Failure> {
    let mismatch = run(servers, steps, protocol, mode).err()?;
    let failing = steps.get(mismatch.step);
    let command = failing.map(name_of).unwrap_or_default();
    let mut report = format!(
        "{title}, {mode:?}, step {} of {}:\n  {}\n  {}\n",
        mismatch.step,
        steps.len(),
        failing.map_or("(final data)".into(), describe),
        mismatch.problem
    );
    if !known(&command) {
        let (small, problem) = shrink(servers, steps, protocol, mode, &mismatch);
        let list: Vec<String> =
            small.iter().map(|step| format!("    {}", describe(step))).collect();
        let list = list.join("\n");
        report.push_str(&format!("smaller, {} steps:\n{list}\n  {problem}\n", small.len()));
    }
    Some(Failure { command, report })
}

/// The command's name, with a subcommand's where there may be one.
fn name_of(step: &Step) -> String {
    const CONTAINERS: [&str; 6] = ["client", "command", "config", "debug", "object", "cluster"];
    let word = |at: usize| {
        let arg = step.args.0.get(at).map(|arg| arg.to_ascii_lowercase()).unwrap_or_default();
        escape(&arg)
    };
    let name = word(0);
    if families::all().all(|generator| generator.command != name) {
        return "(no command)".into();
    }
    if CONTAINERS.contains(&name.as_str()) { format!("{name} {}", word(1)) } else { name }
}

fn shrink(
    servers: Servers,
    steps: &[Step],
    protocol: u8,
    mode: Mode,
    first: &Mismatch,
) -> (Vec<Step>, String) {
    let mut problem = first.problem.clone();
    let mut kept: Vec<Step> = steps[..steps.len().min(first.step + 1)].to_vec();
    let fails = |candidate: &[Step]| run(servers, candidate, protocol, mode).err();
    let mut runs = 0;
    let mut chunk = kept.len() / 2;
    while chunk > 0 && runs < SHRINK_RUNS {
        let mut at = 0;
        while at < kept.len() && runs < SHRINK_RUNS {
            let candidate = without(&kept, at, chunk);
            runs += 1;
            match fails(&candidate) {
                Some(mismatch) if candidate.len() < kept.len() => {
                    kept = candidate;
                    problem = mismatch.problem;
                }
                _ => at += chunk,
            }
        }
        chunk /= 2;
    }
    (kept, problem)
}

/// The steps without those of the blocks that begin in `at..at + count`.
fn without(steps: &[Step], at: usize, count: usize) -> Vec<Step> {
    let gone: BTreeSet<usize> =
        steps[at..steps.len().min(at + count)].iter().map(|step| step.block).collect();
    steps.iter().filter(|step| !gone.contains(&step.block)).cloned().collect()
}
