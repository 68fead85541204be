//! Any bytes from a client: no panic, and the same commands and error however they are cut.
//!
//! The first byte of an input chooses limits, cuts and batch size; the rest is what the client sends.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shardwright_codec::resp::{Decoder, Frames, Limits, ProtocolError};

type Commands = Vec<Vec<Vec<u8>>>;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, input)) = data.split_first() else { return };
    let unauthenticated = choice & 1 == 1;
    let limits = if choice & 2 == 2 {
        Limits { max_bulk_len: 20, max_args: 5, max_inline: 12, unauthenticated }
    } else {
        Limits { unauthenticated, ..Limits::default() }
    };
    let step = usize::from(choice >> 2 & 7) + 1;
    let max = usize::from(choice >> 5) + 1;
    let whole = receive(input, input.len().max(1), limits, usize::MAX);
    assert_eq!(receive(input, step, limits, max), whole);
});

/// What a connection gets out of `input` that arrives `step` bytes at a time, decoding at most
/// `max` commands at once: commands, bytes of an incomplete frame, or an error.
fn receive(
    input: &[u8],
    step: usize,
    limits: Limits,
    max: usize,
) -> (Commands, Result<usize, ProtocolError>) {
    let mut decoder = Decoder::new(limits);
    let mut frames = Frames::new();
    let (mut buf, mut from, mut commands) = (Vec::new(), 0, Vec::new());
    for piece in input.chunks(step) {
        buf.extend_from_slice(piece);
        loop {
            frames.clear();
            let end = decoder.decode(&mut buf, from, &mut frames, max);
            for i in 0..frames.len() {
                let args = frames.args_of(i, &buf);
                assert!(!args.is_empty());
                commands.push(args.iter().map(<[u8]>::to_vec).collect());
            }
            match end {
                Ok(end) => {
                    assert!(from <= end && end <= buf.len());
                    from = end;
                }
                Err(error) => return (commands, Err(error)),
            }
            if frames.len() < max {
                break;
            }
        }
        assert_eq!(decoder.in_frame(), from < buf.len());
        buf.drain(..std::mem::take(&mut from));
    }
    (commands, Ok(buf.len()))
}
