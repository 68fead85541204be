//! A cut writes a partition as it was at its moment, whatever happens meanwhile: by a seed, with every
//! kind of change between its slices.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cuts;

use shardwright_store::data::list::Side;
use shardwright_store::data::stream::{StreamId, Texts};
use shardwright_store::data::{
    Collection, Edit, Editor, Hash, List, Set, SortedSet, Stream, hash, list, set, sorted_set,
    stream,
};
use shardwright_store::digest::partition_digest;
use shardwright_store::effect::{Effect, Event};
use shardwright_store::partition::Partition;
use shardwright_store::partition::editing::Target;
use shardwright_store::rng::Rng;
use shardwright_store::types::{DbIndex, UnixMillis};
use shardwright_store::value::ValueRef;

use cuts::{BEGIN, below, check_cut, partition, restored};

/// Lets `work` change a collection as a command does.
fn edit<T: Collection>(
    partition: &mut Partition,
    (db, key): (DbIndex, &[u8]),
    work: impl FnOnce(&mut Editor<'_, T>),
) {
    let hash = partition.hasher().hash(key);
    let place = partition.find(db, hash, key).map(|(place, _)| place);
    let target = Target { db, hash, key, place, lru: 0 };
    assert!(partition.edit(target, Event::generic("test"), work).is_some(), "it has its type");
}

/// Changes a collection of a type that the key's number tells: by a command's way, or as a record is
/// replayed.
fn change_collection(partition: &mut Partition, rng: &mut Rng, keys: u64) {
    let db = DbIndex(below(rng, 3) as u16);
    let number = below(rng, keys);
    let key = format!("collection:{number}");
    let at = (db, key.as_bytes());
    // Few elements, so that they meet; a long one gives the collection its large form.
    let element = match below(rng, 16) {
        15 => "x".repeat(1500),
        number => format!("element {number}"),
    };
    let element = element.as_bytes();
    let side = if below(rng, 2) == 0 { Side::Front } else { Side::Back };
    let id = StreamId::new(rng.next_u64() >> 40, 1);
    let texts = [element, b"value"];
    let add: Edit<'_> = match number % 5 {
        0 => list::Edit::Push(side, element).into(),
        1 => set::Edit::Add(element).into(),
        2 => sorted_set::Edit::Put { member: element, score: number as f64 }.into(),
        3 => hash::Edit::Set { field: element, value: element }.into(),
        _ => stream::Edit::Append { id, opens: true, pairs: Texts::Listed(&texts) }.into(),
    };
    let choice = below(rng, 6);
    if choice < 2 {
        // What is there already is no change, and no part of this test.
        let _ = partition.apply(&Effect::Edit { db, key: at.1, edit: add });
        return;
    }
    match number % 5 {
        0 => edit::<List>(partition, at, |list| {
            let len = list.view().len() as u64;
            _ = match choice {
                2 => list.apply(list::Edit::Set(0, element)),
                3 => list.apply(list::Edit::Pop(side, len)),
                _ => list.apply(list::Edit::Push(side, element)),
            };
        }),
        1 => edit::<Set>(partition, at, |set| match choice {
            2 => _ = set.apply(set::Edit::Remove(element)),
            3 => all_elements(|element| _ = set.apply(set::Edit::Remove(element))),
            _ => _ = set.apply(set::Edit::Add(element)),
        }),
        2 => edit::<SortedSet>(partition, at, |sorted| {
            let len = sorted.view().len();
            _ = match choice {
                2 => sorted.apply(sorted_set::Edit::Remove { member: element }),
                3 => sorted.apply(sorted_set::Edit::remove_ranks(&(0..len))),
                _ => sorted.apply(sorted_set::Edit::Put { member: element, score: 0.5 }),
            };
        }),
        3 => edit::<Hash>(partition, at, |hash| match choice {
            2 => _ = hash.apply(hash::Edit::Remove { field: element }),
            3 => all_elements(|field| _ = hash.apply(hash::Edit::Remove { field })),
            _ => _ = hash.apply(hash::Edit::Set { field: element, value: b"another" }),
        }),
        _ => edit::<Stream>(partition, at, |stream| {
            let (group, last) = (&b"group"[..], StreamId::new(0, 0));
            _ = match choice {
                2 => stream.apply(stream::Edit::Trim { nodes: 1, marked: 0 }),
                3 => stream.apply(stream::Edit::CreateGroup { group, last, read: 0 }),
                4 => stream.apply(stream::Edit::SetGroup { group, last: id, read: -1 }),
                _ => {
                    stream.apply(stream::Edit::CreateConsumer { group, consumer: element, time: 1 })
                }
            };
        }),
    }
}

/// Everything that [`change_collection`] puts into a collection.
fn all_elements(mut act: impl FnMut(&[u8])) {
    (0..15).for_each(|number| act(format!("element {number}").as_bytes()));
    act("x".repeat(1500).as_bytes());
}

/// Moves a key, if it is there, to another name in some database.
fn move_key(partition: &mut Partition, rng: &mut Rng, keys: u64) {
    let [db, to_db] = [0; 2].map(|_| DbIndex(below(rng, 3) as u16));
    let [from, to] = match [0; 2].map(|_| below(rng, keys)) {
        numbers if below(rng, 2) == 0 => numbers.map(name),
        // Collections to a name for the same type, perhaps their own.
        [from, to] => [from, (from + 5 * to) % keys].map(|number| format!("collection:{number}")),
    };
    let (key, to_key) = (from.as_bytes(), to.as_bytes());
    let _ = partition.apply(&Effect::Move { db, key, to_db, to_key });
}

/// The name of a key; some share a slot.
fn name(number: u64) -> String {
    if number.is_multiple_of(3) { format!("{{tag}}{number}") } else { format!("key:{number}") }
}

/// Changes something at random; the clock may go on.
fn change(partition: &mut Partition, rng: &mut Rng, keys: u64, now: &mut i64) {
    match below(rng, 24) {
        0..=2 => return move_key(partition, rng, keys),
        3..=9 => return change_collection(partition, rng, keys),
        _ => (),
    }
    let db = DbIndex(below(rng, 3) as u16);
    let key = name(below(rng, keys));
    let key = key.as_bytes();
    let deadline = (below(rng, 3) == 0).then(|| UnixMillis(*now + below(rng, 300) as i64));
    let long = vec![b'x'; below(rng, 20_000) as usize];
    let value = match below(rng, 4) {
        0 => ValueRef::Int(rng.next_u64() as i64),
        1 => ValueRef::Bytes { bytes: b"short", raw: false },
        2 => ValueRef::Bytes { bytes: &long[..long.len().min(100)], raw: true },
        _ => ValueRef::Bytes { bytes: &long, raw: true },
    };
    let effect = match below(rng, 200) {
        0 => Effect::Flush { db },
        1..=3 => Effect::Swap { a: db, b: DbIndex(below(rng, 4) as u16) },
        4..=20 => {
            *now += below(rng, 40) as i64;
            while partition.expire_due(UnixMillis(*now), 50) {}
            return;
        }
        21..=70 => Effect::Delete { db, key },
        71..=90 => Effect::Expire { db, key, deadline },
        91..=110 => Effect::Splice { db, key, offset: below(rng, 50), bytes: b"spliced" },
        _ => Effect::Put { db, key, value, deadline },
    };
    // A key that is absent cannot be changed: that is no part of this test.
    let _ = partition.apply(&effect);
    drop(partition.take_garbage());
}

fn run(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut partition = partition();
    let mut now = BEGIN.0;
    let keys = [10, 300, 5000][below(&mut rng, 3) as usize];
    for cut in 0..4 {
        (0..keys).for_each(|_| change(&mut partition, &mut rng, keys, &mut now));
        check_cut(&mut partition, &format!("seed {seed}, cut {cut}"), |partition| {
            (0..below(&mut rng, 200)).for_each(|_| change(partition, &mut rng, keys, &mut now));
            below(&mut rng, 3) == 0
        });
    }
}

#[test]
fn a_cut_is_the_state_of_its_moment() {
    (0..150).for_each(run);
}

/// The ways in which a list loses its last element while it is of a cut and not written.
#[test]
fn a_collection_that_becomes_empty_is_written_as_it_was() {
    let (db, key) = (DbIndex(0), &b"list"[..]);
    for long in [1, 5000] {
        let mut partition = partition();
        let element = vec![b'x'; long];
        let push = list::Edit::Push(Side::Back, &element).into();
        partition.apply(&Effect::Edit { db, key, edit: push }).unwrap();
        let wanted = partition_digest(&partition);
        assert!(partition.begin_cut());
        edit::<List>(&mut partition, (db, key), |list| {
            assert!(list.apply(list::Edit::Pop(Side::Front, 1)).is_some());
        });
        assert_eq!(partition.figures(db).keys, 0);
        partition.cut_slice();
        let batch = partition.take_cut().unwrap();
        assert!(batch.last && batch.keys == 1, "an element of {long} bytes: {}", batch.count);
        assert_eq!(partition_digest(&restored(&[(batch.records, batch.count)])), wanted);
    }
}

#[test]
fn a_slice_is_bounded_in_keys() {
    let mut partition = partition();
    for number in 0..10_000 {
        let key = format!("key:{number}");
        let (db, value) = (DbIndex(0), ValueRef::Int(number));
        partition.apply(&Effect::Put { db, key: key.as_bytes(), value, deadline: None }).unwrap();
    }
    partition.begin_cut();
    let mut slices = 0;
    while partition.is_cutting() {
        partition.cut_slice();
        slices += 1;
        if let Some(batch) = partition.take_cut() {
            assert!(batch.count < 3_000, "{} keys", batch.count);
        }
    }
    assert!((9..100).contains(&slices), "{slices} slices");
}

#[test]
fn an_empty_partition_has_an_empty_cut() {
    let mut partition = partition();
    partition.begin_cut();
    partition.cut_slice();
    let batch = partition.take_cut().unwrap();
    assert!(batch.last && batch.count == 0 && batch.records.is_empty());
    assert!(partition.begin_cut());
}
