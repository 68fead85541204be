//! HRANDFIELD.

use shardwright_codec::listpack::Element;
use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, Protocol, ReplyWriter};

use super::{MOST_REPEATED, write_element};
use crate::command::Outcome;
use crate::context::ReadCx;
use crate::data::Hash;
use crate::data::hash::View;
use crate::error::CommandError;

const COUNT_OUT_OF_RANGE: CommandError = CommandError::Text(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);

pub(super) fn hrandfield(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some(count) = args.get(2) else {
        let hash = cx.collection::<Hash>(args.at(1))?;
        match hash.and_then(|hash| hash.random(&mut || cx.random())) {
            Some((field, _)) => write_element(field, reply),
            None => reply.null(),
        }
        return Ok(());
    };
    let count = parse_i64_strict(count).ok_or(CommandError::NotInteger)?;
    if count == i64::MIN {
        return Err(COUNT_OUT_OF_RANGE);
    }
    let values = match args.get(3) {
        None => false,
        Some(word) if args.len() == 4 && word.eq_ignore_ascii_case(b"WITHVALUES") => true,
        Some(_) => return Err(CommandError::Syntax),
    };
    // Redis counts fields and values together.
    if values && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
        return Err(CommandError::OutOfRange);
    }
    let mut fields = Fields { reply, values };
    match cx.collection::<Hash>(args.at(1))? {
        None => fields.begin(0),
        Some(hash) if count < 0 => fields.repeated(cx, hash, count.unsigned_abs())?,
        Some(hash) => fields.different(cx, hash, count as usize),
    }
    Ok(())
}

/// Writes fields as they were asked for.
struct Fields<'r, 'w> {
    reply: &'r mut ReplyWriter<'w>,
    values: bool,
}

impl Fields<'_, '_> {
    fn are_pairs(&self) -> bool {
        self.values && self.reply.protocol() == Protocol::Resp3
    }

    fn begin(&mut self, count: usize) {
        let flat = self.values && !self.are_pairs();
        self.reply.array(if flat { 2 * count } else { count });
    }

    fn write(&mut self, field: Element<'_>, value: Element<'_>) {
        if self.are_pairs() {
            self.reply.array(2);
        }
        write_element(field, self.reply);
        if self.values {
            write_element(value, self.reply);
        }
    }

    /// So many fields, each chosen anew.
    fn repeated(&mut self, cx: &ReadCx<'_>, hash: View<'_>, count: u64) -> Outcome {
        if count > MOST_REPEATED {
            return Err(CommandError::OutOfRange);
        }
        self.begin(count as usize);
        let few = if let View::Packed(_) = hash { hash.all() } else { Vec::new() };
        for _ in 0..count {
            let chosen = match few.len() {
                0 => hash.random(&mut || cx.random()),
                len => few.get(cx.random_below(len as u64) as usize).copied(),
            };
            if let Some((field, value)) = chosen {
                self.write(field, value);
            }
        }
        Ok(())
    }

    /// So many different fields, or all.
    fn different(&mut self, cx: &ReadCx<'_>, hash: View<'_>, count: usize) {
        self.begin(count.min(hash.len()));
        if count >= hash.len() {
            hash.for_each(&mut |field, value| self.write(field, value));
        } else {
            for (field, value) in hash.sample(count, &mut || cx.random()) {
                self.write(field, value);
            }
        }
    }
}
