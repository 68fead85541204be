//! While changes cannot be logged nothing changes, whatever is asked; and where what is in memory may
//! not be durable, nothing is told either.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::Fixture;

const REFUSED: &str = "-MISCONF Errors writing to the log. Commands that change data are refused; \
                       see INFO persistence and the server's own log.\r\n";
const IN_DOUBT: &str = "-MISCONF Errors writing to the log. What is in memory may not be durable, \
                        so nothing is told until it is; see INFO persistence and the server's own \
                        log.\r\n";

#[test]
fn what_would_change_data_is_refused_and_changes_nothing() {
    let mut fixture = Fixture::new();
    fixture.check_lines(&[("SET a 1", "+OK\r\n"), ("SET e 1 PX 10", "+OK\r\n")]);
    fixture.limits.refuse_writes = true;
    for line in ["SET a 2", "INCR a", "DEL a", "EXPIRE a 10", "GETDEL a", "RENAME a b", "FLUSHALL"]
    {
        fixture.check_lines(&[(line, REFUSED)]);
        assert!(fixture.effects().is_empty(), "{line}");
    }
    fixture.check_lines(&[("GET a", "$1\r\n1\r\n")]);
    fixture.advance_ms(11);
    // It is gone for readers, and stays until its removal can be logged.
    fixture.check_lines(&[("GET e", "$-1\r\n"), ("EXISTS e", ":0\r\n")]);
    assert!(fixture.content("e").is_some() && fixture.effects().is_empty());
    fixture.limits.refuse_writes = false;
    fixture.check_lines(&[("GET e", "$-1\r\n"), ("SET a 2", "+OK\r\n")]);
    assert!(fixture.content("e").is_none());
}

#[test]
fn what_may_not_be_durable_is_not_told() {
    let mut fixture = Fixture::new();
    fixture.check_lines(&[("SET a 1", "+OK\r\n")]);
    (fixture.limits.refuse_writes, fixture.limits.refuse_reads) = (true, true);
    fixture.check_lines(&[("GET a", IN_DOUBT), ("EXISTS a", IN_DOUBT), ("SET a 2", REFUSED)]);
    fixture.limits = Default::default();
    fixture.check_lines(&[("GET a", "$1\r\n1\r\n")]);
}

#[test]
fn a_transaction_is_refused_as_a_whole() {
    let aborted = |refused: &str| {
        let reason = refused.strip_prefix('-').unwrap();
        format!("-EXECABORT Transaction discarded because of: {reason}")
    };
    let mut fixture = Fixture::new();
    fixture.check_lines(&[("SET a 1", "+OK\r\n")]);
    fixture.limits.refuse_writes = true;
    assert_eq!(fixture.transaction(&["GET a", "SET a 2"]), aborted(REFUSED));
    assert_eq!(fixture.transaction(&["GET a", "BLPOP l 0"]), aborted(REFUSED));
    assert_eq!(fixture.transaction(&["GET a", "EXISTS a"]), "*2\r\n$1\r\n1\r\n:1\r\n");
    fixture.limits.refuse_reads = true;
    assert_eq!(fixture.transaction(&["GET a"]), aborted(IN_DOUBT));
    assert_eq!(fixture.transaction(&["GET a", "SET a 2"]), aborted(REFUSED));
    assert_eq!(fixture.transaction(&[]), "*0\r\n");
    fixture.limits = Default::default();
    assert_eq!(fixture.transaction(&["SET a 2", "GET a"]), "*2\r\n+OK\r\n$1\r\n2\r\n");
}
