//! Weights of SORT as numbers: what C's `strtod` reads as a whole.

use super::sort_pattern::before_zero;

/// Reads a number of double precision: decimal or hexadecimal, behind white space if there is any, or
/// infinity; no text at all is 0. What is too great, too near to zero or not a number is refused.
pub(super) fn strtod(text: &[u8]) -> Option<f64> {
    let text = before_zero(text);
    if text.is_empty() {
        return Some(0.0);
    }
    let is_space = |byte: &u8| b" \t\n\x0b\x0c\r".contains(byte);
    let start = text.iter().position(|byte| !is_space(byte))?;
    let text = std::str::from_utf8(text.get(start..)?).ok()?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some(digits) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        let number = hexadecimal(digits)?;
        return Some(if text.starts_with('-') { -number } else { number });
    }
    let number: f64 = text.parse().ok().filter(|number: &f64| !number.is_nan())?;
    let digits = unsigned.split(['e', 'E']).next().unwrap_or_default();
    let is_finite = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_zero = digits.bytes().all(|byte| b"0.".contains(&byte));
    let is_in_range = number == 0.0 && is_zero || number.is_normal() || !is_finite;
    is_in_range.then_some(number)
}

/// Digits with a point or without, and a power of two behind `p`. What is beyond 64 bits is not
/// rounded but cut off.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.split_once(['p', 'P']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (mut bits, mut power, mut count) = (0u64, i64::from(exponent), 0);
    for (at, digit) in whole.chars().chain(part.chars()).enumerate() {
        let digit = u64::from(digit.to_digit(16)?);
        count += 1;
        let is_part = at >= whole.len();
        if bits >> 60 == 0 {
            bits = (bits << 4) | digit;
            power -= if is_part { 4 } else { 0 };
        } else if !is_part {
            power += 4;
        }
    }
    let power = i32::try_from(power.clamp(-5000, 5000)).ok()?;
    // In two steps, so that neither leaves the range where the result does not.
    let number = bits as f64 * 2f64.powi(power / 2) * 2f64.powi(power - power / 2);
    (count > 0 && (number.is_normal() || bits == 0)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        for (text, expected) in [
            ("", Some(0.0)),
            ("0", Some(0.0)),
            (" \t\n-12.5", Some(-12.5)),
            ("+.5", Some(0.5)),
            ("5.", Some(5.0)),
            ("1e3", Some(1000.0)),
            ("12\0x", Some(12.0)),
            ("inf", Some(f64::INFINITY)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("0x1A", Some(26.0)),
            ("-0x1.8p1", Some(-3.0)),
            ("0x0p0", Some(0.0)),
            ("0e99999", Some(0.0)),
            (" ", None),
            ("nan", None),
            ("1e400", None),
            ("1e-400", None),
            ("0x", None),
            ("0x1p99999", None),
            ("1 ", None),
            ("1x", None),
            ("e5", None),
            ("--1", None),
            ("1_0", None),
            ("\u{e9}", None),
        ] {
            assert_eq!(strtod(text.as_bytes()), expected, "{text:?}");
        }
    }
}
