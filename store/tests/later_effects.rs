//! Effects that a later version may know and this one does not are told from damage.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use shardwright_store::effect::{Effect, EffectError};

/// The record of an effect of this kind on database 0 and key `k`, with what follows the key.
fn record(kind: u8, rest: &[u8]) -> Vec<u8> {
    [&[kind, 0, 0, 1, 0, 0, 0, b'k'][..], rest].concat()
}

#[track_caller]
fn check(record: &[u8], what: &str) {
    let error = Effect::decode(record).unwrap_err();
    assert!(matches!(error, EffectError::UnknownTag { .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("unknown {what} tag ")), "{text}");
    assert!(text.ends_with("the file may have been written by a later version"), "{text}");
}

#[test]
fn what_no_effect_has_may_be_of_a_later_version() {
    const NO_DEADLINE: [u8; 8] = i64::MIN.to_le_bytes();
    for kind in [0, 11, 255] {
        check(&record(kind, &[0; 64]), "effect");
    }
    check(&record(1, &[&NO_DEADLINE[..], &[4; 64]].concat()), "value");
    check(&record(7, &[&NO_DEADLINE[..], &[20; 64]].concat()), "collection");
    for kind in [0, 6, 255] {
        check(&record(8, &[kind, 1]), "type");
    }
    let last = [(1, 8, "list"), (2, 2, "set"), (3, 3, "sorted set"), (4, 2, "hash")];
    for (kind, last, name) in last.into_iter().chain([(5, 13, "stream")]) {
        check(&record(8, &[kind, last + 1]), &format!("change of a {name}"));
        check(&record(8, &[kind, 0]), &format!("change of a {name}"));
    }
}
