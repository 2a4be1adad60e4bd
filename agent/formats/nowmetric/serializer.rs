//! Writing: every number and boolean is an object of a list; a batch is one list.

use crate::jsontext::{append_value, escape};
use agent_api::*;
use agent_golang::number::append_int;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::serializer::<Writer>());

/// How lists are written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `oi` writes a list, `jsonv2` an object with the list as `records`.
    nowmetric_format: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { nowmetric_format: "oi".to_owned() }
    }
}

/// The serializer of ServiceNow's lists.
pub struct Writer {
    records: bool,
}

impl Plugin for Writer {
    const NAME: &'static str = "nowmetric";
    const ABOUT: &'static str = "Lists of values as ServiceNow takes them.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        match settings.nowmetric_format.as_str() {
            "" | "oi" => Ok(Writer { records: false }),
            "jsonv2" => Ok(Writer { records: true }),
            other => bail!("nowmetric_format: unknown format {other:?}"),
        }
    }
}

impl Serializer for Writer {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        self.list(std::iter::once(metric), out);
        Ok(())
    }

    fn serialize_batch(&mut self, metrics: &Chunk, out: &mut Vec<u8>) -> Result<()> {
        self.list(metrics.iter(), out);
        Ok(())
    }
}

impl Writer {
    fn list<'m>(&self, metrics: impl Iterator<Item = MetricRef<'m>>, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.records { b"{\"records\":[" } else { b"[" });
        let start = out.len();
        for metric in metrics {
            let (node, resource) =
                (metric.tag("host").unwrap_or_default(), metric.tag("objectname").unwrap_or_default());
            for (key, value) in metric.fields().filter(|(key, value)| !key.is_empty() && written(*value)) {
                if out.len() > start {
                    out.push(b',');
                }
                for (name, text) in [("{\"metric_type\":", key), (",\"resource\":", resource), (",\"node\":", node)] {
                    out.extend_from_slice(name.as_bytes());
                    escape(text, out);
                }
                out.extend_from_slice(b",\"value\":");
                append_value(value, out);
                out.extend_from_slice(b",\"timestamp\":");
                append_int(metric.time() / 1_000_000, out);
                out.extend_from_slice(b",\"ci2metric_id\":");
                if node.is_empty() {
                    out.extend_from_slice(b"null");
                } else {
                    out.extend_from_slice(b"{\"node\":");
                    escape(node, out);
                    out.push(b'}');
                }
                out.extend_from_slice(b",\"source\":\"Telegraf\"}");
            }
        }
        out.extend_from_slice(if self.records { b"]}" } else { b"]" });
    }
}

/// Texts are no values there, and JSON has neither NaN nor infinities.
fn written(value: Value<'_>) -> bool {
    match value {
        Value::Str(_) => false,
        Value::Float(v) => v.is_finite(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{build, text, write};

    #[test]
    fn lists() {
        let mut batch = Batch::new();
        let m = batch.metric("m").tag("host", "h<1").tag("objectname", "door").field("a", 0.75).field("s", "no");
        drop(m.field("n", f64::NAN).field("b", true).time(1_600_000_000_250_000_000));
        let common = r#""resource":"door","node":"h\u003c1","value""#;
        let tail = r#""timestamp":1600000000250,"ci2metric_id":{"node":"h\u003c1"},"source":"Telegraf""#;
        let want =
            format!("[{{\"metric_type\":\"a\",{common}:0.75,{tail}}},{{\"metric_type\":\"b\",{common}:true,{tail}}}]");
        assert_eq!(write::<Writer>(&batch, &[]), want);
        assert_eq!(write::<Writer>(&batch, &[("nowmetric_format", text("jsonv2"))]), format!("{{\"records\":{want}}}"));
        let mut bare = Batch::new();
        drop(bare.metric("m").field("a", 1i64).time(0));
        assert!(
            write::<Writer>(&bare, &[])
                .contains(r#""resource":"","node":"","value":1,"timestamp":0,"ci2metric_id":null,"#)
        );
        assert!(build::<Writer>(&[("nowmetric_format", text("odd"))]).is_err());
    }
}
