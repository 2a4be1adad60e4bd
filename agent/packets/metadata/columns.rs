//! What is known of a flow as names and values, for reports.

use super::{Metadata, dns, tls};
use std::borrow::Cow;

/// The names, in the order of `Metadata::cells`.
pub const NAMES: [&str; 15] = [
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

/// A value; what is not known is nothing. Texts are printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Not known.
    Nothing,
    /// A number.
    Number(i64),
    /// A text.
    Text(Cow<'a, str>),
}

impl<'a> Cell<'a> {
    fn text(text: Option<&'a str>) -> Self {
        text.filter(|t| !t.is_empty()).map_or(Cell::Nothing, |t| Cell::Text(t.into()))
    }

    fn number(number: Option<impl Into<i64>>) -> Self {
        number.map_or(Cell::Nothing, |n| Cell::Number(n.into()))
    }
}

impl Metadata {
    /// True if nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dns.is_none() && self.tls.is_none() && self.http.is_none()
    }

    /// The values, in the order of `NAMES`.
    #[must_use]
    pub fn cells(&self) -> [Cell<'_>; NAMES.len()] {
        let (dns, tls, http) = (self.dns.as_deref(), self.tls.as_deref(), self.http.as_deref());
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
}
