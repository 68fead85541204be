//! Where GEORADIUS and GEORADIUSBYMEMBER store. It is read in one place, since it decides not only
//! what is done but which keys are needed.

use shardwright_codec::resp::Args;

/// The argument that is the key to store at: of several, the last; none if there is none. Options
/// begin at argument `first`.
///
/// The key specifications, which clients are told, find the first key behind each keyword, also
/// where the word is another option's value.
pub(super) fn destination(args: Args<'_>, first: usize) -> Option<usize> {
    let (mut at, mut found) = (first, None);
    while let Some(word) = args.get(at) {
        at += match word.to_ascii_uppercase().as_slice() {
            b"STORE" | b"STOREDIST" => {
                found = Some(at + 1);
                2
            }
            b"COUNT" => 2,
            _ => 1,
        };
    }
    found.filter(|&found| found < args.len())
}

#[cfg(test)]
mod tests {
    use super::super::with_args;
    use super::*;

    #[test]
    fn the_destination_is_what_follows_the_last_option_that_stores() {
        for (line, expected) in [
            ("GEORADIUS g 1 2 3 m", None),
            ("GEORADIUS g 1 2 3 m STORE a", Some(7)),
            ("GEORADIUS g 1 2 3 m STORE a ASC storedist b", Some(10)),
            ("GEORADIUS g 1 2 3 m STOREDIST store STORE b", Some(9)),
            ("GEORADIUS g 1 2 3 m COUNT 1 ANY STORE STORE", Some(10)),
            ("GEORADIUS g 1 2 3 STORE a", None),
            ("GEORADIUS g 1 2 3 m STORE", None),
        ] {
            assert_eq!(with_args(line, |args| destination(args, 6)), expected, "{line}");
        }
    }
}
