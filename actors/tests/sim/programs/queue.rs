//! A few queues with elements that are there once, and what all their customers know of these: in the
//! end every element must be in one place.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use shardwright_tests::{Reply, Rng};

use super::super::fault::{Check, Failure};
use super::super::program::{Pipeline, Program, Span};
use super::super::waits::{Kind, Wait};

/// What is known of an element.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Element {
    /// Whether it came to be there, once that was answered.
    pub(super) pushed: Option<bool>,
    /// How often a client that waited said that it got it.
    pub(super) taken: usize,
    /// How often somebody got it without waiting.
    pub(super) popped: usize,
}

/// The other database.
pub(super) const OTHER: u16 = 3;

/// What lies in the queues.
pub type Found = BTreeMap<(String, Kind), Vec<String>>;

/// What the queues are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goods {
    /// Lists.
    Lists,
    /// Lists in a database that changes places with another.
    Swapped,
    /// Lists or sorted sets, which keys change between.
    Mixed,
}

/// The queues, and what is known of their elements.
pub struct Queues {
    keys: Vec<String>,
    /// Keys beside them that may hold elements.
    others: RefCell<Vec<String>>,
    pub(super) elements: RefCell<Vec<Element>>,
    /// What they are.
    pub(super) goods: Goods,
    /// How often CLIENT UNBLOCK said that it had ended a wait.
    unblocked: Cell<usize>,
    /// Waits of which a client knows that they were ended so.
    pub(super) ended: Cell<usize>,
}

pub(super) fn failed<T>(check: Check, text: String) -> Result<T, Failure> {
    Err(Failure::new(check, text))
}

impl Queues {
    /// Some queues under names chosen by chance.
    pub fn new(rng: &mut Rng, goods: Goods) -> Rc<Self> {
        let most = if goods == Goods::Mixed { 2 } else { 5 };
        let (base, count) = (rng.below(10_000), 1 + rng.below(most));
        Rc::new(Self {
            keys: (0..count).map(|at| format!("q:{}", base + at)).collect(),
            others: RefCell::default(),
            elements: RefCell::default(),
            goods,
            unblocked: Cell::new(0),
            ended: Cell::new(0),
        })
    }

    pub(super) fn key<'a>(&'a self, rng: &mut Rng) -> &'a str {
        &self.keys[rng.below(self.keys.len())]
    }

    /// A key beside the queues.
    pub(super) fn other(&self, name: String) -> String {
        let mut others = self.others.borrow_mut();
        if !others.contains(&name) {
            others.push(name.clone());
        }
        name
    }

    /// A key that nobody else uses.
    pub(super) fn aside(&self) -> String {
        let number = self.others.borrow().len();
        self.other(format!("aside:{number}"))
    }

    /// An element that was never there.
    pub(super) fn element(&self) -> usize {
        let mut elements = self.elements.borrow_mut();
        elements.push(Element::default());
        elements.len() - 1
    }

    pub(super) fn note(
        &self,
        element: &str,
        note: impl FnOnce(&mut Element),
    ) -> Result<(), Failure> {
        let number = element.strip_prefix('e').and_then(|number| number.parse::<usize>().ok());
        let mut elements = self.elements.borrow_mut();
        match number.and_then(|number| elements.get_mut(number)) {
            Some(element) => {
                note(element);
                Ok(())
            }
            None => failed(Check::Delivery, format!("{element} was pushed by nobody")),
        }
    }

    /// So many waits were ended.
    pub fn note_unblocked(&self, count: usize) {
        self.unblocked.set(self.unblocked.get() + count);
    }

    /// Whether somebody waits for what is there.
    ///
    /// # Errors
    /// Somebody does.
    pub fn nobody_waits_in_vain(&self, waits: &[&Wait], found: &Found) -> Result<(), Failure> {
        for wait in waits {
            for key in &wait.keys {
                if let Some(there) = found.get(&(key.clone(), wait.kind)) {
                    let conn = wait.conn;
                    let text = format!("{conn:?} waits for {:?}, {key} has {there:?}", wait.keys);
                    return failed(Check::Delivery, text);
                }
            }
        }
        Ok(())
    }

    /// Whether every element that was pushed is in one place: still there, or given to one client,
    /// which knows of it unless it was cut off. `given` tells what clients got that waited, and
    /// whether they were cut off.
    ///
    /// # Errors
    /// An element is not, or somebody's wait was ended by nobody.
    pub fn judge<'a>(
        &self,
        given: impl Iterator<Item = (&'a str, bool)>,
        found: &Found,
    ) -> Result<(), Failure> {
        let count = self.elements.borrow().len();
        let (mut places, mut told) = (vec![0; count], vec![(0, 0); count]);
        let at = |element: &str| element[1..].parse::<usize>().unwrap();
        for (element, is_cut) in given {
            places[at(element)] += 1;
            let (least, most) = &mut told[at(element)];
            (*least, *most) = (*least + usize::from(!is_cut), *most + 1);
        }
        found.values().flatten().for_each(|element| places[at(element)] += 1);
        for (at, element) in self.elements.borrow().iter().enumerate() {
            let (places, (least, most)) = (places[at] + element.popped, told[at]);
            let is_right = match element.pushed {
                Some(pushed) => places == usize::from(pushed),
                None => places <= 1,
            };
            if !is_right || !(least..=most).contains(&element.taken) {
                let text = format!("e{at} is in {places} places, got by {most}: {element:?}");
                return failed(Check::Delivery, text);
            }
        }
        let (unblocked, ended) = (self.unblocked.get(), self.ended.get());
        if ended > unblocked {
            return failed(Check::Reply, format!("{ended} waits were ended by {unblocked}"));
        }
        Ok(())
    }
}

/// Reads all that lies in the queues.
pub struct Reader {
    keys: Option<Vec<String>>,
    said: Vec<String>,
    found: Rc<RefCell<Found>>,
}

impl Reader {
    /// Reads into this.
    pub fn new(queues: &Queues, found: &Rc<RefCell<Found>>) -> Self {
        let keys = [queues.keys.as_slice(), &queues.others.borrow()].concat();
        Self { keys: Some(keys), said: Vec::new(), found: Rc::clone(found) }
    }
}

impl Program for Reader {
    fn next(&mut self, _: &mut Rng) -> Option<Pipeline> {
        self.said = self.keys.take()?;
        let mut pipeline = Pipeline::default();
        for db in [OTHER, 0] {
            pipeline.line(&format!("SELECT {db}"));
            for key in &self.said {
                pipeline.line(&format!("LRANGE {key} 0 -1"));
                pipeline.line(&format!("ZRANGE {key} 0 -1"));
            }
        }
        Some(pipeline)
    }

    fn answered(&mut self, replies: Vec<Reply>, _: Span) -> Result<(), Failure> {
        let mut found = self.found.borrow_mut();
        let (other, here) = replies.split_at(replies.len() / 2);
        for (replies, prefix) in [(other, "other database's "), (here, "")] {
            for (key, replies) in self.said.iter().zip(replies[1..].chunks(2)) {
                for (kind, reply) in [Kind::List, Kind::SortedSet].into_iter().zip(replies) {
                    if let Reply::Array(elements) = reply
                        && !elements.is_empty()
                    {
                        let elements = elements.iter().map(Reply::text).collect();
                        found.insert((format!("{prefix}{key}"), kind), elements);
                    }
                }
            }
        }
        Ok(())
    }
}
