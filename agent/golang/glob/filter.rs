//! Telegraf's lists of names or patterns (`namepass`, `fieldexclude`, ...).
//!
//! QUIRK kept from Telegraf, because configurations depend on it: a list holds plain names unless one of its entries has
//! one of `* ? [` or there are separators; then all entries are patterns, joined as `{a,b,c}`. So `{a,b}` alone is a plain
//! name, and a comma inside an entry of a list of patterns makes two patterns of it.

use super::{GlobError, Set};

/// A list of names or patterns.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    set: Set,
    empty: bool,
}

impl Filter {
    /// Compiles a list by Telegraf's rule; an empty list matches nothing.
    pub fn compile(entries: &[impl AsRef<str>], separators: &[char]) -> Result<Filter, GlobError> {
        let is_pattern = |entry: &str| entry.contains(['*', '?', '[']);
        let patterns = !separators.is_empty() || entries.iter().any(|entry| is_pattern(entry.as_ref()));
        let set = match entries {
            [] => Set::default(),
            _ if !patterns => Set::literal(entries),
            [entry] => Set::compile(&[entry.as_ref()], separators)?,
            _ => {
                let entries: Vec<&str> = entries.iter().map(AsRef::as_ref).collect();
                Set::compile(&[format!("{{{}}}", entries.join(","))], separators)?
            }
        };
        Ok(Filter { set, empty: entries.is_empty() })
    }

    /// Whether the list has no entries.
    pub fn is_empty(&self) -> bool {
        self.empty
    }

    /// Whether any entry matches the whole text.
    pub fn is_match(&self, text: &str) -> bool {
        self.set.is_match(text)
    }

    /// The names, if the list holds nothing but names.
    pub fn names(&self) -> Option<impl Iterator<Item = &str>> {
        self.set.names()
    }
}

/// A list of what to take and one of what to leave out.
#[derive(Clone, Debug)]
pub struct IncludeExclude {
    include: Filter,
    exclude: Filter,
}

impl IncludeExclude {
    /// Compiles both lists by Telegraf's rule.
    pub fn compile(
        include: &[impl AsRef<str>],
        exclude: &[impl AsRef<str>],
        separators: &[char],
    ) -> Result<IncludeExclude, GlobError> {
        Ok(IncludeExclude {
            include: Filter::compile(include, separators)?,
            exclude: Filter::compile(exclude, separators)?,
        })
    }

    /// Whether both lists are empty, so that everything passes.
    pub fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Whether the text is in `include`, or that is empty, and not in `exclude`.
    pub fn passes(&self, text: &str) -> bool {
        (self.include.is_empty() || self.include.is_match(text)) && !self.exclude.is_match(text)
    }
}
