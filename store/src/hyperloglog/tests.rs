//! HyperLogLogs beside what redis-server 7.0.15 gives, and both forms beside each other.

use proptest::prelude::*;

use super::*;

fn add(bytes: &mut Vec<u8>, element: &[u8], max: usize) -> bool {
    update(bytes, Update::of(element), max, &mut Place::default()).unwrap()
}

fn raised(bytes: &[u8]) -> Box<Registers> {
    let mut all = Box::new([0; REGISTERS]);
    merge(bytes, &mut all).unwrap();
    all
}

fn dense() -> Vec<u8> {
    let mut bytes = empty();
    to_dense(&mut bytes).unwrap();
    bytes
}

#[test]
fn the_bytes_are_those_of_redis() {
    let mut bytes = empty();
    assert_eq!(bytes, b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    assert_eq!(cached(&bytes), Some(0));
    assert_eq!([b"a", b"b", b"c"].map(|element| add(&mut bytes, element, 3000)), [true; 3]);
    assert_eq!(
        bytes.get(HEAD..).unwrap(),
        [0x60, 0xf3, 0x80, 0x50, 0xb1, 0x84, 0x4b, 0xfb, 0x80, 0x42, 0x5a]
    );
    assert!(!add(&mut bytes, b"a", 3000));
    assert_eq!(estimate(&bytes), Ok(3));
}

#[test]
fn what_is_none_is_told_from_what_is_damaged() {
    for bytes in [&b""[..], b"HYLL\x01", b"HYLX\x01aaaaaaaaaaaaa", b"HYLL\x02aaaaaaaaaaaaa"] {
        assert_eq!(encoding(bytes), None);
    }
    let mut short = dense();
    short.pop();
    assert_eq!(encoding(&short), None);
    for body in [&b""[..], b"\x7f", b"\x7f\xfe", b"\x7f\xff\x80", b"\x3f"] {
        let mut bytes = empty();
        bytes.truncate(HEAD);
        bytes.extend_from_slice(body);
        assert_eq!(encoding(&bytes), Some(Encoding::Sparse));
        assert_eq!(estimate(&bytes), Err(Damaged));
        assert_eq!(to_dense(&mut bytes), Err(Damaged));
        let last = Update { register: REGISTERS - 1, value: 40 };
        assert_eq!(update(&mut bytes, last, 3000, &mut Place::default()), Err(Damaged));
    }
}

#[test]
fn a_run_of_two_bytes_that_is_cut_off_lacks_a_zero() {
    let mut bytes = empty();
    for element in [b"a", b"b", b"c"] {
        assert!(add(&mut bytes, element, 3000));
    }
    bytes.push(0x40);
    let last = sparse::runs(bytes.get(HEAD..).unwrap()).last();
    assert_eq!(last, Some(sparse::Run { value: 0, len: 1, bytes: 2 }));
    assert_eq!(estimate(&bytes), Err(Damaged));
    assert_eq!(to_dense(&mut bytes), Err(Damaged));
    // The last run is 0x3f times 256 registers and one; the others are before it.
    let mut bytes = empty();
    bytes.splice(HEAD.., *b"\x40\xfe\x7f");
    assert_eq!(estimate(&bytes), Ok(0));
    let last = Update { register: REGISTERS - 1, value: 2 };
    assert_eq!(update(&mut bytes, last, 3000, &mut Place::default()), Ok(true));
    assert_eq!(bytes.get(HEAD..).unwrap(), b"\x40\xfe\x7e\xff");
}

#[test]
fn registers_become_dense_beyond_their_bytes_or_their_values() {
    let mut bytes = empty();
    let mut changes = 0;
    for element in 0u32..1000 {
        changes += u32::from(add(&mut bytes, &element.to_le_bytes(), 100));
        if encoding(&bytes) == Some(Encoding::Dense) {
            break;
        }
        assert!(bytes.len() <= 100);
    }
    assert!((20..60).contains(&changes), "{changes}");
    assert_eq!(bytes.len(), HEAD + dense::BYTES);
    for (value, encoding) in [(32, Encoding::Sparse), (33, Encoding::Dense)] {
        let mut bytes = empty();
        let change = Update { register: 7, value };
        assert_eq!(update(&mut bytes, change, 3000, &mut Place::default()), Ok(true));
        assert_eq!(super::encoding(&bytes), Some(encoding));
        assert_eq!(raised(&bytes)[7], value);
    }
}

#[test]
fn estimates_are_those_of_redis() {
    let mut bytes = empty();
    let mut told = Vec::new();
    for element in 1u64..=200_000 {
        add(&mut bytes, &element.to_le_bytes(), 3000);
        if element.is_power_of_two() && element > 8 || element == 200_000 {
            told.push(estimate(&bytes).unwrap());
            assert_eq!(told.last(), Some(&estimate_of(&raised(&bytes))));
        }
    }
    let redis = [
        16, 31, 63, 126, 255, 508, 1011, 2039, 4105, 8267, 16_552, 33_180, 66_168, 131_951, 200_726,
    ];
    assert_eq!(told, redis);
}

#[test]
fn a_last_estimate_goes_stale_and_keeps_its_bytes() {
    let mut bytes = empty();
    bytes[CACHE_AT] = 9;
    assert_eq!(cached(&bytes), Some(9));
    set_stale(&mut bytes);
    assert_eq!((cached(&bytes), bytes[CACHE_AT], bytes[STALE_AT]), (None, 9, 0x80));
}

/// Registers that often lie side by side and have few values, so that runs divide and join.
fn change() -> impl Strategy<Value = Update> {
    let register = prop_oneof![0usize..40, REGISTERS - 20..REGISTERS, 0usize..REGISTERS];
    let value = prop_oneof![8 => 1u8..4, 1 => 1u8..52];
    (register, value).prop_map(|(register, value)| Update { register, value })
}

proptest! {
    #[test]
    fn both_forms_have_the_same_registers(
        changes in prop::collection::vec(change(), 0..120),
        max in prop_oneof![Just(3000usize), 18usize..200],
    ) {
        let (mut bytes, mut dense) = (empty(), dense());
        let mut model = [0; REGISTERS];
        for &Update { register, value } in &changes {
            let change = Update { register, value };
            let rises = value > model[register];
            model[register] = model[register].max(value);
            prop_assert_eq!(update(&mut bytes, change, max, &mut Place::default()), Ok(rises));
            prop_assert_eq!(update(&mut dense, change, max, &mut Place::default()), Ok(rises));
        }
        prop_assert_eq!(&*raised(&bytes), &model);
        prop_assert_eq!(&*raised(&dense), &model);
        prop_assert_eq!(estimate(&bytes), estimate(&dense));
        to_dense(&mut bytes).unwrap();
        prop_assert_eq!(bytes, dense);
    }

    #[test]
    fn searching_on_from_the_last_place_gives_the_same_bytes(
        before in prop::collection::vec(change(), 0..60),
        mut changes in prop::collection::vec(change(), 0..60),
    ) {
        changes.sort_by_key(|change| change.register);
        changes.dedup_by_key(|change| change.register);
        let mut from_place = empty();
        for change in before {
            update(&mut from_place, change, 3000, &mut Place::default()).unwrap();
        }
        let mut from_begin = from_place.clone();
        let mut place = Place::default();
        for change in changes {
            update(&mut from_place, change, 3000, &mut place).unwrap();
            update(&mut from_begin, change, 3000, &mut Place::default()).unwrap();
        }
        prop_assert_eq!(from_place, from_begin);
    }
}
