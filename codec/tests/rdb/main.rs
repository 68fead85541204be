//! RDB files: what redis-server wrote is read, what was written comes back, what is damaged is
//! refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod damage;
mod golden;
mod old_versions;
mod round_trip;

use std::collections::BTreeMap;

use shardwright_codec::rdb::{Decoder, Entry, Error, Fault, Item, Value};

/// Everything that a file of these bytes says, fed in pieces of `step` bytes.
fn each(bytes: &[u8], step: usize, mut take: impl FnMut(Item<'_>)) -> Result<(), Error> {
    let mut decoder = Decoder::default();
    for piece in bytes.chunks(step) {
        decoder.feed(piece);
        while let Some(item) = decoder.next_item()? {
            take(item);
        }
    }
    decoder.finish()
}

/// The same as texts, and how it ended.
fn told(bytes: &[u8], step: usize) -> (Vec<String>, Result<(), Error>) {
    let mut items = Vec::new();
    let end = each(bytes, step, |item| items.push(format!("{item:?}")));
    (items, end)
}

/// The fault of a file that is wrong, and where it is.
#[track_caller]
fn fault(bytes: &[u8]) -> (u64, Fault) {
    let end = told(bytes, bytes.len().max(1)).1;
    assert_eq!(told(bytes, 1).1, end, "one byte at a time");
    let error = end.unwrap_err();
    (error.offset, error.fault)
}

/// Keys by database, with deadline and the text of the value.
type Data = BTreeMap<(u64, Vec<u8>), (Option<i64>, Vec<u8>)>;

fn data(bytes: &[u8]) -> Data {
    let (mut data, mut database) = (Data::new(), 0);
    each(bytes, 1000, |item| match item {
        Item::Database(number) => database = number,
        Item::Key(entry) => {
            let old = data
                .insert((database, entry.key.to_vec()), (entry.deadline_ms, text(&entry.value)));
            assert_eq!(old, None, "a key twice");
        }
        _ => {}
    })
    .unwrap();
    data
}

fn text(value: &Value<'_>) -> Vec<u8> {
    match value {
        Value::Int(number) => number.to_string().into_bytes(),
        Value::Bytes(bytes) => bytes.to_vec(),
        Value::Collection(collection) => collection.body().to_vec(),
    }
}

/// A key as most are.
fn entry<'a>(key: &'a [u8], value: Value<'a>) -> Entry<'a> {
    Entry { key, deadline_ms: None, idle_s: None, frequency: None, value }
}
