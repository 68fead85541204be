//! Doubles as C's `strtod` reads them, which is how Redis reads scores, weights, bounds and
//! coordinates: decimal or hexadecimal, infinities in words, and whatever stands behind is left.

use shardwright_codec::number::parse_i64_strict;

/// What was found at the beginning of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Found {
    value: f64,
    /// Bytes that belong to the number; 0 if there is none.
    len: usize,
    /// The number is too great, or too near to zero.
    out_of_range: bool,
}

/// Whole numbers of so many digits are exact.
const EXACT_DIGITS: usize = 15;

/// Reads a whole text as a number, as Redis reads scores and weights: nothing before or behind it,
/// within range, not "nan".
pub fn parse_double(text: &[u8]) -> Option<f64> {
    if text.len() <= EXACT_DIGITS
        && let Some(number) = parse_i64_strict(text)
    {
        return Some(number as f64);
    }
    if text.first().is_none_or(|&first| is_space(first)) {
        return None;
    }
    let found = strtod(text);
    let whole = found.len == text.len() && !found.out_of_range && !found.value.is_nan();
    whole.then_some(found.value)
}

/// Reads a bound of a range of scores as Redis does: up to a zero byte, blanks before it allowed,
/// nothing at all for 0, and what is out of range for an infinity or for 0.
pub fn parse_bound(text: &[u8]) -> Option<f64> {
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    let found = strtod(text);
    (found.len == text.len() && !found.value.is_nan()).then_some(found.value)
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn strtod(text: &[u8]) -> Found {
    let blanks = text.iter().take_while(|&&byte| is_space(byte)).count();
    let rest = text.get(blanks..).unwrap_or_default();
    let (sign, negative) = match rest.first() {
        Some(b'-') => (1, true),
        Some(b'+') => (1, false),
        _ => (0, false),
    };
    let found = unsigned(rest.get(sign..).unwrap_or_default());
    if found.len == 0 {
        return Found { value: 0.0, len: 0, out_of_range: false };
    }
    let value = if negative { -found.value } else { found.value };
    Found { value, len: blanks + sign + found.len, out_of_range: found.out_of_range }
}

fn unsigned(text: &[u8]) -> Found {
    let begins =
        |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let is = |value: f64, len: usize| Found { value, len, out_of_range: false };
    if begins(b"infinity") {
        is(f64::INFINITY, 8)
    } else if begins(b"inf") {
        is(f64::INFINITY, 3)
    } else if begins(b"nan") {
        is(f64::NAN, 3)
    } else if begins(b"0x") {
        hexadecimal(text.get(2..).unwrap_or_default()).unwrap_or(is(0.0, 1))
    } else {
        decimal(text)
    }
}

fn digits(text: &[u8], at: usize, is_digit: fn(&u8) -> bool) -> usize {
    text.get(at..).unwrap_or_default().iter().take_while(|byte| is_digit(byte)).count()
}

/// Where the digits of a mantissa end, and how many there are, before and behind a point.
fn mantissa(text: &[u8], is_digit: fn(&u8) -> bool) -> (usize, usize, usize) {
    let whole = digits(text, 0, is_digit);
    if text.get(whole) != Some(&b'.') {
        return (whole, whole, 0);
    }
    let fraction = digits(text, whole + 1, is_digit);
    if whole + fraction == 0 { (0, 0, 0) } else { (whole + 1 + fraction, whole, fraction) }
}

/// Length of an exponent at `at` with its mark.
fn exponent_len(text: &[u8], at: usize, mark: u8) -> usize {
    if !text.get(at).is_some_and(|byte| byte.eq_ignore_ascii_case(&mark)) {
        return 0;
    }
    let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
    match digits(text, at + 1 + sign, u8::is_ascii_digit) {
        0 => 0,
        count => 1 + sign + count,
    }
}

fn decimal(text: &[u8]) -> Found {
    let (end, whole, fraction) = mantissa(text, u8::is_ascii_digit);
    if whole + fraction == 0 {
        return Found { value: 0.0, len: 0, out_of_range: false };
    }
    let len = end + exponent_len(text, end, b'e');
    let number = std::str::from_utf8(text.get(..len).unwrap_or_default());
    let value: f64 = number.ok().and_then(|number| number.parse().ok()).unwrap_or(0.0);
    let is_zero = text.iter().take(end).all(|byte| matches!(byte, b'0' | b'.'));
    Found { value, len, out_of_range: value.is_infinite() || (value == 0.0 && !is_zero) }
}

/// A number behind "0x"; nothing if there are no digits.
fn hexadecimal(text: &[u8]) -> Option<Found> {
    /// A mantissa of more bits only tells in its lowest one whether any were left out.
    const FULL: u32 = 120;
    /// Exponents are cut to this: far outside of what digits can bring back.
    const CUT: i64 = 1 << 40;
    let (end, whole, fraction) = mantissa(text, u8::is_ascii_hexdigit);
    if whole + fraction == 0 {
        return None;
    }
    let (mut number, mut exponent) = (0_u128, -4 * fraction as i64);
    for byte in text.iter().take(end).filter(|byte| **byte != b'.') {
        let digit = u128::from(char::from(*byte).to_digit(16).unwrap_or(0));
        if number >> (FULL - 4) == 0 {
            number = number << 4 | digit;
        } else {
            number |= u128::from(digit != 0);
            exponent += 4;
        }
    }
    let more = exponent_len(text, end, b'p');
    let written = text.get(end + 1..end + more).unwrap_or_default();
    exponent += written_exponent(written).clamp(-CUT, CUT);
    let value = scaled(number as f64, exponent);
    let out_of_range = value.is_infinite() || (value == 0.0 && number != 0);
    Some(Found { value, len: 2 + end + more, out_of_range })
}

fn written_exponent(text: &[u8]) -> i64 {
    let negative = text.first() == Some(&b'-');
    let digits = text.iter().filter(|byte| byte.is_ascii_digit());
    let size = digits.fold(0_i64, |number, byte| {
        number.saturating_mul(10).saturating_add(i64::from(byte - b'0'))
    });
    if negative { -size } else { size }
}

/// `value * 2^exponent`.
fn scaled(mut value: f64, mut exponent: i64) -> f64 {
    /// Powers of two that are normal numbers.
    const STEP: i64 = 900;
    while exponent != 0 && value != 0.0 && value.is_finite() {
        let step = exponent.clamp(-STEP, STEP);
        value *= 2.0_f64.powi(step as i32);
        exponent -= step;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_as_redis_reads_them() {
        for (text, expected) in [
            ("1", Some(1.0)),
            ("-5", Some(-5.0)),
            ("123456789012345678", Some(123_456_789_012_345_680.0)),
            ("1.5", Some(1.5)),
            ("+1.5e3", Some(1500.0)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("inf", Some(f64::INFINITY)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("0x1p3", Some(8.0)),
            ("0X.8P+3", Some(4.0)),
            ("0x1.00000000000008", Some(1.0)),
            ("0x1.000000000000080000000000000000000000000001", Some(1.0 + f64::EPSILON)),
            ("1e-320", Some(1e-320)),
            ("0e999999999999", Some(0.0)),
            ("0x1p99999999999999999999", None),
            ("1e400", None),
            ("1e-400", None),
            ("nan", None),
            ("", None),
            (" 1", None),
            ("1 ", None),
            (".", None),
            ("-", None),
            ("0x", None),
            ("1e", None),
            ("1e+", None),
            ("infi", None),
            ("1\0", None),
            ("abc", None),
        ] {
            assert_eq!(parse_double(text.as_bytes()), expected, "{text:?}");
        }
        assert!(parse_double(b"-0").is_some_and(|zero| zero.is_sign_negative()));
    }

    #[test]
    fn bounds_are_read_up_to_a_zero_byte() {
        for (text, expected) in [
            ("", Some(0.0)),
            (" 5", Some(5.0)),
            ("\t-inf", Some(f64::NEG_INFINITY)),
            ("1e400", Some(f64::INFINITY)),
            ("1e-400", Some(0.0)),
            ("5\0abc", Some(5.0)),
            ("\0", Some(0.0)),
            ("5 ", None),
            ("nan", None),
            ("(", None),
            ("a", None),
        ] {
            assert_eq!(parse_bound(text.as_bytes()), expected, "{text:?}");
        }
    }
}
