//! Digests of data: those of DEBUG DIGEST and DEBUG DIGEST-VALUE, exactly as Redis computes them,
//! and one of our own that tells whether two partitions hold the same.
//!
//! They differ in what they cover. Redis's takes values as clients see them, and of a deadline only
//! that there is one. [`partition_digest`] covers encodings of strings, exact deadlines and the
//! groups of streams as well, but not recency nor the forms of collections.

use std::fmt;

use sha1::{Digest as _, Sha1};

use crate::data;
use crate::dict::EntryRef;
use crate::effect::Effect;
use crate::hash::KeyHasher;
use crate::partition::Partition;
use crate::types::DbIndex;
use crate::value::{Kind, ValueRef};

/// A digest of 160 bits, as Redis builds it up from the SHA-1 of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest([u8; 20]);

impl Digest {
    /// Adds a part whose order among the parts added like this does not matter.
    pub fn add(&mut self, part: &[u8]) {
        let hash: [u8; 20] = Sha1::digest(part).into();
        self.0.iter_mut().zip(hash).for_each(|(byte, other)| *byte ^= other);
    }

    /// Adds the digest of a part whose order among the others does not matter.
    pub fn add_digest(&mut self, part: Self) {
        self.add(&part.0);
    }

    /// Adds a part whose place among the parts matters.
    pub fn mix(&mut self, part: &[u8]) {
        self.add(part);
        self.0 = Sha1::digest(self.0).into();
    }
}

impl fmt::Display for Digest {
    /// 40 hexadecimal digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Digest of what a key holds, as DEBUG DIGEST-VALUE replies it. All zero if there is no key.
pub fn value_digest(entry: Option<EntryRef<'_>>) -> Digest {
    let mut digest = Digest::default();
    if let Some(entry) = entry {
        mix_value(&mut digest, &entry);
    }
    digest
}

/// Digest of everything in these partitions, as DEBUG DIGEST replies it; keys count that are expired
/// and not yet removed. Looks at every key.
pub fn dataset_digest(partitions: &[&Partition]) -> Digest {
    let databases = partitions.iter().map(|partition| partition.databases()).max().unwrap_or(0);
    let mut all = Digest::default();
    for db in (0..databases).map(DbIndex) {
        let dicts = || partitions.iter().filter_map(|partition| partition.db(db)).map(|d| d.dict());
        if dicts().all(|dict| dict.is_empty()) {
            continue;
        }
        all.mix(&u32::from(db.0).to_be_bytes());
        for entry in dicts().flat_map(|dict| dict.iter()) {
            let mut digest = Digest::default();
            digest.mix(entry.key());
            mix_value(&mut digest, &entry);
            all.add(&digest.0);
        }
    }
    all
}

/// Mixes type and value in, and whether there is a deadline.
fn mix_value(digest: &mut Digest, entry: &EntryRef<'_>) {
    digest.mix(&type_number(entry.kind()).to_be_bytes());
    let value = entry.value();
    match value {
        ValueRef::Int(n) => digest.mix(n.to_string().as_bytes()),
        ValueRef::Bytes { bytes, .. } => digest.mix(bytes),
        ValueRef::Packed(_) | ValueRef::Object(_) => data::digest(value, digest),
    }
    if entry.deadline().is_some() {
        digest.add(b"!!expire!!");
    }
}

/// The number that Redis has for a data type.
const fn type_number(kind: Kind) -> u32 {
    match kind {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::SortedSet => 3,
        Kind::Hash => 4,
        Kind::Stream => 6,
    }
}

/// Digest of all databases of one partition: keys, values with their encodings, exact deadlines.
/// Equal data has equal digests, in whatever order and by whatever history it came. Looks at every
/// key. It is for finding mistakes, not for telling what somebody forged.
pub fn partition_digest(partition: &Partition) -> u128 {
    const HASHERS: [KeyHasher; 2] = [KeyHasher::new([1, 2]), KeyHasher::new([3, 4])];
    let mut record = Vec::new();
    let mut digest = 0;
    for db in (0..partition.databases()).map(DbIndex) {
        let dict = partition.db(db).map(|db| db.dict());
        for entry in dict.into_iter().flat_map(|dict| dict.iter()) {
            let (key, value, deadline) = (entry.key(), entry.value(), entry.deadline());
            record.clear();
            match value {
                ValueRef::Packed(_) | ValueRef::Object(_) => {
                    // Equal collections may differ in form and in the order of their members.
                    let mut content = Digest::default();
                    data::exact_digest(value, &mut content);
                    Effect::Expire { db, key, deadline }.encode(&mut record);
                    record.push(type_number(value.kind()) as u8);
                    record.extend_from_slice(&content.0);
                }
                _ => Effect::Put { db, key, value, deadline }.encode(&mut record),
            }
            let [high, low] = HASHERS.map(|hasher| u128::from(hasher.hash_bytes(&record)));
            digest ^= (high << 64) | low;
        }
    }
    digest
}
