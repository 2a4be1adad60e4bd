//! How evenly packets are spread over values: Shannon's entropy over classes of hashes.
//!
//! There are 2^18 classes, so for ports the figure is exact but for what falls together, and for addresses it is a lower bound that is near
//! while there are fewer than some 50 000 of them; it cannot be above 18 bits. Two merge by adding.

use super::state::{Reading, Writing};

/// Classes, a power of two.
const CLASSES: usize = 1 << 18;

/// Packets of each class.
#[derive(Debug)]
pub(super) struct Entropy {
    classes: Vec<u32>,
    packets: u64,
}

impl Entropy {
    pub(super) fn new() -> Self {
        Entropy { classes: vec![0; CLASSES], packets: 0 }
    }

    #[inline]
    pub(super) fn add(&mut self, hash: u64) {
        let class = &mut self.classes[hash as usize % CLASSES];
        *class = class.saturating_add(1);
        self.packets += 1;
    }

    /// In bits, and as a share of the most that there can be with so many classes in use.
    pub(super) fn bits(&self) -> (f64, f64) {
        let (mut sum, mut used) = (0.0, 0u32);
        for class in self.classes.iter().filter(|c| **c > 0) {
            let n = f64::from(*class);
            sum += n * n.log2();
            used += 1;
        }
        if used < 2 {
            return (0.0, 0.0);
        }
        let total = self.packets as f64;
        let bits = (total.log2() - sum / total).max(0.0);
        (bits, bits / f64::from(used).log2())
    }

    pub(super) fn save(&self, state: &mut Writing) {
        state.numbers(self.classes.iter().map(|class| u64::from(*class)));
    }

    /// Takes in what was saved of another; nothing of it if it is damaged.
    pub(super) fn merge(&mut self, state: &mut Reading) -> Option<()> {
        let theirs = state.numbers(CLASSES).filter(|_| state.is_empty())?;
        for (class, theirs) in self.classes.iter_mut().zip(theirs) {
            self.packets = self.packets.saturating_add(theirs);
            *class = class.saturating_add(u32::try_from(theirs).unwrap_or(u32::MAX));
        }
        Some(())
    }

    pub(super) fn clear(&mut self) {
        self.classes.fill(0);
        self.packets = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sketch::tests::hash;

    #[test]
    fn even_and_uneven() {
        let mut entropy = Entropy::new();
        assert_eq!(entropy.bits(), (0.0, 0.0));
        (0..4096u64).for_each(|i| entropy.add(hash(1, i % 16)));
        let (bits, share) = entropy.bits();
        assert!((bits - 4.0).abs() < 1e-9 && (share - 1.0).abs() < 1e-9, "{bits}");
        // Half of all is one value: half a bit, and half of the rest.
        (0..4096).for_each(|_| entropy.add(hash(1, 99)));
        let (bits, _) = entropy.bits();
        assert!((bits - 3.0).abs() < 1e-9, "{bits}");
        entropy.clear();
        assert_eq!(entropy.bits(), (0.0, 0.0));
    }
}
