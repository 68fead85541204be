//! The nodes of a tree: which child a search goes to, and how a node is split.
//!
//! An inner node has a place for each child from which on its members are: a score, and as much of a
//! member as is needed. The first child's is never asked for: it begins where the node does.

/// Most children of an inner node.
pub(super) const CHILDREN: usize = 64;

/// A node of the tree.
pub(super) enum Node {
    Leaf(u32),
    Inner(Box<Inner>),
}

/// A node with children. Its vectors are equally long.
#[derive(Default)]
pub(super) struct Inner {
    pub(super) scores: Vec<f64>,
    pub(super) members: Vec<Box<[u8]>>,
    pub(super) counts: Vec<u32>,
    pub(super) nodes: Vec<Node>,
}

/// A place in the order.
#[derive(Debug, Clone)]
pub(super) struct Separator {
    pub(super) score: f64,
    pub(super) member: Box<[u8]>,
}

/// What a search goes to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Goal<'a> {
    /// Where this member with this score is or would be.
    Place(f64, &'a [u8]),
    /// Where the first member with this score or a higher one is or would be.
    Score(f64),
    /// The member that so many are before.
    Rank(usize),
}

/// A node that another was split into, to be put behind it.
pub(super) struct Split {
    pub(super) separator: Separator,
    pub(super) count: usize,
    pub(super) node: Node,
}

impl Separator {
    /// The shortest place between two neighbours.
    pub(super) fn between(left: (f64, &[u8]), right: (f64, &[u8])) -> Self {
        let member = if left.0 < right.0 {
            &[]
        } else {
            let same = left.1.iter().zip(right.1).take_while(|(a, b)| a == b).count();
            right.1.get(..=same).unwrap_or(right.1)
        };
        Self { score: right.0, member: member.into() }
    }
}

impl Inner {
    pub(super) fn memory(&self) -> usize {
        let members: usize = self.members.iter().map(|member| member.len()).sum();
        size_of::<Self>()
            + members
            + self.scores.capacity() * size_of::<f64>()
            + self.members.capacity() * size_of::<Box<[u8]>>()
            + self.counts.capacity() * size_of::<u32>()
            + self.nodes.capacity() * size_of::<Node>()
    }

    /// The child to go to.
    #[inline]
    pub(super) fn child(&self, goal: Goal<'_>) -> usize {
        let behind = match goal {
            Goal::Rank(rank) => return self.child_of_rank(rank).0,
            Goal::Score(score) => self.scores.partition_point(|other| *other < score),
            Goal::Place(score, member) => {
                let low = self.scores.partition_point(|other| *other < score);
                let equal = self.scores[low..].partition_point(|other| *other <= score);
                let members = &self.members[low..low + equal];
                low + members.partition_point(|other| &**other <= member)
            }
        };
        // The first place is not asked for, so the child that begins there is never passed over.
        behind.max(1) - 1
    }

    /// The child with the member that so many are before, and how many are before that child.
    pub(super) fn child_of_rank(&self, rank: usize) -> (usize, usize) {
        let mut before = 0;
        let last = self.counts.len().saturating_sub(1);
        for (at, count) in self.counts.iter().enumerate() {
            if at == last || rank < before + *count as usize {
                return (at, before);
            }
            before += *count as usize;
        }
        (last, before)
    }

    /// The child to go to, and how many members are before it.
    #[inline]
    pub(super) fn seek(&self, goal: Goal<'_>) -> (usize, usize) {
        match goal {
            Goal::Rank(rank) => self.child_of_rank(rank),
            _ => {
                let child = self.child(goal);
                (child, self.counts[..child].iter().map(|count| *count as usize).sum())
            }
        }
    }

    pub(super) fn insert(&mut self, at: usize, split: Split) {
        fn put<T>(vector: &mut Vec<T>, at: usize, value: T) {
            if vector.len() == vector.capacity() {
                vector.reserve_exact(8);
            }
            vector.insert(at, value);
        }
        put(&mut self.scores, at, split.separator.score);
        put(&mut self.members, at, split.separator.member);
        put(&mut self.counts, at, split.count as u32);
        put(&mut self.nodes, at, split.node);
    }

    pub(super) fn remove(&mut self, at: usize) -> Node {
        self.scores.remove(at);
        self.members.remove(at);
        self.counts.remove(at);
        self.nodes.remove(at)
    }

    pub(super) fn count(&self) -> usize {
        self.counts.iter().map(|count| *count as usize).sum()
    }

    /// Splits a full node in the middle, or at an end where members keep coming.
    pub(super) fn split(&mut self, at_end: bool) -> Split {
        let at = if at_end { self.nodes.len() - 1 } else { self.nodes.len() / 2 };
        let right = Self {
            scores: self.scores.split_off(at),
            members: self.members.split_off(at),
            counts: self.counts.split_off(at),
            nodes: self.nodes.split_off(at),
        };
        let separator = Separator { score: right.scores[0], member: right.members[0].clone() };
        Split { separator, count: right.count(), node: Node::Inner(Box::new(right)) }
    }
}

/// The goal seen from a node that so many members are before.
#[inline]
pub(super) fn relative(goal: Goal<'_>, before: usize) -> Goal<'_> {
    match goal {
        Goal::Rank(rank) => Goal::Rank(rank - before.min(rank)),
        other => other,
    }
}
