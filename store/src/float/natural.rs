//! Just enough arithmetic on natural numbers of any size to round decimal text correctly and to
//! print great numbers in full. The longest text gives numbers of some 30,000 bits, for which
//! schoolbook methods do.

use std::cmp::Ordering;

/// A natural number of any size, in digits of 32 bits from the lowest on, without zeros on top.
pub(super) struct Natural(Vec<u32>);

impl Natural {
    /// The number itself.
    pub(super) fn from_u64(number: u64) -> Self {
        let mut natural = Self(vec![number as u32, (number >> 32) as u32]);
        natural.trim();
        natural
    }

    /// The number with these decimal digits, the highest first.
    pub(super) fn from_decimal(digits: &[u8]) -> Self {
        let mut number = Self(Vec::with_capacity(digits.len() / 9 + 1));
        for group in digits.chunks(9) {
            let value = group.iter().fold(0, |value, &digit| value * 10 + u32::from(digit));
            number.multiply_and_add(10_u32.pow(group.len() as u32), value);
        }
        number
    }

    /// Its decimal text.
    pub(super) fn into_decimal(mut self) -> String {
        const GROUP: u64 = 1_000_000_000;
        let mut groups = Vec::new();
        while !self.0.is_empty() {
            let remainder = self.0.iter_mut().rev().fold(0, |remainder, digit| {
                let value = remainder << 32 | u64::from(*digit);
                *digit = (value / GROUP) as u32;
                value % GROUP
            });
            self.trim();
            groups.push(remainder);
        }
        let mut text = groups.pop().unwrap_or(0).to_string();
        text.extend(groups.iter().rev().map(|group| format!("{group:09}")));
        text
    }

    /// Takes zeros off the top.
    fn trim(&mut self) {
        while self.0.pop_if(|top| *top == 0).is_some() {}
    }

    /// Bits up to the highest that is set.
    pub(super) fn bits(&self) -> u32 {
        let top = self.0.last().map_or(0, |top| top.leading_zeros());
        self.0.len() as u32 * 32 - top
    }

    fn multiply_and_add(&mut self, factor: u32, term: u32) {
        let mut carry = u64::from(term);
        for digit in &mut self.0 {
            let value = u64::from(*digit) * u64::from(factor) + carry;
            *digit = value as u32;
            carry = value >> 32;
        }
        if carry != 0 {
            self.0.push(carry as u32);
        }
    }

    pub(super) fn multiply_by_power_of_five(&mut self, power: u32) {
        const STEP: u32 = 13;
        for _ in 0..power / STEP {
            self.multiply_and_add(5_u32.pow(STEP), 0);
        }
        self.multiply_and_add(5_u32.pow(power % STEP), 0);
    }

    pub(super) fn shift_up(&mut self, bits: u32) {
        self.multiply_and_add(1 << (bits % 32), 0);
        if !self.0.is_empty() {
            self.0.splice(..0, std::iter::repeat_n(0, bits as usize / 32));
        }
    }

    /// The number without its lowest bits, which must leave at most 128, and whether any of those
    /// was set.
    pub(super) fn shifted_down(&self, bits: u32) -> (u128, bool) {
        let (whole, part) = (bits / 32, bits % 32);
        let (below, above) = self.0.split_at(whole as usize);
        let mut value = 0;
        let mut more = below.iter().any(|&digit| digit != 0);
        for (&digit, position) in above.iter().zip((0_u32..).step_by(32)) {
            if position < part {
                value = u128::from(digit >> part);
                more |= digit & !(u32::MAX << part) != 0;
            } else {
                value |= u128::from(digit) << (position - part);
            }
        }
        (value, more)
    }

    /// The quotient of at most `bits + 1` bits, and whether something remains.
    pub(super) fn divided(mut self, mut divisor: Self, bits: u32) -> (u128, bool) {
        divisor.shift_up(bits);
        let mut quotient = 0;
        for _ in 0..=bits {
            let fits = self.compare(&divisor) != Ordering::Less;
            if fits {
                self.subtract(&divisor);
            }
            quotient = quotient << 1 | u128::from(fits);
            self.multiply_and_add(2, 0);
        }
        (quotient, !self.0.is_empty())
    }

    fn compare(&self, other: &Self) -> Ordering {
        let lengths = self.0.len().cmp(&other.0.len());
        lengths.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    /// Subtracts a number that is not greater.
    fn subtract(&mut self, other: &Self) {
        let mut borrow = false;
        let others = other.0.iter().copied().chain(std::iter::repeat(0));
        for (digit, other) in self.0.iter_mut().zip(others) {
            let (value, under) = digit.overflowing_sub(other);
            let (value, under_again) = value.overflowing_sub(u32::from(borrow));
            *digit = value;
            borrow = under || under_again;
        }
        self.trim();
    }
}
