//! A table of short strings with values: what large hashes, sets and sorted sets find their members
//! by. It has the tables and entries of the keyspace's dictionary, so that growing never touches
//! more than a thousand members, a scan's cursor survives it, and memory follows removals.

use super::directory::TableLimits;
use super::entry::{EntryRef, Word};
use super::slot::SlotTable;
use crate::hash::{KeyHasher, POSITION_BITS};
use crate::value::{NewValue, ValueRef};

/// Strings with values. A lookup takes constant time.
pub struct Fields {
    hasher: KeyHasher,
    slot: SlotTable,
    /// Bytes of all entries.
    entry_memory: usize,
}

impl Fields {
    /// An empty table whose strings are hashed by `hasher`.
    pub fn new(hasher: KeyHasher) -> Self {
        Self { hasher, slot: SlotTable::EMPTY, entry_memory: 0 }
    }

    /// Number of strings.
    #[inline]
    pub fn len(&self) -> usize {
        self.slot.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap. Takes constant time.
    pub fn memory(&self) -> usize {
        self.slot.memory() + self.entry_memory
    }

    #[inline]
    fn find(&self, hash: u64, field: &[u8]) -> Option<(u32, u32, EntryRef<'_>)> {
        let (number, table, tag) = self.slot.locate(hash);
        let (index, entry) = table.find(tag, field)?;
        Some((number, index, entry))
    }

    /// The value of a string, if it is there.
    #[inline]
    pub fn get(&self, field: &[u8]) -> Option<ValueRef<'_>> {
        self.entry(field).map(|entry| entry.value())
    }

    /// The entry of a string, if it is there.
    #[inline]
    pub fn entry(&self, field: &[u8]) -> Option<EntryRef<'_>> {
        self.find(self.hasher.hash_bytes(field), field).map(|(_, _, entry)| entry)
    }

    /// Sets the value of a string. Returns whether it is new.
    pub fn insert(&mut self, field: &[u8], value: NewValue<'_>) -> bool {
        let hash = self.hasher.hash_bytes(field);
        let Some((number, index, _)) = self.find(hash, field) else {
            let word = Word::new(field, hash, value, None, 0);
            self.entry_memory += word.entry().memory();
            self.slot.insert(hash, word, self.hasher, TableLimits::default());
            return true;
        };
        if let Some(word) = self.slot.word_mut(number, index) {
            let growth = word.replace(value, None, 0);
            self.entry_memory = self.entry_memory.wrapping_add_signed(growth);
        }
        false
    }

    /// Takes a string out. Returns whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let hash = self.hasher.hash_bytes(field);
        let Some((number, index, entry)) = self.find(hash, field) else { return false };
        self.entry_memory -= entry.memory();
        self.slot.remove(number, index, TableLimits::default()).is_some()
    }

    /// All strings with their values, in any order.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> {
        self.slot.entries()
    }

    /// Visits strings from `cursor` on until at least `budget` of them or empty buckets have been
    /// passed. Returns where to go on; 0 at the end, as at the beginning.
    ///
    /// A string that is there from the first step to the last is visited, whatever else comes and
    /// goes.
    pub fn scan(&self, cursor: u64, budget: usize, visit: &mut dyn FnMut(EntryRef<'_>)) -> u64 {
        let mut at = cursor;
        let mut spent = 0;
        while spent < budget.max(1) && at < 1 << POSITION_BITS {
            let mut visited = 0;
            let next = self.slot.visit_from(at, self.hasher, &mut |entry| {
                visited += 1;
                visit(entry);
            });
            spent += visited.max(1);
            match next {
                Some(next) => at = next,
                None => return 0,
            }
        }
        if at < 1 << POSITION_BITS { at } else { 0 }
    }

    /// The same, for whoever goes on with what it visits: entries lie anywhere, and fetched all at once
    /// they are not waited for one by one.
    pub fn scan_fetched(
        &self,
        cursor: u64,
        budget: usize,
        visit: &mut dyn FnMut(EntryRef<'_>),
    ) -> u64 {
        self.scan(cursor, budget, &mut |entry| entry.prefetch());
        self.scan(cursor, budget, visit)
    }

    /// A string chosen uniformly, if there is any. `next_random` gives 64 random bits.
    pub fn random(&self, next_random: &mut dyn FnMut() -> u64) -> Option<EntryRef<'_>> {
        // The bias of multiplying instead of rejecting is below len / 2^64.
        let mut below = |end: usize| ((u128::from(next_random()) * end as u128) >> 64) as usize;
        let (number, index) = self.slot.random(&mut below)?;
        self.slot.word(number, index).map(Word::entry)
    }
}

impl Clone for Fields {
    fn clone(&self) -> Self {
        let mut copy = Self::new(self.hasher);
        for entry in self.iter() {
            copy.insert(entry.key(), entry.value().to_new());
        }
        copy
    }
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fields({})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::rng::Rng;

    #[test]
    fn a_table_is_a_map_and_a_scan_sees_what_stays() {
        let mut table = Fields::new(KeyHasher::new([7, 9]));
        let mut model = BTreeMap::new();
        let mut rng = Rng::new(11);
        let mut seen = BTreeSet::new();
        let mut cursor = 0;
        for n in 0..2000u64 {
            table.insert(format!("stays:{n}").as_bytes(), NewValue::Int(n as i64));
        }
        for step in 0..60_000u64 {
            let name = format!("comes:{}", rng.next_u64() % 20_000);
            if step / 10_000 % 2 == 0 {
                let value = step.to_string();
                let new = NewValue::Bytes { bytes: value.as_bytes(), raw: false };
                assert_eq!(table.insert(name.as_bytes(), new), !model.contains_key(&name));
                model.insert(name, value);
            } else {
                assert_eq!(table.remove(name.as_bytes()), model.remove(&name).is_some());
            }
            if step % 40 == 0 {
                cursor = table.scan(cursor, 3, &mut |entry| {
                    seen.insert(entry.key().to_vec());
                });
            }
        }
        while cursor != 0 {
            cursor = table.scan(cursor, 100, &mut |entry| {
                seen.insert(entry.key().to_vec());
            });
        }
        assert!((0..2000).all(|n| seen.contains(format!("stays:{n}").as_bytes())));
        assert_eq!(table.len(), model.len() + 2000);
        for (name, value) in &model {
            let found = table.get(name.as_bytes());
            assert!(
                matches!(found, Some(ValueRef::Bytes { bytes, .. }) if bytes == value.as_bytes())
            );
        }
        let entries: usize = table.iter().map(|entry| entry.memory()).sum();
        assert_eq!(table.memory(), entries + table.slot.memory());
        assert_eq!(table.clone().memory(), table.clone().clone().memory());
    }
}
