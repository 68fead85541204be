//! Sorted set commands: what Redis 7.0.15 does not have, as later versions document it.
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
