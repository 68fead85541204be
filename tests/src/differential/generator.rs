//! What a generator is, and the steps that it makes.

use super::compare::Compare;
use super::maker::Maker;
use crate::harness::client::encode;

/// One command's arguments, its name first.
#[derive(Clone, Debug, Default)]
pub struct Args(pub Vec<Vec<u8>>);

impl Args {
    /// A command from its name and fixed words, separated by spaces.
    pub fn new(line: &str) -> Args {
        Args(line.split(' ').map(|word| word.as_bytes().to_vec()).collect())
    }

    /// The same with one more argument.
    #[must_use]
    pub fn with(mut self, arg: impl Into<Vec<u8>>) -> Args {
        self.0.push(arg.into());
        self
    }

    /// The same with a number as one more argument.
    #[must_use]
    pub fn number(self, number: i64) -> Args {
        self.with(number.to_string())
    }

    /// The same with several more arguments.
    #[must_use]
    pub fn extend(mut self, args: impl IntoIterator<Item = Vec<u8>>) -> Args {
        self.0.extend(args);
        self
    }

    /// The same with fixed words, separated by spaces; none when `line` is empty.
    #[must_use]
    pub fn words(self, line: &str) -> Args {
        let words = line.split(' ').filter(|word| !word.is_empty());
        let words: Vec<Vec<u8>> = words.map(|word| word.as_bytes().to_vec()).collect();
        self.extend(words)
    }
}

/// What the server does after a step's command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// One reply.
    Reply,
    /// No reply (CLIENT REPLY OFF and SKIP).
    Silence,
    /// One reply, and then the connection is closed.
    ReplyThenClose,
    /// The runner follows the cursor until 0 and compares the union, for SCAN, HSCAN, SSCAN and ZSCAN.
    WholeScan,
}

/// Which of the two connections of a sequence sends a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The connection that nearly everything goes through.
    First,
    /// Another client, to touch what the first one watches.
    Second,
}

/// One command of a sequence.
#[derive(Clone, Debug)]
pub struct Step {
    /// The command.
    pub args: Args,
    /// The bytes to send instead of the usual array of bulk strings (inline commands).
    pub inline: Option<Vec<u8>>,
    /// How the replies are compared.
    pub compare: Compare,
    /// What the server does.
    pub expect: Expect,
    /// Who sends it.
    pub who: Who,
    /// Steps of one block are kept together when a failure is made smaller.
    pub block: usize,
}

impl Step {
    /// A step of the first connection with one reply.
    pub fn new(args: Args, compare: Compare) -> Step {
        let expect = Expect::Reply;
        Step { args, inline: None, compare, expect, who: Who::First, block: 0 }
    }

    /// A step from fixed words, compared byte for byte.
    pub fn exact(line: &str) -> Step {
        Step::new(Args::new(line), Compare::Exact)
    }

    /// The same, with another expectation.
    #[must_use]
    pub fn expecting(mut self, expect: Expect) -> Step {
        self.expect = expect;
        self
    }

    /// The same, sent by the second connection.
    #[must_use]
    pub fn by_second(mut self) -> Step {
        self.who = Who::Second;
        self
    }

    /// The bytes on the wire.
    pub fn wire(&self) -> Vec<u8> {
        self.inline.clone().unwrap_or_else(|| encode(&self.args.0))
    }

    /// True when the first connection's pipeline must be empty before and after this step.
    pub fn stands_alone(&self) -> bool {
        self.who == Who::Second || matches!(self.expect, Expect::WholeScan | Expect::ReplyThenClose)
    }
}

/// How a generator makes its calls.
#[derive(Clone, Copy)]
pub enum Make {
    /// One command, which may also be put in a transaction, lose an argument or get one more.
    One(fn(&mut Maker) -> Args),
    /// Several steps that belong together and are left as they are.
    Block(fn(&mut Maker) -> Vec<Step>),
}

/// The generator of one command, or of one kind of call of it.
#[derive(Clone, Copy)]
pub struct Generator {
    /// The command's name, in lower case.
    pub command: &'static str,
    /// How often it is chosen, relative to the others.
    pub weight: usize,
    /// How a call is made.
    pub make: Make,
    /// How the replies are compared.
    pub compare: Compare,
}

/// A generator of single commands compared byte for byte.
pub const fn exact(
    command: &'static str,
    weight: usize,
    make: fn(&mut Maker) -> Args,
) -> Generator {
    one(command, weight, make, Compare::Exact)
}

/// A generator of single commands with a comparison of its own.
pub const fn one(
    command: &'static str,
    weight: usize,
    make: fn(&mut Maker) -> Args,
    compare: Compare,
) -> Generator {
    Generator { command, weight, make: Make::One(make), compare }
}

/// A generator of blocks, whose steps say how each is compared.
pub const fn block(
    command: &'static str,
    weight: usize,
    make: fn(&mut Maker) -> Vec<Step>,
) -> Generator {
    Generator { command, weight, make: Make::Block(make), compare: Compare::Exact }
}
