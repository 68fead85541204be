//! Which shards a command needs: keys are found among the arguments, hashed, and their slots mapped
//! to shards. Done once, when the command is planned; handlers reuse the hashes.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::Args;
use shardwright_store::command::sort::reads_any_key;
use shardwright_store::commands::scan::slot_of_cursor;
use shardwright_store::context::KeyRef;
use shardwright_store::hash::KeyHasher;
use shardwright_store::types::{DbIndex, ShardId, ShardMap};

use crate::registry::{Entry, Routing};
use crate::shards::ShardSet;

/// Knows the shards of this process.
#[derive(Debug, Clone, Copy)]
pub struct Router {
    /// Hashes keys.
    pub hasher: KeyHasher,
    /// Which shard has which slots.
    pub map: ShardMap,
    /// Number of databases.
    pub databases: u16,
}

/// The shards that a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// No particular one.
    Any,
    /// One.
    One(ShardId),
    /// Several, to be held at one moment; the first leads.
    Many(ShardId, ShardSet),
}

impl Route {
    /// A shard that the command needs: the one of its first key where it has keys.
    pub fn first(&self) -> Option<ShardId> {
        match self {
            Self::Any => None,
            Self::One(shard) | Self::Many(shard, _) => Some(*shard),
        }
    }
}

impl Route {
    /// The shard that leads, `home` where it may be any, and all that are needed.
    pub fn shards(&self, home: ShardId) -> (ShardId, ShardSet) {
        match *self {
            Self::Any => (home, [home].into_iter().collect()),
            Self::One(shard) => (shard, [shard].into_iter().collect()),
            Self::Many(lead, shards) => (lead, shards),
        }
    }
}

impl Router {
    /// Finds the keys of a command, whose first argument is number `first_arg` of its batch, adds
    /// them to `keys`, and tells the shards. Arguments that do not tell their keys are left to the
    /// handler's error.
    #[inline]
    pub fn route(
        &self,
        entry: &Entry,
        args: Args<'_>,
        first_arg: u32,
        keys: &mut Vec<KeyRef>,
    ) -> Route {
        match entry.routing {
            Routing::FirstKey => Route::One(self.add_key(args.at(1), first_arg + 1, keys)),
            Routing::Any => Route::Any,
            Routing::Keys => self.route_keys(entry, args, first_arg, keys),
            Routing::SomeOrAll => {
                let route = self.route_keys(entry, args, first_arg, keys);
                let needs_all = self.map.shards() > 1 && reads_any_key(args);
                match route.first().filter(|_| needs_all) {
                    Some(first) => Route::Many(first, ShardSet::all(self.map.shards())),
                    None => route,
                }
            }
            Routing::All if self.map.shards() == 1 => Route::Any,
            Routing::All => Route::Many(ShardId(0), ShardSet::all(self.map.shards())),
            Routing::Cursor => Route::One(self.map.shard_of(slot_of_cursor(args.at(1)))),
        }
    }

    /// The database that SELECT would choose by this argument, if there is such a one.
    pub fn database(&self, argument: &[u8]) -> Option<DbIndex> {
        let number = u16::try_from(parse_i64_strict(argument)?).ok()?;
        (number < self.databases).then_some(DbIndex(number))
    }

    fn route_keys(
        &self,
        entry: &Entry,
        args: Args<'_>,
        first_arg: u32,
        keys: &mut Vec<KeyRef>,
    ) -> Route {
        let before = keys.len();
        for spec in entry.spec.keys.iter().chain(entry.spec.hidden_keys) {
            let Ok(positions) = spec.positions(args) else { continue };
            for position in positions {
                self.add_key(args.at(position), first_arg + position as u32, keys);
            }
        }
        let mut shards = keys[before..].iter().map(|key| self.map.shard_of(key.slot));
        let Some(first) = shards.next() else { return Route::Any };
        if shards.all(|shard| shard == first) {
            return Route::One(first);
        }
        let all = keys[before..].iter().map(|key| self.map.shard_of(key.slot)).collect();
        Route::Many(first, all)
    }

    #[inline]
    fn add_key(&self, key: &[u8], arg: u32, keys: &mut Vec<KeyRef>) -> ShardId {
        let hash = self.hasher.hash(key);
        keys.push(KeyRef { hash: hash.hash, arg, slot: hash.slot });
        self.map.shard_of(hash.slot)
    }
}
