//! Any bytes as an RDB file and as a value: no panic, the same items however they are cut, and what
//! was read can be written and read again.
//!
//! The first byte of an input chooses cuts and limit; the rest is the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shardwright_codec::rdb::{
    Collection, Decoder, Encoder, Entry, Error, Item, ObjectType, Options, StringWriter, Value,
};

fuzz_target!(|data: &[u8]| {
    let Some((&choice, file)) = data.split_first() else { return };
    let max_string = if choice & 1 == 1 { 100 } else { 1 << 20 };
    let step = usize::from(choice >> 1) + 1;
    let whole = items(file, file.len().max(1), max_string);
    assert_eq!(items(file, step, max_string), whole);
    for (compress, checksum) in [(true, true), (false, false)] {
        write_again(file, max_string, Options { compress, checksum });
    }
    check_value(file, max_string);
});

/// What a decoder tells of a file that arrives `step` bytes at a time, and how that ends.
fn items(file: &[u8], step: usize, max_string: usize) -> (Vec<String>, Result<(), Error>) {
    let mut told = Vec::new();
    let end = each(file, step, max_string, |item| {
        // Values are compared in `write_again`; printing them would take most of the time.
        let mut text = match item {
            Item::Key(entry) => format!("{} {:?}", entry.key.len(), entry.deadline_ms),
            other => format!("{other:?}"),
        };
        text.truncate(1000);
        told.push(text);
    });
    (told, end)
}

fn each(
    file: &[u8],
    step: usize,
    max_string: usize,
    mut take: impl FnMut(Item<'_>),
) -> Result<(), Error> {
    let mut decoder = Decoder::new(max_string);
    for piece in file.chunks(step) {
        decoder.feed(piece);
        while let Some(item) = decoder.next_item()? {
            take(item);
        }
    }
    decoder.finish()
}

/// A key with database, deadline, and its value.
type Key = (u64, Vec<u8>, Option<i64>, Owned);

/// A value that stays.
#[derive(Debug, PartialEq)]
enum Owned {
    Int(i64),
    Bytes(Vec<u8>),
    Collection(ObjectType, Vec<u8>),
}

fn owned(database: u64, entry: &Entry<'_>) -> Key {
    let value = match entry.value {
        Value::Int(number) => Owned::Int(number),
        Value::Bytes(bytes) => Owned::Bytes(bytes.to_vec()),
        Value::Collection(collection) => {
            // Its elements may be damaged, which is told then.
            let _ = collection.visit(&mut |_| Ok(()));
            Owned::Collection(collection.kind(), collection.body().to_vec())
        }
    };
    (database, entry.key.to_vec(), entry.deadline_ms, value)
}

fn keys(file: &[u8], max_string: usize) -> (Vec<Key>, Result<(), Error>) {
    let (mut keys, mut database) = (Vec::new(), 0);
    let end = each(file, 4096, max_string, |item| match item {
        Item::Database(number) => database = number,
        Item::Key(entry) => keys.push(owned(database, &entry)),
        _ => {}
    });
    (keys, end)
}

/// All keys up to where the file ends or breaks come back when they are written.
fn write_again(file: &[u8], max_string: usize, options: Options) {
    let read = keys(file, max_string).0;
    let mut encoder = Encoder::new(options);
    let (mut written, mut buffer) = (Vec::new(), Vec::new());
    for (database, key, deadline_ms, value) in &read {
        let value = match value {
            Owned::Int(number) => Value::Int(*number),
            Owned::Bytes(bytes) => Value::Bytes(bytes),
            Owned::Collection(kind, body) => Value::Collection(Collection::new(*kind, body)),
        };
        encoder.key(*database, key, *deadline_ms, &value);
        if encoder.pending() > 100 {
            encoder.swap(&mut buffer);
            written.extend_from_slice(&buffer);
        }
    }
    written.extend(encoder.finish());
    assert_eq!(keys(&written, 1 << 20), (read, Ok(())));
}

/// A value is whole, and comes back when it is written.
fn check_value(bytes: &[u8], max_string: usize) {
    let (mut scratch, mut again) = (Vec::new(), Vec::new());
    if let Ok(value) = Value::decode(bytes, max_string, &mut scratch) {
        let mut written = Vec::new();
        value.encode(&mut StringWriter::new(true), &mut written);
        assert_eq!(Value::decode(&written, max_string, &mut again), Ok(value));
    }
}
