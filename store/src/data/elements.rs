//! Elements of a collection as dumps have them, some at a time.

use shardwright_codec::rdb::{Body, StringWriter};

/// Elements that were written one by one.
#[derive(Debug, Default)]
pub struct Elements {
    count: u64,
    bytes: Vec<u8>,
}

impl Elements {
    /// Adds an element. Strings are not compressed: that would hold up the shard.
    pub fn add(&mut self, write: impl FnOnce(&mut Body<'_>)) {
        self.count += 1;
        write(&mut Body::new(&mut StringWriter::new(false), &mut self.bytes));
    }

    /// How many they are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Appends what follows a collection's type in a dump: their number, and them.
    pub fn write(&self, out: &mut Vec<u8>) {
        Body::new(&mut StringWriter::new(false), out).length(self.count);
        out.extend_from_slice(&self.bytes);
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.count = 0;
        self.bytes.clear();
    }
}
