//! The longest common subsequence of two strings, as the LCS command finds it: among equally long
//! ones the same as Redis, told as text and as ranges of both strings. It knows nothing of keys or
//! replies.

use thiserror::Error;

/// Default bound of the transient table in bytes, `proto-max-bulk-len`'s default: some 11,000 bytes
/// on either side.
pub const MAX_TABLE_BYTES: usize = 512 << 20;

/// Why no subsequence was looked for. The text is Redis's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LcsError {
    /// The table would be greater than it may.
    #[error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")]
    OverLimit,
    /// There is no memory for the table.
    #[error("ERR Insufficient memory, failed allocating transient memory for LCS")]
    OutOfMemory,
    /// A string has nearly 2^32 bytes or more.
    #[error("ERR String too long for LCS")]
    StringTooLong,
}

/// A run of bytes that is in both strings and in the subsequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// First and last position in the first string.
    pub a: (u32, u32),
    /// First and last position in the second string.
    pub b: (u32, u32),
    /// Length in bytes.
    pub len: u32,
}

/// A longest common subsequence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lcs {
    /// Its length in bytes.
    pub length: u32,
    /// Its bytes.
    pub sequence: Vec<u8>,
    /// The runs that it is made of, the last one first.
    pub matches: Vec<Match>,
}

/// Finds the longest common subsequence of `a` and `b`. Of its runs those with at least
/// `min_match_len` bytes are told.
///
/// Takes time and memory by the product of the lengths: four bytes for each pair of positions, of
/// which `max_table_bytes` are allowed.
///
/// # Errors
///
/// When the table may not or cannot be made.
pub fn lcs(
    a: &[u8],
    b: &[u8],
    min_match_len: u32,
    max_table_bytes: usize,
) -> Result<Lcs, LcsError> {
    let table = Table::new(a, b, max_table_bytes)?;
    let mut walk = Walk { result: Lcs::default(), run: None, min_match_len };
    walk.result.length = table.at(a.len(), b.len());
    let (mut i, mut j) = (a.len(), b.len());
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            (i, j) = (i - 1, j - 1);
            walk.take(i as u32, j as u32, a[i]);
        } else {
            walk.end_run();
            if table.at(i - 1, j) > table.at(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
    }
    walk.end_run();
    walk.result.sequence.reverse();
    Ok(walk.result)
}

/// For each pair of beginnings of the two strings the length of their longest common subsequence.
struct Table {
    lengths: Vec<u32>,
    width: usize,
}

impl Table {
    fn new(a: &[u8], b: &[u8], max_bytes: usize) -> Result<Self, LcsError> {
        if a.len().max(b.len()) >= u32::MAX as usize - 1 {
            return Err(LcsError::StringTooLong);
        }
        let width = b.len() + 1;
        let cells = (a.len() + 1).checked_mul(width).ok_or(LcsError::OutOfMemory)?;
        let bytes = cells.checked_mul(size_of::<u32>()).ok_or(LcsError::OutOfMemory)?;
        if bytes > max_bytes {
            return Err(LcsError::OverLimit);
        }
        let mut lengths = Vec::new();
        lengths.try_reserve_exact(cells).map_err(|_| LcsError::OutOfMemory)?;
        lengths.resize(cells, 0);
        let mut table = Self { lengths, width };
        table.fill(a, b);
        Ok(table)
    }

    fn fill(&mut self, a: &[u8], b: &[u8]) {
        let mut rest = self.lengths.as_mut_slice();
        for byte in a {
            let (above, below) = rest.split_at_mut(self.width);
            let mut left = 0;
            for ((other, pair), cell) in b.iter().zip(above.windows(2)).zip(&mut below[1..]) {
                left = if byte == other { pair[0] + 1 } else { pair[1].max(left) };
                *cell = left;
            }
            rest = below;
        }
    }

    /// The length for the first `i` bytes of one string and the first `j` of the other.
    fn at(&self, i: usize, j: usize) -> u32 {
        self.lengths[i * self.width + j]
    }
}

/// What was found on the way from the ends of both strings to their beginnings.
struct Walk {
    result: Lcs,
    run: Option<Match>,
    min_match_len: u32,
}

impl Walk {
    /// Takes the byte at these positions into the subsequence and the current run. Between two runs
    /// something does not match, so the positions always continue the run.
    fn take(&mut self, i: u32, j: u32, byte: u8) {
        self.result.sequence.push(byte);
        let run = self.run.get_or_insert(Match { a: (i, i), b: (j, j), len: 0 });
        run.a.0 = i;
        run.b.0 = j;
        run.len += 1;
    }

    fn end_run(&mut self) {
        let long_enough = |run: &Match| run.len >= self.min_match_len;
        self.result.matches.extend(self.run.take().filter(long_enough));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two strings, `MINMATCHLEN`, and what redis-server 7.0.15 answers: length, subsequence, and
    /// each match as range of the first, range of the second, and length.
    #[rustfmt::skip]
    const GOLDEN: &[(&str, &str, u32, &str)] = &[
        ("", "", 0, "0  "),
        ("", "aac", 0, "0  "),
        ("iyw", "", 0, "0  "),
        ("aaaaa", "bbb", 2, "0  "),
        ("ohmytext", "mynewtext", 0, "6 mytext 4-7:5-8:4,2-3:0-1:2"),
        ("ohmytext", "mynewtext", 4, "6 mytext 4-7:5-8:4"),
        ("aaaaaaaa", "aaaa", 2, "4 aaaa 4-7:0-3:4"),
        ("bababa", "abbaba", 5, "5 ababa "),
        ("bbbabbbba", "aababaab", 3, "4 abba "),
        ("aaa", "aaaaaaaaaaaaaaaaaa", 3, "3 aaa 0-2:15-17:3"),
        ("aaa", "baaabaababbbbaabbab", 2, "3 aaa 0-1:13-14:2"),
        ("aaabbbbbbbabbaabbbab", "aaaba", 3, "5 aaaba "),
        ("baaaaaaabbaaabbbbbb", "aaaababababb", 0,
         "10 aaaababbbb 17-18:10-11:2,16-16:8-8:1,15-15:6-6:1,12-12:5-5:1,9-9:4-4:1,4-7:0-3:4"),
        ("emtollaowe", "emtallaowa", 1, "8 emtllaow 4-8:4-8:5,0-2:0-2:3"),
        ("xlvrv", "litkrbrelsgppdcutg", 1, "2 lr 3-3:4-4:1,1-1:0-0:1"),
        ("cbbcaba", "aabaaba", 3, "4 baba 4-6:4-6:3"),
        ("stfnjdk", "bqyuvvhtfyphqlnon", 0, "3 tfn 3-3:14-14:1,1-2:7-8:2"),
        ("szepbnzg", "aaepbnag", 5, "5 epbng "),
        ("aaaaba", "bbbbabbaba", 1, "4 aaba 3-5:7-9:3,2-2:4-4:1"),
        ("dbac", "aaac", 0, "2 ac 2-3:2-3:2"),
        ("bcbc", "baa", 2, "1 b "),
        ("maqgtzjngnhwixrg", "gfl", 0, "1 g 15-15:0-0:1"),
        ("bbaabbba", "aaaababa", 5, "5 aabba "),
    ];

    #[test]
    fn finds_what_redis_finds() {
        for (a, b, min, expected) in GOLDEN {
            let found = lcs(a.as_bytes(), b.as_bytes(), *min, MAX_TABLE_BYTES).unwrap();
            let range = |(first, last): (u32, u32)| format!("{first}-{last}");
            let told = |m: &Match| format!("{}:{}:{}", range(m.a), range(m.b), m.len);
            let matches: Vec<_> = found.matches.iter().map(told).collect();
            let sequence = String::from_utf8(found.sequence).unwrap();
            let text = format!("{} {sequence} {}", found.length, matches.join(","));
            assert_eq!(text, *expected, "{a} and {b}");
        }
    }

    #[test]
    fn the_table_takes_no_more_than_allowed() {
        assert!(lcs(b"abc", b"abcd", 0, 4 * 5 * 4).is_ok());
        assert_eq!(lcs(b"abc", b"abcd", 0, 4 * 5 * 4 - 1), Err(LcsError::OverLimit));
        let long = vec![b'a'; 20_000];
        assert_eq!(lcs(&long, &long, 0, MAX_TABLE_BYTES), Err(LcsError::OverLimit));
    }
}
