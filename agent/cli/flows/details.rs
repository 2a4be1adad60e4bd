//! What the first packets say of a flow (`--metadata`), as cells and as a note.

use agent_packets::metadata::{Cell, Metadata, dns};
use std::io::{self, Write};

/// Writes a value as JSON.
pub(super) fn json(cell: &Cell<'_>, out: &mut impl Write) -> io::Result<()> {
    match cell {
        Cell::Nothing => out.write_all(b"null"),
        Cell::Number(n) => write!(out, "{n}"),
        Cell::Text(text) => write!(out, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// Writes a value as a cell of CSV.
pub(super) fn csv(cell: &Cell<'_>, out: &mut impl Write) -> io::Result<()> {
    match cell {
        Cell::Nothing => Ok(()),
        Cell::Number(n) => write!(out, "{n}"),
        Cell::Text(text) if text.contains([',', '"']) => write!(out, "\"{}\"", text.replace('"', "\"\"")),
        Cell::Text(text) => out.write_all(text.as_bytes()),
    }
}

/// What is known, in a few words.
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
