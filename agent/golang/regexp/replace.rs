//! Replacement texts with references to groups (Go package `regexp`, method `Expand`).

use regex::Captures;

use super::Regexp;

/// A compiled replacement; it belongs to the pattern it was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The first of these groups that took part in the match; Go lets several groups have one name.
    Group(Vec<usize>),
}

impl Replacement {
    /// A text in which `$` has no meaning.
    pub fn literal(text: &str) -> Replacement {
        Replacement { parts: vec![Part::Text(text.to_owned())] }
    }

    pub(super) fn compile(template: &str, regexp: &Regexp) -> Replacement {
        let mut text = String::new();
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            text.push_str(before);
            rest = after;
            if let Some(after) = rest.strip_prefix('$') {
                text.push('$');
                rest = after;
            } else if let Some((name, after)) = reference(rest) {
                rest = after;
                let groups = groups(name, regexp);
                // A group that does not exist leaves nothing.
                if !groups.is_empty() {
                    if !text.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut text)));
                    }
                    parts.push(Part::Group(groups));
                }
            } else {
                text.push('$');
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Replacement { parts }
    }

    /// The replacement's text, if no group takes part in it.
    pub(super) fn as_literal(&self) -> Option<&str> {
        match &self.parts[..] {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Appends the replacement with the groups of one match.
    pub fn expand(&self, captures: &Captures<'_>, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Group(groups) => {
                    let found = groups.iter().find_map(|&group| captures.get(group));
                    out.push_str(found.map_or("", |found| found.as_str()));
                }
            }
        }
    }
}

/// The name after a `$`, the longest run of letters, digits and underscores, or what is in braces; and what follows it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let is_name = |char: char| char.is_alphanumeric() || char == '_';
    let inner = text.strip_prefix('{');
    let start = inner.unwrap_or(text);
    let end = start.find(|char| !is_name(char)).unwrap_or(start.len());
    let (name, after) = start.split_at(end);
    if name.is_empty() {
        return None;
    }
    match inner {
        Some(_) => Some((name, after.strip_prefix('}')?)),
        None => Some((name, after)),
    }
}

/// The groups that a number or a name stands for.
fn groups(name: &str, regexp: &Regexp) -> Vec<usize> {
    let count = regexp.names.len();
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && (name == "0" || !name.starts_with('0')) {
        let number = name.parse().ok().filter(|&number| number < count);
        return number.into_iter().collect();
    }
    let has_name = |&group: &usize| regexp.names[group].as_deref() == Some(name);
    (0..count).filter(has_name).collect()
}
