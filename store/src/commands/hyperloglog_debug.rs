//! PFDEBUG and PFSELFTEST: a look into HyperLogLogs, and whether they still count.

use std::io::Write;

use shardwright_codec::resp::{Args, ReplyWriter};

use super::hyperloglog::{bytes_of, store};
use crate::command::Outcome;
use crate::context::{ReadCx, WriteCx};
use crate::effect::Event;
use crate::error::CommandError;
use crate::hyperloglog::sparse::{self, Place};
use crate::hyperloglog::{self as hll, Encoding, Registers, Update};

pub(super) fn pfdebug(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let key = cx.key(args.at(2));
    let Some((bytes, encoding)) = key.entry().map(bytes_of).transpose()? else {
        return Err(CommandError::Text("ERR The specified key does not exist"));
    };
    let is = |name: &[u8]| args.at(1).eq_ignore_ascii_case(name);
    let is_sparse = encoding == Encoding::Sparse;
    if is(b"ENCODING") {
        reply.simple(if is_sparse { "sparse" } else { "dense" });
    } else if is(b"DECODE") {
        if !is_sparse {
            return Err(CommandError::Text("ERR HLL encoding is not sparse"));
        }
        reply.bulk(&told(hll::registers(&bytes)));
    } else if is(b"GETREG") || is(b"TODENSE") {
        let mut new = bytes.to_vec();
        hll::to_dense(&mut new)?;
        if is(b"GETREG") {
            let mut registers: Box<Registers> = Box::new([0; hll::REGISTERS]);
            hll::merge(&new, &mut registers)?;
            reply.array(registers.len());
            registers.iter().for_each(|register| reply.int((*register).into()));
        } else {
            reply.int(is_sparse.into());
        }
        // As in Redis, a look at the registers makes them dense too.
        if is_sparse {
            store(cx, args.at(2), &new, Event::UNTOLD);
        }
    } else {
        return Err(CommandError::quoting("ERR Unknown PFDEBUG subcommand '", args.at(1), "'"));
    }
    Ok(())
}

/// Sparse registers as a line: `z` for few zeros, `Z` for many, `v` for values, each with its length.
fn told(body: &[u8]) -> Vec<u8> {
    let mut line = Vec::new();
    for run in sparse::runs(body) {
        let space = if line.is_empty() { "" } else { " " };
        // Writing into memory does not fail.
        let _ = match run {
            sparse::Run { value: 0, len, bytes: 1 } => write!(line, "{space}z:{len}"),
            sparse::Run { value: 0, len, .. } => write!(line, "{space}Z:{len}"),
            sparse::Run { value, len, .. } => write!(line, "{space}v:{value},{len}"),
        };
    }
    line
}

pub(super) fn pfselftest(_: &ReadCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    match trial() {
        Ok(()) => reply.ok(),
        Err(problem) => return Err(CommandError::Message(format!("TESTFAILED {problem}"))),
    }
    Ok(())
}

/// Counts made-up elements in both forms and in plain registers, which must agree all the time and
/// be near the truth.
fn trial() -> Result<(), String> {
    const ELEMENTS: u64 = 50_000;
    const LOOK_EVERY: u64 = 5_000;
    // Over six standard errors of 1.04 / sqrt(16,384).
    const TOLERATED_PERCENT: u64 = 5;
    let mut sparse = hll::empty();
    let mut dense = hll::empty();
    let mut plain: Box<Registers> = Box::new([0; hll::REGISTERS]);
    let damaged = |_| "registers are damaged".to_owned();
    hll::to_dense(&mut dense).map_err(damaged)?;
    for element in 1..=ELEMENTS {
        let update = Update::of(&element.to_le_bytes());
        let register = plain.get_mut(update.register).ok_or("a register is missing")?;
        *register = (*register).max(update.value);
        for bytes in [&mut sparse, &mut dense] {
            hll::update(bytes, update, 3_000, &mut Place::default()).map_err(damaged)?;
        }
        if element % LOOK_EVERY == 0 || element == 100 {
            let told = hll::estimate_of(&plain);
            for bytes in [&sparse, &dense] {
                if hll::estimate(bytes).map_err(damaged)? != told {
                    return Err(format!("two forms differ after {element} elements"));
                }
            }
            if told.abs_diff(element) * 100 > element * TOLERATED_PERCENT {
                return Err(format!("{told} was told of {element} elements"));
            }
        }
    }
    Ok(())
}
