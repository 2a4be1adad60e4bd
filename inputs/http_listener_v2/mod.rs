//! Takes metrics that are posted over HTTP in any data format.
//!
//! A body is parsed as a whole before any of it is handed on, so a sender that is told 400 knows that nothing was taken; the
//! answer to a good one waits until the agent has taken its metrics.

#[cfg(test)]
mod tests;

use crate::parsers::Parsers;
use agent_api::options::With;
use agent_api::*;
use agent_net::server::{
    self, Address, BodyError, Coding, Credentials, Limits, Listener as Socket, Request, Response, answer,
};
use agent_net::tls::ServerTls;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

register!(Entry::listener::<HttpListenerV2>());

/// The server.
struct HttpListenerV2 {
    settings: Arc<Settings>,
    tls: ServerTls,
    address: Address,
    mode: Option<u32>,
    env: Env,
    bound: Option<Socket>,
}

/// A server that metrics are posted to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Address and port to listen on (`tcp://:8080`), or a socket (`unix:///run/agent.sock`).
    service_address: String,
    /// Permissions of a socket in the file system, in octal digits.
    socket_mode: String,
    /// Paths that take metrics.
    paths: Vec<String>,
    /// Gives metrics the path as the tag `http_listener_v2_path`.
    path_tag: bool,
    /// Methods that are taken.
    methods: Vec<String>,
    /// Status of the answer to a good request, 200 to 599.
    http_success_code: u16,
    /// Headers of every answer.
    http_headers: BTreeMap<String, String>,
    /// Time for a request to come; 0 means no bound.
    read_timeout: Duration,
    /// Time that an answer may make no progress; 0 means no bound.
    write_timeout: Duration,
    /// Most bytes of a body, packed and unpacked; 0 means 500 MiB.
    max_body_size: Size,
    /// Where the data is: `body` or `query`.
    data_source: String,
    /// User name that is asked for, with `basic_password`.
    basic_username: Secret,
    /// Password that is asked for, with `basic_username`.
    basic_password: Secret,
    /// Headers of the request that become tags: `{"X-Host" = "host"}`.
    http_header_tags: BTreeMap<String, String>,
}

/// Bodies may be so large where the user says nothing.
const MAX_BODY: u64 = 500 << 20;

impl Default for Settings {
    fn default() -> Self {
        Settings {
            service_address: ":8080".to_owned(),
            socket_mode: String::new(),
            paths: vec!["/telegraf".to_owned()],
            path_tag: false,
            methods: vec!["POST".to_owned(), "PUT".to_owned()],
            http_success_code: 204,
            http_headers: BTreeMap::new(),
            read_timeout: Duration::secs(10),
            write_timeout: Duration::secs(10),
            max_body_size: Size(MAX_BODY),
            data_source: "body".to_owned(),
            basic_username: Secret::default(),
            basic_password: Secret::default(),
            http_header_tags: BTreeMap::new(),
        }
    }
}

impl Plugin for HttpListenerV2 {
    const NAME: &'static str = "http_listener_v2";
    const ABOUT: &'static str = "Receives metrics over HTTP in any data format.";
    const FORMAT: Format = Format::Parses("influx");
    type Settings = With<Settings, ServerTls>;

    fn new(settings: Self::Settings, env: &Env) -> Result<Self> {
        let With { own: mut settings, shared: tls } = settings;
        tls.check()?;
        let address = Address::parse(&settings.service_address, "tcp").context("service_address")?;
        ensure!(address.is_stream(), "service_address {:?}: expected tcp or unix", settings.service_address);
        ensure!(
            (200..600).contains(&settings.http_success_code),
            "http_success_code: {} is not between 200 and 599",
            settings.http_success_code
        );
        settings.data_source.make_ascii_lowercase();
        ensure!(
            matches!(settings.data_source.as_str(), "body" | "query" | ""),
            "data_source {:?} is unknown, expected body or query",
            settings.data_source
        );
        for (name, value) in &settings.http_headers {
            header(name, value).with_context(|| format!("http_headers {name:?}"))?;
        }
        if settings.max_body_size.0 == 0 {
            settings.max_body_size = Size(MAX_BODY);
        }
        let mode = server::socket_mode(&settings.socket_mode)?;
        Ok(HttpListenerV2 { settings: Arc::new(settings), tls, address, mode, env: env.clone(), bound: None })
    }

    fn migrate(table: &mut options::Table, notes: &mut Vec<String>) {
        let Some(path) = table.remove("path") else { return };
        notes.push("path is now one of paths".to_owned());
        match table.get_mut("paths") {
            Some(options::Item { value: options::Setting::Array(paths), .. }) => paths.push(path.item),
            _ => {
                let span = path.item.span;
                let paths = options::Item { value: options::Setting::Array(vec![path.item]), span };
                table.set("paths", path.at, paths);
            }
        }
    }
}

impl Listener for HttpListenerV2 {
    async fn open(&mut self) -> Result<(), StartError> {
        self.bound = Some(Socket::bind(&self.address, self.mode).await?);
        Ok(())
    }

    async fn listen(&mut self, out: Sender, mut stop: Stop) -> Result<()> {
        let socket = self.bound.take().context("listen: not open")?;
        let tls = self.tls.config(&["h2", "http/1.1"])?;
        let s = &self.settings;
        let limits = Limits { read: *s.read_timeout, write: *s.write_timeout, ..Limits::default() };
        let handler = Handler::new(s.clone(), &self.env, out)?;
        self.env.log.info(format_args!("listening on {}", s.service_address));
        // There is nothing to tell at an interval, which has to be said too.
        server::serve(socket, tls, limits, Arc::new(handler), async move { while stop.next().await.is_some() {} })
            .await;
        Ok(())
    }
}

type Header = (server::header::HeaderName, server::header::HeaderValue);

fn header(name: &str, value: &str) -> Result<Header> {
    Ok((name.parse()?, value.parse()?))
}

/// Answers requests.
struct Handler {
    settings: Arc<Settings>,
    headers: Vec<Header>,
    credentials: Credentials,
    parsers: Parsers,
    log: Log,
    out: Sender,
}

const JSON: &str = "application/json";

impl server::Handler for Handler {
    async fn answer(&self, request: Request) -> Response {
        let mut response = self.check(request).await;
        for (name, value) in &self.headers {
            response.headers_mut().insert(name, value.clone());
        }
        response
    }
}

impl Handler {
    fn new(settings: Arc<Settings>, env: &Env, out: Sender) -> Result<Self> {
        let headers = settings.http_headers.iter().map(|(n, v)| header(n, v)).collect::<Result<_>>()?;
        let (username, password) = (settings.basic_username.clone(), settings.basic_password.clone());
        // Half of a pair asks nobody, as it always has.
        let both = !username.is_empty() && !password.is_empty();
        let credentials = if both { Credentials { username, password } } else { Credentials::default() };
        Ok(Handler { settings, headers, credentials, parsers: Parsers::of(env)?, log: env.log.clone(), out })
    }

    async fn check(&self, request: Request) -> Response {
        match self.credentials.allow(request.header("authorization"), false) {
            Ok(true) => {}
            Ok(false) => return answer(401, "text/plain; charset=utf-8", "Unauthorized.\n"),
            Err(e) => {
                self.log.error(format_args!("check credentials: {e:#}"));
                return answer(500, JSON, r#"{"error":"http: internal server error"}"#);
            }
        }
        if !self.settings.paths.iter().any(|p| p == request.path()) {
            return answer(404, "text/plain; charset=utf-8", "404 page not found\n");
        }
        if !self.settings.methods.iter().any(|m| m.eq_ignore_ascii_case(request.head.method.as_str())) {
            return answer(405, JSON, r#"{"error":"http: method not allowed"}"#);
        }
        self.take(request).await
    }

    async fn take(&self, mut request: Request) -> Response {
        let data = if self.settings.data_source == "query" {
            request.unescaped_query().map(String::into_bytes).ok_or(BodyError::Coding("query".to_owned()))
        } else {
            let codings = [Coding::Gzip, Coding::Snappy, Coding::Zlib, Coding::Zstd];
            request.body(self.settings.max_body_size.0, &codings).await
        };
        let bytes = match data {
            Ok(bytes) => bytes,
            Err(BodyError::TooLarge) => return answer(413, JSON, r#"{"error":"http: request body too large"}"#),
            Err(BodyError::Timeout) => return answer(408, JSON, r#"{"error":"http: request timeout"}"#),
            Err(e) => return self.bad(&e),
        };
        let mut parsed = match self.parsers.parse(bytes).await {
            Ok(parsed) if parsed.bad.bad == 0 => parsed,
            Ok(parsed) => return self.bad(&parsed.bad),
            Err(e) => return self.bad(&format_args!("{e:#}")),
        };
        for (name, tag) in &self.settings.http_header_tags {
            if let Some(value) = request.header(name).filter(|v| !v.is_empty()) {
                parsed.set_tag(tag, value);
            }
        }
        if self.settings.path_tag {
            parsed.set_tag("http_listener_v2_path", request.path());
        }
        for batch in parsed.batches {
            self.out.send(batch).await;
        }
        answer(self.settings.http_success_code, JSON, "")
    }

    /// The sender is told; the log only where somebody looks for a fault.
    fn bad(&self, cause: &dyn std::fmt::Display) -> Response {
        self.log.debug(format_args!("refuse a request: {cause}"));
        answer(400, JSON, r#"{"error":"http: bad request"}"#)
    }
}
