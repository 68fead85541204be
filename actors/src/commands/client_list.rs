//! CLIENT LIST and CLIENT INFO: one line a connection, with the fields of Redis 7.0 and the two of
//! 7.2 that tell the client library.
//!
//! Every connection publishes its figures once a batch, so a line about another one is at most a
//! batch old, and reading it asks no thread. What this server does not have is shown as Redis shows
//! its absence.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, ReplyWriter};
use shardwright_store::command::Outcome;
use shardwright_store::error::CommandError;
use shardwright_store::types::UnixMillis;

use super::connection::USER;
use crate::clients::{ClientInfo, Texts};
use crate::pubsub::Kind;
use crate::registry::registry;
use crate::session::SessionCx;

/// What connections are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientType {
    /// They send commands.
    Normal,
    /// They are subscribed to something.
    PubSub,
    /// Other servers: there are none yet.
    Absent,
}

impl ClientType {
    /// Reads the name of a type.
    ///
    /// # Errors
    /// There is no such type.
    pub(super) fn read(name: &[u8]) -> Result<Self, CommandError> {
        const ABSENT: [&[u8]; 3] = [b"slave", b"replica", b"master"];
        if name.eq_ignore_ascii_case(b"normal") {
            Ok(Self::Normal)
        } else if name.eq_ignore_ascii_case(b"pubsub") {
            Ok(Self::PubSub)
        } else if ABSENT.iter().any(|known| name.eq_ignore_ascii_case(known)) {
            Ok(Self::Absent)
        } else {
            Err(CommandError::quoting("ERR Unknown client type '", name, "'"))
        }
    }

    /// Whether a connection is of this type.
    pub(super) fn is_of(self, row: &ClientInfo) -> bool {
        match self {
            Self::Normal => !row.is_subscribed(),
            Self::PubSub => row.is_subscribed(),
            Self::Absent => false,
        }
    }
}

/// CLIENT INFO.
pub(super) fn info(cx: &mut SessionCx<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let mut lines = Vec::new();
    refresh_own(cx);
    write_line(&cx.client.info, cx.now, &mut lines);
    reply.verbatim("txt", &lines);
    Ok(())
}

/// CLIENT LIST.
pub(super) fn list(cx: &mut SessionCx<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let chosen = choose(args.skip(2))?;
    refresh_own(cx);
    let all = cx.server.clients.all();
    let mut lines = Vec::new();
    match chosen {
        Chosen::All => all.iter().for_each(|row| write_line(row, cx.now, &mut lines)),
        Chosen::Type(kind) => {
            let found = all.iter().filter(|row| kind.is_of(row));
            found.for_each(|row| write_line(row, cx.now, &mut lines));
        }
        Chosen::Ids(ids) => {
            // The rows are in order of their numbers.
            let found = ids.iter().filter_map(|id| {
                all.binary_search_by_key(id, |row| row.id).ok().and_then(|at| all.get(at))
            });
            found.for_each(|row| write_line(row, cx.now, &mut lines));
        }
    }
    reply.verbatim("txt", &lines);
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Chosen {
    All,
    Type(ClientType),
    Ids(Vec<u64>),
}

/// Reads what follows CLIENT LIST.
fn choose(options: Args<'_>) -> Result<Chosen, CommandError> {
    let word = options.at(0);
    match options.len() {
        0 => Ok(Chosen::All),
        2 if word.eq_ignore_ascii_case(b"TYPE") => {
            ClientType::read(options.at(1)).map(Chosen::Type)
        }
        2.. if word.eq_ignore_ascii_case(b"ID") => {
            // No connection has a number below 1.
            let id = |text| parse_i64_strict(text).map(|id| u64::try_from(id).unwrap_or(0));
            let ids: Option<Vec<u64>> = options.skip(1).iter().map(id).collect();
            ids.map(Chosen::Ids).ok_or(CommandError::Text("ERR Invalid client ID"))
        }
        _ => Err(CommandError::Syntax),
    }
}

/// Others are shown as they were after their last batch; who asks is shown as it is now.
fn refresh_own(cx: &SessionCx<'_>) {
    cx.client.info.publish_state(cx.client, cx.now);
}

/// Letters that tell in which states a connection is.
fn letters(row: &ClientInfo) -> String {
    let states = [
        ('P', row.is_subscribed()),
        ('x', row.multi.load(Relaxed) >= 0),
        ('b', row.is_waiting()),
        ('c', row.closing.load(Relaxed)),
        ('U', row.unix),
        ('T', row.no_touch.load(Relaxed)),
    ];
    let set: String =
        states.iter().filter(|(_, holds)| *holds).map(|(letter, _)| *letter).collect();
    if set.is_empty() { "N".to_owned() } else { set }
}

/// Full name of the last command, as CLIENT LIST shows it.
fn command_name(row: &ClientInfo) -> &'static str {
    let id = usize::from(row.command.load(Relaxed));
    registry().entries().get(id).map_or("NULL", |entry| &entry.full_name)
}

/// Whole seconds since a time, counted as Redis does: between the seconds of both.
fn seconds_since(then: UnixMillis, now: UnixMillis) -> i64 {
    (now.0 / 1000).saturating_sub(then.0 / 1000).max(0)
}

fn write_line(row: &Arc<ClientInfo>, now: UnixMillis, out: &mut Vec<u8>) {
    let Texts { name, lib_name, lib_version } = row.texts();
    let output = row.output.load(Relaxed);
    let addresses = format!(
        "id={} addr={} laddr={} fd={} name=",
        row.id, row.address, row.local_address, row.fd
    );
    // Arguments are not copied out of the query buffer, and replies lie in one buffer without a
    // list behind it: hence the zeros.
    let figures = format!(
        " age={age} idle={idle} flags={flags} db={db} sub={sub} psub={psub} ssub={ssub} multi={multi} \
         qbuf={query} qbuf-free={free} argv-mem=0 multi-mem={queued} rbs=0 rbp=0 obl={output} \
         oll=0 omem={output} tot-mem={memory} events={events} cmd={command} user={user} redir=-1 \
         resp={protocol} lib-name=",
        age = seconds_since(row.since, now),
        idle = seconds_since(UnixMillis(row.active.load(Relaxed)), now),
        flags = letters(row),
        db = row.db.load(Relaxed),
        sub = row.subscriptions[Kind::Channel as usize].load(Relaxed),
        psub = row.subscriptions[Kind::Pattern as usize].load(Relaxed),
        ssub = row.subscriptions[Kind::Shard as usize].load(Relaxed),
        multi = row.multi.load(Relaxed),
        query = row.query.load(Relaxed),
        free = row.query_free.load(Relaxed),
        queued = row.multi_memory.load(Relaxed),
        memory = row.memory.load(Relaxed),
        events = if output > 0 { "rw" } else { "r" },
        command = command_name(row),
        user = USER.escape_ascii(),
        protocol = row.protocol.load(Relaxed),
    );
    let parts: [&[u8]; 7] = [
        addresses.as_bytes(),
        &name,
        figures.as_bytes(),
        &lib_name,
        b" lib-ver=",
        &lib_version,
        b"\n",
    ];
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

#[cfg(test)]
mod tests {
    use super::super::with_args;
    use super::*;
    use crate::clients::Peer;
    use crate::messages::ConnId;
    use shardwright_store::types::ShardId;

    fn chosen(line: &str) -> Result<Chosen, String> {
        with_args(line, |args| choose(args).map_err(|error| error.to_string()))
    }

    #[test]
    fn options_are_read_as_redis_reads_them() {
        for (line, expected) in [
            ("", Ok(Chosen::All)),
            ("TYPE normal", Ok(Chosen::Type(ClientType::Normal))),
            ("type PubSub", Ok(Chosen::Type(ClientType::PubSub))),
            ("ID 3 1 -1", Ok(Chosen::Ids(vec![3, 1, 0]))),
            ("ID", Err("ERR syntax error".to_owned())),
            ("TYPE", Err("ERR syntax error".to_owned())),
            ("TYPE normal x", Err("ERR syntax error".to_owned())),
            ("NOSUCH", Err("ERR syntax error".to_owned())),
            ("TYPE nosuch", Err("ERR Unknown client type 'nosuch'".to_owned())),
            ("ID 1 abc", Err("ERR Invalid client ID".to_owned())),
        ] {
            assert_eq!(chosen(line), expected, "{line}");
        }
    }

    #[test]
    fn a_line_has_the_fields_of_redis_in_its_order() {
        let conn = ConnId { thread: ShardId(0), index: 0, generation: 0 };
        let peer = Peer {
            address: "127.0.0.1:5".to_owned(),
            local_address: "127.0.0.1:6379".to_owned(),
            fd: 8,
            unix: true,
            local: true,
        };
        let row = Arc::new(ClientInfo::new(7, conn, peer, UnixMillis(1_900)));
        row.set_name(b"bob".to_vec());
        row.multi.store(0, Relaxed);
        row.publish_wait(true);
        let mut line = Vec::new();
        write_line(&row, UnixMillis(4_000), &mut line);
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "id=7 addr=127.0.0.1:5 laddr=127.0.0.1:6379 fd=8 name=bob age=3 idle=3 flags=xbU db=0 \
             sub=0 psub=0 ssub=0 multi=0 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 \
             obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=NULL user=default redir=-1 resp=2 \
             lib-name= lib-ver=\n"
        );
    }
}
