//! Rounds numeric fields to a number of digits after or before the decimal point.

use agent_api::*;
use agent_golang::glob::IncludeExclude;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::processor::<Round>());

/// Rounds the fields that were asked for.
struct Round {
    precision: i32,
    /// 10 to the power of the precision's amount.
    unit: f64,
    fields: IncludeExclude,
}

/// What is rounded, and how far.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Digits after the decimal point; below 0 digits before it: -2 rounds to hundreds, integers too. Halves are rounded away
    /// from 0.
    precision: i64,
    /// Keys of the fields to round, wildcards allowed; all if empty.
    include_fields: Vec<String>,
    /// Keys of the fields to leave alone, wildcards allowed.
    exclude_fields: Vec<String>,
}

impl Plugin for Round {
    const NAME: &'static str = "round";
    const ABOUT: &'static str = "Rounds numeric fields.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        // No float has digits further away.
        let precision = settings.precision.clamp(-308, 308) as i32;
        let fields = IncludeExclude::compile(&settings.include_fields, &settings.exclude_fields, &[])?;
        Ok(Round { precision, unit: 10f64.powi(precision.abs()), fields })
    }
}

impl Processor for Round {
    fn apply(&mut self, batch: &mut Batch) {
        batch.each(|m| {
            for i in 0..m.field_len() {
                let (key, value) = m.field_at(i);
                let rounded = match value {
                    Value::Float(v) => Value::Float(self.float(v)),
                    Value::Int(v) if self.precision < 0 => {
                        let rounded = self.integer(v.into()).clamp(i64::MIN.into(), i64::MAX.into());
                        Value::Int(rounded as i64)
                    }
                    Value::Uint(v) if self.precision < 0 => {
                        Value::Uint(self.integer(v.into()).clamp(0, u64::MAX.into()) as u64)
                    }
                    _ => continue,
                };
                if self.fields.passes(key) {
                    m.set_field_at(i, rounded);
                }
            }
        });
    }
}

impl Round {
    fn float(&self, v: f64) -> f64 {
        let rounded = match self.precision {
            0 => v.round(),
            p if p > 0 => (v * self.unit).round() / self.unit,
            _ => (v / self.unit).round() * self.unit,
        };
        // Too large to have digits there, or no number at all.
        if rounded.is_finite() { rounded } else { v }
    }

    fn integer(&self, v: i128) -> i128 {
        let Some(unit) = 10i128.checked_pow(self.precision.unsigned_abs()) else { return 0 };
        let (whole, rest) = (v / unit, v % unit);
        let up = if rest.abs() * 2 >= unit { rest.signum() } else { 0 };
        (whole + up).saturating_mul(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{applied, build};
    use serde_json::json;

    #[test]
    fn halves_go_away_from_zero() {
        let input = "m a=1234.5,b=1250.0,c=-1250.0,d=49i,e=50i,f=-50i,g=12345i,h=-12350i 1";
        let expected = "m a=1200,b=1300,c=-1300,d=0i,e=100i,f=-100i,g=12300i,h=-12400i 1";
        assert_eq!(applied::<Round>(json!({"precision": -2}), input), expected);
        assert_eq!(applied::<Round>(json!({"precision": 1}), "m a=1.26,b=-0.25,c=5i 1"), "m a=1.3,b=-0.3,c=5i 1");
    }

    #[test]
    fn extremes_stay_in_range() {
        let round = build::<Round>(json!({"precision": -1})).unwrap();
        assert_eq!(round.integer(i64::MAX.into()), 9_223_372_036_854_775_810);
        let round = build::<Round>(json!({"precision": -400})).unwrap();
        assert_eq!((round.integer(i64::MIN.into()), round.float(1e300)), (0, 0.0));
        let round = build::<Round>(json!({"precision": 400})).unwrap();
        assert_eq!(round.float(0.1), 0.1);
    }
}
