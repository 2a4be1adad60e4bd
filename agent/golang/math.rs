//! Functions of floats with the results that Go has on x86-64, to the last digit.
//!
//! Go does not call the system's library: it has methods of its own, which often differ from it in the last digit. A script that
//! was written for Telegraf gives the same numbers here only by the same methods: trigonometry is that of Moshier's Cephes library
//! (sin.c, tan.c, atan.c, sinh.c, tanh.c), the logarithm that of Sun's msun (e_log.c), the exponential function that of Shibata
//! ("Efficient evaluation methods of elementary functions suitable for SIMD computation") with fused steps, and powers are
//! products of squares. Coefficients are those of the publications.
//!
//! Angles are in radians. Where a function has no value the result is NaN.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, LN_2, LOG2_E, PI};

/// From here on angles are reduced by the system's library: 2^29.
const LARGE_ANGLE: f64 = 536_870_912.0;

const SIN: [f64; 6] = [
    1.589_623_015_765_465_7e-10,
    -2.505_074_776_285_780_7e-8,
    2.755_731_362_138_572_2e-6,
    -1.984_126_982_958_954e-4,
    8.333_333_333_322_118e-3,
    -1.666_666_666_666_663e-1,
];
const COS: [f64; 6] = [
    -1.135_853_652_138_768_2e-11,
    2.087_570_084_197_473e-9,
    -2.755_731_417_929_674e-7,
    2.480_158_728_885_170_5e-5,
    -1.388_888_888_887_305_6e-3,
    4.166_666_666_666_659_5e-2,
];
const TAN_ABOVE: [f64; 3] = [-1.309_369_391_813_837_8e4, 1.153_516_648_385_874_2e6, -1.795_652_519_764_848_8e7];
const TAN_BELOW: [f64; 5] =
    [1.0, 1.368_129_634_706_929_5e4, -1.320_892_344_402_109_7e6, 2.500_838_018_233_579e7, -5.386_957_559_294_546_4e7];
const ATAN_ABOVE: [f64; 5] = [
    -8.750_608_600_031_904e-1,
    -1.615_753_718_733_365_2e1,
    -7.500_855_792_314_705e1,
    -1.228_866_684_490_136_1e2,
    -6.485_021_904_942_025e1,
];
const ATAN_BELOW: [f64; 6] = [
    1.0,
    2.485_846_490_142_306_3e1,
    1.650_270_098_316_988_6e2,
    4.328_810_604_912_902_7e2,
    4.853_903_996_359_137e2,
    1.945_506_571_482_614e2,
];
const SINH_ABOVE: [f64; 4] =
    [-0.263_056_321_339_749_7e2, -0.289_421_135_598_956_4e4, -0.899_127_202_203_950_9e5, -0.630_767_364_049_771_7e6];
const SINH_BELOW: [f64; 4] = [1.0, -0.173_678_953_558_233_7e3, 0.152_151_737_879_001_9e5, -0.630_767_364_049_771_7e6];
const TANH_ABOVE: [f64; 3] = [-9.643_991_794_250_523e-1, -9.928_772_310_019_185e1, -1.614_687_684_417_084_5e3];
const TANH_BELOW: [f64; 4] = [1.0, 1.128_116_784_916_329_3e2, 2.235_488_390_601_004_5e3, 4.844_063_053_251_255e3];
/// Of the even and of the odd powers, the highest first.
const LN_EVEN: [f64; 3] = [1.531_383_769_920_937_3e-1, 2.222_219_843_214_978_4e-1, 3.999_999_999_940_942e-1];
const LN_ODD: [f64; 4] =
    [1.479_819_860_511_658_6e-1, 1.818_357_216_161_805e-1, 2.857_142_874_366_239e-1, 6.666_666_666_666_735e-1];

/// A polynomial, its highest coefficient first.
fn polynomial(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// The octant of an angle from 0 on, made even, and how far the angle lies from its begin.
fn octant(angle: f64) -> (u64, f64) {
    // A quarter of pi in three parts, so that their products are exact.
    const PARTS: [f64; 3] = [7.853_981_256_484_985e-1, 3.774_894_707_930_798e-8, 2.695_151_429_079_059_5e-15];
    let octant = (angle * (4.0 / PI)) as u64;
    let octant = octant + (octant & 1);
    (octant, PARTS.iter().fold(angle, |rest, part| rest - octant as f64 * part))
}

fn sine_near_zero(x: f64) -> f64 {
    let square = x * x;
    x + x * square * polynomial(square, &SIN)
}

fn cosine_near_zero(x: f64) -> f64 {
    let square = x * x;
    1.0 - 0.5 * square + square * square * polynomial(square, &COS)
}

/// The sine.
pub fn sin(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() || x.abs() >= LARGE_ANGLE {
        return x.sin();
    }
    let (octant, rest) = octant(x.abs());
    let value = if matches!(octant % 4, 1 | 2) { cosine_near_zero(rest) } else { sine_near_zero(rest) };
    if (octant % 8 > 3) != (x < 0.0) { -value } else { value }
}

/// The cosine.
pub fn cos(x: f64) -> f64 {
    if !x.is_finite() || x.abs() >= LARGE_ANGLE {
        return x.cos();
    }
    let (octant, rest) = octant(x.abs());
    let value = if matches!(octant % 4, 1 | 2) { sine_near_zero(rest) } else { cosine_near_zero(rest) };
    if (octant % 8 > 3) != (octant % 4 > 1) { -value } else { value }
}

/// The tangent.
pub fn tan(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() || x.abs() >= LARGE_ANGLE {
        return x.tan();
    }
    let (octant, rest) = octant(x.abs());
    let square = rest * rest;
    let value = if square > 1e-14 {
        rest + rest * (square * polynomial(square, &TAN_ABOVE) / polynomial(square, &TAN_BELOW))
    } else {
        rest
    };
    let value = if octant & 2 == 2 { -1.0 / value } else { value };
    if x < 0.0 { -value } else { value }
}

/// The arc tangent of a number from 0 on.
fn arc_tangent(x: f64) -> f64 {
    let near_zero = |x: f64| {
        let square = x * x;
        x * (square * polynomial(square, &ATAN_ABOVE) / polynomial(square, &ATAN_BELOW)) + x
    };
    /// What half of pi has beyond the digits of a float.
    const REST: f64 = 6.123_233_995_736_766e-17;
    /// The tangent of three eighths of pi.
    const STEEP: f64 = 2.414_213_562_373_095;
    if x <= 0.66 {
        near_zero(x)
    } else if x > STEEP {
        FRAC_PI_2 - near_zero(1.0 / x) + REST
    } else {
        FRAC_PI_4 + near_zero((x - 1.0) / (x + 1.0)) + 0.5 * REST
    }
}

/// The arc tangent.
pub fn atan(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() { x } else { arc_tangent(x.abs()).copysign(x) }
}

/// The angle of the point (x, y), from -pi to pi.
pub fn atan2(y: f64, x: f64) -> f64 {
    if y == 0.0 || x == 0.0 || !y.is_finite() || !x.is_finite() {
        return y.atan2(x);
    }
    let angle = atan(y / x);
    match (x < 0.0, angle <= 0.0) {
        (false, _) => angle,
        (true, true) => angle + PI,
        (true, false) => angle - PI,
    }
}

/// The arc sine.
pub fn asin(x: f64) -> f64 {
    let sine = x.abs();
    if sine.is_nan() || sine > 1.0 {
        return f64::NAN;
    }
    if sine == 0.0 {
        return x;
    }
    let cosine = (1.0 - sine * sine).sqrt();
    let angle = if sine > 0.7 { FRAC_PI_2 - arc_tangent(cosine / sine) } else { arc_tangent(sine / cosine) };
    angle.copysign(x)
}

/// The arc cosine.
pub fn acos(x: f64) -> f64 {
    FRAC_PI_2 - asin(x)
}

/// The hyperbolic sine.
pub fn sinh(x: f64) -> f64 {
    // Not `abs`, so that -0 stays what it is.
    let size = if x < 0.0 { -x } else { x };
    let value = if size > 21.0 {
        exp(size) * 0.5
    } else if size > 0.5 {
        let power = exp(size);
        (power - 1.0 / power) * 0.5
    } else {
        let square = size * size;
        polynomial(square, &SINH_ABOVE) * size / polynomial(square, &SINH_BELOW)
    };
    if x < 0.0 { -value } else { value }
}

/// The hyperbolic cosine.
pub fn cosh(x: f64) -> f64 {
    let power = exp(x.abs());
    if x.abs() > 21.0 { power * 0.5 } else { (power + 1.0 / power) * 0.5 }
}

/// The hyperbolic tangent.
pub fn tanh(x: f64) -> f64 {
    let size = x.abs();
    if size > 44.014_845_965_556_525 {
        return 1f64.copysign(x);
    }
    if size >= 0.625 {
        return (1.0 - 2.0 / (exp(2.0 * size) + 1.0)).copysign(x);
    }
    if x == 0.0 {
        return x;
    }
    let square = x * x;
    x + x * square * polynomial(square, &TANH_ABOVE) / polynomial(square, &TANH_BELOW)
}

/// From here on the logarithm of twice the number stands for the area functions: 2^28.
const LARGE_AREA: f64 = 268_435_456.0;

/// The area hyperbolic sine.
pub fn asinh(x: f64) -> f64 {
    let size = x.abs();
    if !x.is_finite() || size < 1.0 / LARGE_AREA {
        return x;
    }
    let value = if size > LARGE_AREA {
        ln(size) + LN_2
    } else if size > 2.0 {
        ln(2.0 * size + 1.0 / ((size * size + 1.0).sqrt() + size))
    } else {
        (size + size * size / (1.0 + (1.0 + size * size).sqrt())).ln_1p()
    };
    value.copysign(x)
}

/// The area hyperbolic cosine.
pub fn acosh(x: f64) -> f64 {
    if x.is_nan() || x < 1.0 {
        f64::NAN
    } else if x >= LARGE_AREA {
        ln(x) + LN_2
    } else if x > 2.0 {
        ln(2.0 * x - 1.0 / (x + (x * x - 1.0).sqrt()))
    } else {
        let above = x - 1.0;
        (above + (2.0 * above + above * above).sqrt()).ln_1p()
    }
}

/// The area hyperbolic tangent.
pub fn atanh(x: f64) -> f64 {
    let size = x.abs();
    if size.is_nan() || size > 1.0 {
        return f64::NAN;
    }
    if size < 1.0 / LARGE_AREA {
        return x;
    }
    let double = size + size;
    let value = if size < 0.5 { double + double * size / (1.0 - size) } else { double / (1.0 - size) };
    (0.5 * value.ln_1p()).copysign(x)
}

/// The power of e.
pub fn exp(x: f64) -> f64 {
    // ln 2 in two parts, so that the product with the first is exact.
    const LN_2: [f64; 2] = [0.693_147_180_559_663, 0.282_352_905_630_315_77e-12];
    /// The first coefficients of the series: 1 / n!.
    const SERIES: [f64; 8] = [1.0 / 40_320.0, 1.0 / 5_040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0];
    if !(-750.0..=709.782_712_893_384).contains(&x) {
        return x.exp();
    }
    let exponent = (x * LOG2_E).round_ties_even();
    let rest = LN_2.iter().fold(x, |rest, part| (-exponent).mul_add(*part, rest)) * 0.0625;
    let series = SERIES[1..].iter().fold(SERIES[0], |sum, coefficient| sum.mul_add(rest, *coefficient));
    // What is here is the power less 1, of a sixteenth of the exponent; squaring (1 + p) gives 1 + p (p + 2).
    let mut less_one = rest * series;
    for _ in 0..3 {
        less_one *= less_one + 2.0;
    }
    scaled(less_one.mul_add(less_one + 2.0, 1.0), exponent as i64)
}

/// The natural logarithm.
pub fn ln(x: f64) -> f64 {
    // ln 2 in two parts.
    const LN_2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];
    if !x.is_normal() || x < 0.0 {
        return x.ln();
    }
    let (mut part, mut exponent) = parts(x);
    if part < std::f64::consts::FRAC_1_SQRT_2 {
        (part, exponent) = (part * 2.0, exponent - 1);
    }
    let (f, k) = (part - 1.0, exponent as f64);
    let s = f / (2.0 + f);
    let (s2, s4) = (s * s, (s * s) * (s * s));
    let series = s2 * polynomial(s4, &LN_ODD) + s4 * polynomial(s4, &LN_EVEN);
    let half = 0.5 * f * f;
    k * LN_2[0] - ((half - (s * (half + series) + k * LN_2[1])) - f)
}

/// `x` to the power of `y`.
pub fn pow(x: f64, y: f64) -> f64 {
    if y == 0.0 || x == 1.0 {
        return 1.0;
    }
    if y == 1.0 {
        return x;
    }
    // Where nothing has to be computed, or all that matters is overflow.
    if !x.is_finite() || !y.is_finite() || x == 0.0 || y.abs() >= 9.2e18 {
        return x.powf(y);
    }
    if y.abs() == 0.5 {
        return if y > 0.0 { x.sqrt() } else { 1.0 / x.sqrt() };
    }
    let (mut whole, mut rest) = (y.abs().trunc(), y.abs().fract());
    if rest != 0.0 && x < 0.0 {
        return f64::NAN;
    }
    let (mut product, mut shift) = (1.0, 0i64);
    if rest != 0.0 {
        if rest > 0.5 {
            (whole, rest) = (whole + 1.0, rest - 1.0);
        }
        product = exp(rest * ln(x));
    }
    let (mut square, mut exponent) = parts(x);
    let mut bits = whole as u64;
    while bits != 0 {
        if exponent.abs() > 1 << 12 {
            // Beyond any float.
            shift += exponent;
            break;
        }
        if bits & 1 == 1 {
            product *= square;
            shift += exponent;
        }
        square *= square;
        exponent *= 2;
        if square < 0.5 {
            square += square;
            exponent -= 1;
        }
        bits >>= 1;
    }
    if y < 0.0 { scaled(1.0 / product, -shift) } else { scaled(product, shift) }
}

/// The length of the hypotenuse.
pub fn hypot(x: f64, y: f64) -> f64 {
    let (long, short) = (x.abs().max(y.abs()), x.abs().min(y.abs()));
    if !x.is_finite() || !y.is_finite() || long == 0.0 {
        return x.hypot(y);
    }
    let ratio = short / long;
    long * (1.0 + ratio * ratio).sqrt()
}

/// A finite number, not 0, as a part of at least a half and less than 1, and an exponent of 2.
fn parts(x: f64) -> (f64, i64) {
    const TO_NORMAL: f64 = (1u64 << 54) as f64;
    if !x.is_normal() {
        let (part, exponent) = parts(x * TO_NORMAL);
        return (part, exponent - 54);
    }
    let bits = x.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i64 - 1022;
    (f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52), exponent)
}

/// `x` times 2 to the power of `exponent`; rounded once.
fn scaled(x: f64, exponent: i64) -> f64 {
    let power = |n: i64| f64::from_bits(((n + 1023) as u64) << 52);
    match exponent {
        -1022..=1023 => x * power(exponent),
        1024.. => {
            x * power(1023) * power((exponent - 1023).min(1023)) * if exponent > 2046 { f64::INFINITY } else { 1.0 }
        }
        _ if x == 0.0 || !x.is_finite() => x,
        _ => {
            let (part, own) = parts(x);
            match own + exponent {
                total if total < -1074 => 0f64.copysign(x),
                // The last step rounds where the result has fewer digits.
                total => part * power((total + 1022).clamp(-1022, 1023)) * power(-1022),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::rows;

    /// A function, the bits of its arguments and of Go's result.
    #[test]
    fn results_are_those_of_go() {
        let one = |name: &str, x: f64| match name {
            "sin" => sin(x),
            "cos" => cos(x),
            "tan" => tan(x),
            "asin" => asin(x),
            "acos" => acos(x),
            "atan" => atan(x),
            "sinh" => sinh(x),
            "cosh" => cosh(x),
            "tanh" => tanh(x),
            "exp" => exp(x),
            "log" => ln(x),
            other => panic!("{other}"),
        };
        let mut wrong = Vec::new();
        for row in rows(include_str!("oracle/math.jsonl")) {
            let float = |i: usize| f64::from_bits(row[i].as_str().unwrap().parse().unwrap());
            let (name, x, y, want) = (row[0].as_str().unwrap(), float(1), float(2), float(3));
            let got = match name {
                "pow" => pow(x, y),
                "atan2" => atan2(x, y),
                "hypot" => hypot(x, y),
                _ => one(name, x),
            };
            let same = got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan();
            if !same {
                wrong.push(format!("{name}({x:e}, {y:e}): {got:e}, not {want:e}"));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// Go calls the first infinite, and the logarithm of a number with fewer digits is far off.
    #[test]
    fn where_go_is_wrong_we_are_not() {
        assert!((exp(709.7) / 709.7f64.exp() - 1.0).abs() < 1e-15);
        assert_eq!((ln(5e-324), exp(-1e9), exp(-745.0)), (5e-324f64.ln(), 0.0, 5e-324));
        assert_eq!((pow(2.0, -1074.0), pow(2.0, 1023.0), pow(10.0, 400.0)), (5e-324, 2f64.powi(1023), f64::INFINITY));
    }
}
