//! Names, types and templates: what is said to a database, without saying it.

use agent_api::{MetricRef, Value};

/// How the type of an unsigned column is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// The type of integers with a word behind it.
    Suffix,
    /// A type of its own.
    Literal,
}

/// Types of columns.
#[derive(Clone, Debug)]
pub(super) struct Types {
    pub(super) integer: String,
    pub(super) real: String,
    pub(super) text: String,
    pub(super) time: String,
    pub(super) unsigned: String,
    pub(super) bool: String,
}

/// Statements with places to fill in.
#[derive(Clone, Debug)]
pub(super) struct Templates {
    pub(super) table: String,
    pub(super) exists: String,
    pub(super) update: String,
}

/// Makes statements.
#[derive(Clone, Debug)]
pub(super) struct Statements {
    pub(super) types: Types,
    pub(super) templates: Templates,
    /// The column with the time, or nothing.
    pub(super) time: String,
}

impl Statements {
    /// Names and types of the columns of a metric: time, tags, fields.
    pub(super) fn columns<'a>(&'a self, metric: MetricRef<'a>) -> impl Iterator<Item = (&'a str, &'a str)> {
        let time = Some((self.time.as_str(), self.types.time.as_str())).filter(|(name, _)| !name.is_empty());
        let tags = metric.tags().map(|(name, _)| (name, self.types.text.as_str()));
        let fields = metric.fields().map(|(name, value)| {
            let kind = match value {
                Value::Float(_) => &self.types.real,
                Value::Int(_) => &self.types.integer,
                Value::Uint(_) => &self.types.unsigned,
                Value::Bool(_) => &self.types.bool,
                Value::Str(_) => &self.types.text,
            };
            (name, kind.as_str())
        });
        time.into_iter().chain(tags).chain(fields)
    }

    /// Makes the table of a metric.
    pub(super) fn create(&self, metric: MetricRef<'_>) -> String {
        let columns: Vec<String> = self.columns(metric).map(|(name, kind)| column(name, kind)).collect();
        let tags: Vec<String> = metric.tags().map(|(name, _)| identifier(name)).collect();
        let (columns, tags, time) = (columns.join(","), tags.join(", "), identifier(&self.time));
        fill(&self.templates.table, |place| match place {
            "TABLE" => Some(identifier(metric.name())),
            "TABLELITERAL" => Some(literal(metric.name())),
            "COLUMNS" => Some(columns.clone()),
            "TAG_COLUMN_NAMES" => Some(tags.clone()),
            "TIMESTAMP_COLUMN_NAME" => Some(time.clone()),
            _ => None,
        })
    }

    /// Fails if a table is not there.
    pub(super) fn exists(&self, table: &str) -> String {
        fill(&self.templates.exists, |place| table_place(place, table))
    }

    /// True if columns are to be added where they are missing.
    pub(super) fn updates(&self) -> bool {
        !self.templates.update.is_empty()
    }

    /// Adds a column to a table.
    pub(super) fn add_column(&self, table: &str, name: &str, kind: &str) -> String {
        fill(&self.templates.update, |place| match place {
            "COLUMN" => Some(column(name, kind)),
            _ => table_place(place, table),
        })
    }

    /// Puts a metric in; the values in the order of `columns`. Overwrites `out`.
    pub(super) fn insert(&self, metric: MetricRef<'_>, out: &mut String) {
        out.clear();
        out.push_str("INSERT INTO ");
        push_identifier(metric.name(), out);
        let mut columns = 0;
        for (name, _) in self.columns(metric) {
            out.push(if columns == 0 { '(' } else { ',' });
            push_identifier(name, out);
            columns += 1;
        }
        out.push_str(") VALUES");
        for i in 0..columns {
            out.push_str(if i == 0 { "(?" } else { ",?" });
        }
        out.push(')');
    }
}

fn table_place(place: &str, table: &str) -> Option<String> {
    match place {
        "TABLE" => Some(identifier(table)),
        "TABLELITERAL" => Some(literal(table)),
        _ => None,
    }
}

fn column(name: &str, kind: &str) -> String {
    format!("{} {kind}", identifier(name))
}

/// A name in double quotes.
fn identifier(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    push_identifier(name, &mut out);
    out
}

fn push_identifier(name: &str, out: &mut String) {
    push_quoted(name, '"', out);
}

/// A text in single quotes.
fn literal(text: &str) -> String {
    let mut out = String::new();
    push_quoted(text, '\'', &mut out);
    out
}

/// Quotes are doubled. A NUL would end the statement, and characters beyond the first plane are refused by some databases:
/// both become underscores.
fn push_quoted(text: &str, quote: char, out: &mut String) {
    out.push(quote);
    for c in text.chars() {
        match c {
            '\0' | '\u{10000}'.. => out.push('_'),
            c => {
                if c == quote {
                    out.push(c);
                }
                out.push(c);
            }
        }
    }
    out.push(quote);
}

/// Fills `{PLACES}` in; what is filled in is not looked at again, so a name that looks like a place stays a name.
fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let filled = rest[open..].find('}').and_then(|close| Some((value(&rest[open + 1..open + close])?, close)));
        match filled {
            Some((text, close)) => {
                out.push_str(&text);
                rest = &rest[open + close + 1..];
            }
            None => {
                out.push('{');
                rest = &rest[open + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(identifier("se\"lect"), "\"se\"\"lect\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(identifier("a\0b\u{1F600}ü"), "\"a_b_ü\"");
    }

    #[test]
    fn places_are_filled_once() {
        let value = |place: &str| (place == "TABLE").then(|| "{TABLE}".to_owned());
        assert_eq!(fill("a {TABLE} {x} {TABLE", value), "a {TABLE} {x} {TABLE");
        assert_eq!(fill("{{TABLE}}", value), "{{TABLE}}");
        assert_eq!(fill("json_{TABLE}_{", value), "json_{TABLE}_{");
    }
}
