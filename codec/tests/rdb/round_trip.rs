//! What was written is read, whatever it is and however it is cut.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use shardwright_codec::rdb::{Decoder, Encoder, Options, StringWriter, Value};

use super::{entry, told};

/// A string of the kinds that files have: numbers, short and long ones, those that compress.
fn string() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i8>().prop_map(|number| number.to_string().into_bytes()),
        any::<i32>().prop_map(|number| number.to_string().into_bytes()),
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        vec(any::<u8>(), 0..30),
        vec(any::<u8>(), 0..300),
        vec(b'a'..b'd', 15..400),
        (vec(any::<u8>(), 1..20), 1..400usize).prop_map(|(piece, times)| piece.repeat(times)),
    ]
}

/// The value that this string is, as reading gives it.
fn value(text: &[u8]) -> Value<'_> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
    match number.filter(|number| number.to_string().as_bytes() == text) {
        Some(number) => Value::Int(number),
        None => Value::Bytes(text),
    }
}

#[derive(Debug, Clone)]
struct Key {
    database: u64,
    name: Vec<u8>,
    deadline_ms: Option<i64>,
    text: Vec<u8>,
}

fn key() -> impl Strategy<Value = Key> {
    let database = prop_oneof![0..16u64, any::<u64>()];
    let deadline = option::of(any::<i64>().prop_filter("it is none", |deadline| *deadline != -1));
    (database, string(), deadline, string()).prop_map(|(database, name, deadline_ms, text)| Key {
        database,
        name,
        deadline_ms,
        text,
    })
}

/// What the decoder should tell of these keys.
fn expected(keys: &[Key], verified: bool) -> Vec<String> {
    let (mut items, mut database) = (Vec::new(), None);
    for key in keys {
        if database.replace(key.database) != Some(key.database) {
            items.push(format!("Database({})", key.database));
        }
        let mut entry = entry(&key.name, value(&key.text));
        entry.deadline_ms = key.deadline_ms;
        items.push(format!("Key({entry:?})"));
    }
    items.push(format!("End {{ verified: {verified} }}"));
    items
}

proptest! {
    #[test]
    fn files_come_back(
        keys in vec(key(), 0..12),
        compress in any::<bool>(),
        checksum in any::<bool>(),
        as_bytes in any::<bool>(),
        step in 1..3000usize,
    ) {
        let mut encoder = Encoder::new(Options { compress, checksum });
        let (mut bytes, mut buffer) = (Vec::new(), Vec::new());
        for key in &keys {
            let value = if as_bytes { Value::Bytes(&key.text) } else { value(&key.text) };
            encoder.key(key.database, &key.name, key.deadline_ms, &value);
            if encoder.pending() > step {
                encoder.swap(&mut buffer);
                bytes.extend_from_slice(&buffer);
            }
        }
        bytes.extend(encoder.finish());
        let (items, end) = told(&bytes, step);
        prop_assert_eq!(end, Ok(()));
        prop_assert_eq!(items, expected(&keys, checksum));
    }

    #[test]
    fn values_come_back(text in string(), compress in any::<bool>()) {
        let mut bytes = Vec::new();
        Value::Bytes(&text).encode(&mut StringWriter::new(compress), &mut bytes);
        let mut scratch = Vec::new();
        prop_assert_eq!(Value::decode(&bytes, text.len(), &mut scratch), Ok(value(&text)));
        if !text.is_empty() && value(&text) == Value::Bytes(&text) {
            prop_assert!(Value::decode(&bytes, text.len() - 1, &mut scratch).is_err());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes in vec(prop_oneof![any::<u8>(), 0..4u8, 0xc0..=0xc3u8, 0xf5..=0xffu8], 0..200),
        step in 1..100usize,
    ) {
        let file = [b"REDIS0010", &bytes[..]].concat();
        prop_assert_eq!(told(&file, step), told(&file, file.len()));
        let _ = Value::decode(&bytes, 1000, &mut Vec::new());
        let mut decoder = Decoder::new(10);
        decoder.feed(&file);
        while let Ok(Some(_)) = decoder.next_item() {}
    }
}
