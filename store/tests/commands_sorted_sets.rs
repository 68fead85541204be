//! Sorted set commands: what Redis 7.0.15 does not have, as later versions document it, and what is the
//! same for all collections.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may end in a panic")]

mod common;

use common::Fixture;
use shardwright_codec::resp::Protocol;

#[test]
fn ranks_come_with_scores_for_those_who_ask() {
    for (protocol, score, null) in
        [(Protocol::Resp2, "$3\r\n1.5\r\n", "*-1\r\n"), (Protocol::Resp3, ",1.5\r\n", "_\r\n")]
    {
        let mut f = Fixture::new();
        f.protocol = protocol;
        f.check_lines(&[
            ("ZADD z 1 a 1.5 b 2 c 3 d", ":4\r\n"),
            ("ZRANK z b WITHSCORE", &format!("*2\r\n:1\r\n{score}")),
            ("ZREVRANK z b withscore", &format!("*2\r\n:2\r\n{score}")),
            ("ZRANK z none WITHSCORE", null),
            ("ZREVRANK none b WITHSCORE", null),
            ("ZRANK z b WITHSCORES", "-ERR syntax error\r\n"),
            (
                "ZREVRANK z b WITHSCORE x",
                "-ERR wrong number of arguments for 'zrevrank' command\r\n",
            ),
        ]);
    }
}

#[test]
fn no_more_elements_are_repeated_than_a_reply_may_hold() {
    const REFUSED: &str = "-ERR value is out of range\r\n";
    let mut f = Fixture::new();
    f.check_lines(&[("ZADD z 1 a", ":1\r\n"), ("SADD s a", ":1\r\n"), ("HSET h a 1", ":1\r\n")]);
    for command in ["ZRANDMEMBER z", "SRANDMEMBER s", "HRANDFIELD h"] {
        f.check_lines(&[
            (&format!("{command} -2"), "*2\r\n$1\r\na\r\n$1\r\na\r\n"),
            (&format!("{command} -16777217"), REFUSED),
            (&format!("{command} -9223372036854775807"), REFUSED),
            (&format!("{command} 9223372036854775807"), "*1\r\n$1\r\na\r\n"),
        ]);
    }
    f.check_lines(&[("ZRANDMEMBER none -16777217", "*0\r\n")]);
}

#[test]
fn a_cursor_that_is_none_is_told_before_what_is_wrong_with_the_key() {
    let mut f = Fixture::new();
    f.check_lines(&[("SET s text", "+OK\r\n")]);
    for command in ["HSCAN", "SSCAN", "ZSCAN"] {
        f.check_lines(&[
            (&format!("{command} s x"), "-ERR invalid cursor\r\n"),
            (
                &format!("{command} s 0 COUNT 0"),
                "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
            ),
            (&format!("{command} none 0 COUNT 0"), "*2\r\n$1\r\n0\r\n*0\r\n"),
        ]);
    }
}
