//! Clients that move money between accounts on all shards, and clients that count it.
//!
//! Only one client touches the first two accounts: it knows what they hold and sets both at once.
//! Everybody moves money between the others.

use shardwright_tests::{Reply, Rng};

use super::super::fault::{Check, Failure};
use super::super::program::{Pipeline, Program, Span};

/// Accounts of the one who knows what is in them.
const OWN: [usize; 2] = [0, 1];

/// What every account has at first.
const DEPOSIT: i64 = 100;

/// The bank.
#[derive(Debug, Clone)]
pub struct Bank {
    accounts: Vec<String>,
}

impl Bank {
    /// A bank with so many accounts, under names chosen by chance.
    pub fn new(rng: &mut Rng, accounts: usize) -> Self {
        let base = rng.below(10_000);
        Self { accounts: (0..accounts).map(|at| format!("bank:{}", base + at)).collect() }
    }

    /// What opens the accounts.
    pub fn opening(&self) -> Vec<String> {
        let pairs: Vec<_> = self.accounts.iter().map(|name| format!("{name} {DEPOSIT}")).collect();
        vec![format!("MSET {}", pairs.join(" "))]
    }

    /// Two different accounts that everybody uses.
    fn pair(&self, rng: &mut Rng) -> (&str, &str) {
        let common = &self.accounts[OWN.len()..];
        let from = rng.below(common.len());
        let to = (from + 1 + rng.below(common.len() - 1)) % common.len();
        (&common[from], &common[to])
    }

    fn total(&self) -> i64 {
        DEPOSIT * self.accounts.len() as i64
    }
}

fn no_errors(replies: &[Reply]) -> Result<(), Failure> {
    match replies.iter().find_map(Reply::error) {
        Some(error) => Err(Failure::new(Check::Reply, error)),
        None => Ok(()),
    }
}

/// Sets its own two accounts.
pub struct Setter {
    bank: Bank,
    left: usize,
    balance: [i64; 2],
    /// By two commands instead of one: what the others must notice.
    torn: bool,
}

impl Setter {
    /// Moves money so many times; `torn` if by two commands.
    pub fn new(bank: &Bank, times: usize, torn: bool) -> Self {
        Self { bank: bank.clone(), left: times, balance: [DEPOSIT; 2], torn }
    }
}

impl Program for Setter {
    fn next(&mut self, rng: &mut Rng) -> Option<Pipeline> {
        self.left = self.left.checked_sub(1)?;
        let amount = rng.between(1, 50);
        self.balance = [self.balance[0] - amount, self.balance[1] + amount];
        let [a, b] = OWN.map(|at| format!("{} {}", self.bank.accounts[at], self.balance[at]));
        let mut pipeline = Pipeline::default();
        if self.torn {
            pipeline.line(&format!("SET {a}"));
            pipeline.line(&format!("SET {b}"));
        } else {
            pipeline.line(&format!("MSET {a} {b}"));
        }
        Some(pipeline)
    }

    fn answered(&mut self, replies: Vec<Reply>, _: Span) -> Result<(), Failure> {
        no_errors(&replies)
    }

    fn window(&self) -> usize {
        2
    }
}

/// Moves by transactions of INCRBY and DECRBY.
pub struct Mover {
    bank: Bank,
    left: usize,
}

impl Mover {
    /// Moves money so many times.
    pub fn new(bank: &Bank, times: usize) -> Self {
        Self { bank: bank.clone(), left: times }
    }
}

impl Program for Mover {
    fn next(&mut self, rng: &mut Rng) -> Option<Pipeline> {
        self.left = self.left.checked_sub(1)?;
        let amount = rng.between(1, 50);
        let (from, to) = self.bank.pair(rng);
        let mut pipeline = Pipeline::default();
        pipeline.line("MULTI");
        pipeline.line(&format!("DECRBY {from} {amount}"));
        pipeline.line(&format!("INCRBY {to} {amount}"));
        pipeline.line("EXEC");
        Some(pipeline)
    }

    fn answered(&mut self, replies: Vec<Reply>, _: Span) -> Result<(), Failure> {
        no_errors(&replies)
    }

    fn window(&self) -> usize {
        3
    }
}

/// Moves by WATCH: reads what two accounts have, and sets both if nobody came between.
pub struct Watcher {
    bank: Bank,
    left: usize,
    stage: Stage,
}

#[derive(Debug, Clone)]
enum Stage {
    Watch,
    Read { from: String, to: String },
    Set { from: String, to: String, had: [i64; 2] },
    Forget,
}

impl Watcher {
    /// Tries to move money so many times.
    pub fn new(bank: &Bank, times: usize) -> Self {
        Self { bank: bank.clone(), left: times, stage: Stage::Watch }
    }
}

impl Program for Watcher {
    fn next(&mut self, rng: &mut Rng) -> Option<Pipeline> {
        let mut pipeline = Pipeline::default();
        match &self.stage {
            Stage::Watch => {
                self.left = self.left.checked_sub(1)?;
                let (from, to) = self.bank.pair(rng);
                if rng.percent(50) {
                    pipeline.line(&format!("WATCH {from} {to}"));
                } else {
                    pipeline.line(&format!("WATCH {from}"));
                    pipeline.line(&format!("WATCH {to}"));
                }
                self.stage = Stage::Read { from: from.into(), to: to.into() };
            }
            Stage::Read { from, to } => {
                pipeline.line(&format!("GET {from}"));
                pipeline.line(&format!("GET {to}"));
            }
            Stage::Set { from, to, had } => {
                let amount = rng.between(1, 50);
                pipeline.line("MULTI");
                pipeline.line(&format!("SET {from} {}", had[0] - amount));
                pipeline.line(&format!("SET {to} {}", had[1] + amount));
                pipeline.line(if rng.percent(80) { "EXEC" } else { "DISCARD" });
                self.stage = Stage::Watch;
            }
            Stage::Forget => {
                pipeline.line("UNWATCH");
                self.stage = Stage::Watch;
            }
        }
        Some(pipeline)
    }

    fn answered(&mut self, replies: Vec<Reply>, _: Span) -> Result<(), Failure> {
        no_errors(&replies)?;
        if let (Stage::Read { from, to }, Some(Reply::Bulk(_))) = (&self.stage, replies.first()) {
            let had = [&replies[0], &replies[1]].map(|reply| reply.text().parse().unwrap());
            self.stage = match self.left % 5 {
                4 => Stage::Forget,
                _ => Stage::Set { from: from.clone(), to: to.clone(), had },
            };
        }
        Ok(())
    }
}

/// Counts all money, by MGET or by a transaction.
pub struct Counter {
    bank: Bank,
    left: usize,
}

impl Counter {
    /// Counts so many times.
    pub fn new(bank: &Bank, times: usize) -> Self {
        Self { bank: bank.clone(), left: times }
    }
}

impl Program for Counter {
    fn next(&mut self, rng: &mut Rng) -> Option<Pipeline> {
        self.left = self.left.checked_sub(1)?;
        let mut pipeline = Pipeline::default();
        if rng.percent(50) {
            pipeline.line(&format!("MGET {}", self.bank.accounts.join(" ")));
        } else {
            pipeline.line("MULTI");
            self.bank.accounts.iter().for_each(|name| pipeline.line(&format!("GET {name}")));
            pipeline.line("EXEC");
        }
        Some(pipeline)
    }

    fn answered(&mut self, replies: Vec<Reply>, _: Span) -> Result<(), Failure> {
        no_errors(&replies)?;
        let balances = replies.last().unwrap().items();
        let sum: i64 = balances.iter().map(|b| b.text().parse::<i64>().unwrap()).sum();
        if sum == self.bank.total() {
            return Ok(());
        }
        let text = format!("{balances:?} make {sum}, not {}", self.bank.total());
        Err(Failure::new(Check::Sum, text))
    }

    fn window(&self) -> usize {
        2
    }
}
