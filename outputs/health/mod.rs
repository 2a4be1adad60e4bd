//! Answers over HTTP whether all is well, for load balancers and orchestrators.
//!
//! Each write decides for itself: its metrics pass all checks or they do not, and the last write counts. So a check looks
//! at a batch, and the filters of the output say which metrics are looked at.

mod checks;
#[cfg(test)]
mod tests;

use crate::page::{self, Gate, Served};
use agent_api::options::With;
use agent_api::*;
use agent_net::server::{self, Address, Credentials, Limits, Request, Response};
use agent_net::tls::ServerTls;
use checks::{Compares, Contains};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

register!(Entry::output::<Health>());

/// The output.
struct Health {
    settings: Settings,
    tls: ServerTls,
    address: Address,
    log: Log,
    state: Arc<Mutex<State>>,
    served: Option<Served>,
}

/// Where it listens and what is asked of metrics.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Address to listen on: `http://:8080`, `https://:8443` (needs a certificate), `unix:///run/health.sock`.
    service_address: String,
    /// Time for a request to come.
    read_timeout: Duration,
    /// Time that an answer may make no progress.
    write_timeout: Duration,
    /// User name that is asked for, with `basic_password`.
    basic_username: Secret,
    /// Password that is asked for, with `basic_username`.
    basic_password: Secret,
    /// Longest time without metrics, counted from the start; 0 means any.
    max_time_between_metrics: Duration,
    /// Status of the answer before the first metrics, 200 to 599.
    default_status: u16,
    /// Fields that have to be within bounds.
    compares: Vec<Compares>,
    /// Fields that have to be there.
    contains: Vec<Contains>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            service_address: "http://:8080".to_owned(),
            read_timeout: Duration::secs(5),
            write_timeout: Duration::secs(5),
            basic_username: Secret::default(),
            basic_password: Secret::default(),
            max_time_between_metrics: Duration::default(),
            default_status: 200,
            compares: Vec::new(),
            contains: Vec::new(),
        }
    }
}

/// What the last write decided.
struct State {
    status: u16,
    /// The last metrics, or the start.
    last: Instant,
}

const WELL: u16 = 200;
const UNWELL: u16 = 503;

impl Plugin for Health {
    const NAME: &'static str = "health";
    const ABOUT: &'static str = "Answers over HTTP whether metrics come and are as they should be.";
    type Settings = With<Settings, ServerTls>;

    fn new(With { own: mut settings, shared: tls }: Self::Settings, env: &Env) -> Result<Self> {
        tls.check()?;
        ensure!(
            settings.service_address.contains("://"),
            "service_address {:?} has no scheme, such as http://",
            settings.service_address
        );
        let address = page::address("service_address", &settings.service_address)?;
        ensure!(
            tls.enabled() || !settings.service_address.starts_with("https://"),
            "service_address {:?} needs tls_cert and tls_key",
            settings.service_address
        );
        if settings.default_status == 0 {
            settings.default_status = WELL;
        }
        ensure!(
            (200..600).contains(&settings.default_status),
            "default_status: {} is not between 200 and 599",
            settings.default_status
        );
        ensure!(settings.compares.iter().all(|c| !c.field.is_empty()), "compares needs field");
        ensure!(settings.contains.iter().all(|c| !c.field.is_empty()), "contains needs field");
        let state = State { status: settings.default_status, last: Instant::now() };
        let (log, state) = (env.log.clone(), Arc::new(Mutex::new(state)));
        Ok(Health { settings, tls, address, log, state, served: None })
    }
}

impl Output for Health {
    async fn open(&mut self) -> Result<(), StartError> {
        let s = &self.settings;
        self.served = None;
        self.state.lock().unwrap_or_else(PoisonError::into_inner).last = Instant::now();
        let credentials = Credentials { username: s.basic_username.clone(), password: s.basic_password.clone() };
        let handler = Handler {
            gate: Gate::new(credentials, "health", self.log.clone()),
            state: self.state.clone(),
            most: (!s.max_time_between_metrics.is_zero()).then_some(*s.max_time_between_metrics),
        };
        let limits = Limits { read: *s.read_timeout, write: *s.write_timeout, ..Limits::default() };
        let served = page::serve(&self.address, &self.tls, limits, Arc::new(handler)).await?;
        served.announce(&self.log);
        self.served = Some(served);
        Ok(())
    }

    async fn write(&mut self, metrics: &Chunk) -> Result<(), WriteError> {
        let s = &self.settings;
        let well = s.compares.iter().all(|c| c.holds(metrics)) && s.contains.iter().all(|c| c.holds(metrics));
        let state = State { status: if well { WELL } else { UNWELL }, last: Instant::now() };
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        Ok(())
    }
}

/// Answers every path and method alike.
struct Handler {
    gate: Gate,
    state: Arc<Mutex<State>>,
    /// Longest time without metrics.
    most: Option<std::time::Duration>,
}

impl server::Handler for Handler {
    async fn answer(&self, request: Request) -> Response {
        if let Some(refusal) = self.gate.refuse(&request) {
            return refusal;
        }
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let late = self.most.is_some_and(|most| state.last.elapsed() > most);
        page::status(if late { UNWELL } else { state.status })
    }
}
