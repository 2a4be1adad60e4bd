//! How many different values there were: HyperLogLog (Flajolet and others 2007), read by the estimator of Ertl (2017), which needs no
//! correction for few or for middling numbers.
//!
//! The standard error is 1.04 / sqrt(registers). Two of the same size merge into exactly what one would be that had seen both.

use super::state::{Reading, Writing};

/// Registers of one byte each, a power of two of them, 16 to 2^18.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Distinct<R = Box<[u8]>> {
    registers: R,
}

impl Distinct {
    /// With 2 to the `precision` registers, 4 to 18.
    pub(super) fn new(precision: u8) -> Self {
        Distinct { registers: vec![0; 1 << precision].into_boxed_slice() }
    }
}

impl<const N: usize> Distinct<[u8; N]> {
    /// Nothing yet. For those of which there are many: the registers stand where it stands.
    pub(super) const EMPTY: Self = Distinct { registers: [0; N] };

    /// What is needed to take in the hash of a value.
    #[inline]
    pub(super) fn register(&self, hash: u64) -> &u8 {
        &self.registers[(hash >> (64 - N.trailing_zeros())) as usize]
    }
}

impl<R: AsRef<[u8]> + AsMut<[u8]> + Clone> Distinct<R> {
    fn registers(&self) -> &[u8] {
        self.registers.as_ref()
    }

    /// Takes in the hash of a value.
    #[inline]
    pub(super) fn add(&mut self, hash: u64) {
        let registers = self.registers.as_mut();
        let bits = registers.len().trailing_zeros();
        let place = (hash >> (64 - bits)) as usize;
        // The place of the first one in the rest, from 1; the bit below the rest bounds it.
        let rank = ((hash << bits) | 1 << (bits - 1)).leading_zeros() as u8 + 1;
        // Soon they hardly change any more.
        if let Some(register) = registers.get_mut(place)
            && *register < rank
        {
            *register = rank;
        }
    }

    /// Takes in what another has seen.
    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.registers.as_mut().iter_mut().zip(other.registers()) {
            *mine = (*mine).max(*theirs);
        }
    }

    /// The number of different values.
    pub(super) fn estimate(&self) -> f64 {
        let m = self.registers().len() as f64;
        let most = 64 - self.registers().len().trailing_zeros() as usize;
        let mut counts = [0.0; 66];
        for register in self.registers() {
            counts[usize::from(*register).min(most + 1)] += 1.0;
        }
        let mut z = m * tau(1.0 - counts[most + 1] / m);
        for count in counts[1..=most].iter().rev() {
            z = 0.5 * (z + count);
        }
        z += m * sigma(counts[0] / m);
        m * m / (2.0 * std::f64::consts::LN_2 * z)
    }

    /// The standard error as a share of the estimate.
    pub(super) fn error(&self) -> f64 {
        1.04 / (self.registers().len() as f64).sqrt()
    }

    pub(super) fn clear(&mut self) {
        self.registers.as_mut().fill(0);
    }

    pub(super) fn save(&self, state: &mut Writing) {
        state.numbers(self.registers().iter().map(|r| u64::from(*r)));
    }

    /// What was saved of one like this.
    pub(super) fn load(&self, state: &mut Reading) -> Option<Self> {
        let mut read = self.clone();
        let saved = state.numbers(self.registers().len())?;
        for (register, saved) in read.registers.as_mut().iter_mut().zip(saved) {
            *register = u8::try_from(saved).ok().filter(|r| *r <= 65)?;
        }
        Some(read)
    }
}

/// The part of registers that saw nothing, as a series.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * y;
        y += y;
        if sum == before {
            return sum;
        }
    }
}

/// The part of registers that can count no further, as a series.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        y *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * y;
        if sum == before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::tests::hash;

    #[test]
    fn within_three_errors_nearly_always() {
        for (precision, count) in [(12, 500u64), (12, 20_000), (14, 40_000), (8, 3000)] {
            let runs = 200;
            let outside = (0..runs)
                .filter(|run| {
                    let mut distinct = Distinct::new(precision);
                    (0..count).for_each(|i| distinct.add(hash(*run, i)));
                    let away = (distinct.estimate() / count as f64 - 1.0).abs();
                    away > 3.0 * distinct.error()
                })
                .count();
            assert!(outside * 100 <= runs as usize, "{outside} of {runs} runs with {count} at {precision}");
        }
    }

    #[test]
    fn few_values_are_told_to_a_hundredth() {
        let mut distinct = Distinct::new(14);
        (0..900).for_each(|i| distinct.add(hash(1, i)));
        assert!((distinct.estimate() / 900.0 - 1.0).abs() < 0.01, "{}", distinct.estimate());
    }

    #[test]
    fn merging_is_as_if_one_had_seen_all() {
        let (mut a, mut b, mut both) = (Distinct::new(10), Distinct::new(10), Distinct::new(10));
        for i in 0..30_000 {
            if i % 3 == 0 {
                a.add(hash(5, i))
            } else {
                b.add(hash(5, i))
            }
            both.add(hash(5, i));
        }
        a.merge(&b);
        assert_eq!(a, both);
        a.clear();
        assert_eq!(a, Distinct::new(10));
    }
}
