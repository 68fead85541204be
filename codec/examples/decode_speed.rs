//! Measures the decoder: nanoseconds a command for GET and SET in pipelines of 64, and for replies.
//!
//! `cargo run --release -p shardwright-codec --example decode_speed`

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use shardwright_codec::resp::{Decoder, Frames, Limits, Protocol, ReplyWriter};

const PIPELINE: usize = 64;
const ROUNDS: usize = 50_000;
const SAMPLES: usize = 9;

fn main() {
    let get = pipeline(|key, out| command(out, &[b"GET", key]));
    let set = pipeline(|key, out| command(out, &[b"SET", key, &[b'x'; 64]]));
    let mset = pipeline(|key, out| command(out, &[&[&b"MSET"[..]][..], &[key; 20]].concat()));
    report("GET", decode(&get));
    report("SET, 64 bytes", decode(&set));
    report("MSET of 10", decode(&mset));
    report("GET, byte by byte", decode_bytewise(&get));
    report("bulk reply, 64 bytes", replies(|writer, _| writer.bulk(&[b'x'; 64])));
    report("integer reply", replies(|writer, i| writer.int(i * 7919)));
}

fn report(name: &str, nanoseconds: f64) {
    println!("{name:<24}{nanoseconds:>8.1} ns");
}

fn pipeline(write: impl Fn(&[u8], &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    for i in 0..PIPELINE {
        write(format!("key:{:012}", i * 15_485_863).as_bytes(), &mut out);
    }
    out
}

fn command(out: &mut Vec<u8>, args: &[&[u8]]) {
    // Writing to a vector cannot fail.
    let _ = write!(out, "*{}\r\n", args.len());
    for arg in args {
        let _ = write!(out, "${}\r\n", arg.len());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

/// The best of some samples, in nanoseconds per command.
fn best(mut round: impl FnMut(), rounds: usize) -> f64 {
    let sample = |_| {
        let start = Instant::now();
        (0..rounds).for_each(|_| round());
        start.elapsed().as_secs_f64() * 1e9 / (rounds * PIPELINE) as f64
    };
    (0..SAMPLES).map(sample).fold(f64::INFINITY, f64::min)
}

fn decode(input: &[u8]) -> f64 {
    let mut buf = input.to_vec();
    let mut frames = Frames::default();
    let mut decoder = Decoder::new(Limits::default());
    best(
        || {
            frames.clear();
            let end = decoder.decode(black_box(&mut buf), 0, &mut frames, usize::MAX);
            assert_eq!((end, frames.len()), (Ok(input.len()), PIPELINE));
            black_box(&frames);
        },
        ROUNDS,
    )
}

fn decode_bytewise(input: &[u8]) -> f64 {
    let mut buf = input.to_vec();
    let mut frames = Frames::default();
    let mut decoder = Decoder::new(Limits::default());
    best(
        || {
            frames.clear();
            let mut from = 0;
            for end in 1..=buf.len() {
                let part = black_box(&mut buf[..end]);
                from = decoder.decode(part, from, &mut frames, usize::MAX).unwrap_or(0);
            }
            assert_eq!(frames.len(), PIPELINE);
        },
        ROUNDS / 100,
    )
}

fn replies(write: impl Fn(&mut ReplyWriter<'_>, i64)) -> f64 {
    let mut out = Vec::new();
    best(
        || {
            out.clear();
            let mut writer = ReplyWriter::new(black_box(&mut out), Protocol::Resp2);
            (0..PIPELINE as i64).for_each(|i| write(&mut writer, i));
            black_box(&out);
        },
        ROUNDS,
    )
}
