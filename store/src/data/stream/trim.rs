//! Deciding what trimming takes away: whole nodes from the front as long as that is allowed, and then
//! entries of the next node, unless it may be inexact.

use super::edit::Edit;
use super::{StreamId, View};

/// What stays when a stream is trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// So many of the newest entries.
    Len(u64),
    /// Entries with this ID and greater ones.
    Id(StreamId),
}

/// How a stream is to be trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trim {
    /// What stays.
    pub bound: Bound,
    /// Only whole nodes go, so more may stay.
    pub whole_nodes: bool,
    /// Most entries that go; 0 for no limit.
    pub limit: u64,
}

impl View<'_> {
    /// What trimming takes away; nothing if there is nothing to take. Takes time linear in the number
    /// of nodes that go.
    pub fn trim(self, trim: Trim) -> Option<Edit<'static>> {
        let (mut nodes, mut marked, mut gone) = (0, 0, 0u64);
        for node in self.nodes() {
            let left = self.facts.len.saturating_sub(gone);
            if matches!(trim.bound, Bound::Len(max) if left <= max) {
                break;
            }
            let live = node.counts().0.cast_unsigned();
            if trim.limit > 0 && gone.saturating_add(live) > trim.limit {
                break;
            }
            let goes = match trim.bound {
                Bound::Len(max) => left.saturating_sub(live) >= max,
                Bound::Id(min) => node.last().is_none_or(|last| last.id < min),
            };
            if goes {
                nodes += 1;
                gone += live;
                continue;
            }
            if !trim.whole_nodes {
                marked = match trim.bound {
                    Bound::Len(max) => left - max,
                    Bound::Id(min) => {
                        let before = node.entries().take_while(|entry| entry.id < min);
                        before.filter(|entry| !entry.is_deleted()).count() as u64
                    }
                };
            }
            break;
        }
        (nodes > 0 || marked > 0).then_some(Edit::Trim { nodes, marked })
    }
}
