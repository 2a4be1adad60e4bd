//! The name of a SQLite database as Telegraf's driver reads it: a file, or an address with parameters (sqlite.org/uri.html) of
//! which those with an underscore are the driver's own.

use agent_api::{Result, bail};

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeFormat {
    /// `2006-01-02 15:04:05.999999999 +0000 UTC`.
    Long,
    /// `2006-01-02 15:04:05.999999999+00:00`, which SQLite's functions read.
    Sqlite,
    /// A whole number: nanoseconds since the Unix epoch divided by this.
    Whole(i64),
}

/// A database and how it is opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dsn {
    /// What SQLite is given: a path or an address.
    pub(super) path: String,
    /// Statements that are run first.
    pub(super) pragmas: Vec<String>,
    /// How times are written.
    pub(super) time: TimeFormat,
    /// How transactions begin.
    pub(super) begin: &'static str,
}

impl Dsn {
    /// Reads it.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let mut dsn =
            Dsn { path: path.to_owned(), pragmas: Vec::new(), time: TimeFormat::Long, begin: "BEGIN DEFERRED" };
        let mut others: Vec<&str> = Vec::new();
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = unescape(value);
            match (key, value.as_str()) {
                ("_pragma", _) => dsn.pragmas.push(format!("PRAGMA {value}")),
                ("_time_format", "sqlite") => dsn.time = TimeFormat::Sqlite,
                ("_time_integer_format", unit) => dsn.time = TimeFormat::Whole(unit_of(unit)?),
                ("_txlock", "deferred") => dsn.begin = "BEGIN DEFERRED",
                ("_txlock", "immediate") => dsn.begin = "BEGIN IMMEDIATE",
                ("_txlock", "exclusive") => dsn.begin = "BEGIN EXCLUSIVE",
                // They say how times are read, and nothing is read here.
                ("_inttotime" | "_texttotime", _) => {}
                (own, value) if own.starts_with('_') => bail!("data_source_name: unknown parameter {own}={value:?}"),
                _ => others.push(pair),
            }
        }
        // A busy database is waited for before anything else is asked of it.
        dsn.pragmas.sort_by_key(|p| !p.to_ascii_lowercase().starts_with("pragma busy_timeout"));
        // A plain path has no parameters; in an address the rest is for SQLite itself.
        if path.starts_with("file:") && !others.is_empty() {
            dsn.path = format!("{path}?{}", others.join("&"));
        }
        Ok(dsn)
    }
}

fn unit_of(name: &str) -> Result<i64> {
    Ok(match name {
        "unix" => 1_000_000_000,
        "unix_milli" => 1_000_000,
        "unix_micro" => 1000,
        "unix_nano" => 1,
        other => bail!("data_source_name: unknown _time_integer_format {other:?}"),
    })
}

/// Decodes `%41` and `+`; what is no code stays.
fn unescape(text: &str) -> String {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        let hex = |b: &u8| char::from(*b).to_digit(16);
        let code = match after {
            [high, low, ..] if *first == b'%' => hex(high).zip(hex(low)),
            _ => None,
        };
        match code {
            Some((high, low)) => out.push((high << 4 | low) as u8),
            None => out.push(if *first == b'+' { b' ' } else { *first }),
        }
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_addresses() {
        let dsn = Dsn::parse("own.db?_pragma=journal_mode(WAL)&_pragma=busy_timeout%3D100&x=1").unwrap();
        assert_eq!((dsn.path.as_str(), dsn.pragmas[0].as_str()), ("own.db", "PRAGMA busy_timeout=100"));
        assert_eq!(dsn.pragmas[1], "PRAGMA journal_mode(WAL)");
        let dsn = Dsn::parse("file:own.db?mode=rw&_time_format=sqlite&_txlock=immediate&cache=shared").unwrap();
        assert_eq!((dsn.path.as_str(), dsn.time), ("file:own.db?mode=rw&cache=shared", TimeFormat::Sqlite));
        assert_eq!(dsn.begin, "BEGIN IMMEDIATE");
        assert_eq!(Dsn::parse(":memory:").unwrap().path, ":memory:");
        assert_eq!(Dsn::parse("a?_time_integer_format=unix_milli").unwrap().time, TimeFormat::Whole(1_000_000));
    }

    #[test]
    fn parameters_that_are_none() {
        for bad in ["a?_own=1", "a?_time_integer_format=days", "a?_txlock=own", "a?_time_format=own"] {
            assert!(Dsn::parse(bad).is_err(), "{bad}");
        }
    }
}
