//! Tags by key, from JSON or CSV.

use agent_api::{Context, Result, ensure};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The form of a file.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    /// An object of objects: `{"key": {"tag": "value"}}`.
    #[default]
    #[serde(alias = "")]
    Json,
    /// Lines of a key and then names and values of tags in turn.
    CsvKeyNameValue,
    /// A line with the names of the columns, then lines of a key and the values of the tags.
    CsvKeyValues,
}

type Tags = Vec<(String, String)>;

/// Tags by key.
#[derive(Default)]
pub(super) struct Table(HashMap<String, Tags, RandomState>);

impl Table {
    /// The tags of a key, in the order in which they are to be set.
    pub(super) fn tags(&self, key: &str) -> &[(String, String)] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// Adds what a file says.
    pub(super) fn add(&mut self, text: &str, form: Form) -> Result<()> {
        match form {
            Form::Json => self.add_json(text),
            Form::CsvKeyNameValue => self.add_names_and_values(text),
            Form::CsvKeyValues => self.add_values(text),
        }
    }

    fn entry(&mut self, key: &str) -> &mut Tags {
        self.0.entry_ref(key).or_default()
    }

    fn add_json(&mut self, text: &str) -> Result<()> {
        /// A tag that is null is an empty one, and that is none.
        type Null<T> = Option<T>;
        let table: BTreeMap<String, Null<BTreeMap<String, Null<String>>>> = serde_json::from_str(text)?;
        for (key, tags) in table {
            let tags = tags.unwrap_or_default();
            self.entry(&key).extend(tags.into_iter().map(|(name, value)| (name, value.unwrap_or_default())));
        }
        Ok(())
    }

    fn add_names_and_values(&mut self, text: &str) -> Result<()> {
        for record in reader(text, true).records() {
            let record = record?;
            let n = record.position().map_or(0, csv::Position::line);
            ensure!(record.len() >= 3, "line {n}: {} columns, but a key, a name and a value are needed", record.len());
            ensure!(record.len() % 2 == 1, "line {n}: the last name has no value");
            let mut columns = record.iter();
            let tags = self.entry(columns.next().unwrap_or_default());
            while let (Some(name), Some(value)) = (columns.next(), columns.next()) {
                add(tags, name, value);
            }
        }
        Ok(())
    }

    fn add_values(&mut self, text: &str) -> Result<()> {
        let mut reader = reader(text, false);
        let mut records = reader.records();
        let header = records.next().context("no line with the names of the columns")??;
        ensure!(header.len() >= 2, "line 1: one column, but the key and a tag are needed");
        for record in records {
            let record = record?;
            let tags = self.entry(record.get(0).unwrap_or_default());
            for (name, value) in header.iter().zip(&record).skip(1) {
                add(tags, name, value);
            }
        }
        Ok(())
    }
}

/// A tag without a value is none.
fn add(tags: &mut Tags, name: &str, value: &str) {
    if !value.is_empty() {
        tags.push((name.to_owned(), value.to_owned()));
    }
}

/// Spaces around values do not count, and lines that begin with `#` are notes.
fn reader(text: &str, flexible: bool) -> csv::Reader<&[u8]> {
    let mut builder = csv::ReaderBuilder::new();
    builder.has_headers(false).comment(Some(b'#')).trim(csv::Trim::All).flexible(flexible);
    builder.from_reader(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str, form: Form, key: &str) -> Result<Vec<String>, String> {
        let mut table = Table::default();
        table.add(text, form).map_err(|e| format!("{e:#}"))?;
        Ok(table.tags(key).iter().map(|(k, v)| format!("{k}={v}")).collect())
    }

    #[test]
    fn tables_are_read_in_three_forms() {
        assert_eq!(tags(r#"{"a": {"y": "2", "x": "1"}}"#, Form::Json, "a").unwrap(), ["x=1", "y=2"]);
        let lines = "# note\na, x , 1,y,2\n\"b,b\",z,\"3 4\"";
        assert_eq!(tags(lines, Form::CsvKeyNameValue, "a").unwrap(), ["x=1", "y=2"]);
        assert_eq!(tags(lines, Form::CsvKeyNameValue, "b,b").unwrap(), ["z=3 4"]);
        assert_eq!(tags("key,x,y\na,,2\n", Form::CsvKeyValues, "a").unwrap(), ["y=2"]);
        assert!(tags("key,x,y\n", Form::CsvKeyValues, "a").unwrap().is_empty());
    }

    #[test]
    fn a_table_of_another_form_is_an_error() {
        assert!(tags(r#"{"a": {"x": 1}}"#, Form::Json, "a").is_err());
        assert_eq!(tags("a,x,1,y", Form::CsvKeyNameValue, "a"), Err("line 1: the last name has no value".to_owned()));
        assert!(tags("key,x,y\na,1", Form::CsvKeyValues, "a").is_err());
    }
}
