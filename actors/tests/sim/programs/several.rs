//! Clients that wait for several keys at once, and transactions that fill several: whom these serve,
//! and of which key, is foretold.

use std::rc::Rc;

use shardwright_tests::{Reply, Rng};

use super::super::fault::Failure;
use super::super::forecast::{Filled, Forecast};
use super::super::program::{Pipeline, Program, Span};
use super::super::waits::Kind;

/// Groups of each stream.
const GROUPS: [&str; 2] = ["g", "h"];

/// Keys that always have the same type.
pub struct Keys {
    keys: Vec<(String, Kind)>,
}

impl Keys {
    /// Some keys of each type, under names chosen by chance.
    pub fn new(rng: &mut Rng) -> Rc<Self> {
        let base = rng.below(10_000);
        let kinds = [Kind::List, Kind::SortedSet, Kind::Stream];
        let count = 1 + rng.below(4);
        let key = |at: usize| (format!("k:{}", base + at), kinds[at % kinds.len()]);
        Rc::new(Self { keys: (0..count * kinds.len()).map(key).collect() })
    }

    /// What makes the groups of all streams.
    pub fn opening(&self) -> Vec<String> {
        let streams = self.keys.iter().filter(|(_, kind)| *kind == Kind::Stream);
        let of_key = |(key, _): &(String, Kind)| {
            GROUPS.map(|group| format!("XGROUP CREATE {key} {group} $ MKSTREAM"))
        };
        streams.flat_map(of_key).collect()
    }
}

/// Waits for some of the keys, again and again.
pub struct Asker {
    keys: Rc<Keys>,
    name: usize,
    left: usize,
}

impl Asker {
    /// A client that waits so often; `name` is nobody else's.
    pub fn new(keys: &Rc<Keys>, name: usize, waits: usize) -> Self {
        Self { keys: Rc::clone(keys), name, left: waits }
    }

    /// Some keys in any order, most of them of this type, or all.
    fn some(&self, rng: &mut Rng, kind: Kind, only: bool) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for _ in 0..1 + rng.below(5) {
            let (name, of) = rng.choose(&self.keys.keys);
            if !names.contains(&name.as_str()) && (*of == kind || !only && rng.percent(10)) {
                names.push(name);
            }
        }
        if names.is_empty() {
            names
                .extend(self.keys.keys.iter().find(|(_, of)| *of == kind).map(|(name, _)| &**name));
        }
        names
    }

    fn line(&self, rng: &mut Rng) -> String {
        let kind = *rng.choose(&[Kind::List, Kind::SortedSet, Kind::Stream]);
        let for_group = kind == Kind::Stream && rng.percent(60);
        let keys = self.some(rng, kind, for_group);
        let (count, names) = (keys.len(), keys.join(" "));
        let ms = if rng.percent(60) { 0 } else { 1 + rng.below(60) };
        let (time, most) = (format!("0.{ms:03}"), 1 + rng.below(3));
        let limit = if rng.percent(50) { format!("COUNT {most} ") } else { String::new() };
        match kind {
            Kind::List if rng.percent(60) => {
                format!("{} {names} {time}", rng.pick(&["BLPOP", "BRPOP"]))
            }
            Kind::List => format!("BLMPOP {time} {count} {names} LEFT COUNT {most}"),
            Kind::SortedSet if rng.percent(60) => {
                format!("{} {names} {time}", rng.pick(&["BZPOPMIN", "BZPOPMAX"]))
            }
            Kind::SortedSet => format!("BZMPOP {time} {count} {names} MAX COUNT {most}"),
            Kind::Stream if for_group => {
                let noack = if rng.percent(50) { "NOACK " } else { "" };
                let by = format!("GROUP {} c{}", rng.pick(&GROUPS), self.name);
                let news = vec![">"; count].join(" ");
                format!("XREADGROUP {by} {limit}BLOCK {ms} {noack}STREAMS {names} {news}")
            }
            Kind::Stream => {
                format!("XREAD {limit}BLOCK {ms} STREAMS {names} {}", vec!["$"; count].join(" "))
            }
        }
    }
}

impl Program for Asker {
    fn next(&mut self, rng: &mut Rng) -> Option<Pipeline> {
        self.left = self.left.checked_sub(1)?;
        let mut pipeline = Pipeline::default();
        pipeline.line(&self.line(rng));
        Some(pipeline)
    }

    /// What it gets, the forecast knows.
    fn answered(&mut self, _: Vec<Reply>, _: Span) -> Result<(), Failure> {
        Ok(())
    }
}

/// Fills several keys in each of its transactions.
pub struct Filler {
    keys: Rc<Keys>,
    forecast: Rc<Forecast>,
    left: usize,
}

impl Filler {
    /// A client that sends so many transactions, and foretells whom they serve.
    pub fn new(keys: &Rc<Keys>, forecast: &Rc<Forecast>, transactions: usize) -> Self {
        Self { keys: Rc::clone(keys), forecast: Rc::clone(forecast), left: transactions }
    }

    /// The commands of a transaction. Notes what they leave.
    fn lines(&self, rng: &mut Rng) -> Vec<String> {
        let (mut lines, mut filled) = (Vec::new(), Vec::<Filled>::new());
        let (number, mut made) = (self.forecast.next(), 0);
        for _ in 0..1 + rng.below(6) {
            let (key, kind) = rng.choose(&self.keys.keys);
            let at = filled.iter().position(|filled| filled.key == *key);
            if let Some(at) = at
                && *kind != Kind::Stream
                && rng.percent(30)
            {
                lines.push(format!("DEL {key}"));
                filled[at].count = 0;
                continue;
            }
            let count = if *kind == Kind::Stream { 1 } else { 1 + rng.below(3) };
            let names: Vec<_> = (made..made + count).map(|n| format!("e{number}.{n}")).collect();
            made += count;
            lines.push(match kind {
                Kind::List => {
                    format!("{} {key} {}", rng.pick(&["LPUSH", "RPUSH"]), names.join(" "))
                }
                Kind::SortedSet => format!("ZADD {key} 1 {}", names.join(" 1 ")),
                Kind::Stream => format!("XADD {key} * f {}", names[0]),
            });
            match at {
                Some(at) => filled[at].count += count,
                None => filled.push(Filled { key: key.clone(), kind: *kind, count }),
            }
        }
        self.forecast.add(filled);
        lines
    }
}

impl Program for Filler {
    fn next(&mut self, rng: &mut Rng) -> Option<Pipeline> {
        self.left = self.left.checked_sub(1)?;
        let mut pipeline = Pipeline::default();
        pipeline.line("MULTI");
        self.lines(rng).iter().for_each(|line| pipeline.line(line));
        pipeline.line("EXEC");
        Some(pipeline)
    }

    fn answered(&mut self, replies: Vec<Reply>, _: Span) -> Result<(), Failure> {
        let items = replies.last().map(Reply::items).unwrap_or_default();
        match items.iter().find_map(Reply::error) {
            Some(error) => Err(Failure::new(super::super::fault::Check::Reply, error)),
            None => Ok(()),
        }
    }
}
