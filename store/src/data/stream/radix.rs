//! How many nodes the radix tree has in which Redis would keep a stream: XINFO tells it. There is no
//! such tree here, but the number follows from the IDs that would be its keys.

use super::id::StreamId;

const KEY_LEN: usize = 16;

/// Nodes of a radix tree with these keys, which must be ascending: a leaf for each key, a node
/// wherever keys part, and a node for each run of bytes without a choice. Takes linear time.
pub(super) fn radix_nodes(keys: impl Iterator<Item = StreamId>) -> u64 {
    // How deep the keys part on the way to the last key, below the root.
    let mut parting: Vec<usize> = Vec::new();
    let mut nodes = 0;
    let mut before: Option<[u8; KEY_LEN]> = None;
    for key in keys.map(StreamId::to_bytes) {
        if let Some(before) = before {
            let common = before.iter().zip(&key).take_while(|(a, b)| a == b).count();
            nodes += close(&mut parting, KEY_LEN, common);
        }
        before = Some(key);
    }
    match before {
        // An empty tree is its root.
        None => 1,
        Some(_) => nodes + close_all(parting),
    }
}

/// Counts what hangs below depth `to` on the way to a node at depth `depth`; keys part at `to` then.
fn close(parting: &mut Vec<usize>, mut depth: usize, to: usize) -> u64 {
    let mut nodes = 0;
    while let Some(&parent) = parting.last().filter(|parent| **parent > to) {
        parting.pop();
        nodes += 1 + run(parent + 1, depth);
        depth = parent;
    }
    if parting.last() != Some(&to) {
        parting.push(to);
    }
    nodes + 1 + run(to + 1, depth)
}

/// Counts the way from the root to the last key.
fn close_all(mut parting: Vec<usize>) -> u64 {
    let (mut nodes, mut depth) = (0, KEY_LEN);
    while let Some(parent) = parting.pop() {
        nodes += 1 + run(parent + 1, depth);
        depth = parent;
    }
    nodes + 1 + run(0, depth)
}

/// Nodes for the bytes from one depth to another that leave no choice.
fn run(from: usize, to: usize) -> u64 {
    u64::from(from < to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(keys: &[(u64, u64)], nodes: u64) {
        let ids = keys.iter().map(|(ms, seq)| StreamId::new(*ms, *seq));
        assert_eq!(radix_nodes(ids), nodes, "{keys:?}");
    }

    /// The numbers are those that XINFO STREAM of Redis 7.0.15 tells.
    #[test]
    fn the_tree_is_as_large_as_redis_has_it() {
        check(&[], 1);
        check(&[(1, 1)], 2);
        check(&[(1, 1), (1, 2)], 4);
        check(&[(1, 1), (1, 2), (1, 3)], 5);
        check(&[(1, 1), (2, 1)], 6);
        check(&[(1, 1), (1, 2), (2, 1)], 8);
        check(&[(1, 1), (257, 1), (258, 1), (65_793, 70_000)], 12);
        check(&[(1, 1), (1 << 56, 0)], 5);
    }
}
