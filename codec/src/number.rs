//! Numbers as Redis reads and prints them.
//!
//! Integers follow `string2ll` and `ll2string` of Redis 7.0.15, doubles its `addReplyDouble`.
//! The floating point texts of `INCRBYFLOAT` (long doubles) are not made here.

use std::io::Write;

/// The longest text of an `i64` (`-9223372036854775808`), in bytes.
pub const MAX_I64_LEN: usize = 20;

/// "00" to "99": two digits are looked up at once.
const PAIRS: [u8; 200] = digit_pairs();

const fn digit_pairs() -> [u8; 200] {
    let mut pairs = [b'0'; 200];
    let mut n = 0u8;
    while n < 100 {
        pairs[n as usize * 2] = b'0' + n / 10;
        pairs[n as usize * 2 + 1] = b'0' + n % 10;
        n += 1;
    }
    pairs
}

/// Reads a whole text as an integer by the rules of Redis's `string2ll`: digits with at most one
/// leading `-`; no `+`, no blanks, no leading zeros, no `-0`; `None` also when it does not fit.
#[must_use]
pub fn parse_i64_strict(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'0'] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.len() >= MAX_I64_LEN || !matches!(digits, [b'1'..=b'9', ..]) {
        return None;
    }
    let mut magnitude = 0u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // At most 19 digits: below 10^19, which a u64 holds.
        magnitude = magnitude * 10 + u64::from(digit);
    }
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// Appends `n` in decimal.
#[inline]
pub fn format_i64(n: i64, out: &mut Vec<u8>) {
    let mut text = [0; MAX_I64_LEN];
    let start = write_i64(n, &mut text);
    out.extend_from_slice(&text[start..]);
}

/// Writes `n` in decimal to the end of `text` and returns where it starts there.
#[inline]
pub(crate) fn write_i64(n: i64, text: &mut [u8; MAX_I64_LEN]) -> usize {
    let mut start = write_u64_at(n.unsigned_abs(), text, MAX_I64_LEN);
    if n < 0 {
        start -= 1;
        text[start] = b'-';
    }
    start
}

/// Writes `n` in decimal so that it ends before `text[end]`, and returns where it starts. `N` and
/// `end` must leave room for the digits of `n`.
#[inline]
pub fn write_u64_at<const N: usize>(mut n: u64, text: &mut [u8; N], end: usize) -> usize {
    let mut start = end;
    while n >= 100 {
        let pair = (n % 100) as usize * 2;
        n /= 100;
        start -= 2;
        text[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if n >= 10 {
        let pair = n as usize * 2;
        start -= 2;
        text[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    } else {
        start -= 1;
        text[start] = b'0' + n as u8;
    }
    start
}

/// Appends `value` as `addReplyDouble` of Redis 7.0.15 prints it: `%.17g`, and `inf`, `-inf`, `nan`
/// or `-nan`.
pub fn format_double(value: f64, out: &mut Vec<u8>) {
    /// Integers below this are exact in a double and have fewer than 17 digits.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if !value.is_finite() {
        let text: &[u8] = match (value.is_nan(), value.is_sign_negative()) {
            (true, false) => b"nan",
            (true, true) => b"-nan",
            (false, false) => b"inf",
            (false, true) => b"-inf",
        };
        out.extend_from_slice(text);
    } else if value.abs() < EXACT && value.trunc() == value {
        if value == 0.0 && value.is_sign_negative() {
            out.push(b'-');
        }
        format_i64(value as i64, out);
    } else {
        format_general(value, out);
    }
}

/// Appends a finite `value` in C's `%.17g`: 17 significant digits without trailing zeros, in
/// exponent form when the exponent is below -4 or above 16.
fn format_general(value: f64, out: &mut Vec<u8>) {
    /// Digits after the first.
    const FRACTION: usize = 16;
    // "d.dddddddddddddddde-xxx" behind the sign: always the same columns.
    let mut scientific = [0u8; 32];
    let mut rest = &mut scientific[..];
    // The buffer has room for every double, so writing cannot fail.
    let written = match write!(rest, "{:.FRACTION$e}", value.abs()) {
        Ok(()) => 32 - rest.len(),
        Err(_) => return,
    };
    let mut digits = [b'0'; FRACTION + 1];
    digits[0] = scientific[0];
    digits[1..].copy_from_slice(&scientific[2..2 + FRACTION]);
    let exponent_text = &scientific[2 + FRACTION + 1..written];
    let exponent = parse_i64_strict(exponent_text).unwrap_or(0);

    if value < 0.0 {
        out.push(b'-');
    }
    let significant = digits.iter().rposition(|&d| d != b'0').map_or(1, |last| last + 1);
    let digits = &digits[..significant];
    match usize::try_from(exponent) {
        Ok(exponent) if exponent <= FRACTION => {
            let whole = exponent + 1;
            for i in 0..whole {
                out.push(digits.get(i).copied().unwrap_or(b'0'));
            }
            if significant > whole {
                out.push(b'.');
                out.extend_from_slice(&digits[whole..]);
            }
        }
        Err(_) if exponent >= -4 => {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(b'0', (-1 - exponent) as usize));
            out.extend_from_slice(digits);
        }
        _ => {
            out.push(digits[0]);
            if significant > 1 {
                out.push(b'.');
                out.extend_from_slice(&digits[1..]);
            }
            out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
            if exponent.unsigned_abs() < 10 {
                out.push(b'0');
            }
            format_i64(exponent.abs(), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_double(value: f64, expected: &str) {
        let mut out = Vec::new();
        format_double(value, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn integers_are_read_as_string2ll_reads_them() {
        for (text, expected) in [
            ("0", 0),
            ("7", 7),
            ("-1", -1),
            ("1234567890", 1_234_567_890),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(parse_i64_strict(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_string2ll_rejects_is_no_integer() {
        for text in [
            "",
            "-",
            "+1",
            "-0",
            "00",
            "01",
            "-01",
            " 1",
            "1 ",
            "1.0",
            "0x1",
            "1a",
            "--1",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "99999999999999999999",
            "-99999999999999999999",
        ] {
            assert_eq!(parse_i64_strict(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn integers_are_printed_in_decimal() {
        let powers = (0..19).map(|power| 10i64.pow(power));
        let around = powers.flat_map(|n| [n - 1, n, n + 1, -n, 1 - n, 99 * (n / 100)]);
        for n in around.chain([i64::MIN, i64::MAX, i64::MIN + 1]) {
            let mut out = b"x".to_vec();
            format_i64(n, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("x{n}"));
        }
    }

    // The expected texts are those of C's printf("%.17g").
    #[test]
    fn doubles_have_seventeen_digits_at_most() {
        check_double(0.1, "0.10000000000000001");
        check_double(1.0 / 3.0, "0.33333333333333331");
        check_double(1.5, "1.5");
        check_double(-1.5, "-1.5");
        check_double(123.456, "123.456");
        check_double(1_000_000_000_000_000.5, "1000000000000000.5");
    }

    #[test]
    fn whole_doubles_have_no_point() {
        check_double(0.0, "0");
        check_double(-0.0, "-0");
        check_double(3.0, "3");
        check_double(-17.0, "-17");
        check_double(1e15, "1000000000000000");
        check_double(9_007_199_254_740_992.0, "9007199254740992");
        check_double(-9_007_199_254_740_994.0, "-9007199254740994");
        check_double(1e16, "10000000000000000");
        check_double(72_057_594_037_927_952.0, "72057594037927952");
        check_double(99_999_999_999_999_984.0, "99999999999999984");
    }

    #[test]
    fn large_and_small_doubles_have_an_exponent() {
        check_double(1e17, "1e+17");
        check_double(123_456_789_012_345_678.0, "1.2345678901234568e+17");
        check_double(1_152_921_504_606_846_976.0, "1.152921504606847e+18");
        check_double(1e100, "1e+100");
        check_double(f64::MAX, "1.7976931348623157e+308");
        check_double(0.0001, "0.0001");
        check_double(0.000_123_45, "0.00012344999999999999");
        check_double(0.000_01, "1.0000000000000001e-05");
        check_double(-1e-7, "-9.9999999999999995e-08");
        check_double(2.5e-310, "2.5000000000000171e-310");
        check_double(5e-324, "4.9406564584124654e-324");
    }

    #[test]
    fn a_tie_in_the_last_digit_goes_to_the_even_one() {
        let whole = (1u64 << 50) as f64;
        check_double(whole + 0.25, "1125899906842624.2");
        check_double(whole + 0.75, "1125899906842624.8");
    }

    #[test]
    fn doubles_that_are_no_numbers_have_names() {
        check_double(f64::INFINITY, "inf");
        check_double(f64::NEG_INFINITY, "-inf");
        check_double(f64::NAN.copysign(1.0), "nan");
        check_double(f64::NAN.copysign(-1.0), "-nan");
    }
}
