//! Clients around a few streams: they add entries, read them for a group or for themselves, take
//! streams and groups away, and end each other's waits.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use shardwright_tests::{Reply, Rng};

use super::super::fault::{Check, Failure};
use super::super::program::{Draft, Expected, Pipeline, Program, Span};
use super::super::waits::streams;
use super::queue::{OTHER, failed};
use super::streams::{Fate, GROUPS, Sight, Streams, id, number};

/// What a reply has to be.
#[derive(Debug)]
enum Expect {
    /// Anything.
    Any,
    /// The ID of this element, which is now in this stream.
    Added(String, usize),
    /// What a transaction did.
    All(Vec<Expect>),
    /// Entries for a group.
    Consumed(Asked),
    /// Entries behind the IDs that were asked from, said at this moment.
    Followed(Asked, u64),
    /// How many waits were ended.
    Unblocked,
}

/// What a command asked for that may wait.
#[derive(Debug)]
struct Asked {
    keys: Vec<String>,
    after: Vec<String>,
    most: usize,
    is_endless: bool,
}

/// What a client does.
#[derive(Debug, Clone)]
pub enum Role {
    /// Adds entries.
    Adder,
    /// Reads for a group.
    Consumer,
    /// Reads for itself, on from where it was.
    Follower,
    /// Deletes entries.
    Deleter,
    /// Takes streams and groups away, and makes them anew.
    Breaker,
    /// Ends waits of clients with numbers below this.
    Unblocker(usize),
    /// Ends the waits of these clients, which do wait.
    Closer(Vec<u32>),
    /// Adds an entry to each of these streams.
    Feeder(Vec<String>),
}

/// A client.
pub struct Reader {
    streams: Rc<Streams>,
    name: usize,
    role: Role,
    left: usize,
    expected: VecDeque<Vec<Expect>>,
    /// Up to where it has seen each stream.
    seen: HashMap<String, String>,
}

impl Expected for Expect {
    fn queued() -> Self {
        Self::Any
    }

    fn all(commands: Vec<Self>) -> Self {
        Self::All(commands)
    }
}

impl Reader {
    /// A client that sends so many pipelines; `name` is nobody else's.
    pub fn new(streams: &Rc<Streams>, name: usize, role: Role, pipelines: usize) -> Self {
        Self {
            streams: Rc::clone(streams),
            name,
            role,
            left: pipelines,
            expected: VecDeque::new(),
            seen: HashMap::new(),
        }
    }

    fn add(&self, key: &str) -> (String, Expect) {
        let element = self.streams.element();
        (format!("XADD {key} * f e{element}"), Expect::Added(key.into(), element))
    }

    fn say_add(&self, rng: &mut Rng, draft: &mut Draft<Expect>) {
        let mut commands = Vec::new();
        for _ in 0..1 + rng.below(4) {
            commands.push(self.add(self.streams.key(rng)));
        }
        if rng.percent(40) {
            return draft.transaction(commands);
        }
        commands.into_iter().for_each(|(line, expect)| draft.say(&line, expect));
    }

    /// Some streams, each once, and how a command reads them that may wait.
    fn ask(&self, rng: &mut Rng) -> (Asked, String) {
        let mut keys: Vec<String> = Vec::new();
        for _ in 0..1 + rng.below(3) {
            let key = self.streams.key(rng).to_owned();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let is_endless = rng.percent(40);
        let mut options = match is_endless {
            true => "BLOCK 0".to_owned(),
            false => format!("BLOCK {}", 1 + rng.below(40)),
        };
        let most = if rng.percent(50) { 1 + rng.below(2) } else { usize::MAX };
        if most < usize::MAX {
            options = format!("COUNT {most} {options}");
        }
        (Asked { keys, after: Vec::new(), most, is_endless }, options)
    }

    fn say_consume(&self, rng: &mut Rng, draft: &mut Draft<Expect>) {
        if rng.percent(3) {
            draft.say(&format!("HELLO {}", 2 + rng.below(2)), Expect::Any);
        }
        for _ in 0..1 + rng.below(2) {
            let (asked, options) = self.ask(rng);
            let noack = if rng.percent(30) { " NOACK" } else { "" };
            let (group, keys) = (rng.pick(&GROUPS), asked.keys.join(" "));
            let news = vec![">"; asked.keys.len()].join(" ");
            let by = format!("GROUP {group} c{}", self.name);
            let line = format!("XREADGROUP {by} {options}{noack} STREAMS {keys} {news}");
            draft.say(&line, Expect::Consumed(asked));
            if rng.percent(30) {
                let (line, expect) = self.add(self.streams.key(rng));
                draft.say(&line, expect);
            }
        }
    }

    fn say_follow(&self, rng: &mut Rng, draft: &mut Draft<Expect>) {
        let (mut asked, options) = self.ask(rng);
        let mut after = |key: &String| match self.seen.get(key) {
            Some(seen) => seen.clone(),
            None if rng.percent(50) => "0-0".into(),
            None => "$".into(),
        };
        asked.after = asked.keys.iter().map(&mut after).collect();
        let (keys, ids) = (asked.keys.join(" "), asked.after.join(" "));
        let expect = Expect::Followed(asked, self.streams.moment());
        draft.say(&format!("XREAD {options} STREAMS {keys} {ids}"), expect);
    }

    fn say_delete(&self, rng: &mut Rng, draft: &mut Draft<Expect>) {
        let mut elements = self.streams.elements.borrow_mut();
        if elements.is_empty() {
            return draft.say("PING", Expect::Any);
        }
        let at = rng.below(elements.len());
        match &elements[at].place {
            Some((key, id, _)) => draft.say(&format!("XDEL {key} {id}"), Expect::Any),
            None => return draft.say("PING", Expect::Any),
        }
        elements[at].deleted = true;
    }

    fn say_break(&self, rng: &mut Rng, draft: &mut Draft<Expect>) {
        let (key, other) = (self.streams.key(rng), self.streams.key(rng));
        let group = rng.pick(&GROUPS);
        let make = format!("XGROUP CREATE {key} {group} $ MKSTREAM");
        let line = match rng.below(18) {
            0 => format!("{} {key}", rng.pick(&["DEL", "UNLINK"])),
            1 => format!("PEXPIRE {key} {}", 1 + rng.below(20)),
            2 => rng.pick(&["FLUSHDB", "FLUSHALL"]).to_owned(),
            3 | 4 => format!("SWAPDB 0 {OTHER}"),
            5 => format!("RENAME {key} aside"),
            6 => format!("RENAME aside {key}"),
            7 => format!("RENAME {key} {other}"),
            8 => format!("SET {key} text PX {}", 1 + rng.below(20)),
            9 => format!("XGROUP DESTROY {key} {group}"),
            10 => format!("XGROUP DELCONSUMER {key} {group} c{}", rng.below(8)),
            11 => format!("XTRIM {key} MAXLEN {}", rng.below(2)),
            12 => format!("XGROUP SETID {key} {group} $"),
            13 => make,
            14 => {
                let select = |db: u16| (format!("SELECT {db}"), Expect::Any);
                let add = self.add(key);
                let commands = vec![select(OTHER), add, (make, Expect::Any), select(0)];
                return draft.transaction(commands);
            }
            _ => {
                let del = (format!("DEL {key}"), Expect::Any);
                let commands = vec![del, (make, Expect::Any), self.add(key)];
                return draft.transaction(commands);
            }
        };
        draft.say(&line, Expect::Any);
    }

    fn judge(&mut self, expect: Expect, reply: &Reply) -> Result<(), Failure> {
        let (streams, kept) = (Rc::clone(&self.streams), self.streams.fate == Fate::Kept);
        let wrong = |what: &str| failed(Check::Reply, format!("{reply:?} {what}"));
        match expect {
            Expect::Any if kept && reply.error().is_some() => wrong("is an error"),
            Expect::Any => Ok(()),
            Expect::Added(key, element) => match reply {
                Reply::Bulk(id) => {
                    let id = String::from_utf8_lossy(id).into_owned();
                    let place = Some((key, id, streams.moment()));
                    streams.elements.borrow_mut()[element].place = place;
                    Ok(())
                }
                _ if kept => wrong("is no ID"),
                _ => Ok(()),
            },
            Expect::All(inner) => {
                let Reply::Array(items) = reply else { return wrong("is no transaction's") };
                inner.into_iter().zip(items).try_for_each(|(expect, item)| self.judge(expect, item))
            }
            Expect::Unblocked => {
                let Reply::Int(count) = *reply else { return wrong("is no number") };
                streams.note_unblocked(count as usize);
                Ok(())
            }
            Expect::Consumed(asked) | Expect::Followed(asked, _)
                if self.is_nothing(reply, asked.is_endless) =>
            {
                Ok(())
            }
            // Whether it was the right one, the watch over waits knows.
            Expect::Consumed(_) | Expect::Followed(..) if !kept && reply.error().is_some() => {
                Ok(())
            }
            Expect::Consumed(asked) => self.judge_consumed(&asked, reply),
            Expect::Followed(asked, moment) => self.judge_followed(&asked, moment, reply),
        }
    }

    /// Whether a wait ended without anything.
    fn is_nothing(&self, reply: &Reply, is_endless: bool) -> bool {
        let unblocked = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
        let is_unblocked = reply.error().is_some_and(|error| error == unblocked);
        if is_unblocked || *reply == Reply::Null && is_endless {
            self.streams.ended.set(self.streams.ended.get() + 1);
        }
        is_unblocked || *reply == Reply::Null
    }

    fn judge_consumed(&self, asked: &Asked, reply: &Reply) -> Result<(), Failure> {
        let wrong = || failed(Check::Reply, format!("{reply:?}, expected {asked:?}"));
        for (key, entries) in streams(reply) {
            let ids: Vec<_> = entries.iter().map(|(at, _)| id(at)).collect();
            let is_right = (1..=asked.most).contains(&ids.len()) && ids.is_sorted();
            if !asked.keys.contains(&key) || !is_right {
                return wrong();
            }
            for (_, element) in entries {
                let mut elements = self.streams.elements.borrow_mut();
                match elements.get_mut(number(&element)?) {
                    Some(element) => element.told += 1,
                    None => return wrong(),
                }
            }
        }
        if reply.error().is_some() { wrong() } else { Ok(()) }
    }

    fn judge_followed(&mut self, asked: &Asked, moment: u64, reply: &Reply) -> Result<(), Failure> {
        let wrong = || failed(Check::Reply, format!("{reply:?}, expected {asked:?}"));
        if reply.error().is_some() {
            return wrong();
        }
        for (key, entries) in streams(reply) {
            let Some(at) = asked.keys.iter().position(|name| *name == key) else { return wrong() };
            let after = &asked.after[at];
            let ids: Vec<_> = entries.iter().map(|(at, _)| id(at)).collect();
            let is_behind = after == "$" || ids.first().is_some_and(|first| *first > id(after));
            if !is_behind || !(1..=asked.most).contains(&ids.len()) || !ids.is_sorted() {
                return wrong();
            }
            let elements = self.streams.elements.borrow();
            for (_, element) in &entries {
                let Some(element) = elements.get(number(element)?) else { return wrong() };
                let is_old = element.place.as_ref().is_some_and(|(.., known)| *known < moment);
                if after == "$" && is_old && self.streams.fate == Fate::Kept {
                    return wrong();
                }
            }
            let last = entries.last().map(|(at, _)| at.clone()).unwrap_or_default();
            let from = if after == "$" { entries[0].0.clone() } else { after.clone() };
            self.seen.insert(key.clone(), last);
            self.streams.sights.borrow_mut().push(Sight { key, after: from, entries });
        }
        Ok(())
    }
}

impl Program for Reader {
    fn next(&mut self, rng: &mut Rng) -> Option<Pipeline> {
        self.left = self.left.checked_sub(1)?;
        let mut draft = Draft::default();
        match self.role.clone() {
            Role::Adder => self.say_add(rng, &mut draft),
            Role::Consumer => self.say_consume(rng, &mut draft),
            Role::Follower => self.say_follow(rng, &mut draft),
            Role::Deleter => self.say_delete(rng, &mut draft),
            Role::Breaker => self.say_break(rng, &mut draft),
            Role::Unblocker(clients) => {
                let (number, how) = (rng.below(clients), rng.pick(&["TIMEOUT", "ERROR"]));
                draft.say(&format!("CLIENT UNBLOCK {number} {how}"), Expect::Unblocked);
            }
            Role::Closer(clients) => clients.iter().for_each(|number| {
                draft.say(&format!("CLIENT UNBLOCK {number}"), Expect::Unblocked);
            }),
            Role::Feeder(keys) => keys.iter().for_each(|key| {
                let (line, expect) = self.add(key);
                draft.say(&line, expect);
            }),
        }
        self.expected.push_back(draft.expected);
        Some(draft.pipeline)
    }

    fn answered(&mut self, replies: Vec<Reply>, _: Span) -> Result<(), Failure> {
        let expected = self.expected.pop_front().unwrap_or_default();
        expected.into_iter().zip(&replies).try_for_each(|(expect, reply)| self.judge(expect, reply))
    }
}
