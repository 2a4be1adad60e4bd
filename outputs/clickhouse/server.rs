//! Asks the server, and says what an error means.

use super::Settings;
use agent_api::{Error, Result, Secret, anyhow};
use agent_net::client::{Address, Client, Method, RequestBuilder, Url, header};
use agent_net::coding::Coding;
use bytes::Bytes;
use std::time::Duration;

/// So much of an answer is read: tables may have thousands of columns.
const ANSWER_MAX: usize = 4 << 20;

/// Codes of errors (`ErrorCodes.cpp` of ClickHouse) about the data: sent again they would come again.
const ABOUT_DATA: [u32; 15] = [6, 25, 26, 27, 38, 41, 53, 69, 70, 72, 117, 130, 131, 321, 349];
/// Those about columns and tables that are not (any more) as they were.
const ABOUT_THE_TABLE: [u32; 6] = [8, 10, 16, 20, 47, 60];
/// There is no such table.
const NO_TABLE: u32 = 60;

/// Why something was not done.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) cause: Error,
    /// The code of ClickHouse; 0 if it said none.
    code: u32,
    /// True if another attempt is of no use.
    pub(super) for_good: bool,
    /// How long the server asked to wait.
    pub(super) after: Option<Duration>,
}

impl Failure {
    pub(super) fn passing(cause: Error) -> Self {
        Failure { cause, code: 0, for_good: false, after: None }
    }

    pub(super) fn for_good(cause: Error) -> Self {
        Failure { for_good: true, ..Failure::passing(cause) }
    }

    pub(super) fn context(self, what: String) -> Self {
        Failure { cause: self.cause.context(what), ..self }
    }

    /// True if some of the rows may be to blame, and not all.
    pub(super) fn is_about_rows(&self) -> bool {
        ABOUT_DATA.contains(&self.code)
    }

    pub(super) fn is_no_table(&self) -> bool {
        self.code == NO_TABLE
    }

    pub(super) fn is_about_the_table(&self) -> bool {
        ABOUT_THE_TABLE.contains(&self.code)
    }
}

/// A server and what it is asked with.
pub(super) struct Server {
    client: Client,
    address: Address,
    database: String,
    username: Secret,
    password: Secret,
    /// Settings of inserts.
    insert: Vec<(String, String)>,
    coding: Coding,
    /// Major and minor.
    version: (u32, u32),
}

impl Server {
    pub(super) fn new(client: Client, address: &Address, settings: &Settings, coding: Coding) -> Self {
        let mut insert: Vec<(String, String)> = settings.settings.clone().into_iter().collect();
        if settings.async_insert {
            // Without waiting for it the answer would say nothing.
            insert.push(("async_insert".to_owned(), "1".to_owned()));
            insert.push(("wait_for_async_insert".to_owned(), "1".to_owned()));
        }
        Server {
            client,
            address: address.clone(),
            database: settings.database.clone(),
            username: settings.username.clone(),
            password: settings.password.clone(),
            insert,
            coding,
            version: (0, 0),
        }
    }

    /// Asks which version it is.
    pub(super) async fn greet(mut self) -> Result<Self, Failure> {
        let text = self.ask("SELECT version()").await?;
        let mut parts = text.trim().split('.').map(|part| part.parse().unwrap_or(0));
        self.version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        Ok(self)
    }

    /// True if there are times with fractions of seconds.
    pub(super) fn has_long_times(&self) -> bool {
        self.version >= (20, 1)
    }

    /// Runs a statement that has no answer.
    pub(super) async fn run(&self, statement: &str) -> Result<(), Failure> {
        self.ask(statement).await.map(drop)
    }

    /// Runs a statement and gives the answer.
    pub(super) async fn ask(&self, statement: &str) -> Result<String, Failure> {
        let request = self.request(self.url(&[]))?;
        self.send(request.body(statement.to_owned())).await
    }

    /// Inserts rows.
    pub(super) async fn insert(&self, statement: &str, body: Vec<u8>) -> Result<(), Failure> {
        let mut url = self.url(&self.insert);
        url.query_pairs_mut().append_pair("query", statement);
        let mut request = self.request(url)?;
        if let Some(name) = self.coding.header() {
            request = request.header(header::CONTENT_ENCODING, name);
        }
        let body = self.coding.pack(Bytes::from(body)).await.map_err(Failure::passing)?;
        self.send(request.body(body)).await.map(drop)
    }

    fn url(&self, settings: &[(String, String)]) -> Url {
        let mut url = self.address.url.clone();
        url.query_pairs_mut().append_pair("database", &self.database).extend_pairs(settings);
        url
    }

    fn request(&self, url: Url) -> Result<RequestBuilder, Failure> {
        let mut request = self.client.request(Method::POST, url);
        if !self.username.is_empty() {
            let user = self.username.reveal().map_err(Failure::passing)?;
            let password = self.password.reveal().map_err(Failure::passing)?;
            request = request.header("X-ClickHouse-User", user).header("X-ClickHouse-Key", password);
        }
        Ok(request)
    }

    async fn send(&self, request: RequestBuilder) -> Result<String, Failure> {
        let shown = self.address.shown();
        let sent = self.client.send(request, ANSWER_MAX).await;
        let answer = sent.map_err(|e| Failure::passing(Error::new(e).context(format!("ask {shown}"))))?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        // An error after the first rows of an answer has the status of success.
        let code = code(&text);
        if answer.status.is_success() && code.is_none() {
            return Ok(text);
        }
        let code = code.unwrap_or(0);
        Err(Failure {
            cause: anyhow!("ask {shown}: status {}: {}", answer.status, answer.excerpt()),
            code,
            for_good: ABOUT_DATA.contains(&code),
            after: answer.busy_for(),
        })
    }
}

/// The code of an error message: `Code: 60, ...` or `Code: 60. ...`.
fn code(text: &str) -> Option<u32> {
    let rest = text.strip_prefix("Code: ")?;
    rest[..rest.find(|c: char| !c.is_ascii_digit())?].parse().ok()
}
