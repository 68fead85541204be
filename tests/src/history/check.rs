//! The search, after Wing and Gong with Lowe's memory of places already seen.
//!
//! Each client has one call at a time, so what has been put in order is told by one
//! number a client: how many of its calls are. A call may come next unless another
//! call that is not in order yet had ended before it began.

use std::collections::HashSet;

use super::model::{Call, State};

/// How far each client's calls are in order, and the data then.
type Place = (Vec<u16>, State);

/// True when some order explains all replies. `clients` holds each client's calls in order.
pub fn is_strictly_serializable(clients: &[Vec<Call>]) -> bool {
    search(clients).is_ok()
}

/// Why no order explains the history: how far the best one came.
pub fn explain(clients: &[Vec<Call>]) -> String {
    let Err((done, state)) = search(clients) else { return "the history is fine".into() };
    let stuck: Vec<String> = clients
        .iter()
        .zip(&done)
        .enumerate()
        .filter_map(|(client, (calls, &at))| {
            let call = calls.get(usize::from(at))?;
            Some(format!(
                "  client {client}: {:?} -> {:?} [{}..{}]",
                call.ops, call.replies, call.start, call.end
            ))
        })
        .collect();
    format!(
        "after {done:?} calls of the clients the data is {state:?}, and none of these fits:\n{}",
        stuck.join("\n")
    )
}

/// The longest order that was found, when none covers all.
fn search(clients: &[Vec<Call>]) -> Result<(), Place> {
    let start: Place = (vec![0; clients.len()], State::default());
    let total: usize = clients.iter().map(Vec::len).sum();
    let mut seen = HashSet::from([start.clone()]);
    let mut open = vec![start.clone()];
    let mut best = (0, start);
    while let Some((done, state)) = open.pop() {
        let length: usize = done.iter().map(|&count| usize::from(count)).sum();
        if length == total {
            return Ok(());
        }
        if length > best.0 {
            best = (length, (done.clone(), state));
        }
        let next = || clients.iter().zip(&done).map(|(calls, &at)| calls.get(usize::from(at)));
        let first_end = next().flatten().map(|call| call.end).min().unwrap_or(u64::MAX);
        for (client, call) in next().enumerate() {
            let Some(call) = call.filter(|call| call.start <= first_end) else { continue };
            let Some(state) = call.apply(&state) else { continue };
            let mut done = done.clone();
            done[client] += 1;
            let place = (done, state);
            if seen.insert(place.clone()) {
                open.push(place);
            }
        }
    }
    Err(best.1)
}

#[cfg(test)]
mod tests {
    use super::super::model::{Op, Value};
    use super::*;

    fn call(start: u64, end: u64, op: Op, reply: Value) -> Call {
        Call { start, end, ops: vec![op], replies: vec![reply] }
    }

    #[test]
    fn overlapping_calls_may_be_in_either_order() {
        for read in [None, Some(1)] {
            let writer = vec![call(0, 10, Op::Set(0, 1), Value::Ok)];
            let reader = vec![call(5, 6, Op::Get(0), Value::One(read))];
            assert!(is_strictly_serializable(&[writer, reader]));
        }
    }

    #[test]
    fn a_stale_read_is_found() {
        let writer = vec![call(0, 10, Op::Set(0, 1), Value::Ok)];
        let reader = vec![call(11, 12, Op::Get(0), Value::One(None))];
        assert!(!is_strictly_serializable(&[writer, reader]));
    }

    #[test]
    fn a_value_that_goes_back_is_found() {
        let writer = vec![call(0, 10, Op::Set(0, 1), Value::Ok)];
        let reader = vec![
            call(1, 2, Op::Get(0), Value::One(Some(1))),
            call(3, 4, Op::Get(0), Value::One(None)),
        ];
        assert!(!is_strictly_serializable(&[writer, reader]));
    }

    #[test]
    fn half_of_a_multi_key_write_is_found() {
        let torn = Value::Many(vec![Some(1), None]);
        let writer = vec![call(0, 10, Op::SetAll(vec![(0, 1), (1, 1)]), Value::Ok)];
        let reader = vec![call(1, 9, Op::GetAll(vec![0, 1]), torn)];
        assert!(!is_strictly_serializable(&[writer, reader]));
    }

    #[test]
    fn writes_seen_in_two_orders_are_found() {
        let seen = |a, b| Value::Many(vec![a, b]);
        let both = || Op::GetAll(vec![0, 1]);
        let history = [
            vec![call(0, 100, Op::Set(0, 1), Value::Ok)],
            vec![call(0, 100, Op::Set(1, 2), Value::Ok)],
            vec![call(1, 99, both(), seen(Some(1), None))],
            vec![call(1, 99, both(), seen(None, Some(2)))],
        ];
        assert!(!is_strictly_serializable(&history));
        assert!(explain(&history).contains("none of these fits"));
    }

    #[test]
    fn a_lost_update_is_found() {
        let add = |start, end| vec![call(start, end, Op::Add(0, 1), Value::Count(1))];
        assert!(!is_strictly_serializable(&[add(0, 10), add(0, 10)]));
    }
}
