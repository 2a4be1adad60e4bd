//! Reading: rows are put together from the columns of each group of rows.

use super::columns::{Cell, Column};
use crate::scalar::default_name;
use agent_api::metric::Builder;
use agent_api::*;
use agent_golang::time::{Stamp, TimestampFormat, Zone};
use parquet::file::reader::{FileReader, SerializedFileReader};
use schemars::JsonSchema;
use serde::Deserialize;
use std::panic::{AssertUnwindSafe, catch_unwind};

register!(Entry::parser::<Parquet>());

/// Which columns are what.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Column that holds the name of the metric; the name of the plugin without it.
    measurement_column: String,
    /// Columns that become tags.
    tag_columns: Vec<String>,
    /// Column that holds the time; nothing for the time of collection.
    timestamp_column: String,
    /// How the time is written: `unix`, `unix_ms`, `unix_us`, `unix_ns`, or a layout or the name of a layout of Go.
    timestamp_format: String,
    /// Zone of times that have none; UTC without it.
    timestamp_timezone: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            measurement_column: String::new(),
            tag_columns: Vec::new(),
            timestamp_column: String::new(),
            timestamp_format: "unix".to_owned(),
            timestamp_timezone: String::new(),
        }
    }
}

/// The parser of Parquet.
pub struct Parquet {
    name: String,
    settings: Settings,
    format: TimestampFormat,
    zone: Zone,
}

/// Rows that are put together at a time.
const ROWS: usize = 1000;
/// A document may have so many rows: a few bytes can stand for very many that are alike.
const MOST: i64 = 50_000_000;

impl Plugin for Parquet {
    const NAME: &'static str = "parquet";
    const ABOUT: &'static str = "Parquet files, a metric for each row.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let format = if settings.timestamp_format.is_empty() { "unix" } else { &settings.timestamp_format };
        let format = TimestampFormat::parse_spec(format);
        let zone = Zone::parse(&settings.timestamp_timezone).context("timestamp_timezone")?;
        Ok(Parquet { name: default_name(env), settings, format, zone })
    }
}

impl Parser for Parquet {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        let bytes = bytes::Bytes::copy_from_slice(body.bytes());
        let mut errors = ParseError::default();
        // The crate that reads has met broken files that made it panic; such a file is an error like any other.
        let read = catch_unwind(AssertUnwindSafe(|| self.file(bytes, out, &mut errors)));
        match read {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => errors.add(0, "", format_args!("read Parquet: {cause:#}")),
            Err(_) => errors.add(0, "", "read Parquet: the file is broken"),
        }
        errors.or_ok()
    }
}

impl Parquet {
    fn file(&self, bytes: bytes::Bytes, out: &mut Collector, errors: &mut ParseError) -> Result<()> {
        let reader = SerializedFileReader::new(bytes)?;
        let rows = reader.metadata().file_metadata().num_rows();
        ensure!(rows <= MOST, "{rows} rows are more than {MOST}");
        let mut before = 0;
        for i in 0..reader.num_row_groups() {
            let group = reader.get_row_group(i)?;
            let descriptor = group.metadata().schema_descr();
            let columns =
                (0..group.num_columns()).map(|i| Ok(Column::new(&descriptor.column(i), group.get_column_reader(i)?)));
            let mut columns = columns.collect::<Result<Vec<Column>>>()?;
            loop {
                let mut read = 0;
                for column in &mut columns {
                    let rows = column.read(ROWS).with_context(|| format!("column {:?}", column.name))?;
                    read = read.max(rows);
                }
                if read == 0 {
                    break;
                }
                for row in 0..read {
                    if let Err(cause) = self.row(&mut columns, row, out) {
                        errors.add(0, "", format_args!("row {}: {cause}", before + row + 1));
                    }
                    out.checkpoint();
                }
                before += read;
                ensure!(before as i64 <= MOST, "more than {MOST} rows");
            }
        }
        Ok(())
    }

    /// Adds the metric of a row.
    fn row(&self, columns: &mut [Column], row: usize, out: &mut Collector) -> Result<(), String> {
        let own = &self.settings;
        let (mut name, mut time) = (None, Ok(None));
        for column in columns.iter_mut() {
            let is = |option: &String| !option.is_empty() && column.name == *option;
            if is(&own.measurement_column) {
                column.row(row, |_, cell| name = Some(cell.text().into_owned()));
            } else if is(&own.timestamp_column) {
                column.row(row, |_, cell| {
                    let text = cell.text();
                    let read = self.format.parse(Stamp::Text(&text), &self.zone);
                    time = read.map(Some).map_err(|e| format!("timestamp_column: {e}"));
                });
            }
        }
        let mut m = out.metric(name.as_deref().unwrap_or(&self.name));
        for column in columns.iter_mut() {
            // What was taken for the name or the time gives no value again.
            let tag = own.tag_columns.contains(&column.name);
            column.row(row, |name, cell| if tag { m.add_tag(name, &cell.text()) } else { field(&mut m, name, cell) });
        }
        match time {
            Ok(Some(time)) => drop(m.time(time)),
            Ok(None) => {}
            Err(cause) => {
                m.discard();
                return Err(cause);
            }
        }
        Ok(())
    }
}

fn field(m: &mut Builder<'_>, name: &str, cell: &Cell) {
    match cell {
        Cell::Bool(value) => m.add_field(name, *value),
        Cell::Int(value) => m.add_field(name, *value),
        Cell::Uint(value) => m.add_field(name, *value),
        Cell::Float(value) => m.add_field(name, *value),
        Cell::Float32(value) => m.add_field(name, f64::from(*value)),
        Cell::Text(value) => m.add_field(name, value.as_str()),
    }
}
