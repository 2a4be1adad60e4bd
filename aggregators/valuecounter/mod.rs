//! Counts how often each value of a field occurs.

use crate::series::Table;
use agent_api::*;
use agent_golang::number::{FloatStyle, append_float};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt::Write;

register!(Entry::aggregator::<Valuecounter>());

/// Keeps a count for each key and value.
struct Valuecounter {
    fields: Vec<String>,
    table: Table,
    /// The key being put together.
    key: String,
}

/// What is counted.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Keys of the fields whose values are counted. Every value becomes a field of its own, so it should have few.
    fields: Vec<String>,
}

impl Plugin for Valuecounter {
    const NAME: &'static str = "valuecounter";
    const ABOUT: &'static str = "Counts how often each value of a field occurs.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        Ok(Valuecounter { fields: settings.fields, table: Table::new(0, 1), key: String::new() })
    }
}

impl Aggregator for Valuecounter {
    fn add(&mut self, metric: MetricRef<'_>) {
        let mut series = None;
        for (key, value) in metric.fields() {
            if !self.fields.iter().any(|field| field == key) {
                continue;
            }
            if series.is_none() {
                series = self.table.series(metric, None);
            }
            let Some((series, _)) = series else { return };
            name(key, value, &mut self.key);
            if let Some((count, _)) = self.table.slot(series, usize::MAX, &self.key) {
                count[0] += 1;
            }
        }
    }

    fn flush(&mut self, out: &mut Collector) {
        self.table.report(out);
        self.table.drain(|row| {
            let mut metric = row.metric(out);
            for (key, count) in row.slots() {
                metric.add_field(key, count[0] as i64);
            }
            drop(metric);
            out.checkpoint();
        });
    }

    fn held_bytes(&self) -> Option<usize> {
        Some(self.table.bytes())
    }
}

/// Writes `key_value`.
fn name(key: &str, value: Value<'_>, to: &mut String) {
    to.clear();
    to.push_str(key);
    to.push('_');
    // Writing to a text cannot fail.
    let _written = match value {
        Value::Float(v) => {
            append_float(v, FloatStyle::Shortest, to);
            Ok(())
        }
        Value::Int(v) => write!(to, "{v}"),
        Value::Uint(v) => write!(to, "{v}"),
        Value::Bool(v) => write!(to, "{v}"),
        Value::Str(v) => to.write_str(v),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Run;
    use serde_json::json;

    #[test]
    fn each_value_of_the_fields_is_counted() {
        let mut run = Run::<Valuecounter>::new(json!({"fields": ["code", "verb", "code"]}));
        run.add("http,h=a code=\"200\",verb=\"GET\",size=4i\nhttp,h=a code=200i,verb=\"POST\"\nhttp,h=b size=1i");
        run.add("http,h=a code=200u,verb=\"GET\"\nhttp,h=a code=1000000,verb=true\nhttp,h=a code=0.5,verb=\"\"");
        let code = "code_200=3i,verb_GET=2i,verb_POST=1i,code_1e+06=1i,verb_true=1i,code_0.5=1i,verb_=1i";
        assert_eq!(run.flush(), format!("http,h=a {code} 0"));
        assert_eq!(run.flush(), "");
    }

    #[test]
    fn without_fields_nothing_is_counted() {
        let mut run = Run::<Valuecounter>::new(json!({}));
        run.add("http code=1i");
        assert_eq!(run.flush(), "");
    }
}
