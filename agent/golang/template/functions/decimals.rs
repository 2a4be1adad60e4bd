//! Sums and products of floats as the decimal numbers that they print as, so that 0.1 + 0.2 is 0.3.

use crate::number::{FloatStyle, format_float};

/// `digits` times ten to the `exponent`.
struct Decimal {
    digits: i128,
    exponent: i32,
}

impl Decimal {
    /// `None` for what is no number.
    fn new(number: f64) -> Option<Decimal> {
        let text = format_float(number, FloatStyle::Exponent, None);
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        Some(Decimal {
            digits: format!("{whole}{fraction}").parse().ok()?,
            exponent: exponent.parse::<i32>().ok()? - fraction.len() as i32,
        })
    }

    /// The digits at a lower exponent, if they fit.
    fn at(&self, exponent: i32) -> Option<i128> {
        let power = 10_i128.checked_pow((self.exponent - exponent).try_into().ok()?)?;
        self.digits.checked_mul(power)
    }

    fn to_float(&self) -> Option<f64> {
        format!("{}e{}", self.digits, self.exponent).parse().ok()
    }
}

/// The sum; of numbers too far apart for a decimal sum, that of the floats.
pub(super) fn add(left: f64, right: f64) -> f64 {
    let exact = || {
        let (left, right) = (Decimal::new(left)?, Decimal::new(right)?);
        let exponent = left.exponent.min(right.exponent);
        let digits = left.at(exponent)?.checked_add(right.at(exponent)?)?;
        Decimal { digits, exponent }.to_float()
    };
    exact().unwrap_or(left + right)
}

/// The product.
pub(super) fn multiply(left: f64, right: f64) -> f64 {
    let exact = || {
        let (left, right) = (Decimal::new(left)?, Decimal::new(right)?);
        let product =
            Decimal { digits: left.digits.checked_mul(right.digits)?, exponent: left.exponent + right.exponent };
        product.to_float()
    };
    exact().unwrap_or(left * right)
}
