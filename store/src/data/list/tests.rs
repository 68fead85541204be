//! Lists against vectors, in all forms and across every bound.

use std::collections::VecDeque;

use proptest::prelude::*;
use shardwright_codec::rdb::StringWriter;

use super::*;
use crate::data::{Encodings, with_stored};
use crate::hash::KeyHasher;
use crate::value::NewValue;

fn shaping(list_max_listpack_size: i64, list_packed_threshold: usize) -> Shaping {
    let encodings =
        Encodings { list_max_listpack_size, list_packed_threshold, ..Encodings::default() };
    Shaping { hasher: KeyHasher::new([1, 2]), encodings }
}

fn texts(list: &List) -> Vec<Vec<u8>> {
    list.view().iter().map(Element::to_vec).collect()
}

#[derive(Debug, Clone)]
enum Step {
    Push(Side, Vec<u8>),
    Pop(Side, usize),
    Insert(usize, Vec<u8>),
    Set(usize, Vec<u8>),
    Remove(Side, u64, Vec<u8>),
    Store,
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Front), Just(Side::Back)]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => "[0-9]{1,3}".prop_map(String::into_bytes),
        3 => prop::collection::vec(any::<u8>(), 0..60),
        2 => prop::collection::vec(any::<u8>(), 900..1100),
        1 => prop::collection::vec(any::<u8>(), 4000..9000),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (side(), text()).prop_map(|(side, text)| Step::Push(side, text)),
        2 => (side(), 0usize..12).prop_map(|(side, count)| Step::Pop(side, count)),
        3 => (any::<usize>(), text()).prop_map(|(at, text)| Step::Insert(at, text)),
        3 => (any::<usize>(), text()).prop_map(|(at, text)| Step::Set(at, text)),
        1 => (side(), 1u64..4, text()).prop_map(|(side, most, text)| Step::Remove(side, most, text)),
        1 => Just(Step::Store),
    ]
}

/// Removes as LREM does.
fn remove(model: &mut VecDeque<Vec<u8>>, side: Side, most: u64, text: &[u8]) -> usize {
    let mut removed = 0;
    while removed < most as usize {
        let found = match side {
            Side::Front => model.iter().position(|own| own == text),
            Side::Back => model.iter().rposition(|own| own == text),
        };
        let Some(found) = found else { break };
        model.remove(found);
        removed += 1;
    }
    removed
}

fn take(list: &mut List, model: &mut VecDeque<Vec<u8>>, step: &Step, shaping: &Shaping) {
    let done = match step {
        Step::Push(side, text) => {
            match side {
                Side::Front => model.push_front(text.clone()),
                Side::Back => model.push_back(text.clone()),
            }
            (list.apply(Edit::Push(*side, text), shaping), Some(1))
        }
        Step::Pop(side, count) => {
            let fits = *count > 0 && *count <= model.len();
            for _ in 0..if fits { *count } else { 0 } {
                if *side == Side::Front {
                    model.pop_front()
                } else {
                    model.pop_back()
                };
            }
            (list.apply(Edit::Pop(*side, *count as u64), shaping), fits.then_some(*count))
        }
        Step::Insert(index, text) => {
            let index = index % (model.len() + 1);
            model.insert(index, text.clone());
            (list.apply(Edit::Insert(index as u64, text), shaping), Some(1))
        }
        Step::Set(index, text) => {
            let index = index % model.len().max(1);
            let old = model.get_mut(index).map(|old| *old = text.clone());
            (list.apply(Edit::Set(index as u64, text), shaping), old.map(|()| 1))
        }
        Step::Remove(side, most, text) => {
            let removed = remove(model, *side, *most, text);
            (
                list.apply(Edit::Remove(*side, *most, text), shaping),
                Some(removed).filter(|&n| n > 0),
            )
        }
        Step::Store => {
            let stored = std::mem::replace(list, List::empty(Vec::new()));
            with_stored(stored, |value| {
                *list = match value {
                    NewValue::Packed(packed) => List::unpack(packed.packing, packed.bytes.to_vec()),
                    NewValue::Object(object) => List::of(&object).unwrap().clone(),
                    _ => panic!("a list"),
                }
            });
            (None, None)
        }
    };
    assert_eq!(done.0, done.1, "{step:?}");
}

/// All that must be true of a list at any time.
fn check(list: &List, model: &VecDeque<Vec<u8>>) {
    assert_eq!(texts(list), Vec::from(model.clone()));
    let view = list.view();
    assert_eq!((view.len(), list.is_empty()), (model.len(), model.is_empty()));
    let mut backwards: Vec<_> = view.from(Side::Back, 0).map(Element::to_vec).collect();
    backwards.reverse();
    assert_eq!(backwards, texts(list));
    for index in 0..=model.len() {
        assert_eq!(view.get(index).map(Element::to_vec).as_ref(), model.get(index));
        let from_back = view.from(Side::Back, index).next().map(Element::to_vec);
        let expected = model.len().checked_sub(index + 1).map(|index| model[index].clone());
        assert_eq!(from_back, expected);
    }
    if let List::Many(chain) = list {
        let nodes: Vec<_> = (0..).map_while(|number| chain.node(number)).collect();
        assert!(nodes.iter().all(|node| node.len() > 0));
        let bytes: usize = nodes.iter().map(|node| node.memory()).sum();
        assert_eq!(chain.node_memory(), bytes);
    }
}

fn written(list: &List) -> Vec<u8> {
    let mut out = Vec::new();
    List::write(list.view(), &mut Body::new(&mut StringWriter::new(false), &mut out));
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_list_is_a_vector(
        steps in prop::collection::vec(step(), 0..80),
        size in prop_oneof![Just(-2i64), Just(-1), Just(1), Just(2), Just(5), Just(0)],
        threshold in prop_oneof![Just(1usize << 30), Just(50), Just(3)],
    ) {
        let shaping = shaping(size, threshold);
        let (mut list, mut model) = (List::empty(Vec::new()), VecDeque::new());
        for step in &steps {
            take(&mut list, &mut model, step, &shaping);
            check(&list, &model);
        }
        check(&list.clone(), &model);
    }

    #[test]
    fn what_is_written_reads_the_same(
        steps in prop::collection::vec(step(), 1..60),
        size in prop_oneof![Just(-2i64), Just(2)],
        threshold in prop_oneof![Just(1usize << 30), Just(50)],
    ) {
        let shaping = shaping(size, threshold);
        let (mut list, mut model) = (List::empty(Vec::new()), VecDeque::new());
        steps.iter().for_each(|step| take(&mut list, &mut model, step, &shaping));
        let body = written(&list);
        let collection = rdb::Collection::new(List::object_type(list.view()), &body);
        match List::read(collection, &shaping) {
            Ok(read) => prop_assert_eq!(texts(&read), texts(&list)),
            Err(_) => prop_assert!(list.is_empty()),
        }
    }

    #[test]
    fn a_change_is_read_as_it_was_written(
        side in side(), number in any::<u64>(), text in text(), which in 0..5
    ) {
        let edit = match which {
            0 => Edit::Push(side, &text),
            1 => Edit::Pop(side, number),
            2 => Edit::Insert(number, &text),
            3 => Edit::Set(number, &text),
            _ => Edit::Remove(side, number, &text),
        };
        let effect = crate::effect::Effect::Edit {
            db: crate::types::DbIndex(3), key: b"key", edit: edit.into()
        };
        let mut record = Vec::new();
        effect.encode(&mut record);
        let (read, len) = crate::effect::Effect::decode(&record).unwrap();
        prop_assert_eq!(len, record.len());
        prop_assert_eq!(format!("{read:?}"), format!("{effect:?}"));
        for cut in 0..record.len() {
            prop_assert!(crate::effect::Effect::decode(&record[..cut]).is_err());
        }
    }
}

fn filled(count: usize, side: Side, shaping: &Shaping) -> List {
    let mut list = List::empty(Vec::new());
    for number in 0..count {
        let text = format!("element:{number:07}");
        list.apply(Edit::Push(side, text.as_bytes()), shaping);
    }
    list
}

#[test]
fn full_nodes_have_no_memory_to_spare() {
    let shaping = shaping(-2, 1 << 30);
    for side in [Side::Front, Side::Back] {
        let list = filled(100_000, side, &shaping);
        let bytes: usize = list.view().iter().map(Element::stored_len).sum();
        let spare = list.memory() as f64 / bytes as f64;
        assert!(spare < 1.02, "{side:?}: {spare}");
    }
}

#[test]
fn lists_of_one_node_have_little_memory_to_spare() {
    let shaping = shaping(-2, 1 << 30);
    for count in [60, 100, 200, 400] {
        for side in [Side::Front, Side::Back] {
            let list = filled(count, side, &shaping);
            let bytes: usize = list.view().iter().map(Element::stored_len).sum();
            assert!(list.memory() < bytes * 9 / 8 + 32, "{count}: {} of {bytes}", list.memory());
        }
    }
}

#[test]
fn a_list_that_shrinks_gives_memory_back_and_becomes_one_node() {
    let shaping = shaping(-2, 1 << 30);
    for side in [Side::Front, Side::Back] {
        let mut list = filled(100_000, side, &shaping);
        list.apply(Edit::Pop(side, 99_990), &shaping);
        assert!(list.packed_len().is_some_and(|len| len < 300));
        assert!(list.memory() <= 1024, "{}", list.memory());
    }
}

#[test]
fn lists_of_one_node_are_kept_whole_while_they_are_inline() {
    let shaping = shaping(1, 1 << 30);
    let list = filled(10, Side::Back, &shaping);
    assert!(matches!(list, List::One(_)));
    let list = filled(1000, Side::Back, &shaping);
    assert!(matches!(&list, List::Many(chain) if chain.node(500).is_some_and(|n| n.len() == 1)));
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let shaping = shaping(-2, 1 << 30);
    let mut list = filled(3, Side::Back, &shaping);
    for edit in [
        Edit::Pop(Side::Front, 4),
        Edit::Pop(Side::Back, 0),
        Edit::Pop(Side::Back, u64::MAX),
        Edit::Insert(4, b"x"),
        Edit::Set(3, b"x"),
        Edit::Set(u64::MAX, b"x"),
        Edit::Remove(Side::Front, 1, b"x"),
        Edit::Remove(Side::Front, 0, b"element:0000000"),
    ] {
        assert_eq!(list.apply(edit, &shaping), None, "{edit:?}");
    }
    assert_eq!(texts(&list).len(), 3);
}

/// A list of every type that Redis has written lists as: two elements, "a" and "12".
#[test]
fn every_form_of_redis_is_read() {
    let ziplist = b"\x11\0\0\0\x0d\0\0\0\x02\0\0\x01a\x03\xfe\x0c\xff";
    let listpack = b"\x0c\0\0\0\x02\0\x81a\x02\x0c\x01\xff";
    let with = |front: &[u8], packed: &[u8]| [front, &[packed.len() as u8], packed].concat();
    for (kind, body) in [
        (ObjectType::List, b"\x02\x01a\x0212".to_vec()),
        (ObjectType::ListZiplist, with(b"", ziplist)),
        (ObjectType::ListQuicklist, with(b"\x01", ziplist)),
        (ObjectType::ListQuicklist2, with(b"\x01\x02", listpack)),
        (ObjectType::ListQuicklist2, b"\x02\x01\x01a\x01\x0212".to_vec()),
    ] {
        let collection = rdb::Collection::new(kind, &body);
        let list = List::read(collection, &shaping(-2, 1 << 30)).unwrap();
        assert_eq!(texts(&list), [&b"a"[..], b"12"], "{kind:?}");
    }
    let empty = rdb::Collection::new(ObjectType::List, b"\0");
    assert!(List::read(empty, &shaping(-2, 1 << 30)).is_err());
}
