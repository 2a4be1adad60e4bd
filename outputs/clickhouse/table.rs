//! What columns a table has, and the statements that make tables and columns.

use super::Settings;
use super::server::{Failure, Server};
use agent_api::{Context, MetricRef, Result, Value, anyhow};
use serde::Deserialize;
use std::collections::HashSet;
use std::fmt::Write;

/// A table as it is.
#[derive(Debug)]
pub(super) struct Table {
    name: String,
    /// In the order of the table.
    pub(super) columns: Vec<Column>,
    known: HashSet<String>,
}

/// A column.
#[derive(Debug, Deserialize)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its type as ClickHouse writes it.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// `DEFAULT`, or what keeps it from being written: `MATERIALIZED`, `ALIAS`, `EPHEMERAL`.
    #[serde(default)]
    default_type: String,
}

impl Table {
    /// Looks for a table and makes it where it is not there, as wide as the metrics need it.
    pub(super) async fn find<'a>(
        server: &Server,
        name: &str,
        settings: &Settings,
        metrics: impl Iterator<Item = MetricRef<'a>>,
    ) -> Result<Self, Failure> {
        let mut table = Table { name: name.to_owned(), columns: Vec::new(), known: HashSet::new() };
        table.look(server).await?;
        if table.columns.is_empty() {
            if !settings.create {
                return Err(Failure::for_good(anyhow!("there is no table {name:?}")));
            }
            let statement = table.create(settings, server.has_long_times(), metrics);
            server.run(&statement).await.map_err(|f| f.context(format!("make table {name:?}")))?;
            table.look(server).await?;
            if table.columns.is_empty() {
                return Err(Failure::passing(anyhow!("table {name:?} was made and is not there")));
            }
        }
        Ok(table)
    }

    /// Makes the columns that metrics need and the table does not have.
    pub(super) async fn complete<'a>(
        &mut self,
        server: &Server,
        settings: &Settings,
        metrics: impl Iterator<Item = MetricRef<'a>>,
    ) -> Result<(), Failure> {
        let missing = self.missing(settings, metrics);
        if missing.is_empty() {
            return Ok(());
        }
        let add: Vec<String> =
            missing.iter().map(|(name, kind)| format!("ADD COLUMN {} {kind}", quoted(name))).collect();
        let statement = format!("ALTER TABLE {} {}", quoted(&self.name), add.join(", "));
        let changed = server.run(&statement).await;
        // Where another agent was quicker the columns are there, whatever the answer.
        self.look(server).await?;
        match changed {
            Err(failure) if missing.iter().any(|(name, _)| !self.known.contains(name)) => {
                Err(failure.context(format!("add columns to table {:?}", self.name)))
            }
            _ => Ok(()),
        }
    }

    async fn look(&mut self, server: &Server) -> Result<(), Failure> {
        // Not from `system.columns`, which needs a right of its own.
        let statement = format!("DESCRIBE TABLE {} FORMAT JSONEachRow", quoted(&self.name));
        let text = match server.ask(&statement).await {
            Ok(text) => text,
            Err(failure) if failure.is_no_table() => return Ok(()),
            Err(failure) => return Err(failure.context(format!("look at table {:?}", self.name))),
        };
        self.columns = columns(&text).map_err(Failure::passing)?;
        self.known = self.columns.iter().map(|c| c.name.clone()).collect();
        Ok(())
    }

    /// Columns of metrics that the table does not have, with the types that they are to have.
    fn missing<'a>(&self, settings: &Settings, metrics: impl Iterator<Item = MetricRef<'a>>) -> Vec<(String, String)> {
        let (mut missing, mut seen) = (Vec::new(), HashSet::new());
        for metric in metrics {
            let tags = metric.tags().map(|(key, _)| (key, "String"));
            let fields = metric.fields().map(|(key, value)| (key, kind(value)));
            for (key, kind) in tags.chain(fields) {
                if !self.known.contains(key) && !seen.contains(key) {
                    let kind = settings.columns.get(key).map_or(kind, String::as_str);
                    missing.push((key.to_owned(), kind.to_owned()));
                    seen.insert(key.to_owned());
                }
            }
        }
        missing
    }

    /// The statement that makes the table.
    fn create<'a>(
        &self,
        settings: &Settings,
        has_long_times: bool,
        metrics: impl Iterator<Item = MetricRef<'a>>,
    ) -> String {
        let time = &settings.timestamp_column;
        let time_kind = if has_long_times { "DateTime64(9, 'UTC')" } else { "DateTime" };
        let time_kind = settings.columns.get(time).map_or(time_kind, String::as_str);
        let metrics: Vec<_> = metrics.collect();
        let mut tags: Vec<String> = Vec::new();
        for (key, _) in metrics.iter().flat_map(|m| m.tags()) {
            if !tags.iter().any(|tag| tag == key) {
                tags.push(key.to_owned());
            }
        }
        let mut columns = format!("{} {time_kind}", quoted(time));
        for (name, kind) in self.missing(settings, metrics.into_iter()).iter().filter(|(name, _)| name != time) {
            let _to_memory = write!(columns, ", {} {kind}", quoted(name));
        }
        let key: Vec<String> = tags.iter().filter(|tag| *tag != time).chain([time]).map(|name| quoted(name)).collect();
        settings
            .table_template
            .replace("{TABLE}", &quoted(&self.name))
            .replace("{COLUMNS}", &columns)
            .replace("{KEY_COLUMN_NAMES}", &key.join(", "))
            .replace("{TIMESTAMP_COLUMN_NAME}", &quoted(time))
    }
}

/// The columns that may be written, of an answer to `DESCRIBE`.
fn columns(text: &str) -> Result<Vec<Column>> {
    let mut columns = Vec::new();
    for line in text.lines() {
        let column: Column = serde_json::from_str(line).context("read the columns of a table")?;
        if !matches!(column.default_type.as_str(), "MATERIALIZED" | "ALIAS" | "EPHEMERAL") {
            columns.push(column);
        }
    }
    Ok(columns)
}

/// The type of the column of a field. A metric may lack it.
fn kind(value: Value<'_>) -> &'static str {
    match value {
        Value::Float(_) => "Nullable(Float64)",
        Value::Int(_) => "Nullable(Int64)",
        Value::Uint(_) => "Nullable(UInt64)",
        Value::Bool(_) => "Nullable(UInt8)",
        Value::Str(_) => "Nullable(String)",
    }
}

/// A name in the quotes of ClickHouse.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}
