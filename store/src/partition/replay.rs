//! Replaying effects: what came out of one partition is done to another, or to the same one after a
//! restart.

use super::editing::Target;
use super::{Change, Counters, Partition, REPLAYED};
use crate::effect::{Effect, EffectError};
use crate::types::Sequence;

/// No string is longer: `proto-max-bulk-len` ends below. What says otherwise is damaged.
const MAX_STRING: usize = u32::MAX as usize;

impl Partition {
    /// Does what an effect says. In order, from an empty partition on, effects give the data of
    /// the partition that they came from.
    ///
    /// # Errors
    /// The effect needs a key or a database that is not there.
    pub fn apply(&mut self, effect: &Effect<'_>) -> Result<(), EffectError> {
        let named = match *effect {
            Effect::Put { db, .. }
            | Effect::Splice { db, .. }
            | Effect::Restore { db, .. }
            | Effect::Extend { db, .. }
            | Effect::Edit { db, .. }
            | Effect::Expire { db, .. }
            | Effect::Delete { db, .. }
            | Effect::Flush { db } => [db, db],
            Effect::Move { db, to_db, .. } => [db, to_db],
            Effect::Swap { a, b } => [a, b],
        };
        if named.iter().any(|db| db.index() >= self.dbs.len()) {
            return Err(EffectError::Mismatch("there are not so many databases"));
        }
        let (db, key, change) = match *effect {
            Effect::Flush { db } => {
                self.flush(db);
                return Ok(());
            }
            Effect::Swap { a, b } => {
                self.swap(a, b);
                return Ok(());
            }
            Effect::Put { db, key, value, deadline } => {
                (db, key, Change::Put(value.to_new(), deadline))
            }
            Effect::Restore { db, key, collection, deadline } => {
                return self.replay_restore(db, key, collection, deadline);
            }
            Effect::Extend { db, key, collection } => {
                return self.replay_extend(db, key, collection);
            }
            Effect::Edit { db, key, edit } => return self.replay_edit(db, key, edit),
            Effect::Move { db, key, to_db, to_key } => {
                return self.replay_move((db, key), (to_db, to_key));
            }
            Effect::Splice { db, key, offset, bytes } => {
                let offset = usize::try_from(offset);
                let fits = |offset: &usize| {
                    offset.checked_add(bytes.len()).is_some_and(|end| end <= MAX_STRING)
                };
                let offset = offset.ok().filter(fits);
                let offset = offset.ok_or(EffectError::Mismatch("the string would be too long"))?;
                (db, key, Change::Splice(offset, bytes))
            }
            Effect::Expire { db, key, deadline } => (db, key, Change::Expire(deadline)),
            Effect::Delete { db, key } => (db, key, Change::Delete),
        };
        let Target { hash, place, .. } = self.replayed(db, key)?;
        if place.is_none() && !matches!(change, Change::Put(..) | Change::Splice(..)) {
            return Err(EffectError::Mismatch("the key is absent"));
        }
        let before = self.sequence;
        self.change(db, hash, key, place, change, REPLAYED, 0);
        if self.sequence == before {
            return Err(EffectError::Mismatch("the value has another type"));
        }
        Ok(())
    }

    /// Does what `count` effects say that lie one behind the other in `records`.
    ///
    /// # Errors
    /// The bytes are not so many effects, or one of them does not fit the data.
    pub fn apply_all(&mut self, records: &[u8], count: u64) -> Result<(), EffectError> {
        let mut rest = records;
        for _ in 0..count {
            let (effect, length) = Effect::decode(rest)?;
            self.apply(&effect)?;
            rest = &rest[length..];
        }
        if rest.is_empty() { Ok(()) } else { Err(EffectError::Surplus(rest.len())) }
    }

    /// What is here was loaded: from now on effects are counted from `sequence` on, and changes
    /// from 0.
    pub fn loaded(&mut self, sequence: Sequence) {
        self.sequence = sequence;
        self.counters = Counters::default();
        self.effects.clear();
        self.effects_first = sequence.next();
    }
}
