//! Writes metrics as rows of tables, one table a measurement; tables and columns are made as metrics need them.
//!
//! SQLite is built in. What differs between databases (how to connect, how to ask for columns, what an error means) is in
//! `sqlite`; what they share (names, types, templates) is in `statements` and does no I/O. A write is one transaction in any
//! case, as that is what makes it fast; `batch_transactions` only says whether a row that is refused takes the others with it.

mod dsn;
mod rows;
mod sqlite;
mod statements;
#[cfg(test)]
mod tests;

use agent_api::*;
use rows::Outcome;
use schemars::JsonSchema;
use serde::Deserialize;
use sqlite::Sqlite;
use statements::{Statements, Style, Templates, Types};
use std::collections::HashSet;

register!(Entry::output::<Sql>());

/// The output.
struct Sql {
    settings: Settings,
    statements: Statements,
    database: Option<Sqlite>,
    /// Rows (series and time) that the database refused in the last write. A row is tried twice, as its table may be put right
    /// meanwhile; then it is rejected so that it cannot hold up the others.
    refused: HashSet<(u64, i64)>,
}

/// Which database, and how metrics become rows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The kind of database: `sqlite`.
    driver: String,
    /// Which database. For SQLite a file (`own.db`) or an address (`file:own.db?_pragma=journal_mode(WAL)`).
    data_source_name: Secret,
    /// Name of the column with the time; empty leaves the time out.
    timestamp_column: String,
    /// Statement that makes a table. `{TABLE}` is its name in quotes, `{TABLELITERAL}` its name as a text, `{COLUMNS}` all columns
    /// with their types, `{TAG_COLUMN_NAMES}` the columns of the tags, `{TIMESTAMP_COLUMN_NAME}` the one of the time.
    table_template: String,
    /// Statement that fails if a table is not there; `{TABLE}` is its name.
    table_exists_template: String,
    /// Statement that adds a column to a table (`ALTER TABLE {TABLE} ADD COLUMN {COLUMN}`); empty adds none, and rows with
    /// new columns are refused then.
    table_update_template: String,
    /// Statements that are run once connected.
    init_sql: String,
    /// Write all rows of a batch or none.
    batch_transactions: bool,
    /// Accepted for compatibility; there is one connection, which stays open.
    connection_max_idle_time: Duration,
    /// Accepted for compatibility; there is one connection, which stays open.
    connection_max_lifetime: Duration,
    /// Accepted for compatibility; there is one connection.
    connection_max_idle: i64,
    /// Accepted for compatibility; there is one connection.
    connection_max_open: i64,
    /// Types of columns.
    convert: Convert,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            driver: String::new(),
            data_source_name: Secret::default(),
            timestamp_column: "timestamp".to_owned(),
            table_template: "CREATE TABLE {TABLE}({COLUMNS})".to_owned(),
            table_exists_template: "SELECT 1 FROM {TABLE} LIMIT 1".to_owned(),
            table_update_template: String::new(),
            init_sql: String::new(),
            batch_transactions: false,
            connection_max_idle_time: Duration::default(),
            connection_max_lifetime: Duration::default(),
            connection_max_idle: 2,
            connection_max_open: 0,
            convert: Convert::default(),
        }
    }
}

/// The type of a column for each type of value.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Convert {
    /// For integers.
    integer: String,
    /// For floats.
    real: String,
    /// For texts and tags.
    text: String,
    /// For the time.
    timestamp: String,
    /// Accepted for compatibility: there is no value of another type.
    defaultvalue: String,
    /// For unsigned integers, see `conversion_style`.
    unsigned: String,
    /// For booleans.
    bool: String,
    /// How `unsigned` is used: `unsigned_suffix` puts it behind `integer`, `literal` takes it alone.
    conversion_style: String,
}

impl Default for Convert {
    fn default() -> Self {
        let text = str::to_owned;
        Convert {
            integer: text("INT"),
            real: text("DOUBLE"),
            text: text("TEXT"),
            timestamp: text("TIMESTAMP"),
            defaultvalue: text("TEXT"),
            unsigned: text("UNSIGNED"),
            bool: text("BOOL"),
            conversion_style: text("unsigned_suffix"),
        }
    }
}

/// Drivers that Telegraf has and this agent has not.
const ABSENT: [&str; 6] = ["clickhouse", "mssql", "mysql", "pgx", "snowflake", "postgres"];

impl Plugin for Sql {
    const NAME: &'static str = "sql";
    const ABOUT: &'static str = "Writes metrics to tables of an SQL database.";
    type Settings = Settings;

    fn new(settings: Settings, _: &Env) -> Result<Self> {
        match settings.driver.as_str() {
            "sqlite" => {}
            "" => bail!("driver is not set, expected sqlite"),
            absent if ABSENT.contains(&absent) => bail!("driver {absent:?} is not built yet, only sqlite is"),
            other => bail!("driver {other:?} is unknown, expected sqlite"),
        }
        ensure!(!settings.data_source_name.is_empty(), "data_source_name is not set");
        let c = settings.convert.clone();
        let style = match c.conversion_style.as_str() {
            "" | "unsigned_suffix" => Style::Suffix,
            "literal" => Style::Literal,
            other => bail!("conversion_style {other:?} is none of unsigned_suffix, literal"),
        };
        let unsigned = match style {
            Style::Suffix => format!("{} {}", c.integer, c.unsigned),
            Style::Literal => c.unsigned,
        };
        let types = Types { integer: c.integer, real: c.real, text: c.text, time: c.timestamp, unsigned, bool: c.bool };
        let templates = Templates {
            table: settings.table_template.clone(),
            exists: settings.table_exists_template.clone(),
            update: settings.table_update_template.clone(),
        };
        let statements = Statements { types, templates, time: settings.timestamp_column.clone() };
        Ok(Sql { settings, statements, database: None, refused: HashSet::new() })
    }
}

impl Output for Sql {
    async fn open(&mut self) -> Result<(), StartError> {
        self.database = None;
        let dsn = self.settings.data_source_name.reveal()?;
        let init = &self.settings.init_sql;
        let opened = plugin::blocking(|| Sqlite::open(&dsn, init));
        self.database = Some(opened.map_err(|e| match Sqlite::is_busy(&e) {
            true => StartError::Retry(e),
            false => StartError::Fatal(e),
        })?);
        Ok(())
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let Some(database) = &mut self.database else { return Err(WriteError::retry(anyhow!("not connected"))) };
        let (refused, all_or_none) = (std::mem::take(&mut self.refused), self.settings.batch_transactions);
        let known = |m: MetricRef<'_>| refused.contains(&(m.series(), m.time()));
        let outcome = plugin::blocking(|| database.write(&self.statements, metrics, all_or_none, &known))?;
        let Outcome { done, refused: now, cause } = outcome;
        let Some(cause) = cause else { return Ok(()) };
        let (rejected, kept): (Vec<usize>, Vec<usize>) = now.into_iter().partition(|&i| known(metrics.at(i)));
        self.refused = kept.iter().map(|&i| (metrics.at(i).series(), metrics.at(i).time())).collect();
        let out = |i: &usize| rejected.binary_search(i).is_err() && kept.binary_search(i).is_err();
        let written = if done { (0..metrics.len()).filter(out).collect() } else { Vec::new() };
        Err(WriteError::Partial { written, rejected, cause })
    }
}
