//! Selectors of Kubernetes over labels and fields (kubernetes.io/docs/concepts/overview/working-with-objects/labels).

use agent_api::{Result, bail, ensure};

/// What an object has to be like, all of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Selector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq)]
enum Requirement {
    In(String, Vec<String>),
    /// Also met by what has no such key.
    NotIn(String, Vec<String>),
    Has(String),
    HasNot(String),
}

impl Selector {
    /// A selector over labels: `a=b`, `a!=b`, `a in (b, c)`, `a notin (b, c)`, `a`, `!a`, separated by commas.
    pub(super) fn of_labels(text: &str) -> Result<Self> {
        parts(text).map(|part| requirement(part, true)).collect::<Result<_>>().map(Selector)
    }

    /// A selector over fields: `a=b`, `a!=b`, separated by commas; `known` are the fields that there are.
    pub(super) fn of_fields(text: &str, known: &[&str]) -> Result<Self> {
        let selector: Vec<Requirement> = parts(text).map(|part| requirement(part, false)).collect::<Result<_>>()?;
        for requirement in &selector {
            let key = requirement.key();
            ensure!(known.contains(&key), "field {key:?} is none of {}", known.join(", "));
        }
        Ok(Selector(selector))
    }

    /// True if what `value` gives for a key meets all.
    pub(super) fn is_met<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|requirement| {
            let value = value(requirement.key());
            let among = |values: &[String]| value.is_some_and(|v| values.iter().any(|w| w == v));
            match requirement {
                Requirement::In(_, values) => among(values),
                Requirement::NotIn(_, values) => !among(values),
                Requirement::Has(_) => value.is_some(),
                Requirement::HasNot(_) => value.is_none(),
            }
        })
    }
}

impl Requirement {
    fn key(&self) -> &str {
        let (Requirement::In(key, _) | Requirement::NotIn(key, _) | Requirement::Has(key) | Requirement::HasNot(key)) =
            self;
        key
    }
}

/// What stands between commas that are in no brackets.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0i32;
    let split = move |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    };
    text.split(split).map(str::trim).filter(|part| !part.is_empty())
}

fn requirement(part: &str, sets: bool) -> Result<Requirement> {
    let word = |text: &str| -> Result<String> {
        let text = text.trim();
        ensure!(!text.is_empty() && !text.contains([' ', '(', ')', '=', '!', ',']), "{part:?} is no requirement");
        Ok(text.to_owned())
    };
    // A value may be empty: the label is there and says nothing.
    let value = |text: &str| if text.trim().is_empty() { Ok(String::new()) } else { word(text) };
    if let Some((key, text)) = part.split_once("!=") {
        return Ok(Requirement::NotIn(word(key)?, vec![value(text)?]));
    }
    if let Some((key, text)) = part.split_once('=') {
        return Ok(Requirement::In(word(key)?, vec![value(text.strip_prefix('=').unwrap_or(text))?]));
    }
    ensure!(sets, "{part:?} is no requirement");
    if let Some((before, list)) = part.split_once('(') {
        let Some(list) = list.strip_suffix(')') else { bail!("{part:?} has no closing bracket") };
        let values = list.split(',').map(value).collect::<Result<_>>()?;
        return match before.trim().split_once(' ').map(|(key, how)| (key, how.trim())) {
            Some((key, "in")) => Ok(Requirement::In(word(key)?, values)),
            Some((key, "notin")) => Ok(Requirement::NotIn(word(key)?, values)),
            _ => bail!("{part:?} is no requirement"),
        };
    }
    match part.strip_prefix('!') {
        Some(key) => Ok(Requirement::HasNot(word(key)?)),
        None => Ok(Requirement::Has(word(part)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        let labels =
            |key: &str| [("env", "dev"), ("app", "web"), ("empty", "")].into_iter().find(|l| l.0 == key).map(|l| l.1);
        for (text, met) in [
            ("", true),
            ("env=dev", true),
            ("env == dev , app=web", true),
            ("env=prod", false),
            ("env!=prod", true),
            ("zone!=a", true),
            ("env in (prod, dev), app", true),
            ("env notin (prod, dev)", false),
            ("zone notin (a)", true),
            ("zone in (a)", false),
            ("!zone", true),
            ("!env", false),
            ("zone", false),
            ("empty=", true),
        ] {
            assert_eq!(Selector::of_labels(text).unwrap().is_met(labels), met, "{text}");
        }
        for bad in ["a b", "in (a)", "a in (b", "a=b=c", "=b", "!", "a within (b)"] {
            assert!(Selector::of_labels(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn fields() {
        let selector =
            Selector::of_fields("spec.nodeName=n1,status.phase!=Failed", &["spec.nodeName", "status.phase"]).unwrap();
        assert!(selector.is_met(|key| (key == "spec.nodeName").then_some("n1")));
        assert!(!selector.is_met(|_| Some("Failed")));
        assert!(
            Selector::of_fields("spec.other=1", &["spec.nodeName"]).unwrap_err().to_string().contains("spec.other")
        );
        assert!(Selector::of_fields("a in (b)", &["a"]).is_err());
    }
}
