//! What follows a command's name, as COMMAND DOCS tells it: the grammar that client generators and
//! redis-cli's hints are made from. Nothing here decides how a command reads its arguments.
//!
//! A family's grammars are tables of constants in a file of their own beside its descriptors,
//! written with the functions of this module, one a kind of argument:
//!
//! ```
//! use shardwright_store::command::argument::{Argument, integer, key, one_of, word};
//!
//! /// `KEY [NX | XX] [EX seconds]`
//! const EXAMPLE: &[Argument] = &[
//!     key("key"),
//!     one_of("condition", &[word("NX"), word("XX")]).optional(),
//!     integer("seconds").token("EX").since("2.6.12").optional(),
//! ];
//! ```

use super::ArgumentFlags;

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any bytes.
    String,
    /// A whole number.
    Integer,
    /// A floating point number.
    Double,
    /// The name of a key.
    Key,
    /// A glob pattern.
    Pattern,
    /// A time since the epoch.
    UnixTime,
    /// A word of the command's own that stands alone.
    Word,
    /// One of those in it.
    OneOf,
    /// All of those in it, one after the other.
    Block,
}

impl Kind {
    /// Redis's name of the kind.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Key => "key",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::Word => "pure-token",
            Self::OneOf => "oneof",
            Self::Block => "block",
        }
    }
}

/// One argument, or several that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// Name, told in lower case.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The key specification that finds it, counted from 0.
    pub key_spec_index: Option<u8>,
    /// The word before it; of a [`Kind::Word`] the word itself.
    pub token: Option<&'static str>,
    /// Version of Redis that brought it, if later than the command.
    pub since: Option<&'static str>,
    /// Version of Redis that advised against it.
    pub deprecated_since: Option<&'static str>,
    /// How often it may come.
    pub flags: ArgumentFlags,
    /// The arguments in it, of [`Kind::OneOf`] and [`Kind::Block`] alone.
    pub arguments: &'static [Argument],
}

/// The one key of most commands.
pub const ONE_KEY: &[Argument] = &[key("key")];

/// One key or more.
pub const KEYS: &[Argument] = &[key("key").multiple()];

/// Any bytes.
pub const fn string(name: &'static str) -> Argument {
    Argument::new(name, Kind::String)
}

/// A whole number.
pub const fn integer(name: &'static str) -> Argument {
    Argument::new(name, Kind::Integer)
}

/// A floating point number.
pub const fn double(name: &'static str) -> Argument {
    Argument::new(name, Kind::Double)
}

/// A key, found by the first key specification unless [`Argument::key_spec`] names another.
pub const fn key(name: &'static str) -> Argument {
    Argument::new(name, Kind::Key).key_spec(0)
}

/// A glob pattern.
pub const fn pattern(name: &'static str) -> Argument {
    Argument::new(name, Kind::Pattern)
}

/// A time since the epoch.
pub const fn unix_time(name: &'static str) -> Argument {
    Argument::new(name, Kind::UnixTime)
}

/// A word that stands alone and names itself.
pub const fn word(token: &'static str) -> Argument {
    Argument::new(token, Kind::Word).token(token)
}

/// One of `arguments`.
pub const fn one_of(name: &'static str, arguments: &'static [Argument]) -> Argument {
    Argument { arguments, ..Argument::new(name, Kind::OneOf) }
}

/// All of `arguments`, one after the other.
pub const fn block(name: &'static str, arguments: &'static [Argument]) -> Argument {
    Argument { arguments, ..Argument::new(name, Kind::Block) }
}

impl Argument {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            key_spec_index: None,
            token: None,
            since: None,
            deprecated_since: None,
            flags: ArgumentFlags::NONE,
            arguments: &[],
        }
    }

    /// Names a word otherwise than by itself: `=` is `equal`.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Says which key specification finds it, counted from 0.
    #[must_use]
    pub const fn key_spec(mut self, index: u8) -> Self {
        self.key_spec_index = Some(index);
        self
    }

    /// Puts a word before it.
    #[must_use]
    pub const fn token(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    /// Says that it is younger than its command.
    #[must_use]
    pub const fn since(mut self, version: &'static str) -> Self {
        self.since = Some(version);
        self
    }

    /// Says that another way is better.
    #[must_use]
    pub const fn deprecated_since(mut self, version: &'static str) -> Self {
        self.deprecated_since = Some(version);
        self
    }

    /// It may be left out.
    #[must_use]
    pub const fn optional(self) -> Self {
        self.with(ArgumentFlags::OPTIONAL)
    }

    /// It may be repeated.
    #[must_use]
    pub const fn multiple(self) -> Self {
        self.with(ArgumentFlags::MULTIPLE)
    }

    /// It may be repeated, each time with its word.
    #[must_use]
    pub const fn multiple_with_token(self) -> Self {
        self.multiple().with(ArgumentFlags::MULTIPLE_TOKEN)
    }

    const fn with(mut self, flag: ArgumentFlags) -> Self {
        self.flags = self.flags.with(flag);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_themselves_unless_named() {
        let told = |argument: Argument| (argument.name, argument.token);
        assert_eq!(told(word("NX")), ("NX", Some("NX")));
        assert_eq!(told(word("=").named("equal")), ("equal", Some("=")));
        assert_eq!(told(integer("seconds").token("EX")), ("seconds", Some("EX")));
    }

    #[test]
    fn flags_have_the_names_of_redis_in_its_order() {
        let names = |argument: Argument| argument.flags.names().collect::<Vec<_>>();
        assert_eq!(names(string("x")), [""; 0]);
        assert_eq!(names(string("x").multiple().optional()), ["optional", "multiple"]);
        let all = ["optional", "multiple", "multiple_token"];
        assert_eq!(names(pattern("x").token("GET").optional().multiple_with_token()), all);
    }
}
