//! Tags by key, from JSON or CSV.

use agent_api::{Context, Error, Result, ensure};
use agent_formats::csv;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use schemars::JsonSchema;
use serde::de::IntoDeserializer;
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
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

/// Reads the name of a form in any case, as Telegraf does.
pub(super) fn form<'de, D: Deserializer<'de>>(from: D) -> Result<Form, D::Error> {
    Form::deserialize(String::deserialize(from)?.to_lowercase().into_deserializer())
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
        for (line, row) in csv::table(text) {
            let row = row.map_err(Error::msg).with_context(|| format!("line {line}"))?;
            ensure!(row.len() >= 3, "line {line}: {} columns, but a key, a name and a value are needed", row.len());
            ensure!(row.len() % 2 == 1, "line {line}: the last name has no value");
            let mut columns = row.into_iter().map(Cow::into_owned);
            let tags = self.entry(&columns.next().unwrap_or_default());
            while let (Some(name), Some(value)) = (columns.next(), columns.next()) {
                tags.push((name, value));
            }
        }
        Ok(())
    }

    /// In this form a tag without a value is none, and blanks behind a value do not count.
    fn add_values(&mut self, text: &str) -> Result<()> {
        let mut header: Option<Vec<Cow<'_, str>>> = None;
        for (line, row) in csv::table(text) {
            let row = row.map_err(Error::msg).with_context(|| format!("line {line}"))?;
            let Some(header) = &header else {
                ensure!(row.len() >= 2, "line {line}: one column, but the key and a tag are needed");
                header = Some(row);
                continue;
            };
            ensure!(row.len() == header.len(), "line {line}: {} columns, but {} have names", row.len(), header.len());
            let tags = self.entry(&row[0]);
            for (name, value) in header.iter().zip(&row).skip(1) {
                let value = value.trim();
                if !value.is_empty() {
                    tags.push((name.clone().into_owned(), value.to_owned()));
                }
            }
        }
        ensure!(header.is_some(), "no line with the names of the columns");
        Ok(())
    }
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
        let lines = "# note\na, x, 1,y,2\n\"b,b\",z,\"3 4\"";
        assert_eq!(tags(lines, Form::CsvKeyNameValue, "a").unwrap(), ["x=1", "y=2"]);
        assert_eq!(tags(lines, Form::CsvKeyNameValue, "b,b").unwrap(), ["z=3 4"]);
        assert_eq!(tags("key,x,y\na,,2\n", Form::CsvKeyValues, "a").unwrap(), ["y=2"]);
        assert!(tags("key,x,y\n", Form::CsvKeyValues, "a").unwrap().is_empty());
    }

    #[test]
    fn blanks_before_a_column_do_not_count() {
        let lines = "a, x, \"1, 2\"\n# note\nb , y , 3 \n";
        assert_eq!(tags(lines, Form::CsvKeyNameValue, "a").unwrap(), ["x=1, 2"]);
        assert_eq!(tags(lines, Form::CsvKeyNameValue, "b ").unwrap(), ["y =3 "]);
        let lines = "key , x,  y \na,\" 1 \", \nb , 2,3\t\n";
        assert_eq!(tags(lines, Form::CsvKeyValues, "a").unwrap(), ["x=1"]);
        assert_eq!(tags(lines, Form::CsvKeyValues, "b ").unwrap(), ["x=2", "y =3"]);
    }

    #[test]
    fn a_table_of_another_form_is_an_error() {
        assert!(tags(r#"{"a": {"x": 1}}"#, Form::Json, "a").is_err());
        assert_eq!(tags("a,x,1,y", Form::CsvKeyNameValue, "a"), Err("line 1: the last name has no value".to_owned()));
        let short = Err("line 2: 2 columns, but 3 have names".to_owned());
        assert_eq!(tags("key,x,y\na,1", Form::CsvKeyValues, "a"), short);
        let quote = Err("line 3: quote in a field that is not quoted".to_owned());
        assert_eq!(tags("a,x,1\n\nb,x,2\"", Form::CsvKeyNameValue, "a"), quote);
        assert!(tags("# note\n", Form::CsvKeyValues, "a").is_err());
    }
}
