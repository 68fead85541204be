//! A client with its socket and its session: bytes go in by pieces, replies come out as far as the
//! socket takes them, and the client reads them when it likes.

use std::collections::VecDeque;

use shardwright_actors::messages::ConnId;
use shardwright_actors::session::{Session, Want};
use shardwright_store::types::{Sequence, ShardId, UnixMillis};
use shardwright_tests::{Reply, Rng};

use super::fault::Failure;
use super::program::{Pipeline, Program, Span};

/// A pipeline that was sent.
struct Sent {
    wanted: usize,
    start: u64,
    replies: Vec<Reply>,
}

/// One client.
pub struct SimClient {
    /// Its connection.
    pub id: ConnId,
    /// The deciding half of its connection, until that ends.
    pub session: Option<Session>,
    /// What the session waits for.
    pub want: Want,
    /// Until when the session pauses.
    pub paused_until: Option<UnixMillis>,
    /// It may be cut off at any time.
    pub killable: bool,
    program: Box<dyn Program>,
    /// Sent and not yet read by the session, from `read` on.
    pipe: Vec<u8>,
    read: usize,
    /// Written by the session and not yet read by the client.
    socket: Vec<u8>,
    capacity: usize,
    received: Vec<u8>,
    sent: VecDeque<Sent>,
    has_more: bool,
    /// Bytes that the session wrote.
    written: usize,
    /// Bytes that it may have written or have to write: what they tell is durable.
    durable: usize,
    /// Partitions that its commands saw since, and how far these had come.
    saw: Vec<(ShardId, Sequence)>,
    claims: Claims,
}

/// Looks through what a session says for answers to WAITAOF, behind replies that announce them.
#[derive(Default)]
struct Claims {
    /// Bytes that were looked through.
    seen: usize,
    /// The reply that is not whole yet.
    rest: Vec<u8>,
    is_announced: bool,
}

impl Claims {
    /// Takes what the session has to write behind the `written` bytes that it wrote. Whether it
    /// claims that all is synced.
    fn take(&mut self, written: usize, pending: &[u8]) -> bool {
        let fresh = (written + pending.len()).saturating_sub(self.seen);
        self.rest.extend_from_slice(&pending[pending.len() - fresh..]);
        self.seen += fresh;
        let mut is_claimed = false;
        while let Some(length) = reply_length(&self.rest) {
            let reply = Reply::parse(&self.rest[..length]);
            self.rest.drain(..length);
            is_claimed |= self.is_announced && reply == Reply::Array([1, 0].map(Reply::Int).into());
            self.is_announced = reply == Reply::Bulk(ANNOUNCED.into());
        }
        is_claimed
    }
}

/// What ECHO says before WAITAOF.
pub const ANNOUNCED: &str = "waitaof";

impl SimClient {
    /// A client whose socket holds so many bytes on their way to it.
    pub fn new(session: Session, capacity: usize, program: Box<dyn Program>) -> Self {
        Self {
            id: session.id(),
            session: Some(session),
            want: Want::Input,
            paused_until: None,
            killable: false,
            program,
            pipe: Vec::new(),
            read: 0,
            socket: Vec::new(),
            capacity,
            received: Vec::new(),
            sent: VecDeque::new(),
            has_more: true,
            written: 0,
            durable: 0,
            saw: Vec::new(),
            claims: Claims::default(),
        }
    }

    /// Sends as much as the client wants to have unanswered.
    pub fn talk(&mut self, rng: &mut Rng, step: u64) {
        while self.has_more && self.sent.len() < self.program.window() {
            let Some(Pipeline { bytes, replies }) = self.program.next(rng) else {
                self.has_more = false;
                return;
            };
            self.pipe.extend_from_slice(&bytes);
            self.sent.push_back(Sent { wanted: replies, start: step, replies: Vec::new() });
        }
    }

    /// Whether the client has said all and been answered.
    pub fn is_done(&self) -> bool {
        !self.has_more && self.sent.is_empty() && self.read == self.pipe.len()
    }

    /// Whether the session reads while it waits, and runs nothing of it.
    pub fn reads_on(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.reads_on(usize::MAX))
    }

    /// Whether the session can read.
    pub fn can_read(&self) -> bool {
        (self.want == Want::Input || self.reads_on()) && self.read < self.pipe.len()
    }

    /// The session reads at most `most` bytes.
    pub fn read(&mut self, most: usize) {
        let end = self.pipe.len().min(self.read + most);
        if let Some(session) = &mut self.session {
            session.room().extend_from_slice(&self.pipe[self.read..end]);
        }
        self.read = end;
        if end == self.pipe.len() {
            self.pipe.clear();
            self.read = 0;
        }
    }

    /// Whether the session has something to write and the socket room for it.
    pub fn can_write(&self) -> bool {
        let pending = self.session.as_ref().is_some_and(|session| !session.pending().is_empty());
        pending && self.socket.len() < self.capacity
    }

    /// The session writes what the socket takes.
    pub fn write(&mut self) {
        let Some(session) = &mut self.session else { return };
        let room = self.capacity - self.socket.len();
        let count = session.pending().len().min(room);
        self.socket.extend_from_slice(&session.pending()[..count]);
        session.wrote(count);
        self.written += count;
    }

    /// Its commands saw a partition behind this effect.
    pub fn saw(&mut self, shard: ShardId, sequence: Sequence) {
        self.saw.push((shard, sequence));
    }

    /// Whether the client can be told only what is durable, when the log is up to `durable`.
    pub fn is_told_what_is_durable(&mut self, durable: impl Fn(ShardId) -> Sequence) -> bool {
        self.saw.retain(|(shard, sequence)| durable(*shard) < *sequence);
        let pending = self.session.as_ref().map_or(0, |session| session.pending().len());
        let told = self.written + pending;
        if self.saw.is_empty() {
            self.durable = told;
        }
        told <= self.durable
    }

    /// Whether WAITAOF is answered only with what is so, when the log is up to `durable`.
    pub fn claims_what_is_durable(&mut self, durable: impl Fn(ShardId) -> Sequence) -> bool {
        let Some(session) = &self.session else { return true };
        let is_claimed = self.claims.take(self.written, session.pending());
        !is_claimed || self.saw.iter().all(|(shard, sequence)| durable(*shard) >= *sequence)
    }

    /// Whether something lies in the socket for the client.
    pub fn can_take(&self) -> bool {
        !self.socket.is_empty()
    }

    /// The client reads what lies in its socket.
    pub fn take(&mut self, step: u64) -> Result<(), Failure> {
        self.received.append(&mut self.socket);
        let mut at = 0;
        while let Some(length) = reply_length(&self.received[at..]) {
            let reply = Reply::parse(&self.received[at..at + length]);
            at += length;
            self.take_reply(reply, step)?;
        }
        self.received.drain(..at);
        Ok(())
    }

    fn take_reply(&mut self, reply: Reply, step: u64) -> Result<(), Failure> {
        use super::fault::Check;
        let Some(sent) = self.sent.front_mut() else {
            return Err(Failure::new(Check::Reply, format!("{reply:?} answers nothing")));
        };
        sent.replies.push(reply);
        if sent.replies.len() == sent.wanted
            && let Some(Sent { start, replies, .. }) = self.sent.pop_front()
        {
            self.program.answered(replies, Span { start, end: step })?;
        }
        Ok(())
    }

    /// What the client waits for, for a report.
    pub fn describe(&self) -> String {
        let unanswered: Vec<_> = self
            .sent
            .iter()
            .map(|sent| format!("{}/{}", sent.replies.len(), sent.wanted))
            .collect();
        let (unread, pending) = (
            self.pipe.len() - self.read,
            self.session.as_ref().map(|session| session.pending().len()),
        );
        format!(
            "{:?} wants {:?}, answered {unanswered:?}, {unread} bytes unread, {pending:?} unsent",
            self.id, self.want
        )
    }
}

/// Length of the reply that the bytes begin with, if it is whole.
fn reply_length(bytes: &[u8]) -> Option<usize> {
    let line = bytes.iter().position(|&byte| byte == b'\n')? + 1;
    let number = || std::str::from_utf8(&bytes[1..line - 2]).ok()?.parse::<i64>().ok();
    let items = match bytes[0] {
        b'$' | b'=' | b'!' => {
            let body = usize::try_from(number()?).map_or(0, |length| length + 2);
            return (bytes.len() >= line + body).then_some(line + body);
        }
        b'*' | b'~' | b'>' => number()?.max(0),
        b'%' => number()? * 2,
        _ => 0,
    };
    let mut at = line;
    for _ in 0..items {
        at += reply_length(&bytes[at..])?;
    }
    Some(at)
}
