//! Writing: every number and boolean is a line.

use agent_api::*;
use agent_golang::number::{FloatStyle, append_float, append_int, append_uint};
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::serializer::<Writer>());

/// How lines are written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `field_separate` writes `metric=NAME field=KEY`, `metric_includes_field` writes `metric=NAME_KEY`.
    carbon2_format: String,
    /// The character that stands in place of punctuation in names of metrics.
    carbon2_sanitize_replace_char: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { carbon2_format: "field_separate".to_owned(), carbon2_sanitize_replace_char: ":".to_owned() }
    }
}

/// The serializer of Carbon 2.0.
pub struct Writer {
    joined: bool,
    replacement: char,
}

/// What is replaced in names.
const PUNCTUATION: &str = "!@#$%^&*()+`'\"[]{};<>,?/\\|=";

impl Plugin for Writer {
    const NAME: &'static str = "carbon2";
    const ABOUT: &'static str = "Carbon 2.0 lines, as Sumo Logic takes them.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let joined = match settings.carbon2_format.as_str() {
            "" | "field_separate" => false,
            "metric_includes_field" => true,
            other => bail!("carbon2_format: unknown format {other:?}"),
        };
        let mut chars = settings.carbon2_sanitize_replace_char.chars();
        let replacement = chars.next().unwrap_or(':');
        ensure!(chars.next().is_none(), "carbon2_sanitize_replace_char must be a single character");
        Ok(Writer { joined, replacement })
    }
}

impl Serializer for Writer {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        let sanitized = |c: char| if PUNCTUATION.contains(c) { self.replacement } else { c };
        let name: String = metric.name().chars().map(sanitized).collect();
        for (key, value) in metric.fields().filter(|(_, value)| !matches!(value, Value::Str(_))) {
            out.extend_from_slice(b"metric=");
            word(&name, out);
            out.extend_from_slice(if self.joined { b"_" } else { b" field=" });
            word(key, out);
            for (key, value) in metric.tags() {
                out.push(b' ');
                word(key, out);
                out.push(b'=');
                word(if value.is_empty() { "null" } else { value }, out);
            }
            // Two blanks part the pairs from the value.
            out.extend_from_slice(b"  ");
            match value {
                Value::Float(v) => append_float(v, FloatStyle::Shortest, out),
                Value::Int(v) => append_int(v, out),
                Value::Uint(v) => append_uint(v, out),
                Value::Bool(v) => out.push(b'0' + u8::from(v)),
                Value::Str(_) => {}
            }
            out.push(b' ');
            append_int(metric.time().div_euclid(1_000_000_000), out);
            out.push(b'\n');
        }
        Ok(())
    }
}

/// Appends a text with its blanks as underscores.
fn word(text: &str, out: &mut Vec<u8>) {
    out.extend(text.bytes().map(|b| if b == b' ' { b'_' } else { b }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{build, text, write};

    #[test]
    fn lines() {
        let mut batch = Batch::new();
        let m = batch.metric("a b/c").tag("t", "").tag("u", "x y").field("f g", 1.5).field("s", "no").field("ok", true);
        drop(m.field("n", f64::NAN).time(1_600_000_000_500_000_000));
        let tail = "t=null u=x_y ";
        assert_eq!(
            write::<Writer>(&batch, &[]),
            format!(
                "metric=a_b:c field=f_g {tail} 1.5 1600000000\nmetric=a_b:c field=ok {tail} 1 1600000000\nmetric=a_b:c field=n {tail} NaN 1600000000\n"
            )
        );
        let options = [("carbon2_format", text("metric_includes_field")), ("carbon2_sanitize_replace_char", text("-"))];
        assert!(write::<Writer>(&batch, &options).starts_with("metric=a_b-c_f_g t=null u=x_y  1.5 1600000000\n"));
        assert!(build::<Writer>(&[("carbon2_format", text("both"))]).is_err());
        assert!(build::<Writer>(&[("carbon2_sanitize_replace_char", text("::"))]).is_err());
    }
}
