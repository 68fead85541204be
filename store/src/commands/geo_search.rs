//! Geo commands that look for points within a shape: GEOSEARCH, those that it replaces, and those
//! that store what is found.

use std::cmp::Ordering;

use shardwright_codec::listpack::Element;
use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};

use super::geo_points::{parse_point, parse_unit, point_of, write_distance, write_point};
use super::sorted_set_range::store;
use crate::command::Outcome;
use crate::context::{ReadCx, WriteCx};
use crate::data::SortedSet;
use crate::data::sorted_set::{ScoreRange, View};
use crate::effect::Event;
use crate::error::CommandError;
use crate::geo::{self, Kind, Point, Shape};
use crate::strtod::parse_double;

const NO_MEMBER: CommandError = CommandError::Text("ERR could not decode requested zset member");
const ANY_OF_ALL: CommandError = CommandError::Text("ERR the ANY argument requires COUNT argument");

/// Which command it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// GEOSEARCH.
    Search,
    /// GEOSEARCHSTORE.
    SearchStore,
    /// GEORADIUS and GEORADIUSBYMEMBER, which may store.
    Radius,
    /// Those that may not.
    RadiusOnly,
}

/// Where a circle's middle comes from by the command's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Middle {
    LonLat,
    Member,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    None,
    Ascending,
    Descending,
}

/// What is asked for.
struct Request<'a> {
    form: Form,
    center: Option<Point>,
    /// A shape's kind, and metres in its unit.
    kind: Option<(Kind, f64)>,
    with_distance: bool,
    with_hash: bool,
    with_point: bool,
    sort: Sort,
    /// COUNT; 0 for all.
    count: usize,
    any: bool,
    /// The key to store at: of several, the last one.
    store: Option<&'a [u8]>,
    /// Whether distances are stored instead of geohashes.
    store_distance: bool,
}

/// A point that was found.
struct Found {
    member: Vec<u8>,
    score: f64,
    point: Point,
    distance: f64,
}

/// A size in a unit, or that error.
fn size(text: &[u8], error: &'static str) -> Result<f64, CommandError> {
    parse_double(text).ok_or(CommandError::Text(error))
}

fn circle(radius: &[u8], unit: &[u8]) -> Result<(Kind, f64), CommandError> {
    let radius = size(radius, "ERR need numeric radius")?;
    if radius < 0.0 {
        return Err(CommandError::Text("ERR radius cannot be negative"));
    }
    Ok((Kind::Circle { radius }, parse_unit(unit)?.metres()))
}

fn rectangle(width: &[u8], height: &[u8], unit: &[u8]) -> Result<(Kind, f64), CommandError> {
    let width = size(width, "ERR need numeric width")?;
    let height = size(height, "ERR need numeric height")?;
    if width < 0.0 || height < 0.0 {
        return Err(CommandError::Text("ERR height or width cannot be negative"));
    }
    Ok((Kind::Box { width, height }, parse_unit(unit)?.metres()))
}

/// The middle that a member of the set is. There is none if there is no set: then the answer is
/// known, but not yet whether the arguments are right.
fn center_of(set: Option<View<'_>>, member: &[u8]) -> Result<Option<Point>, CommandError> {
    set.map(|set| point_of(set, member).ok_or(NO_MEMBER)).transpose()
}

impl<'a> Request<'a> {
    fn new(form: Form) -> Self {
        Self {
            form,
            center: None,
            kind: None,
            with_distance: false,
            with_hash: false,
            with_point: false,
            sort: Sort::None,
            count: 0,
            any: false,
            store: None,
            store_distance: false,
        }
    }

    /// GEOSEARCH and GEOSEARCHSTORE.
    fn search(args: Args<'a>, form: Form, set: Option<View<'_>>) -> Result<Self, CommandError> {
        let mut request = Self::new(form);
        let first = if form == Form::SearchStore { 3 } else { 2 };
        if form == Form::SearchStore {
            request.store = Some(args.at(1));
        }
        let mut from = false;
        request.options(args, first, &mut |request, words| {
            let taken = match words.at(0).to_ascii_uppercase().as_slice() {
                b"STOREDIST" if form == Form::SearchStore => {
                    request.store_distance = true;
                    1
                }
                b"FROMMEMBER" if words.len() > 1 && !from => {
                    request.center = center_of(set, words.at(1))?;
                    from = true;
                    2
                }
                b"FROMLONLAT" if words.len() > 2 && !from => {
                    request.center = Some(parse_point(words.at(1), words.at(2))?);
                    from = true;
                    3
                }
                b"BYRADIUS" if words.len() > 2 && request.kind.is_none() => {
                    request.kind = Some(circle(words.at(1), words.at(2))?);
                    3
                }
                b"BYBOX" if words.len() > 3 && request.kind.is_none() => {
                    request.kind = Some(rectangle(words.at(1), words.at(2), words.at(3))?);
                    4
                }
                _ => return Err(CommandError::Syntax),
            };
            Ok(taken)
        })?;
        request.check(args.at(0), from)
    }

    /// GEORADIUS and GEORADIUSBYMEMBER.
    fn radius(
        args: Args<'a>,
        form: Form,
        middle: Middle,
        set: Option<View<'_>>,
    ) -> Result<Self, CommandError> {
        let mut request = Self::new(form);
        let first = match middle {
            Middle::LonLat => {
                request.center = Some(parse_point(args.at(2), args.at(3))?);
                6
            }
            Middle::Member => {
                request.center = center_of(set, args.at(2))?;
                5
            }
        };
        if middle == Middle::LonLat || set.is_some() {
            request.kind = Some(circle(args.at(first - 2), args.at(first - 1))?);
        }
        request.options(args, first, &mut |request, words| {
            let distance = words.at(0).eq_ignore_ascii_case(b"STOREDIST");
            let stores = distance || words.at(0).eq_ignore_ascii_case(b"STORE");
            if form == Form::RadiusOnly || !stores || words.len() < 2 {
                return Err(CommandError::Syntax);
            }
            request.store = Some(words.at(1));
            request.store_distance = distance;
            Ok(2)
        })?;
        request.check(args.at(0), true)
    }

    /// Reads options from argument `at` on; `more` reads those that not all commands have, and tells
    /// how many arguments it took.
    fn options(
        &mut self,
        args: Args<'a>,
        at: usize,
        more: &mut dyn FnMut(&mut Self, Args<'a>) -> Result<usize, CommandError>,
    ) -> Result<(), CommandError> {
        let mut words = args.skip(at);
        while let Some(word) = words.get(0) {
            let mut taken = 1;
            match word.to_ascii_uppercase().as_slice() {
                b"WITHDIST" => self.with_distance = true,
                b"WITHHASH" => self.with_hash = true,
                b"WITHCOORD" => self.with_point = true,
                b"ANY" => self.any = true,
                b"ASC" => self.sort = Sort::Ascending,
                b"DESC" => self.sort = Sort::Descending,
                b"COUNT" if words.len() > 1 => {
                    let count = parse_i64_strict(words.at(1)).ok_or(CommandError::NotInteger)?;
                    let count = usize::try_from(count).ok().filter(|&count| count > 0);
                    self.count = count.ok_or(CommandError::Text("ERR COUNT must be > 0"))?;
                    taken = 2;
                }
                _ => taken = more(self, words)?,
            }
            words = words.skip(taken);
        }
        Ok(())
    }

    /// Refuses what does not go together.
    fn check(mut self, name: &[u8], from: bool) -> Result<Self, CommandError> {
        let is_search = matches!(self.form, Form::Search | Form::SearchStore);
        if self.store.is_some() && self.shows() > 0 {
            let text = match self.form {
                Form::SearchStore => "GEOSEARCHSTORE",
                _ => "STORE option in GEORADIUS",
            };
            return Err(CommandError::Message(format!(
                "ERR {text} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        if is_search && !from {
            let text = "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ";
            return Err(CommandError::quoting(text, name, ""));
        }
        if is_search && self.kind.is_none() {
            let text = "ERR exactly one of BYRADIUS and BYBOX can be specified for ";
            return Err(CommandError::quoting(text, name, ""));
        }
        if self.any && self.count == 0 {
            return Err(ANY_OF_ALL);
        }
        if self.count > 0 && self.sort == Sort::None && !self.any {
            self.sort = Sort::Ascending;
        }
        Ok(self)
    }

    /// How many things are told of a point beside its name.
    fn shows(&self) -> usize {
        [self.with_distance, self.with_hash, self.with_point].iter().filter(|shown| **shown).count()
    }

    /// What lies within the shape, in the order that was asked for, as many as were.
    fn find(&self, set: View<'_>) -> Vec<Found> {
        let (Some(center), Some((kind, unit))) = (self.center, self.kind) else {
            return Vec::new();
        };
        let shape = Shape { center, kind, unit };
        let enough = if self.any { self.count } else { usize::MAX };
        let mut found = Vec::new();
        for cell in shape.cells().iter() {
            if found.len() >= enough {
                break;
            }
            let (first, end) = cell.scores();
            let range =
                ScoreRange { min: first as f64, min_open: false, max: end as f64, max_open: true };
            set.visit(set.score_range(&range), false, &mut |member, score| {
                found.extend(within(&shape, member, score));
                found.len() < enough
            });
        }
        let nearer =
            |a: &Found, b: &Found| a.distance.partial_cmp(&b.distance).unwrap_or(Ordering::Equal);
        match self.sort {
            Sort::None => {}
            Sort::Ascending => found.sort_by(nearer),
            Sort::Descending => found.sort_by(|a, b| nearer(b, a)),
        }
        if self.count > 0 {
            found.truncate(self.count);
        }
        found.iter_mut().for_each(|found| found.distance /= unit);
        found
    }

    fn write(&self, found: &[Found], reply: &mut ReplyWriter<'_>) {
        let shows = self.shows();
        reply.array(found.len());
        for Found { member, score, point, distance } in found {
            if shows > 0 {
                reply.array(1 + shows);
            }
            reply.bulk(member);
            if self.with_distance {
                write_distance(*distance, reply);
            }
            if self.with_hash {
                reply.int(*score as i64);
            }
            if self.with_point {
                write_point(*point, reply);
            }
        }
    }
}

/// A member, if it lies within a shape.
fn within(shape: &Shape, member: Element<'_>, score: f64) -> Option<Found> {
    let point = geo::decode(geo::of_score(score));
    let distance = shape.distance(point)?;
    Some(Found { member: member.to_vec(), score, point, distance })
}

/// Stores what was found, or removes the key if that is nothing. Replies with the number.
fn store_found(
    cx: &mut WriteCx<'_, '_>,
    request: &Request<'_>,
    key: &[u8],
    mut found: Vec<Found>,
    reply: &mut ReplyWriter<'_>,
) {
    let count = found.len();
    let event = match request.form {
        Form::SearchStore => "geosearchstore",
        _ => "georadiusstore",
    };
    // A member can be found twice in very large shapes.
    found.sort_by(|a, b| a.member.cmp(&b.member));
    found.dedup_by(|a, b| a.member == b.member);
    let score = |found: &Found| if request.store_distance { found.distance } else { found.score };
    let members = found.iter().map(|found| (score(found), found.member.as_slice())).collect();
    store(cx, key, members, event);
    reply.int(count as i64);
}

/// Answers a command that may store.
fn answer<'a>(
    cx: &mut WriteCx<'_, '_>,
    source: &[u8],
    reply: &mut ReplyWriter<'_>,
    parse: impl FnOnce(Option<View<'_>>) -> Result<Request<'a>, CommandError>,
) -> Outcome {
    let key = cx.key(source);
    key.count();
    let set = key.collection::<SortedSet>()?;
    let request = parse(set)?;
    let found = set.map(|set| request.find(set));
    match (request.store, found) {
        (Some(key), Some(found)) => store_found(cx, &request, key, found, reply),
        (Some(key), None) => {
            cx.delete(key, Event::generic("del"));
            reply.int(0);
        }
        (None, found) => request.write(&found.unwrap_or_default(), reply),
    }
    Ok(())
}

pub(super) fn geosearch(cx: &ReadCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let set = cx.collection::<SortedSet>(args.at(1))?;
    let request = Request::search(args, Form::Search, set)?;
    request.write(&set.map(|set| request.find(set)).unwrap_or_default(), reply);
    Ok(())
}

pub(super) fn geosearchstore(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    answer(cx, args.at(2), reply, |set| Request::search(args, Form::SearchStore, set))
}

fn radius_only(
    cx: &ReadCx<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    middle: Middle,
) -> Outcome {
    let set = cx.collection::<SortedSet>(args.at(1))?;
    let request = Request::radius(args, Form::RadiusOnly, middle, set)?;
    request.write(&set.map(|set| request.find(set)).unwrap_or_default(), reply);
    Ok(())
}

pub(super) fn georadius(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    answer(cx, args.at(1), reply, |set| Request::radius(args, Form::Radius, Middle::LonLat, set))
}

pub(super) fn georadius_ro(
    cx: &ReadCx<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    radius_only(cx, args, reply, Middle::LonLat)
}

pub(super) fn georadiusbymember(
    cx: &mut WriteCx<'_, '_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    answer(cx, args.at(1), reply, |set| Request::radius(args, Form::Radius, Middle::Member, set))
}

pub(super) fn georadiusbymember_ro(
    cx: &ReadCx<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    radius_only(cx, args, reply, Middle::Member)
}
