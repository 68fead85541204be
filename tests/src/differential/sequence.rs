//! Sequences of steps, made from a seed alone: no reply is needed to go on, so a
//! part of a sequence can be run again by itself.

use super::families;
use super::generator::{Args, Make, Step};
use super::maker::Maker;

/// One sequence of about `length` steps that mostly speaks RESP `protocol`.
pub fn sequence(seed: u64, protocol: u8, length: usize) -> Vec<Step> {
    let mut maker = Maker::new(seed, protocol);
    let mut steps = Vec::with_capacity(length + 16);
    let mut block = 0;
    while steps.len() < length {
        block += 1;
        let generator = families::pick(&mut maker);
        let made = match generator.make {
            Make::One(make) => {
                let args = make(&mut maker);
                vec![Step::new(spoil(&mut maker, args), generator.compare)]
            }
            Make::Block(make) => make(&mut maker),
        };
        steps.extend(made.into_iter().map(|step| Step { block, ..step }));
    }
    steps
}

/// Now and then an argument too few or too many, or the name in other letters.
fn spoil(m: &mut Maker, mut args: Args) -> Args {
    // A word less would turn a question about few commands into one about all.
    let may_shrink = args.0[0] != b"COMMAND";
    match m.rng.below(100) {
        0 | 1 if may_shrink => {
            args.0.pop();
            if args.0.is_empty() { Args::new("GET") } else { args }
        }
        2 => {
            let extra = m.word_of(&["", "x", "NX", "GET", "5", "REPLACE"]);
            args.with(extra)
        }
        3 | 4 => {
            args.0[0].make_ascii_lowercase();
            args
        }
        5 => {
            args.0[0] = alternate_case(&args.0[0]);
            args
        }
        _ => args,
    }
}

fn alternate_case(name: &[u8]) -> Vec<u8> {
    let letter = |(at, byte): (usize, &u8)| match at % 2 {
        0 => byte.to_ascii_lowercase(),
        _ => byte.to_ascii_uppercase(),
    };
    name.iter().enumerate().map(letter).collect()
}
