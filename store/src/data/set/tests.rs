//! Sets in every form, beside a model.

use std::collections::BTreeSet;

use proptest::prelude::*;
use shardwright_codec::rdb::StringWriter;

use super::*;
use crate::data::Encodings;
use crate::hash::KeyHasher;
use crate::rng::Rng;

fn shaping(set_max_intset_entries: usize) -> Shaping {
    let encodings = Encodings { set_max_intset_entries, ..Encodings::default() };
    Shaping { hasher: KeyHasher::new([7, 9]), encodings }
}

fn set_of<T: ToString>(members: impl IntoIterator<Item = T>, shaping: &Shaping) -> Set {
    let mut set = Set::empty(Vec::new());
    members.into_iter().for_each(|member| {
        set.add(member.to_string().as_bytes(), shaping);
    });
    set
}

fn members(set: &Set) -> BTreeSet<Vec<u8>> {
    let mut members = BTreeSet::new();
    set.view().for_each(&mut |member| {
        assert!(members.insert(member.to_vec()), "each is there once");
    });
    members
}

fn form(set: &Set) -> &'static str {
    match set {
        Set::Intset(_) => "intset",
        Set::Packed(_) => "packed",
        Set::Table(_) => "table",
        Set::Integers(_) => "integers",
    }
}

#[track_caller]
fn check_form(set: &Set, expected: &str, encoding: &str) {
    assert_eq!((form(set), Set::encoding(set.view())), (expected, encoding));
}

#[test]
fn integers_stay_in_order_until_they_are_too_many_or_another_member_comes() {
    let usual = shaping(512);
    check_form(&set_of(0..512, &usual), "intset", "intset");
    check_form(&set_of(0..513, &usual), "table", "hashtable");
    check_form(&set_of(0..5, &shaping(4)), "packed", "hashtable");
    check_form(&set_of(0..1, &shaping(0)), "packed", "hashtable");
    let mut set = set_of(0..32, &usual);
    set.add(b"x", &usual);
    check_form(&set, "table", "hashtable");
    let mut set = set_of(0..31, &usual);
    set.add(b"x", &usual);
    check_form(&set, "packed", "hashtable");
    set.remove(b"x");
    check_form(&set, "packed", "hashtable");
}

#[test]
fn a_listpack_has_bounds() {
    let usual = shaping(512);
    check_form(&set_of(["a"], &usual), "packed", "hashtable");
    check_form(&set_of(["a".repeat(64)], &usual), "packed", "hashtable");
    check_form(&set_of(["a".repeat(65)], &usual), "table", "hashtable");
    check_form(&set_of((0..9).map(|n| format!("{n:060}")), &usual), "table", "hashtable");
    check_form(&set_of((0..33).map(|n| format!("a{n}")), &usual), "table", "hashtable");
}

#[test]
fn many_integers_are_an_intset_by_name() {
    let wide = shaping(20_000);
    let mut set = set_of(0..INTSET_MEMBERS, &wide);
    check_form(&set, "intset", "intset");
    set.add(b"-1", &wide);
    check_form(&set, "integers", "intset");
    assert!(!set.add(b"-1", &wide));
    assert_eq!(Set::object_type(set.view()), ObjectType::Set);
    let mut other = set.clone();
    other.add(b"x", &wide);
    check_form(&other, "table", "hashtable");
    (0..20_000).for_each(|n| _ = set.add(n.to_string().as_bytes(), &wide));
    check_form(&set, "table", "hashtable");
}

#[test]
fn every_form_is_written_and_read() {
    for (set, object_type) in [
        (set_of([1, -5, 70_000], &shaping(512)), ObjectType::SetIntset),
        (set_of(["1", "x", ""], &shaping(512)), ObjectType::Set),
        (set_of(0..1000, &shaping(512)), ObjectType::Set),
        (set_of(0..20_000, &shaping(30_000)), ObjectType::Set),
    ] {
        let mut bytes = Vec::new();
        Set::write(set.view(), &mut Body::new(&mut StringWriter::new(true), &mut bytes));
        assert_eq!(Set::object_type(set.view()), object_type);
        let read = Set::read(rdb::Collection::new(object_type, &bytes), &shaping(512)).unwrap();
        assert_eq!(members(&read), members(&set));
    }
    for bytes in [&[0][..], &[2, 1, b'a', 1, b'a'], &[2, 1, b'a']] {
        assert!(Set::read(rdb::Collection::new(ObjectType::Set, bytes), &shaping(512)).is_err());
    }
}

#[test]
fn edits_are_written_and_read() {
    for edit in [Edit::Add(b"x"), Edit::Remove(b"")] {
        let effect = crate::effect::Effect::Edit {
            db: crate::types::DbIndex(1),
            key: b"k",
            edit: edit.into(),
        };
        let mut record = Vec::new();
        effect.encode(&mut record);
        let (read, length) = crate::effect::Effect::decode(&record).unwrap();
        assert_eq!((format!("{read:?}"), length), (format!("{effect:?}"), record.len()));
    }
}

#[test]
fn every_member_is_chosen_as_often_as_any_other() {
    let mut rng = Rng::new(5);
    for set in [
        set_of(0..20, &shaping(512)),
        set_of(["a", "b", "c", "d"], &shaping(512)),
        set_of((0..50).map(|n| format!("m{n}")), &shaping(512)),
    ] {
        let len = set.view().len();
        let mut counts = std::collections::BTreeMap::new();
        let draws = len * 1000;
        for _ in 0..draws {
            let member = set.view().random(&mut || rng.next_u64()).unwrap().to_vec();
            *counts.entry(member).or_insert(0) += 1;
        }
        for share in [1, 3, len / 2, len] {
            let mut chosen = BTreeSet::new();
            set.view().sample(share, &mut || rng.next_u64(), &mut |member| {
                assert!(chosen.insert(member.to_vec()));
            });
            assert_eq!(chosen.len(), share);
        }
        assert_eq!(counts.len(), len);
        assert!(counts.values().all(|count| (800..1200).contains(count)), "{counts:?}");
    }
    let mut chosen = [0; 10];
    for _ in 0..10_000 {
        let set = set_of(0..10, &shaping(512));
        set.view().sample(3, &mut || rng.next_u64(), &mut |member| {
            let Element::Int(number) = member else { panic!("an integer") };
            chosen[number as usize] += 1;
        });
    }
    assert!(chosen.iter().all(|count| (2_800..3_200).contains(count)), "{chosen:?}");
}

#[test]
fn a_scan_of_what_is_no_table_has_all_members_wherever_the_cursor_is() {
    let set = set_of([1, 2, 3], &shaping(512));
    let mut seen = 0;
    assert_eq!(set.view().scan(1 << 30, 1, &mut |_| seen += 1), 0);
    assert_eq!(seen, 3);
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (-40i64..40).prop_map(|n| n.to_string().into_bytes()),
        1 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        3 => "[ab0]{0,3}".prop_map(String::into_bytes),
        1 => "[x]{60,70}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn a_set_is_a_set(
        most in prop_oneof![Just(512usize), 0usize..40],
        steps in prop::collection::vec((any::<bool>(), member()), 0..300),
    ) {
        let shaping = shaping(most);
        let mut set = Set::empty(Vec::new());
        let mut model = BTreeSet::new();
        for (adds, member) in steps {
            if adds {
                let done = set.apply(Edit::Add(&member), &shaping);
                prop_assert_eq!(done.is_some(), model.insert(member.clone()));
            } else {
                let done = set.apply(Edit::Remove(&member), &shaping);
                prop_assert_eq!(done.is_some(), model.remove(&member));
            }
            prop_assert_eq!(set.view().contains(&member), adds);
            prop_assert_eq!(set.view().len(), model.len());
            // It goes through its stored form and back.
            set = match set.pack() {
                Ok((packing, bytes)) => Set::unpack(packing, bytes),
                Err(set) => set,
            };
        }
        prop_assert_eq!(members(&set), model.clone());
        let mut seen = BTreeSet::new();
        let mut cursor = 0;
        loop {
            cursor = set.view().scan(cursor, 3, &mut |member| _ = seen.insert(member.to_vec()));
            if cursor == 0 {
                break;
            }
        }
        prop_assert_eq!(seen, model);
        let mut digests = [Digest::default(), Digest::default()];
        Set::digest(set.view(), &mut digests[0]);
        Set::digest(set.clone().view(), &mut digests[1]);
        prop_assert_eq!(digests[0], digests[1]);
    }
}
