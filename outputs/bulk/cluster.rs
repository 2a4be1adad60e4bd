//! The nodes of a cluster: each request goes to the next one that is there.

use super::settings::Common;
use agent_api::*;
use agent_net::client::{Address, Answer, Client, Method, Setup, Url, header};
use agent_net::coding::Coding;
use bytes::Bytes;
use serde_json::Value;
use std::time::{Duration, Instant};

/// A cluster.
pub(crate) struct Cluster {
    setup: Setup,
    client: Option<Client>,
    nodes: Vec<Node>,
    next: usize,
    username: Secret,
    password: Secret,
    token: Secret,
    /// Headers of every request.
    headers: header::HeaderMap,
    coding: Coding,
    /// After such a time a node that failed is asked again; none: it is tried as all others.
    recheck: Option<Duration>,
    check_time: Duration,
    sniff: bool,
    sniffed: Option<Instant>,
    log: Log,
}

struct Node {
    address: Address,
    failed: Option<Instant>,
}

/// A request to any node.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<(&'static str, Bytes)>,
}

impl Call {
    /// A request of a path without a body.
    pub(crate) fn new(method: Method, path: &str) -> Self {
        Call { method, path: path.to_owned(), query: Vec::new(), body: None }
    }

    /// Adds a body of a type.
    pub(crate) fn json(self, kind: &'static str, body: impl Into<Bytes>) -> Self {
        Call { body: Some((kind, body.into())), ..self }
    }

    /// Adds a parameter.
    pub(crate) fn query(mut self, name: &'static str, value: &str) -> Self {
        self.query.push((name, value.to_owned()));
        self
    }
}

/// So much of an answer is read: a bulk answer says something about each document.
const ANSWER_MAX: usize = 64 << 20;
/// How often the cluster is asked for its nodes.
const SNIFF: Duration = Duration::from_secs(15 * 60);
/// More nodes than that are not believed.
const NODES_MAX: usize = 1000;

impl Cluster {
    /// Checks the addresses, without I/O.
    pub(crate) fn new(common: &Common, setup: Setup, log: &Log) -> Result<Self> {
        setup.check()?;
        let node = |url: &String| Ok(Node { address: Address::parse(url).context("urls")?, failed: None });
        Ok(Cluster {
            setup,
            client: None,
            nodes: common.urls.iter().map(node).collect::<Result<_>>()?,
            next: 0,
            username: common.username.clone(),
            password: common.password.clone(),
            token: common.auth_bearer_token.clone(),
            headers: header::HeaderMap::new(),
            coding: if common.enable_gzip { Coding::Gzip } else { Coding::Identity },
            recheck: Some(*common.health_check_interval).filter(|t| !t.is_zero()),
            check_time: if common.health_check_timeout.is_zero() {
                Duration::from_secs(1)
            } else {
                *common.health_check_timeout
            },
            sniff: common.enable_sniffer,
            sniffed: None,
            log: log.clone(),
        })
    }

    /// Sets the headers of every request.
    pub(crate) fn set_headers(&mut self, headers: header::HeaderMap) {
        self.headers = headers;
    }

    /// Makes the client, and asks for nodes where that is wanted.
    pub(crate) async fn open(&mut self) -> Result<()> {
        self.client = Some(self.setup.build(None)?);
        self.find_nodes().await
    }

    /// Sends a request to a node that is there. A node that cannot be reached is passed over.
    pub(crate) async fn send(&mut self, request: &Call) -> Result<Answer> {
        let body = match &request.body {
            Some((kind, plain)) => Some((*kind, self.coding.pack(plain.clone()).await?)),
            None => None,
        };
        let mut last = None;
        for _ in 0..self.nodes.len() {
            let place = self.next % self.nodes.len();
            self.next = (place + 1) % self.nodes.len();
            if !self.is_there(place).await {
                continue;
            }
            match self.ask(place, request, body.clone(), None).await {
                Ok(answer) => {
                    self.nodes[place].failed = None;
                    return Ok(answer);
                }
                Err(e) => {
                    self.nodes[place].failed = Some(Instant::now());
                    if self.nodes.len() > 1 {
                        self.log.warn(format_args!("{e:#}; trying the next node"));
                    }
                    last = Some(e);
                }
            }
        }
        Err(last.unwrap_or_else(|| anyhow!("no node of the cluster is there")))
    }

    /// False for a node that failed and is still gone, or need not be asked yet.
    async fn is_there(&mut self, place: usize) -> bool {
        let (Some(recheck), Some(failed)) = (self.recheck, self.nodes[place].failed) else { return true };
        // A cluster of one node has nothing to choose from.
        if self.nodes.len() == 1 {
            return true;
        }
        if failed.elapsed() < recheck && self.nodes.iter().any(|node| node.failed.is_none()) {
            return false;
        }
        let there = self.ask(place, &Call::new(Method::HEAD, "/"), None, Some(self.check_time)).await.is_ok();
        self.nodes[place].failed = (!there).then(Instant::now);
        there
    }

    async fn ask(
        &mut self,
        place: usize,
        request: &Call,
        body: Option<(&'static str, Bytes)>,
        time: Option<Duration>,
    ) -> Result<Answer> {
        let client = self.client.as_ref().context("output is not open")?;
        let address = &self.nodes[place].address;
        let mut url = address.url.clone();
        url.set_path(&format!("{}{}", url.path().trim_end_matches('/'), request.path));
        for (name, value) in &request.query {
            url.query_pairs_mut().append_pair(name, value);
        }
        let mut ask = client.request(request.method.clone(), url).headers(self.headers.clone());
        if !self.username.is_empty() {
            ask = ask.basic_auth(self.username.reveal()?, Some(self.password.reveal()?));
        }
        if !self.token.is_empty() {
            ask = ask.bearer_auth(self.token.reveal()?);
        }
        if let Some((kind, body)) = body {
            ask = ask.header(header::CONTENT_TYPE, kind).body(body);
            if let Some(coding) = self.coding.header() {
                ask = ask.header(header::CONTENT_ENCODING, coding);
            }
        }
        if let Some(time) = time {
            ask = ask.timeout(time);
        }
        let answer = client.send(ask, ANSWER_MAX).await;
        answer.with_context(|| format!("{} {}{}", request.method, address.shown().trim_end_matches('/'), request.path))
    }

    /// Asks the cluster for its nodes, if that is wanted and was not done lately. Those of the settings stay where it has none to tell.
    pub(crate) async fn find_nodes(&mut self) -> Result<()> {
        if !self.sniff || self.sniffed.is_some_and(|at| at.elapsed() < SNIFF) {
            return Ok(());
        }
        self.sniffed = Some(Instant::now());
        let answer = self.send(&Call::new(Method::GET, "/_nodes/http")).await.context("ask for nodes")?;
        ensure!(answer.status.is_success(), "ask for nodes: status {}", answer.status);
        let told: Value = serde_json::from_slice(&answer.body).context("ask for nodes: read the answer")?;
        let model = self.nodes[0].address.url.clone();
        let addresses = told["nodes"].as_object().into_iter().flat_map(|nodes| nodes.values()).take(NODES_MAX);
        let found: Vec<Node> = addresses
            .filter_map(|node| node_address(&model, node["http"]["publish_address"].as_str()?))
            .map(|url| Node { address: Address { url, socket: None }, failed: None })
            .collect();
        if !found.is_empty() {
            self.log.debug(format_args!("found {} nodes", found.len()));
            (self.nodes, self.next) = (found, 0);
        }
        Ok(())
    }
}

/// The address of a node that publishes `host/ip:port` or `ip:port`; everything else is that of `model`.
fn node_address(model: &Url, published: &str) -> Option<Url> {
    let (name, rest) = published.split_once('/').unwrap_or(("", published));
    let (host, port) = rest.rsplit_once(':')?;
    let mut url = model.clone();
    url.set_host(Some(if name.is_empty() { host } else { name })).ok()?;
    url.set_port(Some(port.parse().ok()?)).ok()?;
    Some(url)
}
