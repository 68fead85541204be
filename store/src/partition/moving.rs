//! Moving a key to another name or database of its partition. What it adds to [`Partition::change`]:
//! two keys change at once, by one effect that names both and not what they hold. So it takes constant
//! time whatever that is, here and in the log.

use super::editing::Target;
use super::{Garbage, Log, Partition, REPLAYED, log};
use crate::blocking::Touch;
use crate::cut::CutChange;
use crate::db::Db;
use crate::effect::{Effect, EffectError, Event};
use crate::types::DbIndex;

impl Partition {
    /// Gives value and deadline of `from` to `to`, in place of what is there; then `from` is gone. Does
    /// nothing if it is absent. `events` name what happens to either key.
    ///
    /// Takes constant time, but while a cut is under way what it has not written of `from` is written
    /// first.
    pub fn move_key(&mut self, from: Target<'_>, to: Target<'_>, events: [Event; 2]) {
        if self.cut.is_some() {
            self.write_before_change(from.db, from.place, CutChange::Value);
            self.write_before_change(to.db, to.place, CutChange::Drop);
        }
        let (slots, hasher, began, epoch) = (self.slots, self.hasher, self.began, self.epoch);
        if to.db.index() >= self.dbs.len() {
            return;
        }
        let source = self.dbs.get_mut(from.db.index()).and_then(Option::as_deref_mut);
        let (Some(source), Some(place)) = (source, from.place) else { return };
        let mut moved = source.remove(place);
        let Some(target) = self.dbs.get_mut(to.db.index()) else { return };
        let target = target.get_or_insert_with(|| Box::new(Db::new(hasher, slots, began, epoch)));
        // In the same database the other key may have changed its place when this one went.
        let place = target.dict().find(to.hash, to.key);
        let (deadline, kind) = (moved.entry().deadline(), moved.entry().value().kind());
        let (_, costly) = target.put(to.hash, to.key, place, moved.take_value(), deadline, to.lru);
        self.garbage.extend(costly.map(Garbage::Value));
        for (key, touch) in [(&from, Touch::Takes), (&to, Touch::Brings(kind))] {
            self.watch.touch(key.db, key.key);
            self.waiters.touch(key.db, key.key, || touch);
        }
        log!(self).record_as(events, || Effect::Move {
            db: from.db,
            key: from.key,
            to_db: to.db,
            to_key: to.key,
        });
    }

    /// Moves a key as an effect tells.
    pub(super) fn replay_move(
        &mut self,
        from: (DbIndex, &[u8]),
        to: (DbIndex, &[u8]),
    ) -> Result<(), EffectError> {
        let (from, to) = (self.replayed(from.0, from.1)?, self.replayed(to.0, to.1)?);
        if from.place.is_none() {
            return Err(EffectError::Mismatch("the key is absent"));
        }
        self.move_key(from, to, [REPLAYED; 2]);
        Ok(())
    }
}
