//! Templates that cut a dotted name into measurement, tags and field, as Graphite users know them.
//!
//! `[[separator] filter] template [tag=value,...]`: the filter's parts (`*` for any) choose the template, the longest exact way down the
//! tree of all filters winning; a template without a filter is for every name that no filter takes. Names are cut at dots, or at the separator.

use agent_api::{Result, bail, ensure};

/// All templates of a configuration.
#[derive(Clone, Debug)]
pub(super) struct Templates {
    root: Node,
    default: Template,
    /// What names are cut at to be looked up among the filters.
    separator: String,
    /// What joins several parts of a measurement, tag or field.
    joiner: String,
}

#[derive(Clone, Debug, Default)]
struct Node {
    part: String,
    template: Option<Template>,
    children: Vec<Node>,
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
    Measurement,
    /// This and all that follow.
    Measurements,
    Field,
    Fields,
    Tag(String),
}

/// What a name was cut into.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) name: String,
    pub(super) field: String,
    pub(super) tags: Vec<(String, String)>,
}

impl Templates {
    /// Reads the templates; an error names the one that is wrong.
    pub(super) fn new(lines: &[String], joiner: &str) -> Result<Self> {
        let dot = || ".".to_owned();
        let whole = Template { separator: dot(), parts: vec![Part::Measurements], tags: Vec::new() };
        let mut all = Templates { root: Node::default(), default: whole, separator: dot(), joiner: joiner.to_owned() };
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (separator, filter, parts, tags) = match words[..] {
                [parts] => (".", "", parts, ""),
                [parts, tags] if tags.contains('=') => (".", "", parts, tags),
                [filter, parts] => (".", filter, parts, ""),
                [filter, parts, tags] if tags.contains('=') => (".", filter, parts, tags),
                [separator, filter, parts] => (separator, filter, parts, ""),
                [separator, filter, parts, tags] => (separator, filter, parts, tags),
                _ => bail!("template {line:?} is not of the form [[separator] filter] template [tag=value,...]"),
            };
            let template = Template::new(line, separator, parts, tags)?;
            if filter.is_empty() {
                all.default = template;
                continue;
            }
            if separator != "." {
                all.separator = separator.to_owned();
            }
            all.root.insert(&mut filter.split(separator), template);
        }
        Ok(all)
    }

    /// Cuts a name.
    pub(super) fn cut(&self, name: &str) -> Cut {
        let parts: Vec<&str> = name.split(self.separator.as_str()).collect();
        self.root.find(&parts).unwrap_or(&self.default).cut(name, &self.joiner)
    }
}

impl Node {
    fn insert<'a>(&mut self, parts: &mut impl Iterator<Item = &'a str>, template: Template) {
        let Some(part) = parts.next() else {
            self.template = Some(template);
            return;
        };
        let i = self.children.iter().position(|c| c.part == part).unwrap_or_else(|| {
            self.children.push(Node { part: part.to_owned(), ..Node::default() });
            self.children.len() - 1
        });
        self.children[i].insert(parts, template);
    }

    /// An exact part goes before `*`; a filter need not be as long as the name. There is no way back up.
    fn find(&self, parts: &[&str]) -> Option<&Template> {
        let Some((first, rest)) = parts.split_first() else { return self.template.as_ref() };
        let child = |part: &str| self.children.iter().find(|c| c.part == part);
        match child(first).or_else(|| child("*")) {
            Some(child) => child.find(rest),
            None => self.template.as_ref(),
        }
    }
}

impl Template {
    fn new(line: &str, separator: &str, parts: &str, tags: &str) -> Result<Self> {
        let parts: Vec<Part> = parts
            .split(separator)
            .map(|part| match part {
                "" => Part::Skip,
                "measurement" => Part::Measurement,
                "measurement*" => Part::Measurements,
                "field" => Part::Field,
                "field*" => Part::Fields,
                tag => Part::Tag(tag.to_owned()),
            })
            .collect();
        ensure!(
            !(parts.contains(&Part::Measurements) && parts.contains(&Part::Fields)),
            "template {line:?}: either \"field*\" or \"measurement*\" can be used, not both"
        );
        let mut pairs = Vec::new();
        for pair in tags.split(',').filter(|p| !p.is_empty()) {
            match pair.split_once('=') {
                Some((key, value)) if !key.is_empty() => pairs.push((key.to_owned(), value.to_owned())),
                _ => bail!("template {line:?}: tag {pair:?} is not of the form key=value"),
            }
        }
        Ok(Template { separator: separator.to_owned(), parts, tags: pairs })
    }

    fn cut(&self, name: &str, joiner: &str) -> Cut {
        let parts: Vec<&str> = name.split(self.separator.as_str()).collect();
        let (mut names, mut fields) = (Vec::new(), Vec::new());
        let mut tags: Vec<(&str, Vec<&str>)> = self.tags.iter().map(|(k, v)| (k.as_str(), vec![v.as_str()])).collect();
        for (i, (part, &text)) in self.parts.iter().zip(&parts).enumerate() {
            match part {
                Part::Skip => {}
                Part::Measurement => names.push(text),
                Part::Measurements => names.extend(&parts[i..]),
                Part::Field => fields.push(text),
                Part::Fields => fields.extend(&parts[i..]),
                Part::Tag(key) => match tags.iter_mut().find(|(k, _)| k == key) {
                    Some((_, values)) => values.push(text),
                    None => tags.push((key, vec![text])),
                },
            }
        }
        Cut {
            name: names.join(joiner),
            field: fields.join(joiner),
            tags: tags.into_iter().map(|(k, v)| (k.to_owned(), v.join(joiner))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(templates: &[&str], name: &str) -> (String, String, String) {
        let lines: Vec<String> = templates.iter().map(|t| (*t).to_owned()).collect();
        let cut = Templates::new(&lines, "_").unwrap().cut(name);
        let tags: Vec<String> = cut.tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
        (cut.name, tags.join(","), cut.field)
    }

    #[test]
    fn parts_become_measurement_tags_and_field() {
        let own = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(cut(&[], "a.b.c"), own("a_b_c", "", ""));
        assert_eq!(cut(&["host.measurement.field"], "web1.disk.free"), own("disk", "host=web1", "free"));
        assert_eq!(cut(&["measurement.region.region"], "cpu.eu.west"), own("cpu", "region=eu_west", ""));
        assert_eq!(cut(&["measurement.field*"], "cpu.a.b.c"), own("cpu", "", "a_b_c"));
        assert_eq!(cut(&[".host.measurement* dc=1"], "x.web.a.b"), own("a_b", "dc=1,host=web", ""));
        assert_eq!(cut(&["host.measurement.field"], "web1"), own("", "host=web1", ""));
    }

    #[test]
    fn the_filter_chooses_the_template() {
        let templates =
            ["cpu.* measurement.host", "*.mem.* host.measurement.field", "a.b measurement.x", "host.measurement*"];
        assert_eq!(cut(&templates, "cpu.web").1, "host=web");
        assert_eq!(cut(&templates, "cpu.web.more").0, "cpu");
        assert_eq!(cut(&templates, "web.mem.free").2, "free");
        assert_eq!(cut(&templates, "web.disk.free").0, "disk_free");
        // Down the exact way there is no template, and no way back up to `*`.
        assert_eq!(cut(&templates, "a.mem.free").0, "mem_free");
        let separated = ["/ cpu/* measurement/host/field", "/ mem/* /measurement*/x dc=1"];
        assert_eq!(cut(&separated, "cpu/web/idle"), ("cpu".to_owned(), "host=web".to_owned(), "idle".to_owned()));
        assert_eq!(cut(&separated, "mem/a.b/c"), ("a.b_c".to_owned(), "dc=1,x=c".to_owned(), String::new()));
    }

    #[test]
    fn templates_that_mean_nothing() {
        for bad in ["", "a b c d e", "field*.measurement*", "measurement =x"] {
            assert!(Templates::new(&[bad.to_owned()], "_").is_err(), "{bad:?}");
        }
    }
}
