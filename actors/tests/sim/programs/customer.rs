//! Clients around a few queues: they push elements, wait for some, move them on, and end each other's
//! waits. What becomes of every element they note together, in the queues.

use std::collections::VecDeque;
use std::rc::Rc;

use shardwright_tests::{Reply, Rng};

use super::super::fault::{Check, Failure};
use super::super::program::{Draft, Expected, Pipeline, Program, Span};
use super::super::waits::Kind;
use super::queue::{Goods, OTHER, Queues, failed};

/// What a reply has to be.
#[derive(Debug)]
enum Expect {
    /// No error.
    Fine,
    /// Anything.
    Any,
    /// These elements are there now, unless the key has another type.
    Pushed(Vec<usize>),
    /// What a transaction did.
    All(Vec<Expect>),
    /// Elements of one of these keys, or none.
    Taken(Taken),
    /// An element that is somewhere else now, or none. In the client's own list, if so said.
    Moved { is_endless: bool, is_own: bool },
    /// What the client moved to its own list.
    Own,
    /// One element or none.
    Popped,
    /// How many waits were ended.
    Unblocked,
}

/// What a command got that may wait.
#[derive(Debug)]
struct Taken {
    keys: Vec<String>,
    most: usize,
    is_endless: bool,
    /// This must not be it, since it was pushed behind the command.
    never: Option<usize>,
    /// This must be it.
    surely: Option<usize>,
}

/// What a client does.
#[derive(Debug, Clone)]
pub enum Role {
    /// Pushes elements.
    Pusher,
    /// Waits for elements.
    Taker,
    /// Waits for elements and moves them on.
    Mover,
    /// Takes what is there. It must live, since what it got is known by nobody else.
    Snatcher,
    /// Gives keys another type, and puts away what was there.
    Turner,
    /// Lets the database change places with another, and pushes there.
    Swapper,
    /// Ends waits of clients with numbers below this.
    Unblocker(usize),
    /// Ends the waits of these clients, which do wait.
    Closer(Vec<u32>),
    /// Pushes an element to each of these keys.
    Feeder(Vec<(String, Kind)>),
}

/// A client.
pub struct Customer {
    queues: Rc<Queues>,
    name: usize,
    role: Role,
    left: usize,
    window: usize,
    expected: VecDeque<Vec<Expect>>,
    /// What is in its own list.
    own: Vec<String>,
}

impl Expected for Expect {
    fn queued() -> Self {
        Self::Fine
    }

    fn all(commands: Vec<Self>) -> Self {
        Self::All(commands)
    }
}

/// A time to wait, and whether that is endless.
fn patience(rng: &mut Rng) -> (String, bool) {
    match rng.percent(40) {
        true => ("0".into(), true),
        false => (format!("0.0{:02}", 1 + rng.below(40)), false),
    }
}

fn side(rng: &mut Rng) -> &'static str {
    rng.pick(&["LEFT", "RIGHT"])
}

impl Customer {
    /// A client that sends so many pipelines; `name` is nobody else's.
    pub fn new(queues: &Rc<Queues>, name: usize, role: Role, pipelines: usize) -> Self {
        Self {
            queues: Rc::clone(queues),
            name,
            role,
            left: pipelines,
            window: 1 + name % 3,
            expected: VecDeque::new(),
            own: Vec::new(),
        }
    }

    /// A command that pushes to this key.
    fn push(&self, rng: &mut Rng, key: &str) -> (String, Expect) {
        if self.queues.goods == Goods::Mixed && rng.percent(30) {
            let element = self.queues.element();
            return (format!("ZADD {key} 1 e{element}"), Expect::Pushed(vec![element]));
        }
        let elements: Vec<_> = (0..1 + rng.below(3)).map(|_| self.queues.element()).collect();
        let names: Vec<_> = elements.iter().map(|element| format!("e{element}")).collect();
        let line = format!("{} {key} {}", rng.pick(&["LPUSH", "RPUSH"]), names.join(" "));
        (line, Expect::Pushed(elements))
    }

    /// Whether there are lists that only this client changes, and finds where it left them.
    fn has_own(&self) -> bool {
        self.queues.goods != Goods::Swapped
    }

    fn say_push(&self, rng: &mut Rng, draft: &mut Draft<Expect>) {
        let mut commands = Vec::new();
        for _ in 0..1 + rng.below(3) {
            let key = self.queues.key(rng);
            if rng.percent(80) {
                commands.push(self.push(rng, key));
                continue;
            }
            // First to a list that nobody waits for.
            let aside = self.queues.aside();
            commands.push(self.push(rng, &aside));
            let on = match rng.below(2) {
                0 => format!("RENAMENX {aside} {key}"),
                _ => format!("LMOVE {aside} {key} {} {}", side(rng), side(rng)),
            };
            commands.push((on, Expect::Any));
        }
        if rng.percent(40) {
            return draft.transaction(commands);
        }
        commands.into_iter().for_each(|(line, expect)| draft.say(&line, expect));
    }

    fn say_take(&self, rng: &mut Rng, draft: &mut Draft<Expect>) {
        if rng.percent(3) {
            draft.say(&format!("HELLO {}", 2 + rng.below(2)), Expect::Fine);
        }
        if self.has_own() && rng.percent(10) {
            return self.say_own(draft);
        }
        let keys: Vec<String> =
            (0..1 + rng.below(3)).map(|_| self.queues.key(rng).to_owned()).collect();
        let ((time, is_endless), names) = (patience(rng), keys.join(" "));
        let most = 1 + rng.below(2);
        let line = match rng.below(4) {
            _ if self.queues.goods == Goods::Mixed && rng.percent(40) => {
                format!("BZPOPMIN {names} {time}")
            }
            0 | 1 => format!("{} {names} {time}", rng.pick(&["BLPOP", "BRPOP"])),
            _ => format!("BLMPOP {time} {} {names} {} COUNT {most}", keys.len(), side(rng)),
        };
        let key = keys[0].clone();
        let behind = rng.percent(40).then(|| self.queues.element());
        let taken = Taken { keys, most, is_endless, never: behind, surely: None };
        draft.say(&line, Expect::Taken(taken));
        if let Some(element) = behind {
            let push = (format!("RPUSH {key} e{element}"), Expect::Pushed(vec![element]));
            match rng.percent(50) {
                true => draft.say(&push.0, push.1),
                false => draft.transaction(vec![push]),
            }
        }
    }

    /// What came before on the connection is there when somebody waits for it.
    fn say_own(&self, draft: &mut Draft<Expect>) {
        let key = self.queues.other(format!("own:{}", self.name));
        let element = self.queues.element();
        draft.say(&format!("RPUSH {key} e{element}"), Expect::Pushed(vec![element]));
        let line = format!("BLPOP {key} 0");
        let (keys, surely) = (vec![key], Some(element));
        let taken = Taken { keys, most: 1, is_endless: false, never: None, surely };
        draft.say(&line, Expect::Taken(taken));
    }

    fn say_move(&self, rng: &mut Rng, draft: &mut Draft<Expect>) {
        let (from, (time, is_endless)) = (self.queues.key(rng), patience(rng));
        let is_own = self.has_own() && rng.percent(30);
        let to = match is_own {
            true => self.queues.other(format!("moved:{}", self.name)),
            false => self.queues.key(rng).to_owned(),
        };
        let line = match rng.below(3) {
            0 if !is_own => format!("BRPOPLPUSH {from} {to} {time}"),
            _ if is_own => format!("BLMOVE {from} {to} {} RIGHT {time}", side(rng)),
            _ => {
                let (take, put) = (side(rng), side(rng));
                format!("BLMOVE {from} {to} {take} {put} {time}")
            }
        };
        draft.say(&line, Expect::Moved { is_endless, is_own });
        if is_own {
            draft.say(&format!("LRANGE {to} 0 -1"), Expect::Own);
        }
    }

    fn say_snatch(&self, rng: &mut Rng, draft: &mut Draft<Expect>) {
        let [from, to] = [(); 2].map(|()| self.queues.key(rng).to_owned());
        if rng.percent(50) {
            let pop = rng.pick(&["LPOP", "RPOP"]);
            return draft.say(&format!("{pop} {from}"), Expect::Popped);
        }
        let moved = Expect::Moved { is_endless: true, is_own: false };
        draft.transaction(vec![
            (format!("BLMOVE {from} {to} LEFT LEFT 0"), moved),
            (format!("RPOP {to}"), Expect::Popped),
        ]);
    }

    fn say_turn(&self, rng: &mut Rng, draft: &mut Draft<Expect>) {
        let key = self.queues.key(rng).to_owned();
        let aside = self.queues.aside();
        let push = match rng.percent(20) {
            true => (format!("SET {key} text PX {}", 1 + rng.below(20)), Expect::Fine),
            false => self.push(rng, &key),
        };
        draft.transaction(vec![(format!("RENAME {key} {aside}"), Expect::Any), push]);
    }

    /// Pushes in the other database, or lets the two change places.
    fn say_swap(&self, rng: &mut Rng, draft: &mut Draft<Expect>) {
        if rng.percent(50) {
            return draft.say(&format!("SWAPDB 0 {OTHER}"), Expect::Fine);
        }
        let mut commands = vec![(format!("SELECT {OTHER}"), Expect::Fine)];
        for _ in 0..1 + rng.below(3) {
            let key = self.queues.key(rng);
            commands.push(self.push(rng, key));
        }
        commands.push(("SELECT 0".into(), Expect::Fine));
        draft.transaction(commands);
    }

    fn say_feed(&self, keys: &[(String, Kind)], draft: &mut Draft<Expect>) {
        for (key, kind) in keys {
            let element = self.queues.element();
            let line = match kind {
                Kind::List => format!("RPUSH {key} e{element}"),
                Kind::SortedSet => format!("ZADD {key} 1 e{element}"),
                // Nobody here waits for those.
                Kind::Stream => continue,
            };
            draft.say(&line, Expect::Pushed(vec![element]));
        }
    }

    fn judge(&mut self, expect: Expect, reply: &Reply) -> Result<(), Failure> {
        let queues = Rc::clone(&self.queues);
        let wrong = |what: &str| failed(Check::Reply, format!("{reply:?} {what}"));
        let is_error = reply.error().is_some_and(|error| error.starts_with("WRONGTYPE"));
        let is_mistyped = is_error && queues.goods == Goods::Mixed;
        match expect {
            Expect::Any => Ok(()),
            Expect::Pushed(elements) => {
                let pushed = !is_mistyped;
                if pushed && !matches!(reply, Reply::Int(_)) {
                    return wrong("is no length");
                }
                let mut known = queues.elements.borrow_mut();
                elements.into_iter().for_each(|at| known[at].pushed = Some(pushed));
                Ok(())
            }
            Expect::All(inner) => {
                let Reply::Array(items) = reply else { return wrong("is no transaction's") };
                inner.into_iter().zip(items).try_for_each(|(expect, item)| self.judge(expect, item))
            }
            Expect::Unblocked => {
                let Reply::Int(count) = *reply else { return wrong("is no number") };
                queues.note_unblocked(count as usize);
                Ok(())
            }
            Expect::Taken(Taken { surely: None, is_endless, .. })
            | Expect::Moved { is_endless, .. }
                if self.is_nothing(reply, is_endless) =>
            {
                Ok(())
            }
            Expect::Moved { .. } | Expect::Taken(_) | Expect::Popped if is_mistyped => Ok(()),
            Expect::Popped if *reply == Reply::Null => Ok(()),
            _ if reply.error().is_some() => wrong("is an error"),
            Expect::Fine => Ok(()),
            Expect::Taken(taken) => self.judge_taken(&taken, reply),
            Expect::Moved { is_own, .. } => {
                self.own.extend(is_own.then(|| reply.text()));
                Ok(())
            }
            Expect::Own => {
                let found: Vec<_> = reply.items().iter().map(Reply::text).collect();
                if found == self.own { Ok(()) } else { wrong("is not what was moved there") }
            }
            Expect::Popped => queues.note(&reply.text(), |element| element.popped += 1),
        }
    }

    /// Whether a wait ended without anything.
    fn is_nothing(&self, reply: &Reply, is_endless: bool) -> bool {
        let is_unblocked = reply.error().is_some_and(|error| error.starts_with("UNBLOCKED"));
        let is_waiter = !matches!(self.role, Role::Snatcher);
        if is_unblocked || *reply == Reply::Null && is_endless && is_waiter {
            self.queues.ended.set(self.queues.ended.get() + 1);
        }
        is_unblocked || *reply == Reply::Null
    }

    fn judge_taken(&self, taken: &Taken, reply: &Reply) -> Result<(), Failure> {
        let wrong = || failed(Check::Reply, format!("{reply:?}, expected {taken:?}"));
        let Reply::Array(items) = reply else { return wrong() };
        let elements: Vec<String> = match items.as_slice() {
            [_, Reply::Array(elements)] => elements.iter().map(Reply::text).collect(),
            [_, element, ..] => vec![element.text()],
            _ => return wrong(),
        };
        let is_known = taken.keys.contains(&items[0].text());
        let is_right = (1..=taken.most.max(1)).contains(&elements.len());
        let has = |element: &Option<usize>| {
            element.is_some_and(|element| elements.contains(&format!("e{element}")))
        };
        if !is_known || !is_right || has(&taken.never) {
            return wrong();
        }
        if taken.surely.is_some() && !has(&taken.surely) {
            return wrong();
        }
        elements.iter().try_for_each(|name| self.queues.note(name, |element| element.taken += 1))
    }
}

impl Program for Customer {
    fn next(&mut self, rng: &mut Rng) -> Option<Pipeline> {
        self.left = self.left.checked_sub(1)?;
        let mut draft = Draft::default();
        let role = self.role.clone();
        for _ in 0..1 + rng.below(2) {
            match &role {
                Role::Pusher => self.say_push(rng, &mut draft),
                Role::Taker => self.say_take(rng, &mut draft),
                Role::Mover => self.say_move(rng, &mut draft),
                Role::Snatcher => self.say_snatch(rng, &mut draft),
                Role::Turner => self.say_turn(rng, &mut draft),
                Role::Swapper => self.say_swap(rng, &mut draft),
                Role::Unblocker(clients) => {
                    let (number, how) = (rng.below(*clients), rng.pick(&["TIMEOUT", "ERROR"]));
                    let line = format!("CLIENT UNBLOCK {number} {how}");
                    draft.say(&line, Expect::Unblocked);
                }
                Role::Closer(_) | Role::Feeder(_) => {}
            }
        }
        match &role {
            Role::Closer(clients) => clients.iter().for_each(|number| {
                let line = format!("CLIENT UNBLOCK {number}");
                draft.say(&line, Expect::Unblocked);
            }),
            Role::Feeder(keys) => self.say_feed(keys, &mut draft),
            _ => {}
        }
        self.expected.push_back(draft.expected);
        Some(draft.pipeline)
    }

    fn answered(&mut self, replies: Vec<Reply>, _: Span) -> Result<(), Failure> {
        let expected = self.expected.pop_front().unwrap_or_default();
        expected.into_iter().zip(&replies).try_for_each(|(expect, reply)| self.judge(expect, reply))
    }

    fn window(&self) -> usize {
        self.window
    }
}
