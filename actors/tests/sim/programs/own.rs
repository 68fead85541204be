//! A client with keys that nobody else touches: a model tells every reply beforehand. Between its
//! own commands it says some that others notice, whose replies nobody can tell.

use std::collections::VecDeque;

use shardwright_tests::{Reply, Rng};

use super::super::client::ANNOUNCED;
use super::super::fault::{Check, Failure};
use super::super::program::{Pipeline, Program, Span};
use super::model::Model;

/// What a reply must be; `None` if anything but an error of the protocol will do.
type Expected = Option<Reply>;

/// A client with keys of its own.
pub struct Own {
    model: Model,
    prefix: String,
    left: usize,
    longest: usize,
    /// Bytes of the largest value.
    largest: usize,
    expected: VecDeque<Vec<Expected>>,
    /// Commands of unanswered pipelines, for a report.
    said: VecDeque<Vec<String>>,
    /// Keys are on watch that others change.
    is_watching: bool,
}

/// Keys of one client.
const KEYS: usize = 6;

/// Bytes from which on values are sent to make large replies.
const LARGE: usize = 100_000;

/// Pipelines of a client that are sent before the first is answered.
const WINDOW: usize = 3;

/// What is being put together.
#[derive(Default)]
struct Draft {
    pipeline: Pipeline,
    expected: Vec<Expected>,
    said: Vec<String>,
    /// Replies are off.
    is_mute: bool,
}

impl Draft {
    fn say(&mut self, words: &[String], expected: Expected) {
        if self.is_mute {
            return self.say_mute(words);
        }
        self.pipeline.add(words);
        self.expected.push(expected);
        self.note(words);
    }

    fn say_mute(&mut self, words: &[String]) {
        self.pipeline.add_mute(words);
        self.note(words);
    }

    fn note(&mut self, words: &[String]) {
        let short = |word: &String| word.chars().take(20).collect::<String>();
        self.said.push(words.iter().map(short).collect::<Vec<_>>().join(" "));
    }

    fn line(&mut self, line: &str, expected: Expected) {
        self.say(&words(line), expected);
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn simple(text: &str) -> Expected {
    Some(Reply::Simple(text.into()))
}

impl Own {
    /// A client that sends so many pipelines; `name` is nobody else's.
    pub fn new(name: usize, pipelines: usize) -> Self {
        Self {
            model: Model::default(),
            prefix: format!("u{name}"),
            left: pipelines,
            longest: 12,
            largest: 12,
            expected: VecDeque::new(),
            said: VecDeque::new(),
            is_watching: false,
        }
    }

    /// The same with values of up to so many bytes.
    pub fn with_values(self, largest: usize) -> Self {
        Self { largest, ..self }
    }

    fn key(&self, rng: &mut Rng) -> String {
        format!("{}:{}", self.prefix, rng.below(KEYS))
    }

    fn keys(&self, rng: &mut Rng) -> String {
        let mut keys: Vec<usize> = (0..KEYS).collect();
        (0..KEYS).for_each(|at| keys.swap(at, at + rng.below(KEYS - at)));
        keys.truncate(2 + rng.below(3));
        let keys: Vec<_> = keys.iter().map(|key| format!("{}:{key}", self.prefix)).collect();
        keys.join(" ")
    }

    fn value(&self, rng: &mut Rng) -> String {
        match rng.below(3) {
            0 => rng.between(-5, 1_000_000).to_string(),
            _ => "v".repeat(1 + rng.below(self.largest)),
        }
    }

    /// A command on the client's own keys.
    fn own_words(&self, rng: &mut Rng) -> Vec<String> {
        let key = self.key(rng);
        words(&match rng.below(20) {
            0..=3 => format!("GET {key}"),
            4..=6 => format!("SET {key} {}", self.value(rng)),
            7 => format!("INCRBY {key} {}", rng.between(-9, 9)),
            8 => format!("APPEND {key} {}", self.value(rng)),
            9 => format!("STRLEN {key}"),
            10 => format!("GETSET {key} {}", self.value(rng)),
            11 => format!("GETDEL {key}"),
            12 => format!("SETNX {key} {}", self.value(rng)),
            13 => format!("DEL {}", self.keys(rng)),
            14 => format!("EXISTS {}", self.keys(rng)),
            15 => format!("MGET {}", self.keys(rng)),
            16 | 17 => {
                let keys = self.keys(rng);
                let pairs: Vec<_> =
                    keys.split(' ').map(|key| format!("{key} {}", self.value(rng))).collect();
                format!("{} {}", if rng.percent(70) { "MSET" } else { "MSETNX" }, pairs.join(" "))
            }
            18 => {
                let keys = self.keys(rng);
                let pair: Vec<_> = keys.split(' ').take(2).collect();
                format!("RENAMENX {} {}", pair[0], pair[1])
            }
            _ => {
                let keys = self.keys(rng);
                let pair: Vec<_> = keys.split(' ').take(2).collect();
                format!("COPY {} {} REPLACE", pair[0], pair[1])
            }
        })
    }

    fn say_own(&mut self, rng: &mut Rng, draft: &mut Draft) {
        let words = self.own_words(rng);
        let reply = self.model.run(&words);
        draft.say(&words, Some(reply));
    }

    /// One value, and replies with it until they are too many for a turn.
    fn say_large(&mut self, rng: &mut Rng, draft: &mut Draft) {
        let key = self.key(rng);
        let value = "v".repeat(self.largest / 2 + rng.below(self.largest / 2));
        let set = ["SET".to_owned(), key.clone(), value];
        draft.say(&set, Some(self.model.run(&set)));
        for _ in 0..2 + rng.below(4) {
            let get = words(&format!("GET {key}"));
            draft.say(&get, Some(self.model.run(&get)));
        }
        for _ in 0..rng.below(3) {
            let get = words(&format!("MGET {key} {}", self.keys(rng)));
            draft.say(&get, Some(self.model.run(&get)));
        }
    }

    /// A transaction on own keys, perhaps with a watch that fails.
    fn say_block(&mut self, rng: &mut Rng, draft: &mut Draft) {
        let mut fails = false;
        if std::mem::take(&mut self.is_watching) {
            draft.line("UNWATCH", simple("OK"));
        }
        if rng.percent(40) {
            let keys = self.keys(rng);
            draft.line(&format!("WATCH {keys}"), simple("OK"));
            if rng.percent(40) {
                let touched = keys.split(' ').next_back().unwrap_or_default();
                let words = words(&format!("SET {touched} {}", self.value(rng)));
                draft.say(&words, Some(self.model.run(&words)));
                fails = true;
            }
        }
        draft.line("MULTI", simple("OK"));
        let blind = self.model.clone();
        let mut replies = Vec::new();
        for _ in 0..rng.below(5) {
            let words = match rng.below(8) {
                0 => words(&format!("SELECT {}", rng.below(2))),
                1 => words("PING"),
                _ => self.own_words(rng),
            };
            replies.push(self.model.run(&words));
            draft.say(&words, simple("QUEUED"));
        }
        if rng.percent(15) {
            self.model = blind;
            draft.line("DISCARD", simple("OK"));
        } else if rng.percent(8) {
            self.model = blind;
            draft.line(
                "SET",
                Some(Reply::Error(b"ERR wrong number of arguments for 'set' command".to_vec())),
            );
            let text = b"EXECABORT Transaction discarded because of previous errors.";
            draft.line("EXEC", Some(Reply::Error(text.to_vec())));
        } else if fails {
            self.model = blind;
            draft.line("EXEC", Some(Reply::Null));
        } else {
            draft.line("EXEC", Some(Reply::Array(replies)));
        }
    }

    /// Something that is not about the client's own keys.
    fn say_other(&mut self, rng: &mut Rng, draft: &mut Draft) {
        let (shared, n) = (rng.below(5), rng.below(100));
        match rng.below(18) {
            0 => draft.line("PING", simple("PONG")),
            1 => draft.line(&format!("ECHO {n}"), Some(Reply::Bulk(n.to_string().into()))),
            2 => {
                let words = words(&format!("SELECT {}", rng.below(2)));
                draft.say(&words, Some(self.model.run(&words)));
            }
            3 => draft.line(&format!("SET s:{shared} {n} PX {}", 1 + rng.below(9)), simple("OK")),
            4 => draft.line(&format!("GET s:{shared}"), None),
            5 => {
                let own = self.key(rng);
                self.model.run(&words(&format!("SET {own} {n}")));
                draft.line(&format!("MSET s:{shared} {n} {own} {n}"), simple("OK"));
            }
            6 => draft.line(&format!("DEL s:{shared} s:{}", (shared + 1) % 5), None),
            7 => draft.line(["DBSIZE", "RANDOMKEY", "KEYS s:*", "SCAN 0"][n % 4], None),
            8 => draft.line("DEBUG SHADOW", simple("OK")),
            9 => draft.line("SWAPDB 14 15", simple("OK")),
            10 => {
                let back = self.model.db();
                draft.line("SELECT 14", simple("OK"));
                draft.line(&format!("SET s:{shared} {n}"), simple("OK"));
                draft.line("FLUSHDB", simple("OK"));
                draft.line(&format!("SELECT {back}"), simple("OK"));
            }
            11 => {
                draft.line(&format!("WATCH s:{shared} s:{}", (shared + 1) % 5), simple("OK"));
                self.is_watching = true;
            }
            12 => draft.line(&format!("HELLO {}", 2 + n % 2), None),
            13 => {
                let text = b"ERR unknown command 'NONE', with args beginning with: ".to_vec();
                draft.line("NONE", Some(Reply::Error(text)));
            }
            14 => draft.line("CLIENT GETNAME", Some(Reply::Null)),
            15 => {
                self.is_watching = false;
                self.model.run(&words("SELECT 0"));
                draft.line("RESET", simple("RESET"));
            }
            16 => self.say_wait(rng, draft),
            _ => self.say_mute(rng, draft),
        }
    }

    /// WAITAOF, behind what tells that its answer comes. What it says of the log is checked when it
    /// is said.
    fn say_wait(&mut self, rng: &mut Rng, draft: &mut Draft) {
        draft.line(&format!("ECHO {ANNOUNCED}"), Some(Reply::Bulk(ANNOUNCED.into())));
        let timeout = 1 + rng.below(5);
        match rng.below(4) {
            0 => draft.line(&format!("WAITAOF {} 1 {timeout}", rng.below(2)), None),
            1 => draft.line(&format!("WAITAOF 1 0 {timeout}"), None),
            _ => draft.line("WAITAOF 1 0 0", None),
        }
    }

    /// Commands whose replies the client does not want.
    fn say_mute(&mut self, rng: &mut Rng, draft: &mut Draft) {
        if rng.percent(50) {
            draft.say_mute(&words("CLIENT REPLY SKIP"));
            let words = self.own_words(rng);
            self.model.run(&words);
            draft.say_mute(&words);
            return;
        }
        draft.say_mute(&words("CLIENT REPLY OFF"));
        draft.is_mute = true;
        for _ in 0..rng.below(4) {
            match rng.below(6) {
                0 => self.say_block(rng, draft),
                1 => draft.line("DEBUG SHADOW", None),
                _ => self.say_own(rng, draft),
            }
        }
        draft.is_mute = false;
        draft.line("CLIENT REPLY ON", simple("OK"));
    }
}

impl Program for Own {
    fn next(&mut self, rng: &mut Rng) -> Option<Pipeline> {
        self.left = self.left.checked_sub(1)?;
        let mut draft = Draft::default();
        for _ in 0..1 + rng.below(self.longest) {
            match rng.below(10) {
                0..=2 if self.largest > LARGE => self.say_large(rng, &mut draft),
                0..=6 => self.say_own(rng, &mut draft),
                7 => self.say_block(rng, &mut draft),
                _ => self.say_other(rng, &mut draft),
            }
        }
        draft.line("ECHO end", Some(Reply::Bulk(b"end".to_vec())));
        self.expected.push_back(draft.expected);
        self.said.push_back(draft.said);
        Some(draft.pipeline)
    }

    fn answered(&mut self, replies: Vec<Reply>, _: Span) -> Result<(), Failure> {
        let expected = self.expected.pop_front().unwrap_or_default();
        let said = self.said.pop_front().unwrap_or_default();
        for (at, (reply, expected)) in replies.iter().zip(&expected).enumerate() {
            if expected.as_ref().is_some_and(|expected| expected != reply) {
                let text = format!(
                    "reply {at} of {said:?} is {reply:?}, not {expected:?}; all: {replies:?}"
                );
                return Err(Failure::new(Check::Reply, text));
            }
        }
        Ok(())
    }

    fn window(&self) -> usize {
        WINDOW
    }
}
