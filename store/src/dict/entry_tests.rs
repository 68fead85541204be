//! Tests of [`Word`] and [`EntryRef`]: every value, key length and expiry, and every way from one
//! to another.

use super::super::layout::INLINE_MAX;
use super::*;

const LRU: u32 = 0xab_cdef;
const EXPIRY: Expiry = Expiry { deadline: UnixMillis(i64::MAX - 5), timer: TimerId(u32::MAX - 7) };

fn some_bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + 7) as u8).collect()
}

/// What a test stores, and must read again.
#[derive(Debug, Clone, PartialEq)]
enum Content {
    Int(i64),
    Bytes(Vec<u8>, bool),
    Boxed(Vec<u8>),
}

impl Content {
    fn all() -> Vec<Self> {
        let mut all = vec![Self::Int(0), Self::Int(i64::MIN), Self::Boxed(some_bytes(40))];
        for len in [0, 1, 8, 44, 45, 300, INLINE_MAX, INLINE_MAX + 1] {
            all.extend([false, true].map(|raw| Self::Bytes(some_bytes(len), raw)));
        }
        all
    }

    fn as_new(&self) -> NewValue<'_> {
        match self {
            Self::Int(n) => NewValue::Int(*n),
            Self::Bytes(bytes, raw) => NewValue::Bytes { bytes, raw: *raw },
            Self::Boxed(bytes) => NewValue::Object(Box::new(Object::String(bytes.clone()))),
        }
    }

    fn check(&self, value: ValueRef<'_>) {
        match (self, value) {
            (Self::Int(n), ValueRef::Int(read)) => assert_eq!(*n, read),
            (Self::Bytes(bytes, raw), ValueRef::Bytes { bytes: read, raw: read_raw }) => {
                assert_eq!(bytes, read);
                assert_eq!(*raw || bytes.len() > INLINE_MAX, read_raw);
            }
            (Self::Boxed(bytes), ValueRef::Bytes { bytes: read, raw: true }) => {
                assert_eq!(bytes, read);
            }
            (stored, read) => panic!("stored {stored:?}, read {read:?}"),
        }
    }
}

fn keys() -> Vec<Vec<u8>> {
    [0, 1, 16, 255, 256, 1000].map(some_bytes).to_vec()
}

fn check(word: &Word, key: &[u8], content: &Content, expiry: Option<Expiry>) {
    let entry = word.entry();
    assert_eq!(entry.key(), key);
    content.check(entry.value());
    assert_eq!(entry.kind(), Kind::String);
    assert_eq!(entry.expiry(), expiry);
    assert_eq!(entry.deadline(), expiry.map(|expiry| expiry.deadline));
    assert_eq!(entry.lru(), LRU);
    assert!(entry.epoch());
    assert_eq!(word.tag(), 0x1234);
}

fn make(key: &[u8], content: &Content, expiry: Option<Expiry>) -> Word {
    let mut word = Word::new(key, 99, content.as_new(), expiry, LRU);
    assert!(!word.entry().epoch());
    word.entry().set_epoch(true);
    word.set_tag(0x1234);
    word
}

#[test]
fn any_value_can_replace_any_other() {
    for key in keys() {
        for old in Content::all() {
            for new in Content::all() {
                for (before, after) in [
                    (None, None),
                    (None, Some(EXPIRY)),
                    (Some(EXPIRY), None),
                    (Some(EXPIRY), Some(EXPIRY)),
                ] {
                    let mut word = make(&key, &old, before);
                    check(&word, &key, &old, before);
                    let before_bytes = word.entry().memory();
                    let growth = word.replace(new.as_new(), after, 0xff00_0000 | LRU);
                    assert_eq!(word.entry().memory().wrapping_sub(before_bytes) as isize, growth);
                    check(&word, &key, &new, after);
                }
            }
        }
    }
}

#[test]
fn an_expiry_comes_and_goes_without_the_value() {
    for key in keys() {
        for content in Content::all() {
            let mut word = make(&key, &content, None);
            let other = Expiry { deadline: UnixMillis(-1), timer: TimerId(0) };
            for expiry in [Some(EXPIRY), Some(other), None, None, Some(other)] {
                word.set_expiry(expiry);
                check(&word, &key, &content, expiry);
            }
        }
    }
}

#[test]
fn any_string_can_be_changed_in_place() {
    for key in keys() {
        for content in Content::all() {
            let mut expected = match &content {
                Content::Int(n) => n.to_string().into_bytes(),
                Content::Bytes(bytes, _) | Content::Boxed(bytes) => bytes.clone(),
            };
            let mut word = make(&key, &content, Some(EXPIRY));
            for _ in 0..2 {
                word.string_mut().unwrap().extend(b"more");
                expected.extend(b"more");
                check(&word, &key, &Content::Boxed(expected.clone()), Some(EXPIRY));
            }
            assert!(word.object_mut().is_none(), "a string is not an object to others");
            word.replace(NewValue::Int(1), None, LRU);
            check(&word, &key, &Content::Int(1), None);
        }
    }
}

#[test]
fn a_value_can_be_taken_out() {
    for key in keys() {
        for content in Content::all() {
            let mut word = make(&key, &content, Some(EXPIRY));
            let taken = word.take_value();
            let copy = Word::new(b"copy", 1, taken, None, 0);
            match &content {
                Content::Bytes(bytes, _) if bytes.len() > INLINE_MAX => {
                    Content::Boxed(bytes.clone()).check(copy.entry().value());
                }
                content => content.check(copy.entry().value()),
            }
            assert_eq!(word.entry().key(), key);
        }
    }
}

#[test]
fn recency_changes_through_a_shared_borrow_and_nothing_else() {
    let word = make(b"key", &Content::Int(5), Some(EXPIRY));
    let entry = word.entry();
    entry.set_lru(0xffff_ffff);
    assert_eq!(entry.lru(), 0xff_ffff);
    entry.set_lru(0xab_cdef);
    check(&word, b"key", &Content::Int(5), Some(EXPIRY));
}

#[test]
fn the_hash_of_a_long_key_is_remembered_and_of_a_short_one_computed() {
    let hasher = KeyHasher::new([1, 2]);
    for len in [0, 255, 256, 3000] {
        let key = some_bytes(len);
        let stored = 0x1234_5678;
        let mut word = Word::new(&key, stored, NewValue::Int(1), None, 0);
        let expected = if len > 255 { stored } else { hasher.hash_bytes(&key) };
        assert_eq!(word.entry().hash(hasher), expected, "{len} bytes");
        word.set_expiry(Some(EXPIRY));
        assert_eq!(word.entry().hash(hasher), expected, "{len} bytes, with expiry");
    }
}

#[test]
fn small_entries_are_small() {
    let end = |value: usize, expiry: Option<Expiry>| {
        let content = Content::Bytes(some_bytes(value), false);
        make(&some_bytes(16), &content, expiry).parts().1.end
    };
    assert_eq!(end(16, None), 40);
    assert_eq!(end(16, Some(EXPIRY)), 52);
    assert_eq!(end(64, None), 88);
    assert_eq!(make(&some_bytes(16), &Content::Int(7), None).parts().1.end, 32);
}

#[test]
fn memory_counts_allocation_and_object() {
    let word = make(&some_bytes(16), &Content::Int(7), None);
    assert_eq!(word.entry().memory(), 32);
    let mut word = make(&some_bytes(16), &Content::Boxed(vec![0; 100]), None);
    assert_eq!(word.entry().memory(), 32 + size_of::<Object>() + 100);
    word.string_mut().unwrap().reserve_exact(900);
    assert_eq!(word.entry().memory(), 32 + size_of::<Object>() + 1000);
}

#[test]
fn an_allocation_is_reused_when_the_size_class_stays() {
    let mut word = make(b"0123456789abcdef", &Content::Bytes(vec![1; 16], false), None);
    let start = word.start();
    word.replace(NewValue::Bytes { bytes: &[2; 24], raw: false }, None, LRU);
    assert_eq!(word.start(), start);
    word.replace(NewValue::Bytes { bytes: &[3; 12], raw: false }, Some(EXPIRY), LRU);
    assert_eq!(word.start(), start);
    assert_eq!(word.entry().key(), b"0123456789abcdef");
}
