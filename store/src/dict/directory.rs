//! A slot with many keys: tables by hash prefix, found through a directory (R. Fagin and others,
//! "Extendible hashing", 1979).
//!
//! The directory has one index for every prefix of `depth` bits; a table whose own prefix is
//! shorter stands at several. A table that gets too long is divided in two by the next bit, two
//! that got short become one again. So no step touches more than one or two tables, but for the
//! directory itself, which doubles and halves: 4 bytes for each of some thousand tables.

use super::entry::Word;
use super::table::{Table, tag_at};
use crate::hash::KeyHasher;

/// When tables are divided and joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableLimits {
    /// Most keys of a table. It decides the longest step of the dictionary: dividing a table reads
    /// each of its entries once.
    pub split_len: u32,
    /// Longest prefix in bits, `1..=23`: beyond, tables grow without bound.
    pub max_depth: u32,
}

impl TableLimits {
    /// Longest prefix that leaves 16 bits of a position for tags.
    pub const MAX_DEPTH: u32 = crate::hash::POSITION_BITS - super::table::TAG_BITS;

    /// Most keys of two tables that are joined: well below what would be divided again.
    #[inline]
    fn merge_len(self) -> usize {
        self.split_len as usize * 3 / 8
    }
}

impl Default for TableLimits {
    fn default() -> Self {
        Self { split_len: 1024, max_depth: Self::MAX_DEPTH }
    }
}

/// Which hashes a table has: those that begin with `bits`, of which `depth` count.
#[derive(Clone, Copy)]
pub(super) struct Prefix {
    pub(super) bits: u32,
    pub(super) depth: u32,
}

/// An owned directory with its tables.
pub(super) struct Directory {
    /// Length of the prefixes that `index` is over, in bits; at least 1.
    depth: u32,
    /// Number of the table of each prefix.
    index: Vec<u32>,
    tables: Vec<Table>,
    /// Prefix of each table.
    prefixes: Vec<Prefix>,
    /// How many tables have a prefix of `depth` bits.
    deepest: usize,
    len: usize,
    /// Bytes of all tables.
    table_memory: usize,
    /// Most words that any table had.
    widest: usize,
}

impl Directory {
    /// A directory of two tables, those that begin with 0 and with 1.
    pub(super) fn new(tables: [Table; 2]) -> Self {
        let mut directory = Self {
            depth: 1,
            index: vec![0, 1],
            tables: Vec::from(tables),
            prefixes: vec![Prefix { bits: 0, depth: 1 }, Prefix { bits: 1, depth: 1 }],
            deepest: 2,
            len: 0,
            table_memory: 0,
            widest: 0,
        };
        directory.len = directory.tables.iter().map(Table::len).sum();
        directory.table_memory = directory.tables.iter().map(Table::memory).sum();
        directory.widest = directory.tables.iter().map(Table::capacity).max().unwrap_or(0);
        directory
    }

    /// Number of keys.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of memory, without the entries.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>()
            + self.index.capacity() * size_of::<u32>()
            + self.tables.capacity() * size_of::<Table>()
            + self.prefixes.capacity() * size_of::<Prefix>()
            + self.table_memory
    }

    /// A bound on the words of any table.
    #[inline]
    pub(super) fn widest(&self) -> usize {
        self.widest
    }

    /// All tables.
    #[inline]
    pub(super) fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The table with this number, to change its entries.
    #[inline]
    pub(super) fn table_mut(&mut self, number: u32) -> Option<&mut Table> {
        self.tables.get_mut(number as usize)
    }

    /// Number of the table for a hash, and the hash's tag there.
    #[inline]
    pub(super) fn locate(&self, hash: u64) -> (u32, u16) {
        let number = self.index[(hash >> (u64::BITS - self.depth)) as usize];
        (number, tag_at(hash, self.prefixes[number as usize].depth))
    }

    /// Prefix of the table with this number.
    #[inline]
    pub(super) fn prefix(&self, number: u32) -> Prefix {
        self.prefixes[number as usize]
    }

    /// Adds a key that is not there. Returns the numbers of its table and of its word.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        mut word: Word,
        hasher: KeyHasher,
        limits: TableLimits,
    ) -> (u32, u32) {
        let (mut number, mut tag) = self.locate(hash);
        while self.tables[number as usize].len() >= limits.split_len as usize
            && self.prefix(number).depth < limits.max_depth
        {
            self.split(number, hasher);
            (number, tag) = self.locate(hash);
        }
        word.set_tag(tag);
        let table = &mut self.tables[number as usize];
        let before = table.memory();
        let index = table.insert(word);
        self.table_memory = self.table_memory + table.memory() - before;
        self.widest = self.widest.max(table.capacity());
        self.len += 1;
        (number, index)
    }

    /// Takes out the word with this index of the table with this number. The directory may be left
    /// with a single table: see [`Directory::take_only_table`].
    pub(super) fn remove(&mut self, number: u32, index: u32, limits: TableLimits) -> Option<Word> {
        let table = self.tables.get_mut(number as usize)?;
        let before = table.memory();
        let word = table.remove(index)?;
        self.table_memory = self.table_memory + table.memory() - before;
        self.len -= 1;
        self.merge_around(number, limits);
        Some(word)
    }

    /// The table, if it is the only one.
    pub(super) fn take_only_table(&mut self) -> Option<Table> {
        if self.tables.len() == 1 { self.tables.pop() } else { None }
    }

    /// Divides a table by the next bit. One half keeps its number.
    #[cold]
    fn split(&mut self, number: u32, hasher: KeyHasher) {
        let at = number as usize;
        let Prefix { bits, depth } = self.prefixes[at];
        if depth == self.depth {
            self.index = self.index.iter().flat_map(|&number| [number, number]).collect();
            self.depth += 1;
            self.deepest = 0;
        }
        let table = std::mem::replace(&mut self.tables[at], Table::EMPTY);
        let before = table.memory();
        let [low, high] = table.split(depth, hasher);
        self.table_memory = self.table_memory + low.memory() + high.memory() - before;
        self.widest = self.widest.max(low.capacity()).max(high.capacity());
        self.tables[at] = low;
        self.prefixes[at] = Prefix { bits: bits << 1, depth: depth + 1 };
        let added = self.tables.len();
        self.tables.push(high);
        self.prefixes.push(Prefix { bits: (bits << 1) | 1, depth: depth + 1 });
        self.point_to(added);
        if depth + 1 == self.depth {
            self.deepest += 2;
        }
    }

    /// Joins a table with its buddy while both together are short, and shrinks the directory.
    #[inline]
    fn merge_around(&mut self, mut number: u32, limits: TableLimits) {
        while self.tables[number as usize].len() <= limits.merge_len()
            && let Some(buddy) = self.buddy(number)
            && self.tables[number as usize].len() + self.tables[buddy as usize].len()
                <= limits.merge_len()
        {
            number = self.merge(number, buddy);
        }
        while self.deepest == 0 && self.depth > 1 {
            self.index = self.index.iter().step_by(2).copied().collect();
            self.depth -= 1;
            self.deepest = self.prefixes.iter().filter(|p| p.depth == self.depth).count();
        }
    }

    /// The table that differs in the last bit of the prefix only, if it has not been divided.
    fn buddy(&self, number: u32) -> Option<u32> {
        let Prefix { bits, depth } = self.prefix(number);
        if depth == 0 {
            return None;
        }
        let buddy = self.index[((bits ^ 1) as usize) << (self.depth - depth)];
        (self.prefix(buddy).depth == depth).then_some(buddy)
    }

    /// Joins two buddies. Returns the number of the result.
    #[cold]
    fn merge(&mut self, a: u32, b: u32) -> u32 {
        let Prefix { bits, depth } = self.prefix(a);
        let (low, high) = if bits & 1 == 0 { (a, b) } else { (b, a) };
        let [low_table, high_table] =
            [low, high].map(|n| std::mem::replace(&mut self.tables[n as usize], Table::EMPTY));
        let before = low_table.memory() + high_table.memory();
        let merged = Table::merge([low_table, high_table]);
        self.table_memory = self.table_memory + merged.memory() - before;
        if depth == self.depth {
            self.deepest -= 2;
        }
        self.tables[low as usize] = merged;
        self.prefixes[low as usize] = Prefix { bits: bits >> 1, depth: depth - 1 };
        self.point_to(low as usize);
        self.forget(high);
        let moved = self.tables.len() as u32;
        if low == moved { high } else { low }
    }

    /// Removes a table that the directory does not name any more. The last one gets its number.
    fn forget(&mut self, number: u32) {
        let at = number as usize;
        self.tables.swap_remove(at);
        self.prefixes.swap_remove(at);
        if at < self.tables.len() {
            self.point_to(at);
        }
        if self.tables.len() < self.tables.capacity() / 4 {
            self.tables.shrink_to(self.tables.len() * 2);
            self.prefixes.shrink_to(self.prefixes.len() * 2);
        }
    }

    /// Lets the directory name a table wherever its prefix is.
    fn point_to(&mut self, at: usize) {
        let Prefix { bits, depth } = self.prefixes[at];
        let span = self.depth - depth;
        let first = (bits as usize) << span;
        self.index[first..first + (1 << span)].fill(at as u32);
    }
}

#[cfg(test)]
impl Directory {
    /// Panics where the directory contradicts its tables.
    pub(super) fn check(&self) {
        assert_eq!(self.index.len(), 1 << self.depth);
        assert_eq!(self.tables.len(), self.prefixes.len());
        assert!(self.tables.len() > 1);
        let mut seen = vec![0; self.tables.len()];
        for (at, &number) in self.index.iter().enumerate() {
            let Prefix { bits, depth } = self.prefix(number);
            assert_eq!(at >> (self.depth - depth), bits as usize, "index {at}");
            seen[number as usize] += 1;
        }
        for (prefix, seen) in self.prefixes.iter().zip(seen) {
            assert_eq!(seen, 1 << (self.depth - prefix.depth));
        }
        let deepest = self.prefixes.iter().filter(|p| p.depth == self.depth).count();
        assert_eq!(self.deepest, deepest);
        assert!(deepest > 0, "the directory is deeper than any table");
        assert_eq!(self.len, self.tables.iter().map(Table::len).sum::<usize>());
        assert_eq!(self.table_memory, self.tables.iter().map(Table::memory).sum::<usize>());
        assert!(self.tables.iter().all(|table| table.capacity() <= self.widest));
        self.tables.iter().for_each(Table::check);
    }
}
