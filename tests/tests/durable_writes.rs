//! Every command that writes is there after kill -9, with the deadlines that it set to the
//! millisecond; and what expired before stays away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::time::Duration;

use shardwright_tests::harness::data::contents;
use shardwright_tests::harness::server::info_field;
use shardwright_tests::{Client, Data, Reply, Server, eventually};

/// Every command that writes, in its ways: what is typed before it, and then the command, which must
/// change something. Each way has keys of its own; what spares nothing comes first.
const WAYS: &[&[&str]] = &[
    &["SET all:1 1", "FLUSHALL"],
    &["SELECT 1", "SET db:1 1", "FLUSHDB"],
    &["SELECT 2", "SET db:2 1", "SET db:3 2", "SWAPDB 2 3"],
    &["SELECT 0", "APPEND append:new text"],
    &["SET append:old text", "APPEND append:old -more"],
    &["SET append:int 12", "APPEND append:int 3"],
    &["DECR decr:new"],
    &["SET decrby 10", "DECRBY decrby 3"],
    &["SET getdel 1", "GETDEL getdel"],
    &["SET getex:1 1", "GETEX getex:1 EX 1000"],
    &["SET getex:2 1 EX 1000", "GETEX getex:2 PERSIST"],
    &["SET getset 1 EX 1000", "GETSET getset 2"],
    &["INCR incr"],
    &["SET incrby 40 EX 1000", "INCRBY incrby 2"],
    &["SET incrbyfloat 10.5", "INCRBYFLOAT incrbyfloat 0.1"],
    &["MSET mset:1 1 mset:2 2 mset:3 3 mset:4 4"],
    &["MSETNX msetnx:1 1 msetnx:2 2 msetnx:3 3"],
    &["PSETEX psetex 1000000 1"],
    &["SET set:text some-text"],
    &["SET set:int 17"],
    &["SET set:long 0123456789012345678901234567890123456789012345678901234567890123456789"],
    &["SET set:ex 1 EX 1000"],
    &["SET set:px 1 PX 1000001"],
    &["SET set:exat 1 EXAT 4102444800"],
    &["SET set:pxat 1 PXAT 4102444800123"],
    &["SET set:keepttl 1 PX 1000002", "SET set:keepttl 2 KEEPTTL"],
    &["SET set:no-ttl 1 EX 1000", "SET set:no-ttl 2"],
    &["SET set:nx 1 NX"],
    &["SET set:xx 1", "SET set:xx 2 XX GET"],
    &["SETEX setex 1000 1"],
    &["SETNX setnx 1"],
    &["SETRANGE setrange:new 5 x"],
    &["SET setrange:old some-text", "SETRANGE setrange:old 2 XYZ"],
    &["SET copy:1 1 EX 1000", "COPY copy:1 copy:2"],
    &["SET copy:3 1", "SET copy:4 2", "COPY copy:3 copy:4 REPLACE"],
    &["SET copy:5 1", "COPY copy:5 copy:5 DB 4"],
    &["MSET del:1 1 del:2 2 del:3 3", "DEL del:1 del:2 del:3"],
    &["SET expire 1", "EXPIRE expire 1000"],
    &["SET expire:past 1", "EXPIRE expire:past -1"],
    &["SET expire:lt 1 EX 2000", "EXPIRE expire:lt 1000 LT"],
    &["SET expireat 1", "EXPIREAT expireat 4102444800"],
    &["SET move 1 EX 1000", "MOVE move 5"],
    &["SET persist 1 EX 1000", "PERSIST persist"],
    &["SET pexpire 1", "PEXPIRE pexpire 1000003"],
    &["SET pexpireat 1", "PEXPIREAT pexpireat 4102444800456"],
    &["SET rename:1 1 EX 1000", "RENAME rename:1 rename:2"],
    &["SET renamenx:1 text", "RENAMENX renamenx:1 renamenx:2"],
    &["SADD sadd:ints 1 2 70000"],
    &["SADD sadd:texts a b", "SADD sadd:texts b c"],
    &["SADD srem a b c", "SREM srem b d"],
    &["SADD srem:all 1", "SREM srem:all 1"],
    &["SADD spop:one 1 2 3", "SPOP spop:one"],
    &["SADD spop:some 1 2 3 4 5 6 7 8 9 x", "SPOP spop:some 4"],
    &["SADD spop:most 1 2 3 4 5 6 7 8 9 x", "EXPIRE spop:most 1000", "SPOP spop:most 9"],
    &["SADD spop:all 1 2 3", "SPOP spop:all 5"],
    &["SADD {smove}:1 1 2", "SADD {smove}:2 a", "SMOVE {smove}:1 {smove}:2 1"],
    &["SADD {si}:1 1 2 3", "SADD {si}:2 2 3 4", "SINTERSTORE {si}:3 {si}:1 {si}:2"],
    &["SET {su}:3 1 EX 1000", "SADD {su}:1 1 x", "SUNIONSTORE {su}:3 {su}:1 {su}:2"],
    &["SADD {sd}:1 1 2", "SDIFFSTORE {sd}:1 {sd}:1 {sd}:1"],
    &["PFADD pfadd:new a b c"],
    &["PFADD pfadd:old a b c", "PFCOUNT pfadd:old", "PFADD pfadd:old d"],
    &["PFADD pfadd:dense a", "PFDEBUG TODENSE pfadd:dense", "PFADD pfadd:dense b c"],
    &["PFADD pfdebug a", "PFDEBUG TODENSE pfdebug"],
    &["PFADD {pf}:1 a", "PFADD {pf}:2 b", "PFMERGE {pf}:3 {pf}:1 {pf}:2"],
    &["MSET unlink:1 1 unlink:2 2", "UNLINK unlink:1 unlink:2"],
    &["HSET hset:new a 1 b 2"],
    &["HSET hset:old a 1 b 2", "HSET hset:old b 3 c 4"],
    &["HMSET hmset a 1 b 2"],
    &["HSETNX hsetnx a 1"],
    &["HSET hdel:some a 1 b 2", "HDEL hdel:some a"],
    &["HSET hdel:all a 1 b 2", "HDEL hdel:all a b"],
    &["HSET hincrby a 5", "HINCRBY hincrby a -7"],
    &["HINCRBYFLOAT hincrbyfloat a 10.5"],
    &["SETBIT setbit:new 70000 1"],
    &["SET setbit:old 12345", "SETBIT setbit:old 9 0"],
    &["SET setbit:same 12345", "SETBIT setbit:same 0 0"],
    &["SET bitop:1 foobar", "SET bitop:2 abcdef", "BITOP XOR bitop:3 bitop:1 bitop:2"],
    &["SET bitfield:old 12345", "BITFIELD bitfield:old SET u8 8 1 INCRBY i5 100 1 GET u4 0"],
    &["BITFIELD bitfield:new OVERFLOW FAIL INCRBY u2 100 5"],
    // A value whose checksum can be typed.
    &["RESTORE restore 1000000 \0\u{8}text1255\n\0\x37Kj,vSZ{"],
    &["XADD xadd:new 1-1 a 1 b 2"],
    &["XADD xadd:old 1-1 a 1 b 2", "XADD xadd:old MAXLEN 1 1-2 a 3 b 4"],
    &["XADD xdel 1-1 a 1", "XADD xdel 1-2 a 2", "XDEL xdel 1-1"],
    &["XADD xtrim 1-1 a 1", "XADD xtrim 1-2 a 2", "XTRIM xtrim MAXLEN 0"],
    &["XADD xsetid 1-1 a 1", "XSETID xsetid 9-9 ENTRIESADDED 5 MAXDELETEDID 7-7"],
    &["XGROUP CREATE xgroup:create g 5-5 MKSTREAM ENTRIESREAD 3"],
    &["XGROUP CREATE xgroup:setid g $ MKSTREAM", "XGROUP SETID xgroup:setid g 7-7"],
    &["XGROUP CREATE xgroup:consumer g $ MKSTREAM", "XGROUP CREATECONSUMER xgroup:consumer g ada"],
    &["XGROUP CREATE xgroup:destroy g $ MKSTREAM", "XGROUP DESTROY xgroup:destroy g"],
    &[
        "XGROUP CREATE xgroup:del g 0 MKSTREAM",
        "XADD xgroup:del 1-1 a 1",
        "XREADGROUP GROUP g ada STREAMS xgroup:del >",
        "XGROUP DELCONSUMER xgroup:del g ada",
    ],
    &[
        "XGROUP CREATE xreadgroup g 0 MKSTREAM",
        "XADD xreadgroup 1-1 a 1",
        "XREADGROUP GROUP g ada STREAMS xreadgroup >",
        "XREADGROUP GROUP g ada STREAMS xreadgroup 0",
    ],
    &[
        "XGROUP CREATE xreadgroup:noack g 0 MKSTREAM",
        "XADD xreadgroup:noack 1-1 a 1",
        "XREADGROUP GROUP g ada NOACK STREAMS xreadgroup:noack >",
    ],
    &[
        "XGROUP CREATE xack g 0 MKSTREAM",
        "XADD xack 1-1 a 1",
        "XADD xack 1-2 a 1",
        "XREADGROUP GROUP g ada STREAMS xack >",
        "XACK xack g 1-1",
    ],
    &[
        "XGROUP CREATE xclaim g 0 MKSTREAM",
        "XADD xclaim 1-1 a 1",
        "XCLAIM xclaim g ada 0 1-1 FORCE TIME 5 LASTID 3-3",
    ],
    &[
        "XGROUP CREATE xautoclaim g 0 MKSTREAM",
        "XADD xautoclaim 1-1 a 1",
        "XADD xautoclaim 1-2 a 1",
        "XREADGROUP GROUP g ada STREAMS xautoclaim >",
        "XDEL xautoclaim 1-1",
        "XAUTOCLAIM xautoclaim g bob 0 0",
    ],
    &["RPUSH blpop 1 2 3", "BLPOP blpop:none blpop 0"],
    &["RPUSH brpop 1 2 3", "BRPOP brpop 0"],
    &["RPUSH blmove:1 1 2 3", "BLMOVE blmove:1 blmove:2 LEFT RIGHT 0"],
    &["RPUSH brpoplpush:1 1 2", "BRPOPLPUSH brpoplpush:1 brpoplpush:2 0"],
    &["RPUSH blmpop 1 2 3", "BLMPOP 0 2 blmpop:none blmpop RIGHT COUNT 2"],
    &["ZADD bzpopmin 1 a 2 b", "BZPOPMIN bzpopmin 0"],
    &["ZADD bzpopmax 1 a 2 b", "BZPOPMAX bzpopmax 0"],
    &["ZADD bzmpop 1 a 2 b 3 c", "BZMPOP 0 1 bzmpop MIN COUNT 2"],
    &["LPUSH lpush:new 1 2 3"],
    &["LPUSH lpush:old 1", "EXPIRE lpush:old 1000", "LPUSH lpush:old 2"],
    &["RPUSH rpush 1 2 3"],
    &["RPUSH lpushx 1", "LPUSHX lpushx 2 3"],
    &["RPUSH rpushx 1", "RPUSHX rpushx 2 3"],
    &["RPUSH lpop 1 2 3", "LPOP lpop"],
    &["RPUSH rpop:all 1 2 3", "RPOP rpop:all 5"],
    &["RPUSH lset 1 2 3", "LSET lset -2 x"],
    &["RPUSH linsert 1 2 3", "LINSERT linsert AFTER 2 x"],
    &["RPUSH lrem 1 2 1 3 1", "LREM lrem -2 1"],
    &["RPUSH ltrim 1 2 3 4", "LTRIM ltrim 1 -2"],
    &["RPUSH lmove:1 1 2 3", "LMOVE lmove:1 lmove:2 LEFT RIGHT"],
    &["RPUSH lmove:one 1", "EXPIRE lmove:one 1000", "LMOVE lmove:one lmove:one LEFT LEFT"],
    &["RPUSH rpoplpush:1 1", "RPOPLPUSH rpoplpush:1 rpoplpush:2"],
    &["RPUSH lmpop:2 1 2 3", "LMPOP 2 lmpop:1 lmpop:2 RIGHT COUNT 2"],
    &["RPUSH sort 3 1 2", "SORT sort BY weight:* STORE sort:out"],
    &["ZADD zadd:new 1.5 a inf b -0 c"],
    &["ZADD zadd:old 1 a 2 b 3 c", "ZADD zadd:old CH GT 5 a 1 b 7 d"],
    &["ZADD zincrby 0.1 a", "ZINCRBY zincrby 0.2 a"],
    &["ZADD zrem 1 a 2 b 3 c", "ZREM zrem b c d"],
    &["ZADD zrem:all 1 a", "ZREM zrem:all a"],
    &["ZADD zrank 1 a 2 b 3 c 4 d", "ZREMRANGEBYRANK zrank 1 2"],
    &["ZADD zbyscore 1 a 2 b 3 c 4 d", "ZREMRANGEBYSCORE zbyscore (1 3"],
    &["ZADD zbylex 0 a 0 b 0 c 0 d", "ZREMRANGEBYLEX zbylex [b (d"],
    &["ZADD zpopmin 1 a 2 b 3 c", "ZPOPMIN zpopmin 2"],
    &["ZADD zpopmax 1 a 2 b 3 c", "ZPOPMAX zpopmax"],
    &["ZADD zmpop 1 a 2 b 3 c", "ZMPOP 1 zmpop MAX COUNT 2"],
    &["GEOADD geoadd 13.361389 38.115556 Palermo"],
    &[
        "GEOADD {gss}1 13.4 38.1 a 15.1 37.5 b",
        "GEOSEARCHSTORE {gss}2 {gss}1 FROMMEMBER a BYBOX 9 9 km",
    ],
    &["GEOADD {gr}1 13.4 38.1 a 15.1 37.5 b", "GEORADIUS {gr}1 15 37 200 km STOREDIST {gr}2"],
    &["GEOADD {gm}1 13.4 38.1 a 15.1 37.5 b", "GEORADIUSBYMEMBER {gm}1 a 200 km STORE {gm}2"],
    &["ZADD {zrs}1 1 a 2 b 3 c", "ZRANGESTORE {zrs}2 {zrs}1 1 2"],
    &["ZADD {zus}1 1 a 2 b", "ZADD {zus}2 3 b 4 c", "ZUNIONSTORE {zus}3 2 {zus}1 {zus}2"],
    &["ZADD {zis}1 1 a 2 b", "ZADD {zis}2 3 b 4 c", "ZINTERSTORE {zis}3 2 {zis}1 {zis}2"],
    &["ZADD {zds}1 1 a 2 b", "ZADD {zds}2 3 b 4 c", "ZDIFFSTORE {zds}3 2 {zds}1 {zds}2"],
];

/// Names of the commands that the server says can write, subcommands as "container|name".
fn writing(client: &mut Client) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut look = |command: &Reply| {
        let items = command.items();
        if items[2].items().iter().any(|flag| flag.text() == "write") {
            names.insert(items[0].text());
        }
    };
    for command in client.run("COMMAND").items() {
        look(command);
        command.items()[9].items().iter().for_each(&mut look);
    }
    names
}

fn newest(server: &Server) -> u64 {
    let info = server.client().run("INFO persistence");
    info_field(&info, "log_newest_lsn").unwrap().parse().unwrap()
}

#[test]
fn every_command_that_writes_is_there_after_kill_9() {
    for (before, after) in [(1, 3), (4, 4)] {
        let data = Data::new();
        let server = data.start(before, "always");
        let mut client = server.client();
        let mut tried = BTreeSet::new();
        let writing = writing(&mut client);
        for way in WAYS {
            let (command, others) = way.split_last().unwrap();
            for line in others {
                assert_eq!(client.run(line).error(), None, "{line}");
            }
            let known = newest(&server);
            assert_eq!(client.run(command).error(), None, "{command}");
            assert!(newest(&server) > known, "{command} was not logged");
            let mut words = command.split(' ').map(str::to_lowercase);
            let (name, sub) = (words.next().unwrap(), words.next().unwrap_or_default());
            let whole = format!("{name}|{sub}");
            tried.insert(if writing.contains(&whole) { whole } else { name });
        }
        // It needs another server: tests/migrate.rs tries it across a kill.
        tried.insert("migrate".to_owned());
        assert_eq!(writing, tried, "the commands that write, and those tried here");
        server.check_shadow();
        let told = contents(&server);
        server.kill();
        let server = data.start(after, "always");
        assert_eq!(contents(&server), told, "{before} shards, then {after}");
        server.finish();
    }
}

/// What becomes of keys that expire around a kill; `save` says whether a checkpoint has them.
fn check_expiry(shards: usize, removes: bool, save: bool) {
    let what = format!("{shards} shards, removed {removes}, saved {save}");
    let data = Data::new();
    let server = data.start(shards, "always");
    let mut client = server.client();
    client.run(&format!("DEBUG SET-ACTIVE-EXPIRE {}", i32::from(removes)));
    client.pipeline(&[
        "SET over:1 1 PX 30",
        "SET over:2 1",
        "PEXPIRE over:2 30",
        "SET again 1 PX 30",
    ]);
    client.pipeline(&["SET short 1 PX 600", "SET long 1 EX 1000", "SET exact 1 PX 1234567"]);
    client.pipeline(&["SET moved 1 PX 30", "PEXPIRE moved 2345678"]);
    if save {
        assert!(client.run("SAVE").is_ok());
    }
    std::thread::sleep(Duration::from_millis(40));
    assert_eq!(client.run("EXISTS over:1 over:2 again").int(), 0, "{what}");
    client.run("SET again 2");
    let deadlines = |client: &mut Client| {
        ["long", "exact", "moved", "again"].map(|key| client.cmd(&["PEXPIRETIME", key]).int())
    };
    let told = deadlines(&mut client);
    server.check_shadow();
    server.kill();
    std::thread::sleep(Duration::from_millis(600));
    for shards in [shards, 3] {
        let server = data.start(shards, "always");
        let mut client = server.client();
        assert_eq!(client.run("EXISTS over:1 over:2 short").int(), 0, "{what}");
        assert_eq!(client.run("GET again").text(), "2", "{what}");
        assert_eq!(deadlines(&mut client), told, "{what}");
        server.kill();
    }
}

#[test]
fn keys_that_expired_stay_away_and_deadlines_are_exact_after_kill_9() {
    std::thread::scope(|scope| {
        for shards in [1, 4] {
            for removes in [false, true] {
                for save in [false, true] {
                    scope.spawn(move || check_expiry(shards, removes, save));
                }
            }
        }
    });
}

/// Many shards, so that the first ones look for expired keys long before the last one has started.
#[test]
fn what_expires_while_a_server_starts_is_logged() {
    let data = Data::new();
    let server = data.start(64, "always");
    let mut client = server.client();
    client.run("DEBUG SET-ACTIVE-EXPIRE 0");
    let lines: Vec<String> = (0..300).map(|number| format!("SET key:{number} 1 PX 20")).collect();
    client.pipeline(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    server.kill();
    std::thread::sleep(Duration::from_millis(20));
    let server = data.start(64, "everysec");
    eventually("all are removed", || server.client().run("DBSIZE").int() == 0);
    server.check_shadow();
    let lines: Vec<String> = (0..300).map(|number| format!("SET key:{number} 2")).collect();
    server.client().pipeline(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let told = contents(&server);
    server.finish();
    let server = data.start(3, "always");
    assert_eq!(contents(&server), told);
    server.finish();
}
