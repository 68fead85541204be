//! Deadlines in a hierarchical timing wheel (G. Varghese and T. Lauck, "Hashed and Hierarchical
//! Timing Wheels", 1987): setting, moving and dropping a deadline costs the same whether there are
//! ten of them or ten million.
//!
//! The wheel owns one node of 16 bytes per timer and 1,282 lists that the nodes hang in. It knows
//! neither keys nor the clock: time is handed in, and a node carries the caller's word only. It
//! does not even store the deadline, which the caller has anyway: where a node must be placed again,
//! the caller is asked for it.
//!
//! # Places
//!
//! Time is cut into digits of eight bits. A node hangs at the level of the highest digit in which
//! its deadline differs from the wheel's time `elapsed`, in the slot that its own digit there
//! names; since it lies ahead, that slot lies ahead of `elapsed` on its level. So everything on a
//! level comes before anything on the next, and the next event is the first occupied slot of the
//! lowest level that has one: a bitmap of 256 bits per level tells it, and time in which nothing
//! happens costs nothing. Five levels reach 2^40 ms (34 years) ahead; what lies beyond waits in one
//! overflow list until its span begins.
//!
//! # Bounded work
//!
//! When time reaches a slot, its whole list is moved in constant time: to `ready` if everything in
//! it is due (level 0, or a slot that lies behind altogether), to `cascading` if its nodes must be
//! placed again. Both are worked off node by node, over as many calls as their length needs.
//!
//! # Time that goes back
//!
//! When time goes back so far that the digit at level *k* changes, all nodes below *k* differ from
//! the new time at *k* exactly, all in the same digit: their lists are spliced into that one slot,
//! again in constant time per list.

use crate::types::UnixMillis;
use crate::value::TimerId;

pub use self::slab::MAX_TIMERS;
use self::slab::{LIST, Link, Slab, ends};

mod slab;

/// Bits of one digit of time.
const DIGIT_BITS: u32 = 8;
/// Slots of a level.
const SLOTS: usize = 1 << DIGIT_BITS;
/// Levels: 2^40 ms, 34 years, before deadlines overflow.
const LEVELS: usize = 5;
/// The list of deadlines beyond the highest level.
const OVERFLOW: usize = LEVELS * SLOTS;
/// The list of timers whose deadline is not after the wheel's time.
const READY: usize = OVERFLOW + 1;
/// The list of timers that must be placed again.
const CASCADING: usize = OVERFLOW + 2;
/// Number of lists.
const LISTS: usize = OVERFLOW + 3;

/// What [`Wheel::advance`] left undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The budget ran out before everything that is due was found: call again.
    pub more_due_now: bool,
}

/// Timers ordered by deadline. All operations but [`Wheel::advance`] take constant time, a step
/// back in time at most one splice per list.
pub struct Wheel {
    /// The time that the wheel has reached, as a tick. It lags while a budget runs out.
    elapsed: u64,
    nodes: Slab,
    /// The ends of each list. A list is a ring through its ends, which nodes name as
    /// `LIST | index`.
    lists: Box<[Link]>,
    occupied: [SlotSet; LEVELS],
}

impl Wheel {
    /// A wheel without timers that stands at `now`.
    pub fn new(now: UnixMillis) -> Self {
        Self {
            elapsed: tick(now),
            nodes: Slab::default(),
            lists: (0..LISTS).map(|list| Link { prev: ends(list), next: ends(list) }).collect(),
            occupied: [SlotSet::default(); LEVELS],
        }
    }

    /// Number of timers.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no timers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes allocated. Chunks of nodes that fell wholly unused are given back, all but one.
    pub fn memory(&self) -> usize {
        self.nodes.memory() + size_of_val::<[Link]>(&self.lists)
    }

    /// Adds a timer. One whose deadline has passed is due at the next [`Wheel::advance`].
    ///
    /// The id holds until the timer fires or is removed; afterwards it may name another.
    ///
    /// # Panics
    ///
    /// With [`MAX_TIMERS`] timers, which take 32 GiB for the nodes alone.
    pub fn insert(&mut self, deadline: UnixMillis, key: u64) -> TimerId {
        let node = self.nodes.allocate(key);
        self.link(node, self.list_for(tick(deadline)));
        TimerId(node)
    }

    /// Moves a timer to another deadline. An id that names no timer is ignored.
    pub fn reschedule(&mut self, id: TimerId, deadline: UnixMillis) {
        if self.nodes.is_live(id.0) {
            self.unlink(id.0);
            self.link(id.0, self.list_for(tick(deadline)));
        }
    }

    /// Drops a timer. An id that names no timer is ignored.
    pub fn remove(&mut self, id: TimerId) {
        if self.nodes.is_live(id.0) {
            self.unlink(id.0);
            self.nodes.free(id.0);
        }
    }

    /// Moves on (or back) to `now` and appends the timers that are due, those with a deadline not
    /// after `now`, to `due`; they are gone from the wheel. Their ids are not used again before the
    /// next [`Wheel::insert`]. Timers fire roughly, not strictly, in the order of their deadlines.
    ///
    /// At most `budget` steps are taken: a step is a timer that fired or was placed again, or one
    /// slot reached. `deadline_of` tells the deadline of a timer that must be placed again; it must
    /// be the one that was given for it last.
    pub fn advance(
        &mut self,
        now: UnixMillis,
        budget: usize,
        deadline_of: &mut dyn FnMut(TimerId, u64) -> UnixMillis,
        due: &mut Vec<(TimerId, u64)>,
    ) -> Progress {
        let now = tick(now);
        if now < self.elapsed {
            self.go_back(now);
        }
        let mut steps = budget;
        while steps > 0 {
            steps -= 1;
            if let Some(node) = self.first(READY) {
                self.fire(node, due);
            } else if let Some(node) = self.first(CASCADING) {
                let deadline = tick(deadline_of(TimerId(node), self.nodes.at(node).key));
                if deadline <= now {
                    self.fire(node, due);
                } else {
                    self.unlink(node);
                    self.link(node, self.list_for(deadline));
                }
            } else if !self.reach_next(now) {
                break;
            }
        }
        Progress {
            more_due_now: self.has_pending()
                || self.next_event().is_some_and(|event| event.first <= now),
        }
    }

    /// When [`Wheel::advance`] has something to do again: no later than the first deadline, and
    /// not after the time that the wheel has reached if something waits already. Nothing if there
    /// are no timers.
    pub fn next_due(&self) -> Option<UnixMillis> {
        if self.has_pending() {
            return Some(untick(self.elapsed));
        }
        self.next_event().map(|event| untick(event.first))
    }

    /// Whether lists that were reached are not worked off yet.
    fn has_pending(&self) -> bool {
        self.first(READY).is_some() || self.first(CASCADING).is_some()
    }

    /// Hands a timer over as due.
    fn fire(&mut self, node: u32, due: &mut Vec<(TimerId, u64)>) {
        due.push((TimerId(node), self.nodes.at(node).key));
        self.unlink(node);
        self.nodes.free(node);
    }

    /// Moves time on to the next occupied slot that is not after `now`, and its list to where it
    /// is worked off. With no such slot, moves time to `now` and returns false.
    fn reach_next(&mut self, now: u64) -> bool {
        let Some(event) = self.next_event().filter(|event| event.first <= now) else {
            self.elapsed = now;
            return false;
        };
        // A slot that lies behind as a whole needs no placing: all in it is due.
        let target = if event.last <= now { READY } else { CASCADING };
        self.splice(event.list, target);
        self.elapsed = now.min(event.last);
        true
    }

    /// The first occupied slot after the wheel's time; every other one begins after its end.
    fn next_event(&self) -> Option<Event> {
        for (level, occupied) in self.occupied.iter().enumerate() {
            if let Some(slot) = occupied.first() {
                let shift = DIGIT_BITS * level as u32;
                let above = self.elapsed >> shift >> DIGIT_BITS << DIGIT_BITS;
                let first = (above | slot as u64) << shift;
                return Some(Event {
                    list: level * SLOTS + slot,
                    first,
                    last: first | ((1 << shift) - 1),
                });
            }
        }
        self.first(OVERFLOW)?;
        let shift = DIGIT_BITS * LEVELS as u32;
        Some(Event {
            list: OVERFLOW,
            first: ((self.elapsed >> shift) + 1) << shift,
            last: u64::MAX,
        })
    }

    /// Sets the time back, keeping every node where its deadline's digits say.
    fn go_back(&mut self, now: u64) {
        let level = highest_difference(now, self.elapsed);
        let target = if level < LEVELS { slot_list(level, self.elapsed) } else { OVERFLOW };
        for below in 0..level.min(LEVELS) {
            while let Some(slot) = self.occupied[below].first() {
                self.splice(below * SLOTS + slot, target);
            }
        }
        // What was due may no longer be.
        self.splice(READY, CASCADING);
        self.elapsed = now;
    }

    /// The list in which a timer with this deadline belongs.
    fn list_for(&self, deadline: u64) -> usize {
        if deadline <= self.elapsed {
            return READY;
        }
        let level = highest_difference(deadline, self.elapsed);
        if level < LEVELS { slot_list(level, deadline) } else { OVERFLOW }
    }

    /// The node at the head of a list.
    fn first(&self, list: usize) -> Option<u32> {
        let next = self.lists[list].next;
        (next & LIST == 0).then_some(next)
    }

    /// The link of a node or, for `LIST | index`, the ends of a list.
    fn link_at(&mut self, at: u32) -> &mut Link {
        if at & LIST == 0 {
            &mut self.nodes.at(at).link
        } else {
            &mut self.lists[(at & !LIST) as usize]
        }
    }

    /// Appends a node to a list.
    fn link(&mut self, node: u32, list: usize) {
        let last = std::mem::replace(&mut self.lists[list].prev, node);
        self.nodes.at(node).link = Link { prev: last, next: ends(list) };
        self.link_at(last).next = node;
        self.set_occupied(list, true);
    }

    /// Takes a node out of whatever list it is in.
    fn unlink(&mut self, node: u32) {
        let Link { prev, next } = self.nodes.at(node).link;
        self.link_at(prev).next = next;
        self.link_at(next).prev = prev;
        if prev == next && prev & LIST != 0 {
            self.set_occupied((prev & !LIST) as usize, false);
        }
    }

    /// Appends all of one list to another in constant time.
    fn splice(&mut self, from: usize, to: usize) {
        let empty = Link { prev: ends(from), next: ends(from) };
        let moved = std::mem::replace(&mut self.lists[from], empty);
        if moved == empty {
            return;
        }
        let last = std::mem::replace(&mut self.lists[to].prev, moved.prev);
        self.link_at(last).next = moved.next;
        self.link_at(moved.next).prev = last;
        self.link_at(moved.prev).next = ends(to);
        self.set_occupied(from, false);
        self.set_occupied(to, true);
    }

    /// Notes that a list is or is not empty, if it is a slot's.
    fn set_occupied(&mut self, list: usize, occupied: bool) {
        if let Some(slots) = self.occupied.get_mut(list / SLOTS) {
            slots.set(list % SLOTS, occupied);
        }
    }
}

/// An occupied slot that time has not reached.
struct Event {
    list: usize,
    /// The first tick of the slot.
    first: u64,
    /// The last tick of the slot.
    last: u64,
}

/// A time as a number that keeps the order and has no sign.
const fn tick(time: UnixMillis) -> u64 {
    time.0.cast_unsigned() ^ (1 << 63)
}

/// The time of a tick.
const fn untick(tick: u64) -> UnixMillis {
    UnixMillis((tick ^ (1 << 63)).cast_signed())
}

/// The highest digit in which two different ticks differ.
const fn highest_difference(a: u64, b: u64) -> usize {
    ((a ^ b).ilog2() / DIGIT_BITS) as usize
}

/// The list of the slot that a tick names on a level.
const fn slot_list(level: usize, tick: u64) -> usize {
    let digit = (tick >> (DIGIT_BITS * level as u32)) as usize % SLOTS;
    level * SLOTS + digit
}

/// Which slots of a level have timers.
#[derive(Debug, Clone, Copy, Default)]
struct SlotSet([u64; SLOTS / 64]);

impl SlotSet {
    fn set(&mut self, slot: usize, occupied: bool) {
        let bit = 1 << (slot % 64);
        let word = &mut self.0[slot / 64];
        *word = if occupied { *word | bit } else { *word & !bit };
    }

    fn first(&self) -> Option<usize> {
        let word = self.0.iter().position(|&word| word != 0)?;
        Some(word * 64 + self.0[word].trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::slab::{CHUNK, Node};
    use super::*;

    /// Runs a wheel whose keys are the deadlines, with this budget per call, until nothing is left
    /// to do at `now`. Returns what fired and the number of calls.
    fn run(wheel: &mut Wheel, now: i64, budget: usize) -> (Vec<i64>, usize) {
        let mut due = Vec::new();
        for calls in 1.. {
            let before = due.len();
            let mut deadline_of = |_, key: u64| UnixMillis(key.cast_signed());
            let progress = wheel.advance(UnixMillis(now), budget, &mut deadline_of, &mut due);
            assert!(due.len() - before <= budget);
            if !progress.more_due_now {
                return (due.iter().map(|&(_, key)| key.cast_signed()).collect(), calls);
            }
        }
        unreachable!("the loop returns")
    }

    fn add(wheel: &mut Wheel, deadline: i64) -> TimerId {
        wheel.insert(UnixMillis(deadline), deadline.cast_unsigned())
    }

    #[test]
    fn fires_at_its_millisecond_on_every_level_and_beyond() {
        for distance in (0..62).flat_map(|bit| [1_i64 << bit, (1 << bit) + 1, (1 << bit) - 1]) {
            for start in [0, 255, 1_700_000_000_123, -5] {
                let deadline = start + distance;
                let mut wheel = Wheel::new(UnixMillis(start));
                add(&mut wheel, deadline);
                assert!(run(&mut wheel, deadline - 1, 100).0.is_empty());
                assert_eq!(wheel.next_due(), Some(UnixMillis(deadline)));
                assert_eq!(run(&mut wheel, deadline, 100).0, [deadline]);
                assert!(wheel.is_empty());
            }
        }
    }

    #[test]
    fn a_deadline_in_the_past_is_due_at_once() {
        let mut wheel = Wheel::new(UnixMillis(1000));
        add(&mut wheel, i64::MIN);
        add(&mut wheel, 1000);
        assert_eq!(wheel.next_due(), Some(UnixMillis(1000)));
        assert_eq!(run(&mut wheel, 1000, 10).0, [i64::MIN, 1000]);
        assert_eq!(wheel.next_due(), None);
    }

    #[test]
    fn nothing_fires_early_after_time_went_back() {
        for back in [999_999, 999_000, 900_000, 0, -(1 << 41)] {
            let mut wheel = Wheel::new(UnixMillis(1_000_000));
            let mut deadlines = [back + 5, 1_000_000, 1_000_100, 1_100_000, 1 << 45];
            deadlines.sort_unstable();
            for deadline in deadlines {
                add(&mut wheel, deadline);
            }
            assert!(run(&mut wheel, back, 10).0.is_empty());
            let mut fired = Vec::new();
            for deadline in deadlines {
                fired.extend(run(&mut wheel, deadline - 1, 10).0);
                assert!(!fired.contains(&deadline));
                fired.extend(run(&mut wheel, deadline, 10).0);
                assert!(fired.contains(&deadline));
            }
            assert_eq!(fired, deadlines);
        }
    }

    #[test]
    fn a_jump_over_years_fires_all_that_lies_behind() {
        let mut wheel = Wheel::new(UnixMillis(0));
        let deadlines: Vec<_> = (0..60).map(|bit| 1_i64 << bit).collect();
        for &deadline in &deadlines {
            add(&mut wheel, deadline);
        }
        assert_eq!(run(&mut wheel, 1 << 50, 7).0, deadlines[..=50]);
        assert_eq!(run(&mut wheel, i64::MAX, 7).0, deadlines[51..]);
    }

    #[test]
    fn a_million_changes_of_one_timer_leave_one_node() {
        let mut wheel = Wheel::new(UnixMillis(0));
        let id = add(&mut wheel, 0);
        let before = wheel.memory();
        for deadline in 0..1_000_000 {
            wheel.reschedule(id, UnixMillis(deadline * 977 % 1_000_003));
        }
        assert_eq!((wheel.len(), wheel.memory()), (1, before));
    }

    #[test]
    fn timers_of_one_moment_are_spread_over_calls() {
        let mut wheel = Wheel::new(UnixMillis(0));
        for _ in 0..100_000 {
            add(&mut wheel, 70_000);
        }
        assert!(run(&mut wheel, 65_535, 1000).0.is_empty());
        // Placed again once, then fired, at 1,000 steps a call.
        let (fired, calls) = run(&mut wheel, 65_536, 1000);
        assert!(fired.is_empty() && (101..=102).contains(&calls), "{calls} calls");
        let (fired, calls) = run(&mut wheel, 70_000, 1000);
        assert_eq!(fired.len(), 100_000);
        assert!((101..=102).contains(&calls), "{calls} calls");
    }

    #[test]
    fn idle_time_costs_no_steps() {
        let mut wheel = Wheel::new(UnixMillis(0));
        add(&mut wheel, 1 << 39);
        let (fired, calls) = run(&mut wheel, (1 << 39) - 1, 2);
        assert!(fired.is_empty() && calls <= 5, "{calls} calls");
    }

    #[test]
    fn chunks_that_fall_unused_are_given_back_and_used_again() {
        let mut wheel = Wheel::new(UnixMillis(0));
        let ids: Vec<_> = (0..10 * CHUNK).map(|_| add(&mut wheel, 5)).collect();
        let full = wheel.memory();
        ids.iter().for_each(|&id| wheel.remove(id));
        ids.iter().for_each(|&id| wheel.remove(id));
        let chunk = CHUNK * size_of::<Node>();
        assert!(wheel.is_empty() && wheel.memory() < full - 8 * chunk);
        let again: std::collections::HashSet<_> =
            (0..10 * CHUNK).map(|_| add(&mut wheel, 5).0).collect();
        assert_eq!((again.len(), wheel.len()), (10 * CHUNK, 10 * CHUNK));
        assert!(wheel.memory() <= full + chunk);
    }

    #[test]
    fn an_unknown_id_is_ignored() {
        let mut wheel = Wheel::new(UnixMillis(0));
        let id = add(&mut wheel, 5);
        wheel.remove(id);
        for id in [id, TimerId(1), TimerId(u32::MAX)] {
            wheel.remove(id);
            wheel.reschedule(id, UnixMillis(1));
        }
        assert!(wheel.is_empty() && run(&mut wheel, 10, 10).0.is_empty());
    }
}
