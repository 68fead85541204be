//! Any bytes as a value that RESTORE takes: no panic, and what could be read into a data type is
//! written and read again as the same, also where its effect arrives. Then every command of a list is
//! run on it: no panic, every reply whole, and the same data where effects alone arrive.
//!
//! The first byte of an input chooses the bounds of small forms; the rest is the value, from its type
//! on. The checksum is added here: whoever means ill can do that too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shardwright_codec::rdb::{Value, dump};
use shardwright_codec::resp::{ArgRange, Args, Protocol, parse_reply};
use shardwright_store::command::{CommandId, DataCommand};
use shardwright_store::commands::FAMILIES;
use shardwright_store::commands::dump::dump_of;
use shardwright_store::commands::object::encoding_of;
use shardwright_store::context::{KeyRef, Limits};
use shardwright_store::data::Encodings;
use shardwright_store::digest::partition_digest;
use shardwright_store::effect::{Effect, Event};
use shardwright_store::executor::{self, Batch, End, Meter, Planned, Replies, Request};
use shardwright_store::hash::KeyHasher;
use shardwright_store::keyspace::Keyspace;
use shardwright_store::partition::editing::Target;
use shardwright_store::partition::{Partition, PartitionOptions};
use shardwright_store::types::{DbIndex, ShardId, SlotRange, UnixMillis};

const MAX_STRING: usize = 1 << 16;
const DB: DbIndex = DbIndex(0);
const KEY: &[u8] = b"k";

/// The time of all commands.
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// What is done to the key, whatever it holds.
const COMMANDS: &str = include_str!("../../../store/tests/data/commands-on-a-value");

fuzz_target!(|data: &[u8]| {
    let Some((&bounds, value)) = data.split_first() else { return };
    let mut first = partition(bounds);
    first.encode_effects(true);
    let mut sealed = value.to_vec();
    dump::seal(&mut sealed);
    assert_eq!(dump::open(&sealed), Some(value));
    let Some(written) = restored(&mut first, value) else { return };
    let mut second = partition(bounds);
    let again = dump::open(&written).expect("a dump is sealed");
    restored(&mut second, again).expect("what was written is read");
    assert_eq!(partition_digest(&first), partition_digest(&second));
    assert_eq!(encoding(&first), encoding(&second));
    let mut shadow = partition(bounds);
    follow(&mut first, &mut shadow);
    for line in COMMANDS.lines() {
        run(&mut first, line);
        follow(&mut first, &mut shadow);
    }
});

fn partition(bounds: u8) -> Partition {
    let mut partition = Partition::new(PartitionOptions {
        id: ShardId(0),
        slots: SlotRange::ALL,
        databases: 1,
        hasher: KeyHasher::new([1, 2]),
        seed: 3,
        now: UnixMillis(0),
    });
    if bounds & 1 == 1 {
        let few = usize::from(bounds >> 1);
        partition.encodings = Encodings {
            hash_max_listpack_entries: few,
            list_max_listpack_size: few as i64 + 1,
            set_max_intset_entries: few,
            zset_max_listpack_entries: few,
            ..Encodings::default()
        };
    }
    partition
}

/// Reads a collection into a key. Gives what DUMP gives for it, if it is one.
fn restored(partition: &mut Partition, value: &[u8]) -> Option<Vec<u8>> {
    let mut scratch = Vec::new();
    let Ok(Value::Collection(collection)) = Value::decode(value, MAX_STRING, &mut scratch) else {
        return None;
    };
    let hash = partition.hasher().hash(KEY);
    let target = Target { db: DB, hash, key: KEY, place: None, lru: 0 };
    partition.restore(target, collection, None, Event::generic("restore")).ok()?;
    let entry = partition.get(DB, hash, KEY).expect("the key is there");
    Some(dump_of(entry.value()))
}

fn encoding(partition: &Partition) -> &'static str {
    let hash = partition.hasher().hash(KEY);
    partition.get(DB, hash, KEY).map_or("", |entry| encoding_of(entry.value()))
}

/// Feeds the shadow and compares.
fn follow(first: &mut Partition, shadow: &mut Partition) {
    drop(first.take_garbage());
    let records = first.take_effects().map(|batch| batch.records).unwrap_or_default();
    let mut rest = &records[..];
    while !rest.is_empty() {
        let (effect, len) = Effect::decode(rest).expect("an effect");
        shadow.apply(&effect).expect("an effect that fits");
        rest = &rest[len..];
    }
    assert_eq!(partition_digest(first), partition_digest(shadow));
}

/// Runs one command, which must give one reply.
fn run(partition: &mut Partition, line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    let (id, command) = command_of(&words);
    let mut batch = Batch::default();
    for word in &words {
        let start = batch.data.len() as u32;
        batch.data.extend_from_slice(word.as_bytes());
        batch.args.push(ArgRange { start, len: word.len() as u32 });
    }
    let args = Args::new(&batch.data, &batch.args);
    for spec in command.spec.keys {
        for at in spec.positions(args).expect("keys are found") {
            let hash = partition.hasher().hash(args.at(at));
            batch.keys.push(KeyRef { hash: hash.hash, arg: at as u32, slot: hash.slot });
        }
    }
    batch.requests.push(Request::Command(Planned {
        handler: command.run.expect("a command that runs"),
        id,
        db: DB,
        protocol: Protocol::Resp3,
        first_arg: 0,
        arg_count: words.len() as u32,
        first_key: 0,
        key_count: batch.keys.len() as u32,
        watch: None,
        no_touch: false,
    }));
    let limits = Limits { encodings: partition.encodings, ..Limits::default() };
    let mut out = Vec::new();
    let mut replies = Replies { out: &mut out, ends: None, limit: usize::MAX };
    let mut keyspace = Keyspace::of(partition);
    executor::run(&mut keyspace, batch.view(), 0, NOW, limits, &mut replies, &mut GoOn);
    let (_, len) = parse_reply(&out).expect("a reply").expect("a whole reply");
    assert_eq!(len, out.len(), "{line}");
}

fn command_of(words: &[&str]) -> (CommandId, &'static DataCommand) {
    let is = |command: &DataCommand, word: &str| word.eq_ignore_ascii_case(command.spec.name);
    let mut all = FAMILIES.iter().copied().flatten().enumerate();
    let (at, command) = all.find(|(_, command)| is(command, words[0])).expect("a command");
    let child = command.subcommands.iter().find(|child| is(child, words[1]));
    (CommandId(at as u16), child.unwrap_or(command))
}

struct GoOn;

impl Meter for GoOn {
    fn ended(&mut self, _: CommandId, _: End, _: Option<&[u8]>) -> bool {
        true
    }
}
