//! Exact quantiles by two of the rules that Hyndman and Fan compare ("Sample quantiles in statistical packages", 1996).

/// Rule 7: the quantile of n values lies at (n - 1) q, counted from 0.
pub(super) fn r7(sorted: &[f64], q: f64) -> Option<f64> {
    between(sorted, q * (sorted.len() as f64 - 1.0))
}

/// Rule 8: it lies at (n + 1/3) q - 2/3. What would lie outside of the values is the nearest of them.
pub(super) fn r8(sorted: &[f64], q: f64) -> Option<f64> {
    between(sorted, q * (sorted.len() as f64 + 1.0 / 3.0) - 2.0 / 3.0)
}

/// The value at a place between two values.
fn between(sorted: &[f64], place: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = place.clamp(0.0, last as f64);
    let (below, part) = (place.floor(), place.fract());
    let (low, high) = (sorted[below as usize], sorted[(below as usize + 1).min(last)]);
    // Equal values first: the difference of infinities is no number.
    Some(if low == high { low } else { low + part * (high - low) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: [f64; 5] = [3.0, 5.0, 8.0, 12.0, 20.0];

    #[test]
    fn rule_7() {
        let of = |q| r7(&MS, q).unwrap();
        assert_eq!([of(0.0), of(0.29), of(0.5), of(0.58), of(1.0)], [3.0, 5.4799999999999995, 8.0, 9.28, 20.0]);
    }

    #[test]
    fn rule_8_never_leaves_the_values() {
        let of = |q| r8(&MS, q).unwrap();
        assert_eq!([of(0.25), of(0.5), of(0.75)], [4.333333333333333, 8.0, 14.666666666666668]);
        assert_eq!([of(0.0), of(0.1), of(0.9), of(1.0)], [3.0, 3.0, 20.0, 20.0]);
    }

    #[test]
    fn one_value_none_and_infinities() {
        assert_eq!([r7(&[7.0], 1.0), r8(&[7.0], 0.3), r7(&[], 0.5)], [Some(7.0), Some(7.0), None]);
        assert_eq!(r7(&[f64::INFINITY; 3], 0.4), Some(f64::INFINITY));
    }
}
