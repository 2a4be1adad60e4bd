//! What metrics have to be like for the host to be well: pure functions of a batch.

use agent_api::{Chunk, Value};
use schemars::JsonSchema;
use serde::Deserialize;

/// Compares a field of every metric that has it; metrics without it are no fault.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Compares {
    /// Key of the field.
    pub(super) field: String,
    /// The value has to be greater than this.
    gt: Option<f64>,
    /// The value has to be greater than this or equal to it.
    ge: Option<f64>,
    /// The value has to be less than this.
    lt: Option<f64>,
    /// The value has to be less than this or equal to it.
    le: Option<f64>,
    /// The value has to be equal to this.
    eq: Option<f64>,
    /// The value has to be another than this.
    ne: Option<f64>,
}

impl Compares {
    /// True if no metric has a value that is out of bounds or no number. A boolean counts as 0 or 1.
    pub(super) fn holds(&self, metrics: &Chunk) -> bool {
        metrics.iter().filter_map(|m| m.field(&self.field)).all(|value| match value {
            Value::Bool(b) => self.fits(f64::from(u8::from(b))),
            other => other.number().is_some_and(|n| self.fits(n)),
        })
    }

    fn fits(&self, value: f64) -> bool {
        let all = |bound: Option<f64>, holds: fn(&f64, &f64) -> bool| bound.is_none_or(|b| holds(&value, &b));
        all(self.gt, f64::gt)
            && all(self.ge, f64::ge)
            && all(self.lt, f64::lt)
            && all(self.le, f64::le)
            && all(self.eq, f64::eq)
            && all(self.ne, f64::ne)
    }
}

/// Asks for a field that at least one metric has.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Contains {
    /// Key of the field.
    pub(super) field: String,
}

impl Contains {
    /// True if a metric has it.
    pub(super) fn holds(&self, metrics: &Chunk) -> bool {
        metrics.iter().any(|m| m.field(&self.field).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_api::Batch;

    fn compares(own: impl FnOnce(&mut Compares)) -> bool {
        let mut batch = Batch::new();
        batch.metric("a").field("n", 4i64).field("on", true).field("s", "4").time(1);
        batch.metric("b").field("n", 6.5).time(1);
        let mut check = Compares { field: "n".to_owned(), ..Compares::default() };
        own(&mut check);
        check.holds(&batch.into())
    }

    #[test]
    fn every_value_has_to_fit_every_bound() {
        assert!(compares(|c| (c.ge, c.lt) = (Some(4.0), Some(7.0))));
        assert!(!compares(|c| c.gt = Some(4.0)) && !compares(|c| c.le = Some(6.0)));
        assert!(!compares(|c| c.eq = Some(4.0)) && !compares(|c| c.ne = Some(6.5)) && compares(|c| c.ne = Some(5.0)));
        assert!(compares(|_| {}), "without bounds");
    }

    #[test]
    fn booleans_are_numbers_texts_are_none_and_absence_is_no_fault() {
        assert!(compares(|c| (c.field, c.eq) = ("on".to_owned(), Some(1.0))));
        assert!(!compares(|c| (c.field, c.eq) = ("s".to_owned(), Some(4.0))));
        assert!(compares(|c| (c.field, c.gt) = ("none".to_owned(), Some(4.0))));
    }
}
