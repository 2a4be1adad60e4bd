//! The gamma function: a rational approximation between 2 and 3, and Stirling's formula for large arguments, with the
//! coefficients of Moshier's Cephes library.

use agent_golang::math;
use std::f64::consts::PI;

const P: [f64; 7] = [
    1.601_195_224_767_518_6e-4,
    1.191_351_470_065_863_8e-3,
    1.042_137_975_617_615_7e-2,
    4.763_678_004_571_372e-2,
    2.074_482_276_484_359_8e-1,
    4.942_148_268_014_971e-1,
    1.0,
];
const Q: [f64; 8] = [
    -2.315_818_733_241_201_4e-5,
    5.396_055_804_933_034e-4,
    -4.456_419_138_517_973e-3,
    1.181_397_852_220_604_3e-2,
    3.582_363_986_054_986_5e-2,
    -2.345_917_957_182_433_5e-1,
    7.143_049_170_302_731e-2,
    1.0,
];
const STIRLING: [f64; 5] = [
    7.873_113_957_930_937e-4,
    -2.295_499_616_133_781_3e-4,
    -2.681_326_178_057_812_3e-3,
    3.472_222_216_054_586_7e-3,
    8.333_333_333_334_822e-2,
];

/// NaN at the negative integers, infinite at 0 and where the result exceeds the range.
pub(super) fn gamma(x: f64) -> f64 {
    if x.is_nan() || x == f64::NEG_INFINITY || (x < 0.0 && x.fract() == 0.0) {
        return f64::NAN;
    }
    if x == 0.0 {
        return f64::INFINITY.copysign(x);
    }
    if x.abs() > 33.0 {
        if x < 0.0 {
            return reflected(-x);
        }
        let (first, second) = stirling(x);
        return first * second;
    }
    let (mut x, mut product) = (x, 1.0);
    while x >= 3.0 {
        x -= 1.0;
        product *= x;
    }
    while x < 2.0 {
        if x.abs() < 1e-9 {
            const EULER: f64 = 0.577_215_664_901_532_9;
            return product / ((1.0 + EULER * x) * x);
        }
        product /= x;
        x += 1.0;
    }
    if x == 2.0 {
        return product;
    }
    product * polynomial(&P, x - 2.0) / polynomial(&Q, x - 2.0)
}

/// The value at `-size`; the sign changes from one integer to the next.
fn reflected(size: f64) -> f64 {
    let sign = if size.floor() % 2.0 == 0.0 { -1.0 } else { 1.0 };
    let near = if size.fract() > 0.5 { size.fract() - 1.0 } else { size.fract() };
    let (first, second) = stirling(size);
    sign * PI / ((size * math::sin(PI * near)).abs() * first * second)
}

/// Two factors of the value at a large number, in the order in which Go multiplies.
fn stirling(x: f64) -> (f64, f64) {
    if x > 171.624_376_956_302_7 {
        return (f64::INFINITY, 1.0);
    }
    let series = 1.0 + polynomial(&STIRLING, 1.0 / x) * (1.0 / x);
    let scaled = (2.0 * PI).sqrt() * series;
    // The power alone may exceed the range.
    if x > 143.016_08 {
        let root = math::pow(x, 0.5 * x - 0.25);
        (root, scaled * (root / math::exp(x)))
    } else {
        (math::pow(x, x - 0.5) / math::exp(x), scaled)
    }
}

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, &next| sum * x + next)
}
