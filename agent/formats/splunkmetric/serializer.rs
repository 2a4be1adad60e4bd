//! Writing: every number and boolean is an object, or all of a metric are one.

use crate::jsontext::Tree;
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

register!(Entry::serializer::<Writer>());

/// How objects are written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Writes objects for the HTTP Event Collector: the tags `host`, `index` and `source` stand outside, the rest within `fields`.
    splunkmetric_hec_routing: bool,
    /// Writes all fields of a metric into one object, which Splunk 8.0 and later take.
    splunkmetric_multimetric: bool,
    /// Leaves `"event":"metric"` out of objects for the HTTP Event Collector.
    splunkmetric_omit_event_tag: bool,
}

/// The serializer of Splunk's metrics.
pub struct Writer {
    settings: Settings,
}

impl Plugin for Writer {
    const NAME: &'static str = "splunkmetric";
    const ABOUT: &'static str = "The JSON of Splunk's metric store.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        Ok(Writer { settings })
    }
}

impl Serializer for Writer {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        let time = metric.time() as f64 / 1e9;
        let text = |text: &str| Tree::Text(text.to_owned());
        // Tags that are never among the fields: they stand outside, or nowhere without routing.
        let routes = ["host", "index", "source"];
        let route = |key: &str| routes.iter().position(|route| key.eq_ignore_ascii_case(route));
        let mut outside = [None; 3];
        let mut fields = BTreeMap::new();
        for (key, value) in metric.tags() {
            match route(key) {
                Some(i) => outside[i] = Some(value),
                None => drop(fields.insert(key.to_owned(), text(value))),
            }
        }
        let write = |fields: &BTreeMap<String, Tree>, out: &mut Vec<u8>| {
            if !self.settings.splunkmetric_hec_routing {
                let mut all = fields.clone();
                all.insert("time".to_owned(), Tree::Number(time));
                Tree::Map(all).write(out);
                return;
            }
            out.extend_from_slice(b"{\"time\":");
            Tree::Number(time).write(out);
            if !self.settings.splunkmetric_omit_event_tag {
                out.extend_from_slice(b",\"event\":\"metric\"");
            }
            for (route, value) in routes.iter().zip(outside) {
                if let Some(value) = value.filter(|value| !value.is_empty()) {
                    out.extend_from_slice(format!(",\"{route}\":").as_bytes());
                    text(value).write(out);
                }
            }
            out.extend_from_slice(b",\"fields\":");
            Tree::Map(fields.clone()).write(out);
            out.push(b'}');
        };
        let mut any = false;
        for (key, value) in metric.fields() {
            let value = match value {
                Value::Float(v) if v.is_finite() => Tree::Number(v),
                Value::Int(v) => Tree::Int(v),
                Value::Uint(v) => Tree::Uint(v),
                Value::Bool(v) => Tree::Int(v.into()),
                Value::Float(_) | Value::Str(_) => continue,
            };
            let name = format!("{}.{key}", metric.name());
            if self.settings.splunkmetric_multimetric {
                any = true;
                fields.insert(format!("metric_name:{name}"), value);
            } else {
                fields.insert("metric_name".to_owned(), Tree::Text(name));
                fields.insert("_value".to_owned(), value);
                write(&fields, out);
            }
        }
        if any {
            write(&fields, out);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::write;
    use agent_api::options::Setting;

    #[test]
    fn objects() {
        let mut batch = Batch::new();
        let m = batch
            .metric("tram")
            .tag("Host", "h")
            .tag("line", "7")
            .field("load", 0.75)
            .field("s", "x")
            .field("open", true);
        drop(m.field("n", f64::INFINITY).time(1_600_000_000_500_000_000));
        let on = |names: &[&'static str]| names.iter().map(|name| (*name, Setting::Bool(true))).collect::<Vec<_>>();
        assert_eq!(
            write::<Writer>(&batch, &[]),
            r#"{"_value":0.75,"line":"7","metric_name":"tram.load","time":1600000000.5}{"_value":1,"line":"7","metric_name":"tram.open","time":1600000000.5}"#
        );
        assert_eq!(
            write::<Writer>(&batch, &on(&["splunkmetric_hec_routing", "splunkmetric_multimetric"])),
            r#"{"time":1600000000.5,"event":"metric","host":"h","fields":{"line":"7","metric_name:tram.load":0.75,"metric_name:tram.open":1}}"#
        );
        assert!(
            write::<Writer>(&batch, &on(&["splunkmetric_hec_routing", "splunkmetric_omit_event_tag"]))
                .starts_with(r#"{"time":1600000000.5,"host":"h","fields":{"_value":0.75,"#)
        );
        let mut none = Batch::new();
        drop(none.metric("m").field("s", "x").time(0));
        assert_eq!(write::<Writer>(&none, &on(&["splunkmetric_multimetric"])), "");
    }
}
