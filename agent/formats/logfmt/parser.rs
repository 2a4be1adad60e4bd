//! Reading: every line is a metric of its pairs.

use crate::jsontext::unescape;
use crate::lines;
use crate::scalar::{default_name, guess};
use agent_api::*;
use agent_golang::glob::Filter;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::parser::<Logfmt>());

/// What of a line is taken for what.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Keys that become tags; globs are allowed.
    logfmt_tag_keys: Vec<String>,
}

/// The parser of logfmt.
pub struct Logfmt {
    name: String,
    tags: Filter,
    scratch: String,
}

impl Plugin for Logfmt {
    const NAME: &'static str = "logfmt";
    const ABOUT: &'static str = "Lines of key=value pairs.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let tags = Filter::compile(&settings.logfmt_tag_keys, &[]).context("logfmt_tag_keys")?;
        Ok(Logfmt { name: default_name(env), tags, scratch: String::new() })
    }
}

impl Parser for Logfmt {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        lines::read(body, out, |line, batch| self.line(line, batch))
    }

    fn cut(&self, bytes: &[u8]) -> Option<usize> {
        Some(lines::whole(bytes))
    }

    fn share(&mut self) -> bool {
        true
    }
}

impl Logfmt {
    fn line(&mut self, line: &str, batch: &mut Batch) -> Result<(), String> {
        let mut m = batch.metric(&self.name);
        let mut rest = line;
        loop {
            rest = rest.trim_start_matches(|c| c <= ' ');
            if rest.is_empty() {
                return Ok(());
            }
            let key_end = rest.find(|c| c <= ' ' || c == '=' || c == '"').unwrap_or(rest.len());
            let (key, after) = rest.split_at(key_end);
            let value = match after.as_bytes().first() {
                Some(b'=') if key.is_empty() => Err("unexpected '='".to_owned()),
                Some(b'"') => Err("unexpected '\"'".to_owned()),
                Some(b'=') => read_value(&after[1..], &mut self.scratch),
                _ => Ok(("", after)),
            };
            let value = match value {
                Ok((value, after)) => {
                    rest = after;
                    value
                }
                Err(cause) => {
                    m.discard();
                    return Err(cause);
                }
            };
            if value.is_empty() {
                continue;
            }
            if self.tags.is_match(key) { m.add_tag(key, value) } else { m.add_field(key, guess(value)) }
        }
    }
}

/// The value at the start of a text, escapes resolved with the help of `scratch`, and what follows it.
fn read_value<'s, 't: 's>(text: &'t str, scratch: &'s mut String) -> Result<(&'s str, &'t str), String> {
    if !text.starts_with('"') {
        let end = text.find(|c| c <= ' ' || c == '=' || c == '"').unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return match after.chars().next() {
            Some(c @ ('=' | '"')) => Err(format!("unexpected {c:?} in a value")),
            _ => Ok((value, after)),
        };
    }
    let end = closing(text).ok_or_else(|| "quoted value without an end".to_owned())?;
    let inner = &text[1..end];
    if !inner.contains('\\') {
        return Ok((inner, &text[end + 1..]));
    }
    scratch.clear();
    unescape(inner, scratch);
    Ok((scratch, &text[end + 1..]))
}

/// The place of the quote that closes the one at the start.
fn closing(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{build, list, parse, random_texts, read};

    #[test]
    fn lines_become_metrics() {
        let cases = [
            ("a=1\n\n  \nb=2 c=x\r\nd=4", "test a=Int(1) 0\ntest b=Int(2),c=Str(\"x\") 0\ntest d=Int(4) 0"),
            (
                "f=2.50 t=true e=1e3 q=\"two words\" num=\"12\" flag empty= dur=5ms",
                "test f=Float(2.5),t=Bool(true),e=Float(1000.0),q=Str(\"two words\"),num=Int(12),dur=Str(\"5ms\") 0",
            ),
            (
                r#"m="say \"hi\"" p="c:\\x" n="a\nb" u="\u00fc" e="a=b, c""#,
                "test m=Str(\"say \\\"hi\\\"\"),p=Str(\"c:\\\\x\"),n=Str(\"a\\nb\"),u=Str(\"ü\"),e=Str(\"a=b, c\") 0",
            ),
            ("a=\"\" b=1", "test b=Int(1) 0"),
            ("", ""),
        ];
        for (document, want) in cases {
            assert_eq!(parse::<Logfmt>(document, &[]), want, "{document}");
        }
        let options = [("logfmt_tag_keys", list(&["host", "z_*"]))];
        assert_eq!(parse::<Logfmt>("host=h z_a=1 n=5\nhost=only", &options), "test,host=h,z_a=1 n=Int(5) 0");
    }

    #[test]
    fn bad_lines_are_named_and_the_good_ones_kept() {
        let mut parser: Logfmt = build(&[]).unwrap();
        let (got, error) = read(&mut parser, "a=1\nb=2 =3\nc=\"open\nd\"=1\ne=1=2\nf=3 g=\"x\\\"\nh=6");
        assert_eq!(got, "test a=Int(1) 0\ntest h=Int(6) 0");
        let error = error.unwrap();
        assert!(
            error.starts_with("line 2: unexpected '=' in \"b=2 =3\"; line 3: quoted value without an end in"),
            "{error}"
        );
        for document in random_texts(&["a", "=", "\"", "\\", " ", "\n", "1", "ä", "\\u00"], 14, 20_000) {
            let _read = read(&mut parser, &document);
        }
    }
}
