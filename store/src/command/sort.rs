//! What may follow the key in SORT and SORT_RO. It is read in one place, since it decides not only
//! what is done but which keys are needed: planning has to lend every partition that the handler
//! will ask for.

use shardwright_codec::resp::Args;

use crate::error::CommandError;

/// One option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortOption<'a> {
    /// ASC (`false`) or DESC (`true`).
    Descending(bool),
    /// ALPHA.
    Alpha,
    /// LIMIT: offset and count, as they were given.
    Limit(&'a [u8], &'a [u8]),
    /// BY: the pattern of weights.
    By(&'a [u8]),
    /// GET: a pattern of what is replied.
    Get(&'a [u8]),
    /// STORE: which argument the destination is.
    Store(usize),
}

/// The options of a command, one by one. An argument that is none ends them with an error.
#[derive(Debug, Clone)]
pub struct SortOptions<'a> {
    args: Args<'a>,
    at: usize,
}

impl<'a> SortOptions<'a> {
    /// The options behind the key.
    pub fn of(args: Args<'a>) -> Self {
        Self { args, at: 2 }
    }
}

impl<'a> Iterator for SortOptions<'a> {
    type Item = Result<SortOption<'a>, CommandError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self { args, at } = *self;
        let word = args.get(at)?.to_ascii_uppercase();
        let (option, taken) = match (word.as_slice(), args.get(at + 1), args.get(at + 2)) {
            (b"ASC", ..) => (SortOption::Descending(false), 1),
            (b"DESC", ..) => (SortOption::Descending(true), 1),
            (b"ALPHA", ..) => (SortOption::Alpha, 1),
            (b"LIMIT", Some(offset), Some(count)) => (SortOption::Limit(offset, count), 3),
            (b"BY", Some(pattern), _) => (SortOption::By(pattern), 2),
            (b"GET", Some(pattern), _) => (SortOption::Get(pattern), 2),
            (b"STORE", Some(_), _) => (SortOption::Store(at + 1), 2),
            _ => {
                self.at = args.len();
                return Some(Err(CommandError::Syntax));
            }
        };
        self.at += taken;
        Some(Ok(option))
    }
}

/// The argument that names where the result goes, if it goes somewhere.
pub(super) fn destination(args: Args<'_>) -> Option<usize> {
    let stores = SortOptions::of(args).filter_map(|option| match option {
        Ok(SortOption::Store(at)) => Some(at),
        _ => None,
    });
    stores.last()
}

/// Whether keys are read whose names are made of the elements: they may be on any shard.
pub fn reads_any_key(args: Args<'_>) -> bool {
    SortOptions::of(args).any(|option| match option {
        Ok(SortOption::By(pattern) | SortOption::Get(pattern)) => pattern.contains(&b'*'),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::with_args;
    use super::*;

    #[test]
    fn the_destination_is_what_follows_the_last_store() {
        for (line, expected) in [
            ("SORT k", None),
            ("SORT k STORE d", Some(3)),
            ("SORT k STORE d DESC store e", Some(6)),
            ("SORT k BY STORE GET STORE", None),
            ("SORT k LIMIT 0 STORE STORE d", Some(6)),
            ("SORT k STORE STORE ASC", Some(3)),
            ("SORT k STORE", None),
        ] {
            assert_eq!(with_args(line, destination), expected, "{line}");
        }
    }

    #[test]
    fn patterns_with_a_star_read_any_key() {
        for (line, expected) in [
            ("SORT k", false),
            ("SORT k BY nosort GET #", false),
            ("SORT k BY w_*", true),
            ("SORT k get w_*->f", true),
            ("SORT k STORE * ALPHA", false),
            ("SORT * LIMIT 1 2", false),
        ] {
            assert_eq!(with_args(line, reads_any_key), expected, "{line}");
        }
    }
}
