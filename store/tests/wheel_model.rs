//! The timing wheel against a sorted list, over random timers, jumps in time and budgets.

use std::collections::BTreeMap;

use proptest::prelude::*;
use shardwright_store::types::UnixMillis;
use shardwright_store::value::TimerId;
use shardwright_store::wheel::Wheel;

/// One step of a run. `pick` chooses among the timers that exist, modulo their number.
#[derive(Debug, Clone)]
enum Step {
    Insert {
        ahead: i64,
        copies: u8,
    },
    Reschedule {
        pick: usize,
        ahead: i64,
    },
    Remove {
        pick: usize,
    },
    /// One call with this budget, which may leave things undone.
    Advance {
        by: i64,
        budget: usize,
    },
    /// Calls until nothing is left to do.
    Finish {
        by: i64,
        budget: usize,
    },
}

/// Distances of every size in both directions, most of them short and ahead.
fn distance() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 0..600_i64,
        3 => 0..200_000_i64,
        2 => (0..62_u32, 0..1000_i64).prop_map(|(bits, more)| (1 << bits) + more - 500),
        2 => -600..0_i64,
        1 => (0..45_u32).prop_map(|bits| -(1 << bits)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (distance(), 1..40_u8).prop_map(|(ahead, copies)| Step::Insert { ahead, copies }),
        3 => (any::<usize>(), distance())
            .prop_map(|(pick, ahead)| Step::Reschedule { pick, ahead }),
        2 => any::<usize>().prop_map(|pick| Step::Remove { pick }),
        3 => (distance(), 0..30_usize).prop_map(|(by, budget)| Step::Advance { by, budget }),
        2 => (distance(), 1..30_usize).prop_map(|(by, budget)| Step::Finish { by, budget }),
    ]
}

/// The wheel beside the plain truth: every timer's deadline and key.
struct Model {
    wheel: Wheel,
    timers: BTreeMap<u32, (i64, u64)>,
    now: i64,
    next_key: u64,
}

impl Model {
    fn new(now: i64) -> Self {
        Self { wheel: Wheel::new(UnixMillis(now)), timers: BTreeMap::new(), now, next_key: 0 }
    }

    fn pick(&self, pick: usize) -> Option<u32> {
        self.timers.keys().nth(pick % self.timers.len().max(1)).copied()
    }

    fn fresh_key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }

    /// One call of the wheel. Each timer that fires must exist, carry its key and be due.
    fn advance(&mut self, budget: usize) -> bool {
        let mut asked = 0;
        let mut due = Vec::new();
        let mut deadline_of = |id: TimerId, key: u64| {
            asked += 1;
            let (deadline, expected) = self.timers[&id.0];
            assert_eq!(key, expected, "asked about {id:?} with another key");
            UnixMillis(deadline)
        };
        let now = UnixMillis(self.now);
        let progress = self.wheel.advance(now, budget, &mut deadline_of, &mut due);
        assert!(asked.max(due.len()) <= budget, "more work than the budget");
        for (id, key) in due {
            let timer = self.timers.remove(&id.0);
            assert_eq!(timer.map(|(_, key)| key), Some(key), "{id:?} fired, unknown or changed");
            let deadline = timer.map_or(0, |(deadline, _)| deadline);
            assert!(deadline <= self.now, "{id:?} fired {} ms early", deadline - self.now);
        }
        if !progress.more_due_now {
            let left = self.timers.values().find(|(deadline, _)| *deadline <= self.now);
            assert_eq!(left, None, "due at {} and left behind", self.now);
        }
        progress.more_due_now
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Insert { ahead, copies } => {
                let deadline = self.now.saturating_add(ahead);
                for _ in 0..copies {
                    let key = self.fresh_key();
                    let id = self.wheel.insert(UnixMillis(deadline), key);
                    let old = self.timers.insert(id.0, (deadline, key));
                    assert_eq!(old, None, "{id:?} was given twice");
                }
            }
            Step::Reschedule { pick, ahead } => {
                let Some(id) = self.pick(pick) else { return };
                let deadline = self.now.saturating_add(ahead);
                self.wheel.reschedule(TimerId(id), UnixMillis(deadline));
                self.timers.entry(id).and_modify(|timer| timer.0 = deadline);
            }
            Step::Remove { pick } => {
                let Some(id) = self.pick(pick) else { return };
                self.wheel.remove(TimerId(id));
                self.timers.remove(&id);
            }
            Step::Advance { by, budget } => {
                self.now = self.now.saturating_add(by);
                self.advance(budget);
            }
            Step::Finish { by, budget } => {
                self.now = self.now.saturating_add(by);
                // Each timer moves at most once a level, and each move may reach one slot.
                let most = 2 + 14 * (self.timers.len() + 1) / budget;
                let calls = (0..=most).take_while(|_| self.advance(budget)).count();
                assert!(calls <= most, "not done after {calls} calls of {budget} steps");
            }
        }
        self.check();
    }

    fn check(&self) {
        assert_eq!(self.wheel.len(), self.timers.len());
        let first = self.timers.values().map(|(deadline, _)| *deadline).min();
        let next = self.wheel.next_due();
        assert_eq!(next.is_some(), first.is_some());
        if let (Some(next), Some(first)) = (next, first) {
            assert!(next.0 <= first.max(self.now), "next at {} and due at {first}", next.0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn fires_what_a_sorted_list_would(
        start in prop_oneof![Just(0), Just(1_700_000_000_000), Just(-300), any::<i64>()],
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut model = Model::new(start);
        for step in &steps {
            model.apply(step);
        }
        model.now = i64::MAX;
        while model.advance(50) {}
        prop_assert!(model.wheel.is_empty() && model.timers.is_empty());
    }
}
