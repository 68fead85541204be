//! Writing lengths and strings as Redis does.

use super::lzf::Compressor;
use super::opcode::{
    ENC_INT8, ENC_INT16, ENC_INT32, ENC_LZF, ENCODED, LEN_6, LEN_14, LEN_32, LEN_64,
};
use crate::number::{MAX_I64_LEN, parse_i64_strict, write_i64};

/// The longest text that is looked at for being an integer of 32 bits: `-2147483648`.
const MAX_I32_LEN: usize = 11;
/// Strings up to this length are not compressed.
const PLAIN_LEN: usize = 20;
/// Memory in bytes that is kept from one use to another.
const KEPT: usize = 1 << 16;
/// Bytes that compressing must save, lengths not counted.
const MIN_SAVED: usize = 4;

/// Writes strings in the shortest form that they have. It is kept from one string to the next for
/// the memory that compressing needs.
#[derive(Debug, Clone)]
pub struct StringWriter {
    compress: bool,
    /// Made when it is needed for the first time.
    compressor: Option<Compressor>,
    packed: Vec<u8>,
}

impl StringWriter {
    /// A writer that compresses long strings, or does not.
    #[must_use]
    pub fn new(compress: bool) -> Self {
        Self { compress, compressor: None, packed: Vec::new() }
    }

    /// Gives back the memory that long strings have taken.
    pub fn trim(&mut self) {
        self.packed.clear();
        self.packed.shrink_to(KEPT);
    }

    /// Appends a string.
    pub fn write(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let number = if text.len() <= MAX_I32_LEN { parse_i64_strict(text) } else { None };
        if let Some(number) = number.and_then(|number| i32::try_from(number).ok()) {
            write_small_int(number, out);
        } else if self.pack(text) {
            out.push(ENCODED | ENC_LZF);
            write_length(self.packed.len() as u64, out);
            write_length(text.len() as u64, out);
            out.extend_from_slice(&self.packed);
        } else {
            write_raw(text, out);
        }
    }

    /// Appends the string that is the decimal form of `number`.
    pub fn write_int(&mut self, number: i64, out: &mut Vec<u8>) {
        if let Ok(number) = i32::try_from(number) {
            return write_small_int(number, out);
        }
        let mut text = [0; MAX_I64_LEN];
        let start = write_i64(number, &mut text);
        write_raw(&text[start..], out);
    }

    /// Compresses a string, if it is long and that saves something.
    fn pack(&mut self, text: &[u8]) -> bool {
        if !self.compress || text.len() <= PLAIN_LEN {
            return false;
        }
        let compressor = self.compressor.get_or_insert_with(Compressor::new);
        self.packed.clear();
        compressor.compress(text, text.len() - MIN_SAVED, &mut self.packed)
    }
}

fn write_raw(text: &[u8], out: &mut Vec<u8>) {
    write_length(text.len() as u64, out);
    out.extend_from_slice(text);
}

fn write_small_int(number: i32, out: &mut Vec<u8>) {
    if let Ok(number) = i8::try_from(number) {
        out.extend_from_slice(&[ENCODED | ENC_INT8, number.to_le_bytes()[0]]);
    } else if let Ok(number) = i16::try_from(number) {
        out.push(ENCODED | ENC_INT16);
        out.extend_from_slice(&number.to_le_bytes());
    } else {
        out.push(ENCODED | ENC_INT32);
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// Appends a length, or another number that is written like one.
pub(super) fn write_length(length: u64, out: &mut Vec<u8>) {
    match length {
        0..0x40 => out.push(LEN_6 | length as u8),
        0x40..0x4000 => out.extend_from_slice(&[LEN_14 | (length >> 8) as u8, length as u8]),
        _ => match u32::try_from(length) {
            Ok(length) => {
                out.push(LEN_32);
                out.extend_from_slice(&length.to_be_bytes());
            }
            Err(_) => {
                out.push(LEN_64);
                out.extend_from_slice(&length.to_be_bytes());
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::{Reader, Stop, Text};
    use super::*;

    #[track_caller]
    fn check_length(length: u64, expected: &[u8]) {
        let mut out = Vec::new();
        write_length(length, &mut out);
        assert_eq!(out, expected);
        assert_eq!(Reader::new(&out, 0).length(), Ok(length));
        for cut in 0..out.len() {
            let needs = Reader::new(&out[..cut], 0).length();
            assert!(matches!(needs, Err(Stop::Needs(count)) if cut < count && count <= out.len()));
        }
    }

    #[test]
    fn lengths_have_four_forms() {
        check_length(0, &[0]);
        check_length(63, &[63]);
        check_length(64, &[0x40, 64]);
        check_length(16383, &[0x7f, 0xff]);
        check_length(16384, &[0x80, 0, 0, 0x40, 0]);
        check_length(u32::MAX.into(), &[0x80, 0xff, 0xff, 0xff, 0xff]);
        check_length(1 << 32, &[0x81, 0, 0, 0, 1, 0, 0, 0, 0]);
        check_length(u64::MAX, &[0x81, 255, 255, 255, 255, 255, 255, 255, 255]);
    }

    #[track_caller]
    fn check(text: &str, expected: &[u8]) {
        let mut out = Vec::new();
        StringWriter::new(true).write(text.as_bytes(), &mut out);
        assert_eq!(out, expected, "{text}");
        let read = Reader::new(&out, 100).string().unwrap();
        assert_eq!(read.bytes(&out, &mut Vec::new()).unwrap(), text.as_bytes());
        if let Ok(number) = text.parse::<i64>().map(|number| (number, number.to_string()))
            && number.1 == text
        {
            let mut again = Vec::new();
            StringWriter::new(true).write_int(number.0, &mut again);
            assert_eq!(again, out, "{text}");
        }
    }

    #[test]
    fn texts_of_small_integers_are_written_as_integers() {
        check("0", &[0xc0, 0]);
        check("-1", &[0xc0, 0xff]);
        check("127", &[0xc0, 127]);
        check("-128", &[0xc0, 0x80]);
        check("128", &[0xc1, 128, 0]);
        check("-129", &[0xc1, 0x7f, 0xff]);
        check("32767", &[0xc1, 0xff, 0x7f]);
        check("-32768", &[0xc1, 0, 0x80]);
        check("32768", &[0xc2, 0, 0x80, 0, 0]);
        check("-32769", &[0xc2, 0xff, 0x7f, 0xff, 0xff]);
        check("2147483647", &[0xc2, 0xff, 0xff, 0xff, 0x7f]);
        check("-2147483648", &[0xc2, 0, 0, 0, 0x80]);
    }

    #[test]
    fn other_texts_are_written_as_they_are() {
        let raw = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
        for text in [
            "",
            "-",
            "-0",
            "00",
            "+1",
            "1.0",
            "2147483648",
            "-2147483649",
            "9223372036854775807",
            "-9223372036854775808",
            "aaaaaaaaaaaaaaaaaaaa",
            "abcdefghijklmnopqrstu",
        ] {
            check(text, &raw(text));
        }
    }

    #[test]
    fn long_texts_are_compressed_where_that_saves_something() {
        check(&"a".repeat(21), &[0xc3, 5, 21, 0, b'a', 0xe0, 11, 0][..]);
        let mut out = Vec::new();
        StringWriter::new(false).write(&[b'a'; 21], &mut out);
        assert_eq!(out, [&[21][..], &[b'a'; 21]].concat(), "compression is off");
    }

    #[test]
    fn a_text_that_is_read_is_held_against_the_limit() {
        let (raw, packed) =
            ([&[21][..], &[b'a'; 21]].concat(), [0xc3, 5, 21, 0, b'a', 0xe0, 11, 0]);
        for bytes in [&raw[..], &packed] {
            assert!(Reader::new(bytes, 21).string().is_ok());
            assert!(matches!(Reader::new(bytes, 20).string(), Err(Stop::Wrong(0, _))));
        }
        assert_eq!(Reader::new(&[0xc0, 7], 0).string(), Ok(Text::Int(7)));
    }
}
