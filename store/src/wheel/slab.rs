//! The memory of the wheel's nodes: chunks that never move, so that growing copies nothing, with
//! the free places of each chunk linked through its own nodes. It knows what a link looks like but
//! not what the lists mean.

/// Marks the ends of a list among the indexes of nodes.
pub(super) const LIST: u32 = 1 << 31;
/// In the place of a neighbour: the node is free. In the place of a free node's successor: none.
const NONE: u32 = u32::MAX;
/// Most timers that one wheel holds.
pub const MAX_TIMERS: usize = LIST as usize;
/// Nodes per chunk: 64 KiB, so that growing costs microseconds.
pub(super) const CHUNK: usize = 4096;

/// How the ends of a list are named in links.
pub(super) const fn ends(list: usize) -> u32 {
    LIST | list as u32
}

/// Neighbours in a ring: indexes of nodes, or `LIST | index` for the ends of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) prev: u32,
    pub(super) next: u32,
}

/// One timer, or a free place: then `prev` is [`NONE`] and `next` the chunk's next free place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) key: u64,
    pub(super) link: Link,
}

const _: () = assert!(size_of::<Node>() == 16);

/// Nodes that are allocated and freed together.
struct Chunk {
    /// [`CHUNK`] nodes, or none while the chunk is given back.
    nodes: Box<[Node]>,
    /// First free place within the chunk, or [`NONE`].
    free: u32,
    live: u32,
}

impl Chunk {
    fn new() -> Self {
        let node = |place: usize| {
            let next = if place + 1 < CHUNK { place as u32 + 1 } else { NONE };
            Node { key: 0, link: Link { prev: NONE, next } }
        };
        Self { nodes: (0..CHUNK).map(node).collect(), free: 0, live: 0 }
    }
}

/// The nodes, in chunks that never move. New nodes go to the lowest chunk with room, so that high
/// chunks can fall empty.
#[derive(Default)]
pub(super) struct Slab {
    chunks: Vec<Chunk>,
    /// One bit per chunk: it is allocated and has a free place.
    roomy: Vec<u64>,
    /// No word of `roomy` below this one has a bit.
    roomy_from: usize,
    /// Chunks that were given back.
    vacant: Vec<u32>,
    /// Whether a wholly unused chunk is kept, and which: what grows again finds it.
    spare: Option<u32>,
    live: usize,
}

impl Slab {
    /// Number of nodes in use.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// The node with an index that is known to be in use.
    pub(super) fn at(&mut self, index: u32) -> &mut Node {
        &mut self.chunks[index as usize / CHUNK].nodes[index as usize % CHUNK]
    }

    /// Whether the index names a timer.
    pub(super) fn is_live(&self, index: u32) -> bool {
        let chunk = self.chunks.get(index as usize / CHUNK);
        let node = chunk.and_then(|chunk| chunk.nodes.get(index as usize % CHUNK));
        node.is_some_and(|node| node.link.prev != NONE)
    }

    /// A node with this key. Its links must be set at once.
    pub(super) fn allocate(&mut self, key: u64) -> u32 {
        let number = self.roomy_chunk();
        if self.spare == Some(number as u32) {
            self.spare = None;
        }
        let chunk = &mut self.chunks[number];
        let place = chunk.free;
        let node = &mut chunk.nodes[place as usize];
        chunk.free = node.link.next;
        chunk.live += 1;
        node.key = key;
        if chunk.free == NONE {
            self.roomy[number / 64] &= !(1 << (number % 64));
        }
        self.live += 1;
        (number * CHUNK) as u32 + place
    }

    /// Takes a node back that hangs in no list.
    pub(super) fn free(&mut self, index: u32) {
        let number = index as usize / CHUNK;
        let place = index as usize % CHUNK;
        let chunk = &mut self.chunks[number];
        chunk.nodes[place].link = Link { prev: NONE, next: chunk.free };
        chunk.free = place as u32;
        chunk.live -= 1;
        self.live -= 1;
        self.set_roomy(number);
        if self.chunks[number].live == 0 {
            self.give_back(number);
        }
    }

    /// The lowest chunk with a free place, made if there is none.
    fn roomy_chunk(&mut self) -> usize {
        while let Some(&word) = self.roomy.get(self.roomy_from) {
            if word != 0 {
                return self.roomy_from * 64 + word.trailing_zeros() as usize;
            }
            self.roomy_from += 1;
        }
        let number = match self.vacant.pop() {
            Some(number) => {
                self.chunks[number as usize] = Chunk::new();
                number as usize
            }
            None => {
                assert!(self.chunks.len() < MAX_TIMERS / CHUNK, "a wheel holds 2^31 timers");
                self.chunks.push(Chunk::new());
                self.chunks.len() - 1
            }
        };
        self.set_roomy(number);
        number
    }

    /// Keeps a chunk that fell wholly unused as the spare one, or frees it if there is one.
    fn give_back(&mut self, number: usize) {
        if self.spare.is_none() {
            self.spare = Some(number as u32);
            return;
        }
        self.chunks[number].nodes = Box::default();
        self.vacant.push(number as u32);
        self.roomy[number / 64] &= !(1 << (number % 64));
    }

    fn set_roomy(&mut self, number: usize) {
        let word = number / 64;
        if self.roomy.len() <= word {
            self.roomy.resize(word + 1, 0);
        }
        self.roomy[word] |= 1 << (number % 64);
        self.roomy_from = self.roomy_from.min(word);
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        let allocated = self.chunks.len() - self.vacant.len();
        allocated * CHUNK * size_of::<Node>()
            + self.chunks.capacity() * size_of::<Chunk>()
            + self.roomy.capacity() * size_of::<u64>()
            + self.vacant.capacity() * size_of::<u32>()
    }
}
