//! Writing: a metric is a row of its time, name, tags and fields, or of the columns that are asked for.

use agent_api::*;
use agent_golang::number::{FloatStyle, append_float, append_int, append_uint};
use agent_golang::time::{TimestampFormat, Zone};
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::serializer::<Writer>());

/// How rows are written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How the time is written: `unix`, `unix_ms`, `unix_us`, `unix_ns`, or a layout or the name of a layout of Go, in UTC.
    csv_timestamp_format: String,
    /// Character between two values.
    csv_separator: String,
    /// Writes a header before the first row: of the first metric's columns, unless `csv_columns` are given.
    csv_header: bool,
    /// Puts `tag_` and `field_` before the names of tags and fields in the header.
    csv_column_prefix: bool,
    /// Columns in their order: `timestamp`, `name`, `tag.KEY`, `field.KEY`; without them time, name, all tags and all fields are written.
    csv_columns: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            csv_timestamp_format: "unix".to_owned(),
            csv_separator: ",".to_owned(),
            csv_header: false,
            csv_column_prefix: false,
            csv_columns: Vec::new(),
        }
    }
}

/// The serializer of CSV.
pub struct Writer {
    separator: u8,
    format: TimestampFormat,
    /// Whether the header is still to be written.
    header: bool,
    prefix: bool,
    columns: Vec<Column>,
}

enum Column {
    Time,
    Name,
    Tag(String),
    Field(String),
}

impl Plugin for Writer {
    const NAME: &'static str = "csv";
    const ABOUT: &'static str = "Comma-separated values, a row a metric.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        let separator = match settings.csv_separator.as_bytes() {
            [] => b',',
            [b] if !matches!(b, b'"' | b'\r' | b'\n') => *b,
            _ => bail!("csv_separator: invalid separator {:?}", settings.csv_separator),
        };
        let format = match settings.csv_timestamp_format.as_str() {
            "" => TimestampFormat::Unix,
            text => TimestampFormat::parse_spec(text),
        };
        if let TimestampFormat::Layout(layout) = &format {
            ensure!(layout.has_elements(), "csv_timestamp_format: invalid layout {:?}", settings.csv_timestamp_format);
        }
        let columns = settings.csv_columns.iter().map(|column| {
            Ok(match (column.as_str(), column.split_once('.')) {
                ("timestamp", _) => Column::Time,
                ("name", _) => Column::Name,
                (_, Some(("tag", key))) => Column::Tag(key.to_owned()),
                (_, Some(("field", key))) => Column::Field(key.to_owned()),
                _ => bail!("csv_columns: invalid column {column:?}"),
            })
        });
        Ok(Writer {
            separator,
            format,
            header: settings.csv_header,
            prefix: settings.csv_column_prefix,
            columns: columns.collect::<Result<_>>()?,
        })
    }
}

impl Serializer for Writer {
    fn serialize(&mut self, metric: MetricRef<'_>, out: &mut Vec<u8>) -> Result<()> {
        if std::mem::take(&mut self.header) {
            self.header(metric, out);
        }
        if self.columns.is_empty() {
            self.time(metric, out);
            self.next(metric.name(), out);
            for (_, value) in metric.tags() {
                self.next(value, out);
            }
            for (_, value) in sorted(metric) {
                out.push(self.separator);
                self.value(value, out);
            }
        } else {
            for (i, column) in self.columns.iter().enumerate() {
                if i > 0 {
                    out.push(self.separator);
                }
                match column {
                    Column::Time => self.time(metric, out),
                    Column::Name => self.text(metric.name(), out),
                    Column::Tag(key) => self.text(metric.tag(key).unwrap_or_default(), out),
                    Column::Field(key) => {
                        if let Some(value) = metric.field(key) {
                            self.value(value, out);
                        }
                    }
                }
            }
        }
        out.push(b'\n');
        Ok(())
    }
}

fn sorted(metric: MetricRef<'_>) -> Vec<(&str, Value<'_>)> {
    let mut fields: Vec<_> = metric.fields().collect();
    fields.sort_by_key(|field| field.0);
    fields
}

impl Writer {
    fn header(&self, metric: MetricRef<'_>, out: &mut Vec<u8>) {
        let (tag, field) = if self.prefix { ("tag_", "field_") } else { ("", "") };
        let names: Vec<String> = if self.columns.is_empty() {
            let tags = metric.tags().map(|(key, _)| format!("{tag}{key}"));
            let fields = sorted(metric).into_iter().map(|(key, _)| format!("{field}{key}"));
            ["timestamp".to_owned(), "measurement".to_owned()].into_iter().chain(tags).chain(fields).collect()
        } else {
            let name = |column: &Column| match column {
                Column::Time => "timestamp".to_owned(),
                Column::Name => "name".to_owned(),
                Column::Tag(key) => format!("{tag}{key}"),
                Column::Field(key) => format!("{field}{key}"),
            };
            self.columns.iter().map(name).collect()
        };
        for (i, name) in names.iter().enumerate() {
            if i > 0 {
                out.push(self.separator);
            }
            self.text(name, out);
        }
        out.push(b'\n');
    }

    fn time(&self, metric: MetricRef<'_>, out: &mut Vec<u8>) {
        match self.format.units(metric.time()) {
            Some(units) => append_int(units, out),
            None => {
                let mut text = String::new();
                self.format.format_into(metric.time(), &Zone::Utc, &mut text);
                self.text(&text, out);
            }
        }
    }

    fn next(&self, text: &str, out: &mut Vec<u8>) {
        out.push(self.separator);
        self.text(text, out);
    }

    fn value(&self, value: Value<'_>, out: &mut Vec<u8>) {
        match value {
            Value::Float(v) => append_float(v, FloatStyle::Plain, out),
            Value::Int(v) => append_int(v, out),
            Value::Uint(v) => append_uint(v, out),
            Value::Bool(v) => out.extend_from_slice(if v { b"true" } else { b"false" }),
            Value::Str(v) => self.text(v, out),
        }
    }

    /// Writes a text, in quotes where it must be, or where it would read as something else: with white space in front, and `\.`, which
    /// ends the data of some databases.
    fn text(&self, text: &str, out: &mut Vec<u8>) {
        let quoted = text == "\\."
            || text.starts_with(char::is_whitespace)
            || text.bytes().any(|b| b == self.separator || matches!(b, b'"' | b'\r' | b'\n'));
        if !quoted {
            out.extend_from_slice(text.as_bytes());
            return;
        }
        out.push(b'"');
        for b in text.bytes() {
            if b == b'"' {
                out.push(b'"');
            }
            out.push(b);
        }
        out.push(b'"');
    }
}
