//! WATCH: which clients watch which keys of one partition, and which of them saw one change.
//!
//! It is fed by the same point that every mutation passes. A client's watches go by a token that
//! is used for one round of WATCH … EXEC only, so that a late notice of UNWATCH cannot end a newer
//! round.

use std::collections::HashMap;

use crate::types::DbIndex;

/// One round of WATCH … EXEC of one client; unique in the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WatchToken(pub u64);

type WatchedKey = (DbIndex, Box<[u8]>);

#[derive(Debug, Default)]
struct Watch {
    dirty: bool,
    keys: Vec<WatchedKey>,
}

/// The watches on one partition's keys. Costs one branch a mutation while nobody watches.
#[derive(Debug, Default)]
pub struct WatchTable {
    keys: HashMap<WatchedKey, Vec<WatchToken>>,
    watches: HashMap<WatchToken, Watch>,
}

impl WatchTable {
    /// Whether nobody watches anything here.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Number of watched keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Begins to watch a key; a second time changes nothing.
    pub fn add(&mut self, token: WatchToken, db: DbIndex, key: &[u8]) {
        let id: WatchedKey = (db, key.into());
        let tokens = self.keys.entry(id.clone()).or_default();
        if !tokens.contains(&token) {
            tokens.push(token);
            self.watches.entry(token).or_default().keys.push(id);
        }
    }

    /// Notes that a key changed.
    #[inline]
    pub fn touch(&mut self, db: DbIndex, key: &[u8]) {
        if !self.is_empty() {
            self.touch_watched(db, key);
        }
    }

    fn touch_watched(&mut self, db: DbIndex, key: &[u8]) {
        if let Some(tokens) = self.keys.get(&(db, key.into())) {
            for token in tokens {
                if let Some(watch) = self.watches.get_mut(token) {
                    watch.dirty = true;
                }
            }
        }
    }

    /// Notes a change of all watched keys for which `changed` holds.
    pub fn touch_where(&mut self, mut changed: impl FnMut(DbIndex, &[u8]) -> bool) {
        for ((db, key), tokens) in &self.keys {
            if changed(*db, key) {
                for token in tokens {
                    if let Some(watch) = self.watches.get_mut(token) {
                        watch.dirty = true;
                    }
                }
            }
        }
    }

    /// The keys that this round watches here.
    pub fn keys_of(&self, token: WatchToken) -> Vec<(DbIndex, Vec<u8>)> {
        let keys = self.watches.get(&token).map(|w| w.keys.as_slice()).unwrap_or_default();
        keys.iter().map(|(db, key)| (*db, key.to_vec())).collect()
    }

    /// Ends a round and tells whether one of its keys changed meanwhile.
    pub fn end(&mut self, token: WatchToken) -> bool {
        let Some(watch) = self.watches.remove(&token) else {
            return false;
        };
        for id in watch.keys {
            if let Some(tokens) = self.keys.get_mut(&id) {
                tokens.retain(|t| *t != token);
                if tokens.is_empty() {
                    self.keys.remove(&id);
                }
            }
        }
        watch.dirty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DB: DbIndex = DbIndex(0);

    #[test]
    fn a_round_is_dirty_once_one_of_its_keys_was_touched_and_leaves_nothing_behind() {
        let mut table = WatchTable::default();
        table.add(WatchToken(1), DB, b"a");
        table.add(WatchToken(1), DB, b"a");
        table.add(WatchToken(2), DB, b"b");
        table.touch(DB, b"a");
        table.touch(DbIndex(1), b"b");
        assert!(table.end(WatchToken(1)));
        assert!(!table.end(WatchToken(2)));
        assert!(!table.end(WatchToken(1)), "an ended round is forgotten");
        assert!(table.is_empty());
    }
}
