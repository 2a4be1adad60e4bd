//! Writing: every number and boolean is a line.

use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt::Write;

register!(Entry::serializer::<Writer>());

/// How lines are written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Text before every name.
    prefix: String,
    /// Keeps slashes and commas in names and keys.
    wavefront_use_strict: bool,
    /// Tags that are the source, in this order; the tag `source` and else `host` where none of them is there.
    wavefront_source_override: Vec<String>,
    /// Keeps underscores in names, which are points without it.
    wavefront_disable_prefix_conversion: bool,
}

/// The serializer of Wavefront's lines.
pub struct Writer {
    settings: Settings,
    text: String,
}

impl Plugin for Writer {
    const NAME: &'static str = "wavefront";
    const ABOUT: &'static str = "Wavefront's lines of name, value, time, source and tags.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        Ok(Writer { settings, text: String::new() })
    }
}

impl Serializer for Writer {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        let tail = self.tail(metric);
        let Writer { settings, text } = self;
        for (key, value) in metric.fields() {
            let value = match value {
                Value::Float(v) if v.is_finite() => v,
                Value::Int(v) => v as f64,
                Value::Uint(v) => v as f64,
                Value::Bool(v) => f64::from(u8::from(v)),
                Value::Float(_) | Value::Str(_) => continue,
            };
            text.clear();
            text.extend([settings.prefix.as_str(), metric.name()]);
            if key != "value" {
                text.extend([".", key]);
            }
            out.push(b'"');
            for char in text.chars() {
                let char = plain(char, settings.wavefront_use_strict);
                let is_point = char == '_' && !settings.wavefront_disable_prefix_conversion;
                out.extend_from_slice((if is_point { '.' } else { char }).encode_utf8(&mut [0; 4]).as_bytes());
            }
            text.clear();
            // Writing to a String cannot fail.
            let _ = write!(text, "\" {value:.6} {}", metric.time().div_euclid(1_000_000_000));
            out.extend_from_slice(text.as_bytes());
            out.extend_from_slice(tail.as_bytes());
        }
        Ok(())
    }
}

impl Writer {
    /// Source and tags, which are the same on every line of a metric.
    fn tail(&self, metric: MetricRef<'_>) -> String {
        let tag = |key: &str| metric.tag(key).filter(|value| !value.is_empty());
        let chosen = self.settings.wavefront_source_override.iter().find_map(|key| Some((key.as_str(), tag(key)?)));
        let (source, host) = match (tag("source"), chosen) {
            (Some(source), _) => (("source", source), None),
            // The host is another thing than the source then.
            (None, Some(source)) => (source, tag("host")),
            (None, None) => (("host", tag("host").unwrap_or_default()), None),
        };
        let mut out = String::from(" source=\"");
        append_value(source.1, &mut out);
        out.push('"');
        let others = metric.tags().filter(|(key, value)| !value.is_empty() && *key != source.0 && *key != "host");
        let host = host.map(|host| ("telegraf_host", host));
        for (key, value) in others.chain(host) {
            out.push_str(" \"");
            out.extend(key.chars().map(|char| plain(char, self.settings.wavefront_use_strict)));
            out.push_str("\"=\"");
            append_value(value, &mut out);
            out.push('"');
        }
        out.push('\n');
        out
    }
}

/// The character in names and keys: a hyphen for those that Wavefront does not take there.
fn plain(char: char, strict: bool) -> char {
    match char {
        '/' | ',' if strict => char,
        '_' | '-' | '.' | '~' => char,
        _ if char.is_ascii_punctuation() || char == ' ' => '-',
        _ => char,
    }
}

/// Values in quotes: quotes are escaped, and asterisks are for queries.
fn append_value(value: &str, out: &mut String) {
    for char in value.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '*' => out.push('-'),
            _ => out.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{list, text, write};
    use agent_api::options::Setting;

    fn metric(tags: &[(&str, &str)]) -> Batch {
        let mut batch = Batch::new();
        batch
            .metric("cpu_x")
            .tags(tags.iter().copied())
            .field("load_1", 0.25)
            .field("s", "x")
            .field("nan", f64::NAN)
            .time(-500);
        batch
            .metric("m")
            .field("value", -3i64)
            .field("on", true)
            .field("big", u64::MAX)
            .time(1_600_000_000_900_000_000);
        batch
    }

    #[test]
    fn fields_become_lines() {
        let tags = [("host", "h\"1"), ("a/b c", "v*"), ("empty", "")];
        let rest = "\"m\" -3.000000 1600000000 source=\"\"\n\"m.on\" 1.000000 1600000000 source=\"\"\n\
                    \"m.big\" 18446744073709551616.000000 1600000000 source=\"\"\n";
        let got = write::<Writer>(&metric(&tags), &[]);
        assert_eq!(got, format!("\"cpu.x.load.1\" 0.250000 -1 source=\"h\\\"1\" \"a-b-c\"=\"v-\"\n{rest}"));
        let options = [
            ("prefix", text("p_")),
            ("wavefront_use_strict", Setting::Bool(true)),
            ("wavefront_disable_prefix_conversion", Setting::Bool(true)),
        ];
        let got = write::<Writer>(&metric(&tags), &options);
        assert!(
            got.starts_with("\"p_cpu_x.load_1\" 0.250000 -1 source=\"h\\\"1\" \"a/b-c\"=\"v-\"\n\"p_m\" "),
            "{got}"
        );
    }

    #[test]
    fn the_source_is_a_tag() {
        let first = |tags: &[(&str, &str)], order: &[&str]| {
            let got = write::<Writer>(&metric(tags), &[("wavefront_source_override", list(order))]);
            got.lines().next().unwrap().split_once(" -1 ").unwrap().1.to_owned()
        };
        let tags = [("host", "h"), ("box", "b"), ("zone", "z")];
        assert_eq!(first(&tags, &["none", "box"]), "source=\"b\" \"zone\"=\"z\" \"telegraf_host\"=\"h\"");
        assert_eq!(first(&tags, &["none"]), "source=\"h\" \"box\"=\"b\" \"zone\"=\"z\"");
        assert_eq!(first(&[("source", "s"), ("host", "h"), ("box", "b")], &["box"]), "source=\"s\" \"box\"=\"b\"");
    }
}
