//! The least and the greatest value of every numeric field of a series.

use crate::series::{Table, Writer};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::aggregator::<Minmax>());

/// Keeps two numbers a field.
struct Minmax {
    table: Table,
    writer: Writer,
}

/// There is nothing to set beyond what every aggregator has.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {}

impl Plugin for Minmax {
    const NAME: &'static str = "minmax";
    const ABOUT: &'static str = "Keeps the minimum and maximum of numeric fields.";
    type Settings = Settings;

    fn new(_: Settings, _: &Env) -> Result<Self> {
        Ok(Minmax { table: Table::new(0, 2), writer: Writer::default() })
    }
}

impl Aggregator for Minmax {
    fn add(&mut self, metric: MetricRef<'_>) {
        let Some((series, _)) = self.table.series(metric, None) else { return };
        let mut place = 0;
        for (key, value) in metric.fields() {
            let Some(value) = value.number() else { continue };
            let Some((state, fresh)) = self.table.slot(series, place, key) else { continue };
            place += 1;
            // By comparison, so that of 0 and -0, and of numbers and none, the first stays.
            if fresh || value < f64::from_bits(state[0]) {
                state[0] = value.to_bits();
            }
            if fresh || value > f64::from_bits(state[1]) {
                state[1] = value.to_bits();
            }
        }
    }

    fn flush(&mut self, out: &mut Collector) {
        let Minmax { table, writer } = self;
        table.report(out);
        table.drain(|row| {
            for (key, state) in row.numbered() {
                for (ending, word) in state.iter().enumerate() {
                    writer.add(key, ending, f64::from_bits(*word));
                }
            }
            writer.write(&row, &["_min", "_max"], out);
        });
        writer.reset();
    }

    fn held_bytes(&self) -> Option<usize> {
        Some(self.table.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Run;
    use serde_json::json;

    #[test]
    fn each_field_has_both_whenever_it_came() {
        let mut run = Run::<Minmax>::new(json!({}));
        run.add("tide level=1\ntide level=3i,wind=7u,s=\"x\"\ntide wind=5,on=true\ndoor state=\"open\"");
        assert_eq!(run.flush(), "tide level_min=1,level_max=3,wind_min=5,wind_max=7 0");
        assert_eq!(run.flush(), "");
        run.add("m v=0\nm v=-0");
        assert_eq!(run.flush(), "m v_min=0,v_max=0 0");
    }
}
