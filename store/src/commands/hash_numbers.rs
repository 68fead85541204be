//! Arithmetic on fields of hashes: HINCRBY and HINCRBYFLOAT.

use shardwright_codec::listpack::Element;
use shardwright_codec::number::{MAX_I64_LEN, parse_i64_strict};
use shardwright_codec::resp::{Args, ReplyWriter};

use super::string_numbers::NOT_FINITE;
use crate::command::Outcome;
use crate::context::WriteCx;
use crate::data::Hash;
use crate::data::hash::Edit;
use crate::effect::Event;
use crate::error::CommandError;
use crate::float::Extended;

const FIELD_NOT_INTEGER: CommandError = CommandError::Text("ERR hash value is not an integer");
const FIELD_NOT_FLOAT: CommandError = CommandError::Text("ERR hash value is not a float");
const INCREMENT_NOT_FINITE: CommandError = CommandError::Text("ERR value is NaN or Infinity");

pub(super) fn hincrby(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let by = parse_i64_strict(args.at(3)).ok_or(CommandError::NotInteger)?;
    let field = args.at(2);
    let new = cx.edit::<Hash, _>(args.at(1), Event::hash("hincrby"), |hash| {
        let old = match hash.view().get(field) {
            None => 0,
            Some(Element::Int(old)) => old,
            Some(Element::Bytes(_)) => return Err(FIELD_NOT_INTEGER),
        };
        let new = old.checked_add(by).ok_or(CommandError::Overflow)?;
        let value = Element::Int(new).text(&mut [0; MAX_I64_LEN]).to_vec();
        hash.apply(Edit::Set { field, value: &value });
        Ok(new)
    })??;
    reply.int(new);
    Ok(())
}

pub(super) fn hincrbyfloat(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let by = Extended::parse(args.at(3)).ok_or(CommandError::NotFloat)?;
    if !by.is_finite() {
        return Err(INCREMENT_NOT_FINITE);
    }
    let field = args.at(2);
    let new = cx.edit::<Hash, _>(args.at(1), Event::hash("hincrbyfloat"), |hash| {
        let old = match hash.view().get(field) {
            None => Extended::from(0),
            Some(Element::Int(old)) => Extended::from(old),
            Some(Element::Bytes(text)) => Extended::parse(text).ok_or(FIELD_NOT_FLOAT)?,
        };
        let new = old + by;
        if !new.is_finite() {
            return Err(NOT_FINITE);
        }
        let text = new.to_human();
        hash.apply(Edit::Set { field, value: text.as_bytes() });
        Ok(text)
    })??;
    reply.bulk(new.as_bytes());
    Ok(())
}
