//! What servers that take line protocol share: the socket, the sizes and times of requests, the parsers, errors as InfluxDB tells them.

use crate::documents::Parsed;
use crate::parsers::Parsers;
use agent_api::options::{Item, Setting, Span, Table};
use agent_api::plugin::{Build, Family, find};
use agent_api::*;
use agent_net::server::{self, Address, Limits, Listener as Socket, Response, header::HeaderValue};
use agent_net::tls::ServerTls;
use std::sync::Arc;

/// Bodies may be so large where the user says nothing.
pub(crate) const MAX_BODY: u64 = 32 << 20;

/// Media types of answers.
pub(crate) const JSON: &str = "application/json";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// A socket that requests come to.
pub(crate) struct Server {
    /// As the user wrote it.
    shown: String,
    address: Address,
    tls: ServerTls,
    limits: Limits,
    log: Log,
    bound: Option<Socket>,
}

impl Server {
    /// A server at the address of the option `service_address`, with the times in which a request has to come and its answer has to be taken.
    pub(crate) fn new(address: &str, tls: ServerTls, read: Duration, write: Duration, env: &Env) -> Result<Self> {
        tls.check()?;
        let shown = address.to_owned();
        let address = Address::parse(address, "tcp").context("service_address")?;
        ensure!(address.is_stream(), "service_address {shown:?}: expected tcp or unix");
        let limits = Limits { read: *read, write: *write, ..Limits::default() };
        Ok(Server { shown, address, tls, limits, log: env.log.clone(), bound: None })
    }

    /// Binds the socket.
    pub(crate) async fn open(&mut self) -> Result<(), StartError> {
        self.bound = Some(Socket::bind(&self.address, None).await?);
        Ok(())
    }

    /// Where it is bound.
    #[cfg(test)]
    pub(crate) fn local(&self) -> Option<std::net::SocketAddr> {
        self.bound.as_ref().and_then(Socket::local)
    }

    /// Answers requests until it is to stop.
    pub(crate) async fn serve(&mut self, handler: impl server::Handler, mut stop: Stop) -> Result<()> {
        let socket = self.bound.take().context("listen: not open")?;
        let tls = self.tls.config(&["h2", "http/1.1"])?;
        self.log.info(format_args!("listening on {}", self.shown));
        // There is nothing to tell at an interval, which has to be said too.
        let stopped = async move { while stop.next().await.is_some() {} };
        server::serve(socket, tls, self.limits.clone(), Arc::new(handler), stopped).await;
        Ok(())
    }
}

/// The values of the parameter `precision`, and the unit that each means; the last is for all that is not listed.
pub(crate) type Precisions = &'static [(&'static str, &'static str)];

/// Parsers of line protocol by the precision of its times.
pub(crate) struct ByPrecision(Vec<(&'static str, Parsers)>);

impl ByPrecision {
    /// Checks the option `parser_type`.
    pub(crate) fn check(parser_type: &str) -> Result<()> {
        let known = matches!(parser_type, "internal" | "upstream" | "");
        ensure!(known, "parser_type {parser_type:?} is unknown, expected internal or upstream");
        Ok(())
    }

    /// Parsers of a type.
    pub(crate) fn new(precisions: Precisions, parser_type: &str, env: &Env) -> Result<Self> {
        let kind = if parser_type.is_empty() { "internal" } else { parser_type };
        let parser = |(precision, unit): &(&'static str, &str)| Ok((*precision, parsers(env, unit, kind)?));
        Ok(ByPrecision(precisions.iter().map(parser).collect::<Result<_>>()?))
    }

    /// Parses a body whose times have this precision.
    pub(crate) async fn parse(&self, precision: &str, body: Vec<u8>) -> Result<Parsed> {
        let known = self.0.iter().find(|p| p.0 == precision).or(self.0.last());
        known.context("no parser")?.1.parse(body).await
    }
}

/// Parsers of line protocol with times in `unit` (`1ns` to `1h`), `kind` being `internal` or `upstream`. The format is found by its name,
/// as inputs know none.
fn parsers(env: &Env, unit: &str, kind: &str) -> Result<Parsers> {
    let entry = find(Family::Parsers, "influx").context("this build has no parser \"influx\"")?;
    let Build::Parser(build) = entry.build else { bail!("\"influx\" is no parser") };
    let (mut table, env) = (Table::default(), env.clone());
    for (key, value) in [("influx_timestamp_precision", unit), ("influx_parser_type", kind)] {
        let span = Span::default();
        table.set(key, span, Item { value: Setting::Str(value.to_owned()), span });
    }
    Parsers::new(Arc::new(move || Ok(build(&table, &env)?)))
}

/// Adds the header in which InfluxDB says what was wrong.
pub(crate) fn with_error(mut response: Response, cause: &str) -> Response {
    let plain: String = cause.chars().map(|c| if (' '..='~').contains(&c) { c } else { ' ' }).take(200).collect();
    if let Ok(value) = HeaderValue::from_str(&plain) {
        response.headers_mut().insert("x-influxdb-error", value);
    }
    response
}
