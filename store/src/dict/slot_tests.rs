//! Tests of [`SlotTable`]: keys come and go across splits and merges.

use std::collections::BTreeSet;

use super::super::table::tests::Numbers;
use super::*;
use crate::value::NewValue;

const HASHER: KeyHasher = KeyHasher::new([3, 4]);

fn insert(slot: &mut SlotTable, key: u32, limits: TableLimits) {
    let hash = HASHER.hash_bytes(&key.to_le_bytes());
    let word = Word::new(&key.to_le_bytes(), hash, NewValue::Int(0), None, 0);
    let (table, index) = slot.insert(hash, word, HASHER, limits);
    assert_eq!(slot.word(table, index).unwrap().entry().key(), key.to_le_bytes());
}

fn find(slot: &SlotTable, key: u32) -> Option<(u32, u32)> {
    let (number, table, tag) = slot.locate(HASHER.hash_bytes(&key.to_le_bytes()));
    Some((number, table.find(tag, &key.to_le_bytes())?.0))
}

fn check(slot: &SlotTable) {
    match slot {
        SlotTable::Plain(table) => table.check(),
        SlotTable::Dense(directory) => directory.check(),
    }
}

fn churn(limits: TableLimits) {
    let mut slot = SlotTable::EMPTY;
    let mut model = BTreeSet::new();
    let mut numbers = Numbers(5);
    let mut most_tables = 0;
    for key in 0..6000 {
        let growing = (key / 1500) % 2 == 0;
        if numbers.next() % 100 < if growing { 90 } else { 10 } {
            insert(&mut slot, key, limits);
            model.insert(key);
        } else if let Some(&key) = model.iter().nth(numbers.next() as usize % model.len().max(1)) {
            let (table, index) = find(&slot, key).unwrap();
            let word = slot.remove(table, index, limits).unwrap();
            assert_eq!(word.entry().key(), key.to_le_bytes());
            model.remove(&key);
        }
        assert_eq!(slot.len(), model.len());
        most_tables = most_tables.max(slot.tables().len());
        if key % 7 == 0 {
            check(&slot);
        }
    }
    assert!(most_tables > 2, "there never was a directory");
    for &key in &model {
        let (table, index) = find(&slot, key).unwrap();
        slot.remove(table, index, limits).unwrap();
        check(&slot);
    }
    assert!(matches!(slot, SlotTable::Plain(_)));
    assert_eq!((slot.len(), slot.memory()), (0, 0));
}

#[test]
fn keys_come_and_go_with_tables_of_a_few_keys() {
    churn(TableLimits { split_len: 4, max_depth: TableLimits::MAX_DEPTH });
}

#[test]
fn keys_come_and_go_with_tables_of_a_hundred_keys() {
    churn(TableLimits { split_len: 100, max_depth: TableLimits::MAX_DEPTH });
}

#[test]
fn tables_that_may_not_be_divided_grow() {
    churn(TableLimits { split_len: 4, max_depth: 3 });
}

#[test]
fn random_ends_even_when_the_numbers_are_not_random() {
    let limits = TableLimits { split_len: 16, max_depth: TableLimits::MAX_DEPTH };
    let mut slot = SlotTable::EMPTY;
    assert_eq!(slot.random(&mut |_| 0), None);
    for key in 0..100 {
        insert(&mut slot, key, limits);
    }
    let (table, index) = slot.random(&mut |end| end - 1).unwrap();
    assert!(slot.word(table, index).is_some());
}
