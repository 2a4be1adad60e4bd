//! Random numbers: xoshiro256++ (Blackman, Vigna: "Scrambled linear pseudorandom number generators", 2018), seeded by the system.

use std::collections::hash_map::RandomState;
use std::f64::consts::TAU;
use std::hash::BuildHasher;

/// A generator; not fit for keys.
pub(super) struct Random([u64; 4]);

impl Random {
    /// Seeded with what the system gives every process to hash with.
    pub(super) fn new() -> Self {
        let (a, b) = (RandomState::new(), RandomState::new());
        Random([a.hash_one(0), a.hash_one(1), b.hash_one(2), b.hash_one(3) | 1])
    }

    fn next(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Above 0 and below 1.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }

    pub(super) fn uniform(&mut self, min: f64, max: f64) -> f64 {
        min + (max - min) * self.unit()
    }

    /// By the inverse of the distribution function.
    pub(super) fn laplacian(&mut self, mu: f64, scale: f64) -> f64 {
        let u = self.unit() - 0.5;
        mu - scale * u.signum() * (1.0 - 2.0 * u.abs()).ln()
    }

    /// By the method of Box and Muller.
    pub(super) fn gaussian(&mut self, mu: f64, scale: f64) -> f64 {
        mu + scale * (-2.0 * self.unit().ln()).sqrt() * (TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of 100,000 numbers; a fixed seed, so that no run differs.
    fn moments(draw: impl Fn(&mut Random) -> f64) -> (f64, f64) {
        let mut random = Random([1, 2, 3, 4]);
        let all: Vec<f64> = (0..100_000).map(|_| draw(&mut random)).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        (mean, all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / all.len() as f64)
    }

    #[test]
    fn the_distributions_have_their_mean_and_variance() {
        let near = |(mean, variance): (f64, f64), m: f64, v: f64| {
            assert!((mean - m).abs() < 0.05 && (variance / v - 1.0).abs() < 0.05, "{mean} {variance}");
        };
        near(moments(|r| r.uniform(-1.0, 3.0)), 1.0, 16.0 / 12.0);
        near(moments(|r| r.gaussian(2.0, 1.5)), 2.0, 2.25);
        near(moments(|r| r.laplacian(-1.0, 0.5)), -1.0, 0.5);
    }
}
