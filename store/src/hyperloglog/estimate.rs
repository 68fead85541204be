//! From registers to a number: the improved raw estimator of O. Ertl, "New cardinality estimation
//! algorithms for HyperLogLog sketches", 2017, algorithm 6, which needs no table of corrections.

use super::{COUNTED_BITS, REGISTERS};

/// How many registers have which value.
pub(super) type Histogram = [u32; 64];

/// The number of elements that most likely gave such registers.
pub(super) fn estimate(histogram: &Histogram) -> u64 {
    /// 1 / (2 ln 2), the factor for any number of registers.
    const ALPHA: f64 = 0.721_347_520_444_481_7;
    let all = REGISTERS as f64;
    let share = |count: u32| f64::from(count) / all;
    let [zero, counted @ ..] = histogram;
    let full = counted.get(COUNTED_BITS as usize).copied().unwrap_or(0);
    let mut sum = all * tau((all - f64::from(full)) / all);
    for count in counted.iter().take(COUNTED_BITS as usize).rev() {
        sum = (sum + f64::from(*count)) * 0.5;
    }
    sum += all * sigma(share(*zero));
    (ALPHA * all * all / sum).round() as u64
}

/// Corrects for registers without any element.
fn sigma(share: f64) -> f64 {
    if share == 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut weight, mut sum) = (share, 1.0, share);
    loop {
        power *= power;
        let before = sum;
        sum += power * weight;
        weight += weight;
        if sum == before {
            return sum;
        }
    }
}

/// Corrects for registers that cannot count further.
fn tau(share: f64) -> f64 {
    if share == 0.0 || share == 1.0 {
        return 0.0;
    }
    let (mut root, mut weight, mut sum) = (share, 1.0, 1.0 - share);
    loop {
        root = root.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - root).powi(2) * weight;
        if sum == before {
            return sum / 3.0;
        }
    }
}
