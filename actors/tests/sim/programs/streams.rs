//! A few streams with elements that are added once, and what all who read them know of these: in the
//! end every group must have given each element to one consumer, and whoever reads for himself must
//! have seen all behind the ID that he asked from.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use shardwright_tests::{Reply, Rng};

use super::super::fault::{Check, Failure};
use super::super::program::{Pipeline, Program, Span};
use super::super::waits::{Entry, Kind, Read, Wait, entries};
use super::queue::failed;

/// Groups of every stream.
pub const GROUPS: [&str; 2] = ["g", "h"];

/// What may happen to streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They stay, with their groups, and lose entries by XDEL alone.
    Kept,
    /// They and their groups come and go.
    Lost,
}

/// An ID as numbers, in their order.
pub fn id(text: &str) -> (u64, u64) {
    let mut parts = text.split('-').map(|part| part.parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap_or(0))
}

/// What is known of an element.
#[derive(Debug, Clone, Default)]
pub(super) struct Element {
    /// Its stream and ID, and when that was known.
    pub(super) place: Option<(String, String, u64)>,
    /// It may have been deleted.
    pub(super) deleted: bool,
    /// How often a client said that it got it for a group.
    pub(super) told: usize,
}

/// What somebody saw of a stream: all from behind one ID up to another.
pub(super) struct Sight {
    pub(super) key: String,
    pub(super) after: String,
    pub(super) entries: Vec<Entry>,
}

/// The streams, and what is known of their elements.
pub struct Streams {
    pub(super) keys: Vec<String>,
    /// What may happen to them.
    pub fate: Fate,
    pub(super) elements: RefCell<Vec<Element>>,
    pub(super) sights: RefCell<Vec<Sight>>,
    /// Counts what clients said and were told.
    moment: Cell<u64>,
    pub(super) unblocked: Cell<usize>,
    pub(super) ended: Cell<usize>,
}

impl Streams {
    /// Some streams under names chosen by chance.
    pub fn new(rng: &mut Rng, fate: Fate) -> Rc<Self> {
        let (base, count) = (rng.below(10_000), 1 + rng.below(4));
        Rc::new(Self {
            keys: (0..count).map(|at| format!("s:{}", base + at)).collect(),
            fate,
            elements: RefCell::default(),
            sights: RefCell::default(),
            moment: Cell::new(0),
            unblocked: Cell::new(0),
            ended: Cell::new(0),
        })
    }

    /// What makes all streams and their groups.
    pub fn opening(&self) -> Vec<String> {
        let of_key = |key: &String| GROUPS.map(|g| format!("XGROUP CREATE {key} {g} 0 MKSTREAM"));
        self.keys.iter().flat_map(of_key).collect()
    }

    pub(super) fn key<'a>(&'a self, rng: &mut Rng) -> &'a str {
        &self.keys[rng.below(self.keys.len())]
    }

    /// The next moment.
    pub(super) fn moment(&self) -> u64 {
        self.moment.set(self.moment.get() + 1);
        self.moment.get()
    }

    /// An element that was never there.
    pub(super) fn element(&self) -> usize {
        self.elements.borrow_mut().push(Element::default());
        self.elements.borrow().len() - 1
    }

    /// So many waits were ended by CLIENT UNBLOCK.
    pub fn note_unblocked(&self, count: usize) {
        self.unblocked.set(self.unblocked.get() + count);
    }

    /// Whether somebody waits for what is there, or for a group that is not.
    ///
    /// # Errors
    /// Somebody does.
    pub fn nobody_waits_in_vain(&self, waits: &[&Wait], found: &Found) -> Result<(), Failure> {
        for wait in waits.iter().filter(|wait| wait.kind == Kind::Stream) {
            for (key, after) in wait.keys.iter().zip(&wait.behind) {
                let stream = found.get(key);
                let last = stream.and_then(|stream| stream.entries.last());
                let after = match &wait.member {
                    Some(member) => match stream.and_then(|s| s.groups.get(&member.group)) {
                        Some(group) => Some(id(&group.last)),
                        None => return self.vain(wait, key, "has no such group"),
                    },
                    // What came before that, nobody knows.
                    None if after == "$" => None,
                    None => Some(id(after)),
                };
                if let (Some((last, _)), Some(after)) = (last, after)
                    && id(last) > after
                {
                    return self.vain(wait, key, &format!("has {last} behind {after:?}"));
                }
            }
        }
        Ok(())
    }

    fn vain(&self, wait: &Wait, key: &str, what: &str) -> Result<(), Failure> {
        let Wait { conn, keys, behind, member, .. } = wait;
        let text = format!("{conn:?} waits for {keys:?} {behind:?} {member:?}, and {key} {what}");
        failed(Check::Delivery, text)
    }

    /// Whether all that was read was read rightly: of each group an element by one consumer, who knows
    /// of it unless it was cut off. `reads` tells what left the data, and whether who read it was cut
    /// off.
    ///
    /// # Errors
    /// It was not, or somebody's wait was ended by nobody.
    pub fn judge<'a>(
        &self,
        reads: impl Iterator<Item = (&'a Read, bool)>,
        found: &Found,
    ) -> Result<(), Failure> {
        let mut given: HashMap<(&str, &str), &Read> = HashMap::new();
        let mut told = vec![(0, 0); self.elements.borrow().len()];
        for (read, is_cut) in reads {
            let Some(member) = &read.member else { continue };
            for (_, element) in &read.entries {
                let (least, most) = &mut told[number(element)?];
                (*least, *most) = (*least + usize::from(!is_cut), *most + 1);
                if let Some(other) = given.insert((&member.group, element), read) {
                    let text = format!("{:?} and {:?} got {element}", other.conn, read.conn);
                    return failed(Check::Delivery, text);
                }
            }
        }
        for (at, ((least, most), element)) in told.iter().zip(&*self.elements.borrow()).enumerate()
        {
            if !(*least..=*most).contains(&element.told) {
                let text = format!("e{at} was given {least} to {most} times: {element:?}");
                return failed(Check::Delivery, text);
            }
        }
        if self.fate == Fate::Kept {
            self.judge_kept(&given, found)?;
        }
        let (unblocked, ended) = (self.unblocked.get(), self.ended.get());
        if ended > unblocked {
            return failed(Check::Reply, format!("{ended} waits were ended by {unblocked}"));
        }
        Ok(())
    }

    /// Whether nothing is lost of streams that were always there.
    fn judge_kept(
        &self,
        given: &HashMap<(&str, &str), &Read>,
        found: &Found,
    ) -> Result<(), Failure> {
        for (at, element) in self.elements.borrow().iter().enumerate() {
            let Some((key, id, _)) = &element.place else { continue };
            let there = found.get(key).is_some_and(|s| s.entries.iter().any(|(at, _)| at == id));
            if !there && !element.deleted {
                return failed(Check::Delivery, format!("e{at} is nowhere: {element:?}"));
            }
        }
        for (key, stream) in found {
            for (name, group) in &stream.groups {
                for (at, element) in &stream.entries {
                    let is_read = id(at) <= id(&group.last);
                    if is_read != given.contains_key(&(name.as_str(), element.as_str())) {
                        let text = format!("{name} has read {key} up to {}: {element}", group.last);
                        return failed(Check::Delivery, text);
                    }
                }
                let wanted = pending(given, key, name);
                if group.pending != wanted {
                    let text = format!("of {key} {name} has {:?}, not {wanted:?}", group.pending);
                    return failed(Check::Delivery, text);
                }
            }
        }
        for Sight { key, after, entries } in &*self.sights.borrow() {
            let (Some(stream), Some((last, _))) = (found.get(key), entries.last()) else {
                continue;
            };
            let is_seen = |at: &str| entries.iter().any(|(seen, _)| seen == at);
            let passed = |(at, _): &&Entry| id(at) > id(after) && id(at) < id(last);
            if let Some(entry) = stream.entries.iter().filter(passed).find(|(at, _)| !is_seen(at)) {
                let text = format!("{entry:?} of {key} was not seen between {after} and {last}");
                return failed(Check::Delivery, text);
            }
        }
        Ok(())
    }
}

/// What must be pending in a group: IDs with their consumers.
fn pending(
    given: &HashMap<(&str, &str), &Read>,
    key: &str,
    group: &str,
) -> BTreeSet<(String, String)> {
    let mut pending = BTreeSet::new();
    for ((_, element), read) in given {
        let Some(member) = read.member.as_ref().filter(|member| !member.noack) else { continue };
        if read.key == key && member.group == group {
            let ids = read.entries.iter().filter(|(_, name)| name == element);
            pending.extend(ids.map(|(id, _)| (id.clone(), member.consumer.clone())));
        }
    }
    pending
}

/// The number of an element.
pub(super) fn number(element: &str) -> Result<usize, Failure> {
    match element.strip_prefix('e').and_then(|number| number.parse().ok()) {
        Some(number) => Ok(number),
        None => failed(Check::Delivery, format!("{element} was added by nobody")),
    }
}

/// A group as it is found.
#[derive(Debug, Default)]
pub struct Group {
    /// The last ID that it has read.
    last: String,
    /// IDs that are pending, with their consumers.
    pending: BTreeSet<(String, String)>,
}

/// A stream as it is found.
#[derive(Debug, Default)]
pub struct Stream {
    entries: Vec<Entry>,
    groups: BTreeMap<String, Group>,
}

/// What lies in the streams.
pub type Found = BTreeMap<String, Stream>;

/// Looks at all streams.
pub struct Inspector {
    keys: Option<Vec<String>>,
    said: Vec<String>,
    found: Rc<RefCell<Found>>,
}

impl Inspector {
    /// Looks into this.
    pub fn new(streams: &Streams, found: &Rc<RefCell<Found>>) -> Self {
        Self { keys: Some(streams.keys.clone()), said: Vec::new(), found: Rc::clone(found) }
    }
}

impl Program for Inspector {
    fn next(&mut self, _: &mut Rng) -> Option<Pipeline> {
        self.said = self.keys.take()?;
        let mut pipeline = Pipeline::default();
        for key in &self.said {
            pipeline.line(&format!("XRANGE {key} - +"));
            pipeline.line(&format!("XINFO GROUPS {key}"));
            GROUPS
                .iter()
                .for_each(|group| pipeline.line(&format!("XPENDING {key} {group} - + 999")));
        }
        Some(pipeline)
    }

    fn answered(&mut self, replies: Vec<Reply>, _: Span) -> Result<(), Failure> {
        for (key, replies) in self.said.iter().zip(replies.chunks(2 + GROUPS.len())) {
            let Reply::Array(groups) = &replies[1] else { continue };
            let mut stream = Stream { entries: entries(&replies[0]), groups: BTreeMap::new() };
            for group in groups {
                let fields: HashMap<String, &Reply> =
                    group.items().chunks(2).map(|pair| (pair[0].text(), &pair[1])).collect();
                let name = fields["name"].text();
                let at = GROUPS.iter().position(|group| *group == name).unwrap();
                let of = |entry: &Reply| (entry.items()[0].text(), entry.items()[1].text());
                // It may have expired meanwhile.
                let Reply::Array(pending) = &replies[2 + at] else { continue };
                let pending = pending.iter().map(of).collect();
                let last = fields["last-delivered-id"].text();
                stream.groups.insert(name, Group { last, pending });
            }
            self.found.borrow_mut().insert(key.clone(), stream);
        }
        Ok(())
    }
}
