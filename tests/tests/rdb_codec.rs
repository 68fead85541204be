//! RDB files of the codec and of redis-server: each reads what the other wrote.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use shardwright_codec::rdb::{self, Decoder, Encoder, Item, Value};
use shardwright_tests::harness::rng::seed_or;
use shardwright_tests::{Client, Options, Oracle, Reply, Rng};

const DATABASES: usize = 16;
const KEYS: usize = 3000;
/// The year 2100: no key expires meanwhile.
const FAR_MS: i64 = 4_102_444_800_000;

/// Database and key; deadline and value.
type Data = BTreeMap<(u64, Vec<u8>), (Option<i64>, Vec<u8>)>;

/// A string of the kinds that files write in ways of their own.
fn string(rng: &mut Rng) -> Vec<u8> {
    let mut random = |length: usize, letters: usize| -> Vec<u8> {
        let length = rng.below(length);
        (0..length).map(|_| rng.below(letters) as u8).collect()
    };
    match random(2, 8).first() {
        None => rng.between(-300, 300).to_string().into_bytes(),
        Some(0) => rng.between(-70_000, 70_000).to_string().into_bytes(),
        Some(1) => rng.between(i64::MIN, i64::MAX).to_string().into_bytes(),
        Some(2) => random(30, 256),
        Some(3) => random(400, 3),
        Some(4) => random(20_000, 256),
        Some(5) => random(40_000, 2),
        Some(6) => random(20, 256).repeat(700),
        Some(_) => b"words that are found again, ".repeat(rng.below(60)),
    }
}

fn data(seed: u64) -> Data {
    let mut rng = Rng::new(seed);
    let mut data = Data::new();
    for at in 0..KEYS {
        let mut key = string(&mut rng);
        key.truncate(rng.below(200));
        let deadline = rng.percent(30).then(|| FAR_MS + at as i64);
        data.insert((rng.below(DATABASES) as u64, key), (deadline, string(&mut rng)));
    }
    for number in [0, 127, 128, 32767, 32768, 2_147_483_647, 2_147_483_648, i64::MAX] {
        for number in [number, -number, -number - 1] {
            data.insert((3, number.to_string().into_bytes()), (None, number.to_string().into()));
        }
    }
    data
}

fn value(text: &[u8]) -> Value<'_> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
    match number.filter(|number| number.to_string().as_bytes() == text) {
        Some(number) => Value::Int(number),
        None => Value::Bytes(text),
    }
}

/// A file of this data, written piece by piece; its databases take turns if `mixed`.
fn encoded(data: &Data, options: rdb::Options, mixed: bool) -> Vec<u8> {
    let mut encoder = Encoder::new(options);
    encoder.aux(b"redis-ver", b"7.0.15");
    encoder.aux(b"redis-bits", b"64");
    encoder.aux(b"ctime", b"1700000000");
    encoder.aux(b"used-mem", b"1000000");
    encoder.aux(b"aof-base", b"0");
    if !mixed {
        for database in 0..DATABASES as u64 {
            let keys = data.iter().filter(|((number, _), _)| *number == database);
            let expiring = keys.clone().filter(|(_, (deadline, _))| deadline.is_some());
            encoder.resize(database, keys.count() as u64, expiring.count() as u64);
        }
    }
    let mut keys: Vec<_> = data.iter().collect();
    if mixed {
        keys.sort_by_key(|((_, key), _)| key.clone());
    }
    let (mut bytes, mut buffer) = (Vec::new(), Vec::new());
    for ((database, key), (deadline, text)) in keys {
        encoder.key(*database, key, *deadline, &value(text));
        if encoder.pending() > 10_000 {
            encoder.swap(&mut buffer);
            bytes.extend_from_slice(&buffer);
        }
    }
    bytes.extend(encoder.finish());
    bytes
}

fn decoded(bytes: &[u8]) -> Data {
    let (mut decoder, mut data, mut database) = (Decoder::default(), Data::new(), 0);
    for piece in bytes.chunks(5000) {
        decoder.feed(piece);
        while let Some(item) = decoder.next_item().unwrap() {
            match item {
                Item::Database(number) => database = number,
                Item::Key(entry) => {
                    let text = match entry.value {
                        Value::Int(number) => number.to_string().into_bytes(),
                        Value::Bytes(bytes) => bytes.to_vec(),
                        Value::Collection(collection) => collection.body().to_vec(),
                    };
                    data.insert((database, entry.key.to_vec()), (entry.deadline_ms, text));
                }
                Item::Aux { .. } | Item::Resize { .. } | Item::End { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    decoder.finish().unwrap();
    data
}

fn check_by_tool(path: &Path, keys: usize, checksum: bool) {
    let output = Command::new("redis-check-rdb").arg(path).output();
    let output = output.expect("redis-check-rdb is there: `make deps` installs it");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("RDB looks OK!"), "{text}");
    assert!(text.contains(&format!("[info] {keys} keys read")), "{text}");
    assert_eq!(text.contains("Checksum OK"), checksum, "{text}");
}

/// Checks that redis-server has this data and nothing else.
fn check_server(client: &mut Client, data: &Data) {
    for database in 0..DATABASES as u64 {
        assert!(client.run(&format!("SELECT {database}")).is_ok());
        let keys = data.iter().filter(|((number, _), _)| *number == database);
        assert_eq!(client.run("DBSIZE"), Reply::Int(keys.clone().count() as i64));
        for ((_, key), (deadline, text)) in keys {
            let got = client.cmd(&[&b"GET"[..], key]);
            assert!(got.bytes() == text, "{}: {got:?}", key.escape_ascii());
            let got = client.cmd(&[&b"PEXPIRETIME"[..], key]);
            assert_eq!(got, Reply::Int(deadline.unwrap_or(-1)), "{}", key.escape_ascii());
        }
    }
}

#[test]
fn redis_server_and_its_tool_read_what_the_codec_writes_and_the_other_way_round() {
    let seed = seed_or(20_260_101);
    println!("seed {seed}");
    let data = data(seed);
    for (compress, checksum, mixed) in
        [(true, true, false), (true, false, true), (false, true, true)]
    {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.rdb");
        fs::write(&path, encoded(&data, rdb::Options { compress, checksum }, mixed)).unwrap();
        check_by_tool(&path, data.len(), checksum);

        let flag = |on: bool| if on { "yes" } else { "no" };
        let options = Options::default()
            .with("dir", directory.path().to_str().unwrap())
            .with("dbfilename", "data.rdb")
            .with("rdbcompression", flag(compress))
            .with("rdbchecksum", flag(checksum));
        let oracle = Oracle::start_with(&options);
        let mut client = oracle.client();
        check_server(&mut client, &data);
        fs::remove_file(&path).unwrap();
        assert!(client.run("SAVE").is_ok());
        assert!(decoded(&fs::read(&path).unwrap()) == data, "what redis-server saved is read");
    }
}
