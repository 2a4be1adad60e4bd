//! What the first packets say of a flow (`--metadata`), as columns and as a note.

use agent_packets::metadata::{Metadata, dns, tls};
use std::borrow::Cow;
use std::io::{self, Write};

/// The columns, by their names in JSON and CSV.
pub(super) const NAMES: [&str; 15] = [
    "dns_query",
    "dns_type",
    "dns_code",
    "dns_latency_ns",
    "dns_queries",
    "tls_server_name",
    "tls_alpn",
    "tls_version",
    "tls_ja3",
    "tls_ja4",
    "quic_version",
    "http_method",
    "http_host",
    "http_status",
    "http_requests",
];

/// A value; what is not known is nothing.
pub(super) enum Cell<'a> {
    Nothing,
    Number(i64),
    Text(Cow<'a, str>),
}

impl<'a> Cell<'a> {
    fn text(text: Option<&'a str>) -> Self {
        text.filter(|t| !t.is_empty()).map_or(Cell::Nothing, |t| Cell::Text(t.into()))
    }

    fn number(number: Option<impl Into<i64>>) -> Self {
        number.map_or(Cell::Nothing, |n| Cell::Number(n.into()))
    }

    /// Writes it as JSON.
    pub(super) fn json(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Cell::Nothing => out.write_all(b"null"),
            Cell::Number(n) => write!(out, "{n}"),
            // Texts are printable ASCII.
            Cell::Text(text) => write!(out, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        }
    }

    /// Writes it as a cell of CSV.
    pub(super) fn csv(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Cell::Nothing => Ok(()),
            Cell::Number(n) => write!(out, "{n}"),
            Cell::Text(text) if text.contains([',', '"']) => write!(out, "\"{}\"", text.replace('"', "\"\"")),
            Cell::Text(text) => out.write_all(text.as_bytes()),
        }
    }
}

/// The values of the columns.
pub(super) fn cells(metadata: &Metadata) -> [Cell<'_>; NAMES.len()] {
    let (dns, tls, http) = (metadata.dns.as_deref(), metadata.tls.as_deref(), metadata.http.as_deref());
    [
        Cell::text(dns.map(|d| &*d.query)),
        dns.map_or(Cell::Nothing, |d| Cell::Text(dns::kind_name(d.kind))),
        dns.and_then(|d| d.code).map_or(Cell::Nothing, |c| Cell::Text(dns::code_name(c))),
        Cell::number(dns.and_then(|d| d.latency)),
        Cell::number(dns.map(|d| d.queries)),
        Cell::text(tls.and_then(|t| t.server_name.as_deref())),
        Cell::text(tls.and_then(|t| t.alpn.as_deref())),
        tls.map_or(Cell::Nothing, |t| Cell::Text(tls::version_name(t.version))),
        Cell::text(tls.map(|t| &*t.ja3)),
        Cell::text(tls.map(|t| &*t.ja4)),
        tls.and_then(|t| t.quic).map_or(Cell::Nothing, |v| Cell::Text(format!("{v:#010x}").into())),
        Cell::text(http.and_then(|h| h.method.as_deref())),
        Cell::text(http.and_then(|h| h.host.as_deref())),
        Cell::number(http.and_then(|h| h.status)),
        Cell::number(http.map(|h| h.requests)),
    ]
}

/// The same in a few words.
pub(super) fn notes(metadata: &Metadata) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(d) = &metadata.dns {
        let code = d.code.map_or("unanswered".into(), dns::code_name);
        notes.push(format!("dns {} {} {code}", dns::kind_name(d.kind), d.query));
    }
    if let Some(t) = &metadata.tls {
        let carrier = if t.quic.is_some() { "quic" } else { "tls" };
        notes.push(format!("{carrier} {}", t.server_name.as_deref().unwrap_or("without a name")));
    }
    if let Some(h) = &metadata.http {
        let status = h.status.map_or("unanswered".to_owned(), |s| s.to_string());
        let [method, host] = [&h.method, &h.host].map(|t| t.as_deref().unwrap_or("?"));
        notes.push(format!("http {method} {host} {status}"));
    }
    notes
}
