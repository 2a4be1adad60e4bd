//! SQLite, compiled in. Everything here blocks: call it where that is allowed.

use super::dsn::{Dsn, TimeFormat};
use super::rows::Outcome;
use super::statements::Statements;
use agent_api::{Chunk, Context, Error, MetricRef, Result, Value, anyhow};
use agent_golang::time::{Layout, Zone};
use rusqlite::types::Null;
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// How long a database that another program writes to is waited for, unless a pragma says otherwise.
const BUSY: Duration = Duration::from_secs(5);
/// Statements that are kept prepared: one for each table and set of columns.
const PREPARED: usize = 256;
/// Tables whose columns are remembered; beyond that all are asked for again.
const KNOWN: usize = 10_000;

/// An open database.
pub(super) struct Sqlite {
    connection: Connection,
    time: TimeFormat,
    layout: Layout,
    begin: &'static str,
    /// The columns of the tables that are known to be there; none are kept where columns are never added.
    tables: HashMap<String, HashSet<String>>,
}

impl Sqlite {
    /// Opens or makes a database and runs `init` in it.
    pub(super) fn open(dsn: &str, init: &str) -> Result<Self> {
        let dsn = Dsn::parse(dsn)?;
        let flags = OpenFlags::default();
        let connection =
            Connection::open_with_flags(&dsn.path, flags).with_context(|| format!("open {:?}", dsn.path))?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(PREPARED);
        for pragma in &dsn.pragmas {
            run(&connection, pragma).with_context(|| format!("data_source_name: {pragma}"))?;
        }
        connection.execute_batch(init).context("run init_sql")?;
        let layout = Layout::parse_spec(match dsn.time {
            TimeFormat::Sqlite => "2006-01-02 15:04:05.999999999-07:00",
            _ => "2006-01-02 15:04:05.999999999 -0700 MST",
        });
        Ok(Sqlite { connection, time: dsn.time, layout, begin: dsn.begin, tables: HashMap::new() })
    }

    /// True if it was another who had the database for himself just then.
    pub(super) fn is_busy(error: &Error) -> bool {
        let code = error.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
        matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
    }

    /// Writes metrics in one transaction. A row that is refused is left out, unless it takes all others with it: `all_or_none`
    /// says so, and `known` whether the row is one that was refused before. An error means that nothing was written.
    pub(super) fn write(
        &mut self,
        statements: &Statements,
        metrics: &Chunk,
        all_or_none: bool,
        known: &dyn Fn(MetricRef<'_>) -> bool,
    ) -> Result<Outcome> {
        // Tables are made before the transaction, so that they stay where it is taken back.
        let mut failed: HashMap<&str, String> = HashMap::new();
        for metric in metrics.iter() {
            if let Err(refusal) = self.prepare_table(statements, metric) {
                failed.insert(metric.name(), refusal.refused()?);
            }
        }
        self.connection.execute_batch(self.begin).context("begin a transaction")?;
        match self.insert_all(statements, metrics, all_or_none, known, &failed) {
            Ok(outcome) if outcome.done => {
                self.connection.execute_batch("COMMIT").or_else(|e| {
                    self.roll_back();
                    Err(e).context("commit")
                })?;
                Ok(outcome)
            }
            other => {
                self.roll_back();
                other
            }
        }
    }

    /// Nothing can be done where this fails: SQLite has taken the transaction back by itself then.
    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            let _taken_back_already = self.connection.execute_batch("ROLLBACK");
        }
    }

    fn insert_all(
        &mut self,
        statements: &Statements,
        metrics: &Chunk,
        all_or_none: bool,
        known: &dyn Fn(MetricRef<'_>) -> bool,
        failed: &HashMap<&str, String>,
    ) -> Result<Outcome> {
        let mut outcome = Outcome { done: true, ..Outcome::default() };
        let (mut text, mut time) = (String::new(), String::new());
        for (place, metric) in metrics.iter().enumerate() {
            let refusal = match failed.get(metric.name()) {
                Some(why) => Some(anyhow!("{why}")),
                None => match self.insert(statements, metric, &mut text, &mut time) {
                    Ok(()) => None,
                    Err(e) => Some(anyhow!("insert into {:?}: {}", metric.name(), Refusal::from(e).refused()?)),
                },
            };
            if let Some(cause) = refusal {
                // The table may have changed behind our back.
                self.tables.remove(metric.name());
                outcome.done &= !all_or_none || known(metric);
                outcome.refuse(place, || cause);
            }
        }
        Ok(outcome)
    }

    fn insert(
        &self,
        statements: &Statements,
        metric: MetricRef<'_>,
        text: &mut String,
        time: &mut String,
    ) -> rusqlite::Result<()> {
        statements.insert(metric, text);
        let mut statement = self.connection.prepare_cached(text)?;
        let mut column = 1;
        if !statements.time.is_empty() {
            self.bind_time(metric.time(), time, &mut statement)?;
            column += 1;
        }
        for (_, value) in metric.tags() {
            statement.raw_bind_parameter(column, value)?;
            column += 1;
        }
        for (_, value) in metric.fields() {
            match value {
                // SQLite has no NaN.
                Value::Float(v) if v.is_nan() => statement.raw_bind_parameter(column, Null)?,
                Value::Float(v) => statement.raw_bind_parameter(column, v)?,
                Value::Int(v) => statement.raw_bind_parameter(column, v)?,
                Value::Uint(v) => match i64::try_from(v) {
                    Ok(v) => statement.raw_bind_parameter(column, v)?,
                    Err(_) => return Err(rusqlite::Error::ToSqlConversionFailure(TOO_LARGE.into())),
                },
                Value::Bool(v) => statement.raw_bind_parameter(column, v)?,
                Value::Str(v) => statement.raw_bind_parameter(column, v)?,
            }
            column += 1;
        }
        statement.raw_execute().map(drop)
    }

    fn bind_time(&self, time: i64, text: &mut String, statement: &mut Statement<'_>) -> rusqlite::Result<()> {
        if let TimeFormat::Whole(unit) = self.time {
            return statement.raw_bind_parameter(1, time.div_euclid(unit));
        }
        text.clear();
        self.layout.format_into(time, &Zone::Utc, text);
        statement.raw_bind_parameter(1, text.as_str())
    }

    /// Makes the table of a metric, or the columns that it lacks.
    fn prepare_table(&mut self, statements: &Statements, metric: MetricRef<'_>) -> Result<(), Refusal> {
        let (name, updates) = (metric.name(), statements.updates());
        if !self.tables.contains_key(name) {
            match run(&self.connection, &statements.exists(name)) {
                Ok(()) => {}
                Err(e) if is_refusal(&e) => run(&self.connection, &statements.create(metric))
                    .map_err(|e| Refusal::from(e).because(format_args!("create table {name:?}")))?,
                Err(e) => return Err(e.into()),
            }
            if self.tables.len() >= KNOWN {
                self.tables.clear();
            }
            let columns = if updates { self.columns(name)? } else { HashSet::new() };
            self.tables.insert(name.to_owned(), columns);
        }
        if !updates {
            return Ok(());
        }
        for (column, kind) in statements.columns(metric) {
            let Some(columns) = self.tables.get_mut(name) else { break };
            // SQLite takes names that differ in the case of ASCII letters for one.
            if !columns.contains(&column.to_ascii_lowercase()) {
                run(&self.connection, &statements.add_column(name, column, kind))
                    .map_err(|e| Refusal::from(e).because(format_args!("add column {column:?} to {name:?}")))?;
                columns.insert(column.to_ascii_lowercase());
            }
        }
        Ok(())
    }

    fn columns(&self, table: &str) -> rusqlite::Result<HashSet<String>> {
        let mut statement = self.connection.prepare_cached("SELECT name FROM pragma_table_info(?)")?;
        let names = statement.query_map([table], |row| row.get::<_, String>(0))?;
        names.map(|name| Ok(name?.to_ascii_lowercase())).collect()
    }
}

/// SQLite's integers are signed; a larger number would change.
const TOO_LARGE: &str = "an unsigned value is larger than 9223372036854775807";

/// Runs a statement whether it gives rows or not.
fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}

/// An error of the database, with what was to be done.
struct Refusal {
    error: rusqlite::Error,
    doing: String,
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Refusal { error, doing: String::new() }
    }
}

impl Refusal {
    fn because(mut self, doing: std::fmt::Arguments<'_>) -> Self {
        self.doing = format!("{doing}: ");
        self
    }

    /// The reason, if it concerns the row or its table alone; any other error is one of the whole write.
    fn refused(self) -> Result<String> {
        match is_refusal(&self.error) {
            true => Ok(format!("{}{}", self.doing, self.error)),
            false => Err(Error::from(self.error).context(format!("{}the database fails", self.doing))),
        }
    }
}

/// True if another row may well be taken: the fault is in the row or its table, not in the file or the disk.
fn is_refusal(e: &rusqlite::Error) -> bool {
    match e {
        rusqlite::Error::SqliteFailure(e, _) => matches!(
            e.code,
            // `Unknown` is what rusqlite makes of SQLITE_ERROR: no such table, no such column, a fault in the statement.
            ErrorCode::Unknown
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::TooBig
                | ErrorCode::ParameterOutOfRange
        ),
        _ => true,
    }
}
