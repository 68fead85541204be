//! What kind of value a parameter takes: its range, how people are told of it, and how a field of
//! that type reads and prints it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::types::{
    self, BindAddress, Choice, FileMode, FileName, OutputBufferLimits, SaveRules, Secret,
};
use crate::value::{self, ValueError};

/// The kind of value that a parameter takes, with its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `yes` or `no`.
    YesNo,
    /// A whole number.
    Integer {
        /// Smallest value allowed.
        min: i64,
        /// Largest value allowed.
        max: i64,
    },
    /// A whole number from 0 on that is brought into a range instead of refused, as Redis does.
    Clamped {
        /// What smaller values become.
        low: i64,
        /// What larger values become.
        high: i64,
    },
    /// A size in bytes.
    Memory {
        /// Smallest size allowed.
        min: i64,
    },
    /// A size in bytes or a percentage.
    MemoryOrPercent,
    /// A time in whole seconds.
    Seconds,
    /// A time in seconds or milliseconds.
    Time,
    /// An octal file mode.
    Mode,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// Any text.
    Text,
    /// Any text that must not be shown.
    Secret,
    /// The path of a file or directory.
    Path,
    /// The name of a file, without a directory.
    FileName,
    /// One IP address.
    Address,
    /// Any number of addresses to bind.
    Addresses,
    /// Output limits per client class.
    OutputLimits,
    /// Pairs of seconds and changes.
    SaveRules,
    /// Any number of words.
    Words,
}

/// The largest number of seconds, as in Redis (a C `int`).
const MOST_SECONDS: i64 = i32::MAX as i64;

impl Kind {
    /// Whether the value may have several words, each an argument of its own.
    #[must_use]
    pub fn takes_many(self) -> bool {
        matches!(self, Self::Addresses | Self::OutputLimits | Self::SaveRules | Self::Words)
    }

    /// Whether a value that looks like a number or a truth value must stay the text it was.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Secret | Self::Path | Self::FileName | Self::Mode)
    }

    /// What a value must look like, for people.
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            Self::YesNo => "yes or no".to_owned(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Clamped { low, high } => {
                format!("a whole number, brought into {low} to {high}")
            }
            Self::Memory { min: 0 } => "a size such as 512mb".to_owned(),
            Self::Memory { min } => format!("a size such as 512mb, at least {}", show_size(min)),
            Self::MemoryOrPercent => "a size such as 512mb, or a percentage".to_owned(),
            Self::Seconds => "whole seconds, or a time such as 30s or 5m".to_owned(),
            Self::Time => "seconds, or a time such as 100ms, 30s or 5m".to_owned(),
            Self::Mode => "an octal file mode from 0 to 777".to_owned(),
            Self::Choice(names) => format!("one of {}", names.join(", ")),
            Self::Text | Self::Secret => "a text".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::FileName => "the name of a file, not a path".to_owned(),
            Self::Address => "an IP address".to_owned(),
            Self::Addresses => {
                "addresses parted by blanks; '-' before one makes it optional, '*' is all of IPv4"
                    .to_owned()
            }
            Self::OutputLimits => {
                "groups of class (normal, replica, pubsub), hard limit, soft limit, seconds"
                    .to_owned()
            }
            Self::SaveRules => "pairs of seconds and changes, or nothing".to_owned(),
            Self::Words => "words parted by blanks".to_owned(),
        }
    }

    /// Reads a number within this kind's range.
    fn number<T: TryFrom<i64>>(self, text: &str) -> Result<T, ValueError> {
        let (number, min, max) = match self {
            Self::Integer { min, max } => (value::integer(text)?, min, max),
            Self::Clamped { low, high } => {
                let number = within(value::integer(text)?, 0, MOST_SECONDS)?;
                (number.clamp(low, high), low, high)
            }
            Self::Memory { min } => {
                (i64::try_from(value::memory(text)?).unwrap_or(-1), min, i64::MAX)
            }
            _ => return Err(ValueError::Integer),
        };
        let number = within(number, min, max)?;
        T::try_from(number).map_err(|_| ValueError::Range { min, max })
    }

    /// Reads a time within this kind's range and grain.
    fn time(self, text: &str) -> Result<Duration, ValueError> {
        // A bare number is Redis's own form, and is refused as Redis refuses it.
        if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            let seconds = within(value::integer(text)?, 0, MOST_SECONDS)?;
            return Ok(Duration::from_secs(seconds.unsigned_abs()));
        }
        let time = value::time(text)?;
        within(i64::try_from(time.as_secs()).unwrap_or(i64::MAX), 0, MOST_SECONDS)?;
        let is_whole = self == Self::Time || time.subsec_millis() == 0;
        if is_whole { Ok(time) } else { Err(ValueError::Integer) }
    }

    /// Brings a value into the one form that CONFIG GET prints, for parameters without a field.
    pub(crate) fn normalize(self, text: &str) -> Result<String, ValueError> {
        match self {
            Self::YesNo => Ok(value::yes_no(text)?.show()),
            Self::Integer { .. } | Self::Clamped { .. } | Self::Memory { .. } => {
                Ok(self.number::<i64>(text)?.to_string())
            }
            Self::MemoryOrPercent => {
                let digits = text.strip_suffix('%').unwrap_or(text);
                let size =
                    if digits.len() < text.len() { value::integer(digits).ok() } else { None };
                match size {
                    Some(percent @ 0..) => Ok(format!("{percent}%")),
                    _ => value::memory(text)
                        .map(|bytes| bytes.to_string())
                        .map_err(|_| ValueError::MemoryOrPercent),
                }
            }
            Self::Choice(names) => {
                let found = names.iter().find(|name| name.eq_ignore_ascii_case(text));
                found.map(|name| (*name).to_owned()).ok_or(ValueError::Choice(names))
            }
            _ => Ok(text.to_owned()),
        }
    }
}

/// The number, if it is within the range.
fn within(number: i64, min: i64, max: i64) -> Result<i64, ValueError> {
    if (min..=max).contains(&number) { Ok(number) } else { Err(ValueError::Range { min, max }) }
}

/// A size in its largest whole unit.
fn show_size(bytes: i64) -> String {
    match bytes {
        _ if bytes % (1 << 20) == 0 => format!("{}mb", bytes >> 20),
        _ if bytes % (1 << 10) == 0 => format!("{}kb", bytes >> 10),
        _ => bytes.to_string(),
    }
}

/// A type that a field of the settings can have.
pub(crate) trait Field {
    /// The text that CONFIG GET prints.
    fn show(&self) -> String;

    /// Takes the value that a text says; nothing changes when it is bad.
    fn update(&mut self, kind: Kind, text: &str) -> Result<(), ValueError>;
}

/// Implements [`Field`] from how to print a value and how to read one.
macro_rules! fields {
    ($($type:ty: |$value:ident| $show:expr, |$kind:ident, $text:ident| $read:expr;)+) => {
        $(impl Field for $type {
            fn show(&self) -> String {
                let $value = self;
                $show
            }

            fn update(&mut self, $kind: Kind, $text: &str) -> Result<(), ValueError> {
                *self = $read?;
                Ok(())
            }
        })+
    };
}

fields! {
    bool: |on| if *on { "yes" } else { "no" }.to_owned(), |_kind, text| value::yes_no(text);
    u16: |number| number.to_string(), |kind, text| kind.number(text);
    u32: |number| number.to_string(), |kind, text| kind.number(text);
    u64: |number| number.to_string(), |kind, text| kind.number(text);
    i32: |number| number.to_string(), |kind, text| kind.number(text);
    Duration: |time| value::show_time(*time), |kind, text| kind.time(text);
    FileMode: |mode| format!("{:o}", mode.0), |_kind, text| FileMode::read(text);
    Secret: |secret| secret.expose().to_owned(), |_kind, text| Ok::<_, ValueError>(Secret::new(text));
    PathBuf: |path| path.display().to_string(), |_kind, text| Ok::<_, ValueError>(PathBuf::from(text));
    FileName: |name| name.as_str().to_owned(), |_kind, text| FileName::read(text);
    Option<PathBuf>:
        |path| path.as_ref().map(Field::show).unwrap_or_default(),
        |_kind, text| Ok::<_, ValueError>((!text.is_empty()).then(|| PathBuf::from(text)));
    IpAddr: |address| address.to_string(), |_kind, text| text.parse().map_err(|_| ValueError::Address);
    Vec<BindAddress>:
        |list| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        |_kind, text| BindAddress::read_list(text);
}

impl<T: Choice> Field for T {
    fn show(&self) -> String {
        self.name().to_owned()
    }

    fn update(&mut self, _kind: Kind, text: &str) -> Result<(), ValueError> {
        *self = types::choose(text)?;
        Ok(())
    }
}

impl Field for OutputBufferLimits {
    fn show(&self) -> String {
        self.to_string()
    }

    fn update(&mut self, _kind: Kind, text: &str) -> Result<(), ValueError> {
        Self::update(self, text)
    }
}

impl Field for SaveRules {
    fn show(&self) -> String {
        self.to_string()
    }

    fn update(&mut self, _kind: Kind, text: &str) -> Result<(), ValueError> {
        *self = Self::read(text)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_range_and_clamped_ones_are_brought_into_it() {
        let port = Kind::Integer { min: 0, max: 65_535 };
        assert_eq!(port.number::<u16>("7000"), Ok(7000));
        assert_eq!(port.number::<u16>("65536"), Err(ValueError::Range { min: 0, max: 65_535 }));
        let hz = Kind::Clamped { low: 1, high: 500 };
        assert_eq!(hz.number::<u32>("0"), Ok(1));
        assert_eq!(hz.number::<u32>("9999"), Ok(500));
        assert_eq!(hz.number::<u32>("-3"), Err(ValueError::Range { min: 0, max: MOST_SECONDS }));
        let size = Kind::Memory { min: 1 << 20 };
        let range = ValueError::Range { min: 1 << 20, max: i64::MAX };
        for bad in ["1", "9223372036854775808", "18446744073709551616", "10000000000gb"] {
            assert_eq!(size.number::<u64>(bad), Err(range.clone()), "{bad}");
        }
    }

    #[test]
    fn whole_seconds_refuse_fractions_and_too_much() {
        assert_eq!(Kind::Seconds.time("2000ms"), Ok(Duration::from_secs(2)));
        assert_eq!(Kind::Seconds.time("1500ms"), Err(ValueError::Integer));
        assert_eq!(Kind::Time.time("1500ms"), Ok(Duration::from_millis(1500)));
        let range = ValueError::Range { min: 0, max: MOST_SECONDS };
        for bad in ["-1", "2147483648", "99999999999999999999s", "99999999999999d"] {
            assert_eq!(Kind::Seconds.time(bad), Err(range.clone()), "{bad}");
        }
        for bad in ["99999999999999999999", "-99999999999999999999", "07", "1-"] {
            assert_eq!(Kind::Seconds.time(bad), Err(ValueError::Integer), "{bad}");
        }
    }

    #[test]
    fn percentages_and_sizes_are_told_apart() {
        let kind = Kind::MemoryOrPercent;
        assert_eq!(kind.normalize("5%").as_deref(), Ok("5%"));
        assert_eq!(kind.normalize("1kb").as_deref(), Ok("1024"));
        for bad in ["-5%", "%", "x", "1kb%"] {
            assert_eq!(kind.normalize(bad), Err(ValueError::MemoryOrPercent), "{bad}");
        }
    }
}
