//! What a run can find, and what can be broken on purpose to see that it does.

use std::fmt;

/// What was found to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Somebody waits for what will never come.
    Progress,
    /// All is said, and something lies about.
    Leftover,
    /// A client was told what its own commands cannot have done.
    Reply,
    /// Money came or went.
    Sum,
    /// No order of all calls explains what was replied.
    History,
    /// Commands of one pipeline took effect in an order that they must not.
    Order,
    /// Effects are late, missing, or do not tell the truth.
    Effects,
    /// Somebody was told what a crash could take back.
    Durability,
    /// A checkpoint is not the state at its mark.
    Checkpoint,
    /// An element was lost or given twice, or to somebody who has gone, or somebody waits for one that
    /// is there.
    Delivery,
    /// Of those who wait for a key, who came later was served first.
    Line,
}

/// Why a run failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What it is about.
    pub check: Check,
    /// What was seen.
    pub text: String,
}

impl Failure {
    /// A failure of `check`, described by `text`.
    pub fn new(check: Check, text: impl Into<String>) -> Self {
        Self { check, text: text.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.check, self.text)
    }
}

/// What is broken in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Mailboxes of a block are filled without the ordering lock.
    NoOrderingLock,
    /// A shard is given messages while its partition is away.
    MailboxStaysOpen,
    /// Two replies of a parcel change places.
    RepliesSwapped,
    /// A parcel that only sets keys is answered before it has run.
    AnsweredEarly,
    /// EXEC forgets what was watched.
    WatchForgotten,
    /// Partitions do not come back from every tenth block.
    PartitionKept,
    /// Effects are sent behind the replies of their turn.
    EffectsLate,
    /// Some effects never reach the writer.
    EffectsLost,
    /// Replies do not wait for the log.
    NotHeld,
    /// Sessions are not told how far the partitions that they saw had come.
    NotTold,
    /// The mark of a checkpoint comes before effects that it contains.
    MarkEarly,
    /// Each key of a wait has a claim of its own.
    ClaimOfEachKey,
    /// Every tenth shard does not hear that a wait has ended.
    EndWaitLost,
    /// Who waits and has to be served by a block loses its place in the line.
    PlaceLost,
    /// Who waits and has to be served by a block is not.
    RetryLost,
    /// A session is not told that its wait was ended by somebody else.
    WakeLost,
    /// A wait goes on when its client has gone.
    WaitOutlives,
    /// A session's clock is ahead now and then.
    ClockJumps,
    /// A session is not called when its pause is over.
    TimerLost,
}
