//! The commands decoded from one read: a reused list of argument ranges.

use super::{ArgRange, Args};

/// Which entries of [`Frames::args`] are one command's arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameRange {
    /// Index of the first, the command's name.
    pub first: u32,
    /// How many there are, at least one.
    pub count: u32,
}

/// Decoded commands of one read. Made to be reused: [`Frames::clear`] keeps the memory.
#[derive(Default, Debug)]
pub struct Frames {
    /// The arguments of all commands, one command after the other.
    pub args: Vec<ArgRange>,
    /// The commands, in the order of arrival.
    pub commands: Vec<FrameRange>,
}

impl Frames {
    /// No commands and no memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets all commands and keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.args.clear();
        self.commands.clear();
    }

    /// Bytes of memory held.
    #[inline]
    #[must_use]
    pub fn memory(&self) -> usize {
        self.args.capacity() * size_of::<ArgRange>()
            + self.commands.capacity() * size_of::<FrameRange>()
    }

    /// Number of commands.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there is no command.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// The arguments of command `i` in the buffer that it was decoded from; none when there is no
    /// such command.
    #[inline]
    #[must_use]
    pub fn args_of<'a>(&'a self, i: usize, buf: &'a [u8]) -> Args<'a> {
        let ranges = self.commands.get(i).and_then(|command| {
            let first = command.first as usize;
            self.args.get(first..first + command.count as usize)
        });
        Args::new(buf, ranges.unwrap_or_default())
    }

    /// Gives memory back beyond `args` arguments, after a command of exceptional size.
    pub fn shrink_to(&mut self, args: usize) {
        self.args.shrink_to(args);
        self.commands.shrink_to(args);
    }

    /// Makes the arguments from index `first` on a command.
    #[inline]
    pub(super) fn push_command(&mut self, first: usize) {
        // Arguments lie in a buffer of less than 4 GiB and take bytes there, so these fit.
        let command = FrameRange { first: first as u32, count: (self.args.len() - first) as u32 };
        self.commands.push(command);
    }
}
