//! Values of options that the agent itself reads, with an error that says what was expected.

use super::errors::Problem;
use agent_api::options::{self, Entry, Setting};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use std::collections::BTreeMap;
use std::time::Duration;

fn wrong(entry: &Entry, want: &str) -> Problem {
    Problem::at(entry.item.span, format!("{}: expected {want}, found {}", entry.key, entry.item.value.kind()))
}

/// A text.
pub(super) fn text(entry: &Entry) -> Result<String, Problem> {
    match &entry.item.value {
        Setting::Str(v) => Ok(v.clone()),
        _ => Err(wrong(entry, "a string")),
    }
}

/// A whole number.
pub(super) fn whole(entry: &Entry) -> Result<i64, Problem> {
    match entry.item.value {
        Setting::Int(v) => Ok(v),
        _ => Err(wrong(entry, "a whole number")),
    }
}

/// A whole number that is not negative.
pub(super) fn count(entry: &Entry) -> Result<usize, Problem> {
    usize::try_from(whole(entry)?)
        .map_err(|_| Problem::at(entry.item.span, format!("{}: expected a number from 0 up", entry.key)))
}

/// true or false.
pub(super) fn flag(entry: &Entry) -> Result<bool, Problem> {
    match entry.item.value {
        Setting::Bool(v) => Ok(v),
        _ => Err(wrong(entry, "true or false")),
    }
}

/// true or false, also as one of Go's texts for them.
pub(super) fn flag_or_word(entry: &Entry) -> Result<bool, Problem> {
    match &entry.item.value {
        Setting::Str(word) => match word.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err(wrong(entry, "true or false")),
        },
        _ => flag(entry),
    }
}

/// A length of time.
pub(super) fn duration(entry: &Entry) -> Result<Duration, Problem> {
    any::<options::Duration>(entry, "a duration such as \"10s\"").map(|d| d.0)
}

/// A length of time as a common option of a plugin: a text needs a unit there, as it would be refused by Telegraf.
pub(super) fn duration_with_unit(entry: &Entry) -> Result<Duration, Problem> {
    match &entry.item.value {
        Setting::Str(v) if v.trim() != "0" && v.trim().parse::<f64>().is_ok() => {
            Err(Problem::at(entry.item.span, format!("{}: missing unit in duration {v:?}", entry.key)))
        }
        _ => duration(entry),
    }
}

/// A number of bytes.
pub(super) fn size(entry: &Entry) -> Result<u64, Problem> {
    any::<options::Size>(entry, "a size such as \"10MiB\"").map(|s| s.0)
}

fn any<T: for<'de> Deserialize<'de>>(entry: &Entry, want: &str) -> Result<T, Problem> {
    type Plain = serde::de::value::Error;
    let read: Result<T, Plain> = match &entry.item.value {
        Setting::Str(v) => T::deserialize(v.as_str().into_deserializer()),
        Setting::Int(v) => T::deserialize((*v).into_deserializer()),
        Setting::Float(v) => T::deserialize((*v).into_deserializer()),
        _ => return Err(wrong(entry, want)),
    };
    read.map_err(|error| Problem::at(entry.item.span, format!("{}: {error}", entry.key)))
}

/// A list of texts.
pub(super) fn texts(entry: &Entry) -> Result<Vec<String>, Problem> {
    let Setting::Array(items) = &entry.item.value else { return Err(wrong(entry, "a list of strings")) };
    items
        .iter()
        .map(|item| match &item.value {
            Setting::Str(v) => Ok(v.clone()),
            other => Err(Problem::at(item.span, format!("{}: expected a string, found {}", entry.key, other.kind()))),
        })
        .collect()
}

/// A table of texts.
pub(super) fn text_table(entry: &Entry) -> Result<BTreeMap<String, String>, Problem> {
    let Setting::Table(table) = &entry.item.value else { return Err(wrong(entry, "a table of strings")) };
    let named =
        |inner: &Entry| text(inner).map_err(|p| Problem { message: format!("{}.{}", entry.key, p.message), ..p });
    table.entries().iter().map(|inner| Ok((inner.key.clone(), named(inner)?))).collect()
}

/// A table of lists of texts.
pub(super) fn list_table(entry: &Entry) -> Result<Vec<(String, Vec<String>)>, Problem> {
    let Setting::Table(table) = &entry.item.value else {
        return Err(wrong(entry, "a table of lists of strings")
            .hint(format!("write [x.y.{}] and under it key = [\"value\"]", entry.key)));
    };
    let named =
        |inner: &Entry| texts(inner).map_err(|p| Problem { message: format!("{}.{}", entry.key, p.message), ..p });
    table.entries().iter().map(|inner| Ok((inner.key.clone(), named(inner)?))).collect()
}
