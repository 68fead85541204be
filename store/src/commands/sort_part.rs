//! Sorting a part of a sequence: J. L. Bentley and M. D. McIlroy's quicksort ("Engineering a Sort
//! Function", 1993), which leaves alone what lies outside of the part that is wanted.
//!
//! Redis sorts so where SORT has BY and does not reply with everything. Elements that are equal come
//! to lie as the algorithm leaves them, so it is this one and no other, step by step.

use std::cmp::Ordering;
use std::ops::Range;

/// Shorter sequences are sorted by insertion.
const FEW: usize = 7;
/// Longer ones take the median of nine.
const MANY: usize = 40;

/// How two elements compare.
type Compare<'c, T> = &'c dyn Fn(&T, &T) -> Ordering;

/// Orders elements so far that those in `wanted` are the ones that belong there.
///
/// Complexity: O(n + m log m) for `m` wanted elements, on average. Where the pivots are bad again and
/// again, as somebody may have arranged it, the rest is sorted in another way: O(n log n) at worst.
pub(super) fn sort_part<T>(elements: &mut [T], wanted: &Range<usize>, compare: Compare<'_, T>) {
    let levels = 4 * (elements.len().max(2).ilog2() + 1);
    sort_levels(elements, wanted, compare, levels);
}

fn sort_levels<T>(elements: &mut [T], wanted: &Range<usize>, compare: Compare<'_, T>, levels: u32) {
    if elements.len() < FEW {
        return sort_by_insertion(elements, compare);
    }
    let Some(levels) = levels.checked_sub(1) else { return elements.sort_by(compare) };
    let pivot = pivot_of(elements, compare);
    let (less, greater) = partition(elements, pivot, compare);
    let len = elements.len();
    for part in [0..less, len - greater..len] {
        if part.len() > 1 && part.start < wanted.end && wanted.start < part.end {
            let start = part.start;
            let inside = wanted.start.saturating_sub(start)..wanted.end - start;
            sort_levels(&mut elements[part], &inside, compare, levels);
        }
    }
}

fn sort_by_insertion<T>(elements: &mut [T], compare: Compare<'_, T>) {
    for end in 1..elements.len() {
        let mut at = end;
        while at > 0 && compare(&elements[at - 1], &elements[at]).is_gt() {
            elements.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// The middle element, the median of three, or of three medians of three: the longer the sequence,
/// the more pains are taken.
fn pivot_of<T>(elements: &[T], compare: Compare<'_, T>) -> usize {
    let len = elements.len();
    let (first, middle, last) = (0, len / 2, len - 1);
    let median = |a, b, c| median(elements, [a, b, c], compare);
    if len == FEW {
        middle
    } else if len <= MANY {
        median(first, middle, last)
    } else {
        let step = len / 8;
        median(
            median(first, first + step, first + 2 * step),
            median(middle - step, middle, middle + step),
            median(last - 2 * step, last - step, last),
        )
    }
}

/// Which of three elements is between the others.
fn median<T>(elements: &[T], [a, b, c]: [usize; 3], compare: Compare<'_, T>) -> usize {
    let less = |one: usize, other: usize| compare(&elements[one], &elements[other]).is_lt();
    let greater = |one: usize, other: usize| compare(&elements[one], &elements[other]).is_gt();
    if less(a, b) {
        if less(b, c) {
            b
        } else if less(a, c) {
            c
        } else {
            a
        }
    } else if greater(b, c) {
        b
    } else if less(a, c) {
        a
    } else {
        c
    }
}

/// Moves what is less than the pivot to the beginning and what is greater to the end, and returns how
/// many those are. What equals it is gathered at both ends first, then brought between them.
fn partition<T>(elements: &mut [T], pivot: usize, compare: Compare<'_, T>) -> (usize, usize) {
    elements.swap(0, pivot);
    let len = elements.len();
    // From the front: equal up to `equal`, less up to `low`. From the back likewise, all ends open.
    let (mut equal, mut low) = (1, 1);
    let (mut high, mut equal_high) = (len, len);
    loop {
        while low < high {
            match compare(&elements[low], &elements[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    elements.swap(equal, low);
                    equal += 1;
                }
                Ordering::Less => {}
            }
            low += 1;
        }
        while low < high {
            match compare(&elements[high - 1], &elements[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    elements.swap(high - 1, equal_high - 1);
                    equal_high -= 1;
                }
                Ordering::Greater => {}
            }
            high -= 1;
        }
        if low >= high {
            break;
        }
        elements.swap(low, high - 1);
        low += 1;
        high -= 1;
    }
    let (less, greater) = (low - equal, equal_high - high);
    swap_runs(elements, 0, low, equal.min(less));
    swap_runs(elements, low, len, greater.min(len - equal_high));
    (less, greater)
}

/// Swaps `count` elements from `start` on with those before `end`.
fn swap_runs<T>(elements: &mut [T], start: usize, end: usize, count: usize) {
    for at in 0..count {
        elements.swap(start + at, end - count + at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that differ but compare by their tens.
    fn sorted(numbers: &[u32], wanted: Range<usize>) -> Vec<u32> {
        let mut numbers = numbers.to_vec();
        sort_part(&mut numbers, &wanted, &|a, b| (a / 10).cmp(&(b / 10)));
        numbers[wanted].to_vec()
    }

    #[test]
    fn equal_elements_lie_as_in_redis() {
        // `RPUSH l a b c d e f g h`, `SORT l BY w* LIMIT 0 3 ALPHA` there.
        assert_eq!(sorted(&[1, 2, 3, 4, 5, 6, 7, 8], 0..3), [8, 2, 3]);
        assert_eq!(sorted(&[1, 2, 3, 4, 5, 6], 0..3), [1, 2, 3]);
    }

    #[test]
    fn what_is_wanted_is_in_order() {
        let mut seed = 1u32;
        for len in (0..90).chain([1000]) {
            let numbers: Vec<u32> = std::iter::repeat_with(|| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                seed >> 16 & 0x3F0
            })
            .take(len)
            .collect();
            let mut all = numbers.clone();
            all.sort_unstable();
            for start in [0, len / 3, len.saturating_sub(2)] {
                for end in [start, len.min(start + 5), len] {
                    assert_eq!(sorted(&numbers, start..end), all[start..end], "{start}..{end}");
                }
            }
        }
    }

    #[test]
    fn bad_pivots_take_no_square_of_the_time() {
        use std::cell::{Cell, RefCell};
        // McIlroy's adversary: an element is found out to be small only when it is compared.
        let len = 10_000u32;
        let (values, solid, candidate) =
            (RefCell::new(vec![u32::MAX; len as usize]), Cell::new(0), Cell::new(0));
        let compared = Cell::new(0u32);
        let compare = |&a: &usize, &b: &usize| {
            compared.set(compared.get() + 1);
            let mut values = values.borrow_mut();
            if values[a] == u32::MAX && values[b] == u32::MAX {
                values[if a == candidate.get() { a } else { b }] = solid.get();
                solid.set(solid.get() + 1);
            }
            if values[a] == u32::MAX {
                candidate.set(a);
            } else if values[b] == u32::MAX {
                candidate.set(b);
            }
            values[a].cmp(&values[b])
        };
        sort_part(&mut (0..len as usize).collect::<Vec<_>>(), &(0..len as usize), &compare);
        assert!(compared.get() < len * 100, "{}", compared.get());
    }
}
