//! Templates that take dotted names apart: `region.host.measurement*` makes tags, name and field of `eu.h1.cpu.load`.
//!
//! Source: the templates of InfluxDB's Graphite input, which Telegraf took over. A template may have a filter before it (`servers.*`) and
//! tags behind it (`dc=north`), and before all another text than a dot that parts are cut at. The filter that fits the most parts is taken, an exact part before `*`.
//! What else makes a template bad differs: `compile` is what the formats want, others add what they have read themselves.

use agent_api::{Result, bail, ensure};
use std::collections::BTreeMap;

/// All templates of a plugin.
#[derive(Clone, Debug)]
pub struct Templates {
    root: Filter,
    default: Template,
    /// What names are cut at to be looked up among the filters.
    separator: String,
    joiner: String,
}

/// The part of filters at one level.
#[derive(Clone, Debug, Default)]
struct Filter {
    below: BTreeMap<String, Filter>,
    template: Option<Template>,
}

/// A template as it is written: `[[separator] filter] template [tag=value,...]`.
#[derive(Debug)]
pub struct Line<'a> {
    /// Empty for all names that no filter takes.
    filter: &'a str,
    template: Template,
}

#[derive(Clone, Debug)]
struct Template {
    /// What names are cut at.
    separator: String,
    parts: Vec<Part>,
    tags: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Skip,
    Name,
    /// All parts from here on are the name.
    NameRest,
    Field,
    FieldRest,
    Tag(String),
}

/// What a template makes of a name.
#[derive(Debug, Default, PartialEq)]
pub struct Applied {
    /// The name of the metric; may be empty.
    pub name: String,
    /// The key of the field; may be empty.
    pub field: String,
    /// The tags, no key twice: those written behind the template first, then in the order of its parts.
    pub tags: Vec<(String, String)>,
}

impl Templates {
    /// None yet: names are taken as a whole. Parts that belong together are joined by `joiner`.
    pub fn new(joiner: &str) -> Templates {
        Templates {
            root: Filter::default(),
            default: Template { separator: ".".to_owned(), parts: vec![Part::NameRest], tags: Vec::new() },
            separator: ".".to_owned(),
            joiner: joiner.to_owned(),
        }
    }

    /// Compiles the templates of a format: each has to say what the name is, and no tag may be empty.
    pub fn compile(templates: &[String], joiner: &str) -> Result<Templates> {
        let mut all = Templates::new(joiner);
        for text in templates.iter().filter(|text| !text.trim().is_empty()) {
            let line = Line::parse(text)?;
            let Template { parts, tags, .. } = &line.template;
            ensure!(
                parts.iter().any(|part| matches!(part, Part::Name | Part::NameRest)),
                "template {text:?} has no measurement"
            );
            if let Some((key, _)) = tags.iter().find(|(_, value)| value.is_empty()) {
                bail!("template {text:?}: the tag {key:?} has no value");
            }
            all.add(line);
        }
        Ok(all)
    }

    /// Adds a template; of several for the same names the last one counts, as does the last separator other than a dot for finding filters.
    pub fn add(&mut self, line: Line<'_>) {
        let Line { filter, template } = line;
        if filter.is_empty() {
            self.default = template;
            return;
        }
        if template.separator != "." {
            self.separator.clone_from(&template.separator);
        }
        let mut at = &mut self.root;
        for part in filter.split(&template.separator) {
            at = at.below.entry(part.to_owned()).or_default();
        }
        at.template = Some(template);
    }

    /// Takes a name apart. There is no way back up from an exact part to `*`.
    pub fn apply(&self, name: &str) -> Applied {
        let mut at = &self.root;
        for part in name.split(&self.separator) {
            match at.below.get(part).or_else(|| at.below.get("*")) {
                Some(below) => at = below,
                None => break,
            }
        }
        at.template.as_ref().unwrap_or(&self.default).apply(name, &self.joiner)
    }
}

impl<'a> Line<'a> {
    /// Reads a template; an error quotes it.
    pub fn parse(text: &'a str) -> Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (separator, filter, template, tags) = match words[..] {
            [template] => (".", "", template, ""),
            [template, tags] if tags.contains('=') => (".", "", template, tags),
            [filter, template] => (".", filter, template, ""),
            [filter, template, tags] if tags.contains('=') => (".", filter, template, tags),
            [separator, filter, template] => (separator, filter, template, ""),
            [separator, filter, template, tags] => (separator, filter, template, tags),
            _ => bail!("template {text:?} is not of the form [[separator] filter] template [tag=value,...]"),
        };
        let parts: Vec<Part> = template.split(separator).map(Part::of).collect();
        ensure!(
            !(parts.contains(&Part::NameRest) && parts.contains(&Part::FieldRest)),
            "template {text:?}: either \"field*\" or \"measurement*\" can be used, not both"
        );
        let mut pairs = Vec::new();
        for tag in tags.split(',').filter(|tag| !tag.is_empty()) {
            match tag.split_once('=') {
                Some((key, value)) if !key.is_empty() => pairs.push((key.to_owned(), value.to_owned())),
                _ => bail!("template {text:?}: tag {tag:?} is not of the form key=value"),
            }
        }
        Ok(Line { filter, template: Template { separator: separator.to_owned(), parts, tags: pairs } })
    }
}

impl Part {
    fn of(word: &str) -> Self {
        match word {
            "" => Part::Skip,
            "measurement" => Part::Name,
            "measurement*" => Part::NameRest,
            "field" => Part::Field,
            "field*" => Part::FieldRest,
            tag => Part::Tag(tag.to_owned()),
        }
    }
}

impl Template {
    fn apply(&self, name: &str, joiner: &str) -> Applied {
        let words: Vec<&str> = name.split(&self.separator).collect();
        let (mut names, mut fields) = (Vec::new(), Vec::new());
        let mut tags: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut tag = |key, value| match tags.iter_mut().find(|(k, _)| *k == key) {
            Some((_, values)) => values.push(value),
            None => tags.push((key, vec![value])),
        };
        self.tags.iter().for_each(|(key, value)| tag(key, value));
        for (i, (part, &word)) in self.parts.iter().zip(&words).enumerate() {
            match part {
                Part::Skip => {}
                Part::Name => names.push(word),
                Part::NameRest => names.extend(&words[i..]),
                Part::Field => fields.push(word),
                Part::FieldRest => fields.extend(&words[i..]),
                Part::Tag(key) => tag(key, word),
            }
        }
        Applied {
            name: names.join(joiner),
            field: fields.join(joiner),
            tags: tags.into_iter().map(|(key, values)| (key.to_owned(), values.join(joiner))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(templates: &[&str], joiner: &str, name: &str) -> String {
        let templates: Vec<String> = templates.iter().map(|t| (*t).to_owned()).collect();
        let got = Templates::compile(&templates, joiner).unwrap().apply(name);
        let tags: Vec<String> = got.tags.iter().map(|(k, v)| format!(",{k}={v}")).collect();
        format!("{}{} {}", got.name, tags.concat(), got.field)
    }

    #[test]
    fn names_are_taken_apart() {
        let cases: &[(&[&str], &str, &str, &str)] = &[
            (&[], "_", "a.b.c", "a_b_c "),
            (&["region.host.measurement*"], "_", "eu.h1.net.rx", "net_rx,region=eu,host=h1 "),
            (&["measurement.host..field*"], "_", "disk.h1.x.read.bytes", "disk,host=h1 read_bytes"),
            (&["measurement.field.zone.measurement.zone.field"], "-", "a.b.c.d.e.f", "a-d,zone=c-e b-f"),
            (&["host.measurement dc=north,host=static"], ".", "h1.load", "load,dc=north,host=static.h1 "),
            (&["a.* host.measurement", "a.b .measurement.x", "measurement"], ".", "a.b.c", "b,x=c "),
            (&["a.* host.measurement", "a.b .measurement.x", "measurement"], ".", "a.c.d", "c,host=a "),
            (&["a.* host.measurement", "measurement"], ".", "b.c", "b "),
            (&["a.b.c host.measurement", "measurement.t"], ".", "a.b", "a,t=b "),
            (&["_ a_* _host_measurement*"], ".", "a_h1_cpu_load", "cpu.load,host=h1 "),
            (&["/ a/* /host/measurement x=y", "measurement"], ".", "a/h1/cpu", "cpu,x=y,host=h1 "),
            // Down the exact way there is no template, and no way back up to `*`.
            (&["*.b host.field.measurement", "a.c host.measurement"], "_", "a.b.c", "a_b_c "),
            (&["*.b host.field.measurement", "a.c host.measurement"], "_", "x.b.c", "c,host=x b"),
            (&["/ a/* measurement", "/ m/* /measurement*/x"], "_", "m/a.b/c", "a.b_c,x=c "),
        ];
        for (templates, joiner, name, want) in cases {
            assert_eq!(apply(templates, joiner, name), *want, "{templates:?} {name}");
        }
    }

    #[test]
    fn mistakes() {
        for template in [
            "host.field",
            "measurement*.field*",
            "f measurement x",
            "a b c d",
            "measurement k=",
            ". f measurement k=v x",
        ] {
            let e = Templates::compile(&[template.to_owned()], ".");
            assert!(e.is_err(), "{template}");
        }
    }
}
