//! Templates that take dotted names apart: `region.host.measurement*` makes tags, name and field of `eu.h1.cpu.load`.
//!
//! Source: the templates of InfluxDB's Graphite input, which Telegraf took over. A template may have a filter before it (`servers.*`) and
//! tags behind it (`dc=north`), and before all another text than a dot that parts are cut at. The filter that fits the most parts is taken, an exact part before `*`.

use agent_api::{Result, bail, ensure};
use std::collections::BTreeMap;

/// All templates of a plugin.
#[derive(Debug)]
pub struct Templates {
    root: Filter,
    default: Template,
    /// What names are cut at to be looked up among the filters.
    separator: String,
    joiner: String,
}

/// The part of filters at one level.
#[derive(Debug, Default)]
struct Filter {
    below: BTreeMap<String, Filter>,
    template: Option<Template>,
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
    /// The tags.
    pub tags: BTreeMap<String, String>,
}

impl Templates {
    /// Compiles templates; parts that belong together are joined by `joiner`. Names that no template fits are taken as a whole.
    pub fn compile(templates: &[String], joiner: &str) -> Result<Templates> {
        let mut all = Templates {
            root: Filter::default(),
            default: Template { separator: ".".to_owned(), parts: vec![Part::NameRest], tags: Vec::new() },
            separator: ".".to_owned(),
            joiner: joiner.to_owned(),
        };
        for text in templates {
            let words: Vec<&str> = text.split_whitespace().collect();
            let (separator, filter, template, tags) = match words[..] {
                [] => continue,
                [template] => (".", "", template, ""),
                [template, tags] if tags.contains('=') => (".", "", template, tags),
                [filter, template] => (".", filter, template, ""),
                [filter, template, tags] if tags.contains('=') => (".", filter, template, tags),
                [separator, filter, template] => (separator, filter, template, ""),
                [separator, filter, template, tags] => (separator, filter, template, tags),
                _ => bail!("template {text:?}: expected a separator, a filter, a template and tags"),
            };
            let template = Template::parse(template, separator, tags)?;
            if filter.is_empty() {
                all.default = template;
                continue;
            }
            let mut at = &mut all.root;
            if separator != "." {
                all.separator = separator.to_owned();
            }
            for part in filter.split(separator) {
                at = at.below.entry(part.to_owned()).or_default();
            }
            at.template = Some(template);
        }
        Ok(all)
    }

    /// Takes a name apart.
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

impl Template {
    fn parse(template: &str, separator: &str, tags: &str) -> Result<Template> {
        let parts: Vec<Part> = template
            .split(separator)
            .map(|part| match part {
                "" => Part::Skip,
                "measurement" => Part::Name,
                "measurement*" => Part::NameRest,
                "field" => Part::Field,
                "field*" => Part::FieldRest,
                tag => Part::Tag(tag.to_owned()),
            })
            .collect();
        ensure!(
            parts.iter().any(|part| matches!(part, Part::Name | Part::NameRest)),
            "template {template:?} has no measurement"
        );
        ensure!(
            !(parts.contains(&Part::NameRest) && parts.contains(&Part::FieldRest)),
            "template {template:?}: only one of measurement* and field* can take the rest"
        );
        let mut pairs = Vec::new();
        for tag in tags.split(',').filter(|tag| !tag.is_empty()) {
            match tag.split_once('=') {
                Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                    pairs.push((key.to_owned(), value.to_owned()))
                }
                _ => bail!("template {template:?}: {tag:?} is no tag"),
            }
        }
        Ok(Template { separator: separator.to_owned(), parts, tags: pairs })
    }

    fn apply(&self, name: &str, joiner: &str) -> Applied {
        let words: Vec<&str> = name.split(&self.separator).collect();
        let (mut names, mut fields) = (Vec::new(), Vec::new());
        let mut tags: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (key, value) in &self.tags {
            tags.entry(key).or_default().push(value);
        }
        for (i, part) in self.parts.iter().enumerate().take(words.len()) {
            match part {
                Part::Skip => {}
                Part::Name => names.push(words[i]),
                Part::NameRest => names.extend(&words[i..]),
                Part::Field => fields.push(words[i]),
                Part::FieldRest => fields.extend(&words[i..]),
                Part::Tag(key) => tags.entry(key).or_default().push(words[i]),
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
            (&["region.host.measurement*"], "_", "eu.h1.net.rx", "net_rx,host=h1,region=eu "),
            (&["measurement.host..field*"], "_", "disk.h1.x.read.bytes", "disk,host=h1 read_bytes"),
            (&["measurement.field.zone.measurement.zone.field"], "-", "a.b.c.d.e.f", "a-d,zone=c-e b-f"),
            (&["host.measurement dc=north,host=static"], ".", "h1.load", "load,dc=north,host=static.h1 "),
            (&["a.* host.measurement", "a.b .measurement.x", "measurement"], ".", "a.b.c", "b,x=c "),
            (&["a.* host.measurement", "a.b .measurement.x", "measurement"], ".", "a.c.d", "c,host=a "),
            (&["a.* host.measurement", "measurement"], ".", "b.c", "b "),
            (&["a.b.c host.measurement", "measurement.t"], ".", "a.b", "a,t=b "),
            (&["_ a_* _host_measurement*"], ".", "a_h1_cpu_load", "cpu.load,host=h1 "),
            (&["/ a/* /host/measurement x=y", "measurement"], ".", "a/h1/cpu", "cpu,host=h1,x=y "),
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
