//! What follows the names of the commands of publish and subscribe.

use shardwright_store::command::argument::{Argument, block, pattern, string};

/// `SUBSCRIBE channel [channel ...]`
pub(super) const CHANNELS: &[Argument] = &[string("channel").multiple()];

/// `UNSUBSCRIBE [channel [channel ...]]`, `PUBSUB NUMSUB [channel [channel ...]]`
pub(super) const SOME_CHANNELS: &[Argument] = &[string("channel").optional().multiple()];

/// `PSUBSCRIBE pattern [pattern ...]`
pub(super) const PATTERNS: &[Argument] = &[block("pattern", &[pattern("pattern")]).multiple()];

/// `PUNSUBSCRIBE [pattern [pattern ...]]`
pub(super) const SOME_PATTERNS: &[Argument] = &[pattern("pattern").optional().multiple()];

/// `SSUBSCRIBE shardchannel [shardchannel ...]`
pub(super) const SHARD_CHANNELS: &[Argument] = &[string("shardchannel").multiple()];

/// `SUNSUBSCRIBE [shardchannel [shardchannel ...]]`, `PUBSUB SHARDNUMSUB [shardchannel ...]`
pub(super) const SOME_SHARD_CHANNELS: &[Argument] = &[string("shardchannel").optional().multiple()];

/// `PUBLISH channel message`
pub(super) const PUBLISH: &[Argument] = &[string("channel"), string("message")];

/// `SPUBLISH shardchannel message`
pub(super) const SPUBLISH: &[Argument] = &[string("shardchannel"), string("message")];

/// `PUBSUB CHANNELS [pattern]`
pub(super) const PATTERN: &[Argument] = &[pattern("pattern").optional()];
