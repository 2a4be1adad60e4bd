//! Reading: a document is a metric; numbers are fields and what is asked for is a tag.

use crate::scalar::default_name;
use agent_api::*;
use agent_golang::number::parse_float;
use schemars::JsonSchema;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashSet;

register!(Entry::parser::<Form>());

/// What of a form is taken for what.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Keys that become tags.
    form_urlencoded_tag_keys: Vec<String>,
}

/// The parser of forms.
pub struct Form {
    name: String,
    tags: Vec<String>,
}

impl Plugin for Form {
    const NAME: &'static str = "form_urlencoded";
    const ABOUT: &'static str = "Forms as browsers send them: numbers become fields.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        Ok(Form { name: default_name(env), tags: settings.form_urlencoded_tag_keys })
    }
}

impl Parser for Form {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        let text = body.text();
        let mut m = out.metric(&self.name);
        // Of a key given twice the first value counts.
        let mut seen = HashSet::new();
        for pair in text.trim().split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = match pair.contains(';') {
                true => Err("unescaped semicolon"),
                false => decode(key).and_then(|key| Ok((key, decode(value)?))),
            };
            let (key, value) = match decoded {
                Ok(pair) => pair,
                Err(cause) => {
                    m.discard();
                    let mut error = ParseError::default();
                    error.add(0, pair, cause);
                    return Err(error);
                }
            };
            if key.is_empty() || !seen.insert(key.clone()) {
                continue;
            }
            if self.tags.iter().any(|tag| *tag == key) {
                m.add_tag(&key, &value);
            } else if let Ok(number) = parse_float(&value) {
                m.add_field(&key, number);
            }
        }
        Ok(())
    }
}

/// Resolves plus signs and percent codes.
fn decode(text: &str) -> Result<Cow<'_, str>, &'static str> {
    if !text.contains(['+', '%']) {
        return Ok(Cow::Borrowed(text));
    }
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(&b) = bytes.get(at) {
        at += 1;
        match b {
            b'+' => out.push(b' '),
            b'%' => {
                let digit = |i: usize| char::from(*bytes.get(at + i)?).to_digit(16);
                let (Some(high), Some(low)) = (digit(0), digit(1)) else { return Err("invalid percent code") };
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            b => out.push(b),
        }
    }
    Ok(Cow::Owned(String::from_utf8_lossy(&out).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{build, list, parse, random_texts, read};

    #[test]
    fn forms_become_metrics() {
        let document = " a=1&b=2.5&c=text&d=&e=1e3&f=%2D7&g+h=8&i=1&i=2&=9&j&&k=%31 \n";
        let want =
            "test a=Float(1.0),b=Float(2.5),e=Float(1000.0),f=Float(-7.0),g h=Float(8.0),i=Float(1.0),k=Float(1.0) 0";
        assert_eq!(parse::<Form>(document, &[]), want);
        let options = [("form_urlencoded_tag_keys", list(&["site", "nr", "none"]))];
        assert_eq!(
            parse::<Form>("site=n%C3%B6rd+1&site=two&v=1&nr=5", &options),
            "test,nr=5,site=nörd 1 v=Float(1.0) 0"
        );
        assert_eq!(parse::<Form>("  ", &[]), "");
    }

    #[test]
    fn bad_forms_give_nothing() {
        let mut parser: Form = build(&[]).unwrap();
        for (document, want) in [
            ("b=1&a=%zz", "invalid percent code in \"a=%zz\""),
            ("a=%1", "invalid percent code in \"a=%1\""),
            ("a=1;b=2", "unescaped semicolon in \"a=1;b=2\""),
        ] {
            assert_eq!(read(&mut parser, document), (String::new(), Some(want.to_owned())));
        }
        for document in random_texts(&["a", "=", "&", "%", "4", "+", "ä", ";", "%ff"], 14, 10_000) {
            let _read = read(&mut parser, &document);
        }
    }
}
