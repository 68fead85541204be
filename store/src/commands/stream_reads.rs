//! XREAD and XREADGROUP: what they ask for, read from their arguments once, and answering it with what
//! is there now. Whether and how long to wait when there is nothing is not decided here.

use shardwright_codec::number::parse_i64_strict;
use shardwright_codec::resp::{Args, Protocol, ReplyWriter};

use super::stream_ids::{
    at_most, exact, move_to_front, quoting, write_counted, write_entries, write_entry, write_id,
};
use super::stream_pending::see;
use crate::command::{Blocking, Outcome, Patience};
use crate::context::{ReadCx, Served, WriteCx};
use crate::data::Editor;
use crate::data::stream::{Edit, Entry, Facts, MAX_ID_LEN, Stream, StreamId, View};
use crate::effect::Event;
use crate::error::CommandError;
use crate::value::Kind;

/// XREAD: it may wait.
pub(super) static XREAD: Blocking = Blocking {
    patience: |args| StreamRead::parse(args, false).map(|read| read.patience()),
    ready: |cx, args, key| has_entries(cx, StreamRead::parse(args, false)?, key),
    run: xread,
    nothing: |reply| reply.null_array(),
    moves: false,
    reads: true,
    awaits: Kind::Stream,
    gone: None,
    fix: Some(fix_ids),
};

/// XREADGROUP: it may wait.
pub(super) static XREADGROUP: Blocking = Blocking {
    patience: |args| StreamRead::parse(args, true).map(|read| read.patience()),
    ready: |cx, args, key| has_entries(cx, StreamRead::parse(args, true)?, key),
    run: xreadgroup,
    reads: false,
    gone: Some("UNBLOCKED the stream key no longer exists"),
    fix: None,
    ..XREAD
};

/// A group is gone for which a client waits.
const GROUP_GONE: CommandError =
    CommandError::Text("NOGROUP the consumer group this client was blocked on no longer exists");

/// What XREAD or XREADGROUP asks for.
#[derive(Debug, Clone)]
pub struct StreamRead<'a> {
    args: Args<'a>,
    /// The first key among the arguments.
    first_key: usize,
    /// Number of streams: keys, and behind them as many IDs.
    streams: usize,
    /// Most entries of each stream; 0 for all.
    pub count: u64,
    /// How long to wait when there is nothing, in milliseconds; 0 for ever.
    pub block_ms: Option<u64>,
    /// What is read is not pending.
    pub noack: bool,
    /// Group and consumer, of XREADGROUP alone.
    pub group: Option<(&'a [u8], &'a [u8])>,
    /// The one stream that is read, of a command that has waited for its key: the first of that name.
    only: Option<usize>,
    /// From where each stream is read. Empty until [`StreamRead::resolve`] has said it.
    pub from: Vec<ReadFrom>,
}

/// From where a stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// Entries behind this ID; of XREADGROUP those that are pending for the consumer. What `$` stood
    /// for when the command came.
    After(StreamId),
    /// `>`: entries that the group has not read.
    New,
}

impl<'a> StreamRead<'a> {
    /// Reads the options of XREAD or, if `groups`, of XREADGROUP.
    ///
    /// # Errors
    /// They are wrong in themselves, whatever the keys hold.
    pub fn parse(args: Args<'a>, groups: bool) -> Result<Self, CommandError> {
        let (first_key, streams, from) = (0, 0, Vec::new());
        let (count, block_ms, noack, group) = (0, None, false, None);
        let only = None;
        let mut read = Self { args, first_key, streams, count, block_ms, noack, group, only, from };
        let mut at = 1;
        while let Some(option) = args.get(at).filter(|_| read.first_key == 0) {
            at += read.option(option, at, groups)?;
        }
        if read.first_key == 0 {
            return Err(CommandError::Syntax);
        }
        if groups && read.group.is_none() {
            return Err(CommandError::Text("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(read)
    }

    /// Reads the option at an argument. Returns how many arguments it has.
    fn option(&mut self, option: &[u8], at: usize, groups: bool) -> Result<usize, CommandError> {
        let is = |name: &str| option.eq_ignore_ascii_case(name.as_bytes());
        let value = self.args.get(at + 1);
        match (value, self.args.get(at + 2)) {
            (Some(value), _) if is("block") => self.block_ms = Some(block_ms(value)?),
            (Some(value), _) if is("count") => {
                let count = parse_i64_strict(value).ok_or(CommandError::NotInteger)?;
                self.count = count.max(0).cast_unsigned();
            }
            (Some(_), _) if is("streams") => {
                self.first_key = at + 1;
                let rest = self.args.len() - self.first_key;
                if !rest.is_multiple_of(2) {
                    return Err(CommandError::Text(
                        "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' \
                         must be specified.",
                    ));
                }
                self.streams = rest / 2;
            }
            (Some(group), Some(consumer)) if is("group") => {
                if !groups {
                    return Err(CommandError::Text(
                        "ERR The GROUP option is only supported by XREADGROUP. You called XREAD \
                         instead.",
                    ));
                }
                self.group = Some((group, consumer));
                return Ok(3);
            }
            _ if is("noack") => {
                if !groups {
                    return Err(CommandError::Text(
                        "ERR The NOACK option is only supported by XREADGROUP. You called XREAD \
                         instead.",
                    ));
                }
                self.noack = true;
                return Ok(1);
            }
            _ => return Err(CommandError::Syntax),
        }
        Ok(2)
    }

    /// Number of streams.
    pub fn len(&self) -> usize {
        self.streams
    }

    /// Whether there are no streams, which is never so.
    pub fn is_empty(&self) -> bool {
        self.streams == 0
    }

    /// How long it waits.
    fn patience(&self) -> Patience {
        match self.block_ms {
            None => Patience::None,
            Some(0) => Patience::Forever,
            Some(ms) => Patience::Millis(ms),
        }
    }

    /// Reads only the stream that the command has waited for, if it has.
    fn restrict(&mut self, served: Option<Served<'_>>) {
        let waited = served.filter(|served| served.waited);
        let first = |key: &[u8]| (0..self.len()).find(|stream| self.key(*stream) == key);
        self.only = waited.and_then(|served| first(served.key));
    }

    /// Whether this stream is read.
    fn reads(&self, stream: usize) -> bool {
        self.only.is_none_or(|only| only == stream)
    }

    /// Finds out from where all streams are read, of which `held` tells what they hold.
    fn resolve_all<'v>(
        &mut self,
        mut held: impl FnMut(&'a [u8]) -> Result<Option<View<'v>>, CommandError>,
    ) -> Outcome {
        for stream in 0..self.len() {
            if self.reads(stream) {
                let held = held(self.key(stream))?;
                self.resolve(stream, held)?;
            } else {
                self.from.push(ReadFrom::New);
            }
        }
        Ok(())
    }

    /// The key of a stream.
    pub fn key(&self, stream: usize) -> &'a [u8] {
        self.args.at(self.first_key + stream)
    }

    /// Finds out from where a stream is read, which with `$` depends on what the key holds at that
    /// moment. To be called for each stream in order.
    ///
    /// # Errors
    /// There is no such group, or the ID is wrong.
    pub fn resolve(
        &mut self,
        stream: usize,
        held: Option<View<'_>>,
    ) -> Result<ReadFrom, CommandError> {
        if let Some((name, _)) = self.group
            && held.and_then(|held| held.group(name)).is_none()
        {
            let behind = "' in XREADGROUP with GROUP option";
            let parts = ["NOGROUP No such key '", "' or consumer group '", behind];
            return Err(quoting(parts, [self.key(stream), name]));
        }
        let text = self.args.at(self.first_key + self.streams + stream);
        let from = match (text.split(|byte| *byte == 0).next(), self.group) {
            (Some(b"$"), Some(_)) => {
                return Err(CommandError::Text(
                    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the \
                     history of this consumer by specifying a proper ID, or use the > ID to get new \
                     messages. The $ ID would just return an empty result set.",
                ));
            }
            (Some(b"$"), None) => ReadFrom::After(held.unwrap_or_default().facts.last),
            (Some(b">"), Some(_)) => ReadFrom::New,
            (Some(b">"), None) => {
                return Err(CommandError::Text(
                    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP \
                     <group> <consumer> option.",
                ));
            }
            (_, group) => match exact(text, 0)? {
                // Redis marks `>` by this ID.
                StreamId::MAX if group.is_some() => ReadFrom::New,
                id => ReadFrom::After(id),
            },
        };
        self.from.push(from);
        Ok(from)
    }

    /// The ID behind which a stream has entries to be read now, if it has any.
    fn behind(&self, stream: usize, held: View<'_>) -> Option<StreamId> {
        let after = match (*self.from.get(stream)?, self.group) {
            (ReadFrom::After(id), _) => id,
            (ReadFrom::New, Some((group, _))) => held.group(group)?.last,
            (ReadFrom::New, None) => return None,
        };
        held.last_there().filter(|last| *last > after).map(|_| after)
    }
}

/// How long BLOCK waits.
fn block_ms(text: &[u8]) -> Result<u64, CommandError> {
    const NO_INTEGER: &str = "ERR timeout is not an integer or out of range";
    let ms = parse_i64_strict(text).ok_or(CommandError::Text(NO_INTEGER))?;
    u64::try_from(ms).map_err(|_| CommandError::Text("ERR timeout is negative"))
}

/// Writes streams with their entries, of which `body` says how many it has written.
fn write_streams(
    reply: &mut ReplyWriter<'_>,
    body: impl FnOnce(&mut ReplyWriter<'_>) -> Result<usize, CommandError>,
) -> Result<bool, CommandError> {
    let begin = reply.out.len();
    let count = body(reply)?;
    if count > 0 {
        move_to_front(reply, begin, |reply| match reply.protocol() {
            Protocol::Resp2 => reply.array(count),
            Protocol::Resp3 => reply.map(count),
        });
    }
    Ok(count > 0)
}

/// Writes the key of a stream, behind which its entries follow.
fn write_key(key: &[u8], reply: &mut ReplyWriter<'_>) {
    // In RESP3 the streams are a map.
    if reply.protocol() == Protocol::Resp2 {
        reply.array(2);
    }
    reply.bulk(key);
}

/// Answers XREAD, if there is anything to read now. Returns whether it did.
///
/// # Errors
/// A key holds another type.
pub fn read_now(
    cx: &ReadCx<'_>,
    read: &StreamRead<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Result<bool, CommandError> {
    let mut found = Vec::new();
    for stream in (0..read.len()).filter(|stream| read.reads(*stream)) {
        let held = cx.collection::<Stream>(read.key(stream))?;
        let behind = held.and_then(|held| Some((held, read.behind(stream, held)?)));
        found.extend(behind.map(|(held, after)| (read.key(stream), held, after)));
    }
    write_streams(reply, |reply| {
        for (key, held, after) in &found {
            write_key(key, reply);
            let start = after.next().unwrap_or(StreamId::MAX);
            write_entries(held.range(start, StreamId::MAX).take(at_most(read.count)), reply);
        }
        Ok(found.len())
    })
}

fn xread(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let mut read = StreamRead::parse(args, false)?;
    let served = cx.frame.served;
    let cx = cx.reading();
    read.restrict(served);
    read.resolve_all(|key| cx.collection::<Stream>(key))?;
    if !read_now(&cx, &read, reply)? {
        reply.null_array();
    }
    Ok(())
}

/// Whether this key of a read has entries for it now. Before there is a wait, all streams are looked at
/// with the key that comes first, so that what is wrong with any of them is told.
fn has_entries<'a>(
    cx: &ReadCx<'a>,
    mut read: StreamRead<'a>,
    key: &[u8],
) -> Result<bool, CommandError> {
    let waited = cx.frame.served.is_some_and(|served| served.waited);
    read.restrict(cx.frame.served);
    let is_it = |read: &StreamRead<'_>, at| read.reads(at) && read.key(at) == key;
    let alone = waited || read.key(0) != key;
    for stream in 0..read.len() {
        if alone && !is_it(&read, stream) {
            read.from.push(ReadFrom::New);
            continue;
        }
        let held = cx.peek_collection::<Stream>(read.key(stream))?;
        match read.resolve(stream, held) {
            Err(_) if waited && held.is_some() => return Err(GROUP_GONE),
            from => from?,
        };
    }
    let mut streams = (0..read.len()).filter(|stream| is_it(&read, *stream));
    Ok(streams.any(|stream| match (read.from.get(stream), read.group) {
        (Some(ReadFrom::After(_)), Some(_)) => true,
        _ => {
            let held = cx.peek_collection::<Stream>(key).ok().flatten();
            held.is_some_and(|held| read.behind(stream, held).is_some())
        }
    }))
}

/// The arguments of XREAD with the IDs that `$` stands for now.
fn fix_ids(cx: &ReadCx<'_>, args: Args<'_>) -> Vec<Vec<u8>> {
    let mut fixed: Vec<Vec<u8>> = args.iter().map(<[u8]>::to_vec).collect();
    let Ok(read) = StreamRead::parse(args, false) else { return fixed };
    for stream in 0..read.len() {
        let held = cx.peek_collection::<Stream>(read.key(stream)).ok().flatten();
        let id = fixed.get_mut(read.first_key + read.streams + stream);
        if let Some(id) = id.filter(|id| id.as_slice() == b"$") {
            let last = held.unwrap_or_default().facts.last;
            *id = last.text(b'-', &mut [0; MAX_ID_LEN]).to_vec();
        }
    }
    fixed
}

/// Answers XREADGROUP, if there is anything to read now. Returns whether it did: only then the
/// consumer was seen, and made if it was not there.
///
/// # Errors
/// A key holds another type; none if the read was resolved under the same hands.
pub fn read_group_now(
    cx: &mut WriteCx<'_, '_>,
    read: &StreamRead<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Result<bool, CommandError> {
    let Some((group, consumer)) = read.group else { return Ok(false) };
    let now = cx.frame.now.0;
    let by = Reader { group, consumer, now, count: at_most(read.count), noack: read.noack };
    write_streams(reply, |reply| {
        let mut written = 0;
        for (stream, from) in read.from.iter().enumerate().filter(|(at, _)| read.reads(*at)) {
            let key = read.key(stream);
            let place = cx.key(key);
            let Some(held) = place.collection::<Stream>()? else { continue };
            let behind = match from {
                ReadFrom::After(id) => Some(*id),
                ReadFrom::New => read.behind(stream, held),
            };
            let Some(after) = behind else { continue };
            place.edit::<Stream, _>(Event::group("xreadgroup"), |stream| {
                see(stream, group, consumer, now);
                write_key(key, reply);
                written += 1;
                match from {
                    ReadFrom::After(_) => by.write_again(stream, after, reply),
                    ReadFrom::New => by.write_new(stream, after, reply),
                }
            })?;
        }
        Ok(written)
    })
}

/// Who reads for a group, and how.
struct Reader<'a> {
    group: &'a [u8],
    consumer: &'a [u8],
    now: i64,
    count: usize,
    noack: bool,
}

impl Reader<'_> {
    /// Writes entries that the group has not read, and makes them pending.
    fn write_new(
        &self,
        stream: &mut Editor<'_, Stream>,
        after: StreamId,
        reply: &mut ReplyWriter<'_>,
    ) {
        let (view, start) = (stream.view(), after.next().unwrap_or(StreamId::MAX));
        let Some(mut read) = view.group(self.group).map(|group| group.read) else { return };
        let facts: Facts = view.facts;
        let mut ids: Option<(StreamId, StreamId)> = None;
        let entries =
            view.range(start, StreamId::MAX).take(self.count).inspect(|entry: &Entry<'_>| {
                read = facts.read_next(read, entry.id);
                ids = Some((ids.map_or(entry.id, |(first, _)| first), entry.id));
            });
        write_entries(entries, reply);
        if let Some((first, last)) = ids {
            let (group, consumer, time) = (self.group, self.consumer, self.now);
            let pending = !self.noack;
            stream.apply(Edit::Read { group, consumer, time, first, last, read, pending });
        }
    }

    /// Writes entries that are pending for the consumer, of which some may be gone.
    fn write_again(
        &self,
        stream: &mut Editor<'_, Stream>,
        after: StreamId,
        reply: &mut ReplyWriter<'_>,
    ) {
        let (view, start) = (stream.view(), after.next().unwrap_or(StreamId::MAX));
        let consumer = view.group(self.group).and_then(|group| group.consumer(self.consumer));
        let mut last = None;
        write_counted(reply, |reply| {
            let pending = consumer.into_iter().flat_map(|c| c.pending(start..=StreamId::MAX));
            let written = pending.take(self.count).map(|id| {
                last = Some(id);
                match view.entry(id) {
                    Some(entry) => write_entry(entry, reply),
                    None => {
                        reply.array(2);
                        write_id(id, reply);
                        reply.null_array();
                    }
                }
            });
            written.count()
        });
        if let Some(last) = last {
            let (group, consumer, time) = (self.group, self.consumer, self.now);
            stream.apply(Edit::Reread { group, consumer, time, first: start, last });
        }
    }
}

fn xreadgroup(cx: &mut WriteCx<'_, '_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let mut read = StreamRead::parse(args, true)?;
    read.restrict(cx.frame.served);
    for stream in 0..read.len() {
        if !read.reads(stream) {
            read.from.push(ReadFrom::New);
            continue;
        }
        let key = cx.key(read.key(stream));
        key.count();
        let held = key.collection::<Stream>()?;
        read.resolve(stream, held)?;
    }
    if !read_group_now(cx, &read, reply)? {
        reply.null_array();
    }
    Ok(())
}
