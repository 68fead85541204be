//! List commands and SORT, with the shadow that their effects build: what generators do not reach.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may end in a panic")]

mod common;

use common::Fixture;
use shardwright_codec::resp::Protocol;

#[test]
fn a_list_keeps_its_deadline_while_it_has_elements() {
    let mut f = Fixture::new();
    f.check_lines(&[
        ("RPUSH l 1", ":1\r\n"),
        ("PEXPIRE l 100000", ":1\r\n"),
        ("RPUSH l 2", ":2\r\n"),
        ("LMOVE l l LEFT RIGHT", "$1\r\n1\r\n"),
        ("PTTL l", ":100000\r\n"),
        ("LPOP l", "$1\r\n2\r\n"),
        ("RPOPLPUSH l l", "$1\r\n1\r\n"),
        ("PTTL l", ":100000\r\n"),
        ("LPOP l", "$1\r\n1\r\n"),
        ("EXISTS l", ":0\r\n"),
        ("RPUSH l 1", ":1\r\n"),
        ("PTTL l", ":-1\r\n"),
    ]);
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut f = Fixture::new();
    f.check_lines(&[("RPUSH l 1 2", ":2\r\n"), ("SET s x", "+OK\r\n")]);
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
    f.check_lines(&[
        ("LMOVE l s LEFT LEFT", wrong),
        ("LMOVE s l LEFT LEFT", wrong),
        ("RPOPLPUSH s s", wrong),
        ("LPUSHX s x", wrong),
        ("LMPOP 2 s l LEFT", wrong),
        ("SORT s", wrong),
        ("LMOVE none s LEFT LEFT", "$-1\r\n"),
        ("LSET l 2 x", "-ERR index out of range\r\n"),
        ("LSET none 0 x", "-ERR no such key\r\n"),
        ("LRANGE l 0 -1", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n"),
    ]);
    assert!(f.effects().is_empty());
}

#[test]
fn nothing_is_null_in_the_form_of_the_protocol_and_the_command() {
    for (protocol, null, null_array) in
        [(Protocol::Resp2, "$-1\r\n", "*-1\r\n"), (Protocol::Resp3, "_\r\n", "_\r\n")]
    {
        let mut f = Fixture::new();
        f.protocol = protocol;
        f.check_lines(&[
            ("LPOP none", null),
            ("RPOP none 1", null_array),
            ("LPOP none 0", null_array),
            ("LMPOP 1 none LEFT", null_array),
            ("LMOVE none l LEFT LEFT", null),
            ("LINDEX none x", null),
            ("LPOS none x", null),
            ("LPOS none x COUNT 1", "*0\r\n"),
        ]);
    }
}

#[test]
fn emptying_a_list_says_what_went_and_that_the_key_is_gone() {
    let mut f = Fixture::new();
    f.check_lines(&[("RPUSH l a b", ":2\r\n"), ("RPOP l 9", "*2\r\n$1\r\nb\r\n$1\r\na\r\n")]);
    assert_eq!(f.effects().len(), 2, "{:?}", f.effects());
    f.check_lines(&[("RPUSH l a b", ":2\r\n"), ("LTRIM l 5 9", "+OK\r\n"), ("EXISTS l", ":0\r\n")]);
}

/// The shadow makes every change by itself, so that forms that change in the middle of a command
/// are compared with those that change between two.
#[test]
fn lists_of_many_nodes_follow_their_effects() {
    let mut f = Fixture::new();
    let mut words: Vec<String> = vec!["RPUSH".into(), "l".into()];
    words.extend((0..3000).map(|number| format!("element:{number}")));
    f.check(&words, ":3000\r\n");
    words[0] = "LPUSH".into();
    f.check(&words, ":6000\r\n");
    f.check_lines(&[
        ("LINDEX l 0", "$12\r\nelement:2999\r\n"),
        ("LINDEX l 2999", "$9\r\nelement:0\r\n"),
        ("LINSERT l BEFORE element:1500 x", ":6001\r\n"),
        ("LINSERT l AFTER element:2 y", ":6002\r\n"),
        ("LSET l 3000 z", "+OK\r\n"),
        ("LREM l -1 element:77", ":1\r\n"),
        ("LREM l 0 element:1000", ":2\r\n"),
        ("LPOS l element:77 RANK -1", ":2922\r\n"),
        ("LTRIM l 100 -101", "+OK\r\n"),
        ("LLEN l", ":5799\r\n"),
        ("LTRIM l 2000 2003", "+OK\r\n"),
        ("LLEN l", ":4\r\n"),
    ]);
}

#[test]
fn sorts_are_stored_with_their_effect() {
    let mut f = Fixture::new();
    f.check_lines(&[
        ("RPUSH l 3 1 2 10", ":4\r\n"),
        ("SORT l DESC LIMIT 1 2 STORE out", ":2\r\n"),
        ("LRANGE out 0 -1", "*2\r\n$1\r\n3\r\n$1\r\n2\r\n"),
        ("MSET w_1 5 w_2 4 w_3 9 w_10 1", "+OK\r\n"),
        ("SORT l BY w_* STORE l", ":4\r\n"),
        ("LRANGE l 0 -1", "*4\r\n$2\r\n10\r\n$1\r\n2\r\n$1\r\n1\r\n$1\r\n3\r\n"),
        ("SORT l GET none_* LIMIT 0 1 STORE out", ":1\r\n"),
        ("LRANGE out 0 -1", "*1\r\n$0\r\n\r\n"),
        ("SORT none STORE out", ":0\r\n"),
        ("EXISTS out", ":0\r\n"),
        ("SORT_RO l STORE out", "-ERR syntax error\r\n"),
        ("RPUSH l x", ":5\r\n"),
        ("SORT l STORE out", "-ERR One or more scores can't be converted into double\r\n"),
    ]);
}
