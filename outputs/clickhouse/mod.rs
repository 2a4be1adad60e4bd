//! Writes metrics as rows into ClickHouse, over HTTP; tables and columns are made as metrics need them.
//!
//! `rows` makes the body of an insert and does no I/O; `table` knows what columns a table has and how to make more; `server` asks and says what
//! an error means. Rows travel as tab-separated text: for flows it takes the server as little time as its binary form and a good half of
//! JSON's, and a number fits into any column of numbers (measured, see the README).

mod rows;
mod server;
mod table;
#[cfg(test)]
mod tests;

use agent_api::options::With;
use agent_api::*;
use agent_formats::templated::MetricTemplate;
use agent_net::client::{Address, Proxy, Redirects, Setup, Transport};
use agent_net::coding::Coding;
use agent_net::tls::ClientTls;
use schemars::JsonSchema;
use serde::Deserialize;
use server::{Failure, Server};
use std::collections::{BTreeMap, HashMap};
use table::Table;

register!(Entry::output::<Clickhouse>());

/// The output.
struct Clickhouse {
    settings: Settings,
    table: MetricTemplate,
    setup: Setup,
    address: Address,
    coding: Coding,
    server: Option<Server>,
    tables: HashMap<String, Table>,
    log: Log,
}

/// Where rows go, and what the tables are like.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Address of the HTTP interface.
    url: String,
    /// Database; it has to be there.
    database: String,
    /// User.
    username: Secret,
    /// Password.
    password: Secret,
    /// Go template that gives the table of a metric: `{{ .Name }}`, `{{ .Tag "key" }}` and the functions of Go and sprig.
    table: String,
    /// Make tables and columns that are missing. Otherwise metrics without a table are refused, and what has no column is left out.
    create: bool,
    /// Statement that makes a table. `{TABLE}` is its name in quotes, `{COLUMNS}` all columns with their types, `{KEY_COLUMN_NAMES}` those of
    /// the tags and the time, `{TIMESTAMP_COLUMN_NAME}` the one of the time.
    table_template: String,
    /// Name of the column with the time; its type is `DateTime64(9, 'UTC')`, or `DateTime` before ClickHouse 20.1.
    timestamp_column: String,
    /// Types of columns by their names, where they are not to be those of the metric: `Nullable(Int64)`, `Nullable(UInt64)`, `Nullable(Float64)`,
    /// `Nullable(String)`, `Nullable(Bool)` of fields, `String` of tags.
    columns: BTreeMap<String, String>,
    /// Let the server gather the rows of many inserts (`async_insert`, ClickHouse 21.11 or later). It answers when they are stored.
    async_insert: bool,
    /// Settings of ClickHouse for inserts, such as `max_insert_block_size`.
    settings: BTreeMap<String, String>,
    /// How bodies are packed: `identity`, `gzip` or `zstd`.
    content_encoding: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            url: "http://127.0.0.1:8123".to_owned(),
            database: "default".to_owned(),
            username: Secret::default(),
            password: Secret::default(),
            table: "{{ .Name }}".to_owned(),
            create: true,
            table_template: "CREATE TABLE IF NOT EXISTS {TABLE} ({COLUMNS}) ENGINE = MergeTree \
                PARTITION BY toYYYYMM({TIMESTAMP_COLUMN_NAME}) ORDER BY ({KEY_COLUMN_NAMES})"
                .to_owned(),
            timestamp_column: "timestamp".to_owned(),
            columns: BTreeMap::new(),
            async_insert: false,
            settings: BTreeMap::new(),
            content_encoding: "identity".to_owned(),
        }
    }
}

impl Plugin for Clickhouse {
    const NAME: &'static str = "clickhouse";
    const ABOUT: &'static str = "Writes metrics as rows into ClickHouse.";
    type Settings = With<Settings, With<Transport, With<Proxy, ClientTls>>>;

    fn new(With { own: settings, shared }: Self::Settings, env: &Env) -> Result<Self> {
        let (transport, proxy, tls) = (shared.own, shared.shared.own, shared.shared.shared);
        let setup = Setup { transport, proxy, tls, redirects: Redirects::KeepMethod, ..Setup::default() };
        setup.check()?;
        ensure!(!settings.database.is_empty(), "database is required");
        ensure!(!settings.timestamp_column.is_empty(), "timestamp_column is required");
        ensure!(settings.table_template.contains("{TABLE}"), "table_template: no {{TABLE}} in it");
        for (name, kind) in &settings.columns {
            // The type goes into statements as it is.
            let good = |c: char| c.is_ascii_alphanumeric() || "(), '/_+-".contains(c);
            ensure!(!kind.is_empty() && kind.chars().all(good), "columns: {kind:.60?} of {name:?} is no type");
        }
        for name in settings.settings.keys() {
            let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
            ensure!(!name.is_empty() && name.chars().all(good), "settings: {name:.60?} is no setting of ClickHouse");
        }
        Ok(Clickhouse {
            table: MetricTemplate::compile(&settings.table).context("table")?,
            address: Address::parse(&settings.url).context("url")?,
            coding: Coding::of_option("content_encoding", &settings.content_encoding)?,
            setup,
            server: None,
            tables: HashMap::new(),
            log: env.log.clone(),
            settings,
        })
    }

    fn migrate(table: &mut agent_api::Table, notes: &mut Vec<String>) {
        agent_net::tls::migrate(table, notes);
    }
}

impl Output for Clickhouse {
    async fn open(&mut self) -> Result<(), StartError> {
        let client = self.setup.build(self.address.socket.as_deref())?;
        let server = Server::new(client, &self.address, &self.settings, self.coding);
        // Whoever does not answer this now may later.
        self.server = Some(server.greet().await.map_err(|failure| StartError::Retry(failure.cause))?);
        Ok(())
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let mut done = Done::default();
        for (name, places) in self.groups(metrics, &mut done) {
            if let Err(failure) = self.insert_all(&name, metrics, places, &mut done).await {
                return Err(done.interrupted(failure));
            }
        }
        done.result()
    }
}

/// What became of the metrics of a write, by their places in the chunk.
#[derive(Default)]
struct Done {
    written: Vec<usize>,
    rejected: Vec<usize>,
    /// Why the first was rejected.
    why: Option<Error>,
}

impl Done {
    fn reject(&mut self, places: Vec<usize>, cause: Error) {
        self.rejected.extend(places);
        self.why.get_or_insert(cause);
    }

    fn result(mut self) -> Result<(), WriteError> {
        self.rejected.sort_unstable();
        match self.why {
            None => Ok(()),
            Some(cause) => Err(WriteError::Reject { indices: self.rejected, cause }),
        }
    }

    fn interrupted(mut self, failure: Failure) -> WriteError {
        self.written.sort_unstable();
        self.rejected.sort_unstable();
        match self.written.is_empty() && self.rejected.is_empty() {
            true => WriteError::Retry { cause: failure.cause, after: failure.after },
            false => WriteError::Partial { written: self.written, rejected: self.rejected, cause: failure.cause },
        }
    }
}

/// After so many refusals in a row the rest is taken for bad as well.
const REFUSALS: usize = 20;

impl Clickhouse {
    /// The places of the metrics of each table, in the order in which the tables come.
    fn groups(&self, metrics: &Chunk, done: &mut Done) -> Vec<(String, Vec<usize>)> {
        let (mut groups, mut index) = (Vec::<(String, Vec<usize>)>::new(), HashMap::<String, usize>::new());
        let mut name = String::new();
        for (place, metric) in metrics.iter().enumerate() {
            name.clear();
            let rendered = self.table.render(metric, &mut name);
            if rendered.is_err() || name.is_empty() {
                let cause = rendered.err().map_or_else(|| "it is empty".to_owned(), |e| e.to_string());
                done.reject(vec![place], anyhow!("make the name of a table: {cause}"));
            } else if let Some(&group) = index.get(&name) {
                groups[group].1.push(place);
            } else {
                index.insert(name.clone(), groups.len());
                groups.push((name.clone(), vec![place]));
            }
        }
        groups
    }

    /// Writes the metrics at some places into a table. Where the server refuses rows they are halved until the bad ones stand alone: a chunk
    /// has metrics of other tables, too, so the agent cannot do it. Ends at an error that may pass.
    async fn insert_all(
        &mut self,
        name: &str,
        metrics: &Chunk,
        places: Vec<usize>,
        done: &mut Done,
    ) -> Result<(), Failure> {
        let (mut parts, mut refusals) = (vec![places], 0);
        while let Some(mut part) = parts.pop() {
            match self.insert(name, metrics, &part).await {
                Ok(()) => {
                    refusals = 0;
                    done.written.extend(part);
                }
                Err(failure) if !failure.for_good => return Err(failure),
                Err(failure) => {
                    refusals += 1;
                    if part.len() > 1 && failure.is_about_rows() && refusals <= REFUSALS {
                        parts.push(part.split_off(part.len() / 2));
                        parts.push(part);
                    } else {
                        done.reject(part, failure.cause);
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes the metrics at some places into a table.
    async fn insert(&mut self, name: &str, metrics: &Chunk, places: &[usize]) -> Result<(), Failure> {
        let server = self.server.as_ref().ok_or_else(|| Failure::passing(anyhow!("output is not open")))?;
        let chosen = || places.iter().map(|place| metrics.at(*place));
        if !self.tables.contains_key(name) {
            let table = Table::find(server, name, &self.settings, chosen()).await?;
            self.tables.insert(name.to_owned(), table);
        }
        let Some(table) = self.tables.get_mut(name) else { return Ok(()) };
        if self.settings.create {
            table.complete(server, &self.settings, chosen()).await?;
        }
        let (columns, body) = rows::make(table, &self.settings.timestamp_column, chosen());
        let statement = format!("INSERT INTO {} ({columns}) FORMAT TabSeparated", table::quoted(name));
        let inserted = server.insert(&statement, body).await;
        if let Err(failure) = &inserted
            && failure.is_about_the_table()
        {
            // Somebody changed it: it is looked at again before the next insert.
            self.log.debug(format_args!("look at table {name:?} again: {:#}", failure.cause));
            self.tables.remove(name);
        }
        inserted
    }
}
