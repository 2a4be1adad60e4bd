//! The server of the API.

use super::pages::{Configuration, Page, Process, metrics};
use super::settings::Api;
use crate::config::Config;
use crate::pipeline::Board;
use agent_api::plugin::{Family, Future};
use agent_api::{Context as _, Log, Result, bail, stats};
use agent_net::server::{self, Address, Leaving, Limits, Listener, Request, Response, Sockets, answer, header};
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What the API tells about and acts upon.
pub trait Reloads: Send + Sync + 'static {
    /// The configuration in use, since when, how many have been taken and refused.
    fn in_use(&self) -> (Arc<Config>, Instant, u64, u64);
    /// Goes over to the configuration as it is now.
    fn reload<'a>(&'a self, by: &'a str) -> Future<'a, Result<()>>;
}

/// What surrounds the API.
#[derive(Clone)]
pub struct Context {
    /// What the plugins have done.
    pub board: Board,
    /// Who reloads.
    pub reloads: Arc<dyn Reloads>,
    /// When the agent began.
    pub begun: Instant,
    /// True while it runs: everything is started and nothing stops.
    pub ready: Arc<std::sync::atomic::AtomicBool>,
}

/// The API of a process: follows what the configuration says of it.
#[derive(Default)]
pub struct Server {
    running: Mutex<Option<Running>>,
    /// What all handlers go by, those of connections from before a reload, too: a token that was taken back is of no use.
    rules: Arc<RwLock<Option<Arc<Api>>>>,
}

struct Running {
    digest: crate::config::Digest,
    sockets: Sockets,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// An API that is open and does not answer yet.
pub struct Opened {
    api: Api,
    listener: Listener,
    sockets: Sockets,
    tls: Option<server::TlsConfig>,
}

impl Server {
    /// Opens the API that a configuration asks for; None if it asks for none, or for the one that runs.
    pub async fn open(&self, api: Option<&Api>) -> Result<Option<Opened>> {
        let Some(api) = api else { return Ok(None) };
        let leaving = Arc::new(Leaving::default());
        {
            let running = self.lock();
            if running.as_ref().is_some_and(|r| r.digest == api.digest) {
                return Ok(None);
            }
            running.iter().for_each(|r| leaving.add(&r.sockets));
        }
        if let (Address::Unix(path), true) = (&api.address, leaving.is_empty()) {
            #[cfg(unix)]
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                bail!("api: another agent listens at {}", path.display());
            }
            #[cfg(not(unix))]
            bail!("api: there are no sockets in the file system here: {}", path.display());
        }
        let tls = api.tls.config(&["http/1.1"]).context("api")?;
        let sockets = Sockets::default();
        let listener = sockets.open(&leaving, Listener::bind(&api.address, api.mode)).await.context("api")?;
        Ok(Some(Opened { api: api.clone(), listener, sockets, tls }))
    }

    /// Goes over to what was opened; stops what is no longer wanted.
    pub fn follow(&self, api: Option<&Api>, opened: Option<Opened>, context: &Context) {
        let mut running = self.lock();
        if (opened.is_some() || api.is_none())
            && let Some(before) = running.take()
        {
            before.sockets.hand_over();
            before.sockets.clear();
            before.stop.cancel();
        }
        let Some(Opened { api, listener, sockets, tls }) = opened else { return };
        let (stop, digest) = (CancellationToken::new(), api.digest);
        log().info(format_args!("listening on {}", api.settings.address));
        let limits = Limits { connections: CONNECTIONS, ..Limits::default() };
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(api));
        let handler = Arc::new(Handler { rules: self.rules.clone(), context: context.clone() });
        let task = tokio::spawn(server::serve(listener, tls, limits, handler, stop.clone().cancelled_owned()));
        *running = Some(Running { digest, sockets, stop, task });
    }

    /// Stops it; what is being answered may end.
    pub async fn stop(&self) {
        let running = self.lock().take();
        if let Some(Running { sockets, stop, task, .. }) = running {
            sockets.clear();
            stop.cancel();
            // After that time the end of the process cuts it off.
            let _ended = tokio::time::timeout(STOP_TIME, task).await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So long requests that are being answered may take when the agent stops.
const STOP_TIME: Duration = Duration::from_secs(1);
/// Connections at a time.
const CONNECTIONS: usize = 64;
const JSON: &str = "application/json";

fn log() -> Log {
    Log::new("api", None, stats::Counter::default())
}

struct Handler {
    rules: Arc<RwLock<Option<Arc<Api>>>>,
    context: Context,
}

impl server::Handler for Handler {
    async fn answer(&self, request: Request) -> Response {
        let (method, path) = (request.head.method.as_str().to_owned(), request.path().to_owned());
        let from = request.peer.ip().map_or_else(|| "the socket".to_owned(), |ip| ip.to_string());
        let response = self.route(&request, &method, &path, &from).await;
        // Who asks decides what stands there: quoted and cut.
        let path: String = path.chars().take(60).collect();
        let line = format!("audit: {method} {path:?} from {from}: {}", response.status().as_u16());
        let log = log();
        match response.status().as_u16() {
            401 | 403 => log.warn(line),
            _ if matches!(method.as_str(), "GET" | "HEAD") => log.debug(line),
            _ => log.info(line),
        }
        response
    }
}

impl Handler {
    async fn route(&self, request: &Request, method: &str, path: &str, from: &str) -> Response {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(api) = rules else { return failure(503, "not open") };
        // Probes of an orchestrator carry no token; they are told nothing but that.
        if !path.starts_with("/health/") {
            match allows(&api, request) {
                Ok(true) => {}
                Ok(false) => {
                    let mut refusal = failure(401, "a token is asked for");
                    let bearer = header::HeaderValue::from_static("Bearer");
                    refusal.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
                    return refusal;
                }
                Err(e) => {
                    log().error(format_args!("look up the token: {e:#}"));
                    return failure(500, "the token cannot be looked up");
                }
            }
        }
        match (method, path) {
            ("GET" | "HEAD", "/status") => match serde_json::to_string(&self.page()) {
                Ok(text) => answer(200, JSON, text),
                Err(e) => failure(500, &e.to_string()),
            },
            ("GET" | "HEAD", "/metrics") => {
                answer(200, "text/plain; version=0.0.4; charset=utf-8", metrics(&self.page()))
            }
            ("GET" | "HEAD", "/health") => self.health(),
            ("GET" | "HEAD", "/health/live") => answer(200, JSON, json!({ "live": true }).to_string()),
            ("GET" | "HEAD", "/health/ready") => {
                let ready = self.context.ready.load(std::sync::atomic::Ordering::Acquire);
                answer(if ready { 200 } else { 503 }, JSON, json!({ "ready": ready }).to_string())
            }
            ("POST", "/reload") if !api.settings.allow_changes => {
                failure(403, "changes are not allowed; see allow_changes in [agent.api]")
            }
            ("POST", "/reload") => match self.context.reloads.reload(&format!("asked for by {from}")).await {
                Ok(()) => answer(200, JSON, json!({ "result": "the new configuration is in use" }).to_string()),
                Err(e) => failure(422, &format!("{e:#}")),
            },
            (_, "/status" | "/metrics" | "/health" | "/health/live" | "/health/ready" | "/reload") => {
                failure(405, "not for this method")
            }
            _ => failure(404, "there are /status, /metrics, /health, /health/live, /health/ready and /reload"),
        }
    }

    fn page(&self) -> Page {
        let (config, since, reloads, refused) = self.context.reloads.in_use();
        Page {
            version: crate::cli::VERSION.to_owned(),
            hostname: config.agent.hostname.clone(),
            process: Process::now(self.context.begun.elapsed()),
            config: Configuration {
                sources: config.sources.clone(),
                reloads,
                refused,
                age_seconds: since.elapsed().as_secs_f64(),
            },
            plugins: self.context.board.read(),
        }
    }

    /// 503 where an output fails.
    fn health(&self) -> Response {
        let outputs = format!("{}.", Family::Outputs.name());
        let failing: Vec<_> = self.context.board.read().into_iter().filter(|s| s.failing_seconds.is_some()).collect();
        let ill = failing.iter().any(|s| s.plugin.starts_with(&outputs));
        let list: Vec<_> = failing
            .iter()
            .map(|s| json!({ "plugin": s.plugin, "alias": s.alias, "seconds": s.failing_seconds }))
            .collect();
        answer(if ill { 503 } else { 200 }, JSON, json!({ "healthy": !ill, "failing": list }).to_string())
    }
}

/// True if the request carries what is asked for.
fn allows(api: &Api, request: &Request) -> Result<bool> {
    let token = &api.settings.token;
    if token.is_empty() {
        return Ok(true);
    }
    let given = request.header("authorization").and_then(|h| h.split_once(' '));
    match given.filter(|g| g.0.eq_ignore_ascii_case("bearer")) {
        Some((_, given)) => token.matches(given.trim()),
        None => Ok(false),
    }
}

fn failure(status: u16, cause: &str) -> Response {
    answer(status, JSON, json!({ "error": cause }).to_string())
}
