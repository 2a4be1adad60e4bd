//! Takes line protocol as InfluxDB 1.x does, so that its clients need not know that an agent is in between.
//!
//! As there, good lines of a body are taken around bad ones, and the answer is 400 with the first cause. Why lines are parsed in
//! blocks and when the answer is given: see `documents` and `http_listener_v2`.

mod jwt;
#[cfg(test)]
mod tests;

use crate::documents::Parsed;
use crate::influx::{ByPrecision, JSON, MAX_BODY, Precisions, Server, TEXT, with_error};
use agent_api::options::With;
use agent_api::*;
use agent_net::server::{
    self, BodyError, Coding, Credentials, Request, Response, answer,
    header::{self, HeaderValue},
};
use agent_net::tls::ServerTls;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

register!(Entry::listener::<InfluxdbListener>());

/// The server.
struct InfluxdbListener {
    settings: Arc<Settings>,
    server: Server,
    env: Env,
}

/// A server that clients of InfluxDB 1.x write to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Address and port to listen on.
    service_address: String,
    /// Time for a request to come; 0 means no bound.
    read_timeout: Duration,
    /// Time that an answer may make no progress; 0 means no bound.
    write_timeout: Duration,
    /// Most bytes of a body, packed and unpacked; 0 means 32 MiB.
    max_body_size: Size,
    /// User name that is asked for.
    basic_username: Secret,
    /// Password that is asked for.
    basic_password: Secret,
    /// Secret that JSON web tokens are signed with; asked for in place of user name and password.
    token_shared_secret: Secret,
    /// Name that a token has to be made out to; empty means any.
    token_username: Secret,
    /// Tag that gets the database of the request, in place of a tag of that key.
    database_tag: String,
    /// Tag that gets the retention policy of the request, in place of a tag of that key.
    retention_policy_tag: String,
    /// How texts are read: `internal`, or `upstream` for InfluxDB's own reading of backslashes.
    parser_type: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            service_address: ":8186".to_owned(),
            read_timeout: Duration::secs(10),
            write_timeout: Duration::secs(10),
            max_body_size: Size(MAX_BODY),
            basic_username: Secret::default(),
            basic_password: Secret::default(),
            token_shared_secret: Secret::default(),
            token_username: Secret::default(),
            database_tag: String::new(),
            retention_policy_tag: String::new(),
            parser_type: "internal".to_owned(),
        }
    }
}

impl Plugin for InfluxdbListener {
    const NAME: &'static str = "influxdb_listener";
    const ABOUT: &'static str = "Receives line protocol from clients of InfluxDB 1.x.";
    type Settings = With<Settings, ServerTls>;

    fn new(settings: Self::Settings, env: &Env) -> Result<Self> {
        let With { own: mut settings, shared: tls } = settings;
        ByPrecision::check(&settings.parser_type)?;
        let server = Server::new(&settings.service_address, tls, settings.read_timeout, settings.write_timeout, env)?;
        if settings.max_body_size.0 == 0 {
            settings.max_body_size = Size(MAX_BODY);
        }
        Ok(InfluxdbListener { settings: Arc::new(settings), server, env: env.clone() })
    }

    fn migrate(table: &mut options::Table, notes: &mut Vec<String>) {
        if table.remove("max_line_size").is_some() {
            notes.push("max_line_size means nothing any more, lines may be as long as bodies".to_owned());
        }
    }
}

impl Listener for InfluxdbListener {
    async fn open(&mut self) -> Result<(), StartError> {
        self.server.open().await
    }

    async fn listen(&mut self, out: Sender, stop: Stop) -> Result<()> {
        let handler = Handler::new(self.settings.clone(), &self.env, out)?;
        self.server.serve(handler, stop).await
    }
}

/// Answers requests.
struct Handler {
    settings: Arc<Settings>,
    credentials: Credentials,
    parsers: ByPrecision,
    stats: Stats,
    log: Log,
    out: Sender,
}

/// The values of `precision` and what they mean. As recorded, `us` is none of them.
const PRECISIONS: Precisions = &[("u", "1us"), ("ms", "1ms"), ("s", "1s"), ("m", "1m"), ("h", "1h"), ("", "1ns")];

struct Stats {
    bytes: stats::Counter,
    requests: stats::Counter,
    served: stats::Counter,
    writes: stats::Counter,
    writes_served: stats::Counter,
    queries: stats::Counter,
    queries_served: stats::Counter,
    pings: stats::Counter,
    pings_served: stats::Counter,
    not_founds: stats::Counter,
    refused: stats::Counter,
}

/// What the server says it is, as Telegraf does.
const VERSION: &str = "1.0";

impl server::Handler for Handler {
    async fn answer(&self, request: Request) -> Response {
        self.stats.requests.inc();
        let response = self.route(request).await;
        self.stats.served.inc();
        response
    }
}

impl Handler {
    fn new(settings: Arc<Settings>, env: &Env, out: Sender) -> Result<Self> {
        let parsers = ByPrecision::new(PRECISIONS, &settings.parser_type, env)?;
        let set = env.stats("influxdb_listener", &[("address", &settings.service_address)]);
        let stats = Stats {
            bytes: set.counter("bytes_received"),
            requests: set.counter("requests_received"),
            served: set.counter("requests_served"),
            writes: set.counter("writes_received"),
            writes_served: set.counter("writes_served"),
            queries: set.counter("queries_received"),
            queries_served: set.counter("queries_served"),
            pings: set.counter("pings_received"),
            pings_served: set.counter("pings_served"),
            not_founds: set.counter("not_founds_served"),
            refused: set.counter("auth_failures"),
        };
        let (username, password) = (settings.basic_username.clone(), settings.basic_password.clone());
        let credentials = Credentials { username, password };
        Ok(Handler { settings, credentials, parsers, stats, log: env.log.clone(), out })
    }

    async fn route(&self, request: Request) -> Response {
        let path = request.path();
        if path == "/ping" {
            return self.ping(&request);
        }
        match self.allow(&request) {
            Ok(None) => {}
            Ok(Some(refusal)) => {
                self.stats.refused.inc();
                return refusal;
            }
            Err(e) => {
                self.log.error(format_args!("check credentials: {e:#}"));
                return failure(500, "http: internal server error");
            }
        }
        match path {
            "/write" => {
                self.stats.writes.inc();
                let response = self.write(request).await;
                self.stats.writes_served.inc();
                response
            }
            "/query" => {
                self.stats.queries.inc();
                self.stats.queries_served.inc();
                versioned(answer(200, JSON, r#"{"results":[]}"#))
            }
            _ => {
                self.stats.not_founds.inc();
                answer(404, TEXT, "404 page not found\n")
            }
        }
    }

    fn ping(&self, request: &Request) -> Response {
        self.stats.pings.inc();
        self.stats.pings_served.inc();
        let verbose = request.query("verbose").is_some_and(|v| !matches!(v.as_str(), "" | "0" | "false"));
        versioned(if verbose {
            answer(200, JSON, format!(r#"{{"version":"{VERSION}"}}"#))
        } else {
            answer(204, TEXT, "")
        })
    }

    /// None if the request may pass, else the answer to one that may not.
    fn allow(&self, request: &Request) -> Result<Option<Response>> {
        let refusal = || answer(401, TEXT, "Unauthorized\n");
        if !self.settings.token_shared_secret.is_empty() {
            // Telegraf looks for the token in `Authentication`.
            let header = request.header("authorization").or_else(|| request.header("authentication"));
            let token = header.and_then(|h| h.strip_prefix("Bearer ")).unwrap_or_default();
            let username = self.settings.token_username.reveal()?;
            let secret = self.settings.token_shared_secret.reveal()?;
            let good = jwt::check(token.trim(), secret.as_bytes(), &username, plugin::now() / 1_000_000_000);
            return Ok((!good).then(refusal));
        }
        if self.credentials.allow(request.header("authorization"), true)? {
            return Ok(None);
        }
        let mut response = refusal();
        let realm = HeaderValue::from_static("Basic realm=\"influxdb\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
        Ok(Some(response))
    }

    async fn write(&self, mut request: Request) -> Response {
        let bytes = match request.body(self.settings.max_body_size.0, &[Coding::Gzip]).await {
            Ok(bytes) => bytes,
            Err(BodyError::TooLarge) => return failure(413, "http: request body too large"),
            Err(BodyError::Timeout) => return failure(408, "http: request timeout"),
            Err(e) => return self.bad(&e.to_string()),
        };
        self.stats.bytes.add(bytes.len() as i64);
        let precision = request.query("precision").unwrap_or_default();
        let Parsed { batches, bad } = match self.parsers.parse(&precision, bytes).await {
            Ok(mut parsed) => {
                self.tag(&mut parsed, &request);
                parsed
            }
            Err(e) => return self.bad(&format!("{e:#}")),
        };
        for batch in batches {
            self.out.send(batch).await;
        }
        if bad.bad > 0 { self.bad(&format!("partial write: {bad}")) } else { answer(204, TEXT, "") }
    }

    fn tag(&self, parsed: &mut Parsed, request: &Request) {
        for (tag, parameter) in [(&self.settings.database_tag, "db"), (&self.settings.retention_policy_tag, "rp")] {
            if !tag.is_empty()
                && let Some(value) = request.query(parameter).filter(|v| !v.is_empty())
            {
                parsed.set_tag(tag, &value);
            }
        }
    }

    /// The sender is told; the log only where somebody looks for a fault.
    fn bad(&self, cause: &str) -> Response {
        self.log.debug(format_args!("refuse a request: {cause}"));
        failure(400, cause)
    }
}

fn versioned(mut response: Response) -> Response {
    response.headers_mut().insert("x-influxdb-version", HeaderValue::from_static(VERSION));
    response
}

/// An error as InfluxDB tells it: in the body and in a header.
fn failure(status: u16, cause: &str) -> Response {
    let body = serde_json::json!({ "error": cause }).to_string();
    with_error(versioned(answer(status, JSON, body)), cause)
}
