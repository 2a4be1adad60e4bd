//! Adds random noise to numeric fields, so that single values tell little about what was measured.

mod random;

use agent_api::*;
use agent_golang::glob::IncludeExclude;
use random::Random;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

register!(Entry::processor::<Noise>());

/// Draws and adds the noise.
struct Noise {
    settings: Settings,
    fields: IncludeExclude,
    random: Random,
}

/// What noise is added to what.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Distribution of the noise: "laplacian", "gaussian" or "uniform".
    r#type: Distribution,
    /// Centre of the laplacian or gaussian distribution.
    mu: f64,
    /// Width of the laplacian (its scale) or gaussian distribution (its standard deviation), above 0.
    scale: f64,
    /// Lower bound of the uniform distribution.
    min: f64,
    /// Upper bound of the uniform distribution.
    max: f64,
    /// Keys of the fields that get noise, wildcards allowed; all if empty.
    include_fields: Vec<String>,
    /// Keys of the fields that get none, wildcards allowed.
    exclude_fields: Vec<String>,
}

/// How noise is distributed.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum Distribution {
    /// Two exponential slopes.
    #[serde(alias = "")]
    Laplacian,
    /// The normal distribution.
    Gaussian,
    /// All values between two bounds alike.
    Uniform,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            r#type: Distribution::Laplacian,
            mu: 0.0,
            scale: 1.0,
            min: -1.0,
            max: 1.0,
            include_fields: Vec::new(),
            exclude_fields: Vec::new(),
        }
    }
}

impl Plugin for Noise {
    const NAME: &'static str = "noise";
    const ABOUT: &'static str = "Adds random noise to numeric fields.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let fields = IncludeExclude::compile(&settings.include_fields, &settings.exclude_fields, &[])?;
        Ok(Noise { settings, fields, random: Random::new() })
    }
}

impl Processor for Noise {
    fn apply(&mut self, batch: &mut Batch) {
        let Noise { settings, fields, random } = self;
        batch.each(|m| {
            for i in 0..m.field_len() {
                if !fields.passes(m.field_key_at(i)) {
                    continue;
                }
                let (_, value) = m.field_at(i);
                let mut noise = || match settings.r#type {
                    Distribution::Laplacian => random.laplacian(settings.mu, settings.scale),
                    Distribution::Gaussian => random.gaussian(settings.mu, settings.scale),
                    Distribution::Uniform => random.uniform(settings.min, settings.max),
                };
                let noisy = match value {
                    Value::Float(v) => Value::Float(v + noise()),
                    // The noise is cut to a whole number, and the sum stays within the type.
                    Value::Int(v) => Value::Int(v.saturating_add(noise() as i64)),
                    Value::Uint(v) => Value::Uint(v.saturating_add_signed(noise() as i64)),
                    Value::Bool(_) | Value::Str(_) => continue,
                };
                m.set_field_at(i, noisy);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{batch, build};
    use serde_json::json;

    #[test]
    fn numbers_change_within_the_bounds_and_the_rest_stays() {
        let settings = json!({"type": "uniform", "min": 1.0, "max": 3.0, "exclude_fields": ["keep"]});
        let mut metrics = batch("m f=10,i=10i,max=9223372036854775807i,keep=5i,s=\"x\",b=true 1");
        build::<Noise>(settings).unwrap().apply(&mut metrics);
        let m = metrics.at(0);
        let Some(Value::Float(f)) = m.field("f") else { panic!("no float") };
        assert!((11.0..=13.0).contains(&f), "{f}");
        assert!(matches!(m.field("i"), Some(Value::Int(11..=13))));
        assert_eq!([m.field("max"), m.field("keep")], [Some(Value::Int(i64::MAX)), Some(Value::Int(5))]);
        assert_eq!([m.field("s"), m.field("b")], [Some(Value::Str("x")), Some(Value::Bool(true))]);
    }
}
