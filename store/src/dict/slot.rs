//! The keys of one hash slot: one table, or a directory of tables once there are many.

use super::directory::{Directory, Prefix, TableLimits};
use super::entry::{EntryRef, Word};
use super::table::{TAG_BITS, Table, tag_at};
use crate::hash::{KeyHasher, POSITION_BITS};

/// An owned slot with its entries, behind a handle of 16 bytes.
pub(super) enum SlotTable {
    /// One table.
    Plain(Table),
    /// Many.
    Dense(Box<Directory>),
}

const _: () = assert!(size_of::<SlotTable>() == 16);

impl SlotTable {
    /// A slot without keys.
    pub(super) const EMPTY: Self = Self::Plain(Table::EMPTY);

    /// Number of keys.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Plain(table) => table.len(),
            Self::Dense(directory) => directory.len(),
        }
    }

    /// Bytes of memory, without the entries and the handle.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Plain(table) => table.memory(),
            Self::Dense(directory) => directory.memory(),
        }
    }

    /// All tables, by number.
    #[inline]
    pub(super) fn tables(&self) -> &[Table] {
        match self {
            Self::Plain(table) => std::slice::from_ref(table),
            Self::Dense(directory) => directory.tables(),
        }
    }

    #[inline]
    fn table_mut(&mut self, number: u32) -> Option<&mut Table> {
        match self {
            Self::Plain(table) => (number == 0).then_some(table),
            Self::Dense(directory) => directory.table_mut(number),
        }
    }

    /// The word with this index in the table with this number.
    #[inline]
    pub(super) fn word(&self, number: u32, index: u32) -> Option<&Word> {
        self.tables().get(number as usize)?.word(index)
    }

    /// The word with this index in the table with this number, to change its entry.
    #[inline]
    pub(super) fn word_mut(&mut self, number: u32, index: u32) -> Option<&mut Word> {
        self.table_mut(number)?.word_mut(index)
    }

    /// Number of the table for a hash, the table, and the hash's tag there.
    #[inline]
    pub(super) fn locate(&self, hash: u64) -> (u32, &Table, u16) {
        match self {
            Self::Plain(table) => (0, table, tag_at(hash, 0)),
            Self::Dense(directory) => {
                let (number, tag) = directory.locate(hash);
                (number, &directory.tables()[number as usize], tag)
            }
        }
    }

    /// Adds a key that is not there. Returns the numbers of its table and of its word.
    #[inline]
    pub(super) fn insert(
        &mut self,
        hash: u64,
        mut word: Word,
        hasher: KeyHasher,
        limits: TableLimits,
    ) -> (u32, u32) {
        match self {
            Self::Plain(table) if table.len() < limits.split_len as usize => {
                word.set_tag(tag_at(hash, 0));
                (0, table.insert(word))
            }
            Self::Plain(table) => {
                let table = std::mem::replace(table, Table::EMPTY);
                let mut directory = Box::new(Directory::new(table.split(0, hasher)));
                let at = directory.insert(hash, word, hasher, limits);
                *self = Self::Dense(directory);
                at
            }
            Self::Dense(directory) => directory.insert(hash, word, hasher, limits),
        }
    }

    /// Takes out the word with this index in the table with this number.
    #[inline]
    pub(super) fn remove(&mut self, number: u32, index: u32, limits: TableLimits) -> Option<Word> {
        match self {
            Self::Plain(table) => {
                if number == 0 {
                    table.remove(index)
                } else {
                    None
                }
            }
            Self::Dense(directory) => {
                let word = directory.remove(number, index, limits)?;
                if let Some(table) = directory.take_only_table() {
                    *self = Self::Plain(table);
                }
                Some(word)
            }
        }
    }

    /// All entries.
    pub(super) fn entries(&self) -> impl Iterator<Item = EntryRef<'_>> {
        self.tables().iter().flat_map(Table::entries)
    }

    /// Visits keys from `position` on (the top [`POSITION_BITS`] of the hash): those of one home
    /// bucket, in any order. Returns the position that comes next, if the slot does not end there.
    pub(super) fn visit_from(
        &self,
        position: u64,
        hasher: KeyHasher,
        visit: &mut dyn FnMut(EntryRef<'_>),
    ) -> Option<u64> {
        let hash = position << (u64::BITS - POSITION_BITS);
        let (number, table, tag) = self.locate(hash);
        let Prefix { bits, depth } = match self {
            Self::Plain(_) => Prefix { bits: 0, depth: 0 },
            Self::Dense(directory) => directory.prefix(number),
        };
        // A cursor of a deeper table, which is no more, may lie between two tags.
        let step_bits = POSITION_BITS - depth - TAG_BITS;
        let between = position & ((1 << step_bits) - 1) != 0;
        let next_tag = table.visit_home(tag, &mut |at, entry| {
            if !(between && at == tag && entry.hash(hasher) < hash) {
                visit(entry);
            }
        });
        let begin = u64::from(bits) << (POSITION_BITS - depth);
        let next = begin + (u64::from(next_tag) << step_bits);
        (next < 1 << POSITION_BITS).then_some(next)
    }

    /// A key chosen uniformly, if there is any. `below` draws a number below its argument.
    pub(super) fn random(&self, below: &mut dyn FnMut(usize) -> usize) -> Option<(u32, u32)> {
        /// Draws after which the source of randomness must be broken: each one succeeds with at
        /// least some percent.
        const MOST_DRAWS: u32 = 10_000;
        if self.len() == 0 {
            return None;
        }
        let tables = self.tables();
        let widest = match self {
            Self::Plain(table) => table.capacity(),
            Self::Dense(directory) => directory.widest(),
        };
        // Every pair of a table and an index below the widest is as likely as any other.
        for _ in 0..MOST_DRAWS {
            let (number, index) = (below(tables.len()) as u32, below(widest) as u32);
            if self.word(number, index).is_some() {
                return Some((number, index));
            }
        }
        let first = tables.iter().position(|table| table.len() > 0)? as u32;
        let capacity = tables[first as usize].capacity() as u32;
        let index = (0..capacity).find(|&index| self.word(first, index).is_some())?;
        Some((first, index))
    }
}

#[cfg(test)]
#[path = "slot_tests.rs"]
mod tests;
