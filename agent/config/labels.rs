//! Labels of plugins and the selectors of `--select` that go by them.

use super::errors::Problem;
use agent_golang::glob::Glob;
use std::collections::BTreeMap;

/// The selectors of a command line: a plugin is taken if one of them matches.
#[derive(Debug, Default)]
pub(super) struct Selectors(Vec<Selector>);

/// Pairs that must all match.
type Selector = Vec<(String, Glob)>;

impl Selectors {
    /// Reads `key=value;key2=value*` of each `--select`, which a comma may divide into several.
    pub(super) fn read(flags: &[String], problems: &mut Vec<Problem>) -> Self {
        let mut selectors = Vec::new();
        for text in flags.iter().flat_map(|flag| flag.split(',')) {
            match selector(text) {
                Ok(selector) if selector.is_empty() => {}
                Ok(selector) => selectors.push(selector),
                Err(message) => problems.push(Problem::new(format!("read selector {text:?}: {message}"))),
            }
        }
        Selectors(selectors)
    }

    /// True if a plugin with these labels is to run; without labels it always does.
    pub(super) fn take(&self, labels: &BTreeMap<String, String>) -> bool {
        let holds = |(key, value): &(String, Glob)| labels.get(key).is_some_and(|label| value.is_match(label));
        self.0.is_empty() || labels.is_empty() || self.0.iter().any(|selector| selector.iter().all(holds))
    }
}

fn selector(text: &str) -> Result<Selector, String> {
    let mut pairs = Selector::new();
    for pair in text.split(';').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or_else(|| format!("{pair:?} is no \"key=value\""))?;
        let (key, value) = (key.trim(), value.trim());
        if !is_label(key) {
            return Err(format!("{key:?} is no key of a label"));
        }
        if value.is_empty() || !is_label(&value.replace(['*', '?'], "x")) {
            return Err(format!("{value:?} is no value of a label nor a pattern of one"));
        }
        if pairs.iter().any(|(known, _)| known == key) {
            return Err(format!("{key:?} is given twice"));
        }
        let glob = Glob::compile(value, &[]).map_err(|e| e.to_string())?;
        pairs.push((key.to_owned(), glob));
    }
    Ok(pairs)
}

/// True for what may be a key or value of a label: letters, digits, points, hyphens and underscores.
pub(super) fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(select: &str, labels: &[(&str, &str)]) -> bool {
        let mut problems = Vec::new();
        let selectors = Selectors::read(&[select.to_owned()], &mut problems);
        assert_eq!(problems, []);
        selectors.take(&labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn selectors_go_by_labels() {
        let prod = [("app", "web"), ("env", "prod")];
        let test = [("app", "web"), ("env", "test-2"), ("region", "eu.west")];
        for (select, labels, want) in [
            ("", &prod[..], true),
            ("app=web;env=prod", &prod, true),
            ("app=web;env=prod", &test, false),
            ("app=Web", &prod, false),
            ("app=api,env=test-2", &test, true),
            ("env=test-*", &test, true),
            ("env=test-?", &test, true),
            ("env=test-??", &test, false),
            ("region=*", &test, true),
            ("region=*", &prod, false),
            ("region=*", &[], true),
        ] {
            assert_eq!(takes(select, labels), want, "{select} {labels:?}");
        }
    }

    #[test]
    fn bad_selectors_are_problems() {
        for (select, want) in [
            ("app=web;app=api", "\"app\" is given twice"),
            ("app", "\"app\" is no \"key=value\""),
            ("a b=c", "\"a b\" is no key of a label"),
            ("app=", "\"\" is no value of a label nor a pattern of one"),
        ] {
            let mut problems = Vec::new();
            Selectors::read(&[select.to_owned()], &mut problems);
            assert_eq!(problems[0].message, format!("read selector {select:?}: {want}"));
        }
    }
}
