//! Foretells whom a transaction serves that makes several keys ready: the keys in the order in which
//! it fills them first, of each key those who wait in the order in which they came, each of them
//! once, as far as there is something left.
//!
//! That is the order of redis-server, as long as one transaction has all keys at hand and nobody
//! moves what he gets; `tests/tests/waiting.rs` asks it.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};

use shardwright_actors::messages::ConnId;
use shardwright_tests::Reply;

use super::fault::{Check, Failure};
use super::waits::{Kind, Wait, given, streams};

/// What a transaction leaves in a key.
#[derive(Debug, Clone)]
pub struct Filled {
    /// The key, where nothing was before for which somebody waited.
    pub key: String,
    /// What it is.
    pub kind: Kind,
    /// How many elements are there now.
    pub count: usize,
}

/// All transactions, by number, and what they leave in keys, in the order in which they fill them.
#[derive(Default)]
pub struct Forecast {
    transactions: RefCell<Vec<Vec<Filled>>>,
    /// How often somebody was served as foretold.
    pub right: Cell<usize>,
    /// How often a transaction served those who wait for several of its keys.
    pub several: Cell<usize>,
}

/// Who is served, of which key, and how many elements he gets.
type Service = (ConnId, String, usize);

impl Forecast {
    /// The number of the next transaction.
    pub fn next(&self) -> usize {
        self.transactions.borrow().len()
    }

    /// The next transaction leaves this. The names of its elements begin with `e`, its number and a
    /// dot.
    pub fn add(&self, filled: Vec<Filled>) {
        self.transactions.borrow_mut().push(filled);
    }

    /// Whom a transaction serves of those who wait.
    fn services(&self, number: usize, waits: &[Wait]) -> VecDeque<Service> {
        let transactions = self.transactions.borrow();
        let (mut served, mut services) = (HashSet::new(), VecDeque::new());
        for Filled { key, kind, count } in &transactions[number] {
            let is_for_it = |wait: &&Wait| wait.kind == *kind && wait.keys.contains(key);
            let mut line: Vec<_> = waits.iter().filter(is_for_it).collect();
            line.sort_by_key(|wait| wait.place());
            let mut left = HashMap::new();
            for wait in line.into_iter().filter(|wait| wait.place().is_some()) {
                // Of a stream each group gets all, and so does each who reads for itself.
                let mut all = *count;
                let left = match (kind, &wait.member) {
                    (Kind::Stream, None) => &mut all,
                    (_, member) => {
                        let group = member.as_ref().map(|member| &member.group);
                        left.entry(group).or_insert(*count)
                    }
                };
                let gets = wait.most.min(*left);
                if gets > 0 && served.insert(wait.number()) {
                    *left -= gets;
                    services.push_back((wait.conn, key.clone(), gets));
                }
            }
        }
        let keys: HashSet<_> = services.iter().map(|(_, key, _)| key).collect();
        self.several.set(self.several.get() + usize::from(keys.len() > 1));
        services
    }
}

/// What is left to be told of the transaction that serves now.
#[derive(Default)]
pub struct Telling {
    number: Option<usize>,
    left: VecDeque<Service>,
    /// Somebody came in the same turn, nobody knows whether before it.
    is_open: bool,
}

impl Telling {
    /// One of those who wait is answered.
    ///
    /// # Errors
    /// It was not its turn.
    pub fn answered(
        &mut self,
        forecast: &Forecast,
        waits: &[Wait],
        wait: &Wait,
        reply: &Reply,
    ) -> Result<(), Failure> {
        let Some((key, elements)) = elements(reply, wait.kind) else { return Ok(()) };
        let number = elements.first().and_then(|name| name[1..].split('.').next());
        let number = number.and_then(|number| number.parse().ok());
        let (Some(number), Some(_)) = (number, wait.place()) else { return Ok(()) };
        if self.number != Some(number) {
            self.end()?;
            self.number = Some(number);
            self.is_open = waits.iter().any(Wait::is_new_here);
            if !self.is_open {
                self.left = forecast.services(number, waits);
            }
        }
        if self.is_open {
            return Ok(());
        }
        let (found, wanted) = ((wait.conn, key, elements.len()), self.left.pop_front());
        if wanted.as_ref() != Some(&found) {
            let text = format!("transaction {number} serves {found:?}, not {wanted:?}");
            return Err(Failure::new(Check::Line, text));
        }
        forecast.right.set(forecast.right.get() + 1);
        Ok(())
    }

    /// What the transaction has to tell is told.
    ///
    /// # Errors
    /// It is not.
    pub fn end(&mut self) -> Result<(), Failure> {
        let Self { number, left, .. } = std::mem::take(self);
        match left.front() {
            Some(service) => {
                let text = format!("transaction {number:?} does not serve {service:?}");
                Err(Failure::new(Check::Line, text))
            }
            None => Ok(()),
        }
    }
}

/// The first key of a reply, and its elements.
fn elements(reply: &Reply, kind: Kind) -> Option<(String, Vec<String>)> {
    if kind != Kind::Stream {
        return given(reply);
    }
    let (key, entries) = streams(reply).into_iter().next()?;
    Some((key, entries.into_iter().map(|(_, element)| element).collect()))
}
