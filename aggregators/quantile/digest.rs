//! A t-digest (Dunning and Ertl, "Computing extremely accurate quantiles using t-digests") that begins as a plain list.
//!
//! A value joins the nearest centroid if that stays lighter than 4 n q (1 - q) / compression, else it becomes one: the first form of
//! the paper, which Telegraf uses too. Below 2 times compression values no two can join, so until then values are only appended,
//! 8 bytes each: most fields of most periods never get further. Where the rule makes more than `most_centroids` they are
//! joined in one pass to about half, so that memory is bounded however many values come.

/// The distribution of a field.
#[derive(Default)]
pub(super) struct Digest {
    /// Values in the order in which they came, while there are no centroids.
    values: Vec<f64>,
    centroids: Option<Box<Centroids>>,
}

/// Means in ascending order, and how many values each stands for.
struct Centroids {
    means: Vec<f64>,
    weights: Vec<u32>,
    total: u64,
}

impl Digest {
    /// Memory, its own included.
    pub(super) fn bytes(&self) -> usize {
        let centroids = self.centroids.as_ref().map_or(0, |c| {
            size_of::<Centroids>() + c.means.capacity() * size_of::<f64>() + c.weights.capacity() * size_of::<u32>()
        });
        size_of::<Self>() + self.values.capacity() * size_of::<f64>() + centroids
    }

    /// Keeps a value, whatever that costs.
    pub(super) fn keep(&mut self, value: f64) {
        self.values.push(value);
    }

    /// Adds a value. Infinities are left out: there is no mean with them.
    pub(super) fn add(&mut self, value: f64, compression: f64) {
        if !value.is_finite() {
            return;
        }
        if let Some(centroids) = &mut self.centroids {
            centroids.add(value, compression);
            return;
        }
        self.values.push(value);
        if self.values.len() as f64 >= 2.0 * compression {
            let mut means = std::mem::take(&mut self.values);
            means.sort_unstable_by(f64::total_cmp);
            let (weights, total) = (vec![1; means.len()], means.len() as u64);
            self.centroids = Some(Box::new(Centroids { means, weights, total }));
        }
    }

    /// The distribution, to ask for quantiles.
    pub(super) fn sorted(&mut self) -> Sorted<'_> {
        self.values.sort_unstable_by(f64::total_cmp);
        Sorted(self)
    }
}

/// A distribution whose values are sorted.
pub(super) struct Sorted<'a>(&'a Digest);

impl Sorted<'_> {
    /// All values, if they were only kept.
    pub(super) fn values(&self) -> &[f64] {
        &self.0.values
    }

    /// The estimate of a quantile; None without values.
    pub(super) fn quantile(&self, q: f64) -> Option<f64> {
        match &self.0.centroids {
            Some(centroids) => centroids.quantile(q),
            None => singles(&self.0.values, q),
        }
    }
}

/// The quantile where every centroid is one value.
fn singles(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let index = q * last as f64;
    let below = index.floor();
    let part = index - below;
    let (low, high) = (sorted[below as usize], sorted[(below as usize + 1).min(last)]);
    Some(low * (1.0 - part) + high * part)
}

impl Centroids {
    fn add(&mut self, value: f64, compression: f64) {
        match self.candidate(value, compression) {
            Some(i) => {
                let weight = f64::from(self.weights[i]);
                let mean = (self.means[i] * weight + value) / (weight + 1.0);
                // Rounding must not put it outside of the two.
                self.means[i] = mean.clamp(self.means[i].min(value), self.means[i].max(value));
                self.weights[i] += 1;
                self.settle(i);
            }
            None => {
                let at = self.means.partition_point(|mean| *mean <= value);
                self.means.insert(at, value);
                self.weights.insert(at, 1);
            }
        }
        self.total += 1;
        if self.means.len() as f64 > most_centroids(compression) {
            self.compress(compression);
        }
    }

    /// Moves a changed centroid past those that had the same mean.
    fn settle(&mut self, mut i: usize) {
        while i + 1 < self.means.len() && self.means[i] > self.means[i + 1] {
            self.means.swap(i, i + 1);
            self.weights.swap(i, i + 1);
            i += 1;
        }
        while i > 0 && self.means[i] < self.means[i - 1] {
            self.means.swap(i, i - 1);
            self.weights.swap(i, i - 1);
            i -= 1;
        }
    }

    /// The centroid that takes a value: of the nearest, the lightest with room for it.
    fn candidate(&self, value: f64, compression: f64) -> Option<usize> {
        let above = self.means.partition_point(|mean| *mean < value);
        let distance = |i: usize| self.means.get(i).map_or(f64::INFINITY, |mean| (mean - value).abs());
        let below = above.checked_sub(1).map_or(f64::INFINITY, distance);
        let nearest = distance(above).min(below);
        let begin = if below == nearest { above - 1 } else { above };
        let mut before: u64 = self.weights[..begin].iter().map(|w| u64::from(*w)).sum();
        let mut best: Option<usize> = None;
        for i in (begin..self.means.len()).take_while(|i| distance(*i) == nearest) {
            let weight = self.weights[i];
            let q = (before as f64 + (f64::from(weight) - 1.0) / 2.0) / (self.total as f64 - 1.0).max(1.0);
            let most = (4.0 * self.total as f64 * q * (1.0 - q) / compression).min(f64::from(u32::MAX));
            if f64::from(weight) + 1.0 <= most && best.is_none_or(|b| weight < self.weights[b]) {
                best = Some(i);
            }
            before += u64::from(weight);
        }
        best
    }

    /// Joins neighbours. The limit shrinks less towards the ends than that of `add`, so that at most 3 times compression
    /// centroids are left whatever the total.
    fn compress(&mut self, compression: f64) {
        let total = self.total as f64;
        let (mut kept, mut before) = (0, 0.0);
        for i in 1..self.means.len() {
            let (a, b) = (f64::from(self.weights[kept]), f64::from(self.weights[i]));
            let q = (before + (a + b) / 2.0) / total;
            let most = total * 2.0 * std::f64::consts::PI / (3.0 * compression) * (q * (1.0 - q)).max(0.0).sqrt();
            if a + b <= most.min(f64::from(u32::MAX)) {
                let (low, high) = (self.means[kept], self.means[i]);
                self.means[kept] = ((low * a + high * b) / (a + b)).clamp(low, high);
                self.weights[kept] += self.weights[i];
            } else {
                before += a;
                kept += 1;
                self.means[kept] = self.means[i];
                self.weights[kept] = self.weights[i];
            }
        }
        self.means.truncate(kept + 1);
        self.weights.truncate(kept + 1);
    }

    /// Interpolates between the middles of neighbouring centroids; beyond the outermost as between them and their neighbours, as
    /// Telegraf does, but never outside of what a value could be.
    fn quantile(&self, q: f64) -> Option<f64> {
        let len = self.means.len();
        if len < 2 {
            return self.means.first().copied();
        }
        let last = self.total as f64 - 1.0;
        let index = q * last;
        let middle = |before: f64, i: usize| before + (f64::from(self.weights[i]) - 1.0) / 2.0;
        let mut before = 0.0;
        let mut below: Option<(f64, f64)> = None;
        for (i, &mean) in self.means.iter().enumerate() {
            let here = middle(before, i);
            match below {
                _ if here < index && i + 1 < len => {}
                None if here == 0.0 => return Some(mean),
                None => {
                    let next = middle(before + f64::from(self.weights[i]), i + 1);
                    let first = (next * mean - here * self.means[i + 1]) / (next - here);
                    return Some(between(index, (0.0, first), (here, mean)));
                }
                Some(below) if here < index => {
                    let end = (mean * (last - below.0) - below.1 * (last - here)) / (here - below.0);
                    return Some(between(index, (here, mean), (last, end)));
                }
                Some(below) => return Some(between(index, below, (here, mean))),
            }
            below = Some((here, mean));
            before += f64::from(self.weights[i]);
        }
        None
    }
}

/// How many centroids there may be before they are joined: as many as Telegraf has, up to 600, so that the same come out of most
/// periods, and beyond that 6 times compression.
fn most_centroids(compression: f64) -> f64 {
    (20.0 * compression).min(600.0).max(6.0 * compression)
}

/// The value at an index on the line through two points of index and value. The steps are those of Telegraf, to the last digit.
fn between(index: f64, low: (f64, f64), high: (f64, f64)) -> f64 {
    let span = high.0 - low.0;
    low.1 * ((high.0 - index) / span) + high.1 * ((index - low.0) / span)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random and are the same every time.
    fn numbers(n: usize) -> Vec<f64> {
        let mut x = 0x2545_f491_4f6c_dd1du64;
        (0..n)
            .map(|_| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                (x >> 11) as f64 / (1u64 << 53) as f64
            })
            .collect()
    }

    fn digest(values: &[f64], compression: f64) -> Digest {
        let mut digest = Digest::default();
        values.iter().for_each(|v| digest.add(*v, compression));
        digest
    }

    /// As Telegraf's library computed them.
    #[test]
    fn joined_values_give_the_same_last_digits() {
        let to = |n: u32| (1..=n).map(f64::from).collect::<Vec<_>>();
        let quantiles = |n: u32, compression: f64, wanted: [f64; 3]| {
            wanted.map(|q| digest(&to(n), compression).sorted().quantile(q).unwrap())
        };
        assert_eq!(quantiles(100, 10.0, [0.01, 0.5, 0.99]), [1.99, 50.5, 99.01]);
        assert_eq!(quantiles(150, 10.0, [0.05, 0.9, 1.0]), [8.45, 135.1, 150.0]);
    }

    #[test]
    fn few_values_are_exact() {
        let mut digest = digest(&[3.0, 1.0, 2.0], 100.0);
        let sorted = digest.sorted();
        assert_eq!([0.0, 0.25, 0.5, 0.75, 1.0].map(|q| sorted.quantile(q).unwrap()), [1.0, 1.5, 2.0, 2.5, 3.0]);
        assert_eq!(Digest::default().sorted().quantile(0.5), None);
        assert_eq!(self::digest(&[7.0], 100.0).sorted().quantile(0.99), Some(7.0));
        assert_eq!(self::digest(&[7.0, 9.0], 1.0).sorted().quantile(0.5), Some(8.0));
    }

    #[test]
    fn many_values_are_near_in_rank_and_bounded_in_memory() {
        let uniform = numbers(200_000);
        let mut ordered = uniform.clone();
        ordered.sort_unstable_by(f64::total_cmp);
        let backwards = ordered.iter().rev().copied().collect();
        for values in [uniform.clone(), ordered, backwards] {
            let mut digest = digest(&values, 100.0);
            let len = digest.centroids.as_ref().unwrap().means.len();
            assert!(len <= 600, "{len} centroids");
            let sorted = digest.sorted();
            for (q, error) in
                [(0.001, 0.0006), (0.01, 0.002), (0.25, 0.01), (0.5, 0.015), (0.9, 0.008), (0.999, 0.0006)]
            {
                let estimate = sorted.quantile(q).unwrap();
                let below = values.iter().filter(|v| **v < estimate).count();
                let rank = below as f64 / values.len() as f64;
                assert!((rank - q).abs() < error, "quantile {q} has rank {rank}");
            }
        }
    }

    #[test]
    fn equal_values_take_no_more_room_than_others() {
        let mut digest = digest(&[5.0; 50_000], 20.0);
        assert!(digest.centroids.as_ref().unwrap().means.len() <= 120);
        assert_eq!(digest.sorted().quantile(0.3), Some(5.0));
    }

    #[test]
    fn whatever_comes_quantiles_ascend() {
        let values = numbers(3000);
        for round in 0..200 {
            let (n, compression) = (1 + round * 7 % 900, [1.0, 2.5, 10.0, 100.0][round % 4]);
            let scale = [1.0, 1e300, 1e-300, -4.0][round / 4 % 4];
            let mut digest = Digest::default();
            values[round..round + n].iter().for_each(|v| digest.add((v * 50.0).floor() * scale, compression));
            let sorted = digest.sorted();
            let all: Vec<f64> = (0..=100).map(|i| sorted.quantile(f64::from(i) / 100.0).unwrap()).collect();
            let slack = scale.abs() * 1e-9;
            assert!(all.windows(2).all(|w| w[0] <= w[1] + slack), "{n} values, compression {compression}: {all:?}");
        }
    }
}
