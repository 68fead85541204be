//! Log frames and records: what is written is read, what was changed is found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use shardwright_codec::log::{
    Assembled, Assembler, FRAME_HEADER, Frame, FrameError, Lsn, MAX_PIECE, Part, Piece, Record,
    RecordError, RecordHead, Tie,
};

fn head(lsn: u64) -> RecordHead {
    RecordHead { lsn: Lsn(lsn), time_ms: 1_700_000_000_123, durable: Lsn(lsn / 2) }
}

fn encoded(head: RecordHead, parts: &[Part<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    head.encode(Tie::NONE, parts, &mut out);
    out
}

fn part(partition: u16, first: u64, count: u64, payload: &[u8]) -> Part<'_> {
    Part { partition, first, count, payload }
}

/// Reads all frames of `bytes` and gives every whole record to `check`.
fn read(mut bytes: &[u8], mut check: impl FnMut(Record<'_>)) -> usize {
    let mut assembler = Assembler::default();
    let mut frames = 0;
    while let Some(frame) = Frame::decode(bytes, Tie::NONE).unwrap() {
        bytes = &bytes[frame.len()..];
        frames += 1;
        if let Assembled::Record(record) = assembler.take(frame).unwrap() {
            check(record);
        }
    }
    assert!(!assembler.is_open());
    frames
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let head = RecordHead { lsn: Lsn(7), time_ms: 5, durable: Lsn(6) };
    let bytes = encoded(head, &[part(3, 9, 2, b"xy")]);
    let body = [
        &5u64.to_le_bytes()[..],
        &6u64.to_le_bytes(),
        &1u16.to_le_bytes(),
        &3u16.to_le_bytes(),
        &9u64.to_le_bytes(),
        &2u64.to_le_bytes(),
        &2u64.to_le_bytes(),
        b"xy",
    ]
    .concat();
    assert_eq!(bytes[..4], (body.len() as u32).to_le_bytes());
    assert_eq!(bytes[8..16], 7u64.to_le_bytes());
    assert_eq!(bytes[16], 1, "a whole record");
    assert_eq!(bytes[FRAME_HEADER..], body);
    let checked = [&bytes[..4], &bytes[8..]].concat();
    assert_eq!(bytes[4..8], crc32(&checked).to_le_bytes());
}

/// CRC-32 as IEEE 802.3 has it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc: u32, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}

#[test]
fn a_long_record_is_several_frames_and_one_record() {
    let payload: Vec<u8> = (0..MAX_PIECE * 2 + 1000).map(|at| ((at * 31) >> 3) as u8).collect();
    let parts = [part(0, 1, 5, &payload), part(9, 4, 1, b"short")];
    let bytes = encoded(head(42), &parts);
    let mut seen = 0;
    let frames = read(&bytes, |record| {
        seen += 1;
        assert_eq!(record.head, head(42));
        assert_eq!(record.parts, parts);
    });
    assert_eq!((frames, seen), (3, 1));
}

#[test]
fn every_flipped_bit_and_every_cut_is_found() {
    let bytes = encoded(head(42), &[part(1, 1, 1, b"effect")]);
    for at in 0..bytes.len() {
        let cut = Frame::decode(&bytes[..at], Tie::NONE);
        assert!(if at == 0 { cut == Ok(None) } else { cut.is_err() }, "cut at {at}: {cut:?}");
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert!(Frame::decode(&damaged, Tie::NONE).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_frame_is_one_for_its_own_tie_alone() {
    let (directory, payload) = (0x9f3c_0a7b_e51d_2264, [7; 300]);
    let of = |number: u64| Tie::to(&[directory, number]);
    let numbers = [0, 1, 2, 3, 255, 256, 1 << 31, u64::from(u32::MAX)];
    for number in numbers {
        let mut bytes = Vec::new();
        head(42).encode(of(number), &[part(1, 1, 1, &payload)], &mut bytes);
        let frame = Frame::decode(&bytes, of(number)).unwrap().unwrap();
        let others = numbers.into_iter().filter(|other| *other != number).map(of);
        for other in others.chain([Tie::NONE, Tie::to(&[directory + 1, number])]) {
            let read = Frame::decode(&bytes, other);
            assert!(matches!(read, Err(FrameError::Checksum { .. })), "{number}: {read:?}");
            let mut again = Vec::new();
            frame.encode(other, &mut again);
            assert_eq!(Frame::decode(&again, other), Ok(Some(frame)));
        }
        let body = [&bytes[..4], &bytes[8..]].concat();
        let tied = [&directory.to_le_bytes()[..], &number.to_le_bytes(), &body].concat();
        assert_eq!(bytes[4..8], crc32(&tied).to_le_bytes());
    }
}

#[test]
fn every_record_passes_the_glance_and_numbers_in_a_row_do_not() {
    let payload = [7; 300];
    for lsn in [1, 2, 1_000_000] {
        let bytes = encoded(head(lsn), &[part(1, 1, 1, &payload)]);
        assert!(Record::may_begin(&bytes), "{lsn}");
        assert_eq!(Frame::claimed_lsn(&bytes), Some(Lsn(lsn)));
        assert!((0..bytes.len()).all(|len| !Record::may_begin(&bytes[..len])), "{lsn}");
    }
    let numbers: Vec<u8> = (1..100_000u64).flat_map(u64::to_le_bytes).collect();
    let passes = |at: &usize| {
        let rest = &numbers[*at..];
        // Who looks for records knows about how many there are.
        Frame::claimed_lsn(rest).is_some_and(|lsn| lsn < Lsn(1 << 40)) && Record::may_begin(rest)
    };
    let passing = (0..numbers.len()).filter(passes).count();
    assert!(passing < 100, "{passing} of {} places", numbers.len());
}

#[test]
fn a_length_is_not_believed_without_a_bound() {
    let mut bytes = encoded(head(1), &[]);
    bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(Frame::decode(&bytes, Tie::NONE), Err(FrameError::Length(u32::MAX)));
}

#[test]
fn frames_out_of_turn_are_refused() {
    let frame = |lsn, piece| Frame { lsn: Lsn(lsn), piece, bytes: b"" };
    for frames in [
        vec![frame(1, Piece::Middle)],
        vec![frame(1, Piece::Last)],
        vec![frame(1, Piece::First), frame(2, Piece::Whole)],
        vec![frame(1, Piece::First), frame(2, Piece::Last)],
        vec![frame(1, Piece::First), frame(1, Piece::First)],
    ] {
        let mut assembler = Assembler::default();
        let (last, first) = frames.split_last().unwrap();
        for frame in first {
            assert_eq!(assembler.take(*frame), Ok(Assembled::Piece));
        }
        assert_eq!(assembler.take(*last), Err(RecordError::OutOfTurn { lsn: last.lsn }));
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5),
        lsn in 1..u64::MAX,
    ) {
        let parts: Vec<Part<'_>> = payloads
            .iter()
            .enumerate()
            .map(|(at, payload)| part(at as u16, lsn % 1000, at as u64, payload))
            .collect();
        let mut bytes = encoded(head(lsn), &parts);
        head(lsn.wrapping_add(1)).encode(Tie::NONE, &parts, &mut bytes);
        let mut lsns = Vec::new();
        read(&bytes, |record| {
            assert_eq!(record.parts, parts);
            lsns.push(record.head.lsn.0);
        });
        prop_assert_eq!(lsns, [lsn, lsn.wrapping_add(1)]);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        if let Ok(Some(frame)) = Frame::decode(&bytes, Tie::NONE) {
            let _ = Assembler::default().take(frame);
        }
        for piece in [Piece::Whole, Piece::First, Piece::Last] {
            let _ = Assembler::default().take(Frame { lsn: Lsn(1), piece, bytes: &bytes });
        }
    }
}
