//! Puts the path of a metric together, and replaces what Graphite does not take.

use agent_api::{MetricRef, Result};
use agent_golang::regexp::{Regexp, Replacement};

/// A template of the serializer: what the parts of a path are.
#[derive(Clone, Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Name,
    /// The values of all tags that have no part of their own.
    Tags,
    Field,
    Tag(String),
}

impl Template {
    pub(super) fn new(text: &str) -> Template {
        let part = |part: &str| match part {
            "measurement" => Part::Name,
            "tags" => Part::Tags,
            "field" => Part::Field,
            tag => Part::Tag(tag.to_owned()),
        };
        Template { parts: text.split('.').map(part).collect() }
    }

    /// The path of a field; the field `value` has no part. None if nothing is left.
    pub(super) fn path(&self, metric: MetricRef<'_>, field: &str, prefix: &str) -> Option<String> {
        let own = |key: &str| self.parts.iter().any(|part| matches!(part, Part::Tag(tag) if tag == key));
        let mut parts: Vec<String> = Vec::new();
        if !prefix.is_empty() {
            parts.push(prefix.to_owned());
        }
        let (before, mut seen, mut any) = (parts.len(), Vec::new(), false);
        for part in &self.parts {
            match part {
                Part::Name => parts.push(metric.name().to_owned()),
                Part::Tags => {
                    let rest: Vec<String> =
                        metric.tags().filter(|(key, _)| !own(key)).map(|(_, value)| value.replace('.', "_")).collect();
                    parts.push(rest.join("."));
                }
                Part::Field => {
                    any = true;
                    if field != "value" {
                        parts.push(field.replace('.', "_"));
                    }
                }
                Part::Tag(key) => {
                    if let Some(value) = metric.tag(key).filter(|_| !seen.contains(key)) {
                        parts.push(value.replace('.', "_"));
                    }
                    seen.push(key.clone());
                }
            }
        }
        (parts.len() > before || any).then(|| parts.join("."))
    }
}

/// Replaces characters.
pub(super) struct Sanitizer {
    forbidden: Option<Regexp>,
    /// Tags are only changed where Graphite itself would not take them.
    compatible: bool,
}

impl Sanitizer {
    pub(super) fn new(forbidden: &str, compatible: bool) -> Result<Sanitizer> {
        let forbidden = if forbidden.is_empty() { None } else { Some(Regexp::compile(forbidden)?) };
        Ok(Sanitizer { forbidden, compatible })
    }

    /// A path, or a part of it.
    pub(super) fn strict(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '/' | '@' | '*' => out.push('-'),
                '\\' => {}
                '.' => {
                    out.push('.');
                    chars.next_if_eq(&'.');
                }
                c => out.push(c),
            }
        }
        match &self.forbidden {
            Some(regexp) => regexp.replace_all(&out, &Replacement::literal("_")).into_owned(),
            None => {
                let allowed = |c: char| c.is_alphanumeric() && (c.is_ascii() || c.is_alphabetic());
                out.chars().map(|c| if allowed(c) || "-:._=".contains(c) { c } else { '_' }).collect()
            }
        }
    }

    /// A tag.
    pub(super) fn tag(&self, key: &str, value: &str) -> String {
        let key = if key == "name" { "_name" } else { key };
        if !self.compatible {
            return format!("{}={}", self.strict(key), self.strict(value));
        }
        let keep = |c: char, ok: fn(char) -> bool| if c.is_alphabetic() || ok(c) { c } else { '_' };
        let in_key = |c: char| matches!(c, ' ' | '"'..=':' | '<' | '>'..=']' | '_' | 'a'..='~');
        let in_value = |c: char| matches!(c, ' '..=':' | '<'..='~');
        let key: String = key.chars().map(|c| keep(c, in_key)).collect();
        let value: String = value.chars().map(|c| keep(c, in_value)).collect();
        format!("{key}={}", value.trim_start_matches('~'))
    }
}
