//! Buffers that the connections of a thread take turns with. A connection at rest has none: so ten
//! thousand idle clients cost no buffers, and hundreds that are busy use few, which stay in the
//! nearest cache.

use shardwright_codec::resp::Frames;
use shardwright_store::context::KeyRef;
use shardwright_store::executor::Request;

/// Bytes that lie ready at most, for one thread.
const MOST_BYTES: usize = 4 << 20;

/// What a connection works with between reading commands and having them answered.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    /// Bytes that were read.
    pub(super) input: Vec<u8>,
    /// Commands decoded from them.
    pub(super) frames: Frames,
    /// Keys of those for the own thread's shard.
    pub(super) keys: Vec<KeyRef>,
    /// Those for the own thread's shard.
    pub(super) requests: Vec<Request>,
}

impl Workspace {
    fn bytes(&self) -> usize {
        self.input.capacity()
            + self.frames.memory()
            + self.keys.capacity() * size_of::<KeyRef>()
            + self.requests.capacity() * size_of::<Request>()
    }
}

/// Buffers that no connection has. The one that was given back last, which the cache still has, is
/// taken first.
#[derive(Debug, Default)]
pub struct Stock {
    workspaces: Vec<Workspace>,
    outputs: Vec<Vec<u8>>,
    bytes: usize,
}

impl Stock {
    /// A workspace, which may be empty.
    #[inline]
    pub(super) fn workspace(&mut self) -> Workspace {
        let taken = self.workspaces.pop().unwrap_or_default();
        self.bytes -= taken.bytes();
        taken
    }

    /// A buffer for replies, which may be without memory.
    #[inline]
    pub(super) fn output(&mut self) -> Vec<u8> {
        let taken = self.outputs.pop().unwrap_or_default();
        self.bytes -= taken.capacity();
        taken
    }

    /// Gives a workspace back, whose buffers are empty.
    #[inline]
    pub(super) fn give_workspace(&mut self, workspace: Workspace) {
        let bytes = workspace.bytes();
        if self.has_room_for(bytes) {
            self.workspaces.push(workspace);
        }
    }

    /// Gives a buffer for replies back, which is empty.
    #[inline]
    pub(super) fn give_output(&mut self, output: Vec<u8>) {
        if self.has_room_for(output.capacity()) {
            self.outputs.push(output);
        }
    }

    fn has_room_for(&mut self, bytes: usize) -> bool {
        let fits = self.bytes + bytes <= MOST_BYTES;
        self.bytes += if fits { bytes } else { 0 };
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_back_last_is_taken_first_and_no_more_is_kept_than_the_bound() {
        let mut stock = Stock::default();
        stock.give_output(Vec::with_capacity(100));
        stock.give_output(Vec::with_capacity(200));
        stock.give_output(Vec::with_capacity(MOST_BYTES));
        assert_eq!(stock.output().capacity(), 200);
        assert_eq!(stock.output().capacity(), 100);
        assert_eq!((stock.output().capacity(), stock.bytes), (0, 0));
        let input = Vec::with_capacity(1000);
        stock.give_workspace(Workspace { input, ..Workspace::default() });
        assert_eq!(stock.bytes, 1000);
        assert_eq!((stock.workspace().input.capacity(), stock.bytes), (1000, 0));
    }
}
