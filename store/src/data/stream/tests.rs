//! Tests of streams: they are maps with what groups have read, in nodes that survive dumps and
//! damage.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shardwright_codec::rdb::{self, Body, ObjectType, StringWriter};

use super::*;
use crate::effect::Effect;
use crate::hash::KeyHasher;
use crate::types::DbIndex;

type Fields = Vec<Vec<u8>>;

fn shaping(entries: usize, bytes: usize) -> Shaping {
    let encodings = Encodings {
        stream_node_max_entries: entries,
        stream_node_max_bytes: bytes,
        ..Encodings::default()
    };
    Shaping { hasher: KeyHasher::new([1, 2]), encodings }
}

/// A stream, and one that is changed only by the records of its changes.
struct Twins {
    stream: Stream,
    replayed: Stream,
    shaping: Shaping,
}

impl Twins {
    fn new(shaping: Shaping) -> Self {
        Self { stream: Stream::default(), replayed: Stream::default(), shaping }
    }

    fn apply(&mut self, edit: Edit<'_>) -> Option<u64> {
        let done = self.stream.apply(edit, &self.shaping)?;
        let mut record = Vec::new();
        let edit = crate::data::Edit::Stream(edit);
        Effect::Edit { db: DbIndex(0), key: b"key", edit }.encode(&mut record);
        let (effect, len) = Effect::decode(&record).unwrap();
        assert_eq!(len, record.len());
        let Effect::Edit { edit: crate::data::Edit::Stream(edit), .. } = effect else {
            panic!("another effect")
        };
        // Settings of another day.
        assert_eq!(self.replayed.apply(edit, &shaping(1, 1)), Some(done));
        Some(done)
    }

    fn add(&mut self, id: StreamId, fields: &Fields) -> Option<u64> {
        let listed: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        let bytes = listed.iter().map(|text| text.len()).sum();
        let opens = self.stream.view().opens_node(bytes, &self.shaping.encodings);
        self.apply(Edit::Append { id, opens, pairs: Texts::Listed(&listed) })
    }

    fn check(&self) {
        assert_eq!(exact(&self.stream), exact(&self.replayed));
        assert_eq!(format!("{:?}", self.stream.0.groups), format!("{:?}", self.replayed.0.groups));
        let dumped = restored(&dump(&self.stream)).unwrap();
        assert_eq!(exact(&self.stream), exact(&dumped));
        assert_eq!(exact(&self.stream), exact(&self.stream.clone()));
        self.stream.0.nodes.check_count();
        self.stream.clone().0.nodes.check_count();
    }
}

fn exact(stream: &Stream) -> String {
    let mut digest = Digest::default();
    Stream::exact_digest(stream.view(), &mut digest);
    digest.to_string()
}

fn dump(stream: &Stream) -> Vec<u8> {
    let mut out = Vec::new();
    Stream::write(stream.view(), &mut Body::new(&mut StringWriter::new(false), &mut out));
    out
}

fn restored(bytes: &[u8]) -> Result<Stream, Fault> {
    let collection = rdb::Collection::new(ObjectType::StreamListpacks2, bytes);
    Stream::read(collection, &shaping(100, 4096))
}

fn owned(entry: Entry<'_>) -> (StreamId, Fields) {
    let texts = entry.pairs.iter().flat_map(|(field, value)| [field.to_vec(), value.to_vec()]);
    (entry.id, texts.collect())
}

fn id(number: u64) -> StreamId {
    StreamId::new(number / 3, number % 3)
}

#[derive(Debug, Clone)]
enum Step {
    Add(u64, Fields),
    Delete(u64),
    Trim(bool, bool, u64, u64),
}

fn fields() -> impl Strategy<Value = Fields> {
    let value = prop_oneof![
        any::<i16>().prop_map(|number| number.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..80),
    ];
    (0..4u8, proptest::collection::vec(value, 1..4)).prop_map(|(set, values)| {
        let field = |at: usize| if set == 0 { b"odd".to_vec() } else { format!("f{at}").into() };
        values.into_iter().enumerate().flat_map(|(at, value)| [field(at), value]).collect()
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1..5u64, fields()).prop_map(|(more, fields)| Step::Add(more, fields)),
        2 => (0..200u64).prop_map(Step::Delete),
        1 => (any::<bool>(), any::<bool>(), 0..100u64, 0..10u64)
            .prop_map(|(by_len, whole, bound, limit)| Step::Trim(by_len, whole, bound, limit)),
    ]
}

fn trim(twins: &mut Twins, model: &mut BTreeMap<StreamId, Fields>, trim: Trim) {
    let edit = twins.stream.view().trim(trim);
    let gone = edit.and_then(|edit| twins.apply(edit)).unwrap_or(0);
    let wanted = match trim.bound {
        Bound::Len(max) => (model.len() as u64).saturating_sub(max),
        Bound::Id(min) => model.range(..min).count() as u64,
    };
    assert!(gone <= wanted);
    assert!(gone == wanted || trim.whole_nodes, "{trim:?}: {gone} of {wanted}");
    for _ in 0..gone {
        model.pop_first();
    }
}

proptest! {
    #[test]
    fn a_stream_is_a_map(
        steps in proptest::collection::vec(step(), 1..120),
        entries in 0..6usize,
        bytes in prop_oneof![Just(0), 60..300usize, Just(4096)],
    ) {
        let mut twins = Twins::new(shaping(entries, bytes));
        let mut model: BTreeMap<StreamId, Fields> = BTreeMap::new();
        let (mut number, mut added, mut max_deleted) = (0, 0, StreamId::MIN);
        for step in steps {
            match step {
                Step::Add(more, fields) => {
                    prop_assert_eq!(twins.add(id(number), &fields), None);
                    number += more;
                    prop_assert_eq!(twins.add(id(number), &fields), Some(1));
                    model.insert(id(number), fields);
                    added += 1;
                }
                Step::Delete(number) => {
                    let there = model.remove(&id(number)).is_some();
                    let done = twins.apply(Edit::Delete { id: id(number) });
                    prop_assert_eq!(done.is_some(), there);
                    max_deleted = if there { max_deleted.max(id(number)) } else { max_deleted };
                }
                Step::Trim(by_len, whole_nodes, bound, limit) => {
                    let bound = if by_len { Bound::Len(bound / 4) } else { Bound::Id(id(bound)) };
                    let limit = if whole_nodes { limit } else { 0 };
                    trim(&mut twins, &mut model, Trim { bound, whole_nodes, limit });
                }
            }
            let view = twins.stream.view();
            let first = model.keys().next().copied().unwrap_or_default();
            let len = model.len() as u64;
            let facts = Facts { len, last: id(number), first, max_deleted, added };
            prop_assert_eq!(view.facts, facts);
            prop_assert_eq!(view.last_there(), model.keys().next_back().copied());
        }
        twins.check();
        let view = twins.stream.view();
        for (start, end) in [(0, 500), (10, 60), (31, 31), (60, 10)] {
            let (start, end) = (id(start), id(end));
            let inside = |id: &StreamId| start <= *id && *id <= end;
            let expected: Vec<(StreamId, Fields)> =
                model.clone().into_iter().filter(|(id, _)| inside(id)).collect();
            let forward: Vec<_> = view.range(start, end).map(owned).collect();
            let mut backward: Vec<_> = view.range_back(start, end).map(owned).collect();
            backward.reverse();
            prop_assert_eq!(&forward, &expected);
            prop_assert_eq!(&backward, &expected);
        }
        for node in view.nodes() {
            prop_assert!(super::node::Node::check(node.bytes()).is_ok());
        }
    }

    #[test]
    fn a_group_knows_who_has_what(
        steps in proptest::collection::vec((0..7u8, 0..3u8, 0..30u64), 1..80)
    ) {
        let mut twins = Twins::new(shaping(4, 4096));
        let fields = vec![b"f".to_vec(), b"v".to_vec()];
        (1..30).for_each(|number| _ = twins.add(id(number), &fields));
        twins.apply(Edit::CreateGroup { group: b"g", last: StreamId::MIN, read: 0 });
        let mut model: BTreeMap<StreamId, (u8, i64, u64)> = BTreeMap::new();
        let mut there = [false; 3];
        for (time, (step, who, number)) in (0..).zip(steps) {
            let (group, consumer, id) = (&b"g"[..], &[who][..], id(number));
            let known = there[usize::from(who)];
            match step {
                0 => {
                    let made = twins.apply(Edit::CreateConsumer { group, consumer, time });
                    prop_assert_eq!(made.is_some(), !known);
                    there[usize::from(who)] = true;
                }
                1 if number % 5 == 0 => {
                    let had = model.values().filter(|(owner, ..)| *owner == who).count() as u64;
                    let gone = twins.apply(Edit::DeleteConsumer { group, consumer });
                    prop_assert_eq!(gone, known.then_some(had));
                    model.retain(|_, (owner, ..)| *owner != who);
                    there[usize::from(who)] = false;
                }
                2 | 3 => {
                    let deliver = Edit::Deliver { group, consumer, id, time, count: number };
                    prop_assert_eq!(twins.apply(deliver).is_some(), known);
                    if known {
                        model.insert(id, (who, time, number));
                    }
                }
                4 => {
                    let done = twins.apply(Edit::Ack { group, id });
                    prop_assert_eq!(done.is_some(), model.remove(&id).is_some());
                }
                5 => {
                    let last = StreamId::new(id.ms + 1, 0);
                    let (read, pending) = (time, true);
                    let first = id;
                    let edit = Edit::Read { group, consumer, time, first, last, read, pending };
                    let done = twins.apply(edit);
                    prop_assert_eq!(done.is_some(), known);
                    let ids = twins.stream.view().range(first, last).map(|entry| entry.id);
                    model.extend(ids.filter(|_| known).map(|id| (id, (who, time, 1))));
                }
                _ => {
                    let (first, last) = (StreamId::MIN, id);
                    twins.apply(Edit::Reread { group, consumer, time, first, last });
                    let view = twins.stream.view();
                    for (at, (owner, when, count)) in model.range_mut(..=id) {
                        if *owner == who && view.entry(*at).is_some() {
                            (*when, *count) = (time, *count + 1);
                        }
                    }
                }
            }
        }
        twins.check();
        let group = twins.stream.view().group(b"g").unwrap();
        let all = StreamId::MIN..=StreamId::MAX;
        let pending: BTreeMap<StreamId, (u8, i64, u64)> = group
            .pending(all.clone())
            .map(|(id, pending)| (id, (group.owner(pending)[0], pending.time, pending.count)))
            .collect();
        prop_assert_eq!(&pending, &model);
        for consumer in group.consumers() {
            let ids: Vec<StreamId> = consumer.pending(all.clone()).collect();
            let own = model.iter().filter(|(_, (owner, ..))| [*owner] == consumer.name());
            prop_assert_eq!(ids, own.map(|(id, _)| *id).collect::<Vec<_>>());
        }
    }
}

/// A stream with everything in it.
fn sample() -> Stream {
    let mut twins = Twins::new(shaping(3, 4096));
    for number in 1..8 {
        let odd: Fields = ["a", "1", "bc", "long text", "d", "-70000"].map(Into::into).into();
        let fields = if number % 3 == 0 { odd } else { vec![b"f".into(), b"v".into()] };
        twins.add(id(number), &fields);
    }
    twins.apply(Edit::Delete { id: id(2) });
    let (group, consumer) = (&b"group"[..], &b"ada"[..]);
    twins.apply(Edit::CreateGroup { group, last: StreamId::MIN, read: 0 });
    twins.apply(Edit::CreateConsumer { group, consumer, time: 5 });
    let (first, last) = (id(1), id(4));
    let (read, pending) = (4, true);
    twins.apply(Edit::Read { group, consumer, time: 6, first, last, read, pending });
    twins.check();
    twins.stream
}

/// Does whatever commands could do, which must come to an end.
fn use_all_of(mut stream: Stream) {
    let view = stream.view();
    let count = view.range(StreamId::MIN, StreamId::MAX).map(owned).count();
    assert!(count < 100);
    assert!(view.range_back(StreamId::MIN, StreamId::MAX).map(owned).count() < 100);
    _ = (view.radix_nodes(), view.last_there(), view.entry(id(3)).map(owned));
    view.groups().for_each(|(_, group)| _ = view.facts.lag(group));
    let shaping = shaping(100, 4096);
    if let Some(id) = view.facts.last.next() {
        let opens = view.opens_node(2, &shaping.encodings);
        let pairs = Texts::Listed(&[b"f", b"v"]);
        stream.apply(Edit::Append { id, opens, pairs }, &shaping);
    }
    stream.apply(Edit::Delete { id: id(3) }, &shaping);
    for bound in [Bound::Len(2), Bound::Id(id(5)), Bound::Len(0)] {
        let trim = Trim { bound, whole_nodes: false, limit: 0 };
        if let Some(edit) = stream.view().trim(trim) {
            stream.apply(edit, &shaping);
        }
    }
    let dumped = restored(&dump(&stream)).unwrap();
    assert_eq!(exact(&dumped), exact(&stream));
}

#[test]
fn damaged_dumps_are_refused_or_harmless() {
    let whole = dump(&sample());
    for cut in 0..whole.len() {
        assert!(restored(&whole[..cut]).is_err(), "cut at {cut}");
    }
    let mut accepted = 0;
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            if let Ok(stream) = restored(&bytes) {
                accepted += 1;
                use_all_of(stream);
            }
        }
    }
    assert!(accepted > 0, "numbers and texts can change without harm");
}

/// What DUMP of redis-server 7.0.15 gave, between the type and the checksum, after XADD k 1-1 a 1,
/// 1-2 a 2 and 1-3 b xyz, XDEL k 1-1, XGROUP CREATE k g 0, XREADGROUP GROUP g ada COUNT 1 and XCLAIM
/// with TIME 5.
const FROM_REDIS: &[u8] = b"\x01\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\
    88\0\0\0\x16\0\x02\x01\x01\x01\x01\x01\x81a\x02\0\x01\
    \x03\x01\0\x01\0\x01\x01\x01\x04\x01\
    \x02\x01\0\x01\x01\x01\x02\x01\x04\x01\
    \0\x01\0\x01\x02\x01\x01\x01\x81b\x02\x83xyz\x04\x06\x01\xff\
    \x02\x01\x03\x01\x02\x01\x01\x03\x01\
    \x01g\x01\x02\x02\
    \x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02\x05\0\0\0\0\0\0\0\x01\
    \x01\x03ada\x04{q\x0e\xa2\x01\0\0\
    \x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02";

#[test]
fn what_is_written_is_what_redis_writes() {
    let mut twins = Twins::new(shaping(100, 4096));
    for (seq, field, value) in [(1, "a", "1"), (2, "a", "2"), (3, "b", "xyz")] {
        twins.add(StreamId::new(1, seq), &vec![field.into(), value.into()]);
    }
    let (group, consumer, id) = (&b"g"[..], &b"ada"[..], StreamId::new(1, 2));
    twins.apply(Edit::Delete { id: StreamId::new(1, 1) });
    twins.apply(Edit::CreateGroup { group, last: id, read: 2 });
    twins.apply(Edit::CreateConsumer { group, consumer, time: 1_795_538_647_812 });
    twins.apply(Edit::Deliver { group, consumer, id, time: 5, count: 1 });
    assert_eq!(
        dump(&twins.stream).escape_ascii().to_string(),
        FROM_REDIS.escape_ascii().to_string()
    );
    assert_eq!(exact(&restored(FROM_REDIS).unwrap()), exact(&twins.stream));
}

/// The older type has no more than the last ID, and of groups no number.
#[test]
fn dumps_of_before_redis_7_are_read() {
    let new = dump(&sample());
    let nodes = new.len() - dump_behind_nodes(&sample());
    let mut old = new[..nodes].to_vec();
    old.extend_from_slice(b"\x06\x02\x01\x01\x01g\x02\x01\0\0");
    let collection = rdb::Collection::new(ObjectType::StreamListpacks, &old);
    let stream = Stream::read(collection, &shaping(100, 4096)).unwrap();
    let expected =
        Facts { len: 6, last: id(7), first: id(1), max_deleted: StreamId::MIN, added: 6 };
    assert_eq!(stream.view().facts, expected);
    assert_eq!(stream.view().group(b"g").unwrap().read, 6);
}

/// Bytes of a dump behind its nodes.
fn dump_behind_nodes(stream: &Stream) -> usize {
    let nodes = stream.view().nodes().map(|node| {
        let len = node.bytes().len();
        17 + len + if len < 64 { 1 } else { 2 }
    });
    dump(stream).len() - 1 - nodes.sum::<usize>()
}

#[test]
fn entries_take_little_more_than_their_bytes() {
    let mut twins = Twins::new(shaping(100, 4096));
    let texts = |number: u64| -> Fields {
        vec![b"name".into(), format!("n{number:08}").into(), b"age".into(), b"36".into()]
    };
    const COUNT: u64 = 20_000;
    for number in 1..=COUNT {
        let id = StreamId::new(1_700_000_000_000 + number, 0);
        let fields = texts(number);
        let listed: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        let opens = twins.stream.view().opens_node(24, &twins.shaping.encodings);
        let pairs = Texts::Listed(&listed);
        twins.stream.apply(Edit::Append { id, opens, pairs }, &twins.shaping);
    }
    let before = twins.stream.memory();
    let each = before as f64 / COUNT as f64;
    println!("{each:.1} bytes an entry");
    assert!(each < 24.0, "{each} bytes an entry");
    let (group, consumer, time) = (&b"g"[..], &b"ada"[..], 5);
    let (first, last) = (StreamId::MIN, StreamId::MAX);
    let (read, pending) = (COUNT as i64, true);
    for edit in [
        Edit::CreateGroup { group, last: first, read: 0 },
        Edit::CreateConsumer { group, consumer, time },
        Edit::Read { group, consumer, time, first, last, read, pending },
    ] {
        twins.stream.apply(edit, &twins.shaping);
    }
    let each = (twins.stream.memory() - before) as f64 / COUNT as f64;
    println!("{each:.1} bytes a pending entry");
    assert!(each < 150.0, "{each} bytes a pending entry");
}
