//! Large collections in a cut: written some elements at a time as they were at its moment, whatever
//! happens to them meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cuts;

use shardwright_store::data::{Collection, Edit, Hash, Set, SortedSet, hash, set, sorted_set};
use shardwright_store::digest::partition_digest;
use shardwright_store::effect::{Effect, Event};
use shardwright_store::partition::editing::Target;
use shardwright_store::partition::{Change, Partition};
use shardwright_store::rng::Rng;
use shardwright_store::types::{DbIndex, UnixMillis};
use shardwright_store::value::ValueRef;

use cuts::{BEGIN, below, check_cut, partition, restored};

/// Does what an effect says, if it fits: what does not is no part of these tests.
fn apply(partition: &mut Partition, effect: &Effect<'_>) {
    let _ = partition.apply(effect);
}

/// Changes a collection as a command does: one that has become empty goes.
fn edit(partition: &mut Partition, (db, key): (DbIndex, &[u8]), edit: Edit<'_>) {
    fn of<T: Collection>(partition: &mut Partition, target: Target<'_>, edit: T::Edit<'_>) {
        // The key may hold something else by now.
        partition.edit::<T, _>(target, Event::generic("test"), |editor| _ = editor.apply(edit));
    }
    let hash = partition.hasher().hash(key);
    let place = partition.find(db, hash, key).map(|(place, _)| place);
    let target = Target { db, hash, key, place, lru: 0 };
    match edit {
        Edit::Set(edit) => of::<Set>(partition, target, edit),
        Edit::SortedSet(edit) => of::<SortedSet>(partition, target, edit),
        Edit::Hash(edit) => of::<Hash>(partition, target, edit),
        Edit::List(_) | Edit::Stream(_) => unreachable!("no such collections are here"),
    }
}

/// Number of collections: of three types, each with elements of two lengths. All of them are
/// written some elements at a time, those with the longer ones also take long to free.
const COLLECTIONS: u64 = 6;

/// Elements that each of them may have.
const ELEMENTS: u64 = 300;

fn element(collection: u64, number: u64) -> Vec<u8> {
    let mut name = format!("{number}:").into_bytes();
    name.resize(if collection < 3 { 1100 } else { 4100 }, b'x');
    name
}

fn add<'e>(collection: u64, element: &'e [u8], value: &'e [u8], score: f64) -> Edit<'e> {
    match collection % 3 {
        0 => set::Edit::Add(element).into(),
        1 => sorted_set::Edit::Put { member: element, score }.into(),
        _ => hash::Edit::Set { field: element, value }.into(),
    }
}

fn remove(collection: u64, element: &[u8]) -> Edit<'_> {
    match collection % 3 {
        0 => set::Edit::Remove(element).into(),
        1 => sorted_set::Edit::Remove { member: element }.into(),
        _ => hash::Edit::Remove { field: element }.into(),
    }
}

fn key_of(collection: u64) -> Vec<u8> {
    format!("collection:{collection}").into_bytes()
}

fn fill(partition: &mut Partition, db: DbIndex, collection: u64, elements: u64) {
    for number in 0..elements {
        let element = element(collection, number);
        let added = add(collection, &element, b"value", number as f64);
        edit(partition, (db, &key_of(collection)), added);
    }
}

/// Changes something at random; the clock may go on.
fn change(partition: &mut Partition, rng: &mut Rng, now: &mut i64) {
    let db = DbIndex(below(rng, 2) as u16);
    let collection = below(rng, COLLECTIONS);
    let key = &key_of(collection)[..];
    let element = element(collection, below(rng, ELEMENTS));
    let value = below(rng, 1000).to_string();
    let deadline = (below(rng, 2) == 0).then(|| UnixMillis(*now + below(rng, 300) as i64));
    match below(rng, 400) {
        0 => apply(partition, &Effect::Flush { db }),
        1..=4 => apply(partition, &Effect::Swap { a: db, b: DbIndex(below(rng, 4) as u16) }),
        5..=8 => {
            *now += below(rng, 40) as i64;
            while partition.expire_due(UnixMillis(*now), 50) {}
        }
        9..=11 => apply(partition, &Effect::Delete { db, key }),
        12..=14 => {
            apply(partition, &Effect::Put { db, key, value: ValueRef::Int(7), deadline });
        }
        15..=20 => apply(partition, &Effect::Expire { db, key, deadline }),
        21 => {
            let hash = partition.hasher().hash(key);
            let place = partition.find(db, hash, key).map(|(place, _)| place);
            partition.change(db, hash, key, place, Change::Take, Event::generic("test"), 0);
        }
        22..=24 => fill(partition, db, collection, ELEMENTS),
        25 => (0..ELEMENTS).for_each(|number| {
            let element = self::element(collection, number);
            edit(partition, (db, key), remove(collection, &element));
        }),
        26..=30 if collection % 3 == 1 => {
            let start = below(rng, ELEMENTS) as usize;
            // Also most or all of them, which makes it anew.
            let ranks = [start..start + 5, start / 8..290, 0..300][below(rng, 3) as usize].clone();
            let removed = sorted_set::Edit::remove_ranks(&ranks).into();
            edit(partition, (db, key), removed);
        }
        31..=33 => {
            let to_db = DbIndex(below(rng, 3) as u16);
            let to_key = &key_of((collection + 3 * below(rng, 2)) % COLLECTIONS)[..];
            apply(partition, &Effect::Move { db, key, to_db, to_key });
        }
        26..=150 => edit(partition, (db, key), remove(collection, &element)),
        _ => {
            let added = add(collection, &element, value.as_bytes(), below(rng, 1000) as f64);
            edit(partition, (db, key), added);
        }
    }
    drop(partition.take_garbage());
}

fn run(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut partition = partition();
    let mut now = BEGIN.0;
    for cut in 0..3 {
        (0..COLLECTIONS).for_each(|n| fill(&mut partition, DbIndex((n % 2) as u16), n, ELEMENTS));
        (0..200).for_each(|_| change(&mut partition, &mut rng, &mut now));
        // Between slices there are few changes, or very many.
        let most = [4, 50, 1000][below(&mut rng, 3) as usize];
        check_cut(&mut partition, &format!("seed {seed}, cut {cut}"), |partition| {
            (0..below(&mut rng, most)).for_each(|_| change(partition, &mut rng, &mut now));
            true
        });
    }
}

#[test]
fn a_cut_has_large_collections_as_they_were() {
    (0..60).for_each(run);
}

/// A hash of many short fields.
fn many_fields(partition: &mut Partition, count: u64) {
    for number in 0..count {
        let field = format!("field:{number}");
        let edit = hash::Edit::Set { field: field.as_bytes(), value: b"value" }.into();
        partition.apply(&Effect::Edit { db: DbIndex(0), key: b"hash", edit }).unwrap();
    }
}

#[test]
fn a_slice_is_bounded_in_elements() {
    let mut partition = partition();
    many_fields(&mut partition, 50_000);
    partition.begin_cut();
    let (mut slices, mut length) = (0, 0);
    while partition.is_cutting() {
        partition.cut_slice();
        slices += 1;
        length += partition.take_cut().map_or(0, |batch| batch.records.len());
    }
    assert!((45..200).contains(&slices), "{slices} slices");
    assert!(length < 50_000 * 24, "{length} bytes");
}

#[test]
fn a_change_writes_no_more_than_what_it_changes() {
    let (db, key) = (DbIndex(0), &b"hash"[..]);
    let mut partition = partition();
    many_fields(&mut partition, 50_000);
    let wanted = partition_digest(&partition);
    let memory = partition.memory();
    partition.begin_cut();
    for number in 0..100 {
        let field = format!("field:{number}");
        let edit = hash::Edit::Set { field: field.as_bytes(), value: b"another" }.into();
        partition.apply(&Effect::Edit { db, key, edit }).unwrap();
    }
    partition.apply(&Effect::Expire { db, key, deadline: Some(UnixMillis(BEGIN.0 + 1)) }).unwrap();
    assert!(partition.take_cut().is_none(), "little was written");
    // Its value is kept until all of it is written, and then freed elsewhere.
    while partition.expire_due(UnixMillis(BEGIN.0 + 10), 100) {}
    assert_eq!(partition.figures(db).keys, 0);
    assert!(partition.memory() < memory / 4, "{} bytes of {memory}", partition.memory());
    assert!(partition.take_garbage().is_empty());
    let mut batches = Vec::new();
    while partition.is_cutting() {
        partition.cut_slice();
        batches.extend(partition.take_cut().map(|batch| (batch.records, batch.count)));
    }
    assert_eq!(partition.take_garbage().len(), 1);
    assert_eq!(partition_digest(&restored(&batches)), wanted);
}

#[test]
fn elements_of_damaged_records_are_refused() {
    use shardwright_codec::rdb::{Collection, ObjectType};
    let (db, key) = (DbIndex(0), &b"k"[..]);
    let apply = |kind, body: &[u8]| {
        let mut partition = partition();
        let collection = Collection::new(kind, body);
        let outcome = partition.apply(&Effect::Extend { db, key, collection });
        (outcome.map_err(|error| error.to_string()), partition.figures(db).keys)
    };
    let refused = |why: &str| Err(format!("effect does not fit the data: {why}"));
    assert_eq!(apply(ObjectType::Hash, b"\x01\x01a\x01b"), (Ok(()), 1));
    let damaged = refused("the collection is damaged");
    assert_eq!(apply(ObjectType::Hash, b"\x02\x01a\x01b").0, damaged);
    assert_eq!(apply(ObjectType::Set, b"\x01\x05a"), (damaged, 0));
    assert_eq!(apply(ObjectType::Set, b"\x00"), (Ok(()), 0), "nothing makes nothing");
    let nameless = refused("the collection has no names for its elements");
    assert_eq!(apply(ObjectType::List, b"\x01\x01a"), (nameless, 0));
}
