//! The order of a large sorted set: a tree of [leaves](super::leaf) that knows how many members are
//! below each of its nodes, so that ranks are found, and members by ranks, in logarithmic time.

use super::leaf::{Leaf, MAX, MAX_BYTES};
use super::node::{CHILDREN, Goal, Inner, Node, Separator, Split, relative};

/// A node with fewer is put together with the one beside it, if both make at most [`TOGETHER`].
const FEW: usize = 16;
const TOGETHER: usize = 48;

/// Members of a leaf, and children of a node, that is built with others at once.
const BUILT: usize = 56;

/// All leaves, by number.
#[derive(Default)]
pub(super) struct Leaves {
    leaves: Vec<Option<Box<Leaf>>>,
    free: Vec<u32>,
    /// Bytes of leaves and inner nodes.
    memory: usize,
}

/// Hears of members that came into another leaf.
pub(super) type Moved<'m> = dyn FnMut(&Leaf, std::ops::Range<usize>, u32, u32) + 'm;

impl Leaves {
    pub(super) fn get(&self, number: u32) -> Option<&Leaf> {
        self.leaves.get(number as usize)?.as_deref()
    }

    /// Lets `work` change a leaf.
    pub(super) fn change<R>(
        &mut self,
        number: u32,
        work: impl FnOnce(&mut Leaf) -> R,
    ) -> Option<R> {
        let leaf = self.leaves.get_mut(number as usize)?.as_deref_mut()?;
        let before = leaf.memory();
        let result = work(leaf);
        self.memory = self.memory + leaf.memory() - before;
        Some(result)
    }

    fn add(&mut self, leaf: Leaf) -> u32 {
        self.memory += leaf.memory();
        let leaf = Some(Box::new(leaf));
        match self.free.pop() {
            Some(number) => {
                self.leaves[number as usize] = leaf;
                number
            }
            None => {
                self.leaves.push(leaf);
                (self.leaves.len() - 1) as u32
            }
        }
    }

    fn take(&mut self, number: u32) -> Option<Box<Leaf>> {
        let leaf = self.leaves.get_mut(number as usize)?.take()?;
        self.memory -= leaf.memory();
        self.free.push(number);
        Some(leaf)
    }

    fn len(&self, number: u32) -> usize {
        self.get(number).map_or(0, Leaf::len)
    }
}

/// Where a split happens: whether it is at the very end of the whole order.
#[derive(Clone, Copy)]
struct Edges {
    first: bool,
    last: bool,
}

/// The order of members.
pub(super) struct Tree {
    root: Node,
    pub(super) leaves: Leaves,
}

impl Tree {
    pub(super) fn new() -> Self {
        let mut leaves = Leaves::default();
        let root = Node::Leaf(leaves.add(Leaf::new()));
        Self { root, leaves }
    }

    /// A tree of members in their order, `moved` hearing of each leaf. Takes linear time.
    pub(super) fn build<'m>(
        sorted: impl Iterator<Item = (f64, &'m [u8], u8)>,
        moved: &mut Moved<'_>,
    ) -> Self {
        let mut leaves = Leaves::default();
        let mut level: Vec<Split> = Vec::new();
        let mut leaf = Leaf::new();
        let mut finish = |leaf: Leaf, level: &mut Vec<Split>, leaves: &mut Leaves| {
            let last = level.last().map(|split| &split.node);
            let before = match last {
                Some(Node::Leaf(number)) => leaves.get(*number),
                _ => None,
            };
            let separator = match before {
                Some(before) => Separator::between(last_of(before), first_of(&leaf)),
                None => Separator { score: f64::NEG_INFINITY, member: [].into() },
            };
            let count = leaf.len();
            let number = leaves.add(leaf);
            if let Some(leaf) = leaves.get(number) {
                moved(leaf, 0..count, number, number);
            }
            level.push(Split { separator, count, node: Node::Leaf(number) });
        };
        for (score, member, tag) in sorted {
            if leaf.len() >= BUILT || !leaf.has_room(member.len()) {
                finish(std::mem::replace(&mut leaf, Leaf::new()), &mut level, &mut leaves);
            }
            leaf.insert(leaf.len(), score, member, tag);
        }
        finish(leaf, &mut level, &mut leaves);
        while level.len() > 1 {
            level = above(level, &mut leaves);
        }
        let root = level.pop().map(|split| split.node);
        root.map_or_else(Self::new, |root| Self { root, leaves })
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        self.leaves.memory
            + self.leaves.leaves.capacity() * size_of::<Option<Box<Leaf>>>()
            + self.leaves.free.capacity() * size_of::<u32>()
    }

    /// The leaf where something is or would be, its place there, and how many members are before
    /// that.
    #[inline]
    pub(super) fn seek(&self, goal: Goal<'_>) -> Option<(&Leaf, usize, usize)> {
        let (mut node, mut before) = (&self.root, 0);
        loop {
            match node {
                Node::Inner(inner) => {
                    let (child, more) = inner.seek(relative(goal, before));
                    before += more;
                    node = inner.nodes.get(child)?;
                }
                Node::Leaf(number) => {
                    let leaf = self.leaves.get(*number)?;
                    let at = place_in(leaf, relative(goal, before));
                    return Some((leaf, at, before + at));
                }
            }
        }
    }

    /// Puts a member in that is not there. Returns the number of its leaf.
    pub(super) fn insert(
        &mut self,
        score: f64,
        member: &[u8],
        tag: u8,
        moved: &mut Moved<'_>,
    ) -> u32 {
        loop {
            if let Some(number) = put(&mut self.root, &mut self.leaves, score, member, tag) {
                return number;
            }
            let edges = Edges { first: true, last: true };
            let goal = (score, member);
            if let Some(split) = make_room(&mut self.root, &mut self.leaves, goal, edges, moved) {
                self.grow(split);
            }
        }
    }

    /// Puts a new root over the old one and what it was split into.
    fn grow(&mut self, split: Split) {
        let mut inner = Inner::default();
        let old = std::mem::replace(&mut self.root, Node::Leaf(0));
        let count = match &old {
            Node::Leaf(number) => self.leaves.len(*number),
            Node::Inner(inner) => inner.count(),
        };
        let separator = Separator { score: f64::NEG_INFINITY, member: [].into() };
        inner.insert(0, Split { separator, count, node: old });
        inner.insert(1, split);
        self.leaves.memory += inner.memory();
        self.root = Node::Inner(Box::new(inner));
    }

    /// Takes out members from `goal` on that are in one leaf, at most `most`, after telling them.
    /// Returns how many.
    pub(super) fn remove(
        &mut self,
        goal: Goal<'_>,
        most: usize,
        tell: &mut dyn FnMut(&Leaf, std::ops::Range<usize>, u32),
        moved: &mut Moved<'_>,
    ) -> usize {
        let count = take_out(&mut self.root, &mut self.leaves, goal, most, tell, moved);
        while let Node::Inner(inner) = &mut self.root {
            let only = match inner.nodes.len() {
                0 => Node::Leaf(self.leaves.add(Leaf::new())),
                1 => {
                    self.leaves.memory -= inner.memory();
                    let only = inner.remove(0);
                    self.leaves.memory += inner.memory();
                    only
                }
                _ => break,
            };
            self.leaves.memory -= inner.memory();
            self.root = only;
        }
        count
    }
}

/// Inner nodes over the nodes of a level.
fn above(level: Vec<Split>, leaves: &mut Leaves) -> Vec<Split> {
    let mut higher = Vec::with_capacity(level.len().div_ceil(BUILT));
    let mut inner = Inner::default();
    let mut separator = None;
    let mut finish = |inner: Inner, separator: Option<Separator>| {
        let separator =
            separator.unwrap_or(Separator { score: f64::NEG_INFINITY, member: [].into() });
        leaves.memory += inner.memory();
        let count = inner.count();
        higher.push(Split { separator, count, node: Node::Inner(Box::new(inner)) });
    };
    for split in level {
        if inner.nodes.len() >= BUILT {
            finish(std::mem::take(&mut inner), separator.take());
        }
        separator.get_or_insert_with(|| split.separator.clone());
        inner.insert(inner.nodes.len(), split);
    }
    finish(inner, separator);
    higher
}

fn first_of(leaf: &Leaf) -> (f64, &[u8]) {
    if leaf.len() == 0 { (0.0, &[]) } else { (leaf.score(0), leaf.member(0)) }
}

fn last_of(leaf: &Leaf) -> (f64, &[u8]) {
    match leaf.len().checked_sub(1) {
        Some(last) => (leaf.score(last), leaf.member(last)),
        None => (0.0, &[]),
    }
}

#[inline]
fn place_in(leaf: &Leaf, goal: Goal<'_>) -> usize {
    match goal {
        Goal::Place(score, member) => leaf.position(score, member),
        Goal::Score(score) => leaf.below(score),
        Goal::Rank(rank) => rank.min(leaf.len()),
    }
}

/// Puts a member in below a node, if its leaf has room. Returns the leaf's number.
fn put(node: &mut Node, leaves: &mut Leaves, score: f64, member: &[u8], tag: u8) -> Option<u32> {
    match node {
        Node::Leaf(number) => {
            let done = leaves.change(*number, |leaf| {
                let has_room = leaf.has_room(member.len());
                if has_room {
                    leaf.insert(leaf.position(score, member), score, member, tag);
                }
                has_room
            });
            (done == Some(true)).then_some(*number)
        }
        Node::Inner(inner) => {
            let child = inner.child(Goal::Place(score, member));
            let number = put(&mut inner.nodes[child], leaves, score, member, tag)?;
            inner.counts[child] += 1;
            Some(number)
        }
    }
}

/// Splits the leaf where a member is to go, and the nodes above it that are full then.
fn make_room(
    node: &mut Node,
    leaves: &mut Leaves,
    goal: (f64, &[u8]),
    edges: Edges,
    moved: &mut Moved<'_>,
) -> Option<Split> {
    match node {
        Node::Leaf(number) => split_leaf(*number, leaves, goal, edges, moved),
        Node::Inner(inner) => {
            let child = inner.child(Goal::Place(goal.0, goal.1));
            let last = child + 1 == inner.nodes.len();
            let below = Edges { first: edges.first && child == 0, last: edges.last && last };
            let split = make_room(&mut inner.nodes[child], leaves, goal, below, moved)?;
            let before = inner.memory();
            inner.counts[child] -= split.count as u32;
            inner.insert(child + 1, split);
            let right = (inner.nodes.len() > CHILDREN).then(|| inner.split(below.last));
            let more = match &right {
                Some(Split { node: Node::Inner(right), .. }) => right.memory(),
                _ => 0,
            };
            leaves.memory = leaves.memory + inner.memory() + more - before;
            right
        }
    }
}

/// Splits a leaf: in the middle, or where the new member is to go if that leaves most leaves full
/// (members that come in their order) or long members alone.
fn split_leaf(
    number: u32,
    leaves: &mut Leaves,
    (score, member): (f64, &[u8]),
    edges: Edges,
    moved: &mut Moved<'_>,
) -> Option<Split> {
    let leaf = leaves.get(number)?;
    let (len, place) = (leaf.len(), leaf.position(score, member));
    let at = match place {
        0 if edges.first || len == 1 => 0,
        end if end == len && (edges.last || len == 1) => len,
        _ => len / 2,
    };
    let new = (score, member);
    let separator = match at {
        0 => Separator::between(new, first_of(leaf)),
        end if end == len => Separator::between(last_of(leaf), new),
        _ => Separator::between(
            (leaf.score(at - 1), leaf.member(at - 1)),
            (leaf.score(at), leaf.member(at)),
        ),
    };
    let right = leaves.change(number, |leaf| leaf.split_off(at))?;
    let count = right.len();
    let to = leaves.add(right);
    moved(leaves.get(to)?, 0..count, number, to);
    Some(Split { separator, count, node: Node::Leaf(to) })
}

/// See [`Tree::remove`].
fn take_out(
    node: &mut Node,
    leaves: &mut Leaves,
    goal: Goal<'_>,
    most: usize,
    tell: &mut dyn FnMut(&Leaf, std::ops::Range<usize>, u32),
    moved: &mut Moved<'_>,
) -> usize {
    match node {
        Node::Leaf(number) => leaves
            .change(*number, |leaf| {
                let at = place_in(leaf, goal);
                let gone = at..at + most.min(leaf.len() - at);
                tell(leaf, gone.clone(), *number);
                leaf.remove(gone.clone());
                gone.len()
            })
            .unwrap_or(0),
        Node::Inner(inner) => {
            let (child, goal) = match goal {
                Goal::Rank(rank) => {
                    let (child, before) = inner.child_of_rank(rank);
                    (child, relative(goal, before))
                }
                _ => (inner.child(goal), goal),
            };
            let count = take_out(&mut inner.nodes[child], leaves, goal, most, tell, moved);
            inner.counts[child] -= count as u32;
            if size_of_child(inner, leaves, child).0 < FEW {
                let before = inner.memory();
                thin_out(inner, leaves, child, moved);
                leaves.memory = leaves.memory + inner.memory() - before;
            }
            count
        }
    }
}

/// Members of a leaf or children of a node, and bytes of a leaf.
fn size_of_child(inner: &Inner, leaves: &Leaves, child: usize) -> (usize, usize) {
    match inner.nodes.get(child) {
        Some(Node::Leaf(number)) => {
            leaves.get(*number).map_or((0, 0), |leaf| (leaf.len(), leaf.bytes()))
        }
        Some(Node::Inner(inner)) => (inner.nodes.len(), 0),
        None => (MAX, 0),
    }
}

/// Drops a child that is empty; puts one with few members together with one beside it.
fn thin_out(inner: &mut Inner, leaves: &mut Leaves, child: usize, moved: &mut Moved<'_>) {
    let (size, bytes) = size_of_child(inner, leaves, child);
    if size == 0 {
        match inner.remove(child) {
            Node::Leaf(number) => _ = leaves.take(number),
            Node::Inner(gone) => leaves.memory -= gone.memory(),
        }
        return;
    }
    for left in [child.checked_sub(1), Some(child)].into_iter().flatten() {
        if left + 1 >= inner.nodes.len() {
            continue;
        }
        let other = if left == child { left + 1 } else { left };
        let (more, more_bytes) = size_of_child(inner, leaves, other);
        if size + more <= TOGETHER && bytes + more_bytes <= MAX_BYTES {
            join(inner, leaves, left, moved);
            return;
        }
    }
}

/// Puts the child behind `left` into it.
fn join(inner: &mut Inner, leaves: &mut Leaves, left: usize, moved: &mut Moved<'_>) {
    let score = inner.scores[left + 1];
    let member = std::mem::take(&mut inner.members[left + 1]);
    let count = inner.counts[left + 1];
    let right = inner.remove(left + 1);
    inner.counts[left] += count;
    match (&mut inner.nodes[left], right) {
        (Node::Leaf(to), Node::Leaf(from)) => {
            let Some(right) = leaves.take(from) else { return };
            let appended = leaves.change(*to, |leaf| {
                let old = leaf.len();
                leaf.append(&right, 0..right.len());
                old..leaf.len()
            });
            if let (Some(range), Some(leaf)) = (appended, leaves.get(*to)) {
                moved(leaf, range, from, *to);
            }
        }
        (Node::Inner(to), Node::Inner(mut right)) => {
            let before = to.memory() + right.memory();
            right.scores[0] = score;
            right.members[0] = member;
            to.scores.append(&mut right.scores);
            to.members.append(&mut right.members);
            to.counts.append(&mut right.counts);
            to.nodes.append(&mut right.nodes);
            leaves.memory = leaves.memory + to.memory() - before;
        }
        // Not reached: all leaves are equally deep.
        _ => {}
    }
}

#[cfg(test)]
impl Tree {
    /// What [`Tree::memory`] keeps count of, counted anew, and the counts of all nodes checked.
    pub(super) fn counted_memory(&self) -> usize {
        fn inner_memory(node: &Node, leaves: &Leaves) -> usize {
            let Node::Inner(inner) = node else { return 0 };
            assert!(inner.nodes.len() <= CHILDREN);
            for (node, count) in inner.nodes.iter().zip(&inner.counts) {
                let counted = match node {
                    Node::Leaf(number) => leaves.len(*number),
                    Node::Inner(inner) => inner.count(),
                };
                assert_eq!(counted, *count as usize);
            }
            let below = inner.nodes.iter().map(|node| inner_memory(node, leaves));
            inner.memory() + below.sum::<usize>()
        }
        let leaves: usize = self.leaves.leaves.iter().flatten().map(|leaf| leaf.memory()).sum();
        let counted = leaves + inner_memory(&self.root, &self.leaves);
        self.memory() - self.leaves.memory + counted
    }
}
