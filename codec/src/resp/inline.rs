//! Inline commands: a line of words for people with telnet, by the rules of Redis's
//! `sdssplitargs`.
//!
//! Words are unescaped in place, since a word never grows by that.

use super::ArgRange;

/// A quote that is not closed, or closed within a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Unbalanced;

/// The quotes around the place that is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

/// Splits `line` (without its end) into words and appends their ranges, `base` added to each.
/// Linear. After an error `line` is partly unescaped and `args` partly filled.
pub(super) fn split(
    line: &mut [u8],
    base: u32,
    args: &mut Vec<ArgRange>,
) -> Result<(), Unbalanced> {
    let mut read = 0;
    loop {
        while line.get(read).is_some_and(|&byte| is_space(byte)) {
            read += 1;
        }
        if read == line.len() {
            return Ok(());
        }
        let start = read;
        let end = word(line, &mut read)?;
        // An inline command is bounded far below 4 GiB.
        args.push(ArgRange { start: base + start as u32, len: (end - start) as u32 });
    }
}

/// Reads the word that starts at `read`, moves `read` behind it, writes it unescaped to where it
/// started, and returns where it ends there.
fn word(line: &mut [u8], read: &mut usize) -> Result<usize, Unbalanced> {
    let mut quote = Quote::None;
    let mut write = *read;
    while let Some(&byte) = line.get(*read) {
        let (unescaped, taken) = match (quote, byte) {
            (Quote::None, b' ' | b'\n' | b'\r' | b'\t') => {
                *read += 1;
                return Ok(write);
            }
            (Quote::None, b'"') => {
                quote = Quote::Double;
                *read += 1;
                continue;
            }
            (Quote::None, b'\'') => {
                quote = Quote::Single;
                *read += 1;
                continue;
            }
            (Quote::Double, b'"') | (Quote::Single, b'\'') => {
                *read += 1;
                let at_end = line.get(*read).is_none_or(|&next| is_space(next));
                return if at_end { Ok(write) } else { Err(Unbalanced) };
            }
            (Quote::Double, b'\\') => escape(&line[*read..]),
            (Quote::Single, b'\\') if line.get(*read + 1) == Some(&b'\'') => (b'\'', 2),
            _ => (byte, 1),
        };
        line[write] = unescaped;
        write += 1;
        *read += taken;
    }
    if quote == Quote::None { Ok(write) } else { Err(Unbalanced) }
}

/// The byte that an escape sequence within double quotes stands for, and its length. `text` starts
/// with the backslash.
fn escape(text: &[u8]) -> (u8, usize) {
    match text {
        [_, b'x', high, low, ..] => match (hex(*high), hex(*low)) {
            (Some(high), Some(low)) => (high << 4 | low, 4),
            _ => (b'x', 2),
        },
        [_, b'n', ..] => (b'\n', 2),
        [_, b'r', ..] => (b'\r', 2),
        [_, b't', ..] => (b'\t', 2),
        [_, b'b', ..] => (0x08, 2),
        [_, b'a', ..] => (0x07, 2),
        [_, other, ..] => (*other, 2),
        _ => (b'\\', 1),
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// C's `isspace`. It separates words, but of these `\v` and `\f` do not end one.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut line = line.to_vec();
        let mut args = Vec::new();
        split(&mut line, 0, &mut args).ok()?;
        Some(args.iter().map(|range| range.of(&line).to_vec()).collect())
    }

    #[track_caller]
    fn check(line: &[u8], expected: &[&[u8]]) {
        assert_eq!(words(line).unwrap(), expected, "{}", line.escape_ascii());
    }

    #[test]
    fn words_are_separated_by_blanks() {
        check(b"", &[]);
        check(b" \t ", &[]);
        check(b"PING", &[b"PING"]);
        check(b"  SET\tk  v ", &[b"SET", b"k", b"v"]);
        check(b"a\rb", &[b"a", b"b"]);
        check(b"\x0b\x0ca\x0bb\x0c", &[b"a\x0bb\x0c"]);
        check(b"\xa0 \x85", &[b"\xa0", b"\x85"]);
    }

    #[test]
    fn double_quotes_know_escapes() {
        check(br#""a b" c"#, &[b"a b", b"c"]);
        check(br#""\n\r\t\b\a\\\"\q""#, &[b"\n\r\t\x08\x07\\\"q"]);
        check(br#""\x41\xfF\x00" z"#, &[b"A\xff\0", b"z"]);
        check(br#""\x4g\x4""#, &[b"x4gx4"]);
        check(br#""""#, &[b""]);
    }

    #[test]
    fn single_quotes_know_only_their_own() {
        check(br"'a\'b' 'a\nb'", &[b"a'b", br"a\nb"]);
        check(br"''", &[b""]);
    }

    #[test]
    fn quotes_may_open_within_a_word() {
        check(br#"a"b c""#, &[b"ab c"]);
        check(br"a'b'", &[b"ab"]);
        check(br"a\x41\n", &[br"a\x41\n"]);
        check(b"'a'\x0bb", &[b"a", b"b"]);
    }

    #[test]
    fn quotes_must_close_at_the_end_of_a_word() {
        for line in [&b"\"a"[..], b"'a", b"\"a\"b", b"'a'b", b"\"a\\\"", b"'a\\'", b"\"\\", b"\""] {
            assert_eq!(words(line), None, "{}", line.escape_ascii());
        }
    }
}
