//! Reading line protocol: a fast walk over the structure of a block, and line by line where a line is out of the ordinary.
//!
//! The fast walk takes lines of the form `name,tag=value field=number,field="text" time` without escapes; whatever does not
//! fit is left to `line::parse`, which knows all of the format and says what is wrong. So the fast path may give up at any
//! place, and never has to explain.

use super::line::{self, Escapes};
use super::number::{self, Number};
use super::scan;
use crate::lines;
use agent_api::metric::{BorrowedBuilder, Borrower};
use agent_api::*;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::parser::<Influx>(), Entry::parser::<Upstream>());

/// The parser of line protocol.
pub struct Influx {
    /// Nanoseconds of one unit of a timestamp.
    unit: i64,
    escapes: Escapes,
    places: Vec<u32>,
}

/// Which dialect is read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The unit of timestamps: `1ns`, `1us`, `1ms`, `1s`, `1m` or `1h`; 0 means `1ns`.
    influx_timestamp_precision: Duration,
    /// `internal`, or `upstream` to read `\n`, `\r` and `\t` in texts as InfluxDB does.
    influx_parser_type: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            influx_timestamp_precision: Duration(std::time::Duration::from_nanos(1)),
            influx_parser_type: "internal".to_owned(),
        }
    }
}

/// So much text is walked at a time; the list of its structure stays in the cache.
const BLOCK: usize = 32 << 10;

impl Plugin for Influx {
    const NAME: &'static str = "influx";
    const ABOUT: &'static str = "InfluxDB line protocol.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let unit = settings.influx_timestamp_precision.as_nanos().max(1);
        let unit = i64::try_from(unit).unwrap_or(0);
        ensure!(
            [1, 1_000, 1_000_000, 1_000_000_000, 60_000_000_000, 3_600_000_000_000].contains(&unit),
            "influx_timestamp_precision: {} is none of 1ns, 1us, 1ms, 1s, 1m, 1h",
            settings.influx_timestamp_precision
        );
        let escapes = match settings.influx_parser_type.as_str() {
            "internal" | "" => Escapes::Internal,
            "upstream" => Escapes::Upstream,
            other => {
                env.log.warn(format_args!("influx_parser_type: {other:?} is unknown, taking \"internal\""));
                Escapes::Internal
            }
        };
        Ok(Influx { unit, escapes, places: Vec::new() })
    }
}

impl Parser for Influx {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        let body = body.clone().into_text();
        let text = body.text();
        let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let mut walk = Walk { at: start, line: 0, now: plugin::now(), bad: ParseError::default() };
        while walk.at < text.len() {
            self.block(&body, &text, &mut walk, out);
            out.checkpoint();
        }
        walk.bad.or_ok()
    }

    fn cut(&self, bytes: &[u8]) -> Option<usize> {
        if memchr::memchr(b'"', bytes).is_none() {
            return Some(lines::whole(bytes));
        }
        Some(line::whole_lines(bytes))
    }

    fn share(&mut self) -> bool {
        true
    }
}

/// How far a document has been read.
struct Walk {
    at: usize,
    line: usize,
    now: i64,
    bad: ParseError,
}

impl Walk {
    /// The time of a line without one: lines of one document differ, so that a database keeps them apart.
    fn tick(&mut self) -> i64 {
        self.now += 1;
        self.now
    }
}

impl Influx {
    /// Reads the next block, up to the last line end in it, and at least one line.
    fn block(&mut self, body: &Body, text: &str, walk: &mut Walk, out: &mut Collector) {
        let bytes = text.as_bytes();
        let end = (walk.at + BLOCK).min(bytes.len());
        self.places.clear();
        let mut places = std::mem::take(&mut self.places);
        scan::structure(&bytes[walk.at..end], walk.at as u32, &mut places);
        let mut k = 0;
        let from = walk.at;
        if let Some(mut to) = Borrower::new(out.batch(), body) {
            while walk.at < end {
                match fast(text, &places, k, walk, self.unit, &mut to) {
                    Some(next) => {
                        k = next;
                        walk.line += 1;
                    }
                    None if walk.at == from || end == bytes.len() || has_line_end(&places[k..], bytes) => {
                        self.slow(text, walk, to.batch());
                        while places.get(k).is_some_and(|p| (*p as usize) < walk.at) {
                            k += 1;
                        }
                    }
                    None => break,
                }
            }
        } else {
            // Another body is borrowed from: hand that batch on, or copy line by line.
            out.ship();
            if !out.batch().is_empty() {
                while walk.at < end {
                    self.slow(text, walk, out.batch());
                }
            }
        }
        self.places = places;
    }

    /// Reads the line at hand with all that the format knows.
    fn slow(&self, text: &str, walk: &mut Walk, batch: &mut Batch) {
        let now = walk.tick();
        let read = line::parse(&text[walk.at..], self.unit, self.escapes, now, batch);
        if let Err(cause) = read.result {
            let whole = &text[walk.at..walk.at + read.len];
            walk.bad.add(walk.line + 1, whole.lines().next().unwrap_or_default(), cause);
        }
        walk.at += read.len;
        walk.line += read.lines;
    }
}

/// True if a line ends at one of the places.
fn has_line_end(places: &[u32], bytes: &[u8]) -> bool {
    places.iter().any(|p| bytes[*p as usize] == b'\n')
}

/// Reads one ordinary line whose structure begins at place `k`, and gives the place after its end; None leaves all as it was.
#[inline]
fn fast(text: &str, places: &[u32], mut k: usize, walk: &mut Walk, unit: i64, to: &mut Borrower<'_>) -> Option<usize> {
    let bytes = text.as_bytes();
    let start = walk.at;
    let place = |k: usize| places.get(k).map(|p| *p as usize);
    let mut p = place(k)?;
    if p == start || bytes[start] == b'#' {
        return None;
    }
    let mut m = to.metric(start, p);
    while bytes[p] == b',' {
        let (Some(equals), Some(end)) = (place(k + 1), place(k + 2)) else { return give_up(m) };
        if bytes[equals] != b'=' || equals == p + 1 || end == equals + 1 || !matches!(bytes[end], b',' | b' ') {
            return give_up(m);
        }
        m.tag((p + 1, equals), (equals + 1, end));
        p = end;
        k += 2;
    }
    if bytes[p] != b' ' {
        return give_up(m);
    }
    loop {
        let (Some(equals), Some(mut end)) = (place(k + 1), place(k + 2)) else { return give_up(m) };
        if bytes[equals] != b'=' || equals == p + 1 {
            return give_up(m);
        }
        k += 2;
        let key = (p + 1, equals);
        if bytes[end] == b'"' && end == equals + 1 {
            // A text: to the next quote, if there is no escape on the way.
            let first = end + 1;
            loop {
                k += 1;
                let Some(p) = place(k) else { return give_up(m) };
                match bytes[p] {
                    b'"' => {
                        end = p;
                        break;
                    }
                    b'\\' => return give_up(m),
                    _ => {}
                }
            }
            m.text(key, (first, end));
            k += 1;
            let Some(next) = place(k) else { return give_up(m) };
            if next != end + 1 {
                return give_up(m);
            }
            end = next;
        } else {
            match text.get(equals + 1..end).and_then(number::read) {
                Some(Number::Plain) => m.decimal(key, (equals + 1, end)),
                Some(Number::Value(value)) => m.field(key, value),
                None => return give_up(m),
            }
        }
        p = end;
        match bytes[p] {
            b',' => {}
            b' ' => {
                k += 1;
                let Some(end) = place(k) else { return give_up(m) };
                let time = number::integer(&bytes[p + 1..end]).and_then(|t| t.checked_mul(unit));
                let (b'\n', Some(time)) = (bytes[end], time) else { return give_up(m) };
                m.time(time);
                p = end;
                break;
            }
            b'\n' => {
                m.time(walk.tick());
                break;
            }
            _ => return give_up(m),
        }
    }
    walk.at = p + 1;
    Some(k + 1)
}

fn give_up(m: BorrowedBuilder<'_>) -> Option<usize> {
    m.discard();
    None
}

/// The same parser under the name that old configurations give its other dialect.
struct Upstream(Influx);

impl Plugin for Upstream {
    const NAME: &'static str = "influx_upstream";
    const ABOUT: &'static str = "InfluxDB line protocol as InfluxDB itself reads it.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let mut inner = <Influx as Plugin>::new(settings, env)?;
        inner.escapes = Escapes::Upstream;
        Ok(Upstream(inner))
    }
}

impl Parser for Upstream {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        self.0.parse(body, out)
    }

    fn cut(&self, bytes: &[u8]) -> Option<usize> {
        Parser::cut(&self.0, bytes)
    }

    fn share(&mut self) -> bool {
        true
    }
}
