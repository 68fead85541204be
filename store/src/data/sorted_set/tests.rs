//! Sorted sets against a model: a vector in order.

use std::collections::{BTreeSet, HashMap};

use proptest::prelude::*;
use shardwright_codec::rdb::{Collection as RdbCollection, StringWriter};

use super::*;
use crate::data::{self, Encodings};
use crate::effect::Effect;
use crate::hash::KeyHasher;
use crate::rng::Rng;
use crate::types::DbIndex;

type Model = Vec<(f64, Vec<u8>)>;

fn shaping(entries: usize, value: usize) -> Shaping {
    let encodings = Encodings {
        zset_max_listpack_entries: entries,
        zset_max_listpack_value: value,
        ..Encodings::default()
    };
    Shaping { hasher: KeyHasher::new([3, 4]), encodings }
}

fn members(view: View<'_>) -> Model {
    let mut found = Vec::new();
    view.for_each(&mut |member, score| found.push((score, member.to_vec())));
    found
}

fn place(model: &Model, score: f64, member: &[u8]) -> usize {
    model.partition_point(|(other, name)| {
        *other < score || (*other == score && name.as_slice() < member)
    })
}

fn model_remove(model: &mut Model, member: &[u8]) -> Option<f64> {
    let at = model.iter().position(|(_, other)| other == member)?;
    Some(model.remove(at).0)
}

fn model_put(model: &mut Model, member: &[u8], score: f64) -> Option<Done> {
    match model.iter().position(|(_, other)| other == member) {
        Some(at) if model[at].0 == score => return None,
        _ => {}
    }
    let old = model_remove(model, member);
    let at = place(model, score, member);
    model.insert(at, (score, member.to_vec()));
    Some(if old.is_some() { Done::Changed } else { Done::Added })
}

/// Everything that can be asked about a sorted set is what the model says.
fn check(sorted: &SortedSet, model: &Model) {
    let view = sorted.view();
    assert_eq!(members(view), *model);
    assert_eq!(view.len(), model.len());
    let mut down = Vec::new();
    view.visit(0..model.len(), true, &mut |member, score| {
        down.push((score, member.to_vec()));
        true
    });
    down.reverse();
    assert_eq!(down, *model);
    for (at, (score, member)) in model.iter().enumerate() {
        assert_eq!(view.rank(member), Some((at, *score)));
        assert_eq!(view.score(member), Some(*score));
    }
    assert_eq!(view.score(b"none of them"), None);
    let mut scanned = Vec::new();
    let mut cursor = 0;
    loop {
        cursor = view.scan(cursor, 7, &mut |member, score| {
            scanned.push((packed::score_of(score), member.to_vec()));
        });
        if cursor == 0 {
            break;
        }
    }
    scanned.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap().then(a.1.cmp(&b.1)));
    assert_eq!(scanned, *model);
    if let SortedSet::Large(large) = sorted {
        assert_eq!(large.memory(), large.counted_memory());
    }
}

fn name(rng: &mut Rng) -> Vec<u8> {
    match rng.below(12) {
        0 => rng.below(40).to_string().into_bytes(),
        1 => vec![b'x'; rng.below(300) as usize],
        2 => vec![b'y'; 6000 + rng.below(5) as usize * 3000],
        _ => format!("m:{}", rng.below(900)).into_bytes(),
    }
}

fn any_score(rng: &mut Rng) -> f64 {
    match rng.below(8) {
        0 => 0.0,
        1 => -0.0,
        2 => f64::INFINITY,
        3 => f64::NEG_INFINITY,
        4 => rng.below(1 << 40) as f64 / 7.0,
        _ => rng.below(20) as f64 - 10.0,
    }
}

/// Random changes, more of one kind than of the other in turn.
fn walk(seed: u64, steps: u64, entries: usize) {
    let shaping = shaping(entries, 64);
    let mut rng = Rng::new(seed);
    let mut sorted = SortedSet::empty(Vec::new());
    let mut model = Model::new();
    for step in 0..steps {
        let grows = (step * 4 / steps).is_multiple_of(2);
        let member = name(&mut rng);
        let put = rng.below(10) < if grows { 8 } else { 2 };
        let done = if put {
            let score = any_score(&mut rng);
            let done = sorted.apply(Edit::Put { member: &member, score }, &shaping);
            assert_eq!(done, model_put(&mut model, &member, score));
            done
        } else if rng.below(3) > 0 {
            let done = sorted.apply(Edit::Remove { member: &member }, &shaping);
            assert_eq!(done.is_some(), model_remove(&mut model, &member).is_some());
            done
        } else {
            let start = rng.below(model.len() as u64 + 3) as usize;
            let end = (start + rng.below(if grows { 3 } else { 90 }) as usize).min(model.len());
            let start = start.min(end);
            let done = sorted.apply(Edit::remove_ranks(&(start..end)), &shaping);
            assert_eq!(done, (start < end).then_some(Done::Removed(end - start)));
            model.drain(start..end);
            done
        };
        if done.is_some() && step.is_multiple_of((steps / 60).max(1)) {
            check(&sorted, &model);
        }
    }
    check(&sorted, &model);
    check(&sorted.clone(), &model);
    check_ranges(&sorted, &model, &mut rng);
}

fn check_ranges(sorted: &SortedSet, model: &Model, rng: &mut Rng) {
    for _ in 0..200 {
        let range = ScoreRange {
            min: any_score(rng),
            min_open: rng.below(2) == 0,
            max: any_score(rng),
            max_open: rng.below(2) == 0,
        };
        let holds = |score: f64| {
            let above = if range.min_open { score > range.min } else { score >= range.min };
            above && if range.max_open { score < range.max } else { score <= range.max }
        };
        let expected: Model = model.iter().filter(|(score, _)| holds(*score)).cloned().collect();
        let ranks = sorted.view().score_range(&range);
        assert_eq!(model[ranks], expected, "{range:?}");
    }
}

#[test]
fn a_sorted_set_is_a_vector_in_order() {
    for seed in 0..6 {
        walk(seed, 1500, 20);
        walk(seed, 600, 0);
    }
    walk(77, 400, 1000);
    walk(78, 20_000, 128);
}

#[test]
fn names_of_one_score_are_found_by_ranges_of_names() {
    for count in [5_usize, 3000] {
        let shaping = shaping(128, 64);
        let mut sorted = SortedSet::empty(Vec::new());
        let mut names: Vec<Vec<u8>> =
            (0..count).map(|n| format!("{:x}", n * 2_654_435_761 % 65_536).into_bytes()).collect();
        for member in &names {
            sorted.apply(Edit::Put { member, score: 5.0 }, &shaping);
        }
        names.sort();
        names.dedup();
        let some = [&b""[..], b"1", b"8000", b"ffff", b"g", &names[0], &names[names.len() / 2]];
        let bounds = || {
            let named = some.into_iter().flat_map(|n| [LexBound::Closed(n), LexBound::Open(n)]);
            [LexBound::Lowest, LexBound::Highest].into_iter().chain(named)
        };
        for (min, max) in bounds().flat_map(|min| bounds().map(move |max| (min, max))) {
            let is_in = |name: &&Vec<u8>| {
                let above = match min {
                    LexBound::Lowest => true,
                    LexBound::Closed(min) => name.as_slice() >= min,
                    LexBound::Open(min) => name.as_slice() > min,
                    LexBound::Highest => false,
                };
                above
                    && match max {
                        LexBound::Lowest => false,
                        LexBound::Closed(max) => name.as_slice() <= max,
                        LexBound::Open(max) => name.as_slice() < max,
                        LexBound::Highest => true,
                    }
            };
            let expected: Vec<_> = names.iter().filter(is_in).cloned().collect();
            for down in [false, true] {
                let ranks = sorted.view().lex_range(&LexRange { min, max }, down);
                assert_eq!(names[ranks], expected, "{min:?} {max:?}");
            }
        }
    }
}

#[test]
fn members_in_order_fill_their_leaves_and_memory_follows_removals() {
    for down in [false, true] {
        let mut large = Large::new(KeyHasher::new([1, 2]));
        for n in 0..50_000_i32 {
            let score = f64::from(if down { -n } else { n });
            large.put(format!("member:{n:06}").as_bytes(), score);
        }
        assert_eq!(large.memory(), large.counted_memory());
        assert!(large.memory() < 50_000 * 40, "{} bytes a member", large.memory() / 50_000);
        while large.len() > 100 {
            large.remove_ranks(0..2);
        }
        assert_eq!(large.memory(), large.counted_memory());
        assert!(large.memory() < 100_000, "{} bytes", large.memory());
    }
}

#[test]
fn one_that_is_made_anew_is_as_if_it_were_changed() {
    let shaping = shaping(4, 64);
    let names: Vec<String> = (0..5000).map(|number| format!("member:{number}")).collect();
    let members: Vec<_> =
        names.iter().enumerate().map(|(at, name)| ((at / 3) as f64, name.as_bytes())).collect();
    let sorted = SortedSet::build(members, &shaping);
    for gone in [0..5000, 0..4999, 1..5000, 3..4990, 2000..4600, 0..2501] {
        let edit = Edit::remove_ranks(&gone);
        let (remade, done) = sorted.remade(edit).unwrap();
        let mut changed = sorted.clone();
        assert_eq!(changed.apply(edit, &shaping), Some(done));
        let content = |sorted: &SortedSet| {
            let mut all = Vec::new();
            sorted.view().for_each(&mut |member, score| all.push((member.to_vec(), score)));
            all
        };
        assert_eq!(content(&remade), content(&changed), "{gone:?}");
        for (member, score) in content(&changed) {
            assert_eq!(remade.view().score(&member), Some(score));
        }
        let SortedSet::Large(large) = &remade else { panic!("it stays large") };
        assert_eq!(large.memory(), large.counted_memory());
    }
    assert!(sorted.remade(Edit::remove_ranks(&(0..2500))).is_none(), "half of them stays");
    assert!(sorted.remade(Edit::Remove { member: b"member:1" }).is_none());
}

#[test]
fn a_tree_of_several_levels_stays_in_order_while_it_grows_and_shrinks() {
    let mut large = Large::new(KeyHasher::new([5, 6]));
    let mut model = BTreeSet::new();
    let mut scores = HashMap::new();
    let mut rng = Rng::new(21);
    for step in 0..120_000_u64 {
        let grows = (step / 40_000).is_multiple_of(2);
        let number = rng.below(60_000);
        let member = number.to_string();
        if rng.below(10) < if grows { 9 } else { 1 } {
            let score = rng.below(3_000) as u32;
            large.put(member.as_bytes(), score.into());
            if let Some(old) = scores.insert(number, score) {
                model.remove(&(old, member.clone()));
            }
            model.insert((score, member));
        } else if let Some(old) = scores.remove(&number) {
            assert!(large.remove(member.as_bytes()));
            model.remove(&(old, member));
        }
        if step % 20_000 == 19_999 {
            let mut order = model.iter();
            large.visit(0, false, &mut |member, score| {
                let (expected, name) = order.next().unwrap();
                assert_eq!((name.as_bytes(), f64::from(*expected)), (member, score));
                true
            });
            assert_eq!(order.next(), None);
            assert_eq!((large.memory(), large.len()), (large.counted_memory(), model.len()));
            let rank = rng.below(model.len() as u64) as usize;
            let (score, member) = model.iter().nth(rank).unwrap();
            assert_eq!(large.rank(f64::from(*score), member.as_bytes()), rank);
        }
    }
    assert!(large.memory() < 70 * model.len(), "{} bytes", large.memory() / model.len());
}

#[test]
fn no_number_is_no_score() {
    let mut sorted = SortedSet::empty(Vec::new());
    let put = Edit::Put { member: b"a", score: f64::NAN };
    assert_eq!(sorted.apply(put, &shaping(128, 64)), None);
    assert!(sorted.is_empty());
}

fn round_trip(sorted: &SortedSet, shaping: &Shaping) -> SortedSet {
    let mut bytes = Vec::new();
    let view = sorted.view();
    SortedSet::write(view, &mut Body::new(&mut StringWriter::new(false), &mut bytes));
    let collection = RdbCollection::new(SortedSet::object_type(view), &bytes);
    SortedSet::read(collection, shaping).unwrap()
}

#[test]
fn every_form_is_read_back_as_it_was_written() {
    let mut rng = Rng::new(5);
    for (entries, count) in [(128, 1), (128, 100), (128, 700), (0, 3), (2000, 1500)] {
        let shaping = shaping(entries, 64);
        let mut sorted = SortedSet::empty(Vec::new());
        for n in 0..count {
            let member = format!("{n}");
            let score = any_score(&mut rng);
            sorted.apply(Edit::Put { member: member.as_bytes(), score }, &shaping);
        }
        let read = round_trip(&sorted, &shaping);
        assert_eq!(members(read.view()), members(sorted.view()));
        assert_eq!(SortedSet::encoding(read.view()), SortedSet::encoding(sorted.view()));
    }
}

/// Which sorted sets have a negative zero is seen by clients and by digests.
#[test]
fn a_large_set_keeps_negative_zeros_and_a_small_one_has_none() {
    for (entries, negative) in [(10, true), (300, false)] {
        let mut bytes = Vec::new();
        let mut strings = StringWriter::new(false);
        let mut body = Body::new(&mut strings, &mut bytes);
        body.length(200);
        for n in 0..200 {
            body.int(n);
            body.score(-0.0);
        }
        let collection = RdbCollection::new(ObjectType::SortedSet2, &bytes);
        let shaping = shaping(entries, 64);
        let mut sorted = SortedSet::read(collection, &shaping).unwrap();
        for _ in 0..2 {
            sorted.view().for_each(&mut |_, score| {
                assert_eq!(score.is_sign_negative(), negative);
            });
            sorted = round_trip(&sorted, &shaping);
        }
    }
}

fn read(kind: ObjectType, bytes: &[u8]) -> Result<Model, Fault> {
    let sorted = SortedSet::read(RdbCollection::new(kind, bytes), &shaping(128, 64))?;
    Ok(members(sorted.view()))
}

#[test]
fn the_old_form_is_read_and_what_is_damaged_is_refused() {
    // Two members with scores as texts of one byte of length, or as marks for infinities.
    let old = b"\x02\x01a\x031.5\x01b\xfe";
    let expected = vec![(1.5, b"a".to_vec()), (f64::INFINITY, b"b".to_vec())];
    assert_eq!(read(ObjectType::SortedSet, old), Ok(expected));
    assert!(read(ObjectType::SortedSet, b"\x02\x01a\x011\x01a\x012").is_err(), "there twice");
    assert!(read(ObjectType::SortedSet, b"\x01\x01a\xfd").is_err(), "no number");
    assert!(read(ObjectType::SortedSet2, b"\x00").is_err(), "empty");
    assert!(read(ObjectType::SortedSet2, b"\x01\x01a\0\0").is_err(), "cut");
}

proptest! {
    #[test]
    fn edits_are_read_back_as_they_were_written(
        member in proptest::collection::vec(any::<u8>(), 0..50), score in any::<f64>(), n in any::<u64>()
    ) {
        prop_assume!(!score.is_nan());
        for edit in [
            Edit::Put { member: &member, score },
            Edit::Remove { member: &member },
            Edit::RemoveRanks { start: n, count: n / 3 },
        ] {
            let mut bytes = Vec::new();
            Effect::Edit { db: DbIndex(0), key: b"k", edit: edit.into() }.encode(&mut bytes);
            let decoded = Effect::decode(&bytes).unwrap().0;
            let Effect::Edit { edit: data::Edit::SortedSet(decoded), .. } = decoded else {
                panic!("{decoded:?}")
            };
            prop_assert_eq!(decoded, edit);
        }
    }

    #[test]
    fn building_at_once_is_putting_one_by_one(
        scores in proptest::collection::vec(-50i32..50, 0..600), entries in 0usize..200
    ) {
        let shaping = shaping(entries, 64);
        let named: Vec<_> = scores.iter().enumerate().map(|(n, s)| (f64::from(*s), n.to_string())).collect();
        let mut model = Model::new();
        for (score, member) in &named {
            model_put(&mut model, member.as_bytes(), *score);
        }
        let built = named.iter().map(|(score, member)| (*score, member.as_bytes())).collect();
        let mut built = SortedSet::build(built, &shaping);
        check(&built, &model);
        for n in (0..named.len()).step_by(3) {
            let member = n.to_string();
            built.apply(Edit::Put { member: member.as_bytes(), score: 0.5 }, &shaping);
            model_put(&mut model, member.as_bytes(), 0.5);
        }
        check(&built, &model);
    }
}
