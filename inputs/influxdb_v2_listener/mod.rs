//! Takes line protocol as InfluxDB 2 does, so that its clients need not know that an agent is in between.
//!
//! A body with a bad line is refused as a whole. With `max_undelivered_metrics` the server refuses writes (429) while so many
//! metrics are on their way to the outputs, so that senders keep what the agent could only drop.

#[cfg(test)]
mod tests;

use crate::documents::Parsed;
use crate::influx::{ByPrecision, JSON, MAX_BODY, Precisions, Server, TEXT, with_error};
use agent_api::options::With;
use agent_api::*;
use agent_net::server::{self, BodyError, Coding, Request, Response, answer};
use agent_net::tls::ServerTls;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel, Ordering::Acquire};

register!(Entry::listener::<InfluxdbV2Listener>());

/// The server.
struct InfluxdbV2Listener {
    settings: Arc<Settings>,
    server: Server,
    env: Env,
}

/// A server that clients of InfluxDB 2 write to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Address and port to listen on.
    service_address: String,
    /// Time for a request to come; 0 means no bound.
    read_timeout: Duration,
    /// Time that an answer may make no progress; 0 means no bound.
    write_timeout: Duration,
    /// Metrics that may be on their way to the outputs before writes are refused; 0 means no bound.
    max_undelivered_metrics: usize,
    /// Most bytes of a body, packed and unpacked; 0 means 32 MiB.
    max_body_size: Size,
    /// Token that is asked for.
    token: Secret,
    /// Tag that gets the bucket of the request, in place of a tag of that key.
    bucket_tag: String,
    /// How texts are read: `internal`, or `upstream` for InfluxDB's own reading of backslashes.
    parser_type: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            service_address: ":8086".to_owned(),
            read_timeout: Duration::secs(10),
            write_timeout: Duration::secs(10),
            max_undelivered_metrics: 0,
            max_body_size: Size(MAX_BODY),
            token: Secret::default(),
            bucket_tag: String::new(),
            parser_type: "internal".to_owned(),
        }
    }
}

impl Plugin for InfluxdbV2Listener {
    const NAME: &'static str = "influxdb_v2_listener";
    const ABOUT: &'static str = "Receives line protocol from clients of InfluxDB 2.";
    type Settings = With<Settings, ServerTls>;

    fn new(settings: Self::Settings, env: &Env) -> Result<Self> {
        let With { own: mut settings, shared: tls } = settings;
        ByPrecision::check(&settings.parser_type)?;
        let server = Server::new(&settings.service_address, tls, settings.read_timeout, settings.write_timeout, env)?;
        if settings.max_body_size.0 == 0 {
            settings.max_body_size = Size(MAX_BODY);
        }
        Ok(InfluxdbV2Listener { settings: Arc::new(settings), server, env: env.clone() })
    }
}

impl Listener for InfluxdbV2Listener {
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
    parsers: ByPrecision,
    stats: Stats,
    /// Metrics on their way to the outputs.
    undelivered: Arc<AtomicUsize>,
    /// When the server started, in nanoseconds since the Unix epoch.
    started: i64,
    version: String,
    log: Log,
    out: Sender,
}

/// The values of `precision` and what they mean.
const PRECISIONS: Precisions = &[("us", "1us"), ("ms", "1ms"), ("s", "1s"), ("", "1ns")];

struct Stats {
    bytes: stats::Counter,
    requests: stats::Counter,
    served: stats::Counter,
    writes: stats::Counter,
    writes_served: stats::Counter,
    readys: stats::Counter,
    readys_served: stats::Counter,
    not_founds: stats::Counter,
    refused: stats::Counter,
}

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
        let set = env.stats("influxdb_v2_listener", &[("address", &settings.service_address)]);
        let stats = Stats {
            bytes: set.counter("bytes_received"),
            requests: set.counter("requests_received"),
            served: set.counter("requests_served"),
            writes: set.counter("writes_received"),
            writes_served: set.counter("writes_served"),
            readys: set.counter("readys_received"),
            readys_served: set.counter("readys_served"),
            not_founds: set.counter("not_founds_served"),
            refused: set.counter("auth_failures"),
        };
        Ok(Handler {
            settings,
            parsers,
            stats,
            undelivered: Arc::default(),
            started: env.now(),
            version: env.agent.version.clone(),
            log: env.log.clone(),
            out,
        })
    }

    async fn route(&self, request: Request) -> Response {
        match request.path() {
            "/ping" => return answer(204, TEXT, ""),
            "/ready" | "/api/v2/ready" => return self.ready(),
            "/health" | "/api/v2/health" => return self.health(),
            _ => {}
        }
        match self.allow(&request) {
            Ok(true) => {}
            Ok(false) => {
                self.stats.refused.inc();
                return answer(401, TEXT, "Unauthorized\n");
            }
            Err(e) => {
                self.log.error(format_args!("check token: {e:#}"));
                return failure(500, "internal error", "internal server error");
            }
        }
        if request.path() != "/api/v2/write" {
            self.stats.not_founds.inc();
            return answer(404, TEXT, "404 page not found\n");
        }
        self.stats.writes.inc();
        let response = self.write(request).await;
        self.stats.writes_served.inc();
        response
    }

    fn allow(&self, request: &Request) -> Result<bool> {
        if self.settings.token.is_empty() {
            return Ok(true);
        }
        let token = request.header("authorization").and_then(|h| h.strip_prefix("Token "));
        self.settings.token.matches(token.unwrap_or_default())
    }

    fn ready(&self) -> Response {
        self.stats.readys.inc();
        let up = std::time::Duration::from_nanos(u64::try_from(plugin::now() - self.started).unwrap_or(0));
        let started = jiff::Timestamp::from_nanosecond(i128::from(self.started)).unwrap_or_default();
        let text = json!({ "started": started.to_string(), "status": "ready", "up": format!("{up:?}") }).to_string();
        self.stats.readys_served.inc();
        answer(200, JSON, text)
    }

    fn health(&self) -> Response {
        let text = json!({
            "name": "agent",
            "message": "ready for queries and writes",
            "status": "pass",
            "version": self.version,
            "commit": "",
        });
        answer(200, JSON, text.to_string())
    }

    async fn write(&self, mut request: Request) -> Response {
        let most = self.settings.max_body_size.0;
        let bytes = match request.body(most, &[Coding::Gzip]).await {
            Ok(bytes) => bytes,
            Err(BodyError::TooLarge) => {
                let cause = "http: request body too large";
                let body = json!({ "code": "invalid", "maxLength": most.to_string(), "message": cause });
                return with_error(answer(413, JSON, body.to_string()), cause);
            }
            Err(BodyError::Timeout) => return failure(408, "invalid", "http: request timeout"),
            Err(e) => return self.bad(&e.to_string()),
        };
        self.stats.bytes.add(bytes.len() as i64);
        let precision = request.query("precision").unwrap_or_default();
        let mut parsed = match self.parsers.parse(&precision, bytes).await {
            Ok(parsed) if parsed.bad.bad == 0 => parsed,
            Ok(parsed) => return self.bad(&parsed.bad.to_string()),
            Err(e) => return self.bad(&format!("{e:#}")),
        };
        let tag = &self.settings.bucket_tag;
        if !tag.is_empty()
            && let Some(bucket) = request.query("bucket").filter(|b| !b.is_empty())
        {
            parsed.set_tag(tag, &bucket);
        }
        if let Err(status) = self.track(&mut parsed) {
            return answer(status, JSON, "");
        }
        for batch in parsed.batches {
            self.out.send(batch).await;
        }
        answer(204, TEXT, "")
    }

    /// Counts the metrics as undelivered until they are delivered; an error is the status of the answer to a write that would be
    /// too much: for ever (413) or for now (429).
    fn track(&self, parsed: &mut Parsed) -> Result<(), u16> {
        let most = self.settings.max_undelivered_metrics;
        let new: usize = parsed.batches.iter().map(Batch::len).sum();
        if most == 0 || new == 0 {
            return Ok(());
        }
        if new > most {
            self.log.debug(format_args!("refuse {new} metrics: max_undelivered_metrics is {most}"));
            return Err(413);
        }
        let fits = |now: usize| (now + new <= most).then_some(now + new);
        if self.undelivered.fetch_update(AcqRel, Acquire, fits).is_err() {
            return Err(429);
        }
        let undelivered = self.undelivered.clone();
        let receipt = Receipt::new(move |_| {
            undelivered.fetch_sub(new, AcqRel);
        });
        let (last, others) = parsed.batches.split_last_mut().expect("a document of metrics has a batch");
        for batch in others {
            batch.set_receipt(receipt.clone());
        }
        last.set_receipt(receipt);
        Ok(())
    }

    /// The sender is told; the log only where somebody looks for a fault.
    fn bad(&self, cause: &str) -> Response {
        self.log.debug(format_args!("refuse a request: {cause}"));
        failure(400, "invalid", cause)
    }
}

/// An error as InfluxDB tells it.
fn failure(status: u16, code: &str, cause: &str) -> Response {
    let body = json!({ "code": code, "err": cause, "message": cause, "op": "" });
    with_error(answer(status, JSON, body.to_string()), cause)
}
