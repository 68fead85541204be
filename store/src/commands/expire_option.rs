//! Times at which keys expire, as commands give them: options `EX`, `PX`, `EXAT` and `PXAT` of SET
//! and GETEX, and the time argument of SETEX, EXPIRE and their like.
//!
//! The rules for numbers that are negative or too large are Redis's and differ between the two
//! families: see [`ExpireTime::positive`] and [`ExpireTime::any`]. What a deadline in the past
//! does to a key is the commands' business.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::Args;

use crate::error::CommandError;
use crate::types::UnixMillis;

/// Milliseconds in a second.
const SECOND_MS: i64 = 1000;

/// What one unit of a time argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
}

/// What a time argument is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBase {
    /// The present: a time to live.
    Now,
    /// The Unix epoch: a point in time.
    Epoch,
}

/// How a time argument is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpireTime {
    /// Its unit.
    pub unit: TimeUnit,
    /// What it is counted from.
    pub base: TimeBase,
}

impl ExpireTime {
    /// Seconds from now: EX, SETEX, EXPIRE.
    pub const EX: Self = Self { unit: TimeUnit::Seconds, base: TimeBase::Now };
    /// Milliseconds from now: PX, PSETEX, PEXPIRE.
    pub const PX: Self = Self { unit: TimeUnit::Millis, base: TimeBase::Now };
    /// Seconds since the Unix epoch: EXAT, EXPIREAT.
    pub const EXAT: Self = Self { unit: TimeUnit::Seconds, base: TimeBase::Epoch };
    /// Milliseconds since the Unix epoch: PXAT, PEXPIREAT.
    pub const PXAT: Self = Self { unit: TimeUnit::Millis, base: TimeBase::Epoch };

    /// The reading that an option's name asks for.
    pub fn of_option(name: &[u8]) -> Option<Self> {
        const OPTIONS: [(&[u8], ExpireTime); 4] = [
            (b"EX", ExpireTime::EX),
            (b"PX", ExpireTime::PX),
            (b"EXAT", ExpireTime::EXAT),
            (b"PXAT", ExpireTime::PXAT),
        ];
        OPTIONS.iter().find(|(option, _)| name.eq_ignore_ascii_case(option)).map(|(_, time)| *time)
    }

    /// The deadline that `text` means to SET, GETEX, SETEX and PSETEX: the number must be positive.
    /// `command` is the name in the error, in lower case.
    ///
    /// # Errors
    /// Not an integer; or not positive; or the deadline does not fit in 64 bits of milliseconds.
    pub fn positive(
        self,
        text: &[u8],
        now: UnixMillis,
        command: &'static str,
    ) -> Result<UnixMillis, CommandError> {
        let number = parse_i64_strict(text).ok_or(CommandError::NotInteger)?;
        let deadline = if number > 0 { self.deadline(number, now) } else { None };
        deadline.ok_or(CommandError::InvalidExpire(command))
    }

    /// The deadline that `text` means to EXPIRE, PEXPIRE, EXPIREAT and PEXPIREAT: it may be any
    /// time, in the past or before the epoch. `command` is the name in the error, in lower case.
    ///
    /// # Errors
    /// Not an integer; or the deadline does not fit in 64 bits of milliseconds.
    pub fn any(
        self,
        text: &[u8],
        now: UnixMillis,
        command: &'static str,
    ) -> Result<UnixMillis, CommandError> {
        let number = parse_i64_strict(text).ok_or(CommandError::NotInteger)?;
        self.deadline(number, now).ok_or(CommandError::InvalidExpire(command))
    }

    /// The deadline, if it fits.
    fn deadline(self, number: i64, now: UnixMillis) -> Option<UnixMillis> {
        let millis = match self.unit {
            TimeUnit::Seconds => number.checked_mul(SECOND_MS)?,
            TimeUnit::Millis => number,
        };
        match self.base {
            TimeBase::Now => millis.checked_add(now.0).map(UnixMillis),
            TimeBase::Epoch => Some(UnixMillis(millis)),
        }
    }
}

/// What the options of SET or GETEX ask to do with the key's deadline. The time is read only when
/// it is needed, since GETEX ignores a wrong one when the key is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExpireOption<'a> {
    /// No such option was given.
    #[default]
    None,
    /// KEEPTTL.
    Keep,
    /// PERSIST.
    Persist,
    /// EX, PX, EXAT or PXAT with its argument.
    At(ExpireTime, &'a [u8]),
}

impl<'a> ExpireOption<'a> {
    /// Takes the option at argument `at` if it is one of EX, PX, EXAT, PXAT, and returns how many
    /// arguments it has. An option that was given already may be given again, and then the last
    /// one counts; different ones exclude each other.
    ///
    /// # Errors
    /// Another option about time was given before, or the argument behind it is missing, or it is
    /// no option about time.
    pub fn take_time(&mut self, args: Args<'a>, at: usize) -> Result<usize, CommandError> {
        let time = ExpireTime::of_option(args.at(at)).ok_or(CommandError::Syntax)?;
        let text = args.get(at + 1).ok_or(CommandError::Syntax)?;
        match *self {
            Self::None => {}
            Self::At(before, _) if before == time => {}
            _ => return Err(CommandError::Syntax),
        }
        *self = Self::At(time, text);
        Ok(2)
    }

    /// Takes an option without argument: [`ExpireOption::Keep`] or [`ExpireOption::Persist`].
    ///
    /// # Errors
    /// Another option about time was given before.
    pub fn take_word(&mut self, option: ExpireOption<'static>) -> Result<usize, CommandError> {
        if *self != Self::None && *self != option {
            return Err(CommandError::Syntax);
        }
        *self = option;
        Ok(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_123);
    const INVALID: Result<i64, CommandError> = Err(CommandError::InvalidExpire("x"));

    fn positive(time: ExpireTime, text: &str) -> Result<i64, CommandError> {
        time.positive(text.as_bytes(), NOW, "x").map(|at| at.0)
    }

    fn any(time: ExpireTime, text: &str) -> Result<i64, CommandError> {
        time.any(text.as_bytes(), NOW, "x").map(|at| at.0)
    }

    #[test]
    fn times_are_counted_in_their_unit_from_their_base() {
        for (time, deadline) in [
            (ExpireTime::EX, NOW.0 + 10_000),
            (ExpireTime::PX, NOW.0 + 10),
            (ExpireTime::EXAT, 10_000),
            (ExpireTime::PXAT, 10),
        ] {
            assert_eq!(positive(time, "10"), Ok(deadline), "{time:?}");
            assert_eq!(any(time, "10"), Ok(deadline), "{time:?}");
        }
    }

    #[test]
    fn only_some_commands_take_times_that_are_not_positive() {
        for text in ["0", "-1"] {
            assert_eq!(positive(ExpireTime::PXAT, text), INVALID, "{text}");
        }
        assert_eq!(any(ExpireTime::PXAT, "0"), Ok(0));
        assert_eq!(any(ExpireTime::EX, "-1"), Ok(NOW.0 - 1000));
    }

    #[test]
    fn a_deadline_must_fit_in_64_bits_of_milliseconds() {
        let most = i64::MAX.to_string();
        let seconds = (i64::MAX / 1000).to_string();
        assert_eq!(positive(ExpireTime::PXAT, &most), Ok(i64::MAX));
        assert_eq!(positive(ExpireTime::PX, &most), INVALID);
        assert_eq!(positive(ExpireTime::EXAT, &seconds), Ok(i64::MAX / 1000 * 1000));
        assert_eq!(positive(ExpireTime::EX, &seconds), INVALID);
        assert_eq!(positive(ExpireTime::EXAT, &most), INVALID);
        assert_eq!(any(ExpireTime::EXAT, &i64::MIN.to_string()), INVALID);
        assert_eq!(positive(ExpireTime::PX, "1x"), Err(CommandError::NotInteger));
        assert_eq!(any(ExpireTime::PX, "9223372036854775808"), Err(CommandError::NotInteger));
    }
}
