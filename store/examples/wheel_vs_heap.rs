//! Measures the timing wheel beside a binary heap with lazy deletion and an ordered set: what one
//! timer costs to insert, move, remove and fire, the longest turn, and memory.
//!
//! `cargo run --release -p shardwright-store --example wheel_vs_heap [timers ...]`
//!
//! Deadlines are uniform over an hour. The caller's own record of each deadline, which every way
//! needs (the wheel to place timers again, the heap to know stale entries), is not counted. Each
//! candidate runs in a process of its own, so that resident memory is its alone.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use shardwright_store::rng::Rng;
use shardwright_store::types::UnixMillis;
use shardwright_store::value::TimerId;
use shardwright_store::wheel::Wheel;

/// When the timers begin.
const START: i64 = 1_700_000_000_000;
/// Deadlines lie this far ahead at most.
const SPAN_MS: i64 = 3_600_000;
/// Operations that are timed together to find the longest turn.
const TURN: usize = 256;
/// Deadline of a timer that was removed.
const REMOVED: i64 = -1;

/// A way to keep timers. `deadlines` is the caller's record, indexed by what was inserted.
trait Timers {
    fn insert(&mut self, item: u32, deadline: i64);
    fn reschedule(&mut self, item: u32, old: i64, deadline: i64);
    fn remove(&mut self, item: u32, old: i64);
    /// Fires at most `budget` timers that are due; returns how many and whether more are.
    fn fire(&mut self, now: i64, budget: usize, deadlines: &[i64]) -> (usize, bool);
}

struct WheelTimers {
    wheel: Wheel,
    /// Timer of each item, as the entry of a key has it.
    ids: Vec<TimerId>,
    due: Vec<(TimerId, u64)>,
}

impl Timers for WheelTimers {
    fn insert(&mut self, item: u32, deadline: i64) {
        self.ids[item as usize] = self.wheel.insert(UnixMillis(deadline), u64::from(item));
    }

    fn reschedule(&mut self, item: u32, _old: i64, deadline: i64) {
        self.wheel.reschedule(self.ids[item as usize], UnixMillis(deadline));
    }

    fn remove(&mut self, item: u32, _old: i64) {
        self.wheel.remove(self.ids[item as usize]);
    }

    fn fire(&mut self, now: i64, budget: usize, deadlines: &[i64]) -> (usize, bool) {
        let mut deadline_of = |_, item: u64| UnixMillis(deadlines[item as usize]);
        let progress = self.wheel.advance(UnixMillis(now), budget, &mut deadline_of, &mut self.due);
        let fired = self.due.len();
        black_box(&self.due);
        self.due.clear();
        (fired, progress.more_due_now)
    }
}

/// Entries stay until they come up; those that no longer hold are dropped then.
#[derive(Default)]
struct HeapTimers(BinaryHeap<Reverse<(i64, u32)>>);

impl Timers for HeapTimers {
    fn insert(&mut self, item: u32, deadline: i64) {
        self.0.push(Reverse((deadline, item)));
    }

    fn reschedule(&mut self, item: u32, _old: i64, deadline: i64) {
        self.insert(item, deadline);
    }

    fn remove(&mut self, _item: u32, _old: i64) {}

    fn fire(&mut self, now: i64, budget: usize, deadlines: &[i64]) -> (usize, bool) {
        let mut fired = 0;
        for _ in 0..budget {
            match self.0.peek() {
                Some(&Reverse((deadline, item))) if deadline <= now => {
                    fired += usize::from(deadlines[item as usize] == deadline);
                    black_box(self.0.pop());
                }
                _ => return (fired, false),
            }
        }
        (fired, true)
    }
}

#[derive(Default)]
struct SetTimers(BTreeSet<(i64, u32)>);

impl Timers for SetTimers {
    fn insert(&mut self, item: u32, deadline: i64) {
        self.0.insert((deadline, item));
    }

    fn reschedule(&mut self, item: u32, old: i64, deadline: i64) {
        self.0.remove(&(old, item));
        self.0.insert((deadline, item));
    }

    fn remove(&mut self, item: u32, old: i64) {
        self.0.remove(&(old, item));
    }

    fn fire(&mut self, now: i64, budget: usize, _deadlines: &[i64]) -> (usize, bool) {
        for fired in 0..budget {
            match self.0.first() {
                Some(&(deadline, _)) if deadline <= now => black_box(self.0.pop_first()),
                _ => return (fired, false),
            };
        }
        (budget, true)
    }
}

/// Time of operations: that of the processor in all, and on the wall in turns of [`TURN`], which
/// other load on the machine prolongs.
struct Timing {
    begin: Duration,
    turns: Vec<Duration>,
}

impl Timing {
    fn start() -> Self {
        Self { begin: processor_time(), turns: Vec::new() }
    }

    /// Measures `count` calls.
    fn of(count: usize, what: &str, mut operation: impl FnMut(usize)) {
        let mut timing = Self::start();
        for turn in (0..count).step_by(TURN) {
            let begin = Instant::now();
            (turn..count.min(turn + TURN)).for_each(&mut operation);
            timing.turns.push(begin.elapsed());
        }
        timing.print(what, count);
    }

    fn print(mut self, what: &str, count: usize) {
        let total = processor_time().saturating_sub(self.begin);
        self.turns.sort_unstable();
        let us = |turn: Option<&Duration>| turn.map_or(0.0, |turn| turn.as_nanos() as f64 / 1000.0);
        println!(
            "  {what:<28} {:>7.0} ns each, turns: p99 {:>8.1} us, longest {:>9.1} us",
            total.as_nanos() as f64 / count.max(1) as f64,
            us(self.turns.get(self.turns.len() * 99 / 100)),
            us(self.turns.last()),
        );
    }
}

/// Time that this thread had a processor; 0 where /proc does not tell.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

/// Resident memory of this process in bytes; 0 where /proc does not tell.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

/// Turns `timers` through time, a millisecond a tick.
fn run_until(timers: &mut dyn Timers, from: i64, until: i64, deadlines: &[i64], what: &str) {
    let mut timing = Timing::start();
    let mut count = 0;
    let mut begin = Instant::now();
    for now in from..=until {
        let mut more = true;
        while more {
            let fired;
            (fired, more) = timers.fire(now, TURN, deadlines);
            let end = Instant::now();
            if fired > 0 || more {
                timing.turns.push(end - begin);
            }
            count += fired;
            begin = end;
        }
    }
    timing.print(what, count);
}

fn measure(timers: &mut dyn Timers, count: usize) {
    let mut rng = Rng::new(7);
    let mut random = |end: usize| rng.below(end as u64) as usize;
    let mut deadlines: Vec<i64> =
        (0..count).map(|_| START + random(SPAN_MS as usize) as i64).collect();
    let picks: Vec<u32> = (0..count).map(|_| random(count) as u32).collect();

    let before = resident();
    Timing::of(count, "insert", |item| timers.insert(item as u32, deadlines[item]));
    let bytes = resident().saturating_sub(before) as f64 / count as f64;
    println!("  {:<28} {bytes:>7.1} bytes a timer", "memory");

    Timing::of(count, "reschedule", |turn| {
        let item = picks[turn];
        let old = deadlines[item as usize];
        let deadline = START + (old - START + 1_234_567) % SPAN_MS;
        deadlines[item as usize] = deadline;
        timers.reschedule(item, old, deadline);
    });
    let bytes = resident().saturating_sub(before) as f64 / count as f64;
    println!("  {:<28} {bytes:>7.1} bytes a timer", "memory after as many changes");

    Timing::of(count / 4, "remove", |turn| {
        let item = picks[count - 1 - turn];
        let old = std::mem::replace(&mut deadlines[item as usize], REMOVED);
        if old != REMOVED {
            timers.remove(item, old);
        }
    });

    run_until(timers, START, START + SPAN_MS, &deadlines, "fire, over an hour");

    deadlines.fill_with(|| START + 2 * SPAN_MS + random(1000) as i64);
    (0..count).for_each(|item| timers.insert(item as u32, deadlines[item]));
    let end = START + 2 * SPAN_MS + 1000;
    run_until(timers, end - 1000, end, &deadlines, "fire, all in one second");
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [name, count] = arguments.as_slice()
        && let Ok(count) = count.parse::<usize>()
        && name.parse::<usize>().is_err()
    {
        match name.as_str() {
            "wheel" => {
                let wheel = Wheel::new(UnixMillis(START));
                let ids = (0..count).map(|item| TimerId(item as u32)).collect();
                measure(&mut WheelTimers { wheel, ids, due: Vec::with_capacity(TURN) }, count);
            }
            "heap" => measure(&mut HeapTimers::default(), count),
            _ => measure(&mut SetTimers::default(), count),
        }
        return ExitCode::SUCCESS;
    }
    let counts =
        if arguments.is_empty() { vec!["1000000".into(), "10000000".into()] } else { arguments };
    for count in counts {
        for name in ["wheel", "heap", "set"] {
            println!("{name}, {count} timers");
            let child = std::env::current_exe()
                .and_then(|exe| Command::new(exe).args([name, &count]).status());
            if !child.is_ok_and(|status| status.success()) {
                eprintln!("measuring {name} failed");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
