//! How the packets of a flow are spread in size and in time, where that is asked for.

/// Sums over values, from which their mean and standard deviation follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// How many there were.
    pub count: u64,
    /// The least, 0 if there was none.
    pub min: u64,
    /// The greatest.
    pub max: u64,
    mean: f64,
    /// The sum of the squares of what each is away from the mean (Welford 1962).
    squares: f64,
}

impl Spread {
    /// Of no values.
    pub const NONE: Self = Self { count: 0, min: 0, max: 0, mean: 0.0, squares: 0.0 };

    /// Takes a value in.
    #[inline]
    pub(super) fn add(&mut self, value: u64) {
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.count += 1;
        let away = value as f64 - self.mean;
        self.mean += away / self.count as f64;
        self.squares += away * (value as f64 - self.mean);
    }

    /// Their mean, 0 if there were none.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Their standard deviation (of the values themselves, not of what they are drawn from).
    #[must_use]
    pub fn deviation(&self) -> f64 {
        if self.count == 0 { 0.0 } else { (self.squares / self.count as f64).sqrt() }
    }
}

/// What is kept of a flow. Of pairs, the first is of the side that began.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spreads {
    /// Bytes of the frames.
    pub sizes: [Spread; 2],
    /// Nanoseconds between the packets of one direction.
    pub gaps: [Spread; 2],
    /// The time of the last packet of each direction, which outlives a report.
    last: [Option<i64>; 2],
}

impl Spreads {
    /// Of no packets.
    pub(super) const NONE: Self = Self { sizes: [Spread::NONE; 2], gaps: [Spread::NONE; 2], last: [None; 2] };

    #[inline]
    pub(super) fn add(&mut self, side: usize, time: i64, wire: u32) {
        self.sizes[side].add(u64::from(wire));
        if let Some(last) = self.last[side].replace(time) {
            // Captures of several interfaces are not quite in order.
            self.gaps[side].add(u64::try_from(time.saturating_sub(last)).unwrap_or(0));
        }
    }

    /// Begins to count anew.
    pub(super) fn next_record(&mut self) {
        (self.sizes, self.gaps) = ([Spread::NONE; 2], [Spread::NONE; 2]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation() {
        let mut spread = Spread::NONE;
        [2, 4, 4, 4, 5, 5, 7, 9].into_iter().for_each(|v| spread.add(v));
        assert_eq!((spread.count, spread.min, spread.max), (8, 2, 9));
        assert_eq!((spread.mean(), spread.deviation()), (5.0, 2.0));
        assert_eq!(Spread::NONE.deviation(), 0.0);
    }

    #[test]
    fn gaps_go_on_over_a_report() {
        let mut spreads = Spreads::NONE;
        spreads.add(0, 10, 60);
        spreads.add(1, 11, 70);
        spreads.next_record();
        spreads.add(0, 15, 80);
        assert_eq!((spreads.gaps[0].count, spreads.gaps[0].max, spreads.sizes[0].count), (1, 5, 1));
        assert_eq!(spreads.gaps[1], Spread::NONE);
    }
}
