//! Changes of a stream, and their records. Each says what came out, nodes included: replayed, it gives
//! the same nodes whatever the settings are then.

use super::id::StreamId;
use crate::effect::{EffectError, Reader, put_bytes};

/// Fields and values in turn.
#[derive(Debug, Clone, Copy)]
pub enum Texts<'a> {
    /// As a command has them.
    Listed(&'a [&'a [u8]]),
    /// As a record has them.
    Recorded(Recorded<'a>),
}

/// Fields and values as they lie in a record, each behind its length. They were gone over.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    bytes: &'a [u8],
    count: usize,
}

impl<'a> Texts<'a> {
    /// Number of fields and values.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Listed(texts) => texts.len(),
            Self::Recorded(recorded) => recorded.count,
        }
    }

    /// All of them.
    pub(super) fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let (mut listed, mut rest) = match self {
            Self::Listed(texts) => (texts.iter(), &b""[..]),
            Self::Recorded(recorded) => (Default::default(), recorded.bytes),
        };
        std::iter::from_fn(move || {
            if let Some(text) = listed.next() {
                return Some(*text);
            }
            let (len, behind) = rest.split_first_chunk()?;
            let (text, behind) = behind.split_at_checked(u32::from_le_bytes(*len) as usize)?;
            rest = behind;
            Some(text)
        })
    }

    /// The fields.
    pub(super) fn fields(self) -> impl Iterator<Item = &'a [u8]> {
        self.iter().step_by(2)
    }

    /// The values.
    pub(super) fn values(self) -> impl Iterator<Item = &'a [u8]> {
        self.iter().skip(1).step_by(2)
    }

    fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.len() as u64).to_le_bytes());
        self.iter().for_each(|text| put_bytes(out, text));
    }

    fn decode(reader: &mut Reader<'a>) -> Result<Self, EffectError> {
        let count = reader.u64()?;
        let all = reader.rest();
        for _ in 0..count {
            reader.bytes()?;
        }
        let len = all.len() - reader.rest().len();
        let bytes = all.get(..len).unwrap_or_default();
        Ok(Self::Recorded(Recorded { bytes, count: count as usize }))
    }
}

/// One change of a stream. What it did is told as a number of entries or of pending ones.
#[derive(Debug, Clone, Copy)]
pub enum Edit<'a> {
    /// An entry is added behind all others.
    Append {
        /// Its ID, greater than the last.
        id: StreamId,
        /// Whether it begins a node; else it goes into the last one.
        opens: bool,
        /// Its fields and values, at least one of each.
        pairs: Texts<'a>,
    },
    /// An entry is gone.
    Delete {
        /// Its ID.
        id: StreamId,
    },
    /// The oldest entries are gone: those of whole nodes, and then so many of the next node.
    Trim {
        /// Nodes that are gone.
        nodes: u64,
        /// Entries that are marked as deleted in the first node that stays.
        marked: u64,
    },
    /// What is known of all entries that ever were is set.
    SetId {
        /// The greatest ID ever.
        last: StreamId,
        /// The greatest ID ever deleted.
        max_deleted: StreamId,
        /// Number of entries ever added.
        added: u64,
    },
    /// There is a new group.
    CreateGroup {
        /// Its name.
        group: &'a [u8],
        /// The last ID that it has read.
        last: StreamId,
        /// Number of entries that it has read; -1 if that is not known.
        read: i64,
    },
    /// What a group has read is set.
    SetGroup {
        /// Its name.
        group: &'a [u8],
        /// The last ID that it has read.
        last: StreamId,
        /// Number of entries that it has read; -1 if that is not known.
        read: i64,
    },
    /// A group is gone.
    DestroyGroup {
        /// Its name.
        group: &'a [u8],
    },
    /// A group has a new consumer.
    CreateConsumer {
        /// The group.
        group: &'a [u8],
        /// The consumer.
        consumer: &'a [u8],
        /// When it was seen, in milliseconds since the Unix epoch.
        time: i64,
    },
    /// A consumer is gone, and what was pending for it is no longer.
    DeleteConsumer {
        /// The group.
        group: &'a [u8],
        /// The consumer.
        consumer: &'a [u8],
    },
    /// A consumer has read entries that its group had not read before.
    Read {
        /// The group.
        group: &'a [u8],
        /// The consumer.
        consumer: &'a [u8],
        /// When, in milliseconds since the Unix epoch.
        time: i64,
        /// The first of them.
        first: StreamId,
        /// The last of them, which is the last that the group has read now.
        last: StreamId,
        /// Number of entries that the group has read now; -1 if that is not known.
        read: i64,
        /// Whether they are pending for the consumer from now on.
        pending: bool,
    },
    /// A consumer has read again what is pending for it, as far as the entries are there.
    Reread {
        /// The group.
        group: &'a [u8],
        /// The consumer.
        consumer: &'a [u8],
        /// When, in milliseconds since the Unix epoch.
        time: i64,
        /// The first ID.
        first: StreamId,
        /// The last ID.
        last: StreamId,
    },
    /// An entry is pending for a consumer, and for no other.
    Deliver {
        /// The group.
        group: &'a [u8],
        /// The consumer.
        consumer: &'a [u8],
        /// The entry.
        id: StreamId,
        /// When it was last delivered, in milliseconds since the Unix epoch.
        time: i64,
        /// How often it was delivered.
        count: u64,
    },
    /// An entry is no longer pending.
    Ack {
        /// The group.
        group: &'a [u8],
        /// The entry.
        id: StreamId,
    },
}

mod tag {
    pub const APPEND: u8 = 1;
    pub const DELETE: u8 = 2;
    pub const TRIM: u8 = 3;
    pub const SET_ID: u8 = 4;
    pub const CREATE_GROUP: u8 = 5;
    pub const SET_GROUP: u8 = 6;
    pub const DESTROY_GROUP: u8 = 7;
    pub const CREATE_CONSUMER: u8 = 8;
    pub const DELETE_CONSUMER: u8 = 9;
    pub const READ: u8 = 10;
    pub const REREAD: u8 = 11;
    pub const DELIVER: u8 = 12;
    pub const ACK: u8 = 13;
}

/// Writes the parts of a record.
struct Record<'o>(&'o mut Vec<u8>);

impl Record<'_> {
    fn names(self, tag: u8, names: &[&[u8]]) -> Self {
        self.0.push(tag);
        names.iter().for_each(|name| put_bytes(self.0, name));
        self
    }

    fn id(self, id: StreamId) -> Self {
        self.0.extend_from_slice(&id.to_bytes());
        self
    }

    fn number(self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn signed(self, number: i64) -> Self {
        self.number(number.cast_unsigned())
    }

    fn flag(self, flag: bool) -> Self {
        self.0.push(u8::from(flag));
        self
    }
}

fn id(reader: &mut Reader<'_>) -> Result<StreamId, EffectError> {
    let bytes = reader.take(16)?.first_chunk().copied().unwrap_or_default();
    Ok(StreamId::from_bytes(bytes))
}

fn flag(reader: &mut Reader<'_>) -> Result<bool, EffectError> {
    match reader.u8()? {
        flag @ (0 | 1) => Ok(flag == 1),
        tag => Err(EffectError::UnknownTag { what: "truth", tag }),
    }
}

impl<'a> Edit<'a> {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let record = Record(out);
        match *self {
            Self::Append { id, opens, pairs } => {
                record.names(tag::APPEND, &[]).id(id).flag(opens);
                pairs.encode(out);
            }
            Self::Delete { id } => _ = record.names(tag::DELETE, &[]).id(id),
            Self::Trim { nodes, marked } => {
                record.names(tag::TRIM, &[]).number(nodes).number(marked);
            }
            Self::SetId { last, max_deleted, added } => {
                record.names(tag::SET_ID, &[]).id(last).id(max_deleted).number(added);
            }
            Self::CreateGroup { group, last, read } => {
                record.names(tag::CREATE_GROUP, &[group]).id(last).signed(read);
            }
            Self::SetGroup { group, last, read } => {
                record.names(tag::SET_GROUP, &[group]).id(last).signed(read);
            }
            Self::DestroyGroup { group } => _ = record.names(tag::DESTROY_GROUP, &[group]),
            Self::CreateConsumer { group, consumer, time } => {
                record.names(tag::CREATE_CONSUMER, &[group, consumer]).signed(time);
            }
            Self::DeleteConsumer { group, consumer } => {
                record.names(tag::DELETE_CONSUMER, &[group, consumer]);
            }
            Self::Read { group, consumer, time, first, last, read, pending } => {
                let record = record.names(tag::READ, &[group, consumer]).signed(time);
                record.id(first).id(last).signed(read).flag(pending);
            }
            Self::Reread { group, consumer, time, first, last } => {
                record.names(tag::REREAD, &[group, consumer]).signed(time).id(first).id(last);
            }
            Self::Deliver { group, consumer, id, time, count } => {
                record.names(tag::DELIVER, &[group, consumer]).id(id).signed(time).number(count);
            }
            Self::Ack { group, id } => _ = record.names(tag::ACK, &[group]).id(id),
        }
    }

    pub(crate) fn decode(from: &mut Reader<'a>) -> Result<Self, EffectError> {
        Ok(match from.u8()? {
            tag::APPEND => {
                Self::Append { id: id(from)?, opens: flag(from)?, pairs: Texts::decode(from)? }
            }
            tag::DELETE => Self::Delete { id: id(from)? },
            tag::TRIM => Self::Trim { nodes: from.u64()?, marked: from.u64()? },
            tag::SET_ID => {
                Self::SetId { last: id(from)?, max_deleted: id(from)?, added: from.u64()? }
            }
            tag::CREATE_GROUP => {
                Self::CreateGroup { group: from.bytes()?, last: id(from)?, read: from.i64()? }
            }
            tag::SET_GROUP => {
                Self::SetGroup { group: from.bytes()?, last: id(from)?, read: from.i64()? }
            }
            tag::DESTROY_GROUP => Self::DestroyGroup { group: from.bytes()? },
            tag::CREATE_CONSUMER => {
                let (group, consumer) = (from.bytes()?, from.bytes()?);
                Self::CreateConsumer { group, consumer, time: from.i64()? }
            }
            tag::DELETE_CONSUMER => {
                Self::DeleteConsumer { group: from.bytes()?, consumer: from.bytes()? }
            }
            tag::READ => {
                let (group, consumer, time) = (from.bytes()?, from.bytes()?, from.i64()?);
                let (first, last) = (id(from)?, id(from)?);
                let (read, pending) = (from.i64()?, flag(from)?);
                Self::Read { group, consumer, time, first, last, read, pending }
            }
            tag::REREAD => {
                let (group, consumer, time) = (from.bytes()?, from.bytes()?, from.i64()?);
                Self::Reread { group, consumer, time, first: id(from)?, last: id(from)? }
            }
            tag::DELIVER => {
                let (group, consumer, id) = (from.bytes()?, from.bytes()?, id(from)?);
                Self::Deliver { group, consumer, id, time: from.i64()?, count: from.u64()? }
            }
            tag::ACK => Self::Ack { group: from.bytes()?, id: id(from)? },
            tag => return Err(EffectError::UnknownTag { what: "change of a stream", tag }),
        })
    }
}
