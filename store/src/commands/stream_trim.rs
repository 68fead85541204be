//! The options of XADD and XTRIM: what to trim, and for XADD the ID and what becomes of an absent key.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::Args;

use super::stream_ids::{Wanted, exact, wanted};
use crate::data::Encodings;
use crate::data::stream::{Bound, Trim};
use crate::error::CommandError;

/// Entries of this many nodes go at most when trimming may be inexact.
const NODES_AT_MOST: i64 = 100;
/// The limit when nodes have none.
const LIMIT_OF_UNLIMITED: i64 = 10_000;
/// No default limit is higher.
const LIMIT_AT_MOST: i64 = 1_000_000;

/// Options of XADD or XTRIM.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// What to trim.
    pub(super) trim: Option<Trim>,
    /// An absent key stays absent.
    pub(super) no_mkstream: bool,
    /// The ID for an entry to be added.
    pub(super) id: Wanted,
    /// The argument behind the ID.
    pub(super) rest: usize,
}

/// What was found on the way.
#[derive(Default)]
struct Found {
    bound: Option<Bound>,
    whole_nodes: bool,
    limit: Option<i64>,
    no_mkstream: bool,
}

/// Reads the options from the second argument on; `adds` for XADD.
pub(super) fn options(
    args: Args<'_>,
    adds: bool,
    encodings: &Encodings,
) -> Result<Options, CommandError> {
    let mut found = Found::default();
    let mut id = Wanted::Auto;
    let mut at = 2;
    while let Some(option) = args.get(at) {
        let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
        let more = args.len() - 1 - at;
        if adds && option == b"*" {
            break;
        } else if (is("maxlen") || is("minid")) && more > 0 {
            at = found.bound(args, at)?;
        } else if is("limit") && more > 0 {
            at += 1;
            let limit = parse_i64_strict(args.at(at)).ok_or(CommandError::NotInteger)?;
            if limit < 0 {
                return Err(CommandError::Text("ERR The LIMIT argument must be >= 0."));
            }
            found.limit = Some(limit);
        } else if adds && is("nomkstream") {
            found.no_mkstream = true;
        } else if adds {
            id = wanted(option)?;
            break;
        } else {
            return Err(CommandError::Syntax);
        }
        at += 1;
    }
    let trim = found.trim(adds, encodings)?;
    Ok(Options { trim, no_mkstream: found.no_mkstream, id, rest: at + 1 })
}

impl Found {
    /// Reads what stays, with the sign before it. Returns where it ended.
    fn bound(&mut self, args: Args<'_>, option: usize) -> Result<usize, CommandError> {
        if self.bound.is_some() {
            return Err(CommandError::Text(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let sign = args.at(option + 1);
        let has_sign = args.len() > option + 2 && (sign == b"~" || sign == b"=");
        self.whole_nodes = has_sign && sign == b"~";
        let at = option + 1 + usize::from(has_sign);
        let text = args.at(at);
        self.bound = Some(if args.at(option).eq_ignore_ascii_case(b"minid") {
            Bound::Id(exact(text, 0)?)
        } else {
            let len = parse_i64_strict(text).ok_or(CommandError::NotInteger)?;
            let len = u64::try_from(len)
                .map_err(|_| CommandError::Text("ERR The MAXLEN argument must be >= 0."))?;
            Bound::Len(len)
        });
        Ok(at)
    }

    fn trim(&self, adds: bool, encodings: &Encodings) -> Result<Option<Trim>, CommandError> {
        let error = match (self.bound, self.limit) {
            (None, Some(1..)) => {
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
            }
            (None, _) if !adds => "ERR syntax error, XTRIM must be called with a trimming strategy",
            (_, Some(_)) if !self.whole_nodes => {
                "ERR syntax error, LIMIT cannot be used without the special ~ option"
            }
            (None, _) => return Ok(None),
            (Some(bound), limit) => {
                let limit = match limit {
                    Some(limit) => limit,
                    None if self.whole_nodes => default_limit(encodings),
                    None => 0,
                };
                let (whole_nodes, limit) = (self.whole_nodes, limit.cast_unsigned());
                return Ok(Some(Trim { bound, whole_nodes, limit }));
            }
        };
        Err(CommandError::Text(error))
    }
}

fn default_limit(encodings: &Encodings) -> i64 {
    let entries = i64::try_from(encodings.stream_node_max_entries).unwrap_or(i64::MAX);
    match entries.wrapping_mul(NODES_AT_MOST) {
        limit @ 1.. => limit.min(LIMIT_AT_MOST),
        _ => LIMIT_OF_UNLIMITED,
    }
}
