//! DEBUG, as far as it acts on data.

use shardwright_store::types::DbIndex;

use super::shards::{START, on_one_and_three};

#[test]
fn debug_digests_are_those_of_redis() {
    on_one_and_three(|s| {
        s.check("DEBUG DIGEST", &format!("+{}\r\n", "0".repeat(40)));
        s.check_lines(&[("SET a 1", "+OK\r\n"), ("SET b hello EX 100", "+OK\r\n")]);
        s.db = DbIndex(3);
        s.check("SET c 01234567890123456789012345678901234567890123456789", "+OK\r\n");
        s.check("SET {t} -12", "+OK\r\n");
        s.check("DEBUG DIGEST", "+0e9ba8c0b82b17688d78a23d4aeed7ef285371a5\r\n");
        s.check("DEBUG DIGEST-VALUE", "*0\r\n");
        s.db = DbIndex(0);
        s.check("DEBUG DIGEST-VALUE a none b", "*3\r\n+b4fc66738120fba0b5aa500ab5c2bf89cea1c5da\r\n+0000000000000000000000000000000000000000\r\n+d037c4eb8a8b36b602fbced4000daeab0714c1e3\r\n");
    });
}

#[test]
fn debug_populates_what_is_not_there() {
    on_one_and_three(|s| {
        s.check_lines(&[
            ("SET key:1 mine", "+OK\r\n"),
            ("DEBUG POPULATE 3", "+OK\r\n"),
            ("MGET key:0 key:1 key:2", "*3\r\n$7\r\nvalue:0\r\n$4\r\nmine\r\n$7\r\nvalue:2\r\n"),
            ("DEBUG POPULATE 2 p 10", "+OK\r\n"),
            ("GET p:1", "$10\r\nvalue:1\0\0\0\r\n"),
            ("DEBUG POPULATE 1 short 3", "+OK\r\n"),
            ("GET short:0", "$3\r\nval\r\n"),
            ("DBSIZE", ":6\r\n"),
            ("DEBUG POPULATE x", "-ERR value is out of range, must be positive\r\n"),
            ("DEBUG POPULATE 1 p -1", "-ERR value is out of range, must be positive\r\n"),
        ]);
        let reply = s.run(&["DEBUG", "POPULATE", "1", "p", "9223372036854775807"]);
        assert!(reply.starts_with(b"-ERR string exceeds"), "{}", reply.escape_ascii());
        assert_eq!(s.run(&["DEBUG", "POPULATE", "12", &"n".repeat(200)]), b"+OK\r\n");
        s.check("DBSIZE", ":7\r\n");
    });
}

#[test]
fn debug_object_tells_the_length_in_an_rdb_file() {
    on_one_and_three(|s| {
        for (make, length) in [
            ("SET v hello", 6),
            ("SET v 12", 2),
            ("RPUSH v a b c", 19),
            ("HSET v a 1", 13),
            ("SADD v 1 2", 13),
            ("ZADD v 1 a", 13),
            ("XADD v 1-1 a b", 57),
        ] {
            s.run(&["DEL", "v"]);
            s.run(&make.split(' ').collect::<Vec<_>>());
            let line = String::from_utf8(s.run(&["DEBUG", "OBJECT", "v"])).unwrap();
            assert!(line.contains(&format!(" serializedlength:{length} ")), "{make}: {line}");
        }
    });
}

#[test]
fn debug_shows_entries_and_names_what_it_does_not_know() {
    const TRY_HELP: &str = "Try DEBUG HELP.\r\n";
    on_one_and_three(|s| {
        s.check_lines(&[("SET b Hello", "+OK\r\n"), ("DEBUG OBJECT none", "-ERR no such key\r\n")]);
        s.advance_ms(5_000);
        let line = String::from_utf8(s.run(&["debug", "object", "b"])).unwrap();
        let (address, rest) = line.split_once(' ').unwrap().1.split_once(' ').unwrap();
        assert!(address.starts_with("at:0x"), "{line}");
        let lru = (START.0 / 1000) & 0xFF_FFFF;
        assert_eq!(
            rest,
            format!(
                "refcount:1 encoding:embstr serializedlength:6 lru:{lru} lru_seconds_idle:5\r\n"
            )
        );
        s.check("DEBUG STRINGMATCH-LEN h[a-e]llo hello", ":1\r\n");
        s.check("DEBUG STRINGMATCH-LEN h[a-d]llo hello", ":0\r\n");
        for words in ["FOO", "DIGEST x", "OBJECT", "POPULATE"] {
            let name = words.split(' ').next().unwrap();
            let unknown = "-ERR unknown subcommand or wrong number of arguments for";
            s.check(&format!("DEBUG {words}"), &format!("{unknown} '{name}'. {TRY_HELP}"));
        }
        let reply = s.run(&["DEBUG", "HELP"]);
        assert!(reply.starts_with(b"*13\r\n+DEBUG <subcommand>"), "{}", reply.escape_ascii());
    });
}
