//! Redis's configuration syntax: one directive a line, words parted by blanks, quotes, comments.

use std::path::Path;

use crate::error::{LoadError, Origin};
use crate::layers::Assignment;

/// Reads every directive of a file's text, in order.
///
/// Comments may hold any bytes, directives must be UTF-8.
pub(crate) fn parse(text: &[u8], path: &Path) -> Result<Vec<Assignment>, LoadError> {
    let mut directives = Vec::new();
    for (place, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let origin = Origin::File { path: path.to_path_buf(), line: Some(place + 1) };
        let mut words =
            split_words(line).map_err(|reason| LoadError::syntax(reason, &origin))?.into_iter();
        if let Some(name) = words.next() {
            directives.push(Assignment { name, values: words.collect(), origin });
        }
    }
    Ok(directives)
}

/// Parts a line into words, as Redis does: blanks part them, `"…"` may hold escapes, `'…'` only
/// `\'`, and a closing quote ends its word.
pub(crate) fn split_words(line: &[u8]) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii_start();
    while !rest.is_empty() {
        let (word, after) = next_word(rest)?;
        words.push(String::from_utf8(word).map_err(|_| "text that is not UTF-8")?);
        rest = after.trim_ascii_start();
    }
    Ok(words)
}

/// Why a line with a quote that never closes, or closes within a word, is refused.
const UNBALANCED: &str = "unbalanced quotes";

/// Takes the first word and what follows it.
fn next_word(line: &[u8]) -> Result<(Vec<u8>, &[u8]), &'static str> {
    let mut word = Vec::new();
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'"' | b'\'' => {
                let after = quoted(after, byte, &mut word)?;
                // The closing quote must be the end of the word.
                return match after.first() {
                    Some(next) if !next.is_ascii_whitespace() => Err(UNBALANCED),
                    _ => Ok((word, after)),
                };
            }
            _ if byte.is_ascii_whitespace() || byte == 0 => break,
            _ => {
                word.push(byte);
                after
            }
        };
    }
    // A zero byte ends a line, as it does in C.
    Ok((word, if rest.first() == Some(&0) { &[] } else { rest }))
}

/// Takes what is between quotes; gives what follows the closing one.
fn quoted<'a>(text: &'a [u8], quote: u8, word: &mut Vec<u8>) -> Result<&'a [u8], &'static str> {
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return Err(UNBALANCED),
            [byte, after @ ..] if *byte == quote => return Ok(after),
            [b'\\', b'\'', after @ ..] if quote == b'\'' => {
                word.push(b'\'');
                after
            }
            [b'\\', b'x', high, low, after @ ..] if quote == b'"' && is_hex(*high, *low) => {
                word.push(hex_digit(*high) << 4 | hex_digit(*low));
                after
            }
            [b'\\', escaped, after @ ..] if quote == b'"' => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        };
    }
}

fn is_hex(high: u8, low: u8) -> bool {
    high.is_ascii_hexdigit() && low.is_ascii_hexdigit()
}

fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_as_redis_splits_them() {
        for (line, words) in [
            ("", vec![]),
            ("port 7000", vec!["port", "7000"]),
            ("  a\t b \r", vec!["a", "b"]),
            (r#"save """#, vec!["save", ""]),
            ("save ''", vec!["save", ""]),
            (r#"a "b c" d"#, vec!["a", "b c", "d"]),
            (r#""\x41\n\t\"\\\q""#, vec!["A\n\t\"\\q"]),
            (r#""\xg1""#, vec!["xg1"]),
            (r"'it\'s' '\n'", vec!["it's", r"\n"]),
            ("pre\"post\"", vec!["prepost"]),
            ("a#b #c", vec!["a#b", "#c"]),
        ] {
            assert_eq!(
                split_words(line.as_bytes()),
                Ok(words.into_iter().map(String::from).collect()),
                "{line}"
            );
        }
        for line in [r#""abc"#, "'abc", r#""a"b"#, "'a'b", r#""\"#, r#"a "b\""#] {
            assert_eq!(split_words(line.as_bytes()), Err(UNBALANCED), "{line}");
        }
        assert!(split_words(b"\"\\xff\"").is_err());
    }

    #[test]
    fn directives_know_their_lines_and_comments_may_be_any_bytes() {
        let text = b"# caf\xe9\n\nport 7000\r\n   # more\n  bind 127.0.0.1 -::1  \n";
        let found: Vec<_> = parse(text, Path::new("r.conf"))
            .unwrap()
            .into_iter()
            .map(|directive| {
                (directive.name, directive.values.join("|"), directive.origin.to_string())
            })
            .collect();
        let expected = [("port", "7000", "at r.conf:3"), ("bind", "127.0.0.1|-::1", "at r.conf:5")];
        assert_eq!(found, expected.map(|(a, b, c)| (a.into(), b.into(), c.into())));
    }

    #[test]
    fn bad_lines_say_where_but_not_what() {
        let error = parse(b"port 1\nrequirepass \"hunter2", Path::new("r.conf")).err().unwrap();
        assert_eq!(error.to_string(), "unbalanced quotes at r.conf:2");
    }
}
