//! What is too large to be freed in a shard's turn is handed out, whichever way it left its key.

#![allow(clippy::expect_used, reason = "a test may end in a panic")]

mod common;

use common::Fixture;

/// Runs commands, tells how many large values they left, and checks that the memory of
/// all is counted as gone.
fn left_by(large: usize, commands: &[&str]) -> usize {
    let mut fixture = Fixture::new();
    let held = |fixture: &Fixture| {
        fixture.partition.db(fixture.db).expect("a key was there").dict().entry_memory()
    };
    fixture.run(&["SET", "key", &"x".repeat(large), "PX", "1000"]);
    assert!(held(&fixture) > large);
    assert!(fixture.partition.take_garbage().is_empty());
    for command in commands {
        let words: Vec<_> = command.split_whitespace().collect();
        fixture.run(&words);
    }
    fixture.advance_ms(2000);
    while fixture.partition.expire_due(fixture.now, 1000) {}
    let left = fixture.partition.take_garbage().len();
    fixture.run(&["DEL", "key", "other"]);
    assert_eq!(held(&fixture), 0, "after {commands:?}");
    left
}

#[test]
fn large_values_are_left_for_others_to_free() {
    for commands in [
        &["DEL key"][..],
        &["SET key small"],
        &["SET key 1"],
        &["GETDEL key"],
        &["GETSET key small"],
        &["PEXPIREAT key 1"],
        &["RENAME key other", "DEL other"],
        &["SET other small", "RENAME other key"],
        &["APPEND key more", "DEL key"],
        &[],
    ] {
        assert_eq!(left_by(2 << 20, commands), 1, "after {commands:?}");
        assert_eq!(left_by(100_000, commands), 0, "after {commands:?}");
    }
}

#[test]
fn most_of_a_large_sorted_set_is_left_for_others_to_free() {
    for (command, left) in [
        ("ZREMRANGEBYRANK key 0 -1", 0),
        ("ZREMRANGEBYSCORE key -inf +inf", 0),
        ("ZREMRANGEBYLEX key - +", 0),
        ("ZPOPMIN key 1000000", 0),
        ("ZPOPMAX key 30000", 0),
        ("ZREMRANGEBYRANK key 5 -5", 9),
        ("ZREMRANGEBYRANK key 0 19999", 10_000),
        ("ZREMRANGEBYRANK key 20000 -1", 20_000),
    ] {
        let mut fixture = Fixture::new();
        let mut add = vec!["ZADD".to_owned(), "key".to_owned()];
        for number in 0..30_000 {
            add.extend(["0".to_owned(), format!("member:{number}:{}", "x".repeat(30))]);
        }
        fixture.run(&add.iter().map(String::as_str).collect::<Vec<_>>());
        let words: Vec<_> = command.split_whitespace().collect();
        fixture.run(&words);
        let garbage = fixture.partition.take_garbage().len();
        // Where most stay, members are taken out one by one.
        assert_eq!(garbage, usize::from(left < 15_000), "{command}");
        let ranks = fixture.run(&["ZCARD", "key"]);
        assert_eq!(ranks, format!(":{left}\r\n").as_bytes(), "{command}");
    }
}

#[test]
fn a_large_value_that_moves_is_not_garbage() {
    assert_eq!(left_by(2 << 20, &["RENAME key other", "PERSIST other"]), 0);
}
