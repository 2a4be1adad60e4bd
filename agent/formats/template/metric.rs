//! A metric as templates see it: `.Name`, `.Tag "key"`, `.Field "key"`, `.Time`, and all tags and fields as maps and lists.

use agent_api::{MetricRef, Value as Own};
use agent_golang::number::{FloatStyle, append_float, append_int, append_uint};
use agent_golang::template::{MemberError, Object, Text, Value};
use agent_golang::time::Time;

/// A metric that a template can ask.
pub(super) struct Shown<'m>(pub(super) MetricRef<'m>);

fn value(value: Own<'_>) -> Value<'_> {
    match value {
        Own::Float(v) => Value::Float(v),
        Own::Int(v) => Value::Int(v),
        Own::Uint(v) => Value::Uint(v),
        Own::Bool(v) => Value::Bool(v),
        Own::Str(v) => v.into(),
    }
}

impl Object for Shown<'_> {
    fn member<'a>(&'a self, name: &str, args: &[Value<'a>]) -> Result<Value<'a>, MemberError> {
        let metric = self.0;
        if let [key] = args {
            let Some(key) = key.as_text() else {
                return Err(MemberError::Failed(format!("{name} wants a text, the key")));
            };
            return Ok(match name {
                "Tag" => metric.tag(key).unwrap_or_default().into(),
                "Field" => metric.field(key).map_or(Value::Nil, value),
                "HasTag" => metric.tag(key).is_some().into(),
                "HasField" => metric.field(key).is_some().into(),
                _ => return Err(MemberError::Unknown),
            });
        }
        if !args.is_empty() {
            return Err(MemberError::Failed(format!("{name} takes one key at most")));
        }
        let pair = |key: &'a str, value: Value<'a>| Value::map([("Key".into(), key.into()), ("Value".into(), value)]);
        Ok(match name {
            "Name" => metric.name().into(),
            "Time" => Time::from_unix_nanos(metric.time()).into(),
            "Tags" => Value::text_map(metric.tags().map(|(key, value)| (Text::from(key), Text::from(value)))),
            "Fields" => Value::map(metric.fields().map(|(key, own)| (Text::from(key), value(own)))),
            "TagList" => Value::list(metric.tags().map(|(key, value)| pair(key, value.into()))),
            "FieldList" => Value::list(metric.fields().map(|(key, own)| pair(key, value(own)))),
            "String" => {
                let mut text = String::new();
                self.print(&mut text);
                Value::text(text)
            }
            "Tag" | "Field" | "HasTag" | "HasField" => {
                return Err(MemberError::Failed(format!("{name} wants a text, the key")));
            }
            _ => return Err(MemberError::Unknown),
        })
    }

    /// Name, tags, fields and time as Go prints them: maps in the order of their keys.
    fn print(&self, out: &mut String) {
        let metric = self.0;
        out.push_str(metric.name());
        out.push_str(" map[");
        for (i, (key, value)) in metric.tags().enumerate() {
            out.extend([if i > 0 { " " } else { "" }, key, ":", value]);
        }
        out.push_str("] map[");
        let mut fields: Vec<_> = metric.fields().collect();
        fields.sort_by_key(|(key, _)| *key);
        for (i, (key, value)) in fields.into_iter().enumerate() {
            out.extend([if i > 0 { " " } else { "" }, key, ":"]);
            match value {
                Own::Float(v) => append_float(v, FloatStyle::Shortest, out),
                Own::Int(v) => append_int(v, out),
                Own::Uint(v) => append_uint(v, out),
                Own::Bool(v) => out.push_str(if v { "true" } else { "false" }),
                Own::Str(v) => out.push_str(v),
            }
        }
        out.push_str("] ");
        append_int(metric.time(), out);
    }

    fn type_name(&self) -> &str {
        "telegraf.TemplateMetric"
    }
}
