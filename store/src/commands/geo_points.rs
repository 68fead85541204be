//! Geo commands about points one by one: GEOADD, GEODIST, GEOHASH and GEOPOS. A point is a member of
//! a sorted set whose score is its geohash.

use shardwright_codec::resp::{Args, Protocol, ReplyWriter};

use super::sorted_set_change::{Conditions, put_scores};
use crate::command::Outcome;
use crate::context::{ReadCx, WriteCx};
use crate::data::SortedSet;
use crate::data::sorted_set::View;
use crate::error::CommandError;
use crate::geo::{self, Point, Unit};
use crate::strtod::parse_double;

const NO_UNIT: CommandError =
    CommandError::Text("ERR unsupported unit provided. please use M, KM, FT, MI");

/// The unit that a word names.
pub(super) fn parse_unit(word: &[u8]) -> Result<Unit, CommandError> {
    Unit::from_name(word).ok_or(NO_UNIT)
}

/// Longitude and latitude.
pub(super) fn parse_point(lon: &[u8], lat: &[u8]) -> Result<Point, CommandError> {
    let number = |text: &[u8]| parse_double(text).ok_or(CommandError::NotFloat);
    let point = Point { lon: number(lon)?, lat: number(lat)? };
    if point.is_valid() {
        return Ok(point);
    }
    let Point { lon, lat } = point;
    Err(CommandError::Message(format!("ERR invalid longitude,latitude pair {lon:.6},{lat:.6}")))
}

/// The point that a member is.
pub(super) fn point_of(set: View<'_>, member: &[u8]) -> Option<Point> {
    set.score(member).map(|score| geo::decode(geo::of_score(score)))
}

/// Writes a distance.
pub(super) fn write_distance(distance: f64, reply: &mut ReplyWriter<'_>) {
    reply.bulk(format!("{distance:.4}").as_bytes());
}

/// Writes longitude and latitude, as numbers without exponents.
pub(super) fn write_point(point: Point, reply: &mut ReplyWriter<'_>) {
    reply.array(2);
    for number in [point.lon, point.lat] {
        let text = format!("{number:.17}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        let text = if text == "-0" { "0" } else { text };
        match reply.protocol() {
            Protocol::Resp2 => reply.bulk(text.as_bytes()),
            Protocol::Resp3 => {
                [",", text, "\r\n"].iter().for_each(|part| reply.raw(part.as_bytes()))
            }
        }
    }
}

pub(super) fn geoadd(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let mut conditions = Conditions::default();
    let mut at = 2;
    while let Some(option) = args.get(at) {
        let flag = match option.to_ascii_uppercase().as_slice() {
            b"NX" => &mut conditions.nx,
            b"XX" => &mut conditions.xx,
            b"CH" => &mut conditions.ch,
            _ => break,
        };
        *flag = true;
        at += 1;
    }
    let rest = args.len() - at;
    if rest == 0 || !rest.is_multiple_of(3) || (conditions.nx && conditions.xx) {
        return Err(CommandError::Syntax);
    }
    let point = |at| {
        let point = parse_point(args.at(at), args.at(at + 1))?;
        Ok::<_, CommandError>((geo::encode(point) as f64, args.at(at + 2)))
    };
    let members: Vec<_> = (at..args.len()).step_by(3).map(point).collect::<Result<_, _>>()?;
    put_scores(cx, args.at(1), conditions, members.into_iter(), reply)
}

pub(super) fn geodist(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let unit = match args.len() {
        4 => Unit::Metres,
        5 => parse_unit(args.at(4))?,
        _ => return Err(CommandError::Syntax),
    };
    let set = cx.collection::<SortedSet>(args.at(1))?;
    let point = |at| set.and_then(|set| point_of(set, args.at(at)));
    match (point(2), point(3)) {
        (Some(a), Some(b)) => write_distance(a.distance(b) / unit.metres(), reply),
        _ => reply.null(),
    }
    Ok(())
}

pub(super) fn geohash(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let set = cx.collection::<SortedSet>(args.at(1))?;
    reply.array(args.len() - 2);
    for member in args.skip(2).iter() {
        match set.and_then(|set| point_of(set, member)) {
            Some(point) => reply.bulk(&geo::text(point)),
            None => reply.null(),
        }
    }
    Ok(())
}

pub(super) fn geopos(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let set = cx.collection::<SortedSet>(args.at(1))?;
    reply.array(args.len() - 2);
    for member in args.skip(2).iter() {
        match set.and_then(|set| point_of(set, member)) {
            Some(point) => write_point(point, reply),
            None => reply.null_array(),
        }
    }
    Ok(())
}
