//! Arithmetic with floats as the decimal numbers that they print as, so that 0.1 + 0.2 is 0.3.
//!
//! sprig keeps the decimal from one argument to the next and makes a float of it at the end. A quotient has sixteen digits
//! after the point, rounded from the next one.

use crate::number::{FloatStyle, format_float};

/// Digits after the point of a quotient.
const DIVISION_DIGITS: i32 = 16;

/// An operation on a whole chain of numbers.
#[derive(Clone, Copy)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// `digits` times ten to the `exponent`.
#[derive(Clone, Copy)]
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
    fn at(self, exponent: i32) -> Option<i128> {
        if self.digits == 0 {
            return Some(0);
        }
        let power = 10_i128.checked_pow((self.exponent - exponent).try_into().ok()?)?;
        self.digits.checked_mul(power)
    }

    /// The result, if its digits fit.
    fn apply(self, operation: Operation, other: Decimal) -> Option<Decimal> {
        match operation {
            Operation::Add | Operation::Subtract => {
                let exponent = self.exponent.min(other.exponent);
                let (left, right) = (self.at(exponent)?, other.at(exponent)?);
                let digits = match operation {
                    Operation::Add => left.checked_add(right)?,
                    _ => left.checked_sub(right)?,
                };
                Some(Decimal { digits, exponent })
            }
            Operation::Multiply => {
                let digits = self.digits.checked_mul(other.digits)?;
                Some(Decimal { digits, exponent: self.exponent.checked_add(other.exponent)? })
            }
            Operation::Divide => self.divided(other),
        }
    }

    /// The quotient to sixteen digits after the point, halves away from zero.
    fn divided(self, divisor: Decimal) -> Option<Decimal> {
        let zeros = self.exponent.checked_sub(divisor.exponent)?.checked_add(DIVISION_DIGITS)?;
        let (over, mut under) = (self.digits, divisor.digits);
        if zeros < 0 {
            // A divisor beyond all bounds leaves nothing.
            under = Decimal { digits: under, exponent: -zeros }.at(0).unwrap_or(i128::MAX);
        }
        let (mut quotient, mut rest) = (over.checked_div(under)?, over.checked_rem(under)?);
        for _ in 0..zeros.max(0) {
            rest = rest.checked_mul(10)?;
            quotient = quotient.checked_mul(10)?.checked_add(rest / under)?;
            rest %= under;
        }
        let away = if (over < 0) == (under < 0) { 1 } else { -1 };
        let half = rest.unsigned_abs() >= under.unsigned_abs() - rest.unsigned_abs();
        Some(Decimal { digits: if half { quotient + away } else { quotient }, exponent: -DIVISION_DIGITS })
    }

    fn to_float(self) -> Option<f64> {
        format!("{}e{}", self.digits, self.exponent).parse().ok()
    }
}

/// The result of the operation from number to number; with numbers too far apart for decimals, that of the floats.
pub(super) fn chain(operation: Operation, first: f64, others: impl Iterator<Item = f64>) -> Result<f64, String> {
    let mut exact = Decimal::new(first);
    let mut float = exact.and_then(Decimal::to_float).unwrap_or(first);
    for other in others {
        if let (Operation::Divide, 0.0) = (operation, other) {
            return Err("decimal division by 0".to_owned());
        }
        exact = Decimal::new(other).and_then(|other| exact?.apply(operation, other));
        let last = exact.and_then(Decimal::to_float);
        float = last.unwrap_or(match operation {
            Operation::Add => float + other,
            Operation::Subtract => float - other,
            Operation::Multiply => float * other,
            Operation::Divide => float / other,
        });
    }
    Ok(float)
}
