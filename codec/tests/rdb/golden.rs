//! The files in `codec/tests/data`, which redis-server 7.0.15 wrote.

use std::fs;
use std::path::Path;

use shardwright_codec::rdb::{Decoder, Encoder, Entry, Item, ObjectType, Options, Value};

use super::{Data, data, each, entry, told};

fn file(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

/// What `values.lua` sets.
fn expected() -> Data {
    let mut expected = Data::new();
    let mut set = |database, key: &[u8], value: &[u8]| {
        expected.insert((database, key.to_vec()), (None, value.to_vec()));
    };
    let powers = [0i64, 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, -32768, -32769];
    let large = [2_147_483_647, 2_147_483_648, -2_147_483_648, -2_147_483_649, 4_294_967_296];
    for number in powers.into_iter().chain(large).chain([i64::MAX, i64::MIN]) {
        let text = number.to_string();
        set(0, format!("int:{text}").as_bytes(), text.as_bytes());
        set(0, text.as_bytes(), format!("key {text}").as_bytes());
    }
    for text in ["-0", "00", "+1", "1.0", "9223372036854775808"] {
        set(0, format!("text:{text}").as_bytes(), text.as_bytes());
    }
    for length in [0, 1, 19, 20, 21, 22, 63, 64, 263, 264, 265, 10240, 16383, 16384] {
        set(0, format!("length:{length}").as_bytes(), &vec![b'a'; length]);
    }
    set(0, b"", b"the key is empty");
    set(0, "long key ".repeat(40).as_bytes(), b"the key is long");
    set(0, b"words", "compressible words, ".repeat(512).as_bytes());
    set(0, b"binary", &(0..=255).collect::<Vec<u8>>());
    set(0, b"once", b"abcdefghijklmnopqrstuvwxyz0123456789");
    set(1, b"lasting", b"value");
    set(9, b"nine", b"9");
    set(15, b"fifteen", b"15");
    let expiring = (Some(4_102_444_800_123), b"value".to_vec());
    expected.insert((1, b"expiring".to_vec()), expiring);
    expected.insert((1, b"expiring int".to_vec()), (Some(4_102_444_800_000), b"77".to_vec()));
    expected
}

#[test]
fn all_values_are_read() {
    assert!(data(&file("strings.rdb")) == expected());
    assert!(data(&file("plain.rdb")) == expected());
}

#[test]
fn pieces_of_any_length_give_the_same() {
    let bytes = file("strings.rdb");
    let whole = told(&bytes, bytes.len());
    assert_eq!(whole.1, Ok(()));
    for step in [1, 2, 3, 7, 64, 1000] {
        assert!(told(&bytes, step) == whole, "{step}");
    }
}

/// Reads a file and writes it again.
fn rewritten(bytes: &[u8], options: Options) -> Vec<u8> {
    let (mut encoder, mut database) = (Encoder::new(options), 0);
    each(bytes, bytes.len(), |item| match item {
        Item::Aux { name, value } => encoder.aux(name, value),
        Item::Database(number) => database = number,
        Item::Resize { keys, expiring } => encoder.resize(database, keys, expiring),
        Item::Key(entry) => encoder.key(database, entry.key, entry.deadline_ms, &entry.value),
        Item::End { .. } => {}
        other => panic!("{other:?} is not written"),
    })
    .unwrap();
    encoder.finish()
}

#[test]
fn what_is_written_is_byte_for_byte_what_redis_writes() {
    let plain = Options { compress: false, checksum: true };
    assert!(rewritten(&file("plain.rdb"), plain) == file("plain.rdb"));
    assert_eq!(rewritten(&file("empty.rdb"), Options::default()), file("empty.rdb"));
    let unchecked = Options { compress: true, checksum: false };
    assert_eq!(rewritten(&file("no-checksum.rdb"), unchecked), file("no-checksum.rdb"));
}

#[test]
fn what_is_compressed_is_no_longer_than_what_redis_compresses() {
    let theirs = file("strings.rdb");
    let ours = rewritten(&theirs, Options::default());
    assert!(data(&ours) == expected());
    assert!(ours.len() <= theirs.len(), "{} bytes, redis-server has {}", ours.len(), theirs.len());
}

#[test]
fn a_file_tells_where_it_is_from() {
    let mut facts = Vec::new();
    each(&file("empty.rdb"), 1, |item| match item {
        Item::Aux { name, value } => facts.push([name, value].map(<[u8]>::to_vec)),
        Item::End { verified } => assert!(verified),
        other => panic!("{other:?} in an empty file"),
    })
    .unwrap();
    let names: Vec<_> = facts.iter().map(|[name, _]| name.escape_ascii().to_string()).collect();
    assert_eq!(names, ["redis-ver", "redis-bits", "ctime", "used-mem", "aof-base"]);
    assert_eq!((&facts[0][1][..], &facts[1][1][..]), (&b"7.0.15"[..], &b"64"[..]));
}

/// The items behind the facts.
#[track_caller]
fn check_items(name: &str, expected: &[Item<'_>]) {
    let mut items = told(&file(name), 10).0;
    items.retain(|item| !item.starts_with("Aux"));
    let expected: Vec<String> = expected.iter().map(|item| format!("{item:?}")).collect();
    assert_eq!(items, expected);
}

#[test]
fn use_is_told_where_redis_evicts_by_it() {
    let mut key = entry(b"key", Value::Bytes(b"value"));
    let mut head = [Item::Database(0), Item::Resize { keys: 1, expiring: 0 }];
    let end = Item::End { verified: true };
    key.idle_s = Some(0);
    check_items("lru.rdb", &[&head[..], &[Item::Key(key), end]].concat());
    (key.idle_s, key.frequency, key.deadline_ms) = (None, Some(5), Some(4_102_444_800_000));
    head[1] = Item::Resize { keys: 1, expiring: 1 };
    check_items("lfu.rdb", &[&head[..], &[Item::Key(key), end]].concat());
}

#[test]
fn a_checksum_may_be_missing() {
    let key = Item::Key(entry(b"key", Value::Bytes(b"value")));
    let head = [Item::Database(0), Item::Resize { keys: 1, expiring: 0 }];
    check_items("no-checksum.rdb", &[&head[..], &[key, Item::End { verified: false }]].concat());
}

#[test]
fn functions_are_items() {
    let source = b"#!lua name=lib\nredis.register_function(\"f\", function() return 1 end)";
    let key = Item::Key(entry(b"key", Value::Bytes(b"value")));
    let head = [Item::Function(source), Item::Database(0), Item::Resize { keys: 1, expiring: 0 }];
    check_items("functions.rdb", &[&head[..], &[key, Item::End { verified: true }]].concat());
}

#[test]
fn a_list_is_given_with_its_elements() {
    let bytes = file("list.rdb");
    let mut decoder = Decoder::default();
    decoder.feed(&bytes);
    let mut elements = Vec::new();
    while let Some(item) = decoder.next_item().unwrap() {
        let Item::Key(Entry { value: Value::Collection(list), .. }) = item else { continue };
        assert_eq!(list.kind(), ObjectType::ListQuicklist2);
        let visited = list.visit(&mut |part| {
            elements.push(format!("{part:?}"));
            Ok(())
        });
        assert_eq!(visited, Ok(()));
    }
    assert!(!elements.is_empty());
    decoder.finish().unwrap();
}
