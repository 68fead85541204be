//! How two replies are compared. Everything but [`Compare::Exact`] has a reason:
//! two clocks, an order that Redis does not promise, or an admitted difference.

use crate::harness::reply::{Reply, escape};

/// The rule for one reply. A reply that is byte for byte the oracle's always passes, and an
/// error is compared byte for byte, unless it depends on timing.
#[derive(Clone, Copy, Debug)]
pub enum Compare {
    /// Byte for byte.
    Exact,
    /// The same elements in any order (KEYS, COMMAND LIST).
    Unordered,
    /// Integers, also within arrays, that may differ by so much; negative ones (no key, no
    /// expiry) may not. For times: the two servers are asked one after the other.
    Near(i64),
    /// What the function demands, where both answers are right (clocks, maps without an order).
    Check(fn(&Reply, &Reply) -> Result<(), String>),
    /// What the function demands, of errors too: whether there is one depends on how fast the
    /// servers are.
    Timing(fn(&Reply, &Reply) -> Result<(), String>),
    /// Admitted: the same type and nothing more. Names the difference in `admitted`.
    Kind(&'static str),
    /// Admitted: what the function demands. Names the difference in `admitted`.
    Admitted(&'static str, fn(&Reply, &Reply) -> Result<(), String>),
}

/// Compares one pair of raw replies.
///
/// # Errors
/// What is wrong, in words.
pub fn compare(rule: Compare, subject: &[u8], oracle: &[u8]) -> Result<(), String> {
    if subject == oracle {
        return Ok(());
    }
    let (ours, theirs) = (Reply::parse(subject), Reply::parse(oracle));
    let verdict = match rule {
        Compare::Timing(check) => check(&ours, &theirs),
        _ if ours.error().is_some() || theirs.error().is_some() => Err("errors differ".into()),
        Compare::Exact => Err("replies differ".to_string()),
        rule => compare_parsed(rule, &ours, &theirs),
    };
    verdict.map_err(|problem| describe(&problem, subject, oracle))
}

/// Compares the elements of an EXEC reply, each by the rule of the command that was queued.
///
/// # Errors
/// What is wrong, in words.
pub fn compare_exec(rules: &[Compare], subject: &[u8], oracle: &[u8]) -> Result<(), String> {
    if subject == oracle {
        return Ok(());
    }
    let is_array = |raw: &[u8]| matches!(Reply::parse(raw), Reply::Array(_));
    if !is_array(subject) || !is_array(oracle) {
        return Err(describe("one EXEC went through and the other did not", subject, oracle));
    }
    let (ours, theirs) = (elements(subject), elements(oracle));
    if ours.len() != theirs.len() || ours.len() != rules.len() {
        return Err(describe("EXEC gives another number of replies", subject, oracle));
    }
    for (index, rule) in rules.iter().enumerate() {
        compare(*rule, &ours[index], &theirs[index])
            .map_err(|problem| format!("in EXEC, command {index}: {problem}"))?;
    }
    Ok(())
}

fn elements(raw: &[u8]) -> Vec<Vec<u8>> {
    let body = raw.iter().position(|&byte| byte == b'\n').map_or(raw.len(), |end| end + 1);
    let mut reader = crate::harness::reply::ReplyReader::new(&raw[body..]);
    std::iter::from_fn(|| reader.raw().ok()).collect()
}

fn compare_parsed(rule: Compare, ours: &Reply, theirs: &Reply) -> Result<(), String> {
    match rule {
        Compare::Unordered => same_elements(ours, theirs),
        Compare::Near(tolerance) => near(tolerance, ours, theirs),
        Compare::Kind(_) => same_kind(ours, theirs),
        Compare::Check(check) | Compare::Timing(check) | Compare::Admitted(_, check) => {
            check(ours, theirs)
        }
        Compare::Exact => Err("replies differ".into()),
    }
}

fn describe(problem: &str, subject: &[u8], oracle: &[u8]) -> String {
    format!("{problem}\n  shardwright: {}\n  redis:       {}", escape(subject), escape(oracle))
}

/// The replies are of one type.
///
/// # Errors
/// Both types.
pub fn same_kind(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    if ours.kind() == theirs.kind() {
        Ok(())
    } else {
        Err(format!("type {} instead of {}", ours.kind(), theirs.kind()))
    }
}

fn same_elements(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    same_kind(ours, theirs)?;
    if !matches!(theirs, Reply::Array(_) | Reply::Set(_)) {
        return Err("replies differ".into());
    }
    let (mut left, mut right) = (ours.items().to_vec(), theirs.items().to_vec());
    left.sort();
    right.sort();
    if left == right { Ok(()) } else { Err("the elements differ".into()) }
}

/// The replies are the same pairs in any order: flat, as maps of RESP2 are.
///
/// # Errors
/// They are not.
pub fn same_pairs(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    same_kind(ours, theirs)?;
    let sorted = |reply: &Reply| {
        let mut pairs: Vec<_> = reply.items().chunks(2).map(<[Reply]>::to_vec).collect();
        pairs.sort();
        pairs
    };
    if sorted(ours) == sorted(theirs) { Ok(()) } else { Err("the pairs differ".into()) }
}

/// The encodings are the same, but that SORT turns a small sorted set into a skiplist in Redis.
///
/// # Errors
/// They are not.
pub fn same_encoding(ours: &Reply, theirs: &Reply) -> Result<(), String> {
    let is_sorted =
        |ours: &Reply, theirs: &Reply| ours.bytes() == b"listpack" && theirs.bytes() == b"skiplist";
    same_kind(ours, theirs)?;
    if ours == theirs || is_sorted(ours, theirs) { Ok(()) } else { Err("encodings differ".into()) }
}

fn near(tolerance: i64, ours: &Reply, theirs: &Reply) -> Result<(), String> {
    same_kind(ours, theirs)?;
    match (ours, theirs) {
        (Reply::Int(left), Reply::Int(right)) => {
            let close = *left >= 0 && *right >= 0 && left.abs_diff(*right) <= tolerance as u64;
            if close { Ok(()) } else { Err(format!("further apart than {tolerance}")) }
        }
        (Reply::Array(left), Reply::Array(right)) if left.len() == right.len() => {
            left.iter().zip(right).try_for_each(|(left, right)| match left == right {
                true => Ok(()),
                false => near(tolerance, left, right),
            })
        }
        _ => Err("replies differ".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(rule: Compare, subject: &str, oracle: &str) -> bool {
        compare(rule, subject.as_bytes(), oracle.as_bytes()).is_ok()
    }

    #[test]
    fn exact_is_byte_for_byte() {
        assert!(agree(Compare::Exact, "+OK\r\n", "+OK\r\n"));
        assert!(!agree(Compare::Exact, "$2\r\nOK\r\n", "+OK\r\n"));
        assert!(!agree(Compare::Exact, "_\r\n", "$-1\r\n"));
    }

    #[test]
    fn errors_are_exact_under_every_rule() {
        for rule in [Compare::Near(9), Compare::Kind("x"), Compare::Unordered] {
            assert!(!agree(rule, "-ERR a\r\n", "-ERR b\r\n"));
        }
    }

    #[test]
    fn near_allows_a_tolerance_but_no_other_sign() {
        assert!(agree(Compare::Near(5), ":104\r\n", ":100\r\n"));
        assert!(!agree(Compare::Near(5), ":106\r\n", ":100\r\n"));
        assert!(!agree(Compare::Near(5), ":0\r\n", ":-1\r\n"));
    }

    #[test]
    fn unordered_counts_elements() {
        let (ab, ba) = ("*2\r\n+a\r\n+b\r\n", "*2\r\n+b\r\n+a\r\n");
        assert!(agree(Compare::Unordered, ab, ba));
        assert!(!agree(Compare::Unordered, ab, "*2\r\n+a\r\n+a\r\n"));
    }

    #[test]
    fn exec_compares_each_element_by_its_rule() {
        let rules = [Compare::Near(9), Compare::Exact];
        let check = |ours: &str, theirs: &str| {
            compare_exec(&rules, ours.as_bytes(), theirs.as_bytes()).is_ok()
        };
        assert!(check("*2\r\n:10\r\n+a\r\n", "*2\r\n:12\r\n+a\r\n"));
        assert!(!check("*2\r\n:10\r\n+a\r\n", "*2\r\n:10\r\n+b\r\n"));
        assert!(!check("*-1\r\n", "*2\r\n:10\r\n+b\r\n"));
    }
}
