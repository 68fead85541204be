//! Listpacks beside vectors, and beside the bytes that Redis writes.

use proptest::prelude::*;

use super::*;

fn texts(listpack: Listpack<'_>) -> Vec<Vec<u8>> {
    listpack.iter().map(|placed| placed.element.to_vec()).collect()
}

#[track_caller]
fn check_bytes(text: &str, expected: &[u8]) {
    let mut listpack = ListpackBuf::default();
    listpack.push(Element::of(text.as_bytes()));
    let body = listpack.view().bytes();
    assert_eq!(&body[HEAD..body.len() - 1], expected, "{text}");
    assert_eq!(Element::of(text.as_bytes()).stored_len(), expected.len());
    assert_eq!(Element::of(text.as_bytes()).len(), text.len());
}

#[test]
fn elements_are_stored_as_redis_stores_them() {
    check_bytes("0", &[0, 1]);
    check_bytes("127", &[127, 1]);
    check_bytes("128", &[0xc0, 0x80, 2]);
    check_bytes("-1", &[0xdf, 0xff, 2]);
    check_bytes("-4096", &[0xd0, 0, 2]);
    check_bytes("4096", &[0xf1, 0, 0x10, 3]);
    check_bytes("-40000", &[0xf2, 0xc0, 0x63, 0xff, 4]);
    check_bytes("2147483647", &[0xf3, 0xff, 0xff, 0xff, 0x7f, 5]);
    check_bytes("2147483648", &[0xf4, 0, 0, 0, 0x80, 0, 0, 0, 0, 9]);
    check_bytes("ab", b"\x82ab\x03");
    check_bytes("", b"\x80\x01");
    check_bytes("01", b"\x8201\x03");
    let long = "x".repeat(200);
    check_bytes(&long, &[&[0xe0, 200][..], long.as_bytes(), &[1, 0x80 | 74]].concat());
    let longer = "x".repeat(5000);
    let expected = [&[0xf0, 0x88, 0x13, 0, 0][..], longer.as_bytes(), &[39, 0x80 | 13]];
    check_bytes(&longer, &expected.concat());
}

#[test]
fn an_integer_takes_the_place_of_another_of_any_length() {
    let mut listpack = ListpackBuf::default();
    ["a", "5", "b"].into_iter().for_each(|text| listpack.push(Element::of(text.as_bytes())));
    for number in [127, 0, 128, 4096, 1, -1, i64::MAX, 7] {
        let place = listpack.view().get(1).unwrap();
        listpack.set_int(place.at..place.end, number);
        let view = Listpack::check(listpack.view().bytes()).unwrap();
        assert_eq!(texts(view), [b"a".to_vec(), number.to_string().into(), b"b".to_vec()]);
    }
}

/// The length would be right by chance, and wrong as soon as the element changes in place.
#[test]
fn a_length_behind_an_element_that_reaches_into_it_is_refused() {
    let mut listpack = ListpackBuf::default();
    listpack.push(Element::Int(0));
    let mut bytes = listpack.into_bytes();
    assert_eq!(bytes[HEAD..], [0, 1, END]);
    bytes[HEAD + 1] = 0x80;
    assert!(Listpack::check(&bytes).is_err());
}

#[test]
fn cut_or_changed_bytes_are_refused_or_read_without_harm() {
    let mut listpack = ListpackBuf::default();
    for text in ["a", "12", "-70000", &"x".repeat(70)] {
        listpack.push(Element::of(text.as_bytes()));
    }
    let whole = listpack.into_bytes();
    for cut in 0..whole.len() {
        assert!(Listpack::check(&whole[..cut]).is_err());
        let cut = Listpack::trusted(&whole[..cut]);
        assert!(cut.iter().count() <= 4 && cut.iter().rev().count() <= 4);
    }
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            if let Ok(listpack) = Listpack::check(&bytes) {
                let mut backwards: Vec<_> = listpack.iter().rev().collect();
                backwards.reverse();
                assert_eq!(listpack.iter().collect::<Vec<_>>(), backwards);
            }
        }
    }
}

#[test]
fn more_elements_than_the_head_can_say_are_counted() {
    let mut listpack = ListpackBuf::default();
    (0..70_000).for_each(|n| listpack.push(Element::Int(n)));
    assert_eq!(listpack.view().len(), 70_000);
    assert!(Listpack::check(listpack.view().bytes()).is_ok());
    let first = listpack.view().get(0).unwrap();
    listpack.remove(first.at..first.end, 1);
    assert_eq!(listpack.view().len(), 69_999);
    let end = listpack.view().get(10_000).unwrap().at;
    listpack.remove(HEAD..end, 10_000);
    assert_eq!((listpack.view().len(), listpack.view().head_count()), (59_999, 59_999));
}

fn any_text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        (-5000i64..5000).prop_map(|n| n.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..80),
        (0usize..5).prop_map(|n| vec![b'y'; n * 1500]),
    ]
}

proptest! {
    #[test]
    fn a_listpack_is_a_vector(
        steps in proptest::collection::vec((0u8..4, any::<prop::sample::Index>(), any_text()), 1..40)
    ) {
        let mut model: Vec<Vec<u8>> = Vec::new();
        let mut listpack = ListpackBuf::default();
        for (step, index, text) in steps {
            let element = Element::of(&text);
            if step == 0 || model.is_empty() {
                listpack.push(element);
                model.push(text);
            } else {
                let index = index.index(model.len());
                let Placed { at, end, .. } = listpack.view().get(index).unwrap();
                match step {
                    1 => {
                        listpack.insert(at, element);
                        model.insert(index, text);
                    }
                    2 => {
                        listpack.replace(at..end, element);
                        model[index] = text;
                    }
                    _ => {
                        listpack.remove(at..end, 1);
                        model.remove(index);
                    }
                }
            }
            let view = Listpack::check(listpack.view().bytes()).unwrap();
            prop_assert_eq!(texts(view), model.clone());
            let mut backwards: Vec<_> = view.iter().rev().map(|p| p.element.to_vec()).collect();
            backwards.reverse();
            prop_assert_eq!(&backwards, &model);
            prop_assert_eq!(view.len(), model.len());
            for text in &model {
                let first = model.iter().position(|other| other == text).unwrap();
                let found = view.find(text, 1).map(|placed| placed.at);
                prop_assert_eq!(found, view.get(first).map(|placed| placed.at));
            }
        }
    }
}
