//! What a client says, and what it makes of the answers.

use shardwright_tests::harness::client::encode;
use shardwright_tests::{Reply, Rng};

use super::fault::Failure;

/// Commands that a client sends together.
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    /// As they go over the wire.
    pub bytes: Vec<u8>,
    /// Number of replies that they get.
    pub replies: usize,
}

impl Pipeline {
    /// Adds a command that gets a reply.
    pub fn add<A: AsRef<[u8]>>(&mut self, words: &[A]) {
        self.add_mute(words);
        self.replies += 1;
    }

    /// Adds a command that gets none.
    pub fn add_mute<A: AsRef<[u8]>>(&mut self, words: &[A]) {
        self.bytes.extend(encode(words));
    }

    /// Adds a command that gets a reply, its words apart by spaces.
    pub fn line(&mut self, line: &str) {
        self.add(&line.split(' ').collect::<Vec<_>>());
    }
}

/// When a pipeline was sent and when its last reply was there, in steps of the run.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Just before it was sent.
    pub start: u64,
    /// Just after its last reply was read.
    pub end: u64,
}

/// One client's behaviour.
pub trait Program {
    /// What to send next, if there is more.
    fn next(&mut self, rng: &mut Rng) -> Option<Pipeline>;

    /// The oldest unanswered pipeline was answered.
    fn answered(&mut self, replies: Vec<Reply>, span: Span) -> Result<(), Failure>;

    /// Most pipelines that are sent before the first is answered.
    fn window(&self) -> usize {
        1
    }
}

/// Says something once and wants no error.
pub struct Once(Option<Pipeline>);

impl Once {
    /// Says these lines.
    pub fn new(lines: &[String]) -> Self {
        let mut pipeline = Pipeline::default();
        lines.iter().for_each(|line| pipeline.line(line));
        Self(Some(pipeline))
    }
}

impl Program for Once {
    fn next(&mut self, _: &mut Rng) -> Option<Pipeline> {
        self.0.take()
    }

    fn answered(&mut self, replies: Vec<Reply>, _: Span) -> Result<(), Failure> {
        match replies.iter().find_map(Reply::error) {
            Some(error) => Err(Failure::new(super::fault::Check::Reply, error)),
            None => Ok(()),
        }
    }
}

/// What a reply has to be.
pub trait Expected: Sized {
    /// What stands for a command of a transaction until that is over.
    fn queued() -> Self;

    /// What a transaction did.
    fn all(commands: Vec<Self>) -> Self;
}

/// A pipeline that is being put together, and what its replies have to be.
pub struct Draft<E> {
    pub pipeline: Pipeline,
    pub expected: Vec<E>,
}

impl<E> Default for Draft<E> {
    fn default() -> Self {
        Self { pipeline: Pipeline::default(), expected: Vec::new() }
    }
}

impl<E: Expected> Draft<E> {
    /// Adds a command.
    pub fn say(&mut self, line: &str, expect: E) {
        self.pipeline.line(line);
        self.expected.push(expect);
    }

    /// Adds a transaction of these commands.
    pub fn transaction(&mut self, commands: Vec<(String, E)>) {
        self.say("MULTI", E::queued());
        let mut inner = Vec::new();
        for (line, expect) in commands {
            self.say(&line, E::queued());
            inner.push(expect);
        }
        self.say("EXEC", E::all(inner));
    }
}
