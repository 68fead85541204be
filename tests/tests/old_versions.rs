//! Data directories that older servers wrote are read by today's, with all that is in them; those of
//! later versions are refused by name. A change of the format that breaks this needs a way to read
//! the old one: see `tests/data/README.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use shardwright_tests::harness::data::{Entry, contents};
use shardwright_tests::{Data, Reply, Server};

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

/// What `tests/data/make.sh` leaves.
fn expected() -> BTreeMap<(usize, Vec<u8>), Entry> {
    let long = "0123456789".repeat(7);
    let (int, embstr, raw) = ("int", "embstr", "raw");
    let mut keys = BTreeMap::new();
    let mut set = |database, key: &[u8], value: &[u8], encoding: &str, deadline_ms| {
        let (value, encoding) = (value.to_vec(), encoding.to_owned());
        keys.insert((database, key.to_vec()), Entry { value, encoding, deadline_ms });
    };
    set(0, b"int", b"42", int, -1);
    set(0, b"negative", b"-9223372036854775808", int, -1);
    set(0, b"embedded", b"hello", embstr, 4_102_444_800_000);
    set(0, b"long", long.as_bytes(), raw, -1);
    set(0, b"empty", b"", embstr, -1);
    set(0, b"", b"the key is empty", embstr, -1);
    set(0, b"binary\x00\r\n\xff", b"\x00\x01\xfe\xff", embstr, -1);
    set(0, b"spliced", b"hello world!", raw, -1);
    set(0, b"copied", b"hello world!", raw, -1);
    set(0, b"gap", b"\0\0\0x", raw, -1);
    set(0, b"float", b"1.5", embstr, -1);
    set(0, b"deadline", b"1", int, 4_102_444_800_123);
    set(0, b"kept", b"1", int, -1);
    set(0, b"pair:1", b"1", int, -1);
    set(0, b"pair:2", b"2", int, 4_102_444_800_456);
    set(0, b"renamed", b"4", int, -1);
    set(0, b"block:1", b"1", int, -1);
    set(0, b"block:2", b"2", int, -1);
    set(0, b"block:3", b"3", int, -1);
    set(0, b"last", b"1", int, -1);
    set(3, b"three", b"in three", embstr, -1);
    set(8, b"seven", b"7", int, -1);
    set(15, b"fifteen", b"15", int, -1);
    keys
}

/// Starts servers with several numbers of shards on copies of a directory, and one after another on
/// the same copy.
#[track_caller]
fn check(name: &str) {
    for shards in [1, 3, 2] {
        let data = Data::copy_of(&kept(name));
        let server = data.start(shards, "always");
        assert_eq!(contents(&server), expected(), "{name} with {shards} shards");
        assert!(server.client().run("SET written:today 1").is_ok());
        server.finish();
        let server = data.start(shards, "always");
        let mut with_today_s = contents(&server);
        assert!(with_today_s.remove(&(0, b"written:today".to_vec())).is_some());
        assert_eq!(with_today_s, expected(), "{name}, the second start");
        server.finish();
    }
}

/// Version and number of partitions that a segment or a checkpoint says it has.
fn header(path: &Path) -> (u16, u16) {
    let bytes = fs::read(path).unwrap();
    let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    (short(8), short(10))
}

/// The files that were kept are still what they were kept for.
#[test]
fn the_files_are_of_their_versions_and_have_what_the_page_says() {
    let cases: [(&str, &[u16], usize); 16] = [
        ("log-1", &[1, 1, 1], 0),
        ("log-3", &[3, 3, 3], 0),
        ("checkpoint-1", &[1], 1),
        ("checkpoint-3", &[3], 1),
        ("torn-1", &[1], 0),
        ("torn-3", &[3], 0),
        ("layouts", &[3, 1, 2], 0),
        ("recycled-3", &[3, 3], 1),
        ("types-1", &[1], 1),
        ("types-3", &[3], 1),
        ("types-log", &[2], 0),
        ("moves-1", &[1], 1),
        ("moves-3", &[3], 1),
        ("moves-layouts", &[1, 3], 0),
        ("large-1", &[1], 1),
        ("large-3", &[3], 1),
    ];
    let versions = [(1, 1, &cases[..7]), (2, 1, &cases[..8]), (3, 2, &cases[..11]), (4, 3, &cases)];
    for (version, of_checkpoint, cases) in versions {
        for (name, partitions, checkpoints) in cases {
            let name = format!("v{version}-{name}");
            let data = Data::copy_of(&kept(&name));
            let headers: Vec<_> = data.segments().iter().map(|path| header(path)).collect();
            let wanted: Vec<_> = partitions.iter().map(|count| (version, *count)).collect();
            assert_eq!(headers, wanted, "{name}");
            let of_checkpoints = data.checkpoints();
            assert_eq!(of_checkpoints.len(), *checkpoints, "{name}");
            let wanted = (of_checkpoint, partitions[0]);
            assert!(of_checkpoints.iter().all(|path| header(path) == wanted), "{name}");
            let manifest = fs::read_to_string(data.path().join("MANIFEST")).unwrap();
            assert!(manifest.starts_with("shardwright manifest 1\n"), "{name}");
        }
    }
}

#[test]
fn a_log_of_version_1_is_read() {
    check("v1-log-1");
    check("v1-log-3");
    check("v1-layouts");
}

#[test]
fn a_log_of_version_2_is_read() {
    check("v2-log-1");
    check("v2-log-3");
    check("v2-layouts");
}

#[test]
fn a_log_of_version_3_is_read() {
    check("v3-log-1");
    check("v3-log-3");
    check("v3-layouts");
}

#[test]
fn a_log_of_version_4_is_read() {
    check("v4-log-1");
    check("v4-log-3");
    check("v4-layouts");
}

#[test]
fn a_checkpoint_before_a_log_of_version_1_is_read() {
    check("v1-checkpoint-1");
    check("v1-checkpoint-3");
}

#[test]
fn a_checkpoint_before_a_log_of_version_2_is_read() {
    check("v2-checkpoint-1");
    check("v2-checkpoint-3");
}

#[test]
fn a_checkpoint_of_version_2_before_a_log_of_version_3_is_read() {
    check("v3-checkpoint-1");
    check("v3-checkpoint-3");
}

#[test]
fn a_checkpoint_of_version_2_before_a_log_of_version_4_is_read() {
    check("v4-checkpoint-1");
    check("v4-checkpoint-3");
}

/// Every type in each of its forms, before and after every change that it has. Written down from what
/// redis-server 7.0.15 replies after the same commands, its digest of everything included.
#[track_caller]
fn check_types(server: &Server, what: &str) {
    let mut client = server.client();
    let long = "0".repeat(70);
    let large = format!("[three 3 huge 1.0000000000000001e+300 {long} inf]");
    let entries = "[[3-0 [field third]] [4-5 [field last]] [6-0 [field sixth]] \
                   [7-0 [field seventh]]]";
    let cases = [
        ("DBSIZE", "18"),
        ("DEBUG DIGEST", "3fa50ba1092ecc31ef55f6c991c872bacc8bfce6"),
        ("LRANGE list 0 7", "[A b 3 inserted d 5 g -8]"),
        ("LRANGE list 9 -1", "[back 3 f f]"),
        ("LRANGE list:new 0 -1", "[a b]"),
        ("HGETALL hash", "[field changed number 42 new 1]"),
        ("HMGET hash:large long more field", &format!("[{long} 2 nil]")),
        ("SCARD set:large", "40"),
        ("SMISMEMBER set:large member-40 member-41", "[0 1]"),
        ("SMEMBERS intset", "[-5000000000 -2 1 9 70000]"),
        ("ZRANGE zset 0 -1 WITHSCORES", "[two 2.5 seven 7 eight 8]"),
        ("ZRANGE zset:large 0 -1 WITHSCORES", &large),
        ("XRANGE stream - +", entries),
        ("XPENDING stream group", "[3 1-2 4-5 [[alice 1] [bob 2]]]"),
        ("XPENDING stream group 1-2 1-2 1 bob", "[[1-2 bob * 7]]"),
        (
            "XINFO GROUPS stream",
            "[[name group consumers 4 pending 3 last-delivered-id 6-0 \
          entries-read nil lag nil] [name idle consumers 0 pending 0 last-delivered-id 1-2 \
          entries-read nil lag nil]]",
        ),
        ("XRANGE stream:empty - +", "[]"),
        ("PFCOUNT hll absent", "10"),
        ("PEXPIRETIME hash", "4102444800000"),
        ("EXISTS list:gone list:small set:gone moved", "0"),
    ];
    for (command, wanted) in cases {
        let reply = client.run(command);
        // How long ago something was is another number each time.
        let found = match &reply {
            Reply::Array(items) if command.ends_with(" bob") => {
                let pending = items[0].items();
                let [id, consumer, count] = [0, 1, 3].map(|at| plain(&pending[at]));
                format!("[[{id} {consumer} * {count}]]")
            }
            reply => plain(reply),
        };
        assert_eq!(found, wanted, "{what}: {command}");
    }
    let info = plain(&client.run("XINFO STREAM stream"));
    let wanted = "last-generated-id 9-9 max-deleted-entry-id 8-0 entries-added 20 \
                  recorded-first-entry-id 3-0 groups 2";
    assert!(info.contains(wanted), "{what}: {info}");
    let encodings = [
        ("list", "quicklist"),
        ("hash", "listpack"),
        ("hash:large", "hashtable"),
        ("set:large", "hashtable"),
        ("intset", "intset"),
        ("zset", "listpack"),
        ("zset:large", "skiplist"),
        ("stream", "stream"),
    ];
    for (key, wanted) in encodings {
        let found = client.run(&format!("OBJECT ENCODING {key}")).text();
        assert_eq!(found, wanted, "{what}: {key}");
    }
}

/// A reply as one may write it down.
fn plain(reply: &Reply) -> String {
    match reply {
        Reply::Int(number) => number.to_string(),
        Reply::Null => "nil".to_owned(),
        Reply::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            format!("[{}]", items.join(" "))
        }
        other => other.text(),
    }
}

#[test]
fn every_type_of_a_checkpoint_and_every_change_in_a_log_is_read() {
    for version in [3, 4] {
        for name in ["types-1", "types-3", "types-log"] {
            check_twice(&format!("v{version}-{name}"), check_types);
        }
    }
}

/// Starts servers with several numbers of shards on copies of a directory, each twice.
#[track_caller]
fn check_twice(name: &str, check: impl Fn(&Server, &str)) {
    for shards in [1, 3, 2] {
        let data = Data::copy_of(&kept(name));
        let server = data.start(shards, "always");
        check(&server, &format!("{name} with {shards} shards"));
        let before = contents(&server);
        // From a checkpoint of today, and from a log behind that.
        assert!(server.client().run("SAVE").is_ok());
        server.finish();
        let server = data.start(shards, "always");
        check(&server, &format!("{name}, the second start"));
        assert_eq!(contents(&server), before, "{name}, the second start");
        server.finish();
    }
}

/// What keys of every type held and where they were, when redis-server 7.0.15 had done the same.
#[track_caller]
fn check_moves(server: &Server, what: &str) {
    let by_layouts = what.contains("layouts");
    let (set, list, there) =
        if by_layouts { ("{set}back", "{list}again", 9) } else { ("elsewhere", "list", 0) };
    let digest = if by_layouts {
        "729bc26828da39f6ec44595172c67ee961d2f9ff"
    } else {
        "1e6b87c29837ab521d5eda985674d8966870fd2c"
    };
    let large = format!("[one two four huge {}]", "0".repeat(70));
    let text = "some text that is long enough to have an allocation of its own ........";
    let cases = [
        (0, "DEBUG DIGEST", digest),
        (0, &format!("LRANGE {list} 0 7"), "[a b 3 d 5 f g -8]"),
        (0, &format!("LRANGE {list} 9 -1"), "[more]"),
        (0, "LRANGE {list:small}moved 0 -1", "[one 2]"),
        (0, "HGETALL {hash}taken", "[field value number 12 other -3 after moved]"),
        (0, "PEXPIRETIME {hash}taken", "4102444800000"),
        (0, "HGET {hash:large}moved field", "value"),
        (0, &format!("SMISMEMBER {set} alpha beta 3 more"), "[1 1 1 1]"),
        (0, "XLEN {stream}moved", "6"),
        (0, "XPENDING {stream}moved group", "[3 1-2 3-0 [[alice 2] [bob 1]]]"),
        (0, "XRANGE {stream:empty}moved - +", "[]"),
        (0, "SMEMBERS moved", "[1 2 3]"),
        (0, "GET {text}moved", text),
        (there, "ZRANGE there 0 -1 WITHSCORES", "[least -inf one 1 two 2.5]"),
        (3, "ZRANGE zset:large 0 -1", &large),
        (3, "GET {number}moved", "13"),
        (3, "PEXPIRETIME {number}moved", "4102444800123"),
        (5, "SMEMBERS intset", "[-5000000000 -2 1 77 300 70000]"),
        (5, "SMEMBERS moved", "[another]"),
        (5, "SCARD set:large", "40"),
        // Of several keys, since that leaves what it counted nowhere.
        (15, "PFCOUNT hll absent", "7"),
        (0, "EXISTS hash set zset stream hll intset {list}moved {intset}moved", "0"),
    ];
    let mut client = server.client();
    for (database, command, wanted) in cases {
        assert!(client.run(&format!("SELECT {database}")).is_ok());
        assert_eq!(plain(&client.run(command)), wanted, "{what}: {command}");
    }
}

#[test]
fn every_type_that_moved_in_a_log_is_read() {
    for name in ["v4-moves-1", "v4-moves-3", "v4-moves-layouts"] {
        check_twice(name, check_moves);
    }
}

/// The digest is that of redis-server 7.0.15 after the same commands.
#[test]
fn large_collections_in_parts_of_a_checkpoint_are_read() {
    for name in ["v4-large-1", "v4-large-3"] {
        check_twice(name, |server, what| {
            let digest = plain(&server.client().run("DEBUG DIGEST"));
            assert_eq!(digest, "6518ae1aa79835f430fa39761a38eac63d6f3b4e", "{what}");
        });
    }
}

#[test]
fn a_segment_over_an_earlier_one_is_read_up_to_its_own_end() {
    for name in ["v2-recycled-1", "v2-recycled-3", "v3-recycled-3", "v4-recycled-3"] {
        let data = Data::copy_of(&kept(name));
        let bytes = fs::read(data.segments().pop().unwrap()).unwrap();
        let former_len = u64::from_le_bytes(bytes[36..44].try_into().unwrap());
        assert!(former_len >= 64 << 10, "{name} was written over {former_len} bytes");
        assert_eq!(bytes.len() as u64, former_len, "{name} has them still");
        check(name);
        let mut server = Data::copy_of(&kept(name)).start(2, "always");
        let log = server.process().log();
        assert!(!log.contains("half written"), "{log}");
        server.finish();
    }
}

#[test]
fn a_torn_log_is_read_up_to_where_it_is_whole() {
    for name in ["v1-torn-1", "v1-torn-3", "v2-torn-1", "v2-torn-3", "v3-torn-3", "v4-torn-3"] {
        check(name);
        let mut server = Data::copy_of(&kept(name)).start(2, "always");
        let log = server.process().log();
        assert!(log.contains("half written"), "{log}");
        server.finish();
    }
}

/// Changes bytes of a copied file and starts a server on it that must say why it does not.
fn refused(name: &str, file: impl Fn(&Data) -> PathBuf, change: impl Fn(&mut Vec<u8>)) -> String {
    let data = Data::copy_of(&kept(name));
    let path = file(&data);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(&path, &bytes).unwrap();
    let text = data.fail_to_start();
    assert_eq!(fs::read(&path).unwrap(), bytes, "nothing was changed");
    text
}

#[test]
fn files_of_later_versions_are_refused_by_name() {
    let why = "of the format, this program reads up to";
    let segment = |data: &Data| data.segments().remove(0);
    let checkpoint = |data: &Data| data.checkpoints().remove(0);
    let text = refused("v1-log-3", segment, |bytes| bytes[8] = 5);
    let told = format!("log-0000000001.swl cannot be read: it has version 5 {why} 4");
    assert!(text.contains(&told), "{text}");
    let text = refused("v1-checkpoint-3", checkpoint, |bytes| bytes[8] = 4);
    assert!(text.contains("checkpoint-"), "{text}");
    assert!(text.contains(&format!("it has version 4 {why} 3")), "{text}");
}

/// A record that is whole and has an effect that is not known.
#[test]
fn an_effect_of_a_later_version_is_told_from_damage() {
    // Behind the header there is a frame with a record of one part.
    const FRAME: usize = 36 + 8 + 4;
    const EFFECT: usize = FRAME + 17 + 18 + 26;
    let segment = |data: &Data| data.segments().remove(0);
    let text = refused("v1-log-1", segment, |bytes| {
        let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let (len, sum) = (number(FRAME) as usize, number(FRAME + 4));
        let covered = |bytes: &[u8]| {
            let frame = &bytes[FRAME..FRAME + 17 + len];
            crc32(&[&frame[..4], &frame[8..]].concat())
        };
        assert_eq!((covered(bytes), bytes[EFFECT]), (sum, 1));
        bytes[EFFECT] = 99;
        let sum = covered(bytes).to_le_bytes();
        bytes[FRAME + 4..FRAME + 8].copy_from_slice(&sum);
    });
    assert!(text.contains("unknown effect tag 99"), "{text}");
    assert!(text.contains("may have been written by a later version"), "{text}");
    assert!(!text.contains("shardwright repair"), "{text}");
}

/// The checksum of a text file's lines, as its last line has it.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    let byte = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc));
    !bytes.iter().fold(u32::MAX, byte)
}

#[test]
fn a_manifest_of_version_2_is_refused_by_name() {
    let manifest = |data: &Data| data.path().join("MANIFEST");
    let text = refused("v1-log-1", manifest, |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let (lines, sum) = text.split_once("crc32 ").unwrap();
        assert_eq!(sum, format!("{:08x}\n", crc32(lines.as_bytes())));
        let lines = lines.replace("manifest 1\n", "manifest 2\n");
        *bytes = format!("{lines}crc32 {:08x}\n", crc32(lines.as_bytes())).into_bytes();
    });
    let told = ["MANIFEST cannot be read", "shardwright manifest 2", "shardwright manifest 1"];
    assert!(told.iter().all(|part| text.contains(part)), "{text}");
}
