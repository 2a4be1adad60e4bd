//! Reading: a line is a metric of one field.

use crate::lines;
use agent_api::*;
use agent_golang::number::parse_float;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::parser::<Wavefront>());

/// There is nothing to set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}

/// The parser of Wavefront's lines.
pub struct Wavefront;

impl Plugin for Wavefront {
    const NAME: &'static str = "wavefront";
    const ABOUT: &'static str = "Wavefront's lines of name, value, time, source and tags.";
    type Settings = Settings;

    fn new(_: Settings, _: &Env) -> Result<Self> {
        Ok(Wavefront)
    }
}

impl Parser for Wavefront {
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

fn read(line: &str, batch: &mut Batch) -> Result<(), String> {
    let line = line.trim();
    if line.is_empty() {
        return Ok(());
    }
    let (name, mut rest) = word(line)?;
    if name.is_empty() {
        return Err("expected a name".to_owned());
    }
    // A delta counter begins with a delta, of which there are two (U+2206 and U+0394).
    if name.chars().skip(1).any(|c| matches!(c, '∆' | 'Δ')) {
        return Err("a delta within the name".to_owned());
    }
    let value = next(&mut rest);
    let value = parse_float(value).map_err(|_| format!("the value {:?} is no number", shown(value)))?;
    let mut m = batch.metric(name).field("value", value);
    let mut read = || -> Result<Option<i64>, String> {
        let mut time = None;
        let stamp = rest.split_ascii_whitespace().next().unwrap_or_default();
        if !stamp.is_empty() && stamp.bytes().all(|byte| byte.is_ascii_digit()) {
            next(&mut rest);
            time = seconds(stamp)?;
        }
        while !rest.trim_start().is_empty() {
            let (key, after) = word(rest.trim_start())?;
            let Some(after) = after.strip_prefix('=').filter(|_| !key.is_empty()) else {
                return Err(format!("the tag {:?} has no value", shown(key)));
            };
            let (value, after) = word(after)?;
            if value.is_empty() {
                return Err(format!("the tag {:?} has no value", shown(key)));
            }
            m.add_tag(key, value);
            rest = after;
        }
        Ok(time)
    };
    match read() {
        Ok(Some(seconds)) => drop(m.time(seconds)),
        Ok(None) => {}
        Err(cause) => {
            m.discard();
            return Err(cause);
        }
    }
    Ok(())
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Takes the next word off.
fn next<'a>(rest: &mut &'a str) -> &'a str {
    let text = rest.trim_start();
    let (word, after) = text.split_at(text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len()));
    *rest = after;
    word
}

/// The text at the start, in quotes or up to a blank or an equals sign, and what follows it. Escapes in quotes stay as they are.
fn word(text: &str) -> Result<(&str, &str), String> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c == '=' || c == '"' || c.is_ascii_whitespace()).unwrap_or(text.len());
        let (word, after) = text.split_at(end);
        return if after.starts_with('"') { Err("a quote within a word".to_owned()) } else { Ok((word, after)) };
    };
    let mut escaped = false;
    for (at, byte) in quoted.bytes().enumerate() {
        if byte == b'"' && !escaped {
            return Ok((&quoted[..at], &quoted[at + 1..]));
        }
        escaped = byte == b'\\';
    }
    Err("a quote without an end".to_owned())
}

/// A time in nanoseconds, cut to seconds: the number of digits says its unit, and 0 stands for none.
fn seconds(digits: &str) -> Result<Option<i64>, String> {
    let number: i64 = digits.parse().map_err(|_| "the time is out of range".to_owned())?;
    let seconds = match digits.len() {
        10 => number,
        13 => number / 1_000,
        16 => number / 1_000_000,
        19 => number / 1_000_000_000,
        _ if number == 0 => return Ok(None),
        _ => return Err(format!("the time {digits} has neither 10, 13, 16 nor 19 digits")),
    };
    seconds.checked_mul(1_000_000_000).map(Some).ok_or_else(|| "the time is out of range".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{build, parse, random_texts, read};

    #[test]
    fn lines_become_metrics() {
        let cases = [
            ("a.b 1 1600000000 source=h1", "test", "a.b,source=h1 value=Float(1.0) 1600000000000000000"),
            (
                "\"a/b,c\" -1.5e3 1600000000123 source=\"h 1\" \"k\"=\"v\"",
                "",
                "a/b,c,k=v,source=h 1 value=Float(-1500.0) 1600000000000000000",
            ),
            (
                "a 1 1600000000123456789 source=h t=\"say \\\"hi\\\"\"",
                "",
                "a,source=h,t=say \\\"hi\\\" value=Float(1.0) 1600000000000000000",
            ),
            ("a 1 source=h\n\n  b\t2  ", "", "a,source=h value=Float(1.0) 0\nb value=Float(2.0) 0"),
            ("∆a 1 0", "", "∆a value=Float(1.0) 0"),
        ];
        for (document, _, want) in cases {
            assert_eq!(parse::<Wavefront>(document, &[]), want, "{document}");
        }
    }

    #[test]
    fn bad_lines_are_told_and_the_good_ones_kept() {
        let mut parser = build::<Wavefront>(&[]).unwrap();
        let lines = ["a x", "a", "a 1 123 b=1", "a 1 flag", "a 1 k=", "\"a 1", "a\"b 1", "a∆ 1", "a 1 =v", "a 1 \"k=v"];
        for line in lines {
            let (got, error) = read(&mut parser, &format!("ok 1\n{line}\nok 2"));
            assert_eq!(got, "ok value=Float(1.0) 0\nok value=Float(2.0) 0", "{line}");
            assert!(error.unwrap().starts_with("line 2: "), "{line}");
        }
        for document in random_texts(&["a", "1", " ", "\"", "=", "\\", "\n", "∆", "1600000000"], 12, 20_000) {
            let _read = read(&mut parser, &document);
        }
    }
}
