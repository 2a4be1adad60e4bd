//! Puts patterns together: `%{NAME}`, `%{NAME:key}` and `%{NAME:key:modifier}` become a regular expression and what is made of its
//! groups.

use super::library;
use agent_api::{Context, Result, bail, ensure};
use std::collections::HashMap;

/// What is made of a capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Text,
    Int,
    Float,
    Duration,
    Tag,
    Drop,
    Measurement,
    /// The time, by the name of a format or a layout.
    Time(String),
}

/// A pattern that has been put together.
#[derive(Debug, PartialEq)]
pub(super) struct Pattern {
    /// Go's syntax; groups that are captures are named after their keys, letters that names cannot have aside.
    pub(super) expression: String,
    /// The key of each named group of the expression.
    pub(super) keys: HashMap<String, String>,
    /// What is made of the captures of a key, where it is no text.
    pub(super) kinds: HashMap<String, Kind>,
}

/// Definitions by name.
pub(super) struct Patterns(HashMap<String, String>);

/// A pattern of more bytes than this is not put together: definitions that double themselves a few times have no end.
const LONGEST: usize = 1 << 20;
/// Patterns may be used within each other so deep.
const DEEPEST: usize = 50;

impl Patterns {
    pub(super) fn built_in() -> Patterns {
        Patterns(library::patterns().map(|(name, pattern)| (name.to_owned(), pattern)).collect())
    }

    /// Adds definitions, one a line: a name, a blank and the pattern. Empty lines and those of `#` say nothing.
    pub(super) fn add(&mut self, definitions: &str) -> Result<()> {
        for (i, line) in definitions.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, pattern) = line
                .split_once(' ')
                .with_context(|| format!("line {}: {line:?} is a name without a pattern", i + 1))?;
            self.0.insert(name.to_owned(), pattern.trim_start().to_owned());
        }
        Ok(())
    }

    /// Puts a pattern together.
    pub(super) fn expand(&self, pattern: &str) -> Result<Pattern> {
        let mut out = Pattern { expression: String::new(), keys: HashMap::new(), kinds: HashMap::new() };
        let mut times = 0;
        self.append(pattern, true, 0, &mut out, &mut times)?;
        ensure!(times < 2, "only one capture can be the timestamp");
        Ok(out)
    }

    /// Appends a pattern. Modifiers count unless the pattern is part of a capture.
    fn append(&self, pattern: &str, typed: bool, depth: usize, out: &mut Pattern, times: &mut usize) -> Result<()> {
        ensure!(depth < DEEPEST, "patterns use each other without an end");
        let mut rest = pattern;
        while let Some(at) = rest.find("%{") {
            let (before, from) = rest.split_at(at);
            out.expression.push_str(before);
            let Some((reference, length)) = Reference::parse(from) else {
                out.expression.push_str("%{");
                rest = &from[2..];
                continue;
            };
            rest = &from[length..];
            let Reference { name, key, modifier } = reference;
            let definition = self.0.get(name).with_context(|| format!("no pattern is named {name:?}"))?;
            let key = match (key, modifier) {
                (Some(""), Some("measurement")) => Some("measurement_name"),
                (key, _) => key.filter(|key| !key.is_empty()),
            };
            let Some(key) = key else {
                out.expression.push_str("(?:");
                self.append(definition, typed, depth + 1, out, times)?;
                out.expression.push(')');
                continue;
            };
            if let Some(modifier) = modifier.filter(|_| typed) {
                let kind = kind(modifier)?;
                *times += usize::from(matches!(kind, Kind::Time(_)));
                out.kinds.insert(key.to_owned(), kind);
            }
            let group = format!("g{}", out.keys.len());
            out.expression.push_str(&format!("(?P<{group}>"));
            out.keys.insert(group, key.to_owned());
            self.append(definition, false, depth + 1, out, times)?;
            out.expression.push(')');
            ensure!(out.expression.len() < LONGEST, "the pattern is over {LONGEST} bytes long");
        }
        out.expression.push_str(rest);
        ensure!(out.expression.len() < LONGEST, "the pattern is over {LONGEST} bytes long");
        Ok(())
    }
}

/// `%{NAME:key:modifier}` in parts.
struct Reference<'a> {
    name: &'a str,
    key: Option<&'a str>,
    modifier: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// The reference that begins a text, and its length; None if it is none and stands for itself.
    fn parse(text: &'a str) -> Option<(Reference<'a>, usize)> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let word = |text: &'a str| text.split_at(text.find(|c| !is_word(c)).unwrap_or(text.len()));
        let (name, mut rest) = word(&text[2..]);
        let (mut key, mut modifier) = (None, None);
        if let Some(after) = rest.strip_prefix(':') {
            let (own, after) = word(after);
            (key, rest) = (Some(own), after);
            if let Some(after) = rest.strip_prefix(':') {
                let own = match after.strip_prefix("ts-\"") {
                    // A layout may hold anything up to the quote that ends the reference.
                    Some(layout) => &after[..layout.find("\"}")? + "ts-\"\"".len()],
                    None => word(after).0,
                };
                modifier = Some(own);
                rest = &after[own.len()..];
            }
        }
        let after = rest.strip_prefix('}')?;
        let whole = !name.is_empty() && (key != Some("") || modifier.is_some());
        whole.then(|| (Reference { name, key, modifier }, text.len() - after.len()))
    }
}

fn kind(modifier: &str) -> Result<Kind> {
    Ok(match modifier {
        "string" => Kind::Text,
        "int" => Kind::Int,
        "float" => Kind::Float,
        "duration" => Kind::Duration,
        "tag" => Kind::Tag,
        "drop" => Kind::Drop,
        "measurement" => Kind::Measurement,
        _ => match modifier.strip_prefix("ts") {
            Some(format) if format.is_empty() || format.starts_with('-') => {
                Kind::Time(format.trim_start_matches('-').to_owned())
            }
            _ => bail!(
                "{modifier:?} is no modifier: int, float, duration, string, tag, drop, measurement, ts, ts-NAME and ts-\"LAYOUT\" are"
            ),
        },
    })
}
