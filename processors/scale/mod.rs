//! Scales numeric fields, by a factor and an offset or from one range to another. The result is a float.

use crate::complaints::{Complaints, quoted};
use agent_api::*;
use agent_golang::glob::Filter;
use agent_golang::number::parse_float;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;

register!(Entry::processor::<Scale>());

/// The compiled scalings.
struct Scale {
    scalings: Vec<Linear>,
    complaints: Complaints,
}

/// What is scaled.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The scalings, one after the other: a field named in two of them is scaled twice.
    scaling: Vec<Scaling>,
}

/// A scaling: either all four ends of ranges, or a factor, an offset or both.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Scaling {
    /// Lower end of the range of the values that come in.
    input_minimum: Option<f64>,
    /// Upper end of the range of the values that come in. Values beyond the range are scaled the same way.
    input_maximum: Option<f64>,
    /// What the lower end becomes.
    output_minimum: Option<f64>,
    /// What the upper end becomes; may be below `output_minimum`.
    output_maximum: Option<f64>,
    /// What values are multiplied by; 1 if only an offset is given.
    factor: Option<f64>,
    /// What is added after that; 0 if only a factor is given.
    offset: Option<f64>,
    /// Keys of the fields, wildcards allowed.
    fields: Vec<String>,
}

/// `factor * (value - from) + to`.
struct Linear {
    factor: f64,
    from: f64,
    to: f64,
    fields: Filter,
}

impl Plugin for Scale {
    const NAME: &'static str = "scale";
    const ABOUT: &'static str = "Scales numeric fields.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        ensure!(!settings.scaling.is_empty(), "scaling is required");
        let (mut scalings, mut seen) = (Vec::new(), BTreeSet::new());
        for (i, scaling) in settings.scaling.into_iter().enumerate() {
            for field in &scaling.fields {
                if !seen.insert(field.clone()) {
                    env.log.warn(format_args!("field {field:?} is scaled more than once"));
                }
            }
            scalings.push(Linear::new(scaling).with_context(|| format!("scaling {}", i + 1))?);
        }
        Ok(Scale { scalings, complaints: Complaints::new(&env.log) })
    }
}

impl Linear {
    fn new(s: Scaling) -> Result<Linear> {
        let ends = [s.input_minimum, s.input_maximum, s.output_minimum, s.output_maximum];
        let by_factor = s.factor.is_some() || s.offset.is_some();
        let (factor, from, to) = match ends {
            [Some(in_min), Some(in_max), Some(out_min), Some(out_max)] => {
                ensure!(!by_factor, "ranges and factor or offset cannot both be set");
                ensure!(in_min != in_max, "input_minimum and input_maximum are equal");
                ensure!(out_min != out_max, "output_minimum and output_maximum are equal");
                ((out_max - out_min) / (in_max - in_min), in_min, out_min)
            }
            [None, None, None, None] => {
                ensure!(by_factor, "neither ranges nor factor nor offset are set");
                (s.factor.unwrap_or(1.0), 0.0, s.offset.unwrap_or(0.0))
            }
            _ => bail!("input_minimum, input_maximum, output_minimum and output_maximum have to be set together"),
        };
        Ok(Linear { factor, from, to, fields: Filter::compile(&s.fields, &[]).context("fields")? })
    }
}

impl Processor for Scale {
    fn apply(&mut self, batch: &mut Batch) {
        let Scale { scalings, complaints } = self;
        batch.each(|m| {
            for scaling in &*scalings {
                for i in 0..m.field_len() {
                    if !scaling.fields.is_match(m.field_key_at(i)) {
                        continue;
                    }
                    let (key, value) = m.field_at(i);
                    let number = match value {
                        Value::Bool(v) => Some(f64::from(v)),
                        Value::Str(text) => parse_float(text).ok(),
                        number => number.number(),
                    };
                    match (number, value) {
                        (Some(v), _) => m.set_field_at(i, scaling.factor * (v - scaling.from) + scaling.to),
                        (None, Value::Str(text)) => {
                            complaints.add(format_args!("scale field {key:?}: no number in {}", quoted(text)));
                        }
                        (None, _) => {}
                    }
                }
            }
        });
    }
}
