//! The arithmetic of INCRBYFLOAT: the 80-bit extended floating point numbers that Redis's
//! `long double` is on x86-64, in software, so that sums and their text agree bit for bit on every
//! machine. It reads what C's `strtold` reads, adds, and prints what `%.17Lf` prints; every step is
//! rounded once, to nearest, ties to even.

use std::cmp::Ordering;
use std::ops::Add;

use self::natural::Natural;

mod natural;

/// Bits of a mantissa; the highest is not implied but stored.
const MANTISSA_BITS: i32 = 64;
/// The least exponent of a mantissa's lowest bit. Numbers that have it may begin with zeros.
const MIN_EXPONENT: i32 = -16_445;
/// The greatest exponent of a mantissa's lowest bit.
const MAX_EXPONENT: i32 = 16_320;
/// Texts from this length on are not read, as in Redis.
const MAX_TEXT: usize = 5 * 1024;
/// Decimal places that are printed.
const PLACES: u32 = 17;
/// 10 to the power of [`PLACES`].
const UNIT: u128 = 10_u128.pow(PLACES);
/// Written exponents are cut to this: far outside of what a text of [`MAX_TEXT`] can bring back.
const EXPONENT_CUT: i64 = 1_000_000;
/// Exclusive upper bound of the power of ten that finite numbers lie under.
const MAX_POINT: i64 = 4_933;
/// Numbers under this power of ten are nearer to zero than to any other.
const MIN_POINT: i64 = -4_951;
/// The greatest power of five that takes less than 64 bits.
const MAX_POWER_OF_FIVE: u32 = 27;

/// An 80-bit extended floating point number.
#[derive(Debug, Clone, Copy)]
pub struct Extended {
    negative: bool,
    magnitude: Magnitude,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Magnitude {
    /// `mantissa * 2^exponent`. The mantissa's highest bit is set unless the exponent is
    /// [`MIN_EXPONENT`].
    Finite {
        mantissa: u64,
        exponent: i32,
    },
    Infinite,
    NotANumber,
}

impl Extended {
    /// Reads a number as Redis reads the value and the argument of INCRBYFLOAT: decimal or
    /// hexadecimal, with or without exponent, or infinity; the whole text, less than 5 KiB long,
    /// without spaces. What is too great, too near to zero or not a number is refused.
    ///
    /// Ordinary numbers take a few divisions, the longest texts some 10^5 operations.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() >= MAX_TEXT {
            return None;
        }
        let (negative, unsigned) = split_sign(text);
        let word = |word: &[u8]| unsigned.eq_ignore_ascii_case(word);
        if word(b"inf") || word(b"infinity") {
            return Some(Self { negative, magnitude: Magnitude::Infinite });
        }
        let magnitude = match unsigned {
            [b'0', b'x' | b'X', hex @ ..] => parse_hexadecimal(hex)?,
            _ => parse_decimal(unsigned)?,
        };
        Some(Self { negative, magnitude })
    }

    /// Adds magnitudes of one exponent with their signs.
    fn sum(a_negative: bool, a: u128, b_negative: bool, b: u128, exponent: i32) -> Self {
        let (negative, sum) = if a_negative == b_negative {
            (a_negative, a + b)
        } else {
            match a.cmp(&b) {
                Ordering::Greater => (a_negative, a - b),
                Ordering::Less => (b_negative, b - a),
                Ordering::Equal => (false, 0),
            }
        };
        Self { negative, magnitude: rounded(sum, exponent, false) }
    }

    /// Whether it is neither infinite nor no number.
    pub fn is_finite(self) -> bool {
        matches!(self.magnitude, Magnitude::Finite { .. })
    }

    /// A thousand times the number, rounded as every result is, and then up to a whole one. None if
    /// that takes more than 64 bits.
    pub fn times_thousand_up(self) -> Option<i64> {
        let Magnitude::Finite { mantissa, exponent } = self.magnitude else { return None };
        let Magnitude::Finite { mantissa, exponent: exponent @ ..=0 } =
            rounded(u128::from(mantissa) * 1000, exponent, false)
        else {
            // The mantissa's highest bit is set.
            return None;
        };
        let size = exponent.unsigned_abs();
        let whole = mantissa.checked_shr(size).unwrap_or(0);
        let has_part = whole.checked_shl(size).unwrap_or(0) != mantissa;
        let whole = i128::from(whole);
        i64::try_from(if self.negative { -whole } else { whole + i128::from(has_part) }).ok()
    }

    /// The text that Redis stores: up to 17 decimal places without trailing zeros, never an
    /// exponent.
    pub fn to_human(self) -> String {
        let mut text = match self.magnitude {
            Magnitude::NotANumber => "nan".to_owned(),
            Magnitude::Infinite => "inf".to_owned(),
            Magnitude::Finite { mantissa, exponent } => finite_text(mantissa, exponent),
        };
        let signed = self.magnitude != Magnitude::NotANumber && text != "0";
        if self.negative && signed {
            text.insert(0, '-');
        }
        text
    }
}

impl Add for Extended {
    type Output = Self;

    /// The sum, rounded to nearest. Infinities of different signs give no number.
    fn add(self, other: Self) -> Self {
        use Magnitude::{Finite, Infinite, NotANumber};
        let negative = self.negative;
        let magnitude = match (self.magnitude, other.magnitude) {
            (NotANumber, _) | (_, NotANumber) => NotANumber,
            (Infinite, Infinite) if negative != other.negative => NotANumber,
            (Infinite, _) => Infinite,
            (_, Infinite) => return other,
            (
                Finite { mantissa: a, exponent: a_exponent },
                Finite { mantissa: b, exponent: b_exponent },
            ) => {
                let exponent = a_exponent.max(b_exponent);
                let a = aligned(a, exponent - a_exponent);
                let b = aligned(b, exponent - b_exponent);
                return Self::sum(negative, a, other.negative, b, exponent - ALIGNED_SHIFT);
            }
        };
        Self { negative, magnitude }
    }
}

impl From<i64> for Extended {
    /// The number itself: 64 bits hold every one.
    fn from(number: i64) -> Self {
        let magnitude = rounded(u128::from(number.unsigned_abs()), 0, false);
        Self { negative: number < 0, magnitude }
    }
}

/// The bits that [`aligned`] leaves below a mantissa: those that a difference can bring up, and
/// more than two others, so that what is lost below them cannot change how the result is rounded
/// as long as one bit tells that something was.
const ALIGNED_SHIFT: i32 = 62;

/// A mantissa moved up by [`ALIGNED_SHIFT`] and down by `down`, its lowest bit telling whether
/// anything was lost.
fn aligned(mantissa: u64, down: i32) -> u128 {
    let wide = u128::from(mantissa) << ALIGNED_SHIFT;
    let down = down.unsigned_abs();
    let kept = wide.checked_shr(down).unwrap_or(0);
    let lost = kept.checked_shl(down).unwrap_or(0) != wide;
    kept | u128::from(lost)
}

/// `mantissa * 2^exponent`, and if `more` is set a little more (less than the lowest bit), rounded
/// to what an extended number can hold. With `more`, the mantissa must have at least 65 bits.
fn rounded(mantissa: u128, exponent: i32, more: bool) -> Magnitude {
    let bits = 128 - mantissa.leading_zeros().cast_signed();
    let drop = (bits - MANTISSA_BITS).max(MIN_EXPONENT - exponent);
    let mut exponent = exponent + drop;
    let mut kept = if drop <= 0 {
        mantissa << drop.unsigned_abs().min(127)
    } else {
        let drop = drop.unsigned_abs();
        let kept = mantissa.checked_shr(drop).unwrap_or(0);
        let rest = mantissa - kept.checked_shl(drop).unwrap_or(0);
        let half = 1_u128.checked_shl(drop - 1).unwrap_or(u128::MAX);
        let up = rest > half || (rest == half && (more || kept % 2 == 1));
        kept + u128::from(up)
    };
    if kept >> MANTISSA_BITS != 0 {
        kept >>= 1;
        exponent += 1;
    }
    if kept == 0 {
        return Magnitude::Finite { mantissa: 0, exponent: MIN_EXPONENT };
    }
    if exponent > MAX_EXPONENT {
        return Magnitude::Infinite;
    }
    Magnitude::Finite { mantissa: kept as u64, exponent }
}

/// What is read, unless it is too great or too small for anything but zero.
fn in_range(magnitude: Magnitude) -> Option<Magnitude> {
    match magnitude {
        Magnitude::Finite { mantissa: 1.., .. } => Some(magnitude),
        _ => None,
    }
}

const ZERO: Magnitude = Magnitude::Finite { mantissa: 0, exponent: MIN_EXPONENT };

/// Whether the text begins with a minus, and what follows a sign.
fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// The parts of a number in some base: its digits from the first to the last that is not zero, and
/// what power of the base the last one counts.
struct Digits {
    digits: Vec<u8>,
    exponent: i64,
    /// What was written behind the mark of the exponent.
    written_exponent: i64,
}

impl Digits {
    /// Reads digits with at most one point among them, then nothing or an exponent behind `mark`.
    fn parse(text: &[u8], base: u32, mark: u8) -> Option<Self> {
        let mut digits = Vec::with_capacity(text.len());
        let mut point = None;
        let mut rest = text;
        while let [byte, after @ ..] = rest {
            if let Some(digit) = char::from(*byte).to_digit(base) {
                digits.push(digit as u8);
            } else if *byte == b'.' && point.is_none() {
                point = Some(digits.len());
            } else {
                break;
            }
            rest = after;
        }
        if digits.is_empty() {
            return None;
        }
        let written_exponent = match rest {
            [] => 0,
            [byte, exponent @ ..] if byte.eq_ignore_ascii_case(&mark) => parse_exponent(exponent)?,
            _ => return None,
        };
        let mut exponent = point.map_or(0, |point| point as i64 - digits.len() as i64);
        while digits.pop_if(|last| *last == 0).is_some() {
            exponent += 1;
        }
        let zeros = digits.iter().take_while(|&&digit| digit == 0).count();
        digits.drain(..zeros);
        Some(Self { digits, exponent, written_exponent })
    }
}

/// Reads a decimal exponent, cut to [`EXPONENT_CUT`].
fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = split_sign(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let exponent = digits
        .iter()
        .fold(0, |exponent, digit| (exponent * 10 + i64::from(digit - b'0')).min(EXPONENT_CUT));
    Some(if negative { -exponent } else { exponent })
}

/// Reads a hexadecimal number from behind its prefix.
fn parse_hexadecimal(text: &[u8]) -> Option<Magnitude> {
    let Digits { digits, exponent, written_exponent } = Digits::parse(text, 16, b'p')?;
    if digits.is_empty() {
        return Some(ZERO);
    }
    let (first, rest) = digits.split_at(digits.len().min(30));
    let mantissa = first.iter().fold(0, |mantissa, &digit| mantissa << 4 | u128::from(digit));
    let exponent = (exponent + rest.len() as i64) * 4 + written_exponent;
    in_range(rounded(mantissa, i32::try_from(exponent).ok()?, !rest.is_empty()))
}

/// Reads a decimal number.
fn parse_decimal(text: &[u8]) -> Option<Magnitude> {
    let Digits { digits, exponent, written_exponent } = Digits::parse(text, 10, b'e')?;
    if digits.is_empty() {
        return Some(ZERO);
    }
    let exponent = exponent + written_exponent;
    if !(MIN_POINT + 1..=MAX_POINT).contains(&(digits.len() as i64 + exponent)) {
        return None;
    }
    let power = i32::try_from(exponent).ok()?;
    in_range(match power.unsigned_abs() {
        few @ 0..=MAX_POWER_OF_FIVE if digits.len() <= 19 => {
            let number = digits.iter().fold(0, |number, &digit| number * 10 + u64::from(digit));
            short_decimal(number, few, power)
        }
        many => long_decimal(&digits, many, power),
    })
}

/// `number * 10^power` for a number that is not 0; `size` is the power without its sign.
fn short_decimal(number: u64, size: u32, power: i32) -> Magnitude {
    let fives = 5_u128.pow(size);
    if power >= 0 {
        return rounded(u128::from(number) * fives, power, false);
    }
    let shift = number.leading_zeros() + 64;
    let number = u128::from(number) << shift;
    rounded(number / fives, power - shift.cast_signed(), !number.is_multiple_of(fives))
}

/// `digits * 10^power`; `size` is the power without its sign.
fn long_decimal(digits: &[u8], size: u32, power: i32) -> Magnitude {
    let mut number = Natural::from_decimal(digits);
    if power >= 0 {
        number.multiply_by_power_of_five(size);
        let excess = number.bits().saturating_sub(128);
        let (top, more) = number.shifted_down(excess);
        return rounded(top, power + excess.cast_signed(), more);
    }
    let mut fives = Natural::from_decimal(&[1]);
    fives.multiply_by_power_of_five(size);
    // A quotient of 67 or 68 bits: enough to round, and it fits.
    let shift = fives.bits().cast_signed() + 67 - number.bits().cast_signed();
    if shift > 0 {
        number.shift_up(shift.unsigned_abs());
    } else {
        fives.shift_up(shift.unsigned_abs());
    }
    let (quotient, more) = number.divided(fives, 68);
    rounded(quotient, power - shift, more)
}

/// The text of `mantissa * 2^exponent`.
fn finite_text(mantissa: u64, exponent: i32) -> String {
    let size = exponent.unsigned_abs();
    if exponent >= 0 {
        let mut number = Natural::from_u64(mantissa);
        number.shift_up(size);
        return number.into_decimal();
    }
    // In units of the last place. It takes 121 bits at most, so a shift by more leaves nothing.
    let wide = u128::from(mantissa) * UNIT;
    let kept = wide.checked_shr(size).unwrap_or(0);
    let rest = wide - kept.checked_shl(size).unwrap_or(0);
    let half = 1_u128.checked_shl(size - 1).unwrap_or(u128::MAX);
    let units = kept + u128::from(rest > half || (rest == half && kept % 2 == 1));
    let text = format!("{}.{:0>width$}", units / UNIT, units % UNIT, width = PLACES as usize);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Outcome<'a> {
        Sum(&'a str),
        /// "value is not a valid float"
        NotRead,
        /// "increment would produce NaN or Infinity"
        NotFinite,
    }
    use Outcome::{NotFinite, NotRead, Sum};

    /// What redis-server 7.0.15 makes of a value and an increment.
    #[rustfmt::skip]
    const GOLDEN: &[(&str, &str, Outcome<'_>)] = &[
        ("1", "0.1", Sum("1.1")),
        ("0.1", "0.2", Sum("0.3")),
        ("3.0", "1.1", Sum("4.1")),
        ("5.0e3", "2.0e2", Sum("5200")),
        ("10.50", "0.1", Sum("10.6")),
        ("-0", "-0", Sum("0")),
        ("0", "-0", Sum("0")),
        ("1", "-1", Sum("0")),
        ("1e17", "0.1", Sum("100000000000000000.1015625")),
        ("123456789012345678", "0.5", Sum("123456789012345678.5")),
        ("9223372036854775807", "1", Sum("9223372036854775808")),
        ("18446744073709551615", "1", Sum("18446744073709551616")),
        ("18446744073709551616", "1", Sum("18446744073709551616")),
        ("18446744073709551617", "0", Sum("18446744073709551616")),
        ("0x1p-4", "0x10", Sum("16.0625")),
        ("0X.8P+3", ".5", Sum("4.5")),
        ("5.", ".5", Sum("5.5")),
        ("1e-17", "0", Sum("0.00000000000000001")),
        ("4.9e-18", "0", Sum("0")),
        ("5e-18", "0", Sum("0")),
        ("5.1e-18", "0", Sum("0.00000000000000001")),
        ("0.000000000000000015", "0", Sum("0.00000000000000002")),
        ("-1e-18", "0", Sum("0")),
        ("1e30", "1", Sum("1000000000000000000024696061952")),
        ("1e40", "-1", Sum("9999999999999999999783686092270256259072")),
        ("1.1897314953572317650857593266280070162e4932", "-1.1897314953572317650857593266280070162e4932", NotRead),
        ("1.1897314953572317650857593266280071e4932", "0", NotRead),
        ("1.8e-4951", "0", NotRead),
        ("1.9e-4951", "0", Sum("0")),
        ("0x1p-16445", "0", Sum("0")),
        ("0x1p-16446", "0", NotRead),
        ("0x1p16384", "0", NotRead),
        ("1e4932", "1e4932", NotFinite),
        ("inf", "1", NotFinite),
        ("1", "-inf", NotFinite),
        ("inf", "-inf", NotFinite),
        ("+infinity", "0", NotFinite),
        ("nan", "0", NotRead),
        ("0", "NaN", NotRead),
        ("", "1", NotRead),
        ("1", "", NotRead),
        (" 1", "1", NotRead),
        ("1 ", "1", NotRead),
        ("1", "\t1", NotRead),
        ("0x", "1", NotRead),
        ("0x.", "1", NotRead),
        ("1e", "1", NotRead),
        ("1e+", "1", NotRead),
        (".", "1", NotRead),
        ("-", "1", NotRead),
        ("+-1", "1", NotRead),
        ("1..", "1", NotRead),
        ("1e5000", "0", NotRead),
        ("0e99999999999999999999", "7", Sum("7")),
        ("1e-99999999999999999999", "0", NotRead),
        ("1,5", "1", NotRead),
        ("1f", "1", NotRead),
        ("0b1", "1", NotRead),
        ("1\0", "1", NotRead),
        ("+1", "+1", Sum("2")),
        ("00012.3400", "0", Sum("12.34")),
        ("99999999999999999.99999", "0.00001", Sum("100000000000000000")),
        ("0x1.8p0", "0x1.8p0", Sum("3")),
        ("1", "5.421010862427522170037e-20", Sum("1")),
        ("1", "5.42101086242752217004e-20", Sum("1")),
        ("1", "1.626303258728256651011e-19", Sum("1")),
        ("3", "-2.999999999999999999", Sum("0")),
        ("-0x7E153bf7cB3C70.d85c52p", "-997", NotRead),
        ("-147573952589676412937", "613", Sum("-147573952589676412328")),
        ("-216.827521", "-59.045847445290784547485e+5", Sum("-5904801.57205007845504952")),
        ("-0XebaA4.56bf92Fd5DCAFd9D", "+923.207320", Sum("-964361.131540689980568")),
        ("e5", "380675691933505.461850894148", NotRead),
        ("90", "0374.447978910E4932", NotRead),
        ("+94.80755", "-43556142965880123323311949751266331066879", Sum("-43556142965880123323311949751266331066368")),
        ("06.997676347140694742278758269E-4952", "500", NotRead),
        ("105616.70113", "0xe45D5d52D.1B3Fc2", Sum("61301289405.80757161602377892")),
        ("+84889.4", "-518", Sum("84371.39999999999999858")),
        ("-2357.62205", "367", Sum("-1990.62204999999999999")),
        ("768", "216", Sum("984")),
        ("-0X1CC65c23115661ff.0df9Ddaee36P+3", "779", Sum("-16587567873081412845")),
        ("-8414.43070", "-0077215473.20309319654275417232309", Sum("-77223887.63379319653904531")),
        ("-.07620088951137e30", "-502", Sum("-76200889511369999999846842368")),
        ("3.078576968204738124714652281731693407303E4932", "0x.", NotRead),
        ("-804290720064.682e+-22", "75401880.", NotRead),
        ("985", "-269", Sum("716")),
        ("-0386253550299214892.27661557379627028779e-17", "741", Sum("737.13746449700785107")),
        ("009375.733434885355e-23", "-0X47fc.3p16383", NotRead),
        ("469", "577891.360189", Sum("578360.36018899999999121")),
        ("0X.F0D9AcAfBc", "-908.4410159964043E-3810", Sum("0.94082145014181151")),
        ("1e-99999999999999999999", "-912162.1", NotRead),
        ("0X5BCE3b3266.b5eF27cBecp-69", ".99x", NotRead),
        ("-.753e+18", "854", Sum("-752999999999999146")),
        ("146518603634124187.2863175210250e2", "-0.3707814978002E-4952", NotRead),
        ("75972.315", "+622", Sum("76594.31499999999999773")),
        ("+53.4", "116.45789739240806237000363E-4951", Sum("53.4")),
        (".09700967689799", "2869", Sum("2869.09700967689799")),
        ("-58", "41644744058776234593.12516798623272", Sum("41644744058776234536")),
        ("-414.5661141201861761360984e35", "-76.231", Sum("-41456611412018617613082029860296065024")),
        ("36006.4", "-216.33267", Sum("35790.06732999999999834")),
        ("967", "-67", Sum("900")),
        ("553373.269", "-61216573005051.6441", Sum("-61216572451678.37509918212890625")),
        ("-599", "-0.45982506312429904937744140625", Sum("-599.45982506312429905")),
        ("-06569500111.", "+56927.755460", Sum("-6569443183.24453999986872077")),
        ("+62.3", "102", Sum("164.3")),
        (".581", "-65", Sum("-64.419")),
        ("-23587876153278.4508509", "-.342111", Sum("-23587876153278.79296302795410156")),
        ("+424.8", "10915148372409.57e+1", Sum("109151483724520.5")),
        ("284", "-377139153251138.39630949950680997e+5", Sum("-37713915325113839348")),
        ("-236", "-2357138.", Sum("-2357374")),
        ("-9666.1015494121E-4950", "-551", Sum("-551")),
        ("-53450527963.47455080321505028e-16", "407", Sum("406.99999465494720366")),
        ("-0xb0f7.ffE3p-42", "64.61703", Sum("64.61702998969906311")),
        ("-210132988.396484375", "9107457652804392.164e+23", Sum("910745765280439216370464806773026979840")),
        ("-0XEefD2.B33", "3.258758544921875", Sum("-978895.441192626953125")),
        ("-359", "-0xA31a8fbd1D6F0252.68fd9Dep-16", Sum("-179334476013270.009063720703125")),
        ("262", "+51894.17", Sum("52156.17000000000000171")),
        ("7961398994069111140293775.12e0", "-38610.29", Sum("7961398994069111140515840")),
        (".7", "-0977250463195885410206190.31354e+25", Sum("-9772504631958854102291066962920661884280831475712")),
        ("8525.905", "838.89398129706918715918", Sum("9364.79898129706918741")),
        ("+.5", "9565587006882878390470263.646436678810273055", Sum("9565587006882878390272000")),
        ("3824780758436034222.84522854969410", "-214.101647E-4950", Sum("3824780758436034222.75")),
        ("-42535295865117307932921825928971550720", "-6.2", Sum("-42535295865117307932921825928971026432")),
        ("+5.", "-174224571863520493302692531970804614692864", Sum("-174224571863520493293247799005065324265472")),
        ("-0X7FB6C5.db6aE58b", "115", Sum("-8369746.85709986346773803")),
        ("-0.89", "1298074215238169816939938669658113", Sum("1298074215238169816939938669658112")),
        ("-908054640.57760", "-44476774349407.47", Sum("-44477682404048.04759979248046875")),
        ("379", "-23558055338.8931171842684115583927", Sum("-23558054959.89311718381941319")),
        ("-234", "-523", Sum("-757")),
        ("-119", "0.000098195537145073785723070614039897918701171875", Sum("-118.99990180446285493")),
        ("-58", "-669", Sum("-727")),
        ("36893489246930731009", "601252163390.924709", Sum("36893489848182894400")),
        ("+0.400", "+068.998064", Sum("69.398064")),
        ("53559.82520", "-9428661195353729278160614.5094104771957e33", Sum("-9428661195353729278401936488662179712975313446166897623040")),
        ("+8566.05", "-2050.8031758074188427", Sum("6515.2468241925811574")),
    ];

    #[test]
    fn adds_and_prints_what_redis_does() {
        for (value, increment, expected) in GOLDEN {
            let parse = |text: &str| Extended::parse(text.as_bytes());
            let sum = parse(value).zip(parse(increment)).map(|(a, b)| a + b);
            let text = sum.map_or(String::new(), Extended::to_human);
            let outcome = match sum {
                None => NotRead,
                Some(sum) if !sum.is_finite() => NotFinite,
                Some(_) => Sum(&text),
            };
            assert_eq!(outcome, *expected, "{value:?} + {increment:?}");
        }
    }

    #[test]
    fn adds_in_either_order_and_takes_back_what_it_added() {
        for (value, increment, _) in GOLDEN {
            let parse = |text: &str| Extended::parse(text.as_bytes());
            let Some((a, b)) = parse(value).zip(parse(increment)) else { continue };
            assert_eq!((a + b).to_human(), (b + a).to_human(), "{value} + {increment}");
            if a.is_finite() {
                let minus_a = Extended { negative: !a.negative, ..a };
                assert_eq!((a + minus_a).to_human(), "0", "{value}");
            }
        }
    }

    #[test]
    fn integers_are_themselves() {
        for number in [0, 1, -1, 10, i64::MAX, i64::MIN, 1 << 53, (1 << 53) + 1] {
            assert_eq!(Extended::from(number).to_human(), number.to_string());
        }
    }

    #[test]
    fn reads_texts_up_to_the_limit_of_redis() {
        let digits = |count: usize| "1".repeat(count) + "e-5000";
        let read = Extended::parse(digits(MAX_TEXT - 7).as_bytes()).map(Extended::to_human);
        let ones = "1".repeat(113);
        assert!(read.is_some_and(|text| text.starts_with(&ones[..19])));
        assert!(Extended::parse(digits(MAX_TEXT - 6).as_bytes()).is_none());
    }
}
