//! CLIENT KILL: which connections a client names, and how they end. A connection of another thread
//! is told by its gateway; the own one ends when its reply is out.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::Outcome;
use shardwright_store::error::CommandError;

use super::client_list::ClientType;
use super::connection::USER;
use crate::clients::ClientInfo;
use crate::gateway::Kill;
use crate::session::SessionCx;

/// What the connections to end have in common; what is absent does not matter.
#[derive(Debug, Default, PartialEq, Eq)]
struct Filter<'a> {
    id: Option<u64>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    kind: Option<ClientType>,
    /// The caller goes too, if all else agrees.
    caller_too: bool,
}

impl<'a> Filter<'a> {
    /// Reads pairs of an option and its value; a later one of the same name replaces the earlier.
    fn read(options: Args<'a>) -> Result<Self, CommandError> {
        let mut filter = Self::default();
        let mut words = options.iter();
        while let Some(option) = words.next() {
            let value = words.next().ok_or(CommandError::Syntax)?;
            match option {
                o if o.eq_ignore_ascii_case(b"ID") => filter.id = Some(read_id(value)?),
                o if o.eq_ignore_ascii_case(b"TYPE") => {
                    filter.kind = Some(ClientType::read(value)?);
                }
                o if o.eq_ignore_ascii_case(b"ADDR") => filter.address = Some(value),
                o if o.eq_ignore_ascii_case(b"LADDR") => filter.local_address = Some(value),
                o if o.eq_ignore_ascii_case(b"USER") => check_user(value)?,
                o if o.eq_ignore_ascii_case(b"SKIPME") => filter.caller_too = !read_yes(value)?,
                _ => return Err(CommandError::Syntax),
            }
        }
        Ok(filter)
    }

    fn matches(&self, row: &ClientInfo) -> bool {
        let same = |wanted: Option<&[u8]>, text: &str| wanted.is_none_or(|w| w == text.as_bytes());
        self.id.is_none_or(|id| id == row.id)
            && same(self.address, &row.address)
            && same(self.local_address, &row.local_address)
            && self.kind.is_none_or(|kind| kind.is_of(row))
    }
}

fn read_id(text: &[u8]) -> Result<u64, CommandError> {
    let id = parse_i64_strict(text).and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
    id.ok_or(CommandError::Text("ERR client-id should be greater than 0"))
}

/// Everybody is the one user there is.
fn check_user(name: &[u8]) -> Outcome {
    if name == USER {
        return Ok(());
    }
    Err(CommandError::quoting("ERR No such user '", name, "'"))
}

fn read_yes(word: &[u8]) -> Result<bool, CommandError> {
    if word.eq_ignore_ascii_case(b"YES") {
        Ok(true)
    } else if word.eq_ignore_ascii_case(b"NO") {
        Ok(false)
    } else {
        Err(CommandError::Syntax)
    }
}

/// CLIENT KILL, in its old form (an address) and in the new one (a filter).
pub(super) fn kill(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let by_address = args.len() == 3;
    let filter = if by_address {
        Filter { address: Some(args.at(2)), caller_too: true, ..Filter::default() }
    } else {
        Filter::read(args.skip(2))?
    };
    let mut ended = 0;
    for row in cx.server.clients.all().iter().filter(|row| filter.matches(row)) {
        ended += i64::from(end(cx, row, filter.caller_too));
    }
    match (by_address, ended) {
        (false, count) => reply.int(count),
        (true, 0) => return Err(CommandError::Text("ERR No such client")),
        (true, _) => reply.ok(),
    }
    Ok(())
}

/// Ends one connection. Returns whether this call is the one that ended it.
fn end(cx: &mut SessionCx<'_>, row: &ClientInfo, caller_too: bool) -> bool {
    if row.id == cx.client.info.id {
        cx.client.close |= caller_too;
        return caller_too;
    }
    let Some(directory) = cx.server.directory() else { return false };
    // It is gone from the list at once, and is given nothing any more, though its thread learns of it
    // a moment later.
    let first = cx.server.clients.remove(row.id);
    if first {
        row.end_key_wait();
        directory.thread(row.conn.thread).gateway.do_send(Kill(row.conn));
    }
    first
}

#[cfg(test)]
mod tests {
    use super::super::with_args;
    use super::*;
    use crate::clients::Peer;
    use crate::messages::ConnId;
    use shardwright_store::types::{ShardId, UnixMillis};

    fn with_filter(line: &str, check: impl FnOnce(Result<Filter<'_>, CommandError>)) {
        with_args(line, |args| check(Filter::read(args)));
    }

    fn row(id: u64, address: &str) -> ClientInfo {
        let conn = ConnId { thread: ShardId(0), index: 0, generation: 0 };
        let peer = Peer {
            address: address.to_owned(),
            local_address: "127.0.0.1:6379".to_owned(),
            ..Peer::default()
        };
        ClientInfo::new(id, conn, peer, UnixMillis(0))
    }

    #[test]
    fn bad_filters_are_refused_with_the_texts_of_redis() {
        for (line, expected) in [
            ("ID abc", "ERR client-id should be greater than 0"),
            ("ID 0", "ERR client-id should be greater than 0"),
            ("ID -1", "ERR client-id should be greater than 0"),
            ("TYPE nosuch", "ERR Unknown client type 'nosuch'"),
            ("USER nosuch", "ERR No such user 'nosuch'"),
            ("SKIPME maybe", "ERR syntax error"),
            ("NOSUCH 1", "ERR syntax error"),
            ("ID 1 ADDR", "ERR syntax error"),
            ("ADDR a ID 0", "ERR client-id should be greater than 0"),
        ] {
            with_filter(line, |filter| {
                assert_eq!(filter.unwrap_err().to_string(), expected, "{line}");
            });
        }
    }

    #[test]
    fn all_parts_of_a_filter_have_to_agree() {
        let bob = row(7, "127.0.0.1:5");
        for (line, matches) in [
            ("ID 7", true),
            ("id 8", false),
            ("ID 8 ID 7", true),
            ("ADDR 127.0.0.1:5 TYPE Normal USER default", true),
            ("ADDR 127.0.0.1:5 LADDR 127.0.0.1:6380", false),
            ("LADDR 127.0.0.1:6379", true),
            ("ADDR 127.0.0.1", false),
            ("TYPE pubsub", false),
            ("SKIPME no", true),
        ] {
            with_filter(line, |filter| {
                assert_eq!(filter.unwrap().matches(&bob), matches, "{line}");
            });
        }
    }

    #[test]
    fn the_caller_is_spared_unless_told_otherwise() {
        for (line, caller_too) in [("ID 7", false), ("SKIPME yes", false), ("SKIPME NO", true)] {
            with_filter(line, |filter| {
                assert_eq!(filter.unwrap().caller_too, caller_too, "{line}");
            });
        }
    }
}
