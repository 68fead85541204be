//! Streams in dumps and RDB files: nodes as they are, what is known of the stream as a whole, then
//! the groups with what is pending. Type 19 is written; type 15, which Redis before 7 wrote, has less
//! of the second part and is read as well.

use shardwright_codec::rdb::{Body, Collection, Fault, ObjectType, Pieces};

use super::groups::Group;
use super::id::StreamId;
use super::node::Node;
use super::{Facts, Inner, Stream, View};

/// Writes what follows type 19.
pub(super) fn write(view: View<'_>, body: &mut Body<'_>) {
    body.length(view.nodes_len() as u64);
    for node in view.nodes() {
        body.text(&node.id.to_bytes());
        body.text(node.bytes());
    }
    let Facts { len, last, first, max_deleted, added } = view.facts;
    body.length(len);
    for id in [last, first, max_deleted] {
        write_id(id, body);
    }
    body.length(added);
    body.length(view.groups_len() as u64);
    for (name, group) in view.groups() {
        body.text(name);
        write_id(group.last, body);
        body.length(group.read.cast_unsigned());
        write_group(group, body);
    }
}

fn write_id(id: StreamId, body: &mut Body<'_>) {
    body.length(id.ms);
    body.length(id.seq);
}

fn write_group(group: &Group, body: &mut Body<'_>) {
    const ALL: std::ops::RangeInclusive<StreamId> = StreamId::MIN..=StreamId::MAX;
    body.length(group.pending_len() as u64);
    for (id, pending) in group.pending(ALL) {
        body.array(id.to_bytes());
        body.array(pending.time.to_le_bytes());
        body.length(pending.count);
    }
    body.length(group.consumers_len() as u64);
    for consumer in group.consumers() {
        body.text(consumer.name());
        body.array(consumer.seen().to_le_bytes());
        body.length(consumer.pending_len() as u64);
        consumer.pending(ALL).for_each(|id| body.array(id.to_bytes()));
    }
}

/// Reads a stream of either type.
pub(super) fn read(collection: Collection<'_>) -> Result<Stream, Fault> {
    let is_new = collection.kind() == ObjectType::StreamListpacks2;
    let mut pieces = Pieces::new(collection);
    let mut inner = Inner::default();
    read_nodes(&mut pieces, &mut inner)?;
    let claimed = pieces.length()?;
    if claimed > 0 && inner.nodes.is_empty() {
        return Err(pieces.fault("entries, but no nodes"));
    }
    inner.facts.last = read_id(&mut pieces)?;
    if is_new {
        inner.facts.first = read_id(&mut pieces)?;
        inner.facts.max_deleted = read_id(&mut pieces)?;
        inner.facts.added = pieces.length()?;
    } else {
        inner.facts.added = inner.facts.len;
    }
    // What is there decides, whatever was said.
    inner.find_first();
    for _ in 0..pieces.length()? {
        let name = pieces.text()?.to_vec();
        let last = read_id(&mut pieces)?;
        let mut group = Group::new(last, 0);
        group.read = match is_new {
            true => pieces.length()?.cast_signed(),
            false => inner.facts.distance(last),
        };
        read_group(&mut pieces, &mut group)?;
        if !inner.groups.insert(&name, group) {
            return Err(pieces.fault("a group that is there twice"));
        }
    }
    if !pieces.is_at_end() {
        return Err(pieces.fault("more behind its end"));
    }
    Ok(Stream(Box::new(inner)))
}

fn read_id(pieces: &mut Pieces<'_>) -> Result<StreamId, Fault> {
    Ok(StreamId::new(pieces.length()?, pieces.length()?))
}

fn read_nodes(pieces: &mut Pieces<'_>, inner: &mut Inner) -> Result<(), Fault> {
    for _ in 0..pieces.length()? {
        let id = <[u8; 16]>::try_from(pieces.text()?).map(StreamId::from_bytes);
        let id = id.map_err(|_| pieces.fault("a node without an ID"))?;
        let node = Node::check(pieces.text()?).map_err(|found| pieces.fault(found))?;
        inner.facts.len += node.view(id).counts().0.cast_unsigned();
        if inner.nodes.put(id, node).is_some() {
            return Err(pieces.fault("two nodes with the same ID"));
        }
    }
    Ok(())
}

fn read_group(pieces: &mut Pieces<'_>, group: &mut Group) -> Result<(), Fault> {
    for _ in 0..pieces.length()? {
        let id = StreamId::from_bytes(pieces.array()?);
        let time = i64::from_le_bytes(pieces.array()?);
        if !group.read_pending(id, time, pieces.length()?) {
            return Err(pieces.fault("an entry that is pending twice"));
        }
    }
    for _ in 0..pieces.length()? {
        let name = pieces.text()?.to_vec();
        if !group.create_consumer(&name, i64::from_le_bytes(pieces.array()?)) {
            return Err(pieces.fault("a consumer that is there twice"));
        }
        for _ in 0..pieces.length()? {
            let id = StreamId::from_bytes(pieces.array()?);
            if !group.read_owner(&name, id) {
                return Err(pieces.fault("a consumer with an entry that its group has not for it"));
            }
        }
    }
    if group.is_whole() { Ok(()) } else { Err(pieces.fault("a pending entry without a consumer")) }
}
