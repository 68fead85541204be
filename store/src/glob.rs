//! Glob patterns as KEYS, SCAN, PSUBSCRIBE and CONFIG GET understand them, byte for byte as Redis
//! does, oddities included: a class that is not closed ends with the pattern, a range may be written
//! backwards, bytes compare as signed, and an empty text matches only the empty pattern.
//!
//! Where Redis recurses at a `*`, only the last `*` is tried again here: one that matched before it
//! could at best match the same. So a match takes at most the product of both lengths in steps,
//! whatever the pattern, and no memory.

/// Whether `text` matches `pattern`:
///
/// - `*` is any run of bytes, `?` any byte;
/// - `[abc]`, `[a-z]` and `[^a]` are a byte of (or not of) a class;
/// - `\x` is the byte `x` itself; at the end of the pattern, a backslash is itself.
///
/// With `nocase`, ASCII letters match whatever their case, except those escaped within a class.
///
/// The empty text matches the empty pattern alone: commands that want `*` to be everything ask for
/// that themselves, as Redis's do.
pub fn glob_match(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let mut rest = pattern;
    let mut unread = text;
    // Pattern behind the last `*`, and the text that it was tried on last.
    let mut retry: Option<(&[u8], &[u8])> = None;
    while let [byte, after @ ..] = unread {
        if let [b'*', ..] = rest {
            rest = skip_stars(rest);
            if rest.is_empty() {
                return true;
            }
            retry = Some((rest, unread));
        } else if let Some(next) = match_one(rest, *byte, nocase) {
            (rest, unread) = (next, after);
        } else if let Some((behind, [_, later @ ..])) = retry {
            (rest, unread) = (behind, later);
            retry = Some((behind, later));
        } else {
            return false;
        }
    }
    skip_stars(rest).is_empty()
}

/// The pattern without the stars that it begins with.
fn skip_stars(pattern: &[u8]) -> &[u8] {
    let stars = pattern.iter().take_while(|&&byte| byte == b'*').count();
    &pattern[stars..]
}

/// Matches one byte against the first element of a pattern that does not begin with a star.
/// Returns the pattern behind that element if it matches.
#[inline]
fn match_one(pattern: &[u8], byte: u8, nocase: bool) -> Option<&[u8]> {
    let (matches, rest) = match pattern {
        [] => return None,
        [b'?', rest @ ..] => (true, rest),
        [b'[', class @ ..] => match_class(class, byte, nocase),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (same(*literal, byte, nocase), rest),
    };
    matches.then_some(rest)
}

/// Matches one byte against a class, given from behind its bracket. Returns also the pattern behind
/// the class.
fn match_class(class: &[u8], byte: u8, nocase: bool) -> (bool, &[u8]) {
    let (negated, mut class) = match class {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, class),
    };
    let mut matches = false;
    loop {
        class = match class {
            [b'\\', literal, rest @ ..] => {
                matches |= *literal == byte;
                rest
            }
            [] => return (matches != negated, class),
            [b']', rest @ ..] => return (matches != negated, rest),
            [start, b'-', end, rest @ ..] => {
                matches |= in_range(*start, *end, byte, nocase);
                rest
            }
            [literal, rest @ ..] => {
                matches |= same(*literal, byte, nocase);
                rest
            }
        };
    }
}

/// Whether two bytes are equal.
#[inline]
fn same(a: u8, b: u8, nocase: bool) -> bool {
    a == b || (nocase && a.eq_ignore_ascii_case(&b))
}

/// Whether a byte lies between two others, in whatever order they come.
fn in_range(start: u8, end: u8, byte: u8, nocase: bool) -> bool {
    let (start, end) =
        if start.cast_signed() > end.cast_signed() { (end, start) } else { (start, end) };
    let order = |byte: u8| {
        if nocase { lowered(byte) } else { i16::from(byte.cast_signed()) }
    };
    (order(start)..=order(end)).contains(&order(byte))
}

/// What C's `tolower` makes of a signed char in the C locale: negative ones become positive, but
/// -1, which is the end of a file to it.
fn lowered(byte: u8) -> i16 {
    if byte == u8::MAX { -1 } else { i16::from(byte.to_ascii_lowercase()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts of [`GOLDEN`], from its lowest bit on.
    const TEXTS: [&[u8]; 16] = [
        b"", b"a", b"b", b"ab", b"abc", b"abcabc", b"aXbXc", b"]", b"-", b"\\", b"a]", b"^a",
        b"[a", b"a*b", b"\xff", b"c\x80",
    ];
    /// Patterns, each with the set of texts that redis-server 7.0.15 finds by it (KEYS).
    #[rustfmt::skip]
    const GOLDEN: &[(&[u8], u16)] = &[
        (b"", 0x0001), (b"**", 0xfffe), (b"?", 0x4386), (b"[", 0x0000), (b"[^", 0x4386),
        (b"[a", 0x0002), (b"[^a", 0x4384), (b"[a-", 0x0102), (b"[a-]", 0x0082), (b"[]", 0x0000),
        (b"[]a]", 0x0000), (b"[^]a]", 0x0000), (b"\\", 0x0200), (b"[\\", 0x0200),
        (b"[\\]]", 0x0080), (b"*\\", 0x0200), (b"[a-c", 0x0006), (b"[c-a]*", 0xa47e),
        (b"[a-\\]]", 0x0400), (b"[\\a-c]", 0x0102), (b"*[", 0x0000), (b"*c", 0x0070),
        (b"a*c", 0x0070), (b"*a*b*c*", 0x0070), (b"a\\*b", 0x2000), (b"[-]", 0x0100),
        (b"[^-]", 0x4286), (b"[a-c-]", 0x0106), (b"[--a]", 0x0382), (b"\\\\", 0x0200),
        (b"\\[a", 0x1000), (b"[[]a", 0x1000), (b"^a", 0x0800), (b"\\^a", 0x0800),
        (b"[\x80-\xff]*", 0x4000), (b"[\xff-a]", 0x4382), (b"[a-\xff]", 0x4382), (b"*?*?", 0xbc78),
        (b"***c", 0x0070), (b"a*b*", 0x2078), (b"a]", 0x0400), (b"[**[\x80-b]", 0x4386),
        (b"[\\]-b]X", 0x0000), (b"a", 0x0002), (b"[[", 0x0000), (b"[\x80-b]X[[a-c]", 0x0000),
        (b"a?X-]", 0x0000), (b"[-*", 0x0100), (b"\xff*", 0x4000), (b"\\\\*]b[a-c][\x80-b]", 0x0000),
        (b"\xffc", 0x0000), (b"\\*\\[\\]-b][c", 0x0000), (b"b*", 0x0004), (b"c[^a]", 0x8000),
        (b"[\x80-b]*", 0x7ffe), (b"*[[c-a[\\]-b][\x80-b]", 0x9408), (b"[a-c][\x80-b]", 0x8408),
        (b"\xff", 0x4000), (b"[\\]-b]", 0x0184), (b"-", 0x0100), (b"b", 0x0004),
        (b"a[a-c]", 0x0008), (b"c[\x80-b]", 0x8000), (b"**]**", 0x0480), (b"[a[\xff", 0x4002),
        (b"c[^[[*", 0x8000), (b"[a-c]*", 0xa47e), (b"[c-a]", 0x0006), (b"[\x80-b]?", 0x1c08),
        (b"*[^[\\", 0xfdfe), (b"]", 0x0080), (b"?a", 0x1800), (b"??c", 0x0010), (b"*b", 0x200c),
        (b"[*[\\]-b][c[\x80-b]", 0x1000), (b"*[\x80-b]]", 0x0400), (b"*a*", 0x3c7a),
        (b"[^a][a-c]", 0x1800), (b"[c-a][\x80-b]\\c", 0x0010), (b"*]", 0x0480),
        (b"[c-a][\x80-b]", 0x8408), (b"?\\*?", 0x2000), (b"[\x80-b][^[^a]", 0x0408),
        (b"[\xffc\\[a", 0x4002), (b"*[\x80-b]\\*[c-a]", 0x2000), (b"*^[^*b[", 0x0800),
        (b"?[a-c][^a]?*c", 0x0020), (b"*a?[^a]", 0x2030), (b"*X[c-a]", 0x0040), (b"[c-a]?", 0x8408),
        (b"[^^[[^a]", 0x4384), (b"*[^a]*[a-c]", 0x3870), (b"[c-a][a-c]", 0x0008),
        (b"[c-a][a-c]*[[\\]-b][^a]", 0x0020), (b"[a-c]", 0x0006), (b"?[\x80-b]", 0x9c08),
        (b"[c-a]*[aa^[a-c]", 0x2078), (b"[*bX\\*", 0x0004), (b"[^*[a-c]", 0x4380),
        (b"[\x80-b]b[c-a]", 0x0010), (b"*[c*a[[c-a]", 0x387e), (b"\\a[^a]", 0x0408),
        (b"[[c-a]?", 0x9408), (b"[\xff??X\xffa\\*", 0x4002), (b"[^a]", 0x4384),
        (b"[\\]-b]*", 0x0184), (b"?[a-c]", 0x1808), (b"[Xc*a", 0x0002), (b"[\x80-b][*a", 0x1800),
        (b"*[a-c]**", 0xbc7e), (b"ab", 0x0008), (b"*[\xff\\", 0x4200), (b"[\\]-b]**", 0x0184),
        (b"[^a]*", 0xdb84), (b"*[a-c]?", 0x8438), (b"*[\\]-b]", 0x258c), (b"[a[\\]-b]", 0x0186),
        (b"*\\b", 0x200c), (b"[aac*[\\]-b]", 0x0186), (b"??", 0x9c08), (b"]*", 0x0080),
        (b"[c-a]*[a-c]", 0x2078), (b"*[^a]", 0xe7fc), (b"[[-X\\[c-a][\x80-b]", 0x9408),
        (b"?*", 0xfffe), (b"*a", 0x1802), (b"[c-a][^a][\x80-b]*", 0x2040), (b"[-a]", 0x0102),
        (b"*b[a-c]", 0x0030), (b"[[c-a][a-c]", 0x1008), (b"*?[[bXa]", 0x3808),
        (b"?[\\]-b]", 0x0408), (b"*[\\*XXb-\\", 0x3e8e), (b"[^][\x80-b]", 0x9c08), (b"a*", 0x247a),
        (b"[\\*\xff?[^a]**[\x80-b]", 0x3c08), (b"[\x80-b]*[\\]-b][cb*[^a]", 0x0030),
        (b"a[\x80-b][[*[c-a]*", 0x2070), (b"*[a-c][a-c]", 0x0038), (b"[^a][\x80-b]", 0x9800),
        (b"[a-c]*?", 0xa478), (b"[\x80-b][^a][a-c][^a]**", 0x0040),
        (b"*[X[\x80-b][c^[a-c]", 0x3878), (b"[a-c]*[c-a][c-a]*[[a-c][^a]", 0x0020),
        (b"[[[c-[", 0x0286), (b"[[^a][[c-a]", 0x1808), (b"[*\xff[b", 0x4004), (b"*[[^a]", 0x1802),
        (b"a[\x80-b][a-c]", 0x2010), (b"*[^b", 0xdff2), (b"[-b?bab", 0x0106), (b"[^a]?", 0x9800),
        (b"*[\xffX[\x80-b][^a]", 0x2478), (b"[\x80-b][\x80-b][\xffc[\\]-b]X[c-a]", 0x0040),
        (b"*[\xff\\*b[\xff", 0x600c), (b"*?[c-a][c-a]", 0x0030), (b"[a-c][\\]-b]*", 0x0438),
        (b"*[a-c]", 0x387e), (b"[^a][c\\[\x80-b]", 0x9800), (b"?[c-a]", 0x1808),
        (b"*a[^a]*[a-c]", 0x2070), (b"[\x80-b][^a]*", 0x2478), (b"a?*", 0x2478),
        (b"*[?*\\*b[*", 0x200c), (b"[^?\\-X[", 0x4286), (b"[\\*a--", 0x0382),
        (b"[?c[\x80-b]***", 0xfffe), (b"[a-[", 0x0282), (b"a*b", 0x2008), (b"*[[a-c]", 0x387e),
        (b"*[\x80-b]", 0xff8e), (b"*[^a]?", 0xb870), (b"[[\\c-[a-c]*", 0xb57e),
        (b"[a-c]?[c-a]", 0x2010), (b"[\\\xffb**\\*", 0x4004), (b"**[b\xff?cc", 0x607c),
        (b"*[a", 0x1802), (b"[a-c]*b", 0x2008), (b"**[-^c\\", 0x0370), (b"[bc\xff", 0x4004),
        (b"[[a-\\\\*[^a][\x80-b]", 0x1c08), (b"[\x80-b][^a][b^\\c", 0x2010),
        (b"[a\xff?\xffb^?", 0x4006), (b"[^[\xff\\*", 0x0386), (b"a**", 0x247a),
        (b"[[a-c]**", 0xb47e), (b"[c-a]*[^a]", 0xa478), (b"[[[a-c]**b", 0x2008),
        (b"[\xff\\", 0x4200), (b"[-b-", 0x0104), (b"a*[\\]-b]", 0x2408),
        (b"[\x80-b]*[\x80-b][^a]", 0x2070), (b"[\xff\\-c", 0x4100), (b"*c*", 0x8070),
        (b"[c*-\\?[\\", 0x0300), (b"[\xff^c-^", 0x4006), (b"[[c-a][c-a]", 0x1008),
        (b"[\x80-b]**", 0x7ffe), (b"**a*", 0x3c7a), (b"*[b[a-c][-cb", 0x0038),
    ];

    /// The texts of [`GOLDEN_NOCASE`], from its lowest bit on.
    const NAMES: [&[u8]; 4] = [b"port", b"maxmemory", b"save", b"dir"];

    /// The same for matching whatever the case (CONFIG GET).
    #[rustfmt::skip]
    const GOLDEN_NOCASE: &[(&[u8], u16)] = &[
        (b"PORT*", 0b0001), (b"[P]ort", 0b0001), (b"[\\P]ort", 0b0000), (b"[\\p]ORT", 0b0001),
        (b"[a-z]ORT", 0b0001), (b"[A-Z]ort", 0b0001), (b"[Z-a]ort", 0b0000), (b"[Z-A]ort", 0b0001),
        (b"[^P]ort", 0b0000), (b"\\PORT?", 0b0000), (b"\\Por[T]", 0b0001), (b"???E", 0b0100),
        (b"*M*", 0b0010), (b"[\xff-a]ort", 0b0000), (b"[\xff-z]ort", 0b0001),
        (b"[\x80-z]ort", 0b0000), (b"[z-\x80]*", 0b0000), (b"*[^A-Y]", 0b0000), (b"[d-s]*", 0b1111),
        (b"[D-s]*", 0b1111), (b"[d-S]*", 0b0000),
    ];

    fn check(golden: &[(&[u8], u16)], texts: &[&[u8]], nocase: bool) {
        for (pattern, expected) in golden {
            let bits = texts.iter().enumerate();
            let found = bits.fold(0, |found, (bit, text)| {
                found | u16::from(glob_match(pattern, text, nocase)) << bit
            });
            assert_eq!(found, *expected, "{:?}", pattern.escape_ascii().to_string());
        }
    }

    #[test]
    fn matches_what_redis_matches() {
        check(GOLDEN, &TEXTS, false);
    }

    #[test]
    fn matches_what_redis_matches_whatever_the_case() {
        check(GOLDEN_NOCASE, &NAMES, true);
    }

    #[test]
    fn a_pattern_that_invites_backtracking_ends() {
        let pattern = b"*a".repeat(5_000);
        let text = b"a".repeat(4_999);
        assert!(!glob_match(&pattern, &text, false));
        assert!(glob_match(&pattern[2..], &text, false));
        let pattern = [b"a*".repeat(1_000), b"b".to_vec()].concat();
        assert!(!glob_match(&pattern, &b"a".repeat(100_000), false));
    }
}
