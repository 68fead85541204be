//! Error replies by kind, which is the first word of their text (`ERR`, `WRONGTYPE` …), as INFO
//! errorstats tells them. Each thread counts its own, so that counting is an ordinary addition; where
//! no error arises it costs nothing.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::stats::Counter;

/// Kinds that a thread tells apart. There are about twenty; the bound is for texts that are made up
/// while the server runs.
const MOST_KINDS: usize = 128;

/// The kind of whatever is beyond the bound.
const BEYOND: &str = "ERRORSTATS_OVERFLOW";

/// The kind of texts without a first word.
const GENERAL: &[u8] = b"ERR";

/// Bytes of a text within which its first word ends, if it has one.
const FIRST_WORD: usize = 31;

#[derive(Debug)]
struct Kind {
    name: String,
    count: Counter,
}

/// Error replies of one thread. Only that thread counts, any thread may read.
#[derive(Debug)]
pub struct ErrorKinds {
    /// In the order in which they first came.
    kinds: Box<[OnceLock<Kind>]>,
    beyond: Counter,
}

impl Default for ErrorKinds {
    fn default() -> Self {
        let kinds = (0..MOST_KINDS).map(|_| OnceLock::new()).collect();
        Self { kinds, beyond: Counter::default() }
    }
}

impl ErrorKinds {
    /// An error with this text, without the `-` before it, was answered. Only the owning thread may
    /// call it. Takes as long as there are kinds.
    #[cold]
    pub fn count(&self, text: &[u8]) {
        let name = kind_of(text);
        for place in &self.kinds {
            let new = || Kind {
                name: String::from_utf8_lossy(name).into_owned(),
                count: Counter::default(),
            };
            let kind = place.get_or_init(new);
            if kind.name.as_bytes() == name {
                return kind.count.add(1);
            }
        }
        self.beyond.add(1);
    }

    /// Adds what was counted to the counts of other threads.
    pub fn add_to(&self, all: &mut BTreeMap<String, u64>) {
        let kinds = self.kinds.iter().map_while(OnceLock::get);
        let beyond = (BEYOND, self.beyond.get());
        for (name, count) in
            kinds.map(|kind| (kind.name.as_str(), kind.count.get())).chain([beyond])
        {
            if count > 0 {
                *all.entry(name.to_owned()).or_default() += count;
            }
        }
    }
}

/// The first word of an error's text, as Redis finds it.
fn kind_of(text: &[u8]) -> &[u8] {
    let end = text.iter().take(FIRST_WORD).position(|&byte| byte == b' ');
    end.and_then(|end| text.get(..end)).unwrap_or(GENERAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(texts: impl IntoIterator<Item = String>) -> BTreeMap<String, u64> {
        let (kinds, mut all) = (ErrorKinds::default(), BTreeMap::new());
        texts.into_iter().for_each(|text| kinds.count(text.as_bytes()));
        kinds.add_to(&mut all);
        all
    }

    #[test]
    fn the_kind_is_the_first_word_if_it_is_short() {
        // Redis finds a word of 30 bytes, but none of 31.
        for (text, kind) in [
            ("WRONGTYPE Operation against".to_owned(), "WRONGTYPE".to_owned()),
            ("ERR".to_owned(), "ERR".to_owned()),
            ("BUSYGROUP".to_owned(), "ERR".to_owned()),
            (format!("{} x", "k".repeat(30)), "k".repeat(30)),
            (format!("{} x", "k".repeat(31)), "ERR".to_owned()),
        ] {
            assert_eq!(counted([text.clone()]), BTreeMap::from([(kind, 1)]), "{text}");
        }
    }

    #[test]
    fn beyond_the_bound_kinds_are_not_told_apart_and_none_is_lost() {
        let texts = (0..2).flat_map(|_| (0..MOST_KINDS + 5).map(|kind| format!("K{kind} text")));
        let all = counted(texts);
        assert_eq!(all.len(), MOST_KINDS + 1);
        assert_eq!((all["K0"], all["K127"], all[BEYOND]), (2, 2, 10));
    }

    #[test]
    fn counts_of_threads_add_up() {
        let mut all = BTreeMap::from([("ERR".to_owned(), 5)]);
        let kinds = ErrorKinds::default();
        kinds.count(b"ERR a");
        kinds.count(b"NOAUTH b");
        kinds.add_to(&mut all);
        assert_eq!(all, BTreeMap::from([("ERR".to_owned(), 6), ("NOAUTH".to_owned(), 1)]));
    }
}
