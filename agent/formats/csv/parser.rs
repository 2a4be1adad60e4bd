//! Reading: names of columns come from the settings or the header, then every row is a metric.

use super::convert::{Type, convert, printed};
use super::rows::{Dialect, Field, Rows, whole_rows};
use crate::lines;
use crate::scalar::default_name;
use agent_api::*;
use agent_golang::time::{Stamp, TimestampFormat, Zone};
use schemars::JsonSchema;
use serde::Deserialize;
use std::borrow::Cow;

register!(Entry::parser::<Csv>());

/// How rows are written and what their columns are.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Names of the columns; without them they are in the header.
    csv_column_names: Vec<String>,
    /// Types of the columns: `int`, `float`, `bool` or `string`; without them every value is guessed.
    csv_column_types: Vec<String>,
    /// Character at the start of lines that are left out.
    csv_comment: String,
    /// Character between two values; a comma if nothing is given.
    csv_delimiter: String,
    /// Number of header rows; the names of several are joined column by column. With `csv_column_names` they are passed over.
    csv_header_row_count: usize,
    /// Column that names the metric; nothing for the name of the plugin.
    csv_measurement_column: String,
    /// Number of columns at the left that are left out.
    csv_skip_columns: usize,
    /// Leaves rows that cannot be read out without a word.
    csv_skip_errors: bool,
    /// Number of lines at the start that are left out.
    csv_skip_rows: usize,
    /// Values that are left out.
    csv_skip_values: Vec<String>,
    /// Columns that become tags.
    csv_tag_columns: Vec<String>,
    /// Lets tag columns replace tags of the same name from metadata, instead of the other way round.
    csv_tag_overwrite: bool,
    /// Column of the time; nothing for the time of collection.
    csv_timestamp_column: String,
    /// How the time is written: `unix`, `unix_ms`, `unix_us`, `unix_ns`, or a layout or the name of a layout of Go.
    csv_timestamp_format: String,
    /// Zone of times that have none: `UTC`, `Local` or a name of the IANA database such as `Europe/Berlin`.
    csv_timezone: String,
    /// Takes white space off around values and names.
    csv_trim_space: bool,
    /// Number of lines behind the skipped ones that hold a key and a value each, which become tags.
    csv_metadata_rows: usize,
    /// Texts between key and value of metadata; the longest that fits is taken.
    csv_metadata_separators: Vec<String>,
    /// Characters that are taken off around keys and values of metadata.
    csv_metadata_trim_set: String,
    /// When skipped lines, metadata and header are expected anew: `none` for once, `always` for every document.
    csv_reset_mode: String,
}

/// The parser of CSV.
pub struct Csv {
    settings: Settings,
    name: String,
    dialect: Dialect,
    time: TimestampFormat,
    zone: Zone,
    columns: Vec<Column>,
    metadata: Vec<(String, String)>,
    /// What is still expected at the start: lines to skip, metadata, header rows.
    left: [usize; 3],
    /// Names put together from header rows so far; None once the columns are known.
    header: Option<Vec<String>>,
    /// Fields of the row at hand.
    fields: Vec<Field>,
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Tag,
    Time,
    /// A field, and whether it names the metric instead.
    Field(Type, bool),
    /// There are fewer types than columns.
    Untyped,
}

impl Plugin for Csv {
    const NAME: &'static str = "csv";
    const ABOUT: &'static str = "Comma-separated values, a metric a row.";
    type Settings = Settings;

    fn new(mut settings: Settings, env: &Env) -> Result<Self> {
        let names = &settings.csv_column_names;
        let types = &settings.csv_column_types;
        ensure!(
            settings.csv_header_row_count > 0 || !names.is_empty(),
            "csv_header_row_count must be given if csv_column_names is not"
        );
        ensure!(
            names.is_empty() || types.is_empty() || names.len() == types.len(),
            "csv_column_types has {} entries, csv_column_names {}",
            types.len(),
            names.len()
        );
        ensure!(
            settings.csv_timestamp_column.is_empty() || !settings.csv_timestamp_format.is_empty(),
            "csv_timestamp_column needs csv_timestamp_format"
        );
        ensure!(
            settings.csv_metadata_rows == 0 || !settings.csv_metadata_separators.is_empty(),
            "csv_metadata_rows needs csv_metadata_separators"
        );
        ensure!(
            !settings.csv_metadata_separators.iter().any(String::is_empty),
            "csv_metadata_separators: an empty text separates nothing"
        );
        ensure!(
            matches!(settings.csv_reset_mode.as_str(), "" | "none" | "always"),
            "csv_reset_mode: {:?} is neither \"none\" nor \"always\"",
            settings.csv_reset_mode
        );
        settings.csv_metadata_separators.sort_by_key(|s| std::cmp::Reverse(s.len()));
        let dialect = Dialect {
            delimiter: character("csv_delimiter", &settings.csv_delimiter)?.unwrap_or(','),
            comment: character("csv_comment", &settings.csv_comment)?,
            trim: settings.csv_trim_space,
        };
        ensure!(
            dialect.comment != Some(dialect.delimiter),
            "csv_comment and csv_delimiter are both {:?}",
            dialect.delimiter
        );
        let mut csv = Csv {
            name: default_name(env),
            dialect,
            time: TimestampFormat::parse_spec(&settings.csv_timestamp_format),
            zone: Zone::parse(&settings.csv_timezone).context("csv_timezone")?,
            columns: Vec::new(),
            metadata: Vec::new(),
            left: [0; 3],
            header: None,
            fields: Vec::new(),
            settings,
        };
        Parser::reset(&mut csv);
        Ok(csv)
    }
}

fn character(option: &str, text: &str) -> Result<Option<char>> {
    let mut chars = text.chars();
    let first = chars.next();
    ensure!(chars.next().is_none(), "{option}: {text:?} is not a single character");
    Ok(first)
}

impl Parser for Csv {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        if self.settings.csv_reset_mode == "always" {
            Parser::reset(self);
        }
        let text = body.text();
        let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let mut rows = Rows::new(&text, start, self.dialect);
        self.start(&mut rows)?;
        let mut errors = ParseError::default();
        // Lines are counted up to here, only where there is an error.
        let (mut counted, mut line) = (0, 1);
        let mut fields = std::mem::take(&mut self.fields);
        while let Some(row) = rows.next(&mut fields) {
            let result = match row {
                Ok(start) => self.row(&text, &fields, out.batch()).map_err(|cause| (start, cause)),
                Err((start, cause)) => Err((start, cause.to_owned())),
            };
            if let Err((start, cause)) = result
                && !self.settings.csv_skip_errors
            {
                line += memchr::memchr_iter(b'\n', &text.as_bytes()[counted..start]).count();
                counted = start;
                errors.add(line, text[start..].lines().next().unwrap_or_default(), cause);
            }
            out.checkpoint();
        }
        self.fields = fields;
        errors.or_ok()
    }

    fn parse_line(&mut self, line: &str, out: &mut Collector) -> Result<(), ParseError> {
        // An empty line is one to skip, although as a document it has no line.
        if line.is_empty()
            && let Some(left) = self.left[..2].iter_mut().find(|left| **left > 0)
        {
            *left -= 1;
            return Ok(());
        }
        self.parse(&Body::from(line), out)
    }

    fn cut(&self, bytes: &[u8]) -> Option<usize> {
        // With this mode a part would be taken for a document of its own.
        if self.settings.csv_reset_mode == "always" {
            return None;
        }
        if memchr::memchr(b'"', bytes).is_none() {
            return Some(lines::whole(bytes));
        }
        let raw = self.left[0] + self.left[1];
        Some(whole_rows(bytes, raw, self.dialect))
    }

    fn reset(&mut self) {
        let Settings { csv_skip_rows, csv_metadata_rows, csv_header_row_count, .. } = self.settings;
        self.left = [csv_skip_rows, csv_metadata_rows, csv_header_row_count];
        self.metadata.clear();
        self.header = None;
        if self.settings.csv_column_names.is_empty() {
            self.header = Some(Vec::new());
        } else {
            self.set_columns(&self.settings.csv_column_names.clone());
        }
    }
}

impl Csv {
    /// Passes what stands before the rows, as far as it is still expected.
    fn start(&mut self, rows: &mut Rows<'_>) -> Result<(), ParseError> {
        while self.left[0] > 0 && rows.line().is_some() {
            self.left[0] -= 1;
        }
        while self.left[1] > 0
            && let Some(line) = rows.line()
        {
            self.left[1] -= 1;
            self.read_metadata(line);
        }
        let (text, mut fields) = (rows.text(), Vec::new());
        while self.left[2] > 0
            && let Some(row) = rows.next(&mut fields)
        {
            self.left[2] -= 1;
            if let Err((start, cause)) = row {
                let mut error = ParseError::default();
                error.add(0, text[start..].lines().next().unwrap_or_default(), format!("header: {cause}"));
                return Err(error);
            }
            let Some(header) = &mut self.header else { continue };
            for (i, field) in fields.iter().enumerate() {
                let name = field.text(text);
                let name = if self.settings.csv_trim_space { name.trim_matches(' ') } else { &name };
                match header.get_mut(i) {
                    Some(before) => before.push_str(name),
                    None => header.push(name.to_owned()),
                }
            }
        }
        if self.left[2] == 0
            && let Some(mut names) = self.header.take()
        {
            names.drain(..self.settings.csv_skip_columns.min(names.len()));
            self.set_columns(&names);
        }
        Ok(())
    }

    fn read_metadata(&mut self, line: &str) {
        let trim: Vec<char> = self.settings.csv_metadata_trim_set.chars().collect();
        for separator in &self.settings.csv_metadata_separators {
            if let Some((key, value)) = line.split_once(separator.as_str()) {
                let (key, value) = (key.trim_matches(&trim[..]), value.trim_matches(&trim[..]));
                if !key.is_empty() {
                    self.metadata.retain(|(other, _)| other != key);
                    self.metadata.push((key.to_owned(), value.to_owned()));
                    return;
                }
            }
        }
    }

    fn set_columns(&mut self, names: &[String]) {
        let s = &self.settings;
        self.columns = names
            .iter()
            .enumerate()
            .map(|(i, name)| {
                let kind = match s.csv_column_types.get(i).map(String::as_str) {
                    None if s.csv_column_types.is_empty() => Some(Type::Guess),
                    None => None,
                    Some("int") => Some(Type::Int),
                    Some("float") => Some(Type::Float),
                    Some("bool") => Some(Type::Bool),
                    Some(_) => Some(Type::Text),
                };
                let role = if s.csv_tag_columns.contains(name) {
                    Role::Tag
                } else if *name == s.csv_timestamp_column && !name.is_empty() {
                    Role::Time
                } else {
                    kind.map_or(Role::Untyped, |kind| {
                        Role::Field(kind, *name == s.csv_measurement_column && !name.is_empty())
                    })
                };
                Column { name: name.clone(), role }
            })
            .collect();
    }

    /// Adds the metric of a row.
    fn row(&self, text: &str, fields: &[Field], batch: &mut Batch) -> Result<(), String> {
        let name = self.metric_name(text, fields)?;
        let mut m = batch.metric(name.as_deref().unwrap_or(&self.name));
        match self.fill(text, fields, &mut m) {
            Ok(time) => {
                if let Some(time) = time {
                    drop(m.time(time));
                }
                Ok(())
            }
            Err(cause) => {
                m.discard();
                Err(cause)
            }
        }
    }

    /// The columns with their fields of a row.
    fn cells<'c>(&'c self, fields: &'c [Field]) -> impl Iterator<Item = (&'c Column, &'c Field)> {
        self.columns.iter().zip(fields.iter().skip(self.settings.csv_skip_columns))
    }

    /// What a field says; None if it is one to skip.
    fn value<'t>(&self, text: &'t str, field: &Field) -> Option<Cow<'t, str>> {
        let mut value = field.text(text);
        if self.settings.csv_trim_space && (value.starts_with(' ') || value.ends_with(' ')) {
            value = match value {
                Cow::Borrowed(value) => Cow::Borrowed(value.trim_matches(' ')),
                Cow::Owned(value) => Cow::Owned(value.trim_matches(' ').to_owned()),
            };
        }
        let skipped = self.settings.csv_skip_values.iter().any(|skip| *skip == value);
        (!skipped).then_some(value)
    }

    /// The name of the metric, where a column has it.
    fn metric_name(&self, text: &str, fields: &[Field]) -> Result<Option<String>, String> {
        let mut name = None;
        if self.settings.csv_measurement_column.is_empty() {
            return Ok(name);
        }
        for (column, field) in self.cells(fields) {
            if let Role::Field(kind, true) = column.role
                && let Some(value) = self.value(text, field).filter(|value| !value.is_empty())
            {
                name = Some(match convert(kind, &value)? {
                    Value::Str(text) => text.to_owned(),
                    value => printed(value),
                });
            }
        }
        Ok(name)
    }

    /// Adds the tags and fields; gives the time, where a column is to have it.
    fn fill(&self, text: &str, fields: &[Field], m: &mut metric::Builder<'_>) -> Result<Option<i64>, String> {
        let s = &self.settings;
        let metadata = |m: &mut metric::Builder<'_>| {
            self.metadata.iter().for_each(|(key, value)| m.add_tag(key, value));
        };
        // Of two tags of one name the last is kept.
        if s.csv_tag_overwrite {
            metadata(m);
        }
        let mut time = None;
        for (column, field) in self.cells(fields) {
            let Some(value) = self.value(text, field) else { continue };
            match column.role {
                Role::Tag => m.add_tag(&column.name, &value),
                Role::Time => time = Some(value),
                Role::Field(_, true) => {}
                Role::Field(kind, false) => {
                    let value = convert(kind, &value).map_err(|cause| format!("column {:?}: {cause}", column.name))?;
                    m.add_field(&column.name, value);
                }
                Role::Untyped => {
                    return Err(format!("column {:?}: there are more columns than csv_column_types", column.name));
                }
            }
        }
        if !s.csv_tag_overwrite {
            metadata(m);
        }
        if s.csv_timestamp_column.is_empty() {
            return Ok(None);
        }
        match time {
            None => Err(format!("csv_timestamp_column {:?} could not be found", s.csv_timestamp_column)),
            Some(time) => self.time.parse(Stamp::Text(&time), &self.zone).map(Some).map_err(|e| e.to_string()),
        }
    }
}
