//! Reading one value from text: numbers, sizes, times, yes or no.
//!
//! Errors carry Redis's own texts, because CONFIG SET answers with them.

use std::time::Duration;

/// Why a value was refused. The texts are those of Redis 7.0 where Redis has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Neither `yes` nor `no`.
    #[error("argument must be 'yes' or 'no'")]
    YesNo,
    /// Not a whole number.
    #[error("argument couldn't be parsed into an integer")]
    Integer,
    /// A number outside its range.
    #[error("argument must be between {min} and {max} inclusive")]
    Range {
        /// Smallest value allowed.
        min: i64,
        /// Largest value allowed.
        max: i64,
    },
    /// Not a size such as `100`, `64kb` or `1gb`.
    #[error("argument must be a memory value")]
    Memory,
    /// Neither a size nor a percentage.
    #[error("argument must be a memory or percent value")]
    MemoryOrPercent,
    /// Not one of a fixed set of words.
    #[error("argument(s) must be one of the following: {}", .0.join(", "))]
    Choice(&'static [&'static str]),
    /// The text names no address to bind.
    #[error("argument must be a list of addresses, each an IP address, a host name or '*'")]
    Address,
    /// More addresses than Redis takes.
    #[error("Too many bind addresses specified.")]
    TooManyAddresses,
    /// Not groups of class, hard limit, soft limit and seconds.
    #[error("Wrong number of arguments in buffer limit configuration.")]
    LimitArity,
    /// Not pairs of seconds and changes.
    #[error("Invalid save parameters")]
    SaveRules,
    /// A path where only the name of a file is taken.
    #[error("dbfilename can't be a path, just a filename")]
    FileName,
    /// The name of a file that a data directory has for itself.
    #[error("'{0}' is a name of the data directory's own files")]
    OwnFile(String),
    /// A class that is neither normal, replica (slave) nor pubsub.
    #[error("Invalid client class specified in buffer limit configuration.")]
    LimitClass,
    /// A limit that is no size, or seconds that are no number.
    #[error("Error in hard, soft or soft_seconds setting in buffer limit configuration.")]
    LimitValue,
    /// Not the octal digits of a file mode.
    #[error("argument must be an octal file mode between 0 and 777")]
    Mode,
    /// Bytes that are not UTF-8.
    #[error("argument must be valid UTF-8")]
    Utf8,
    /// The feature is missing: only one value is true today.
    #[error("this version only has '{value}' ({reason})")]
    Only {
        /// The value that is true today.
        value: &'static str,
        /// Why there is no other yet.
        reason: &'static str,
    },
}

/// Reads `yes` or `no`, in any case.
pub(crate) fn yes_no(text: &str) -> Result<bool, ValueError> {
    if text.eq_ignore_ascii_case("yes") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("no") {
        Ok(false)
    } else {
        Err(ValueError::YesNo)
    }
}

/// Reads a plain decimal number as Redis does: no sign but `-`, no blanks around it, no zeros before
/// it.
pub(crate) fn integer(text: &str) -> Result<i64, ValueError> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let has_more_zeros = digits.starts_with('0') && text != "0";
    if digits.is_empty() || has_more_zeros || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ValueError::Integer);
    }
    text.parse().map_err(|_| ValueError::Integer)
}

/// Reads a size in bytes: digits, then nothing, `b`, `k` (1000), `kb` (1024), and so on up to `gb`.
///
/// As in Redis, no digits are 0. A size that does not fit 64 bits is taken as the largest, which no
/// range allows.
///
/// # Errors
/// It is no size.
pub fn memory(text: &str) -> Result<u64, ValueError> {
    let (digits, unit) = split_unit(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return Err(ValueError::Memory),
    };
    if digits.is_empty() {
        return Ok(0);
    }
    Ok(digits.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(factor))
}

/// Reads a time: digits, then `ms`, `s`, `m`, `h`, `d`, or nothing for seconds.
///
/// A time beyond what milliseconds in 64 bits hold is taken as the largest.
pub(crate) fn time(text: &str) -> Result<Duration, ValueError> {
    let (digits, unit) = split_unit(text);
    if digits.is_empty() {
        return Err(ValueError::Integer);
    }
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(ValueError::Integer),
    };
    let millis = digits.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(factor);
    Ok(Duration::from_millis(millis))
}

/// Prints a time so that [`time`] reads it back: seconds where they are whole, else milliseconds.
pub(crate) fn show_time(time: Duration) -> String {
    if time.subsec_millis() == 0 {
        time.as_secs().to_string()
    } else {
        format!("{}ms", time.as_millis())
    }
}

/// Parts leading digits from what follows them.
fn split_unit(text: &str) -> (&str, &str) {
    let unit = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
    (text.strip_suffix(unit).unwrap_or_default(), unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_redis_reads_them() {
        let sizes = [("0", 0), ("12", 12), ("12b", 12), ("1k", 1000), ("1kb", 1024)];
        let large = [("2m", 2_000_000), ("512mb", 536_870_912), ("1G", 1_000_000_000)];
        for (text, bytes) in sizes.into_iter().chain(large) {
            assert_eq!(memory(text), Ok(bytes), "{text}");
        }
        for text in ["", "b", "kb", "MB"] {
            assert_eq!(memory(text), Ok(0), "{text:?}");
        }
        for text in [" ", "x", "-", "-1", "1.5mb", "1tb", "1 kb", "0x10", "5%", "1kbb", "1é"] {
            assert_eq!(memory(text), Err(ValueError::Memory), "{text}");
        }
        assert_eq!(memory("10000000000gb"), Ok(10_000_000_000 << 30));
        assert_eq!(memory("99999999999999999999gb"), Ok(u64::MAX));
    }

    #[test]
    fn times_read_as_people_write_them_and_print_back() {
        for (text, millis, shown) in [
            ("0", 0, "0"),
            ("300", 300_000, "300"),
            ("30s", 30_000, "30"),
            ("100ms", 100, "100ms"),
            ("1500MS", 1500, "1500ms"),
            ("5m", 300_000, "300"),
            ("2h", 7_200_000, "7200"),
            ("1d", 86_400_000, "86400"),
        ] {
            let read = time(text).unwrap();
            assert_eq!(read, Duration::from_millis(millis), "{text}");
            assert_eq!(show_time(read), shown);
            assert_eq!(time(shown), Ok(read));
        }
        for text in ["", "s", "-1", "1.5s", "1 s", "1y"] {
            assert_eq!(time(text), Err(ValueError::Integer), "{text}");
        }
    }

    #[test]
    fn whole_numbers_take_no_plus_no_blank_and_no_unit() {
        assert_eq!(integer("-3"), Ok(-3));
        assert_eq!(integer("0"), Ok(0));
        for text in
            ["", "-", "-0", "00", "007", "-07", "+5", " 5", "5 ", "1s", "99999999999999999999"]
        {
            assert_eq!(integer(text), Err(ValueError::Integer), "{text:?}");
        }
    }
}
