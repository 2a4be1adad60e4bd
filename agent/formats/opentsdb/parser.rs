//! Reading: a line is a metric of one field.

use crate::lines;
use agent_api::*;
use agent_golang::number::parse_float;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::parser::<OpenTsdb>());

/// There is nothing to set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}

/// The parser of OpenTSDB's lines.
pub struct OpenTsdb;

impl Plugin for OpenTsdb {
    const NAME: &'static str = "opentsdb";
    const ABOUT: &'static str = "OpenTSDB's lines of put, name, time, value and tags.";
    type Settings = Settings;

    fn new(_: Settings, _: &Env) -> Result<Self> {
        Ok(OpenTsdb)
    }
}

impl Parser for OpenTsdb {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        lines::read(body, out, read)
    }

    fn cut(&self, bytes: &[u8]) -> Option<usize> {
        Some(lines::whole(bytes))
    }

    fn share(&mut self) -> bool {
        true
    }
}

fn read(line: &str, batch: &mut Batch) -> Result<(), &'static str> {
    let mut words = line.split_whitespace();
    let Some(command) = words.next() else { return Ok(()) };
    let (Some(name), Some(time), Some(value)) = (words.next(), words.next(), words.next()) else {
        return Err("expected put, name, time and value");
    };
    if command != "put" {
        return Err("expected put");
    }
    let value = parse_float(value).map_err(|_| "the value is no number")?;
    let number: i64 = time.parse().map_err(|_| "the time is no whole number")?;
    let time = match time.len() {
        10 => number.checked_mul(1_000_000_000),
        13 => number.checked_mul(1_000_000),
        _ => return Err("the time has neither 10 nor 13 digits"),
    };
    let time = time.ok_or("the time is out of range")?;
    let mut m = batch.metric(name).field("value", value).time(time);
    for tag in words {
        // Whatever is no tag is left out.
        match tag.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() && !value.contains('=') => m.add_tag(key, value),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{build, parse, random_texts, read};

    #[test]
    fn lines_become_metrics() {
        let cases = [
            ("put a.b 1600000000 1.5 host=h1 z=1\r\n", "a.b,host=h1,z=1 value=Float(1.5) 1600000000000000000"),
            ("\nput a 1600000000123 -2e3\n\n", "a value=Float(-2000.0) 1600000000123000000"),
            ("put a 1600000000 1 odd =v k= a=b=c t=u", "a,t=u value=Float(1.0) 1600000000000000000"),
        ];
        for (document, want) in cases {
            assert_eq!(parse::<OpenTsdb>(document, &[]), want, "{document}");
        }
    }

    #[test]
    fn bad_lines_are_told_and_the_good_ones_kept() {
        let mut parser = build::<OpenTsdb>(&[]).unwrap();
        for line in
            ["get a 1600000000 1", "put a 1600000000", "put a 16 1", "put a 16000000x0 1", "put a 1600000000 x", "a"]
        {
            let (got, error) = read(&mut parser, &format!("put ok 1600000000 1\n{line}\nput ok 1600000000 2"));
            assert_eq!(got.lines().count(), 2, "{line}");
            assert!(error.unwrap().starts_with("line 2: "), "{line}");
        }
        for document in random_texts(&["put", "a", " ", "=", "1600000000", "\n", "1", "-", "x"], 12, 5_000) {
            let _read = read(&mut parser, &document);
        }
    }
}
