//! A metric as templates see it: `.Name`, `.Tag "key"`, `.Field "key"`, `.Time` and lists of all tags and fields.

use agent_api::MetricRef;
use agent_golang::number::{FloatStyle, append_float, append_int, append_uint};
use agent_golang::template::{MemberError, Object, Template, TemplateError, Text, Value};
use agent_golang::time::{Time, Zone};
use std::sync::{Arc, LazyLock};

/// Appends a value as text; floats in the style given, the rest as they are.
pub fn append(value: agent_api::Value<'_>, style: FloatStyle, out: &mut String) {
    match value {
        agent_api::Value::Float(v) => append_float(v, style, out),
        agent_api::Value::Int(v) => append_int(v, out),
        agent_api::Value::Uint(v) => append_uint(v, out),
        agent_api::Value::Bool(v) => out.push_str(if v { "true" } else { "false" }),
        agent_api::Value::Str(v) => out.push_str(v),
    }
}

/// A compiled template over a metric.
pub struct MetricTemplate {
    template: Template,
    /// The parts of a template that does nothing but put names and values between texts, as most do: these need no engine.
    parts: Option<Vec<Part>>,
}

/// A part of a simple template.
#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    Name,
    Tag(String),
    Field(String),
}

impl MetricTemplate {
    /// Compiles a template.
    pub fn compile(source: &str) -> Result<Self, TemplateError> {
        Ok(MetricTemplate { template: Template::compile(source)?, parts: parts(source) })
    }

    /// Appends what the template makes of a metric.
    pub fn render(&self, metric: MetricRef<'_>, out: &mut String) -> Result<(), TemplateError> {
        let Some(parts) = &self.parts else {
            return self.template.render_into(Value::Object(&Templated(metric)), out);
        };
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Name => out.push_str(metric.name()),
                Part::Tag(key) => out.push_str(metric.tag(key).unwrap_or_default()),
                Part::Field(key) => match metric.field(key) {
                    Some(value) => append(value, FloatStyle::Shortest, out),
                    None => out.push_str("<no value>"),
                },
            }
        }
        Ok(())
    }
}

/// The parts of a template that has nothing but texts, `{{ .Name }}`, `{{ .Tag "key" }}` and `{{ .Field "key" }}`.
fn parts(source: &str) -> Option<Vec<Part>> {
    let (mut parts, mut rest) = (Vec::new(), source);
    while let Some((text, action)) = rest.split_once("{{") {
        let (action, after) = action.split_once("}}")?;
        if !text.is_empty() {
            parts.push(Part::Text(text.to_owned()));
        }
        // Only plain keys: a backslash begins an escape, and a quotation mark more than one argument.
        let key = |quoted: &str| {
            let key = quoted.trim_start().strip_prefix('"')?.strip_suffix('"')?;
            (!key.contains(['\\', '"', '\n'])).then(|| key.to_owned())
        };
        let action = action.trim_matches(' ');
        parts.push(match (action, action.strip_prefix(".Tag "), action.strip_prefix(".Field ")) {
            (".Name", ..) => Part::Name,
            (_, Some(quoted), _) => Part::Tag(key(quoted)?),
            (_, _, Some(quoted)) => Part::Field(key(quoted)?),
            _ => return None,
        });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Some(parts)
}

/// A metric that a template can ask.
pub(crate) struct Templated<'m>(pub(crate) MetricRef<'m>);

/// Metrics show their times in UTC.
static UTC: LazyLock<Arc<Zone>> = LazyLock::new(|| Arc::new(Zone::Utc));

fn value(value: agent_api::Value<'_>) -> Value<'_> {
    match value {
        agent_api::Value::Float(v) => Value::Float(v),
        agent_api::Value::Int(v) => Value::Int(v),
        agent_api::Value::Uint(v) => Value::Uint(v),
        agent_api::Value::Bool(v) => Value::Bool(v),
        agent_api::Value::Str(v) => v.into(),
    }
}

/// The only argument, a key.
fn key<'v>(name: &str, args: &'v [Value<'_>]) -> Result<&'v str, MemberError> {
    match args {
        [one] => one.as_text(),
        _ => None,
    }
    .ok_or_else(|| MemberError::Failed(format!("{name} wants one text, the key")))
}

impl Object for Templated<'_> {
    fn member<'a>(&'a self, name: &str, args: &[Value<'a>]) -> Result<Value<'a>, MemberError> {
        let metric = self.0;
        if !args.is_empty() && !matches!(name, "Tag" | "Field" | "HasTag" | "HasField") {
            return Err(MemberError::Failed(format!("{name} takes no arguments")));
        }
        let entry = |key: &'a str, value: Value<'a>| Value::map([("Key".into(), key.into()), ("Value".into(), value)]);
        Ok(match name {
            "Name" => metric.name().into(),
            "Tag" => metric.tag(key(name, args)?).unwrap_or_default().into(),
            "Field" => metric.field(key(name, args)?).map_or(Value::Nil, value),
            "HasTag" => metric.tag(key(name, args)?).is_some().into(),
            "HasField" => metric.field(key(name, args)?).is_some().into(),
            "Tags" => Value::text_map(metric.tags().map(|(k, v)| (Text::from(k), Text::from(v)))),
            "Fields" => Value::map(metric.fields().map(|(k, v)| (Text::from(k), value(v)))),
            "TagList" => Value::list(metric.tags().map(|(k, v)| entry(k, v.into()))),
            "FieldList" => Value::list(metric.fields().map(|(k, v)| entry(k, value(v)))),
            "Time" => Value::Time(Time::from_unix_nanos(metric.time()), UTC.clone()),
            "String" => {
                let mut text = String::new();
                self.print(&mut text);
                text.into()
            }
            _ => return Err(MemberError::Unknown),
        })
    }

    /// Name, tags, fields and time as Go prints them.
    fn print(&self, out: &mut String) {
        out.push_str(self.0.name());
        let mut fields: Vec<_> = self.0.fields().collect();
        fields.sort_by_key(|(key, _)| *key);
        let mut map = |entries: &mut dyn Iterator<Item = (&str, agent_api::Value<'_>)>| {
            out.push_str(" map[");
            for (i, (key, value)) in entries.enumerate() {
                out.extend([if i > 0 { " " } else { "" }, key, ":"]);
                append(value, FloatStyle::Shortest, out);
            }
            out.push(']');
        };
        map(&mut self.0.tags().map(|(k, v)| (k, agent_api::Value::Str(v))));
        map(&mut fields.into_iter());
        out.push(' ');
        append_int(self.0.time(), out);
    }

    fn type_name(&self) -> &str {
        "*metric.metric"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_api::Batch;

    /// A metric with two tags and fields of three types.
    fn batch() -> Batch {
        let mut batch = Batch::new();
        let metric = batch.metric("m").tags([("b", "2"), ("a", "1")]).field("i", 5i64).field("f", 1e6).field("s", "x");
        drop(metric.time(1_700_000_000_000_000_000));
        batch
    }

    fn rendered(template: &str) -> Result<String, String> {
        let metrics = batch();
        let mut out = String::new();
        let template = MetricTemplate::compile(template).map_err(|e| e.to_string())?;
        template.render(metrics.at(0), &mut out).map_err(|e| e.to_string())?;
        Ok(out)
    }

    #[test]
    fn a_simple_template_gives_the_same_without_the_engine() {
        let sources = [
            "",
            "plain",
            "{{.Name}}",
            "{{ .Tag \"a\" }}.{{ .Tag \"none\" }} {{.Field \"f\"}}-{{   .Field   \"i\"   }}{{.Field \"none\"}}!",
        ];
        for source in sources {
            let metrics = batch();
            let mut simple = MetricTemplate::compile(source).unwrap();
            assert!(simple.parts.is_some(), "{source}");
            let (mut fast, mut full) = (String::new(), String::new());
            simple.render(metrics.at(0), &mut fast).unwrap();
            simple.parts = None;
            simple.render(metrics.at(0), &mut full).unwrap();
            assert_eq!(fast, full);
        }
        let others =
            ["{{- .Name}}", "{{.Name -}}", "{{.Tag `a`}}", "{{.Tag \"\\x61\"}}", "{{.Tag \"a\" \"b\"}}", "{{.Name"];
        assert_eq!(others.map(parts), [const { None }; 6]);
    }

    #[test]
    fn a_template_reaches_all_of_a_metric() {
        let same = |template: &str, expected: &str| assert_eq!(rendered(template).as_deref(), Ok(expected));
        same(
            "{{.Name}} {{.Tag \"a\"}} {{.Tag \"none\"}}|{{.Field \"f\"}} {{.Field \"none\"}}",
            "m 1 |1e+06 <no value>",
        );
        same("{{.Time.Year}} {{.Time.UnixNano}}", "2023 1700000000000000000");
        same("{{range .TagList}}{{.Key}}={{.Value}};{{end}}{{len .Fields}} {{.Tags.b}}", "a=1;b=2;3 2");
        same("{{if .HasTag \"a\"}}y{{end}}{{if .HasField \"a\"}}n{{end}}", "y");
        same("{{.}}", "m map[a:1 b:2] map[f:1e+06 i:5 s:x] 1700000000000000000");
    }

    #[test]
    fn what_a_metric_lacks_is_an_error() {
        assert!(rendered("{{.Colour}}").is_err());
        assert!(rendered("{{.Tag}}").is_err());
    }
}
